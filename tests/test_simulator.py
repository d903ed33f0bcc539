import json
import logging
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import requests
import spapi

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    MARKUP,
    ODDITIES,
    Address,
    Buyer,
    Item,
    Participation,
    SellerProfile,
    Simulator,
    TaxRegistration,
)
from odoo.addons.amazon_connector.simulator.rendering import to_iso
from odoo.addons.amazon_connector.simulator.scenarios import CATALOGUE, bulk, stock
from odoo.addons.amazon_connector.simulator.shapes import SHAPES as PROCEEDS_SHAPES

ORDERS = '/orders/2026-01-01/orders'
PARTICIPATIONS = '/sellers/v1/marketplaceParticipations'
EVERYTHING = [
    'BUYER', 'RECIPIENT', 'PROCEEDS', 'EXPENSE', 'PROMOTION', 'CANCELLATION', 'FULFILLMENT',
    'PACKAGES', 'TAX', 'PAYMENT', 'FULFILLMENT_ORDERS',
]
LONG_AGO = '2026-01-01T00:00:00Z'
DATE_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d')
NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)

# A way to make an order for everything that the simulator can put into one.
SHAPES = {
    'plain': {},
    'amazon fulfilled': {
        'channel': 'FBA', 'status': 'SHIPPED', 'programs': ('PRIME',),
        'items': [Item('A', serial_numbers=('S1', 'S2'), quantity=2)],
    },
    'yen': {'marketplace': 'JP', 'items': [Item('A', 6980, 2, points=(70, 70), cod_fee=330)]},
    'pending': {'status': 'PENDING'},
    'not yet published': {'status': 'PENDING_AVAILABILITY', 'programs': ('PREORDER',)},
    'unfulfillable': {'channel': 'FBA', 'status': 'UNFULFILLABLE'},
    'cancelled': {'status': 'CANCELLED'},
    'shipped': {'status': 'SHIPPED'},
    'gift': {'items': [Item(
        'A', gift_wrap='3.00', gift_message='For you\n🎁\x00', gift_wrap_level='PREMIUM',
    )]},
    'all charges': {
        'items': [Item('A', '9.99', 7, shipping='4.90', gift_wrap='1', cod_fee='2', other='0.50')],
        'tip': '5.00',
    },
    'tax included': {'items': [Item(
        'A', '19.99', 3, shipping='4.90', discount='1.00', shipping_discount='0.50',
        tax_rate='0.19', promotions=('P1', 'P2'),
    )]},
    'tax on top': {
        'items': [Item('A', '29.99', 3, shipping='10', tax={'ITEM': '3', 'SHIPPING': '1'})],
        'marketplace': 'GB', 'prices_include_tax': False,
    },
    'discount as a positive amount': {
        'items': [Item('A', '20', discount='3', tax_rate='0.19')], 'discount_style': 'positive',
    },
    'discount already taken off': {
        'items': [Item('A', '20', discount='3', shipping='4', shipping_discount='1', tax='2')],
        'discount_style': 'net',
    },
    'tax collected by Amazon': {'items': [Item(
        'A', tax_rate='0.20', marketplace_facilitator=True, reporting_scheme='IOSS',
        ioss_number='IM0000000000',
    )]},
    'business': {
        'programs': ('AMAZON_BUSINESS',),
        'items': [Item('A', business_price=True)],
        'buyer': Buyer('B', 'b@marketplace.amazon.de', company='C', purchase_order='PO 1'),
        'tax_registrations': (TaxRegistration(
            'DE136695976', legal_name='C', address=Address(city='Bonn', country='DE'),
            attributes={'TAX_OFFICE': 'Bonn'},
        ),),
    },
    'replacement': {'replaces': '305-0000000-0000001', 'items': [Item('A', 0)]},
    'exchange': {'exchanges': '305-0000000-0000001', 'seller_order_id': 'MINE-1'},
    'every part of an address': {'address': Address(
        'N', 'C', '1', '2', '3', 'City', 'District', 'State', 'Municipality', '12345', 'BR', '1',
        'RESIDENTIAL', {'streetName': 'S', 'streetNumber': '1', 'complement': 'C'},
    )},
    'delivery preference': {'delivery_preference': {
        'dropOffLocation': 'Porch', 'addressInstruction': 'Ring twice',
        'deliveryTime': {'businessHours': [{'dayOfWeek': 'MON', 'timeWindows': [{
            'startTime': {'hour': 9, 'minute': 0}, 'endTime': {'hour': 17, 'minute': 30},
        }]}]},
        'deliveryCapabilities': ['PALLET_ENABLED'],
    }},
    'item details': {'items': [Item(
        'A', condition='USED', condition_note='Scratched', programs=('TRANSPARENCY',),
        serial_numbers_required=True, customized_url='https://example.com/custom',
        constraints=('signatureConfirmation', 'cashOnDelivery'),
        scheduled_delivery=(NOON, NOON + timedelta(hours=2)),
    )]},
    'easy ship': {'fulfillment_order_ids': ('F1', 'F2'), 'payment_method': 'CashOnDelivery'},
}


# What Amazon's model allows, although the amounts do not sum up, or there are none.
ODD_SHAPES = {
    **{
        f'proceeds: {shape}': {
            'items': [Item('A', '20', 2, shipping='4.90', discount='1', tax_rate='0.19')],
            'tip': '2', 'proceeds_shape': shape,
        }
        for shape in PROCEEDS_SHAPES if shape != 'numbers'
    },
    'something that nothing explains': {'unexplained': '3.00'},
}
ALL_SHAPES = {**SHAPES, **ODD_SHAPES}


