from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Command
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date

from ..amazon.cfdi import parse_cfdi
from ..amazon.errors import Malformed
from .guard import as_connector
from .money_categories import CATEGORIES, FEES
from .quiet import quiet_sql

FEE_CATEGORIES = [(category, label) for category, label in CATEGORIES if category in FEES]
MAX_DOCUMENTS = 50
MAX_NOTE_LENGTH = 1000


class AccountMove(models.Model):
    """Amazon's bill for the fees of a month: what settlements have kept for it pays it.

    It grows with each settlement of the month while it is a draft. What comes after it was posted
    is on another one.
    """

    _inherit = 'account.move'

    # A person types it from Amazon's document; see `amazon.guard.mixin`.
    _amazon_open_fields = ('amazon_billed',)

    amazon_fee_month = fields.Date(
        string="Month of Amazon's Fees",
        help="The last day of the month that Amazon bills.",
        readonly=True,
        copy=False,
        index='btree_not_null',
    )
    amazon_fee_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account of the Fees",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
    )
    amazon_fee_item_ids = fields.One2many(
        comodel_name='account.move.line',
        inverse_name='amazon_fee_bill_id',
        string="Fees Withheld",
        readonly=True,
        copy=False,
    )
    amazon_fee_settlement_ids = fields.Many2many(
        comodel_name='amazon.settlement',
        relation='amazon_fee_bill_settlement_rel',
        column1='bill_id',
        column2='settlement_id',
        string="Settlements of the Fees",
        readonly=True,
        copy=False,
    )
    amazon_withheld = fields.Monetary(
        string="Withheld by Settlements",
        help="What Amazon has kept of the month's proceeds for its fees.",
        compute='_compute_amazon_withheld',
        compute_sudo=True,
    )
    amazon_billed = fields.Monetary(
        string="Billed by Amazon",
        help="The total on Amazon's own document, tax included. It is read from a CFDI that you"
             " attach.",
        copy=False,
    )
    amazon_fiscal_folio = fields.Char(string="Fiscal Folio", readonly=True, copy=False)
    amazon_bill_note = fields.Char(
        string="What Could Not Be Read", readonly=True, copy=False,
    )
    amazon_bill_warning = fields.Char(compute='_compute_amazon_bill_warning')

    # === COMPUTE METHODS === #

    @api.depends('amazon_fee_item_ids.amount_currency', 'move_type')
    def _compute_amazon_withheld(self):
        sums = dict(self.env['account.move.line']._read_group(
            [('id', 'in', self._get_billed_items().ids)],
            ['amazon_fee_bill_id'],
            ['amount_currency:sum'],
        ))
        for move in self:
            sign = -1 if move.move_type == 'in_refund' else 1
            move.amazon_withheld = sign * sums.get(move, 0.0)

    @api.depends('amazon_withheld', 'amazon_billed', 'amount_total', 'amazon_fee_month')
    def _compute_amazon_bill_warning(self):
        for move in self:
            move.amazon_bill_warning = bool(move.amazon_fee_month) and move._get_bill_warning()

    def _get_bill_warning(self):
        """Return in which way the figures of Amazon's bill do not agree, empty if they do.

        :rtype: str
        """
        currency = self.currency_id
        if self.amazon_billed and currency.compare_amounts(
            self.amazon_billed, self.amazon_withheld,
        ):
            return self.env._(
                "Amazon's document says %(billed)s, but settlements have withheld %(withheld)s:"
                " %(difference)s apart. Enter the amounts of the document in the lines below, which"
                " stay as you leave them. What is apart stays open with Amazon until another"
                " settlement withholds it.",
                billed=currency.format(self.amazon_billed),
                withheld=currency.format(self.amazon_withheld),
                difference=currency.format(abs(self.amazon_billed - self.amazon_withheld)),
            )
        target = self.amazon_billed or self.amazon_withheld
        if currency.compare_amounts(self.amount_total, target):
            return self.env._(
                "The lines come to %(total)s, but settlements have withheld %(withheld)s:"
                " %(difference)s stay open with Amazon.",
                total=currency.format(self.amount_total),
                withheld=currency.format(self.amazon_withheld),
                difference=currency.format(abs(self.amount_total - self.amazon_withheld)),
            )
        return ''

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `account` to take what is deleted out of Amazon's bills."""
        # In sudo mode: who deals with entries need not see all bills.
        bills = self.sudo()._get_fee_items()._get_bills() - self
        res = super().unlink()
        bills._fill_in_fees()
        return res

    # === ACTION METHODS === #

    def button_draft(self):
        """Override of `account` to take what is no longer posted out of Amazon's bills."""
        items = self.sudo()._get_fee_items()  # as in `unlink`
        res = super().button_draft()
        items._take_out_of_bills()
        return res

    def button_cancel(self):
        """Override of `account` to take what is cancelled out of Amazon's bills; where it is the
        bill itself, another one can be made.
        """
        moves = self.sudo()  # as in `unlink`
        items = moves._get_fee_items()
        billed = moves.filtered('amazon_fee_month')._get_billed_items()
        res = super().button_cancel()
        items._take_out_of_bills()
        billed._set_bill(self.env['account.move'])
        return res

    def action_open_fee_settlements(self):
        """Open the settlements that have withheld what this bills.

        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_settlement',
            ),
            'domain': [('id', 'in', self.amazon_fee_settlement_ids.ids)],
            'context': {},
        }

    # === BUSINESS METHODS - POSTING === #

    def _post(self, soft=True):
        """Override of `account` to add fees to Amazon's bills, and to reconcile both."""
        posted = super()._post(soft=soft)
        moves = posted.sudo()  # as in `unlink`
        moves.filtered('amazon_settlement_id')._bill_fees()
        bills = moves.filtered('amazon_fee_month') | moves._get_fee_items()._get_bills()
        for bill in bills.filtered(lambda move: move.state == 'posted'):
            bill._reconcile_fees_safely()
        return posted

    def _get_fee_items(self):
        """Return what entries of settlements withhold for Amazon's bills.

        :rtype: account.move.line
        """
        return self.env['account.move.line'].search([
            ('move_id', 'in', self.ids), ('amazon_fee_month', '!=', False),
        ])

    def _get_billed_items(self):
        """Return what these bill of what entries withhold, those of their own company.

        :rtype: account.move.line
        """
        return self.amazon_fee_item_ids.filtered(
            lambda item: item.company_id == item.amazon_fee_bill_id.company_id,
        )

    def _reconcile_fees_safely(self):
        """Reconcile a bill with what settlements have withheld for it. Where that fails, both are
        posted still, and the settlements say so.

        :return: None
        """
        self.ensure_one()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                self._reconcile_fees()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception:
            self.env.invalidate_all(flush=False)
            self._get_billed_items().move_id.amazon_settlement_id._reconcile_again()

    def _reconcile_fees(self):
        """Reconcile a bill that is posted with what settlements have withheld for it.

        :return: None
        """
        self.ensure_one()
        if self.state != 'posted':
            return
        items = (
            self.line_ids.filtered(lambda item: item.display_type == 'payment_term')
            | self._get_billed_items().filtered(lambda item: item.parent_state == 'posted')
        ).filtered(lambda item: not item.reconciled)
        plan = [
            together for together in items.grouped('account_id').values()
            if len(together) > 1 and together.account_id.reconcile
        ]
        if plan:
            items._reconcile_plan(plan)

    # === BUSINESS METHODS - BILLING === #

    @api.model
    def _get_purchase_journal(self, company):
        """Return the journal of Amazon's bills.

        :param res.company company: The company.
        :rtype: account.journal
        """
        Journal = self.env['account.journal']
        return Journal.search(
            [*Journal._check_company_domain(company), ('type', '=', 'purchase')], limit=1,
        )

    def _bill_fees(self):
        """Add what entries of settlements withhold to Amazon's bills, each to that of its month;
        and what no bill has any longer, since it was cancelled or deleted.

        :return: None
        """
        items = self._get_fee_items().filtered(
            lambda item: not item.amazon_fee_bill_id and item.parent_state != 'cancel',
        )
        items |= self._get_left_out_fee_items()
        by_bill = defaultdict(self.env['account.move.line'].browse)
        for item in items:
            by_bill[item._find_bill(by_bill)] |= item
        grouped = by_bill.pop(self.env['account.move'], items.browse()).grouped(
            lambda item: item._get_bill_key(),
        )
        for together in grouped.values():
            by_bill[together[0]._make_bill()] |= together
        for bill, together in by_bill.items():
            together._set_bill(bill)
            bill._fill_in_fees()
            if bill.state == 'posted':
                bill._reconcile_fees_safely()

    def _get_left_out_fee_items(self):
        """Return what entries of the same Amazon accounts have withheld and no bill has. What a
        person has reconciled, if in part, needs none.

        :rtype: account.move.line
        """
        accounts = self.amazon_settlement_id.account_id
        return self.env['account.move.line'].search([
            ('amazon_fee_month', '!=', False),
            ('amazon_fee_bill_id', '=', False),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
            ('move_id.amazon_settlement_id.account_id', 'in',
             accounts.filtered(lambda account: account.fee_policy == 'bill').ids),
        ]).filtered(lambda item: not item._is_matched())

    def _fill_in_fees(self):
        """Let drafts of Amazon's bills say what settlements have withheld by now.

        One that nothing is withheld for any longer goes, unless a person has begun with it. One
        that follows Amazon's document keeps its lines.

        :return: None
        """
        for bill in self.filtered(lambda move: move.state == 'draft' and move.amazon_fee_month):
            items = bill._get_billed_items()
            if not items and not bill._is_begun():
                bill.unlink()
                continue
            with as_connector():
                if not bill._has_document():
                    bill._set_fee_lines(items)
                bill.amazon_fee_settlement_ids = items.move_id.amazon_settlement_id

    def _has_document(self):
        """Return whether a person has Amazon's document for a bill, whose lines are those of it.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.ref or self.amazon_billed or self.attachment_ids)

    def _get_not_withheld(self):
        """Return what a bill says that settlements have not withheld yet.

        :rtype: float
        """
        self.ensure_one()
        return (self.amazon_billed or self.amount_total) - self.amazon_withheld

    def _is_begun(self):
        """Return whether a person has done something with a bill.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self._has_document() or self.posted_before
            or self.invoice_line_ids.filtered(lambda line: not line.amazon_fee_category)
        )

    def _set_fee_lines(self, items):
        """Let a bill have a line for each kind of fee, which come to what was withheld.

        Lines that people have added stay, and so do the accounts and taxes that they have chosen.

        :param account.move.line items: What was withheld.
        :return: None
        """
        sums = defaultdict(float)
        for item in items:
            sums[item.amazon_fee_category] += item.amount_currency
        if not self.posted_before:
            is_refund = self.currency_id.compare_amounts(sum(sums.values()), 0) < 0
            if is_refund != (self.move_type == 'in_refund'):
                self.action_switch_move_type()
        sign = -1 if self.move_type == 'in_refund' else 1
        lines = self.invoice_line_ids.filtered('amazon_fee_category')
        lines = {line.amazon_fee_category: line for line in lines}
        commands = [
            Command.delete(line.id) for category, line in lines.items() if category not in sums
        ]
        for category, amount in sums.items():
            line = lines.get(category, self.env['account.move.line'])
            total = self.currency_id.round(sign * amount)
            if not line:
                commands.append(Command.create(self._prepare_fee_line(category, total)))
            elif self.currency_id.compare_amounts(line.price_total, total):
                commands.append(Command.update(line.id, line.tax_ids._prepare_line_of_total(
                    total, self.company_id, self.currency_id,
                )))
        if commands:
            self.write({'invoice_line_ids': commands})

    def _prepare_fee_line(self, category, total):
        """Return the values of the line of a kind of fee.

        :param str category: The kind of fee.
        :param float total: What it comes to with its taxes.
        :rtype: dict
        """
        rule = self.amazon_fee_account_id.booking_rule_ids.filtered(
            lambda rule: rule.category == category,
        )
        taxes = rule.tax_ids if rule and rule._is_of_fee() else rule.tax_ids.browse()
        labels = dict(self.env['account.move.line']._fields['amazon_fee_category'].
                      _description_selection(self.env))
        return {
            'name': labels[category],
            'account_id': rule.gl_account_id.id,
            'amazon_fee_category': category,
            **taxes._prepare_line_of_total(total, self.company_id, self.currency_id),
        }

    # === BUSINESS METHODS - AMAZON'S DOCUMENTS === #

    def _read_fee_documents(self):
        """Read the totals and folios of the CFDI that are attached to Amazon's bills.

        :return: None
        """
        for bill in self:
            found, problems = {}, []
            # In sudo mode: who attaches a document to a bill may see those that are there.
            attachments = self.env['ir.attachment'].sudo().search([
                ('res_model', '=', 'account.move'), ('res_id', '=', bill.id),
            ], limit=MAX_DOCUMENTS).filtered(lambda attachment: attachment._is_xml())
            for attachment in attachments:
                try:
                    document = parse_cfdi(attachment.raw or b'')
                except Malformed as error:
                    problems.append(f'{attachment.name}: {error}')
                    continue
                if document.currency != bill.currency_id.name:
                    problems.append(self.env._(
                        "%(file)s is in %(currency)s, the bill in %(expected)s.",
                        file=attachment.name,
                        currency=document.currency,
                        expected=bill.currency_id.name,
                    ))
                    continue
                found[document.folio] = document
            bill._note_documents(found, problems)

    def _note_documents(self, documents, problems):
        """Note on a bill what the documents of Amazon's say.

        :param dict[str, amazon.cfdi.Bill] documents: The documents by their folios.
        :param list[str] problems: What could not be read, a sentence each.
        :return: None
        """
        values = {
            'amazon_bill_note': '\n'.join(problems)[:MAX_NOTE_LENGTH] or False,
            'amazon_fiscal_folio': ', '.join(documents) or False,
        }
        if documents:
            total = sum(document.total for document in documents.values())
            values['amazon_billed'] = float(-total if self.move_type == 'in_refund' else total)
            numbers = [document.number for document in documents.values() if document.number]
            if numbers and not self.ref and self.state == 'draft':
                values['ref'] = ', '.join(numbers)
        with as_connector():
            self.write(values)


