import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getCustomColor } from "@web/core/colors/colors";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";

/**
 * Orders (a line, scale on the right) and revenue (bars, scale on the left) by day.
 */
export class AmazonSalesChartField extends Component {
    static template = "amazon_connector.SalesChartField";
    static props = { ...standardFieldProps };

    setup() {
        this.canvasRef = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            (series) => {
                const chart = new Chart(this.canvasRef.el, this.getConfig(JSON.parse(series)));
                return () => chart.destroy();
            },
            () => [this.props.record.data[this.props.name]]
        );
    }

    getConfig([orders, revenue]) {
        const scheme = cookie.get("color_scheme");
        const grid = { color: getCustomColor(scheme, "#e7e9ed", "#3C3E4B") };
        const color = getCustomColor(scheme, "#374151", "#E4E4E4");
        const revenueColor = getCustomColor(scheme, "#8f6b86", "#a58aa0");
        const ordersColor = getCustomColor(scheme, "#e08b1c", "#f0a94a");
        const getScale = (series, position, color, ticks, options) => ({
            beginAtZero: true,
            position,
            title: { display: true, text: series.key, color },
            ticks: { color, maxTicksLimit: 6, ...ticks },
            border: { display: false },
            ...options,
        });
        return {
            data: {
                labels: orders.values.map((day) => day.label),
                datasets: [
                    {
                        type: "line",
                        label: orders.key,
                        data: orders.values.map((day) => day.value),
                        yAxisID: "orders",
                        borderColor: ordersColor,
                        backgroundColor: ordersColor,
                        borderWidth: 2,
                        pointRadius: 3,
                    },
                    {
                        type: "bar",
                        label: revenue.key,
                        data: revenue.values.map((day) => day.value),
                        yAxisID: "revenue",
                        backgroundColor: revenueColor,
                        borderRadius: 2,
                    },
                ],
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: { mode: "index", intersect: false },
                scales: {
                    x: { grid: { display: false }, ticks: { color } },
                    revenue: getScale(
                        revenue,
                        "left",
                        revenueColor,
                        { callback: (value) => formatFloat(value, { digits: [16, 0] }) },
                        { grid }
                    ),
                    orders: getScale(
                        orders,
                        "right",
                        ordersColor,
                        { precision: 0 },
                        { grid: { display: false }, suggestedMax: 4 }
                    ),
                },
                plugins: {
                    legend: { display: false },
                    tooltip: {
                        callbacks: {
                            title: ([item]) => orders.values[item.dataIndex].title,
                            label: (item) => {
                                const series = item.dataset.yAxisID === "orders" ? orders : revenue;
                                return `${series.key}: ${series.values[item.dataIndex].text}`;
                            },
                        },
                    },
                },
            },
        };
    }
}

export const amazonSalesChartField = {
    component: AmazonSalesChartField,
    supportedTypes: ["text"],
};

registry.category("fields").add("amazon_sales_chart", amazonSalesChartField);
