import base64
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.models.tools import TimeBudget
from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    ROLE_FINANCES,
    ROLE_LISTINGS,
    ROLE_ORDERS,
    ROLE_SHIPPING,
    ROLE_TAX,
    Buyer,
    Item,
    Participation,
    SellerProfile,
    TaxRegistration,
)

from .common import AttackCase, ShippingCase, TourCase

USER = 'amazon_connector.group_amazon_user'
ADMIN = 'amazon_connector.group_amazon_admin'
OTHER_SELLER = SellerProfile(
    seller_id='A2SIMULATOR002',
    client_id='amzn1.application-oa2-client.other',
    client_secret='amzn1.oa2-cs.v1.other',
    refresh_token='Atzr|simulator-other',
    store_name='Südwind',
    participations=(Participation('DE'),),
)
ROLES = ('role_orders', 'role_personal_data', 'role_tax', 'role_listings', 'role_finances')
WAYS = ('way_orders', 'way_deliveries', 'way_feeds')


class CheckCase(ShippingCase):
    """Check-ups of an account, with some words for what they have found."""

    def setUp(self):
        super().setUp()
        # What the database of the tests happens to be like.
        for cron in self.env['ir.cron'].search([('cron_name', '=like', 'Amazon: %')]):
            cron.write({'active': True, 'nextcall': fields.Datetime.now() + timedelta(minutes=5)})
        self.set_base_url('https://odoo.example.com')

    def set_base_url(self, url):
        """Let Odoo have an address."""
        self.env['ir.config_parameter'].set_param('web.base.url', url)

    def check(self, account=None):
        """Press Check Now and return what the notification says."""
        return self.press(account or self.account, 'action_check')['params']['message']

    def get_check(self, code, account=None):
        """Return the line of a check."""
        return (account or self.account).check_ids.filtered(lambda check: check.code == code)

    def find(self, code, account=None):
        """Press Check Now and return the line of a check."""
        self.check(account)
        return self.get_check(code, account)

    def mend(self, code):
        """Press the remedy of a check and return the action that follows."""
        return self.press(self.get_check(code), 'action_remedy')

    def assertFound(self, code, state, message='', account=None):
        """Check what was found, and what is said about it."""
        check = self.get_check(code, account)
        self.assertEqual(check.state, state, check.message)
        self.assertRegex(check.message, message or '.')

    def run_ways(self):
        """Let all ways do what is due."""
        for cron in ('fetch_orders', 'import_orders', 'send_deliveries', 'process_feeds'):
            self.run_cron(cron)

    def get_attention(self, account=None):
        """Return the activity of the person in charge."""
        return (account or self.account).activity_search([
            'amazon_connector.mail_activity_type_attention',
        ])


