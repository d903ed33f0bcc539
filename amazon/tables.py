"""Amazon's tab-separated reports: texts in one of several encodings, with a header.

Nothing is quoted in them: a quotation mark is one, and may stand alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Malformed

BOMS = {
    codecs.BOM_UTF8: 'utf-8-sig',
    codecs.BOM_UTF16_LE: 'utf-16',
    codecs.BOM_UTF16_BE: 'utf-16',
}
# In what Amazon writes where it does not write UTF-8, by the language of the marketplace.
OLD_ENCODINGS = {'ja': 'cp932'}
OLD_ENCODING = 'cp1252'
REPLACEMENT = '\ufffd'  # what stands for a character that cannot be read
MAX_REPLACED = 0.05  # of all characters
MARKUP = re.compile(r'\s*<')


@dataclass(frozen=True)
class Table:
    """What a document holds. Its cells are as Amazon wrote them, and not yet clean."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]  # each with the number of its line, from 1
    is_ended: bool  # whether the last line has an end


def read_table(operation: str, content: bytes, language: str = '') -> Table:
    """Return the table in a document. Empty lines and repeated headers are left out.

    :param operation: What errors call the document.
    :param language: The marketplace's, such as `ja` or `ja_JP`.
    :raise Malformed: If it is none.
    """
    text, is_cut = _decode(operation, content, language)
    if not text.strip():
        raise Malformed(operation, 'document', "is empty")
    if MARKUP.match(text):
        raise Malformed(operation, 'document', "is HTML or XML")
    lines = _iterate_lines(text)
    _number, header = next(lines)
    rows = tuple(row for row in lines if row[1] != header)
    return Table(tuple(header), rows, text.endswith(('\n', '\r')) and not is_cut)


def _iterate_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that is not empty, with its number.

    Python knows more ends of lines than Amazon, which writes some of them within titles.
    """
    separator = '\n' if '\n' in text else '\r'
    for number, line in enumerate(text.split(separator), start=1):
        if line.strip():
            yield number, line.rstrip('\r').split('\t')


def _decode(operation: str, content: bytes, language: str) -> tuple[str, bool]:
    """Return the text of a document, and whether it ends within a character.

    :raise Malformed: If it is no text.
    """
    encoding = next((BOMS[bom] for bom in BOMS if content.startswith(bom)), None)
    text, is_cut = _decode_as(encoding or 'utf-8', content)
    if not encoding and not _is_likely(text):
        encoding = OLD_ENCODINGS.get(language[:2].lower(), OLD_ENCODING)
        text, is_cut = _decode_as(encoding, content)
    if '\x00' in text or text.count(REPLACEMENT) > MAX_REPLACED * len(text):
        raise Malformed(operation, 'document', "is not a text")
    return text, is_cut


def _decode_as(encoding: str, content: bytes) -> tuple[str, bool]:
    decoder = codecs.getincrementaldecoder(encoding)('replace')
    text = decoder.decode(content)
    return text, bool(decoder.getstate()[0])


def _is_likely(text: str) -> bool:
    """Tell whether a text that was read as UTF-8 was written so: what is not, is hardly ever valid.

    A broken character or two do not matter.
    """
    replaced = text.count(REPLACEMENT)
    others = len(text) - len(text.encode('ascii', 'ignore')) - replaced
    return replaced <= others
