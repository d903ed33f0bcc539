from odoo import api, fields, models

from ..amazon import endpoints
from .amazon_connection import ENVIRONMENTS, check_addresses, keep_addresses_with_system
from .quiet import keep_unlogged

RETURN_PATH = '/amazon/authorize/return'
LOGIN_PATH = '/amazon/authorize/login'
SECRET = 'amazon_lwa_client_secret'
ADDRESS_FIELDS = ('amazon_environment', 'amazon_spapi_endpoint', 'amazon_lwa_endpoint')
keep_unlogged(SECRET)


class ResCompany(models.Model):
    """The application that the company has registered with Amazon, which sellers let in."""

    _name = 'res.company'
    _inherit = ['res.company', 'amazon.secrets.mixin']

    _secret_names = (SECRET,)

    amazon_application_id = fields.Char(
        string="Amazon Application ID",
        help="Solution Provider Portal ▸ Develop Apps: it stands below the name of the app and"
             " begins with amzn1.sp.solution.",
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_is_draft = fields.Boolean(
        string="Draft Application",
        help="Amazon has not published the application. Take the tick away once it has.",
        default=True,
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_lwa_client_id = fields.Char(
        string="Amazon LWA Client ID",
        help="Solution Provider Portal ▸ Develop Apps ▸ LWA credentials: View. It begins with"
             " amzn1.application-oa2-client.",
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_lwa_client_secret = fields.Char(
        string="Amazon LWA Client Secret",
        help="Beside the LWA Client ID. Amazon wants it renewed every 180 days.",
        compute='_compute_masked_secrets',
        inverse='_inverse_amazon_lwa_client_secret',
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_secret_renewed_on = fields.Date(
        string="Amazon Secret Renewed On",
        help="When Amazon made the client secret. The accounts remind of the next renewal.",
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_redirect_uri = fields.Char(
        string="Amazon Redirect URI",
        help="Register it with the application: Solution Provider Portal ▸ Develop Apps ▸ Edit App"
             " ▸ OAuth Redirect URI.",
        compute='_compute_amazon_uris',
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_login_uri = fields.Char(
        string="Amazon Login URI",
        help="Register it beside the redirect URI: OAuth Login URI.",
        compute='_compute_amazon_uris',
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_environment = fields.Selection(
        selection=ENVIRONMENTS,
        string="Amazon Environment",
        default='production',
        required=True,
        groups='base.group_system',
    )
    amazon_spapi_endpoint = fields.Char(
        string="Amazon Selling Partner API Address", groups='base.group_system',
    )
    amazon_lwa_endpoint = fields.Char(
        string="Login with Amazon Address", groups='base.group_system',
    )

    # === COMPUTE METHODS === #

    def _compute_amazon_uris(self):
        for company in self:
            base_url = company.get_base_url()
            company.amazon_redirect_uri = f'{base_url}{RETURN_PATH}'
            company.amazon_login_uri = f'{base_url}{LOGIN_PATH}'

    def _inverse_amazon_lwa_client_secret(self):
        self._store_secret(SECRET)

    # === CONSTRAINT METHODS === #

    @api.constrains(*ADDRESS_FIELDS)
    def _check_amazon_endpoints(self):
        # In sudo mode: whoever changes the environment may not read the addresses. An empty one is
        # told of when it is needed: settings are written one by one.
        check_addresses(self.sudo(), *ADDRESS_FIELDS, may_be_empty=True)

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to let only system administrators say where credentials are sent to.

        :raise AccessError: If somebody else does.
        """
        for vals in vals_list:
            keep_addresses_with_system(self, vals, ADDRESS_FIELDS)
        return super().create(vals_list)

    def write(self, vals):
        """Override of `base` to record who changes the application.

        :raise AccessError: If somebody who is no system administrator says where credentials are
                            sent to.
        """
        keep_addresses_with_system(self, vals, ADDRESS_FIELDS)
        if vals.keys() & {'amazon_application_id', 'amazon_lwa_client_id', *ADDRESS_FIELDS}:
            self.env['amazon.access.log']._note('credentials', self)
        return super().write(vals)

    # === BUSINESS METHODS === #

    def _store_secret(self, name):
        """Override of `amazon.secrets.mixin`: Amazon has made what is new today, unless somebody
        says when.
        """
        changed = super()._store_secret(name)
        changed.amazon_secret_renewed_on = fields.Date.context_today(self)
        return changed

    def _get_amazon_addresses(self):
        """Return where new connections call Amazon, by the names that connections have for it.

        :rtype: dict
        """
        self.ensure_one()
        company = self.sudo()  # In sudo mode: few may read the addresses.
        return {name.removeprefix('amazon_'): company[name] for name in ADDRESS_FIELDS}

    def _get_amazon_stand_in(self):
        """Return the base address of what stands in for Amazon, empty if Amazon itself is called.

        :rtype: str
        """
        addresses = self._get_amazon_addresses()
        return addresses['spapi_endpoint'] if addresses['environment'] == 'custom' else ''

    def _get_amazon_lwa_endpoint(self):
        """Return the address at which codes are exchanged for tokens.

        :rtype: str
        """
        addresses = self._get_amazon_addresses()
        is_custom = addresses['environment'] == 'custom'
        return addresses['lwa_endpoint'] if is_custom else endpoints.LWA_ENDPOINT
