from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import AttackCase, ShippingCase


class CutOverCase(ShippingCase):
    """An account whose stock was counted an hour ago, and orders from before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.account.shipped_elsewhere = 'import'
        cls.put_in_stock(cls.mug, 100, cls.account.location_id)

    def setUp(self):
        super().setUp()
        self.now = self.simulator.clock.now().replace(microsecond=0)
        self.cut_over = (self.now - timedelta(hours=1)).replace(tzinfo=None)
        self.account.cut_over = self.cut_over
        self.moves = self.env['stock.move'].search([])

    def place(self, channel='FBM', quantity=3, hours=2, **details):
        """Let a buyer order mugs some hours ago; Amazon changes the order now."""
        return self.seller.place_order(
            'DE', channel, [Item('MUG', '10.00', quantity)],
            placed_at=self.now - timedelta(hours=hours),
            updated_at=self.simulator.clock.now(), **details,
        )

    def bring(self, *args, **details):
        """Place an order, import it, and return both it and its sales order."""
        order = self.place(*args, **details)
        self.sync()
        return order, self.get_sale_order(order)

    def assertNothingMoves(self, sale_order, delivered):
        """Check that a sales order is confirmed and complete, and has moved nothing so far."""
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(sale_order.amazon_cut_over, self.cut_over)
        self.assertEqual(self.get_lines(sale_order).mapped('qty_delivered'), [delivered])
        self.assertNoMoves(sale_order)

    def assertNoMoves(self, sale_order):
        """Check that nothing was moved, is to be moved, or is to be told to Amazon."""
        self.assertFalse(self.env['stock.move'].search([]) - self.moves)
        self.assertFalse(sale_order.picking_ids)
        self.assertFalse(sale_order.amazon_shipment_ids or sale_order.amazon_cancellation_ids)
        for cron in ('send_deliveries', 'process_feeds'):
            self.run_cron(cron)
        for operation in ('confirmShipment', 'createFeed'):
            self.assertFalse(self.count_calls(operation))


@tagged('post_install', '-at_install')
class TestCutOver(CutOverCase):
    """Orders bought before the cut-over are booked, but never move stock nor make deliveries."""

    # === AS THEY COME IN === #

    def test_an_open_order_is_confirmed_without_a_delivery(self):
        order, sale_order = self.bring()
        self.assertNothingMoves(sale_order, 0)
        self.assertEqual(sale_order.amount_total, 30)
        self.assertEqual(sale_order.amazon_total, 30)
        self.assertFalse(self.env['stock.picking'].search(
            [('amazon_account_id', '=', self.account.id), ('state', '!=', 'done')],
        ))
        self.seller.ship(order)
        self.sync()
        self.assertNothingMoves(sale_order, 3)
        self.assertFalse(sale_order.amazon_shipped_elsewhere or sale_order.activity_ids)

    def test_a_shipped_order_counts_as_delivered(self):
        for channel in ('FBM', 'FBA'):
            with self.subTest(channel=channel):
                _order, sale_order = self.bring(channel, status='SHIPPED')
                self.assertNothingMoves(sale_order, 3)
        self.assertEqual(self.mug.with_context(
            location=(self.account.location_id | self.warehouse.lot_stock_id).ids,
        ).qty_available, 1100)

    def test_what_counts_as_delivered_stays_when_odoo_computes_it_again(self):
        _order, sale_order = self.bring(status='SHIPPED')
        line = self.get_lines(sale_order)
        self.env.add_to_compute(line._fields['qty_delivered'], line)
        self.assertNothingMoves(sale_order, 3)

    def test_an_fba_order_that_amazon_ships_later_moves_nothing_either(self):
        order, sale_order = self.bring('FBA')
        self.assertFalse(sale_order)
        self.seller.ship(order)
        self.sync()
        self.assertNothingMoves(self.get_sale_order(order), 3)

    def test_an_order_shipped_in_part_counts_as_delivered_by_and_by(self):
        order = self.place()
        self.seller.ship(order, {'MUG': 1})
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertNothingMoves(sale_order, 1)
        self.seller.ship(order, {'MUG': 2})
        self.sync()
        self.assertNothingMoves(sale_order, 3)

    def test_what_is_bought_at_the_cut_over_or_later_is_delivered(self):
        for hours in (1, 0):
            with self.subTest(hours=hours):
                _order, sale_order = self.bring(hours=hours)
                self.assertFalse(sale_order.amazon_cut_over)
                self.assertEqual(sale_order.picking_ids.state, 'assigned')
        order = self.place(hours=1)
        self.seller.override(order, values={
            '/createdTime': (self.now - timedelta(hours=1, seconds=1)).isoformat(),
        })
        self.sync()
        self.assertEqual(self.get_sale_order(order).amazon_cut_over, self.cut_over)

    def test_without_a_cut_over_all_is_moved(self):
        self.account.cut_over = False
        _order, sale_order = self.bring('FBA', status='SHIPPED')
        self.assertFalse(sale_order.amazon_cut_over)
        self.assertEqual(self.get_lines(sale_order).move_ids.state, 'done')

    def test_an_order_that_was_shipped_outside_odoo_and_is_imported_by_hand(self):
        self.account.shipped_elsewhere = 'skip'
        order, sale_order = self.bring(status='SHIPPED')
        self.assertFalse(sale_order)
        self.press(self.get_inbox(order), 'action_import_shipped')
        self.assertNothingMoves(self.get_sale_order(order), 3)

    def test_an_order_imported_anyway(self):
        order = self.place(status='SHIPPED')
        item = '/orderItems/0'
        self.seller.override(
            order, remove=['/proceeds', f'{item}/proceeds', f'{item}/product/price'],
        )
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        self.press(self.env['amazon.import.order'].with_context(default_order_id=inbox.id).create({
            'order_id': inbox.id, 'total': 30,
        }), 'action_import')
        self.assertNothingMoves(self.get_sale_order(order), 3)

    def test_an_order_whose_sales_order_was_deleted_moves_nothing_when_it_is_back(self):
        order, sale_order = self.bring()
        sale_order._action_cancel()
        sale_order.unlink()
        self.press(self.get_inbox(order), 'action_retry')
        self.assertNothingMoves(self.get_sale_order(order), 0)

    # === ORDERS OF OTHER SHOPS === #

    def bring_from_other_shop(self, **details):
        self.account.sold_elsewhere = 'move'
        order = self.place('FBA', status='SHIPPED', channel_name='NON_AMAZON', **details)
        self.sync()
        return order, self.get_inbox(order)

    def get_moves(self, order):
        return self.env['stock.move'].search([('origin', '=', order.order_id)])

    def test_an_order_of_another_shop_takes_nothing_from_the_fba_location(self):
        order, inbox = self.bring_from_other_shop()
        self.assertEqual(inbox.state, 'skipped')
        self.assertIn("Bought before the cut-over", inbox.reason)
        self.assertFalse(self.get_moves(order))
        later, inbox = self.bring_from_other_shop(hours=1)
        self.assertEqual(inbox.state, 'done')
        self.assertEqual(self.get_moves(later).quantity, 3)

    def test_an_order_of_another_shop_stays_as_it_was_decided_until_retry(self):
        order, inbox = self.bring_from_other_shop()
        self.account.cut_over = False
        self.seller.override(order)  # It changes on Amazon.
        self.sync()
        self.assertEqual(inbox.state, 'skipped')
        self.assertFalse(self.get_moves(order))
        self.press(inbox, 'action_retry')
        self.assertEqual(self.get_moves(order).quantity, 3)

    # === LATER === #

    def test_an_order_cancelled_on_amazon_is_cancelled(self):
        order, sale_order = self.bring()
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')
        self.assertNoMoves(sale_order)

    def test_an_order_changed_on_amazon_still_moves_nothing(self):
        for status in ('UNSHIPPED', 'SHIPPED'):
            with self.subTest(status=status):
                order, sale_order = self.bring(status=status)
                delivered = 2 if status == 'SHIPPED' else 0
                self.seller.override(order, lambda payload: self.change_quantity(payload, 2))
                self.sync()
                self.assertEqual(self.get_inbox(order).state, 'done')
                self.assertEqual(self.get_lines(sale_order).product_uom_qty, 2)
                self.assertNothingMoves(sale_order, delivered)

    @staticmethod
    def change_quantity(payload, quantity):
        item = payload['orderItems'][0]
        item['quantityOrdered'] = quantity
        item['fulfillment']['quantityFulfilled'] = min(
            item['fulfillment'].get('quantityFulfilled', 0), quantity,
        )
        item['fulfillment'].pop('quantityUnfulfilled', None)

    def test_what_people_add_or_change_moves_nothing(self):
        _order, sale_order = self.bring()
        sale_order.order_line = [Command.create({
            'product_id': self.bowl.id, 'product_uom_qty': 2,
        })]
        self.get_lines(sale_order).product_uom_qty = 5
        sale_order.with_context(disable_cancel_warning=True)._action_cancel()
        sale_order.action_draft()
        sale_order.action_confirm()
        self.assertEqual(sale_order.state, 'sale')
        self.assertNoMoves(sale_order)

    def test_what_was_decided_stays_when_the_cut_over_changes(self):
        (before, early), (_after, late) = self.bring(), self.bring(hours=0)
        for cut_over in (False, self.cut_over - timedelta(days=9), self.cut_over):
            self.account.cut_over = cut_over
            self.seller.ship(before, {'MUG': 1})
            self.sync()
            self.assertEqual(early.amazon_cut_over, self.cut_over)
            self.assertFalse(early.picking_ids or self.get_lines(early).move_ids)
        self.account.cut_over = self.now.replace(tzinfo=None) + timedelta(hours=1)
        self.assertFalse(late.amazon_cut_over)
        self.get_lines(late).product_uom_qty = 4
        self.assertEqual(late.picking_ids.move_ids.product_uom_qty, 4)

    def test_cancelling_it_here_asks_for_seller_central_and_tells_amazon_nothing(self):
        order, sale_order = self.bring()
        self.assertIsNot(type(sale_order.action_cancel()), dict)
        self.assertEqual(sale_order.state, 'cancel')
        self.assertIn("cancel it in Seller Central", sale_order.activity_ids.note)
        self.assertNoMoves(sale_order)
        self.assertFalse(order.packages)

    def test_a_buyer_who_asks_to_cancel_is_answered_in_seller_central(self):
        order, sale_order = self.bring()
        self.seller.request_cancellation(order)
        self.sync()
        self.assertIn("answer in Seller Central", sale_order.activity_ids.note)

    def test_a_delivery_that_people_make_themselves_is_not_told_to_amazon(self):
        _order, sale_order = self.bring()
        line = self.get_lines(sale_order)
        move = self.env['stock.move'].create({
            'product_id': self.mug.id,
            'product_uom_qty': 3,
            'product_uom': self.mug.uom_id.id,
            'location_id': self.warehouse.lot_stock_id.id,
            'location_dest_id': self.env.ref('stock.stock_location_customers').id,
            'picking_type_id': self.warehouse.out_type_id.id,
            'sale_line_id': line.id,
        })
        move._action_confirm()
        move.write({'quantity': 3, 'picked': True})
        move.picking_id.button_validate()
        self.assertEqual(move.state, 'done')
        self.assertFalse(sale_order.amazon_shipment_ids)

    # === INVOICES === #

    def test_delivered_quantities_are_invoiced(self):
        self.mug.invoice_policy = 'delivery'
        order = self.place()
        self.seller.ship(order, {'MUG': 2})
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.invoice_status, 'to invoice')
        self.assertEqual(sale_order._create_invoices().amount_total, 20)
        self.seller.ship(order, {'MUG': 1})
        self.sync()
        self.assertEqual(sale_order._create_invoices().amount_total, 10)
        self.assertEqual(sale_order.invoice_status, 'invoiced')
        self.assertNothingMoves(sale_order, 3)

    def test_what_is_not_shipped_is_not_to_be_invoiced_by_delivery(self):
        self.mug.invoice_policy = 'delivery'
        _order, sale_order = self.bring()
        self.assertEqual(sale_order.invoice_status, 'no')

    # === WHAT PEOPLE SEE === #

    def test_a_split_off_account_has_the_same_cut_over(self):
        wizard = self.env['amazon.split.account'].create({
            'account_id': self.account.id,
            'marketplace_ids': self.env.ref('amazon_connector.marketplace_gb').ids,
            'name': "Britain",
        })
        other = self.env['amazon.account'].browse(wizard.action_split()['res_id'])
        self.assertEqual(other.cut_over, self.cut_over)

    def test_the_sales_order_says_so(self):
        arch = self.env['sale.order'].get_view(view_type='form')['arch']
        self.assertIn("Bought before the cut-over of", arch)


@tagged('post_install', '-at_install', 'attacks')
class TestCutOverAttacks(CutOverCase, AttackCase):

    def test_nobody_says_of_an_order_that_it_moves_stock_or_not(self):
        _order, before = self.bring()
        _order, after = self.bring(hours=0)
        boss = self.create_user(
            'bea', 'amazon_connector.group_amazon_admin', 'sales_team.group_sale_manager',
            'stock.group_stock_manager', 'base.group_system',
        )
        boss.password = 'bea'
        for sale_order, value in ((before, False), (after, '2030-01-01 00:00:00')):
            refused = self.assertDenied(
                boss, 'sale.order', 'write', sale_order.ids, {'amazon_cut_over': value},
            )
            self.assertIn("connector fills it in", refused.sent)
        self.assertEqual(before.amazon_cut_over, self.cut_over)
        self.assertFalse(after.amazon_cut_over)
