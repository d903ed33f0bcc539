import json
import logging
import os
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock, Thread
from unittest.mock import ANY, patch

import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from requests.utils import get_netrc_auth
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.api.sellers.sellers import Sellers

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.client import USER_AGENT, AccessToken, Client, Credentials
from odoo.addons.amazon_connector.amazon.endpoints import (
    ENDPOINTS,
    LWA_ENDPOINT,
    is_safe_endpoint,
)
from odoo.addons.amazon_connector.amazon.errors import (
    AmazonError,
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
)
from odoo.addons.amazon_connector.amazon.limits import RATES, Bucket, Rate
from odoo.addons.amazon_connector.amazon.marketplaces import (
    Participation,
    fetch_participations,
    parse_participations,
)
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Buyer, Item, Simulator

CREDENTIALS = Credentials(
    DEFAULT_SELLER.client_id, DEFAULT_SELLER.client_secret, DEFAULT_SELLER.refresh_token,
)
LONG_AGO = '2020-01-01T00:00:00Z'


class MemoryLimiter:
    """The buckets of one account, for one process and a clock of the test's choice."""

    def __init__(self, now):
        self.now = now
        self.buckets = {}
        self.rates = dict(RATES)

    def reserve(self, operation):
        rate, now = self.rates[operation], self.now()
        bucket = self.buckets.get(operation, Bucket.full(rate, now))
        self.buckets[operation] = bucket.take(operation, rate, now)

    def observe(self, operation, rate, throttled):
        self.rates[operation] = self.rates[operation].adopt(rate)
        if not throttled:
            return None
        self.buckets[operation] = Bucket.drained(self.now())
        return self.buckets[operation].next_token_at(self.rates[operation])


class MemoryTokenStore:
    """The access token of one account, for one process."""

    def __init__(self):
        self.token = None
        self.lock = Lock()

    def get(self):
        return self.token

    def put(self, token):
        self.token = token

    def evict(self):
        self.token = None

    @contextmanager
    def exclusively(self):
        with self.lock:
            yield


