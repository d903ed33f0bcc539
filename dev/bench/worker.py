"""A contender of the benchmark, in a process of its own so that peaks of memory compare.

`python -m dev.bench.worker DATABASE CONTENDER SIMULATOR` reads commands from standard input, each a
line with a method of the contender and a number, and answers each with a line of JSON.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import odoo.init  # noqa: F401  # Odoo wants it before all other imports.
from odoo import sql_db
from odoo.api import SUPERUSER_ID, Environment
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

from simulator import DEFAULT_SELLER
from simulator.scenarios import bulk_skus

from ..shop import ensure_product, set_up_company, stock_up
from .books import Books
from .catalog import Catalog
from .connector import STOCK, Bare, Connector, Day, Flawed
from .dispatch import Dispatch

PEAK = re.compile(r'^VmHWM:\s+(\d+) kB', re.MULTILINE)

CONTENDERS: dict[str, Callable[[Environment, str], Any]] = {
    'FBM': lambda env, simulator: Connector(env, simulator, 'FBM'),
    'FBA': lambda env, simulator: Connector(env, simulator, 'FBA'),
    '1 in 100': lambda env, simulator: Flawed(env, simulator, 1),
    '5 in 100': lambda env, simulator: Flawed(env, simulator, 5),
    'batches': lambda env, simulator: Bare(env, 100),
    'one by one': lambda env, simulator: Bare(env, 1),
    'day': Day,
    'dispatch': Dispatch,
    'few offers': lambda env, simulator: Catalog(env, simulator, 'FEW'),
    'books': Books,
    'many offers': lambda env, simulator: Catalog(env, simulator, 'MANY'),
}


def main(database: str, contender: str, simulator: str) -> None:
    """Answer commands until there are no more."""
    config.parse_config(
        ['-d', database, '--no-http', '--log-level=warn'], setup_logging=True,
    )
    server.start(preload=[], stop=True)
    with Registry(database).cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        env = env(context=env['res.users'].context_get())
        _set_up_shop(env)
        rival = CONTENDERS[contender](env, simulator)
        for command in sys.stdin:
            method, count = json.loads(command)
            print(json.dumps(_measure(getattr(rival, method), count)), flush=True)
            cr.commit()  # An open transaction would not see what the others do meanwhile.


def _measure(method: Callable[[int], int], count: int) -> dict[str, float]:
    """Do something, and tell what came out and what it took."""
    statements = sql_db.sql_counter
    started = time.perf_counter()
    result = method(count)
    return {
        'result': result,
        'seconds': time.perf_counter() - started,
        'statements': sql_db.sql_counter - statements,
        'peak': int(PEAK.search(Path('/proc/self/status').read_text())[1]) / 1024,
    }


def _set_up_shop(env: Environment) -> None:
    """Make the company, its products and their stock, unless another contender has."""
    set_up_company(env, DEFAULT_SELLER.store_name)
    products = [ensure_product(env, sku, sku, 19.99) for sku in bulk_skus()]
    warehouse = env['stock.warehouse'].search([], limit=1)
    stock_up(env, products, warehouse.lot_stock_id, STOCK)
    env.cr.commit()


if __name__ == '__main__':
    main(*sys.argv[1:])
