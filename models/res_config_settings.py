from odoo import api, fields, models

from .shapes import explain_shapes

SHAPED = {
    'amazon_application_id': 'application_id',
    'amazon_lwa_client_id': 'lwa_client_id',
    'amazon_lwa_client_secret': 'lwa_client_secret',
}


class ResConfigSettings(models.TransientModel):
    """The company's application, and what its new accounts begin with."""

    _inherit = 'res.config.settings'

    amazon_application_id = fields.Char(
        related='company_id.amazon_application_id', readonly=False,
    )
    amazon_is_draft = fields.Boolean(related='company_id.amazon_is_draft', readonly=False)
    amazon_lwa_client_id = fields.Char(related='company_id.amazon_lwa_client_id', readonly=False)
    amazon_lwa_client_secret = fields.Char(
        related='company_id.amazon_lwa_client_secret', readonly=False,
    )
    amazon_secret_renewed_on = fields.Date(
        related='company_id.amazon_secret_renewed_on', readonly=False,
    )
    amazon_redirect_uri = fields.Char(related='company_id.amazon_redirect_uri')
    amazon_login_uri = fields.Char(related='company_id.amazon_login_uri')
    amazon_environment = fields.Selection(
        related='company_id.amazon_environment', readonly=False,
    )
    amazon_spapi_endpoint = fields.Char(
        related='company_id.amazon_spapi_endpoint', readonly=False,
    )
    amazon_lwa_endpoint = fields.Char(related='company_id.amazon_lwa_endpoint', readonly=False)
    amazon_warehouse_id = fields.Many2one(
        related='company_id.amazon_warehouse_id', readonly=False,
    )
    amazon_location_id = fields.Many2one(related='company_id.amazon_location_id', readonly=False)
    amazon_team_id = fields.Many2one(related='company_id.amazon_team_id', readonly=False)
    amazon_user_id = fields.Many2one(related='company_id.amazon_user_id', readonly=False)
    amazon_pricelist_id = fields.Many2one(
        related='company_id.amazon_pricelist_id', readonly=False,
    )
    amazon_hints = fields.Text(compute='_compute_amazon_hints')
    amazon_account_ids = fields.Many2many(
        comodel_name='amazon.account', compute='_compute_amazon_account_ids',
    )

    # === COMPUTE METHODS === #

    @api.depends(*SHAPED)
    def _compute_amazon_hints(self):
        for settings in self:
            sentences = explain_shapes(settings, SHAPED)
            company = settings.company_id
            if settings.amazon_lwa_client_id != company.amazon_lwa_client_id:
                sentences += settings._warn_of_another_application(company)
            settings.amazon_hints = '\n'.join(sentences)

    def _warn_of_another_application(self, company):
        """Return what another client ID does to the accounts of a company, if it does anything.

        :param res.company company: The company, with the client ID that it had.
        :rtype: list[str]
        """
        accounts = self.env['amazon.account'].search([
            ('company_id', '=', company.id),
        ]).filtered('uses_application')
        return [self.env._(
            "These accounts were authorized through the application that is entered now, and have"
            " to be authorized again with another one: %(accounts)s.",
            accounts=', '.join(accounts.mapped('name')),
        )] if accounts else []

    @api.depends('company_id')
    def _compute_amazon_account_ids(self):
        for settings in self:
            settings.amazon_account_ids = self.env['amazon.account'].search(
                [('company_id', '=', settings.company_id.id)],
            )

    # === ACTION METHODS === #

    def action_authorize_amazon(self):
        """Open the dialog that leads to Amazon's page of consent.

        :return: The action that opens it.
        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'amazon_connector.action_amazon_authorize',
            ),
            'context': {'default_company_id': self.company_id.id},
        }
