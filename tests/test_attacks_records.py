from datetime import datetime, timedelta

from freezegun import freeze_time
from psycopg2 import errors

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase, ShippingCase
from .test_account import OTHER_SELLER

ADMIN = 'amazon_connector.group_amazon_admin'
SHIPMENTS = 'POST_ORDER_FULFILLMENT_DATA'


@tagged('post_install', '-at_install', 'attacks')
class TestOneRecordStopsNoOther(ShippingCase):
    """In each loop of each cron there is a record of which PostgreSQL refuses every change, even to
    keep why it failed. All others are done.
    """

    def setUp(self):
        super().setUp()
        self.bad = {}

    def refuse(self, records, when='UPDATE'):
        """Let PostgreSQL refuse every change of records."""
        self.env.flush_all()
        table = SQL.identifier(records._table)
        name = SQL.identifier(f'refuse_{records._table}')
        self.env.cr.execute(SQL(
            """
            CREATE FUNCTION %(name)s() RETURNS TRIGGER LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'refused for the test'; END
            $$;
            CREATE TRIGGER refuse BEFORE %(when)s ON %(table)s
                FOR EACH ROW WHEN (OLD.id IN %(ids)s) EXECUTE FUNCTION %(name)s()
            """,
            name=name, when=SQL(when), table=table, ids=tuple(records.ids),
        ))
        with mute_logger('odoo.sql_db'), self.assertRaises(errors.RaiseException):  # noqa: SIM117
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(SQL(
                    "UPDATE %s SET id = id WHERE id IN %s", table, tuple(records.ids),
                ))

    def refuse_activities(self, account):
        """Let PostgreSQL refuse to plan an activity on an account."""
        self.env.cr.execute(SQL(
            """
            CREATE FUNCTION refuse_activity() RETURNS TRIGGER LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'refused for the test'; END
            $$;
            CREATE TRIGGER refuse BEFORE INSERT ON mail_activity
                FOR EACH ROW WHEN (NEW.res_model = 'amazon.account' AND NEW.res_id = %s)
                EXECUTE FUNCTION refuse_activity()
            """,
            account.id,
        ))

    def run_quietly(self, *crons):
        """Run crons, whose log tells of defects."""
        with self.assertLogs('odoo.addons.amazon_connector', 'ERROR') as logs:
            for cron in crons:
                self.run_cron(cron)
        self.assertNotIn('refused for the test', '\n'.join(logs.output))

    def connect_other(self):
        """Connect a second seller."""
        other = self.simulator.add_seller(OTHER_SELLER)
        return other, self.connect(self.create_account(OTHER_SELLER))

    def test_orders_that_can_not_be_changed_stop_no_import(self):
        orders = [self.seller.place_order('DE', 'FBM', [Item('MUG')]) for _number in range(3)]
        self.run_cron('fetch_orders')
        self.refuse(self.get_inbox(orders[0]))
        self.env['ir.cron.trigger'].search([]).unlink()
        self.run_quietly('import_orders')
        self.assertEqual(self.get_inbox(orders[0]).state, 'to_do')
        for order in orders[1:]:
            self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertFalse(self.get_triggers('import_orders'), "it would run again and again")

    def test_orders_that_can_not_be_changed_stop_no_search(self):
        orders = [self.seller.place_order('DE', 'FBM', [Item('MUG')]) for _number in range(2)]
        self.sync()
        self.refuse(self.get_inbox(orders[0]))
        for order in orders:
            self.seller.cancel(order)
        news = self.seller.place_order('DE', 'FBM', [Item('MUG')])
        self.run_quietly('fetch_orders')
        self.assertTrue(self.get_inbox(news))
        self.assertEqual(self.get_inbox(orders[1]).amazon_status, 'CANCELLED')

    def test_orders_without_status_that_can_not_be_changed_stop_no_others(self):
        self.simulator.arm('fulfillment_refused', operation='searchOrders', times=None)
        orders = [self.seller.place_order('DE', 'FBM', [Item('MUG')]) for _number in range(2)]
        self.simulator.arm('quota_exceeded', operation='getOrder')
        self.run_cron('fetch_orders')
        self.refuse(self.get_inbox(orders[0]))
        with freeze_time(datetime.now() + timedelta(minutes=5)):
            self.run_quietly('fetch_orders')
            self.run_cron('import_orders')
            self.assertEqual(self.get_inbox(orders[1]).state, 'done')
            self.assertEqual(self.get_inbox(orders[0]).state, 'to_do')
            news = self.seller.place_order('DE', 'FBM', [Item('MUG')])
            self.run_quietly('fetch_orders')
        self.assertTrue(self.get_inbox(news))

    def test_accounts_without_activities_stop_no_others(self):
        seller, other = self.connect_other()
        self.account.only_matched_products = other.only_matched_products = True
        self.seller.place_order(items=[Item('UNKNOWN')])
        seller.place_order('FR', items=[Item('UNKNOWN')])
        good = self.seller.place_order('DE', 'FBM', [Item('MUG')])
        self.refuse_activities(self.account)
        self.run_quietly('fetch_orders', 'import_orders')
        self.assertEqual(self.get_inbox(good).state, 'done')
        self.assertFalse(self.account.activity_ids)
        self.assertTrue(other.activity_ids)

    def test_accounts_without_activities_do_not_keep_the_connection_going(self):
        self.refuse_activities(self.account)
        self.simulator.arm('forbidden', operation='searchOrders', times=None)
        self.run_quietly('fetch_orders')
        self.assertEqual(self.account.state, 'error')

    def test_ways_that_can_not_be_changed_stop_no_others(self):
        seller, other = self.connect_other()
        self.refuse(self.get_sync(self.account) | self.get_sync(self.account, 'feeds'))
        order = seller.place_order('FR')
        self.run_quietly('fetch_orders', 'process_feeds')
        self.assertTrue(self.env['amazon.order'].search([
            ('account_id', '=', other.id), ('amazon_order_ref', '=', order.order_id),
        ]))

    def test_packages_that_can_not_be_changed_stop_no_others(self):
        pickings = [self.deliver(self.order_mugs()) for _number in range(3)]
        self.refuse(pickings[0].amazon_shipment_ids)
        self.run_quietly('send_deliveries')
        self.assertEqual(pickings[0].amazon_state, 'to_send')
        self.assertAmazonState(pickings[1] | pickings[2], 'sent')
        self.assertEqual(self.count_calls('confirmShipment'), 3)

    def test_overdue_packages_that_can_not_be_changed_stop_no_others(self):
        pickings = [self.deliver(self.order_mugs()) for _number in range(2)]
        self.send()
        shipments = pickings[0].amazon_shipment_ids | pickings[1].amazon_shipment_ids
        shipments.sent_at = '2020-01-01'
        self.refuse(shipments[0])
        self.run_quietly('process_feeds')
        self.assertAmazonState(pickings[1], 'failed', "a day ago")

    def test_an_odd_item_reference_stops_no_cancellation(self):
        orders = [self.order_mugs() for _number in range(2)]
        for order in orders:
            self.cancel_order(order)
        cancellations = self.env['amazon.cancellation'].search([], order='id')
        line = cancellations[0].line_ids
        self.env.cr.execute(SQL(
            "UPDATE sale_order_line SET amazon_order_item_ref = %s WHERE id = %s",
            '1\x01\ufffe', line.id,
        ))
        self.env.invalidate_all()
        self.run_cron('process_feeds')
        self.assertEqual(cancellations[1].state, 'in_feed')
        self.assertEqual(cancellations[0].state, 'in_feed', "Amazon gets what is left of it")

    def test_cancellations_that_can_not_be_changed_stop_no_others(self):
        orders = [self.order_mugs() for _number in range(3)]
        for order in orders:
            self.cancel_order(order)
        cancellations = self.env['amazon.cancellation'].search([], order='id')
        self.refuse(cancellations[0])
        self.run_quietly('process_feeds')
        self.assertEqual(cancellations.mapped('state'), ['to_send', 'in_feed', 'in_feed'])

    def test_feeds_that_can_not_be_changed_stop_no_others(self):
        feeds = self.env['amazon.feed']
        for _number in range(2):
            self.cancel_order(self.order_mugs())
            self.env['amazon.cancellation']._put_due_in_feeds(self.account)
            feeds = self.env['amazon.feed'].search([], order='id')
        self.refuse(feeds[0])
        self.run_quietly('process_feeds')
        self.assertEqual(feeds.mapped('state'), ['to_upload', 'in_progress'])

    def test_reports_are_read_for_all_records_but_those_that_can_not_be_changed(self):
        for _number in range(3):
            self.cancel_order(self.order_mugs())
        self.run_cron('process_feeds')
        cancellations = self.env['amazon.cancellation'].search([], order='id')
        self.refuse(cancellations[1])
        self.simulator.finish_feeds()
        self.run_quietly('process_feeds')
        self.assertEqual(cancellations.mapped('state'), ['sent', 'in_feed', 'sent'])

    def test_buyers_and_sales_orders_that_are_refused_stop_no_others(self):
        order = self.order_mugs()
        self.refuse(self.get_sale_order(order))
        good = self.order_mugs()
        self.seller.cancel(order)
        self.seller.cancel(good)
        self.run_cron('fetch_orders')
        with self.assertLogs('odoo.addons.amazon_connector', 'ERROR'):
            self.run_cron('import_orders')
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.assertEqual(self.get_sale_order(good).state, 'cancel')


