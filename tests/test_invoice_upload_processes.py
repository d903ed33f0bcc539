from odoo.tests import tagged

from .common import ProcessCase


@tagged('post_install', '-at_install')
class TestInvoiceUploadInProcesses(ProcessCase):
    """With real processes, Amazon gets each invoice once."""

    def test_a_sender_that_is_killed_at_any_commit_loses_and_doubles_nothing(self):
        commits = int(self.play('kill_uploaders_at_every_commit'))
        self.assertGreater(commits, 8, 'commits')
        seller = self.simulator.seller
        self.assertEqual(len(seller.orders), commits + 1)
        invoices = self.query("""
            SELECT sale_order.amazon_order_ref, move.name, upload.state
              FROM account_move AS move
              JOIN amazon_invoice_upload AS upload ON upload.move_id = move.id
              JOIN sale_order ON sale_order.id = upload.sale_order_id
          ORDER BY 1
        """)
        self.assertEqual([ref for ref, _name, _state in invoices], sorted(seller.orders))
        self.assertEqual({state for _ref, _name, state in invoices}, {'confirmed'})
        self.assertEqual(
            sorted((taken.order_id, taken.number) for taken in seller.vat_invoices),
            [(ref, name) for ref, name, _state in invoices],
        )
        for taken in seller.vat_invoices:
            self.assertEqual(taken.content, f'%PDF-1.4 {taken.number}'.encode())
        feeds = self.simulator.feeds.of(seller)
        self.assertGreater(len(feeds), len(invoices), "Some were created again")
