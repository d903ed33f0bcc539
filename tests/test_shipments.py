from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Item
from odoo.addons.mail.tests.common import MockEmail

from .common import ShippingCase

DELIVERY_STEPS = {
    'ship_only': 1,
    'pick_ship': 2,
    'pick_pack_ship': 3,
}


@tagged('post_install', '-at_install')
class TestValidate(ShippingCase):
    """What a delivery needs, and that Validate only lays it ready."""

    def assertRefused(self, picking, *fields):
        """Check that Validate names what is missing, and does nothing."""
        with self.assertRaises(UserError) as refusal:
            picking.button_validate()
        self.assertIn(picking.name, str(refusal.exception))
        for field in ("Carrier", "Tracking Reference"):
            self.assertEqual(field in str(refusal.exception), field in fields, refusal.exception)
        self.assertEqual(picking.state, 'assigned')
        self.assertFalse(picking.amazon_state)

    def test_a_delivery_without_carrier_or_tracking_says_what_to_fill_in(self):
        picking = self.get_open_delivery(self.order_mugs())
        self.assertRefused(picking, "Carrier", "Tracking Reference")
        picking.carrier_id = self.carrier
        self.assertRefused(picking, "Tracking Reference")
        picking.write({'carrier_id': False, 'carrier_tracking_ref': 'T1'})
        self.assertRefused(picking, "Carrier")
        picking.carrier_id = self.carrier
        self.validate(picking)

    def test_no_way_of_validating_leads_past_the_check(self):
        picking = self.get_open_delivery(self.order_mugs())
        picking.move_ids.picked = True
        with self.assertRaisesRegex(UserError, "Tracking Reference"):
            picking._action_done()
        with self.assertRaisesRegex(UserError, "Tracking Reference"):
            picking.with_context(skip_sanity_check=True).button_validate()

    def test_several_deliveries_are_validated_together(self):
        pickings = self.env['stock.picking'].union(*(
            self.get_open_delivery(self.order_mugs()) for _number in range(2)
        ))
        self.fill_in(pickings[0])
        with self.assertRaisesRegex(UserError, f"{pickings[1].name}: fill in Carrier and Tracking"):
            pickings.button_validate()
        self.fill_in(pickings[1])
        pickings.button_validate()
        self.assertAmazonState(pickings, 'to_send')

    def test_validate_calls_nobody_and_wakes_the_cron(self):
        order = self.order_mugs()
        self.simulator.calls.clear()
        triggers = len(self.get_triggers('send_deliveries'))
        picking = self.deliver(order)
        self.assertAmazonState(picking, 'to_send')
        self.assertFalse(picking.amazon_reason)
        self.assertFalse(self.simulator.calls)
        woken = self.get_triggers('send_deliveries')
        self.assertEqual(len(woken), triggers + 1)
        self.assertLessEqual(max(woken), fields.Datetime.now() + timedelta(seconds=1))

    def test_other_transfers_need_neither(self):
        sale_order = self.env['sale.order'].create({
            'partner_id': self.env['res.partner'].create({'name': "Ben"}).id,
            'order_line': [(0, 0, {'product_id': self.mug.id, 'product_uom_qty': 1})],
        })
        sale_order.action_confirm()
        internal = self.env['stock.picking'].create({
            'picking_type_id': self.warehouse.int_type_id.id,
            'location_id': self.warehouse.lot_stock_id.id,
            'location_dest_id': self.account.location_id.id,
            'move_ids': [(0, 0, {
                'product_id': self.mug.id,
                'product_uom_qty': 1,
                'location_id': self.warehouse.lot_stock_id.id,
                'location_dest_id': self.account.location_id.id,
            })],
        })
        for picking in (sale_order.picking_ids, internal):
            with self.subTest(picking.picking_type_code):
                self.validate(picking)
                self.assertFalse(picking.amazon_state)
                self.assertFalse(picking.amazon_shipment_ids)

    def test_a_return_needs_neither_and_is_not_told(self):
        picking = self.deliver(self.order_mugs())
        wizard = Form(self.env['stock.return.picking'].with_context(
            active_id=picking.id, active_ids=picking.ids, active_model='stock.picking',
        )).save()
        wizard.product_return_moves.quantity = 1
        action = wizard.action_create_returns()
        returned = self.env['stock.picking'].browse(action['res_id'])
        self.validate(returned)
        self.assertFalse(returned.amazon_shipment_ids)

    def test_only_the_last_of_several_steps_counts(self):
        for steps, count in DELIVERY_STEPS.items():
            with self.subTest(steps):
                self.warehouse.delivery_steps = steps
                order = self.order_mugs()
                for _step in range(count - 1):
                    picking = self.get_open_delivery(order)
                    self.validate(picking)
                    self.assertFalse(picking.amazon_shipment_ids)
                picking = self.get_open_delivery(order)
                self.assertRefused(picking, "Carrier", "Tracking Reference")
                self.fill_in(picking, f'LAST OF {count}')
                self.validate(picking)
                self.assertFalse(self.get_open_delivery(order))
                self.send()
                self.assertShown(order, (f'LAST OF {count}', {'MUG': 3}))

    def test_a_carrier_that_makes_the_tracking_reference_itself_is_waited_for(self):
        self.patch_send_shipping('MADE BY DHL')
        order = self.order_mugs()
        picking = self.get_open_delivery(order)
        picking.carrier_id = self.create_carrier("Made", delivery_type='dhl_rest')
        picking.picking_type_id.print_label = False
        self.assertRefused(picking, "Tracking Reference")
        picking.picking_type_id.print_label = True
        self.validate(picking)
        self.send()
        self.assertShown(order, ('MADE BY DHL', {'MUG': 3}))

    def test_a_carrier_that_fails_to_make_the_tracking_reference_shows_as_failure(self):
        self.patch_send_shipping(False)
        order = self.order_mugs()
        picking = self.get_open_delivery(order)
        picking.carrier_id = self.create_carrier("Made", delivery_type='dhl_rest')
        self.validate(picking)
        self.send()
        self.assertAmazonState(picking, 'failed', "fill in Tracking Reference")
        self.assertFalse(self.count_calls('confirmShipment'))
        picking.carrier_tracking_ref = 'TYPED IN'
        self.send()
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, ('TYPED IN', {'MUG': 3}))

    def patch_send_shipping(self, tracking):
        """Add the delivery type `dhl_rest`, which answers with a tracking reference."""
        Carrier = self.env.registry['delivery.carrier']

        def send_shipping(_carrier, pickings):
            return [
                {'exact_price': 1.0, 'tracking_number': tracking} for _picking in pickings
            ]

        types = Carrier.delivery_type._selection
        self.enterContext(patch.dict(types, {'dhl_rest': "DHL"}))
        self.enterContext(
            patch.object(Carrier, 'dhl_rest_send_shipping', send_shipping, create=True),
        )


