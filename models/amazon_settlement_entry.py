"""The lines of a settlement's entry, as an accountant reads them: per order, and per kind."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from odoo import fields, models
from odoo.exceptions import UserError

from ..amazon.time_zones import get_time_zone
from .money_categories import FEES, INCOME, REFUNDS, SALES
from .tools import to_aware


@dataclass
class Part:
    """What is booked in one entry: a settlement, or what of it falls into one month.

    Amounts are as Amazon has them: what it owes the seller is positive.
    """

    date: date
    is_last: bool
    sales: dict = field(default_factory=lambda: defaultdict(float))  # by Amazon's order id
    refunds: dict = field(default_factory=lambda: defaultdict(float))  # by Amazon's order id
    fees: dict = field(default_factory=lambda: defaultdict(float))  # by category and words
    others: dict = field(default_factory=lambda: defaultdict(float))  # by category, words and SKU

    def get_keys(self):
        """Return what each buyer paid or was refunded, always in the same order.

        :return: Whether it is a refund, and Amazon's order id.
        :rtype: list[tuple[bool, str]]
        """
        return [
            *((False, ref) for ref in sorted(self.sales)),
            *((True, ref) for ref in sorted(self.refunds)),
        ]

    def get_total(self):
        """Return what Amazon pays out for it.

        :rtype: float
        """
        sums = (self.fees, self.others)
        return self.get_total_of_buyers() + sum(sum(amounts.values()) for amounts in sums)

    def get_total_of_buyers(self):
        """Return what buyers paid, less what they were refunded.

        :rtype: float
        """
        return sum(self.sales.values()) + sum(self.refunds.values())


class AmazonSettlement(models.Model):
    _inherit = 'amazon.settlement'

    # === BUSINESS METHODS - WHAT IS BOOKED WHEN === #

    def _get_parts(self):
        """Return what is booked in which entry, the earliest first.

        :rtype: list[Part]
        """
        self.ensure_one()
        end = self._get_day(self.date_end or fields.Datetime.now(), '')
        parts = {}
        for line_day, category, order_ref, description, sku, amount in self._get_sums():
            day = min(line_day or end, end)
            is_last = not self.account_id.splits_months or (
                (day.year, day.month) == (end.year, end.month)
            )
            key = end if is_last else fields.Date.end_of(day, 'month')
            part = parts.setdefault(key, Part(key, is_last))
            if category in SALES:
                part.sales[order_ref] += amount
            elif category in REFUNDS:
                part.refunds[order_ref] += amount
            elif category in FEES:
                part.fees[category, description] += amount
            else:
                part.others[category, description, sku if category in INCOME else ''] += amount
        parts.setdefault(end, Part(end, is_last=True))
        return [parts[key] for key in sorted(parts)]

    def _get_sums(self):
        """Yield what the lines sum up to, by day, category, order, words and SKU.

        :return: Tuples; the day is empty where it does not matter.
        :rtype: Iterator[tuple]
        """
        Line = self.env['amazon.settlement.line']
        names = ['category', 'order_ref', 'amount_description', 'sku']
        domain = [('settlement_id', '=', self.id)]
        if not self.account_id.splits_months:
            for *words, amount in Line._read_group(domain, names, ['amount:sum']):
                yield None, *(word or '' for word in words), amount
            return
        for marketplace_name, in Line._read_group(domain, ['marketplace_name']):
            zone = self._get_zone(marketplace_name)
            for *words, day, amount in Line.with_context(tz=zone.key)._read_group(
                [*domain, ('marketplace_name', '=', marketplace_name)],
                [*names, 'posted_at:day'],
                ['amount:sum'],
            ):
                yield day and day.date(), *(word or '' for word in words), amount

    def _get_day(self, moment, marketplace_name):
        """Return the day of a time by the clock of a marketplace.

        :param datetime moment: The time (UTC, naive).
        :param str marketplace_name: As Amazon writes it; empty: the first one of the account.
        :rtype: date
        """
        return to_aware(moment).astimezone(self._get_zone(marketplace_name)).date()

    def _get_zone(self, marketplace_name):
        """Return by which clock a marketplace counts its days.

        :param str marketplace_name: As Amazon writes it; empty: the first one of the account.
        :rtype: ZoneInfo
        """
        marketplaces = self.account_id.synced_marketplace_ids
        marketplace = marketplaces.filtered(lambda m: m.name == marketplace_name) or marketplaces
        return get_time_zone(marketplace[:1].country_id.code or '')

    # === BUSINESS METHODS - JOURNAL ITEMS === #

    def _prepare_entry_values(self, part):
        """Return the values of the entry of a part, without its items.

        :param Part part: The part.
        :rtype: dict
        """
        return {
            'move_type': 'entry',
            'journal_id': self._get_ledger().journal_id.id,
            'company_id': self.company_id.id,
            'currency_id': self.currency_id.id,
            'date': part.date,
            'ref': self.env._("Amazon settlement %(ref)s", ref=self.settlement_ref),
            'amazon_settlement_id': self.id,
        }

    def _prepare_rest_items(self, part, carried, total):
        """Return the journal items of what is not of buyers, and of what is paid out.

        :param Part part: The part.
        :param float carried: What the entries of earlier months have carried forward.
        :param float total: What the items of buyers come to: debits less credits.
        :rtype: list[dict]
        """
        items = [*self._prepare_fee_items(part), *self._prepare_other_items(part.others)]
        if carried:
            items.append(self._prepare_item(
                self._get_ledger().clearing_account_id,
                carried,
                self.env._("Carried forward from the month before"),
            ))
        total = self.currency_id.round(total + sum(item['amount_currency'] for item in items))
        return [*items, *self._prepare_balance_items(part, -total)]

    def _prepare_item(self, account, amount, name, partner=None, **values):
        """Return the values of a journal item.

        :param account.account account: The account.
        :param float amount: As Amazon has it: positive is a credit.
        :param str name: What it is.
        :param res.partner partner: Whose it is.
        :param values: What else there is to say.
        :rtype: dict
        """
        return {
            'account_id': account.id,
            'partner_id': partner.id if partner else False,
            'name': name,
            'currency_id': self.currency_id.id,
            'amount_currency': -self.currency_id.round(amount),
            **values,
        }

    def _prepare_buyer_items(self, amounts, is_refund, left):
        """Return the journal items of what buyers paid, or were refunded, an order each.

        What was paid with Amazon before, to the seller or back to the buyer, is on the account of
        that payment; the rest is on the buyer's receivable, whether an invoice or credit note is
        there already or not.

        :param dict amounts: The amounts by Amazon's order ids.
        :param bool is_refund: Whether these are refunds.
        :param dict left: How much is left of payments with Amazon, by their items' ids; negative
                          for what was paid back. Written to.
        :rtype: list[dict]
        """
        items = []
        orders = self._get_sale_orders(amounts)
        Item = self.env['account.move.line']
        taken = Item._find_taken_payments(self.env['sale.order'].union(*orders.values()))
        unclaimed = Item.union(*taken.values())._get_unclaimed()
        sign = -1 if is_refund else 1
        shared = None
        for order_ref, amount in amounts.items():
            order = orders.get(order_ref, self.env['sale.order'])
            partner = order.partner_invoice_id.commercial_partner_id
            if not partner:
                partner = shared = shared or self._get_shared_customer()
            name = self._get_item_name(order_ref, is_refund)
            # Nothing of it is a cost; Odoo would look for a rule for each.
            values = {'amazon_order_ref': order_ref or False, 'analytic_distribution': False}
            for item in taken.get(order, ()):
                # A payment may be of several orders.
                open_amount = left.get(item.id, unclaimed[item])
                part = sign * min(sign * open_amount, sign * amount)
                if item.currency_id == self.currency_id and (
                    self.currency_id.compare_amounts(sign * part, 0) > 0
                ):
                    amount -= part
                    left[item.id] = open_amount - part
                    items.append(self._prepare_item(
                        item.account_id, part, name, partner, **values,
                    ))
            if not self.currency_id.is_zero(amount):
                account = self._get_receivable_account(order, partner)
                items.append(self._prepare_item(account, amount, name, partner, **values))
        return items

    def _get_item_name(self, order_ref, is_refund):
        """Return what a journal item of an order says."""
        if not order_ref:
            return self.env._("Without an order")
        if is_refund:
            return self.env._("%(order)s refund", order=order_ref)
        return order_ref

    def _get_sale_orders(self, order_refs):
        """Return the sales orders of Amazon's orders, by Amazon's ids.

        :rtype: dict[str, sale.order]
        """
        return {
            order.amazon_order_ref: order for order in self.env['sale.order'].search([
                ('company_id', '=', self.company_id.id),
                ('amazon_order_ref', 'in', list(filter(None, order_refs))),
            ])
        }

    def _get_receivable_account(self, order, partner):
        """Return the account that the buyer's invoices are on.

        :param sale.order order: The order, empty if Odoo does not know it.
        :param res.partner partner: The buyer.
        :rtype: account.account
        """
        invoices = order.invoice_ids.filtered(lambda move: move.state == 'posted')
        items = invoices.line_ids.filtered(lambda item: item.display_type == 'payment_term')
        return items.account_id[:1] or (
            partner.with_company(self.company_id).property_account_receivable_id
        )

    def _get_shared_customer(self):
        """Return whom money belongs to of whose order Odoo knows nothing.

        :rtype: res.partner
        """
        marketplaces = self.account_id.synced_marketplace_ids
        in_currency = marketplaces.filtered(lambda m: m.currency_id == self.currency_id)
        return self.env['res.partner']._ensure_shared_amazon_customer(
            self.account_id, (in_currency or marketplaces)[:1],
        )

    def _prepare_fee_items(self, part):
        """Return the journal items of what Amazon keeps for itself, one per kind.

        To be extended by those who book a bill of Amazon's, or taxes.

        :param Part part: What is booked.
        :rtype: list[dict]
        """
        return [
            self._prepare_item(
                self._get_rule(category).gl_account_id, amount, description,
                self.account_id.fee_partner_id,
            )
            for (category, description), amount in part.fees.items()
            if not self.currency_id.is_zero(amount)
        ]

    def _prepare_other_items(self, amounts):
        """Return the journal items of all other kinds of money, one per kind, and per product of
        what is income.

        :param dict amounts: The amounts by category, words and SKU.
        :rtype: list[dict]
        """
        return [
            self._prepare_item(
                self._get_other_account(category),
                amount,
                f'{description} · {self._describe_sku(sku)}' if sku else description,
            )
            for (category, description, sku), amount in amounts.items()
            if not self.currency_id.is_zero(amount)
        ]

    def _get_other_account(self, category):
        """Return the account of a kind of money that is neither the buyer's nor a fee.

        :param str category: The kind of money.
        :rtype: account.account
        """
        ledger = self._get_ledger()
        return {
            'reserve': ledger.reserve_account_id,
            'carried': ledger.clearing_account_id,
            'transfer': ledger.transit_account_id,
        }.get(category) or self._get_rule(category).gl_account_id

    def _describe_sku(self, sku):
        """Return the product of a SKU, or the SKU if it has none.

        :param str sku: The SKU.
        :rtype: str
        """
        offer = self.env['amazon.offer'].search([
            ('account_id', '=', self.account_id.id),
            ('sku', '=', sku),
            ('product_id', '!=', False),
        ], limit=1)
        return offer.product_id.display_name or sku

    def _prepare_balance_items(self, part, amount):
        """Return the journal items of what is paid out, or stays open.

        :param Part part: The part that is booked.
        :param float amount: What remains in the end: what goes to the bank if it is positive.
        :rtype: list[dict]
        """
        ledger = self._get_ledger()
        if self.currency_id.is_zero(amount):
            return []
        if not part.is_last:
            return [self._prepare_item(
                ledger.clearing_account_id, -amount, self.env._("Carried to the next month"),
            )]
        if amount < 0:
            return [self._prepare_item(
                ledger.clearing_account_id, -amount,
                self.env._("Owed to Amazon, carried to the next settlement"),
            )]
        return [self._prepare_item(
            ledger.transit_account_id, -amount,
            self.env._("Payout of settlement %(ref)s", ref=self.settlement_ref),
        )]

    def _set_balances(self, items, day, balance=None):
        """Give journal items their amounts in the currency of the company.

        The cents that conversion leaves are on the largest one: in the settlement's currency, each
        is exact.

        :param list[dict] items: The values of the items.
        :param date day: The day of the rate.
        :param float balance: What the other items of the entry come to, if these make it whole.
        :return: None
        """
        company_currency = self.company_id.currency_id
        for item in items:
            item['balance'] = self.currency_id._convert(
                item['amount_currency'], company_currency, self.company_id, day,
            )
        if balance is None or not items:
            return
        rest = company_currency.round(balance + sum(item['balance'] for item in items))
        if rest:
            largest = max(items, key=lambda item: abs(item['balance']))
            largest['balance'] = company_currency.round(largest['balance'] - rest)

    # === BUSINESS METHODS - SETTINGS === #

    def _get_ledger(self):
        """Return with what it is booked.

        :rtype: amazon.ledger
        :raise UserError: If accounting was not set up.
        """
        self.ensure_one()
        ledger = self.account_id._get_ledger(self.currency_id)
        if not ledger:
            raise UserError(self.env._(
                "There is no journal for %(currency)s yet: press Set Up Accounting on the account"
                " %(account)s, tab Money.",
                currency=self.currency_id.name,
                account=self.account_id.name,
            ))
        return ledger

    def _get_rule(self, category):
        """Return on which account a kind of money is booked.

        :param str category: The kind of money.
        :rtype: amazon.booking.rule
        :raise UserError: If accounting was not set up.
        """
        rule = self.account_id.booking_rule_ids.filtered(lambda rule: rule.category == category)
        if not rule:
            label = dict(self.env['amazon.booking.rule']._fields['category']._description_selection(
                self.env,
            ))[category]
            raise UserError(self.env._(
                "%(kind)s has no account: press Set Up Accounting on the account %(account)s, tab"
                " Money.",
                kind=label,
                account=self.account_id.name,
            ))
        return rule
