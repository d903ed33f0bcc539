import random
import time
from datetime import datetime, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon import settlements as wire
from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.amazon.local_numbers import read_signed_amount
from odoo.addons.amazon_connector.amazon.settlements import (
    Note,
    SettlementLine,
    parse_settlements,
)

WITHOUT_HASTE = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
HEADER = tuple(wire.COLUMNS.values())
TOTAL = {
    'settlement-id': '11223344556',
    'settlement-start-date': '2026-03-01 10:11:12 UTC',
    'settlement-end-date': '2026-03-15 10:11:12 UTC',
    'deposit-date': '2026-03-17 10:11:12 UTC',
    'total-amount': '88.00',
    'currency': 'USD',
}
PRINCIPAL = {
    'settlement-id': '11223344556',
    'transaction-type': 'Order',
    'order-id': '302-1234567-1234567',
    'merchant-order-id': 'M1',
    'shipment-id': 'S1',
    'marketplace-name': 'Amazon.com',
    'amount-type': 'ItemPrice',
    'amount-description': 'Principal',
    'amount': '100.00',
    'fulfillment-id': 'AFN',
    'posted-date': '2026-03-14',
    'posted-date-time': '2026-03-13 20:21:38 UTC',
    'order-item-code': '10001',
    'merchant-order-item-id': 'I1',
    'sku': 'MUG',
    'quantity-purchased': '2',
}
COMMISSION = {
    'settlement-id': '11223344556',
    'transaction-type': 'Order',
    'order-id': '302-1234567-1234567',
    'amount-type': 'ItemFees',
    'amount-description': 'Commission',
    'amount': '-12.00',
    'posted-date-time': '2026-03-13 20:21:38 UTC',
}
ORDINARY = (TOTAL, PRINCIPAL, COMMISSION)
TEXTS = ('', '', ' ', '0', '0.00', '1.234', '1,5', '-', '(3)', 'NaN', '13/06/2025', '2026-02-30',
         '03.05.18', 'Order', '\u2028', '"', '\ufffd', 'settlement-id', '9' * 50, '7', '8', 'EUR')


def write(*rows, header=HEADER, end='\n'):
    """Return a document with rows."""
    lines = [header, *([row.get(name, '') for name in header] for row in rows)]
    return ''.join('\t'.join(line) + end for line in lines)


def read(*rows, **options):
    """Return the only settlement in a document."""
    settlement, = parse_settlements(write(*rows, **options).encode()).settlements
    return settlement


def read_amounts(*texts, total='0', currency='EUR'):
    """Return what is read of amounts, and of their total."""
    rows = [{**TOTAL, 'total-amount': total, 'currency': currency}]
    rows += [{**PRINCIPAL, 'amount': text} for text in texts]
    settlement = read(*rows)
    return settlement.total, [line.amount for line in settlement.lines]


def read_posting(text='', day='', start='', end=''):
    """Return when a row was posted."""
    period = {'settlement-start-date': start, 'settlement-end-date': end}
    row = {**PRINCIPAL, 'posted-date-time': text, 'posted-date': day}
    return read({**TOTAL, **period}, row).lines[0].posted_at


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


