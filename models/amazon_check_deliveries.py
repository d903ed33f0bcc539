from odoo import api, models
from odoo.fields import Domain

from ..amazon import carriers
from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The check of delivery methods: whether Amazon can track what goes out with them."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check delivery methods."""
        return [*super()._get_codes(), ('carriers', self.env._("Carriers"))]

    # === BUSINESS METHODS === #

    @api.model
    def _get_unknown_carriers(self, account):
        """Return the delivery methods in use of which Amazon knows no carrier.

        :param amazon.account account: The account, in sudo mode.
        :rtype: delivery.carrier
        """
        used = [carrier for [carrier] in self.env['stock.picking']._read_group(
            Domain('amazon_account_id', '=', account.id)
            & Domain('carrier_id', '!=', False)
            & Domain('create_date', '>=', 'today -90d'),
            ['carrier_id'],
        )]
        return (account.delivery_rule_ids.carrier_id.union(*used)).filtered(
            lambda carrier: carrier.amazon_carrier_code == carriers.OTHER,
        )

    @api.model
    def _check_carriers(self, checkup):
        """Find the delivery methods in use of which Amazon knows no carrier."""
        if unknown := self._get_unknown_carriers(checkup.account):
            return Finding('warning', self.env._(
                "%(carriers)s: Amazon's Carrier is Other, so that Amazon can't track the parcels"
                " and counts them against your valid-tracking rate. Choose it on the delivery"
                " method, under Inventory ▸ Configuration ▸ Delivery Methods.",
                carriers=', '.join(unknown.mapped('name')),
            ), self.env._("Open Delivery Methods"))
        return Finding('ok', self.env._("Amazon can track what goes out with your carriers."))

    def _remedy_carriers(self):
        """Open the delivery methods of which Amazon knows no carrier."""
        # In sudo mode: who mends it need not see transfers.
        unknown = self._get_unknown_carriers(self.account_id.sudo())
        action = self.env['ir.actions.act_window']._for_xml_id(
            'delivery.action_delivery_carrier_form',
        )
        return {**action, 'domain': [('id', 'in', unknown.ids)], 'context': {}}
