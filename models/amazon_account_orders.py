from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from .amazon_sync import Run
from .guard import as_connector
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget, to_naive

INBOX_URL = '/odoo/action-amazon_connector.action_amazon_order'


class AmazonAccount(models.Model):
    """Orders in: when they are fetched, and how they are to be made."""

    _inherit = 'amazon.account'

    user_id = fields.Many2one(
        string="Salesperson",
        help="Responsible for the orders, and told when something needs attention.",
        default=lambda self: self.env.company.amazon_user_id,
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
    cut_over = fields.Datetime(
        string="Cut-Over",
        help="Orders bought before it become sales orders, but never move stock and get no"
             " delivery: the stock in Odoo was counted without their goods. Amazon is told nothing"
             " of them, so ship open ones as until then. Orders that are in Odoo already stay as"
             " they are.",
        tracking=True,
    )
    delivery_rule_ids = fields.One2many(
        comodel_name='amazon.delivery.rule',
        inverse_name='account_id',
        string="Delivery Methods",
        help="What FBM deliveries start with.",
        copy=True,
    )
    pricelist_id = fields.Many2one(
        comodel_name='product.pricelist',
        help="Used for the orders in its currency. For other currencies a price list of the"
             " company is taken or made. The prices themselves are Amazon's.",
        default=lambda self: self.env.company.amazon_pricelist_id,
        check_company=True,
    )
    fiscal_position_id = fields.Many2one(
        comodel_name='account.fiscal.position',
        help="Leave it empty to let the destination of each order decide.",
        check_company=True,
    )
    shares_buyers = fields.Boolean(
        string="Share Buyers with All Companies",
        help="Buyers and their addresses belong to no company, so that everybody in this database"
             " who sees contacts sees them. Otherwise they belong to the company of the account.",
        tracking=True,
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
             " delivery or, where Amazon does not tell of it, after shipment; Amazon allows 30 at"
             " most. Gift messages and reasons to cancel go with them.",
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
        help="Has no taxes of its own: taxed as the item that it belongs to.",
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
    sold_elsewhere = fields.Selection(
        selection=[
            ('skip', "Skip them"),
            ('move', "Take their goods from the FBA location, without a sales order"),
        ],
        string="Orders of Other Shops That Amazon Ships",
        help="Multi-channel orders: sold in a web shop, for instance, and shipped by Amazon. Where"
             " that shop is in Odoo too, it has the sales order, and only the goods are missing.",
        default='skip',
        required=True,
    )
    last_order_sync = fields.Datetime(
        help="Everything that changed on Amazon until then is in Odoo. Set it back to read again"
             " all that changed since. It counts for all accounts of the connection.",
        compute='_compute_order_sync',
        inverse='_inverse_last_order_sync',
        compute_sudo=True,
        copy=False,
    )
    last_fetch = fields.Datetime(
        help="When Amazon was asked last, with or without success; not when its quota forbade it.",
        compute='_compute_order_sync',
        compute_sudo=True,
    )

    @api.model
    def _default_product_id(self, xmlid):
        return self.env.ref(f'amazon_connector.{xmlid}', raise_if_not_found=False)

    @api.model
    def _default_team_id(self):
        """Return the team that the company's accounts share, if there is one."""
        company = self.env.company
        if company.amazon_team_id:
            return company.amazon_team_id
        # In sudo mode: an Amazon administrator need not be a sales administrator.
        Team = self.env['crm.team'].sudo()
        return self.search([('company_id', '=', company.id)], limit=1).team_id or Team.search(
            [('company_id', '=', company.id), ('name', '=', "Amazon")], limit=1,
        )

    @api.model
    def _default_location_id(self):
        """Return the location that the company's accounts share, if there is one.

        It is outside of every warehouse: what lies at Amazon can't be shipped by the company.
        """
        company = self.env.company
        if company.amazon_location_id:
            return company.amazon_location_id
        # In sudo mode: an Amazon administrator need not be an inventory administrator.
        Location = self.env['stock.location'].sudo()
        account = self.search([('company_id', '=', company.id)], limit=1)
        return account.location_id or Location.search(
            [
                ('company_id', '=', company.id), ('name', '=', "Amazon"),
                ('usage', '=', 'internal'), ('warehouse_id', '=', False),
            ],
            limit=1,
        )

    # === COMPUTE METHODS === #

    @api.depends('connection_id.sync_ids.cursor', 'connection_id.sync_ids.last_run')
    def _compute_order_sync(self):
        for account in self:
            sync = account.connection_id.sync_ids.filtered(lambda sync: sync.way == 'orders')
            account.last_order_sync = sync.cursor
            account.last_fetch = sync.last_run

    def _inverse_last_order_sync(self):
        for account in self:
            account.connection_id._get_sync('orders')._set_cursor(account.last_order_sync)
            if account.last_order_sync:
                account.with_context(amazon_order_sync_given=True)._start()

    @api.depends('company_id')
    def _compute_warehouse_id(self):
        for account in self:
            company = account.company_id
            if account.warehouse_id.company_id != company:
                account.warehouse_id = company.amazon_warehouse_id or (
                    self.env['stock.warehouse'].search([('company_id', '=', company.id)], limit=1)
                )

    # === CONSTRAINT METHODS === #

    @api.constrains('payload_days')
    def _check_payload_days(self):
        for account in self:
            if not 1 <= account.payload_days <= 30:
                raise ValidationError(self.env._(
                    "%(field)s: enter 1 to 30 days. Amazon allows no more.",
                    field=self._fields['payload_days'].get_description(self.env)['string'],
                ))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to make the sales team and the FBA location of a company's first
        account.
        """
        self.check_access('create')
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            company = self.env['res.company'].browse(vals.get('company_id')) or self.env.company
            self.with_company(company)._add_first_records(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of `base`: who says since when orders are read, says it for added marketplaces,
        too. The buyers that are known already follow the setting.
        """
        if 'last_order_sync' in vals:
            self = self.with_context(amazon_order_sync_given=True)
        changed = self.filtered(
            lambda account: account.shares_buyers != bool(vals['shares_buyers']),
        ) if 'shares_buyers' in vals else self.browse()
        res = super().write(vals)
        changed._follow_sharing()
        return res

    # === ACTION METHODS === #

    def action_sync_orders(self):
        """Fetch the orders that changed and import them, up to a time budget.

        Each page and each batch is committed; what is left over is done by the crons.

        :return: The notification to show: what came, what became of it, what is in the way.
        :rtype: dict
        """
        accounts = self._get_syncable()
        accounts._start()
        budget = TimeBudget(SYNC_SECONDS)
        fetched = accounts._fetch_orders(budget)
        Order = self.env['amazon.order'].sudo()  # In sudo mode: as `accounts`.
        outcomes = Order._import_orders(budget, accounts)
        outcomes['failed'] += Order._count_incomplete(accounts)
        return accounts._get_sync_notification(fetched, outcomes)

    # === BUSINESS METHODS - CREATION === #

    @api.model
    def _add_first_records(self, vals):
        """Add the team and the location to the values of an account, made if there are none.

        :param dict vals: The values.
        :return: None
        """
        company = self.env.company
        team = self._default_team_id()
        if not (vals.get('team_id') or team):
            # In sudo mode: as in `_default_team_id`.
            team = self.env['crm.team'].sudo().create({'name': "Amazon", 'company_id': company.id})
            vals['team_id'] = team.id
        vals.setdefault('team_id', team.id)
        vals.setdefault('user_id', company.amazon_user_id.id)
        vals.setdefault('pricelist_id', company.amazon_pricelist_id.id)
        if not vals.get('location_id'):
            vals['location_id'] = self._get_or_make_location().id

    @api.model
    def _get_or_make_location(self):
        """Return the location that the company's accounts share, made if there is none.

        :rtype: stock.location
        """
        # In sudo mode: as in `_default_location_id`.
        return self._default_location_id() or self.env['stock.location'].sudo().create({
            'name': "Amazon", 'usage': 'internal', 'company_id': self.env.company.id,
        })

    # === BUSINESS METHODS - CUT-OVER === #

    def _get_cut_over_of(self, purchased_at):
        """Return the cut-over that an order was bought before, if it was.

        :param datetime purchased_at: When the order was bought (aware).
        :rtype: datetime | bool
        """
        self.ensure_one()
        is_before = self.cut_over and to_naive(purchased_at) < self.cut_over
        return is_before and self.cut_over

    # === BUSINESS METHODS - BUYERS === #

    def _get_buyer_company(self):
        """Return the company that the buyers belong to, empty where companies share them.

        :rtype: res.company
        """
        self.ensure_one()
        return self.env['res.company'] if self.shares_buyers else self.company_id

    def _follow_sharing(self):
        """Let the buyers and addresses that are known belong to whom the account says.

        :return: None
        """
        for account in self:
            # In sudo mode: an Amazon administrator need not have rights on contacts.
            self.env['res.partner'].sudo().with_context(active_test=False).search([
                ('amazon_account_id', '=', account.id),
            ]).company_id = account._get_buyer_company()

    # === BUSINESS METHODS - FETCHING === #

    @api.model
    def _cron_fetch_orders(self):
        """Fetch the orders that changed, of all connections in turn.

        :return: None
        """
        self.env['amazon.sync']._run_way('orders', TimeBudget(CRON_SECONDS))

    def _fetch_orders(self, budget):
        """Fetch the orders that changed, through the connections of these accounts.

        :param TimeBudget budget: What is not fetched when it is spent is left to the cron.
        :return: How many orders came that were new or had changed.
        :rtype: int
        """
        run = Run(budget)
        self.connection_id._get_sync('orders')._run(run)
        return run.outcomes['fetched']

    def _follow_connecting(self):
        """Override of `amazon_connector` to read the orders of a new connection from some past."""
        super()._follow_connecting()
        sync = self.connection_id._get_sync('orders')
        if not sync.cursor:
            sync.cursor = sync._get_first_sync()

    def _follow_added_marketplaces(self, marketplaces, since=None):
        """Override of `amazon_connector` to read the older orders of marketplaces, too."""
        super()._follow_added_marketplaces(marketplaces, since)
        sync = self.connection_id._get_sync('orders')
        has_begun = sync.last_success or sync.window
        # A search that is under way leaves out what was added since it began.
        is_covered = since and sync.cursor and sync.cursor <= since and not sync.window
        if has_begun and not (is_covered or self.env.context.get('amazon_order_sync_given')):
            self._note_reading(marketplaces, sync._read_from_beginning(marketplaces, since))

    def _follow_start(self, since):
        """Override of `amazon_connector` to read orders since then, and leave others their time."""
        super()._follow_start(since)
        marketplaces = self._get_wanted_marketplaces()
        if not since:
            self._follow_added_marketplaces(marketplaces)
            return
        sync = self.connection_id._get_sync('orders')
        if self.connection_id._get_started_marketplaces() - marketplaces:
            sync._read_since(marketplaces, since)
        else:
            sync.write({'cursor': since, 'window': False})
        self._note_reading(marketplaces, since)

    def _note_reading(self, marketplaces, since):
        """Say since when the orders of marketplaces are read.

        :param amazon.marketplace marketplaces: The marketplaces.
        :param datetime since: The time (UTC, naive).
        :return: None
        """
        self.message_post(body=self.env._(
            "%(marketplaces)s: orders that changed since %(date)s are read now. Fetch an Order"
            " brings older ones.",
            marketplaces=', '.join(marketplaces.mapped('name')),
            date=format_date(self.env, since),
        ))

    def _take_over_from(self, others, marketplaces):
        """Override of `amazon_connector` to let the inbox and open sales orders follow first."""
        # In sudo mode: inbox and sales are not written by Amazon administrators.
        self.env['amazon.order'].sudo().search([
            ('account_id', 'in', others.ids), ('marketplace_id', 'in', marketplaces.ids),
        ]).account_id = self
        open_orders = self.env['sale.order'].sudo().search([
            ('amazon_account_id', 'in', others.ids),
            ('amazon_marketplace_id', 'in', marketplaces.ids),
            ('state', '=', 'sale'),
        ])
        with as_connector():
            open_orders.amazon_account_id = self
        super()._take_over_from(others, marketplaces)

    def _get_read_until(self):
        """Override of `amazon_connector`: what came after the cursor has not been read."""
        cursor = self.connection_id._get_sync('orders').cursor
        return min(filter(None, (super()._get_read_until(), cursor)))

    def _find_problems(self):
        """Override of `amazon_connector` to look for marketplaces, and for who imports."""
        problems = super()._find_problems()
        cron = self.env.ref('amazon_connector.ir_cron_import_orders')
        if not cron.active:
            problems.append(self._get_cron_problem(self.env._("Orders"), cron))
        if not self._get_wanted_marketplaces():
            problems.append(self.env._(
                "Synchronized Marketplaces: none is chosen, so that no orders come in.",
            ))
        return problems

    def _find_failures(self):
        """Override of `amazon_connector` to look for orders."""
        failed = [('account_id', '=', self.id), ('state', '=', 'failed')]
        if self.env['amazon.order'].search_count(failed, limit=1):
            return self.env._(
                "Amazon orders could not be imported. Amazon ▸ Orders ▸ Amazon Orders, filter Needs"
                " Attention, shows each with its reason.",
            )
        return super()._find_failures()

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
                fetched=fetched, parts=message or self.env._("they are being imported"),
            )
        elif not message and not self._get_erroneous():
            message = self.env._("No new orders") if fetched == 0 else self.env._("Nothing to do")
        return self._notify_with_errors(
            message, outcomes['failed'], [{'label': self.env._("Open Orders"), 'url': INBOX_URL}],
        )
