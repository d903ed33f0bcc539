"""Amazon's tab-separated reports: texts in one of several encodings, with a header.

Nothing is quoted in them: a quotation mark is one, and may stand alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
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
MAX_LINES = 1_000_000
MAX_COLUMNS = 500
MAX_PREFACE = 50  # lines of text above a header, and that itself
MARKUP = re.compile(r'\s*<')


@dataclass(frozen=True)
class Table:
    """What a document holds. Its cells are as Amazon wrote them, and not yet clean."""

    header: tuple[str, ...]
    is_ended: bool  # whether the last line has an end
    is_cut: bool  # whether it ends within a character
    _lines: tuple[tuple[int, str], ...]

    @property
    def last_number(self) -> int:
        """The number of the last line after the header, 0 if there is none."""
        return self._lines[-1][0] if self._lines else 0

    def iterate_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each line after the header, with its number, which counts from 1."""
        for number, line in self._lines:
            yield number, _split(line)

    def get_widths(self) -> list[int]:
        """Return how many cells each line after the header has."""
        return [min(line.count('\t'), MAX_COLUMNS) + 1 for _number, line in self._lines]


def read_table(
    operation: str,
    content: bytes,
    language: str = '',
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> Table:
    """Return the table in a document. Empty lines and repeated headers are left out.

    :param operation: What errors call the document.
    :param language: The marketplace's, such as `ja` or `ja_JP`.
    :param is_header: Tells by the cells of a line whether it is the header. What stands above that
                      is left out. Without, the first line is the header.
    :raise Malformed: If it is none, or has no such header.
    """
    text, is_cut = _decode(operation, content, language)
    if not text.strip():
        raise Malformed(operation, 'document', "is empty")
    if MARKUP.match(text):
        raise Malformed(operation, 'document', "is HTML or XML")
    # Python knows more ends of lines than Amazon, which writes some of them within titles.
    separator = '\n' if '\n' in text else '\r'
    if text.count(separator) > MAX_LINES:
        raise Malformed(operation, 'document', "has too many lines")
    lines = [
        (number, line.rstrip('\r'))
        for number, line in enumerate(text.split(separator), start=1) if line.strip()
    ]
    start = _find_header(operation, lines, is_header) if is_header else 0
    _number, header = lines[start]
    return Table(
        header=tuple(_split(header)),
        is_ended=text.endswith(('\n', '\r')),
        is_cut=is_cut,
        _lines=tuple(entry for entry in lines[start:] if entry[1] != header),
    )


def _find_header(
    operation: str, lines: list[tuple[int, str]], is_header: Callable[[Sequence[str]], bool]
) -> int:
    for index, (_number, line) in enumerate(lines[:MAX_PREFACE]):
        if is_header(_split(line)):
            return index
    raise Malformed(operation, 'header', "is missing")


def _split(line: str) -> list[str]:
    """Return the cells of a line; what is beyond all reason stays in the last one."""
    return line.split('\t', MAX_COLUMNS)


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
    # Where documents were joined, another mark stands in the middle.
    return text.replace('\ufeff', ''), is_cut


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
