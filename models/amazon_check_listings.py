from odoo import api, models

from ..amazon import listings, roles
from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The checks of what is offered: whether it may be read, and whether it is matched."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check listings and offers."""
        return [
            *super()._get_codes(),
            ('role_listings', self.env._("Role: Listings")),
            ('offers', self.env._("Offers")),
        ]

    # === BUSINESS METHODS === #

    @api.model
    def _check_role_listings(self, checkup):
        """Find out whether listings may be read."""
        marketplace = checkup.account.synced_marketplace_ids[:1]
        if not marketplace:
            return Finding('unknown', self.env._(
                "Amazon can be asked about a marketplace only: choose one under Synchronized"
                " Marketplaces.",
            ))
        return self._check_role(
            checkup,
            roles.LISTINGS,
            lambda client: listings.fetch_first_listing(
                client, checkup.connection.seller_id, marketplace.api_ref,
            ),
            self.env._("Granted: listings can be read."),
            Finding('warning', self.env._(
                "Missing: nothing needs it today. Stock levels and the matching of offers will need"
                " it.",
            )),
        )

    @api.model
    def _check_offers(self, checkup):
        """Count the offers without a product."""
        account = checkup.account
        count = account.unmatched_offer_count
        if not count:
            return Finding('ok', self.env._("Every offer that was sold is matched to a product."))
        message = self.env._(
            "Offers without a product: %(count)s. Their orders wait. Choose the products under"
            " Amazon ▸ Offers.",
            count=count,
        ) if account.only_matched_products else self.env._(
            "Offers without a product: %(count)s. The default product stands in, and no stock"
            " moves. Choose the products under Amazon ▸ Offers.",
            count=count,
        )
        return Finding('warning', message, self.env._("Match Offers"))

    def _remedy_offers(self):
        """Open the offers without a product."""
        return self.account_id.action_open_unmatched_offers()
