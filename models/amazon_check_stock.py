from odoo import api, models
from odoo.fields import Domain

from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The check of quantities: whether Amazon is told, and what it could not be told."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check quantities."""
        return [*super()._get_codes(), ('stock', self.env._("Stock on Amazon"))]

    # === BUSINESS METHODS === #

    @api.model
    def _check_stock(self, checkup):
        """Find out whether Amazon is told of quantities, and which it could not be told."""
        account = checkup.account
        if account.stock_push == 'off':
            return Finding('ok', self.env._(
                "Stock Push is off: quantities on Amazon are left alone.",
            ))
        if failed := account.stock_failed_count:
            return Finding('warning', self.env._(
                "Amazon could not be told how many there are of some offers (%(count)s). Each of"
                " them says why.",
                count=failed,
            ), self.env._("Open Offers"))
        if account.stock_push == 'preview':
            return Finding('warning', self.env._(
                "Stock Push is a preview: nothing is sent, %(count)s offers would be. Choose On"
                " when they are right, on the account, tab Offers and Stock.",
                count=account.stock_to_send_count,
            ), self.env._("Open Offers"))
        in_sync = self.env['amazon.stock.level'].search_count(
            Domain('account_id', '=', account.id) & Domain('state', '=', 'in_sync'),
        )
        return Finding('ok', self.env._(
            "Amazon is told of quantities: %(in_sync)s offers are in sync, %(to_send)s are to be"
            " sent.",
            in_sync=in_sync,
            to_send=account.stock_to_send_count,
        ))

    def _remedy_stock(self):
        """Open the offers that want to be looked at."""
        account = self.account_id
        if account.stock_failed_count:
            return account.action_open_stock_failed()
        return account.action_open_stock_to_send()
