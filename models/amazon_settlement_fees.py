from collections import defaultdict

from odoo import fields, models
from odoo.tools import format_date

from .money_categories import FEES


class AmazonSettlement(models.Model):
    """What Amazon keeps for itself: as an expense, or as the payment of its monthly bill."""

    _inherit = 'amazon.settlement'

    # === BUSINESS METHODS - JOURNAL ITEMS === #

    def _prepare_fee_items(self, part):
        """Override of `amazon_connector` to pay Amazon's bill, or to book taxes with the fees."""
        if self.account_id.fee_policy == 'bill':
            return self._prepare_bill_items(part)
        items = []
        for (category, description), amount in self._sum_fees(part, by_month=False).items():
            if not self.currency_id.is_zero(amount):
                items += self._prepare_expense_items(part, category, description, amount)
        return items

    def _prepare_bill_items(self, part):
        """Return the journal items that pay Amazon's bills, one per month and kind.

        :param Part part: What is booked.
        :rtype: list[dict]
        """
        partner = self.account_id.fee_partner_id
        account = partner.with_company(self.company_id).property_account_payable_id
        labels = dict(self.env['amazon.booking.rule']._fields['category']._description_selection(
            self.env,
        ))
        return [
            self._prepare_item(
                account,
                amount,
                self.env._(
                    "%(kind)s, %(month)s",
                    kind=labels[category],
                    month=format_date(self.env, month, date_format='MMMM yyyy'),
                ),
                partner,
                amazon_fee_month=month,
                amazon_fee_category=category,
                date_maturity=part.date,
            )
            for (month, category), amount in sorted(self._sum_fees(part, by_month=True).items())
            if not self.currency_id.is_zero(amount)
        ]

    def _prepare_expense_items(self, part, category, description, amount):
        """Return the journal items of a kind of fee: the net amount, and the taxes.

        :param Part part: What is booked.
        :param str category: The kind of money.
        :param str description: Amazon's words.
        :param float amount: As Amazon has it, with the taxes.
        :rtype: list[dict]
        """
        rule = self._get_rule(category)
        partner = self.account_id.fee_partner_id
        if not rule.tax_ids or not rule._is_of_fee():
            return [self._prepare_item(rule.gl_account_id, amount, description, partner)]
        net, *taxes = rule.tax_ids._prepare_items_of_total(
            -self.currency_id.round(amount),
            self.company_id,
            self.currency_id,
            account_id=rule.gl_account_id,
            partner_id=partner,
            rate=self.env['res.currency']._get_conversion_rate(
                self.company_id.currency_id, self.currency_id, self.company_id, part.date,
            ),
        )
        return [{**net, 'name': description}, *taxes]

    # === BUSINESS METHODS - SUMS === #

    def _sum_fees(self, part, by_month):
        """Return what Amazon keeps in a part, with the tax that is in it or that it charges apart.

        :param Part part: What is booked.
        :param bool by_month: Whether by month and kind; else by kind and Amazon's words.
        :rtype: dict[tuple, float]
        """
        bases, taxes = defaultdict(float), defaultdict(float)
        for month, words, category, description, amount in self._get_fee_sums(part):
            if category == 'fee_tax':
                taxes[month, words] += amount
            else:
                bases[month, words, category, description] += amount
        sums = defaultdict(float)
        for (month, words), amount in taxes.items():
            taxed = [
                key for key in bases
                if key[:2] == (month, words) and self._get_rule(key[2])._adds_tax()
            ]
            if taxed:
                # The rule takes it out again, with the base that it belongs to.
                bases[max(taxed, key=lambda key: abs(bases[key]))] += amount
            else:
                sums[(month, 'fee_tax') if by_month else ('fee_tax', words[1])] += amount
        for (month, _words, category, description), amount in bases.items():
            sums[(month, category) if by_month else (category, description)] += amount
        return sums

    def _get_fee_sums(self, part):
        """Yield what the fees of a part sum up to, by the month in which Amazon bills them.

        :param Part part: What is booked.
        :return: Tuples of the last day of the month, transaction and amount type, the kind,
                 Amazon's words and the amount.
        :rtype: Iterator[tuple]
        """
        end = self._get_day(self.date_end or fields.Datetime.now(), '')
        names = [
            'category', 'transaction_type', 'amount_type', 'amount_description',
            'posted_at:hour', 'marketplace_name',
        ]
        lines = self.env['amazon.settlement.line'].with_context(tz='UTC')
        for category, transaction_type, amount_type, description, hour, place, amount in (
            lines._read_group(
                [('settlement_id', '=', self.id), ('category', 'in', FEES)],
                names,
                ['amount:sum'],
            )
        ):
            day = min(self._get_day(hour, place) if hour else end, end)
            month = fields.Date.end_of(day, 'month')
            is_last = not self.account_id.splits_months or month == fields.Date.end_of(end, 'month')
            if part.is_last == is_last and (is_last or month == part.date):
                words = transaction_type or '', amount_type or ''
                yield month, words, category, description or '', amount

    # === BUSINESS METHODS - BOOKING === #

    def _has_taxes(self, part):
        """Override of `amazon_connector`: fees that are an expense at once may have taxes."""
        categories = {category for category, _description in part.fees}
        return super()._has_taxes(part) or (
            self.account_id.fee_policy == 'expense'
            and any(
                rule.tax_ids for rule in self.account_id._get_fee_rules()
                if rule.category in categories
            )
        )

    def _find_obstacle(self):
        """Override of `amazon_connector` to know whose bill the fees pay."""
        if obstacle := super()._find_obstacle():
            return obstacle
        account = self.account_id
        if account.fee_policy != 'bill' or not self.env['amazon.settlement.line'].search_count(
            [('settlement_id', '=', self.id), ('category', 'in', FEES)], limit=1,
        ):
            return ''
        if not account.fee_partner_id:
            return self.env._(
                "Billed By is empty: choose the company of Amazon's that bills its fees, on the"
                " account %(account)s, tab Money. It goes on by itself.",
                account=account.name,
            )
        if not self.env['account.move']._get_purchase_journal(self.company_id):
            return self.env._(
                "%(company)s has no journal for Amazon's bill: make one of the type Purchase under"
                " Invoicing ▸ Configuration ▸ Journals. It goes on by itself.",
                company=self.company_id.name,
            )
        return ''

    def _book(self):
        """Override of `amazon_connector` to add the fees to Amazon's bills."""
        super()._book()
        self.move_ids._bill_fees()

    # === BUSINESS METHODS - RECONCILING === #

    def _reconcile_rest(self):
        """Override of `amazon_connector` to reconcile Amazon's bills, where that was refused."""
        super()._reconcile_rest()
        for bill in self.move_ids._get_fee_items()._get_bills():
            if refusal := self._try_to_reconcile(bill._reconcile_fees):
                self._note_not_reconciled(bill.display_name, refusal)
