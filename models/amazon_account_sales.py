from odoo import api, models
from odoo.exceptions import UserError


class AmazonAccount(models.Model):
    """What sales orders are made with: charges, currencies, price lists and fiscal positions."""

    _inherit = 'amazon.account'

    # === BUSINESS METHODS === #

    def _get_charge_product(self, charge, item_product):
        """Return the product that stands for a charge in sales orders.

        :param amazon.orders.Charge charge: The charge.
        :param product.product item_product: What stands for the item that is charged for.
        :rtype: product.product
        """
        return {
            'item': item_product,
            'shipping': self.shipping_product_id,
            'gift_wrap': self.gift_wrap_product_id,
            'cod_fee': self.cod_fee_product_id,
            'other': self.other_product_id,
            'discount': self.discount_product_id,
        }[charge.type]

    def _get_currency(self, code):
        """Return the currency of an order, activated if it was not.

        :param str code: Its ISO 4217 code.
        :rtype: res.currency
        :raise UserError: If Odoo does not know it.
        """
        currency = self.env['res.currency'].with_context(active_test=False).search(
            [('name', '=', code)],
        )
        if not currency:
            raise UserError(self.env._(
                "Odoo does not know the currency %(currency)s: add it under Invoicing ▸"
                " Configuration ▸ Currencies, then press Retry.",
                currency=code,
            ))
        if not currency.active:
            self._activate_currencies(currency)
            self.message_post(body=self.env._(
                "The currency %(currency)s was activated, since a buyer paid in it. Check its"
                " exchange rate under Invoicing ▸ Configuration ▸ Currencies.",
                currency=code,
            ))
        return currency

    def _get_pricelist(self, currency):
        """Return a price list in a currency: the account's, another of the company, or a new one.

        :param res.currency currency: The currency of an order.
        :rtype: product.pricelist
        """
        return self._find_pricelist(currency) or self.env['product.pricelist'].create({
            'name': self._get_pricelist_name(currency),
            'currency_id': currency.id,
            'company_id': self.company_id.id,
        })

    def _find_pricelist(self, currency):
        """Return the price list in a currency that there is: the account's, or the company's.

        :param res.currency currency: A currency.
        :return: It, empty if none was made yet.
        :rtype: product.pricelist
        """
        if self.pricelist_id.currency_id == currency:
            return self.pricelist_id
        return self.env['product.pricelist'].search([
            ('currency_id', '=', currency.id),
            ('company_id', 'in', (self.company_id.id, False)),
            ('name', '=', self._get_pricelist_name(currency)),
        ], limit=1)

    @api.model
    def _get_pricelist_name(self, currency):
        """Return how the price list is called that is made for a currency.

        :param res.currency currency: A currency.
        :rtype: str
        """
        return f'Amazon {currency.name}'

    def _set_fiscal_positions(self, incoming_list):
        """Give orders their fiscal positions: the account's, else by destination.

        :param list[Incoming] incoming_list: The orders, with their customers.
        :return: None
        """
        if self.fiscal_position_id:
            for incoming in incoming_list:
                incoming.position = self.fiscal_position_id
            return
        Position = self.env['account.fiscal.position']
        automatic = Position.search([
            *Position._check_company_domain(self.company_id), ('auto_apply', '=', True),
        ])
        names = ['country_id', 'state_id']
        if any(automatic.mapped('zip_from')):
            names.append('zip')
        positions = {}
        for incoming in incoming_list:
            customer = incoming.customer
            key = (
                customer.tax_partner.vat,
                customer.tax_partner.property_account_position_id,
                customer.destination.property_account_position_id,
                *(customer.destination[name] for name in names),
            )
            if key not in positions:
                positions[key] = Position._get_fiscal_position(
                    customer.tax_partner, customer.destination,
                )
            incoming.position = positions[key]
