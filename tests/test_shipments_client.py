import contextlib
import gzip
import json
import logging
import os
import ssl
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.client import USER_AGENT
from odoo.addons.amazon_connector.amazon.documents import MAX_SIZE
from odoo.addons.amazon_connector.amazon.endpoints import is_private
from odoo.addons.amazon_connector.amazon.errors import (
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from odoo.addons.amazon_connector.amazon.feeds import (
    Feed,
    create_feed,
    fetch_document,
    fetch_feed,
    upload_document,
)
from odoo.addons.amazon_connector.amazon.limits import RATES
from odoo.addons.amazon_connector.amazon.marketplaces import fetch_participations
from odoo.addons.amazon_connector.amazon.orders import (
    ShippedPackage,
    fetch_order,
    parse_order,
    parse_packages,
    parse_summary,
)
from odoo.addons.amazon_connector.amazon.shipments import (
    CANCEL_REASONS,
    CANCELLATION_FEED,
    FULFILLMENT_FEED,
    Cancellation,
    CancelledItem,
    Package,
    PackageItem,
    build_cancellation_feed,
    build_confirmation,
    build_fulfillment_feed,
    confirm_shipment,
)
from odoo.addons.amazon_connector.amazon.xml_feeds import (
    CONTENT_TYPE,
    Problem,
    ProcessingReport,
    parse_processing_report,
)
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item

from .test_client import ClientCase, MemoryLimiter

PACKAGE = Package(
    order_id='306-1234567-1234567',
    marketplace_id='A1PA6795UKMFR9',
    reference='17',
    carrier_code='DHL',
    carrier_name='',
    shipping_method='',
    tracking_number='00340434161094015902',
    shipped_at=datetime(2026, 11, 20, 16, 30, tzinfo=timezone.utc),
    items=(PackageItem('40521301172345', 2), PackageItem('40521301172346', 1)),
)


class ShipmentCase(ClientCase):
    """A client in front of a simulated Amazon, and packages to tell it of."""

    def _place_order(self, *args, **details):
        """Let somebody order two vases and a clock."""
        items = [Item('VASE', '19.99', 2), Item('CLOCK', '34.00')]
        return self.simulator.seller.place_order('DE', 'FBM', items, *args, **details)

    def _pack(self, order, quantities=None, **details):
        """Return a package of an order that leaves now, with everything in it unless told."""
        if quantities is None:
            quantities = {item.sku: item.quantity for item in order.items}
        return replace(
            PACKAGE,
            order_id=order.order_id,
            shipped_at=self.simulator.clock.now(),
            items=tuple(
                PackageItem(order.find_item(sku).item_id, quantity)
                for sku, quantity in quantities.items()
            ),
            **details,
        )

    def _get_packages(self, order):
        return parse_packages(fetch_order(self.client, order.order_id))

    def _get_references(self, order):
        return [package.reference for package in self._get_packages(order)]


@tagged('post_install', '-at_install')
class TestConfirmShipment(ShipmentCase):

    def test_package_is_echoed(self):
        order = self._place_order()
        confirm_shipment(self.client, self._pack(order, {'VASE': 2}))
        [shown] = self._get_packages(order)
        self.assertEqual(shown, ShippedPackage(
            reference='17',
            carrier='DHL',
            tracking_number='00340434161094015902',
            status='SHIPPED',
            created_at=shown.created_at,
            quantities={order.find_item('VASE').item_id: 2},
        ))
        self.assertIsNotNone(shown.created_at)
        self.assertLessEqual(shown.created_at, self.simulator.clock.now())

    def test_order_in_two_packages(self):
        order = self._place_order()
        confirm_shipment(self.client, self._pack(order, {'VASE': 1}, reference='1'))
        confirm_shipment(self.client, self._pack(order, {'VASE': 1, 'CLOCK': 1}, reference='2'))
        self.assertEqual(self._get_references(order), ['1', '2'])

    def test_same_reference_edits(self):
        order = self._place_order()
        confirm_shipment(self.client, self._pack(order))
        confirm_shipment(self.client, self._pack(order, tracking_number='NEW'))
        [shown] = self._get_packages(order)
        self.assertEqual(shown.tracking_number, 'NEW')

    def test_other_carrier(self):
        order = self._place_order()
        confirm_shipment(
            self.client, self._pack(order, carrier_code='Other', carrier_name='Postillion')
        )
        [shown] = self._get_packages(order)
        self.assertEqual(shown.carrier, 'Postillion')

    def test_refusal_has_amazons_words(self):
        order = self._place_order()
        for package, word in (
            (self._pack(order, {'VASE': 3}), "quantity"),
            (replace(self._pack(order), items=(PackageItem('1', 1),)), "item"),
            (replace(self._pack(order), shipped_at=self._in_a_week()), "ship date"),
            (replace(self._pack(order), reference='A1'), "packageReferenceId"),
            (replace(self._pack(order), tracking_number=''), "trackingNumber"),
            (self._pack(order, carrier_code='Other'), "carrierName"),
            (self._pack(self._place_order(programs=('FBM_SHIP_PLUS',))), "Ship+"),
        ):
            with self.subTest(word=word), self.assertRaises(Rejected) as caught:
                confirm_shipment(self.client, package)
            error = caught.exception
            self.assertEqual((error.status, error.codes), (400, ('InvalidInput',)))
            self.assertTrue(error.message.startswith('InvalidInput: '), error.message)
            self.assertIn(word, error.details)
            self.assertNotIn(error.details, str(error))
        self.assertEqual(self._get_references(order), [])

    def _in_a_week(self):
        return self.simulator.clock.now() + timedelta(days=7)

    def test_unknown_order(self):
        with self.assertRaises(NotFound):
            confirm_shipment(self.client, PACKAGE)

    def test_bad_day_and_another_try_make_one_package(self):
        for fault, is_taken in (
            ('internal_error', False),
            ('internal_message', False),
            ('unavailable', False),
            ('drop_before', False),
            ('drop_after', True),
            ('not_json', False),
            ('empty', False),
        ):
            order = self._place_order()
            self.simulator.arm(fault, operation='confirmShipment')
            with self.subTest(fault=fault):
                with self.assertRaises(Unavailable):
                    confirm_shipment(self.client, self._pack(order))
                self.assertEqual(self._get_references(order), ['17'] if is_taken else [])
                confirm_shipment(self.client, self._pack(order))
                self.assertEqual(self._get_references(order), ['17'])

    def test_refused_token_is_replaced_and_the_package_sent_again(self):
        order = self._place_order()
        fetch_order(self.client, order.order_id)
        self.simulator.calls.clear()
        self.simulator.arm('expired_token', operation='confirmShipment')
        confirm_shipment(self.client, self._pack(order))
        self._assert_calls(('confirmShipment', 403), ('lwa', 200), ('confirmShipment', 204))
        self.assertEqual(self._get_references(order), ['17'])

    def test_quota(self):
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)
        self.simulator.clock.freeze()
        order = self._place_order()
        for _call in range(10):
            confirm_shipment(self.client, self._pack(order))
        with self.assertRaises(Throttled) as caught:
            confirm_shipment(self.client, self._pack(order))
        wait = caught.exception.retry_at - self.simulator.clock.now()
        self.assertAlmostEqual(wait.total_seconds(), 0.5, delta=0.001)
        self._assert_calls(('lwa', 200), *[('confirmShipment', 204)] * 10)

    def test_body(self):
        east = timezone(timedelta(hours=9))
        package = replace(
            PACKAGE,
            carrier_code='Other',
            carrier_name=" Fahrrad\x00kurier\ufffe ",
            shipping_method="Über\tNacht",
            shipped_at=datetime(2026, 11, 21, 1, 30, 0, 123456, tzinfo=east),
        )
        self.assertEqual(build_confirmation(package), {
            'marketplaceId': 'A1PA6795UKMFR9',
            'packageDetail': {
                'packageReferenceId': '17',
                'carrierCode': 'Other',
                'carrierName': "Fahrradkurier",
                'shippingMethod': "Über\tNacht",
                'trackingNumber': '00340434161094015902',
                'shipDate': '2026-11-20T16:30:00.123Z',
                'orderItems': [
                    {'orderItemId': '40521301172345', 'quantity': 2},
                    {'orderItemId': '40521301172346', 'quantity': 1},
                ],
            },
        })

    def test_body_leaves_out_what_is_empty(self):
        self.assertEqual(set(build_confirmation(PACKAGE)['packageDetail']), {
            'packageReferenceId', 'carrierCode', 'trackingNumber', 'shipDate', 'orderItems',
        })


