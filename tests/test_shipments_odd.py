from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.amazon.carriers import CARRIER_CODES
from odoo.addons.amazon_connector.models import amazon_shipment
from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

CONFIRM = 'confirmShipment'


@tagged('post_install', '-at_install')
class TestOddDeliveries(ShippingCase):

    # === TRACKING REFERENCES === #

    def test_a_comma_too_many_is_not_sent(self):
        for number, (typed, sent) in enumerate((
            ('A1,', 'A1'), (' ,A2 , ', 'A2'), ('A3, B3,', 'A3, B3'),
        )):
            with self.subTest(typed):
                order = self.order_mugs(1, order_id=f'305-5555555-555555{number}')
                self.deliver(order, tracking=typed)
                self.send()
                self.assertShown(order, (sent, {'MUG': 1}))

    def test_a_number_for_each_package_with_a_comma_too_many(self):
        order = self.order_mugs(3)
        picking = self.get_open_delivery(order)
        self.pack(picking, {'MUG': 1}, {'MUG': 2})
        self.fill_in(picking, tracking='A1, A2, ')
        self.validate(picking)
        self.send()
        self.assertEqual(set(self.get_shown(order)), {'A1', 'A2'})

    def test_nothing_but_commas_is_no_tracking_reference(self):
        picking = self.get_open_delivery(self.order_mugs(1))
        self.fill_in(picking, tracking=' , ')
        with self.assertRaisesRegex(UserError, "Tracking Reference"):
            picking.button_validate()

    # === AGAIN === #

    def test_a_delivery_again_after_a_return_asks_for_nothing(self):
        order = self.order_mugs(3)
        picking = self.deliver(order)
        self.send()
        wizard = Form(self.env['stock.return.picking'].with_context(
            active_id=picking.id, active_ids=picking.ids, active_model='stock.picking',
        )).save()
        wizard.product_return_moves.quantity = 3
        back = self.env['stock.picking'].browse(wizard.action_create_returns()['res_id'])
        back.button_validate()
        self.assertEqual(self.get_lines(self.get_sale_order(order)).qty_delivered, 0)
        again = picking.copy()
        again.move_ids.write({'sale_line_id': self.get_lines(self.get_sale_order(order)).id})
        again.action_confirm()
        self.assertFalse(again.carrier_tracking_ref)
        self.assertIs(again.button_validate(), True)
        self.assertEqual(again.state, 'done')
        self.assertFalse(again.amazon_shipment_ids)
        self.send()
        self.assertEqual(len(order.packages), 1)

    # === SEVERAL ORDERS IN ONE DELIVERY === #

    def put_together(self, *orders):
        """Let all moves of orders be in one delivery."""
        pickings = self.env['stock.picking'].union(*(
            self.get_sale_order(order).picking_ids if not hasattr(order, 'picking_ids')
            else order.picking_ids for order in orders
        ))
        first = pickings[0]
        pickings.move_ids.write({'picking_id': first.id})
        pickings.move_line_ids.write({'picking_id': first.id})
        return first

    def test_two_amazon_orders_in_one_delivery_are_told_each_of_its_part(self):
        one, two = self.order_mugs(2), self.order(Item('MUG', '12.99'), Item('BOWL', '5.00', 3))
        picking = self.put_together(one, two)
        self.fill_in(picking, tracking='T1')
        self.validate(picking)
        self.assertEqual(
            picking.amazon_shipment_ids.sale_order_id,
            self.get_sale_order(one) | self.get_sale_order(two),
        )
        self.send()
        self.assertShown(one, ('T1', {'MUG': 2}))
        self.assertShown(two, ('T1', {'MUG': 1, 'BOWL': 3}))
        self.sync()
        self.assertAmazonState(picking, 'confirmed')

    def test_packages_with_goods_of_two_orders(self):
        one, two = self.order_mugs(2), self.order(Item('BOWL', '5.00', 3))
        picking = self.put_together(one, two)
        self.pack(picking, {'MUG': 1, 'BOWL': 3}, {'MUG': 1})
        self.fill_in(picking, tracking='T1,T2')
        self.validate(picking)
        self.send()
        self.assertShown(one, ('T1', {'MUG': 1}), ('T2', {'MUG': 1}))
        by_package = picking.amazon_shipment_ids.grouped('package_id')
        self.assertEqual(len(by_package), 2)
        for shipments in by_package.values():
            self.assertEqual(len(set(shipments.mapped('tracking_number'))), 1)
        self.assertEqual(list(self.get_shown(two).values()), [{'BOWL': 3}])

    def test_goods_of_another_customer_tell_nobody(self):
        other = self.env['sale.order'].create({
            'partner_id': self.env['res.partner'].create({'name': "Neighbour"}).id,
            'order_line': [Command.create({'product_id': self.bowl.id, 'product_uom_qty': 2})],
        })
        other.action_confirm()
        order = self.order_mugs(2)
        for first, second in ((other, order), (order, other)):
            picking = self.put_together(first, second)
        self.assertEqual(picking.amazon_account_id, self.account)
        self.fill_in(picking, tracking='T1')
        self.validate(picking)
        self.send()
        self.assertShown(order, ('T1', {'MUG': 2}))
        self.assertEqual(other.order_line.qty_delivered, 2)

    # === WHAT A FEED HAS ROOM FOR === #

    def test_a_long_carrier_name_is_cut_and_a_long_number_goes_by_call(self):
        self.enterContext(patch.object(amazon_shipment, 'FEED_FROM', 3))
        carrier = self.create_carrier("Kurier " + "Ä" * 60)
        orders = [self.order_mugs(1) for _number in range(4)]
        for number, order in enumerate(orders):
            tracking = 'L' * 60 if not number else f'T{number}'
            self.deliver(order, tracking=tracking, carrier=carrier)
        self.assertIn("3 in a feed", self.send())
        self.assertEqual(self.count_calls(CONFIRM), 1)
        self.simulator.finish_feeds()
        self.run_cron('process_feeds')
        self.assertShown(orders[0], ('L' * 60, {'MUG': 1}))
        for number, order in enumerate(orders[1:], start=1):
            self.assertShown(order, (f'T{number}', {'MUG': 1}))
        self.assertFalse(self.env['amazon.feed'].search([('state', '=', 'failed')]))
        self.sync()
        for order in orders:
            self.assertAmazonState(self.get_sale_order(order).picking_ids, 'confirmed')

    def test_carrier_codes_of_a_letter_are_gone(self):
        self.assertFalse({'s', 's1'} & set(CARRIER_CODES))
        field = self.env['delivery.carrier']._fields['amazon_carrier_code']
        self.assertFalse({'s', 's1'} & set(field.get_values(self.env)))
