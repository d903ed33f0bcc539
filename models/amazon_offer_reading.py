from odoo import models

from .activities import plan_activity
from .incoming import LEAN_CONTEXT

CHANNEL = 'amazon_connector.mail_activity_type_channel'
CHANNEL_NAMES = {'fba': "FBA", 'fbm': "FBM", 'both': "FBA and FBM"}


class AmazonOffer(models.Model):
    """What Amazon says of an offer, wherever that was read: in a report or by a call.

    Each way leaves out what is older than what it has told Amazon itself (`_drop_outdated`), and
    does what follows from a change (`_follow_import`).
    """

    _inherit = 'amazon.offer'

    # === BUSINESS METHODS === #

    def _take_reading(self, values, read_at, known_at=None):
        """Bring the offer up to what Amazon says, unless something newer is known.

        :param dict values: What it says.
        :param datetime read_at: For when it says so (UTC, naive).
        :param datetime known_at: What it was told later it need not know (UTC, naive); `read_at` if
                                  not given.
        :return: None
        """
        self.ensure_one()
        if self.read_at and self.read_at > read_at:
            return
        values = self._drop_outdated(
            {**values, 'is_gone': False, 'read_at': read_at}, known_at or read_at,
        )
        news = {
            name: value for name, value in values.items()
            if self._fields[name].convert_to_write(self[name], self) != value
        }
        # What an order has told is no channel that somebody has seen in the listings.
        channel = self.read_at and self.channel
        self.with_context(**LEAN_CONTEXT).write(news)
        if 'channel' in news and channel:
            self._follow_channel_change(channel)

    def _take_listed_item(self, item, read_at):
        """Bring the offer up to what one of Amazon's calls shows of it.

        :param amazon.listings.ListedItem item: What it shows.
        :param datetime read_at: When (UTC, naive).
        :return: None
        """
        values = {'channel': item.channel, 'title': item.title, 'asin': item.asin}
        values = {name: value for name, value in values.items() if value}
        if item.channel:
            values['channel_read_at'] = read_at
        if item.quantity is not None:
            values['amazon_quantity'] = item.quantity
            values['quantity_read_at'] = read_at
        if item.price is not None and item.currency == self.marketplace_id.currency_id.name:
            values['amazon_price'] = float(item.price)
            values['currency_id'] = self.marketplace_id.currency_id.id
        self._take_reading(values, read_at)

    def _drop_outdated(self, values, read_at):
        """Return what Amazon says without what the seller has told it since. To be extended.

        :param dict values: What it says.
        :param datetime read_at: For when it says so (UTC, naive).
        :rtype: dict
        """
        return values

    def _follow_import(self):
        """Do what follows from what an import has read of these. To be extended by each way.

        :return: None
        """

    def _follow_channel_change(self, channel):
        """Tell the person in charge that Amazon has somebody else ship the offer now.

        :param str channel: Who has shipped it until now.
        :return: None
        """
        self.ensure_one()
        note = self.env._(
            "It was %(before)s, and is %(now)s on Amazon now. FBM offers get their quantity from"
            " Odoo, others never do: look whether that is what you want.",
            before=CHANNEL_NAMES[channel],
            now=CHANNEL_NAMES[self.channel],
        )
        self.message_post(body=note)
        self.activity_unlink([CHANNEL])
        if self.channel != 'fbm':
            plan_activity(self, CHANNEL, note, self.account_id._get_person_in_charge())
