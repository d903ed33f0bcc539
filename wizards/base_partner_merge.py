from odoo import api, models

from ..models.guard import as_connector


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = 'base.partner.merge.automatic.wizard'

    # === BUSINESS METHODS === #

    @api.model
    @as_connector()
    def _update_values(self, src_partners, dst_partner):
        """Override of `base` to hand over what identifies a contact on Amazon, and only one has."""
        partners = dst_partner | src_partners
        buyer = partners.filtered('amazon_email')[:1]
        identity = {
            'amazon_email': buyer.amazon_email,
            'amazon_account_id': (buyer or partners).amazon_account_id[:1].id,
            'amazon_marketplace_id': partners.amazon_marketplace_id[:1].id,
        }
        src_partners.write({'amazon_email': False, 'amazon_marketplace_id': False})
        src_partners.flush_recordset()
        super()._update_values(src_partners, dst_partner)
        dst_partner.write(identity)
