from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools.barcode import check_barcode_encoding

from .quiet import quiet_sql


class AmazonOffer(models.Model):
    """How products are made of what Amazon lists."""

    _inherit = 'amazon.offer'

    # === ACTION METHODS === #

    def action_create_products(self):
        """Create the products of these offers, one for each SKU of a seller, and match them.

        What can't be created stays without a product and is named; it stops no other.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If the user may not create products.
        """
        self._check_may_create_products()
        self.check_access('write')
        failures = []
        created = self.env['product.product']
        for offer in self.filtered(lambda offer: not offer.product_id):
            if offer.product_id:  # An offer of the same SKU has brought it meanwhile.
                continue
            try:
                with quiet_sql(), self.env.cr.savepoint():
                    created |= offer._create_product()
            except UserError as error:
                failures.append(f'{offer.sku}: {error}')
        if len(created) == 1:
            message = self.env._("1 product created and matched")
        else:
            message = self.env._("%(count)s products created and matched", count=len(created))
        if failures:
            message = ' · '.join([message, *failures[:5]])
        return self.env['amazon.account']._notify(message, 'warning' if failures else 'success')

    # === BUSINESS METHODS === #

    def _check_may_create_products(self):
        """Refuse to create products to who may not.

        :return: None
        :raise UserError: If the user may not.
        """
        if not self.env['product.product'].has_access('create'):
            raise UserError(self.env._(
                "You may not create products. Ask somebody with the right Sales / Administrator or"
                " Inventory / Administrator, or choose a product that exists.",
            ))

    def _create_product(self, **values):
        """Create the product that the offer sells, and match it.

        :param values: What a person wants otherwise than the listing says.
        :return: The product.
        :rtype: product.product
        :raise UserError: If a product has the reference already, or Odoo refuses it.
        """
        self.ensure_one()
        values = {**self._prepare_product_values(), **values}
        Product = self.env['product.product'].with_company(self.company_id)
        twin = values['default_code'] and Product.search([
            *Product._check_company_domain(self.company_id),
            ('default_code', '=', values['default_code']),
        ], limit=1)
        if twin:
            raise UserError(self.env._(
                "Internal Reference: %(product)s has %(reference)s already. Choose it as the"
                " product of the offer, or enter another reference.",
                product=twin.display_name,
                reference=values['default_code'],
            ))
        product = Product.create(values)
        self.product_id = product
        return product

    def _prepare_product_values(self):
        """Return the values of the product that the listing describes.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'name': self.title or self.sku,
            'default_code': self.sku,
            'barcode': self._get_free_barcode(),
            'list_price': self._get_list_price(),
            'type': 'consu',
            'is_storable': True,
            'company_id': self.company_id.id,
        }

    def _get_free_barcode(self):
        """Return the EAN or UPC of the listing, else the SKU where it is one; none that is taken.

        :rtype: str | bool
        """
        sku = self.sku or ''
        is_barcode = sku and any(
            check_barcode_encoding(sku, kind) for kind in ('ean8', 'ean13', 'upca')
        )
        barcode = self.barcode or (is_barcode and sku)
        taken = barcode and self.env['product.product'].with_context(active_test=False).search(
            [('barcode', '=', barcode)], limit=1,
        )
        return not taken and barcode

    def _get_list_price(self):
        """Return Amazon's price of one piece, in the currency of the company.

        :rtype: float
        """
        if not self.currency_id:
            return 0.0
        price = self.currency_id._convert(
            self.amazon_price,
            self.company_id.currency_id,
            self.company_id,
            fields.Date.context_today(self),
        )
        return self.company_id.currency_id.round(price / self.pack_size)
