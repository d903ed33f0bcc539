import gzip
import json
from datetime import datetime, timedelta
from urllib.parse import quote

import requests
import spapi
from spapi.models.listings_items_v2021_08_01 import ListingsItemPatchRequest, PatchOperation

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import (
    DEFAULT_SELLER,
    LISTING_ODDITIES,
    ROLE_LISTINGS,
    Item,
)
from odoo.addons.amazon_connector.simulator.listings import Listing

from .test_simulator import NOON, ConformanceCase, SimulatorCase, _other_seller

GERMANY = 'A1PA6795UKMFR9'
BRITAIN = 'A1F83G8C2ARO7P'
JAPAN = 'A1VC38T7YXB528'
ITEMS = f'/listings/2021-08-01/items/{DEFAULT_SELLER.seller_id}'
FEEDS = '/feeds/2021-06-30/feeds'
DOCUMENTS = '/feeds/2021-06-30/documents'
FEED_TYPE = 'JSON_LISTINGS_FEED'
JSON = 'application/json; charset=UTF-8'
AVAILABILITY = '/attributes/fulfillment_availability'
OFFER = '/attributes/purchasable_offer'
EVERYTHING = [
    'summaries', 'attributes', 'issues', 'offers', 'fulfillmentAvailability', 'procurement',
    'relationships', 'productTypes',
]
# All of what a SKU may be made of that a path or a JSON text writes in another way.
AWKWARD_SKUS = (
    'A/B', 'A B', 'A#B', 'A%2FB', 'A%B', 'A?B=C&D', 'A+B', 'Größe-Ä', '🎁', '佐藤', 'A"B\\C', '..A',
)


def stock(quantity, op='merge', code='DEFAULT', **details):
    """Return a patch of a quantity; None leaves it out."""
    entry = {'fulfillment_channel_code': code, 'quantity': quantity, **details}
    return {
        'op': op, 'path': AVAILABILITY,
        'value': [{name: value for name, value in entry.items() if value is not None}],
    }


def price(amount, op='merge', **details):
    """Return a patch of a price; None leaves a detail out."""
    entry = {
        'marketplace_id': GERMANY, 'currency': 'EUR', 'audience': 'ALL',
        'our_price': [{'schedule': [{'value_with_tax': amount}]}], **details,
    }
    return {
        'op': op, 'path': OFFER,
        'value': [{name: value for name, value in entry.items() if value is not None}],
    }


class ListingCase(SimulatorCase):
    """A simulator whose clock stands still, and what is said about its listings."""

    def setUp(self):
        super().setUp()
        self.simulator.clock.freeze(NOON)

    def item(self, sku, *included, marketplace=GERMANY):
        """Return the JSON of a listing with the datasets asked for, all of them by default."""
        response = self.get(
            f"{ITEMS}/{quote(sku, safe='')}", marketplaceIds=marketplace,
            includedData=','.join(included or EVERYTHING),
        )
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def quantity(self, sku, marketplace=GERMANY):
        """Return what is shown of a listing's availability, as (channel, quantity)."""
        return [
            (entry['fulfillmentChannelCode'], entry.get('quantity'))
            for entry in self.item(
                sku, 'fulfillmentAvailability', marketplace=marketplace,
            )['fulfillmentAvailability']
        ]

    def post_patch(self, sku, *patches, token=None, marketplace=GERMANY, body=None, **query):
        return self.request(
            'PATCH', f"{ITEMS}/{quote(sku, safe='')}", token,
            params={'marketplaceIds': marketplace, **query},
            json=body or {'productType': 'PRODUCT', 'patches': patches},
        )

    def patch(self, sku, *patches, **query):
        """Send patches and return (status, issues)."""
        response = self.post_patch(sku, *patches, **query)
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        self.assertEqual(answer['sku'], sku)
        self.assertTrue(answer['submissionId'])
        return answer['status'], answer['issues']

    def assertAccepted(self, sku, *patches, **query):
        self.assertEqual(self.patch(sku, *patches, **query), ('ACCEPTED', []))

    def assertInvalid(self, word, sku, *patches):
        status, issues = self.patch(sku, *patches)
        self.assertEqual(status, 'INVALID')
        self.assertTrue(any(word in issue['message'] for issue in issues), issues)

    def find(self, **query):
        """Return (SKUs, number of results, token of the next page) of a search."""
        response = self.get(ITEMS, **{'marketplaceIds': GERMANY, **query})
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        return (
            [item['sku'] for item in answer['items']], answer['numberOfResults'],
            answer['pagination'].get('nextToken'),
        )

    def found(self, **query):
        return self.find(sortBy='sku', sortOrder='ASC', **query)[0]


