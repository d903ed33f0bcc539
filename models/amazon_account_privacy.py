from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AmazonAccount(models.Model):
    """How long buyers are known by name."""

    _inherit = 'amazon.account'

    buyer_retention = fields.Selection(
        selection=[('anonymize', "Anonymize when nothing needs them"), ('keep', "Keep")],
        string="Buyers",
        help="Name, address, e-mail, phone and VAT number of a buyer are removed when no open order"
             " or delivery and no invoice that has to be kept needs them. Country and state stay.",
        default='anonymize',
        required=True,
    )
    invoiced_buyer_years = fields.Integer(
        string="Keep Invoiced Buyers (Years)",
        help="The law of the seller's country decides how long invoices have to name who bought,"
             " counted from the end of the year of the invoice. 0: for ever.",
        default=10,
        required=True,
    )

    @api.constrains('invoiced_buyer_years')
    def _check_invoiced_buyer_years(self):
        if any(not 0 <= account.invoiced_buyer_years <= 100 for account in self):
            raise ValidationError(self.env._(
                "Keep Invoiced Buyers: enter how many years, or 0 for ever.",
            ))
