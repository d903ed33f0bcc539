import json

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .common import AmazonCase

ITEM = '/orderItems/0'
ADDRESS = '/recipient/deliveryAddress'
LONG = 'x' * 10_000

# What is left out or put in (JSON pointers), and the field that the reason must name.
REFUSED = {
    # Required fields
    'no items': ({'remove': ['/orderItems']}, 'orderItems'),
    'an empty list of items': ({'values': {'/orderItems': []}}, 'orderItems'),
    'no time of purchase': ({'remove': ['/createdTime']}, 'createdTime'),
    'no time of the last change': ({'remove': ['/lastUpdatedTime']}, 'lastUpdatedTime'),
    'no marketplace': ({'remove': ['/salesChannel']}, 'salesChannel'),
    'no fulfillment': ({'remove': ['/fulfillment']}, 'fulfillment'),
    'no fulfiller': ({'remove': ['/fulfillment/fulfilledBy']}, 'fulfillment.fulfilledBy'),
    'no proceeds': ({'remove': ['/proceeds']}, 'proceeds'),
    'no proceeds of an item': ({'remove': [f'{ITEM}/proceeds']}, 'orderItems[0].proceeds'),
    'no product': ({'remove': [f'{ITEM}/product']}, 'orderItems[0].product'),
    'no SKU': ({'remove': [f'{ITEM}/product/sellerSku']}, 'orderItems[0].product.sellerSku'),
    'an empty SKU': ({'values': {f'{ITEM}/product/sellerSku': ' '}}, 'product.sellerSku'),
    'no quantity': ({'remove': [f'{ITEM}/quantityOrdered']}, 'orderItems[0].quantityOrdered'),
    'no item id': ({'remove': [f'{ITEM}/orderItemId']}, 'orderItems[0].orderItemId'),
    # Wrong types
    'a quantity in words': ({'values': {f'{ITEM}/quantityOrdered': 'two'}}, 'quantityOrdered'),
    'a broken quantity': ({'values': {f'{ITEM}/quantityOrdered': 1.5}}, 'quantityOrdered'),
    'a quantity of true': ({'values': {f'{ITEM}/quantityOrdered': True}}, 'quantityOrdered'),
    'items that are no list': ({'values': {'/orderItems': {}}}, 'orderItems'),
    'an item that is a text': ({'values': {ITEM: 'mug'}}, 'orderItems[0]'),
    'a time in words': ({'values': {'/createdTime': 'yesterday'}}, 'createdTime'),
    'a time without a zone': ({'values': {'/createdTime': '2026-11-01T00:00:00'}}, 'createdTime'),
    'an amount in words': (
        {'values': {'/proceeds/grandTotal/amount': 'much'}}, 'proceeds.grandTotal.amount',
    ),
    'an infinite amount': (
        {'values': {'/proceeds/grandTotal/amount': 'Infinity'}}, 'proceeds.grandTotal.amount',
    ),
    'an address that is a text': ({'values': {ADDRESS: 'Köln'}}, 'recipient.deliveryAddress'),
    'a name that is a number': ({'values': {'/buyer/buyerName': 7}}, 'buyer.buyerName'),
    'a status that is a number': (
        {'values': {'/fulfillment/fulfillmentStatus': 7}}, 'fulfillment.fulfillmentStatus',
    ),
    # Amounts
    'a negative total': (
        {'values': {'/proceeds/grandTotal/amount': '-10.00'}}, 'proceeds.grandTotal.amount',
    ),
    'a negative charge': (
        {'values': {f'{ITEM}/proceeds/breakdowns/0/subtotal/amount': '-10.00'}},
        'orderItems[0].proceeds.breakdowns[0].subtotal.amount',
    ),
    'a negative quantity': ({'values': {f'{ITEM}/quantityOrdered': -1}}, 'quantityOrdered'),
    'items that do not make the total': (
        {'values': {'/proceeds/grandTotal/amount': '10.01'}}, 'proceeds.grandTotal',
    ),
    'charges that do not make the item': (
        {'values': {f'{ITEM}/proceeds/proceedsTotal/amount': '9.99'}},
        'orderItems[0].proceeds.proceedsTotal',
    ),
    'another currency on an item': (
        {'values': {f'{ITEM}/proceeds/proceedsTotal/currencyCode': 'GBP'}},
        'orderItems[0].proceeds.proceedsTotal.currencyCode',
    ),
    'another currency on the total': (
        {'values': {'/proceeds/grandTotal/currencyCode': 'GBP'}}, 'currencyCode',
    ),
    # Texts
    'a SKU without end': ({'values': {f'{ITEM}/product/sellerSku': LONG}}, 'product.sellerSku'),
    'a name without end': ({'values': {'/buyer/buyerName': LONG}}, 'buyer.buyerName'),
    'an address without end': (
        {'values': {f'{ADDRESS}/addressLine1': LONG}}, 'deliveryAddress.addressLine1',
    ),
    'an unknown country': (
        {'values': {f'{ADDRESS}/countryCode': 'XX'}}, 'deliveryAddress.countryCode',
    ),
    'an unknown fulfiller': (
        {'values': {'/fulfillment/fulfilledBy': 'POST'}}, 'fulfillment.fulfilledBy',
    ),
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

    def test_a_bad_order_comes_in_once_amazon_has_mended_it(self):
        order = self.place(1, remove=['/createdTime'])
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
