from odoo import models


class AmazonSettlement(models.Model):
    """What is not settled yet is estimated by what Amazon kept of what is."""

    _inherit = 'amazon.settlement'

    # === BUSINESS METHODS === #

    def _prove(self, data):
        """Override of `amazon_connector` to measure the fees of what is proven."""
        super()._prove(data)
        if self.state == 'proven':
            self.env['amazon.fee.share']._measure(self.account_id)

    def _book(self):
        """Override of `amazon_connector` to measure the fees anew: some orders are known only now.
        """
        super()._book()
        self.env['amazon.fee.share']._measure(self.account_id)
