"""Amazon's report on all that the seller has listed on a marketplace.

Source: "All Listings Report" of the report type values. Its columns come and go, and have names in
the language of the seller where Amazon overlooks which one it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from .errors import Malformed
from .local_numbers import read_amount
from .payload import MAX_COUNT, MAX_LENGTH, YEARS, parse_time
from .tables import REPLACEMENT, Table, read_table
from .texts import clean

REPORT_TYPE = 'GET_MERCHANT_LISTINGS_ALL_DATA'
OPTIONS = {'preferredReportDocumentLocale': 'en_US'}

# Why a line stays out.
NO_SKU = "the SKU is missing"
UNREADABLE_SKU = "the SKU has characters that cannot be read"
LONG_SKU = f"the SKU is longer than {MAX_LENGTH} characters"
TWICE = "the SKU stands in the report twice"
SHORT = "the line has fewer cells than the header"
LONG = "the line has more cells than the header"
CUT = "the report breaks off in this line"
# Why it comes in without something.
NO_PRICE = "the price cannot be read beyond doubt"
NO_QUANTITY = "the quantity is not a whole number"

# How Amazon calls the columns, in English first.
COLUMNS = {
    'sku': (
        'seller-sku', 'sku', 'Händler-SKU', 'sku-vendeur', 'SKU del vendedor', 'SKU venditore',
        'sku-sprzedawcy', 'sku-do-vendedor', '出品者SKU', '卖家 SKU', 'sku-البائع',
    ),
    'asin': ('asin1', 'asin'),
    'title': (
        'item-name', 'Artikelbezeichnung', 'nom-produit', 'Título del producto',
        "Nome dell'articolo", 'nazwa-produktu', 'nome-do-item', '商品名', '商品名称', 'اسم-المنتج',
    ),
    'price': (
        'price', 'Preis', 'prix', 'Precio', 'Prezzo', 'cena', 'preço', '価格', '价格', 'السعر',
    ),
    'quantity': (
        'quantity', 'Menge', 'quantité', 'Cantidad', 'Quantità', 'ilość', 'quantidade', '数量',
        'الكمية',
    ),
    'channel': (
        'fulfillment-channel', 'fulfilment-channel', 'Versender', 'canal-traitement',
        'Canal de gestión logística', 'Canale di gestione', 'kanał-realizacji',
        'フルフィルメント・チャンネル', '配送渠道', 'قناة-الشحن',
    ),
    'status': ('status', 'état', 'estado', 'stato', 'durum', 'ステータス', '状态', 'الحالة'),
    'condition': (
        'item-condition', 'Artikelzustand', 'état-produit', 'Estado del producto',
        "Condizione dell'articolo", 'stan-produktu', 'コンディション', '商品状况', 'حالة-المنتج',
    ),
    'opened_at': (
        'open-date', 'Erstellungsdatum', 'date-ouverture', 'Fecha de creación',
        'Data di creazione', 'data-otwarcia', '出品日', '开售日期', 'تاريخ-مفتوح',
    ),
    'product_id': (
        'product-id', 'Produkt-ID', 'id-produit', 'Identificador del producto',
        'Identificativo del prodotto', 'identyfikator-produktu', '商品ID', '商品编码',
        'رقم-المنتج',
    ),
    'product_id_type': (
        'product-id-type', 'Produkt-ID-Typ', 'type-id-produit',
        'Tipo de identificador de producto', 'Tipo di identificativo del prodotto',
        'typ-identyfikatora-produktu', '商品IDタイプ', '商品编码类型', 'نوع-رقم-المنتج',
    ),
}

STATUSES = {
    'active': (
        'aktiv', 'aktif', 'etkin', 'actif', 'activo', 'activa', 'attivo', 'attiva', 'ativo',
        'actief', 'aktywny', 'aktywna', 'aktywne', '出品中', 'アクティブ', '在售',
    ),
    'inactive': (
        'inaktiv', 'pasif', 'etkin değil', 'inactif', 'inactivo', 'inactiva', 'inattivo',
        'inattiva', 'non attivo', 'inativo', 'inactief', 'nieaktywny', 'nieaktywna', 'nieaktywne',
        '停止中', '非アクティブ', '不可售',
    ),
    'incomplete': (
        'unvollständig', 'eksik', 'incomplet', 'incompleto', 'incompleta', 'onvolledig',
        'niekompletny', 'niekompletna', 'niekompletne', 'ofullständig', '未完了', '不完整',
    ),
}
ENGLISH_STATUSES = {word: status for status, words in STATUSES.items() for word in words}

CONDITIONS = {
    '1': 'used_like_new',
    '2': 'used_very_good',
    '3': 'used_good',
    '4': 'used_acceptable',
    '5': 'collectible_like_new',
    '6': 'collectible_very_good',
    '7': 'collectible_good',
    '8': 'collectible_acceptable',
    '9': 'used',
    '10': 'refurbished',
    '11': 'new',
}

ASIN_TYPE, ISBN_TYPE, UPC_TYPE, EAN_TYPE = '1', '2', '3', '4'
ASIN = re.compile(r'B[0-9A-Z]{9}')
BARCODE_LENGTHS = (8, 12, 13, 14)

# Hours by which the clocks of the marketplaces are ahead of UTC. Those where the day is written
# before the month are the European ones.
EUROPEAN_ZONES = {
    'GMT': 0, 'BST': 1, 'WET': 0, 'WEST': 1, 'MET': 1, 'MEST': 2, 'CET': 1, 'CEST': 2, 'EET': 2,
    'EEST': 3, 'TRT': 3,
}
ZONES = {
    **EUROPEAN_ZONES, 'UTC': 0, 'Z': 0, 'PST': -8, 'PDT': -7, 'MST': -7, 'MDT': -6, 'CST': -6,
    'CDT': -5, 'EST': -5, 'EDT': -4, 'BRT': -3, 'BRST': -2, 'GST': 4, 'IST': 5.5, 'SGT': 8,
    'JST': 9, 'AEST': 10, 'AEDT': 11,
}
TIME = r'(\d{1,2}):(\d\d)(?::(\d\d))? ?([A-Z]+)'
YEAR_FIRST = re.compile(rf'(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})[ T]{TIME}', re.ASCII)
DAY_FIRST = re.compile(rf'(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}) {TIME}', re.ASCII)


@dataclass(frozen=True)
class Listing:
    """A SKU as the report has it. Absent texts are empty."""

    sku: str
    asin: str
    title: str
    price: Decimal | None  # in the marketplace's currency, which the report does not name
    quantity: int | None  # of the merchant's own stock
    channel: str  # 'fbm', 'fba', or '' if the report does not tell
    status: str  # active, inactive, incomplete, or another of Amazon's words
    condition: str  # such as new, used_like_new
    opened_at: datetime | None  # UTC, aware
    barcode: str  # an EAN, a UPC or an ISBN-13


@dataclass(frozen=True)
class BrokenLine:
    """What is wrong with a line of the report."""

    number: int  # from 1, which is the header
    sku: str  # may be empty
    problem: str


@dataclass(frozen=True)
class ListingsReport:
    """What the report says."""

    listings: tuple[Listing, ...]
    broken: tuple[BrokenLine, ...]  # lines that are not among the listings
    is_whole: bool  # whether a SKU is not listed that is in neither
    notes: tuple[BrokenLine, ...] = ()  # lines among the listings that lack something


def parse_listings_report(content: bytes, language: str = '') -> ListingsReport:
    """Return what a document of the type `REPORT_TYPE` says.

    :param language: The marketplace's, such as `de` or `de_DE`.
    :raise Malformed: If it is no such document.
    """
    table = read_table(REPORT_TYPE, content, language)
    columns = _find_columns(table.header)
    if 'sku' not in columns:
        raise Malformed(REPORT_TYPE, 'header', "has no column for the SKU")
    reader = _Reader(table, columns, language)
    for number, cells in table.iterate_rows():
        reader.take(number, cells)
    return ListingsReport(
        listings=tuple(reader.listings.values()),
        broken=tuple(reader.broken),
        is_whole=reader.is_whole,
        notes=tuple(reader.notes),
    )


def _find_columns(header: tuple[str, ...]) -> dict[str, int]:
    """Return where the known columns are, the first of each."""
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        key = _KEYS.get(_simplify(name))
        if key:
            columns.setdefault(key, index)
    return columns


def _simplify(name: str) -> str:
    """Return the name of a column without what may differ.

    In Turkey, the name in English is followed by another one in brackets.
    """
    return re.sub(r'[\s_"-]|\(.*\)$', '', clean(name).casefold())


_KEYS = {_simplify(name): key for key, names in COLUMNS.items() for name in names}


class _Reader:
    """Reads the lines of a report, one after the other."""

    def __init__(self, table: Table, columns: Mapping[str, int], language: str) -> None:
        self.listings: dict[str, Listing] = {}
        self.broken: list[BrokenLine] = []
        self.notes: list[BrokenLine] = []
        self._columns = columns
        self._language = language
        self._width = len(table.header)
        # Spreadsheets leave out the last cells of a line where they are empty.
        self._needed = max(columns.values()) + 1
        *widths, last = table.get_widths() or [self._width]
        usual = min(widths, default=self._width)
        self._is_cut = table.is_cut or not table.is_ended and last < usual
        self._last_number = table.last_number
        # A header that is not complete may be one that breaks off.
        is_header_whole = table.is_ended or len(columns) == len(COLUMNS)
        self.is_whole = not self._is_cut and (bool(self._last_number) or is_header_whole)

    def take(self, number: int, cells: list[str]) -> None:
        """Read a line."""
        sku = self._get(cells, 'sku')
        problem = self._find_problem(number, cells, sku)
        if problem == SHORT:  # where its SKU stands is anybody's guess
            self.is_whole = False
        if not problem:
            problem = self._add(number, cells, sku)
        if problem:
            self.broken.append(BrokenLine(number, sku[:MAX_LENGTH], problem))

    def _find_problem(self, number: int, cells: list[str], sku: str) -> str:
        """Return why a line stays out, empty if nothing speaks for that."""
        if self._is_cut and number == self._last_number:
            return CUT
        if len(cells) < self._needed:
            return SHORT
        if any(cell.strip() for cell in cells[self._width:]):
            return LONG
        if not sku:
            return NO_SKU
        if len(sku) > MAX_LENGTH:
            return LONG_SKU
        return UNREADABLE_SKU if REPLACEMENT in sku else ''

    def _add(self, number: int, cells: list[str], sku: str) -> str:
        """Take a line among the listings, or return why it stays out."""
        price_text, quantity_text = self._get(cells, 'price'), self._get(cells, 'quantity')
        price, quantity = _read_price(price_text, self._language), _read_quantity(quantity_text)
        listing = self._make_listing(cells, sku, price, quantity)
        known = self.listings.setdefault(sku, listing)
        if known != listing:
            return TWICE
        if known is listing:
            if price_text and price is None:
                self.notes.append(BrokenLine(number, sku, NO_PRICE))
            if quantity_text and quantity is None:
                self.notes.append(BrokenLine(number, sku, NO_QUANTITY))
        return ''

    def _make_listing(
        self, cells: list[str], sku: str, price: Decimal | None, quantity: int | None
    ) -> Listing:
        product_id = self._get(cells, 'product_id')
        product_id_type = self._get(cells, 'product_id_type')
        status = self._get(cells, 'status').lower()
        return Listing(
            sku=sku,
            asin=(self._get(cells, 'asin') or _read_asin(product_id, product_id_type))[:MAX_LENGTH],
            title=self._get(cells, 'title')[:MAX_LENGTH].rstrip(),
            price=price,
            quantity=quantity,
            channel=_read_channel(self._get(cells, 'channel')),
            status=ENGLISH_STATUSES.get(status, status[:MAX_LENGTH]),
            condition=CONDITIONS.get(self._get(cells, 'condition'), ''),
            opened_at=_read_time(self._get(cells, 'opened_at')),
            barcode=_read_barcode(product_id, product_id_type),
        )

    def _get(self, cells: list[str], key: str) -> str:
        """Return what a line has in a column, in one line; empty if there is no such column."""
        index = self._columns.get(key, self._width)
        text = cells[index] if index < len(cells) and index < self._width else ''
        return text.strip() if text.isprintable() else clean(text)


def _read_price(text: str, language: str) -> Decimal | None:
    try:
        return read_amount(text, language) if text else None
    except ValueError:
        return None


def _read_quantity(text: str) -> int | None:
    if not re.fullmatch(r'\d{1,10}(\.0+)?', text, re.ASCII):
        return None
    quantity = int(text.partition('.')[0])
    return quantity if quantity <= MAX_COUNT else None


def _read_channel(text: str) -> str:
    code = text.upper()
    if code == 'DEFAULT':
        return 'fbm'
    return 'fba' if code.startswith('AMAZON') else ''


def _read_asin(product_id: str, kind: str) -> str:
    """Return the ASIN that is told as an id like any other."""
    is_asin = kind == ASIN_TYPE or not kind and ASIN.fullmatch(product_id)
    return product_id if is_asin else ''


def _read_barcode(product_id: str, kind: str) -> str:
    """Return the id of a product that is printed on it in bars, if it is such an id."""
    if not product_id.isascii() or not product_id.isdigit():
        return ''
    if len(product_id) not in BARCODE_LENGTHS:
        return ''
    if kind == ISBN_TYPE:
        is_barcode = len(product_id) == 13
    elif kind:
        is_barcode = kind in (UPC_TYPE, EAN_TYPE)
    else:
        is_barcode = _is_checked(product_id)
    return product_id if is_barcode else ''


def _is_checked(digits: str) -> bool:
    """Tell whether the last digit of a GTIN is the one that the others ask for."""
    weighted = (int(digit) * (1, 3)[index % 2] for index, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0


def _read_time(text: str) -> datetime | None:
    """Return a time, `None` if it is none whose zone and order of day and month are known."""
    try:
        if match := YEAR_FIRST.fullmatch(text):
            year, month, day, *clock, zone = match.groups()
            return _make_time(int(year), int(month), int(day), clock, ZONES[zone])
        if match := DAY_FIRST.fullmatch(text):
            day, month, year, *clock, zone = match.groups()
            return _make_time(int(year), int(month), int(day), clock, EUROPEAN_ZONES[zone])
        return parse_time(text)
    except (KeyError, ValueError):
        return None


def _make_time(
    year: int, month: int, day: int, clock: list[str | None], hours_ahead: float
) -> datetime:
    """Return a time in UTC.

    :raise ValueError: If there is no such time, or it lies out of all reason.
    """
    if year not in YEARS:
        raise ValueError("out of all reason")
    zone = timezone(timedelta(hours=hours_ahead))
    hour, minute, second = (int(part or 0) for part in clock)
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(timezone.utc)
