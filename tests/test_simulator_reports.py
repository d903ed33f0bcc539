import codecs
import gzip
from datetime import datetime, timedelta, timezone

import requests
import spapi
from spapi.models.reports_v2021_06_30 import CreateReportSpecification

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import FBA_ODDITIES, ROLE_LISTINGS, Item
from odoo.addons.amazon_connector.simulator.faults import REPORT_MANNERS
from odoo.addons.amazon_connector.simulator.listings_report import COLUMNS, HEADERS
from odoo.addons.amazon_connector.simulator.marketplaces import MARKETPLACES

from .test_simulator import NOON, ConformanceCase, SimulatorCase, _other_seller

REPORTS = '/reports/2021-06-30/reports'
DOCUMENTS = '/reports/2021-06-30/documents'
ALL_LISTINGS = 'GET_MERCHANT_LISTINGS_ALL_DATA'
SUMMARIES = '/fba/inventory/v1/summaries'
GERMANY = 'A1PA6795UKMFR9'
BRITAIN = 'A1F83G8C2ARO7P'
FRANCE = 'A13V1IB3VIYZZH'
JAPAN = 'A1VC38T7YXB528'
ENGLISH = {'preferredReportDocumentLocale': 'en_US'}


class ReportCase(SimulatorCase):
    """A simulator whose clock stands still and whose reports are made at once, each anew."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)
        self.simulator.set_report_pace(0)
        self.simulator.set_report_cache(0)
        self.addCleanup(self.simulator.set_report_pace)
        self.addCleanup(self.simulator.set_report_cache)

    def create_report(self, marketplace_id=GERMANY, token=None, **values):
        return self.request('POST', REPORTS, token, json={
            'reportType': ALL_LISTINGS, 'marketplaceIds': [marketplace_id],
            'reportOptions': ENGLISH, **values,
        })

    def ask(self, *arguments, **values):
        """Ask for a report and return its id."""
        response = self.create_report(*arguments, **values)
        self.assertEqual(response.status_code, 202, response.text)
        return response.json()['reportId']

    def report(self, report_id):
        response = self.get(f'{REPORTS}/{report_id}')
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def document(self, report_id, **query):
        response = self.get(f"{DOCUMENTS}/{self.report(report_id)['reportDocumentId']}", **query)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def download(self, *arguments, **values):
        """Ask for a report and return the bytes of its document, uncompressed."""
        document = self.document(self.ask(*arguments, **values))
        response = requests.get(document['url'], timeout=5)
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.content[:2] == b'\x1f\x8b', 'compressionAlgorithm' in document)
        if 'compressionAlgorithm' in document:
            return gzip.decompress(response.content)
        return response.content

    def lines(self, *arguments, **values):
        """Ask for a report and return its lines as lists of cells, the headers first."""
        content = self.download(*arguments, **values)
        self.assertTrue(content.startswith(codecs.BOM_UTF8))
        text = content.decode('utf-8-sig')
        self.assertTrue(text.endswith('\n'))
        return [line.split('\t') for line in text[:-1].split('\n')]

    def rows(self, *arguments, **values):
        """Ask for a report and return its rows, by the names of their columns."""
        names, *lines = self.lines(*arguments, **values)
        return [dict(zip(names, line, strict=True)) for line in lines]


@tagged('post_install', '-at_install')
class TestSimulatorReports(ReportCase):
    """Reports and their documents go their way."""

    def test_queue_by_polls(self):
        self.simulator.set_report_pace()
        report_id = self.ask()
        statuses = [self.report(report_id)['processingStatus'] for _poll in range(3)]
        self.assertEqual(statuses, ['IN_QUEUE', 'IN_PROGRESS', 'DONE'])

    def test_queue_by_the_clock(self):
        self.simulator.set_report_pace(0, 60)
        report_id = self.ask(
            dataStartTime='2026-03-01T00:00:00Z', dataEndTime='2026-03-02T00:00:00+01:00',
        )
        for seconds, status in ((0, 'IN_QUEUE'), (59, 'IN_QUEUE'), (1, 'IN_PROGRESS')):
            self.simulator.clock.advance(seconds=seconds)
            self.assertEqual(self.report(report_id)['processingStatus'], status)
        self.simulator.clock.advance(hours=1)
        report = self.report(report_id)
        self.assertRegex(report.pop('reportDocumentId'), r'\Aamzn1\.spdoc\.')
        self.assertEqual(report, {
            'reportId': report_id, 'reportType': ALL_LISTINGS, 'marketplaceIds': [GERMANY],
            'processingStatus': 'DONE',
            'dataStartTime': '2026-03-01T00:00:00.000Z',
            'dataEndTime': '2026-03-01T23:00:00.000Z',
            'createdTime': '2026-03-10T12:00:00.000Z',
            'processingStartTime': '2026-03-10T12:01:00.000Z',
            'processingEndTime': '2026-03-10T12:02:00.000Z',
        })

    def test_finish(self):
        self.simulator.set_report_pace(5)
        report_id = self.ask()
        self.simulator.finish_reports()
        self.assertEqual(self.report(report_id)['processingStatus'], 'DONE')

    def test_content_is_of_when_it_is_made(self):
        self.simulator.set_report_pace(0, 60)
        self.seller.add_listing('A')
        report_id = self.ask()
        self.seller.add_listing('B')
        self.simulator.clock.advance(minutes=2)
        url = self.document(report_id)['url']
        self.seller.add_listing('C')
        content = gzip.decompress(requests.get(url, timeout=5).content)
        self.assertIn(b'\tB\t', content)
        self.assertNotIn(b'\tC\t', content)

    def test_cancel(self):
        self.simulator.set_report_pace(1)
        report_id = self.ask()
        self.assertEqual(self.request('DELETE', f'{REPORTS}/{report_id}').status_code, 200)
        for _poll in range(3):
            self.assertEqual(self.report(report_id)['processingStatus'], 'CANCELLED')
        response = self.request('DELETE', f'{REPORTS}/{report_id}')
        self.assertRefused(response, 400, 'InvalidInput', 'CANCELLED')
        self.assertEqual(self.request('DELETE', f'{REPORTS}/1').status_code, 404)

    def test_bad_requests(self):
        for word, values in (
            ('reportType', {'reportType': None}),
            ('GET_TOYS', {'reportType': 'GET_TOYS'}),
            ('marketplaceIds', {'marketplaceIds': None}),
            ('marketplaceIds', {'marketplaceIds': []}),
            ('marketplaceIds', {'marketplaceIds': GERMANY}),
            ('25', {'marketplaceIds': [GERMANY] * 26}),
            ("seller's", {'marketplaceIds': [FRANCE]}),
            ('one store', {'marketplaceIds': [GERMANY, BRITAIN]}),
            ('reportOptions', {'reportOptions': 'en_US'}),
            ('reportOptions', {'reportOptions': {'custom': True}}),
            ('dataStartTime', {'dataStartTime': '2026-03-01'}),
            ('dataEndTime', {'dataEndTime': 5}),
            ('future', {'dataEndTime': '2026-03-10T12:00:01Z'}),
        ):
            with self.subTest(word=word, **values):
                self.assertRefused(self.create_report(**values), 400, 'InvalidInput', word)
        response = self.request('POST', REPORTS, data=b'[]')
        self.assertRefused(response, 400, 'InvalidInput', 'JSON object')
        self.assertEqual(self.simulator.reports.jobs, {})

    def test_role(self):
        self.seller.revoke_role(ROLE_LISTINGS)
        self.assertRefused(self.create_report(), 403, 'Unauthorized')

    def test_sellers_are_apart(self):
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        report_id = self.ask()
        document_id = self.report(report_id)['reportDocumentId']
        for path in (f'{REPORTS}/{report_id}', f'{DOCUMENTS}/{document_id}'):
            self.assertEqual(self.get(path, token).status_code, 404)
        found = self.get(REPORTS, token, reportTypes=ALL_LISTINGS).json()
        self.assertEqual(found, {'reports': []})

    def test_document_address(self):
        report_id = self.ask()
        document = self.document(report_id)
        self.assertEqual(document.keys(), {'reportDocumentId', 'url', 'compressionAlgorithm'})
        url = document['url']
        self.assertEqual(requests.put(url, b'x', timeout=5).status_code, 403)
        headers = {'x-amz-access-token': self.token()}
        self.assertEqual(requests.get(url, headers=headers, timeout=5).status_code, 403)
        self.simulator.clock.advance(seconds=299)
        response = requests.get(url, timeout=5)
        self.assertEqual(response.status_code, 200)
        self.assertNotIn('Content-Encoding', response.headers)
        self.simulator.clock.advance(seconds=1)
        response = requests.get(url, timeout=5)
        self.assertEqual(response.status_code, 403)
        self.assertIn('expired', response.text)
        self.assertEqual(requests.get(self.document(report_id)['url'], timeout=5).status_code, 200)

    def test_document_that_http_clients_unzip(self):
        document = self.document(self.ask(), enableContentEncodingUrlHeader='true')
        self.assertEqual(document['compressionAlgorithm'], 'GZIP')
        response = requests.get(document['url'], timeout=5)
        self.assertEqual(response.headers['Content-Encoding'], 'gzip')
        self.assertTrue(response.content.startswith(codecs.BOM_UTF8))
        document_id = document['reportDocumentId']
        response = self.get(f'{DOCUMENTS}/{document_id}', enableContentEncodingUrlHeader='perhaps')
        self.assertRefused(response, 400, 'InvalidInput', 'enableContentEncodingUrlHeader')

    def test_feeds_and_reports_do_not_mix(self):
        feed_document = self.request(
            'POST', '/feeds/2021-06-30/documents', json={'contentType': 'text/xml'},
        ).json()
        response = self.get(f"{DOCUMENTS}/{feed_document['feedDocumentId']}")
        self.assertEqual(response.status_code, 404)
        document_id = self.report(self.ask())['reportDocumentId']
        self.assertEqual(self.get(f'/feeds/2021-06-30/documents/{document_id}').status_code, 404)

    def test_kept_for_90_days(self):
        report_id = self.ask()
        document_id = self.report(report_id)['reportDocumentId']
        self.simulator.clock.advance(days=90)
        self.assertEqual(self.get(f'{DOCUMENTS}/{document_id}').status_code, 200)
        self.assertEqual(len(self.get(REPORTS, reportTypes=ALL_LISTINGS).json()['reports']), 1)
        self.simulator.clock.advance(seconds=1)
        self.assertEqual(self.get(f'{DOCUMENTS}/{document_id}').status_code, 404)
        found = self.get(REPORTS, reportTypes=ALL_LISTINGS, createdSince='2026-01-01T00:00:00Z')
        self.assertEqual(found.json(), {'reports': []})

    def test_reset(self):
        report_id = self.ask()
        self.simulator.reset()
        self.assertEqual(self.get(f'{REPORTS}/{report_id}').status_code, 404)


@tagged('post_install', '-at_install')
class TestSimulatorReportSearch(ReportCase):
    """`getReports` finds what was asked for."""

    def setUp(self):
        super().setUp()
        self.ids = []
        for marketplace_id in (GERMANY, BRITAIN, GERMANY):
            self.ids.append(self.ask(marketplace_id))
            self.simulator.clock.advance(minutes=1)
        self.simulator.finish_reports()
        self.simulator.set_report_pace(1)
        self.ids.append(self.ask(JAPAN))

    def found(self, **query):
        response = self.get(REPORTS, **query)
        self.assertEqual(response.status_code, 200, response.text)
        payload = response.json()
        return [self.ids.index(it['reportId']) for it in payload['reports']], payload.get(
            'nextToken',
        )

    def test_filters(self):
        for found, query in (
            ([3, 2, 1, 0], {}),
            ([2, 1, 0], {'processingStatuses': 'DONE,FATAL'}),
            ([3], {'processingStatuses': 'IN_QUEUE'}),
            ([2, 0], {'marketplaceIds': GERMANY}),
            ([3, 1], {'marketplaceIds': f'{JAPAN},{BRITAIN}'}),
            ([3, 2, 1], {'createdSince': '2026-03-10T12:01:00Z'}),
            ([1, 0], {'createdUntil': '2026-03-10T12:01:00Z'}),
            ([2], {'marketplaceIds': GERMANY, 'createdSince': '2026-03-10T12:01:00Z'}),
        ):
            with self.subTest(**query):
                self.assertEqual(self.found(reportTypes=ALL_LISTINGS, **query), (found, None))

    def test_pages(self):
        found, token = self.found(reportTypes=ALL_LISTINGS, pageSize='3')
        self.assertEqual(found, [3, 2, 1])
        self.assertEqual(self.found(nextToken=token), ([0], None))

    def test_bad_requests(self):
        _found, token = self.found(reportTypes=ALL_LISTINGS, pageSize='1')
        for word, query in (
            ('reportTypes or nextToken', {}),
            ('reportTypes', {'reportTypes': 'GET_TOYS'}),
            ('processingStatuses', {'processingStatuses': 'LOST'}),
            ('marketplaceIds', {'marketplaceIds': 'DE'}),
            ('more than 10', {'marketplaceIds': ','.join([GERMANY, *_other_places()])}),
            ('pageSize', {'pageSize': '101'}),
            ('createdSince', {'createdSince': 'yesterday'}),
            ('only parameter', {'nextToken': token}),
        ):
            with self.subTest(word=word, **query):
                if word != 'reportTypes or nextToken':
                    query = {'reportTypes': ALL_LISTINGS, **query}
                self.assertRefused(self.get(REPORTS, **query), 400, 'InvalidInput', word)
        self.assertRefused(self.get(REPORTS, nextToken='x'), 400, 'InvalidInput', 'nextToken')

    def test_reports_that_others_asked_for(self):
        report = self.simulator.request_report(marketplace='GB')
        self.ids.append(report.job_id)
        self.assertEqual(self.found(reportTypes=ALL_LISTINGS, pageSize='1')[0], [4])


def _other_places():
    """Return the ids of ten marketplaces that are not Germany."""
    return [place.id for place in MARKETPLACES if place.code != 'DE'][:10]


@tagged('post_install', '-at_install')
class TestSimulatorReportCache(ReportCase):
    """Amazon makes a report of listings anew after an hour only."""

    def setUp(self):
        super().setUp()
        self.simulator.set_report_cache()
        self.seller.add_listing('A')

    def document_id(self, *arguments, **values):
        return self.report(self.ask(*arguments, **values))['reportDocumentId']

    def test_within_the_hour(self):
        first_id = self.ask()
        document_id = self.report(first_id)['reportDocumentId']
        self.seller.add_listing('B')
        self.simulator.clock.advance(minutes=59, seconds=59)
        second_id = self.ask(reportOptions={})
        self.assertNotEqual(second_id, first_id)
        self.assertEqual(self.report(second_id)['reportDocumentId'], document_id)
        # What was given again is not young again.
        self.simulator.clock.advance(seconds=1)
        self.assertNotEqual(self.document_id(), document_id)
        self.assertEqual([row['seller-sku'] for row in self.rows()], ['A', 'B'])

    def test_other_marketplaces_and_sellers(self):
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        document_id = self.document_id()
        self.assertNotEqual(self.document_id(BRITAIN), document_id)
        report_id = self.create_report(other.marketplace_ids[0], token).json()['reportId']
        report = self.get(f'{REPORTS}/{report_id}', token).json()
        self.assertNotEqual(report['reportDocumentId'], document_id)

    def test_two_at_once(self):
        self.simulator.set_report_pace(1)
        ids = [self.ask(), self.ask()]
        self.simulator.finish_reports()
        self.assertEqual(*(self.report(id_)['reportDocumentId'] for id_ in ids))

    def test_what_went_wrong_is_made_anew(self):
        for kind in ('no_document', 'fatal', 'cancelled', 'headers_only'):
            with self.subTest(kind=kind):
                self.simulator.clock.advance(hours=1)
                self.simulator.set_report_mood(kind)
                self.report(self.ask())
                self.assertEqual(len(self.rows()), 1)


@tagged('post_install', '-at_install')
class TestSimulatorListingsReport(ReportCase):
    """GET_MERCHANT_LISTINGS_ALL_DATA says what the seller offers."""

    def test_columns(self):
        self.assertEqual(self.lines(), [list(COLUMNS)])
        self.seller.add_listing(
            'A', title='Kettle', price='1234.5', quantity=7, asin='B000000001',
            product_id='4006381333931', opened=datetime(2026, 7, 4, 22, 30, tzinfo=timezone.utc),
        )
        [row] = self.rows()
        listing_id = row.pop('listing-id')
        self.assertRegex(listing_id, r'\A0704[0-9A-F]{8}\Z')
        self.assertEqual({name: cell for name, cell in row.items() if cell}, {
            'item-name': 'Kettle', 'seller-sku': 'A', 'price': '1234.50', 'quantity': '7',
            'open-date': '05/07/2026 00:30:00 MEST', 'item-is-marketplace': 'y',
            'product-id-type': '4', 'product-id': '4006381333931', 'item-condition': '11',
            'asin1': 'B000000001', 'pending-quantity': '0', 'fulfillment-channel': 'DEFAULT',
            'merchant-shipping-group': 'Migrated Template', 'status': 'Active',
        })

    def test_one_store(self):
        self.seller.add_listing('A')
        self.seller.add_listing('B', 'GB')
        self.assertEqual([row['seller-sku'] for row in self.rows(BRITAIN)], ['B'])

    def test_amazons_stock_has_no_quantity(self):
        for sku, channels in (
            ('FBA', ['AMAZON_EU']), ('BOTH', ['DEFAULT', 'AMAZON_EU']), ('FBM', ['DEFAULT']),
        ):
            self.seller.add_listing(sku, channels=channels, quantity=5)
        self.assertEqual(
            [(row['fulfillment-channel'], row['quantity'], row['pending-quantity'])
             for row in self.rows()],
            [('AMAZON_EU', '', ''), ('AMAZON_EU', '', ''), ('DEFAULT', '5', '0')],
        )

    def test_identifiers(self):
        for value, shown in (
            ('', ('1', 'B000000001')),
            ('9783161484100', ('2', '9783161484100')),
            ('036000291452', ('3', '036000291452')),
            ('4006381333931', ('4', '4006381333931')),
        ):
            self.seller.add_listing(f'SKU{value}', asin='B000000001', product_id=value)
            row = self.rows()[-1]
            self.assertEqual((row['product-id-type'], row['product-id']), shown)

    def test_states_and_conditions(self):
        self.seller.add_listing('A', status='INACTIVE', condition='used_good')
        self.seller.add_listing('B', status='INCOMPLETE', price='')
        self.assertEqual(
            [(row['status'], row['item-condition'], row['price']) for row in self.rows()],
            [('Inactive', '3', '19.99'), ('Incomplete', '11', '')],
        )

    def test_japan(self):
        opened = datetime(2026, 3, 5, 1, 2, 3, tzinfo=timezone.utc)
        self.seller.add_listing('湯 呑', 'JP', title='湯呑み', price='2980', opened=opened)
        [row] = self.rows(JAPAN)
        self.assertEqual(
            (row['seller-sku'], row['item-name'], row['price'], row['open-date']),
            ('湯 呑', '湯呑み', '2980', '2026/03/05 10:02:03 JST'),
        )

    def test_nothing_ends_a_line(self):
        self.seller.add_listing('A', title='One\ttwo\r\nthree\u2028four "five"')
        [row] = self.rows()
        self.assertEqual(row['item-name'], 'One two three four "five"')

    def test_languages(self):
        self.assertIn('seller-sku', self.lines(JAPAN)[0])
        for marketplace_id, options, expected in (
            (GERMANY, {}, ('Artikelbezeichnung', 'Händler-SKU', 'Preis', 'Menge')),
            (JAPAN, {}, ('商品名', '出品者SKU', '価格', '数量')),
            (BRITAIN, {}, ('item-name', 'seller-sku', 'price', 'quantity')),
            (
                BRITAIN, {'preferredReportDocumentLocale': 'fr_FR'},
                ('nom-produit', 'sku-vendeur', 'prix', 'quantité'),
            ),
            (
                BRITAIN, {'preferredReportDocumentLocale': 'es_ES'},
                ('Título del producto', 'SKU del vendedor', 'Precio', 'Cantidad'),
            ),
        ):
            with self.subTest(marketplace_id=marketplace_id, **options):
                [names] = self.lines(marketplace_id, reportOptions=options)
                self.assertEqual((names[0], *names[3:6]), expected)

    def test_no_language_names_two_columns_alike(self):
        for language, names in HEADERS.items():
            headers = [names.get(column, column) for column in COLUMNS]
            self.assertEqual(len(set(headers)), len(COLUMNS), language)
            self.assertLessEqual(names.keys(), set(COLUMNS))


@tagged('post_install', '-at_install')
class TestSimulatorReportMoods(ReportCase):
    """Reports have bad days too."""

    def setUp(self):
        super().setUp()
        self.seller.add_listing('A', title='Große Tasse')
        self.seller.add_listing('B', title='Kleine Tasse')

    def arm(self, kind, **options):
        fault = self.simulator.set_report_mood(kind, **options)
        self.addCleanup(lambda: self.assertTrue(fault.hits, kind))

    def test_each_kind_is_another_report(self):
        good = self.download()
        seen = set()
        for kind in REPORT_MANNERS[3:]:
            with self.subTest(kind=kind):
                self.arm(kind.removeprefix('report_'))
                document = self.document(self.ask())
                response = requests.get(document['url'], timeout=5)
                self.assertNotIn((response.content, document.get('compressionAlgorithm')), seen)
                seen.add((response.content, document.get('compressionAlgorithm')))
                self.assertEqual(self.download(), good)

    def test_ends(self):
        for kind, status in (
            ('fatal', 'FATAL'), ('cancelled', 'CANCELLED'), ('no_document', 'DONE'),
        ):
            with self.subTest(kind=kind):
                self.arm(kind)
                report = self.report(self.ask())
                self.assertEqual(report['processingStatus'], status)
                self.assertNotIn('reportDocumentId', report)

    def test_no_table(self):
        self.arm('empty')
        self.assertEqual(self.download(), b'')
        self.arm('html')
        self.assertIn(b'<html>', self.download())
        self.arm('headers_only')
        self.assertEqual(self.lines(), [list(COLUMNS)])

    def test_cut_off(self):
        good = self.download()
        self.arm('cut_off')
        content = self.download()
        self.assertTrue(good.startswith(content))
        self.assertEqual(content.count(b'\n'), 1)
        self.assertNotEqual(good[len(content):len(content) + 1], b'\n')
        self.arm('cut_gzip')
        response = requests.get(self.document(self.ask())['url'], timeout=5)
        with self.assertRaises(EOFError):
            gzip.decompress(response.content)

    def test_doubled(self):
        lines = self.lines()
        self.arm('doubled')
        self.assertEqual(self.lines(), [line for line in lines for _time in range(2)])

    def test_columns(self):
        rows = self.rows()
        self.arm('shuffled_columns')
        names, *_lines = lines = self.lines()
        self.assertNotEqual(names, list(COLUMNS))
        self.assertEqual([dict(zip(names, line, strict=True)) for line in lines[1:]], rows)
        self.arm('localised')
        self.assertEqual(self.lines()[0][3], 'Händler-SKU')

    def test_encodings(self):
        text = self.download().decode('utf-8-sig')
        for kind, encoding in (('no_bom', 'utf-8'), ('cp1252', 'cp1252')):
            self.arm(kind)
            self.assertEqual(self.download().decode(encoding), text)
        self.seller.add_listing('C', 'JP', title='湯呑み')
        text = self.download(JAPAN).decode('utf-8-sig')
        self.arm('shift_jis')
        self.assertEqual(self.download(JAPAN).decode('shift_jis'), text)

    def test_several_go_together(self):
        for kind in ('localised', 'cp1252', 'uncompressed'):
            self.arm(kind)
        document = self.document(self.ask())
        self.assertNotIn('compressionAlgorithm', document)
        response = requests.get(document['url'], timeout=5)
        self.assertIn('\tHändler-SKU\t', response.content.decode('cp1252'))
        self.assertEqual(response.headers['Content-Type'], 'text/plain; charset=Cp1252')

    def test_broken_lines(self):
        good = self.lines()
        self.arm('broken_line')
        lines = self.lines()
        self.assertEqual(lines[:3], good)
        without_sku, short, foreign = lines[3:]
        self.assertEqual(without_sku[3], '')
        self.assertLess(len(short), len(COLUMNS))
        self.assertEqual(foreign[3:5], ['BROKEN-PRICE', '1.234,56'])

    def test_type_and_seller(self):
        fault = self.simulator.set_report_mood('fatal', operation=ALL_LISTINGS, seller_id='OTHER')
        self.assertEqual(self.report(self.ask())['processingStatus'], 'DONE')
        self.assertEqual(fault.hits, 0)
        with self.assertRaises(ValueError):
            self.simulator.set_report_mood('bored')

    def test_faults_of_calls(self):
        self.simulator.arm('unavailable', operation='downloadReportDocument')
        url = self.document(self.ask())['url']
        self.assertEqual(requests.get(url, timeout=5).status_code, 503)
        self.assertEqual(requests.get(url, timeout=5).status_code, 200)
        self.assertEqual(
            [(call.operation, call.status) for call in self.simulator.calls[-2:]],
            [('downloadReportDocument', 503), ('downloadReportDocument', 200)],
        )
        self.simulator.arm('drop_after', operation='createReport')
        with self.assertRaises(requests.ConnectionError):
            self.create_report()
        self.assertEqual(len(self.simulator.reports.jobs), 2)


class InventoryCase(SimulatorCase):
    """A simulator whose clock stands still, and stock in Amazon's warehouses."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)

    def ask(self, marketplace_id=GERMANY, **query):
        query = {
            'details': 'true', 'granularityType': 'Marketplace', 'granularityId': marketplace_id,
            'marketplaceIds': marketplace_id, **query,
        }
        return self.get(SUMMARIES, **{name: it for name, it in query.items() if it is not None})

    def page(self, *arguments, **query):
        """Return (summaries, token of the next page or None)."""
        response = self.ask(*arguments, **query)
        self.assertEqual(response.status_code, 200, response.text)
        payload = response.json()
        return payload['payload']['inventorySummaries'], payload['pagination'].get('nextToken')

    def skus(self, *arguments, **query):
        return [summary['sellerSku'] for summary in self.page(*arguments, **query)[0]]

    def details(self, sku='A', marketplace_id=GERMANY):
        [summary] = self.page(marketplace_id, sellerSku=sku)[0]
        return summary['inventoryDetails']


