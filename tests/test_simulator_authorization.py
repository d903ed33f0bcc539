import html
import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, urlsplit

import requests
import spapi

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    MARKUP,
    ROLE_FINANCES,
    ROLE_LISTINGS,
    ROLE_ORDERS,
    ROLE_SHIPPING,
    ROLE_TAX,
    Item,
)
from odoo.addons.amazon_connector.simulator.rendering import to_iso

from .test_simulator import ORDERS, PARTICIPATIONS, ConformanceCase, SimulatorCase, _other_seller

APPLICATION = DEFAULT_SELLER.application_id
REDIRECT = 'https://shop.example/amazon/return'
CONSENT = '/apps/authorize/consent'
LISTINGS = f'/listings/2021-08-01/items/{DEFAULT_SELLER.seller_id}'
TRANSACTIONS = '/finances/2024-06-19/transactions'
GERMANY = 'A1PA6795UKMFR9'


class AuthorizationCase(SimulatorCase):
    """A seller's browser, which does not follow where it is sent."""

    def browse(self, path, method='GET', **values):
        """Ask for a page; a value of None leaves the parameter out."""
        values = {name: value for name, value in values.items() if value is not None}
        return requests.request(
            method, f'{self.simulator.url}{path}', allow_redirects=False, timeout=5,
            **{'data' if method == 'POST' else 'params': values},
        )

    def ask(self, **values):
        """Open the consent page of the draft application."""
        return self.browse(CONSENT, **{
            'application_id': APPLICATION, 'state': 'S1', 'redirect_uri': REDIRECT,
            'version': 'beta', **values,
        })

    def decide(self, page, decision='authorize', **values):
        """Press a button of the consent page, with all that its form holds."""
        self.assertEqual(page.status_code, 200, page.text)
        [action] = re.findall(r'<form id="consent" method="post" action="([^"]*)"', page.text)
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
        form = {html.unescape(name): html.unescape(value) for name, value in hidden}
        return self.browse(action, 'POST', **{**form, 'decision': decision, **values})

    def sent_back(self, response):
        """Return the address without its query, and the query, that a browser is sent to."""
        self.assertEqual(response.status_code, 302, response.text)
        parts = urlsplit(response.headers['Location'])
        query = parse_qsl(parts.query, keep_blank_values=True)
        self.assertEqual(len(dict(query)), len(query))
        return parts._replace(query='').geturl(), dict(query)

    def code(self, **values):
        """Consent on the page, and return the code."""
        return self.sent_back(self.decide(self.ask(**values)))[1]['spapi_oauth_code']

    def exchange(self, code, /, **values):
        """Exchange a code as the application of the first seller."""
        return self.lwa(**{
            'grant_type': 'authorization_code', 'code': code, 'redirect_uri': REDIRECT,
            'refresh_token': None, **values,
        })

    def assertPage(self, response, code):
        self.assertEqual(response.status_code, 400, response.text)
        self.assertIn(f'<dd id="error_code">{code}</dd>', response.text)
        self.assertNotIn('Location', response.headers)

    def assertLwaRefused(self, response, status, error):
        self.assertEqual((response.status_code, response.json()['error']), (status, error))


