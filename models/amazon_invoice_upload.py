import base64

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import vat_invoice_refusals as refusals
from ..amazon import vat_invoices
from ..amazon.errors import Rejected
from ..amazon.orders import Status
from .tools import open_form

NOT_SHIPPED = (*Status.NOT_RELEASED, Status.UNSHIPPED)  # of which Amazon takes no invoice yet
PDF_MARK = b'%PDF'
# Amazon takes one in three seconds, and to print one takes as long: few are printed ahead.
MAX_WAITING = 3
MAX_OPEN = 200  # feeds at a time; Amazon shows 80 reports an hour


class AmazonInvoiceUpload(models.Model):
    """The outbox of invoices: a document for the buyer of an order, who finds it on Amazon.

    Amazon is told of each once. It refuses a number that it has for the order already, which is
    as good as that it takes it.
    """

    _name = 'amazon.invoice.upload'
    _description = "Amazon Invoice Upload"
    _inherit = ['amazon.outbox.mixin']
    _order = 'id desc'
    _rec_name = 'move_id'

    _sender = 'amazon_connector.ir_cron_upload_invoices'
    _feed_type = vat_invoices.FEED_TYPE
    _feed_content_type = vat_invoices.CONTENT_TYPE
    _feed_size = 1
    _feed_way = 'invoices'

    move_id = fields.Many2one(
        comodel_name='account.move',
        string="Invoice",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    move_type = fields.Selection(related='move_id.move_type')
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    order_ref = fields.Char(related='sale_order_id.amazon_order_ref', string="Amazon Order")
    marketplace_id = fields.Many2one(
        related='sale_order_id.amazon_marketplace_id', string="Marketplace",
    )
    number = fields.Char(
        string="Number Sent", help="As Amazon was told last.", readonly=True,
    )
    is_uncertain = fields.Boolean(
        help="Whether nobody knows if Amazon has the document.", readonly=True,
    )

    # Odoo quotes what accountants have to mend, too.
    answer = fields.Char(
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )

    _move_uniq = models.Constraint('UNIQUE(move_id)', "The invoice is in the outbox already.")

    # === ACTION METHODS === #

    def action_retry(self):
        """Upload those that failed, or were not to be uploaded, once more.

        :return: None
        :raise UserError: If one can't be uploaded, saying why.
        """
        self.check_access('read')
        if not self.env.user.has_group('amazon_connector.group_amazon_user'):
            self.move_id.check_access('write')
        # In sudo mode: only the connector writes to the outbox.
        failed = self.sudo().filtered(lambda upload: upload.state in ('failed', 'skipped'))
        for upload in failed:
            upload._check_uploadable()
        failed._send_again()

    def action_open_invoice(self):
        """Open the invoice.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.move_id)

    # === BUSINESS METHODS - CREATION === #

    @api.model
    def _create_for(self, moves):
        """Put invoices into the outbox, or send those again that are there and Amazon lacks.

        :param account.move moves: Posted invoices and credit notes of Amazon orders.
        :return: The uploads.
        :rtype: amazon.invoice.upload
        """
        known = self.search([('move_id', 'in', moves.ids)])
        known.filtered(lambda upload: upload.state in ('failed', 'skipped'))._send_again()
        return known | self.create([
            {
                'move_id': move.id,
                'sale_order_id': order.id,
                'account_id': order.amazon_account_id.id,
            }
            for move in moves - known.move_id for order in move._get_amazon_orders()[:1]
        ])

    def _check_uploadable(self):
        """Refuse what Amazon would not take, or must not get.

        :return: None
        :raise UserError: Saying why.
        """
        self.ensure_one()
        if obstacle := self.move_id._get_amazon_upload_obstacle():
            raise UserError(obstacle)
        if self._find_others(self.move_id.name):
            raise UserError(self._get_other_sentence())
        self._check_documents(self.sale_order_id, [self.move_id])

    # === BUSINESS METHODS - FEEDS === #

    @api.model
    def _get_feed_label(self):
        """Override of `amazon.feed.mixin`."""
        return self.env._("Invoices")

    def _get_marketplaces(self):
        """Override of `amazon.feed.mixin`."""
        return self.marketplace_id

    @api.model
    def _get_sendable_domain(self):
        """Return the domain of what Amazon would take by now.

        :rtype: Domain
        """
        return Domain('move_id.state', '=', 'posted') & Domain(
            'sale_order_id.amazon_order_ids', 'not any', [('amazon_status', 'in', NOT_SHIPPED)],
        )

    @api.model
    def _put_due_in_feeds(self, account):
        """Override of `amazon.feed.mixin` to print one after the other, each when it is its turn.
        """
        if self._has_room(account):
            self._take_due(account, self._feed_size, self._get_sendable_domain())._put_in_feed()

    @api.model
    def _has_room(self, account):
        """Return whether the feeds that are on their way leave room for another one.

        :param amazon.account account: The account.
        :rtype: bool
        """
        states = self.env['amazon.feed']._get_open_of_way(account, self._feed_way).mapped('state')
        waiting = sum(state in ('to_upload', 'to_create') for state in states)
        return waiting < MAX_WAITING and len(states) < MAX_OPEN

    def _has_due(self, account):
        """Return whether something of an account is to be sent now.

        :param amazon.account account: The account.
        :rtype: bool
        """
        domain = self._get_due_domain() & self._get_sendable_domain()
        return bool(self.search_count(domain & Domain('account_id', '=', account.id), limit=1))

    def _build_message(self):
        """Override of `amazon.feed.mixin`: the message is the document."""
        self.ensure_one()
        self._check_uploadable()
        return self.move_id._get_amazon_document()

    @api.model
    def _build_feed(self, account, messages):
        """Override of `amazon.feed.mixin`."""
        [document] = messages
        return document

    @api.model
    def _pack_content(self, content):
        """Override of `amazon.feed.mixin`: a PDF is no text."""
        return base64.b64encode(content).decode()

    @api.model
    def _unpack_content(self, text):
        """Override of `amazon.feed.mixin`."""
        return base64.b64decode(text)

    def _mark_in_feed(self, feed, number, message):
        """Override of `amazon.outbox.mixin` to remember what Amazon is told."""
        super()._mark_in_feed(feed, number, message)
        self.number = self.move_id.name

    @api.model
    def _get_feed_options(self, feed):
        """Override of `amazon.feed.mixin` to tell whose document it is."""
        move = feed._get_carried().move_id
        order = feed._get_carried().sale_order_id
        amounts = move._get_amounts_for_amazon(order)
        return vat_invoices.build_feed_options(
            order.amazon_order_ref,
            move.name,
            move.move_type == 'out_refund',
            transaction_ref=move._get_amazon_transaction_ref(),
            **amounts,
        )

    @api.model
    def _stands(self, feed):
        """Override of `amazon.feed.mixin`: what was reset meanwhile is not sent."""
        carried = feed._get_carried()
        move = carried.move_id
        return bool(carried) and move.state == 'posted' and move.name == carried.number

    def _mark_unsent(self, reason):
        """Override of `amazon.feed.mixin` to print it anew when it is posted again."""
        self.write({'state': 'to_send', 'feed_id': False})
        self._wake_sender()

    @api.model
    def _parse_report(self, content):
        """Override of `amazon.outbox.mixin`."""
        return vat_invoices.parse_upload_report(content)

    def _take_report(self, report, message_count):
        """Override of `amazon.outbox.mixin`.

        :param amazon.vat_invoices.UploadReport report: As Amazon sent it.
        """
        for upload in self:
            upload._take_outcome(report)

    def _take_outcome(self, report):
        """Act on what Amazon says of the document.

        :param amazon.vat_invoices.UploadReport report: As Amazon sent it.
        :return: None
        """
        self.is_uncertain = False
        words = '; '.join(f'{code}: {message}' for code, message in report.errors)
        cause = refusals.find_cause(report.errors)
        if report.is_accepted:
            self._mark_confirmed()
        elif cause == refusals.KNOWN:
            self._mark_confirmed(
                reason=self.env._("Amazon had the document under this number already."),
                answer=words,
            )
        elif cause == refusals.BY_AMAZON:
            self.write({
                'state': 'skipped',
                'reason': self.move_id._get_by_amazon_sentence(),
                'answer': words,
                'next_try': False,
            })
        elif report.errors:
            self._mark_failed(Rejected(
                self._feed_type, words, codes=[code for code, _message in report.errors],
            ))
        else:
            self._mark_unknown(self.env._("Amazon's report does not say what became of it."))

    # === BUSINESS METHODS - STATES === #

    def _may_be_at_amazon(self):
        """Return whether Amazon has the document, or may have it.

        :rtype: bool
        """
        self.ensure_one()
        is_sent = self.state == 'in_feed' and self.feed_id.feed_ref
        return self.state == 'confirmed' or self.is_uncertain or bool(is_sent)

    def _find_others(self, number):
        """Return what Amazon has, or may have, of other documents of the order under a number.

        :param str number: The number.
        :rtype: amazon.invoice.upload
        """
        self.ensure_one()
        return self.search([
            ('sale_order_id', '=', self.sale_order_id.id),
            ('number', '=', number),
            ('move_id', '!=', self.move_id.id),
        ]).filtered(lambda upload: upload._may_be_at_amazon())

    def _get_other_sentence(self):
        """Return that Amazon has another document under the number.

        :rtype: str
        """
        return self.env._(
            "Amazon has another document of the order %(order)s under the number %(number)s. Reset"
            " this one to draft, give it another number, and confirm it again.",
            order=self.order_ref,
            number=self.move_id.name,
        )

    def _recall(self):
        """Let those not go to Amazon as they are that it does not have yet: they are changed.

        :return: Those that can't be stopped any more.
        :rtype: amazon.invoice.upload
        """
        on_their_way = self.filtered(lambda upload: upload.state == 'in_feed')
        feeds = on_their_way.feed_id.filtered(lambda f: f.state in ('to_upload', 'to_create'))
        stopped = on_their_way.filtered(
            lambda upload: upload.feed_id in feeds.try_lock_for_update(allow_referencing=True),
        )
        stopped._mark_unsent('')
        return (on_their_way - stopped) | self.filtered(lambda u: u.state == 'confirmed')

    def _mark_unknown(self, reason, answer=''):
        """Override of `amazon.outbox.mixin`: what Amazon may have waits for a person, what never
        left is tried again by itself.
        """
        def keep(upload):
            attempts = upload.attempts + 1
            values = {'state': 'failed', 'answer': answer, 'attempts': attempts}
            if upload.feed_id.feed_ref:
                values['is_uncertain'] = True
                upload.write({**values, 'next_try': False, 'reason': self.env._(
                    "%(reason)s It is not certain whether Amazon has the document. Look the order"
                    " up in Seller Central, and press Retry here if the document is missing"
                    " there. If Amazon has it after all, it refuses a second one.",
                    reason=reason,
                )})
            else:
                upload.write({
                    **values, 'next_try': self._get_next_try(attempts), 'reason': reason,
                })

        self._do_each(keep)

    @api.model
    def _get_overdue_reason(self):
        """Override of `amazon.outbox.mixin`: Amazon's report is all that there is to wait for."""
        return self.env._("Amazon has not reported on the document. Look it up in Seller Central.")

    def _get_failure_reason(self, exception):
        """Override of `amazon.sync.mixin` to say the next step."""
        if not isinstance(exception, Rejected):
            return super()._get_failure_reason(exception)
        return {
            refusals.ORDER: self.env._(
                "Amazon does not know the order, or has not seen it shipped. It is tried again by"
                " itself; if the order belongs to another account, upload it there.",
            ),
            refusals.DOCUMENT: self.env._(
                "Amazon can't read the document. Open its PDF; print it anew if it is damaged, then"
                " press Retry.",
            ),
            refusals.AMOUNTS: self.env._(
                "Amazon has another total for the order. Compare the invoice with the order in"
                " Seller Central, then press Retry.",
            ),
        }.get(refusals.find_cause(zip(exception.codes, [exception.message], strict=False)), (
            self.env._(
                "Amazon refuses the document. Amazon users see what it says: correct the cause, or"
                " upload it in Seller Central, then press Retry.",
            )
        ))

    # === BUSINESS METHODS - ACCOUNTS === #

    @api.model
    def _get_marketplace_domain(self, marketplaces):
        """Override of `amazon.outbox.mixin`."""
        return Domain('sale_order_id.amazon_marketplace_id', 'in', marketplaces.ids)

    @api.model
    def _get_count_label(self, count):
        """Override of `amazon.outbox.mixin`."""
        return self.env._("1 invoice") if count == 1 else self.env._(
            "%(count)s invoices", count=count,
        )


class AmazonFeed(models.Model):
    """The feed shows its invoice, and is asked for at its pace."""

    _inherit = 'amazon.feed'

    upload_ids = fields.One2many(
        comodel_name='amazon.invoice.upload', inverse_name='feed_id', string="Invoices",
    )
    asked_next = fields.Datetime(
        help="When Amazon is asked again how far it is, where many feeds are on their way.",
        readonly=True,
    )

    # === BUSINESS METHODS === #

    def _wait_for_amazon(self):
        """Override of `amazon.job.mixin` to remember until when."""
        super()._wait_for_amazon()
        self.asked_next = fields.Datetime.now() + self._poll_pause
