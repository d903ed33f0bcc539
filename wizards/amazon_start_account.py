from datetime import datetime, time, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..models.tools import to_naive

KNOWN_TO_AMAZON = timedelta(days=730)
SETTINGS = ('warehouse_id', 'team_id', 'user_id', 'only_matched_products', 'shipped_elsewhere')


def begin_with(name):
    """Return a compute method that begins with what the account says.

    :param str name: The name of the field, which is that of the account's.
    """
    @api.depends('account_id')
    def compute(wizards):
        for wizard in wizards:
            wizard[name] = wizard.account_id[name]
    return compute


class AmazonStartAccount(models.TransientModel):
    """Asks from when and where to orders are fetched, before any is."""

    _name = 'amazon.start.account'
    _description = "Start an Amazon Account"
    _check_company_auto = True

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        default=lambda self: self._default_account_id(),
        required=True,
        readonly=True,
        check_company=True,
    )
    company_id = fields.Many2one(related='account_id.company_id', related_sudo=False)
    since = fields.Datetime(
        string="Read Orders Since",
        help="Amazon counts changes: an order that is older comes in if it changed since then."
             " Amazon knows the orders of two years.",
        default=lambda self: self._default_since(),
        required=True,
    )
    available_marketplace_ids = fields.Many2many(
        related='account_id.available_marketplace_ids', related_sudo=False,
    )
    marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        string="Marketplaces",
        help="Whose orders come into Odoo through this account.",
        compute='_compute_marketplace_ids',
        compute_sudo=False,
        store=True,
        readonly=False,
        domain="[('id', 'in', available_marketplace_ids)]",
    )
    warehouse_id = fields.Many2one(
        comodel_name='stock.warehouse',
        string="Warehouse (FBM)",
        help="Ships the orders that Amazon does not fulfil.",
        compute=begin_with('warehouse_id'),
        compute_sudo=False,
        store=True,
        readonly=False,
        check_company=True,
    )
    location_id = fields.Many2one(
        comodel_name='stock.location',
        string="FBA Location",
        help="Your goods at Amazon's warehouses. FBA orders are taken from it. Leave it empty to"
             " take the one that the accounts of the company share, “Amazon”; it is made if there"
             " is none.",
        compute=begin_with('location_id'),
        compute_sudo=False,
        store=True,
        readonly=False,
        domain="[('usage', '=', 'internal')]",
        check_company=True,
    )
    team_id = fields.Many2one(
        comodel_name='crm.team',
        string="Sales Team",
        compute=begin_with('team_id'),
        compute_sudo=False,
        store=True,
        readonly=False,
        check_company=True,
    )
    user_id = fields.Many2one(
        comodel_name='res.users',
        string="Salesperson",
        help="Responsible for the orders, and told when something needs attention.",
        compute=begin_with('user_id'),
        compute_sudo=False,
        store=True,
        readonly=False,
        check_company=True,
    )
    only_matched_products = fields.Boolean(
        help="An order with a SKU that is not matched to a product waits until it is. Otherwise"
             " the default product stands in.",
        compute=begin_with('only_matched_products'),
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    shipped_elsewhere = fields.Selection(
        selection=lambda self: self._get_ways_shipped_elsewhere(),
        string="FBM Orders Shipped Outside Odoo",
        help="Orders that Odoo sees for the first time when they are shipped already.",
        compute=begin_with('shipped_elsewhere'),
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    stock_counted = fields.Selection(
        selection=[
            ('now', "The stock in Odoo is right as of now: orders bought earlier move none"),
            ('earlier', "It is right as of another moment"),
            ('never', "All orders that come in move stock"),
        ],
        string="Stock",
        help="Orders bought before the cut-over become sales orders all the same, but without"
             " deliveries and stock moves. Do not count the goods of those that are still open, and"
             " ship them as until now: Amazon is told nothing of them.",
        default='now',
        required=True,
    )
    cut_over = fields.Datetime(string="Cut-Over", default=lambda self: self._default_since())

    # === DEFAULT METHODS === #

    @api.model
    def _default_account_id(self):
        return self.env['amazon.account'].search(
            [('state', '=', 'connected'), ('is_started', '=', False)], limit=1,
        )

    @api.model
    def _default_since(self):
        """Return when the day of the user began.

        :rtype: datetime
        """
        midnight = datetime.combine(fields.Date.context_today(self), time())
        return to_naive(self.env.tz.localize(midnight))

    @api.model
    def _get_ways_shipped_elsewhere(self):
        return self.env['amazon.account']._fields['shipped_elsewhere']._description_selection(
            self.env,
        )

    # === COMPUTE METHODS === #

    @api.depends('account_id')
    def _compute_marketplace_ids(self):
        for wizard in self:
            wizard.marketplace_ids = wizard.account_id.synced_marketplace_ids

    # === ACTION METHODS === #

    def action_start(self):
        """Write the settings to the account, start it, and fetch what there is, as *Sync Orders*
        does.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If the account can't be started, or an answer is wrong, naming the field.
        """
        self.ensure_one()
        account = self.account_id
        account.check_access('write')
        self._check_startable()
        self._check_answers()
        account.write(self._prepare_account_values())
        account._start(self.since)
        notification = account.action_sync_orders()
        notification['params']['next'] = {'type': 'ir.actions.act_window_close'}
        return notification

    # === BUSINESS METHODS === #

    def _check_startable(self):
        """Refuse to start what is not connected, or was started before.

        :return: None
        :raise UserError: Saying what to do instead.
        """
        self.account_id._get_syncable()
        if self.account_id.is_started:
            raise UserError(self.env._(
                "The account %(account)s is started already. Change its settings on its form; Fetch"
                " an Order brings older orders.",
                account=self.account_id.name,
            ))

    def _check_answers(self):
        """Refuse to start with answers that are wrong or missing.

        :return: None
        :raise UserError: Naming the field.
        """
        now = fields.Datetime.now()
        if self.since > now:
            raise UserError(self.env._(
                "Read Orders Since: this lies in the future. Enter when the first order changed"
                " that is to come in, now at the latest.",
            ))
        if self.since < now - KNOWN_TO_AMAZON:
            raise UserError(self.env._(
                "Read Orders Since: Amazon knows the orders of two years. Enter %(date)s or later.",
                date=format_date(self.env, now - KNOWN_TO_AMAZON + timedelta(days=1)),
            ))
        if not self.marketplace_ids:
            raise UserError(self.env._(
                "Marketplaces: choose at least one, or no orders come in.",
            ))
        if unknown := self.marketplace_ids - self.available_marketplace_ids:
            raise UserError(self.env._(
                "Marketplaces: Amazon does not say that you sell on %(marketplaces)s. Remove them,"
                " or press Connect Again on the account to read where you sell.",
                marketplaces=', '.join(unknown.mapped('name')),
            ))
        if self.location_id and self.location_id.usage != 'internal':
            raise UserError(self.env._(
                "FBA Location: choose an internal location, or leave it empty.",
            ))
        if self.stock_counted == 'earlier' and not self.cut_over:
            raise UserError(self.env._(
                "Cut-Over: enter as of when the stock in Odoo is right.",
            ))

    def _prepare_account_values(self):
        """Return what the account is to be started with.

        :rtype: dict
        """
        account = self.account_id.with_company(self.company_id)
        return {
            **{
                name: self._fields[name].convert_to_write(self[name], self) for name in SETTINGS
            },
            'location_id': (self.location_id or account._get_or_make_location()).id,
            'synced_marketplace_ids': [Command.set(self.marketplace_ids.ids)],
            'cut_over': {
                'now': fields.Datetime.now(), 'earlier': self.cut_over, 'never': False,
            }[self.stock_counted],
        }
