from odoo import api, fields, models
from odoo.exceptions import ValidationError

DEFAULTS = ('amazon_warehouse_id', 'amazon_location_id', 'amazon_team_id', 'amazon_pricelist_id')


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

    # === CONSTRAINT METHODS === #

    @api.constrains(*DEFAULTS, 'amazon_user_id')
    def _check_amazon_defaults(self):
        for company in self:
            wrong = [
                name for name in DEFAULTS if company[name].company_id not in (
                    company, self.env['res.company'],
                )
            ]
            if company.amazon_user_id and company not in company.amazon_user_id.company_ids:
                wrong.append('amazon_user_id')
            if wrong:
                raise ValidationError(self.env._(
                    "%(fields)s: choose what belongs to %(company)s.",
                    fields=', '.join(
                        self._fields[name].get_description(self.env)['string'] for name in wrong
                    ),
                    company=company.name,
                ))
