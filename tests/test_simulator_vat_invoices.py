import base64
from datetime import timedelta

import requests
import spapi
from spapi.models.feeds_v2021_06_30 import (
    CreateFeedDocumentSpecification,
    CreateFeedSpecification,
)

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import (
    ROLE_TAX,
    Item,
    Participation,
    SellerProfile,
)

from .test_simulator import NOON, ConformanceCase, SimulatorCase

FEEDS = '/feeds/2021-06-30/feeds'
DOCUMENTS = '/feeds/2021-06-30/documents'
FEED_TYPE = 'UPLOAD_VAT_INVOICE'
PDF_TYPE = 'application/pdf'
PDF = b'%PDF-1.4\n\xff\x00 an invoice\n%%EOF\n'
GERMANY = 'A1PA6795UKMFR9'
BRITAIN = 'A1F83G8C2ARO7P'
JAPAN = 'A1VC38T7YXB528'
TAKEN = (
    b'Feed Processing Summary:\n'
    b'\tNumber of records processed\t\t1\n'
    b'\tNumber of records successful\t\t1\n'
)


class InvoiceCase(SimulatorCase):
    """A simulator with a shipped order, whose feeds have ended when they are first looked at."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)
        self.placed = self.seller.place_order(
            items=[Item('A', '19.90', 2, shipping='4.90')], status='SHIPPED',
        )

    def options(self, **values):
        """Return the options of an invoice for the order; a value of None leaves one out."""
        values = {
            'orderid': self.placed.order_id, 'invoicenumber': 'INV/2026/00007',
            'documenttype': 'Invoice', **values,
        }
        return {f'metadata:{name}': value for name, value in values.items() if value is not None}

    def post(self, content=PDF, marketplace_ids=(GERMANY,), options=None, **values):
        document = self.request('POST', DOCUMENTS, json={'contentType': PDF_TYPE}).json()
        if content is not None:
            response = requests.put(
                document['url'], content, headers={'Content-Type': PDF_TYPE}, timeout=5,
            )
            self.assertEqual(response.status_code, 200, response.text)
        return self.request('POST', FEEDS, json={
            'feedType': FEED_TYPE, 'marketplaceIds': list(marketplace_ids),
            'inputFeedDocumentId': document['feedDocumentId'],
            'feedOptions': self.options(**values) if options is None else options,
        })

    def feed(self, *arguments, **values):
        """Upload an invoice and return its feed."""
        response = self.post(*arguments, **values)
        self.assertEqual(response.status_code, 202, response.text)
        return self.get(f"{FEEDS}/{response.json()['feedId']}").json()

    def report(self, feed):
        document = self.get(f"{DOCUMENTS}/{feed['resultFeedDocumentId']}").json()
        return requests.get(document['url'], timeout=5).content

    def upload(self, *arguments, **values):
        """Upload an invoice and return the report's bytes."""
        return self.report(self.feed(*arguments, **values))

    def assertTaken(self, *arguments, **values):
        count = len(self.seller.vat_invoices)
        self.assertEqual(self.upload(*arguments, **values), TAKEN)
        self.assertEqual(len(self.seller.vat_invoices), count + 1)

    def assertNotTaken(self, code, word, *arguments, **values):
        before = list(self.seller.vat_invoices)
        feed = self.feed(*arguments, **values)
        self.assertEqual(feed['processingStatus'], 'DONE')
        lines = self.report(feed).decode().split('\n')
        self.assertEqual(lines[:5], [
            'Feed Processing Summary:',
            '\tNumber of records processed\t\t1',
            '\tNumber of records successful\t\t0',
            '',
            'original-record-number\tsku\terror-code\terror-type\terror-message',
        ])
        number, sku, found, severity, message = lines[5].split('\t')
        self.assertEqual((number, sku, found, severity), ('1', '', code, 'Error'))
        self.assertIn(word, message)
        self.assertEqual(self.seller.vat_invoices, before)


