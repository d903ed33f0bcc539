from odoo import models
from odoo.fields import Command


class AccountTax(models.Model):
    _inherit = 'account.tax'

    # === BUSINESS METHODS === #

    def _filter_of_services(self):
        """Return those that are for services, as far as their scope or their names tell.

        :rtype: account.tax
        """
        return self.filtered(lambda tax: (
            tax.tax_scope == 'service'
            or 'service' in f'{tax.description} {tax.invoice_label}'.lower()
            or tax.name.endswith(' S')
        ))

    def _take_out_of_total(self, total, company, currency, **values):
        """Return what of a total is tax, so that both parts make it to the smallest unit.

        :param float total: The total with all taxes.
        :param res.company company: Whose taxes they are.
        :param res.currency currency: The currency of the total.
        :param values: What else the base line of Odoo's tax engine has: partner, account, sign …
        :return: The base line with the details of its taxes, rounded.
        :rtype: dict
        """
        line = self._prepare_base_line_for_taxes_computation(
            None,
            tax_ids=self,
            price_unit=total,
            quantity=1.0,
            currency_id=currency,
            special_mode='total_included',
            **values,
        )
        self._add_tax_details_in_base_lines([line], company)
        self._round_base_lines_tax_details([line], company)
        details = line['tax_details']
        taxes = sum(data['tax_amount_currency'] for data in details['taxes_data'])
        details['total_excluded_currency'] = currency.round(total - taxes)
        details['delta_total_excluded_currency'] = 0.0
        return line

    def _prepare_line_of_total(self, total, company, currency):
        """Return the values of a line of a bill which, with its taxes, makes a total.

        Odoo would round the tax of the net amount to a total that may be a cent off.

        :param float total: The total with all taxes.
        :param res.company company: Whose taxes they are.
        :param res.currency currency: The currency of the total.
        :rtype: dict
        """
        taxes, price_unit = self._fit_to_total(
            total, 1.0, self.env['product.product'], currency,
        )
        details = taxes._take_out_of_total(total, company, currency)['tax_details']
        net = details['total_excluded_currency']
        has_included = any(tax.price_include for tax in taxes.flatten_taxes_hierarchy())
        price_unit = currency.round(price_unit) if has_included else net
        manual = {
            str(data['tax'].id): {
                'base_amount_currency': data['base_amount_currency'],
                'tax_amount_currency': data['tax_amount_currency'],
            }
            for data in details['taxes_data'] if not data['is_reverse_charge']
        }
        return {
            'quantity': 1.0,
            'price_unit': price_unit,
            'tax_ids': [Command.set(taxes.ids)],
            'extra_tax_data': manual and {
                'currency_id': currency.id,
                'price_unit': price_unit,
                'discount': 0.0,
                'quantity': 1.0,
                'manual_total_excluded_currency': net,
                'manual_tax_amounts': manual,
            },
        }

    def _prepare_items_of_total(self, total, company, currency, **values):
        """Return the journal items of a total in an entry: the net amount, and the taxes.

        :param float total: The total with all taxes; a debit is positive.
        :param res.company company: Whose taxes they are.
        :param res.currency currency: The currency of the total.
        :param values: `account_id`, `partner_id` and `rate` of the base line, as records.
        :return: Values with amounts in that currency only, the net amount first.
        :rtype: list[dict]
        """
        line = self._take_out_of_total(total, company, currency, is_refund=total < 0, **values)
        self._add_accounting_data_in_base_lines_tax_details([line], company)
        prepared = self._prepare_tax_lines([line], company)
        (base, amounts), = prepared['base_lines_to_update']
        items = [{
            'account_id': base['account_id'].id,
            'partner_id': base['partner_id'].id,
            'currency_id': currency.id,
            'tax_ids': [Command.set(self.ids)],
            'tax_tag_ids': amounts['tax_tag_ids'],
            'amount_currency': currency.round(amounts['amount_currency']),
        }]
        return items + [
            {name: value for name, value in tax_item.items() if name != 'balance'}
            for tax_item in prepared['tax_lines_to_add']
        ]
