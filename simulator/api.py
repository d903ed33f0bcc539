"""What an operation of SP-API is, and what it is given to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from .state import Seller
from .world import World


@dataclass(frozen=True)
class Call:
    """A request that has passed the door: known operation, known seller, quota left."""
    seller: Seller
    query: MultiDict[str, str]
    path: Mapping[str, str]
    body: bytes
    host_url: str
    world: World


@dataclass(frozen=True)
class Operation:
    """One of Amazon's operations.

    :param rule: the path as a werkzeug rule
    :param rate: requests per second of Amazon's default usage plan, as `burst`
    :param perform: answers the call, or raises `ApiError`
    :param role: the role that the application needs, if any
    :param lags: whether it sees nothing younger than `SEARCH_LAG`
    """
    name: str
    method: str
    rule: str
    rate: float
    burst: int
    perform: Callable[[Call], Response]
    role: str = ''
    lags: bool = False
