from odoo import fields, models
from odoo.fields import Domain

from .money_categories import INCOME, REFUNDS

# From what was sold to the deposit, in the order in which people ask for it.
STEPS = {
    'sale': ('sale',),
    'shipping': ('shipping', 'gift_wrap'),
    'tax': ('tax', 'tax_withheld'),
    'promotion': ('promotion',),
    'refund': REFUNDS,
    'commission': ('commission',),
    'fba_fee': ('fba_fee',),
    'storage': ('storage',),
    'subscription': ('subscription',),
    'other_fee': ('other_fee',),
    'fee_tax': ('fee_tax',),
    'advertising': ('advertising',),
    'income': INCOME,
    'tax_credit': ('tax_credit',),
    'reserve': ('reserve',),
    'carried': ('carried',),
    'transfer': ('transfer',),
    'unknown': (False,),
}


class AmazonSettlement(models.Model):
    """Why the deposit is what it is: step by step, each of which leads to its lines."""

    _inherit = 'amazon.settlement'

    waterfall = fields.Json(
        string="Why This Deposit?",
        help="How the lines make the total, step by step.",
        compute='_compute_waterfall',
    )
    sale_order_count = fields.Integer(
        string="Orders", compute='_compute_sale_order_count', compute_sudo=True,
    )
    credit_note_count = fields.Integer(
        string="Credit Notes", compute='_compute_credit_note_count', compute_sudo=True,
    )
    fee_bill_count = fields.Integer(
        string="Amazon's Bills", compute='_compute_fee_bill_count', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_waterfall(self):
        """Sum up the lines of all settlements at once."""
        sums = {}
        for settlement, category, amount, count in self.env['amazon.settlement.line']._read_group(
            [('settlement_id', 'in', self.ids)],
            ['settlement_id', 'category'],
            ['amount:sum', '__count'],
        ):
            sums.setdefault(settlement, {})[category] = amount, count
        for settlement in self:
            settlement.waterfall = settlement._prepare_waterfall(sums.get(settlement, {}))

    def _compute_sale_order_count(self):
        counts = dict(self.env['amazon.settlement.line']._read_group(
            [('settlement_id', 'in', self.ids)],
            ['settlement_id'],
            ['sale_order_id:count_distinct'],
        ))
        for settlement in self:
            settlement.sale_order_count = counts.get(settlement, 0)

    def _compute_credit_note_count(self):
        counts = dict(self.env['amazon.refund']._read_group(
            [('settlement_id', 'in', self.ids), ('credit_note_id', '!=', False)],
            ['settlement_id'],
            ['credit_note_id:count_distinct'],
        ))
        for settlement in self:
            settlement.credit_note_count = counts.get(settlement, 0)

    def _compute_fee_bill_count(self):
        counts = dict(self.env['account.move.line']._read_group(
            [('move_id.amazon_settlement_id', 'in', self.ids), ('amazon_fee_bill_id', '!=', False)],
            ['move_id.amazon_settlement_id'],
            ['amazon_fee_bill_id:count_distinct'],
        ))
        for settlement in self:
            settlement.fee_bill_count = counts.get(settlement, 0)

    # === ACTION METHODS === #

    def action_open_step(self, step):
        """Open the lines of a step of the waterfall.

        :param str step: One of `STEPS`.
        :rtype: dict
        """
        self.ensure_one()
        label = self._get_step_labels().get(step, '')
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_settlement_line',
            ),
            'name': label,
            'display_name': label,
            'domain': [
                ('settlement_id', '=', self.id), ('category', 'in', list(STEPS.get(step, ()))),
            ],
            'context': {},
        }

    def action_open_sale_orders(self):
        """Open the sales orders that the settlements pay out.

        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_sale_order',
        )
        return {
            **action,
            'domain': list(Domain('amazon_settlement_line_ids.settlement_id', 'in', self.ids)),
        }

    def action_open_credit_notes(self):
        """Open the credit notes of what the settlements refund.

        :rtype: dict
        """
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Credit Notes"),
            'res_model': 'account.move',
            'view_mode': 'list,kanban,form',
            'domain': [('amazon_refund_id.settlement_id', 'in', self.ids)],
            'context': {'create': False, 'default_move_type': 'out_refund'},
        }

    def action_open_fee_bills(self):
        """Open the bills of Amazon's that say what the settlements withhold.

        :rtype: dict
        """
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Amazon's Bills"),
            'res_model': 'account.move',
            'view_mode': 'list,kanban,form',
            'domain': [('amazon_fee_item_ids.move_id.amazon_settlement_id', 'in', self.ids)],
            'context': {'create': False, 'default_move_type': 'in_invoice'},
        }

    # === BUSINESS METHODS === #

    def _get_step_labels(self):
        """Return what people call the steps.

        :rtype: dict[str, str]
        """
        return {
            'sale': self.env._("Sales"),
            'shipping': self.env._("Shipping and gift wrap"),
            'tax': self.env._("Taxes, less those that Amazon withheld"),
            'promotion': self.env._("Promotions"),
            'refund': self.env._("Refunds"),
            'commission': self.env._("Commission"),
            'fba_fee': self.env._("FBA fees"),
            'storage': self.env._("Storage"),
            'subscription': self.env._("Subscription"),
            'other_fee': self.env._("Other fees"),
            'fee_tax': self.env._("Tax on fees"),
            'advertising': self.env._("Advertising"),
            'income': self.env._("Reimbursements and other income"),
            'tax_credit': self.env._("Own tax withheld by Amazon"),
            'reserve': self.env._("Held back, less what was released"),
            'carried': self.env._("Carried from and to other settlements"),
            'transfer': self.env._("Charged to the card, or come back from the bank"),
            'unknown': self.env._("Of unknown kind"),
        }

    def _prepare_waterfall(self, sums):
        """Return the steps from the sales to the deposit, for the widget that shows them.

        Steps without lines are left out. What the lines do not explain is a step of its own.

        :param dict sums: What the lines sum up to, and how many they are, by category.
        :return: The steps, each with the running total before and after it; the last one is what
                 is paid out.
        :rtype: dict
        """
        self.ensure_one()
        labels = self._get_step_labels()
        steps, running = [], 0.0
        for key, categories in STEPS.items():
            parts = [sums[category] for category in categories if category in sums]
            if parts:
                amount = sum(amount for amount, _count in parts)
                steps.append(self._prepare_step(
                    key, labels[key], amount, running, sum(count for _amount, count in parts),
                ))
                running = steps[-1]['after']
        difference = self.currency_id.round(self.total - running)
        if not self.currency_id.is_zero(difference):
            steps.append(self._prepare_step(
                'difference', self.env._("Not explained by the lines"), difference, running,
            ))
        steps.append(self._prepare_step('total', self._get_total_label(), self.total, 0.0))
        return {'steps': steps, 'is_explained': self.currency_id.is_zero(difference)}

    def _prepare_step(self, key, label, amount, before, count=0):
        """Return a step of the waterfall.

        :param str key: What it is called.
        :param str label: What people call it.
        :param float amount: What it adds.
        :param float before: The running total before it.
        :param int count: Of how many lines it is; none: it can't be opened.
        :rtype: dict
        """
        after = self.currency_id.round(before + amount)
        return {
            'key': key,
            'label': label,
            'count': count,
            'amount': self.currency_id.round(amount),
            'before': before,
            'after': after,
            'amount_text': self.currency_id.format(amount),
            'after_text': self.currency_id.format(after),
        }

    def _get_total_label(self):
        """Return what becomes of the total.

        :rtype: str
        """
        sign = self.currency_id.compare_amounts(self.total, 0)
        if sign > 0:
            return self.env._("Deposit")
        if sign < 0:
            return self.env._("Owed to Amazon")
        return self.env._("Nothing to pay out")


class SaleOrder(models.Model):
    _inherit = 'sale.order'

    amazon_settlement_line_ids = fields.One2many(
        comodel_name='amazon.settlement.line',
        inverse_name='sale_order_id',
        string="Amazon Settlement Lines",
        groups='amazon_connector.group_amazon_user,account.group_account_invoice,'
               'account.group_account_readonly',
    )
