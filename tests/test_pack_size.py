from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.amazon_connector.simulator import Item

from .common import ProcessCase, ShippingCase
from .test_order_totals import examples


class PackCase(ShippingCase):
    """A seller of packs of three mugs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        (cls.mug | cls.bowl).invoice_policy = 'order'
        cls.put_in_stock(cls.mug, 100, cls.account.location_id)
        cls.offer = cls.create_offer('MUG-3', cls.mug, 3)

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)

    @classmethod
    def create_offer(cls, sku, product, pack_size=1, marketplace='de'):
        return cls.env['amazon.offer'].create({
            'account_id': cls.account.id,
            'marketplace_id': cls.env.ref(f'amazon_connector.marketplace_{marketplace}').id,
            'sku': sku,
            'product_id': product.id,
            'pack_size': pack_size,
        })

    def place(self, units=2, **details):
        """Let a buyer order packs of mugs for 10.00 each, import it, and return both orders."""
        order = self.order(Item('MUG-3', '10.00', units), **details)
        return order, self.get_sale_order(order)

    def sell_by_amazon(self, units=2, **details):
        """Let Amazon ship packs of mugs, import the order and return it."""
        order = self.seller.place_order(
            'DE', 'FBA', [Item('MUG-3', '10.00', units)], status='SHIPPED', **details,
        )
        self.sync()
        return order

    def get_open(self, sale_order):
        """Return how many pieces are still to be delivered."""
        return sum(sale_order.order_line._get_open_deliveries().mapped('product_uom_qty'))

    def get_note(self, sale_order):
        """Return the only thing that the salesperson is asked to do."""
        [activity] = sale_order.activity_ids
        return html2plaintext(activity.note)

    def get_left(self, location):
        return self.mug.with_context(location=location.id).qty_available

    def assertLine(self, sale_order, units, pack_size=3):
        """Check what the line of an order says of its packs, for 10.00 each."""
        line = self.get_lines(sale_order)
        self.assertEqual(
            (line.amazon_quantity, line.amazon_pack_size, line.product_uom_qty),
            (units, pack_size, units * pack_size),
        )
        self.assertEqual(line.name.splitlines()[-1], f'{units} × pack of {pack_size}')
        self.assertEqual(sale_order.amount_total, 10 * units)


@tagged('post_install', '-at_install')
class TestPackOrders(PackCase):
    """Orders count the pieces of the product, at the price of the packs."""

    def test_an_order_is_made_of_pieces(self):
        _order, sale_order = self.place()
        self.assertLine(sale_order, 2)
        self.assertEqual(self.get_open(sale_order), 6)
        self.assertFalse(sale_order.amazon_unexplained_amount)
        invoice = sale_order._create_invoices()
        invoice.action_post()
        self.assertEqual((invoice.invoice_line_ids.quantity, invoice.amount_total), (6, 20))

    def test_repeated_it_is_the_same_order(self):
        order, sale_order = self.place()
        for _time in range(2):
            self.seller.touch(order)
            self.sync()
            self.assertLine(sale_order, 2)
            self.assertEqual(self.get_open(sale_order), 6)
            self.assertEqual(len(sale_order.order_line), 1)
            self.assertFalse(sale_order.activity_ids)

    def test_single_pieces_are_called_nothing_else(self):
        order = self.order(Item('MUG', '10.00', 2))
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual((line.product_uom_qty, line.amazon_pack_size), (2, 1))
        self.assertEqual(line.name, self.mug.display_name)

    def test_another_pack_size_is_for_orders_to_come(self):
        order, sale_order = self.place(3)
        self.offer.pack_size = 5
        self.seller.cancel_item(order, 'MUG-3', 1)
        self.sync()
        self.assertLine(sale_order, 2)
        self.assertEqual(self.get_open(sale_order), 6)
        sale_order._recompute_taxes()
        self.assertLine(sale_order, 2)
        self.assertLine(self.place()[1], 2, pack_size=5)

    def test_another_quantity_on_amazon(self):
        order, sale_order = self.place(5)
        line = self.get_lines(sale_order)
        line.name = f'For Anna\n{line.name}\n3 × wrapped'
        for units in (3, 4, 1):
            self.seller.edit_item(order, quantity=units)
            self.sync()
            self.assertEqual(
                (line.amazon_quantity, line.product_uom_qty, self.get_open(sale_order)),
                (units, 3 * units, 3 * units),
            )
            self.assertEqual(line.name, (
                f'For Anna\n{self.mug.display_name}\n{units} × pack of 3\n3 × wrapped'
            ))
            self.assertEqual(sale_order.amount_total, 10 * units)

    def test_cancelled_in_part_after_it_was_invoiced(self):
        order, sale_order = self.place(5)
        sale_order._create_invoices().action_post()
        self.seller.cancel_item(order, 'MUG-3', 2)
        self.sync()
        self.assertEqual(self.get_open(sale_order), 9)
        self.assertRegex(self.get_note(sale_order), r"20\.00.€ too much.* credit note for 6 × ")

    def test_an_item_that_is_cancelled(self):
        order = self.order(Item('MUG-3', '10.00', 2), Item('BOWL', '10.00'))
        self.seller.cancel_item(order, 'MUG-3', 2)
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [0, 1])
        self.assertEqual(self.get_open(sale_order), 1)
        self.assertEqual(sale_order.amount_total, 10)

    def test_what_has_left_of_packs_that_are_not_wanted_any_more(self):
        order, sale_order = self.place(3)
        self.deliver(order, {'MUG': 7})
        self.seller.override(order, values={'/orderItems/0/quantityOrdered': 2})
        self.sync()
        self.assertFalse(self.get_open(sale_order))
        self.assertRegex(self.get_note(sale_order), "Too much has left: 1 × ")

    def test_half_a_pack_more_than_is_wanted_is_not_too_much(self):
        order, sale_order = self.place(3)
        self.deliver(order, {'MUG': 4})
        self.seller.cancel_item(order, 'MUG-3', 1)
        self.sync()
        self.assertEqual(self.get_open(sale_order), 2)
        self.assertLine(sale_order, 2)
        self.assertFalse(sale_order.activity_ids)

    def test_a_pack_that_is_stocked_in_dozens(self):
        eggs = self.create_product('EGGS', uom_id=self.env.ref('uom.product_uom_dozen').id)
        self.put_in_stock(eggs, 100, self.warehouse.lot_stock_id)
        self.create_offer('EGGS-24', eggs, 2)
        order = self.order(Item('EGGS-24', '9.98', 2))
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual((line.product_uom_id, line.product_uom_qty), (eggs.uom_id, 4))
        self.deliver(order, {'EGGS': 3}, tracking='T1')
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T1', {'EGGS-24': 1}), ('T2', {'EGGS-24': 1}))

    def test_nobody_but_the_connector_says_how_large_a_pack_was(self):
        sale_order = self.place()[1]
        values = {'order_id': sale_order.id, 'product_id': self.bowl.id}
        SaleOrderLine = self.env['sale.order.line'].with_context(default_amazon_pack_size=7)
        self.assertEqual(SaleOrderLine.create(values).amazon_pack_size, 1)
        with self.assertRaisesRegex(AccessError, "Pack Size"):
            SaleOrderLine.create({**values, 'amazon_pack_size': 7})
        with self.assertRaisesRegex(AccessError, "Pack Size"):
            self.get_lines(sale_order).amazon_pack_size = 7
        with Form(sale_order) as form, form.order_line.new() as line:
            line.product_id = self.bowl
        self.assertEqual(sale_order.order_line[-1].amazon_pack_size, 1)


@tagged('post_install', '-at_install')
class TestPackOffers(PackCase):
    """What a person says of a pack, and where it holds."""

    def test_a_pack_has_at_least_one_piece(self):
        for size in (0, -3):
            with (
                mute_logger('odoo.sql_db'),
                self.assertRaises(CheckViolation) as refused,
                self.env.cr.savepoint(),
            ):
                self.offer.pack_size = size
                self.offer.flush_recordset()
            message = self.offer._sql_error_to_message(refused.exception)
            self.assertIn("Pack Size: enter how many pieces", message)
        self.assertEqual(self.create_offer('VASE', self.bowl).pack_size, 1)

    def test_what_stood_in_becomes_packs_once_it_is_matched(self):
        order = self.seller.place_order('DE', 'FBM', [Item('BOX', '10.00', 2, title='Box')])
        self.sync()
        sale_order = self.get_sale_order(order)
        line = self.get_lines(sale_order)
        offer = line.amazon_offer_id
        self.assertEqual((line.product_uom_qty, line.amazon_pack_size), (2, 1))
        offer.pack_size = 3
        self.seller.touch(order)
        self.sync()
        self.assertEqual((line.product_uom_qty, line.amazon_pack_size), (2, 1))
        offer.product_id = self.mug
        self.assertEqual(line.product_id, self.mug)
        self.assertLine(sale_order, 2)
        self.assertEqual(self.get_open(sale_order), 6)
        self.deliver(order, {'MUG': 5}, tracking='T1')
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T1', {'BOX': 1}), ('T2', {'BOX': 1}))

    def test_what_stands_in_is_one_piece_a_unit(self):
        self.create_offer('BOX', self.env['product.product'], 3)
        order = self.order(Item('BOX', '10.00', 2))
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual((line.product_uom_qty, line.amazon_pack_size), (2, 1))

    def test_it_holds_in_other_marketplaces_as_the_match_does(self):
        britain = self.create_offer('BOX', self.env['product.product'], marketplace='gb')
        japan = self.create_offer('BOX', self.bowl, marketplace='jp')
        germany = self.create_offer('BOX', self.env['product.product'])
        germany.write({'product_id': self.mug.id, 'pack_size': 3})
        self.assertEqual((britain.product_id, britain.pack_size), (self.mug, 3))
        germany.pack_size = 4
        self.assertEqual((britain.pack_size, japan.pack_size), (4, 1))
        britain.pack_size = 2
        self.assertEqual(germany.pack_size, 4)
        germany.pack_size = 5
        self.assertEqual(britain.pack_size, 2)

    def test_it_holds_in_a_marketplace_that_is_new(self):
        order = self.order(Item('MUG-3', '10.00', 2), marketplace='GB')
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual((line.product_id, line.product_uom_qty), (self.mug, 6))


@tagged('post_install', '-at_install')
class TestPackShipments(PackCase):
    """Amazon is told of packs, each once all of it has left."""

    def test_a_pack_is_told_once_all_of_it_has_left(self):
        order, _sale_order = self.place()
        self.deliver(order, {'MUG': 4}, tracking='T1')
        self.send()
        self.assertShown(order, ('T1', {'MUG-3': 1}))
        self.assertEqual(order.status, 'PARTIALLY_SHIPPED')
        self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T1', {'MUG-3': 1}), ('T2', {'MUG-3': 1}))
        self.assertEqual(order.status, 'SHIPPED')

    def test_part_of_a_pack_is_not_told(self):
        order, sale_order = self.place(1)
        first = self.deliver(order, {'MUG': 2}, tracking='T1')
        self.assertFalse(first.amazon_state)
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        second = self.deliver(order, tracking='T2')
        self.send()
        self.assertShown(order, ('T2', {'MUG-3': 1}))
        self.sync()
        self.assertAmazonState(second, 'confirmed')
        self.assertFalse(sale_order.activity_ids)

    def ship_in_packages(self, order, *packages):
        """Deliver mugs in packages P1, P2, …, some of them maybe in none."""
        picking = self.get_open_delivery(order)
        for number, package in enumerate(
            self.pack(picking, *({'MUG': pieces} for pieces in packages)), start=1,
        ):
            package.amazon_tracking_ref = f'P{number}'
        self.fill_in(picking, 'LOOSE')
        self.validate(picking)
        self.send()

    def test_a_pack_in_two_packages_is_told_with_the_last_one(self):
        for packages, expected in (
            ((3, 3), {'P1': {'MUG-3': 1}, 'P2': {'MUG-3': 1}}),
            ((5,), {'P1': {'MUG-3': 1}, 'LOOSE': {'MUG-3': 1}}),
            ((1, 3, 1), {'P2': {'MUG-3': 1}, 'LOOSE': {'MUG-3': 1}}),
        ):
            with self.subTest(packages=packages):
                order, _sale_order = self.place()
                self.ship_in_packages(order, *packages)
                self.assertEqual(self.get_shown(order), expected)
                self.assertEqual(order.status, 'SHIPPED')

    def test_a_package_without_a_whole_pack_is_not_told(self):
        order, _sale_order = self.place(1)
        self.ship_in_packages(order, 1)
        self.assertShown(order, ('LOOSE', {'MUG-3': 1}))

    def test_packages_complete_what_left_before(self):
        order, _sale_order = self.place()
        self.deliver(order, {'MUG': 2}, tracking='T1')
        self.ship_in_packages(order, 1, 3)
        self.assertShown(order, ('P1', {'MUG-3': 1}), ('P2', {'MUG-3': 1}))

    def test_never_more_than_was_ordered(self):
        order, _sale_order = self.place()
        self.deliver(order, {'MUG': 11}, tracking='T1')
        self.send()
        self.assertShown(order, ('T1', {'MUG-3': 2}))

    def test_what_is_sent_after_a_return_is_not_told_again(self):
        order, sale_order = self.place()
        picking = self.deliver(order, tracking='T1')
        self.send()
        wizard = self.env['stock.return.picking'].with_context(
            active_model='stock.picking', active_id=picking.id,
        ).create({})
        wizard.product_return_moves.quantity = 4
        back = self.env['stock.picking'].browse(wizard.action_create_returns()['res_id'])
        back.button_validate()
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 2)
        self.seller.touch(order)
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        self.send()
        self.assertShown(order, ('T1', {'MUG-3': 2}))

    def test_many_go_in_a_feed(self):
        orders = [self.place()[0] for _order in range(2)]
        for number, order in enumerate(orders):
            self.deliver(order, tracking=f'T{number}')
        self.env['amazon.shipment'].search(
            [('account_id', '=', self.account.id)],
        )._put_in_feed()
        for _poll in range(2):
            self.run_cron('process_feeds')
        for number, order in enumerate(orders):
            self.assertShown(order, (f'T{number}', {'MUG-3': 2}))


@tagged('post_install', '-at_install')
class TestPackCancellations(PackCase):
    """Packs that do not come."""

    def test_put_back_if_amazon_does_not_cancel_it(self):
        order = self.order(Item('MUG-3', '10.00', 2), Item('BOWL', '10.00'))
        sale_order = self.get_sale_order(order)
        form = Form.from_action(self.env, sale_order.action_cancel())
        form.code = 'NoInventory'
        wizard = form.save()
        wizard.line_ids = wizard.line_ids.filtered(lambda line: line.product_id == self.mug)
        wizard.action_cancel()
        self.assertEqual(self.get_open(sale_order), 1)
        self.seller.ship(order, {'MUG-3': 2})  # so that Amazon does not cancel it
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertEqual(sale_order.amazon_cancellation_state, 'failed')
        self.assertEqual(self.get_open(sale_order), 7)

    def test_the_whole_order(self):
        order, sale_order = self.place()
        self.cancel_order(order)
        self.assertEqual(sale_order.state, 'cancel')
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertEqual(order.status, 'CANCELLED')
        self.sync()
        self.assertEqual(sale_order.amazon_cancellation_state, 'confirmed')

    def test_the_rest_is_told_to_a_person_in_packs(self):
        order, sale_order = self.place(3)
        self.deliver(order, {'MUG': 4})
        sale_order.action_cancel()
        self.assertRegex(
            self.get_note(sale_order), r"whole items only.*: 2 × .*MUG \(pack of 3\)",
        )

    def test_nothing_is_said_where_all_has_left(self):
        order, sale_order = self.place(3)
        self.deliver(order)
        sale_order._note_untellable_rest()
        self.assertFalse(sale_order.activity_ids)

    def test_cancelled_on_amazon_after_a_part_has_left(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 4})
        self.seller.override(order, values={'/fulfillment/fulfillmentStatus': 'CANCELLED'})
        self.sync()
        self.assertFalse(self.get_open(sale_order))
        self.assertEqual(self.get_lines(sale_order).product_uom_qty, 4)
        self.assertRegex(self.get_note(sale_order), "Too much has left: 4 × ")


@tagged('post_install', '-at_install')
class TestPacksThatLeftElsewhere(PackCase):
    """Packs that Amazon shipped, or somebody outside Odoo."""

    def test_amazon_takes_the_pieces_from_its_location(self):
        order = self.sell_by_amazon()
        sale_order = self.get_sale_order(order)
        for _time in range(2):
            self.assertLine(sale_order, 2)
            self.assertEqual(self.get_lines(sale_order).qty_delivered, 6)
            self.assertEqual(self.get_left(self.account.location_id), 94)
            self.seller.touch(order)
            self.sync()

    def test_lots_are_taken_for_all_pieces(self):
        lamp = self.create_product('LAMP', tracking='serial')
        self.create_offer('LAMP-3', lamp, 3)
        lots = self.env['stock.lot'].create([
            {'name': name, 'product_id': lamp.id} for name in ('L1', 'L2', 'L3')
        ])
        for lot in lots:
            self.put_in_stock(lamp, 1, self.account.location_id, lot=lot)
        order = self.seller.place_order(
            'DE', 'FBA', [Item('LAMP-3', serial_numbers=('L3',))], status='SHIPPED',
        )
        self.sync()
        moves = self.get_lines(self.get_sale_order(order)).move_ids
        self.assertEqual(moves.move_line_ids.lot_id, lots)
        self.assertEqual(moves.quantity, 3)

    def test_deleted_and_made_again_they_leave_once(self):
        order = self.sell_by_amazon()
        sale_order = self.get_sale_order(order)
        sale_order._action_cancel()
        sale_order.unlink()
        self.press(self.get_inbox(order), 'action_retry')
        self.assertEqual(self.get_lines(self.get_sale_order(order)).qty_delivered, 6)
        self.assertEqual(self.get_left(self.account.location_id), 94)

    def test_orders_of_other_shops(self):
        self.account.sold_elsewhere = 'move'
        order = self.sell_by_amazon(channel_name='NON_AMAZON')
        self.assertFalse(self.get_sale_order(order))
        for _time in range(2):
            self.assertEqual(self.get_left(self.account.location_id), 94)
            self.seller.touch(order)
            self.sync()
        self.offer.pack_size = 4
        self.press(self.get_inbox(order), 'action_retry')
        self.assertEqual(self.get_left(self.account.location_id), 94)

    def test_bought_before_the_cut_over(self):
        now = self.simulator.clock.now().replace(microsecond=0, tzinfo=None)
        self.account.cut_over = now - timedelta(hours=1)
        order, sale_order = self.place(
            placed_at=self.simulator.clock.now() - timedelta(hours=2),
            updated_at=self.simulator.clock.now(),
        )
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 0)
        for pieces in (3, 6):
            self.seller.ship(order, {'MUG-3': 1})
            self.sync()
            self.assertEqual(self.get_lines(sale_order).qty_delivered, pieces)
        self.assertEqual(self.get_left(self.warehouse.lot_stock_id), 1000)

    def test_what_was_shipped_before_odoo_knew_the_order(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG-3', '10.00', 2)])
        self.seller.ship(order, {'MUG-3': 1}, tracking='BEFORE')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 3)
        self.assertEqual(self.get_open(sale_order), 3)
        self.deliver(order, tracking='T1')
        self.send()
        self.assertShown(order, ('BEFORE', {'MUG-3': 1}), ('T1', {'MUG-3': 1}))

    def test_what_is_shipped_outside_odoo_is_taken_from_stock(self):
        order, sale_order = self.place(3)
        self.seller.ship(order, {'MUG-3': 1})
        self.sync()
        self.assertRegex(sale_order.amazon_shipped_elsewhere, r"^1 × .*MUG \(pack of 3\)$")
        sale_order.action_already_shipped()
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 3)
        self.assertEqual(self.get_left(self.warehouse.lot_stock_id), 997)
        self.assertEqual(self.get_open(sale_order), 6)
        self.deliver(order, tracking='T9')
        self.send()
        self.assertEqual(self.get_shown(order)['T9'], {'MUG-3': 2})

    def test_a_pack_that_left_in_part_is_completed_outside_odoo(self):
        order, sale_order = self.place(2)
        self.deliver(order, {'MUG': 4}, tracking='T1')
        self.send()
        self.seller.ship(order, {'MUG-3': 1}, tracking='ELSEWHERE')
        self.sync()
        self.assertRegex(sale_order.amazon_shipped_elsewhere, "^1 × ")
        sale_order.action_already_shipped()
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 6)
        self.assertFalse(self.get_open(sale_order))
        self.seller.touch(order)
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)


@tagged('post_install', '-at_install')
class TestAnyPack(PackCase):
    """Whatever the pack size, the total is what was paid, and Amazon is told what has left."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.taxes = cls.env['account.tax'].create([
            {'name': 'included', 'amount': 19, 'price_include_override': 'tax_included'},
            {'name': 'excluded', 'amount': 8.875},
            {'name': 'a unit', 'amount': 0.25, 'amount_type': 'fixed',
             'price_include_override': 'tax_included'},
        ])
        cls.offers = {
            country.upper(): cls.create_offer('ANY', cls.bowl, marketplace=country)
            for country in ('de', 'gb', 'jp')
        }

    @examples(30)
    @given(
        st.sampled_from(('DE', 'GB', 'JP')), st.integers(1, 24), st.integers(1, 7),
        st.integers(1, 99_999), st.sets(st.integers(0, 2)),
        st.sampled_from(('round_per_line', 'round_globally')), st.sampled_from(('FBM', 'FBA')),
    )
    def test_the_total_is_what_the_buyer_paid(
        self, country, pack_size, units, price, taxes, rounding_method, channel,
    ):
        self.company.tax_calculation_rounding_method = rounding_method
        self.bowl.taxes_id = self.taxes.browse(self.taxes.ids[number] for number in sorted(taxes))
        self.offers[country].pack_size = pack_size
        unit = 1 if country == 'JP' else 0.01
        order = self.seller.place_order(
            country, channel, [Item('ANY', f'{price * unit:.2f}', units)],
            status='SHIPPED' if channel == 'FBA' else 'UNSHIPPED',
        )
        self.sync()
        sale_order = self.get_sale_order(order)
        line = self.get_lines(sale_order)
        self.assertEqual(line.product_uom_qty, units * pack_size)
        self.assertEqual(line.qty_delivered, units * pack_size if channel == 'FBA' else 0)
        self.assertEqual(
            sale_order.currency_id.compare_amounts(
                sale_order.amount_total, float(order.grand_total),
            ), 0,
        )
        self.assertFalse(sale_order.amazon_unexplained_amount)
        rounding = self.get_lines(sale_order, 'rounding').price_total
        self.assertLessEqual(round(abs(rounding) / unit), max(1, (1 + len(taxes)) // 2))
        invoice = sale_order._create_invoices()
        self.assertEqual(
            sale_order.currency_id.compare_amounts(invoice.amount_total, sale_order.amount_total),
            0,
        )

    @examples(12)
    @given(
        st.integers(1, 5), st.integers(1, 4),
        st.lists(st.tuples(st.integers(1, 7), st.integers(0, 4)), max_size=3),
    )
    def test_amazon_is_told_what_has_left(self, pack_size, units, deliveries):
        self.offers['DE'].pack_size = pack_size
        order = self.order(Item('ANY', '10.00', units))
        line = self.get_lines(self.get_sale_order(order))
        rest = pack_size * units
        for pieces, packed in [*deliveries, (rest, 0)]:
            pieces = min(pieces, rest)
            if not pieces:
                break
            picking = self.get_open_delivery(order)
            self.pick(picking, {'BOWL': pieces})
            if 0 < packed < pieces:
                self.pack(picking, {'BOWL': packed})
            rest -= pieces
            self.fill_in(picking, f'T{rest}')
            self.validate(picking)
            self.send()
            self.assertEqual(line.qty_delivered, pack_size * units - rest)
            self.assertEqual(
                sum(sum(package.quantities.values()) for package in order.packages),
                line.qty_delivered // pack_size,
            )
            self.sync()
            self.assertFalse(line.order_id.activity_ids)
        self.assertEqual(order.status, 'SHIPPED')


@tagged('post_install', '-at_install')
class TestPacksOfKits(ProcessCase):
    """A pack may be of kits."""

    def test_they_are_delivered_and_told_when_their_parts_make_whole_packs(self):
        self.run_odoo('-i', 'sale_mrp', '--stop-after-init')
        self.play('ship_packs_of_kits')
        matched, stood_in = self.simulator.seller.orders.values()
        for order, expected in (
            (matched, {'PART 1': 1, 'PART 2': 1}),
            (stood_in, {'PART 2': 2}),
        ):
            self.assertEqual(
                {package.tracking: sum(package.quantities.values()) for package in order.packages},
                expected,
            )
            self.assertEqual(order.status, 'SHIPPED')
        self.assertEqual(
            self.query("""
                SELECT sl.product_uom_qty, sl.qty_delivered, SUM(m.quantity)
                  FROM sale_order_line sl
                  JOIN stock_move m ON m.sale_line_id = sl.id AND m.state != 'cancel'
                  JOIN product_product p ON p.id = m.product_id AND p.default_code = 'PLATE'
              GROUP BY sl.id
            """),
            [(4, 4, 8), (4, 4, 8)],
        )
