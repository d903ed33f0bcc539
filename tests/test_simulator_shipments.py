import gzip
from datetime import timedelta
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests
import spapi
from spapi.models.feeds_v2021_06_30 import (
    CreateFeedDocumentSpecification,
    CreateFeedSpecification,
)
from spapi.models.orders_v0 import (
    ConfirmShipmentOrderItem,
    ConfirmShipmentRequest,
    PackageDetail,
)

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item

from .test_simulator import NOON, ConformanceCase, SimulatorCase, _other_seller

A_MINUTE = timedelta(minutes=1)
FEEDS = '/feeds/2021-06-30/feeds'
DOCUMENTS = '/feeds/2021-06-30/documents'
FULFILLMENT = 'POST_ORDER_FULFILLMENT_DATA'
ACKNOWLEDGEMENT = 'POST_ORDER_ACKNOWLEDGEMENT_DATA'
MESSAGE_TYPES = {FULFILLMENT: 'OrderFulfillment', ACKNOWLEDGEMENT: 'OrderAcknowledgement'}
XML = 'text/xml; charset=UTF-8'
GERMANY = 'A1PA6795UKMFR9'


def xml(*children):
    """Return XML for (tag, text or children) pairs; a text of None leaves the element out."""
    return ''.join(
        f'<{tag}>{xml(*content) if isinstance(content, list) else escape(content)}</{tag}>'
        for tag, content in children if content is not None
    )


def envelope(feed_type, *messages, seller_id=DEFAULT_SELLER.seller_id, version='1.01'):
    """Return the document of a feed with these messages, numbered from 1."""
    message_type = MESSAGE_TYPES[feed_type]
    return '<?xml version="1.0" encoding="UTF-8"?>' + xml(('AmazonEnvelope', [
        ('Header', [('DocumentVersion', version), ('MerchantIdentifier', seller_id)]),
        ('MessageType', message_type),
        *(
            ('Message', [('MessageID', str(number)), (message_type, message)])
            for number, message in enumerate(messages, start=1)
        ),
    ]))


def fulfillment(order, reference='1', quantities=None, **details):
    """Return a good OrderFulfillment, but for `details`; no `quantities` name no items."""
    values = {
        'AmazonOrderID': order.order_id,
        'FulfillmentDate': NOON.isoformat(),
        'CarrierCode': 'DHL',
        'CarrierName': None,
        'ShipperTrackingNumber': f'TRACK{reference}',
        **details,
    }
    return [
        ('AmazonOrderID', values['AmazonOrderID']),
        ('MerchantFulfillmentID', reference),
        ('FulfillmentDate', values['FulfillmentDate']),
        ('FulfillmentData', [
            (tag, values[tag]) for tag in ('CarrierCode', 'CarrierName', 'ShipperTrackingNumber')
        ]),
        *(
            ('Item', [
                ('AmazonOrderItemCode', order.find_item(sku).item_id), ('Quantity', str(quantity)),
            ])
            for sku, quantity in (quantities or {}).items()
        ),
    ]


def failure(order, **reasons):
    """Return an OrderAcknowledgement which cancels items, by SKU; the whole order without any."""
    return [
        ('AmazonOrderID', order.order_id),
        ('StatusCode', 'Failure'),
        *(
            ('Item', [
                ('AmazonOrderItemCode', order.find_item(sku).item_id), ('CancelReason', reason),
            ])
            for sku, reason in reasons.items()
        ),
    ]


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
    """Amazon's own SDK tells of shipments, and understands what becomes of them."""

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

    def test_feed(self):
        api = spapi.FeedsApi(self.sdk)
        order = self.seller.place_order()
        document = api.create_feed_document(CreateFeedDocumentSpecification(content_type=XML))
        self.assertUnderstood(document)
        requests.put(
            document.url, envelope(FULFILLMENT, fulfillment(
                order, FulfillmentDate=self.simulator.clock.now().isoformat(),
            )), headers={'Content-Type': XML}, timeout=5,
        ).raise_for_status()
        created = api.create_feed(CreateFeedSpecification(
            feed_type=FULFILLMENT, marketplace_ids=[GERMANY],
            input_feed_document_id=document.feed_document_id,
        ))
        self.assertUnderstood(created)
        feeds = []
        for _poll in range(3):
            feeds.append(api.get_feed(created.feed_id))
            self.assertUnderstood(feeds[-1])
        self.assertEqual(
            [feed.processing_status for feed in feeds], ['IN_QUEUE', 'IN_PROGRESS', 'DONE'],
        )
        self.assertUnderstood(api.get_feeds(feed_types=[FULFILLMENT]))
        result = api.get_feed_document(feeds[-1].result_feed_document_id)
        self.assertUnderstood(result)
        self.assertIn(b'ProcessingReport', requests.get(result.url, timeout=5).content)
        self.assertEqual(self.assertOrderUnderstood(order).packages[0].tracking_number, 'TRACK1')

    def test_compressed_report(self):
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)
        self.simulator.arm('report_gzip')
        feed = self.simulator.feeds.queue(self.seller, FULFILLMENT, [GERMANY], b'')
        api = spapi.FeedsApi(self.sdk)
        result = api.get_feed_document(api.get_feed(feed.feed_id).result_feed_document_id)
        self.assertUnderstood(result)
        self.assertEqual(result.compression_algorithm, 'GZIP')

    def test_cancelled_feed(self):
        api = spapi.FeedsApi(self.sdk)
        feed = self.simulator.feeds.queue(self.seller, FULFILLMENT, [GERMANY], b'')
        api.cancel_feed(feed.feed_id)
        self.assertEqual(api.get_feed(feed.feed_id).processing_status, 'CANCELLED')


