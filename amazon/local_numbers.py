"""Amounts as people write them, which differs from language to language.

Money is never guessed: what can be read in two ways is not read.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from .payload import MAX_DIGITS, read_number

# By what thousands are set apart, for the languages where that is one of the two signs that may
# also stand before the cents. A country may have ways of its own.
_SEPARATORS = {
    'de': '.', 'en': ',', 'es': '.', 'es_MX': ',', 'it': '.', 'ja': ',', 'ko': ',', 'nl': '.',
    'pt': '.', 'tr': '.', 'zh': ',',
}
# Of currencies that have no cents, which are written by the same people.
_WITHOUT_CENTS = ('¥', '円', 'JPY', '₩', 'KRW')

_PLAIN = re.compile(r'[0-9]{1,15}(?:\.[0-9]{1,2})?')
_FRAMED = re.compile(
    r"([^0-9.,'’\s-]{0,4}) ?([0-9](?:[0-9.,'’ ]*[0-9])?) ?([^0-9.,'’\s-]{0,4})",
)
_SPACED = re.compile(r"([0-9]{1,3}(?:[ '’][0-9]{3})+)(?:[.,]([0-9]{1,2}))?")
_GROUPS = {
    # India sets apart hundreds above the thousands.
    ',': re.compile(r'[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}'),
    '.': re.compile(r'[0-9]{1,3}(?:\.[0-9]{3})+'),
}
_SIGNED = re.compile(r'([-+]? ?)([^-+() ]|[^-+() ][^-+()]*[^-+() ])( ?-?)')
_MINUS_SIGNS = dict.fromkeys(map(ord, '\u2010\u2011\u2012\u2013\u2212'), '-')
_GROUPED = {
    # The sign before the decimals, and what may set apart thousands beside spaces.
    point: re.compile(
        rf"([0-9]{{1,15}}|[1-9][0-9]{{0,2}}(?:(?:[ '’][0-9]{{3}})+|{groups}))?"
        rf'(?:{re.escape(point)}([0-9]{{0,8}}))?',
    )
    for point, groups in (('.', '(?:,[0-9]{2,3})*,[0-9]{3}'), (',', r'(?:\.[0-9]{3})+'))
}
_THREE_DIGITS = re.compile(r'[1-9][0-9]{0,2}[.,][0-9]{3}')


def read_amount(text: str, language: str = '') -> Decimal:
    """Return an amount, with a sign or code of its currency or without.

    :param language: In which it is written, such as `de` or `de_DE`; empty if nobody knows.
    :raise ValueError: If it is none, is negative, or can be read in two ways.
    """
    if len(text) > MAX_DIGITS:
        raise ValueError("is out of all reason")
    text = unicodedata.normalize('NFKC', text).strip()
    if not _PLAIN.fullmatch(text):
        framed = _FRAMED.fullmatch(text)
        if not framed:
            raise ValueError("is no amount")
        separator = _SEPARATORS.get(language) or _SEPARATORS.get(language[:2].lower(), '')
        if framed[1] in _WITHOUT_CENTS or framed[3] in _WITHOUT_CENTS:
            separator = ','
        text = _simplify(framed[2], separator)
    number = read_number(text)
    if number is None:
        raise ValueError("is out of all reason")
    return number


def read_signed_amount(text: str, point: str) -> Decimal:
    """Return an amount without a currency, which may be negative in any way that people write it.

    :param point: What stands before the decimals, a point or a comma.
    :raise ValueError: If it is none.
    """
    if len(text) > MAX_DIGITS:
        raise ValueError("is out of all reason")
    text = unicodedata.normalize('NFKC', text).translate(_MINUS_SIGNS).strip()
    is_framed = text.startswith('(') and text.endswith(')')
    signed = _SIGNED.fullmatch(text[1:-1].strip() if is_framed else text)
    signs = signed and [*signed[1].strip(), *signed[3].strip(), *('-' if is_framed else '')]
    match = signed and len(signs) <= 1 and _GROUPED[point].fullmatch(signed[2])
    if not match or not (match[1] or match[2]):
        raise ValueError("is no amount")
    whole = re.sub('[^0-9]', '', match[1] or '0')
    number = read_number(f'{whole}.{match[2] or 0}' if match[2] else whole)
    if number is None:
        raise ValueError("is out of all reason")
    return -number if '-' in signs and number else number


def _simplify(text: str, separator: str) -> str:
    """Return digits with no other sign than a point before the decimals.

    :param separator: What sets apart thousands, if the language tells.
    :raise ValueError: If it is unclear what the signs mean.
    """
    spaced = _SPACED.fullmatch(text)
    if spaced:
        return f'{re.sub("[^0-9]", "", spaced[1])}.{spaced[2] or 0}'
    if re.search(r"[ '’]", text):
        raise ValueError("is grouped in an unknown way")
    signs = re.findall('[.,]', text)
    if not signs:
        return text
    if len(signs) == 1:
        return _simplify_one(text, signs[0], separator)
    grouped, decimals = (text, '0') if len(set(signs)) == 1 else text.rsplit(signs[-1], 1)
    if not _GROUPS[signs[0]].fullmatch(grouped):
        raise ValueError("is grouped in an unknown way")
    return f'{grouped.replace(signs[0], "")}.{decimals}'


def _simplify_one(text: str, sign: str, separator: str) -> str:
    """Return digits with a point in place of the only sign, or without it.

    :raise ValueError: If nobody knows which.
    """
    if not _THREE_DIGITS.fullmatch(text):
        return text.replace(sign, '.')
    if sign != separator:
        raise ValueError("can be read in two ways")
    return text.replace(sign, '')