@tagged('post_install', '-at_install')
class TestPackages(BaseCase):

    def test_every_field_is_read(self):
        self.assertEqual(parse_packages({'packages': [
            {
                'packageReferenceId': '17',
                'createdTime': '2026-11-20T17:00:00.000+01:00',
                'packageStatus': {'status': 'DELIVERED', 'detailedStatus': 'LOST'},
                'carrier': 'DHL',
                'trackingNumber': ' 0034 ',
                'packageItems': [
                    {'orderItemId': '1', 'quantity': 2},
                    {'orderItemId': '2', 'quantity': 1},
                    {'orderItemId': '1', 'quantity': 1, 'transparencyCodes': ['X']},
                ],
            },
            {'packageReferenceId': '18'},
        ]}), (
            ShippedPackage(
                reference='17',
                carrier='DHL',
                tracking_number='0034',
                status='DELIVERED',
                created_at=datetime(2026, 11, 20, 16, tzinfo=timezone.utc),
                quantities={'1': 3, '2': 1},
            ),
            ShippedPackage('18', '', '', '', None, {}),
        ))

    def test_what_is_broken_hides_nothing_else(self):
        good = {'packageReferenceId': '17', 'packageItems': [{'orderItemId': '1', 'quantity': 2}]}
        shown = ShippedPackage('17', '', '', '', None, {'1': 2})
        for broken in (
            {'carrier': 5},
            {'packageStatus': 'SHIPPED'},
            {'createdTime': 'yesterday'},
            {'createdTime': '2026-11-20'},
            {'trackingNumber': None},
        ):
            with self.subTest(broken=broken):
                payload = {'packages': [None, {**good, **broken}, 'x'], 'orderItems': 'none'}
                self.assertEqual(parse_packages(payload), (shown,))

    def test_quantity_that_is_none_counts_nothing(self):
        for quantity in (None, 'two', 1.5, True, -1, 2**31):
            payload = {'packages': [{'packageItems': [
                {'orderItemId': '1', 'quantity': quantity}, {'orderItemId': '2', 'quantity': 2},
            ]}]}
            with self.subTest(quantity=quantity):
                [package] = parse_packages(payload)
                self.assertEqual(package.quantities, {'1': 0, '2': 2})

    def test_no_packages(self):
        for payload in (None, [], 'x', {}, {'packages': None}, {'packages': {}}, {'packages': []}):
            self.assertEqual(parse_packages(payload), ())