@tagged('post_install', '-at_install')
class TestSettlementsParsing(BaseCase):

    def assertMalformed(self, content, problem):
        with self.assertRaises(Malformed) as caught:
            parse_settlements(content)
        self.assertEqual(caught.exception.problem, problem)

    # === ROWS === #

    def test_a_settlement_says_what_amazon_settles(self):
        settlement = read(*ORDINARY)
        self.assertEqual(settlement.ref, '11223344556')
        self.assertEqual(settlement.start, utc(2026, 3, 1, 10, 11, 12))
        self.assertEqual(settlement.end, utc(2026, 3, 15, 10, 11, 12))
        self.assertEqual(settlement.deposit_at, utc(2026, 3, 17, 10, 11, 12))
        self.assertEqual((settlement.total, settlement.currency), (Decimal('88'), 'USD'))
        self.assertEqual(settlement.marketplace_names, ('Amazon.com',))
        self.assertEqual((settlement.notes, settlement.unreadable), ((), 0))
        self.assertEqual(settlement.line_sum, Decimal('88'))
        self.assertTrue(settlement.is_proven)
        self.assertEqual(settlement.lines[0], SettlementLine(
            number=3, transaction_type='Order', order_ref='302-1234567-1234567',
            merchant_order_ref='M1', adjustment_ref='', shipment_ref='S1',
            marketplace_name='Amazon.com', amount_type='ItemPrice', amount_description='Principal',
            amount=Decimal('100'), fulfillment='fba', posted_at=utc(2026, 3, 13, 20, 21, 38),
            item_ref='10001', merchant_item_ref='I1', adjustment_item_ref='', sku='MUG', quantity=2,
            promotion_ref='',
        ))

    def test_columns_may_stand_anywhere(self):
        names = [*reversed(HEADER), 'something-new']
        other = read(*ORDINARY, header=names)
        self.assertEqual(other, read(*ORDINARY))
        text = write(*ORDINARY).replace('settlement-id', ' Settlement_ID', 1)
        self.assertTrue(parse_settlements(text.encode()).settlements[0].is_proven)

    def test_text_may_stand_above_the_header(self):
        text = 'Amazon Payments Singapore\n\nStreet 1\tx\n' + write(*ORDINARY)
        document = parse_settlements(text.encode())
        self.assertTrue(document.settlements[0].is_proven)
        self.assertEqual(document.notes, ())

    def test_last_cells_may_be_missing(self):
        text = '\n'.join(line.rstrip('\t') for line in write(*ORDINARY).split('\n'))
        settlement, = parse_settlements(text.encode()).settlements
        self.assertEqual(settlement, read(*ORDINARY))
        self.assertEqual(settlement.notes, ())

    def test_cells_beyond_the_header_are_noted(self):
        text = write(*ORDINARY).rstrip('\n') + '\t\tmore\n'
        settlement, = parse_settlements(text.encode()).settlements
        self.assertTrue(settlement.is_proven)
        self.assertEqual(settlement.notes, (Note(4, wire.LONG),))

    def test_a_document_may_hold_several_settlements(self):
        others = [{**row, 'settlement-id': '2', 'currency': ''} for row in ORDINARY]
        others[0]['total-amount'] = '87.99'
        document = parse_settlements(write(*ORDINARY, *others).encode())
        self.assertEqual(
            [(entry.ref, entry.is_proven, len(entry.lines)) for entry in document.settlements],
            [('11223344556', True, 2), ('2', False, 2)],
        )

    def test_equal_rows_all_count(self):
        settlement = read({**TOTAL, 'total-amount': '200.00'}, PRINCIPAL, PRINCIPAL)
        self.assertTrue(settlement.is_proven)
        self.assertEqual([line.number for line in settlement.lines], [3, 4])

    def test_rows_without_a_type_are_money(self):
        settlement = read(TOTAL, PRINCIPAL, {**COMMISSION, 'transaction-type': ''})
        self.assertTrue(settlement.is_proven)
        self.assertEqual(settlement.lines[1].transaction_type, '')

    def test_a_missing_cent_is_no_proof(self):
        self.assertFalse(read({**TOTAL, 'total-amount': '88.01'}, *ORDINARY[1:]).is_proven)

    def test_without_a_total_nothing_is_proven(self):
        settlement = read(PRINCIPAL, {**PRINCIPAL, 'amount': '-100.00'})
        self.assertEqual((settlement.total, settlement.line_sum), (None, 0))
        self.assertFalse(settlement.is_proven)

    def test_two_totals_prove_nothing(self):
        settlement = read(*ORDINARY, TOTAL)
        self.assertEqual(settlement.total, settlement.line_sum)
        self.assertFalse(settlement.is_proven)
        self.assertEqual(settlement.notes, (Note(5, wire.TWO_TOTALS),))

    def test_two_currencies_prove_nothing(self):
        settlement = read(TOTAL, PRINCIPAL, {**COMMISSION, 'currency': 'CAD'})
        self.assertFalse(settlement.is_proven)
        self.assertEqual(settlement.currency, 'USD')
        self.assertEqual(settlement.notes, (Note(4, wire.TWO_CURRENCIES),))

    def test_an_amount_that_cannot_be_read_proves_nothing(self):
        settlement = read(*ORDINARY, {**PRINCIPAL, 'amount': '?'})
        self.assertEqual(settlement.line_sum, settlement.total)
        self.assertEqual(settlement.unreadable, 1)
        self.assertFalse(settlement.is_proven)
        self.assertEqual(settlement.notes, (Note(5, wire.UNREADABLE_AMOUNT),))
        settlement = read({**TOTAL, 'total-amount': '?'}, PRINCIPAL)
        self.assertEqual((settlement.total, settlement.unreadable), (None, 1))

    def test_a_zero_beside_the_total_is_no_line(self):
        settlement = read({**TOTAL, 'amount': '0.00'}, PRINCIPAL, COMMISSION)
        self.assertTrue(settlement.is_proven)
        self.assertEqual(len(settlement.lines), 2)

    def test_lines_of_zero_are_lines(self):
        settlement = read(*ORDINARY, {**PRINCIPAL, 'amount': '0.00'})
        self.assertEqual([line.amount for line in settlement.lines], [100, -12, 0])

    def test_a_row_without_amount_is_noted(self):
        settlement = read(*ORDINARY, {**PRINCIPAL, 'amount': ''})
        self.assertTrue(settlement.is_proven)
        self.assertEqual(settlement.notes, (Note(5, wire.NO_AMOUNT),))

    def test_a_row_that_names_no_settlement_is_of_the_one_above(self):
        settlement = read(TOTAL, PRINCIPAL, {**COMMISSION, 'settlement-id': ''})
        self.assertTrue(settlement.is_proven)
        self.assertEqual(settlement.notes, (Note(4, wire.NO_REF),))
        document = parse_settlements(write({**PRINCIPAL, 'settlement-id': ''}).encode())
        self.assertEqual((document.settlements, document.notes), ((), (Note(2, wire.STRAY),)))

    def test_documents_may_be_joined(self):
        others = [{**row, 'settlement-id': '2'} for row in ORDINARY]
        joined = write(*ORDINARY) + 'Amazon Payments\n' + write(*others, header=HEADER[::-1])
        document = parse_settlements(joined.encode())
        self.assertEqual([entry.is_proven for entry in document.settlements], [True, True])
        self.assertEqual(document.notes, (Note(5, wire.STRAY),))

    def test_no_rows_are_no_error(self):
        document = parse_settlements(write().encode())
        self.assertEqual((document.settlements, document.notes), ((), ()))

    def test_what_is_no_settlement_report_is_refused(self):
        self.assertMalformed(b'', "is empty")
        self.assertMalformed(b'<html></html>', "is HTML or XML")
        self.assertMalformed(b'\x00' * 100, "is not a text")
        self.assertMalformed(b'order-id\tsku\n1\t2\n', "is missing")
        first_version = [name for name in HEADER if name != 'amount-type']
        self.assertMalformed(write(*ORDINARY, header=first_version).encode(), "is missing")

    # === NUMBERS === #

    def test_amounts_are_read_in_the_way_of_the_document(self):
        for texts, total, amounts in (
            (('53,44', '-109,99', '1141,18'), '1084,63', ('53.44', '-109.99', '1141.18')),
            (('16630.13', '-0.01'), '16630.12', ('16630.13', '-0.01')),
            (('1.234,56', '0,00'), '1.234,56', ('1234.56', '0')),
            (('1,234.56', '(55.00)'), '1,179.56', ('1234.56', '-55')),
            (('1 234,56', '1\xa0234,56', '1\u202f234,56'), '0,00', ('1234.56',) * 3),
            (('5,00-', '\u22125,00', '+5,00', '- 5,00'), '-10,00', ('-5', '-5', '5', '-5')),
            (('12,34,567.00', '1'), '0', ('1234567', '1')),
            (('1.234', '5,50'), '0', ('1234', '5.5')),
            (('1,234', '5.50'), '0', ('1234', '5.5')),
        ):
            with self.subTest(texts):
                read_total, read = read_amounts(*texts, total=total)
                self.assertEqual(read, [Decimal(amount) for amount in amounts])
                self.assertIsNotNone(read_total)

    def test_the_sum_decides_what_can_be_read_in_two_ways(self):
        self.assertEqual(read_amounts('1.234', '5', total='1.239'), (1239, [1234, 5]))
        self.assertEqual(
            read_amounts('1.234', '1.000', total='2.234', currency='KWD'),
            (Decimal('2.234'), [Decimal('1.234'), Decimal('1')]),
        )

    def test_the_currency_decides_where_both_sums_are_proven(self):
        for sign in '.,':
            text = f'1{sign}234'
            for currency, amount in (
                ('KWD', '1.234'), ('TND', '1.234'), ('JPY', '1234'), ('EUR', '1234'),
            ):
                with self.subTest(text, currency=currency):
                    amounts = read_amounts(text, total=text, currency=currency)
                    self.assertEqual(amounts, (Decimal(amount), [Decimal(amount)]))

    def test_yen_have_no_cents(self):
        self.assertEqual(read_amounts('1980', '-198', total='1782', currency='JPY'),
                         (1782, [1980, -198]))

    def test_what_is_no_amount(self):
        for text in ('', '-', '()', '--5', '-(5)', '5-5', '1e5', 'NaN', '.', '1 23', '1.2.3', '٣',
                     '9' * 14, '9' * 100, '5 EUR', '0x10', '1_000'):
            for point in wire.POINTS:
                with self.subTest(text[:20]), self.assertRaises(ValueError):
                    read_signed_amount(text, point)

    @WITHOUT_HASTE
    @given(st.lists(st.integers(-10**9, 10**9), min_size=1, max_size=20), st.sampled_from(
        ((',', '.'), ('.', ','), ('', '.'), ('', ','), (' ', ','), ("'", '.'))))
    def test_every_sum_is_proven(self, cents, signs):
        group, point = signs
        texts = [
            f'{Decimal(number) / 100:,.2f}'.translate({44: group, 46: point})
            for number in (sum(cents), *cents)
        ]
        total, amounts = read_amounts(*texts[1:], total=texts[0])
        self.assertEqual(amounts, [Decimal(number) / 100 for number in cents])
        self.assertEqual(total, sum(amounts))

    # === DATES === #

    def test_times_are_read(self):
        for text in (
            '2026-03-13 20:21:38 UTC', '2026-03-13T20:21:38Z', '2026-03-13T20:21:38.000+00:00',
            '2026-03-13T21:21:38+01:00', '2026-03-13T13:21:38-0700', '13.03.2026 20:21:38 UTC',
            '2026-03-13 20:21:38', '13/03/2026 20:21:38 GMT', '2026/03/14 05:21:38 JST',
            '03/13/26 20:21:38 UTC',
        ):
            with self.subTest(text):
                self.assertEqual(read_posting(text), utc(2026, 3, 13, 20, 21, 38))

    def test_a_day_is_at_noon(self):
        for text in ('2026-03-07', '07.03.2026', '07.03.26'):
            self.assertEqual(read_posting(day=text), utc(2026, 3, 7, 12))

    def test_the_time_counts_more_than_the_day(self):
        self.assertEqual(read(*ORDINARY).lines[0].posted_at.day, 13)
        self.assertEqual(read_posting('soon', '2026-03-14'), utc(2026, 3, 14, 12))

    def test_another_day_decides_which_comes_first(self):
        july, june = utc(2025, 7, 6, 12), utc(2025, 6, 7, 12)
        for text, moment in (('13/06/2025', july), ('06/13/25', june)):
            rows = ({**PRINCIPAL, 'posted-date-time': '', 'posted-date': day}
                    for day in (text, '06/07/25'))
            self.assertEqual(read(TOTAL, *rows).lines[1].posted_at, moment)

    def test_the_period_decides_which_comes_first(self):
        period = {'start': '2025-09-01', 'end': '2025-09-15'}
        self.assertEqual(read_posting(day='09/06/25', **period), utc(2025, 9, 6, 12))
        self.assertEqual(read_posting(day='06/09/25', **period), utc(2025, 9, 6, 12))
        self.assertEqual(read_posting(day='09/12/25', start='2025-12-12', end='2025-12-26'),
                         utc(2025, 12, 9, 12))

    def test_a_date_that_could_be_two_is_none(self):
        row = {**PRINCIPAL, 'posted-date-time': '', 'posted-date': '09/06/25'}
        settlement = read({**TOTAL, 'settlement-start-date': ''}, row)
        self.assertIsNone(settlement.lines[0].posted_at)
        self.assertEqual(settlement.notes, (Note(3, wire.UNREADABLE_TIME),))
        self.assertEqual(read_posting(day='09/09/25'), utc(2025, 9, 9, 12))

    def test_what_is_no_date_is_noted(self):
        for text in ('soon', '2026-02-30', '1026-02-01', '2026-03-13 25:00:00 UTC',
                     '2026-03-13 20:21:38 XYZ', '13/13/2026', '2026-03-13T20:21:38+99:00'):
            with self.subTest(text):
                settlement = read(TOTAL, {**COMMISSION, 'posted-date-time': text})
                self.assertIsNone(settlement.lines[0].posted_at)
                self.assertEqual(settlement.notes, (Note(3, wire.UNREADABLE_TIME),))
        settlement = read({**TOTAL, 'deposit-date': 'soon'}, PRINCIPAL, COMMISSION)
        self.assertIsNone(settlement.deposit_at)
        self.assertEqual(settlement.notes, (Note(2, wire.UNREADABLE_TIME),))
        self.assertTrue(settlement.is_proven)

    # === DOCUMENTS === #

    def test_every_encoding_is_read(self):
        rows = (TOTAL, {**PRINCIPAL, 'amount-description': 'Gebühr für Bücher €'}, COMMISSION)
        expected = read(*rows)
        for encoding in ('utf-8', 'utf-8-sig', 'utf-16', 'cp1252'):
            settlement, = parse_settlements(write(*rows).encode(encoding)).settlements
            self.assertEqual(settlement, expected)
        rows = ({**TOTAL, 'currency': 'JPY'}, {**PRINCIPAL, 'amount-description': '配送料'})
        settlement, = parse_settlements(write(*rows).encode('cp932')).settlements
        self.assertEqual(settlement.lines[0].amount_description, '配送料')

    def test_the_fingerprint_is_that_of_the_rows(self):
        fingerprint = read(*ORDINARY).fingerprint
        others = [{**row, 'settlement-id': '2'} for row in ORDINARY]
        for content in (
            write(*others, *ORDINARY).encode(),
            write(*ORDINARY, end='\r\n').encode('utf-8-sig'),
            write(*ORDINARY, header=HEADER[::-1]).encode('utf-16'),
            write(*ORDINARY, header=HEADER[:-1]).encode('cp1252'),
        ):
            found = {entry.ref: entry for entry in parse_settlements(content).settlements}
            self.assertEqual(found['11223344556'].fingerprint, fingerprint)
            self.assertNotEqual(fingerprint, getattr(found.get('2'), 'fingerprint', ''))
        for rows in (
            (TOTAL, COMMISSION, PRINCIPAL), (*ORDINARY, PRINCIPAL), ORDINARY[:2],
            (TOTAL, {**PRINCIPAL, 'amount': '100.01'}, COMMISSION),
            (TOTAL, {**PRINCIPAL, 'sku': '', 'adjustment-id': 'MUG'}, COMMISSION),
        ):
            self.assertNotEqual(read(*rows).fingerprint, fingerprint)

    def test_wherever_a_document_breaks_off_nothing_is_proven(self):
        parts = ({**COMMISSION, 'amount': amount} for amount in ('-10.00', '-2.00'))
        content = write(TOTAL, PRINCIPAL, *parts).encode()
        first, last = content.index(b'11223344556'), len(content) - len('\t\t\n')
        for length in range(first, last + 1):
            for settlement in parse_settlements(content[:length]).settlements:
                self.assertFalse(settlement.is_proven, content[:length])
        settlement, = parse_settlements(content[:last]).settlements
        self.assertEqual((settlement.notes, settlement.unreadable), ((Note(5, wire.CUT),), 1))

    def test_the_last_line_needs_no_end(self):
        for cut in ('\n', '\t\n'):
            text = write(*ORDINARY).removesuffix(cut)
            self.assertTrue(parse_settlements(text.encode()).settlements[0].is_proven)

    @WITHOUT_HASTE
    @given(st.lists(st.dictionaries(st.sampled_from(HEADER), st.sampled_from(TEXTS)), max_size=6))
    def test_nothing_breaks_the_reading(self, changes):
        rows = [{**ORDINARY[index % 3], **change} for index, change in enumerate(changes)]
        document = parse_settlements(write(*rows).encode())
        for settlement in document.settlements:
            if settlement.is_proven:
                self.assertEqual(settlement.line_sum, settlement.total)

    def test_a_long_document_is_read_within_seconds(self):
        draw = random.Random(11)
        rows = [
            {**PRINCIPAL, 'order-id': f'302-{number:07}-1234567', 'order-item-code': str(number),
             'amount': f'{draw.randrange(10**6) / 100:.2f}', 'sku': f'SKU-{number % 900}'}
            for number in range(50_000)
        ]
        total = sum(Decimal(row['amount']) for row in rows)
        content = write({**TOTAL, 'total-amount': str(total)}, *rows).encode()
        started = time.process_time()
        settlement, = parse_settlements(content).settlements
        self.assertTrue(settlement.is_proven)
        self.assertLess(time.process_time() - started, 10)
