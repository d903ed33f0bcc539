"""Amazon's documents: what is too large for a call lies in its storage, at signed addresses.

Whose documents they are does not matter here: an API says where one lies, and this module takes it
there or brings it. Source: `createFeedDocument` and `getFeedDocument` of the Feeds API v2021-06-30;
`getReportDocument` of the Reports API v2021-06-30 answers alike.
"""

from __future__ import annotations

import zlib

from .client import Client
from .errors import Malformed
from .payload import Node

GZIP_MAGIC = b'\x1f\x8b'
MAX_SIZE = 64 * 2**20  # bytes, unpacked
MAX_MEMBERS = 100  # of a gzip file, which may be several in a row


def upload(client: Client, step: str, document: Node, content: bytes, content_type: str) -> None:
    """Put a document where Amazon waits for it.

    :param step: What the log and the errors call it.
    :param document: Amazon's answer, which holds the address.
    :param content_type: The one that the address was asked for with.
    :raise AmazonError: As :meth:`Client.upload`; :class:`Malformed` if there is no address.
    """
    client.upload(step, _get_address(document), content, content_type)


def download(client: Client, step: str, document: Node) -> bytes:
    """Return a document of Amazon's, unpacked.

    :param step: What the log and the errors call it.
    :param document: Amazon's answer, which holds the address.
    :raise AmazonError: As :meth:`Client.download`; :class:`Malformed` if there is no address, or
                        the document cannot be unpacked.
    """
    return _unpack(step, client.download(step, _get_address(document)))


def _get_address(document: Node) -> str:
    return document.text('url', required=True, max_length=None)


def _unpack(step: str, content: bytes) -> bytes:
    """Return what a document holds, whether Amazon has said that it is packed or not.

    :raise Malformed: If it is packed badly, or holds more than a document may.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    unpacked, rest = bytearray(), content
    for _number in range(MAX_MEMBERS):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
        try:
            unpacked += unpacker.decompress(rest, MAX_SIZE + 1 - len(unpacked))
        except zlib.error:
            break
        if len(unpacked) > MAX_SIZE:
            raise Malformed(step, 'body', f"has more than {MAX_SIZE} bytes")
        if not unpacker.eof:
            break
        rest = unpacker.unused_data.lstrip(b'\x00')
        if not rest:
            return bytes(unpacked)
    raise Malformed(step, 'body', "is not a gzip file")