@tagged('post_install', '-at_install')
class TestFeedContents(BaseCase):

    OTHER = replace(
        PACKAGE,
        order_id='306-7654321-7654321',
        reference='18',
        carrier_code='Other',
        carrier_name="Müller & Söhne <\x02schnell>",
        shipping_method='Nachtexpress',
        shipped_at=datetime(2026, 11, 20, 18, 30, tzinfo=timezone(timedelta(hours=1))),
        items=(PackageItem('40521301172399', 5),),
    )
    ENVELOPE = (
        '<?xml version=\'1.0\' encoding=\'UTF-8\'?>\n'
        '<AmazonEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:noNamespaceSchemaLocation="amzn-envelope.xsd">'
        '<Header><DocumentVersion>1.01</DocumentVersion>'
        '<MerchantIdentifier>A2SELLER</MerchantIdentifier></Header>'
    )

    def test_fulfillment(self):
        self.assertEqual(
            build_fulfillment_feed('A2SELLER', [PACKAGE, self.OTHER]).decode(),
            self.ENVELOPE + '<MessageType>OrderFulfillment</MessageType>'
            '<Message><MessageID>1</MessageID><OrderFulfillment>'
            '<AmazonOrderID>306-1234567-1234567</AmazonOrderID>'
            '<MerchantFulfillmentID>17</MerchantFulfillmentID>'
            '<FulfillmentDate>2026-11-20T16:30:00.000Z</FulfillmentDate>'
            '<FulfillmentData><CarrierCode>DHL</CarrierCode>'
            '<ShipperTrackingNumber>00340434161094015902</ShipperTrackingNumber>'
            '</FulfillmentData>'
            '<Item><AmazonOrderItemCode>40521301172345</AmazonOrderItemCode>'
            '<Quantity>2</Quantity></Item>'
            '<Item><AmazonOrderItemCode>40521301172346</AmazonOrderItemCode>'
            '<Quantity>1</Quantity></Item>'
            '</OrderFulfillment></Message>'
            '<Message><MessageID>2</MessageID><OrderFulfillment>'
            '<AmazonOrderID>306-7654321-7654321</AmazonOrderID>'
            '<MerchantFulfillmentID>18</MerchantFulfillmentID>'
            '<FulfillmentDate>2026-11-20T17:30:00.000Z</FulfillmentDate>'
            '<FulfillmentData><CarrierCode>Other</CarrierCode>'
            '<CarrierName>Müller &amp; Söhne &lt;schnell&gt;</CarrierName>'
            '<ShippingMethod>Nachtexpress</ShippingMethod>'
            '<ShipperTrackingNumber>00340434161094015902</ShipperTrackingNumber>'
            '</FulfillmentData>'
            '<Item><AmazonOrderItemCode>40521301172399</AmazonOrderItemCode>'
            '<Quantity>5</Quantity></Item>'
            '</OrderFulfillment></Message></AmazonEnvelope>',
        )

    def test_cancellation(self):
        cancellations = [
            Cancellation('306-1234567-1234567', (
                CancelledItem('40521301172345', 'NoInventory'),
                CancelledItem('40521301172346', 'BuyerCanceled'),
            )),
            Cancellation('306-7654321-7654321', (CancelledItem('40521301172399', 'NoInventory'),)),
        ]
        self.assertEqual(
            build_cancellation_feed('A2SELLER', cancellations).decode(),
            self.ENVELOPE + '<MessageType>OrderAcknowledgement</MessageType>'
            '<Message><MessageID>1</MessageID><OrderAcknowledgement>'
            '<AmazonOrderID>306-1234567-1234567</AmazonOrderID><StatusCode>Failure</StatusCode>'
            '<Item><AmazonOrderItemCode>40521301172345</AmazonOrderItemCode>'
            '<CancelReason>NoInventory</CancelReason></Item>'
            '<Item><AmazonOrderItemCode>40521301172346</AmazonOrderItemCode>'
            '<CancelReason>BuyerCanceled</CancelReason></Item>'
            '</OrderAcknowledgement></Message>'
            '<Message><MessageID>2</MessageID><OrderAcknowledgement>'
            '<AmazonOrderID>306-7654321-7654321</AmazonOrderID><StatusCode>Failure</StatusCode>'
            '<Item><AmazonOrderItemCode>40521301172399</AmazonOrderItemCode>'
            '<CancelReason>NoInventory</CancelReason></Item>'
            '</OrderAcknowledgement></Message></AmazonEnvelope>',
        )

    def test_cancel_reasons_are_amazons(self):
        self.assertEqual(len(CANCEL_REASONS), 10)
        self.assertLessEqual({'NoInventory', 'BuyerCanceled'}, set(CANCEL_REASONS))

    @settings(deadline=None)
    @given(st.text(), st.text(min_size=1), st.text())
    def test_whatever_people_type_makes_xml(self, carrier, tracking, method):
        package = replace(
            PACKAGE, carrier_name=carrier, tracking_number=tracking, shipping_method=method,
        )
        envelope = etree.fromstring(build_fulfillment_feed('A2SELLER', [package, PACKAGE]))
        self.assertEqual(
            [number.text for number in envelope.iter('MessageID')], ['1', '2']
        )


