from collections import Counter
from datetime import datetime

from odoo import api, fields, models
from odoo.fields import Domain

from ..amazon.marketplaces import PAN_EUROPEAN_POOL, get_stock_pool
from .tools import to_naive

# What Amazon tells of a SKU in its warehouses; the fields are called so, with `PREFIX` before it.
PREFIX = 'fba_'
FIGURES = (
    'fulfillable',
    'inbound', 'inbound_working', 'inbound_shipped', 'inbound_receiving',
    'reserved', 'reserved_orders', 'reserved_transfers', 'reserved_processing',
    'unfulfillable', 'customer_damaged', 'warehouse_damaged', 'distributor_damaged',
    'carrier_damaged', 'defective', 'expired',
    'researching',
)
FIGURE_FIELDS = tuple(PREFIX + name for name in FIGURES)
# What of it lies there; the rest is on its way, or looked for.
THERE = ('fulfillable', 'reserved', 'unfulfillable')


class AmazonOffer(models.Model):
    """What Amazon has of an offer in its own warehouses, in units of the offer.

    Marketplaces may share one stock, so that the figures of several offers are not to be added up;
    `_count_fba_stock` knows how.
    """

    _inherit = 'amazon.offer'

    fba_fulfillable = fields.Integer(
        string="At Amazon, for Sale", help="Amazon can ship it.", readonly=True, copy=False,
    )
    fba_inbound = fields.Integer(
        string="On the Way to Amazon",
        help="Announced, sent or partly received: not counted as received yet.",
        readonly=True,
        copy=False,
    )
    fba_inbound_working = fields.Integer(string="Announced", readonly=True, copy=False)
    fba_inbound_shipped = fields.Integer(string="Sent", readonly=True, copy=False)
    fba_inbound_receiving = fields.Integer(
        string="Being Received", readonly=True, copy=False,
    )
    fba_reserved = fields.Integer(
        string="At Amazon, Reserved",
        help="For orders that are not shipped yet, on the way between Amazon's warehouses, or being"
             " processed there.",
        readonly=True,
        copy=False,
    )
    fba_reserved_orders = fields.Integer(string="For Orders", readonly=True, copy=False)
    fba_reserved_transfers = fields.Integer(
        string="Between Warehouses", readonly=True, copy=False,
    )
    fba_reserved_processing = fields.Integer(
        string="Being Processed", readonly=True, copy=False,
    )
    fba_unfulfillable = fields.Integer(
        string="At Amazon, Not for Sale",
        help="Damaged, defective or expired: it lies there, and can't be sold.",
        readonly=True,
        copy=False,
    )
    fba_customer_damaged = fields.Integer(
        string="Damaged by Buyers", readonly=True, copy=False,
    )
    fba_warehouse_damaged = fields.Integer(
        string="Damaged by Amazon", readonly=True, copy=False,
    )
    fba_distributor_damaged = fields.Integer(
        string="Damaged by the Distributor", readonly=True, copy=False,
    )
    fba_carrier_damaged = fields.Integer(
        string="Damaged by the Carrier", readonly=True, copy=False,
    )
    fba_defective = fields.Integer(string="Defective", readonly=True, copy=False)
    fba_expired = fields.Integer(string="Expired", readonly=True, copy=False)
    fba_researching = fields.Integer(
        string="Amazon Is Looking for It",
        help="Mislaid in Amazon's warehouses: found again or, in the end, lost.",
        readonly=True,
        copy=False,
    )
    fn_sku = fields.Char(
        string="FNSKU",
        help="Amazon's identifier of the goods in its warehouses, which marketplaces that share a"
             " stock have in common.",
        readonly=True,
        copy=False,
    )
    fba_changed_at = fields.Datetime(
        string="FBA Stock Changed",
        help="When Amazon's stock changed last, as Amazon says.",
        readonly=True,
        copy=False,
    )
    fba_read_at = fields.Datetime(
        string="FBA Stock Read",
        help="When the figures were read that stand here. Since then Amazon has shown no others.",
        readonly=True,
        copy=False,
        index='btree_not_null',
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `amazon_connector` to compare Amazon's stock with that of another product."""
        follows = bool(vals.keys() & {'product_id', 'pack_size'})
        products = self.product_id if follows else None
        res = super().write(vals)
        if follows and (read := self.filtered('fba_read_at')):
            # In sudo mode: who matches offers does not write what is compared.
            drift = self.env['amazon.drift'].sudo()
            drift._compare(read.sudo().account_id, products | self.product_id)
        return res

    # === ACTION METHODS === #

    def action_send_goods(self):
        """Propose a transfer of the products to the FBA location.

        :rtype: dict
        """
        return self.env['amazon.send.goods']._open_for(self.account_id, self.product_id)

    # === BUSINESS METHODS - READING === #

    @api.model
    def _store_fba_stock(self, account, marketplace, page):
        """Keep what Amazon has of SKUs; what is as it was costs no write.

        A SKU that is seen for the first time gets an offer. Where Amazon says nothing in detail,
        what was known stays.

        :param amazon.account account: The account that synchronizes the marketplace.
        :param amazon.marketplace marketplace: For which Amazon was asked.
        :param amazon.inventory.Page page: What Amazon has answered.
        :return: The offers that Amazon shows, whatever it says of them.
        :rtype: amazon.offer
        """
        stocks = {}
        for stock in page.stocks:
            stocks.setdefault(stock.sku, []).append(stock)
        offers = self._get_or_create_by_sku(account, marketplace, stocks, page.unreadable)
        now = fields.Datetime.now()
        for sku, parts in stocks.items():
            detailed = [stock for stock in parts if stock.is_detailed]
            if detailed:
                offers[sku]._write_changed(offers[sku]._prepare_fba_values(detailed), now)
        return self.union(*offers.values())

    @api.model
    def _get_or_create_by_sku(self, account, marketplace, stocks, unreadable):
        """Find the offers of SKUs, and create those that are seen for the first time.

        :param amazon.account account: The account.
        :param amazon.marketplace marketplace: The marketplace.
        :param dict stocks: What Amazon has, by SKU.
        :param unreadable: SKUs of which only offers that are known are wanted.
        :return: The offers by SKU.
        :rtype: dict[str, amazon.offer]
        """
        offers = self.search([
            ('account_id', '=', account.id),
            ('marketplace_id', '=', marketplace.id),
            ('sku', 'in', [*stocks, *unreadable]),
        ]).grouped('sku')
        missing = [sku for sku in stocks if sku not in offers]
        created = self.create([
            {
                'account_id': account.id,
                'marketplace_id': marketplace.id,
                'sku': sku,
                'asin': stocks[sku][0].asin,
                'channel': 'fba',
            }
            for sku in missing
        ])
        created._match_by_reference()
        return {**offers, **dict(zip(missing, created, strict=True))}

    @api.model
    def _prepare_fba_values(self, stocks):
        """Return the values of what Amazon has of a SKU.

        :param list[amazon.inventory.Stock] stocks: What it has, for each condition where they are
                                                    several.
        :rtype: dict
        """
        by_condition = {(stock.condition, stock.fn_sku): stock for stock in stocks}.values()
        values = {
            PREFIX + name: sum(getattr(stock, name) for stock in by_condition) for name in FIGURES
        }
        moments = [stock.updated_at for stock in by_condition if stock.updated_at]
        return {
            **values,
            'fn_sku': stocks[0].fn_sku or False,
            'fba_changed_at': to_naive(max(moments, default=None)) or False,
        }

    def _write_changed(self, values, now):
        """Write figures where they are others than before.

        :param dict values: The values.
        :param datetime now: When they were read.
        :return: None
        """
        for offer in self:
            if not offer.fba_read_at or any(offer[name] != values[name] for name in values):
                offer.write({**values, 'fba_read_at': now})

    def _clear_fba_stock(self):
        """Keep that Amazon does not show these any more where it would show them.

        :return: None
        """
        values = {**dict.fromkeys(FIGURE_FIELDS, 0), 'fba_changed_at': False}
        self.filtered('fba_read_at')._write_changed(values, fields.Datetime.now())

    @api.model
    def _get_fba_domain(self, account, marketplace):
        """Return the domain of the offers that Amazon is known to have had in its warehouses.

        :param amazon.account account: The account.
        :param amazon.marketplace marketplace: The marketplace.
        :rtype: Domain
        """
        return (
            Domain('account_id', '=', account.id)
            & Domain('marketplace_id', '=', marketplace.id)
            & (Domain('fba_read_at', '!=', False) | Domain('channel', 'in', ('fba', 'both')))
        )

    @api.model
    def _get_shown_domain(self):
        """Return the domain of the offers of which Amazon has shown something.

        :rtype: Domain
        """
        return Domain('fba_changed_at', '!=', False) | Domain.OR(
            Domain(name, '!=', 0) for name in FIGURE_FIELDS
        )

    # === BUSINESS METHODS - COUNTING === #

    def _is_shown_at_amazon(self):
        """Return whether Amazon shows it in its warehouses, if only as none.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.fba_changed_at) or any(self[name] for name in FIGURE_FIELDS)

    def _get_fba_known_at(self):
        """Return as of when the figures are known, which need not be when they were written.

        :return: The time (UTC, naive) of each offer that was read.
        :rtype: dict[amazon.offer, datetime]
        """
        readings = {
            connection: connection._get_sync('inventory')._get_times('read_at')
            for connection in self.account_id.connection_id
        }
        return {
            offer: max(
                offer.fba_read_at,
                readings[offer.account_id.connection_id].get(
                    offer.marketplace_id.api_ref, datetime.min,
                ),
            )
            for offer in self.filtered('fba_read_at')
        }

    def _select_fba_stock(self):
        """Return of all offers that share a stock only one, the one that was read last.

        The European Union is one stock, by Amazon's identifier of the goods. Elsewhere several
        marketplaces of a region show the same one where they agree to the last figure and second.

        :return: The offers, each with the time as of when its figures are known.
        :rtype: dict[amazon.offer, datetime]
        """
        known_at = self._get_fba_known_at()
        newest = {}
        for offer in sorted(
            known_at, key=lambda o: (o._is_shown_at_amazon(), known_at[o], -o.id),
        ):
            newest[offer._get_stock_key()] = offer
        return {offer: known_at[offer] for offer in newest.values()}

    def _get_stock_key(self):
        """Return what is the same for all offers that share a stock.

        :rtype: tuple
        """
        self.ensure_one()
        connection = self.account_id.connection_id
        seller = (connection.seller_id, connection.region)
        pool = get_stock_pool(self.marketplace_id.api_ref)
        if pool == PAN_EUROPEAN_POOL:
            return (*seller, pool, self.fn_sku or self.sku)
        if not self.fba_changed_at:
            return (*seller, pool, self.sku)
        figures = tuple(self[name] for name in FIGURE_FIELDS)
        return (*seller, self.sku, self.fn_sku, self.fba_changed_at, figures)

    def _count_fba_stock(self):
        """Add up what Amazon has, in units of the offers' products.

        :return: By the names of `FIGURES`, and `there` for all that lies in its warehouses.
        :rtype: collections.Counter
        """
        counted = Counter()
        for offer in self:
            for name in FIGURES:
                counted[name] += offer[PREFIX + name] * offer.pack_size
        counted['there'] = sum(counted[name] for name in THERE)
        return counted
