from odoo import api, fields, models
from odoo.tools import float_compare, float_round

from .guard import as_connector
from .quiet import log_failure

RULE = '0_product_variant'
LIST_FIELDS = {'product_id', 'pack_size'}


class AmazonOffer(models.Model):
    """Amazon's prices in Odoo's price lists, where the account wants them there."""

    _inherit = 'amazon.offer'

    pricelist_reason = fields.Char(
        string="Price List",
        help="Why the price list does not have Amazon's price of this offer.",
        compute='_compute_pricelist_reason',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends(
        'account_id.prices_into_pricelist', 'account_id.price_push', 'amazon_price', 'currency_id',
        'is_gone', 'marketplace_id', 'pack_size', 'product_id',
    )
    def _compute_pricelist_reason(self):
        wanted = self.filtered(lambda offer: offer.account_id.prices_into_pricelist)
        leading = wanted._get_leading_offers()
        own = self._get_own_prices(leading)
        for offer in self:
            offer.pricelist_reason = offer in wanted and offer._explain_pricelist(leading, own)

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `amazon_connector` to take the price over of what is matched later."""
        res = super().write(vals)
        if vals.keys() & LIST_FIELDS:
            self._take_prices_over()
        return res

    # === BUSINESS METHODS === #

    def _follow_import(self):
        """Override of `amazon_connector` to take the prices over that were read."""
        super()._follow_import()
        self._take_prices_over()

    def _take_prices_over(self):
        """Put Amazon's prices into the price lists of the accounts that want it: a fixed price for
        each product and currency. Whatever else the price lists hold stays as it is, people's own
        fixed prices, too.

        A price that can't be taken over stops nothing else.

        :return: None
        """
        # In sudo mode: who matches an offer need not edit price lists.
        offers = self.sudo().filtered(
            lambda offer: offer.account_id.prices_into_pricelist and offer._has_price_to_take(),
        )
        if not offers:
            return
        failures = offers._do_together_or_apart(lambda offers: offers._put_into_pricelists())
        for offer, exception in failures.items():
            log_failure(offer, exception)

    def _has_price_to_take(self):
        """Return whether a price list could have Amazon's price of the offer.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.product_id
            and not self.is_gone
            and self.amazon_price > 0
            and self.currency_id.active
            and self.marketplace_id in self.account_id.synced_marketplace_ids
        )

    def _get_leading_offers(self):
        """Return the offers whose prices the price lists take for the products of these.

        Of several offers of a product in a currency, it is the one with the fewest pieces in its
        pack, then that of the first account and marketplace, whichever was read last.

        :return: By price list and product.
        :rtype: dict[tuple[product.pricelist, product.product], amazon.offer]
        """
        accounts = self.env['amazon.account'].search([
            ('company_id', 'in', self.company_id.ids), ('prices_into_pricelist', '=', True),
        ])
        candidates = self.search([
            ('account_id', 'in', accounts.ids), ('product_id', 'in', self.product_id.ids),
        ]).filtered(lambda offer: offer._has_price_to_take())
        pricelists = {
            key: key[0]._find_pricelist(key[1])
            for key in candidates.grouped(lambda offer: (offer.account_id, offer.currency_id))
        }
        leading = {}
        for offer in candidates.sorted(
            lambda o: (o.pack_size, o.account_id.id, o.marketplace_id.id, o.id),
        ):
            pricelist = pricelists[offer.account_id, offer.currency_id]
            leading.setdefault((pricelist, offer.product_id), offer)
        return leading

    def _put_into_pricelists(self):
        """Do `_take_prices_over` for offers that have a price, or fail.

        :return: None
        """
        for account, currency in self.grouped(lambda offer: (offer.account_id, offer.currency_id)):
            account._get_pricelist(currency)
        by_pricelist = {}
        for (pricelist, _product), offer in self._get_leading_offers().items():
            by_pricelist[pricelist] = by_pricelist.get(pricelist, self.browse()) | offer
        for pricelist, offers in by_pricelist.items():
            offers._put_into_pricelist(pricelist)

    def _put_into_pricelist(self, pricelist):
        """Set the fixed prices of the products of these offers, each of which is another one.

        :param product.pricelist pricelist: In the currency of the offers.
        :return: None
        """
        Item = self.env['product.pricelist.item']
        digits = self.env['decimal.precision'].precision_get('Product Price')
        own = self._get_own_prices({(pricelist, offer.product_id): offer for offer in self})
        items = Item._search_fixed_prices(pricelist, self.product_id).filtered(
            lambda item: item._is_amazon_price(),
        )
        # Of several, Odoo takes the first one.
        item_by_product = {item.product_id: item for item in reversed(items)}
        missing = []
        for offer in self:
            price = offer._get_piece_price()
            item = item_by_product.get(offer.product_id)
            if not item and (pricelist, offer.product_id) not in own:
                missing.append(offer._prepare_pricelist_item(pricelist, price))
            elif item and offer.account_id.price_push == 'off' and float_compare(
                item.fixed_price, price, precision_digits=digits,
            ):
                item.fixed_price = price
        with as_connector():
            Item.create(missing)

    @api.model
    def _get_own_prices(self, leading):
        """Return the fixed prices that people have entered for the products of offers.

        :param dict leading: As `_get_leading_offers`.
        :return: By price list and product.
        :rtype: dict[tuple[product.pricelist, product.product], product.pricelist.item]
        """
        pricelists = self.env['product.pricelist'].union(*(key[0] for key in leading))
        products = self.env['product.product'].union(*(key[1] for key in leading))
        items = self.env['product.pricelist.item']._search_fixed_prices(pricelists, products)
        own = {}
        for item in items.filtered(lambda item: not item._is_amazon_price()):
            for product in item.product_id or products & item.product_tmpl_id.product_variant_ids:
                own.setdefault((item.pricelist_id, product), item)
        return own

    def _get_piece_price(self):
        """Return what one piece costs on Amazon, rounded as price lists are.

        :rtype: float
        """
        self.ensure_one()
        digits = self.env['decimal.precision'].precision_get('Product Price')
        return float_round(self.amazon_price / self.pack_size, precision_digits=digits)

    def _prepare_pricelist_item(self, pricelist, price):
        """Return the values of the rule of a price list that holds Amazon's price.

        :param product.pricelist pricelist: The price list.
        :param float price: For one piece.
        :rtype: dict
        """
        return {
            'pricelist_id': pricelist.id,
            'applied_on': RULE,
            'product_id': self.product_id.id,
            'product_tmpl_id': self.product_id.product_tmpl_id.id,
            'compute_price': 'fixed',
            'fixed_price': price,
            'amazon_is_imported': True,
        }

    def _explain_pricelist(self, leading, own):
        """Return why the price list does not have the price of the offer.

        :param dict leading: As `_get_leading_offers`.
        :param dict own: As `_get_own_prices`.
        :return: A sentence; empty if it has it.
        :rtype: str
        """
        self.ensure_one()
        if not self.product_id:
            return self.env._("Choose the product: its price is then taken over.")
        if self.is_gone:
            return self.env._("Its price is not taken over: it is not listed any more.")
        if self.amazon_price <= 0:
            return self.env._("Amazon's price is not known: press Import Listings.")
        if not self.currency_id.active:
            return self.env._(
                "Its price is not taken over: activate %(currency)s under Invoicing ▸"
                " Configuration ▸ Currencies, then press Import Listings.",
                currency=self.currency_id.name or self.env._("its currency"),
            )
        key, leader = next((item for item in leading.items() if (
            item[1].product_id == self.product_id and item[1].currency_id == self.currency_id
        )), (None, self))
        if leader != self:
            return self.env._(
                "The price list has the price of %(sku)s on %(marketplace)s: the offer with the"
                " fewest pieces, on the first marketplace, sets it.",
                sku=leader.sku,
                marketplace=leader.marketplace_id.name,
            )
        if item := own.get(key):
            return self.env._(
                "The price list %(pricelist)s has a fixed price that somebody entered, %(price)s,"
                " which stays. To take Amazon's over, delete it under Sales ▸ Products ▸"
                " Pricelists, then press Import Listings.",
                pricelist=item.pricelist_id.name,
                price=item.currency_id.format(item.fixed_price),
            )
        return ''
