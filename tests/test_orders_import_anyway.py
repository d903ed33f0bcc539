from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase

ITEM = '/orderItems/0'


@tagged('post_install', '-at_install')
class TestImportAnyway(AmazonCase):
    """A person answers for what Amazon does not say of an order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_product('MUG')
        cls.user = cls.create_user('ursula', 'amazon_connector.group_amazon_user')

    def place(self, **override):
        order = self.seller.place_order(items=[Item('MUG', '10.00', 2), Item('MUG', '5.00')])
        self.seller.override(order, **override)
        self.sync()
        return order

    def open(self, order):
        """Press Import Anyway and return the form."""
        inbox = self.get_inbox(order)
        self.assertTrue(inbox.can_answer)
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_import_order',
        )
        return Form(self.env[action['res_model']].with_user(self.user).with_context(
            default_order_id=inbox.id,
        ))

    def press_import(self, form):
        return self.press(form.save(), 'action_import')['params']

    def test_the_total_is_given(self):
        order = self.place(remove=[
            '/proceeds', f'{ITEM}/proceeds', f'{ITEM}/product/price', '/orderItems/1/proceeds',
            '/orderItems/1/product/price',
        ])
        form = self.open(order)
        self.assertTrue(form.asks_total)
        self.assertFalse(form.asks_channel or form.asks_quantities)
        self.assertIn('proceeds.grandTotal', form.reason)
        self.assertIn('MUG', form.overview)
        self.assertEqual(form.currency_id.name, 'EUR')
        form.total = 25
        params = self.press_import(form)
        self.assertIn("1 created", params['message'])
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amount_total, 25)
        self.assertEqual(sale_order.amazon_unexplained_amount, 25)
        self.assertTrue(sale_order.picking_ids)

    def test_a_total_in_one_of_two_currencies(self):
        order = self.place(values={
            f'{ITEM}/proceeds/proceedsTotal/currencyCode': 'GBP',
            f'{ITEM}/proceeds/breakdowns/0/subtotal/currencyCode': 'GBP',
        })
        form = self.open(order)
        form.total = 25
        self.press_import(form)
        sale_order = self.get_sale_order(order)
        self.assertEqual((sale_order.amount_total, sale_order.currency_id.name), (25, 'EUR'))

    def test_who_ships_is_given(self):
        order = self.place(values={'/fulfillment/fulfilledBy': 'DRONE'})
        form = self.open(order)
        with self.assertRaisesRegex(UserError, "Shipped By"):
            self.press_import(form)
        form.channel = 'fbm'
        self.press_import(form)
        sale_order = self.get_sale_order(order)
        self.assertEqual((sale_order.amazon_channel, sale_order.amount_total), ('fbm', 25))
        self.assertTrue(sale_order.picking_ids)

    def test_quantities_are_given(self):
        order = self.place(values={f'{ITEM}/quantityOrdered': 'two'})
        form = self.open(order)
        self.assertEqual([line.quantity for line in form.save().line_ids], [0, 1])
        with form.line_ids.edit(0) as line:
            line.quantity = 2
        self.press_import(form)
        sale_order = self.get_sale_order(order)
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [2, 1])
        self.assertEqual((sale_order.amount_total, sale_order.amazon_unexplained_amount), (25, 0))

    def test_an_answer_is_needed(self):
        order = self.place(remove=[
            '/proceeds', f'{ITEM}/proceeds', f'{ITEM}/product/price', '/orderItems/1/proceeds',
        ])
        form = self.open(order)
        with self.assertRaisesRegex(UserError, "Paid by Buyer"):
            self.press_import(form)
        self.assertEqual(self.get_inbox(order).state, 'failed')

    def test_amazons_own_answer_goes_first_later(self):
        order = self.place(values={'/fulfillment/fulfilledBy': 'DRONE'})
        form = self.open(order)
        form.channel = 'fbm'
        self.press_import(form)
        self.seller.override(order)
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')

    def test_nobody_is_asked_where_no_answer_helps(self):
        for override in (
            {'remove': ['/orderItems']}, {'values': {'/orderItems': []}},
            {'values': {'/orderItems/1': 'mug'}},
        ):
            with self.subTest(override):
                inbox = self.get_inbox(self.place(**override))
                self.assertEqual(inbox.state, 'failed')
                self.assertFalse(inbox.can_answer)
        [inbox] = self.get_inbox(self.place())
        self.assertFalse(inbox.can_answer)

    def test_salespeople_may_not(self):
        order = self.place(values={'/fulfillment/fulfilledBy': 'DRONE'})
        salesman = self.create_user('sally', 'sales_team.group_sale_salesman')
        with self.assertRaises(AccessError):
            self.env['amazon.import.order'].with_user(salesman).create({
                'order_id': self.get_inbox(order).id, 'channel': 'fbm',
            })
