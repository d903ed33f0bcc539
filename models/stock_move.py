from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_datetime

from .tools import to_html


@dataclass
class Shipment:
    """Goods of an order line that left a location, known only afterwards."""

    line: models.Model  # sale.order.line
    quantity: float  # in the line's unit of measure
    serial_numbers: tuple
    location: models.Model  # stock.location
    shipped_at: datetime  # UTC, naive


@dataclass
class ShippedItem:
    """An item of an order of another shop, whose goods left the FBA location."""

    order_ref: str
    item_ref: str
    product: models.Model  # product.product
    quantity: int  # in the product's unit of measure
    serial_numbers: tuple
    shipped_at: datetime  # UTC, naive


def get_item_key(order_ref, item_ref):
    """Return what tells an order item from all others, by Amazon's references."""
    return f'{order_ref} {item_ref}'


class StockMove(models.Model):
    _name = 'stock.move'
    _inherit = ['stock.move', 'amazon.guard.mixin']

    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        help="Set on moves without a delivery: goods that Amazon shipped, or that left before Odoo"
             " knew.",
        readonly=True,
        index='btree_not_null',
        check_company=True,
    )
    amazon_item_key = fields.Char(
        string="Amazon Order Item",
        help="Amazon's references of the order and the item: the goods of it leave only once, even"
             " if their sales order is deleted and made again.",
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

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `stock` to check whose Amazon order a transfer is for."""
        moves = super().create(vals_list)
        moves._check_company_of_amazon_order()
        return moves

    def write(self, vals):
        """Override of `stock` to check whose Amazon order a transfer is for."""
        res = super().write(vals)
        if vals.keys() & {'sale_line_id', 'company_id'}:
            self._check_company_of_amazon_order()
        return res

    # === BUSINESS METHODS === #

    def _check_company_of_amazon_order(self):
        """Let nobody hang a transfer of their own on an Amazon order of another company, to read
        what its buyer wrote.

        Odoo's own flows across companies run as superuser, as its constraints do: hence no
        constraint.

        :return: None
        :raise ValidationError: Naming the product.
        """
        for move in self if not self.env.su else ():
            order = move.sudo().sale_line_id.order_id  # In sudo mode: it may be out of sight.
            if order.amazon_account_id and order.company_id != move.company_id:
                raise ValidationError(self.env._(
                    "%(product)s: the Amazon order of this transfer belongs to another company.",
                    product=move.product_id.display_name,
                ))

    def _assign_picking_post_process(self, new=False):
        """Override of `stock` to write gift messages where the person who packs reads them."""
        super()._assign_picking_post_process(new=new)
        gifts = self.sale_line_id.filtered('amazon_gift_message')
        if new and gifts:
            self.picking_id.note = to_html('\n'.join(
                self.env._(
                    "Gift message for %(product)s: %(message)s",
                    product=line.product_id.display_name,
                    message=line.amazon_gift_message,
                )
                for line in gifts
            ))

    def _cut(self, quantity):
        """Move less, in this step and in those before it that are not done.

        :param float quantity: How much less, in the move's unit of measure.
        :return: None
        """
        for move in self | self._get_open_origins():
            rest = move.product_uom_qty - quantity
            if move.product_uom.compare(rest, 0) <= 0:
                move._action_cancel()
                continue
            move.product_uom_qty = rest
            move._cap_quantities()
            if not move.picked:
                move._action_assign()

    def _cap_quantities(self):
        """Move no more than is wanted, whatever a person has entered before.

        :return: None
        """
        for move in self.filtered(lambda m: m.state not in ('done', 'cancel')):
            if move.product_uom.compare(move.quantity, move.product_uom_qty) > 0:
                move.quantity = move.product_uom_qty

    def _cut_all(self):
        """Move nothing, in this step and in those before it that are not done.

        :return: None
        """
        (self | self._get_open_origins())._action_cancel()

    def _get_open_origins(self):
        """Return the moves of earlier steps that are not done.

        :rtype: stock.move
        """
        origins = self.move_orig_ids.filtered(lambda move: move.state not in ('done', 'cancel'))
        return origins | origins._get_open_origins() if origins else origins

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
            shipment
            for shipment in self._leave_out_shipped(shipments)
            if shipment.quantity and shipment.line.product_id.type == 'consu'
        ]
        return self._move_at_once(
            [self._prepare_shipped_values(shipment) for shipment in shipments],
            [shipment.serial_numbers for shipment in shipments],
        )

    @api.model
    def _ship_without_sale(self, account, items):
        """Make one done move from the FBA location to the customers for each item with goods that
        has none yet.

        :param amazon.account account: The account of the orders.
        :param list[ShippedItem] items: The goods.
        :return: The moves.
        :rtype: stock.move
        """
        known = set(self._get_shipped(
            [get_item_key(item.order_ref, item.item_ref) for item in items],
        ).mapped('amazon_item_key'))
        items = [
            item for item in items
            if item.quantity and item.product.type == 'consu'
            and get_item_key(item.order_ref, item.item_ref) not in known
        ]
        customers, _suppliers = self.env['stock.warehouse']._get_partner_locations()
        return self._move_at_once(
            [
                {
                    'product_id': item.product.id,
                    'product_uom_qty': item.quantity,
                    'product_uom': item.product.uom_id.id,
                    'location_id': account.location_id.id,
                    'location_dest_id': customers.id,
                    'location_final_id': customers.id,
                    'company_id': account.company_id.id,
                    'origin': item.order_ref,
                    'date': item.shipped_at,
                    'amazon_account_id': account.id,
                    'amazon_item_key': get_item_key(item.order_ref, item.item_ref),
                    'procure_method': 'make_to_stock',
                }
                for item in items
            ],
            [item.serial_numbers for item in items],
        )

    @api.model
    def _get_moved_without_sale(self, account, order_ref):
        """Return the moves made for an order of another shop.

        :param amazon.account account: The account of the order.
        :param str order_ref: Amazon's reference of the order.
        :rtype: stock.move
        """
        return self.search([
            ('company_id', '=', account.company_id.id),
            ('origin', '=', order_ref),
            ('amazon_item_key', '!=', False),
            ('sale_line_id', '=', False),
            ('state', '=', 'done'),
        ])

    @api.model
    def _get_shipped(self, keys):
        """Return the done moves of order items that have no sales order any more, or never had.

        :param list[str] keys: See `get_item_key`.
        :rtype: stock.move
        """
        return self.search([
            ('amazon_item_key', 'in', keys),
            ('company_id', '=', self.env.company.id),
            ('sale_line_id', '=', False),
            ('state', '=', 'done'),
        ])

    @api.model
    def _leave_out_shipped(self, shipments):
        """Return what has not left already for a sales order that was deleted since.

        The moves of that order become those of the new one. What came back is moved again.

        :param list[Shipment] shipments: The goods.
        :rtype: list[Shipment]
        """
        known = self._get_shipped(
            [shipment.line._get_amazon_item_key() for shipment in shipments],
        ).grouped('amazon_item_key')
        rest = []
        for shipment in shipments:
            line, moves = shipment.line, known.get(shipment.line._get_amazon_item_key())
            if not moves:
                rest.append(shipment)
                continue
            moves |= moves._get_done_returns()
            moves.sale_line_id = line
            line.order_id.message_post(body=self.env._(
                "%(product)s left for a sales order of this Amazon order that was deleted. It is"
                " not taken from stock again.",
                product=line.product_id.display_name,
            ))
            is_kit = moves.product_id != line.product_id
            quantity = 0 if is_kit else shipment.quantity - moves._get_quantity_at_customer()
            if quantity > 0:
                rest.append(replace(shipment, quantity=quantity))
        return rest

    def _get_done_returns(self):
        """Return the moves that brought these back, and those that sent that out again.

        :rtype: stock.move
        """
        returns = self.returned_move_ids.filtered(lambda move: move.state == 'done')
        return returns | returns._get_done_returns() if returns else returns

    def _get_quantity_at_customer(self):
        """Return how much of these moves is with the customer, less what came back."""
        return sum(
            move.quantity * (
                (move.location_dest_id.usage == 'customer') - (move.location_id.usage == 'customer')
            )
            for move in self
        )

    @api.model
    def _move_at_once(self, values_list, serial_numbers):
        """Make moves and do them; goods without stock do not stop it.

        :param list[dict] values_list: The values of the moves, each with its `amazon_item_key`.
        :param list serial_numbers: Amazon's serial numbers of the goods of each, if it gives them.
        :return: The moves.
        :rtype: stock.move
        """
        moves = self.create(values_list)
        # Kits explode into the moves of their components, for which mrp wants to know that no
        # delivery is meant to hold them; goods without stock get their move line.
        moves = moves.with_context(skip_picking_assignation=True)._action_confirm(merge=False)
        keys = [values['amazon_item_key'] for values in values_list]
        serial_numbers = dict(zip(keys, serial_numbers, strict=True))
        self.env['stock.move.line'].create([
            values
            for move in moves.filtered(lambda m: not m.move_line_ids)
            for values in move._prepare_shipped_line_values(serial_numbers[move.amazon_item_key])
        ])
        moves.picked = True
        moves._action_done()
        moves._date_at({values['amazon_item_key']: values['date'] for values in values_list})
        return moves

    def _date_at(self, shipped_at):
        """Date done moves when the goods left, as far as the books allow; else say when that was.

        A day that is locked is closed. Goods whose cost depends on the order of moves can't leave
        before they were received, or their valuation and the ledger would differ.

        :param dict shipped_at: When the goods left (UTC, naive), by `amazon_item_key`.
        :return: None
        """
        first_open = {
            company: max(company.user_fiscalyear_lock_date, company.user_hard_lock_date)
            for company in self.company_id
        }
        last_receipts = dict(self._read_group(
            [
                ('product_id', 'in', self.product_id.filtered(
                    lambda product: product.cost_method != 'standard',
                ).ids),
                ('company_id', 'in', self.company_id.ids),
                ('state', '=', 'done'),
                ('is_in', '=', True),
            ],
            ['product_id'],
            ['date:max'],
        ))

        def get_moment(move):
            moment = shipped_at[move.amazon_item_key]
            if moment.date() <= first_open[move.company_id]:
                moment = datetime.combine(first_open[move.company_id], time()) + timedelta(days=1)
            return max(moment, last_receipts.get(move.product_id, moment))

        for moment, moves in self.grouped(get_moment).items():
            moves.write({'date': moment})
            moves.move_line_ids.write({'date': moment})
            late = moves.filtered(lambda m, at=moment: shipped_at[m.amazon_item_key] != at)
            for order, late_moves in late.grouped(lambda m: m.sale_line_id.order_id).items():
                if order:
                    order.message_post(body=self.env._(
                        "The goods left on %(shipped)s. Their stock moves are dated %(dated)s: the"
                        " books were closed, or the goods received only then.",
                        shipped=format_datetime(
                            self.env, shipped_at[late_moves[0].amazon_item_key], dt_format='short',
                        ),
                        dated=format_datetime(self.env, moment, dt_format='short'),
                    ))

    @api.model
    def _prepare_shipped_values(self, shipment):
        """Return the values of the move of a shipment.

        :param Shipment shipment: The goods.
        :rtype: dict
        """
        line, order = shipment.line, shipment.line.order_id
        customers = order.partner_shipping_id.property_stock_customer
        return {
            'product_id': line.product_id.id,
            'product_uom_qty': shipment.quantity,
            'product_uom': line.product_uom_id.id,
            'location_id': shipment.location.id,
            'location_dest_id': customers.id,
            'location_final_id': customers.id,  # By it Odoo counts the parts of kits.
            'partner_id': order.partner_shipping_id.id,
            'company_id': order.company_id.id,
            'origin': order.amazon_order_ref,
            'date': shipment.shipped_at,
            'sale_line_id': line.id,
            'amazon_account_id': order.amazon_account_id.id,
            'amazon_item_key': line._get_amazon_item_key(),
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