@tagged('post_install', '-at_install')
class TestSimulatorInventory(InventoryCase):
    """`getInventorySummaries` says what lies in Amazon's warehouses."""

    def test_all_of_a_summary(self):
        names = (
            'fulfillable', 'inbound_working', 'inbound_shipped', 'inbound_receiving',
            'reserved_orders', 'reserved_transfers', 'reserved_processing', 'customer_damaged',
            'warehouse_damaged', 'distributor_damaged', 'carrier_damaged', 'defective', 'expired',
            'researching',
        )
        quantities = {name: 2 ** power for power, name in enumerate(names)}
        self.seller.set_fba_stock(
            'A', asin='B000000001', fn_sku='X000000001', title='Kettle', **quantities,
        )
        [summary] = self.page()[0]
        self.assertEqual(summary, {
            'asin': 'B000000001', 'fnSku': 'X000000001', 'sellerSku': 'A', 'condition': 'NewItem',
            'productName': 'Kettle', 'lastUpdatedTime': '2026-03-10T12:00:00.000Z', 'stores': [],
            'totalQuantity': 2 ** 14 - 1,
            'inventoryDetails': {
                'fulfillableQuantity': 1,
                'inboundWorkingQuantity': 2,
                'inboundShippedQuantity': 4,
                'inboundReceivingQuantity': 8,
                'reservedQuantity': {
                    'totalReservedQuantity': 112, 'pendingCustomerOrderQuantity': 16,
                    'pendingTransshipmentQuantity': 32, 'fcProcessingQuantity': 64,
                },
                'researchingQuantity': {
                    'totalResearchingQuantity': 8192,
                    'researchingQuantityBreakdown': [
                        {'name': 'researchingQuantityInShortTerm', 'quantity': 8192},
                        {'name': 'researchingQuantityInMidTerm', 'quantity': 0},
                        {'name': 'researchingQuantityInLongTerm', 'quantity': 0},
                    ],
                },
                'unfulfillableQuantity': {
                    'totalUnfulfillableQuantity': 8064, 'customerDamagedQuantity': 128,
                    'warehouseDamagedQuantity': 256, 'distributorDamagedQuantity': 512,
                    'carrierDamagedQuantity': 1024, 'defectiveQuantity': 2048,
                    'expiredQuantity': 4096,
                },
            },
        })

    def test_details_are_asked_for(self):
        self.seller.set_fba_stock('A', fulfillable=3)
        for details in (None, 'false'):
            [summary] = self.page(details=details)[0]
            self.assertNotIn('inventoryDetails', summary)
            self.assertEqual(summary['totalQuantity'], 3)

    def test_skus(self):
        for sku in ('A', 'B', 'C/ä #%'):
            self.seller.set_fba_stock(sku)
        self.assertEqual(self.skus(), ['A', 'B', 'C/ä #%'])
        self.assertEqual(self.skus(sellerSku='C/ä #%'), ['C/ä #%'])
        self.assertEqual(self.skus(sellerSkus='C/ä #%,A,Z'), ['A', 'C/ä #%'])
        self.assertEqual(self.skus(sellerSkus='A', sellerSku='B'), ['A'])
        self.assertEqual(self.skus(sellerSku='Z'), [])

    def test_bad_requests(self):
        for word, query in (
            ('granularityType', {'granularityType': None}),
            ('granularityType', {'granularityType': 'Country'}),
            ('granularityId', {'granularityId': None}),
            ('granularityId', {'granularityId': JAPAN}),
            ('marketplaceIds', {'marketplaceIds': None}),
            ('marketplaceIds', {'marketplaceIds': 'DE'}),
            ('one marketplace', {'marketplaceIds': f'{GERMANY},{BRITAIN}'}),
            ("seller's", {'marketplaceIds': FRANCE, 'granularityId': FRANCE}),
            ('details', {'details': 'yes'}),
            ('50', {'sellerSkus': ','.join(map(str, range(51)))}),
            ('startDateTime', {'startDateTime': '2026-03-10'}),
            ('18 months', {'startDateTime': '2024-08-01T00:00:00Z'}),
            ('nextToken', {'nextToken': 'x'}),
        ):
            with self.subTest(word=word, **query):
                self.assertRefused(self.ask(**query), 400, 'InvalidInput', word)
        self.assertEqual(self.skus(startDateTime='2024-09-11T00:00:00Z'), [])

    def test_role(self):
        self.seller.revoke_role(ROLE_LISTINGS)
        self.assertRefused(self.ask(), 403, 'Unauthorized')

    def test_changes(self):
        self.seller.set_fba_stock('A', fulfillable=3)
        self.seller.set_fba_stock('B', fulfillable=3)
        start = '2026-03-10T12:00:00Z'
        self.assertEqual(self.skus(startDateTime=start), [])
        self.simulator.clock.advance(minutes=1)
        self.seller.change_fba_stock('B', fulfillable=-1)
        # Changes in what is inbound are not detected, although they are changes.
        self.seller.set_fba_stock('A', inbound_working=2, inbound_shipped=2, inbound_receiving=2)
        self.seller.set_fba_stock('B', fulfillable=2)
        self.assertEqual(self.skus(startDateTime=start), ['B'])
        self.assertEqual(
            {summary['lastUpdatedTime'] for summary in self.page()[0]},
            {'2026-03-10T12:01:00.000Z'},
        )
        # The SKUs do not matter then.
        self.assertEqual(self.skus(startDateTime=start, sellerSkus='A', sellerSku='A'), ['B'])

    def test_pages(self):
        for number in range(101):
            self.seller.set_fba_stock(f'S{number}')
        found, token = self.page()
        self.assertEqual(len(found), 50)
        self.simulator.clock.advance(seconds=29)
        more, last = self.page(nextToken=token)
        rest, end = self.page(nextToken=last)
        self.assertIsNone(end)
        self.assertEqual(
            [summary['sellerSku'] for summary in found + more + rest],
            [f'S{number}' for number in range(101)],
        )
        self.simulator.clock.advance(seconds=1)
        self.assertRefused(self.ask(nextToken=token), 400, 'InvalidInput', 'expired')

    def test_pages_of_changes(self):
        for number in range(51):
            self.seller.set_fba_stock(f'S{number}')
        start = '2026-03-10T11:00:00Z'
        _found, token = self.page(startDateTime=start)
        self.assertRefused(self.ask(nextToken=token), 400, 'InvalidInput', 'differ')
        self.assertEqual(self.skus(startDateTime=start, nextToken=token), ['S50'])

    def test_pools(self):
        self.seller.set_fba_stock('A', fulfillable=3)
        self.seller.set_fba_stock('A', 'FR', defective=1)
        self.seller.set_fba_stock('A', BRITAIN, fulfillable=8)
        for marketplace, fulfillable, total in (('DE', 3, 4), ('IT', 3, 4), ('GB', 8, 8)):
            [stock] = self.seller.walk_fba_stock(marketplace)
            summary = stock.summarise(True)
            self.assertEqual(summary['totalQuantity'], total)
            self.assertEqual(summary['inventoryDetails']['fulfillableQuantity'], fulfillable)
        for marketplace in ('JP', 'TR', 'AE', 'SA', 'EG', 'IN', 'ZA', 'US', 'CA'):
            self.assertEqual(list(self.seller.walk_fba_stock(marketplace)), [])
        self.assertEqual(self.details(marketplace_id=BRITAIN)['fulfillableQuantity'], 8)
        self.seller.share_fba_stock('CA', 'US')
        self.seller.set_fba_stock('A', 'US', fulfillable=5)
        self.assertEqual(self.seller.find_fba_stock('A', 'CA').fulfillable, 5)

    def test_one_time_for_a_pool(self):
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        other.set_fba_stock('A', fulfillable=3)
        summaries = [
            self.get(
                SUMMARIES, token, granularityType='Marketplace', granularityId=place,
                marketplaceIds=place, details='true',
            ).json()['payload']['inventorySummaries'] for place in other.marketplace_ids
        ]
        self.assertEqual(len(summaries[0]), 1)
        self.assertEqual(*summaries)

    def test_oddities(self):
        for odd in FBA_ODDITIES:
            self.seller.set_fba_stock(odd, fulfillable=3, odd=odd)
        without_details, without_quantities, nulls, without_sku = self.page()[0]
        self.assertNotIn('inventoryDetails', without_details)
        self.assertEqual(without_details['totalQuantity'], 3)
        self.assertEqual(without_quantities['inventoryDetails'], {})
        self.assertEqual(set(nulls['inventoryDetails'].values()), {None})
        self.assertIsNone(nulls['totalQuantity'])
        self.assertNotIn('sellerSku', without_sku)
        with self.assertRaises(ValueError):
            self.seller.set_fba_stock('A', odd='bored')
        self.seller.set_fba_stock('no sku', odd='')
        self.assertEqual(self.skus(sellerSku='no sku'), ['no sku'])

    def test_two_conditions(self):
        self.seller.set_fba_stock('A', fulfillable=3)
        self.seller.set_fba_stock('A', condition='UsedGood', fulfillable=1)
        self.assertEqual(
            [(summary['condition'], summary['totalQuantity'])
             for summary in self.page(sellerSku='A')[0]],
            [('NewItem', 3), ('UsedGood', 1)],
        )

    def test_throttle(self):
        self.simulator.set_throttle(1.0)
        statuses = [self.ask().status_code for _call in range(3)]
        self.assertEqual(statuses, [200, 200, 429])
        self.simulator.clock.advance(seconds=0.5)
        self.assertEqual(self.ask().status_code, 200)

    def test_reset(self):
        self.seller.set_fba_stock('A')
        self.seller.share_fba_stock('GB', 'DE')
        self.seller.sell_fba_stock()
        self.simulator.reset()
        self.assertEqual(self.skus(), [])
        self.seller.set_fba_stock('A')
        self.assertEqual(list(self.seller.walk_fba_stock('GB')), [])
        self.assertFalse(self.seller.sells_fba_stock)


