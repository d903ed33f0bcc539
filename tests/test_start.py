from datetime import datetime, time, timedelta

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase, AttackCase, TourCase

CRONS = ('fetch_orders', 'import_orders', 'send_deliveries', 'process_feeds')
MIGRATION = 'amazon_connector/migrations/19.0.1.1.0/post-migrate.py'


class StartCase(AmazonCase):
    """An account that is connected and not started."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany, cls.britain, cls.japan = (
            cls.env.ref(f'amazon_connector.marketplace_{code}') for code in ('de', 'gb', 'jp')
        )

    @classmethod
    def connect(cls, account):
        """Press Connect, and nothing else."""
        cls.press(account, 'action_connect')
        return account

    def place(self, marketplace='DE', days=0, **details):
        """Let a buyer order a mug some days ago."""
        return self.seller.place_order(
            marketplace, 'FBM', [Item('MUG', '12')],
            placed_at=self.simulator.clock.now() - timedelta(days=days), **details,
        )

    def days_ago(self, days):
        return datetime.now().replace(microsecond=0) - timedelta(days=days)

    def run_crons(self):
        for name in CRONS:
            self.run_cron(name)

    def add_account(self, *codes, **values):
        """Create an account on the connection, for marketplaces that it takes from the first."""
        marketplaces = self.env['amazon.marketplace'].union(
            *(self.env.ref(f'amazon_connector.marketplace_{code}') for code in codes),
        )
        self.account.synced_marketplace_ids -= marketplaces
        return self.env['amazon.account'].create({
            'name': ' '.join(codes),
            'connection_id': self.account.connection_id.id,
            'synced_marketplace_ids': [Command.set(marketplaces.ids)],
            'only_matched_products': False,
            **values,
        })

    def get_searches(self):
        """Return which marketplaces were searched for, search by search."""
        return [
            call.query['marketplaceIds'] for call in self.simulator.calls
            if call.operation == 'searchOrders'
        ]

    def get_notes(self, record):
        return ' '.join(record.message_ids.mapped('body'))


@tagged('post_install', '-at_install')
class TestStart(StartCase):
    """Nothing is fetched before a person has said from when and where to."""

    # === WAITING === #

    def test_the_crons_wait_for_an_account_that_is_not_started(self):
        order = self.place()
        cursor = self.order_sync.cursor
        self.run_crons()
        self.assertFalse(self.simulator.calls)
        self.assertFalse(self.get_inbox(order))
        self.assertEqual(self.order_sync.cursor, cursor)
        self.assertFalse(self.order_sync.last_run or self.order_sync.last_error)
        self.account._start()
        self.run_crons()
        self.assertEqual(self.get_sale_order(order).state, 'sale')

    def test_marketplaces_that_come_and_go_are_not_read_before_the_start(self):
        second = self.add_account('gb')
        self.account._start()
        self.sync()
        second.synced_marketplace_ids |= self.japan - self.account.synced_marketplace_ids
        self.britain.active = False
        self.britain.active = True
        second.active = False
        second.active = True
        self.assertFalse(self.order_sync.backlog)
        self.assertNotIn("are read now", self.get_notes(second))
        self.simulator.calls.clear()
        self.run_crons()
        self.assertNotIn(self.britain.api_ref, ','.join(self.get_searches()))

    def test_an_account_that_is_started_goes_on_beside_one_that_is_not(self):
        second = self.add_account('gb')
        self.account._start()
        here, there = self.place('DE'), self.place('GB')
        self.run_crons()
        self.assertTrue(self.get_sale_order(here))
        self.assertFalse(self.get_inbox(there))
        self.assertNotIn(self.britain.api_ref, ','.join(self.get_searches()))
        second._start()
        self.run_crons()
        self.assertEqual(self.get_sale_order(there).amazon_account_id, second)

    # === EACH KIND OF START === #

    def test_sync_orders_is_a_start(self):
        order = self.place(days=3)
        self.assertIn("1 created", self.sync())
        self.assertTrue(self.account.is_started)
        self.assertTrue(self.get_sale_order(order))

    def test_an_amazon_user_starts_by_sync_orders(self):
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        order = self.place()
        self.sync(self.account.with_user(user))
        self.assertTrue(self.account.is_started)
        self.assertTrue(self.get_sale_order(order))

    def test_setting_last_order_sync_is_a_start(self):
        before, after = self.place(days=6), self.place(days=4)
        self.account.last_order_sync = False
        self.assertFalse(self.account.is_started)
        self.account.last_order_sync = self.days_ago(5)
        self.assertTrue(self.account.is_started)
        self.run_crons()
        self.assertFalse(self.get_inbox(before))
        self.assertTrue(self.get_sale_order(after))

    def test_run_now_of_the_orders_is_a_start_that_of_other_ways_is_none(self):
        order = self.place()
        self.press(self.get_sync(self.account, 'deliveries'), 'action_run')
        self.assertFalse(self.account.is_started)
        self.press(self.order_sync, 'action_run')
        self.assertTrue(self.account.is_started)
        self.assertTrue(self.get_inbox(order))

    def test_fetching_one_order_is_no_start(self):
        order, other = self.place(), self.place()
        wizard = self.env['amazon.fetch.order'].create({
            'account_id': self.account.id, 'amazon_order_ref': order.order_id,
        })
        self.press(wizard, 'action_fetch')
        self.assertEqual(self.get_sale_order(order).state, 'sale')
        self.assertFalse(self.account.is_started)
        self.run_crons()
        self.assertFalse(self.count_calls())
        self.assertFalse(self.get_inbox(other))

    def test_what_is_split_off_is_as_started_as_before_a_copy_is_not(self):
        for is_started in (False, True):
            with self.subTest(is_started=is_started):
                if is_started:
                    self.account._start()
                wizard = self.env['amazon.split.account'].create({
                    'account_id': self.account.id,
                    'marketplace_ids': (self.japan if is_started else self.britain).ids,
                    'name': "Other",
                })
                other = self.env['amazon.account'].browse(wizard.action_split()['res_id'])
                self.assertEqual(other.is_started, is_started)
        self.assertFalse(
            self.account.copy({'connection_id': self.account.connection_id.id}).is_started,
        )

    # === FROM THE DATE THAT IT SAYS === #

    def test_the_first_account_is_read_from_its_date(self):
        for days in (10, 50):  # more and less than without a date
            with self.subTest(days=days):
                account = self.connect(self.create_account(
                    company=self.create_company(f"Nordwind {days}"),
                ))
                since = self.days_ago(days)
                account._start(since)
                self.assertEqual(account.last_order_sync, since)
                self.assertFalse(self.get_sync(account).backlog)

    def test_a_later_account_is_read_from_its_date_and_the_first_one_not_again(self):
        second = self.add_account('gb')
        self.account._start()
        self.sync()
        before, after = self.place('GB', days=6), self.place('GB', days=4)
        german = self.place('DE', days=5)
        second._start(self.days_ago(5))
        self.assertIn("are read now", self.get_notes(second))
        self.run_crons()
        self.assertFalse(self.get_inbox(before) or self.get_inbox(german))
        self.assertEqual(self.get_sale_order(after).amazon_account_id, second)
        self.assertFalse(self.order_sync.backlog)
        self.simulator.calls.clear()
        self.run_crons()
        self.assertEqual(len(self.get_searches()), 1)
        self.assertEqual(len(self.get_sale_order(after)), 1)

    def test_a_later_account_does_not_take_over_an_earlier_date(self):
        second = self.add_account('gb')
        self.account._start(self.days_ago(9))
        second._start(self.days_ago(5))
        orders = {
            (code, days): self.place(code, days=days) for code in ('DE', 'GB') for days in (4, 7)
        }
        self.run_crons()
        self.assertFalse(self.get_inbox(orders.pop(('GB', 7))))
        for order in orders.values():
            self.assertTrue(self.get_sale_order(order))
        late = self.place('GB')
        self.run_crons()
        self.assertTrue(self.get_sale_order(late))

    def test_last_order_sync_counts_for_a_later_account_too(self):
        second = self.add_account('gb')
        self.account._start(self.days_ago(9))
        second._start(self.days_ago(5))
        orders = [self.place('GB', days=days) for days in (4, 7)]
        before = self.place('GB', days=14)
        self.account.last_order_sync = self.days_ago(12)
        self.run_crons()
        for order in orders:
            self.assertTrue(self.get_sale_order(order))
        self.assertFalse(self.get_inbox(before) or self.order_sync.backlog)

    def test_who_starts_while_a_search_is_interrupted_loses_nothing(self):
        second = self.add_account('gb')
        self.account._start(self.days_ago(9))
        for _number in range(150):
            self.place('DE', days=1)
        british = [self.place('GB', days=days) for days in (0, 1, 4)]
        self.simulator.arm('unavailable', operation='searchOrders', skip=1, times=1)
        self.run_cron('fetch_orders')
        self.assertTrue(self.order_sync.window)
        second._start(self.days_ago(5))
        self.run_cron('fetch_orders')
        self.assertEqual(len(self.get_inbox(british[0])), 1)
        for order in british:
            self.assertTrue(self.get_inbox(order))
        self.assertFalse(self.order_sync.window or self.order_sync.backlog)

    def test_who_is_alone_after_others_were_archived_is_read_from_its_date(self):
        second = self.add_account('gb')
        self.account._start(self.days_ago(9))
        self.account.active = False
        second._start(self.days_ago(5))
        before, after = self.place('GB', days=7), self.place('GB', days=4)
        german = self.place('DE', days=7)
        self.run_crons()
        self.assertFalse(self.get_inbox(before))
        self.assertTrue(self.get_sale_order(after))
        self.account.active = True
        self.run_crons()
        self.assertTrue(self.get_sale_order(german))

    # === CONNECT === #

    def test_connect_asks_for_the_start_until_there_is_one(self):
        notification = self.press(self.account, 'action_connect')
        action = notification['params']['next']
        self.assertEqual(action['res_model'], 'amazon.start.account')
        self.assertEqual(action['context'], {'default_account_id': self.account.id})
        self.account._start()
        notification = self.press(self.account, 'action_connect')
        self.assertEqual(notification['params']['next']['tag'], 'soft_reload')

    def test_connect_that_fails_asks_for_nothing(self):
        account = self.create_account(refresh_token='Atzr|mistyped')
        notification = self.press(account, 'action_connect')
        self.assertEqual(notification['params']['type'], 'danger')
        self.assertEqual(notification['params']['next']['tag'], 'soft_reload')

    # === AN UPGRADED DATABASE === #

    def upgrade(self):
        self.env.flush_all()
        load_script(MIGRATION, 'amazon_start').migrate(self.env.cr, '19.0.1.0.0')
        self.env.invalidate_all()

    def test_who_has_fetched_before_the_upgrade_goes_on(self):
        self.sync()
        second = self.add_account('gb')
        waiting = self.connect(self.create_account(company=self.create_company("Nordwind UK")))
        self.env.flush_all()
        self.env.cr.execute("UPDATE amazon_account SET is_started = NULL")
        self.upgrade()
        self.assertTrue(self.account.is_started and second.is_started)
        self.assertFalse(waiting.is_started)
        self.simulator.calls.clear()
        self.run_crons()
        [search] = self.get_searches()
        self.assertIn(self.britain.api_ref, search)


@tagged('post_install', '-at_install')
class TestStartDialog(StartCase):
    """The dialog asks from when and where to."""

    def open(self, account=None):
        return Form(self.env['amazon.start.account'].with_context(
            default_account_id=(account or self.account).id,
        ))

    def assertRefused(self, sentence, **values):
        wizard = self.env['amazon.start.account'].create({
            'account_id': self.account.id, **values,
        })
        with self.assertRaisesRegex(UserError, sentence):
            wizard.action_start()
        self.assertFalse(self.account.is_started)
        self.assertFalse(self.simulator.calls)

    def test_it_begins_with_the_settings_of_the_account_and_today(self):
        self.env.user.tz = 'Europe/Berlin'
        wizard = self.open()
        account = self.account
        self.assertEqual(wizard.account_id, account)
        self.assertEqual(wizard.marketplace_ids[:], account.synced_marketplace_ids)
        for name in ('warehouse_id', 'location_id', 'team_id', 'user_id', 'shipped_elsewhere',
                     'only_matched_products'):
            self.assertEqual(wizard[name], account[name], name)
        self.assertEqual(wizard.stock_counted, 'now')
        local = self.env['amazon.account'].with_context(tz='Europe/Berlin').env.tz.fromutc(
            wizard.since,
        )
        self.assertEqual(local.time(), time())
        self.assertLess(datetime.now() - wizard.since, timedelta(days=1))

    def test_without_a_word_it_is_about_the_account_that_waits(self):
        self.assertEqual(Form(self.env['amazon.start.account']).account_id, self.account)
        self.account._start()
        self.assertFalse(Form(self.env['amazon.start.account']).account_id)

    def test_the_answers_end_where_they_belong(self):
        warehouse = self.env['stock.warehouse'].create({'name': "North", 'code': 'NORTH'})
        location = self.env['stock.location'].create({'name': "At Amazon", 'usage': 'internal'})
        team = self.env['crm.team'].create({'name': "Web"})
        user = self.create_user('sally', 'sales_team.group_sale_salesman')
        before, after, japanese = (
            self.place(days=3), self.place(days=1), self.place('JP', days=1),
        )
        wizard = self.open()
        wizard.since = self.days_ago(2)
        wizard.marketplace_ids.remove(id=self.japan.id)
        wizard.warehouse_id = warehouse
        wizard.location_id = location
        wizard.team_id = team
        wizard.user_id = user
        wizard.only_matched_products = True
        wizard.shipped_elsewhere = 'import'
        wizard.stock_counted = 'earlier'
        wizard.cut_over = cut_over = self.days_ago(30)
        self.create_product('MUG')
        notification = self.press(wizard.save(), 'action_start')
        self.assertIn("1 fetched: 1 created", notification['params']['message'])
        self.assertEqual(notification['params']['next']['type'], 'ir.actions.act_window_close')
        account = self.account
        self.assertTrue(account.is_started)
        self.assertEqual(account.synced_marketplace_ids, self.germany | self.britain)
        self.assertEqual(account.warehouse_id, warehouse)
        self.assertEqual(account.location_id, location)
        self.assertEqual(account.team_id, team)
        self.assertEqual(account.user_id, user)
        self.assertTrue(account.only_matched_products)
        self.assertEqual(account.shipped_elsewhere, 'import')
        self.assertEqual(account.cut_over, cut_over)
        self.assertEqual(self.get_sale_order(after).warehouse_id, warehouse)
        self.assertFalse(self.get_inbox(before) or self.get_inbox(japanese))

    def test_the_stock_is_counted_as_of_now_or_never(self):
        for choice in ('now', 'never'):
            with self.subTest(choice=choice):
                account = self.connect(self.create_account(
                    company=self.create_company(f"Nordwind {choice}"),
                ))
                wizard = self.open(account)
                wizard.stock_counted = choice
                self.press(wizard.save(), 'action_start')
                if choice == 'now':
                    self.assertLess(datetime.now() - account.cut_over, timedelta(minutes=1))
                else:
                    self.assertFalse(account.cut_over)

    def test_the_location_of_the_company_is_taken_where_none_is_chosen(self):
        location = self.env['stock.location'].create({'name': "Shelf", 'usage': 'internal'})
        second = self.add_account('gb', location_id=location.id)
        wizard = self.open(second)
        self.assertEqual(wizard.location_id, location)
        wizard.location_id = self.env['stock.location']
        self.press(wizard.save(), 'action_start')
        self.assertEqual(second.location_id, self.account.location_id)

    def test_wrong_answers_are_refused_by_name_and_remedy(self):
        now = datetime.now()
        for sentence, values in (
            ("^Read Orders Since: this lies in the future", {'since': now + timedelta(hours=1)}),
            ("^Read Orders Since: Amazon knows .* two years. Enter", {
                'since': now - timedelta(days=800),
            }),
            ("^Marketplaces: choose at least one", {'marketplace_ids': [Command.clear()]}),
            ("^Marketplaces: Amazon does not say that you sell on Amazon.com.br", {
                'marketplace_ids': self.env.ref('amazon_connector.marketplace_br').ids,
            }),
            ("^FBA Location: choose an internal location", {
                'location_id': self.env.ref('stock.stock_location_customers').id,
            }),
            ("^Cut-Over: enter as of when", {'stock_counted': 'earlier', 'cut_over': False}),
        ):
            with self.subTest(sentence=sentence):
                self.assertRefused(sentence, **values)

    def test_what_another_account_synchronizes_is_refused(self):
        self.add_account('gb')
        with self.assertRaisesRegex(UserError, "Amazon.co.uk is synchronized by the account gb"):
            self.env['amazon.start.account'].create({
                'account_id': self.account.id,
                'marketplace_ids': (self.germany | self.britain).ids,
            }).action_start()

    def test_records_of_another_company_are_refused(self):
        company = self.create_company("Nordwind UK")
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', company.id)])
        for values in (
            {'warehouse_id': warehouse.id},
            {'location_id': warehouse.lot_stock_id.id},
            {'team_id': self.env['crm.team'].create({'name': "UK", 'company_id': company.id}).id},
            {'user_id': self.create_user('ursula', company=company).id},
        ):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, "company"):
                self.env['amazon.start.account'].create({
                    'account_id': self.account.id, **values,
                })

    def test_what_is_not_connected_or_started_already_is_not_started(self):
        draft = self.create_account(name="Draft")
        with self.assertRaisesRegex(UserError, "not connected yet"):
            self.env['amazon.start.account'].create({
                'account_id': draft.id, 'marketplace_ids': self.germany.ids,
            }).action_start()
        self.assertFalse(draft.is_started)
        wizard = self.open().save()
        self.press(wizard, 'action_start')
        with self.assertRaisesRegex(UserError, "is started already"):
            wizard.action_start()

    def test_what_amazon_refuses_is_said_and_comes_later(self):
        order = self.place()
        self.simulator.arm('unavailable', operation='searchOrders', times=1)
        notification = self.press(self.open().save(), 'action_start')
        self.assertEqual(notification['params']['type'], 'warning')
        self.assertTrue(self.account.is_started)
        self.run_crons()
        self.assertTrue(self.get_sale_order(order))


@tagged('post_install', '-at_install', 'attacks')
class TestStartAttacks(StartCase, AttackCase):
    """Who starts an account, and who says what moves stock."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.create_company("Südwind GmbH")
        cls.admin = cls.create_person('adam', 'amazon_connector.group_amazon_admin')
        cls.user = cls.create_person('uma', 'amazon_connector.group_amazon_user')
        cls.salesman = cls.create_person('sally', 'sales_team.group_sale_manager')
        cls.foreign_admin = cls.create_person(
            'olaf', 'amazon_connector.group_amazon_admin', company=cls.other_company,
        )

    @classmethod
    def create_person(cls, login, *groups, company=None):
        """Create somebody who can log in."""
        person = cls.create_user(login, *groups, company=company)
        person.password = login
        return person

    def test_nobody_writes_that_an_account_is_started(self):
        for user in (self.admin, self.user, self.salesman, self.foreign_admin):
            with self.subTest(user=user.login):
                self.assertDenied(
                    user, 'amazon.account', 'write', self.account.ids, {'is_started': True},
                )
        refused = self.assertDenied(
            self.admin, 'amazon.account', 'web_save', self.account.ids, {'is_started': True},
            specification={},
        )
        self.assertIn("connector fills it in", refused.sent)
        self.assertDenied(
            self.admin, 'amazon.account', 'copy', self.account.ids, {'is_started': True},
        )
        self.assertEqual(
            self.rpc(self.admin, 'amazon.account', 'default_get', ['is_started'],
                     context={'default_is_started': True}),
            {},
        )
        self.assertFalse(self.account.is_started)

    def test_the_cut_over_is_for_administrators_of_the_company(self):
        values = {'cut_over': '2026-01-01 00:00:00'}
        for user in (self.user, self.salesman, self.foreign_admin):
            with self.subTest(user=user.login):
                self.assertDenied(user, 'amazon.account', 'write', self.account.ids, values)
        self.assertFalse(self.account.cut_over)
        self.rpc(self.admin, 'amazon.account', 'write', self.account.ids, values)
        self.assertEqual(str(self.account.cut_over), values['cut_over'])

    def test_the_dialog_is_for_administrators_of_the_company(self):
        wizard = self.env['amazon.start.account'].create({'account_id': self.account.id})
        for user in (self.user, self.salesman, self.foreign_admin):
            with self.subTest(user=user.login):
                self.assertDenied(
                    user, 'amazon.start.account', 'create', [{'account_id': self.account.id}],
                )
                self.assertDenied(user, 'amazon.start.account', 'action_start', wizard.ids)
        own = self.env['stock.warehouse'].search([('company_id', '=', self.other_company.id)])
        self.assertDenied(
            self.foreign_admin, 'amazon.start.account', 'create',
            [{'account_id': self.account.id, 'warehouse_id': own.id}],
        )
        self.assertFalse(self.account.is_started)
        self.assertFalse(self.simulator.calls)
        [wizard_id] = self.rpc(
            self.admin, 'amazon.start.account', 'create', [{'account_id': self.account.id}],
        )
        self.rpc(self.admin, 'amazon.start.account', 'action_start', [wizard_id])
        self.assertTrue(self.account.is_started)

    def test_the_methods_that_start_are_not_for_the_wire(self):
        for method in ('_start', '_follow_start'):
            self.assertDenied(self.admin, 'amazon.account', method, self.account.ids, None)
        self.assertFalse(self.account.is_started)


