from odoo import models

from ..amazon import finances
from ..amazon.errors import AmazonError


class AmazonSync(models.Model):
    """Balances come with the transactions that explain them."""

    _inherit = 'amazon.sync'

    def _read_next_transactions(self, client, run):
        """Override of `amazon_connector` to read the balances before the first page."""
        if self.window and not self.window['token']:
            self._read_balances(client)
        return super()._read_next_transactions(client, run)

    def _read_balances(self, client):
        """Read what Amazon holds for the seller, and commit it.

        Amazon does not tell all sellers. Without it, transactions go on; what there is says as of
        when it is.

        :param amazon.client.Client client: The client of the connection.
        :return: None
        """
        balances, token = [], ''
        try:
            while True:
                page = finances.parse_balances(finances.fetch_balances_page(client, token))
                balances += page.balances
                token = page.next_token
                if not token:
                    break
        except AmazonError:
            return
        self.env['amazon.balance']._replace(self.connection_id, balances)
        self.env['ir.cron']._commit_progress()
