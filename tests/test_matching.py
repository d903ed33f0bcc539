from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import AmazonCase

GERMANY, BRITAIN = 'A1PA6795UKMFR9', 'A1F83G8C2ARO7P'


@tagged('post_install', '-at_install')
class TestMatching(AmazonCase):
    """Which product is sold under an SKU: by reference and barcode, by hand, or a new one."""

    def make_offer(self, sku, marketplace=GERMANY, account=None, **values):
        """Return an offer as an import makes it, without a product."""
        account = account or self.account
        return self.env['amazon.offer'].create({
            'account_id': account.id,
            'marketplace_id': account.available_marketplace_ids.filtered(
                lambda m: m.api_ref == marketplace,
            ).id,
            'sku': sku,
            'title': f'Title of {sku}',
            **values,
        })

    def match_all(self):
        """Press Match Offers and return what the notification says."""
        return self.press(self.account, 'action_match_offers')['params']['message']

    def test_rules_in_their_order(self):
        """Reference before barcode, exactly before loosely, the SKU before the listing's EAN."""
        by_reference = self.create_product('MUG')
        self.create_product('X-1', barcode='MUG')
        by_barcode = self.create_product('X-2', barcode='LAMP')
        loosely = self.create_product(' Rug-Ä ')
        by_ean = self.create_product('X-3', barcode='4006381333931')
        offers = {
            sku: self.make_offer(sku, **values) for sku, values in (
                ('MUG', {}), ('LAMP', {}), ('rug-ä', {}), ('OTHER', {'barcode': '4006381333931'}),
            )
        }
        self.assertIn("4 matched", self.match_all())
        self.assertEqual(
            [offer.product_id for offer in offers.values()],
            [by_reference, by_barcode, loosely, by_ean],
        )

    def test_ambiguous_offers_stay_pending_and_say_why(self):
        """Two products with the reference: a person decides, and the reason goes."""
        first, _second = self.create_product('MUG'), self.create_product('MUG')
        offer = self.make_offer('MUG')
        self.assertIn("1 for you to decide", self.match_all())
        self.assertFalse(offer.product_id)
        self.assertIn("2 products have the internal reference MUG", offer.match_note)
        offer.product_id = first
        self.assertFalse(offer.match_note)

    def test_archived_and_foreign_products_are_not_taken(self):
        """An archived product is named, that of another company is not even that."""
        self.create_product('MUG').active = False
        other = self.create_company("Other GmbH")
        self.create_product('LAMP', company_id=other.id)
        mug, lamp = self.make_offer('MUG'), self.make_offer('LAMP')
        self.match_all()
        self.assertFalse(mug.product_id | lamp.product_id)
        self.assertIn("archived", mug.match_note)
        self.assertFalse(lamp.match_note)

    def test_unmatched_offers_stay_unmatched(self):
        """What a person took away does not come back by itself."""
        self.create_product('MUG')
        offer = self.make_offer('MUG')
        self.match_all()
        self.assertTrue(offer.product_id)
        self.press(self.account, 'action_unmatch_offers')
        self.assertFalse(offer.product_id)
        self.assertIn("1 left unmatched by a person", self.match_all())
        self.assertFalse(offer.product_id)

    def test_create_products_one_for_each_sku(self):
        """The same SKU in two marketplaces is one product, made of what the listing says."""
        offer = self.make_offer(
            'MUG', barcode='4006381333931', amazon_price=12.5,
            currency_id=self.env.ref('base.EUR').id,
        )
        twin = self.make_offer('MUG', BRITAIN)
        self.create_product('LAMP')
        refused = self.make_offer('LAMP')
        message = self.press(offer | twin | refused, 'action_create_products')['params']['message']
        self.assertIn("1 product created", message)
        self.assertIn("LAMP: ", message)
        self.assertEqual(offer.product_id, twin.product_id)
        self.assertRecordValues(offer.product_id, [{
            'name': 'Title of MUG',
            'default_code': 'MUG',
            'barcode': '4006381333931',
            'list_price': 12.5,
            'is_storable': True,
            'company_id': self.company.id,
        }])
        self.assertFalse(refused.product_id)

    def test_a_taken_barcode_is_left_out(self):
        """Another product has the EAN of the listing: the new one goes without."""
        self.create_product('OLD', barcode='4006381333931')
        offer = self.make_offer('MUG', barcode='4006381333931')
        self.press(offer, 'action_create_products')
        self.assertTrue(offer.product_id)
        self.assertFalse(offer.product_id.barcode)

    def test_wrong_users(self):
        """Amazon users match; products are created by who may; warehouse people do neither."""
        offer = self.make_offer('MUG')
        user = self.create_user('ursula', 'amazon_connector.group_amazon_user')
        with self.assertRaises(UserError):
            offer.with_user(user).action_create_products()
        product = self.create_product('MUG')
        self.account.with_user(user).action_match_offers()
        self.assertEqual(offer.product_id, product)
        clerk = self.create_user('carl', 'stock.group_stock_user')
        for method in ('action_unmatch', 'action_match_all', 'action_create_products'):
            with self.subTest(method=method), self.assertRaises(UserError):
                getattr(offer.with_user(clerk), method)()

    def test_products_show_their_offers(self):
        """A product and its template count their offers, and open them."""
        product = self.create_product('MUG')
        offers = self.make_offer('MUG') | self.make_offer('MUG', BRITAIN)
        self.match_all()
        self.assertEqual(product.amazon_offer_count, 2)
        self.assertEqual(product.product_tmpl_id.amazon_offer_count, 2)
        product.action_archive()
        self.env.invalidate_all()
        self.assertEqual(product.product_tmpl_id.amazon_offer_count, 2)
        action = product.product_tmpl_id.action_open_amazon_offers()
        self.assertEqual(self.env['amazon.offer'].search(action['domain']), offers.sorted())

    def test_many_cost_few_statements(self):
        """Offers are matched together, by fewer statements than there are offers."""
        for number in range(50):
            self.create_product(f'SKU-{number}')
            self.make_offer(f' sku-{number} ')
        offers = self.env['amazon.offer'].search([('product_id', '=', False)])
        before = self.env.cr.sql_log_count
        offers._match_by_reference(is_loose=True)
        self.env.flush_all()
        self.assertEqual(len(offers.filtered('product_id')), 50)
        self.assertLess(self.env.cr.sql_log_count - before, 50)