@tagged('post_install', '-at_install')
class TestSimulatorConsent(AuthorizationCase):
    """Amazon's consent page, from the application's website."""

    def test_authorize(self):
        page = self.ask()
        for text in (
            'id="authorize"', 'id="cancel"', DEFAULT_SELLER.store_name, ROLE_ORDERS, ROLE_SHIPPING,
        ):
            self.assertIn(text, page.text)
        self.assertNotRegex(page.text, r'(src|href)="(?!data:,")')
        address, query = self.sent_back(self.decide(page))
        self.assertEqual(address, REDIRECT)
        code = query.pop('spapi_oauth_code')
        self.assertEqual(
            query, {'state': 'S1', 'selling_partner_id': DEFAULT_SELLER.seller_id},
        )
        self.assertEqual(self.exchange(code).status_code, 200)

    def test_cancel(self):
        address, query = self.sent_back(self.decide(self.ask(), 'cancel'))
        self.assertEqual(address, REDIRECT)
        self.assertTrue(query.pop('error_description'))
        self.assertEqual(query, {'error': 'access_denied', 'state': 'S1'})

    def test_amazon_state_comes_back(self):
        page = self.ask(amazon_state='A1')
        for decision in ('authorize', 'cancel'):
            with self.subTest(decision=decision):
                query = self.sent_back(self.decide(page, decision))[1]
                self.assertEqual(query['amazon_state'], 'A1')

    def test_another_seller_signs_in(self):
        other = _other_seller(self.simulator)
        self.addCleanup(self.simulator.sellers.pop, other.profile.seller_id)
        page = self.ask(seller=other.profile.seller_id)
        self.assertIn(f'<option value="{other.profile.seller_id}" selected>', page.text)
        query = self.sent_back(self.decide(page, seller=other.profile.seller_id))[1]
        self.assertEqual(query['selling_partner_id'], other.profile.seller_id)
        token = self.exchange(query['spapi_oauth_code']).json()['access_token']
        [entry, _inactive] = self.get(PARTICIPATIONS, token).json()['payload']
        self.assertEqual(entry['marketplace']['countryCode'], 'SE')
        self.assertPage(self.ask(seller='A2NOBODY'), 'SPDC8143')

    def test_redirect_uri_with_a_query(self):
        page = self.ask(redirect_uri=f'{REDIRECT}?db=a%26b&empty=')
        address, query = self.sent_back(self.decide(page))
        self.assertEqual((address, query['db'], query['empty']), (REDIRECT, 'a&b', ''))
        self.assertEqual(query['state'], 'S1')

    def test_first_registered_redirect_uri(self):
        self.simulator.register_application(
            APPLICATION, redirect_uris=[REDIRECT, 'https://other.example/'],
        )
        address, query = self.sent_back(self.decide(self.ask(redirect_uri=None)))
        self.assertEqual(address, REDIRECT)
        self.assertEqual(self.exchange(query['spapi_oauth_code']).status_code, 200)

    def test_loopback_redirect_uris(self):
        for uri in (
            'http://127.0.0.1:8069/r', 'http://localhost:8069/r', 'http://[::1]/r',
        ):
            with self.subTest(uri=uri):
                self.assertEqual(self.sent_back(self.decide(self.ask(redirect_uri=uri)))[0], uri)

    def test_wrong_redirect_uris(self):
        for code, uri in (
            ('MD5101', 'http://shop.example/amazon/return'),
            ('MD5101', 'http://127.0.0.1@shop.example/'),
            ('MD5101', 'http://127.0.0.1.shop.example/'),
            ('MD5101', 'javascript:alert(1)'),
            ('MD5101', '//shop.example/'),
            ('MD5101', 'https://'),
            ('MD5101', 'https://[shop.example/'),
            ('MD5101', 'https://shop.example/\r\nX-Evil: 1'),
            ('MD5110', f'{REDIRECT}#fragment'),
            ('MD9100', None),
        ):
            with self.subTest(uri=uri):
                self.assertPage(self.ask(redirect_uri=uri), code)

    def test_redirect_uri_that_is_not_registered(self):
        page = self.ask()
        self.simulator.register_application(APPLICATION, redirect_uris=['https://other.example/'])
        self.assertPage(self.ask(), 'MD5101')
        self.assertPage(self.decide(page), 'MD5101')
        self.assertPage(self.decide(page, 'cancel'), 'MD5101')
        self.simulator.register_application(APPLICATION, redirect_uris=['http://shop.example/'])
        self.assertPage(self.ask(redirect_uri=None), 'MD5101')

    def test_other_refusals(self):
        for code, values in (
            ('SPSA0404', {'application_id': 'amzn1.sp.solution.unknown'}),
            ('SPSA0404', {'application_id': None}),
            ('SPSA0404', {'application_id': DEFAULT_SELLER.client_id}),
            ('MD1000', {'version': None}),
            ('MD9100', {'state': None}),
        ):
            with self.subTest(**values):
                self.assertPage(self.ask(**values), code)

    def test_published_application(self):
        self.simulator.register_application(APPLICATION, is_draft=False)
        self.assertEqual(self.sent_back(self.decide(self.ask(version=None)))[0], REDIRECT)

    def test_markup_is_escaped(self):
        hostile = f'"\'>{MARKUP}&amp;'
        self.simulator.register_application(APPLICATION, name=hostile)
        uri = f'{REDIRECT}?q={hostile.replace(" ", "")}'
        page = self.ask(state=hostile, redirect_uri=uri, amazon_state=hostile)
        self.assertNotIn('<img', page.text)
        address, query = self.sent_back(self.decide(page))
        self.assertEqual((query['state'], query['amazon_state']), (hostile, hostile))
        code = query['spapi_oauth_code']
        self.assertEqual(self.exchange(code, redirect_uri=uri).status_code, 200)
        refused = self.ask(application_id=hostile)
        self.assertPage(refused, 'SPSA0404')
        self.assertNotIn('<img', refused.text)
        self.assertIn(html.escape(hostile), refused.text)

    def test_calls_hold_no_secrets(self):
        code = self.code(state='a-state-of-mine')
        self.exchange(code)
        self.assertEqual(
            [(call.operation, call.status) for call in self.simulator.calls],
            [('consent', 200), ('consent', 302), ('lwa', 200)],
        )
        written = str([call.as_json() for call in self.simulator.calls])
        self.assertNotIn(code, written)
        self.assertNotIn('a-state-of-mine', written)

    def test_faults(self):
        self.simulator.arm('unavailable')
        self.assertEqual(self.ask().status_code, 200)
        self.simulator.disarm()
        self.simulator.arm('unavailable', operation='consent')
        self.assertEqual(self.ask().status_code, 503)

    def test_wrong_pages(self):
        self.assertEqual(self.browse('/apps/authorize/else').status_code, 404)
        self.assertEqual(self.browse('/appstore/authorize', 'POST').status_code, 405)


