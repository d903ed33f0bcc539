from datetime import datetime, timedelta

from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase


@tagged('post_install', '-at_install')
class TestFbaDates(AmazonCase):
    """Goods that Amazon shipped are dated when they left, as far as the books allow."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.products = {
            method: cls.create_product(method, categ_id=cls.env['product.category'].create({
                'name': method, 'property_cost_method': method,
            }).id)
            for method in ('average', 'fifo', 'standard')
        }
        cls.forget_first_costs()

    @classmethod
    def forget_first_costs(cls):
        """Let the costs that products were created with be older than all receipts."""
        products = cls.env['product.product'].union(*cls.products.values())
        cls.env['product.value'].search([
            ('product_id', 'in', products.ids), ('move_id', '=', False),
        ]).date = datetime.now() - timedelta(days=100)

    def receive(self, method, quantity, cost, days):
        """Receive goods at the FBA location, so many days ago."""
        move = self.env['stock.move'].create({
            'product_id': self.products[method].id,
            'product_uom_qty': quantity,
            'location_id': self.env.ref('stock.stock_location_suppliers').id,
            'location_dest_id': self.account.location_id.id,
            'company_id': self.company.id,
            'price_unit': cost,
        })
        move._action_confirm()
        move.write({'quantity': quantity, 'picked': True})
        move._action_done()
        move.date = datetime.now() - timedelta(days=days)
        move.value_manual = quantity * cost
        self.forget_first_costs()
        return move

    def ship(self, method, days, quantity=4):
        """Let Amazon ship something so many days ago, and import it; return the move."""
        moment = self.simulator.clock.now() - timedelta(days=days)
        order = self.seller.place_order(
            'DE', 'FBA', [Item(method, '20.00', quantity)], status='SHIPPED',
            placed_at=moment, updated_at=moment,
        )
        self.account.last_order_sync = datetime.now() - timedelta(days=days + 1)
        self.sync()
        move = self.get_sale_order(order).order_line.move_ids
        return move, moment.replace(tzinfo=None, microsecond=0)

    def get_notes(self, move):
        bodies = move.sale_line_id.order_id.message_ids.mapped('body')
        return ' '.join(html2plaintext(body or '') for body in bodies)

    def assertValued(self, product):
        """Check that what the stock is worth is what came in less what went out."""
        moves = self.env['stock.move'].search([
            ('product_id', '=', product.id), ('state', '=', 'done'),
        ])
        self.assertTrue(moves)
        ledger = sum(move.value if move.is_in else -move.value for move in moves)
        product = product.with_company(self.company)
        product.invalidate_recordset(['total_value'])
        self.assertAlmostEqual(product.total_value, ledger, 2)

    def test_dated_at_shipment_where_the_books_are_open(self):
        move, moment = self.ship('standard', 10)
        self.assertEqual((move.date, move.move_line_ids.date), (moment, moment))
        self.assertNotIn("The goods left on", self.get_notes(move))

    def test_never_in_a_locked_period(self):
        for name in ('fiscalyear_lock_date', 'hard_lock_date'):
            with self.subTest(name):
                locked = (datetime.now() - timedelta(days=5)).date()
                self.company[name] = locked
                move, moment = self.ship('standard', 10)
                self.assertEqual(move.date.date(), locked + timedelta(days=1))
                self.assertEqual(move.move_line_ids.date, move.date)
                self.assertIn("The goods left on", self.get_notes(move))
                self.assertEqual(move.state, 'done')

    def test_never_before_the_receipt_that_decides_the_cost(self):
        for method in ('average', 'fifo'):
            with self.subTest(method):
                self.receive(method, 10, 5, days=30)
                last = self.receive(method, 10, 15, days=3)
                move, moment = self.ship(method, 10)
                self.assertEqual(move.date, last.date)
                self.assertIn("The goods left on", self.get_notes(move))
                self.assertValued(self.products[method])
                move, moment = self.ship(method, 1)
                self.assertEqual(move.date, moment)
                self.assertValued(self.products[method])
