from collections import Counter, defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import float_is_zero

# Older figures say too little about today to adjust anything to them.
MAX_AGE = timedelta(days=1)
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
