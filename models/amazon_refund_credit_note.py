"""The credit note of a refund: to the cent what Amazon gave back, as the invoice has it."""

from collections import defaultdict
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..amazon.refund_parts import is_tax_saved
from ..amazon.time_zones import get_time_zone
from .guard import as_connector
from .tools import to_aware

ASK_AGAIN = timedelta(days=1)  # what waits for a person; its invoice wakes it at once
# What a credit note has of its own: it is not in the invoice.
OWN_CHARGES = ('goodwill', 'restocking', 'return_shipping')


class AmazonRefund(models.Model):
    _inherit = 'amazon.refund'

    # === BUSINESS METHODS - WHETHER === #

    def _make_credit_note_unless_held(self):
        """Make the credit note, or say what holds it back.

        :return: None
        """
        self.ensure_one()
        self = self.with_company(self.company_id)
        if not self.sale_order_id:
            self.sale_order_id = self._find_sale_order()
        if obstacle := self._find_obstacle():
            self.write({
                'state': 'to_do',
                'reason': obstacle,
                'next_try': fields.Datetime.now() + ASK_AGAIN,
            })
            return
        self._check_possible()
        by_hand = self._find_credit_note_by_hand()
        if not by_hand and self._ask_about_older_credit_note():
            return
        with as_connector():
            credit_note = by_hand or self._make_credit_note()
            credit_note.amazon_refund_id = self
        self.write({
            'state': 'done',
            'reason': False,
            'next_try': False,
            'attempts': 0,
            'credit_note_id': credit_note.id,
            'note': self._find_excess(credit_note),
        })
        if credit_note.state == 'posted':
            credit_note._settle_with_amazon()

    def _find_sale_order(self):
        """Return the sales order.

        :rtype: sale.order
        """
        return self.env['sale.order'].search([
            ('company_id', '=', self.company_id.id),
            ('amazon_order_ref', '=', self.order_ref),
        ], limit=1) if self.order_ref else self.env['sale.order']

    def _find_obstacle(self):
        """Return what the credit note waits for, in a sentence with the next step.

        :return: The sentence, empty if it waits for nothing.
        :rtype: str
        """
        if self.problem and not self.settlement_id:
            return self.problem
        if self._get_invoices():
            return ''
        order = self.sale_order_id
        invoices = order.invoice_ids.filtered(lambda move: move.move_type == 'out_invoice')
        drafts = invoices.filtered(lambda move: move.state == 'draft')
        if not order:
            return self.env._(
                "Odoo does not know the order: get it by Amazon ▸ Orders ▸ Fetch an Order, and"
                " invoice it. Or press Skip.",
            )
        if drafts:
            return self.env._(
                "The invoice of %(order)s is a draft. Post it: the credit note follows by itself.",
                order=order.name,
            )
        if order.state == 'cancel':
            return self.env._(
                "%(order)s was cancelled before it was invoiced, so that there is nothing to"
                " credit. Press Skip; the settlement shows payment and refund.",
                order=order.name,
            )
        return self.env._(
            "%(order)s is not invoiced yet. Invoice it: the credit note follows by itself.",
            order=order.name,
        )

    def _check_possible(self):
        """Refuse what no credit note can be about.

        :return: None
        :raise UserError: Saying why.
        """
        if self.currency_id.compare_amounts(self.total, 0) >= 0:
            raise UserError(self.env._(
                "Amazon took a refund back: %(amount)s come from the buyer. Make an invoice of it"
                " by hand, then press Skip.",
                amount=self.currency_id.format(self.total),
            ))
        invoice = self._get_invoices()[:1]
        if invoice.currency_id != self.currency_id:
            raise UserError(self.env._(
                "Amazon refunded %(amount)s, but %(invoice)s is in %(currency)s. Make the credit"
                " note by hand, then press Skip.",
                amount=self.currency_id.format(self.total),
                invoice=invoice.name,
                currency=invoice.currency_id.name,
            ))

    def _get_invoices(self):
        """Return the posted invoices of the order, the earliest first.

        :rtype: account.move
        """
        return self.sale_order_id.invoice_ids.filtered(
            lambda move: move.move_type == 'out_invoice' and move.state == 'posted',
        ).sorted('id')

    def _get_credit_notes(self):
        """Return the credit notes of the order, drafts included.

        What reverses an invoice of several orders is of this one only where its lines say so.

        :rtype: account.move
        """
        order = self.sale_order_id
        own_invoices = self._get_invoices().filtered(
            lambda invoice: invoice.line_ids.sale_line_ids.order_id == order,
        )
        moves = order.invoice_ids | own_invoices.reversal_move_ids
        return moves.filtered(
            lambda move: move.move_type == 'out_refund' and move.state != 'cancel',
        )

    def _find_credit_note_by_hand(self):
        """Return the credit note that a person has made for this refund before, if any.

        :rtype: account.move
        """
        return self._get_credit_notes_alike().filtered(
            lambda move: not self._is_before(move),
        )[:1]

    def _ask_about_older_credit_note(self):
        """Let a person decide whether a credit note that is older than the refund is for it.

        Whoever has been asked, and wants a credit note all the same, has decided.

        :return: Whether a person was asked.
        :rtype: bool
        """
        older = self._get_credit_notes_alike().filtered(self._is_before)[:1]
        if not older or older == self.older_credit_note_id:
            return False
        self.write({
            'state': 'failed',
            'reason': self.env._(
                "%(credit_note)s gives the same amount back, but is older than the refund. If it is"
                " for this refund, press Skip; if not, press Make Credit Note.",
                credit_note=older.display_name,
            ),
            'next_try': False,
            'older_credit_note_id': older.id,
        })
        return True

    def _get_credit_notes_alike(self):
        """Return the credit notes of the order that people have made of the same amount, the
        earliest first; but not what only takes back an invoice that was made anew.

        :rtype: account.move
        """
        return self._get_credit_notes().filtered(
            lambda move: not move.amazon_refund_id and move.currency_id == self.currency_id
            and not self.currency_id.compare_amounts(move.amount_total, -self.total)
            and not self._is_correction(move),
        ).sorted('id')

    def _is_before(self, credit_note):
        """Return whether a credit note was made, and is dated, before the day of the refund.

        :param account.move credit_note: The credit note.
        :rtype: bool
        """
        day = min(self._get_day(), self.posted_at.date())
        return max(
            filter(None, (credit_note.create_date.date(), credit_note.invoice_date)),
        ) < day

    def _is_correction(self, credit_note):
        """Return whether a credit note takes back an invoice in whose place there is another one.

        :param account.move credit_note: The credit note.
        :rtype: bool
        """
        invoice = credit_note.reversed_entry_id
        for sold in invoice.line_ids.sale_line_ids.filtered(
            lambda sold: sold.order_id == self.sale_order_id,
        ):
            lines = sold.invoice_lines.filtered(
                lambda line: line.move_id.move_type == 'out_invoice'
                and line.move_id.state != 'cancel',
            )
            if lines.move_id.filtered(lambda move: move.id > invoice.id) and (
                sold.product_uom_id.compare(sum(lines.mapped('quantity')), sold.product_uom_qty) > 0
            ):
                return True
        return False

    def _find_excess(self, credit_note):
        """Return a sentence if more was refunded than invoiced, empty if not.

        :param account.move credit_note: The credit note of this refund.
        :rtype: str
        """
        lines = self.env['account.move.line'].union(
            *(entry[0] for entry in self._get_invoiced_lines()),
        )
        invoiced = self.currency_id.round(sum(lines.mapped('price_total')))
        credited = sum((self._get_credit_notes() | credit_note).mapped('amount_total'))
        if self.currency_id.compare_amounts(credited, invoiced) <= 0:
            return ''
        return self.env._(
            "More was refunded than invoiced: %(credited)s of %(invoiced)s.",
            credited=self.currency_id.format(credited),
            invoiced=self.currency_id.format(invoiced),
        )

    # === BUSINESS METHODS - HOW === #

    def _make_credit_note(self):
        """Make the credit note, and post it if the account wants that.

        :rtype: account.move
        :raise UserError: If it can't be the amount that Amazon refunded.
        """
        self = self.with_context(lang=self.sale_order_id.partner_invoice_id.lang)
        lines = self._prepare_credit_lines()
        credit_note = self.env['account.move'].create(self._prepare_credit_note_values(lines))
        self._close_total(credit_note)
        credit_note = credit_note.with_env(self.env(context={
            name: value for name, value in self.env.context.items() if name != 'lang'
        }))
        if self.account_id.refund_policy == 'post':
            # The hooks of posting have to know whose it is.
            credit_note.amazon_refund_id = self
            credit_note._post_for_amazon()
        return credit_note

    def _prepare_credit_note_values(self, lines):
        """Return the values of the credit note.

        :param list[tuple] lines: See `_prepare_credit_lines`.
        :rtype: dict
        """
        credited = {invoice for invoice, _values in lines if invoice}
        invoices = self._get_invoices()
        invoice = next((invoice for invoice in invoices if invoice in credited), invoices[0])
        day = self._get_day()
        return {
            'move_type': 'out_refund',
            'company_id': self.company_id.id,
            'journal_id': invoice.journal_id.id,
            'partner_id': invoice.partner_id.id,
            'partner_shipping_id': invoice.partner_shipping_id.id,
            'currency_id': self.currency_id.id,
            'fiscal_position_id': invoice.fiscal_position_id.id,
            'invoice_date': day,
            'invoice_date_due': day,
            'invoice_payment_term_id': False,
            'invoice_user_id': invoice.invoice_user_id.id,
            'team_id': invoice.team_id.id,
            'invoice_origin': self.sale_order_id.name,
            'ref': self.env._("%(order)s refund", order=self.order_ref),
            'reversed_entry_id': invoice.id,
            'invoice_line_ids': [Command.create(values) for _invoice, values in lines],
        }

    def _get_day(self):
        """Return the day of the refund by the clock of the marketplace.

        :rtype: date
        """
        marketplace = self.sale_order_id.amazon_marketplace_id
        zone = get_time_zone(marketplace.country_id.code or '')
        return to_aware(self.posted_at).astimezone(zone).date()

    def _prepare_credit_lines(self):
        """Return what the credit note consists of: a line for each charge that was refunded, as the
        invoice has it.

        They are not linked with the lines of the order: Odoo would invoice these once more.

        :return: The invoice that a line is about, empty if none is, and its values.
        :rtype: list[tuple[account.move, dict]]
        """
        invoiced = self._get_invoiced_lines()
        prepared = []
        for (item_ref, sku, charge, is_promotion), amount in self._sum_charges().items():
            if self.currency_id.is_zero(amount):
                continue
            line = self._find_line(invoiced, item_ref, sku, charge, is_promotion)
            goods = self._find_line(invoiced, item_ref, sku, 'item')
            prepared.append((
                line.move_id,
                self._prepare_credit_line(charge, is_promotion, -amount, line, goods, sku),
            ))
        return prepared

    def _sum_charges(self):
        """Return what was refunded of each charge, its taxes included; of promotions, what they
        take off.

        What Amazon remits of taxes itself goes back without a trace.

        :return: The amounts by item, SKU, charge, and whether it is a promotion.
        :rtype: dict[tuple, float]
        """
        lines = self.line_ids.filtered(lambda line: line.source == self.source)
        lines -= self._find_remitted(lines)
        charges = {(line.item_ref, line.sku, line.charge) for line in lines}
        sums = defaultdict(float)
        for line in lines:
            charge = line.charge
            if charge == 'other' and line.category == 'refund_tax_withheld':
                charge = next((
                    charge for charge in ('gift_wrap', 'shipping')
                    if (line.item_ref, line.sku, charge) in charges
                ), 'item')
            is_promotion = line.category == 'refund_promotion'
            sums[line.item_ref or '', line.sku or '', charge, is_promotion] += line.amount
        return sums

    def _find_remitted(self, lines):
        """Return the lines of taxes that Amazon remits itself: they cancel out for each item, with
        what promotions save of them.

        :param amazon.refund.line lines: The lines of the refund.
        :rtype: amazon.refund.line
        """
        remitted = lines.browse()
        for of_item in lines.grouped(lambda line: (line.item_ref, line.sku)).values():
            taxes = of_item.filtered(
                lambda line: line.category in ('refund_tax', 'refund_tax_withheld')
                or line.category == 'refund_promotion' and is_tax_saved(line.description or ''),
            )
            if 'refund_tax_withheld' in taxes.mapped('category') and self.currency_id.is_zero(
                sum(taxes.mapped('amount')),
            ):
                remitted |= taxes
        return remitted

    def _get_invoiced_lines(self):
        """Return the lines of the invoices that are of this order, and what each is of.

        :return: The lines, each with the item, SKU, charge and discounted charge.
        :rtype: list[tuple]
        """
        found = []
        for line in self._get_invoices().invoice_line_ids:
            sold = line.sale_line_ids.filtered(lambda sold: sold.order_id == self.sale_order_id)[:1]
            if sold and line.display_type == 'product' and line.quantity:
                found.append((
                    line, sold.amazon_order_item_ref, sold.amazon_offer_id.sku, sold.amazon_charge,
                    sold.amazon_discount_of,
                ))
        return found

    def _find_line(self, invoiced, item_ref, sku, charge, is_promotion=False):
        """Return the line of the invoices that is of a charge; the first where there are several.

        :param list[tuple] invoiced: See `_get_invoiced_lines`.
        :param str item_ref: The item, if it is known.
        :param str sku: The SKU, if it is known.
        :param str charge: The charge.
        :param bool is_promotion: Whether it is its promotion.
        :return: The line, empty if there is none.
        :rtype: account.move.line
        """
        wanted = ('discount', charge) if is_promotion else (charge, False)
        of_charge = [
            entry for entry in invoiced if (entry[3], entry[4] or False) == wanted
        ]
        for position, value in ((1, item_ref), (2, sku)):
            for entry in of_charge:
                if value and entry[position] == value:
                    return entry[0]
        return self.env['account.move.line']

    def _prepare_credit_line(self, charge, is_promotion, total, line, goods, sku):
        """Return the values of a line of the credit note.

        :param str charge: What is given back.
        :param bool is_promotion: Whether it is the promotion of that.
        :param float total: How much, taxes included; negative for what the seller keeps.
        :param account.move.line line: The line of the invoice, empty if there is none.
        :param account.move.line goods: The line of the invoice for the goods, likewise.
        :param str sku: The SKU, where it is known.
        :rtype: dict
        """
        product = line.product_id or self._get_product(charge, is_promotion, sku)
        quantity = self._get_whole_quantity(total, line) if charge == 'item' else 1
        taxes = line.tax_ids if line else goods.tax_ids._without_fixed()
        if line and quantity == 1 and self._is_part(total, line):
            # A tax of a fixed amount is one for each piece.
            taxes = taxes._without_fixed()
        taxes, price_unit = taxes._fit_to_total(total, quantity, product, self.currency_id)
        values = {
            'product_id': product.id,
            'product_uom_id': (line.product_uom_id or product.uom_id).id,
            'name': self._get_line_name(charge, is_promotion, line, goods, sku),
            'quantity': quantity,
            'price_unit': price_unit,
            'discount': 0.0,
            'tax_ids': [Command.set(taxes.ids)],
            'analytic_distribution': (line or goods).analytic_distribution,
        }
        if line:
            values['account_id'] = line.account_id.id
        return values

    def _get_product(self, charge, is_promotion, sku):
        """Return what stands for a charge that the invoice does not have.

        :rtype: product.product
        """
        account = self.account_id
        if is_promotion:
            return account.discount_product_id
        if charge == 'item':
            lines = self.line_ids.filtered(lambda line: line.sku == sku)
            return lines.product_id[:1] or account.other_product_id
        return {
            'shipping': account.shipping_product_id,
            'gift_wrap': account.gift_wrap_product_id,
            'cod_fee': account.cod_fee_product_id,
        }.get(charge, account.other_product_id)

    def _get_line_name(self, charge, is_promotion, line, goods, sku):
        """Return the description of a line of the credit note.

        :rtype: str
        """
        about = (goods.name or sku or '').partition('\n')[0]
        if charge in OWN_CHARGES:
            labels = {
                'goodwill': self.env._("Goodwill: %(item)s", item=about),
                'restocking': self.env._("Restocking fee: %(item)s", item=about),
                'return_shipping': self.env._("Return shipping: %(item)s", item=about),
            }
            return labels[charge]
        if line:
            return line.name
        if is_promotion:
            return self.env._("Promotion: %(item)s", item=about)
        if charge == 'item':
            return about or self.env._("Refund")
        product = self._get_product(charge, is_promotion, sku)
        return product.display_name

    def _get_whole_quantity(self, total, line):
        """Return how many pieces of an item were refunded, 1 where it is no whole number of units.

        :param float total: What was refunded, taxes included.
        :param account.move.line line: The line of the invoice.
        :rtype: float
        """
        if not line or total <= 0 or self._is_part(total, line):
            return 1
        return self._count_units(total, line) * line.quantity / self._get_units(line)

    def _is_part(self, total, line):
        """Return whether an amount is no whole number of units of an invoiced item.

        :rtype: bool
        """
        if line.price_total <= 0 or total <= 0:
            return True
        units, count = self._get_units(line), self._count_units(total, line)
        if not 1 <= count <= units:
            return True
        # The cents of a unit's tax are rounded for each, and for all of them.
        difference = abs(total - line.price_total * count / units)
        return difference > self.currency_id.rounding * max(count / 2, 0.5) + 1e-9

    def _count_units(self, total, line):
        """Return the whole number of units that comes next to an amount.

        :rtype: int
        """
        return round(total * self._get_units(line) / line.price_total)

    def _get_units(self, line):
        """Return how many units, as Amazon counts, an invoiced line has.

        :rtype: int
        """
        size = line.sale_line_ids[:1].amazon_pack_size or 1
        return max(round(line.quantity / size), 1)

    def _close_total(self, credit_note):
        """Make the total of a credit note what Amazon refunded, by a rounding line where needed.

        :param account.move credit_note: The credit note.
        :return: None
        :raise UserError: If taxes take it further off than rounding does.
        """
        def get_difference():
            return self.currency_id.round(-self.total - credit_note.amount_total)

        difference = get_difference()
        lines = credit_note.invoice_line_ids
        limit = self.currency_id.rounding * sum(
            max(1, (1 + len(line.tax_ids.flatten_taxes_hierarchy())) // 2) for line in lines
        )
        if self.currency_id.is_zero(difference):
            return
        if self.currency_id.compare_amounts(abs(difference), limit) <= 0:
            product = self.account_id.rounding_product_id
            credit_note.invoice_line_ids = [Command.create({
                'product_id': product.id,
                'name': product.display_name,
                'quantity': 1,
                'price_unit': difference,
                'tax_ids': [Command.clear()],
            })]
        if not self.currency_id.is_zero(get_difference()):
            raise UserError(self.env._(
                "Amazon refunded %(refunded)s, but with the taxes of the invoice the credit note"
                " makes %(total)s. Make it by hand with what was refunded, then press Make Credit"
                " Note here: it is recognised.",
                refunded=self.currency_id.format(-self.total),
                total=self.currency_id.format(credit_note.amount_total),
            ))
