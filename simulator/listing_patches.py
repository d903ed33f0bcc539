"""What the application sends for a listing: how Amazon checks it, and what it makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from .errors import ApiError
from .inputs import read_list, read_text
from .listings import MERCHANT, Attributes, Listing
from .marketplaces import find_marketplace
from .state import Seller

Json = dict[str, Any]

OPERATIONS = ('add', 'replace', 'merge', 'delete')
PATH = re.compile(r'/attributes/([a-z][a-z0-9_]*)')
CHANNEL = re.compile(r'DEFAULT|AMAZON_[A-Z]{2}')
AUDIENCES = ('ALL', 'B2B')
MAX_LEAD_TIME = 30
MAX_PRICE = 1_000_000_000
AVAILABILITY = 'fulfillment_availability'
OFFER = 'purchasable_offer'
MEMBERS = {
    AVAILABILITY: frozenset({
        'fulfillment_channel_code', 'quantity', 'lead_time_to_ship_max_days', 'restock_date',
        'is_inventory_available', 'marketplace_id',
    }),
    OFFER: frozenset({
        'marketplace_id', 'currency', 'audience', 'our_price', 'discounted_price', 'start_at',
        'end_at', 'map_price', 'minimum_seller_allowed_price', 'maximum_seller_allowed_price',
        'quantity_discount_plan',
    }),
}
# By what an entry of an attribute is told from the others. A merge names those without a default.
SELECTORS = {
    AVAILABILITY: ('fulfillment_channel_code',),
    OFFER: ('marketplace_id', 'currency', 'audience'),
}
MERGE_SELECTORS = {AVAILABILITY: SELECTORS[AVAILABILITY], OFFER: ('marketplace_id', 'currency')}
CODE_UNKNOWN_SKU = '13013'
CODE_INVALID_VALUE = '4000001'
CODE_INVALID_ATTRIBUTE = '90000900'
CODE_MISSING = '90220'


@dataclass(frozen=True)
class Issue:
    """What is wrong with something that was sent for a listing."""
    code: str
    message: str
    attribute: str = ''
    category: str = 'INVALID_ATTRIBUTE'
    severity: str = 'ERROR'

    def as_json(self) -> Json:
        """Return the issue as Listings Items shows it."""
        payload: Json = {
            'code': self.code,
            'message': self.message,
            'severity': self.severity,
            'categories': [self.category],
        }
        return payload | ({'attributeNames': [self.attribute]} if self.attribute else {})


@dataclass(frozen=True)
class Patch:
    """One operation on one attribute.

    :param entries: which entries to put or to remove
    """
    operation: str
    attribute: str
    entries: list[Json]


def read_patches(payload: Mapping[str, Any]) -> list[Patch]:
    """Return the patches of a request body or of a feed's message.

    :raise ApiError: it is not what Amazon's schema demands
    """
    read_text(payload, 'productType')
    return [
        _read_patch(index, patch) for index, patch in enumerate(read_list(payload, 'patches', dict))
    ]


def apply_patches(
    seller: Seller,
    marketplace_id: str,
    sku: str,
    patches: Iterable[Patch],
    *,
    is_preview: bool = False,
) -> list[Issue]:
    """Do what patches say, all of them or, when something is wrong, none.

    :param is_preview: only check them
    :return: what is wrong
    """
    try:
        listing = seller.find_listing(sku, marketplace_id)
    except LookupError:
        return [Issue(CODE_UNKNOWN_SKU, f"The SKU '{sku}' does not exist in the Amazon catalog.")]
    patches = list(patches)
    issues = [issue for patch in patches for issue in _check_patch(listing, patch)]
    if issues or is_preview:
        return issues
    attributes = dict(listing.attributes)
    for patch in patches:
        _change_attribute(listing, attributes, patch)
    values: Json = {}
    if any(patch.attribute == AVAILABILITY for patch in patches):
        listing.channels = _find_channels(listing, patches)
        values |= _read_availability(listing, attributes)
    if any(patch.attribute == OFFER for patch in patches):
        values |= _read_offer(listing, attributes)
    seller.send_for_listing(listing, attributes, values)
    return []


def _read_patch(index: int, patch: Json) -> Patch:
    if patch.get('op') not in OPERATIONS:
        raise ApiError.invalid(f'Invalid op provided in patch at index of {index}.')
    path = PATH.fullmatch(read_text(patch, 'path'))
    if not path:
        raise ApiError.invalid(f'Invalid path provided in patch at index of {index}.')
    if patch['op'] == 'delete' and 'value' not in patch:
        return Patch('delete', path[1], [])
    return Patch(patch['op'], path[1], read_list(patch, 'value', dict))


# === CHECKING === #

def _check_patch(listing: Listing, patch: Patch) -> Iterable[Issue]:
    name = patch.attribute
    if patch.operation == 'merge' and name not in MERGE_SELECTORS:
        yield _invalid(name, f"The attribute '{name}' does not support the merge operation.")
    elif patch.operation == 'delete' and not patch.entries:
        yield _missing(name, f"'{name}' is deleted without the selectors of what to delete.")
    elif name in MEMBERS:
        for entry in patch.entries:
            yield from _check_entry(listing, patch, entry)


def _check_entry(listing: Listing, patch: Patch, entry: Json) -> Iterable[Issue]:
    name = patch.attribute
    for member in sorted(entry.keys() - MEMBERS[name]):
        yield _invalid(name, f"The attribute '{name}' has no field '{member}'.")
    if patch.operation == 'merge':
        for selector in MERGE_SELECTORS[name]:
            if not entry.get(selector):
                yield _missing(name, f"'{name}' is merged without its selector '{selector}'.")
    place = entry.get('marketplace_id', listing.marketplace_id)
    if place != listing.marketplace_id:
        yield _wrong(name, 'marketplace_id', place)
    if patch.operation != 'delete':
        # A merge takes away what it sets to nothing.
        has_nothing = patch.operation == 'merge'
        sent = {
            key: value for key, value in entry.items() if value is not None or not has_nothing
        }
        yield from CHECKS[name](listing, sent)
    if name == OFFER and patch.operation in ('add', 'replace') and 'our_price' not in entry:
        yield _missing(name, "'our_price' is required but not supplied.", 'MISSING_PRICE')


def _check_availability(_listing: Listing, entry: Json) -> Iterable[Issue]:
    code = entry.get('fulfillment_channel_code')
    if not isinstance(code, str) or not CHANNEL.fullmatch(code):
        yield _wrong(AVAILABILITY, 'fulfillment_channel_code', code)
    if 'quantity' in entry and not _is_whole(entry['quantity']):
        yield _wrong(AVAILABILITY, 'quantity', entry['quantity'])
    days = entry.get('lead_time_to_ship_max_days', 0)
    if not _is_whole(days) or days > MAX_LEAD_TIME:
        yield _wrong(AVAILABILITY, 'lead_time_to_ship_max_days', days)
    if 'restock_date' in entry and not _is_date(entry['restock_date']):
        yield _wrong(AVAILABILITY, 'restock_date', entry['restock_date'])


def _check_offer(listing: Listing, entry: Json) -> Iterable[Issue]:
    place = find_marketplace(listing.marketplace_id)
    currency = entry.get('currency', place.currency)
    if currency != place.currency:
        yield _wrong(OFFER, 'currency', currency)
    audience = entry.get('audience', 'ALL')
    if audience not in AUDIENCES:
        yield _wrong(OFFER, 'audience', audience)
    if 'our_price' in entry and not _is_price(_get_price(entry), place.minor_unit):
        yield Issue(
            CODE_INVALID_VALUE,
            f"The provided value for '{OFFER}' is invalid: our_price {entry['our_price']!r}.",
            OFFER, 'INVALID_PRICE',
        )


CHECKS: dict[str, Callable[[Listing, Json], Iterable[Issue]]] = {
    AVAILABILITY: _check_availability,
    OFFER: _check_offer,
}


def _is_whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_date(value: object) -> bool:
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        return False
    return isinstance(value, str)


def _is_price(value: object, unit: Decimal) -> bool:
    if type(value) not in (int, float):
        return False
    price = Decimal(str(value))
    return price.is_finite() and 0 < price <= MAX_PRICE and not price % unit


def _get_price(entry: Json) -> object:
    """Return the price of an entry, nothing when it is not written as Amazon's schema demands."""
    try:
        [price] = entry['our_price']
        [schedule] = price['schedule']
        return schedule['value_with_tax']
    except (KeyError, TypeError, ValueError):
        return None


