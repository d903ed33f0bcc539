import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon import feeds, finances, reports, transfers
from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.amazon.finances import parse_balances, parse_transactions
from odoo.addons.amazon_connector.amazon.money import Money
from odoo.addons.amazon_connector.amazon.settlements import REPORT_TYPE
from odoo.addons.amazon_connector.amazon.transfers import parse_expected_payouts, parse_payouts
from odoo.addons.amazon_connector.amazon.vat_invoices import (
    AMAZON_INVOICES,
    FEED_TYPE,
    NO_OPTIONS,
    UploadReport,
    build_feed_options,
    parse_upload_report,
)

from .test_listings_parsing import WireCase

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
REPORT = '''Feed Processing Summary:
\tNumber of records processed\t\t1
\tNumber of records successful\t\t0

original-record-number\tsku\terror-code\terror-type\terror-message
1\t\t79513\tError\tPlease provide metadata:shippingid or metadata:orderid
'''


def money(amount, currency='EUR'):
    return {'currencyAmount': amount, 'currencyCode': currency}


def breakdown(kind, amount, *parts, currency='EUR'):
    return {'breakdownType': kind, 'breakdownAmount': money(amount, currency),
            'breakdowns': list(parts) or None}


REFUND = {
    'sellingPartnerMetadata': {'marketplaceId': 'A1PA6795UKMFR9'},
    'relatedIdentifiers': [
        {'relatedIdentifierName': 'ORDER_ID', 'relatedIdentifierValue': '302-1'},
        {'relatedIdentifierName': 'REFUND_ID', 'relatedIdentifierValue': 'R1'},
        {'relatedIdentifierName': 'SETTLEMENT_ID', 'relatedIdentifierValue': '112'},
    ],
    'transactionType': 'Refund',
    'transactionId': 'T1',
    'transactionStatus': 'Released',
    'description': 'Refund Order',
    'postedDate': '2026-11-14T03:35:13.214Z',
    'totalAmount': money(-10.540000000000001),
    'marketplaceDetails': {'marketplaceId': 'A1PA6795UKMFR9', 'marketplaceName': 'Amazon.de'},
    'items': [{
        'relatedIdentifiers': [{
            'itemRelatedIdentifierName': 'ORDER_ADJUSTMENT_ITEM_ID',
            'itemRelatedIdentifierValue': '900',
        }],
        'totalAmount': money(-10.54),
        'breakdowns': [
            breakdown('ProductCharges', -12.34, breakdown('OurPricePrincipal', -12.34)),
            breakdown('AmazonFees', 1.8, breakdown(
                'Commission', 1.8, breakdown('Base', 1.5), breakdown('Tax', 0.3))),
        ],
        'contexts': [{
            'contextType': 'ProductContext', 'sku': 'MUG', 'asin': 'B000000001',
            'quantityShipped': 2,
        }],
    }],
    'breakdowns': [breakdown('Refund', -10.54)],
}
PAYOUT = {
    'id': 'P1',
    'partnerMetadata': {'partnerId': 'A', 'accountType': 'Standard', 'marketplaceId': 'M'},
    'currentStatus': 'FAILED',
    'statusHistory': [
        {'status': 'STARTED', 'lastUpdatedDate': '2026-11-01T00:00:00Z'},
        {'status': 'FAILED', 'lastUpdatedDate': '2026-11-02T00:00:00Z', 'failureReason': 'Closed'},
    ],
    'type': 'SCHEDULED',
    'amount': money(88.1),
    'accountTail': '321',
    'paymentMethod': 'BANK_ACCOUNT',
    'creationDate': '2026-10-31T00:00:00Z',
    'traceId': '4B03616UONXSAWP',
    'period': {'startDate': '2026-10-16T00:00:00Z', 'endDate': '2026-10-30T00:00:00Z'},
    'relatedIdentifiers': [
        {'relatedIdentifierName': 'SETTLEMENT_ID', 'relatedIdentifierValue': '112'},
    ],
}


def read(*transactions):
    """Return what is read of a page of transactions."""
    return parse_transactions({'payload': {'transactions': list(transactions)}})


