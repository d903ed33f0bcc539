import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function choose(field, name) {
    return [
        {
            content: `Search ${name}`,
            trigger: `.o_field_widget[name=${field}] input`,
            run: `edit ${name}`,
        },
        {
            content: `Take ${name} from the list`,
            trigger: `.ui-menu-item > a:contains('${name}')`,
            run: "click",
        },
    ];
}

function enter(field, value) {
    return {
        content: `Enter ${field}`,
        trigger: `.o_field_widget[name=${field}] input`,
        run: `edit ${value} && press Tab`,
    };
}

function press(name, where = ".o_form_view") {
    return {
        content: `Press ${name}`,
        trigger: `${where} button[name=${name}]:visible`,
        run: "click",
    };
}

function see(text, where) {
    return {
        content: `See: ${text}`,
        trigger: `${where}:contains('${text}')`,
    };
}

tours.add("amazon_ship_with_backorder", {
    steps: () => [
        {
            content: "Two of the three mugs are there",
            trigger: ".o_field_widget[name=move_ids] .o_data_cell[name=quantity]",
            run: "click",
        },
        {
            content: "Enter the quantity",
            trigger: ".o_field_widget[name=move_ids] .o_data_cell[name=quantity] input",
            run: "edit 2",
        },
        press("button_validate"),
        see("fill in Carrier and Tracking Reference", ".modal"),
        {
            content: "Close the error",
            trigger: ".modal .modal-footer .btn-primary",
            run: "click",
        },
        ...choose("carrier_id", "Parcel service of the tour"),
        enter("carrier_tracking_ref", "TOUR-1"),
        press("button_validate"),
        {
            content: "The rest follows later",
            trigger: ".modal button[name=process]",
            run: "click",
        },
        see("will be sent to Amazon shortly", ".alert-info"),
        press("action_send_to_amazon"),
        see("Packages: 1 sent", ".o_notification"),
        see("Amazon accepted this delivery", ".alert-info"),
    ],
});

tours.add("amazon_mistyped_carrier", {
    steps: () => [
        enter("name", "Colisimo"),
        {
            content: "The form asks whether that is right",
            trigger: ".text-warning:contains('did you mean'):contains('Colissimo')",
        },
        see("Amazon can't track such deliveries", ".text-warning"),
        enter("name", "Colissimo"),
        {
            content: "Nothing to ask any more",
            trigger: ".o_form_view:not(:has(.text-warning:visible))",
        },
        {
            content: "Save",
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "It is saved",
            trigger: ".o_form_saved, .o_form_view:not(:has(.o_form_button_save:visible))",
        },
    ],
});

tours.add("amazon_retry_delivery", {
    steps: () => [
        {
            content: "One delivery needs attention",
            trigger: ".o_kanban_record:contains('Nordwind') a[name=action_open_deliveries]:contains('Failed'):contains('1')",
            run: "click",
        },
        {
            content: "It is found by the filter",
            trigger: ".o_facet_value:contains('Amazon: Failed')",
        },
        {
            content: "The list says why",
            trigger: ".o_data_row .o_data_cell[name=amazon_hint]:contains('lies in the future')",
        },
        {
            content: "Open it",
            trigger: ".o_data_row .o_list_record_open_form_view",
            run: "click",
        },
        see("lies in the future", ".alert-danger"),
        press("action_send_to_amazon"),
        see("Packages: 1 sent", ".o_notification"),
        see("Amazon accepted this delivery", ".alert-info"),
    ],
});
