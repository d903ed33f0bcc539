from odoo import api, models

from .amazon_check import Finding


class AmazonCheck(models.Model):
    """The checks of what sales orders are made with: currencies and taxes."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check currencies and taxes."""
        return [
            *super()._get_codes(),
            ('currencies', self.env._("Currencies")),
            ('taxes', self.env._("Taxes")),
        ]

    # === BUSINESS METHODS - CURRENCIES === #

    @api.model
    def _get_inactive_currencies(self, account):
        """Return the currencies of the marketplaces that are not active.

        :param amazon.account account: The account.
        :rtype: res.currency
        """
        currencies = account.synced_marketplace_ids.currency_id
        return currencies.filtered(lambda currency: not currency.active)

    @api.model
    def _check_currencies(self, checkup):
        """Find the currencies of the marketplaces that are not active."""
        if inactive := self._get_inactive_currencies(checkup.account):
            return Finding('warning', self.env._(
                "%(currencies)s: not active in Odoo. Activate them and check their exchange rates"
                " under Invoicing ▸ Configuration ▸ Currencies; else the first order does it, with"
                " whatever rate there is.",
                currencies=', '.join(inactive.mapped('name')),
            ), self.env._("Activate"))
        return Finding('ok', self.env._("The currencies of all marketplaces are active."))

    def _remedy_currencies(self):
        """Activate the currencies of the marketplaces."""
        account = self.account_id
        activated = account._activate_currencies(self._get_inactive_currencies(account))
        return account._notify(self.env._(
            "Activated: %(currencies)s. Check their exchange rates under Invoicing ▸ Configuration"
            " ▸ Currencies.",
            currencies=', '.join(activated.mapped('name')),
        ), 'success')

    # === BUSINESS METHODS - TAXES === #

    @api.model
    def _check_taxes(self, checkup):
        """Find the countries of the marketplaces for which Odoo knows no taxes."""
        account = checkup.account
        if account.fiscal_position_id:
            return Finding('ok', self.env._(
                "All orders get the fiscal position %(position)s.",
                position=account.fiscal_position_id.name,
            ))
        company = account.company_id
        if not self._has_sales_tax(company):
            return Finding('warning', self.env._(
                "Default Taxes: the company has no sales tax, so that products are sold without"
                " any. Choose one under Invoicing ▸ Configuration ▸ Settings.",
            ), self.env._("Open Fiscal Positions"))
        countries = account.synced_marketplace_ids.country_id - company.country_id
        if without := countries.filtered(lambda country: not self._find_position(company, country)):
            return Finding('warning', self.env._(
                "%(countries)s: no fiscal position is applied there automatically, so that orders"
                " are taxed as at home. Make one, with Detect Automatically, under Invoicing ▸"
                " Configuration ▸ Fiscal Positions.",
                countries=', '.join(without.mapped('name')),
            ), self.env._("Open Fiscal Positions"))
        return Finding('ok', self.env._(
            "A fiscal position is applied in the countries of all marketplaces.",
        ))

    @api.model
    def _has_sales_tax(self, company):
        """Return whether there is anything that sales of a company are taxed with.

        :param res.company company: The company.
        :rtype: bool
        """
        Tax = self.env['account.tax']
        return bool(company.account_sale_tax_id or Tax.search_count([
            *Tax._check_company_domain(company), ('type_tax_use', '=', 'sale'),
        ], limit=1))

    @api.model
    def _find_position(self, company, country):
        """Return the fiscal position of a buyer without a tax number in a country.

        :param res.company company: The company that sells.
        :param res.country country: The country.
        :rtype: account.fiscal.position
        """
        Position = self.env['account.fiscal.position'].with_company(company)
        buyer = self.env['res.partner'].with_company(company).new({'country_id': country.id})
        return Position._get_fiscal_position(buyer)

    def _remedy_taxes(self):
        """Open the fiscal positions."""
        return self.env['ir.actions.act_window']._for_xml_id(
            'account.action_account_fiscal_position_form',
        )
