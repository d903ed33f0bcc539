import json
from datetime import timedelta
from fractions import Fraction

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import BaseCase, Form, tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.amazon.orders import parse_summary
from odoo.addons.amazon_connector.simulator import Item

from .common import ProcessCase, ShippingCase

STEPS = ('receive', 'adjust', 'sell', 'reserve', 'deliver', 'return_goods', 'pend', 'release')


class OfferedCase(ShippingCase):
    """FBM offers of what lies in a warehouse."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany = cls.env.ref('amazon_connector.marketplace_de')
        cls.stock = cls.warehouse.lot_stock_id
        cls.vase = cls.create_product('VASE')
        cls.offer = cls.create_offer(cls.vase)

    @classmethod
    def create_offer(cls, product, sku=None, **values):
        return cls.env['amazon.offer'].create({
            'account_id': cls.account.id,
            'marketplace_id': cls.germany.id,
            'sku': sku or product.default_code,
            'product_id': product.id,
            'channel': 'fbm',
            **values,
        })

    def get_offered(self, offer=None):
        offer = offer or self.offer
        return offer._get_offered_quantities()[offer]

    def assertOffered(self, quantity, offer=None):
        offer = offer or self.offer
        self.assertEqual(self.get_offered(offer), quantity)
        offer.invalidate_recordset()
        self.assertEqual(
            (offer.offered_quantity, offer.is_offered), (quantity or 0, quantity is not None),
        )

    def place(self, quantity=1, sku='VASE', status='PENDING', **details):
        """Let a buyer order vases, and fetch the order."""
        order = self.seller.place_order('DE', 'FBM', [Item(sku, '9.00', quantity)], status=status,
                                        **details)
        self.sync()
        return order

    def sell(self, quantity=1, product=None):
        """Sell vases to somebody who does not buy on Amazon."""
        sale_order = self.env['sale.order'].create({
            'partner_id': self.env['res.partner'].create({'name': "Walter"}).id,
            'warehouse_id': self.warehouse.id,
            'order_line': [Command.create({
                'product_id': (product or self.vase).id, 'product_uom_qty': quantity,
            })],
        })
        sale_order.action_confirm()
        return sale_order


@tagged('post_install', '-at_install')
class TestOfferedQuantity(OfferedCase):
    """What an offer offers: what is free, and nobody else gets."""

    # === WHAT IS FREE === #

    def test_on_hand_less_reserved(self):
        self.assertOffered(0)
        self.put_in_stock(self.vase, 10, self.stock)
        self.assertOffered(10)
        sale_order = self.sell(3)
        self.assertOffered(7)
        sale_order.picking_ids.button_validate()
        self.assertOffered(7)

    def test_never_below_zero(self):
        self.put_in_stock(self.vase, -5, self.stock)
        self.assertOffered(0)

    def test_the_warehouses_of_the_account_count(self):
        other = self.env['stock.warehouse'].create({'name': "South", 'code': 'SOUTH'})
        self.put_in_stock(self.vase, 10, self.stock)
        self.put_in_stock(self.vase, 5, other.lot_stock_id)
        self.assertOffered(10)
        self.account.stock_warehouse_ids = self.warehouse | other
        self.assertOffered(15)
        self.account.stock_warehouse_ids = other
        self.assertOffered(5)
        self.account.stock_warehouse_ids = False
        self.account.warehouse_id = other
        self.assertOffered(5)

    def test_what_lies_at_amazon_is_not_offered(self):
        self.account.location_id = self.env['stock.location'].create({
            'name': "At Amazon", 'location_id': self.stock.id, 'usage': 'internal',
        })
        self.put_in_stock(self.vase, 10, self.stock)
        self.put_in_stock(self.vase, 4, self.account.location_id)
        self.assertOffered(10)

    # === WHAT AMAZON'S BUYERS GET === #

    def test_a_pending_order_takes_its_units_once(self):
        self.put_in_stock(self.vase, 10, self.stock)
        order = self.place(3)
        self.assertEqual(self.get_inbox(order).open_quantities, {'VASE': 3})
        self.assertFalse(self.get_sale_order(order))
        self.assertOffered(7)
        self.seller.pay(order)
        self.sync()
        self.assertTrue(self.get_sale_order(order))
        self.assertOffered(7)
        self.deliver(order)
        self.assertOffered(7)

    def test_a_pending_order_that_is_cancelled_gives_them_back(self):
        self.put_in_stock(self.vase, 10, self.stock)
        order = self.place(3)
        self.seller.cancel(order)
        self.sync()
        self.assertFalse(self.get_inbox(order).open_quantities)
        self.assertOffered(10)

    def test_an_order_that_can_not_be_imported_takes_them(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.account.only_matched_products = True
        order = self.seller.place_order('DE', 'FBM', [Item('VASE', '9', 2), Item('ODD', '9')])
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.assertOffered(8)

    def test_what_came_in_before_this_was_counted_is_read_from_what_is_stored(self):
        self.put_in_stock(self.vase, 10, self.stock)
        inbox = self.get_inbox(self.place(3))
        bought_at = inbox.bought_at
        self.assertTrue(bought_at)
        inbox.write({'open_quantities': False, 'bought_at': False})
        self.assertOffered(10)
        self.env['amazon.order']._read_open_quantities()
        self.assertEqual(inbox.bought_at, bought_at)
        self.assertOffered(7)

    def test_an_fba_order_takes_nothing(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.seller.place_order('DE', 'FBA', [Item('VASE', '9', 2)], status='PENDING')
        self.sync()
        self.assertOffered(10)

    def test_an_order_whose_status_is_not_known_takes_them(self):
        self.put_in_stock(self.vase, 10, self.stock)
        inbox = self.get_inbox(self.place(2))
        inbox.write({
            'amazon_status': False, 'channel': False, 'to_complete': True, 'state': 'to_do',
        })
        self.assertOffered(8)
        self.offer.channel = 'fba'
        twin = self.create_offer(self.vase, 'TWIN')
        self.assertOffered(10, twin)

    def test_an_order_without_sku_takes_them_by_asin(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.offer.asin = 'B000000001'
        self.create_offer(self.vase, 'FBA', asin='B000000001', channel='fba')
        self.get_inbox(self.place(2)).open_quantities = {'B000000001': 2}
        self.assertOffered(8)

    def test_an_order_from_before_the_cut_over_takes_nothing(self):
        self.put_in_stock(self.vase, 10, self.stock)
        now = self.simulator.clock.now()
        self.place(2, placed_at=now - timedelta(hours=2), updated_at=now)
        self.assertOffered(8)
        self.account.cut_over = (now - timedelta(hours=1)).replace(tzinfo=None, microsecond=0)
        self.assertOffered(10)

    def test_an_imported_order_that_has_reserved_nothing_takes_them(self):
        self.warehouse.out_type_id.reservation_method = 'manual'
        self.put_in_stock(self.vase, 10, self.stock)
        order = self.place(3, status='UNSHIPPED')
        delivery = self.get_open_delivery(order)
        self.assertEqual(delivery.move_ids.quantity, 0)
        self.assertOffered(7)
        delivery.action_assign()
        self.assertEqual(delivery.move_ids.quantity, 3)
        self.assertOffered(7)
        delivery.do_unreserve()
        self.cancel_order(order)
        self.assertOffered(10)

    def test_an_imported_order_that_is_short_takes_what_comes(self):
        order = self.place(3, status='UNSHIPPED')
        self.put_in_stock(self.vase, 5, self.stock)
        self.assertOffered(2)
        self.get_open_delivery(order).action_assign()
        self.assertOffered(2)

    def test_in_several_steps_it_is_counted_once(self):
        self.warehouse.delivery_steps = 'pick_ship'
        self.warehouse.pick_type_id.reservation_method = 'manual'
        self.put_in_stock(self.vase, 10, self.stock)
        order = self.place(3, status='UNSHIPPED')
        self.assertOffered(7)
        self.get_sale_order(order).picking_ids.filtered(
            lambda picking: picking.state == 'confirmed',
        ).action_assign()
        self.assertOffered(7)

    def test_orders_of_another_account_that_ships_from_there_count(self):
        self.put_in_stock(self.vase, 10, self.stock)
        other = self.create_account(name="Second", connection_id=self.account.connection_id.id)
        self.place(2)
        twin = self.create_offer(self.vase, 'TWIN', account_id=other.id)
        self.assertOffered(8, twin)
        self.account.warehouse_id = self.env['stock.warehouse'].create(
            {'name': "South", 'code': 'SOUTH'},
        )
        self.assertOffered(10, twin)

    # === WHAT THE SELLER WANTS === #

    def test_the_buffer_of_the_account_or_of_the_offer(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.account.stock_buffer = 3
        self.assertOffered(7)
        self.offer.stock_buffer = 1
        self.assertTrue(self.offer.has_own_buffer)
        self.assertOffered(9)
        self.offer.stock_buffer = 11
        self.assertOffered(0)
        self.offer.has_own_buffer = False
        self.assertEqual(self.offer.stock_buffer, 3)
        self.assertOffered(7)

    def test_the_ratio_is_exact(self):
        for free, ratio, offered in (
            (30, 10, 3), (10, 70, 7), (3, 33.33, 0), (3, 33.34, 1), (100, 29, 29), (7, 0, 0),
            (1000, 0.1, 1), (29, 100, 29),
        ):
            with self.subTest(free=free, ratio=ratio):
                self.account.stock_ratio = ratio
                self.offer.product_id = vase = self.create_product(f'{free} {ratio}')
                self.put_in_stock(vase, free, self.stock)
                self.assertOffered(offered)

    def test_buffer_then_ratio_then_pack_size(self):
        self.put_in_stock(self.vase, 27, self.stock)
        self.account.write({'stock_buffer': 2, 'stock_ratio': 80})
        self.offer.pack_size = 6
        self.assertOffered(3)

    def test_pack_sizes_count_for_what_is_ordered_too(self):
        self.put_in_stock(self.vase, 10, self.stock)
        pack = self.create_offer(self.vase, 'PACK', pack_size=3)
        self.assertOffered(3, pack)
        self.place(2, 'PACK')
        self.assertOffered(4)
        self.assertOffered(1, pack)

    def test_fractions_of_pieces_are_not_offered(self):
        self.put_in_stock(self.vase, 2.99, self.stock)
        self.assertOffered(2)

    def test_the_cap(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.offer.stock_cap = 4
        self.assertOffered(4)
        self.offer.stock_cap = 11
        self.assertOffered(10)

    def test_settings_that_make_no_sense_are_refused(self):
        for record, name, value in (
            (self.account, 'stock_ratio', 101), (self.account, 'stock_ratio', -1),
            (self.account, 'stock_buffer', -1), (self.offer, 'stock_cap', -1),
            (self.offer, 'stock_buffer', -1),
        ):
            with self.subTest(name=name, value=value), self.assertRaisesRegex(
                ValidationError, "enter",
            ), self.env.cr.savepoint():
                record[name] = value

    def test_a_warehouse_of_another_company_is_refused(self):
        other = self.create_company("Other")
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', other.id)])
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.account.stock_warehouse_ids = warehouse

    # === WHAT IS LEFT ALONE === #

    def test_what_amazon_ships_or_nobody_knows_is_left_alone(self):
        self.put_in_stock(self.vase, 10, self.stock)
        for channel in ('fba', 'both', False):
            self.offer.channel = channel
            self.assertOffered(None)
        self.offer.channel = 'fbm'
        self.offer.is_gone = True
        self.assertOffered(None)

    def test_what_has_no_stock_is_left_alone(self):
        for values in ({'is_storable': False}, {'is_storable': False, 'type': 'service'}):
            self.vase.write(values)
            self.assertOffered(None)

    def test_what_has_no_product_is_left_alone_unless_the_account_wants_zero(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.vase.active = False
        self.assertOffered(None)
        unmatched = self.create_offer(self.env['product.product'], 'UNMATCHED')
        self.assertOffered(None, unmatched)
        self.account.zero_unmatched = True
        self.assertOffered(0)
        self.assertOffered(0, unmatched)
        self.vase.active = True
        self.assertOffered(10)

    # === WHO MAY === #

    def test_an_amazon_user_sees_it_and_changes_nothing(self):
        self.put_in_stock(self.vase, 10, self.stock)
        offer = self.offer.with_user(
            self.create_user('uma', 'amazon_connector.group_amazon_user'),
        )
        self.assertEqual(offer.offered_quantity, 10)
        self.assertIn("Offered", offer.quantity_explanation)
        for name in ('stock_buffer', 'stock_cap', 'has_own_buffer', 'own_stock_buffer'):
            with self.subTest(name), self.assertRaises(AccessError):
                offer[name] = 1

    # === HOW MUCH WORK IT IS === #

    def test_a_thousand_offers_take_as_many_statements_as_one(self):
        self.put_in_stock(self.vase, 10, self.stock)
        self.place(3)
        products = self.env['product.product'].create([
            {'name': f'P{number}', 'is_storable': True} for number in range(1000)
        ])
        offers = self.offer | self.env['amazon.offer'].create([
            {
                'account_id': self.account.id, 'marketplace_id': self.germany.id,
                'sku': f'S{product.id}', 'product_id': product.id, 'channel': 'fbm',
            }
            for product in products
        ])
        counts = []
        for part in (self.offer, offers):
            self.env.invalidate_all(flush=True)
            before = self.env.cr.sql_log_count
            self.assertEqual(part._get_offered_quantities()[self.offer], 7)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[0], 30)
        self.assertLessEqual(counts[1], counts[0] + 3)


@tagged('post_install', '-at_install')
class TestWhyThisQuantity(OfferedCase):
    """The sum, line by line."""

    def explain(self, offer=None):
        action = (offer or self.offer).action_explain_quantity()
        self.assertEqual(action['target'], 'new')
        form = self.env[action['res_model']].browse(action['res_id']).with_context(lang='en_US')
        return ' '.join(html2plaintext(form.quantity_explanation).split())

    def test_the_whole_sum(self):
        self.put_in_stock(self.vase, 30, self.stock)
        self.sell(2)
        order = self.place(3)
        self.account.write({'stock_buffer': 5, 'stock_ratio': 50})
        self.offer.write({'pack_size': 2, 'stock_cap': 3})
        text = self.explain()
        for line in (
            f"On hand: {self.warehouse.name} 30", f"Reserved: {self.warehouse.name} - 2",
            "- 6", "Free 22", "(of the account) - 5", "× 50 %", "To offer, in pieces 8.50",
            "÷ 2", "Offer at most 3", "Offered, in whole units 3",
        ):
            self.assertIn(line, text)
        html = self.offer.quantity_explanation
        self.assertIn(f'/odoo/amazon.order/{self.get_inbox(order).id}', html)
        self.assertIn(order.order_id, html)

    def test_what_a_delivery_waits_for_is_linked(self):
        self.warehouse.out_type_id.reservation_method = 'manual'
        self.put_in_stock(self.vase, 30, self.stock)
        delivery = self.get_open_delivery(self.place(3, status='UNSHIPPED'))
        self.explain()
        self.assertIn(f'/odoo/stock.picking/{delivery.id}', self.offer.quantity_explanation)

    def test_why_it_is_left_alone(self):
        for values, words in (
            ({'channel': 'fba'}, "Amazon ships it"), ({'channel': 'both'}, "ships it too"),
            ({'channel': False}, "Import Listings"), ({'is_gone': True}, "not listed"),
            ({'product_id': False}, "choose its product"),
        ):
            with self.subTest(words):
                offer = self.create_offer(self.vase, f'SKU {words}')
                offer.write(values)
                self.assertIn(words, self.explain(offer))
        self.vase.is_storable = False
        self.assertIn("Track Inventory", self.explain())
        self.account.zero_unmatched = True
        self.offer.product_id = False
        self.assertIn("Nothing is offered", self.explain())

    def test_names_are_no_markup(self):
        self.warehouse.name = '<b>x</b>'
        self.put_in_stock(self.vase, 1, self.stock)
        self.assertNotIn('<b>x', self.offer.quantity_explanation)

    def test_the_form_shows_it(self):
        self.put_in_stock(self.vase, 10, self.stock)
        with Form(self.offer) as form:
            self.assertEqual(form.offered_quantity, 10)
            form.has_own_buffer = True
            form.stock_buffer = 4
        self.assertEqual((self.offer.has_own_buffer, self.offer.stock_buffer), (True, 4))
        self.assertOffered(6)


@tagged('post_install', '-at_install')
class TestStockChanges(OfferedCase):
    """Whatever can change what is offered leaves a mark, and nothing else does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.stock_push = 'preview'
        cls.put_in_stock(cls.vase, 10, cls.stock)
        cls.other = cls.create_offer(cls.mug)

    def setUp(self):
        super().setUp()
        self.take()

    def take(self, accounts=None, limit=1000):
        """Take the marks as the cron does, and return their offers."""
        self.env.cr.flush()
        return self.env['amazon.stock.change']._take_offers(accounts or self.account, limit)

    def count_marks(self):
        self.env.cr.flush()
        return self.env['amazon.stock.change'].search_count([])

    def assertMarked(self, offers, act):
        """Check which offers are marked after something has been done."""
        act()
        self.assertEqual(self.take(), offers)
        self.assertFalse(self.take())

    def test_goods_that_come_go_or_are_reserved(self):
        self.assertMarked(self.offer, lambda: self.put_in_stock(self.vase, 1, self.stock))
        orders = []
        self.assertMarked(self.offer, lambda: orders.append(self.sell(2)))
        self.assertMarked(self.offer, lambda: orders[0].picking_ids.do_unreserve())
        orders[0].picking_ids.action_assign()
        self.take()
        self.assertMarked(self.offer, lambda: orders[0].picking_ids.button_validate())
        quant = self.vase.stock_quant_ids.filtered(lambda q: q.location_id == self.stock)

        def adjust():
            quant.with_context(inventory_mode=True).inventory_quantity = 3
            quant.action_apply_inventory()

        self.assertMarked(self.offer, adjust)
        self.assertOffered(3)

    def test_many_changes_of_a_product_leave_one_mark_and_wake_the_cron(self):
        triggers = len(self.get_triggers('send_stock'))
        for _time in range(5):
            self.put_in_stock(self.vase, 1, self.stock)
        self.assertEqual(self.count_marks(), 1)
        self.assertEqual(len(self.get_triggers('send_stock')), triggers + 1)

    def test_what_nobody_offers_leaves_none_and_costs_one_statement(self):
        self.put_in_stock(self.bowl, 1, self.stock)
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        self.env.cr.flush()
        self.assertEqual(self.env.cr.sql_log_count - before, 1)
        self.assertFalse(self.count_marks())

    def test_nothing_is_marked_while_it_is_off(self):
        self.account.stock_push = 'off'
        self.put_in_stock(self.vase, 1, self.stock)
        self.offer.stock_cap = 3
        self.account.stock_buffer = 3
        self.place(2)
        self.assertFalse(self.count_marks())

    def test_orders_that_come_change_and_vanish(self):
        orders = []
        self.assertMarked(self.offer, lambda: orders.append(self.place(2)))
        self.seller.pay(orders[0])
        self.assertMarked(self.offer, self.sync)
        second = self.place(2)
        self.take()
        self.seller.cancel(second)
        self.assertMarked(self.offer, self.sync)

    def test_a_delivery_that_wants_less(self):
        self.warehouse.out_type_id.reservation_method = 'manual'
        order = self.place(3, status='UNSHIPPED')
        self.take()
        self.assertMarked(self.offer, lambda: self.get_open_delivery(order).action_cancel())

    def test_the_product(self):
        self.assertMarked(self.offer, lambda: self.vase.write({'active': False}))
        self.assertMarked(self.offer, lambda: self.vase.write({'active': True}))
        self.assertMarked(
            self.offer, lambda: self.vase.product_tmpl_id.write({'is_storable': False}),
        )

    def test_the_offer(self):
        for values in (
            {'stock_cap': 3}, {'stock_buffer': 2}, {'has_own_buffer': False}, {'is_gone': True},
            {'channel': 'fba'}, {'pack_size': 2},
        ):
            with self.subTest(values):
                self.assertMarked(self.offer, lambda values=values: self.offer.write(values))
        self.assertMarked(self.env['amazon.offer'], lambda: self.offer.write({'title': "A"}))

    def test_another_match_concerns_the_offers_of_both_products(self):
        twin = self.create_offer(self.vase, 'TWIN')
        self.take()
        self.assertMarked(
            self.offer | twin | self.other, lambda: self.offer.write({'product_id': self.mug.id}),
        )

    def test_a_setting_leaves_one_mark_for_all_offers(self):
        all_offers = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        for values in (
            {'stock_buffer': 1}, {'stock_ratio': 50}, {'zero_unmatched': True},
            {'stock_warehouse_ids': self.warehouse.ids}, {'cut_over': '2020-01-01 00:00:00'},
        ):
            with self.subTest(values):
                self.account.write(values)
                self.assertEqual(self.count_marks(), 1)
                self.assertEqual(self.take(), all_offers)

    def test_goods_that_leave_with_their_location(self):
        shelf = self.env['stock.location'].create({
            'name': "Shelf", 'location_id': self.stock.id, 'usage': 'internal',
        })
        self.put_in_stock(self.vase, 5, shelf)
        self.assertOffered(15)
        self.take()
        shelf.location_id = self.account.location_id
        self.assertIn(self.offer, self.take())
        self.assertOffered(10)

    def test_each_account_takes_its_own(self):
        other = self.create_account(name="Second", stock_push='on')
        other._start()
        twin = self.create_offer(self.vase, 'TWIN', account_id=other.id)
        self.take(self.account | other)
        self.put_in_stock(self.vase, 1, self.stock)
        self.assertEqual(self.take(), self.offer)
        self.assertEqual(self.take(other), twin)

    def test_they_are_taken_in_parts_the_oldest_first(self):
        self.put_in_stock(self.vase, 1, self.stock)
        self.env.cr.flush()
        self.put_in_stock(self.mug, 1, self.stock)
        self.assertEqual(self.take(limit=1), self.offer)
        self.assertTrue(self.env['amazon.stock.change']._has_marks(self.account))
        self.assertEqual(self.take(limit=1), self.other)
        self.assertFalse(self.env['amazon.stock.change']._has_marks(self.account))

    def test_finding_what_changed_takes_as_many_statements_however_many_did_not(self):
        counts = []
        for extra in (0, 300):
            self.env['amazon.offer'].create([
                {
                    'account_id': self.account.id, 'marketplace_id': self.germany.id,
                    'sku': f'S{number}', 'channel': 'fbm',
                }
                for number in range(extra)
            ])
            self.take()
            self.put_in_stock(self.vase, 1, self.stock)
            self.env.cr.flush()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.take().ids, self.offer.ids)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)

    def test_nobody_reads_or_writes_them(self):
        admin = self.create_user('adam', 'amazon_connector.group_amazon_admin')
        with self.assertRaises(AccessError):
            self.env['amazon.stock.change'].with_user(admin).search([])

    def test_a_warehouse_worker_without_rights_on_amazon_leaves_one(self):
        worker = self.create_user('stan', 'stock.group_stock_user')
        delivery = self.sell(2).picking_ids
        self.take()
        self.assertMarked(
            self.offer, lambda: delivery.with_user(worker).button_validate(),
        )


