from ast import literal_eval
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.models import amazon_shipment
from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

FULFILLMENT = 'POST_ORDER_FULFILLMENT_DATA'
CONFIRM = 'confirmShipment'


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


class SendingCase(ShippingCase):
    """Deliveries that wait, and a day that gets better."""

    def deliver_mugs(self, count=1, **details):
        """Deliver orders of a mug each; return Amazon's orders and the deliveries."""
        orders = self.order_singly(count, **details)
        return orders, self.deliver_all(orders)

    def order_singly(self, count, **details):
        """Let buyers order a mug each; return Amazon's orders, imported."""
        orders = [
            self.seller.place_order('DE', 'FBM', [Item('MUG')], **details)
            for _buyer in range(count)
        ]
        self.sync()
        return orders

    def deliver_all(self, orders):
        """Deliver orders, the tracking references numbered from T1; return the deliveries."""
        return self.env['stock.picking'].union(*(
            self.deliver(order, tracking=f'T{number}')
            for number, order in enumerate(orders, start=1)
        ))

    def run_due(self, crons=('send_deliveries', 'process_feeds')):
        """Run the crons when what waits is due."""
        with freeze_time(get_now() + timedelta(hours=13)):
            for cron in crons:
                self.run_cron(cron)

    def assertShownOnce(self, orders):
        """Check that Amazon has one package of each order, with its own tracking reference."""
        self.assertTrue(orders)
        for number, order in enumerate(orders, start=1):
            self.assertShown(order, (f'T{number}', {'MUG': 1}))


