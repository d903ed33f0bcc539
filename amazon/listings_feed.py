"""Amazon's feed for changes to many offers, and the report on what became of them.

Source: the schemas of JSON_LISTINGS_FEED, version 2.0.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Malformed
from .listings import Issue, Patch, build_changes, parse_issue
from .payload import Node, load_json
from .texts import clean_values

FEED_TYPE = 'JSON_LISTINGS_FEED'
CONTENT_TYPE = 'application/json; charset=UTF-8'
MAX_MESSAGES = 25_000
MAX_SIZE = 10 * 2**20  # bytes; as many messages with a quantity and a price each have more
VERSION = '2.0'
REPORT = 'ListingsFeedProcessingReport'
WHOLE_FEED = 0  # the message id of what Amazon says about a feed as such
MAX_ISSUES = 5  # of each severity, that are told of one message
BOM = b'\xef\xbb\xbf'


@dataclass(frozen=True)
class Message:
    """What is to be changed about an offer."""

    sku: str
    patches: tuple[Patch, ...]


def build_listings_feed(
    seller_id: str, messages: Iterable[Message], locale: str = 'en_US'
) -> bytes:
    """Return a feed of the type `FEED_TYPE`.

    :param locale: In which Amazon is to write its issues.
    :return: A document whose messages are numbered from 1 in their order.
    """
    feed = {
        'header': {'sellerId': seller_id, 'version': VERSION, 'issueLocale': locale},
        'messages': [
            {
                'messageId': number,
                'sku': message.sku,
                'operationType': 'PATCH',
                **build_changes(message.patches),
            }
            for number, message in enumerate(messages, start=1)
        ],
    }
    text = json.dumps(clean_values(feed), ensure_ascii=False, separators=(',', ':'))
    return text.encode()


@dataclass(frozen=True)
class FeedReport:
    """What became of the messages of a feed."""

    seller_id: str  # whose feed it was
    processed: int  # messages
    accepted: int
    invalid: int
    issues: Mapping[int, tuple[Issue, ...]]  # by message id, or under WHOLE_FEED

    def get_errors(self, number: int) -> tuple[Issue, ...]:
        """Return why Amazon does not do what a message tells; empty if nothing speaks for that."""
        return tuple(issue for issue in self._get_issues(number) if issue.severity == 'ERROR')

    def get_warnings(self, number: int) -> tuple[Issue, ...]:
        """Return what Amazon has to say about a message besides errors."""
        return tuple(issue for issue in self._get_issues(number) if issue.severity != 'ERROR')

    def accounts_for(self, message_count: int) -> bool:
        """Tell whether a message without errors is one that Amazon has accepted.

        That is not so if messages are missing in the report, or errors that it has counted.

        :param message_count: How many messages the feed had.
        """
        failed = sum(
            number != WHOLE_FEED and any(issue.severity == 'ERROR' for issue in issues)
            for number, issues in self.issues.items()
        )
        return self.processed >= message_count and self.accepted + failed >= message_count

    def _get_issues(self, number: int) -> tuple[Issue, ...]:
        numbers = dict.fromkeys((number, WHOLE_FEED))
        return tuple(issue for number in numbers for issue in self.issues.get(number, ()))


def parse_report(content: bytes) -> FeedReport:
    """Return what a result document of Amazon's says.

    :raise Malformed: If it is not a report on a feed of this type.
    """
    try:
        payload = load_json(content.removeprefix(BOM))
    except ValueError:
        raise Malformed(REPORT, 'document', "is not JSON") from None
    if not isinstance(payload, dict):
        raise Malformed(REPORT, 'document', "is not an object")
    root = Node(payload, '', REPORT)
    header, summary = (root.child(key, required=True) for key in ('header', 'summary'))
    return FeedReport(
        seller_id=header.peek_text('sellerId'),
        processed=summary.count('messagesProcessed', required=True),
        accepted=summary.count('messagesAccepted', required=True),
        invalid=summary.count('messagesInvalid', required=True),
        issues=_group_issues(root.entries('issues', required=True)),
    )


def _group_issues(entries: list[Any]) -> dict[int, tuple[Issue, ...]]:
    """Return the issues by the messages that they are about, the first of each severity."""
    issues: dict[int, list[Issue]] = defaultdict(list)
    counts: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        node = Node(entry, 'issues', REPORT)
        number = node.peek_count('messageId') or WHOLE_FEED
        issue = parse_issue(node)
        counts[number, issue.severity] += 1
        if counts[number, issue.severity] <= MAX_ISSUES:
            issues[number].append(issue)
    return {number: tuple(group) for number, group in issues.items()}
