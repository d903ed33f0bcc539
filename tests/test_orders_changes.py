from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase


class ChangesCase(ShippingCase):
    """Orders with goods, invoices and deliveries that Amazon changes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        (cls.mug | cls.bowl).invoice_policy = 'order'

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)

    def place(self):
        """Let a buyer order 5 mugs and 2 bowls for 10.00 each."""
        order = self.order(Item('MUG', '10.00', 5), Item('BOWL', '10.00', 2))
        return order, self.get_sale_order(order)

    def invoice(self, sale_order, post=True):
        invoice = sale_order._create_invoices()
        if post:
            invoice.action_post()
        return invoice

    def get_open(self, sale_order):
        """Return what is still to be delivered, by SKU."""
        moves = sale_order.order_line._get_open_deliveries()
        return {move.product_id.default_code: move.product_uom_qty for move in moves}

    def get_activities(self, sale_order):
        return [html2plaintext(note) for note in sale_order.activity_ids.mapped('note')]

    def tell_feeds(self):
        for _poll in range(2):
            self.run_cron('process_feeds')


@tagged('post_install', '-at_install')
class TestChangesAfterInvoice(ChangesCase):
    """What has not left is not delivered any more, whatever is invoiced."""

    def test_in_part_with_a_posted_invoice(self):
        order, sale_order = self.place()
        invoice = self.invoice(sale_order)
        self.seller.cancel_item(order, 'MUG', 2)
        for _time in range(2):
            self.seller.touch(order)
            self.sync()
            self.assertEqual(self.get_open(sale_order), {'MUG': 3, 'BOWL': 2})
            self.assertEqual(sale_order.amount_total, 50)
            self.assertEqual(invoice.amount_total, 70)
            [note] = self.get_activities(sale_order)
            self.assertRegex(note, r"20\.00.€ too much are invoiced: make a credit note for 2 × ")
        picking = self.get_open_delivery(order)
        self.fill_in(picking)
        self.validate(picking)
        self.assertEqual(self.get_lines(sale_order).mapped('qty_delivered'), [3, 2])

    def test_in_full_with_a_posted_invoice(self):
        order, sale_order = self.place()
        self.invoice(sale_order)
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(sale_order.picking_ids.state, 'cancel')
        [note] = self.get_activities(sale_order)
        self.assertRegex(note, r"70\.00.€ too much.*credit note for 5 × .*, 2 × ")

    def test_after_a_full_credit_note_nobody_has_to_be_told(self):
        order, sale_order = self.place()
        invoice = self.invoice(sale_order)
        wizard = self.env['account.move.reversal'].with_context(
            active_model='account.move', active_ids=invoice.ids,
        ).create({'journal_id': invoice.journal_id.id})
        self.env['account.move'].browse(wizard.reverse_moves()['res_id']).action_post()
        self.seller.cancel_item(order, 'MUG', 2)
        self.sync()
        self.assertEqual(self.get_open(sale_order), {'MUG': 3, 'BOWL': 2})
        self.assertFalse(sale_order.activity_ids)

    def test_a_draft_is_cancelled_with_a_note(self):
        for change, quantity in ((lambda o: self.seller.cancel_item(o, 'MUG', 2), 50),
                                 (self.seller.cancel, 0)):
            order, sale_order = self.place()
            draft = self.invoice(sale_order, post=False)
            change(order)
            self.sync()
            self.assertEqual(draft.state, 'cancel')
            for record in (draft, sale_order):
                self.assertIn("Create the invoice anew", str(record.message_ids.mapped('body')))
            if quantity:
                self.assertEqual(self.invoice(sale_order).amount_total, quantity)

    def test_a_draft_stays_where_nothing_has_changed(self):
        order, sale_order = self.place()
        draft = self.invoice(sale_order, post=False)
        self.seller.touch(order)
        self.sync()
        self.assertEqual(draft.state, 'draft')

    def test_what_has_left_is_told_and_the_rest_is_cut(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 4})
        self.seller.override(order, values={
            '/orderItems/0/quantityOrdered': 3, '/orderItems/1/quantityOrdered': 0,
        })
        self.sync()
        self.assertFalse(self.get_open(sale_order))
        [note] = self.get_activities(sale_order)
        self.assertRegex(note, "Too much has left: 1 × ")
        self.assertEqual(self.get_lines(sale_order).mapped('amazon_quantity'), [3, 0])

    def test_cancelled_after_a_part_has_left(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 4})
        self.seller.override(order, values={'/fulfillment/fulfillmentStatus': 'CANCELLED'})
        self.sync()
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(self.get_open(sale_order))
        [note] = self.get_activities(sale_order)
        self.assertRegex(note, "Too much has left: 4 × ")

    def test_a_quantity_that_was_picked_already_is_cut(self):
        order, sale_order = self.place()
        self.pick(self.get_open_delivery(order), {'MUG': 5, 'BOWL': 2})
        self.invoice(sale_order)
        self.seller.cancel_item(order, 'MUG', 2)
        self.sync()
        picking = self.get_open_delivery(order)
        self.assertEqual(self.get_open(sale_order), {'MUG': 3, 'BOWL': 2})
        self.fill_in(picking)
        self.validate(picking)
        self.assertEqual(self.get_lines(sale_order).mapped('qty_delivered'), [3, 2])

    def test_pick_and_ship(self):
        self.warehouse.delivery_steps = 'pick_ship'
        order, sale_order = self.place()
        self.invoice(sale_order)
        [pick] = sale_order.picking_ids.filtered(lambda p: p.state == 'assigned')
        pick.button_validate()
        self.seller.cancel_item(order, 'MUG', 2)
        self.sync()
        self.assertEqual(self.get_open(sale_order), {'MUG': 3, 'BOWL': 2})


@tagged('post_install', '-at_install')
class TestCancelTheRest(ChangesCase):
    """What has not left for the customer is cancelled towards Amazon, line by line."""

    def cancel(self, sale_order, skus=None):
        form = Form.from_action(self.env, sale_order.action_cancel())
        form.code = 'NoInventory'
        wizard = form.save()
        if skus:
            wizard.line_ids = wizard.line_ids.filtered(
                lambda line: line.product_id.default_code in skus,
            )
        wizard.action_cancel()

    def test_what_was_merely_picked_is_cancelled(self):
        self.warehouse.delivery_steps = 'pick_ship'
        order, sale_order = self.place()
        [pick] = sale_order.picking_ids.filtered(lambda p: p.state == 'assigned')
        pick.button_validate()
        self.assertEqual(pick.state, 'done')
        self.cancel(sale_order)
        self.assertEqual(sale_order.state, 'cancel')
        self.tell_feeds()
        self.assertEqual(order.status, 'CANCELLED')

    def test_the_rest_after_a_delivery_in_part(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 5})
        self.send()
        self.cancel(sale_order)
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(self.get_open(sale_order))
        self.tell_feeds()
        self.assertEqual(order.find_item('BOWL').quantity_ordered, 0)
        self.assertEqual(order.find_item('MUG').quantity_ordered, 5)

    def test_the_rest_of_an_item_is_told_to_a_person(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 3, 'BOWL': 2})
        sale_order.action_cancel()
        self.assertRegex(self.get_activities(sale_order)[0], "whole items only.*: 2 × ")

    def test_withdrawn_while_it_is_not_sent(self):
        order, sale_order = self.place()
        self.cancel(sale_order)
        sale_order.action_draft()
        sale_order.action_confirm()
        self.assertFalse(sale_order.amazon_cancellation_state)
        self.tell_feeds()
        self.assertEqual(order.status, 'UNSHIPPED')
        self.deliver(order)
        self.send()
        self.assertEqual(order.status, 'SHIPPED')

    def test_a_line_that_failed_is_not_cancelled_with_another(self):
        order, sale_order = self.place()
        self.cancel(sale_order, ['BOWL'])
        failed = sale_order.amazon_cancellation_ids
        failed._mark_doubtful("Amazon refuses it")
        self.cancel(sale_order, ['MUG'])
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(self.get_open(sale_order), {'BOWL': 2})

    def test_the_delivery_is_cut_at_once_and_put_back_if_amazon_refuses(self):
        order, sale_order = self.place()
        self.cancel(sale_order, ['BOWL'])
        self.assertEqual(self.get_open(sale_order), {'MUG': 5})
        self.seller.ship(order, {'BOWL': 2})  # so that Amazon does not cancel it
        self.tell_feeds()
        self.assertEqual(sale_order.amazon_cancellation_state, 'failed')
        self.assertEqual(self.get_open(sale_order), {'MUG': 5, 'BOWL': 2})

    def test_the_reason_that_is_known_is_proposed(self):
        order, sale_order = self.place()
        form = Form.from_action(self.env, sale_order.action_cancel())
        self.assertFalse(form.code)
        with self.assertRaises(AssertionError):
            form.save()
        self.seller.request_cancellation(order)
        self.sync()
        self.assertIn("Press Cancel Order", self.get_activities(sale_order)[0])
        self.assertNotIn("Seller Central", self.get_activities(sale_order)[0])
        form = Form.from_action(self.env, sale_order.action_cancel_on_amazon())
        self.assertEqual(form.code, 'BuyerCanceled')


@tagged('post_install', '-at_install')
class TestShippedElsewhere(ChangesCase):
    """Shipped in Seller Central while the delivery is open here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packer = cls.create_user('wanda', 'stock.group_stock_user')

    def get_stock(self):
        return self.mug.with_context(location=self.warehouse.lot_stock_id.id).qty_available

    def test_it_is_said_and_done_in_one_click(self):
        order, sale_order = self.place()
        picking = self.get_open_delivery(order)
        before = self.get_stock()
        self.seller.ship(order)
        self.sync()
        self.assertRegex(sale_order.amazon_shipped_elsewhere, "5 × .*, 2 × ")
        self.assertEqual(picking.amazon_shipped_elsewhere, sale_order.amazon_shipped_elsewhere)
        self.assertIn("Already Shipped", self.get_activities(sale_order)[0])
        picking.with_user(self.packer).action_already_shipped()
        self.assertEqual(self.get_lines(sale_order).mapped('qty_delivered'), [5, 2])
        self.assertEqual(picking.state, 'cancel')
        self.assertEqual(self.get_stock(), before - 5)
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        self.seller.touch(order)
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        self.simulator.calls.clear()
        self.run_cron('send_deliveries')
        self.assertFalse(self.simulator.calls)
        self.assertEqual(len(order.packages), 1)

    def test_in_part(self):
        order, sale_order = self.place()
        self.seller.ship(order, {'MUG': 3})
        self.sync()
        self.assertRegex(sale_order.amazon_shipped_elsewhere, "^3 × ")
        sale_order.action_already_shipped()
        self.assertEqual(self.get_lines(sale_order).mapped('qty_delivered'), [3, 0])
        self.assertEqual(self.get_open(sale_order), {'MUG': 2, 'BOWL': 2})
        self.deliver(order, tracking='T9')
        self.send()
        self.assertEqual(self.get_shown(order)['T9'], {'MUG': 2, 'BOWL': 2})
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)

    def test_what_is_shipped_from_here_is_no_news(self):
        order, sale_order = self.place()
        self.deliver(order, {'MUG': 3})
        self.send()
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        self.deliver(order)
        self.send()
        self.sync()
        self.assertFalse(sale_order.amazon_shipped_elsewhere)
        self.assertFalse(sale_order.activity_ids)

    def test_goods_that_were_picked_are_taken_from_where_they_are(self):
        self.warehouse.delivery_steps = 'pick_ship'
        order, sale_order = self.place()
        [pick] = sale_order.picking_ids.filtered(lambda p: p.state == 'assigned')
        pick.button_validate()
        self.seller.ship(order)
        self.sync()
        sale_order.action_already_shipped()
        output = self.warehouse.wh_output_stock_loc_id
        self.assertFalse(self.mug.with_context(location=output.id).qty_available)
        self.assertFalse(self.get_open(sale_order))

    def test_others_may_not(self):
        order, sale_order = self.place()
        self.seller.ship(order)
        self.sync()
        user = self.create_user('ursula', 'amazon_connector.group_amazon_user')
        for record in (sale_order, sale_order.picking_ids):
            with self.assertRaises(AccessError):
                record.with_user(user).action_already_shipped()
