"""What happens in the stock, noted so that Amazon is told what is offered since."""

from odoo import api, models

QUANT_FIELDS = {'location_id', 'product_id', 'quantity', 'reserved_quantity'}
MOVE_FIELDS = {'location_id', 'move_orig_ids', 'product_uom_qty', 'sale_line_id', 'state'}
LOCATION_FIELDS = {'active', 'location_id', 'usage'}
PRODUCT_FIELDS = {'active', 'is_storable', 'type', 'uom_id'}


class StockQuant(models.Model):
    _inherit = 'stock.quant'

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `stock` to note that goods have come or gone."""
        quants = super().create(vals_list)
        quants._note_stock_change()
        return quants

    def write(self, vals):
        """Override of `stock` to note that goods have come, gone or been reserved."""
        if not vals.keys() & QUANT_FIELDS:
            return super().write(vals)
        self._note_stock_change()
        res = super().write(vals)
        if 'product_id' in vals:
            self._note_stock_change()
        return res

    def unlink(self):
        """Override of `stock` to note that goods have gone."""
        self._note_stock_change()
        return super().unlink()

    # === BUSINESS METHODS === #

    def _note_stock_change(self):
        """Remember that what is offered of the products may have changed.

        :return: None
        """
        self.env['amazon.stock.change']._note(products=self.product_id.ids)


class StockMove(models.Model):
    _inherit = 'stock.move'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `stock` to note that orders want more or less that is not reserved."""
        if vals.keys() & MOVE_FIELDS:
            self.env['amazon.stock.change']._note(products=self.product_id.ids)
        return super().write(vals)


class StockLocation(models.Model):
    _inherit = 'stock.location'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `stock` to note that goods come into a warehouse or leave it with their
        location.
        """
        if vals.keys() & LOCATION_FIELDS:
            self.env['amazon.stock.change']._note(companies=self.company_id.ids)
        return super().write(vals)


class ProductProduct(models.Model):
    _inherit = 'product.product'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `product` to note that it is no longer, or again, what is offered."""
        if vals.keys() & PRODUCT_FIELDS:
            self.env['amazon.stock.change']._note(products=self.ids)
        return super().write(vals)


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `product` to note that it is no longer, or again, what is offered."""
        if vals.keys() & PRODUCT_FIELDS:
            products = self.with_context(active_test=False).product_variant_ids
            self.env['amazon.stock.change']._note(products=products.ids)
        return super().write(vals)
