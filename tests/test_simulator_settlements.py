import csv
import gzip
import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import requests
import spapi

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import ROLE_FINANCES, SETTLEMENT_ODDITIES, Item
from odoo.addons.amazon_connector.simulator.bulk_settlements import bulk_settlement
from odoo.addons.amazon_connector.simulator.scenarios import bulk
from odoo.addons.amazon_connector.simulator.settlement_oddities import PREAMBLE
from odoo.addons.amazon_connector.simulator.settlement_report import COLUMNS
from odoo.addons.amazon_connector.simulator.settlements import CHARGED

from .test_simulator import ALL_SHAPES, NOON, ConformanceCase, _other_seller
from .test_simulator_reports import BRITAIN, DOCUMENTS, FRANCE, GERMANY, REPORTS, ReportCase

SETTLEMENTS = 'GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2'
BUYERS = ('ItemPrice', 'Promotion')
DAY = timedelta(days=1)


class SettlementCase(ReportCase):
    """A seller whose money is looked at."""

    def sell(self, *items, **details):
        """Let an order be placed and shipped."""
        return self.seller.place_order(items=items, status='SHIPPED', **details)

    def events(self, order=None):
        return [
            event for event in self.seller.money
            if order is None or event.order_id == order.order_id
        ]

    def amounts(self, event):
        """Return the sums of an event by amount type and description."""
        sums = Counter()
        for row in event.rows:
            sums[row.amount_type, row.description] += row.amount
        return {key: str(amount) for key, amount in sums.items()}

    def sum(self, order, *amount_types):
        return sum(event.sum(*amount_types) for event in self.events(order))

    def reports(self, **query):
        response = self.get(REPORTS, reportTypes=SETTLEMENTS, **query)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()['reports']

    def fetch(self, report_id):
        """Return the document of a report as it is stored, and as it is described."""
        document = self.document(report_id)
        return requests.get(document['url'], timeout=5).content, document

    def text(self, report_id, encoding='utf-8'):
        content, document = self.fetch(report_id)
        self.assertEqual(document['compressionAlgorithm'], 'GZIP')
        return gzip.decompress(content).decode(encoding)

    def table(self, settlement=None, encoding='utf-8', **options):
        """Close a settlement, unless told which, and return the cells of its last document."""
        settlement = settlement or self.seller.close_settlement(**options)
        text = self.text(settlement.report_ids[-1], encoding)
        return [line.split('\t') for line in text.rstrip('\n').split('\n')]

    def rows(self, settlement=None, **options):
        """As `table`, by the names of the columns; the summary first."""
        names, *lines = self.table(settlement, **options)
        return [dict(zip(names, line, strict=False)) for line in lines]