def _wrong(attribute: str, member: str, value: object) -> Issue:
    return Issue(
        CODE_INVALID_VALUE,
        f"The provided value for '{attribute}' is invalid: {member} {value!r}.", attribute,
    )


def _invalid(attribute: str, message: str) -> Issue:
    return Issue(CODE_INVALID_ATTRIBUTE, message, attribute)


def _missing(attribute: str, message: str, category: str = 'MISSING_ATTRIBUTE') -> Issue:
    return Issue(CODE_MISSING, message, attribute, category)


# === DOING === #

def _change_attribute(listing: Listing, attributes: Attributes, patch: Patch) -> None:
    """Put or remove the entries that a patch names; others of the attribute stay."""
    name = patch.attribute
    if name not in SELECTORS:
        attributes[name] = [] if patch.operation == 'delete' else patch.entries
        return
    kept = {_get_key(listing, name, entry): entry for entry in attributes.get(name, ())}
    for entry in patch.entries:
        entry = {'marketplace_id': listing.marketplace_id, **entry}
        key = _get_key(listing, name, entry)
        if patch.operation == 'delete':
            kept.pop(key, None)
            continue
        if patch.operation == 'merge':
            entry = kept.get(key, {}) | entry
        kept[key] = {member: value for member, value in entry.items() if value is not None}
    attributes[name] = list(kept.values())


