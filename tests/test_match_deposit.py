from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .test_payouts import PayoutCase


class DepositCase(PayoutCase):
    """An account and a bank, whose statements show what Amazon has paid out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.env['account.journal'].create({
            'name': "Hausbank", 'code': 'HB', 'type': 'bank', 'company_id': cls.company.id,
        })
        cls.transit = cls.ledger.transit_account_id

    def show(self, amount, text='', days=0, settlement=None, journal=None, **values):
        """Let the bank show a transaction, some days after a settlement's deposit."""
        day = (settlement or self.env['amazon.settlement'].search([], limit=1)).deposit_date
        return self.env['account.bank.statement.line'].create({
            'journal_id': (journal or self.bank).id,
            'date': day + timedelta(days=days),
            'payment_ref': text or "Gutschrift",
            'amount': amount,
            **values,
        })

    def match(self, settlement):
        """Press Match Deposit."""
        return self.press(settlement, 'action_match_deposit')

    def get_choices(self, settlement):
        """Press Match Deposit where nothing is certain, and return what it offers."""
        action = self.match(settlement)
        self.assertEqual(action.get('res_model'), 'amazon.match.deposit')
        return self.env[action['res_model']].browse(action['res_id']).line_ids

    def assertMatched(self, settlement, line, residual=0.0):
        """Assert that a line of the bank is reconciled with a settlement's payout in transit."""
        counterpart = line.line_ids.filtered(lambda item: item.account_id in (
            settlement.account_id.ledger_ids.transit_account_id
        ))
        self.assertEqual(len(counterpart), 1)
        self.assertTrue(counterpart.matched_debit_ids | counterpart.matched_credit_ids)
        others = (
            counterpart.matched_debit_ids.debit_move_id
            | counterpart.matched_credit_ids.credit_move_id
        )
        self.assertIn(settlement, others.move_id.amazon_settlement_id)
        self.assertTrue(line.is_reconciled)
        self.assertEqual(self.get_balance(self.transit), residual)

    def assertOpen(self, *lines):
        """Assert that lines of the bank are as they came."""
        for line in lines:
            self.assertFalse(line.is_reconciled)