@tagged('post_install', '-at_install')
class TestFinancesParsing(BaseCase):

    def test_a_transaction_says_what_has_moved(self):
        page = read(REFUND)
        transaction, = page.transactions
        self.assertEqual((page.next_token, page.notes), ('', ()))
        self.assertEqual(
            (transaction.transaction_id, transaction.type, transaction.status),
            ('T1', 'Refund', 'RELEASED'),
        )
        self.assertEqual(
            transaction.posted_at, datetime(2026, 11, 14, 3, 35, 13, 214000, timezone.utc))
        self.assertEqual(transaction.total, Money(Decimal('-10.54'), 'EUR'))
        self.assertEqual(
            (transaction.order_ref, transaction.refund_ref, transaction.settlement_ref,
             transaction.deferred_ref, transaction.release_ref),
            ('302-1', 'R1', '112', '', ''),
        )
        self.assertEqual((transaction.marketplace_id, transaction.marketplace_name),
                         ('A1PA6795UKMFR9', 'Amazon.de'))
        item, = transaction.items
        self.assertEqual((item.sku, item.asin, item.quantity, item.adjustment_item_ref),
                         ('MUG', 'B000000001', 2, '900'))

    def test_only_the_innermost_amounts_count(self):
        transaction, = read(REFUND).transactions
        item, = transaction.items
        self.assertEqual(item.leaves, (
            ('ProductCharges/OurPricePrincipal', Decimal('-12.34')),
            ('AmazonFees/Commission/Base', Decimal('1.5')),
            ('AmazonFees/Commission/Tax', Decimal('0.3')),
        ))
        self.assertEqual(sum(amount for _way, amount in item.leaves), transaction.total.amount)
        self.assertEqual(transaction.leaves, (('Refund', Decimal('-10.54')),))

    def test_most_of_a_transaction_may_be_missing(self):
        bare = {'transactionId': 'T1', 'transactionType': 'X', 'postedDate': '2026-11-14T03:35:13Z',
                'items': [{}], 'breakdowns': None, 'contexts': None}
        transaction, = read(bare).transactions
        self.assertIsNone(transaction.total)
        self.assertEqual((transaction.status, transaction.leaves, transaction.order_ref),
                         ('', (), ''))
        self.assertEqual((transaction.items[0].leaves, transaction.items[0].quantity), ((), None))

    def test_a_broken_transaction_stays_out(self):
        other = [breakdown('A', 1, currency='USD')]
        for change, note in (
            ({'transactionId': ''}, "transactionId is empty"),
            ({'postedDate': 'soon'}, "postedDate is not a time in ISO 8601"),
            ({'totalAmount': money('x')},
             "totalAmount.currencyAmount is not a decimal number within reason"),
            ({'totalAmount': money(1, '')}, "totalAmount.currencyCode is not a currency"),
            ({'breakdowns': 7}, "breakdowns is not a list"),
            ({'breakdowns': [breakdown('A', 1, breakdown('B', True))]},
             "breakdowns[0].breakdowns[0].breakdownAmount.currencyAmount"
             " is not a decimal number within reason"),
            ({'breakdowns': other}, "breakdowns[0].breakdownAmount.currencyCode"
             " is another one than that of the total"),
        ):
            with self.subTest(note):
                page = read({**REFUND, **change}, {**REFUND, 'transactionId': 'T2'})
                self.assertEqual([entry.transaction_id for entry in page.transactions], ['T2'])
                self.assertEqual(page.notes, (f'payload.transactions[0].{note}',))

    def test_a_deferred_transaction_says_until_when(self):
        context = {'contextType': 'DeferredContext', 'deferralReason': 'DD7',
                   'maturityDate': '2026-11-21T00:00:00Z'}
        for change in ({'contexts': [context]}, {'items': [{'contexts': [context]}]}):
            transaction, = read({**REFUND, **change}).transactions
            self.assertEqual(transaction.maturity_at, datetime(2026, 11, 21, tzinfo=timezone.utc))
            self.assertEqual(transaction.deferral_reason, 'DD7')

    def test_floats_come_without_their_errors(self):
        for amount, currency, expected in (
            (12.340000000000002, 'EUR', '12.34'), (0.1 + 0.2, 'EUR', '0.30'), (-0.0, 'EUR', '0.00'),
            (1980, 'JPY', '1980'), (1.2345, 'KWD', '1.234500'), (1.234, 'KWD', '1.234'),
            ('12.3', 'EUR', '12.30'), (1e-9, 'EUR', '0.00'), (123456789.34000001, 'EUR',
                                                            '123456789.34'),
        ):
            transaction, = read({**REFUND, 'totalAmount': money(amount, currency), 'items': None,
                                 'breakdowns': None}).transactions
            self.assertEqual(str(transaction.total.amount), expected)

    def test_a_page_may_be_empty_though_others_follow(self):
        page = parse_transactions({'payload': {'nextToken': 'n', 'transactions': []}})
        self.assertEqual((page.transactions, page.next_token), ((), 'n'))
        self.assertEqual(parse_transactions({'payload': {}}).transactions, ())
        for payload in ({}, {'payload': []}, {'payload': {'transactions': {}}}):
            with self.assertRaises(Malformed):
                parse_transactions(payload)

    def test_balances_come_with_those_within(self):
        page = parse_balances({'nextToken': 'n', 'balances': [{
            'partnerMetadata': {'accountType': 'Standard', 'marketplaceId': 'M'},
            'balanceType': 'TOTAL',
            'amount': money(15000),
            'lastUpdatedTime': '2026-11-20T13:00:00+01:00',
            'balances': [
                {'balanceType': 'AVAILABLE', 'amount': money(8000.5)}, {'amount': money(1)},
            ],
        }]})
        self.assertEqual(
            [(balance.type, balance.amount, balance.marketplace_id, balance.account_type)
             for balance in page.balances],
            [('TOTAL', Money(Decimal(15000), 'EUR'), 'M', 'Standard'),
             ('AVAILABLE', Money(Decimal('8000.5'), 'EUR'), 'M', 'Standard')],
        )
        self.assertEqual(page.balances[0].updated_at, NOON)
        self.assertEqual(page.next_token, 'n')
        self.assertEqual(page.notes, ('balances[0].balances[1].balanceType is missing',))

    def test_a_payout_says_what_became_of_it(self):
        page = parse_payouts({'payouts': [PAYOUT, {'id': 'P2'}, {
            'id': 'P3', 'currentStatus': 'NO_PAYOUT', 'partnerMetadata': {}, 'statusHistory': [],
        }], 'nextToken': 'n'})
        payout, none = page.payouts
        self.assertEqual((payout.payout_id, payout.status, payout.type, payout.amount),
                         ('P1', 'FAILED', 'SCHEDULED', Money(Decimal('88.1'), 'EUR')))
        self.assertEqual((payout.trace_id, payout.account_tail, payout.settlement_refs),
                         ('4B03616UONXSAWP', '321', ('112',)))
        self.assertEqual(payout.failure_reason, 'Closed')
        self.assertEqual(payout.status_at, datetime(2026, 11, 2, tzinfo=timezone.utc))
        self.assertEqual(payout.period_end, datetime(2026, 10, 30, tzinfo=timezone.utc))
        self.assertEqual((none.status, none.amount, none.trace_id, none.settlement_refs),
                         ('NO_PAYOUT', None, '', ()))
        self.assertEqual(page.notes, ('payouts[1].currentStatus is missing',))
        self.assertEqual(page.next_token, 'n')

    def test_an_expected_payout_says_when(self):
        page = parse_expected_payouts({'expectedPayouts': [{
            'partnerMetadata': {'marketplaceId': 'M'}, 'status': 'SCHEDULED', 'amount': money(5),
            'scheduledDate': '2026-11-20T12:00:00Z',
        }, {}]})
        payout, = page.payouts
        self.assertEqual((payout.status, payout.amount, payout.scheduled_at, payout.marketplace_id),
                         ('SCHEDULED', Money(Decimal(5), 'EUR'), NOON, 'M'))
        self.assertEqual(page.notes, ('expectedPayouts[1].status is missing',))


