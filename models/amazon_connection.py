from contextlib import contextmanager
from hashlib import sha256

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_datetime

from ..amazon import endpoints, marketplaces
from ..amazon.client import Client, Credentials
from ..amazon.errors import AmazonError, Throttled, Unauthorized
from .activities import ATTENTION
from .amazon_access_token import DatabaseTokenStore
from .amazon_quota import DatabaseLimiter
from .quiet import keep_unlogged
from .tools import check_given, to_html
from .vault import KeyUnusable

SECRETS = ('lwa_client_secret', 'refresh_token')
keep_unlogged(*SECRETS)
ADDRESS_FIELDS = ('environment', 'spapi_endpoint', 'lwa_endpoint')
ANYBODYS_ADDRESS = (False, 'production')
REGIONS = [('na', "North America"), ('eu', "Europe"), ('fe', "Far East")]
ENVIRONMENTS = [
    ('production', "Production"),
    ('sandbox', "Amazon's Sandbox"),
    ('custom', "Custom Address"),
]


def check_addresses(records, environment, *names, may_be_empty=False):
    """Refuse addresses to which credentials can't be sent in safety.

    :param records: The records.
    :param str environment: The field that says whether the addresses count.
    :param names: The fields with the addresses.
    :param bool may_be_empty: Whether nobody need have entered them.
    :return: None
    :raise ValidationError: Naming the field.
    """
    for record in records.filtered(lambda record: record[environment] == 'custom'):
        for name in names:
            address = record[name] or ''
            if not (endpoints.is_safe_endpoint(address) or may_be_empty and not address):
                raise ValidationError(records.env._(
                    "%(field)s: enter an address that starts with https://, or one of this"
                    " machine such as http://127.0.0.1:8070. Only a system administrator can change"
                    " it.",
                    field=records._fields[name].get_description(records.env)['string'],
                ))


def keep_addresses_with_system(records, vals, names):
    """Let nobody but a system administrator decide where credentials are sent to.

    :param records: Of the model that is written.
    :param dict vals: What is written.
    :param names: The fields that decide it.
    :return: None
    :raise AccessError: If somebody else tries to.
    """
    given = [name for name in names if vals.get(name, False) not in ANYBODYS_ADDRESS]
    if given and not (records.env.su or records.env.user._is_system()):
        raise AccessError(records.env._(
            "%(fields)s: only a system administrator decides where Amazon's credentials are sent"
            " to.",
            fields=', '.join(
                records._fields[name].get_description(records.env)['string'] for name in given
            ),
        ))


