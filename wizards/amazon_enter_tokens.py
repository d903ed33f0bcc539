from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon.errors import AmazonError
from ..models.amazon_connection import REGIONS
from ..models.shapes import explain_shapes

CREDENTIALS = ('lwa_client_id', 'lwa_client_secret', 'refresh_token', 'seller_id')
STEPS = ('application', 'token', 'marketplaces')


class AmazonEnterTokens(models.TransientModel):
    """The way in for who has a private application: its tokens are copied from Amazon."""

    _name = 'amazon.enter.tokens'
    _description = "Enter the Tokens of a Private App"
    _inherit = ['amazon.secrets.mixin']
    _rec_name = 'seller_id'

    _secret_names = ('lwa_client_secret', 'refresh_token')

    step = fields.Selection(
        selection=[
            ('application', "1. Application"),
            ('token', "2. Refresh Token"),
            ('marketplaces', "3. Marketplaces"),
        ],
        default='application',
        required=True,
        readonly=True,
    )
    account_id = fields.Many2one(comodel_name='amazon.account', readonly=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        compute='_compute_company_id',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', allowed_company_ids)]",
        required=True,
    )
    lwa_client_id = fields.Char(
        string="LWA Client ID",
        compute='_compute_from_account',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
    )
    lwa_client_secret = fields.Char(
        string="LWA Client Secret",
        compute='_compute_masked_secrets',
        inverse='_inverse_lwa_client_secret',
    )
    has_secret = fields.Boolean(compute='_compute_has_secret')
    refresh_token = fields.Char(
        compute='_compute_masked_secrets', inverse='_inverse_refresh_token',
    )
    seller_id = fields.Char(
        string="Seller ID",
        compute='_compute_from_account',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
    )
    region = fields.Selection(
        selection=REGIONS,
        help="Where you sell. Europe includes India, Turkey, the Gulf and South Africa; the Far"
             " East is Australia, Japan and Singapore.",
        compute='_compute_from_account',
        compute_sudo=False,
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    hints = fields.Text(compute='_compute_hints')
    error = fields.Char(readonly=True)
    available_marketplace_ids = fields.Many2many(
        related='account_id.available_marketplace_ids', related_sudo=False,
    )
    marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        string="Marketplaces",
        domain="[('id', 'in', available_marketplace_ids)]",
    )

    # === COMPUTE METHODS === #

    @api.depends('account_id')
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = wizard.account_id.company_id or self.env.company

    @api.depends('account_id', 'company_id')
    def _compute_from_account(self):
        for wizard in self:
            account = wizard.account_id
            company = wizard.company_id
            wizard.seller_id = account.seller_id
            wizard.lwa_client_id = account.lwa_client_id or company.amazon_lwa_client_id
            wizard.region = account.region or (
                account._choose_consent_marketplace(company).region or 'eu'
            )

    @api.depends('account_id', 'company_id', 'lwa_client_id')
    def _compute_has_secret(self):
        for wizard in self:
            client_id = wizard.lwa_client_id
            wizard.has_secret = client_id and (
                client_id == wizard.account_id.lwa_client_id
                and bool(wizard.account_id.lwa_client_secret)
                or client_id == wizard.company_id.amazon_lwa_client_id
                and bool(wizard.company_id.amazon_lwa_client_secret)
            )

    @api.depends(*CREDENTIALS)
    def _compute_hints(self):
        for wizard in self:
            wizard.hints = '\n'.join(
                explain_shapes(wizard, dict(zip(CREDENTIALS, CREDENTIALS, strict=True))),
            )

    def _inverse_lwa_client_secret(self):
        self._store_secret('lwa_client_secret')

    def _inverse_refresh_token(self):
        self._store_secret('refresh_token')

    # === ACTION METHODS === #

    def action_next(self):
        """Go on from the application to the refresh token.

        :return: The action that shows the next step.
        :rtype: dict
        :raise UserError: If something is not filled in, which is named.
        """
        self.ensure_one()
        self._check_filled('lwa_client_id', *(() if self.has_secret else ('lwa_client_secret',)))
        self.step = 'token'
        return self._reopen()

    def action_back(self):
        """Go back to the step before.

        :return: The action that shows it.
        :rtype: dict
        """
        self.ensure_one()
        self.write({'step': STEPS[max(STEPS.index(self.step) - 1, 0)], 'error': False})
        return self._reopen()

    def action_connect(self):
        """Let Amazon say whether the credentials work, and go on to the marketplaces if they do.

        The account is made, or changed, before: what was entered is not lost.

        :return: The action that shows the next step, or this one with Amazon's word.
        :rtype: dict
        :raise UserError: If something is not filled in, which is named.
        """
        self.ensure_one()
        self._check_filled(
            *(() if self.account_id.refresh_token else ('refresh_token',)), 'seller_id',
        )
        seller_id = self.seller_id.strip()
        known = self.account_id or self.env['amazon.account']._find_of_seller(
            self.company_id, seller_id, self.region,
        )
        if known.state == 'connected' and (known.seller_id, known.region) != (
            seller_id, self.region,
        ):
            raise UserError(self.env._(
                "Seller ID: the account %(account)s belongs to the seller %(before)s. Authorize"
                " another seller without it, which makes an account of its own.",
                account=known.name,
                before=known.seller_id,
            ))
        values = {
            'seller_id': seller_id,
            'region': self.region,
            'lwa_client_id': self.lwa_client_id.strip(),
            **self._get_secrets(),
        }
        if 'lwa_client_secret' not in values and known.lwa_client_id != values['lwa_client_id']:
            values['lwa_client_secret'] = False  # The company's is used, not one of another ID.
        if known.state == 'connected' and not self._are_accepted(known.connection_id, values):
            return self._reopen()
        if known:
            known.write(values)
            self.account_id = known
        else:
            self.account_id = self.env['amazon.account']._create_with_addresses(
                self.company_id, values,
            )
        # What is kept with the account need not be kept here.
        self._search_secrets().unlink()
        self.env['ir.cron']._commit_progress()
        if self.account_id.connection_id._connect():
            self.account_id._take_store_name()
            self.write({
                'step': 'marketplaces',
                'error': False,
                'marketplace_ids': [
                    fields.Command.set(self.account_id.synced_marketplace_ids.ids),
                ],
            })
        else:
            self.error = self.account_id.last_error
        return self._reopen()

    def action_finish(self):
        """Synchronize the marketplaces that were chosen.

        :return: The action that opens the account, or asks for its start.
        :rtype: dict
        :raise UserError: If none is chosen.
        """
        self.ensure_one()
        self._check_filled('marketplace_ids')
        account = self.account_id
        account.synced_marketplace_ids = self.marketplace_ids
        return account._open_form() if account.is_started else account._get_start_action()

    # === BUSINESS METHODS === #

    def _are_accepted(self, connection, values):
        """Return whether credentials may take the place of those that work; keep why they may not.

        :param amazon.connection connection: The connection.
        :param dict values: What would be written.
        :rtype: bool
        """
        credentials = {
            name: values[name] for name in CREDENTIALS[:3] if values.get(name)
        }
        try:
            connection._try(**credentials)
        except AmazonError as error:
            self.error = connection._get_error_reason(error, self.env._("Connect"))
            return False
        return True

    def _check_filled(self, *names):
        """Refuse to go on while fields are empty.

        :raise UserError: Naming them.
        """
        if missing := [
            self._fields[name].get_description(self.env)['string']
            for name in names if not self[name]
        ]:
            raise UserError(self.env._(
                "Enter %(fields)s first: the text above the field says where Amazon shows it.",
                fields=', '.join(missing),
            ))

    def _reopen(self):
        """Return the action that shows the dialog again."""
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'amazon_connector.action_amazon_enter_tokens',
            ),
            'res_id': self.id,
        }
