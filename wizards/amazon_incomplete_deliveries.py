from odoo import fields, models


class AmazonIncompleteDeliveries(models.TransientModel):
    """Deliveries that could not be validated with others, and what they lack."""

    _name = 'amazon.incomplete.deliveries'
    _description = "Incomplete Amazon Deliveries"

    picking_ids = fields.Many2many(comodel_name='stock.picking', string="Deliveries")
    done_count = fields.Integer()

    # === ACTION METHODS === #

    def action_validate(self):
        """Validate those that are complete by now.

        :return: As `stock.picking.action_validate_complete`.
        :rtype: dict | bool
        """
        return self.picking_ids.action_validate_complete()
