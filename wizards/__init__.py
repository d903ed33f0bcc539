from . import amazon_cancel_order
from . import amazon_create_product
from . import amazon_fetch_order
from . import amazon_import_order
from . import amazon_incomplete_deliveries
from . import base_partner_merge
from . import sale_advance_payment_inv
from . import sale_mass_cancel_orders
