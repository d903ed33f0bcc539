from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_list

from .tools import CRON_SECONDS, TimeBudget


class AmazonAccount(models.Model):
    """Invoices to Amazon: when they are uploaded, and what is said about it."""

    _inherit = 'amazon.account'

    upload_waiting_count = fields.Integer(compute='_compute_upload_counts', compute_sudo=True)
    no_upload_note = fields.Char(compute='_compute_no_upload_note')
    upload_failed_count = fields.Integer(compute='_compute_upload_counts', compute_sudo=True)

    # === COMPUTE METHODS === #

    @api.depends('synced_marketplace_ids.takes_invoices')
    def _compute_no_upload_note(self):
        for account in self:
            others = account.synced_marketplace_ids.filtered(lambda m: not m.takes_invoices)
            account.no_upload_note = others and self.env._(
                "%(marketplaces)s: Amazon takes no invoices here. Send them by Send on the"
                " invoice.",
                marketplaces=format_list(self.env, others.mapped('name')),
            )

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
