import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import (
    Item,
    Participation,
    SellerProfile,
)

from .common import AttackCase, ProcessCase
from .test_fba_inventory import InventoryCase


class DriftCase(InventoryCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug = cls.create_product('MUG')
        cls.manager = cls.create_user(
            'manfred', 'stock.group_stock_manager', 'amazon_connector.group_amazon_user',
        )

    def hold(self, amazon, odoo, product=None, lot=None, **quantities):
        """Let Amazon and Odoo have so much of a product, and read Amazon's."""
        product = product or self.mug
        if odoo:
            self.put_in_stock(product, odoo, self.location, lot=lot)
        self.seller.set_fba_stock(
            product.default_code, 'DE', fulfillable=amazon, **quantities,
        )
        self.read_stock()
        return self.get_drift(product)

    def adjust(self, rows):
        """Press Adjust Odoo as a stock manager."""
        res = rows.with_user(self.manager).action_adjust()
        self.env.invalidate_all()
        return res['params']['message']

    def get_quantity(self, product=None):
        self.env.invalidate_all()
        return (product or self.mug).with_context(location=self.location.id).qty_available


@tagged('post_install', '-at_install')
class TestDrift(DriftCase):
    """What Amazon has beside what the FBA location has, and why they differ."""

    def test_what_lies_there_is_compared(self):
        row = self.hold(
            10, 20, reserved_orders=2, defective=3, inbound_shipped=4, researching=1,
        )
        self.assertRecordValues(row, [{
            'account_id': self.account.id, 'amazon_quantity': 15, 'inbound_quantity': 4,
            'unfulfillable_quantity': 3, 'researching_quantity': 1, 'odoo_quantity': 20,
            'difference': -5, 'correction': -1, 'has_drift': True, 'hold_reason': False,
        }])
        self.assertTrue(row.counted_at)
        for reason in ("not received there yet: 4", "is looking for: 1", "not for sale.*: 3"):
            self.assertRegex(row.reasons, reason)

    def test_it_is_right_whenever_it_is_looked_at(self):
        row = self.hold(10, 10)
        self.assertFalse(row.has_drift)
        self.assertFalse(row.reasons)
        self.put_in_stock(self.mug, 3, self.location)
        self.assertTrue(self.get_drift(self.mug).has_drift)
        self.assertEqual(self.env['amazon.drift'].search([('has_drift', '=', True)]), row)
        self.assertEqual(self.account.drift_count, 1)
        self.put_in_stock(self.mug, -3, self.location)
        self.assertFalse(self.env['amazon.drift'].search([('has_drift', '=', True)]))
        self.assertEqual(self.env['amazon.drift'].search([('has_drift', '=', False)]), row)

    def test_packs_count_as_pieces(self):
        offer = self.env['amazon.offer'].create({
            'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'MUG',
            'product_id': self.mug.id, 'pack_size': 6,
        })
        self.assertEqual(self.hold(2, 12).difference, 0)
        offer.pack_size = 4
        self.assertEqual(self.get_drift(self.mug).difference, -4)

    def test_a_row_follows_the_match(self):
        row = self.hold(10, 0)
        vase = self.create_product('VASE')
        self.find_offer('MUG').with_user(self.manager).product_id = vase
        self.assertFalse(row.exists())
        self.assertEqual(self.get_drift(vase).amazon_quantity, 10)

    def test_rows_go_when_there_is_nothing_to_compare(self):
        row = self.hold(10, 0)
        self.seller.remove_fba_stock('MUG', 'DE')
        self.read_stock()
        self.assertEqual(row.amazon_quantity, 0)
        self.find_offer('MUG').sudo().is_gone = True
        self.read_stock()
        self.assertFalse(row.exists())

    def test_what_lies_in_odoo_only_stands_there_but_is_not_adjusted(self):
        bowl = self.create_product('BOWL')
        self.put_in_stock(bowl, 5, self.location)
        self.hold(1, 1)
        row = self.get_drift(bowl)
        self.assertEqual((row.difference, row.amazon_quantity), (-5, 0))
        self.assertIn("No offer that Amazon ships", row.reasons)
        with self.assertRaisesRegex(UserError, "Match it"):
            self.adjust(row)
        self.assertEqual(self.get_quantity(bowl), 5)

    def test_goods_under_skus_that_are_not_matched_are_a_reason(self):
        self.seller.set_fba_stock('MUG-2', 'DE', fulfillable=4, asin='B000000001')
        row = self.hold(10, 14, asin='B000000001')
        self.assertIn("not matched: 4", row.reasons)

    def test_orders_that_are_not_imported_yet_are_a_reason(self):
        row = self.hold(8, 10)
        moment = self.simulator.clock.now() - timedelta(hours=1)
        self.seller.place_order(
            'DE', 'FBA', [Item('MUG', '10.00', 2)], status='SHIPPED', placed_at=moment,
            updated_at=moment,
        )
        self.account.last_order_sync = fields.Datetime.now() - timedelta(hours=2)
        self.run_cron('fetch_orders')
        row.invalidate_recordset()
        self.assertIn("not imported yet: 2", row.reasons)
        with self.assertRaisesRegex(UserError, "Import them"):
            self.adjust(row)
        self.sync()
        self.assertFalse(self.get_drift(self.mug).has_drift)

    def test_orders_that_came_since_the_reading_are_no_error(self):
        row = self.hold(10, 10)
        self.let_pass(minutes=30)
        self.find_offer('MUG').sudo().fba_read_at -= timedelta(minutes=30)
        self.seller.place_order('DE', 'FBA', [Item('MUG', '10.00', 2)], status='SHIPPED')
        self.sync()
        self.assertRecordValues(self.get_drift(self.mug), [{
            'difference': 2, 'correction': 0, 'has_drift': False,
        }])
        self.assertIn("Left since Amazon was read, so no error: 2", row.reasons)
        self.adjust(row)
        self.assertEqual(self.get_quantity(), 8)
        self.seller.change_fba_stock('MUG', 'DE', fulfillable=-2)
        self.read_stock()
        self.assertEqual(self.get_drift(self.mug).difference, 0)

    def test_returns_may_be_a_reason(self):
        self.assertIn("Returned by buyers", self.hold(10, 7).reasons)


@tagged('post_install', '-at_install')
class TestSharedStock(DriftCase):
    """Stock that several marketplaces show is counted once."""

    PROFILE = SellerProfile(
        'A2PANEU', 'amzn1.application-oa2-client.paneu', 'secret', 'Atzr|paneu', "Pan-EU",
        tuple(Participation(code) for code in ('DE', 'FR', 'GB', 'US', 'CA')),
    )

    def setUp(self):
        super().setUp()
        self.account.active = False
        self.seller = self.simulator.add_seller(self.PROFILE)
        self.account = self.connect(self.create_account(self.PROFILE))
        self.location = self.account.location_id
        self.france, self.usa, self.canada = (
            self.env.ref(f'amazon_connector.marketplace_{code}') for code in ('fr', 'us', 'ca')
        )

    def test_of_the_european_union(self):
        row = self.hold(10, 10)
        offers = self.find_offer('MUG') | self.find_offer('MUG', self.france)
        self.assertEqual(offers.mapped('fba_fulfillable'), [10, 10])
        self.assertEqual((row.amazon_quantity, row.has_drift), (10, False))

    def test_but_not_of_britain(self):
        self.seller.set_fba_stock('MUG', 'GB', fulfillable=3)
        self.assertEqual(self.hold(10, 0).amazon_quantity, 13)

    def test_of_other_skus_for_the_same_goods(self):
        self.seller.set_fba_stock('MUG', 'DE', fulfillable=10, fn_sku='X001')
        self.env['amazon.offer'].create({
            'account_id': self.account.id, 'marketplace_id': self.france.id, 'sku': 'TASSE',
            'product_id': self.mug.id,
        }).sudo().write({
            'fba_fulfillable': 12, 'fn_sku': 'X001',
            'fba_read_at': fields.Datetime.now() - timedelta(days=3),
            'fba_changed_at': fields.Datetime.now() - timedelta(days=3),
        })
        self.account.synced_marketplace_ids -= self.france
        self.assertEqual(self.hold(10, 0).amazon_quantity, 10)

    def test_of_north_america_where_all_agrees(self):
        self.seller.share_fba_stock('CA', 'US')
        self.seller.set_fba_stock('MUG', 'US', fulfillable=5)
        self.read_stock()
        self.assertEqual(self.find_offer('MUG', self.canada).fba_fulfillable, 5)
        self.assertEqual(self.get_drift(self.mug).amazon_quantity, 5)

    def test_not_where_it_is_each_ones_own(self):
        self.seller.set_fba_stock('MUG', 'US', fulfillable=5)
        self.simulator.clock.advance(seconds=5)
        self.seller.set_fba_stock('MUG', 'CA', fulfillable=5)
        self.read_stock()
        self.assertEqual(self.get_drift(self.mug).amazon_quantity, 10)

    def test_what_one_marketplace_does_not_show_is_still_the_others(self):
        self.hold(10, 0)
        self.find_offer('MUG', self.france)._clear_fba_stock()
        self.env['amazon.drift']._compare(self.account)
        self.assertEqual(self.get_drift(self.mug).amazon_quantity, 10)

    def split(self, **values):
        """Let an account of its own have France."""
        self.account.synced_marketplace_ids -= self.france
        account = self.create_account(
            self.PROFILE, connection_id=self.account.connection_id.id,
            synced_marketplace_ids=self.france.ids, **values,
        )
        account._start()
        return account

    def test_accounts_of_one_location_are_one_row(self):
        self.split()
        row = self.hold(10, 10)
        self.assertRecordValues(row, [{
            'account_id': self.account.id, 'amazon_quantity': 10, 'has_drift': False,
        }])
        action = self.env['amazon.account'].search([], order='id desc', limit=1).action_open_drift()
        self.assertEqual(self.env['amazon.drift'].search(action['domain']), row)

    def test_stock_that_two_locations_count_is_not_adjusted(self):
        other = self.location.copy({'name': "France"})
        self.split(location_id=other.id)
        rows = self.hold(10, 7)
        self.assertEqual(len(rows), 2)
        for row in rows:
            with self.assertRaisesRegex(UserError, "counts the same stock"):
                self.adjust(row)


@tagged('post_install', '-at_install')
class TestAdjusting(DriftCase):
    """The FBA location is adjusted to what Amazon has, by Odoo's own inventory."""

    def assertAdjusted(self, product, quantity):
        self.assertEqual(self.get_quantity(product), quantity)
        row = self.get_drift(product)
        self.assertFalse(row.has_drift)
        self.assertTrue(row.adjusted_at)

    def get_inventory_moves(self, product):
        return self.env['stock.move'].search([
            ('product_id', '=', product.id), ('is_inventory', '=', True),
        ])

    def test_less_and_more_with_reason_and_date(self):
        for amazon, odoo in ((7, 10), (12, 0)):
            with self.subTest(amazon=amazon):
                self.assertIn("1 adjusted", self.adjust(self.hold(amazon, odoo)))
                self.assertAdjusted(self.mug, amazon)
        moves = self.get_inventory_moves(self.mug)
        self.assertEqual(sorted(moves.mapped('quantity')), [3, 5])
        for move in moves:
            self.assertRegex(move.reference, r"Amazon: counted at Amazon on \d")
            self.assertEqual(move.state, 'done')
            self.assertEqual(move.company_id, self.company)

    def test_what_is_on_its_way_is_not_adjusted(self):
        row = self.hold(7, 12, inbound_shipped=3, inbound_working=2)
        self.assertEqual((row.difference, row.has_drift), (-5, False))
        self.assertFalse(self.env['amazon.drift'].search([('has_drift', '=', True)]))
        self.assertIn("Nothing to adjust", self.adjust(row))
        self.assertEqual(self.get_quantity(), 12)

    def test_orders_that_were_not_fetched_are_waited_for(self):
        row = self.hold(7, 10)
        sync = self.get_sync(self.account)
        sync.write({'last_run': row.counted_at, 'cursor': row.counted_at - timedelta(hours=3)})
        self.env.invalidate_all()
        self.assertIn("orders were fetched until", row.hold_reason)
        with self.assertRaisesRegex(UserError, "Press Sync Orders first"):
            self.adjust(row)
        sync.cursor = row.counted_at - timedelta(minutes=5)
        self.env.invalidate_all()
        self.adjust(row)
        self.assertEqual(self.get_quantity(), 7)

    def test_twice_changes_nothing(self):
        row = self.hold(7, 10)
        self.adjust(row)
        self.assertIn("Nothing to adjust", self.adjust(row))
        self.assertEqual(len(self.get_inventory_moves(self.mug)), 1)
        self.assertEqual(self.get_quantity(), 7)

    def test_all_that_differs(self):
        bowl = self.create_product('BOWL')
        self.hold(7, 10)
        self.hold(3, 1, bowl)
        self.env['amazon.drift'].with_user(self.manager).action_adjust_all()
        self.assertAdjusted(self.mug, 7)
        self.assertAdjusted(bowl, 3)

    def create_lot(self, product, name):
        return self.env['stock.lot'].create({
            'name': name, 'product_id': product.id, 'company_id': self.company.id,
        })

    def test_lots_leave_by_the_removal_strategy(self):
        cheese = self.create_product('CHEESE', tracking='lot')
        old, young = (self.create_lot(cheese, name) for name in ('OLD', 'YOUNG'))
        now = fields.Datetime.now()
        self.put_in_stock(cheese, 5, self.location, lot=young, in_date=now)
        self.put_in_stock(cheese, 5, self.location, lot=old, in_date=now - timedelta(days=9))
        self.adjust(self.hold(3, 0, cheese))
        self.assertAdjusted(cheese, 3)
        self.assertEqual(self.env['stock.quant'].search([
            ('product_id', '=', cheese.id), ('location_id', '=', self.location.id),
            ('quantity', '>', 0),
        ]).lot_id, young)

    def test_what_there_is_more_of_is_of_no_lot(self):
        for tracking in ('lot', 'serial'):
            with self.subTest(tracking):
                product = self.create_product(tracking.upper(), tracking=tracking)
                lot = self.create_lot(product, 'KNOWN')
                self.adjust(self.hold(3, 1, product, lot=lot))
                self.assertAdjusted(product, 3)
                self.adjust(self.hold(5, 0, product))
                self.assertAdjusted(product, 5)
                self.adjust(self.hold(1, 0, product))
                self.assertAdjusted(product, 1)

    def test_serial_numbers_leave_one_by_one(self):
        phone = self.create_product('PHONE', tracking='serial')
        for number in range(4):
            self.put_in_stock(
                phone, 1, self.location, lot=self.create_lot(phone, f'S{number}'),
            )
        self.adjust(self.hold(1, 0, phone))
        self.assertAdjusted(phone, 1)

    def test_what_was_sold_without_stock_comes_back_first(self):
        self.put_in_stock(self.mug, -4, self.location)
        self.adjust(self.hold(3, 0))
        self.assertAdjusted(self.mug, 3)

    def test_what_is_in_locations_within_is_counted(self):
        shelf = self.env['stock.location'].create({
            'name': "Shelf", 'location_id': self.location.id, 'usage': 'internal',
        })
        self.put_in_stock(self.mug, 9, shelf)
        row = self.hold(5, 0)
        self.assertEqual(row.odoo_quantity, 9)
        self.adjust(row)
        self.assertAdjusted(self.mug, 5)

    def test_reserved_goods_are_taken_last(self):
        self.hold(10, 10)
        move = self.env['stock.move'].create({
            'product_id': self.mug.id, 'product_uom_qty': 6, 'company_id': self.company.id,
            'location_id': self.location.id,
            'location_dest_id': self.account.warehouse_id.lot_stock_id.id,
        })
        move._action_confirm()
        move._action_assign()
        self.adjust(self.hold(6, 0))
        self.assertAdjusted(self.mug, 6)
        self.assertEqual((move.state, move.quantity), ('assigned', 6))
        self.adjust(self.hold(4, 0))
        self.assertAdjusted(self.mug, 4)

    def test_never_to_figures_of_yesterday(self):
        row = self.hold(7, 10)
        self.let_pass(hours=25)
        self.find_offer('MUG').sudo().fba_read_at -= timedelta(hours=25)
        row.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "Press Read FBA Inventory"):
            self.adjust(row)
        self.assertEqual(self.get_quantity(), 10)
        self.read_stock()
        row.invalidate_recordset()
        self.adjust(row)
        self.assertAdjusted(self.mug, 7)

    def test_one_that_cannot_be_adjusted_stops_no_other(self):
        bowl = self.create_product('BOWL')
        self.put_in_stock(bowl, 5, self.location)
        row = self.hold(7, 10)
        message = self.adjust(row | self.get_drift(bowl))
        self.assertIn("1 adjusted", message)
        self.assertIn("Match it", message)
        self.assertEqual((self.get_quantity(), self.get_quantity(bowl)), (7, 5))

    # === BY ITSELF === #

    def let_the_night_come(self):
        """Let all be due, as on the next morning, and the cron read it."""
        self.let_pass(hours=30)
        self.account.drift_adjusted_at = self.account.drift_adjusted_at and (
            self.account.drift_adjusted_at - timedelta(hours=30)
        )
        self.finish()

    def get_notes(self):
        return ' '.join(
            html2plaintext(body or '') for body in self.account.message_ids.mapped('body')
        )

    def test_each_night_if_the_account_says_so(self):
        self.hold(7, 10)
        self.let_the_night_come()
        self.assertEqual(self.get_quantity(), 10)
        self.account.adjusts_drift = True
        self.let_the_night_come()
        self.assertAdjusted(self.mug, 7)
        self.assertIn("MUG", self.get_notes())
        self.assertIn("-3", self.get_notes())

    def test_only_once_a_night(self):
        self.account.adjusts_drift = True
        self.hold(7, 10)
        self.assertAdjusted(self.mug, 7)
        self.put_in_stock(self.mug, 1, self.location)
        self.read_stock()
        self.assertEqual(self.get_quantity(), 8)

    def test_only_what_was_read_everywhere(self):
        self.account.adjusts_drift = True
        self.account.connection_id.sudo().listed_refs = {
            **self.account.connection_id.sudo().listed_refs, 'refs': [self.germany.api_ref],
        }
        self.put_in_stock(self.mug, 10, self.location)
        self.seller.set_fba_stock('MUG', 'DE', fulfillable=7)
        self.press(self.account, 'action_read_fba_inventory')
        self.assertTrue(self.get_drift(self.mug).has_drift)
        self.assertEqual(self.get_quantity(), 10)

    def test_what_waits_for_orders_waits(self):
        bowl = self.create_product('BOWL')
        self.hold(8, 10)
        self.hold(2, 3, bowl)
        self.account.adjusts_drift = True
        self.seller.place_order('DE', 'FBA', [Item('MUG', '10.00', 2)], status='SHIPPED')
        self.run_cron('fetch_orders')
        self.let_the_night_come()
        self.assertEqual(self.get_quantity(), 10)
        self.assertEqual(self.get_quantity(bowl), 2)
        self.assertIn("FBA orders are not imported yet", self.get_notes())


