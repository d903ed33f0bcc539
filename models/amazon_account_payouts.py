from odoo import models

from .amazon_settlement import BOOKING_GROUP
from .amazon_sync import Run
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

PAYOUTS_URL = '/odoo/action-amazon_connector.action_amazon_payout'


class AmazonAccount(models.Model):
    """How payouts come in."""

    _inherit = 'amazon.account'

    # === ACTION METHODS === #

    def action_read_payouts(self):
        """Ask Amazon what it has paid out, and match what the bank shows, up to a time budget.

        Who does not book only reads: scheduled actions match.

        :return: The notification to show.
        :rtype: dict
        """
        accounts = self._get_syncable(BOOKING_GROUP)
        syncs = accounts.connection_id._get_sync('payouts')
        syncs._want_payouts()
        syncs._run(Run(TimeBudget(SYNC_SECONDS)))
        Settlement = self.env['amazon.settlement'].sudo()  # the connector writes settlements
        if self.env.user.has_group(BOOKING_GROUP):
            Settlement._cron_match_deposits()
        else:
            Settlement._wake_matching()
        return accounts._notify_with_errors(
            self.env._("Payouts are up to date"),
            0,
            [{'label': self.env._("Payouts"), 'url': PAYOUTS_URL}],
        )

    # === BUSINESS METHODS === #

    def _cron_read_payouts(self):
        """Read what Amazon has paid out, of all connections in turn.

        :return: None
        """
        self.env['amazon.sync']._run_way('payouts', TimeBudget(CRON_SECONDS))
