from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from .guard import as_connector
from .quiet import quiet_sql

# An entry of thousands of items is not looked through for each one that is changed.
ITEM_CONTEXT = {
    'tracking_disable': True,
    'check_move_validity': False,
    'skip_invoice_sync': True,
    'skip_analytic_sync': True,
}


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

    amazon_former_settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        string="Taken Back from Settlement",
        help="The entry was taken back, so that the settlement is booked with another one.",
        readonly=True,
        copy=False,
        ondelete='set null',
    )
    amazon_is_transfer = fields.Boolean(
        help="Whether it moves what a settlement has paid to the account of the buyers' payments,"
             " beside the entry of the settlement.",
        readonly=True,
        copy=False,
    )

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `account` to let settlements be booked again whose entries are deleted."""
        # In sudo mode: accountants delete entries, and the connector alone writes settlements.
        settlements = self.sudo()._get_settlements_without_entry()
        res = super().unlink()
        settlements._take_back()
        return res

    # === ACTION METHODS === #

    def button_cancel(self):
        """Override of `account` to let settlements be booked again whose entries are cancelled."""
        res = super().button_cancel()
        self._take_back_from_settlements()
        return res

    def button_draft(self):
        """Override of `account` to bring no entry back beside the one that was made in its place.

        :raise UserError: If a settlement was booked without it.
        """
        for move in self.sudo().filtered('amazon_former_settlement_id'):  # as in `unlink`
            raise UserError(self.env._(
                "%(entry)s was taken back from the Amazon settlement %(settlement)s, which gets"
                " another entry: press Book on the settlement.",
                entry=move.display_name,
                settlement=move.amazon_former_settlement_id.settlement_ref,
            ))
        return super().button_draft()

    # === BUSINESS METHODS === #

    def _reverse_moves(self, default_values_list=None, cancel=False):
        """Override of `account` to let settlements be booked again whose entries are reversed."""
        reversals = super()._reverse_moves(default_values_list, cancel)
        self._take_back_from_settlements()
        return reversals

    def _take_back_from_settlements(self):
        """Let the settlements of these entries be booked again.

        :return: None
        """
        # In sudo mode: accountants take entries back, and the connector alone writes settlements.
        taken_back = self.sudo().filtered('amazon_settlement_id')
        settlements = taken_back._get_settlements_without_entry()
        with as_connector():
            for move in taken_back:
                move.write({
                    'amazon_former_settlement_id': move.amazon_settlement_id.id,
                    'amazon_settlement_id': False,
                })
        settlements._take_back()

    def _get_settlements_without_entry(self):
        """Return the settlements that have no entry without these; a transfer is none.

        :rtype: amazon.settlement
        """
        return self.filtered(lambda move: not move.amazon_is_transfer).amazon_settlement_id

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
        # In sudo mode: who posts entries need not see sales.
        self.sudo().filtered(lambda move: (
            move.state == 'draft' and move.amazon_settlement_id and not move.amazon_is_transfer
        ))._take_up_payments()
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

    @as_connector()
    def _take_up_payments(self):
        """Let drafts of settlements recognise what was paid with Amazon since they were made, or
        part by part begun: it goes from the buyer's receivable to the account that the payment is
        on; and back again where the payment is there no longer.

        :return: None
        """
        Item = self.env['account.move.line']
        for move in self:
            settlement = move.amazon_settlement_id
            move.line_ids.filtered('amazon_order_ref')._give_back_to_receivables(settlement)
            items = move.line_ids.filtered(
                lambda item: item.amazon_order_ref and item.account_type == 'asset_receivable',
            )
            # An entry may have thousands of orders, few of which were paid otherwise.
            paid = items._find_refs_with_payments()
            items = items.filtered(lambda item, paid=paid: item.amazon_order_ref in paid)
            orders = settlement._get_sale_orders(paid)
            taken = Item._find_taken_payments(self.env['sale.order'].union(*orders.values()))
            left = Item.union(*taken.values())._get_unclaimed()
            for item in items:
                for payment in taken.get(orders.get(item.amazon_order_ref), ()):
                    left[payment] -= item._move_to_payment(payment, left[payment])

    @as_connector()
    def _transfer_to_payments(self, pairs):
        """Make an entry beside that of a settlement, which moves what buyers have paid to where
        their payments with Amazon are, and reconcile it with both.

        :param list[tuple] pairs: Items of this entry, those of payments, and how much of both, as
                                  Amazon has it.
        :return: None
        """
        self.ensure_one()
        values_list, sides = [], []
        for item, payment, part in pairs:
            balance = self.company_currency_id.round(
                -item.amount_residual * part / item.amount_residual_currency,
            )
            for side, sign in ((item, 1), (payment, -1)):
                sides.append(side)
                values_list.append({
                    'account_id': side.account_id.id,
                    'partner_id': item.partner_id.id,
                    'name': item.name,
                    'currency_id': item.currency_id.id,
                    'amount_currency': sign * part,
                    'balance': sign * -balance,
                    'amazon_order_ref': item.amazon_order_ref,
                    'analytic_distribution': False,
                })
        transfer = self.create({
            'move_type': 'entry',
            'journal_id': self.journal_id.id,
            'company_id': self.company_id.id,
            'currency_id': self.currency_id.id,
            'date': max(side.date for side in sides),
            'ref': self.ref,
            'amazon_settlement_id': self.amazon_settlement_id.id,
            'amazon_is_transfer': True,
            'line_ids': [Command.create(values) for values in values_list],
        })
        transfer._post(soft=False)
        self.env['account.move.line']._reconcile_plan([
            side | line for side, line in zip(sides, transfer.line_ids.sorted('id'), strict=True)
        ])

    def _settle_with_amazon(self):
        """Reconcile these with what Amazon has settled. Where that fails, they are posted still.

        :return: None
        """
        # In sudo mode: who posts invoices need not see settlements.
        entries = self.sudo().filtered('amazon_settlement_id')
        if settlements := entries.amazon_settlement_id:
            settlements._reconcile_again()
        others = self.sudo() - entries
        others.origin_payment_id._reconcile_settlements_later()
        for invoice in others.filtered(lambda move: move.is_sale_document()):
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
        """Reconcile an invoice with what Amazon has settled of its orders before it was posted; if
        that is refused, let the settlements say so.

        What was paid and what was refunded of them is reconciled with the invoices and credit notes
        from now on, not with each other.

        :param list[str] order_refs: Amazon's ids of the orders.
        :return: None
        """
        items = self.env['account.move.line'].search([
            ('company_id', '=', self.company_id.id),
            ('amazon_order_ref', 'in', order_refs),
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', '=', 'posted'),
        ])
        if not items:
            return
        try:
            with quiet_sql(), self.env.cr.savepoint():
                items._reconcile_with_amazon()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception:
            self.env.invalidate_all(flush=False)
            items.move_id.amazon_settlement_id._reconcile_again()


class AccountMoveLine(models.Model):
    """Which Amazon order an item is about, and what it is reconciled with."""

    _name = 'account.move.line'
    _inherit = ['account.move.line', 'amazon.guard.mixin']

    amazon_order_ref = fields.Char(
        string="Amazon Order", readonly=True, copy=False, index='btree_not_null',
    )

    # === BUSINESS METHODS - RECONCILING === #

    def _reconcile_with_amazon(self):
        """Reconcile items of settlements with the invoices, credit notes and payments of their
        orders, all in one go; what they leave of an order, with each other.

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
        open_items.filtered(lambda item: not item.reconciled)._transfer_to_payments()
        open_items.filtered(lambda item: not item.reconciled)._reconcile_with_each_other()

    def _reconcile_with_each_other(self):
        """Reconcile what was paid of orders with what was refunded of them, where their invoices
        and credit notes are reconciled with each other already.

        :return: None
        """
        receivables = self.filtered(
            lambda item: item.amazon_order_ref and item.account_type == 'asset_receivable',
        )
        if not receivables:
            return
        orders = self.env['sale.order'].search([
            ('company_id', 'in', receivables.company_id.ids),
            ('amazon_order_ref', 'in', list(set(receivables.mapped('amazon_order_ref')))),
        ]).filtered(lambda order: order._has_settled_documents())
        items = self.search([
            ('company_id', 'in', receivables.company_id.ids),
            ('amazon_order_ref', 'in', orders.mapped('amazon_order_ref')),
            ('account_id', 'in', receivables.account_id.ids),
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
        ])
        groups = items.grouped(lambda item: (
            item.company_id, item.amazon_order_ref, item.account_id, item.currency_id,
        ))
        plan = [
            group for group in groups.values()
            if len({item.balance > 0 for item in group}) > 1
        ]
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
        payments = self._find_taken_payments(orders)
        found = {}
        for order in orders:
            moves = order._get_amazon_documents().filtered(lambda move: move.state == 'posted')
            items = moves.line_ids.filtered(
                lambda item: item.display_type == 'payment_term' and not item.reconciled,
            )
            for item in items | payments.get(order, self.browse()):
                key = order.amazon_order_ref, item.account_id, item.balance < 0
                found[key] = found.get(key, self.browse()) | item
        return found

    # === BUSINESS METHODS - PAYMENTS WITH AMAZON === #

    @api.model
    def _find_taken_payments(self, orders):
        """Return what is open of what buyers have paid with Amazon, or got back.

        It counts on whatever account it is: the clearing account may have been another one then.

        :param sale.order orders: The orders.
        :return: The items by order.
        :rtype: dict[sale.order, account.move.line]
        """
        Payment = self.env['account.payment']
        by_order = Payment.search([
            ('amazon_sale_order_id', 'in', orders.ids), ('move_id.state', '=', 'posted'),
        ]).grouped('amazon_sale_order_id')
        ledgers = self.env['amazon.ledger'].search([('company_id', 'in', orders.company_id.ids)])
        taken = {}
        for order in orders:
            terms = order._get_amazon_documents().line_ids.filtered(
                lambda item: item.display_type == 'payment_term',
            )
            paying = terms.matched_credit_ids.credit_move_id | terms.matched_debit_ids.debit_move_id
            payments = paying.move_id.origin_payment_id | by_order.get(order, Payment)
            items = self.browse().union(*(
                payment._get_open_with_amazon(ledgers) for payment in payments
            ))
            if items:
                taken[order] = items
        return taken

    def _find_refs_with_payments(self):
        """Return which of the orders of these may have a payment with Amazon that is open.

        :return: Amazon's ids of the orders.
        :rtype: set[str]
        """
        Payment = self.env['account.payment']
        refs = set(self.mapped('amazon_order_ref'))
        if not refs:
            return refs
        ledgers = self.env['amazon.ledger'].search([('company_id', 'in', self.company_id.ids)])
        posted = [('company_id', 'in', self.company_id.ids), ('move_id.state', '=', 'posted')]
        payments = Payment.search([
            *posted, ('amazon_sale_order_id.amazon_order_ref', 'in', list(refs)),
        ]) | Payment.search([
            *posted,
            ('amazon_sale_order_id', '=', False),  # of several orders
            ('move_id.line_ids', 'any', [('amount_residual_currency', '!=', 0)]),
            '|',
            ('journal_id', 'in', ledgers.journal_id.ids),
            ('outstanding_account_id', 'in', ledgers.clearing_account_id.ids),
        ])
        return refs & set().union(*(payment._get_amazon_order_refs() for payment in payments))

    def _get_unclaimed(self):
        """Return how much of payments with Amazon no entry of a settlement has taken up yet.

        Those that are drafts, or not reconciled so far, count, too.

        :return: The amounts by item; negative for what was paid back.
        :rtype: dict[account.move.line, float]
        """
        refs = {
            item: item.move_id.origin_payment_id._get_amazon_order_refs() for item in self
        }
        domain = [
            ('company_id', 'in', self.company_id.ids),
            ('account_id', 'in', self.account_id.ids),
            ('amazon_order_ref', 'in', list(set().union(*refs.values()))),
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', 'in', ('draft', 'posted')),
            ('reconciled', '=', False),
        ]
        # What is claimed of a payment is not what is claimed of what was paid back.
        claims = defaultdict(float, {
            (ref, account, currency, amount < 0): -amount
            for operator in ('<', '>')
            for ref, account, currency, amount in self._read_group(
                [*domain, ('amount_residual_currency', operator, 0)],
                ['amazon_order_ref', 'account_id', 'currency_id'],
                ['amount_residual_currency:sum'],
            )
        })
        unclaimed = {}
        for item in self.sorted('id'):
            amount = item.amount_residual_currency
            for ref in refs[item]:
                key = ref, item.account_id, item.currency_id, amount > 0
                part = _get_common(amount, claims[key])
                claims[key] -= part
                amount -= part
            unclaimed[item] = item.currency_id.round(amount)
        return unclaimed

    def _give_back_to_receivables(self, settlement):
        """Let items of a draft that are on the account of a payment with Amazon, which was
        cancelled since, be what the buyer's invoice is paid with.

        :param amazon.settlement settlement: The settlement of the draft.
        :return: None
        """
        items = self.filtered(lambda item: item.account_type != 'asset_receivable')
        missing = items._find_missing_payments()
        orders = settlement._get_sale_orders({ref for ref, *_others in missing})
        for item in items:
            key = (
                item.amazon_order_ref, item.account_id, item.currency_id, item.amount_currency < 0,
            )
            part = item.currency_id.round(
                _get_common(missing.get(key, 0.0), -item.amount_currency),
            )
            if part and not item._is_matched():
                missing[key] -= part
                order = orders.get(item.amazon_order_ref, self.env['sale.order'])
                item._move_part(
                    part, settlement._get_receivable_account(order, item.partner_id),
                )

    def _find_missing_payments(self):
        """Return what settlements have taken up of payments with Amazon more than there is of them.

        :return: The amounts by order, account, currency, and whether they were paid; negative for
                 what was paid back.
        :rtype: dict[tuple, float]
        """
        if not self:
            return {}
        domain = [
            ('company_id', 'in', self.company_id.ids),
            ('account_id', 'in', self.account_id.ids),
            ('amazon_order_ref', 'in', list(set(self.mapped('amazon_order_ref')))),
            ('reconciled', '=', False),
        ]
        settled = [
            ('move_id.amazon_settlement_id', '!=', False),
            ('parent_state', 'in', ('draft', 'posted')),
        ]
        paid = [('move_id.amazon_settlement_id', '=', False), ('parent_state', '=', 'posted')]
        missing = defaultdict(float)
        # What was paid is not what was paid back: neither stands for the other.
        for which, operator, of_payments in (
            (settled, '<', True), (settled, '>', False), (paid, '>', True), (paid, '<', False),
        ):
            for ref, account, currency, amount in self._read_group(
                [*domain, *which, ('amount_residual_currency', operator, 0)],
                ['amazon_order_ref', 'account_id', 'currency_id'],
                ['amount_residual_currency:sum'],
            ):
                missing[ref, account, currency, of_payments] -= amount
        missing = {
            key: amount for key, amount in missing.items()
            if key[2].compare_amounts(amount, 0) == (1 if key[3] else -1)
        }
        if not missing:
            return {}
        # A payment of several orders is on no order's account: it counts for each of them.
        orders = self.env['sale.order'].search([
            ('company_id', 'in', self.company_id.ids),
            ('amazon_order_ref', 'in', [ref for ref, *_others in missing]),
        ])
        for order, payments in self._find_taken_payments(orders).items():
            for payment in payments.filtered(lambda item: not item.amazon_order_ref):
                key = (
                    order.amazon_order_ref, payment.account_id, payment.currency_id,
                    payment.amount_residual_currency > 0,
                )
                amount = missing.get(key, 0.0)
                missing[key] = amount - _get_common(amount, payment.amount_residual_currency)
        return missing

    def _transfer_to_payments(self):
        """Move what posted entries have left open of buyers to where these have paid with Amazon
        meanwhile, by an entry of its own, and reconcile it with both.

        :return: None
        """
        receivables = self.filtered(
            lambda item: item.amazon_order_ref and item.account_type == 'asset_receivable',
        )
        refs = receivables._find_refs_with_payments()
        if not refs:
            return
        orders = self.env['sale.order'].search([
            ('company_id', 'in', receivables.company_id.ids),
            ('amazon_order_ref', 'in', list(refs)),
        ])
        taken = {
            (order.company_id, order.amazon_order_ref): payments
            for order, payments in self._find_taken_payments(orders).items()
        }
        left = self.browse().union(*taken.values())._get_unclaimed()
        for move, items in receivables.grouped('move_id').items():
            pairs = []
            for item in items:
                for payment in taken.get((item.company_id, item.amazon_order_ref), ()):
                    claimed = sum(part for other, _payment, part in pairs if other == item)
                    part = item.currency_id.round(_get_common(
                        left[payment], -item.amount_residual_currency - claimed,
                    ))
                    if part and payment.currency_id == item.currency_id:
                        left[payment] -= part
                        pairs.append((item, payment, part))
            if pairs:
                move._transfer_to_payments(pairs)

    def _move_to_payment(self, payment, amount):
        """Let a payment with Amazon, not an invoice, be what a draft of a settlement pays out.

        :param account.move.line payment: The item of the payment.
        :param float amount: How much of it is left.
        :return: How much was taken of it.
        :rtype: float
        """
        self.ensure_one()
        currency = self.currency_id
        part = currency.round(_get_common(amount, -self.amount_currency))
        if payment.currency_id != currency or currency.is_zero(part) or self._is_matched():
            return 0.0
        self._move_part(part, payment.account_id)
        return part

    def _is_matched(self):
        """Return whether the item is reconciled, if in part; drafts may be, if they were posted.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.matched_debit_ids or self.matched_credit_ids)

    def _move_part(self, part, account):
        """Let a part of an item of a draft be on another account.

        :param float part: How much, as Amazon has it: positive is a credit.
        :param account.account account: The account.
        :return: None
        """
        self.ensure_one()
        currency = self.currency_id
        values = {
            'account_id': account.id,
            'amazon_order_ref': self.amazon_order_ref,
            'analytic_distribution': False,  # nothing of it is a cost
        }
        item = self.with_context(**ITEM_CONTEXT)
        rest = currency.round(self.amount_currency + part)
        if currency.is_zero(rest):
            item.write(values)
            return
        balance = self.company_currency_id.round(-self.balance * part / self.amount_currency)
        item.create({
            **values,
            'move_id': self.move_id.id,
            'partner_id': self.partner_id.id,
            'name': self.name,
            'currency_id': currency.id,
            'amount_currency': -part,
            'balance': balance,
        })
        item.write({'amount_currency': rest, 'balance': self.balance - balance})


def _get_common(amount, other):
    """Return what two amounts have in common: nothing, if they are of different signs."""
    if amount * other <= 0:
        return 0.0
    return min(amount, other, key=abs)
