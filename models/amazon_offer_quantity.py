from collections import defaultdict
from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..amazon.orders import Status
from .stock_sum import Claim, Part, StockSum, Supply

# Skipped on the way into Odoo, but bought: Amazon only has not released them yet.
PENDING = (Status.PENDING, Status.PENDING_AVAILABILITY)
PRODUCT_FIELDS = {'asin', 'channel', 'pack_size', 'product_id', 'sku'}
OWN_FIELDS = {'has_own_buffer', 'is_gone', 'own_stock_buffer', 'stock_cap'}
MAX_UNITS = 2**31 - 1


class AmazonOffer(models.Model):
    """How many units an FBM offer is to offer: what is free of its product, and nobody else gets.
    """

    _inherit = 'amazon.offer'

    offered_quantity = fields.Integer(
        string="Quantity to Offer",
        help="What Odoo's stock allows to offer, in units of the offer; 0 also where it is left"
             " alone. Why This Quantity? shows how it comes about.",
        compute='_compute_offered_quantity',
        compute_sudo=True,
    )
    is_offered = fields.Boolean(
        help="Whether Odoo's stock says how much to offer.",
        compute='_compute_offered_quantity',
        compute_sudo=True,
    )
    stock_buffer = fields.Integer(
        string="Buffer",
        help="Pieces of the product that are kept back: the account's, unless the offer has its"
             " own.",
        compute='_compute_stock_buffer',
        inverse='_inverse_stock_buffer',
        compute_sudo=True,
    )
    has_own_buffer = fields.Boolean(
        string="Own Buffer",
        help="Whether the offer keeps back other pieces than the account says.",
        tracking=True,
    )
    own_stock_buffer = fields.Integer(tracking=True)
    stock_cap = fields.Integer(
        string="Offer at Most",
        help="Never offer more units than this, however many are free. 0: no limit.",
        tracking=True,
    )
    quantity_explanation = fields.Html(
        string="Why This Quantity?",
        compute='_compute_quantity_explanation',
        sanitize=False,
        groups='amazon_connector.group_amazon_user',
    )

    _asin_idx = models.Index("(account_id, asin)")

    # === COMPUTE METHODS === #

    @api.depends(
        'account_id', 'channel', 'is_gone', 'pack_size', 'product_id', 'stock_buffer', 'stock_cap',
    )
    def _compute_offered_quantity(self):
        quantities = self._get_offered_quantities()
        for offer in self:
            quantity = quantities.get(offer)
            offer.offered_quantity = quantity or 0
            offer.is_offered = quantity is not None

    @api.depends('has_own_buffer', 'own_stock_buffer', 'account_id.stock_buffer')
    def _compute_stock_buffer(self):
        for offer in self:
            offer.stock_buffer = (
                offer.own_stock_buffer if offer.has_own_buffer else offer.account_id.stock_buffer
            )

    def _inverse_stock_buffer(self):
        for offer in self:
            offer.write({'has_own_buffer': True, 'own_stock_buffer': offer.stock_buffer})

    @api.depends('offered_quantity')
    def _compute_quantity_explanation(self):
        for offer in self:
            offer.quantity_explanation = offer._explain_quantity()

    # === CONSTRAINT METHODS === #

    @api.constrains('own_stock_buffer', 'stock_cap')
    def _check_stock_settings(self):
        for offer in self:
            if offer.own_stock_buffer < 0:
                raise ValidationError(self.env._(
                    "Buffer of %(sku)s: enter how many pieces to keep back, 0 for none.",
                    sku=offer.sku,
                ))
            if offer.stock_cap < 0:
                raise ValidationError(self.env._(
                    "Offer at Most of %(sku)s: enter a number of units, 0 for no limit.",
                    sku=offer.sku,
                ))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to have its quantity sent."""
        offers = super().create(vals_list)
        offers._mark_stock_changed()
        return offers

    def write(self, vals):
        """Override of `base` to have the quantity sent again that changes with this."""
        if not vals.keys() & (PRODUCT_FIELDS | OWN_FIELDS):
            return super().write(vals)
        self._mark_stock_changed(with_products=bool(vals.keys() & PRODUCT_FIELDS))
        res = super().write(vals)
        if 'product_id' in vals:
            self._mark_stock_changed()
        return res

    def unlink(self):
        """Override of `base`: its open orders take nothing from its product any more."""
        self._mark_stock_changed()
        return super().unlink()

    # === ACTION METHODS === #

    def action_explain_quantity(self):
        """Show how the quantity to offer comes about, in a dialog of its own.

        :rtype: dict
        """
        self.ensure_one()
        view = self.env.ref('amazon_connector.amazon_offer_view_form_quantity')
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Why This Quantity?"),
            'res_model': self._name,
            'res_id': self.id,
            'views': [(view.id, 'form')],
            'target': 'new',
        }

    # === BUSINESS METHODS - MARKS === #

    def _mark_stock_changed(self, with_products=True):
        """Have the quantities of the offers computed anew, in the background.

        :param bool with_products: Whether other offers of their products change, too: open orders
                                   of these offers take from them.
        :return: None
        """
        offers = self.sudo()  # In sudo mode: the products may be out of sight.
        self.env['amazon.stock.change']._note(
            offers=self.ids, products=offers.product_id.ids if with_products else (),
        )

    # === BUSINESS METHODS - QUANTITIES === #

    def _get_offered_quantities(self):
        """Return how many units each offer is to offer, in few statements however many they are.

        :return: By offer; `None` for one that is to be left alone.
        :rtype: dict[amazon.offer, int | None]
        """
        return {
            offer: None if total.offered is None else min(total.offered, MAX_UNITS)
            for offer, total in self._get_stock_sums().items()
        }

    def _get_stock_sums(self):
        """Return how the quantities to offer come about.

        :rtype: dict[amazon.offer, StockSum]
        """
        sums = {}
        # In sudo mode: who works on offers need have no rights on the stock.
        for account, offers in self.sudo().grouped('account_id').items():
            sums.update(offers._sum_up(account))
        return {offer: sums[offer.sudo()] for offer in self}

    def _sum_up(self, account):
        """Do `_get_stock_sums` for the offers of one account.

        :param amazon.account account: The account.
        :rtype: dict[amazon.offer, StockSum]
        """
        sums = {offer: StockSum(left_alone=offer._find_reason_to_leave_alone()) for offer in self}
        concerned = self.filtered(lambda offer: not sums[offer].left_alone)
        matched = concerned.filtered('product_id.active')
        for offer in concerned - matched:
            sums[offer] = StockSum(
                is_zeroed=account.zero_unmatched,
                left_alone=None if account.zero_unmatched else 'unmatched',
            )
        if not matched:
            return sums
        claims = account._get_claims()
        products = matched.product_id
        needs = self.env['amazon.kits']._get_needs(
            products.union(*claims.keys()), account.company_id,
        )
        parts = account._get_parts(products, needs, claims)
        ratio = Fraction(str(account.stock_ratio)) if account.stock_ratio else Fraction()
        for offer in matched:
            product = offer.product_id
            sums[offer] = StockSum(
                left_alone=None if needs[product] else 'stockless',
                parts=[
                    Part(part, per_piece, *parts[part])
                    for part, per_piece in needs[product].items()
                ],
                is_kit=product not in needs[product],
                buffer=offer.stock_buffer,
                ratio=ratio,
                pack_size=offer.pack_size,
                cap=offer.stock_cap,
            )
        return sums

    def _find_reason_to_leave_alone(self):
        """Return why the offer has no quantity of its own, whatever its product.

        :return: The key of the reason, `None` if there is none.
        :rtype: str | None
        """
        self.ensure_one()
        if self.is_gone:
            return 'gone'
        return None if self.channel == 'fbm' else self.channel or 'unknown'

    # === BUSINESS METHODS - EXPLANATION === #

    def _explain_quantity(self):
        """Return how the quantity comes about, line by line.

        :rtype: Markup
        """
        self.ensure_one()
        total = self._get_stock_sums()[self]
        return self.env['ir.qweb']._render('amazon_connector.stock_sum', {
            'offer': self,
            'total': total,
            'sentence': self._describe_stock_sum(total),
            'scarcest': min(total.parts, key=lambda part: part.makes, default=None),
            'show': self._show_quantity,
        })

    def _describe_stock_sum(self, total):
        """Return why an offer is left alone or offers nothing, in a sentence.

        :param StockSum total: The sum.
        :return: The sentence, empty if there is a sum to show.
        :rtype: str
        """
        if total.is_zeroed:
            return self.env._(
                "Nothing is offered: there is no product, or it is archived, and the account offers"
                " nothing of unmatched products.",
            )
        return {
            None: '',
            'gone': self.env._("Left alone: it is not listed on Amazon any more."),
            'fba': self.env._("Left alone: Amazon ships it and counts what it has itself."),
            'both': self.env._(
                "Left alone: Amazon ships it too, and a quantity of yours could end that.",
            ),
            'unknown': self.env._(
                "Left alone: it is not known who ships it. Press Import Listings on the account.",
            ),
            'unmatched': self.env._(
                "Left alone: choose its product, or un-archive it. To offer nothing meanwhile, tick"
                " Offer Nothing of Unmatched Products in the account.",
            ),
            'stockless': self.env._(
                "Left alone: the product, or every part of the kit, is sold without stock. To have"
                " it counted, tick Track Inventory on the product.",
            ),
        }[total.left_alone]

    @api.model
    def _show_quantity(self, quantity):
        """Return an exact number as people read it, with as few decimals as it takes.

        :param Fraction quantity: The number.
        :rtype: str
        """
        text = f'{float(quantity):.2f}'
        return text.removesuffix('.00')


class AmazonAccount(models.Model):
    """What is in the stock that the offers of an account offer, and who else gets of it."""

    _inherit = 'amazon.account'

    # === BUSINESS METHODS === #

    def _get_claims(self):
        """Return what open Amazon orders without a delivery will take from the warehouses.

        They are those of all accounts of the company that ship from one of these; pending ones
        among them, and those of which Amazon has not told yet who ships them and how far they are.

        :return: The claims in pieces of the product that stands for the item, kit or not.
        :rtype: dict[product.product, list[Claim]]
        """
        self.ensure_one()
        for model, names in (
            ('amazon.account', ('company_id', 'cut_over', 'warehouse_id')),
            ('amazon.offer', (
                'account_id', 'asin', 'channel', 'marketplace_id', 'pack_size', 'product_id', 'sku',
            )),
            ('amazon.order', (
                'account_id', 'amazon_order_ref', 'amazon_status', 'bought_at', 'channel',
                'is_sold_elsewhere', 'marketplace_id', 'open_quantities', 'sale_order_id', 'state',
                'to_complete',
            )),
        ):
            self.env[model].flush_model(names)
        claims = defaultdict(list)
        for order_id, name, product_id, pieces in self.env.execute_query(SQL(
            """
            SELECT DISTINCT ON (o.id, item.sku)
                   o.id, o.amazon_order_ref, offer.product_id,
                   item.units::numeric::bigint * offer.pack_size
              FROM amazon_order AS o
              JOIN amazon_account AS account ON account.id = o.account_id
             CROSS JOIN jsonb_each_text(o.open_quantities) AS item (sku, units)
              JOIN amazon_offer AS offer
                ON offer.account_id = o.account_id
               AND offer.marketplace_id = o.marketplace_id
               AND (offer.sku = item.sku OR offer.asin = item.sku)
             WHERE o.open_quantities IS NOT NULL
               AND o.sale_order_id IS NULL
               AND account.company_id = %(company)s
               AND account.warehouse_id = ANY(%(warehouses)s)
               AND o.is_sold_elsewhere IS NOT TRUE
               AND (
                   o.amazon_status = ANY(%(pending)s)
                   OR o.state != 'skipped' AND (
                       o.amazon_status = ANY(%(to_ship)s)
                       OR o.amazon_status IS NULL AND o.to_complete
                   )
               )
               AND (
                   o.channel = 'fbm'
                   OR o.channel IS NULL AND offer.channel IS DISTINCT FROM 'fba'
               )
               AND (account.cut_over IS NULL OR o.bought_at IS NULL
                    OR o.bought_at >= account.cut_over)
          ORDER BY o.id, item.sku, offer.sku = item.sku DESC,
                   offer.channel = 'fbm' DESC NULLS LAST, offer.product_id NULLS LAST, offer.id
            """,
            company=self.company_id.id,
            warehouses=self._get_stock_warehouses().ids,
            pending=list(PENDING),
            to_ship=list(Status.TO_SHIP),
        )):
            if product_id:
                claims[self.env['product.product'].browse(product_id)].append(
                    Claim(self.env['amazon.order'].browse(order_id), name, Fraction(pieces)),
                )
        return claims

    def _get_parts(self, products, needs, claims):
        """Return where the products lie that are offered or make them, and who gets of them.

        :param product.product products: What is offered.
        :param dict needs: As `amazon.kits._get_needs` returns for these and what is claimed.
        :param dict claims: As `_get_claims`.
        :return: The supplies and the claims by product.
        :rtype: dict[product.product, tuple[list[Supply], list[Claim]]]
        """
        self.ensure_one()
        parts = {part: ([], []) for product in products for part in needs[product]}
        locations = self._get_stock_locations()
        part_ids = [part.id for part in parts]
        supplies = defaultdict(lambda: [0.0, 0.0])
        for product, location, quantity, reserved in self.env['stock.quant']._read_group(
            [('product_id', 'in', part_ids), ('location_id', 'in', locations.ids)],
            ['product_id', 'location_id'],
            ['quantity:sum', 'reserved_quantity:sum'],
        ):
            supply = supplies[product, location.warehouse_id]
            supply[0] += quantity
            supply[1] += reserved
        for (product, warehouse), (quantity, reserved) in supplies.items():
            parts[product][0].append(
                Supply(warehouse, _to_fraction(product, quantity), _to_fraction(product, reserved)),
            )
        for product, product_claims in claims.items():
            for part, per_piece in needs[product].items():
                if part in parts:
                    parts[part][1].extend(
                        Claim(claim.record, claim.name, claim.quantity * per_piece)
                        for claim in product_claims
                    )
        for move in self._find_unreserved(part_ids, locations):
            product = move.product_id
            reserved = move.product_uom._compute_quantity(
                move.quantity, product.uom_id, round=False,
            )
            wanted = _to_fraction(product, move.product_qty) - _to_fraction(product, reserved)
            if wanted > 0:
                parts[product][1].append(
                    Claim(move.picking_id, move.picking_id.name or '', wanted, is_imported=True),
                )
        return parts

    def _find_unreserved(self, product_ids, locations):
        """Return what deliveries of Amazon orders want from locations and have not reserved.

        :param list[int] product_ids: Of these products.
        :param stock.location locations: Where the goods lie.
        :rtype: stock.move
        """
        return self.env['stock.move'].search_fetch([
            ('product_id', 'in', product_ids),
            ('state', 'in', ('confirmed', 'partially_available')),
            ('location_id', 'in', locations.ids),
            ('sale_line_id.order_id.amazon_account_id', '!=', False),
            # What an earlier step still brings, that step wants.
            ('move_orig_ids', 'not any', [('state', 'not in', ('done', 'cancel'))]),
        ], ['product_id', 'product_uom', 'product_qty', 'quantity', 'picking_id'])


def _to_fraction(product, quantity):
    """Return a quantity of a product as an exact number.

    :rtype: Fraction
    """
    return Fraction(str(product.uom_id.round(quantity)))
