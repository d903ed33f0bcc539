"""The transactions that the Finances API makes of what happened to a seller's money."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .marketplaces import Marketplace
from .money import MoneyEvent, MoneyRow
from .orders import ZERO, Order
from .rendering import to_iso

Json = dict[str, Any]

DEFERRED, RELEASED, DEFERRED_RELEASED = STATUSES = ('DEFERRED', 'RELEASED', 'DEFERRED_RELEASED')
ACCOUNT_TYPE = 'Standard Orders'
# The tax that is in what Amazon charges, in percent, where it shows that apart.
FEE_TAXES: Mapping[str, int] = {
    'BE': 21, 'DE': 19, 'ES': 21, 'FR': 20, 'GB': 20, 'IT': 22, 'JP': 10, 'NL': 21, 'PL': 23,
    'SE': 25,
}
FEES = 'AmazonFees'
# Group and leaf by amount type and description; what is not here keeps its description.
PLACES: Mapping[tuple[str, str], tuple[str, str]] = {
    ('ItemPrice', 'Principal'): ('ProductCharges', 'OurPricePrincipal'),
    ('ItemPrice', 'Tax'): ('Tax', 'OurPriceTax'),
    ('ItemPrice', 'Shipping'): ('Shipping', 'ShippingPrincipal'),
    ('ItemPrice', 'ShippingTax'): ('Tax', 'ShippingTax'),
    ('ItemPrice', 'GiftWrap'): ('Giftwrap', 'GiftwrapPrincipal'),
    ('ItemPrice', 'GiftWrapTax'): ('Tax', 'GiftwrapTax'),
    ('ItemPrice', 'Goodwill'): ('Goodwill', 'GoodwillPrincipal'),
    ('ItemPrice', 'RestockingFee'): ('RestockingDeduction', 'RestockingDeductionPrincipal'),
    ('Promotion', 'Principal'): ('PromoRebates', 'OurPriceDiscount'),
    ('Promotion', 'Shipping'): ('PromoRebates', 'ShippingDiscount'),
    ('Promotion', 'TaxDiscount'): ('PromoRebates', 'OurPriceTaxDiscount'),
    ('other-transaction', 'Storage Fee'): (FEES, 'FBAStorageFee'),
    ('other-transaction', 'Subscription Fee'): (FEES, 'Subscription'),
}
# The group of what is not in `PLACES`.
GROUPS: Mapping[str, str] = {
    'ItemPrice': 'OtherCharges',
    'Promotion': 'PromoRebates',
    'ItemWithheldTax': 'MarketplaceWithheldTax',
    'ItemFees': FEES,
    'Points': 'Points',
}
# What is not broken down further, by kind of event.
LEAVES: Mapping[str, str] = {
    'FBAInventoryReimbursement': 'FBAInventoryReimbursement',
    'Transfer': 'FundTransfer',
    'Other': 'Other',
}
RESERVE_LEAVES: Mapping[str, str] = {
    'Current Reserve Amount': 'ReserveDebit', 'Previous Reserve Amount Balance': 'ReserveCredit',
}
ADVERTISING_SIDES: Mapping[str, str] = {
    'AdvertisingFee': 'Expenses', 'AdvertisingFeeRefund': 'Sales',
}
ITEMISED = ('Shipment', 'Refund')
TYPES: Mapping[str, str] = {
    'Liquidations': 'RemovalShipment', 'Other': 'MiscellaneousLedgerAdjustment',
}
DESCRIPTIONS: Mapping[str, str] = {
    'Shipment': 'Order Payment', 'Refund': 'Refund Order', 'Transfer': 'FundTransfer',
}


@dataclass(frozen=True)
class Transaction:
    """An event as it stands in the list; one that was deferred stands there twice.

    :param posted: `postedDate`, of a release when it was released
    :param links: further related identifiers, as (name, value)
    """
    event: MoneyEvent
    transaction_id: str
    status: str
    posted: datetime
    group_id: str
    links: tuple[tuple[str, str], ...] = ()

    @property
    def identifiers(self) -> list[tuple[str, str]]:
        """Return the related identifiers, as (name, value)."""
        event = self.event
        return [
            (name, value) for name, value in (
                ('ORDER_ID', event.order_id),
                ('SHIPMENT_ID', event.shipment_id),
                ('REFUND_ID', event.refund_id),
                ('FINANCIAL_EVENT_GROUP_ID', self.group_id),
                *self.links,
            ) if value
        ]


def make_id(*parts: str) -> str:
    """Return an id as Amazon makes them, the same for the same parts."""
    digest = hashlib.sha256('\0'.join(parts).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip('=')


def list_event(event: MoneyEvent, seller_id: str, now: datetime) -> Iterator[Transaction]:
    """Yield what an event makes at a time: one transaction, or two when it was deferred."""
    own_id = make_id(seller_id, event.event_id)
    group_id = make_id(seller_id, event.currency, event.settlement_id or 'open')
    settled = (('SETTLEMENT_ID', event.settlement_id),)
    if event.held_until is None:
        yield Transaction(event, own_id, RELEASED, event.posted, group_id, settled)
        return
    if event.held_until > now:
        yield Transaction(event, own_id, DEFERRED, event.posted, group_id)
        return
    release_id = make_id(seller_id, event.event_id, 'release')
    yield Transaction(
        event, own_id, DEFERRED_RELEASED, event.posted, group_id,
        (('RELEASE_TRANSACTION_ID', release_id),),
    )
    yield Transaction(
        event, release_id, RELEASED, event.due, group_id,
        (('DEFERRED_TRANSACTION_ID', own_id), *settled),
    )


def render_transaction(
    transaction: Transaction, seller_id: str, home: Marketplace, order: Order | None,
) -> Json:
    """Return a transaction as `listTransactions` shows it.

    :param home: the marketplace of what concerns the whole account
    :param order: the one that it is about, if any
    """
    event = transaction.event
    place = event.marketplace or home
    return {
        'sellingPartnerMetadata': {
            'sellingPartnerId': seller_id,
            'accountType': ACCOUNT_TYPE,
            'marketplaceId': place.id,
        },
        'transactionType': TYPES.get(event.kind, event.kind),
        'transactionId': transaction.transaction_id,
        'transactionStatus': transaction.status,
        'relatedIdentifiers': [
            {'relatedIdentifierName': name, 'relatedIdentifierValue': value}
            for name, value in transaction.identifiers
        ],
        'totalAmount': as_money(event.total, event.currency),
        'description': _describe(event),
        'postedDate': to_iso(transaction.posted),
        'marketplaceDetails': {'marketplaceId': place.id, 'marketplaceName': place.name},
        'items': [
            _render_item(event, rows, place, order) for rows in _rows_by_item(event).values()
        ],
        'contexts': _contexts(event),
        'breakdowns': _summarise(event, place),
    }


def as_money(amount: Decimal, currency: str) -> Json:
    """Return an amount as a JSON number."""
    return {
        'currencyAmount': int(amount) if amount == int(amount) else float(amount),
        'currencyCode': currency,
    }


def _describe(event: MoneyEvent) -> str:
    if event.kind in DESCRIPTIONS:
        return DESCRIPTIONS[event.kind]
    return _place(event, event.rows[0])[1]


def _contexts(event: MoneyEvent) -> list[Json] | None:
    if event.held_until is None:
        return None
    return [{
        'contextType': 'DeferredContext',
        'deferralReason': event.hold_reason,
        'maturityDate': to_iso(event.held_until),
    }]


# === ITEMS === #

def _rows_by_item(event: MoneyEvent) -> dict[str, list[MoneyRow]]:
    items: dict[str, list[MoneyRow]] = {}
    for row in event.rows:
        if row.sku:
            items.setdefault(row.item_id or row.sku, []).append(row)
    return items


def _render_item(
    event: MoneyEvent, rows: list[MoneyRow], place: Marketplace, order: Order | None,
) -> Json:
    first = rows[0]
    line = None
    if order is not None:
        line = next((it for it in order.items if first.item_id in ('', it.item_id)), None)
    adjustment_id = next((row.adjustment_item_id for row in rows if row.adjustment_item_id), '')
    # A refund shows how much was ordered, not how much is refunded.
    quantity = event.quantities.get(first.item_id) or first.quantity
    if event.kind != 'Shipment' and line is not None:
        quantity = line.quantity_ordered
    return {
        'description': line.title if line else '',
        'totalAmount': as_money(sum((row.amount for row in rows), ZERO), event.currency),
        'relatedIdentifiers': [{
            'itemRelatedIdentifierName': 'ORDER_ADJUSTMENT_ITEM_ID',
            'itemRelatedIdentifierValue': adjustment_id,
        }] if adjustment_id else None,
        'breakdowns': _render_groups(event, rows, place) if event.kind in ITEMISED else None,
        'contexts': [{
            'contextType': 'ProductContext',
            'asin': line.asin if line else '',
            'sku': first.sku,
            'quantityShipped': quantity or 1,
            'fulfillmentNetwork': event.fulfillment or None,
        }],
    }


# === BREAKDOWNS === #

def _place(event: MoneyEvent, row: MoneyRow) -> tuple[str, str]:
    """Return the names of group and leaf of a row, '' for no group."""
    if event.kind == 'ProductAdsPayment':
        return '', 'AdvertisingFee' if row.amount < 0 else 'AdvertisingFeeRefund'
    if event.kind == 'Adjustment':
        return '', RESERVE_LEAVES.get(row.description, _squeezed(row.description))
    if event.kind in LEAVES:
        return '', LEAVES[event.kind]
    known = PLACES.get((row.amount_type, row.description))
    if known:
        return known
    if row.amount_type in GROUPS:
        return GROUPS[row.amount_type], _squeezed(row.description)
    if row.description.lower() in ('base fee', 'tax on fee'):
        return FEES, _squeezed(row.amount_type)
    return FEES, _squeezed(row.description)


def _grouped(
    event: MoneyEvent, rows: Iterable[MoneyRow],
) -> dict[str, dict[str, list[MoneyRow]]]:
    groups: dict[str, dict[str, list[MoneyRow]]] = {}
    for row in rows:
        group, leaf = _place(event, row)
        groups.setdefault(group, {}).setdefault(leaf, []).append(row)
    return groups


def _render_groups(event: MoneyEvent, rows: Iterable[MoneyRow], place: Marketplace) -> list[Json]:
    nodes: list[Json] = []
    for group, leaves in _grouped(event, rows).items():
        children = [_render_leaf(event, group, *entry, place) for entry in leaves.items()]
        nodes += [_node(event, group, _sum(leaves), children)] if group else children
    return nodes


def _render_leaf(
    event: MoneyEvent, group: str, name: str, rows: list[MoneyRow], place: Marketplace,
) -> Json:
    amount = sum((row.amount for row in rows), ZERO)
    if group != FEES or place.code not in FEE_TAXES:
        return _node(event, name, amount, [])
    told = [row.amount for row in rows if row.description.lower() == 'tax on fee']
    tax = sum(told, ZERO) if told else _tax_within(amount, place)
    parts = [{'breakdownType': 'Base', 'breakdownAmount': as_money(amount - tax, event.currency)}]
    if tax:
        parts.append({'breakdownType': 'Tax', 'breakdownAmount': as_money(tax, event.currency)})
    return _node(event, name, amount, parts)


def _summarise(event: MoneyEvent, place: Marketplace) -> list[Json]:
    """Return the breakdowns of a whole transaction.

    They are the items' once more, in sums; only what is not broken down there is so here.
    """
    sides: dict[str, list[Json]] = {}
    if event.kind == 'ProductAdsPayment':
        sides = {'Sales': [], 'Expenses': []}
    for group, leaves in _grouped(event, event.rows).items():
        children = [_render_leaf(event, group, *entry, place) for entry in leaves.items()]
        if group:
            details = None if event.kind in ITEMISED else children
            children = [_node(event, group, _sum(leaves), details)]
        side = 'Expenses' if group == FEES else ADVERTISING_SIDES.get(next(iter(leaves)), 'Sales')
        sides.setdefault(side, []).extend(children)
    return [
        _node(
            event, f'Refunded {side}' if event.kind == 'Refund' else side,
            sum((Decimal(str(it['breakdownAmount']['currencyAmount'])) for it in nodes), ZERO),
            nodes or None,
        )
        for side, nodes in sides.items()
    ]


def _node(event: MoneyEvent, name: str, amount: Decimal, children: list[Json] | None) -> Json:
    return {
        'breakdownType': name,
        'breakdownAmount': as_money(amount, event.currency),
        'breakdowns': children,
    }


def _sum(leaves: Mapping[str, list[MoneyRow]]) -> Decimal:
    return sum((row.amount for rows in leaves.values() for row in rows), ZERO)


def _tax_within(amount: Decimal, place: Marketplace) -> Decimal:
    base = amount / (1 + Decimal(FEE_TAXES[place.code]) / 100)
    return amount - base.quantize(place.minor_unit, ROUND_HALF_UP)


def _squeezed(name: str) -> str:
    return name.replace(' ', '')
