from datetime import timedelta
from fractions import Fraction
from math import ceil

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import split_every

from ..amazon.errors import AmazonError
from ..amazon.listings import MAX_IDENTIFIERS
from ..models.tools import SYNC_SECONDS, TimeBudget

# What Amazon showed longer ago may have been sold of since, which Odoo knows already.
FRESH = timedelta(minutes=15)
OLDEST = timedelta(days=1)
LOOKED_UP_BEFORE = timedelta(hours=6)  # what reports say


class AmazonAlignStock(models.TransientModel):
    _name = 'amazon.align.stock'
    _description = "Align Stock with Amazon"

    account_id = fields.Many2one(
        comodel_name='amazon.account', string="Account", required=True, readonly=True,
    )
    stock_push = fields.Selection(related='account_id.stock_push')
    line_ids = fields.One2many(
        comodel_name='amazon.align.stock.line', inverse_name='wizard_id', string="Offers",
    )
    is_applied = fields.Boolean(readonly=True)

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to list the account's offers that have a quantity."""
        wizards = super().create([
            {name: value for name, value in vals.items() if name != 'line_ids'}
            for vals in vals_list
        ])
        for wizard in wizards:
            wizard.account_id.check_access('read')
            wizard._list_offers()
        return wizards

    # === ACTION METHODS === #

    def action_take_odoos(self):
        """Choose for all offers that Amazon gets Odoo's quantity.

        :return: The dialog.
        :rtype: dict
        """
        return self._choose_for_all('odoo')

    def action_take_amazons(self):
        """Choose for all offers that Odoo gets Amazon's quantity, where that is possible.

        :return: The dialog.
        :rtype: dict
        """
        return self._choose_for_all('amazon')

    def action_leave_alone(self):
        """Choose for all offers that nothing happens.

        :return: The dialog.
        :rtype: dict
        """
        return self._choose_for_all('leave')

    def action_apply(self):
        """Adjust Odoo's stock, and mark what Amazon is to be told. To do it twice changes nothing.

        :return: The notification to show.
        :rtype: dict
        :raise AccessError: If somebody would adjust stock who is no administrator of it.
        :raise UserError: If a choice can't be followed.
        """
        self.ensure_one()
        self.account_id.check_access('read')
        # Whoever comes second waits here, and then finds it done.
        self.lock_for_update()
        adjusted = self.env['amazon.align.stock.line']
        if not self.is_applied:
            self.is_applied = True
            lines = self.line_ids.filtered(lambda line: line.offer_id.account_id == self.account_id)
            adjusted = lines.filtered(lambda line: line.choice == 'amazon')._take_amazons()
            lines.filtered(lambda line: line.choice == 'odoo').offer_id._mark_stock_changed()
        return self._get_notification(adjusted)

    # === BUSINESS METHODS === #

    def _list_offers(self):
        """Make a line of each offer that is matched and has a quantity; what differs comes first.

        :return: None
        """
        self.ensure_one()
        offers = self.env['amazon.offer'].search(self._get_offer_domain(self.account_id))
        quantities = offers._get_offered_quantities()
        values = [
            {
                'wizard_id': self.id,
                'offer_id': offer.id,
                'amazon_quantity': offer.amazon_quantity,
                'odoo_quantity': quantities[offer],
                'choice': 'leave' if quantities[offer] == offer.amazon_quantity else 'odoo',
            }
            for offer in offers if quantities[offer] is not None
        ]
        values.sort(key=lambda line: line['choice'] == 'leave')
        self.env['amazon.align.stock.line'].create(values)

    @api.model
    def _get_offer_domain(self, account):
        """Return the domain of the offers that can be aligned.

        :param amazon.account account: The account.
        :rtype: list
        """
        return [
            ('account_id', '=', account.id),
            ('marketplace_id', 'in', account.synced_marketplace_ids.ids),
            ('channel', '=', 'fbm'),
            ('is_gone', '=', False),
            ('product_id.active', '=', True),
        ]

    def _choose_for_all(self, choice):
        """Choose the same for all offers that differ, where that is possible.

        :param str choice: What is chosen.
        :return: The dialog.
        :rtype: dict
        """
        self.ensure_one()
        lines = self.line_ids.filtered(
            lambda line: line.amazon_quantity != line.odoo_quantity,
        )
        if choice == 'amazon':
            lines = lines.filtered(lambda line: not line.obstacle)
            # One offer decides on the stock of a product, the others follow.
            deciding = lines.browse().union(
                *(group[0] for group in lines.grouped('product_id').values()),
            )
            (lines - deciding).choice = 'odoo'
            lines = deciding
        lines.choice = choice
        return self._get_action()

    def _get_action(self):
        """Return the dialog.

        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_align_stock',
        )
        return {**action, 'res_id': self.id}

    def _get_notification(self, adjusted):
        """Say what was done, and what is not done yet.

        :param amazon.align.stock.line adjusted: The lines that have adjusted the stock.
        :rtype: dict
        """
        sentences = []
        if adjusted:
            sentences.append(self.env._(
                "Adjusted in Odoo: %(count)s.", count=len(adjusted.product_id),
            ))
        told = len(self.line_ids.filtered(lambda line: line.choice == 'odoo'))
        if told and self.stock_push == 'on':
            sentences.append(self.env._("%(count)s offers go to Amazon.", count=told))
        elif told:
            sentences.append(self.env._(
                "%(count)s offers are to go to Amazon: nothing is sent before Stock Push is On, on"
                " the account, tab Offers and Stock.",
                count=told,
            ))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': ' '.join(sentences) or self.env._("Nothing was to be changed."),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }


class AmazonAlignStockLine(models.TransientModel):
    _name = 'amazon.align.stock.line'
    _description = "Offer to Align"

    wizard_id = fields.Many2one(
        comodel_name='amazon.align.stock', required=True, index=True, ondelete='cascade',
    )
    offer_id = fields.Many2one(
        comodel_name='amazon.offer', required=True, readonly=True, ondelete='cascade',
    )
    product_id = fields.Many2one(related='offer_id.product_id')
    marketplace_id = fields.Many2one(related='offer_id.marketplace_id')
    quantity_read_at = fields.Datetime(related='offer_id.quantity_read_at', string="Read")
    amazon_quantity = fields.Integer(string="On Amazon", readonly=True)
    odoo_quantity = fields.Integer(string="In Odoo", readonly=True)
    choice = fields.Selection(
        selection=[
            ('odoo', "Odoo's to Amazon"),
            ('amazon', "Amazon's into Odoo"),
            ('leave', "Leave Alone"),
        ],
        default='odoo',
        required=True,
    )
    obstacle = fields.Char(
        string="Why Not Amazon's",
        help="Why Odoo's stock can't be adjusted to it here.",
        compute='_compute_obstacle',
    )

    # === COMPUTE METHODS === #

    @api.depends('offer_id')
    def _compute_obstacle(self):
        sums, sold = self.offer_id._get_stock_sums(), self._get_last_sales()
        for line in self:
            line.obstacle = line._find_obstacle(sums[line.offer_id], sold)

    # === BUSINESS METHODS === #

    def _get_last_sales(self):
        """Return when the offers were last sold on Amazon, of late.

        :return: The times (UTC, naive) by offer.
        :rtype: dict[amazon.offer, datetime]
        """
        # In sudo mode: who aligns stock need not see sales.
        return dict(self.env['sale.order.line'].sudo()._read_group(
            [
                ('amazon_offer_id', 'in', self.offer_id.ids),
                ('order_id.date_order', '>', fields.Datetime.now() - OLDEST - LOOKED_UP_BEFORE),
            ],
            ['amazon_offer_id'],
            ['create_date:max'],
        ))

    def _find_obstacle(self, total, sold):
        """Return why Odoo's stock can't be adjusted to what Amazon shows.

        :param StockSum total: What the offer offers, and why.
        :param dict sold: What `_get_last_sales` returned.
        :return: A sentence, empty if it can.
        :rtype: str
        """
        self.ensure_one()
        if total.left_alone or total.is_zeroed:
            return self.env._("Odoo does not say any more how many there are.")
        if total.is_kit:
            return self.env._("It is a kit: count its parts under Inventory ▸ Physical Inventory.")
        if self.product_id.tracking != 'none':
            return self.env._(
                "It has lots or serial numbers: count them under Inventory ▸ Physical Inventory.",
            )
        if not self._is_fresh(total, sold):
            return self.env._(
                "It may have been sold since Amazon's quantity was read: open the dialog again.",
            )
        if self.offer_id.stock_level_id.is_told:
            return self.env._(
                "Amazon was told a quantity that it does not show yet: wait some minutes.",
            )
        if self.amazon_quantity and not total.ratio:
            return self.env._("The account offers 0 % of what there is (Ratio).")
        if total.cap and self.amazon_quantity > total.cap:
            return self.env._(
                "Amazon shows more than the offer may offer at most (%(cap)s).", cap=total.cap,
            )
        return ''

    def _is_fresh(self, total, sold):
        """Return whether what Amazon showed is what it has, for all that Odoo knows.

        :param StockSum total: As `_find_obstacle`.
        :param dict sold: As `_find_obstacle`.
        :rtype: bool
        """
        offer, now = self.offer_id, fields.Datetime.now()
        read_at = offer.quantity_read_at
        if not read_at or offer.amazon_quantity != self.amazon_quantity:
            return False
        is_sold = any(part.claims for part in total.parts) or (
            offer in sold and sold[offer] > read_at - LOOKED_UP_BEFORE
        )
        return read_at > now - (FRESH if is_sold else OLDEST)

    def _take_amazons(self):
        """Adjust Odoo's stock so that the offers offer what Amazon shows.

        :return: The lines whose products were adjusted.
        :rtype: amazon.align.stock.line
        :raise AccessError: If the user is no administrator of stock.
        :raise UserError: If it can't be done, naming the offer.
        """
        if not self:
            return self
        if not self.env.user.has_group('stock.group_stock_manager'):
            raise AccessError(self.env._(
                "Amazon's into Odoo: it adjusts the stock, for which you need to be an"
                " administrator of Inventory. Choose Odoo's to Amazon or Leave Alone, or ask one.",
            ))
        sums, sold = self.offer_id._get_stock_sums(), self._get_last_sales()
        wanted = {}
        for line in self:
            if obstacle := line._find_obstacle(sums[line.offer_id], sold):
                message = f'{line.offer_id.sku}: {obstacle}'
                raise UserError(message)
            if sums[line.offer_id].offered not in (line.odoo_quantity, line.amazon_quantity):
                raise UserError(self.env._(
                    "%(sku)s: Odoo's quantity has changed from %(before)s to %(now)s meanwhile."
                    " Open the dialog again.",
                    sku=line.offer_id.sku,
                    before=line.odoo_quantity,
                    now=sums[line.offer_id].offered,
                ))
            missing = line._count_missing(sums[line.offer_id])
            if wanted.setdefault(line.product_id, missing) != missing:
                raise UserError(self.env._(
                    "%(product)s: several offers of it are to decide how many there are, and they"
                    " don't agree. Choose Amazon's into Odoo for one of them, and Odoo's to Amazon"
                    " for the others.",
                    product=line.product_id.display_name,
                ))
        adjusted = self.browse()
        for product, lines in self.grouped('product_id').items():
            if wanted[product]:
                lines[0]._adjust(wanted[product])
                adjusted |= lines[0]
        return adjusted

    def _count_missing(self, total):
        """Return how many pieces Odoo lacks to offer what Amazon shows.

        :param StockSum total: What the offer offers, and why.
        :return: The pieces, below zero if there are too many.
        :rtype: Fraction
        """
        if total.offered == self.amazon_quantity:
            return Fraction()
        free = Fraction(total.buffer)
        if self.amazon_quantity:
            free += ceil(self.amazon_quantity * total.pack_size * 100 / total.ratio)
        return free - total.parts[0].free

    def _adjust(self, missing):
        """Adjust the stock of the product.

        :param Fraction missing: How many pieces there are to be more, or less if below zero.
        :return: None
        """
        account = self.wizard_id.account_id
        Quant = self.env['stock.quant'].with_company(account.company_id).with_context(
            inventory_mode=True,
            inventory_name=self.env._(
                "Amazon: aligned with %(sku)s on %(marketplace)s",
                sku=self.offer_id.sku,
                marketplace=self.marketplace_id.name,
            ),
        )
        stock = account._get_stock_warehouses()[:1].lot_stock_id
        if missing > 0:
            quant = Quant._gather(self.product_id, stock, strict=True)[:1]
            changes = {quant: float(missing)} if quant else {}
            if not quant:
                quant = Quant.create({
                    'product_id': self.product_id.id,
                    'location_id': stock.id,
                    'inventory_quantity': float(missing),
                })
                quant._apply_inventory()
        else:
            changes = self._share_out(Quant, float(-missing))
        for quant, change in changes.items():
            quant.inventory_quantity = quant.quantity + change
            quant._apply_inventory()

    def _share_out(self, Quant, surplus):
        """Return where to take away what there is too much of, and nobody has reserved.

        :param stock.quant Quant: With the context of the adjustment.
        :param float surplus: The pieces.
        :return: The change of each quant.
        :rtype: dict[stock.quant, float]
        :raise UserError: If too much of it is reserved.
        """
        changes = {}
        quants = Quant.search([
            ('product_id', '=', self.product_id.id),
            ('location_id', 'in', self.wizard_id.account_id._get_stock_locations().ids),
        ])
        for quant in quants:
            share = min(surplus, max(quant.quantity - quant.reserved_quantity, 0))
            if share > 0:
                changes[quant] = -share
                surplus -= share
        if self.product_id.uom_id.compare(surplus, 0) > 0:
            raise UserError(self.env._(
                "%(product)s: Amazon shows so few that pieces which are reserved for deliveries"
                " would have to go (%(count)s). Choose Odoo's to Amazon, or count it under"
                " Inventory ▸ Physical Inventory.",
                product=self.product_id.display_name,
                count=f'{surplus:g}',
            ))
        return changes


class AmazonAccount(models.Model):
    """The way to the dialog: Amazon's quantities are read before it is opened."""

    _inherit = 'amazon.account'

    # === ACTION METHODS === #

    def action_align_stock(self):
        """Open the dialog that shows Amazon's quantities beside Odoo's.

        :rtype: dict
        """
        self.ensure_one()
        self._get_syncable()._read_stale_offers(TimeBudget(SYNC_SECONDS))
        wizard = self.env['amazon.align.stock'].create({'account_id': self.id})
        return wizard._get_action()

    # === BUSINESS METHODS === #

    def _read_stale_offers(self, budget):
        """Read the offers again that were not read just now, as far as time and quota allow.

        What Amazon does not answer now is shown as it was read last, and can't be taken over.

        :param TimeBudget budget: No call is begun when it is spent.
        :return: None
        """
        stale = self.env['amazon.offer'].search([
            *self.env['amazon.align.stock']._get_offer_domain(self),
            '|', ('quantity_read_at', '=', False),
            ('quantity_read_at', '<', fields.Datetime.now() - FRESH / 2),
        ])
        try:
            with self.connection_id._get_client() as client:
                for offers in stale.grouped('marketplace_id').values():
                    for ids in split_every(MAX_IDENTIFIERS, offers.ids):
                        if budget.is_spent():
                            return
                        offers.browse(ids)._read_listings(client)
                        self.env['ir.cron']._commit_progress()
        except AmazonError:
            self.env.cr.rollback()
