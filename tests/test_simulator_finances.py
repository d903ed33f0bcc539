import json
from datetime import timedelta
from decimal import Decimal

import spapi

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    ROLE_FINANCES,
    TRANSACTION_ODDITIES,
    Item,
    Participation,
    SellerProfile,
)
from odoo.addons.amazon_connector.simulator.rendering import to_iso
from odoo.addons.amazon_connector.simulator.scenarios import stock

from .test_simulator import NOON, ConformanceCase, SimulatorCase

TRANSACTIONS = '/finances/2024-06-19/transactions'
BALANCES = '/finances/2024-06-19/balances'
GERMANY = 'A1PA6795UKMFR9'
BRITAIN = 'A1F83G8C2ARO7P'
JAPAN = 'A1VC38T7YXB528'
AMERICA = 'ATVPDKIKX0DER'
MINUTES = timedelta(minutes=5)


def walk_leaves(breakdowns, path=''):
    """Yield (path, amount) of the deepest breakdowns."""
    for node in breakdowns or ():
        name = f"{path}{node['breakdownType']}"
        if node.get('breakdowns'):
            yield from walk_leaves(node['breakdowns'], f'{name}/')
        else:
            yield name, amount_of(node['breakdownAmount'])


def amount_of(money):
    return Decimal(str(money['currencyAmount']))


def names(transaction):
    """Return the related identifiers by name."""
    return {
        entry['relatedIdentifierName']: entry['relatedIdentifierValue']
        for entry in transaction['relatedIdentifiers']
    }


