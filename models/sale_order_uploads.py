from odoo import api, fields, models


class AmazonOrder(models.Model):
    """What Amazon says of an invoice may quote the buyer."""

    _inherit = 'amazon.order'

    @api.model
    def _get_places(self):
        """Override of `amazon_connector` to forget what Amazon said of invoices, too."""
        return {**super()._get_places(), 'sale_order_id.amazon_upload_ids': ['answer']}


class SaleOrder(models.Model):
    """The order has its invoices' uploads."""

    _inherit = 'sale.order'

    amazon_upload_ids = fields.One2many(
        comodel_name='amazon.invoice.upload',
        inverse_name='sale_order_id',
        string="Amazon Invoice Uploads",
        groups='amazon_connector.group_amazon_user,account.group_account_readonly,'
               'account.group_account_invoice',
    )
