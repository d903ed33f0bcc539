import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

const IS_NOT_STARTED = ".o_form_view .alert-info:contains('press Start')";

function openDialog(trigger) {
    return [
        {
            content: "Open the dialog",
            trigger,
            run: "click",
        },
        {
            content: "It says what is to be answered",
            trigger: ".modal:contains('Nothing has been fetched from Amazon yet')",
        },
    ];
}

function start(news) {
    return [
        {
            content: "Start",
            trigger: ".modal button[name=action_start]",
            run: "click",
        },
        {
            content: `The notification says: ${news}`,
            trigger: `.o_notification:contains("${news}")`,
        },
        {
            content: "The dialog is closed",
            trigger: "body:not(:has(.modal))",
        },
    ];
}

tours.add("amazon_start_account", {
    steps: () => [
        {
            content: "Connect",
            trigger: "button[name=action_connect].btn-primary",
            run: "click",
        },
        {
            content: "Not yet",
            trigger: ".modal button:contains('Not Yet')",
            run: "click",
        },
        {
            content: "The account says that nothing is fetched yet",
            trigger: IS_NOT_STARTED,
        },
        ...openDialog(".o_form_statusbar button:contains('Start')"),
        {
            content: "The marketplaces are those where the seller sells",
            trigger: ".modal .o_field_widget[name=marketplace_ids]:contains('Amazon.de')",
        },
        {
            content: "Read a week",
            trigger: ".modal .o_field_widget[name=since] button, .modal .o_field_widget[name=since] input",
            run: "click",
        },
        {
            content: "Enter the date",
            trigger: ".modal .o_field_widget[name=since] input",
            run() {
                this.anchor.value = luxon.DateTime.now()
                    .minus({ days: 7 })
                    .toFormat("MM/dd/yyyy HH:mm:ss");
                this.anchor.dispatchEvent(new Event("input", { bubbles: true }));
                this.anchor.dispatchEvent(new Event("change", { bubbles: true }));
            },
        },
        {
            content: "The stock is counted as of now",
            trigger: ".modal .o_field_widget[name=stock_counted] input:checked",
        },
        ...start("1 fetched: 1 created"),
        {
            content: "From now on, Sync Orders does it",
            trigger: "button[name=action_sync_orders].btn-primary",
        },
    ],
});

tours.add("amazon_start_from_overview", {
    steps: () => [
        {
            content: "The card says where the account stands, without figures",
            trigger:
                ".o_kanban_record:contains('Nothing is fetched before'):not(:has(.o_amazon_figure))",
        },
        ...openDialog(".o_kanban_record button:contains('Start')"),
        ...start("No new orders"),
        {
            content: "The card shows figures now",
            trigger: ".o_kanban_record .o_amazon_figure",
        },
    ],
});

tours.add("amazon_first_steps", {
    steps: () => [
        {
            content: "The first step can be done",
            trigger: ".o_amazon_first_steps li:eq(0) button:contains('Authorize on Amazon'):enabled",
        },
        {
            content: "The second one has to wait",
            trigger: ".o_amazon_first_steps li:eq(1) button:disabled",
        },
        {
            content: "So has the third one",
            trigger: ".o_amazon_first_steps li:eq(2) button:disabled",
        },
        {
            content: "A filter that finds nothing is something else",
            trigger: ".o_searchview_input",
            run: "edit Nothing",
        },
        {
            content: "Search for it",
            trigger: ".o_searchview_input",
            run: "press Enter",
        },
        {
            content: "Nothing is found",
            trigger: ".o_view_nocontent:not(:has(.o_amazon_first_steps))",
        },
    ],
});

tours.add("amazon_start_is_for_others", {
    steps: () => [
        {
            content: "The card says who starts the account",
            trigger: ".o_kanban_record:contains('An Amazon administrator has to start it')",
        },
        {
            content: "There is nothing to press",
            trigger: ".o_kanban_record:not(:has(button:contains('Start')))",
        },
    ],
});

tours.add("amazon_first_steps_are_for_others", {
    steps: () => [
        {
            content: "The steps say who does them",
            trigger: ".o_amazon_first_steps:contains('An Amazon administrator has to do them')",
        },
        {
            content: "There is nothing to press",
            trigger: ".o_amazon_first_steps:not(:has(button))",
        },
    ],
});