@tagged('post_install', '-at_install')
class TestCheckUp(CheckCase):
    """What a check-up does as a whole, whatever it looks at."""

    def test_an_account_that_works_is_green_and_costs_few_calls(self):
        self.order_mugs(
            buyer=Buyer("Greta Holm", 'greta@marketplace.amazon.de', company="Holm GmbH"),
            programs=('AMAZON_BUSINESS',), tax_registrations=[TaxRegistration('DE123456789')],
        )
        self.run_ways()
        self.simulator.calls.clear()
        self.check()
        for code in ('token', 'marketplaces', 'clock', 'quota', *ROLES, *WAYS, 'crons', 'offers',
                     'orders', 'carriers', 'currencies', 'base_url'):
            self.assertFound(code, 'ok')
        self.assertFalse(self.get_check('copy'))
        called = [call.operation for call in self.simulator.calls]
        self.assertNotIn('searchOrders', called)
        self.assertCountEqual([name for name in called if name != 'lwa'], [
            'getMarketplaceParticipations', 'getOrder', 'searchListingsItems', 'listTransactions',
        ])

    def test_what_is_to_mend_comes_first_and_is_counted(self):
        self.seller.revoke_role(ROLE_ORDERS)
        self.seller.revoke_role(ROLE_LISTINGS)
        message = self.check()
        self.assertIn("1 to mend", message)
        states = self.account.check_ids.mapped('state')
        ranks = [('error', 'warning', 'unknown', 'ok').index(state) for state in states]
        self.assertEqual(ranks, sorted(ranks))
        self.assertEqual(self.account.to_mend_count, 1)
        self.assertEqual(self.account.check_ids[0].code, 'role_orders')

    def test_a_second_check_up_takes_the_place_of_the_first(self):
        self.check()
        before = self.account.check_ids
        with freeze_time(fields.Datetime.now() + timedelta(hours=1)):
            self.check()
        self.assertEqual(self.account.check_ids, before)
        self.assertGreater(self.account.checked_at, fields.Datetime.now())

    def test_a_check_that_there_is_no_more_is_removed(self):
        self.check()
        self.env.cr.execute(
            "INSERT INTO amazon_check (account_id, code, state, message, checked_at)"
            " VALUES (%s, 'way_uninstalled', 'error', 'x', now() at time zone 'UTC')",
            [self.account.id],
        )
        self.env.invalidate_all()
        self.assertEqual(len(self.get_check('way_uninstalled')), 1)
        self.check()
        self.assertFalse(self.get_check('way_uninstalled'))

    def test_a_check_that_postgresql_refuses_leaves_the_others(self):
        def refuse(check, checkup):
            check.env.cr.execute("SELECT 1 FROM there_is_no_such_table")

        Check = self.env.registry['amazon.check']
        with patch.object(Check, '_check_clock', refuse), \
                mute_logger('odoo.addons.amazon_connector.models.quiet'):
            self.check()
        self.assertFound('clock', 'unknown', "Unexpected error")
        for code in ('token', 'marketplaces', 'role_orders', 'way_orders', 'base_url'):
            self.assertNotEqual(self.get_check(code).message, self.get_check('clock').message)
        self.assertFound('token', 'ok')

    def test_what_the_quota_refuses_is_not_known_and_says_when(self):
        self.simulator.arm('throttled', operation='searchListingsItems', times=None)
        self.check()
        self.assertFound('role_listings', 'unknown', r"used up until .*Press Check Now again then")
        self.assertFound('token', 'ok')
        self.assertFound('role_finances', 'ok')

    def test_an_outage_is_nobodys_fault(self):
        self.simulator.arm('unavailable', operation='listTransactions')
        self.simulator.arm('not_json', operation='searchListingsItems')
        self.check()
        for code in ('role_finances', 'role_listings'):
            self.assertFound(code, 'unknown', "can't be asked at the moment")
            self.assertTrue(self.get_check(code).answer)

    def test_while_access_is_not_proven_a_refusal_proves_no_missing_role(self):
        self.simulator.arm('unavailable', operation='getMarketplaceParticipations')
        self.seller.revoke_role(ROLE_LISTINGS)
        self.check()
        self.assertFound('token', 'unknown')
        self.assertFound('role_listings', 'unknown', "denies access")
        self.assertFound('role_finances', 'ok')

    def test_without_time_amazon_is_not_asked(self):
        self.press(self.account, '_check_up', TimeBudget(0))
        self.assertFound('token', 'unknown', "no time left")
        self.assertFound('role_orders', 'unknown', "no time left")
        self.assertFalse(self.simulator.calls)

    def test_an_account_that_is_not_connected_is_checked_as_far_as_can_be(self):
        account = self.create_account(OTHER_SELLER)
        self.check(account)
        self.assertFound('token', 'error', "press Connect", account)
        for code in ('clock', *ROLES):
            self.assertEqual(self.get_check(code, account).state, 'unknown')
        self.assertFound('way_orders', 'unknown', "when the account is connected", account)
        self.assertFound('base_url', 'ok', '', account)
        self.assertFalse(self.simulator.calls)
        self.assertFalse(self.get_attention(account))

    def test_connecting_forgets_what_was_found_before_and_checks_anew(self):
        self.check()
        before = self.get_triggers('check')
        self.connect(self.account)
        self.assertFalse(self.account.check_ids)
        self.assertGreater(len(self.get_triggers('check')), len(before))
        self.run_cron('check')
        self.assertFound('token', 'ok')

    def test_whoever_may_see_orders_only_is_told_nothing(self):
        sally = self.create_user('sally', 'sales_team.group_sale_salesman')
        with self.assertRaises(AccessError):
            self.account.with_user(sally).action_check()
        self.assertFalse(self.simulator.calls)

    def test_an_amazon_user_checks_but_does_not_mend(self):
        self.env.ref('base.JPY').active = False
        uma = self.create_user('uma', USER)
        notification = self.press(self.account.with_user(uma), 'action_check')
        self.assertIn("warnings", notification['params']['message'])
        check = self.get_check('currencies')
        with self.assertRaises(AccessError):
            check.with_user(uma).action_remedy()
        self.assertFalse(self.env.ref('base.JPY').active)
        adam = self.create_user('adam', ADMIN)
        self.press(check.with_user(adam), 'action_remedy')
        self.assertTrue(self.env.ref('base.JPY').active)

    def test_a_line_without_a_remedy_is_not_mended(self):
        self.check()
        with self.assertRaisesRegex(UserError, "nothing to mend"):
            self.get_check('token').action_remedy()


