from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain

JOURNAL_CODE = 'AMZ'
MAX_JOURNALS = 100
ACCOUNT_FIELDS = ('clearing_account_id', 'transit_account_id', 'reserve_account_id')


class AmazonLedger(models.Model):
    """With which journal and accounts the money of an account is booked, in one of its currencies.

    What Amazon owes stands on the clearing account, what it holds back on the one of reserves, and
    what it has sent to the bank on *payout in transit*, until it is seen there. Who loads another
    chart of accounts before anything is booked sets it up anew.
    """

    _name = 'amazon.ledger'
    _description = "Amazon Ledger"
    _order = 'account_id, id'
    _rec_name = 'currency_id'
    _check_company_auto = True

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(comodel_name='res.currency', required=True)
    journal_id = fields.Many2one(
        comodel_name='account.journal',
        string="Amazon Payments",
        help="The journal of payments that Amazon has taken for you, and of settlements. Accounts"
             " of a company may share it.",
        domain="[('type', '=', 'bank')]",
        required=True,
        check_company=True,
        ondelete='cascade',
    )
    clearing_account_id = fields.Many2one(
        comodel_name='account.account',
        string="Clearing Account",
        help="What Amazon has taken from buyers and not settled yet.",
        required=True,
        check_company=True,
        ondelete='cascade',
    )
    transit_account_id = fields.Many2one(
        comodel_name='account.account',
        string="Payout in Transit",
        help="What Amazon has sent and the bank does not show yet.",
        required=True,
        check_company=True,
        ondelete='cascade',
    )
    reserve_account_id = fields.Many2one(
        comodel_name='account.account',
        string="Reserves",
        help="What Amazon holds back from one settlement to the next.",
        required=True,
        check_company=True,
        ondelete='cascade',
    )

    _account_currency_uniq = models.Constraint(
        'UNIQUE(account_id, currency_id)', "The account has a journal in this currency already.",
    )

    # === CONSTRAINT METHODS === #

    @api.constrains('journal_id', 'currency_id')
    def _check_currency_of_journal(self):
        for ledger in self:
            currency = ledger.journal_id.currency_id or ledger.company_id.currency_id
            if currency != ledger.currency_id:
                raise ValidationError(self.env._(
                    "Amazon Payments: %(journal)s is a journal in %(currency)s. Choose one in"
                    " %(wanted)s.",
                    journal=ledger.journal_id.display_name,
                    currency=currency.name,
                    wanted=ledger.currency_id.name,
                ))

    @api.constrains(*ACCOUNT_FIELDS)
    def _check_accounts(self):
        for ledger in self:
            accounts = [ledger[name] for name in ACCOUNT_FIELDS]
            if len(set(accounts)) < len(accounts):
                raise ValidationError(self.env._(
                    "Clearing Account, Payout in Transit, Reserves: these are three different"
                    " accounts, or nobody can tell what is open on them.",
                ))
            for name, account in zip(ACCOUNT_FIELDS, accounts, strict=True):
                if name != 'reserve_account_id' and not account.reconcile:
                    raise ValidationError(self.env._(
                        "%(field)s: %(account)s does not allow reconciliation. Tick Allow"
                        " Reconciliation on it, under Invoicing ▸ Configuration ▸ Chart of"
                        " Accounts, or choose another one.",
                        field=ledger._fields[name].get_description(self.env, ['string'])['string'],
                        account=account.display_name,
                    ))

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let nobody hand a ledger to an account of another company."""
        res = super().write(vals)
        if 'account_id' in vals:
            self.check_access('write')
        return res

    # === BUSINESS METHODS === #

    @api.model
    def _ensure(self, account, currency, given=None):
        """Return the ledger of an account in a currency; make it if there is none.

        Another account of the company that has one in the currency lends its journal and accounts.

        :param amazon.account account: The account.
        :param res.currency currency: One of its currencies.
        :param dict[str, int] given: The journal and the accounts that were chosen.
        :rtype: amazon.ledger
        """
        given = given or {}
        ledger = account._get_ledger(currency)
        if ledger:
            ledger.write(given)
            return ledger
        other = self.search([
            ('company_id', '=', account.company_id.id), ('currency_id', '=', currency.id),
        ], limit=1)
        names = ('journal_id', *ACCOUNT_FIELDS)
        values = (
            {**{name: other[name].id for name in names}, **given} if other
            else self._make_accounts(account.company_id, currency, given)
        )
        return self.create({'account_id': account.id, 'currency_id': currency.id, **values})

    @api.model
    def _make_accounts(self, company, currency, given):
        """Make a journal for a currency, and the accounts that it needs, where none was chosen.

        :param res.company company: The company.
        :param res.currency currency: The currency.
        :param dict[str, int] given: The journal and the accounts that were chosen.
        :return: The values of a ledger.
        :rtype: dict
        :raise UserError: If the company has no chart of accounts yet.
        """
        labels = {
            'clearing_account_id': self.env._("Amazon Clearing %(currency)s"),
            'transit_account_id': self.env._("Amazon Payout in Transit %(currency)s"),
            'reserve_account_id': self.env._("Amazon Reserves %(currency)s"),
        }
        values = dict(given)
        for name, label in labels.items():
            values[name] = given.get(name) or self._make_account(
                company, currency, label % {'currency': currency.name},
            ).id
        if 'journal_id' not in given:
            clearing_account = self.env['account.account'].browse(values['clearing_account_id'])
            values['journal_id'] = self._make_journal(company, currency, clearing_account).id
        return values

    @api.model
    def _make_account(self, company, currency, name):
        """Make an account for what is on its way, beside those that the company has for transfers.

        :param res.company company: The company.
        :param res.currency currency: In which it is kept, where it is not the company's.
        :param str name: Its name.
        :rtype: account.account
        :raise UserError: If the company has no chart of accounts yet.
        """
        Account = self.env['account.account'].with_company(company)
        some = Account.search(Account._check_company_domain(company), limit=1)
        if not some:
            raise UserError(self.env._(
                "%(company)s has no chart of accounts: choose its fiscal localization under"
                " Invoicing ▸ Configuration ▸ Settings, then press Set Up Accounting again.",
                company=company.name,
            ))
        prefix = company.transfer_account_code_prefix or company.bank_account_code_prefix or ''
        return Account.create({
            'name': name,
            'code': Account._search_new_account_code(prefix.ljust(len(some.code), '0')),
            'account_type': 'asset_current',
            'reconcile': True,
            'currency_id': currency != company.currency_id and currency.id,
            'company_ids': [Command.link(company.id)],
        })

    @api.model
    def _make_journal(self, company, currency, clearing_account):
        """Make a journal whose payments are on the clearing account until they are settled.

        :param res.company company: The company.
        :param res.currency currency: The currency.
        :param account.account clearing_account: The clearing account.
        :rtype: account.journal
        """
        Journal = self.env['account.journal'].with_company(company)
        known = set(Journal.with_context(active_test=False).search(
            Domain(Journal._check_company_domain(company)),
        ).mapped('code'))
        codes = [JOURNAL_CODE, *(f'{JOURNAL_CODE}{number}' for number in range(2, MAX_JOURNALS))]
        journal = Journal.create({
            'name': self.env._("Amazon Payments %(currency)s", currency=currency.name),
            'code': next(code for code in codes if code not in known),
            'type': 'bank',
            'company_id': company.id,
            'currency_id': currency != company.currency_id and currency.id,
            'default_account_id': clearing_account.id,
            'sequence': 20,
        })
        methods = journal.inbound_payment_method_line_ids + journal.outbound_payment_method_line_ids
        methods.payment_account_id = clearing_account
        return journal
