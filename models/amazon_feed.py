from datetime import timedelta

from odoo import api, fields, models

from ..amazon import feeds
from ..amazon.errors import Malformed, NotFound, Rejected, Unavailable
from .tools import CRON_SECONDS, TimeBudget
from .vault import EncryptedText

POLL_PAUSE = timedelta(minutes=2)
MAX_AGE = timedelta(hours=24)


class AmazonFeed(models.Model):
    """A document with many messages that Amazon works through in its own time.

    What it says and what becomes of that is the matter of its carrier, a model that inherits
    `amazon.feed.mixin`: the contract between the two is there.
    """

    _name = 'amazon.feed'
    _description = "Amazon Feed"
    _inherit = ['amazon.job.mixin']
    _order = 'id desc'

    _open_states = ('to_upload', 'to_create', 'in_progress', 'over')
    _poll_pause = POLL_PAUSE

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    # The carrier. Amazon's own types do not tell it: one of them takes prices and quantities alike.
    type = fields.Selection(selection='_selection_type', required=True, readonly=True)
    marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace', string="Marketplaces", required=True, readonly=True,
    )
    content = EncryptedText(
        help="As it is sent.", readonly=True, groups='amazon_connector.group_amazon_admin',
    )
    message_count = fields.Integer(string="Messages", readonly=True)
    state = fields.Selection(
        selection=[
            ('to_upload', "To Upload"),
            ('to_create', "Uploaded"),
            ('in_progress', "Amazon Works on It"),
            ('over', "To Read"),
            ('done', "Done"),
            ('failed', "Failed"),
        ],
        default='to_upload',
        required=True,
        readonly=True,
        index=True,
    )
    reason = fields.Char(readonly=True)
    answer = fields.Char(string="Original Words", help="What Amazon said.", readonly=True)
    document_ref = fields.Char(string="Document", readonly=True)
    feed_ref = fields.Char(string="Amazon's Feed", readonly=True)
    result_ref = fields.Char(string="Result Document", readonly=True)

    # === SELECTION METHODS === #

    @api.model
    def _selection_type(self):
        """Return the carriers, each with what people call its feeds."""
        return [(carrier, self.env[carrier]._get_feed_label()) for carrier in self._get_carriers()]

    # === COMPUTE METHODS === #

    @api.depends('type', 'feed_ref')
    def _compute_display_name(self):
        types = dict(self._fields['type']._description_selection(self.env))
        for feed in self:
            feed.display_name = f'{types.get(feed.type, feed.type)} {feed.feed_ref or feed.id}'

    # === BUSINESS METHODS === #

    @api.model
    def _get_carriers(self):
        """Return the models whose records feeds carry.

        :return: Their names.
        :rtype: list[str]
        """
        registry = self.env.registry
        return [
            name for name in registry.descendants(['amazon.feed.mixin'], '_inherit')
            if registry[name]._feed_type
        ]

    def _get_carrier(self):
        """Return the model whose records the feed carries.

        :return: No record of it.
        :rtype: models.Model
        """
        self.ensure_one()
        return self.env[self.type]

    @api.model
    def _cron_process_feeds(self):
        """Put what only feeds can tell into feeds, and bring all feeds a step forward. What Amazon
        took, by feed or call, but does not show is overdue in the end.

        :return: None
        """
        for outbox in self.env['amazon.outbox.mixin']._get_outboxes():
            self.env[outbox]._mark_overdue()
            self.env['ir.cron']._commit_progress()
        self.env['amazon.sync']._run_way('feeds', TimeBudget(CRON_SECONDS))

    @api.model
    def _get_open_of_way(self, account, way='feeds'):
        """Return the open feeds of a way, see `_get_open`.

        :param amazon.account account: The account, or several.
        :param str way: The way.
        :rtype: amazon.feed
        """
        return self._get_open(account).filtered(
            lambda feed: feed._get_carrier()._feed_way == way,
        )

    def _wake_job(self, at=None):
        """Override of `amazon.job.mixin` to wake the crons of their ways."""
        for feed in self:
            sync = feed.account_id.connection_id._get_sync(feed._get_carrier()._feed_way)
            sync._get_cron()._trigger(at=at)

    def _note_failure(self, exception):
        """Override of `amazon.sync.mixin` to send in another way what the feed carries."""
        self._give_up(self._get_failure_reason(exception), self._get_answer(exception))

    def _do_next_step(self, client):
        """Override of `amazon.job.mixin`. Each step returns as much."""
        if self.state in ('to_upload', 'to_create') and not self._get_carrier()._stands(self):
            return self._leave_unsent()
        if self.state == 'to_upload':
            return self._upload(client)
        if self.state == 'to_create':
            return self._create_at_amazon(client)
        return self._poll(client) if self.state == 'in_progress' else self._read_report(client)

    def _leave_unsent(self):
        """Send nothing of it: what it says is not to be told any more."""
        reason = self.env._("It waited too long, and was not sent. What it carried is told anew.")
        self._get_carried()._mark_unsent(reason)
        self.write({'state': 'failed', 'reason': reason, 'content': False})
        return False

    def _upload(self, client):
        """Lay the document ready at Amazon."""
        carrier = self._get_carrier()
        document_ref = feeds.upload_document(
            client, carrier._unpack_content(self.content), carrier._feed_content_type,
        )
        self.write({'document_ref': document_ref, 'state': 'to_create'})
        return True

    def _create_at_amazon(self, client):
        """Let Amazon begin with the document."""
        carrier = self._get_carrier()
        feed_ref = feeds.create_feed(
            client,
            carrier._feed_type,
            self.marketplace_ids.mapped('api_ref'),
            self.document_ref,
            carrier._get_feed_options(self),
        )
        self.write({'feed_ref': feed_ref, 'state': 'in_progress'})
        self._wait_for_amazon()
        return False

    def _poll(self, client):
        """Ask Amazon how far it is; come back later while it works."""
        feed = feeds.fetch_feed(client, self.feed_ref)
        if feed.is_over and feed.status == 'DONE' and feed.result_document_id:
            self.write({'result_ref': feed.result_document_id, 'state': 'over'})
            return True
        if feed.is_over:
            self._look_for_seller_id(client, feed.result_document_id)
            self._give_up(self.env._(
                "Amazon ended the feed without a report: %(status)s.", status=feed.status,
            ))
        elif self.create_date < fields.Datetime.now() - MAX_AGE:
            self._give_up(self.env._(
                "Amazon has not finished the feed within a day: %(status)s.", status=feed.status,
            ))
        else:
            self._wait_for_amazon()
        return False

    def _look_for_seller_id(self, client, document_ref):
        """Compare whose feed it was in Amazon's eyes, where it ended the feed without doing it.

        :param amazon.client.Client client: The client of the connection.
        :param str document_ref: Amazon's report, empty if there is none.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        if not document_ref:
            return
        try:
            content = feeds.fetch_document(client, document_ref)
            report = self._get_carrier()._parse_report(content)
        except (Malformed, NotFound, Rejected, Unavailable):
            return  # The feed is given up all the same.
        self.account_id._compare_seller_id(report.seller_id)

    def _read_report(self, client):
        """Hand Amazon's answers over to the records that the messages are about."""
        content = feeds.fetch_document(client, self.result_ref)
        report = self._get_carrier()._parse_report(content)
        self._get_carried()._take_report(report, self.message_count)
        self.account_id._compare_seller_id(report.seller_id)
        self.write({'state': 'done', 'content': False})
        self.account_id._follow_up_failures()
        return False

    def _get_carried(self):
        """Return the records whose messages the feed carries and whose outcome is open.

        :rtype: models.Model
        """
        carrier = self._get_carrier()
        return carrier.search(carrier._get_carried_domain(self))

    def _give_up(self, reason, answer=''):
        """Give up on the feed: what it carried is sent again in another way.

        :param str reason: Why, in a sentence.
        :param str answer: What Amazon says, if it says anything.
        :return: None
        """
        self._get_carried()._mark_unknown(reason, answer)
        self.write({'state': 'failed', 'reason': reason, 'answer': answer, 'content': False})