class ClientCase(BaseCase):
    """A client in front of a simulated Amazon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.simulator = cls.enterClassContext(Simulator())

    def setUp(self):
        super().setUp()
        self.simulator.reset()
        self.limiter = MemoryLimiter(self.simulator.clock.now)
        self.token_store = MemoryTokenStore()
        self.client = self._open()

    def _open(self, **options):
        """Return a client of the account, closed at the latest after the test."""
        defaults = {
            'credentials': CREDENTIALS,
            'endpoint': self.simulator.url,
            'lwa_endpoint': self.simulator.lwa_url,
            'limiter': self.limiter,
            'token_store': self.token_store,
        }
        client = Client(**{**defaults, **options})
        self.addCleanup(client.close)
        return client

    def _get_order(self, order_id, client=None):
        return (client or self.client).call('getOrder', OrdersV20260101.get_order, order_id)

    def _search_orders(self, client=None, **params):
        return (client or self.client).call(
            'searchOrders',
            OrdersV20260101.search_orders,
            **{'marketplaceIds': ['A1PA6795UKMFR9'], 'lastUpdatedAfter': LONG_AGO, **params},
        )

    def _assert_calls(self, *expected):
        """Compare what arrived at Amazon with operations and statuses."""
        self.assertEqual(
            [(call.operation, call.status) for call in self.simulator.calls], list(expected)
        )


@tagged('post_install', '-at_install')
class TestClientCalls(ClientCase):

    def test_payload_is_what_amazon_sent(self):
        order = self.simulator.seller.place_order('DE', 'FBM', [Item('SKU', '19.99', 2)])
        payload = self._search_orders(includedData=['PROCEEDS', 'BUYER'])
        self.assertEqual(payload['orders'][0]['orderId'], order.order_id)
        self.assertEqual(
            payload['orders'][0]['proceeds']['grandTotal'],
            {'amount': '39.98', 'currencyCode': 'EUR'},
        )
        self.assertEqual(self._get_order(order.order_id)['order']['orderId'], order.order_id)

    def test_query_holds_what_was_given_and_nothing_else(self):
        self._search_orders(includedData=['BUYER', 'TAX'], paginationToken=None)
        fetch_participations(self.client)
        queries = [call.query for call in self.simulator.calls if call.operation != 'lwa']
        self.assertEqual(queries, [
            {
                'marketplaceIds': 'A1PA6795UKMFR9',
                'lastUpdatedAfter': LONG_AGO,
                'includedData': 'BUYER,TAX',
            },
            {},
        ])

    def test_path_parts_are_quoted(self):
        with self.assertRaises(AmazonError):
            self._get_order('a/b?c=d')
        self.assertEqual(self.simulator.calls[-1].query, {})

    def test_method_that_needs_more_of_the_library_fails_before_anything_is_sent(self):
        def post(api, **_params):
            return api._request('/feeds/2021-06-30/feeds', bulk=True)

        with self.assertRaises(TypeError):
            self.client.call('getOrder', post)
        self._assert_calls()

    def _record(self, rates):
        """Call once for each rate, on a server that announces it, and return what that has seen.

        The simulator keeps neither headers nor connections, and announces only sensible rates.

        :return: The address of the other end, the first line and the headers of each request.
        """
        seen = []

        class Recorder(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                seen.append((self.client_address, self.requestline, self.headers))
                self.send_response(200)
                self.send_header('content-length', '2')
                self.send_header('x-amzn-RateLimit-Limit', rates[len(seen) - 1])
                self.send_header('set-cookie', 'session=1')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, *args):
                pass

        expires_at = datetime.now(timezone.utc) + timedelta(hours=1)
        self.token_store.put(AccessToken('a-token', expires_at))
        with HTTPServer(('127.0.0.1', 0), Recorder) as server:
            connection = Thread(target=server.handle_request)
            connection.start()
            with self._open(endpoint=f'http://127.0.0.1:{server.server_port}/') as client:
                for _rate in rates:
                    fetch_participations(client)
            connection.join(10)
            self.assertFalse(connection.is_alive(), "The connection should be closed.")
            self.assertEqual(seen[0][2]['host'], f'127.0.0.1:{server.server_port}')
        return seen

    def test_headers_are_amazons(self):
        [(_address, line, headers)] = self._record(['1'])
        self.assertEqual(line, 'GET /sellers/v1/marketplaceParticipations HTTP/1.1')
        self.assertEqual(headers['user-agent'], USER_AGENT)
        self.assertEqual(headers['x-amz-access-token'], 'a-token')
        self.assertRegex(headers['x-amz-date'], r'^\d{8}T\d{6}Z$')

    def test_connection_is_kept_between_calls(self):
        (first_address, *_first), (second_address, *_second) = self._record(['1', '1'])
        self.assertEqual(first_address, second_address)

    def test_cookies_are_not_kept(self):
        for _address, _line, headers in self._record(['1', '1']):
            self.assertNotIn('cookie', headers)

    def test_no_password_is_taken_from_the_users_file(self):
        with NamedTemporaryFile('w') as passwords:
            passwords.write('default login somebody password secret\n')
            passwords.flush()
            with patch.dict(os.environ, {'NETRC': passwords.name}):
                self.assertTrue(get_netrc_auth('http://127.0.0.1'))
                [(_address, _line, headers)] = self._record(['1'])
        self.assertNotIn('authorization', headers)

    def test_senseless_rate_is_ignored(self):
        self._record(['2.5', 'nan', 'inf', '-1', '0', '1e-300', 'much', ''])
        self.assertEqual(self.limiter.rates['getMarketplaceParticipations'], Rate(2.5, 15))

    def test_user_agent_has_amazons_form(self):
        self.assertRegex(USER_AGENT, r'^\w+/[\w.]+ \(Language=Python/[\w.]+; Platform=\w+\)$')
        self.assertLessEqual(len(USER_AGENT), 500)


@tagged('post_install', '-at_install')
class TestClientErrors(ClientCase):

    def _assert_raises(self, error_class, fault, calls=1, **options):
        """Arm a fault, call, and return the error.

        :param calls: How many requests the fault is to meet; the client makes no others.
        """
        self.simulator.reset()
        self.limiter.buckets.clear()
        self.token_store.evict()
        armed = self.simulator.arm(fault, operation='getOrder', times=None, **options)
        with self.subTest(fault=fault, **options):
            with self.assertRaises(error_class) as caught:
                self._get_order('123-1234567-1234567')
            self.assertIs(type(caught.exception), error_class)
            self.assertEqual(armed.hits, calls)
            self.assertEqual(caught.exception.operation, 'getOrder')
        return caught.exception

    def test_outage(self):
        for fault, status in (
            ('internal_error', 500),
            ('internal_message', 500),
            ('unavailable', 503),
            ('not_json', 200),
            ('empty', 200),
            ('truncated_json', 404),
            ('drop_before', None),
            ('drop_after', None),
        ):
            error = self._assert_raises(Unavailable, fault)
            self.assertEqual(error.status, status)
            self.assertEqual(bool(error.request_id), status is not None)

    def test_answer_that_is_not_amazons(self):
        for status, body in (
            (200, '[{"order": {}}]'),
            (200, '"order"'),
            (200, 'null'),
            (200, '[' * 100_000),
            (200, '{"order": ' + '[' * 100_000 + '}'),
            (200, b'{"order": \xff}'),
            (302, '{"order": {}}'),
            (400, '<html>Bad Request</html>'),
            (400, '{"message": "Bad Request"}'),
            (404, '{"message": "Not Found"}'),
            (400, '{"errors": "InvalidInput"}'),
            (400, '{"errors": ["InvalidInput"]}'),
            (502, '{"errors": [{"code": "InvalidInput", "message": "No."}]}'),
        ):
            error = self._assert_raises(Unavailable, 'custom', status=status, body=body)
            self.assertEqual(error.status, status)

    def test_an_answer_with_odd_values_is_an_answer(self):
        for odd, read in (
            ('NaN', None), ('-Infinity', None), ('1' * 5000, '1' * 5000), ('1E+400', None),
            (b'"\xff"', '\ufffd'), ('"[[[{"', '[[[{'), (r'"\"[]]]"', '"[]]]'),
            ('[' * 100_000 + ']' * 100_000, ANY), ('{"a":' * 5000 + '1' + '}' * 5000, ANY),
        ):
            odd = odd if isinstance(odd, bytes) else odd.encode()
            with self.subTest(odd=odd[:10]):
                self.simulator.arm(
                    'custom', body=b'{"order": {"odd": %s, "good": [1, 2]}}' % odd,
                )
                order = self._get_order('123-1234567-1234567')['order']
                self.assertEqual(order, {'odd': read, 'good': [1, 2]})
                json.dumps(order)

    def test_refused_request(self):
        error = self._assert_raises(Rejected, 'invalid_input')
        self.assertEqual((error.status, error.codes), (400, ('InvalidInput',)))
        self.assertIn("InvalidInput: Invalid request parameters", str(error))
        self.assertTrue(error.request_id)
        for status in (200, 409, 413, 415, 422):
            error = self._assert_raises(
                Rejected,
                'custom',
                status=status,
                body='{"errors": [{"code": "A", "message": "a"}, {"code": "B"}]}',
            )
            self.assertEqual(error.codes, ('A', 'B'))

    def test_details_stay_out_of_the_message(self):
        error = self._assert_raises(
            Rejected,
            'custom',
            status=400,
            body='{"errors": [{"code": "A", "message": "a", "details": "Jane Doe"}]}',
        )
        self.assertNotIn("Jane Doe", str(error))
        self.assertEqual(error.details, "Jane Doe")

    def test_long_message_is_cut(self):
        error = self._assert_raises(
            Rejected, 'custom', status=400,
            body=json.dumps({'errors': [{'code': 'A', 'message': 'a'}] * 1000}),
        )
        self.assertLess(len(str(error)), 300)

    def test_unknown_order(self):
        with self.assertRaises(NotFound) as caught:
            self._get_order('123-1234567-1234567')
        self.assertEqual((caught.exception.status, caught.exception.codes), (404, ('NotFound',)))

    def test_expired_page_token(self):
        for number in range(3):
            self.simulator.seller.place_order('DE', 'FBM', [Item(f'SKU-{number}', '1.00')])
        page = self._search_orders(maxResultsPerPage=1)
        self.simulator.arm('expired_page_token', operation='searchOrders')
        with self.assertRaises(Rejected):
            self._search_orders(
                maxResultsPerPage=1, paginationToken=page['pagination']['nextToken']
            )

    def test_refused_quota(self):
        self.simulator.clock.freeze()
        for fault in ('throttled', 'quota_exceeded'):
            error = self._assert_raises(Throttled, fault)
            self.assertEqual(error.status, 429)
            self.simulator.disarm()
            self.assertAlmostEqual(
                error.retry_at,
                self.simulator.clock.now() + timedelta(seconds=2),
                delta=timedelta(milliseconds=1),
            )
            calls = len(self.simulator.calls)
            with self.assertRaises(Throttled):
                self._get_order('123-1234567-1234567')
            self.assertEqual(len(self.simulator.calls), calls)

    def test_slow_answer(self):
        client = self._open(timeout=0.2)
        self._get_participations(client)
        for operation in ('getMarketplaceParticipations', 'lwa'):
            self.token_store.evict()
            self.simulator.arm('delay', operation=operation, seconds=30)
            started = time.monotonic()
            with self.subTest(operation=operation), self.assertRaises(Unavailable) as caught:
                self._get_participations(client)
            self.assertIn('ReadTimeout', str(caught.exception))
            self.assertLess(time.monotonic() - started, 10)

    def _get_participations(self, client):
        return client.call(
            'getMarketplaceParticipations', Sellers.get_marketplace_participation
        )

    def test_nobody_listens(self):
        with Simulator() as simulator:
            url = simulator.url
        client = self._open(endpoint=url)
        with self.assertRaises(Unavailable) as caught:
            self._search_orders(client)
        self.assertIn('NewConnectionError', str(caught.exception))
        with self.assertRaises(Unavailable):
            self._search_orders(self._open(endpoint='http://127.0.0.1:nonsense'))

    def test_odoo_lets_no_test_leave_the_machine(self):
        for url in ('https://amazon.invalid', 'http://192.0.2.1'):
            with self.subTest(url=url), self.assertRaises(Unavailable) as caught:
                self._get_participations(self._open(lwa_endpoint=url))
            self.assertIn('BlockedRequest', str(caught.exception))


@tagged('post_install', '-at_install')
class TestClientTokens(ClientCase):

    def test_token_is_shared_by_all_clients_of_the_account(self):
        self._search_orders()
        self._search_orders(self._open())
        self._assert_calls(('lwa', 200), ('searchOrders', 200), ('searchOrders', 200))

    def test_token_is_not_shared_between_accounts(self):
        self._search_orders()
        stranger = self._open(
            credentials=Credentials('another', 'secret', DEFAULT_SELLER.refresh_token),
            token_store=MemoryTokenStore(),
        )
        with self.assertRaises(Unauthorized):
            self._search_orders(stranger)

    def test_token_is_renewed_before_it_expires(self):
        self._search_orders()
        first = self.token_store.get()
        for seconds, is_renewed in ((60, True), (600, False)):
            expires_at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
            self.token_store.put(AccessToken(first.value, expires_at))
            self._search_orders()
            self.assertEqual(self.token_store.get().value != first.value, is_renewed)

    def test_lifetime_is_what_amazon_says(self):
        self.simulator.arm(
            'custom', operation='lwa', body='{"access_token": "a-token", "expires_in": 1234}'
        )
        earliest = datetime.now(timezone.utc) + timedelta(seconds=1234)
        self.simulator.arm('custom', operation='getOrder', body='{}')
        self._get_order('123-1234567-1234567')
        latest = datetime.now(timezone.utc) + timedelta(seconds=1234)
        self.assertEqual(self.token_store.get().value, 'a-token')
        self.assertLessEqual(earliest, self.token_store.get().expires_at)
        self.assertLessEqual(self.token_store.get().expires_at, latest)

    def test_refused_token_is_replaced_once(self):
        for fault in ('expired_token', 'revoked_token', 'forbidden'):
            self._search_orders()
            refused = self.token_store.get()
            self.simulator.calls.clear()
            self.simulator.arm(fault, operation='searchOrders')
            with self.subTest(fault=fault):
                self.assertIn('orders', self._search_orders())
                self.assertNotEqual(self.token_store.get().value, refused.value)
                self._assert_calls(('searchOrders', 403), ('lwa', 200), ('searchOrders', 200))

    def test_token_that_amazon_has_forgotten(self):
        self._search_orders()
        self.simulator.tokens.revoke_tokens(self.simulator.seller)
        self.assertIn('orders', self._search_orders())

    def test_fresh_token_refused_too(self):
        for fault, options, codes in (
            ('revoked_token', {}, ('Unauthorized',)),
            ('forbidden', {}, ()),
            ('custom', {'status': 401, 'body': 'no'}, ()),
        ):
            self._search_orders()
            self.simulator.arm(fault, operation='searchOrders', times=None, **options)
            self.simulator.calls.clear()
            with self.subTest(fault=fault), self.assertRaises(Unauthorized) as caught:
                self._search_orders()
            self.assertEqual(caught.exception.codes, codes)
            self.assertIsNone(self.token_store.get())
            status = caught.exception.status
            self._assert_calls(('searchOrders', status), ('lwa', 200), ('searchOrders', status))
            self.simulator.disarm()

    def test_fresh_token_refused_at_once(self):
        self.simulator.arm('forbidden', operation='searchOrders', times=None)
        with self.assertRaises(Unauthorized):
            self._search_orders()
        self._assert_calls(('lwa', 200), ('searchOrders', 403))
        self.assertIsNone(self.token_store.get())

    def test_revoked_authorisation(self):
        self._search_orders()
        self.simulator.seller.revoke_authorisation()
        with self.assertRaises(Unauthorized) as caught:
            self._search_orders()
        self.assertEqual(
            (caught.exception.status, caught.exception.codes), (400, ('invalid_grant',))
        )
        self.assertTrue(caught.exception.request_id)
        self.assertIsNone(self.token_store.get())

    def test_wrong_client_secret(self):
        client = self._open(
            credentials=Credentials(DEFAULT_SELLER.client_id, 'wrong', DEFAULT_SELLER.refresh_token)
        )
        with self.assertRaises(Unauthorized) as caught:
            self._search_orders(client)
        self.assertEqual(
            (caught.exception.status, caught.exception.codes), (401, ('invalid_client',))
        )
        self._assert_calls(('lwa', 401))

    def test_login_out_of_order(self):
        for status, body in (
            (500, '{"error": "server_error"}'),
            (503, '<html>Service Unavailable</html>'),
            (403, '<html>Forbidden</html>'),
            (400, '{"error": {"code": "invalid_grant"}}'),
            (302, ''),
            (200, '<html>Please wait</html>'),
            (200, '{}'),
            (200, '{"access_token": "a-token"}'),
            (200, '{"access_token": 1, "expires_in": 3600}'),
            (200, '{"access_token": "a-token", "expires_in": "soon"}'),
            (200, '{"access_token": "á-token", "expires_in": 3600}'),
            (200, r'{"access_token": "a\u0001token", "expires_in": 3600}'),
        ):
            self.simulator.arm('custom', operation='lwa', status=status, body=body)
            with self.subTest(status=status, body=body), self.assertRaises(Unavailable):
                self._search_orders()
        self.simulator.arm('drop_after', operation='lwa')
        with self.assertRaises(Unavailable):
            self._search_orders()
        self.assertEqual({call.operation for call in self.simulator.calls}, {'lwa'})
        self.assertIsNone(self.token_store.get())

    def test_login_throttled(self):
        self.simulator.arm('throttled', operation='lwa')
        with self.assertRaises(Throttled) as caught:
            self._search_orders()
        self.assertGreater(caught.exception.retry_at, datetime.now(timezone.utc))


@tagged('post_install', '-at_install')
class TestClientSecrecy(ClientCase):

    def setUp(self):
        super().setUp()
        for number in range(2):
            self.simulator.seller.place_order(
                'DE', 'FBM', [Item(f'SKU-{number}', '1.00')], buyer=Buyer(name='Jane Doe')
            )
        page = self._search_orders(maxResultsPerPage=1)
        self.page_token = page['pagination']['nextToken']

    def _assert_no_secret(self, text):
        for secret in (
            DEFAULT_SELLER.client_secret,
            DEFAULT_SELLER.refresh_token,
            self.access_token,
            self.page_token,
            'Jane Doe',
        ):
            self.assertTrue(secret)
            self.assertNotIn(secret, text)

    @property
    def access_token(self):
        return self.token_store.get().value

    def test_one_line_for_one_request(self):
        self.token_store.evict()
        with self.assertLogs(level='DEBUG') as logs:
            self._search_orders(
                maxResultsPerPage=1, paginationToken=self.page_token, includedData=['BUYER']
            )
            self.simulator.arm('drop_before')
            with self.assertRaises(Unavailable):
                self._search_orders()
        lines = [
            record.getMessage() for record in logs.records
            if record.levelno >= logging.INFO and '.simulator.' not in record.name
        ]
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[0], r'^refreshAccessToken: 200, request [\w-]{36}, \d+ ms$')
        self.assertRegex(lines[1], r'^searchOrders: 200, request [\w-]{36}, \d+ ms$')
        self.assertRegex(lines[2], r'^searchOrders: RemoteDisconnected, request None, \d+ ms$')
        self._assert_no_secret('\n'.join(record.getMessage() for record in logs.records))

    def test_other_users_of_the_http_library_keep_their_log(self):
        with self.assertLogs('urllib3', logging.DEBUG) as logs:
            self._search_orders()
            requests.get(self.simulator.url, timeout=10)
        self.assertEqual(len([line for line in logs.output if '"GET / HTTP/1.1"' in line]), 1)
        self.assertFalse([line for line in logs.output if '/orders' in line])

    def test_errors_tell_no_secret(self):
        for fault, calls in (('drop_before', 1), ('not_json', 1), ('invalid_input', 1)):
            access_token = self.access_token
            self.simulator.arm(fault, operation='searchOrders', times=calls)
            with self.subTest(fault=fault), self.assertRaises(AmazonError) as caught:
                self._search_orders(paginationToken=self.page_token)
            text = ''.join(traceback.format_exception(caught.exception))
            self._assert_no_secret(text + repr(caught.exception))
            self.assertNotIn(access_token, text)
            self.assertNotIn('urllib3', text, "Its errors hold the request.")

    def test_repr_tells_no_secret(self):
        token = self.token_store.get()
        self._assert_no_secret(f'{CREDENTIALS!r} {token!r} {self.client!r}')
        self.assertIn(DEFAULT_SELLER.client_id, repr(CREDENTIALS))


@tagged('post_install', '-at_install')
class TestClientEnvironment(ClientCase):

    def test_environment_of_the_library_is_without_effect(self):
        script = (
            'import os, sys\n'
            'from amazon.marketplaces import Sellers\n'
            'from sp_api.base import Marketplaces\n'
            'print(Marketplaces.DE.endpoint, os.environ["AWS_ENV"])\n'
        )
        environment = {
            **os.environ,
            'AWS_ENV': 'NONSENSE',
            'SP_API_AUTH_CACHE_SIZE': 'NONSENSE',
            'SP_API_AUTH_CACHE_TTL': 'NONSENSE',
            'SP_API_DEFAULT_MARKETPLACE': 'NONSENSE',
        }
        result = subprocess.run(
            [sys.executable, '-c', script],
            cwd=Path(__file__).resolve().parents[1],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(result.stderr, '')
        self.assertEqual(
            result.stdout.split(), ['https://sellingpartnerapi-eu.amazon.com', 'NONSENSE']
        )

    def test_environment_decides_nothing_at_run_time(self):
        values = {
            'AWS_ENV': 'SANDBOX',
            'LWA_APP_ID': 'environment',
            'LWA_CLIENT_SECRET': 'environment',
            'SP_API_DEFAULT_MARKETPLACE': 'JP',
            'SP_API_REFRESH_TOKEN': 'environment',
        }
        with patch.dict(os.environ, values):
            self._search_orders(self._open())
        self.assertEqual(self.simulator.calls[-1].query['marketplaceIds'], 'A1PA6795UKMFR9')

    def test_loopback_is_never_reached_by_a_proxy(self):
        with Simulator() as simulator:
            closed = simulator.url
        proxies = {'HTTP_PROXY': closed, 'http_proxy': closed, 'ALL_PROXY': closed, 'NO_PROXY': ''}
        with patch.dict(os.environ, proxies):
            self.assertIn('orders', self._search_orders(self._open()))

    def test_https_goes_by_the_proxy_that_the_environment_names(self):
        with Simulator() as simulator:
            closed = simulator.url.replace('http:', 'https:')
        for excepted, failure in (('', 'ProxyError'), ('127.0.0.1', 'NewConnectionError')):
            proxies = {'https_proxy': self.simulator.url, 'no_proxy': excepted}
            with (
                self.subTest(excepted=excepted),
                patch.dict(os.environ, proxies),
                self.assertRaises(Unavailable) as caught,
            ):
                self._open().download('downloadFeedDocument', closed)
            self.assertIn(failure, str(caught.exception))


@tagged('post_install', '-at_install')
class TestLimits(ClientCase):

    def test_quota_is_respected_before_amazon_refuses(self):
        self.simulator.set_throttle(1.0)
        self.simulator.clock.freeze()
        for _call in range(20):
            self._search_orders()
        self.simulator.calls.clear()
        with self.assertRaises(Throttled) as caught:
            self._search_orders()
        self._assert_calls()
        wait = caught.exception.retry_at - self.simulator.clock.now()
        self.assertAlmostEqual(wait.total_seconds(), 1 / 0.0056, delta=0.001)

    def test_quota_is_used_to_the_full_and_never_exceeded(self):
        self.simulator.set_throttle(1.0)
        self.simulator.clock.freeze()
        ends_at = self.simulator.clock.now() + timedelta(minutes=50)
        while self.simulator.clock.now() < ends_at:
            try:
                self._search_orders()
            except Throttled as error:
                # The simulator's clock knows nothing smaller than a millisecond.
                self.simulator.clock.freeze(error.retry_at + timedelta(milliseconds=1))
        statuses = [call.status for call in self.simulator.calls if call.operation != 'lwa']
        self.assertEqual(set(statuses), {200})
        self.assertAlmostEqual(len(statuses), 20 + 3000 * 0.0056, delta=1)

    def test_operations_have_quotas_of_their_own(self):
        self.simulator.clock.freeze()
        for _call in range(15):
            fetch_participations(self.client)
        with self.assertRaises(Throttled):
            fetch_participations(self.client)
        self._search_orders()

    def test_rate_that_amazon_announces_is_adopted(self):
        for scale in (0.5, 2.0):
            self.simulator.set_throttle(scale)
            self._search_orders()
            self.assertAlmostEqual(self.limiter.rates['searchOrders'].per_second, 0.0056 * scale)
            self.assertEqual(self.limiter.rates['searchOrders'].burst, 20)

    def test_refusal_takes_a_token_too(self):
        self.simulator.arm('invalid_input', times=None)
        with self.assertRaises(Rejected):
            self._search_orders()
        self.assertLess(self.limiter.buckets['searchOrders'].tokens, 19.5)


@tagged('post_install', '-at_install')
class TestBucket(BaseCase):

    START = datetime(2026, 11, 21, tzinfo=timezone.utc)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        rate=st.builds(Rate, st.floats(0.001, 50), st.integers(1, 30)),
        gaps=st.lists(
            st.none() | st.timedeltas(timedelta(0), timedelta(minutes=5)), min_size=1, max_size=60
        ),
    )
    @example(rate=Rate(0.5, 30), gaps=[timedelta(milliseconds=900)] * 60)
    def test_no_window_holds_more_calls_than_amazon_grants(self, rate, gaps):
        """A gap of `None` waits until the bucket says that it may be called again."""
        now, bucket, calls = self.START, Bucket.full(rate, self.START), []
        for gap in gaps:
            now = max(now, bucket.next_token_at(rate)) if gap is None else now + gap
            try:
                bucket = bucket.take('getOrder', rate, now)
            except Throttled as error:
                self.assertIsNotNone(gap)
                self.assertGreater(error.retry_at, now)
            else:
                calls.append(now)
        self.assertTrue(calls)
        for index, first in enumerate(calls):
            for number, last in enumerate(calls[index:], start=1):
                granted = rate.burst + rate.per_second * (last - first).total_seconds()
                self.assertLessEqual(number, granted + 1e-6)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(rate=st.builds(Rate, st.floats(0.001, 50), st.integers(1, 30)))
    def test_a_refused_call_waits_exactly_for_one_token(self, rate):
        bucket = Bucket.drained(self.START)
        with self.assertRaises(Throttled) as caught:
            bucket.take('getOrder', rate, self.START)
        retry_at = caught.exception.retry_at
        self.assertEqual(retry_at.tzinfo, timezone.utc)
        with self.assertRaises(Throttled):
            bucket.take('getOrder', rate, retry_at - timedelta(microseconds=5))
        self.assertGreaterEqual(bucket.take('getOrder', rate, retry_at).tokens, 0)

    def test_a_long_rest_fills_no_more_than_the_burst(self):
        rate = Rate(0.5, 30)
        later = self.START + timedelta(days=30)
        self.assertEqual(Bucket.drained(self.START).refill(rate, later), Bucket.full(rate, later))

    def test_a_clock_that_was_set_back_earns_nothing(self):
        rate = Rate(0.5, 30)
        bucket = Bucket.drained(self.START)
        earlier = self.START - timedelta(hours=1)
        self.assertEqual(bucket.refill(rate, earlier), bucket)

    def test_a_token_is_left_for_each_who_waits_longer(self):
        rate = Rate(0.0056, 20)
        bucket = Bucket(2.5, self.START)
        self.assertEqual(bucket.take('searchOrders', rate, self.START, ahead=1).tokens, 1.5)
        with self.assertRaises(Throttled) as caught:
            bucket.take('searchOrders', rate, self.START, ahead=2)
        retry_at = caught.exception.retry_at
        self.assertAlmostEqual((retry_at - self.START).total_seconds(), 0.5 / 0.0056, delta=1)
        self.assertGreaterEqual(
            bucket.take('searchOrders', rate, retry_at, ahead=2).tokens, 2,
        )

    def test_a_crowd_larger_than_the_bucket_waits_for_no_more_than_a_full_one(self):
        rate = Rate(0.0056, 20)
        full = Bucket.full(rate, self.START)
        self.assertEqual(full.take('searchOrders', rate, self.START, ahead=99).tokens, 19)

    def test_useless_rate_changes_nothing(self):
        rate = Rate(0.5, 30)
        self.assertEqual([rate.adopt(None), rate.adopt(0)], [rate, rate])
        self.assertEqual(rate.adopt(2.0), Rate(2.0, 30))


@tagged('post_install', '-at_install')
class TestMarketplaces(ClientCase):

    PAYLOAD = {
        'marketplace': {
            'id': 'A1PA6795UKMFR9',
            'name': 'Amazon.de',
            'countryCode': 'DE',
            'defaultCurrencyCode': 'EUR',
            'defaultLanguageCode': 'de_DE',
            'domainName': 'www.amazon.de',
        },
        'participation': {'isParticipating': True, 'hasSuspendedListings': False},
        'storeName': 'A Store',
    }

    def test_participations_of_the_seller(self):
        participations = parse_participations(fetch_participations(self.client))
        self.assertEqual(
            {(entry.marketplace_id, entry.country_code, entry.currency_code)
             for entry in participations},
            {
                ('A1PA6795UKMFR9', 'DE', 'EUR'),
                ('A1F83G8C2ARO7P', 'GB', 'GBP'),
                ('A1VC38T7YXB528', 'JP', 'JPY'),
            },
        )
        self.assertTrue(all(entry.is_participating for entry in participations))

    def test_every_field_is_read_and_unknown_ones_are_tolerated(self):
        payload = {'payload': [{**self.PAYLOAD, 'mood': 'good'}], 'more': 1}
        self.assertEqual(parse_participations(payload), [Participation(
            marketplace_id='A1PA6795UKMFR9',
            name='Amazon.de',
            country_code='DE',
            currency_code='EUR',
            language_code='de_DE',
            domain_name='www.amazon.de',
            is_participating=True,
            is_suspended=False,
            store_name='A Store',
        )])

    def test_missing_and_wrong_fields_are_named(self):
        marketplace, standing = self.PAYLOAD['marketplace'], self.PAYLOAD['participation']
        for payload, field in (
            ({}, 'payload'),
            ({'payload': {}}, 'payload'),
            ({'payload': [None]}, 'payload[0]'),
            ({'payload': [self.PAYLOAD, {}]}, 'payload[1].marketplace'),
            (
                {'payload': [{'marketplace': {**marketplace, 'id': 5}, 'participation': standing}]},
                'payload[0].marketplace.id',
            ),
            (
                {'payload': [{'marketplace': marketplace, 'participation': {}}]},
                'payload[0].participation.isParticipating',
            ),
            (
                {'payload': [{
                    'marketplace': marketplace,
                    'participation': {**standing, 'hasSuspendedListings': 'no'},
                }]},
                'payload[0].participation.hasSuspendedListings',
            ),
        ):
            with self.subTest(field=field), self.assertRaises(Malformed) as caught:
                parse_participations(payload)
            self.assertEqual(caught.exception.field, field)

    def test_safe_endpoints(self):
        own = [url for regions in ENDPOINTS.values() for url in regions.values()]
        for url in (
            *own,
            LWA_ENDPOINT,
            'http://127.0.0.1:8070',
            'http://127.1.2.3/base',
            'http://[::1]:8070/auth/o2/token',
            'http://localhost:8070',
        ):
            with self.subTest(url=url):
                self.assertTrue(is_safe_endpoint(url))

    def test_unsafe_endpoints(self):
        for url in (
            '',
            'amazon.com',
            'https://',
            'http://amazon.com',
            'http://localhost.amazon.com',
            'http://127.0.0.1.amazon.com',
            'http://127.0.0.1@amazon.com',
            'http://127.0.0.1\\@amazon.com',
            'http://0.0.0.0',
            'https://user:secret@amazon.com',
            'https://amazon.com?a=b',
            'https://amazon.com#a',
            'https://amazon.com:99999',
            'https://amazon.com/\n',
            ' https://amazon.com',
            'ftp://127.0.0.1',
            'file:///etc/passwd',
        ):
            with self.subTest(url=url):
                self.assertFalse(is_safe_endpoint(url))
