from odoo import fields, models

from ..amazon import listings
from ..amazon.errors import Malformed, Rejected, Throttled


class AmazonOffer(models.Model):
    """How single offers are read from Amazon again, before the next report on all of them."""

    _inherit = 'amazon.offer'

    # === BUSINESS METHODS === #

    def _read_listings(self, client):
        """Ask Amazon for the listings of offers, and take over what they say.

        When the quota ends in the middle, the rest is left out.

        :param amazon.client.Client client: The client of the connection.
        :return: The listing of each, `None` if Amazon has none, or why Amazon can't be asked.
        :rtype: dict[amazon.offer, amazon.listings.ListedItem | None | Exception]
        :raise AmazonError: If the connection has to wait.
        """
        read_at = fields.Datetime.now()
        readings = self._search_listings(client)
        for offer in self.filtered(lambda offer: offer not in readings):
            try:
                readings[offer] = offer._fetch_listing(client)
            except Throttled:
                if not readings:
                    raise
                break
        for offer, item in readings.items():
            if isinstance(item, listings.ListedItem):
                offer._take_listed_item(item, read_at)
        return readings

    def _search_listings(self, client):
        """Ask Amazon for the listings of offers, all of one account and marketplace, in one call.

        :param amazon.client.Client client: The client of the connection.
        :return: The listings, without those that Amazon can't be asked about in this way.
        :rtype: dict[amazon.offer, amazon.listings.ListedItem | None]
        :raise AmazonError: If the connection has to wait.
        """
        # A comma would divide a SKU.
        offers = self.filtered(lambda offer: ',' not in offer.sku)[:listings.MAX_IDENTIFIERS]
        if not offers:
            return {}
        try:
            items = listings.search_listings(
                client,
                offers.account_id.seller_id,
                offers.marketplace_id.api_ref,
                offers.mapped('sku'),
            )
        except (Malformed, Rejected):
            return {}  # One of them is to blame, and is found by itself.
        by_sku = {item.sku: item for item in items}
        return {offer: by_sku.get(offer.sku) for offer in offers}

    def _fetch_listing(self, client):
        """Ask Amazon for the listing of an offer.

        :param amazon.client.Client client: The client of the connection.
        :return: As `_read_listings`.
        :rtype: amazon.listings.ListedItem | None | Exception
        :raise AmazonError: If the connection has to wait.
        """
        self.ensure_one()
        try:
            return listings.fetch_listing(
                client, self.account_id.seller_id, self.marketplace_id.api_ref, self.sku,
            )
        except (Malformed, Rejected) as error:
            return error
