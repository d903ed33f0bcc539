from dataclasses import dataclass, field

from odoo import api, fields, models
from odoo.tools import email_normalize

from .tools import to_html

SIGNATURE = ('name', 'street', 'street2', 'zip', 'city', 'state_id', 'country_id')


@dataclass
class Customer:
    """Who bought an order, and where the goods go."""

    partner: models.Model  # res.partner
    delivery: models.Model  # res.partner
    tax_partner: models.Model  # res.partner, with a country; in memory for shared contacts
    destination: models.Model  # res.partner, as above
    has_invalid_vat: bool = False
    notes: list = field(default_factory=list)  # what was odd about the address, for the order


class ResPartner(models.Model):
    _name = 'res.partner'
    _inherit = ['res.partner', 'amazon.guard.mixin']

    amazon_account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Amazon Account",
        help="The account through which this contact bought.",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
    )
    amazon_email = fields.Char(
        string="Amazon Alias",
        help="The alias under which Amazon forwards e-mail to the buyer. It identifies them.",
        readonly=True,
        copy=False,
    )
    amazon_marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace',
        string="Amazon Marketplace",
        help="Set on the contact that stands for all buyers of a marketplace whom Amazon does not"
             " name; one for each company.",
        readonly=True,
        copy=False,
        ondelete='restrict',
    )

    _amazon_email_uniq = models.UniqueIndex(
        "(amazon_account_id, amazon_email) WHERE amazon_email IS NOT NULL",
        "There is a contact of this Amazon buyer already.",
    )
    _amazon_marketplace_uniq = models.UniqueIndex(
        "(amazon_marketplace_id, COALESCE(company_id, 0)) WHERE amazon_marketplace_id IS NOT NULL",
        "There is a shared contact of this marketplace already.",
    )

    # === BUSINESS METHODS - FROM AMAZON === #

    @api.model
    def _set_amazon_customers(self, account, incoming_list):
        """Give orders their customers, found or created, each one once.

        A buyer is known by the e-mail alias, which Amazon keeps per buyer and seller, else by name
        and address.

        :param amazon.account account: The account of the orders.
        :param list[Incoming] incoming_list: The orders.
        :return: None
        """
        places = self._get_amazon_places([incoming.data for incoming in incoming_list])
        values_list = [
            self._prepare_amazon_customer_values(account, incoming, places)
            for incoming in incoming_list
        ]
        known = self._find_amazon_customers(account, values_list)
        new_values = {}
        for values in values_list:
            key = values and self._get_amazon_key(values)
            if key and key not in known:
                new_values.setdefault(key, values)
        created = self.create(list(new_values.values()))
        created._keep_out_of_marketing()
        known.update(zip(new_values, created, strict=True))
        for incoming, values in zip(incoming_list, values_list, strict=True):
            if values:
                partner = known[self._get_amazon_key(values)]
                incoming.customer = partner._get_amazon_customer(incoming.data, values, places)
            else:
                incoming.customer = self._get_shared_amazon_customer(account, incoming, places)
            country_code = incoming.data.address.country_code
            if country_code not in ('', *places[0]):
                incoming.customer.notes.append(self.env._(
                    "recipient.deliveryAddress.countryCode %(code)s is no country that Odoo knows",
                    code=country_code,
                ))

    @api.model
    def _get_amazon_key(self, values):
        """Return what identifies a buyer within an account."""
        if values['amazon_email']:
            return values['amazon_email']
        return tuple((values.get(name) or '').casefold() if isinstance(values.get(name), str)
                     else values.get(name) or False for name in SIGNATURE)

    @api.model
    def _find_amazon_customers(self, account, values_list):
        """Return the seller's buyers that are known already, archived or not, by what identifies
        them.

        :param amazon.account account: The account of the orders.
        :param list[dict | None] values_list: The buyers to find.
        :rtype: dict
        """
        emails = [values['amazon_email'] for values in values_list if values]
        names = [
            values['name'] for values in values_list if values and not values['amazon_email']
        ]
        partners = self.with_context(active_test=False).search([
            ('amazon_account_id', 'any', account._get_seller_domain()),
            '|',
            ('amazon_email', 'in', [email for email in emails if email]),
            '&', '&',
            ('amazon_email', '=', False), ('parent_id', '=', False), ('name', 'in', names),
        ]).with_env(self.env)
        return {
            self._get_amazon_key({
                'amazon_email': partner.amazon_email,
                **partner._get_amazon_signature(),
            }): partner
            for partner in partners
        }

    def _get_amazon_signature(self):
        """Return the values by which addresses are compared."""
        self.ensure_one()
        return {
            name: self[name].id if self._fields[name].type == 'many2one' else self[name]
            for name in SIGNATURE
        }

    @api.model
    def _get_amazon_places(self, data_list):
        """Return the countries and states that orders mention.

        :param data_list: Orders as read.
        :type data_list: list[amazon.orders.Order]
        :return: Countries by code, and states by country and code or name in lower case.
        :rtype: tuple[dict, dict]
        """
        addresses = [data.address for data in data_list]
        addresses += [data.buyer.tax_address for data in data_list if data.buyer.tax_address]
        countries = self.env['res.country'].search(
            [('code', 'in', list({address.country_code for address in addresses}))],
        )
        states = {}
        for state in self.env['res.country.state'].search([('country_id', 'in', countries.ids)]):
            code = state.code.lower()
            for key in (code, code.removeprefix(f'{state.country_id.code.lower()}-'),
                        state.name.lower()):
                states.setdefault((state.country_id, key), state)
        return countries.grouped('code'), states

    @api.model
    def _prepare_amazon_address_values(self, address, places):
        """Return the values of an address.

        :param amazon.orders.Address address: The address as read.
        :param places: See `_get_amazon_places`.
        :rtype: dict
        """
        countries, states = places
        country = countries.get(address.country_code)
        state = states.get((country, address.state.lower()))
        state_text = '' if state or address.state.lower() == address.city.lower() else address.state
        return {
            'street': address.lines[0] if address.lines else False,
            'street2': ', '.join(filter(None, (
                address.company_name, *address.lines[1:], address.district, state_text,
                '' if country else address.country_code,
            ))) or False,
            'zip': address.postal_code or False,
            'city': address.city or False,
            'state_id': state.id if state else False,
            'country_id': country.id if country else False,
        }

    @api.model
    def _prepare_amazon_customer_values(self, account, incoming, places):
        """Return the values of a buyer.

        :param amazon.account account: The account of the order.
        :param Incoming incoming: The order.
        :param places: See `_get_amazon_places`.
        :return: The values, `None` when Amazon does not tell who bought.
        :rtype: dict | None
        """
        buyer, address = incoming.data.buyer, incoming.data.address
        is_company = buyer.is_business and bool(buyer.company_name)
        name = (is_company and buyer.company_name) or buyer.name or address.name
        if not (name or buyer.email):
            return None
        values = self._prepare_amazon_address_values(buyer.tax_address or address, places)
        if not (is_company or buyer.tax_address) and address.name.lower() not in ('', name.lower()):
            # The buyer sends it to somebody else: the address is not theirs, the country probably.
            values = dict.fromkeys(values, False) | {'country_id': values['country_id']}
        values.update({
            'name': name or buyer.email,
            'is_company': is_company,
            'email': buyer.email or False,
            'phone': address.phone or False,
            'company_id': account._get_buyer_company().id,
            'amazon_account_id': account.id,
            'amazon_email': buyer.email or False,
            'lang': self._get_amazon_lang(incoming.order.marketplace_id),
            **self._prepare_amazon_vat_values(buyer.vat, values['country_id']),
        })
        return values

    @api.model
    def _prepare_amazon_vat_values(self, vat, country_id):
        """Return the values for a VAT number: in its field if it is valid, else in the notes.

        :param str vat: The number, may be empty.
        :param int country_id: The id of the buyer's country.
        :rtype: dict
        """
        if not vat:
            return {}
        country = self.env['res.country'].browse(country_id or None)
        valid_vat, _country_code = self._run_vat_checks(country, vat, validation='setnull')
        if valid_vat:
            return {'vat': valid_vat}
        return {
            'comment': to_html(self.env._("VAT number according to Amazon, not valid: %s", vat)),
        }

    @api.model
    def _get_amazon_lang(self, marketplace):
        """Return the language of a marketplace if it is installed, else the company's."""
        installed = [code for code, _name in self.env['res.lang'].get_installed()]
        if marketplace.lang_code in installed:
            return marketplace.lang_code
        return self.env.company.partner_id.lang or self.env.lang

    def _get_amazon_customer(self, data, values, places):
        """Return this buyer with the delivery address of an order, a child contact if it differs.

        :param amazon.orders.Order data: The order as read.
        :param dict values: The values that the order gives for the buyer.
        :param places: See `_get_amazon_places`.
        :rtype: Customer
        """
        self.ensure_one()
        if values.get('vat') and not self.vat:
            self.vat = values['vat']
        address_values = self._prepare_amazon_address_values(data.address, places)
        address_values['name'] = data.address.name or self.name
        delivery = next((
            contact for contact in (self, *self.child_ids)
            if contact._get_amazon_signature() == address_values
        ), None)
        if not delivery and data.address.country_code:
            delivery = self.create({
                **address_values,
                'parent_id': self.id,
                'type': 'delivery',
                'phone': data.address.phone or False,
                'company_id': self.company_id.id,
                'amazon_account_id': self.amazon_account_id.id,
                'lang': self.lang,
            })
        delivery = delivery or self
        return Customer(
            partner=self,
            delivery=delivery,
            tax_partner=self,
            destination=delivery,
            has_invalid_vat=bool(data.buyer.vat and not values.get('vat')),
        )

    @api.model
    def _get_shared_amazon_customer(self, account, incoming, places):
        """Return the contact that stands for the buyers of a marketplace whom Amazon does not name.

        Taxes go by the place that Amazon tells all the same, which is not kept.

        :param amazon.account account: The account of the order.
        :param Incoming incoming: The order.
        :param places: See `_get_amazon_places`.
        :rtype: Customer
        """
        address = incoming.data.address
        partner = self._ensure_shared_amazon_customer(account, incoming.order.marketplace_id)
        destination = partner
        if address.country_code:
            destination = self.new(self._prepare_amazon_address_values(address, places))
        return Customer(
            partner=partner, delivery=partner, tax_partner=destination, destination=destination,
        )

    @api.model
    def _ensure_shared_amazon_customer(self, account, marketplace):
        """Return the contact that stands for all buyers of a marketplace whom Amazon does not name.

        :param amazon.account account: The account that sells there.
        :param amazon.marketplace marketplace: The marketplace.
        :rtype: res.partner
        """
        company = account._get_buyer_company()
        return self.with_context(active_test=False).search([
            ('amazon_marketplace_id', '=', marketplace.id), ('company_id', '=', company.id),
        ]).with_env(self.env) or self.create({
            'name': self.env._("Amazon customer (%s)", marketplace.name),
            'amazon_marketplace_id': marketplace.id,
            'company_id': company.id,
            'country_id': marketplace.country_id.id,
            'lang': self._get_amazon_lang(marketplace),
        })

    def _keep_out_of_marketing(self):
        """Bar the contacts from mass mailing: Amazon forbids marketing to its buyers.

        :return: None
        """
        emails = {email for email in self.mapped('email') if email_normalize(email)}
        # In sudo mode: the list is kept by marketing.
        self.env['mail.blacklist'].sudo().create([{'email': email} for email in emails])
