"""The operations of SP-API: a module for each API, named after Amazon's model of it.

A module has its API's operations, with Amazon's rates and rules, as `OPERATIONS`.
"""

from . import (
    fba_inventory_v1,
    feeds_2021_06_30,
    finances_2024_06_19,
    listings_2021_08_01,
    orders_2026_01_01,
    orders_v0,
    reports_2021_06_30,
    sellers,
    transfers_2024_06_01,
)

APIS = (
    fba_inventory_v1,
    feeds_2021_06_30,
    finances_2024_06_19,
    listings_2021_08_01,
    orders_2026_01_01,
    orders_v0,
    reports_2021_06_30,
    sellers,
    transfers_2024_06_01,
)
OPERATIONS = tuple(operation for api in APIS for operation in api.OPERATIONS)