@tagged('post_install', '-at_install')
class TestSimulatorListingConformance(ConformanceCase):
    """What the simulator says of listings, Amazon's own SDK reads without losing a key."""

    def setUp(self):
        super().setUp()
        self.api = spapi.ListingsApi(self.sdk)
        self.listings = {
            'plain': {'quantity': 3},
            'amazon fulfilled': {'channels': ('AMAZON_EU',)},
            'both': {'channels': ('DEFAULT', 'AMAZON_EU'), 'quantity': 3},
            'inactive': {'status': 'INACTIVE'},
            'incomplete': {'status': 'INCOMPLETE', 'price': ''},
            'with an issue': {'issues': [{
                'code': '18155', 'message': 'Too dear', 'severity': 'ERROR',
                'categories': ['INVALID_PRICE'], 'attributeNames': ['purchasable_offer'],
                'marketplaceIds': [GERMANY],
                'enforcements': {
                    'actions': [{'action': 'LISTING_SUPPRESSED'}],
                    'exemption': {'status': 'NOT_EXEMPT'},
                },
            }]},
            'slow': {'lead_time': 5, 'restock_date': '2026-12-24', 'condition': 'used_good'},
            **{f'odd: {odd}': {'odd': odd, 'quantity': 3} for odd in LISTING_ODDITIES},
        }
        for sku, values in self.listings.items():
            self.seller.add_listing(sku, **values)

    def test_each_alone(self):
        for sku in self.listings:
            for included in (EVERYTHING, None, *([name] for name in EVERYTHING)):
                with self.subTest(sku=sku, included=included):
                    options = {'included_data': included} if included else {}
                    model = self.api.get_listings_item(
                        DEFAULT_SELLER.seller_id, sku, [GERMANY], **options,
                    )
                    self.assertUnderstood(model)
                    self.assertEqual(model.sku, sku)

    def test_in_a_search(self):
        query = {
            'seller_id': DEFAULT_SELLER.seller_id, 'marketplace_ids': [GERMANY],
            'included_data': EVERYTHING, 'page_size': 5,
        }
        model = self.api.search_listings_items(**query)
        items = list(model.items)
        while model.pagination.next_token:
            self.assertUnderstood(model)
            model = self.api.search_listings_items(page_token=model.pagination.next_token, **query)
            items += model.items
        self.assertUnderstood(model)
        self.assertEqual(model.number_of_results, len(self.listings))
        self.assertEqual({item.sku for item in items}, set(self.listings))

    def test_patch(self):
        for mode, quantity, status in (
            (None, 7, 'ACCEPTED'), (None, -1, 'INVALID'), ('VALIDATION_PREVIEW', 7, 'VALID'),
        ):
            with self.subTest(status=status):
                model = self.api.patch_listings_item(
                    DEFAULT_SELLER.seller_id, 'plain', [GERMANY],
                    ListingsItemPatchRequest(product_type='PRODUCT', patches=[
                        PatchOperation(**stock(quantity)),
                    ]),
                    **({'mode': mode, 'included_data': ['identifiers', 'issues']} if mode else {}),
                )
                self.assertUnderstood(model)
                self.assertEqual(model.status, status)


@tagged('post_install', '-at_install')
class TestSimulatorListing(ListingCase):
    """One listing as Amazon shows it."""

    def test_merchant_fulfilled(self):
        self.seller.add_listing(
            'A', asin='B000000001', title='Mug', price='9.50', quantity=4, product_type='MUG',
        )
        self.assertEqual(self.item('A', 'summaries'), {'sku': 'A', 'summaries': [{
            'marketplaceId': GERMANY, 'asin': 'B000000001', 'productType': 'MUG',
            'conditionType': 'new_new', 'status': ['BUYABLE', 'DISCOVERABLE'], 'itemName': 'Mug',
            'createdDate': '2026-03-10T12:00:00.000Z',
            'lastUpdatedDate': '2026-03-10T12:00:00.000Z',
            'mainImage': {
                'link': 'https://m.media-amazon.example/images/B000000001.jpg',
                'height': 500, 'width': 500,
            },
        }]})
        self.assertEqual(self.item('A', 'fulfillmentAvailability', 'offers'), {
            'sku': 'A',
            'offers': [{
                'marketplaceId': GERMANY, 'offerType': 'B2C',
                'price': {'currencyCode': 'EUR', 'amount': '9.50'},
                'audience': {'value': 'ALL', 'displayName': 'Sell on Amazon'},
            }],
            'fulfillmentAvailability': [{'fulfillmentChannelCode': 'DEFAULT', 'quantity': 4}],
        })

    def test_amazon_fulfilled(self):
        self.seller.add_listing('A', channels=('AMAZON_EU',))
        [summary] = self.item('A', 'summaries')['summaries']
        self.assertTrue(summary['fnSku'].startswith('X00'))
        self.assertIn('BUYABLE', summary['status'])
        self.assertEqual(self.quantity('A'), [('AMAZON_EU', None)])
        self.seller.change_listing('A', channels=['AMAZON_EU', 'DEFAULT'], quantity=2)
        self.assertEqual(self.quantity('A'), [('AMAZON_EU', None), ('DEFAULT', 2)])

    def test_statuses(self):
        self.seller.add_listing('A', quantity=1)

        def statuses(**values):
            self.seller.change_listing('A', **values)
            return self.item('A', 'summaries')['summaries'][0]['status']

        self.assertEqual(statuses(), ['BUYABLE', 'DISCOVERABLE'])
        self.assertEqual(statuses(quantity=0), ['DISCOVERABLE'])
        self.assertEqual(statuses(quantity=1, status='INACTIVE'), ['DISCOVERABLE'])
        self.assertEqual(statuses(status='INCOMPLETE'), [])
        self.assertEqual(self.item('A', 'offers', 'fulfillmentAvailability'), {
            'sku': 'A', 'offers': [], 'fulfillmentAvailability': [],
        })

    def test_marketplaces_are_apart(self):
        self.seller.add_listing('A', quantity=1)
        self.seller.add_listing('A', 'GB', quantity=2)
        self.seller.add_listing('A', JAPAN, quantity=3)
        self.assertEqual(
            [self.quantity('A', place) for place in (GERMANY, BRITAIN, JAPAN)],
            [[('DEFAULT', number)] for number in (1, 2, 3)],
        )
        offers = self.item('A', 'offers', marketplace=f'{JAPAN},{BRITAIN}')['offers']
        self.assertEqual(
            [(offer['marketplaceId'], *offer['price'].values()) for offer in offers],
            [(BRITAIN, 'GBP', '19.99'), (JAPAN, 'JPY', '1999')],
        )

    def test_unknown(self):
        self.seller.add_listing('A', 'GB')
        response = self.get(f'{ITEMS}/A', marketplaceIds=GERMANY)
        self.assertRefused(response, 404, 'NOT_FOUND')
        self.seller.remove_listing('A', 'GB')
        with self.assertRaises(LookupError):
            self.seller.find_listing('A', 'GB')

    def test_refusals(self):
        self.seller.add_listing('A')
        for query in (
            {}, {'marketplaceIds': 'ATVPDKIKX0DER'},
            {'marketplaceIds': GERMANY, 'includedData': 'prices'},
        ):
            with self.subTest(**query):
                self.assertRefused(self.get(f'{ITEMS}/A', **query), 400, 'InvalidInput')
        self.assertRefused(
            self.get('/listings/2021-08-01/items/OTHER/A', marketplaceIds=GERMANY),
            403, 'Unauthorized',
        )
        self.seller.revoke_role(ROLE_LISTINGS)
        for response in (self.get(f'{ITEMS}/A', marketplaceIds=GERMANY), self.post_patch('A')):
            self.assertRefused(response, 403, 'Unauthorized')

    def test_awkward_skus(self):
        for sku in AWKWARD_SKUS:
            with self.subTest(sku=sku):
                self.seller.add_listing(sku)
                self.assertAccepted(sku, stock(5))
                self.assertEqual(self.quantity(sku), [('DEFAULT', 5)])
                self.assertEqual(self.found(identifiers=sku, identifiersType='SKU'), [sku])

    def test_a_slash_in_a_path_is_no_part_of_a_sku(self):
        self.seller.add_listing('A/B')
        response = self.get(f'{ITEMS}/A/B', marketplaceIds=GERMANY)
        self.assertRefused(response, 403, 'MissingAuthenticationToken')

    def test_oddities(self):
        expected = {
            'no summaries': {'summaries': None},
            'empty summaries': {'summaries': []},
            'no availability': {'fulfillmentAvailability': None},
            'empty availability': {'fulfillmentAvailability': []},
            'no quantity': {'fulfillmentAvailability': [{'fulfillmentChannelCode': 'DEFAULT'}]},
        }
        self.assertEqual(
            LISTING_ODDITIES.keys(), expected.keys() | {'two currencies', 'local price'},
        )
        self.seller.add_listing('A', quantity=5)
        truth = self.item('A')
        for odd, values in expected.items():
            with self.subTest(odd=odd):
                self.seller.change_listing('A', odd=odd)
                falsified = {**truth, **values}
                self.assertEqual(
                    self.item('A'),
                    {name: value for name, value in falsified.items() if value is not None},
                )
        for odd, prices in (
            ('two currencies', [('EUR', '19.99'), ('PLN', '123.45')]),
            ('local price', [('EUR', '1.234,56')]),
        ):
            self.seller.change_listing('A', odd=odd)
            offers = self.item('A', 'offers')['offers']
            self.assertEqual([tuple(offer['price'].values()) for offer in offers], prices)

    def test_nonsense(self):
        self.seller.add_listing('A')
        for make in (
            lambda: self.seller.add_listing('A'),
            lambda: self.seller.add_listing('B', status='LOST'),
            lambda: self.seller.add_listing('B', odd='very'),
            lambda: self.seller.add_listing('B', channels=()),
            lambda: self.seller.add_listing('B', colour='blue'),
            lambda: self.seller.change_listing('A', colour='blue'),
        ):
            with self.assertRaises(ValueError):
                make()
        self.assertEqual(len(self.seller.listings), 1)


