from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..models.tools import open_form

SALES_DAYS = 30


class AmazonSendGoods(models.TransientModel):
    """Proposes what to send to Amazon, as a transfer from the warehouse to the FBA location."""

    _name = 'amazon.send.goods'
    _description = "Send Goods to Amazon"

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, readonly=True, ondelete='cascade',
    )
    warehouse_id = fields.Many2one(related='account_id.warehouse_id')
    location_id = fields.Many2one(related='account_id.location_id')
    line_ids = fields.One2many(
        comodel_name='amazon.send.goods.line', inverse_name='wizard_id', string="Products",
    )

    # === ACTION METHODS === #

    def action_create_transfer(self):
        """Make the transfer, reserve what is there, and open it.

        :rtype: dict
        :raise UserError: If nothing is to be sent.
        """
        self.ensure_one()
        lines = self.line_ids.filtered(
            lambda line: line.product_id.uom_id.compare(line.quantity, 0) > 0,
        )
        if not lines:
            raise UserError(self.env._(
                "Quantity: enter how much of a product is to be sent, or press Discard.",
            ))
        picking = self.env['stock.picking'].create(self._prepare_picking_values(lines))
        picking.action_confirm()
        return open_form(picking)

    # === BUSINESS METHODS === #

    @api.model
    def _open_for(self, accounts, products):
        """Open the dialog for products of an account.

        :param amazon.account accounts: Accounts that share a warehouse and an FBA location.
        :param product.product products: The products.
        :rtype: dict
        :raise UserError: If it is not one warehouse and one location, or there is no product.
        """
        account = accounts[:1]
        if len(accounts.location_id) > 1 or len(accounts.warehouse_id) > 1:
            raise UserError(self.env._(
                "The lines belong to accounts with other warehouses or FBA locations. Choose those"
                " of one account.",
            ))
        needs = self.env['amazon.kits']._get_needs(products, account.company_id)
        products = products.browse().union(*(
            part for product in products for part in needs[product]
        ))
        if not products:
            raise UserError(self.env._(
                "There is no product in stock to send. Match the offer to a product with Track"
                " Inventory first.",
            ))
        wizard = self.create({
            'account_id': account.id,
            'line_ids': [
                Command.create(values)
                for values in self._prepare_line_values(account, products)
            ],
        })
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Send to Amazon"),
            'res_model': self._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
            'context': {'dialog_size': 'extra-large'},
        }

    @api.model
    def _prepare_line_values(self, account, products):
        """Return what is proposed: what was sold lately less what Amazon has and awaits, in whole
        packs, and no more than is free.

        :param amazon.account account: The account.
        :param product.product products: The products.
        :rtype: list[dict]
        """
        # In sudo mode: who moves goods need not see sales, nor the stock of the accounts that share
        # the location.
        group = account.sudo()._get_fba_group()
        counted = {
            row.product_id: row for row in self.env['amazon.drift'].sudo().search([
                ('account_id', 'in', group.ids), ('product_id', 'in', products.ids),
            ])
        }
        packs = {
            offer.product_id: offer.pack_size for offer in self.env['amazon.offer'].sudo().search([
                ('account_id', 'in', group.ids), ('product_id', 'in', products.ids),
            ], order='pack_size')
        }
        sold = self._count_sold(account.sudo(), products)
        values_list = []
        for product in products.with_context(warehouse_id=account.warehouse_id.id):
            row = counted.get(product, self.env['amazon.drift'])
            pack = packs.get(product, 1)
            missing = sold[product] - row.amazon_quantity - row.inbound_quantity
            packs_wanted = min(-(-missing // pack), product.free_qty // pack)
            values_list.append({
                'product_id': product.id,
                'amazon_quantity': row.amazon_quantity,
                'inbound_quantity': row.inbound_quantity,
                'sold_quantity': sold[product],
                'free_quantity': product.free_qty,
                'quantity': max(packs_wanted, 0) * pack,
            })
        return values_list

    @api.model
    def _count_sold(self, account, products):
        """Count what has left the FBA location lately.

        :param amazon.account account: The account, in sudo mode.
        :param product.product products: The products.
        :return: By product, in its unit.
        :rtype: collections.Counter
        """
        sold = Counter()
        for move in account.env['stock.move'].search([
            ('product_id', 'in', products.ids),
            ('location_id', 'child_of', account.location_id.id),
            ('location_dest_id.usage', '=', 'customer'),
            ('state', '=', 'done'),
            ('date', '>=', f'today -{SALES_DAYS}d'),
        ]):
            sold[move.product_id] += move.product_uom._compute_quantity(
                move.quantity, move.product_id.uom_id,
            )
        return sold

    def _prepare_picking_values(self, lines):
        """Return the values of the transfer.

        :param amazon.send.goods.line lines: What is sent.
        :rtype: dict
        """
        warehouse = self.warehouse_id
        places = {
            'location_id': warehouse.lot_stock_id.id, 'location_dest_id': self.location_id.id,
        }
        return {
            **places,
            'picking_type_id': warehouse.int_type_id.id,
            'company_id': warehouse.company_id.id,
            'origin': self.env._("Send to Amazon"),
            'move_ids': [
                Command.create({
                    **places,
                    'product_id': line.product_id.id,
                    'product_uom': line.product_id.uom_id.id,
                    'product_uom_qty': line.quantity,
                    'company_id': warehouse.company_id.id,
                })
                for line in lines
            ],
        }


class AmazonSendGoodsLine(models.TransientModel):
    """A product that may be sent, with what speaks for it."""

    _name = 'amazon.send.goods.line'
    _description = "Product to Send to Amazon"

    wizard_id = fields.Many2one(
        comodel_name='amazon.send.goods', required=True, index=True, ondelete='cascade',
    )
    product_id = fields.Many2one(
        comodel_name='product.product', required=True, readonly=True, ondelete='cascade',
    )
    product_uom_id = fields.Many2one(related='product_id.uom_id', string="Unit")
    amazon_quantity = fields.Float(string="At Amazon", digits='Product Unit', readonly=True)
    inbound_quantity = fields.Float(string="On the Way", digits='Product Unit', readonly=True)
    sold_quantity = fields.Float(
        string="Sold in 30 Days", digits='Product Unit', readonly=True,
    )
    free_quantity = fields.Float(
        string="Free in the Warehouse",
        help="On hand, and not reserved.",
        digits='Product Unit',
        readonly=True,
    )
    quantity = fields.Float(help="How much is sent.", digits='Product Unit')
