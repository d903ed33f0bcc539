from odoo import fields, models
from odoo.exceptions import UserError

from .guard import as_connector

ORDERS_PER_PART = 1000
# An entry of thousands of items is no message to anybody, and is balanced in the end only.
ENTRY_CONTEXT = {
    'tracking_disable': True,
    'mail_create_nolog': True,
    'mail_notrack': True,
    'check_move_validity': False,
    'skip_invoice_sync': True,
    'skip_analytic_sync': True,  # it would write on each item; posting does it, too
}


class AmazonSettlement(models.Model):
    """How the entries of a settlement are made: as drafts that grow, part by part, each committed.

    Nothing of them counts before they are whole: what is interrupted goes on, what fails is
    removed.
    """

    _inherit = 'amazon.settlement'

    building = fields.Json(
        help="The entries that are being made: how many orders of each are in, and how much of"
             " which payment is left.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )

    # === BUSINESS METHODS === #

    @as_connector()
    def _build(self, budget):
        """Make the entries, as far as the time goes; commit each part.

        :param TimeBudget budget: The time.
        :return: Whether they are whole, and only have to be ended.
        :rtype: bool
        """
        self.ensure_one()
        parts = self._get_parts()
        if not self.building:
            self._begin_entries(parts)
        for index, part in enumerate(parts):
            keys = part.get_keys()
            while self.building['done'][index] < len(keys):
                if budget.is_spent():
                    return False
                self._add_buyers(part, index, keys)
                self.env['ir.cron']._commit_progress()
                if not self.try_lock_for_update(allow_referencing=True) or not self.building:
                    return False
        return True

    def _begin_entries(self, parts):
        """Make the entries without their items.

        :param list[Part] parts: What is booked in which.
        :return: None
        """
        self._link_sale_orders()
        moves = self.env['account.move'].with_context(**ENTRY_CONTEXT).create([
            self._prepare_entry_values(part) for part in parts
        ])
        self.building = {'moves': moves.ids, 'done': [0] * len(parts), 'left': {}}

    def _add_buyers(self, part, index, keys):
        """Add the items of the next orders to an entry.

        :param Part part: What is booked in it.
        :param int index: Which of the entries.
        :param list keys: See `Part.get_keys`.
        :return: None
        """
        building = dict(self.building)
        done = building['done'][index]
        some = keys[done:done + ORDERS_PER_PART]
        left = {int(item): amount for item, amount in building['left'].items()}
        items = [
            item
            for is_refund, amounts in ((False, part.sales), (True, part.refunds))
            for item in self._prepare_buyer_items(
                {ref: amounts[ref] for of_refund, ref in some if of_refund == is_refund},
                is_refund, left,
            )
        ]
        self._set_balances(items, part.date)
        self._add_items(building['moves'][index], items)
        building['left'] = left
        building['done'] = [*building['done']]
        building['done'][index] += len(some)
        self.building = building

    def _add_items(self, move_id, items):
        """Add items to an entry.

        :param int move_id: The entry.
        :param list[dict] items: The values of the items.
        :return: None
        """
        Item = self.env['account.move.line'].with_context(**ENTRY_CONTEXT)
        Item.create([{**item, 'move_id': move_id} for item in items])

    @as_connector()
    def _end_entries(self):
        """Add what is not of buyers, and what is paid out; see that the entries are whole.

        :return: The entries.
        :rtype: account.move
        :raise UserError: If they do not make the total.
        """
        self.ensure_one()
        carried = 0.0
        parts = self._get_parts()
        moves = self.env['account.move'].browse(self.building['moves']).exists()
        self._check_unchanged(len(parts) == len(moves))
        for part, move in zip(parts, moves, strict=True):
            bought = move.line_ids
            total = sum(bought.mapped('amount_currency'))
            # Kinds of money may have been named anew since the first part was made.
            self._check_unchanged(
                self.currency_id.is_zero(total + part.get_total_of_buyers())
                and move.date == part.date,
            )
            items = self._prepare_rest_items(part, carried, total)
            self._set_balances(items, part.date, sum(bought.mapped('balance')))
            self._add_items(move.id, items)
            if not items:
                self._spread_conversion(move)
            carried = self.currency_id.round(carried + part.get_total())
        self._check_unchanged(not self.currency_id.compare_amounts(carried, self.total))
        self.building = False
        # Odoo posts no entry without an item, and a month in which nothing happened needs none.
        empty = moves.filtered(lambda move: not move.line_ids)
        empty.amazon_settlement_id = False
        empty.unlink()
        moves = (moves - empty).with_env(self.env)
        moves._check_balanced_entries()
        return moves

    def _spread_conversion(self, move):
        """Put the cents that conversion leaves on the largest item of an entry of buyers only.

        :param account.move move: The entry.
        :return: None
        """
        currency = self.company_id.currency_id
        rest = currency.round(sum(move.line_ids.mapped('balance')))
        if rest:
            largest = max(move.line_ids, key=lambda item: abs(item.balance))
            largest.with_context(**ENTRY_CONTEXT).balance = currency.round(largest.balance - rest)

    def _check_unchanged(self, is_unchanged):
        """Refuse to end entries that were begun with other lines, kinds or dates.

        :param bool is_unchanged: Whether they are as they were begun.
        :return: None
        :raise UserError: If they are not.
        """
        if not is_unchanged:
            raise UserError(self.env._(
                "Kinds of money or settings were changed while the entries were made, so that these"
                " were removed. Press Book to make them anew.",
            ))

    @as_connector()
    def _drop_entries(self):
        """Remove the entries that are being made: something is wrong with them.

        :return: None
        """
        for settlement in self.filtered('building'):
            moves = self.env['account.move'].browse(settlement.building['moves']).exists()
            moves = moves.with_context(**ENTRY_CONTEXT)
            settlement.building = False
            moves.amazon_settlement_id = False
            moves.filtered(lambda move: move.state == 'draft').unlink()

    def _begin_again(self):
        """Override of `amazon_connector` to remove entries that are being made of the old lines."""
        self._drop_entries()
        super()._begin_again()