@tagged('post_install', '-at_install')
class TestSimulatorSales(SettlementCase):
    """What was shipped is posted, to the cent."""

    def test_plain_order(self):
        order = self.sell(
            Item('A', '19.99', 2, shipping='4.90', discount='1.00', promotions=('P1',)),
        )
        [event] = self.events()
        self.assertEqual(self.amounts(event), {
            ('ItemPrice', 'Principal'): '39.98',
            ('ItemPrice', 'Shipping'): '4.90',
            ('Promotion', 'Principal'): '-1.00',
            ('ItemFees', 'Commission'): '-6.58',
        })
        self.assertEqual(
            [(row.sku, row.item_id, row.quantity, row.promotion_id) for row in event.rows],
            [('A', order.items[0].item_id, 2, promotion) for promotion in ('', '', 'P1', '')],
        )
        self.assertEqual(
            (event.kind, event.transaction_type, event.fulfillment, event.marketplace_name),
            ('Shipment', 'Order', 'MFN', 'Amazon.de'),
        )
        self.assertEqual(event.posted, NOON)

    def test_amazon_fulfilled(self):
        self.sell(
            Item('A', '10', 2, shipping='3', shipping_discount='1', gift_wrap='2'), channel='FBA',
        )
        [event] = self.events()
        self.assertEqual(self.amounts(event), {
            ('ItemPrice', 'Principal'): '20.00',
            ('ItemPrice', 'Shipping'): '3.00',
            ('ItemPrice', 'GiftWrap'): '2.00',
            ('Promotion', 'Shipping'): '-1.00',
            ('ItemFees', 'Commission'): '-3.60',
            ('ItemFees', 'FBAPerUnitFulfillmentFee'): '-6.62',
            ('ItemFees', 'ShippingChargeback'): '-2.00',
            ('ItemFees', 'GiftwrapChargeback'): '-2.00',
        })
        self.assertEqual(event.fulfillment, 'AFN')

    def test_every_shape(self):
        for name, details in ALL_SHAPES.items():
            if 'status' in details and details['status'] != 'SHIPPED':
                continue
            with self.subTest(name):
                order = self.seller.place_order(**details)
                if order.status != 'SHIPPED':
                    self.assertEqual(self.events(order), [])
                    self.seller.ship(order)
                shown_later = order.tip if order.proceeds_shape == 'pending tip' else 0
                self.assertEqual(
                    self.sum(order, *BUYERS), order.grand_total - Decimal(shown_later),
                )
                self.seller.refund(order, shipping=True, goodwill=1)
                self.assertEqual(
                    {row.amount.as_tuple().exponent for event in self.events(order)
                     for row in event.rows},
                    {order.marketplace.minor_unit.as_tuple().exponent},
                )

    def test_tax_that_amazon_remits(self):
        for marketplace, goods, shipping, other in (
            ('US', 'MarketplaceFacilitatorTax-Principal', 'MarketplaceFacilitatorTax-Shipping',
             'MarketplaceFacilitatorTax-Other'),
            ('GB', 'MarketplaceFacilitatorVAT-Principal', 'MarketplaceFacilitatorVAT-Shipping',
             'MarketplaceFacilitatorTax-Other'),
            ('AU', 'LowValueGoodsTax-Principal', 'LowValueGoodsTax-Shipping',
             'LowValueGoodsTax-Other'),
        ):
            with self.subTest(marketplace):
                order = self.sell(
                    Item('A', '10.00', 3, shipping='3.00', gift_wrap='1.00', discount='2.00',
                         tax_rate='0.10', marketplace_facilitator=True),
                    marketplace=marketplace, prices_include_tax=False,
                )
                [event] = self.events(order)
                amounts = self.amounts(event)
                self.assertEqual(amounts['ItemPrice', 'Tax'], '3.00')
                self.assertEqual(amounts['Promotion', 'TaxDiscount'], '-0.20')
                self.assertEqual(
                    [amounts['ItemWithheldTax', name] for name in (goods, shipping, other)],
                    ['-2.80', '-0.30', '-0.10'],
                )
                self.assertEqual(event.sum(*BUYERS, 'ItemWithheldTax'), Decimal('32.00'))
                self.assertEqual(amounts['ItemFees', 'Commission'], '-4.80')
                self.assertEqual(
                    event.merchant_order_id, order.order_id if marketplace == 'US' else '',
                )

    def test_tax_that_the_seller_remits(self):
        order = self.sell(Item('A', '11.90', tax_rate='0.19'))
        [event] = self.events(order)
        self.assertEqual(self.amounts(event)['ItemPrice', 'Tax'], '1.90')
        self.assertFalse(event.sum('ItemWithheldTax'))

    def test_zero_vat_on_shipping_is_a_line(self):
        self.sell(Item('A', tax_rate='0.19', marketplace_facilitator=True))
        self.assertEqual(
            self.amounts(self.events()[0])['ItemWithheldTax', 'MarketplaceFacilitatorVAT-Shipping'],
            '0.00',
        )

    def test_other_countries(self):
        self.sell(Item('A', '100', points=(40, 40)), marketplace='JP', channel='FBA')
        self.sell(Item('A', '100'), marketplace='IT')
        self.sell(Item('A', '100'), marketplace='IN')
        japan, italy, india = map(self.amounts, self.events())
        self.assertEqual(japan['Points', 'PointsGranted'], '-40')
        self.assertEqual(japan['ItemFees', 'FBAPerUnitFulfillmentFee'], '-434')
        self.assertEqual(italy['ItemFees', 'DigitalServicesFee'], '-0.45')
        self.assertEqual(india['ItemWithheldTax', 'TCS-IGST'], '-0.50')

    def test_order_of_another_shop(self):
        self.sell(Item('A', '10', 2), channel='FBA', channel_name='NON_AMAZON')
        [event] = self.events()
        self.assertEqual(
            self.amounts(event), {('ItemFees', 'FBAPerUnitFulfillmentFee'): '-6.62'},
        )
        self.assertEqual(event.marketplace_name, 'Non-Amazon DE')

    def test_parts_of_an_order(self):
        for marketplace, price, rate in (('DE', '9.99', '0.19'), ('JP', '333', '0.10')):
            for cancels in (False, True):
                with self.subTest(marketplace, cancels=cancels):
                    order = self.seller.place_order(marketplace, items=[
                        Item('A', price, 7, shipping='5', discount='3', tax_rate=rate),
                    ])
                    for quantity in (1, 3, 2):
                        self.seller.ship(order, {'A': quantity})
                    if cancels:
                        self.seller.cancel(order)
                    else:
                        self.seller.ship(order)
                    self.assertEqual(order.status, 'SHIPPED')
                    self.assertEqual(self.sum(order, *BUYERS), order.grand_total)
                    self.assertEqual(len(self.events(order)), 3 if cancels else 4)

    def test_each_piece(self):
        self.seller.posts_each_piece = True
        order = self.sell(Item('A', '10', 3, shipping='1'), channel='FBA')
        [event] = self.events()
        self.assertEqual(self.sum(order, *BUYERS), order.grand_total)
        fees = [row for row in event.rows if row.description == 'FBAPerUnitFulfillmentFee']
        self.assertEqual(len(fees), 3)
        self.assertEqual(len(set(fees)), 1)

    def test_confirmed_shipment(self):
        order = self.seller.place_order(items=[Item('A', '10', 2)])
        path = f'/orders/v0/orders/{order.order_id}/shipmentConfirmation'
        for quantity in (1, 1, 2):
            response = self.request('POST', path, json={
                'marketplaceId': GERMANY,
                'packageDetail': {
                    'packageReferenceId': '1', 'carrierCode': 'DHL', 'trackingNumber': 'T',
                    'shippingMethod': 'M', 'shipDate': '2026-03-10T12:00:00Z',
                    'orderItems': [
                        {'orderItemId': order.items[0].item_id, 'quantity': quantity},
                    ],
                },
            })
            self.assertEqual(response.status_code, 204, response.text)
        self.assertEqual([event.sum(*BUYERS) for event in self.events()], [10, 10])

    def test_reset(self):
        self.sell(Item('A'))
        self.seller.set_reserve('5')
        self.seller.close_settlement()
        self.simulator.reset()
        self.assertEqual((self.seller.money, self.seller.settlements), ([], []))
        self.assertEqual(self.seller.close_settlement().total, 0)