@tagged('post_install', '-at_install')
class TestMatchDeposit(DepositCase):
    """What the bank shows is reconciled with what Amazon has sent."""

    # === CERTAIN === #

    def test_the_trace_id_is_certain(self):
        settlement = self.settle_and_pay()
        other = self.show(100, "AMAZON PAYMENTS")
        trace = settlement.trace_id
        line = self.show(100, f"SEPA {trace[:6]} {trace[6:].lower()} Ref 1")
        self.run_cron('match_deposits')
        self.assertMatched(settlement, line)
        self.assertOpen(other)
        self.assertEqual(settlement.deposit_state, 'deposited')
        self.assertIn("Hausbank", settlement.payout_note)

    def test_the_only_line_with_amazons_name_is_certain(self):
        settlement = self.settle_and_pay()
        others = [self.show(100, "Kunde Meier"), self.show(99.99, "AMZN Mktp")]
        line = self.show(100, partner_name="Amzn Payments Europe", days=5)
        self.run_cron('match_deposits')
        self.assertMatched(settlement, line)
        self.assertOpen(*others)

    def test_a_statement_that_comes_wakes_the_matching(self):
        self.settle_and_pay()
        self.env['ir.cron.trigger'].search([]).unlink()
        self.show(5, "Kunde")
        self.assertTrue(self.get_triggers('match_deposits'))
        self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        self.env['ir.cron.trigger'].search([]).unlink()
        self.show(5, "Kunde")
        self.assertFalse(self.get_triggers('match_deposits'))

    def test_a_settlement_in_draft_is_matched_once_it_is_posted(self):
        self.account.settlement_policy = 'draft'
        settlement = self.settle_and_pay()
        line = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        self.assertOpen(line)
        with self.assertRaisesRegex(UserError, "draft"):
            self.match(settlement)
        settlement.move_ids.action_post()
        self.match(settlement)
        self.assertMatched(settlement, line)

    # === NOT CERTAIN === #

    def test_two_lines_with_amazons_name_are_for_a_person(self):
        settlement = self.settle_and_pay()
        first, second = self.show(100, "AMAZON 1"), self.show(100, "AMAZON 2")
        self.run_cron('match_deposits')
        self.assertOpen(first, second)
        choices = self.get_choices(settlement)
        self.assertEqual(choices.statement_line_id, first | second)
        self.assertIn("names Amazon", choices[0].reasons)
        self.press(choices[1], 'action_match')
        self.assertMatched(settlement, choices[1].statement_line_id)
        with self.assertRaises(UserError):
            self.press(choices[0], 'action_match')

    def test_two_settlements_of_one_amount_are_for_a_person(self):
        first = self.settle_and_pay()
        second = self.settle_and_pay()
        line = self.show(100, "AMAZON", settlement=second)
        self.run_cron('match_deposits')
        self.assertOpen(line)
        traced = self.show(100, f"AMAZON {first.trace_id}", settlement=second)
        self.run_cron('match_deposits')
        self.assertMatched(first, traced, residual=100)
        # The other one is the only one left.
        self.assertMatched(first, traced, residual=100)
        self.run_cron('match_deposits')
        self.assertMatched(second, line)

    def test_the_amount_alone_is_for_a_person(self):
        settlement = self.settle_and_pay()
        line = self.show(100, "Gutschrift")
        self.run_cron('match_deposits')
        self.assertOpen(line)
        choice = self.get_choices(settlement)
        self.assertEqual(choice.reasons, "the amount")
        self.press(choice, 'action_match')
        self.assertMatched(settlement, line)

    def test_a_line_that_names_another_transfer_is_none_of_it(self):
        first = self.settle_and_pay()
        second = self.settle_and_pay('250.00')
        self.show(100, f"AMAZON {second.trace_id}", settlement=first)
        self.run_cron('match_deposits')
        with self.assertRaisesRegex(UserError, "No open line"):
            self.match(first)

    def test_lines_of_another_time_bank_or_company_are_none_of_it(self):
        settlement = self.settle_and_pay()
        lines = [
            self.show(100, "AMAZON", days=-4),
            self.show(100, "AMAZON", days=11),
            self.show(-100, "AMAZON"),
            self.show(100, "AMAZON", journal=self.ledger.journal_id),
        ]
        self.run_cron('match_deposits')
        with self.assertRaisesRegex(UserError, "No open line"):
            self.match(settlement)
        self.assertOpen(*lines)
        edges = [self.show(100, "AMAZON", days=-3), self.show(100, "AMAZON", days=10)]
        self.assertEqual(
            self.get_choices(settlement).statement_line_id, edges[0] | edges[1],
        )

    def test_a_failed_payout_is_not_matched_by_its_amount(self):
        settlement = self.settle_and_pay()
        self.seller.fail_payout(settlement.settlement_ref)
        self.read_payouts()
        line = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        self.assertOpen(line)

    # === MONEY THAT COMES BACK, AND IS CHARGED === #

    def test_a_failed_payout_is_settled_by_the_settlement_that_has_it_again(self):
        settlement = self.settle_and_pay()
        self.seller.fail_payout(settlement.settlement_ref)
        following = self.settle_and_pay('50.00')
        self.assertEqual(following.total, 150)
        self.run_cron('match_deposits')
        self.assertEqual(self.get_balance(self.transit), 150)
        self.assertIn(following.settlement_ref, settlement.payout_note)
        line = self.show(150, "AMAZON", settlement=following)
        self.run_cron('match_deposits')
        self.assertMatched(following, line)

    def test_money_that_had_arrived_and_went_back_meets_the_bank(self):
        settlement = self.settle_and_pay()
        arrived = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        self.seller.fail_payout(settlement.settlement_ref)
        following = self.settle_and_pay('50.00')
        back = self.show(-100, "AMAZON RETOURE", settlement=settlement, days=1)
        self.run_cron('match_deposits')
        self.assertMatched(settlement, arrived, residual=150)
        self.assertMatched(following, back, residual=150)

    def test_a_charge_meets_what_the_bank_shows_even_in_parts(self):
        self.seller.charge_fee('subscription', '39.01')
        self.settle()
        self.seller.charge_card(parts=2)
        self.earn()
        following = self.settle()
        self.assertEqual(self.get_balance(self.transit), following.total - 39.01)
        first = self.show(-19.5, "AMZN MKTPLACE CHARGE", days=-2)
        second = self.show(-19.51, "AMAZON.DE", days=-2)
        deposit = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        for line in (first, second, deposit):
            self.assertMatched(following, line)
        self.assertEqual(following.deposit_state, 'deposited')

    # === CURRENCIES === #

    def test_a_bank_in_the_companys_currency_shows_another_one(self):
        self.set_rate('GBP', 0.8)
        self.earn('80.00', currency='GBP')
        settlement = self.settle('GBP')
        self.simulator.clock.advance(days=3)
        self.read_payouts()
        self.transit = self.account._get_ledger(settlement.currency_id).transit_account_id
        self.show(101.5, "AMAZON UK")
        line = self.show(101.5, f"AMAZON UK {settlement.trace_id}")
        self.run_cron('match_deposits')
        self.assertMatched(settlement, line)
        self.assertEqual(settlement.deposit_state, 'deposited')
        item = settlement.move_ids.line_ids.filtered('amazon_is_deposit')
        self.assertEqual((item.balance, item.amount_residual, item.reconciled), (100, 0, True))
        exchange = item.matched_credit_ids.exchange_move_id
        self.assertEqual(sum(exchange.line_ids.filtered(
            lambda i: i.account_id.account_type in ('income', 'income_other'),
        ).mapped('balance')), -1.5)

    def test_a_bank_in_the_settlements_currency(self):
        self.set_rate('GBP', 0.8)
        pounds = self.env.ref('base.GBP')
        bank = self.bank.copy({'name': "Bank of England", 'currency_id': pounds.id})
        self.earn('80.00', currency='GBP')
        settlement = self.settle('GBP')
        self.transit = self.account._get_ledger(settlement.currency_id).transit_account_id
        line = self.show(80, "AMAZON UK", journal=bank)
        self.run_cron('match_deposits')
        self.assertMatched(settlement, line)

    def test_what_amazon_has_converted_is_offered_and_never_matched_by_itself(self):
        self.set_rate('GBP', 0.8)
        self.earn('80.00', currency='GBP')
        settlement = self.settle('GBP')
        self.transit = self.account._get_ledger(settlement.currency_id).transit_account_id
        line = self.show(97.5, "AMAZON PAYMENTS UK")
        others = [self.show(89, "AMAZON"), self.show(-97.5, "AMAZON"), self.show(97.5, "Kunde")]
        self.run_cron('match_deposits')
        self.assertOpen(line)
        choices = self.get_choices(settlement)
        self.assertEqual(choices.statement_line_id, line)
        self.assertIn("converted", choices.reasons)
        self.press(choices, 'action_match')
        self.assertMatched(settlement, line)
        self.assertOpen(*others)

    def set_rate(self, currency, rate):
        """Set the rate of a currency for all times."""
        self.env['res.currency.rate'].create({
            'currency_id': self.env.ref(f'base.{currency}').id,
            'name': '2020-01-01',
            'rate': rate,
            'company_id': self.company.id,
        })

    # === WHO === #

    def test_who_only_sells_reads_payouts_and_matches_none(self):
        self.earn()
        settlement = self.settle()
        self.simulator.clock.advance(days=3)
        line = self.show(100, f"SEPA {self.seller.trace_id(self.seller.settlements[0])}")
        user = self.create_user('seller', 'amazon_connector.group_amazon_user')
        self.press(self.account.with_user(user), 'action_read_payouts')
        self.assertTrue(settlement.trace_id)
        self.assertOpen(line)
        self.assertTrue(self.get_triggers('match_deposits'))
        self.run_cron('match_deposits')
        self.assertMatched(settlement, line)

    # === UNDONE === #

    def test_what_a_person_undoes_is_matched_again_by_a_person_only(self):
        settlement = self.settle_and_pay()
        line = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        line.action_undo_reconciliation()
        self.assertOpen(line)
        self.assertEqual(settlement.deposit_state, 'open')
        self.run_cron('match_deposits')
        self.assertOpen(line)
        self.match(settlement)
        self.assertMatched(settlement, line)

    def test_items_that_are_unreconciled_are_matched_again(self):
        settlement = self.settle_and_pay()
        line = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        settlement.move_ids.line_ids.filtered('amazon_is_deposit').remove_move_reconcile()
        self.assertEqual(settlement.deposit_state, 'open')
        self.match(settlement)
        self.assertMatched(settlement, line)

    def test_an_entry_that_is_booked_again_is_matched_again(self):
        settlement = self.settle_and_pay()
        line = self.show(100, "AMAZON")
        self.run_cron('match_deposits')
        settlement.move_ids.button_draft()
        settlement.move_ids.button_cancel()
        self.assertFalse(settlement.deposit_state)
        self.press(settlement, 'action_book')
        self.match(settlement)
        self.assertMatched(settlement, line)

    # === PEOPLE === #

    def test_accounting_groups_match_and_amazon_groups_do_not(self):
        seller = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        settlement = self.settle_and_pay()
        line = self.show(100, "Gutschrift")
        with self.assertRaises(AccessError):
            settlement.with_user(seller).action_match_deposit()
        action = settlement.with_user(accountant).action_match_deposit()
        wizard = self.env[action['res_model']].with_user(accountant).browse(action['res_id'])
        self.assertEqual(wizard.line_ids.line_amount, 100)
        Form(wizard)
        wizard.line_ids.action_match()
        self.assertMatched(settlement, line)
        with self.assertRaisesRegex(UserError, "Nothing is left to match"):
            settlement.with_user(accountant).action_match_deposit()

    def test_many_are_matched_from_the_list(self):
        first, second = self.settle_and_pay(), self.settle_and_pay('50.00')
        line = self.show(100, "AMAZON", settlement=first)
        message = self.match(first | second)['params']['message']
        self.assertIn("Deposits matched: 1. Left: 1.", message)
        self.assertMatched(first, line, residual=50)
        found = self.env['amazon.settlement'].search([('deposit_state', 'in', ('open',))])
        self.assertEqual(found, second)
