"""Amazon's Selling Partner API as a small server, for tests and for trying things out.

An independent reading of Amazon's models: it shares no code with the connector.
"""

from .faults import Fault
from .oddities import ALIENS, LINE_BREAKS, MARKUP, ODDITIES
from .orders import Address, Buyer, Item, Order, TaxRegistration
from .server import Simulator
from .state import DEFAULT_SELLER, Participation, Seller, SellerProfile

__all__ = [
    'ALIENS',
    'DEFAULT_SELLER',
    'LINE_BREAKS',
    'MARKUP',
    'ODDITIES',
    'Address',
    'Buyer',
    'Fault',
    'Item',
    'Order',
    'Participation',
    'Seller',
    'SellerProfile',
    'Simulator',
    'TaxRegistration',
]
