from odoo import models


class AccountTax(models.Model):
    _inherit = 'account.tax'

    # === BUSINESS METHODS === #

    def _without_fixed(self):
        """Return the taxes that are in proportion to an amount, for lines that are not goods."""
        return self.flatten_taxes_hierarchy().filtered(lambda tax: tax.amount_type != 'fixed')

    def _fit_to_total(self, total, quantity, product, currency):
        """Return the unit price with which a line of these taxes makes a total, up to rounding.

        Taxes of a fixed amount are left out where they alone would exceed the total.

        :param float total: The total of the line with all taxes; negative without fixed taxes only.
        :param float quantity: The quantity of the line.
        :param product.product product: The product, which some taxes look at.
        :param res.currency currency: The currency of the total.
        :return: The taxes that the line can have, and the unit price as it wants it: with the taxes
                 that are included in prices.
        :rtype: tuple[account.tax, float]
        """
        def get_total(price_unit):
            return self._get_tax_details(
                price_unit,
                quantity,
                precision_rounding=currency.rounding,
                rounding_method='round_globally',
                product=product,
            )['total_included']

        if all(
            tax.price_include and not tax.has_negative_factor
            for tax in self.flatten_taxes_hierarchy()
        ):
            return self, total / quantity
        fixed = get_total(0.0)
        price_unit = (total - fixed) / (get_total(1.0) - fixed)
        if price_unit < 0 < fixed:
            return self._without_fixed()._fit_to_total(total, quantity, product, currency)
        return self, price_unit
