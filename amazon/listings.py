"""What the seller offers on the marketplaces, and what of it is changed.

Source of every call and field: the Listings Items API v2021-08-01.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801

from .client import Client
from .errors import NotFound, Rejected
from .limits import RATES, SIZES, Rate
from .payload import Node

SEARCH_OPERATION = 'searchListingsItems'
GET_OPERATION = 'getListingsItem'
PATCH_OPERATION = 'patchListingsItem'
RATES.update({
    SEARCH_OPERATION: Rate(5.0, 5),
    GET_OPERATION: Rate(5.0, 10),
    PATCH_OPERATION: Rate(5.0, 5),
})
SIZES[SEARCH_OPERATION] = 4 * 2**20

MAX_IDENTIFIERS = 20
MAX_PAGES = 5  # of a search, whose identifiers fit on one
INCLUDED_DATA = ('summaries', 'fulfillmentAvailability', 'offers', 'issues')

# Amazon's codes of the channels: of the merchant's own stock, and how those of FBA begin.
MERCHANT = 'DEFAULT'
FBA_PREFIX = 'AMAZON_'

# What a patch may name instead of the type, as long as it is about the offer only.
ANY_PRODUCT_TYPE = 'PRODUCT'

# Amazon's words for a condition that say the same twice.
CONDITIONS = {'new_new': 'new', 'refurbished_refurbished': 'refurbished', 'club_club': 'club'}


# === LISTINGS === #

@dataclass(frozen=True)
class Issue:
    """What Amazon has to say against a listing, or against what was to be changed about it."""

    code: str
    message: str
    severity: str  # ERROR, WARNING or INFO


@dataclass(frozen=True)
class ListedItem:
    """A SKU as Amazon has it on a marketplace. Absent texts are empty."""

    sku: str
    asin: str
    title: str
    statuses: frozenset[str]  # of BUYABLE and DISCOVERABLE; empty if it can't be seen
    condition: str  # such as new, used_like_new
    channels: frozenset[str]  # Amazon's codes
    quantity: int | None  # of the merchant's own stock, `None` if Amazon tells none
    price: Decimal | None
    currency: str  # ISO 4217, empty without a price
    fn_sku: str
    issues: tuple[Issue, ...]

    @property
    def channel(self) -> str:
        """By whom it is shipped: 'fbm', 'fba', 'both', or '' if Amazon does not tell.

        Who ships from a stock of the merchant that has a name of its own beside the one without
        does not ship 'fbm' in the sense that one quantity says all.
        """
        if self.channels == {MERCHANT}:
            return 'fbm'
        if self.channels and all(code.startswith(FBA_PREFIX) for code in self.channels):
            return 'fba'
        return 'both' if MERCHANT in self.channels else ''


def fetch_first_listing(client: Client, seller_id: str, marketplace_id: str) -> dict[str, Any]:
    """Ask Amazon for one of the listings, which proves that it lets the application see them.

    Source: `searchListingsItems`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(
        SEARCH_OPERATION,
        ListingsItemsV20210801.search_listings_items,
        seller_id,
        marketplaceIds=[marketplace_id],
        pageSize=1,
    )


def search_listings(
    client: Client, seller_id: str, marketplace_id: str, skus: Sequence[str]
) -> list[ListedItem]:
    """Ask Amazon for some listings. What it does not have is not in the answer.

    Source: `searchListingsItems`, all pages.

    :param skus: At most `MAX_IDENTIFIERS`, none of them with a comma, which divides them; one with
                 a comma is to be got by :func:`fetch_listing`.
    :raise AmazonError: As :meth:`Client.call`.
    """
    items, token = [], None
    for _number in range(MAX_PAGES):
        payload = client.call(
            SEARCH_OPERATION,
            ListingsItemsV20210801.search_listings_items,
            seller_id,
            marketplaceIds=marketplace_id,
            identifiers=','.join(skus),
            identifiersType='SKU',
            includedData=','.join(INCLUDED_DATA),
            pageSize=MAX_IDENTIFIERS,
            pageToken=token,
        )
        items += parse_search(payload, marketplace_id)
        token = Node(payload, '', SEARCH_OPERATION).peek('pagination').peek_text(
            'nextToken', max_length=None,
        )
        if not token:
            break
    return items


