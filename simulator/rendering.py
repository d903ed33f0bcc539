"""Orders as JSON, after Amazon's model of Orders v2026-01-01."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from .orders import (
    PENDING_STATUSES,
    ROLE_SHIPPING,
    ROLE_TAX,
    ZERO,
    Address,
    Item,
    ItemProceeds,
    Order,
    Package,
    Window,
    to_amount,
)
from .shapes import Json, apply_shape

INCLUDED_DATA = (
    'BUYER',
    'RECIPIENT',
    'PROCEEDS',
    'EXPENSE',
    'PROMOTION',
    'CANCELLATION',
    'FULFILLMENT',
    'PACKAGES',
    'TAX',
    'PAYMENT',
    'FULFILLMENT_ORDERS',
)
SHIP_FROM = {
    'name': 'Main warehouse',
    'addressLine1': 'Hafenstrasse 7',
    'city': 'Hamburg',
    'postalCode': '20457',
    'countryCode': 'DE',
}


def has_phone(order: Order, now: datetime) -> bool:
    """Tell whether Amazon still shows the phone number of the recipient.

    :param now: Amazon's time; the number goes with the latest delivery date
    """
    if order.channel == 'FBA':
        return False
    return order.status != 'SHIPPED' or now <= order.deliver_by[1]


def render_order(
    order: Order,
    included: Iterable[str],
    roles: Iterable[str],
    *,
    now: datetime,
    status_always: bool = False,
) -> Json:
    """Return an order as Amazon's JSON object.

    :param included: the datasets asked for (`includedData`)
    :param roles: the restricted roles that the application has
    :param now: Amazon's time
    :param status_always: send the status and who fulfils even without the FULFILLMENT dataset
    """
    payload = _Rendering(order, frozenset(included), frozenset(roles), now).order(status_always)
    apply_shape(payload, order.proceeds_shape)
    return payload


def to_iso(moment: datetime) -> str:
    """Return a time as Amazon writes it: UTC, milliseconds, 'Z'."""
    return moment.astimezone(timezone.utc).isoformat(timespec='milliseconds')[:-6] + 'Z'


class _Rendering:
    """One order for one reader: what was asked for, and what the reader may see.

    Pending orders show neither prices nor people, cancelled ones no prices, those of other shops
    neither.
    """

    def __init__(
        self, order: Order, included: frozenset[str], roles: frozenset[str], now: datetime,
    ) -> None:
        self._order = order
        self._included = included
        self._now = now
        self._is_pending = order.status in PENDING_STATUSES
        self._is_foreign = order.channel_name != 'AMAZON'
        self._is_priced = not (
            self._is_pending or self._is_foreign or order.status == 'CANCELLED'
        )
        self._shows_tax = ROLE_TAX in roles
        self._shows_people = not self._is_foreign and (self._shows_tax or (
            order.channel == 'FBM' and ROLE_SHIPPING in roles
        ))
        self._proceeds = [ItemProceeds.of(item, order) for item in order.items]
        self._grand_total = sum(
            (proceeds.total for proceeds in self._proceeds),
            to_amount(order.tip, order.marketplace)
            + to_amount(order.unexplained, order.marketplace),
        )

    def order(self, status_always: bool) -> Json:
        order = self._order
        parts = {
            'orderAliases': self._aliases(),
            'programs': list(order.programs),
            'associatedOrders': self._associated_orders(),
            **self._asked({
                'buyer': ('BUYER', self._buyer),
                'recipient': ('RECIPIENT', self._recipient),
                'proceeds': ('PROCEEDS', self._order_proceeds),
                'payment': ('PAYMENT', self._payment),
                'tax': ('TAX', self._order_tax),
                'fulfillment': ('FULFILLMENT', self._order_fulfillment),
                'packages': ('PACKAGES', self._packages),
                'fulfillmentOrders': ('FULFILLMENT_ORDERS', self._fulfillment_orders),
            }),
        }
        if status_always:
            parts.setdefault('fulfillment', self._status())
        return {
            'orderId': order.order_id,
            'createdTime': to_iso(order.created),
            'lastUpdatedTime': to_iso(order.last_updated),
            'salesChannel': {
                'channelName': order.channel_name,
                'marketplaceId': order.marketplace.id,
                'marketplaceName': order.marketplace.name,
            },
            'orderItems': [
                self._item(item, proceeds)
                for item, proceeds in zip(order.items, self._proceeds, strict=True)
            ],
            **_without_empty(parts),
        }

    def _asked(self, makers: Mapping[str, tuple[str, Callable[[], Any]]]) -> Json:
        return {
            key: make() for key, (dataset, make) in makers.items() if dataset in self._included
        }

    # === PARTS OF AN ORDER === #

    def _aliases(self) -> list[Json]:
        alias = self._order.seller_order_id
        return [{'aliasId': alias, 'aliasType': 'SELLER_ORDER_ID'}] if alias else []

    def _associated_orders(self) -> list[Json]:
        associations = (
            ('REPLACEMENT_ORIGINAL_ID', self._order.replaces),
            ('EXCHANGE_ORIGINAL_ID', self._order.exchanges),
        )
        return [{'orderId': id_, 'associationType': type_} for type_, id_ in associations if id_]

    def _buyer(self) -> Json:
        if self._is_pending or not self._shows_people:
            return {}
        buyer = self._order.buyer
        return _without_empty({
            'buyerName': buyer.name,
            'buyerEmail': buyer.email if self._order.channel == 'FBM' else '',
            'buyerCompanyName': buyer.company,
            'buyerPurchaseOrderNumber': buyer.purchase_order,
        })

    def _recipient(self) -> Json:
        if self._is_pending:
            return {}
        address = self._order.address
        if not self._shows_people:
            return {'deliveryAddress': _address(Address(
                city=address.city,
                state=address.state,
                postal_code=address.postal_code,
                country=address.country,
            ))}
        if not has_phone(self._order, self._now):
            address = replace(address, phone='')
        return _without_empty({
            'deliveryAddress': _address(address),
            'deliveryPreference': self._order.delivery_preference,
        })

    def _order_proceeds(self) -> Json:
        if not self._is_priced:
            return {}
        subtotals: dict[str, Decimal] = {}
        for proceeds in self._proceeds:
            for type_, subtotal, _details in proceeds.breakdowns(self._order.discount_style):
                subtotals[type_] = subtotals.get(type_, ZERO) + subtotal
        breakdowns = [
            {'type': type_, 'subtotal': self._money(subtotal)}
            for type_, subtotal in subtotals.items()
        ]
        if Decimal(self._order.tip):
            breakdowns.append({
                'type': 'DELIVERY_TIP',
                'status': 'FINALIZED',
                'subtotal': self._money(self._order.tip),
            })
        return {'grandTotal': self._money(self._grand_total), 'breakdowns': breakdowns}

    def _payment(self) -> Json:
        if not self._is_priced:
            return {}
        return {'paymentExecutions': [{
            'paymentMethod': self._order.payment_method,
            'paymentAmount': self._money(self._grand_total),
        }]}

    def _order_tax(self) -> Json:
        if not self._shows_tax:
            return {}
        return _without_empty({'taxRegistrations': [
            _without_empty({
                'entityType': registration.entity,
                'legalName': registration.legal_name,
                'taxRegistrationType': registration.type,
                'taxRegistrationNumber': registration.number,
                'taxRegistrationAddress': _address(registration.address or Address()),
                'taxRegistrationAttributes': [
                    {'key': key, 'value': value}
                    for key, value in (registration.attributes or {}).items()
                ],
            })
            for registration in self._order.tax_registrations
        ]})

    def _order_fulfillment(self) -> Json:
        return _without_empty({
            **self._status(),
            'fulfillmentServiceLevel': self._order.service_level,
            'shipByWindow': _window(self._order.ship_by),
            'deliverByWindow': _window(self._order.deliver_by),
        })

    def _status(self) -> Json:
        return {
            'fulfillmentStatus': self._order.status,
            'fulfilledBy': self._order.fulfilled_by,
        }

    def _packages(self) -> list[Json]:
        return [_package(package) for package in self._order.packages]

    def _fulfillment_orders(self) -> list[Json]:
        return [{'fulfillmentOrderId': id_} for id_ in self._order.fulfillment_order_ids]

    # === PARTS OF AN ITEM === #

    def _item(self, item: Item, proceeds: ItemProceeds) -> Json:
        return {
            'orderItemId': item.item_id,
            'quantityOrdered': item.quantity_ordered,
            'product': self._product(item),
            **_without_empty({
                'programs': list(item.programs),
                **self._asked({
                    'proceeds': ('PROCEEDS', lambda: self._item_proceeds(proceeds)),
                    'expense': ('EXPENSE', lambda: self._expense(item)),
                    'promotion': ('PROMOTION', lambda: _promotion(item)),
                    'cancellation': ('CANCELLATION', lambda: _cancellation(item)),
                    'fulfillment': ('FULFILLMENT', lambda: self._item_fulfillment(item)),
                    'tax': ('TAX', lambda: self._item_tax(item)),
                }),
            }),
        }

    def _product(self, item: Item) -> Json:
        product: Json = {
            'asin': item.asin,
            'title': item.title,
            'sellerSku': item.sku,
            'condition': _without_empty({
                'conditionType': item.condition,
                'conditionSubtype': item.condition,
                'conditionNote': item.condition_note,
            }),
            'serialNumbers': list(item.serial_numbers),
        }
        if not (self._is_pending or self._is_foreign):
            product['price'] = _without_empty({
                'unitPrice': self._money(item.price),
                'priceDesignation': 'BUSINESS_PRICE' if item.business_price else '',
            })
        if self._shows_people and item.customized_url:
            product['customization'] = {'customizedUrl': item.customized_url}
        return _without_empty(product)

    def _item_proceeds(self, proceeds: ItemProceeds) -> Json:
        if not self._is_priced:
            return {}
        breakdowns: list[Json] = []
        for type_, subtotal, details in proceeds.breakdowns(self._order.discount_style):
            breakdown: Json = {'type': type_, 'subtotal': self._money(subtotal)}
            if details:
                breakdown['detailedBreakdowns'] = [
                    {'subtype': subtype, 'value': self._money(value)} for subtype, value in details
                ]
            breakdowns.append(breakdown)
        return {'proceedsTotal': self._money(proceeds.total), 'breakdowns': breakdowns}

    def _expense(self, item: Item) -> Json:
        if item.points is None:
            return {}
        number, value = item.points
        return {'pointsCost': {'pointsGranted': {
            'pointsNumber': number, 'pointsMonetaryValue': self._money(value),
        }}}

    def _item_fulfillment(self, item: Item) -> Json:
        packing = _without_empty({
            'giftOption': _without_empty({
                'giftMessage': item.gift_message if self._shows_people else '',
                'giftWrapLevel': item.gift_wrap_level,
            }),
            'serialNumberRequirement': (
                {'requirementType': 'REQUIRED'} if item.serial_numbers_required else None
            ),
        })
        shipping = _without_empty({
            'scheduledDeliveryWindow': _window(item.scheduled_delivery),
            'shippingConstraints': dict.fromkeys(item.constraints, 'MANDATORY'),
            'internationalShipping': _without_empty({'iossNumber': item.ioss_number}),
        })
        return {
            'quantityFulfilled': item.quantity_shipped,
            'quantityUnfulfilled': item.quantity_open,
            **_without_empty({'packing': packing, 'shipping': shipping}),
        }

    def _item_tax(self, item: Item) -> Json:
        parts: Json = {}
        if item.reporting_scheme:
            parts['taxCalculationBreakdowns'] = [{'reportingScheme': item.reporting_scheme}]
        if item.marketplace_facilitator:
            parts['taxCollections'] = [{
                'model': 'MARKETPLACE_FACILITATOR',
                'responsibleParty': self._order.marketplace.name,
            }]
        return parts

    def _money(self, amount: Any) -> Json:
        marketplace = self._order.marketplace
        return {
            'amount': str(to_amount(amount, marketplace)), 'currencyCode': marketplace.currency,
        }


def _address(address: Address) -> Json:
    return _without_empty({
        'name': address.name,
        'companyName': address.company,
        'addressLine1': address.line1,
        'addressLine2': address.line2,
        'addressLine3': address.line3,
        'city': address.city,
        'districtOrCounty': address.district,
        'stateOrRegion': address.state,
        'municipality': address.municipality,
        'postalCode': address.postal_code,
        'countryCode': address.country,
        'phone': address.phone,
        'extendedFields': dict(address.extended or {}),
        'addressType': address.address_type,
    })


def _package(package: Package) -> Json:
    return {
        'packageReferenceId': package.reference,
        'createdTime': to_iso(package.shipped_at - timedelta(minutes=1)),
        'packageStatus': {'status': package.status, 'detailedStatus': package.detailed_status},
        'carrier': package.carrier,
        'shipTime': to_iso(package.shipped_at),
        'shippingService': package.service,
        'trackingNumber': package.tracking,
        'shipFromAddress': SHIP_FROM,
        'packageItems': [
            {'orderItemId': id_, 'quantity': quantity}
            for id_, quantity in package.quantities.items()
        ],
    }


def _promotion(item: Item) -> Json:
    return _without_empty({'breakdowns': [{'promotionId': id_} for id_ in item.promotions]})


def _cancellation(item: Item) -> Json:
    parts: Json = {}
    if item.cancellation_request is not None:
        parts['cancellationRequest'] = _without_empty({
            'requester': 'BUYER', 'cancelReason': item.cancellation_request,
        })
    if item.cancellation is not None:
        cancelled_by, reason = item.cancellation
        parts['cancellationExecution'] = _without_empty({
            'cancelledBy': cancelled_by, 'cancelReason': reason,
        })
    return parts


def _window(window: Window | None) -> Json | None:
    if window is None:
        return None
    earliest, latest = window
    return {'earliestDateTime': to_iso(earliest), 'latestDateTime': to_iso(latest)}


def _without_empty(parts: Json) -> Json:
    """Leave out what is not known, for Amazon sends no nulls."""
    return {key: value for key, value in parts.items() if value not in (None, '', [], {})}