@tagged('post_install', '-at_install')
class TestSimulatorListingSearch(ListingCase):

    def test_pages(self):
        self.seller.add_listings(25, quantity=1)
        skus, number, token = self.find(pageSize=20)
        self.assertEqual((len(skus), number), (20, 25))
        rest, number, last = self.find(pageSize=20, pageToken=token)
        self.assertEqual((len(rest), number, last), (5, 25, None))
        self.assertEqual(set(skus + rest), {f'SKU-{number}' for number in range(1, 26)})
        self.assertEqual(len(self.find()[0]), 10)
        response = self.get(ITEMS, marketplaceIds=GERMANY, pageSize=10, pageToken=token)
        self.assertRefused(response, 400, 'InvalidInput', 'differ')
        self.simulator.clock.advance(days=1)
        response = self.get(ITEMS, marketplaceIds=GERMANY, pageSize=20, pageToken=token)
        self.assertRefused(response, 400, 'InvalidInput', 'pageToken has expired')

    def test_a_page_does_not_show_what_is_gone(self):
        self.seller.add_listings(3)
        _skus, _number, token = self.find(pageSize=2, sortBy='sku', sortOrder='ASC')
        self.seller.remove_listing('SKU-3')
        query = {'pageSize': 2, 'sortBy': 'sku', 'sortOrder': 'ASC', 'pageToken': token}
        self.assertEqual(self.find(**query), ([], 3, None))

    def test_no_more_than_a_thousand_can_be_reached(self):
        self.seller.add_listings(1005)
        token, pages, access = None, 0, self.token()
        while True:
            query = {'marketplaceIds': GERMANY, 'pageSize': 20, 'pageToken': token}
            answer = self.get(
                ITEMS, access, **{name: value for name, value in query.items() if value},
            ).json()
            pages += 1
            self.assertEqual((answer['numberOfResults'], len(answer['items'])), (1005, 20))
            token = answer['pagination'].get('nextToken')
            if not token:
                break
        self.assertEqual(pages, 50)

    def test_identifiers(self):
        self.seller.add_listing('A', asin='B1', product_id='4006381333931')
        self.seller.add_listing('B', asin='B1', channels=('AMAZON_EU',), fn_sku='X001')
        self.seller.add_listing('C', 'GB', asin='B1')
        for kind, identifiers, skus in (
            ('SKU', 'A,B,C,D', ['A', 'B']),
            ('ASIN', 'B1', ['A', 'B']),
            ('EAN', '4006381333931', ['A']),
            ('UPC', '1', []),
            ('FNSKU', 'X001', ['B']),
        ):
            with self.subTest(kind=kind):
                self.assertEqual(
                    self.found(identifiersType=kind, identifiers=identifiers), skus,
                )
        self.assertEqual(
            self.found(identifiersType='ASIN', identifiers='B1', marketplaceIds=BRITAIN), ['C'],
        )

    def test_filters(self):
        self.seller.add_listing('A', quantity=1, opened=NOON - timedelta(days=9))
        self.seller.add_listing('B', quantity=0, issues=[{'severity': 'WARNING'}])
        self.seller.add_listing('C', status='INCOMPLETE')
        day_ago = (NOON - timedelta(days=1)).isoformat()
        for query, skus in (
            ({'createdAfter': day_ago}, ['B', 'C']),
            ({'createdBefore': day_ago}, ['A']),
            ({'lastUpdatedBefore': day_ago}, ['A']),
            ({'withStatus': 'BUYABLE'}, ['A']),
            ({'withoutStatus': 'BUYABLE'}, ['B', 'C']),
            ({'withIssueSeverity': 'WARNING'}, ['B']),
            ({'withIssueSeverity': 'ERROR'}, []),
            ({'variationParentSku': 'A'}, []),
        ):
            with self.subTest(**query):
                self.assertEqual(self.found(**query), skus)
        self.seller.change_listing('A', title='New')
        self.assertEqual(self.found(lastUpdatedBefore=day_ago), [])

    def test_order(self):
        for sku, days in (('B', 3), ('A', 2), ('C', 1)):
            self.seller.add_listing(sku, opened=NOON - timedelta(days=days))
        self.seller.change_listing('B', title='New')
        self.assertEqual(self.find()[0], ['B', 'C', 'A'])
        self.assertEqual(self.find(sortBy='createdDate')[0], ['C', 'A', 'B'])
        self.assertEqual(self.find(sortBy='sku', sortOrder='ASC')[0], ['A', 'B', 'C'])

    def test_refusals(self):
        for query in (
            {'sortBy': 'price'}, {'sortOrder': 'UP'}, {'withStatus': 'SOLD'},
            {'identifiers': 'A', 'identifiersType': 'SKU,ASIN'},
            {'identifiers': 'A', 'identifiersType': 'SKU', 'variationParentSku': 'B'},
            {'createdAfter': 'yesterday'}, {'pageSize': '0'},
        ):
            with self.subTest(**query):
                response = self.get(ITEMS, **{'marketplaceIds': GERMANY, **query})
                self.assertRefused(response, 400, 'InvalidInput')

    def test_sellers_are_apart(self):
        other = _other_seller(self.simulator)
        other.add_listing('A', GERMANY)
        self.assertEqual(self.found(), [])
        self.seller.add_listing('A', quantity=1)
        self.assertAccepted('A', stock(9))
        self.assertEqual(other.find_listing('A', GERMANY).quantity, 0)