class FeedCase(ShipmentCase):
    """A simulator whose feeds have ended when they are first looked at."""

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)

    def create_document(self, token=None):
        response = self.request('POST', DOCUMENTS, token, json={'contentType': XML})
        self.assertEqual(response.status_code, 201, response.text)
        return response.json()

    def upload(self, url, content, **headers):
        return requests.put(
            url, content.encode() if isinstance(content, str) else content,
            headers={'Content-Type': XML, **headers}, timeout=5,
        )

    def post_feed(self, document_id, feed_type=FULFILLMENT, token=None, **values):
        return self.request('POST', FEEDS, token, json={
            'feedType': feed_type, 'marketplaceIds': [GERMANY],
            'inputFeedDocumentId': document_id, **values,
        })

    def send(self, content, feed_type=FULFILLMENT):
        """Upload a document, create its feed and return the id."""
        document = self.create_document()
        self.assertEqual(self.upload(document['url'], content).status_code, 200)
        response = self.post_feed(document['feedDocumentId'], feed_type)
        self.assertEqual(response.status_code, 202, response.text)
        return response.json()['feedId']

    def feed(self, feed_id):
        response = self.get(f'{FEEDS}/{feed_id}')
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def download(self, feed_id):
        """Return (what getFeedDocument says of the report, the report's bytes)."""
        document = self.get(f"{DOCUMENTS}/{self.feed(feed_id)['resultFeedDocumentId']}").json()
        response = requests.get(document['url'], timeout=5)
        self.assertEqual(response.status_code, 200, response.text)
        return document, response.content

    def report(self, feed_id):
        """Return (messages, successful, errors, warnings) and (message, severity, word) rows."""
        return self.read_report(self.download(feed_id)[1])

    def read_report(self, content):
        root = ElementTree.fromstring(content)
        self.assertEqual(root.findtext('MessageType'), 'ProcessingReport')
        report = root.find('Message/ProcessingReport')
        self.assertEqual(report.findtext('StatusCode'), 'Complete')
        counts = tuple(
            int(report.findtext(f'ProcessingSummary/Messages{name}'))
            for name in ('Processed', 'Successful', 'WithError', 'WithWarning')
        )
        return counts, [
            (result.findtext('MessageID'), result.findtext('ResultCode'),
             result.findtext('ResultDescription'))
            for result in report.findall('Result')
        ]

    def assertReported(self, feed_id, counts, *results):
        """Check a report: its counts, and (message, severity, word of the description)."""
        actual_counts, actual = self.report(feed_id)
        self.assertEqual(actual_counts, counts)
        self.assertEqual([row[:2] for row in actual], [row[:2] for row in results])
        for (_id, _severity, description), (_id, _severity, word) in zip(
            actual, results, strict=True,
        ):
            self.assertIn(word, description)


