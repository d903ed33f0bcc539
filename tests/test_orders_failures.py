from datetime import datetime, timedelta, timezone

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.models.incoming import Incoming
from odoo.addons.amazon_connector.simulator import Buyer, Item

from .common import AmazonCase


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


@tagged('post_install', '-at_install')
class TestFailures(AmazonCase):
    """What could not be imported says so, and is tried again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.only_matched_products = True

    def place_unmatched(self, sku='MUG'):
        return self.seller.place_order(items=[Item(sku)])

    def import_failing(self, sku='MUG'):
        order = self.place_unmatched(sku)
        self.sync()
        return self.get_inbox(order)

    def test_a_failed_order_is_tried_again_with_growing_delays(self):
        inbox = self.import_failing()
        for attempt, minutes in enumerate((1, 5, 30, 120, 720), start=1):
            with self.subTest(attempt=attempt):
                self.assertEqual((inbox.state, inbox.attempts), ('failed', attempt))
                delay = inbox.next_try - inbox.write_date.replace(microsecond=0)
                self.assertAlmostEqual(delay.total_seconds(), 60 * minutes, delta=2)
                with freeze_time(inbox.next_try - timedelta(seconds=1)):
                    self.run_cron('import_orders')
                self.assertEqual(inbox.attempts, attempt, "Too early")
                with freeze_time(inbox.next_try):
                    self.run_cron('import_orders')
        self.assertEqual((inbox.state, inbox.attempts), ('failed', 6))
        self.assertFalse(inbox.next_try)
        with freeze_time(get_now() + timedelta(days=30)):
            self.run_cron('import_orders')
        self.assertEqual(inbox.attempts, 6, "It waits for a person")

    def test_a_failed_order_comes_in_by_itself_once_the_cause_is_mended(self):
        inbox = self.import_failing()
        self.create_product('MUG')
        with freeze_time(inbox.next_try):
            self.run_cron('import_orders')
        self.assertEqual((inbox.state, inbox.attempts), ('done', 0))
        self.assertFalse(inbox.reason)
        self.assertFalse(inbox.next_try)
        self.assertTrue(inbox.sale_order_id)

    def test_retry_starts_at_once_and_counts_anew(self):
        inbox = self.import_failing()
        with freeze_time(inbox.next_try):
            self.run_cron('import_orders')
        self.assertEqual(inbox.attempts, 2)
        message = self.press(inbox, 'action_retry')['params']['message']
        self.assertEqual(inbox.attempts, 1)
        self.assertIn("1 order needs attention", message)
        self.create_product('MUG')
        message = self.press(inbox, 'action_retry')['params']['message']
        self.assertIn("1 created", message)
        self.assertEqual(inbox.state, 'done')

    def test_retry_asks_amazon_nothing(self):
        inbox = self.import_failing()
        self.create_product('MUG')
        self.simulator.calls.clear()
        self.press(inbox, 'action_retry')
        self.assertEqual(inbox.state, 'done')
        self.assertFalse(self.simulator.calls)

    def test_all_orders_with_the_same_reason_are_retried_together(self):
        mugs = [self.place_unmatched() for _number in range(3)]
        bowl = self.place_unmatched('BOWL')
        self.sync()
        self.create_product('MUG')
        self.create_product('BOWL')
        self.press(self.get_inbox(mugs[0]), 'action_retry_same_reason')
        for order in mugs:
            self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertEqual(self.get_inbox(bowl).state, 'failed')

    def test_one_activity_an_account_and_streak(self):
        self.account.user_id = self.create_user('sally', 'amazon_connector.group_amazon_user')
        first = self.place_unmatched()
        self.place_unmatched()
        self.sync()
        activity = self.account.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertEqual(activity.user_id, self.account.user_id)
        self.assertIn("could not be imported", html2plaintext(activity.note))
        third = self.import_failing('BOWL')
        self.assertEqual(self.account.activity_ids, activity)

        self.create_product('MUG')
        self.press(self.get_inbox(first), 'action_retry_same_reason')
        self.assertEqual(self.account.activity_ids, activity, "BOWL still needs attention")
        self.create_product('BOWL')
        self.press(third, 'action_retry')
        self.assertFalse(self.account.activity_ids)
        self.import_failing('TEA')
        self.assertEqual(len(self.account.activity_ids), 1, "Another streak")

    def test_the_account_shows_counts(self):
        self.create_product('TEA')
        self.place_unmatched('MUG')
        self.place_unmatched('BOWL')
        self.place_unmatched('TEA')
        self.run_cron('fetch_orders')
        self.assertEqual((self.account.to_do_count, self.account.failed_count), (3, 0))
        self.run_cron('import_orders')
        self.assertEqual((self.account.to_do_count, self.account.failed_count), (0, 2))
        self.assertEqual(self.account.unmatched_offer_count, 2)
        self.assertEqual(self.account.today_count, 1)

    def test_the_counts_lead_to_what_they_count(self):
        inbox = self.import_failing()
        action = self.account.action_open_failed_orders()
        self.assertTrue(action['context']['search_default_failed'])
        self.assertIn(inbox, self.env['amazon.order'].search(action['domain']))
        action = self.account.action_open_unmatched_offers()
        self.assertEqual(self.env['amazon.offer'].search(action['domain']).sku, 'MUG')

    def test_a_failed_order_that_changes_on_amazon_starts_anew(self):
        order = self.place_unmatched()
        self.sync()
        inbox = self.get_inbox(order)
        with freeze_time(inbox.next_try):
            self.run_cron('import_orders')
        self.assertEqual(inbox.attempts, 2)
        self.seller.cancel(order)
        self.sync()
        self.assertEqual((inbox.state, inbox.attempts), ('skipped', 0))
        self.assertFalse(self.account.activity_ids)

    def test_an_order_that_breaks_off_the_import_fails_alone(self):
        self.env.cr.execute(
            "ALTER TABLE amazon_offer ADD CONSTRAINT broken CHECK (sku != 'MUG')",
        )
        order = self.place_unmatched()
        self.run_cron('fetch_orders')
        self.env['ir.cron.trigger'].search([]).unlink()
        with mute_logger('odoo.sql_db', 'odoo.addons.amazon_connector.models.quiet'):
            self.run_cron('import_orders')
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.assertIn("Unexpected error", self.get_inbox(order).reason)
        self.assertTrue(self.get_inbox(order).next_try)

    def test_nothing_half_made_remains_of_an_order_that_fails_late(self):
        self.create_product('MUG')
        # The goods are moved last, and Odoo takes nothing from a location of this kind.
        self.account.location_id.usage = 'view'
        late = self.seller.place_order('GB', 'FBA', [Item('MUG')], status='SHIPPED')
        others = [self.seller.place_order(items=[Item('MUG')]) for _number in range(2)]
        self.sync()
        inbox = self.get_inbox(late)
        self.assertEqual(inbox.state, 'failed')
        self.assertIn("view", inbox.answer)
        self.assertFalse(self.get_sale_order(late))
        self.assertFalse(self.env['stock.move'].search([('origin', '=', late.order_id)]))
        price_list = [('name', '=', 'Amazon GBP'), ('company_id', '=', self.company.id)]
        self.assertFalse(self.env['product.pricelist'].search(price_list))
        for order in others:
            self.assertEqual(self.get_sale_order(order).state, 'sale')
        self.account.location_id.usage = 'internal'
        self.press(inbox, 'action_retry')
        self.assertEqual(self.get_sale_order(late).order_line.move_ids.state, 'done')
        self.assertTrue(self.env['product.pricelist'].search(price_list))

    def attempt(self, inbox, action):
        """Do something with the orders together or apart.

        :return: How many were tried each time, and the orders that failed.
        """
        attempts = []

        def attempt(part):
            attempts.append(len(part))
            action(part)

        failures = inbox._do_together_or_apart(attempt)
        return attempts, inbox.browse().union(*failures)

    def fetch(self, skus):
        """Return the orders of these SKUs in the inbox, fetched in this order."""
        placed = [self.place_unmatched(sku) for sku in skus]
        self.run_cron('fetch_orders')
        return self.env['amazon.order'].union(*map(self.get_inbox, placed))

    def test_the_good_half_proves_the_other_to_be_bad(self):
        inbox = self.fetch(['MUG'] * 8)

        def refuse_the_last(part):
            if inbox[-1] in part:
                raise ValueError

        attempts, failed = self.attempt(inbox, refuse_the_last)
        self.assertEqual(failed, inbox[-1])
        self.assertEqual(attempts, [8, 4, 2, 1, 1])

    def test_what_is_bad_only_together_is_done_apart(self):
        inbox = self.fetch(['MUG'] * 4)

        def refuse_more_than_two(part):
            if len(part) > 2:
                raise ValueError

        attempts, failed = self.attempt(inbox, refuse_more_than_two)
        self.assertFalse(failed)
        self.assertEqual(attempts, [4, 2, 1, 1])

    def test_the_order_that_odoos_checks_refuse_is_left_out_at_once(self):
        self.create_product('MUG')
        stranger = self.create_product('POT')
        inbox = self.fetch(['MUG', 'POT', 'MUG', 'MUG', 'POT', 'MUG'])
        incoming = {order: Incoming(order, order._parse()) for order in inbox}
        self.env['amazon.offer']._get_or_create_for(self.account, list(incoming.values()))
        stranger.company_id = self.env['res.company'].create({'name': "Stranger"})

        @as_connector()
        def create(part):
            self.env['sale.order']._create_from_amazon(
                self.account, [incoming[order] for order in part],
            )

        attempts, failed = self.attempt(inbox, create)
        self.assertEqual(failed, inbox[1] | inbox[4])
        self.assertEqual(attempts, [6, 5, 4])

    def test_what_an_attempt_found_does_not_outlive_it(self):
        self.create_product('MUG')
        inbox = self.fetch(['MUG'])
        incoming = Incoming(inbox, inbox._parse())
        self.env['amazon.offer']._get_or_create_for(self.account, [incoming])
        with as_connector():
            inbox._create_sale_orders({inbox: incoming})
        self.assertEqual(inbox.state, 'done')
        self.assertFalse(incoming.customer or incoming.position or incoming.sale_order)


@tagged('post_install', '-at_install')
class TestDataProtection(AmazonCase):
    """What is kept of buyers, and for how long."""

    def test_payloads_go_30_days_after_shipment(self):
        order = self.seller.place_order(status='SHIPPED')
        self.sync()
        inbox = self.get_inbox(order)
        shipped = order.packages[0].shipped_at.replace(tzinfo=None)
        self.purge(shipped + timedelta(days=30, seconds=-1))
        self.assertTrue(inbox.payload)
        self.purge(shipped + timedelta(days=30, seconds=1))
        self.assertFalse(inbox.payload)

    def test_payloads_go_earlier_if_the_account_says_so(self):
        self.account.payload_days = 3
        order = self.seller.place_order(status='SHIPPED')
        self.sync()
        self.purge(get_now() + timedelta(days=3, minutes=5))
        [inbox] = self.get_inbox(order)
        self.assertFalse(inbox.payload)

    def test_payloads_of_orders_that_were_not_imported_go_too(self):
        orders = [
            self.seller.place_order(status='CANCELLED'),
            self.seller.place_order(),
        ]
        self.seller.override(orders[1], remove=['/fulfillment', '/createdTime'])
        self.sync()
        self.account.active = False
        self.purge(get_now() + timedelta(days=91))
        for order in orders:
            [inbox] = self.get_inbox(order)
            self.assertFalse(inbox.payload)

    def test_an_order_without_its_payload_says_how_to_get_it_again(self):
        order = self.seller.place_order()
        self.sync()
        inbox = self.get_inbox(order)
        self.purge(get_now() + timedelta(days=91))
        self.press(inbox, 'action_retry')
        self.assertEqual(inbox.state, 'failed')
        self.assertIn("Fetch Again", inbox.reason)
        self.press(inbox, 'action_fetch_again')
        self.assertEqual(inbox.state, 'done')
        self.assertTrue(inbox.payload)
        self.assertEqual(len(self.get_sale_order(order)), 1)

    def test_nothing_personal_is_logged_when_the_database_refuses(self):
        self.env.cr.execute(
            "ALTER TABLE res_partner ADD CONSTRAINT nobody CHECK (name != 'Quirina Xylander')",
        )
        with self.assertLogs('odoo') as logs:
            order = self.seller.place_order(buyer=Buyer('Quirina Xylander', 'quirina@example.com'))
            self.sync()
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.assertFalse([line for line in logs.output if 'Xylander' in line])

    def test_nothing_personal_and_no_secret_is_logged(self):
        buyer = Buyer('Quirina Xylander', 'quirina@marketplace.amazon.de')
        with self.assertLogs('odoo') as logs, self.assertNoLogs('urllib3', 'DEBUG'):
            order = self.seller.place_order(items=[Item('MUG', gift_message='Zur Taufe')],
                                            buyer=buyer)
            self.sync()
            self.assertTrue(self.get_sale_order(order))
            self.seller.override(order, values={'/orderItems/0/quantityOrdered': 'many'})
            self.sync()
            self.assertEqual(self.get_inbox(order).state, 'failed')
            self.seller.revoke_authorisation()
            self.simulator.tokens.revoke_tokens(self.seller)
            self.sync()
            self.assertEqual(self.account.state, 'error')
        self.assertTrue(any('searchOrders: 200' in line for line in logs.output))
        for text in ('Xylander', 'quirina', 'Lindenweg', 'Zur Taufe', 'Atza|',
                     self.seller.profile.client_secret, self.seller.profile.refresh_token):
            self.assertFalse([line for line in logs.output if text in line], text)
