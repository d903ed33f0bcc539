"""What may be odd about the document of a settlement, by name; several go together."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .faults import HTML_UNAVAILABLE

Rows = list[dict[str, Any]]
Table = list[list[str]]

PREAMBLE = (
    'Amazon Payments Singapore Private Limited',
    '1 Example Street, Singapore 000000',
    'Company Registration No. 000000000A',
    'Statement of settlement',
    'All amounts are in the currency of the settlement',
    '',
)


# === THE ROWS OF ONE SETTLEMENT, THE SUMMARY FIRST === #

def _drop_line(rows: Rows) -> None:
    del rows[_biggest(rows)]


def _drop_summary(rows: Rows) -> None:
    del rows[0]


def _change_total(rows: Rows) -> None:
    """Let a line and with it the total be more."""
    for row, name in ((rows[_biggest(rows)], 'amount'), (rows[0], 'total-amount')):
        row[name] += _unit(row[name])


def _move_amount(rows: Rows) -> None:
    """Let one line be more and another one less, so that the total is right."""
    first = _biggest(rows)
    second = next(number for number in range(1, len(rows)) if number != first)
    for number, sign in ((first, 1), (second, -1)):
        rows[number]['amount'] += sign * _unit(rows[number]['amount'])


def _write_no_amount(rows: Rows) -> None:
    rows[-1]['amount'] = 'n/a'


def _write_no_date(rows: Rows) -> None:
    rows[-1]['posted-date'] = rows[-1]['posted-date-time'] = 'soon'


def _shorten_all(rows: Rows) -> None:
    for row in rows[1:]:
        row['is short'] = not row.get('promotion-id')


def _biggest(rows: Rows) -> int:
    return max(range(1, len(rows)), key=lambda number: abs(rows[number]['amount']))


def _unit(amount: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(amount.as_tuple().exponent))


ROW_ODDITIES: dict[str, Callable[[Rows], None]] = {
    'missing line': _drop_line,
    'no summary': _drop_summary,
    'other total': _change_total,
    'other lines': _move_amount,
    'no amount': _write_no_amount,
    'no date': _write_no_date,
    'short rows': _shorten_all,
}


# === HOW NUMBERS AND DATES ARE WRITTEN === #

STYLE_ODDITIES: dict[str, dict[str, Any]] = {
    'comma amounts': {'comma': ','},
    'point amounts': {'comma': '.'},
    'grouped amounts': {'is_grouped': True},
    'amounts in brackets': {'has_brackets': True},
    'european dates': {'dates': '%d.%m.%Y'},
    'iso dates': {'dates': '%Y-%m-%d'},
    'slash dates': {'dates': '%Y/%m/%d'},
    'short dates': {'posted_dates': '%m/%d/%y'},
}


# === THE CELLS OF THE WHOLE DOCUMENT, THE HEADERS FIRST === #

def _drop_promotion(table: Table) -> None:
    for cells in table:
        del cells[23:]


def _shuffle_columns(table: Table) -> None:
    """Turn the columns round; a line that is short is so at its end, too."""
    width = len(table[0])
    for cells in table:
        missing = width - len(cells)
        cells += [''] * missing
        cells.reverse()
        if missing and not cells[-1]:
            del cells[-1]


def _add_column(table: Table) -> None:
    for number, cells in enumerate(table):
        cells.insert(3, 'deposit-note' if not number else '')


def _shout_headers(table: Table) -> None:
    table[0][:] = [name.replace('-', '_').upper() for name in table[0]]


def _keep_headers(table: Table) -> None:
    del table[1:]


def _write_preamble(table: Table) -> None:
    table[:0] = [[line] for line in PREAMBLE]


# In the order in which they happen.
TABLE_ODDITIES: dict[str, Callable[[Table], None]] = {
    'no promotion column': _drop_promotion,
    'further column': _add_column,
    'shuffled columns': _shuffle_columns,
    'loud headers': _shout_headers,
    'headers only': _keep_headers,
    'preamble': _write_preamble,
}


# === BYTES === #

ENCODINGS = {'bom': 'utf-8-sig', 'cp1252': 'cp1252', 'utf-16': 'utf-16'}
CONTENTS: dict[str, bytes] = {
    'empty': b'', 'html': HTML_UNAVAILABLE.encode(), 'only a bom': codecs.BOM_UTF8,
}
LINE_ENDS = {'crlf': '\r\n'}
PACKINGS = ('uncompressed', 'cut gzip')

SETTLEMENT_ODDITIES = (
    *ROW_ODDITIES, *STYLE_ODDITIES, *TABLE_ODDITIES, *ENCODINGS, *CONTENTS, *LINE_ENDS, *PACKINGS,
)
