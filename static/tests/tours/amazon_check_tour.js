import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const CHECK = ".o_amazon_check:contains('Currencies')";

function see(content, trigger) {
    return { content, trigger };
}

function click(content, trigger) {
    return { content, trigger, run: "click" };
}

tours.add("amazon_mend_what_is_found", {
    steps: () => [
        click("Open the tab", ".o_notebook .nav-link[name=check]"),
        see("Nothing was checked yet", ".o_notebook :contains('Nothing was checked yet')"),
        click("Check", ".o_notebook button[name=action_check]"),
        see("The notification counts", ".o_notification:contains('1 to mend')"),
        see("So does the head", "button[name=action_open_checks]:contains('1')"),
        see(
            "What is to mend comes first",
            ".o_kanban_record:first .o_amazon_check:contains('To Mend'):contains('Role: Orders')"
        ),
        see("What it costs is said", ".o_amazon_check:contains('no orders come in')"),
        see("In Amazon's words, too", ".o_amazon_check .small:contains('denied')"),
        see("What may hurt later follows", `${CHECK}:contains('Look at It'):contains('JPY')`),
        click("Mend it", `${CHECK} button:contains('Activate')`),
        see("It works", `${CHECK}:contains('Works'):not(:has(button))`),
        click("Ask for the text", ".o_notebook button:contains('Text for Support')"),
        see("It is there", ".modal .o_field_widget[name=text]:contains('error role_orders')"),
        see("It can be copied", ".modal .o_btn_text_copy"),
        click("Close it", ".modal footer button:contains('Close')"),
        see("The dialog is gone", "body:not(:has(.modal))"),
    ],
});
