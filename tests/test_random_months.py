from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.tests import tagged

from odoo.addons.amazon_connector.models import (
    amazon_settlement_booking,
    amazon_settlement_building,
)
from odoo.addons.amazon_connector.simulator import Item, marketplaces

from .common import MoneyCase

# Amazon has no store yet where money has three decimals: let there be one.
KUWAIT = replace(marketplaces.find_marketplace('GB'), currency='KWD')
CURRENCIES = {'DE': 'EUR', 'GB': 'KWD', 'JP': 'JPY'}
RATES = {
    'EUR': (1.0, 1.0), 'USD': (1.0873, 1.1021), 'JPY': (163.29, 158.41), 'KWD': (0.3321, 0.3377),
}
FEES = ('storage', 'subscription', 'advertising', 'removal')
# What a buyer pays, and is paid back.
OF_BUYERS = ('ItemPrice', 'Promotion', 'ItemWithheldTax', 'Points')
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Sale:
    """What a buyer orders, and what becomes of it; amounts are in the currency's smallest unit."""

    channel: str
    price: int
    quantity: int
    shipping: int
    discount: int
    invoiced: str  # before or after it is settled, or never
    is_paid: bool  # a person registers that the buyer has paid Amazon
    is_late: bool  # settled with the next month only
    difference: int  # by how much Amazon pays more than was invoiced
    refund: str  # all, a unit, or an amount of it; or nothing
    is_refund_late: bool
    is_credited_by_hand: bool
    is_paid_back: bool  # a person registers that the buyer was refunded


@dataclass(frozen=True)
class Fee:
    kind: str
    currency: str
    amount: int
    days: int  # before the settlement's end


@dataclass(frozen=True)
class Month:
    sales: dict  # by marketplace
    fees: list
    reserves: dict  # by currency
    settlement_policy: str
    is_posted_first: bool  # drafts of settlements, before invoices come that were late
    knows_refunds: bool  # before they are settled


@dataclass(frozen=True)
class Life:
    """Some months of a seller, and how he wants them booked."""

    currency: str  # of the company
    months: list
    values: dict  # of the account
    tax: int  # percent, included
    orders_per_part: int


SALES = st.builds(
    Sale,
    channel=st.sampled_from(('FBA', 'FBM')),
    price=st.integers(500, 90_000),
    quantity=st.integers(1, 3),
    shipping=st.sampled_from((0, 0, 499)),
    discount=st.sampled_from((0, 0, 0, 101)),
    invoiced=st.sampled_from(('before', 'before', 'after', 'never')),
    is_paid=st.booleans(),
    is_late=st.sampled_from((False, False, False, True)),
    difference=st.sampled_from((0, 0, 0, 7, -7)),
    refund=st.sampled_from(('', '', 'all', 'all', 'unit', 'amount')),
    is_refund_late=st.booleans(),
    is_credited_by_hand=st.booleans(),
    is_paid_back=st.booleans(),
)
MONTHS = st.builds(
    Month,
    sales=st.fixed_dictionaries({
        code: st.lists(SALES, min_size=1, max_size=2) for code in CURRENCIES
    }),
    fees=st.lists(max_size=4, elements=st.builds(
        Fee,
        kind=st.sampled_from(FEES),
        currency=st.sampled_from(sorted(CURRENCIES.values())),
        amount=st.sampled_from((123, 4_567, 234_567)),
        days=st.integers(0, 40),
    )),
    reserves=st.fixed_dictionaries({
        currency: st.sampled_from((0, 0, 5, 70)) for currency in CURRENCIES.values()
    }),
    settlement_policy=st.sampled_from(('draft', 'post')),
    is_posted_first=st.booleans(),
    knows_refunds=st.booleans(),
)


def draw_lives(currency):
    """Let hypothesis draw lives of a company with that currency, the same ones every time."""
    lives = st.builds(
        Life,
        currency=st.just(currency),
        months=st.lists(MONTHS, min_size=1, max_size=2),
        values=st.fixed_dictionaries({
            'splits_months': st.booleans(),
            'paid_at_import': st.booleans(),
            'fee_policy': st.sampled_from(('bill', 'expense')),
            'refund_policy': st.sampled_from(('draft', 'post')),
        }),
        tax=st.sampled_from((0, 19)),
        orders_per_part=st.sampled_from((1, 2, 1000)),
    )
    deterministic = settings(
        max_examples=3, deadline=None, derandomize=True, database=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )
    return lambda test: deterministic(given(lives)(test))