@tagged('post_install', '-at_install')
class TestSimulatorAppstore(AuthorizationCase):
    """The consent that begins on the Appstore."""

    LOGIN = 'https://shop.example/amazon/login'

    def setUp(self):
        super().setUp()
        self.simulator.register_application(APPLICATION, login_uri=f'{self.LOGIN}?db=x')

    def start(self, **values):
        """Authorize on the Appstore, and return what the application's login is told."""
        response = self.browse('/appstore/authorize', application_id=APPLICATION, **values)
        address, query = self.sent_back(response)
        self.assertEqual((address, query.pop('db')), (self.LOGIN, 'x'))
        return query

    def confirm(self, told, **values):
        callback = told['amazon_callback_uri']
        self.assertTrue(callback.startswith(self.simulator.url))
        return self.browse(callback.removeprefix(self.simulator.url), **{
            'redirect_uri': REDIRECT, 'amazon_state': told['amazon_state'], 'state': 'S1',
            'version': told.get('version'), **values,
        })

    def test_the_way(self):
        told = self.start()
        self.assertEqual(told, {
            'amazon_callback_uri':
                f'{self.simulator.url}/apps/authorize/confirm/{quote(APPLICATION)}',
            'amazon_state': told['amazon_state'],
            'selling_partner_id': DEFAULT_SELLER.seller_id,
            'version': 'beta',
        })
        address, query = self.sent_back(self.confirm(told))
        self.assertEqual(address, REDIRECT)
        code = query.pop('spapi_oauth_code')
        self.assertEqual(query, {
            'amazon_state': told['amazon_state'], 'state': 'S1',
            'selling_partner_id': DEFAULT_SELLER.seller_id,
        })
        self.assertEqual(self.exchange(code).status_code, 200)

    def test_another_seller(self):
        other = _other_seller(self.simulator)
        self.addCleanup(self.simulator.sellers.pop, other.profile.seller_id)
        told = self.start(seller=other.profile.seller_id)
        self.assertEqual(told['selling_partner_id'], other.profile.seller_id)
        # Who has consented is not for the address to say.
        query = self.sent_back(self.confirm(told, seller=DEFAULT_SELLER.seller_id))[1]
        self.assertEqual(query['selling_partner_id'], other.profile.seller_id)

    def test_amazon_state_is_good_once(self):
        told = self.start()
        self.confirm(told)
        self.assertPage(self.confirm(told), 'MD9100')

    def test_amazon_state_is_good_for_ten_minutes(self):
        in_time, too_late = self.start(), self.start()
        self.simulator.clock.advance(minutes=9)
        self.assertEqual(self.confirm(in_time).status_code, 302)
        self.simulator.clock.advance(minutes=1)
        self.assertPage(self.confirm(too_late), 'MD9100')

    def test_refusals(self):
        told = self.start()
        self.simulator.register_application('another', client_id='c', client_secret='s')
        other = {**told, 'amazon_callback_uri':
                 told['amazon_callback_uri'].replace(APPLICATION, 'another')}
        for code, response in (
            ('MD1000', self.confirm(told, version=None)),
            ('MD5101', self.confirm(told, redirect_uri='http://shop.example/')),
            ('MD9100', self.confirm(told, state=None)),
            ('MD9100', self.confirm(told, amazon_state='forged')),
            ('MD9100', self.confirm(told, amazon_state=None)),
            ('MD9100', self.confirm(other)),
            ('MD9100', self.browse('/appstore/authorize', application_id='another')),
            ('SPSA0404', self.browse('/appstore/authorize', application_id='unknown')),
            ('SPDC8143', self.browse(
                '/appstore/authorize', application_id=APPLICATION, seller='A2NOBODY')),
        ):
            with self.subTest(code=code):
                self.assertPage(response, code)
        self.assertEqual(self.confirm(told).status_code, 302)

    def test_published_application(self):
        self.simulator.register_application(APPLICATION, is_draft=False)
        told = self.start()
        self.assertNotIn('version', told)
        self.assertEqual(self.confirm(told).status_code, 302)


