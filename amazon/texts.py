"""Texts from outside, and texts on their way out: without what no database, label or XML takes."""

from __future__ import annotations

import re
from typing import Any

# PostgreSQL refuses NUL and halves of surrogate pairs, XML most of the others and the two that are
# no characters, terminals obey some, and the bidirectional ones garble labels.
CONTROL_CHARACTERS = re.compile(
    r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]'
)
# All that anybody takes for the end of a line.
LINE_BREAKS = re.compile(r'\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')


def clean(text: str, is_multiline: bool = False) -> str:
    """Return a text without what no database takes, and without outer spaces.

    :param is_multiline: Whether it may have several lines; else they are joined by spaces.
    """
    text = LINE_BREAKS.sub('\n' if is_multiline else ' ', text)
    return CONTROL_CHARACTERS.sub('', text).strip()


def clean_values(value: Any) -> Any:
    """Return a value for JSON or a query, its texts cleaned; line breaks stay as they are."""
    if isinstance(value, str):
        return CONTROL_CHARACTERS.sub('', value)
    if isinstance(value, dict):
        return {key: clean_values(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_values(entry) for entry in value]
    return value
