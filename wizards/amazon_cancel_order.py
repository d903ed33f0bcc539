from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class AmazonCancelOrder(models.TransientModel):
    _name = 'amazon.cancel.order'
    _description = "Cancel an Amazon Order"

    order_ids = fields.Many2many(
        comodel_name='sale.order', string="Orders", required=True, readonly=True,
    )
    code = fields.Selection(
        selection=[
            ('NoInventory', "Out of stock"),
            ('ShippingAddressUndeliverable', "The address can't be delivered to"),
            ('BuyerCanceled', "The buyer asked for it"),
            ('CustomerExchange', "The buyer exchanges it"),
            ('GeneralAdjustment', "Wrong price or description"),
            ('CarrierCreditDecision', "The carrier refuses it"),
            ('RiskAssessmentInformationNotValid', "Suspected fraud"),
            ('CarrierCoverageFailure', "No carrier goes there"),
            ('CustomerReturn', "The buyer sent it back"),
            ('MerchandiseNotReceived', "It did not arrive"),
        ],
        string="Reason",
        help="Amazon tells the buyer, and counts cancellations for lack of stock against you.",
        default=lambda self: self._default_code(),
        required=True,
    )
    available_line_ids = fields.Many2many(
        comodel_name='sale.order.line', compute='_compute_available_line_ids',
    )
    line_ids = fields.Many2many(
        comodel_name='sale.order.line',
        string="Lines to Cancel",
        compute='_compute_line_ids',
        store=True,
        readonly=False,
        domain="[('id', 'in', available_line_ids)]",
    )
    is_everything = fields.Boolean(compute='_compute_is_everything')

    # === DEFAULT METHODS === #

    @api.model
    def _default_code(self):
        """Return the reason that is known: all buyers asked for it. Else a person has to choose."""
        orders = self.env['sale.order'].browse(self.env.context.get('default_order_ids') or ())
        return bool(orders) and all(orders.mapped('amazon_cancel_reason')) and 'BuyerCanceled'

    # === COMPUTE METHODS === #

    @api.depends('order_ids')
    def _compute_available_line_ids(self):
        for wizard in self:
            wizard.available_line_ids = wizard.order_ids._get_cancellable_lines()

    @api.depends('available_line_ids')
    def _compute_line_ids(self):
        for wizard in self:
            wizard.line_ids = wizard.available_line_ids

    @api.depends('line_ids')
    def _compute_is_everything(self):
        for wizard in self:
            wizard.is_everything = all(map(wizard._is_cancelled_wholly, wizard.order_ids))

    # === ACTION METHODS === #

    def action_cancel(self):
        """Let Amazon know what is not shipped, and cancel the orders of which nothing is left.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise UserError: If nothing is chosen.
        """
        self.ensure_one()
        if not self.line_ids:
            raise UserError(self.env._("Choose the lines to cancel."))
        self.order_ids.check_access('write')
        lines = self.line_ids & self.available_line_ids
        # In sudo mode: only the connector writes to the outbox.
        cancellations = self.env['amazon.cancellation'].sudo().create([
            {
                'account_id': order.amazon_account_id.id,
                'sale_order_id': order.id,
                'line_ids': [Command.set(order_lines.ids)],
                'code': self.code,
            }
            for order, order_lines in lines.grouped('order_id').items()
        ])
        whole = self.order_ids.filtered(self._is_cancelled_wholly)
        whole._action_cancel()
        cancellations.filtered(lambda c: c.sale_order_id not in whole)._cut_lines()
        return {'type': 'ir.actions.act_window_close'}

    # === BUSINESS METHODS === #

    def _is_cancelled_wholly(self, order):
        """Return whether nothing of an order is left to be shipped, and nothing was shipped.

        :param sale.order order: One of the orders.
        :rtype: bool
        """
        items = order.order_line.filtered(
            lambda line: line.amazon_charge == 'item' and line.amazon_quantity,
        )
        open_lines = order._get_cancellable_lines() - self.line_ids
        return not (open_lines or any(items.mapped('qty_delivered')))