@tagged('post_install', '-at_install')
class TestSending(SendingCase):
    """What sends deliveries, and how often it calls."""

    def test_the_cron_sends_what_waits(self):
        orders, pickings = self.deliver_mugs(2)
        self.run_cron('send_deliveries')
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)
        for picking in pickings:
            self.assertAlmostEqual(
                picking.amazon_sent_at, get_now(), delta=timedelta(seconds=30),
            )
        self.run_cron('send_deliveries')
        self.assertEqual(self.count_calls(CONFIRM), 2, "Each is sent once")

    def test_sync_pickings_sends_what_waits(self):
        _orders, pickings = self.deliver_mugs(2)
        self.assertIn("2 sent", self.send())
        self.assertAmazonState(pickings, 'sent')
        self.assertIn("Nothing to send", self.send())

    def test_send_to_amazon_sends_only_the_chosen_ones(self):
        orders, pickings = self.deliver_mugs(3)
        self.assertIn("2 sent", self.send_again(pickings[:2]))
        self.assertAmazonState(pickings[:2], 'sent')
        self.assertAmazonState(pickings[2], 'to_send')
        self.assertFalse(orders[2].packages)

    def test_send_to_amazon_says_when_there_is_nothing_to_tell(self):
        picking = self.get_open_delivery(self.order_mugs())
        with self.assertRaisesRegex(UserError, "already confirmed elsewhere"):
            picking.action_send_to_amazon()

    def test_amazon_users_send(self):
        orders, pickings = self.deliver_mugs(2)
        stan = self.create_user('stan', 'stock.group_stock_user')
        uma = self.create_user('uma', 'amazon_connector.group_amazon_user')
        with self.assertRaises(AccessError):
            self.send_again(pickings[0].with_user(stan))
        stan.group_ids += self.env.ref('amazon_connector.group_amazon_user')
        self.send_again(pickings[0].with_user(stan))
        self.send(self.account.with_user(uma))
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)

    def test_an_account_that_is_not_connected_sends_nothing(self):
        _orders, pickings = self.deliver_mugs()
        self.account.state = 'draft'
        self.run_cron('send_deliveries')
        self.assertAmazonState(pickings, 'to_send')
        with self.assertRaises(UserError):
            self.send()
        self.assertFalse(self.count_calls(CONFIRM))

    def test_the_ship_date_is_when_the_delivery_was_done(self):
        [order], picking = self.deliver_mugs()
        self.send()
        shipped_at = order.packages[0].shipped_at.replace(tzinfo=None)
        self.assertEqual(shipped_at, picking.date_done)

    def test_calls_pause_as_the_quota_wants(self):
        self.simulator.set_throttle(1.0)
        orders, pickings = self.deliver_mugs(14)
        with freeze_time(get_now()):
            self.assertIn("10 sent", self.send())
        self.assertEqual(self.count_calls(CONFIRM), 10)
        self.assertFalse(self.account.last_error, "A second is not worth mentioning")
        woken = max(self.get_triggers('send_deliveries'))
        self.assertLess(woken, get_now() + timedelta(seconds=30))
        self.assertFalse(self.env['amazon.feed'].search([]))
        self.simulator.set_throttle(None)
        self.send_until_done()
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)
        self.assertEqual({call.status for call in self.simulator.calls
                          if call.operation == CONFIRM}, {204})

    def test_a_storm_of_429_delays_and_loses_nothing(self):
        orders, pickings = self.deliver_mugs(3)
        self.simulator.arm('throttled', operation=CONFIRM, times=3)
        for _time in range(3):
            with freeze_time(get_now() + timedelta(seconds=30 * _time)):
                self.send()
        self.assertAmazonState(pickings, 'to_send')
        self.assertFalse(any(order.packages for order in orders))
        self.assertEqual(pickings.amazon_shipment_ids.mapped('attempts'), [0] * 3,
                         "The account waits, not the delivery")
        self.send_until_done()
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)

    def send_until_done(self):
        """Let the cron run every minute."""
        for minute in range(1, 4):
            with freeze_time(get_now() + timedelta(minutes=minute)):
                self.run_cron('send_deliveries')

    def test_outages_and_broken_connections_are_sent_again_and_never_doubled(self):
        kinds = ('internal_error', 'unavailable', 'drop_before', 'drop_after', 'not_json')
        for kind, order in zip(kinds, self.order_singly(len(kinds)), strict=True):
            with self.subTest(kind):
                picking = self.deliver(order, tracking='T1')
                fault = self.simulator.arm(kind, operation=CONFIRM)
                self.send()
                self.assertEqual(fault.hits, 1)
                self.assertAmazonState(picking, 'to_send', "told again by itself")
                self.assertEqual(bool(order.packages), kind == 'drop_after')
                self.assertTrue(self.account.last_error)
                shipment = picking.amazon_shipment_ids
                self.assertGreater(shipment.next_try, get_now())
                with freeze_time(shipment.next_try):
                    self.run_cron('send_deliveries')
                self.assertAmazonState(picking, 'sent')
                self.assertShownOnce([order])

    def test_an_outage_spares_the_others_its_attempts(self):
        _orders, pickings = self.deliver_mugs(3)
        self.simulator.arm('unavailable', operation=CONFIRM, times=None)
        self.send()
        self.assertEqual(self.count_calls(CONFIRM), 1)
        self.assertAmazonState(pickings, 'to_send')
        self.simulator.disarm()
        self.run_due(['send_deliveries'])
        self.assertAmazonState(pickings, 'sent')

    def test_an_unknown_outcome_is_tried_as_long_as_it_takes(self):
        [order], picking = self.deliver_mugs()
        self.simulator.arm('unavailable', operation=CONFIRM, times=8)
        now = get_now()
        for day in range(9):
            self.assertAmazonState(picking, 'to_send')
            with freeze_time(now + timedelta(days=day)):
                self.run_cron('send_deliveries')
        self.assertAmazonState(picking, 'sent')
        self.assertShownOnce([order])

    def test_access_that_is_revoked_half_way_stops_the_account_not_the_deliveries(self):
        orders, pickings = self.deliver_mugs(3)
        self.simulator.arm('revoked_token', operation=CONFIRM, times=None, skip=1)
        self.send()
        self.assertAmazonState(pickings[0], 'sent')
        self.assertAmazonState(pickings[1:], 'to_send')
        self.assertEqual(self.account.state, 'error')
        self.assertTrue(self.account.reason)
        self.assertTrue(self.account.activity_ids)
        self.assertEqual(self.account.to_send_count, 2)
        self.simulator.disarm()
        self.connect(self.account)
        self.send()
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)

    def test_one_account_that_fails_does_not_stop_the_next(self):
        from_stranger, stranger = self.order_of_another_seller()
        picking = self.deliver(from_stranger, tracking='T1')
        _orders, mine = self.deliver_mugs()
        self.simulator.arm(
            'internal_error', operation=CONFIRM, times=None, seller_id=self.account.seller_id,
        )
        self.run_cron('send_deliveries')
        self.assertAmazonState(mine, 'to_send')
        self.assertAmazonState(picking, 'sent')
        self.assertEqual(picking.amazon_account_id, stranger)

    def order_of_another_seller(self):
        profile = self.seller.profile
        other = self.simulator.add_seller(type(profile)(
            seller_id='A2OTHER', client_id='other', client_secret='secret',
            refresh_token='Atzr|other', store_name="Other", participations=profile.participations,
        ))
        account = self.connect(self.create_account(other.profile))
        order = other.place_order('DE', 'FBM', [Item('MUG')])
        self.sync(account)
        return order, account


