import json

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from ..amazon.addresses import build_order_url
from ..amazon.order_overview import parse_overview
from ..amazon.orders import Status
from ..amazon.payload import load_json
from .ship_by import get_urgency_domains, get_urgency_search_domain
from .tools import SYNC_SECONDS, TimeBudget, open_form, to_naive
from .vault import EncryptedText

STATUS_LABELS = [
    (Status.PENDING, "Pending"),
    (Status.PENDING_AVAILABILITY, "Pre-ordered"),
    (Status.UNSHIPPED, "Unshipped"),
    (Status.PARTIALLY_SHIPPED, "Partly Shipped"),
    (Status.SHIPPED, "Shipped"),
    (Status.CANCELLED, "Cancelled"),
    (Status.UNFULFILLABLE, "Can't Be Fulfilled"),
]
URGENCIES = get_urgency_domains('ship_by')
# What the seller has to ship and no delivery stands for yet.
TO_SHIP = Domain([
    ('state', 'in', ('to_do', 'failed')),
    ('channel', '=', 'fbm'),
    ('sale_order_id', '=', False),
    ('amazon_status', 'in', Status.TO_SHIP),
])


class AmazonOrder(models.Model):
    """The inbox: what Amazon sent about an order, and what became of it in Odoo.

    An order is stored as it comes and imported in another transaction, so that one that can't be
    imported is neither lost nor in the way, and is replayed without asking Amazon again.
    """

    _name = 'amazon.order'
    _description = "Amazon Order"
    _inherit = ['amazon.queue.mixin']
    _order = 'amazon_updated_at desc, id desc'
    _rec_name = 'amazon_order_ref'
    _check_company_auto = True

    amazon_order_ref = fields.Char(
        string="Amazon Reference", help="E.g. 302-1234567-1234567.", required=True, readonly=True,
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    marketplace_id = fields.Many2one(comodel_name='amazon.marketplace', index=True, readonly=True)
    channel = fields.Selection(selection=[('fba', "FBA"), ('fbm', "FBM")], readonly=True)
    amazon_status = fields.Char(
        string="Amazon's Status", help="As Amazon writes it, e.g. UNSHIPPED.", readonly=True,
    )
    status_label = fields.Selection(
        selection=STATUS_LABELS,
        string="Status on Amazon",
        help="Empty where Amazon's status is new to this connector.",
        compute='_compute_status_label',
        store=True,
        precompute=True,
    )
    amazon_updated_at = fields.Datetime(
        string="Changed on Amazon", readonly=True,
    )
    amazon_total = fields.Monetary(
        string="Paid by Buyer", help="The grand total as Amazon shows it.", readonly=True,
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency', context={'active_test': False}, readonly=True,
    )
    payload = EncryptedText(
        string="Amazon's Data",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    readable_payload = fields.Text(
        string="Amazon's Data, Readable",
        compute='_compute_readable_payload',
        groups='amazon_connector.group_amazon_admin',
    )
    overview = fields.Html(
        string="Items",
        compute='_compute_overview',
        sanitize=False,
        groups='amazon_connector.group_amazon_user',
    )
    ordered_at = fields.Datetime(
        string="Ordered",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    place = fields.Char(
        string="Ship To",
        help="The place only; the address is on the sales order.",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    service_level = fields.Char(
        string="Service Level",
        help="How fast Amazon promised it, e.g. Standard or Expedited.",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    seller_central_url = fields.Char(compute='_compute_seller_central_url')
    payload_version = fields.Char(
        help="Amazon's time of the last change, with its fractions.", readonly=True,
    )
    ship_by = fields.Datetime(
        string="Ship By", help="Amazon counts a later shipment as late.", readonly=True,
    )
    urgency = fields.Selection(
        selection=[
            ('late', "Late"),
            ('today', "Today"),
            ('tomorrow', "Tomorrow"),
            ('later', "Later"),
        ],
        string="To Ship",
        help="By Amazon's ship-by time, of what waits to be imported.",
        compute='_compute_urgency',
        search='_search_urgency',
    )
    note = fields.Text(
        string="Left Out", help="What was odd in Amazon's data and did not matter.", readonly=True,
    )
    given = fields.Json(
        string="Given by a Person",
        help="What Amazon does not say of the order, as somebody answered for it.",
        readonly=True,
        copy=False,
    )
    can_answer = fields.Boolean(
        help="Whether it failed for something that a person can answer for.",
        compute='_compute_can_answer',
    )
    state = fields.Selection(
        selection=[
            ('to_do', "Waiting to Import"),
            ('failed', "Failed"),
            ('skipped', "Skipped"),
            ('done', "Done"),
        ],
        default='to_do',
        required=True,
        readonly=True,
        index=True,
    )
    import_shipped = fields.Boolean(
        help="Whether a person wants it imported although it was shipped outside Odoo.",
        readonly=True,
    )
    to_complete = fields.Boolean(
        string="To Complete",
        help="Amazon's search left out how far the order is. Amazon is asked for the order alone"
             " before anything is done with it.",
        readonly=True,
    )
    is_sold_elsewhere = fields.Boolean(
        string="Sold Elsewhere",
        help="Sold in another shop than Amazon's, and only shipped by Amazon.",
        readonly=True,
    )
    cut_over = fields.Datetime(
        string="Cut-Over",
        help="Sold in another shop before this moment, so that its goods are not moved.",
        readonly=True,
    )
    sale_order_deleted = fields.Boolean(
        string="Sales Order Deleted",
        help="A person deleted its sales order: it stays away until a person wants it again.",
        readonly=True,
    )
    waiting_offer_ids = fields.Many2many(
        comodel_name='amazon.offer',
        string="Offers to Match",
        help="The order is imported as soon as they are matched to products.",
        readonly=True,
    )
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        index='btree_not_null',
        readonly=True,
        ondelete='set null',
    )

    _amazon_order_ref_uniq = models.Constraint(
        'UNIQUE(company_id, amazon_order_ref)', "This Amazon order is in the inbox already.",
    )
    _to_import_idx = models.Index("(account_id, id) WHERE state IN ('to_do', 'failed')")
    _to_complete_idx = models.Index("(account_id, attempts, id) WHERE to_complete")

    # === COMPUTE METHODS === #

    @api.depends('payload')
    def _compute_readable_payload(self):
        """Show what Amazon sent to an administrator, which is recorded."""
        for order in self:
            payload = order.sudo().payload  # In sudo mode: nobody reads it but here.
            order.readable_payload = payload and json.dumps(
                load_json(payload), indent=2, ensure_ascii=False,
            )
        if not self.env.su:
            self.env['amazon.access.log']._note('data', self.filtered('readable_payload'))

    @api.depends('state', 'payload')
    def _compute_can_answer(self):
        for order in self:
            order.can_answer = order.state == 'failed' and bool(order._find_questions())

    @api.depends('amazon_status')
    def _compute_status_label(self):
        known = dict(STATUS_LABELS)
        for order in self:
            status = order.amazon_status
            order.status_label = status if status in known else False

    @api.depends('ship_by', 'state', 'channel', 'sale_order_id', 'amazon_status')
    def _compute_urgency(self):
        self.urgency = False
        waiting = self.filtered_domain(TO_SHIP)
        for urgency, domain in URGENCIES.items():
            waiting.filtered_domain(domain).urgency = urgency

    def _search_urgency(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return get_urgency_search_domain(URGENCIES, TO_SHIP, value)

    @api.depends('payload')
    def _compute_overview(self):
        """Show what an order holds to whoever may work on it, without anybody's name."""
        for order in self:
            overview = order._get_overview()
            order.ordered_at = to_naive(overview.ordered_at)
            order.service_level = overview.service_level.replace('_', ' ').capitalize()
            order.place = ', '.join(filter(None, (
                overview.city,
                self.env['res.country'].search([('code', '=', overview.country_code)]).name
                or overview.country_code,
            )))
            order.overview = self.env['ir.qweb']._render(
                'amazon_connector.order_overview',
                {'lines': overview.lines, 'format_amount': order._format_amount},
            ) if overview.lines else False

    @api.depends('marketplace_id.seller_central_url', 'amazon_order_ref')
    def _compute_seller_central_url(self):
        for order in self:
            order.seller_central_url = build_order_url(
                order.marketplace_id.seller_central_url, order.amazon_order_ref,
            )

    def _get_overview(self):
        """Return what the order holds, without anybody's name.

        :rtype: amazon.order_overview.Overview
        """
        # In sudo mode: Amazon's data themselves are for Amazon administrators only.
        return parse_overview(self.sudo().payload or '')

    def _format_amount(self, amount):
        """Return an amount of Amazon's as people read it, empty if there is none.

        :param amazon.order_overview.Amount amount: The amount.
        :rtype: str
        """
        if not amount:
            return ''
        if amount.currency == self.currency_id.name:
            return self.currency_id.format(float(amount.value))
        return f'{amount.value:f} {amount.currency}'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to leave the inbox to the connector, which acts on what it says.

        The right to write to it is the right to press its buttons.
        """
        if not self.env.su:
            raise AccessError(self.env._(
                "Amazon orders are changed by the connector only. Use the buttons Retry and Fetch"
                " Again.",
            ))
        return super().write(vals)

    # === ACTION METHODS === #

    def action_retry(self):
        """Import the orders now, from what is stored.

        :return: The notification to show.
        :rtype: dict
        """
        return self._import_again({'state': 'to_do', 'attempts': 0, 'next_try': False})

    def action_import_shipped(self):
        """Import orders that were shipped outside Odoo.

        :return: The notification to show.
        :rtype: dict
        """
        return self._import_again({
            'state': 'to_do', 'attempts': 0, 'next_try': False, 'import_shipped': True,
        })

    def action_retry_same_reason(self):
        """Import all orders that failed for the same reason as this one.

        :return: The notification to show.
        :rtype: dict
        """
        return self.search([
            ('state', '=', 'failed'),
            ('reason', 'in', self.mapped('reason')),
            ('answer', 'in', self.mapped('answer')),
        ]).action_retry()

    def action_fetch_again(self):
        """Ask Amazon for the orders again and import what it says now.

        :return: The notification to show.
        :rtype: dict
        """
        self.check_access('write')
        # In sudo mode: importing takes more rights than an Amazon user needs to have.
        for account, inbox in self.sudo().grouped('account_id').items():
            inbox._fetch_one_by_one(
                account, inbox.mapped('amazon_order_ref'), self.env._("Fetch Again"),
            )
        return self.action_retry()

    def action_open_waiting_offers(self):
        """Open the offers that the order waits for.

        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_offer',
        )
        action['domain'] = [('id', 'in', self.waiting_offer_ids.ids)]
        return action

    def action_open_data(self):
        """Show what Amazon sent, in a dialog of its own.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Amazon's Data of %(order)s", order=self.amazon_order_ref),
            'res_model': 'amazon.order',
            'res_id': self.id,
            'views': [(self.env.ref('amazon_connector.amazon_order_view_form_data').id, 'form')],
            'target': 'new',
        }

    def action_open_sale_order(self):
        """Open the sales order.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.sale_order_id)

    def action_open_seller_central(self):
        """Open the order in Seller Central.

        :rtype: dict
        """
        self.ensure_one()
        return {'type': 'ir.actions.act_url', 'url': self.seller_central_url, 'target': 'new'}

    def _import_again(self, values):
        """Set the state of the orders and import them, within the time budget of a button.

        Those whose status is not known are asked for first. Those whose sales orders were deleted
        are wanted again; what the cut-over said of them is decided anew.
        """
        self.check_access('write')
        # In sudo mode: importing takes more rights than an Amazon user needs to have.
        inbox = self.sudo()
        inbox.write({**values, 'sale_order_deleted': False, 'cut_over': False})
        budget = TimeBudget(SYNC_SECONDS)
        incomplete = inbox.filtered('to_complete')
        for connection, part in incomplete.grouped(lambda o: o.account_id.connection_id).items():
            part._complete_safely(connection, budget)
        accounts = inbox.account_id
        outcomes = inbox._import_orders(budget, accounts, inbox)
        outcomes['failed'] += len(inbox.filtered(lambda o: o.to_complete and o.state == 'failed'))
        return accounts._get_sync_notification(None, outcomes)
