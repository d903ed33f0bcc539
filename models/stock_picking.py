from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import carriers
from .ship_by import get_urgency_domains, get_urgency_search_domain
from .tools import SYNC_SECONDS, TimeBudget

# The first that any package is in stands for the delivery.
AMAZON_STATES = {
    'failed': 'failed',
    'to_send': 'to_send',
    'in_feed': 'to_send',
    'sent': 'sent',
    'confirmed': 'confirmed',
}
URGENCIES = get_urgency_domains('amazon_ship_by')
# All steps of a delivery: the next one may not exist yet.
OPEN = Domain([
    ('amazon_account_id', '!=', False),
    ('picking_type_code', '!=', 'incoming'),
    ('state', 'not in', ('done', 'cancel')),
])
WITHOUT_STOCK = ('confirmed', 'partially_available')


class StockPicking(models.Model):
    _name = 'stock.picking'
    _inherit = ['stock.picking', 'amazon.guard.mixin']

    _amazon_open_fields = ('amazon_confirmed_elsewhere',)

    amazon_order_ref = fields.Char(related='sale_id.amazon_order_ref')
    amazon_account_id = fields.Many2one(
        related='sale_id.amazon_account_id',
        store=True,
        index='btree_not_null',
        check_company=True,
    )
    amazon_ship_by = fields.Datetime(
        related='sale_id.amazon_ship_by', store=True, index='btree_not_null',
    )
    amazon_cancel_reason = fields.Char(related='sale_id.amazon_cancel_reason')
    amazon_shipped_elsewhere = fields.Char(related='sale_id.amazon_shipped_elsewhere')
    amazon_seller_central_url = fields.Char(related='sale_id.amazon_seller_central_url')
    amazon_confirmed_elsewhere = fields.Boolean(
        string="Already Confirmed Elsewhere",
        help="Amazon knows of the delivery: its label was bought through Amazon, or somebody typed"
             " it into Seller Central. Nothing is sent.",
        copy=False,
        groups='amazon_connector.group_amazon_admin',
    )
    amazon_shipment_ids = fields.One2many(
        comodel_name='amazon.shipment', inverse_name='picking_id', string="Amazon Shipments",
    )
    amazon_state = fields.Selection(
        selection=[
            ('to_send', "To Send"),
            ('sent', "Sent"),
            ('confirmed', "Confirmed"),
            ('failed', "Failed"),
        ],
        string="Amazon",
        help="To Send: it will be sent shortly. Sent: Amazon accepted it. Confirmed: Amazon"
             " itself shows the packages. Failed: it needs attention.",
        compute='_compute_amazon_state',
        store=True,
        index='btree_not_null',
    )
    amazon_reason = fields.Char(
        string="Reason",
        help="Why Amazon does not have it, and what to do.",
        compute='_compute_amazon_state',
        store=True,
    )
    amazon_answer = fields.Char(
        string="Original Words",
        help="What Amazon, Odoo or another module said.",
        compute='_compute_amazon_answer',
        groups='amazon_connector.group_amazon_user',
    )
    amazon_sent_at = fields.Datetime(
        string="Sent to Amazon", compute='_compute_amazon_state', store=True,
    )
    amazon_confirmed_at = fields.Datetime(
        string="Confirmed by Amazon", compute='_compute_amazon_state', store=True,
    )
    amazon_urgency = fields.Selection(
        selection=[
            ('late', "Late"),
            ('today', "Today"),
            ('tomorrow', "Tomorrow"),
            ('later', "Later"),
        ],
        string="Ship for Amazon",
        help="By Amazon's ship-by time.",
        compute='_compute_amazon_urgency',
        search='_search_amazon_urgency',
    )
    amazon_blocked = fields.Boolean(
        string="Out of Stock",
        help="Goods for Amazon are missing, in this transfer or in one before it.",
        compute='_compute_amazon_blocked',
        search='_search_amazon_blocked',
    )

    # === COMPUTE METHODS === #

    def _compute_sale_id(self):
        """Override of `sale_stock` to show Amazon's order where others are in the same transfer."""
        super()._compute_sale_id()
        for picking in self.filtered(lambda p: p.sale_id and not p.sale_id.amazon_account_id):
            orders = picking.move_ids.sale_line_id.order_id.filtered('amazon_account_id')
            picking.sale_id = orders[:1] or picking.sale_id

    @api.depends(
        'amazon_shipment_ids.state', 'amazon_shipment_ids.reason', 'amazon_shipment_ids.sent_at',
        'amazon_shipment_ids.confirmed_at',
    )
    def _compute_amazon_state(self):
        for picking in self:
            shipments = picking.amazon_shipment_ids.filtered(lambda s: s.state in AMAZON_STATES)
            states = shipments.mapped('state')
            state = next((state for state in AMAZON_STATES if state in states), False)
            picking.amazon_state = AMAZON_STATES.get(state, False)
            picking.amazon_reason = '\n'.join(
                dict.fromkeys(filter(None, shipments.mapped('reason'))),
            ) or False
            picking.amazon_sent_at = max(filter(None, shipments.mapped('sent_at')), default=False)
            picking.amazon_confirmed_at = state == 'confirmed' and max(
                shipments.mapped('confirmed_at'),
            )

    @api.depends('amazon_shipment_ids.answer', 'amazon_shipment_ids.state')
    def _compute_amazon_answer(self):
        for picking in self:
            shipments = picking.amazon_shipment_ids.filtered(lambda s: s.state in AMAZON_STATES)
            picking.amazon_answer = '\n'.join(
                dict.fromkeys(filter(None, shipments.mapped('answer'))),
            )

    @api.depends('amazon_ship_by', 'state')
    def _compute_amazon_urgency(self):
        self.amazon_urgency = False
        waiting = self.filtered_domain(OPEN)
        for urgency, domain in URGENCIES.items():
            waiting.filtered_domain(domain).amazon_urgency = urgency

    def _search_amazon_urgency(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return get_urgency_search_domain(URGENCIES, OPEN, value)

    @api.depends('amazon_account_id', 'move_ids.state', 'move_ids.move_orig_ids.state')
    def _compute_amazon_blocked(self):
        self.amazon_blocked = False
        for picking in self.filtered_domain(OPEN):
            moves = picking.move_ids
            picking.amazon_blocked = any(
                move.state in WITHOUT_STOCK
                for move in moves | moves.move_orig_ids | moves.move_orig_ids.move_orig_ids
            )

    def _search_amazon_blocked(self, operator, value):
        if operator != 'in':
            return NotImplemented
        blocked = OPEN & Domain.OR(
            Domain(f'move_ids.{path}state', 'in', WITHOUT_STOCK)
            for path in ('', 'move_orig_ids.', 'move_orig_ids.move_orig_ids.')
        )
        return blocked if True in value else ~blocked

    # === CRUD METHODS === #

    @api.model
    def get_empty_list_help(self, help_message):
        """Override of `stock` to say of Amazon's deliveries what their action says."""
        if self.env.context.get('amazon_help'):
            return help_message
        return super().get_empty_list_help(help_message)

    def write(self, vals):
        """Override of `stock` to tell Amazon what has changed about a delivery."""
        res = super().write(vals)
        if 'amazon_confirmed_elsewhere' in vals:
            self._skip_or_send()
        if vals.keys() & {'carrier_id', 'carrier_tracking_ref'}:
            # In sudo mode: only the connector writes to the outbox.
            self.sudo().amazon_shipment_ids._send_changes()
        return res

    # === ACTION METHODS === #

    def action_open_seller_central(self):
        """Open the order of the delivery in Seller Central.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_url', 'url': self.amazon_seller_central_url, 'target': 'new',
        }

    def action_send_to_amazon(self):
        """Tell Amazon of the deliveries now, whether it has been told before or not.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If there is nothing to tell.
        :raise AccessError: If the user may not synchronize.
        """
        self.check_access('write')
        # In sudo mode: only the connector writes to the outbox.
        shipments = self.sudo().amazon_shipment_ids.filtered(lambda s: s.state != 'skipped')
        if not shipments:
            raise UserError(self.env._(
                "Amazon is told of validated deliveries of FBM orders, unless they are marked as"
                " already confirmed elsewhere. There is none among these.",
            ))
        accounts = shipments.account_id.sudo(False)._get_syncable()
        shipments.filtered(lambda s: s.state != 'in_feed')._send_again()
        return accounts._send_shipments(
            TimeBudget(SYNC_SECONDS), Domain('id', 'in', shipments.ids),
        )

    def action_already_shipped(self):
        """Take from stock what was shipped outside Odoo; Amazon knows of it and is told nothing.

        :return: None
        """
        self.check_access('write')
        # In sudo mode: the people of the warehouse need not see sales.
        orders = self.sudo()._get_amazon_orders()
        if not self.env.user.has_group('stock.group_stock_user'):
            # Salespeople may write to every delivery, but not to every order.
            orders.sudo(False).check_access('write')
        orders._take_shipped_elsewhere()

    # === BUSINESS METHODS === #

    def _sanity_check(self, separate_pickings=True):
        """Override of `stock` to ask for carrier and tracking before any other question."""
        super()._sanity_check(separate_pickings=separate_pickings)
        # In sudo mode: the people of the warehouse need not see sales.
        self.sudo()._filter_for_amazon()._check_ready_to_validate()

    def _action_done(self):
        """Override of `stock` to let Amazon know, later and in another transaction."""
        # In sudo mode: the people of the warehouse need not see sales, and only the connector
        # writes to the outbox.
        deliveries = self.sudo()._filter_for_amazon()
        deliveries._check_ready_to_validate()
        delivered_before = {
            line: line.qty_delivered for line in deliveries._get_amazon_orders().order_line
        }
        res = super()._action_done()
        self.env['amazon.shipment'].sudo()._create_for(deliveries, delivered_before)
        return res

    def _filter_for_amazon(self):
        """Return the deliveries that Amazon has to be told of: the last step to the customer, with
        goods that it has not been told of yet.

        :rtype: stock.picking
        """
        return self.filtered(
            lambda p: p._is_to_external_location()
            and p.location_dest_id.usage == 'customer'
            and any(line._count_untold() > 0 for line in p._get_amazon_orders().order_line
                    & p.move_ids.sale_line_id),
        )

    def _get_amazon_orders(self):
        """Return the Amazon orders whose goods are in these transfers and are shipped from here.

        Whoever makes a transfer can name any order line in it, those of other companies among them.

        :rtype: sale.order
        """
        return self.move_ids.sale_line_id.order_id.filtered(
            lambda o: o.amazon_channel == 'fbm' and o.company_id in self.company_id,
        )

    def _check_ready_to_validate(self):
        """Refuse deliveries that Amazon would refuse, unless the carrier sees to that itself.

        :return: None
        :raise UserError: Saying what to fill in.
        """
        for picking in self.filtered(lambda p: not p.amazon_confirmed_elsewhere):
            picking._check_ready_for_amazon(
                wants_tracking=not picking._gets_tracking_from_carrier(),
            )

    def _gets_tracking_from_carrier(self):
        """Return whether the carrier gives a tracking reference when the delivery is validated.

        :rtype: bool
        """
        self.ensure_one()
        carrier = self.carrier_id
        return (
            carrier.integration_level == 'rate_and_ship'
            and carrier.delivery_type not in ('fixed', 'base_on_rule')
            and self.picking_type_id.print_label
        )

    def _check_ready_for_amazon(self, wants_tracking=True):
        """Refuse a delivery that Amazon would refuse.

        :param bool wants_tracking: Whether the tracking reference has to be known already.
        :return: None
        :raise UserError: Saying what to fill in.
        """
        self.ensure_one()
        has_tracking = (self.carrier_tracking_ref or '').strip(' ,') or (self.move_line_ids and all(
            line.result_package_id.amazon_tracking_ref for line in self.move_line_ids
        ))
        missing = [
            self._fields[name].get_description(self.env)['string']
            for name, is_given in (
                ('carrier_id', self.carrier_id),
                ('carrier_tracking_ref', has_tracking or not wants_tracking),
            )
            if not is_given
        ]
        if missing:
            raise UserError(self.env._(
                "%(delivery)s: fill in %(fields)s. Amazon refuses deliveries without them.",
                delivery=self.name,
                fields=self.env._(" and ").join(missing),
            ))
        marketplace = self._get_amazon_orders().amazon_marketplace_id.filtered(
            lambda m: m.api_ref in carriers.OTHER_FORBIDDEN_MARKETPLACES,
        )[:1]
        if marketplace and self.carrier_id.amazon_carrier_code == carriers.OTHER:
            raise UserError(self.env._(
                "%(delivery)s: %(marketplace)s takes no carriers that it can't track. Choose"
                " Amazon's Carrier on the delivery method %(carrier)s, or ship with another one.",
                delivery=self.name,
                marketplace=marketplace.name,
                carrier=self.carrier_id.name,
            ))

    def _skip_or_send(self):
        """Send no shipment of deliveries that are already confirmed elsewhere, but all others.

        :return: None
        """
        # In sudo mode: only the connector writes to the outbox.
        for shipment in self.sudo().amazon_shipment_ids:
            if shipment.picking_id.amazon_confirmed_elsewhere:
                shipment.write({'state': 'skipped', 'reason': False, 'next_try': False})
            elif shipment.state == 'skipped':
                shipment._send_again()

    def _check_warn_sms(self):
        """Override of `stock_sms` to send Amazon's buyers no text messages."""
        return super(StockPicking, self - self._filter_by_amazon())._check_warn_sms()

    def _send_confirmation_email(self):
        """Override of `stock_sms` to send Amazon's buyers no text messages."""
        deliveries = self._filter_by_amazon()
        super(StockPicking, deliveries.with_context(skip_sms=True))._send_confirmation_email()
        super(StockPicking, self - deliveries)._send_confirmation_email()

    def _filter_by_amazon(self):
        """Return the transfers of Amazon's orders."""
        return self.filtered('amazon_account_id')

    def _notify_by_email_prepare_rendering_context(self, message, *args, **kwargs):
        """Override of `mail` to name the carrier in the head of the delivery e-mail.

        The body has the tracking reference already, with a link where the carrier offers one.
        """
        context = super()._notify_by_email_prepare_rendering_context(message, *args, **kwargs)
        if self.amazon_account_id and self.carrier_id:
            context['record_name'] = f"{context['record_name']} ({self.carrier_id.name})"
        return context
