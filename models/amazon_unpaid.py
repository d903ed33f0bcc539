from odoo import fields, models
from odoo.tools import SQL

from .amazon_balance import AVAILABLE, RESERVED
from .tools import open_form


class AmazonUnpaid(models.Model):
    """What Amazon has not paid out yet, why, and when it means to.

    What is deferred is there by order, since Amazon tells when it releases each; the rest is a
    balance. The ids of both are told apart by whether they are even.
    """

    _name = 'amazon.unpaid'
    _description = "Not Yet Paid Out"
    _auto = False
    _order = 'kind, date NULLS FIRST, id'
    _rec_name = 'kind'
    _depends = {
        'amazon.balance': [
            'account_id', 'company_id', 'connection_id', 'marketplace_id', 'currency_id', 'type',
            'amount', 'as_of',
        ],
        'amazon.payout': [
            'connection_id', 'currency_id', 'is_expected', 'marketplace_id', 'scheduled_date',
        ],
        'amazon.transaction': [
            'account_id', 'company_id', 'marketplace_id', 'currency_id', 'status', 'total',
            'order_ref', 'maturity_at', 'deferral_reason', 'posted_at',
        ],
        'sale.order': ['amazon_order_ref', 'company_id'],
    }

    kind = fields.Selection(
        selection=[
            ('available', "Available"),
            ('deferred', "Deferred"),
            ('reserve', "Reserve"),
        ],
        string="What",
        help="Available: it comes with the next payout. Deferred: Amazon releases it on its date."
             " Reserve: Amazon keeps it back for refunds.",
        readonly=True,
    )
    account_id = fields.Many2one(comodel_name='amazon.account', string="Account", readonly=True)
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', string="Marketplace", readonly=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    amount = fields.Monetary(readonly=True)
    date = fields.Date(
        string="Expected", help="When Amazon means to release it, or to pay it out.", readonly=True,
    )
    order_ref = fields.Char(string="Amazon Order", readonly=True)
    sale_order_id = fields.Many2one(comodel_name='sale.order', string="Sales Order", readonly=True)
    reason = fields.Selection(
        selection=[
            ('DD7', "Seven days after the delivery"),
            ('B2B', "When the business has paid"),
        ],
        string="Deferred Until",
        readonly=True,
    )
    as_of = fields.Datetime(help="When Amazon said so.", readonly=True)

    # === ACTION METHODS === #

    def action_open_order(self):
        """Open the sales order.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.sale_order_id)

    # === QUERY === #

    @property
    def _table_query(self):
        """Override of `base`: balances, and transactions that Amazon defers."""
        return SQL(
            """
            SELECT 2 * balance.id AS id,
                   CASE balance.type WHEN %(available)s THEN 'available' ELSE 'reserve' END AS kind,
                   balance.account_id,
                   balance.company_id,
                   balance.marketplace_id,
                   balance.currency_id,
                   balance.amount,
                   CASE balance.type WHEN %(available)s THEN (
                        SELECT MIN(payout.scheduled_date)
                          FROM amazon_payout payout
                         WHERE payout.is_expected
                           AND payout.connection_id = balance.connection_id
                           AND payout.currency_id = balance.currency_id
                           AND COALESCE(payout.marketplace_id, balance.marketplace_id)
                               IS NOT DISTINCT FROM balance.marketplace_id
                   ) END AS date,
                   NULL AS order_ref,
                   NULL::integer AS sale_order_id,
                   NULL AS reason,
                   balance.as_of
              FROM amazon_balance balance
             WHERE balance.type IN %(types)s
               AND balance.amount != 0
             UNION ALL
            SELECT 2 * deferred.id + 1 AS id,
                   'deferred' AS kind,
                   deferred.account_id,
                   deferred.company_id,
                   deferred.marketplace_id,
                   deferred.currency_id,
                   deferred.total AS amount,
                   deferred.maturity_at::date AS date,
                   deferred.order_ref,
                   sale_order.id AS sale_order_id,
                   CASE WHEN deferred.deferral_reason IN ('DD7', 'B2B')
                        THEN deferred.deferral_reason END AS reason,
                   deferred.posted_at AS as_of
              FROM amazon_transaction deferred
              LEFT JOIN sale_order ON sale_order.company_id = deferred.company_id
                                  AND sale_order.amazon_order_ref = deferred.order_ref
             WHERE deferred.status = 'DEFERRED'
            """,
            available=AVAILABLE,
            types=(AVAILABLE, RESERVED),
        )
