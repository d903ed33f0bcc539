"""Amazon's Selling Partner API as a small server, for tests and for trying things out.

An independent reading of Amazon's models: it shares no code with the connector.
"""

from .faults import Fault
from .orders import Address, Buyer, Item, Order, TaxRegistration
from .server import Simulator
from .state import DEFAULT_SELLER, Participation, Seller, SellerProfile

__all__ = [
    'DEFAULT_SELLER',
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
