from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class AmazonAccount(models.Model):
    """With which journals and accounts the money of an account is booked."""

    _inherit = 'amazon.account'

    ledger_ids = fields.One2many(
        comodel_name='amazon.ledger',
        inverse_name='account_id',
        string="Journals",
        copy=False,
    )
    booking_rule_ids = fields.One2many(
        comodel_name='amazon.booking.rule',
        inverse_name='account_id',
        string="Accounts by Kind of Money",
        copy=False,
    )
    fee_partner_id = fields.Many2one(
        comodel_name='res.partner',
        string="Amazon's Company",
        help="Whose bills the fees of the account are on.",
        copy=False,
    )
    payment_journal_id = fields.Many2one(
        comodel_name='account.journal',
        string="Amazon Payments",
        help="The journal of what Amazon takes for you, in the main currency of the account.",
        compute='_compute_main_ledger',
        inverse='_inverse_main_ledger',
        domain="[('type', '=', 'bank')]",
        check_company=True,
    )
    clearing_account_id = fields.Many2one(
        comodel_name='account.account',
        string="Clearing Account",
        help="What Amazon has taken from buyers and not settled yet.",
        compute='_compute_main_ledger',
        inverse='_inverse_main_ledger',
        check_company=True,
    )

    # === COMPUTE METHODS === #

    @api.depends(
        'ledger_ids.journal_id', 'ledger_ids.clearing_account_id', 'ledger_ids.currency_id',
        'synced_marketplace_ids',
    )
    def _compute_main_ledger(self):
        for account in self:
            ledger = account._get_ledger(account._get_main_currency())
            account.payment_journal_id = ledger.journal_id
            account.clearing_account_id = ledger.clearing_account_id

    def _inverse_main_ledger(self):
        for account in self:
            given = {
                'journal_id': account.payment_journal_id.id,
                'clearing_account_id': account.clearing_account_id.id,
            }
            given = {name: chosen for name, chosen in given.items() if chosen}
            if given:
                self.env['amazon.ledger']._ensure(account, account._get_main_currency(), given)

    # === ACTION METHODS === #

    def action_set_up_accounting(self):
        """Make, for each currency of the accounts, the journal and the accounts that are missing.

        What there is already stays as it is.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If the company has no chart of accounts, or the user may not change it.
        """
        for account in self:
            account.check_access('read')
            if not self.env.user.has_group('account.group_account_manager'):
                raise UserError(self.env._(
                    "Set Up Accounting makes journals and accounts: an administrator of Invoicing"
                    " has to press it.",
                ))
            for currency in account._get_currencies():
                self.env['amazon.ledger']._ensure(account, currency)
            self.env['amazon.booking.rule']._ensure_all(account)
        # In sudo mode: it says what is wrong with the account, too, which Amazon users read.
        return self.sudo()._notify_with_errors(
            self.env._("The journals and accounts are ready. Look through them below."), 0, [],
        )

    # === BUSINESS METHODS === #

    def _keeps_books(self):
        """Return whether somebody has set up accounting: who has not is asked for nothing.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.ledger_ids)

    def _prepare_split_off(self):
        """Override of `amazon_connector`: the books are kept on the same accounts."""
        return {
            **super()._prepare_split_off(),
            **{
                name: [Command.create(values) for values in self[name].copy_data()]
                for name in ('ledger_ids', 'booking_rule_ids')
            },
        }

    def _get_currencies(self):
        """Return the currencies that buyers pay in, the main one first; activate them if need be.

        :rtype: res.currency
        """
        self.ensure_one()
        names = self.synced_marketplace_ids.currency_id.mapped('name')
        currencies = self.env['res.currency'].union(*(self._get_currency(name) for name in names))
        return currencies.sorted(lambda currency: currency != self._get_main_currency())

    def _get_main_currency(self):
        """Return the company's currency if a marketplace has it, else that of the first one.

        :rtype: res.currency
        """
        self.ensure_one()
        currencies = self.synced_marketplace_ids.currency_id
        company_currency = self.company_id.currency_id
        if company_currency in currencies or not currencies:
            return company_currency
        return currencies[:1]

    def _get_ledger(self, currency):
        """Return the ledger in a currency, empty if accounting was not set up for it.

        :param res.currency currency: The currency.
        :rtype: amazon.ledger
        """
        self.ensure_one()
        return self.ledger_ids.filtered(lambda ledger: ledger.currency_id == currency)[:1]
