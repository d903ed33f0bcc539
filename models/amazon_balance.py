from odoo import api, fields, models

from .tools import to_naive

# Amazon's words for what a balance is; the others are sums of these.
AVAILABLE, RESERVED = 'AVAILABLE', 'ACCOUNT_LEVEL_RESERVE'


class AmazonBalance(models.Model):
    """What Amazon holds for a seller in a marketplace, as it said last."""

    _name = 'amazon.balance'
    _description = "Amazon Balance"
    _order = 'account_id, currency_id, type, id'
    _rec_name = 'type'

    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, readonly=True,
    )
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', string="Marketplace", readonly=True, ondelete='restrict',
    )
    currency_id = fields.Many2one(comodel_name='res.currency', required=True, readonly=True)
    type = fields.Char(help="Amazon's word for it.", required=True, readonly=True)
    account_type = fields.Char(
        help="Amazon's word for the part of the account, e.g. that of what is sold to businesses.",
        readonly=True,
    )
    amount = fields.Monetary(readonly=True)
    as_of = fields.Datetime(readonly=True)

    # === BUSINESS METHODS === #

    @api.model
    def _replace(self, connection, balances):
        """Store what Amazon says now in place of what it said before.

        :param amazon.connection connection: The connection.
        :param list[amazon.finances.Balance] balances: The balances as read.
        :return: None
        """
        self.search([('connection_id', '=', connection.id)]).unlink()
        marketplaces = {
            marketplace.api_ref: marketplace
            for marketplace in self.env['amazon.marketplace'].search([])
        }
        currencies = {
            currency.name: currency
            for currency in self.env['res.currency'].with_context(active_test=False).search([])
        }
        nowhere = self.env['amazon.marketplace']
        values_list = []
        for balance in balances:
            marketplace = marketplaces.get(balance.marketplace_id, nowhere)
            account = (
                connection._get_account_of(marketplace) or connection._get_first_account()
            )
            currency = currencies.get(balance.amount.currency)
            if account and currency:
                values_list.append({
                    'connection_id': connection.id,
                    'account_id': account.id,
                    'company_id': account.company_id.id,
                    'marketplace_id': marketplace.id,
                    'currency_id': currency.id,
                    'type': balance.type,
                    'account_type': balance.account_type,
                    'amount': float(balance.amount.amount),
                    'as_of': to_naive(balance.updated_at) or fields.Datetime.now(),
                })
        self.create(values_list)
