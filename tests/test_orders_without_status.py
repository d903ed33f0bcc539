import json
from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item
from odoo.addons.amazon_connector.simulator.scenarios import bulk

from .common import AmazonCase


@tagged('post_install', '-at_install')
class TestOrdersWithoutStatus(AmazonCase):
    """Without FULFILLMENT, an order does not say how far it is: Amazon is asked for it alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_product('MUG')

    def fetch(self):
        self.run_cron('fetch_orders')

    def refuse_in_searches(self, **options):
        return self.simulator.arm(
            'fulfillment_refused', operation='searchOrders', times=None, **options,
        )

    def refuse_alone(self, order, kind='fulfillment_refused', times=None):
        return self.simulator.arm(
            kind, operation='getOrder', order_id=order.order_id, times=times,
        )

    def place(self, quantity=2, **details):
        return self.seller.place_order(items=[Item('MUG', quantity=quantity)], **details)

    def get_searches(self):
        return [call for call in self.simulator.calls if call.operation == 'searchOrders']

    def assertWaitsForStatus(self, order):
        inbox = self.get_inbox(order)
        self.assertTrue(inbox.to_complete)
        self.assertEqual(inbox.state, 'failed')
        self.assertIn("does not say how far this order is", inbox.reason)
        self.assertIn("asked again by itself", inbox.reason)
        self.assertTrue(inbox.next_try)

    # === COMPLETING === #

    def test_orders_of_a_reduced_search_are_completed_before_they_are_imported(self):
        self.refuse_in_searches()
        for says_status in (False, True):
            with self.subTest(says_status=says_status):
                self.seller.sends_status_always = says_status
                unshipped, fba = self.place(), self.place(channel='FBA', status='SHIPPED')
                partly, pending = self.place(3), self.place(status='PENDING')
                self.seller.ship(partly, {'MUG': 1})
                self.simulator.calls.clear()
                self.sync()
                self.assertEqual(self.count_calls('getOrder'), 4)
                self.assertTrue(self.get_sale_order(unshipped).commitment_date)
                self.assertEqual(self.get_sale_order(fba).order_line.move_ids.state, 'done')
                self.assertEqual(self.get_lines(self.get_sale_order(partly)).qty_delivered, 1)
                self.assertEqual(
                    self.get_sale_order(partly).picking_ids.move_ids.product_uom_qty, 2,
                )
                self.assertIn("not released", self.get_inbox(pending).reason)

    def test_an_order_whose_status_is_missing_on_a_page_is_completed(self):
        self.seller.searches_without_status = True
        order = self.place(channel='FBA')
        self.sync()
        self.assertEqual(self.get_inbox(order).amazon_status, 'UNSHIPPED')
        self.assertIn("Waits for Amazon to ship", self.get_inbox(order).reason)
        self.seller.ship(order)
        self.sync()
        self.assertTrue(self.get_sale_order(order))
        self.assertEqual(self.count_calls('getOrder'), 2)

    def test_orders_that_say_their_status_are_not_asked_for_alone(self):
        for status in ('PENDING', 'UNSHIPPED', 'SHIPPED', 'CANCELLED'):
            self.place(status=status)
        self.sync()
        self.assertFalse(self.count_calls('getOrder'))

    def test_fuller_data_are_never_replaced_by_poorer_ones(self):
        order = self.place()
        self.sync()
        inbox = self.get_inbox(order)
        fuller = inbox.payload
        self.seller.searches_without_status = True
        fault = self.refuse_alone(order)
        self.seller.request_cancellation(order, 'Too large')
        self.sync()
        self.assertEqual(inbox.payload, fuller)
        self.assertEqual(inbox.amazon_status, 'UNSHIPPED')
        self.assertTrue(inbox.sale_order_id)
        self.assertWaitsForStatus(order)
        self.press(inbox, 'action_fetch_again')
        self.assertEqual(inbox.payload, fuller)
        self.assertWaitsForStatus(order)

        self.simulator.disarm(fault)
        self.press(inbox, 'action_retry')
        self.assertEqual(inbox.state, 'done')
        self.assertIn('Too large', inbox.payload)
        self.assertEqual(inbox.sale_order_id.amazon_cancel_reason, 'Too large')

    def test_an_order_that_was_cancelled_is_not_delivered_for_want_of_its_status(self):
        order = self.place()
        self.sync()
        self.refuse_in_searches()
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(self.get_sale_order(order).state, 'cancel')

    def test_an_older_answer_does_not_complete_a_newer_order(self):
        order = self.place()
        self.sync()
        old = json.loads(self.get_inbox(order).payload)
        self.seller.searches_without_status = True
        self.seller.cancel(order)
        self.simulator.arm(
            'custom', operation='getOrder', body=json.dumps({'order': old}),
        )
        self.sync()
        inbox = self.get_inbox(order)
        self.assertWaitsForStatus(order)
        with freeze_time(inbox.next_try):
            self.fetch()
            self.run_cron('import_orders')
        self.assertEqual(self.get_sale_order(order).state, 'cancel')

    # === THE CURSOR === #

    def test_the_cursor_waits_for_what_is_still_to_be_completed(self):
        self.refuse_in_searches()
        orders = [self.place() for _number in range(3)]
        cursor = self.account.last_order_sync
        self.simulator.arm('throttled', operation='getOrder', skip=1)
        self.sync()
        self.assertEqual(
            [bool(self.get_sale_order(order)) for order in orders], [True, False, False],
        )
        self.assertEqual(self.account.last_order_sync, cursor)
        self.assertFalse(self.get_inbox(orders[1]).sale_order_id)
        self.assertEqual(self.get_inbox(orders[1]).state, 'to_do')
        self.assertTrue(self.get_triggers('fetch_orders'))

        self.simulator.calls.clear()
        self.sync()
        self.assertFalse(self.get_searches(), "The search itself was over")
        self.assertEqual(self.count_calls('getOrder'), 2)
        self.assertTrue(all(self.get_sale_order(order) for order in orders))
        self.assertGreater(self.account.last_order_sync, cursor)
        self.assertFalse(self.order_sync.window)

    def test_the_quota_of_single_orders_is_kept(self):
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)
        self.refuse_in_searches()
        bulk(self.seller, 40)
        self.sync()
        self.assertEqual(self.env['amazon.order'].search_count([('state', '=', 'done')]), 30)
        calls = [call for call in self.simulator.calls if call.operation == 'getOrder']
        self.assertEqual({call.status for call in calls}, {200})
        with freeze_time(max(self.get_triggers('fetch_orders')) + timedelta(seconds=30)):
            self.fetch()
        self.run_cron('import_orders')
        self.assertEqual(self.env['amazon.order'].search_count([('state', '=', 'done')]), 40)
        calls = [call for call in self.simulator.calls if call.operation == 'getOrder']
        self.assertEqual(len(calls), 40)
        self.assertEqual({call.status for call in calls}, {200})

    def check_that_it_holds_up_nobody(self, kind):
        """Let Amazon not complete an order, which comes by itself in the end."""
        self.seller.searches_without_status = True
        stuck, other = self.place(), self.place()
        cursor = self.account.last_order_sync
        fault = self.refuse_alone(stuck, kind)
        self.sync()
        inbox = self.get_inbox(stuck)
        with freeze_time(inbox.next_try):
            self.fetch()
            later = self.place()
            self.sync()
            self.sync()
        self.assertWaitsForStatus(stuck)
        self.assertFalse(self.get_sale_order(stuck))
        self.assertTrue(self.get_sale_order(other))
        self.assertTrue(self.get_sale_order(later))
        self.assertGreater(self.account.last_order_sync, cursor)
        for _try in range(7):
            with freeze_time(inbox.next_try):
                self.fetch()
        self.assertTrue(inbox.next_try, "It is asked for ever again")
        self.simulator.disarm(fault)
        with freeze_time(inbox.next_try):
            self.fetch()
            self.run_cron('import_orders')
        self.assertTrue(self.get_sale_order(stuck))
        self.assertFalse(inbox.reason)

    def test_an_order_for_which_amazon_refuses_the_status_holds_up_nobody(self):
        self.check_that_it_holds_up_nobody('fulfillment_refused')

    def test_an_order_that_amazon_does_not_find_holds_up_nobody(self):
        self.check_that_it_holds_up_nobody('not_found')

    def test_an_order_over_which_amazon_breaks_holds_up_nobody(self):
        self.check_that_it_holds_up_nobody('unavailable')

    def test_an_order_whose_answer_is_garbled_holds_up_nobody(self):
        self.check_that_it_holds_up_nobody('not_json')

    def test_an_order_that_never_says_its_status_waits(self):
        order, other = self.place(), self.place()
        self.seller.override(order, remove=['/fulfillment'])
        self.assertIn("1 order needs attention", self.sync())
        self.assertWaitsForStatus(order)
        self.assertTrue(self.get_sale_order(other))
        self.seller.override(order)
        self.sync()
        self.assertTrue(self.get_sale_order(order))

    def test_retry_asks_for_the_status_and_says_what_came_of_it(self):
        order = self.place()
        self.seller.searches_without_status = True
        fault = self.refuse_alone(order)
        self.sync()
        inbox = self.get_inbox(order)
        message = self.press(inbox, 'action_retry')['params']['message']
        self.assertIn("1 order needs attention", message)
        self.assertWaitsForStatus(order)
        self.simulator.disarm(fault)
        message = self.press(inbox, 'action_retry')['params']['message']
        self.assertIn("1 created", message)

    # === THE SEARCH === #

    def test_each_search_asks_for_the_status_first(self):
        fault = self.refuse_in_searches()
        self.place()
        self.sync()
        self.simulator.disarm(fault)
        self.simulator.calls.clear()
        order = self.place()
        self.sync()
        self.assertEqual(len(self.get_searches()), 1)
        self.assertIn('FULFILLMENT', self.get_searches()[0].query['includedData'])
        self.assertFalse(self.count_calls('getOrder'))
        self.assertTrue(self.get_sale_order(order))

    def test_a_refusal_costs_one_call_however_often_the_quota_interrupts(self):
        fault = self.refuse_in_searches()
        self.place()
        self.simulator.arm('throttled', operation='searchOrders', skip=1)
        self.fetch()
        self.fetch()
        self.assertEqual([call.status for call in self.get_searches()], [400, 429, 200])
        self.assertEqual(fault.hits, 1)

    def test_a_refusal_of_something_else_is_said_and_leaves_no_reduced_search(self):
        fault = self.simulator.arm('invalid_input', operation='searchOrders', times=None)
        self.fetch()
        self.assertEqual(fault.hits, 2)
        self.assertIn("InvalidInput", self.account.last_error)
        self.assertFalse(self.order_sync.window)
        self.simulator.disarm(fault)
        order = self.place()
        self.sync()
        self.assertTrue(self.get_sale_order(order))
        self.assertFalse(self.count_calls('getOrder'))
