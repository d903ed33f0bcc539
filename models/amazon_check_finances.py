from odoo import api, models

from ..amazon import finances, roles
from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The check of what Amazon pays: whether it may be read."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check finances."""
        return [*super()._get_codes(), ('role_finances', self.env._("Role: Finances"))]

    # === BUSINESS METHODS === #

    @api.model
    def _check_role_finances(self, checkup):
        """Find out whether it may be read what Amazon pays."""
        return self._check_role(
            checkup,
            roles.FINANCES,
            finances.fetch_few_transactions,
            self.env._("Granted: what Amazon pays can be read."),
            Finding('warning', self.env._(
                "Missing: settlements, refunds and payouts do not come in. Files of settlements can"
                " be uploaded by hand.",
            )),
        )
