from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import PAYOUT_ODDITIES, ROLE_FINANCES

from .common import MoneyCase


class PayoutCase(MoneyCase):
    """An account whose settlements are paid out."""

    def read_payouts(self):
        """Press Read Payouts."""
        return self.press(self.account, 'action_read_payouts')

    def earn(self, amount='100.00', **options):
        """Let Amazon owe the seller something."""
        return self.seller.post_money(
            'Order', 'ItemPrice', 'Principal', amount, order_id='S01-1111111-1111111', **options,
        )

    def settle_and_pay(self, amount='100.00', **options):
        """Let a settlement be closed and read, and the money reach the bank."""
        self.earn(amount)
        settlement = self.settle(**options)
        self.simulator.clock.advance(days=3)
        self.read_payouts()
        return settlement

    def get_payouts(self):
        """Return the payouts of the account, those that are expected last."""
        return self.env['amazon.payout'].search(
            [('connection_id', '=', self.account.connection_id.id)], order='is_expected, id',
        )


@tagged('post_install', '-at_install')
class TestPayouts(PayoutCase):
    """Amazon tells what it has paid out, and what it is about to."""

    def test_a_payout_belongs_to_its_settlement(self):
        settlement = self.settle_and_pay()
        payout = settlement.payout_ids
        self.assertEqual((payout.status, payout.amount), ('PAID', 100))
        self.assertEqual(payout.currency_id.name, 'EUR')
        self.assertEqual(payout.trace_id, self.seller.trace_id(self.seller.settlements[0]))
        self.assertEqual(settlement.trace_id, payout.trace_id)
        self.assertTrue(payout.account_tail)
        self.assertIn("Arrived at the bank", settlement.payout_note)
        self.assertEqual(settlement.deposit_state, 'open')

    def test_the_status_changes_and_the_payout_is_the_same(self):
        self.earn()
        settlement = self.settle()
        self.read_payouts()
        payout = settlement.payout_ids
        self.assertEqual((payout.status, payout.trace_id), ('STARTED', False))
        self.simulator.clock.advance(days=1)
        self.read_payouts()
        self.assertEqual(payout.status, 'IN_TRANSIT')
        self.assertTrue(payout.trace_id)
        self.assertEqual(settlement.payout_ids, payout)

    def test_a_settlement_that_comes_later_is_linked(self):
        self.earn()
        closed = self.seller.close_settlement()
        self.read_payouts()
        payout = self.get_payouts()[:1]
        self.assertEqual(payout.settlement_ref, closed.settlement_id)
        self.assertFalse(payout.settlement_id)
        self.read_settlements()
        self.assertEqual(payout.settlement_id, self.get_settlement(closed))

    def test_what_is_expected_is_replaced_each_time(self):
        self.earn('20.00')
        self.read_payouts()
        expected = self.get_payouts().filtered('amount')
        self.assertEqual(
            (expected.is_expected, expected.status, expected.amount), (True, 'SCHEDULED', 20),
        )
        self.assertTrue(expected.scheduled_date)
        self.earn('5.00')
        self.seller.expect_payouts('AT_RISK')
        self.read_payouts()
        self.assertFalse(expected.exists())
        again = self.get_payouts().filtered('amount')
        self.assertEqual((again.status, again.amount), ('AT_RISK', 25))
        self.assertIn("Seller Central", again.status_text)

    def test_a_new_settlement_is_reason_to_ask_on_the_same_day(self):
        self.read_payouts()
        calls = self.count_calls('listPayouts')
        self.run_cron('read_payouts')
        self.assertEqual(self.count_calls('listPayouts'), calls)
        self.earn()
        settlement = self.settle()
        self.assertTrue(self.get_triggers('read_payouts'))
        self.run_cron('read_payouts')
        self.assertEqual(self.count_calls('listPayouts'), calls + 1)
        self.assertTrue(settlement.payout_ids)
        self.run_cron('read_payouts')
        self.assertEqual(self.count_calls('listPayouts'), calls + 1)

    def test_many_payouts_are_read_page_by_page(self):
        self.simulator.set_finance_pages(1, has_empty=True)
        for _settlement in range(3):
            self.earn()
            self.settle()
        self.read_payouts()
        self.assertEqual(len(self.get_payouts().filtered('payout_ref')), 3)
        self.assertTrue(self.get_sync(self.account, 'payouts').last_success)

    def test_a_failed_payout_is_told_once_and_shown_in_words(self):
        settlement = self.settle_and_pay()
        self.seller.fail_payout(settlement.settlement_ref, 'Invalid bank account')
        activities = self.account.activity_ids
        self.read_payouts()
        self.assertEqual(settlement.deposit_state, 'failed')
        self.assertIn("Invalid bank account", settlement.payout_note)
        warning = self.account.activity_ids - activities
        self.assertEqual(len(warning), 1)
        self.assertIn("Invalid bank account", warning.note)
        warning.action_done()
        self.read_payouts()
        self.assertFalse(self.account.activity_ids - activities)

    def test_a_negative_settlement_says_what_becomes_of_it(self):
        self.seller.charge_fee('subscription', '39.00')
        settlement = self.settle()
        self.read_payouts()
        self.assertEqual(settlement.payout_ids.status, 'NO_PAYOUT')
        self.assertEqual(settlement.deposit_state, 'none')
        self.assertIn("39.00", settlement.payout_note)
        self.earn()
        following = self.settle()
        self.assertIn(
            f"Settlement {following.settlement_ref} has taken this amount over",
            settlement.payout_note,
        )

    def test_a_debt_that_was_charged_is_told_so(self):
        self.seller.charge_fee('subscription', '39.00')
        settlement = self.settle()
        self.seller.charge_card(parts=2)
        self.earn()
        self.settle()
        self.assertIn("has charged this amount", settlement.payout_note)

    def test_odd_payouts_stop_nothing(self):
        self.earn()
        settlement = self.settle()
        for name in PAYOUT_ODDITIES:
            with self.subTest(oddity=name):
                self.seller.set_payout_oddity(name)
                self.read_payouts()
                self.assertFalse(self.get_sync(self.account, 'payouts').last_error)
                self.assertIn(settlement.deposit_state, ('open', 'failed'))
                self.assertTrue(self.get_payouts().mapped('status_text'))

    def test_without_the_role_the_other_ways_go_on(self):
        self.seller.revoke_role(ROLE_FINANCES)
        self.read_payouts()
        self.assertIn("role Finance", self.get_sync(self.account, 'payouts').last_error)
        self.assertEqual(self.account.state, 'connected')

    def test_a_list_whose_token_has_expired_begins_anew(self):
        self.earn()
        settlement = self.settle()
        sync = self.get_sync(self.account, 'payouts')
        sync.window = {**sync._begin_payouts(), 'token': 'expired'}
        self.run_cron('read_payouts')
        self.assertTrue(settlement.payout_ids)
        self.assertFalse(sync.window)
        self.assertFalse(sync.last_error)

    def test_payouts_are_written_by_the_connector_alone(self):
        accountant = self.create_user('accountant', 'account.group_account_manager')
        payout = self.settle_and_pay().payout_ids.with_user(accountant)
        self.assertEqual(payout.amount, 100)
        with self.assertRaises(AccessError):
            payout.trace_id = 'X'
        stranger = self.create_user(
            'stranger', 'account.group_account_manager', company=self.create_company("Other"),
        )
        with self.assertRaises(AccessError):
            payout.with_user(stranger).read(['amount'])

    def test_it_is_read_anew_as_long_as_it_may_change(self):
        self.settle_and_pay()
        sync = self.get_sync(self.account, 'payouts')
        window = sync._begin_payouts()
        self.assertLess(window['since'], str(sync.cursor - timedelta(days=29)))