@tagged('post_install', '-at_install')
class TestSimulatorRefunds(SettlementCase):
    """What buyers are given back."""

    def test_pieces(self):
        order = self.sell(Item('A', '20', 3, shipping='5', tax_rate='0.19'), Item('B', '7'))
        refund = self.seller.refund(order, {'A': 1})
        self.assertEqual(refund.amount, 20)
        self.assertEqual(self.amounts(refund.event), {
            ('ItemPrice', 'Principal'): '-16.81',
            ('ItemPrice', 'Tax'): '-3.19',
            ('ItemFees', 'Commission'): '3.00',
            ('ItemFees', 'RefundCommission'): '-0.60',
        })
        self.assertRegex(refund.adjustment_id, r'\Aamzn1:crow:[\w-]{22}\Z')
        self.assertEqual(refund.event.transaction_type, 'Refund')
        for row in refund.event.rows:
            self.assertRegex(row.adjustment_item_id, r'\A\d{12}\Z')
            self.assertEqual((row.sku, row.quantity), ('A', 0))
        self.assertEqual(refund.event.quantities, {order.items[0].item_id: 1})

    def test_everything(self):
        for details in (
            {'channel': 'FBA'},
            {'marketplace': 'GB', 'channel': 'FBM'},
            {'marketplace': 'JP', 'tip': '3'},
        ):
            with self.subTest(**details):
                order = self.sell(
                    Item('A', '23', 3, shipping='4', gift_wrap='1', discount='2', tax_rate='0.07',
                         marketplace_facilitator=True, points=(3, 3)),
                    Item('B', '5', 2), **details,
                )
                for items in ({'A': 1}, {'A': '4'}, {'B': 1}):
                    self.seller.refund(order, items)
                self.seller.refund(order)
                self.seller.refund(order, shipping=True)
                self.assertEqual(self.sum(order, *BUYERS), 0)
                self.assertEqual(self.sum(order, 'ItemWithheldTax', 'Points'), 0)
                fees = Counter()
                for event in self.events(order):
                    for row in event.rows:
                        if row.amount_type == 'ItemFees':
                            fees[row.description] += row.amount
                self.assertEqual(
                    {name for name, amount in fees.items() if amount},
                    {'RefundCommission'} | (
                        {'FBAPerUnitFulfillmentFee'} if order.channel == 'FBA' else set()
                    ),
                )
                with self.assertRaises(ValueError):
                    self.seller.refund(order, shipping=True)

    def test_amounts(self):
        order = self.sell(
            Item('A', '50', 1, tax_rate='0.20', marketplace_facilitator=True),
            Item('B', '25', 2), marketplace='GB',
        )
        refund = self.seller.refund(order, amount='10.01')
        self.assertEqual(refund.amount, Decimal('10.01'))
        self.assertEqual({row.sku for row in refund.event.rows}, {'A', 'B'})
        tax = sum(row.amount for row in refund.event.rows if row.description == 'Tax')
        self.assertEqual(tax, Decimal('-0.83'))
        self.assertEqual(refund.event.sum('ItemWithheldTax'), -tax)
        self.assertEqual(self.seller.refund(order, {'A': '0.03'}).amount, Decimal('0.03'))
        self.assertEqual(self.seller.refund(order).amount, Decimal('89.96'))

    def test_many_amounts(self):
        chance = random.Random(11)
        for number in range(30):
            rate = chance.choice((None, '0.07', '0.19'))
            order = self.sell(*(
                Item(sku, Decimal(chance.randrange(100, 9999)) / 100, chance.randint(1, 4),
                     shipping=Decimal(chance.randrange(0, 600)) / 100, discount='0.97',
                     tax_rate=rate, marketplace_facilitator=number % 3 == 0)
                for sku in ('A', 'B')
            ), channel=chance.choice(('FBM', 'FBA')))
            with self.subTest(order.order_id):
                left = order.grand_total
                for _refund in range(3):
                    amount = (left * chance.randint(10, 60) / 100).quantize(Decimal('0.01'))
                    refund = self.seller.refund(order, amount=amount, shipping=True)
                    self.assertEqual(refund.amount, amount)
                    taxes = sum(
                        row.amount for row in refund.event.rows
                        if 'Tax' in row.description and row.amount_type in BUYERS
                    )
                    if number % 3 == 0:
                        self.assertEqual(refund.event.sum('ItemWithheldTax'), -taxes)
                    left -= amount
                self.assertEqual(self.seller.refund(order, shipping=True).amount, left)
                self.assertEqual(self.sum(order, *BUYERS, 'ItemWithheldTax'), 0)

    def test_extras(self):
        order = self.sell(Item('A', '40'))
        refund = self.seller.refund(order, {}, goodwill='5.00')
        self.assertEqual(self.amounts(refund.event), {('ItemPrice', 'Goodwill'): '-5.00'})
        refund = self.seller.refund(order, restocking='8.00')
        self.assertEqual(refund.amount, 32)
        self.assertEqual(self.amounts(refund.event)['ItemPrice', 'RestockingFee'], '8.00')

    def test_commission_that_amazon_keeps(self):
        for marketplace, price, fee in (
            ('DE', '100', '-3.00'), ('DE', '1000', '-5.00'), ('JP', '100000', '-500'),
        ):
            order = self.sell(Item('A', price), marketplace=marketplace)
            refund = self.seller.refund(order)
            self.assertEqual(self.amounts(refund.event)['ItemFees', 'RefundCommission'], fee)

    def test_kinds(self):
        for kind in ('Chargeback Refund', 'A-to-z Guarantee Refund'):
            event = self.seller.refund(self.sell(Item('A')), kind=kind).event
            self.assertEqual((event.kind, event.transaction_type), ('Refund', kind))

    def test_too_much(self):
        order = self.seller.place_order(items=[Item('A', '10', 2)])
        with self.assertRaises(ValueError):
            self.seller.refund(order)
        self.seller.ship(order, {'A': 1})
        known = len(self.seller.money)
        for arguments in (
            {'items': {'A': 2}}, {'items': {'A': 0}}, {'items': {'A': '10.01'}},
            {'amount': '10.01'}, {'amount': '0'}, {'kind': 'Present'}, {'items': {}},
            {'goodwill': '0.001'},
        ):
            with self.subTest(**arguments), self.assertRaises(ValueError):
                self.seller.refund(order, **arguments)
        with self.assertRaises(LookupError):
            self.seller.refund(order, {'B': 1})
        self.assertEqual(len(self.seller.money), known)
        self.assertEqual(self.seller.refund(order).amount, 10)

    def test_retrocharge(self):
        order = self.sell(Item('A'))
        for is_refund, name in ((False, 'Order_Retrocharge'), (True, 'Refund_Retrocharge')):
            event = self.seller.retrocharge(order, '1.20', is_refund=is_refund)
            self.assertEqual((event.transaction_type, event.total), (name, 0))
            self.assertEqual({row.sku for row in event.rows}, {''})


