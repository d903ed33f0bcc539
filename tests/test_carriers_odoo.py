from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Item, Participation, SellerProfile

from .common import ShippingCase

INDIA = 'A21TJRUUN4KGV'


@tagged('post_install', '-at_install')
class TestDeliveryMethods(ShippingCase):
    """Which of Amazon's carriers a delivery method is."""

    def get_code(self, name, **values):
        return self.create_carrier(name, **values).amazon_carrier_code

    def test_it_is_matched_by_its_name_when_it_is_set_up(self):
        for name, code in (
            ("DPD", 'DPD'),
            (" mondial-RELAY ", 'Mondial Relay'),
            ("Colíssimo", 'Colissimo'),
            ("Self delivery", 'Self Delivery'),
            ("Our own bicycles", 'Other'),
        ):
            self.assertEqual(self.get_code(name), code)

    def test_it_is_matched_by_its_delivery_type_before_its_name(self):
        Carrier = self.env.registry['delivery.carrier']
        types = ('fedex_rest', 'ups_rest', 'usps_rest', 'dhl_rest', 'bpost')
        self.enterContext(patch.dict(
            Carrier.delivery_type._selection, {name: name for name in types},
        ))
        codes = [self.get_code("Express", delivery_type=name) for name in types]
        self.assertEqual(codes, ['FedEx', 'UPS', 'USPS', 'DHL', 'BPOST'])

    def test_another_name_is_matched_anew(self):
        self.carrier.name = "Colissimo"
        self.assertEqual(self.carrier.amazon_carrier_code, 'Colissimo')

    def test_a_person_chooses_another(self):
        with Form(self.carrier) as form:
            self.assertEqual(form.amazon_carrier_code, 'DHL-Paket')
            form.amazon_carrier_code = 'DHL Express'
        self.carrier.fixed_price = 5
        self.assertEqual(self.carrier.amazon_carrier_code, 'DHL Express')
        order = self.order_mugs()
        self.deliver(order)
        self.send()
        self.assertEqual(order.packages[0].carrier, 'DHL Express')

    def test_a_near_miss_is_asked_for(self):
        with Form(self.carrier) as form:
            self.assertFalse(form.amazon_suggestions)
            form.name = "Colisimo"
            self.assertEqual(form.amazon_suggestions, "Colissimo")
            self.assertEqual(form.amazon_carrier_code, 'Other')
            form.name = "GLS / DPD"
            self.assertEqual(form.amazon_suggestions, "GLS or DPD")
            form.amazon_carrier_code = 'DPD'
            self.assertFalse(form.amazon_suggestions)

    def test_what_matches_nothing_goes_out_with_its_name(self):
        order = self.order_mugs()
        carrier = self.create_carrier("Zwei Räder")
        picking = self.deliver(order, carrier=carrier)
        self.send()
        self.assertAmazonState(picking, 'sent')
        self.assertEqual(order.packages[0].carrier, "Zwei Räder")
        self.assertEqual(picking.amazon_shipment_ids.carrier_code, 'Other')

    def test_self_delivery_needs_a_reference_too(self):
        order = self.order_mugs()
        carrier = self.create_carrier("Self Delivery")
        with self.assertRaisesRegex(UserError, "fill in Tracking Reference"):
            self.deliver(order, carrier=carrier, tracking=False)
        self.deliver(order, carrier=carrier, tracking='TOUR 7')
        self.send()
        self.assertEqual(order.packages[0].carrier, 'Self Delivery')

    def test_other_is_refused_here_where_the_marketplace_refuses_it(self):
        self.env.ref('base.INR').active = True
        india = self.simulator.add_seller(SellerProfile(
            'A2INDIA', 'client', 'secret', 'Atzr|india', "India", (Participation('IN'),),
        ))
        account = self.connect(self.create_account(india.profile))
        order = india.place_order('IN', 'FBM', [Item('MUG', '900')])
        self.assertEqual(order.marketplace.id, INDIA)
        self.sync(account)
        bicycles = self.create_carrier("Bicycles")
        with self.assertRaisesRegex(UserError, r"Amazon\.in takes no carriers.*Bicycles"):
            self.deliver(order, carrier=bicycles)
        bicycles.amazon_carrier_code = 'BlueDart'
        self.deliver(order, carrier=bicycles)
        self.assertIn("1 sent", self.send(account))
        self.assertEqual(order.packages[0].carrier, 'BlueDart')
