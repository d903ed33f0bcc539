import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function see(content, trigger) {
    return { content, trigger };
}

function click(content, trigger, leaves = false) {
    return { content, trigger, run: "click", expectUnloadPage: leaves };
}

function openMenu(xmlid) {
    return click(`Open the menu ${xmlid}`, `[data-menu-xmlid="amazon_connector.${xmlid}"]`);
}

const GO = click("Go to Amazon", ".modal button[name=action_authorize]", true);

// What is pressed on Amazon's page, the test says: a tour does not leave Odoo.
tours.add("amazon_authorize_from_nothing", {
    steps: () => [
        click("Begin with the first step", "button:contains('Authorize on Amazon'):visible"),
        see("The country is the company's", ".modal .o_field_widget[name=marketplace_id] input:value('Amazon.de')"),
        GO,
        see("Amazon has sent the browser back to the account", ".o_form_view .o_field_widget[name=name] input:value('Nordwind Home')"),
        see("It is connected", ".o_arrow_button_current:contains('Connected')"),
        click("Say from when and where to", ".o_form_statusbar button:contains('Start')"),
        click("Start", ".modal button[name=action_start]"),
        see("The first order is there", ".o_notification:contains('1 created')"),
        openMenu("menu_amazon_orders"),
        openMenu("menu_amazon_order"),
        see("It came in", ".o_data_row .o_data_cell[name=state]:contains('Done')"),
    ],
});

tours.add("amazon_enter_tokens", {
    steps: () => [
        click("Open the dialog", "button:contains('Enter Tokens of a Private App'):visible"),
        {
            ...see("Enter what belongs elsewhere", ".modal .o_field_widget[name=lwa_client_id] input"),
            run: "edit amzn1.oa2-cs.v1.simulator && press Tab",
        },
        see("It is said at once", ".modal .alert:contains('This looks like the LWA Client Secret')"),
        {
            ...see("Enter the ID", ".modal .o_field_widget[name=lwa_client_id] input"),
            run: "edit amzn1.application-oa2-client.simulator && press Tab",
        },
        see("It is not said any more", ".modal:not(:has(.alert:visible))"),
        {
            ...see("Enter the secret", ".modal .o_field_widget[name=lwa_client_secret] input"),
            run: "edit amzn1.oa2-cs.v1.simulator",
        },
        click("Go on", ".modal button[name=action_next]"),
        {
            ...see("Enter a token", ".modal .o_field_widget[name=refresh_token] input:visible"),
            run: "edit Atzr|mistyped",
        },
        {
            ...see("Enter the seller", ".modal .o_field_widget[name=seller_id] input"),
            run: "edit A2SIMULATOR001",
        },
        click("Connect", ".modal button[name=action_connect]"),
        see("Amazon's word is shown", ".modal .alert-danger:contains('does not accept the refresh token')"),
        {
            ...see("Enter the right one", ".modal .o_field_widget[name=refresh_token] input:visible"),
            run: "edit Atzr|simulator-default",
        },
        click("Connect again", ".modal button[name=action_connect]"),
        see("The marketplaces are there", ".modal .o_field_widget[name=marketplace_ids]:visible:contains('Amazon.de')"),
        click("Finish", ".modal button[name=action_finish]"),
        see("The dialog asks from when and where to", ".modal button[name=action_start]"),
    ],
});
