"""What callers send, read as strictly as Amazon does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from werkzeug.datastructures import MultiDict

from .errors import ApiError
from .marketplaces import find_marketplace, is_marketplace
from .orders import Order
from .state import Seller

MAX_MARKETPLACES = 50
ORDER_ID = re.compile(r'\d{3}-\d{7}-\d{7}')
DATE_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)')


# === BODIES === #

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


# === PATHS === #

def find_order(seller: Seller, order_id: str) -> Order:
    """Return the order of the seller that a path names.

    :raise ApiError: the text is no order id, or of no order of the seller
    """
    if not ORDER_ID.fullmatch(order_id):
        raise ApiError.invalid('The orderId is not valid.')
    try:
        return seller.get_order(order_id)
    except LookupError:
        raise ApiError.not_found() from None


# === QUERIES === #

def query_text(query: MultiDict[str, str], name: str) -> str | None:
    """Return a parameter, None when it is not given.

    :raise ApiError: it is given more than once
    """
    values = query.getlist(name)
    if len(values) > 1:
        raise ApiError.invalid(f'{name} is given more than once; a list is comma-separated.')
    return values[0] if values else None


def query_moment(query: MultiDict[str, str], name: str) -> datetime | None:
    """Return a time, None when it is not given.

    :raise ApiError: it is no text in ISO 8601 format
    """
    value = query_text(query, name)
    return None if value is None else read_moment(name, value)


def query_choices(query: MultiDict[str, str], name: str, allowed: Iterable[str]) -> frozenset[str]:
    """Return the values of a list, none when it is not given.

    :raise ApiError: a value is not allowed
    """
    values = frozenset(query_list(query, name))
    unknown = values.difference(allowed)
    if unknown:
        raise ApiError.invalid(f"{name} has unknown values: {', '.join(sorted(unknown))}")
    return values


def query_marketplaces(query: MultiDict[str, str]) -> frozenset[str]:
    """Return the ids of `marketplaceIds`, none when it is not given.

    :raise ApiError: there are too many, or an unknown one
    """
    ids = query_list(query, 'marketplaceIds')
    if len(ids) > MAX_MARKETPLACES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_MARKETPLACES} values.')
    for id_ in ids:
        if not is_marketplace(id_) or find_marketplace(id_).id != id_:
            raise ApiError.invalid(f'marketplaceIds has an unknown value: {id_}')
    return frozenset(ids)


def query_size(query: MultiDict[str, str], name: str, maximum: int, default: int) -> int:
    """Return how much a page is to hold.

    :raise ApiError: it is no number from 1 to the maximum
    """
    value = query_text(query, name)
    if value is None:
        return default
    if not re.fullmatch(r'\d{1,3}', value) or not 1 <= int(value) <= maximum:
        raise ApiError.invalid(f'{name} is not a number from 1 to {maximum}.')
    return int(value)


def query_flag(query: MultiDict[str, str], name: str) -> bool:
    """Return a flag, false when it is not given.

    :raise ApiError: it is neither true nor false
    """
    value = query_text(query, name) or 'false'
    if value.lower() not in ('true', 'false'):
        raise ApiError.invalid(f'{name} is neither true nor false.')
    return value.lower() == 'true'


def query_list(query: MultiDict[str, str], name: str) -> list[str]:
    """Return the values of a list, none when it is not given."""
    value = query_text(query, name)
    return [] if value is None else value.split(',')