@tagged('post_install', '-at_install')
class TestSimulatorVatInvoices(InvoiceCase):
    """Invoices are taken as they come, each once, for shipped orders."""

    def test_taken(self):
        feed = self.feed()
        self.assertEqual(feed['processingStatus'], 'DONE')
        self.assertEqual(self.report(feed), TAKEN)
        [invoice] = self.seller.vat_invoices
        self.assertEqual(
            (invoice.order_id, invoice.number, invoice.document_type, invoice.marketplace_id),
            (self.placed.order_id, 'INV/2026/00007', 'Invoice', GERMANY),
        )
        self.assertEqual((invoice.content, invoice.uploaded_at), (PDF, NOON))
        self.assertEqual(invoice.options, self.options())
        self.assertEqual(list(self.seller.find_vat_invoices(self.placed.order_id)), [invoice])

    def test_credit_note(self):
        self.assertTaken()
        self.assertTaken(
            invoicenumber='RINV/1', documenttype='CreditNote', transactionid='amzn1:crow:1',
        )
        invoice = self.seller.vat_invoices[-1]
        self.assertEqual(
            (invoice.document_type, invoice.transaction_id), ('CreditNote', 'amzn1:crow:1'),
        )

    def test_invoice_is_what_it_is_without_a_type(self):
        self.assertTaken(documenttype=None)
        self.assertEqual(self.seller.vat_invoices[0].document_type, 'Invoice')

    def test_partly_shipped(self):
        order = self.seller.place_order(items=[Item('A', quantity=2)])
        self.seller.ship(order, {'A': 1})
        self.assertTaken(orderid=order.order_id)

    def test_options_are_needed(self):
        self.assertNotTaken('79513', 'metadata:invoicenumber', invoicenumber=None)
        self.assertNotTaken('79513', 'metadata:orderid', orderid=None)
        self.assertNotTaken('79513', 'metadata:orderid,metadata:invoicenumber', options={})
        self.assertNotTaken('79513', 'metadata:orderid', options={
            'orderid': self.placed.order_id, 'metadata:invoicenumber': '1',
        })
        self.assertNotTaken('79531', 'Receipt', documenttype='Receipt')

    def test_document(self):
        self.assertNotTaken('79503', 'INV/2026/00007', b'<html></html>')
        self.assertNotTaken('79503', self.placed.order_id, b'\xef\xbb\xbf' + PDF)
        self.assertNotTaken('79540', self.placed.order_id, None)
        self.assertNotTaken('79540', self.placed.order_id, b'')
        self.assertNotTaken('79544', 'missing', b'', documenttype='CreditNote')

    def test_order(self):
        unshipped = self.seller.place_order()
        british = self.seller.place_order('GB', status='SHIPPED')
        for order_id in ('305-0000000-0000000', unshipped.order_id, british.order_id):
            self.assertNotTaken('79517', order_id, orderid=order_id)
        self.assertTaken(PDF, [BRITAIN], orderid=british.order_id)

    def test_invoiced_by_amazon(self):
        order = self.seller.place_order(status='SHIPPED', programs=('INVOICE_BY_AMAZON',))
        self.assertNotTaken('79525', order.order_id, orderid=order.order_id)

    def test_same_number(self):
        self.assertTaken()
        self.assertNotTaken('79533', 'INV/2026/00007')
        self.assertNotTaken('79533', 'INV/2026/00007', documenttype='CreditNote')
        self.assertTaken(invoicenumber='INV/2026/00008')
        other = self.seller.place_order(status='SHIPPED')
        self.assertTaken(orderid=other.order_id)

    def test_total(self):
        for total in ('44.69', '44.7x', '-44.70'):
            self.assertNotTaken('79537', self.placed.order_id, totalamount=total)
        self.assertTaken(totalamount='44.70', totalvatamount='7.14')
        self.assertTaken(
            invoicenumber='R1', documenttype='CreditNote', totalamount='1.00',
        )

    def test_moods(self):
        for kind, status in (('feed_fatal', 'FATAL'), ('feed_cancelled', 'CANCELLED')):
            self.simulator.arm(kind, operation=FEED_TYPE)
            feed = self.feed()
            self.assertEqual(feed['processingStatus'], status)
            self.assertNotIn('resultFeedDocumentId', feed)
            self.assertEqual(self.seller.vat_invoices, [])
        self.simulator.arm('feed_half', operation=FEED_TYPE)
        self.assertEqual(self.upload(), TAKEN[:-2] + b'0\n')
        self.assertEqual(self.seller.vat_invoices, [])
        self.simulator.arm('report_incomplete', operation=FEED_TYPE)
        self.assertEqual(self.upload(b'x'), TAKEN[:-2] + b'0\n')

    def test_taken_and_not_told(self):
        self.simulator.arm('feed_breaks_off', operation=FEED_TYPE)
        self.assertEqual(self.feed()['processingStatus'], 'FATAL')
        self.assertEqual(len(self.seller.vat_invoices), 1)
        self.simulator.arm('report_missing', operation=FEED_TYPE)
        feed = self.feed(invoicenumber='2')
        self.assertEqual(feed['processingStatus'], 'DONE')
        self.assertNotIn('resultFeedDocumentId', feed)
        self.assertEqual(len(self.seller.vat_invoices), 2)

    def test_late(self):
        self.simulator.set_feed_pace(0, 3600)
        feed = self.feed()
        self.assertEqual(feed['processingStatus'], 'IN_QUEUE')
        self.assertEqual(self.seller.vat_invoices, [])
        self.simulator.clock.advance(hours=2)
        feed = self.get(f"{FEEDS}/{feed['feedId']}").json()
        self.assertEqual(feed['processingStatus'], 'DONE')
        self.assertEqual(self.seller.vat_invoices[0].uploaded_at, NOON + timedelta(hours=2))

    def test_reset(self):
        self.assertTaken()
        self.simulator.reset()
        self.assertEqual(self.simulator.seller.vat_invoices, [])

    def test_control(self):
        self.assertTaken(totalvatamount='7.14')
        [invoice] = self.control('vat_invoices')
        self.assertEqual(base64.b64decode(invoice.pop('content')), PDF)
        self.assertEqual(invoice, {
            'order_id': self.placed.order_id, 'number': 'INV/2026/00007',
            'document_type': 'Invoice', 'marketplace_id': GERMANY, 'transaction_id': '',
            'uploaded_at': '2026-03-10T12:00:00.000Z',
            'options': self.options(totalvatamount='7.14'),
        })
        [feed] = self.control('feeds')
        self.assertEqual(feed['feedOptions'], invoice['options'])


