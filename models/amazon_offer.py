from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..amazon.addresses import build_product_url

IDENTITY = ('account_id', 'marketplace_id')
# What people decide about offers; the rest is Amazon's, or for Amazon administrators.
USER_FIELDS = {'product_id', 'pack_size'}


class AmazonOffer(models.Model):
    """What a seller offers under a SKU on a marketplace, and the product that it stands for.

    What Amazon says of it is read-only, and so is what the ways keep of what they tell Amazon: the
    connector alone writes it. What each way adds is in a file of its own.
    """

    _name = 'amazon.offer'
    _description = "Amazon Offer"
    _inherit = ['mail.thread', 'mail.activity.mixin']
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
        selection=[('fba', "FBA"), ('fbm', "FBM"), ('both', "FBA and FBM")],
        help="Who ships it: Amazon (FBA) or you (FBM), as Amazon's listings say or, until they are"
             " imported, as on its first order.",
        readonly=True,
    )
    channel_read_at = fields.Datetime(
        string="Channel Read",
        help="When Amazon's listings last said who ships it.",
        readonly=True,
        copy=False,
    )
    amazon_price = fields.Monetary(
        string="Amazon's Price", help="As buyers see it.", readonly=True, copy=False,
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency', context={'active_test': False}, readonly=True,
    )
    amazon_quantity = fields.Integer(
        string="Quantity on Amazon",
        help="What Amazon offered of it when it was last read, in units of the offer. FBA offers"
             " have none of their own.",
        readonly=True,
        copy=False,
    )
    quantity_read_at = fields.Datetime(
        help="When Amazon last said how many it offers.", readonly=True, copy=False,
    )
    amazon_status = fields.Char(
        string="Status on Amazon",
        help="As Amazon writes it, e.g. active, inactive or incomplete.",
        readonly=True,
        copy=False,
    )
    condition = fields.Char(help="As Amazon writes it, e.g. new.", readonly=True, copy=False)
    opened_at = fields.Datetime(
        string="Opened", help="When it was listed first.", readonly=True, copy=False,
    )
    barcode = fields.Char(
        help="The EAN or UPC of the listing, where Amazon tells it.", readonly=True, copy=False,
    )
    read_at = fields.Datetime(
        string="Read from Amazon", readonly=True, copy=False,
        help="When Amazon's listings were last read. Empty: known from orders only.",
    )
    is_gone = fields.Boolean(
        string="Not Listed Any More",
        help="Amazon's last report did not hold it any more. Amazon is no longer told its quantity"
             " either, until it is listed again.",
        readonly=True,
        copy=False,
        index='btree_not_null',
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

    match_note = fields.Char(
        string="Why Not Matched",
        help="What kept Match All from choosing a product.",
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

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to leave to the connector what it reads from Amazon.

        :raise AccessError: If somebody else fills that in.
        """
        for vals in vals_list:
            self._check_for_people(vals)
        return super().create(vals_list)

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
        self._check_for_people(vals)
        if vals.keys() - USER_FIELDS and not (
            self.env.su or self.env.user.has_group('amazon_connector.group_amazon_admin')
        ):
            raise AccessError(self.env._(
                "Choose the product and the pack size of an offer; the rest is for Amazon"
                " administrators.",
            ))
        if 'product_id' in vals:
            vals = {
                **vals,
                'is_left_unmatched': not vals['product_id'],
                'match_note': False,
                'is_match_inherited': bool(self.env.context.get('amazon_match_inherited')),
            }
        res = super().write(vals)
        # Who matches many by a rule follows them up together.
        if vals.get('product_id') and not self.env.context.get('amazon_matches_many'):
            self._follow_match()
        return res

    @api.model
    def _check_for_people(self, vals):
        """Refuse what the connector alone may write, since it decides what Amazon is told.

        :param dict vals: Values for `create` or `write`.
        :return: None
        :raise AccessError: Naming the field.
        """
        if self.env.su:
            return
        for name in vals:
            field = self._fields.get(name)
            if field and field.store and field.readonly and not field.related:
                raise AccessError(self.env._(
                    "%(field)s (%(name)s): it is read from Amazon, nobody else can write it.",
                    field=field.get_description(self.env, ['string'])['string'],
                    name=name,
                ))

    # === ACTION METHODS === #

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
        sold = self.union(*(
            offers[incoming.order.marketplace_id.id, item.sku]
            for incoming in incoming_list for item in incoming.data.items
            if (incoming.order.marketplace_id.id, item.sku) in offers
        ))
        # What is sold is listed.
        sold.filtered('is_gone').is_gone = False
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