@tagged('post_install', '-at_install')
class TestStartTours(StartCase, TourCase):
    """What a person does in the browser before the first order comes in."""

    def test_from_connect_through_the_dialog_to_the_first_order(self):
        self.create_product('MUG')
        account = self.create_account(company=self.create_company("Nordwind UK"))
        self.company = account.company_id
        order = self.place(days=2)
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_account/{account.id}',
            'amazon_start_account',
        )
        self.assertTrue(account.is_started)
        self.assertTrue(account.cut_over)
        self.assertEqual(self.get_sale_order(order).state, 'sale')
        self.assertFalse(self.get_sale_order(order).picking_ids)

    def test_the_overview_says_where_an_account_stands(self):
        self.start(self.OVERVIEW, 'amazon_start_from_overview')
        self.assertTrue(self.account.is_started)

    def test_an_empty_overview_shows_the_first_steps(self):
        self.account.unlink()
        self.start(self.OVERVIEW, 'amazon_first_steps')

    def test_who_is_no_administrator_sees_who_can_do_it(self):
        self.create_user('uma', 'amazon_connector.group_amazon_user')
        self.start_tour(self.OVERVIEW, 'amazon_start_is_for_others', login='uma')
        self.account.unlink()
        self.start_tour(self.OVERVIEW, 'amazon_first_steps_are_for_others', login='uma')
