from datetime import datetime, timedelta, timezone

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.amazon.shipments import CANCEL_REASONS
from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

ACKNOWLEDGEMENT = 'POST_ORDER_ACKNOWLEDGEMENT_DATA'


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


@tagged('post_install', '-at_install')
class TestCancelToAmazon(ShippingCase):
    """What is cancelled in Odoo is cancelled on Amazon."""

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)

    def order_mugs_and_bowls(self):
        order = self.order(Item('MUG', '12.99', 3), Item('BOWL', '34.90', 2))
        return order, self.get_sale_order(order)

    def ask(self, sale_orders):
        """Press Cancel and return the dialog that asks for the reason."""
        form = Form.from_action(self.env, sale_orders.action_cancel())
        form.code = 'NoInventory'
        return form

    def cancel(self, sale_orders, reason='NoInventory', skus=None):
        """Press Cancel, choose a reason and lines, confirm."""
        form = self.ask(sale_orders)
        form.code = reason
        wizard = form.save()
        if skus:
            wizard.line_ids = wizard.line_ids.filtered(
                lambda line: line.product_id.default_code in skus,
            )
        wizard.action_cancel()

    def assertCancellation(self, sale_order, state, reason=None):
        self.assertEqual(sale_order.amazon_cancellation_state, state)
        if reason:
            self.assertRegex(sale_order.amazon_cancellation_reason, reason)
        else:
            self.assertFalse(sale_order.amazon_cancellation_reason)

    def test_the_reasons_are_amazons(self):
        reasons = self.env['amazon.cancel.order']._fields['code'].get_values(self.env)
        self.assertEqual(sorted(reasons), sorted(CANCEL_REASONS))

    def test_cancelling_asks_first(self):
        order, sale_order = self.order_mugs_and_bowls()
        form = self.ask(sale_order)
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(len(form.line_ids), 2)
        self.assertTrue(form.is_everything)
        self.assertFalse(sale_order.amazon_cancellation_ids)
        self.run_cron('process_feeds')
        self.assertEqual(order.status, 'UNSHIPPED')

    def test_amazon_is_told_and_then_shows_it(self):
        order, sale_order = self.order_mugs_and_bowls()
        self.simulator.calls.clear()
        self.cancel(sale_order, 'BuyerCanceled')
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(sale_order.picking_ids.state, 'cancel')
        self.assertCancellation(sale_order, 'to_send')
        self.assertFalse(self.simulator.calls, "Cancel itself calls nobody")
        self.assertTrue(self.get_triggers('process_feeds'))
        self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'to_send')
        [feed] = self.simulator.feeds.of(self.seller)
        self.assertEqual(feed.feed_type, ACKNOWLEDGEMENT)
        self.assertIn(b'BuyerCanceled', feed.content)
        self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'sent')
        self.assertEqual(order.status, 'CANCELLED')
        self.sync()
        self.assertCancellation(sale_order, 'confirmed')
        self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(len(self.simulator.feeds.of(self.seller)), 1)

    def test_one_line_of_many(self):
        order, sale_order = self.order_mugs_and_bowls()
        self.cancel(sale_order, skus=['BOWL'])
        self.assertEqual(sale_order.state, 'sale')
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'sent')
        self.assertEqual(order.find_item('BOWL').quantity_ordered, 0)
        self.assertEqual(order.find_item('MUG').quantity_ordered, 3)
        self.sync()
        self.assertCancellation(sale_order, 'confirmed')
        self.assertEqual(sale_order.state, 'sale')
        quantities = {
            line.product_id.default_code: line.product_uom_qty
            for line in self.get_lines(sale_order)
        }
        self.assertEqual(quantities, {'MUG': 3, 'BOWL': 0})
        self.deliver(order, tracking='T1')
        self.send()
        self.assertShown(order, ('T1', {'MUG': 3}))

    def test_what_is_told_already_is_not_offered_again(self):
        _order, sale_order = self.order_mugs_and_bowls()
        self.cancel(sale_order, skus=['BOWL'])
        form = self.ask(sale_order)
        self.assertEqual(form.save().line_ids.product_id, self.mug)
        self.cancel(sale_order)
        self.assertEqual(sale_order.state, 'cancel', "Nothing is left")

    def test_something_has_to_be_chosen(self):
        _order, sale_order = self.order_mugs_and_bowls()
        wizard = self.ask(sale_order).save()
        wizard.line_ids = False
        with self.assertRaisesRegex(UserError, "Choose the lines"):
            wizard.action_cancel()

    def test_what_is_shipped_is_not_offered(self):
        order, sale_order = self.order_mugs_and_bowls()
        self.deliver(order, {'MUG': 3})
        wizard = self.ask(sale_order).save()
        self.assertEqual(wizard.line_ids.product_id, self.bowl)
        wizard.action_cancel()
        self.assertEqual(sale_order.state, 'sale')

    def test_cancelling_because_amazon_cancelled_sends_nothing_back(self):
        order, sale_order = self.order_mugs_and_bowls()
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')
        self.run_cron('process_feeds')
        self.assertFalse(sale_order.amazon_cancellation_ids)
        self.assertFalse(self.simulator.feeds.of(self.seller))

    def test_orders_that_are_not_the_sellers_to_cancel_ask_nothing(self):
        self.create_product('FBA-MUG')
        fba = self.import_order('DE', 'FBA', [Item('FBA-MUG')], status='SHIPPED')
        ordinary = self.env['sale.order'].create({
            'partner_id': fba.partner_id.id,
            'order_line': [(0, 0, {'product_id': self.mug.id})],
        })
        ordinary.action_confirm()
        for sale_order in (fba, ordinary):
            self.assertIs(sale_order.action_cancel(), True)
            self.assertEqual(sale_order.state, 'cancel')
        self.run_cron('process_feeds')
        self.assertFalse(self.simulator.feeds.of(self.seller))

    def test_several_orders_go_in_one_feed(self):
        orders, sale_orders = [], self.env['sale.order']
        for _number in range(2):
            order, sale_order = self.order_mugs_and_bowls()
            orders.append(order)
            sale_orders |= sale_order
        self.cancel(sale_orders)
        self.assertEqual(set(sale_orders.mapped('state')), {'cancel'})
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertEqual({order.status for order in orders}, {'CANCELLED'})
        self.assertEqual(len(self.simulator.feeds.of(self.seller)), 1)

    def test_what_amazon_refuses_to_cancel_is_told_to_the_salesperson(self):
        self.account.user_id = self.create_user('sally', 'sales_team.group_sale_salesman')
        order, sale_order = self.order_mugs_and_bowls()
        self.seller.ship(order)
        self.cancel(sale_order)
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'failed', "Amazon does not cancel it")
        self.assertTrue(sale_order.amazon_cancellation_answer)
        with self.assertRaises(AccessError):
            sale_order.with_user(self.account.user_id).amazon_cancellation_answer  # noqa: B018
        self.assertEqual(sale_order.activity_ids.user_id, self.account.user_id)
        self.assertIn("does not cancel", html2plaintext(sale_order.activity_ids.note))

    def test_a_feed_that_fails_is_made_again(self):
        cases = ('feed_fatal', 'feed_cancelled', 'report_missing')
        orders = [self.order_mugs_and_bowls() for _case in cases]
        for kind, (order, sale_order) in zip(cases, orders, strict=True):
            with self.subTest(kind):
                fault = self.simulator.arm(kind, operation=ACKNOWLEDGEMENT)
                self.cancel(sale_order)
                for _poll in range(2):
                    self.run_cron('process_feeds')
                self.assertEqual(fault.hits, 1)
                self.assertCancellation(sale_order, 'to_send', "feed without a report")
                with freeze_time(get_now() + timedelta(hours=1)):
                    self.run_cron('process_feeds')
                with freeze_time(get_now() + timedelta(hours=2)):
                    self.run_cron('process_feeds')
                self.assertEqual(order.status, 'CANCELLED')
                self.assertNotEqual(sale_order.amazon_cancellation_state, 'to_send')

    def test_no_echo_within_a_day_needs_attention(self):
        order, sale_order = self.order_mugs_and_bowls()
        self.cancel(sale_order)
        for _poll in range(2):
            self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'sent')
        with freeze_time(get_now() + timedelta(hours=25)):
            self.run_cron('process_feeds')
        self.assertCancellation(sale_order, 'failed', "a day ago but does not show it")
        self.assertTrue(sale_order.activity_ids)
        self.sync()
        self.assertCancellation(sale_order, 'confirmed')
        self.assertEqual(order.status, 'CANCELLED')
