import logging
from datetime import timedelta
from html import unescape
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.amazon.oauth import Login
from odoo.addons.amazon_connector.models.res_company import LOGIN_PATH, RETURN_PATH
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item, SellerProfile
from odoo.addons.amazon_connector.simulator.state import Participation

from .common import AttackCase, RpcRefused, TourCase

APPLICATION_ID = DEFAULT_SELLER.application_id


class AuthorizationCase(AttackCase):
    """A company whose application the simulator knows, and people who let it in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_application(cls.company)
        cls.admin = cls.create_user(
            'amelia', 'amazon_connector.group_amazon_admin', 'sales_team.group_sale_manager',
        )

    @classmethod
    def set_up_application(cls, company):
        """Enter the simulator's application in the settings of a company."""
        company.write({
            'amazon_application_id': APPLICATION_ID,
            'amazon_lwa_client_id': DEFAULT_SELLER.client_id,
            'amazon_lwa_client_secret': DEFAULT_SELLER.client_secret,
            'amazon_environment': 'custom',
            'amazon_spapi_endpoint': cls.simulator.url,
            'amazon_lwa_endpoint': cls.simulator.lwa_url,
        })

    def begin(self, user=None, account=None, **values):
        """Press *Authorize on Amazon* in the dialog and return the address that opens."""
        user = user or self.admin
        values = {'company_id': self.company.id, 'account_id': account and account.id, **values}
        [dialog] = self.rpc(user, 'amazon.authorize', 'create', [values])
        action = self.rpc(user, 'amazon.authorize', 'action_authorize', [dialog])
        self.assertEqual((action['type'], action['target']), ('ir.actions.act_url', 'self'))
        return action['url']

    def consent(self, url, **form):
        """Authorize on Amazon's page and return the address that Amazon sends the browser to."""
        answer = self.opener.post(
            url, data={'decision': 'authorize', **form}, allow_redirects=False, timeout=30,
        )
        self.assertEqual(answer.status_code, 302, answer.text)
        return answer.headers['location']

    def come_back(self, url):
        """Follow Amazon's redirect to Odoo and return what Odoo answers."""
        parts = urlsplit(url)
        answer = self.url_open(f'{parts.path}?{parts.query}', allow_redirects=False, timeout=60)
        self.env.invalidate_all()
        self.assertEqual(answer.headers['referrer-policy'], 'no-referrer')
        return answer

    def assertConnected(self, answer):
        """Check that an answer leads to an account that is connected, and return that."""
        self.assertEqual(answer.status_code, 303, answer.text)
        path = urlsplit(answer.headers['location']).path
        account = self.env['amazon.account'].browse(int(path.rpartition('/')[2]))
        self.assertEqual(account.state, 'connected', account.last_error)
        return account

    def assertRefused(self, answer, status, pattern):
        """Check that an answer is a page that says in words what is wrong."""
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertRegex(' '.join(unescape(answer.text).split()), pattern)
        self.assertIn("/odoo/", answer.text)


