from odoo import api, fields, models
from odoo.exceptions import ValidationError

OWN_FIELDS = {'active', 'stock_buffer', 'stock_ratio', 'stock_warehouse_ids', 'zero_unmatched'}
# What other accounts of the company offer depends on these, too.
SHARED_FIELDS = {'active', 'cut_over', 'location_id', 'warehouse_id'}


class AmazonAccount(models.Model):
    """What is offered: how much of what is free in which warehouses."""

    _inherit = 'amazon.account'

    stock_warehouse_ids = fields.Many2many(
        comodel_name='stock.warehouse',
        relation='amazon_account_stock_warehouse_rel',
        string="Offer the Stock Of",
        help="The warehouses whose goods FBM offers offer. Left empty, it is the one that ships"
             " FBM orders.",
        check_company=True,
    )
    stock_buffer = fields.Integer(
        string="Buffer",
        help="Pieces of each product that are kept back: what is free less the buffer is offered."
             " An offer can have a buffer of its own.",
    )
    stock_ratio = fields.Float(
        string="Ratio (%)",
        help="How much of what is free, less the buffer, is offered.",
        digits=(16, 2),
        default=100,
    )
    zero_unmatched = fields.Boolean(
        string="Offer Nothing of Unmatched Products",
        help="FBM offers without a product, or with an archived one, offer nothing. Otherwise they"
             " are left alone: what Amazon shows of them stays.",
    )

    # === CONSTRAINT METHODS === #

    @api.constrains('stock_buffer')
    def _check_stock_buffer(self):
        if any(account.stock_buffer < 0 for account in self):
            raise ValidationError(self.env._(
                "Buffer: enter how many pieces to keep back, 0 for none.",
            ))

    @api.constrains('stock_ratio')
    def _check_stock_ratio(self):
        if not all(0 <= account.stock_ratio <= 100 for account in self):
            raise ValidationError(self.env._(
                "Ratio: enter how much of the free stock to offer, from 0 to 100 %.",
            ))

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to offer what the settings say from now on."""
        self._note_settings(vals)
        res = super().write(vals)
        self._note_settings(vals)
        return res

    # === BUSINESS METHODS === #

    def _note_settings(self, vals):
        """Remember that what is offered may have changed with the settings.

        :param dict vals: What is written.
        :return: None
        """
        if vals.keys() & OWN_FIELDS:
            self._mark_stock_changed()
        if vals.keys() & SHARED_FIELDS:
            self.env['amazon.stock.change']._note(companies=self.company_id.ids)

    def _mark_stock_changed(self):
        """Have the quantities of all offers computed anew, in the background.

        :return: None
        """
        self.env['amazon.stock.change']._note(accounts=self.ids)

    def _get_stock_warehouses(self):
        """Return the warehouses whose goods are offered.

        :rtype: stock.warehouse
        """
        self.ensure_one()
        # Of archived ones nothing is offered, and nothing takes their place.
        chosen = self.with_context(active_test=False).stock_warehouse_ids
        return (chosen.filtered('active') if chosen else self.warehouse_id).with_env(self.env)

    def _get_stock_locations(self):
        """Return where the goods lie that are offered: in the warehouses, not at Amazon.

        :rtype: stock.location
        """
        accounts = self.with_context(active_test=False).search(
            [('company_id', '=', self.company_id.id)],
        )
        return self.env['stock.location'].search([
            ('warehouse_id', 'in', self._get_stock_warehouses().ids),
            ('usage', '=', 'internal'),
            '!', ('id', 'child_of', accounts.location_id.ids),
        ])
