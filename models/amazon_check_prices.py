from odoo import api, models

from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The check of prices: whether there are price lists to send from, and whether any waits."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check prices."""
        return [*super()._get_codes(), ('prices', self.env._("Prices"))]

    # === BUSINESS METHODS === #

    @api.model
    def _check_prices(self, checkup):
        """Find out whether prices reach Amazon, where they are sent at all."""
        account = checkup.account
        if account.price_push == 'off':
            return None
        missing = account.synced_marketplace_ids.currency_id.filtered(
            lambda currency: not account._find_pricelist(currency),
        )
        if missing:
            return Finding('warning', self.env._(
                "There is no price list in %(currencies)s, so that no price is sent to the"
                " marketplaces that sell in it. Make one under Sales ▸ Products ▸ Pricelists that"
                " is called %(names)s.",
                currencies=', '.join(missing.mapped('name')),
                names=', '.join(map(account._get_pricelist_name, missing)),
            ))
        waiting = account.price_held_count + account.price_failed_count
        if waiting:
            return Finding('warning', self.env._(
                "Prices that are held or failed: %(count)s. Each offer says why: Amazon ▸ Offers,"
                " filters Price: Held and Price: Failed.",
                count=waiting,
            ), self.env._("Open Offers"))
        return Finding('ok', self.env._("No price waits for a person."))

    def _remedy_prices(self):
        """Open the offers whose prices are held or failed."""
        return self.account_id._open(
            'amazon_connector.action_amazon_offer',
            search_default_price_held=1,
            search_default_price_failed=1,
        )
