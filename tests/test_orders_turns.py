from datetime import datetime, timedelta, timezone

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator.scenarios import bulk

from .common import AmazonCase

PAUSE = timedelta(minutes=5)  # of the cron
TOKEN = timedelta(seconds=1 / 0.0056)  # what Amazon takes for the next search


@tagged('post_install', '-at_install')
class TestTurns(AmazonCase):
    """Connections of one seller share Amazon's quota, in strict turns."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounts = {}
        for code in ('jp', 'gb'):
            marketplace = cls.env.ref(f'amazon_connector.marketplace_{code}')
            cls.account.synced_marketplace_ids -= marketplace
            account = cls.connect(cls.create_account(name=f"Nordwind {code}"))
            cls.accounts[marketplace.api_ref] = account
        cls.accounts[cls.account.synced_marketplace_ids.api_ref] = cls.account

    def setUp(self):
        super().setUp()
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)
        self.now = datetime.now(timezone.utc)

    def use(self, *accounts):
        """Disconnect all other accounts."""
        self.env['amazon.account'].union(*self.accounts.values()).connection_id.state = 'draft'
        self.env['amazon.account'].union(*accounts).connection_id.state = 'connected'

    def fetch(self, pause=timedelta()):
        """Run the cron after a pause."""
        self.now += pause
        with freeze_time(self.now):
            self.run_cron('fetch_orders')

    def get_served(self):
        """Return which account each answered search was for."""
        return [
            self.accounts[call.query['marketplaceIds']] for call in self.simulator.calls
            if call.operation == 'searchOrders' and call.status == 200
        ]

    def get_turn(self, account):
        return account.connection_id._get_sync('orders')._get_turn()

    def use_up_the_quota(self):
        served = -1
        while served < len(self.get_served()):
            served = len(self.get_served())
            self.fetch(timedelta(seconds=1))
        self.simulator.calls.clear()

    def test_connections_that_share_the_quota_are_served_in_turns_for_a_day(self):
        accounts = list(self.accounts.values())
        for count, duration in ((2, timedelta(days=1)), (3, timedelta(hours=4))):
            with self.subTest(connections=count):
                self.use(*accounts[:count])
                self.use_up_the_quota()
                last_served = dict.fromkeys(accounts[:count], self.now)
                longest_wait = count * TOKEN + PAUSE
                for _time in range(duration // PAUSE):
                    before = len(self.get_served())
                    self.fetch(PAUSE)
                    last_served.update(dict.fromkeys(self.get_served()[before:], self.now))
                    self.assertLessEqual(self.now - min(last_served.values()), longest_wait)
                    turns = [self.get_served().count(account) for account in accounts[:count]]
                    self.assertLessEqual(max(turns) - min(turns), 1)
                self.assertGreater(min(turns), 5)
                calls = [call.status for call in self.simulator.calls]
                self.assertNotIn(429, calls, "Amazon never has to refuse a call")

    def test_whoever_has_a_backlog_leaves_the_others_their_share(self):
        japan, germany = list(self.accounts.values())[::2]
        self.use(japan, germany)
        bulk(self.seller, 1200)
        self.account.last_order_sync -= timedelta(days=20)
        self.fetch()
        served = self.get_served()
        self.assertEqual(served.count(germany), 12)
        self.assertEqual(served.count(japan), 1)
        self.assertIn(served.index(japan), (0, 1))

    def test_pages_are_fetched_in_turns(self):
        japan, britain, germany = self.accounts.values()
        self.use(britain, germany)
        for marketplace in ('GB', 'DE'):
            for _number in range(250):
                self.seller.place_order(marketplace, placed_at=self.now - timedelta(hours=1))
        self.fetch()
        self.assertEqual(
            self.get_served(), [britain, germany] * 3 if britain.id < germany.id
            else [germany, britain] * 3,
        )
        self.assertFalse(japan.last_fetch)

    def test_a_button_does_not_take_a_search_out_of_turn(self):
        japan, germany = list(self.accounts.values())[::2]
        self.use(japan, germany)
        self.use_up_the_quota()
        self.fetch(timedelta(seconds=1))
        first, second = sorted((japan, germany), key=self.get_turn)
        self.now += TOKEN + timedelta(seconds=2)
        with freeze_time(self.now):
            self.assertIn("quota is used up", self.sync(second))
            self.assertFalse(self.get_served())
            self.sync(first)
        self.assertEqual(self.get_served(), [first])

    def test_a_turn_lapses_for_who_does_not_ask_any_more(self):
        japan, germany = list(self.accounts.values())[::2]
        self.use(japan, germany)
        self.use_up_the_quota()
        self.fetch(timedelta(seconds=1))
        first, second = sorted((japan, germany), key=self.get_turn)
        self.now += timedelta(minutes=16)
        with freeze_time(self.now):
            for _time in range(5):
                self.sync(second)
        self.assertEqual(len(self.get_served()), 5)
        self.assertNotIn(first, self.get_served())

    def test_an_account_that_fails_otherwise_has_had_its_turn(self):
        japan, germany = list(self.accounts.values())[::2]
        self.use(japan, germany)
        self.simulator.arm('unavailable', operation='searchOrders')
        self.fetch()
        first, second = self.account.search([('state', '=', 'connected')], order='id')
        self.assertTrue(first.last_error)
        self.assertTrue(first.last_fetch)
        self.assertEqual(self.get_served(), [second])
        self.assertFalse(first.connection_id._get_sync('orders').keeps_turn_until)