@tagged('post_install', '-at_install')
class TestSimulatorPayouts(SettlementCase):
    """A period is closed, and what it leaves comes into the next one."""

    def test_periods(self):
        self.sell(Item('A', '100'))
        first = self.seller.close_settlement()
        self.assertEqual(first.total, Decimal('85.00'))
        self.assertEqual((first.start, first.end), (NOON - 14 * DAY, NOON))
        self.assertEqual(first.deposit, NOON + 2 * DAY)
        self.sell(Item('A', '10'), updated_at=NOON + DAY)
        self.sell(Item('A', '10'), updated_at=NOON + 3 * DAY)
        self.simulator.clock.advance(days=2)
        second = self.seller.close_settlement(deposit=NOON + 9 * DAY)
        self.assertEqual((second.total, second.start), (Decimal('8.50'), NOON))
        self.assertEqual(second.deposit, NOON + 9 * DAY)
        self.assertEqual(len(list(self.seller.walk_open_money('EUR'))), 1)
        self.assertEqual(len({first.settlement_id, second.settlement_id}), 2)
        self.assertRegex(first.settlement_id, r'\A\d{11}\Z')

    def test_currencies_are_apart(self):
        for marketplace in ('DE', 'GB', 'JP'):
            self.sell(Item('A', '100'), marketplace=marketplace)
        totals = {
            currency: str(self.seller.close_settlement(currency).total)
            for currency in ('EUR', 'GBP', 'JPY', 'KWD')
        }
        self.assertEqual(
            totals, {'EUR': '85.00', 'GBP': '84.70', 'JPY': '85', 'KWD': '0.000'},
        )

    def test_reserve(self):
        self.sell(Item('A', '100'))
        self.seller.set_reserve('30.00')
        self.assertEqual(self.seller.close_settlement().total, 55)
        self.seller.set_reserve()
        settlement = self.seller.close_settlement(end=NOON + 14 * DAY)
        self.assertEqual(settlement.total, 30)
        rows = self.rows(self.seller.settlements[0])
        self.assertEqual(
            [rows[-1][name] for name in (
                'transaction-type', 'amount-type', 'amount-description', 'amount',
                'posted-date-time',
            )],
            ['other-transaction', 'other-transaction', 'Current Reserve Amount', '-30,00',
             '10.03.2026 12:00:08 UTC'],
        )
        rows = self.rows(settlement)
        self.assertEqual(
            [rows[-1][name] for name in ('amount-description', 'amount', 'posted-date-time')],
            ['Previous Reserve Amount Balance', '30,00', '10.03.2026 12:00:00 UTC'],
        )

    def test_negative(self):
        self.seller.charge_fee('subscription', '39.01')
        self.assertEqual(self.seller.close_settlement().total, Decimal('-39.01'))
        with self.assertRaises(ValueError):
            self.seller.fail_transfer(self.seller.settlements[0])
        events = self.seller.charge_card(parts=2)
        self.assertEqual([event.total for event in events], [Decimal('19.50'), Decimal('19.51')])
        with self.assertRaises(ValueError):
            self.seller.charge_card()
        rows = self.rows(end=NOON + DAY)
        self.assertEqual(
            [(row['amount-description'], row['amount']) for row in rows[1:]],
            [('Payable to Amazon', '-39,01'), ('Successful charge', '19,50'),
             ('Successful charge', '19,51')],
        )
        self.assertEqual(rows[0]['total-amount'], '0,00')
        self.assertEqual(list(self.seller.walk_open_money('EUR')), [])

    def test_negative_that_is_carried_on(self):
        self.seller.charge_fee('subscription', '10')
        self.seller.close_settlement()
        self.seller.close_settlement(end=NOON + DAY)
        self.sell(Item('A', '20'))
        self.assertEqual(self.seller.close_settlement(end=NOON + 2 * DAY).total, 7)

    def test_failed_transfer(self):
        self.sell(Item('A', '100'))
        settlement = self.seller.close_settlement()
        self.seller.fail_transfer(settlement.settlement_id, 'the bank refused it')
        with self.assertRaises(ValueError):
            self.seller.fail_transfer(settlement)
        second = self.seller.close_settlement(end=NOON + DAY)
        self.assertEqual(second.total, settlement.total)
        self.assertEqual(
            self.rows(second)[1]['amount-description'],
            'Transfer of funds unsuccessful: the bank refused it',
        )

    def test_deferred_money(self):
        self.sell(Item('A', '100'))
        [event] = self.events()
        event.held_until, event.hold_reason = NOON + 7 * DAY, 'DD7'
        self.assertEqual(self.seller.close_settlement().total, 0)
        settlement = self.seller.close_settlement(end=NOON + 8 * DAY)
        self.assertEqual(settlement.total, 85)
        self.assertEqual(self.rows(settlement)[1]['posted-date'], '17.03.2026')

    def test_fees(self):
        for kind, (event_kind, transaction_type, amount_type, description) in CHARGED.items():
            event = self.seller.charge_fee(kind, '10.00', tax='1.90', text='B0')
            with self.subTest(kind):
                self.assertEqual((event.kind, event.transaction_type), (
                    event_kind, transaction_type,
                ))
                amount_type = amount_type.replace('{text}', 'B0')
                self.assertEqual(self.amounts(event), {
                    (amount_type, description.replace('{text}', 'B0')): '-10.00',
                    (amount_type, 'Tax on fee'): '-1.90',
                })
        with self.assertRaises(ValueError):
            self.seller.charge_fee('toys', '1')

    def test_other_events(self):
        order = self.sell(Item('A'))
        for event, kind, amounts in (
            (self.seller.reimburse('A', 'WAREHOUSE_LOST', '12.00'), 'FBAInventoryReimbursement',
             {('FBA Inventory Reimbursement', 'WAREHOUSE_LOST'): '12.00'}),
            (self.seller.liquidate('A', '5.00', '0.75'), 'Liquidations',
             {('ItemPrice', 'Principal'): '5.00',
              ('ItemFees', 'LiquidationsBrokerageFee'): '-0.75'}),
            (self.seller.adjust_debt('-70.00', 'DE, NL'), 'Adjustment',
             {('Debt Adjustment', 'Cross-Account Debt Adjustment for DE, NL'): '-70.00'}),
            (self.seller.adjust_debt('70.00', 'BE'), 'Adjustment',
             {('Debt Adjustment', 'Cross-Account Debt Adjustment against BE'): '70.00'}),
            (self.seller.charge_fee('return_label', '4', order=order), 'ServiceFee',
             {('other-transaction', 'Shipping label purchase for return'): '-4.00'}),
            (self.seller.post_money('', 'FBAFees', 'New', '0.001', currency='KWD'), 'Other',
             {('FBAFees', 'New'): '0.001'}),
        ):
            self.assertEqual((event.kind, self.amounts(event)), (kind, amounts))
        with self.assertRaises(ValueError):
            self.seller.post_money('', 'FBAFees', 'New', '0.001')

    def test_bulk(self):
        bulk(self.seller, 20)
        settlement = bulk_settlement(self.seller, 301)
        self.assertEqual(settlement.line_count, 301)
        orders = {event.order_id for event in settlement.events}
        self.assertLess(set(self.seller.orders), orders)
        self.assertEqual(self.seller.get_order(next(iter(self.seller.orders))).status, 'UNSHIPPED')
        self.seller.ship(next(iter(self.seller.orders)))
        self.assertEqual(list(self.seller.walk_open_money('EUR')), [])
        bulk(self.seller, 5)
        settlement = bulk_settlement(self.seller, 40, knows_orders=False)
        self.assertEqual(settlement.line_count, 40)
        self.assertFalse({event.order_id for event in settlement.events} & set(self.seller.orders))
        self.assertEqual(len(self.rows(settlement)), 41)