@tagged('post_install', '-at_install')
class TestSimulatorCodes(AuthorizationCase):
    """Codes, the tokens they bring, and client secrets."""

    def test_exchange(self):
        answer = self.exchange(self.code()).json()
        self.assertEqual(
            {**answer, 'access_token': '', 'refresh_token': ''},
            {
                'access_token': '', 'token_type': 'bearer', 'expires_in': 3600,
                'refresh_token': '',
            },
        )
        self.assertTrue(answer['refresh_token'].startswith('Atzr|'))
        self.assertEqual(self.get(PARTICIPATIONS, answer['access_token']).status_code, 200)

    def test_every_refresh_token_works(self):
        tokens = {
            self.exchange(self.code()).json()['refresh_token'] for _number in range(2)
        } | {DEFAULT_SELLER.refresh_token}
        self.assertEqual(len(tokens), 3)
        for token in tokens:
            answer = self.lwa(refresh_token=token).json()
            self.assertEqual(answer['refresh_token'], token)
            self.assertEqual(self.get(PARTICIPATIONS, answer['access_token']).status_code, 200)

    def test_shortcut(self):
        code = self.simulator.issue_code(redirect_uri=REDIRECT)
        self.assertEqual(self.exchange(code).status_code, 200)
        code = self.control('issue_code', redirect_uri=REDIRECT)['code']
        self.assertEqual(self.exchange(code).status_code, 200)

    def test_code_is_good_once(self):
        code = self.code()
        self.exchange(code)
        answer = self.exchange(code)
        self.assertLwaRefused(answer, 400, 'invalid_grant')
        self.assertIn(' : code', answer.json()['error_description'])

    def test_code_is_good_for_five_minutes(self):
        self.simulator.clock.freeze()
        in_time, too_late = self.code(), self.code()
        self.simulator.clock.advance(minutes=5, milliseconds=-1)
        self.assertEqual(self.exchange(in_time).status_code, 200)
        self.simulator.clock.advance(milliseconds=1)
        self.assertLwaRefused(self.exchange(too_late), 400, 'invalid_grant')

    def test_refused_exchanges_leave_the_code(self):
        self.simulator.register_application('another', client_id='c', client_secret='s')
        code = self.code()
        for status, error, values in (
            (400, 'invalid_grant', {'code': 'unknown'}),
            (400, 'invalid_grant', {'redirect_uri': f'{REDIRECT}/'}),
            (400, 'invalid_grant', {'client_id': 'c', 'client_secret': 's'}),
            (401, 'invalid_client', {'client_secret': 'wrong'}),
            (401, 'invalid_client', {'client_id': 'wrong'}),
            (400, 'invalid_request', {'code': None}),
            (400, 'invalid_request', {'redirect_uri': None}),
            (400, 'invalid_request', {'client_id': None}),
            (400, 'invalid_request', {'client_secret': None}),
        ):
            with self.subTest(**values):
                self.assertLwaRefused(self.exchange(code, **values), status, error)
        self.assertEqual(self.exchange(code).status_code, 200)

    def test_tokens_belong_to_the_application(self):
        self.simulator.register_application(
            'another', client_id='c', client_secret='s', redirect_uris=[REDIRECT],
        )
        mine = {'client_id': 'c', 'client_secret': 's'}
        code = self.simulator.issue_code(redirect_uri=REDIRECT, application_id='another')
        token = self.exchange(code, **mine).json()['refresh_token']
        self.assertEqual(self.lwa(refresh_token=token, **mine).status_code, 200)
        self.assertLwaRefused(self.lwa(refresh_token=token), 400, 'invalid_grant')
        self.assertLwaRefused(self.lwa(**mine), 400, 'invalid_grant')

    def test_faults(self):
        code = self.code()
        self.simulator.arm('unavailable', operation='lwa')
        self.assertEqual(self.exchange(code).status_code, 503)
        self.simulator.arm('drop_before', operation='lwa')
        with self.assertRaises(requests.ConnectionError):
            self.exchange(code)
        self.assertEqual(self.exchange(code).status_code, 200)

    def test_revoked_authorisation_voids_every_token(self):
        code = self.code()
        given = self.exchange(self.code()).json()['refresh_token']
        self.seller.revoke_authorisation()
        for token in (given, DEFAULT_SELLER.refresh_token):
            self.assertLwaRefused(self.lwa(refresh_token=token), 400, 'invalid_grant')
        self.assertLwaRefused(self.exchange(code), 400, 'invalid_grant')
        self.seller.authorise()
        for token in (given, DEFAULT_SELLER.refresh_token):
            self.assertEqual(self.lwa(refresh_token=token).status_code, 200)

    def test_consent_after_a_revocation_brings_other_tokens(self):
        access_token = self.token()
        self.seller.revoke_authorisation()
        answer = self.exchange(self.code()).json()
        self.assertEqual(self.get(PARTICIPATIONS, answer['access_token']).status_code, 200)
        self.assertLwaRefused(self.lwa(), 400, 'invalid_grant')
        self.assertRefused(self.get(PARTICIPATIONS, access_token), 403, 'Unauthorized', 'revoked')
        self.seller.authorise()
        for token in (answer['refresh_token'], DEFAULT_SELLER.refresh_token):
            with self.subTest(token=token):
                self.assertEqual(self.lwa(refresh_token=token).status_code, 200)

    def test_reset_forgets_what_was_given(self):
        code, token = self.code(), self.exchange(self.code()).json()['refresh_token']
        self.simulator.register_application(APPLICATION, is_draft=False)
        self.simulator.renew_secret(APPLICATION, 'new')
        self.simulator.reset()
        self.assertLwaRefused(self.exchange(code), 400, 'invalid_grant')
        self.assertLwaRefused(self.lwa(refresh_token=token), 400, 'invalid_grant')
        self.assertLwaRefused(self.lwa(client_secret='new'), 401, 'invalid_client')
        self.assertEqual(self.lwa().status_code, 200)
        self.assertPage(self.ask(version=None), 'MD1000')

    def test_renewed_secret(self):
        for number, key in enumerate((APPLICATION, DEFAULT_SELLER.client_id)):
            with self.subTest(key=key):
                self.simulator.reset()
                new = f'amzn1.oa2-cs.v1.new{number}'
                self.simulator.renew_secret(key, new)
                self.simulator.clock.advance(days=6, hours=23)
                self.assertEqual(self.lwa(client_secret=new).status_code, 200)
                self.assertEqual(self.lwa().status_code, 200)
                self.simulator.clock.advance(hours=1)
                self.assertEqual(self.lwa(client_secret=new).status_code, 200)
                self.assertLwaRefused(self.lwa(), 401, 'invalid_client')

    def test_applications(self):
        with self.assertRaises(TypeError):
            self.simulator.register_application(APPLICATION, colour='blue')
        with self.assertRaises(TypeError):
            self.simulator.register_application('new')
        with self.assertRaises(LookupError):
            self.simulator.renew_secret('unknown', 'new')

    def test_control(self):
        self.control(
            'register_application', application_id=APPLICATION, redirect_uris=[REDIRECT],
            is_draft=False, login_uri='https://shop.example/login', client_secret='changed',
        )
        self.assertEqual(self.ask(version=None).status_code, 200)
        self.assertPage(self.ask(redirect_uri='https://other.example/'), 'MD5101')
        self.assertLwaRefused(self.lwa(), 401, 'invalid_client')
        self.control('renew_secret', key=APPLICATION, new_secret='newer')
        for secret in ('changed', 'newer'):
            self.assertEqual(self.lwa(client_secret=secret).status_code, 200)


