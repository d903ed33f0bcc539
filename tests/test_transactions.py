from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.amazon_connector.simulator import ROLE_FINANCES, Item

from .common import MoneyCase

LIST = 'listTransactions'
WAY = 'odoo.addons.amazon_connector.models.amazon_sync_transactions'


class TransactionCase(MoneyCase):
    """A seller whose sales and refunds were posted an hour ago."""

    def sell_before(self, *items, hours=2, **details):
        """Let a buyer order something that was shipped some hours ago; return the order."""
        order = self.sell(*items, **details)
        self.shift(order, hours)
        return order

    def shift(self, order, hours):
        """Let what was posted for an order be older."""
        for event in self.seller.money:
            if event.order_id == order.order_id:
                event.posted -= timedelta(hours=hours)

    def read(self):  # pylint: disable=method-required-super
        """Press Read Refunds."""
        return self.press(self.account, 'action_read_refunds')['params']['message']

    def let_pass(self, **duration):
        """Let the last reading be older."""
        self.transaction_sync.cursor -= timedelta(**duration)

    @property
    def transaction_sync(self):
        """How far the transactions of the account are."""
        return self.get_sync(self.account, 'transactions')

    def get_transactions(self, order=None):
        """Return the transactions in Odoo, of an order or all."""
        domain = [('order_ref', '=', order.order_id)] if order else []
        return self.env['amazon.transaction'].search(
            [('company_id', '=', self.company.id), *domain],
        )


