# isort: off
from . import amazon_sync_mixin  # what others inherit comes first
from . import amazon_checks_mixin
from . import amazon_queue_mixin
from . import amazon_feed_mixin
from . import amazon_outbox_mixin
from . import amazon_feed
# isort: on
from . import account_move
from . import account_tax
from . import amazon_access_token
from . import amazon_account
from . import amazon_account_dashboard
from . import amazon_account_marketplaces
from . import amazon_account_orders
from . import amazon_cancellation
from . import amazon_delivery_rule
from . import amazon_marketplace
from . import amazon_offer
from . import amazon_offer_matching
from . import amazon_order
from . import amazon_quota
from . import amazon_shipment
from . import delivery_carrier
from . import mail_mail
from . import res_partner
from . import sale_order
from . import sale_order_changes
from . import sale_order_line
from . import sale_order_totals
from . import sale_report
from . import stock_move
from . import stock_move_line
from . import stock_package
from . import stock_picking
from . import stock_picking_warehouse
