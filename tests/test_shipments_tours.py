from datetime import datetime, timedelta

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase, TourCase


@tagged('post_install', '-at_install')
class TestShipmentsTours(ShippingCase, TourCase):
    """What a person who ships does in the browser."""

    FORM = '/odoo/action-amazon_connector.action_amazon_delivery/{}'

    def test_shipping_an_order_with_a_backorder(self):
        self.create_carrier("Parcel service of the tour", amazon_carrier_code='DPD')
        order = self.order_mugs(3)
        picking = self.get_open_delivery(order)
        with mute_logger('odoo.http'):  # the carrier is asked for first
            self.start(self.FORM.format(picking.id), 'amazon_ship_with_backorder')
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, ('TOUR-1', {'MUG': 2}))
        self.assertEqual(self.get_open_delivery(order).move_ids.product_uom_qty, 1)

    def test_a_mistyped_carrier_is_asked_for(self):
        carrier = self.create_carrier("Mistyped")
        self.start(
            f'/odoo/action-delivery.action_delivery_carrier_form/{carrier.id}',
            'amazon_mistyped_carrier',
        )
        self.assertEqual(carrier.name, "Colissimo")
        self.assertEqual(carrier.amazon_carrier_code, 'Colissimo')

    def test_a_failed_delivery_is_retried(self):
        order = self.order(Item('MUG'))
        picking = self.deliver(order, tracking='T1')
        picking.date_done = datetime.now() + timedelta(days=3)
        self.send()
        self.assertAmazonState(picking, 'failed', "lies in the future")
        picking.date_done = datetime.now() - timedelta(minutes=1)
        self.start(self.OVERVIEW, 'amazon_retry_delivery')
        self.assertAmazonState(picking, 'sent')
        self.assertShown(order, ('T1', {'MUG': 1}))