@tagged('post_install', '-at_install')
class TestCallsOrFeed(SendingCase):
    """Few go by calls, many in a feed."""

    def pack_many(self, count):
        """Deliver an order in many packages."""
        order = self.order_mugs(count)
        picking = self.get_open_delivery(order)
        [line] = picking.move_line_ids
        values = line.copy_data({'quantity': 1})[0]
        line.unlink()
        packages = self.env['stock.package'].create([{} for _number in range(count)])
        self.env['stock.move.line'].create([
            {**values, 'result_package_id': package.id} for package in packages
        ])
        self.fill_in(picking)
        self.validate(picking)
        self.assertEqual(len(picking.amazon_shipment_ids), count)
        return order, picking

    def test_one_less_than_two_hundred_goes_by_calls(self):
        self.simulator.set_throttle(1.0)
        self.pack_many(199)
        with freeze_time(get_now()):
            self.send()
        self.assertEqual(self.count_calls(CONFIRM), 10)
        self.assertFalse(self.env['amazon.feed'].search([]))

    def test_two_hundred_go_in_one_feed(self):
        order, picking = self.pack_many(200)
        self.assertIn("200 in a feed", self.send())
        [feed] = self.simulator.feeds.of(self.seller)
        self.assertEqual(feed.feed_type, FULFILLMENT)
        self.assertEqual(feed.marketplace_ids, (order.marketplace.id,))
        self.assertAmazonState(picking, 'to_send')
        self.simulator.finish_feeds()
        self.run_cron('process_feeds')
        self.assertAmazonState(picking, 'sent')
        self.assertFalse(self.count_calls(CONFIRM))
        self.assertEqual(self.count_calls('createFeed'), 1)
        self.assertEqual(len(order.packages), 200)
        self.assertEqual(order.status, 'SHIPPED')
        self.assertEqual(
            {package.reference for package in order.packages},
            {str(shipment.id) for shipment in picking.amazon_shipment_ids},
        )

    def test_what_waits_for_another_account_does_not_count(self):
        self.enterContext(patch.object(amazon_shipment, 'FEED_FROM', 2))
        self.deliver_mugs(1)
        sibling = self.create_account(name="Britain")
        self.account.synced_marketplace_ids = self.account.synced_marketplace_ids.filtered(
            lambda m: m.api_ref == 'A1PA6795UKMFR9',
        )
        self.connect(sibling)
        order = self.seller.place_order('GB', 'FBM', [Item('MUG')])
        self.sync(sibling)
        picking = self.deliver(order, tracking='T1')
        self.assertEqual(picking.amazon_account_id, sibling)
        self.run_cron('send_deliveries')
        self.assertEqual(self.count_calls(CONFIRM), 2)
        self.assertFalse(self.env['amazon.feed'].search([]))

    def test_a_bucket_that_is_empty_for_minutes_makes_a_feed(self):
        orders, pickings = self.deliver_mugs(12)
        self.simulator.set_throttle(0.001)
        with freeze_time(get_now()):
            self.assertRegex(self.send(), "10 sent, 2 in a feed")
        self.assertAmazonState(pickings[:10], 'sent')
        self.assertAmazonState(pickings[10:], 'to_send')
        self.simulator.set_throttle(None)
        self.simulator.set_feed_pace(0)
        self.run_due(['process_feeds'])
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)


