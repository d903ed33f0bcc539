import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function enter(field, value) {
    return {
        content: `Enter ${field}`,
        trigger: `.o_field_widget[name=${field}] input`,
        run: `edit ${value}`,
    };
}

function openMenu(xmlid) {
    return {
        content: `Open the menu ${xmlid}`,
        trigger: `[data-menu-xmlid="amazon_connector.${xmlid}"]`,
        run: "click",
    };
}

function seeNotification(text) {
    return {
        content: `The notification says: ${text}`,
        trigger: `.o_notification:contains("${text}")`,
    };
}

function openRow(text) {
    return {
        content: `Open ${text}`,
        trigger: `.o_data_row .o_data_cell:contains("${text}")`,
        run: "click",
    };
}

tours.add("amazon_connect_account", {
    steps: () => [
        enter("lwa_client_id", "amzn1.application-oa2-client.simulator"),
        enter("lwa_client_secret", "amzn1.oa2-cs.v1.simulator"),
        enter("refresh_token", "Atzr|mistyped"),
        {
            content: "Try to connect",
            trigger: "button[name=action_connect].btn-primary",
            run: "click",
        },
        {
            content: "The account says what is wrong",
            trigger: ".alert-danger:contains('Amazon does not accept')",
        },
        enter("refresh_token", "Atzr|simulator-default"),
        {
            content: "Connect with what is right",
            trigger: "button[name=action_connect].btn-primary",
            run: "click",
        },
        {
            content: "Do not start it yet",
            trigger: ".modal button:contains('Not Yet')",
            run: "click",
        },
        {
            content: "The account is connected and knows where the seller sells",
            trigger: ".o_arrow_button_current:contains('Connected')",
        },
        {
            content: "All marketplaces are synchronized",
            trigger: ".o_field_widget[name=synced_marketplace_ids]:contains('Amazon.de')",
        },
    ],
});

tours.add("amazon_sync_orders", {
    steps: () => [
        {
            content: "Sync the account of the card",
            trigger: ".o_kanban_record:contains('Nordwind') button[name=action_sync_orders]",
            run: "click",
        },
        seeNotification("2 fetched: 1 created"),
        {
            content: "The notification leads to the inbox, in another tab",
            trigger: ".o_notification a[href*=action_amazon_order]:contains('Orders')",
        },
        openMenu("menu_amazon_orders"),
        openMenu("menu_amazon_order"),
        openRow("Done"),
        {
            content: "Go to the sales order",
            trigger: "button[name=action_open_sale_order]",
            run: "click",
        },
        {
            content: "The sales order is confirmed and makes what the buyer paid",
            trigger: ".o_form_view:has(.o_arrow_button_current:contains('Sales Order')) .o_field_widget[name=tax_totals]:contains('24.89')",
        },
        {
            content: "Its Amazon order is one click away",
            trigger: "button[name=action_open_amazon_order]",
            run: "click",
        },
        {
            content: "Back in the inbox",
            trigger: ".o_form_view .o_arrow_button_current:contains('Done')",
        },
    ],
});

tours.add("amazon_match_offer", {
    steps: () => [
        {
            content: "One order needs attention",
            trigger: ".o_kanban_record:contains('Nordwind') a[name=action_open_failed_orders]:contains('1')",
        },
        {
            content: "Open the offers that are not matched",
            trigger: "a[name=action_open_unmatched_offers]",
            run: "click",
        },
        openRow("SKU-TO-MATCH"),
        {
            content: "Choose the product",
            trigger: ".o_selected_row .o_field_widget[name=product_id] input, .o_form_view .o_field_widget[name=product_id] input",
            run: "edit Kettle for the tour",
        },
        {
            content: "Take it from the list",
            trigger: ".ui-menu-item > a:contains('Kettle for the tour')",
            run: "click",
        },
        {
            content: "Save the row",
            trigger: ".o_list_button_save",
            run: "click",
        },
        {
            content: "The offer is saved",
            trigger: ".o_list_view:not(:has(.o_selected_row))",
        },
        openMenu("menu_amazon_overview"),
        {
            content: "Sync",
            trigger: ".o_kanban_record:contains('Nordwind') button[name=action_sync_orders]",
            run: "click",
        },
        seeNotification("1 created"),
        {
            content: "Nothing needs attention any more",
            trigger: ".o_kanban_record:contains('Nordwind') a[name=action_open_failed_orders]:contains('0')",
        },
    ],
});

tours.add("amazon_retry_order", {
    steps: () => [
        {
            content: "The order says why it failed",
            trigger: ".alert-danger:contains('is not matched')",
        },
        {
            content: "The cause is gone: retry",
            trigger: "button[name=action_retry]",
            run: "click",
        },
        seeNotification("1 created"),
        {
            content: "The order is done",
            trigger: ".o_arrow_button_current:contains('Done')",
        },
        {
            content: "It has its sales order",
            trigger: "button[name=action_open_sale_order]",
        },
    ],
});
