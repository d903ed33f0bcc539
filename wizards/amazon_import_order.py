from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..amazon import orders


class AmazonImportOrder(models.TransientModel):
    """Asks a person for what Amazon does not say of an order, and imports it with the answers."""

    _name = 'amazon.import.order'
    _description = "Import an Amazon Order Anyway"

    order_id = fields.Many2one(comodel_name='amazon.order', required=True, readonly=True)
    reason = fields.Char(related='order_id.reason', related_sudo=False)
    overview = fields.Html(related='order_id.overview', related_sudo=False)
    asks_total = fields.Boolean(compute='_compute_questions')
    asks_channel = fields.Boolean(compute='_compute_questions')
    asks_quantities = fields.Boolean(compute='_compute_questions')
    total = fields.Monetary(
        string="Paid by Buyer", help="With shipping and tax, as Seller Central shows it.",
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency',
        default=lambda self: self._default_currency_id(),
    )
    channel = fields.Selection(
        selection=[('fbm', "You (FBM)"), ('fba', "Amazon (FBA)")],
        string="Shipped By",
    )
    line_ids = fields.One2many(
        comodel_name='amazon.import.order.line',
        inverse_name='wizard_id',
        string="Quantities",
        default=lambda self: self._default_line_ids(),
    )

    # === DEFAULT METHODS === #

    @api.model
    def _default_order(self):
        """Return the order that the dialog is about.

        :raise AccessError: If the user may not see it: a default is asked for without any check.
        """
        order = self.env['amazon.order'].browse(self.env.context.get('default_order_id'))
        order.check_access('read')
        return order

    @api.model
    def _default_currency_id(self):
        order = self._default_order()
        return order.currency_id or order.marketplace_id.currency_id or self.env.company.currency_id

    @api.model
    def _default_line_ids(self):
        return [
            Command.create({
                'number': number, 'title': line.title, 'sku': line.sku, 'quantity': line.quantity,
            })
            for number, line in enumerate(self._default_order()._get_overview().lines)
        ]

    # === COMPUTE METHODS === #

    @api.depends('order_id')
    def _compute_questions(self):
        for wizard in self:
            wizard.order_id.check_access('read')
            questions = wizard.order_id._find_questions()
            wizard.asks_total = questions.total
            wizard.asks_channel = questions.channel
            wizard.asks_quantities = questions.quantities

    # === ACTION METHODS === #

    def action_import(self):
        """Import the order with what was entered.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If an answer is missing, naming the field.
        """
        self.ensure_one()
        self.order_id.check_access('write')
        self._check_answers()
        answers = {}
        if self.asks_total:
            answers.update(
                total=Decimal(f'{self.total:.{self.currency_id.decimal_places}f}'),
                currency=self.currency_id.name,
            )
        if self.asks_channel:
            answers['channel'] = self.channel
        if self.asks_quantities:
            answers['quantities'] = {line.number: line.quantity for line in self.line_ids}
        notification = self.order_id._import_anyway(orders.Given(**answers))
        notification['params']['next'] = {'type': 'ir.actions.act_window_close'}
        return notification

    # === BUSINESS METHODS === #

    def _check_answers(self):
        """Refuse to import while an answer is missing.

        :return: None
        :raise UserError: Naming the field.
        """
        if self.asks_total and (not self.currency_id or self.total <= 0):
            raise UserError(self.env._(
                "Paid by Buyer: enter what the buyer paid and in which currency, as Seller Central"
                " shows it.",
            ))
        if self.asks_channel and not self.channel:
            raise UserError(self.env._("Shipped By: choose whether you or Amazon ships the order."))
        if self.asks_quantities and any(line.quantity <= 0 for line in self.line_ids):
            raise UserError(self.env._(
                "Quantities: enter how many of each item were sold, as Seller Central shows them.",
            ))


class AmazonImportOrderLine(models.TransientModel):
    _name = 'amazon.import.order.line'
    _description = "Item of an Amazon Order to Import Anyway"
    _order = 'number'

    wizard_id = fields.Many2one(
        comodel_name='amazon.import.order', required=True, index=True, ondelete='cascade',
    )
    number = fields.Integer(required=True)
    title = fields.Char(readonly=True)
    sku = fields.Char(string="SKU", readonly=True)
    quantity = fields.Integer()
