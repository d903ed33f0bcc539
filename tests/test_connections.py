from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.extensions import AsIs

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item, Participation
from odoo.addons.amazon_connector.simulator.operations import orders_2026_01_01

from .common import AmazonCase, ProcessCase, ShippingCase
from .test_account import OTHER_SELLER

NINE = ('DE', 'GB', 'FR', 'IT', 'ES', 'NL', 'SE', 'PL', 'BE')


class ConnectionCase(AmazonCase):

    def get_marketplace(self, code):
        return self.env.ref(f'amazon_connector.marketplace_{code.lower()}')

    def add_account(self, *codes, **values):
        """Create and start an account on the connection, for marketplaces that it takes from the
        first.
        """
        marketplaces = self.env['amazon.marketplace'].union(*map(self.get_marketplace, codes))
        self.account.synced_marketplace_ids -= marketplaces
        account = self.env['amazon.account'].create({
            'name': ' '.join(codes),
            'connection_id': self.account.connection_id.id,
            'synced_marketplace_ids': [Command.set(marketplaces.ids)],
            'only_matched_products': False,
            **values,
        })
        account._start()
        return account

    def get_searches(self):
        """Return which marketplaces were searched for, search by search."""
        return [
            call.query['marketplaceIds'] for call in self.simulator.calls
            if call.operation == 'searchOrders'
        ]


