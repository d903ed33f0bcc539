"""GET_MERCHANT_LISTINGS_ALL_DATA: what a seller offers in one marketplace, as a table."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from .faults import HTML_UNAVAILABLE
from .listings import MERCHANT, Listing
from .marketplaces import Marketplace

Row = list[str]

COLUMNS = (
    'item-name', 'item-description', 'listing-id', 'seller-sku', 'price', 'quantity', 'open-date',
    'image-url', 'item-is-marketplace', 'product-id-type', 'zshop-shipping-fee', 'item-note',
    'item-condition', 'zshop-category1', 'zshop-browse-path', 'zshop-storefront-feature', 'asin1',
    'asin2', 'asin3', 'will-ship-internationally', 'expedited-shipping', 'zshop-boldface',
    'product-id', 'bid-for-featured-placement', 'add-delete', 'pending-quantity',
    'fulfillment-channel', 'merchant-shipping-group', 'status',
)
# What Amazon writes instead, by language; what it does not translate is missing.
HEADERS = {
    'de': {
        'item-name': 'Artikelbezeichnung',
        'item-description': 'Artikelbeschreibung',
        'listing-id': 'Angebotsnummer',
        'seller-sku': 'Händler-SKU',
        'price': 'Preis',
        'quantity': 'Menge',
        'open-date': 'Erstellungsdatum',
        'item-is-marketplace': 'Artikel ist Marketplace-Angebot',
        'product-id-type': 'Produkt-ID-Typ',
        'item-note': 'Anmerkung zum Artikel',
        'item-condition': 'Artikelzustand',
        'asin1': 'ASIN 1',
        'will-ship-internationally': 'Internationaler Versand',
        'expedited-shipping': 'Expressversand',
        'product-id': 'Produkt-ID',
        'fulfillment-channel': 'Versender',
        'merchant-shipping-group': 'Händlerversandgruppe',
        'status': 'Status',
    },
    'es': {
        'item-name': 'Título del producto',
        'item-description': 'Descripción del producto',
        'listing-id': 'Identificador del listing',
        'seller-sku': 'SKU del vendedor',
        'price': 'Precio',
        'quantity': 'Cantidad',
        'open-date': 'Fecha de creación',
        'item-is-marketplace': 'Producto para vender',
        'product-id-type': 'Tipo de identificador de producto',
        'item-note': 'Nota sobre el producto',
        'item-condition': 'Estado del producto',
        'asin1': 'ASIN 1',
        'will-ship-internationally': 'Envío internacional',
        'expedited-shipping': 'Envío urgente',
        'product-id': 'Identificador del producto',
        'add-delete': 'Añadir o eliminar',
        'pending-quantity': 'Cantidad pendiente',
        'fulfillment-channel': 'Canal de gestión logística',
        'status': 'estado',
    },
    'fr': {
        'item-name': 'nom-produit',
        'listing-id': 'id-offre',
        'seller-sku': 'sku-vendeur',
        'price': 'prix',
        'quantity': 'quantité',
        'open-date': 'date-ouverture',
        'product-id-type': 'type-id-produit',
        'item-note': 'note-état-article',
        'item-condition': 'état-produit',
        'asin1': 'ASIN1',
        'will-ship-internationally': 'expédition-international',
        'expedited-shipping': 'livraison-express',
        'product-id': 'id-produit',
        'fulfillment-channel': 'canal-traitement',
        'merchant-shipping-group': 'groupe-expédition-vendeur',
        'status': 'état',
    },
    'it': {
        'item-name': "Nome dell'articolo",
        'item-description': "Descrizione dell'articolo",
        'listing-id': 'Numero offerta',
        'seller-sku': 'SKU venditore',
        'price': 'Prezzo',
        'quantity': 'Quantità',
        'open-date': 'Data di creazione',
        'item-is-marketplace': 'Articolo per la vendita',
        'product-id-type': 'Tipo di identificativo del prodotto',
        'item-note': "Note sull'articolo",
        'item-condition': "Condizione dell'articolo",
        'asin1': 'ASIN 1',
        'will-ship-internationally': 'Spedizione internazionale',
        'expedited-shipping': 'Spedizione Express',
        'product-id': 'Identificativo del prodotto',
        'add-delete': 'Aggiungi o elimina',
        'pending-quantity': 'Quantità in sospeso',
        'fulfillment-channel': 'Canale di gestione',
        'merchant-shipping-group': 'gruppo-spedizione-venditore',
        'status': 'stato',
    },
    'ja': {
        'item-name': '商品名',
        'listing-id': '出品ID',
        'seller-sku': '出品者SKU',
        'price': '価格',
        'quantity': '数量',
        'open-date': '出品日',
        'product-id-type': '商品IDタイプ',
        'item-note': 'コンディション説明',
        'item-condition': 'コンディション',
        'asin1': 'ASIN 1',
        'will-ship-internationally': '国外へ配送可',
        'expedited-shipping': '迅速な配送',
        'product-id': '商品ID',
        'pending-quantity': '在庫数',
        'fulfillment-channel': 'フルフィルメント・チャンネル',
        'status': 'ステータス',
    },
}
CONDITIONS = {
    'used_like_new': '1',
    'used_very_good': '2',
    'used_good': '3',
    'used_acceptable': '4',
    'collectible_like_new': '5',
    'collectible_very_good': '6',
    'collectible_good': '7',
    'collectible_acceptable': '8',
    'refurbished_refurbished': '10',
    'new_new': '11',
}
ASIN, ISBN, UPC, EAN = '1', '2', '3', '4'
PACIFIC = 'America/Los_Angeles'
# Time zone and manner of writing a date, by country; Europe's unless told.
DATES = {
    **dict.fromkeys(('US', 'CA', 'MX', 'BR'), (PACIFIC, '%Y-%m-%d %H:%M:%S')),
    **dict.fromkeys(('GB', 'IE'), ('Europe/London', '%d/%m/%Y %H:%M:%S')),
    'JP': ('Asia/Tokyo', '%Y/%m/%d %H:%M:%S'),
    'AU': ('Australia/Sydney', '%d/%m/%Y %H:%M:%S'),
}
EUROPEAN_DATES = ('Europe/Berlin', '%d/%m/%Y %H:%M:%S')
AMAZONS_ZONES = {'CET': 'MET', 'CEST': 'MEST'}


def render_listings(
    listings: Iterable[Listing], marketplace: Marketplace, locale: str,
    manners: Collection[str] = (),
) -> tuple[bytes, str]:
    """Return the content of a report, and its content type.

    :param locale: the language asked for, '' for none
    :param manners: kinds of `REPORT_MANNERS`
    """
    if 'report_empty' in manners:
        return b'', 'text/plain'
    if 'report_html' in manners:
        return HTML_UNAVAILABLE.encode(), 'text/html'
    language = (locale or marketplace.language)[:2]
    if 'report_localised' in manners:
        language = marketplace.language[:2]
    names = HEADERS.get(language, {})
    table = [[names.get(column, column) for column in COLUMNS]]
    table += [_row(listing, marketplace) for listing in listings]
    return _encode(_write(_spoil(table, manners), manners), manners)


def _spoil(table: list[Row], manners: Collection[str]) -> list[Row]:
    if 'report_headers_only' in manners:
        table = table[:1]
    if 'report_broken_line' in manners:
        table += _broken_rows()
    if 'report_shuffled_columns' in manners:
        table = [row[::-1] for row in table]
    if 'report_doubled' in manners:
        table = [row for row in table for _time in range(2)]
    return table


def _write(table: list[Row], manners: Collection[str]) -> str:
    lines = ['\t'.join(row) for row in table]
    if 'report_cut_off' in manners:
        middle = len(lines) // 2
        # Somewhere in a title, so that what follows is missing too.
        lines = [*lines[:middle], lines[middle][: len(lines[middle]) // 2]]
        return '\n'.join(lines)
    return ''.join(f'{line}\n' for line in lines)


def _encode(text: str, manners: Collection[str]) -> tuple[bytes, str]:
    if 'report_cp1252' in manners:
        return text.encode('cp1252', 'replace'), 'text/plain; charset=Cp1252'
    if 'report_shift_jis' in manners:
        return text.encode('cp932', 'replace'), 'text/plain; charset=Shift_JIS'
    mark = b'' if 'report_no_bom' in manners else codecs.BOM_UTF8
    return mark + text.encode(), 'text/plain; charset=UTF-8'


def _row(listing: Listing, marketplace: Marketplace) -> Row:
    is_amazons = listing.is_amazons
    id_type, product_id = _product_id(listing)
    quantity = '' if is_amazons or listing.visible_quantity is None else listing.visible_quantity
    cells = {
        'item-name': listing.title,
        'listing-id': _listing_id(listing),
        'seller-sku': listing.sku,
        'price': _price(listing, marketplace),
        'quantity': quantity,
        'open-date': _date(listing.opened, marketplace),
        'item-is-marketplace': 'y',
        'product-id-type': id_type,
        'item-condition': CONDITIONS.get(listing.condition, '11'),
        'asin1': listing.asin,
        'product-id': product_id,
        'pending-quantity': '' if is_amazons else '0',
        'fulfillment-channel': next(
            (channel for channel in listing.channels if channel != MERCHANT), MERCHANT,
        ),
        'merchant-shipping-group': 'Migrated Template',
        'status': listing.status.capitalize(),
    }
    # Nothing is quoted: what would end a cell or a line is a space.
    return [' '.join(str(cells.get(column, '')).splitlines()).replace('\t', ' ')
            for column in COLUMNS]


def _broken_rows() -> list[Row]:
    """Return a row without SKU, one with too few cells, and one with a price of another country."""
    good = {
        'item-name': 'Broken', 'listing-id': '0101BROKEN', 'price': '9.99', 'quantity': '1',
        'asin1': 'B0BROKEN00', 'fulfillment-channel': MERCHANT, 'status': 'Active',
    }
    without_sku, short, foreign = (
        [{**good, **values}.get(column, '') for column in COLUMNS] for values in (
            {}, {'seller-sku': 'BROKEN-CELLS'}, {'seller-sku': 'BROKEN-PRICE', 'price': '1.234,56'},
        )
    )
    return [without_sku, short[:10], foreign]


def _price(listing: Listing, marketplace: Marketplace) -> str:
    try:
        return str(Decimal(listing.price).quantize(marketplace.minor_unit))
    except InvalidOperation:
        return listing.price


def _product_id(listing: Listing) -> tuple[str, str]:
    """Return type and value of the identifier that the listing was made by."""
    value = listing.product_id
    if not value:
        return ASIN, listing.asin
    if value.startswith(('978', '979')):
        return ISBN, value
    return (UPC if len(value) == 12 else EAN), value


def _listing_id(listing: Listing) -> str:
    number = zlib.crc32(f'{listing.marketplace_id} {listing.sku}'.encode())
    return f'{listing.opened:%m%d}{number:08X}'


def _date(moment: datetime, marketplace: Marketplace) -> str:
    zone, pattern = DATES.get(marketplace.code, EUROPEAN_DATES)
    local = moment.astimezone(ZoneInfo(zone))
    name = local.tzname() or ''
    return f'{local.strftime(pattern)} {AMAZONS_ZONES.get(name, name)}'
