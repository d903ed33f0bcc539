import json

from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .common import AmazonCase

ITEM = '/orderItems/0'
ADDRESS = '/recipient/deliveryAddress'
LONG = 'x' * 10_000

# What is left out or put in (JSON pointers), and the field that the reason must name.
REFUSED = {
    'no items': ({'remove': ['/orderItems']}, 'orderItems'),
    'an empty list of items': ({'values': {'/orderItems': []}}, 'orderItems'),
    'items that are no list': ({'values': {'/orderItems': {}}}, 'orderItems'),
    'an item that is a text': ({'values': {ITEM: 'mug'}}, 'orderItems[0]'),
    'no quantity': ({'remove': [f'{ITEM}/quantityOrdered']}, 'orderItems[0].quantityOrdered'),
    'a quantity in words': ({'values': {f'{ITEM}/quantityOrdered': 'two'}}, 'quantityOrdered'),
    'a broken quantity': ({'values': {f'{ITEM}/quantityOrdered': 1.5}}, 'quantityOrdered'),
    'a quantity of true': ({'values': {f'{ITEM}/quantityOrdered': True}}, 'quantityOrdered'),
    'a negative quantity': ({'values': {f'{ITEM}/quantityOrdered': -1}}, 'quantityOrdered'),
    'no fulfiller': ({'remove': ['/fulfillment/fulfilledBy']}, 'fulfillment.fulfilledBy'),
    'an unknown fulfiller': (
        {'values': {'/fulfillment/fulfilledBy': 'POST'}}, 'fulfillment.fulfilledBy',
    ),
    'no total anywhere': (
        {'remove': ['/proceeds', f'{ITEM}/proceeds', f'{ITEM}/product/price']},
        'proceeds.grandTotal',
    ),
    'another currency on an item': (
        {'values': {f'{ITEM}/proceeds/proceedsTotal/currencyCode': 'GBP'}},
        'orderItems[0].proceeds.proceedsTotal.currencyCode',
    ),
    'another currency on the total': (
        {'values': {'/proceeds/grandTotal/currencyCode': 'GBP'}}, 'currencyCode',
    ),
}
# What stops no order, and what the note on the sales order says of it, if it needs one.
TOLERATED = {
    'no time of purchase': ({'remove': ['/createdTime']}, 'createdTime'),
    'a time in words': ({'values': {'/createdTime': 'yesterday'}}, 'createdTime'),
    'a time without a zone': ({'values': {'/createdTime': '2026-11-01T00:00:00'}}, 'createdTime'),
    'a time in the year 9999': (
        {'values': {'/createdTime': '9999-12-31T23:59:59-12:00'}}, 'createdTime',
    ),
    'no time of the last change': ({'remove': ['/lastUpdatedTime']}, 'lastUpdatedTime'),
    'a last change in the year 9999': (
        {'values': {'/lastUpdatedTime': '9999-12-31T23:59:59Z'}}, 'lastUpdatedTime',
    ),
    'a delivery in the year 9999': (
        {'values': {'/fulfillment/deliverByWindow': {
            'latestDateTime': '9999-12-31T23:59:59.999Z',
        }}},
        'deliverByWindow.latestDateTime',
    ),
    'no marketplace': ({'remove': ['/salesChannel/marketplaceId']}, ''),
    'no channel of sale': ({'remove': ['/salesChannel']}, ''),
    'no proceeds': ({'remove': ['/proceeds']}, ''),
    'no proceeds of an item': ({'remove': [f'{ITEM}/proceeds']}, ''),
    'no proceeds at all': ({'remove': ['/proceeds', f'{ITEM}/proceeds']}, ''),
    'no item id': ({'remove': [f'{ITEM}/orderItemId']}, 'orderItems[0].orderItemId'),
    'no SKU': ({'remove': [f'{ITEM}/product/sellerSku']}, 'the SKU of “Product MUG” is missing'),
    'an empty SKU': ({'values': {f'{ITEM}/product/sellerSku': ' '}}, 'the SKU of'),
    'an amount in words': (
        {'values': {'/proceeds/grandTotal/amount': 'much'}}, 'proceeds.grandTotal.amount',
    ),
    'an infinite amount': (
        {'values': {'/proceeds/grandTotal/amount': 'Infinity'}}, 'proceeds.grandTotal.amount',
    ),
    'an amount beyond all numbers': (
        {'values': {'/proceeds/grandTotal/amount': '1E+1000000'}}, 'proceeds.grandTotal.amount',
    ),
    'a negative total': (
        {'values': {'/proceeds/grandTotal/amount': '-10.00'}}, 'proceeds.grandTotal.amount',
    ),
    'a number instead of a text': ({'values': {'/proceeds/grandTotal/amount': 10}}, ''),
    'an address that is a text': ({'values': {ADDRESS: 'Köln'}}, 'recipient.deliveryAddress'),
    'a name that is a number': ({'values': {'/buyer/buyerName': 7}}, 'buyer.buyerName'),
    'a name without end': ({'values': {'/buyer/buyerName': LONG}}, 'buyer.buyerName'),
    'an address without end': (
        {'values': {f'{ADDRESS}/addressLine1': LONG}}, 'deliveryAddress.addressLine1',
    ),
    'an unknown country': (
        {'values': {f'{ADDRESS}/countryCode': 'XX'}}, 'deliveryAddress.countryCode',
    ),
    'windows that are texts': (
        {'values': {'/fulfillment/shipByWindow': 'soon'}}, 'fulfillment.shipByWindow',
    ),
    'serial numbers that are numbers': (
        {'values': {f'{ITEM}/product/serialNumbers': [7]}}, 'product.serialNumbers',
    ),
    'a gift that is a text': (
        {'values': {f'{ITEM}/fulfillment/packing': {'giftOption': 'yes'}}}, 'packing.giftOption',
    ),
    'tax that is a text': ({'values': {'/tax': 'much'}}, 'tax'),
    'programs that are none': ({'values': {'/programs': {'PRIME': True}}}, 'programs'),
}


