from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

NOTES = 'amazon_connector.stock_changes'


class AmazonStockChange(models.Model):
    """A mark: what is offered of a product, of an offer or of all of an account may have changed.

    Marks are only ever inserted and deleted, in the transaction of the change: nobody who moves
    goods waits for whoever tells Amazon, and finding what changed costs nothing for what did not.
    """

    _name = 'amazon.stock.change'
    _description = "Amazon Stock Change"
    _log_access = False

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, readonly=True, ondelete='cascade',
    )
    product_id = fields.Many2one(
        comodel_name='product.product', readonly=True, index='btree_not_null', ondelete='cascade',
    )
    offer_id = fields.Many2one(
        comodel_name='amazon.offer', readonly=True, index='btree_not_null', ondelete='cascade',
    )

    is_sold = fields.Boolean(
        help="Whether Amazon itself has changed what it offers, since it was bought or cancelled.",
        readonly=True,
    )

    _account_idx = models.Index("(account_id, id)")

    # === BUSINESS METHODS - NOTING === #

    @api.model
    def _note(self, products=(), offers=(), accounts=(), companies=(), skus=(), sold=()):
        """Remember what has changed, to mark it once before the transaction is committed.

        :param products: The ids of products; those that no offer takes from are passed over.
        :param offers: The ids of offers.
        :param accounts: The ids of accounts of which all offers are meant.
        :param companies: The ids of companies of whose accounts all offers are meant.
        :param skus: Accounts, marketplaces (ids) and SKUs or ASINs of order items.
        :param sold: The same, of items that Amazon has taken from what it offers, or given back.
        :return: None
        """
        given = {
            'products': products, 'offers': offers, 'accounts': accounts, 'companies': companies,
            'skus': skus, 'sold': sold,
        }
        if not any(given.values()):
            return
        precommit = self.env.cr.precommit
        if NOTES not in precommit.data:
            precommit.data[NOTES] = {name: set() for name in given}
            # Whoever caused it need not be allowed to see offers.
            changes = self.env(user=SUPERUSER_ID, context={})[self._name]
            precommit.add(changes._mark_noted)
        for name, values in given.items():
            precommit.data[NOTES][name].update(values)

    @api.model
    def _mark_noted(self):
        """Mark what has been noted for the accounts that tell Amazon of their stock, and have it
        told soon.

        :return: None
        """
        notes = self.env.cr.precommit.data.pop(NOTES)
        accounts, marketplaces, skus = _unzip(notes['skus'])
        sold_accounts, sold_marketplaces, sold_skus = _unzip(notes['sold'])
        marked = self.env.execute_query(SQL(
            """
            INSERT INTO amazon_stock_change (account_id, product_id, offer_id, is_sold)
            WITH pushed AS (
                SELECT id, company_id
                  FROM amazon_account
                 WHERE stock_push != 'off' AND active AND is_started
            ), changed AS (
                SELECT unnest(%(products)s::int[]) AS product_id
                 UNION
                SELECT offer.product_id
                  FROM unnest(%(sku_accounts)s::int[], %(marketplaces)s::int[], %(skus)s::text[])
                    AS sold (account_id, marketplace_id, sku)
                  JOIN amazon_offer AS offer
                    ON offer.account_id = sold.account_id
                   AND offer.marketplace_id = sold.marketplace_id
                   AND (offer.sku = sold.sku OR offer.asin = sold.sku)
                 WHERE offer.product_id IS NOT NULL AND EXISTS (SELECT FROM pushed)
            )
            SELECT pushed.id, changed.product_id, NULL::int, FALSE
              FROM pushed, changed
             WHERE EXISTS (
                       SELECT FROM amazon_offer AS offer
                        WHERE offer.product_id = changed.product_id
                          AND offer.account_id = pushed.id
                   ) %(or_in_kit)s
             UNION ALL
            SELECT offer.account_id, NULL, offer.id, FALSE
              FROM pushed
              JOIN amazon_offer AS offer ON offer.account_id = pushed.id
             WHERE offer.id = ANY(%(offers)s)
             UNION ALL
            SELECT offer.account_id, NULL, offer.id, TRUE
              FROM unnest(%(sold_accounts)s::int[], %(sold_marketplaces)s::int[],
                          %(sold_skus)s::text[])
                AS sold (account_id, marketplace_id, sku)
              JOIN pushed ON pushed.id = sold.account_id
              JOIN amazon_offer AS offer
                ON offer.account_id = sold.account_id
               AND offer.marketplace_id = sold.marketplace_id
               AND (offer.sku = sold.sku OR offer.asin = sold.sku)
             UNION ALL
            SELECT id, NULL, NULL, FALSE
              FROM pushed
             WHERE id = ANY(%(accounts)s) OR company_id = ANY(%(companies)s)
            RETURNING id
            """,
            products=[id_ for id_ in notes['products'] if id_],
            sku_accounts=list(accounts),
            marketplaces=[id_ or None for id_ in marketplaces],
            skus=list(skus),
            sold_accounts=list(sold_accounts),
            sold_marketplaces=[id_ or None for id_ in sold_marketplaces],
            sold_skus=list(sold_skus),
            or_in_kit=self._get_kit_condition(),
            offers=[id_ for id_ in notes['offers'] if id_],
            accounts=[id_ for id_ in notes['accounts'] if id_],
            companies=list(notes['companies']),
        ))
        if marked:
            self.env.ref('amazon_connector.ir_cron_send_stock')._trigger()

    @api.model
    def _get_kit_condition(self):
        """Return what is added to the condition on products for those of kits.

        :rtype: SQL
        """
        if 'mrp.bom' not in self.env:
            return SQL()
        return SQL("""
            OR EXISTS (
                SELECT FROM mrp_bom_line AS line
                  JOIN mrp_bom AS bom ON bom.id = line.bom_id AND bom.type = 'phantom'
                 WHERE line.product_id = changed.product_id
            ) OR EXISTS (
                SELECT FROM product_product AS product
                  JOIN mrp_bom AS bom
                    ON bom.product_tmpl_id = product.product_tmpl_id AND bom.type = 'phantom'
                 WHERE product.id = changed.product_id
            )
        """)

    # === BUSINESS METHODS - TAKING === #

    @api.model
    def _take_offers(self, accounts, limit):
        """Take the oldest marks that no other worker has in its hands, and delete them.

        What is computed of the offers in the same transaction is as new as their marks.

        :param amazon.account accounts: Marks of these.
        :param int limit: How many marks.
        :return: The offers of the accounts that the marks concern, kits with such a part among
                 them. They need not be FBM, nor matched: what they are offered with, says
                 `amazon.offer._get_offered_quantities`.
        :rtype: amazon.offer
        """
        Offer = self.env['amazon.offer'].sudo()  # In sudo mode: marks are nobody's.
        self._spread(accounts)
        taken = self._delete_next(accounts, limit)
        product_ids = {product_id for product_id, _offer_id, _is_sold in taken if product_id}
        products = self.env['amazon.kits']._get_relatives(
            self.env['product.product'].sudo().browse(product_ids),
        )
        Offer.browse(
            {offer_id for _product_id, offer_id, is_sold in taken if is_sold},
        ).exists().stock_level_id._doubt()
        return Offer.search([
            ('account_id', 'in', accounts.ids),
            '|', ('id', 'in', [offer_id for _product_id, offer_id, _is_sold in taken if offer_id]),
            ('product_id', 'in', products.ids),
        ])

    @api.model
    def _has_marks(self, accounts):
        """Return whether something has changed of these accounts that nobody has taken yet.

        :param amazon.account accounts: The accounts.
        :rtype: bool
        """
        # In sudo mode: marks are nobody's.
        return bool(self.sudo().search_count([('account_id', 'in', accounts.ids)], limit=1))

    @api.model
    def _delete_next(self, accounts, limit):
        """Delete the oldest marks that no other worker has in its hands.

        :return: The ids of product and offer of each, and whether it was sold or given back.
        :rtype: list[tuple[int | None, int | None, bool | None]]
        """
        return self.env.execute_query(SQL(
            """
            DELETE FROM amazon_stock_change
             WHERE id IN (
                SELECT id
                  FROM amazon_stock_change
                 WHERE account_id = ANY(%s) AND (product_id IS NOT NULL OR offer_id IS NOT NULL)
              ORDER BY id
                 LIMIT %s
                   FOR UPDATE SKIP LOCKED
             )
            RETURNING product_id, offer_id, is_sold
            """,
            accounts.ids, limit,
        ))

    @api.model
    def _spread(self, accounts):
        """Replace the marks of whole accounts by marks of their offers.

        :param amazon.account accounts: The accounts.
        :return: None
        """
        self.env['amazon.offer'].flush_model(['account_id'])
        self.env.cr.execute(SQL(
            """
            WITH taken AS (
                DELETE FROM amazon_stock_change
                 WHERE id IN (
                    SELECT id
                      FROM amazon_stock_change
                     WHERE account_id = ANY(%s) AND product_id IS NULL AND offer_id IS NULL
                       FOR UPDATE SKIP LOCKED
                 )
                RETURNING account_id
            )
            INSERT INTO amazon_stock_change (account_id, offer_id)
            SELECT account_id, id
              FROM amazon_offer
             WHERE account_id IN (SELECT account_id FROM taken)
             ORDER BY id
            """,
            accounts.ids,
        ))


def _unzip(triples):
    """Return the first, second and third elements of triples, empty if there are none."""
    return zip(*triples, strict=True) if triples else ((), (), ())
