from datetime import timedelta

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Buyer, Item

from .common import ShippingCase


@tagged('post_install', '-at_install')
class TestMarketplacesChange(ShippingCase):
    """Marketplaces that are added later, archived, or moved to another account of the seller."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany, cls.britain = (
            cls.env.ref(f'amazon_connector.marketplace_{code}') for code in ('de', 'gb')
        )
        cls.account.synced_marketplace_ids = cls.germany

    def setUp(self):
        super().setUp()
        self.now = self.simulator.clock.now()

    def place(self, marketplace='GB', days=10, **details):
        return self.seller.place_order(
            marketplace, 'FBM', [Item('MUG', '12.99')], placed_at=self.now - timedelta(days=days),
            **details,
        )

    def get_searches(self):
        """Return which marketplaces were searched for, search by search."""
        return [
            call.query['marketplaceIds'] for call in self.simulator.calls
            if call.operation == 'searchOrders'
        ]

    def get_notes(self, record):
        return ' '.join(record.message_ids.mapped('body'))

    # === ADDED === #

    def test_older_orders_of_an_added_marketplace_come_in(self):
        self.sync()
        order = self.place()
        self.sync()
        self.assertFalse(self.get_inbox(order))
        self.account.synced_marketplace_ids |= self.britain
        self.assertIn("Amazon.co.uk: orders that changed since", self.get_notes(self.account))
        self.simulator.calls.clear()
        self.sync()
        self.assertEqual(self.get_sale_order(order).state, 'sale')
        self.assertEqual(self.get_searches()[1:], [self.britain.api_ref])
        self.assertFalse(self.order_sync.backlog)
        self.simulator.calls.clear()
        self.sync()
        self.assertEqual(len(self.get_searches()), 1)

    def test_a_new_account_reads_its_marketplaces_once(self):
        self.assertFalse(self.order_sync.backlog)

    def test_what_interrupts_the_older_orders_does_not_start_them_again(self):
        self.sync()
        for _number in range(250):
            self.place()
        self.account.synced_marketplace_ids |= self.britain
        self.simulator.calls.clear()
        fault = self.simulator.arm('unavailable', operation='searchOrders', skip=2, times=1)
        self.run_cron('fetch_orders')
        self.assertEqual(fault.hits, 1)
        self.assertTrue(self.order_sync.backlog_window)
        self.assertEqual(self.env['amazon.order'].search_count(
            [('account_id', '=', self.account.id), ('marketplace_id', '=', self.britain.id)],
        ), 100)
        self.run_cron('fetch_orders')
        self.assertEqual(self.env['amazon.order'].search_count(
            [('account_id', '=', self.account.id), ('marketplace_id', '=', self.britain.id)],
        ), 250)
        self.assertEqual(self.get_searches().count(self.britain.api_ref), 4)  # one failed
        self.assertFalse(self.order_sync.backlog or self.order_sync.backlog_window)

    def test_new_orders_do_not_wait_for_the_older_ones(self):
        self.sync()
        self.place()
        self.account.synced_marketplace_ids |= self.britain
        new = self.place('DE', days=0)
        self.simulator.arm('unavailable', operation='searchOrders', skip=1, times=None)
        self.run_cron('fetch_orders')
        self.assertTrue(self.get_inbox(new))
        self.assertTrue(self.order_sync.backlog)

    # === ARCHIVED === #

    def test_an_archived_marketplace_is_not_read_and_says_so(self):
        self.account.synced_marketplace_ids |= self.britain
        self.sync()
        self.britain.active = False
        self.assertIn("Amazon.co.uk: archived", self.get_notes(self.account))
        order = self.place(days=0)
        self.simulator.calls.clear()
        self.sync()
        self.assertEqual(self.get_searches(), [self.germany.api_ref])
        self.assertFalse(self.get_inbox(order))
        self.britain.active = True
        self.sync()
        self.assertEqual(self.get_sale_order(order).state, 'sale')

    def test_an_account_of_archived_marketplaces_only_costs_no_call(self):
        self.germany.active = False
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertFalse(self.simulator.calls)

    # === MOVED === #

    def move_to_second_account(self, marketplace):
        self.account.synced_marketplace_ids -= marketplace
        second = self.create_account(name="Second")
        second.available_marketplace_ids = marketplace
        second.synced_marketplace_ids = [Command.set(marketplace.ids)]
        return self.connect(second)

    def test_open_orders_follow_to_another_account_of_the_seller(self):
        order = self.place('DE', days=1)
        waiting = self.place('DE', days=1, status='PENDING')
        self.sync()
        delivered = self.place('DE', days=0)
        self.sync()
        picking = self.deliver(delivered)
        second = self.move_to_second_account(self.germany)
        self.account.active = False
        for moved in (order, waiting, delivered):
            self.assertEqual(self.get_inbox(moved).account_id, second)
        self.assertEqual(picking.amazon_account_id, second)
        self.send(second)
        self.assertEqual(len(delivered.packages), 1)
        self.seller.pay(waiting)
        self.sync(second)
        for moved in (order, waiting, delivered):
            self.assertEqual(len(self.get_inbox(moved)), 1)
            self.assertEqual(len(self.get_sale_order(moved)), 1)
        self.assertEqual(self.get_sale_order(waiting).amazon_account_id, second)

    def test_what_waits_to_be_told_follows_also_from_a_cancelled_order(self):
        order = self.place('DE', days=1)
        self.sync()
        sale_order = self.get_sale_order(order)
        form = Form.from_action(self.env, sale_order.action_cancel())
        form.code = 'NoInventory'
        form.save().action_cancel()
        self.assertEqual(sale_order.state, 'cancel')
        second = self.move_to_second_account(self.germany)
        self.account.active = False
        self.assertEqual(sale_order.amazon_cancellation_ids.account_id, second)
        self.simulator.set_feed_pace(0)
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertEqual(order.status, 'CANCELLED')

    def test_a_buyer_is_the_same_for_all_accounts_of_the_seller(self):
        ben = Buyer('Ben Dahl', 'ben@marketplace.amazon.de')
        first = self.place('DE', days=1, buyer=ben)
        self.sync()
        second = self.move_to_second_account(self.germany)
        order = self.place('DE', days=0, buyer=ben)
        self.sync(second)
        self.assertEqual(self.get_sale_order(order).amazon_account_id, second)
        self.assertEqual(
            self.get_sale_order(order).partner_id, self.get_sale_order(first).partner_id,
        )

    # === ARCHIVED ACCOUNTS === #

    def test_an_archived_account_says_what_waits_and_sends_it_when_it_is_back(self):
        order = self.place('DE', days=1)
        later = self.place('DE', days=1)
        self.sync()
        picking = self.deliver(order)
        self.account.active = False
        self.assertIn("told: 1 package. It goes", self.get_notes(self.account))
        self.assertAmazonState(picking, 'failed', "is archived, so that Amazon is not told")
        late_picking = self.deliver(later)
        self.assertAmazonState(late_picking, 'failed', "is archived")
        with self.assertRaisesRegex(UserError, "is archived: un-archive it"):
            self.send_again(picking)
        with self.assertRaisesRegex(UserError, "is archived: un-archive it"):
            self.send()
        self.simulator.calls.clear()
        for cron in ('fetch_orders', 'send_deliveries', 'process_feeds'):
            self.run_cron(cron)
        self.assertFalse(self.simulator.calls)
        self.account.active = True
        self.run_cron('send_deliveries')
        self.assertAmazonState(picking | late_picking, 'sent')
        self.assertEqual((len(order.packages), len(later.packages)), (1, 1))
