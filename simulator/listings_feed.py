"""What a JSON_LISTINGS_FEED says, what Amazon makes of it, and what it reports."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .errors import ApiError
from .inputs import read_list, read_object, read_text
from .listing_patches import CODE_INVALID_VALUE, Issue, apply_patches, read_patches
from .state import Seller

FEED_TYPE = 'JSON_LISTINGS_FEED'
VERSION = '2.0'
MAX_BYTES = 10 * 1024 * 1024
MAX_MESSAGES = 25_000
MAX_MESSAGE_ID = 2_147_483_647
# Amazon has others, which replace or delete whole listings; they are not simulated.
OPERATION_TYPE = 'PATCH'
MEMBERS = {'messageId', 'sku', 'operationType', 'productType', 'patches'}

Json = dict[str, Any]


@dataclass
class ListingsReport:
    """A processing report.

    :param processed: number of messages
    :param issues: as the report lists them
    :param unlisted: how many issues, the last ones, are counted and not listed
    """
    processed: int
    issues: list[Json]
    is_fatal: bool = False
    unlisted: int = 0

    content_type = 'application/json; charset=UTF-8'

    def render(self, feed_id: str, seller_id: str) -> bytes:
        """Return the report as Amazon's JSON."""
        errors = [issue for issue in self.issues if issue['severity'] == 'ERROR']
        invalid = len({issue['messageId'] for issue in errors if 'messageId' in issue})
        return json.dumps({
            'header': {'sellerId': seller_id, 'version': VERSION, 'feedId': feed_id},
            'issues': self.issues[: len(self.issues) - self.unlisted],
            'summary': {
                'errors': len(errors),
                'warnings': len(self.issues) - len(errors),
                'messagesProcessed': self.processed,
                'messagesAccepted': self.processed - invalid,
                'messagesInvalid': invalid,
            },
        }).encode()


def process_listings(
    seller: Seller, marketplace_id: str, content: bytes, manners: Collection[str] = (),
) -> ListingsReport:
    """Do what the messages of a feed say, one by one.

    :param manners: see `feed_processing.process`
    """
    try:
        messages = _read_document(seller, content)
    except ApiError as error:
        return ListingsReport(0, [_report(Issue(CODE_INVALID_VALUE, error.details))], is_fatal=True)
    if {'feed_breaks_off', 'feed_half'} & set(manners):
        messages = messages[: len(messages) // 2]
    elif 'feed_skips_last' in manners:
        messages = messages[:-1]
    issues = [
        _report(issue, message)
        for message in messages for issue in _do(seller, marketplace_id, message)
    ]
    unlisted = int('report_incomplete' in manners and bool(issues))
    return ListingsReport(len(messages), issues, unlisted=unlisted)


def _read_document(seller: Seller, content: bytes) -> list[Json]:
    """Return the messages of a document.

    :raise ApiError: it is not what Amazon's schema demands, or is of another seller
    """
    if len(content) > MAX_BYTES:
        raise ApiError.invalid(f'The document is larger than {MAX_BYTES} bytes.')
    document = read_object(content)
    header = document.get('header')
    if not isinstance(header, dict):
        raise ApiError.invalid('header is required, as an object.')
    if read_text(header, 'sellerId') != seller.profile.seller_id:
        raise ApiError.invalid('sellerId is of another seller.')
    if read_text(header, 'version') != VERSION:
        raise ApiError.invalid(f'version is not {VERSION}.')
    messages = read_list(document, 'messages', dict)
    if len(messages) > MAX_MESSAGES:
        raise ApiError.invalid(f'messages has more than {MAX_MESSAGES} entries.')
    numbers = [message.get('messageId') for message in messages]
    if not all(type(number) is int and 1 <= number <= MAX_MESSAGE_ID for number in numbers):
        raise ApiError.invalid('messageId is required, as a whole number from 1.')
    if len(set(numbers)) < len(numbers):
        raise ApiError.invalid('messageId is not unique.')
    return messages


def _do(seller: Seller, marketplace_id: str, message: Json) -> list[Issue]:
    """Do what a message says and return what is wrong with it."""
    try:
        sku = read_text(message, 'sku')
        if read_text(message, 'operationType') != OPERATION_TYPE:
            raise ApiError.invalid(f'operationType is not {OPERATION_TYPE}.')
        foreign = message.keys() - MEMBERS
        if foreign:
            raise ApiError.invalid(f"Not applicable: {', '.join(sorted(foreign))}")
        return apply_patches(seller, marketplace_id, sku, read_patches(message))
    except ApiError as error:
        return [Issue(CODE_INVALID_VALUE, error.details)]


def _report(issue: Issue, message: Json | None = None) -> Json:
    entry: Json = {'severity': issue.severity, 'code': issue.code, 'message': issue.message}
    if message is not None:
        entry['messageId'] = message['messageId']
        if isinstance(message.get('sku'), str) and message['sku']:
            entry['sku'] = message['sku']
    return entry | ({'attributeName': issue.attribute} if issue.attribute else {})