@tagged('post_install', '-at_install')
class TestSimulatorRoles(AuthorizationCase):
    """Roles that are taken away, and the operations that need them."""

    def operations(self):
        order = self.seller.place_order()
        return {
            ROLE_ORDERS: [
                ('GET', ORDERS, {'params': {'lastUpdatedAfter': '2026-01-01T00:00:00Z'}}),
                ('GET', f'{ORDERS}/{order.order_id}', {}),
                ('POST', f'/orders/v0/orders/{order.order_id}/shipmentConfirmation', {'json': {
                    'marketplaceId': GERMANY, 'packageDetail': {
                        'packageReferenceId': '1', 'carrierCode': 'DHL', 'trackingNumber': 'T1',
                        'shipDate': to_iso(order.created), 'orderItems': [
                            {'orderItemId': order.items[0].item_id, 'quantity': 1},
                        ],
                    },
                }}),
            ],
            ROLE_LISTINGS: [('GET', LISTINGS, {'params': {'marketplaceIds': GERMANY}})],
            ROLE_FINANCES: [('GET', TRANSACTIONS, {'params': {
                'postedAfter': '2026-01-01T00:00:00Z',
            }})],
            '': [
                ('GET', PARTICIPATIONS, {}),
                ('GET', '/feeds/2021-06-30/feeds', {
                    'params': {'feedTypes': 'POST_ORDER_FULFILLMENT_DATA'},
                }),
            ],
        }

    def test_operations_need_their_role(self):
        operations = self.operations()
        for revoked in (ROLE_ORDERS, ROLE_LISTINGS, ROLE_FINANCES):
            self.seller.revoke_role(revoked)
            for role, requested in operations.items():
                for method, path, options in requested:
                    with self.subTest(revoked=revoked, path=path):
                        response = self.request(method, path, **options)
                        if role == revoked:
                            self.assertRefused(response, 403, 'Unauthorized')
                            self.assertNotIn('x-amzn-RateLimit-Limit', response.headers)
                        else:
                            self.assertIn(response.status_code, (200, 204), response.text)
            self.seller.grant_role(revoked)
        for requested in operations.values():
            for method, path, options in requested:
                self.assertIn(self.request(method, path, **options).status_code, (200, 204))

    def test_refusal(self):
        self.seller.revoke_role(ROLE_ORDERS)
        self.assertEqual(self.search().json(), {'errors': [{
            'code': 'Unauthorized', 'message': 'Access to requested resource is denied.',
            'details': '',
        }]})

    def test_personal_data_goes_with_its_role(self):
        order = self.seller.place_order(items=[Item('A')])
        self.assertIn('name', self.order(order)['recipient']['deliveryAddress'])
        self.seller.revoke_role(ROLE_SHIPPING)
        self.seller.revoke_role(ROLE_TAX)
        self.assertNotIn('name', self.order(order)['recipient']['deliveryAddress'])
        self.seller.grant_role(ROLE_SHIPPING)
        self.assertIn('name', self.order(order)['recipient']['deliveryAddress'])

    def test_reset_grants_everything(self):
        self.seller.revoke_role(ROLE_FINANCES)
        self.seller.revoke_role(ROLE_TAX)
        self.simulator.reset()
        self.assertEqual(self.seller.roles, {
            ROLE_ORDERS, ROLE_LISTINGS, ROLE_FINANCES, ROLE_SHIPPING, ROLE_TAX,
        })

    def test_control(self):
        self.control('revoke_role', role=ROLE_ORDERS)
        self.assertEqual(self.search().status_code, 403)
        self.control('grant_role', role=ROLE_ORDERS)
        self.assertEqual(self.search().status_code, 200)

    def test_unknown_role(self):
        for change in (self.seller.revoke_role, self.seller.grant_role):
            with self.assertRaises(ValueError):
                change('King')

    def test_search_listings_refusals(self):
        good = {'marketplaceIds': GERMANY}
        for values in (
            {'marketplaceIds': ''}, {'marketplaceIds': 'DE'}, {'marketplaceIds': 'ATVPDKIKX0DER'},
            {'pageSize': '21'}, {'includedData': 'everything'}, {'pageToken': 'x'},
            {'identifiers': 'A'}, {'identifiersType': 'SKU'},
            {'identifiers': ','.join('A' * 21), 'identifiersType': 'SKU'},
        ):
            with self.subTest(**values):
                response = self.get(LISTINGS, **{**good, **values})
                self.assertRefused(response, 400, 'InvalidInput')
        self.assertRefused(self.get(LISTINGS), 400, 'InvalidInput', 'marketplaceIds')
        response = self.get('/listings/2021-08-01/items/A2OTHER', **good)
        self.assertRefused(response, 403, 'Unauthorized')

    def test_list_transactions_refusals(self):
        now = self.simulator.clock.now()
        good = {'postedAfter': to_iso(now - timedelta(days=1))}
        for values in (
            {'postedAfter': None}, {'postedAfter': 'yesterday'},
            {'postedAfter': to_iso(now - timedelta(minutes=1))},
            {'postedBefore': to_iso(now - timedelta(minutes=1))},
            {'postedBefore': to_iso(now - timedelta(days=2))},
            {'transactionStatus': 'LOST'}, {'marketplaceId': 'DE'}, {'nextToken': 'x'},
            {'relatedIdentifierName': 'ORDER_ID'}, {'relatedIdentifierValue': '1'},
            {'relatedIdentifierName': 'SHIPMENT_ID', 'relatedIdentifierValue': '1'},
        ):
            with self.subTest(**values):
                response = self.get(TRANSACTIONS, **{**good, **values})
                self.assertRefused(response, 400, 'InvalidInput')
        response = self.get(
            TRANSACTIONS, relatedIdentifierName='ORDER_ID', relatedIdentifierValue='1',
        )
        self.assertEqual(response.status_code, 200)


