from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_datetime

from .amazon_drift import MAX_AGE

FETCHED_WITHIN = timedelta(hours=1)  # orders are read less often than Amazon's stock is looked at


@dataclass
class Facts:
    """What a comparison is made of, by product, for all accounts of an FBA location."""

    offers: dict = field(default_factory=dict)  # amazon.offer of each shared stock, known as of
    needs: dict = field(default_factory=dict)  # what a piece of the offers' products takes
    known_at: dict = field(default_factory=dict)
    odoo: dict = field(default_factory=dict)  # what the FBA location holds
    left: Counter = field(default_factory=Counter)  # by FBA orders since Amazon was read
    waiting: Counter = field(default_factory=Counter)  # in FBA orders that are not imported yet
    has_odd_orders: bool = False  # of which nobody knows what was sold
    unmatched: Counter = field(default_factory=Counter)  # at Amazon, under SKUs that fit
    shared: dict = field(default_factory=dict)  # with which account of another location
    fetched_until: datetime | None = None  # as of when all orders are in the inbox


class AmazonDrift(models.Model):
    """Why Amazon has more or less of a product than Odoo, and what speaks against adjusting it."""

    _inherit = 'amazon.drift'

    # === BUSINESS METHODS - FACTS === #

    def _gather_facts(self, account):
        """Gather what is to be known of the products of these rows, in few statements.

        :param amazon.account account: The account of the rows, in sudo mode.
        :rtype: Facts
        """
        accounts = account._get_fba_group()
        kits = self.env['amazon.kits']
        products = kits._get_relatives(self.product_id)
        offers = self._get_counted_offers(accounts, Domain('product_id', 'in', products.ids))
        facts = Facts(
            offers=offers._select_fba_stock(),
            needs=kits._get_needs(offers.product_id, account.company_id),
            odoo=self._count_in_odoo(account.location_id),
        )
        for offer, moment in facts.offers.items():
            for product in facts.needs[offer.product_id]:
                facts.known_at[product] = min(moment, facts.known_at.get(product, moment))
        syncs = accounts.connection_id._get_sync('orders').filtered('last_run')
        facts.fetched_until = min(filter(None, syncs.mapped('cursor')), default=None)
        self._gather_moves(account, facts)
        self._gather_waiting(accounts, facts)
        self._gather_unmatched(accounts, facts)
        self._gather_shared(accounts, facts)
        return facts

    def _gather_moves(self, account, facts):
        """Count what FBA orders have taken from the location since Amazon was read.

        :param amazon.account account: The account of the rows.
        :param Facts facts: To be completed.
        :return: None
        """
        if not facts.known_at:
            return
        since = max(min(facts.known_at.values()), fields.Datetime.now() - MAX_AGE)
        for move in self.env['stock.move'].search(self._get_left_domain(account, since)):
            if move.date > facts.known_at.get(move.product_id, datetime.max):
                facts.left[move.product_id] += move.product_uom._compute_quantity(
                    move.quantity, move.product_id.uom_id,
                )

    def _gather_waiting(self, accounts, facts):
        """Count what FBA orders that are not imported yet will take from the location.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        waiting = self.env['amazon.order'].search([
            ('account_id', 'in', accounts.ids),
            ('channel', '=', 'fba'),
            ('state', 'in', ('to_do', 'failed')),
        ]).filtered('payload')
        sold = defaultdict(Counter)
        for order in waiting:
            lines = order._get_overview().lines
            facts.has_odd_orders |= not lines
            for line in lines:
                sold[order.account_id, order.marketplace_id][line.sku] += line.quantity or 0
        for (account, marketplace), quantities in sold.items():
            offers = self.env['amazon.offer'].search([
                ('account_id', '=', account.id),
                ('marketplace_id', '=', marketplace.id),
                ('sku', 'in', list(quantities)),
            ])
            needs = self.env['amazon.kits']._get_needs(offers.product_id, account.company_id)
            for offer in offers.filtered('product_id'):
                for product, count in needs[offer.product_id].items():
                    facts.waiting[product] += float(
                        quantities[offer.sku] * offer.pack_size * count,
                    )

    def _gather_unmatched(self, accounts, facts):
        """Count what Amazon has of the same goods under SKUs that are not matched.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        by_asin = {
            offer.asin: offer.product_id for offer in facts.offers if offer.asin
        }
        for offer in self.env['amazon.offer'].search([
            ('account_id', 'in', accounts.ids),
            ('product_id', '=', False),
            ('fba_read_at', '!=', False),
            ('asin', 'in', list(by_asin)),
        ])._select_fba_stock():
            for product, count in facts.needs[by_asin[offer.asin]].items():
                facts.unmatched[product] += float(offer._count_fba_stock()['there'] * count)

    def _gather_shared(self, accounts, facts):
        """Find what accounts with other FBA locations count, too: Amazon's stock is one.

        :param amazon.account accounts: The accounts of the location.
        :param Facts facts: To be completed.
        :return: None
        """
        others = accounts._get_seller_accounts().filtered('active') - accounts
        if not others:
            return
        own = {offer._get_stock_key(): offer.product_id for offer in facts.offers}
        same = Domain('sku', 'in', [offer.sku for offer in facts.offers]) | Domain(
            'fn_sku', 'in', [offer.fn_sku for offer in facts.offers if offer.fn_sku],
        )
        for offer in self._get_counted_offers(others, same):
            for product in facts.needs.get(own.get(offer._get_stock_key()), ()):
                facts.shared[product] = offer.account_id

    # === BUSINESS METHODS - REASONS === #

    def _find_reasons(self, facts, has_offers):
        """Return what the difference is likely to come from.

        :param Facts facts: What there is to know.
        :param bool has_offers: Whether Amazon has shown an offer of the product.
        :return: Sentences, with figures.
        :rtype: list[str]
        """
        if not self.difference:
            return []
        product = self.product_id
        env, left, waiting = self.env, facts.left[product], facts.waiting[product]
        is_less = self.difference < 0
        candidates = [
            (not has_offers, 1, env._("No offer that Amazon ships is matched to it.")),
            (left > 0, left, env._("Left since Amazon was read, so no error: %(count)s")),
            (waiting > 0, waiting, env._("In orders that are not imported yet: %(count)s")),
            (
                is_less, self.inbound_quantity,
                env._("On the way to Amazon, not received there yet: %(count)s"),
            ),
            (is_less, self.researching_quantity, env._("Amazon is looking for: %(count)s")),
            (
                is_less, facts.unmatched[product],
                env._("At Amazon under SKUs that are not matched: %(count)s"),
            ),
            (
                self.correction < 0, -self.correction,
                env._(
                    "Lost, disposed of or sent back by Amazon, or sold without an order in Odoo:"
                    " up to %(count)s",
                ),
            ),
            (
                self.correction > 0, self.correction,
                env._("Returned by buyers, or sent in without a transfer in Odoo: up to %(count)s"),
            ),
            (
                True, self.unfulfillable_quantity,
                env._("At Amazon, but not for sale (damaged, defective, expired): %(count)s"),
            ),
        ]
        return [
            sentence % {'count': f'{count:g}'}
            for applies, count, sentence in candidates if applies and count
        ]

    def _find_hold_reason(self, facts, has_offers):
        """Return why Odoo can't be adjusted now.

        :param Facts facts: What there is to know.
        :param bool has_offers: Whether Amazon has shown an offer of the product.
        :return: The reason and what to do, empty if there is none.
        :rtype: str
        """
        product = self.product_id.display_name
        if not has_offers:
            return self.env._(
                "%(product)s: no offer that Amazon ships is matched to it. Match it under Amazon ▸"
                " Offers first.",
                product=product,
            )
        if self.counted_at < fields.Datetime.now() - MAX_AGE:
            return self.env._(
                "%(product)s: Amazon was read last on %(date)s, which is too long ago. Press Read"
                " FBA Inventory on the account first.",
                product=product,
                date=format_datetime(self.env, self.counted_at, dt_format='short'),
            )
        if other := facts.shared.get(self.product_id):
            return self.env._(
                "%(product)s: the account %(account)s counts the same stock at another FBA"
                " location. Give both accounts the same FBA Location.",
                product=product,
                account=other.name,
            )
        if facts.fetched_until and facts.fetched_until < self.counted_at - FETCHED_WITHIN:
            return self.env._(
                "%(product)s: Amazon was read on %(read)s, but orders were fetched until"
                " %(fetched)s only. Press Sync Orders first, or what left in between would be taken"
                " from stock twice.",
                product=product,
                read=format_datetime(self.env, self.counted_at, dt_format='short'),
                fetched=format_datetime(self.env, facts.fetched_until, dt_format='short'),
            )
        if facts.waiting[self.product_id] or facts.has_odd_orders:
            return self.env._(
                "%(product)s: FBA orders are not imported yet. Import them under Amazon ▸ Orders ▸"
                " Amazon Orders first, or they would be taken from stock twice.",
                product=product,
            )
        return ''