@tagged('post_install', '-at_install')
class TestFeeds(SendingCase):
    """What becomes of a feed and of what it carries, on bad days too."""

    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(amazon_shipment, 'FEED_FROM', 2))
        self.simulator.set_feed_pace(0)

    def get_feed(self):
        return self.env['amazon.feed'].search([], limit=1)

    def order_for(self, cases):
        """Return each case with two orders, all imported before the clock is moved."""
        return [(case, self.order_singly(2)) for case in cases]

    def test_each_message_fails_or_succeeds_on_its_own_delivery(self):
        orders, pickings = self.deliver_mugs(3)
        self.seller.cancel(orders[1])
        self.send()
        self.run_cron('process_feeds')
        self.assertAmazonState(pickings[0] | pickings[2], 'sent')
        self.assertAmazonState(pickings[1], 'failed', "cancelled on Amazon meanwhile.*CANCELLED")
        self.assertEqual(self.get_feed().state, 'done')
        self.assertFalse(self.get_feed().content)
        self.assertTrue(self.account.activity_ids)

    def test_a_seller_id_that_amazons_report_contradicts_is_said(self):
        self.account.seller_id = 'A2SOMEBODYELSE'
        orders, pickings = self.deliver_mugs(3)
        self.send()
        self.run_cron('process_feeds')
        note = html2plaintext(self.account.activity_ids.note)
        self.assertIn('A2SOMEBODYELSE', note)
        self.assertIn(self.seller.profile.seller_id, note)
        self.assertIn("Correct the Seller ID", note)
        self.run_due()
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)

    def test_a_warning_is_no_failure_and_is_kept(self):
        _orders, pickings = self.deliver_mugs(3)
        pickings[1].carrier_tracking_ref = '#1'
        self.send()
        self.run_cron('process_feeds')
        self.assertAmazonState(pickings[0] | pickings[2], 'sent')
        self.assertAmazonState(pickings[1], 'sent', "18082")

    def test_the_feed_is_polled_until_amazon_has_worked_through_it(self):
        self.simulator.set_feed_pace(polls=1)
        _orders, pickings = self.deliver_mugs(3)
        self.send()
        self.assertEqual(self.get_feed().state, 'in_progress')
        for _poll in range(2):
            self.assertAmazonState(pickings, 'to_send')
            woken = max(self.get_triggers('process_feeds'))
            self.assertAlmostEqual(
                woken, get_now() + timedelta(minutes=2), delta=timedelta(seconds=30),
            )
            self.run_cron('process_feeds')
        self.run_cron('process_feeds')
        self.assertAmazonState(pickings, 'sent')
        self.assertEqual(self.count_calls('createFeed'), 1)

    def test_what_is_in_a_feed_is_in_no_other_and_not_called_for(self):
        self.simulator.set_feed_pace(polls=9)
        self.deliver_mugs(3)
        self.send()
        self.run_cron('send_deliveries')
        self.assertIn("Nothing to send", self.send())
        self.assertEqual(self.count_calls(CONFIRM), 0)
        self.assertEqual(len(self.simulator.feeds.of(self.seller)), 1)

    def test_reports_are_read_however_they_are_packed(self):
        for kind in ('report_gzip', 'report_gzip_unmarked', 'report_bom'):
            with self.subTest(kind):
                orders, pickings = self.deliver_mugs(3)
                self.seller.cancel(orders[1])
                fault = self.simulator.arm(kind, operation=FULFILLMENT)
                self.send()
                self.run_cron('process_feeds')
                self.assertEqual(fault.hits, 1)
                self.assertAmazonState(pickings[0] | pickings[2], 'sent')
                self.assertAmazonState(pickings[1], 'failed', "cancelled on Amazon")

    def test_feeds_that_fail_lose_and_double_nothing(self):
        kinds = (
            'feed_cancelled', 'feed_fatal', 'feed_breaks_off', 'report_missing', 'feed_skips_last',
        )
        for kind, orders in self.order_for(kinds):
            with self.subTest(kind):
                pickings = self.deliver_all(orders)
                fault = self.simulator.arm(kind, operation=FULFILLMENT)
                self.send()
                self.run_cron('process_feeds')
                self.assertEqual(fault.hits, 1)
                self.assertAmazonState(pickings, 'to_send', "feed")
                calls = self.count_calls(CONFIRM)
                self.run_due()
                self.assertEqual(self.count_calls(CONFIRM), calls + 2, "By calls this time")
                self.assertAmazonState(pickings, 'sent')
                self.assertShownOnce(orders)

    def test_an_error_that_the_report_counts_but_does_not_name_is_asked_for_again(self):
        orders, pickings = self.deliver_mugs(3)
        self.seller.cancel(orders[2])
        self.simulator.arm('report_incomplete', operation=FULFILLMENT)
        self.send()
        self.run_cron('process_feeds')
        self.assertAmazonState(pickings, 'to_send', "does not mention it")
        self.run_due()
        self.assertAmazonState(pickings[:2], 'sent')
        self.assertAmazonState(pickings[2], 'failed', "cancelled on Amazon")
        self.assertShownOnce(orders[:2])

    def test_steps_that_break_are_repeated_and_double_nothing(self):
        for (kind, operation), orders in self.order_for((
            ('drop_after', 'createFeedDocument'),
            ('drop_before', 'uploadFeedDocument'),
            ('unavailable', 'uploadFeedDocument'),
            ('drop_after', 'createFeed'),
            ('throttled', 'createFeed'),
            ('internal_error', 'getFeed'),
            ('unavailable', 'getFeedDocument'),
            ('drop_after', 'downloadFeedDocument'),
        )):
            with self.subTest(kind, operation=operation):
                pickings = self.deliver_all(orders)
                fault = self.simulator.arm(kind, operation=operation)
                self.send()
                self.run_cron('process_feeds')
                self.assertEqual(fault.hits, 1)
                self.run_due()
                self.run_due()
                self.assertAmazonState(pickings, 'sent')
                self.assertShownOnce(orders)

    def test_a_broken_report_is_no_proof(self):
        for (kind, body), orders in self.order_for((
            ('truncated_json', ''),
            ('custom', ''),
            ('custom', '<Other/>'),
            (
                'custom',
                '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
                '<ProcessingReport><StatusCode>&e;</StatusCode></ProcessingReport>',
            ),
        )):
            with self.subTest(kind, body=body):
                pickings = self.deliver_all(orders)
                fault = self.simulator.arm(kind, operation='downloadFeedDocument', body=body)
                self.send()
                self.run_cron('process_feeds')
                self.assertEqual(fault.hits, 1)
                self.assertAmazonState(pickings, 'to_send', "ProcessingReport")
                self.assertEqual(self.get_feed().state, 'failed')
                self.run_due()
                self.assertAmazonState(pickings, 'sent')
                self.assertShownOnce(orders)

    def test_a_feed_that_amazon_never_ends_is_given_up_after_a_day(self):
        self.simulator.set_feed_pace(polls=99)
        orders, pickings = self.deliver_mugs(3)
        self.send()
        with freeze_time(get_now() + timedelta(hours=23)):
            self.run_cron('process_feeds')
        self.assertEqual(self.get_feed().state, 'in_progress')
        with freeze_time(get_now() + timedelta(hours=25)):
            self.run_cron('process_feeds')
        self.assertEqual(self.get_feed().state, 'failed')
        self.assertAmazonState(pickings, 'to_send', "within a day: IN_QUEUE")
        with freeze_time(get_now() + timedelta(hours=26)):
            self.run_cron('send_deliveries')
        self.assertAmazonState(pickings, 'sent')
        self.simulator.finish_feeds()
        self.assertShownOnce(orders)

    def test_access_that_is_revoked_half_way_stops_the_feed_until_it_is_back(self):
        self.simulator.set_feed_pace(polls=1)
        orders, pickings = self.deliver_mugs(3)
        self.send()
        self.simulator.arm('revoked_token', operation='getFeed', times=None)
        self.run_cron('process_feeds')
        self.assertEqual(self.account.state, 'error')
        self.assertAmazonState(pickings, 'to_send')
        self.assertEqual(self.get_feed().state, 'in_progress')
        self.simulator.disarm()
        self.connect(self.account)
        for _poll in range(3):
            self.run_cron('process_feeds')
        self.assertAmazonState(pickings, 'sent')
        self.assertShownOnce(orders)

    def test_what_is_corrected_while_a_feed_carries_it_is_sent_after_it(self):
        self.simulator.set_feed_pace(polls=1)
        _orders, pickings = self.deliver_mugs(3)
        self.send()
        pickings[0].carrier_tracking_ref = 'CORRECTED'
        for _poll in range(3):
            self.run_cron('process_feeds')
        self.run_cron('send_deliveries')
        self.assertAmazonState(pickings, 'sent')
        [package] = self.seller.get_order(pickings[0].amazon_order_ref).packages
        self.assertEqual(package.tracking, 'CORRECTED')

    def test_a_delivery_that_can_not_be_told_fails_alone(self):
        orders, pickings = self.deliver_mugs(3)
        pickings[1].carrier_tracking_ref = False
        self.send()
        self.assertAmazonState(pickings[1], 'failed', "fill in Tracking Reference")
        self.run_cron('process_feeds')
        self.assertAmazonState(pickings[0] | pickings[2], 'sent')
        self.assertFalse(orders[1].packages)