class FinanceCase(SimulatorCase):
    """A simulator whose clock stands still, five minutes after whatever was posted."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)

    def sell(self, *items, **details):
        return self.seller.place_order(items=items or [Item('A', '20.00')], status='SHIPPED',
                                       **details)

    def payload(self, token=None, **query):
        self.simulator.clock.advance(minutes=5)
        query = {'postedAfter': to_iso(NOON - timedelta(days=30)), **query}
        response = self.get(TRANSACTIONS, token, **{k: v for k, v in query.items() if v})
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()['payload']

    def transactions(self, **query):
        payload = self.payload(**query)
        self.assertNotIn('nextToken', payload)
        return payload['transactions']

    def assertSums(self, transaction):
        """Check that every breakdown is the sum of those within it, and all are the total."""
        def check(nodes):
            for node in nodes or ():
                inner = node.get('breakdowns')
                if inner:
                    self.assertEqual(
                        sum(amount_of(it['breakdownAmount']) for it in inner),
                        amount_of(node['breakdownAmount']), node,
                    )
                    check(inner)

        total = amount_of(transaction['totalAmount'])
        check(transaction['breakdowns'])
        self.assertEqual(
            sum(amount_of(it['breakdownAmount']) for it in transaction['breakdowns']), total,
        )
        for item in transaction['items']:
            check(item['breakdowns'])
            if item['breakdowns'] is not None:
                self.assertEqual(
                    sum(amount_of(it['breakdownAmount']) for it in item['breakdowns']),
                    amount_of(item['totalAmount']),
                )
        if transaction['items']:
            self.assertEqual(
                sum(amount_of(it['totalAmount']) for it in transaction['items']), total,
            )


@tagged('post_install', '-at_install')
class TestSimulatorTransactions(FinanceCase):
    """What happened to the seller's money is told in transactions."""

    def test_shipment(self):
        order = self.sell(
            Item('A', '19.90', 2, shipping='4.90', discount='3.00', title='A mug'),
            Item('B', '5.00'),
        )
        [transaction] = self.transactions()
        self.assertSums(transaction)
        self.assertEqual(transaction['transactionType'], 'Shipment')
        self.assertEqual(transaction['transactionStatus'], 'RELEASED')
        self.assertEqual(transaction['description'], 'Order Payment')
        self.assertEqual(transaction['postedDate'], '2026-03-10T12:00:00.000Z')
        self.assertEqual(transaction['marketplaceDetails'], {
            'marketplaceId': GERMANY, 'marketplaceName': 'Amazon.de',
        })
        self.assertEqual(transaction['sellingPartnerMetadata'], {
            'sellingPartnerId': DEFAULT_SELLER.seller_id, 'accountType': 'Standard Orders',
            'marketplaceId': GERMANY,
        })
        self.assertEqual(
            names(transaction).keys(), {'ORDER_ID', 'SHIPMENT_ID', 'FINANCIAL_EVENT_GROUP_ID'},
        )
        self.assertEqual(names(transaction)['ORDER_ID'], order.order_id)
        [event] = self.seller.money
        self.assertEqual(amount_of(transaction['totalAmount']), event.total)
        first, second = transaction['items']
        self.assertEqual(first['description'], 'A mug')
        self.assertEqual(first['contexts'], [{
            'contextType': 'ProductContext', 'asin': order.items[0].asin, 'sku': 'A',
            'quantityShipped': 2, 'fulfillmentNetwork': 'MFN',
        }])
        leaves = dict(walk_leaves(first['breakdowns']))
        self.assertEqual(leaves.pop('ProductCharges/OurPricePrincipal'), Decimal('39.8'))
        self.assertEqual(leaves.pop('Shipping/ShippingPrincipal'), Decimal('4.9'))
        self.assertEqual(leaves.pop('PromoRebates/OurPriceDiscount'), Decimal('-3'))
        # 15 % of 41.70, with the German tax apart.
        self.assertEqual(leaves.pop('AmazonFees/Commission/Base'), Decimal('-5.26'))
        self.assertEqual(leaves.pop('AmazonFees/Commission/Tax'), Decimal('-1'))
        self.assertEqual(leaves, {})
        self.assertEqual(second['contexts'][0]['sku'], 'B')
        # The whole's own breakdowns are sums without details.
        self.assertEqual({name for name, _amount in walk_leaves(transaction['breakdowns'])}, {
            'Sales/ProductCharges', 'Sales/Shipping', 'Sales/PromoRebates', 'Expenses/AmazonFees',
        })

    def test_numbers(self):
        self.sell(Item('A', '9980', 1), marketplace='JP')
        response_text = json.dumps(self.transactions()[0])
        self.assertIn('"currencyAmount": 9980,', response_text)
        self.assertNotIn('"9980', response_text)

    def test_taxes_and_fees_without_tax(self):
        profile = SellerProfile(
            'A2AMERICA', 'client-3', 'secret-3', 'Atzr|america', 'America',
            (Participation('US'),),
        )
        seller = self.simulator.add_seller(profile)
        self.addCleanup(self.simulator.sellers.pop, profile.seller_id)
        seller.place_order(
            'US', 'FBA', [Item(
                'A', '20.00', tax='1.60', shipping='5.00', marketplace_facilitator=True,
            )], status='SHIPPED', prices_include_tax=False,
        )
        seller.place_order('US', items=[Item('B')], status='SHIPPED')
        token = self.token(
            refresh_token=profile.refresh_token, client_id='client-3', client_secret='secret-3',
        )
        transactions = self.payload(token)['transactions']
        self.assertSums(transactions[0])
        [item] = transactions[0]['items']
        self.assertEqual(item['contexts'][0]['fulfillmentNetwork'], 'AFN')
        leaves = dict(walk_leaves(item['breakdowns']))
        self.assertEqual(leaves['Tax/OurPriceTax'], Decimal('1.6'))
        self.assertEqual(
            leaves['MarketplaceWithheldTax/MarketplaceFacilitatorTax-Principal'], Decimal('-1.6'),
        )
        self.assertIn('AmazonFees/Commission', leaves)
        self.assertIn('AmazonFees/FBAPerUnitFulfillmentFee', leaves)
        # What merchants ship in the US is not found by marketplace.
        self.assertEqual(len(transactions), 2)
        found = self.payload(token, marketplaceId=AMERICA)['transactions']
        self.assertEqual(found, transactions[:1])

    def test_refund(self):
        order = self.sell(Item('A', '20.00', 3, shipping='3.00'))
        self.simulator.clock.advance(hours=1)
        refund = self.seller.refund(order, {'A': 1}, goodwill='1.50')
        transaction = self.transactions()[-1]
        self.assertSums(transaction)
        self.assertEqual(transaction['transactionType'], 'Refund')
        self.assertEqual(transaction['description'], 'Refund Order')
        self.assertEqual(names(transaction)['REFUND_ID'], refund.refund_id)
        self.assertEqual(names(transaction)['ORDER_ID'], order.order_id)
        [item] = transaction['items']
        self.assertEqual(item['contexts'][0]['quantityShipped'], 3)
        self.assertEqual(item['relatedIdentifiers'], [{
            'itemRelatedIdentifierName': 'ORDER_ADJUSTMENT_ITEM_ID',
            'itemRelatedIdentifierValue': refund.event.rows[0].adjustment_item_id,
        }])
        leaves = dict(walk_leaves(item['breakdowns']))
        self.assertEqual(leaves['ProductCharges/OurPricePrincipal'], Decimal(-20))
        self.assertEqual(leaves['Goodwill/GoodwillPrincipal'], Decimal('-1.5'))
        self.assertGreater(leaves['AmazonFees/Commission/Base'], 0)
        self.assertLess(leaves['AmazonFees/RefundCommission/Base'], 0)
        self.assertEqual(
            [it['breakdownType'] for it in transaction['breakdowns']],
            ['Refunded Sales', 'Refunded Expenses'],
        )

    def test_every_kind_of_refund_is_a_refund(self):
        for kind in ('Chargeback Refund', 'A-to-z Guarantee Refund'):
            self.seller.refund(self.sell(), kind=kind)
        types = [it['transactionType'] for it in self.transactions()]
        self.assertEqual(sorted(types), ['Refund', 'Refund', 'Shipment', 'Shipment'])

    def test_reimbursement(self):
        self.seller.reimburse('A', 'WAREHOUSE_LOST', '12.34', quantity=2)
        [transaction] = self.transactions()
        self.assertSums(transaction)
        self.assertEqual(transaction['transactionType'], 'FBAInventoryReimbursement')
        [item] = transaction['items']
        self.assertIsNone(item['breakdowns'])
        self.assertIsNone(item['relatedIdentifiers'])
        self.assertEqual(
            (item['contexts'][0]['sku'], item['contexts'][0]['quantityShipped']), ('A', 2),
        )
        self.assertEqual(
            dict(walk_leaves(transaction['breakdowns'])),
            {'Sales/FBAInventoryReimbursement': Decimal('12.34')},
        )
        self.assertNotIn('ORDER_ID', names(transaction))

    def test_account_events(self):
        self.seller.charge_fee('subscription', '39.00')
        self.seller.charge_fee('storage', '10.00', tax='1.90')
        self.seller.charge_fee('advertising', '50.00')
        self.seller.charge_fee('advertising_refund', '-2.00')
        self.seller.liquidate('A', '3.00', '0.50')
        self.seller.post_money('other-transaction', 'Moon', 'Moon dust', '0.74')
        self.seller.adjust_debt('-5.00', 'DE, NL')
        found = {}
        for transaction in self.transactions():
            self.assertSums(transaction)
            self.assertEqual(transaction['marketplaceDetails']['marketplaceId'], GERMANY)
            found.setdefault(transaction['transactionType'], []).append(transaction)
        self.assertEqual(
            [it['description'] for it in found['ServiceFee']],
            ['Subscription', 'FBAInventoryStorageFee'],
        )
        self.assertEqual(dict(walk_leaves(found['ServiceFee'][1]['breakdowns'])), {
            'Expenses/AmazonFees/FBAInventoryStorageFee/Base': Decimal(-10),
            'Expenses/AmazonFees/FBAInventoryStorageFee/Tax': Decimal('-1.9'),
        })
        self.assertEqual([
            dict(walk_leaves(it['breakdowns'])) for it in found['ProductAdsPayment']
        ], [
            {'Sales': 0, 'Expenses/AdvertisingFee': Decimal(-50)},
            {'Sales/AdvertisingFeeRefund': Decimal(2), 'Expenses': 0},
        ])
        [liquidation] = found['RemovalShipment']
        self.assertEqual(amount_of(liquidation['totalAmount']), Decimal('2.5'))
        self.assertEqual(
            dict(walk_leaves(found['MiscellaneousLedgerAdjustment'][0]['breakdowns'])),
            {'Sales/Other': Decimal('0.74')},
        )
        self.assertEqual(
            found['Adjustment'][0]['description'], 'Cross-AccountDebtAdjustmentforDE,NL',
        )

    def test_reserve_and_transfer(self):
        self.sell()
        self.seller.set_reserve('5.00')
        settlement = self.seller.close_settlement()
        transactions = self.transactions()
        for transaction in transactions:
            self.assertSums(transaction)
        by_description = {it['description']: it for it in transactions}
        self.assertEqual(
            names(by_description['ReserveDebit'])['SETTLEMENT_ID'], settlement.settlement_id,
        )
        self.assertNotIn('SETTLEMENT_ID', names(by_description['ReserveCredit']))
        transfer = by_description['FundTransfer']
        self.assertEqual(transfer['transactionType'], 'Transfer')
        self.assertEqual(amount_of(transfer['totalAmount']), -settlement.total)
        # With it, a settlement's transactions are nothing.
        self.assertEqual(sum(
            amount_of(it['totalAmount']) for it in transactions if 'SETTLEMENT_ID' in names(it)
        ), 0)

    def test_settled(self):
        order = self.sell()
        [open_one] = self.transactions()
        settlement = self.seller.close_settlement()
        settled = self.transactions(relatedIdentifierName='ORDER_ID',
                                    relatedIdentifierValue=order.order_id)[0]
        self.assertEqual(settled['transactionId'], open_one['transactionId'])
        self.assertEqual(names(settled)['SETTLEMENT_ID'], settlement.settlement_id)
        self.assertNotEqual(
            names(settled)['FINANCIAL_EVENT_GROUP_ID'], names(open_one)['FINANCIAL_EVENT_GROUP_ID'],
        )
        self.sell()
        for name in ('SETTLEMENT_ID', 'FINANCIAL_EVENT_GROUP_ID'):
            found = self.transactions(
                postedAfter=None, relatedIdentifierName=name,
                relatedIdentifierValue=names(settled)[name],
            )
            self.assertEqual(
                [it['transactionType'] for it in found], ['Shipment', 'Transfer'],
            )

    def test_deferred(self):
        order = self.sell()
        self.seller.defer(order, 'DD7', NOON + timedelta(days=9))
        [deferred] = self.transactions()
        self.assertEqual(deferred['transactionStatus'], 'DEFERRED')
        self.assertEqual(deferred['contexts'], [{
            'contextType': 'DeferredContext', 'deferralReason': 'DD7',
            'maturityDate': '2026-03-19T12:00:00.000Z',
        }])
        self.simulator.clock.advance(days=9)
        before, after = self.transactions()
        self.assertEqual(before['transactionId'], deferred['transactionId'])
        self.assertEqual(before['postedDate'], deferred['postedDate'])
        self.assertEqual(before['transactionStatus'], 'DEFERRED_RELEASED')
        self.assertEqual(names(before)['RELEASE_TRANSACTION_ID'], after['transactionId'])
        self.assertEqual(after['transactionStatus'], 'RELEASED')
        self.assertEqual(after['postedDate'], '2026-03-19T12:00:00.000Z')
        self.assertEqual(names(after)['DEFERRED_TRANSACTION_ID'], before['transactionId'])
        self.assertEqual(after['totalAmount'], before['totalAmount'])
        for status, found in (
            ('DEFERRED', []), ('RELEASED', [after]), ('DEFERRED_RELEASED', [before]),
        ):
            self.assertEqual(self.transactions(transactionStatus=status), found)

    def test_deferred_is_not_settled(self):
        order, other = self.sell(), self.sell()
        self.seller.defer(order, 'B2B', NOON + timedelta(days=30))
        first = self.seller.close_settlement()
        self.assertEqual([it.order_id for it in first.events], [other.order_id])
        self.simulator.clock.advance(days=1)
        self.seller.release(order)
        self.simulator.clock.advance(hours=1)
        second = self.seller.close_settlement()
        self.assertEqual([it.order_id for it in second.events], [order.order_id])
        before, after = self.transactions(relatedIdentifierName='ORDER_ID',
                                          relatedIdentifierValue=order.order_id)
        self.assertNotIn('SETTLEMENT_ID', names(before))
        self.assertEqual(names(after)['SETTLEMENT_ID'], second.settlement_id)
        self.assertEqual(before['contexts'][0]['deferralReason'], 'B2B')

    def test_what_cannot_be_deferred(self):
        order = self.sell()
        with self.assertRaises(ValueError):
            self.seller.defer(order, 'DD14')
        with self.assertRaises(ValueError):
            self.seller.release(order)
        with self.assertRaises(ValueError):
            self.seller.defer(self.seller.place_order())
        self.seller.close_settlement()
        with self.assertRaises(ValueError):
            self.seller.defer(order)

    def test_status_is_kept_by_order(self):
        self.seller.defer(self.sell())
        self.sell()
        found = self.transactions()
        self.assertEqual(
            sorted(it['transactionStatus'] for it in found), ['DEFERRED', 'RELEASED'],
        )
        self.assertEqual(len({it['transactionId'] for it in found}), 2)


