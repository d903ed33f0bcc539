from odoo import api, fields, models

from .guard import as_connector


class AmazonAccount(models.Model):
    """Nothing is fetched by itself before a person has said from when and where to.

    An account that is not started is known to its connection, but the crons do not ask Amazon for
    its marketplaces. Starting it is as if they were added at that moment.
    """

    _name = 'amazon.account'
    _inherit = ['amazon.account', 'amazon.guard.mixin']

    is_started = fields.Boolean(
        string="Started",
        help="Whether somebody has said since when Amazon's data are read. Before that, nothing is"
             " fetched by itself.",
        readonly=True,
        copy=False,
    )

    # === ACTION METHODS === #

    def action_connect(self):
        """Override of `amazon_connector` to ask for the start of an account that has none."""
        notification = super().action_connect()
        if self.state == 'connected' and not self.is_started:
            notification['params']['next'] = self._get_start_action()
        return notification

    # === BUSINESS METHODS === #

    @api.model
    def _is_for_connector(self, name):
        """Override of `amazon_connector`: an account is started by what people do with it."""
        return name == 'is_started' or super()._is_for_connector(name)

    def _get_start_action(self):
        """Return the dialog that asks from when and where to.

        :rtype: dict
        """
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_start_account',
        )
        return {**action, 'context': {'default_account_id': self.id}}

    def _start(self, since=None):
        """Let the crons go to work for accounts that are not started yet.

        :param datetime since: Since when Amazon's data are read (UTC, naive); each way knows best
                               by default.
        :return: None
        """
        for account in self.filtered(lambda account: not account.is_started):
            with as_connector():
                account.is_started = True
            account._follow_start(since)

    def _follow_start(self, since):
        """Begin with what an account synchronizes. To be extended by each way that reads.

        :param datetime since: See `_start`.
        :return: None
        """
        self.ensure_one()

    def _read_unread(self, read, since=None):
        """Override of `amazon_connector`: what is not started is read from its start."""
        if self.is_started:
            super()._read_unread(read, since)

    def _hand_over(self, marketplaces, account):
        """Override of `amazon_connector` to let what is read go on being read."""
        if self.is_started:
            with as_connector():
                account.is_started = True
        super()._hand_over(marketplaces, account)


class AmazonConnection(models.Model):
    """Which of the marketplaces are read by itself."""

    _inherit = 'amazon.connection'

    # === BUSINESS METHODS === #

    def _get_started_marketplaces(self):
        """Return the marketplaces that accounts synchronize which are started, without archived
        ones.

        :rtype: amazon.marketplace
        """
        self.ensure_one()
        return self.account_ids.filtered(
            lambda account: account.active and account.is_started,
        ).synced_marketplace_ids
