from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .quiet import log_failure
from .tools import CRON_SECONDS, TimeBudget

BOOKING_FIELDS = (  # of what is booked by itself, and how
    'invoice_policy', 'paid_at_import', 'settlement_policy', 'splits_months', 'refund_policy',
    'fee_policy', 'fee_partner_id',
)


class AmazonAccount(models.Model):
    """Invoices: when they are made by themselves, how they reach the buyer, and who has paid."""

    _inherit = 'amazon.account'

    invoice_policy = fields.Selection(
        selection=[
            ('manual', "By hand"),
            ('draft', "Draft when delivered"),
            ('post', "Posted when delivered"),
        ],
        string="Invoices",
        help="Whether an order gets its invoice by itself once all of it has been delivered, by you"
             " or by Amazon. Orders with something that is not explained wait for a person.",
        default='manual',
        required=True,
        tracking=True,
    )
    invoice_sending = fields.Selection(
        selection=[
            ('none', "Not sent"),
            ('email', "By e-mail"),
            ('upload', "Uploaded to Amazon"),
        ],
        string="Invoices to Buyers",
        help="What becomes of the invoices that are posted by themselves. E-mail goes to the alias"
             " under which Amazon forwards it to the buyer; Amazon takes it only from senders that"
             " you have entered in Seller Central. What Amazon invoices itself is never sent.",
        default='none',
        required=True,
        tracking=True,
    )
    paid_at_import = fields.Boolean(
        string="Paid When Invoiced",
        help="An invoice gets its payment by itself when it is posted, in the journal Amazon"
             " Payments and at the date of the order: the buyer has paid Amazon. A settlement that"
             " comes later recognises it.",
        tracking=True,
    )
    invoice_failed_count = fields.Integer(
        compute='_compute_invoice_failed_count', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_invoice_failed_count(self):
        counts = self._count_by_account('sale.order', self._get_invoice_failed_domain())
        for account in self:
            account.invoice_failed_count = counts.get(account, 0)

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `amazon_connector` to let only people of accounting choose what is booked by
        itself.
        """
        for vals in vals_list:
            for name in BOOKING_FIELDS:
                default = self._fields[name].default
                if vals.get(name) and not (default and vals[name] == default(self)):
                    self._check_may_book(name)
        return super().create(vals_list)

    def write(self, vals):
        """Override of `amazon_connector` to let only people of accounting choose what is booked by
        itself, and to look for what is to be invoiced.
        """
        for name in BOOKING_FIELDS:
            if name in vals and any(
                account._convert_to_write({name: account[name]})[name] != (vals[name] or False)
                for account in self
            ):
                self._check_may_book(name)
        res = super().write(vals)
        if vals.get('invoice_policy', 'manual') != 'manual':
            # In sudo mode: who changes settings need not be allowed to start crons.
            self.env.ref('amazon_connector.ir_cron_invoice_orders').sudo()._trigger()
        return res

    # === ACTION METHODS === #

    def action_open_failed_invoices(self):
        """Open the sales orders of the account that could not be invoiced.

        :rtype: dict
        """
        return self._open_sale_orders(search_default_amazon_invoice_failed=1)

    # === BUSINESS METHODS === #

    @api.model
    def _cron_invoice_orders(self):
        """Invoice what was delivered and send what was invoiced, where the accounts say so.

        :return: None
        """
        budget = TimeBudget(CRON_SECONDS)
        try:
            is_done = self.env['sale.order']._invoice_due(budget)
            is_done &= self.env['account.move']._mail_due(budget)
        except Exception as exception:
            # After a commit, an exception would make the cron run again at once, over and over.
            self.env.cr.rollback()
            log_failure(self, exception)
        else:
            if not is_done:
                self.env.ref('amazon_connector.ir_cron_invoice_orders')._trigger()
        self.env['ir.cron']._commit_progress(remaining=0)

    @api.model
    def _check_may_book(self, name):
        """Refuse to let people choose what is booked who may book nothing themselves.

        :param str name: The field.
        :return: None
        :raise AccessError: Naming the field.
        """
        if not (self.env.su or self.env.user.has_group('account.group_account_invoice')):
            raise AccessError(self.env._(
                "%(field)s: this decides what is booked. Somebody of Invoicing who is an Amazon"
                " administrator, too, has to choose it.",
                field=self._fields[name].get_description(self.env, ['string'])['string'],
            ))

    @api.model
    def _get_invoice_failed_domain(self):
        """Return the domain of the orders that could not be invoiced by themselves.

        :rtype: Domain
        """
        return Domain([
            ('amazon_invoice_reason', '!=', False),
            ('state', '=', 'sale'),
            ('invoice_status', '=', 'to invoice'),
        ])

    def _find_failures(self):
        """Override of `amazon_connector` to look for invoices."""
        mine = Domain('amazon_account_id', '=', self.id)
        if self.env['sale.order'].search_count(mine & self._get_invoice_failed_domain(), limit=1):
            return self.env._(
                "Orders could not be invoiced. Amazon ▸ Orders ▸ Sales Orders, filter Not Invoiced:"
                " Failed (Amazon), shows each with its reason.",
            )
        if self.env['account.move'].search_count(
            mine & Domain('amazon_send_state', '=', 'failed'), limit=1,
        ):
            return self.env._(
                "Invoices could not be sent to buyers. Invoicing ▸ Customers ▸ Invoices, filter Not"
                " Sent: Failed (Amazon), shows each with its reason.",
            )
        return super()._find_failures()

    def _find_problems(self):
        """Override of `amazon_connector` to look whether invoices are made by themselves."""
        problems = super()._find_problems()
        cron = self.env.ref('amazon_connector.ir_cron_invoice_orders').sudo()
        if self.invoice_policy != 'manual' and not cron.active:
            problems.append(self._get_cron_problem(self.env._("Invoices"), cron))
        return problems