@tagged('post_install', '-at_install')
class TestSimulatorTransactionSearch(FinanceCase):
    """Which transactions are listed, and how they are cut into pages."""

    def test_times(self):
        first = self.sell()
        self.simulator.clock.advance(hours=1)
        second = self.sell()
        at = [event.posted for event in self.seller.money]

        def orders(**query):
            return [names(it)['ORDER_ID'] for it in self.transactions(**query)]

        both = [first.order_id, second.order_id]
        self.assertEqual(orders(), both)
        self.assertEqual(orders(postedAfter=to_iso(at[0])), both)
        self.assertEqual(orders(postedAfter=to_iso(at[0] + MINUTES)), both[1:])
        self.assertEqual(orders(postedBefore=to_iso(at[1])), both[:1])
        self.assertEqual(orders(marketplaceId=GERMANY), both)
        self.assertEqual(orders(marketplaceId=BRITAIN), [])

    def test_two_minutes(self):
        self.sell()
        query = {'postedAfter': to_iso(NOON - timedelta(days=1))}
        self.simulator.clock.advance(seconds=119)
        self.assertEqual(self.get(TRANSACTIONS, **query).json()['payload']['transactions'], [])
        self.simulator.clock.advance(seconds=1)
        self.assertEqual(len(self.get(TRANSACTIONS, **query).json()['payload']['transactions']), 1)

    def test_running_clock(self):
        self.simulator.clock.reset()
        self.sell()
        after = to_iso(self.simulator.clock.now() - timedelta(days=1))
        self.assertEqual(
            len(self.get(TRANSACTIONS, postedAfter=after).json()['payload']['transactions']), 1,
        )

    def test_half_a_year(self):
        self.sell()
        self.assertEqual(len(self.transactions(
            postedAfter=to_iso(NOON - timedelta(days=179)),
        )), 1)
        self.assertEqual(self.transactions(postedAfter=to_iso(NOON - timedelta(days=180))), [])
        self.assertEqual(len(self.transactions(
            postedAfter=to_iso(NOON - timedelta(days=180)),
            postedBefore=to_iso(NOON - timedelta(days=1)),
        )), 0)

    def test_lag(self):
        self.simulator.set_finances_lag(48)
        order = self.sell()
        self.simulator.clock.advance(hours=47)
        self.assertEqual(self.transactions(), [])
        self.assertEqual(self.transactions(
            relatedIdentifierName='ORDER_ID', relatedIdentifierValue=order.order_id,
        ), [])
        self.simulator.clock.advance(hours=1)
        self.assertEqual(len(self.transactions()), 1)
        self.simulator.reset()
        self.assertEqual(self.seller.finances_lag, 0)

    def test_pages(self):
        orders = [self.sell().order_id for _number in range(5)]
        self.simulator.set_finance_pages(2)
        seen, sizes, token = [], [], None
        while True:
            payload = self.payload(nextToken=token)
            sizes.append(len(payload['transactions']))
            seen += [names(it)['ORDER_ID'] for it in payload['transactions']]
            token = payload.get('nextToken')
            if not token:
                break
        self.assertEqual((sizes, sorted(seen)), ([2, 2, 1], sorted(orders)))

    def test_empty_pages(self):
        for _number in range(3):
            self.sell()
        self.simulator.set_finance_pages(2, has_empty=True)
        sizes, payload = [], self.payload()
        sizes.append(len(payload['transactions']))
        while 'nextToken' in payload:
            payload = self.payload(nextToken=payload['nextToken'])
            sizes.append(len(payload['transactions']))
        self.assertEqual(sizes, [0, 2, 0, 1])
        self.seller.clear()
        self.assertEqual(self.payload(), {'transactions': []})

    def test_token_with_other_arguments(self):
        self.sell(), self.sell()
        self.simulator.set_finance_pages(1)
        token = self.payload()['nextToken']
        after = to_iso(NOON - timedelta(days=30))
        for query in (
            {'postedAfter': to_iso(NOON - timedelta(days=29))}, {},
            {'postedAfter': after, 'marketplaceId': GERMANY},
        ):
            response = self.get(TRANSACTIONS, nextToken=token, **query)
            self.assertEqual(response.status_code, 400, response.text)
        response = self.get(TRANSACTIONS, nextToken='x', postedAfter=after)
        self.assertRefused(response, 400, 'InvalidInput', 'nextToken')

    def test_role(self):
        self.seller.revoke_role(ROLE_FINANCES)
        for path in (TRANSACTIONS, BALANCES):
            self.assertRefused(self.get(path), 403, 'Unauthorized')

    def test_throttle(self):
        self.simulator.set_throttle(1)
        for path in (TRANSACTIONS, BALANCES):
            statuses = [
                self.get(path, postedAfter=to_iso(NOON - MINUTES)).status_code
                for _number in range(11)
            ]
            self.assertEqual(statuses, [200] * 10 + [429])

    def test_oddities(self):
        order, other = self.sell(Item('A', '12.34', 3)), self.sell()
        self.seller.refund(order)
        truth = self.transactions()
        for name in TRANSACTION_ODDITIES:
            with self.subTest(name=name):
                self.seller.set_transaction_oddity(name, order)
                found = self.transactions()
                self.assertEqual(len(found), len(truth))
                for odd, true in zip(found, truth, strict=True):
                    if names(true)['ORDER_ID'] == other.order_id:
                        self.assertEqual(odd, true)
                    else:
                        self.assertNotEqual(odd, true)
        self.seller.set_transaction_oddity('noise', order)
        self.assertIn('37.0200000000000', json.dumps(self.transactions()))
        self.seller.set_transaction_oddity('', order)
        self.assertEqual(self.transactions(), truth)
        self.seller.set_transaction_oddity('no id')
        self.assertFalse(any('transactionId' in it for it in self.transactions()))
        with self.assertRaises(ValueError):
            self.seller.set_transaction_oddity('sane')