@tagged('post_install', '-at_install')
class TestNightlyCheckUp(CheckCase):
    """The check-up that nobody has asked for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.erna = cls.create_user('erna', ADMIN)
        cls.account.user_id = cls.erna

    def setUp(self):
        super().setUp()
        self.run_ways()

    def check_at_night(self, days=0):
        """Let the cron check, so many days later."""
        with freeze_time(fields.Datetime.now() + timedelta(days=days)):
            self.run_cron('check')
        self.env.invalidate_all()

    def test_the_person_in_charge_is_told_once_until_it_is_mended(self):
        self.seller.revoke_role(ROLE_ORDERS)
        self.check_at_night()
        activity = self.get_attention()
        self.assertEqual(activity.user_id, self.erna)
        self.assertIn("Role: Orders", activity.note)
        self.assertIn("tab Check", activity.note)
        self.seller.grant_role(ROLE_ORDERS)
        self.check()
        self.assertFound('role_orders', 'ok')
        self.assertFalse(self.get_attention())

    def test_warnings_and_what_is_not_known_are_nobodys_task(self):
        self.seller.revoke_role(ROLE_LISTINGS)
        self.set_base_url('http://odoo.example.com')
        self.check_at_night()
        self.assertFound('role_listings', 'warning')
        self.assertFound('base_url', 'warning')
        self.assertFalse(self.get_attention())

    def test_it_writes_in_the_language_of_the_person_in_charge(self):
        self.env['res.lang']._activate_lang('de_DE')
        self.erna.lang = 'de_DE'
        self.check_at_night()
        self.assertRegex(self.get_check('way_orders').message, "Sekunde|Minute")

    def test_who_was_checked_lately_is_left_alone(self):
        self.check_at_night()
        self.simulator.calls.clear()
        self.check_at_night()
        self.assertFalse(self.simulator.calls)

    def test_a_line_that_was_mended_is_no_check_up(self):
        self.set_base_url('http://odoo.example.com')
        self.check_at_night()
        with freeze_time(fields.Datetime.now() + timedelta(hours=20)):
            self.mend('base_url')
        self.simulator.calls.clear()
        self.check_at_night(days=1)
        self.assertTrue(self.simulator.calls)

    def test_one_account_that_fails_stops_no_other(self):
        self.simulator.add_seller(OTHER_SELLER)
        other = self.connect(self.create_account(OTHER_SELLER))
        Account = self.env.registry['amazon.account']
        find_out = Account._find_out
        failing = self.account.id

        def fail(account, budget, codes):
            if account.id == failing:
                account.env.cr.execute("SELECT 1 FROM there_is_no_such_table")
            return find_out(account, budget, codes)

        with patch.object(Account, '_find_out', fail), \
                mute_logger('odoo.addons.amazon_connector.models.quiet'):
            self.run_cron('check')
        self.env.invalidate_all()
        self.assertFalse(self.account.check_ids)
        self.assertFound('token', 'ok', '', other)

    def test_what_there_is_no_time_for_is_done_by_the_next_run(self):
        self.simulator.add_seller(OTHER_SELLER)
        other = self.connect(self.create_account(OTHER_SELLER))
        self.env['ir.cron.trigger'].search([]).unlink()
        spent = []

        class ShortBudget(TimeBudget):
            def is_spent(self):
                spent.append(True)
                return len(spent) > 1 or super().is_spent()

        module = 'odoo.addons.amazon_connector.models.amazon_check'
        with patch(f'{module}.TimeBudget', ShortBudget):
            self.run_cron('check')
        self.env.invalidate_all()
        checked = (self.account | other).filtered('checked_at')
        self.assertEqual(len(checked), 1)
        self.assertTrue(self.get_triggers('check'))
        self.run_cron('check')
        self.env.invalidate_all()
        self.assertTrue(all((self.account | other).mapped('checked_at')))

    def test_accounts_that_are_not_connected_or_archived_are_left_alone(self):
        draft = self.create_account(OTHER_SELLER)
        self.account.active = False
        self.simulator.calls.clear()
        self.check_at_night()
        self.assertFalse((self.account | draft).check_ids)
        self.assertFalse(self.simulator.calls)


@tagged('post_install', '-at_install')
class TestChecksOfAmazon(CheckCase):
    """What Amazon grants, says and lists."""

    # === ACCESS === #

    def test_revoked_access_is_the_one_thing_to_mend(self):
        self.seller.revoke_authorisation()
        self.env['amazon.access.token'].search([]).unlink()
        self.check()
        self.assertFound('token', 'error', "refresh token")
        for code in ROLES[:1] + ROLES[3:]:
            self.assertFound(code, 'unknown', "see Access")
        self.assertFound('marketplaces', 'unknown', "see Access")
        self.seller.authorise()
        self.mend('token')
        self.run_cron('check')
        self.assertFound('token', 'ok')

    def test_an_account_that_stands_still_is_to_be_connected(self):
        self.account.connection_id.state = 'error'
        self.check()
        self.assertFound('token', 'error', "stands still")
        before = set(self.account.check_ids.mapped('code'))
        self.mend('token')
        self.assertEqual(self.account.state, 'connected')
        self.assertFound('token', 'ok')
        self.assertEqual(set(self.account.check_ids.mapped('code')), before)

    # === MARKETPLACES === #

    def test_marketplaces_that_amazon_does_not_list_are_to_mend(self):
        france = self.env.ref('amazon_connector.marketplace_fr')
        self.account.synced_marketplace_ids |= france
        self.check()
        self.assertFound('marketplaces', 'error', r"does not list this seller on Amazon\.fr")

    def test_suspended_marketplaces_are_a_warning(self):
        profile = replace(OTHER_SELLER, participations=(
            Participation('DE', has_suspended_listings=True), Participation('FR'),
        ))
        self.simulator.add_seller(profile)
        account = self.connect(self.create_account(profile))
        self.check(account)
        self.assertFound('marketplaces', 'warning', r"suspended .* on Amazon\.de", account)

    def test_marketplaces_that_could_be_synchronized_are_a_hint(self):
        japan = self.env.ref('amazon_connector.marketplace_jp')
        self.account.synced_marketplace_ids -= japan
        self.check()
        self.assertFound('marketplaces', 'ok', r"You also sell on Amazon\.co\.jp")

    def test_no_marketplace_at_all_is_to_mend(self):
        self.account.synced_marketplace_ids = False
        self.check()
        self.assertFound('marketplaces', 'error', "none is chosen")
        self.assertFound('role_listings', 'unknown', "choose one")

    # === ROLES === #

    def test_missing_roles_say_what_they_cost(self):
        for role, code, state, cost in (
            (ROLE_ORDERS, 'role_orders', 'error', "no orders come in"),
            (ROLE_LISTINGS, 'role_listings', 'warning', "can't be imported"),
            (ROLE_FINANCES, 'role_finances', 'warning', "refunds and payouts do not come in"),
        ):
            with self.subTest(role=role):
                self.seller.revoke_role(role)
                self.check()
                self.assertFound(code, state, cost)
                self.assertIn(f"Add the role “{role}”", self.get_check(code).message)
                self.assertIn("denied", self.get_check(code).answer)
                self.seller.grant_role(role)
                self.check()
                self.assertFound(code, 'ok', "Granted")
                self.assertFalse(self.get_check(code).answer)

    def test_without_any_role_few_calls_are_made_and_the_token_is_kept(self):
        self.order_mugs(
            programs=('AMAZON_BUSINESS',), tax_registrations=[TaxRegistration('DE123456789')],
        )
        for role in (ROLE_ORDERS, ROLE_SHIPPING, ROLE_TAX, ROLE_LISTINGS, ROLE_FINANCES):
            self.seller.revoke_role(role)
        self.simulator.calls.clear()
        self.check()
        self.assertFound('token', 'ok')
        for code in ('role_personal_data', 'role_tax'):
            self.assertFound(code, 'unknown', "Orders can't be read")
        self.assertEqual(sorted(call.operation for call in self.simulator.calls), [
            'getMarketplaceParticipations', 'getOrder', 'listTransactions', 'searchListingsItems',
        ])

    def test_an_empty_inbox_proves_the_role_for_orders_only(self):
        self.check()
        self.assertFound('role_orders', 'ok')
        self.assertFound('role_personal_data', 'unknown', "when there is one")
        self.assertFound('role_tax', 'unknown', "order of a business")
        self.assertEqual(self.count_calls('getOrder'), 1)

    def test_a_missing_name_of_an_order_to_ship_proves_the_missing_role(self):
        self.order_mugs()
        self.check()
        self.assertFound('role_personal_data', 'ok')
        self.seller.revoke_role(ROLE_SHIPPING)
        self.seller.revoke_role(ROLE_TAX)
        self.check()
        self.assertFound('role_personal_data', 'error', "parcels can't be addressed")
        self.assertIn("Direct-to-Consumer Shipping", self.get_check('role_personal_data').message)

    def test_a_missing_name_of_an_order_of_fba_proves_nothing(self):
        self.seller.revoke_role(ROLE_SHIPPING)
        self.seller.revoke_role(ROLE_TAX)
        self.seller.place_order('DE', 'FBA', [Item('MUG', '12.99')], status='SHIPPED')
        self.sync()
        self.check()
        self.assertFound('role_personal_data', 'unknown')

    def test_an_order_that_has_left_meanwhile_proves_nothing(self):
        order = self.order_mugs()
        self.seller.revoke_role(ROLE_SHIPPING)
        self.seller.revoke_role(ROLE_TAX)
        self.seller.ship(order)
        self.check()
        self.assertFound('role_personal_data', 'unknown')

    def test_the_tax_number_of_a_business_proves_the_role(self):
        self.order_mugs(programs=('AMAZON_BUSINESS',))
        self.check()
        self.assertFound('role_tax', 'unknown', "business with a tax number")
        self.order_mugs(
            programs=('AMAZON_BUSINESS',), tax_registrations=[TaxRegistration('DE123456789')],
        )
        self.check()
        self.assertFound('role_tax', 'ok')
        self.seller.revoke_role(ROLE_TAX)
        self.simulator.calls.clear()
        self.check()
        self.assertFound('role_tax', 'warning', "Missing.*Tax Invoicing")
        self.assertFound('role_personal_data', 'ok')
        self.assertLessEqual(self.count_calls('getOrder'), 2)

    def test_an_order_that_amazon_has_lost_proves_that_orders_may_be_read(self):
        order = self.order_mugs()
        del self.seller.orders[order.order_id]
        self.check()
        self.assertFound('role_orders', 'ok')
        self.assertFound('role_personal_data', 'unknown')

    # === CLOCK AND QUOTA === #

    def test_a_clock_that_is_off_is_a_warning(self):
        for seconds, state, words in (
            (0, 'ok', "agrees"),
            (200, 'ok', "agrees"),
            (900, 'warning', "15 minutes behind"),
            (-7200, 'warning', "2 hours ahead"),
        ):
            with self.subTest(seconds=seconds):
                self.simulator.set_clock_skew(seconds)
                self.addCleanup(self.simulator.set_clock_skew)
                self.check()
                self.assertFound('clock', state, words)

    def test_a_quota_that_is_used_up_says_until_when(self):
        self.simulator.set_throttle(1)
        self.sync()
        self.check()
        self.assertFound('quota', 'ok', r"searchOrders 19/20")
        self.env['amazon.quota'].search([('operation', '=', 'searchOrders')]).tokens = 0.2
        self.check()
        self.assertFound('quota', 'warning', r"searchOrders \(")


@tagged('post_install', '-at_install')
class TestChecksOfOdoo(CheckCase):
    """What is set up in Odoo, and what waits there."""

    # === WAYS AND CRONS === #

    def test_a_way_that_fails_is_run_again_by_its_remedy(self):
        self.simulator.arm('unavailable', operation='searchOrders', times=None)
        self.run_ways()
        self.check()
        self.assertFound('way_orders', 'error', "never worked")
        self.assertTrue(self.get_check('way_orders').answer)
        self.assertFound('way_deliveries', 'ok', "worked last")
        self.simulator.disarm()
        self.mend('way_orders')
        self.assertFound('way_orders', 'ok')

    def test_what_was_not_started_is_started_in_the_dialog(self):
        self.simulator.add_seller(OTHER_SELLER)
        other = self.create_account(OTHER_SELLER)
        self.press(other, 'action_connect')
        self.check(other)
        self.assertFound('way_orders', 'warning', "press Start", other)
        action = self.press(self.get_check('way_orders', other), 'action_remedy')
        self.assertEqual(action['res_model'], 'amazon.start.account')
        self.assertFalse(other.is_started)

    def test_a_way_that_has_worked_lately_may_fail_once(self):
        self.run_ways()
        self.simulator.arm('unavailable', operation='searchOrders', times=None)
        self.run_ways()
        self.check()
        self.assertFound('way_orders', 'warning', "failed at")
        with freeze_time(fields.Datetime.now() + timedelta(hours=2)):
            self.check()
        self.assertFound('way_orders', 'error')

    def test_a_way_that_works_again_is_nobodys_task_any_more(self):
        self.simulator.arm('unavailable', operation='searchOrders', times=None)
        self.run_ways()
        self.check()
        self.assertTrue(self.get_attention())
        self.simulator.disarm()
        self.run_ways()
        self.assertFound('way_orders', 'ok')
        self.assertFalse(self.get_attention())

    def test_a_way_that_rests_too_long_is_a_warning(self):
        self.run_ways()
        with freeze_time(fields.Datetime.now() + timedelta(minutes=50)):
            self.check()
            self.assertFound('way_feeds', 'ok')
        with freeze_time(fields.Datetime.now() + timedelta(hours=2)):
            self.check()
        self.assertFound('way_feeds', 'warning', "worked last")

    def test_a_way_that_was_not_run_yet_is_not_known(self):
        self.check()
        self.assertFound('way_orders', 'unknown', "not worked yet")
        self.mend('way_orders')
        self.assertFound('way_orders', 'ok')

    def test_crons_that_are_off_are_to_mend(self):
        self.env.ref('amazon_connector.ir_cron_import_orders').active = False
        self.env.ref('amazon_connector.ir_cron_process_feeds').active = False
        self.check()
        self.assertFound('crons', 'error')
        for name in ("import orders", "process feeds"):
            self.assertIn(name, self.get_check('crons').message)
        # The alert of the form says the same.
        self.assertIn("process feeds", self.account.problems)
        for line in self.account.problems.splitlines():
            self.assertIn(line.partition(': ')[2], self.get_check('crons').message)
        action = self.mend('crons')
        self.assertEqual(action['res_model'], 'ir.cron')
        adam = self.create_user('adam', ADMIN)
        with self.assertRaisesRegex(UserError, "Only a system administrator"):
            self.get_check('crons').with_user(adam).action_remedy()

    def test_crons_that_are_late_are_a_warning(self):
        cron = self.env.ref('amazon_connector.ir_cron_fetch_orders')
        cron.nextcall = fields.Datetime.now() - timedelta(hours=3)
        self.check()
        self.assertFound('crons', 'warning', "Orders: .*should have run")

    # === SALES === #

    def test_inactive_currencies_are_activated_by_the_remedy(self):
        self.env.ref('base.JPY').active = False
        self.check()
        self.assertFound('currencies', 'warning', "JPY")
        self.mend('currencies')
        self.assertTrue(self.env.ref('base.JPY').active)
        self.assertFound('currencies', 'ok')
        self.assertFalse(self.get_check('currencies').remedy)

    def test_countries_without_taxes_are_a_warning(self):
        self.check()
        self.assertFound('taxes', 'warning', "no sales tax")
        country_group = self.env['account.tax.group'].create({
            'name': "VAT", 'country_id': self.company.country_id.id,
            'company_id': self.company.id,
        })
        self.env['account.tax'].create({
            'name': "19 %", 'amount': 19, 'type_tax_use': 'sale',
            'company_id': self.company.id, 'country_id': self.company.country_id.id,
            'tax_group_id': country_group.id,
        })
        self.check()
        self.assertFound('taxes', 'warning', "Japan")
        self.assertNotIn("Germany", self.get_check('taxes').message)
        self.assertEqual(self.mend('taxes')['res_model'], 'account.fiscal.position')
        self.env['account.fiscal.position'].create({
            'name': "Elsewhere", 'auto_apply': True, 'company_id': self.company.id,
        })
        self.check()
        self.assertFound('taxes', 'ok')

    def test_one_fiscal_position_for_all_orders_is_enough(self):
        self.account.fiscal_position_id = self.env['account.fiscal.position'].create({
            'name': "Everywhere", 'company_id': self.company.id,
        })
        self.check()
        self.assertFound('taxes', 'ok', "Everywhere")

    # === GOODS AND ORDERS === #

    def test_carriers_that_amazon_can_not_track_are_a_warning(self):
        other = self.create_carrier("Bike Courier of the Village")
        self.check()
        self.assertFound('carriers', 'ok')
        self.deliver(self.order_mugs(), carrier=other)
        self.check()
        self.assertFound('carriers', 'warning', "Bike Courier")
        action = self.mend('carriers')
        self.assertEqual(self.env['delivery.carrier'].search(action['domain']), other)
        other.amazon_carrier_code = 'DHL'
        self.check()
        self.assertFound('carriers', 'ok')

    def test_offers_without_a_product_are_a_warning(self):
        self.account.only_matched_products = True
        self.order(Item('UNKNOWN', '5.00'))
        self.check()
        self.assertFound('offers', 'warning', "Offers without a product: 1. Their orders wait")
        action = self.mend('offers')
        self.assertEqual(action['res_model'], 'amazon.offer')
        self.assertFound('orders', 'warning', "Orders that could not be imported: 1")
        self.assertEqual(self.mend('orders')['res_model'], 'amazon.order')

    def test_orders_that_are_not_explained_are_a_warning(self):
        self.order_mugs(unexplained='1.00')
        self.check()
        self.assertFound('orders', 'warning', "not explain: 1")
        self.assertEqual(self.mend('orders')['res_model'], 'sale.order')

    # === ADDRESS AND E-MAILS === #

    def test_the_address_must_be_reached_by_https(self):
        for url, environment, state in (
            ('https://odoo.example.com', 'production', 'ok'),
            ('https://odoo.example.com:8443/', 'production', 'ok'),
            ('http://odoo.example.com', 'production', 'warning'),
            ('http://127.0.0.1:8069', 'production', 'warning'),
            ('http://127.0.0.1:8069', 'custom', 'ok'),
            ('http://localhost:8069', 'custom', 'ok'),
            ('https://192.168.1.7', 'production', 'warning'),
            ('https://[::1]:8069', 'production', 'warning'),
            ('https://odoo', 'production', 'warning'),
            ('https://odoo.local', 'production', 'warning'),
            ('https://boss:hush@odoo.example.com', 'production', 'ok'),
            ('', 'production', 'warning'),
            ('nonsense', 'custom', 'ok'),
        ):
            with self.subTest(url=url, environment=environment):
                self.set_base_url(url)
                self.account.connection_id.environment = environment
                [finding] = self.account.sudo()._find_out(TimeBudget(0), ['base_url']).values()
                self.assertEqual(finding.state, state, finding.message)
                self.assertNotIn('hush', finding.message)

    def test_the_alias_domain_is_needed_for_answers(self):
        self.company.alias_domain_id = False
        self.check()
        self.assertFound('mail', 'warning', "Alias Domain")
        self.company.alias_domain_id = self.env['mail.alias.domain'].create({
            'name': 'nordwind.example.com',
        })
        self.check()
        self.assertFound('mail', 'ok', r"catchall@nordwind\.example\.com")

    def test_a_copy_says_that_it_stands_still(self):
        connection = self.account.connection_id
        connection.write({'is_copy': True, 'state': 'draft'})
        self.env.ref('amazon_connector.ir_cron_fetch_orders').active = False
        self.check()
        self.assertFound('copy', 'warning', "Connect This Copy")
        self.assertFound('token', 'unknown')
        self.assertFound('crons', 'warning')
        self.assertFalse(self.account.to_mend_count)
        connection.write({'is_copy': False, 'state': 'connected'})
        self.env['ir.config_parameter'].set_param('database.is_neutralized', True)
        self.check()
        self.assertFound('copy', 'warning', "original does not run")


@tagged('post_install', '-at_install')
class TestCheckTours(CheckCase, TourCase):
    """The tab Check in the browser."""

    def test_what_is_found_is_mended_in_one_click(self):
        self.env.ref('base.JPY').active = False
        self.seller.revoke_role(ROLE_ORDERS)
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_account/{self.account.id}',
            'amazon_mend_what_is_found',
        )
        self.assertTrue(self.env.ref('base.JPY').active)


@tagged('post_install', '-at_install', 'attacks')
class TestSupportText(CheckCase):
    """What a text for others tells, and what it does not."""

    def get_text(self, user=None):
        """Return the text as a user sees it."""
        Report = self.env['amazon.support.report'].with_user(user or self.env.user)
        return Report.create({'account_id': self.account.id}).text

    def test_it_says_what_is_needed(self):
        self.order_mugs()
        self.seller.revoke_role(ROLE_LISTINGS)
        self.check()
        text = self.get_text(self.create_user('uma', USER))
        for words in (
            "Odoo 19.0", "Amazon Connector 19.0", "Python 3", "PostgreSQL", "region eu",
            "environment custom", 'A1PA6795UKMFR9', "warning role_listings",
            "orders: success 2", "amazon.order: done 1", "ir_cron_fetch_orders: on",
        ):
            self.assertIn(words, text)

    def test_it_tells_no_secret_and_nobodys_data(self):
        order = self.order_mugs(buyer=Buyer("Wilhelmine Heimlich", 'wh@marketplace.amazon.de'))
        quoted = (
            f"Amazon can't be asked. (searchOrders: InvalidInput: Wilhelmine Heimlich"
            f" wh@marketplace.amazon.de ordered {order.order_id} with Atza|leaked-token at"
            f" https://boss:hush@odoo.example.com/x, status 500)"
        )
        self.set_base_url('https://boss:hush@odoo.example.com')
        self.company.alias_domain_id = self.env['mail.alias.domain'].create({
            'name': 'nordwind.example.com',
        })
        self.check()
        connection = self.account.connection_id
        self.order_sync.write({'last_error': quoted, 'last_error_date': fields.Datetime.now()})
        connection.write({'reason': quoted, 'connect_error': quoted})
        self.check()
        self.account.check_ids.sudo().write({'answer': quoted})
        self.get_check('quota').sudo().message = (
            f"{order.order_id} {DEFAULT_SELLER.client_id} {DEFAULT_SELLER.seller_id}"
            " wh@marketplace.amazon.de Atzr|leaked-token"
        )
        text = self.get_text()
        for marker in (
            "Wilhelmine", "Heimlich", 'wh@', 'marketplace.amazon.de', order.order_id, 'Atza',
            'Atzr', 'leaked', 'hush', 'boss', '@', DEFAULT_SELLER.seller_id,
            DEFAULT_SELLER.client_id, DEFAULT_SELLER.client_secret,
            DEFAULT_SELLER.refresh_token, 'amzn1', self.account.name,
        ):
            self.assertNotIn(marker, text)
        self.assertIn("(searchOrders, InvalidInput, status 500)", text)
        self.assertIn("Seller A2S…01", text)

    def test_it_is_downloaded_as_a_file(self):
        report = self.env['amazon.support.report'].create({'account_id': self.account.id})
        self.assertIn(f'/amazon.support.report/{report.id}/file/', report.action_download()['url'])
        self.assertIn(b"Amazon Connector", base64.b64decode(report.file))


@tagged('post_install', '-at_install', 'attacks')
class TestAttacksOnChecks(CheckCase, AttackCase):
    """Nobody reads, forges or mends what is not theirs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.create_company("Südwind GmbH")
        cls.sally = cls.create_person('sally', 'sales_team.group_sale_salesman')
        cls.stan = cls.create_person('stan', 'stock.group_stock_user')
        cls.uma = cls.create_person('uma', USER)
        cls.adam = cls.create_person('adam', ADMIN)
        cls.olga = cls.create_person('olga', USER, company=cls.other_company)
        cls.olaf = cls.create_person('olaf', ADMIN, company=cls.other_company)

    @classmethod
    def create_person(cls, login, *groups, company=None):
        """Create somebody who can log in."""
        person = cls.create_user(login, *groups, company=company)
        person.password = login
        return person

    def setUp(self):
        super().setUp()
        self.env.ref('base.JPY').active = False
        self.check()
        self.simulator.calls.clear()
        self.line = self.get_check('currencies')

    def test_others_see_and_do_nothing(self):
        ids = [self.account.id]
        for user in (self.sally, self.stan, self.olga, self.olaf):
            with self.subTest(user=user.login):
                self.assertDenied(user, 'amazon.check', 'read', self.line.ids, ['message'])
                self.assertDenied(user, 'amazon.check', 'action_remedy', self.line.ids)
                self.assertDenied(user, 'amazon.account', 'action_check', ids)
                for model, method, args in (
                    ('amazon.account', 'web_read', [ids, {'check_ids': {}}]),
                    ('amazon.account', 'read', [ids, ['to_mend_count']]),
                ):
                    self.assertDenied(user, model, method, *args)
                self.assertDenied(
                    user, 'amazon.support.report', 'web_save', [],
                    {'account_id': self.account.id}, specification={'text': {}},
                )
                self.assertDenied(
                    user, 'amazon.support.report', 'onchange', [], {}, [],
                    {'account_id': {}, 'text': {}}, context={'default_account_id': self.account.id},
                )
        self.assertFalse(self.simulator.calls)
        self.assertFalse(self.env.ref('base.JPY').active)

    def test_nobody_writes_what_was_found(self):
        boss = self.create_person('bea', ADMIN, 'base.group_system')
        for user in (self.sally, self.uma, self.adam, boss, self.olaf):
            with self.subTest(user=user.login):
                self.assertDenied(
                    user, 'amazon.check', 'write', self.line.ids, {'remedy': "Mend"},
                )
                self.assertDenied(user, 'amazon.check', 'unlink', self.line.ids)
                self.assertDenied(user, 'amazon.check', 'create', [{
                    'account_id': self.account.id, 'code': 'crons', 'state': 'ok', 'message': "x",
                    'checked_at': '2026-01-01 00:00:00',
                }])
        self.assertDenied(
            self.adam, 'amazon.account', 'write', self.account.ids,
            {'check_ids': [[1, self.line.id, {'state': 'ok'}]]},
        )

    def test_an_amazon_user_mends_nothing(self):
        self.assertDenied(self.uma, 'amazon.check', 'action_remedy', self.line.ids)
        self.assertFalse(self.env.ref('base.JPY').active)
        self.rpc(self.adam, 'amazon.check', 'action_remedy', self.line.ids)
        self.assertTrue(self.env.ref('base.JPY').active)

    def test_private_steps_are_not_called_from_outside(self):
        for model, method, args in (
            ('amazon.account', '_check_up', [self.account.ids, None]),
            ('amazon.account', '_cron_check', []),
            ('amazon.check', '_remedy_currencies', [self.line.ids]),
            ('amazon.check', '_store', [self.account.id, {}]),
        ):
            self.assertDenied(self.adam, model, method, *args)
