from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .amazon_sync import Run
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

DRIFT_URL = '/odoo/action-amazon_connector.action_amazon_drift'


class AmazonAccount(models.Model):
    """Amazon's own stock in: when it is read, and what is made of it."""

    _inherit = 'amazon.account'

    adjusts_drift = fields.Boolean(
        string="Adjust by Itself Each Night",
        help="When Amazon's stock was read in full in the night, the stock of the FBA location is"
             " adjusted to it. What waits for orders that are not imported yet stays out.",
        tracking=True,
        copy=False,
    )
    drift_adjusted_at = fields.Datetime(
        help="When the FBA location was adjusted by itself last.", readonly=True, copy=False,
    )
    drift_count = fields.Integer(
        help="Products of which Amazon has more or less than the FBA location.",
        compute='_compute_drift_count',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_drift_count(self):
        counts = self._count_by_account('amazon.drift', Domain('has_drift', '=', True))
        for account in self:
            account.drift_count = counts.get(account, 0)

    # === ACTION METHODS === #

    def action_read_fba_inventory(self):
        """Read all that Amazon has in its warehouses, up to a time budget.

        :return: The notification to show.
        :rtype: dict
        """
        accounts = self._get_syncable().filtered('is_started')
        if not accounts:
            raise UserError(self.env._(
                "Nothing is read before somebody has said from when on: press Start on the"
                " account.",
            ))
        run = Run(TimeBudget(SYNC_SECONDS))
        syncs = accounts.connection_id._get_sync('inventory')
        syncs._want_all(accounts.synced_marketplace_ids)
        syncs._run(run)
        return accounts._get_reading_notification(run.outcomes['read'])

    def action_open_drift(self):
        """Open what Amazon has beside what Odoo has, of the account.

        :rtype: dict
        """
        group = self._get_fba_group()
        return self._open(
            'amazon_connector.action_amazon_drift', Domain('account_id', 'in', group.ids),
        )

    # === BUSINESS METHODS === #

    @api.model
    def _cron_read_inventory(self):
        """Read what Amazon has in its warehouses, of all connections in turn.

        :return: None
        """
        self.env['amazon.sync']._run_way('inventory', TimeBudget(CRON_SECONDS))

    def _get_fba_group(self):
        """Return these accounts and those that share their FBA locations, the first of each first.

        :rtype: amazon.account
        """
        return self.search([
            ('company_id', 'in', self.company_id.ids), ('location_id', 'in', self.location_id.ids),
        ], order='id')

    def _get_reading_notification(self, count):
        """Say what was read.

        :param int count: How many marketplaces were read to the end.
        :return: The notification to show.
        :rtype: dict
        """
        pending = sum(
            len(sync._get_due_marketplaces())
            for sync in self.connection_id._get_sync('inventory')
        )
        parts = [self.env._("Amazon's stock of %(count)s marketplaces was read", count=count)]
        if pending:
            parts.append(self.env._("%(count)s follow by themselves", count=pending))
        return self._notify_with_errors(
            ' · '.join(parts), 0, [{'label': self.env._("Amazon against Odoo"), 'url': DRIFT_URL}],
        )
