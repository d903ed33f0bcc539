from odoo import fields, models

from .tools import CRON_SECONDS, TimeBudget


class AmazonSync(models.Model):
    """The way of reports, whatever they tell about."""

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('reports', "Reports")], ondelete={'reports': 'cascade'})

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'reports':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_process_reports').sudo()

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'reports':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let reports be made. Give the app the role Product Listing in Seller"
            " Central and authorize it again.",
        )

    def _cron_process_reports(self):
        """Bring all reports forward, and read those that Amazon has made.

        :return: None
        """
        self._run_way('reports', TimeBudget(CRON_SECONDS))

    def _work(self, run):
        """Override of `amazon_connector` to bring the reports forward and to read them."""
        if self.way != 'reports':
            return super()._work(run)
        Report = self.env['amazon.report']
        for account in self.connection_id.account_ids:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            open_reports = Report._get_open(account)
            self.env['ir.cron']._commit_progress()
            if open_reports.filtered(lambda report: report.state == 'to_look'):
                with self._call_amazon(run) as client:
                    Report._look_for_made(client, account)
            for report in Report._get_open(account):
                if self.connection_id.state == 'connected' and not run.budget.is_spent():
                    with self._call_amazon(run) as client:
                        report._process(client)
                    if report._read_safely(run.budget):
                        return True
        self._note_success(run)
        return False