@tagged('post_install', '-at_install')
class TestSimulatorHarmlessConformance(ConformanceCase):
    """Amazon's own SDK understands the operations that prove a role."""

    def test_search_listings_items(self):
        model = spapi.ListingsApi(self.sdk).search_listings_items(
            seller_id=DEFAULT_SELLER.seller_id, marketplace_ids=[GERMANY],
            identifiers=['A', 'B'], identifiers_type='SKU', included_data=['summaries'],
        )
        self.assertUnderstood(model)
        self.assertEqual((model.number_of_results, model.items), (0, []))

    def test_list_transactions(self):
        model = spapi.FinancesV2024Api(self.sdk).list_transactions(
            posted_after=datetime.now(timezone.utc) - timedelta(minutes=3),
        )
        self.assertUnderstood(model)
        self.assertEqual(model.payload.transactions, [])


@tagged('post_install', '-at_install')
class TestSimulatorDate(AuthorizationCase):
    """The `Date` of answers, by which a client sees how wrong its clock is."""

    def assertDate(self, response, skew):
        [value] = [
            value for name, value in response.raw.headers.iteritems() if name.lower() == 'date'
        ]
        difference = parsedate_to_datetime(value) - datetime.now(timezone.utc)
        self.assertAlmostEqual(difference.total_seconds(), skew, delta=5)

    def test_date(self):
        for skew in (0, 420, -90):
            self.control('set_clock_skew', seconds=skew)
            for response in (
                self.lwa(), self.lwa(client_id='wrong'), self.search(), self.search('wrong'),
                self.ask(),
            ):
                with self.subTest(skew=skew, url=response.url):
                    self.assertDate(response, skew)

    def test_moved_clock_is_no_skew(self):
        self.simulator.clock.advance(minutes=2)
        self.assertDate(self.search(), 0)

    def test_reset(self):
        self.simulator.set_clock_skew(300)
        self.simulator.reset()
        self.assertDate(self.search(), 0)
