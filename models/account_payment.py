from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .guard import as_connector


class AccountPayment(models.Model):
    """Payments that Amazon has taken: settlements recognise them by the order on their items."""

    _name = 'account.payment'
    _inherit = ['account.payment', 'amazon.guard.mixin']

    amazon_sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Amazon Order",
        help="The order that the buyer has paid with Amazon.",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
    )

    # === COMPUTE METHODS === #

    @api.depends('amazon_sale_order_id', 'currency_id', 'journal_id')
    def _compute_outstanding_account_id(self):
        """Override of `account` to keep what Amazon has taken on the clearing account, whatever the
        payment methods of a journal say that a person has chosen.
        """
        super()._compute_outstanding_account_id()
        for payment in self:
            if account := payment._get_amazon_clearing_account():
                payment.outstanding_account_id = account

    # === BUSINESS METHODS === #

    def _get_amazon_clearing_account(self):
        """Return the clearing account of a payment in an Amazon journal, empty if it is not in one.

        :rtype: account.account
        """
        self.ensure_one()
        # In sudo mode: who registers payments need not see Amazon accounts.
        ledgers = self.env['amazon.ledger'].sudo().search([
            ('journal_id', '=', self.journal_id.id), ('currency_id', '=', self.currency_id.id),
        ])
        account = self.sudo().amazon_sale_order_id.amazon_account_id
        own = ledgers.filtered(lambda ledger: ledger.account_id == account)
        return (own or ledgers)[:1].clearing_account_id

    def _get_amazon_order_refs(self):
        """Return the Amazon orders that are paid.

        :rtype: set[str]
        """
        self.ensure_one()
        orders = self.amazon_sale_order_id or self.reconciled_invoice_ids._get_amazon_orders()
        return set(orders.mapped('amazon_order_ref'))

    def _reconcile_settlements_later(self):
        """Let the cron look at what settlements have left open of the orders that are paid: the
        payments are not reconciled with their invoices yet.

        :return: None
        """
        refs = [ref for ref in self.amazon_sale_order_id.mapped('amazon_order_ref') if ref]
        open_items = refs and self.env['account.move.line'].search([
            ('company_id', 'in', self.company_id.ids),
            ('amazon_order_ref', 'in', refs),
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
        ])
        if open_items:
            open_items.move_id.amazon_settlement_id._reconcile_again()

    def _get_open_with_amazon(self, ledgers):
        """Return what of a payment is open with Amazon.

        :param amazon.ledger ledgers: Those of the company.
        :return: The items, none if it is a payment of another kind.
        :rtype: account.move.line
        """
        self.ensure_one()
        liquidity_items, _counterparts, _others = self._seek_for_lines()
        return liquidity_items.filtered(lambda item: (
            item.parent_state == 'posted'
            and not item.reconciled
            and item.amount_residual_currency
            and (
                self.amazon_sale_order_id
                or self.journal_id in ledgers.journal_id
                or item.account_id in ledgers.clearing_account_id
            )
        ))

    def _generate_journal_entry(self, write_off_line_vals=None, force_balance=None, line_ids=None):
        """Override of `account` to name the Amazon order on the journal items."""
        # In sudo mode: who registers payments need not see sales.
        payments = self.sudo().filtered(
            lambda payment: payment.amazon_sale_order_id and not payment.move_id,
        )
        super()._generate_journal_entry(
            write_off_line_vals=write_off_line_vals, force_balance=force_balance, line_ids=line_ids,
        )
        with as_connector():
            for payment in payments:
                items = payment.move_id.line_ids.with_context(skip_invoice_sync=True)
                items.amazon_order_ref = payment.amazon_sale_order_id.amazon_order_ref


