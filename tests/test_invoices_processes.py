from odoo.tests import tagged

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestInvoicesInProcesses(ProcessCase):
    """With real processes, each order is invoiced once and paid once."""

    def assertInvoicedOnce(self, count):
        """Check that there are so many orders, each with one invoice and one payment."""
        rows = self.query("""
            SELECT so.amazon_invoicings,
                   so.invoice_status,
                   (SELECT count(*) FROM account_move AS move
                     WHERE move.amazon_order_ref = so.amazon_order_ref
                       AND move.move_type = 'out_invoice'),
                   (SELECT min(move.state || ' ' || move.payment_state) FROM account_move AS move
                     WHERE move.amazon_order_ref = so.amazon_order_ref
                       AND move.move_type = 'out_invoice'),
                   (SELECT count(*) FROM account_payment AS payment
                     WHERE payment.amazon_sale_order_id = so.id)
              FROM sale_order AS so
             WHERE so.amazon_order_ref IS NOT NULL
        """)
        self.assertEqual(rows, [(1, 'invoiced', 1, 'posted paid', 1)] * count)

    def test_who_is_killed_at_any_commit_invoices_nothing_twice(self):
        commits = int(self.play('kill_invoicers_at_every_commit'))
        self.assertGreater(commits, 3, 'commits')
        self.assertInvoicedOnce(3 * (commits + 1))

    def test_workers_and_people_who_meet_invoice_nothing_twice(self):
        self.play('share_the_invoices')
        self.assertInvoicedOnce(8)
