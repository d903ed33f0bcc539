from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .guard import as_connector

CLOSING_CHARGES = ('rounding', 'unexplained')


class SaleOrder(models.Model):
    """What the buyer paid on Amazon: it is the total, to the cent, whatever explains it.

    What nothing explains stands on a line of its own. It holds back the invoice, never the goods,
    until a person has accepted it or corrected the order.
    """

    _inherit = 'sale.order'

    amazon_explained = fields.Monetary(
        string="Explained by Amazon",
        help="What Amazon's amounts for the items make; the same as Paid on Amazon, up to rounding,"
             " unless something is missing or contradicts.",
        readonly=True,
        copy=False,
    )
    amazon_unexplained_amount = fields.Monetary(
        string="Not Explained",
        help="What the buyer paid on Amazon, but neither Amazon's amounts nor the taxes explain.",
        compute='_compute_amazon_unexplained_amount',
        store=True,
        tracking=True,
    )
    amazon_unexplained_accepted = fields.Boolean(
        string="Difference Accepted",
        help="Whether a person wants to invoice it although something is not explained.",
        readonly=True,
        copy=False,
        tracking=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('order_line.amazon_charge', 'order_line.price_total')
    def _compute_amazon_unexplained_amount(self):
        for order in self:
            lines = order.order_line.filtered(lambda line: line.amazon_charge == 'unexplained')
            order.amazon_unexplained_amount = sum(lines.mapped('price_total'))

    @api.depends('amazon_unexplained_amount', 'amazon_unexplained_accepted')
    def _compute_invoice_status(self):
        """Override of `sale` to ask for no invoice while something is not explained."""
        super()._compute_invoice_status()
        self._filter_held().invoice_status = 'no'

    # === ACTION METHODS === #

    def action_accept_unexplained(self):
        """Release the invoices of orders although something is not explained.

        :return: None
        """
        held = self._filter_held()
        with as_connector():
            held.amazon_unexplained_accepted = True
        for order in held:
            order.message_post(body=order.env._(
                "The difference of %(amount)s that Amazon's amounts do not explain was accepted."
                " The order can be invoiced.",
                amount=order.currency_id.format(order.amazon_unexplained_amount),
            ))

    # === BUSINESS METHODS - INVOICES === #

    def _filter_held(self):
        """Return the orders that may not be invoiced yet: a person has to look at the difference.

        :rtype: sale.order
        """
        return self.filtered(
            lambda o: o.amazon_unexplained_amount and not o.amazon_unexplained_accepted,
        )

    def _check_not_held(self):
        """Refuse to invoice orders with something that is not explained.

        :return: None
        :raise UserError: Naming the first of them, with the next step.
        """
        held = self._filter_held()
        if held:
            raise UserError(self.env._(
                "%(order)s: the buyer paid %(paid)s on Amazon, but its amounts explain only"
                " %(explained)s. Correct the order, or press Accept Difference on it, then invoice"
                " it.",
                order=held[0].name,
                paid=held[0].currency_id.format(held[0].amazon_total),
                explained=held[0].currency_id.format(
                    held[0].amazon_total - held[0].amazon_unexplained_amount,
                ),
            ))

    def _get_invoiceable_lines(self, final=False):
        """Override of `sale` to leave out what is not explained yet, so that it stops no other."""
        if self._filter_held():
            return self.env['sale.order.line']
        return super()._get_invoiceable_lines(final)

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Override of `sale` to say why there is no invoice."""
        if self and self._filter_held() == self:
            self._check_not_held()
        return super()._create_invoices(grouped=grouped, final=final, date=date)

    # === BUSINESS METHODS - FROM AMAZON === #

    def _close_amazon_rounding(self, data):
        """Make the total what the buyer paid, and note whether the tax is what Amazon says.

        A rounding line closes what roundings leave open; what is more stands on a line of its own.

        :param amazon.orders.Order data: The order as read.
        :return: None
        :raise UserError: If the total can't be reached.
        """
        self.ensure_one()
        lines = self.order_line.filtered('amazon_charge')
        added_lines = self.order_line - lines  # by a person
        closing_lines = lines.filtered(lambda line: line.amazon_charge in CLOSING_CHARGES)
        limit = (lines - closing_lines)._get_amazon_rounding_limit()
        wanted_total = float(data.total) + sum(added_lines.mapped('price_total'))
        unexplained = float(data.unexplained)
        open_amount = wanted_total - unexplained - (
            self.amount_total - sum(closing_lines.mapped('price_total'))
        )
        rounding = limit + (abs(float(data.open_amount)) if data.is_explained else 0.0)
        if self.currency_id.compare_amounts(abs(open_amount), rounding) > 0:
            # Odoo's taxes do not reach what the buyer paid.
            unexplained, open_amount = unexplained + open_amount, 0.0
        self._close_amazon_total({'rounding': open_amount, 'unexplained': unexplained})
        if self.currency_id.compare_amounts(self.amount_total, wanted_total):
            raise UserError(self.env._(
                "The buyer paid %(paid)s, but the sales order makes %(total)s.",
                paid=self.currency_id.format(wanted_total),
                total=self.currency_id.format(self.amount_total),
            ))
        tax = self.amount_tax - sum(added_lines.mapped('price_tax'))
        tax_differs = data.tax is not None and self.currency_id.compare_amounts(
            abs(tax - float(data.tax)), limit,
        ) > 0
        if self.amazon_tax_differs != tax_differs:
            self.amazon_tax_differs = tax_differs

    def _close_amazon_total(self, amounts):
        """Give the closing lines these amounts; make those that are needed for the first time.

        :param dict amounts: What is open, in the order's currency, by charge.
        :return: None
        """
        unexplained_before = self.amazon_unexplained_amount
        for charge, amount in amounts.items():
            lines = self.order_line.filtered(lambda line, of=charge: line.amazon_charge == of)
            if lines:
                lines._set_amazon_price(amount / len(lines), product_uom_qty=1, discount=0.0)
            elif not self.currency_id.is_zero(amount):
                self.order_line = [Command.create(self.order_line._prepare_amazon_closing_values(
                    self.amazon_account_id, charge, amount,
                ))]
        if self.amazon_unexplained_accepted and self.currency_id.compare_amounts(
            self.amazon_unexplained_amount, unexplained_before,
        ):
            self.amazon_unexplained_accepted = False