class AccountMoveLine(models.Model):
    """What settlements withhold for Amazon's bills, and the lines of these, by kind of fee."""

    _inherit = 'account.move.line'

    amazon_fee_month = fields.Date(
        string="Month of the Fee", readonly=True, copy=False, index='btree_not_null',
    )
    amazon_fee_category = fields.Selection(
        selection=FEE_CATEGORIES, string="Amazon Fee", readonly=True, copy=False,
    )
    amazon_fee_bill_id = fields.Many2one(
        comodel_name='account.move',
        string="Amazon's Bill",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
        check_company=True,
    )

    # === BUSINESS METHODS === #

    def _get_bills(self):
        """Return the bills of Amazon's that these are on, those of their own company.

        :rtype: account.move
        """
        return self.filtered(
            lambda item: item.company_id == item.amazon_fee_bill_id.company_id,
        ).amazon_fee_bill_id

    def _set_bill(self, bill):
        """Note on which bill of Amazon's these are.

        :param account.move bill: The bill; empty: none.
        :return: None
        """
        with as_connector():
            # An entry of thousands of items need not be computed anew for it.
            self.with_context(skip_invoice_sync=True).amazon_fee_bill_id = bill

    def _take_out_of_bills(self):
        """Take these out of Amazon's bills. A bill that is posted stays as it is.

        :return: None
        """
        bills = self._get_bills()
        self._set_bill(self.env['account.move'])
        bills._fill_in_fees()

    def _get_bill_key(self):
        """Return what items on one bill have in common.

        :rtype: tuple
        """
        self.ensure_one()
        return (
            self.move_id.amazon_settlement_id.account_id, self.amazon_fee_month,
            self.partner_id, self.currency_id, self.company_id,
        )

    def _find_bill(self, to_add):
        """Return the bill that an item belongs to: the one that bills its settlement already, else
        one that follows Amazon's document and says more than was withheld, else another draft.

        :param dict[account.move, account.move.line] to_add: What is about to be added to bills.
        :rtype: account.move
        """
        account, month, partner, currency, company = self._get_bill_key()
        bills = self.env['account.move'].search([
            ('amazon_fee_account_id', '=', account.id),
            ('amazon_fee_month', '=', month),
            ('commercial_partner_id', '=', partner.commercial_partner_id.id),
            ('currency_id', '=', currency.id),
            ('company_id', '=', company.id),
            ('state', 'in', ('draft', 'posted')),
        ], order='id')
        settlement = self.move_id.amazon_settlement_id
        known = bills.filtered(lambda bill: settlement in bill.amazon_fee_settlement_ids)
        if known:
            return known[0]
        fixed = bills.filtered(lambda bill: bill.state == 'posted' or bill._has_document())
        for bill in fixed.filtered(lambda bill: bill.move_type == 'in_invoice'):
            rest = bill._get_not_withheld() - sum(to_add[bill].mapped('amount_currency'))
            if self.amount_currency > 0 and currency.compare_amounts(
                self.amount_currency, rest,
            ) <= 0:
                return bill
        return (bills - fixed)[:1]

    def _make_bill(self):
        """Make a draft of the bill that an item belongs to, without lines.

        :rtype: account.move
        """
        account, month, partner, currency, company = self._get_bill_key()
        Move = self.env['account.move'].with_company(company)
        with as_connector():
            return Move.create({
                'move_type': 'in_invoice',
                'journal_id': Move._get_purchase_journal(company).id,
                'partner_id': partner.id,
                'currency_id': currency.id,
                'invoice_date': month,
                'invoice_payment_term_id': False,
                'invoice_origin': self.env._(
                    "Amazon's fees of %(month)s",
                    month=format_date(self.env, month, date_format='MMMM yyyy'),
                ),
                'amazon_fee_month': month,
                'amazon_fee_account_id': account.id,
            })


class IrAttachment(models.Model):
    """What Amazon's bill says is read from the document as soon as it is attached."""

    _inherit = 'ir.attachment'

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to read Amazon's bills."""
        attachments = super().create(vals_list)
        attachments._read_amazon_bills()
        return attachments

    def write(self, vals):
        """Override of `base` to read Amazon's bills, which may be attached after the upload."""
        res = super().write(vals)
        if vals.get('res_id'):
            self._read_amazon_bills()
        return res

    # === BUSINESS METHODS === #

    def _is_xml(self):
        """Return whether this is XML, as far as its name and type tell.

        :rtype: bool
        """
        self.ensure_one()
        return (self.name or '').lower().endswith('.xml') or (self.mimetype or '').endswith('/xml')

    def _read_amazon_bills(self):
        """Read the bills of Amazon's that these are attached to.

        :return: None
        """
        # In sudo mode: whether it is a bill of Amazon's is not secret to who attaches something.
        ids = self.sudo().filtered(
            lambda attachment: attachment.res_model == 'account.move' and attachment._is_xml(),
        ).mapped('res_id')
        if ids:
            bills = self.env['account.move'].sudo().browse(ids).exists()
            bills.filtered('amazon_fee_month')._read_fee_documents()
