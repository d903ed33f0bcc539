from . import amazon_fetch_order