def fetch_listing(
    client: Client, seller_id: str, marketplace_id: str, sku: str
) -> ListedItem | None:
    """Ask Amazon for a listing.

    Source: `getListingsItem`.

    :return: `None` if Amazon does not have it.
    :raise AmazonError: As :meth:`Client.call`; :class:`Rejected` if no address can hold the SKU.
    """
    _check_sku(GET_OPERATION, sku)
    try:
        payload = client.call(
            GET_OPERATION,
            ListingsItemsV20210801.get_listings_item,
            seller_id,
            sku,
            marketplaceIds=marketplace_id,
            includedData=','.join(INCLUDED_DATA),
        )
    except NotFound:
        return None
    return _parse_item(Node(payload, '', GET_OPERATION), marketplace_id)


def parse_search(payload: dict[str, Any], marketplace_id: str) -> list[ListedItem]:
    """Return the listings in an answer of `searchListingsItems`; those without SKU are left out.

    :raise Malformed: If it is no such answer.
    """
    root = Node(payload, '', SEARCH_OPERATION)
    root.entries('items', required=True)
    return [
        _parse_item(item, marketplace_id)
        for item in root.peek_children('items') if item.peek_text('sku')
    ]


def _parse_item(item: Node, marketplace_id: str) -> ListedItem:
    summary = next(_iterate_of(item, 'summaries', marketplace_id), Node(None, '', GET_OPERATION))
    availability = {
        entry.peek_text('fulfillmentChannelCode'): entry.peek_count('quantity')
        for entry in item.peek_children('fulfillmentAvailability')
    }
    price, currency = _parse_price(list(_iterate_of(item, 'offers', marketplace_id)))
    condition = summary.peek_text('conditionType')
    return ListedItem(
        sku=item.text('sku', required=True),
        asin=summary.peek_text('asin'),
        title=summary.peek_text('itemName'),
        statuses=frozenset(summary.peek_texts('status')),
        condition=CONDITIONS.get(condition, condition),
        channels=frozenset(availability),
        quantity=availability.get(MERCHANT),
        price=price,
        currency=currency,
        fn_sku=summary.peek_text('fnSku'),
        issues=parse_issues(item),
    )


def _iterate_of(item: Node, key: str, marketplace_id: str) -> Iterable[Node]:
    """Yield what is in a list of a listing about a marketplace."""
    for entry in item.peek_children(key):
        if entry.peek_text('marketplaceId') == marketplace_id:
            yield entry


def _parse_price(offers: list[Node]) -> tuple[Decimal | None, str]:
    """Return for how much everybody can buy, no price if that is in several currencies.

    Where only businesses can buy, it is what they pay.
    """
    offers = [offer for offer in offers if offer.peek_text('offerType') == 'B2C'] or offers
    offers = [
        offer for offer in offers if offer.peek_text('audience', 'value') in ('', 'ALL')
    ] or offers
    prices = [
        (amount, price.peek_text('currencyCode'))
        for price in (offer.peek('price') for offer in offers)
        if (amount := price.peek_amount()) is not None
    ]
    if len({currency for _amount, currency in prices}) != 1:
        return None, ''
    return prices[0]


def parse_issues(node: Node) -> tuple[Issue, ...]:
    """Return what Amazon lists under `issues`."""
    return tuple(map(parse_issue, node.peek_children('issues')))


def parse_issue(issue: Node) -> Issue:
    """Return an issue; one whose severity is new to this code is an error."""
    severity = issue.peek_text('severity')
    return Issue(
        code=issue.peek_text('code'),
        message=issue.peek_text('message'),
        severity=severity if severity in ('WARNING', 'INFO') else 'ERROR',
    )


# === CHANGES === #

