from odoo import fields, models


class AmazonSync(models.Model):
    """The way of feeds, whatever they carry."""

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('feeds', "Feeds")], ondelete={'feeds': 'cascade'})

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'feeds':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_process_feeds').sudo()

    def _work(self, run):
        """Override of `amazon_connector` to put what only feeds can tell into feeds, and to bring
        all feeds forward.
        """
        if self.way != 'feeds':
            return super()._work(run)
        for account in self.connection_id.account_ids:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            for carrier in self.env['amazon.feed']._get_carriers():
                with self._call_amazon(run):
                    self.env[carrier]._put_due_in_feeds(account)
                    self.env['ir.cron']._commit_progress()
            for feed in self.env['amazon.feed']._get_open(account):
                if self.connection_id.state == 'connected' and not run.budget.is_spent():
                    with self._call_amazon(run) as client:
                        feed._process(client)
        self._note_success(run)
        return False