@tagged('post_install', '-at_install')
class TestSimulatorSettlementReports(SettlementCase):
    """Settlements come as reports that nobody asked for."""

    def test_document(self):
        order = self.sell(Item('A/ß', '1234.50', 2, discount='4', promotions=('P1',)))
        self.seller.refund(order, {'A/ß': '10.00'})
        self.seller.charge_fee('storage', '3.00', tax='0.57')
        self.seller.charge_fee('vine', '20.00')
        settlement = self.seller.close_settlement()
        [report] = self.reports(processingStatuses='DONE')
        self.assertEqual(report['reportId'], settlement.report_ids[0])
        self.assertEqual(report['dataStartTime'], '2026-02-24T12:00:00.000Z')
        self.assertEqual(report['dataEndTime'], '2026-03-10T12:00:00.000Z')
        self.assertEqual(report['marketplaceIds'], self.seller.marketplace_ids)
        lines = list(csv.reader(
            self.text(report['reportId']).splitlines(), 'excel-tab', strict=True,
        ))
        self.assertEqual(tuple(lines[0]), COLUMNS)
        self.assertEqual({len(line) for line in lines[:-1]}, {24})
        self.assertEqual(len(lines[-1]), 23)
        rows = [dict(zip(COLUMNS, line, strict=False)) for line in lines[1:]]
        self.assertEqual({name: value for name, value in rows[0].items() if value}, {
            'settlement-id': settlement.settlement_id,
            'settlement-start-date': '24.02.2026 12:00:00 UTC',
            'settlement-end-date': '10.03.2026 12:00:00 UTC',
            'deposit-date': '12.03.2026 12:00:00 UTC',
            'total-amount': str(settlement.total).replace('.', ','),
            'currency': 'EUR',
        })
        self.assertEqual({name: value for name, value in rows[1].items() if value}, {
            'settlement-id': settlement.settlement_id,
            'transaction-type': 'Order',
            'order-id': order.order_id,
            'shipment-id': 'D100000000',
            'marketplace-name': 'Amazon.de',
            'amount-type': 'ItemPrice',
            'amount-description': 'Principal',
            'amount': '2469,00',
            'fulfillment-id': 'MFN',
            'posted-date': '10.03.2026',
            'posted-date-time': '10.03.2026 12:00:00 UTC',
            'order-item-code': order.items[0].item_id,
            'sku': 'A/ß',
            'quantity-purchased': '2',
        })
        self.assertEqual(rows[2]['promotion-id'], 'P1')
        refund = rows[4]
        self.assertEqual((refund['transaction-type'], refund['amount']), ('Refund', '-10,02'))
        self.assertEqual(refund['shipment-id'] + refund['quantity-purchased'], '')
        self.assertRegex(refund['adjustment-id'], 'amzn1:crow:')
        self.assertEqual(
            sum(Decimal(row['amount'].replace(',', '.')) for row in rows[1:]), settlement.total,
        )

    def test_formats(self):
        for currency, marketplace, amount, moment in (
            ('EUR', 'DE', '1234,50', '10.03.2026 12:00:00 UTC'),
            ('GBP', 'GB', '1234.50', '10.03.2026 12:00:00 UTC'),
            ('USD', 'US', '1234.50', '2026-03-10 12:00:00 UTC'),
            ('MXN', 'MX', '1234.50', '2026-03-10 12:00:00 UTC'),
        ):
            with self.subTest(currency):
                self.sell(Item('A', '1234.50'), marketplace=marketplace)
                row = self.rows(currency=currency)[1]
                self.assertEqual((row['amount'], row['posted-date-time']), (amount, moment))
        self.sell(Item('A', '1980'), marketplace='JP')
        rows = self.rows(currency='JPY')
        self.assertEqual((rows[0]['total-amount'], rows[1]['amount']), ('1683', '1980'))
        self.seller.post_money('Other', 'Other', 'Other', '-1.005', currency='KWD')
        self.assertEqual(self.rows(currency='KWD')[1]['amount'], '-1.005')

    def test_nobody_asks_for_it(self):
        response = self.create_report(reportType=SETTLEMENTS)
        self.assertRefused(response, 400, 'InvalidInput', 'requested')
        with self.assertRaises(ValueError):
            self.simulator.request_report(report_type=SETTLEMENTS)

    def test_role(self):
        settlement = self.seller.close_settlement()
        self.seller.revoke_role(ROLE_FINANCES)
        for response in (
            self.create_report(reportType=SETTLEMENTS),
            self.get(REPORTS, reportTypes=SETTLEMENTS),
            self.get(f'{REPORTS}/{settlement.report_ids[0]}'),
        ):
            self.assertRefused(response, 403, 'Unauthorized')
        self.assertEqual(self.get(REPORTS, reportTypes='GET_MERCHANT_LISTINGS_ALL_DATA').json(), {
            'reports': [],
        })

    def test_marketplaces_do_not_filter(self):
        self.seller.close_settlement('GBP')
        self.seller.close_settlement('EUR')
        for marketplace_id in (GERMANY, BRITAIN, FRANCE):
            self.assertEqual(len(self.reports(marketplaceIds=marketplace_id)), 2)

    def test_shown_for_90_days(self):
        report_id = self.seller.close_settlement().report_ids[0]
        document_id = self.report(report_id)['reportDocumentId']
        self.simulator.clock.advance(days=90)
        self.assertEqual(len(self.reports()), 1)
        self.simulator.clock.advance(seconds=1)
        self.assertEqual(self.reports(createdSince='2026-01-01T00:00:00Z'), [])
        for path in (f'{REPORTS}/{report_id}', f'{DOCUMENTS}/{document_id}'):
            self.assertEqual(self.get(path).status_code, 404)

    def test_sellers_are_apart(self):
        self.seller.close_settlement()
        other = _other_seller(self.simulator)
        token = self.token(refresh_token=other.profile.refresh_token)
        self.assertEqual(self.get(REPORTS, token, reportTypes=SETTLEMENTS).json(), {'reports': []})

    def test_listed_later(self):
        settlement = self.seller.close_settlement(is_published=False)
        self.assertEqual(self.reports(), [])
        self.simulator.clock.advance(days=3)
        self.seller.reissue(settlement.settlement_id)
        [report] = self.reports()
        self.assertEqual(report['createdTime'], '2026-03-13T12:00:00.000Z')
        self.assertEqual(self.rows(settlement)[0]['settlement-end-date'], '10.03.2026 12:00:00 UTC')

    def test_the_same_twice(self):
        self.sell(Item('A'))
        settlement = self.seller.close_settlement()
        self.seller.reissue(settlement)
        first, second = settlement.report_ids
        self.assertNotEqual(first, second)
        self.assertEqual(self.fetch(first)[0], self.fetch(second)[0])
        self.assertEqual([it['reportId'] for it in self.reports()], [second, first])

    def test_several_in_overlapping_documents(self):
        settlements = []
        for day in range(3):
            self.sell(Item('A', 10 + day))
            settlements.append(
                self.seller.close_settlement(end=NOON + day * DAY, is_published=False),
            )
        self.seller.reissue(*settlements[:2])
        self.seller.reissue(*settlements[1:])
        self.assertEqual([len(it.report_ids) for it in settlements], [1, 2, 1])
        texts = [
            self.text(report_id).splitlines()[1:] for report_id in settlements[1].report_ids
        ]
        self.assertEqual(texts[0][3:], texts[1][:3])
        with self.assertRaises(LookupError):
            self.seller.reissue('1')


