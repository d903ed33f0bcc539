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
            ('imports', self.env._("Import of Listings")),
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
            self.env._("Granted: listings can be read, and told of quantities and prices."),
            Finding('warning', self.env._(
                "Missing: orders do without it, but listings can't be imported, and Amazon can't be"
                " told of quantities and prices. Add the role Product Listing to the application,"
                " then authorize it again.",
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

    @api.model
    def _get_crons(self, account):
        """Override of `amazon_connector`: the listings are asked for by another one than they are
        read by.
        """
        return [
            *super()._get_crons(account),
            (
                self.env._("Import of Listings"),
                self.env.ref('amazon_connector.ir_cron_import_offers').sudo(),
            ),
        ]

    @api.model
    def _check_imports(self, checkup):
        """Find out whether Amazon's listings come in, and what was left out of them."""
        account = checkup.account
        latest = account._get_latest_imports()
        if not latest:
            return Finding('warning', self.env._(
                "Not imported yet. Orders bring in their offers, the others wait for Import"
                " Listings, which also happens every night.",
            ), self.env._("Import Listings"))
        if failed := latest.filtered(lambda report: report.state == 'failed'):
            return Finding(
                'warning',
                '\n'.join(f'{r.marketplace_id.name}: {r.reason or ""}' for r in failed),
                self.env._("Open Imports"),
            )
        if count := sum(latest.mapped('left_out_count')):
            return Finding('warning', self.env._(
                "%(count)s lines or values of Amazon's listings could not be read. The imports name"
                " them.",
                count=count,
            ), self.env._("Open Imports"))
        return Finding('ok', account.import_progress)

    def _remedy_imports(self):
        """Ask for the listings, or open the imports."""
        account = self.account_id
        if not account._get_latest_imports():
            return account.action_import_offers()
        return account._open('amazon_connector.action_amazon_report')
