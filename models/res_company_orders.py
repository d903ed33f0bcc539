from odoo import fields, models


class ResCompany(models.Model):
    """What new accounts of the company begin with."""

    _inherit = 'res.company'

    amazon_warehouse_id = fields.Many2one(
        comodel_name='stock.warehouse',
        string="Amazon Warehouse (FBM)",
        help="Ships the orders that Amazon does not fulfil.",
        domain="[('company_id', '=', id)]",
    )
    amazon_location_id = fields.Many2one(
        comodel_name='stock.location',
        string="Amazon FBA Location",
        help="Your goods at Amazon's warehouses. Made with the first account if it is empty.",
        domain="[('usage', '=', 'internal'), ('company_id', 'in', (False, id))]",
    )
    amazon_team_id = fields.Many2one(
        comodel_name='crm.team',
        string="Amazon Sales Team",
        help="Made with the first account if it is empty.",
        domain="[('company_id', 'in', (False, id))]",
    )
    amazon_user_id = fields.Many2one(
        comodel_name='res.users',
        string="Amazon Salesperson",
        help="Responsible for the orders, and told when something needs attention.",
        domain="[('share', '=', False), ('company_ids', 'in', id)]",
    )
    amazon_pricelist_id = fields.Many2one(
        comodel_name='product.pricelist',
        string="Amazon Price List",
        help="Used for the orders in its currency. The prices themselves are Amazon's.",
        domain="[('company_id', 'in', (False, id))]",
    )
