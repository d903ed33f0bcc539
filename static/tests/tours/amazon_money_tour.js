import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
// How the id of the first settlement of a seller ends.
const FIRST_SETTLEMENT = "00001";

function see(content, trigger) {
    return { content, trigger };
}

function click(content, trigger) {
    return { content, trigger, run: "click" };
}

function press(name, where = ".o_form_view") {
    return click(`Press ${name}`, `${where} button[name=${name}]:enabled:visible`);
}

function openMenu(...names) {
    return names.map((name) => click(`Open ${name}`, `[data-menu-xmlid="amazon_connector.menu_amazon_${name}"]`));
}

function openMoneyOfAccount() {
    return [
        click("Open the account", ".o_kanban_record:contains('Nordwind') a.fs-3"),
        click("Open its tab Money", ".o_notebook_headers a[name=money]"),
    ];
}

function seeState(name) {
    return see(`It is ${name}`, `.o_field_widget[name=state] .o_arrow_button_current:contains('${name}')`);
}

function goBack(name) {
    return click(`Go back to ${name}`, `.o_back_button:contains('${name}') a`);
}

tours.add("amazon_set_up_accounting", {
    steps: () => [
        ...openMoneyOfAccount(),
        see(
            "There is no journal yet",
            ".o_form_view:not(:has(.o_field_widget[name=ledger_ids])):not(:has(.o_field_widget[name=payment_journal_id]))"
        ),
        press("action_set_up_accounting"),
        see("It says what to do next", ".o_notification:contains('Look through them below')"),
        see("The main journal stands on top", ".o_field_widget[name=payment_journal_id]:contains('Amazon Payments EUR')"),
        ...["EUR", "GBP", "JPY"].map((currency) =>
            see(
                `The journal and the accounts in ${currency}`,
                `.o_field_widget[name=ledger_ids] .o_data_row:contains('Amazon Payments ${currency}'):contains('Amazon Clearing ${currency}'):contains('Amazon Payout in Transit ${currency}')`
            )
        ),
        see("Each kind of money has its account", ".o_field_widget[name=booking_rule_ids] .o_data_row:contains('Commission')"),
        click("Change the accounts", "button:contains('Change Accounts'):enabled:visible"),
        see("They are listed", ".o_last_breadcrumb_item:contains('Accounts by Kind of Money')"),
        click("One that does not suit", ".o_list_view .o_data_row:contains('Advertising') .o_data_cell[name=gl_account_id]"),
        {
            content: "Search another account",
            trigger: ".o_data_row .o_field_widget[name=gl_account_id] input",
            run: "edit Marketing of the tour",
        },
        click("Take it", ".ui-menu-item > a:contains('Marketing of the tour')"),
        click("Save", ".o_list_button_save:visible"),
        see("It is saved", ".o_list_view:not(:has(.o_selected_row)) .o_data_row:contains('Advertising'):contains('Marketing of the tour')"),
    ],
});

tours.add("amazon_read_settlements", {
    steps: () => [
        ...openMoneyOfAccount(),
        press("action_read_settlements"),
        see("The answer counts", ".o_notification:contains('New documents: 1')"),
        click("Open what came", "button[name=action_open_settlements]:contains('1')"),
        click("It is booked already", ".o_data_row:has(.o_data_cell[name=state]:contains('Booked')) .o_data_cell[name=settlement_ref]"),
        seeState("Booked"),
        see("What was sold is the first step", ".o_amazon_waterfall [data-step=sale] .o_amazon_step_amount:contains('25.98')"),
        see("The deposit is the last", ".o_amazon_waterfall [data-step=total]"),
        see("Nothing is left unexplained", ".o_amazon_waterfall :contains('The lines make the total, to the cent')"),
        click("Open the lines of a step", ".o_amazon_waterfall [data-step=sale] button"),
        see("There they are", ".o_list_view .o_data_row:has(.o_data_cell[name=sku]:contains('MUG'))"),
    ],
});

tours.add("amazon_name_unknown_kind", {
    steps: () => [
        click("A settlement waits", ".o_kanban_record:contains('Nordwind') a[name=action_open_settlements_to_look_at]:contains('1')"),
        click("The list says why", ".o_data_row:has(.o_data_cell[name=reason]:contains('Something new')) .o_data_cell[name=settlement_ref]"),
        see("So does the settlement, with the next step", ".alert-warning:contains('Something new'):contains('Press Name Unknown Kinds')"),
        press("action_name_kinds"),
        see("Odoo proposes something", ".o_data_row:contains('Something new') .o_data_cell[name=proposed_category]:contains('Other Fee')"),
        click("Look at the lines first", ".o_data_row:contains('Something new') button[name=action_open_lines]"),
        see("There is one", ".o_data_row .o_data_cell[name=amount]:contains('1.23')"),
        goBack("Kinds of Money"),
        click("Choose something else", ".o_data_row:contains('Something new') .o_data_cell[name=category]"),
        click("See what there is", ".o_data_row .o_field_widget[name=category] .o_select_menu_toggler"),
        click("It is advertising", ".o_select_menu_item:contains('Advertising')"),
        click("Save", ".o_list_button_save:visible"),
        see("It is saved", ".o_list_view:not(:has(.o_selected_row)) .o_data_row .o_data_cell[name=category]:contains('Advertising')"),
        goBack(FIRST_SETTLEMENT),
        see("Nobody has to do anything any more", ".o_form_view:not(:has(.alert:visible)):not(:has(button[name=action_name_kinds]))"),
        seeState("Proven"),
    ],
});

tours.add("amazon_book_settlement", {
    steps: () => [
        seeState("Booked"),
        press("action_open_moves"),
        seeState("Draft"),
        press("button_cancel"),
        seeState("Cancelled"),
        goBack(FIRST_SETTLEMENT),
        seeState("Proven"),
        see("It says how to go on", ".alert-warning:contains('Press Book to book it again')"),
        press("action_book"),
        seeState("Booked"),
        see("Nobody has to do anything", ".o_form_view:not(:has(.alert:visible))"),
        press("action_open_moves"),
        see(
            "What is paid out is on its way",
            ".o_field_widget[name=line_ids] .o_data_row:contains('Amazon Payout in Transit EUR')"
        ),
        press("action_post"),
        seeState("Posted"),
    ],
});

tours.add("amazon_match_deposit", {
    steps: () => [
        ...openMenu("money", "settlement"),
        click("One is not on the bank", ".o_data_row:has(.o_data_cell[name=deposit_state]:contains('In Transit')) .o_data_cell[name=settlement_ref]"),
        press("action_match_deposit"),
        see("Two lines of the bank could be it", ".modal .o_data_row:contains('AMAZON of last week'):contains('names Amazon')"),
        click(
            "Choose the other one",
            ".modal .o_data_row:contains('AMAZON of this week'):contains('the amount') button[name=action_match]"
        ),
        see("It is done", "body:not(:has(.modal))"),
        see("The settlement says so", ".o_field_widget[name=deposit_state]:contains('On the Bank')"),
        see("And where", ".o_field_widget[name=payout_note]:contains('Hausbank')"),
        see("Nothing is left to match", ".o_form_view:not(:has(button[name=action_match_deposit]))"),
    ],
});
