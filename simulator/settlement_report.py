"""GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2: what Amazon paid out, and for what, as a table."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, TypeVar

from .money import MoneyEvent, MoneyRow
from .settlement_oddities import (
    CONTENTS,
    ENCODINGS,
    LINE_ENDS,
    ROW_ODDITIES,
    SETTLEMENT_ODDITIES,
    STYLE_ODDITIES,
    TABLE_ODDITIES,
)
from .settlements import Settlement

Row = dict[str, Any]
_Value = TypeVar('_Value')

COLUMNS = (
    'settlement-id', 'settlement-start-date', 'settlement-end-date', 'deposit-date',
    'total-amount', 'currency', 'transaction-type', 'order-id', 'merchant-order-id',
    'adjustment-id', 'shipment-id', 'marketplace-name', 'amount-type', 'amount-description',
    'amount', 'fulfillment-id', 'posted-date', 'posted-date-time', 'order-item-code',
    'merchant-order-item-id', 'merchant-adjustment-item-id', 'sku', 'quantity-purchased',
    'promotion-id',
)
IS_SHORT = 'is short'
CONTENT_TYPE = 'text/plain; charset={charset}'
EUROPEAN_DATES = '%d.%m.%Y'
ISO_DATES = '%Y-%m-%d'
TIMES = ' %H:%M:%S UTC'


@dataclass(frozen=True)
class Style:
    """How a document writes numbers and dates.

    :param dates: a format of `strftime`; `posted_dates` is that of `posted-date` alone
    :param is_grouped: part the thousands, by what the decimals are not parted by
    :param has_brackets: write negative amounts in brackets
    """
    comma: str = '.'
    dates: str = ISO_DATES
    posted_dates: str = ''
    is_grouped: bool = False
    has_brackets: bool = False

    def write(self, name: str, value: Any) -> str:  # pylint: disable=method-required-super
        """Return the cell of a column for a value."""
        if isinstance(value, Decimal):
            return self._write_amount(value)
        if isinstance(value, datetime):
            if name == 'posted-date':
                return value.strftime(self.posted_dates or self.dates)
            return value.strftime(self.dates + TIMES)
        return value

    def _write_amount(self, amount: Decimal) -> str:
        separator = {',': '.', '.': ','}[self.comma] if self.is_grouped else ''
        text = f'{abs(amount):,f}'.translate({ord(','): separator, ord('.'): self.comma})
        if amount < 0:
            return f'({text})' if self.has_brackets else f'-{text}'
        return text


# By currency; others are written as in the United States.
STYLES = {
    'EUR': Style(',', EUROPEAN_DATES),
    **dict.fromkeys(('GBP', 'PLN', 'SEK', 'TRY'), Style(dates=EUROPEAN_DATES)),
}


def render_settlements(
    settlements: Iterable[Settlement], odds: Collection[str] = (),
) -> tuple[bytes, str, str]:
    """Return a document with settlements, one after the other: content, content type, compression.

    :param odds: what is odd about it, names of `SETTLEMENT_ODDITIES`
    :raise ValueError: there is no such oddity
    """
    unknown = set(odds).difference(SETTLEMENT_ODDITIES)
    if unknown:
        raise ValueError(f"Unknown oddity of a settlement {', '.join(sorted(unknown))}")
    table = [list(COLUMNS)]
    for settlement in settlements:
        rows = list_rows(settlement)
        for odd in _chosen(ROW_ODDITIES, odds):
            odd(rows)
        style = STYLES.get(settlement.currency, Style())
        for changes in _chosen(STYLE_ODDITIES, odds):
            style = replace(style, **changes)
        table += [_cells(row, style) for row in rows]
    for odd in _chosen(TABLE_ODDITIES, odds):
        odd(table)
    line_end = next(_chosen(LINE_ENDS, odds), '\n')
    text = ''.join('\t'.join(cells) + line_end for cells in table)
    return _pack(text, odds)


def _cells(row: Row, style: Style) -> list[str]:
    cells = [style.write(name, row.get(name, '')) for name in COLUMNS]
    return cells[:-1] if row.get(IS_SHORT) else cells


def _pack(text: str, odds: Collection[str]) -> tuple[bytes, str, str]:
    charset = next(_chosen(ENCODINGS, odds), 'utf-8')
    content = next(_chosen(CONTENTS, odds), None)
    if content is None:
        content = text.encode(charset, errors='replace')
    content_type = CONTENT_TYPE.format(charset=charset.removesuffix('-sig'))
    if 'uncompressed' in odds or not content:
        return content, content_type, ''
    # Without a time, so that the same is the same to the last byte.
    content = gzip.compress(content, mtime=0)
    if 'cut gzip' in odds:
        content = content[: len(content) // 2]
    return content, content_type, 'GZIP'


def _chosen(oddities: Mapping[str, _Value], odds: Collection[str]) -> Iterator[_Value]:
    """Yield what belongs to the names that are chosen, in the order of the catalogue."""
    return (value for name, value in oddities.items() if name in odds)


def list_rows(settlement: Settlement) -> list[Row]:
    """Return the rows of a settlement: its summary, and its lines in the order of posting."""
    return [_summary(settlement), *_lines(settlement)]


def _summary(settlement: Settlement) -> Row:
    return {
        'settlement-id': settlement.settlement_id,
        'settlement-start-date': _in_utc(settlement.start),
        'settlement-end-date': _in_utc(settlement.end),
        'deposit-date': _in_utc(settlement.deposit),
        'total-amount': settlement.total,
        'currency': settlement.currency,
    }


def _lines(settlement: Settlement) -> Iterator[Row]:
    for event in settlement.events:
        posted = _in_utc(event.due)
        common = {
            'settlement-id': settlement.settlement_id,
            'transaction-type': event.transaction_type,
            'order-id': event.order_id,
            'merchant-order-id': event.merchant_order_id,
            'adjustment-id': event.adjustment_id,
            'shipment-id': event.shipment_id,
            'marketplace-name': event.marketplace_name,
            'fulfillment-id': event.fulfillment,
            'posted-date': posted,
            'posted-date-time': posted,
        }
        for row in event.rows:
            yield {**common, **_amount(event, row)}


def _amount(event: MoneyEvent, row: MoneyRow) -> Row:
    return {
        'amount-type': row.amount_type,
        'amount-description': row.description,
        'amount': row.amount,
        'order-item-code': row.item_id,
        'merchant-adjustment-item-id': row.adjustment_item_id,
        'sku': row.sku,
        'quantity-purchased': str(row.quantity) if row.quantity else '',
        'promotion-id': row.promotion_id,
        IS_SHORT: row.is_short,
    }


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
