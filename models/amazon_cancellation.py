from odoo import api, fields, models
from odoo.fields import Domain

from ..amazon import shipments
from ..amazon.errors import NotFound, Rejected


class AmazonCancellation(models.Model):
    """The outbox of cancellations: items of an order that will not be shipped."""

    _name = 'amazon.cancellation'
    _description = "Amazon Cancellation"
    _inherit = ['amazon.outbox.mixin']
    _order = 'id'

    _sender = 'amazon_connector.ir_cron_process_feeds'
    _feed_type = shipments.CANCELLATION_FEED

    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    line_ids = fields.Many2many(
        comodel_name='sale.order.line', string="Lines", required=True, readonly=True,
    )
    code = fields.Char(
        string="Reason Given", help="As Amazon calls it.", required=True, readonly=True,
    )

    # === BUSINESS METHODS - FEEDS === #

    @api.model
    def _get_feed_label(self):
        """Override of `amazon.feed.mixin`."""
        return self.env._("Cancellations")

    def _get_marketplaces(self):
        """Override of `amazon.feed.mixin`."""
        return self.sale_order_id.amazon_marketplace_id

    def _build_message(self):
        """Override of `amazon.feed.mixin`."""
        self.ensure_one()
        self._check_documents(self.sale_order_id, self.line_ids.order_id)
        return shipments.Cancellation(
            order_id=self.sale_order_id.amazon_order_ref,
            items=tuple(
                shipments.CancelledItem(line.amazon_order_item_ref, self.code)
                for line in self.line_ids
            ),
        )

    @api.model
    def _build_feed(self, account, messages):
        """Override of `amazon.feed.mixin`."""
        return shipments.build_cancellation_feed(account.seller_id, messages)

    @api.model
    def _put_due_in_feeds(self, account):
        """Override of `amazon.feed.mixin`: Amazon takes cancellations in feeds only."""
        self._take_due(account, self._feed_size)._put_in_feed()

    # === BUSINESS METHODS - ACCOUNTS === #

    @api.model
    def _get_marketplace_domain(self, marketplaces):
        """Override of `amazon.outbox.mixin`."""
        return Domain('sale_order_id.amazon_marketplace_id', 'in', marketplaces.ids)

    @api.model
    def _get_count_label(self, count):
        """Override of `amazon.outbox.mixin`."""
        return self.env._("1 cancellation") if count == 1 else self.env._(
            "%(count)s cancellations", count=count,
        )

    # === BUSINESS METHODS - STATES === #

    def _withdraw(self):
        """Send none of these that Amazon has not been told of: the order is wanted again.

        :return: None
        """
        unsent = self.filtered(lambda c: c.state in ('to_send', 'failed'))
        unsent.write({'state': 'skipped', 'reason': False, 'next_try': False})
        for order in (self - unsent).filtered(lambda c: c.state != 'skipped').sale_order_id:
            order._warn_salesperson(self.env._(
                "Amazon has been told of the cancellation already. It can't be withdrawn: do not"
                " ship before you have looked the order up in Seller Central.",
            ))

    def _cut_lines(self):
        """Let the lines not be delivered any more, before Amazon has answered.

        :return: None
        """
        for line in self.line_ids.filtered(lambda line: line.state == 'sale'):
            with line.order_id._unlocked():
                line._set_amazon_price(line.price_unit, product_uom_qty=line.qty_delivered)
                line._cut_deliveries(0)

    def _restore_lines(self):
        """Let the lines be delivered again: Amazon does not cancel them.

        :return: None
        """
        for line in self.line_ids.filtered(
            lambda line: line.state == 'sale'
            and line.product_uom_qty < line._get_pieces(line.amazon_quantity),
        ):
            with line.order_id._unlocked():
                line._set_amazon_price(
                    line.price_unit, product_uom_qty=line._get_pieces(line.amazon_quantity),
                )

    def _confirm_cancelled(self, quantities):
        """Record which of these Amazon's own data show.

        :param dict quantities: What is still wanted, by Amazon's order item.
        :return: None
        """
        for cancellation in self.filtered(lambda c: c.state != 'confirmed'):
            if not any(map(quantities.get, cancellation.line_ids.mapped('amazon_order_item_ref'))):
                cancellation._mark_confirmed()

    def _mark_failed(self, exception):
        """Override of `amazon.queue.mixin` to tell the salesperson, too."""
        super()._mark_failed(exception)
        self._restore_lines()
        self.sale_order_id._warn_salesperson(self.reason)

    def _mark_doubtful(self, reason):
        """Override of `amazon.outbox.mixin` to tell the salesperson, too."""
        super()._mark_doubtful(reason)
        self._restore_lines()
        for sale_order in self.sale_order_id:
            sale_order._warn_salesperson(reason)

    @api.model
    def _get_overdue_reason(self):
        """Override of `amazon.outbox.mixin`."""
        return self.env._(
            "Amazon accepted the cancellation a day ago but does not show it. Look the order up in"
            " Seller Central and cancel it there.",
        )

    def _get_failure_reason(self, exception):
        """Override of `amazon.sync.mixin` to say the next step."""
        if not isinstance(exception, (NotFound, Rejected)):
            return super()._get_failure_reason(exception)
        return self.env._(
            "Amazon does not cancel it. Look the order up in Seller Central: cancel or refund it"
            " there, or ship it.",
        )


class AmazonFeed(models.Model):
    """The feed shows its cancellations."""

    _inherit = 'amazon.feed'

    cancellation_ids = fields.One2many(
        comodel_name='amazon.cancellation', inverse_name='feed_id', string="Cancellations",
    )
