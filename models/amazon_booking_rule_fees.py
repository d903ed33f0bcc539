from odoo import api, models

from .money_categories import FEES


class AmazonBookingRule(models.Model):
    """Which taxes fees have, and where those taxes go that Amazon charges apart."""

    _inherit = 'amazon.booking.rule'

    # === BUSINESS METHODS === #

    @api.model
    def _ensure_all(self, account):
        """Override of `amazon_connector` to propose who bills the fees, and their taxes."""
        account._ensure_fee_partner()
        known = account.booking_rule_ids
        super()._ensure_all(account)
        new = (account.booking_rule_ids - known).filtered(lambda rule: rule._is_of_fee())
        if not new.tax_ids:
            new.tax_ids = account._propose_fee_taxes()

    @api.model
    def _find_account(self, company, category):
        """Override of `amazon_connector`: what Amazon charges as tax goes to the tax's account."""
        if category == 'fee_tax':
            tax = company.account_purchase_tax_id.flatten_taxes_hierarchy()[:1]
            lines = tax.invoice_repartition_line_ids.filtered(
                lambda line: line.repartition_type == 'tax' and line.factor_percent > 0,
            )
            if lines.account_id:
                return lines.account_id[:1]
        return super()._find_account(company, category)

    def _is_of_fee(self):
        """Return whether this is the rule of a fee, which may have taxes, and no tax itself.

        :rtype: bool
        """
        self.ensure_one()
        return self.category in FEES and self.category != 'fee_tax'

    def _adds_tax(self):
        """Return whether what Amazon keeps is more than the fee itself, for there is tax in it.

        :rtype: bool
        """
        self.ensure_one()
        details = self.tax_ids._get_tax_details(100.0, 1.0)
        return details['total_included'] > details['total_excluded']
