from odoo.tests import tagged

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestInvoiceUploadInProcesses(ProcessCase):
    """With real processes, Amazon gets each invoice once."""

    def test_a_sender_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_uploaders_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        seller = self.simulator.seller
        self.assertLess(commits + 1, len(seller.orders), "All was tried")
        invoices = self.query("""
            SELECT sale_order.amazon_order_ref, move.name, upload.state
              FROM account_move AS move
              JOIN amazon_invoice_upload AS upload ON upload.move_id = move.id
              JOIN sale_order ON sale_order.id = upload.sale_order_id
             WHERE upload.state != 'skipped'
          ORDER BY 1, 2
        """)
        self.assertEqual(len(invoices), commits + 1)
        self.assertEqual({state for _ref, _name, state in invoices}, {'confirmed'})
        self.assertEqual(
            sorted((taken.order_id, taken.number) for taken in seller.vat_invoices),
            [(ref, name) for ref, name, _state in invoices],
        )
        for taken in seller.vat_invoices:
            self.assertEqual(taken.content, f'%PDF-1.4 {taken.number}'.encode())
        feeds = self.simulator.feeds.of(seller)
        self.assertGreater(len(feeds), len(invoices), "Some were created again")