@tagged('post_install', '-at_install')
class TestSimulatorFeeds(FeedCase):
    """Documents and feeds go their way."""

    def test_queue_by_polls(self):
        self.simulator.set_feed_pace(2)
        order = self.seller.place_order()
        feed_id = self.send(envelope(FULFILLMENT, fulfillment(order)))
        statuses = [self.feed(feed_id)['processingStatus'] for _poll in range(4)]
        self.assertEqual(statuses, ['IN_QUEUE'] * 2 + ['IN_PROGRESS'] * 2)
        self.assertEqual(order.packages, [])
        # Amazon works whether or not it is asked about the feed.
        self.assertEqual(self.packages(order), [('1', 'DHL', 'TRACK1', [1])])
        self.assertEqual(self.feed(feed_id)['processingStatus'], 'DONE')

    def test_queue_by_the_clock(self):
        self.simulator.set_feed_pace(0, 60)
        feed_id = self.send(envelope(FULFILLMENT, fulfillment(self.seller.place_order())))
        for seconds, status in ((0, 'IN_QUEUE'), (59, 'IN_QUEUE'), (1, 'IN_PROGRESS')):
            self.simulator.clock.advance(seconds=seconds)
            self.assertEqual(self.feed(feed_id)['processingStatus'], status)
        self.simulator.clock.advance(hours=1)
        feed = self.feed(feed_id)
        self.assertEqual(feed.pop('processingStatus'), 'DONE')
        self.assertRegex(feed.pop('resultFeedDocumentId'), r'\Aamzn1\.')
        self.assertEqual(feed, {
            'feedId': feed_id, 'feedType': FULFILLMENT, 'marketplaceIds': [GERMANY],
            'createdTime': '2026-03-10T12:00:00.000Z',
            'processingStartTime': '2026-03-10T12:01:00.000Z',
            'processingEndTime': '2026-03-10T12:02:00.000Z',
        })

    def test_cancel(self):
        self.simulator.set_feed_pace(1)
        order = self.seller.place_order()
        feed_id = self.send(envelope(FULFILLMENT, fulfillment(order)))
        self.assertEqual(self.request('DELETE', f'{FEEDS}/{feed_id}').status_code, 200)
        for _poll in range(3):
            self.assertEqual(self.feed(feed_id)['processingStatus'], 'CANCELLED')
        self.assertEqual(order.packages, [])
        response = self.request('DELETE', f'{FEEDS}/{feed_id}')
        self.assertRefused(response, 400, 'InvalidInput', 'CANCELLED')
        self.assertEqual(self.request('DELETE', f'{FEEDS}/1').status_code, 404)

    def test_upload_address(self):
        for word, status, options in (
            ('SignatureDoesNotMatch', 403, {'Content-Type': 'text/xml'}),
            ('not signed', 403, {'x-amz-access-token': self.token()}),
            ('Only one auth mechanism', 400, {'Authorization': 'Bearer x'}),
        ):
            with self.subTest(word=word):
                response = self.upload(self.create_document()['url'], 'x', **options)
                self.assertEqual(response.status_code, status)
                self.assertIn(word, response.text)
        url = self.create_document()['url']
        self.assertEqual(requests.get(url, timeout=5).status_code, 403)
        self.assertEqual(self.upload(url + '0', 'x').status_code, 403)
        self.assertEqual(self.upload(url.replace('/amzn1', '/amzn2'), 'x').status_code, 403)
        self.simulator.clock.advance(seconds=299)
        self.assertEqual(self.upload(url, 'x').status_code, 200)
        self.simulator.clock.advance(seconds=1)
        response = self.upload(url, 'x')
        self.assertEqual((response.status_code, 'expired' in response.text), (403, True))

    def test_download_address(self):
        feed_id = self.send(envelope(FULFILLMENT, fulfillment(self.seller.place_order())))
        document, _content = self.download(feed_id)
        self.assertNotIn('compressionAlgorithm', document)
        self.assertEqual(self.upload(document['url'], 'x').status_code, 403)
        self.simulator.clock.advance(minutes=5)
        self.assertEqual(requests.get(document['url'], timeout=5).status_code, 403)
        self.simulator.clock.advance(days=28)
        path = f"{DOCUMENTS}/{document['feedDocumentId']}"
        self.assertRefused(self.get(path), 404, 'NotFound')

    def test_create_feed_refusals(self):
        document_id = self.create_document()['feedDocumentId']
        for word, values in (
            ('feedType', {'feedType': 'POST_PRODUCT_DATA'}),
            ('feedType', {'feedType': None}),
            ('marketplaceIds', {'marketplaceIds': []}),
            ('marketplaceIds', {'marketplaceIds': GERMANY}),
            ('marketplaceIds', {'marketplaceIds': ['ATVPDKIKX0DER']}),
            ('more than 25', {'marketplaceIds': [GERMANY] * 26}),
            ('inputFeedDocumentId', {'inputFeedDocumentId': 'amzn1.unknown'}),
        ):
            with self.subTest(**values):
                response = self.post_feed(document_id, **values)
                self.assertRefused(response, 400, 'InvalidInput', word)
        response = self.request('POST', DOCUMENTS, json={})
        self.assertRefused(response, 400, 'InvalidInput', 'contentType')
        self.simulator.clock.advance(days=2, seconds=1)
        self.assertRefused(self.post_feed(document_id), 400, 'InvalidInput', 'inputFeedDocumentId')

    def test_unknown_members_are_ignored(self):
        document = self.create_document()
        self.upload(document['url'], envelope(FULFILLMENT, fulfillment(self.seller.place_order())))
        response = self.post_feed(document['feedDocumentId'], path='/x', MarketplaceIds='x')
        self.assertEqual(response.status_code, 202)

    def test_nothing_uploaded(self):
        response = self.post_feed(self.create_document()['feedDocumentId'])
        feed = self.feed(response.json()['feedId'])
        self.assertEqual(feed['processingStatus'], 'FATAL')
        self.assertNotIn('resultFeedDocumentId', feed)

    def test_sellers_are_apart(self):
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        feed_id = self.send(envelope(FULFILLMENT, fulfillment(self.seller.place_order())))
        result_id = self.feed(feed_id)['resultFeedDocumentId']
        for path in (f'{FEEDS}/{feed_id}', f'{DOCUMENTS}/{result_id}'):
            self.assertRefused(self.get(path, token), 404, 'NotFound')
        self.assertEqual(self.get(FEEDS, token, feedTypes=FULFILLMENT).json(), {'feeds': []})
        response = self.post_feed(result_id, token=token, marketplaceIds=['A2NODRKZP88ZB9'])
        self.assertRefused(response, 400, 'InvalidInput', 'inputFeedDocumentId')

    def test_list(self):
        def listed(**query):
            response = self.get(FEEDS, **{'feedTypes': f'{FULFILLMENT},{ACKNOWLEDGEMENT}', **query})
            self.assertEqual(response.status_code, 200, response.text)
            return [feed['feedId'] for feed in response.json()['feeds']]

        first = self.send('')
        self.simulator.clock.advance(days=50)
        second = self.send('', ACKNOWLEDGEMENT)
        self.simulator.finish_feeds()
        self.simulator.set_feed_pace(1)
        third = self.send('')
        self.assertEqual(listed(), [third, second, first])
        self.assertEqual(listed(feedTypes=FULFILLMENT), [third, first])
        self.assertEqual(listed(processingStatuses='FATAL'), [second, first])
        self.assertEqual(listed(processingStatuses='IN_QUEUE,DONE'), [third])
        self.assertEqual(listed(marketplaceIds='A1F83G8C2ARO7P'), [])
        self.assertEqual(listed(createdSince='2026-04-01T00:00:00Z'), [third, second])
        self.assertEqual(listed(createdUntil='2026-04-01T00:00:00Z'), [first])
        self.simulator.clock.advance(days=41)
        self.assertEqual(listed(), [third, second])
        for query in (
            {}, {'feedTypes': 'X'}, {'feedTypes': FULFILLMENT, 'pageSize': 101},
            {'nextToken': 'x'}, {'nextToken': 'x', 'pageSize': 1},
        ):
            with self.subTest(**query):
                self.assertRefused(self.get(FEEDS, **query), 400, 'InvalidInput')

    def test_list_in_pages(self):
        feeds = [self.send('') for _number in range(5)]
        found, query = [], {'feedTypes': FULFILLMENT, 'pageSize': 2}
        for _page in range(3):
            answer = self.get(FEEDS, **query).json()
            self.assertLessEqual(len(answer['feeds']), 2)
            found += [feed['feedId'] for feed in answer['feeds']]
            query = {'nextToken': answer.get('nextToken')}
        self.assertEqual(found, feeds[::-1])
        self.assertIsNone(query['nextToken'])

    def test_rates(self):
        def is_refused(method, path):
            return self.request(method, path, token).status_code == 429

        self.simulator.set_throttle(1.0)
        token = self.token()
        feed = self.simulator.feeds.queue(self.seller, FULFILLMENT, [GERMANY], b'')
        document = self.simulator.feeds.storage.add(self.seller, XML, b'')
        for method, path, burst, seconds in (
            ('POST', DOCUMENTS, 15, 2),
            ('POST', FEEDS, 15, 120.5),
            ('GET', f'{FEEDS}/{feed.feed_id}', 15, 0.5),
            ('DELETE', f'{FEEDS}/{feed.feed_id}', 15, 0.5),
            ('GET', FEEDS, 10, 45.1),
            ('GET', f'{DOCUMENTS}/{document.document_id}', 10, 45.1),
        ):
            with self.subTest(method=method, path=path):
                refused = [is_refused(method, path) for _call in range(burst + 1)]
                self.assertEqual(refused, [False] * burst + [True])
                self.simulator.clock.advance(seconds=seconds * 0.95)
                self.assertTrue(is_refused(method, path))
                self.simulator.clock.advance(seconds=seconds * 0.05)
                self.assertFalse(is_refused(method, path))