@tagged('post_install', '-at_install')
class TestSimulatorListingPatch(ListingCase):

    def setUp(self):
        super().setUp()
        self.listing = self.seller.add_listing(
            'A', quantity=5, lead_time=3, restock_date='2026-12-24', price='10.00',
        )

    def test_merge_leaves_the_rest(self):
        self.simulator.clock.advance(minutes=1)
        self.assertAccepted('A', stock(8))
        self.assertEqual(self.quantity('A'), [('DEFAULT', 8)])
        self.assertEqual((self.listing.lead_time, self.listing.restock_date), (3, '2026-12-24'))
        [entry] = self.item('A', 'attributes')['attributes']['fulfillment_availability']
        self.assertEqual(entry, {
            'fulfillment_channel_code': 'DEFAULT', 'quantity': 8, 'lead_time_to_ship_max_days': 3,
            'restock_date': '2026-12-24', 'marketplace_id': GERMANY,
        })
        [summary] = self.item('A', 'summaries')['summaries']
        self.assertEqual(summary['lastUpdatedDate'], '2026-03-10T12:01:00.000Z')

    def test_replace_resets_the_rest(self):
        for op in ('add', 'replace'):
            with self.subTest(op=op):
                self.seller.change_listing('A', lead_time=3, restock_date='2026-12-24')
                self.assertAccepted('A', stock(8, op))
                self.assertEqual(
                    (self.listing.quantity, self.listing.lead_time, self.listing.restock_date),
                    (8, None, ''),
                )

    def test_merge_with_nothing_takes_away(self):
        patch = stock(8)
        patch['value'][0]['restock_date'] = None
        self.assertAccepted('A', patch)
        self.assertEqual((self.listing.lead_time, self.listing.restock_date), (3, ''))

    def test_delete(self):
        self.assertAccepted('A', stock(None, 'delete'))
        self.assertEqual(self.quantity('A'), [('DEFAULT', None)])
        self.assertAccepted('A', price(None, 'delete', our_price=None))
        self.assertEqual(self.item('A', 'offers')['offers'], [])
        self.assertInvalid('selectors', 'A', {'op': 'delete', 'path': OFFER})

    def test_zero(self):
        self.assertAccepted('A', stock(0))
        self.assertEqual(self.quantity('A'), [('DEFAULT', 0)])

    def test_price(self):
        for op, amount, shown in (
            ('merge', 12.5, '12.50'), ('replace', 13, '13.00'), ('add', 0.01, '0.01'),
        ):
            with self.subTest(op=op):
                self.assertAccepted('A', price(amount, op))
                [offer] = self.item('A', 'offers')['offers']
                self.assertEqual(offer['price'], {'currencyCode': 'EUR', 'amount': shown})
        self.assertAccepted('A', price(9, audience='B2B'))
        self.assertEqual(self.listing.price, '0.01')
        self.assertEqual(len(self.listing.attributes['purchasable_offer']), 2)

    def test_merge_of_a_price_leaves_the_rest(self):
        lowest = [{'schedule': [{'value_with_tax': 5}]}]
        self.assertAccepted('A', price(9, 'replace', minimum_seller_allowed_price=lowest))
        self.assertAccepted('A', price(8))
        [offer] = self.listing.attributes['purchasable_offer']
        self.assertEqual(offer['minimum_seller_allowed_price'], lowest)
        self.assertAccepted('A', price(8, 'replace'))
        [offer] = self.listing.attributes['purchasable_offer']
        self.assertNotIn('minimum_seller_allowed_price', offer)

    def test_price_in_yen(self):
        self.seller.add_listing('J', 'JP')
        patch = price(2480, marketplace_id=JAPAN, currency='JPY')
        self.assertAccepted('J', patch, marketplace=JAPAN)
        self.assertEqual(self.seller.find_listing('J', 'JP').price, '2480')
        patch = price(24.8, marketplace_id=JAPAN, currency='JPY')
        self.assertEqual(self.patch('J', patch, marketplace=JAPAN)[0], 'INVALID')

    def test_several_patches_are_one(self):
        self.assertAccepted('A', stock(7), price(11))
        self.assertEqual((self.listing.quantity, self.listing.price), (7, '11.00'))
        self.assertInvalid('-1', 'A', price(12), stock(-1))
        self.assertEqual((self.listing.quantity, self.listing.price), (7, '11.00'))

    def test_other_attributes_are_kept(self):
        value = [{'value': 'blue', 'marketplace_id': GERMANY}]
        self.assertAccepted('A', {'op': 'add', 'path': '/attributes/color', 'value': value})
        self.assertEqual(self.item('A', 'attributes')['attributes']['color'], value)

    def test_invalid_values(self):
        before = self.item('A')
        for word, patch in (
            ('quantity', stock(-1)),
            ('quantity', stock(1.5)),
            ('quantity', stock('5')),
            ('quantity', stock(True)),
            ('quantity', stock(-3, 'replace')),
            ('selector', stock(1, code='')),
            ('fulfillment_channel_code', stock(1, code='FBM')),
            ('fulfillment_channel_code', stock(1, 'replace', code=None)),
            ('lead_time', stock(1, lead_time_to_ship_max_days=31)),
            ('restock_date', stock(1, restock_date='soon')),
            ('marketplace_id', stock(1, marketplace_id=BRITAIN)),
            ("no field 'amount'", stock(1, amount=3)),
            ('our_price', price(0)),
            ('our_price', price(-1)),
            ('our_price', price('9.99')),
            ('our_price', price(9.999)),
            ('our_price', price(1e300)),
            ('our_price', price(1, our_price=[])),
            ('our_price', price(1, our_price={'value_with_tax': 1})),
            ("'our_price' is required", price(1, 'replace', our_price=None)),
            ('currency', price(1, currency='GBP')),
            ("selector 'currency'", price(1, currency=None)),
            ("selector 'marketplace_id'", price(1, marketplace_id=None)),
            ('audience', price(1, audience='EVERYBODY')),
            ('merge', {'op': 'merge', 'path': '/attributes/color', 'value': [{'value': 'red'}]}),
        ):
            with self.subTest(word=word, patch=patch):
                self.assertInvalid(word, 'A', patch)
        self.assertEqual(self.item('A'), before)

    def test_unknown_sku(self):
        status, [issue] = self.patch('B', stock(1))
        self.assertEqual((status, issue['code']), ('INVALID', '13013'))

    def test_bodies_refused(self):
        good = stock(1)
        for word, body in (
            ('productType', {'patches': [good]}),
            ('patches', {'productType': 'PRODUCT', 'patches': []}),
            ('op', {'productType': 'PRODUCT', 'patches': [{**good, 'op': 'move'}]}),
            ('path', {'productType': 'PRODUCT', 'patches': [{**good, 'path': f'{OFFER}/0'}]}),
            ('path', {'productType': 'PRODUCT', 'patches': [{**good, 'path': '/quantity'}]}),
            ('value', {'productType': 'PRODUCT', 'patches': [{**good, 'value': {}}]}),
            ('value', {'productType': 'PRODUCT', 'patches': [{**good, 'value': None}]}),
            ('JSON', [good]),
        ):
            with self.subTest(word=word, body=body):
                self.assertRefused(self.post_patch('A', body=body), 400, 'InvalidInput', word)
        for query in (
            {'mode': 'TEST'}, {'includedData': 'offers'}, {'includedData': 'identifiers'},
            {'marketplace': f'{GERMANY},{BRITAIN}'},
        ):
            with self.subTest(**query):
                self.assertRefused(self.post_patch('A', good, **query), 400, 'InvalidInput')
        self.assertEqual(self.listing.quantity, 5)

    def test_preview(self):
        self.assertEqual(self.patch('A', stock(9), mode='VALIDATION_PREVIEW'), ('VALID', []))
        self.assertEqual(self.patch('A', stock(-9), mode='VALIDATION_PREVIEW')[0], 'INVALID')
        self.assertEqual((self.listing.quantity, self.quantity('A')), (5, [('DEFAULT', 5)]))

    def test_a_default_quantity_takes_an_offer_from_amazon(self):
        for op in ('merge', 'replace'):
            with self.subTest(op=op):
                listing = self.seller.add_listing(f'F-{op}', channels=('AMAZON_EU',))
                self.assertAccepted(listing.sku, stock(4, op))
                self.assertEqual(listing.channels, ('DEFAULT',))
                self.assertEqual(self.quantity(listing.sku), [('DEFAULT', 4)])
                [entry] = listing.attributes['fulfillment_availability']
                self.assertEqual(entry['fulfillment_channel_code'], 'DEFAULT')

    def test_the_way_back_to_amazon(self):
        self.assertAccepted('A', stock(None, 'replace', code='AMAZON_EU'))
        self.assertEqual(self.quantity('A'), [('AMAZON_EU', None)])

    def test_an_offer_of_both_stays_so(self):
        self.seller.add_listing('B', channels=('DEFAULT', 'AMAZON_EU'), quantity=1)
        self.assertAccepted('B', stock(6))
        self.assertEqual(self.quantity('B'), [('DEFAULT', 6), ('AMAZON_EU', None)])

    def test_lag(self):
        self.simulator.set_listing_lag(60)
        self.assertAccepted('A', stock(8), price(12))
        self.assertEqual(self.quantity('A'), [('DEFAULT', 5)])
        item = self.item('A', 'attributes', 'offers')
        self.assertEqual(item['attributes']['fulfillment_availability'][0]['quantity'], 8)
        self.assertEqual(item['offers'][0]['price']['amount'], '10.00')
        self.simulator.clock.advance(seconds=59)
        self.assertEqual(self.quantity('A'), [('DEFAULT', 5)])
        self.simulator.clock.advance(seconds=1)
        self.assertEqual(self.quantity('A'), [('DEFAULT', 8)])
        self.assertEqual(self.item('A', 'offers')['offers'][0]['price']['amount'], '12.00')

    def test_what_was_sent_last_wins(self):
        self.simulator.set_listing_lag(60)
        self.assertAccepted('A', stock(8))
        self.simulator.set_listing_lag()
        self.assertAccepted('A', stock(9))
        self.simulator.clock.advance(seconds=60)
        self.assertEqual(self.quantity('A'), [('DEFAULT', 9)])

    def test_a_flip_does_not_lag(self):
        self.simulator.set_listing_lag(60)
        listing = self.seller.add_listing('F', channels=('AMAZON_EU',))
        self.assertAccepted('F', stock(4))
        self.assertEqual(listing.channels, ('DEFAULT',))

    def test_accepted_and_never_shown(self):
        self.seller.show_quantity('A', 2)
        self.assertAccepted('A', stock(8))
        self.assertEqual(self.quantity('A'), [('DEFAULT', 2)])
        self.seller.show_quantity('A')
        self.assertEqual(self.quantity('A'), [('DEFAULT', 8)])

    def test_rates(self):
        def calls(method, path, **options):
            while self.request(method, path, token, **options).status_code != 429:
                yield method

        self.simulator.set_throttle(1.0)
        token = self.token()
        query = {'marketplaceIds': GERMANY}
        for method, path, burst in (('GET', ITEMS, 5), ('GET', f'{ITEMS}/A', 10)):
            self.assertEqual(len(list(calls(method, path, params=query))), burst)
        self.assertEqual(len(list(calls('PATCH', f'{ITEMS}/A', params=query))), 5)
        self.simulator.clock.advance(seconds=0.2)
        self.assertEqual(len(list(calls('PATCH', f'{ITEMS}/A', params=query))), 1)

    def test_faults(self):
        self.seller.add_listing('B', quantity=5)
        for kind, shown in (('drop_after', 8), ('drop_before', 5)):
            with self.subTest(kind=kind):
                self.seller.change_listing('A', quantity=5)
                fault = self.simulator.arm(kind, operation='patchListingsItem', sku='A')
                self.assertAccepted('B', stock(7))
                with self.assertRaises(requests.ConnectionError):
                    self.post_patch('A', stock(8))
                self.assertEqual((self.quantity('A'), fault.hits), ([('DEFAULT', shown)], 1))
        storm = self.simulator.arm('throttled', operation='patchListingsItem', times=3)
        self.assertEqual([self.post_patch('A', stock(1)).status_code for _ in range(3)], [429] * 3)
        self.assertAccepted('A', stock(1))
        self.assertEqual(storm.hits, 3)

    def test_fault_on_a_page(self):
        self.seller.add_listings(3)
        self.simulator.arm('unavailable', operation='searchListingsItems', page=2)
        _skus, _number, token = self.find(pageSize=2)
        response = self.get(ITEMS, marketplaceIds=GERMANY, pageSize=2, pageToken=token)
        self.assertEqual(response.status_code, 503)