@tagged('post_install', '-at_install')
class TestSimulatorBalances(FinanceCase):
    """What Amazon owes, by marketplace."""

    def balances(self, **query):
        response = self.get(BALANCES, **query)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()['balances']

    def amounts(self, balance):
        """Return the amounts of a balance and of those within it, by type."""
        amounts = {balance['balanceType']: amount_of(balance['amount'])}
        for part in balance.get('balances', ()):
            amounts |= self.amounts(part)
        return amounts

    def test_balances(self):
        first, second = self.sell(), self.sell(Item('B', '10.00'))
        self.sell(Item('C', '9980'), marketplace='JP')
        self.seller.defer(second)
        germany, britain, japan = self.balances()
        available, deferred = (
            sum(it.total for it in self.seller.money if it.order_id == order.order_id)
            for order in (first, second)
        )
        self.assertEqual(germany['partnerMetadata'], {
            'partnerId': DEFAULT_SELLER.seller_id, 'accountType': 'Standard Orders',
            'marketplaceId': GERMANY,
        })
        self.assertEqual(self.amounts(germany), {
            'AVAILABLE': available, 'DEFERRED': deferred, 'ACCOUNT_LEVEL_RESERVE': 0,
            'RESERVED': deferred, 'TOTAL': available + deferred,
        })
        self.assertEqual(self.amounts(britain)['TOTAL'], 0)
        self.assertEqual(britain['amount']['currencyCode'], 'GBP')
        self.assertGreater(self.amounts(japan)['AVAILABLE'], 8000)
        self.assertEqual(germany['lastUpdatedTime'], '2026-03-10T12:00:00.000Z')

    def test_after_a_settlement(self):
        self.sell(Item('A', '100.00'))
        self.seller.charge_fee('advertising', '7.00')
        self.seller.set_reserve('12.00')
        self.seller.close_settlement()
        [germany] = self.balances(marketplaceIds=GERMANY)
        self.assertEqual(self.amounts(germany), {
            'AVAILABLE': 0, 'DEFERRED': 0, 'ACCOUNT_LEVEL_RESERVE': 12, 'RESERVED': 12,
            'TOTAL': 12,
        })

    def test_types(self):
        self.sell()
        for kind in ('AVAILABLE', 'RESERVED', 'DEFERRED', 'TOTAL', 'ACCOUNT_LEVEL_RESERVE'):
            [balance] = self.balances(marketplaceIds=GERMANY, balanceType=kind)
            self.assertEqual(balance['balanceType'], kind)

    def test_past_day(self):
        self.sell()
        self.simulator.clock.advance(days=2)
        self.seller.close_settlement()
        [balance] = self.balances(marketplaceIds=GERMANY, asOfDate='2026-03-10')
        self.assertEqual(balance['asOfDate'], '2026-03-10')
        self.assertNotIn('lastUpdatedTime', balance)
        self.assertEqual(self.amounts(balance)['AVAILABLE'], self.seller.settlements[0].total)
        [balance] = self.balances(marketplaceIds=GERMANY, asOfDate='2026-03-09')
        self.assertEqual(self.amounts(balance)['TOTAL'], 0)
        [balance] = self.balances(marketplaceIds=GERMANY, asOfDate='2026-03-12')
        self.assertEqual(self.amounts(balance)['TOTAL'], 0)

    def test_refusals(self):
        for query in (
            {'marketplaceIds': 'DE'}, {'balanceType': 'BIG'}, {'asOfDate': '10.03.2026'},
            {'nextToken': 'x'},
        ):
            self.assertRefused(self.get(BALANCES, **query), 400, 'InvalidInput')

    def test_account_type(self):
        self.assertEqual(len(self.balances(accountType='Standard Orders')), 3)
        self.assertEqual(self.balances(accountType='Invoiced Orders'), [])


