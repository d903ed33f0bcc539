from odoo import models


class SaleAdvancePaymentInv(models.TransientModel):
    _inherit = 'sale.advance.payment.inv'

    # === BUSINESS METHODS === #

    def _create_invoices(self, sale_orders):
        """Override of `sale` to make no down payment of what is not explained yet."""
        if self.advance_payment_method != 'delivered':
            sale_orders._check_not_held()
        return super()._create_invoices(sale_orders)
