from odoo.tests import tagged

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestStockInProcesses(ProcessCase):
    """With real processes, Amazon has in the end what Odoo has, and is told little twice."""

    def assertInLine(self):
        """Check that Amazon has what was last counted in Odoo, and return the calls it took."""
        rows = self.query("""
            SELECT offer.sku, level.state, level.target, quant.quantity::int
              FROM amazon_offer AS offer
              JOIN amazon_stock_level AS level ON level.id = offer.stock_level_id
              JOIN stock_quant AS quant ON quant.product_id = offer.product_id
              JOIN stock_location AS location ON location.id = quant.location_id
             WHERE location.usage = 'internal'
        """)
        self.assertTrue(rows)
        for sku, state, target, quantity in rows:
            with self.subTest(sku):
                self.assertIn(state, ('sent', 'in_sync'))
                self.assertEqual(target, quantity)
                self.assertEqual(self.simulator.seller.find_listing(sku).quantity, quantity)
        self.assertEqual(self.query("SELECT id FROM amazon_stock_change"), [])
        return [call for call in self.simulator.calls if call.operation == 'patchListingsItem']

    def test_a_sender_that_is_killed_at_any_commit_loses_nothing(self):
        commits = int(self.play('kill_stock_senders_at_every_commit'))
        self.assertGreater(commits, 5, 'commits')
        calls = self.assertInLine()
        self.assertLessEqual(len(calls), 3 * (commits + 1) + commits, "Each kill repeats one call")

    def test_a_feed_whose_sender_is_killed_at_any_commit_loses_nothing(self):
        commits = int(self.play('kill_stock_feeders_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        self.assertInLine()
        states = self.query("SELECT DISTINCT state FROM amazon_feed")
        self.assertEqual(states, [('done',)])

    def test_workers_that_share_the_outbox_tell_each_quantity_once(self):
        self.play('share_the_stock')
        self.assertEqual(len(self.assertInLine()), 8)