@tagged('post_install', '-at_install')
class TestSimulatorInventoryLife(InventoryCase):
    """What lies in Amazon's warehouses does not lie still."""

    def test_inbound(self):
        self.seller.set_fba_stock('A', inbound_working=5, inbound_shipped=10)
        for quantity, expected in (
            (4, (4, 5, 0, 6)), (6, (10, 5, 0, 0)), (2, (12, 3, 0, 0)),
        ):
            self.seller.receive_inbound('A', quantity)
            details = self.details()
            self.assertEqual(
                (details['fulfillableQuantity'], details['inboundWorkingQuantity'],
                 details['inboundShippedQuantity'], details['inboundReceivingQuantity']),
                expected,
            )
        with self.assertRaises(ValueError):
            self.seller.receive_inbound('A', 4)

    def test_lost_and_found(self):
        self.seller.set_fba_stock('A', fulfillable=10)
        self.seller.lose('A', 3)
        self.assertEqual(self.details()['fulfillableQuantity'], 7)
        self.assertEqual(self.details()['researchingQuantity']['totalResearchingQuantity'], 3)
        self.seller.find_again('A', 1)
        self.assertEqual(self.details()['fulfillableQuantity'], 8)
        self.seller.find_again('A')
        self.assertEqual(self.details()['fulfillableQuantity'], 10)
        self.assertEqual(self.details()['researchingQuantity']['totalResearchingQuantity'], 0)
        with self.assertRaises(ValueError):
            self.seller.lose('A', 11)
        self.assertEqual(self.details()['fulfillableQuantity'], 10)

    def test_orders(self):
        self.seller.set_fba_stock('A', fulfillable=10)
        details = {'channel': 'FBA', 'status': 'SHIPPED'}
        self.seller.place_order(items=[Item('A', quantity=2)], **details)
        self.assertEqual(self.details()['fulfillableQuantity'], 10)
        self.seller.sell_fba_stock()
        self.seller.place_order(items=[Item('A', quantity=2), Item('Z')], **details)
        self.seller.place_order(items=[Item('A', quantity=2)], status='SHIPPED')
        self.assertEqual(self.details()['fulfillableQuantity'], 8)
        order = self.seller.place_order('FR', 'FBA', items=[Item('A', quantity=20)])
        self.assertEqual(self.details()['fulfillableQuantity'], 8)
        self.seller.ship(order)
        self.assertEqual(self.details()['fulfillableQuantity'], 0)

    def test_nonsense(self):
        self.seller.set_fba_stock('A', fulfillable=1)
        for call in (
            lambda: self.seller.set_fba_stock('A', stolen=1),
            lambda: self.seller.set_fba_stock('A', fulfillable=-1),
            lambda: self.seller.change_fba_stock('A', fulfillable=-2),
            lambda: self.seller.change_fba_stock('A', stolen=1),
        ):
            with self.assertRaises(ValueError):
                call()
        with self.assertRaises(LookupError):
            self.seller.lose('B', 1)
        self.seller.remove_fba_stock('A')
        self.assertEqual(self.skus(), [])


