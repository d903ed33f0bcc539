"""What a seller's account with Amazon consists of: events, and the amounts they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from .marketplaces import Marketplace
from .orders import ZERO
from .rendering import to_iso

# What an event is called where transactions are listed.
EVENT_KINDS = (
    'Shipment',
    'Refund',
    'ServiceFee',
    'ProductAdsPayment',
    'FBAInventoryReimbursement',
    'Liquidations',
    'Retrocharge',
    'Adjustment',
    'Transfer',
    'Other',
)


@dataclass(frozen=True)
class MoneyRow:
    """One amount of an event, which is one line of a settlement.

    :param amount: positive when it goes to the seller
    :param quantity: how many pieces it is for; 0 where Amazon tells none
    :param adjustment_item_id: of a refund's row, twelve digits
    :param is_short: whether the line ends before its last column
    """
    amount_type: str
    description: str
    amount: Decimal
    sku: str = ''
    item_id: str = ''
    quantity: int = 0
    promotion_id: str = ''
    adjustment_item_id: str = ''
    is_short: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the row for the control API."""
        return {
            'amount_type': self.amount_type,
            'description': self.description,
            'amount': str(self.amount),
            'sku': self.sku,
            'quantity': self.quantity,
        }


@dataclass
class MoneyEvent:
    """Something that changed what Amazon owes the seller, in one currency.

    :param event_id: unique within the seller, digits
    :param kind: one of `EVENT_KINDS`
    :param transaction_type: what a settlement calls it, e.g. 'Order' or 'other-transaction'
    :param posted: when it happened
    :param marketplace: None for what concerns the account
    :param quantities: quantity of this event by item id
    :param held_until: money of a deferred event is in no settlement that ends before
    :param hold_reason: why it is deferred, 'DD7' or 'B2B'
    :param settlement_id: that of the settlement that paid it out, '' while that is open
    """
    event_id: str
    kind: str
    transaction_type: str
    currency: str
    posted: datetime
    rows: list[MoneyRow]
    marketplace: Marketplace | None = None
    marketplace_name: str = ''
    order_id: str = ''
    merchant_order_id: str = ''
    shipment_id: str = ''
    fulfillment: str = ''
    adjustment_id: str = ''
    refund_id: str = ''
    quantities: dict[str, int] = field(default_factory=dict)
    held_until: datetime | None = None
    hold_reason: str = ''
    settlement_id: str = ''

    @property
    def total(self) -> Decimal:
        """Return what the seller gets for it, negative when it costs."""
        return sum((row.amount for row in self.rows), ZERO)

    @property
    def due(self) -> datetime:
        """Return when a settlement may have it: when posted, or released."""
        return max(self.posted, self.held_until or self.posted)

    def sum(self, *amount_types: str) -> Decimal:
        """Return the sum of the rows of some amount types."""
        return sum((row.amount for row in self.rows if row.amount_type in amount_types), ZERO)

    def as_json(self) -> dict[str, Any]:
        """Return the event for the control API."""
        return {
            'event_id': self.event_id,
            'kind': self.kind,
            'transaction_type': self.transaction_type,
            'currency': self.currency,
            'posted': to_iso(self.posted),
            'order_id': self.order_id,
            'adjustment_id': self.adjustment_id,
            'refund_id': self.refund_id,
            'settlement_id': self.settlement_id,
            'total': str(self.total),
            'rows': [row.as_json() for row in self.rows],
        }
