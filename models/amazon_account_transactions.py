from odoo import fields, models
from odoo.fields import Domain

from .amazon_settlement import BOOKING_GROUP
from .amazon_sync import Run
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget


class AmazonAccount(models.Model):
    """How transactions come in."""

    _inherit = 'amazon.account'

    deferred_count = fields.Integer(
        string="Deferred Transactions", compute='_compute_deferred_count', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_deferred_count(self):
        counts = self._count_by_account('amazon.transaction', Domain('status', '=', 'DEFERRED'))
        for account in self:
            account.deferred_count = counts.get(account, 0)

    # === ACTION METHODS === #

    def action_read_refunds(self):
        """Read what Amazon has refunded and deferred since the last time, up to a time budget.

        Who does not book only reads: scheduled actions make the credit notes.

        :return: The notification to show.
        :rtype: dict
        """
        accounts = self._get_syncable(BOOKING_GROUP)
        run = Run(TimeBudget(SYNC_SECONDS))
        syncs = accounts.connection_id._get_sync('transactions')
        syncs._want_transactions()
        syncs._run(run)
        Refund = self.env['amazon.refund'].sudo()  # the connector alone writes refunds
        if self.env.user.has_group(BOOKING_GROUP):
            Refund._process_due(TimeBudget(SYNC_SECONDS))
        else:
            Refund._wake()
        return accounts._get_refunds_notification(run.outcomes)

    # === BUSINESS METHODS === #

    def _cron_read_transactions(self):
        """Read what was posted since the last time, of all connections in turn.

        :return: None
        """
        self.env['amazon.sync']._run_way('transactions', TimeBudget(CRON_SECONDS))