@tagged('post_install', '-at_install')
class TestSimulatorSettlementOddities(SettlementCase):
    """Documents as no reader expects them."""

    def setUp(self):
        super().setUp()
        self.sell(Item('Größe', '1500.00', 2, discount='1', promotions=('P1',)))
        self.seller.charge_fee('vine', '20.00')
        self.settlement = self.seller.close_settlement()

    def reissued(self, *odd, encoding='utf-8'):
        """Return the cells of another document."""
        self.seller.reissue(self.settlement, odd=odd)
        return self.table(self.settlement, encoding)

    def content(self, odd):
        content, document = self.fetch(self.seller.reissue(self.settlement, odd=odd))
        return content, document.get('compressionAlgorithm')

    def amounts_of(self, table):
        """Return the total and the amounts of a document."""
        return (
            Decimal(table[1][4].replace(',', '.')),
            [Decimal(cells[14].replace(',', '.')) for cells in table[2:]],
        )

    def test_wrong_sum_and_its_reissue(self):
        total, amounts = self.amounts_of(self.reissued('missing line'))
        self.assertEqual(total - sum(amounts), 3000)
        total, amounts = self.amounts_of(self.reissued())
        self.assertEqual(total, sum(amounts))
        self.assertEqual(len(self.settlement.report_ids), 3)

    def test_other_content(self):
        known_total, known = self.amounts_of(self.table(self.settlement))
        total, amounts = self.amounts_of(self.reissued('other total'))
        self.assertEqual((total, sum(amounts)), (known_total + Decimal('0.01'),) * 2)
        total, amounts = self.amounts_of(self.reissued('other lines'))
        self.assertEqual((total, sum(amounts)), (known_total,) * 2)
        self.assertEqual(sum(map(Decimal.__ne__, amounts, known)), 2)

    def test_rows(self):
        self.assertEqual(len(self.reissued('no summary')), len(self.reissued()) - 1)
        self.assertEqual(self.reissued('no amount')[-1][14], 'n/a')
        self.assertEqual(self.reissued('no date')[-1][17], 'soon')
        self.assertEqual(
            [len(cells) for cells in self.reissued('short rows')], [24, 24, 23, 24, 23, 23],
        )

    def test_styles(self):
        for odd, column, values in (
            ('grouped amounts', 14, {'3.000,00', '-449,85', '-1,00', '-20,00'}),
            ('amounts in brackets', 14, {'3000,00', '(449,85)', '(1,00)', '(20,00)'}),
            ('point amounts', 14, {'3000.00', '-449.85', '-1.00', '-20.00'}),
            ('iso dates', 17, {'2026-03-10 12:00:00 UTC'}),
            ('slash dates', 17, {'2026/03/10 12:00:00 UTC'}),
            ('short dates', 16, {'03/10/26'}),
            ('european dates', 16, {'10.03.2026'}),
        ):
            with self.subTest(odd):
                self.assertEqual({cells[column] for cells in self.reissued(odd)[2:]}, values)
        self.seller.post_money('', 'A', 'B', '1000.5', currency='USD')
        self.settlement = self.seller.close_settlement('USD')
        for odd, amount in (('comma amounts', '1000,50'), ('grouped amounts', '1,000.50')):
            self.assertEqual(self.reissued(odd)[-1][14], amount)

    def test_tables(self):
        names = list(COLUMNS)
        table = self.reissued('no promotion column')
        self.assertEqual(table[0], names[:23])
        self.assertEqual({len(cells) for cells in table}, {23})
        table = self.reissued('shuffled columns')
        self.assertEqual(table[0], names[::-1])
        self.assertEqual({cells[23] for cells in table[1:]}, {self.settlement.settlement_id})
        self.assertEqual(self.reissued('further column')[0][3:5], ['deposit-note', 'deposit-date'])
        self.assertEqual(self.reissued('loud headers')[0][:2], [
            'SETTLEMENT_ID', 'SETTLEMENT_START_DATE',
        ])
        self.assertEqual(self.reissued('headers only'), [names])
        table = self.reissued('preamble')
        self.assertEqual([cells[0] for cells in table[:6]], list(PREAMBLE))
        self.assertEqual(table[6], names)

    def test_bytes(self):
        for odd, encoding, start in (
            ('bom', 'utf-8-sig', b'\xef\xbb\xbfsettlement'),
            ('cp1252', 'cp1252', b'settlement'),
            ('utf-16', 'utf-16', b'\xff\xfes\x00'),
        ):
            with self.subTest(odd):
                self.assertEqual(
                    self.reissued(odd, encoding=encoding), self.reissued(),
                )
                content = gzip.decompress(self.content(odd)[0])
                self.assertTrue(content.startswith(start))
        self.assertIn(b'Gr\xf6\xdfe', gzip.decompress(self.content('cp1252')[0]))
        self.assertIn(b'\t\r\n', gzip.decompress(self.content('crlf')[0]))
        self.assertEqual(self.content('empty'), (b'', None))
        content, compression = self.content('uncompressed')
        self.assertEqual((content[:10], compression), (b'settlement', None))
        self.assertIn(b'<html>', gzip.decompress(self.content('html')[0]))
        content, compression = self.content('cut gzip')
        self.assertEqual(compression, 'GZIP')
        with self.assertRaises(EOFError):
            gzip.decompress(content)

    def test_all_together(self):
        known = self.content('')[0]
        for odd in SETTLEMENT_ODDITIES:
            with self.subTest(odd):
                if odd not in ('comma amounts', 'european dates'):
                    self.assertNotEqual(self.content(odd)[0], known)
        table = self.reissued('preamble', 'missing line', 'bom', encoding='utf-8-sig')
        self.assertEqual(len(table), 6 + 5)
        with self.assertRaises(ValueError):
            self.seller.close_settlement(odd='bored')

    def test_identical_lines(self):
        self.seller.posts_each_piece = True
        self.sell(Item('A', '10', 3), channel='FBA')
        table = self.table(end=NOON + DAY)
        lines = Counter(map(tuple, table))
        self.assertEqual(sorted(lines.values())[-3:], [3, 3, 3])