@tagged('post_install', '-at_install')
class TestSendingGoods(DriftCase):
    """A transfer from the warehouse to the FBA location is proposed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.account.warehouse_id

    def sell(self, quantity):
        """Let Amazon ship mugs from the FBA location."""
        self.seller.place_order('DE', 'FBA', [Item('MUG', '10.00', quantity)], status='SHIPPED')
        self.sync()

    def open(self, records):
        action = records.with_user(self.manager).action_send_goods()
        return self.env[action['res_model']].with_user(self.manager).browse(action['res_id'])

    def test_what_was_sold_less_what_amazon_has(self):
        self.put_in_stock(self.mug, 100, self.warehouse.lot_stock_id)
        self.put_in_stock(self.mug, 30, self.location)
        self.sell(20)
        row = self.hold(7, 0, inbound_shipped=3)
        wizard = self.open(row)
        self.assertRecordValues(wizard.line_ids, [{
            'product_id': self.mug.id, 'amazon_quantity': 7, 'inbound_quantity': 3,
            'sold_quantity': 20, 'free_quantity': 100, 'quantity': 10,
        }])
        action = wizard.action_create_transfer()
        picking = self.env['stock.picking'].browse(action['res_id'])
        self.assertRecordValues(picking, [{
            'picking_type_id': self.warehouse.int_type_id.id, 'state': 'assigned',
            'location_id': self.warehouse.lot_stock_id.id, 'location_dest_id': self.location.id,
        }])
        self.assertEqual(picking.move_ids.quantity, 10)
        picking.button_validate()
        self.assertEqual(self.get_quantity(), 20)

    def test_no_more_than_is_free_and_in_whole_packs(self):
        self.put_in_stock(self.mug, 50, self.location)
        self.sell(40)
        self.hold(0, 0)
        self.find_offer('MUG').pack_size = 6
        self.put_in_stock(self.mug, 20, self.warehouse.lot_stock_id)
        self.assertEqual(self.open(self.find_offer('MUG')).line_ids.quantity, 18)
        self.put_in_stock(self.mug, 80, self.warehouse.lot_stock_id)
        self.assertEqual(self.open(self.get_drift(self.mug)).line_ids.quantity, 42)

    def test_nothing_to_send_is_said(self):
        wizard = self.open(self.hold(10, 10))
        self.assertEqual(wizard.line_ids.quantity, 0)
        with self.assertRaisesRegex(UserError, "enter how much"):
            wizard.action_create_transfer()
        with self.assertRaisesRegex(UserError, "Track Inventory"):
            self.find_offer('MUG').product_id = False
            self.open(self.find_offer('MUG'))

    def test_reordering_rules_at_the_location_work(self):
        self.put_in_stock(self.mug, 2, self.location)
        route = self.env['stock.route'].create({
            'name': "To Amazon", 'product_selectable': True, 'company_id': self.company.id,
            'rule_ids': [(0, 0, {
                'name': "To Amazon", 'action': 'pull', 'procure_method': 'make_to_stock',
                'picking_type_id': self.warehouse.int_type_id.id, 'company_id': self.company.id,
                'location_src_id': self.warehouse.lot_stock_id.id,
                'location_dest_id': self.location.id, 'location_dest_from_rule': True,
            })],
        })
        self.mug.route_ids += route
        orderpoint = self.env['stock.warehouse.orderpoint'].create({
            'product_id': self.mug.id, 'location_id': self.location.id,
            'warehouse_id': self.warehouse.id, 'product_min_qty': 5, 'product_max_qty': 12,
            'company_id': self.company.id,
        })
        self.adjust(self.hold(1, 0))
        orderpoint.invalidate_recordset()
        self.assertEqual(orderpoint.qty_to_order, 11)
        orderpoint.action_replenish()
        move = self.env['stock.move'].search([
            ('product_id', '=', self.mug.id), ('location_dest_id', '=', self.location.id),
            ('state', '!=', 'done'),
        ])
        self.assertEqual(
            (move.location_id, move.product_uom_qty), (self.warehouse.lot_stock_id, 11),
        )


@tagged('post_install', '-at_install')
class TestDriftAttacks(AttackCase, DriftCase):
    """Who may see the comparison, and who may adjust."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.create_user('ursula', 'amazon_connector.group_amazon_user')
        cls.admin = cls.create_user('ada', 'amazon_connector.group_amazon_admin')
        cls.warehouseman = cls.create_user('willi', 'stock.group_stock_user')
        cls.salesman = cls.create_user('sami', 'sales_team.group_sale_salesman')
        cls.foreigner = cls.create_user(
            'franz', 'stock.group_stock_manager', 'amazon_connector.group_amazon_admin',
            company=cls.create_company("Südwind GmbH"),
        )

    def test_only_stock_managers_adjust(self):
        row = self.hold(7, 10)
        for user in (self.user, self.admin, self.warehouseman, self.salesman, self.foreigner):
            for method, arguments in (('action_adjust', [row.ids]), ('action_adjust_all', [[]])):
                with self.subTest(user=user.login, method=method):
                    if (user, method) == (self.foreigner, 'action_adjust_all'):
                        self.rpc(user, 'amazon.drift', method, *arguments)
                    else:
                        self.assertDenied(user, 'amazon.drift', method, *arguments)
        self.assertEqual(self.get_quantity(), 10)
        self.rpc(self.manager, 'amazon.drift', 'action_adjust', row.ids)
        self.assertEqual(self.get_quantity(), 7)

    def test_nobody_writes_what_amazon_has(self):
        row = self.hold(7, 10)
        for user in (self.manager, self.admin, self.warehouseman):
            self.assertDenied(
                user, 'amazon.drift', 'write', row.ids, {'amazon_quantity': 0},
            )
        offer = self.find_offer('MUG')
        for user in (self.manager, self.admin):
            self.assertDenied(user, 'amazon.offer', 'write', offer.ids, {'fba_fulfillable': 0})
        self.assertEqual((row.amazon_quantity, offer.fba_fulfillable), (7, 7))

    def test_who_sees_it(self):
        row = self.hold(7, 10)
        for user in (self.user, self.warehouseman):
            [values] = self.rpc(user, 'amazon.drift', 'read', row.ids, [
                'difference', 'reasons', 'hold_reason', 'has_drift',
            ])
            self.assertEqual(values['difference'], -3)
        self.assertDenied(self.salesman, 'amazon.drift', 'read', row.ids, ['difference'])
        self.assertDenied(self.foreigner, 'amazon.drift', 'read', row.ids, ['difference'])
        self.assertFalse(self.rpc(
            self.foreigner, 'amazon.drift', 'search', [('has_drift', 'in', [True, False])],
        ))

    def test_no_transfer_of_another_company(self):
        self.hold(7, 10)
        wizard = self.rpc(self.foreigner, 'amazon.send.goods', 'create', [{
            'account_id': self.account.id,
            'line_ids': [(0, 0, {'product_id': self.mug.id, 'quantity': 1})],
        }])
        before = self.env['stock.picking'].search_count([])
        self.assertDenied(self.foreigner, 'amazon.send.goods', 'action_create_transfer', wizard)
        self.assertEqual(self.env['stock.picking'].search_count([]), before)


@tagged('post_install', '-at_install')
class TestDriftProcesses(ProcessCase):
    """Real transactions, some of them killed."""

    def test_the_parts_of_kits_are_compared(self):
        self.run_odoo('-i', 'sale_mrp', '--stop-after-init')
        self.assertEqual(json.loads(self.play('compare_kits')), {
            'CUP': [3, 3, 1], 'PLATE': [7, 7, 1],
        })

    def test_two_who_adjust_at_once_adjust_once(self):
        self.assertEqual(json.loads(self.play('adjust_at_once')), {'MUG': [9, 9, 2]})

    def test_whoever_is_killed_leaves_nothing_half_done(self):
        commits, rows = self.play('adjust_and_die').split(' ', 1)
        self.assertGreater(int(commits), 4)
        [amazon, odoo, _adjusted] = json.loads(rows)['MUG']
        self.assertEqual((amazon, odoo), (50 - int(commits), 50 - int(commits)))
