from odoo import api, fields, models

from .guard import as_connector
from .incoming import LEAN_CONTEXT
from .quiet import quiet_sql


class AmazonOffer(models.Model):
    """Which product a SKU is, everywhere the seller sells it, and what follows from a match.

    A match holds for the same SKU in the seller's other marketplaces and accounts, until a person
    decides otherwise there.
    """

    _inherit = 'amazon.offer'

    is_match_inherited = fields.Boolean(
        help="Whether the match was made in another marketplace of the seller, which it follows.",
        readonly=True,
        copy=False,
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let a pack size hold elsewhere, as the match does."""
        if 'pack_size' not in vals or self.env.context.get('amazon_match_inherited'):
            return super().write(vals)
        res = super().write({'is_match_inherited': False, **vals})
        self._pass_on_pack_size()
        return res

    # === BUSINESS METHODS === #

    def _get_pack_size(self):
        """Return how many pieces of what is sold in Odoo one unit of the offer is.

        What stands in for the product knows nothing of its packs.

        :rtype: int
        """
        return self.pack_size if self.product_id else 1

    def _get_twins(self):
        """Return the offers of the same SKUs in other marketplaces and accounts of the sellers.

        :rtype: amazon.offer
        """
        twins = self.browse()
        for account, offers in self.grouped('account_id').items():
            # In sudo mode: other accounts of the seller may be for other people.
            twins |= self.sudo().search([
                ('account_id', 'in', account.sudo()._get_seller_accounts().ids),
                ('sku', 'in', offers.mapped('sku')),
            ]).with_env(self.env)
        return twins - self

    def _match_twins(self):
        """Let the match of these offers hold wherever nobody has decided otherwise.

        :return: The offers that follow.
        :rtype: amazon.offer
        """
        offers = {(offer.account_id.seller_id, offer.sku): offer for offer in self}
        followers = self.browse()
        for twin in self._get_twins():
            offer = offers.get((twin.account_id.seller_id, twin.sku), self.browse())
            is_open = twin.is_match_inherited or not (twin.product_id or twin.is_left_unmatched)
            if offer.product_id and is_open and twin.product_id != offer.product_id:
                followers |= twin
                # In sudo mode: the right to match one is the right to match them all.
                twin.sudo()._match_like(offer)
        return followers

    def _match_like(self, offer):
        """Match this offer as another one of the same SKU is, with the same pack size.

        :param amazon.offer offer: The other offer.
        :return: None
        """
        self.with_context(amazon_match_inherited=True).write({
            'product_id': offer.product_id.id, 'pack_size': offer.pack_size,
        })

    def _pass_on_pack_size(self):
        """Let the pack size of these offers hold where their match does.

        :return: None
        """
        offers = {
            (offer.account_id.seller_id, offer.sku, offer.product_id): offer for offer in self
        }
        for twin in self._get_twins():
            offer = offers.get((twin.account_id.seller_id, twin.sku, twin.product_id))
            if offer and (twin.is_match_inherited or not twin.product_id):
                # In sudo mode: other accounts of the seller may be for other people.
                twin.sudo().with_context(
                    amazon_match_inherited=True,
                ).pack_size = offer.pack_size

    def _match_like_twins(self):
        """Match offers as the seller's other offers of the same SKU are, by a person or not; leave
        unmatched what a person left so in the same marketplace.

        :return: None
        """
        if not self:
            return
        twins = self._get_twins().grouped(lambda o: (o.account_id.seller_id, o.sku))
        for offer in self:
            offer = offer[0]  # Avoid that each match looks at the products of all others.
            others = twins.get((offer.account_id.seller_id, offer.sku), self.browse())
            here = others.filtered(lambda o, offer=offer: o.marketplace_id == offer.marketplace_id)
            if here.filtered('is_left_unmatched') and not here.product_id:
                # In sudo mode: it is not this user's decision, but that of who unmatched the other.
                offer.sudo().is_left_unmatched = True
            elif matched := (here.filtered('product_id') or others.filtered('product_id'))[:1]:
                offer._match_like(matched)

    # === BUSINESS METHODS - STAND-INS === #

    def _replace_stand_ins(self):
        """Put the matched product in the place of the one that stood in, where nothing has been
        delivered or invoiced; say what is left on the other orders.

        :return: The sales orders that have the product now.
        :rtype: sale.order
        """
        replaced = self.env['sale.order']
        # In sudo mode: matching takes fewer rights than changing orders, and is what changes them.
        offers = self.sudo().filtered('product_id')
        lines = offers.env['sale.order.line'].search([
            ('amazon_offer_id', 'in', offers.ids),
            ('amazon_charge', '=', 'item'),
            ('product_id', 'in', offers.account_id.product_id.ids),
            ('state', '!=', 'cancel'),
        ]).filtered(lambda line: line.product_id == line.amazon_offer_id.account_id.product_id)
        groups = lines.grouped(lambda line: (line.amazon_offer_id, line.order_id))
        for (offer, order), order_lines in groups.items():
            if offer.product_id == order_lines.product_id:
                continue
            order = order.with_company(order.company_id).with_context(**LEAN_CONTEXT)
            if order_lines.with_env(order.env)._replace_product(offer.product_id):
                replaced |= order
        return replaced.with_env(self.env)

    # === BUSINESS METHODS - TELLING === #

    @api.model
    def _describe_effects(self, waiting, replaced):
        """Return what a match brings, in words.

        :param amazon.order waiting: The orders that waited for it.
        :param sale.order replaced: The sales orders that have the product now.
        :return: The sentences; empty if there is nothing to tell.
        :rtype: str
        """
        sentences = []
        if len(waiting) == 1:
            sentences.append(self.env._("1 order waited for it and comes in within a minute."))
        elif waiting:
            sentences.append(self.env._(
                "%(count)s orders waited for it and come in within a minute.", count=len(waiting),
            ))
        if replaced:
            sentences.append(self.env._(
                "It took the place of the default product in %(orders)s.",
                # In sudo mode: who matches offers need not see sales.
                orders=', '.join(replaced.sudo().mapped('name')),
            ))
        return ' '.join(sentences)


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    # === BUSINESS METHODS === #

    def _replace_product(self, product):
        """Sell a product instead of the one that stood in for it, unless it is too late.

        :param product.product product: What was sold.
        :return: Whether it could be done; else the salesperson is told.
        :rtype: bool
        """
        order = self.order_id
        inbox = order.amazon_order_ids.filtered('payload')[:1]
        is_too_late = any(self.mapped('qty_delivered')) or self.invoice_lines.filtered(
            lambda line: line.parent_state != 'cancel',
        )
        if inbox and not is_too_late:
            try:
                with quiet_sql(), self.env.cr.savepoint(), order._unlocked():
                    self._put_in_place(product, inbox)
                return True
            except Exception as exception:
                reason = inbox._get_failure_reason(exception)
        elif inbox:
            reason = self.env._("it was delivered or invoiced already")
        else:
            reason = self.env._("Amazon's data were removed to protect the buyer")
        order._warn_salesperson(self.env._(
            "%(sku)s is %(product)s, but %(stand_in)s stands in its place: %(reason)s. Correct"
            " stock, invoice and taxes by hand where needed.",
            sku=', '.join(self.amazon_offer_id.mapped('sku')),
            product=product.display_name,
            stand_in=self.product_id[:1].display_name,
            reason=reason,
        ))
        return False

    @as_connector()
    def _put_in_place(self, product, inbox):
        """Sell a product instead of the one that stands in, with its own taxes at the same total.

        :param product.product product: What was sold.
        :param amazon.order inbox: The order in the inbox.
        :return: None
        """
        order = self.order_id
        self._get_open_deliveries()._cut_all()
        pack_size = self.amazon_offer_id.pack_size
        # Delivered once, below: of kits Odoo would deliver the additional pieces twice.
        for line in self.with_context(skip_procurement=True):
            line.write({
                'product_id': product.id,
                'product_uom_id': product.uom_id.id,
                'product_uom_qty': line.amazon_quantity * pack_size,
                'name': self._get_amazon_name(
                    product.display_name, line.amazon_quantity, pack_size,
                ),
                'amazon_pack_size': pack_size,
            })
        data = inbox._parse()
        order._rewrite_amazon_lines(data)
        order._close_amazon_rounding(data)
        if order.state == 'sale':
            self._action_launch_stock_rule()
        order.message_post(body=self.env._(
            "%(sku)s was matched: %(product)s takes the place of the default product.",
            sku=', '.join(self.amazon_offer_id.mapped('sku')),
            product=product.display_name,
        ))
