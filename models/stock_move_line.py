from odoo import models


class StockMoveLine(models.Model):
    _inherit = 'stock.move.line'

    # === BUSINESS METHODS === #

    def _exclude_requiring_lot(self):
        """Override of `stock` to let goods leave that are gone already, whatever their lot."""
        return super()._exclude_requiring_lot() or self.move_id.amazon_account_id
