from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon.orders import parse_summary
from ..amazon.payload import load_json
from .amazon_sync_mixin import BACK_OFF_MINUTES
from .guard import as_connector
from .quiet import log_failure, quiet_sql
from .vault import KeyUnusable

BATCH_SIZE = 50
MAX_CONFLICTS = 5


class AmazonOrder(models.Model):
    _inherit = 'amazon.order'

    @api.model
    def _get_places(self):
        """Override of `amazon_connector` to forget what Odoo said of invoices, too."""
        places = super()._get_places()
        return {
            **places,
            'sale_order_id': [*places['sale_order_id'], 'amazon_invoice_answer'],
            'sale_order_id.invoice_ids': ['amazon_send_answer', 'amazon_payment_answer'],
        }

    @api.model
    def _read_invoiced_by_amazon(self):
        """Read what Amazon invoices itself from what is stored of orders: they may have come in
        before it was kept.

        :return: None
        """
        for order in self.search([('sale_order_id', '!=', False), ('payload', '!=', False)]):
            try:
                summary = parse_summary(load_json(order.payload))
            except (KeyUnusable, ValueError):
                continue  # It is read when Amazon sends it again.
            if summary.is_invoiced_by_amazon:
                with as_connector():
                    order.sale_order_id.amazon_invoiced_by_amazon = True


