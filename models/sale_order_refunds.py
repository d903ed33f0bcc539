from odoo import api, fields, models
from odoo.exceptions import UserError


class AmazonOrder(models.Model):
    _inherit = 'amazon.order'

    @api.model
    def _get_places(self):
        """Override of `amazon_connector` to forget what Odoo said of credit notes, too."""
        return {**super()._get_places(), 'sale_order_id.amazon_refund_ids': ['answer']}


class SaleOrder(models.Model):
    """What Amazon has refunded of an order, and its credit notes."""

    _inherit = 'sale.order'

    amazon_refund_ids = fields.One2many(
        comodel_name='amazon.refund',
        inverse_name='sale_order_id',
        string="Amazon Refunds",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user,account.group_account_readonly,'
               'account.group_account_invoice',
    )
    amazon_refund_count = fields.Integer(
        string="Number of Amazon Refunds",
        compute='_compute_amazon_refund_count',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('amazon_refund_ids')
    def _compute_amazon_refund_count(self):
        counts = dict(self.env['amazon.refund']._read_group(
            [('sale_order_id', 'in', self.ids)], ['sale_order_id'], ['__count'],
        ))
        for order in self:
            order.amazon_refund_count = counts.get(order, 0)

    @api.depends('amazon_refund_ids.credit_note_id')
    def _get_invoiced(self):
        """Override of `sale` to count the credit notes of refunds, which are not linked with the
        lines of the order: Odoo would invoice these once more.
        """
        super()._get_invoiced()
        # In sudo mode: who sees invoices need not see refunds.
        for order in self:
            credit_notes = order.sudo().amazon_refund_ids.credit_note_id.sudo(False)
            if credit_notes - order.invoice_ids:
                order.invoice_ids |= credit_notes
                order.invoice_count = len(order.invoice_ids)

    # === ACTION METHODS === #

    def action_open_amazon_refunds(self):
        """Open the refunds of the order.

        :rtype: dict
        """
        return {
            **self.env['ir.actions.actions']._for_xml_id('amazon_connector.action_amazon_refund'),
            'domain': [('sale_order_id', 'in', self.ids)],
            'context': {},
        }

    def action_return_amazon_goods(self):
        """Open Odoo's return for what Amazon has refunded last.

        :rtype: dict
        :raise UserError: If there is nothing that could come back.
        """
        self.ensure_one()
        # In sudo mode: who takes goods back need not see refunds.
        refund = self.sudo().amazon_refund_ids.sorted('posted_at')[-1:]
        if not refund:
            raise UserError(self.env._("Amazon has refunded nothing of this order."))
        return refund.sudo(False)._open_return()

    # === BUSINESS METHODS === #

    def _get_amazon_documents(self):
        """Override of `amazon_connector`: of an invoice for several orders, each has its own credit
        notes.
        """
        return super()._get_amazon_documents().filtered(
            lambda move: not move.amazon_refund_id
            or move.amazon_refund_id.sale_order_id in self,
        )

    def _get_amazon_returnable_deliveries(self):
        """Return the deliveries whose goods may come back.

        :rtype: stock.picking
        :raise UserError: If there are none, saying why.
        """
        self.ensure_one()
        self = self.sudo()  # who takes goods back need not see sales
        if self.amazon_channel == 'fba':
            raise UserError(self.env._(
                "Amazon ships this order, and takes its goods back itself: they are in its stock"
                " again when it says so. Nothing is to be done.",
            ))
        deliveries = self.picking_ids.filtered(
            lambda picking: picking.state == 'done' and picking.picking_type_code == 'outgoing',
        ).sudo(False)
        if not deliveries:
            raise UserError(self.env._(
                "Nothing of %(order)s has left by a delivery, so that nothing can come back to it."
                " Receive the goods by a transfer of their own.",
                order=self.name,
            ))
        return deliveries
