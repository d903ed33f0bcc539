from odoo import fields, models

from ..amazon.errors import Throttled, Unauthorized


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
        self._process_feeds(run)
        self._note_success(run)
        return False

    def _process_feeds(self, run):
        """Put what only feeds of this way can tell into feeds, and bring these forward.

        :param Run run: No feed is taken up when its budget is spent.
        :return: None
        """
        Feed = self.env['amazon.feed']
        for account in self.connection_id.account_ids:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            for carrier in Feed._get_carriers():
                if self.env[carrier]._feed_way == self.way:
                    with self._call_amazon(run):
                        self.env[carrier]._put_due_in_feeds(account)
                        self.env['ir.cron']._commit_progress()
            stuck = set()
            for feed in self._get_open_feeds(account):
                is_free = self.connection_id.state == 'connected' and feed.state not in stuck
                if is_free and not run.budget.is_spent():
                    with self._call_amazon(run) as client:
                        try:
                            feed._process(client)
                        except (Throttled, Unauthorized):
                            # Those that are as far would call the same, to be told the same.
                            stuck.add(feed.state)
                            raise

    def _get_open_feeds(self, account):
        """Return the feeds of this way that are to be brought forward. May be narrowed by a way of
        its own.

        :param amazon.account account: The account.
        :rtype: amazon.feed
        """
        return self.env['amazon.feed']._get_open_of_way(account, self.way)
