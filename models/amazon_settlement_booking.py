from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, format_date

from .amazon_sync_mixin import NOT_A_RECORDS_FAULT
from .guard import as_connector
from .quiet import quiet_sql
from .tools import SYNC_SECONDS, TimeBudget

RECONCILED_PER_PART = 200  # orders
# What Odoo refuses to reconcile is looked at again, whether a person has done it or not.
RECONCILED_AGAIN_AFTER = timedelta(hours=12)


class AmazonSettlement(models.Model):
    """How a settlement is booked: all of it in one go, or nothing; then it is reconciled in parts.

    What holds it back is said in words, and it goes on by itself as soon as that is mended.
    """

    _inherit = 'amazon.settlement'

    move_ids = fields.One2many(
        comodel_name='account.move',
        inverse_name='amazon_settlement_id',
        string="Entries",
        readonly=True,
    )
    move_count = fields.Integer(compute='_compute_move_count', compute_sudo=True)
    is_reconciled = fields.Boolean(
        help="Whether all that could be reconciled with its entries is.", readonly=True, copy=False,
    )
    reconciled_up_to = fields.Integer(
        help="The journal item that was looked at last.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    waits_for_person = fields.Boolean(
        help="Somebody took its entries back: it is booked again when a person presses Book.",
        readonly=True,
        copy=False,
    )

    # === COMPUTE METHODS === #

    def _compute_move_count(self):
        for settlement in self:
            settlement.move_count = len(settlement.move_ids)

    # === ACTION METHODS === #

    def action_book(self):
        """Book settlements now.

        :return: None
        :raise UserError: If one can't be booked, saying why.
        """
        self._check_may_book()
        # In sudo mode: accountants book, and the connector alone writes settlements.
        settlements = self.sudo()
        for settlement in settlements:
            if settlement.state == 'to_do':
                settlement._process(TimeBudget(SYNC_SECONDS))
            if settlement.state == 'booked':
                continue
            if settlement.state != 'proven':
                raise UserError(self.env._(
                    "%(settlement)s is not proven, so that it can't be booked: %(reason)s",
                    settlement=settlement.settlement_ref,
                    reason=settlement.reason or '',
                ))
            if not settlement.try_lock_for_update(allow_referencing=True):
                raise UserError(self.env._("It is being booked at this moment."))
            if obstacle := settlement._find_obstacle():
                raise UserError(obstacle)
            budget = TimeBudget(SYNC_SECONDS)
            settlement.waits_for_person = False
            try:
                if settlement._build(budget):
                    settlement._book()
            except Exception:
                settlement._drop_safely()
                raise
            if settlement.state == 'booked':
                settlement._reconcile_parts(budget)
        self._wake_booking()

    def action_open_moves(self):
        """Open the entries, or the only one.

        :rtype: dict
        """
        action = {
            'type': 'ir.actions.act_window',
            'name': self.env._("Entries"),
            'res_model': 'account.move',
            'view_mode': 'list,form',
            # Not the list of invoices, which shows due dates and no journal.
            'views': [(self.env.ref('account.view_move_tree').id, 'list'), (False, 'form')],
            'domain': [('amazon_settlement_id', 'in', self.ids)],
            'context': {'create': False},
        }
        if len(self.move_ids) == 1:
            action.update(
                res_id=self.move_ids.id, view_mode='form', views=[(False, 'form')],
            )
        return action

    # === BUSINESS METHODS - BOOKING === #

    def _process(self, budget):
        """Override of `amazon_connector` to go on with what is not reconciled yet."""
        super()._process(budget)
        self.search([
            ('state', '=', 'booked'), ('next_try', '<=', fields.Datetime.now()),
        ])._reconcile_again()
        for settlement in self.search([('state', '=', 'booked'), ('is_reconciled', '=', False)]):
            settlement = settlement[0]  # Avoid prefetching after each cache invalidation.
            if budget.is_spent():
                self._wake_booking()
                break
            settlement._do_safely_at_last(lambda s: s._reconcile_parts(budget))

    @quiet_sql()
    def _book_safely(self, budget):
        """Book the settlement if nothing holds it back; else say what does.

        :param TimeBudget budget: The time.
        :return: None
        """
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True) or self.state != 'proven':
            return
        if self.waits_for_person:
            return
        self._do_safely_at_last(lambda settlement: settlement._book_unless_held(budget))
        if self.state == 'booked':
            self._do_safely_at_last(lambda settlement: settlement._reconcile_parts(budget))

    def _book_unless_held(self, budget):
        """Book the settlement, or note what holds it back."""
        obstacle = self._find_obstacle()
        if obstacle:
            if self.reason != obstacle:
                self.reason = obstacle
                self.account_id._follow_up_failures()
        elif self._build(budget):
            self._book()
        else:
            self._wake_booking()

    def _drop_safely(self):
        """Remove the entries that are being made, and commit it; what else was done is not kept.

        :return: None
        """
        self.env.cr.rollback()
        self._drop_entries()
        self.env['ir.cron']._commit_progress()

    def _do_safely_at_last(self, action):
        """Do something, and commit it; what goes wrong is kept as the reason.

        :param action: Takes the settlement.
        :return: None
        """
        try:
            action(self)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except NOT_A_RECORDS_FAULT:
            self.env.cr.rollback()
        except Exception as exception:
            self._drop_safely()
            self._note_failure_safely(exception)
        self.env['ir.cron']._commit_progress()

    def _note_failure(self, exception):
        """Override of `amazon.queue.mixin`: what is proven stays so, and says what is wrong."""
        if self.state not in ('proven', 'booked'):
            super()._note_failure(exception)
            return
        self.write({
            'reason': self._get_failure_reason(exception), 'answer': self._get_answer(exception),
        })
        if self.state == 'booked':
            self.reconciled_up_to = 0  # The reason goes when nothing fails from there on.
        self.account_id._follow_up_failures()

    def _find_obstacle(self):
        """Return what holds the booking back, in a sentence with the next step. To be extended.

        :return: The sentence, empty if nothing does.
        :rtype: str
        """
        self.ensure_one()
        if unknown := self.unknown_kind_ids:
            return self.env._(
                "Unknown kinds of lines (%(count)s): %(kinds)s. Press Name Unknown Kinds and say"
                " what they count as; it goes on by itself.",
                count=len(unknown),
                kinds=', '.join(unknown[:3].mapped('display_name')),
            )
        if self.move_ids and not self.building:
            return self.env._(
                "It still has the entry %(entry)s: cancel it, then press Book.",
                entry=self.move_ids[0].display_name,
            )
        self._get_ledger()
        return self._find_locked_month() or self._find_missing_rate()

    def _find_locked_month(self):
        """Return a sentence about a lock date that the entries violate, empty if none does."""
        for part in self._get_parts():
            locks = self.company_id._get_lock_date_violations(
                part.date,
                fiscalyear=True,
                sale=False,
                purchase=False,
                tax=self._has_taxes(part),
                hard=True,
            )
            if locks:
                return self.env._(
                    "The entry of %(date)s falls into a locked period (%(locks)s). Whoever"
                    " administers Invoicing has to set this lock date of the company back, as far"
                    " as it is no hard one, or else book the settlement by hand.",
                    date=format_date(self.env, part.date),
                    locks=self.env['res.company']._format_lock_dates(locks),
                )
        return ''

    def _has_taxes(self, part):
        """Return whether the entry of a part counts in tax returns. To be extended.

        :param Part part: The part.
        :rtype: bool
        """
        return False

    def _find_missing_rate(self):
        """Return a sentence about a currency without a rate, empty if there is one."""
        company = self.company_id
        if self.currency_id == company.currency_id:
            return ''
        rates = self.env['res.currency.rate'].search_count([
            ('currency_id', '=', self.currency_id.id),
            ('company_id', 'in', (company.root_id.id, False)),
            ('name', '<=', self._get_parts()[0].date),
        ], limit=1)
        return '' if rates else self.env._(
            "%(currency)s has no exchange rate at the end of the settlement: enter one under"
            " Invoicing ▸ Configuration ▸ Currencies. It goes on by itself.",
            currency=self.currency_id.name,
        )

    @as_connector()
    def _book(self):
        """End the entries that were made, and record that the settlement is booked.

        :return: None
        :raise UserError: If Odoo refuses one, saying why.
        """
        self.ensure_one()
        self = self.with_company(self.company_id)
        moves = self._end_entries()
        if self.account_id.settlement_policy == 'post':
            moves._post(soft=False)
        self.write({
            'state': 'booked',
            'reason': False,
            'next_try': False,
            'is_reconciled': False,
            'reconciled_up_to': 0,
            'waits_for_person': False,
        })
        self.line_ids.sale_order_id._update_payout_state()
        self._wake_booking()

    def _link_sale_orders(self):
        """Note the sales orders of the lines.

        :return: None
        """
        Line = self.env['amazon.settlement.line']
        Line.flush_model()
        self.env['sale.order'].flush_model(['amazon_order_ref', 'company_id'])
        self.env.cr.execute(SQL(
            """
            UPDATE amazon_settlement_line line
               SET sale_order_id = sale_order.id
              FROM sale_order
             WHERE line.settlement_id = %s
               AND line.sale_order_id IS NULL
               AND line.order_ref = sale_order.amazon_order_ref
               AND line.company_id = sale_order.company_id
            """,
            self.id,
        ))
        Line.invalidate_model(['sale_order_id'])

    # === BUSINESS METHODS - BOOKED BEFORE === #

    def _prove(self, data):
        """Override of `amazon_connector` to find the entries that were made before the add-on was
        uninstalled, and installed again.
        """
        super()._prove(data)
        if self.state == 'proven':
            self._find_entries_again()

    @as_connector()
    def _find_entries_again(self):
        """Take up the entries that were made of the settlement before, if any.

        :return: None
        """
        self.ensure_one()
        moves = self.env['account.move'].search([
            ('company_id', '=', self.company_id.id),
            ('amazon_kept_settlement_ref', '=', self.settlement_ref),
            ('amazon_settlement_id', '=', False),
            ('state', '!=', 'cancel'),
        ])
        if moves:
            moves.write({'amazon_settlement_id': self.id, 'amazon_kept_settlement_ref': False})
            self._link_sale_orders()
            self.state = 'booked'
            self.line_ids.sale_order_id._update_payout_state()

    # === BUSINESS METHODS - RECONCILING === #

    def _reconcile_again(self):
        """Let those that are booked be reconciled from their first item on, which says anew what
        can't be.

        :return: None
        """
        booked = self.filtered(lambda settlement: settlement.state == 'booked')
        if booked:
            booked.write({'is_reconciled': False, 'reconciled_up_to': 0, 'next_try': False})
            self._wake_booking()

    def _reconcile_parts(self, budget):
        """Reconcile the items of the entries with invoices, credit notes and payments; commit each
        part.

        :param TimeBudget budget: The time.
        :return: None
        """
        self.ensure_one()
        Item = self.env['account.move.line']
        had_reason = bool(self.reason)
        if not self.reconciled_up_to and self.reason:
            self.reason = False
        while not self.is_reconciled:
            if budget.is_spent():
                self._wake_booking()
                return
            items = Item.search([
                ('move_id.amazon_settlement_id', '=', self.id),
                ('amazon_order_ref', '!=', False),
                ('parent_state', '=', 'posted'),
                ('id', '>', self.reconciled_up_to),
            ], order='id', limit=RECONCILED_PER_PART)
            self._reconcile_apart(items)
            if items:
                self.reconciled_up_to = items[-1].id
            # What is a draft is reconciled when it is posted.
            self.is_reconciled = len(items) < RECONCILED_PER_PART
            if self.is_reconciled:
                self._reconcile_rest()
                self.next_try = bool(self.reason) and (
                    fields.Datetime.now() + RECONCILED_AGAIN_AFTER
                )
                if had_reason or self.reason:
                    self.account_id._follow_up_failures()
            self.env['ir.cron']._commit_progress()

    def _reconcile_apart(self, items):
        """Reconcile items in one go or, if that fails, order by order; what Odoo refuses is said.

        :param account.move.line items: The items.
        :return: None
        """
        refusal = self._try_to_reconcile(items._reconcile_with_amazon)
        if not refusal:
            return
        by_order = items.grouped('amazon_order_ref')
        if len(by_order) > 1:
            for some in by_order.values():
                self._reconcile_apart(some)
        elif items:
            self._note_not_reconciled(items[0].amazon_order_ref, refusal)

    def _try_to_reconcile(self, reconcile):
        """Reconcile something, unless Odoo refuses it.

        :param callable reconcile: Does it.
        :return: Why Odoo refuses it, `None` if it does not.
        :rtype: Exception | None
        """
        self._flush_before()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                reconcile()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            self.env.invalidate_all(flush=False)
            return exception
        return None

    def _note_not_reconciled(self, name, refusal):
        """Say what could not be reconciled.

        :param str name: What was to be paid.
        :param Exception refusal: Why not.
        :return: None
        """
        self.write({
            'reason': self.env._(
                "The payment of %(order)s could not be reconciled: %(reason)s Reconcile it by hand;"
                " everything else is done.",
                order=name,
                reason=self._get_failure_reason(refusal),
            ),
            'answer': self._get_answer(refusal),
        })

    def _reconcile_rest(self):
        """Reconcile what is of no order, when all orders are done. To be extended.

        :return: None
        """
        self._reconcile_carried()

    def _reconcile_carried(self):
        """Reconcile what was carried on, or held back, with what other entries gave and took of it.

        :return: None
        """
        Item = self.env['account.move.line']
        ledger = self._get_ledger()
        accounts = (ledger.clearing_account_id | ledger.reserve_account_id).filtered('reconcile')
        open_items = Item.search([
            ('account_id', 'in', accounts.ids),
            ('move_id.amazon_settlement_id', '!=', False),
            ('amazon_order_ref', '=', False),
            ('currency_id', '=', self.currency_id.id),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
        ], order='date, id')
        waiting, plan = {}, []
        for item in open_items:
            amount = self.currency_id.round(item.amount_residual_currency)
            others = waiting.get((item.account_id, -amount))
            if others:
                plan.append(others.pop(0) | item)
            else:
                waiting.setdefault((item.account_id, amount), []).append(item)
        if plan:
            Item._reconcile_plan(plan)

    # === BUSINESS METHODS - TAKEN BACK === #

    def _take_back(self):
        """Record that entries were cancelled or deleted: it can be booked again.

        :return: None
        """
        for settlement in self:
            settlement.write({
                'state': 'proven',
                'building': False,
                'reason': self.env._(
                    "Its entries were taken back. Press Book to book it again.",
                ),
                'waits_for_person': True,
            })
            settlement.line_ids.sale_order_id._update_payout_state()
