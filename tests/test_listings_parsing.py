import gzip
import json
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qsl

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon import inventory, listings, listings_feed, reports
from odoo.addons.amazon_connector.amazon import listings_report as report
from odoo.addons.amazon_connector.amazon.client import AccessToken, Client, Credentials
from odoo.addons.amazon_connector.amazon.errors import Malformed, Rejected
from odoo.addons.amazon_connector.amazon.listings import (
    ListedItem,
    PricePatch,
    QuantityPatch,
    build_patch,
    parse_search,
    parse_submission,
)
from odoo.addons.amazon_connector.amazon.listings_feed import (
    Message,
    build_listings_feed,
    parse_report,
)
from odoo.addons.amazon_connector.amazon.listings_report import (
    BrokenLine,
    Listing,
    parse_listings_report,
)
from odoo.addons.amazon_connector.amazon.local_numbers import read_amount
from odoo.addons.amazon_connector.amazon.texts import clean

from .test_client import MemoryLimiter, MemoryTokenStore

TAB = '\t'
GERMANY, FRANCE = 'A1PA6795UKMFR9', 'A13V1IB3VIYZZH'
# Hypothesis reads all sources before its first example.
WITHOUT_HASTE = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
HEADER = (
    'item-name', 'item-description', 'listing-id', 'seller-sku', 'price', 'quantity', 'open-date',
    'image-url', 'item-is-marketplace', 'product-id-type', 'zshop-shipping-fee', 'item-note',
    'item-condition', 'zshop-category1', 'asin1', 'asin2', 'product-id', 'pending-quantity',
    'fulfillment-channel', 'merchant-shipping-group', 'status', 'Minimum order quantity',
)
MUG = {
    'item-name': 'Mug "Blue"',
    'seller-sku': 'MUG',
    'price': '12.99',
    'quantity': '7',
    'open-date': '2025-03-05 01:02:03 PST',
    'product-id-type': '4',
    'item-condition': '11',
    'asin1': 'B000000001',
    'product-id': '4006381333931',
    'fulfillment-channel': 'DEFAULT',
    'status': 'Active',
}
READ_MUG = Listing(
    sku='MUG',
    asin='B000000001',
    title='Mug "Blue"',
    price=Decimal('12.99'),
    quantity=7,
    channel='fbm',
    status='active',
    condition='new',
    opened_at=datetime(2025, 3, 5, 9, 2, 3, tzinfo=timezone.utc),
    barcode='4006381333931',
)

ODD_CELLS = (
    '', ' ', '0', '-1', '1.234', '1,234.50', '12,99 €', 'NaN', '9' * 600, 'MUG', 'B', 'Ü 🎁',
    '\ufffd', '"', '\u2028x', '\x85', '\x0b', '\r', '\x01\u202e', 'AMAZON_EU', 'DEFAULT', 'Active',
    '<b>', '%s', '31/12/2099 23:59:59 BST', '2024-02-30 00:00:00 PST', '0000-00-00 00:00:00 UTC',
    '１２', '٣',
)


def write(*lines, header=HEADER, end='\n', separator='\n'):
    """Return a report whose lines differ from the mug's in some cells."""
    rows = [header, *([{**MUG, **line}.get(name, '') for name in HEADER] for line in lines)]
    return separator.join(map('\t'.join, rows)) + end


def read(*lines, language='', **options):
    """Return what is read of a report in UTF-8."""
    return parse_listings_report(write(*lines, **options).encode(), language)


def read_one(language='', **cells):
    """Return what is read of the only line of a report."""
    line = {name.replace('_', '-'): value for name, value in cells.items()}
    return read(line, language=language).listings[0]


class Amazon(HTTPServer):
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), _Handler)
        self.url = f'http://127.0.0.1:{self.server_port}'
        self.answers = []
        self.requests = []


