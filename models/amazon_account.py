from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_datetime

from ..amazon import marketplaces
from ..amazon.client import Client, Credentials
from ..amazon.errors import (
    AmazonError,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from .activities import plan_warning
from .amazon_access_token import DatabaseTokenStore
from .amazon_quota import DatabaseLimiter
from .amazon_sync_mixin import SYNC_SECONDS, TimeBudget

AT_ONCE = timedelta(seconds=5)
RETRY_PAUSE = timedelta(minutes=1)  # what takes less is not worth mentioning
INBOX_URL = '/odoo/action-amazon_connector.action_amazon_order'
DELIVERIES_URL = '/odoo/action-amazon_connector.action_amazon_delivery'
MASK = '••••••••'
SECRETS = ('lwa_client_secret', 'refresh_token')


class AmazonAccount(models.Model):
    _name = 'amazon.account'
    _description = "Amazon Account"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'amazon.sync.mixin']
    _order = 'company_id, name, id'
    _check_company_auto = True

    name = fields.Char(
        help="How you call this account, e.g. the name of the shop.", required=True, tracking=True,
    )
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        default=lambda self: self.env.company,
        required=True,
        index=True,
        readonly=True,
    )

    # Credentials
    seller_id = fields.Char(
        string="Seller ID",
        help="Your Merchant Token: Seller Central ▸ Settings ▸ Account Info ▸ Merchant Token.",
        required=True,
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
    stored_lwa_client_secret = fields.Char(copy=False, groups=fields.NO_ACCESS)
    stored_refresh_token = fields.Char(copy=False, groups=fields.NO_ACCESS)
    region = fields.Selection(
        selection=[('na', "North America"), ('eu', "Europe"), ('fe', "Far East")],
        help="Where you sell. Europe includes India, Turkey, the Gulf and South Africa; the Far"
             " East is Australia, Japan and Singapore. An account serves one region.",
        default='eu',
        required=True,
    )
    environment = fields.Selection(
        selection=[
            ('production', "Production"),
            ('sandbox', "Amazon's Sandbox"),
            ('custom', "Custom Address"),
        ],
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
    state = fields.Selection(
        selection=[('draft', "Not Connected"), ('connected', "Connected"), ('error', "Error")],
        default='draft',
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    reason = fields.Char(
        help="Why the account does not work, and what to do.", readonly=True, copy=False,
    )
    last_error = fields.Char(readonly=True, copy=False)
    last_error_date = fields.Datetime(readonly=True, copy=False)
    available_marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        relation='amazon_account_available_marketplace_rel',
        string="Available Marketplaces",
        help="Where Amazon says that you sell; Connect reads them again.",
        readonly=True,
        copy=False,
    )
    synced_marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        relation='amazon_account_synced_marketplace_rel',
        string="Synchronized Marketplaces",
        help="Whose orders come into Odoo through this account. Register the account a second time"
             " to treat some marketplaces differently.",
        domain="[('id', 'in', available_marketplace_ids)]",
        copy=False,
    )

    # Orders
    user_id = fields.Many2one(
        comodel_name='res.users',
        string="Salesperson",
        help="Responsible for the orders, and told when something needs attention.",
        check_company=True,
    )
    team_id = fields.Many2one(
        comodel_name='crm.team',
        string="Sales Team",
        default=lambda self: self._default_team_id(),
        check_company=True,
    )
    warehouse_id = fields.Many2one(
        comodel_name='stock.warehouse',
        string="Warehouse (FBM)",
        help="Ships the orders that Amazon does not fulfil.",
        compute='_compute_warehouse_id',
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        check_company=True,
    )
    location_id = fields.Many2one(
        comodel_name='stock.location',
        string="FBA Location",
        help="Your goods at Amazon's warehouses. FBA orders are taken from it.",
        default=lambda self: self._default_location_id(),
        domain="[('usage', '=', 'internal')]",
        required=True,
        check_company=True,
    )
    delivery_rule_ids = fields.One2many(
        comodel_name='amazon.delivery.rule',
        inverse_name='account_id',
        string="Delivery Methods",
        help="What FBM deliveries start with.",
    )
    pricelist_id = fields.Many2one(
        comodel_name='product.pricelist',
        help="Used for the orders in its currency. For other currencies a price list of the"
             " company is taken or made. The prices themselves are Amazon's.",
        check_company=True,
    )
    fiscal_position_id = fields.Many2one(
        comodel_name='account.fiscal.position',
        help="Leave it empty to let the destination of each order decide.",
        check_company=True,
    )
    only_matched_products = fields.Boolean(
        default=True,
        help="An order with a SKU that is not matched to a product waits until it is. Otherwise"
             " the default product stands in.",
    )
    shipped_elsewhere = fields.Selection(
        selection=[
            ('skip', "Skip them; import by hand where wanted"),
            ('import', "Import them, goods taken from the warehouse at once"),
        ],
        string="FBM Orders Shipped Outside Odoo",
        help="Orders that Odoo sees for the first time when they are shipped already.",
        default='skip',
        required=True,
    )
    payload_days = fields.Integer(
        string="Keep Amazon's Data (Days)",
        help="The data as Amazon sent them hold personal data. They are removed so many days after"
             " delivery; Amazon allows 30 at most.",
        default=30,
        required=True,
    )
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Default Product",
        help="Stands in for SKUs that are not matched.",
        default=lambda self: self._default_product_id('product_unmatched'),
        check_company=True,
    )
    shipping_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Shipping",
        help="Has no taxes of its own: taxed as the item it belongs to. So for the next ones.",
        default=lambda self: self._default_product_id('product_shipping'),
        required=True,
        check_company=True,
    )
    gift_wrap_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Gift Wrap",
        default=lambda self: self._default_product_id('product_gift_wrap'),
        required=True,
        check_company=True,
    )
    cod_fee_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Cash on Delivery Fee",
        default=lambda self: self._default_product_id('product_cod_fee'),
        required=True,
        check_company=True,
    )
    other_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Other Charges",
        default=lambda self: self._default_product_id('product_other'),
        required=True,
        check_company=True,
    )
    discount_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Discounts",
        default=lambda self: self._default_product_id('product_discount'),
        required=True,
        check_company=True,
    )
    rounding_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Rounding",
        help="Closes the cent that tax rounding leaves open.",
        default=lambda self: self._default_product_id('product_rounding'),
        required=True,
        check_company=True,
    )
    unexplained_product_id = fields.Many2one(
        comodel_name='product.product',
        string="Not Explained",
        help="Closes what the buyer paid, but Amazon's amounts do not explain. It holds back the"
             " invoice until somebody has looked at it.",
        default=lambda self: self._default_product_id('product_unexplained'),
        required=True,
        check_company=True,
    )
    last_order_sync = fields.Datetime(
        help="Everything that changed on Amazon until then is in Odoo. Set it back to read again"
             " all that changed since.",
        copy=False,
    )
    order_window = fields.Json(
        help="The search that the quota or a failure interrupted: its parameters and next page.",
        copy=False,
    )
    last_fetch = fields.Datetime(
        help="When Amazon was asked last, with or without success; not when its quota forbade it.",
        readonly=True,
        copy=False,
    )

    _payload_days_range = models.Constraint(
        'CHECK(payload_days BETWEEN 1 AND 30)',
        "Keep Amazon's data between 1 and 30 days.",
    )

    # === DEFAULT METHODS === #

    @api.model
    def _default_product_id(self, xmlid):
        return self.env.ref(f'amazon_connector.{xmlid}', raise_if_not_found=False)

    @api.model
    def _default_team_id(self):
        """Return the team that the company's accounts share, made at first need."""
        company = self.env.company
        # In sudo mode: an Amazon administrator need not be a sales administrator.
        Team = self.env['crm.team'].sudo()
        return self.search([('company_id', '=', company.id)], limit=1).team_id or Team.search(
            [('company_id', '=', company.id), ('name', '=', "Amazon")], limit=1,
        ) or Team.create({'name': "Amazon", 'company_id': company.id})

    @api.model
    def _default_location_id(self):
        """Return the location that the company's accounts share, made at first need.

        It is outside of every warehouse: what lies at Amazon can't be shipped by the company.
        """
        company = self.env.company
        # In sudo mode: an Amazon administrator need not be an inventory administrator.
        Location = self.env['stock.location'].sudo()
        account = self.search([('company_id', '=', company.id)], limit=1)
        return account.location_id or Location.search(
            [
                ('company_id', '=', company.id), ('name', '=', "Amazon"),
                ('usage', '=', 'internal'), ('warehouse_id', '=', False),
            ],
            limit=1,
        ) or Location.create({'name': "Amazon", 'usage': 'internal', 'company_id': company.id})

    # === COMPUTE METHODS === #

    @api.depends('stored_lwa_client_secret', 'stored_refresh_token')
    def _compute_masked_secrets(self):
        for account in self:
            # In sudo mode: nobody may read the secrets, all may know whether there are any.
            secrets = account.sudo()
            for name in SECRETS:
                account[name] = MASK if secrets[f'stored_{name}'] else False

    def _inverse_lwa_client_secret(self):
        self._store_secret('lwa_client_secret')

    def _inverse_refresh_token(self):
        self._store_secret('refresh_token')

    def _store_secret(self, name):
        """Keep what was entered for a secret, unless it is the mask that stands for it.

        One secret at a time: the other one has no value while this one is written.

        :param str name: One of `SECRETS`.
        :return: None
        """
        for account in self:
            if account[name] != MASK:
                # In sudo mode: the secrets are write-only.
                account.sudo()[f'stored_{name}'] = (account[name] or '').strip()
        self.invalidate_recordset([name])  # What was entered reads as the mask from now on.

    @api.depends('company_id')
    def _compute_warehouse_id(self):
        for account in self:
            if account.warehouse_id.company_id != account.company_id:
                account.warehouse_id = self.env['stock.warehouse'].search(
                    [('company_id', '=', account.company_id.id)], limit=1,
                )

    # === CONSTRAINT METHODS === #

    @api.constrains('environment', 'spapi_endpoint', 'lwa_endpoint')
    def _check_endpoints(self):
        # In sudo mode: whoever changes the environment may not read the addresses.
        for account in self.sudo().filtered(lambda a: a.environment == 'custom'):
            for name in ('spapi_endpoint', 'lwa_endpoint'):
                if not marketplaces.is_safe_endpoint(account[name] or ''):
                    raise ValidationError(self.env._(
                        "%(field)s: enter an address that starts with https://, or one of this"
                        " machine such as http://127.0.0.1:8070. A system administrator can.",
                        field=self._fields[name].get_description(self.env)['string'],
                    ))

    @api.constrains('synced_marketplace_ids', 'seller_id', 'company_id', 'active')
    def _check_marketplaces_synced_once(self):
        for account in self.filtered('active'):
            for other in account._get_siblings():
                if shared := account.synced_marketplace_ids & other.synced_marketplace_ids:
                    raise ValidationError(self.env._(
                        "Synchronized Marketplaces: %(marketplaces)s is synchronized by the account"
                        " %(account)s already. Remove it from one of the two.",
                        marketplaces=', '.join(shared.mapped('name')),
                        account=other.name,
                    ))

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to forget the access token when it is for somebody else."""
        res = super().write(vals)
        if vals.keys() & {'environment', 'spapi_endpoint', 'lwa_endpoint', 'region', 'seller_id',
                          'lwa_client_id', 'lwa_client_secret', 'refresh_token'}:
            self.env['amazon.access.token'].sudo().search(  # In sudo mode: nobody may read them.
                [('account_id', 'in', self.ids)],
            ).unlink()
        return res

    # === ACTION METHODS === #

    def action_connect(self):
        """Check the credentials with Amazon and read where the seller sells.

        The outcome stands on the account: its state, and the reason when it can't connect.

        :return: The notification to show.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('write')
        self._check_credentials_given()
        try:
            with self._get_client() as client:
                participations = marketplaces.parse_participations(
                    marketplaces.fetch_participations(client),
                )
        except AmazonError as error:
            self._mark_error(error, button=self.env._("Connect"))
            return self._notify(self.last_error, 'danger')
        self._mark_connected(participations)
        message = self.env._(
            "Connected. You sell on %(marketplaces)s.",
            marketplaces=', '.join(self.available_marketplace_ids.mapped('name')),
        )
        activated = self._activate_currencies(self.synced_marketplace_ids.currency_id)
        if activated:
            message += ' ' + self.env._(
                "Their currencies were activated: %(currencies)s. Check their exchange rates under"
                " Accounting ▸ Configuration ▸ Currencies.",
                currencies=', '.join(activated.mapped('name')),
            )
        return self._notify(message, 'success')

    def action_sync_orders(self):
        """Fetch the orders that changed and import them, up to a time budget.

        Each page and each batch is committed; what is left over is done by the crons.

        :return: The notification to show: what came, what became of it, what is in the way.
        :rtype: dict
        """
        accounts = self._get_syncable()
        budget = TimeBudget(SYNC_SECONDS)
        fetched = accounts._fetch_orders_safely(budget)
        Order = self.env['amazon.order'].sudo()  # In sudo mode: as `accounts`.
        outcomes = Order._import_orders(budget, accounts)
        outcomes['failed'] += Order._count_incomplete(accounts)
        return accounts._get_sync_notification(fetched, outcomes)

    def action_sync_pickings(self):
        """Tell Amazon of the deliveries that wait for it, up to a time budget.

        :return: The notification to show: what was sent, and what is in the way.
        :rtype: dict
        """
        return self._get_syncable()._send_shipments(TimeBudget(SYNC_SECONDS))

    def _get_syncable(self):
        """Return the accounts of a button: those of `self`, or else all that are connected.

        :return: The accounts in sudo mode: synchronizing takes more rights than an Amazon user
                 needs to have.
        :rtype: amazon.account
        :raise UserError: If one is not connected.
        """
        accounts = self or self.search([('state', '=', 'connected')])
        accounts.check_access('read')
        # Salespeople and warehouse people may see accounts, but not synchronize.
        self.env['amazon.order'].check_access('write')
        if archived := accounts.filtered(lambda account: not account.active):
            raise UserError(self.env._(
                "The account %(account)s is archived: un-archive it under Amazon ▸ Configuration ▸"
                " Accounts, filter Archived.",
                account=archived[0].name,
            ))
        if not accounts or any(account.state != 'connected' for account in accounts):
            raise UserError(accounts.filtered('reason')[:1].reason or self.env._(
                "The account is not connected yet. Enter its credentials and press Connect.",
            ))
        return accounts.sudo()

    # === BUSINESS METHODS - CONNECTION === #

    def _get_siblings(self):
        """Return the other accounts of the same seller in the same company."""
        self.ensure_one()
        return self.search([
            ('seller_id', '=', self.seller_id),
            ('company_id', '=', self.company_id.id),
            ('id', '!=', self.id),
        ])

    def _get_account_of(self, marketplace):
        """Return which account of this seller synchronizes a marketplace, this one if none does.

        :param amazon.marketplace marketplace: Where an order was placed.
        :rtype: amazon.account
        """
        self.ensure_one()
        if marketplace in self.synced_marketplace_ids:
            return self
        return self._get_siblings().filtered(
            lambda account: marketplace in account.synced_marketplace_ids,
        )[:1] or self

    @contextmanager
    def _get_client(self):
        """Open a client that calls Amazon with the credentials, quota and token of this account.

        :return: The client; its connections close with the context.
        :rtype: amazon.client.Client
        """
        self.ensure_one()
        account = self.sudo()  # In sudo mode to read the secrets.
        if account.environment == 'custom':
            endpoint, lwa_endpoint = account.spapi_endpoint, account.lwa_endpoint
        else:
            endpoint = marketplaces.ENDPOINTS[account.environment][account.region]
            lwa_endpoint = marketplaces.LWA_ENDPOINT
        quota_owner = {
            'seller_id': account.seller_id,
            'lwa_client_id': account.lwa_client_id,
            'endpoint': endpoint,
        }
        with Client(
            Credentials(
                account.lwa_client_id,
                account.stored_lwa_client_secret,
                account.stored_refresh_token,
            ),
            endpoint,
            lwa_endpoint,
            DatabaseLimiter(account, quota_owner),
            DatabaseTokenStore(account),
        ) as client:
            yield client

    @contextmanager
    def _call_amazon(self, cron_xmlid):
        """Open a client for the job of a cron; whatever interrupts the job is kept on this account.

        What the job has not committed is rolled back then.

        :param str cron_xmlid: The external id of the cron, which goes on with the job.
        :return: The client.
        :rtype: amazon.client.Client
        """
        self.ensure_one()
        try:
            with self._get_client() as client:
                yield client
        except Exception as exception:
            self.env.cr.rollback()
            self._note_interruption(exception, self.env.ref(cron_xmlid).sudo())

    def _note_interruption(self, exception, cron):
        """Keep on this account why a job was interrupted, and see to it that it goes on.

        If another worker has taken over meanwhile, its outcome is the one to keep.

        :param Exception exception: What interrupted the job.
        :param ir.cron cron: The cron that goes on with it, in sudo mode.
        :return: None
        """
        now = fields.Datetime.now()
        retry_at = now + RETRY_PAUSE
        if isinstance(exception, Throttled):
            retry_at = exception.retry_at.replace(tzinfo=None) + timedelta(seconds=1)
        try:
            is_conflict = isinstance(exception, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)
            if is_conflict or retry_at < now + AT_ONCE:
                # For a time to come Odoo wakes up once a minute only. To start the job anew takes
                # about as long as a quota of some calls a second needs to have one again.
                cron._trigger()
            else:
                if isinstance(exception, (Throttled, Unavailable)):
                    cron._trigger(at=retry_at)
                if self.try_lock_for_update(allow_referencing=True):
                    if retry_at >= now + RETRY_PAUSE:
                        self._mark_error(exception)
                    self._note_turn(exception)
            self.env['ir.cron']._commit_progress()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.cr.rollback()

    def _check_credentials_given(self):
        """Refuse to connect while a credential is missing.

        :raise UserError: Naming the fields.
        """
        missing = [
            self._fields[name].get_description(self.env)['string']
            for name in ('seller_id', 'lwa_client_id', *SECRETS)
            if not self[name]
        ]
        if missing:
            raise UserError(self.env._(
                "Enter %(fields)s first. The question mark beside each field says where Seller"
                " Central shows it.",
                fields=', '.join(missing),
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
        values = {
            'state': 'connected',
            'reason': False,
            'last_error': False,
            'last_error_date': False,
            'available_marketplace_ids': [Command.set(available.ids)],
        }
        if not self.synced_marketplace_ids:
            elsewhere = self._get_siblings().synced_marketplace_ids
            values['synced_marketplace_ids'] = [Command.set((available - elsewhere).ids)]
        if not self.last_order_sync:
            values['last_order_sync'] = self._get_first_sync()
        self.write(values)
        self._close_attention()

    def _mark_error(self, error, button=None):
        """Show on the account what went wrong with a call.

        :param Exception error: What stopped the call. `Unauthorized` stops the account.
        :param str button: See `_get_error_reason`.
        :return: None
        """
        self.ensure_one()
        reason = self._get_error_reason(error, button)
        values = {'last_error': reason, 'last_error_date': fields.Datetime.now()}
        if isinstance(error, Unauthorized):
            values['state'] = 'error'
            self._ask_for_attention(reason)
            self.activity_search(['amazon_connector.mail_activity_type_attention']).note = reason
        if isinstance(error, Unauthorized) or self.state != 'connected':
            values['reason'] = reason
        self.write(values)

    def _get_error_reason(self, error, button=None):
        """Return a sentence about a failed call, with the next step.

        :param Exception error: What stopped the call.
        :param str button: What a person pressed and has to press again; without it, the call is
                           repeated by itself.
        :rtype: str
        """
        if not isinstance(error, AmazonError):
            return self._get_failure_reason(error)
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
        if isinstance(error, NotFound):
            return self.env._(
                "Amazon knows no such order of this account. Check the reference, and whether"
                " another account sold it.",
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
                " expired. Authorize the app in Seller Central, enter the new Refresh Token and"
                " press Connect.",
            )
        if {'invalid_client', 'unauthorized_client'} & set(error.codes):
            return self.env._(
                "Amazon does not accept the LWA Client ID and Secret. Amazon wants the secret"
                " renewed every 180 days: enter the current ones and press Connect.",
            )
        return self.env._(
            "Amazon denies access. Check the app's roles and authorization in Seller Central, then"
            " press Connect. (%(error)s)",
            error=error,
        )

    def _compare_seller_id(self, seller_id):
        """Tell the person in charge if Amazon calls the seller by another ID than the account does.

        Only its reports on feeds name the seller: to everything else the token is enough.

        :param str seller_id: As Amazon wrote it, empty if it did not.
        :return: None
        """
        self.ensure_one()
        if seller_id and seller_id != self.seller_id:
            self._warn_person_in_charge(self.env._(
                "The Seller ID of this account is %(ours)s, but Amazon calls the seller %(theirs)s."
                " Correct the Seller ID, then press Connect.",
                ours=self.seller_id,
                theirs=seller_id,
            ))

    # === BUSINESS METHODS - SHIPMENTS OUT === #

    @api.model
    def _cron_send_deliveries(self):
        """Tell Amazon of the deliveries that wait for it, of one account after the other.

        :return: None
        """
        for outbox in self.env['amazon.outbox.mixin']._get_outboxes():
            self.env[outbox]._mark_overdue()
        accounts = self.search([('state', '=', 'connected')])
        self.env['ir.cron']._commit_progress(remaining=len(accounts))
        for account in accounts:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            account._send_shipments_safely(TimeBudget(SYNC_SECONDS))
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _send_shipments(self, budget, domain=Domain.TRUE):
        """Tell Amazon of the deliveries that wait for it, and bring the open feeds forward.

        :param TimeBudget budget: What is not sent when it is spent is left to the crons.
        :param Domain domain: Which shipments.
        :return: The notification to show.
        :rtype: dict
        """
        outcomes = Counter()
        for account in self:
            outcomes += account._send_shipments_safely(budget, domain)
            account._process_feeds(budget)
        outcomes['waiting'] = self.env['amazon.shipment'].search_count(
            domain & Domain('account_id', 'in', self.ids) & Domain('state', '=', 'to_send'),
        )
        return self._get_sending_notification(outcomes)

    def _send_shipments_safely(self, budget, domain=Domain.TRUE):
        """Tell Amazon of the deliveries that wait; whatever goes wrong is kept on this account.

        :param TimeBudget budget: What is not sent when it is spent is left to the cron.
        :param Domain domain: Which shipments.
        :return: How many packages were `sent`, `fed` into a feed, `failed`.
        :rtype: Counter
        """
        self.ensure_one()
        outcomes = Counter()
        with self._call_amazon('amazon_connector.ir_cron_send_deliveries') as client:
            self.env['amazon.shipment']._send_due(client, self, budget, domain, outcomes)
        self._follow_up_failures()
        self.env['ir.cron']._commit_progress()
        return outcomes

    def _process_feeds(self, budget):
        """Put what only feeds can tell into feeds, and bring the open feeds forward.

        :param TimeBudget budget: No feed is begun with when it is spent.
        :return: None
        """
        self.ensure_one()
        self.env['amazon.feed']._fill(self)
        for feed in self.env['amazon.feed']._get_open(self):
            if self.state == 'connected' and not budget.is_spent():
                with self._call_amazon('amazon_connector.ir_cron_process_feeds') as client:
                    feed._process(client)

    # === BUSINESS METHODS - ATTENTION === #

    def _ask_for_attention(self, note):
        """Plan one activity for the person in charge, unless there is one already.

        :param str note: What happened, in a sentence.
        :return: None
        """
        self.ensure_one()
        activity_type = 'amazon_connector.mail_activity_type_attention'
        if not self.activity_search([activity_type]):
            self.activity_schedule(
                activity_type,
                note=note,
                user_id=self._get_person_in_charge().id,
            )

    def _warn_person_in_charge(self, note):
        """Plan an activity about something that happens once, unless it is planned already.

        :param str note: What happened and what to do, in a sentence.
        :return: None
        """
        self.ensure_one()
        plan_warning(self, note, self._get_person_in_charge())

    def _get_person_in_charge(self):
        """Return who is told what needs attention.

        :rtype: res.users
        """
        people = self.user_id | self.create_uid
        return people.filtered('active')[:1] or self.env.user

    def _close_attention(self):
        """Take back the activity: nothing needs attention any more.

        :return: None
        """
        self.activity_unlink(['amazon_connector.mail_activity_type_attention'])

    def _follow_up_failures(self):
        """Plan the activity of the account while something needs attention, else take it back.

        :return: None
        """
        self.ensure_one()
        failed = [('account_id', '=', self.id), ('state', '=', 'failed')]
        if self.env['amazon.order'].search_count(failed, limit=1):
            self._ask_for_attention(self.env._(
                "Amazon orders could not be imported. Amazon ▸ Orders ▸ Amazon Orders, filter Needs"
                " Attention, shows each with its reason.",
            ))
        elif self.env['amazon.shipment'].search_count(failed, limit=1):
            self._ask_for_attention(self.env._(
                "Amazon could not be told of deliveries. Amazon ▸ Deliveries, filter Failed, shows"
                " each with its reason.",
            ))
        elif self.state == 'connected':
            self._close_attention()

    # === BUSINESS METHODS - NOTIFICATIONS === #

    def _get_sync_notification(self, fetched, outcomes):
        """Say what a synchronization did.

        :param int fetched: How many orders were new or had changed, `None` if nobody asked Amazon.
        :param collections.Counter outcomes: How many orders were `created`, `updated`,
                                             `cancelled`, `moved`, `skipped`, `failed`.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [
            label % {'count': outcomes[key]}
            for key, label in (
                ('created', self.env._("%(count)s created")),
                ('updated', self.env._("%(count)s updated")),
                ('cancelled', self.env._("%(count)s cancelled")),
                ('moved', self.env._("%(count)s taken from stock")),
                ('skipped', self.env._("%(count)s not for Odoo (yet)")),
                (
                    'failed',
                    self.env._("1 order needs attention") if outcomes['failed'] == 1
                    else self.env._("%(count)s orders need attention"),
                ),
            )
            if outcomes[key]
        ]
        message = ', '.join(parts)
        if fetched:
            message = self.env._(
                "%(fetched)s fetched: %(parts)s",
                fetched=fetched, parts=message or self.env._("imported by and by"),
            )
        elif not message and not self._get_erroneous():
            message = self.env._("No new orders") if fetched == 0 else self.env._("Nothing to do")
        return self._notify_with_errors(
            message, outcomes['failed'], {'label': self.env._("Open Orders"), 'url': INBOX_URL},
        )

    def _get_sending_notification(self, outcomes):
        """Say what became of the deliveries that waited for Amazon.

        :param collections.Counter outcomes: How many packages were `sent`, `fed` into a feed,
                                             `failed` or are still `waiting`.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [
            label % {'count': outcomes[key]}
            for key, label in (
                ('sent', self.env._("%(count)s sent")),
                ('fed', self.env._("%(count)s in a feed")),
                (
                    'failed',
                    self.env._("1 needs attention") if outcomes['failed'] == 1
                    else self.env._("%(count)s need attention"),
                ),
                ('waiting', self.env._("%(count)s will be sent shortly")),
            )
            if outcomes[key]
        ]
        if parts:
            message = self.env._("Packages: %(parts)s", parts=', '.join(parts))
        else:
            message = '' if self._get_erroneous() else self.env._("Nothing to send")
        return self._notify_with_errors(
            message,
            outcomes['failed'],
            {'label': self.env._("Open Deliveries"), 'url': DELIVERIES_URL},
        )

    def _get_erroneous(self):
        """Return the accounts with which something is wrong."""
        return self.filtered(lambda account: account.state == 'error' or account.last_error)

    def _notify_with_errors(self, message, failed_count, link):
        """Return a notification that also says what is wrong with the accounts.

        :param str message: What was done; empty if nothing was.
        :param int failed_count: How much of it failed.
        :param dict link: As `_notify` wants it.
        :rtype: dict
        """
        erroneous = self._get_erroneous()
        messages = [message] if message else []
        messages += [
            f'{account.name}: {account.reason or account.last_error}' for account in erroneous
        ]
        return self._notify(
            ' · '.join(messages),
            'warning' if erroneous or failed_count else 'success',
            links=[link],
        )

    def _notify(self, message, kind, links=None):
        """Return a notification, with links behind the message, that refreshes the view.

        :param str message: What to say.
        :param str kind: `success`, `warning` or `danger`.
        :param list[dict] links: `label` and `url` of each.
        :rtype: dict
        """
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message + ' · %s' * len(links or ()),
                'links': links or [],
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }
