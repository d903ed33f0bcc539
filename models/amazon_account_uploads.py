from odoo import api, fields, models
from odoo.fields import Domain

from ..amazon import roles
from .tools import CRON_SECONDS, TimeBudget


class AmazonAccount(models.Model):
    """Invoices to Amazon: when they are uploaded, and what is said about it."""

    _inherit = 'amazon.account'

    upload_waiting_count = fields.Integer(compute='_compute_upload_counts', compute_sudo=True)
    upload_failed_count = fields.Integer(compute='_compute_upload_counts', compute_sudo=True)

    # === COMPUTE METHODS === #

    def _compute_upload_counts(self):
        waiting = self._count_by_account(
            'amazon.invoice.upload', Domain('state', 'in', ('to_send', 'in_feed')),
        )
        failed = self._count_by_account('amazon.invoice.upload', Domain('state', '=', 'failed'))
        for account in self:
            account.upload_waiting_count = waiting.get(account, 0)
            account.upload_failed_count = failed.get(account, 0)

    # === ACTION METHODS === #

    def action_open_uploads(self):
        """Open the invoices of the account that are uploaded.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_invoice_upload')

    # === BUSINESS METHODS === #

    @api.model
    def _cron_upload_invoices(self):
        """Let Amazon have the invoices that wait, of one connection after the other.

        :return: None
        """
        self.env['amazon.sync']._run_way('invoices', TimeBudget(CRON_SECONDS))

    def _find_failures(self):
        """Override of `amazon_connector` to look for invoices that were not uploaded."""
        failed = [('account_id', '=', self.id), ('state', '=', 'failed')]
        if self.env['amazon.invoice.upload'].search_count(failed, limit=1):
            return self.env._(
                "Invoices could not be uploaded to Amazon. Amazon ▸ Money ▸ Uploaded Invoices,"
                " filter Failed, shows each with its reason.",
            )
        return super()._find_failures()

    def _uploads_invoices(self):
        """Return whether invoices of the account are uploaded, by themselves or by hand.

        :rtype: bool
        """
        self.ensure_one()
        return self.invoice_sending == 'upload' or bool(
            self.env['amazon.invoice.upload'].search_count(
                [('account_id', '=', self.id)], limit=1,
            ),
        )


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
