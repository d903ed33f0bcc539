from odoo import api, fields, models
from odoo.fields import Domain

from .amazon_sync import Run
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

DELIVERIES_URL = '/odoo/action-amazon_connector.action_amazon_delivery'


class AmazonAccount(models.Model):
    """Deliveries out: when they are told to Amazon, and what is said about it."""

    _inherit = 'amazon.account'

    # === ACTION METHODS === #

    def action_sync_pickings(self):
        """Tell Amazon of the deliveries that wait for it, up to a time budget.

        :return: The notification to show: what was sent, and what is in the way.
        :rtype: dict
        """
        return self._get_syncable()._send_shipments(TimeBudget(SYNC_SECONDS))

    # === BUSINESS METHODS === #

    @api.model
    def _cron_send_deliveries(self):
        """Tell Amazon of the deliveries that wait for it, of one connection after the other.

        :return: None
        """
        self.env['amazon.sync']._run_way('deliveries', TimeBudget(CRON_SECONDS))

    def _send_shipments(self, budget, domain=Domain.TRUE):
        """Tell Amazon of the deliveries that wait for it, and bring the open feeds forward.

        :param TimeBudget budget: What is not sent when it is spent is left to the crons.
        :param Domain domain: Which shipments.
        :return: The notification to show.
        :rtype: dict
        """
        domain &= Domain('account_id', 'in', self.ids)
        run = Run(budget, domain)
        self.connection_id._get_sync('deliveries')._run(run)
        self.connection_id._get_sync('feeds')._run(run)
        run.outcomes['waiting'] = self.env['amazon.shipment'].search_count(
            domain & Domain('state', '=', 'to_send'),
        )
        return self._get_sending_notification(run.outcomes)

    def _find_failures(self):
        """Override of `amazon_connector` to look for deliveries."""
        failed = [('account_id', '=', self.id), ('state', '=', 'failed')]
        if self.env['amazon.shipment'].search_count(failed, limit=1):
            return self.env._(
                "Amazon could not be told of deliveries. Amazon ▸ Deliveries, filter Amazon:"
                " Failed, shows each with its reason.",
            )
        return super()._find_failures()

    def _get_sending_notification(self, outcomes):
        """Say what became of the deliveries that waited for Amazon.

        :param collections.Counter outcomes: How many packages were `sent`, `fed` into a feed,
                                             `failed` or are still `waiting`.
        :return: The notification to show.
        :rtype: dict
        """
        parts = self._describe_outcomes(outcomes)
        if parts:
            message = self.env._("Packages: %(parts)s", parts=parts)
        else:
            message = '' if self._get_erroneous() else self.env._("Nothing to send")
        return self._notify_with_errors(
            message,
            outcomes['failed'],
            [{'label': self.env._("Open Deliveries"), 'url': DELIVERIES_URL}],
        )


class AmazonSync(models.Model):
    """The way of deliveries out."""

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('deliveries', "Deliveries")], ondelete={'deliveries': 'cascade'},
    )

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'deliveries':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_send_deliveries').sudo()

    def _work(self, run):
        """Override of `amazon_connector` to tell Amazon of the packages that are due."""
        if self.way != 'deliveries':
            return super()._work(run)
        for account in self.connection_id.account_ids:
            if self.connection_id.state == 'connected':
                with self._call_amazon(run) as client:
                    self.env['amazon.shipment']._send_due(
                        client, account[0], run,
                    )
        self._note_success(run)
        return False
