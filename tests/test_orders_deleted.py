from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase


@tagged('post_install', '-at_install')
class TestDeletedOrders(AmazonCase):
    """A sales order that a person deletes stays away, and its goods leave only once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug = cls.create_product('MUG')

    def delete(self, order):
        sale_order = self.get_sale_order(order)
        sale_order._action_cancel()
        sale_order.unlink()

    def import_and_delete(self, channel='FBA', status='SHIPPED'):
        order = self.seller.place_order('DE', channel, [Item('MUG', quantity=3)], status=status)
        self.sync()
        self.delete(order)
        return order

    def get_moved(self):
        """Return how many mugs lie at the customers'."""
        return sum(self.env['stock.quant'].search([
            ('product_id', '=', self.mug.id), ('location_id.usage', '=', 'customer'),
        ]).mapped('quantity'))

    def fetch_by_hand(self, order):
        self.press(self.env['amazon.fetch.order'].create({
            'account_id': self.account.id, 'amazon_order_ref': order.order_id,
        }), 'action_fetch')

    def assertStaysAway(self, order):
        inbox = self.get_inbox(order)
        self.assertFalse(self.get_sale_order(order))
        self.assertEqual(inbox.state, 'skipped')
        self.assertIn("sales order was deleted in Odoo", inbox.reason)

    def test_a_deleted_order_stays_away_when_it_changes_on_amazon(self):
        for channel, status in (('FBA', 'SHIPPED'), ('FBM', 'UNSHIPPED')):
            with self.subTest(channel=channel):
                order = self.import_and_delete(channel, status)
                self.assertStaysAway(order)
                self.seller.touch(order)
                self.sync()
                self.assertStaysAway(order)
                self.account.last_order_sync -= self.account.last_order_sync - (
                    self.order_sync._get_first_sync()
                )
                self.sync()
                self.assertStaysAway(order)
        self.seller.cancel(order)
        self.sync()
        self.assertStaysAway(order)

    def test_a_person_brings_it_back_and_its_goods_do_not_leave_again(self):
        for bring_back in (
            lambda order: self.press(self.get_inbox(order), 'action_retry'),
            lambda order: self.press(self.get_inbox(order), 'action_fetch_again'),
            self.fetch_by_hand,
        ):
            before = self.get_moved()
            order = self.import_and_delete()
            self.assertEqual(self.get_moved(), before + 3)
            bring_back(order)
            line = self.get_lines(self.get_sale_order(order))
            self.assertEqual(self.get_sale_order(order).state, 'sale')
            self.assertEqual(line.move_ids.mapped('quantity'), [3])
            self.assertEqual(line.qty_delivered, 3)
            self.assertFalse(self.get_sale_order(order).picking_ids)
            self.assertEqual(self.get_moved(), before + 3)
            self.assertIn(
                "not taken from stock again",
                ''.join(self.get_sale_order(order).message_ids.mapped('body')),
            )
            self.assertEqual(self.get_inbox(order).state, 'done')

    def test_deleted_twice_it_is_still_moved_once(self):
        order = self.import_and_delete()
        for _time in range(2):
            self.fetch_by_hand(order)
            self.delete(order)
            self.assertStaysAway(order)
        self.fetch_by_hand(order)
        self.assertEqual(self.get_moved(), 3)

    def test_its_goods_are_known_even_without_the_inbox(self):
        order = self.import_and_delete()
        self.get_inbox(order).unlink()
        self.seller.touch(order)
        self.sync()
        self.assertEqual(self.get_lines(self.get_sale_order(order)).qty_delivered, 3)
        self.assertEqual(self.get_moved(), 3)

    def test_what_came_back_leaves_again(self):
        order = self.import_and_delete()
        move = self.env['stock.move'].search([('origin', '=', order.order_id)])
        back = move.copy({
            'location_id': move.location_dest_id.id,
            'location_dest_id': move.location_id.id,
            'origin_returned_move_id': move.id,
            'product_uom_qty': 2,
            'sale_line_id': False,
        })
        back._action_confirm(merge=False)
        back.write({'quantity': 2, 'picked': True})
        back._action_done()
        self.assertEqual(self.get_moved(), 1)
        self.fetch_by_hand(order)
        self.assertEqual(self.get_moved(), 3)

    def test_a_delivery_of_a_deleted_order_is_known_when_it_comes_back(self):
        self.put_in_stock(self.mug, 10, self.account.warehouse_id.lot_stock_id)
        for is_shipped, button in ((False, 'action_retry'), (True, 'action_import_shipped')):
            with self.subTest(is_shipped=is_shipped):
                before = self.get_moved()
                order = self.seller.place_order('DE', 'FBM', [Item('MUG', quantity=3)])
                self.sync()
                delivered = self.get_sale_order(order).picking_ids.move_ids
                delivered.write({'quantity': 3, 'picked': True})
                delivered._action_done()
                if is_shipped:
                    self.seller.ship(order)
                    self.sync()
                self.delete(order)
                self.press(self.get_inbox(order), button)
                line = self.get_lines(self.get_sale_order(order))
                self.assertEqual(line.move_ids, delivered)
                self.assertEqual(line.qty_delivered, 3)
                self.assertEqual(self.get_moved(), before + 3)

    def test_a_sales_manager_without_rights_to_the_inbox_or_the_stock_can_delete_it(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        sale_order = self.get_sale_order(order)
        sale_order._action_cancel()
        manager = self.create_user('mia', 'sales_team.group_sale_manager')
        sale_order.with_user(manager).unlink()
        self.assertStaysAway(order)

    def test_orders_without_amazon_are_deleted_as_ever(self):
        partner = self.env['res.partner'].create({'name': "Ben"})
        sale_order = self.env['sale.order'].create({'partner_id': partner.id})
        sale_order.unlink()
        self.assertFalse(sale_order.exists())
