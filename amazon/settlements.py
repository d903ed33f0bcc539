"""Amazon's settlements: what the seller earned and paid in a period, and what is paid out for it.

A document holds one or several, each with a row that sums it up. What its rows come to is that sum,
or else the settlement is not proven. Numbers and dates are written in the way of the marketplace,
which the document does not name: it is decided once for all of its cells.
Source: "Settlement reports" of the report type values, and what real documents show.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from .listings_report import ZONES
from .local_numbers import read_signed_amount
from .payload import MAX_COUNT, MAX_LENGTH, MAX_NOTES, YEARS
from .proceeds import DECIMALS
from .tables import Table, read_table
from .texts import clean

REPORT_TYPE = 'GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2'

COLUMNS = {
    'ref': 'settlement-id',
    'start': 'settlement-start-date',
    'end': 'settlement-end-date',
    'deposit_at': 'deposit-date',
    'total': 'total-amount',
    'currency': 'currency',
    'transaction_type': 'transaction-type',
    'order_ref': 'order-id',
    'merchant_order_ref': 'merchant-order-id',
    'adjustment_ref': 'adjustment-id',
    'shipment_ref': 'shipment-id',
    'marketplace_name': 'marketplace-name',
    'amount_type': 'amount-type',
    'amount_description': 'amount-description',
    'amount': 'amount',
    'fulfillment': 'fulfillment-id',
    'posted_date': 'posted-date',
    'posted_at': 'posted-date-time',
    'item_ref': 'order-item-code',
    'merchant_item_ref': 'merchant-order-item-id',
    'adjustment_item_ref': 'merchant-adjustment-item-id',
    'sku': 'sku',
    'quantity': 'quantity-purchased',
    'promotion_ref': 'promotion-id',
}
# Without these, it is another report, such as the first version of this one.
NEEDED = {'ref', 'total', 'transaction_type', 'amount_type', 'amount_description', 'amount'}
TEXTS = (
    'transaction_type', 'order_ref', 'merchant_order_ref', 'adjustment_ref', 'shipment_ref',
    'marketplace_name', 'amount_type', 'amount_description', 'item_ref', 'merchant_item_ref',
    'adjustment_item_ref', 'sku', 'promotion_ref',
)
FULFILLMENTS = {'AFN': 'fba', 'MFN': 'fbm'}

# What is wrong with a row.
UNREADABLE_AMOUNT = "the amount cannot be read"
UNREADABLE_TOTAL = "the total cannot be read"
UNREADABLE_TIME = "the date cannot be read beyond doubt"
NO_AMOUNT = "the row has no amount"
NO_REF = "the row names no settlement, and is taken for one of the settlement above it"
TWO_TOTALS = "the settlement has another total already"
TWO_CURRENCIES = "the settlement has another currency already"
LONG = "the row has more cells than the header"
CUT = "the document breaks off in this row"
STRAY = "the row belongs to no settlement"

POINTS = ('.', ',')
DEFAULT_DECIMALS = 2

CLOCK = r'(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)? ?([A-Z]+|[+-]\d\d:?\d\d)?)?'
YEAR_FIRST = re.compile(rf'(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){CLOCK}', re.ASCII)
YEAR_LAST = re.compile(rf'(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d\d){CLOCK}', re.ASCII)
OFFSET = re.compile(r'([+-])(\d\d):?(\d\d)')
# A day without a time is that day nearly everywhere.
NOON = ('12', '0', '0', 'UTC')
# By how much rows are posted before or after the period of their settlement.
SLACK = timedelta(days=3)


@dataclass(frozen=True)
class Note:
    """What is wrong with a row."""

    number: int  # of the line in the document, from 1
    problem: str


@dataclass(frozen=True)
class SettlementLine:
    """A row of a settlement. Absent texts are empty. Rows may well be the same in every cell."""

    number: int  # of the line in the document, from 1
    transaction_type: str
    order_ref: str
    merchant_order_ref: str
    adjustment_ref: str
    shipment_ref: str
    marketplace_name: str
    amount_type: str
    amount_description: str
    amount: Decimal  # positive is to the seller
    fulfillment: str  # 'fbm', 'fba', or '' if the row does not tell
    posted_at: datetime | None  # UTC, aware; at noon if only the day is known
    item_ref: str
    merchant_item_ref: str
    adjustment_item_ref: str
    sku: str
    quantity: int | None
    promotion_ref: str


@dataclass(frozen=True)
class Settlement:
    """What Amazon settles at once, in one currency."""

    ref: str
    start: datetime | None  # UTC, aware, as the others
    end: datetime | None
    deposit_at: datetime | None  # announced, no more
    total: Decimal | None  # what is paid out, or owed if negative; `None` if no row tells
    currency: str  # ISO 4217
    lines: tuple[SettlementLine, ...]
    fingerprint: str  # of the rows, whatever document they come in
    notes: tuple[Note, ...] = ()  # the first ones
    unreadable: int = 0  # how many amounts are not among the lines
    is_contradictory: bool = False  # whether there are several totals or currencies
    marketplace_names: tuple[str, ...] = ()

    @property
    def line_sum(self) -> Decimal:
        """What the lines come to."""
        return sum((line.amount for line in self.lines), Decimal())

    @property
    def is_proven(self) -> bool:
        """Whether all is read, and the lines come to the total."""
        is_whole = self.total is not None and not self.unreadable and not self.is_contradictory
        return is_whole and self.line_sum == self.total


@dataclass(frozen=True)
class SettlementDocument:
    """What a document says."""

    settlements: tuple[Settlement, ...]
    notes: tuple[Note, ...] = ()  # on rows that are of no settlement; the first ones


def parse_settlements(content: bytes) -> SettlementDocument:
    """Return what a document of the type `REPORT_TYPE` says.

    :raise Malformed: If it is no such document.
    """
    language = 'ja' if b'JPY' in content else ''
    table = read_table(REPORT_TYPE, content, language, is_header=_is_header)
    sorter = _Sorter(table)
    reading = _decide_reading(sorter.groups)
    return SettlementDocument(
        settlements=tuple(
            _Builder(ref, reading).build(rows) for ref, rows in sorter.groups.items()
        ),
        notes=tuple(sorter.notes[:MAX_NOTES]),
    )


# === ROWS === #

def _fold(name: str) -> str:
    return re.sub(r'[\s_"-]', '', clean(name).casefold())


_KEYS = {_fold(name): key for key, name in COLUMNS.items()}


def _find_columns(header: Sequence[str]) -> dict[str, int]:
    """Return where the known columns are, the first of each."""
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        key = _KEYS.get(_fold(name))
        if key:
            columns.setdefault(key, index)
    return columns


def _is_header(cells: Sequence[str]) -> bool:
    return _find_columns(cells).keys() >= NEEDED


@dataclass(frozen=True)
class _Row:
    """What a row has in each of the known columns, in one line; empty if it has no such cell."""

    __slots__ = ('number', 'cells', 'is_long', 'is_cut')
    number: int
    cells: tuple[str, ...]
    is_long: bool  # whether there is something beyond the last column
    is_cut: bool  # whether the document breaks off in it

    def __getitem__(self, key: str) -> str:
        return self.cells[_INDEXES[key]]


_INDEXES = {key: index for index, key in enumerate(COLUMNS)}


class _Sorter:
    """Sorts the rows of a document by their settlements."""

    def __init__(self, table: Table) -> None:
        self.groups: dict[str, list[_Row]] = {}
        self.notes: list[Note] = []
        self._cleaned: dict[str, str] = {'': ''}  # most cells come many times
        self._ref = ''
        # The number of a row whose end may be missing, and how many cells one has that is whole.
        self._open_number = table.last_number if table.is_cut or not table.is_ended else 0
        self._least_width = min(table.get_widths()[:-1], default=0) - 1
        self._place(table.header)
        for number, cells in table.iterate_rows():
            self._take(number, cells)

    def _place(self, header: Sequence[str]) -> None:
        columns = _find_columns(header)
        self._width = len(header)
        self._places = [columns.get(key, self._width) for key in COLUMNS]

    def _take(self, number: int, cells: list[str]) -> None:
        row = self._make_row(number, cells)
        if not row['ref'][:1].isdigit() and _is_header(cells):  # where documents were joined
            self._place(cells)
        elif any(row.cells):
            self._sort(row)

    def _make_row(self, number: int, cells: list[str]) -> _Row:
        extra = cells[self._width:]
        known = cells[:self._width]
        known += [''] * (self._width + 1 - len(known))
        values = tuple(self._clean(known[place]) for place in self._places)
        return _Row(
            number,
            values,
            is_long=any(cell.strip() for cell in extra),
            is_cut=number == self._open_number and self._lacks_end(cells, values),
        )

    def _lacks_end(self, cells: Sequence[str], values: Sequence[str]) -> bool:
        """Tell whether a row has too few cells, or no time, as all have but the one with the total.

        Rows that are a cell short are whole.
        """
        if len(cells) < self._least_width:
            return True
        has_times = self._places[_INDEXES['posted_at']] < self._width
        is_timed = ':' in values[_INDEXES['posted_at']] or values[_INDEXES['total']]
        return has_times and not is_timed

    def _clean(self, cell: str) -> str:
        text = self._cleaned.get(cell)
        if text is None:
            text = clean(cell)[:MAX_LENGTH].rstrip()
            self._cleaned[cell] = text
        return text

    def _sort(self, row: _Row) -> None:
        ref = row['ref'] or self._ref
        # Text between documents that were joined has neither.
        is_settled = bool(row['amount'] or row['total']) or ref in self.groups
        if not ref or not is_settled:
            self.notes.append(Note(row.number, STRAY))
            return
        self._ref = ref
        self.groups.setdefault(ref, []).append(row)


# === NUMBERS AND DATES === #

@dataclass(frozen=True)
class _Reading:
    """How the numbers and dates of a document are to be read."""

    point: str  # what stands before the decimals
    is_day_first: bool | None = None  # in dates with the year last and no points; `None`: unknown
    _amounts: dict[str, Decimal | None] = field(default_factory=dict)
    _times: dict[str, datetime | None] = field(default_factory=dict)

    def read_amount(self, text: str) -> Decimal | None:
        """Return an amount, `None` if it is none."""
        if text not in self._amounts:
            try:
                self._amounts[text] = read_signed_amount(text, self.point)
            except ValueError:
                self._amounts[text] = None
        return self._amounts[text]

    def read_time(self, text: str) -> datetime | None:
        """Return a time in UTC, `None` if it is none, or could be two."""
        if text not in self._times:
            self._times[text] = _read_time(text, self.is_day_first)
        return self._times[text]


def _decide_reading(groups: Mapping[str, Sequence[_Row]]) -> _Reading:
    candidates = [_Reading(point) for point in POINTS]
    amounts = {row[key] for rows in groups.values() for row in rows for key in ('amount', 'total')}
    amounts.discard('')
    best = max(candidates, key=lambda reading: _rate_numbers(reading, groups, amounts))
    return _Reading(best.point, _decide_order(groups))


def _rate_numbers(
    reading: _Reading, groups: Mapping[str, Sequence[_Row]], texts: Iterable[str]
) -> tuple[int, ...]:
    """Return how much speaks for a reading of the amounts, the weightiest first.

    How many amounts there are, how many sums are proven, and how well the decimals suit the
    currency: `1.234` is what is left in doubt.
    """
    numbers = [number for text in texts if (number := reading.read_amount(text)) is not None]
    proven = sum(_is_sum(reading, rows) for rows in groups.values())
    currencies = Counter(row['currency'] for rows in groups.values() for row in rows)
    del currencies['']
    currency = next((code for code, _count in currencies.most_common(1)), '')
    usual = DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)
    decimals = [-number.as_tuple().exponent for number in numbers]
    too_many = sum(count > usual for count in decimals)
    return len(numbers), proven, -too_many, sum(count == usual for count in decimals)


def _is_sum(reading: _Reading, rows: Sequence[_Row]) -> bool:
    totals = [reading.read_amount(row['total']) for row in rows if row['total']]
    amounts = [reading.read_amount(row['amount']) for row in rows if row['amount']]
    is_read = len(totals) == 1 and None not in totals and None not in amounts
    return is_read and sum(amounts) == totals[0]


def _decide_order(groups: Mapping[str, Sequence[_Row]]) -> bool | None:
    """Tell whether the day stands before the month, `None` if nobody knows or there are both."""
    keys = ('start', 'end', 'deposit_at', 'posted_at', 'posted_date')
    texts = {row[key] for rows in groups.values() for row in rows for key in keys}
    matches = [match for text in texts if (match := YEAR_LAST.fullmatch(text.upper()))]
    parts = [(int(match[1]), int(match[3])) for match in matches if match[2] != '.']
    if not parts:
        return None
    orders = {first > 12 for first, second in parts if (first > 12) != (second > 12)}
    if orders:
        return orders.pop() if len(orders) == 1 else None
    suits = [_count_timely(_Reading('.', order), groups) for order in (False, True)]
    return None if suits[0] == suits[1] else suits[0] < suits[1]


def _count_timely(reading: _Reading, groups: Mapping[str, Sequence[_Row]]) -> int:
    """Return how many rows are posted within the periods of their settlements."""
    timely = 0
    for rows in groups.values():
        start, end = (_find_time(reading, rows, key) for key in ('start', 'end'))
        if start and end:
            moments = (_read_posting(reading, row) for row in rows)
            timely += sum(
                bool(moment) and start - SLACK <= moment <= end + SLACK for moment in moments
            )
    return timely


def _read_posting(reading: _Reading, row: _Row) -> datetime | None:
    """Return when a row was posted, `None` if it does not tell."""
    return reading.read_time(row['posted_at']) or reading.read_time(row['posted_date'])


def _find_time(reading: _Reading, rows: Iterable[_Row], key: str) -> datetime | None:
    """Return the first time that rows have in a column, those with a total before all others."""
    ordered = sorted(rows, key=lambda row: not row['total'])
    return next((moment for row in ordered if (moment := reading.read_time(row[key]))), None)


def _read_time(text: str, is_day_first: bool | None) -> datetime | None:
    try:
        if match := YEAR_FIRST.fullmatch(text.upper()):
            year, month, day, *clock = match.groups()
            return _make_time(year, month, day, clock)
        match = YEAR_LAST.fullmatch(text.upper())
        if not match:
            return None
        first, sign, second, year, *clock = match.groups()
        if sign == '.' or int(first) > 12:
            is_day_first = True
        elif int(second) > 12 or first == second:
            is_day_first = False
        if is_day_first is None:
            return None
        month, day = (second, first) if is_day_first else (first, second)
        return _make_time(year if len(year) == 4 else f'20{year}', month, day, clock)
    except (KeyError, ValueError):
        return None


def _make_time(year: str, month: str, day: str, clock: Sequence[str | None]) -> datetime:
    """Return a time in UTC.

    :raise KeyError: If its zone is unknown.
    :raise ValueError: If there is no such time, or it lies out of all reason.
    """
    if int(year) not in YEARS:
        raise ValueError("out of all reason")
    hour, minute, second, zone = clock if clock[0] else NOON
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0),
        tzinfo=_read_zone(zone or 'UTC'),
    )
    return moment.astimezone(timezone.utc)


def _read_zone(text: str) -> timezone:
    offset = OFFSET.fullmatch(text)
    if not offset:
        return timezone(timedelta(hours={'GMT': 0, **ZONES}[text]))
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    return timezone(-ahead if offset[1] == '-' else ahead)


# === SETTLEMENTS === #

class _Builder:
    """Puts a settlement together from its rows."""

    def __init__(self, ref: str, reading: _Reading) -> None:
        self._ref = ref
        self._reading = reading
        self._total: Decimal | None = None
        self._currency = ''
        self._has_total = self._is_contradictory = False
        self._unreadable = 0
        self._lines: list[SettlementLine] = []
        self._notes: list[Note] = []

    def build(self, rows: Sequence[_Row]) -> Settlement:
        """Return the settlement."""
        for row in rows:
            self._take(row)
        names = dict.fromkeys(line.marketplace_name for line in self._lines)
        return Settlement(
            ref=self._ref,
            start=_find_time(self._reading, rows, 'start'),
            end=_find_time(self._reading, rows, 'end'),
            deposit_at=_find_time(self._reading, rows, 'deposit_at'),
            total=self._total,
            currency=self._currency,
            lines=tuple(self._lines),
            fingerprint=self._make_fingerprint(rows),
            notes=tuple(self._notes[:MAX_NOTES]),
            unreadable=self._unreadable,
            is_contradictory=self._is_contradictory,
            marketplace_names=tuple(name for name in names if name),
        )

    def _take(self, row: _Row) -> None:
        if not row['ref']:
            self._note(row, NO_REF)
        if row.is_long:
            self._note(row, LONG)
        if row.is_cut:
            self._unreadable += 1
            self._note(row, CUT)
            return
        self._take_currency(row)
        if row['total']:
            self._take_total(row)
        self._take_amount(row)

    def _take_currency(self, row: _Row) -> None:
        currency = row['currency'].upper()
        if currency and self._currency and currency != self._currency:
            self._is_contradictory = True
            self._note(row, TWO_CURRENCIES)
        self._currency = self._currency or currency

    def _take_total(self, row: _Row) -> None:
        if any(row[key] and not self._reading.read_time(row[key])
               for key in ('start', 'end', 'deposit_at')):
            self._note(row, UNREADABLE_TIME)
        if self._has_total:
            self._is_contradictory = True
            self._note(row, TWO_TOTALS)
            return
        self._has_total = True
        self._total = self._reading.read_amount(row['total'])
        if self._total is None:
            self._unreadable += 1
            self._note(row, UNREADABLE_TOTAL)

    def _take_amount(self, row: _Row) -> None:
        amount = self._reading.read_amount(row['amount']) if row['amount'] else Decimal()
        if amount is None:
            self._unreadable += 1
            self._note(row, UNREADABLE_AMOUNT)
        elif row['total'] and not amount:
            return  # a zero beside the total is no line
        elif not row['amount']:
            self._note(row, NO_AMOUNT)
        else:
            self._lines.append(self._make_line(row, amount))

    def _make_line(self, row: _Row, amount: Decimal) -> SettlementLine:
        posted_at = _read_posting(self._reading, row)
        if not posted_at and (row['posted_at'] or row['posted_date']):
            self._note(row, UNREADABLE_TIME)
        return SettlementLine(
            number=row.number,
            amount=amount,
            fulfillment=FULFILLMENTS.get(row['fulfillment'].upper(), ''),
            posted_at=posted_at,
            quantity=_read_quantity(row['quantity']),
            **{key: row[key] for key in TEXTS},
        )

    def _note(self, row: _Row, problem: str) -> None:
        self._notes.append(Note(row.number, problem))

    def _make_fingerprint(self, rows: Iterable[_Row]) -> str:
        digest = hashlib.sha256(self._ref.encode())
        for row in rows:
            digest.update('\t'.join(('', *row.cells[1:], '\n')).encode())
        return digest.hexdigest()


def _read_quantity(text: str) -> int | None:
    if not re.fullmatch(r'-?\d{1,10}([.,]0+)?', text, re.ASCII):
        return None
    quantity = int(re.split('[.,]', text)[0])
    return quantity if abs(quantity) <= MAX_COUNT else None


def is_return(description: str) -> bool:
    """Tell whether a transfer in a settlement is money that the bank has sent back.

    The others are charged: what the seller owed is taken from the card or the bank.
    """
    return 'unsuccessful' in description.casefold()