@tagged('post_install', '-at_install')
class TestTransactions(TransactionCase):
    """Transactions come in once each, whatever interrupts them."""

    def test_what_was_posted_comes_in(self):
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.assertIn('Transactions read: 1', self.read())
        transaction = self.get_transactions()
        self.assertEqual(transaction.order_ref, order.order_id)
        self.assertEqual(transaction.sale_order_id, self.get_sale_order(order))
        self.assertEqual(transaction.type, 'Shipment')
        self.assertEqual(transaction.status, 'RELEASED')
        self.assertEqual(transaction.currency_id.name, 'EUR')
        self.assertEqual(transaction.total, float(self.seller.money[0].total))
        self.assertEqual(transaction.account_id, self.account)
        self.assertEqual(transaction.marketplace_id.country_id.code, 'DE')
        self.assertTrue(self.transaction_sync.last_success)

    def test_the_next_reading_begins_where_the_last_one_ended_and_some_days_before(self):
        self.read()
        first = self.simulator.calls[-1].query
        cursor = self.transaction_sync.cursor
        self.read()
        second = self.simulator.calls[-1].query
        since, until = (
            fields.Datetime.to_datetime(query['postedAfter'].replace('T', ' ').rstrip('Z'))
            for query in (first, second)
        )
        self.assertEqual(fields.Datetime.now().date() - since.date(), timedelta(days=30))
        self.assertEqual(cursor - until, timedelta(hours=72))

    def test_the_same_again_changes_nothing(self):
        self.sell_before(Item('MUG', '12.99'))
        self.read()
        transaction = self.get_transactions()
        self.env.flush_all()
        self.env.cr.execute('SELECT xmin FROM amazon_transaction WHERE id = %s', [transaction.id])
        before = self.env.cr.fetchone()
        self.read()
        self.env.flush_all()
        self.env.cr.execute('SELECT xmin FROM amazon_transaction WHERE id = %s', [transaction.id])
        self.assertEqual(self.env.cr.fetchone(), before)
        self.assertEqual(self.get_transactions(), transaction)

    def test_pages_come_in_one_by_one_empty_ones_too(self):
        for number in range(5):
            self.sell_before(Item(f'MUG-{number}', '12.99'), hours=2 + number)
        self.simulator.set_finance_pages(2, has_empty=True)
        self.read()
        self.assertEqual(len(self.get_transactions()), 5)
        self.assertGreater(self.count_calls(LIST), 4)
        self.assertFalse(self.transaction_sync.window)

    def test_what_was_interrupted_goes_on_with_the_next_page(self):
        for number in range(4):
            self.sell_before(Item(f'MUG-{number}', '12.99'), hours=2 + number)
        self.simulator.set_finance_pages(2)
        self.simulator.arm('unavailable', operation=LIST, times=None, skip=2)
        self.read()
        self.assertEqual(len(self.get_transactions()), 2)
        self.assertTrue(self.transaction_sync.window['token'])
        self.assertFalse(self.transaction_sync.cursor)
        self.simulator.disarm()
        calls = self.count_calls(LIST)
        self.run_cron('read_transactions')
        self.assertEqual(len(self.get_transactions()), 4)
        self.assertEqual(self.count_calls(LIST), calls + 1)

    def test_a_token_that_has_expired_begins_anew(self):
        for number in range(4):
            self.sell_before(Item(f'MUG-{number}', '12.99'), hours=2 + number)
        self.simulator.set_finance_pages(2)
        self.simulator.arm('unavailable', operation=LIST, times=None, skip=2)
        self.read()
        self.simulator.disarm()
        sync = self.transaction_sync
        sync.window = {**sync.window, 'token': 'expired'}
        self.run_cron('read_transactions')
        self.assertEqual(len(self.get_transactions()), 4)
        self.assertFalse(self.transaction_sync.window)

    def test_what_is_deferred_is_released_once(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.seller.defer(order, 'B2B')
        self.read()
        deferred = self.get_transactions()
        self.assertEqual(deferred.status, 'DEFERRED')
        self.assertEqual(deferred.deferral_reason, 'B2B')
        self.assertTrue(deferred.maturity_at)
        self.assertEqual(self.account.deferred_count, 1)
        self.seller.release(order, at=self.simulator.clock.now() - timedelta(hours=1))
        self.read()
        release = self.get_transactions() - deferred
        self.assertEqual(deferred.status, 'DEFERRED_RELEASED')
        self.assertEqual(release.status, 'RELEASED')
        self.assertEqual(release.deferred_ref, deferred.transaction_ref)
        self.assertEqual(self.account.deferred_count, 0)

    def test_what_amazon_does_not_list_anew_is_known_by_its_release(self):
        order = self.sell_before(Item('MUG', '12.99'), hours=24 * 10)
        self.seller.defer(order, until=self.simulator.clock.now() + timedelta(hours=1))
        self.read()
        deferred = self.get_transactions()
        self.assertEqual(deferred.status, 'DEFERRED')
        self.seller.release(order, at=self.simulator.clock.now() - timedelta(hours=1))
        self.read()
        self.assertEqual(deferred.status, 'DEFERRED_RELEASED')
        self.assertEqual(deferred.release_ref, (self.get_transactions() - deferred).transaction_ref)

    def test_what_was_deferred_long_ago_is_read_the_first_time(self):
        order = self.sell_before(Item('MUG', '12.99'), hours=24 * 60)
        self.seller.defer(order, 'B2B', until=self.simulator.clock.now() + timedelta(days=5))
        self.sell_before(Item('MUG', '12.99'), hours=24 * 60)
        self.read()
        self.assertEqual(self.get_transactions(), self.get_transactions(order))
        self.assertEqual(self.get_transactions(order).status, 'DEFERRED')
        self.let_pass(hours=2)
        calls = self.count_calls(LIST)
        self.run_cron('read_transactions')
        self.assertEqual(self.count_calls(LIST), calls + 1)

    @mute_logger(WAY)
    def test_oddities_do_not_stop_the_others(self):
        orders = {
            name: self.sell_before(Item('MUG', '12.99'))
            for name in ('unknown status', 'no total', 'no marketplace', 'no id', 'no date')
        }
        good = self.sell_before(Item('BOWL', '7.99'))
        for name, order in orders.items():
            self.seller.set_transaction_oddity(name, order)
        self.read()
        self.assertEqual(len(self.get_transactions(good)), 1)
        self.assertFalse(self.get_transactions(orders['unknown status']).status)
        self.assertFalse(self.get_transactions(orders['no total']).currency_id)
        self.assertEqual(self.get_transactions(orders['no marketplace']).account_id, self.account)
        self.assertFalse(self.get_transactions(orders['no id']))
        self.assertFalse(self.get_transactions(orders['no date']))

    def test_what_can_not_be_read_is_said_once(self):
        def get_notes():
            notes = ' '.join(self.account.activity_ids.mapped('note'))
            return [count for count in '123' if f"can't be read: {count}." in html2plaintext(notes)]

        orders = [self.sell_before(Item('MUG', '12.99')) for _number in range(2)]
        self.seller.set_transaction_oddity('no id', orders[0])
        with self.assertLogs(WAY, 'WARNING') as logs:
            self.read()
        self.assertIn("transactionId is missing", logs.output[0])
        self.assertNotIn(orders[0].order_id, str(logs.output))
        self.assertEqual(get_notes(), ['1'])
        self.account.activity_ids.unlink()
        with mute_logger(WAY):
            self.read()
            self.assertFalse(get_notes())
            self.seller.set_transaction_oddity('no date', orders[1])
            self.read()
        self.assertEqual(get_notes(), ['2'])

    @mute_logger(WAY)
    def test_who_keeps_no_books_here_is_not_told_of_what_can_not_be_read(self):
        self.account.ledger_ids.unlink()
        self.seller.set_transaction_oddity('no id', self.sell_before(Item('MUG', '12.99')))
        self.read()
        self.assertNotIn("can't be read", str(self.account.activity_ids.mapped('note')))

    def test_a_missing_role_stops_this_way_only(self):
        self.seller.revoke_role(ROLE_FINANCES)
        self.read()
        self.assertEqual(self.account.state, 'connected')
        self.assertIn("Finance and Accounting", self.transaction_sync.last_error)

    def test_people_see_transactions_of_their_companies_and_change_none(self):
        self.sell_before(Item('MUG', '12.99'))
        self.read()
        transaction = self.get_transactions()
        for login, group in (
            ('seller', 'amazon_connector.group_amazon_admin'),
            ('accountant', 'account.group_account_manager'),
        ):
            user = self.create_user(login, group)
            transaction.with_user(user).read(['total'])
            with self.assertRaises(AccessError):
                transaction.with_user(user).total = 0
        stranger = self.create_user(
            'stranger', 'amazon_connector.group_amazon_admin',
            company=self.create_company("Südwind"),
        )
        self.assertFalse(self.env['amazon.transaction'].with_user(stranger).with_context(
            allowed_company_ids=stranger.company_ids.ids,
        ).search([]))
        with self.assertRaises(AccessError):
            transaction.with_user(self.create_user('clerk')).read(['total'])