@tagged('post_install', '-at_install')
class TestAuthorization(AuthorizationCase):
    """From *Authorize on Amazon* to a connected account."""

    def test_a_new_account_is_made_and_connected(self):
        self.account.unlink()
        url = self.begin()
        query = parse_qs(urlsplit(url).query)
        self.assertEqual(query['version'], ['beta'])
        self.assertEqual(query['redirect_uri'], [self.company.amazon_redirect_uri])
        account = self.assertConnected(self.come_back(self.consent(url)))
        self.assertEqual(account.company_id, self.company)
        self.assertEqual(account.name, DEFAULT_SELLER.store_name)
        self.assertEqual(account.seller_id, DEFAULT_SELLER.seller_id)
        self.assertEqual(account.user_id, self.admin)
        self.assertEqual(
            set(account.synced_marketplace_ids.mapped('country_id.code')), {'DE', 'JP', 'GB'},
        )
        self.assertTrue(account.uses_application)
        self.assertEqual(account.authorized_on, fields.Date.today())
        self.assertEqual(account.authorization_end, fields.Date.today() + timedelta(days=365))
        self.assertIn(
            account.connection_id._get_secrets()['refresh_token'],
            self.seller.refresh_tokens,
        )

    def test_the_salesperson_of_the_company_has_new_accounts(self):
        self.account.unlink()
        emil = self.create_user('emil')
        self.company.amazon_user_id = emil
        account = self.assertConnected(self.come_back(self.consent(self.begin())))
        self.assertEqual(account.user_id, emil)

    def test_currencies_are_activated(self):
        self.account.unlink()
        yen = self.env.ref('base.JPY')
        yen.active = False
        self.assertConnected(self.come_back(self.consent(self.begin())))
        self.assertTrue(yen.active)

    def test_a_published_application_is_no_draft(self):
        self.company.amazon_is_draft = False
        self.assertNotIn('version', parse_qs(urlsplit(self.begin()).query))

    def test_seller_central_is_that_of_the_country(self):
        self.company.write({'amazon_environment': 'production'})
        self.env['ir.config_parameter'].set_param('web.base.url', 'https://odoo.example')
        for code, host in (('us', 'sellercentral.amazon.com'), ('jp', 'sellercentral.amazon.co.jp'),
                           ('de', 'sellercentral-europe.amazon.com')):
            marketplace = self.env.ref(f'amazon_connector.marketplace_{code}')
            url = self.env['amazon.authorization'].with_user(self.admin)._begin(
                self.company, marketplace,
            )['url']
            self.assertEqual(urlsplit(url).netloc, host)
            self.assertEqual(
                parse_qs(urlsplit(url).query)['redirect_uri'],
                [f'https://odoo.example{RETURN_PATH}'],
            )

    def test_the_button_on_an_account(self):
        action = self.account.with_user(self.admin).action_authorize()
        self.assertTrue(action['url'].startswith(f'{self.simulator.url}/apps/authorize/consent?'))

    def test_the_application_is_that_of_the_accounts_company(self):
        other = self.create_company("Südwind GmbH")
        dialogs = {
            model: self.env[model].with_context(
                allowed_company_ids=(other + self.company).ids,
            ).create({'account_id': self.account.id})
            for model in ('amazon.authorize', 'amazon.enter.tokens')
        }
        self.assertFalse(dialogs['amazon.authorize'].missing)
        self.assertEqual(dialogs['amazon.enter.tokens'].company_id, self.company)
        self.assertEqual(
            self.env['amazon.authorize'].with_context(allowed_company_ids=other.ids).create({})
            .company_id, other,
        )

    def test_authorize_again_keeps_everything(self):
        self.account.write({'name': "My Shop", 'synced_marketplace_ids': [
            (6, 0, self.env.ref('amazon_connector.marketplace_jp').ids),
        ]})
        cursor = self.account.last_order_sync
        before = self.account.connection_id._get_secrets()['refresh_token']
        account = self.assertConnected(
            self.come_back(self.consent(self.begin(account=self.account))),
        )
        self.assertEqual(account, self.account)
        self.assertEqual(account.name, "My Shop")
        self.assertEqual(account.synced_marketplace_ids.name, "Amazon.co.jp")
        self.assertEqual(account.last_order_sync, cursor)
        self.assertNotEqual(account.connection_id._get_secrets()['refresh_token'], before)

    def test_a_seller_who_is_known_gets_no_second_account(self):
        account = self.assertConnected(self.come_back(self.consent(self.begin())))
        self.assertEqual(account, self.account)

    def test_an_archived_account_of_the_seller_is_found(self):
        self.account.active = False
        account = self.assertConnected(self.come_back(self.consent(self.begin())))
        self.assertEqual(account, self.account)

    def test_a_consent_that_began_in_the_app_store(self):
        self.account.unlink()
        base_url = self.company.get_base_url()
        self.simulator.register_application(APPLICATION_ID, login_uri=f'{base_url}{LOGIN_PATH}')
        self.authenticate('amelia', 'amelia')
        url = f'{self.simulator.url}/appstore/authorize?application_id={APPLICATION_ID}'
        to_odoo = self.opener.get(url, allow_redirects=False, timeout=30).headers['location']
        to_amazon = self.come_back(to_odoo)
        self.assertEqual(to_amazon.status_code, 303, to_amazon.text)
        back = self.opener.get(
            to_amazon.headers['location'], allow_redirects=False, timeout=30,
        ).headers['location']
        account = self.assertConnected(self.come_back(back))
        self.assertEqual(account.seller_id, DEFAULT_SELLER.seller_id)

    def test_amazon_down_at_the_exchange_loses_nothing(self):
        url = self.consent(self.begin(account=self.account))
        self.simulator.arm('unavailable', operation='lwa')
        answer = self.come_back(url)
        self.assertRefused(answer, 503, "can't be asked at the moment.*Try Again")
        self.assertEqual(self.assertConnected(self.come_back(url)), self.account)

    def test_amazon_down_after_the_exchange_keeps_the_token(self):
        url = self.consent(self.begin(account=self.account))
        self.simulator.arm('unavailable', operation='getMarketplaceParticipations')
        answer = self.come_back(url)
        self.assertEqual(answer.status_code, 303)
        self.assertIn("can't be asked", self.account.last_error)
        self.press(self.account, 'action_connect')
        self.assertEqual(self.account.state, 'connected')
        self.assertFalse(self.account.last_error)

    def test_two_tabs_at_once_both_work(self):
        urls = [self.begin(account=self.account), self.begin(account=self.account)]
        for url in [self.consent(url) for url in urls]:
            self.assertEqual(self.assertConnected(self.come_back(url)), self.account)

    def test_a_new_secret_of_the_company_is_used_by_all(self):
        account = self.assertConnected(self.come_back(self.consent(self.begin())))
        self.simulator.register_application(APPLICATION_ID, client_secret='amzn1.oa2-cs.v1.new')
        self.env['amazon.access.token'].search([]).unlink()
        self.company.amazon_lwa_client_secret = 'amzn1.oa2-cs.v1.new'
        self.press(account, 'action_connect')
        self.assertEqual(account.state, 'connected')

    def test_a_copy_stays_silent(self):
        self.account.connection_id.is_copy = True
        answer = self.come_back(self.consent(self.begin(account=self.account)))
        self.assertEqual(answer.status_code, 303)
        self.assertTrue(self.account.is_copy)
        self.assertEqual(self.count_calls('getMarketplaceParticipations'), 0)


