from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..amazon.addresses import build_product_url

IDENTITY = ('account_id', 'marketplace_id')


class AmazonOffer(models.Model):
    _name = 'amazon.offer'
    _description = "Amazon Offer"
    _inherit = ['mail.thread']
    _order = 'product_id desc, sku, id'
    _rec_name = 'sku'
    _rec_names_search = ['sku', 'asin', 'title']
    _check_company_auto = True

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, index=True, ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', required=True, index=True, ondelete='restrict',
    )
    sku = fields.Char(string="SKU", required=True, help="Your own identifier of the offer.")
    asin = fields.Char(string="ASIN", help="Amazon's identifier of the product.")
    title = fields.Char(help="The name of the product as the marketplace shows it.")
    channel = fields.Selection(
        selection=[('fba', "FBA"), ('fbm', "FBM")],
        help="Who ships it: Amazon (FBA) or you (FBM), as on the latest order.",
    )
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Product",
        help="What is sold in Odoo when this SKU is sold on Amazon.",
        domain="[('sale_ok', '=', True)]",
        index=True,
        check_company=True,
        tracking=True,
    )
    pack_size = fields.Integer(
        help="How many pieces of the product one unit of the offer is: 3 for a pack of three. It"
             " holds for orders that come in from now on, those that are in Odoo stay as they are.",
        default=1,
        required=True,
        tracking=True,
    )
    is_left_unmatched = fields.Boolean(
        help="Whether a person took the product away, so that the reference no longer matches it.",
        readonly=True,
        copy=False,
    )

    product_page_url = fields.Char(compute='_compute_product_page_url')

    _sku_uniq = models.Constraint(
        'UNIQUE(account_id, marketplace_id, sku)',
        "There is an offer with this SKU for this account and marketplace already.",
    )
    _pack_size_positive = models.Constraint(
        'CHECK(pack_size >= 1)',
        "Pack Size: enter how many pieces of the product one unit of the offer is, at least 1.",
    )

    # === COMPUTE METHODS === #

    @api.depends('marketplace_id.name', 'asin')
    def _compute_product_page_url(self):
        for offer in self:
            offer.product_page_url = build_product_url(offer.marketplace_id.name, offer.asin)

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to respect that a person unmatches, and to let a match do what it can:
        hold elsewhere, import the orders that have waited, replace what stood in.

        :raise AccessError: If somebody who is no Amazon administrator changes more than the match,
                            or if it would become one of another account or marketplace.
        """
        if any(self[name].ids not in ([], [vals[name]]) for name in IDENTITY if name in vals):
            raise AccessError(self.env._(
                "An offer keeps its account and its marketplace: make another one there.",
            ))
        if vals.keys() - {'product_id'} and not (
            self.env.su or self.env.user.has_group('amazon_connector.group_amazon_admin')
        ):
            raise AccessError(self.env._(
                "Choose the product of an offer; the rest is for Amazon administrators.",
            ))
        if 'product_id' in vals:
            vals = {
                **vals,
                'is_left_unmatched': not vals['product_id'],
                'is_match_inherited': bool(self.env.context.get('amazon_match_inherited')),
            }
        res = super().write(vals)
        if vals.get('product_id'):
            self._follow_match()
        return res

    # === ACTION METHODS === #

    def action_unmatch(self):
        """Forget which product the offers stand for.

        :return: None
        """
        self.product_id = False

    def action_open_product_page(self):
        """Open the page on which buyers see the offer.

        :rtype: dict
        """
        self.ensure_one()
        return {'type': 'ir.actions.act_url', 'url': self.product_page_url, 'target': 'new'}

    # === BUSINESS METHODS === #

    def _follow_match(self):
        """Do what a match makes possible, and tell the person who has made it.

        :return: None
        """
        waiting = self.env['amazon.order']._retry_waiting_for_offers(self)
        replaced = self._replace_stand_ins()
        if not self.env.context.get('amazon_match_inherited'):
            self._match_twins()
        message = self._describe_effects(waiting, replaced)
        if message and not self.env.su:
            self.env.user._bus_send(
                'simple_notification', {'type': 'success', 'message': message},
            )

    @api.model
    def _get_or_create_for(self, account, incoming_list):
        """Find the offers of order items, create the ones seen for the first time, match both.

        An offer without a product is matched by itself to the product whose internal reference,
        else barcode, equals the SKU; not if a person unmatched it.

        :param amazon.account account: The account that sold the items.
        :param list[Incoming] incoming_list: The orders of the items.
        :return: The offers by marketplace id and SKU.
        :rtype: dict[tuple[int, str], amazon.offer]
        """
        offers = self._get_for(account, [incoming.data for incoming in incoming_list])
        missing = {
            (incoming.order.marketplace_id.id, item.sku): {
                'account_id': account.id,
                'marketplace_id': incoming.order.marketplace_id.id,
                'sku': item.sku,
                'asin': item.asin,
                'title': item.title,
                'channel': incoming.data.channel,
            }
            for incoming in incoming_list
            for item in incoming.data.items
            if (incoming.order.marketplace_id.id, item.sku) not in offers
        }
        offers.update(zip(missing, self.create(list(missing.values())), strict=True))
        self.union(*offers.values())._match_by_reference()
        return offers

    @api.model
    def _get_for(self, account, data_list):
        """Return the offers of orders that are in the inbox already.

        :param amazon.account account: The account that sold the items.
        :param data_list: The orders as read.
        :type data_list: list[amazon.orders.Order | amazon.orders.ShippedGoods]
        :return: The offers by marketplace id and SKU.
        :rtype: dict[tuple[int, str], amazon.offer]
        """
        return {
            (offer.marketplace_id.id, offer.sku): offer
            for offer in self.search([
                ('account_id', '=', account.id),
                ('sku', 'in', list({item.sku for data in data_list for item in data.items})),
            ])
        }

    def _get_product(self):
        """Return what is sold in Odoo when this is sold on Amazon.

        :rtype: product.product
        """
        return self.product_id or self.account_id.product_id

    def _match_by_reference(self):
        """Match the offers that have no product to the one whose reference is the SKU.

        :return: None
        """
        def is_open(offer):
            return not (offer.product_id or offer.is_left_unmatched)

        self.filtered(is_open)._match_like_twins()
        unmatched = self.filtered(is_open)
        for account, offers in unmatched.grouped('account_id').items():
            Product = self.env['product.product'].with_company(account.company_id)
            domain = Product._check_company_domain(account.company_id)
            skus = offers.mapped('sku')
            by_barcode = Product.search([*domain, ('barcode', 'in', skus)]).grouped('barcode')
            by_reference = Product.search(
                [*domain, ('default_code', 'in', skus)],
            ).grouped('default_code')
            for offer in offers:
                candidates = by_reference.get(offer.sku) or by_barcode.get(offer.sku)
                if candidates and len(candidates) == 1:
                    # It is no decision of a person that would hold elsewhere.
                    offer.with_context(amazon_match_inherited=True).product_id = candidates