@tagged('post_install', '-at_install')
class TestSimulatorVatInvoiceFeeds(InvoiceCase):
    """What createFeed itself refuses."""

    def test_marketplaces(self):
        order = self.seller.place_order('JP', status='SHIPPED')
        response = self.post(PDF, [JAPAN], orderid=order.order_id)
        self.assertRefused(response, 400, 'InvalidInput', 'marketplaceIds')
        response = self.post(PDF, [GERMANY, BRITAIN])
        self.assertRefused(response, 400, 'InvalidInput', 'marketplaceIds')

    def test_countries(self):
        profile = SellerProfile(
            'A2EVERYWHERE', 'client-2', 'secret-2', 'Atzr|everywhere', 'Everywhere',
            tuple(Participation(code) for code in (
                'ES', 'GB', 'FR', 'DE', 'IT', 'NL', 'PL', 'SE', 'BE', 'IE', 'US', 'TR', 'AE',
            )),
        )
        seller = self.simulator.add_seller(profile)
        self.addCleanup(self.simulator.sellers.pop, profile.seller_id)
        token = self.token(
            refresh_token=profile.refresh_token, client_id='client-2', client_secret='secret-2',
        )
        document = self.request('POST', DOCUMENTS, token, json={'contentType': PDF_TYPE}).json()
        statuses = [
            self.request('POST', FEEDS, token, json={
                'feedType': FEED_TYPE, 'marketplaceIds': [marketplace_id],
                'inputFeedDocumentId': document['feedDocumentId'],
            }).status_code
            for marketplace_id in seller.marketplace_ids
        ]
        self.assertEqual(statuses, [202] * 10 + [400] * 3)

    def test_options(self):
        for value in ('Müller', 'a&b', 'a(b)', 'a\tb', 'a=b', 'a%b'):
            with self.subTest(value=value):
                response = self.post(invoicenumber=value)
                self.assertRefused(response, 400, 'InvalidInput', 'feedOptions')
        for options in (['a'], {'metadata:orderid': 1}, 'x'):
            with self.subTest(options=options):
                self.assertRefused(self.post(options=options), 400, 'InvalidInput', 'feedOptions')
        self.assertTaken(invoicenumber='a/b\\c d-e_f;g:h,i#0Z.')

    def test_role(self):
        self.seller.revoke_role(ROLE_TAX)
        self.assertRefused(self.post(), 403, 'Unauthorized')
        response = self.request('POST', FEEDS, json={
            'feedType': 'POST_ORDER_FULFILLMENT_DATA', 'marketplaceIds': [GERMANY],
            'inputFeedDocumentId': self.request(
                'POST', DOCUMENTS, json={'contentType': PDF_TYPE},
            ).json()['feedDocumentId'],
        })
        self.assertEqual(response.status_code, 202)
        self.seller.grant_role(ROLE_TAX)
        self.assertTaken()

    def test_one_in_three_seconds(self):
        self.simulator.set_throttle(1)
        self.assertEqual(self.post().status_code, 202)
        self.assertRefused(self.post(), 429, 'QuotaExceeded')
        self.simulator.clock.advance(seconds=2)
        self.assertRefused(self.post(), 429, 'QuotaExceeded')
        self.simulator.clock.advance(seconds=1.1)
        self.assertEqual(self.post().status_code, 202)

    def test_listed(self):
        self.assertTaken()
        [feed] = self.get(FEEDS, feedTypes=FEED_TYPE).json()['feeds']
        self.assertEqual(feed['feedType'], FEED_TYPE)


@tagged('post_install', '-at_install')
class TestSimulatorVatInvoiceConformance(ConformanceCase):
    """Amazon's own SDK uploads an invoice."""

    def test_upload(self):
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)
        order = self.seller.place_order(status='SHIPPED')
        api = spapi.FeedsApi(self.sdk)
        document = api.create_feed_document(
            CreateFeedDocumentSpecification(content_type=PDF_TYPE),
        )
        requests.put(document.url, PDF, headers={'Content-Type': PDF_TYPE}, timeout=5)
        created = api.create_feed(CreateFeedSpecification(
            feed_type=FEED_TYPE, marketplace_ids=[GERMANY],
            input_feed_document_id=document.feed_document_id,
            feed_options={
                'metadata:orderid': order.order_id, 'metadata:invoicenumber': '1',
            },
        ))
        self.assertUnderstood(created)
        feed = api.get_feed(created.feed_id)
        self.assertUnderstood(feed)
        self.assertEqual(feed.processing_status, 'DONE')
        self.assertEqual(self.seller.vat_invoices[0].content, PDF)
