from odoo import api, models

from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The check of invoices for Amazon: whether they can be printed, and are taken."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check the upload of invoices."""
        return [*super()._get_codes(), ('invoices', self.env._("Invoices to Amazon"))]

    # === BUSINESS METHODS === #

    @api.model
    def _check_invoices(self, checkup):
        """Find out what keeps invoices from reaching Amazon; does not apply where none are to."""
        account = checkup.account
        if not account._uploads_invoices():
            return None
        if self.env['ir.actions.report'].get_wkhtmltopdf_state() not in ('ok', 'workers'):
            return Finding('error', self.env['account.move']._get_pdf_engine_sentence())
        sync = checkup.connection._get_sync('invoices')
        if sync.last_error:
            return Finding(
                'error',
                self.env._(
                    "Amazon takes no invoices: see Synchronization: Invoices in this list. If your"
                    " app lacks the role for it, all else goes on.",
                ),
                answer=sync.last_error,
            )
        if account.upload_failed_count:
            return Finding(
                'warning',
                self.env._(
                    "Invoices that Amazon does not have: %(count)s. Amazon ▸ Money ▸ Uploaded"
                    " Invoices, filter Failed, shows each with its reason.",
                    count=account.upload_failed_count,
                ),
                self.env._("Open Invoices"),
            )
        if not any(account.synced_marketplace_ids.mapped('takes_invoices')):
            return Finding('warning', self.env._(
                "None of your marketplaces takes invoices of sellers: choose By e-mail under"
                " Invoices to Buyers.",
            ))
        return Finding('ok', self.env._("Invoices are printed, and Amazon takes them."))

    def _remedy_invoices(self):
        """Open the invoices that were not uploaded."""
        action = self.account_id.action_open_uploads()
        return {**action, 'context': {**action['context'], 'search_default_failed': 1}}
