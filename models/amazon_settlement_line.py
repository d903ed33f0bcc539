from odoo import api, fields, models

from .tools import to_naive


class AmazonSettlementLine(models.Model):
    """A line of a settlement as Amazon wrote it, and what it counts as.

    Lines may be alike to the last character, and stand for two things all the same.
    """

    _name = 'amazon.settlement.line'
    _description = "Amazon Settlement Line"
    _order = 'settlement_id desc, number, id'
    _rec_name = 'amount_description'

    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    account_id = fields.Many2one(related='settlement_id.account_id')
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, readonly=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', required=True, readonly=True)
    number = fields.Integer(help="Its place in the document.", readonly=True)
    transaction_type = fields.Char(readonly=True)
    amount_type = fields.Char(readonly=True)
    amount_description = fields.Char(string="Description", readonly=True)
    amount = fields.Monetary(readonly=True)
    kind_id = fields.Many2one(
        comodel_name='amazon.money.kind',
        string="Kind",
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    category = fields.Selection(
        related='kind_id.category', store=True, string="Counts As",
    )
    order_ref = fields.Char(string="Amazon Order", index='btree_not_null', readonly=True)
    merchant_order_ref = fields.Char(readonly=True)
    shipment_ref = fields.Char(readonly=True)
    adjustment_ref = fields.Char(readonly=True)
    item_ref = fields.Char(string="Order Item", readonly=True)
    adjustment_item_ref = fields.Char(readonly=True)
    sku = fields.Char(string="SKU", index='btree_not_null', readonly=True)
    quantity = fields.Integer(readonly=True)
    promotion_ref = fields.Char(readonly=True)
    marketplace_name = fields.Char(string="Marketplace", readonly=True)
    posted_at = fields.Datetime(string="Posted", readonly=True)
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        index='btree_not_null',
        readonly=True,
        ondelete='set null',
    )

    # === BUSINESS METHODS === #

    @api.model
    def _prepare_values(self, settlement, line, find_kind):
        """Return the values of a line.

        :param amazon.settlement settlement: The settlement.
        :param amazon.settlements.SettlementLine line: The line as read.
        :param callable find_kind: See `amazon.money.kind._get_finder`.
        :rtype: dict
        """
        return {
            'settlement_id': settlement.id,
            'company_id': settlement.company_id.id,
            'currency_id': settlement.currency_id.id,
            'number': line.number,
            'transaction_type': line.transaction_type,
            'amount_type': line.amount_type,
            'amount_description': line.amount_description,
            'amount': float(line.amount),
            'kind_id': find_kind(
                line.transaction_type, line.amount_type, line.amount_description,
            ),
            'order_ref': line.order_ref,
            'merchant_order_ref': line.merchant_order_ref,
            'shipment_ref': line.shipment_ref,
            'adjustment_ref': line.adjustment_ref,
            'item_ref': line.item_ref,
            'adjustment_item_ref': line.adjustment_item_ref,
            'sku': line.sku,
            'quantity': line.quantity or 0,
            'promotion_ref': line.promotion_ref,
            'marketplace_name': line.marketplace_name,
            'posted_at': to_naive(line.posted_at),
        }

    def action_open_order(self):
        """Open the sales order of the line.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'res_model': 'sale.order',
            'res_id': self.sale_order_id.id,
            'view_mode': 'form',
        }