def _get_key(listing: Listing, name: str, entry: Json) -> tuple[str, ...]:
    defaults = {
        'marketplace_id': listing.marketplace_id,
        'currency': find_marketplace(listing.marketplace_id).currency,
        'audience': 'ALL',
    }
    return tuple(
        str(entry.get(selector) or defaults.get(selector, '')) for selector in SELECTORS[name]
    )


def _find_channels(listing: Listing, patches: Iterable[Patch]) -> tuple[str, ...]:
    """Return the channels of a listing after patches: who is told of another one takes over."""
    sent = dict.fromkeys(
        entry['fulfillment_channel_code']
        for patch in patches if patch.attribute == AVAILABILITY and patch.operation != 'delete'
        for entry in patch.entries
    )
    return listing.channels if sent.keys() <= set(listing.channels) else tuple(sent)


def _read_availability(listing: Listing, attributes: Attributes) -> Json:
    """Return what shows of the availability, and forget what is of channels that are no more."""
    attributes[AVAILABILITY] = [
        entry for entry in attributes[AVAILABILITY]
        if entry['fulfillment_channel_code'] in listing.channels
    ]
    own = next((
        entry for entry in attributes[AVAILABILITY]
        if entry['fulfillment_channel_code'] == MERCHANT
    ), {})
    return {
        'quantity': own.get('quantity'),
        'lead_time': own.get('lead_time_to_ship_max_days'),
        'restock_date': own.get('restock_date', ''),
    }


def _read_offer(listing: Listing, attributes: Attributes) -> Json:
    """Return what shows of the offer to everybody."""
    place = find_marketplace(listing.marketplace_id)
    for entry in attributes[OFFER]:
        price = _get_price(entry)
        if entry.get('audience', 'ALL') == 'ALL' and price is not None:
            amount = Decimal(str(price)).quantize(place.minor_unit)
            return {'price': str(amount), 'currency': place.currency}
    return {'price': ''}