class SaleOrder(models.Model):
    """Invoices of Amazon orders: one for each order, by hand or by itself when it is delivered."""

    _name = 'sale.order'
    _inherit = ['sale.order', 'amazon.sync.mixin']

    amazon_invoiced_by_amazon = fields.Boolean(
        string="Invoiced by Amazon",
        help="Amazon gives the buyer an invoice in your name. Odoo's is for your books only: it is"
             " not sent to the buyer.",
        readonly=True,
        copy=False,
    )
    amazon_invoice_reason = fields.Char(
        string="Why There Is No Invoice",
        help="Why the order could not be invoiced by itself, and what to do.",
        readonly=True,
        copy=False,
    )
    amazon_invoice_answer = fields.Char(
        string="Original Words on the Invoice",
        help="What Odoo or another module said of the invoice. It may quote a buyer.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )
    amazon_invoice_attempts = fields.Integer(readonly=True, copy=False)
    amazon_invoice_next_try = fields.Datetime(
        string="Invoiced Next",
        help="When it is tried again by itself. Empty: it waits for a person.",
        readonly=True,
        copy=False,
    )
    amazon_invoicings = fields.Integer(
        help="How often invoices of the order were made. Where two processes invoice it at the same"
             " time, one of them fails on this figure.",
        readonly=True,
        copy=False,
    )

    # === ACTION METHODS === #

    def action_retry_amazon_invoice(self):
        """Let the orders be invoiced by themselves once more, shortly.

        :return: None
        """
        self.check_access('write')
        with as_connector():
            self.filtered('amazon_invoice_reason').write({
                'amazon_invoice_attempts': 0, 'amazon_invoice_next_try': fields.Datetime.now(),
            })
        # In sudo mode: who sells need not be allowed to start crons.
        self.env.ref('amazon_connector.ir_cron_invoice_orders').sudo()._trigger()

    # === BUSINESS METHODS - INVOICES === #

    def _prepare_invoice(self):
        """Override of `sale` to name the Amazon order, date its delivery, and ask nobody to pay."""
        values = super()._prepare_invoice()
        if self.amazon_order_ref:
            values.update({
                'ref': self.client_order_ref or self.amazon_order_ref,
                'delivery_date': self._get_amazon_delivery_date(),
                'partner_bank_id': False,  # The buyer has paid.
            })
        return {**values, 'amazon_order_ref': self.amazon_order_ref or ''}

    @api.model
    def _get_invoice_grouping_keys(self):
        """Override of `sale` to make an invoice for each Amazon order: the contact of buyers whom
        Amazon does not name is many people, and Amazon takes invoices of single orders.
        """
        return [*super()._get_invoice_grouping_keys(), 'amazon_order_ref']

    def _create_account_invoices(self, invoice_vals_list, final):
        """Override of `sale` to let the invoice find its Amazon order by its lines."""
        for values in invoice_vals_list:
            values.pop('amazon_order_ref', None)
        return super()._create_account_invoices(invoice_vals_list, final)

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Override of `sale` to let nobody invoice an Amazon order a second time meanwhile."""
        # In sudo mode: who makes invoices need not be allowed to change orders.
        orders = self.sudo().filtered('amazon_order_ref')
        try:
            orders.lock_for_update(allow_referencing=True)
        except LockError:
            raise UserError(self.env._(
                "Somebody else, or the connector itself, changes or invoices these orders at this"
                " moment: try again in a minute.",
            )) from None
        invoices = super()._create_invoices(grouped=grouped, final=final, date=date)
        with as_connector():
            # In sudo mode: who makes invoices need not see all lines of orders.
            for order in invoices.sudo().line_ids.sale_line_ids.order_id & orders:
                order._note_invoiced()
        return invoices

    def _note_invoiced(self):
        """Forget why the order could not be invoiced, and change its row for whoever waits for it.

        :return: None
        """
        self.ensure_one()
        self.write({
            'amazon_invoicings': self.amazon_invoicings + 1,
            **self._prepare_failure_values('amazon_invoice'),
        })

    def _get_amazon_delivery_date(self):
        """Return the day on which the last goods of the order left, by a delivery or without one.

        :return: The day (UTC), `False` if none has left, or Odoo does not know when.
        :rtype: date | bool
        """
        self.ensure_one()
        # In sudo mode: who makes invoices need not see stock moves.
        moves = self.sudo().order_line.move_ids.filtered(
            lambda move: move.state == 'done' and move.location_dest_id.usage == 'customer',
        )
        return fields.Date.to_date(max(moves.mapped('date'), default=False))

    # === BUSINESS METHODS - BY ITSELF === #

    @api.model
    def _get_due_invoicing_domain(self, accounts):
        """Return the domain of the orders that may have to be invoiced by themselves now.

        :param amazon.account accounts: The accounts that want it.
        :rtype: Domain
        """
        return Domain.OR(account._get_invoiced_orders_domain() for account in accounts) & Domain([
            ('state', '=', 'sale'),
            ('invoice_status', '=', 'to invoice'),
            ('delivery_status', 'in', ('full', False)),
        ]) & (
            Domain('amazon_invoice_reason', '=', False)
            | Domain('amazon_invoice_next_try', '<=', fields.Datetime.now())
        )

    @api.model
    @quiet_sql()
    def _invoice_due(self, budget):
        """Invoice what was delivered, in batches that are committed one by one.

        The rows of a batch are locked, so that workers divide the orders and never meet.

        :param TimeBudget budget: No batch is begun when it is spent.
        :return: Whether all that was due was looked at.
        :rtype: bool
        """
        accounts = self.env['amazon.account'].search([('invoice_policy', '!=', 'manual')])
        last_id, conflicts = 0, 0
        while not budget.is_spent() and conflicts < MAX_CONFLICTS:
            batch = self.search(
                self._get_due_invoicing_domain(accounts) & Domain('id', '>', last_id),
                order='id', limit=BATCH_SIZE,
            )
            if not batch:
                return not conflicts
            last_id = batch[-1].id
            try:
                batch.try_lock_for_update(allow_referencing=True)._invoice_batch()
                self.env['ir.cron']._commit_progress(processed=len(batch))
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()  # The next run finds what the others leave.
                conflicts += 1
            except Exception as exception:
                self.env.cr.rollback()
                log_failure(batch, exception)
        return False

    def _invoice_batch(self):
        """Invoice those of the orders that were delivered; each one that can't be invoiced keeps
        the reason.

        :return: None
        """
        for account, orders in self.grouped('amazon_account_id').items():
            orders = orders.with_company(account.company_id).with_context(**account._get_ears())
            failures = orders.filtered(
                lambda order: order._is_to_invoice(),
            )._do_together_or_apart(lambda orders: orders._invoice_by_policy())
            for order, exception in failures.items():
                order._note_failure_safely(exception)
            account.with_env(orders.env)._follow_up_failures()

    def _is_to_invoice(self):
        """Return whether there is something to invoice, and all of the order was delivered.

        :rtype: bool
        """
        self.ensure_one()
        lines = self.order_line.filtered(lambda line: not line.display_type)
        return (
            any(line.qty_to_invoice > 0 for line in lines)
            and not any(line._get_open_deliveries() for line in lines)
            and all(
                line._is_delivered() or line._is_cut_short()
                for line in lines if line._waits_for_delivery()
            )
        )

    def _invoice_by_policy(self):
        """Make the invoices of the orders, and post them if the account says so.

        :return: None
        :raise UserError: If one can't be made, saying why.
        """
        self._check_invoicing_possible()
        for order in self:
            with order._blamed():
                order._check_delivered()
        invoices = self._create_invoices()
        for order in self:
            with order._blamed():
                order._check_invoice_total()
        invoices.filtered(
            lambda move: move.amazon_account_id.invoice_policy == 'post',
        )._post_for_amazon()

    def _check_invoicing_possible(self):
        """Refuse to invoice where Odoo would not say what is missing.

        :return: None
        :raise UserError: Naming what is missing, with the next step.
        """
        company = self.env.company
        Journal = self.env['account.journal']
        if not Journal.search_count(
            [*Journal._check_company_domain(company), ('type', '=', 'sale')], limit=1,
        ):
            raise UserError(self.env._(
                "%(company)s has no journal for invoices: choose its Fiscal Localization under"
                " Invoicing ▸ Configuration ▸ Settings, or make a journal of the type Sales under"
                " Invoicing ▸ Configuration ▸ Journals.",
                company=company.name,
            ))

    def _check_delivered(self):
        """Refuse to invoice what will not be delivered any more: a person knows what becomes of it.

        :return: None
        :raise UserError: Naming what is missing.
        """
        self.ensure_one()
        for line in self.order_line.filtered(lambda line: line._is_cut_short()):
            raise UserError(self.env._(
                "%(product)s: %(delivered)g of %(wanted)g were delivered, and no delivery of the"
                " rest is open. Deliver the rest, or lower the Quantity of the line; or press"
                " Create Invoice on the order to invoice all the same.",
                product=line.product_id.display_name,
                delivered=line.qty_delivered,
                wanted=line._get_quantity_to_deliver(),
            ))

    def _check_invoice_total(self):
        """Refuse the first invoice of a whole order that makes another total than the order.

        :return: None
        :raise UserError: Naming both.
        """
        self.ensure_one()
        invoices = self.order_line.invoice_lines.move_id.filtered(lambda m: m.state != 'cancel')
        if len(invoices) != 1 or any(line.qty_to_invoice for line in self.order_line):
            return
        if self.currency_id.compare_amounts(invoices.amount_total, self.amount_total):
            raise UserError(self.env._(
                "The invoice would make %(invoiced)s, but the order makes %(ordered)s. Press Create"
                " Invoice on the order, correct the draft, and confirm it.",
                invoiced=self.currency_id.format(invoices.amount_total),
                ordered=self.currency_id.format(self.amount_total),
            ))

    # === BUSINESS METHODS - FAILURES === #

    def _note_failure(self, exception):
        """Override of `amazon.sync.mixin` to keep why there is no invoice."""
        with as_connector():
            self.write(self._prepare_failure_values(
                'amazon_invoice',
                reason=self._get_failure_reason(exception),
                answer=self._get_answer(exception),
                attempts=min(self.amazon_invoice_attempts, len(BACK_OFF_MINUTES)) + 1,
            ))

    # === BUSINESS METHODS - FROM AMAZON === #

    @api.model
    def _prepare_amazon_values(self, account, incoming):
        """Override of `amazon_connector` to mark what Amazon invoices itself."""
        return {
            **super()._prepare_amazon_values(account, incoming),
            'amazon_invoiced_by_amazon': incoming.data.is_invoiced_by_amazon,
        }

    def _update_from_amazon(self, data):
        """Override of `amazon_connector` to mark what Amazon invoices itself."""
        super()._update_from_amazon(data)
        if self.amazon_invoiced_by_amazon != data.is_invoiced_by_amazon:
            self.amazon_invoiced_by_amazon = data.is_invoiced_by_amazon


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    # === BUSINESS METHODS - INVOICES === #

    def _waits_for_delivery(self):
        """Return whether the line is not to be invoiced before it was delivered.

        Charges and services that are invoiced as ordered are not delivered by anybody.

        :rtype: bool
        """
        self.ensure_one()
        product = self.product_id
        return bool(product) and (product.type != 'service' or product.invoice_policy != 'order')

    def _is_delivered(self):
        """Return whether all that is to be invoiced of the line was delivered.

        :rtype: bool
        """
        self.ensure_one()
        wanted = self._get_quantity_to_deliver()
        return self.product_uom_id.compare(self.qty_delivered, wanted) >= 0 and (
            self.qty_delivered > 0 or not self.product_uom_qty
        )

    def _get_quantity_to_deliver(self):
        """Return how much of the line has to be delivered before it is invoiced.

        :rtype: float
        """
        self.ensure_one()
        return self.qty_invoiced + self.qty_to_invoice

    def _is_cut_short(self):
        """Return whether a part of what is to be invoiced was to be delivered, and will not be.

        :rtype: bool
        """
        self.ensure_one()
        return (
            self.qty_to_invoice > 0
            and self.product_id.type == 'consu'
            and self.order_id.delivery_status == 'full'
            and not self._get_open_deliveries()
            and not self._is_delivered()
        )
