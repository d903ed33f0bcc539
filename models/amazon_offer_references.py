from collections import Counter, defaultdict

from odoo import api, models
from odoo.fields import Domain

from .incoming import LEAN_CONTEXT


class AmazonOffer(models.Model):
    """Which product is meant by an SKU: the one whose reference or barcode it is."""

    _inherit = 'amazon.offer'

    # === ACTION METHODS === #

    def action_match_all(self):
        """Match these offers, or all that have no product, by reference and barcode.

        :return: The notification to show: how many have a product now, and how many have not.
        :rtype: dict
        """
        self.check_access('write')
        offers = self or self.search([('product_id', '=', False), ('is_gone', '=', False)])
        return offers._match_all()

    def action_unmatch(self):
        """Forget which product the offers stand for. They stay so until a person chooses one.

        :return: None
        """
        self.product_id = False

    # === BUSINESS METHODS === #

    def _match_all(self):
        """Match what has no product; what a person has unmatched stays so.

        :return: The notification to show.
        :rtype: dict
        """
        before = self.filtered('product_id')
        pending = (self - before).filtered(lambda offer: not offer.is_left_unmatched)
        pending._match_by_reference(is_loose=True)
        matched = pending.filtered('product_id')
        ambiguous = (pending - matched).filtered('match_note')
        counts = Counter({
            self.env._("%(count)s matched"): len(matched),
            self.env._("%(count)s for you to decide, with the reason beside each"): len(ambiguous),
            self.env._("%(count)s without such a product"): len(pending - matched - ambiguous),
            self.env._("%(count)s left unmatched by a person"): len(self - before - pending),
        })
        parts = [label % {'count': count} for label, count in counts.items() if count]
        return self.env['amazon.account']._notify(
            ' · '.join(parts) or self.env._("Every offer has its product already."),
            'warning' if ambiguous else 'success',
        )

    def _match_by_reference(self, is_loose=False):
        """Match the offers that have no product to the one whose internal reference, else barcode,
        is the SKU, or else whose barcode is that of the listing.

        Where two are meant, none is chosen, and the offer says so.

        :param bool is_loose: Whether case and spaces at the ends count for nothing, and archived
                              products are told of. That takes reading all products.
        :return: None
        """
        def is_open(offer):
            return not (offer.product_id or offer.is_left_unmatched)

        pending = self.filtered(is_open)
        # A rule decides here, no person whose choice would be kept in the history.
        pending_by_rule = pending.with_context(**LEAN_CONTEXT, amazon_matches_many=True)
        pending_by_rule._match_like_twins()
        for account, offers in pending_by_rule.filtered(is_open).grouped('account_id').items():
            offers._match_of_account(account, is_loose)
        matched = pending.filtered('product_id')
        if matched:
            matched.with_context(amazon_match_inherited=True)._follow_match()

    def _match_of_account(self, account, is_loose):
        """Do `_match_by_reference` for offers of one account, by its products.

        :param amazon.account account: The account of the offers.
        :param bool is_loose: As `_match_by_reference`.
        :return: None
        """
        index = self._get_product_index(account)
        loose_index = self._get_loose_product_index(account) if is_loose else {}
        choices = {}
        for offer in self:
            candidates, note = offer._choose_candidates(index)
            if is_loose and not candidates:
                candidates, note = offer._choose_candidates(loose_index, _loosen)
            choices[offer] = candidates, note
        # Odoo checks the company of each match: read together, that takes no statements.
        products = self.env['product.product'].union(*(found for found, _note in choices.values()))
        products.fetch(['product_tmpl_id'])
        products.product_tmpl_id.fetch(['company_id'])
        for offer, (candidates, note) in choices.items():
            offer = offer[0]  # Avoid that each match looks at the products of all others.
            offer._match_or_note(candidates, note)

    def _match_or_note(self, candidates, note):
        """Match the offer to the one product that it can mean, or keep why there is none.

        :param product.product candidates: What it can mean.
        :param str note: By what.
        :return: None
        """
        active = candidates.filtered('active')
        if len(active) == 1:
            # It is no decision of a person that would hold elsewhere.
            self.with_context(amazon_match_inherited=True).product_id = active
            return
        reason = False
        if active:
            reason = self.env._(
                "%(count)s products have the %(key)s: %(products)s. Choose one.",
                count=len(active),
                key=note,
                products=', '.join(active[:3].mapped('display_name')),
            )
        elif candidates:
            reason = self.env._(
                "%(product)s has the %(key)s, but is archived. Un-archive it, or choose another.",
                product=candidates[0].display_name,
                key=note,
            )
        if self.match_note != (reason or False) and not self.product_id:
            # In sudo mode: people choose the product, the reason is the connector's.
            self.sudo().match_note = reason

    def _choose_candidates(self, index, normalise=str):
        """Return the products that the offer can mean, by the first rule that finds some.

        :param dict index: Products by what they are found by, and its value.
        :param normalise: Makes comparable what is compared.
        :return: The products, and in words by what they were found.
        :rtype: tuple[product.product, str]
        """
        self.ensure_one()
        labels = {
            'default_code': self.env._("internal reference %(value)s"),
            'barcode': self.env._("barcode %(value)s"),
        }
        for name, value in (
            ('default_code', self.sku), ('barcode', self.sku), ('barcode', self.barcode),
        ):
            candidates = value and index.get((name, normalise(value)))
            if candidates:
                return candidates, labels[name] % {'value': value}
        return self.env['product.product'], ''

    def _get_product_index(self, account):
        """Return the products that these offers name exactly.

        :param amazon.account account: The account of the offers.
        :return: Products by the name of the field and its value.
        :rtype: dict[tuple[str, str], product.product]
        """
        skus = self.mapped('sku')
        barcodes = list({*skus, *filter(None, self.mapped('barcode'))})
        return {
            **self._index_products(account, Domain('default_code', 'in', skus), ['default_code']),
            **self._index_products(account, Domain('barcode', 'in', barcodes), ['barcode']),
        }

    @api.model
    def _get_loose_product_index(self, account):
        """Return all products that have a reference or a barcode, archived ones, too.

        :param amazon.account account: The account that sells them.
        :return: Products by the name of the field and its value, made comparable.
        :rtype: dict[tuple[str, str], product.product]
        """
        return self.with_context(active_test=False)._index_products(
            account,
            Domain('default_code', '!=', False) | Domain('barcode', '!=', False),
            ['default_code', 'barcode'],
            _loosen,
        )

    @api.model
    def _index_products(self, account, domain, names, normalise=str):
        """Return products by what they are found by.

        :param amazon.account account: The account that sells them.
        :param Domain domain: Which products.
        :param list[str] names: The fields that they are found by.
        :param normalise: Makes comparable what is compared.
        :rtype: dict[tuple[str, str], product.product]
        """
        Product = self.env['product.product'].with_company(account.company_id)
        ids = defaultdict(list)
        for product in Product.search_fetch(
            Domain(Product._check_company_domain(account.company_id)) & domain,
            [*names, 'active'],
        ):
            for name in names:
                if product[name]:
                    ids[name, normalise(product[name])].append(product.id)
        return {key: Product.browse(found) for key, found in ids.items()}


class AmazonAccount(models.Model):
    """Matches the offers of an account."""

    _inherit = 'amazon.account'

    # === ACTION METHODS === #

    def action_match_offers(self):
        """Match all offers of the accounts by reference and barcode.

        :return: The notification to show.
        :rtype: dict
        """
        self.check_access('read')
        offers = self.env['amazon.offer'].search([
            ('account_id', 'in', self.ids), ('product_id', '=', False), ('is_gone', '=', False),
        ])
        offers.check_access('write')
        return offers._match_all()

    def action_unmatch_offers(self):
        """Forget which products all offers of the accounts stand for.

        :return: The notification to show.
        :rtype: dict
        """
        self.check_access('read')
        offers = self.env['amazon.offer'].search([
            ('account_id', 'in', self.ids), ('product_id', '!=', False),
        ])
        offers.action_unmatch()
        return self._notify(
            self.env._("%(count)s offers unmatched", count=len(offers)), 'success',
        )


def _loosen(text):
    """Return what is left of a reference when case and spaces at its ends count for nothing."""
    return text.strip().casefold()
