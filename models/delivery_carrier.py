from odoo import api, fields, models

from ..amazon import carriers

BROKER_FIELDS = ('easypost_delivery_type',)  # the names that brokers give their carriers


class DeliveryCarrier(models.Model):
    _inherit = 'delivery.carrier'

    amazon_carrier_code = fields.Selection(
        selection=lambda self: [(code, code) for code in carriers.CARRIER_CODES],
        string="Amazon's Carrier",
        help="What Amazon calls the carrier. Amazon cannot track Other, and counts it against your"
             " valid-tracking rate.",
        compute='_compute_amazon_carrier_code',
        store=True,
        readonly=False,
        required=True,
        precompute=True,
    )
    amazon_suggestions = fields.Char(
        string="Did you mean", compute='_compute_amazon_suggestions',
    )

    # === COMPUTE METHODS === #

    @api.depends(lambda self: self._get_amazon_match_fields())
    def _compute_amazon_carrier_code(self):
        for carrier in self:
            carrier.amazon_carrier_code = carrier._match_amazon_carrier().code or carriers.OTHER

    @api.depends(lambda self: [*self._get_amazon_match_fields(), 'amazon_carrier_code'])
    def _compute_amazon_suggestions(self):
        for carrier in self:
            suggestions = ()
            if carrier.amazon_carrier_code == carriers.OTHER:
                suggestions = carrier._match_amazon_carrier().suggestions
            carrier.amazon_suggestions = self.env._(" or ").join(suggestions)

    # === BUSINESS METHODS === #

    @api.model
    def _get_amazon_match_fields(self):
        """Return the fields that tell which carrier a delivery method stands for.

        :rtype: list[str]
        """
        return ['delivery_type', 'name', *(name for name in BROKER_FIELDS if name in self._fields)]

    def _match_amazon_carrier(self):
        """Return which of Amazon's carriers a delivery method stands for.

        :rtype: amazon.carriers.CarrierMatch
        """
        self.ensure_one()
        broker_fields = (name for name in BROKER_FIELDS if name in self._fields)
        broker_name = next((self[name] for name in broker_fields if self[name]), None)
        return carriers.match_carrier(self.delivery_type, broker_name or self.name or '')