class AmazonConnection(models.Model):
    """One authorization: whom Amazon lets in, where, and as which seller.

    Amazon counts quotas, access tokens and changes by it. What Odoo does with the marketplaces that
    it opens is said by its accounts.
    """

    _name = 'amazon.connection'
    _description = "Amazon Connection"
    _inherit = ['amazon.sync.mixin', 'amazon.secrets.mixin']
    _order = 'company_id, id'
    _rec_names_search = ['seller_id']

    _secret_names = SECRETS

    company_id = fields.Many2one(
        comodel_name='res.company',
        default=lambda self: self.env.company,
        required=True,
        index=True,
        readonly=True,
    )
    account_ids = fields.One2many(
        comodel_name='amazon.account', inverse_name='connection_id', string="Accounts",
    )
    active = fields.Boolean(
        help="Whether one of its accounts is not archived.",
        compute='_compute_active',
        store=True,
    )
    sync_ids = fields.One2many(
        comodel_name='amazon.sync',
        inverse_name='connection_id',
        string="Ways",
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )

    # Credentials
    seller_id = fields.Char(
        string="Seller ID",
        help="Your Merchant Token: Seller Central ▸ Settings ▸ Account Info ▸ Merchant Token.",
        required=True,
    )
    store_name = fields.Char(
        help="As Amazon calls the store; Connect reads it again.", readonly=True, copy=False,
    )
    lwa_client_id = fields.Char(
        string="LWA Client ID",
        help="Seller Central ▸ Apps and Services ▸ Develop Apps ▸ LWA credentials: View.",
        copy=False,
        groups='amazon_connector.group_amazon_admin',
    )
    lwa_client_secret = fields.Char(
        string="LWA Client Secret",
        help="Beside the LWA Client ID. Amazon wants it renewed every 180 days.",
        compute='_compute_masked_secrets',
        inverse='_inverse_lwa_client_secret',
        groups='amazon_connector.group_amazon_admin',
    )
    refresh_token = fields.Char(
        help="Seller Central ▸ Apps and Services ▸ Develop Apps ▸ Authorize: it starts with Atzr|.",
        compute='_compute_masked_secrets',
        inverse='_inverse_refresh_token',
        groups='amazon_connector.group_amazon_admin',
    )
    region = fields.Selection(
        selection=REGIONS,
        help="Where you sell. Europe includes India, Turkey, the Gulf and South Africa; the Far"
             " East is Australia, Japan and Singapore. A connection serves one region.",
        default='eu',
        required=True,
    )
    environment = fields.Selection(
        selection=ENVIRONMENTS,
        default='production',
        required=True,
        copy=False,
    )
    spapi_endpoint = fields.Char(
        string="Selling Partner API Address",
        help="Base address, e.g. http://127.0.0.1:8070 for the simulator.",
        copy=False,
        groups='base.group_system',
    )
    lwa_endpoint = fields.Char(
        string="Login with Amazon Address",
        help="Address of the token endpoint, e.g. http://127.0.0.1:8070/auth/o2/token.",
        copy=False,
        groups='base.group_system',
    )

    # State
    state = fields.Selection(
        selection=[('draft', "Not Connected"), ('connected', "Connected"), ('error', "Error")],
        default='draft',
        required=True,
        readonly=True,
        copy=False,
    )
    reason = fields.Char(
        help="Why it does not work, and what to do.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )
    connect_error = fields.Char(
        help="What went wrong when Connect was pressed last.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )
    connect_error_date = fields.Datetime(readonly=True, copy=False)
    is_copy = fields.Boolean(
        default=lambda self: self._default_is_copy(),
        help="Whether this is a copy of a database whose original may still act on Amazon. A person"
             " has to confirm that the copy may, too.",
        readonly=True,
        copy=False,
    )
    listed_refs = fields.Json(
        help="What Amazon calls the marketplaces of the seller, under `refs`, as Connect read them"
             " last. Empty before that.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    available_marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        relation='amazon_connection_available_marketplace_rel',
        string="Available Marketplaces",
        help="Where Amazon says that you sell; Connect reads them again.",
        readonly=True,
        copy=False,
    )

    # === DEFAULT METHODS === #

    @api.model
    def _default_is_copy(self):
        # In sudo mode: parameters are the system's.
        return bool(self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'))

    @api.model
    def default_get(self, fields):
        """Override of `base` to let no default of a user's decide where credentials are sent to."""
        defaults = super().default_get(fields)
        if self.env.su or self.env.user._is_system():
            return defaults
        allowed = {name: value for name, value in defaults.items() if name not in ADDRESS_FIELDS}
        if 'environment' in defaults:
            allowed['environment'] = 'production'
        return allowed

    # === COMPUTE METHODS === #

    @api.depends('account_ids.active')
    def _compute_active(self):
        for connection in self.with_context(active_test=False):
            connection.active = any(connection.account_ids.mapped('active'))

    @api.depends('seller_id', 'region')
    def _compute_display_name(self):
        regions = dict(self._fields['region']._description_selection(self.env))
        for connection in self:
            connection.display_name = f'{connection.seller_id} ({regions.get(connection.region)})'

    def _inverse_lwa_client_secret(self):
        self._store_secret('lwa_client_secret')

    def _inverse_refresh_token(self):
        self._store_secret('refresh_token')

    # === CONSTRAINT METHODS === #

    @api.constrains('environment', 'spapi_endpoint', 'lwa_endpoint')
    def _check_endpoints(self):
        # In sudo mode: whoever changes the environment may not read the addresses.
        check_addresses(self.sudo(), *ADDRESS_FIELDS)

    @api.constrains('company_id')
    def _check_company_of_accounts(self):
        for connection in self.with_context(active_test=False):
            if connection.account_ids.company_id - connection.company_id:
                raise ValidationError(self.env._(
                    "Company: a connection serves accounts of its own company only.",
                ))

    @api.constrains('seller_id')
    def _check_marketplaces_of_accounts(self):
        self.account_ids._check_marketplaces_synced_once()

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to begin with all ways.

        :raise AccessError: If somebody who is no system administrator gives an address.
        """
        for vals in vals_list:
            check_given(self, vals)
            keep_addresses_with_system(self, vals, ADDRESS_FIELDS)
        connections = super().create(vals_list)
        for way in self.env['amazon.sync']._get_ways():
            connections._get_sync(way)
        return connections

    def write(self, vals):
        """Override of `base` to tell the followers of the accounts of a change of state.

        :raise AccessError: If somebody who is no system administrator changes an address.
        """
        check_given(self, vals)
        keep_addresses_with_system(self, vals, ADDRESS_FIELDS)
        if vals.keys() & {'seller_id', 'lwa_client_id', *ADDRESS_FIELDS}:
            self.env['amazon.access.log']._note('credentials', self)
        before = {connection: connection.state for connection in self} if 'state' in vals else {}
        res = super().write(vals)
        states = dict(self._fields['state']._description_selection(self.env))
        for connection, state in before.items():
            if connection.state != state:
                for account in connection.account_ids:
                    account.message_post(body=self.env._(
                        "%(before)s → %(after)s",
                        before=states[state], after=states[connection.state],
                    ))
        return res

    # === BUSINESS METHODS - SECRETS === #

    def _store_secret(self, name):
        """Override of `amazon.secrets.mixin`: the accounts show the mask, too."""
        changed = super()._store_secret(name)
        self.with_context(active_test=False).account_ids.invalidate_recordset([name])
        return changed

    # === BUSINESS METHODS === #

    @api.model
    def _begin_ways(self):
        """Begin with all ways that connections do not have yet. Data of who brings a way call it.

        :return: None
        """
        for way in self.env['amazon.sync']._get_ways():
            self.with_context(active_test=False).search(
                [('sync_ids', 'not any', [('way', '=', way)])],
            )._get_sync(way)

    def _get_sync(self, way):
        """Return how far a way is, of each of these connections.

        :param str way: One of the ways of `amazon.sync`.
        :return: It, in sudo mode: it is written by the connector only.
        :rtype: amazon.sync
        """
        Sync = self.env['amazon.sync'].sudo()
        syncs = Sync.search([('connection_id', 'in', self.ids), ('way', '=', way)])
        missing = self - syncs.connection_id
        return syncs | Sync.create([
            {'connection_id': connection.id, 'way': way} for connection in missing
        ]) if missing else syncs

    def _get_synced_marketplaces(self):
        """Return the marketplaces that the accounts synchronize, without archived ones.

        :rtype: amazon.marketplace
        """
        self.ensure_one()
        return self.account_ids.filtered('active').synced_marketplace_ids

    def _get_account_of(self, marketplace):
        """Return which account synchronizes a marketplace, empty if none does.

        Another connection of the seller may have that account.

        :param amazon.marketplace marketplace: Where something was sold.
        :rtype: amazon.account
        """
        self.ensure_one()
        own = self.account_ids

        def find(accounts):
            return accounts.filtered(
                lambda account: marketplace in account.synced_marketplace_ids,
            )[:1]

        return find(own) or find(own._get_seller_accounts().filtered('active'))

    def _get_first_account(self):
        """Return an account for what belongs to none, an archived one if there is no other.

        :rtype: amazon.account
        """
        self.ensure_one()
        archived = self.with_context(active_test=False).account_ids.with_env(self.env)
        return (self.account_ids or archived)[:1]

    def _get_quota_owner(self):
        """Return what Amazon counts calls by.

        :rtype: dict
        """
        self.ensure_one()
        connection = self.sudo()  # In sudo mode: few may read the addresses.
        if connection.environment == 'custom':
            endpoint = connection.spapi_endpoint
        else:
            endpoint = endpoints.ENDPOINTS[connection.environment][connection.region]
        return {
            'seller_id': connection.seller_id,
            'lwa_client_id': connection.lwa_client_id,
            'endpoint': endpoint,
        }

    @contextmanager
    def _get_client(self, sync=None, **others):
        """Open a client that calls Amazon with the credentials, quota and token of the connection.

        :param amazon.sync sync: The way that calls, where it has to wait for its turn.
        :param str others: Credentials that are used instead of those that are kept.
        :return: The client; its connections close with the context.
        :rtype: amazon.client.Client
        :raise KeyUnusable: If the credentials can't be decrypted.
        """
        self.ensure_one()
        connection = self.sudo()  # In sudo mode: few may read the addresses.
        given = {
            'lwa_client_id': connection.lwa_client_id, **connection._get_secrets(), **others,
        }
        credentials = Credentials(
            *(given.get(name) or '' for name in ('lwa_client_id', *SECRETS)),
        )
        is_custom = connection.environment == 'custom'
        lwa_endpoint = connection.lwa_endpoint if is_custom else endpoints.LWA_ENDPOINT
        owner = self._get_quota_owner()
        token_owner = sha256('\n'.join(map(str, (
            *owner.values(), lwa_endpoint, credentials.lwa_client_secret, credentials.refresh_token,
        ))).encode()).hexdigest()
        with Client(
            credentials,
            owner['endpoint'],
            lwa_endpoint,
            DatabaseLimiter(self.env, owner, sync),
            DatabaseTokenStore(self.env, token_owner),
        ) as client:
            yield client

    def _connect(self):
        """Check the credentials with Amazon and read where the seller sells.

        The outcome is kept: the state, and the reason when it can't connect.

        :return: Whether it is connected.
        :rtype: bool
        :raise UserError: If a credential is missing, or nobody has confirmed that a copy of a
                          database may act.
        """
        self.ensure_one()
        self._check_is_no_copy()
        self._check_credentials_given()
        try:
            with self._get_client() as client:
                participations = marketplaces.parse_participations(
                    marketplaces.fetch_participations(client),
                )
        except (AmazonError, KeyUnusable) as error:
            self._mark_not_connected(error)
            return False
        self._mark_connected(participations)
        return True

    def _check_is_no_copy(self):
        """Refuse to ask Amazon anything in a copy that nobody has let act.

        :raise UserError: Saying what to do.
        """
        if self.is_copy:
            raise UserError(self.env._(
                "This database is a copy: its original may still act on Amazon for the same seller."
                " Press Connect This Copy if it shall act, too.",
            ))

    def _check_credentials_given(self):
        """Refuse to connect while a credential is missing.

        :raise UserError: Naming the fields.
        """
        missing = self._get_missing_credentials()
        if missing:
            raise UserError(self.env._(
                "Enter %(fields)s first. The question mark beside each field says where Seller"
                " Central shows it.",
                fields=', '.join(
                    self._fields[name].get_description(self.env)['string'] for name in missing
                ),
            ))

    def _get_missing_credentials(self):
        """Return the names of the credentials that nobody has entered.

        :rtype: list[str]
        """
        self.ensure_one()
        return [name for name in ('seller_id', 'lwa_client_id', *SECRETS) if not self[name]]

    def _check_listed(self, marketplace_refs):
        """Refuse to search where Amazon does not list the seller: it would find nothing, and say
        so.

        :param marketplace_refs: What is called a marketplace here.
        :return: None
        :raise UserError: Naming those that Amazon does not list.
        """
        self.ensure_one()
        # In sudo mode: what the connector remembers is for nobody else.
        listed = self.sudo().listed_refs
        unlisted = listed and set(marketplace_refs) - set(listed['refs'])
        if unlisted:
            raise UserError(self.env._(
                "Synchronized Marketplaces: Amazon does not list this seller on %(marketplaces)s."
                " Nothing is searched, so that nothing is missed. Press Connect Again to read where"
                " you sell, then take away the marketplaces that are not among them; a system"
                " administrator can correct a wrong Marketplace ID.",
                marketplaces=', '.join(sorted(unlisted)),
            ))

    def _mark_connected(self, participations):
        """Take over what Amazon said about the seller and clear what was wrong before.

        :param list[amazon.marketplaces.Participation] participations: As Amazon answered.
        :return: None
        """
        self.ensure_one()
        available = self.env['amazon.marketplace']
        for participation in participations:
            if participation.is_participating:
                available |= available._get_or_create_for(participation, self.region)
        self.write({
            'state': 'connected',
            'reason': False,
            'connect_error': False,
            'connect_error_date': False,
            'store_name': next((p.store_name for p in participations if p.store_name), False),
            'available_marketplace_ids': [fields.Command.set(available.ids)],
        })
        # In sudo mode, here and below: what the connector remembers is not for people to write.
        self.sudo().listed_refs = {'refs': [
            participation.marketplace_id for participation in participations
            if participation.is_participating
        ]}
        self.sync_ids.sudo().write({'last_error': False, 'last_error_date': False})
        for account in self.account_ids:
            account._follow_connecting()

    def _mark_not_connected(self, error):
        """Keep why *Connect* failed.

        :param error: What stopped it.
        :type error: AmazonError | KeyUnusable
        :return: None
        """
        self.ensure_one()
        reason = self._get_error_reason(error, self.env._("Connect"))
        self.write({'connect_error': reason, 'connect_error_date': fields.Datetime.now()})
        if isinstance(error, (Unauthorized, KeyUnusable)):
            self._mark_unauthorized(error, reason)
        elif self.state != 'connected':
            self.reason = reason

    def _mark_unauthorized(self, error, reason):
        """Stop all ways until a person has pressed *Connect*.

        :param error: What stopped them.
        :type error: AmazonError | KeyUnusable
        :param str reason: Why it can't get in, and what to do, for Amazon users.
        :return: None
        """
        self.ensure_one()
        self.write({'state': 'error', 'reason': reason})
        # More people read activities than may know what Amazon says.
        note = self._get_error_reason(error, quotes=False)

        def tell(account):
            account._ask_for_attention(note)
            account.activity_search([ATTENTION]).note = to_html(note)

        for account in self.account_ids.filtered('active'):
            account._do_safely(tell)

    def _get_error_reason(self, error, button=None, quotes=True):
        """Return a sentence about a failed call, with the next step.

        :param Exception error: What stopped the call.
        :param str button: What a person pressed and has to press again; without it, the call is
                           repeated by itself.
        :param bool quotes: Whether to add what others say, which is for Amazon users.
        :rtype: str
        """
        if not isinstance(error, AmazonError):
            return quotes and self._get_answer(error) or self._get_failure_reason(error)
        if isinstance(error, Throttled):
            time = format_datetime(
                self.env, error.retry_at.replace(tzinfo=None), dt_format='short',
            )
            return self.env._(
                "Amazon's quota is used up until %(time)s. Press %(button)s again then.",
                time=time,
                button=button,
            ) if button else self.env._(
                "Amazon's quota is used up until %(time)s; the rest follows by itself then.",
                time=time,
            )
        if not isinstance(error, Unauthorized):
            return self.env._(
                "Amazon can't be asked at the moment. Press %(button)s again in some minutes."
                " (%(error)s)",
                button=button,
                error=error,
            ) if button else self.env._(
                "Amazon can't be asked at the moment, it is tried again by itself. (%(error)s)",
                error=error,
            )
        if 'invalid_grant' in error.codes:
            return self.env._(
                "Amazon does not accept the refresh token: the authorization was revoked or has"
                " expired. Press Authorize Again; or authorize your private app in Seller Central,"
                " enter the new Refresh Token and press Connect.",
            )
        if {'invalid_client', 'unauthorized_client'} & set(error.codes):
            return self.env._(
                "Amazon does not accept the LWA Client ID and Secret: check both. Amazon wants the"
                " secret renewed every 180 days; Renew Client Secret on the account says how.",
            )
        sentence = self.env._(
            "Amazon denies access. Check the app's roles and authorization in Seller Central, then"
            " press Connect.",
        )
        return f'{sentence} ({error})' if quotes else sentence
