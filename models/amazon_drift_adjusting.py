from collections import Counter
from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

MAX_NAMED = 10
STOCK_MANAGER = 'stock.group_stock_manager'


class AmazonDrift(models.Model):
    """How the FBA location is adjusted to what Amazon has, by people or in the night."""

    _inherit = 'amazon.drift'

    # === ACTION METHODS === #

    def action_adjust(self):
        """Adjust the stock of the FBA location to what Amazon has, by Odoo's own inventory.

        :return: The notification to show.
        :rtype: dict
        :raise AccessError: If the user may not adjust stock.
        :raise UserError: If the only row can't be adjusted, with the reason.
        """
        self.check_access('read')
        if not (self.env.su or self.env.user.has_group(STOCK_MANAGER)):
            raise AccessError(self.env._(
                "Only a stock manager may adjust stock. Ask somebody with the right Inventory /"
                " Administrator.",
            ))
        held = self.filtered('hold_reason')
        if held and len(self) == 1:
            raise UserError(held.hold_reason)
        adjusted = self.browse()
        for row in self - held:
            if row._adjust():
                adjusted |= row
        return self._get_adjustment_notification(adjusted, held)

    def action_adjust_all(self):
        """Adjust all that differs, of the companies at work.

        :return: As `action_adjust`.
        :rtype: dict
        """
        return self.search([
            ('company_id', 'in', self.env.companies.ids), ('has_drift', '=', True),
        ]).action_adjust()

    # === BUSINESS METHODS - ADJUSTING === #

    @api.model
    def _adjust_by_itself(self, account):
        """Adjust the stock of an account's FBA location where the account says so, after the night
        has brought all that Amazon has; each product is committed.

        :param amazon.account account: The account, in sudo mode.
        :return: None
        """
        accounts = account._get_fba_group()
        if not any(accounts.mapped('adjusts_drift')) or not self._is_due_tonight(accounts):
            return
        rows = self.search([('account_id', 'in', accounts.ids), ('has_drift', '=', True)])
        held = rows.filtered('hold_reason')
        adjusted = []
        for row in rows - held:
            row = row[0]  # Avoid prefetching after each cache invalidation.
            correction = row.correction
            if row._do_safely(lambda row: row._adjust()):
                adjusted.append(f'{row.product_id.display_name}: {correction:+g}')
            self.env['ir.cron']._commit_progress()
        accounts[:1].drift_adjusted_at = fields.Datetime.now()
        if adjusted or held:
            account._do_safely(lambda account: self._tell_of_night(accounts[:1], adjusted, held))
        self.env['ir.cron']._commit_progress()

    @api.model
    def _is_due_tonight(self, accounts):
        """Return whether all that Amazon has for accounts was read since last night, and was not
        adjusted to yet.

        :param amazon.account accounts: The accounts of a location.
        :rtype: bool
        """
        for account in accounts.filtered('is_started'):
            sync = account.connection_id._get_sync('inventory')
            night, whole_at = sync._get_last_night(), sync._get_times('whole_at')
            if (accounts[:1].drift_adjusted_at or datetime.min) >= night or any(
                whole_at.get(marketplace.api_ref, datetime.min) < night
                for marketplace in account.synced_marketplace_ids
            ):
                return False
        return True

    def _adjust(self):
        """Adjust the FBA location to what Amazon has.

        Whoever is at it at the same time begins again when this is done: the row is written to.

        :return: Whether anything was to be adjusted.
        :rtype: bool
        :raise UserError: If it can't be adjusted now.
        """
        self.ensure_one()
        # In sudo mode: the row is the connector's; who may press the button was checked.
        own = self.sudo()
        adjusted_at = own.adjusted_at
        own.adjusted_at = fields.Datetime.now()
        own.flush_recordset()
        self.invalidate_recordset()
        if self.hold_reason:
            raise UserError(self.hold_reason)
        correction = self.correction
        if not self.has_drift:
            own.adjusted_at = adjusted_at
            return False
        row = self.with_company(self.company_id).with_context(
            inventory_name=self.env._(
                "Amazon: counted at Amazon on %(date)s",
                date=format_date(self.env, fields.Datetime.context_timestamp(
                    self, self.counted_at,
                )),
            ),
        )
        quants = row._take_out(-correction) if correction < 0 else row._put_in(correction)
        quants.action_apply_inventory()
        self.invalidate_recordset()
        return True

    def _take_out(self, quantity):
        """Count so much less, from where Odoo would take it: what is free first.

        :param float quantity: How much.
        :return: The quants that are counted.
        :rtype: stock.quant
        """
        Quant = self.env['stock.quant']
        quants = Quant._gather(self.product_id, self.location_id).filtered(
            lambda quant: quant.quantity > 0,
        )
        taken = Counter()
        for get_available in (
            lambda quant: quant.quantity - max(quant.reserved_quantity, 0),
            lambda quant: quant.quantity,
        ):
            for quant in quants:
                part = min(quantity, max(get_available(quant) - taken[quant], 0))
                taken[quant] += part
                quantity -= part
        counted = Quant.union(*(quant for quant, part in taken.items() if part))
        for quant in counted:
            quant.inventory_quantity = quant.quantity - taken[quant]
        return counted

    def _put_in(self, quantity):
        """Count so much more, of no lot: Amazon does not tell which one it is.

        :param float quantity: How much.
        :return: The quants that are counted.
        :rtype: stock.quant
        """
        Quant = self.env['stock.quant']
        quant = Quant._gather(self.product_id, self.location_id, strict=True).filtered(
            lambda quant: not quant.lot_id,
        )[:1]
        if quant:
            quant.inventory_quantity = quant.quantity + quantity
            return quant
        return Quant.create({
            'product_id': self.product_id.id,
            'location_id': self.location_id.id,
            'inventory_quantity': quantity,
        })

    # === BUSINESS METHODS - TELLING === #

    def _get_adjustment_notification(self, adjusted, held):
        """Say what was adjusted, and what was not.

        :param amazon.drift adjusted: What was.
        :param amazon.drift held: What can't be.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [
            self.env._("%(count)s adjusted", count=len(adjusted)) if adjusted
            else self.env._("Nothing to adjust"),
            *held[:MAX_NAMED].mapped('hold_reason'),
        ]
        if len(held) > MAX_NAMED:
            parts.append(self.env._("%(count)s more can't be", count=len(held) - MAX_NAMED))
        return self.env['amazon.account']._notify(
            ' · '.join(parts), 'warning' if held else 'success',
        )

    @api.model
    def _tell_of_night(self, account, adjusted, held):
        """Say on an account what was adjusted in the night.

        :param amazon.account account: The first account of the location.
        :param list[str] adjusted: Products and quantities.
        :param amazon.drift held: What was not adjusted.
        :return: None
        """
        sentences = []
        if adjusted:
            sentences.append(self.env._(
                "%(location)s was adjusted to what Amazon has: %(products)s%(more)s.",
                location=account.location_id.display_name,
                products=', '.join(adjusted[:MAX_NAMED]),
                more=' …' if len(adjusted) > MAX_NAMED else '',
            ))
        sentences += held[:MAX_NAMED].mapped('hold_reason')
        account.message_post(body=' '.join(sentences))
