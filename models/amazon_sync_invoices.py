from odoo import fields, models

from ..amazon import roles


class AmazonSync(models.Model):
    """The way of invoices, each in a feed of its own.

    It has a way to itself: without a role of Amazon's that other feeds do not need it stands still
    alone, and its many reports do not hold up those of other feeds.
    """

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('invoices', "Invoices")], ondelete={'invoices': 'cascade'},
    )

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'invoices':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_upload_invoices').sudo()

    def _get_denial_reason(self):
        """Override of `amazon_connector`: without the role, all other ways go on."""
        if self.way != 'invoices':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon lets the app upload no invoices: it lacks the role “%(role)s”. Add it to the"
            " app in Seller Central or the Solution Provider Portal, then press Authorize Again on"
            " the account. The invoices wait for it.",
            role=roles.TAX,
        )

    def _work(self, run):
        """Override of `amazon_connector` to print an invoice that is due, and to bring all that are
        on their way forward.
        """
        if self.way != 'invoices':
            return super()._work(run)
        self._process_feeds(run)
        Upload = self.env['amazon.invoice.upload']
        goes_on = self.id not in run.interrupted and any(
            Upload._has_room(account) and Upload._has_due(account)
            for account in self.connection_id.account_ids
        )
        if not goes_on:
            self._note_success(run)
        return goes_on

    def _get_open_feeds(self, account):
        """Override of `amazon_connector` to leave Amazon alone with those that it was asked for
        just now: there may be many.
        """
        feeds = super()._get_open_feeds(account)
        if self.way != 'invoices':
            return feeds
        now = fields.Datetime.now()
        return feeds.filtered(
            lambda f: f.state != 'in_progress' or not f.asked_next or f.asked_next <= now,
        )
