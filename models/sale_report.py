from odoo import fields, models


class SaleReport(models.Model):
    _inherit = 'sale.report'

    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account', string="Amazon Account", readonly=True,
    )
    amazon_marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', string="Amazon Marketplace", readonly=True,
    )
    amazon_channel = fields.Selection(
        selection=[('fba', "FBA"), ('fbm', "FBM")], string="Amazon Channel", readonly=True,
    )

    # === BUSINESS METHODS === #

    def _select_additional_fields(self):
        """Override of `sale` to analyse sales by account, marketplace and channel."""
        return {
            **super()._select_additional_fields(),
            'amazon_account_id': 's.amazon_account_id',
            'amazon_marketplace_id': 's.amazon_marketplace_id',
            'amazon_channel': 's.amazon_channel',
        }

    def _group_by_sale(self):
        """Override of `sale` to analyse sales by account, marketplace and channel."""
        return f"""{super()._group_by_sale()},
            s.amazon_account_id,
            s.amazon_marketplace_id,
            s.amazon_channel"""
