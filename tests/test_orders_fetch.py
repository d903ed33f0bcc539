import json
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.amazon_connector.models import amazon_account_orders
from odoo.addons.amazon_connector.simulator import Item, Participation, SellerProfile
from odoo.addons.amazon_connector.simulator.scenarios import bulk

from .common import AmazonCase

PAGE = 100
MARKETPLACES = 'A1F83G8C2ARO7P,A1PA6795UKMFR9,A1VC38T7YXB528'
OTHER_SELLER = SellerProfile(
    seller_id='A2SIMULATOR002',
    client_id='amzn1.application-oa2-client.other',
    client_secret='amzn1.oa2-cs.v1.other',
    refresh_token='Atzr|simulator-other',
    store_name='Südwind',
    participations=(Participation('FR'),),
)


def to_utc(naive):
    return naive.replace(tzinfo=timezone.utc)


@tagged('post_install', '-at_install')
class TestOrdersFetch(AmazonCase):

    def searches(self):
        return [call for call in self.simulator.calls if call.operation == 'searchOrders']

    def fetch(self):
        self.run_cron('fetch_orders')

    def use_amazons_rates(self):
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)

    def assertCursor(self, bound):
        # The simulator notes the time of a call at its end, it answers with that of its start.
        self.assertAlmostEqual(
            to_utc(self.account.last_order_sync), bound, delta=timedelta(seconds=5),
        )

    def inbox_size(self):
        return self.env['amazon.order'].search_count([('account_id', '=', self.account.id)])

    # === CURSOR AND WINDOW === #

    def test_an_account_without_news_costs_one_call(self):
        self.fetch()
        self.simulator.calls.clear()
        self.fetch()
        self.assertEqual([call.operation for call in self.simulator.calls], ['searchOrders'])

    def test_one_call_asks_for_all_marketplaces_of_the_account(self):
        for marketplace in ('DE', 'GB', 'JP'):
            self.seller.place_order(marketplace)
        self.fetch()
        self.assertEqual(self.inbox_size(), 3)
        self.assertEqual([call.query['marketplaceIds'] for call in self.searches()], [MARKETPLACES])

    def test_only_synchronized_marketplaces_are_asked_for(self):
        self.account.synced_marketplace_ids -= self.env.ref('amazon_connector.marketplace_gb')
        british, german = self.seller.place_order('GB'), self.seller.place_order('DE')
        self.fetch()
        self.assertFalse(self.get_inbox(british))
        self.assertTrue(self.get_inbox(german))

    def test_an_account_without_marketplaces_asks_nothing(self):
        self.account.synced_marketplace_ids = False
        self.fetch()
        self.assertFalse(self.simulator.calls)

    def test_the_cursor_is_the_bound_that_amazon_answered(self):
        self.seller.place_order()
        self.fetch()
        bound = self.searches()[0].time - timedelta(minutes=2)
        self.assertCursor(bound)

    def test_the_next_window_overlaps_the_last_one_by_two_minutes(self):
        self.fetch()
        cursor = self.account.last_order_sync
        self.fetch()
        since = datetime.fromisoformat(self.searches()[1].query['lastUpdatedAfter'])
        self.assertEqual(since, to_utc(cursor) - timedelta(minutes=2))

    def test_what_amazon_shows_late_is_not_skipped(self):
        self.fetch()
        late = to_utc(self.account.last_order_sync) - timedelta(seconds=90)
        order = self.seller.place_order(placed_at=late)
        self.fetch()
        self.assertTrue(self.get_inbox(order))

    def test_an_order_changed_later_comes_again(self):
        order = self.seller.place_order(status='PENDING')
        self.fetch()
        self.seller.pay(order)
        self.fetch()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.amazon_status, 'UNSHIPPED')
        self.assertEqual(inbox.state, 'to_do')

    def test_setting_the_cursor_back_reads_everything_changed_since_again(self):
        order = self.seller.place_order(placed_at=self.simulator.clock.now() - timedelta(days=5))
        self.sync()
        # As after a restore: the inbox is lost, the sales order is not.
        self.get_inbox(order).unlink()
        self.sync()
        self.assertFalse(self.get_inbox(order))
        self.account.last_order_sync -= timedelta(days=6)
        self.sync()
        self.assertEqual(self.get_inbox(order).sale_order_id, self.get_sale_order(order))
        self.assertEqual(len(self.get_sale_order(order)), 1)

    def test_what_is_known_already_is_not_imported_again(self):
        order = self.seller.place_order()
        self.assertRegex(self.sync(), "^1 fetched: 1 created")
        self.account.last_order_sync -= timedelta(days=6)
        self.assertRegex(self.sync(), "^No new orders")
        self.assertEqual(len(self.get_sale_order(order)), 1)

    def test_an_old_page_after_a_new_one_changes_nothing(self):
        order = self.seller.place_order()
        self.fetch()
        old = json.loads(self.get_inbox(order).payload)
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(self.get_inbox(order).amazon_status, 'CANCELLED')
        bound = self.account.last_order_sync.isoformat() + 'Z'
        fault = self.simulator.arm('custom', operation='searchOrders', body=json.dumps(
            {'orders': [old], 'lastUpdatedBefore': bound},
        ))
        self.assertRegex(self.sync(), "^No new orders")
        self.assertEqual(fault.hits, 1)
        self.assertEqual(self.get_inbox(order).amazon_status, 'CANCELLED')
        self.assertEqual(self.get_inbox(order).state, 'skipped')

    def test_the_newest_of_two_versions_on_a_page_counts(self):
        order = self.seller.place_order()
        self.fetch()
        old = json.loads(self.get_inbox(order).payload)
        self.seller.request_cancellation(order, 'Too large')
        self.fetch()
        new = json.loads(self.get_inbox(order).payload)
        for orders in ([old, new], [new, old]):
            self.get_inbox(order).unlink()
            self.simulator.arm('custom', operation='searchOrders', body=json.dumps({
                'orders': orders,
                'lastUpdatedBefore': self.account.last_order_sync.isoformat() + 'Z',
            }))
            self.fetch()
            self.assertEqual(json.loads(self.get_inbox(order).payload), new)

    # === PAGES AND INTERRUPTIONS === #

    def test_all_pages_of_a_window_are_fetched_at_one_call_a_page(self):
        bulk(self.seller, 2 * PAGE + 1)
        self.fetch()
        self.assertEqual(self.inbox_size(), 2 * PAGE + 1)
        self.assertEqual(self.count_calls(), 3)
        self.assertFalse(self.order_sync.window)

    def test_an_interrupted_window_goes_on_with_the_page_that_failed(self):
        bulk(self.seller, 2 * PAGE + 1)
        cursor = self.account.last_order_sync
        self.simulator.arm('unavailable', operation='searchOrders', page=2)
        self.fetch()
        self.assertEqual(self.inbox_size(), PAGE)
        self.assertEqual(self.account.last_order_sync, cursor)
        self.assertTrue(self.account.last_error)

        first_bound = self.searches()[0].time - timedelta(minutes=2)
        self.simulator.calls.clear()
        self.simulator.clock.advance(minutes=30)
        self.fetch()
        self.assertEqual(self.inbox_size(), 2 * PAGE + 1)
        self.assertEqual(self.count_calls(), 2)
        self.assertTrue(all('paginationToken' in call.query for call in self.searches()))
        self.assertFalse(self.account.last_error)
        # The cursor is the bound of the window that was walked, not of its end.
        self.assertCursor(first_bound)

    def test_a_window_whose_token_has_expired_starts_again(self):
        bulk(self.seller, PAGE + 1)
        self.simulator.arm('unavailable', operation='searchOrders', page=2)
        self.fetch()
        self.simulator.clock.advance(hours=25)
        self.fetch()
        self.assertEqual(self.inbox_size(), PAGE + 1)
        self.assertFalse(self.order_sync.window)
        self.assertFalse(self.account.last_error)

    def test_an_interrupted_window_is_given_up_when_the_marketplaces_change(self):
        bulk(self.seller, PAGE + 1)
        british = self.seller.place_order('GB', placed_at=self.simulator.clock.now())
        self.account.synced_marketplace_ids -= self.env.ref('amazon_connector.marketplace_gb')
        self.simulator.arm('unavailable', operation='searchOrders', page=2)
        self.fetch()
        self.assertTrue(self.order_sync.window)
        self.account.synced_marketplace_ids |= self.env.ref('amazon_connector.marketplace_gb')
        self.fetch()
        self.assertTrue(self.get_inbox(british))
        self.assertEqual(self.inbox_size(), PAGE + 2)

    def test_a_page_that_is_no_json_is_an_outage(self):
        order = self.seller.place_order()
        for kind in ('not_json', 'truncated_json', 'empty', 'unavailable', 'internal_error',
                     'internal_message', 'drop_before', 'drop_after'):
            with self.subTest(kind=kind):
                cursor = self.account.last_order_sync
                self.simulator.arm(kind, operation='searchOrders')
                self.fetch()
                self.assertEqual(self.account.last_order_sync, cursor)
                self.assertEqual(self.account.state, 'connected')
                self.assertIn("tried again by itself", self.account.last_error)
                self.assertFalse(self.get_inbox(order))
        self.fetch()
        self.assertTrue(self.get_inbox(order))
        self.assertFalse(self.account.last_error)

    def test_a_page_without_orders_or_bound_moves_nothing(self):
        cursor = self.account.last_order_sync
        for body in ('{}', '{"orders": []}', '{"orders": {}, "lastUpdatedBefore": "2026-01-01"}'):
            with self.subTest(body=body):
                self.simulator.arm('custom', operation='searchOrders', body=body)
                self.fetch()
                self.assertEqual(self.account.last_order_sync, cursor)
                self.assertTrue(self.account.last_error)

    def test_an_expired_access_token_is_renewed_on_the_way(self):
        self.fetch()
        order = self.seller.place_order()
        self.simulator.calls.clear()
        self.simulator.arm('expired_token', operation='searchOrders')
        self.fetch()
        self.assertTrue(self.get_inbox(order))
        self.assertEqual(self.count_calls('lwa'), 1)
        self.assertEqual(self.account.state, 'connected')

    def test_an_endpoint_that_refuses_fulfillment_gets_by_without_it(self):
        self.seller.sends_status_always = True
        bulk(self.seller, PAGE + 1)
        self.simulator.arm('fulfillment_refused', operation='searchOrders', times=None)
        self.fetch()
        self.assertEqual(self.inbox_size(), PAGE + 1)
        self.assertEqual(self.count_calls(), 3, "Only the first page is asked for twice")
        self.assertEqual(
            set(self.env['amazon.order'].search([]).mapped('amazon_status')), {'UNSHIPPED'},
        )

    # === QUOTA === #

    def test_amazons_throttling_is_waited_for(self):
        order = self.seller.place_order()
        self.simulator.arm('throttled', operation='searchOrders')
        self.fetch()
        self.assertFalse(self.get_inbox(order))
        self.assertIn("quota", self.account.last_error)
        self.assertEqual(self.account.state, 'connected')
        self.assertFalse(self.account.activity_ids)
        retry_at = max(self.get_triggers('fetch_orders'))
        wait = retry_at - datetime.now(timezone.utc).replace(tzinfo=None)
        # One token takes Amazon 1 / 0.0056 seconds.
        self.assertAlmostEqual(wait.total_seconds(), 179, delta=5)

        self.fetch()
        self.assertTrue(self.get_inbox(order))
        self.assertFalse(self.account.last_error)

    def test_amazon_never_has_to_refuse_a_call(self):
        self.use_amazons_rates()
        for _call in range(25):
            self.fetch()
        self.assertEqual(self.count_calls(), 20)
        self.assertEqual({call.status for call in self.searches()}, {200})
        order = self.seller.place_order()
        with freeze_time(max(self.get_triggers('fetch_orders'))):
            self.fetch()
        self.assertEqual(self.count_calls(), 21)
        self.assertEqual({call.status for call in self.searches()}, {200})
        self.assertTrue(self.get_inbox(order))

    def test_two_accounts_of_a_seller_share_the_quota(self):
        japan = self.env.ref('amazon_connector.marketplace_jp')
        self.account.synced_marketplace_ids -= japan
        second = self.connect(self.create_account(name="Nordwind Japan"))
        self.use_amazons_rates()
        for _call in range(20):
            self.fetch()
        # Each run of the cron asks for both accounts.
        self.assertEqual(self.count_calls(), 20)
        self.assertIn("quota", self.account.last_error)
        self.assertIn("quota", second.last_error)

    # === BUDGET === #

    def test_what_the_button_has_no_time_for_is_left_to_the_crons(self):
        order = self.seller.place_order()
        self.env['ir.cron.trigger'].search([]).unlink()
        with patch.object(amazon_account_orders, 'SYNC_SECONDS', 0):
            self.assertRegex(self.sync(), "^No new orders")
        self.assertFalse(self.count_calls())
        self.assertTrue(self.get_triggers('fetch_orders'))
        self.fetch()
        self.assertTrue(self.get_triggers('import_orders'))
        self.run_cron('import_orders')
        self.assertTrue(self.get_sale_order(order))

    # === ACCOUNTS === #

    def test_a_failing_account_does_not_delay_another(self):
        other_seller = self.simulator.add_seller(OTHER_SELLER)
        other_account = self.connect(self.create_account(OTHER_SELLER))
        for kind in ('unavailable', 'not_json', 'invalid_input', 'throttled'):
            with self.subTest(kind=kind):
                order = other_seller.place_order('FR')
                fault = self.simulator.arm(
                    kind, operation='searchOrders', times=None,
                    seller_id=self.seller.profile.seller_id,
                )
                self.fetch()
                self.simulator.disarm(fault)
                self.assertGreaterEqual(fault.hits, 1)
                self.assertTrue(self.account.last_error)
                self.assertEqual(self.get_inbox(order).account_id, other_account)
                self.assertFalse(other_account.last_error)

    def test_who_was_asked_longest_ago_comes_first(self):
        self.simulator.add_seller(OTHER_SELLER)
        other_account = self.connect(self.create_account(OTHER_SELLER))
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        for first, second in (
            (self.account, other_account), (other_account, self.account),
        ):
            self.get_sync(first).last_run = now - timedelta(hours=1)
            self.get_sync(second).last_run = now
            self.simulator.calls.clear()
            self.fetch()
            self.assertEqual(
                [call.seller_id for call in self.searches()], [first.seller_id, second.seller_id],
            )

    def test_an_archived_account_is_not_asked(self):
        self.account.active = False
        self.fetch()
        self.assertFalse(self.simulator.calls)

    def test_new_orders_wake_the_import(self):
        self.env['ir.cron.trigger'].search([]).unlink()
        self.fetch()
        self.assertFalse(self.get_triggers('import_orders'))
        order = self.seller.place_order(items=[Item('SKU-1')])
        self.fetch()
        self.assertTrue(self.get_triggers('import_orders'))
        self.assertFalse(self.get_sale_order(order))
        self.run_cron('import_orders')
        self.assertTrue(self.get_sale_order(order))
