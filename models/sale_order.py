from odoo import api, fields, models
from odoo.fields import Command

from ..amazon.addresses import build_order_url
from .amazon_delivery_rule import SERVICE_LEVELS
from .amazon_order import STATUS_LABELS
from .guard import as_connector
from .stock_move import Shipment
from .tools import open_form, to_naive


class SaleOrder(models.Model):
    _name = 'sale.order'
    _inherit = ['sale.order', 'amazon.checks.mixin', 'amazon.guard.mixin']

    amazon_order_ref = fields.Char(
        string="Amazon Reference", readonly=True, copy=False, index='btree_not_null',
    )
    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        readonly=True,
        copy=False,
        index='btree_not_null',
        check_company=True,
        ondelete='restrict',
    )
    amazon_marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace',
        string="Amazon Marketplace",
        readonly=True,
        copy=False,
        ondelete='restrict',
    )
    amazon_channel = fields.Selection(
        selection=[('fba', "FBA"), ('fbm', "FBM")],
        string="Amazon Channel",
        help="Who ships: Amazon (FBA) or you (FBM).",
        readonly=True,
        copy=False,
    )
    amazon_order_ids = fields.One2many(
        comodel_name='amazon.order',
        inverse_name='sale_order_id',
        string="Amazon Inbox",
        groups='amazon_connector.group_amazon_user,sales_team.group_sale_salesman',
    )
    amazon_status_label = fields.Selection(
        selection=STATUS_LABELS,
        string="Status on Amazon",
        compute='_compute_amazon_status_label',
        compute_sudo=True,  # whoever sees the sales order may know
    )
    amazon_seller_central_url = fields.Char(compute='_compute_amazon_seller_central_url')
    amazon_move_count = fields.Integer(compute='_compute_amazon_move_count', compute_sudo=True)
    amazon_ship_by = fields.Datetime(
        string="Ship By", help="Amazon counts a later shipment as late.", readonly=True, copy=False,
    )
    amazon_deliver_by = fields.Datetime(string="Deliver By", readonly=True, copy=False)
    amazon_service_level = fields.Selection(
        selection=SERVICE_LEVELS,
        string="Service Level",
        help="The speed that the buyer chose on Amazon.",
        readonly=True,
        copy=False,
    )
    amazon_cut_over = fields.Datetime(
        string="Bought Before the Cut-Over of",
        help="The cut-over of the account when the order came in. What was bought before it moves"
             " no stock and gets no delivery, and Amazon is told nothing of it.",
        readonly=True,
        copy=False,
    )
    amazon_cancel_reason = fields.Char(
        string="Buyer Asks to Cancel",
        help="The buyer asked for it on Amazon and gave this reason.",
        readonly=True,
        copy=False,
    )
    amazon_shipment_ids = fields.One2many(
        comodel_name='amazon.shipment',
        inverse_name='sale_order_id',
        string="Amazon Shipments",
        groups='amazon_connector.group_amazon_user,sales_team.group_sale_salesman,'
               'stock.group_stock_user',
    )
    amazon_cancellation_ids = fields.One2many(
        comodel_name='amazon.cancellation',
        inverse_name='sale_order_id',
        string="Amazon Cancellations",
        groups='amazon_connector.group_amazon_user,sales_team.group_sale_salesman',
    )
    amazon_cancellation_state = fields.Selection(
        selection=[
            ('to_send', "Cancellation to Send"),
            ('sent', "Cancellation Sent"),
            ('confirmed', "Amazon Confirmed the Cancellation"),
            ('failed', "Cancellation Failed"),
        ],
        string="Amazon Cancellation",
        help="What Amazon made of the cancellation of the order, or of some of its lines.",
        compute='_compute_amazon_cancellation_state',
        store=True,
    )
    amazon_cancellation_reason = fields.Char(
        string="Reason of the Cancellation's State",
        compute='_compute_amazon_cancellation_state',
        store=True,
    )
    amazon_cancellation_answer = fields.Char(
        string="Original Words",
        help="What Amazon said of the cancellation.",
        compute='_compute_amazon_cancellation_answer',
        groups='amazon_connector.group_amazon_user',
    )
    amazon_total = fields.Monetary(
        string="Paid on Amazon",
        help="What the buyer paid, less tips and less tax that Amazon remits itself.",
        readonly=True,
        copy=False,
    )
    amazon_tax = fields.Monetary(
        string="Tax According to Amazon", readonly=True, copy=False,
    )
    amazon_facilitated_tax = fields.Monetary(
        string="Tax Remitted by Amazon",
        help="Amazon collected it from the buyer and remits it itself; not in this order.",
        readonly=True,
        copy=False,
    )
    amazon_tax_differs = fields.Boolean(
        string="Tax Differs",
        help="Odoo's tax and Amazon's differ by more than rounding. Check the taxes of the"
             " products and the fiscal position.",
        readonly=True,
        copy=False,
    )

    _amazon_order_ref_uniq = models.UniqueIndex(
        "(company_id, amazon_order_ref) WHERE amazon_order_ref IS NOT NULL",
        "There is a sales order for this Amazon order already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('amazon_cancellation_ids.state', 'amazon_cancellation_ids.reason')
    def _compute_amazon_cancellation_state(self):
        for order in self:
            last = order._get_last_cancellation()
            order.amazon_cancellation_state = 'to_send' if last.state == 'in_feed' else last.state
            order.amazon_cancellation_reason = last.reason

    @api.depends('amazon_cancellation_ids.answer', 'amazon_cancellation_ids.state')
    def _compute_amazon_cancellation_answer(self):
        for order in self:
            order.amazon_cancellation_answer = order._get_last_cancellation().answer

    @api.depends('amazon_order_ids.status_label')
    def _compute_amazon_status_label(self):
        for order in self:
            order.amazon_status_label = order.amazon_order_ids[:1].status_label

    @api.depends('amazon_marketplace_id.seller_central_url', 'amazon_order_ref')
    def _compute_amazon_seller_central_url(self):
        for order in self:
            order.amazon_seller_central_url = build_order_url(
                order.amazon_marketplace_id.seller_central_url, order.amazon_order_ref,
            )

    def _compute_amazon_move_count(self):
        self.amazon_move_count = 0
        for order in self.filtered('amazon_order_ref'):
            order.amazon_move_count = len(order._get_moves_without_delivery())
    # === CRUD METHODS === #

    def unlink(self):
        """Override of `sale` to keep Amazon orders away whose sales orders are deleted, and to know
        their goods again that have left.
        """
        # In sudo mode: the inbox and moves that are done are written by the connector only.
        orders = self.sudo().filtered('amazon_order_ref')
        orders.order_line._note_items_on_moves()
        inbox = self.env['amazon.order'].sudo().search([
            ('company_id', 'in', orders.company_id.ids),
            ('amazon_order_ref', 'in', orders.mapped('amazon_order_ref')),
        ])
        res = super().unlink()
        inbox._note_sale_orders_deleted()
        return res

    # === ACTION METHODS === #

    def action_confirm(self):
        """Override of `sale` to keep the date of purchase of Amazon orders."""
        amazon_orders = self.filtered('amazon_order_ref')
        if amazon_orders and amazon_orders != self:
            (self - amazon_orders).action_confirm()
            return amazon_orders.action_confirm()
        return super().action_confirm()

    def action_open_amazon_order(self):
        """Open the order in the inbox.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.amazon_order_ids[:1])

    def action_open_seller_central(self):
        """Open the order in Seller Central.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_url', 'url': self.amazon_seller_central_url, 'target': 'new',
        }

    def action_open_amazon_moves(self):
        """Open the moves of the goods that left without a delivery.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Stock Moves"),
            'res_model': 'stock.move',
            'views': [(self.env.ref('stock.view_move_tree').id, 'list'), (False, 'form')],
            'domain': [('id', 'in', self._get_moves_without_delivery().ids)],
            'context': {'create': False},
        }

    # === BUSINESS METHODS === #

    def _get_last_cancellation(self):
        """Return what was asked of Amazon last.

        :rtype: amazon.cancellation
        """
        return self.amazon_cancellation_ids.filtered(lambda c: c.state != 'skipped')[-1:]

    def _get_moves_without_delivery(self):
        """Return the moves of the goods that Amazon, or somebody outside Odoo, shipped.

        :rtype: stock.move
        """
        return self.order_line.move_ids.filtered(
            lambda move: not move.picking_id and move.state == 'done',
        )

    def _prepare_confirmation_values(self):
        """Override of `sale` to keep the date of purchase of Amazon orders."""
        values = super()._prepare_confirmation_values()
        if all(self.mapped('amazon_order_ref')):
            del values['date_order']
        return values

    def _recompute_taxes(self):
        """Override of `sale` to keep what the buyer paid when taxes change."""
        super()._recompute_taxes()
        # In sudo mode: what Amazon sent is for Amazon administrators only.
        inbox = self.sudo().amazon_order_ids.filtered(lambda o: o.payload and o.state == 'done')
        for order in inbox:
            data = order._parse()
            with as_connector():
                order.sale_order_id._rewrite_amazon_lines(data)
                order.sale_order_id._close_amazon_rounding(data)

    # === BUSINESS METHODS - FROM AMAZON === #

    @api.model
    def _create_from_amazon(self, account, incoming_list):
        """Give Amazon orders their customers, fiscal positions and sales orders, and prove these.

        :param amazon.account account: The account of the orders.
        :param list[Incoming] incoming_list: The orders.
        :return: None
        :raise UserError: If one can't be made, saying why.
        """
        self.env['res.partner']._set_amazon_customers(account, incoming_list)
        account._set_fiscal_positions(incoming_list)
        sale_orders = self.create(self._prepare_amazon_values_list(account, incoming_list))
        for incoming, sale_order in zip(incoming_list, sale_orders, strict=True):
            incoming.sale_order = sale_order
            data, customer = incoming.data, incoming.customer
            with incoming.order._blamed():
                sale_order._close_amazon_rounding(data)
                sale_order._note_trivia([*data.notes, *customer.notes])
                if customer.has_invalid_vat:
                    sale_order._note_invalid_vat()

    @api.model
    def _confirm_from_amazon(self, incoming_list):
        """Confirm the sales orders of Amazon orders, and move the goods that left before.

        :param list[Incoming] incoming_list: The orders, with their sales orders.
        :return: None
        :raise UserError: If one can't be confirmed, saying why.
        """
        sale_orders = self.union(*(incoming.sale_order for incoming in incoming_list))
        sale_orders._choose_amazon_carriers()
        self._ship_what_left_before(incoming_list)
        sale_orders.action_confirm()
        for incoming in incoming_list:
            incoming.sale_order._note_cancel_request(incoming.data)

    def _choose_amazon_carriers(self):
        """Let the deliveries to come start with the delivery methods of the account's rules.

        The orders get no line for it: what the buyer pays for shipping is among Amazon's charges.

        :return: None
        """
        rules = self.amazon_account_id.delivery_rule_ids
        if rules:
            fbm_orders = self.filtered(lambda o: o.amazon_channel == 'fbm')
            for carrier, orders in fbm_orders.grouped(rules._choose_carrier).items():
                orders.carrier_id = carrier

    @api.model
    def _prepare_amazon_values_list(self, account, incoming_list):
        """Return the values of sales orders.

        :param amazon.account account: The account of the orders.
        :param list[Incoming] incoming_list: The orders, with their customers and fiscal positions.
        :rtype: list[dict]
        :raise UserError: If Odoo lacks something, saying what.
        """
        data_list = [incoming.data for incoming in incoming_list]
        offers = self.env['amazon.offer']._get_for(account, data_list)
        currencies = {
            code: account._get_currency(code) for code in {data.currency for data in data_list}
        }
        pricelists = {
            currency: account._get_pricelist(currency) for currency in currencies.values()
        }
        values_list = []
        for incoming in incoming_list:
            currency = currencies[incoming.data.currency]
            with incoming.order._blamed():
                values_list.append({
                    **self._prepare_amazon_values(account, incoming),
                    'pricelist_id': pricelists[currency].id,
                    'order_line': [
                        Command.create(values)
                        for item in incoming.data.items
                        for offer in offers[incoming.order.marketplace_id.id, item.sku]
                        for values in self.env['sale.order.line']._prepare_amazon_values_list(
                            account, item, offer, offer._get_product(), offer._get_pack_size(),
                            incoming.position, currency,
                        )
                    ],
                })
        return values_list

    @api.model
    def _prepare_amazon_values(self, account, incoming):
        """Return the values of one sales order, without its lines and its price list.

        :param amazon.account account: The account of the order.
        :param Incoming incoming: The order, with its customer and fiscal position.
        :rtype: dict
        """
        data, customer = incoming.data, incoming.customer
        return {
            'company_id': account.company_id.id,
            'partner_id': customer.partner.id,
            'partner_invoice_id': customer.partner.id,
            'partner_shipping_id': customer.delivery.id,
            'fiscal_position_id': incoming.position.id,
            'sale_order_template_id': False,  # It could send mail to the buyer.
            'payment_term_id': False,
            'warehouse_id': account.warehouse_id.id,
            'team_id': account.team_id.id,
            'user_id': account.user_id.id,
            'date_order': to_naive(data.purchased_at),
            'commitment_date': data.channel == 'fbm' and to_naive(data.ship_by),
            'client_order_ref': data.buyer.purchase_order_number,
            'origin': data.order_id,
            'require_signature': False,
            'require_payment': False,
            'amazon_order_ref': data.order_id,
            'amazon_account_id': account.id,
            'amazon_marketplace_id': incoming.order.marketplace_id.id,
            'amazon_channel': data.channel,
            'amazon_payout_state': 'open',
            'amazon_ship_by': to_naive(data.ship_by),
            'amazon_deliver_by': to_naive(data.deliver_by),
            'amazon_service_level': data.service_level,
            'amazon_cut_over': account._get_cut_over_of(data.purchased_at),
            **self._prepare_amazon_amounts(data),
        }

    @api.model
    def _prepare_amazon_amounts(self, data):
        """Return what Amazon says of the amounts of an order.

        :param amazon.orders.Order data: The order as read.
        :rtype: dict
        """
        return {
            'amazon_total': float(data.total),
            'amazon_explained': float(data.total - data.unexplained),
            'amazon_tax': float(data.tax or 0),
            'amazon_facilitated_tax': float(data.facilitated_tax),
        }

    def _has_amazon_amounts(self, data):
        """Return whether Amazon's figures for the whole order are those that are known already.

        :param amazon.orders.Order data: The order as read.
        :rtype: bool
        """
        return not any(
            self.currency_id.compare_amounts(self[name], value)
            for name, value in self._prepare_amazon_amounts(data).items()
            if name in ('amazon_total', 'amazon_explained')
        )

    @api.model
    def _ship_what_left_before(self, incoming_list):
        """Move the goods that left before Odoo saw the orders, without a delivery.

        These are all goods of FBA orders, which Amazon takes from the FBA location, and what was
        shipped outside Odoo of FBM orders, which is taken from the warehouse.

        :param list[Incoming] incoming_list: The orders, with their sales orders.
        :return: None
        """
        shipments = []
        for incoming in incoming_list:
            sale_order, data = incoming.sale_order, incoming.data
            if sale_order.amazon_cut_over:
                sale_order._count_as_delivered(data)
                continue
            account = sale_order.amazon_account_id
            is_fba = data.channel == 'fba'
            items = {item.item_id: item for item in data.items}
            for line in sale_order.order_line.filtered(lambda line: line.amazon_charge == 'item'):
                item = items[line.amazon_order_item_ref]
                shipments.append(Shipment(
                    line=line,
                    quantity=line._get_pieces(_count_left(data, item)),
                    serial_numbers=item.serial_numbers,
                    location=account.location_id if is_fba else account.warehouse_id.lot_stock_id,
                    shipped_at=to_naive(data.updated_at),
                ))
        self.env['stock.move']._ship_without_delivery(shipments)

    def _count_as_delivered(self, data):
        """Let what Amazon shows as shipped count as delivered without a move: it was bought before
        the cut-over.

        :param amazon.orders.Order data: The order as read.
        :return: None
        """
        self.ensure_one()
        items = {item.item_id: item for item in data.items}
        for line in self.order_line.filtered(lambda line: line.amazon_charge == 'item'):
            item = items.get(line.amazon_order_item_ref)
            if item:
                line.qty_delivered = line._get_pieces(_count_left(data, item))

    def _note_invalid_vat(self):
        """Say on the order that the buyer's VAT number is not valid, without the number.

        :return: None
        """
        self.message_post(body=self.env._(
            "The VAT number that Amazon sent is not valid. It is in the notes of the customer;"
            " check the taxes before you invoice.",
        ))

    def _note_trivia(self, notes):
        """Say on the order what was odd in Amazon's data and was left out.

        :param list[str] notes: The fields and what was wrong with them, without their values.
        :return: None
        """
        if notes:
            self.message_post(body=self.env._(
                "Some of what Amazon sent could not be used and was left out: %(notes)s.",
                notes='; '.join(notes),
            ))


def _count_left(data, item):
    """Return how many units of an item have left when an order comes in; of FBA orders all."""
    return item.quantity if data.channel == 'fba' else data.count_shipped(item)
