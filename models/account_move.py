from odoo import models


class AccountMove(models.Model):
    _inherit = 'account.move'

    # === BUSINESS METHODS === #

    def _post(self, soft=True):
        """Override of `account` to post no invoice of what is not explained yet.

        A draft may be older than the change on Amazon that nothing explains.
        """
        # In sudo mode: who posts invoices need not see sales.
        self.sudo().line_ids.sale_line_ids.order_id._check_not_held()
        return super()._post(soft=soft)