@tagged('post_install', '-at_install', 'attacks')
class TestMarketplaces(AmazonCase):
    """Marketplaces are shared by all companies."""

    def test_only_system_administrators_change_marketplaces(self):
        marketplace = self.env.ref('amazon_connector.marketplace_de')
        stranger = self.create_user('olaf', ADMIN, company=self.create_company("Other"))
        for user in (stranger, self.create_user('adam', ADMIN)):
            for values in ({'api_ref': 'A1F83G8C2ARO7P'}, {'name': "Mine"}, {'active': False}):
                with self.subTest(user=user.login, **values), self.assertRaises(AccessError):
                    marketplace.with_user(user).write(values)
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                marketplace.with_user(user).unlink()
        boss = self.create_user('boss', 'base.group_system')
        marketplace.with_user(boss).lang_code = 'de_AT'
        self.assertEqual(marketplace.lang_code, 'de_AT')

    def test_a_search_where_amazon_does_not_list_the_seller_moves_no_cursor(self):
        self.sync()
        cursor = self.order_sync.cursor
        order = self.seller.place_order('DE')
        marketplace = self.env.ref('amazon_connector.marketplace_de')
        marketplace.api_ref = 'A1WRONG'
        self.run_cron('fetch_orders')
        self.assertEqual(self.order_sync.cursor, cursor)
        self.assertIn("A1WRONG", self.account.last_error)
        self.assertIn("A1WRONG", self.sync())
        self.account.connection_id.listed_refs = {'refs': []}
        self.assertIn("A1WRONG", self.sync())
        self.assertEqual(self.order_sync.cursor, cursor)
        marketplace.api_ref = 'A1PA6795UKMFR9'
        self.connect(self.account)
        self.sync()
        self.assertTrue(self.get_sale_order(order))
        self.assertFalse(self.account.last_error)
        self.assertGreaterEqual(self.order_sync.cursor, cursor)