@tagged('post_install', '-at_install')
class TestSimulatorMonth(FinanceCase):
    """A shop that has sold comes to its money."""

    def test_month(self):
        stock(self.seller)
        open_orders = {
            order.order_id for order in self.seller.orders.values()
            if order.channel == 'FBM' and order.status == 'UNSHIPPED'
        }
        month = self.control('live_a_month')
        self.assertGreater(len(month['shipped']), 8)
        for order_id in (*month['shipped'], *month['deferred']):
            self.assertEqual(self.seller.orders[order_id].status, 'SHIPPED')
        still_open = {
            order_id for order_id in open_orders
            if self.seller.orders[order_id].status == 'UNSHIPPED'
        }
        self.assertGreater(len(still_open), 20)
        self.assertEqual(len(month['refunds']), 2)
        self.assertEqual(
            [it['currency'] for it in month['settlements']], ['EUR', 'GBP', 'JPY'],
        )
        self.assertEqual([it['currentStatus'] for it in month['payouts']], ['PAID'] * 3)
        settlements = {it['settlement_id']: Decimal(it['total']) for it in month['settlements']}
        sums = dict.fromkeys(settlements, Decimal())
        types, loose = set(), []
        for transaction in self.transactions(postedAfter=to_iso(NOON - timedelta(days=60))):
            self.assertSums(transaction)
            settlement_id = names(transaction).get('SETTLEMENT_ID')
            if settlement_id is None:
                loose.append(transaction['transactionStatus'])
            elif transaction['transactionType'] == 'Transfer':
                self.assertEqual(
                    -amount_of(transaction['totalAmount']), settlements[settlement_id],
                )
            else:
                sums[settlement_id] += amount_of(transaction['totalAmount'])
                types.add(transaction['transactionType'])
        self.assertEqual(sums, settlements)
        self.assertEqual(types, {
            'Shipment', 'Refund', 'ServiceFee', 'ProductAdsPayment', 'FBAInventoryReimbursement',
            'Adjustment',
        })
        self.assertEqual(sorted(loose), ['DEFERRED', 'RELEASED'])

    def test_scenario(self):
        month = self.control('load_scenario', name='month')
        self.assertEqual(len(month['refunds']), 2)
        self.assertEqual(
            {it['settlement_id'] for it in month['settlements']},
            {it.settlement_id for it in self.seller.settlements},
        )


