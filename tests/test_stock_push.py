from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.models import amazon_stock_sending

from .common import AmazonCase

PATCH = 'patchListingsItem'
SEARCH = 'searchListingsItems'
AWKWARD_SKUS = (
    'A/B', 'A B', 'A#B', 'A%2FB', 'A%B', 'A?B=C&D', 'A+B', 'A,B', 'Größe-Ä', '🎁', '佐藤', 'A"B\\C',
)


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


class StockPushCase(AmazonCase):
    """An account that tells Amazon how many there are of what it sells in Germany."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.location = cls.account.warehouse_id.lot_stock_id
        cls.germany = cls.account.synced_marketplace_ids.filtered(
            lambda marketplace: marketplace.name == 'Amazon.de',
        )
        cls.account.synced_marketplace_ids = cls.germany
        cls.account.stock_push = 'on'

    # === RECORDS === #

    def add_offer(self, sku='MUG', in_stock=0, on_amazon=0, is_read=True, **details):
        """Let the seller offer something, and Odoo have it in stock.

        :param int in_stock: How many there are in Odoo.
        :param int on_amazon: How many Amazon shows.
        :param bool is_read: Whether Odoo has just read it from Amazon.
        :param details: As `Seller.add_listing`.
        :return: The offer.
        :rtype: amazon.offer
        """
        self.seller.add_listing(sku, quantity=on_amazon, **details)
        product = self.create_product(sku)
        if in_stock:
            self.put_in_stock(product, in_stock, self.location)
        now = get_now().replace(microsecond=0)
        return self.env['amazon.offer'].create({
            'account_id': self.account.id,
            'marketplace_id': self.germany.id,
            'sku': sku,
            'product_id': product.id,
            'channel': 'fbm',
            'amazon_quantity': on_amazon,
            'read_at': is_read and now,
            'quantity_read_at': is_read and now,
            'channel_read_at': is_read and now,
        })

    def set_stock(self, offer, quantity):
        """Let an inventory find a quantity of what is offered."""
        quant = self.env['stock.quant']._gather(offer.product_id, self.location)[:1]
        quant = quant or quant.create({
            'product_id': offer.product_id.id, 'location_id': self.location.id,
        })
        quant.with_context(inventory_mode=True).inventory_quantity = quantity
        quant.action_apply_inventory()

    # === THINGS THAT HAPPEN === #

    def show_report(self, offer, quantity, made_at):
        """Let a report of Amazon's say how many of an offer there are."""
        made_at = made_at.replace(microsecond=0)
        offer._take_reading({'amazon_quantity': quantity, 'quantity_read_at': made_at}, made_at)

    def push(self, **passed):
        """Let the cron tell Amazon of what has changed.

        :param passed: How much time has passed, e.g. `minutes`.
        """
        self.env.cr.flush()  # as committing does, with all that waits for it
        with freeze_time(get_now() + timedelta(**passed)):
            self.run_cron('send_stock')

    def push_when_due(self, offer):
        """Let the cron run when an offer is tried again."""
        self.env.cr.flush()
        with freeze_time(offer.stock_next_try):
            self.run_cron('send_stock')

    def sync_stock(self, records=None):
        """Press Sync Stock and return what the notification says."""
        self.env.cr.flush()
        return self.press(
            self.account if records is None else records, 'action_sync_stock',
        )['params']['message']

    def get_on_amazon(self, sku='MUG'):
        """Return how many Amazon has."""
        return self.seller.find_listing(sku).quantity

    def assertStock(self, offers, state, reason=None):
        """Check what became of the quantities of offers, and what the reason says."""
        self.assertTrue(offers)
        for offer in offers:
            self.assertEqual(offer.stock_state, state, offer.stock_reason)
            if reason:
                self.assertRegex(f'{offer.stock_reason} {offer.stock_answer}', reason)
            else:
                self.assertFalse(offer.stock_reason)


