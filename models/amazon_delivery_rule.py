from odoo import fields, models

SERVICE_LEVELS = [
    ('standard', "Standard"),
    ('free_economy', "Free Economy"),
    ('expedited', "Expedited"),
    ('priority', "Priority"),
    ('second_day', "Second Day"),
    ('next_day', "Next Day"),
    ('same_day', "Same Day"),
    ('scheduled', "Scheduled"),
]


class AmazonDeliveryRule(models.Model):
    """Which delivery method the deliveries of an account start with."""

    _name = 'amazon.delivery.rule'
    _description = "Amazon Delivery Rule"
    _order = 'account_id, sequence, id'
    _rec_name = 'carrier_id'
    _check_company_auto = True

    sequence = fields.Integer(default=10)
    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, index=True, ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', help="Empty: all marketplaces.", ondelete='cascade',
    )
    service_level = fields.Selection(
        selection=SERVICE_LEVELS,
        help="The speed that the buyer chose on Amazon. Empty: every speed.",
    )
    carrier_id = fields.Many2one(
        comodel_name='delivery.carrier',
        string="Delivery Method",
        required=True,
        ondelete='cascade',
        check_company=True,
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let nobody hand a rule to an account that they can't change."""
        res = super().write(vals)
        if 'account_id' in vals:
            self.account_id.check_access('write')
        return res

    # === BUSINESS METHODS === #

    def _choose_carrier(self, order):
        """Return the delivery method for an order.

        The rule that says most about the order wins, then the first. Delivery methods that do not
        go to the address, or do not take the goods, are passed over.

        :param sale.order order: An order of Amazon's.
        :return: The delivery method, empty if no rule fits.
        :rtype: delivery.carrier
        """
        fitting = self.filtered(
            lambda rule: rule.marketplace_id <= order.amazon_marketplace_id
            and (not rule.service_level or rule.service_level == order.amazon_service_level)
            and rule.carrier_id._match(order.partner_shipping_id, order),
        )
        return fitting.sorted(
            lambda rule: -bool(rule.marketplace_id) - bool(rule.service_level),
        )[:1].carrier_id
