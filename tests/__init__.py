from . import test_account
from . import test_client
from . import test_dev
from . import test_order_parsing
from . import test_order_totals
from . import test_orders_fetch
from . import test_orders_import
from . import test_simulator