@tagged('post_install', '-at_install')
class TestInvoiceUploadParsing(BaseCase):

    def test_options_name_the_order_and_the_document(self):
        self.assertEqual(build_feed_options('302-1', 'RE/2026/01', False), {
            'metadata:orderid': '302-1', 'metadata:invoicenumber': 'RE/2026/01',
            'metadata:documenttype': 'Invoice',
        })
        self.assertEqual(
            build_feed_options('302-1', 'é"1', True, Decimal('1E+1'), Decimal('0.00'), 'amzn1:x'),
            {
                'metadata:orderid': '302-1', 'metadata:invoicenumber': '--1',
                'metadata:documenttype': 'CreditNote', 'metadata:transactionid': 'amzn1:x',
                'metadata:totalamount': '10', 'metadata:totalvatamount': '0.00',
            },
        )

    def test_a_report_says_whether_amazon_has_taken_it(self):
        message = "Please provide metadata:shippingid or metadata:orderid"
        self.assertEqual(parse_upload_report(REPORT.encode()),
                         UploadReport(False, ((NO_OPTIONS, message),)))
        summary = REPORT.partition('\n\n')[0].replace('\t0', '\t1')
        for encoding in ('utf-8', 'utf-8-sig', 'cp1252'):
            self.assertEqual(parse_upload_report(summary.encode(encoding)), UploadReport(True, ()))

    def test_a_report_may_be_in_any_language_and_shape(self):
        german = REPORT.replace('Number of records', 'Anzahl der Datensätze').replace('Error', '')
        self.assertEqual(parse_upload_report(german.encode('cp1252')).errors[0][0], NO_OPTIONS)
        broken = REPORT.replace('message\n1\t\t', 'message1\t\t\n').replace('79513', '79525')
        self.assertEqual(parse_upload_report(broken.encode()).errors[0][0], AMAZON_INVOICES)
        for accepted in (0, 1):
            content = json.dumps({
                'header': {'sellerId': 'A1'},
                'summary': {'messagesAccepted': accepted},
                'issues': [{'code': '1', 'severity': 'ERROR', 'message': 'No'},
                           {'code': '2', 'severity': 'WARNING', 'message': 'Hm'}],
            })
            errors = () if accepted else (('1', 'No'),)
            self.assertEqual(parse_upload_report(content.encode()),
                             UploadReport(bool(accepted), errors, 'A1'))

    def test_nothing_processed_is_nothing_taken(self):
        self.assertEqual(parse_upload_report(REPORT.partition('\n\n')[0].replace('\t1', '\t0')
                                             .encode()), UploadReport(False, ()))

    def test_what_is_no_report_is_refused(self):
        for content in (b'', b'hello', b'<html>', b'{', b'{}', b'{"summary": {}}', b'%PDF-1.7\n'):
            with self.subTest(content), self.assertRaises(Malformed):
                parse_upload_report(content)


