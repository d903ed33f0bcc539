from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

CLEARED = (
    'street', 'street2', 'city', 'zip', 'phone', 'email', 'vat', 'comment', 'company_name',
    'function', 'website', 'amazon_email',
)
QUOTED = ('name', 'street', 'street2', 'phone', 'email', 'vat', 'amazon_email')
UNINVOICED_DAYS = 365  # so long an order may still be invoiced


class AmazonPersonalData(models.AbstractModel):
    _inherit = 'amazon.personal.data'

    @api.model
    def _get_keepers(self):
        """Override of `amazon_connector` to anonymize contacts after their orders were purged."""
        return [*super()._get_keepers(), 'res.partner']


class ResPartner(models.Model):
    """How long Amazon's buyers are known by name: while orders, deliveries or invoices need it."""

    _inherit = 'res.partner'

    amazon_anonymized = fields.Boolean(
        string="Anonymized Amazon Buyer", readonly=True, copy=False,
    )
    amazon_anonymized_on = fields.Date(string="Anonymized On", readonly=True, copy=False)

    # === BUSINESS METHODS - WHO === #

    @api.model
    def _get_amazon_outlived_domain(self):
        """Return the domain of Amazon's buyers whom nothing needs any more.

        :rtype: Domain
        """
        accounts = self.env['amazon.account'].with_context(active_test=False).search(
            [('buyer_retention', '=', 'anonymize')],
        )
        return Domain.OR(self._get_outlived_buyers_domain(account) for account in accounts)

    @api.model
    def _get_outlived_buyers_domain(self, account):
        """Return the domain of the buyers of an account whom nothing of its way needs any more.

        :param amazon.account account: The account, which says how long they are kept.
        :rtype: Domain
        """
        now = fields.Datetime.now()
        return Domain([
            ('amazon_account_id', '=', account.id),
            ('parent_id', '=', False),
            ('amazon_anonymized', '=', False),
            ('create_date', '<', now - timedelta(days=account.payload_days)),
            ('supplier_rank', '=', 0),
        ]) & Domain('sale_order_ids', 'not any', (
            Domain('state', 'in', ('draft', 'sent'))
            | Domain('picking_ids', 'any', [('state', 'not in', ('done', 'cancel'))])
            | Domain('amazon_order_ids', 'any', [('is_purged', '=', False)])
            | Domain([
                ('state', '=', 'sale'),
                ('invoice_status', '!=', 'invoiced'),
                ('date_order', '>', now - timedelta(days=UNINVOICED_DAYS)),
            ])
        )) & Domain('invoice_ids', 'not any', self._get_kept_invoices_domain(account))

    @api.model
    def _get_kept_invoices_domain(self, account):
        """Return the domain of the invoices and entries that still need whom they name.

        The years count from the end of the year of the invoice, as the law has it in most places.

        :param amazon.account account: The account, which says for how many years.
        :rtype: Domain
        """
        kept = Domain('state', '!=', 'cancel')
        if years := account.invoiced_buyer_years:
            first_day = fields.Date.today().replace(month=1, day=1)
            first_day = first_day.replace(year=first_day.year - years)
            kept &= Domain('state', '=', 'draft') | Domain('date', '>=', first_day)
        return kept

    def _find_needed_elsewhere(self, families):
        """Return which of these buyers are more to the company than buyers on Amazon.

        They are users, employees, companies of their own, or bought elsewhere, too.

        :param res.partner families: The buyers with their addresses.
        :rtype: res.partner
        """
        members = [('id', 'in', families.ids)]
        User = self.env['res.users'].with_context(active_test=False)
        needed = User.search([('partner_id', 'in', families.ids)]).partner_id
        needed |= self.env['res.company'].search([('partner_id', 'in', families.ids)]).partner_id
        if 'employee_ids' in self._fields:
            needed |= self.search([*members, ('employee_ids', '!=', False)])
        names = ('partner_id', 'partner_invoice_id', 'partner_shipping_id')
        sales = self.env['sale.order'].search(
            Domain('amazon_order_ref', '=', False)
            & Domain.OR(Domain(name, 'in', families.ids) for name in names),
        )
        for name in names:
            needed |= sales[name] & families
        for address in families - self:
            account = address._get_amazon_root().amazon_account_id
            if address.invoice_ids.filtered_domain(self._get_kept_invoices_domain(account)):
                needed |= address
        roots = self.browse().union(*(partner._get_amazon_root() for partner in needed))
        return roots & self

    def _get_amazon_root(self):
        """Return the contact that has this one among its addresses, or itself."""
        root = self
        while root.parent_id:
            root = root.parent_id
        return root

    # === BUSINESS METHODS - FORGETTING === #

    def _forget_amazon_buyers(self):
        """Anonymize the buyers, with their addresses, unless somebody needs them for other things.

        :return: None
        """
        Partner = self.with_context(
            active_test=False, tracking_disable=True, no_vat_validation=True,
        )
        needed = self._find_needed_elsewhere(Partner.search([('id', 'child_of', self.ids)]))
        families = Partner.search([('id', 'child_of', (self - needed).ids)])
        if families:
            families._remove_amazon_traces()
            families._anonymize_amazon_buyers()

    def _remove_amazon_traces(self):
        """Remove what quotes these contacts elsewhere: blacklist, chatter, papers of deliveries.

        :return: None
        """
        emails = {*self.mapped('email_normalized'), *self.mapped('amazon_email')} - {False}
        others = self.search([('id', 'not in', self.ids), ('email_normalized', 'in', list(emails))])
        emails -= {*others.mapped('email_normalized')}
        self.env['mail.blacklist'].search([('email', 'in', list(emails))]).unlink()
        sale_orders = self.env['sale.order'].search([('partner_id', 'in', self.ids)])
        # What was said of them after they were purged.
        sale_orders._clear_amazon_places()
        deliveries = sale_orders.picking_ids
        names = defaultdict(set)
        for partner in self:
            names[partner._get_amazon_root()] |= {partner[name] for name in QUOTED} - {False}
        texts = {partner: names[partner._get_amazon_root()] for partner in self}
        for sale_order in sale_orders:
            quotes = texts[sale_order.partner_id]
            texts.update(dict.fromkeys(
                [sale_order, *sale_order.picking_ids, *sale_order.invoice_ids], quotes,
            ))
        self.env['amazon.personal.data']._remove_quotes(texts, people=self)
        # Labels and the like; the papers of invoices stay with them.
        self.env['ir.attachment'].search([
            ('res_model', '=', deliveries._name), ('res_id', 'in', deliveries.ids),
        ]).unlink()

    def _anonymize_amazon_buyers(self):
        """Leave of these contacts what taxes went by: country and state.

        :return: None
        """
        self.write({
            **dict.fromkeys(CLEARED, False),
            'amazon_anonymized': True,
            'amazon_anonymized_on': fields.Date.today(),
            'active': False,
        })
        for partner in self:
            partner.name = self.env._("Amazon buyer %(number)s", number=partner.id)