@tagged('post_install', '-at_install')
class TestSimulatorFulfillmentFeed(FeedCase):
    """POST_ORDER_FULFILLMENT_DATA confirms what `confirmShipment` would."""

    def send_one(self, order, *arguments, **details):
        return self.send(envelope(FULFILLMENT, fulfillment(order, *arguments, **details)))

    def test_mixed_results(self):
        one, two = (
            self.seller.place_order(items=[Item('A', quantity=2), Item('B')]) for _order in '12'
        )
        cancelled = self.seller.place_order(status='CANCELLED')
        feed_id = self.send(envelope(
            FULFILLMENT,
            fulfillment(one, '11', {'A': 1, 'B': 1}),
            fulfillment(cancelled, '12'),
            fulfillment(two, '13', {'A': 3}),
            fulfillment(two, '14', {'A': 2}, ShipperTrackingNumber='#14'),
            fulfillment(two, '15', AmazonOrderID='305-0000000-0000000'),
        ))
        self.assertReported(
            feed_id, (5, 2, 3, 1),
            ('2', 'Error', 'CANCELLED'), ('3', 'Error', '2 are left'), ('4', 'Warning', '#14'),
            ('5', 'Error', '305-0000000-0000000'),
        )
        self.assertEqual(self.status(one), ('PARTIALLY_SHIPPED', [(1, 1), (1, 0)]))
        self.assertEqual(self.packages(one), [('11', 'DHL', 'TRACK11', [1, 1])])
        self.assertEqual(self.packages(two), [('14', 'DHL', '#14', [2])])

    def test_same_reference_edits(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        self.send_one(order, '5', {'A': 1})
        self.send_one(order, '5', {'A': 2}, ShipperTrackingNumber='NEW')
        self.assertEqual(self.packages(order), [('5', 'DHL', 'NEW', [2])])
        self.confirm(order, '5', trackingNumber='NEWER')
        self.assertEqual(self.packages(order), [('5', 'DHL', 'NEWER', [2])])

    def test_without_reference_the_tracking_number_counts(self):
        order = self.seller.place_order(items=[Item('A', quantity=3)])
        for tracking, quantity in (('T1', 1), ('T2', 1), ('T1', 2)):
            feed_id = self.send_one(order, None, {'A': quantity}, ShipperTrackingNumber=tracking)
            self.assertReported(feed_id, (1, 1, 0, 0))
        self.assertEqual(
            [package[2:] for package in self.packages(order)], [('T1', [2]), ('T2', [1])],
        )

    def test_without_items_all_the_rest_is_sent(self):
        order = self.seller.place_order(items=[Item('A', quantity=3), Item('B')])
        self.confirm(order, '1', {'A': 1})
        for _time in range(2):
            self.assertReported(self.send_one(order, '2'), (1, 1, 0, 0))
        self.assertEqual(self.packages(order)[1], ('2', 'DHL', 'TRACK2', [2, 1]))

    def test_unknown_carrier_makes_no_package(self):
        order = self.seller.place_order()
        self.assertReported(self.send_one(order, CarrierCode='Postillion'), (1, 1, 0, 0))
        self.assertEqual(self.packages(order), [])

    def test_errors(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        good = fulfillment(order, '1', {'A': 1})
        data = dict(good)['FulfillmentData']
        item = dict(good)['Item']
        for word, message in (
            ('AmazonOrderID', [entry for entry in good if entry[0] != 'AmazonOrderID']),
            ('in this order', [*good[1:], good[0]]),
            ('Surprise', [*good, ('Surprise', 'x')]),
            ('FulfillmentData', [entry for entry in good if entry[0] != 'FulfillmentData']),
            ('in this order', [*good[:3], ('FulfillmentData', data[::-1]), good[4]]),
            ('CarrierCode', fulfillment(order, CarrierCode='')),
            ('carrierName', fulfillment(order, CarrierCode='Other')),
            ('ShipperTrackingNumber', fulfillment(order, ShipperTrackingNumber=None)),
            ('FulfillmentDate', fulfillment(order, FulfillmentDate='10.3.2026')),
            ('future', fulfillment(order, FulfillmentDate='2026-03-10T12:00:01Z')),
            ('positive', fulfillment(order, reference='WH/OUT/1')),
            ('in this order', [*good[:4], ('Item', item[::-1])]),
            ('Quantity', [*good[:4], ('Item', [item[0], ('Quantity', '0')])]),
            ('Quantity', [*good[:4], ('Item', [item[0], ('Quantity', '1.0')])]),
            ('no order item', [*good[:4], ('Item', [('AmazonOrderItemCode', '1'), item[1]])]),
            ('2 are left', [*good, ('Item', item), ('Item', item)]),
            ('Ship+', fulfillment(self.seller.place_order(programs=('FBM_SHIP_PLUS',)))),
            ('fulfilled by Amazon', fulfillment(self.seller.place_order(channel='FBA'))),
        ):
            with self.subTest(word=word, message=message):
                feed_id = self.send(envelope(FULFILLMENT, message))
                self.assertReported(feed_id, (1, 0, 1, 0), ('1', 'Error', word))
        self.assertEqual(self.packages(order), [])

    def test_documents_that_cannot_be_read(self):
        order = self.seller.place_order()
        good = envelope(FULFILLMENT, fulfillment(order))
        message = good[good.index('<Message>'):good.index('</AmazonEnvelope>')]
        entity = '<!DOCTYPE AmazonEnvelope [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        for word, content in (
            ('XML', b''),
            ('XML', b'\xff\xfe\x00'),
            ('XML', good[:-5]),
            ('document type', good.replace('?>', f'?>{entity}').replace('TRACK1', '&e;')),
            ('root', '<Envelope/>'),
            ('DocumentVersion', envelope(FULFILLMENT, fulfillment(order), version='1.02')),
            ('MerchantIdentifier', envelope(FULFILLMENT, fulfillment(order), seller_id='A2')),
            ('MessageType', envelope(ACKNOWLEDGEMENT, fulfillment(order))),
            ('MessageID', envelope(FULFILLMENT)),
            ('MessageID', good.replace('<MessageID>1<', '<MessageID>one<')),
            ('MessageID', good.replace('</Message>', '</Message><Message/>')),
            ('MessageID', good.replace(message, message * 2)),
            ('in this order', good.replace('MessageID>', 'MessageNumber>')),
            ('longer than 50', good.replace('TRACK1', 'T' * 51)),
        ):
            with self.subTest(word=word, content=content):
                feed_id = self.send(content)
                self.assertEqual(self.feed(feed_id)['processingStatus'], 'FATAL')
                self.assertReported(feed_id, (0, 0, 1, 0), ('0', 'Error', word))
        self.assertEqual(self.packages(order), [])

    def test_encodings(self):
        for encoding in ('utf-8-sig', 'iso-8859-1', 'utf-16'):
            order = self.seller.place_order()
            content = envelope(
                FULFILLMENT, fulfillment(order, CarrierCode='Other', CarrierName='Müller & Söhne'),
            )
            declared = content.replace('UTF-8', encoding.removesuffix('-sig')).encode(encoding)
            with self.subTest(encoding=encoding):
                self.assertReported(self.send(declared), (1, 1, 0, 0))
                self.assertEqual(
                    self.packages(order), [('1', 'Müller & Söhne', 'TRACK1', [1])],
                )

    def test_cancelled_while_queued(self):
        self.simulator.set_feed_pace(1)
        order = self.seller.place_order()
        feed_id = self.send_one(order)
        self.seller.cancel(order)
        self.simulator.finish_feeds()
        self.assertReported(feed_id, (1, 0, 1, 0), ('1', 'Error', 'CANCELLED'))


@tagged('post_install', '-at_install')
class TestSimulatorCancellationFeed(FeedCase):
    """POST_ORDER_ACKNOWLEDGEMENT_DATA cancels what the merchant cannot deliver."""

    def acknowledge(self, message):
        return self.send(envelope(ACKNOWLEDGEMENT, message), ACKNOWLEDGEMENT)

    def test_whole_order(self):
        for named in ({}, {'A': 'BuyerCanceled', 'B': 'NoInventory'}):
            with self.subTest(**named):
                order = self.seller.place_order(items=[Item('A', quantity=2), Item('B')])
                feed_id = self.acknowledge(failure(order, **named))
                self.assertReported(feed_id, (1, 1, 0, 0))
                self.assertEqual(self.status(order), ('CANCELLED', [(0, 0), (0, 0)]))
                self.assertEqual(
                    [item['cancellation']['cancellationExecution']
                     for item in self.order(order)['orderItems']],
                    [{'cancelledBy': 'MERCHANT', 'cancelReason': named.get(sku, 'NoInventory')}
                     for sku in 'AB'],
                )

    def test_one_item(self):
        order = self.seller.place_order(items=[Item('A', '9.99', 2), Item('B', '5.00')])
        self.assertReported(self.acknowledge(failure(order, A='NoInventory')), (1, 1, 0, 0))
        self.assertEqual(self.status(order), ('UNSHIPPED', [(0, 0), (0, 1)]))
        shown = self.order(order)
        self.assertEqual(shown['proceeds']['grandTotal']['amount'], '5.00')
        self.assertNotIn('cancellation', shown['orderItems'][1])
        self.confirm(order, '1', {'B': 1})
        self.assertEqual(self.status(order)[0], 'SHIPPED')

    def test_rest_of_a_shipment(self):
        order = self.seller.place_order(items=[Item('A'), Item('B')])
        self.confirm(order, '1', {'A': 1})
        self.assertReported(self.acknowledge(failure(order, B='NoInventory')), (1, 1, 0, 0))
        self.assertEqual(self.status(order), ('SHIPPED', [(1, 0), (0, 0)]))

    def test_success_changes_nothing(self):
        order = self.seller.place_order()
        message = [('AmazonOrderID', order.order_id), ('StatusCode', 'Success')]
        self.assertReported(self.acknowledge(message), (1, 1, 0, 0))
        self.assertEqual(self.status(order), ('UNSHIPPED', [(0, 1)]))

    def test_errors(self):
        order = self.seller.place_order(items=[Item('A', quantity=2), Item('B')])
        self.confirm(order, '1', {'A': 1})
        whole = failure(order)
        for word, message in (
            ('no longer', whole),
            ('no longer', failure(order, A='NoInventory')),
            ('no longer', failure(order, B='NoInventory', A='NoInventory')),
            ('CancelReason is unknown', failure(order, B='Boredom')),
            ('CancelReason is required', failure(order, B='')),
            ('no order item', [*whole, ('Item', [
                ('AmazonOrderItemCode', '1'), ('CancelReason', 'NoInventory'),
            ])]),
            ('StatusCode', [whole[0], ('StatusCode', 'Perhaps')]),
            ('StatusCode', whole[:1]),
            ('in this order', whole[::-1]),
            ('no order 305', [('AmazonOrderID', '305-0000000-0000000'), whole[1]]),
            ('PENDING', failure(self.seller.place_order(status='PENDING'))),
            ('CANCELLED', failure(self.seller.place_order(status='CANCELLED'))),
            ('fulfilled by Amazon', failure(self.seller.place_order(channel='FBA'))),
        ):
            with self.subTest(word=word, message=message):
                self.assertReported(
                    self.acknowledge(message), (1, 0, 1, 0), ('1', 'Error', word),
                )
        self.assertEqual(self.status(order), ('PARTIALLY_SHIPPED', [(1, 1), (0, 1)]))


@tagged('post_install', '-at_install')
class TestSimulatorFeedFaults(FeedCase):
    """Feeds and their documents have bad days too."""

    def setUp(self):
        super().setUp()
        self.orders = [self.seller.place_order() for _number in range(3)]

    def send_all(self):
        return self.send(envelope(FULFILLMENT, *map(fulfillment, self.orders)))

    def shipped(self):
        return [order.status for order in self.orders].count('SHIPPED')

    def test_ends(self):
        for kind, status, shipped in (
            ('feed_cancelled', 'CANCELLED', 0),
            ('feed_fatal', 'FATAL', 0),
            ('feed_breaks_off', 'FATAL', 1),
            ('report_missing', 'DONE', 3),
        ):
            with self.subTest(kind=kind):
                fault = self.simulator.arm(kind)
                feed = self.feed(self.send_all())
                self.assertEqual(feed['processingStatus'], status)
                self.assertNotIn('resultFeedDocumentId', feed)
                self.assertEqual((self.shipped(), fault.hits), (shipped, 1))

    def test_reports(self):
        for kind, compression, head in (
            ('report_gzip', 'GZIP', b'\x1f\x8b'),
            ('report_gzip_unmarked', None, b'\x1f\x8b'),
            ('report_bom', None, b'\xef\xbb\xbf<?xml'),
        ):
            with self.subTest(kind=kind):
                self.simulator.arm(kind)
                document, content = self.download(self.send_all())
                self.assertEqual(document.get('compressionAlgorithm'), compression)
                self.assertTrue(content.startswith(head), content)
                if head == b'\x1f\x8b':
                    content = gzip.decompress(content)
                self.assertEqual(self.read_report(content)[0], (3, 3, 0, 0))

    def test_compressed_report_with_a_bom(self):
        self.simulator.arm('report_gzip')
        self.simulator.arm('report_bom')
        _document, content = self.download(self.send_all())
        self.assertTrue(gzip.decompress(content).startswith(b'\xef\xbb\xbf'))

    def test_messages_missing(self):
        self.simulator.arm('feed_skips_last')
        self.assertReported(self.send_all(), (2, 2, 0, 0))
        self.assertEqual(self.shipped(), 2)
        for order in self.orders[:2]:
            self.seller.edit(order, status='CANCELLED')
        self.simulator.arm('report_incomplete')
        self.assertReported(self.send_all(), (3, 1, 2, 0), ('1', 'Error', 'CANCELLED'))

    def test_which_feed(self):
        other = _other_seller(self.simulator)
        self.simulator.arm('feed_fatal', operation=ACKNOWLEDGEMENT)
        self.simulator.arm('feed_fatal', seller_id=other.profile.seller_id)
        self.simulator.arm('feed_fatal', skip=1)
        statuses = [self.feed(self.send_all())['processingStatus'] for _feed in range(3)]
        self.assertEqual(statuses, ['DONE', 'FATAL', 'DONE'])
        feed_id = self.send(envelope(ACKNOWLEDGEMENT, failure(self.orders[0])), ACKNOWLEDGEMENT)
        self.assertEqual(self.feed(feed_id)['processingStatus'], 'FATAL')

    def test_faults_of_feeds_are_not_those_of_requests(self):
        fault = self.simulator.arm('feed_fatal', times=None)
        self.assertEqual(self.search().status_code, 200)
        self.assertEqual(fault.hits, 0)
        self.simulator.disarm()
        self.simulator.set_feed_pace(1)
        feed_id = self.send_all()
        fault = self.simulator.arm('unavailable', times=None)
        self.simulator.finish_feeds()
        self.assertEqual(fault.hits, 0)
        self.simulator.disarm()
        self.assertEqual(self.feed(feed_id)['processingStatus'], 'DONE')

    def test_storage(self):
        self.simulator.arm('unavailable', times=None)
        document = self.simulator.feeds.storage.add(self.seller, XML, b'0123')
        storage = self.simulator.feeds.storage
        upload, download = (
            self.simulator.url + storage.presign(document, method) for method in ('PUT', 'GET')
        )
        self.assertEqual(self.upload(upload, 'abcd').status_code, 200)
        self.simulator.arm('unavailable', operation='uploadFeedDocument')
        self.assertEqual(self.upload(upload, 'x').status_code, 503)
        self.simulator.arm('truncated_json', operation='downloadFeedDocument')
        self.assertEqual(requests.get(download, timeout=5).content, b'ab')
        self.simulator.arm('drop_after', operation='downloadFeedDocument')
        with self.assertRaises(requests.ConnectionError):
            requests.get(download, timeout=5)
        self.assertEqual(requests.get(download, timeout=5).content, b'abcd')
        self.assertEqual(
            [(call.operation, call.status, call.query, call.seller_id)
             for call in self.simulator.calls[-2:]],
            [('downloadFeedDocument', status, {}, DEFAULT_SELLER.seller_id)
             for status in (None, 200)],
        )

    def test_connection_breaks_after_the_feed_is_taken(self):
        document = self.create_document()
        self.upload(document['url'], envelope(FULFILLMENT, *map(fulfillment, self.orders)))
        self.simulator.arm('drop_after', operation='createFeed')
        with self.assertRaises(requests.ConnectionError):
            self.post_feed(document['feedDocumentId'])
        [feed] = self.get(FEEDS, feedTypes=FULFILLMENT).json()['feeds']
        self.assertEqual((feed['processingStatus'], self.shipped()), ('DONE', 3))

    def test_control(self):
        self.control('set_feed_pace', polls=0, seconds=30)
        self.control('arm', kind='report_bom', operation=FULFILLMENT)
        feed_id = self.send_all()
        [feed] = self.control('feeds')
        self.assertEqual((feed['feedId'], feed['processingStatus']), (feed_id, 'IN_QUEUE'))
        self.assertIn(self.orders[0].order_id, feed['content'])
        self.control('finish_feeds')
        self.assertEqual(self.shipped(), 3)
        self.assertTrue(self.download(feed_id)[1].startswith(b'\xef\xbb\xbf'))
        self.control('reset')
        self.assertEqual(self.control('feeds'), [])
