from odoo.tests import tagged

from .common import AmazonCase

GERMANY, BRITAIN = 'A1PA6795UKMFR9', 'A1F83G8C2ARO7P'


@tagged('post_install', '-at_install')
class TestOffersImport(AmazonCase):
    """Listings come in from Amazon's report: asked for, waited for, stored, read."""

    def setUp(self):
        super().setUp()
        self.germany = self.account.synced_marketplace_ids.filtered(
            lambda m: m.api_ref == GERMANY,
        )
        self.account.synced_marketplace_ids = self.germany
        self.simulator.set_report_pace(0)

    def import_listings(self, account=None):
        """Press Import Listings, let Amazon make the reports and the cron read them."""
        self.press(account or self.account, 'action_import_offers')
        self.simulator.finish_reports()
        self.env['amazon.report'].search([]).invalidate_recordset()
        self.run_cron('process_reports')
        return self.env['amazon.report'].search([], limit=1)

    def find_offer(self, sku):
        """Return the offer of a SKU in Germany."""
        return self.env['amazon.offer'].search([
            ('account_id', '=', self.account.id),
            ('marketplace_id', '=', self.germany.id),
            ('sku', '=', sku),
        ])

    def test_an_offer_carries_what_amazon_says(self):
        """Everything that the report tells of a listing stands on its offer."""
        self.seller.add_listing(
            'MUG', GERMANY, asin='B00MUG0001', title="Tasse „Nordwind“", price='12.50', quantity=7,
            product_id='4006381333931',
        )
        self.seller.add_listing(
            'LAMP', GERMANY, asin='B00LAMP001', title="Lampe", price='80.00', quantity=None,
            channels=('AMAZON_EU',), status='INACTIVE',
        )
        report = self.import_listings()
        self.assertEqual(report.state, 'done', report.reason)
        self.assertRecordValues(self.find_offer('MUG') + self.find_offer('LAMP'), [{
            'asin': 'B00MUG0001',
            'title': "Tasse „Nordwind“",
            'amazon_price': 12.5,
            'currency_id': self.env.ref('base.EUR').id,
            'amazon_quantity': 7,
            'channel': 'fbm',
            'amazon_status': 'active',
            'condition': 'new',
            'barcode': '4006381333931',
            'is_gone': False,
        }, {
            'asin': 'B00LAMP001',
            'title': "Lampe",
            'amazon_price': 80.0,
            'currency_id': self.env.ref('base.EUR').id,
            'amazon_quantity': 0,
            'channel': 'fba',
            'amazon_status': 'inactive',
            'condition': 'new',
            'barcode': False,
            'is_gone': False,
        }])
        self.assertTrue(self.find_offer('MUG').opened_at)
        self.assertEqual(self.find_offer('MUG').channel_read_at, report.made_at)

    def test_an_offer_of_orders_is_the_same_record(self):
        """An order made the offer; the import fills it in and keeps its product."""
        product = self.create_product('MUG')
        self.seller.add_order(sku='MUG', marketplace_id=GERMANY)
        self.sync()
        offer = self.find_offer('MUG')
        self.assertEqual(offer.product_id, product)
        self.seller.add_listing('MUG', GERMANY, price='9.99', quantity=3)
        self.import_listings()
        self.assertEqual(self.find_offer('MUG'), offer)
        self.assertRecordValues(offer, [{'amazon_price': 9.99, 'product_id': product.id}])

    def test_import_again_changes_what_changed(self):
        """The next report brings news, and marks what it does not hold any more."""
        for sku in ('MUG', 'LAMP', 'RUG'):
            self.seller.add_listing(sku, GERMANY, price='10.00', quantity=1)
        self.import_listings()
        self.simulator.advance(hours=2)
        self.env['amazon.report'].search([]).made_at = '2020-01-01'
        self.seller.change_listing('MUG', GERMANY, price='11.00', quantity=5)
        self.seller.remove_listing('RUG', GERMANY)
        self.import_listings()
        self.assertRecordValues(
            self.find_offer('MUG') + self.find_offer('LAMP') + self.find_offer('RUG'),
            [
                {'amazon_price': 11.0, 'amazon_quantity': 5, 'is_gone': False},
                {'amazon_price': 10.0, 'amazon_quantity': 1, 'is_gone': False},
                {'amazon_price': 10.0, 'amazon_quantity': 1, 'is_gone': True},
            ],
        )
