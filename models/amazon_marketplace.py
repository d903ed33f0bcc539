from odoo import api, fields, models


class AmazonMarketplace(models.Model):
    _name = 'amazon.marketplace'
    _description = "Amazon Marketplace"
    _order = 'region, name'

    name = fields.Char(required=True, help="As Amazon writes it, e.g. Amazon.de.")
    api_ref = fields.Char(
        string="Marketplace ID",
        help="Amazon's identifier of the marketplace, e.g. A1PA6795UKMFR9 for Amazon.de.",
        required=True,
        copy=False,
    )
    region = fields.Selection(
        selection=[('na', "North America"), ('eu', "Europe"), ('fe', "Far East")],
    )
    country_id = fields.Many2one(comodel_name='res.country')
    currency_id = fields.Many2one(
        comodel_name='res.currency', context={'active_test': False},
    )
    lang_code = fields.Char(
        string="Language Code",
        help="Contacts of this marketplace get this language when it is installed, e.g. de_DE.",
    )
    seller_central_url = fields.Char(string="Seller Central", help="Address of Seller Central.")
    active = fields.Boolean(default=True)
    archived_at = fields.Datetime(
        help="Since when its orders are not read.", readonly=True, copy=False,
    )

    _api_ref_uniq = models.Constraint(
        'UNIQUE(api_ref)', "There is a marketplace with this Marketplace ID already.",
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to say on the accounts what archiving a marketplace stops."""
        changed = self.filtered(lambda m: m.active != vals.get('active', m.active))
        res = super().write(vals)
        if changed:
            self.env['amazon.account']._follow_archived_marketplaces(changed)
            changed.archived_at = not vals['active'] and fields.Datetime.now()
        return res

    # === BUSINESS METHODS === #

    @api.model
    def _get_or_create_for(self, participation, region):
        """Find the marketplace that Amazon names, archived or not, or create it.

        Amazon opens marketplaces from time to time: one that this module does not bring as data
        is added when it is seen.

        :param amazon.marketplaces.Participation participation: As Amazon describes it.
        :param str region: The region of the account that was asked.
        :return: The marketplace.
        :rtype: amazon.marketplace
        """
        marketplace = self.with_context(active_test=False).search(
            [('api_ref', '=', participation.marketplace_id)],
        )
        if marketplace:
            return marketplace
        # In sudo mode: marketplaces are shared by all companies and their administrators.
        return self.sudo().create({
            'name': participation.name,
            'api_ref': participation.marketplace_id,
            'region': region,
            'country_id': self.env['res.country'].search(
                [('code', '=', participation.country_code)],
            ).id,
            'currency_id': self.env['res.currency'].with_context(active_test=False).search(
                [('name', '=', participation.currency_code)],
            ).id,
            'lang_code': participation.language_code,
        })
