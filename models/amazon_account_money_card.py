from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from .tools import open_form

UNPAID_DAYS = 30
WHO_SEES_MONEY = (
    'amazon_connector.group_amazon_user,account.group_account_invoice,'
    'account.group_account_readonly'
)
OPEN_PAYMENT_STATES = ('not_paid', 'partial')


class AmazonAccount(models.Model):
    """The card's figures of money, each of which leads to what it counts."""

    _inherit = 'amazon.account'

    to_invoice_count = fields.Integer(
        string="To Invoice",
        compute='_compute_invoice_counts',
        compute_sudo=True,
        groups=WHO_SEES_MONEY,
    )
    unpaid_invoice_count = fields.Integer(
        string="Unpaid for 30 Days",
        compute='_compute_invoice_counts',
        compute_sudo=True,
        groups=WHO_SEES_MONEY,
    )
    next_deposit = fields.Char(
        help="What Amazon pays out next or, as long as nobody knows, has paid out last.",
        compute='_compute_next_deposit',
        compute_sudo=True,
        groups=WHO_SEES_MONEY,
    )
    next_deposit_title = fields.Char(
        compute='_compute_next_deposit', compute_sudo=True, groups=WHO_SEES_MONEY,
    )

    # === COMPUTE METHODS === #

    def _compute_invoice_counts(self):
        to_invoice = self._count_by_account('sale.order', Domain([
            ('state', '=', 'sale'), ('invoice_status', '=', 'to invoice'),
        ]))
        unpaid = self._count_by_account('account.move', self._get_unpaid_domain())
        for account in self:
            account.to_invoice_count = to_invoice.get(account, 0)
            account.unpaid_invoice_count = unpaid.get(account, 0)

    def _compute_next_deposit(self):
        for account in self:
            title, day, amount, currency = account._find_next_deposit()
            account.next_deposit_title = title
            date = format_date(self.env, day, date_format='d MMM')
            account.next_deposit = day and f'{currency.format(amount)} · {date}'

    # === ACTION METHODS === #

    def action_open_to_invoice(self):
        """Open the sales orders of the account that are to be invoiced.

        :rtype: dict
        """
        return self._open_sale_orders(search_default_amazon_to_invoice=1)

    def action_open_unpaid_invoices(self):
        """Open the invoices of the account that are not paid after a month.

        :rtype: dict
        """
        return self._open(
            'account.action_move_out_invoice',
            Domain('amazon_account_id', 'in', self.ids) & self._get_unpaid_domain(),
        )

    def action_open_settlements_to_look_at(self):
        """Open the settlements of the account that wait for a person.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_settlement', search_default_attention=1)

    def action_open_refunds_to_look_at(self):
        """Open the refunds of the account that wait for a person.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_refund', search_default_attention=1)

    def action_open_next_deposit(self):
        """Open what is paid out next, or the settlement that was paid out last.

        :rtype: dict
        """
        self.ensure_one()
        # In sudo mode: what is found is read with the user's own rights.
        expected = self.sudo()._find_expected_payout()
        if expected:
            return self._open(
                'amazon_connector.action_amazon_payout', Domain('id', '=', expected.id),
            )
        return open_form(self.sudo()._find_last_settlement())

    def action_open_not_paid_out(self):
        """Open what Amazon has not paid out yet to the account.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_unpaid')

    def action_open_open_items(self):
        """Open what is open between the company, the buyers of the account, and Amazon.

        What belongs to no account may be of this one.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_open_item',
            Domain('company_id', 'in', self.company_id.ids)
            & Domain('account_id', 'in', [*self.ids, False]),
        )

    # === BUSINESS METHODS === #

    def _get_unpaid_domain(self):
        """Return the domain of the invoices that are not paid after a month.

        :rtype: Domain
        """
        today = fields.Date.context_today(self)
        return Domain([
            ('move_type', '=', 'out_invoice'),
            ('state', '=', 'posted'),
            ('payment_state', 'in', OPEN_PAYMENT_STATES),
            ('invoice_date', '<', today - timedelta(days=UNPAID_DAYS)),
        ])

    def _find_next_deposit(self):
        """Return what is paid out next or, as long as nobody knows, was paid out last.

        :return: What to call it, the day, the amount, and its currency; no day if there is none.
        :rtype: tuple[str, date | bool, float, res.currency]
        """
        self.ensure_one()
        expected = self._find_expected_payout()
        if expected:
            return (
                self.env._("Next Deposit"),
                expected.scheduled_date,
                expected.amount,
                expected.currency_id,
            )
        settlement = self._find_last_settlement()
        is_next = settlement and settlement.deposit_date >= fields.Date.context_today(self)
        return (
            self.env._("Next Deposit") if is_next else self.env._("Last Deposit"),
            settlement.deposit_date,
            settlement.total,
            settlement.currency_id,
        )

    def _find_expected_payout(self):
        """Return the payout that Amazon expects to make next.

        :rtype: amazon.payout
        """
        return self.env['amazon.payout'].search([
            ('connection_id', '=', self.connection_id.id),
            ('is_expected', '=', True),
            ('marketplace_id', 'in', [*self.synced_marketplace_ids.ids, False]),
            ('currency_id', '!=', False),
            ('amount', '>', 0),
            ('scheduled_date', '>=', fields.Date.context_today(self)),
        ], order='scheduled_date, id', limit=1)

    def _find_last_settlement(self):
        """Return the settlement that paid out last.

        :rtype: amazon.settlement
        """
        return self.env['amazon.settlement'].search([
            ('account_id', '=', self.id),
            ('state', 'in', ('proven', 'booked')),
            ('total', '>', 0),
            ('deposit_date', '!=', False),
        ], order='deposit_date desc, id desc', limit=1)
