from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

ADMIN = 'amazon_connector.group_amazon_admin'
USER = 'amazon_connector.group_amazon_user'


@tagged('post_install', '-at_install')
class TestDeliveryRules(ShippingCase):
    """With which delivery method the deliveries of an account start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.marketplaces = {
            marketplace.country_id.code: marketplace
            for marketplace in cls.account.synced_marketplace_ids
        }
        cls.express = cls.create_carrier("DHL Express", fixed_price=20)

    def add_rule(self, carrier, country=None, service_level=False, sequence=10):
        """Add a rule to the account."""
        return self.env['amazon.delivery.rule'].create({
            'account_id': self.account.id,
            'marketplace_id': self.marketplaces[country].id if country else False,
            'service_level': service_level,
            'carrier_id': carrier.id,
            'sequence': sequence,
        })

    def get_carrier(self, marketplace='DE', service_level='STANDARD', **details):
        """Let a buyer order a mug, and return the delivery method that its delivery starts with."""
        order = self.order_mugs(
            1, marketplace=marketplace, service_level=service_level, **details,
        )
        return self.get_open_delivery(order).carrier_id

    def test_without_rules_a_delivery_starts_without_a_delivery_method(self):
        self.assertFalse(self.get_carrier())

    def test_the_delivery_method_is_set_and_nothing_is_added_to_the_order(self):
        self.add_rule(self.express)
        order = self.order_mugs()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.picking_ids.carrier_id, self.express)
        self.assertFalse(sale_order.order_line.filtered('is_delivery'))
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        self.deliver(order, carrier=self.express)
        self.send()
        self.assertEqual(order.packages[0].carrier, 'DHL Express')
        self.assertEqual(sale_order.amount_total, float(order.grand_total))

    def test_what_says_most_wins_then_what_comes_first(self):
        carriers = {
            name: self.create_carrier(name)
            for name in ("any", "any 2", "expedited", "Britain", "Britain expedited")
        }
        self.add_rule(carriers["any 2"], sequence=2)
        self.add_rule(carriers["any"], sequence=1)
        self.add_rule(carriers["expedited"], None, 'expedited', sequence=3)
        self.add_rule(carriers["Britain"], 'GB', sequence=4)
        self.add_rule(carriers["Britain expedited"], 'GB', 'expedited', sequence=5)
        for marketplace, service_level, name in (
            ('DE', 'STANDARD', "any"),
            ('DE', 'EXPEDITED', "expedited"),
            ('GB', 'STANDARD', "Britain"),
            ('GB', 'EXPEDITED', "Britain expedited"),
            ('GB', 'NEXT_DAY', "Britain"),
        ):
            with self.subTest(marketplace=marketplace, service_level=service_level):
                self.assertEqual(self.get_carrier(marketplace, service_level), carriers[name])

    def test_orders_of_one_page_get_each_their_own(self):
        self.add_rule(self.carrier, 'DE')
        self.add_rule(self.express, None, 'next_day')
        levels = ('STANDARD', 'NEXT_DAY', 'STANDARD')
        orders = [
            self.seller.place_order(country, 'FBM', [Item('MUG')], service_level=level)
            for country in ('DE', 'JP') for level in levels
        ]
        self.sync()
        self.assertEqual(
            [self.get_open_delivery(order).carrier_id.name for order in orders],
            ["DHL Paket", "DHL Paket", "DHL Paket", False, "DHL Express", False],
        )

    def test_a_delivery_method_that_does_not_take_it_is_passed_over(self):
        here = self.create_carrier("Here", country_ids=self.env.ref('base.de').ids)
        light = self.create_carrier("Light", max_weight=1)
        self.mug.weight = 2
        self.add_rule(here, sequence=1)
        self.add_rule(light, sequence=2)
        self.add_rule(self.express, sequence=3)
        self.assertEqual(self.get_carrier('DE'), here)
        self.assertEqual(self.get_carrier('GB'), self.express)
        self.mug.weight = 0.5
        self.assertEqual(self.get_carrier('GB'), light)

    def test_it_reaches_the_last_of_several_steps(self):
        self.add_rule(self.express)
        self.warehouse.delivery_steps = 'pick_pack_ship'
        order = self.order_mugs()
        for _step in range(2):
            self.validate(self.get_open_delivery(order))
        picking = self.get_open_delivery(order)
        self.assertEqual(picking.location_dest_id.usage, 'customer')
        self.assertEqual(picking.carrier_id, self.express)

    def test_a_backorder_keeps_it(self):
        self.add_rule(self.express)
        order = self.order_mugs(3)
        self.deliver(order, {'MUG': 1}, carrier=self.express)
        self.assertEqual(self.get_open_delivery(order).carrier_id, self.express)

    def test_amazons_own_deliveries_get_none(self):
        self.add_rule(self.express)
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        [sale_order] = self.get_sale_order(order)
        self.assertFalse(sale_order.carrier_id)

    def test_amazons_buyers_pay_no_real_cost(self):
        self.express.invoice_policy = 'real'
        self.add_rule(self.express)
        order = self.order_mugs()
        self.deliver(order, carrier=self.express)
        sale_order = self.get_sale_order(order)
        self.assertFalse(sale_order.order_line.filtered('is_delivery'))
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        other = self.env['sale.order'].create({
            'partner_id': self.env['res.partner'].create({'name': "Ben"}).id,
            'carrier_id': self.express.id,
            'order_line': [(0, 0, {'product_id': self.mug.id, 'product_uom_qty': 1})],
        })
        other.action_confirm()
        self.validate(other.picking_ids)
        self.assertTrue(other.order_line.filtered('is_delivery'))

    # === SERVICE LEVEL === #

    def test_the_service_level_is_shown_on_order_and_delivery(self):
        order = self.order_mugs(service_level='SECOND_DAY')
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amazon_service_level, 'second_day')
        self.assertEqual(sale_order.picking_ids.amazon_service_level, 'second_day')
        with Form(sale_order.picking_ids) as form:
            self.assertEqual(form.amazon_service_level, 'second_day')

    def test_a_service_level_that_is_new_or_odd_stops_nothing(self):
        self.add_rule(self.carrier)
        self.add_rule(self.express, None, 'expedited')
        for level in ('BEAMED', 7, ['EXPEDITED'], None, 'expedited'):
            with self.subTest(level=level):
                order = self.seller.place_order('DE', 'FBM', [Item('MUG')])
                self.seller.override(order, lambda payload, level=level: payload[
                    'fulfillment'
                ].update(fulfillmentServiceLevel=level))
                self.sync()
                sale_order = self.get_sale_order(order)
                self.assertFalse(sale_order.amazon_service_level)
                self.assertEqual(sale_order.picking_ids.carrier_id, self.carrier)

    # === ACCESS === #

    def test_an_administrator_sets_them_and_others_see_them(self):
        admin, user = self.create_user('adam', ADMIN), self.create_user('uma', USER)
        with Form(self.account.with_user(admin)) as form, form.delivery_rule_ids.new() as line:
            line.service_level = 'expedited'
            line.carrier_id = self.express
        rule = self.account.delivery_rule_ids
        self.assertEqual(rule.company_id, self.company)
        self.env.invalidate_all()
        [values] = self.account.with_user(user).web_read({'delivery_rule_ids': {'fields': {
            'service_level': {}, 'carrier_id': {'fields': {'display_name': {}}},
        }}})
        self.assertEqual(
            values['delivery_rule_ids'][0]['carrier_id']['display_name'], "DHL Express",
        )
        with self.assertRaises(AccessError):
            rule.with_user(user).carrier_id = self.carrier

    def test_companies_keep_theirs_apart(self):
        rule = self.add_rule(self.express)
        other_company = self.create_company("Other")
        stranger = self.create_user('olaf', ADMIN, company=other_company)
        self.env.invalidate_all()
        foreign = rule.with_user(stranger).with_context(allowed_company_ids=other_company.ids)
        self.assertFalse(foreign.search([('id', '=', rule.id)]))
        with self.assertRaises(AccessError):
            foreign.read(['carrier_id'])
        theirs = self.create_carrier("Theirs")
        theirs.company_id = other_company
        with self.assertRaisesRegex(Exception, "[Cc]ompan"):
            rule.carrier_id = theirs
