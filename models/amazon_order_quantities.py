from odoo import api, fields, models

from ..amazon.orders import Status, parse_summary
from ..amazon.payload import load_json
from .tools import to_naive
from .vault import KeyUnusable

# What decides whether the units of an order are still to come out of the stock.
CLAIM_FIELDS = {
    'account_id', 'amazon_status', 'bought_at', 'channel', 'is_sold_elsewhere', 'marketplace_id',
    'open_quantities', 'sale_order_deleted', 'sale_order_id', 'state', 'to_complete',
}
BOUGHT = (Status.PENDING, Status.PENDING_AVAILABILITY, Status.UNSHIPPED)


class AmazonOrder(models.Model):
    """What orders in the inbox will take from the stock, as long as no delivery stands for it."""

    _inherit = 'amazon.order'

    bought_at = fields.Datetime(readonly=True)
    open_quantities = fields.Json(
        help="Units that are neither shipped nor cancelled, by SKU.", readonly=True, copy=False,
    )

    _open_idx = models.Index(
        "(account_id) WHERE open_quantities IS NOT NULL AND sale_order_id IS NULL",
    )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to offer less of what was ordered."""
        orders = super().create(vals_list)
        orders._note_claims()
        orders._note_sold({order: ('', {}) for order in orders})
        return orders

    def write(self, vals):
        """Override of `base` to offer what is still left when orders change."""
        if not vals.keys() & CLAIM_FIELDS:
            return super().write(vals)
        self._note_claims()
        before = {order: (order.amazon_status, order.open_quantities or {}) for order in self}
        res = super().write(vals)
        self._note_claims()
        self._note_sold(before)
        return res

    def unlink(self):
        """Override of `base` to offer again what the orders would have taken."""
        self._note_claims()
        return super().unlink()

    # === BUSINESS METHODS === #

    def _note_sold(self, before):
        """Remember that Amazon itself has changed what it offers: it takes away what is bought, and
        gives back what is cancelled.

        :param dict before: Amazon's status and the open quantities that each order had.
        :return: None
        """
        sold = []
        for order, (status, quantities) in before.items():
            order = order.sudo()  # In sudo mode: the account may be out of sight.
            now = order.open_quantities or {}
            is_cancelled = order.amazon_status == Status.CANCELLED != status
            is_bought = order.amazon_status in BOUGHT and now != quantities
            if order.channel != 'fba' and (is_cancelled or is_bought):
                sold += [
                    (order.account_id.id, order.marketplace_id.id, sku)
                    for sku in {**quantities, **now}
                ]
        self.env['amazon.stock.change']._note(sold=sold)

    def _note_claims(self):
        """Remember that what is offered of the items may have changed.

        :return: None
        """
        self.env['amazon.stock.change']._note(skus=[
            (order.account_id.id, order.marketplace_id.id, sku)
            for order in self.sudo()  # In sudo mode: the account may be out of sight.
            if order.channel != 'fba'
            for sku in order.open_quantities or ()
        ])

    @api.model
    def _read_open_quantities(self):
        """Read what open orders will take from what is stored of them: they may have come in before
        it was kept.

        :return: None
        """
        for order in self.search([
            ('sale_order_id', '=', False),
            ('channel', '!=', 'fba'),
            ('amazon_status', 'not in', (Status.SHIPPED, Status.CANCELLED)),
        ]):
            try:
                summary = parse_summary(load_json(order.payload or ''))
            except (KeyUnusable, ValueError):
                continue  # It is read when Amazon sends it again.
            order.write({
                'bought_at': to_naive(summary.purchased_at),
                'open_quantities': dict(summary.quantities) or False,
            })
