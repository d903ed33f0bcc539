from odoo import fields, models

from ..amazon import listings
from ..amazon.errors import Malformed, Rejected


class AmazonOffer(models.Model):
    """What Amazon's listings say of offers when it is asked for single ones."""

    _inherit = 'amazon.offer'

    # === BUSINESS METHODS === #

    def _read_listings(self, client):
        """Ask Amazon for the listings of offers, and take over what they say.

        :param amazon.client.Client client: The client of the connection.
        :return: The listing of each, `None` if Amazon has none, or why Amazon can't be asked.
        :rtype: dict[amazon.offer, amazon.listings.ListedItem | None | Exception]
        :raise AmazonError: If the connection has to wait.
        """
        read_at = fields.Datetime.now()
        readings = self._fetch_listings(client)
        for offer, item in readings.items():
            if isinstance(item, listings.ListedItem):
                offer._take_listed_item(item, read_at)
        return readings

    def _fetch_listings(self, client):
        """Ask Amazon for the listings of offers, all of one account and marketplace.

        :param amazon.client.Client client: The client of the connection.
        :return: As `_read_listings`.
        :rtype: dict[amazon.offer, amazon.listings.ListedItem | None | Exception]
        :raise AmazonError: If the connection has to wait.
        """
        # A comma would divide a SKU in a search.
        together = self.filtered(lambda offer: ',' not in offer.sku)
        found = {}
        for start in range(0, len(together), listings.MAX_IDENTIFIERS):
            part = together[start:start + listings.MAX_IDENTIFIERS]
            try:
                items = listings.search_listings(
                    client,
                    part.account_id.seller_id,
                    part.marketplace_id.api_ref,
                    part.mapped('sku'),
                )
            except (Malformed, Rejected):
                continue  # One of them is to blame, and is found by itself.
            by_sku = {item.sku: item for item in items}
            found.update({offer: by_sku.get(offer.sku) for offer in part})
        return {
            offer: found[offer] if offer in found else offer._fetch_listing(client)
            for offer in self
        }

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

    def _take_listed_item(self, item, read_at):
        """Take over what Amazon's listing says of the offer.

        :param amazon.listings.ListedItem item: The listing.
        :param datetime read_at: When Amazon was asked (UTC, naive).
        :return: None
        """
        self.ensure_one()
        values = self._prepare_listed_values(item, read_at)
        # In sudo mode: the connector alone writes what it reads.
        self.sudo().write({name: value for name, value in values.items() if self[name] != value})

    def _prepare_listed_values(self, item, read_at):
        """Return what a listing says of the offer. To be extended by each way that reads more.

        What Amazon does not tell stays as it is.

        :param amazon.listings.ListedItem item: The listing.
        :param datetime read_at: When Amazon was asked (UTC, naive).
        :rtype: dict
        """
        values = {'read_at': read_at, 'is_gone': False}
        if item.channel:
            values |= {'channel': item.channel, 'channel_read_at': read_at}
        if item.quantity is not None:
            values['amazon_quantity'] = item.quantity
        if item.statuses:
            values['amazon_status'] = 'active' if 'BUYABLE' in item.statuses else 'inactive'
        if item.condition:
            values['condition'] = item.condition
        for name in ('asin', 'title'):
            if not self[name] and getattr(item, name):
                values[name] = getattr(item, name)
        return values
