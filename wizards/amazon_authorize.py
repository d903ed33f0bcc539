from odoo import api, fields, models


class AmazonAuthorize(models.TransientModel):
    _name = 'amazon.authorize'
    _description = "Authorize on Amazon"

    account_id = fields.Many2one(
        comodel_name='amazon.account', string="Account", readonly=True,
    )
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        compute='_compute_company_id',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', allowed_company_ids)]",
    )
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace',
        string="You Sell on",
        help="Amazon asks you on the Seller Central of this country. One consent opens all"
             " marketplaces of its region.",
        compute='_compute_marketplace_id',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        domain="[('region', '=', region)] if account_id else []",
    )
    region = fields.Selection(related='account_id.region', related_sudo=False)
    uses_application = fields.Boolean(
        related='account_id.uses_application', related_sudo=False,
    )
    before = fields.Char(
        string="Seller", related='account_id.seller_id', related_sudo=False,
    )
    may_change_seller = fields.Boolean(
        string="Another Seller",
        help="The account shall belong to another seller than before.",
    )
    missing = fields.Char(compute='_compute_missing')
    may_set_up = fields.Boolean(compute='_compute_missing')

    # === COMPUTE METHODS === #

    @api.depends('account_id')
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = wizard.account_id.company_id or self.env.company

    @api.depends('account_id', 'company_id')
    def _compute_marketplace_id(self):
        for wizard in self:
            account = wizard.account_id
            wizard.marketplace_id = (
                account._get_consent_marketplace() if account
                else account._choose_consent_marketplace(wizard.company_id)
            )

    @api.depends('company_id')
    def _compute_missing(self):
        self.may_set_up = self.env.user._is_system()
        for wizard in self:
            wizard.missing = wizard.env['amazon.authorization']._explain_missing(wizard.company_id)

    # === ACTION METHODS === #

    def action_authorize(self):
        """Open Amazon's page of consent.

        :return: The action that opens it.
        :rtype: dict
        :raise UserError: If something of the application is missing, which is named.
        """
        self.ensure_one()
        return self.env['amazon.authorization']._begin(
            self.account_id.company_id or self.company_id,
            self.marketplace_id,
            self.account_id,
            self.may_change_seller,
        )