@tagged('post_install', '-at_install')
class TestSimulatorReportControl(ReportCase):
    """What Python does to reports and stock, the control API does too."""

    def test_reports(self):
        self.control('set_report_pace', polls=3)
        self.control('set_report_cache', seconds=60)
        self.assertEqual(self.simulator.reports.cached_for, 60)
        self.control('set_report_mood', kind='fatal', skip=1)
        asked = self.control('request_report', marketplace='JP', options=ENGLISH)
        self.assertEqual(asked['processingStatus'], 'IN_QUEUE')
        self.assertEqual(asked['marketplaceIds'], [JAPAN])
        self.control('request_report')
        self.control('finish_reports')
        self.assertEqual(
            [report['processingStatus'] for report in self.control('reports')], ['FATAL', 'DONE'],
        )

    def test_stock(self):
        stock = self.control('set_fba_stock', sku='A', fulfillable=9, inbound_shipped=4)
        self.assertEqual((stock['pool'], stock['fulfillable']), ('EU', 9))
        self.control('change_fba_stock', sku='A', fulfillable=1)
        self.control('receive_inbound', sku='A', quantity=1)
        self.control('lose', sku='A', quantity=3)
        self.control('find_again', sku='A', quantity=1)
        self.control('sell_fba_stock')
        self.assertTrue(self.seller.sells_fba_stock)
        self.control('share_fba_stock', marketplace_id='GB', shares_with='DE')
        [stock] = self.control('fba_stock', marketplace_id='GB')
        self.assertEqual(
            (stock['fulfillable'], stock['inbound_receiving'], stock['researching']), (9, 3, 2),
        )
        self.assertEqual(self.control('find_fba_stock', sku='A'), stock)
        self.control('remove_fba_stock', sku='A')
        self.assertEqual(self.control('fba_stock'), [])


