from odoo import api, fields, models

from .guard import as_connector
from .quiet import log_failure, quiet_sql


class AccountMove(models.Model):
    """Entries of settlements, and the invoices that these pay."""

    _inherit = 'account.move'

    amazon_settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        string="Amazon Settlement",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
    )
    amazon_kept_settlement_ref = fields.Char(
        help="Of which settlement it is, from before the add-on was uninstalled.",
        readonly=True,
        copy=False,
        index='btree_not_null',
        groups=fields.NO_ACCESS,
    )

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `account` to let settlements be booked again whose entries are deleted."""
        # In sudo mode: accountants delete entries, and the connector alone writes settlements.
        settlements = self.sudo().amazon_settlement_id
        res = super().unlink()
        settlements._take_back()
        return res

    # === ACTION METHODS === #

    def button_cancel(self):
        """Override of `account` to let settlements be booked again whose entries are cancelled."""
        res = super().button_cancel()
        cancelled = self.sudo().filtered('amazon_settlement_id')  # as in `unlink`
        settlements = cancelled.amazon_settlement_id
        with as_connector():
            cancelled.amazon_settlement_id = False
        settlements._take_back()
        return res

    # === BUSINESS METHODS === #

    @api.model
    def _keep_settlement_refs(self):
        """Note of which settlement the entries are, where it stays when settlements go.

        :return: None
        """
        self.flush_model(['amazon_settlement_id'])
        self.env['amazon.settlement'].flush_model(['settlement_ref'])
        self.env.cr.execute("""
            UPDATE account_move move
               SET amazon_kept_settlement_ref = settlement.settlement_ref
              FROM amazon_settlement settlement
             WHERE settlement.id = move.amazon_settlement_id
               AND settlement.state = 'booked'
        """)
        self.invalidate_model(['amazon_kept_settlement_ref'])

    def _post(self, soft=True):
        """Override of `account` to reconcile what Amazon has settled, now or before."""
        posted = super()._post(soft=soft)
        posted._settle_with_amazon()
        return posted

    def _check_balanced_entries(self):
        """See that entries that grew part by part are balanced in the end.

        :return: None
        :raise UserError: If one is not.
        """
        with self._check_balanced({'records': self}):
            pass

    def _settle_with_amazon(self):
        """Reconcile these with what Amazon has settled. Where that fails, they are posted still.

        :return: None
        """
        # In sudo mode: who posts invoices need not see settlements.
        entries = self.sudo().filtered('amazon_settlement_id')
        if settlements := entries.amazon_settlement_id:
            settlements.write({'is_reconciled': False, 'reconciled_up_to': 0})
            settlements._wake_booking()
        for invoice in (self.sudo() - entries).filtered(lambda move: move.is_sale_document()):
            if refs := invoice._get_amazon_order_refs():
                invoice._reconcile_safely(refs)

    def _get_amazon_order_refs(self):
        """Return the Amazon orders that an invoice or credit note is for.

        :rtype: list[str]
        """
        self.ensure_one()
        invoices = self | self.reversed_entry_id
        orders = invoices.line_ids.sale_line_ids.order_id
        return [ref for ref in orders.mapped('amazon_order_ref') if ref]

    def _reconcile_safely(self, order_refs):
        """Reconcile an invoice with what Amazon has settled of its orders before it was posted.

        :param list[str] order_refs: Amazon's ids of the orders.
        :return: None
        """
        items = self.env['account.move.line'].search([
            ('company_id', '=', self.company_id.id),
            ('amazon_order_ref', 'in', order_refs),
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
        ])
        if not items:
            return
        try:
            with quiet_sql(), self.env.cr.savepoint():
                items._reconcile_with_amazon()
        except Exception as exception:
            self.env.invalidate_all(flush=False)
            log_failure(self, exception)


class AccountMoveLine(models.Model):
    """Which Amazon order an item is about, and what it is reconciled with."""

    _inherit = 'account.move.line'

    amazon_order_ref = fields.Char(
        string="Amazon Order", readonly=True, copy=False, index='btree_not_null',
    )

    # === BUSINESS METHODS === #

    def _reconcile_with_amazon(self):
        """Reconcile items of settlements with the invoices, credit notes and payments of their
        orders, all in one go.

        :return: None
        """
        plan = []
        open_items = self.filtered(lambda item: not item.reconciled)
        counterparts = open_items._find_counterparts()
        for item in open_items:
            found = counterparts.get((item.amazon_order_ref, item.account_id, item.balance > 0))
            if found:
                plan.append(item | found)
        if plan:
            self._reconcile_plan(plan)

    def _find_counterparts(self):
        """Return the open items of invoices, credit notes and payments of the same orders.

        :return: The items, by order, account, and whether they want a debit.
        :rtype: dict[tuple, account.move.line]
        """
        refs = list(set(self.mapped('amazon_order_ref')))
        orders = self.env['sale.order'].search([
            ('company_id', 'in', self.company_id.ids), ('amazon_order_ref', 'in', refs),
        ])
        found = {}

        def note(ref, items):
            for item in items:
                key = ref, item.account_id, item.balance < 0
                found[key] = found.get(key, self.browse()) | item

        for order in orders:
            moves = order._get_amazon_documents().filtered(lambda move: move.state == 'posted')
            note(order.amazon_order_ref, moves.line_ids.filtered(
                lambda item: item.display_type == 'payment_term' and not item.reconciled,
            ))
        for account, items in self.grouped('account_id').items():
            for order, payments in self._find_taken_payments(account, orders).items():
                if order.amazon_order_ref in items.mapped('amazon_order_ref'):
                    note(order.amazon_order_ref, payments)
        return found

    @api.model
    def _find_taken_payments(self, account, orders):
        """Return what is open of the payments of orders' invoices on a clearing account.

        :param account.account account: The clearing account.
        :param orders: The sales orders.
        :return: The items by order.
        :rtype: dict[sale.order, account.move.line]
        """
        taken = {}
        for order in orders:
            terms = order._get_amazon_documents().line_ids.filtered(
                lambda item: item.display_type == 'payment_term',
            )
            paying = terms.matched_credit_ids.credit_move_id | terms.matched_debit_ids.debit_move_id
            items = paying.move_id.filtered('origin_payment_id').line_ids.filtered(
                lambda item: item.account_id == account and not item.reconciled,
            )
            if items:
                taken[order] = items
        return taken
