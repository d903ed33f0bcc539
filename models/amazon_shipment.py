from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import carriers, orders, refusals, shipments
from ..amazon.errors import NotFound, Rejected, Throttled, Unavailable
from ..amazon.payload import load_json

FEED_FROM = 200  # waiting packages
FEED_PAUSE = timedelta(minutes=2)
DETAILS = ('carrier_code', 'carrier_name', 'tracking_number')


class AmazonShipment(models.Model):
    """The outbox of deliveries: a package that has left, and what Amazon was told of it.

    Its id is the reference that Amazon knows the package by. It is committed before the first call,
    so that whatever is sent again edits the package instead of adding another.
    """

    _name = 'amazon.shipment'
    _description = "Amazon Shipment"
    _inherit = ['amazon.outbox.mixin']
    _order = 'id'

    _sender = 'amazon_connector.ir_cron_send_deliveries'
    _feed_type = shipments.FULFILLMENT_FEED

    picking_id = fields.Many2one(
        comodel_name='stock.picking',
        string="Delivery",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    package_id = fields.Many2one(
        comodel_name='stock.package',
        help="Empty: what lies in no package.",
        index='btree_not_null',
        readonly=True,
        ondelete='set null',
    )
    quantities = fields.Json(help="By Amazon's order item.", required=True, readonly=True)
    # In sudo mode: the people of the warehouse see no offers, but what lies in a package.
    content = fields.Char(compute='_compute_content', compute_sudo=True)
    carrier_code = fields.Char(
        string="Carrier Sent", help="As Amazon was told last.", readonly=True,
    )
    carrier_name = fields.Char(string="Carrier Name Sent", readonly=True)
    tracking_number = fields.Char(string="Tracking Reference Sent", readonly=True)

    # === COMPUTE METHODS === #

    @api.depends('package_id', 'picking_id')
    def _compute_display_name(self):
        for shipment in self:
            shipment.display_name = shipment.package_id.name or shipment.picking_id.name

    @api.depends('quantities')
    def _compute_content(self):
        for shipment in self:
            lines = shipment.sale_order_id.order_line.grouped('amazon_order_item_ref')
            shipment.content = ', '.join(
                f'{quantity} × {lines[item_ref].amazon_offer_id[:1].sku}'
                for item_ref, quantity in (shipment.quantities or {}).items() if item_ref in lines
            )

    # === BUSINESS METHODS - CREATION === #

    @api.model
    def _create_for(self, pickings, delivered_before):
        """Make the shipments of deliveries that have just been validated, one for each package and
        order.

        :param stock.picking pickings: The deliveries.
        :param dict delivered_before: What was delivered before of each order line.
        :return: The shipments.
        :rtype: amazon.shipment
        """
        created = self.browse()
        for picking, order in [(p, order) for p in pickings for order in p._get_amazon_orders()]:
            shared = self._share_out(picking, order, delivered_before)
            created |= self.create([
                {
                    'account_id': order.amazon_account_id.id,
                    'picking_id': picking.id,
                    'sale_order_id': order.id,
                    'package_id': package.id,
                    'quantities': quantities,
                    'state': 'skipped' if picking.amazon_confirmed_elsewhere else 'to_send',
                }
                for package, quantities in shared.items() if quantities
            ])
        return created

    @api.model
    def _share_out(self, picking, order, delivered_before):
        """Return how many units of which item of an order lie in which package of a delivery.

        :param stock.picking picking: A validated delivery.
        :param sale.order order: An order with goods in it.
        :param dict delivered_before: What was delivered before of each order line.
        :return: The quantities by Amazon's order item of each package; an empty package for what
                 lies in none.
        :rtype: dict[stock.package, dict[str, int]]
        """
        lines = picking.move_line_ids.filtered(lambda line: line.quantity > 0)
        packages = [*lines.result_package_id, self.env['stock.package']]
        shared = {package: {} for package in packages}
        for sale_line, move_lines in lines.grouped(
            lambda line: line.move_id.sale_line_id,
        ).items():
            if sale_line.order_id != order or sale_line.amazon_charge != 'item':
                continue
            before = delivered_before[sale_line]
            after = before + sale_line._get_delivered_with(move_lines, before)
            delivered_before[sale_line] = after
            for package, share in zip(
                packages, self._share_line(sale_line, move_lines, packages, before, after),
                strict=True,
            ):
                if share > 0:
                    shared[package][sale_line.amazon_order_item_ref] = share
        return shared

    @api.model
    def _share_line(self, sale_line, move_lines, packages, before, after):
        """Return how many units of an item Amazon is told of with each package.

        A unit counts once it is whole, however many deliveries and packages it takes: with the one
        that its last piece lies in.

        :param sale.order.line sale_line: The line of the item.
        :param stock.move.line move_lines: What the delivery moved for it.
        :param list[stock.package] packages: All packages of the delivery.
        :param float before: How much of the line was delivered before.
        :param float after: How much of it is delivered now.
        :return: A number for each package.
        :rtype: list[int]
        """
        whole_before = sale_line._count_units(before)
        whole = sale_line._count_units(after) - whole_before
        count = min(whole, sale_line._count_untold())
        if count <= 0:
            return [0] * len(packages)
        total = sum(move_lines.mapped('quantity_product_uom'))
        so_far, shared = 0, []
        for package in packages:
            inside = move_lines.filtered(lambda line, of=package: line.result_package_id == of)
            so_far += sum(inside.mapped('quantity_product_uom'))
            reached = sale_line._count_units(before + (after - before) * so_far / total)
            shared.append(count * (reached - whole_before) // whole - sum(shared))
        return shared

    # === BUSINESS METHODS - SENDING === #

    @api.model
    def _send_due(self, client, account, run):
        """Tell Amazon of the packages that are due: few by calls, many in a feed.

        Each call is committed at once.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that sends.
        :param Run run: No call is begun when its budget is spent. It counts how many packages were
                        `sent`, `fed` into a feed, `failed`.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        self._feed_new(account, run, FEED_FROM)
        while not run.budget.is_spent():
            shipment = self._take_due(
                account, 1, run.domain & Domain('id', 'not in', list(run.tried)),
            )
            if not shipment:
                return
            run.tried.add(shipment.id)
            try:
                outcome = shipment._do_safely(lambda shipment: shipment._send(client))
            except Throttled as error:
                if error.retry_at - datetime.now(timezone.utc) > FEED_PAUSE:
                    self._feed_new(account, run, 1)
                raise
            except Unavailable as error:
                # Amazon may have taken it. Sent again, it edits the package.
                shipment._mark_unknown(
                    self.env._("Amazon did not answer. It is told again by itself."),
                    self._get_answer(error),
                )
                self.env['ir.cron']._commit_progress()
                raise
            run.outcomes[outcome or 'failed'] += 1
            self.env['ir.cron']._commit_progress()
        self.env.ref(self._sender).sudo()._trigger()

    def _send(self, client):
        """Tell Amazon of the package.

        :param amazon.client.Client client: The client of the connection.
        :return: `sent`.
        :rtype: str
        :raise AmazonError: If Amazon does not take it.
        :raise UserError: If the delivery lacks something.
        """
        self.ensure_one()
        package = self._build_message()
        shipments.confirm_shipment(client, package)
        self._mark_sent(**self._prepare_details(package))
        return 'sent'

    def _feed_new(self, account, run, threshold):
        """Put the packages that Amazon has not been told of yet into a feed, if they are many.

        What Amazon may know already is left to calls, whose effect is certain.

        :param amazon.account account: The account that sends.
        :param Run run: Which packages; it counts how many were `fed` into a feed, `failed`.
        :param int threshold: How many are many.
        :return: None
        """
        domain = run.domain & Domain('sent_at', '=', False) & Domain('attempts', '=', 0)
        due_domain = self._get_due_domain() & Domain('account_id', '=', account.id) & domain
        if self.search_count(due_domain, limit=threshold) == threshold:
            new = self._take_due(account, self._feed_size, domain)
            feeds = new._put_in_feed()
            self.env['ir.cron']._commit_progress()
            run.outcomes['fed'] += sum(feeds.mapped('message_count'))
            run.outcomes['failed'] += len(new.filtered(lambda s: s.state == 'failed'))

    def _build_message(self):
        """Override of `amazon.feed.mixin`."""
        self.ensure_one()
        picking = self.picking_id
        self._check_documents(self.sale_order_id, [picking])
        picking._check_ready_for_amazon()
        carrier = picking.carrier_id
        return shipments.Package(
            order_id=self.sale_order_id.amazon_order_ref,
            marketplace_id=self.sale_order_id.amazon_marketplace_id.api_ref,
            reference=str(self.id),
            carrier_code=carrier.amazon_carrier_code,
            carrier_name=self._get_carrier_name(carrier),
            shipping_method='',
            tracking_number=self._get_tracking_number(),
            shipped_at=picking.date_done.replace(tzinfo=timezone.utc),
            items=tuple(
                shipments.PackageItem(item_ref, quantity)
                for item_ref, quantity in self.quantities.items()
            ),
        )

    @api.model
    def _get_carrier_name(self, carrier):
        """Return the name that Amazon needs of a carrier without a code, cut to what it takes."""
        if carrier.amazon_carrier_code != carriers.OTHER:
            return ''
        return carrier.name[:shipments.MAX_CARRIER_NAME].strip()

    def _get_tracking_number(self):
        """Return the tracking number: the package's, else its share of the delivery's.

        Carriers' integrations write one number for each package into the delivery, with commas.

        :rtype: str
        """
        self.ensure_one()
        number = self.package_id.amazon_tracking_ref or self.picking_id.carrier_tracking_ref or ''
        numbers = [part.strip() for part in number.split(',') if part.strip()]
        packages = list(dict.fromkeys(
            shipment.package_id for shipment in self.picking_id.amazon_shipment_ids
        ))
        if self.package_id.amazon_tracking_ref or len(numbers) != len(packages):
            return ', '.join(numbers)
        return numbers[packages.index(self.package_id)]

    @api.model
    def _prepare_details(self, package):
        """Return the values that remember what Amazon was told, to compare with what it shows.

        :param amazon.shipments.Package package: What Amazon was told.
        :rtype: dict
        """
        return {name: getattr(package, name) for name in DETAILS}

    def _send_changes(self):
        """Send those again about which Amazon would be told something else now.

        :return: None
        """
        self.filtered(
            lambda s: s.state not in ('to_send', 'skipped') and s._is_changed(),
        )._send_again()

    def _is_changed(self):
        """Return whether Amazon would be told something else now than it was told.

        :rtype: bool
        """
        self.ensure_one()
        try:
            details = self._prepare_details(self._build_message())
        except UserError:
            return True
        return details != {name: self[name] or '' for name in DETAILS}

    # === BUSINESS METHODS - FEEDS === #

    @api.model
    def _get_feed_label(self):
        """Override of `amazon.feed.mixin`."""
        return self.env._("Shipments")

    def _get_marketplaces(self):
        """Override of `amazon.feed.mixin`."""
        return self.sale_order_id.amazon_marketplace_id

    @api.model
    def _build_feed(self, account, messages):
        """Override of `amazon.feed.mixin`."""
        return shipments.build_fulfillment_feed(account.seller_id, messages)

    @api.model
    def _fits_feed(self, package):
        """Override of `amazon.feed.mixin` to leave long tracking numbers to calls."""
        return len(package.tracking_number) <= shipments.MAX_FEED_TRACKING_NUMBER

    def _mark_in_feed(self, feed, number, message):
        """Override of `amazon.outbox.mixin` to remember what Amazon is told."""
        super()._mark_in_feed(feed, number, message)
        self.write(self._prepare_details(message))

    # === BUSINESS METHODS - ACCOUNTS === #

    @api.model
    def _get_marketplace_domain(self, marketplaces):
        """Override of `amazon.outbox.mixin`."""
        return Domain('sale_order_id.amazon_marketplace_id', 'in', marketplaces.ids)

    @api.model
    def _get_count_label(self, count):
        """Override of `amazon.outbox.mixin`."""
        return self.env._("1 package") if count == 1 else self.env._(
            "%(count)s packages", count=count,
        )

    # === BUSINESS METHODS - ECHO === #

    @api.model
    def _take_echoes(self, inbox):
        """Compare what Amazon was told with the packages that its orders show.

        :param amazon.order inbox: Orders as Amazon sent them.
        :return: None
        """
        waiting = self.search([
            ('sale_order_id', 'in', inbox.sale_order_id.ids),
            ('state', 'in', ('to_send', 'in_feed', 'sent', 'failed')),
        ]).grouped('sale_order_id')
        for order in inbox.filtered(lambda o: o.sale_order_id in waiting and o.payload):
            packages = orders.parse_packages(load_json(order.payload))
            by_reference = {package.reference: package for package in packages}
            by_tracking = {package.tracking_number: package for package in packages}
            for shipment in waiting[order.sale_order_id]:
                package = by_reference.get(str(shipment.id)) or by_tracking.get(
                    shipment._get_details().get('tracking_number'),
                )
                if package:
                    shipment._take_echo(package, order.amazon_updated_at)

    def _take_echo(self, package, shown_at):
        """Compare what Amazon was told with what it shows.

        :param amazon.orders.ShippedPackage package: The package as Amazon shows it.
        :param datetime shown_at: The time (UTC, naive) for which Amazon shows it.
        :return: None
        """
        self.ensure_one()
        details = self._get_details()
        shown = (package.tracking_number, dict(package.quantities))
        if shown == (details.get('tracking_number'), self.quantities) and carriers.normalise(
            package.carrier,
        ) in {carriers.normalise(details[name]) for name in ('carrier_code', 'carrier_name')}:
            self._mark_confirmed(**details)
        elif self.state == 'sent' and shown_at >= self.sent_at:
            self._mark_doubtful(self.env._(
                "Amazon was told %(told)s but shows %(shown)s. Correct it here or in Seller"
                " Central; an Amazon user tells it again by Send to Amazon.",
                told=_describe(
                    self.carrier_name or self.carrier_code, self.tracking_number, self.quantities,
                ),
                shown=_describe(package.carrier, package.tracking_number, package.quantities),
            ))

    def _get_details(self):
        """Return what Amazon was told or, as long as it has not accepted that, is to be told.

        :return: As `_prepare_details`; empty if the delivery lacks something.
        :rtype: dict
        """
        if self.state in ('in_feed', 'sent'):
            return {name: self[name] or '' for name in DETAILS}
        try:
            return self._prepare_details(self._build_message())
        except UserError:
            return {}

    @api.model
    def _get_overdue_reason(self):
        """Override of `amazon.outbox.mixin`."""
        return self.env._(
            "Amazon accepted it a day ago but does not show the package. Look the order up in"
            " Seller Central: if the package is missing there, check the carrier, then let an"
            " Amazon user press Send to Amazon.",
        )

    # === BUSINESS METHODS - FAILURES === #

    def _get_failure_reason(self, exception):
        """Override of `amazon.sync.mixin` to say the next step."""
        if not isinstance(exception, (NotFound, Rejected)):
            return super()._get_failure_reason(exception)
        return self._get_next_step(exception)

    def _get_next_step(self, error):
        """Return what to do about a refusal of Amazon's, in a sentence.

        :param amazon.errors.AmazonError error: The refusal.
        :rtype: str
        """
        if isinstance(error, NotFound):
            return self.env._(
                "Amazon does not know the order. Check that it belongs to this account and"
                " marketplace, then let an Amazon user press Send to Amazon.",
            )
        return {
            refusals.CANCELLED: self.env._(
                "The order was cancelled on Amazon meanwhile. Stop the parcel, or call it back.",
            ),
            refusals.SHIP_PLUS: self.env._(
                "Ship+ orders are confirmed by the label that was bought through Amazon. Mark the"
                " delivery as already confirmed elsewhere.",
            ),
            refusals.SHIPPED: self.env._(
                "The order was shipped elsewhere already. Compare it with Seller Central, then mark"
                " the delivery as already confirmed elsewhere.",
            ),
            refusals.QUANTITY: self.env._(
                "Amazon does not wait for so many pieces: some were cancelled or shipped elsewhere."
                " Compare the quantities with Seller Central.",
            ),
            refusals.UNKNOWN_ITEM: self.env._(
                "Amazon does not know an item of the order any more. Fetch the order again and"
                " compare its lines.",
            ),
            refusals.LATE_SHIP_DATE: self.env._(
                "The effective date lies in the future. Correct it, or wait until then.",
            ),
            refusals.EARLY_SHIP_DATE: self.env._(
                "The effective date lies before the order. Correct it, then let an Amazon user"
                " press Send to Amazon.",
            ),
            refusals.CARRIER: self.env._(
                "Amazon refuses the carrier. Check Amazon's Carrier on the delivery method, then"
                " let an Amazon user press Send to Amazon.",
            ),
        }.get(refusals.find_cause(error.details or error.message), self.env._(
            "Amazon refuses the confirmation. Amazon users see what it says: let one correct the"
            " cause and press Send to Amazon.",
        ))


class AmazonFeed(models.Model):
    """The feed shows its shipments."""

    _inherit = 'amazon.feed'

    shipment_ids = fields.One2many(
        comodel_name='amazon.shipment', inverse_name='feed_id', string="Shipments",
    )


def _describe(carrier, tracking_number, quantities):
    """Return the details of a package in words."""
    return f"{carrier or '-'} {tracking_number or '-'} ({sum(quantities.values())})"
