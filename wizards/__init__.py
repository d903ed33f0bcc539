from . import amazon_cancel_order
from . import amazon_fetch_order
from . import sale_mass_cancel_orders
