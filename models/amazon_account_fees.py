from odoo import api, fields, models

from ..amazon.companies import BILLED_WITH_LOCAL_TAX, propose_company


class AmazonAccount(models.Model):
    """How the fees of Amazon are booked, and who bills them."""

    _inherit = 'amazon.account'

    fee_policy = fields.Selection(
        selection=[('bill', "Amazon's Monthly Bill"), ('expense', "Expense at Once")],
        string="Amazon's Fees",
        help="Amazon's Monthly Bill: each month has a draft vendor bill, which settlements pay and"
             " you complete with the number and the document of Amazon's. Expense at Once:"
             " settlements book them on the accounts below.",
        default='bill',
        required=True,
        tracking=True,
        copy=False,
    )
    fee_partner_id = fields.Many2one(
        comodel_name='res.partner',
        string="Billed By",
        help="The company of Amazon's that is named on its bills. Set Up Accounting proposes one by"
             " your country and marketplaces.",
        domain="[('parent_id', '=', False)]",
        check_company=True,
        tracking=True,
        copy=False,
        ondelete='restrict',
    )
    fee_bill_count = fields.Integer(
        string="Amazon's Bills", compute='_compute_fee_bill_count', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_fee_bill_count(self):
        counts = dict(self.env['account.move']._read_group(
            [('amazon_fee_account_id', 'in', self.ids)], ['amazon_fee_account_id'], ['__count'],
        ))
        for account in self:
            account.fee_bill_count = counts.get(account, 0)

    # === ACTION METHODS === #

    def action_set_up_accounting(self):
        """Override of `amazon_connector` to say which taxes of fees a person has to choose."""
        notification = super().action_set_up_accounting()
        without_tax = self.filtered(lambda account: not account._get_fee_rules().tax_ids)
        if without_tax:
            notification['params']['message'] += ' ' + self.env._(
                "Which tax Amazon's bills show is not certain: if they show one, choose it under"
                " Accounts by Kind of Money.",
            )
            notification['params']['sticky'] = True
        return notification

    def action_make_fee_bills(self):
        """Add to Amazon's bills what settlements have withheld and no bill has, for instance
        because it was deleted.

        :return: The action that shows the bills.
        :rtype: dict
        """
        self.env['amazon.settlement']._check_may_book()
        self.check_access('read')
        # In sudo mode: bills are made of settlements, which the connector alone changes.
        self.env['account.move'].sudo().search([
            ('amazon_settlement_id.account_id', 'in', self.ids),
            ('line_ids', 'any', [
                ('amazon_fee_month', '!=', False), ('amazon_fee_bill_id', '=', False),
            ]),
        ])._bill_fees()
        return self.action_open_fee_bills()

    def action_open_fee_bills(self):
        """Open the vendor bills for Amazon's fees.

        :rtype: dict
        """
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_fee_bill',
            ),
            'domain': [('amazon_fee_account_id', 'in', self.ids)],
        }

    # === BUSINESS METHODS === #

    def _get_fee_rules(self):
        """Return on which accounts fees are booked that may have taxes.

        :rtype: amazon.booking.rule
        """
        return self.booking_rule_ids.filtered(lambda rule: rule._is_of_fee())

    def _ensure_fee_partner(self):
        """Find, or make, the contact of the company of Amazon's that bills the account.

        :return: None
        """
        self.ensure_one()
        company = self.company_id
        marketplaces = self.synced_marketplace_ids.sorted(
            lambda marketplace: marketplace.country_id != company.country_id,
        )
        proposal = not self.fee_partner_id and propose_company(
            company.country_id.code or '', marketplaces.country_id.mapped('code'),
        )
        if proposal:
            # In sudo mode: who sets up accounting need not be one who makes contacts, nor an
            # administrator of Amazon.
            Partner = self.env['res.partner'].sudo()
            self.sudo().fee_partner_id = Partner.search([
                ('name', '=', proposal.name),
                ('parent_id', '=', False),
                ('company_id', 'in', (False, company.id)),
            ], limit=1) or Partner.create({
                'name': proposal.name,
                'is_company': True,
                'supplier_rank': 1,
                'country_id': self.env['res.country'].search(
                    [('code', '=', proposal.country_code)],
                ).id,
                'vat': proposal.vat,
                'company_id': False,
            })

    def _propose_fee_taxes(self):
        """Return the taxes that Amazon's bills show, as far as that is clear.

        :rtype: account.tax
        """
        self.ensure_one()
        company, partner = self.company_id, self.fee_partner_id
        usual, country = company.account_purchase_tax_id, company.country_id
        union = self.env.ref('base.europe').country_ids
        if not usual or usual.country_id != country:
            return usual.browse()
        if partner.country_id == country:
            is_taxed = country.code in BILLED_WITH_LOCAL_TAX
            return self._get_tax_on_services(usual) if is_taxed else usual.browse()
        if not partner.country_id or not partner.country_id | country <= union:
            return usual.browse()
        position = self.env['account.fiscal.position'].with_company(
            company,
        )._get_fiscal_position(partner)
        return self._get_reverse_charge(position, usual)

    @api.model
    def _get_reverse_charge(self, position, usual):
        """Return the reverse charge of a fiscal position for services, empty if it has none.

        :param account.fiscal.position position: The fiscal position of the company that bills.
        :param account.tax usual: The company's tax on purchases.
        :rtype: account.tax
        """
        taxes = position.tax_ids.filtered(lambda tax: (
            tax.type_tax_use == 'purchase'
            and tax.has_negative_factor
            and tax.original_tax_ids
            and tax.amount == usual.amount
        ))
        for found in (
            taxes._filter_of_services(), taxes, position.map_tax(usual) & taxes,
        ):
            if len(found) == 1:
                return found
        return usual.browse()

    @api.model
    def _get_tax_on_services(self, usual):
        """Return the tax on services that is like a tax on purchases, or this one if there is none.

        :param account.tax usual: The company's tax on purchases.
        :rtype: account.tax
        """
        found = usual.search([
            ('company_id', '=', usual.company_id.id),
            ('type_tax_use', '=', 'purchase'),
            ('amount_type', '=', usual.amount_type),
            ('amount', '=', usual.amount),
            ('tax_group_id', '=', usual.tax_group_id.id),
        ]).filtered(
            lambda tax: tax.original_tax_ids <= tax and not tax.has_negative_factor,
        )._filter_of_services()
        return found if len(found) == 1 else usual