@tagged('post_install', '-at_install')
class TestProcessingReport(BaseCase):

    REPORT = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AmazonEnvelope xsi:noNamespaceSchemaLocation="amzn-envelope.xsd"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        '  <Header><DocumentVersion>1.02</DocumentVersion></Header>\n'
        '  <MessageType>ProcessingReport</MessageType>\n'
        '  <Message><MessageID>1</MessageID><ProcessingReport>\n'
        '    <DocumentTransactionID>50006</DocumentTransactionID>\n'
        '    <StatusCode>Complete</StatusCode>\n'
        '    <ProcessingSummary>\n'
        '      <MessagesProcessed>3</MessagesProcessed>\n'
        '      <MessagesSuccessful>1</MessagesSuccessful>\n'
        '      <MessagesWithError>2</MessagesWithError>\n'
        '      <MessagesWithWarning>1</MessagesWithWarning>\n'
        '    </ProcessingSummary>\n'
        '{}  </ProcessingReport></Message>\n'
        '</AmazonEnvelope>'
    )
    RESULT = (
        '<Result><MessageID>{}</MessageID><ResultCode>{}</ResultCode>'
        '<ResultMessageCode>{}</ResultMessageCode>'
        '<ResultDescription>{}</ResultDescription></Result>\n'
    )

    def _build(self, *results):
        results = ''.join(self.RESULT.format(*result) for result in results)
        return self.REPORT.format(results).encode()

    def test_it_accounts_for_the_messages_that_it_counts_or_names_as_errors(self):
        error, warning = Problem('1', 'Error', ''), Problem('2', 'Warning', '')
        for accounts, processed, successful, problems in (
            (True, 3, 3, {}),
            (True, 3, 2, {2: (error, warning)}),
            (True, 3, 3, {1: (warning,)}),
            (False, 3, 2, {1: (warning,)}),
            (False, 3, 2, {0: (error,)}),
            (False, 2, 2, {}),
            (False, None, None, {}),
        ):
            with self.subTest(processed=processed, successful=successful, problems=problems):
                report = ProcessingReport(True, processed, successful, problems)
                self.assertEqual(report.accounts_for(3), accounts)
        self.assertFalse(ProcessingReport(False, 3, 3, {}).accounts_for(3))

    def test_mixed_results(self):
        report = parse_processing_report(self._build(
            (2, 'Error', 18028, " The quantity &gt; 1 is too much. "),
            (3, 'Warning', 8, "Odd tracking number."),
            (2, 'Warning', 9, "Odd carrier."),
            (2, 'Error', 18030, "Late."),
        ))
        self.assertTrue(report.is_complete)
        self.assertEqual((report.processed, report.successful), (3, 1))
        errors = (
            Problem('18028', 'Error', "The quantity > 1 is too much."),
            Problem('18030', 'Error', "Late."),
        )
        warning = Problem('9', 'Warning', "Odd carrier.")
        self.assertEqual(report.problems, {
            2: (errors[0], warning, errors[1]),
            3: (Problem('8', 'Warning', "Odd tracking number."),),
        })
        self.assertEqual(report.get_errors(2), errors)
        self.assertEqual(report.get_warnings(2), (warning,))
        self.assertEqual(report.get_errors(1), ())
        self.assertEqual(report.get_errors(3), ())

    def test_problem_of_the_whole_feed_is_everybodys(self):
        for message_id in ('0', '', 'none', '-1', '²'):
            report = parse_processing_report(self._build((message_id, 'Error', 5001, "Not XML.")))
            with self.subTest(message_id=message_id):
                self.assertEqual(report.get_errors(1), (Problem('5001', 'Error', "Not XML."),))
                self.assertEqual(report.get_errors(2), report.get_errors(1))

    def test_severity_that_is_new_is_an_error(self):
        report = parse_processing_report(self._build((1, 'Fatal', 1, "No.")))
        self.assertEqual(report.get_errors(1), (Problem('1', 'Error', "No."),))

    def test_other_encodings_and_marks(self):
        content = self._build((1, 'Error', 1, "Größe"))
        expected = parse_processing_report(content)
        self.assertEqual(expected.get_errors(1)[0].description, "Größe")
        text = content.decode()
        for other in (
            b'\xef\xbb\xbf' + content,
            b'\n  ' + content,
            text.replace('UTF-8', 'UTF-16').encode('utf-16'),
            text.replace('UTF-8', 'ISO-8859-1').encode('iso-8859-1'),
            text.replace('<AmazonEnvelope ', '<AmazonEnvelope xmlns="urn:amazon" ').encode(),
            text.replace('\n', '<!-- -->').replace('<!-- -->', '\n', 1).encode(),
        ):
            with self.subTest(start=other[:60]):
                self.assertEqual(parse_processing_report(other), expected)

    def test_report_without_anything(self):
        report = parse_processing_report(b'<ProcessingReport/>')
        self.assertEqual(
            (report.is_complete, report.processed, report.successful, report.problems),
            (False, None, None, {}),
        )
        content = self._build().replace(b'>3<', b'>many<').replace(b'Complete', b'Processing')
        report = parse_processing_report(content)
        self.assertEqual(
            (report.is_complete, report.processed, report.successful), (False, None, 1)
        )

    def test_comments_and_instructions_are_passed_over(self):
        for aside in ('<!-- or -->', '<?or not?>'):
            report = parse_processing_report(self._build((1, 'Error', 1, f"No {aside}stock.")))
            self.assertEqual(report.get_errors(1)[0].description, "No stock.")

    def test_garbage(self):
        content = self._build((1, 'Error', 1, "No."))
        for garbage in (
            b'', b' ', b'\x00', b'{}', b'<html><body>Please wait<br></body></html>',
            content[:-20], content + b'<a/>', gzip.compress(content), b'\xff' + content,
            b'<AmazonEnvelope/>', b'<?xml version="1.0" encoding="none"?><a/>',
        ):
            with self.subTest(garbage=garbage[:40]), self.assertRaises(Malformed):
                parse_processing_report(garbage)

    @given(st.binary())
    def test_any_bytes(self, content):
        with self.assertRaises(Malformed):
            parse_processing_report(content)

    def test_entities_are_refused(self):
        secret = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        bomb = (
            '<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">'
            + ''.join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
            + '<!ENTITY e "&a9;">]>'
        )
        for doctype in (secret, bomb, '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">'):
            for description in ('&e;', 'None.'):
                content = self._build((1, 'Error', 1, description)).replace(
                    b'?>\n', f'?>{doctype}'.encode(), 1,
                )
                with self.subTest(doctype=doctype[:40]), self.assertRaises(Malformed):
                    parse_processing_report(content)


