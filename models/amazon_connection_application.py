from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon.marketplaces import fetch_participations

AUTHORIZATION_DAYS = 365
SECRET_DAYS = 180
REMIND_DAYS = (7, 30)  # before something ends, the last reminder first


class AmazonConnection(models.Model):
    """What Amazon wants renewed: the authorization, and the secret of the application.

    A connection that was authorized through the company's application has no client secret of its
    own: it uses the company's, so that a new one is entered once for all.
    """

    _inherit = 'amazon.connection'

    uses_application = fields.Boolean(
        string="Company's Application",
        compute='_compute_uses_application',
        compute_sudo=True,
    )
    authorized_on = fields.Date(
        help="When a seller let the company's application in. Amazon wants it repeated every year.",
        readonly=True,
        copy=False,
    )
    authorization_end = fields.Date(
        string="Authorization Ends", compute='_compute_authorization_end',
    )
    secret_renewed_on = fields.Date(
        string="Secret Renewed On",
        help="When Amazon made the LWA Client Secret.",
        copy=False,
    )
    secret_end = fields.Date(
        string="Client Secret Ends", compute='_compute_secret_end', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('lwa_client_id', 'lwa_client_secret', 'company_id.amazon_lwa_client_id')
    def _compute_uses_application(self):
        for connection in self:
            client_id = connection.company_id.amazon_lwa_client_id
            connection.uses_application = (
                client_id and client_id == connection.lwa_client_id
                and not connection.lwa_client_secret
            )

    @api.depends('authorized_on')
    def _compute_authorization_end(self):
        for connection in self:
            authorized_on = connection.authorized_on
            connection.authorization_end = (
                authorized_on and authorized_on + timedelta(days=AUTHORIZATION_DAYS)
            )

    @api.depends('uses_application', 'secret_renewed_on', 'company_id.amazon_secret_renewed_on')
    def _compute_secret_end(self):
        for connection in self:
            renewed_on = (
                connection.company_id.amazon_secret_renewed_on if connection.uses_application
                else connection.secret_renewed_on
            )
            connection.secret_end = renewed_on and renewed_on + timedelta(days=SECRET_DAYS)

    # === BUSINESS METHODS === #

    def _store_secret(self, name):
        """Override of `amazon_connector`: Amazon has made a new client secret today, unless
        somebody says when. Where a token is pasted, nobody has let the application in.
        """
        changed = super()._store_secret(name)
        if name == 'lwa_client_secret':
            changed.secret_renewed_on = fields.Date.context_today(self)
        elif name == 'refresh_token':
            changed.authorized_on = False
        return changed

    def _get_secrets(self):
        """Override of `amazon.secrets.mixin` to use the company's client secret."""
        secrets = super()._get_secrets()
        if self.uses_application:
            company = self.company_id._get_secrets()
            secrets['lwa_client_secret'] = company.get('amazon_lwa_client_secret', '')
        return secrets

    def _get_missing_credentials(self):
        """Override of `amazon_connector`: the company's client secret may be the one."""
        missing = super()._get_missing_credentials()
        if self.uses_application and self.company_id.sudo().amazon_lwa_client_secret:
            # In sudo mode: whether there is one, any administrator of accounts may know.
            missing = [name for name in missing if name != 'lwa_client_secret']
        return missing

    def _check_credentials_given(self):
        """Override of `amazon_connector`: who was authorized through an application that is not the
        company's any more has no client secret.
        """
        if self.authorized_on and self._get_missing_credentials() == ['lwa_client_secret']:
            raise UserError(self.env._(
                "The company's application is another one than this account was authorized"
                " through, or its LWA Client Secret is missing. Correct it under Amazon ▸"
                " Configuration ▸ Settings, or press Authorize Again.",
            ))
        super()._check_credentials_given()

    def _try(self, **credentials):
        """Let Amazon say whether other credentials work.

        :param str credentials: Those that are not the ones that are kept, by their names.
        :return: None
        :raise AmazonError: If they do not, or nobody can say.
        """
        with self._get_client(**credentials) as client:
            fetch_participations(client)

    def _follow_authorization(self, seller_id, refresh_token):
        """Take over what a consent has brought, all else stays as it is.

        :param str seller_id: Whom Amazon calls the seller that let the application in.
        :param str refresh_token: What the code was exchanged for.
        :return: None
        """
        self.ensure_one()
        if self.seller_id != seller_id:
            for account in self.account_ids:
                account.message_post(body=self.env._(
                    "Another seller: %(before)s → %(after)s",
                    before=self.seller_id, after=seller_id,
                ))
            self.seller_id = seller_id
        self.write({
            'lwa_client_id': self.company_id.sudo().amazon_lwa_client_id,
            'lwa_client_secret': False,
            'refresh_token': refresh_token,
        })
        self.authorized_on = fields.Date.context_today(self)

    def _find_renewals(self):
        """Return what ends soon or has ended.

        :return: The fields that say when, each with the stage of the reminder in days.
        :rtype: list[tuple[str, int]]
        """
        self.ensure_one()
        if self.state == 'draft':
            return []
        today = fields.Date.context_today(self)
        return [
            (name, next(days for days in REMIND_DAYS if end <= today + timedelta(days=days)))
            for name in ('authorization_end', 'secret_end')
            if (end := self[name]) and end <= today + timedelta(days=REMIND_DAYS[-1])
        ]
