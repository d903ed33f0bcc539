import copy
from ast import literal_eval

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase, TourCase

LIST = 'amazon_connector.stock_picking_view_list_amazon'
ACTION = 'amazon_connector.action_amazon_delivery'


class WarehouseCase(ShippingCase):
    """Somebody of the warehouse, who may see neither sales nor offers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stan = cls.create_user('stan', 'stock.group_stock_user')
        cls.stan.password = 'stan'

    def get_deliveries(self, count):
        """Let buyers order as many times, and return the deliveries as the warehouse sees them."""
        for _number in range(count):
            self.seller.place_order('DE', 'FBM', [Item('MUG', '12.99', 2)])
        self.sync()
        orders = self.env['sale.order'].search([('amazon_account_id', '=', self.account.id)])
        self.assertEqual(len(orders.picking_ids), count)
        return orders.picking_ids.sorted('id').with_user(self.stan)

    def get_specification(self, view, model):
        """Return what the web client reads for a view, sub-views included."""
        specification = {}
        for field in view.xpath('.//field[not(ancestor::field)]'):
            definition = model._fields[field.get('name')]
            if definition.type == 'many2one':
                wanted = {'fields': {'display_name': {}}}
            elif definition.relational:
                wanted = {'fields': {}}
                for subview in map(copy.deepcopy, field):
                    wanted['fields'] |= self.get_specification(subview, model[definition.name])
            else:
                wanted = {}
            specification.setdefault(definition.name, {}).update(wanted)
        return specification

    def read_as_the_web_client(self, records, view_type, view_id=False):
        """Read records as the web client does for a view."""
        views = records.get_views([(view_id, view_type)])['views']
        arch = etree.fromstring(views[view_type]['arch'])
        specification = self.get_specification(arch, records)
        self.assertIn('amazon_order_ref', specification)
        self.env.invalidate_all()
        return records.web_read(specification)


@tagged('post_install', '-at_install')
class TestWarehouse(WarehouseCase):
    """What somebody with the rights of the warehouse alone sees and does."""

    def assertReadable(self, picking):
        """Check that every view of a delivery can be opened."""
        self.read_as_the_web_client(picking, 'form')
        self.read_as_the_web_client(picking, 'kanban')
        self.read_as_the_web_client(picking, 'list')
        self.read_as_the_web_client(picking, 'list', self.env.ref(LIST).id)

    def test_a_delivery_is_readable_before_and_after_it_is_validated_and_sent(self):
        self.env.user.group_ids += self.env.ref('stock.group_tracking_lot')
        picking = self.get_deliveries(1)
        self.assertReadable(picking)
        self.fill_in(picking)
        self.pack(picking.sudo(), {'MUG': 1})
        self.validate(picking)
        self.assertReadable(picking)
        self.send()
        self.assertAmazonState(picking, 'sent')
        self.assertReadable(picking)
        shipments = picking.amazon_shipment_ids
        self.assertEqual(shipments.mapped('content'), ['1 × MUG', '1 × MUG'])

    def test_every_field_of_ours_is_readable(self):
        picking = self.get_deliveries(1)
        [package] = self.pack(picking, {'MUG': 2})
        for _moment in ('before', 'after'):
            self.env.invalidate_all()
            for records in (picking, picking.move_ids, package):
                records.read([
                    name for name in records.fields_get() if name.startswith('amazon_')
                ])
            picking.amazon_shipment_ids.read()
            self.fill_in(picking)
            self.validate(picking)

    def test_a_gift_is_printed_on_the_delivery_slip(self):
        order = self.order(Item('MUG', gift_message="Happy birthday, dear warehouse"))
        picking = self.get_open_delivery(order).with_user(self.stan)
        self.env.invalidate_all()
        html, _type = self.env['ir.actions.report'].with_user(self.stan)._render_qweb_html(
            'stock.report_deliveryslip', picking.ids,
        )
        self.assertIn("Happy birthday, dear warehouse", html.decode())

    def test_packages_are_listed_by_sku_for_who_sees_no_offers(self):
        picking = self.get_deliveries(1)
        self.fill_in(picking)
        self.validate(picking)
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            self.env['amazon.offer'].with_user(self.stan).search([])
        self.assertEqual(picking.amazon_shipment_ids.content, '2 × MUG')

    def test_a_delivery_method_for_some_zip_codes_blocks_no_list(self):
        self.carrier.zip_prefix_ids = self.env['delivery.zip.prefix'].create({'name': '10'})
        picking = self.get_deliveries(1)
        self.env.invalidate_all()
        self.assertTrue(self.env['delivery.zip.prefix'].with_user(self.stan).search([]))
        picking.web_read({'allowed_carrier_ids': {'fields': {'display_name': {}}}})

    def test_the_whole_form_is_filled_in_validated_and_sent(self):
        picking = self.get_deliveries(1)
        with Form(picking) as form:
            form.carrier_id = self.carrier
            form.carrier_tracking_ref = 'STAN-1'
        self.assertIs(picking.button_validate(), True)
        self.assertIn("1 sent", self.send())
        self.assertAmazonState(picking, 'sent')

    def test_the_other_buttons_work_too(self):
        picking, other = self.get_deliveries(2)
        picking.do_unreserve()
        picking.action_assign()
        self.assertTrue(picking.action_open_seller_central()['url'])
        other.action_cancel()
        self.assertEqual(other.state, 'cancel')
        self.fill_in(picking)
        self.validate(picking)
        wizard = Form(self.env['stock.return.picking'].with_user(self.stan).with_context(
            active_id=picking.id, active_ids=picking.ids, active_model='stock.picking',
        )).save()
        wizard.product_return_moves.quantity = 1
        returned = self.env['stock.picking'].browse(wizard.action_create_returns()['res_id'])
        self.validate(returned.with_user(self.stan))

    def test_the_menu_leads_to_what_is_to_ship(self):
        action = self.env[self.env.ref(ACTION)._name].with_user(self.stan)._for_xml_id(ACTION)
        self.assertIn("'search_default_amazon_to_ship': 1", action['context'])
        menu = self.env.ref('amazon_connector.menu_stock_amazon_delivery')
        self.assertEqual(menu.parent_id.parent_id, self.env.ref('stock.menu_stock_warehouse_mgmt'))
        self.assertIn(menu.id, self.env['ir.ui.menu'].with_user(self.stan)._visible_menu_ids())
        done, open_ = self.get_deliveries(2)
        self.fill_in(done)
        self.validate(done)
        search = etree.fromstring(self.env['stock.picking'].get_view(
            self.env.ref('stock.view_picking_internal_search').id, 'search',
        )['arch'])
        [to_ship] = search.xpath("//filter[@name='amazon_to_ship']")
        found = (done | open_).filtered_domain(literal_eval(to_ship.get('domain')))
        self.assertEqual(found, open_)

    def test_the_figures_of_the_card_are_not_narrowed_to_what_is_to_ship(self):
        action = self.account.action_open_deliveries()
        self.assertFalse(action['context'].get('search_default_amazon_to_ship'))

    def test_items_carrier_and_tracking_are_in_the_list_and_can_be_entered(self):
        self.env.user.group_ids += self.env.ref('stock.group_stock_multi_locations')
        arch = etree.fromstring(
            self.env['stock.picking'].get_view(self.env.ref(LIST).id, 'list')['arch'],
        )
        self.assertEqual((arch.get('editable'), arch.get('multi_edit')), ('bottom', '1'))
        for name in ('amazon_items', 'carrier_id', 'carrier_tracking_ref', 'amazon_hint'):
            [field] = arch.xpath(f"field[@name='{name}']")
            self.assertEqual(field.get('optional'), 'show', name)
        for name in ('location_id', 'location_dest_id'):
            [field] = arch.xpath(f"field[@name='{name}']")
            self.assertEqual(field.get('optional'), 'hide', name)

    def test_items_are_products_and_quantities(self):
        order = self.order(Item('MUG', quantity=3), Item('BOWL'))
        picking = self.get_open_delivery(order).with_user(self.stan)
        self.assertEqual(picking.amazon_items, '3 × MUG, 1 × BOWL')
        self.pick(picking, {'MUG': 2})
        self.fill_in(picking)
        self.validate(picking)
        self.assertEqual(picking.amazon_items, '2 × MUG')
        rest = self.get_open_delivery(order)
        self.assertEqual(set(rest.amazon_items.split(', ')), {'1 × MUG', '1 × BOWL'})

    def test_a_hint_says_what_amazon_makes_of_the_carrier(self):
        picking = self.get_deliveries(1)
        for name, hint in (
            ("Colisimo", "Did you mean Colissimo?"),
            ("Zwei Räder", "Amazon can't track this carrier."),
            ("DPD", False),
        ):
            with self.subTest(name), Form(picking) as form:
                form.carrier_id = self.create_carrier(name)
                self.assertEqual(form.amazon_carrier_hint, hint)
            self.assertEqual(picking.amazon_hint, hint)
        action = picking.action_open_carrier()
        self.assertEqual(action['res_id'], picking.carrier_id.id)

    def test_a_hint_says_what_to_know_before_it_is_shipped(self):
        self.create_product('RARE')
        blocked = self.get_open_delivery(self.order(Item('RARE')))
        self.assertEqual(blocked.amazon_hint, "Out of stock.")
        order = self.order_mugs()
        picking = self.get_open_delivery(order)
        self.assertFalse(picking.amazon_hint)
        self.seller.request_cancellation(order, 'Too late')
        self.sync()
        self.assertEqual(picking.amazon_hint, "The buyer asks to cancel.")
        self.deliver(order)
        self.assertFalse(picking.amazon_hint)

    def test_each_package_gets_its_tracking_reference_in_the_list_of_packages(self):
        for view in ('stock_package_view_list', 'stock_package_view_list_editable'):
            arch = etree.fromstring(self.env['stock.package'].with_user(self.stan).get_view(
                self.env.ref(f'stock.{view}').id, 'list',
            )['arch'])
            self.assertEqual(arch.get('editable'), 'bottom')
            self.assertTrue(arch.xpath("//field[@name='amazon_tracking_ref'][@optional='show']"))
        picking = self.get_deliveries(1)
        picking.carrier_id = self.carrier
        packages = self.pack(picking, {'MUG': 1}, {'MUG': 1})
        for number, package in enumerate(packages):
            package.amazon_tracking_ref = f'P{number}'
        self.validate(picking)
        self.send()
        self.assertEqual(
            set(picking.amazon_shipment_ids.mapped('tracking_number')), {'P0', 'P1'},
        )


@tagged('post_install', '-at_install')
class TestValidateMany(WarehouseCase):
    """Validate does what is complete of many, and says what the others lack."""

    def press_validate(self, pickings):
        """Press Validate above the list."""
        return pickings.action_validate_complete()

    def get_dialog(self, action):
        """Return the dialog that lists what was not validated."""
        self.assertEqual(action['res_model'], 'amazon.incomplete.deliveries')
        return self.env[action['res_model']].with_user(self.stan).browse(action['res_id'])

    def test_an_incomplete_delivery_holds_back_no_other(self):
        pickings = self.get_deliveries(3)
        self.fill_in(pickings[0], 'A')
        self.fill_in(pickings[2], 'C')
        pickings[1].carrier_id = self.carrier
        dialog = self.get_dialog(self.press_validate(pickings))
        self.assertEqual(pickings.mapped('state'), ['done', 'assigned', 'done'])
        self.assertAmazonState(pickings[0] | pickings[2], 'to_send')
        self.assertEqual((dialog.picking_ids, dialog.done_count), (pickings[1], 2))
        self.assertRegex(
            dialog.picking_ids.amazon_missing, f"{pickings[1].name}: fill in Tracking Reference",
        )

    def test_what_is_missing_is_filled_in_there(self):
        pickings = self.get_deliveries(2)
        dialog = self.get_dialog(self.press_validate(pickings))
        self.assertFalse(dialog.done_count)
        self.assertEqual(dialog.picking_ids, pickings)
        pickings[0].write({'carrier_id': self.carrier.id, 'carrier_tracking_ref': 'T0'})
        pickings[1].carrier_tracking_ref = 'T1'
        self.assertFalse(pickings[0].amazon_missing)
        self.assertIn("fill in Carrier.", pickings[1].amazon_missing)
        rest = self.get_dialog(dialog.action_validate())
        self.assertEqual(rest.picking_ids, pickings[1])
        pickings[1].carrier_id = self.carrier
        self.assertIs(rest.action_validate(), True)
        self.assertEqual(set(pickings.mapped('state')), {'done'})

    def test_odoos_own_action_does_the_same(self):
        pickings = self.get_deliveries(2)
        self.fill_in(pickings[0])
        action = self.env.ref('stock.action_validate_picking').with_user(self.stan).with_context(
            active_model='stock.picking', active_ids=pickings.ids, active_id=pickings[:1].id,
        ).run()
        self.assertEqual(self.get_dialog(action).picking_ids, pickings[1])
        self.assertEqual(pickings.mapped('state'), ['done', 'assigned'])

    def test_a_program_gets_all_or_nothing(self):
        pickings = self.get_deliveries(2)
        self.fill_in(pickings[0])
        with self.assertRaisesRegex(UserError, f"{pickings[1].name}: fill in Carrier and"):
            pickings.button_validate()
        self.assertEqual(set(pickings.mapped('state')), {'assigned'})

    def test_a_question_about_a_backorder_comes_first(self):
        pickings = self.get_deliveries(3)
        self.fill_in(pickings[0] | pickings[1])
        self.pick(pickings[1], {'MUG': 1})
        action = self.press_validate(pickings)
        self.assertEqual(action['res_model'], 'stock.backorder.confirmation')
        wizard = Form.from_action(self.env(user=self.stan), action).save()
        dialog = self.get_dialog(wizard.with_context(**action['context']).process())
        self.assertEqual((dialog.picking_ids, dialog.done_count), (pickings[2], 2))
        self.assertEqual(pickings.mapped('state'), ['done', 'done', 'assigned'])
        self.assertEqual(pickings[1].backorder_ids.move_ids.product_uom_qty, 1)

    def test_goods_that_are_missing_are_said(self):
        self.create_product('RARE')
        picking = self.get_open_delivery(self.order(Item('RARE'))).with_user(self.stan)
        self.fill_in(picking)
        self.assertRegex(picking.amazon_missing, f"{picking.name}: no goods are reserved")
        self.assertEqual(self.get_dialog(self.press_validate(picking)).picking_ids, picking)

    def test_lots_that_are_missing_are_said(self):
        other = self.get_deliveries(1)
        wine = self.create_product('WINE', tracking='lot')
        self.put_in_stock(wine, 5, self.warehouse.lot_stock_id)
        picking = self.get_open_delivery(self.order(Item('WINE'))).with_user(self.stan)
        self.fill_in(picking)
        self.assertRegex(picking.amazon_missing, "lots or serial numbers of .*WINE")
        self.fill_in(other)
        self.assertEqual(self.get_dialog(self.press_validate(picking | other)).picking_ids, picking)
        self.assertEqual(other.state, 'done')

    def test_other_transfers_are_validated_as_ever(self):
        sale_order = self.env['sale.order'].create({
            'partner_id': self.env['res.partner'].create({'name': "Ben"}).id,
            'order_line': [(0, 0, {'product_id': self.mug.id, 'product_uom_qty': 1})],
        })
        sale_order.action_confirm()
        other = sale_order.picking_ids.with_user(self.stan)
        self.assertFalse(other.amazon_missing)
        self.assertIs(self.press_validate(other), True)
        self.assertEqual(other.state, 'done')


@tagged('post_install', '-at_install')
class TestWarehouseTours(WarehouseCase, TourCase):
    """The day of somebody of the warehouse, in the browser."""

    def test_a_delivery_is_shipped_with_the_rights_of_the_warehouse_alone(self):
        order = self.order_mugs(2)
        picking = self.get_open_delivery(order)
        self.create_carrier("Parcel service of the tour", amazon_carrier_code='DPD')
        with mute_logger('odoo.http'):  # the carrier is asked for first
            self.start_tour('/odoo/action-stock.stock_picking_type_action',
                            'amazon_warehouse_ships', login='stan')
        self.env.invalidate_all()
        self.run_cron('send_deliveries')
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, ('WAREHOUSE-1', {'MUG': 2}))

    def test_many_are_shipped_from_the_list(self):
        pickings = self.get_deliveries(2)
        self.create_carrier("Parcel service of the tour", amazon_carrier_code='DPD')
        self.start_tour(f'/odoo/action-{ACTION}', 'amazon_warehouse_ships_many', login='stan')
        self.env.invalidate_all()
        self.assertEqual(set(pickings.mapped('state')), {'done'})
        self.assertEqual(set(pickings.carrier_id.mapped('name')), {"Parcel service of the tour"})
        self.assertEqual(set(pickings.mapped('carrier_tracking_ref')), {'LIST-1', 'LIST-2'})
