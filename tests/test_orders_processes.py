from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator.operations import orders_2026_01_01

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestOrdersInProcesses(ProcessCase):
    """Each order comes in once, with real processes and commits on a copy of the database."""

    def setUp(self):
        super().setUp()
        # Pages and batches of two orders: more commits for less work.
        self.enterContext(patch.object(orders_2026_01_01, 'MAX_RESULTS', 2))

    def assertImportedOnce(self, order):
        """Check that an order is in Odoo: once, with its total, and its goods moved once."""
        self.assertEqual(
            self.query(
                'SELECT state, reason FROM amazon_order WHERE amazon_order_ref = %s',
                order.order_id,
            ),
            [('done', None)],
        )
        self.assertEqual(
            [(state, float(total)) for state, total in self.query(
                'SELECT state, amount_total FROM sale_order WHERE amazon_order_ref = %s',
                order.order_id,
            )],
            [('sale', float(order.grand_total))],
        )
        moves = self.query(
            """
            SELECT line.amazon_order_item_ref, move.product_uom_qty, move.state = 'done'
              FROM stock_move AS move
              JOIN sale_order_line AS line ON line.id = move.sale_line_id
             WHERE line.amazon_order_item_ref = ANY(%s) AND move.state != 'cancel'
            """,
            [item.item_id for item in order.items],
        )
        self.assertEqual(
            sorted((ref, int(quantity), is_done) for ref, quantity, is_done in moves),
            sorted(
                (item.item_id, item.quantity_ordered, order.channel == 'FBA')
                for item in order.items
            ),
        )

    def test_a_process_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        # Two pages, two batches, and the tokens and quotas between them have their commits.
        commits = int(self.play('kill_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        orders = self.simulator.seller.orders.values()
        self.assertEqual(len(orders), 1 + 2 * (commits + 1))
        for order in orders:
            with self.subTest(order.buyer.purchase_order, channel=order.channel):
                self.assertImportedOnce(order)
        self.assertEqual(
            self.query("SELECT count(*) FROM stock_quant WHERE quantity < 0"), [(1,)],
        )

    def test_a_process_that_is_killed_while_it_completes_orders_loses_and_doubles_nothing(self):
        self.simulator.arm('fulfillment_refused', operation='searchOrders', times=None)
        commits = int(self.play('kill_at_every_commit'))
        self.assertGreater(commits, 12, 'commits')
        orders = self.simulator.seller.orders.values()
        self.assertEqual(len(orders), 1 + 2 * (commits + 1))
        for order in orders:
            with self.subTest(order.buyer.purchase_order, channel=order.channel):
                self.assertImportedOnce(order)

    def test_workers_that_share_an_inbox_lose_and_double_nothing(self):
        self.play('share_the_inbox')
        orders = self.simulator.seller.orders.values()
        self.assertEqual(len(orders), 24)
        for order in orders:
            with self.subTest(order.order_id):
                self.assertImportedOnce(order)
        for table, count in (
            ('amazon_offer', 5),
            ("res_partner WHERE amazon_email = 'ben@marketplace.amazon.co.jp'", 1),
            ('res_partner WHERE amazon_marketplace_id IS NOT NULL', 1),
            ("product_pricelist WHERE name ->> 'en_US' LIKE 'Amazon %%'", 3),
        ):
            with self.subTest(table):
                self.assertEqual(self.query(f'SELECT count(*) FROM {table}'), [(count,)])

    def test_workers_together_never_exceed_the_quota(self):
        self.play('share_the_quota')
        calls = [call for call in self.simulator.calls if call.operation == 'searchOrders']
        self.assertEqual(len(calls), 20)
        self.assertEqual({call.status for call in calls}, {200})
