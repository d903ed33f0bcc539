from odoo import models


class AccountTax(models.Model):
    _inherit = 'account.tax'

    # === BUSINESS METHODS === #

    def _without_fixed(self):
        """Return the taxes that are in proportion to an amount, for lines that are not goods."""
        return self.flatten_taxes_hierarchy().filtered(lambda tax: tax.amount_type != 'fixed')

    def _get_price_unit_of_total(self, total, quantity, product, currency):
        """Return the unit price with which a line of these taxes makes a given total.

        It is exact up to the rounding of the taxes.

        :param float total: The total of the line with all taxes.
        :param float quantity: The quantity of the line.
        :param product.product product: The product, which some taxes look at.
        :param res.currency currency: The currency of the total.
        :return: The unit price as the line wants it: with the taxes that are included in prices.
        :rtype: float
        """
        if all(tax.price_include for tax in self.flatten_taxes_hierarchy()):
            return total / quantity
        details = self._get_tax_details(
            total / quantity,
            quantity,
            precision_rounding=currency.rounding,
            rounding_method='round_globally',
            product=product,
            special_mode='total_included',
        )
        included = sum(
            tax_data['tax_amount']
            for tax_data in details['taxes_data']
            if tax_data['tax'].price_include
        )
        return (details['total_excluded'] + included) / quantity
