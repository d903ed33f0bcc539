from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import xml_feeds
from ..amazon.errors import Rejected
from .amazon_sync_mixin import BACK_OFF_MINUTES

ECHO_HOURS = 24
LOCK_TRIES = 10


class AmazonOutboxMixin(models.AbstractModel):
    """Something that Amazon must be told, by a call or in a feed, until its own data show it.

    It is stored together with what caused it and sent in another transaction: nothing is forgotten
    when Odoo stops, and nothing is told that was rolled back.

    A model that inherits this is an outbox, which `_get_outboxes` finds by itself. It follows its
    marketplaces to another account (`_get_marketplace_domain`), and waits while its account is
    archived, which says how much waits (`_get_count_label`).
    """

    _name = 'amazon.outbox.mixin'
    _description = "Amazon Outbox"
    _inherit = ['amazon.queue.mixin', 'amazon.feed.mixin']

    _to_do_state = 'to_send'
    _feed_content_type = xml_feeds.CONTENT_TYPE
    _sender = None  # the cron that sends; to be overridden

    state = fields.Selection(
        selection=[
            ('to_send', "To Send"),
            ('in_feed', "In a Feed"),
            ('sent', "Sent"),
            ('confirmed', "Confirmed by Amazon"),
            ('failed', "Failed"),
            ('skipped', "Not to Send"),
        ],
        default='to_send',
        required=True,
        readonly=True,
        index=True,
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    sent_at = fields.Datetime(
        string="Sent", help="When Amazon accepted it. That does not prove yet that it has it.",
        readonly=True,
    )
    confirmed_at = fields.Datetime(
        string="Confirmed", help="When it was seen in Amazon's own data.", readonly=True,
    )
    is_held = fields.Boolean(
        help="Whether it is not sent because its account is archived.", readonly=True,
    )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to send it as soon as it is committed."""
        records = super().create(vals_list)
        records._wake_sender()
        archived = records.filtered(lambda r: r.state == 'to_send' and not r.account_id.active)
        archived._hold_archived()
        return records

    # === BUSINESS METHODS - SENDING === #

    def _wake_sender(self):
        """Let the cron that sends these run as soon as they are committed."""
        if self:
            self.env.ref(self._sender).sudo()._trigger()

    def _send_again(self):
        """Send these, whatever became of them before.

        :return: None
        """
        self.write({
            'state': 'to_send',
            'reason': False,
            'attempts': 0,
            'next_try': False,
            'confirmed_at': False,
        })
        self._wake_sender()

    @api.model
    def _take_due(self, account, limit, domain=Domain.TRUE):
        """Return what is to be sent now, locked, so that workers never meet on one of them.

        :param amazon.account account: The account that sends.
        :param int limit: How many at most.
        :param Domain domain: Which of them.
        :rtype: models.Model
        """
        domain &= self._get_due_domain() & Domain('account_id', '=', account.id)
        due = self.search(domain, order='id', limit=LOCK_TRIES * limit)
        return due.try_lock_for_update(allow_referencing=True, limit=limit)

    def _check_documents(self, imported, documents):
        """Refuse to tell Amazon of what is not the account's, however it came into the outbox.

        :param models.Model imported: What came from Amazon, of a model with `amazon_account_id`.
        :param documents: Other records from which Amazon is told.
        :return: None
        :raise UserError: Naming the document.
        """
        self.ensure_one()
        account, known = self.account_id, imported.amazon_account_id
        # What is open follows its marketplace to another account, what was sent does not.
        if not known or (known != account and known.seller_id != account.seller_id):
            raise UserError(self.env._(
                "%(document)s was not imported through the account %(account)s. Amazon is not told"
                " of it.",
                document=imported.display_name,
                account=account.name,
            ))
        for document in (imported, *documents):
            if document.company_id != account.company_id:
                raise UserError(self.env._(
                    "%(document)s belongs to another company than the account %(account)s. Amazon"
                    " is not told of it.",
                    document=document.display_name,
                    account=account.name,
                ))

    # === BUSINESS METHODS - ACCOUNTS === #

    @api.model
    def _get_outboxes(self):
        """Return the models that are outboxes.

        :return: Their names.
        :rtype: list[str]
        """
        registry = self.env.registry
        return [
            name for name in registry.descendants(['amazon.outbox.mixin'], '_inherit')
            if not registry[name]._abstract
        ]

    @api.model
    def _get_marketplace_domain(self, marketplaces):
        """Return the domain of what belongs to marketplaces. To be overridden.

        :param amazon.marketplace marketplaces: The marketplaces.
        :rtype: Domain
        """
        raise NotImplementedError

    @api.model
    def _get_count_label(self, count):
        """Return a number of these in words. To be overridden.

        :param int count: How many.
        :rtype: str
        """
        raise NotImplementedError

    def _hold_archived(self):
        """Say that nothing is sent because the account is archived.

        :return: None
        """
        for account, records in self.grouped('account_id').items():
            records._mark_doubtful(self.env._(
                "The account %(account)s is archived, so that Amazon is not told. It is as soon as"
                " the account is un-archived: Amazon ▸ Configuration ▸ Accounts, filter Archived.",
                account=account.name,
            ))
            records.is_held = True

    def _release_archived(self):
        """Send what was held while the account was archived.

        :return: None
        """
        held = self.filtered('is_held')
        held.is_held = False
        held._send_again()

    # === BUSINESS METHODS - FEEDS === #

    def _mark_in_feed(self, feed, number, message):
        """Override of `amazon.feed.mixin` to be sent by nothing else meanwhile."""
        super()._mark_in_feed(feed, number, message)
        self.state = 'in_feed'

    @api.model
    def _get_carried_domain(self, feed):
        """Override of `amazon.feed.mixin`: what was sent again or confirmed meanwhile is over."""
        return super()._get_carried_domain(feed) & Domain('state', '=', 'in_feed')

    @api.model
    def _parse_report(self, content):
        """Override of `amazon.feed.mixin`: messages are reported on as XML feeds are."""
        return xml_feeds.parse_processing_report(content)

    def _take_report(self, report, message_count):
        """Override of `amazon.feed.mixin`.

        :param amazon.xml_feeds.ProcessingReport report: As Amazon sent it.
        """
        is_whole = report.accounts_for(message_count)
        self._do_each(lambda record: record._take_result(report, is_whole))

    def _take_result(self, report, is_whole):
        """Act on what Amazon says about the message of one record.

        :param amazon.xml_feeds.ProcessingReport report: As Amazon sent it.
        :param bool is_whole: Whether Amazon has done what it does not mention.
        :return: None
        """
        errors = report.get_errors(self.feed_message)
        warnings = report.get_warnings(self.feed_message)
        if errors:
            self._mark_failed(Rejected(
                self._feed_type,
                _join_descriptions(errors),
                codes=[problem.code for problem in errors],
            ))
        elif warnings:
            self._mark_sent(
                reason=self.env._("Amazon accepted it with a warning."),
                answer=_join_descriptions(warnings),
            )
        elif is_whole:
            self._mark_sent()
        else:
            self._mark_unknown(self.env._(
                "Amazon's report on the feed does not mention it, so that it is sent again.",
            ))

    # === BUSINESS METHODS - STATES === #

    def _mark_sent(self, **values):
        """Record that Amazon accepted it.

        :param values: What else is to be remembered.
        :return: None
        """
        self.write({
            'state': 'sent',
            'sent_at': fields.Datetime.now(),
            'reason': False,
            'attempts': 0,
            'next_try': False,
            **values,
        })

    def _mark_confirmed(self, **values):
        """Record that Amazon's own data show it.

        :param values: What else is to be remembered.
        :return: None
        """
        self.write({
            'state': 'confirmed',
            'confirmed_at': fields.Datetime.now(),
            'reason': False,
            'attempts': 0,
            'next_try': False,
            **values,
        })

    def _mark_unknown(self, reason, answer=''):
        """Override of `amazon.feed.mixin` to send it again in a while.

        :param str answer: What Amazon says, if it says anything.
        """
        def send_later(record):
            attempts = record.attempts + 1
            record.write({
                'state': 'to_send',
                'reason': reason,
                'answer': answer,
                'attempts': attempts,
                'next_try': self._get_next_try(min(attempts, len(BACK_OFF_MINUTES))),
            })

        self._do_each(send_later)

    def _mark_doubtful(self, reason):
        """Record that Amazon's data do not show what it accepted: a person has to look.

        :param str reason: What is wrong, and what to do.
        :return: None
        """
        self.write({'state': 'failed', 'reason': reason, 'next_try': False})

    @api.model
    def _mark_overdue(self):
        """Record what Amazon accepted long ago but has not shown since.

        :return: None
        """
        overdue = self.search([
            ('state', '=', 'sent'),
            ('sent_at', '<', fields.Datetime.now() - timedelta(hours=ECHO_HOURS)),
        ])
        reason = self._get_overdue_reason()
        overdue._do_each(lambda record: record._mark_doubtful(reason))
        overdue.account_id._follow_up_failures()

    @api.model
    def _get_overdue_reason(self):
        """Return the sentence about what Amazon accepted but does not show. To be overridden.

        :rtype: str
        """
        raise NotImplementedError


def _join_descriptions(problems):
    """Return what Amazon says about a message, as one text."""
    return '; '.join(f'{problem.code}: {problem.description}' for problem in problems)
