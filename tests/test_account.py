from dataclasses import replace

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Participation, SellerProfile

from .common import AmazonCase

SECRET_FIELDS = ('lwa_client_secret', 'refresh_token')
OTHER_SELLER = SellerProfile(
    seller_id='A2SIMULATOR002',
    client_id='amzn1.application-oa2-client.other',
    client_secret='amzn1.oa2-cs.v1.other',
    refresh_token='Atzr|simulator-other',
    store_name='Südwind',
    participations=(Participation('FR'),),
)


@tagged('post_install', '-at_install')
class TestAccount(AmazonCase):

    # === CONNECT === #

    def test_connect_reads_the_marketplaces_and_synchronizes_them(self):
        self.assertEqual(self.account.state, 'connected')
        self.assertEqual(
            set(self.account.available_marketplace_ids.mapped('api_ref')),
            {'A1PA6795UKMFR9', 'A1F83G8C2ARO7P', 'A1VC38T7YXB528'},
        )
        self.assertEqual(
            self.account.synced_marketplace_ids, self.account.available_marketplace_ids,
        )
        self.assertTrue(self.account.last_order_sync)

    def test_connect_leaves_out_where_the_seller_does_not_participate(self):
        profile = replace(OTHER_SELLER, participations=(
            Participation('FR'), Participation('IT', is_participating=False),
        ))
        self.simulator.add_seller(profile)
        account = self.connect(self.create_account(profile))
        self.assertEqual(account.available_marketplace_ids.mapped('name'), ['Amazon.fr'])

    def test_connect_keeps_the_choice_of_marketplaces(self):
        germany = self.account.available_marketplace_ids.filtered(lambda m: m.name == 'Amazon.de')
        self.account.synced_marketplace_ids = germany
        self.connect(self.account)
        self.assertEqual(self.account.synced_marketplace_ids, germany)
        self.assertEqual(len(self.account.available_marketplace_ids), 3)

    def test_connect_names_the_credentials_that_are_missing(self):
        self.account.refresh_token = False
        with self.assertRaisesRegex(UserError, "Refresh Token"):
            self.press(self.account, 'action_connect')
        self.assertFalse(self.simulator.calls)

    def test_a_wrong_secret_is_explained(self):
        self.account.lwa_client_secret = 'wrong'
        notification = self.press(self.account, 'action_connect')
        self.assertEqual(notification['params']['type'], 'danger')
        self.assertEqual(self.account.state, 'error')
        self.assertIn("LWA Client ID and Secret", self.account.reason)

    def test_new_credentials_are_used_at_once(self):
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')
        self.account.refresh_token = 'Atzr|of-somebody-else'
        self.connect(self.account)
        self.assertEqual(self.account.state, 'error')

    def test_an_outage_while_connecting_is_not_the_fault_of_the_credentials(self):
        self.simulator.arm('unavailable', operation='getMarketplaceParticipations')
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')
        self.assertIn("Press Connect again", self.account.last_error)
        self.assertNotIn("by itself", self.account.last_error)
        self.connect(self.account)
        self.assertFalse(self.account.last_error)

    def test_a_failed_connect_says_the_last_reason(self):
        account = self.create_account(OTHER_SELLER)
        self.simulator.add_seller(OTHER_SELLER)
        account.lwa_client_secret = 'wrong'
        self.connect(account)
        self.assertIn("LWA Client ID and Secret", account.reason)
        for kind, sentence in (
            ('unavailable', "Press Connect again in some minutes"),
            ('forbidden', "denies access"),
            ('not_json', "Press Connect again in some minutes"),
            ('throttled', "Press Connect again then"),
        ):
            with self.subTest(kind=kind):
                account.lwa_client_secret = OTHER_SELLER.client_secret
                self.simulator.arm(
                    kind, operation='getMarketplaceParticipations', times=None,
                )
                notification = self.press(account, 'action_connect')
                self.simulator.disarm()
                self.assertEqual(account.state, 'error')
                self.assertIn(sentence, account.reason)
                self.assertEqual(account.last_error, account.reason)
                self.assertEqual(notification['params']['message'], account.reason)
        account.refresh_token = 'Atzr|of-somebody-else'
        self.connect(account)
        self.assertIn("refresh token", account.reason)
        self.assertIn("refresh token", account.activity_ids.note)

    def test_a_first_connect_that_fails_is_said_on_the_account(self):
        account = self.create_account(OTHER_SELLER)
        self.simulator.arm('unavailable', operation='lwa')
        self.connect(account)
        self.assertEqual(account.state, 'draft')
        self.assertIn("Press Connect again", account.reason)
        self.simulator.add_seller(OTHER_SELLER)
        self.connect(account)
        self.assertEqual(account.state, 'connected')
        self.assertFalse(account.reason)

    def test_connect_activates_the_currencies_and_says_so(self):
        currencies = self.env.ref('base.GBP') | self.env.ref('base.JPY')
        currencies.active = False
        admin = self.create_user('adam', 'amazon_connector.group_amazon_admin')
        message = self.press(
            self.account.with_user(admin), 'action_connect',
        )['params']['message']
        self.assertTrue(all(currencies.mapped('active')))
        self.assertIn("currencies were activated", message)
        self.assertIn("GBP", message)
        self.assertIn("JPY", message)
        self.assertNotIn("EUR", message)
        message = self.press(self.account, 'action_connect')['params']['message']
        self.assertNotIn("activated", message)

    def test_connect_leaves_the_currencies_of_other_marketplaces_alone(self):
        self.account.synced_marketplace_ids -= self.env.ref('amazon_connector.marketplace_jp')
        self.env.ref('base.JPY').active = False
        self.connect(self.account)
        self.assertFalse(self.env.ref('base.JPY').active)

    # === REVOKED ACCESS === #

    def test_revoked_access_stops_the_account_until_connect(self):
        self.seller.revoke_authorisation()
        message = self.sync()
        self.assertEqual(self.account.state, 'error')
        self.assertIn("press Connect", self.account.reason)
        self.assertIn(self.account.reason, message)
        self.assertEqual(len(self.account.activity_ids), 1)

        self.simulator.calls.clear()
        self.run_cron('fetch_orders')
        self.assertFalse(self.simulator.calls, "An account in error must not call Amazon")

        self.seller.authorise()
        order = self.seller.place_order()
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')
        self.assertFalse(self.account.reason)
        self.assertFalse(self.account.activity_ids)
        self.run_cron('fetch_orders')
        self.assertTrue(self.get_inbox(order))

    def test_revoked_access_does_not_delay_another_account(self):
        other_seller = self.simulator.add_seller(OTHER_SELLER)
        other_account = self.connect(self.create_account(OTHER_SELLER))
        self.seller.revoke_authorisation()
        order = other_seller.place_order('FR')
        self.run_cron('fetch_orders')
        self.assertEqual(self.account.state, 'error')
        self.assertEqual(other_account.state, 'connected')
        self.assertEqual(self.get_inbox(order).account_id, other_account)

    def test_an_account_that_is_not_connected_can_not_sync(self):
        account = self.create_account(OTHER_SELLER)
        with self.assertRaisesRegex(UserError, "not connected"):
            self.sync(account)

    # === SECRETS === #

    def test_secrets_can_be_written_but_not_read(self):
        account = self.account.with_user(self.create_user(
            'boss', 'base.group_system', 'amazon_connector.group_amazon_admin',
        ))
        values = str(account.read())
        for secret in (DEFAULT_SELLER.client_secret, DEFAULT_SELLER.refresh_token):
            self.assertNotIn(secret, values)
        for name in SECRET_FIELDS:
            self.assertEqual(set(account[name]), {'•'})

    def test_renewing_one_secret_keeps_the_other(self):
        for name in SECRET_FIELDS:
            with self.subTest(name=name):
                self.account[name] = 'outdated'
                self.connect(self.account)
                self.assertEqual(self.account.state, 'error')
                self.account[name] = {
                    'lwa_client_secret': DEFAULT_SELLER.client_secret,
                    'refresh_token': DEFAULT_SELLER.refresh_token,
                }[name]
                self.connect(self.account)
                self.assertEqual(self.account.state, 'connected')

    def test_saving_the_form_keeps_the_secrets(self):
        with Form(self.account) as form:
            form.name = "Nordwind"
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')

    def test_writing_back_the_mask_keeps_the_secrets(self):
        self.account.write({name: self.account[name] for name in SECRET_FIELDS})
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')

    def test_a_copy_has_no_credentials_and_is_not_connected(self):
        admin = self.create_user('adam', 'amazon_connector.group_amazon_admin')
        copy = self.account.with_user(admin).copy().sudo()
        self.assertEqual(copy.state, 'draft')
        self.assertFalse(copy.spapi_endpoint or copy.lwa_endpoint)
        self.assertFalse(copy.lwa_client_id)
        self.assertFalse(any(copy[name] for name in SECRET_FIELDS))
        self.assertFalse(copy.synced_marketplace_ids)
        self.assertFalse(copy.last_order_sync)

    # === CONSTRAINTS === #

    def test_a_custom_address_is_https_or_this_machine(self):
        for address in ('http://amazon.example', 'ftp://127.0.0.1', 'amazon.example', False):
            for name in ('spapi_endpoint', 'lwa_endpoint'):
                with self.subTest(name=name, address=address), self.assertRaises(ValidationError):
                    self.account.write({name: address})
        self.account.spapi_endpoint = 'https://amazon.example'

    def test_no_marketplace_is_synchronized_twice_in_a_company(self):
        copy = self.create_account()
        with self.assertRaisesRegex(ValidationError, "Amazon.co.uk"):
            copy.synced_marketplace_ids = self.env.ref('amazon_connector.marketplace_gb')
        copy.active = False
        copy.synced_marketplace_ids = self.env.ref('amazon_connector.marketplace_gb')
        with self.assertRaisesRegex(ValidationError, "Amazon.co.uk"):
            copy.active = True

    def test_the_same_marketplace_in_two_companies_is_allowed(self):
        account = self.connect(self.create_account(company=self.create_company("Nordwind UK")))
        self.assertEqual(account.state, 'connected')
        self.assertEqual(len(account.synced_marketplace_ids), 3)

    def test_payloads_are_kept_for_30_days_at_most(self):
        for days in (0, 31):
            with self.subTest(days=days), self.assertRaisesRegex(ValidationError, "1 to 30 days"):
                self.account.payload_days = days

    # === SHARED LOCATION AND TEAM === #

    def test_location_and_team_are_made_once_and_shared_in_the_company(self):
        other = self.create_account(OTHER_SELLER)
        self.assertEqual(self.account.location_id.name, "Amazon")
        self.assertEqual(self.account.location_id.usage, 'internal')
        self.assertFalse(self.account.location_id.warehouse_id)
        self.assertEqual(self.account.team_id.name, "Amazon")
        self.assertEqual(other.location_id, self.account.location_id)
        self.assertEqual(other.team_id, self.account.team_id)
        self.assertEqual(self.account.location_id.company_id, self.company)

    def test_another_company_has_a_location_and_a_team_of_its_own(self):
        company = self.create_company("Nordwind UK")
        other = self.create_account(OTHER_SELLER, company)
        self.assertEqual(other.location_id.company_id, company)
        self.assertEqual(other.team_id.company_id, company)
        self.assertEqual(other.warehouse_id.company_id, company)

    # === SEVERAL ACCOUNTS OF ONE SELLER === #

    def test_a_second_account_separates_a_marketplace(self):
        britain = self.account.available_marketplace_ids.filtered(
            lambda m: m.name == 'Amazon.co.uk',
        )
        self.account.synced_marketplace_ids -= britain
        team = self.env['crm.team'].create({'name': "Amazon UK", 'company_id': self.company.id})
        location = self.env['stock.location'].create({
            'name': "Amazon UK", 'usage': 'internal', 'company_id': self.company.id,
        })
        second = self.connect(self.create_account(
            name="Nordwind UK", team_id=team.id, location_id=location.id,
        ))
        self.assertEqual(second.synced_marketplace_ids, britain)

        self.create_product('MUG')
        order_gb = self.seller.place_order('GB', 'FBA', status='SHIPPED')
        order_de = self.seller.place_order('DE', 'FBA', status='SHIPPED')
        self.sync(self.account | second)
        sale_gb, sale_de = self.get_sale_order(order_gb), self.get_sale_order(order_de)
        self.assertEqual((sale_gb.amazon_account_id, sale_gb.team_id), (second, team))
        self.assertEqual(sale_gb.order_line.move_ids.location_id, location)
        self.assertEqual(
            (sale_de.amazon_account_id, sale_de.team_id), (self.account, self.account.team_id),
        )
        self.assertEqual(sale_de.order_line.move_ids.location_id, self.account.location_id)

        groups = self.env['sale.report'].formatted_read_group(
            [('amazon_account_id', 'in', (self.account | second).ids)],
            ['amazon_account_id', 'amazon_marketplace_id', 'amazon_channel'],
            ['__count'],
        )
        self.assertEqual(
            {
                (group['amazon_account_id'][0], group['amazon_marketplace_id'][1],
                 group['amazon_channel'])
                for group in groups
            },
            {(self.account.id, 'Amazon.de', 'fba'), (second.id, 'Amazon.co.uk', 'fba')},
        )
