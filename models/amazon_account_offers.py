from odoo import api, fields, models
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_datetime

from .amazon_sync import Run
from .quiet import log_failure
from .tools import SYNC_SECONDS, TimeBudget

IMPORTS_URL = '/odoo/action-amazon_connector.action_amazon_report'


class AmazonAccount(models.Model):
    """Offers in: when Amazon's listings are imported, and how far that is."""

    _inherit = 'amazon.account'

    import_progress = fields.Text(
        string="Import of Listings",
        help="How far the last import of each marketplace is.",
        compute='_compute_import_progress',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_import_progress(self):
        """Tell of the last report of each marketplace."""
        reports = self._get_latest_imports().grouped('account_id')
        for account in self:
            account.import_progress = '\n'.join(
                f'{report.marketplace_id.name}: {report._describe_progress()}'
                for report in reports.get(account, ())
            )

    # === ACTION METHODS === #

    def action_import_offers(self):
        """Ask Amazon for its listings, and import what it has made of them already.

        :return: The notification to show: how far each marketplace is.
        :rtype: dict
        """
        accounts = self._get_syncable()
        accounts._ask_for_offers()
        run = Run(TimeBudget(SYNC_SECONDS))
        accounts.connection_id._get_sync('reports')._run(run)
        accounts.invalidate_recordset(['import_progress'])
        return accounts._notify_with_errors(
            ' · '.join(
                line for account in accounts for line in (account.import_progress or '').split('\n')
            ),
            0,
            [{'label': self.env._("Open Imports"), 'url': IMPORTS_URL}],
        )

    # === BUSINESS METHODS === #

    def _get_latest_imports(self):
        """Return the last report on the listings of each marketplace.

        :rtype: amazon.report
        """
        latest = self.env['amazon.report']._read_group(
            [('account_id', 'in', self.ids), ('type', '=', 'amazon.offer')],
            ['account_id', 'marketplace_id'],
            ['id:max'],
        )
        return self.env['amazon.report'].browse(
            report_id for _account, _marketplace, report_id in latest
        )

    @api.model
    def _cron_import_offers(self):
        """Ask Amazon for the listings of all accounts; they are read when Amazon has made them.

        :return: None
        """
        accounts = self.search([('state', '=', 'connected')]).filtered('is_started')
        self.env['ir.cron']._commit_progress(remaining=len(accounts))
        for account in accounts:
            try:
                account._ask_for_offers()
            except Exception as exception:
                self.env.cr.rollback()
                if not isinstance(exception, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY):
                    log_failure(account, exception)
            self.env['ir.cron']._commit_progress(processed=1)

    def _ask_for_offers(self):
        """Ask Amazon for the listings of each synchronized marketplace.

        :return: None
        """
        for account in self:
            self.env['amazon.report']._ask_for(
                'amazon.offer', account, account.synced_marketplace_ids,
            )

    def _find_failures(self):
        """Override of `amazon_connector` to look for imports that wait for a person."""
        given_up = self.env['amazon.report']._get_given_up(self)
        if given_up:
            return self.env._(
                "Amazon's listings could not be imported: %(marketplaces)s. Amazon ▸ Offers ▸"
                " Imports says why; Import Listings tries again.",
                marketplaces=', '.join(given_up.marketplace_id.mapped('name')),
            )
        return super()._find_failures()


class AmazonReport(models.Model):
    """How far a report is, in words."""

    _inherit = 'amazon.report'

    # === BUSINESS METHODS === #

    @api.model
    def _get_given_up(self, account):
        """Return the reports that are asked for by nobody any more, none of them made up for.

        :param amazon.account account: The account.
        :rtype: amazon.report
        """
        latest = self._read_group(
            Domain('account_id', '=', account.id), ['type', 'marketplace_id'], ['id:max'],
        )
        return self.browse(report_id for _type, _marketplace, report_id in latest).filtered(
            lambda report: report.state == 'failed' and not report.next_try,
        )

    def _describe_progress(self):
        """Return how far the report is, in words.

        :rtype: str
        """
        self.ensure_one()
        env = self.env
        if self.state in ('to_look', 'to_ask'):
            return env._("Amazon is asked in a moment")
        if self.state in ('in_progress', 'over'):
            return env._(
                "asked at %(time)s, Amazon works on it", time=format_datetime(env, self.asked_at),
            )
        if self.state == 'to_read':
            return env._(
                "%(read)s of %(count)s read", read=self.lines_read, count=self.line_count,
            )
        if self.state == 'failed':
            return self.reason or ''
        parts = [env._(
            "%(count)s read, as of %(time)s",
            count=self.line_count,
            time=format_datetime(env, self.made_at),
        )]
        if self.left_out_count:
            parts.append(env._("%(count)s left out or incomplete", count=self.left_out_count))
        if self.reason:
            parts.append(self.reason)
        return '; '.join(parts)
