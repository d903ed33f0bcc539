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
        """Override of `stock` to tell Amazon when the tracking reference has changed.

        :raise AccessError: If the deliveries that Amazon is told of are not the user's to change:
                            Odoo lets every company write to packages at the customer.
        """
        if 'amazon_tracking_ref' in vals:
            self._get_told_deliveries().check_access('write')
        res = super().write(vals)
        if 'amazon_tracking_ref' in vals:
            # In sudo mode: only the connector writes to the outbox.
            self.sudo().amazon_shipment_ids._send_changes()
        return res

    # === BUSINESS METHODS === #

    def _get_told_deliveries(self):
        """Return the deliveries of which Amazon is, or will be, told by these packages.

        :rtype: stock.picking
        """
        # In sudo mode to find those of other companies, too.
        lines = self.env['stock.move.line'].sudo().search([('result_package_id', 'in', self.ids)])
        pickings = self.sudo().amazon_shipment_ids.picking_id | lines.picking_id
        return pickings.with_env(self.env)