@tagged('post_install', '-at_install')
class TestSimulatorListingLife(ListingCase):
    """What becomes of listings without the application."""

    def test_orders_take_from_listings(self):
        listing = self.seller.add_listing('A', quantity=10)
        british = self.seller.add_listing('A', 'GB', quantity=10)
        amazons = self.seller.add_listing('F', channels=('AMAZON_EU',))
        items = [Item('A', quantity=3), Item('F'), Item('not listed')]
        self.seller.place_order(items=items)
        self.assertEqual(listing.quantity, 10)
        self.seller.sell_listings()
        self.seller.place_order(items=items)
        self.seller.place_order(channel='FBA', items=items)
        self.seller.place_order(status='CANCELLED', items=items)
        pending = self.seller.place_order(status='PENDING', items=items)
        self.assertEqual((listing.quantity, british.quantity, amazons.quantity), (4, 10, None))
        self.seller.cancel(pending)
        self.assertEqual(self.quantity('A'), [('DEFAULT', 7)])

    def test_an_order_takes_no_more_than_there_is(self):
        listing = self.seller.add_listing('A', quantity=2)
        self.seller.sell_listings()
        order = self.seller.place_order(status='PENDING', items=[Item('A', quantity=5)])
        self.assertEqual(listing.quantity, 0)
        self.seller.cancel(order)
        self.assertEqual(listing.quantity, 2)

    def test_a_paid_order_gives_nothing_back(self):
        listing = self.seller.add_listing('A', quantity=2)
        self.seller.sell_listings()
        order = self.seller.place_order(status='PENDING', items=[Item('A')])
        self.seller.pay(order)
        self.seller.cancel(order)
        self.assertEqual(listing.quantity, 1)

    def test_reset(self):
        self.seller.add_listing('A')
        self.seller.sell_listings()
        self.simulator.set_listing_lag(60)
        self.simulator.reset()
        self.assertEqual(
            (self.seller.listings, self.seller.sells_listings, self.seller.listing_lag),
            ({}, False, 0),
        )

    def test_control(self):
        added = self.control(
            'add_listing', sku='A', marketplace_id='GB', quantity=3, channels=['DEFAULT'],
            opened='2026-01-02T03:04:05Z',
        )
        listing = self.seller.find_listing('A', BRITAIN)
        self.assertEqual((added['sku'], added['currency'], added['quantity']), ('A', 'GBP', 3))
        self.assertEqual(
            (listing.channels, listing.opened),
            (('DEFAULT',), datetime.fromisoformat('2026-01-02T03:04:05+00:00')),
        )
        self.control('change_listing', sku='A', marketplace_id='GB', price='5.00')
        self.control('show_quantity', sku='A', marketplace_id='GB', quantity=1)
        found = self.control('find_listing', sku='A', marketplace_id='GB')
        self.assertEqual((found['price'], found['shown_quantity']), ('5.00', 1))
        self.control('add_listings', count=3, prefix='N', quantity=2)
        self.control('remove_listing', sku='N2')
        self.assertEqual([it['sku'] for it in self.control('listings')], ['N1', 'N3'])
        self.control('sell_listings')
        self.control('place_order', items=[{'sku': 'N1'}])
        self.assertEqual(self.seller.find_listing('N1').quantity, 1)
        self.control('set_listing_lag', seconds=5)
        self.assertEqual(self.seller.listing_lag, 5)

    def test_thousands(self):
        listings = self.seller.add_listings(5000, 'JP', quantity=7)
        self.assertEqual(len({listing.sku for listing in listings}), 5000)
        self.assertEqual(len(list(self.seller.walk_listings(JAPAN))), 5000)
        self.assertEqual(list(self.seller.walk_listings()), [])
        self.assertTrue(all(isinstance(listing, Listing) for listing in listings))


