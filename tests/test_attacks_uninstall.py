from odoo.tests import tagged

from .common import ProcessCase

IMMEDIATE = """
env['ir.module.module'].search([('name', '=', 'amazon_connector')]).button_immediate_%s()
"""


@tagged('post_install', '-at_install', 'attacks')
class TestUninstall(ProcessCase):
    """Who uninstalls the add-on is rid of it, and who installs it again gets nothing twice."""

    def change(self, what):
        """Install or uninstall the add-on, as a person does."""
        self.run_odoo('shell', input=IMMEDIATE % what)
        self.assertNotIn('ERROR', self.log)

    def read_books(self):
        """Return what stands in the books, and which of it is of which order."""
        return [self.query(statement) for statement in (
            "SELECT id, state, amount_total FROM account_move ORDER BY id",
            "SELECT id, amazon_order_ref, reconciled FROM account_move_line ORDER BY id",
            "SELECT id, amazon_sale_order_id FROM account_payment ORDER BY id",
            "SELECT id, amazon_payout_state FROM sale_order ORDER BY id",
        )]

    def test_what_was_booked_is_not_booked_again(self):
        self.play('book_what_was_paid')
        books = self.read_books()
        linked = self.query(
            'SELECT id FROM account_move WHERE amazon_settlement_id IS NOT NULL',
        )
        self.assertEqual(len(linked), 1)
        _moves, items, payments, orders = books
        self.assertTrue(any(ref for _id, ref, _reconciled in items))
        self.assertTrue(all(order for _id, order in payments) and payments)
        self.assertIn('settled', dict(orders).values())
        self.change('uninstall')
        self.change('install')
        self.assertEqual(self.read_books(), books)
        self.play('book_again')
        self.assertEqual(self.read_books(), books)
        self.assertEqual(self.query('SELECT state FROM amazon_settlement'), [('booked',)])
        self.assertEqual(linked, self.query(
            'SELECT id FROM account_move WHERE amazon_settlement_id IS NOT NULL',
        ))

    def test_uninstalled_and_installed_again(self):
        self.play('sell_mugs')
        references = self.query('SELECT id, amazon_order_ref FROM sale_order WHERE state != %s'
                                ' AND amazon_order_ref IS NOT NULL', 'cancel')
        self.assertEqual(len(references), 2)
        products = self.query(
            "SELECT id FROM product_product WHERE default_code LIKE 'AMAZON-%%' ORDER BY id",
        )
        self.assertTrue(products)
        orders = self.query('SELECT count(*) FROM sale_order')
        self.change('uninstall')
        self.assertFalse(self.query(
            "SELECT * FROM ir_model_data WHERE module = 'amazon_connector'",
        ))
        for statement in (
            "SELECT id FROM product_product WHERE default_code LIKE 'AMAZON-%%' AND active",
            "SELECT id FROM product_template WHERE name->>'en_US' LIKE 'Amazon: %%' AND active",
            "SELECT id FROM crm_team WHERE name->>'en_US' = 'Amazon' AND active",
            "SELECT id FROM stock_location WHERE name = 'Amazon' AND active",
            "SELECT id FROM mail_blacklist WHERE email LIKE '%%marketplace.amazon%%'",
        ):
            self.assertFalse(self.query(statement), statement)
        self.assertEqual(self.query('SELECT count(*) FROM sale_order'), orders)
        self.change('install')
        self.assertCountEqual(references, self.query(
            'SELECT id, amazon_order_ref FROM sale_order WHERE amazon_order_ref IS NOT NULL',
        ))
        self.assertEqual(products, self.query(
            "SELECT id FROM product_product WHERE default_code LIKE 'AMAZON-%%' AND active"
            " ORDER BY id",
        ))
        self.play('sync_all')
        self.assertEqual(self.query('SELECT count(*) FROM sale_order'), orders)
        inbox = self.query('SELECT state, reason, sale_order_id FROM amazon_order')
        self.assertEqual(len(inbox), 2)
        for state, reason, sale_order_id in inbox:
            self.assertEqual(state, 'skipped')
            self.assertIn('uninstalled', reason)
            self.assertIn(sale_order_id, dict(references))
        self.assertFalse(self.query(
            "SELECT id FROM ir_attachment WHERE name LIKE 'amazon_connector: %%'",
        ))
