import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function see(content, trigger) {
    return { content, trigger };
}

function click(content, trigger) {
    return { content, trigger, run: "click" };
}

const NO_NEW = see("Nothing can be made here", ".o_control_panel:not(:has(.o_list_button_add))");

tours.add("amazon_see_what_burns", {
    steps: () => [
        see("The figures are in groups", ".o_amazon_figures h5:contains('Amazon Knows')"),
        see(
            "What is late burns, without a way to deliveries that this user may not see",
            ".o_amazon_figures:not(:has(a[name=action_open_late])) div.text-danger:contains('Late')"
        ),
        see("Zeros are dimmed", ".o_amazon_zero:contains('Not Confirmed Yet'):contains('0')"),
        see("Revenue and orders are drawn", ".o_amazon_sales_chart canvas"),
        see(
            "The buttons are there once",
            ".o_kanban_view:not(:has(.o_control_panel button[name=action_sync_orders])) .o_kanban_record button[name=action_sync_orders]"
        ),
        click("Open what is late and not imported", "a[name=action_open_orders]:contains('Not imported yet')"),
        see("The inbox shows what is late", ".o_facet_value:contains('Late')"),
        NO_NEW,
        see("The whole reason is readable", ".o_data_row .text-wrap:contains('imported by itself')"),
        see("The status is a word", ".o_data_row .o_data_cell[name=status_label]:contains('Unshipped')"),
        click("Open it", ".o_data_row .o_data_cell[name=amazon_order_ref]"),
        see("Its place is there", ".o_field_widget[name=place]:contains('Bonn, Germany')"),
        see("Its items are there", ".o_field_widget[name=overview] td:contains('Kettle')"),
        see("Failed stands before Done", ".o_arrow_button_current:contains('Failed')"),
        see("Seller Central is one click away", "button[name=action_open_seller_central]:visible"),
    ],
});

tours.add("amazon_import_anyway", {
    steps: () => [
        see("The next step is said", ".alert:contains('Import Anyway asks you')"),
        click("Answer for it", ".o_statusbar_buttons button:contains('Import Anyway')"),
        see("What was read is shown", ".modal td:contains('KETTLE')"),
        { ...see("Enter the total", ".modal .o_field_widget[name=total] input"), run: "edit 25.98" },
        click("Import it", ".modal footer button[name=action_import]"),
        see("It came in", ".o_arrow_button_current:contains('Done')"),
    ],
});

tours.add("amazon_create_product", {
    steps: () => [
        click("Create the product", ".o_data_row button:has(.fa-plus)"),
        see("The reference is the SKU", ".modal .o_field_widget[name=default_code] input:value('4006381333931')"),
        click("Do it", ".modal footer button[name=action_create_product]"),
        see("The answer says what came in", ".o_notification:contains('1 order came in') a"),
        see("The offer is matched", ".o_data_row .o_data_cell[name=product_id]:contains('Kettle for the tour')"),
    ],
});

tours.add("amazon_already_shipped", {
    steps: () => [
        click("It left already", ".alert:contains('Do not ship it a second time') button[name=action_already_shipped]"),
        see("Its move is there", "button[name=action_open_amazon_moves]:visible"),
        see("Nothing is left to do", ".o_form_view:not(:has(button[name=action_already_shipped]))"),
    ],
});

tours.add("amazon_see_sales_order", {
    steps: () => [
        see("The reference is in the head", ".o_inner_group .o_field_widget[name=amazon_order_ref]:visible"),
        see("So is the channel", ".o_inner_group .o_field_widget[name=amazon_channel]:contains('FBA'):visible"),
        see("So is what Amazon says", ".o_field_widget[name=amazon_status_label]:contains('Shipped'):visible"),
        see("Seller Central is one click away", "button[name=action_open_seller_central]:visible"),
        click("Open its moves", "button[name=action_open_amazon_moves]"),
        see("The goods have left", ".o_data_row .o_data_cell:contains('MUG')"),
        NO_NEW,
        click("Open the deliveries", "[data-menu-xmlid='amazon_connector.menu_amazon_delivery']"),
        see("They say what belongs there", ".o_nocontent_help:contains('No deliveries for Amazon here')"),
        NO_NEW,
    ],
});
