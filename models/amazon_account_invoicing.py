from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .quiet import log_failure
from .tools import CRON_SECONDS, TimeBudget

BOOKING_FIELDS = (  # of what is booked by itself, and how
    'invoice_policy', 'invoice_from', 'paid_at_import', 'settlement_policy', 'splits_months',
    'refund_policy', 'fee_policy', 'fee_partner_id',
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
    invoice_from = fields.Date(
        string="Invoice Orders From",
        help="Orders that were placed before this day are not invoiced by themselves, nor are those"
             " before the cut-over: press Create Invoice on them. It is the day on which Invoices"
             " was switched on, unless you choose another one.",
        tracking=True,
        copy=False,
    )
    invoice_sending = fields.Selection(
        selection=[
            ('none', "Not sent"),
            ('email', "By e-mail"),
            ('upload', "Uploaded to Amazon"),
        ],
        string="Invoices to Buyers",
        help="How invoices and credit notes reach the buyer. By e-mail go those that are posted by"
             " themselves, to the alias under which Amazon forwards them; Amazon takes e-mail only"
             " from senders that you have entered in Seller Central. Uploaded is all that is"
             " posted, by people, too; Amazon takes it for Belgium, France, Germany, Ireland,"
             " Italy, the Netherlands, Poland, Spain, Sweden and the United Kingdom, and for no"
             " other marketplace: send those by Send on the invoice. What Amazon invoices itself is"
             " never sent.",
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

    # === ONCHANGE METHODS === #

    @api.onchange('invoice_policy')
    def _onchange_invoice_policy(self):
        if self.invoice_policy != 'manual' and self._origin.invoice_policy in (False, 'manual'):
            self.invoice_from = fields.Date.context_today(self)

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
        accounts = super().create(vals_list)
        accounts._get_without_beginning()._begin_invoicing()
        return accounts

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
        is_on = vals.get('invoice_policy', 'manual') != 'manual'
        switched_on = self.filtered(
            lambda account: is_on and not vals.get('invoice_from')
            and account.invoice_policy == 'manual',
        )
        res = super().write(vals)
        if 'invoice_policy' in vals or 'invoice_from' in vals:
            (switched_on | self._get_without_beginning())._begin_invoicing()
        if is_on:
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

    def _get_without_beginning(self):
        """Return those that invoice by themselves, and nobody has said from when.

        :rtype: amazon.account
        """
        return self.filtered(
            lambda account: account.invoice_policy != 'manual' and not account.invoice_from,
        )

    def _begin_invoicing(self):
        """Let the orders from today on be invoiced by themselves.

        :return: None
        """
        if self:
            self.write({'invoice_from': fields.Date.context_today(self)})

    def _get_invoiced_orders_domain(self):
        """Return the domain of the orders that the account invoices by itself, some time.

        What was placed before was invoiced elsewhere, or on purpose not at all: people decide.

        :rtype: Domain
        """
        self.ensure_one()
        return Domain([
            ('amazon_account_id', '=', self.id),
            ('amazon_cut_over', '=', False),
            ('date_order', '>=', fields.Datetime.to_datetime(self.invoice_from)),
        ])

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

    def _prepare_split_off(self):
        """Override of `amazon_connector`: what is split off is booked as before, and as far back.
        """
        return {
            **super()._prepare_split_off(),
            **self._convert_to_write({name: self[name] for name in BOOKING_FIELDS}),
        }

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
        # In sudo mode: crons are the system's.
        cron = self.env.ref('amazon_connector.ir_cron_invoice_orders').sudo()
        if self.invoice_policy != 'manual' and not cron.active:
            problems.append(self._get_cron_problem(self.env._("Invoices"), cron))
        return problems