@tagged('post_install', '-at_install')
class TestRandomMonths(MoneyCase):
    """Whatever a seller's months were like, the books agree with what Amazon says of them."""

    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(patch.dict(
            marketplaces._BY_KEY, dict.fromkeys(('GB', 'UK', KUWAIT.id), KUWAIT),
        ))
        super().setUpClass()
        today = fields.Date.context_today(cls.account)
        for name, rates in RATES.items():
            currency = cls.env.ref(f'base.{name}')
            currency.active = True
            cls.env['res.currency.rate'].create([
                {
                    'name': day,
                    'rate': rate,
                    'currency_id': currency.id,
                    'company_id': cls.company.id,
                }
                for day, rate in zip(('2020-01-01', today - MONTH / 2), rates, strict=True)
            ])
        cls.env.ref('amazon_connector.marketplace_gb').currency_id = cls.env.ref('base.KWD')
        cls.vat = cls.env['account.tax'].create({
            'name': "VAT incl.",
            'amount': 19,
            'price_include_override': 'tax_included',
            'company_id': cls.company.id,
        })

    @draw_lives('EUR')
    def test_a_company_with_euros(self, life):
        self.live(life)

    @draw_lives('USD')
    def test_a_company_with_dollars(self, life):
        self.live(life)

    @draw_lives('JPY')
    def test_a_company_with_yen(self, life):
        self.live(life)

    @draw_lives('KWD')
    def test_a_company_with_dinars(self, life):
        self.live(life)

    def live(self, life):
        """Live some months, book them, and compare the books with what Amazon says."""
        savepoint = self.env.cr.savepoint()
        try:
            with (
                patch.object(
                    amazon_settlement_building, 'ORDERS_PER_PART', life.orders_per_part,
                ),
                patch.object(
                    amazon_settlement_booking, 'RECONCILED_PER_PART', life.orders_per_part,
                ),
            ):
                self.open_books(life)
                for number, month in enumerate(life.months, start=1 - len(life.months)):
                    self.live_a_month(month, self.simulator.clock.now() + number * MONTH)
                    self.check_books()
                before = self.take_stock()
                self.read_settlements()
                self.run_cron('book_settlements')
                self.assertEqual(self.take_stock(), before)
        finally:
            self.env.cr.clear()
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    # === A MONTH === #

    def open_books(self, life):
        """Choose the currency of the company, and how Amazon's money is booked."""
        self.simulator.reset()
        self.env['amazon.access.token'].search([]).unlink()
        self.account.ledger_ids.unlink()
        self.account.booking_rule_ids.unlink()
        self.company.currency_id = self.env.ref(f'base.{life.currency}')
        self.account.action_set_up_accounting()
        self.account.write(life.values)
        self.mug.taxes_id = self.vat if life.tax else False
        self.sold = []

    def live_a_month(self, month, end):
        """Sell, refund, be charged and be paid; the settlements end at a time."""
        self.account.settlement_policy = month.settlement_policy
        sold = self.sell_all(month, end)
        self.sold += [order for _sale, order in sold]
        for sale, order in sold:
            if sale.invoiced == 'before':
                self.invoice_and_pay(sale, order)
        for sale, order in sold:
            self.refund(sale, order, end)
        if month.knows_refunds:
            self.press(self.account, 'action_read_refunds')
            self.run_cron('process_refunds')
            self.pay_back(sold)
        for fee in month.fees:
            self.seller.charge_fee(
                fee.kind, self.to_amount(fee.amount, fee.currency),
                currency=fee.currency, at=end - timedelta(days=fee.days),
            )
        for currency, reserve in month.reserves.items():
            self.seller.set_reserve(self.to_amount(reserve, currency), currency)
            self.seller.close_settlement(currency, end=end)
        self.read_settlements()
        self.run_cron('book_settlements')
        self.do_late_work(month, sold)

    def sell_all(self, month, end):
        """Let buyers order, and their orders be shipped."""
        sold = []
        for code, sales in month.sales.items():
            for sale in sales:
                item = Item(
                    'MUG', quantity=sale.quantity, **{
                        name: self.to_amount(getattr(sale, name), CURRENCIES[code])
                        for name in ('price', 'shipping', 'discount')
                    },
                )
                sold.append((sale, self.seller.place_order(code, sale.channel, [item])))
        self.sync()
        for sale, order in sold:
            day = self.get_day(sale.is_late, end)
            self.seller.post_shipment(order, day, is_whole=True)
            currency = order.marketplace.currency
            if sale.difference:
                self.seller.post_money(
                    'Order', 'ItemPrice', 'Principal',
                    self.to_amount(sale.difference, currency),
                    currency=currency, order_id=order.order_id, at=day,
                )
            self.seller.ship(order)
        self.sync()
        return sold

    def refund(self, sale, order, end):
        """Let Amazon refund something; a person may have known it."""
        if not sale.refund:
            return
        how = {
            'all': {'shipping': True},
            'unit': {'items': {'MUG': 1}},
            'amount': {'amount': self.to_amount(251, order.marketplace.currency)},
        }
        day = self.get_day(sale.is_late or sale.is_refund_late, end)
        self.seller.refund(order, at=day, **how[sale.refund])
        invoice = self.get_sale_order(order).invoice_ids
        if invoice and sale.is_credited_by_hand and sale.refund == 'all':
            credit_note = invoice._reverse_moves([
                {'invoice_date': fields.Date.context_today(invoice)},
            ])
            credit_note.action_post()
            self.pay_back([(sale, order)])

    def do_late_work(self, month, sold):
        """Post drafts, and the invoices that were late."""
        drafts = self.get_settlements().move_ids.filtered(lambda move: move.state == 'draft')
        if month.is_posted_first:
            drafts.action_post()
        for sale, order in sold:
            if sale.invoiced == 'after':
                self.invoice_and_pay(sale, order)
        if not month.is_posted_first:
            drafts.action_post()
        self.run_cron('process_refunds')
        self.get_credit_notes(self.sold).filtered(lambda move: move.state == 'draft').action_post()
        self.run_cron('book_settlements')

    def invoice_and_pay(self, sale, order):
        """Post an invoice; what is open of it may be registered as paid to Amazon."""
        invoice = self.invoice(order)
        if sale.is_paid:
            self.pay_through_amazon(invoice)

    def pay_back(self, sold):
        """Post the credit notes, and register which of them Amazon has paid."""
        for sale, order in sold:
            credit_notes = self.get_credit_notes([order])
            credit_notes.filtered(lambda move: move.state == 'draft').action_post()
            if sale.is_paid_back:
                self.pay_through_amazon(credit_notes)

    def pay_through_amazon(self, moves):
        """Press Pay, and choose the journal of Amazon's payments."""
        for move in moves.filtered('amount_residual'):
            ledger = self.account._get_ledger(move.currency_id)
            self.env['account.payment.register'].with_context(
                active_model='account.move', active_ids=move.ids,
            ).create({'journal_id': ledger.journal_id.id})._create_payments()

    def get_day(self, is_late, end):
        """Return when something is posted that a settlement has, or the one after it."""
        return end + (timedelta(days=1) if is_late else -timedelta(hours=2))

    def to_amount(self, number, currency):
        """Return a number of a currency's smallest units as Amazon writes it."""
        return str(number * marketplaces.minor_unit(currency))

    # === THE BOOKS === #

    def get_settlements(self):
        """Return all settlements of the company."""
        return self.env['amazon.settlement'].search([('company_id', '=', self.company.id)])

    def get_credit_notes(self, orders):
        """Return the credit notes of orders."""
        sale_orders = self.env['sale.order'].union(*map(self.get_sale_order, orders))
        return sale_orders._get_amazon_documents().filtered(
            lambda move: move.move_type == 'out_refund',
        )

    def check_books(self):
        """Compare the books with what Amazon says."""
        settlements = self.get_settlements()
        self.assertEqual(settlements.filtered('reason').mapped('reason'), [])
        self.assertEqual(set(settlements.mapped('state')), {'booked'})
        self.assertEqual(self.env['amazon.refund'].search([
            ('company_id', '=', self.company.id), ('state', '=', 'failed'),
        ]).mapped('reason'), [])
        for settlement in settlements:
            self.check_entries(settlement)
        owed = dict.fromkeys(CURRENCIES.values(), Decimal(0))
        for order in self.sold:
            owed[order.marketplace.currency] += self.check_order(order)
        for currency, amount in owed.items():
            self.check_ledger(currency, amount)

    def check_entries(self, settlement):
        """See that the entries of a settlement are balanced, and pay out its total."""
        currency, moves = settlement.currency_id, settlement.move_ids
        self.assertFalse(moves.filtered(lambda move: move.state != 'posted'))
        months = {(move.date.year, move.date.month) for move in moves}
        self.assertEqual(len(moves), len(months))
        if settlement.line_ids and not self.account.splits_months:
            self.assertEqual(len(moves), 1)
        for move in moves:
            self.assertTrue(self.company.currency_id.is_zero(sum(move.line_ids.mapped('balance'))))
            self.assertTrue(currency.is_zero(sum(move.line_ids.mapped('amount_currency'))))
        in_transit = moves.line_ids.filtered(
            lambda item: item.account_id == settlement._get_ledger().transit_account_id,
        )
        self.assertEqual(
            currency.round(sum(in_transit.mapped('amount_currency'))), max(settlement.total, 0),
        )

    def check_order(self, order):
        """See that invoice and credit notes are open as far as nobody has paid them.

        :return: What Amazon owes of what was registered as paid.
        """
        sale_order = self.get_sale_order(order)
        documents = sale_order._get_amazon_documents()
        invoice = documents.filtered(lambda move: move.move_type == 'out_invoice')
        credit_notes = documents - invoice
        settled = [
            event for event in self.seller.money
            if event.order_id == order.order_id and event.settlement_id
        ]
        sold = sum(e.sum(*OF_BUYERS) for e in settled if e.transaction_type == 'Order')
        refunded = -sum(e.sum(*OF_BUYERS) for e in settled if e.transaction_type == 'Refund')
        paid, paid_back = (
            sum(self.to_decimal(payment.amount, order) for payment in self.env[
                'account.payment'
            ].search([
                ('amazon_sale_order_id', '=', sale_order.id), ('payment_type', '=', direction),
            ]))
            for direction in ('inbound', 'outbound')
        )
        # What a person has credited before anybody had paid.
        is_reversed = bool(
            invoice.line_ids.matched_credit_ids.credit_move_id.move_id & credit_notes,
        )
        for moves, amount in (
            (invoice, max(sold, paid)), (credit_notes, max(refunded, paid_back)),
        ):
            total = self.to_decimal(sum(moves.mapped('amount_total')), order)
            self.assertEqual(
                self.to_decimal(sum(moves.mapped('amount_residual')), order),
                0 if is_reversed else max(total - amount, 0),
                (order.order_id, moves.mapped('name')),
            )
        return max(paid - sold, 0) - max(paid_back - refunded, 0)

    def check_ledger(self, name, owed):
        """See that the clearing account ends at what Amazon still owes, or is owed, and that
        nothing of what is settled is left by the rates.

        :param str name: The currency.
        :param Decimal owed: What buyers have paid and no settlement has paid out.
        """
        ledger = self.account._get_ledger(self.env.ref(f'base.{name}'))
        last = [closed for closed in self.seller.settlements if closed.currency == name][-1]
        for account, amount in (
            (ledger.clearing_account_id, owed + min(last.total, 0)),
            (ledger.reserve_account_id, last.reserve),
        ):
            items = self.env['account.move.line'].search([
                ('account_id', '=', account.id), ('parent_state', '=', 'posted'),
            ])
            self.assertEqual(
                ledger.currency_id.round(sum(items.mapped('amount_currency'))),
                float(amount),
                account.name,
            )
            if not amount:
                self.assertEqual(self.get_balance(account), 0, account.name)

    def to_decimal(self, amount, order):
        """Return an amount of Odoo's as Amazon has it."""
        return Decimal(amount).quantize(order.marketplace.minor_unit)

    def take_stock(self):
        """Return what stands in the books, to compare it later."""
        items = self.env['account.move.line'].search([('company_id', '=', self.company.id)])
        return sorted((item.id, item.balance, item.amount_residual) for item in items)
