from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase


@tagged('post_install', '-at_install')
class TestOrdersSoldElsewhere(AmazonCase):
    """Multi-channel orders: another shop's, which Amazon only ships."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug = cls.create_product('MUG')
        cls.bowl = cls.create_product('BOWL')

    def place(self, *items, status='SHIPPED', channel='FBA', **details):
        items = list(items) or [Item('MUG', quantity=2), Item('BOWL')]
        return self.seller.place_order(
            'DE', channel, items, status=status, channel_name='NON_AMAZON', **details,
        )

    def get_moves(self, order):
        return self.env['stock.move'].search([('origin', '=', order.order_id)])

    def assertSkipped(self, order, reason):
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'skipped')
        self.assertIn(reason, inbox.reason)
        self.assertFalse(self.get_sale_order(order))

    def assertMovedOnce(self, order):
        moves = self.get_moves(order)
        self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertFalse(self.get_sale_order(order))
        self.assertEqual(set(moves.mapped('state')), {'done'})
        self.assertEqual(
            sorted((move.product_id.default_code, move.quantity) for move in moves),
            [('BOWL', 1), ('MUG', 2)],
        )
        self.assertEqual(moves.location_id, self.account.location_id)
        self.assertEqual(moves.location_dest_id.usage, 'customer')
        self.assertEqual(moves.amazon_account_id, self.account)
        self.assertFalse(moves.picking_id)

    def test_orders_of_other_shops_are_skipped_whatever_is_pressed(self):
        for channel in ('FBA', 'FBM'):
            for status in ('UNSHIPPED', 'SHIPPED'):
                with self.subTest(channel=channel, status=status):
                    order = self.place(status=status, channel=channel)
                    self.sync()
                    inbox = self.get_inbox(order)
                    self.assertTrue(inbox.is_sold_elsewhere)
                    self.assertSkipped(order, "Sold in another shop")
                    for button in ('action_retry', 'action_fetch_again', 'action_import_shipped'):
                        self.press(inbox, button)
                        self.assertSkipped(order, "Sold in another shop")
                    self.assertFalse(self.get_moves(order))

    def test_amazons_own_orders_are_not_meant(self):
        self.account.sold_elsewhere = 'move'
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        self.assertTrue(self.get_sale_order(order))
        [inbox] = self.get_inbox(order)
        self.assertFalse(inbox.is_sold_elsewhere)

    def test_their_goods_are_taken_from_the_fba_location_where_the_account_says_so(self):
        self.account.sold_elsewhere = 'move'
        self.put_in_stock(self.mug, 5, self.account.location_id)
        order = self.place(status='UNSHIPPED')
        self.sync()
        self.assertSkipped(order, "not shipped by Amazon: UNSHIPPED")
        self.seller.ship(order)
        self.assertIn("1 taken from stock", self.sync())
        self.assertMovedOnce(order)
        self.assertEqual(
            self.mug.with_context(location=self.account.location_id.id).qty_available, 3,
        )

    def test_their_goods_are_taken_once_whatever_is_repeated(self):
        self.account.sold_elsewhere = 'move'
        order = self.place()
        self.sync()
        for repeat in (
            lambda: self.press(self.get_inbox(order), 'action_retry'),
            lambda: self.press(self.get_inbox(order), 'action_fetch_again'),
            lambda: self.seller.touch(order),
            lambda: self.get_inbox(order).unlink(),
            lambda: self.seller.touch(order),
        ):
            repeat()
            self.sync()
            self.assertEqual(len(self.get_moves(order)), 2)
        self.assertMovedOnce(order)

    def test_switched_on_later_retry_brings_them(self):
        order = self.place()
        self.sync()
        self.account.sold_elsewhere = 'move'
        self.press(self.get_inbox(order), 'action_retry')
        self.assertMovedOnce(order)

    def test_an_unmatched_sku_waits_for_its_match(self):
        self.account.sold_elsewhere = 'move'
        order, other = self.place(Item('UNKNOWN')), self.place()
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        self.assertIn("SKU UNKNOWN is not matched", inbox.reason)
        self.assertMovedOnce(other)
        inbox.waiting_offer_ids.product_id = self.mug
        self.run_cron('import_orders')
        self.assertEqual(self.get_moves(order).product_id, self.mug)

    def test_lots_do_not_stand_in_the_way(self):
        self.account.sold_elsewhere = 'move'
        lamp = self.create_product('LAMP', tracking='serial')
        order = self.place(Item('LAMP', serial_numbers=('L-417',)))
        self.sync()
        self.assertEqual(self.get_moves(order).move_line_ids.lot_id.name, 'L-417')
        self.assertEqual(self.get_moves(order).product_id, lamp)

    def test_goods_of_a_cancelled_order_stay_taken_and_a_person_is_told(self):
        self.account.sold_elsewhere = 'move'
        order = self.place()
        self.sync()
        self.seller.override(order, values={'/fulfillment/fulfillmentStatus': 'CANCELLED'})
        self.sync()
        self.assertSkipped(order, "Nothing was undone")
        self.assertEqual(len(self.get_moves(order)), 2)
        activity = self.account.activity_ids
        self.assertIn(order.order_id, html2plaintext(activity.note))
        self.press(self.get_inbox(order), 'action_retry')
        self.assertEqual(self.account.activity_ids, activity)

    def test_an_order_without_a_marketplace_is_matched_in_the_first_one(self):
        self.account.sold_elsewhere = 'move'
        order = self.place()
        self.seller.override(
            order, remove=['/salesChannel/marketplaceId', '/salesChannel/marketplaceName'],
        )
        self.sync()
        self.assertMovedOnce(order)
