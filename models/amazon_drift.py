from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import float_is_zero, format_date, format_datetime

# Older figures say too little about today to adjust anything to them.
MAX_AGE = timedelta(days=1)
MAX_NAMED = 10
FETCHED_WITHIN = timedelta(hours=1)  # orders are read less often than Amazon's stock is looked at
STOCK_MANAGER = 'stock.group_stock_manager'
# Stored, by the name of what is counted.
QUANTITY_FIELDS = {
    'there': 'amazon_quantity',
    'inbound': 'inbound_quantity',
    'unfulfillable': 'unfulfillable_quantity',
    'researching': 'researching_quantity',
}
# Computed of what changes without the rows.
COMPUTED_FIELDS = (
    'odoo_quantity', 'difference', 'correction', 'has_drift', 'counted_at', 'reasons',
    'hold_reason',
)


@dataclass
class Facts:
    """What a comparison is made of, by product, for all accounts of an FBA location."""

    offers: dict = field(default_factory=dict)  # amazon.offer of each shared stock, known as of
    needs: dict = field(default_factory=dict)  # what a piece of the offers' products takes
    known_at: dict = field(default_factory=dict)
    odoo: dict = field(default_factory=dict)  # what the FBA location holds
    left: Counter = field(default_factory=Counter)  # by FBA orders since Amazon was read
    waiting: Counter = field(default_factory=Counter)  # in FBA orders that are not imported yet
    has_odd_orders: bool = False  # of which nobody knows what was sold
    unmatched: Counter = field(default_factory=Counter)  # at Amazon, under SKUs that fit
    shared: dict = field(default_factory=dict)  # with which account of another location
    fetched_until: datetime | None = None  # as of when all orders are in the inbox