@tagged('post_install', '-at_install')
class TestBadInput(AmazonCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_product('MUG')

    def place(self, number, **override):
        order = self.seller.place_order(
            items=[Item('MUG')], buyer=Buyer('Ben', f'ben{number}@marketplace.amazon.de'),
        )
        if override:
            self.seller.override(order, **override)
        return order

    def get_customer(self, number):
        return self.env['res.partner'].search(
            [('amazon_email', '=', f'ben{number}@marketplace.amazon.de')],
        )

    def serve(self, *payloads):
        """Answer the next search with a page of our own."""
        return self.simulator.arm('custom', operation='searchOrders', body=json.dumps({
            'orders': payloads,
            'lastUpdatedBefore': self.simulator.clock.now().isoformat(),
        }))

    def get_good_payload(self):
        order = self.place('good')
        self.run_cron('fetch_orders')
        payload = json.loads(self.get_inbox(order).payload)
        self.get_inbox(order).unlink()
        return payload

    def test_a_bad_order_fails_alone_with_a_reason_that_names_the_field(self):
        before = self.place('before')
        bad = {
            name: self.place(number, **override)
            for number, (name, (override, _field)) in enumerate(REFUSED.items())
        }
        after = self.place('after')
        self.sync()
        for order in (before, after):
            self.assertEqual(self.get_inbox(order).state, 'done')
            self.assertEqual(self.get_sale_order(order).state, 'sale')
        for number, (name, (_override, field)) in enumerate(REFUSED.items()):
            with self.subTest(name):
                inbox = self.get_inbox(bad[name])
                self.assertEqual(inbox.state, 'failed')
                self.assertIn(field, inbox.reason)
                self.assertLess(len(inbox.reason), 300)
                self.assertFalse(inbox.sale_order_id)
                self.assertFalse(self.get_sale_order(bad[name]))
                self.assertFalse(self.get_customer(number))
                self.assertTrue(inbox.payload)
        self.assertEqual(self.account.failed_count, len(REFUSED))
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_trivia_never_refuse_an_order(self):
        orders = {
            name: self.place(number, **override)
            for number, (name, (override, _note)) in enumerate(TOLERATED.items())
        }
        self.sync()
        for name, (_override, note) in TOLERATED.items():
            with self.subTest(name):
                inbox = self.get_inbox(orders[name])
                self.assertEqual(inbox.state, 'done', inbox.reason)
                sale_order = self.get_sale_order(orders[name])
                self.assertEqual(sale_order.state, 'sale')
                self.assertEqual(sale_order.amount_total, 10)
                self.assertEqual(sale_order.amazon_unexplained_amount, 0)
                self.assertTrue(sale_order.picking_ids)
                self.assertEqual(sale_order.amazon_marketplace_id.name, 'Amazon.de')
                notes = sale_order.message_ids.filtered(lambda m: 'left out' in (m.body or ''))
                self.assertEqual(len(notes), bool(note))
                if note:
                    self.assertIn(note, html2plaintext(notes.body))
                    self.assertNotIn(LONG, notes.body)
                    if name != 'an unknown country':  # which only Odoo knows
                        self.assertIn(note, inbox.note)

    def test_an_unknown_country_goes_into_the_address(self):
        order = self.place(1, values={f'{ADDRESS}/countryCode': 'XX'})
        self.sync()
        delivery = self.get_sale_order(order).partner_shipping_id
        self.assertFalse(delivery.country_id)
        self.assertIn('XX', delivery.street2)

    def test_a_missing_sku_is_found_by_the_asin(self):
        self.place(1)
        self.sync()
        order = self.place(2, remove=[f'{ITEM}/product/sellerSku'])
        self.sync()
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual(line.amazon_offer_id.sku, 'MUG')
        self.assertEqual(line.product_id.default_code, 'MUG')

    def test_an_item_without_an_id_takes_it_over_later(self):
        order = self.place(1, remove=[f'{ITEM}/orderItemId'])
        self.sync()
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual(line.amazon_order_item_ref, '?0')
        self.seller.override(order)
        self.sync()
        self.assertEqual(line.amazon_order_item_ref, order.items[0].item_id)
        self.assertEqual((line.product_uom_qty, line.amazon_quantity), (1, 1))

    def test_a_bad_order_comes_in_once_amazon_has_mended_it(self):
        order = self.place(1, remove=['/orderItems'])
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.seller.override(order)
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertEqual(len(self.get_sale_order(order)), 1)
        self.assertFalse(self.get_inbox(order).reason)

    def test_two_items_with_one_id_are_refused(self):
        order = self.seller.place_order(items=[Item('MUG'), Item('MUG')])
        self.seller.override(order, lambda payload: payload['orderItems'][1].update(
            orderItemId=payload['orderItems'][0]['orderItemId'],
        ))
        self.sync()
        self.assertIn('orderItems', self.get_inbox(order).reason)

    def test_what_is_no_order_is_kept_and_refused(self):
        good = self.get_good_payload()
        self.serve(None, 'order', [], 7, {}, {'orderId': 5}, good)
        self.sync()
        inbox = self.env['amazon.order'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(inbox), 7)
        self.assertEqual(sorted(inbox.mapped('state')), ['done', *['failed'] * 6])
        self.assertTrue(all(order.reason for order in inbox if order.state == 'failed'))
        done = inbox.filtered(lambda order: order.state == 'done')
        self.assertEqual(done.amazon_order_ref, good['orderId'])

    def test_an_order_without_a_reference_is_stored_once(self):
        good = self.get_good_payload()
        del good['orderId']
        for _page in range(2):
            self.serve(good)
            self.sync()
        inbox = self.env['amazon.order'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(inbox), 1)
        self.assertIn('orderId', inbox.reason)

    def test_unknown_fields_and_values_are_tolerated(self):
        order = self.place(1, values={
            '/isNew': {'since': 2027},
            f'{ITEM}/colour': 'blue',
            '/programs': ['MOON_DELIVERY'],
            '/recipient/deliveryAddress/addressType': 'IGLOO',
            '/fulfillment/fulfillmentServiceLevel': 'BEAMED',
        })
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')

    def test_an_unknown_charge_is_imported_and_noted(self):
        def add_fee(payload):
            proceeds = payload['orderItems'][0]['proceeds']
            proceeds['breakdowns'].append({
                'type': 'ECO_FEE', 'subtotal': {'amount': '0.40', 'currencyCode': 'EUR'},
            })
            proceeds['proceedsTotal']['amount'] = '10.40'
            payload['proceeds']['grandTotal']['amount'] = '10.40'

        order = self.place(1, patch=add_fee)
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amount_total, 10.4)
        self.assertEqual(self.get_lines(sale_order, 'other').price_total, 0.4)
        self.assertIn('ECO_FEE', self.get_inbox(order).note)

    def test_an_unknown_status_waits_and_is_said(self):
        order = self.place(1, values={'/fulfillment/fulfillmentStatus': 'TELEPORTED'})
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'skipped')
        self.assertIn('TELEPORTED', self.get_inbox(order).reason)
        self.seller.override(order)
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')

    def test_an_unknown_marketplace_is_added(self):
        order = self.place(1, values={
            '/salesChannel/marketplaceId': 'ANEWMARKETPLACE',
            '/salesChannel/marketplaceName': 'Amazon.is',
        })
        self.sync()
        marketplace = self.get_inbox(order).marketplace_id
        self.assertEqual(
            (marketplace.api_ref, marketplace.name), ('ANEWMARKETPLACE', 'Amazon.is'),
        )
        self.assertEqual(self.get_sale_order(order).amazon_marketplace_id, marketplace)

    def test_control_characters_are_left_out(self):
        order = self.seller.place_order(
            items=[Item('MUG', gift_message='For\x00 you\x07')],
            buyer=Buyer('Be\x00n\x1b Dahl', 'ben@marketplace.amazon.de'),
        )
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.partner_id.name, 'Ben Dahl')
        self.assertEqual(self.get_lines(sale_order).amazon_gift_message, 'For you')

    def test_all_the_worlds_writing_is_kept(self):
        for number, name in enumerate(('Lena 🌻 Sommer', 'محمد عبد الله', 'אבי כהן', '小林 美咲')):
            with self.subTest(name):
                order = self.seller.place_order(
                    items=[Item('MUG', title=f'Mug for {name}')],
                    buyer=Buyer(name, f'world{number}@marketplace.amazon.de'),
                    address=Address(name, line1=f'{name} 3 🏡', city='Köln', country='DE'),
                )
                self.sync()
                partner = self.get_sale_order(order).partner_id
                self.assertEqual((partner.name, partner.street), (name, f'{name} 3 🏡'))

    def test_marks_that_turn_the_direction_of_writing_are_left_out(self):
        order = self.place(1, values={'/buyer/buyerName': 'Ben \u202egnp.exe'})
        self.sync()
        self.assertEqual(self.get_sale_order(order).partner_id.name, 'Ben gnp.exe')

    def test_a_title_of_any_length_is_no_reason(self):
        order = self.place(1, values={f'{ITEM}/product/title': LONG})
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')

    def test_half_a_character_stops_nobody_else(self):
        good = self.get_good_payload()
        bad = [
            {**good, 'orderId': 'A\ud83c'},
            {**good, 'orderId': '305-0000000-0000001', 'buyer': {'buyerName': 'Ben \ud83c'}},
            {**good, 'orderId': '305-0000000-0000002',
             'fulfillment': {**good['fulfillment'], 'fulfillmentStatus': '\ud83c'}},
        ]
        self.serve(*bad, good)
        self.sync()
        inbox = self.env['amazon.order'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(inbox), 4)
        self.assertEqual(
            inbox.filtered(lambda order: order.amazon_order_ref == good['orderId']).state, 'done',
        )
