from odoo import fields, models


class AmazonAccount(models.Model):
    """Quantities out: whether Amazon is told what is in stock."""

    _inherit = 'amazon.account'

    stock_push = fields.Selection([('off', "Off"), ('preview', "Preview"), ('on', "On")], string="Stock Push", default='off', required=True)