@tagged('post_install', '-at_install')
class TestConfirmedElsewhere(ShippingCase):
    """Deliveries that Amazon knows of already."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stock = 'stock.group_stock_user'
        cls.admin = cls.create_user('adam', 'amazon_connector.group_amazon_admin', stock)
        cls.user = cls.create_user('uma', 'amazon_connector.group_amazon_user', stock)

    def mark(self, picking, value=True):
        picking.with_user(self.admin).amazon_confirmed_elsewhere = value

    def test_it_needs_nothing_and_sends_nothing(self):
        order = self.order_mugs()
        picking = self.get_open_delivery(order)
        self.mark(picking)
        self.validate(picking.with_user(self.user))
        self.assertFalse(picking.amazon_state)
        self.assertEqual(picking.amazon_shipment_ids.state, 'skipped')
        self.send()
        self.assertFalse(self.count_calls('confirmShipment'))
        self.fill_in(picking)
        self.send()
        self.assertFalse(self.count_calls('confirmShipment'), "Not even when it changes")
        self.assertFalse(order.packages)

    def test_only_amazon_administrators_mark_it(self):
        picking = self.get_open_delivery(self.order_mugs())
        with self.assertRaises(AccessError):
            picking.with_user(self.user).amazon_confirmed_elsewhere = True
        self.assertFalse(picking.amazon_confirmed_elsewhere)

    def test_what_waits_is_not_sent_once_it_is_marked(self):
        order = self.order_mugs()
        picking = self.deliver(order)
        self.mark(picking)
        self.assertFalse(picking.amazon_state)
        self.send()
        self.assertFalse(self.count_calls('confirmShipment'))
        self.mark(picking, False)
        self.assertAmazonState(picking, 'to_send')
        self.send()
        self.assertShown(order, (picking.carrier_tracking_ref, {'MUG': 3}))

    def test_a_failure_is_settled_by_marking_it(self):
        order = self.order_mugs()
        self.seller.ship(order)
        picking = self.deliver(order)
        self.send()
        self.assertAmazonState(picking, 'failed', "already confirmed elsewhere")
        self.mark(picking)
        self.assertFalse(picking.amazon_state)
        self.assertFalse(picking.amazon_reason)

    def test_the_rest_of_the_order_is_sent(self):
        order = self.order_mugs()
        picking = self.get_open_delivery(order)
        self.mark(picking)
        self.pick(picking, {'MUG': 1})
        self.validate(picking)
        self.seller.ship(order, {'MUG': 1}, tracking='ELSEWHERE')
        rest = self.deliver(order, tracking='HERE')
        self.assertFalse(rest.amazon_confirmed_elsewhere)
        self.send()
        self.assertAmazonState(rest, 'sent')
        self.assertShown(order, ('ELSEWHERE', {'MUG': 1}), ('HERE', {'MUG': 2}))


@tagged('post_install', '-at_install')
class TestQuantities(ShippingCase):
    """What Amazon is told of each delivery."""

    def test_each_delivery_tells_its_own_quantities(self):
        order = self.order(Item('MUG', '12.99', 3, shipping='4.90'), Item('BOWL', '34.90', 2))
        first = self.deliver(order, {'MUG': 1}, tracking='T1')
        self.send()
        self.assertShown(order, ('T1', {'MUG': 1}))
        self.assertEqual(order.status, 'PARTIALLY_SHIPPED')
        second = self.deliver(order, {'MUG': 1, 'BOWL': 2}, tracking='T2')
        third = self.deliver(order, tracking='T3')
        self.assertEqual((second.backorder_id, third.backorder_id), (first, second))
        self.send()
        self.assertShown(
            order, ('T1', {'MUG': 1}), ('T2', {'MUG': 1, 'BOWL': 2}), ('T3', {'MUG': 1}),
        )
        self.assertEqual(order.status, 'SHIPPED')

    def test_never_more_than_was_ordered(self):
        order = self.order_mugs(3)
        picking = self.deliver(order, {'MUG': 5})
        self.send()
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, (picking.carrier_tracking_ref, {'MUG': 3}))

    def test_what_is_sent_after_a_return_is_not_told_again(self):
        order = self.order_mugs(3)
        self.deliver(order, tracking='T1')
        self.send()
        again = self.env['stock.picking'].create({
            'picking_type_id': self.warehouse.out_type_id.id,
            'location_id': self.warehouse.lot_stock_id.id,
            'location_dest_id': self.env.ref('stock.stock_location_customers').id,
            'sale_id': self.get_sale_order(order).id,
            'move_ids': [(0, 0, {
                'product_id': self.mug.id,
                'product_uom_qty': 1,
                'location_id': self.warehouse.lot_stock_id.id,
                'location_dest_id': self.env.ref('stock.stock_location_customers').id,
                'sale_line_id': self.get_lines(self.get_sale_order(order)).id,
            })],
        })
        self.fill_in(again, 'T2')
        self.validate(again)
        self.send()
        self.assertFalse(again.amazon_state)
        self.assertShown(order, ('T1', {'MUG': 3}))

    def test_one_product_on_two_lines(self):
        order = self.order(Item('MUG', '12.99', 3), Item('MUG', '11.99', 2))
        lines = self.get_lines(self.get_sale_order(order))
        self.deliver(order, {lines[0].move_ids: 1, lines[1].move_ids: 2}, tracking='T1')
        self.send()
        refs = [item.item_id for item in order.items]
        self.assertEqual(order.packages[0].quantities, {refs[0]: 1, refs[1]: 2})
        self.deliver(order, tracking='T2')
        self.send()
        self.assertEqual(order.packages[1].quantities, {refs[0]: 2})
        self.assertEqual(order.status, 'SHIPPED')

    def test_pieces_picked_in_another_unit_of_measure(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        eggs = self.create_product('EGGS', uom_id=dozen.id)
        self.put_in_stock(eggs, 100, self.warehouse.lot_stock_id)
        order = self.order(Item('EGGS', '4.99', 3))
        picking = self.get_open_delivery(order)
        picking.move_ids.move_line_ids.write({
            'product_uom_id': self.env.ref('uom.product_uom_unit').id, 'quantity': 24,
        })
        picking.move_ids.picked = True
        self.fill_in(picking, 'T1')
        self.validate(picking)
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T1', {'EGGS': 2}), ('T2', {'EGGS': 1}))

    def test_half_of_a_piece_is_told_with_the_other_half(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        eggs = self.create_product('EGGS', uom_id=dozen.id)
        self.put_in_stock(eggs, 100, self.warehouse.lot_stock_id)
        order = self.order(Item('EGGS', '4.99', 2))
        half = self.deliver(order, {'EGGS': 0.5}, tracking='T1')
        self.assertFalse(half.amazon_state)
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T2', {'EGGS': 2}))

    def test_a_line_sold_in_another_unit_of_measure_than_it_is_stocked_in(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG', '12.99', 2)])
        self.sync()
        line = self.get_lines(self.get_sale_order(order))
        self.get_open_delivery(order).move_ids.product_uom_qty = 24
        self.env.cr.execute(
            "UPDATE sale_order_line SET product_uom_id = %s WHERE id = %s",
            [self.env.ref('uom.product_uom_dozen').id, line.id],
        )
        line.invalidate_recordset()
        self.deliver(order, {'MUG': 12}, tracking='T1')
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T1', {'MUG': 1}), ('T2', {'MUG': 1}))

    def test_what_was_shipped_before_odoo_knew_the_order_is_left_out(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG', '12.99', 3)])
        self.seller.ship(order, {'MUG': 1}, tracking='BEFORE')
        self.sync()
        self.deliver(order, tracking='T1')
        self.send()
        self.assertShown(order, ('BEFORE', {'MUG': 1}), ('T1', {'MUG': 2}))


@tagged('post_install', '-at_install')
class TestPackages(ShippingCase):
    """One confirmation for each package, and what changes about it later."""

    def ship(self, *packages, tracking='WHOLE', own=()):
        """Ship three mugs and two bowls in packages, with tracking references of their own."""
        order = self.order(Item('MUG', '12.99', 3), Item('BOWL', '34.90', 2))
        picking = self.get_open_delivery(order)
        for package, reference in zip(self.pack(picking, *packages), own, strict=False):
            package.amazon_tracking_ref = reference
        self.fill_in(picking, tracking)
        self.validate(picking)
        return order, picking

    def test_each_package_tells_what_is_in_it(self):
        order, picking = self.ship({'MUG': 2}, {'MUG': 1, 'BOWL': 2}, own=('P1', 'P2'))
        self.send()
        self.assertShown(order, ('P1', {'MUG': 2}), ('P2', {'MUG': 1, 'BOWL': 2}))
        self.assertAmazonState(picking, 'sent')

    def test_a_package_without_a_tracking_reference_has_the_deliverys(self):
        order, _picking = self.ship({'MUG': 3}, {'BOWL': 2}, own=('P1',))
        self.send()
        self.assertShown(order, ('P1', {'MUG': 3}), ('WHOLE', {'BOWL': 2}))

    def test_what_lies_in_no_package_is_one_too(self):
        order, _picking = self.ship({'MUG': 1}, own=('P1',))
        self.send()
        self.assertShown(order, ('P1', {'MUG': 1}), ('WHOLE', {'MUG': 2, 'BOWL': 2}))

    def test_references_that_a_carrier_wrote_with_commas_are_dealt_out(self):
        order, _picking = self.ship({'MUG': 3}, {'BOWL': 2}, tracking='C1,C2')
        self.send()
        self.assertShown(order, ('C1', {'MUG': 3}), ('C2', {'BOWL': 2}))

    def test_packages_with_tracking_references_make_the_deliverys_dispensable(self):
        order, _picking = self.ship({'MUG': 3}, {'BOWL': 2}, tracking=False, own=('P1', 'P2'))
        self.send()
        self.assertShown(order, ('P1', {'MUG': 3}), ('P2', {'BOWL': 2}))
        with self.assertRaisesRegex(UserError, "Tracking Reference"):
            self.ship({'MUG': 3}, {'BOWL': 2}, tracking=False, own=('P1',))

    def test_references_are_positive_numbers_that_nobody_shares(self):
        orders = [
            self.ship({'MUG': 3}, {'BOWL': 2}, own=('P1', 'P2'))[0] for _number in range(2)
        ]
        self.send()
        references = [package.reference for order in orders for package in order.packages]
        self.assertEqual(len(set(references)), 4)
        for reference in references:
            self.assertRegex(reference, r'^[1-9][0-9]*$')

    def test_sending_again_edits_instead_of_doubling(self):
        order, picking = self.ship({'MUG': 3}, {'BOWL': 2}, own=('P1', 'P2'))
        self.send()
        references = [package.reference for package in order.packages]
        self.assertIn("2 sent", self.send_again(picking))
        self.assertEqual(self.count_calls('confirmShipment'), 4)
        self.assertEqual([package.reference for package in order.packages], references)
        self.assertShown(order, ('P1', {'MUG': 3}), ('P2', {'BOWL': 2}))

    def test_a_corrected_tracking_reference_edits_the_package(self):
        order, picking = self.ship(tracking='WRONG')
        self.send()
        [package] = order.packages
        picking.carrier_tracking_ref = 'RIGHT'
        self.assertAmazonState(picking, 'to_send')
        self.assertTrue(self.get_triggers('send_deliveries'))
        self.send()
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, ('RIGHT', {'MUG': 3, 'BOWL': 2}))
        self.assertEqual(order.packages[0].reference, package.reference)

    def test_another_carrier_edits_the_package(self):
        order, picking = self.ship()
        self.send()
        self.assertEqual([package.carrier for package in order.packages], ['DHL-Paket'])
        picking.carrier_id = self.create_carrier("DPD")
        self.assertAmazonState(picking, 'to_send')
        self.send()
        self.assertEqual([package.carrier for package in order.packages], ['DPD'])

    def test_a_corrected_package_is_sent_alone(self):
        order, picking = self.ship({'MUG': 3}, {'BOWL': 2}, own=('P1', 'P2'))
        self.send()
        packages = picking.move_line_ids.result_package_id
        packages.filtered(lambda p: p.amazon_tracking_ref == 'P1').amazon_tracking_ref = 'NEW'
        self.assertAmazonState(picking, 'to_send')
        self.assertIn("1 sent", self.send())
        self.assertShown(order, ('NEW', {'MUG': 3}), ('P2', {'BOWL': 2}))

    def test_the_deliverys_reference_does_not_matter_to_packages_with_their_own(self):
        _order, picking = self.ship({'MUG': 3}, {'BOWL': 2}, own=('P1', 'P2'))
        self.send()
        picking.carrier_tracking_ref = 'NEW'
        self.assertAmazonState(picking, 'sent')

    def test_a_correction_after_amazon_confirmed_is_sent_too(self):
        order, picking = self.ship(tracking='WRONG')
        self.send()
        self.sync()
        self.assertAmazonState(picking, 'confirmed')
        picking.carrier_tracking_ref = 'RIGHT'
        self.assertAmazonState(picking, 'to_send')
        self.assertFalse(picking.amazon_confirmed_at)
        self.send()
        self.assertShown(order, ('RIGHT', {'MUG': 3, 'BOWL': 2}))

    def test_what_changes_nothing_for_amazon_is_not_sent(self):
        _order, picking = self.ship()
        self.send()
        picking.write({
            'note': "Left with the neighbour",
            'carrier_tracking_ref': picking.carrier_tracking_ref,
            'carrier_id': self.create_carrier("DHL-PAKET").id,
        })
        self.assertAmazonState(picking, 'sent')


@tagged('post_install', '-at_install')
class TestDeliveryEmail(ShippingCase, MockEmail):
    """Odoo's own e-mail about a delivery, where it is switched on."""

    def get_emails(self):
        order = self.order_mugs()
        self.carrier.tracking_url = 'https://track.example/<shipmenttrackingnumber>'
        with self.mock_mail_gateway():
            self.deliver(order, tracking='T1')
            self.env.cr.flush()
        return self._mails

    def test_it_names_the_carrier_and_links_to_the_tracking(self):
        self.company.stock_move_email_validation = True
        [email] = self.get_emails()
        self.assertIn("DHL Paket", email['body'])
        self.assertIn('https://track.example/T1', email['body'])

    def test_nothing_is_mailed_where_it_is_switched_off(self):
        self.company.stock_move_email_validation = False
        self.assertFalse(self.get_emails())
