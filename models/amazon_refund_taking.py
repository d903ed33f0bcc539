"""How refunds are known: from transactions and settlements, and never twice from the two."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from odoo import api, models
from odoo.fields import Command

from ..amazon.refund_parts import find_charge, find_kind
from .money_categories import REFUNDS

# By how much the two sources may differ in when it happened.
SAME_TIME = timedelta(days=3)
TAKEN_PER_PART = 200  # orders of a settlement, or transactions
# What a settlement calls it, folded.
KINDS = {'a-to-zguaranteerefund': 'a_to_z', 'chargebackrefund': 'chargeback'}


@dataclass
class Event:
    """A refund as one source tells of it."""

    source: str  # 'transaction' or 'settlement'
    record: models.Model  # the transaction or the settlement
    order_ref: str
    currency: models.Model
    posted_at: datetime
    kind: str = 'refund'
    refund_ref: str = ''
    adjustment_ref: str = ''
    lines: list = field(default_factory=list)  # values
    settlement_lines: models.Model = None
    total: float = 0.0
    problem: str = ''

    def get_refs(self):
        """Return all by which Amazon calls it, or parts of it."""
        refs = {line['adjustment_item_ref'] for line in self.lines}
        return {*refs, self.refund_ref, self.adjustment_ref} - {'', False, None}

    def get_skus(self):
        """Return the SKUs that it is about."""
        return {line['sku'] for line in self.lines} - {'', False, None}


class AmazonRefund(models.Model):
    _inherit = 'amazon.refund'

    # === BUSINESS METHODS - FROM TRANSACTIONS === #

    @api.model
    def _take_from_transactions(self, budget):
        """Take up the refunds among the transactions; commit each part.

        :param TimeBudget budget: The time.
        :return: None
        """
        Transaction = self.env['amazon.transaction']
        while not budget.is_spent():
            transactions = Transaction.search(
                [('is_refund_taken', '=', False)], order='posted_at, id', limit=TAKEN_PER_PART,
            ).try_lock_for_update(allow_referencing=True)
            if not transactions:
                return
            failures = transactions._do_together_or_apart(self._take_transactions)
            for transaction, exception in failures.items():
                # Its settlement tells of the refund once more.
                transaction._note_failure_safely(exception)
            transactions.is_refund_taken = True
            self.env['ir.cron']._commit_progress()
        self._wake()

    @api.model
    def _take_transactions(self, transactions):
        """Take up transactions that are refunds.

        A release tells of the refund once more that was deferred.

        :param amazon.transaction transactions: The transactions.
        :return: None
        """
        transactions = transactions.filtered('currency_id')
        transactions -= transactions._find_twins()
        for company, of_company in transactions.grouped('company_id').items():
            events = [self._read_transaction(transaction) for transaction in of_company]
            # What is nothing but fees, the buyer sees nothing of.
            self._take(company, [
                event for event in events
                if event.problem or not event.currency.is_zero(event.total)
            ])

    @api.model
    def _read_transaction(self, transaction):
        """Return what a transaction tells of a refund.

        :param amazon.transaction transaction: The transaction.
        :rtype: Event
        """
        currency = transaction.currency_id
        event = Event(
            'transaction', transaction, transaction.order_ref or '', currency,
            transaction.posted_at, refund_ref=transaction.refund_ref or '',
        )
        total = Decimal()
        for item in transaction.items or ():
            for words, amount in item['amounts']:
                total += Decimal(amount)
                kind = find_kind(words)
                if kind is None:
                    event.problem = self.env._(
                        "Nobody knows what Amazon means by %(words)s. The settlement tells it"
                        " within two weeks or so, and the credit note follows by itself.",
                        words=words,
                    )
                elif kind and Decimal(amount):
                    event.lines.append(self._prepare_line(
                        'transaction', f'refund_{kind}', words, item['sku'], float(amount),
                        adjustment_item_ref=item['item_ref'],
                    ))
        if currency.compare_amounts(float(total), transaction.total):
            event.problem = self.env._(
                "Amazon's transaction does not say what exactly was refunded. The settlement tells"
                " it within two weeks or so, and the credit note follows by itself.",
            )
        if event.problem:
            event.lines = [{**line, 'amount': 0.0} for line in event.lines]
        event.total = currency.round(sum(line['amount'] for line in event.lines))
        return event

    # === BUSINESS METHODS - FROM SETTLEMENTS === #

    @api.model
    def _take_from_settlements(self, budget):
        """Take up the refunds in the settlements that are proven; commit each part.

        :param TimeBudget budget: The time.
        :return: None
        """
        settlements = self.env['amazon.settlement'].search([
            ('state', 'in', ('proven', 'booked')), ('are_refunds_taken', '=', False),
        ], order='date_end, id')
        for settlement in settlements:
            settlement = settlement[0]  # Avoid prefetching after each cache invalidation.
            if budget.is_spent():
                self._wake()
                break
            if settlement.unknown_kind_ids:
                continue  # What is unknown may be part of a refund.
            self._take_settlement(settlement, budget)

    @api.model
    def _take_settlement(self, settlement, budget):
        """Take up the refunds in a settlement; commit each part.

        :param amazon.settlement settlement: The settlement.
        :param TimeBudget budget: The time.
        :return: None
        """
        while settlement.try_lock_for_update(allow_referencing=True) and (
            not settlement.are_refunds_taken
        ):
            if budget.is_spent():
                self._wake()
                return
            is_taken = settlement._do_safely(self._take_next_lines)
            self.env['ir.cron']._commit_progress()
            if not is_taken:
                return

    @api.model
    def _take_next_lines(self, settlement):
        """Take up the refunds of the next orders in a settlement.

        :param amazon.settlement settlement: The settlement.
        :return: `True`, once it is done.
        :rtype: bool
        """
        lines = self._get_next_lines(settlement)
        self._take(settlement.company_id, self._read_settlement_lines(settlement, lines))
        if lines:
            lines.is_refund_taken = True
        else:
            settlement.are_refunds_taken = True
        return True

    @api.model
    def _get_next_lines(self, settlement):
        """Return the lines about refunds of the next orders, all lines of each.

        :param amazon.settlement settlement: The settlement.
        :rtype: amazon.settlement.line
        """
        Line = self.env['amazon.settlement.line']
        domain = [
            ('settlement_id', '=', settlement.id),
            ('category', 'in', REFUNDS),
            ('is_refund_taken', '=', False),
        ]
        refs = [ref for ref, in Line._read_group(
            domain, ['order_ref'], order='order_ref', limit=TAKEN_PER_PART,
        )]
        return Line.search([*domain, ('order_ref', 'in', refs)], order='number, id')

    @api.model
    def _read_settlement_lines(self, settlement, lines):
        """Return what lines of a settlement tell of refunds.

        :param amazon.settlement settlement: The settlement.
        :param amazon.settlement.line lines: The lines, all of each order.
        :rtype: list[Event]
        """
        events = {}
        for line in lines:
            kind = KINDS.get((line.transaction_type or '').casefold().replace(' ', ''), 'refund')
            posted_at = line.posted_at or settlement.date_end or settlement.create_date
            key = (line.order_ref, kind, line.adjustment_ref or posted_at)
            event = events.get(key)
            if not event:
                event = events[key] = Event(
                    'settlement', settlement, line.order_ref or '', settlement.currency_id,
                    posted_at, kind, adjustment_ref=line.adjustment_ref or '',
                    settlement_lines=line.browse(),
                )
            event.settlement_lines |= line
            if not settlement.currency_id.is_zero(line.amount):
                event.lines.append(self._prepare_line(
                    'settlement', line.category, line.amount_description, line.sku, line.amount,
                    item_ref=line.item_ref, adjustment_item_ref=line.adjustment_item_ref,
                ))
        for event in events.values():
            event.total = event.currency.round(sum(line['amount'] for line in event.lines))
        # Retrocharges for instance, of which the buyer sees nothing.
        return [event for event in events.values() if not event.currency.is_zero(event.total)]

    # === BUSINESS METHODS - FROM BOTH === #

    @api.model
    def _prepare_line(self, source, category, description, sku, amount, **values):
        """Return the values of a line.

        :param str source: Who says it.
        :param str category: What it counts as.
        :param str description: Amazon's words for it.
        :param str sku: Of which offer.
        :param float amount: What the buyer gets back is negative.
        :param values: What else is known.
        :rtype: dict
        """
        charge = find_charge(description or '')
        if category == 'refund_other' and charge == 'item':
            charge = 'other'
        return {
            'source': source,
            'category': category,
            'charge': {
                'refund_shipping': 'shipping', 'refund_gift_wrap': 'gift_wrap',
            }.get(category, charge),
            'description': description,
            'sku': sku,
            'amount': amount,
            'item_ref': False,
            'adjustment_item_ref': False,
            **values,
        }

    @api.model
    def _take(self, company, events):
        """Note refunds, each of them once, whoever tells of it first.

        :param res.company company: The company.
        :param list[Event] events: What one source tells.
        :return: None
        """
        if not events:
            return
        company._meet_over_refunds()
        refs = {event.order_ref for event in events} - {''}
        known = self.search([('company_id', '=', company.id), ('order_ref', 'in', list(refs))])
        same = self._pair(events, known)
        orders = {
            order.amazon_order_ref: order for order in self.env['sale.order'].search([
                ('company_id', '=', company.id), ('amazon_order_ref', 'in', list(refs)),
            ])
        }
        products = self._find_products(company, events)
        new = []
        for number, event in enumerate(events):
            if number in same:
                same[number]._add_source(event, products)
            else:
                new.append(event)
        created = self.create([
            {
                'account_id': event.record.account_id.id,
                'company_id': company.id,
                'order_ref': event.order_ref,
                'sale_order_id': orders[event.order_ref].id if event.order_ref in orders else False,
                'posted_at': event.posted_at,
                'currency_id': event.currency.id,
                'kind': event.kind,
                **self._prepare_source_values(event, products),
                'total': event.total,
                'source': event.source,
            }
            for event in new
        ])
        for refund, event in zip(created, new, strict=True):
            refund._link_source(event)

    @api.model
    def _pair(self, events, known):
        """Return which events are refunds that the other source has told of already.

        What is surest comes first: the same ids, then the same total, then the same goods at about
        the same time. Each refund is one event only: two equal ones are two.

        :param list[Event] events: What one source tells.
        :param amazon.refund known: The refunds of the same orders.
        :return: The refunds by the numbers of the events.
        :rtype: dict[int, amazon.refund]
        """
        if not known:
            return {}
        name = 'transaction_id' if events[0].source == 'transaction' else 'settlement_id'
        left = {}
        for refund in known.filtered(lambda refund: not refund[name]):
            left.setdefault(refund.order_ref, []).append(refund)
        same = {}
        for is_same in (_has_same_ref, _has_same_total, _is_similar):
            for number, event in enumerate(events):
                candidates = [
                    refund for refund in left.get(event.order_ref, ()) if is_same(refund, event)
                ]
                if number not in same and candidates:
                    same[number] = min(
                        candidates, key=lambda refund, e=event: abs(refund.posted_at - e.posted_at),
                    )
                    left[event.order_ref].remove(same[number])
        return same

    @api.model
    def _find_products(self, company, events):
        """Return the products of the SKUs of refunds.

        :param res.company company: The company.
        :param list[Event] events: The refunds.
        :return: The ids of products, by account and SKU.
        :rtype: dict[tuple, int]
        """
        skus = {sku for event in events for sku in event.get_skus()}
        offers = self.env['amazon.offer'].search([
            ('account_id.company_id', '=', company.id),
            ('sku', 'in', list(skus)),
            ('product_id', '!=', False),
        ])
        return {(offer.account_id, offer.sku): offer.product_id.id for offer in offers}

    @api.model
    def _prepare_source_values(self, event, products):
        """Return what a source says of a refund.

        :param Event event: The refund as the source tells of it.
        :param dict products: See `_find_products`.
        :rtype: dict
        """
        account = event.record.account_id
        values = {'line_ids': [
            Command.create({**line, 'product_id': products.get((account, line['sku']))})
            for line in event.lines
        ]}
        if event.source == 'settlement':
            return {
                **values,
                'settlement_id': event.record.id,
                'settlement_total': event.total,
                'adjustment_ref': event.adjustment_ref,
            }
        return {
            **values,
            'transaction_id': event.record.id,
            'transaction_total': event.total,
            'refund_ref': event.refund_ref,
            'problem': event.problem,
        }

    def _add_source(self, event, products):
        """Note what another source says of the refund. Nothing is booked by it a second time.

        The settlement's figures are those that are paid out: a credit note that is still to be made
        is about these.

        :param Event event: The refund as the source tells of it.
        :param dict products: See `_find_products`.
        :return: None
        """
        self.ensure_one()
        values = self._prepare_source_values(event, products)
        if event.source == 'settlement':
            if event.kind != 'refund':
                values['kind'] = event.kind
            if not self.credit_note_id:
                values.update(source='settlement', total=event.total)
                if self.state == 'to_do':
                    values.update(next_try=False, reason=False)
        self.write(values)
        self._link_source(event)

    def _link_source(self, event):
        """Note on the lines of a settlement which refund they are of.

        :param Event event: The refund as the source tells of it.
        :return: None
        """
        if event.settlement_lines:
            event.settlement_lines.refund_id = self


def _has_same_ref(refund, event):
    refs = {refund.refund_ref, refund.adjustment_ref, *refund.line_ids.mapped(
        'adjustment_item_ref',
    )}
    return bool(event.get_refs() & refs)


def _has_same_total(refund, event):
    return (
        refund.currency_id == event.currency and not refund.problem and not event.problem
        and not event.currency.compare_amounts(refund.total, event.total)
    )


def _is_similar(refund, event):
    return (
        refund.currency_id == event.currency
        and abs(refund.posted_at - event.posted_at) <= SAME_TIME
        and bool(
            refund.problem or event.problem
            or event.get_skus() & set(refund.line_ids.mapped('sku'))
        )
    )
