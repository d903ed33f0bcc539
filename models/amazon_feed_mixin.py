from odoo import api, fields, models
from odoo.fields import Domain


class AmazonFeedMixin(models.AbstractModel):
    """Something that a feed can tell Amazon: a message, sent once, or a level, whose last value
    counts.

    A model that inherits this and has a `_feed_type` is a carrier: `amazon.feed` finds it by itself
    (`_get_carriers`) and knows nothing about it but this contract.

    The model has an `account_id` and declares

    - `_feed_type`, Amazon's name for its feeds, `_feed_content_type` and, if the feeds are to be
      smaller or larger, `_feed_size`; `_feed_way`, if they have a way of their own, so that what
      stops them stops no other feeds;
    - `_get_feed_label`, what people call its feeds, and `_get_marketplaces`, where they belong;
    - `_build_message` of one record and `_build_feed` of all messages, perhaps `_fits_feed`;
    - `_get_feed_options`, if Amazon wants to know more than stands in the document, and
      `_pack_content` with `_unpack_content`, if the document is no text;
    - `_parse_report`, which reads Amazon's report. The feed asks the report for nothing but its
      `seller_id`, empty if Amazon does not say.

    The model acts when

    - `_put_due_in_feeds` asks for what can't be told but in feeds;
    - `_put_in_feed` could not tell of it: `_note_failure(exception)`, as `amazon.queue.mixin` has
      it;
    - a feed is about to be sent: `_stands` says whether it still tells what is to be told, for it
      may have waited long; else `_mark_unsent`;
    - a feed has taken a record with it: `_mark_in_feed`. Until the feed is over, the records whose
      outcome is open are those of `_get_carried_domain`;
    - Amazon has reported on them: `_take_report`;
    - the feed is given up, so that nobody knows what Amazon took: `_mark_unknown`.

    For a level the last two need not look back: what Amazon has not taken is put in the next feed
    with the value that it has by then.
    """

    _name = 'amazon.feed.mixin'
    _description = "Amazon Feed Carriage"
    _inherit = ['amazon.sync.mixin']

    _feed_type = None  # to be overridden
    _feed_content_type = None  # to be overridden
    _feed_size = 5000  # messages; in XML about 3 MB, and Amazon recommends 10 at most
    _feed_way = 'feeds'

    feed_id = fields.Many2one(
        comodel_name='amazon.feed', index='btree_not_null', readonly=True, ondelete='set null',
    )
    feed_message = fields.Integer(help="Its number in the feed.", readonly=True)

    # === BUSINESS METHODS - WHAT A FEED SAYS === #

    @api.model
    def _get_feed_label(self):
        """Return what people call the feeds of these. To be overridden.

        :return: The label, in the user's language.
        :rtype: str
        """
        raise NotImplementedError

    def _get_marketplaces(self):
        """Return the marketplaces that these belong to. To be overridden.

        :rtype: amazon.marketplace
        """
        raise NotImplementedError

    def _build_message(self):
        """Return what Amazon is to be told of one record. To be overridden.

        :return: A dataclass of `amazon/`.
        :raise UserError: If something is missing, saying what.
        """
        raise NotImplementedError

    @api.model
    def _build_feed(self, account, messages):
        """Return the document of a feed. To be overridden.

        :param amazon.account account: The account that sends.
        :param list messages: What `_build_message` returned.
        :return: The document; a text in UTF-8 unless `_pack_content` takes another one.
        :rtype: bytes
        """
        raise NotImplementedError

    @api.model
    def _pack_content(self, content):
        """Return a document as the text that is kept until it is sent. May be overridden.

        :param bytes content: What `_build_feed` returned.
        :rtype: str
        """
        return content.decode()

    @api.model
    def _unpack_content(self, text):
        """Return the document that a text was kept of. May be overridden, as `_pack_content`.

        :param str text: What `_pack_content` returned.
        :rtype: bytes
        """
        return text.encode()

    @api.model
    def _get_feed_options(self, _feed):
        """Return what Amazon is told of a feed beside the document. May be overridden.

        :param amazon.feed _feed: The feed.
        :return: The options by Amazon's names.
        :rtype: dict[str, str]
        """
        return {}

    @api.model
    def _fits_feed(self, _message):
        """Return whether Amazon's schema of the feed has room for a message. May be overridden.

        :param _message: What `_build_message` returned.
        :rtype: bool
        """
        return True

    # === BUSINESS METHODS - ON THE WAY OUT === #

    @api.model
    def _put_due_in_feeds(self, _account):
        """Put what is due and can't be told but in feeds into feeds. May be overridden.

        :param amazon.account _account: The account that sends.
        :return: None
        """

    def _put_in_feed(self):
        """Make a feed of these, all of one account; what can't be told keeps the reason.

        What a feed has no room for is left, so that it does not spoil all others.

        :return: The feeds, none if nothing is left for them.
        :rtype: amazon.feed
        """
        messages = {}
        for record in self:
            try:
                message = record._build_message()
            except Exception as exception:
                record._note_failure_safely(exception)
            else:
                if self._fits_feed(message):
                    messages[record] = message
        feeds = self.env['amazon.feed']

        def make_feed(records):
            nonlocal feeds
            feeds |= records._make_feed({record: messages[record] for record in records})

        failures = self.browse().union(*messages)._do_together_or_apart(make_feed)
        for record, exception in failures.items():
            record._note_failure_safely(exception)
        return feeds.exists()

    def _make_feed(self, messages):
        """Make a feed that carries these.

        :param dict messages: What is told of each.
        :return: The feed.
        :rtype: amazon.feed
        """
        account = self.account_id
        feed = self.env['amazon.feed'].create({
            'account_id': account.id,
            'type': self._name,
            'marketplace_ids': self._get_marketplaces().ids,
            'content': self._pack_content(self._build_feed(account, list(messages.values()))),
            'message_count': len(messages),
        })
        for number, (record, message) in enumerate(messages.items(), start=1):
            record._mark_in_feed(feed, number, message)
        return feed

    def _mark_in_feed(self, feed, number, _message):
        """Record that a feed carries it.

        :param amazon.feed feed: The feed.
        :param int number: The number of the message in the feed.
        :param _message: What the feed says about it.
        :return: None
        """
        self.write({'feed_id': feed.id, 'feed_message': number})

    @api.model
    def _stands(self, _feed):
        """Return whether a feed that Amazon does not have yet still says what is to be told. May be
        overridden.

        :param amazon.feed _feed: The feed.
        :rtype: bool
        """
        return True

    def _mark_unsent(self, reason):
        """Let no feed tell of these: it was not sent. May be overridden.

        :param str reason: Why, in a sentence.
        :return: None
        """
        self._mark_unknown(reason)

    # === BUSINESS METHODS - ON THE WAY BACK === #

    @api.model
    def _get_carried_domain(self, feed):
        """Return the domain of what a feed carries and whose outcome is open.

        :param amazon.feed feed: The feed.
        :rtype: Domain
        """
        return Domain('feed_id', '=', feed.id)

    @api.model
    def _parse_report(self, content):
        """Return what Amazon's report on a feed says. To be overridden.

        :param bytes content: The report as Amazon sent it.
        :return: A dataclass of `amazon/` that has a `seller_id`.
        :raise Malformed: If it is no report.
        """
        raise NotImplementedError

    def _take_report(self, report, message_count):
        """Act on what Amazon says about these messages of a feed. To be overridden.

        :param report: What `_parse_report` returned.
        :param int message_count: How many messages the feed had.
        :return: None
        """
        raise NotImplementedError

    def _mark_unknown(self, reason, answer=''):
        """Record that nobody knows whether Amazon took it. To be overridden.

        :param str reason: What happened, in a sentence.
        :param str answer: What Amazon says, if it says anything.
        :return: None
        """
        raise NotImplementedError
