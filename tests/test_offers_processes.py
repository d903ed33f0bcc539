from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator.operations import fba_inventory_v1

from .common import ProcessCase

INVENTORY = 'getInventorySummaries'
PAGES = 3


@tagged('post_install', '-at_install')
class TestOffersInProcesses(ProcessCase):
    """With real processes, what Amazon lists and has in its warehouses comes in once."""

    def count_calls(self, operation):
        return sum(call.operation == operation for call in self.simulator.calls)

    def assertListed(self):
        """Check that each offer is in Odoo once, as Amazon lists it, and that all was read.

        :return: How many reports there were.
        :rtype: int
        """
        offers = self.query("SELECT sku, amazon_quantity, is_gone FROM amazon_offer ORDER BY sku")
        skus = [sku for sku, _quantity, _is_gone in offers]
        self.assertEqual(len(skus), len(set(skus)), skus)
        self.assertEqual(
            {sku: quantity for sku, quantity, is_gone in offers if not is_gone},
            {
                listing.sku: listing.quantity
                for listing in self.simulator.seller.walk_listings('DE')
            },
        )
        reports = self.query("""
            SELECT state, coalesce(reason, ''), coalesce(left_out_count, 0),
                   lines_read - line_count, attempts
              FROM amazon_report
        """)
        self.assertEqual(set(reports), {('done', '', 0, 0, 0)})
        self.assertEqual(
            self.query("SELECT id FROM ir_attachment WHERE res_model = 'amazon.report'"), [],
        )
        return len(reports)

    def test_an_import_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_importers_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        count = self.assertListed()
        gone = self.query("SELECT sku FROM amazon_offer WHERE is_gone ORDER BY id")
        self.assertEqual(gone, [(f'NEW {number}',) for number in range(1, commits + 1)])
        downloads = self.count_calls('downloadReportDocument')
        self.assertLessEqual(downloads, count + 1, "What is read on is downloaded once")
        self.assertLessEqual(self.count_calls('createReport'), count + 2)

    def test_workers_that_share_a_report_read_it_once(self):
        self.play('share_the_report')
        self.assertEqual(self.assertListed(), 1)
        self.assertEqual(self.count_calls('createReport'), 1)
        self.assertEqual(self.count_calls('downloadReportDocument'), 1)

    def test_a_reader_of_fba_stock_that_is_killed_at_any_commit_loses_nothing(self):
        self.enterContext(patch.object(fba_inventory_v1, 'PAGE_SIZE', 2))
        commits = int(self.play('kill_inventory_readers_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        shown = {
            stock.sku: stock.fulfillable for stock in self.simulator.seller.walk_fba_stock('DE')
        }
        shown |= {f'NEW {number}': 0 for number in range(1, commits + 1)}
        offers = self.query("SELECT sku, fba_fulfillable FROM amazon_offer")
        self.assertEqual(len(offers), len(shown))
        self.assertEqual(dict(offers), shown)
        self.assertLess(
            self.count_calls(INVENTORY), 2 * PAGES * (commits + 1), "It goes on where it was",
        )
        self.assertEqual(
            self.query('SELECT "window", last_error FROM amazon_sync WHERE way = %s', 'inventory'),
            [(None, None)],
        )
