"""The roles of an application: what it may do for a seller, by Amazon's names."""

from __future__ import annotations

from .orders import ROLE_SHIPPING, ROLE_TAX

ROLE_ORDERS = 'Inventory and Order Tracking'
ROLE_LISTINGS = 'Product Listing'
ROLE_FINANCES = 'Finance and Accounting'
# Without these, operations are refused.
OPERATION_ROLES = frozenset({ROLE_ORDERS, ROLE_LISTINGS, ROLE_FINANCES})
# Without these, orders come with less.
PERSONAL_ROLES = frozenset({ROLE_SHIPPING, ROLE_TAX})
ROLES = OPERATION_ROLES | PERSONAL_ROLES