@tagged('post_install', '-at_install')
class TestSimulatorReportConformance(ConformanceCase):
    """Amazon's own SDK asks for reports and stock, and understands the answers."""

    def test_report(self):
        api = spapi.ReportsApi(self.sdk)
        now = self.simulator.clock.now()
        self.seller.add_listing('A')
        created = api.create_report(CreateReportSpecification(
            report_type=ALL_LISTINGS, marketplace_ids=[GERMANY], report_options=ENGLISH,
            data_start_time=now - timedelta(days=1), data_end_time=now,
        ))
        self.assertUnderstood(created)
        reports = []
        for _poll in range(3):
            reports.append(api.get_report(created.report_id))
            self.assertUnderstood(reports[-1])
        self.assertEqual(
            [report.processing_status for report in reports], ['IN_QUEUE', 'IN_PROGRESS', 'DONE'],
        )
        api.create_report(CreateReportSpecification(
            report_type=ALL_LISTINGS, marketplace_ids=[BRITAIN],
        ))
        found = api.get_reports(report_types=[ALL_LISTINGS], page_size=1)
        self.assertUnderstood(found)
        found = api.get_reports(next_token=found.next_token)
        self.assertUnderstood(found)
        self.assertEqual([report.report_id for report in found.reports], [created.report_id])
        document = api.get_report_document(reports[-1].report_document_id)
        self.assertUnderstood(document)
        self.assertEqual(document.compression_algorithm, 'GZIP')
        content = gzip.decompress(requests.get(document.url, timeout=5).content)
        self.assertIn(b'\tA\t', content)

    def test_cancelled_report(self):
        api = spapi.ReportsApi(self.sdk)
        report = self.simulator.request_report()
        api.cancel_report(report.job_id)
        self.assertEqual(api.get_report(report.job_id).processing_status, 'CANCELLED')

    def test_inventory(self):
        api = spapi.FbaInventoryApi(self.sdk)
        for number in range(51):
            self.seller.set_fba_stock(f'S{number}', fulfillable=number, defective=1, researching=2)
        query = {
            'granularity_type': 'Marketplace', 'granularity_id': GERMANY,
            'marketplace_ids': [GERMANY],
        }
        for more in (
            {},
            {'details': True},
            {'details': True, 'seller_skus': ['S1', 'S2']},
            {'seller_sku': 'S1'},
            {'start_date_time': self.simulator.clock.now() - timedelta(hours=1)},
        ):
            with self.subTest(**more):
                self.assertUnderstood(api.get_inventory_summaries(**query, **more))
        page = api.get_inventory_summaries(**query)
        page = api.get_inventory_summaries(**query, next_token=page.pagination.next_token)
        self.assertUnderstood(page)
        self.assertEqual([it.seller_sku for it in page.payload.inventory_summaries], ['S50'])

    def test_refusals(self):
        for call in (
            lambda: spapi.ReportsApi(self.sdk).get_report('1'),
            lambda: spapi.FbaInventoryApi(self.sdk).get_inventory_summaries(
                granularity_type='Marketplace', granularity_id=JAPAN, marketplace_ids=[GERMANY],
            ),
        ):
            with self.assertRaises(spapi.ApiException) as caught:
                call()
            self.assertIn(caught.exception.status, (400, 404))
