from odoo.tests import tagged

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestShipmentsInProcesses(ProcessCase):
    """With real processes, nothing is lost and nothing is told as two packages."""

    def assertToldOnce(self, orders):
        """Check that Amazon and Odoo know one package of each order, with all that is in it."""
        self.assertTrue(orders)
        for order in orders:
            with self.subTest(order.order_id):
                self.assertEqual(
                    [(package.tracking, package.quantities) for package in order.packages],
                    [(order.order_id, {item.item_id: item.quantity for item in order.items})],
                )
                self.assertEqual(order.status, 'SHIPPED')
                [[state, reference]] = self.query(
                    """
                    SELECT picking.amazon_state, shipment.id::text
                      FROM amazon_shipment AS shipment
                      JOIN stock_picking AS picking ON picking.id = shipment.picking_id
                      JOIN sale_order ON sale_order.id = shipment.sale_order_id
                     WHERE sale_order.amazon_order_ref = %s
                    """,
                    order.order_id,
                )
                self.assertIn(state, ('sent', 'confirmed'))
                self.assertEqual([package.reference for package in order.packages], [reference])

    def test_a_sender_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_senders_at_every_commit'))
        self.assertGreater(commits, 5, 'commits')
        orders = self.simulator.seller.orders.values()
        self.assertEqual(len(orders), 2 * (commits + 1))
        self.assertToldOnce(orders)
        calls = [call for call in self.simulator.calls if call.operation == 'confirmShipment']
        self.assertGreater(len(calls), len(orders), "Some were sent again")

    def test_a_feed_whose_sender_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_feeders_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        self.assertToldOnce(self.simulator.seller.orders.values())
        feeds = self.simulator.feeds.of(self.simulator.seller)
        self.assertGreater(len(feeds), commits + 1, "Some were created again")
        self.assertFalse(
            [call for call in self.simulator.calls if call.operation == 'confirmShipment'],
        )
        self.assertEqual(self.query("SELECT DISTINCT state FROM amazon_feed"), [('done',)])

    def test_workers_that_share_the_outbox_tell_each_package_once(self):
        self.play('share_the_outbox')
        orders = self.simulator.seller.orders.values()
        self.assertEqual(len(orders), 8)
        self.assertToldOnce(orders)
        calls = [call for call in self.simulator.calls if call.operation == 'confirmShipment']
        self.assertEqual(len(calls), 8)

    def test_kits_are_told_when_their_parts_make_whole_ones(self):
        self.run_odoo('-i', 'sale_mrp', '--stop-after-init')
        self.play('ship_kits')
        mixed, in_turn = self.simulator.seller.orders.values()
        for order, expected in (
            (mixed, {'PART 1': 1, 'PART 2': 2}),
            (in_turn, {'PART 2': 3}),
        ):
            self.assertEqual(
                {package.tracking: sum(package.quantities.values()) for package in order.packages},
                expected,
            )

    def test_kits_that_left_before_are_not_delivered_again(self):
        self.run_odoo('-i', 'sale_mrp', '--stop-after-init')
        self.play('import_kits')
        self.assertEqual(
            self.query("""
                SELECT sl.product_uom_qty, sl.qty_delivered,
                       COALESCE(SUM(m.product_uom_qty) FILTER (
                           WHERE m.state NOT IN ('done', 'cancel') AND pt.default_code = 'CUP'
                       ), 0)
                  FROM sale_order_line sl
                  JOIN stock_move m ON m.sale_line_id = sl.id
                  JOIN product_product pt ON pt.id = m.product_id
              GROUP BY sl.id ORDER BY sl.qty_delivered
            """),
            [(3, 1, 2), (3, 1, 2), (3, 3, 0)],
        )

    def test_nothing_that_markets_reaches_amazons_buyers(self):
        self.run_odoo(
            '-i', 'sale_loyalty,sale_loyalty_delivery,sale_sms,event_sale,sale_project,'
                  'sale_timesheet,sale_pdf_quote_builder,rating,sale_gelato_stock',
            '--stop-after-init',
        )
        self.play('tempt_buyers')
        self.assertEqual(self.query("SELECT COUNT(*) FROM loyalty_card"), [(2,)])
        self.assertEqual(
            self.query("SELECT COUNT(*) FROM stock_picking WHERE state = 'done'"), [(1,)],
        )
        self.assertEqual(self.query("""
            SELECT m.id FROM mail_mail m
              LEFT JOIN mail_mail_res_partner_rel r ON r.mail_mail_id = m.id
              LEFT JOIN res_partner p ON p.id = r.res_partner_id
             WHERE m.email_to LIKE '%%@marketplace.amazon.%%' OR p.amazon_account_id IS NOT NULL
        """), [])
        self.assertEqual(self.query("""
            SELECT n.id FROM mail_notification n JOIN res_partner p ON p.id = n.res_partner_id
             WHERE p.amazon_account_id IS NOT NULL AND n.notification_type IN ('email', 'sms')
        """), [])
        self.assertEqual(self.query("SELECT COUNT(*) FROM sms_sms"), [(0,)])