@tagged('post_install', '-at_install', 'attacks')
class TestAuthorizationRefused(AuthorizationCase):
    """Whoever comes back with something else than what was begun: a page in words, and nothing has
    changed.
    """

    def setUp(self):
        super().setUp()
        self.before = self.read_account()

    def read_account(self):
        account = self.account
        account.invalidate_recordset()
        secrets = account.connection_id._get_secrets()
        return secrets, account.seller_id, account.state, account.authorized_on, len(
            self.env['amazon.account'].with_context(active_test=False).search([]),
        )

    def assertNothingChanged(self):
        self.assertEqual(self.read_account(), self.before)

    def test_states_that_are_none(self):
        url = self.consent(self.begin(account=self.account))
        query = urlsplit(url).query
        state = parse_qs(query)['state'][0]
        for other in ('', 'x', state[:-1], '%00', '1; DROP TABLE'):
            answer = self.come_back(f'{RETURN_PATH}?{query.replace(state, other)}')
            self.assertRefused(answer, 400, "not known.*Nothing was changed")
        self.assertRefused(self.come_back(RETURN_PATH), 400, "not known")
        self.assertNothingChanged()

    def test_replayed(self):
        url = self.consent(self.begin(account=self.account))
        self.assertConnected(self.come_back(url))
        self.before = self.read_account()
        self.assertRefused(self.come_back(url), 400, "used already")
        self.assertNothingChanged()

    def test_a_code_that_was_used_in_another_state(self):
        used = self.consent(self.begin(account=self.account))
        other = self.consent(self.begin(account=self.account))
        self.assertConnected(self.come_back(used))
        self.before = self.read_account()
        code = parse_qs(urlsplit(used).query)['spapi_oauth_code'][0]
        other_code = parse_qs(urlsplit(other).query)['spapi_oauth_code'][0]
        answer = self.come_back(other.replace(other_code, code))
        self.assertRefused(answer, 400, "does not accept the code")
        self.assertNothingChanged()

    def test_expired(self):
        url = self.consent(self.begin(account=self.account))
        authorization = self.env['amazon.authorization'].search([], order='id desc', limit=1)
        authorization.expires_at -= timedelta(minutes=10, seconds=1)
        self.assertRefused(self.come_back(url), 400, "ten minutes and has expired")
        self.assertNothingChanged()
        self.assertFalse(authorization.exists())

    def test_codes_expire(self):
        url = self.consent(self.begin(account=self.account))
        self.simulator.clock.advance(minutes=6)
        self.assertRefused(self.come_back(url), 400, "five minutes have passed")
        self.assertNothingChanged()

    def test_another_user(self):
        url = self.consent(self.begin(account=self.account))
        self.create_user('bert', 'amazon_connector.group_amazon_admin')
        self.authenticate('bert', 'bert')
        self.assertRefused(self.come_back(url), 403, "Somebody else has begun")
        self.assertNothingChanged()
        self.authenticate('amelia', 'amelia')
        self.assertConnected(self.come_back(url))

    def test_nobody(self):
        url = self.consent(self.begin(account=self.account))
        self.authenticate(None, None)
        self.assertRefused(self.come_back(url), 403, "not logged in")
        self.assertNothingChanged()

    def test_without_rights(self):
        user = self.create_user('carla', 'amazon_connector.group_amazon_user')
        self.assertDenied(user, 'amazon.account', 'action_authorize', [self.account.id])
        self.assertDenied(user, 'amazon.authorize', 'create', [{}])
        self.assertDenied(
            self.admin, 'amazon.authorization', 'search_read', [], ['state_hash'],
        )
        url = self.consent(self.begin(account=self.account))
        self.admin.group_ids -= self.env.ref('amazon_connector.group_amazon_admin')
        self.assertRefused(self.come_back(url), 403, "no right to connect")
        self.assertNothingChanged()

    def test_another_company(self):
        other = self.create_company("Südwind GmbH")
        self.set_up_application(other)
        stranger = self.create_user(
            'dora', 'amazon_connector.group_amazon_admin', company=other,
        )
        self.assertDenied(stranger, 'amazon.account', 'action_authorize', [self.account.id])
        [dialog] = self.rpc(stranger, 'amazon.authorize', 'create', [{
            'company_id': self.company.id,
            'marketplace_id': self.env.ref('amazon_connector.marketplace_de').id,
        }])
        self.assertDenied(stranger, 'amazon.authorize', 'action_authorize', [dialog])
        url = self.consent(self.begin(account=self.account))
        self.admin.write({'company_ids': [(6, 0, other.ids)], 'company_id': other.id})
        self.assertRefused(self.come_back(url), 403, "no right to connect")
        self.assertNothingChanged()

    def test_refused_on_amazons_page(self):
        url = self.consent(self.begin(account=self.account), decision='cancel')
        self.assertRefused(self.come_back(url), 400, "have not authorized the application")
        self.assertNothingChanged()

    def test_errors_of_amazon(self):
        for code, words in (
            ('MD1000', "Tick Draft Application"),
            ('MD5101', f"Register {self.company.amazon_redirect_uri} as OAuth Redirect URI"),
            ('MD5110', "OAuth Redirect URI"),
            ('MD9100', r"primary user of Seller Central"),
            ('SPDC8143', r"SPDC8143"),
            ('<b>odd</b>', r"\(unknown\)"),
            ('', "no reason given"),
        ):
            with self.subTest(code):
                state = parse_qs(urlsplit(self.begin(account=self.account)).query)['state'][0]
                error = code and f'&error={code}'
                answer = self.come_back(f'{RETURN_PATH}?state={state}{error}')
                self.assertRefused(answer, 400, words)
                self.assertNotIn('<b>', answer.text)
        self.assertNothingChanged()

    def test_another_seller_than_before(self):
        other = SellerProfile(
            'A9OTHER0001', 'other', 'other', 'Atzr|other', "Other", (Participation('FR'),),
        )
        self.simulator.add_seller(other)
        self.addCleanup(self.simulator.sellers.pop, other.seller_id)
        url = self.consent(self.begin(account=self.account), seller=other.seller_id)
        self.assertRefused(
            self.come_back(url), 400,
            f"belongs to the seller {DEFAULT_SELLER.seller_id}, but {other.seller_id} has",
        )
        self.assertNothingChanged()
        url = self.consent(
            self.begin(account=self.account, may_change_seller=True), seller=other.seller_id,
        )
        account = self.assertConnected(self.come_back(url))
        self.assertEqual((account, account.seller_id), (self.account, other.seller_id))

    def test_another_region_than_that_of_the_account(self):
        us = self.env.ref('amazon_connector.marketplace_us')
        with (
            self.assertRaisesRegex(RpcRefused, "one of another region"),
            mute_logger('odoo.http'),
        ):
            self.begin(account=self.account, marketplace_id=us.id)
        self.company.amazon_environment = 'production'
        self.env['ir.config_parameter'].set_param('web.base.url', 'https://odoo.example')
        Authorization = self.env['amazon.authorization'].with_user(self.admin)
        for host, region in (
            ('sellercentral.amazon.com', 'na'), ('sellercentral-japan.amazon.com', 'fe'),
            ('sellercentral-europe.amazon.com', 'eu'),
        ):
            Authorization._go_on(Login(
                f'https://{host}/apps/authorize/confirm/x', 'x', DEFAULT_SELLER.seller_id,
            ))
            authorization = Authorization.sudo().search([], order='id desc', limit=1)
            self.assertEqual(authorization.region, region)
            self.assertEqual(
                authorization.account_id, self.account if region == 'eu' else self.account[:0],
            )

    def test_an_account_that_is_being_changed(self):
        url = self.consent(self.begin(account=self.account))
        with patch.object(
            type(self.env['amazon.connection']), 'try_lock_for_update',
            lambda records, **options: records.browse(),
        ):
            self.assertRefused(self.come_back(url), 503, "being changed at this moment")
        self.assertConnected(self.come_back(url))

    def test_dialogs_tell_nothing_of_another_company(self):
        stranger = self.create_user(
            'dora', 'amazon_connector.group_amazon_admin',
            company=self.create_company("Südwind GmbH"),
        )
        account = {'account_id': self.account.id}
        for model, names in (
            ('amazon.authorize', ['before']),
            ('amazon.renew.secret', ['lwa_client_id', 'secret_end']),
            ('amazon.enter.tokens', ['seller_id', 'lwa_client_id']),
            ('amazon.enter.tokens', ['available_marketplace_ids']),
        ):
            with self.subTest(model, names=names), self.assertRaises(RpcRefused), (
                mute_logger('odoo.http')
            ):
                values = {**account, 'company_id': self.company.id} if (
                    model != 'amazon.renew.secret'
                ) else account
                [dialog] = self.rpc(stranger, model, 'create', [values])
                self.rpc(stranger, model, 'read', [dialog], names)

    def test_the_tokens_that_a_colleague_is_entering(self):
        [dialog] = self.rpc(self.admin, 'amazon.enter.tokens', 'create', [{
            'seller_id': 'A9', 'company_id': self.company.id,
        }])
        colleague = self.create_user('emma', 'amazon_connector.group_amazon_admin')
        self.assertDenied(colleague, 'amazon.enter.tokens', 'read', [dialog], ['seller_id'])

    def test_a_wrong_client_secret(self):
        url = self.consent(self.begin(account=self.account))
        self.company.amazon_lwa_client_secret = 'amzn1.oa2-cs.v1.wrong'
        self.assertRefused(self.come_back(url), 400, "LWA Client ID and Secret")
        self.assertNothingChanged()

    def test_an_installation_without_https(self):
        parameters = self.env['ir.config_parameter']
        for environment, address in (
            ('custom', 'http://odoo.example'), ('production', 'http://127.0.0.1:8069'),
        ):
            self.company.amazon_environment = environment
            parameters.set_param('web.base.url', address)
            refused = self.assertDenied(
                self.admin, 'amazon.account', 'action_authorize', [self.account.id],
                error='UserError',
            )
            self.assertIn(f"https addresses only, but Odoo calls itself {address}", refused.sent)

    def test_the_login_address_sends_nobody_elsewhere(self):
        self.authenticate('amelia', 'amelia')
        self.company.amazon_environment = 'production'
        for url in (
            'https://evil.example/', 'https://sellercentral.amazon.com.evil.example/x', '',
            'https://sellercentral.amazon.com@evil.example/', 'http://sellercentral.amazon.com/',
            '//evil.example', 'https://sellercentral.amazon.com\\.evil.example/',
            'javascript:alert(1)', 'https://[',
        ):
            with self.subTest(url):
                answer = self.url_open(LOGIN_PATH, params={
                    'amazon_callback_uri': url, 'amazon_state': 'x', 'selling_partner_id': 'A',
                }, allow_redirects=False)
                self.assertRefused(answer, 400, "did not come from Amazon")

    def test_nothing_of_it_is_logged(self):
        with self.assertLogs(level=logging.DEBUG) as logs, mute_logger('urllib3.connectionpool'):
            url = self.begin(account=self.account)
            back = self.consent(url)
            self.authenticate(None, None)
            self.come_back(back)
            self.authenticate('amelia', 'amelia')
            self.assertConnected(self.come_back(back))
            self.url_open(f'{LOGIN_PATH}?amazon_state=s3cret&amazon_callback_uri=x')
            self.authenticate(None, None)
            self.url_open(f'{LOGIN_PATH}?amazon_state=s3cret&amazon_callback_uri=x')
        query = parse_qs(urlsplit(back).query)
        token = self.account.connection_id._get_secrets()['refresh_token']
        lines = [line for line in logs.output if 'odoo.tests' not in line]
        self.assertTrue([line for line in lines if RETURN_PATH in line])
        for secret in (query['state'][0], query['spapi_oauth_code'][0], 's3cret', token):
            self.assertFalse([line for line in lines if secret in line])

    def test_what_was_begun_is_forgotten(self):
        self.begin(account=self.account)
        Authorization = self.env['amazon.authorization']
        self.assertTrue(Authorization.search_count([]))
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            Authorization._gc_expired()
        self.assertFalse(Authorization.search_count([]))


