"""Reading of Amazon's JSON with the path of each field at hand, for errors that name it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from math import isfinite
from typing import Any, NoReturn

from .errors import Malformed
from .texts import clean

MAX_LENGTH = 500
MAX_DEPTH = 64
MAX_ENTRIES = 2000  # of a list of objects; Amazon's longest are the items of an order
TOO_MANY = f"has more than {MAX_ENTRIES} entries"
MAX_NOTES = 50
# Each value in a JSON text needs one to five of these, and some hundred bytes of memory.
JSON_SIGNS = '"[]{},'
MAX_JSON_SIGNS = 3_000_000
BRACKETS = re.compile(r'[][{}]')
# In a JSON text without backslashes.
JSON_TOKENS = re.compile(r'"[^"]*"?|[][{}]')
MAX_COUNT = 2**31 - 1  # PostgreSQL's integer
MAX_AMOUNT = 10**12  # well within what a float tells apart to the cent
YEARS = range(1990, 2100)  # what lies outside is no time of Amazon's, and overflows one day
MAX_DIGITS = 40  # of a number as it is written
DECIMAL = re.compile(r'[-+]?\d+(\.\d*)?(E[-+]?\d+)?', re.ASCII | re.IGNORECASE)


def load_json(content: bytes | str) -> Any:
    """Return what a JSON text holds, whatever is odd about single values in it.

    One order must not spoil the page that it comes with. Hence broken characters are replaced,
    numbers that are none or out of all size read as null or as texts, and what is nested beyond
    reason is left empty. What it returns can always be written as JSON again.

    :raise ValueError: If it is not JSON, or holds more values than memory should.
    """
    text = content.decode(errors='replace') if isinstance(content, bytes) else content
    if sum(map(text.count, JSON_SIGNS)) > MAX_JSON_SIGNS:
        raise ValueError("too many values")
    try:
        return _loads(text if _estimate_depth(text) <= MAX_DEPTH else _cut_depth(text))
    except RecursionError:
        return _loads(_cut_depth(text))


def _loads(text: str) -> Any:
    return json.loads(
        text, parse_constant=lambda _name: None, parse_int=_parse_int, parse_float=_parse_float,
    )


def _parse_int(text: str) -> int | str:
    """Return a whole number; one that Python refuses to write as a text again stays a text."""
    return int(text) if len(text) <= MAX_DIGITS else text


def _parse_float(text: str) -> float | None:
    """Return a number, `None` where it is too large for one."""
    number = float(text)
    return number if isfinite(number) else None


def _estimate_depth(text: str) -> int:
    """Return how deep a JSON text is nested, if there are no brackets within its texts."""
    steps = (1 if bracket[0] in '[{' else -1 for bracket in BRACKETS.finditer(text))
    return max(accumulate(steps), default=0)


def _cut_depth(text: str) -> str:
    """Return a JSON text without what is in objects and lists that are nested too deep."""
    parts, depth, start = [], 0, 0
    # Of the same length, with all that a backslash can hide out of the way. One pattern for both
    # would start anew at each quotation mark of a text that does not end.
    plain = text.replace('\\\\', '..').replace('\\"', '..')
    for match in JSON_TOKENS.finditer(plain):
        if match[0] in '[{':
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts.append(text[start:match.end()])
        elif match[0] in ']}':
            if depth == MAX_DEPTH + 1:
                start = match.start()
            depth -= 1
    if depth <= MAX_DEPTH:
        parts.append(text[start:])
    return ''.join(parts)


def parse_time(text: str) -> datetime:
    """Return a time of Amazon's, such as `2026-11-21T08:30:00.000Z`, in UTC and aware of it.

    :raise ValueError: If it is none, says nothing of its zone, or lies out of all reason.
    """
    moment = datetime.fromisoformat(re.sub(r'(?i)z$', '+00:00', text))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    if moment.year not in YEARS:
        raise ValueError("out of all reason")
    return moment.astimezone(timezone.utc)


class Node:
    """A value somewhere in a payload. What is absent or null reads as empty, unless required.

    The strict readers refuse the payload. The others, `peek_*`, make do with whatever is there and
    note what they left out.
    """

    def __init__(
        self, value: Any, path: str, operation: str, notes: list[str] | None = None
    ) -> None:
        """Stand at a value.

        :param path: The way to it from the payload's root, empty for the root itself.
        :param operation: Amazon's name of the operation that the payload is an answer to.
        :param notes: Takes what the lenient readers leave out, up to MAX_NOTES times: the field
                      and what is wrong with it, not the value.
        """
        self.value = value
        self.path = path
        self._operation = operation
        self._notes = notes

    def __bool__(self) -> bool:
        return self.value is not None

    # === READING STRICTLY === #

    def fail(self, key: str, problem: str) -> NoReturn:
        """Refuse the payload for what is at a key.

        :raise Malformed: Always.
        """
        raise Malformed(self._operation, self._join(key), problem)

    def child(self, key: str, required: bool = False) -> Node:
        """Return the object at a key.

        :raise Malformed: If it is missing though required, or not an object.
        """
        return self._at(self._get(key, dict, required), key)

    def entries(self, key: str, required: bool = False) -> list[Any]:
        """Return the list at a key, whatever is in it.

        :raise Malformed: If it is missing though required, or not a list.
        """
        return self._get(key, list, required) or []

    def children(self, key: str, required: bool = False) -> list[Node]:
        """Return the objects of the list at a key.

        :raise Malformed: If it is missing though required, not a list of objects, or too long.
        """
        entries = self.entries(key, required)
        if len(entries) > MAX_ENTRIES:
            self.fail(key, TOO_MANY)
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                self.fail(f'{key}[{index}]', "is not an object")
        return [self._at(entry, f'{key}[{index}]') for index, entry in enumerate(entries)]

    def text(self, key: str, required: bool = False, max_length: int | None = MAX_LENGTH) -> str:
        """Return the text at a key in one line, free of control characters and outer spaces.

        :raise Malformed: If it is missing or empty though required, no text, or too long.
        """
        text = clean(self._get(key, str, required) or '')
        if required and not text:
            self.fail(key, "is empty")
        if max_length and len(text) > max_length:
            self.fail(key, f"is longer than {max_length} characters")
        return text

    def count(self, key: str, required: bool = False) -> int | None:
        """Return the whole number at a key, which may be written as a text or with decimals.

        :raise Malformed: If it is missing though required, not a whole number, or out of range.
        """
        value = self._get(key, object, required)
        if value is None:
            return None
        number = read_number(value)
        if number is None or number != int(number):
            self.fail(key, "is not a whole number")
        if number < 0:
            self.fail(key, "is negative")
        if number > MAX_COUNT:
            self.fail(key, "is too large")
        return int(number)

    def time(self, key: str, required: bool = False) -> datetime | None:
        """Return the time at a key, in UTC and aware of it.

        :raise Malformed: If it is missing though required, or no time.
        """
        text = self.text(key, required)
        try:
            return parse_time(text) if text else None
        except ValueError:
            self.fail(key, "is not a time in ISO 8601")

    def _get(self, key: str, kind: type, required: bool) -> Any:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if value is None:
            if required:
                self.fail(key, "is missing")
        elif not isinstance(value, kind):
            names = {dict: "an object", list: "a list", str: "a text"}
            self.fail(key, f"is not {names[kind]}")
        return value

    def _at(self, value: Any, key: str) -> Node:
        return Node(value, self._join(key), self._operation, self._notes)

    def _join(self, key: str) -> str:
        return f'{self.path}.{key}' if self.path else key

    # === READING WHATEVER IS THERE === #

    def note(self, key: str, problem: str) -> None:
        """Note what was wrong at a key and did not matter."""
        note = f'{self._join(key)} {problem}'
        if self._notes is not None and len(self._notes) < MAX_NOTES and note not in self._notes:
            self._notes.append(note)

    def peek(self, *keys: str) -> Node:
        """Return the object at the end of a way of keys, an empty one if there is none."""
        node = self
        for key in keys:
            node = node._at(node._peek(key, dict, "is not an object"), key)
        return node

    def peek_children(self, key: str) -> list[Node]:
        """Return the objects in the list at a key, if there are any."""
        entries = self._peek(key, list, "is not a list") or []
        if len(entries) > MAX_ENTRIES:
            self.note(key, TOO_MANY)
            entries = entries[:MAX_ENTRIES]
        children = [self._at(entry, f'{key}[{index}]') for index, entry in enumerate(entries)]
        for index, child in enumerate(children):
            if not isinstance(child.value, dict):
                self.note(f'{key}[{index}]', "is not an object")
        return [child for child in children if isinstance(child.value, dict)]

    def peek_text(
        self, *keys: str, max_length: int | None = MAX_LENGTH, is_multiline: bool = False
    ) -> str:
        """Return the text at the end of a way of keys, cut if too long, empty if there is none.

        :param is_multiline: Whether it may have several lines; else they are joined.
        """
        node, key = self.peek(*keys[:-1]), keys[-1]
        text = clean(node._peek(key, str, "is not a text") or '', is_multiline)
        if max_length and len(text) > max_length:
            node.note(key, f"is longer than {max_length} characters")
            text = text[:max_length].rstrip()
        return text

    def peek_texts(self, key: str) -> list[str]:
        """Return the texts in the list at a key, each in one line, if there are any."""
        entries = self._peek(key, list, "is not a list") or []
        texts = [entry for entry in entries if isinstance(entry, str)]
        if len(texts) < len(entries):
            self.note(key, "is not a list of texts")
        return [text for text in map(clean, texts) if text]

    def peek_count(self, key: str) -> int | None:
        """Return the whole number at a key, `None` if there is none."""
        try:
            return self.count(key)
        except Malformed as error:
            self.note(key, error.problem)
            return None

    def peek_time(self, *keys: str) -> datetime | None:
        """Return the time at the end of a way of keys, `None` if there is none."""
        text = self.peek_text(*keys)
        try:
            return parse_time(text) if text else None
        except ValueError:
            self.peek(*keys[:-1]).note(keys[-1], "is not a time in ISO 8601")
            return None

    def peek_amount(self, *keys: str) -> Decimal | None:
        """Return the amount of the money at the end of a way of keys, `None` if it has none."""
        money = self.peek(*keys)
        value = money._peek('amount', (str, int, float), "is neither a text nor a number")
        if value is None:
            return None
        number = read_number(value)
        if number is None:
            money.note('amount', "is not a decimal number within reason")
        return number

    def _peek(self, key: str, kind: type | tuple[type, ...], problem: str) -> Any:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if value is not None and not isinstance(value, kind):
            self.note(key, problem)
            return None
        return value


def read_number(value: Any) -> Decimal | None:
    """Return a number, written as a text or not, `None` if it is none within reason."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, int) and abs(value) >= MAX_AMOUNT:
        return None  # Python refuses to write the longest ones as text.
    text = str(value).strip()
    if len(text) > MAX_DIGITS or not DECIMAL.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond even what Decimal can hold
        return None
    if not number:
        return Decimal()  # whatever exponent it is written with
    # `adjusted` asks for the exponent without computing with it, which could overflow.
    if not -MAX_DIGITS < number.adjusted() < MAX_DIGITS:
        return None
    return number if abs(number) < MAX_AMOUNT else None
