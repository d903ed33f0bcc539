from odoo import api, models


class AmazonAccount(models.Model):
    """How an account is authorized: on Amazon's page of consent."""

    _inherit = 'amazon.account'

    # === ACTION METHODS === #

    def action_authorize(self):
        """Open the page on which Amazon asks the seller to let the company's application in.

        :return: The action that opens it.
        :rtype: dict
        :raise AccessError: If the user is no Amazon administrator.
        :raise UserError: If something of the application is missing, which is named.
        """
        self.ensure_one()
        return self.env['amazon.authorization']._begin(
            self.company_id, self._get_consent_marketplace(), self,
        )

    # === BUSINESS METHODS === #

    @api.model
    def _find_of_seller(self, company, seller_id, region):
        """Return the account of a seller that is there already, archived or not.

        :param res.company company: Whose account it is.
        :param str seller_id: Whom Amazon calls the seller.
        :param str region: The region.
        :rtype: amazon.account
        """
        # In sudo mode: few may search by addresses.
        connections = self.env['amazon.connection'].sudo().with_context(active_test=False).search([
            ('company_id', '=', company.id),
            ('seller_id', '=', seller_id),
            ('region', '=', region),
            *((name, '=', value) for name, value in company._get_amazon_addresses().items()),
        ])
        accounts = connections.account_ids.sorted(lambda account: (not account.active, account.id))
        return accounts[:1].with_env(self.env)

    @api.model
    def _create_with_addresses(self, company, values):
        """Create an account that calls Amazon where the company does.

        :param res.company company: Whose account it is.
        :param dict values: Those of the connection; the account is called as the seller is.
        :return: The account.
        :rtype: amazon.account
        """
        self.check_access('create')
        # In sudo mode: where credentials go, a system administrator has decided before.
        connection = self.env['amazon.connection'].sudo().create({
            'company_id': company.id, **company._get_amazon_addresses(), **values,
        })
        return self.with_company(company).create({
            'name': values['seller_id'],
            'company_id': company.id,
            'connection_id': connection.id,
            'user_id': (company.amazon_user_id or self.env.user).id,
        })

    def _open_form(self):
        """Return the action that opens the account.

        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'amazon_connector.action_amazon_account',
            ),
            'res_id': self.id,
            'views': [(False, 'form')],
        }

    def _take_store_name(self):
        """Call the account as Amazon calls the store, unless somebody has given it a name.

        :return: None
        """
        self.ensure_one()
        if self.name == self.seller_id and self.store_name:
            self.name = self.store_name

    def _get_consent_marketplace(self):
        """Return where the seller is asked: at home if the account sells there.

        :rtype: amazon.marketplace
        """
        self.ensure_one()
        known = (self.synced_marketplace_ids or self.available_marketplace_ids).filtered(
            lambda marketplace: marketplace.region == self.region,
        )
        return self._choose_consent_marketplace(self.company_id, self.region, known)

    @api.model
    def _choose_consent_marketplace(self, company, region=None, known=None):
        """Return the marketplace whose Seller Central is most likely the seller's.

        :param res.company company: Who sells.
        :param str region: The region, any by default.
        :param amazon.marketplace known: Where the company sells, if that is known.
        :rtype: amazon.marketplace
        """
        candidates = known or self.env['amazon.marketplace'].search(
            [('region', '=', region)] if region else [],
        )
        country = company.country_id
        return (
            candidates.filtered(lambda marketplace: marketplace.country_id == country)
            or candidates
        )[:1]