@tagged('post_install', '-at_install')
class TestRefusals(SendingCase):
    """What Amazon refuses says so, with the next step, and is tried again."""

    @contextmanager
    def refused(self, next_step, answer, **details):
        """Check what stands on a delivery that Amazon refuses once the block is done."""
        [order], picking = self.deliver_mugs(**details)
        with self.subTest(answer):
            yield order, picking
            self.assertIn("1 needs attention", self.send())
            self.assertAmazonState(picking, 'failed', f"^{next_step}.*Amazon: .*{answer}")

    def test_an_order_that_amazon_cancelled_meanwhile(self):
        with self.refused("The order was cancelled on Amazon", "is CANCELLED") as (order, _):
            self.seller.cancel(order)

    def test_an_order_that_was_shipped_elsewhere(self):
        with self.refused("The order was shipped elsewhere", "PackageToUpdate") as (order, _):
            self.seller.ship(order)

    def test_a_ship_plus_order(self):
        with self.refused("Ship\\+ orders are confirmed by the label", "FBM Ship",
                          programs=('FBM_SHIP_PLUS',)):
            pass

    def test_an_unknown_order_item(self):
        with self.refused("Amazon does not know an item", "has no order item 99") as (_, picking):
            with as_connector():
                self.get_lines(picking.sale_id).amazon_order_item_ref = '99'
            picking.amazon_shipment_ids.quantities = {'99': 1}

    def test_more_pieces_than_amazon_waits_for(self):
        order = self.order_mugs(3)
        picking = self.deliver(order)
        self.seller.ship(order, {'MUG': 2}, tracking='ELSEWHERE')
        self.send()
        self.assertAmazonState(
            picking, 'failed', "Amazon does not wait for so many pieces.*is 3, but 1 are left",
        )

    def test_a_ship_date_in_the_future(self):
        with self.refused("The effective date lies in the future", "in the future") as (_, picking):
            picking.date_done = get_now() + timedelta(days=3)

    def test_a_ship_date_before_the_order(self):
        with self.refused("The effective date lies before", "before the date") as (_, picking):
            picking.date_done = get_now() - timedelta(days=30)

    def test_an_order_that_amazon_does_not_know(self):
        refused = self.refused("Amazon does not know the order", "")
        with refused as (_, picking), as_connector():
            picking.sale_id.amazon_order_ref = '999-0000000-0000000'

    def test_a_refusal_that_is_new(self):
        with self.refused("Amazon refuses the confirmation", "The request is not valid"):
            self.simulator.arm('invalid_input', operation=CONFIRM)

    def test_one_failure_does_not_stop_the_others(self):
        orders, pickings = self.deliver_mugs(3)
        self.seller.cancel(orders[0])
        self.assertRegex(self.send(), "2 sent, 1 needs attention")
        self.assertAmazonState(pickings[0], 'failed', "cancelled")
        self.assertAmazonState(pickings[1:], 'sent')

    def test_a_refused_delivery_is_tried_again_with_growing_delays(self):
        _orders, picking = self.deliver_mugs()
        self.simulator.arm('invalid_input', operation=CONFIRM, times=None)
        self.send()
        shipment = picking.amazon_shipment_ids
        for attempt, minutes in enumerate((1, 5, 30, 120, 720), start=1):
            with self.subTest(attempt=attempt):
                self.assertEqual((shipment.state, shipment.attempts), ('failed', attempt))
                delay = shipment.next_try - shipment.write_date.replace(microsecond=0)
                self.assertAlmostEqual(delay.total_seconds(), 60 * minutes, delta=2)
                with freeze_time(shipment.next_try - timedelta(seconds=1)):
                    self.run_cron('send_deliveries')
                self.assertEqual(shipment.attempts, attempt, "Too early")
                with freeze_time(shipment.next_try):
                    self.run_cron('send_deliveries')
        self.assertEqual((shipment.state, shipment.attempts), ('failed', 6))
        self.assertFalse(shipment.next_try)
        with freeze_time(get_now() + timedelta(days=30)):
            self.run_cron('send_deliveries')
        self.assertEqual(shipment.attempts, 6, "It waits for a person")

    def test_it_is_sent_by_itself_once_the_cause_is_mended(self):
        [order], picking = self.deliver_mugs()
        picking.date_done = get_now() + timedelta(days=3)
        self.send()
        self.assertAmazonState(picking, 'failed', "future")
        picking.date_done = get_now()
        with freeze_time(picking.amazon_shipment_ids.next_try):
            self.run_cron('send_deliveries')
        self.assertAmazonState(picking, 'sent')
        self.assertShownOnce([order])

    def test_send_to_amazon_retries_at_once_and_counts_anew(self):
        [order], picking = self.deliver_mugs()
        self.simulator.arm('invalid_input', operation=CONFIRM, times=3)
        self.send()
        with freeze_time(picking.amazon_shipment_ids.next_try):
            self.run_cron('send_deliveries')
        self.assertEqual(picking.amazon_shipment_ids.attempts, 2)
        self.assertIn("1 needs attention", self.send_again(picking))
        self.assertEqual(picking.amazon_shipment_ids.attempts, 1)
        self.assertIn("1 sent", self.send_again(picking))
        self.assertShownOnce([order])

    def test_one_activity_an_account_and_streak(self):
        self.account.user_id = self.create_user('sally', 'amazon_connector.group_amazon_user')
        _orders, pickings = self.deliver_mugs(2)
        self.simulator.arm('invalid_input', operation=CONFIRM, times=2)
        self.send()
        activity = self.account.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertEqual(activity.user_id, self.account.user_id)
        self.assertIn("could not be told of deliveries", html2plaintext(activity.note))
        self.send_again(pickings[0])
        self.assertEqual(self.account.activity_ids, activity, "One still needs attention")
        self.send_again(pickings[1])
        self.assertFalse(self.account.activity_ids)

    def test_the_account_counts_and_the_filters_find(self):
        orders, pickings = self.deliver_mugs(3)
        self.assertEqual(
            (self.account.to_send_count, self.account.failed_delivery_count), (3, 0),
        )
        self.seller.cancel(orders[0])
        self.send()
        self.assertEqual(
            (self.account.to_send_count, self.account.failed_delivery_count), (0, 1),
        )
        self.sync()
        self.deliver_mugs(1)
        states = {
            'failed': pickings[0],
            'confirmed': pickings[1:],
        }
        filters = self.get_filters()
        self.assertLessEqual({f'amazon_{state}' for state in (
            'to_send', 'sent', 'confirmed', 'failed',
        )}, filters.keys())
        for state, expected in states.items():
            found = self.env['stock.picking'].search(filters[f'amazon_{state}'])
            self.assertEqual(found & pickings, expected)
        self.assertEqual(
            len(self.env['stock.picking'].search(filters['amazon_to_send'])), 1,
        )

    def get_filters(self):
        """Return the domains of the filters of the list of deliveries, by name."""
        arch = self.env['stock.picking'].get_view(
            self.env.ref('stock.view_picking_internal_search').id, 'search',
        )['arch']
        return {
            node.get('name'): literal_eval(node.get('domain'))
            for node in etree.fromstring(arch).iter('filter')
            if (node.get('name') or '').startswith('amazon_')
        }

    def test_no_address_and_no_tracking_reference_is_logged(self):
        with self.assertLogs('odoo') as logs:
            _orders, picking = self.deliver_mugs()
            picking.carrier_tracking_ref = 'QXTRACK'
            self.simulator.arm('invalid_input', operation=CONFIRM)
            self.send()
            self.send_again(picking)
        self.assertTrue(any('confirmShipment: 400' in line for line in logs.output))
        for text in ('QXTRACK', 'Atza|', 'Lindenweg'):
            self.assertFalse([line for line in logs.output if text in line], text)
