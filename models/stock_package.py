from odoo import fields, models


class StockPackage(models.Model):
    _inherit = 'stock.package'

    amazon_tracking_ref = fields.Char(
        string="Tracking Reference",
        help="Of this package, as Amazon is told. Empty: the delivery's own.",
        copy=False,
    )
    amazon_shipment_ids = fields.One2many(
        comodel_name='amazon.shipment', inverse_name='package_id', string="Amazon Shipments",
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `stock` to tell Amazon when the tracking reference has changed."""
        res = super().write(vals)
        if 'amazon_tracking_ref' in vals:
            # In sudo mode: only the connector writes to the outbox.
            self.sudo().amazon_shipment_ids._send_changes()
        return res
