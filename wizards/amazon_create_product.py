from odoo import api, fields, models

from ..models.tools import SYNC_SECONDS, TimeBudget


class AmazonCreateProduct(models.TransientModel):
    """Creates the product that is sold under an SKU, and brings in what has waited for it."""

    _name = 'amazon.create.product'
    _description = "Create the Product of an Amazon Offer"

    offer_id = fields.Many2one(
        comodel_name='amazon.offer', required=True, readonly=True, ondelete='cascade',
    )
    name = fields.Char(
        string="Product", default=lambda self: self._get_offer().title, required=True,
    )
    default_code = fields.Char(
        string="Internal Reference", default=lambda self: self._get_offer().sku,
    )
    barcode = fields.Char(default=lambda self: self._get_offer()._get_free_barcode())
    currency_id = fields.Many2one(related='offer_id.company_id.currency_id')
    list_price = fields.Monetary(
        string="Sales Price", default=lambda self: self._get_offer()._get_list_price(),
    )
    is_storable = fields.Boolean(
        string="Track Inventory", help="Goods that you keep in stock.", default=True,
    )

    # === DEFAULT METHODS === #

    @api.model
    def _get_offer(self):
        return self.env['amazon.offer'].browse(self.env.context.get('default_offer_id'))

    # === ACTION METHODS === #

    def action_create_product(self):
        """Create the product, match the offer, and import the orders that have waited.

        :return: The notification to show: what came in.
        :rtype: dict
        :raise UserError: If the user may not create products.
        """
        self.ensure_one()
        offer = self.offer_id
        offer._check_may_create_products()
        waiting = self.env['amazon.order'].search([('waiting_offer_ids', 'in', offer.ids)])
        offer._create_product(
            name=self.name,
            default_code=self.default_code,
            barcode=self.barcode,
            list_price=self.list_price,
            is_storable=self.is_storable,
        )
        return self._import(waiting)

    # === BUSINESS METHODS === #

    def _import(self, waiting):
        """Import orders at once, and say what came in.

        :param amazon.order waiting: Orders that have waited for the product.
        :return: The notification to show.
        :rtype: dict
        """
        # In sudo mode: importing takes more rights than an Amazon user needs to have.
        waiting = waiting.sudo()
        account = self.offer_id.account_id.sudo()
        waiting._import_orders(TimeBudget(SYNC_SECONDS), account, waiting)
        sale_orders = waiting.sale_order_id
        if not sale_orders:
            message = self.env._("The product was created and matched.")
        elif len(sale_orders) == 1:
            message = self.env._("The product was created. 1 order came in")
        else:
            message = self.env._(
                "The product was created. %(count)s orders came in", count=len(sale_orders),
            )
        notification = account._notify(message, 'success', links=[
            {'label': order.name, 'url': f'/odoo/sales/{order.id}'} for order in sale_orders
        ])
        notification['params']['next'] = {'type': 'ir.actions.act_window_close'}
        return notification
