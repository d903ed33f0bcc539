from odoo import fields, models
from odoo.tools import SQL

from .amazon_fee_share import FEE_COLUMNS, SETTLED_STATES
from .money_categories import REFUNDS, SALES
from .tools import open_form

# What is missing of less than that was not sold: points, roundings.
SETTLED_WHOLLY = 0.9
BUYERS = {
    'sale': tuple(category for category in SALES if category != 'promotion'),
    'promotion': ('promotion',),
    'refund': REFUNDS,
}
MEASURES = (*BUYERS, *FEE_COLUMNS, 'cost')
# From the currency of an order to the company's.
RATE = SQL("/ COALESCE(NULLIF(o.currency_rate, 0), 1)")


class AmazonOrderEarning(models.Model):
    """What is left of an order, by product: of what buyers paid, after Amazon and the goods.

    Amounts are in the currency of the company, at the rate of the order; what costs is negative.
    What a settlement has is as Amazon settled it. The rest is estimated by what Amazon kept lately
    of the same offer, else of its marketplace; where nobody knows, it stays empty.
    """

    _name = 'amazon.order.earning'
    _description = "What an Amazon Order Earned"
    _auto = False
    _order = 'date desc, order_id desc, id'
    _rec_name = 'order_id'
    _depends = {
        'account.tax': ['amount', 'amount_type'],
        'account.tax.repartition.line': [
            'tax_id', 'document_type', 'repartition_type', 'factor_percent',
        ],
        'amazon.booking.rule': ['account_id', 'category', 'tax_ids'],
        'amazon.fee.share': [
            'account_id', 'marketplace_id', 'channel', 'sku', *FEE_COLUMNS,
        ],
        'amazon.offer': ['sku'],
        'amazon.settlement': ['state', 'account_id'],
        'amazon.settlement.line': [
            'settlement_id', 'order_ref', 'sku', 'company_id', 'category', 'amount',
        ],
        'product.product': ['product_tmpl_id', 'standard_price'],
        'product.template': ['categ_id', 'uom_id'],
        'sale.order': [
            'amazon_account_id', 'amazon_marketplace_id', 'amazon_channel', 'amazon_order_ref',
            'company_id', 'currency_id', 'currency_rate', 'date_order', 'state', 'amount_total',
            'amount_untaxed',
        ],
        'sale.order.line': [
            'order_id', 'amazon_offer_id', 'amazon_charge', 'display_type', 'product_id',
            'product_uom_id', 'product_uom_qty', 'qty_delivered', 'price_subtotal', 'price_total',
        ],
        'stock.move': ['sale_line_id', 'state', 'is_in', 'is_out', 'value', 'product_qty'],
        'uom.uom': ['factor'],
    }

    order_id = fields.Many2one(comodel_name='sale.order', string="Sales Order", readonly=True)
    date = fields.Datetime(string="Order Date", readonly=True)
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    order_currency_id = fields.Many2one(
        comodel_name='res.currency', string="Sold In", readonly=True,
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account', string="Amazon Account", readonly=True,
    )
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', string="Marketplace", readonly=True,
    )
    channel = fields.Selection(selection=[('fba', "FBA"), ('fbm', "FBM")], readonly=True)
    sku = fields.Char(string="SKU", readonly=True)
    product_id = fields.Many2one(comodel_name='product.product', readonly=True)
    product_tmpl_id = fields.Many2one(
        comodel_name='product.template', string="Product Template", readonly=True,
    )
    categ_id = fields.Many2one(
        comodel_name='product.category', string="Product Category", readonly=True,
    )
    quantity = fields.Float(readonly=True)
    sale = fields.Monetary(
        string="Sales", help="What buyers paid, shipping included, less tax.", readonly=True,
    )
    promotion = fields.Monetary(string="Promotions", readonly=True)
    refund = fields.Monetary(string="Refunds", help="Less tax.", readonly=True)
    commission = fields.Monetary(readonly=True)
    fulfilment = fields.Monetary(help="What Amazon takes for shipping it.", readonly=True)
    other_fees = fields.Monetary(readonly=True)
    cost = fields.Monetary(
        string="Cost of Goods",
        help="What the goods were worth when they left; before, what the product costs now.",
        readonly=True,
    )
    contribution = fields.Monetary(
        help="What is left. Empty as long as nobody can tell the fees.", readonly=True,
    )
    is_estimated = fields.Boolean(
        string="Estimated", help="Whether some of it is not settled yet.", readonly=True,
    )
    basis = fields.Selection(
        selection=[
            ('settled', "Settled"),
            ('offer', "Estimated by the Offer"),
            ('marketplace', "Estimated by the Marketplace"),
            ('unknown', "Fees Unknown"),
        ],
        string="Fees",
        readonly=True,
    )

    # === ACTION METHODS === #

    def action_open_order(self):
        """Open the sales order.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.order_id)

    # === QUERY === #

    @property
    def _table_query(self):
        """Override of `base`: what was sold, by offer, and what was settled of nothing that was.

        The ids of both are told apart by whether they are even.
        """
        # PostgreSQL would take longer to compile it than to run it.
        self.env.cr.execute("SET LOCAL jit = off")
        return SQL(
            """
            WITH net AS MATERIALIZED (%(net)s)
            SELECT earning.*, %(contribution)s AS contribution
              FROM (%(sold)s UNION ALL %(rest)s) earning
            """,
            net=self.env['amazon.fee.share']._select_net_shares(),
            contribution=SQL(' + ').join(SQL.identifier('earning', name) for name in MEASURES),
            sold=self._select_sold(),
            rest=self._select_rest(),
        )

    def _select_sold(self):
        """Return the query of what was sold, by order and offer.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT 2 * sold.id AS id,
                   %(dimensions)s,
                   offer.sku,
                   sold.product_id,
                   product.product_tmpl_id,
                   template.categ_id,
                   sold.quantity,
                   %(buyers)s,
                   %(fees)s,
                   -sold.cost AS cost,
                   rest.share > 0 AS is_estimated,
                   CASE WHEN rest.share = 0 THEN 'settled'
                        WHEN offer.id IS NULL OR own.id IS NOT NULL THEN 'offer'
                        WHEN usual.id IS NOT NULL THEN 'marketplace'
                        ELSE 'unknown'
                   END AS basis
              FROM (%(lines)s) sold
              JOIN sale_order o ON o.id = sold.order_id
              LEFT JOIN amazon_offer offer ON offer.id = sold.offer_id
              LEFT JOIN product_product product ON product.id = sold.product_id
              LEFT JOIN product_template template ON template.id = product.product_tmpl_id
             CROSS JOIN LATERAL (
                   SELECT %(settled)s
                     FROM %(settled_lines)s
                    WHERE line.order_ref = o.amazon_order_ref
                      AND line.company_id = o.company_id
                      AND line.sku = offer.sku
                   ) settled
             CROSS JOIN LATERAL (SELECT %(open_share)s AS share) rest
              LEFT JOIN amazon_fee_share own
                     ON own.account_id = o.amazon_account_id
                    AND own.marketplace_id = o.amazon_marketplace_id
                    AND own.channel = o.amazon_channel
                    AND own.sku = offer.sku
              LEFT JOIN amazon_fee_share usual
                     ON usual.account_id = o.amazon_account_id
                    AND usual.marketplace_id = o.amazon_marketplace_id
                    AND usual.channel = o.amazon_channel
                    AND usual.sku IS NULL
             WHERE o.state = 'sale' OR settled.count > 0
            """,
            dimensions=self._select_dimensions(),
            buyers=SQL(', ').join(
                SQL(
                    "(COALESCE(%(settled)s, 0) * sold.subtotal / COALESCE(NULLIF(sold.total, 0), 1)"
                    " + rest.share * %(sold)s) %(rate)s AS %(name)s",
                    settled=SQL.identifier('settled', name),
                    sold=SQL("0") if name == 'refund' else SQL.identifier('sold', name),
                    rate=RATE,
                    name=SQL.identifier(name),
                )
                for name in BUYERS
            ),
            fees=SQL(', ').join(
                SQL(
                    "(COALESCE(%(settled)s, 0) + CASE"
                    " WHEN rest.share = 0 OR offer.id IS NULL THEN 0"
                    " ELSE rest.share * sold.total * COALESCE(%(own)s, %(usual)s) END)"
                    " %(rate)s AS %(name)s",
                    settled=SQL.identifier('settled', name),
                    own=SQL.identifier('own', name),
                    usual=SQL.identifier('usual', name),
                    rate=RATE,
                    name=SQL.identifier(name),
                )
                for name in FEE_COLUMNS
            ),
            lines=self._select_lines(),
            settled=self._select_settled(),
            settled_lines=self._get_settled_lines(),
            open_share=self._get_open_share(),
        )

    def _select_lines(self):
        """Return the query of the lines of sales orders, by order and offer.

        What buyers were charged for an item besides its price is on the same offer.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT MIN(l.id) AS id,
                   l.order_id,
                   l.amazon_offer_id AS offer_id,
                   MIN(l.product_id) FILTER (WHERE l.amazon_charge = 'item') AS product_id,
                   COALESCE(SUM(goods.quantity), 0) AS quantity,
                   SUM(l.price_total) AS total,
                   SUM(l.price_subtotal) AS subtotal,
                   COALESCE(SUM(l.price_subtotal)
                       FILTER (WHERE l.amazon_charge IS DISTINCT FROM 'discount'), 0) AS sale,
                   COALESCE(SUM(l.price_subtotal)
                       FILTER (WHERE l.amazon_charge = 'discount'), 0) AS promotion,
                   COALESCE(SUM(CASE
                       WHEN moved.count > 0 THEN moved.value + goods.price
                           * GREATEST(goods.quantity - GREATEST(moved.quantity, goods.delivered), 0)
                       ELSE goods.price * goods.quantity
                   END), 0) AS cost
              FROM sale_order_line l
              JOIN sale_order o ON o.id = l.order_id AND o.amazon_order_ref IS NOT NULL
              LEFT JOIN LATERAL (
                   SELECT l.product_uom_qty * unit.factor / base.factor AS quantity,
                          l.qty_delivered * unit.factor / base.factor AS delivered,
                          COALESCE((p.standard_price ->> o.company_id::text)::numeric, 0) AS price
                     FROM product_product p
                     JOIN product_template t ON t.id = p.product_tmpl_id
                     JOIN uom_uom unit ON unit.id = l.product_uom_id
                     JOIN uom_uom base ON base.id = t.uom_id
                    WHERE p.id = l.product_id
                      AND (l.amazon_charge IS NULL OR l.amazon_charge = 'item')
                   ) goods ON TRUE
              LEFT JOIN LATERAL (
                   SELECT COUNT(*) AS count,
                          SUM(CASE WHEN m.is_out THEN m.value ELSE -m.value END) AS value,
                          COALESCE(SUM(m.product_qty) FILTER (
                              WHERE m.is_out AND m.product_id = l.product_id
                          ), 0) AS quantity
                     FROM stock_move m
                    WHERE m.sale_line_id = l.id
                      AND m.state = 'done'
                      AND (m.is_out OR m.is_in)
                      AND m.value != 0
                   ) moved ON TRUE
             WHERE l.display_type IS NULL
             GROUP BY l.order_id, l.amazon_offer_id
            """,
        )

    def _select_rest(self):
        """Return the query of what was settled of an order for nothing that Odoo has sold with it.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT 2 * settled.id + 1 AS id,
                   %(dimensions)s,
                   settled.sku,
                   NULL::integer AS product_id,
                   NULL::integer AS product_tmpl_id,
                   NULL::integer AS categ_id,
                   0 AS quantity,
                   %(buyers)s,
                   %(fees)s,
                   0 AS cost,
                   FALSE AS is_estimated,
                   'settled' AS basis
              FROM (
                   SELECT MIN(line.id) AS id,
                          o.id AS order_id,
                          NULLIF(line.sku, '') AS sku,
                          %(settled)s
                     FROM %(settled_lines)s
                     JOIN sale_order o ON o.company_id = line.company_id
                                      AND o.amazon_order_ref = line.order_ref
                    WHERE NOT EXISTS (
                          SELECT FROM sale_order_line l
                            JOIN amazon_offer offer ON offer.id = l.amazon_offer_id
                           WHERE l.order_id = o.id
                             AND l.display_type IS NULL
                             AND offer.sku = line.sku
                          )
                    GROUP BY o.id, NULLIF(line.sku, '')
                   ) settled
              JOIN sale_order o ON o.id = settled.order_id
            """,
            dimensions=self._select_dimensions(),
            buyers=SQL(', ').join(
                SQL(
                    "COALESCE(%(settled)s, 0)"
                    " * o.amount_untaxed / COALESCE(NULLIF(o.amount_total, 0), 1)"
                    " %(rate)s AS %(name)s",
                    settled=SQL.identifier('settled', name), rate=RATE, name=SQL.identifier(name),
                )
                for name in BUYERS
            ),
            fees=SQL(', ').join(
                SQL(
                    "COALESCE(%(settled)s, 0) %(rate)s AS %(name)s",
                    settled=SQL.identifier('settled', name), rate=RATE, name=SQL.identifier(name),
                )
                for name in FEE_COLUMNS
            ),
            settled=self._select_settled(),
            settled_lines=self._get_settled_lines(),
        )

    def _select_dimensions(self):
        """Return the columns of an order.

        :rtype: SQL
        """
        return SQL(
            """
            o.id AS order_id,
            o.date_order AS date,
            o.company_id,
            (SELECT currency_id FROM res_company WHERE id = o.company_id) AS currency_id,
            o.currency_id AS order_currency_id,
            o.amazon_account_id AS account_id,
            o.amazon_marketplace_id AS marketplace_id,
            o.amazon_channel AS channel
            """,
        )

    def _select_settled(self):
        """Return the columns of what was settled, in the currency of the settlement.

        :rtype: SQL
        """
        columns = [
            SQL(
                "SUM(line.amount) FILTER (WHERE line.category IN %(categories)s) AS %(name)s",
                categories=categories, name=SQL.identifier(name),
            )
            for name, categories in {**BUYERS, 'total': SALES}.items()
        ]
        columns += [
            SQL(
                "SUM(line.amount * COALESCE(net.share, 1))"
                " FILTER (WHERE line.category IN %(categories)s) AS %(name)s",
                categories=categories, name=SQL.identifier(name),
            )
            for name, categories in FEE_COLUMNS.items()
        ]
        return SQL(', ').join([*columns, SQL("COUNT(*) AS count")])

    def _get_settled_lines(self):
        """Return the tables of lines of settlements that are proven.

        :rtype: SQL
        """
        return SQL(
            """
            amazon_settlement_line line
            JOIN amazon_settlement settlement ON settlement.id = line.settlement_id
                                             AND settlement.state IN %(states)s
            LEFT JOIN net ON net.account_id = settlement.account_id
                         AND net.category = line.category
            """,
            states=SETTLED_STATES,
        )

    def _get_open_share(self):
        """Return which share of what was sold is not settled yet.

        What has no offer, such as roundings, is settled together with the rest of its order.

        :rtype: SQL
        """
        return SQL(
            """
            CASE WHEN o.state != 'sale' THEN 0
                 WHEN offer.id IS NULL THEN (
                      SELECT CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END
                        FROM amazon_settlement_line line
                        JOIN amazon_settlement settlement ON settlement.id = line.settlement_id
                       WHERE line.order_ref = o.amazon_order_ref
                         AND line.company_id = o.company_id
                         AND settlement.state IN %(states)s
                      )
                 WHEN settled.total IS NULL THEN 1
                 WHEN settled.total >= %(wholly)s * sold.total THEN 0
                 ELSE 1 - GREATEST(settled.total, 0) / sold.total
            END
            """,
            states=SETTLED_STATES,
            wholly=SETTLED_WHOLLY,
        )


class SaleOrder(models.Model):
    _inherit = 'sale.order'

    amazon_earning_ids = fields.One2many(
        comodel_name='amazon.order.earning',
        inverse_name='order_id',
        string="What It Earned",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user,account.group_account_invoice,'
               'account.group_account_readonly',
    )
