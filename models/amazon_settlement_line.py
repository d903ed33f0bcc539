from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .amazon_money_kind import WORDS
from .money_categories import CATEGORIES
from .tools import open_form, to_naive


class AmazonSettlementLine(models.Model):
    """A line of a settlement as Amazon wrote it, and what it counts as.

    Lines may be alike to the last character, and stand for two things all the same.
    """

    _name = 'amazon.settlement.line'
    _description = "Amazon Settlement Line"
    _order = 'settlement_id desc, number, id'
    _rec_name = 'amount_description'

    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    account_id = fields.Many2one(related='settlement_id.account_id')
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, readonly=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', required=True, readonly=True)
    number = fields.Integer(help="Its place in the document.", readonly=True)
    transaction_type = fields.Char(readonly=True)
    amount_type = fields.Char(readonly=True)
    amount_description = fields.Char(string="Description", readonly=True)
    amount = fields.Monetary(readonly=True)
    kind_id = fields.Many2one(
        comodel_name='amazon.money.kind',
        string="Kind",
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    category = fields.Selection(
        selection=CATEGORIES,
        string="Counts As",
        help="As its kind says; what is booked keeps what it was booked as.",
        compute='_compute_category',
        store=True,
        precompute=True,
    )
    order_ref = fields.Char(string="Amazon Order", index='btree_not_null', readonly=True)
    merchant_order_ref = fields.Char(readonly=True)
    shipment_ref = fields.Char(readonly=True)
    adjustment_ref = fields.Char(readonly=True)
    item_ref = fields.Char(string="Order Item", readonly=True)
    adjustment_item_ref = fields.Char(readonly=True)
    sku = fields.Char(string="SKU", index='btree_not_null', readonly=True)
    quantity = fields.Integer(readonly=True)
    promotion_ref = fields.Char(readonly=True)
    marketplace_name = fields.Char(string="Marketplace", readonly=True)
    posted_at = fields.Datetime(string="Posted", readonly=True)
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        index='btree_not_null',
        readonly=True,
        ondelete='set null',
    )

    # === COMPUTE METHODS === #

    @api.depends('kind_id')
    def _compute_category(self):
        """Say what lines count as; `_update_categories` does when their kind is changed."""
        for line in self:
            line.category = line.kind_id.category

    # === BUSINESS METHODS === #

    @api.model
    def _update_categories(self, domain):
        """Let lines that are not booked count as their kinds say.

        :param domain: Which lines.
        :return: None
        """
        lines = Domain(domain) & Domain('settlement_id.state', '!=', 'booked')
        for kind, category, found in self._read_group(
            lines, ['kind_id', 'category'], ['id:recordset'],
        ):
            if category != kind.category:
                found.category = kind.category

    @api.model
    def _prepare_values(self, settlement, line, find_kind):
        """Return the values of a line.

        :param amazon.settlement settlement: The settlement.
        :param amazon.settlements.SettlementLine line: The line as read.
        :param callable find_kind: See `amazon.money.kind._get_finder`.
        :rtype: dict
        """
        return {
            'settlement_id': settlement.id,
            'company_id': settlement.company_id.id,
            'currency_id': settlement.currency_id.id,
            'number': line.number,
            'transaction_type': line.transaction_type,
            'amount_type': line.amount_type,
            'amount_description': line.amount_description,
            'amount': float(line.amount),
            'kind_id': find_kind(
                line.transaction_type, line.amount_type, line.amount_description,
            ),
            'order_ref': line.order_ref,
            'merchant_order_ref': line.merchant_order_ref,
            'shipment_ref': line.shipment_ref,
            'adjustment_ref': line.adjustment_ref,
            'item_ref': line.item_ref,
            'adjustment_item_ref': line.adjustment_item_ref,
            'sku': line.sku,
            'quantity': line.quantity or 0,
            'promotion_ref': line.promotion_ref,
            'marketplace_name': line.marketplace_name,
            'posted_at': to_naive(line.posted_at),
        }

    def action_open_order(self):
        """Open the sales order of the line.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.sale_order_id)


class AmazonMoneyKind(models.Model):
    """What is booked is not changed by what its kind counts as from now on."""

    _inherit = 'amazon.money.kind'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let what is not booked yet count as its kind says by now, and the
        settlements go on that waited for it.

        :raise UserError: If it is known, or booked, in a way that the user may not change.
        """
        self.filtered(lambda kind: any(
            (kind[name] or '') != (vals[name] or '') for name in WORDS if name in vals
        ))._check_may_reword()
        if 'category' not in vals:
            return super().write(vals)
        changed = self.filtered(lambda kind: kind.category != vals['category'])
        changed._check_may_change()
        res = super().write(vals)
        # In sudo mode here and below: kinds are those of all companies.
        self.env['amazon.settlement.line'].sudo()._update_categories([
            ('kind_id', 'in', changed.ids),
        ])
        if vals['category']:
            # Who knows the kinds of money need not be the one who books.
            self.sudo()._release_settlements()
        return res

    # === BUSINESS METHODS === #

    def _check_may_reword(self):
        """Let administrators of Invoicing alone change by which words known kinds are found.

        :return: None
        :raise UserError: Saying who may.
        """
        known = self.filtered('category')
        if known and not (
            self.env.su or self.env.user.has_group('account.group_account_manager')
        ):
            raise UserError(self.env._(
                "Transaction Type, Amount Type, Description: %(kind)s is known to all companies by"
                " these words. An administrator of Invoicing has to change them.",
                kind=known[0].display_name,
            ))

    def _check_may_change(self):
        """Let administrators of Invoicing alone change what lines were booked as.

        :return: None
        :raise UserError: Saying who may.
        """
        if self.env.su or self.env.user.has_group('account.group_account_manager'):
            return
        # In sudo mode: kinds are those of all companies.
        booked = self.env['amazon.settlement.line'].sudo().search([
            ('kind_id', 'in', self.ids), ('settlement_id.state', '=', 'booked'),
        ], limit=1)
        if booked:
            raise UserError(self.env._(
                "Counts As: settlements are booked with %(kind)s already. An administrator of"
                " Invoicing has to change it; what is booked stays as it is, until its entries are"
                " cancelled and it is booked again.",
                kind=booked.kind_id.display_name,
            ))


class AmazonSettlement(models.Model):
    _inherit = 'amazon.settlement'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to let what was taken back count as its kinds say by now."""
        taken_back = self.browse()
        if vals.get('state', 'booked') != 'booked':
            taken_back = self.filtered(lambda settlement: settlement.state == 'booked')
        res = super().write(vals)
        if taken_back:
            self.env['amazon.settlement.line']._update_categories([
                ('settlement_id', 'in', taken_back.ids),
            ])
        return res
