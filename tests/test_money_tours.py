from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import TourCase
from .test_match_deposit import DepositCase


class MoneyTourCase(TourCase):
    """People of Invoicing who have no role in Amazon."""

    def start_as(self, login, role, url, tour):
        """Walk through a tour as somebody who has a role in Invoicing."""
        self.create_user(login, f'account.group_account_{role}')
        self.start_tour(url, tour, login=login)
        self.env.invalidate_all()


@tagged('post_install', '-at_install')
class TestSetUpAccountingTour(MoneyTourCase):
    """What an administrator of Invoicing does first."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.company.currency_id = cls.env.ref('base.EUR')

    def test_journals_and_accounts_are_made_and_one_is_changed(self):
        marketing = self.env['account.account'].create({
            'name': "Marketing of the tour", 'code': '660042', 'account_type': 'expense',
        })
        self.start_as('mara', 'manager', self.OVERVIEW, 'amazon_set_up_accounting')
        ledgers = self.account.ledger_ids
        self.assertEqual(set(ledgers.currency_id.mapped('name')), {'EUR', 'GBP', 'JPY'})
        main = self.account._get_ledger(self.company.currency_id)
        self.assertEqual(self.account.payment_journal_id, main.journal_id)
        self.assertEqual(self.account.clearing_account_id, main.clearing_account_id)
        self.assertEqual(main.journal_id.company_id, self.company)
        self.assertTrue(main.clearing_account_id.reconcile)
        rules = {rule.category: rule.gl_account_id for rule in self.account.booking_rule_ids}
        self.assertEqual(rules['advertising'], marketing)
        self.assertTrue(rules['commission'])


@tagged('post_install', '-at_install')
class TestMoneyTours(DepositCase, MoneyTourCase):
    """What an accountant does each time that Amazon pays out."""

    SETTLEMENT = '/odoo/action-amazon_connector.action_amazon_settlement/{}'

    def test_a_settlement_is_read_and_explains_its_deposit(self):
        order = self.sell(Item('MUG', '12.99', 2))
        invoice = self.invoice(order)
        closed = self.seller.close_settlement()
        self.start_as('anna', 'invoice', self.OVERVIEW, 'amazon_read_settlements')
        settlement = self.get_settlement(closed)
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.line_total, float(closed.total))
        self.assertEqual(settlement.move_ids.state, 'posted')
        self.assertEqual(invoice.amount_residual, 0)

    def test_an_unknown_kind_is_named_and_the_settlement_goes_on_by_itself(self):
        self.sell(Item('MUG', '12.99'))
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        kind = settlement.unknown_kind_ids
        self.env['ir.cron.trigger'].search([]).unlink()
        self.start_as('anna', 'invoice', self.OVERVIEW, 'amazon_name_unknown_kind')
        self.assertEqual(kind.category, 'advertising')
        self.assertTrue(self.get_triggers('book_settlements'))
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(
            settlement.line_ids.filtered(lambda line: line.kind_id == kind).category, 'advertising',
        )

    def test_an_entry_is_taken_back_and_the_settlement_booked_again(self):
        self.account.settlement_policy = 'draft'
        invoice = self.invoice(self.sell(Item('MUG', '12.99')))
        settlement = self.settle()
        first = settlement.move_ids
        self.start_as(
            'anna', 'user', self.SETTLEMENT.format(settlement.id), 'amazon_book_settlement',
        )
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(first.state, 'cancel')
        self.assertEqual(settlement.move_ids.state, 'posted')
        self.assertNotEqual(settlement.move_ids, first)
        self.assertEqual(self.get_balance(self.transit), settlement.total)
        self.run_cron('book_settlements')
        self.assertEqual(invoice.amount_residual, 0)

    def test_a_deposit_that_is_not_certain_is_chosen(self):
        settlement = self.settle_and_pay()
        other = self.show(100, "AMAZON of last week", days=1)
        line = self.show(100, "AMAZON of this week", days=2)
        self.start_as('anna', 'invoice', self.OVERVIEW, 'amazon_match_deposit')
        self.assertMatched(settlement, line)
        self.assertOpen(other)
        self.assertEqual(settlement.deposit_state, 'deposited')
