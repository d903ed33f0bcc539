from datetime import timedelta

import requests
import spapi
from spapi.models.orders_v0 import (
    ConfirmShipmentOrderItem,
    ConfirmShipmentRequest,
    PackageDetail,
)

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .test_simulator import NOON, ConformanceCase, SimulatorCase

A_MINUTE = timedelta(minutes=1)


class ShipmentCase(SimulatorCase):
    """A simulator whose clock stands still, and packages to tell it of."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)

    def body(self, order, reference='1', quantities=None, **details):
        """Return a good request body, but for `details`; None leaves a detail out."""
        if quantities is None:
            quantities = {item.sku: item.quantity for item in order.items}
        package = {
            'packageReferenceId': reference,
            'carrierCode': 'DHL',
            'shippingMethod': 'DHL Paket',
            'trackingNumber': f'TRACK{reference}',
            'shipDate': NOON.isoformat(),
            'orderItems': [
                {'orderItemId': order.find_item(sku).item_id, 'quantity': quantity}
                for sku, quantity in quantities.items()
            ],
            **details,
        }
        return {
            'marketplaceId': order.marketplace.id,
            'packageDetail': {
                name: value for name, value in package.items() if value is not None
            },
        }

    def post(self, order, body, token=None):
        path = f'/orders/v0/orders/{order.order_id}/shipmentConfirmation'
        return self.request('POST', path, token, json=body)

    def confirm(self, order, *arguments, **details):
        """Confirm a package, which Amazon accepts."""
        response = self.post(order, self.body(order, *arguments, **details))
        self.assertEqual((response.status_code, response.content), (204, b''), response.text)
        return response

    def assertConfirmationRefused(self, word, order, *arguments, **details):
        self.assertRefused(
            self.post(order, self.body(order, *arguments, **details)), 400, 'InvalidInput', word,
        )

    def packages(self, order):
        """Return (reference, carrier, tracking number, quantities) of the packages shown."""
        return [
            (
                package['packageReferenceId'], package['carrier'], package['trackingNumber'],
                [item['quantity'] for item in package['packageItems']],
            )
            for package in self.order(order, 'PACKAGES').get('packages', [])
        ]

    def status(self, order):
        """Return (status, [(fulfilled, unfulfilled)]) as the order shows them."""
        order = self.order(order, 'FULFILLMENT')
        return order['fulfillment']['fulfillmentStatus'], [
            (item['fulfillment']['quantityFulfilled'], item['fulfillment']['quantityUnfulfilled'])
            for item in order['orderItems']
        ]


@tagged('post_install', '-at_install')
class TestSimulatorConfirmShipment(ShipmentCase):
    """`confirmShipment` takes what Amazon takes."""

    def test_whole_order(self):
        order = self.seller.place_order(items=[Item('A', quantity=2), Item('B')])
        updated = self.order(order)['lastUpdatedTime']
        response = self.confirm(order, shipDate='2026-03-10T12:30:00.123456789+01:00')
        self.assertIn('x-amzn-RateLimit-Limit', response.headers)
        self.assertEqual(self.status(order), ('SHIPPED', [(2, 0), (1, 0)]))
        shown = self.order(order, 'PACKAGES')
        self.assertGreater(shown['lastUpdatedTime'], updated)
        [package] = shown['packages']
        self.assertEqual(package['shipTime'], '2026-03-10T11:30:00.123Z')
        self.assertEqual(package['shippingService'], 'DHL Paket')
        self.assertEqual(package['packageStatus']['status'], 'SHIPPED')
        self.assertEqual(package['packageItems'], [
            {'orderItemId': item.item_id, 'quantity': item.quantity} for item in order.items
        ])
        self.assertEqual(self.packages(order), [('1', 'DHL', 'TRACK1', [2, 1])])

    def test_in_parts(self):
        order = self.seller.place_order(items=[Item('A', quantity=3), Item('B')])
        self.confirm(order, '7', {'A': 1})
        self.assertEqual(self.status(order), ('PARTIALLY_SHIPPED', [(1, 2), (0, 1)]))
        self.confirm(order, '8', {'A': 2, 'B': 1})
        self.assertEqual(self.status(order), ('SHIPPED', [(3, 0), (1, 0)]))
        self.assertEqual(self.packages(order), [
            ('7', 'DHL', 'TRACK7', [1]), ('8', 'DHL', 'TRACK8', [2, 1]),
        ])

    def test_same_reference_edits(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        self.confirm(order)
        self.confirm(order)
        self.assertEqual(self.packages(order), [('1', 'DHL', 'TRACK1', [2])])
        self.confirm(order, '1', {'A': 1}, carrierCode='UPS', trackingNumber='NEW')
        self.assertEqual(self.packages(order), [('1', 'UPS', 'NEW', [1])])
        self.assertEqual(self.status(order), ('PARTIALLY_SHIPPED', [(1, 1)]))

    def test_one_item_named_twice(self):
        order = self.seller.place_order(items=[Item('A', quantity=3)])
        line = {'orderItemId': order.items[0].item_id, 'quantity': 1}
        self.confirm(order, orderItems=[line, line])
        self.assertEqual(self.packages(order), [('1', 'DHL', 'TRACK1', [2])])

    def test_other_carrier(self):
        order = self.seller.place_order()
        self.assertConfirmationRefused('carrierName', order, carrierCode='Other')
        self.confirm(order, carrierCode='Other', carrierName='Postillion')
        self.assertEqual(self.packages(order), [('1', 'Postillion', 'TRACK1', [1])])
        self.assertConfirmationRefused(
            'not allowed', self.seller.place_order('IN'),
            carrierCode='Other', carrierName='Postillion',
        )

    def test_unknown_carrier_makes_no_package(self):
        order = self.seller.place_order()
        for carrier in ('Postillion', 'dhl', 'DHL '):
            self.confirm(order, carrierCode=carrier)
        self.assertEqual(self.packages(order), [])
        self.assertEqual(self.status(order), ('UNSHIPPED', [(0, 1)]))
        self.assertEqual(order.last_updated, order.created)

    def test_self_delivery_needs_a_reference(self):
        order = self.seller.place_order()
        self.assertConfirmationRefused(
            'trackingNumber', order, carrierCode='Self Delivery', trackingNumber='',
        )
        self.confirm(order, carrierCode='Self Delivery')
        self.assertEqual(self.packages(order), [('1', 'Self Delivery', 'TRACK1', [1])])

    def test_bad_details(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        line = {'orderItemId': order.items[0].item_id, 'quantity': 1}
        for word, details in (
            ('packageReferenceId', {'packageReferenceId': None}),
            ('packageReferenceId', {'packageReferenceId': 1}),
            ('packageReferenceId', {'packageReferenceId': '0'}),
            ('packageReferenceId', {'packageReferenceId': '-1'}),
            ('packageReferenceId', {'packageReferenceId': 'WH/OUT/1'}),
            ('packageReferenceId', {'packageReferenceId': '١'}),
            ('carrierCode', {'carrierCode': None}),
            ('carrierCode', {'carrierCode': ' '}),
            ('shippingMethod', {'shippingMethod': 5}),
            ('trackingNumber', {'trackingNumber': None}),
            ('shipDate', {'shipDate': None}),
            ('shipDate', {'shipDate': '02/21/2022'}),
            ('shipDate', {'shipDate': '2026-03-10T12:00:00'}),
            ('future', {'shipDate': (NOON + A_MINUTE).isoformat()}),
            ('before', {'shipDate': (NOON - timedelta(days=2)).isoformat()}),
            ('orderItems', {'orderItems': None}),
            ('orderItems', {'orderItems': []}),
            ('orderItems', {'orderItems': ['1']}),
            ('orderItemId', {'orderItems': [{'quantity': 1}]}),
            ('no order item', {'orderItems': [{**line, 'orderItemId': '1'}]}),
            ('quantity', {'orderItems': [{**line, 'quantity': None}]}),
            ('quantity', {'orderItems': [{**line, 'quantity': '1'}]}),
            ('quantity', {'orderItems': [{**line, 'quantity': True}]}),
            ('quantity', {'orderItems': [{**line, 'quantity': 1.0}]}),
            ('not positive', {'orderItems': [{**line, 'quantity': 0}]}),
            ('2 are left', {'orderItems': [{**line, 'quantity': 3}]}),
            ('2 are left', {'orderItems': [line, line, line]}),
        ):
            with self.subTest(**details):
                self.assertConfirmationRefused(word, order, **details)
        self.assertEqual(self.status(order), ('UNSHIPPED', [(0, 2)]))

    def test_bad_bodies(self):
        order = self.seller.place_order()
        body = self.body(order)
        for word, wrong in (
            ('JSON', []),
            ('marketplaceId', {**body, 'marketplaceId': None}),
            ('marketplaceId', {**body, 'marketplaceId': 'ATVPDKIKX0DER'}),
            ('packageDetail', {**body, 'packageDetail': None}),
            ('codCollectionMethod', {**body, 'codCollectionMethod': 'DirectPayment'}),
        ):
            with self.subTest(word=word):
                self.assertRefused(self.post(order, wrong), 400, 'InvalidInput', word)
        self.assertEqual(self.post(order, {**body, 'unheard': 'of'}).status_code, 204)

    def test_collection_on_delivery(self):
        order = self.seller.place_order('JP')
        body = {**self.body(order), 'codCollectionMethod': 'Cheque'}
        self.assertRefused(self.post(order, body), 400, 'InvalidInput', 'codCollectionMethod')
        body['codCollectionMethod'] = 'DirectPayment'
        self.assertEqual(self.post(order, body).status_code, 204)

    def test_orders_that_are_not_to_be_confirmed(self):
        place = self.seller.place_order
        for word, order in (
            ('PENDING', place(status='PENDING')),
            ('PENDING_AVAILABILITY', place(status='PENDING_AVAILABILITY')),
            ('CANCELLED', place(status='CANCELLED')),
            ('fulfilled by Amazon', place(channel='FBA')),
            ('Ship+', place(programs=('FBM_SHIP_PLUS',))),
        ):
            with self.subTest(word=word):
                self.assertConfirmationRefused(word, order)

    def test_shipped_elsewhere(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        self.seller.ship(order, {'A': 1})
        self.assertConfirmationRefused('1 are left', order, '1', {'A': 2})
        self.seller.ship(order)
        self.assertConfirmationRefused('PackageToUpdateNotFound', order, '1', {'A': 1})
        self.assertEqual(len(self.packages(order)), 2)

    def test_part_cancelled(self):
        order = self.seller.place_order(items=[Item('A', quantity=3)])
        self.seller.cancel_item(order, 'A', 2)
        self.assertConfirmationRefused('1 are left', order)
        self.confirm(order, '1', {'A': 1})
        self.assertEqual(self.status(order), ('SHIPPED', [(1, 0)]))

    def test_unknown_orders(self):
        order = self.seller.place_order()
        body = self.body(order)
        for order_id, status, code in (
            ('305-0000000-0000000', 404, 'NotFound'), ('305', 400, 'InvalidInput'),
        ):
            path = f'/orders/v0/orders/{order_id}/shipmentConfirmation'
            self.assertRefused(self.request('POST', path, json=body), status, code)

    def test_rate(self):
        self.simulator.set_throttle(1.0)
        order = self.seller.place_order()
        token, body = self.token(), self.body(order)
        statuses = [self.post(order, body, token).status_code for _call in range(11)]
        self.assertEqual(statuses, [204] * 10 + [429])
        self.simulator.clock.advance(seconds=0.5)
        self.assertEqual(self.post(order, body, token).status_code, 204)
        self.assertEqual(self.post(order, body, token).status_code, 429)

    def test_connection_breaks(self):
        order = self.seller.place_order()
        for kind, packages in (('drop_before', 0), ('drop_after', 1)):
            with self.subTest(kind=kind):
                self.simulator.arm(kind, operation='confirmShipment', order_id=order.order_id)
                with self.assertRaises(requests.ConnectionError):
                    self.post(order, self.body(order))
                self.assertEqual(len(order.packages), packages)
        self.confirm(order)
        self.assertEqual(self.packages(order), [('1', 'DHL', 'TRACK1', [1])])


@tagged('post_install', '-at_install')
class TestSimulatorShipmentConformance(ConformanceCase):
    """Amazon's own SDK confirms a shipment, and understands what becomes of it."""

    def test_confirm_shipment(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        spapi.OrdersV0Api(self.sdk).confirm_shipment(order.order_id, ConfirmShipmentRequest(
            marketplace_id=order.marketplace.id,
            package_detail=PackageDetail(
                package_reference_id='1', carrier_code='DHL', tracking_number='T1',
                ship_date=self.simulator.clock.now(),
                order_items=[ConfirmShipmentOrderItem(order.items[0].item_id, 1)],
            ),
        ))
        shown = self.assertOrderUnderstood(order)
        self.assertEqual(shown.fulfillment.fulfillment_status, 'PARTIALLY_SHIPPED')
        self.assertEqual(shown.packages[0].tracking_number, 'T1')
