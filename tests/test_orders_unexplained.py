from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Item
from odoo.addons.amazon_connector.simulator.shapes import SHAPES

from .common import AmazonCase

GRAND_TOTAL = '/proceeds/grandTotal/amount'


@tagged('post_install', '-at_install')
class TestUnexplained(AmazonCase):
    """What the buyer paid, but nothing explains, holds back the invoice and never the goods."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.mug = cls.create_product('MUG', invoice_policy='order')
        cls.put_in_stock(cls.mug, 100, cls.account.warehouse_id.lot_stock_id)

    def place(self, grand_total='30.00', channel='FBM', **details):
        """Let a buyer order a mug for 10.00, Amazon's total being another one; import it."""
        order = self.seller.place_order('DE', channel, [Item('MUG', '10.00')], **details)
        self.seller.override(order, values={GRAND_TOTAL: grand_total})
        self.sync()
        return order

    def get_flagged(self):
        return self.env['sale.order'].search([
            ('company_id', '=', self.company.id), ('amazon_unexplained_amount', '!=', 0),
            ('amazon_unexplained_accepted', '=', False),
        ])

    def invoice(self, sale_orders):
        return self.env['sale.advance.payment.inv'].create({
            'sale_order_ids': [Command.set(sale_orders.ids)],
            'advance_payment_method': 'delivered',
        })._create_invoices(sale_orders)

    def test_the_rest_is_a_line_of_its_own(self):
        sale_order = self.get_sale_order(self.place())
        self.assertEqual(sale_order.amount_total, 30)
        line = self.get_lines(sale_order, 'unexplained')
        self.assertEqual((line.price_total, line.product_id), (
            20, self.env.ref('amazon_connector.product_unexplained'),
        ))
        self.assertFalse(line.tax_ids)
        self.assertEqual(
            (sale_order.amazon_total, sale_order.amazon_explained,
             sale_order.amazon_unexplained_amount), (30, 10, 20),
        )
        self.assertEqual(self.get_flagged(), sale_order)
        self.assertEqual(self.account.unexplained_count, 1)
        action = self.account.action_open_unexplained_orders()
        self.assertTrue(action['context']['search_default_amazon_not_explained'])

    def test_orders_come_in_whatever_amazon_shows_of_their_amounts(self):
        shapes = {
            shape: self.seller.place_order(
                items=[Item('MUG', '10.00', 2, tax_rate='0.19')], proceeds_shape=shape,
                tip='2.00' if shape == 'pending tip' else 0,
            )
            for shape in SHAPES
        }
        self.sync()
        for shape, order in shapes.items():
            with self.subTest(shape):
                sale_order = self.get_sale_order(order)
                self.assertEqual((sale_order.state, sale_order.amount_total), ('sale', 20))
                self.assertEqual(sale_order.amazon_unexplained_amount, 0)
                self.assertEqual(self.get_lines(sale_order).price_total, 20)

    def test_a_rest_below_nothing(self):
        sale_order = self.get_sale_order(self.place('4.00'))
        self.assertEqual((sale_order.amount_total, sale_order.amazon_unexplained_amount), (4, -6))

    def test_an_explained_order_has_none(self):
        sale_order = self.get_sale_order(self.place('10.00'))
        self.assertEqual(sale_order.amazon_unexplained_amount, 0)
        self.assertFalse(self.get_lines(sale_order, 'unexplained'))
        self.assertEqual(self.account.unexplained_count, 0)
        self.assertEqual(sale_order.invoice_status, 'to invoice')

    def test_a_rounding_of_amazons_is_no_rest(self):
        sale_order = self.get_sale_order(self.place('10.01'))
        self.assertEqual(sale_order.amount_total, 10.01)
        self.assertEqual(sale_order.amazon_unexplained_amount, 0)
        self.assertEqual(self.get_lines(sale_order, 'rounding').price_total, 0.01)

    def test_the_goods_leave_and_the_invoice_waits(self):
        sale_order = self.get_sale_order(self.place())
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(sale_order.picking_ids.state, 'assigned')
        self.assertEqual(sale_order.invoice_status, 'no')
        with self.assertRaisesRegex(UserError, "paid 30.00.*explain only.*10.00"):
            sale_order._create_invoices()
        with self.assertRaisesRegex(UserError, "Accept Difference"):
            self.invoice(sale_order)

    def test_an_fba_order_moves_its_goods_all_the_same(self):
        sale_order = self.get_sale_order(self.place(channel='FBA', status='SHIPPED'))
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 1)
        self.assertEqual(sale_order.invoice_status, 'no')

    def test_no_down_payment_either(self):
        sale_order = self.get_sale_order(self.place())
        wizard = self.env['sale.advance.payment.inv'].create({
            'sale_order_ids': [Command.set(sale_order.ids)],
            'advance_payment_method': 'percentage', 'amount': 50,
        })
        with self.assertRaisesRegex(UserError, "Accept Difference"):
            wizard.create_invoices()
        self.assertFalse(sale_order.invoice_ids)

    def test_a_draft_that_is_older_is_not_posted(self):
        sale_order = self.get_sale_order(self.place('10.00'))
        invoice = sale_order._create_invoices()
        with as_connector():
            sale_order.order_line = [Command.create(
                sale_order.order_line._prepare_amazon_closing_values(
                    self.account, 'unexplained', 20,
                ),
            )]
        with self.assertRaisesRegex(UserError, "Accept Difference"):
            invoice.action_post()
        sale_order.action_accept_unexplained()
        invoice.action_post()
        self.assertEqual(invoice.state, 'posted')

    def test_one_order_that_waits_stops_no_other(self):
        waiting = self.get_sale_order(self.place())
        good = self.get_sale_order(self.place('10.00'))
        invoices = self.invoice(waiting | good)
        self.assertEqual(invoices.line_ids.sale_line_ids.order_id, good)

    def test_accepted(self):
        sale_order = self.get_sale_order(self.place())
        sale_order.action_accept_unexplained()
        self.assertIn("was accepted", sale_order.message_ids[0].body)
        self.assertEqual(sale_order.invoice_status, 'to invoice')
        self.assertFalse(self.get_flagged())
        self.assertEqual(self.account.unexplained_count, 0)
        self.assertEqual(sale_order._create_invoices().amount_total, 30)

    def test_corrected(self):
        sale_order = self.get_sale_order(self.place())
        self.get_lines(sale_order, 'unexplained').price_unit = 0
        self.get_lines(sale_order).price_unit = 30
        self.assertEqual(sale_order.amazon_unexplained_amount, 0)
        self.assertEqual(sale_order.invoice_status, 'to invoice')
        self.assertEqual(sale_order._create_invoices().amount_total, 30)

    def test_a_correction_survives_the_next_page(self):
        order = self.place()
        sale_order = self.get_sale_order(order)
        self.get_lines(sale_order, 'unexplained').price_unit = 0
        self.get_lines(sale_order).price_unit = 30
        self.seller.request_cancellation(order)
        self.sync()
        self.assertTrue(sale_order.amazon_cancel_reason)
        self.assertEqual(sale_order.amazon_unexplained_amount, 0)
        self.assertEqual(self.get_lines(sale_order).price_unit, 30)

    def test_explained_later(self):
        order = self.place()
        sale_order = self.get_sale_order(order)
        self.seller.override(order, values={
            GRAND_TOTAL: '30.00',
            '/orderItems/0/proceeds/breakdowns/0/subtotal/amount': '30.00',
            '/orderItems/0/proceeds/proceedsTotal/amount': '30.00',
        })
        self.sync()
        self.assertEqual(sale_order.amazon_unexplained_amount, 0)
        self.assertEqual(self.get_lines(sale_order).price_total, 30)
        self.assertEqual(sale_order.amount_total, 30)

    def test_an_acceptance_is_for_one_amount(self):
        order = self.place()
        sale_order = self.get_sale_order(order)
        sale_order.action_accept_unexplained()
        self.seller.override(order, values={GRAND_TOTAL: '50.00'})
        self.sync()
        self.assertEqual((sale_order.amount_total, sale_order.amazon_unexplained_amount), (50, 40))
        self.assertFalse(sale_order.amazon_unexplained_accepted)

    def test_a_partial_cancellation_whose_amounts_were_not_scaled(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG', '10.00', 5)])
        self.sync()
        sale_order = self.get_sale_order(order)
        self.seller.override(order, values={
            '/orderItems/0/fulfillment/quantityUnfulfilled': 3,
        })
        self.sync()
        line = self.get_lines(sale_order)
        self.assertEqual((line.product_uom_qty, line.price_total), (3, 30))
        self.assertEqual((sale_order.amount_total, sale_order.amazon_unexplained_amount), (50, 20))
        self.assertEqual(sale_order.picking_ids.move_ids.product_uom_qty, 3)
        self.assertEqual(self.get_flagged(), sale_order)

    def test_accepting_is_for_those_who_may_change_the_order(self):
        sale_order = self.get_sale_order(self.place())
        user = self.create_user('ursula', 'amazon_connector.group_amazon_user')
        with self.assertRaises(AccessError):
            sale_order.with_user(user).action_accept_unexplained()
        salesman = self.create_user('sally', 'sales_team.group_sale_salesman_all_leads')
        sale_order.with_user(salesman).action_accept_unexplained()
        self.assertTrue(sale_order.amazon_unexplained_accepted)
