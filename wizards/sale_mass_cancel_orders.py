from odoo import models


class SaleMassCancelOrders(models.TransientModel):
    _inherit = 'sale.mass.cancel.orders'

    # === ACTION METHODS === #

    def action_mass_cancel(self):
        """Override of `sale` to ask for the reason that Amazon has to be told.

        :return: The action that asks, where Amazon has to be told.
        :rtype: dict | None
        """
        orders = self.sale_order_ids.filtered(lambda order: order._is_open_on_amazon())
        self.sale_order_ids -= orders
        res = super().action_mass_cancel()
        return orders.action_cancel_on_amazon() if orders else res
