import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { KanbanRenderer } from "@web/views/kanban/kanban_renderer";
import { kanbanView } from "@web/views/kanban/kanban_view";

import { Component, onWillStart } from "@odoo/owl";

/**
 * What to do first, instead of an empty overview.
 */
export class AmazonFirstSteps extends Component {
    static template = "amazon_connector.FirstSteps";
    static props = {};

    setup() {
        this.action = useService("action");
        onWillStart(async () => {
            this.isAdmin = await user.hasGroup("amazon_connector.group_amazon_admin");
        });
    }

    authorize() {
        return this.action.doAction("amazon_connector.action_amazon_authorize");
    }

    enterTokens() {
        return this.action.doAction("amazon_connector.action_amazon_enter_tokens");
    }
}

export class AmazonOverviewRenderer extends KanbanRenderer {
    static template = "amazon_connector.OverviewRenderer";
    static components = { ...KanbanRenderer.components, AmazonFirstSteps };

    /** A filter that finds nothing does not mean that there is no account. */
    get showFirstSteps() {
        return this.showNoContentHelper && !this.env.searchModel.facets.length;
    }
}

registry.category("views").add("amazon_overview", {
    ...kanbanView,
    Renderer: AmazonOverviewRenderer,
});