@tagged('post_install', '-at_install')
class TestSimulatorFinancesControl(FinanceCase):
    """Another process does it over HTTP."""

    def test_deferral(self):
        order = self.sell()
        [event] = self.control(
            'defer', order=order.order_id, reason='B2B', until='2026-04-01T00:00:00Z',
        )
        self.assertEqual(event['order_id'], order.order_id)
        [transaction] = self.control('transactions')
        self.assertEqual(transaction['transactionStatus'], 'DEFERRED')
        self.assertEqual(transaction['contexts'][0]['maturityDate'], '2026-04-01T00:00:00.000Z')
        self.control('release', order=order.order_id)
        self.assertEqual(
            [it['transactionStatus'] for it in self.control('transactions')],
            ['DEFERRED_RELEASED', 'RELEASED'],
        )

    def test_moods(self):
        self.sell(), self.sell()
        self.control('set_finances_lag', hours=48)
        self.assertEqual(self.transactions(), [])
        self.control('set_finances_lag')
        self.control('set_finance_pages', size=1)
        self.assertIn('nextToken', self.payload())
        self.control('set_finance_pages')
        self.control('set_transaction_oddity', name='no status')
        self.assertNotIn('transactionStatus', self.transactions()[0])
        self.control('reset')
        self.assertEqual(self.control('transactions'), [])


