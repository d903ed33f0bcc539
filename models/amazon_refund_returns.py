from odoo import models
from odoo.exceptions import UserError


class AmazonRefund(models.Model):
    """The goods of a refund: they come back by Odoo's own return, which a person makes."""

    _inherit = 'amazon.refund'

    # === ACTION METHODS === #

    def action_return_goods(self):
        """Open Odoo's return of the delivery, with the goods that were refunded whole.

        :return: The dialog, or the deliveries where there are several.
        :rtype: dict
        :raise UserError: If there is nothing that could come back.
        """
        self.ensure_one()
        self.check_access('read')
        return self._open_return()

    # === BUSINESS METHODS === #

    def _open_return(self):
        """Do `action_return_goods` for who need not see refunds.

        :rtype: dict
        :raise UserError: If there is nothing that could come back.
        """
        # In sudo mode: the return and the deliveries are the user's, the refund need not be.
        order = self.sudo().sale_order_id.sudo(False)
        if not order:
            raise UserError(self.env._(
                "Odoo does not know the order: get it by Amazon ▸ Orders ▸ Fetch an Order.",
            ))
        deliveries = order._get_amazon_returnable_deliveries()
        if len(deliveries) > 1:
            return {
                **self.env['ir.actions.actions']._for_xml_id('stock.action_picking_tree_all'),
                'domain': [('id', 'in', deliveries.ids)],
                'context': {},
            }
        context = {
            'active_id': deliveries.id,
            'active_ids': deliveries.ids,
            'active_model': 'stock.picking',
        }
        wizard = self.env['stock.return.picking'].with_context(**context).create({
            'picking_id': deliveries.id,
        })
        quantities = self._get_refunded_quantities()
        for line in wizard.product_return_moves:
            wanted = min(quantities.get(line.product_id, 0), line.move_quantity)
            if wanted:
                line.quantity = wanted
                quantities[line.product_id] -= wanted
        return {
            **self.env['ir.actions.actions']._for_xml_id('stock.act_stock_return_picking'),
            'res_id': wizard.id,
            'context': context,
        }

    def _get_refunded_quantities(self):
        """Return how many pieces were refunded whole.

        :return: The quantities by product.
        :rtype: dict[product.product, float]
        """
        refund = self.sudo()  # as above: who takes goods back need not see invoices, either
        invoiced = refund._get_invoiced_lines()
        quantities = {}
        for (item_ref, sku, charge, is_promotion), amount in refund._sum_charges().items():
            line = refund._find_line(invoiced, item_ref, sku, charge, is_promotion)
            if charge == 'item' and not is_promotion and line and not refund._is_part(
                -amount, line,
            ):
                product = line.product_id.sudo(False)
                quantities[product] = quantities.get(product, 0) + refund._get_whole_quantity(
                    -amount, line,
                )
        return quantities
