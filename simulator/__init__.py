"""Amazon's Selling Partner API as a small server, for tests and for trying things out.

An independent reading of Amazon's models: it shares no code with the connector.
"""

from .applications import Application
from .faults import Fault
from .fba_stock import FBA_ODDITIES, FbaStock
from .finance_oddities import PAYOUT_ODDITIES, TRANSACTION_ODDITIES
from .listing_oddities import LISTING_ODDITIES
from .listings import Listing
from .money import MoneyEvent, MoneyRow
from .oddities import ALIENS, LINE_BREAKS, MARKUP, ODDITIES
from .orders import ROLE_SHIPPING, ROLE_TAX, Address, Buyer, Item, Order, TaxRegistration
from .roles import ROLE_FINANCES, ROLE_LISTINGS, ROLE_ORDERS
from .sales_money import Refund
from .server import Simulator
from .settlement_oddities import SETTLEMENT_ODDITIES
from .settlements import Settlement
from .state import DEFAULT_SELLER, Participation, Seller, SellerProfile
from .vat_invoices import VatInvoice

__all__ = [
    'ALIENS',
    'DEFAULT_SELLER',
    'FBA_ODDITIES',
    'LINE_BREAKS',
    'LISTING_ODDITIES',
    'MARKUP',
    'ODDITIES',
    'PAYOUT_ODDITIES',
    'ROLE_FINANCES',
    'ROLE_LISTINGS',
    'ROLE_ORDERS',
    'ROLE_SHIPPING',
    'ROLE_TAX',
    'SETTLEMENT_ODDITIES',
    'TRANSACTION_ODDITIES',
    'Address',
    'Application',
    'Buyer',
    'Fault',
    'FbaStock',
    'Item',
    'Listing',
    'MoneyEvent',
    'MoneyRow',
    'Order',
    'Participation',
    'Refund',
    'Seller',
    'SellerProfile',
    'Settlement',
    'Simulator',
    'TaxRegistration',
    'VatInvoice',
]