def write_certificate(path):
    """Write a certificate of 127.0.0.1 that only it vouches for, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'storage')])
    now, a_day = datetime.now(timezone.utc), timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - a_day, now + a_day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address('127.0.0.1'))]), critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))


class Storage:
    """A place for documents at addresses that are signed, like Amazon's, but which obeys a test.

    :param certificate: A file with the certificate and the key of HTTPS, plain HTTP without.
    :ivar requests: Method, headers and body of each request.
    :ivar targets: What each request asked for, as it was spelt.
    :ivar answer: Status, headers and body of the next answers.
    """

    SIGNATURE = 'X-Amz-Signature=5ec4e7'

    def __init__(self, certificate=None):
        self._certificate = certificate
        self.requests = []
        self.targets = []
        self.answer = (200, {}, b'')

    def __enter__(self):
        self._server = ThreadingHTTPServer(('127.0.0.1', 0), partial(_StorageHandler, self))
        self._server.daemon_threads = True
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, kwargs={'poll_interval': 0.01}).start()
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        scheme = 'https' if self._certificate else 'http'
        return f'{scheme}://127.0.0.1:{self._server.server_port}/document?{self.SIGNATURE}'


class _StorageHandler(BaseHTTPRequestHandler):

    protocol_version = 'HTTP/1.1'

    def __init__(self, storage, *args):
        self._storage = storage
        super().__init__(*args)

    def do_GET(self):
        content = self.rfile.read(int(self.headers.get('content-length', 0)))
        self._storage.requests.append((self.command, self.headers, content))
        self._storage.targets.append(self.path)
        status, headers, body = self._storage.answer
        self.send_response(status)
        for name, value in {'content-length': str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, *args):
        pass


@tagged('post_install', '-at_install')
class TestSignedAddresses(ClientCase):

    def setUp(self):
        super().setUp()
        self.storage = self.enterContext(Storage())

    def _upload(self):
        self.client.upload('uploadFeedDocument', self.storage.url, b'<a/>', 'text/xml')

    def _download(self):
        return self.client.download('downloadFeedDocument', self.storage.url)

    def test_upload(self):
        self._upload()
        [(method, headers, content)] = self.storage.requests
        self.assertEqual((method, content), ('PUT', b'<a/>'))
        self.assertEqual(headers['content-type'], 'text/xml')
        self.assertEqual(headers['content-length'], '4')
        self.assertEqual(headers['user-agent'], USER_AGENT)

    def test_download(self):
        self.storage.answer = (200, {'content-type': 'text/xml'}, b'\xff\x00')
        self.assertEqual(self._download(), b'\xff\x00')
        self.storage.answer = (200, {'content-encoding': 'gzip'}, gzip.compress(b'<a/>'))
        self.assertEqual(self._download(), b'<a/>')

    def test_address_is_called_as_amazon_has_spelt_it(self):
        target = (
            '/%2FNinetyDays/amzn1.tortuga.4.eu.a~b?X-Amz-Date=20260101T000000Z&x-id=PutObject&a='
            '&X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&b=c+d%20e%2B%3D'
        )
        url = self.storage.url.split('/document')[0] + target
        self.client.upload('uploadFeedDocument', url, b'<a/>', 'text/xml')
        self.client.download('downloadFeedDocument', url)
        self.assertEqual(self.storage.targets, [target, target])

    def test_authorities_that_the_environment_names_vouch_for_the_other_end(self):
        path = Path(self.enterContext(TemporaryDirectory()), 'certificate.pem')
        write_certificate(path)
        storage = self.enterContext(Storage(path))
        others = {
            'REQUESTS_CA_BUNDLE': '', 'CURL_CA_BUNDLE': '', 'SSL_CERT_FILE': '', 'SSL_CERT_DIR': '',
        }
        with patch.dict(os.environ, others), self.assertRaises(Unavailable) as caught:
            self._open().download('downloadFeedDocument', storage.url)
        self.assertIn('SSLError', str(caught.exception))
        self.assertFalse(storage.requests)
        for name in ('REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE'):
            with self.subTest(name=name), patch.dict(os.environ, {**others, name: str(path)}):
                self._open().upload('uploadFeedDocument', storage.url, b'<a/>', 'text/xml')
        self.assertEqual(len(storage.requests), 2)

    def test_neither_token_nor_quota_is_used(self):
        fetch_participations(self.client)
        self.limiter.buckets.clear()
        self._upload()
        self._download()
        self.assertFalse(self.limiter.buckets)
        self.assertEqual(len(self.storage.requests), 2)
        for _method, headers, _content in self.storage.requests:
            self.assertFalse([name for name in headers if name.lower().startswith('x-amz')])
            self.assertNotIn('authorization', headers)

    def test_refusal(self):
        for status in (302, 400, 403, 404, 500, 503):
            self.storage.answer = (status, {'location': f'{self.storage.url}&again'}, b'<Error/>')
            for visit in (self._upload, self._download):
                self.storage.requests.clear()
                with self.subTest(status=status), self.assertRaises(Unavailable) as caught:
                    visit()
                self.assertEqual(caught.exception.status, status)
                self.assertEqual(len(self.storage.requests), 1)

    def test_redirect_to_nowhere(self):
        for location in ('ÿ', 'http://127.0.0.1:99999999/', 'http://[', ''):
            self.storage.answer = (302, {'location': location}, b'<Error/>')
            with self.subTest(location=location), self.assertRaises(Unavailable) as caught:
                self._download()
            self.assertEqual(caught.exception.status, 302)

    def test_document_that_breaks_off(self):
        self.storage.answer = (200, {'content-length': '9', 'connection': 'close'}, b'<a/>')
        with self.assertRaises(Unavailable) as caught:
            self._download()
        self.assertIn('IncompleteRead', str(caught.exception))

    def test_document_that_is_packed_badly(self):
        self.storage.answer = (200, {'content-encoding': 'gzip'}, b'<a/>')
        with self.assertRaises(Unavailable) as caught:
            self._download()
        self.assertIn('ContentDecodingError', str(caught.exception))

    def test_nobody_listens(self):
        with Storage() as storage:
            url = storage.url
        with self.assertRaises(Unavailable):
            self.client.upload('uploadFeedDocument', url, b'', 'text/xml')

    def test_address_is_a_secret(self):
        with self.assertLogs(level=logging.INFO) as logs:
            self._upload()
            self.storage.answer = (403, {}, b'')
            with self.assertRaises(Unavailable) as caught:
                self._download()
        text = '\n'.join([*logs.output, str(caught.exception)])
        self.assertIn('uploadFeedDocument: 200', text)
        self.assertIn('downloadFeedDocument: 403', text)
        self.assertNotIn('Signature', text)
        self.assertNotIn('127.0.0.1', text)

    def test_address_that_others_can_read_is_refused(self):
        for url in ('http://s3.amazonaws.com/document', 'ftp://127.0.0.1/', 'document', ''):
            for visit in (
                partial(self.client.upload, content=b'', content_type='text/xml'),
                self.client.download,
            ):
                with self.subTest(url=url), self.assertRaises(Malformed) as caught:
                    visit('feedDocument', url)
                self.assertEqual(caught.exception.field, 'url')

    def test_private_addresses(self):
        for url in (
            'https://s3.amazonaws.com/a?b=c&d=%2Fe', 'http://127.0.0.1:8070/a?b',
            'http://[::1]/', 'http://localhost/a',
        ):
            self.assertTrue(is_private(url), url)
        for url in (
            'http://localhost.amazonaws.com/', 'http://127.0.0.1@amazonaws.com/',
            'http://0.0.0.0/', 'https://', 'https:///a', '//127.0.0.1/', 'http://[::1/',
            'https://a:99999/', 'https://a:b/', 'https://a\nb/',
        ):
            self.assertFalse(is_private(url), url)

    def test_more_than_memory_should_hold_is_refused(self):
        bomb = gzip.compress(bytes(MAX_SIZE + 1))
        self.storage.answer = (200, {'content-encoding': 'gzip'}, bomb)
        with self.assertRaises(Malformed) as caught:
            self._download()
        self.assertEqual(caught.exception.field, 'body')
        self.storage.answer = (200, {}, bomb)
        self.assertEqual(self._download(), bomb)


class CarelessLimiter(MemoryLimiter):
    """Lets every call pass, and remembers the rates that Amazon announces."""

    def __init__(self, now):
        super().__init__(now)
        self.announced = {}

    def reserve(self, operation):
        pass

    def observe(self, operation, rate, throttled):
        if rate:
            self.announced[operation] = rate
        return super().observe(operation, rate, throttled)


@tagged('post_install', '-at_install')
class TestFeeds(ShipmentCase):

    def _upload(self, content=b'<AmazonEnvelope/>'):
        return upload_document(self.client, content, CONTENT_TYPE)

    def _submit(self, content, feed_type=FULFILLMENT_FEED):
        """Submit a feed and return its id."""
        return create_feed(self.client, feed_type, ['A1PA6795UKMFR9'], self._upload(content))

    def _submit_packages(self, *packages):
        return self._submit(build_fulfillment_feed(DEFAULT_SELLER.seller_id, packages))

    def _finish(self, feed_id):
        """Let Amazon work through a feed and return what has become of it."""
        self.simulator.finish_feeds()
        feed = fetch_feed(self.client, feed_id)
        self.assertTrue(feed.is_over)
        return feed

    def _get_report(self, feed_id):
        return parse_processing_report(
            fetch_document(self.client, self._finish(feed_id).result_document_id)
        )

    def test_packages(self):
        orders = [self._place_order() for _number in range(3)]
        report = self._get_report(self._submit_packages(*map(self._pack, orders)))
        self.assertEqual(report, ProcessingReport(True, 3, 3, {}, 'A2SIMULATOR001'))
        for order in orders:
            [shown] = self._get_packages(order)
            self.assertEqual((shown.reference, shown.carrier), ('17', 'DHL'))
            self.assertEqual(shown.tracking_number, PACKAGE.tracking_number)
            self.assertEqual(
                shown.quantities, {item.item_id: item.quantity for item in order.items}
            )

    def test_each_error_is_its_messages(self):
        good, greedy = self._place_order(), self._place_order()
        report = self._get_report(self._submit_packages(
            PACKAGE, self._pack(good), self._pack(greedy, {'VASE': 3}),
        ))
        self.assertEqual((report.is_complete, report.processed, report.successful), (True, 3, 1))
        self.assertEqual(set(report.problems), {1, 3})
        for number in (1, 3):
            [error] = report.get_errors(number)
            self.assertTrue(error.code and error.description)
        self.assertEqual(self._get_references(good), ['17'])
        self.assertEqual(self._get_references(greedy), [])

    def test_feed_that_is_sent_again_edits(self):
        order = self._place_order()
        confirm_shipment(self.client, self._pack(order))
        for tracking in ('FIRST', 'SECOND'):
            package = self._pack(order, tracking_number=tracking)
            self.assertFalse(self._get_report(self._submit_packages(package)).problems)
        [shown] = self._get_packages(order)
        self.assertEqual(shown.tracking_number, 'SECOND')

    def test_cancellation(self):
        whole, part = self._place_order(), self._place_order()
        cancellations = [
            Cancellation(whole.order_id, tuple(
                CancelledItem(item.item_id, 'NoInventory') for item in whole.items
            )),
            Cancellation(part.order_id, (
                CancelledItem(part.find_item('VASE').item_id, 'BuyerCanceled'),
            )),
        ]
        content = build_cancellation_feed(DEFAULT_SELLER.seller_id, cancellations)
        report = self._get_report(self._submit(content, CANCELLATION_FEED))
        self.assertEqual((report.successful, report.problems), (2, {}))
        payload = fetch_order(self.client, whole.order_id)
        self.assertEqual(parse_summary(payload).status, 'CANCELLED')
        left = parse_order(fetch_order(self.client, part.order_id))
        self.assertEqual(
            {item.sku: item.quantity for item in left.items}, {'VASE': 0, 'CLOCK': 1}
        )

    def test_every_cancel_reason_is_accepted(self):
        orders = [self._place_order() for _reason in CANCEL_REASONS]
        content = build_cancellation_feed(DEFAULT_SELLER.seller_id, [
            Cancellation(order.order_id, (CancelledItem(order.items[0].item_id, reason),))
            for order, reason in zip(orders, CANCEL_REASONS, strict=True)
        ])
        report = self._get_report(self._submit(content, CANCELLATION_FEED))
        self.assertEqual((report.successful, report.problems), (len(CANCEL_REASONS), {}))

    def test_feed_under_way(self):
        feed_id = self._submit_packages(self._pack(self._place_order()))
        feed = fetch_feed(self.client, feed_id)
        self.assertEqual(feed, Feed(feed_id, 'IN_QUEUE', ''))
        self.assertFalse(feed.is_over)
        self.assertEqual(self._finish(feed_id).status, 'DONE')

    def test_feed_that_comes_to_nothing(self):
        for fault, status in (('feed_cancelled', 'CANCELLED'), ('feed_fatal', 'FATAL')):
            self.simulator.arm(fault)
            feed_id = self._submit_packages(self._pack(self._place_order()))
            with self.subTest(fault=fault):
                self.assertEqual(self._finish(feed_id), Feed(feed_id, status, ''))

    def test_document_that_amazon_cannot_use_is_every_packages_error(self):
        content = build_fulfillment_feed('A2SOMEBODYELSE', [PACKAGE, PACKAGE])
        feed = self._finish(self._submit(content))
        self.assertEqual(feed.status, 'FATAL')
        report = parse_processing_report(fetch_document(self.client, feed.result_document_id))
        for number in (1, 2):
            [error] = report.get_errors(number)
            self.assertIn('MerchantIdentifier', error.description)

    def test_odd_tracking_number_is_a_warning(self):
        package = self._pack(self._place_order(), tracking_number='#?')
        report = self._get_report(self._submit_packages(package))
        self.assertEqual((report.successful, report.get_errors(1)), (1, ()))
        [warning] = report.get_warnings(1)
        self.assertIn('#?', warning.description)

    def test_report_in_every_wrapping(self):
        for fault in ('report_gzip', 'report_gzip_unmarked', 'report_bom'):
            self.simulator.arm(fault)
            with self.subTest(fault=fault):
                report = self._get_report(self._submit_packages(PACKAGE))
                self.assertEqual((report.processed, len(report.get_errors(1))), (1, 1))

    def test_upload_that_fails_is_begun_anew(self):
        for fault in ('drop_before', 'drop_after', 'unavailable'):
            self.simulator.arm(fault, operation='uploadFeedDocument')
            order = self._place_order()
            with self.subTest(fault=fault):
                with self.assertRaises(Unavailable):
                    self._submit_packages(self._pack(order))
                self._get_report(self._submit_packages(self._pack(order)))
                self.assertEqual(self._get_references(order), ['17'])

    def test_feed_created_twice_makes_one_package(self):
        order = self._place_order()
        document_id = self._upload(
            build_fulfillment_feed(DEFAULT_SELLER.seller_id, [self._pack(order)])
        )
        self.simulator.arm('drop_after', operation='createFeed')
        with self.assertRaises(Unavailable):
            self._create_feed(document_id)
        self.assertFalse(self._get_report(self._create_feed(document_id)).problems)
        self.assertEqual(self._get_references(order), ['17'])

    def test_download_that_fails_is_begun_anew(self):
        feed = self._finish(self._submit_packages(PACKAGE))
        for fault in ('drop_before', 'drop_after', 'unavailable'):
            self.simulator.arm(fault, operation='downloadFeedDocument')
            with self.subTest(fault=fault):
                with self.assertRaises(Unavailable):
                    fetch_document(self.client, feed.result_document_id)
                self.assertIn(
                    b'ProcessingReport', fetch_document(self.client, feed.result_document_id)
                )

    def test_unknown_ids(self):
        with self.assertRaises(NotFound):
            fetch_feed(self.client, '1')
        with self.assertRaises(NotFound):
            fetch_document(self.client, 'amzn1.tortuga.4.eu.1')
        with self.assertRaises(Rejected):
            self._create_feed('amzn1.tortuga.4.eu.1')

    def test_bodies_hold_what_amazon_asks_for_and_nothing_else(self):
        answer = {'feedId': '1', 'feedDocumentId': '2', 'url': 'http://nowhere/'}
        fetch_participations(self.client)  # for a token
        with Storage() as amazon, self._open(endpoint=amazon.url.split('/document')[0]) as client:
            amazon.answer = (200, {}, json.dumps(answer).encode())
            create_feed(client, FULFILLMENT_FEED, ('A1PA6795UKMFR9',), '2')
            with self.assertRaises(Malformed):
                upload_document(client, b'', CONTENT_TYPE)
            confirm_shipment(client, PACKAGE)
        self.assertEqual(
            [(method, json.loads(body)) for method, _headers, body in amazon.requests],
            [
                ('POST', {
                    'feedType': 'POST_ORDER_FULFILLMENT_DATA',
                    'marketplaceIds': ['A1PA6795UKMFR9'],
                    'inputFeedDocumentId': '2',
                }),
                ('POST', {'contentType': 'text/xml; charset=UTF-8'}),
                ('POST', build_confirmation(PACKAGE)),
            ],
        )
        self.assertEqual(
            {headers['content-type'] for _method, headers, _body in amazon.requests},
            {'application/json'},
        )

    def test_answers_that_lack_something(self):
        for operation, body, field, step in (
            ('createFeedDocument', {'url': 'https://a/'}, 'feedDocumentId', self._upload),
            ('createFeedDocument', {'feedDocumentId': '1'}, 'url', self._upload),
            ('createFeedDocument', {'feedDocumentId': '1', 'url': 'http://a'}, 'url', self._upload),
            ('createFeed', {}, 'feedId', self._create_feed),
            ('getFeed', {'feedId': '1'}, 'processingStatus', self._fetch_feed),
            ('getFeedDocument', {}, 'url', self._fetch_document),
        ):
            self.simulator.arm('custom', operation=operation, body=json.dumps(body))
            with self.subTest(operation=operation, body=body):
                with self.assertRaises(Malformed) as caught:
                    step()
                self.assertEqual(caught.exception.field, field)

    def _create_feed(self, document_id='1'):
        return create_feed(self.client, FULFILLMENT_FEED, ['A1PA6795UKMFR9'], document_id)

    def _fetch_feed(self):
        return fetch_feed(self.client, '1')

    def _fetch_document(self):
        return fetch_document(self.client, '1')

    def test_status_that_is_new_is_not_the_end(self):
        body = '{"feedId": "1", "processingStatus": "PAUSED", "resultFeedDocumentId": null}'
        self.simulator.arm('custom', operation='getFeed', body=body)
        self.assertFalse(self._fetch_feed().is_over)

    def test_document_is_unpacked_by_what_it_is(self):
        packed = gzip.compress(b'<a/>')
        self.assertEqual(self._fetch_stored(packed), b'<a/>')
        self.assertEqual(self._fetch_stored(b'<a/>'), b'<a/>')
        self.assertEqual(self._fetch_stored(packed + packed), b'<a/><a/>')
        self.assertEqual(self._fetch_stored(b''), b'')
        for broken in (
            packed[:-1], packed[:12], packed[:2], packed + b'more', packed[:-8] + bytes(8),
            packed[:10] + b'\xff' * 10,
            gzip.compress(bytes(MAX_SIZE + 1)),
        ):
            with self.subTest(start=broken[:20]), self.assertRaises(Malformed) as caught:
                self._fetch_stored(broken)
            self.assertEqual(caught.exception.field, 'body')

    def _fetch_stored(self, content):
        """Fetch a document which is in Amazon's storage as given."""
        with Storage() as storage:
            storage.answer = (200, {}, content)
            body = json.dumps({'feedDocumentId': '1', 'url': storage.url})
            self.simulator.arm('custom', operation='getFeedDocument', body=body)
            return self._fetch_document()

    def test_rates_and_bursts_are_those_of_amazon(self):
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)
        self.simulator.clock.freeze()
        self.limiter = CarelessLimiter(self.simulator.clock.now)
        self.client = self._open()
        for operation, call in (
            ('confirmShipment', partial(confirm_shipment, self.client, PACKAGE)),
            ('createFeedDocument', self._upload),
            ('createFeed', self._create_feed),
            ('getFeed', self._fetch_feed),
            ('getFeedDocument', self._fetch_document),
        ):
            with self.subTest(operation=operation):
                self.simulator.set_throttle(1.0)  # fills the buckets
                for _number in range(RATES[operation].burst):
                    with contextlib.suppress(NotFound, Rejected):
                        call()
                with self.assertRaises(Throttled):
                    call()
                self.assertEqual(self.limiter.announced[operation], RATES[operation].per_second)
