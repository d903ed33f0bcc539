from dataclasses import dataclass

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import float_compare

PUSH_FIELDS = {'product_id', 'pack_size', 'floor_price'}
EXACT_DIGITS = 8  # more than any price list rounds to
CLEARED = {'price_reason': False, 'price_attempts': 0, 'price_next_try': False}
UNAPPROVED = {'price_approved': 0, 'price_approver_id': False}
NO_PRICE = {
    **CLEARED, **UNAPPROVED, 'price_state': False, 'price_target': 0, 'price_answer': False,
}


@dataclass(frozen=True)
class Goal:
    """What an offer should cost on Amazon.

    :param float piece_price: What the price list says, for one piece.
    :param float price: That for the whole offer, rounded as the currency is.
    :param models.Model pricelist: The price list.
    """

    piece_price: float
    price: float
    pricelist: models.Model


class AmazonOffer(models.Model):
    """What an offer should cost by Odoo's price list, and whether Amazon may be told so.

    Only what differs is sent. What may be a mistake is held until a person has looked at it, and a
    person's word is good for the very price that was looked at.
    """

    _inherit = 'amazon.offer'

    price_currency_id = fields.Many2one(
        comodel_name='res.currency',
        string="Currency of the Marketplace",
        related='marketplace_id.currency_id',
    )
    floor_price = fields.Monetary(
        string="Floor Price",
        help="A lower price is not sent to Amazon before a person has looked at it. Empty: no"
             " limit.",
        currency_field='price_currency_id',
        aggregator=None,
        copy=False,
        tracking=True,
    )
    price_state = fields.Selection(
        selection=[
            ('to_send', "To Send"),
            ('held', "Held"),
            ('sent', "Sent"),
            ('in_sync', "In Sync"),
            ('failed', "Failed"),
        ],
        string="Price Status",
        help="What becomes of the price list's price: Held waits for a person, Sent until Amazon"
             " shows it. Empty: Amazon is told no price.",
        readonly=True,
        copy=False,
        index='btree_not_null',
    )
    price_target = fields.Monetary(
        string="Price in Odoo",
        help="What the price list says that it should cost, all pieces of the pack together.",
        currency_field='price_currency_id',
        aggregator=None,
        readonly=True,
        copy=False,
    )
    price_reason = fields.Char(
        string="Reason (Price)",
        help="Why the price is not sent, and what to do.",
        readonly=True,
        copy=False,
    )
    price_answer = fields.Char(
        string="Original Words (Price)",
        help="What Amazon said about the price.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )
    price_sent = fields.Monetary(
        string="Price Sent",
        help="What Amazon was told last.",
        currency_field='price_currency_id',
        aggregator=None,
        readonly=True,
        copy=False,
    )
    price_sent_at = fields.Datetime(
        string="Price Sent On",
        help="When Amazon was told last. That does not prove yet that it shows it.",
        readonly=True,
        copy=False,
    )
    is_price_unread = fields.Boolean(
        help="Whether Amazon was told a price and has not been seen to show it since.",
        readonly=True,
        copy=False,
    )
    price_attempts = fields.Integer(aggregator=None, readonly=True, copy=False)
    price_next_try = fields.Datetime(
        string="Next Try (Price)",
        help="When it is looked at again by itself. Empty: it waits for a person.",
        readonly=True,
        copy=False,
    )
    price_approved = fields.Monetary(
        string="Price Approved",
        help="The price that is sent although it would be held.",
        currency_field='price_currency_id',
        aggregator=None,
        readonly=True,
        copy=False,
    )
    price_approver_id = fields.Many2one(
        comodel_name='res.users', string="Price Approved By", readonly=True, copy=False,
    )
    price_push = fields.Selection(related='account_id.price_push')

    # === CONSTRAINT METHODS === #

    @api.constrains('floor_price')
    def _check_floor_price(self):
        if any(offer.floor_price < 0 for offer in self):
            raise ValidationError(self.env._("Floor Price: enter an amount of 0 or more."))

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `amazon_connector` to compare the price again when that may matter."""
        res = super().write(vals)
        if vals.keys() & PUSH_FIELDS:
            self.account_id._wake_price_push()
        return res

    # === ACTION METHODS === #

    def action_send_price_anyway(self):
        """Let Amazon be told the price that is held, as the person sees it.

        :return: None
        :raise AccessError: If the person is no Amazon administrator.
        :raise UserError: If there is nothing to send, or not that price any more.
        """
        self.ensure_one()
        self._check_may_approve()
        # In sudo mode: the connector alone writes what Amazon is told.
        offer = self.sudo()
        seen = self.env.context.get('amazon_seen_price', offer.price_target)
        offer._compare_prices()
        goal = offer._get_price_goals().get(offer)
        if offer.price_state != 'held' or not goal:
            raise UserError(self.env._(
                "The price is not held any more: load the page again to see what became of it.",
            ))
        if reason := offer._find_unsendable(goal):
            raise UserError(reason)
        if not isinstance(seen, (int, float)) or offer._differ(seen, goal.price):
            raise UserError(self.env._(
                "The price list says %(price)s meanwhile: load the page again and decide anew.",
                price=offer.price_currency_id.format(goal.price),
            ))
        offer.write({
            **CLEARED,
            'price_state': 'to_send',
            'price_approved': goal.price,
            'price_approver_id': self.env.user.id,
        })
        offer.account_id._wake_price_sender()

    def action_retry_price(self):
        """Send prices again that failed, whatever became of them before.

        :return: None
        """
        self.check_access('write')
        # In sudo mode: the connector alone writes what Amazon is told.
        failed = self.sudo().filtered(lambda offer: offer.price_state == 'failed')
        failed.write({**CLEARED, 'price_state': 'to_send'})
        failed.account_id._wake_price_sender()

    def _check_may_approve(self):
        """Refuse to send a price that is held.

        :return: None
        :raise AccessError: If the person is no Amazon administrator.
        :raise UserError: If nothing is sent at all.
        """
        self.check_access('write')
        if not self.env.user.has_group('amazon_connector.group_amazon_admin'):
            raise AccessError(self.env._(
                "Only an Amazon administrator sends a price that is held.",
            ))
        if self.account_id.price_push != 'on':
            raise UserError(self.env._(
                "Price Push of the account %(account)s is not on, so that no price is sent: an"
                " Amazon administrator switches it on under Amazon ▸ Configuration ▸ Accounts.",
                account=self.account_id.name,
            ))

    # === BUSINESS METHODS - WHAT IT SHOULD COST === #

    def _follow_import(self):
        """Override of `amazon_connector` to compare the prices that were read."""
        super()._follow_import()
        self.account_id._wake_price_push()

    @api.model
    def _get_pricing_domain(self):
        """Return the domain of the offers whose prices are compared.

        What is not concerned any more is among them, to forget what was to be sent.

        :rtype: Domain
        """
        return (
            Domain('product_id', '!=', False) & Domain('is_gone', '=', False)
            | Domain('price_state', '!=', False)
        )

    def _get_price_goals(self):
        """Return what those offers should cost of whose products a price list speaks.

        A price that no rule of the price list gives is none that somebody wants on Amazon.

        :rtype: dict[amazon.offer, Goal]
        """
        concerned = self.filtered(lambda offer: (
            offer.account_id._pushes_prices()
            and offer.product_id.active
            and not offer.is_gone
            and offer.marketplace_id in offer.account_id.synced_marketplace_ids
        ))
        goals = {}
        for (account, currency), offers in concerned.grouped(
            lambda offer: (offer.account_id, offer.price_currency_id),
        ).items():
            # One in another currency is used so that a person learns of it.
            pricelist = account._find_pricelist(currency) or account.pricelist_id
            pricelist = pricelist.with_company(account.company_id)
            rules = pricelist and pricelist._compute_price_rule(offers.product_id, 1) or {}
            for offer in offers:
                price, rule_id = rules.get(offer.product_id.id, (0, False))
                if rule_id:
                    whole = pricelist.currency_id.round(price * offer.pack_size)
                    goals[offer] = Goal(price, whole, pricelist)
        return goals

    def _compare_prices(self):
        """Say of these offers what is to be sent, what is held, and what Amazon shows already.

        :return: None
        """
        goals = self._get_price_goals()
        for offer in self:
            goal = goals.get(offer)
            values = offer._judge_price(goal) if goal else NO_PRICE
            news = {
                name: value for name, value in values.items()
                if offer._fields[name].convert_to_write(offer[name], offer) != value
            }
            if news:
                offer.write(news)

    def _forget_price(self):
        """Record that Amazon is told no price of these.

        :return: None
        """
        self.write(NO_PRICE)

    def _judge_price(self, goal):
        """Return the values that say what becomes of a price.

        :param Goal goal: What the offer should cost.
        :rtype: dict
        """
        self.ensure_one()
        if reason := self._find_unsendable(goal):
            return self._prepare_held(0, reason)
        if not self.is_price_unread and self._shows_price(goal):
            return self._prepare_in_sync(goal.price)
        is_new = not self.price_state or self._differ(self.price_target, goal.price)
        if not is_new and self._waits_for_price():
            return {}
        is_approved = bool(self.price_approver_id) and not self._differ(
            self.price_approved, goal.price,
        )
        doubt = '' if is_approved else self._find_doubt(goal)
        if doubt:
            return self._prepare_held(goal.price, doubt)
        if not is_new and self.price_state == 'to_send':
            return {}
        values = {'price_state': 'to_send', 'price_target': goal.price, 'price_next_try': False}
        if is_new or self.price_state != 'failed':
            values.update(CLEARED, price_answer=False)
        return values if is_approved else {**values, **UNAPPROVED}

    def _prepare_held(self, price, reason):
        """Return the values of an offer whose price waits for a person.

        :param float price: What the offer should cost, 0 if that can't be sent at all.
        :param str reason: Why, and what to do.
        :rtype: dict
        """
        return {
            **CLEARED,
            **UNAPPROVED,
            'price_state': 'held',
            'price_target': price,
            'price_reason': reason,
            'price_answer': False,
        }

    def _prepare_in_sync(self, price):
        """Return the values of an offer that costs on Amazon what it should.

        :param float price: What it costs.
        :rtype: dict
        """
        return {
            **CLEARED,
            **UNAPPROVED,
            'price_state': 'in_sync',
            'price_target': price,
            'price_answer': False,
            'is_price_unread': False,
        }

    def _waits_for_price(self):
        """Return whether Amazon was told the price, or refuses it, so that it is not sent now.

        :rtype: bool
        """
        self.ensure_one()
        is_later = not self.price_next_try or self.price_next_try > fields.Datetime.now()
        return self.price_state == 'sent' or self.price_state == 'failed' and is_later

    def _shows_price(self, goal):
        """Return whether Amazon shows the price.

        Where the price of a piece is what is left of Amazon's when it is rounded, what is lost by
        that is no difference.

        :param Goal goal: What the offer should cost.
        :rtype: bool
        """
        self.ensure_one()
        if not self.amazon_price:
            return False
        if not self._differ(self.amazon_price, goal.price):
            return True
        return self.pack_size > 1 and not float_compare(
            goal.piece_price, self._get_piece_price(), precision_digits=EXACT_DIGITS,
        )

    def _differ(self, price, other):
        """Return whether two prices on the marketplace are different ones."""
        return bool(self.price_currency_id.compare_amounts(price, other))

    # === BUSINESS METHODS - GUARDS === #

    def _find_unsendable(self, goal):
        """Return why a price can't be sent, whoever wants it.

        :param Goal goal: What the offer should cost.
        :return: A sentence; empty if it can.
        :rtype: str
        """
        self.ensure_one()
        wanted = self.price_currency_id
        currency = goal.pricelist.currency_id
        if currency != wanted:
            return self.env._(
                "The price list %(pricelist)s says %(price)s, but %(marketplace)s sells in"
                " %(currency)s: enter the price in a price list that is called %(name)s and has"
                " this currency.",
                pricelist=goal.pricelist.name,
                price=currency.format(goal.price),
                marketplace=self.marketplace_id.name,
                currency=wanted.name or '-',
                name=self.account_id._get_pricelist_name(wanted),
            )
        if self.currency_id and self.currency_id != wanted:
            return self.env._(
                "Amazon shows %(shown)s, but %(marketplace)s sells in %(currency)s, in which the"
                " price list says %(price)s: correct the offer in Seller Central, then press"
                " Import Listings.",
                shown=self.currency_id.format(self.amazon_price),
                marketplace=self.marketplace_id.name,
                currency=wanted.name,
                price=wanted.format(goal.price),
            )
        if wanted.compare_amounts(goal.price, 0) <= 0:
            return self.env._(
                "The price list %(pricelist)s says %(price)s, Amazon shows %(shown)s: nothing is"
                " sold for that. Correct the price list under Sales ▸ Products ▸ Pricelists.",
                pricelist=goal.pricelist.name,
                price=wanted.format(goal.price),
                shown=wanted.format(self.amazon_price),
            )
        return ''

    def _find_doubt(self, goal):
        """Return why a person has to look at a price before it is sent.

        :param Goal goal: What the offer should cost.
        :return: A sentence; empty if nobody has to.
        :rtype: str
        """
        self.ensure_one()
        currency = self.price_currency_id
        price = currency.format(goal.price)
        if not self.amazon_price:
            return self.env._(
                "Amazon's price is not known, so that nobody can compare it with %(price)s: press"
                " Import Listings, or let an Amazon administrator press Send Anyway.",
                price=price,
            )
        if self.floor_price and currency.compare_amounts(goal.price, self.floor_price) < 0:
            return self.env._(
                "%(price)s is below the floor price of %(floor)s: correct the price list or the"
                " floor price, or let an Amazon administrator press Send Anyway.",
                price=price,
                floor=currency.format(self.floor_price),
            )
        return self._find_great_change(goal)

    def _find_great_change(self, goal):
        """Return why the change of a price is too great to be sent before a person has seen it.

        What Amazon was told may be its price already, or never become it: it is compared with both.

        :param Goal goal: What the offer should cost.
        :return: A sentence; empty if it is not.
        :rtype: str
        """
        currency = self.price_currency_id
        limit = self.account_id.price_max_change
        for before in (self.amazon_price, *([self.price_sent] if self.is_price_unread else [])):
            change = abs(goal.price - before) / before * 100
            if float_compare(change, limit, precision_digits=2) > 0:
                return self.env._(
                    "From %(shown)s to %(price)s is a change of %(change)s %%, more than the"
                    " %(limit)s %% of the account: correct the price list, or let an Amazon"
                    " administrator press Send Anyway.",
                    shown=currency.format(before),
                    price=currency.format(goal.price),
                    change=f'{change:.1f}',
                    limit=f'{limit:g}',
                )
        return ''