class _Handler(BaseHTTPRequestHandler):

    def _answer(self):
        path, _mark, query = self.path.partition('?')
        body = self.rfile.read(int(self.headers.get('content-length') or 0))
        self.server.requests.append(
            (self.command, path, dict(parse_qsl(query)), json.loads(body) if body else None),
        )
        answer = self.server.answers.pop(0)
        is_document = isinstance(answer, bytes)
        content = answer if is_document else json.dumps(answer).encode()
        self.send_response(404 if not is_document and 'errors' in answer else 200)
        self.send_header('content-length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PATCH = do_POST = _answer

    def log_message(self, *_args):
        pass


class WireCase(BaseCase):
    """A client in front of a server that answers as it is told."""

    def setUp(self):
        super().setUp()
        self.amazon = Amazon()
        thread = Thread(target=self.amazon.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        self.addCleanup(self.amazon.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.amazon.shutdown)
        self.limiter = MemoryLimiter(lambda: NOON)
        store = MemoryTokenStore()
        store.put(AccessToken('Atza|token', datetime.now(timezone.utc) + timedelta(hours=1)))
        self.client = Client(
            Credentials('client', 'secret', 'refresh'), self.amazon.url, self.amazon.url,
            self.limiter, store,
        )
        self.addCleanup(self.client.close)

    def tell(self, *answers):
        """Let Amazon answer the next requests."""
        self.amazon.answers = list(answers)
        self.amazon.requests.clear()
        return self.client


@tagged('post_install', '-at_install')
class TestListingsReport(BaseCase):

    def assertMalformed(self, content, problem, language=''):
        with self.assertRaises(Malformed) as caught:
            parse_listings_report(content, language)
        self.assertEqual(caught.exception.problem, problem)

    def test_a_line_says_what_amazon_has(self):
        found = read({})
        self.assertEqual(found.listings, (READ_MUG,))
        self.assertEqual((found.broken, found.notes, found.is_whole), ((), (), True))

    def test_columns_are_found_by_their_names(self):
        names = list(reversed(HEADER))
        line = '\t'.join(MUG.get(name, '') for name in names)
        header = '\t'.join(names).upper().replace('-', '_').replace('_SKU', ' SKU')
        found = parse_listings_report(f'{header}\n{line}\n'.encode())
        self.assertEqual(found.listings, (READ_MUG,))

    def test_the_british_spell_the_channel_otherwise(self):
        header = [name.replace('fulfillment', 'fulfilment') for name in HEADER]
        self.assertEqual(read({}, header=header).listings[0].channel, 'fbm')

    def test_columns_that_amazon_has_given_up_do_not_matter(self):
        gone = ('item-description', 'image-url', 'zshop-shipping-fee', 'item-note', 'asin2')
        header = ['Deprecated column' if name in gone else name for name in HEADER]
        self.assertEqual(read({}, header=header).listings, (READ_MUG,))

    def test_a_column_that_is_missing_is_empty(self):
        header = ['something' if name == 'status' else name for name in HEADER]
        found = read({}, header=header)
        self.assertEqual(found.listings[0].status, '')
        self.assertTrue(found.is_whole)

    def test_localised_headers_are_known(self):
        for names in (
            ('Händler-SKU', 'Artikelbezeichnung', 'Preis', 'Menge', 'Versender', 'Status',
             'Artikelzustand', 'Produkt-ID', 'Produkt-ID-Typ', 'ASIN 1'),
            ('sku-vendeur', 'nom-produit', 'prix', 'quantité', 'canal-traitement', 'état',
             'état-produit', 'id-produit', 'type-id-produit', 'asin1'),
            ('SKU del vendedor', 'Título del producto', 'Precio', 'Cantidad',
             'Canal de gestión logística', 'estado', 'Estado del producto',
             'Identificador del producto', 'Tipo de identificador de producto', 'ASIN 1'),
            ('SKU venditore', "Nome dell'articolo", 'Prezzo', 'Quantità', 'Canale di gestione',
             'stato', "Condizione dell'articolo", 'Identificativo del prodotto',
             'Tipo di identificativo del prodotto', 'ASIN 1'),
            ('sku-sprzedawcy', 'nazwa-produktu', 'cena', 'ilość', 'kanał-realizacji', 'status',
             'stan-produktu', 'identyfikator-produktu', 'typ-identyfikatora-produktu', 'asin1'),
            ('seller-sku (satıcı sku)', 'item-name (ürün adı)', 'price (fiyat)',
             'quantity (adet)', 'fulfillment-channel (dağıtım kanalı)', 'durum',
             'item-condition (ürün durumu)', 'product-id (ürün numarası)',
             'product-id-type (ürün numarası türü)', 'asin1'),
            ('出品者SKU', '商品名', '価格', '数量', 'フルフィルメント・チャンネル', 'ステータス',
             'コンディション', '商品ID', '商品IDタイプ', 'ASIN 1'),
        ):
            with self.subTest(names[0]):
                line = ('MUG', 'Mug', '12.99', '7', 'DEFAULT', 'Inactive', '3', '4006381333931',
                        '4', 'B000000001')
                text = f'{TAB.join(names)}\n{TAB.join(line)}\n'
                listing, = parse_listings_report(text.encode()).listings
                self.assertEqual(listing, Listing(
                    sku='MUG', asin='B000000001', title='Mug', price=Decimal('12.99'), quantity=7,
                    channel='fbm', status='inactive', condition='used_good', opened_at=None,
                    barcode='4006381333931',
                ))

    def test_every_encoding_of_amazons_is_read(self):
        for encoding, language, title in (
            ('utf-8', '', 'Größe 漢 €'), ('utf-8-sig', '', 'Größe 漢 €'), ('utf-8', 'ja', 'マグ'),
            ('utf-16', '', 'Größe 漢 €'), ('cp1252', 'de_DE', 'Größe €'), ('cp1252', '', 'Größe'),
            ('cp932', 'ja_JP', 'マグカップ ①'), ('ascii', 'ja', 'Mug'),
        ):
            with self.subTest(encoding, language=language):
                text = write({'item-name': title, 'seller-sku': title})
                listing, = parse_listings_report(text.encode(encoding), language).listings
                self.assertEqual((listing.title, listing.sku), (title, title))

    def test_a_broken_character_spoils_no_other(self):
        content = write(
            {'item-name': 'X', 'seller-sku': 'A'}, {'item-name': 'Größe', 'seller-sku': 'Ü'},
        ).encode().replace(b'X', b'\xe4')
        found = parse_listings_report(content, 'de')
        self.assertEqual([listing.title for listing in found.listings], ['\ufffd', 'Größe'])

    def test_a_sku_with_a_broken_character_stays_out(self):
        content = write({'seller-sku': 'AXB'}, {'item-name': 'Größe', 'seller-sku': 'Ü'})
        found = parse_listings_report(content.encode().replace(b'AXB', b'A\xe4B'))
        self.assertEqual(found.broken, (BrokenLine(2, 'A\ufffdB', report.UNREADABLE_SKU),))
        self.assertEqual([listing.sku for listing in found.listings], ['Ü'])

    def test_whatever_ends_the_lines(self):
        for separator in ('\n', '\r\n', '\r', '\r\r\n', '\n\n'):
            with self.subTest(separator):
                found = read({}, {'seller-sku': 'B'}, separator=separator, end=separator)
                self.assertEqual([listing.sku for listing in found.listings], ['MUG', 'B'])
                self.assertEqual(found.listings[0], READ_MUG)
                self.assertTrue(found.is_whole)

    def test_other_breaks_are_within_a_title(self):
        title = 'Mug\u2028blue\x85big\x0bold\x1cnew\rend'
        self.assertEqual(read_one(item_name=title).title, 'Mug blue big old new end')

    def test_texts_come_without_what_garbles_them(self):
        listing = read_one(item_name=' \u202eMug\x07 ', seller_sku=' A\x01/B #% ä🎁 ')
        self.assertEqual((listing.title, listing.sku), ('Mug', 'A/B #% ä🎁'))

    def test_what_is_no_report_is_refused(self):
        self.assertMalformed(b'', "is empty")
        self.assertMalformed(b' \r\n ', "is empty")
        self.assertMalformed(b'\xef\xbb\xbf', "is empty")
        self.assertMalformed(b'\n <!DOCTYPE html><p>seller-sku</p>', "is HTML or XML")
        self.assertMalformed(b'order-id\tasin1\n1\tB000000001\n', "has no column for the SKU")
        self.assertMalformed(write({}).encode('utf-16-le'), "is not a text")
        self.assertMalformed(b'\x81\x8d\x8f' * 100, "is not a text")
        self.assertMalformed(bytes(range(256)) * 10, "is not a text")
        self.assertMalformed(b'seller-sku' + b'\na' * (10**6 + 1), "has too many lines")

    def test_no_listings_are_no_error(self):
        for content in (write(), write(end='')):
            found = parse_listings_report(content.encode())
            self.assertEqual((found.listings, found.broken, found.is_whole), ((), (), True))

    def test_a_header_that_breaks_off_says_nothing_of_what_is_listed(self):
        content = write(end='')
        found = parse_listings_report(content[:content.index('quantity')].encode())
        self.assertFalse(found.is_whole)

    def test_a_line_without_sku_stays_out(self):
        found = read({'seller-sku': ' '}, {})
        self.assertEqual(found.broken, (BrokenLine(2, '', report.NO_SKU),))
        self.assertEqual(found.listings, (READ_MUG,))
        self.assertTrue(found.is_whole)

    def test_a_sku_that_is_too_long_stays_out(self):
        found = read({'seller-sku': 'x' * 501}, {})
        self.assertEqual(found.broken, (BrokenLine(2, 'x' * 500, report.LONG_SKU),))

    def test_a_sku_counts_once(self):
        found = read({}, {}, {'price': '13.99'}, {'seller-sku': 'mug'})
        self.assertEqual([listing.sku for listing in found.listings], ['MUG', 'mug'])
        self.assertEqual(found.listings[0].price, Decimal('12.99'))
        self.assertEqual(found.broken, (BrokenLine(4, 'MUG', report.TWICE),))

    def test_a_report_that_comes_doubled_says_the_same(self):
        for mark in ('', '\ufeff'):
            found = parse_listings_report((mark + write({}, {'seller-sku': 'B'})).encode() * 2)
            self.assertEqual([listing.sku for listing in found.listings], ['MUG', 'B'])
            self.assertEqual((found.broken, found.is_whole), ((), True))

    def test_empty_cells_at_the_end_may_be_missing(self):
        text = write({}, {'seller-sku': 'B'}).replace('Active\t\n', 'Active\n')
        found = parse_listings_report(text.encode())
        self.assertEqual([listing.status for listing in found.listings], ['active'] * 2)
        self.assertTrue(found.is_whole)
        self.assertTrue(parse_listings_report(text.rstrip('\n').encode()).is_whole)

    def test_a_line_that_is_too_short_stays_out(self):
        lines = write({}, {'seller-sku': 'B'}).split('\n')
        lines[1] = TAB.join(lines[1].split(TAB)[:10])
        found = parse_listings_report('\n'.join(lines).encode())
        self.assertEqual(found.broken, (BrokenLine(2, 'MUG', report.SHORT),))
        self.assertEqual([listing.sku for listing in found.listings], ['B'])
        self.assertFalse(found.is_whole)

    def test_a_line_that_is_too_long_stays_out(self):
        lines = write({}, {'seller-sku': 'B'}).split('\n')
        lines[1] += '\t\t'
        lines[2] += '\tmore'
        found = parse_listings_report('\n'.join(lines).encode())
        self.assertEqual(found.listings, (READ_MUG,))
        self.assertEqual(found.broken, (BrokenLine(3, 'B', report.LONG),))

    def test_wherever_a_report_breaks_off_it_is_not_whole(self):
        content = write({}, {'seller-sku': 'B'}, {'seller-sku': 'C', 'status': 'Größe'}).encode()
        start = content.index(b'C\t') + 1  # so that the line has a SKU
        end = content.rindex(b'\t', 0, -2) + 1
        for length in range(start, end):
            found = parse_listings_report(content[:length])
            self.assertFalse(found.is_whole, content[:length])
            self.assertEqual([listing.sku for listing in found.listings], ['MUG', 'B'])
            self.assertEqual([line.number for line in found.broken], [4])

    def test_a_report_that_breaks_off_within_a_character_is_not_whole(self):
        content = 'item-name\tseller-sku\nMug ö\tA\nMug\tÖ'.encode()
        self.assertTrue(parse_listings_report(content).is_whole)
        found = parse_listings_report(content[:-1])
        self.assertFalse(found.is_whole)
        self.assertEqual([(listing.title, listing.sku) for listing in found.listings],
                         [('Mug ö', 'A')])

    def test_prices_are_never_guessed(self):
        for text, language, price in (
            ('1234.56', '', '1234.56'), ('1,234.56', '', '1234.56'), ('1.234,56', '', '1234.56'),
            ('1234,56', '', '1234.56'), ('￥1,980', '', '1980'), ('1,980', 'ja', '1980'),
            ('1980', '', '1980'), ('1.234', 'de_DE', '1234'), ('1,234', 'en_US', '1234'),
            ('1,234', 'de', None), ('1.234', 'en', None), ('1.234', '', None), ('1,234', '', None),
            ('1.234', 'es', '1234'), ('1.234', 'es_MX', None), ('1,234', 'es_MX', '1234'),
            ('1.234.567', '', '1234567'), ('1,234,567.8', '', '1234567.8'), ('0.999', '', '0.999'),
            ('12,34,567.00', 'en_IN', '1234567.00'), ('1 234,56', 'fr', '1234.56'),
            ('1\u202f234', 'fr', '1234'), ("1'234.50", '', '1234.50'), ('12.99 EUR', '', '12.99'),
            ('€12,99', '', '12.99'), ('R$ 1.234,56', 'pt_BR', '1234.56'), ('１２', 'ja', '12'),
            ('12,9', '', '12.9'), ('0', '', '0'), ('1234,567', '', '1234.567'),
            ('12.99 EUR 14.99 USD', '', None), ('12.99/14.99', '', None), ('-5', '', None),
            ('1.2.3', '', None), ('1,23.4', '', None), ('1.234,56,78', '', None),
            ('free', '', None), ('12 34', '', None), ('NaN', '', None), ('1e5', '', None),
            ('9' * 14, '', None), ('9' * 10**5, '', None), ('.5', '', None), ('5.', '', None),
        ):
            with self.subTest(text[:20], language=language):
                found = read({'price': text}, language=language)
                self.assertEqual(found.listings[0].price, price and Decimal(price))
                notes = () if price else (BrokenLine(2, 'MUG', report.NO_PRICE),)
                self.assertEqual(found.notes, notes)

    @WITHOUT_HASTE
    @given(st.integers(0, 10**9), st.sampled_from(((',', '.'), ('.', ','), (' ', ','))))
    def test_what_people_write_is_read_again(self, cents, signs):
        group, point = signs
        text = f'{cents // 100:,}.{cents % 100:02}'.translate({44: group, 46: point})
        self.assertEqual(read_amount(text), Decimal(cents) / 100)

    def test_no_price_is_no_doubt(self):
        found = read({'price': '', 'quantity': ''})
        self.assertEqual((found.listings[0].price, found.listings[0].quantity), (None, None))
        self.assertEqual(found.notes, ())

    def test_quantities_are_whole_numbers(self):
        for text, quantity in (('0', 0), ('12', 12), ('12.0', 12), ('2147483647', 2**31 - 1)):
            self.assertEqual(read_one(quantity=text).quantity, quantity)
        for text in ('-1', '1.5', 'many', '1,000', '2147483648', '9' * 10**5, '٣'):
            found = read({'quantity': text})
            self.assertIsNone(found.listings[0].quantity)
            self.assertEqual(found.notes, (BrokenLine(2, 'MUG', report.NO_QUANTITY),))

    def test_the_channel_is_told_or_not(self):
        for text, channel in (
            ('DEFAULT', 'fbm'), ('default', 'fbm'), ('AMAZON_EU', 'fba'), ('AMAZON_JP', 'fba'),
            ('', ''), ('SOMETHING', ''),
        ):
            self.assertEqual(read_one(fulfillment_channel=text).channel, channel)

    def test_statuses_come_in_english(self):
        for text, status in (
            ('Active', 'active'), ('Inaktiv', 'inactive'), ('UNVOLLSTÄNDIG', 'incomplete'),
            ('停止中', 'inactive'), ('Removed', 'removed'), ('', ''), ('Gesperrt', 'gesperrt'),
        ):
            self.assertEqual(read_one(status=text).status, status)

    def test_conditions_have_names(self):
        for text, condition in (
            ('1', 'used_like_new'), ('8', 'collectible_acceptable'), ('10', 'refurbished'),
            ('11', 'new'), ('12', ''), ('', ''),
        ):
            self.assertEqual(read_one(item_condition=text).condition, condition)

    def test_times_are_read_where_they_are_clear(self):
        for text, expected in (
            ('2025-07-05 01:02:03 PDT', (2025, 7, 5, 8, 2, 3)),
            ('05/03/2024 10:12:40 GMT', (2024, 3, 5, 10, 12, 40)),
            ('29/09/2025 16:19:39 BST', (2025, 9, 29, 15, 19, 39)),
            ('05.03.2024 10:12:40 MET', (2024, 3, 5, 9, 12, 40)),
            ('05/08/2024 10:12:40 MEST', (2024, 8, 5, 8, 12, 40)),
            ('2024/01/01 08:00:00 JST', (2023, 12, 31, 23)),
            ('2024-03-05T10:12:40+01:00', (2024, 3, 5, 9, 12, 40)),
            ('2024-03-05 10:12 UTC', (2024, 3, 5, 10, 12)),
        ):
            self.assertEqual(read_one(open_date=text).opened_at,
                             datetime(*expected, tzinfo=timezone.utc), text)
        for text in (
            '05/03/2024 10:12:40 PST', '05/03/2024 10:12:40', '2024-03-05',
            '2024-02-30 1:00:00 GMT', '2024-03-05 10:12:40 XYZ', '0001-01-01 00:00:00 JST',
            '9999-12-31 23:59:59 PST', 'now',
        ):
            self.assertIsNone(read_one(open_date=text).opened_at, text)

    def test_barcodes_are_told_from_other_ids(self):
        for kind, product_id, barcode in (
            ('4', '4006381333931', True), ('3', '036000291452', True), ('4', '96385074', True),
            ('2', '9783161484100', True), ('2', '3161484100', False), ('1', 'B000000001', False),
            ('', '4006381333931', True), ('', '4006381333932', False), ('', '036000291452', True),
            ('3', 'abc', False), ('3', '123', False), ('7', '4006381333931', False),
            ('4', '４００６３８１３３３９３１', False),
        ):
            with self.subTest(product_id, kind=kind):
                listing = read_one(product_id_type=kind, product_id=product_id)
                self.assertEqual(listing.barcode, product_id if barcode else '')

    def test_the_asin_may_be_told_as_the_id(self):
        for kind, product_id, asin in (
            ('1', 'B000000002', 'B000000002'), ('1', '3161484100', '3161484100'),
            ('', 'B000000002', 'B000000002'), ('4', '4006381333931', ''),
        ):
            listing = read_one(asin1='', product_id_type=kind, product_id=product_id)
            self.assertEqual(listing.asin, asin)

    def test_ten_thousand_lines_take_no_second(self):
        content = write(*({'seller-sku': f'SKU {number}'} for number in range(10_000))).encode()
        started = time.process_time()
        found = parse_listings_report(content, 'de')
        self.assertLess(time.process_time() - started, 1)
        self.assertEqual(len(found.listings), 10_000)

    @WITHOUT_HASTE
    @given(st.binary(max_size=300), st.sampled_from(('', 'de', 'ja_JP')), st.booleans())
    def test_nothing_but_a_refusal_comes_of_odd_bytes(self, content, language, has_header):
        try:
            parse_listings_report(write().encode() * has_header + content, language)
        except Malformed as error:
            self.assertEqual(error.operation, report.REPORT_TYPE)

    @WITHOUT_HASTE
    @given(
        st.lists(st.dictionaries(
            st.sampled_from(HEADER), st.sampled_from(ODD_CELLS), max_size=6,
        ), max_size=6),
        st.sampled_from(('utf-8', 'utf-8-sig', 'utf-16')),
        st.sampled_from(('\n', '\r\n')),
        st.integers(0, 40),
    )
    def test_each_line_is_a_listing_or_told_broken(self, lines, encoding, separator, missing):
        text = write(*lines, separator=separator, end='')
        content = text[:len(text) - missing * bool(lines)].encode(encoding)
        found = parse_listings_report(content)
        skus = [listing.sku for listing in found.listings]
        self.assertEqual(len(skus), len(set(skus)))
        self.assertTrue(all(skus))
        self.assertLessEqual({note.sku for note in found.notes}, set(skus))
        told = {line.number for line in found.broken}
        for number, line in enumerate(lines, start=2):
            if number not in told:
                self.assertIn(clean(line.get('seller-sku', 'MUG')), skus)


def render_item(**details):
    """Return a listing as Amazon sends it."""
    return {
        'sku': 'MUG',
        'summaries': [
            {'marketplaceId': FRANCE, 'asin': 'B999999999', 'status': []},
            {
                'marketplaceId': GERMANY, 'asin': 'B000000001', 'itemName': 'Mug',
                'productType': 'MUG', 'conditionType': 'new_new', 'fnSku': 'X001',
                'status': ['BUYABLE', 'DISCOVERABLE'],
            },
        ],
        'offers': [render_offer('12.99')],
        'fulfillmentAvailability': [{'fulfillmentChannelCode': 'DEFAULT', 'quantity': 7}],
        'issues': [{'code': '1', 'message': 'No image', 'severity': 'WARNING', 'categories': []}],
        **details,
    }


def render_offer(amount, currency='EUR', kind='B2C', marketplace_id=GERMANY, **details):
    return {
        'marketplaceId': marketplace_id, 'offerType': kind,
        'price': {'amount': amount, 'currencyCode': currency}, **details,
    }


def read_item(**details):
    """Return what is read of a listing."""
    return parse_search({'items': [render_item(**details)]}, GERMANY)[0]


@tagged('post_install', '-at_install')
class TestListedItems(BaseCase):

    def test_a_listing_is_that_of_its_marketplace(self):
        item = read_item()
        self.assertEqual(item, ListedItem(
            sku='MUG',
            asin='B000000001',
            title='Mug',
            statuses=frozenset({'BUYABLE', 'DISCOVERABLE'}),
            condition='new',
            channels=frozenset({'DEFAULT'}),
            quantity=7,
            price=Decimal('12.99'),
            currency='EUR',
            fn_sku='X001',
            issues=(listings.Issue('1', 'No image', 'WARNING'),),
        ))

    def test_a_listing_may_hold_nothing_but_its_sku(self):
        item, = parse_search({'items': [{'sku': 'MUG'}, {'sku': ''}, {}, None]}, GERMANY)
        self.assertEqual((item.sku, item.channel), ('MUG', ''))
        self.assertEqual((item.quantity, item.price), (None, None))

    def test_an_answer_without_a_list_is_refused(self):
        for payload in ({}, {'items': None}, {'items': {}}):
            with self.assertRaises(Malformed):
                parse_search(payload, GERMANY)

    def test_only_one_stock_of_the_merchants_is_fbm(self):
        for codes, channel in (
            (('DEFAULT',), 'fbm'), (('AMAZON_EU',), 'fba'), (('AMAZON_EU', 'AMAZON_NA'), 'fba'),
            (('DEFAULT', 'AMAZON_EU'), 'both'), (('DEFAULT', 'warehouse-2'), 'both'),
            (('warehouse-2',), ''), ((), ''), (('DEFAULT', None), 'both'),
        ):
            with self.subTest(codes):
                item = read_item(fulfillmentAvailability=[
                    {'fulfillmentChannelCode': code, 'quantity': 3} for code in codes
                ])
                self.assertEqual(item.channel, channel)
                self.assertEqual(item.quantity, 3 if 'DEFAULT' in codes else None)

    def test_the_price_is_what_everybody_pays(self):
        for offers, price in (
            ([render_offer('9', kind='B2B'), render_offer('12')], ('12', 'EUR')),
            ([render_offer('9', kind='B2B')], ('9', 'EUR')),
            ([render_offer('12'), render_offer('13', 'SEK')], None),
            ([render_offer('9', marketplace_id=FRANCE)], None),
            ([render_offer('9', audience={'value': 'B2B_EDUCATION'}),
              render_offer('12', audience={'value': 'ALL'})], ('12', 'EUR')),
            ([render_offer('x')], None),
            ([], None),
        ):
            item = read_item(offers=offers)
            expected = (Decimal(price[0]), price[1]) if price else (None, '')
            self.assertEqual((item.price, item.currency), expected)

    def test_an_issue_of_unknown_severity_is_an_error(self):
        item = read_item(issues=[{'severity': 'FATAL', 'code': '9', 'message': 'x\ny'}, None])
        self.assertEqual(item.issues, (listings.Issue('9', 'x y', 'ERROR'),))


@tagged('post_install', '-at_install')
class TestListingsCalls(WireCase):

    def test_all_pages_are_asked_for(self):
        client = self.tell(
            {'items': [render_item()], 'pagination': {'nextToken': 'more'}},
            {'items': [render_item(sku='B')]},
        )
        found = listings.search_listings(client, 'S1', GERMANY, ['MUG', 'ä/&'])
        self.assertEqual([item.sku for item in found], ['MUG', 'B'])
        first, second = self.amazon.requests
        query = {
            'marketplaceIds': GERMANY, 'identifiers': 'MUG,ä/&', 'identifiersType': 'SKU',
            'includedData': 'summaries,fulfillmentAvailability,offers,issues', 'pageSize': '20',
        }
        self.assertEqual(first, ('GET', '/listings/2021-08-01/items/S1', query, None))
        self.assertEqual(second[2], {**query, 'pageToken': 'more'})

    def test_a_search_without_end_ends(self):
        page = {'items': [], 'pagination': {'nextToken': 'more'}}
        listings.search_listings(self.tell(*[page] * 9), 'S1', GERMANY, ['MUG'])
        self.assertEqual(len(self.amazon.requests), listings.MAX_PAGES)

    def test_a_listing_that_amazon_does_not_have_is_none(self):
        client = self.tell({'errors': [{'code': 'NOT_FOUND', 'message': "SKU not found"}]})
        self.assertIsNone(listings.fetch_listing(client, 'S1', GERMANY, 'MUG'))
        client = self.tell(render_item())
        self.assertEqual(listings.fetch_listing(client, 'S1', GERMANY, 'MUG'), read_item())

    def test_a_patch_goes_to_its_sku(self):
        for sku, path in (
            ('MUG', 'MUG'), ('A/B #%?&+', 'A%2FB%20%23%25%3F%26%2B'), ('%2F', '%252F'),
            ('ä🎁', '%C3%A4%F0%9F%8E%81'), ('...', '...'), ('../B', '..%2FB'), ('.B~', '.B~'),
            ('{0}', '%7B0%7D'), ('a;b=c@d:e', 'a%3Bb%3Dc%40d%3Ae'),
        ):
            with self.subTest(sku):
                client = self.tell({'sku': sku, 'status': 'ACCEPTED', 'submissionId': 'abc'})
                self.limiter.buckets.clear()
                submission = listings.patch_listing(
                    client, 'S1', GERMANY, sku, [QuantityPatch(1)], locale='de_DE',
                )
                self.assertTrue(submission.is_accepted)
                self.assertEqual(self.amazon.requests, [(
                    'PATCH',
                    f'/listings/2021-08-01/items/S1/{path}',
                    {'marketplaceIds': GERMANY, 'includedData': 'issues', 'issueLocale': 'de_DE'},
                    {'productType': 'PRODUCT', 'patches': [build_patch(QuantityPatch(1))]},
                )])

    def test_a_sku_that_leads_elsewhere_is_not_sent(self):
        for sku in ('', '.', '..'):
            client = self.tell()
            with self.assertRaises(Rejected):
                listings.patch_listing(client, 'S1', GERMANY, sku, [QuantityPatch(1)])
            with self.assertRaises(Rejected):
                listings.fetch_listing(client, 'S1', GERMANY, sku)
            self.assertFalse(self.amazon.requests)


@tagged('post_install', '-at_install')
class TestChanges(BaseCase):

    def test_a_quantity_leaves_the_rest_alone(self):
        self.assertEqual(build_patch(QuantityPatch(20)), {
            'op': 'merge',
            'path': '/attributes/fulfillment_availability',
            'value': [{'fulfillment_channel_code': 'DEFAULT', 'quantity': 20}],
        })

    def test_a_price_is_that_of_everybody_on_one_marketplace(self):
        self.assertEqual(build_patch(PricePatch(GERMANY, 'EUR', Decimal('12.30'))), {
            'op': 'merge',
            'path': '/attributes/purchasable_offer',
            'value': [{
                'marketplace_id': GERMANY, 'currency': 'EUR', 'audience': 'ALL',
                'our_price': [{'schedule': [{'value_with_tax': 12.3}]}],
            }],
        })

    @WITHOUT_HASTE
    @given(st.integers(0, 10**11))
    def test_amounts_are_written_with_their_digits(self, cents):
        price = Decimal(cents) / 100
        value = build_patch(PricePatch(GERMANY, 'EUR', price))['value'][0]
        written = json.dumps(value['our_price'][0]['schedule'][0]['value_with_tax'])
        self.assertRegex(written, r'^\d+(\.\d\d?)?$')
        self.assertEqual(Decimal(written), price)

    def test_invalid_is_an_answer(self):
        submission = parse_submission({'status': 'INVALID', 'submissionId': 'x', 'issues': [
            {'code': '1', 'message': 'Too many', 'severity': 'ERROR'},
            {'code': '2', 'message': 'Beware', 'severity': 'WARNING'},
        ]})
        self.assertFalse(submission.is_accepted)
        self.assertEqual(submission.errors, (listings.Issue('1', 'Too many', 'ERROR'),))
        self.assertEqual(len(submission.issues), 2)

    def test_an_answer_without_status_is_refused(self):
        with self.assertRaises(Malformed):
            parse_submission({'sku': 'MUG'})


def render_report(*issues, processed=2, accepted=2, invalid=0):
    return json.dumps({
        'header': {'sellerId': 'S1', 'version': '2.0', 'feedId': '1'},
        'issues': list(issues),
        'summary': {
            'errors': len(issues), 'warnings': 0, 'messagesProcessed': processed,
            'messagesAccepted': accepted, 'messagesInvalid': invalid,
        },
    }).encode()


def issue(number=None, severity='ERROR', code='90220'):
    details = {} if number is None else {'messageId': number}
    return {'sku': 'MUG', 'code': code, 'severity': severity, 'message': 'No', **details}


@tagged('post_install', '-at_install')
class TestListingsFeed(BaseCase):

    def test_a_feed_holds_its_messages_in_order(self):
        price = PricePatch(GERMANY, 'EUR', Decimal('5'))
        content = build_listings_feed('S1', [
            Message('A/ü🎁\x00', (QuantityPatch(0),)), Message('B', (QuantityPatch(2), price)),
        ], locale='de_DE')
        self.assertEqual(json.loads(content), {
            'header': {'sellerId': 'S1', 'version': '2.0', 'issueLocale': 'de_DE'},
            'messages': [
                {
                    'messageId': 1, 'sku': 'A/ü🎁', 'operationType': 'PATCH',
                    'productType': 'PRODUCT', 'patches': [build_patch(QuantityPatch(0))],
                },
                {
                    'messageId': 2, 'sku': 'B', 'operationType': 'PATCH', 'productType': 'PRODUCT',
                    'patches': [build_patch(QuantityPatch(2)), build_patch(price)],
                },
            ],
        })

    def test_as_many_quantities_as_fit_are_small_enough(self):
        message = Message('x' * 40, (QuantityPatch(10**6),))
        content = build_listings_feed('S1', [message] * listings_feed.MAX_MESSAGES)
        self.assertLess(len(content), listings_feed.MAX_SIZE)

    def test_a_report_says_what_became_of_each_message(self):
        found = parse_report(render_report(
            issue(1), issue(2, 'WARNING', '1'), accepted=1, invalid=1,
        ))
        self.assertEqual((found.seller_id, found.processed, found.accepted, found.invalid),
                         ('S1', 2, 1, 1))
        self.assertEqual(found.get_errors(1), (listings.Issue('90220', 'No', 'ERROR'),))
        self.assertEqual(found.get_warnings(1), ())
        self.assertEqual(found.get_errors(2), ())
        self.assertEqual(found.get_warnings(2), (listings.Issue('1', 'No', 'WARNING'),))
        self.assertTrue(found.accounts_for(2))

    def test_what_is_said_of_the_feed_is_said_of_each_message(self):
        for number in (None, 0, 'x', -1):
            found = parse_report(render_report(issue(number), accepted=0, invalid=2))
            self.assertEqual(len(found.get_errors(7)), 1)
            self.assertFalse(found.accounts_for(2))

    def test_a_report_on_half_of_the_messages_does_not_account_for_all(self):
        self.assertTrue(parse_report(render_report()).accounts_for(2))
        self.assertFalse(parse_report(render_report()).accounts_for(4))
        self.assertFalse(parse_report(render_report(processed=4)).accounts_for(4))
        self.assertFalse(parse_report(
            render_report(accepted=0, invalid=2),
        ).accounts_for(2))

    def test_of_many_issues_of_a_message_the_first_are_told(self):
        found = parse_report(render_report(*[issue(1)] * 9, *[issue(2)] * 3000))
        self.assertEqual([len(found.get_errors(number)) for number in (1, 2)], [5, 5])

    def test_a_mark_in_front_does_not_matter(self):
        self.assertEqual(parse_report(b'\xef\xbb\xbf' + render_report()).processed, 2)

    def test_what_is_no_report_is_refused(self):
        for content in (
            b'', b'<html>', b'[]', b'{}', b'null', b'{"header": {}, "issues": []}',
            render_report(processed=None), render_report(processed='x'),
            render_report().replace(b'[]', b'7'),
        ):
            with self.assertRaises(Malformed):
                parse_report(content)


def render_stock(**details):
    return {
        'sellerSku': 'MUG', 'asin': 'B000000001', 'fnSku': 'X001', 'condition': 'NewItem',
        'lastUpdatedTime': '2026-11-20T12:00:00Z', 'totalQuantity': 9, **details,
    }


def render_page(*summaries, **details):
    return {'payload': {'granularity': {}, 'inventorySummaries': list(summaries)}, **details}


@tagged('post_install', '-at_install')
class TestInventory(WireCase):

    def test_every_figure_has_its_place(self):
        page = inventory.parse_page(render_page(render_stock(inventoryDetails={
            'fulfillableQuantity': 1, 'inboundWorkingQuantity': 2, 'inboundShippedQuantity': 3,
            'inboundReceivingQuantity': 4,
            'reservedQuantity': {
                'totalReservedQuantity': 18, 'pendingCustomerOrderQuantity': 5,
                'pendingTransshipmentQuantity': 6, 'fcProcessingQuantity': 7,
            },
            'researchingQuantity': {'totalResearchingQuantity': 8},
            'unfulfillableQuantity': {
                'totalUnfulfillableQuantity': 69, 'customerDamagedQuantity': 9,
                'warehouseDamagedQuantity': 10, 'distributorDamagedQuantity': 11,
                'carrierDamagedQuantity': 12, 'defectiveQuantity': 13, 'expiredQuantity': 14,
            },
        }), pagination={'nextToken': 'more'}))
        stock = inventory.Stock(
            sku='MUG', asin='B000000001', fn_sku='X001', condition='NewItem', updated_at=NOON,
            fulfillable=1, inbound_working=2, inbound_shipped=3, inbound_receiving=4, reserved=18,
            reserved_orders=5, reserved_transfers=6, reserved_processing=7, unfulfillable=69,
            customer_damaged=9, warehouse_damaged=10, distributor_damaged=11, carrier_damaged=12,
            defective=13, expired=14, researching=8, is_detailed=True,
        )
        self.assertEqual(page, inventory.Page((stock,), 'more'))
        self.assertEqual(stock.inbound, 9)

    def test_what_is_not_told_is_zero(self):
        page = inventory.parse_page(render_page(render_stock(), {'sellerSku': 'B'}, {'asin': 'X'}))
        self.assertEqual([stock.sku for stock in page.stocks], ['MUG', 'B'])
        self.assertEqual([stock.is_detailed for stock in page.stocks], [False, False])
        self.assertEqual((page.stocks[0].fulfillable, page.next_token), (0, ''))

    def test_a_figure_that_cannot_be_read_is_not_zero(self):
        page = inventory.parse_page(render_page(
            render_stock(inventoryDetails={'fulfillableQuantity': 'x'}),
            render_stock(sellerSku='B', inventoryDetails=[]),
            render_stock(sellerSku='C', inventoryDetails={'reservedQuantity': {
                'totalReservedQuantity': -1,
            }}),
            render_stock(sellerSku='D'),
        ))
        self.assertEqual([stock.sku for stock in page.stocks], ['D'])
        self.assertEqual(page.unreadable, ('MUG', 'B', 'C'))

    def test_what_is_no_page_is_refused(self):
        for payload in ({}, {'payload': {}}, {'payload': {'inventorySummaries': {}}}):
            with self.assertRaises(Malformed):
                inventory.parse_page(payload)

    def test_a_page_is_asked_for(self):
        path = '/fba/inventory/v1/summaries'
        query = {
            'details': 'true', 'granularityType': 'Marketplace', 'granularityId': GERMANY,
            'marketplaceIds': GERMANY,
        }
        for options, more in (
            ({}, {}),
            ({'since': NOON, 'token': 'more', 'skus': ['A', 'B']}, {
                'startDateTime': '2026-11-20T12:00:00Z', 'nextToken': 'more', 'sellerSkus': 'A,B',
            }),
            ({'skus': ['A,B']}, {'sellerSku': 'A,B'}),
        ):
            client = self.tell(render_page())
            self.limiter.buckets.clear()
            inventory.fetch_page(client, GERMANY, **options)
            self.assertEqual(self.amazon.requests, [('GET', path, {**query, **more}, None)])


def render_entry(**details):
    return {
        'reportId': '1', 'reportType': report.REPORT_TYPE, 'processingStatus': 'DONE',
        'createdTime': '2026-11-20T12:00:00Z', 'reportDocumentId': 'd1',
        'marketplaceIds': [GERMANY], **details,
    }


@tagged('post_install', '-at_install')
class TestReports(WireCase):

    def test_a_report_is_asked_for(self):
        body = {'reportType': report.REPORT_TYPE, 'marketplaceIds': [GERMANY]}
        for options, more in ((report.OPTIONS, {'reportOptions': report.OPTIONS}), ({}, {})):
            client = self.tell({'reportId': '7'})
            number = reports.create_report(client, report.REPORT_TYPE, [GERMANY], options)
            self.assertEqual(number, '7')
            self.assertEqual(self.amazon.requests, [
                ('POST', '/reports/2021-06-30/reports', {}, {**body, **more}),
            ])

    def test_a_report_tells_how_far_it_is(self):
        for status, is_over in (
            ('DONE', True), ('FATAL', True), ('CANCELLED', True), ('IN_QUEUE', False),
            ('IN_PROGRESS', False), ('NEW_WORD', False),
        ):
            found = reports.fetch_report(self.tell(render_entry(processingStatus=status)), '1')
            self.assertEqual(found, reports.Report(
                '1', report.REPORT_TYPE, status, 'd1', NOON, (GERMANY,),
            ))
            self.assertEqual(found.is_over, is_over)
        self.assertEqual(self.amazon.requests, [
            ('GET', '/reports/2021-06-30/reports/1', {}, None),
        ])
        with self.assertRaises(Malformed):
            reports.fetch_report(self.tell({'reportId': '1'}), '1')

    def test_recent_reports_come_newest_first(self):
        client = self.tell({'reports': [
            render_entry(), render_entry(reportId='2', createdTime='2026-11-21T12:00:00Z'),
            render_entry(reportId=3), render_entry(reportId='4', createdTime=None), None,
        ]})
        found = reports.fetch_recent_reports(client, report.REPORT_TYPE, [GERMANY, FRANCE], NOON)
        self.assertEqual([entry.report_id for entry in found], ['2', '1', '4'])
        self.assertEqual(self.amazon.requests, [('GET', '/reports/2021-06-30/reports', {
            'reportTypes': report.REPORT_TYPE, 'marketplaceIds': f'{GERMANY},{FRANCE}',
            'processingStatuses': 'DONE,IN_PROGRESS,IN_QUEUE', 'pageSize': '100',
            'createdSince': '2026-11-20T12:00:00Z',
        }, None)])

    def test_a_document_comes_unpacked(self):
        address = {'reportDocumentId': 'd/1', 'url': f'{self.amazon.url}/signed?x=1'}
        content = write({}).encode()
        for document in (content, gzip.compress(content)):
            client = self.tell(address, document)
            self.assertEqual(reports.fetch_document(client, 'd/1'), content)
            self.assertEqual([path for _verb, path, _query, _body in self.amazon.requests],
                             ['/reports/2021-06-30/documents/d%2F1', '/signed'])
