from datetime import datetime, timedelta, timezone

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

CONFIRM = 'confirmShipment'


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


@tagged('post_install', '-at_install')
class TestEcho(ShippingCase):
    """A delivery is confirmed when Amazon itself shows its packages."""

    def send_mugs(self, **details):
        order = self.order_mugs()
        picking = self.deliver(order, **details)
        self.send()
        self.assertAmazonState(picking, 'sent')
        return order, picking

    def test_the_next_order_page_confirms_it(self):
        _order, picking = self.send_mugs()
        self.assertFalse(picking.amazon_confirmed_at)
        self.simulator.calls.clear()
        self.sync()
        self.assertAmazonState(picking, 'confirmed')
        self.assertAlmostEqual(
            picking.amazon_confirmed_at, get_now(), delta=timedelta(seconds=30),
        )
        self.assertEqual(
            [call.operation for call in self.simulator.calls], ['searchOrders'],
            "Nothing is called for this",
        )

    def test_an_accepted_delivery_that_amazon_does_not_show_is_not_confirmed(self):
        order = self.order_mugs()
        picking = self.deliver(order)
        self.simulator.arm('custom', operation=CONFIRM, status=204, body='')
        self.send()
        self.seller.touch(order)
        self.sync()
        self.assertAmazonState(picking, 'sent')
        with freeze_time(get_now() + timedelta(hours=23, minutes=59)):
            self.run_cron('process_feeds')
        self.assertAmazonState(picking, 'sent')
        with freeze_time(get_now() + timedelta(hours=24, minutes=1)):
            self.run_cron('process_feeds')
        self.assertAmazonState(picking, 'failed', "a day ago but does not show the package")
        self.assertTrue(self.account.activity_ids)
        self.assertEqual(self.count_calls(CONFIRM), 1, "A person has to look")
        self.send_again(picking)
        self.sync()
        self.assertAmazonState(picking, 'confirmed')
        self.assertFalse(self.account.activity_ids)

    def test_an_echo_that_comes_late_settles_it(self):
        _order, picking = self.send_mugs()
        with freeze_time(get_now() + timedelta(hours=25)):
            self.run_cron('process_feeds')
        self.assertAmazonState(picking, 'failed', "a day ago")
        self.sync()
        self.assertAmazonState(picking, 'confirmed')
        self.assertFalse(self.account.activity_ids)

    def test_an_echo_that_differs_needs_attention_with_both_values(self):
        for values, shown in (
            ({'/packages/0/trackingNumber': 'SHOWN'}, "SHOWN"),
            ({'/packages/0/carrier': 'Bicycle'}, "Bicycle"),
            ({'/packages/0/packageItems/0/quantity': 2}, r"\(2\)"),
        ):
            with self.subTest(shown):
                order, picking = self.send_mugs(tracking='TOLD')
                self.seller.override(order, values=values)
                self.sync()
                self.assertAmazonState(
                    picking, 'failed', rf"told DHL-Paket TOLD \(3\) but shows .*{shown}",
                )
                self.assertTrue(self.account.activity_ids)
                self.seller.override(order)
                self.seller.touch(order)
                self.sync()
                self.assertAmazonState(picking, 'confirmed')

    def test_a_page_from_before_a_correction_was_sent_raises_no_doubt(self):
        order, picking = self.send_mugs(tracking='WRONG')
        stale = self.get_inbox(order)
        self.sync()
        picking.carrier_tracking_ref = 'RIGHT'
        self.send()
        picking.amazon_shipment_ids.sent_at = stale.amazon_updated_at + timedelta(seconds=1)
        self.press(stale, 'action_retry')
        self.assertAmazonState(picking, 'sent')
        self.sync()
        self.assertAmazonState(picking, 'confirmed')

    def test_a_package_that_was_typed_into_seller_central_is_recognized(self):
        order = self.order_mugs()
        picking = self.deliver(order, tracking='TYPED')
        self.seller.ship(order, carrier='DHL-Paket', tracking='TYPED')
        self.send()
        self.assertAmazonState(picking, 'failed', "shipped elsewhere")
        self.sync()
        self.assertAmazonState(picking, 'confirmed')

    def test_what_amazon_took_before_the_connection_broke_is_confirmed_without_a_call(self):
        order = self.order_mugs()
        picking = self.deliver(order)
        self.simulator.arm('drop_after', operation=CONFIRM)
        self.send()
        self.assertAmazonState(picking, 'to_send', "told again")
        self.sync()
        self.assertAmazonState(picking, 'confirmed')
        with freeze_time(get_now() + timedelta(hours=1)):
            self.run_cron('send_deliveries')
        self.assertEqual(self.count_calls(CONFIRM), 1)

    def test_all_packages_have_to_be_shown(self):
        order = self.order(Item('MUG', '12.99', 3), Item('BOWL', '34.90', 2))
        picking = self.get_open_delivery(order)
        packages = self.pack(picking, {'MUG': 3}, {'BOWL': 2})
        packages[0].amazon_tracking_ref = 'P1'
        packages[1].amazon_tracking_ref = 'P2'
        self.fill_in(picking)
        self.validate(picking)
        self.simulator.arm('custom', operation=CONFIRM, status=204, body='', skip=1)
        self.send()
        self.sync()
        self.assertAmazonState(picking, 'sent')
        self.assertEqual(
            sorted(picking.amazon_shipment_ids.mapped('state')), ['confirmed', 'sent'],
        )
        self.assertFalse(picking.amazon_confirmed_at)

    def test_a_carrier_that_amazon_does_not_track_is_echoed_by_its_name(self):
        order = self.order_mugs()
        picking = self.deliver(order, carrier=self.create_carrier("Zwei Räder"))
        self.send()
        self.assertEqual(order.packages[0].carrier, "Zwei Räder")
        self.sync()
        self.assertAmazonState(picking, 'confirmed')

    def test_deliveries_of_other_orders_are_left_alone(self):
        orders = [self.order_mugs() for _number in range(2)]
        pickings = [self.deliver(order, tracking='SAME') for order in orders]
        self.simulator.arm('custom', operation=CONFIRM, status=204, body='', skip=1)
        self.send()
        self.sync()
        self.assertAmazonState(pickings[0], 'confirmed')
        self.assertAmazonState(pickings[1], 'sent')