@tagged('post_install', '-at_install')
class TestConnections(ConnectionCase):
    """One authorization serves several accounts."""

    # === MAKING ONE === #

    def test_an_account_with_credentials_makes_a_connection_of_its_company(self):
        company = self.create_company("Nordwind UK")
        account = self.create_account(company=company)
        self.assertEqual(account.connection_id.company_id, company)
        self.assertNotEqual(account.connection_id, self.account.connection_id)
        self.assertEqual(account.connection_id.seller_id, DEFAULT_SELLER.seller_id)
        self.assertEqual(
            set(account.connection_id.sync_ids.mapped('way')),
            set(self.env['amazon.sync']._get_ways()),
        )

    def test_an_account_offers_the_fields_of_its_connection(self):
        second = self.add_account('JP')
        second.lwa_client_id = 'changed'
        self.assertEqual(self.account.lwa_client_id, 'changed')
        self.assertEqual(self.account.connection_id.lwa_client_id, 'changed')
        self.assertEqual(self.env['amazon.account'].search([('lwa_client_id', '=', 'changed')]),
                         self.account | second)

    def test_choosing_a_connection_leaves_its_credentials_alone(self):
        self.connect(self.account)
        connection = self.account.connection_id
        fields = ['seller_id', 'region', 'environment', 'spapi_endpoint', 'lwa_client_id', 'state']
        before = connection.read(fields)
        with Form(self.env['amazon.account']) as form:
            form.name = "Second"
            form.connection_id = connection
            self.assertEqual(form.seller_id, connection.seller_id)
        second = form.save()
        self.assertEqual(second.connection_id, connection)
        self.assertEqual(connection.read(fields), before)
        self.connect(second)
        self.assertEqual(second.state, 'connected')

    def test_a_connection_is_of_one_company(self):
        other = self.create_company("Nordwind UK")
        values = {'name': "Second", 'connection_id': self.account.connection_id.id}
        with self.assertRaisesRegex(UserError, "company"):
            self.env['amazon.account'].with_company(other).create({
                **values, 'company_id': other.id,
            })
        with self.assertRaises(ValidationError):
            self.account.connection_id.company_id = other

    def test_an_account_keeps_its_connection(self):
        other = self.create_account(name="Other").connection_id
        with self.assertRaisesRegex(UserError, "keeps the one"):
            self.account.connection_id = other
        with self.assertRaisesRegex(UserError, "keeps the one"):
            other.account_ids = [Command.link(self.account.id)]

    def test_a_seller_who_is_changed_synchronizes_no_marketplace_twice(self):
        other = self.create_account(seller_id='A2OTHER')
        other.synced_marketplace_ids = self.get_marketplace('GB')
        second = self.add_account('GB')
        with self.assertRaisesRegex(ValidationError, "Amazon.co.uk"):
            second.connection_id.seller_id = 'A2OTHER'

    def test_connections_are_found_by_their_seller(self):
        found = self.env['amazon.connection'].name_search(DEFAULT_SELLER.seller_id)
        self.assertIn(self.account.connection_id.id, [connection for connection, _name in found])
        self.assertFalse(self.env['amazon.connection'].name_search('Nobody'))

    def test_a_connection_goes_with_its_last_account(self):
        second = self.add_account('JP')
        connection = self.account.connection_id
        second.unlink()
        self.assertTrue(connection.exists())
        self.account.unlink()
        self.assertFalse(connection.exists())

    # === ONE SEARCH === #

    def test_accounts_of_a_connection_are_searched_for_at_once(self):
        self.sync()
        accounts = [self.account, self.add_account('GB'), self.add_account('JP')]
        self.sync()  # Reads the marketplaces of the new accounts from their beginning.
        orders = [self.seller.place_order(code) for code in ('DE', 'GB', 'JP')]
        for synced in (accounts[:1], accounts[:2], accounts):
            self.simulator.calls.clear()
            self.sync(self.env['amazon.account'].union(*synced))
            self.assertEqual(len(self.get_searches()), 1)
        for order, account in zip(orders, accounts, strict=True):
            self.assertEqual(self.get_inbox(order).account_id, account)
            self.assertEqual(self.get_sale_order(order).amazon_account_id, account)
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertEqual(len(self.get_searches()), 1)

    def test_nine_accounts_cost_one_call(self):
        profile = replace(
            DEFAULT_SELLER, seller_id='A2SIMULATOR009', refresh_token='Atzr|nine',
            client_id='amzn1.application-oa2-client.nine',
            participations=tuple(Participation(code) for code in NINE),
        )
        seller = self.simulator.add_seller(profile)
        self.account = self.connect(self.create_account(profile))
        accounts = self.account.union(*(self.add_account(code) for code in NINE[1:]))
        self.run_cron('fetch_orders')
        self.assertFalse(self.order_sync.backlog)
        orders = [seller.place_order(code) for code in NINE]
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        searches = [
            call for call in self.simulator.calls
            if (call.operation, call.seller_id) == ('searchOrders', profile.seller_id)
        ]
        self.assertEqual(len(searches), 1)
        self.assertEqual(
            self.env['amazon.account'].union(
                *(self.get_inbox(order).account_id for order in orders),
            ),
            accounts,
        )

    def test_a_search_that_is_interrupted_goes_on_when_a_marketplace_is_added(self):
        britain = self.get_marketplace('GB')
        self.account.synced_marketplace_ids = self.get_marketplace('DE')
        self.sync()
        for _number in range(250):
            self.seller.place_order('DE')
        old = self.seller.place_order(
            'GB', placed_at=self.simulator.clock.now() - timedelta(days=9),
        )
        self.simulator.arm('unavailable', operation='searchOrders', skip=1, times=1)
        self.run_cron('fetch_orders')
        interrupted = self.order_sync.window
        self.assertTrue(interrupted)
        self.add_account('GB')
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertEqual(
            self.get_searches(),
            [self.get_marketplace('DE').api_ref] * 2 + [britain.api_ref],
        )
        self.assertTrue(self.get_inbox(old))
        self.assertFalse(self.order_sync.window or self.order_sync.backlog)

    def test_an_archived_account_is_not_searched_for_and_read_when_it_is_back(self):
        britain = self.add_account('GB')
        self.sync()
        britain.active = False
        order = self.seller.place_order('GB')
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertTrue(self.get_searches())
        self.assertNotIn(self.get_marketplace('GB').api_ref, ','.join(self.get_searches()))
        self.assertFalse(self.get_inbox(order))
        britain.active = True
        self.run_cron('fetch_orders')
        self.assertEqual(self.get_inbox(order).account_id, britain)

    def test_an_account_that_is_back_while_a_search_is_interrupted_loses_nothing(self):
        britain = self.add_account('GB')
        self.sync()
        britain.active = False
        for _number in range(150):
            self.seller.place_order('DE')
        order = self.seller.place_order('GB')
        self.simulator.arm('unavailable', operation='searchOrders', skip=1, times=1)
        self.run_cron('fetch_orders')
        self.assertTrue(self.order_sync.window)
        britain.active = True
        self.run_cron('fetch_orders')
        self.assertEqual(self.get_inbox(order).account_id, britain)

    def test_accounts_that_are_archived_one_after_the_other_lose_nothing(self):
        britain = self.add_account('GB')
        self.sync()
        britain.active = False
        order = self.seller.place_order('GB')
        self.run_cron('fetch_orders')
        self.account.active = False
        britain.active = True
        self.run_cron('fetch_orders')
        self.assertEqual(self.get_inbox(order).account_id, britain)

    def test_an_order_stays_with_its_account_when_nobody_synchronizes_its_marketplace(self):
        britain = self.add_account('GB')
        order = self.seller.place_order('GB')
        self.sync()
        britain.active = False
        self.press(self.get_inbox(order), 'action_fetch_again')
        self.assertEqual(self.get_inbox(order).account_id, britain)
        self.account.active = False
        self.press(self.get_inbox(order), 'action_fetch_again')
        self.assertEqual(self.get_inbox(order).account_id, britain)

    def test_an_order_that_is_fetched_goes_to_the_account_that_was_chosen(self):
        japan = self.add_account('JP')
        britain = self.get_marketplace('GB')
        self.account.synced_marketplace_ids -= britain
        self.assertLess(self.account.name, 'Z')
        japan.name = 'Z'
        order = self.seller.place_order('GB')
        wizard = self.env['amazon.fetch.order'].create({
            'account_id': japan.id, 'amazon_order_ref': order.order_id,
        })
        self.press(wizard, 'action_fetch')
        self.assertEqual(self.get_inbox(order).account_id, japan)

    def test_connections_of_archived_accounts_ask_nothing(self):
        second = self.add_account('GB')
        (self.account | second).active = False
        self.assertFalse(self.account.connection_id.active)
        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertFalse(self.simulator.calls)

    # === THE CURSOR === #

    def test_last_order_sync_is_the_cursor_of_all_accounts(self):
        second = self.add_account('GB')
        self.sync()
        self.assertEqual(self.order_sync.cursor, self.account.last_order_sync)
        earlier = self.account.last_order_sync - timedelta(days=3)
        second.last_order_sync = earlier
        self.assertEqual(self.order_sync.cursor, earlier)
        self.assertEqual(self.account.last_order_sync, earlier)

    def test_a_script_says_since_when_a_new_account_is_read(self):
        since = self.account.last_order_sync - timedelta(days=9)
        account = self.create_account(
            company=self.create_company("Nordwind UK"), last_order_sync=since,
        )
        self.assertEqual(self.get_sync(account).cursor, since)
        self.connect(account)
        self.assertEqual(account.last_order_sync, since)
        self.assertTrue(account.synced_marketplace_ids)
        self.assertFalse(self.get_sync(account).backlog)

    def test_who_says_since_when_says_it_for_added_marketplaces_too(self):
        self.account.synced_marketplace_ids = self.get_marketplace('DE')
        self.sync()
        since = self.account.last_order_sync - timedelta(days=2)
        self.account.write({
            'last_order_sync': since,
            'synced_marketplace_ids': [Command.link(self.get_marketplace('GB').id)],
        })
        self.assertEqual(self.order_sync.cursor, since)
        self.assertFalse(self.order_sync.backlog)

    # === SPLITTING OFF === #

    def split(self, *codes, account=None):
        marketplaces = self.env['amazon.marketplace'].union(*map(self.get_marketplace, codes))
        wizard = Form(self.env['amazon.split.account'].with_context(
            default_account_id=(account or self.account).id,
        ))
        for marketplace in marketplaces:
            wizard.marketplace_ids.add(marketplace)
        action = wizard.save().action_split()
        return self.env[action['res_model']].browse(action['res_id'])

    def test_marketplaces_are_split_off_without_reading_anything_again(self):
        self.create_product('MUG')
        order = self.seller.place_order('GB', items=[Item('MUG')])
        self.sync()
        self.account.delivery_rule_ids = [Command.create({
            'carrier_id': self.env['delivery.carrier'].create({
                'name': "Parcel",
                'product_id': self.account.shipping_product_id.id,
            }).id,
        })]
        second = self.split('GB', 'JP')
        self.assertEqual(
            second.delivery_rule_ids.carrier_id, self.account.delivery_rule_ids.carrier_id,
        )
        self.assertEqual(second.connection_id, self.account.connection_id)
        self.assertEqual(second.state, 'connected')
        self.assertEqual(second.warehouse_id, self.account.warehouse_id)
        self.assertEqual(second.name, "Nordwind Home - Amazon.co.uk, Amazon.co.jp")
        self.assertEqual(
            second.synced_marketplace_ids, self.get_marketplace('GB') | self.get_marketplace('JP'),
        )
        self.assertEqual(self.account.synced_marketplace_ids, self.get_marketplace('DE'))
        self.assertEqual(self.get_sale_order(order).amazon_account_id, second)
        self.assertFalse(self.order_sync.backlog)
        self.simulator.calls.clear()
        self.sync()
        self.assertEqual(len(self.get_searches()), 1)
        self.assertIn(self.get_marketplace('GB').api_ref, self.get_searches()[0])

    def test_not_everything_is_split_off(self):
        with self.assertRaisesRegex(UserError, "at least one"):
            self.split('DE', 'GB', 'JP')

    def test_only_an_administrator_splits(self):
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        with self.assertRaises(AccessError):
            self.env['amazon.split.account'].with_user(user).create({
                'account_id': self.account.id,
                'marketplace_ids': self.get_marketplace('GB').ids,
                'name': "GB",
            })

    # === ACCESS === #

    def test_nobody_moves_a_way_by_hand(self):
        for group in ('group_amazon_user', 'group_amazon_admin'):
            user = self.create_user(group, f'amazon_connector.{group}')
            sync = self.order_sync.with_user(user).sudo(False)
            self.assertTrue(sync.read(['last_success']))
            with self.subTest(group=group), self.assertRaises(AccessError):
                sync.cursor = False
            with self.subTest(group=group), self.assertRaises(AccessError):
                sync.read(['window'])

    def test_users_read_connections_and_do_not_change_them(self):
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        connection = self.account.connection_id.with_user(user)
        self.assertTrue(connection.read(['seller_id', 'state']))
        for values in ({'seller_id': 'X'}, {'state': 'draft'}, {'region': 'na'}):
            with self.subTest(**values), self.assertRaises(AccessError):
                connection.write(values)
        with self.assertRaises(AccessError):
            connection.read(['refresh_token'])

    def test_a_stranger_sees_no_connection(self):
        stranger = self.create_user(
            'olaf', 'amazon_connector.group_amazon_admin', company=self.create_company("Other"),
        )
        for record in (self.account.connection_id, self.order_sync):
            with self.subTest(model=record._name), self.assertRaises(AccessError):
                record.with_user(stranger).sudo(False).read(['display_name'])


