from odoo import api, fields, models

from ..amazon import vat_invoices


class AmazonMarketplace(models.Model):
    """Where Amazon takes the invoices of sellers."""

    _inherit = 'amazon.marketplace'

    takes_invoices = fields.Boolean(
        string="Takes Invoices",
        help="Whether Amazon takes invoices that sellers upload for their buyers.",
        compute='_compute_takes_invoices',
    )

    # === COMPUTE METHODS === #

    @api.depends('country_id')
    def _compute_takes_invoices(self):
        for marketplace in self:
            marketplace.takes_invoices = marketplace.country_id.code in vat_invoices.COUNTRIES
