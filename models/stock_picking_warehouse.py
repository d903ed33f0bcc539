from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon import carriers
from .stock_picking import OPEN
from .tools import open_form


class StockPicking(models.Model):
    """Deliveries as the people of the warehouse see them, and what they do with many at once."""

    _inherit = 'stock.picking'

    amazon_service_level = fields.Selection(related='sale_id.amazon_service_level')
    amazon_items = fields.Char(
        string="Items", help="Products and quantities.", compute='_compute_amazon_items',
    )
    amazon_carrier_hint = fields.Char(
        string="Hint on the Carrier",
        help="What Amazon makes of the carrier, where that may not be what you want.",
        compute='_compute_amazon_carrier_hint',
    )
    amazon_hint = fields.Char(
        string="Hint",
        help="What to know before it is shipped; afterwards why Amazon does not have it.",
        compute='_compute_amazon_hint',
    )
    amazon_missing = fields.Char(
        string="What Is Missing",
        help="Why it can't be validated, and what to do.",
        compute='_compute_amazon_missing',
    )

    # === COMPUTE METHODS === #

    @api.depends('move_ids.state', 'move_ids.product_id', 'move_ids.product_uom_qty',
                 'move_ids.quantity')
    def _compute_amazon_items(self):
        for picking in self:
            quantities = Counter()
            for move in picking.move_ids.filtered(lambda m: m.state != 'cancel'):
                is_done = move.state == 'done'
                quantities[move.product_id] += move.quantity if is_done else move.product_uom_qty
            picking.amazon_items = ', '.join(
                f'{quantity:g} × {product.default_code or product.name}'
                for product, quantity in quantities.items() if quantity
            )

    @api.depends('amazon_account_id', 'carrier_id.amazon_suggestions')
    def _compute_amazon_carrier_hint(self):
        self.amazon_carrier_hint = False
        for picking in self.filtered(lambda p: p._filter_by_amazon() and p.carrier_id):
            carrier = picking.carrier_id
            if carrier.amazon_suggestions:
                picking.amazon_carrier_hint = self.env._(
                    "Did you mean %(carriers)s?", carriers=carrier.amazon_suggestions,
                )
            elif carrier.amazon_carrier_code == carriers.OTHER:
                picking.amazon_carrier_hint = self.env._("Amazon can't track this carrier.")

    @api.depends(
        'state', 'amazon_reason', 'amazon_cancel_reason', 'amazon_blocked', 'amazon_carrier_hint',
    )
    def _compute_amazon_hint(self):
        for picking in self:
            is_open = picking.state not in ('done', 'cancel')
            if is_open and picking.amazon_cancel_reason:
                picking.amazon_hint = self.env._("The buyer asks to cancel.")
            elif is_open and picking.amazon_blocked:
                picking.amazon_hint = self.env._("Out of stock.")
            else:
                picking.amazon_hint = picking.amazon_reason or (
                    is_open and picking.amazon_carrier_hint
                )

    @api.depends(
        'state', 'carrier_id', 'carrier_tracking_ref', 'move_line_ids.quantity',
        'move_line_ids.lot_id', 'move_line_ids.lot_name', 'move_line_ids.result_package_id',
    )
    def _compute_amazon_missing(self):
        self.amazon_missing = False
        for picking in self.filtered_domain(OPEN):
            picking.amazon_missing = picking._get_missing()

    # === ACTION METHODS === #

    def action_validate_complete(self):
        """Validate the deliveries that are complete, and show what the others lack.

        :return: As `button_validate`, or the dialog with the others.
        :rtype: dict | bool
        """
        incomplete = self.filtered('amazon_missing')
        complete = self - incomplete
        if not complete:
            return incomplete._open_incomplete()
        return complete.with_context(
            button_validate_picking_ids=complete.ids, amazon_incomplete_ids=incomplete.ids,
        ).button_validate()

    def button_validate(self):
        """Override of `stock` to let no delivery of a selection wait for another one of it.

        A program that validates several gets all of them or an exception, as ever.
        """
        if self._is_selection() and self._filter_by_amazon():
            return self.action_validate_complete()
        res = super().button_validate()
        incomplete = self.browse(self.env.context.get('amazon_incomplete_ids'))
        if res is True and incomplete:
            return incomplete._open_incomplete(len(self))
        return res

    def action_open_carrier(self):
        """Open the delivery method.

        :rtype: dict
        """
        return open_form(self.carrier_id)

    # === BUSINESS METHODS === #

    def _is_selection(self):
        """Return whether a person has chosen these in a list, for one of Odoo's own actions.

        :rtype: bool
        """
        context = self.env.context
        return (
            context.get('active_model') == self._name
            and set(context.get('active_ids') or ()) == set(self.ids)
            and not context.get('button_validate_picking_ids')
        )

    def _get_missing(self):
        """Return why the transfer can't be validated.

        Odoo asks for lots only after everything else, where one transfer stops all others.

        :return: The reason, in a sentence; empty if nothing is known to be missing.
        :rtype: str
        """
        self.ensure_one()
        try:
            self._sanity_check()
        except UserError as error:
            return str(error)
        type_uses_lots = (
            self.picking_type_id.use_create_lots or self.picking_type_id.use_existing_lots
        )
        is_picked = any(move.picked for move in self.move_ids)
        lines = self._get_lot_move_lines_for_sanity_check(() if is_picked else self.ids)
        products = lines.filtered(
            lambda line: line.quantity and not line.lot_id and not line.lot_name,
        ).product_id
        if not type_uses_lots or not products:
            return ''
        return self.env._(
            "%(delivery)s: enter the lots or serial numbers of %(products)s.",
            delivery=self.name,
            products=', '.join(products.mapped('display_name')),
        )

    def _open_incomplete(self, done_count=0):
        """Open the dialog in which what these deliveries lack is filled in.

        :param int done_count: How many others have just been validated.
        :rtype: dict
        """
        wizard = self.env['amazon.incomplete.deliveries'].create({
            'picking_ids': self.ids, 'done_count': done_count,
        })
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Not Validated"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
            'context': {'dialog_size': 'extra-large'},
        }

    def _get_without_quantities_error_message(self):
        """Override of `stock` to say which delivery lacks its goods, and what to do."""
        if not self._filter_by_amazon():
            return super()._get_without_quantities_error_message()
        return self.env._(
            "%(deliveries)s: no goods are reserved. Press Check Availability once they are in"
            " stock, or enter the quantities.",
            deliveries=', '.join(self.mapped('name')),
        )

    def _add_delivery_cost_to_so(self):
        """Override of `stock_delivery` to charge Amazon's buyers no more than they have paid."""
        if not self._filter_by_amazon():
            super()._add_delivery_cost_to_so()
