from odoo import api, models
from odoo.fields import Domain
from odoo.tools import format_date

from .amazon_check import Finding

MONEY_WAYS = ('settlements', 'transactions', 'payouts')


class AmazonCheck(models.Model):
    """The check of money: whether settlements can be booked, and whether they are."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check money."""
        return [*super()._get_codes(), ('money', self.env._("Money"))]

    # === BUSINESS METHODS === #

    @api.model
    def _check_money(self, checkup):
        """Find out what settlements wait for; does not apply where nobody has set up accounting."""
        account = checkup.account
        if not account._keeps_books():
            return None
        if missing := self._get_currencies_without_ledger(account):
            return Finding('warning', self.env._(
                "No settlement in %(currencies)s can be booked, and no payment registered: there is"
                " no journal for it. An administrator of Invoicing presses Set Up Accounting.",
                currencies=', '.join(missing.mapped('name')),
            ), self.env._("Set Up Accounting"))
        if attention := account.settlement_attention_count:
            return Finding('warning', self.env._(
                "Settlements wait for a person (%(count)s). Each of them says why.",
                count=attention,
            ), self.env._("Open Settlements"))
        last = self.env['amazon.settlement'].search(
            Domain('account_id', '=', account.id), order='date_end desc', limit=1,
        )
        if not last:
            return Finding('unknown', self.env._(
                "No settlement has come in yet. Amazon closes one every two weeks or so.",
            ))
        if to_book := self.env['amazon.settlement'].search_count(
            Domain('account_id', '=', account.id) & Domain('state', 'in', ('to_do', 'proven')),
        ):
            return Finding('ok', self.env._(
                "Settlements are being read and booked (%(count)s).", count=to_book,
            ))
        return Finding('ok', self.env._(
            "All settlements are booked. The last one goes until %(date)s.",
            date=format_date(self.env, last.date_end),
        ))

    @api.model
    def _get_currencies_without_ledger(self, account):
        """Return the currencies of an account that there is no journal for.

        :param amazon.account account: The account.
        :rtype: res.currency
        """
        return account.synced_marketplace_ids.currency_id - account.ledger_ids.currency_id

    def _remedy_money(self):
        """Set accounting up, or open the settlements that wait for a person."""
        if self._get_currencies_without_ledger(self.account_id):
            return self.account_id.action_set_up_accounting()
        return self.account_id.action_open_settlements_to_look_at()


class AmazonSync(models.Model):
    """The ways of money begin with the connection, and read what Amazon lets them."""

    _inherit = 'amazon.sync'

    def _is_counted_on(self):
        """Override of `amazon_connector`: nobody counts on money where no books are kept."""
        return super()._is_counted_on() and (
            self.way not in MONEY_WAYS
            or any(account._keeps_books() for account in self.connection_id.account_ids)
        )
