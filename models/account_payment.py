from odoo import fields, models


class AccountPayment(models.Model):
    """Payments that Amazon has taken: settlements recognise them."""

    _name = 'account.payment'
    _inherit = ['account.payment', 'amazon.guard.mixin']

    amazon_sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Amazon Order",
        help="The order that the buyer has paid with Amazon.",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
    )
