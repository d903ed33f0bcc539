from odoo import fields, models
from odoo.tools import SQL

from .tools import open_form


class AmazonOpenItem(models.Model):
    """What is open between a company, its buyers and Amazon, and why: journal items, explained.

    That is what stands on the clearing accounts, what is on its way to the bank, and where the
    money of an order, its invoice and its credit notes are not the same.
    """

    _name = 'amazon.open.item'
    _description = "What Is Open With Amazon"
    _auto = False
    _order = 'date desc, id desc'
    _rec_name = 'order_ref'
    _depends = {
        'account.account': ['account_type'],
        'account.move': [
            'amazon_order_ref', 'amazon_settlement_id', 'move_type', 'origin_payment_id',
            'payment_state', 'reversed_entry_id', 'state',
        ],
        'account.move.line': [
            'account_id', 'amazon_order_ref', 'amount_residual', 'amount_residual_currency',
            'company_currency_id', 'company_id', 'currency_id', 'date', 'move_id', 'name',
            'parent_state', 'partner_id', 'reconciled',
        ],
        'account.payment': ['amazon_sale_order_id', 'invoice_ids'],
        'amazon.ledger': ['clearing_account_id', 'transit_account_id'],
        'amazon.settlement': ['account_id'],
        'sale.order': [
            'amazon_account_id', 'amazon_order_ref', 'amazon_payout_state', 'company_id',
        ],
        'sale.order.line': ['invoice_lines', 'order_id'],
    }

    item_id = fields.Many2one(
        comodel_name='account.move.line', string="Journal Item", readonly=True,
    )
    move_id = fields.Many2one(comodel_name='account.move', string="Entry", readonly=True)
    date = fields.Date(readonly=True)
    name = fields.Char(string="Label", readonly=True)
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    account_id = fields.Many2one(
        comodel_name='amazon.account', string="Amazon Account", readonly=True,
    )
    gl_account_id = fields.Many2one(
        comodel_name='account.account', string="Ledger Account", readonly=True,
    )
    partner_id = fields.Many2one(comodel_name='res.partner', string="Partner", readonly=True)
    order_ref = fields.Char(string="Amazon Order", readonly=True)
    sale_order_id = fields.Many2one(comodel_name='sale.order', string="Sales Order", readonly=True)
    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement', string="Settlement", readonly=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    amount = fields.Monetary(
        string="Open", help="Positive: it is still owed to you.", readonly=True,
    )
    company_currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    company_amount = fields.Monetary(
        string="Open in Company Currency", currency_field='company_currency_id', readonly=True,
    )
    reason = fields.Selection(
        selection=[
            ('paid', "Paid at import, not settled yet"),
            ('underpaid', "Settled with less than was paid"),
            ('unmatched', "Settled, but no payment matches"),
            ('carried', "Carried from one settlement to another"),
            ('transit', "Sent to the bank, not seen there yet"),
            ('unknown_order', "Settled, but Odoo does not know the order"),
            ('no_order', "Settled, but Amazon names no order"),
            ('not_invoiced', "Settled, but not invoiced yet"),
            ('overpaid', "Settled with more than was invoiced"),
            ('invoice_open', "Settled with less than was invoiced"),
            ('not_credited', "Refunded, but there is no credit note yet"),
            ('refunded_more', "Refunded with more than was credited"),
            ('credit_open', "Refunded with less than was credited"),
            ('other', "Booked by hand"),
        ],
        string="Why It Is Open",
        readonly=True,
    )

    # === ACTION METHODS === #

    def action_open_move(self):
        """Open the entry.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.move_id)

    # === QUERY === #

    @property
    def _table_query(self):
        """Override of `base`: the items that are open, each with its order and why it is open."""
        return SQL(
            """
            SELECT item.id,
                   item.id AS item_id,
                   item.move_id,
                   item.date,
                   item.name,
                   item.company_id,
                   COALESCE(settlement.account_id, o.amazon_account_id) AS account_id,
                   item.account_id AS gl_account_id,
                   item.partner_id,
                   named.order_ref,
                   o.id AS sale_order_id,
                   settlement.id AS settlement_id,
                   item.currency_id,
                   item.amount_residual_currency AS amount,
                   item.company_currency_id,
                   item.amount_residual AS company_amount,
                   %(reason)s AS reason
              FROM account_move_line item
              JOIN account_move move ON move.id = item.move_id
              JOIN account_account gl ON gl.id = item.account_id
              LEFT JOIN amazon_settlement settlement ON settlement.id = move.amazon_settlement_id
              LEFT JOIN account_payment payment ON payment.id = move.origin_payment_id
              LEFT JOIN sale_order paid ON paid.id = payment.amazon_sale_order_id
             CROSS JOIN LATERAL (
                   SELECT COALESCE(
                              NULLIF(item.amazon_order_ref, ''),
                              paid.amazon_order_ref,
                              (SELECT MIN(invoice.amazon_order_ref)
                                 FROM account_move__account_payment rel
                                 JOIN account_move invoice ON invoice.id = rel.invoice_id
                                WHERE rel.payment_id = payment.id),
                              move.amazon_order_ref
                          ) AS order_ref
                   ) named
              LEFT JOIN sale_order o ON o.company_id = item.company_id
                                    AND o.amazon_order_ref = named.order_ref
             WHERE item.parent_state = 'posted'
               AND item.reconciled IS NOT TRUE
               AND item.amount_residual_currency != 0
               AND (
                   item.account_id IN (
                       SELECT clearing_account_id FROM amazon_ledger
                        UNION SELECT transit_account_id FROM amazon_ledger
                   )
                   OR gl.account_type = 'asset_receivable' AND (
                       settlement.id IS NOT NULL
                       OR move.move_type IN ('out_invoice', 'out_refund')
                          AND o.amazon_payout_state IN ('settled', 'refunded')
                   )
               )
            """,
            reason=self._get_reason(),
        )

    def _get_reason(self):
        """Return why an item is open.

        :return: An expression on `item`, its `gl`, `move`, `settlement` and order `o`.
        :rtype: SQL
        """
        return SQL(
            """
            CASE WHEN item.account_id IN (SELECT transit_account_id FROM amazon_ledger)
                 THEN 'transit'
                 WHEN gl.account_type != 'asset_receivable' THEN
                      CASE WHEN settlement.id IS NOT NULL AND named.order_ref IS NOT NULL
                           THEN 'unmatched'
                           WHEN settlement.id IS NOT NULL THEN 'carried'
                           WHEN move.origin_payment_id IS NULL THEN 'other'
                           WHEN o.amazon_payout_state IN ('settled', 'refunded') THEN 'underpaid'
                           ELSE 'paid'
                      END
                 WHEN move.move_type = 'out_invoice' THEN 'invoice_open'
                 WHEN move.move_type = 'out_refund' THEN 'credit_open'
                 WHEN named.order_ref IS NULL THEN 'no_order'
                 WHEN o.id IS NULL THEN 'unknown_order'
                 WHEN item.amount_residual_currency < 0 THEN
                      CASE WHEN EXISTS (
                           SELECT FROM sale_order_line line
                             JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = line.id
                             JOIN account_move_line invoiced ON invoiced.id = rel.invoice_line_id
                             JOIN account_move invoice ON invoice.id = invoiced.move_id
                            WHERE line.order_id = o.id
                              AND invoice.move_type = 'out_invoice'
                              AND invoice.state = 'posted'
                           ) THEN 'overpaid' ELSE 'not_invoiced'
                      END
                 WHEN EXISTS (
                      SELECT FROM account_move credit_note
                       WHERE credit_note.company_id = item.company_id
                         AND credit_note.amazon_order_ref = named.order_ref
                         AND credit_note.move_type = 'out_refund'
                         AND credit_note.state = 'posted'
                      ) THEN 'refunded_more'
                 ELSE 'not_credited'
            END
            """,
        )
