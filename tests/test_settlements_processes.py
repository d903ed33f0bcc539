import json

from odoo.tests import tagged

from .common import ProcessCase

CHARTS = ('l10n_de', 'l10n_es', 'l10n_mx', 'l10n_ro')


@tagged('post_install', '-at_install')
class TestSettlementsInProcesses(ProcessCase):
    """With real processes, each settlement is booked once; and with charts of any country."""

    def assertBookedOnce(self):
        """Check that all settlements are booked, each line and each payment once.

        :return: How many there are.
        :rtype: int
        """
        settlements = self.simulator.seller.settlements
        self.assertEqual(
            sorted(self.query("SELECT settlement_ref, state FROM amazon_settlement")),
            sorted((settlement.settlement_id, 'booked') for settlement in settlements),
        )
        [(count, amount)] = self.query("SELECT count(*), sum(amount) FROM amazon_settlement_line")
        self.assertEqual(count, sum(settlement.line_count for settlement in settlements))
        self.assertEqual(
            f'{amount:.2f}', str(sum(settlement.total for settlement in settlements)),
        )
        self.assertEqual(
            self.query("""
                SELECT amazon_settlement_id FROM account_move
                 WHERE amazon_settlement_id IS NOT NULL
                 GROUP BY 1 HAVING count(*) != 1 OR bool_or(state != 'posted')
            """),
            [],
        )
        self.assertEqual(
            self.query("""
                SELECT name FROM account_move
                 WHERE move_type = 'out_invoice' AND payment_state != 'paid'
            """),
            [],
        )
        return len(settlements)

    def test_bookkeeping_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_bookkeepers_at_every_commit'))
        self.assertGreater(commits, 6, 'commits')
        self.assertEqual(self.assertBookedOnce(), commits + 1)

    def test_workers_that_share_the_books_book_each_settlement_once(self):
        self.play('share_the_books')
        self.assertEqual(self.assertBookedOnce(), 3)

    def test_settlements_are_booked_in_charts_of_any_country(self):
        self.run_odoo('-i', ','.join(CHARTS), '--stop-after-init')
        found = json.loads(self.play('book_in_charts'))
        for chart, books in found.items():
            with self.subTest(chart=chart):
                self.assertEqual(books['state'], 'booked', books['reason'])
                self.assertTrue(books['balanced'])
                self.assertEqual(round(books['transit'], 2), books['total'])
                self.assertEqual(books['unpaid'], [])
                self.assertTrue(all(books['accounts'].values()))
        self.assertTrue(found['de_skr03']['accounts']['commission'].startswith('4760'))
        self.assertTrue(found['ro']['accounts']['commission'].startswith('622'))
        self.assertTrue(found['es_pymes']['accounts']['advertising'].startswith('627'))