@tagged('post_install', '-at_install')
class TestWays(ShippingCase):
    """Each way keeps what is wrong with it for itself."""

    def test_a_way_that_works_does_not_hide_what_is_wrong_with_another(self):
        order = self.order_mugs()
        self.deliver(order)
        self.simulator.arm('unavailable', operation='confirmShipment', times=None)
        self.run_cron('send_deliveries')
        deliveries = self.get_sync(self.account, 'deliveries')
        self.assertIn("tried again by itself", deliveries.last_error)
        self.assertFalse(deliveries.last_success)
        self.assertEqual(self.account.last_error, deliveries.last_error)
        self.run_cron('fetch_orders')
        self.assertTrue(self.order_sync.last_success)
        self.assertFalse(self.order_sync.last_error)
        self.assertEqual(self.account.last_error, deliveries.last_error)
        self.simulator.disarm()
        self.send_again(self.get_sale_order(order).picking_ids)
        self.assertFalse(deliveries.last_error)
        self.assertTrue(deliveries.last_success)
        self.assertFalse(self.account.last_error)

    def test_a_failed_connect_is_forgotten_when_a_way_works(self):
        self.simulator.arm('unavailable', operation='getMarketplaceParticipations')
        self.connect(self.account)
        self.assertIn("Press Connect again", self.account.last_error)
        with freeze_time(self.account.last_error_date + timedelta(minutes=5)):
            self.run_cron('fetch_orders')
        self.assertFalse(self.account.last_error)

    def test_a_carrier_that_fails_stops_no_feed(self):
        self.env.cr.execute('ALTER TABLE amazon_feed ADD CONSTRAINT broken CHECK (state IS NULL)')
        order = self.order_mugs()
        self.press(
            self.env['amazon.cancel.order'].create({
                'order_ids': self.get_sale_order(order).ids, 'code': 'NoInventory',
            }), 'action_cancel',
        )
        with mute_logger('odoo.sql_db', 'odoo.addons.amazon_connector.models.quiet'):
            self.run_cron('process_feeds')
        [cancellation] = self.get_sale_order(order).amazon_cancellation_ids
        self.assertEqual(cancellation.state, 'failed')
        self.assertIn("Unexpected error", cancellation.reason)
        self.assertFalse(self.get_sync(self.account, 'feeds').last_error)

    def test_run_now_of_an_archived_account_asks_nothing(self):
        self.simulator.add_seller(OTHER_SELLER)
        self.connect(self.create_account(OTHER_SELLER))
        self.account.active = False
        self.simulator.calls.clear()
        with self.assertRaisesRegex(UserError, "is archived"):
            self.press(self.order_sync, 'action_run')
        self.assertFalse(self.simulator.calls)

    def test_run_now_does_what_is_due(self):
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        order = self.seller.place_order()
        self.press(self.order_sync.with_user(user).sudo(False), 'action_run')
        self.assertTrue(self.get_inbox(order))
        salesman = self.create_user('sally', 'sales_team.group_sale_salesman')
        with self.assertRaises(AccessError):
            self.press(self.order_sync.with_user(salesman).sudo(False), 'action_run')

    def test_a_way_says_when_it_goes_on(self):
        for sync in self.account.connection_id.sync_ids:
            self.assertEqual(sync.next_run, min(
                [sync._get_cron().nextcall, *self.env['ir.cron.trigger'].search(
                    [('cron_id', '=', sync._get_cron().id)],
                ).mapped('call_at')],
            ))


@tagged('post_install', '-at_install')
class TestConnectInProcesses(ProcessCase):
    """Connecting, with real transactions."""

    def test_connect_works_in_the_transaction_that_makes_the_account(self):
        self.play('rest')
        self.assertEqual(self.query('SELECT state FROM amazon_connection'), [('connected',)])
        self.assertEqual(self.query('SELECT count(*) FROM amazon_access_token'), [(1,)])

    def test_nobody_is_held_up_while_amazon_is_asked(self):
        locked = []

        def answer(*arguments):
            for table in ('amazon_account', 'amazon_connection', 'amazon_quota', 'res_company'):
                free = self.query('SELECT id FROM %s FOR UPDATE SKIP LOCKED', AsIs(table))
                known = self.query('SELECT id FROM %s', AsIs(table))
                self.assertTrue(known)
                locked.append((table, len(known) - len(free)))
            return query_size(*arguments)

        query_size = orders_2026_01_01.query_size
        with patch.object(orders_2026_01_01, 'query_size', answer):
            self.play('fetch_once')
        self.assertTrue(locked)
        self.assertEqual({count for _table, count in locked}, {0}, locked)
