"""What callers send, read as strictly as Amazon does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .errors import ApiError

DATE_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)')


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a request body holds.

    :raise ApiError: it holds something else
    """
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise ApiError.invalid('The request body is not a JSON object.')
    return payload


def read_text(payload: Mapping[str, Any], name: str) -> str:
    """Return a required text of a JSON object.

    :raise ApiError: it is missing, empty or no text
    """
    value = payload.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ApiError.invalid(f'{name} is required, as a text.')
    return value


def read_list(payload: Mapping[str, Any], name: str, of: type) -> list[Any]:
    """Return a required list of a JSON object, which is not empty.

    :raise ApiError: it is missing or empty, no list, or has entries of another type
    """
    values = payload.get(name)
    if not isinstance(values, list) or not values:
        raise ApiError.invalid(f'{name} is required, as a list that is not empty.')
    if not all(isinstance(value, of) for value in values):
        raise ApiError.invalid(f'{name} has entries of the wrong type.')
    return values


def read_moment(name: str, value: str) -> datetime:
    """Return the time that a text in ISO 8601 format stands for, in UTC.

    :param name: what the error calls it
    :raise ApiError: it is no such text
    """
    match = DATE_TIME.fullmatch(value)
    if not match:
        raise ApiError.invalid(f'{name} is not a date and time in ISO 8601 format.')
    fraction, zone = match.group(1) or '.0', match.group(2).replace('Z', '+00:00')
    try:
        moment = datetime.fromisoformat(f'{value[:19]}.{fraction[1:7]:0<6}{zone}')
    except ValueError:
        raise ApiError.invalid(f'{name} is not a date and time in ISO 8601 format.') from None
    return moment.astimezone(timezone.utc)
