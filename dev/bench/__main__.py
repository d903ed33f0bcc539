"""Entry point: `python -m dev.bench DATABASE [PART]`."""

import sys

from ..console import Failure, say
from . import offers, orders, settlements, shipments

PARTS = {
    'orders': orders.run,
    'shipments': shipments.run,
    'offers': offers.run,
    'settlements': settlements.run,
}


def main(database: str, part: str = '') -> int:
    """Run the benchmark and print its tables.

    :param str database: A fresh database with the add-on.
    :param str part: A key of `PARTS`; by default all are run.
    :return: The exit status.
    """
    try:
        for name, run in PARTS.items():
            if part in ('', name):
                run(database)
    except Failure as failure:
        say(f"\n{failure.problem}\n\nRemedy: {failure.remedy}")
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
