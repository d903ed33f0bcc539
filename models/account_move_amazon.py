from odoo import api, fields, models
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date
from odoo.tools.sql import column_exists, create_column

from .amazon_sync_mixin import BACK_OFF_MINUTES
from .guard import as_connector
from .quiet import quiet_sql

MAIL_PART = 100


class AccountMove(models.Model):
    """Invoices of Amazon orders: the buyer has paid Amazon, and is asked for nothing."""

    _name = 'account.move'
    _inherit = ['account.move', 'amazon.sync.mixin', 'amazon.guard.mixin']

    amazon_order_ref = fields.Char(
        string="Amazon Order",
        help="The Amazon order that is invoiced or credited.",
        compute='_compute_amazon_order',
        store=True,
        recursive=True,
        index='btree_not_null',
    )
    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        compute='_compute_amazon_order',
        store=True,
        recursive=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    amazon_invoiced_by_amazon = fields.Boolean(
        string="Invoiced by Amazon",
        compute='_compute_amazon_invoiced_by_amazon',
        compute_sudo=True,
    )
    amazon_email_note = fields.Char(
        string="Why There Is No E-mail Address",
        compute='_compute_amazon_email_note',
        compute_sudo=True,
    )
    amazon_send_state = fields.Selection(
        selection=[
            ('to_send', "To Send"),
            ('sent', "Handed Over"),
            ('failed', "Failed"),
        ],
        string="E-mail to the Amazon Buyer",
        help="Handed Over: Odoo has it among its outgoing e-mails, and nobody has refused it yet.",
        readonly=True,
        copy=False,
        index='btree_not_null',
    )
    amazon_send_reason = fields.Char(
        string="Why It Was Not Sent", readonly=True, copy=False,
    )
    amazon_send_answer = fields.Char(
        string="Original Words on Sending",
        help="What Odoo or another module said. It may quote a buyer.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )
    amazon_send_attempts = fields.Integer(readonly=True, copy=False)
    amazon_send_next_try = fields.Datetime(
        string="Sent Next",
        help="When it is tried again by itself. Empty: it waits for a person.",
        readonly=True,
        copy=False,
    )

    def _auto_init(self):
        """Override of `base` to fill in what is stored at once: there may be many invoices."""
        cr = self.env.cr
        if not column_exists(cr, 'account_move', 'amazon_order_ref'):
            create_column(cr, 'account_move', 'amazon_order_ref', 'varchar')
            create_column(cr, 'account_move', 'amazon_account_id', 'int4')
            if column_exists(cr, 'sale_order', 'amazon_order_ref'):
                cr.execute("""
                    UPDATE account_move
                       SET amazon_order_ref = sold.refs,
                           amazon_account_id = sold.account_id
                      FROM (
                            SELECT move_line.move_id,
                                   string_agg(DISTINCT so.amazon_order_ref, ', ') AS refs,
                                   min(so.amazon_account_id) AS account_id
                              FROM sale_order AS so
                              JOIN sale_order_line AS line ON line.order_id = so.id
                              JOIN sale_order_line_invoice_rel AS rel
                                ON rel.order_line_id = line.id
                              JOIN account_move_line AS move_line
                                ON move_line.id = rel.invoice_line_id
                             WHERE so.amazon_order_ref IS NOT NULL
                          GROUP BY move_line.move_id
                           ) AS sold
                     WHERE sold.move_id = account_move.id
                """)
        return super()._auto_init()

    # === COMPUTE METHODS === #

    @api.depends(
        'line_ids.sale_line_ids.order_id.amazon_order_ref',
        'line_ids.sale_line_ids.order_id.amazon_account_id',
        'reversed_entry_id.amazon_order_ref', 'reversed_entry_id.amazon_account_id',
    )
    def _compute_amazon_order(self):
        for move in self:
            orders = move.line_ids.sale_line_ids.order_id.filtered('amazon_order_ref')
            source = orders or move.reversed_entry_id
            move.amazon_order_ref = ', '.join(
                sorted(filter(None, source.mapped('amazon_order_ref'))),
            ) or False
            move.amazon_account_id = source.amazon_account_id[:1]

    @api.depends('amazon_order_ref', 'line_ids.sale_line_ids')
    def _compute_amazon_invoiced_by_amazon(self):
        for move in self:
            orders = move._get_amazon_orders()
            move.amazon_invoiced_by_amazon = any(orders.mapped('amazon_invoiced_by_amazon'))

    @api.depends('amazon_order_ref', 'partner_id.email')
    def _compute_amazon_email_note(self):
        for move in self:
            needs_one = (
                move.amazon_order_ref and move.is_sale_document() and not move.partner_id.email
                and not move.amazon_invoiced_by_amazon
            )
            move.amazon_email_note = needs_one and move._explain_missing_email()

    @api.depends('amazon_order_ref')
    def _compute_display_qr_code(self):
        """Override of `account` to ask nobody to pay who has paid Amazon."""
        super()._compute_display_qr_code()
        self.filtered('amazon_order_ref').display_qr_code = False

    @api.depends('amazon_order_ref')
    def _compute_display_link_qr_code(self):
        """Override of `account` to ask nobody to pay who has paid Amazon."""
        super()._compute_display_link_qr_code()
        self.filtered('amazon_order_ref').display_link_qr_code = False

    def _compute_delivery_date(self):
        """Override of `sale_stock` to date the deliveries of Amazon, too, and the last of many."""
        super()._compute_delivery_date()
        for move in self.filtered('amazon_order_ref'):
            orders = move._get_amazon_orders()
            dates = [order._get_amazon_delivery_date() for order in orders]
            if any(dates):
                move.delivery_date = max(filter(None, dates))

    # === ACTION METHODS === #

    def action_open_amazon_seller_central(self):
        """Open the order in Seller Central.

        :rtype: dict
        """
        self.ensure_one()
        return self._get_amazon_orders()[:1].action_open_seller_central()

    def action_retry_amazon_mail(self):
        """Let the invoices be sent by e-mail once more, shortly.

        :return: None
        """
        self.check_access('write')
        self.filtered(lambda move: move.amazon_send_state == 'failed')._queue_amazon_mail()

    # === BUSINESS METHODS === #

    def _get_amazon_orders(self):
        """Return the Amazon orders that are invoiced or credited, in sudo mode: who sees an invoice
        may know of what it is.

        :rtype: sale.order
        """
        orders = self.sudo().line_ids.sale_line_ids.order_id.filtered('amazon_order_ref')
        return orders or self.sudo().reversed_entry_id.line_ids.sale_line_ids.order_id.filtered(
            'amazon_order_ref',
        )

    def _explain_missing_email(self):
        """Return why there is no e-mail address of the buyer.

        :rtype: str
        """
        self.ensure_one()
        buyer = self.partner_id
        while buyer.parent_id and not buyer.amazon_anonymized:
            buyer = buyer.parent_id
        if buyer.amazon_anonymized and buyer.amazon_anonymized_on:
            return self.env._(
                "There is no e-mail address: the buyer's data were removed on %(date)s, as Amazon"
                " wants it.",
                date=format_date(self.env, buyer.amazon_anonymized_on),
            )
        if buyer.amazon_anonymized:
            return self.env._(
                "There is no e-mail address: the buyer's data were removed, as Amazon wants it.",
            )
        marketplaces = self._get_amazon_orders().amazon_marketplace_id
        if marketplaces and not any(marketplaces.mapped('takes_invoices')):
            return self.env._(
                "There is no e-mail address: Amazon gave none with the order, and takes no invoices"
                " of sellers on %(marketplace)s. Print it, and send it with a message to the buyer"
                " in Seller Central.",
                marketplace=marketplaces[0].name,
            )
        return self.env._(
            "There is no e-mail address: Amazon gave none with the order. Buyers find invoices that"
            " are uploaded to Amazon with their order.",
        )

    def _has_to_be_paid(self):
        """Override of `account_payment` to let nobody pay twice who has paid Amazon."""
        return not self.amazon_order_ref and super()._has_to_be_paid()

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        """Override of `account` to send Amazon's buyers no link to another shop than Amazon's."""
        groups = super()._notify_get_recipients_groups(
            message, model_description, msg_vals=msg_vals,
        )
        if self.amazon_order_ref:
            for name, _is_member, values in groups:
                if name != 'user':
                    values['has_button_access'] = False
        return groups

    # === BUSINESS METHODS - POSTING === #

    def _post_for_amazon(self):
        """Post invoices that were made by themselves, and let them reach their buyers.

        :return: None
        """
        self._post(soft=False)
        self._send_to_amazon_buyers()

    # === BUSINESS METHODS - TO THE BUYER === #

    def _send_to_amazon_buyers(self):
        """Let posted invoices and credit notes reach their buyers as their accounts have chosen.

        To be extended by each way of sending; what Amazon invoices itself is not sent.

        :return: None
        """
        self.filtered(
            lambda move: move._is_for_amazon_buyer('email') and move.partner_id.email,
        )._queue_amazon_mail()

    def _is_for_amazon_buyer(self, way):
        """Return whether the account of an invoice sends in a way, and the buyer is to get it.

        :param str way: One of the account's `invoice_sending`.
        :rtype: bool
        """
        self.ensure_one()
        return (
            self.state == 'posted'
            and self.is_sale_document()
            # In sudo mode: the account decides, not who sees it.
            and self.sudo().amazon_account_id.invoice_sending == way
            and not self.amazon_invoiced_by_amazon
        )

    def _queue_amazon_mail(self):
        """Let the invoices be sent by e-mail shortly, unless they were already.

        :return: None
        """
        moves = self.filtered(lambda move: move.amazon_send_state != 'sent')
        if moves:
            moves._mark_sending('to_send')
            # In sudo mode: who sends invoices need not be allowed to start crons.
            self.env.ref('amazon_connector.ir_cron_invoice_orders').sudo()._trigger()

    @api.model
    @quiet_sql()
    def _mail_due(self, budget):
        """Send the invoices that wait for it, each one committed by itself.

        :param TimeBudget budget: None is begun when it is spent.
        :return: Whether all that was due was looked at.
        :rtype: bool
        """
        now = fields.Datetime.now()
        due = Domain('amazon_send_state', '=', 'to_send') | Domain([
            ('amazon_send_state', '=', 'failed'), ('amazon_send_next_try', '<=', now),
        ])
        moves = self.search(due, order='id', limit=MAIL_PART)
        for move in moves:
            if budget.is_spent():
                return False
            move = move[0]  # Avoid prefetching after each cache invalidation.
            try:
                for locked in move.try_lock_for_update(allow_referencing=True):
                    account = locked.amazon_account_id
                    locked.with_company(locked.company_id).with_context(
                        **account._get_ears(),
                    )._do_safely(lambda move: move._mail_to_amazon_buyer())
                    account._follow_up_failures()
                self.env['ir.cron']._commit_progress(processed=1)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()  # It is left to the worker that is faster.
        return len(moves) < MAIL_PART

    def _mail_to_amazon_buyer(self):
        """Send the invoice by Odoo's own means, into the queue of e-mails.

        :return: None
        :raise UserError: If it can't be sent, saying why.
        """
        self.ensure_one()
        if self.state != 'posted' or self.amazon_invoiced_by_amazon or not self.partner_id.email:
            # Reset, or purged meanwhile: there is nothing to send, or nobody to send it to.
            self._mark_sending(False)
            return
        self.env['account.move.send'].with_context(
            mail_notify_force_send=False,
        )._generate_and_send_invoices(self, sending_methods=['email'])

    def _note_sent_to_amazon_buyer(self):
        """Remember that the buyer was sent the invoice, by whomever.

        :return: None
        """
        self._mark_sending('sent')

    def _note_mail_refused(self, words):
        """Remember that the e-mail did not arrive: a person has to do something about it.

        :param words: What the e-mail server or Amazon said.
        :type words: str | bool
        :return: None
        """
        self._mark_sending(
            'failed',
            reason=self.env._(
                "The e-mail was refused. Amazon takes e-mail to buyers only from senders that are"
                " entered in Seller Central, under Settings ▸ User Permissions ▸ Messaging"
                " Permissions: enter there the address that Odoo sends from, then press Retry.",
            ),
            answer=words,
        )
        self.amazon_account_id._follow_up_failures()

    def _note_failure(self, exception):
        """Override of `amazon.sync.mixin` to keep why it was not sent."""
        self._mark_sending(
            'failed',
            reason=self._get_failure_reason(exception),
            answer=self._get_answer(exception),
            attempts=min(self.amazon_send_attempts, len(BACK_OFF_MINUTES)) + 1,
        )

    def _mark_sending(self, state, **failure):
        """Write how far the sending is.

        :param state: A value of `amazon_send_state`.
        :type state: str | bool
        :param failure: What failed, if anything did, see `_prepare_failure_values`.
        :return: None
        """
        with as_connector():
            self.write({
                'amazon_send_state': state,
                **self._prepare_failure_values('amazon_send', **failure),
            })
