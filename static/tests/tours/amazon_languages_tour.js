import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

// Words of the add-on's screens that are none in the languages that it is translated into.
const ENGLISH =
    /\b(Orders?|Deliver(y|ies)|Offers?|Overview|Needs|Accounts?|Settings|Sync|Customer|Warehouse|Connected|Failed|Done|Reason|Check|Authoriz\w+|Products?|Unmatched|Waiting|Shipped|Seller ID|Last|Now|Press|The|with|and|from|Money|Settlements?|Deposits?|Payouts?|Refund(s|ed)?|Bills?|Entries|Journals?|Invoice[sd]?|Kinds?|Lines|Book|Booked|Fees?|Sales|Amount|Until|Proposal)\b/;

// Amazon's own names, which its pages show so in every language.
const AMAZONS =
    /Apps and Services|Develop Apps|Edit App|Account Info|Account Health|Approved Senders|Inventory and Order Tracking|Finance and Accounting|Product Listing|Amazon Fulfillment|Direct-to-Consumer Shipping|Tax Invoicing|Login with Amazon/g;

// The menus of Money, and what tells that the screen of each is there.
const MONEY = {
    settlement: "th[data-name=deposit_date]",
    payout: "th[data-name=trace_id]",
    refund: "th[data-name=kind]",
    fee_bill: "th[data-name=amazon_fee_month]",
    unpaid: "th[data-name=as_of]",
    open_item: "th[data-name=move_id]",
    order_earning: ".o_pivot_view",
    invoice_upload: "th[data-name=confirmed_at]",
    transaction: "th[data-name=type]",
    money_account: "th[data-name=region]",
    money_kind: "th[data-name=proposed_category]",
    settlement_document: "th[data-name=made_at]",
};

function open(xmlid) {
    return {
        content: `Open the menu ${xmlid}`,
        trigger: `[data-menu-xmlid="amazon_connector.${xmlid}"]`,
        run: "click",
    };
}

/** Wait for something, then look for words that are not translated. */
function read(trigger) {
    return {
        content: `Read what stands around ${trigger}`,
        trigger,
        run() {
            const screen = document.querySelector(".o_web_client").cloneNode(true);
            // What was said, or named, there was so in the language of whoever did it.
            for (const other of screen.querySelectorAll(".o-mail-Form-chatter, .o_group_name, .o_user_menu, .o_switch_company_menu, style, script")) {
                other.remove();
            }
            const labels = [...screen.querySelectorAll("label, th, button, a, h1, h2, h3, h5, li, .alert, .text-muted, p, .o_field_badge, .o_arrow_button, .o_amazon_check_text")];
            for (const label of labels) {
                const word = label.textContent.replace(AMAZONS, "").match(ENGLISH);
                if (word) {
                    throw new Error(`"${word[0]}" is not translated: ${label.textContent.trim()}`);
                }
            }
        },
    };
}

function openTab(name) {
    return [
        { content: `Open the tab ${name}`, trigger: `.o_notebook a[name=${name}]`, run: "click" },
        read(`.o_notebook a[name=${name}].active`),
    ];
}

tours.add("amazon_read_main_screens", {
    steps: () => [
        read(".o_kanban_record .o_amazon_figure"),
        open("menu_amazon_orders"),
        open("menu_amazon_order"),
        read(".o_data_row .o_data_cell[name=amazon_order_ref]"),
        { trigger: ".o_data_row .o_data_cell[name=amazon_order_ref]", run: "click" },
        read(".o_form_view .o_field_widget[name=overview]"),
        open("menu_amazon_delivery"),
        read(".o_list_view"),
        open("menu_amazon_offers"),
        open("menu_amazon_offer"),
        read(".o_data_row .o_data_cell[name=sku]"),
        { trigger: ".o_data_row .o_list_record_open_form_view", run: "click" },
        read(".o_form_view .o_field_widget[name=sku]"),
        open("menu_amazon_offers"),
        open("menu_amazon_drift"),
        read(".o_control_panel"),
        open("menu_amazon_offers"),
        open("menu_amazon_report"),
        read(".o_control_panel"),
        ...Object.entries(MONEY).flatMap(([name, trigger]) => [
            open("menu_amazon_money"),
            open(`menu_amazon_${name}`),
            read(trigger),
        ]),
        open("menu_amazon_money"),
        open("menu_amazon_settlement"),
        { trigger: ".o_data_row .o_data_cell[name=settlement_ref]", run: "click" },
        read(".o_amazon_waterfall"),
        open("menu_amazon_money"),
        open("menu_amazon_upload_settlement"),
        read(".modal .o_field_widget[name=content]"),
        { trigger: ".modal .btn-close", run: "click" },
        open("menu_amazon_configuration"),
        open("menu_amazon_settings"),
        read("[name=amazon_application_id]"),
        open("menu_amazon_configuration"),
        open("menu_amazon_account"),
        read(".o_data_row .o_data_cell[name=name]"),
        { trigger: ".o_data_row .o_data_cell[name=name]", run: "click" },
        read(".o_form_view .o_field_widget[name=seller_id]"),
        ...["orders_follow_up", "deliveries", "offers", "products", "taxes", "invoices", "money", "check", "ways"].flatMap(openTab),
        { trigger: "button[name=action_check]:visible", run: "click" },
        read(".o_notebook a[name=ways].active"),
        ...openTab("check"),
        open("menu_amazon_configuration"),
        open("menu_amazon_authorize"),
        read(".modal .o_field_widget[name=marketplace_id]"),
        { trigger: ".modal .btn-close", run: "click" },
        open("menu_amazon_overview"),
        read(".o_kanban_record .o_amazon_figure"),
    ],
});
