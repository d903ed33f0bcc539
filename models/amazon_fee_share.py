from odoo import fields, models
from odoo.tools import SQL

from .money_categories import FEES, SALES

SETTLED_DAYS = 90
SETTLED_STATES = ('proven', 'booked')
# Which kinds of money are which column of what an order earned.
FEE_COLUMNS = {
    'commission': ('commission',),
    'fulfilment': ('fba_fee',),
    'other_fees': tuple(set(FEES) - {'commission', 'fba_fee'}),
}


class AmazonFeeShare(models.Model):
    """Which share of what buyers pay Amazon kept lately, of an offer or of a whole marketplace.

    What is not settled yet is estimated by it. It is measured anew with each settlement.
    """

    _name = 'amazon.fee.share'
    _description = "Amazon Fee Share"
    _order = 'account_id, marketplace_id, sku NULLS FIRST, id'
    _rec_name = 'sku'

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id')
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', required=True, readonly=True, ondelete='cascade',
    )
    channel = fields.Selection(
        selection=[('fba', "FBA"), ('fbm', "FBM")], required=True, readonly=True,
    )
    sku = fields.Char(string="SKU", help="Empty: of the whole marketplace.", readonly=True)
    commission = fields.Float(digits=0, readonly=True, aggregator=None)
    fulfilment = fields.Float(digits=0, readonly=True, aggregator=None)
    other_fees = fields.Float(digits=0, readonly=True, aggregator=None)

    _key_idx = models.Index("(account_id, marketplace_id, channel, sku)")

    # === BUSINESS METHODS === #

    def _measure(self, account):
        """Measure the shares of an account over the last days that are settled.

        :param amazon.account account: The account.
        :return: None
        """
        self.search([('account_id', '=', account.id)]).unlink()
        lines = self.env['amazon.settlement.line']
        for model in (lines, self.env['amazon.settlement'], self.env['sale.order'], self):
            model.flush_model()
        self.env.cr.execute(SQL(
            """
            INSERT INTO amazon_fee_share (
                account_id, marketplace_id, channel, sku, commission, fulfilment, other_fees
            )
            SELECT %(account)s,
                   sale_order.amazon_marketplace_id,
                   sale_order.amazon_channel,
                   line.sku,
                   %(shares)s
              FROM amazon_settlement settlement
              JOIN amazon_settlement_line line ON line.settlement_id = settlement.id
              JOIN sale_order ON sale_order.company_id = line.company_id
                             AND sale_order.amazon_order_ref = line.order_ref
              LEFT JOIN (%(net)s) net ON net.account_id = settlement.account_id
                                     AND net.category = line.category
             WHERE settlement.account_id = %(account)s
               AND settlement.state IN %(states)s
               AND settlement.date_end > (
                       SELECT MAX(date_end) FROM amazon_settlement
                        WHERE account_id = %(account)s AND state IN %(states)s
                   ) - %(days)s * INTERVAL '1 day'
               AND line.sku IS NOT NULL
               AND line.sku != ''
               AND sale_order.amazon_marketplace_id IS NOT NULL
               AND sale_order.amazon_channel IS NOT NULL
             GROUP BY GROUPING SETS (
                   (sale_order.amazon_marketplace_id, sale_order.amazon_channel, line.sku),
                   (sale_order.amazon_marketplace_id, sale_order.amazon_channel)
             )
            HAVING SUM(line.amount) FILTER (WHERE line.category IN %(sales)s) > 0
            """,
            account=account.id,
            states=SETTLED_STATES,
            days=SETTLED_DAYS,
            sales=SALES,
            net=self._select_net_shares(),
            shares=SQL(', ').join(
                SQL(
                    "COALESCE(SUM(line.amount * COALESCE(net.share, 1))"
                    " FILTER (WHERE line.category IN %(fees)s), 0)"
                    " / SUM(line.amount) FILTER (WHERE line.category IN %(sales)s)",
                    fees=categories,
                    sales=SALES,
                )
                for categories in FEE_COLUMNS.values()
            ),
        ))
        self.invalidate_model()

    def _select_net_shares(self):
        """Return the query of which share of a fee that Amazon withheld is no tax, by account and
        kind of money, where that is not all of it.

        Tax that the company gets back costs nothing. Of reverse charge nothing was withheld.

        :rtype: SQL
        """
        rule = self.env['amazon.booking.rule']
        return SQL(
            """
            SELECT rule.account_id,
                   rule.category,
                   1 / (1 + SUM(tax.amount * part.factor_percent) / 10000) AS share
              FROM amazon_booking_rule rule
              JOIN %(relation)s rel ON rel.%(rule_column)s = rule.id
              JOIN account_tax tax ON tax.id = rel.%(tax_column)s AND tax.amount_type = 'percent'
              JOIN account_tax_repartition_line part ON part.tax_id = tax.id
                                                    AND part.document_type = 'invoice'
                                                    AND part.repartition_type = 'tax'
             GROUP BY rule.account_id, rule.category
            """,
            relation=SQL.identifier(rule._fields['tax_ids'].relation),
            rule_column=SQL.identifier(rule._fields['tax_ids'].column1),
            tax_column=SQL.identifier(rule._fields['tax_ids'].column2),
        )