@tagged('post_install', '-at_install')
class TestNeverMoreThanFree(OfferedCase):
    """Whatever happens, in whatever order, no more is offered than nobody else gets."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.stock_push = 'preview'
        cls.pack = cls.create_offer(cls.vase, 'PACK')
        cls.pending = []

    @settings(
        max_examples=12, deadline=None, derandomize=True, database=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )
    @given(
        st.integers(1, 5), st.integers(0, 3), st.integers(1, 100),
        st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 9)), min_size=4, max_size=10),
    )
    def test_random_days(self, pack_size, buffer, ratio, steps):
        if not self.pending:
            self.pack.pack_size = pack_size
        self.account.write({'stock_buffer': buffer, 'stock_ratio': ratio})
        known = self.read_offered()
        for step, quantity in steps:
            self.env.cr.flush()
            self.env['amazon.stock.change']._take_offers(self.account, 1000)
            getattr(self, f'do_{step}')(quantity)
            self.env.invalidate_all(flush=True)
            offered = self.read_offered()
            self.check_offered(offered, buffer, ratio)
            self.env.cr.flush()
            marked = self.env['amazon.stock.change']._take_offers(self.account, 1000)
            changed = {offer for offer in offered if offered[offer] != known[offer]}
            self.assertLessEqual(changed, set(marked), step)
            known = offered

    def read_offered(self):
        return (self.offer | self.pack)._get_offered_quantities()

    def check_offered(self, offered, buffer, ratio):
        """Compare with what Odoo says is free, and with what Amazon says is ordered."""
        free = self.vase.with_context(warehouse_id=self.warehouse.id).free_qty
        ordered = sum(
            item.quantity * (self.pack.pack_size if item.sku == 'PACK' else 1)
            for order in self.pending for item in order.items
        )
        moves = self.env['stock.move'].search([
            ('product_id', '=', self.vase.id),
            ('sale_line_id.order_id.amazon_order_ref', '!=', False),
            ('state', 'in', ('confirmed', 'partially_available')),
        ])
        wanted = sum(moves.mapped('product_uom_qty')) - sum(moves.mapped('quantity'))
        left = max(Fraction(free - ordered - wanted) - buffer, 0) * ratio / 100
        self.assertEqual(offered[self.offer], left // 1)
        self.assertEqual(offered[self.pack], left // self.pack.pack_size)
        self.assertLessEqual(
            offered[self.pack] * self.pack.pack_size, max(free - ordered - wanted, 0),
        )

    def do_receive(self, quantity):
        self.put_in_stock(self.vase, 3 * quantity, self.stock)

    def do_adjust(self, quantity):
        quant = self.env['stock.quant'].with_context(inventory_mode=True).create({
            'product_id': self.vase.id, 'location_id': self.stock.id,
            'inventory_quantity': 4 * quantity,
        })
        quant.action_apply_inventory()

    def do_sell(self, quantity):
        self.sell(quantity)

    def do_reserve(self, quantity):
        deliveries = self.find_deliveries()[:quantity]
        if quantity % 2:
            deliveries.do_unreserve()
        else:
            deliveries.action_assign()

    def do_deliver(self, quantity):
        for delivery in self.find_deliveries()[:1]:
            delivery.action_assign()
            if all(move.quantity == move.product_uom_qty for move in delivery.move_ids):
                self.fill_in(delivery)
                delivery.button_validate()

    def do_return_goods(self, quantity):
        for delivery in self.env['stock.picking'].search([
            ('picking_type_id', '=', self.warehouse.out_type_id.id), ('state', '=', 'done'),
            ('return_ids', '=', False),
        ], limit=1):
            wizard = self.env['stock.return.picking'].with_context(
                active_id=delivery.id, active_model='stock.picking',
            ).create({})
            wizard.product_return_moves.quantity = 1
            returned = wizard._create_return()
            returned.move_ids.quantity = 1
            returned.button_validate()

    def do_pend(self, quantity):
        self.pending.append(self.place(quantity, 'PACK' if quantity % 2 else 'VASE'))

    def do_release(self, _quantity):
        if self.pending:
            order = self.pending.pop(0)
            self.seller.pay(order)
            self.sync()
            self.assertTrue(self.get_sale_order(order))

    def find_deliveries(self):
        return self.env['stock.picking'].search([
            ('picking_type_id', '=', self.warehouse.out_type_id.id),
            ('state', 'in', ('confirmed', 'assigned')),
        ])


@tagged('post_install', '-at_install')
class TestOpenQuantities(BaseCase):
    """What is read of the units that are still to ship, of whatever Amazon sends."""

    def assertRead(self, quantities, items, status='UNSHIPPED'):
        payload = {'fulfillment': {'fulfillmentStatus': status}, 'orderItems': items}
        self.assertEqual(dict(parse_summary(payload).quantities), quantities)

    def item(self, sku='A', ordered=3, **fulfillment):
        return {
            'product': {'sellerSku': sku, 'asin': 'B0'}, 'quantityOrdered': ordered,
            'fulfillment': fulfillment,
        }

    def test_what_is_neither_shipped_nor_cancelled(self):
        self.assertRead({'A': 3}, [self.item()])
        self.assertRead({'A': 1}, [self.item(quantityFulfilled=1, quantityUnfulfilled=1)])
        self.assertRead({'A': 2}, [self.item(quantityFulfilled=1)])
        self.assertRead({}, [self.item(quantityFulfilled=3)])
        self.assertRead({'A': 6, 'C': 3}, [self.item(), self.item(), self.item('C')])
        self.assertRead({'A': 3}, [self.item(quantityUnfulfilled=0)], 'PENDING')
        for status in ('SHIPPED', 'CANCELLED'):
            self.assertRead({}, [self.item()], status)

    def test_whatever_else_is_sent(self):
        self.assertRead({'B0': 3}, [self.item(None)])
        self.assertRead({'A': 1}, [self.item(ordered='x')])
        self.assertRead({'A': 2}, [self.item(ordered='2')])
        self.assertRead({}, [None, {}, [], self.item(ordered=0)])
        for items in (None, {}, 'x', 3):
            self.assertRead({}, items)


@tagged('post_install', '-at_install')
class TestOfferedKits(ProcessCase):
    """Kits offer what their parts make; with real transactions, nobody waits for a mark."""

    def test_kits(self):
        self.run_odoo('-i', 'sale_mrp', '--stop-after-init')
        self.assertEqual(json.loads(self.play('offer_kits')), [])

    def test_who_moves_goods_waits_for_nobody(self):
        self.assertEqual(json.loads(self.play('mark_while_marks_are_taken')), ['MUG'])