class AccountMove(models.Model):
    """Invoices that buyers have paid to Amazon: the payment is registered where it is wanted."""

    _inherit = 'account.move'

    amazon_payment_note = fields.Char(
        string="Why It Is Not Paid by Itself", readonly=True, copy=False,
    )
    amazon_payment_answer = fields.Char(
        string="Original Words on the Payment",
        help="What Odoo or another module said. It may quote a buyer.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )

    # === BUSINESS METHODS - PAYMENTS === #

    def _settle_with_amazon(self):
        """Override of `amazon_connector` to register that the buyers have paid, unless it is known
        of a payment or a settlement already.
        """
        # In sudo mode: the settings of the account decide, not who posts.
        invoices = self.sudo().filtered(
            lambda move: move.move_type == 'out_invoice' and move.amazon_account_id,
        )
        invoices._match_amazon_payments()
        super()._settle_with_amazon()
        invoices.filtered('amazon_account_id.paid_at_import')._register_amazon_payments()

    def _match_amazon_payments(self):
        """Reconcile the invoices with payments of their orders that are open, from before they were
        reset for instance.

        :return: None
        """
        payments = self.env['account.payment'].search([
            ('amazon_sale_order_id', 'in', self._get_amazon_orders().ids),
            ('move_id.state', '=', 'posted'),
        ]).grouped('amazon_sale_order_id')
        for invoice in self if payments else ():
            paid = self.env['account.payment'].union(*(
                payments[order] for order in invoice._get_amazon_orders() if order in payments
            )).move_id._get_open_receivables()
            lines = invoice._get_open_receivables()
            if lines and paid:
                (lines | paid).reconcile()

    def _get_open_receivables(self):
        """Return the lines on receivables that are not reconciled yet.

        :rtype: account.move.line
        """
        return self.line_ids.filtered(
            lambda line: line.account_type == 'asset_receivable' and not line.reconciled,
        )

    def _register_amazon_payments(self):
        """Register that the buyers have paid Amazon; where that fails, nothing else does.

        What a settlement has paid out, or is about to, is left to it.

        :return: None
        """
        unpaid = self.filtered(lambda move: move._get_open_receivables() and not any(
            order.amazon_payout_state in ('settled', 'refunded') or order._is_being_settled()
            for order in move._get_amazon_orders()
        ))
        failures = unpaid._do_together_or_apart(lambda moves: moves._pay_through_amazon())
        with as_connector():
            for move in self.filtered(lambda m: m in failures or m.amazon_payment_note):
                exception = failures.get(move)
                move.write({
                    'amazon_payment_note': exception and self._get_failure_reason(exception),
                    'amazon_payment_answer': exception and self._get_answer(exception),
                })

    def _pay_through_amazon(self):
        """Register the payments of the invoices with Amazon, one for each.

        :return: None
        :raise UserError: If one can't be registered, saying why.
        """
        values_list = []
        for move in self:
            with move._blamed():
                values_list.append(move._prepare_amazon_payment_values())
        with as_connector():
            payments = self.env['account.payment'].create(values_list)
        payments.action_post()
        for move, payment in zip(self, payments, strict=True):
            with move._blamed():
                (move | payment.move_id)._get_open_receivables().reconcile()

    def _prepare_amazon_payment_values(self):
        """Return the values of the payment of an invoice with Amazon.

        :rtype: dict
        :raise UserError: If there is no journal for it, or nobody can say of which order it is.
        """
        self.ensure_one()
        order, account = self._get_amazon_orders(), self.amazon_account_id
        if len(order) != 1:
            raise UserError(self.env._(
                "It is the invoice of several Amazon orders: press Pay, and choose the journal"
                " Amazon Payments.",
            ))
        journal = account._get_ledger(self.currency_id).journal_id
        if not journal:
            raise UserError(self.env._(
                "The account %(account)s has no journal for payments in %(currency)s: press Set Up"
                " Accounting on it, under Amazon ▸ Money ▸ Accounts, then Pay here.",
                account=account.name,
                currency=self.currency_id.name,
            ))
        receivables = self._get_open_receivables()
        return {
            'payment_type': 'inbound',
            'partner_type': 'customer',
            'partner_id': self.commercial_partner_id.id,
            'amount': sum(receivables.mapped('amount_residual_currency')),
            'currency_id': self.currency_id.id,
            'date': min(fields.Date.to_date(order.date_order), fields.Date.context_today(self)),
            'journal_id': journal.id,
            'destination_account_id': receivables.account_id[:1].id,
            'memo': ' '.join(filter(None, (order.amazon_order_ref, self.name))),
            'invoice_ids': [Command.link(self.id)],
            'amazon_sale_order_id': order.id,
        }
