from . import amazon_fetch_order
from . import base_partner_merge
