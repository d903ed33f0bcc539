"""Ready-made shops."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from .orders import Item
from .state import Seller


def bulk(
    seller: Seller,
    count: int,
    channel: str = 'FBM',
    *,
    marketplace: str = 'DE',
    lines: int = 2,
    days: float = 1.0,
) -> None:
    """Place many orders of two lines, evenly spread over the last days.

    FBM orders are unshipped, FBA orders shipped. The SKUs are `BULK-000` to `BULK-049`.

    :param days: the oldest order is that old, the newest an hour
    """
    newest = seller.clock.now() - timedelta(hours=1)
    for number in range(count):
        age = timedelta(days=days) * ((count - 1 - number) / count)
        seller.place_order(
            marketplace,
            channel,
            [
                Item(
                    f'BULK-{(number * 7 + line * 13) % 50:03d}',
                    price=f'{10 + (number + line) % 40}.99',
                    quantity=1 + number % 3,
                    shipping='4.90' if line == 0 else '0',
                )
                for line in range(lines)
            ],
            status='SHIPPED' if channel == 'FBA' else 'UNSHIPPED',
            placed_at=newest - age,
        )


SCENARIOS: dict[str, Callable[[Seller], None]] = {}
