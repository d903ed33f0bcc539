import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

/**
 * The steps from what was sold to what is paid out: a table, each row of which has its bar. A bar
 * begins where the one above it ends.
 */
export class AmazonWaterfallField extends Component {
    static template = "amazon_connector.WaterfallField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get steps() {
        return this.props.record.data[this.props.name]?.steps || [];
    }

    get isExplained() {
        return this.props.record.data[this.props.name]?.is_explained;
    }

    /** Where the scale begins, and how long it is; zero is on it. */
    get scale() {
        const ends = this.steps.flatMap((step) => [step.before, step.after]);
        const low = Math.min(0, ...ends);
        return { low, span: Math.max(0, ...ends) - low || 1 };
    }

    getPosition(value) {
        const { low, span } = this.scale;
        return (100 * (value - low)) / span;
    }

    getBarStyle(step) {
        const left = this.getPosition(Math.min(step.before, step.after));
        const right = this.getPosition(Math.max(step.before, step.after));
        return `left: ${left}%; width: ${right - left}%;`;
    }

    getTitle(step) {
        return step.count === 1 ? _t("Open its line") : _t("Open its %s lines", step.count);
    }

    getKind(step) {
        if (step.key === "total") {
            return "o_amazon_total";
        }
        return step.amount < 0 ? "o_amazon_less" : "o_amazon_more";
    }

    async openStep(step) {
        const { resModel, resId } = this.props.record;
        this.action.doAction(await this.orm.call(resModel, "action_open_step", [[resId], step.key]));
    }
}

export const amazonWaterfallField = {
    component: AmazonWaterfallField,
    supportedTypes: ["json"],
};

registry.category("fields").add("amazon_waterfall", amazonWaterfallField);
