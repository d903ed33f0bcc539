from odoo import api, fields, models
from odoo.fields import Domain


class ProductPricelistItem(models.Model):
    """Rules of price lists, from which Amazon may be told prices, and which may have Amazon's."""

    _name = 'product.pricelist.item'
    _inherit = ['product.pricelist.item', 'amazon.guard.mixin']

    amazon_is_imported = fields.Boolean(
        string="Amazon's Price",
        help="Whether the connector has made the rule, and writes Amazon's price into it.",
        readonly=True,
        copy=False,
    )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `product` to compare Amazon's prices with the new ones."""
        items = super().create(vals_list)
        items._wake_amazon_prices()
        return items

    def write(self, vals):
        """Override of `product` to compare Amazon's prices with the changed ones."""
        pricelists = self.pricelist_id
        res = super().write(vals)
        self._wake_amazon_prices(pricelists)
        return res

    def unlink(self):
        """Override of `product` to compare Amazon's prices with those that are left."""
        self._wake_amazon_prices()
        return super().unlink()

    # === BUSINESS METHODS === #

    @api.model
    def _search_fixed_prices(self, pricelists, products):
        """Return the rules that say what a piece of a product costs at any time.

        :param product.pricelist pricelists: The price lists.
        :param product.product products: The products.
        :return: The rules of the variants and of the products that these are of; those first that
                 Odoo prefers.
        :rtype: product.pricelist.item
        """
        variants = Domain('applied_on', '=', '0_product_variant') & Domain(
            'product_id', 'in', products.ids,
        )
        templates = Domain('applied_on', '=', '1_product') & Domain(
            'product_tmpl_id', 'in', products.product_tmpl_id.ids,
        )
        return self.search(
            (variants | templates)
            & Domain('pricelist_id', 'in', pricelists.ids)
            & Domain('compute_price', '=', 'fixed')
            & Domain('min_quantity', '<=', 1)
            & Domain('date_start', '=', False)
            & Domain('date_end', '=', False),
        )

    def _is_amazon_price(self):
        """Return whether it is the connector's to keep up to Amazon's price.

        :rtype: bool
        """
        self.ensure_one()
        return self.amazon_is_imported and bool(self.product_id)

    def _wake_amazon_prices(self, pricelists=None):
        """Let the accounts that tell Amazon the prices of the price lists compare them soon.

        :param product.pricelist pricelists: More price lists than those of the rules.
        :return: None
        """
        pricelists = self.pricelist_id | (pricelists or self.env['product.pricelist'])
        # In sudo mode: who edits price lists need not see Amazon's accounts.
        self.env['amazon.account'].sudo()._wake_price_push_of(pricelists)
