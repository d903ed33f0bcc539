from datetime import timedelta
from decimal import Decimal

import spapi

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    PAYOUT_ODDITIES,
    ROLE_FINANCES,
    Item,
)

from .test_simulator import NOON, ConformanceCase, SimulatorCase

PAYOUTS = '/finances/transfers/2024-06-01/payouts'
EXPECTED = f'{PAYOUTS}/expected'
GERMANY = 'A1PA6795UKMFR9'
BRITAIN = 'A1F83G8C2ARO7P'


class TransferCase(SimulatorCase):
    """A simulator whose clock stands still."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)

    def settle(self, price='100.00', marketplace='DE', currency='EUR', **options):
        """Ship an order, and pay it out."""
        self.seller.place_order(marketplace, items=[Item('A', price)], status='SHIPPED')
        return self.seller.close_settlement(currency, **options)

    def payouts(self, **query):
        response = self.get(PAYOUTS, **query)
        self.assertEqual(response.status_code, 200, response.text)
        payload = response.json()
        self.assertNotIn('nextToken', payload)
        return payload['payouts']

    def expected(self, **query):
        response = self.get(EXPECTED, **query)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()['expectedPayouts']

    def statuses(self):
        """Return the statuses that the only payout has had."""
        [payout] = self.payouts()
        statuses = [entry['status'] for entry in payout['statusHistory']]
        self.assertEqual(payout['currentStatus'], statuses[-1])
        return statuses


@tagged('post_install', '-at_install')
class TestSimulatorTransfers(TransferCase):
    """What was settled is transferred, step by step."""

    def test_paid(self):
        settlement = self.settle()
        self.simulator.clock.advance(days=2)
        [payout] = self.payouts()
        self.assertRegex(payout.pop('id'), r'\A\d{11}\Z')
        self.assertRegex(payout.pop('traceId'), r'\A[0-9A-Z]{15}\Z')
        self.assertRegex(payout.pop('accountTail'), r'\A\d{3}\Z')
        self.assertEqual(
            Decimal(str(payout.pop('amount')['currencyAmount'])), settlement.total,
        )
        self.assertGreater(settlement.total, 0)
        self.assertEqual(payout, {
            'partnerMetadata': {
                'partnerId': DEFAULT_SELLER.seller_id, 'accountType': 'STANDARD_ORDERS',
                'marketplaceId': GERMANY,
            },
            'currentStatus': 'PAID',
            'statusHistory': [
                {'status': 'STARTED', 'lastUpdatedDate': '2026-03-10T12:00:00.000Z'},
                {'status': 'IN_TRANSIT', 'lastUpdatedDate': '2026-03-10T18:00:00.000Z'},
                {'status': 'PAID', 'lastUpdatedDate': '2026-03-12T12:00:00.000Z'},
            ],
            'type': 'SCHEDULED',
            'paymentMethod': 'BANK_ACCOUNT',
            'paymentRail': 'SEPA',
            'creationDate': '2026-03-10T12:00:00.000Z',
            'period': {
                'startDate': '2026-02-24T12:00:00.000Z', 'endDate': '2026-03-10T12:00:00.000Z',
            },
            'relatedIdentifiers': [{
                'relatedIdentifierName': 'SETTLEMENT_ID',
                'relatedIdentifierValue': settlement.settlement_id,
            }],
        })

    def test_steps(self):
        self.settle()
        self.assertEqual(self.statuses(), ['STARTED'])
        self.assertNotIn('traceId', self.payouts()[0])
        self.simulator.clock.advance(hours=6)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT'])
        trace = self.payouts()[0]['traceId']
        self.simulator.clock.advance(days=2)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT', 'PAID'])
        self.assertEqual(self.payouts()[0]['traceId'], trace)

    def test_arrives_earlier_or_later(self):
        settlement = self.settle()
        self.simulator.clock.advance(hours=1)
        self.seller.arrive(settlement)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT', 'PAID'])
        self.seller.arrive(settlement, NOON + timedelta(days=5))
        self.simulator.clock.advance(days=3)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT'])

    def test_fails(self):
        settlement = self.settle()
        self.simulator.clock.advance(hours=7)
        self.seller.fail_payout(settlement, 'Account closed')
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT', 'FAILED'])
        self.assertEqual(self.payouts()[0]['statusHistory'][-1], {
            'status': 'FAILED', 'lastUpdatedDate': '2026-03-10T19:00:00.000Z',
            'failureReason': 'Account closed',
        })
        self.simulator.clock.advance(days=4)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT', 'FAILED'])
        again = self.seller.close_settlement()
        self.assertEqual(again.total, settlement.total)
        newest, failed = self.payouts()
        self.assertEqual(
            (newest['currentStatus'], failed['currentStatus']), ('STARTED', 'FAILED'),
        )
        for change in (self.seller.fail_payout, self.seller.arrive):
            with self.assertRaises(ValueError):
                change(settlement)

    def test_fails_after_it_was_paid(self):
        settlement = self.settle()
        self.simulator.clock.advance(days=3)
        self.seller.fail_payout(settlement)
        self.assertEqual(self.statuses(), ['STARTED', 'IN_TRANSIT', 'PAID', 'FAILED'])

    def test_no_payout(self):
        for amount in (None, '500.00'):
            with self.subTest(amount=amount):
                self.seller.clear()
                if amount:
                    self.seller.charge_fee('advertising', amount)
                settlement = self.seller.close_settlement()
                self.assertLessEqual(settlement.total, 0)
                [payout] = self.payouts()
                self.assertEqual(payout['currentStatus'], 'NO_PAYOUT')
                self.assertEqual(self.statuses(), ['NO_PAYOUT'])
                for name in ('amount', 'traceId', 'type', 'accountTail'):
                    self.assertNotIn(name, payout)
                with self.assertRaises(ValueError):
                    self.seller.arrive(settlement)

    def test_search(self):
        first = self.settle()
        self.simulator.clock.advance(days=14)
        second = self.settle('50.00')
        british = self.settle('30.00', 'GB', 'GBP')

        def found(**query):
            return [
                payout['relatedIdentifiers'][0]['relatedIdentifierValue']
                for payout in self.payouts(**query)
            ]

        ids = [it.settlement_id for it in (second, british, first)]
        self.assertEqual(found(), ids)
        self.assertEqual(found(marketplaceIds=BRITAIN), ids[1:2])
        self.assertEqual(found(marketplaceIds=f'{BRITAIN},{GERMANY}'), ids)
        self.assertEqual(found(createdAfter='2026-03-10T12:00:00Z'), ids)
        self.assertEqual(found(createdAfter='2026-03-10T12:00:01Z'), ids[:2])
        self.assertEqual(found(createdBefore='2026-03-24T12:00:00Z'), ids[2:])
        self.assertEqual(found(payoutId=self.seller.payout_id(second)), ids[:1])
        self.assertEqual(found(payoutId='1'), [])
        self.assertEqual(found(accountType='STANDARD_ORDERS'), ids)
        self.assertEqual(found(accountType='INVOICED_ORDERS'), [])
        self.assertEqual(self.payouts()[1]['amount']['currencyCode'], 'GBP')

    def test_pages(self):
        for _number in range(3):
            self.settle()
        self.simulator.set_finance_pages(2)
        first = self.get(PAYOUTS).json()
        last = self.get(PAYOUTS, nextToken=first['nextToken']).json()
        self.assertEqual((len(first['payouts']), len(last['payouts'])), (2, 1))
        self.assertNotIn('nextToken', last)
        for path, query in ((PAYOUTS, {'marketplaceIds': GERMANY}), (EXPECTED, {})):
            response = self.get(path, nextToken=first['nextToken'], **query)
            self.assertRefused(response, 400, 'InvalidInput', 'nextToken')

    def test_refusals(self):
        for query in (
            {'marketplaceIds': 'DE'}, {'createdAfter': 'yesterday'}, {'createdBefore': '2026'},
            {'nextToken': 'x'},
        ):
            self.assertRefused(self.get(PAYOUTS, **query), 400, 'InvalidInput')

    def test_role_and_throttle(self):
        self.seller.revoke_role(ROLE_FINANCES)
        for path in (PAYOUTS, EXPECTED):
            self.assertRefused(self.get(path), 403, 'Unauthorized')
        self.seller.grant_role(ROLE_FINANCES)
        self.simulator.set_throttle(1)
        for path in (PAYOUTS, EXPECTED):
            statuses = [self.get(path).status_code for _number in range(11)]
            self.assertEqual(statuses, [200] * 10 + [429])

    def test_oddities(self):
        self.settle()
        self.simulator.clock.advance(days=3)
        [truth] = self.payouts()
        for name in PAYOUT_ODDITIES:
            with self.subTest(name=name):
                self.seller.set_payout_oddity(name)
                self.assertNotEqual(self.payouts(), [truth])
        self.seller.set_payout_oddity('bare')
        self.assertEqual(
            self.payouts()[0].keys(), {'id', 'partnerMetadata', 'currentStatus', 'statusHistory'},
        )
        self.seller.set_payout_oddity()
        self.assertEqual(self.payouts(), [truth])
        with self.assertRaises(ValueError):
            self.seller.set_payout_oddity('sane')

    def test_control(self):
        settlement = self.settle()
        self.control('arrive', settlement=settlement.settlement_id, at='2026-03-10T12:00:00Z')
        self.assertEqual(self.control('payouts')[0]['currentStatus'], 'PAID')
        payout = self.control(
            'fail_payout', settlement=settlement.settlement_id, reason='Closed',
        )
        self.assertEqual(payout['statusHistory'][-1]['failureReason'], 'Closed')
        self.control('set_payout_oddity', name='no settlement')
        self.assertNotIn('relatedIdentifiers', self.payouts()[0])
        self.control('expect_payouts', status='AT_RISK')
        self.assertEqual(self.seller.expected_payout, 'AT_RISK')


@tagged('post_install', '-at_install')
class TestSimulatorExpectedPayouts(TransferCase):
    """What the open periods may bring."""

    def test_expected(self):
        self.settle()
        self.simulator.clock.advance(days=1)
        self.seller.place_order(items=[Item('A', '40.00')], status='SHIPPED')
        [eur] = self.expected(marketplaceIds=GERMANY)
        self.assertRegex(eur.pop('accountTail'), r'\A\d{3}\Z')
        self.assertEqual(
            Decimal(str(eur.pop('amount')['currencyAmount'])), self.seller.money[-1].total,
        )
        self.assertEqual(eur, {
            'partnerMetadata': {
                'partnerId': DEFAULT_SELLER.seller_id, 'accountType': 'STANDARD_ORDERS',
                'marketplaceId': GERMANY,
            },
            'status': 'SCHEDULED',
            'scheduledDate': '2026-03-24T12:00:00.000Z',
            'paymentMethod': 'BANK_ACCOUNT',
            'period': {
                'startDate': '2026-03-10T12:00:00.000Z', 'endDate': '2026-03-24T12:00:00.000Z',
            },
        })

    def test_nothing_expected(self):
        found = self.expected()
        self.assertEqual([it['status'] for it in found], ['NO_PAYOUT_EXPECTED'] * 3)
        for payout in found:
            self.assertNotIn('amount', payout)
            self.assertNotIn('scheduledDate', payout)
        self.seller.charge_fee('subscription', '39.00')
        [eur] = self.expected(marketplaceIds=GERMANY)
        self.assertEqual(eur['status'], 'NO_PAYOUT_EXPECTED')

    def test_deferred_is_not_expected(self):
        order = self.seller.place_order(status='SHIPPED')
        self.seller.defer(order)
        [eur] = self.expected(marketplaceIds=GERMANY)
        self.assertEqual(eur['status'], 'NO_PAYOUT_EXPECTED')
        self.seller.release(order)
        [eur] = self.expected(marketplaceIds=GERMANY)
        self.assertEqual(eur['status'], 'SCHEDULED')

    def test_statuses(self):
        self.seller.place_order(status='SHIPPED')
        for status in ('DISABLED', 'AT_RISK'):
            self.seller.expect_payouts(status)
            [eur] = self.expected(marketplaceIds=GERMANY)
            self.assertEqual(eur['status'], status)
            self.assertIn('amount', eur)
        with self.assertRaises(ValueError):
            self.seller.expect_payouts('MAYBE')
        self.seller.set_payout_oddity('bare')
        [eur] = self.expected(marketplaceIds=GERMANY)
        self.assertEqual(eur.keys(), {'partnerMetadata', 'status'})


@tagged('post_install', '-at_install')
class TestSimulatorTransfersConformance(ConformanceCase):
    """Amazon's own SDK reads payouts without losing a key."""

    def test_payouts(self):
        for price in ('100.00', '0.00'):
            self.seller.place_order(items=[Item('A', price)], status='SHIPPED')
            settlement = self.seller.close_settlement()
            if settlement.total > 0:
                self.seller.arrive(settlement)
        self.seller.fail_payout(self.seller.settlements[0])
        self.seller.place_order(status='SHIPPED')
        api = spapi.TransfersApi(self.sdk)
        self.assertUnderstood(api.list_payouts())
        self.assertUnderstood(api.list_expected_payouts())
