from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import listings, listings_feed
from ..amazon.errors import NotFound, Rejected

# After these Amazon's data are looked at for what it was sent; after the last they should show it.
READ_BACK_MINUTES = (2, 5, 15, 30, 60)
SETTLED = timedelta(minutes=READ_BACK_MINUTES[-1])
FEED_FRESH = timedelta(minutes=15)  # until when a feed that Amazon does not have yet is sent
KNOWN_FOR = timedelta(days=2)  # how long a quantity counts that nobody has compared with Odoo's


class AmazonStockLevel(models.Model):
    """The outbox of quantities: how many of an offer are to stand on Amazon, and what it was told.

    It is a level, no message: only its last value counts, so that it may be sent again whenever it
    is not certain what Amazon has. Each offer whose quantity is the account's to tell has one. It
    has a room of its own, so that people who work with offers and the cron that tells Amazon of
    them do not wait for each other.
    """

    _name = 'amazon.stock.level'
    _description = "Amazon Stock Level"
    _inherit = ['amazon.queue.mixin', 'amazon.feed.mixin']
    _order = 'target, id'  # Who is sold out is told first.
    _rec_name = 'offer_id'

    _to_do_state = 'to_send'
    _feed_type = listings_feed.FEED_TYPE
    _feed_content_type = listings_feed.CONTENT_TYPE
    _feed_size = listings_feed.MAX_MESSAGES

    offer_id = fields.Many2one(
        comodel_name='amazon.offer', required=True, readonly=True, ondelete='cascade',
    )
    account_id = fields.Many2one(related='offer_id.account_id', store=True, index=True)
    marketplace_id = fields.Many2one(related='offer_id.marketplace_id', store=True)
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    state = fields.Selection(
        selection=[
            ('to_send', "To Send"),
            ('sent', "Sent"),
            ('in_sync', "In Sync"),
            ('failed', "Failed"),
        ],
        string="Stock Status",
        help="Empty: the connector leaves the quantity on Amazon alone.",
        readonly=True,
        index=True,
    )
    target = fields.Integer(
        string="To Send",
        help="How many Amazon is to show, as it was last calculated.",
        readonly=True,
    )
    sent = fields.Integer(
        string="Quantity Sent", help="What Amazon accepted last.", readonly=True,
    )
    sent_at = fields.Datetime(
        string="Quantity Sent at",
        help="When Amazon accepted it. That does not prove yet that it has it.",
        readonly=True,
    )
    is_told = fields.Boolean(
        help="Whether Amazon may have been told something that it has not shown since, so that"
             " nobody knows what it has. It is set before anything is sent.",
        readonly=True,
    )
    fed = fields.Integer(help="What the feed says, while it is open.", readonly=True)
    waits_for_feed = fields.Boolean(
        help="Whether it is left to the feed that carries it. What is less than the feed says does"
             " not wait.",
        readonly=True,
    )
    read_next = fields.Datetime(
        help="When Amazon's data are looked at for what it was sent.", readonly=True, index=True,
    )

    _offer_uniq = models.Constraint('UNIQUE(offer_id)', "The offer has a stock level already.")

    # === BUSINESS METHODS - WHAT IS TO STAND ON AMAZON === #

    def _recalculate(self):
        """Calculate anew what is to stand on Amazon; what can't be calculated says why.

        :return: None
        """
        def calculate(levels):
            quantities = levels._get_wanted().offer_id._get_offered_quantities()
            for level in levels:
                level._set_target(quantities.get(level.offer_id))

        for level, exception in self._do_together_or_apart(calculate).items():
            level._note_failure_safely(exception)
            # It is calculated again when it is due, and only what is due may be sent.
            level.is_told = level.is_told or level.account_id.stock_push == 'on'

    def _get_wanted(self):
        """Return those whose account tells Amazon of them.

        :rtype: amazon.stock.level
        """
        return self.filtered(
            lambda level: level.account_id._pushes_stock()
            and level.marketplace_id in level.account_id.synced_marketplace_ids,
        )

    def _set_target(self, target):
        """Note what is to stand on Amazon, and whether it must be told of it.

        :param int | None target: In units of the offer; `None` if it is to be left alone.
        :return: None
        """
        self.ensure_one()
        if target is None:
            self._set_aside()
            return
        if target != self._get_known():
            self._set_to_send(target)
        elif self.state != 'sent':
            self._mark_in_sync(target)

    def _get_known(self):
        """Return what stands on Amazon, or will when it has worked off what it has accepted.

        :return: The quantity, `None` if that is not certain.
        :rtype: int | None
        """
        self.ensure_one()
        if self.state == 'sent':
            return self.sent
        read_at = self.offer_id.quantity_read_at
        is_recent = read_at and read_at > fields.Datetime.now() - KNOWN_FOR
        if self.is_told or not read_at or not (is_recent or self.state == 'in_sync'):
            return None
        return self.offer_id.amazon_quantity

    def _set_to_send(self, target):
        """Note that Amazon has another quantity than it is to have.

        What has failed or waits goes on doing so, until the quantity changes.

        :param int target: What is to stand on Amazon.
        :return: None
        """
        values = {'target': target, 'waits_for_feed': bool(self.feed_id) and target >= self.fed}
        if self.state != 'to_send' and (self.state, self.target) != ('failed', target):
            values |= {'state': 'to_send', 'reason': False, 'next_try': False, 'read_next': False}
        if self.account_id.stock_push == 'on':
            values['is_told'] = True
        if any(self[name] != value for name, value in values.items()):
            self.write(values)

    def _doubt(self):
        """Note that nobody knows any more what Amazon has: it was bought or cancelled there.

        :return: None
        """
        self.filtered(
            lambda level: level.state == 'in_sync' and level.account_id.stock_push == 'on',
        ).is_told = True

    def _set_aside(self):
        """Leave alone what stands on Amazon.

        :return: None
        """
        self.filtered('state').write({
            'state': False,
            'target': 0,
            'reason': False,
            'attempts': 0,
            'next_try': False,
            'read_next': False,
            'waits_for_feed': False,
        })

    # === BUSINESS METHODS - WHAT BECAME OF IT === #

    def _mark_sent(self, quantity, warnings=()):
        """Record that Amazon has accepted a quantity.

        The failures so far are kept: Amazon also accepts what it then does not show.

        :param int quantity: What it was sent.
        :param warnings: The issues that it has with it all the same.
        :return: None
        """
        now = fields.Datetime.now()
        self.write({
            'state': 'sent',
            'sent': quantity,
            'sent_at': now,
            'reason': bool(warnings) and self.env._("Amazon accepted it with a warning."),
            'answer': listings.describe_issues(warnings),
            'next_try': False,
            'read_next': now + timedelta(minutes=READ_BACK_MINUTES[0]),
        })

    def _mark_in_sync(self, quantity):
        """Record that Amazon shows what it is to show.

        :param int quantity: What it shows.
        :return: None
        """
        values = {
            'state': 'in_sync',
            'target': quantity,
            'is_told': False,
            'reason': False,
            'attempts': 0,
            'next_try': False,
            'read_next': False,
        }
        if any(self[name] != value for name, value in values.items()):
            self.write(values)

    def _mark_failed(self, exception):
        """Override of `amazon.queue.mixin`: Amazon is not asked any more what became of it."""
        super()._mark_failed(exception)
        self.read_next = False

    def _mark_open(self, reason, answer=''):
        """Record that it could not be told yet. It is tried again in a while, as often as it takes.

        :param str reason: What happened, in a sentence.
        :param str answer: What Amazon says, if it says anything.
        :return: None
        """
        self.write({
            'state': 'to_send',
            'reason': reason,
            'answer': answer,
            'attempts': self.attempts + 1,
            'next_try': self._get_next_try_anyway(self.attempts + 1),
            'read_next': False,
        })

    def _send_again(self):
        """Send these as soon as possible, whatever became of them before.

        :return: None
        """
        self.filtered('state').write({
            'state': 'to_send',
            'reason': False,
            'attempts': 0,
            'next_try': False,
            'read_next': False,
        })

    def _get_failure_reason(self, exception):
        """Override of `amazon.sync.mixin` to say what to do about Amazon's answers."""
        if isinstance(exception, NotFound):
            return self._get_missing_reason()
        if isinstance(exception, Rejected):
            return self.env._(
                "Amazon refuses it. Its own words are for Amazon users: mend the listing in Seller"
                " Central, then press Retry.",
            )
        return super()._get_failure_reason(exception)

    def _get_missing_reason(self):
        """Return the sentence about an offer that Amazon does not have.

        :rtype: str
        """
        return self.env._(
            "Amazon has no listing with this SKU on %(marketplace)s: check it in Seller Central."
            " Import Listings marks what is not listed any more.",
            marketplace=self.marketplace_id.name,
        )

    # === BUSINESS METHODS - READING === #

    def _take_reading(self, item):
        """Compare what Amazon shows with what it was sent, or is to be.

        :param amazon.listings.ListedItem | None item: The listing, `None` if Amazon has none.
        :return: None
        """
        self.ensure_one()
        if not self.state:
            return
        if item is None:
            self._mark_failed(UserError(self._get_missing_reason()))
        elif item.channel not in ('fbm', ''):
            self._set_aside()
        elif self.state == 'sent':
            self._take_read_back(item.quantity)
        elif not item.channel:
            self._mark_open(self.env._(
                "Amazon does not say who ships it, so that no quantity is sent: complete the"
                " listing in Seller Central. It is tried again by itself.",
            ))
        elif item.quantity == self.target and self._is_settled():
            self._mark_in_sync(self.target)

    def _is_settled(self):
        """Return whether Amazon has had the time to show all that it was told.

        :rtype: bool
        """
        now = fields.Datetime.now()
        return not self.feed_id and (not self.sent_at or self.sent_at <= now - SETTLED)

    def _take_read_back(self, shown):
        """Compare what Amazon shows with what it accepted.

        :param int | None shown: The quantity, `None` if Amazon shows none.
        :return: None
        """
        now = fields.Datetime.now()
        if shown == self.sent and not self.feed_id:
            self._mark_in_sync(shown)
        elif self._is_settled():
            self._mark_failed(UserError(self._get_difference_reason(shown)))
        else:
            pauses = [timedelta(minutes=minutes) for minutes in READ_BACK_MINUTES]
            later = [self.sent_at + pause for pause in pauses if self.sent_at + pause > now]
            # While a feed is open, its end decides.
            self.read_next = min(later, default=now + pauses[0])

    def _get_difference_reason(self, shown):
        """Return the sentence about a quantity that Amazon has accepted but does not show.

        :param int | None shown: What it shows.
        :rtype: str
        """
        if shown is None:
            return self.env._(
                "Amazon accepted %(sent)s an hour ago, but shows no quantity. It is sent again by"
                " itself; if that does not help, look at the listing in Seller Central.",
                sent=self.sent,
            )
        return self.env._(
            "Amazon accepted %(sent)s an hour ago, but shows %(shown)s. It is sent again by itself;"
            " if that does not help, look at the listing in Seller Central.",
            sent=self.sent,
            shown=shown,
        )

    # === BUSINESS METHODS - FEEDS === #

    @api.model
    def _get_feed_label(self):
        """Override of `amazon.feed.mixin`."""
        return self.env._("Stock Levels")

    def _get_marketplaces(self):
        """Override of `amazon.feed.mixin`."""
        return self.marketplace_id

    def _build_message(self):
        """Override of `amazon.feed.mixin`."""
        self.ensure_one()
        return listings_feed.Message(self.offer_id.sku, (self._build_patch(),))

    @api.model
    def _build_feed(self, account, messages):
        """Override of `amazon.feed.mixin`."""
        return listings_feed.build_listings_feed(account.seller_id, messages)

    def _mark_in_feed(self, feed, number, message):
        """Override of `amazon.feed.mixin` to remember what Amazon is told."""
        super()._mark_in_feed(feed, number, message)
        self.write({'fed': message.patches[0].quantity, 'waits_for_feed': True})

    @api.model
    def _stands(self, feed):
        """Override of `amazon.feed.mixin`: an old level is never sent, nor one for whom Amazon
        ships.
        """
        carried = self.search(self._get_carried_domain(feed))
        is_late = feed.create_date < fields.Datetime.now() - FEED_FRESH
        if is_late or len(carried) < feed.message_count:  # of offers that were deleted meanwhile
            return False
        return carried == carried.filtered_domain(
            self._get_sendable_domain() & Domain('state', '=', 'to_send'),
        ) and all(level.target >= level.fed for level in carried)

    def _mark_unsent(self, reason):
        """Override of `amazon.feed.mixin` to tell Amazon of them as they are by then."""
        self._leave_feed()
        self._wake_sender()

    @api.model
    def _parse_report(self, content):
        """Override of `amazon.feed.mixin`."""
        return listings_feed.parse_report(content)

    def _take_report(self, report, message_count):
        """Override of `amazon.feed.mixin`.

        :param amazon.listings_feed.FeedReport report: As Amazon sent it.
        """
        is_whole = report.accounts_for(message_count)
        self._do_each(lambda level: level._take_result(report, is_whole))
        self._wake_sender()
        self._wake_reader()

    def _take_result(self, report, is_whole):
        """Act on what Amazon says about the message of one level.

        What was sent while the feed was open may have been overwritten by it: it is sent again.

        :param amazon.listings_feed.FeedReport report: As Amazon sent it.
        :param bool is_whole: Whether Amazon has done what it does not mention.
        :return: None
        """
        errors = report.get_errors(self.feed_message)
        is_current = self.state == 'to_send' and self.fed == self.target
        self._leave_feed()
        if not is_current:
            if not errors:
                self._send_again()
        elif errors:
            self._mark_failed(listings.build_refusal(self._feed_type, errors))
        elif is_whole:
            self._mark_sent(self.fed, report.get_warnings(self.feed_message))
        else:
            self._mark_open(self.env._(
                "Amazon's report on the feed does not mention it, so that it is sent again.",
            ))

    def _mark_unknown(self, reason, answer=''):
        """Override of `amazon.feed.mixin` to send it again in a while."""
        def leave(level):
            level._leave_feed()
            if level.state:
                level._mark_open(reason, answer)

        self._do_each(leave)
        self._wake_sender()

    def _leave_feed(self):
        """Note that no feed says anything about it any more."""
        self.write({'feed_id': False, 'waits_for_feed': False})
