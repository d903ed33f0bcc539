from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .test_stock_push import StockPushCase


@tagged('post_install', '-at_install')
class TestAlign(StockPushCase):
    """Amazon's quantities beside Odoo's, before the first one is sent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.stock_push = 'off'
        cls.user = cls.create_user(
            'uma', 'amazon_connector.group_amazon_user', 'stock.group_stock_manager',
        )

    def open_dialog(self, user=None):
        """Press Align Before You Start and return the dialog."""
        account = self.account.with_user(user or self.user)
        action = self.press(account, 'action_align_stock')
        return self.env['amazon.align.stock'].with_user(user or self.user).browse(action['res_id'])

    def get_line(self, dialog, offer):
        return dialog.line_ids.filtered(lambda line: line.offer_id == offer)

    def test_what_differs_comes_first(self):
        same = self.add_offer('BOWL', in_stock=2, on_amazon=2)
        other = self.add_offer(in_stock=7, on_amazon=3)
        self.add_offer('FBA', in_stock=7).channel = 'fba'
        lines = self.open_dialog().line_ids
        self.assertEqual(lines.offer_id, other | same)
        self.assertEqual(lines.mapped('amazon_quantity'), [3, 2])
        self.assertEqual(lines.mapped('odoo_quantity'), [7, 2])
        self.assertEqual(lines.mapped('choice'), ['odoo', 'leave'])

    def test_amazons_quantities_are_read_first(self):
        offer = self.add_offer(in_stock=7, on_amazon=3, is_read=False)
        offer.amazon_quantity = 0
        self.assertEqual(self.open_dialog().line_ids.amazon_quantity, 3)
        self.open_dialog()
        self.assertEqual(self.count_calls('searchListingsItems'), 1, "Once a day")

    def test_amazons_quantity_becomes_an_adjustment(self):
        for sku, in_stock, on_amazon, pack_size, buffer in (
            ('MORE', 2, 9, 1, 0), ('LESS', 9, 2, 1, 0), ('NONE', 9, 0, 1, 0), ('NEW', 0, 5, 1, 0),
            ('PACK', 1, 4, 3, 2),
        ):
            with self.subTest(sku):
                offer = self.add_offer(sku, in_stock=in_stock, on_amazon=on_amazon)
                offer.pack_size = pack_size
                offer.stock_buffer = buffer
                dialog = self.open_dialog()
                self.get_line(dialog, offer).choice = 'amazon'
                dialog.action_apply()
                offer.invalidate_recordset()
                self.assertEqual(offer.offered_quantity, on_amazon)
                move = self.env['stock.move'].search([('product_id', '=', offer.product_id.id)])
                self.assertEqual(move.inventory_name, f"Amazon: aligned with {sku} on Amazon.de")
                quants = self.env['stock.quant'].search([
                    ('product_id', '=', offer.product_id.id),
                    ('location_id.usage', '=', 'internal'),
                ])
                self.assertEqual(
                    sum(quants.mapped('quantity')), on_amazon * pack_size + buffer,
                )

    def test_the_ratio_is_respected(self):
        self.account.stock_ratio = 30
        offer = self.add_offer(in_stock=1, on_amazon=7)
        dialog = self.open_dialog()
        dialog.action_take_amazons()
        dialog.action_apply()
        offer.invalidate_recordset()
        self.assertEqual(offer.offered_quantity, 7)

    def test_to_apply_twice_changes_nothing(self):
        offer = self.add_offer(in_stock=2, on_amazon=9)
        dialog = self.open_dialog()
        dialog.action_take_amazons()
        dialog.action_apply()
        self.set_stock(offer, 4)
        dialog.action_apply()
        offer.invalidate_recordset()
        self.assertEqual(offer.offered_quantity, 4)

    def test_odoos_goes_to_amazon(self):
        self.account.stock_push = 'on'
        offer = self.add_offer(in_stock=7, on_amazon=3)
        dialog = self.open_dialog()
        self.assertIn("1 offers go to Amazon", str(dialog.action_apply()))
        self.push()
        self.assertStock(offer, 'sent')

    def test_it_says_that_nothing_is_sent_yet(self):
        self.add_offer(in_stock=7, on_amazon=3)
        dialog = self.open_dialog()
        self.assertIn("before Stock Push is On", str(dialog.action_apply()))
        dialog = self.open_dialog()
        dialog.action_leave_alone()
        self.assertIn("Nothing was to be changed", str(dialog.action_apply()))

    def test_only_administrators_of_stock_adjust_it(self):
        offer = self.add_offer(in_stock=2, on_amazon=9)
        ulf = self.create_user(
            'ulf', 'amazon_connector.group_amazon_user', 'stock.group_stock_user',
        )
        dialog = self.open_dialog(ulf)
        dialog.line_ids.choice = 'amazon'
        with self.assertRaisesRegex(AccessError, "administrator of Inventory"):
            dialog.action_apply()
        self.assertEqual(offer.offered_quantity, 2)
        sam = self.create_user('sam', 'sales_team.group_sale_salesman')
        with self.assertRaises(AccessError):
            self.open_dialog(sam)

    def test_offers_of_one_product_that_disagree(self):
        offer = self.add_offer(in_stock=2, on_amazon=9)
        other = self.add_offer('OTHER', on_amazon=5)
        other.product_id = offer.product_id
        dialog = self.open_dialog()
        dialog.line_ids.choice = 'amazon'
        with self.assertRaisesRegex(UserError, "they don't agree"):
            dialog.action_apply()
        dialog.action_take_amazons()
        self.assertEqual(sorted(dialog.line_ids.mapped('choice')), ['amazon', 'odoo'])
        dialog.action_apply()
        (offer | other).invalidate_recordset()
        self.assertEqual(offer.offered_quantity, other.offered_quantity)

    def test_what_has_serial_numbers_is_left_to_people(self):
        offer = self.add_offer(on_amazon=5)
        offer.product_id.tracking = 'serial'
        dialog = self.open_dialog()
        dialog.action_take_amazons()
        self.assertEqual(dialog.line_ids.choice, 'odoo')
        dialog.line_ids.choice = 'amazon'
        with self.assertRaisesRegex(UserError, "count them under Inventory"):
            dialog.action_apply()

    def test_what_is_reserved_stays(self):
        offer = self.add_offer(in_stock=9, on_amazon=2)
        quant = self.env['stock.quant']._gather(offer.product_id, self.location)
        quant.reserved_quantity = 4
        dialog = self.open_dialog()
        dialog.action_take_amazons()
        dialog.action_apply()
        self.assertEqual((quant.quantity, quant.reserved_quantity), (6, 4))
