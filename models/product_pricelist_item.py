from odoo import api, models


class ProductPricelistItem(models.Model):
    """Rules of price lists, from which Amazon may be told prices."""

    _inherit = 'product.pricelist.item'

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

    def _wake_amazon_prices(self, pricelists=None):
        """Let the accounts that tell Amazon the prices of the price lists compare them soon.

        :param product.pricelist pricelists: More price lists than those of the rules.
        :return: None
        """
        pricelists = self.pricelist_id | (pricelists or self.env['product.pricelist'])
        # In sudo mode: who edits price lists need not see Amazon's accounts.
        self.env['amazon.account'].sudo()._wake_price_push_of(pricelists)
