import re

from odoo import api, fields, models
from odoo.exceptions import UserError

ORDER_REF = re.compile(r'[0-9]{3}-[0-9]{7}-[0-9]{7}')


class AmazonFetchOrder(models.TransientModel):
    _name = 'amazon.fetch.order'
    _description = "Fetch an Amazon Order"

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        default=lambda self: self._default_account_id(),
        domain="[('state', '!=', 'draft')]",
        required=True,
    )
    amazon_order_ref = fields.Text(
        string="Amazon Reference",
        help="E.g. 302-1234567-1234567. Several are separated by commas or lines.",
        required=True,
    )

    # === DEFAULT METHODS === #

    @api.model
    def _default_account_id(self):
        return self.env['amazon.account'].search([('state', '=', 'connected')], limit=1)

    # === ACTION METHODS === #

    def action_fetch(self):
        """Ask Amazon for the orders, of any age and status, and import them at once.

        :return: The action that shows them in the inbox.
        :rtype: dict
        :raise UserError: If a reference is none, or Amazon does not deliver an order.
        """
        self.ensure_one()
        order_refs = self._get_order_refs()
        self.account_id.check_access('read')
        # In sudo mode: only the connector writes to the inbox, and importing takes more rights
        # than an Amazon user needs to have.
        inbox = self.env['amazon.order'].sudo()._fetch_one_by_one(
            self.account_id.sudo(), order_refs, self.env._("Fetch"),
        )
        inbox.action_retry()
        return self._show(inbox)

    # === BUSINESS METHODS === #

    def _get_order_refs(self):
        """Return the references that were entered, each one once.

        :rtype: list[str]
        :raise UserError: If one does not look like a reference of Amazon's.
        """
        order_refs = dict.fromkeys(re.split(r'[\s,;]+', self.amazon_order_ref.strip(' \t\n,;')))
        for order_ref in order_refs:
            if not ORDER_REF.fullmatch(order_ref):
                raise UserError(self.env._(
                    "“%(reference)s” is not an Amazon reference. Enter 3, 7 and 7 digits with"
                    " hyphens between them, as Seller Central shows them, e.g."
                    " 302-1234567-1234567.",
                    reference=order_ref,
                ))
        return list(order_refs)

    def _show(self, inbox):
        """Return the action that shows one order as a form, several as a list."""
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_order',
        )
        if len(inbox) == 1:
            return {**action, 'views': [(False, 'form')], 'res_id': inbox.id}
        return {**action, 'domain': [('id', 'in', inbox.ids)]}
