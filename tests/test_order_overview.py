import json

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.addresses import build_order_url, build_product_url
from odoo.addons.amazon_connector.amazon.order_overview import Overview, parse_overview

BROKEN = ('', '{', '[]', 'null', '7', '{"orderItems": 7}', '[' * 100_000)


@tagged('post_install', '-at_install')
class TestOrderOverview(BaseCase):
    """What people see of an order that may not be readable as a whole."""

    def parse(self, payload):
        return parse_overview(json.dumps(payload))

    def test_nothing_that_is_broken_raises(self):
        for text in BROKEN:
            with self.subTest(text=text[:20]):
                self.assertEqual(parse_overview(text), Overview())
        for junk in (None, 7, 'x', [], [[]], {}, {'amount': '1E+1000000', 'currencyCode': 7}):
            with self.subTest(junk=junk):
                [line] = self.parse({
                    'createdTime': junk,
                    'fulfillment': junk,
                    'recipient': {'deliveryAddress': junk},
                    'orderItems': [{
                        'quantityOrdered': junk,
                        'product': {'title': junk, 'price': {'unitPrice': junk}},
                        'proceeds': {'proceedsTotal': junk},
                    }, junk if not isinstance(junk, dict) else None],
                }).lines
                self.assertFalse(line.unit_price or line.total)

    def test_amounts_nobody_can_print_are_left_out(self):
        for amount in ('1E+1000000', '1E-1000000', 'NaN', '-Infinity', '1000000000000'):
            with self.subTest(amount=amount):
                [line] = self.parse({'orderItems': [
                    {'proceeds': {'proceedsTotal': {'amount': amount, 'currencyCode': 'EUR'}}},
                ]}).lines
                self.assertIsNone(line.total)

    def test_britain_has_its_iso_code(self):
        overview = self.parse({'recipient': {'deliveryAddress': {
            'municipality': 'Leeds', 'countryCode': 'uk',
        }}})
        self.assertEqual((overview.city, overview.country_code), ('Leeds', 'GB'))


@tagged('post_install', '-at_install')
class TestAddresses(BaseCase):
    """Where people look things up on Amazon."""

    def test_an_order_in_seller_central(self):
        for address in ('https://sellercentral.amazon.se', 'https://sellercentral.amazon.se/'):
            self.assertEqual(
                build_order_url(address, '302-1234567-1234567'),
                'https://sellercentral.amazon.se/orders-v3/order/302-1234567-1234567',
            )

    def test_what_is_unknown_or_not_safe_is_no_address(self):
        for address, order_id in (
            (None, '302-1234567-1234567'),
            (False, False),
            ('javascript:alert(1)', '302-1234567-1234567'),
            ('https://sellercentral.amazon.se', '? 0123456789ab'),
            ('https://sellercentral.amazon.se', None),
        ):
            with self.subTest(address=address, order_id=order_id):
                self.assertIsNone(build_order_url(address, order_id))

    def test_a_product_in_the_shop(self):
        for name in ('Amazon.de', 'Amazon.co.jp', 'Amazon.com.mx', 'Amazon.com'):
            self.assertEqual(
                build_product_url(name, 'B012345678'), f'https://www.{name.lower()}/dp/B012345678',
            )

    def test_a_shop_or_product_that_is_unknown_has_no_page(self):
        for name, asin in (
            ('Non-Amazon', 'B012345678'), ('Amazon.de/../evil', 'B012345678'),
            ('evil-amazon.de', 'B012345678'), (False, False), ('Amazon.de', None),
            ('Amazon.de', 'B01234567/'),
        ):
            with self.subTest(name=name, asin=asin):
                self.assertIsNone(build_product_url(name, asin))
