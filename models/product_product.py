from odoo import fields, models


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    amazon_offer_count = fields.Integer(
        string="Amazon Offers",
        compute='_compute_amazon_offer_count',
        groups='amazon_connector.group_amazon_user,sales_team.group_sale_salesman',
    )

    # === COMPUTE METHODS === #

    def _compute_amazon_offer_count(self):
        for template in self.with_context(active_test=False):
            template.amazon_offer_count = sum(
                template.product_variant_ids.mapped('amazon_offer_count'),
            )

    # === ACTION METHODS === #

    def action_open_amazon_offers(self):
        """Open the offers under which the product is sold on Amazon.

        :rtype: dict
        """
        return self.with_context(active_test=False).product_variant_ids.action_open_amazon_offers()


class ProductProduct(models.Model):
    _inherit = 'product.product'

    amazon_offer_count = fields.Integer(
        string="Amazon Offers",
        compute='_compute_amazon_offer_count',
        groups='amazon_connector.group_amazon_user,sales_team.group_sale_salesman',
    )

    # === COMPUTE METHODS === #

    def _compute_amazon_offer_count(self):
        counts = dict(self.env['amazon.offer']._read_group(
            [('product_id', 'in', self.ids)], ['product_id'], ['__count'],
        ))
        for product in self:
            product.amazon_offer_count = counts.get(product, 0)

    # === ACTION METHODS === #

    def action_open_amazon_offers(self):
        """Open the offers under which the product is sold on Amazon.

        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_offer',
        )
        action['domain'] = [('product_id', 'in', self.ids)]
        action['context'] = {}
        return action
