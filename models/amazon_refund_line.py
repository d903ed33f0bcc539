from odoo import fields, models

from .money_categories import CATEGORIES, REFUNDS


class AmazonRefundLine(models.Model):
    """A part of a refund: what the buyer gets back of what, or what the seller keeps of it."""

    _name = 'amazon.refund.line'
    _description = "Amazon Refund Line"
    _order = 'refund_id desc, source, id'
    _rec_name = 'description'

    refund_id = fields.Many2one(
        comodel_name='amazon.refund',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='refund_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='refund_id.currency_id')
    source = fields.Selection(
        selection=[('transaction', "Transaction"), ('settlement', "Settlement")],
        string="According To",
        required=True,
        readonly=True,
    )
    category = fields.Selection(
        selection=[(category, label) for category, label in CATEGORIES if category in REFUNDS],
        string="Counts As",
        required=True,
        readonly=True,
    )
    charge = fields.Selection(
        selection=[
            ('item', "Item"),
            ('shipping', "Shipping"),
            ('gift_wrap', "Gift Wrap"),
            ('cod_fee', "Cash on Delivery Fee"),
            ('goodwill', "Goodwill"),
            ('restocking', "Restocking Fee"),
            ('return_shipping', "Return Shipping"),
            ('other', "Other Charge"),
        ],
        help="For which part of the price, or for what else, the money is given back.",
        required=True,
        readonly=True,
    )
    description = fields.Char(help="Amazon's words for it.", readonly=True)
    sku = fields.Char(string="SKU", readonly=True)
    item_ref = fields.Char(string="Order Item", readonly=True)
    adjustment_item_ref = fields.Char(readonly=True)
    product_id = fields.Many2one(
        comodel_name='product.product', string="Product", readonly=True, ondelete='restrict',
    )
    amount = fields.Monetary(help="What the buyer gets back is negative.", readonly=True)