class AmazonDrift(models.Model):
    """What Amazon has of a product, beside what the FBA location has of it.

    What Amazon has is stored with each reading; what Odoo has, the difference and its reasons are
    computed when they are looked at, so that they are always of now. Accounts that share the
    location are compared together, in rows of the first of them.
    """

    _name = 'amazon.drift'
    _description = "Amazon against Odoo"
    _inherit = ['amazon.sync.mixin']
    _order = 'account_id, product_id, id'
    _rec_name = 'product_id'

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, index=True, readonly=True, ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    location_id = fields.Many2one(related='account_id.location_id')
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Product",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    product_uom_id = fields.Many2one(related='product_id.uom_id', string="Unit")
    amazon_quantity = fields.Float(
        string="At Amazon",
        help="What lies in Amazon's warehouses: for sale, reserved and not for sale, in the"
             " product's unit. Shared stock is counted once.",
        digits='Product Unit',
        readonly=True,
    )
    inbound_quantity = fields.Float(
        string="On the Way",
        help="Announced to Amazon or sent, and not counted as received yet.",
        digits='Product Unit',
        readonly=True,
    )
    unfulfillable_quantity = fields.Float(
        string="Not for Sale",
        help="Of what lies there: damaged, defective or expired.",
        digits='Product Unit',
        readonly=True,
    )
    researching_quantity = fields.Float(
        string="Amazon Is Looking for It", digits='Product Unit', readonly=True,
    )
    odoo_quantity = fields.Float(
        string="In Odoo",
        help="What the FBA location holds now, in the product's unit.",
        digits='Product Unit',
        compute='_compute_comparison',
        compute_sudo=True,
    )
    difference = fields.Float(
        help="At Amazon less In Odoo.",
        digits='Product Unit',
        compute='_compute_comparison',
        compute_sudo=True,
    )
    correction = fields.Float(
        string="To Adjust",
        help="The difference without what has left since Amazon was read, and without what is on"
             " its way there. Adjust Odoo adds it.",
        digits='Product Unit',
        compute='_compute_comparison',
        compute_sudo=True,
    )
    has_drift = fields.Boolean(
        string="Differs",
        compute='_compute_comparison',
        search='_search_has_drift',
        compute_sudo=True,
    )
    counted_at = fields.Datetime(
        string="Known as of",
        help="What Amazon has is of this time.",
        compute='_compute_comparison',
        compute_sudo=True,
    )
    reasons = fields.Text(
        string="Likely Reasons", compute='_compute_comparison', compute_sudo=True,
    )
    hold_reason = fields.Char(
        string="Not Adjusted Because", compute='_compute_comparison', compute_sudo=True,
    )
    adjusted_at = fields.Datetime(string="Adjusted Last", readonly=True)

    _account_product_uniq = models.Constraint(
        'UNIQUE(account_id, product_id)', "The product is compared already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('amazon_quantity', 'inbound_quantity', 'account_id.location_id')
    def _compute_comparison(self):
        """Compare what Amazon has with what the FBA location has now."""
        for account, rows in self.grouped('account_id').items():
            facts = rows._gather_facts(account)
            for row in rows:
                row._compare_with(facts)

    def _search_has_drift(self, operator, value):
        if operator != 'in':
            return NotImplemented
        rows = self.search_fetch(
            [('account_id.active', '=', True)],
            ['account_id', 'product_id', 'amazon_quantity', 'inbound_quantity'],
        )
        # In sudo mode: as what is computed.
        drifting = set(rows.sudo()._find_drifting().ids)
        return [('id', 'in', [row_id for row_id in rows.ids if (row_id in drifting) in value])]

    def _find_drifting(self):
        """Return the rows that differ. Only where goods have left lately it takes more to know than
        what Odoo has.

        :rtype: amazon.drift
        """
        drifting, unclear = self.browse(), self.browse()
        for account, rows in self.grouped('account_id').items():
            odoo = rows._count_in_odoo(account.location_id)
            left = {
                product for [product] in self.env['stock.move']._read_group(
                    rows._get_left_domain(account, fields.Datetime.now() - MAX_AGE),
                    ['product_id'],
                )
            }
            unclear |= rows.filtered(lambda row, left=left: row.product_id in left)
            drifting |= rows.filtered(
                lambda row, left=left, odoo=odoo: row.product_id not in left
                and not row.product_id.uom_id.is_zero(row._without_inbound(
                    row.amazon_quantity - odoo.get(row.product_id, 0.0),
                )),
            )
        unclear.invalidate_recordset(COMPUTED_FIELDS)
        return drifting | unclear.filtered('has_drift')

    def _count_in_odoo(self, location):
        """Return what a location holds of the products of these rows, where it holds something.

        :param stock.location location: The location.
        :rtype: dict[product.product, float]
        """
        return dict(self.env['stock.quant']._read_group(
            [
                ('product_id', 'in', self.product_id.ids),
                ('location_id', 'child_of', location.id),
            ],
            ['product_id'],
            ['quantity:sum'],
        ))

    def _get_left_domain(self, account, since):
        """Return the domain of the moves by which FBA orders took the products of these rows.

        :param amazon.account account: The account of the rows.
        :param datetime since: Since when (UTC, naive).
        :rtype: list
        """
        return [
            ('product_id', 'in', self.product_id.ids),
            ('location_id', 'child_of', account.location_id.id),
            ('amazon_account_id', '!=', False),
            ('location_dest_id.usage', '=', 'customer'),
            ('state', '=', 'done'),
            ('date', '>', since),
        ]

    def _compare_with(self, facts):
        """Fill in what is computed of one row.

        :param Facts facts: What there is to know of its product.
        :return: None
        """
        product, rounding = self.product_id, self.product_uom_id.rounding
        is_known = product in facts.known_at
        self.odoo_quantity = facts.odoo.get(product, 0.0)
        self.difference = self.amazon_quantity - self.odoo_quantity
        # What has left since is still Amazon's in what was read.
        self.correction = self._without_inbound(self.difference - facts.left[product])
        self.has_drift = not float_is_zero(self.correction, precision_rounding=rounding)
        self.counted_at = facts.known_at.get(product, False)
        self.hold_reason = self.has_drift and self._find_hold_reason(facts, is_known) or False
        self.reasons = '\n'.join(self._find_reasons(facts, is_known))

    def _without_inbound(self, difference):
        """Return a difference without what is on its way: it is at the location already, and at
        Amazon not yet.

        :param float difference: What Amazon has more, below zero what it has less.
        :rtype: float
        """
        return difference if difference > 0 else min(difference + self.inbound_quantity, 0.0)

    # === ACTION METHODS === #

    def action_adjust(self):
        """Adjust the stock of the FBA location to what Amazon has, by Odoo's own inventory.

        :return: The notification to show.
        :rtype: dict
        :raise AccessError: If the user may not adjust stock.
        :raise UserError: If the only row can't be adjusted, with the reason.
        """
        self.check_access('read')
        if not (self.env.su or self.env.user.has_group(STOCK_MANAGER)):
            raise AccessError(self.env._(
                "Only a stock manager may adjust stock. Ask somebody with the right Inventory /"
                " Administrator.",
            ))
        held = self.filtered('hold_reason')
        if held and len(self) == 1:
            raise UserError(held.hold_reason)
        adjusted = self.browse()
        for row in self - held:
            if row._adjust():
                adjusted |= row
        return self._get_adjustment_notification(adjusted, held)

    def action_adjust_all(self):
        """Adjust all that differs, of the companies at work.

        :return: As `action_adjust`.
        :rtype: dict
        """
        return self.search([
            ('company_id', 'in', self.env.companies.ids), ('has_drift', '=', True),
        ]).action_adjust()

    def action_send_goods(self):
        """Propose a transfer of the products to the FBA location.

        :rtype: dict
        """
        return self.env['amazon.send.goods']._open_for(self.account_id, self.product_id)

    def action_open_offers(self):
        """Open the offers of the product.

        :rtype: dict
        """
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_offer',
        )
        products = self.env['amazon.kits']._get_relatives(self.product_id)
        return {**action, 'domain': [('product_id', 'in', products.ids)], 'context': {}}

    # === BUSINESS METHODS - COMPARING === #

    @api.model
    def _compare(self, accounts, products=None):
        """Bring the rows up to what Amazon has, as it was read last; what is as it was costs no
        write.

        :param amazon.account accounts: The accounts, in sudo mode.
        :param product.product products: Only these and their parts, if given.
        :return: None
        """
        relatives = products and self.env['amazon.kits']._get_relatives(products)
        narrow = Domain('product_id', 'in', relatives.ids) if relatives else Domain.TRUE
        for location, members in accounts._get_fba_group().grouped('location_id').items():
            self._compare_location(location, members, narrow)

    @api.model
    def _compare_location(self, location, accounts, narrow):
        """Do `_compare` for all accounts of an FBA location.

        :param stock.location location: The location.
        :param amazon.account accounts: Its accounts, the first of which has the rows.
        :param Domain narrow: Which products.
        :return: None
        """
        offers = self._get_counted_offers(accounts, narrow)
        needs = self.env['amazon.kits']._get_needs(offers.product_id, accounts.company_id)
        counted = self._count_by_product(offers._select_fba_stock(), needs)
        offered = offers.filtered(
            lambda offer: offer.channel in ('fba', 'both') and not offer.is_gone,
        ).product_id
        wanted = {
            *(product for product, figures in counted.items() if any(figures.values())),
            *(part for product in offered for part in needs[product]),
            *self._get_stocked_products(location, accounts, narrow),
        }
        rows = self.search(Domain('account_id', 'in', accounts.ids) & narrow)
        kept = rows.filtered(
            lambda row: row.account_id == accounts[:1] and row.product_id in wanted,
        )
        (rows - kept).unlink()
        known = kept.grouped('product_id')
        self.create([
            {
                'account_id': accounts[:1].id,
                'product_id': product.id,
                **self._prepare_quantities(counted[product]),
            }
            for product in sorted(wanted, key=lambda product: product.id) if product not in known
        ])
        for product, row in known.items():
            row._write_changed(self._prepare_quantities(counted[product]))

    @api.model
    def _count_by_product(self, offers, needs):
        """Add up what Amazon has of products, of kits what their parts are.

        :param offers: Offers of which each stands for a stock.
        :param dict needs: What a piece of each of their products takes from the stock.
        :return: By product; what is counted is named as in `_count_fba_stock`.
        :rtype: dict[product.product, collections.Counter]
        """
        counted = defaultdict(Counter)
        for offer in offers:
            figures = offer._count_fba_stock()
            for product, count in needs[offer.product_id].items():
                for name, figure in figures.items():
                    counted[product][name] += figure * count
        return counted

    @api.model
    def _prepare_quantities(self, figures):
        """Return the values of what Amazon has of a product.

        :param collections.Counter figures: As `_count_by_product`.
        :rtype: dict[str, float]
        """
        return {name: float(figures[key]) for key, name in QUANTITY_FIELDS.items()}

    def _write_changed(self, values):
        """Write quantities where they are others than before.

        :param dict values: The quantities.
        :return: None
        """
        if any(self.product_uom_id.compare(self[name], values[name]) for name in values):
            self.write(values)

    @api.model
    def _get_counted_offers(self, accounts, narrow):
        """Return the offers whose stock was read and is still read, and that have a product.

        :param amazon.account accounts: The accounts.
        :param Domain narrow: Which products.
        :rtype: amazon.offer
        """
        return self.env['amazon.offer'].search(narrow & Domain([
            ('account_id', 'in', accounts.ids),
            ('fba_read_at', '!=', False),
            ('product_id', '!=', False),
        ])).filtered(
            lambda offer: offer.marketplace_id in offer.account_id.synced_marketplace_ids,
        )

    @api.model
    def _get_stocked_products(self, location, accounts, narrow):
        """Return the products that lie at an FBA location, once Amazon was read.

        :param stock.location location: The location.
        :param amazon.account accounts: Its accounts.
        :param Domain narrow: Which products.
        :rtype: set[product.product]
        """
        if not any(
            sync._get_times('read_at') for sync in accounts.connection_id._get_sync('inventory')
        ):
            return set()
        return {
            product for product, quantity in self.env['stock.quant']._read_group(
                narrow & Domain('location_id', 'child_of', location.id),
                ['product_id'],
                ['quantity:sum'],
            )
            if quantity
        }

    # === BUSINESS METHODS - FACTS === #

    def _gather_facts(self, account):
        """Gather what is to be known of the products of these rows, in few statements.

        :param amazon.account account: The account of the rows, in sudo mode.
        :rtype: Facts
        """
        accounts = account._get_fba_group()
        kits = self.env['amazon.kits']
        products = kits._get_relatives(self.product_id)
        offers = self._get_counted_offers(accounts, Domain('product_id', 'in', products.ids))
        facts = Facts(
            offers=offers._select_fba_stock(),
            needs=kits._get_needs(offers.product_id, account.company_id),
            odoo=self._count_in_odoo(account.location_id),
        )
        for offer, moment in facts.offers.items():
            for product in facts.needs[offer.product_id]:
                facts.known_at[product] = min(moment, facts.known_at.get(product, moment))
        syncs = accounts.connection_id._get_sync('orders').filtered('last_run')
        facts.fetched_until = min(filter(None, syncs.mapped('cursor')), default=None)
        self._gather_moves(account, facts)
        self._gather_waiting(accounts, facts)
        self._gather_unmatched(accounts, facts)
        self._gather_shared(accounts, facts)
        return facts

    def _gather_moves(self, account, facts):
        """Count what FBA orders have taken from the location since Amazon was read.

        :param amazon.account account: The account of the rows.
        :param Facts facts: To be completed.
        :return: None
        """
        if not facts.known_at:
            return
        since = max(min(facts.known_at.values()), fields.Datetime.now() - MAX_AGE)
        for move in self.env['stock.move'].search(self._get_left_domain(account, since)):
            if move.date > facts.known_at.get(move.product_id, datetime.max):
                facts.left[move.product_id] += move.product_uom._compute_quantity(
                    move.quantity, move.product_id.uom_id,
                )

    def _gather_waiting(self, accounts, facts):
        """Count what FBA orders that are not imported yet will take from the location.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        waiting = self.env['amazon.order'].search([
            ('account_id', 'in', accounts.ids),
            ('channel', '=', 'fba'),
            ('state', 'in', ('to_do', 'failed')),
        ]).filtered('payload')
        sold = defaultdict(Counter)
        for order in waiting:
            lines = order._get_overview().lines
            facts.has_odd_orders |= not lines
            for line in lines:
                sold[order.account_id, order.marketplace_id][line.sku] += line.quantity or 0
        for (account, marketplace), quantities in sold.items():
            offers = self.env['amazon.offer'].search([
                ('account_id', '=', account.id),
                ('marketplace_id', '=', marketplace.id),
                ('sku', 'in', list(quantities)),
            ])
            needs = self.env['amazon.kits']._get_needs(offers.product_id, account.company_id)
            for offer in offers.filtered('product_id'):
                for product, count in needs[offer.product_id].items():
                    facts.waiting[product] += float(
                        quantities[offer.sku] * offer.pack_size * count,
                    )

    def _gather_unmatched(self, accounts, facts):
        """Count what Amazon has of the same goods under SKUs that are not matched.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        by_asin = {
            offer.asin: offer.product_id for offer in facts.offers if offer.asin
        }
        for offer in self.env['amazon.offer'].search([
            ('account_id', 'in', accounts.ids),
            ('product_id', '=', False),
            ('fba_read_at', '!=', False),
            ('asin', 'in', list(by_asin)),
        ])._select_fba_stock():
            for product, count in facts.needs[by_asin[offer.asin]].items():
                facts.unmatched[product] += float(offer._count_fba_stock()['there'] * count)

    def _gather_shared(self, accounts, facts):
        """Find what accounts with other FBA locations count, too: Amazon's stock is one.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        others = accounts._get_seller_accounts().filtered('active') - accounts
        if not others:
            return
        own = {offer._get_stock_key(): offer.product_id for offer in facts.offers}
        same = Domain('sku', 'in', [offer.sku for offer in facts.offers]) | Domain(
            'fn_sku', 'in', [offer.fn_sku for offer in facts.offers if offer.fn_sku],
        )
        for offer in self._get_counted_offers(others, same):
            for product in facts.needs.get(own.get(offer._get_stock_key()), ()):
                facts.shared[product] = offer.account_id

    # === BUSINESS METHODS - REASONS === #

    def _find_reasons(self, facts, has_offers):
        """Return what the difference is likely to come from.

        :param Facts facts: What there is to know.
        :param bool has_offers: Whether Amazon has shown an offer of the product.
        :return: Sentences, with figures.
        :rtype: list[str]
        """
        if not self.difference:
            return []
        product = self.product_id
        env, left, waiting = self.env, facts.left[product], facts.waiting[product]
        is_less = self.difference < 0
        candidates = [
            (not has_offers, 1, env._("No offer that Amazon ships is matched to it.")),
            (left > 0, left, env._("Left since Amazon was read, so no error: %(count)s")),
            (waiting > 0, waiting, env._("In orders that are not imported yet: %(count)s")),
            (
                is_less, self.inbound_quantity,
                env._("On the way to Amazon, not received there yet: %(count)s"),
            ),
            (is_less, self.researching_quantity, env._("Amazon is looking for: %(count)s")),
            (
                is_less, facts.unmatched[product],
                env._("At Amazon under SKUs that are not matched: %(count)s"),
            ),
            (
                self.correction < 0, -self.correction,
                env._(
                    "Lost, disposed of or sent back by Amazon, or sold without an order in Odoo:"
                    " up to %(count)s",
                ),
            ),
            (
                self.correction > 0, self.correction,
                env._("Returned by buyers, or sent in without a transfer in Odoo: up to %(count)s"),
            ),
            (
                True, self.unfulfillable_quantity,
                env._("At Amazon, but not for sale (damaged, defective, expired): %(count)s"),
            ),
        ]
        return [
            sentence % {'count': f'{count:g}'}
            for applies, count, sentence in candidates if applies and count
        ]

    def _find_hold_reason(self, facts, has_offers):
        """Return why Odoo can't be adjusted now.

        :param Facts facts: What there is to know.
        :param bool has_offers: Whether Amazon has shown an offer of the product.
        :return: The reason and what to do, empty if there is none.
        :rtype: str
        """
        product = self.product_id.display_name
        if not has_offers:
            return self.env._(
                "%(product)s: no offer that Amazon ships is matched to it. Match it under Amazon ▸"
                " Offers first.",
                product=product,
            )
        if self.counted_at < fields.Datetime.now() - MAX_AGE:
            return self.env._(
                "%(product)s: Amazon was read last on %(date)s, which is too long ago. Press Read"
                " FBA Inventory on the account first.",
                product=product,
                date=format_datetime(self.env, self.counted_at, dt_format='short'),
            )
        if other := facts.shared.get(self.product_id):
            return self.env._(
                "%(product)s: the account %(account)s counts the same stock at another FBA"
                " location. Give both accounts the same FBA Location.",
                product=product,
                account=other.name,
            )
        if facts.fetched_until and facts.fetched_until < self.counted_at - FETCHED_WITHIN:
            return self.env._(
                "%(product)s: Amazon was read on %(read)s, but orders were fetched until"
                " %(fetched)s only. Press Sync Orders first, or what left in between would be taken"
                " from stock twice.",
                product=product,
                read=format_datetime(self.env, self.counted_at, dt_format='short'),
                fetched=format_datetime(self.env, facts.fetched_until, dt_format='short'),
            )
        if facts.waiting[self.product_id] or facts.has_odd_orders:
            return self.env._(
                "%(product)s: FBA orders are not imported yet. Import them under Amazon ▸ Orders ▸"
                " Amazon Orders first, or they would be taken from stock twice.",
                product=product,
            )
        return ''

    # === BUSINESS METHODS - ADJUSTING === #

    @api.model
    def _adjust_by_itself(self, account):
        """Adjust the stock of an account's FBA location where the account says so, after the night
        has brought all that Amazon has; each product is committed.

        :param amazon.account account: The account, in sudo mode.
        :return: None
        """
        accounts = account._get_fba_group()
        if not any(accounts.mapped('adjusts_drift')) or not self._is_due_tonight(accounts):
            return
        rows = self.search([('account_id', 'in', accounts.ids), ('has_drift', '=', True)])
        held = rows.filtered('hold_reason')
        adjusted = []
        for row in rows - held:
            row = row[0]  # Avoid prefetching after each cache invalidation.
            correction = row.correction
            if row._do_safely(lambda row: row._adjust()):
                adjusted.append(f'{row.product_id.display_name}: {correction:+g}')
            self.env['ir.cron']._commit_progress()
        accounts[:1].drift_adjusted_at = fields.Datetime.now()
        if adjusted or held:
            account._do_safely(lambda account: self._tell_of_night(accounts[:1], adjusted, held))
        self.env['ir.cron']._commit_progress()

    @api.model
    def _is_due_tonight(self, accounts):
        """Return whether all that Amazon has for accounts was read since last night, and was not
        adjusted to yet.

        :param amazon.account accounts: The accounts of a location.
        :rtype: bool
        """
        for account in accounts.filtered('is_started'):
            sync = account.connection_id._get_sync('inventory')
            night, whole_at = sync._get_last_night(), sync._get_times('whole_at')
            if (accounts[:1].drift_adjusted_at or datetime.min) >= night or any(
                whole_at.get(marketplace.api_ref, datetime.min) < night
                for marketplace in account.synced_marketplace_ids
            ):
                return False
        return True

    def _adjust(self):
        """Adjust the FBA location to what Amazon has.

        Whoever is at it at the same time begins again when this is done: the row is written to.

        :return: Whether anything was to be adjusted.
        :rtype: bool
        :raise UserError: If it can't be adjusted now.
        """
        self.ensure_one()
        # In sudo mode: the row is the connector's; who may press the button was checked.
        own = self.sudo()
        adjusted_at = own.adjusted_at
        own.adjusted_at = fields.Datetime.now()
        own.flush_recordset()
        self.invalidate_recordset()
        if self.hold_reason:
            raise UserError(self.hold_reason)
        correction = self.correction
        if not self.has_drift:
            own.adjusted_at = adjusted_at
            return False
        row = self.with_company(self.company_id).with_context(
            inventory_name=self.env._(
                "Amazon: counted at Amazon on %(date)s",
                date=format_date(self.env, fields.Datetime.context_timestamp(
                    self, self.counted_at,
                )),
            ),
        )
        quants = row._take_out(-correction) if correction < 0 else row._put_in(correction)
        quants.action_apply_inventory()
        self.invalidate_recordset()
        return True

    def _take_out(self, quantity):
        """Count so much less, from where Odoo would take it: what is free first.

        :param float quantity: How much.
        :return: The quants that are counted.
        :rtype: stock.quant
        """
        Quant = self.env['stock.quant']
        quants = Quant._gather(self.product_id, self.location_id).filtered(
            lambda quant: quant.quantity > 0,
        )
        taken = Counter()
        for get_available in (
            lambda quant: quant.quantity - max(quant.reserved_quantity, 0),
            lambda quant: quant.quantity,
        ):
            for quant in quants:
                part = min(quantity, max(get_available(quant) - taken[quant], 0))
                taken[quant] += part
                quantity -= part
        counted = Quant.union(*(quant for quant, part in taken.items() if part))
        for quant in counted:
            quant.inventory_quantity = quant.quantity - taken[quant]
        return counted

    def _put_in(self, quantity):
        """Count so much more, of no lot: Amazon does not tell which one it is.

        :param float quantity: How much.
        :return: The quants that are counted.
        :rtype: stock.quant
        """
        Quant = self.env['stock.quant']
        quant = Quant._gather(self.product_id, self.location_id, strict=True).filtered(
            lambda quant: not quant.lot_id,
        )[:1]
        if quant:
            quant.inventory_quantity = quant.quantity + quantity
            return quant
        return Quant.create({
            'product_id': self.product_id.id,
            'location_id': self.location_id.id,
            'inventory_quantity': quantity,
        })

    # === BUSINESS METHODS - TELLING === #

    def _get_adjustment_notification(self, adjusted, held):
        """Say what was adjusted, and what was not.

        :param amazon.drift adjusted: What was.
        :param amazon.drift held: What can't be.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [
            self.env._("%(count)s adjusted", count=len(adjusted)) if adjusted
            else self.env._("Nothing to adjust"),
            *held[:MAX_NAMED].mapped('hold_reason'),
        ]
        if len(held) > MAX_NAMED:
            parts.append(self.env._("%(count)s more can't be", count=len(held) - MAX_NAMED))
        return self.env['amazon.account']._notify(
            ' · '.join(parts), 'warning' if held else 'success',
        )

    @api.model
    def _tell_of_night(self, account, adjusted, held):
        """Say on an account what was adjusted in the night.

        :param amazon.account account: The first account of the location.
        :param list[str] adjusted: Products and quantities.
        :param amazon.drift held: What was not adjusted.
        :return: None
        """
        sentences = []
        if adjusted:
            sentences.append(self.env._(
                "%(location)s was adjusted to what Amazon has: %(products)s%(more)s.",
                location=account.location_id.display_name,
                products=', '.join(adjusted[:MAX_NAMED]),
                more=' …' if len(adjusted) > MAX_NAMED else '',
            ))
        sentences += held[:MAX_NAMED].mapped('hold_reason')
        account.message_post(body=' '.join(sentences))
