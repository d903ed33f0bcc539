"""Amazon's feeds: documents that Amazon works through in its own time, and what became of them.

Three steps lead to a feed and three back from it; each may be repeated, so that whoever stores what
a step has returned can go on from there: :func:`upload_document`, :func:`create_feed`,
:func:`fetch_feed` until it is over, :func:`fetch_document`.
Source of every call and field: the Feeds API v2021-06-30.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sp_api.api.feeds.feeds_2021_06_30 import FeedsV20210630
from sp_api.base import fill_query_params

from . import documents
from .client import Client
from .limits import RATES, SIZES, Rate
from .payload import Node

CREATE_DOCUMENT_OPERATION = 'createFeedDocument'
CREATE_OPERATION = 'createFeed'
GET_OPERATION = 'getFeed'
GET_DOCUMENT_OPERATION = 'getFeedDocument'
RATES.update({
    CREATE_DOCUMENT_OPERATION: Rate(0.5, 15),
    CREATE_OPERATION: Rate(0.0083, 15),
    GET_OPERATION: Rate(2.0, 15),
    GET_DOCUMENT_OPERATION: Rate(0.0222, 10),
})
# Steps between Amazon's operations, at addresses of its storage.
UPLOAD_STEP = 'uploadFeedDocument'
DOWNLOAD_STEP = 'downloadFeedDocument'
SIZES[DOWNLOAD_STEP] = documents.MAX_SIZE

FINAL_STATUSES = {'DONE', 'CANCELLED', 'FATAL'}


@dataclass(frozen=True)
class Feed:
    """How far Amazon is with a feed."""

    feed_id: str
    status: str  # IN_QUEUE, IN_PROGRESS, one of FINAL_STATUSES, or newer than this code
    result_document_id: str  # empty as long as there is none; a FATAL feed may have one too

    @property
    def is_over(self) -> bool:
        """Whether Amazon will do no more about it."""
        return self.status in FINAL_STATUSES


def upload_document(client: Client, content: bytes, content_type: str) -> str:
    """Lay a document ready at Amazon, which does nothing with it yet.

    Source: `createFeedDocument`, and the address in its answer.

    :return: The id of the document, good for two days.
    :raise AmazonError: As :meth:`Client.call` and :func:`documents.upload`.
    """
    payload = client.call(
        CREATE_DOCUMENT_OPERATION,
        FeedsV20210630.create_feed_document,
        None,  # The library's own upload would take what it is told for a latin-1 text.
        content_type,
    )
    document = Node(payload, '', CREATE_DOCUMENT_OPERATION)
    document_id = document.text('feedDocumentId', required=True)
    documents.upload(client, UPLOAD_STEP, document, content, content_type)
    return document_id


def create_feed(
    client: Client,
    feed_type: str,
    marketplace_ids: Iterable[str],
    document_id: str,
    options: Mapping[str, str] | None = None,
) -> str:
    """Let Amazon work through a document.

    Source: `createFeed`.

    :param feed_type: Amazon's name for what the document holds. If Amazon grants it a quota of its
                      own, `RATES` has that as `createFeed` with this name.
    :param marketplace_ids: 1 to 25 of them.
    :param options: What the type takes beside the document.
    :return: The id of the feed.
    :raise AmazonError: As :meth:`Client.call`.
    """
    own_quota = f'{CREATE_OPERATION} {feed_type}'
    payload = client.call(
        own_quota if own_quota in RATES else CREATE_OPERATION,
        FeedsV20210630.create_feed,
        feed_type,
        document_id,
        marketplaceIds=list(marketplace_ids),
        feedOptions=dict(options or {}) or None,
    )
    return Node(payload, '', CREATE_OPERATION).text('feedId', required=True)


def fetch_feed(client: Client, feed_id: str) -> Feed:
    """Ask Amazon how far it is with a feed.

    Source: `getFeed`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    payload = client.call(GET_OPERATION, FeedsV20210630.get_feed, feed_id)
    feed = Node(payload, '', GET_OPERATION)
    return Feed(
        feed_id=feed.text('feedId', required=True),
        status=feed.text('processingStatus', required=True),
        result_document_id=feed.text('resultFeedDocumentId'),
    )


def fetch_document(client: Client, document_id: str) -> bytes:
    """Return a document of Amazon's, unpacked.

    Source: `getFeedDocument`, and the address in its answer.

    :raise AmazonError: As :meth:`Client.call` and :func:`documents.download`.
    """
    payload = client.call(GET_DOCUMENT_OPERATION, _request_document, document_id)
    document = Node(payload, '', GET_DOCUMENT_OPERATION)
    return documents.download(client, DOWNLOAD_STEP, document)


def _request_document(api: Any, document_id: str) -> Any:
    """Do what the library's own method does before it downloads without any bounds."""
    return api._request(fill_query_params('/feeds/2021-06-30/documents/{}', document_id))