@tagged('post_install', '-at_install')
class TestMoneyCalls(WireCase):

    def test_reports_are_paged_through(self):
        entry = {'reportId': '1', 'reportType': REPORT_TYPE, 'processingStatus': 'DONE',
                 'reportDocumentId': 'D'}
        client = self.tell({'reports': [entry, {}], 'nextToken': 'n'}, {'reports': []})
        found, token = reports.fetch_reports_page(client, REPORT_TYPE, NOON)
        self.assertEqual(([report.document_id for report in found], token), (['D'], 'n'))
        self.assertEqual(
            reports.fetch_reports_page(client, REPORT_TYPE, NOON, next_token=token), ([], ''))
        self.assertEqual([query for _verb, _path, query, _body in self.amazon.requests], [{
            'reportTypes': REPORT_TYPE, 'processingStatuses': 'DONE',
            'createdSince': '2026-11-20T12:00:00Z', 'pageSize': '100',
        }, {'nextToken': 'n'}])

    def test_transactions_are_asked_for(self):
        client = self.tell({'payload': {}}, {'payload': {}})
        finances.fetch_transactions_page(client, NOON, NOON + timedelta(days=1), 'n')
        finances.fetch_transactions_page(client, order_id='302-1', status=finances.DEFERRED)
        self.assertEqual(
            [(path, query) for _verb, path, query, _body in self.amazon.requests],
            [('/finances/2024-06-19/transactions', {
                'postedAfter': '2026-11-20T12:00:00Z', 'postedBefore': '2026-11-21T12:00:00Z',
                'nextToken': 'n',
            }), ('/finances/2024-06-19/transactions', {
                'transactionStatus': 'DEFERRED', 'relatedIdentifierName': 'ORDER_ID',
                'relatedIdentifierValue': '302-1',
            })],
        )

    def test_balances_and_payouts_are_asked_for(self):
        client = self.tell(*[{}] * 3)
        finances.fetch_balances_page(client, 'a')
        transfers.fetch_payouts_page(client, NOON, 'b')
        transfers.fetch_expected_payouts_page(client)
        self.assertEqual(self.amazon.requests, [
            ('GET', '/finances/2024-06-19/balances', {'nextToken': 'a'}, None),
            ('GET', '/finances/transfers/2024-06-01/payouts',
             {'createdAfter': '2026-11-20T12:00:00Z', 'nextToken': 'b'}, None),
            ('GET', '/finances/transfers/2024-06-01/payouts/expected', {}, None),
        ])

    def test_a_feed_has_options_or_none(self):
        client = self.tell({'feedId': '1'}, {'feedId': '2'})
        feeds.create_feed(client, FEED_TYPE, ['M'], 'D', {'metadata:orderid': '302-1'})
        feeds.create_feed(client, FEED_TYPE, ['M'], 'D')
        body = {'feedType': FEED_TYPE, 'inputFeedDocumentId': 'D', 'marketplaceIds': ['M']}
        self.assertEqual([request[3] for request in self.amazon.requests],
                         [{**body, 'feedOptions': {'metadata:orderid': '302-1'}}, body])
