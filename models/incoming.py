from dataclasses import dataclass
from enum import Enum

from odoo import models

from ..amazon.orders import Order, ShippedGoods
from .res_partner import Customer

# Imported orders need no log of their creation, no followers and no tracking of their first values.
LEAN_CONTEXT = {
    'tracking_disable': True,
    'mail_create_nosubscribe': True,
    'mail_create_nolog': True,
    'mail_notrack': True,
    'loyalty_no_mail': True,  # where coupons are installed
}


class Step(Enum):
    """What an order asks for, in the order in which it is done; the value is what is counted."""

    CREATE = 'created'
    UPDATE = 'updated'
    CANCEL = 'cancelled'
    MOVE = 'moved'
    SKIP = 'skipped'


@dataclass
class Incoming:
    """An order on its way into Odoo. What it does not have from the start is filled in as it goes.

    An attempt that may be rolled back fills in copies, so that nothing of it is left over.
    """

    order: models.Model  # amazon.order
    data: Order | ShippedGoods  # as read; with `Step.MOVE` only the goods
    customer: Customer | None = None
    position: models.Model | None = None  # account.fiscal.position
    sale_order: models.Model | None = None  # sale.order
