from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date

from ..amazon.settlements import is_return
from .guard import as_connector
from .quiet import log_failure, quiet_sql
from .tools import CRON_SECONDS, TimeBudget

DAYS_BEFORE, DAYS_AFTER = timedelta(days=3), timedelta(days=10)
MAX_LINES = 5000
NAMES = ('AMAZON', 'AMZN')
MAX_RATE_DIFFERENCE = 0.1  # Between the books' rate and that of the bank, or of Amazon.


@dataclass
class Deposit:
    """What the bank is going to show: money that comes, or that is charged (a negative amount)."""

    settlement: models.Model  # amazon.settlement
    item: models.Model  # account.move.line, on payout in transit
    amount: float  # in the currency of the settlement
    day: date
    trace: str = ''

    def overlaps(self, other):
        """Return whether a line of the bank could be either of two."""
        return abs(self.day - other.day) <= DAYS_BEFORE + DAYS_AFTER


@dataclass
class Candidate:
    """A line of the bank that could be a deposit, and what speaks for it."""

    line: models.Model  # account.bank.statement.line
    is_amount: bool
    has_trace: bool
    has_name: bool
    reasons: list = field(default_factory=list)


class AmazonSettlement(models.Model):
    """Match Deposit: what the bank shows is reconciled with what Amazon has sent."""

    _inherit = 'amazon.settlement'

    # === ACTION METHODS === #

    def action_match_deposit(self):
        """Find on the bank what was paid out. What is certain is reconciled; else it is chosen.

        :return: What was matched, or the candidates.
        :rtype: dict
        :raise UserError: If there is nothing to match, or nothing that could be it.
        """
        self._check_may_book()
        # In sudo mode: settlements are written by the connector; the user may book in the company.
        settlements = self.sudo()
        for settlement in settlements:
            settlement._match_returns()
        deposits = list(settlements._get_open_deposits())
        if not deposits:
            raise UserError(settlements._get_nothing_to_match())
        matched = [deposit for deposit in deposits if deposit.settlement._match_if_certain(deposit)]
        rest = [deposit for deposit in deposits if deposit not in matched]
        if rest and len(self) == 1 and not matched:
            return settlements._open_candidates(rest)
        # In sudo mode: who books need not be allowed to read accounts.
        return self[:1].account_id.sudo()._notify(
            self.env._(
                "Deposits matched: %(count)s. Left: %(rest)s.",
                count=len(matched),
                rest=len(rest),
            ) if rest else self.env._("Deposits matched: %(count)s.", count=len(matched)),
            'warning' if rest else 'success',
        )

    def _get_nothing_to_match(self):
        """Say why no deposit is to be matched.

        :rtype: str
        """
        if any(settlement.state != 'booked' for settlement in self):
            return self.env._("It is not booked yet: press Book first.")
        if any(move.state == 'draft' for move in self.move_ids):
            return self.env._("Its entry is a draft: open it by Entries, and press Post.")
        return self.env._(
            "Nothing is left to match: it pays nothing out, or the bank's lines are matched"
            " already.",
        )

    def _open_candidates(self, deposits):
        """Open the lines of the bank that could be deposits, each with what speaks for it.

        :param list[Deposit] deposits: The deposits.
        :rtype: dict
        :raise UserError: If there is none.
        """
        wizard = self.env['amazon.match.deposit'].create({
            'settlement_id': self.id,
            'line_ids': [
                Command.create({
                    'item_id': deposit.item.id,
                    'amount': deposit.amount,
                    'statement_line_id': candidate.line.id,
                    'reasons': ' · '.join(candidate.reasons),
                })
                for deposit in deposits for candidate in self._find_candidates(deposit)
            ],
        })
        if not wizard.line_ids:
            raise UserError(self.env._(
                "No open line of a bank journal has %(amount)s between %(start)s and %(end)s, nor"
                " names the transfer, nor names Amazon with about as much in another currency."
                " Import the bank's statement, then press Match Deposit.",
                amount=self.currency_id.format(deposits[0].amount),
                start=format_date(self.env, deposits[0].day - DAYS_BEFORE),
                end=format_date(self.env, deposits[0].day + DAYS_AFTER),
            ))
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Match Deposit"),
            'res_model': 'amazon.match.deposit',
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === BUSINESS METHODS - WHEN === #

    @api.model
    def _wake_matching(self):
        """Let the cron look for deposits on the bank.

        :return: None
        """
        # In sudo mode: crons are the system's.
        self.env.ref('amazon_connector.ir_cron_match_deposits').sudo()._trigger()

    @api.model
    def _cron_match_deposits(self):
        """Match the deposits that are certain; whatever stops one stops no other.

        :return: None
        """
        budget = TimeBudget(CRON_SECONDS)
        items = self.env['account.move.line'].search(self._get_open_deposit_domain())
        for settlement in items.move_id.amazon_settlement_id:
            if budget.is_spent():
                self._wake_matching()
                break
            settlement._match_safely()
            self.env['ir.cron']._commit_progress()

    @api.model
    def _get_open_deposit_domain(self):
        """Return the domain of the items on *payout in transit* that the bank does not show yet.

        :rtype: list
        """
        return [
            ('amazon_is_deposit', '=', True),
            ('reconciled', '=', False),
            ('parent_state', '=', 'posted'),
            ('move_id.amazon_settlement_id', '!=', False),
        ]

    def _match_safely(self):
        """Match what is certain of a settlement; what goes wrong is logged, and tried again.

        :return: None
        """
        self.ensure_one()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                self._match_returns()
                for deposit in list(self._get_open_deposits()):
                    self._match_if_certain(deposit, is_automatic=True)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            self.env.invalidate_all(flush=False)
            log_failure(self, exception)

    # === BUSINESS METHODS - DEPOSITS === #

    def _get_open_deposits(self) -> Iterator[Deposit]:
        """Yield what the bank does not show yet of these settlements."""
        items = self.env['account.move.line'].search([
            *self._get_open_deposit_domain(), ('move_id.amazon_settlement_id', 'in', self.ids),
        ])
        for item in items:
            settlement = item.move_id.amazon_settlement_id
            if item.amount_residual_currency > 0:
                yield from settlement._get_open_payouts(item)
            else:
                yield from settlement._get_open_charges(item)

    def _get_open_payouts(self, item):
        """Yield what is paid out: all in one go, or as Amazon tells.

        :param account.move.line item: The item on *payout in transit*.
        :rtype: Iterator[Deposit]
        """
        residual = item.amount_residual_currency
        day = self.deposit_date or self._get_day(self.date_end, '')
        payouts = self.payout_ids.filtered(lambda payout: (
            payout.amount and payout.currency_id == self.currency_id
            and not payout.is_expected and not payout._is_failed()
        ))
        is_whole = not self.currency_id.compare_amounts(sum(payouts.mapped('amount')), residual)
        if len(payouts) > 1 and is_whole:
            for payout in payouts:
                yield Deposit(self, item, payout.amount, day, payout.trace_id or '')
        else:
            traces = [trace for trace in payouts.mapped('trace_id') if trace]
            yield Deposit(self, item, residual, day, traces[0] if len(traces) == 1 else '')

    def _get_open_charges(self, item):
        """Yield what Amazon has charged, which may be in parts, or the bank has sent back.

        :param account.move.line item: The item on *payout in transit*.
        :rtype: Iterator[Deposit]
        """
        lines = self._get_transfers().filtered(
            lambda line: line.amount_description == item.name and line.amount > 0,
        )
        shown = Counter(
            self.currency_id.round(part.credit_amount_currency) for part in item.matched_debit_ids
        )
        for line in lines:
            if shown[self.currency_id.round(line.amount)]:
                shown[self.currency_id.round(line.amount)] -= 1
                continue
            day = self._get_day(line.posted_at or self.date_end, line.marketplace_name or '')
            yield Deposit(self, item, -line.amount, day)

    def _match_returns(self):
        """Reconcile money that the bank has sent back with the payout that it was.

        :return: None
        """
        for item in self._get_transit_items().filtered(lambda item: (
            item.parent_state == 'posted' and not item.reconciled
            and item.amount_currency < 0 and is_return(item.name or '')
        )):
            if payout := item.move_id.amazon_settlement_id._find_returned(item):
                payout._reconcile_plan([payout | item])

    def _find_returned(self, item):
        """Return the payout that the bank has sent back, if it is certain which one that is.

        :param account.move.line item: What Amazon has credited for it.
        :rtype: account.move.line
        """
        payouts = self.env['account.move.line'].search([
            *self._get_open_deposit_domain(),
            ('account_id', '=', item.account_id.id),
            ('currency_id', '=', item.currency_id.id),
            ('move_id.amazon_settlement_id.account_id', '=', self.account_id.id),
            ('move_id.amazon_settlement_id', '!=', self.id),
            ('amount_residual_currency', '>', 0),
            ('date', '<=', item.date),
        ]).filtered(lambda payout: not self.currency_id.compare_amounts(
            payout.amount_residual_currency, -item.amount_residual_currency,
        ))
        failed = payouts.filtered(
            lambda payout: payout.move_id.amazon_settlement_id._has_failed_payout(),
        )
        found = failed or payouts
        return found if len(found) == 1 else found.browse()

    # === BUSINESS METHODS - THE BANK === #

    def _match_if_certain(self, deposit, is_automatic=False):
        """Match a deposit if it is certain which line of the bank it is.

        :param Deposit deposit: The deposit.
        :param bool is_automatic: Whether nobody has asked for it: what a person has undone stays.
        :return: Whether it was.
        :rtype: bool
        """
        if deposit.amount > 0 and self._has_failed_payout():
            return False
        candidates = [
            candidate for candidate in self._find_candidates(deposit)
            if not (is_automatic and candidate.line.amazon_was_matched)
        ]
        traced = [candidate for candidate in candidates if candidate.has_trace]
        named = [c for c in candidates if c.is_amount and c.has_name]
        certain = None
        if len(traced) == 1 and (
            traced[0].is_amount or self._is_of_other_currency(traced[0].line)
        ):
            certain = traced[0]
        elif not traced and len(named) == 1 and not self._has_rival(deposit):
            certain = named[0]
        if certain:
            self._match(deposit.item, certain.line, deposit.amount, certain.reasons)
        return bool(certain)

    def _has_rival(self, deposit):
        """Return whether another settlement waits for the same amount at the same time.

        :param Deposit deposit: The deposit.
        :rtype: bool
        """
        items = self.env['account.move.line'].search([
            *self._get_open_deposit_domain(),
            ('company_id', '=', self.company_id.id),
            ('currency_id', '=', self.currency_id.id),
            ('id', '!=', deposit.item.id),
        ])
        others = items.move_id.amazon_settlement_id._get_open_deposits()
        same = [
            other for other in others
            if not self.currency_id.compare_amounts(other.amount, deposit.amount)
            and other.overlaps(deposit)
        ]
        return any(other.item != deposit.item for other in same)

    def _find_candidates(self, deposit):
        """Return the open lines of banks that could be a deposit.

        :param Deposit deposit: The deposit.
        :rtype: list[Candidate]
        """
        foreign = self._get_foreign_traces(deposit)
        candidates = []
        for line in self._get_open_bank_lines(deposit):
            text = line._get_amazon_text()
            has_trace = bool(deposit.trace) and _fold(deposit.trace) in text
            if not has_trace and any(trace in text for trace in foreign):
                continue
            amount, currency = line._get_transaction()
            if (amount > 0) != (deposit.amount > 0):
                continue
            is_amount = currency == self.currency_id and not currency.compare_amounts(
                amount, deposit.amount,
            )
            has_ref = _fold(self.settlement_ref) in text
            names = [name for name in NAMES if name in text]
            is_converted = bool(names) and self._is_converted(deposit, line)
            if not (is_amount or has_trace or has_ref or is_converted):
                continue
            reasons = [
                has_trace and self.env._("names the transfer %(trace)s", trace=deposit.trace),
                has_ref and self.env._("names the settlement"),
                is_amount and self.env._("the amount"),
                is_converted and self.env._("about the amount, converted"),
                names and self.env._("names Amazon"),
            ]
            candidates.append(Candidate(
                line=line,
                is_amount=is_amount,
                has_trace=has_trace,
                has_name=bool(names) or has_ref,
                reasons=[reason for reason in reasons if reason],
            ))
        return sorted(candidates, key=lambda c: (not c.has_trace, not c.is_amount, not c.has_name))

    def _is_converted(self, deposit, line):
        """Return whether a line of the bank in another currency is about what a deposit is worth.

        :param Deposit deposit: The deposit.
        :param account.bank.statement.line line: The line.
        :rtype: bool
        """
        amount, currency = line._get_transaction()
        if currency == self.currency_id:
            return False
        worth = self.currency_id._convert(deposit.amount, currency, self.company_id, line.date)
        return abs(amount - worth) <= MAX_RATE_DIFFERENCE * abs(worth)

    def _get_open_bank_lines(self, deposit):
        """Return the lines of banks about the time of a deposit that nothing has explained.

        :param Deposit deposit: The deposit.
        :rtype: account.bank.statement.line
        """
        own = self.env['amazon.ledger'].search([('company_id', '=', self.company_id.id)])
        lines = self.env['account.bank.statement.line'].search([
            ('company_id', '=', self.company_id.id),
            ('journal_id', 'not in', own.journal_id.ids),
            ('date', '>=', deposit.day - DAYS_BEFORE),
            ('date', '<=', deposit.day + DAYS_AFTER),
            ('move_id.state', '=', 'posted'),
            '|',
            ('is_reconciled', '=', False),
            ('move_id.line_ids', 'any', [
                ('account_id', '=', deposit.item.account_id.id), ('reconciled', '=', False),
            ]),
        ], order='date, id', limit=MAX_LINES)
        return lines.filtered(lambda line: line._get_matchable_item(deposit.item.account_id))

    def _get_foreign_traces(self, deposit):
        """Return what other transfers are named by on the bank: a line with it is none of this.

        :param Deposit deposit: The deposit.
        :rtype: set[str]
        """
        payouts = self.env['amazon.payout'].search_fetch([
            ('company_id', '=', self.company_id.id),
            ('trace_id', 'not in', (False, deposit.trace)),
            ('created_at', '>=', deposit.day - timedelta(days=60)),
        ], ['trace_id'])
        return set(map(_fold, payouts.mapped('trace_id')))

    def _is_of_other_currency(self, line):
        """Return whether a line of the bank is in another currency than the settlement.

        :param account.bank.statement.line line: The line.
        :rtype: bool
        """
        return line._get_transaction()[1] != self.currency_id

    # === BUSINESS METHODS - RECONCILING === #

    def _match_chosen(self, choice):
        """Match a deposit with the line of the bank that a person has chosen.

        :param amazon.match.deposit.line choice: What was chosen.
        :return: None
        :raise UserError: If it is no candidate any longer.
        """
        self.ensure_one()
        for deposit in self._get_open_deposits():
            if deposit.item == choice.item_id and not self.currency_id.compare_amounts(
                deposit.amount, choice.amount,
            ):
                for candidate in self._find_candidates(deposit):
                    if candidate.line == choice.statement_line_id:
                        self._match(
                            deposit.item, candidate.line, deposit.amount, candidate.reasons,
                        )
                        return
        raise UserError(self._get_changed_sentence())

    def _get_changed_sentence(self):
        """Say that what was shown is not so any longer.

        :rtype: str
        """
        return self.env._(
            "Somebody has reconciled the line of the bank, or the payout, meanwhile. Press Match"
            " Deposit again.",
        )

    def _match(self, item, line, amount, reasons):
        """Reconcile a line of the bank with *payout in transit*, as its screen in Odoo would do.

        :param account.move.line item: The item on *payout in transit*.
        :param account.bank.statement.line line: The line of the bank.
        :param float amount: What it is of the item, in the settlement's currency.
        :param list[str] reasons: What speaks for it.
        :return: None
        :raise UserError: If something else was done with it meanwhile.
        """
        self.ensure_one()
        counterpart = line._get_matchable_item(item.account_id)
        if not counterpart or item.reconciled:
            raise UserError(self._get_changed_sentence())
        values = {'account_id': item.account_id.id}
        company_currency = self.company_id.currency_id
        if counterpart.currency_id != item.currency_id and item.currency_id != company_currency:
            # The bank's own rate: what it differs from the books' is an exchange result.
            values.update({
                'currency_id': item.currency_id.id,
                'amount_currency': -amount,
                'balance': counterpart.balance,
            })
        line.move_id.with_context(skip_readonly_check=True).write({
            'line_ids': [Command.update(counterpart.id, values)],
        })
        (counterpart | item)._reconcile_plan([counterpart | item])
        with as_connector():
            line.amazon_was_matched = True
        self.message_post(body=self.env._(
            "Matched with %(line)s of %(date)s: %(reasons)s.",
            line=line.move_id.display_name,
            date=format_date(self.env, line.date),
            reasons=', '.join(reasons),
        ))


def _fold(text):
    """Return a text as it is compared with what banks make of it: they break it where they like."""
    return ''.join(text.split()).upper()