@tagged('post_install', '-at_install')
class TestAuthorizationTours(AuthorizationCase, TourCase):
    """What a person does in the browser, on Amazon's page, too."""

    button = 'authorize'

    def authenticate(self, *args, browser=None, **kwargs):
        """Override of `HttpCase` to press a button on Amazon's page, where no tour can."""
        if browser:
            browser._websocket_request('Page.addScriptToEvaluateOnNewDocument', params={
                'source': f"""
                    if (location.pathname === '/apps/authorize/consent') {{
                        addEventListener('load', () => {{
                            document.getElementById('{self.button}').click();
                        }});
                    }}
                """,
            })
        return super().authenticate(*args, browser=browser, **kwargs)

    def test_from_an_empty_database_to_the_first_order(self):
        self.env['amazon.account'].with_context(active_test=False).search([]).unlink()
        self.create_product('KETTLE')
        self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')])
        self.start(self.OVERVIEW, 'amazon_authorize_from_nothing')
        account = self.env['amazon.account'].search([])
        self.assertTrue(account.is_started)
        self.assertTrue(account.authorized_on)
        self.assertEqual(self.env['sale.order'].search_count([
            ('amazon_account_id', '=', account.id),
        ]), 1)

    def test_the_tokens_of_a_private_application(self):
        self.env['amazon.account'].with_context(active_test=False).search([]).unlink()
        self.company.write({'amazon_lwa_client_id': False, 'amazon_lwa_client_secret': False})
        self.start('/odoo/action-amazon_connector.action_amazon_settings', 'amazon_enter_tokens')
        self.assertEqual(self.env['amazon.account'].search([]).state, 'connected')
