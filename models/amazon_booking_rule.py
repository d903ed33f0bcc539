from odoo import api, fields, models
from odoo.fields import Command

from .money_categories import CATEGORIES, FEES, INCOME, TAX_CREDIT

# Where charts have accounts for such things, by the beginnings of their codes.
CHART_CODES = {
    'de_skr03': {
        'commission': '4760', 'fba_fee': '4730', 'advertising': '4600', 'fees': '4900',
        'income': '2700',
    },
    'de_skr04': {
        'commission': '6770', 'fba_fee': '6740', 'advertising': '6600', 'fees': '6300',
        'income': '4830',
    },
    'es_': {
        'commission': '623', 'fba_fee': '624', 'advertising': '627', 'fees': '629',
        'income': '759',
    },
    'ro': {
        'commission': '622', 'fba_fee': '624', 'advertising': '6232', 'fees': '628',
        'income': '7588',
    },
    'mx': {'fees': '601.84', 'income': '403'},
}


class AmazonBookingRule(models.Model):
    """On which account a kind of money is booked that is neither the buyer's nor on its way."""

    _name = 'amazon.booking.rule'
    _description = "Amazon Booking Rule"
    _order = 'account_id, id'
    _rec_name = 'category'
    _check_company_auto = True

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    category = fields.Selection(
        selection=[
            (category, label) for category, label in CATEGORIES
            if category in (*FEES, *INCOME, *TAX_CREDIT)
        ],
        required=True,
        readonly=True,
    )
    gl_account_id = fields.Many2one(
        comodel_name='account.account',
        string="Account",
        domain="[('account_type', 'not in', ('asset_receivable', 'liability_payable'))]",
        required=True,
        check_company=True,
        ondelete='cascade',
    )
    tax_ids = fields.Many2many(
        comodel_name='account.tax',
        string="Taxes",
        help="The tax that Amazon's invoice shows, or reverse charge. Empty: none.",
        check_company=True,
    )

    _account_category_uniq = models.Constraint(
        'UNIQUE(account_id, category)', "The account has a rule for this kind of money already.",
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let nobody hand a rule to an account of another company."""
        res = super().write(vals)
        if 'account_id' in vals:
            self.check_access('write')
        return res

    # === BUSINESS METHODS === #

    @api.model
    def _ensure_all(self, account):
        """Propose an account for each kind of money that has none yet.

        :param amazon.account account: The account.
        :return: None
        """
        categories = dict(self._fields['category'].selection)
        other = self.search([('company_id', '=', account.company_id.id)])
        known = set(account.booking_rule_ids.mapped('category'))
        self.create([
            {
                'account_id': account.id,
                'category': category,
                **self._propose(account.company_id, category, other),
            }
            for category in categories if category not in known
        ])

    @api.model
    def _propose(self, company, category, others):
        """Return the account and taxes to begin with: those that another account of the company
        uses, else the chart's own for such things.

        :param res.company company: The company.
        :param str category: The kind of money.
        :param amazon.booking.rule others: The rules of the company's accounts.
        :return: Values.
        :rtype: dict
        """
        like = others.filtered(lambda rule: rule.category == category)[:1]
        if like:
            return {
                'gl_account_id': like.gl_account_id.id, 'tax_ids': [Command.set(like.tax_ids.ids)],
            }
        return {'gl_account_id': self._find_account(company, category).id}

    @api.model
    def _find_account(self, company, category):
        """Return the account of a chart for a kind of money, of any chart the most usual one.

        :param res.company company: The company.
        :param str category: The kind of money.
        :rtype: account.account
        """
        Account = self.env['account.account'].with_company(company)
        domain = Account._check_company_domain(company)
        if category in TAX_CREDIT:
            return self._find_tax_account(company)
        is_income = category in INCOME
        chart = company.chart_template or ''
        codes = next(
            (codes for name, codes in CHART_CODES.items() if chart.startswith(name)), {},
        )
        code = codes.get(category) or codes.get('income' if is_income else 'fees')
        types = ('income_other', 'income') if is_income else ('expense', 'expense_direct_cost')
        found = code and Account.search(
            [*domain, ('code', '=like', f'{code}%'), ('account_type', 'in', types)],
            order='code', limit=1,
        )
        if found:
            return found
        usual = company.expense_account_id if types[0] == 'expense' else Account
        return usual or Account.union(*(
            Account.search([*domain, ('account_type', '=', kind)], order='code', limit=1)
            for kind in types
        ))[:1]

    @api.model
    def _find_tax_account(self, company):
        """Return the account of the company's input tax, for want of it any receivable of no buyer.

        :param res.company company: The company.
        :rtype: account.account
        """
        Account = self.env['account.account'].with_company(company)
        taxes = company.account_purchase_tax_id.invoice_repartition_line_ids
        return taxes.account_id[:1] or Account.search([
            *Account._check_company_domain(company), ('account_type', '=', 'asset_current'),
        ], order='code', limit=1)
