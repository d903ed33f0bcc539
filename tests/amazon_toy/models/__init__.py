from . import amazon_account_toys
from . import amazon_toy
from . import amazon_toy_stock