@tagged('post_install', '-at_install')
class TestSimulatorFinancesConformance(ConformanceCase):
    """Amazon's own SDK reads transactions without losing a key."""

    def normalized(self, value):
        """Leave out what is null, too: the SDK does not tell it from what is missing."""
        value = super().normalized(value)
        if isinstance(value, dict):
            return {key: part for key, part in value.items() if part is not None}
        return value

    def test_transactions(self):
        order = self.seller.place_order(
            items=[Item('A', '19.90', 2, shipping='4.90'), Item('B')], status='SHIPPED',
        )
        self.seller.refund(order, {'A': 1})
        self.seller.defer(order)
        self.seller.place_order('JP', 'FBA', [Item('C', '980')], status='SHIPPED')
        self.seller.charge_fee('storage', '10.00', tax='1.90')
        self.seller.charge_fee('advertising', '3.00')
        self.seller.reimburse('A', 'WAREHOUSE_LOST', '12.34')
        self.seller.close_settlement()
        api = spapi.FinancesV2024Api(self.sdk)
        after = self.simulator.clock.now() - timedelta(days=1)
        self.simulator.set_finance_pages(3)
        count, token = 0, None
        while True:
            options = {'next_token': token} if token else {}
            model = api.list_transactions(posted_after=after, **options)
            self.assertUnderstood(model)
            count += len(model.payload.transactions)
            token = model.payload.next_token
            if not token:
                break
        self.assertGreaterEqual(count, 6)

    def test_balances(self):
        self.seller.place_order(status='SHIPPED')
        api = spapi.FinancesV2024Api(self.sdk)
        self.assertUnderstood(api.list_balances(marketplace_ids=[GERMANY]))