@tagged('post_install', '-at_install')
class TestSimulatorMoneyControl(SettlementCase):
    """What Python does to money, the control API does too."""

    def test_control(self):
        order = self.control('place_order', items=[{'sku': 'A', 'price': '100', 'quantity': 2}])
        self.control('ship', order=order['order_id'])
        moment = '2026-03-10T13:00:00.000Z'
        refund = self.control('refund', order=order['order_id'], items={'A': 1}, at=moment)
        self.assertEqual((refund['amount'], refund['posted']), ('100.00', moment))
        self.control('refund', order=order['order_id'], amount='5.00', goodwill='1.00')
        self.control('charge_fee', kind='storage', amount='4.00')
        self.control('reimburse', sku='A', reason='WAREHOUSE_LOST', amount='6.00')
        self.control('liquidate', sku='A', amount='6.00', fee='1.00')
        self.control('adjust_debt', amount='6.00', countries='BE')
        self.control('retrocharge', order=order['order_id'], tax='6.00')
        self.control(
            'post_money', transaction_type='', amount_type='A', description='B', amount='-900',
        )
        self.control('set_reserve', amount='3.00')
        settlement = self.control('close_settlement', end='2026-03-11T00:00:00Z', odd='bom')
        self.assertEqual(settlement['reserve'], '3.00')
        self.assertEqual(settlement['deposit'], '2026-03-13T00:00:00.000Z')
        self.assertEqual(self.control('settlements'), [settlement])
        self.assertEqual(len(self.control('charge_card', parts=2)), 2)
        self.control('charge_fee', kind='storage', amount='-50.00')
        settlement = self.control('close_settlement', end='2026-03-12T00:00:00Z')
        self.control('fail_transfer', settlement=settlement['settlement_id'])
        again = self.control('reissue', settlements=[settlement['settlement_id']], odd='bom')
        self.assertEqual(
            self.control('settlements')[-1]['report_ids'],
            [*settlement['report_ids'], again['report_id']],
        )
        self.assertEqual(len(self.control('money')), len(self.seller.money))
        settlement = self.control('bulk_settlement', lines=30)
        self.assertGreaterEqual(settlement['line_count'], 30)


@tagged('post_install', '-at_install')
class TestSimulatorSettlementConformance(ConformanceCase):
    """Amazon's own SDK finds settlements."""

    def test_settlement(self):
        self.seller.place_order(items=[Item('A')], status='SHIPPED')
        settlement = self.seller.close_settlement()
        api = spapi.ReportsApi(self.sdk)
        found = api.get_reports(report_types=[SETTLEMENTS], processing_statuses=['DONE'])
        self.assertUnderstood(found)
        [report] = found.reports
        self.assertEqual(report.report_id, settlement.report_ids[0])
        document = api.get_report_document(report.report_document_id)
        self.assertUnderstood(document)
        content = gzip.decompress(requests.get(document.url, timeout=5).content)
        self.assertIn(settlement.settlement_id.encode(), content)
