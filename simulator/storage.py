"""Where documents lie: presigned addresses, as Amazon S3 gives and guards them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from .errors import ApiError, StorageError
from .state import Clock, Seller

FEED_DOCUMENTS = '/storage/feeds/'
REPORT_DOCUMENTS = '/storage/reports/'
ADDRESS_LIFETIME = timedelta(minutes=5)
RETENTION = timedelta(days=28)


@dataclass
class Document:
    """A document of a feed or a report.

    :param content_type: what was announced for an upload, or what a download has
    :param content: None before the upload
    :param compression: 'GZIP' or ''; what is announced, whatever the content is
    """
    document_id: str
    seller: Seller
    created: datetime
    content_type: str
    content: bytes | None = None
    compression: str = ''


@dataclass(frozen=True)
class _Permission:
    document: Document
    method: str
    expires_at: datetime
    content_encoding: str = ''


class Storage:
    """Keep documents, and let in who has a presigned address.

    :param path: where the addresses begin
    :param stem: how the ids of the documents begin
    """

    def __init__(
        self, clock: Clock, path: str = FEED_DOCUMENTS, stem: str = 'amzn1.tortuga.4.eu',
    ) -> None:
        self._clock = clock
        self._path = path
        self._stem = stem
        self.clear()

    def clear(self) -> None:
        """Forget all documents."""
        self._documents: dict[str, Document] = {}
        self._permissions: dict[str, _Permission] = {}

    def add(
        self, seller: Seller, content_type: str, content: bytes | None = None,
        compression: str = '',
    ) -> Document:
        """Keep a document and return it."""
        document = Document(
            f'{self._stem}.{secrets.token_hex(16)}.T{len(self._documents) + 1}',
            seller, self._clock.now(), content_type, content, compression,
        )
        self._documents[document.document_id] = document
        return document

    def find(self, seller: Seller, document_id: str, within: timedelta = RETENTION) -> Document:
        """Return a seller's document that is not older than it may be.

        :raise ApiError: there is none
        """
        document = self._documents.get(document_id)
        if (
            document is None
            or document.seller is not seller
            or self._clock.now() > document.created + within
        ):
            raise ApiError.not_found()
        return document

    def presign(self, document: Document, method: str, content_encoding: str = '') -> str:
        """Return path and query of an address that lets a method through for five minutes.

        :param content_encoding: what a download announces
        """
        signature = secrets.token_hex(32)
        self._permissions[signature] = _Permission(
            document, method, self._clock.now() + ADDRESS_LIFETIME, content_encoding,
        )
        query = urlencode({
            'X-Amz-Expires': int(ADDRESS_LIFETIME.total_seconds()), 'X-Amz-Signature': signature,
        })
        return f'{self._path}{document.document_id}?{query}'

    def holder(self, request: Request) -> str:
        """Return the id of the seller whose document an address leads to, '' when to none."""
        permission = self._permissions.get(request.args.get('X-Amz-Signature', ''))
        return permission.document.seller.profile.seller_id if permission else ''

    def answer(self, request: Request) -> Response:
        """Take an upload or give a download.

        :raise StorageError: the address does not permit it
        """
        permission = self._permitted(request)
        document = permission.document
        if request.method == 'PUT':
            if request.headers.get('Content-Type') != document.content_type:
                raise StorageError.wrong_signature()
            document.content = request.get_data()
            return Response(status=200)
        response = Response(document.content, content_type=document.content_type)
        if permission.content_encoding:
            response.headers['Content-Encoding'] = permission.content_encoding
        return response

    def _permitted(self, request: Request) -> _Permission:
        permission = self._permissions.get(request.args.get('X-Amz-Signature', ''))
        if permission is None or permission.method != request.method:
            raise StorageError.wrong_signature()
        if request.path != self._path + permission.document.document_id:
            raise StorageError.wrong_signature()
        if self._clock.now() >= permission.expires_at:
            raise StorageError(403, 'AccessDenied', 'Request has expired')
        if 'Authorization' in request.headers:
            raise StorageError(
                400, 'InvalidArgument', 'Only one auth mechanism allowed; only the X-Amz-Algorithm '
                'query parameter, Signature query string parameter or the Authorization header '
                'should be specified',
            )
        if any(name.lower().startswith('x-amz-') for name, _value in request.headers):
            raise StorageError(
                403, 'AccessDenied', 'There were headers present in the request which were not '
                'signed',
            )
        return permission
