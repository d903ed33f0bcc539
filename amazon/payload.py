"""Reading of Amazon's JSON with the path of each field at hand, for errors that name it."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from .errors import Malformed

MAX_LENGTH = 500
MAX_COUNT = 2**31 - 1  # PostgreSQL's integer
MAX_AMOUNT = 10**12  # well within what a float tells apart to the cent
DECIMAL = re.compile(r'[-+]?\d+(\.\d*)?(E[-+]?\d+)?', re.ASCII | re.IGNORECASE)
# PostgreSQL refuses NUL and halves of surrogate pairs, XML most of the others, and the
# bidirectional ones garble labels.
CONTROL_CHARACTERS = re.compile(
    r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)


def parse_time(text: str) -> datetime:
    """Return a time of Amazon's, such as `2026-11-21T08:30:00.000Z`, in UTC and aware of it.

    :raise ValueError: If it is none, or says nothing of its zone.
    """
    moment = datetime.fromisoformat(re.sub(r'(?i)z$', '+00:00', text))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(timezone.utc)


class Node:
    """A value somewhere in a payload. What is absent or null reads as empty, unless required."""

    def __init__(self, value: Any, path: str, operation: str) -> None:
        """Stand at a value.

        :param path: The way to it from the payload's root, empty for the root itself.
        :param operation: Amazon's name of the operation that the payload is an answer to.
        """
        self.value = value
        self.path = path
        self._operation = operation

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

        :raise Malformed: If it is missing though required, or not a list of objects.
        """
        entries = self.entries(key, required)
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                self.fail(f'{key}[{index}]', "is not an object")
        return [self._at(entry, f'{key}[{index}]') for index, entry in enumerate(entries)]

    def text(self, key: str, required: bool = False, max_length: int | None = MAX_LENGTH) -> str:
        """Return the text at a key, free of control characters and outer spaces.

        :raise Malformed: If it is missing or empty though required, no text, or too long.
        """
        text = CONTROL_CHARACTERS.sub('', self._get(key, str, required) or '').strip()
        if required and not text:
            self.fail(key, "is empty")
        if max_length and len(text) > max_length:
            self.fail(key, f"is longer than {max_length} characters")
        return text

    def texts(self, key: str) -> list[str]:
        """Return the texts of the list at a key.

        :raise Malformed: If it is not a list of texts.
        """
        entries = self.entries(key)
        if not all(isinstance(entry, str) for entry in entries):
            self.fail(key, "is not a list of texts")
        return [CONTROL_CHARACTERS.sub('', entry).strip() for entry in entries]

    def count(self, key: str, required: bool = False) -> int | None:
        """Return the whole number at a key.

        :raise Malformed: If it is missing though required, not a whole number, or out of range.
        """
        number = self._get(key, int, required)
        if isinstance(number, bool):
            self.fail(key, "is not a whole number")
        if number is not None and number < 0:
            self.fail(key, "is negative")
        if number is not None and number > MAX_COUNT:
            self.fail(key, "is too large")
        return number

    def time(self, key: str, required: bool = False) -> datetime | None:
        """Return the time at a key, in UTC and aware of it.

        :raise Malformed: If it is missing though required, or no time.
        """
        text = self.text(key, required)
        try:
            return parse_time(text) if text else None
        except ValueError:
            self.fail(key, "is not a time in ISO 8601")

    def money(
        self, key: str, currency: str, required: bool = False, signed: bool = False
    ) -> Decimal | None:
        """Return the amount at a key.

        :param currency: The ISO 4217 code that it must have.
        :param signed: Whether it may be negative.
        :raise Malformed: If it is missing though required, no amount, out of range, or in
                          another currency.
        """
        money = self.child(key, required)
        text = money.text('amount', required=bool(money))
        if not text:
            return None
        if not DECIMAL.fullmatch(text):
            money.fail('amount', "is not a decimal number")
        amount = Decimal(text)
        if abs(amount) >= MAX_AMOUNT:
            money.fail('amount', "is too large")
        if amount < 0 and not signed:
            money.fail('amount', "is negative")
        if amount and money.text('currencyCode', required=True) != currency:
            money.fail('currencyCode', f"is not {currency} as in the rest of the order")
        return amount

    def _get(self, key: str, kind: type, required: bool) -> Any:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if value is None:
            if required:
                self.fail(key, "is missing")
        elif not isinstance(value, kind):
            names = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}
            self.fail(key, f"is not {names[kind]}")
        return value

    def _at(self, value: Any, key: str) -> Node:
        return Node(value, self._join(key), self._operation)

    def _join(self, key: str) -> str:
        return f'{self.path}.{key}' if self.path else key

    # === READING WHATEVER IS THERE === #

    def peek_text(self, *keys: str) -> str | None:
        """Return the text at the end of a way of keys, `None` if there is none. Raises nothing."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, str):
            return None
        return CONTROL_CHARACTERS.sub('', value).strip()[:MAX_LENGTH] or None

    def peek_children(self, key: str) -> list[Node]:
        """Return the objects in the list at a key, if there are any. Raises nothing."""
        entries = self.value.get(key) if isinstance(self.value, dict) else None
        if not isinstance(entries, list):
            return []
        return [self._at(entry, key) for entry in entries if isinstance(entry, dict)]

    def peek_count(self, key: str) -> int:
        """Return the whole number at a key, 0 if there is none. Raises nothing."""
        try:
            return self.count(key) or 0
        except Malformed:
            return 0

    def peek_time(self, *keys: str) -> datetime | None:
        """Return the time at the end of a way of keys, `None` if there is none. Raises nothing."""
        try:
            return parse_time(self.peek_text(*keys) or '')
        except ValueError:
            return None

    def peek_decimal(self, *keys: str) -> Decimal | None:
        """Return the number in the text at the end of a way of keys. Raises nothing."""
        try:
            number = Decimal(self.peek_text(*keys) or '')
        except InvalidOperation:
            return None
        return number if number.is_finite() else None
