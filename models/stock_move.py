from dataclasses import dataclass
from datetime import datetime

from odoo import api, fields, models
from odoo.tools import plaintext2html


@dataclass
class Shipment:
    """Goods of an order line that left a location, known only afterwards."""

    line: models.Model  # sale.order.line
    quantity: int  # in the line's unit of measure
    serial_numbers: tuple
    location: models.Model  # stock.location
    shipped_at: datetime  # UTC, naive


class StockMove(models.Model):
    _inherit = 'stock.move'

    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        help="Set on moves without a delivery: goods that Amazon shipped, or that left before Odoo"
             " knew.",
        readonly=True,
        index='btree_not_null',
    )

    # === COMPUTE METHODS === #

    def _compute_reference(self):
        """Override of `stock` to name the Amazon order on moves that have no delivery."""
        super()._compute_reference()
        for move in self:
            if move.amazon_account_id and not move.picking_id:
                move.reference = move.origin

    # === BUSINESS METHODS === #

    def _assign_picking_post_process(self, new=False):
        """Override of `stock` to write gift messages where the person who packs reads them."""
        super()._assign_picking_post_process(new=new)
        gifts = self.sale_line_id.filtered('amazon_gift_message')
        if new and gifts:
            self.picking_id.note = plaintext2html('\n'.join(
                self.env._(
                    "Gift message for %(product)s: %(message)s",
                    product=line.product_id.display_name,
                    message=line.amazon_gift_message,
                )
                for line in gifts
            ))

    @api.model
    def _ship_without_delivery(self, shipments):
        """Make one done move to the customers for each order line with goods.

        Lot and serial numbers never stand in the way: Amazon's serial numbers are taken where
        given, else the lots that came in first, else none.

        :param list[Shipment] shipments: The goods.
        :return: The moves.
        :rtype: stock.move
        """
        shipments = [
            shipment for shipment in shipments
            if shipment.quantity and shipment.line.product_id.type == 'consu'
        ]
        moves = self.create([
            self._prepare_shipped_values(shipment) for shipment in shipments
        ])
        # Kits explode into the moves of their components, for which mrp wants to know that no
        # delivery is meant to hold them; goods without stock get their move line.
        moves = moves.with_context(skip_picking_assignation=True)._action_confirm(merge=False)
        serial_numbers = {shipment.line: shipment.serial_numbers for shipment in shipments}
        self.env['stock.move.line'].create([
            values
            for move in moves.filtered(lambda m: not m.move_line_ids)
            for values in move._prepare_shipped_line_values(serial_numbers[move.sale_line_id])
        ])
        moves.picked = True
        moves._action_done()
        shipped_at = {shipment.line: shipment.shipped_at for shipment in shipments}
        for moment, shipped in moves.grouped(lambda m: shipped_at[m.sale_line_id]).items():
            shipped.write({'date': moment})
            shipped.move_line_ids.write({'date': moment})
        return moves

    @api.model
    def _prepare_shipped_values(self, shipment):
        """Return the values of the move of a shipment.

        :param Shipment shipment: The goods.
        :rtype: dict
        """
        line, order = shipment.line, shipment.line.order_id
        return {
            'product_id': line.product_id.id,
            'product_uom_qty': shipment.quantity,
            'product_uom': line.product_uom_id.id,
            'location_id': shipment.location.id,
            'location_dest_id': order.partner_shipping_id.property_stock_customer.id,
            'partner_id': order.partner_shipping_id.id,
            'company_id': order.company_id.id,
            'origin': order.amazon_order_ref,
            'date': shipment.shipped_at,
            'sale_line_id': line.id,
            'amazon_account_id': order.amazon_account_id.id,
            'procure_method': 'make_to_stock',
        }

    def _prepare_shipped_line_values(self, serial_numbers):
        """Return the values of the move lines of goods that are gone.

        :param serial_numbers: Amazon's serial numbers of the goods, where it gives them.
        :rtype: list[dict]
        """
        self.ensure_one()
        lots = self._find_shipped_lots(serial_numbers) if self.has_tracking != 'none' else []
        values_list = [
            {**self._prepare_move_line_vals(quantity=quantity), 'lot_id': lot.id, 'picked': True}
            for lot, quantity in lots
        ]
        rest = self.product_qty - sum(quantity for _lot, quantity in lots)
        if not self.product_id.uom_id.is_zero(rest):
            values_list.append({**self._prepare_move_line_vals(quantity=rest), 'picked': True})
        return values_list

    def _find_shipped_lots(self, serial_numbers):
        """Return which lots the goods are taken from, as far as any are known.

        :param serial_numbers: Amazon's serial numbers of the goods, where it gives them.
        :return: The lots, each with a quantity in the product's unit of measure.
        :rtype: list[tuple[stock.lot, float]]
        """
        wanted = self.product_qty
        named = self._get_or_create_named_lots(serial_numbers[:int(wanted)])
        lots = [(lot, 1.0) for lot in named]
        quants = self.env['stock.quant'].search([
            ('product_id', '=', self.product_id.id),
            ('location_id', 'child_of', self.location_id.id),
            ('lot_id', '!=', False),
            ('lot_id', 'not in', named.ids),
            ('quantity', '>', 0),
        ], order='in_date, id')
        for quant in quants:
            rest = wanted - sum(quantity for _lot, quantity in lots)
            quantity = min(rest, quant.quantity - quant.reserved_quantity)
            if quantity > 0:
                lots.append((quant.lot_id, quantity))
        return lots

    def _get_or_create_named_lots(self, names):
        """Return the lots of serial numbers that may leave: not those at a customer already.

        :param names: Serial numbers.
        :rtype: stock.lot
        """
        domain = [('product_id', '=', self.product_id.id), ('name', 'in', names)]
        lots = self.env['stock.lot'].search(domain)
        gone = self.env['stock.quant'].search([
            ('lot_id', 'in', lots.ids),
            ('location_id', 'child_of', self.location_dest_id.id),
            ('quantity', '>', 0),
        ]).lot_id
        return (lots - gone) | lots.create([
            {
                'name': name,
                'product_id': self.product_id.id,
                'company_id': self.company_id.id,
            }
            for name in dict.fromkeys(names) if name not in lots.mapped('name')
        ])