@dataclass(frozen=True)
class QuantityPatch:
    """How many the merchant has to sell. Handling time and restock date stay as they are."""

    quantity: int


@dataclass(frozen=True)
class PricePatch:
    """For how much everybody can buy, with tax. Other prices of the offer stay as they are."""

    marketplace_id: str
    currency: str  # ISO 4217
    price: Decimal


Patch = QuantityPatch | PricePatch


@dataclass(frozen=True)
class Submission:
    """What Amazon says to a change. That it accepts does not prove that it has applied it."""

    status: str  # ACCEPTED, INVALID, or newer than this code
    submission_id: str
    issues: tuple[Issue, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether Amazon is going to apply the change."""
        return self.status == 'ACCEPTED'

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues for which it is not, or only in part."""
        return tuple(issue for issue in self.issues if issue.severity == 'ERROR')


def describe_issues(issues: Iterable[Issue]) -> str:
    """Return what Amazon says about an offer, as one text."""
    return '; '.join(f'{issue.code}: {issue.message}' for issue in issues)


def build_refusal(operation: str, issues: Sequence[Issue]) -> Rejected:
    """Return the error for a change that Amazon answers with issues instead.

    :param operation: Amazon's name of what was tried.
    """
    words = describe_issues(issues)
    return Rejected(
        operation,
        words or "Amazon gives no reason",
        codes=[issue.code for issue in issues],
        details=words,
    )


def patch_listing(
    client: Client,
    seller_id: str,
    marketplace_id: str,
    sku: str,
    patches: Sequence[Patch],
    locale: str = 'en_US',
) -> Submission:
    """Change something about an offer.

    Source: `patchListingsItem`. A change that Amazon finds INVALID is an answer, no error.

    :param locale: In which Amazon is to write its issues.
    :raise AmazonError: As :meth:`Client.call`; :class:`Rejected` if no address can hold the SKU.
    """
    _check_sku(PATCH_OPERATION, sku)
    payload = client.call(
        PATCH_OPERATION,
        ListingsItemsV20210801.patch_listings_item,
        seller_id,
        sku,
        marketplaceIds=marketplace_id,
        includedData='issues',
        issueLocale=locale,
        body=build_changes(patches),
    )
    return parse_submission(payload)


def parse_submission(payload: dict[str, Any]) -> Submission:
    """Return what an answer of `patchListingsItem` says.

    :raise Malformed: If it has no status.
    """
    root = Node(payload, '', PATCH_OPERATION)
    return Submission(
        status=root.text('status', required=True),
        submission_id=root.peek_text('submissionId'),
        issues=parse_issues(root),
    )


def build_changes(patches: Sequence[Patch]) -> dict[str, Any]:
    """Return the patches of one offer as Amazon takes them, in a call as well as in a feed."""
    return {'productType': ANY_PRODUCT_TYPE, 'patches': [build_patch(patch) for patch in patches]}


def build_patch(patch: Patch) -> dict[str, Any]:
    """Return one patch as Amazon takes it. What it does not name stays as it is: it is merged."""
    if isinstance(patch, QuantityPatch):
        name, value = 'fulfillment_availability', {
            'fulfillment_channel_code': MERCHANT,
            'quantity': patch.quantity,
        }
    else:
        name, value = 'purchasable_offer', {
            'marketplace_id': patch.marketplace_id,
            'currency': patch.currency,
            'audience': 'ALL',
            'our_price': [{'schedule': [{'value_with_tax': _build_amount(patch.price)}]}],
        }
    return {'op': 'merge', 'path': f'/attributes/{name}', 'value': [value]}


def _build_amount(amount: Decimal) -> int | float:
    """Return an amount that is written in JSON with the digits that it has."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _check_sku(operation: str, sku: str) -> None:
    """Refuse a SKU that would lead to another address.

    A dot means the place itself in an address, and two the one above, however they are encoded.

    :raise Rejected: If it is such a SKU.
    """
    if sku in ('', '.', '..'):
        raise Rejected(operation, "no address can hold this SKU", codes=['InvalidSku'])