@tagged('post_install', '-at_install')
class TestStockPush(StockPushCase):
    """What is different goes out, and nothing else."""

    def test_a_change_reaches_amazon_and_is_read_back(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.push()
        self.assertStock(offer, 'sent')
        self.assertEqual((offer.stock_target, offer.stock_sent, self.get_on_amazon()), (7, 7, 7))
        self.assertAlmostEqual(offer.stock_sent_at, get_now(), delta=timedelta(seconds=30))
        self.push()
        self.assertStock(offer, 'sent')
        self.assertFalse(self.count_calls(SEARCH), "Amazon is given some time")
        self.push(minutes=3)
        self.assertStock(offer, 'in_sync')
        self.assertEqual(offer.amazon_quantity, 7)
        self.set_stock(offer, 5)
        self.push()
        self.assertStock(offer, 'sent')
        self.assertEqual(self.get_on_amazon(), 5)

    def test_a_change_wakes_the_cron(self):
        offer = self.add_offer(in_stock=7, on_amazon=7)
        self.push()
        self.env['ir.cron.trigger'].search([]).unlink()
        self.set_stock(offer, 4)
        self.env.cr.flush()
        self.assertLessEqual(min(self.get_triggers('send_stock')), get_now())
        self.env['ir.cron.trigger'].search([]).unlink()
        self.push()
        woken = max(self.get_triggers('send_stock'))
        self.assertAlmostEqual(
            woken, get_now() + timedelta(minutes=2), delta=timedelta(minutes=1),
        )

    def test_what_is_right_costs_no_call(self):
        offer = self.add_offer(in_stock=7, on_amazon=7)
        for _time in range(2):
            self.push()
            self.assertStock(offer, 'in_sync')
        self.assertIn("right quantities", self.sync_stock())
        self.set_stock(offer, 4)
        self.set_stock(offer, 7)
        self.push()
        self.assertStock(offer, 'in_sync')
        self.assertFalse(self.count_calls(PATCH) + self.count_calls(SEARCH))

    def test_it_is_off_at_first(self):
        self.assertEqual(self.env['amazon.account'].new({}).stock_push, 'off')
        self.account.stock_push = 'off'
        offer = self.add_offer(in_stock=7)
        self.push()
        self.assertStock(offer, False)
        with self.assertRaisesRegex(UserError, "Stock Push is off"):
            self.sync_stock()
        with self.assertRaisesRegex(UserError, "Stock Push is off"):
            self.sync_stock(offer)
        self.assertFalse(self.count_calls(PATCH))

    def test_a_preview_shows_what_would_be_sent(self):
        self.account.stock_push = 'preview'
        offer = self.add_offer(in_stock=7, on_amazon=3)
        right = self.add_offer('BOWL', in_stock=2, on_amazon=2)
        self.push()
        self.assertStock(offer, 'to_send')
        self.assertEqual(offer.stock_target, 7)
        self.assertStock(right, 'in_sync')
        self.assertIn("1 would be sent", self.sync_stock())
        self.set_stock(offer, 3)
        self.push()
        self.assertStock(offer, 'in_sync')
        self.assertFalse(self.count_calls(PATCH))
        self.set_stock(offer, 9)
        self.account.stock_push = 'on'
        self.push()
        self.assertStock(offer, 'sent')
        self.assertEqual(self.get_on_amazon(), 9)

    def test_switched_off_it_leaves_amazon_alone(self):
        self.account.stock_push = 'preview'
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.push()
        self.account.stock_push = 'off'
        self.assertStock(offer, False)
        self.account.stock_push = 'on'
        self.push()
        self.assertStock(offer, 'sent')

    def test_sync_stock_looks_at_all_offers(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.push()
        self.env['amazon.stock.change'].search([]).unlink()
        self.env.cr.execute("UPDATE stock_quant SET quantity = 9 WHERE quantity = 7")
        self.push()
        self.assertEqual(self.get_on_amazon(), 7)
        self.assertIn("1 sent", self.sync_stock())
        self.assertEqual(self.get_on_amazon(), 9)
        self.assertEqual(offer.stock_target, 9)

    def test_sync_stock_of_offers_sends_only_these(self):
        offers = self.add_offer(in_stock=7) | self.add_offer('BOWL', in_stock=2)
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        self.assertIn("1 sent", self.sync_stock(offers[0].with_user(user)))
        self.assertStock(offers[0], 'sent')
        self.assertFalse(offers[1].stock_state)

    def test_only_amazon_users_sync(self):
        offer = self.add_offer(in_stock=7)
        sam = self.create_user('sam', 'sales_team.group_sale_salesman')
        for records in (offer, self.account):
            with self.assertRaises(AccessError):
                self.sync_stock(records.with_user(sam))
        with self.assertRaises(AccessError):
            offer.with_user(sam).action_retry_stock()
        self.assertFalse(self.count_calls(PATCH))

    def test_marketplaces_that_are_not_synchronized_are_left_alone(self):
        offer = self.add_offer(in_stock=7)
        self.account.synced_marketplace_ids = self.account.available_marketplace_ids - self.germany
        self.push()
        self.assertStock(offer, False)
        self.account.synced_marketplace_ids = self.germany
        self.push()
        self.assertStock(offer, 'sent')

    def test_nothing_goes_out_while_the_account_is_not_connected(self):
        offer = self.add_offer(in_stock=7)
        self.account.state = 'draft'
        self.push()
        self.assertStock(offer, 'to_send')
        self.assertFalse(self.count_calls(PATCH))

    def test_awkward_skus(self):
        offers = self.env['amazon.offer'].union(*(
            self.add_offer(sku, in_stock=number, is_read=bool(number % 2))
            for number, sku in enumerate(AWKWARD_SKUS, start=1)
        ))
        for minutes in range(4):
            self.push(minutes=minutes / 60)
        self.assertStock(offers, 'sent')
        for number, sku in enumerate(AWKWARD_SKUS, start=1):
            self.assertEqual(self.get_on_amazon(sku), number, sku)
        for minutes in (3, 4, 5):
            self.push(minutes=minutes)
        self.assertStock(offers, 'in_sync')

    def test_handling_time_and_restock_date_stay(self):
        self.add_offer(in_stock=7, lead_time=3, restock_date='2030-01-01')
        self.push()
        listing = self.seller.find_listing('MUG')
        self.assertEqual(
            (listing.quantity, listing.lead_time, listing.restock_date), (7, 3, '2030-01-01'),
        )

    def test_a_copy_of_the_database_tells_nothing(self):
        offers = self.add_offer(in_stock=7) | self.add_offer('BOWL', in_stock=2, on_amazon=2)
        self.simulator.arm('unavailable', operation=PATCH)
        self.push()
        self.assertEqual(offers.mapped('stock_state'), ['to_send', 'in_sync'])
        for query in get_neutralization_queries(['amazon_connector']):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertEqual(self.account.stock_push, 'off')
        self.assertEqual(offers.mapped('stock_state'), [False, 'in_sync'])
        self.assertFalse(offers[0].stock_reason or offers[0].stock_answer)

    def test_the_cards_figures_and_where_they_lead(self):
        self.account.stock_push = 'preview'
        offer = self.add_offer(in_stock=7)
        self.push()
        self.assertEqual(self.account.stock_to_send_count, 1)
        action = self.account.action_open_stock_to_send()
        self.assertEqual(action['context']['search_default_stock_to_send'], 1)
        self.assertEqual(
            self.env['amazon.offer'].search([('stock_state', '=', 'to_send')]), offer,
        )
        self.assertEqual(
            self.env['amazon.offer']._read_group([('id', '=', offer.id)], ['stock_state']),
            [('to_send',)],
        )


@tagged('post_install', '-at_install')
class TestChannelLock(StockPushCase):
    """Nothing is sent for an offer that Amazon has not shown to be FBM within a day."""

    def test_a_channel_that_was_never_read_is_read_first(self):
        offers = self.env['amazon.offer'].union(*(
            self.add_offer(f'SKU-{number}', in_stock=number, is_read=False)
            for number in range(1, 24)
        ))
        for _time in range(6):
            self.push()
        self.assertStock(offers, 'sent')
        self.assertEqual(self.count_calls(SEARCH), 2, "Twenty a call")
        self.assertTrue(all(offers.mapped('channel_read_at')))

    def test_a_channel_that_was_read_days_ago_is_read_again(self):
        offer = self.add_offer(in_stock=7)
        offer.channel_read_at -= timedelta(days=1, minutes=1)
        self.push()
        self.assertEqual((self.count_calls(SEARCH), self.count_calls(PATCH)), (1, 1))
        self.assertStock(offer, 'sent')

    def test_what_amazon_shows_when_its_channel_is_read_is_not_sent(self):
        offer = self.add_offer(in_stock=7, on_amazon=7, is_read=False)
        self.push()
        self.assertStock(offer, 'in_sync')
        self.assertFalse(self.count_calls(PATCH))

    def test_fba_offers_are_never_flipped(self):
        channels = {'ALL': ('AMAZON_EU',), 'BOTH': ('DEFAULT', 'AMAZON_EU')}
        offers = self.env['amazon.offer'].union(*(
            self.add_offer(sku, in_stock=7, is_read=False, channels=channels[sku])
            for sku in channels
        ))
        for _time in range(2):
            self.push()
            self.sync_stock()
            self.sync_stock(offers)
        self.assertStock(offers, False)
        self.assertEqual(offers.mapped('channel'), ['fba', 'both'])
        self.assertFalse(self.count_calls(PATCH))
        for sku, expected in channels.items():
            self.assertEqual(self.seller.find_listing(sku).channels, expected)

    def test_an_offer_that_became_fba_is_shown_until_it_is_fbm_again(self):
        offer = self.add_offer(in_stock=7)
        self.push()
        self.seller.change_listing('MUG', channels=['AMAZON_EU'])
        self.set_stock(offer, 4)
        self.push(days=2)
        self.assertStock(offer, False)
        self.assertEqual(offer.channel, 'fba')
        self.assertEqual(self.count_calls(PATCH), 1)
        self.assertIn("FBM", html2plaintext(offer.activity_ids.note))
        self.assertIn("FBM", str(offer.message_ids.mapped('body')))
        self.seller.change_listing('MUG', channels=['DEFAULT'])
        later = get_now() + timedelta(days=3)
        offer._take_reading({'channel': 'fbm', 'channel_read_at': later}, later)
        self.assertFalse(offer.activity_ids)
        self.push(days=3)
        self.assertStock(offer, 'sent')

    def test_an_offer_whose_channel_amazon_does_not_tell_waits(self):
        offer = self.add_offer(in_stock=7, is_read=False, odd='no availability')
        self.push()
        self.assertStock(offer, 'to_send', "does not say who ships it")
        self.assertGreater(offer.stock_next_try, get_now())
        self.push()
        self.assertEqual((self.count_calls(SEARCH), self.count_calls(PATCH)), (1, 0))
        self.seller.change_listing('MUG', odd='')
        self.push(hours=1)
        self.assertStock(offer, 'sent')

    def test_an_offer_that_amazon_does_not_have_says_so(self):
        offer = self.add_offer(in_stock=7, is_read=False)
        comma = self.add_offer('A,B', in_stock=7, is_read=False)
        self.seller.remove_listing('MUG')
        self.seller.remove_listing('A,B')
        self.push()
        self.assertStock(offer | comma, 'failed', "no listing with this SKU on Amazon.de")
        self.assertFalse(self.count_calls(PATCH))


@tagged('post_install', '-at_install')
class TestStockFailures(StockPushCase):
    """No wrong quantity stays unnoticed, and nothing is lost."""

    def test_an_offer_that_amazon_refuses_stops_no_other(self):
        refused = self.add_offer(in_stock=2**31 - 1)
        good = self.add_offer('BOWL', in_stock=7)
        self.seller.remove_listing('MUG')
        self.push()
        self.assertStock(refused, 'failed', "mend the listing.*does not exist")
        self.assertStock(good, 'sent')
        self.assertIn("filter Stock: Failed", self.account._find_failures())
        self.assertEqual(self.account.stock_failed_count, 1)
        self.seller.add_listing('MUG')
        self.press(refused, 'action_retry_stock')
        self.push()
        self.assertStock(refused, 'sent')

    def test_failures_are_tried_again_and_wait_for_a_person_in_the_end(self):
        offer = self.add_offer(in_stock=7)
        self.seller.remove_listing('MUG')
        now = get_now()
        for day in range(8):
            with freeze_time(now + timedelta(hours=13 * day)):
                offer.channel_read_at = get_now()
                self.env.cr.flush()
                self.run_cron('send_stock')
        self.assertEqual(self.count_calls(PATCH), 6)
        self.assertFalse(offer.stock_next_try)
        self.set_stock(offer, 6)
        self.push()
        self.assertEqual(self.count_calls(PATCH), 7, "Another quantity is another try")

    def test_an_answer_that_was_lost_is_asked_for_again(self):
        kinds = ('internal_error', 'unavailable', 'drop_before', 'drop_after', 'not_json')
        for number, kind in enumerate(kinds):
            with self.subTest(kind):
                offer = self.add_offer(kind, in_stock=7)
                fault = self.simulator.arm(kind, operation=PATCH)
                self.push()
                self.assertEqual(fault.hits, 1)
                self.assertStock(offer, 'to_send', "told again by itself")
                self.set_stock(offer, number)
                self.push_when_due(offer)
                self.assertStock(offer, 'sent')
                self.assertEqual(self.get_on_amazon(kind), number)

    def test_what_may_have_arrived_is_no_longer_known(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.simulator.arm('drop_after', operation=PATCH)
        self.push()
        self.assertEqual(self.get_on_amazon(), 7)
        self.set_stock(offer, 3)
        self.push()
        self.assertStock(offer, 'to_send', "told again by itself")
        self.push_when_due(offer)
        self.assertEqual(self.get_on_amazon(), 3, "It is sent, although Amazon had it before")

    def test_a_storm_of_429_delays_and_loses_nothing(self):
        offers = self.env['amazon.offer'].union(*(
            self.add_offer(f'SKU-{number}', in_stock=number) for number in range(1, 4)
        ))
        self.simulator.arm('throttled', operation=PATCH, times=3)
        for seconds in range(3):
            self.push(seconds=30 * seconds)
        self.assertStock(offers, 'to_send')
        self.assertEqual(offers.mapped('stock_attempts'), [0] * 3)
        self.push(minutes=3)
        self.assertStock(offers, 'sent')
        self.assertEqual([self.get_on_amazon(offer.sku) for offer in offers], [1, 2, 3])

    def test_a_quota_of_reading_stops_no_sending(self):
        fresh = self.add_offer(in_stock=7)
        self.add_offer('BOWL', in_stock=7, is_read=False)
        self.simulator.arm('throttled', operation=SEARCH)
        self.push()
        self.assertStock(fresh, 'sent')

    def test_what_amazon_never_applies_fails_with_both_figures(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.seller.show_quantity('MUG', 3)
        self.push()
        for minutes in (3, 6, 16, 31):
            self.push(minutes=minutes)
            self.assertStock(offer, 'sent')
        self.assertEqual(self.count_calls(SEARCH), 4)
        self.push(minutes=61)
        self.assertStock(offer, 'failed', "accepted 7 an hour ago, but shows 3")
        self.seller.show_quantity('MUG')
        self.push(minutes=63)
        self.assertStock(offer, 'sent')
        self.assertEqual(self.count_calls(PATCH), 2)
        self.push(minutes=66)
        self.assertStock(offer, 'in_sync')

    def test_amazon_takes_its_time(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.simulator.set_listing_lag(600)
        self.push()
        self.push(minutes=3)
        self.assertStock(offer, 'sent')
        self.assertEqual(offer.amazon_quantity, 3)
        self.simulator.set_listing_lag(0)
        self.seller.change_listing('MUG', quantity=7)
        self.push(minutes=6)
        self.assertStock(offer, 'in_sync')

    def test_what_was_just_sent_is_not_taken_for_known_by_an_old_value(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.push()
        self.set_stock(offer, 3)
        offer.channel_read_at -= timedelta(days=2)
        self.seller.show_quantity('MUG', 3)
        self.push()
        self.assertEqual(self.get_on_amazon(), 3, "Sent, though Amazon shows it still")
        self.assertEqual(self.count_calls(PATCH), 2)

    def test_a_report_made_before_the_quantity_was_sent_does_not_count(self):
        offer = self.add_offer(in_stock=7, on_amazon=3)
        self.push()
        made_at = offer.stock_sent_at - timedelta(seconds=1)
        offer.read_at = False
        self.show_report(offer, 2, made_at)
        self.assertEqual(offer.read_at, made_at)
        self.assertEqual(offer.amazon_quantity, 3)

    def test_what_amazon_shows_otherwise_later_is_sent_again(self):
        offer = self.add_offer(in_stock=7, on_amazon=7)
        self.push()
        self.seller.change_listing('MUG', quantity=2)
        self.show_report(offer, 2, get_now() + timedelta(seconds=2))
        self.push()
        self.assertStock(offer, 'sent')
        self.assertEqual(self.get_on_amazon(), 7)

    def test_what_cannot_be_calculated_stops_no_other(self):
        bad = self.add_offer(in_stock=7)
        good = self.add_offer('BOWL', in_stock=7)
        get_quantities = type(bad)._get_offered_quantities

        def fail_for_one(offers):
            if bad in offers:
                reason = "It makes no sense."
                raise UserError(reason)
            return get_quantities(offers)

        with patch.object(type(bad), '_get_offered_quantities', fail_for_one):
            self.push()
        self.assertStock(bad, 'failed', "makes no sense")
        self.assertStock(good, 'sent')
        self.push(minutes=2)
        self.assertStock(bad, 'sent')

    def test_an_outage_spares_the_others_its_attempts(self):
        offers = self.add_offer(in_stock=7) | self.add_offer('BOWL', in_stock=8)
        self.simulator.arm('unavailable', operation=PATCH, times=None)
        self.push()
        self.assertEqual(self.count_calls(PATCH), 1)
        self.assertStock(offers[1], 'to_send')
        self.assertTrue(self.account.last_error)

    def test_a_role_that_is_missing_stops_no_orders(self):
        offer = self.add_offer(in_stock=7)
        self.simulator.arm('forbidden', operation=PATCH, times=None)
        self.push()
        self.assertStock(offer, 'to_send')
        self.assertEqual(self.account.state, 'connected')
        self.assertIn("role Product Listing", self.get_sync(self.account, 'stock').last_error)
        self.simulator.disarm()
        self.push(minutes=5)
        self.assertStock(offer, 'sent')

    def test_nothing_is_to_be_retried(self):
        offer = self.add_offer(in_stock=7, on_amazon=7)
        self.push()
        with self.assertRaisesRegex(UserError, "None of these"):
            offer.action_retry_stock()

    def test_people_do_not_write_levels(self):
        offer = self.add_offer(in_stock=7)
        self.push()
        admin = self.create_user('ada', 'amazon_connector.group_amazon_admin')
        with self.assertRaises(AccessError):
            offer.stock_level_id.with_user(admin).write({'sent': 9})
        with self.assertRaises(AccessError):
            offer.with_user(admin).write({'stock_level_id': False})


@tagged('post_install', '-at_install')
class TestStockFeeds(StockPushCase):
    """Many quantities go out in a feed, and no old one ever after a newer one."""

    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(amazon_stock_sending, 'FEED_FROM', 3))
        self.simulator.set_feed_pace(0)

    def add_offers(self, count=3, **details):
        return self.env['amazon.offer'].union(*(
            self.add_offer(f'SKU-{number}', in_stock=10 * number, **details)
            for number in range(1, count + 1)
        ))

    def run_feeds(self, **passed):
        """Let the cron bring the feeds forward."""
        with freeze_time(get_now() + timedelta(**passed)):
            self.run_cron('process_feeds')

    def get_feeds(self):
        return self.env['amazon.feed'].search([('type', '=', 'amazon.stock.level')])

    def test_many_go_out_in_one_feed_per_marketplace(self):
        offers = self.add_offers(4)
        self.push()
        self.assertStock(offers, 'to_send')
        [feed] = self.get_feeds()
        self.assertEqual((feed.message_count, feed.marketplace_ids), (4, self.germany))
        self.push()
        self.assertEqual(len(self.get_feeds()), 1)
        self.run_feeds()
        self.run_feeds(minutes=3)
        self.assertEqual(feed.state, 'done', feed.reason)
        self.assertStock(offers, 'sent')
        self.assertEqual([self.get_on_amazon(offer.sku) for offer in offers], [10, 20, 30, 40])
        self.push(minutes=10)
        self.assertStock(offers, 'in_sync')
        self.assertFalse(self.count_calls(PATCH))

    def test_a_feed_waits_until_all_channels_are_known(self):
        offers = self.add_offers(4)
        offers[0].channel_read_at -= timedelta(days=2)
        self.seller.change_listing('SKU-1', channels=['AMAZON_EU'])
        self.push()
        [feed] = self.get_feeds()
        self.assertEqual(feed.message_count, 3)
        self.run_feeds()
        self.run_feeds(minutes=3)
        self.assertEqual(self.seller.find_listing('SKU-1').channels, ('AMAZON_EU',))

    def test_a_feed_with_an_offer_that_was_deleted_is_not_sent(self):
        offers = self.add_offers()
        self.push()
        [feed] = self.get_feeds()
        offers[0].unlink()
        self.run_feeds()
        self.assertEqual(feed.state, 'failed')
        self.assertFalse(self.count_calls('createFeed'))
        self.push()
        self.assertEqual(
            [self.get_on_amazon(f'SKU-{number}') for number in (1, 2, 3)], [0, 20, 30],
        )

    def test_what_sinks_while_a_feed_is_open_is_told_at_once_and_again_after_it(self):
        self.simulator.set_feed_pace(1)
        offers = self.add_offers()
        self.push()
        self.run_feeds()
        self.set_stock(offers[0], 4)
        self.set_stock(offers[1], 25)
        self.push()
        self.assertEqual(self.get_on_amazon('SKU-1'), 4)
        self.assertEqual(self.count_calls(PATCH), 1, "What rises waits for the feed")
        self.assertStock(offers[0], 'sent')
        self.push(minutes=3)
        self.assertStock(offers[0], 'sent')
        self.simulator.finish_feeds()
        self.run_feeds(minutes=3)
        self.assertEqual(self.get_on_amazon('SKU-1'), 10, "The feed came after it")
        self.assertStock(offers[:2], 'to_send')
        self.assertStock(offers[2], 'sent')
        self.push(minutes=4)
        self.assertStock(offers, 'sent')
        self.assertEqual([self.get_on_amazon(offer.sku) for offer in offers], [4, 25, 30])
        self.push(minutes=10)
        self.assertStock(offers, 'in_sync')

    def test_a_feed_that_amazon_does_not_have_yet_never_brings_an_old_quantity(self):
        offers = self.add_offers(4)
        self.push()
        [feed] = self.get_feeds()
        self.set_stock(offers[0], 4)
        self.set_stock(offers[1], 0)
        self.push()
        for minutes in (0, 3, 6):
            self.run_feeds(minutes=minutes)
            self.assertEqual(self.get_on_amazon('SKU-1'), 4)
            self.assertEqual(self.get_on_amazon('SKU-2'), 0)
            self.push(minutes=minutes + 1)
        self.assertFalse(feed.feed_ref)
        self.assertEqual([self.get_on_amazon(offer.sku) for offer in offers], [4, 0, 30, 40])

    def test_a_feed_that_reports_on_half_its_messages(self):
        offers = self.add_offers(4)
        self.simulator.arm('feed_half')
        self.push()
        self.run_feeds()
        self.run_feeds(minutes=3)
        states = offers.mapped('stock_state')
        self.assertNotIn('in_sync', states)
        self.assertIn('to_send', states)
        self.push(hours=1)
        self.assertStock(offers, 'sent')
        self.assertEqual([self.get_on_amazon(offer.sku) for offer in offers], [10, 20, 30, 40])

    def test_a_feed_that_fails_is_sent_again_by_calls(self):
        for mood in ('feed_fatal', 'feed_cancelled'):
            with self.subTest(mood):
                self.seller.clear_listings()
                self.env['amazon.offer'].search([]).unlink()
                offers = self.add_offers()
                self.simulator.arm(mood)
                self.push()
                self.run_feeds()
                self.run_feeds(minutes=3)
                self.assertStock(offers, 'to_send', "Amazon ended the feed")
                self.push(hours=1)
                self.assertStock(offers, 'sent')
                self.assertEqual(self.get_on_amazon('SKU-3'), 30)

    def test_what_amazon_refuses_in_a_feed_stops_no_other(self):
        offers = self.add_offers(4)
        self.seller.remove_listing('SKU-2')
        self.push()
        self.run_feeds()
        self.run_feeds(minutes=3)
        self.assertStock(offers[1], 'failed', "Amazon refuses it")
        self.assertStock(offers - offers[1], 'sent')

    def test_what_is_no_longer_to_be_told_is_left_alone_when_the_feed_is_over(self):
        offers = self.add_offers()
        self.push()
        self.run_feeds()
        offers[0].product_id = False
        self.push()
        self.run_feeds(minutes=3)
        self.assertStock(offers[0], False)
        self.assertStock(offers[1:], 'sent')
