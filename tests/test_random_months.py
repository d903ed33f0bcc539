import random
from datetime import timedelta

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase

MARKETPLACES = ('DE', 'GB', 'JP')
FEES = ('storage', 'subscription', 'advertising', 'removal')


@tagged('post_install', '-at_install')
class TestRandomMonths(MoneyCase):
    """Whatever a seller's month was like, the books agree with what Amazon says of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, rate in (('GBP', 0.8437), ('JPY', 163.29)):
            cls.env['res.currency.rate'].create({
                'name': '2020-01-01',
                'rate': rate,
                'currency_id': cls.env.ref(f'base.{name}').id,
                'company_id': cls.company.id,
            })

    def test_random_months(self):
        for seed in range(4):
            with self.subTest(seed=seed):
                self.live_a_month(random.Random(seed))
                self.check_books()
                before = self.take_stock()
                self.read_settlements()
                self.run_cron('book_settlements')
                self.assertEqual(self.take_stock(), before)

    def live_a_month(self, dice):
        """Sell, refund, be charged and be paid, by chance."""
        currencies = {'DE': 'EUR', 'GB': 'GBP', 'JP': 'JPY'}
        orders = []
        for _number in range(dice.randint(4, 8)):
            marketplace = dice.choice(MARKETPLACES)
            price = dice.randint(500, 90_000)
            order = self.sell(
                Item('MUG', str(price) if marketplace == 'JP' else f'{price / 100:.2f}',
                     dice.randint(1, 3)),
                marketplace=marketplace, channel=dice.choice(('FBA', 'FBM')),
            )
            orders.append(order)
            if dice.random() < 0.7:
                invoice = self.invoice(order)
                if dice.random() < 0.3:
                    ledger = self.account._get_ledger(invoice.currency_id)
                    self.env['account.payment.register'].with_context(
                        active_model='account.move', active_ids=invoice.ids,
                    ).create({'journal_id': ledger.journal_id.id})._create_payments()
        for marketplace, currency in currencies.items():
            for order in orders:
                if order.marketplace.code == marketplace and dice.random() < 0.3:
                    self.seller.refund(order, dice.choice((None, {'MUG': 1})))
            for fee in FEES:
                if dice.random() < 0.4:
                    cents = dice.randint(100, 9000)
                    amount = str(cents) if currency == 'JPY' else f'{cents / 100:.2f}'
                    self.seller.charge_fee(fee, amount, currency=currency)
            self.seller.set_reserve(str(dice.choice((0, 0, 5, 70))), currency)
            self.seller.close_settlement(currency)
        self.simulator.clock.advance_to(self.simulator.clock.now() + timedelta(seconds=1))
        self.read_settlements()
        self.run_cron('book_settlements')

    def get_settlements(self):
        """Return all settlements of the company."""
        return self.env['amazon.settlement'].search([('company_id', '=', self.company.id)])

    def check_books(self):
        """Compare the books with what Amazon says."""
        settlements = self.get_settlements()
        self.assertEqual(
            settlements.filtered(lambda settlement: settlement.state != 'booked').mapped('reason'),
            [],
        )
        for settlement in settlements:
            currency = settlement.currency_id
            for move in settlement.move_ids:
                self.assertTrue(
                    self.company.currency_id.is_zero(sum(move.line_ids.mapped('balance'))),
                )
                self.assertTrue(currency.is_zero(sum(move.line_ids.mapped('amount_currency'))))
            in_transit = settlement.move_ids.line_ids.filtered(
                lambda item, of=settlement: item.account_id == of._get_ledger().transit_account_id
            )
            self.assertEqual(
                currency.round(sum(in_transit.mapped('amount_currency'))),
                max(settlement.total, 0),
            )
        for order in self.env['sale.order'].search([('amazon_payout_state', '!=', 'open')]):
            for invoice in order.invoice_ids.filtered(lambda move: move.state == 'posted'):
                self.assertEqual(invoice.amount_residual, 0, invoice.name)
        for ledger in self.account.ledger_ids:
            self.check_clearing(ledger, settlements)

    def check_clearing(self, ledger, settlements):
        """See that the clearing account ends at what Amazon still owes, or is owed."""
        last = settlements.filtered(
            lambda settlement: settlement.currency_id == ledger.currency_id,
        ).sorted('settlement_ref')[-1:]
        items = self.env['account.move.line'].search([
            ('account_id', '=', ledger.clearing_account_id.id), ('parent_state', '=', 'posted'),
        ])
        self.assertEqual(
            ledger.currency_id.round(sum(items.mapped('amount_currency'))),
            min(last.total, 0),
            ledger.currency_id.name,
        )

    def take_stock(self):
        """Return what stands in the books, to compare it later."""
        items = self.env['account.move.line'].search([('company_id', '=', self.company.id)])
        return sorted((item.id, item.balance, item.amount_residual) for item in items)
