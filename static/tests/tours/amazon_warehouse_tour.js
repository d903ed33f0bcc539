import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const CARRIER = "Parcel service of the tour";

function click(content, trigger) {
    return { content, trigger, run: "click" };
}

function see(content, trigger) {
    return { content, trigger };
}

function enterCell(row, field, value) {
    const cell = `.o_data_row:eq(${row}) .o_data_cell[name=${field}]`;
    return [
        click(`Click on ${field} of row ${row}`, cell),
        {
            content: `Enter ${value}`,
            trigger: `${cell} input`,
            run: `edit ${value}`,
        },
    ];
}

tours.add("amazon_warehouse_ships", {
    steps: () => [
        click("Open the operations", ".o_menu_sections button[data-menu-xmlid='stock.menu_stock_warehouse_mgmt']"),
        click(
            "Amazon has an entry of its own",
            ".dropdown-item[data-menu-xmlid='amazon_connector.menu_stock_amazon_delivery']"
        ),
        see("It opens on what is to ship", ".o_facet_value:contains('To Ship')"),
        see("The items are listed", ".o_data_row .o_data_cell[name=amazon_items]:contains('2 × MUG')"),
        click("Open the delivery", ".o_data_row .o_list_record_open_form_view"),
        click("Validate", ".o_form_view button[name=button_validate]:visible"),
        see("It says what is missing", ".modal:contains('fill in Carrier and Tracking Reference')"),
        click("Close the error", ".modal .modal-footer .btn-primary"),
        {
            content: "The carrier is in the head",
            trigger: ".o_inner_group .o_field_widget[name=carrier_id] input",
            run: `edit ${CARRIER}`,
        },
        click("Take it", `.ui-menu-item > a:contains('${CARRIER}')`),
        {
            content: "So is the tracking reference",
            trigger: ".o_inner_group .o_field_widget[name=carrier_tracking_ref] input",
            run: "edit WAREHOUSE-1",
        },
        click("Validate again", ".o_form_view button[name=button_validate]:visible"),
        see("Amazon is to be told", ".alert-info:visible:contains('delivery')"),
        click("Look at the packages", ".o_notebook .nav-link:contains('Amazon')"),
        see("They are listed", ".o_data_row .o_data_cell[name=content]:contains('2 × MUG')"),
        click("Back to the list", ".breadcrumb-item a, .o_back_button"),
        see("Nothing is left to ship", ".o_view_nocontent:contains('No deliveries for Amazon here')"),
        click("Look for what is done", ".o_facet_remove"),
        click("Open it again", ".o_data_row .o_list_record_open_form_view"),
        see("It can be opened", ".o_form_view .alert-info:contains('will be sent to Amazon')"),
        see("Amazon is told by itself", ".o_form_view:not(:has(button[name=action_send_to_amazon]))"),
    ],
});

tours.add("amazon_warehouse_ships_many", {
    steps: () => [
        see("Two are to ship", ".o_pager_limit:contains('2')"),
        click("Choose all", ".o_list_view thead .o_list_record_selector input"),
        ...enterCell(0, "carrier_id", CARRIER),
        click("Take it", `.ui-menu-item > a:contains('${CARRIER}')`),
        click("For both", ".modal .modal-footer .btn-primary"),
        see("The second has it, too", `.o_data_row:eq(1) .o_data_cell[name=carrier_id]:contains('${CARRIER}')`),
        click("Choose none", ".o_list_unselect_all, .o_unselect_all"),
        ...enterCell(0, "carrier_tracking_ref", "LIST-1"),
        click("Save", ".o_list_button_save"),
        click("Choose all again", ".o_list_view thead .o_list_record_selector input"),
        click("Validate", "button[name=action_validate_complete]"),
        see("One is done", ".modal:contains('Validated: 1')"),
        click(
            "Fill in the other one",
            ".modal .o_data_row .o_data_cell[name=carrier_tracking_ref]"
        ),
        {
            content: "Its tracking reference",
            trigger: ".modal .o_data_cell[name=carrier_tracking_ref] input",
            run: "edit LIST-2",
        },
        click("Validate it", ".modal button[name=action_validate]"),
        see("Nothing is left to ship", ".o_view_nocontent:contains('No deliveries for Amazon here')"),
    ],
});
