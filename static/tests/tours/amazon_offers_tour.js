import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function press(name, where = ".o_control_panel") {
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

/* The buttons of a screen are disabled until it was read anew; what is ticked before that is lost. */
function awaitReload(name, where = ".o_control_panel") {
    return {
        content: `Wait until ${name} can be pressed again`,
        trigger: `${where} button[name=${name}]:enabled:visible`,
    };
}

function findRow(sku, ...texts) {
    const cells = texts.map((text) => `:contains('${text}')`).join("");
    return `.o_data_row:has(.o_data_cell[name=sku]:contains('${sku}'))${cells}`;
}

function seeRow(sku, ...texts) {
    return {
        content: `${sku}: ${texts.join(", ")}`,
        trigger: findRow(sku, ...texts),
    };
}

function tick(sku) {
    return {
        content: `Tick ${sku}`,
        trigger: `${findRow(sku)} .o_list_record_selector input`,
        run: "click",
    };
}

function confirm() {
    return {
        content: "Say yes",
        trigger: ".modal .modal-footer .btn-primary",
        run: "click",
    };
}

function openPage(name) {
    return {
        content: `Open the page ${name}`,
        trigger: `.o_notebook_headers a[name=${name}]`,
        run: "click",
    };
}

function save() {
    return {
        content: "Save",
        trigger: ".o_form_button_save",
        run: "click",
    };
}

tours.add("amazon_import_and_match", {
    steps: () => [
        press("action_import_offers"),
        see("4 read", ".o_notification"),
        seeRow("TOUR-MUG", "Mug of the tour", "FBM"),
        seeRow("tour-bowl", "Bowl of the tour"),
        seeRow("TOUR-LAMP", "Lamp on Amazon", "FBA"),
        press("action_match_all"),
        see("without such a product", ".o_notification"),
        awaitReload("action_match_all"),
        tick("TOUR-LAMP"),
        press("action_create_products"),
        confirm(),
        see("1 product created and matched", ".o_notification"),
        seeRow("TOUR-LAMP", "[TOUR-LAMP] Lamp on Amazon"),
    ],
});

tours.add("amazon_push_stock", {
    steps: () => [
        openPage("offers"),
        {
            content: "See first what would be sent",
            trigger: ".o_field_widget[name=stock_push] .o_radio_item:contains('Preview') input",
            run: "click",
        },
        save(),
        press("action_sync_stock", ".o_form_view"),
        see("1 would be sent (preview)", ".o_notification"),
        awaitReload("action_sync_stock", ".o_form_view"),
        {
            content: "Push",
            trigger: ".o_field_widget[name=stock_push] .o_radio_item:contains('On') input",
            run: "click",
        },
        save(),
        press("action_sync_stock", ".o_form_view"),
        see("1 sent", ".o_notification"),
        press("action_sync_stock", ".o_form_view"),
        see("Amazon has the right quantities", ".o_notification"),
    ],
});

tours.add("amazon_align_stock", {
    steps: () => [
        openPage("offers"),
        press("action_align_stock", ".o_form_view"),
        {
            content: "What Amazon shows stands beside what Odoo has",
            trigger: ".modal .o_data_row:has(.o_data_cell[name=amazon_quantity]:contains('4')):has(.o_data_cell[name=odoo_quantity]:contains('7'))",
        },
        press("action_take_amazons", ".modal"),
        {
            content: "Amazon's is chosen",
            trigger: ".modal .o_data_row .o_data_cell[name=choice]:contains('Amazon')",
        },
        press("action_apply", ".modal"),
        {
            content: "It is done",
            trigger: ".o_notification:contains('Adjusted in Odoo: 1')",
        },
        {
            content: "The dialog is closed",
            trigger: "body:not(:has(.modal))",
        },
    ],
});

tours.add("amazon_adjust_drift", {
    steps: () => [
        {
            content: "One product differs",
            trigger: ".o_kanban_record:contains('Nordwind') a[name=action_open_drift]:contains('1')",
            run: "click",
        },
        {
            content: "The list says how much, and why",
            trigger: ".o_data_row:contains('TOUR-MUG'):has(.o_data_cell[name=difference]:contains('-3')) .o_data_cell[name=reasons]:contains('is looking for')",
        },
        {
            content: "Adjust it",
            trigger: ".o_data_row button[name=action_adjust]",
            run: "click",
        },
        confirm(),
        see("Amazon has what Odoo has", ".o_view_nocontent"),
    ],
});
