from collections import defaultdict
from fractions import Fraction

from odoo import api, models
from odoo.tools import float_round

WATCHED = ('mrp.bom', 'mrp.bom.line')
DIGITS = 6


class AmazonKits(models.AbstractModel):
    """What products take from the stock: themselves or, where Manufacturing is installed and they
    are kits, their parts, which may be kits in turn.
    """

    _name = 'amazon.kits'
    _description = "Amazon Kits"

    # === BUSINESS METHODS === #

    @api.model
    def _get_needs(self, products, company):
        """Return the storable products that one piece of each product takes, and how many.

        :param product.product products: The products.
        :param res.company company: Whose bills of materials count.
        :return: By product; nothing for one without stock.
        :rtype: dict[product.product, dict[product.product, Fraction]]
        """
        boms = self._find_boms(products, company)
        needs = {}
        for product in products:
            needs[product] = defaultdict(Fraction)
            self._add_needs(needs[product], product, Fraction(1), boms)
        return needs

    @api.model
    def _add_needs(self, needs, product, quantity, boms):
        """Add what a quantity of a product takes to what is needed."""
        bom = boms.get(product)
        if not bom:
            if product.type == 'consu' and product.is_storable and quantity:
                needs[product] += quantity
            return
        made = _convert(bom.product_uom_id, bom.product_qty, product.uom_id, 'DOWN')
        for line in bom.bom_line_ids:
            if made and not line._skip_bom_line(product):
                part = line.product_id
                taken = _convert(line.product_uom_id, line.product_qty, part.uom_id, 'UP')
                self._add_needs(needs, part, quantity * taken / made, boms)

    @api.model
    def _find_boms(self, products, company):
        """Return the bills of materials of the kits among products and their parts.

        :rtype: dict[product.product, mrp.bom]
        """
        boms = {}
        if 'mrp.bom' not in self.env:
            return boms
        todo = seen = products
        while todo:
            found = self.env['mrp.bom']._bom_find(
                todo, company_id=company.id, bom_type='phantom',
            )
            found = {product: bom for product, bom in found.items() if bom}
            boms.update(found)
            todo = self.env['mrp.bom'].union(*found.values()).bom_line_ids.product_id - seen
            seen |= todo
        return boms

    @api.model
    def _get_relatives(self, products):
        """Return products with all whose kits share a part with them.

        :param product.product products: Products or parts whose stock has changed.
        :return: The products, their parts, and all kits that hold one of these.
        :rtype: product.product
        """
        if 'mrp.bom' not in self.env:
            return products
        parts, todo = products, products
        while todo := self._find_kit_boms(todo).bom_line_ids.product_id - parts:
            parts |= todo
        kits, todo = parts, parts
        while todo := self._get_kits_with(todo) - kits:
            kits |= todo
        return kits

    @api.model
    def _find_kit_boms(self, products):
        """Return all bills of materials that make kits of products, of whatever company."""
        return self.env['mrp.bom'].sudo().search([
            ('type', '=', 'phantom'), ('product_tmpl_id', 'in', products.product_tmpl_id.ids),
        ])

    @api.model
    def _get_kits_with(self, products):
        """Return the kits with one of these products in them."""
        boms = self.env['mrp.bom.line'].sudo().search([
            ('product_id', 'in', products.ids), ('bom_id.type', '=', 'phantom'),
        ]).bom_id
        templates = boms.filtered(lambda bom: not bom.product_id).product_tmpl_id
        return boms.product_id | templates.with_context(active_test=False).product_variant_ids

    # === BUSINESS METHODS - WATCHING === #

    def _register_hook(self):
        """Override of `base` to see bills of materials change: Manufacturing need not be installed,
        so that no model here can extend them.
        """
        super()._register_hook()
        for name in WATCHED:
            if name in self.env:
                _watch(self.env.registry[name])

    @api.model
    def _note_boms(self, boms):
        """Remember that what is offered of kits may have changed.

        :param mrp.bom boms: Their bills of materials.
        :return: None
        """
        templates = boms.sudo().product_tmpl_id.with_context(active_test=False)
        self.env['amazon.stock.change']._note(
            products=templates.product_variant_ids.ids,
        )


def _convert(uom, quantity, to_uom, rounding_method):
    """Return a quantity in another unit of measure as an exact number.

    :rtype: Fraction
    """
    converted = uom._compute_quantity(quantity, to_uom, round=False, raise_if_failure=False)
    return Fraction(str(float_round(
        converted, precision_digits=DIGITS, rounding_method=rounding_method,
    )))


def _get_boms(records):
    """Return the bills of materials that records are, or are lines of."""
    return records if records._name == 'mrp.bom' else records.bom_id


def _watch(model_class):
    """Let a model of bills of materials note which of them change."""

    @api.model_create_multi
    def create(self, vals_list):
        records = create.origin(self, vals_list)
        self.env['amazon.kits']._note_boms(_get_boms(records))
        return records

    def write(self, vals):
        self.env['amazon.kits']._note_boms(_get_boms(self))
        res = write.origin(self, vals)
        self.env['amazon.kits']._note_boms(_get_boms(self))
        return res

    def unlink(self):
        self.env['amazon.kits']._note_boms(_get_boms(self))
        return unlink.origin(self)

    for method in (create, write, unlink):
        method.origin = getattr(model_class, method.__name__)
        setattr(model_class, method.__name__, method)