class SimulatorCase(BaseCase):
    """A simulator with an empty shop, Amazon's own SDK, and a plain HTTP client."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.simulator = Simulator().start()
        cls.addClassCleanup(cls.simulator.stop)
        cls._tame_sdk_logging()

    @classmethod
    def _tame_sdk_logging(cls):
        """Let the SDK's models share one configuration.

        Each would otherwise make its own, add a log handler and lower urllib3's level.
        """
        loggers = [logging.getLogger(name) for name in ('spapi', 'urllib3')]
        before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
        spapi.Configuration.set_default(spapi.Configuration())
        cls.addClassCleanup(spapi.Configuration.set_default, None)
        for logger, level, handlers in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers

    def setUp(self):
        super().setUp()
        self.simulator.reset()
        self.simulator.set_throttle(None)
        self.seller = self.simulator.seller

    # === PLAIN HTTP === #

    def lwa(self, **values):
        """Ask for an access token; a value of None leaves the parameter out."""
        form = {
            'grant_type': 'refresh_token',
            'refresh_token': DEFAULT_SELLER.refresh_token,
            'client_id': DEFAULT_SELLER.client_id,
            'client_secret': DEFAULT_SELLER.client_secret,
            **values,
        }
        form = {name: value for name, value in form.items() if value is not None}
        return requests.post(self.simulator.lwa_url, data=form, timeout=5)

    def token(self, **values):
        return self.lwa(**values).json()['access_token']

    def request(self, method, path, token=None, **options):
        """Call SP-API with a fresh access token, or the one given."""
        headers = {'x-amz-access-token': token or self.token()}
        return requests.request(
            method, f'{self.simulator.url}{path}', headers=headers, timeout=5, **options,
        )

    def get(self, path, token=None, **query):
        return self.request('GET', path, token, params=query)

    def search(self, token=None, **query):
        return self.get(ORDERS, token, **{'lastUpdatedAfter': LONG_AGO, **query})

    def order(self, order, *included):
        """Return the JSON of one order with the datasets asked for, all of them by default."""
        response = self.get(
            f'{ORDERS}/{order.order_id}', includedData=','.join(included or EVERYTHING),
        )
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()['order']

    def found(self, **query):
        """Return the ids that a search finds."""
        response = self.search(**query)
        self.assertEqual(response.status_code, 200, response.text)
        return [order['orderId'] for order in response.json()['orders']]

    def assertRefused(self, response, status, code, word=''):
        self.assertEqual(response.status_code, status, response.text)
        [error] = response.json()['errors']
        self.assertEqual(error['code'], code)
        self.assertIn(word, error['details'])

    def control(self, name, /, **arguments):
        response = requests.post(
            f'{self.simulator.url}/control/{name}', json=arguments, timeout=5,
        )
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()


class ConformanceCase(SimulatorCase):
    """Amazon's own SDK, connected to the simulator."""

    def setUp(self):
        super().setUp()
        config = spapi.SPAPIConfig(
            DEFAULT_SELLER.client_id, DEFAULT_SELLER.client_secret, DEFAULT_SELLER.refresh_token,
        )
        self.sdk = spapi.SPAPIClient(
            config, oauth_endpoint=self.simulator.lwa_url, endpoint=self.simulator.url,
        ).api_client

    def normalized(self, value):
        """Write every time in one way, for the SDK has its own."""
        if isinstance(value, dict):
            return {key: self.normalized(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.normalized(part) for part in value]
        if isinstance(value, str) and DATE_TIME.match(value):
            return datetime.fromisoformat(value.replace('Z', '+00:00'))
        return value

    def assertUnderstood(self, model):
        """Check that the SDK's last answer, serialised again, equals what was sent."""
        sent = self.normalized(json.loads(self.sdk.last_response.data))
        self.assertEqual(self.normalized(self.sdk.sanitize_for_serialization(model)), sent)

    def assertOrderUnderstood(self, order):
        model = spapi.GetOrderApi(self.sdk).get_order(order.order_id, included_data=EVERYTHING)
        self.assertUnderstood(model)
        return model.order


@tagged('post_install', '-at_install')
class TestSimulatorConformance(ConformanceCase):
    """What the simulator sends, Amazon's own SDK reads without losing a key or missing one."""

    def test_every_shape_alone(self):
        for name, details in ALL_SHAPES.items():
            with self.subTest(shape=name):
                self.assertOrderUnderstood(self.seller.place_order(**details))

    def test_every_shape_in_a_search(self):
        for details in ALL_SHAPES.values():
            self.seller.place_order(**details)
        api = spapi.SearchOrdersApi(self.sdk)
        after = datetime.now(timezone.utc) - timedelta(days=1)
        for query in (
            {},
            {'included_data': EVERYTHING},
            *({'included_data': [dataset]} for dataset in EVERYTHING),
        ):
            with self.subTest(**query):
                model = api.search_orders(last_updated_after=after, **query)
                self.assertEqual(len(model.orders), len(ALL_SHAPES))
                self.assertUnderstood(model)

    def test_every_change(self):
        order = self.seller.place_order(items=[Item('A', '9.99', 3, shipping='4.90'), Item('B')])
        for change in (
            lambda: self.seller.request_cancellation(order),
            lambda: self.seller.cancel_item(order, 'A', 1),
            lambda: self.seller.cancel_item(order, 'B', by='MERCHANT'),
            lambda: self.seller.ship(order, {'A': 1}),
            lambda: self.seller.ship(order, carrier='DHL'),
            lambda: self.seller.deliver(order),
        ):
            change()
            self.assertOrderUnderstood(order)

    def test_stock_scenario(self):
        stock(self.seller)
        api = spapi.SearchOrdersApi(self.sdk)
        after = datetime.now(timezone.utc) - timedelta(days=30)
        model = api.search_orders(created_after=after, included_data=EVERYTHING)
        self.assertEqual(len(model.orders), len(self.seller.orders))
        self.assertUnderstood(model)

    def test_pages(self):
        bulk(self.seller, 5)
        api = spapi.SearchOrdersApi(self.sdk)
        query = {
            'last_updated_after': datetime.now(timezone.utc) - timedelta(days=2),
            'max_results_per_page': 2,
        }
        model = api.search_orders(**query)
        found = list(model.orders)
        while model.pagination:
            self.assertUnderstood(model)
            model = api.search_orders(pagination_token=model.pagination.next_token, **query)
            found += model.orders
        self.assertUnderstood(model)
        self.assertEqual({order.order_id for order in found}, set(self.seller.orders))

    def test_marketplace_participations(self):
        model = spapi.SellersApi(self.sdk).get_marketplace_participations()
        self.assertUnderstood(model)
        self.assertEqual(
            [(entry.marketplace.name, entry.marketplace.default_currency_code)
             for entry in model.payload],
            [('Amazon.de', 'EUR'), ('Amazon.co.uk', 'GBP'), ('Amazon.co.jp', 'JPY')],
        )

    def test_refusal(self):
        with self.assertRaises(spapi.ApiException) as caught:
            spapi.SearchOrdersApi(self.sdk).search_orders()
        self.assertEqual(caught.exception.status, 400)
        module = spapi.SearchOrdersApi.api_models_module
        self.sdk.api_models_module = module
        self.sdk.last_response = spapi.rest.RESTResponse(_Body(caught.exception.body))
        self.assertUnderstood(self.sdk.deserialize(self.sdk.last_response, 'ErrorList'))

    def test_a_missing_key_is_noticed(self):
        order = self.seller.place_order()
        self.seller.override(order, remove=['/salesChannel'])
        with self.assertRaisesRegex(ValueError, 'sales_channel'):
            self.assertOrderUnderstood(order)

    def test_an_invented_key_is_noticed(self):
        order = self.seller.place_order()
        self.seller.override(order, values={'/orderItems/0/fulfillment/gift': 'yes'})
        with self.assertRaises(AssertionError):
            self.assertOrderUnderstood(order)


class _Body:
    """What the SDK's response class reads of urllib3's."""
    status, reason = 400, 'Bad Request'

    def __init__(self, data):
        self.data = data


@tagged('post_install', '-at_install')
class TestSimulatorMoney(SimulatorCase):
    """The amounts of an order agree with each other."""

    def amounts(self, order, *, of=None):
        """Return (amount by breakdown type, total) of the order, or of one of its items."""
        part = (order if of is None else order['orderItems'][of])['proceeds']
        total = part.get('grandTotal') or part['proceedsTotal']
        return (
            {entry['type']: Decimal(entry['subtotal']['amount']) for entry in part['breakdowns']},
            Decimal(total['amount']),
        )

    def test_breakdowns_sum_up(self):
        for name, details in SHAPES.items():
            with self.subTest(shape=name):
                placed = self.seller.place_order(**details)
                order = self.order(placed)
                if 'proceeds' not in order:
                    self.assertIn(placed.status, ('PENDING', 'PENDING_AVAILABILITY', 'CANCELLED'))
                    continue
                amounts, total = self.amounts(order)
                discount = amounts.pop('DISCOUNT', Decimal(0))
                if placed.discount_style == 'net':
                    discount = Decimal(0)
                self.assertEqual(sum(amounts.values()) - abs(discount), total)
                self.assertEqual(placed.grand_total, total)
                items = [self.amounts(order, of=i)[1] for i in range(len(order['orderItems']))]
                self.assertEqual(sum(items) + Decimal(placed.tip), total)

    def test_numbers_instead_of_texts(self):
        order = self.order(self.seller.place_order(proceeds_shape='numbers'))
        self.assertEqual(order['proceeds']['grandTotal']['amount'], 10.0)
        with self.assertRaisesRegex(ValueError, 'Unknown shape'):
            self.seller.place_order(proceeds_shape='round')

    def test_details_sum_up(self):
        detailed = [
            (name, entry)
            for name, details in SHAPES.items()
            for item in self.order(self.seller.place_order(**details))['orderItems']
            for entry in item.get('proceeds', {}).get('breakdowns', [])
            if 'detailedBreakdowns' in entry
        ]
        self.assertEqual({entry['type'] for _name, entry in detailed}, {'TAX', 'DISCOUNT'})
        for name, entry in detailed:
            with self.subTest(shape=name, type=entry['type']):
                values = [
                    Decimal(detail['value']['amount']) for detail in entry['detailedBreakdowns']
                ]
                if name == 'discount as a positive amount' and entry['type'] == 'TAX':
                    values[-1] *= -1
                self.assertEqual(sum(values), Decimal(entry['subtotal']['amount']))

    def test_tax_included(self):
        item = Item('A', '119.00', 2, shipping='11.90', tax_rate='0.19')
        amounts, total = self.amounts(self.order(self.seller.place_order(items=[item])))
        self.assertEqual(total, Decimal('249.90'))
        self.assertEqual(
            amounts,
            {'ITEM': Decimal('200'), 'SHIPPING': Decimal('10'), 'TAX': Decimal('39.90')},
        )

    def test_tax_on_top(self):
        item = Item('A', '100.00', 2, shipping='10', tax_rate='0.19')
        order = self.seller.place_order(items=[item], prices_include_tax=False)
        amounts, total = self.amounts(self.order(order))
        self.assertEqual(total, Decimal('249.90'))
        self.assertEqual(amounts['ITEM'], Decimal('200'))

    def test_discount_styles(self):
        for style, item_amount, discount in (
            ('negative', '40', '-3'), ('positive', '40', '3'), ('net', '37', '3'),
        ):
            with self.subTest(style=style):
                order = self.order(self.seller.place_order(
                    items=[Item('A', '20', 2, discount='3')], discount_style=style,
                ))
                amounts, total = self.amounts(order, of=0)
                self.assertEqual(total, 37)
                self.assertEqual(amounts['ITEM'], Decimal(item_amount))
                self.assertEqual(amounts['DISCOUNT'], Decimal(discount))

    def test_yen_has_no_decimals(self):
        order = self.order(self.seller.place_order('JP', items=[Item('A', 1980)]))
        self.assertEqual(
            order['proceeds']['grandTotal'], {'amount': '1980', 'currencyCode': 'JPY'},
        )
        with self.assertRaisesRegex(ValueError, 'JPY'):
            self.seller.place_order('JP', items=[Item('A', '19.80')])

    def test_partial_cancellation_lowers_the_amounts(self):
        placed = self.seller.place_order(
            items=[Item('A', '10', 3, shipping='3', tax_rate='0.19'), Item('B', '5')],
        )
        self.seller.cancel_item(placed, 'A', 1)
        self.seller.cancel_item(placed, 'B')
        order = self.order(placed)
        self.assertEqual([item['quantityOrdered'] for item in order['orderItems']], [2, 0])
        self.assertEqual(self.amounts(order)[1], Decimal('22.00'))
        self.assertEqual(
            order['orderItems'][1]['cancellation']['cancellationExecution']['cancelledBy'], 'BUYER',
        )

    def test_tip_and_facilitator(self):
        item = Item('A', '12', tax_rate='0.20', marketplace_facilitator=True)
        order = self.order(self.seller.place_order('GB', items=[item], tip='2.50'))
        amounts, total = self.amounts(order)
        self.assertEqual(total, Decimal('14.50'))
        self.assertEqual(amounts['DELIVERY_TIP'], Decimal('2.50'))
        self.assertEqual(
            order['orderItems'][0]['tax']['taxCollections'],
            [{'model': 'MARKETPLACE_FACILITATOR', 'responsibleParty': 'Amazon.co.uk'}],
        )


@tagged('post_install', '-at_install')
class TestSimulatorSearch(SimulatorCase):
    """`searchOrders` keeps Amazon's rules."""

    def now(self, **delta):
        moment = self.simulator.clock.now() + timedelta(**delta)
        return moment.isoformat(timespec='milliseconds')

    def test_parameters_refused(self):
        for word, query in (
            ('Exactly one', {'lastUpdatedAfter': None}),
            ('Exactly one', {'createdAfter': LONG_AGO}),
            ('createdBefore', {'createdBefore': LONG_AGO}),
            ('lastUpdatedBefore', {
                'lastUpdatedAfter': None, 'createdAfter': LONG_AGO, 'lastUpdatedBefore': LONG_AGO,
            }),
            ('before lastUpdatedAfter', {'lastUpdatedBefore': '2025-12-31T23:59:59Z'}),
            ('two minutes', {'lastUpdatedBefore': self.now(seconds=-100)}),
            ('future', {'lastUpdatedAfter': self.now(minutes=5)}),
            ('ISO 8601', {'lastUpdatedAfter': '2026-01-01'}),
            ('ISO 8601', {'lastUpdatedAfter': '2026-01-01T00:00:00'}),
            ('ISO 8601', {'lastUpdatedAfter': '2026-13-01T00:00:00Z'}),
            ('fulfillmentStatuses', {'fulfillmentStatuses': 'Unshipped'}),
            ('fulfilledBy', {'fulfilledBy': 'MERCHANT,SELLER'}),
            ('fulfilledBy', {'fulfilledBy': ''}),
            ('more than once', {'fulfilledBy': ['MERCHANT', 'AMAZON']}),
            ('includedData', {'includedData': 'BUYER,ITEMS'}),
            ('marketplaceIds', {'marketplaceIds': 'DE'}),
            ('more than 50', {'marketplaceIds': ','.join(['A1PA6795UKMFR9'] * 51)}),
            ('maxResultsPerPage', {'maxResultsPerPage': '0'}),
            ('maxResultsPerPage', {'maxResultsPerPage': '101'}),
            ('maxResultsPerPage', {'maxResultsPerPage': 'all'}),
            ('paginationToken', {'paginationToken': 'unknown'}),
        ):
            with self.subTest(**query):
                self.assertRefused(self.search(**query), 400, 'InvalidInput', word)

    def test_names_are_case_sensitive(self):
        response = self.search(lastUpdatedAfter=None, LastUpdatedAfter=LONG_AGO)
        self.assertRefused(response, 400, 'InvalidInput', 'Exactly one')

    def test_filters(self):
        orders = {
            (marketplace, channel, status): self.seller.place_order(
                marketplace, channel, status=status,
            ).order_id
            for marketplace in ('DE', 'JP')
            for channel in ('FBM', 'FBA')
            for status in ('PENDING', 'UNSHIPPED', 'SHIPPED')
        }

        def of(index, *values):
            return {id_ for key, id_ in orders.items() if key[index] in values}

        for query, expected in (
            ({}, set(orders.values())),
            ({'marketplaceIds': 'A1VC38T7YXB528'}, of(0, 'JP')),
            ({'marketplaceIds': 'A1VC38T7YXB528,A1PA6795UKMFR9'}, set(orders.values())),
            ({'marketplaceIds': 'ATVPDKIKX0DER'}, set()),
            ({'fulfilledBy': 'AMAZON'}, of(1, 'FBA')),
            ({'fulfilledBy': 'AMAZON,MERCHANT'}, set(orders.values())),
            ({'fulfillmentStatuses': 'PENDING,SHIPPED'}, of(2, 'PENDING', 'SHIPPED')),
            (
                {'fulfilledBy': 'MERCHANT', 'fulfillmentStatuses': 'UNSHIPPED'},
                of(1, 'FBM') & of(2, 'UNSHIPPED'),
            ),
        ):
            with self.subTest(**query):
                self.assertEqual(set(self.found(**query)), expected)

    def test_bounds_are_included(self):
        order = self.seller.place_order(placed_at=NOON, updated_at=NOON + timedelta(hours=1))
        for query, is_found in (
            ({'createdAfter': '2026-03-10T12:00:00Z'}, True),
            ({'createdAfter': '2026-03-10T13:00:00+01:00'}, True),
            ({'createdAfter': '2026-03-10T12:00:00.001Z'}, False),
            ({'createdAfter': LONG_AGO, 'createdBefore': '2026-03-10T12:00:00Z'}, True),
            ({'createdAfter': LONG_AGO, 'createdBefore': '2026-03-10T11:59:59Z'}, False),
            ({'lastUpdatedAfter': '2026-03-10T13:00:00Z'}, True),
            ({'lastUpdatedAfter': '2026-03-10T13:00:00.001Z'}, False),
            ({'lastUpdatedAfter': LONG_AGO, 'lastUpdatedBefore': '2026-03-10T13:00:00Z'}, True),
            ({'lastUpdatedAfter': LONG_AGO, 'lastUpdatedBefore': '2026-03-10T12:59:59Z'}, False),
        ):
            with self.subTest(**query):
                found = self.found(**{'lastUpdatedAfter': None, **query})
                self.assertEqual(found, [order.order_id] if is_found else [])

    def test_answer_tells_its_bound(self):
        self.simulator.clock.freeze(NOON)
        self.assertEqual(self.search().json()['lastUpdatedBefore'], '2026-03-10T11:58:00.000Z')
        answer = self.search(lastUpdatedAfter=None, createdAfter=LONG_AGO).json()
        self.assertEqual(answer['createdBefore'], '2026-03-10T11:58:00.000Z')
        self.assertNotIn('lastUpdatedBefore', answer)
        answer = self.search(lastUpdatedBefore='2026-02-01T00:00:00Z').json()
        self.assertEqual(answer['lastUpdatedBefore'], '2026-02-01T00:00:00.000Z')

    def test_search_lags_two_minutes(self):
        self.simulator.clock.freeze(NOON)
        order = self.seller.place_order()
        self.assertEqual(self.found(), [])
        self.assertEqual(self.order(order)['orderId'], order.order_id)
        self.simulator.clock.advance(minutes=2)
        self.assertEqual(self.found(), [order.order_id])

    def test_lag_is_skipped_while_the_clock_runs(self):
        order = self.seller.place_order()
        self.assertEqual(self.found(), [order.order_id])
        self.assertGreaterEqual(
            self.simulator.clock.now() - order.last_updated, timedelta(minutes=2),
        )

    def test_order_of_the_future_is_not_waited_for(self):
        self.seller.place_order(placed_at=self.simulator.clock.now() + timedelta(hours=1))
        self.assertEqual(self.found(), [])

    def test_oldest_update_comes_first(self):
        orders = [self.seller.place_order(placed_at=NOON + timedelta(days=day)) for day in range(3)]
        self.seller.touch(orders[0])
        self.assertEqual(self.found(), [orders[i].order_id for i in (1, 2, 0)])

    def test_included_data(self):
        placed = self.seller.place_order(
            items=[Item(
                'A', points=(1, '0.01'), promotions=('P',), tax='1', reporting_scheme='UOSS',
            )],
            tax_registrations=(TaxRegistration('DE136695976'),),
            fulfillment_order_ids=('F',),
        )
        self.seller.request_cancellation(placed)
        self.seller.ship(placed)
        always = {
            'orderId', 'createdTime', 'lastUpdatedTime', 'salesChannel', 'orderItems',
        }
        always_of_item = {'orderItemId', 'quantityOrdered', 'product'}
        for dataset, of_order, of_item in (
            ('BUYER', {'buyer'}, set()),
            ('RECIPIENT', {'recipient'}, set()),
            ('PROCEEDS', {'proceeds'}, {'proceeds'}),
            ('EXPENSE', set(), {'expense'}),
            ('PROMOTION', set(), {'promotion'}),
            ('CANCELLATION', set(), {'cancellation'}),
            ('FULFILLMENT', {'fulfillment'}, {'fulfillment'}),
            ('PACKAGES', {'packages'}, set()),
            ('TAX', {'tax'}, {'tax'}),
            ('PAYMENT', {'payment'}, set()),
            ('FULFILLMENT_ORDERS', {'fulfillmentOrders'}, set()),
        ):
            with self.subTest(dataset=dataset):
                order = self.order(placed, dataset)
                self.assertEqual(order.keys() - always, of_order)
                self.assertEqual(order['orderItems'][0].keys() - always_of_item, of_item)
        self.seller.sends_status_always = True
        self.assertEqual(
            self.order(placed, 'BUYER')['fulfillment'],
            {'fulfillmentStatus': 'SHIPPED', 'fulfilledBy': 'MERCHANT'},
        )

    def test_searches_may_leave_out_the_status(self):
        placed = self.seller.place_order()
        self.seller.searches_without_status = True
        answer = self.search(includedData='FULFILLMENT')
        self.assertNotIn('fulfillment', answer.json()['orders'][0])
        self.assertIn('fulfillment', self.order(placed, 'FULFILLMENT'))

    def test_orders_of_other_shops_have_neither_prices_nor_buyers(self):
        placed = self.seller.place_order('DE', 'FBA', status='SHIPPED', channel_name='NON_AMAZON')
        order = self.order(placed)
        self.assertEqual(order['salesChannel']['channelName'], 'NON_AMAZON')
        self.assertFalse(order.keys() & {'buyer', 'proceeds', 'payment'})
        self.assertNotIn('price', order['orderItems'][0]['product'])

    def test_unknown_orders(self):
        self.assertRefused(self.get(f'{ORDERS}/305-0000000-0000000'), 404, 'NotFound')
        self.assertRefused(self.get(f'{ORDERS}/one'), 400, 'InvalidInput', 'orderId')


@tagged('post_install', '-at_install')
class TestSimulatorPaging(SimulatorCase):
    """Page tokens are as picky as Amazon's."""

    def setUp(self):
        super().setUp()
        self.orders = [
            self.seller.place_order(placed_at=NOON + timedelta(hours=hour)) for hour in range(5)
        ]

    def pages(self, **query):
        """Return the ids page by page."""
        pages, answer = [], self.search(maxResultsPerPage=2, **query).json()
        while True:
            pages.append([order['orderId'] for order in answer['orders']])
            if 'pagination' not in answer:
                return pages
            answer = self.search(
                maxResultsPerPage=2, paginationToken=answer['pagination']['nextToken'], **query,
            ).json()

    def next_token(self, **query):
        return self.search(maxResultsPerPage=2, **query).json()['pagination']['nextToken']

    def test_each_order_comes_once(self):
        ids = [order.order_id for order in self.orders]
        self.assertEqual(self.pages(), [ids[:2], ids[2:4], ids[4:]])

    def test_full_last_page_has_no_token(self):
        pages = self.pages(createdAfter='2026-03-10T13:00:00Z', lastUpdatedAfter=None)
        self.assertEqual([len(page) for page in pages], [2, 2])

    def test_a_page_can_be_read_again(self):
        token = self.next_token()
        self.assertEqual(
            self.found(maxResultsPerPage=2, paginationToken=token),
            self.found(maxResultsPerPage=2, paginationToken=token),
        )

    def test_size_and_datasets_may_change(self):
        response = self.search(paginationToken=self.next_token(), includedData='PROCEEDS')
        self.assertEqual(len(response.json()['orders']), 3)
        self.assertIn('proceeds', response.json()['orders'][0])

    def test_other_parameters_may_not_change(self):
        token = self.next_token(fulfilledBy='MERCHANT')
        for query in (
            {},
            {'fulfilledBy': 'AMAZON'},
            {'fulfilledBy': 'MERCHANT', 'marketplaceIds': 'A1PA6795UKMFR9'},
            {'fulfilledBy': 'MERCHANT', 'lastUpdatedAfter': '2026-01-02T00:00:00Z'},
            {'fulfilledBy': 'MERCHANT', 'lastUpdatedAfter': None},
        ):
            with self.subTest(**query):
                response = self.search(paginationToken=token, **query)
                self.assertRefused(response, 400, 'InvalidInput', 'differ')

    def test_token_expires_after_a_day(self):
        token = self.next_token()
        self.simulator.clock.advance(hours=23, minutes=59)
        self.assertEqual(len(self.found(paginationToken=token)), 3)
        self.simulator.clock.advance(minutes=2)
        response = self.search(paginationToken=token)
        self.assertRefused(response, 400, 'InvalidInput', 'expired')

    def test_token_of_another_seller(self):
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        response = self.search(token, paginationToken=self.next_token())
        self.assertRefused(response, 400, 'InvalidInput', 'not valid')

    def test_reset_forgets_tokens(self):
        token = self.next_token()
        self.simulator.reset()
        response = self.search(paginationToken=token)
        self.assertRefused(response, 400, 'InvalidInput', 'not valid')

    def test_change_between_pages(self):
        """A changed order leaves the window; no other is skipped or repeated."""
        self.simulator.clock.freeze(NOON + timedelta(days=1))
        answer = self.search(maxResultsPerPage=2).json()
        for changed in (self.orders[0], self.orders[3]):
            self.simulator.clock.advance(minutes=10)
            self.seller.touch(changed)
        self.simulator.clock.advance(hours=1)
        response = self.search(paginationToken=answer['pagination']['nextToken']).json()
        self.assertEqual(
            [order['orderId'] for order in response['orders']],
            [self.orders[2].order_id, self.orders[4].order_id],
        )
        self.assertEqual(response['lastUpdatedBefore'], answer['lastUpdatedBefore'])
        changed = self.found(lastUpdatedAfter=answer['lastUpdatedBefore'])
        self.assertEqual(changed, [self.orders[0].order_id, self.orders[3].order_id])


def _other_seller(simulator):
    return simulator.add_seller(SellerProfile(
        'A2OTHER', DEFAULT_SELLER.client_id, DEFAULT_SELLER.client_secret, 'Atzr|other',
        'Südwind', (Participation('SE'), Participation('PL', is_participating=False)),
    ))


@tagged('post_install', '-at_install')
class TestSimulatorAccess(SimulatorCase):
    """Login with Amazon, access tokens, sellers, roles."""

    def assertLwaRefused(self, response, status, error):
        self.assertEqual((response.status_code, response.json()['error']), (status, error))

    def test_token(self):
        answer = self.lwa().json()
        self.assertEqual(
            {**answer, 'access_token': ''},
            {
                'access_token': '', 'token_type': 'bearer', 'expires_in': 3600,
                'refresh_token': DEFAULT_SELLER.refresh_token,
            },
        )
        self.assertEqual(self.get(PARTICIPATIONS, answer['access_token']).status_code, 200)

    def test_lwa_refusals(self):
        for status, error, values in (
            (400, 'invalid_grant', {'refresh_token': 'Atzr|unknown'}),
            (401, 'invalid_client', {'client_secret': 'wrong'}),
            (401, 'invalid_client', {'client_id': 'wrong'}),
            (400, 'invalid_request', {'client_id': None}),
            (400, 'invalid_request', {'refresh_token': None}),
            (400, 'invalid_request', {'grant_type': None}),
            (400, 'unsupported_grant_type', {'grant_type': 'password'}),
            (400, 'invalid_scope', {'grant_type': 'client_credentials'}),
        ):
            with self.subTest(**values):
                self.assertLwaRefused(self.lwa(**values), status, error)

    def test_lwa_wants_a_form(self):
        response = requests.post(
            self.simulator.lwa_url, json={'grant_type': 'refresh_token'}, timeout=5,
        )
        self.assertLwaRefused(response, 400, 'invalid_request')

    def test_grantless_token_opens_no_shop(self):
        token = self.token(grant_type='client_credentials', scope='sellingpartnerapi::migration')
        self.assertRefused(self.get(PARTICIPATIONS, token), 403, 'Unauthorized', 'revoked')

    def test_token_expires(self):
        token = self.token()
        self.simulator.clock.advance(minutes=59)
        self.assertEqual(self.get(PARTICIPATIONS, token).status_code, 200)
        self.simulator.clock.advance(minutes=2)
        self.assertRefused(self.get(PARTICIPATIONS, token), 403, 'Unauthorized', 'expired')

    def test_revoked_tokens(self):
        token = self.token()
        self.simulator.tokens.revoke_tokens(self.seller)
        self.assertRefused(self.get(PARTICIPATIONS, token), 403, 'Unauthorized', 'revoked')
        self.assertEqual(self.get(PARTICIPATIONS).status_code, 200)

    def test_revoked_authorisation(self):
        token = self.token()
        self.seller.revoke_authorisation()
        self.assertLwaRefused(self.lwa(), 400, 'invalid_grant')
        self.assertRefused(self.get(PARTICIPATIONS, token), 403, 'Unauthorized', 'revoked')
        self.seller.authorise()
        self.assertEqual(self.get(PARTICIPATIONS).status_code, 200)

    def test_required_headers(self):
        url = f'{self.simulator.url}{PARTICIPATIONS}'
        response = requests.get(url, timeout=5)
        self.assertRefused(response, 403, 'Unauthorized', 'missing')
        for agent in ('', 'x' * 501):
            headers = {'x-amz-access-token': self.token(), 'User-Agent': agent}
            with self.subTest(agent=agent):
                response = requests.get(url, headers=headers, timeout=5)
                self.assertRefused(response, 400, 'InvalidInput', 'agent')

    def test_wrong_path(self):
        for path in ('/orders/2026-01-01/order', '/orders/v0/orders', f'{ORDERS}/'):
            with self.subTest(path=path):
                self.assertRefused(self.get(path), 403, 'MissingAuthenticationToken')

    def test_answer_headers(self):
        answer = self.search()
        self.assertEqual(answer.headers['x-amzn-RateLimit-Limit'], '1000')  # no limit is set
        self.simulator.set_throttle(1.0)
        self.assertEqual(self.search().headers['x-amzn-RateLimit-Limit'], '0.0056')
        self.assertNotEqual(
            answer.headers['x-amzn-RequestId'], self.search().headers['x-amzn-RequestId'],
        )
        self.assertIn('x-amzn-RateLimit-Limit', self.search(lastUpdatedAfter='').headers)
        refused = self.get(ORDERS, 'unknown')
        self.assertNotIn('x-amzn-RateLimit-Limit', refused.headers)
        self.assertIn('x-amzn-RequestId', refused.headers)

    def test_sellers_are_apart(self):
        other = _other_seller(self.simulator)
        order = other.place_order('SE')
        token = self.token(refresh_token=other.profile.refresh_token)
        answer = self.search(token).json()
        self.assertEqual([entry['orderId'] for entry in answer['orders']], [order.order_id])
        self.assertEqual(self.found(), [])
        self.assertRefused(self.get(f'{ORDERS}/{order.order_id}'), 404, 'NotFound')
        participations = self.get(PARTICIPATIONS, token).json()['payload']
        self.assertEqual(
            [entry['participation']['isParticipating'] for entry in participations], [True, False],
        )

    def test_personal_data_needs_roles(self):
        profile = SellerProfile(
            'A2NOROLE', DEFAULT_SELLER.client_id, DEFAULT_SELLER.client_secret, 'Atzr|norole',
            'Ostwind', (Participation('DE'),), roles=frozenset(),
        )
        seller = self.simulator.add_seller(profile)
        seller.place_order(
            items=[Item('A', gift_message='Hi', gift_wrap_level='PREMIUM')],
            tax_registrations=(TaxRegistration('DE136695976'),),
        )
        answer = self.search(
            self.token(refresh_token=profile.refresh_token), includedData=','.join(EVERYTHING),
        )
        [order] = answer.json()['orders']
        self.assertEqual(
            order['recipient']['deliveryAddress'],
            {
                'city': 'Köln', 'stateOrRegion': 'Nordrhein-Westfalen', 'postalCode': '50667',
                'countryCode': 'DE',
            },
        )
        self.assertNotIn('buyer', order)
        self.assertNotIn('tax', order)
        self.assertEqual(
            order['orderItems'][0]['fulfillment']['packing'],
            {'giftOption': {'giftWrapLevel': 'PREMIUM'}},
        )

    def test_what_amazon_keeps_to_itself(self):
        fba = self.order(self.seller.place_order(channel='FBA'))
        self.assertNotIn('buyerEmail', fba['buyer'])
        self.assertNotIn('phone', fba['recipient']['deliveryAddress'])
        self.assertNotIn('packages', fba)
        fbm = self.seller.place_order()
        self.assertIn('buyerEmail', self.order(fbm)['buyer'])
        self.seller.ship(fbm)
        self.assertIn('phone', self.order(fbm)['recipient']['deliveryAddress'])
        self.simulator.clock.advance(days=10)
        self.assertNotIn('phone', self.order(fbm)['recipient']['deliveryAddress'])


@tagged('post_install', '-at_install')
class TestSimulatorThrottle(SimulatorCase):
    """Token buckets with Amazon's rates and bursts, on Amazon's clock."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)
        self.simulator.set_throttle(1.0)

    def assertBurst(self, path, burst, seconds, **query):
        """Check how many calls pass at once, and when the next one does."""
        token = self.token()
        statuses = [self.get(path, token, **query).status_code for _call in range(burst + 1)]
        self.assertEqual(statuses, [200] * burst + [429])
        self.simulator.clock.advance(seconds=seconds - 1)
        self.assertEqual(self.get(path, token, **query).status_code, 429)
        self.simulator.clock.advance(seconds=1)
        self.assertEqual(self.get(path, token, **query).status_code, 200)

    def test_search_orders(self):
        self.assertBurst(ORDERS, 20, 179, lastUpdatedAfter=LONG_AGO)

    def test_get_order(self):
        order = self.seller.place_order()
        self.assertBurst(f'{ORDERS}/{order.order_id}', 30, 2)

    def test_marketplace_participations(self):
        self.assertBurst(PARTICIPATIONS, 15, 63)

    def test_answer_is_empty(self):
        token = self.token()
        answer = [self.search(token) for _call in range(21)][-1]
        self.assertEqual((answer.status_code, answer.content), (429, b''))
        self.assertNotIn('x-amzn-RateLimit-Limit', answer.headers)

    def test_answer_with_a_body(self):
        self.simulator.set_throttle(1.0, has_body=True)
        token = self.token()
        answer = [self.search(token) for _call in range(21)][-1]
        self.assertRefused(answer, 429, 'QuotaExceeded')

    def test_scale(self):
        self.simulator.set_throttle(100.0)
        self.assertBurst(ORDERS, 20, 1.8, lastUpdatedAfter=LONG_AGO)
        self.assertEqual(self.get(PARTICIPATIONS).headers['x-amzn-RateLimit-Limit'], '1.6')

    def test_bucket_does_not_overflow(self):
        self.assertBurst(PARTICIPATIONS, 15, 63)
        self.simulator.clock.advance(days=1)
        self.assertBurst(PARTICIPATIONS, 15, 63)

    def test_buckets_are_apart(self):
        other = _other_seller(self.simulator)
        token = self.token()
        for _call in range(20):
            self.search(token)
        self.assertEqual(self.search(token).status_code, 429)
        self.assertEqual(self.get(PARTICIPATIONS, token).status_code, 200)
        token = self.token(refresh_token=other.profile.refresh_token)
        self.assertEqual(self.search(token).status_code, 200)

    def test_refused_calls_count(self):
        token = self.token()
        for _call in range(20):
            self.search(token, maxResultsPerPage=0)
        self.assertEqual(self.search(token).status_code, 429)


@tagged('post_install', '-at_install')
class TestSimulatorFaults(SimulatorCase):
    """Armed faults happen where, and as often as, they should."""

    def test_answers(self):
        for kind, status, body in (
            ('throttled', 429, r''),
            ('quota_exceeded', 429, r'.*"QuotaExceeded".*'),
            ('internal_error', 500, r'\{"errors": .*'),
            ('internal_message', 500, r'\{"message": "Internal Server Error"\}'),
            ('unavailable', 503, r'<html>.*'),
            ('forbidden', 403, r'\{"message": "Forbidden"\}'),
            ('expired_token', 403, r'.*has expired.*'),
            ('revoked_token', 403, r'.*revoked.*'),
            ('invalid_input', 400, r'.*"InvalidInput".*'),
            ('not_found', 404, r'.*"NotFound".*'),
            ('garbled_refusal', 400, r'.*"Invalid\\u0000Input".*'),
            ('not_json', 200, r'<html>.*'),
            ('empty', 200, r''),
        ):
            with self.subTest(kind=kind):
                fault = self.simulator.arm(kind)
                answer = self.search()
                self.assertEqual(answer.status_code, status)
                self.assertRegex(answer.text, rf'\A{body}\Z')
                self.assertEqual(fault.hits, 1)
                self.assertEqual(self.search().json()['orders'], [])

    def test_custom(self):
        self.simulator.arm('custom', status=418, body='short and stout', content_type='text/plain')
        answer = self.search()
        self.assertEqual((answer.status_code, answer.text), (418, 'short and stout'))

    def test_unknown_kind(self):
        with self.assertRaises(ValueError):
            self.simulator.arm('earthquake')

    def test_truncated_json(self):
        self.simulator.arm('truncated_json')
        answer = self.search()
        self.assertEqual(answer.status_code, 200)
        with self.assertRaises(ValueError):
            answer.json()

    def test_dropped_connections(self):
        self.simulator.set_throttle(1.0)
        for kind in ('drop_before', 'drop_after'):
            with self.subTest(kind=kind):
                self.simulator.arm(kind)
                with self.assertRaises(requests.ConnectionError):
                    self.search()
                self.assertIsNone(self.simulator.calls[-1].status)
        # Only what was processed has cost quota.
        token = self.token()
        self.assertEqual([self.search(token).status_code for _call in range(20)].count(200), 19)

    def test_slow_answer(self):
        token = self.token()
        self.simulator.arm('delay', seconds=0.3)
        self.assertGreaterEqual(self.search(token).elapsed, timedelta(seconds=0.3))

    def test_lwa(self):
        self.simulator.arm('unavailable', operation='lwa')
        answer = self.lwa()
        self.assertEqual((answer.status_code, answer.text[:6]), (503, '<html>'))
        self.assertEqual(self.lwa().status_code, 200)

    def test_lwa_in_odd_words(self):
        self.simulator.arm('garbled_login', operation='lwa')
        answer = self.lwa()
        self.assertEqual((answer.status_code, answer.json()['error']), (400, 'invalid_\x00grant'))

    def test_times_and_skip(self):
        token = self.token()
        fault = self.simulator.arm('throttled', times=2, skip=1)
        statuses = [self.search(token).status_code for _call in range(5)]
        self.assertEqual(statuses, [200, 429, 429, 200, 200])
        fault = self.simulator.arm('throttled', times=None)
        self.assertEqual({self.search(token).status_code for _call in range(3)}, {429})
        self.simulator.disarm(fault)
        self.assertEqual(self.search(token).status_code, 200)

    def test_operation_order_and_seller(self):
        token = self.token()
        one, two = self.seller.place_order(), self.seller.place_order()
        self.simulator.arm('not_found', operation='getOrder', order_id=one.order_id)
        self.assertEqual(self.search(token).status_code, 200)
        self.assertEqual(self.get(f'{ORDERS}/{two.order_id}', token).status_code, 200)
        self.assertEqual(self.get(f'{ORDERS}/{one.order_id}', token).status_code, 404)
        self.simulator.arm('forbidden', seller_id='A2OTHER')
        self.assertEqual(self.search(token).status_code, 200)
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        self.assertEqual(self.search(token).status_code, 403)

    def test_page(self):
        bulk(self.seller, 3)
        self.simulator.arm('unavailable', page=2)
        answer = self.search(maxResultsPerPage=1)
        token = answer.json()['pagination']['nextToken']
        self.assertEqual(self.search(paginationToken=token).status_code, 503)
        self.assertEqual(self.search(paginationToken=token).status_code, 200)

    def test_expired_page_token(self):
        bulk(self.seller, 2)
        self.simulator.arm('expired_page_token')
        token = self.search(maxResultsPerPage=1).json()['pagination']['nextToken']
        response = self.search(paginationToken=token)
        self.assertRefused(response, 400, 'InvalidInput', 'expired')

    def test_refused_dataset(self):
        self.simulator.arm('fulfillment_refused', times=None)
        self.assertRefused(self.search(includedData='BUYER,FULFILLMENT'), 400, 'InvalidInput')
        self.assertEqual(self.search(includedData='FULFILLMENT_ORDERS').status_code, 200)

    def test_false_payload(self):
        order = self.seller.place_order(items=[Item('A'), Item('B')])
        self.seller.override(order, lambda payload: payload['orderItems'].reverse())
        self.assertEqual(
            [item['product']['sellerSku'] for item in self.order(order)['orderItems']], ['B', 'A'],
        )
        self.seller.override(
            order,
            values={'/orderItems/0/quantityOrdered': 'two', '/nowhere/at/all': 1},
            remove=['/salesChannel', '/orderItems/1', '/nowhere'],
        )
        payload = self.order(order)
        self.assertEqual([item['quantityOrdered'] for item in payload['orderItems']], ['two'])
        self.assertNotIn('salesChannel', payload)
        self.seller.override(order)
        self.assertIn('salesChannel', self.order(order))

    def test_odd_payloads(self):
        plain = self.seller.place_order(items=[Item('A', title='Mug')])
        truth = self.order(plain)
        for odd in ODDITIES:
            with self.subTest(odd):
                self.seller.override(plain, odd)
                changed_at = to_iso(plain.last_updated)
                self.assertNotEqual(self.order(plain), {**truth, 'lastUpdatedTime': changed_at})
                self.assertTrue(self.order(self.seller.place_order(odd=odd)))
        self.seller.override(plain, 'markup')
        shown = self.order(plain)
        self.assertEqual(shown['orderItems'][0]['product']['title'], f'Mug {MARKUP}')
        self.assertIn(MARKUP, shown['buyer']['buyerName'])
        self.assertEqual(shown['orderItems'][0]['product']['sellerSku'], 'A')
        order = self.seller.place_order(odd='huge total')
        text = self.get(f'{ORDERS}/{order.order_id}', includedData='PROCEEDS').text
        self.assertIn('"amount": 1e400', text)
        with self.assertRaises(ValueError):
            self.seller.place_order(odd='earthquake')


@tagged('post_install', '-at_install')
class TestSimulatorLife(SimulatorCase):
    """An order lives, in Python and through the control API."""

    def status(self, order):
        order = self.order(order)
        return order['fulfillment']['fulfillmentStatus'], [
            (item['fulfillment']['quantityFulfilled'], item['fulfillment']['quantityUnfulfilled'])
            for item in order['orderItems']
        ]

    def test_merchant_fulfilled(self):
        order = self.seller.place_order(items=[Item('A', quantity=2), Item('B')], status='PENDING')
        pending = self.order(order)
        self.assertFalse({'proceeds', 'buyer', 'recipient', 'payment'} & pending.keys())
        self.assertNotIn('price', pending['orderItems'][0]['product'])
        self.seller.pay(order)
        self.assertEqual(self.status(order), ('UNSHIPPED', [(0, 2), (0, 1)]))
        self.assertIn('proceeds', self.order(order))
        self.seller.ship(order, {'A': 1, 'B': 1}, carrier='DHL', tracking='T1')
        self.assertEqual(self.status(order), ('PARTIALLY_SHIPPED', [(1, 1), (1, 0)]))
        self.seller.ship(order)
        self.assertEqual(self.status(order), ('SHIPPED', [(2, 0), (1, 0)]))
        first, second = self.order(order)['packages']
        self.assertEqual((first['carrier'], first['trackingNumber']), ('DHL', 'T1'))
        self.assertEqual([item['quantity'] for item in first['packageItems']], [1, 1])
        self.assertEqual([item['quantity'] for item in second['packageItems']], [1])
        self.seller.deliver(order)
        self.assertEqual(self.order(order)['packages'][0]['packageStatus']['status'], 'DELIVERED')

    def test_cancelled(self):
        order = self.seller.place_order()
        self.seller.cancel(order, by='AMAZON', reason='Fraud')
        self.assertEqual(self.status(order), ('CANCELLED', [(0, 0)]))
        self.assertEqual(
            self.order(order)['orderItems'][0]['cancellation']['cancellationExecution'],
            {'cancelledBy': 'AMAZON', 'cancelReason': 'Fraud'},
        )

    def test_rest_of_a_shipment_cancelled(self):
        order = self.seller.place_order(items=[Item('A', quantity=3)])
        self.seller.ship(order, {'A': 1})
        self.seller.cancel_item(order)
        self.assertEqual(self.status(order), ('SHIPPED', [(1, 0)]))

    def test_impossible_changes(self):
        order = self.seller.place_order(status='SHIPPED')
        for change in (self.seller.pay, self.seller.ship, self.seller.cancel):
            with self.subTest(change=change.__name__), self.assertRaises(ValueError):
                change(order)
        with self.assertRaises(ValueError):
            self.seller.ship(self.seller.place_order(), {'SKU-1': 2})
        with self.assertRaises(ValueError):
            self.seller.edit(order, colour='red')
        with self.assertRaises(ValueError):
            self.seller.place_order(order_id=order.order_id)
        with self.assertRaises(LookupError):
            self.seller.touch('305-0000000-0000000')

    def test_every_change_is_an_update(self):
        self.simulator.clock.freeze(NOON)
        order = self.seller.place_order(status='PENDING')
        times = [self.order(order)['lastUpdatedTime']]
        for change in (
            self.seller.pay,
            self.seller.request_cancellation,
            lambda order: self.seller.edit(order, address=Address(city='Bonn', country='DE')),
            lambda order: self.seller.edit_item(order, price='8.88'),
            self.seller.touch,
            self.seller.ship,
            self.seller.deliver,
        ):
            change(order)
            times.append(self.order(order)['lastUpdatedTime'])
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual(self.order(order)['createdTime'], times[0])
        self.assertEqual(self.order(order)['recipient']['deliveryAddress']['city'], 'Bonn')
        self.assertEqual(self.order(order)['proceeds']['grandTotal']['amount'], '8.88')

    def test_control_of_orders(self):
        placed = self.control(
            'place_order', marketplace='GB', channel='FBM', status='PENDING',
            items=[{'sku': 'A', 'price': '9.99', 'quantity': 2}, {'sku': 'B'}],
            buyer={'name': 'N', 'email': 'n@marketplace.amazon.co.uk'},
            address={'city': 'Leeds', 'country': 'GB'}, placed_at='2026-03-10T12:00:00Z',
            tax_registrations=[{'number': 'GB1', 'address': {'city': 'Leeds'}}],
            ship_by=['2026-03-11T00:00:00Z', '2026-03-12T00:00:00Z'],
        )
        order = self.seller.orders[placed['order_id']]
        self.assertEqual((order.created, order.items[0].quantity), (NOON, 2))
        self.control('pay', order=order.order_id)
        self.control('edit', order=order.order_id, address={'city': 'York', 'country': 'GB'})
        self.control('request_cancellation', order=order.order_id, item='B')
        self.control('cancel_item', order=order.order_id, item='B')
        self.control('ship', order=order.order_id, quantities={'A': 1})
        self.assertEqual(
            self.control('cancel', order=order.order_id)['status'], 'SHIPPED',
        )
        self.control('override', order=order.order_id, values={'/orderId': 'x'}, remove=['/tax'])
        self.assertEqual(self.order(order)['orderId'], 'x')
        [dumped] = self.control('orders')
        self.assertEqual(dumped['recipient']['deliveryAddress']['city'], 'York')

    def test_control_of_the_world(self):
        self.assertEqual(
            self.control('clock', freeze='2026-03-10T12:00:00Z', minutes=5),
            {'now': '2026-03-10T12:05:00.000Z'},
        )
        self.control('clock', freeze=False)
        self.assertFalse(self.simulator.clock.is_frozen)
        self.control('arm', kind='throttled', operation='searchOrders', times=1)
        self.assertEqual(self.search(maxResultsPerPage=7).status_code, 429)
        call = self.control('calls')[-1]
        self.assertEqual(
            (call['operation'], call['status'], call['query']['maxResultsPerPage']),
            ('searchOrders', 429, '7'),
        )
        self.control('clear_calls')
        self.assertEqual(self.simulator.calls, [])
        self.control('arm', kind='throttled', times=None)
        self.control('disarm')
        self.assertEqual(self.search().status_code, 200)
        self.control('revoke_authorisation')
        self.assertEqual(self.lwa().status_code, 400)
        self.control('authorise')
        token = self.token()
        self.control('revoke_tokens')
        self.assertEqual(self.search(token).status_code, 403)
        self.control('set_throttle', scale=1.0)
        self.assertEqual(self.simulator.throttle.scale, 1.0)
        self.control('bulk', count=3, channel='FBA')
        self.control('load_scenario', name='stock')
        self.assertGreater(len(self.found()), 60)
        self.control('reset')
        self.assertEqual(self.found(), [])

    def test_control_of_another_seller(self):
        self.control(
            'add_seller', seller_id='A2THIRD', client_id='c', client_secret='s', refresh_token='r',
            store_name='Third', participations=['DE', {'marketplace': 'US'}],
        )
        requests.post(
            f'{self.simulator.url}/control/place_order', params={'seller': 'A2THIRD'}, json={},
            timeout=5,
        ).raise_for_status()
        self.assertEqual(len(self.simulator.sellers['A2THIRD'].orders), 1)
        answer = self.lwa(client_id='c', client_secret='s', refresh_token='r')
        self.assertEqual(answer.status_code, 200)

    def test_control_refuses_nonsense(self):
        for name, arguments in (
            ('explode', {}),
            ('pay', {'order': 'x'}),
            ('place_order', {'marketplace': 'XX'}),
            ('place_order', {'channel': 'FBX'}),
            ('arm', {'kind': 'earthquake'}),
        ):
            with self.subTest(name=name, **arguments):
                response = requests.post(
                    f'{self.simulator.url}/control/{name}', json=arguments, timeout=5,
                )
                self.assertEqual(response.status_code, 400)
                self.assertIn('error', response.json())


@tagged('post_install', '-at_install')
class TestSimulatorScenarios(SimulatorCase):
    """The stock scenario is what it says."""

    def test_stock_has_a_bit_of_everything(self):
        stock(self.seller)
        orders = list(self.seller.orders.values())
        items = [item for order in orders for item in order.items]
        self.assertEqual({order.marketplace.currency for order in orders}, {'EUR', 'GBP', 'JPY'})
        self.assertEqual({order.channel for order in orders}, {'FBA', 'FBM'})
        self.assertEqual(
            {order.status for order in orders},
            {'PENDING', 'UNSHIPPED', 'PARTIALLY_SHIPPED', 'SHIPPED', 'CANCELLED'},
        )
        for is_there in (
            any(len(order.items) > 1 for order in orders),
            any(item.gift_message for item in items),
            any(Decimal(item.discount) for item in items),
            any(Decimal(item.shipping) for item in items),
            any(order.tax_registrations for order in orders),
            any(order.buyer.purchase_order for order in orders),
            any(item.marketplace_facilitator for item in items),
            any(order.replaces and not order.grand_total for order in orders),
            any(0 < item.quantity_cancelled < item.quantity for item in items),
            any(item.cancellation_request for item in items),
            any(order.channel_name == 'NON_AMAZON' for order in orders),
            {item.sku for item in items} - {product.sku for product in CATALOGUE},
        ):
            self.assertTrue(is_there)
        oldest = min(order.created for order in orders)
        self.assertLess(self.simulator.clock.now() - oldest, timedelta(days=14))

    def test_stock_is_the_same_every_time(self):
        def summary():
            return [
                (order.order_id, order.status, order.grand_total, order.buyer, order.address)
                for order in self.seller.orders.values()
            ]

        stock(self.seller)
        first = summary()
        self.simulator.reset()
        stock(self.seller)
        self.assertEqual(summary(), first)

    def test_bulk(self):
        bulk(self.seller, 250, 'FBA', lines=3)
        self.assertEqual(len(self.found(fulfillmentStatuses='SHIPPED', fulfilledBy='AMAZON')), 100)
        self.assertEqual({len(order.items) for order in self.seller.orders.values()}, {3})


@tagged('post_install', '-at_install')
class TestSimulatorProcess(BaseCase):
    """`python -m simulator` needs neither Odoo nor a test."""

    def test_stock_scenario(self):
        checkout = Path(__file__).resolve().parent.parent
        process = subprocess.Popen(
            [sys.executable, '-m', 'simulator', '--port', '0', '--scenario', 'stock'],
            cwd=checkout, stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        url = process.stdout.readline().split()[-1]
        orders = requests.get(f'{url}/control/orders', timeout=5).json()
        self.assertGreater(len(orders), 60)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 0)