@tagged('post_install', '-at_install')
class TestSimulatorListingsFeed(ListingCase):

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)
        self.seller.add_listings(4, quantity=1)

    def messages(self, *patches):
        """Return messages with a patch each, for 'SKU-1', 'SKU-2' and so on."""
        return [
            {
                'messageId': number, 'sku': f'SKU-{number}', 'operationType': 'PATCH',
                'productType': 'PRODUCT', 'patches': [patch],
            }
            for number, patch in enumerate(patches, start=1)
        ]

    def document(self, messages, **header):
        return {
            'header': {
                'sellerId': DEFAULT_SELLER.seller_id, 'version': '2.0', 'issueLocale': 'en_US',
                **header,
            },
            'messages': messages,
        }

    def post_feed(self, content, *marketplaces):
        document = self.request('POST', DOCUMENTS, json={'contentType': JSON}).json()
        requests.put(
            document['url'], content, headers={'Content-Type': JSON}, timeout=5,
        ).raise_for_status()
        return self.request('POST', FEEDS, json={
            'feedType': FEED_TYPE, 'marketplaceIds': marketplaces or [GERMANY],
            'inputFeedDocumentId': document['feedDocumentId'],
        })

    def send(self, document, *marketplaces):
        """Upload a document, create its feed and return what getFeed says of it."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        response = self.post_feed(content, *marketplaces)
        self.assertEqual(response.status_code, 202, response.text)
        return self.get(f"{FEEDS}/{response.json()['feedId']}").json()

    def download(self, feed):
        document = self.get(f"{DOCUMENTS}/{feed['resultFeedDocumentId']}").json()
        return requests.get(document['url'], timeout=5)

    def report(self, feed):
        """Return (summary's counts, issues) of a processing report."""
        report = self.download(feed).json()
        self.assertEqual(report['header'], {
            'sellerId': DEFAULT_SELLER.seller_id, 'version': '2.0', 'feedId': feed['feedId'],
        })
        self.assertEqual(report.keys(), {'header', 'issues', 'summary'})
        summary = report['summary']
        self.assertEqual(list(summary), [
            'errors', 'warnings', 'messagesProcessed', 'messagesAccepted', 'messagesInvalid',
        ])
        for issue in report['issues']:
            self.assertLessEqual(issue.keys(), {
                'messageId', 'sku', 'code', 'severity', 'message', 'attributeName',
            })
        return tuple(summary.values()), report['issues']

    def quantities(self):
        return [listing.quantity for listing in self.seller.walk_listings()]

    def test_all_is_well(self):
        feed = self.send(self.document(self.messages(*map(stock, (5, 6, 7, 8)))))
        self.assertEqual(feed['processingStatus'], 'DONE')
        self.assertEqual(self.report(feed), ((0, 0, 4, 4, 0), []))
        self.assertEqual(self.quantities(), [5, 6, 7, 8])
        self.assertEqual(self.download(feed).headers['Content-Type'], JSON)

    def test_one_store(self):
        self.seller.add_listing('SKU-1', 'GB', quantity=1)
        self.send(self.document(self.messages(stock(9))), BRITAIN)
        self.assertEqual(self.quantities(), [1, 1, 1, 1])
        self.assertEqual(self.seller.find_listing('SKU-1', 'GB').quantity, 9)
        response = self.post_feed(b'', GERMANY, BRITAIN)
        self.assertRefused(response, 400, 'InvalidInput', 'more than one')

    def test_some_are_invalid(self):
        messages = self.messages(stock(5), stock(-6), stock(7), stock(8))
        messages[2]['sku'] = 'unknown'
        messages[3]['operationType'] = 'DELETE'
        feed = self.send(self.document(messages))
        self.assertEqual(feed['processingStatus'], 'DONE')
        counts, issues = self.report(feed)
        self.assertEqual(counts, (3, 0, 4, 1, 3))
        self.assertEqual(
            [(it['messageId'], it['sku'], it['severity'], it['code']) for it in issues],
            [(2, 'SKU-2', 'ERROR', '4000001'), (3, 'unknown', 'ERROR', '13013'),
             (4, 'SKU-4', 'ERROR', '4000001')],
        )
        self.assertEqual(issues[0]['attributeName'], 'fulfillment_availability')
        self.assertEqual(self.quantities(), [5, 1, 1, 1])

    def test_messages_refused(self):
        for word, change in (
            ('sku', {'sku': ''}),
            ('operationType', {'operationType': None}),
            ('productType', {'productType': None}),
            ('patches', {'patches': []}),
            ('attributes', {'attributes': {}}),
            ('path', {'patches': [{**stock(1), 'path': '/attributes/x/0'}]}),
        ):
            with self.subTest(word=word):
                [message] = self.messages(stock(5))
                counts, [issue] = self.report(self.send(self.document([{**message, **change}])))
                self.assertEqual((counts, issue['messageId']), ((1, 0, 1, 0, 1), 1))
                self.assertIn(word, issue['message'])
        self.assertEqual(self.quantities(), [1, 1, 1, 1])

    def test_documents_refused(self):
        [message] = self.messages(stock(5))
        for word, document in (
            ('JSON', b'<AmazonEnvelope/>'),
            ('JSON', b''),
            ('header', {'messages': [message]}),
            ('sellerId', self.document([message], sellerId='A2OTHER')),
            ('version', self.document([message], version='1.0')),
            ('messages', self.document([])),
            ('not unique', self.document([message, message])),
            ('messageId', self.document([{**message, 'messageId': '1'}])),
            ('messageId', self.document([{**message, 'messageId': 0}])),
            ('25000', self.document([
                {'messageId': number} for number in range(1, 25_002)
            ])),
            ('larger', b' ' * 10_485_761),
        ):
            with self.subTest(word=word):
                feed = self.send(document)
                self.assertEqual(feed['processingStatus'], 'FATAL')
                counts, [issue] = self.report(feed)
                self.assertEqual(counts, (1, 0, 0, 0, 0))
                self.assertNotIn('messageId', issue)
                self.assertIn(word, issue['message'])
        self.assertEqual(self.quantities(), [1, 1, 1, 1])

    def test_awkward_skus(self):
        for sku in AWKWARD_SKUS:
            self.seller.add_listing(sku)
        messages = self.messages(*(stock(5) for _sku in AWKWARD_SKUS))
        for sku, message in zip(AWKWARD_SKUS, messages, strict=True):
            message['sku'] = sku
        self.assertEqual(self.report(self.send(self.document(messages)))[1], [])
        self.assertEqual({self.seller.find_listing(sku).quantity for sku in AWKWARD_SKUS}, {5})

    def test_lag_and_flip(self):
        self.simulator.set_listing_lag(60)
        self.seller.change_listing('SKU-2', channels=('AMAZON_EU',), quantity=None)
        self.send(self.document(self.messages(stock(5), stock(5))))
        self.assertEqual(self.quantity('SKU-1'), [('DEFAULT', 1)])
        self.simulator.clock.advance(minutes=1)
        self.assertEqual(self.quantity('SKU-1'), [('DEFAULT', 5)])
        self.assertEqual(self.quantity('SKU-2'), [('DEFAULT', 5)])

    def test_moods(self):
        document = self.document(self.messages(*map(stock, (5, 6, 7, -8))))
        for kind, status, quantities, counts, issues in (
            ('feed_cancelled', 'CANCELLED', [1, 1, 1, 1], None, 0),
            ('feed_fatal', 'FATAL', [1, 1, 1, 1], None, 0),
            ('feed_breaks_off', 'FATAL', [5, 6, 1, 1], None, 0),
            ('report_missing', 'DONE', [5, 6, 7, 1], None, 0),
            ('feed_half', 'DONE', [5, 6, 1, 1], (0, 0, 2, 2, 0), 0),
            ('feed_skips_last', 'DONE', [5, 6, 7, 1], (0, 0, 3, 3, 0), 0),
            ('report_incomplete', 'DONE', [5, 6, 7, 1], (1, 0, 4, 3, 1), 0),
        ):
            with self.subTest(kind=kind):
                for listing in self.seller.walk_listings():
                    listing.quantity = 1
                self.simulator.arm(kind, operation=FEED_TYPE)
                feed = self.send(document)
                self.assertEqual(feed['processingStatus'], status)
                self.assertEqual(self.quantities(), quantities)
                if counts is None:
                    self.assertNotIn('resultFeedDocumentId', feed)
                else:
                    actual, found = self.report(feed)
                    self.assertEqual((actual, len(found)), (counts, issues))

    def test_odd_reports(self):
        document = self.document(self.messages(stock(5)))
        self.simulator.arm('report_not_json')
        self.assertTrue(self.download(self.send(document)).content.startswith(b'<html>'))
        self.simulator.arm('report_gzip')
        content = gzip.decompress(self.download(self.send(document)).content)
        self.assertEqual(json.loads(content)['summary']['messagesAccepted'], 1)

    def test_listed_among_the_feeds(self):
        self.send(self.document(self.messages(stock(5))))
        [feed] = self.get(FEEDS, feedTypes=FEED_TYPE).json()['feeds']
        self.assertEqual(feed['feedType'], FEED_TYPE)
        others = self.get(FEEDS, feedTypes='POST_ORDER_FULFILLMENT_DATA').json()
        self.assertEqual(others['feeds'], [])
