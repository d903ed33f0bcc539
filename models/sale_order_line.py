import math
import re

from odoo import api, fields, models
from odoo.fields import Command

from .guard import as_connector
from .stock_move import get_item_key

EPSILON = 1e-6


class SaleOrderLine(models.Model):
    _name = 'sale.order.line'
    _inherit = ['sale.order.line', 'amazon.checks.mixin', 'amazon.guard.mixin']

    _amazon_order_ref_path = 'order_id.amazon_order_ref'

    amazon_order_item_ref = fields.Char(
        string="Amazon Order Item", readonly=True, copy=False, index='btree_not_null',
    )
    amazon_offer_id = fields.Many2one(
        comodel_name='amazon.offer',
        string="Amazon Offer",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
    )
    amazon_charge = fields.Selection(
        selection=[
            ('item', "Item"),
            ('shipping', "Shipping"),
            ('gift_wrap', "Gift Wrap"),
            ('cod_fee', "Cash on Delivery Fee"),
            ('other', "Other Charge"),
            ('discount', "Discount"),
            ('rounding', "Rounding"),
            ('unexplained', "Not Explained"),
        ],
        string="Amazon Charge",
        help="What Amazon charged the buyer for. Odoo does not change the price of such a line.",
        readonly=True,
        copy=False,
    )
    amazon_discount_of = fields.Char(
        string="Amazon Discount Of", help="The charge that is reduced.", readonly=True, copy=False,
    )
    amazon_quantity = fields.Integer(
        string="Quantity on Amazon",
        help="Ordered less cancelled, in units of the offer: Pack Size says how many pieces of the"
             " product one is.",
        readonly=True,
        copy=False,
    )
    amazon_pack_size = fields.Integer(
        string="Pack Size",
        help="How many pieces one unit on Amazon is, as its offer said when it was sold.",
        default=1,
        readonly=True,
        copy=False,
        aggregator=None,
    )
    amazon_gift_message = fields.Text(string="Gift Message", readonly=True, copy=False)

    # === COMPUTE METHODS === #

    def _compute_price_unit(self):
        """Override of `sale` to keep the prices of Amazon's."""
        super(SaleOrderLine, self._without_amazon_prices())._compute_price_unit()

    def _compute_discount(self):
        """Override of `sale` to keep the prices of Amazon's."""
        super(SaleOrderLine, self._without_amazon_prices())._compute_discount()

    def _compute_tax_ids(self):
        """Override of `sale` to keep the taxes of Amazon's prices; see `_recompute_taxes`."""
        super(SaleOrderLine, self._without_amazon_prices())._compute_tax_ids()

    def _compute_qty_delivered_method(self):
        """Override of `sale_stock`: before the cut-over Amazon tells what is delivered, no move."""
        super()._compute_qty_delivered_method()
        self.filtered('order_id.amazon_cut_over').qty_delivered_method = 'manual'

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Override of `amazon.guard.mixin` to keep the default of what nobody but the connector
        fills in.
        """
        defaults = super().default_get(fields)
        if 'amazon_pack_size' in fields:
            defaults['amazon_pack_size'] = 1
        return defaults

    # === BUSINESS METHODS - PACKS === #

    def _get_pieces(self, units):
        """Return how many pieces of the product so many units on Amazon are.

        :param int units: A quantity as Amazon counts.
        :return: The quantity in the line's unit of measure.
        :rtype: int
        """
        self.ensure_one()
        return units * self.amazon_pack_size

    def _count_units(self, pieces):
        """Return how many whole units on Amazon so many pieces make, whatever their rounding.

        :param float pieces: A quantity in the line's unit of measure.
        :rtype: int
        """
        self.ensure_one()
        return math.floor(pieces / self.amazon_pack_size + EPSILON)

    def _get_pieces_to_complete(self, units):
        """Return how many pieces make so many more units whole, one that has left in part included.

        :param int units: A quantity as Amazon counts.
        :return: The quantity in the line's unit of measure.
        :rtype: float
        """
        whole = self._count_units(self.qty_delivered)
        return self._get_pieces(whole + units) - self.qty_delivered

    def _describe_units(self, units):
        """Return so many units on Amazon in words.

        :param int units: A quantity as Amazon counts.
        :rtype: str
        """
        name = self.product_id.display_name
        if self.amazon_pack_size == 1:
            return f'{units} × {name}'
        return f'{units} × ' + self.env._(
            "%(product)s (pack of %(pieces)s)", product=name, pieces=self.amazon_pack_size,
        )

    @api.model
    def _get_amazon_name(self, name, units, pack_size):
        """Return the description of an item, of packs with how many they are.

        :param str name: What was sold.
        :param int units: How many units, as Amazon counts.
        :param int pack_size: How many pieces one unit is.
        :rtype: str
        """
        if pack_size == 1:
            return name
        return f'{name}\n{units} × ' + self.env._("pack of %(pieces)s", pieces=pack_size)

    def _prepare_amazon_name_values(self, units):
        """Return the value of the description with another quantity of packs.

        Whatever else a person has written in it, in whatever language, stays.

        :param int units: How many units, as Amazon counts.
        :rtype: dict
        """
        if all(size == 1 for size in self.mapped('amazon_pack_size')):
            return {}
        return {'name': re.sub(r'\n\d+ × ', f'\n{units} × ', self.name, count=1)}

    # === BUSINESS METHODS === #

    def _without_amazon_prices(self):
        """Return the lines whose prices Odoo may change."""
        return self.filtered(lambda line: not line.amazon_charge)

    def _action_launch_stock_rule(self, *, previous_product_uom_qty=False):
        """Override of `sale_stock` to deliver nothing that Amazon delivers, or that was bought
        before the cut-over.
        """
        lines = self.filtered(
            lambda line: line.order_id.amazon_channel != 'fba'
            and not line.order_id.amazon_cut_over,
        )
        return super(SaleOrderLine, lines)._action_launch_stock_rule(
            previous_product_uom_qty=previous_product_uom_qty,
        )

    def _get_open_deliveries(self):
        """Return the moves to the customer that are still to be done.

        :rtype: stock.move
        """
        return self.move_ids.filtered(
            lambda move: move.state not in ('done', 'cancel')
            and move.location_dest_id.usage == 'customer',
        )

    def _cut_deliveries(self, wanted):
        """Let no more of the line be delivered than is wanted and has not left.

        :param float wanted: How much is wanted, of what has left and of what has not.
        :return: None
        """
        self.ensure_one()
        moves = self._get_open_deliveries()
        rest = max(wanted - self.qty_delivered, 0)
        if any(move.product_id != self.product_id for move in moves):
            if not rest:  # Else Odoo has done it: it knows what the parts of a kit make.
                moves._cut_all()
            return
        excess = sum(moves.mapped('product_uom_qty')) - rest
        for move in moves.sorted('id', reverse=True):
            if self.product_uom_id.compare(excess, 0) <= 0:
                break
            quantity = min(excess, move.product_uom_qty)
            move._cut(quantity)
            excess -= quantity
        moves._cap_quantities()

    def _cut_deliveries_by(self, quantity):
        """Let so much less of the line be delivered, of a kit so much less of each of its parts.

        :param float quantity: How much less.
        :return: None
        """
        self.ensure_one()
        moves = self._get_open_deliveries()
        if all(move.product_id == self.product_id for move in moves):
            self._cut_deliveries(
                self.qty_delivered + sum(moves.mapped('product_uom_qty')) - quantity,
            )
            return
        share = quantity / max(self.product_uom_qty - self.qty_delivered, quantity)
        for move in moves:
            move._cut(move.product_uom.round(move.product_uom_qty * share))

    def _count_untold(self):
        """Return how many units of the item Amazon has not been told of yet, but has to be.

        :rtype: int
        """
        self.ensure_one()
        if self.order_id.amazon_cut_over:
            return 0
        told = sum(
            (shipment.quantities or {}).get(self.amazon_order_item_ref, 0)
            for shipment in self.order_id.amazon_shipment_ids
        )
        return self.amazon_quantity - told

    def _get_delivered_with(self, move_lines, delivered_before):
        """Return how much of the line a delivery delivered.

        :param stock.move.line move_lines: What the delivery moved for this line.
        :param float delivered_before: What was delivered of the line before.
        :return: The quantity in the line's unit of measure.
        :rtype: float
        """
        if any(move_line.product_id != self.product_id for move_line in move_lines):
            # The parts of a kit say little: Odoo knows when they make a whole one.
            return self.qty_delivered - delivered_before
        return sum(
            move_line.product_id.uom_id._compute_quantity(
                move_line.quantity_product_uom, self.product_uom_id, round=False,
            )
            for move_line in move_lines
        )

    def _get_amazon_item_key(self):
        """Return what tells the order item from all others; see `get_item_key`."""
        self.ensure_one()
        return get_item_key(self.order_id.amazon_order_ref, self.amazon_order_item_ref)

    def _note_items_on_moves(self):
        """Write on the moves that are done of which order items they are, since the lines go.

        :return: None
        """
        for line in self.filtered(lambda line: line.amazon_charge == 'item'):
            moves = line.move_ids.filtered(lambda m: m.state == 'done')
            with as_connector():
                moves.amazon_item_key = line._get_amazon_item_key()

    # === BUSINESS METHODS - FROM AMAZON === #

    @api.model
    def _prepare_amazon_values_list(
        self, account, item, offer, item_product, pack_size, position, currency,
    ):
        """Return the values of the lines of an order item: its charges and discounts.

        :param amazon.account account: The account of the order.
        :param amazon.orders.OrderItem item: The item as read.
        :param amazon.offer offer: The offer that was sold.
        :param product.product item_product: What stands for the item.
        :param int pack_size: How many pieces of that one unit of the item is.
        :param account.fiscal.position position: The fiscal position of the order.
        :param res.currency currency: The currency of the order.
        :rtype: list[dict]
        """
        values_list = []
        taxes = {}
        for charge in item.charges:
            product = account._get_charge_product(charge, item_product)
            quantity = item.quantity * pack_size if charge.type == 'item' else 1
            if charge.type == 'discount':
                charge_taxes = taxes.get(charge.subject, taxes['item'])._without_fixed()
            elif item.is_facilitated:
                charge_taxes = self.env['account.tax']  # Amazon takes care of it.
            else:
                charge_taxes = self._get_amazon_taxes(
                    product, account.company_id, position, taxes.get('item'),
                )
            taxes[charge.type], price_unit = charge_taxes._fit_to_total(
                float(charge.amount), quantity, product, currency,
            )
            values_list.append({
                'product_id': product.id,
                'product_uom_qty': quantity,
                'product_uom_id': product.uom_id.id,
                'price_unit': price_unit,
                'technical_price_unit': price_unit,
                'discount': 0.0,
                'tax_ids': [Command.set(taxes[charge.type].ids)],
                'amazon_order_item_ref': item.item_id,
                'amazon_offer_id': offer.id,
                'amazon_charge': charge.type,
                **self._prepare_amazon_charge_values(item, charge, offer, pack_size),
            })
        return values_list

    @api.model
    def _prepare_amazon_charge_values(self, item, charge, offer, pack_size):
        """Return the values that only lines of such a charge have.

        :param amazon.orders.OrderItem item: The item as read.
        :param amazon.orders.Charge charge: One of its charges.
        :param amazon.offer offer: The offer that was sold.
        :param int pack_size: How many pieces one unit of the item is.
        :rtype: dict
        """
        if charge.type == 'item':
            name = offer.product_id.display_name or f'[{item.sku}] {item.title}'
            return {
                'name': self._get_amazon_name(name, item.quantity, pack_size),
                'amazon_quantity': item.quantity,
                'amazon_pack_size': pack_size,
                'amazon_gift_message': item.gift_message,
            }
        if charge.type == 'discount':
            return {'amazon_discount_of': charge.subject}
        return {}

    @api.model
    def _get_amazon_taxes(self, product, company, position, item_taxes):
        """Return the taxes of a charge: its product's, else, for what is not goods, the item's.

        :param product.product product: What stands for the charge.
        :param res.company company: The company that sells.
        :param account.fiscal.position position: The fiscal position of the order.
        :param account.tax item_taxes: The taxes of the item that the charge is for, `None` if the
                                       charge is the item itself.
        :rtype: account.tax
        """
        own_taxes = product.taxes_id._filter_taxes_by_company(company)
        if own_taxes or item_taxes is None:
            return position.map_tax(own_taxes)
        return item_taxes._without_fixed()

    @api.model
    def _prepare_amazon_closing_values(self, account, charge, amount):
        """Return the values of the untaxed line that closes what the others leave open.

        :param amazon.account account: The account of the order.
        :param str charge: `rounding`, or `unexplained` for what is more than that.
        :param float amount: What is open, in the order's currency.
        :rtype: dict
        """
        product = account[f'{charge}_product_id']
        return {
            'product_id': product.id,
            'product_uom_qty': 1,
            'product_uom_id': product.uom_id.id,
            'price_unit': amount,
            'technical_price_unit': amount,
            'discount': 0.0,
            'tax_ids': [Command.clear()],
            'amazon_charge': charge,
        }

    def _get_amazon_rounding_limit(self):
        """Return how far the rounding of taxes can take the lines from what the buyer paid.

        That is one minor unit of the currency for each line; more for a line of many taxes, which
        are each rounded by themselves, as is what they are computed on.

        :return: An amount in the currency of the lines.
        :rtype: float
        """
        return sum(
            line.currency_id.rounding
            * max(1, (1 + len(line.tax_ids.flatten_taxes_hierarchy())) // 2)
            for line in self
        )

    def _set_amazon_price(self, price_unit, **values):
        """Change the price of Amazon lines, which nothing else in Odoo does.

        :param float price_unit: The price, in the order's currency.
        :param values: What changes with it.
        :return: None
        """
        self.write({'price_unit': price_unit, 'technical_price_unit': price_unit, **values})
