from odoo.tests import tagged

from .common import TourCase


@tagged('post_install', '-at_install')
class TestOffersTours(TourCase):
    """What a person does in the browser who cares for offers and stock."""

    OFFERS = '/odoo/action-amazon_connector.action_amazon_offer'
    ACCOUNT = '/odoo/action-amazon_connector.action_amazon_account/{}'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.synced_marketplace_ids = cls.account.synced_marketplace_ids.filtered(
            lambda marketplace: marketplace.name == 'Amazon.de',
        )

    def make_report(self):
        """Let Amazon have made its report already, so that no tour waits for it."""
        self.simulator.request_report(marketplace='DE')
        self.simulator.finish_reports()

    def import_listings(self):
        """Press Import Listings, for which Amazon has its report already."""
        self.make_report()
        self.press(self.account, 'action_import_offers')

    def find_offer(self, sku):
        """Return the offer of a SKU."""
        return self.env['amazon.offer'].search(
            [('account_id', '=', self.account.id), ('sku', '=', sku)],
        )

    def test_listings_come_in_and_get_their_products(self):
        mug, bowl = self.create_product('TOUR-MUG'), self.create_product('TOUR-BOWL')
        self.seller.add_listing('TOUR-MUG', title='Mug of the tour', quantity=5)
        self.seller.add_listing('tour-bowl', title='Bowl of the tour')
        self.seller.add_listing('TOUR-LAMP', title='Lamp on Amazon', channels=('AMAZON_EU',))
        self.seller.add_listing('TOUR-VASE', title='Vase on Amazon')
        self.make_report()
        self.start(self.OFFERS, 'amazon_import_and_match')
        self.assertEqual(self.find_offer('TOUR-MUG').product_id, mug)
        self.assertEqual(self.find_offer('tour-bowl').product_id, bowl)
        self.assertEqual(self.find_offer('TOUR-LAMP').product_id.name, "Lamp on Amazon")
        self.assertFalse(self.find_offer('TOUR-VASE').product_id)

    def test_stock_is_previewed_and_pushed(self):
        mug = self.create_product('TOUR-MUG')
        self.put_in_stock(mug, 7, self.account.warehouse_id.lot_stock_id)
        self.seller.add_listing('TOUR-MUG', quantity=2)
        self.import_listings()
        self.start(self.ACCOUNT.format(self.account.id), 'amazon_push_stock')
        self.assertEqual(self.seller.find_listing('TOUR-MUG').quantity, 7)
        self.assertIn(self.find_offer('TOUR-MUG').stock_state, ('sent', 'in_sync'))

    def test_stock_is_aligned_before_anything_is_pushed(self):
        mug = self.create_product('TOUR-MUG')
        location = self.account.warehouse_id.lot_stock_id
        self.put_in_stock(mug, 7, location)
        self.seller.add_listing('TOUR-MUG', quantity=4)
        self.import_listings()
        self.start(self.ACCOUNT.format(self.account.id), 'amazon_align_stock')
        self.assertEqual(mug.with_context(location=location.id).qty_available, 4)
        self.assertEqual(self.seller.find_listing('TOUR-MUG').quantity, 4)

    def test_the_fba_location_is_adjusted_to_what_amazon_has(self):
        mug = self.create_product('TOUR-MUG')
        self.put_in_stock(mug, 10, self.account.location_id)
        self.seller.add_listing('TOUR-MUG', channels=('AMAZON_EU',))
        self.seller.set_fba_stock('TOUR-MUG', fulfillable=7, researching=3)
        self.import_listings()
        self.press(self.account, 'action_read_fba_inventory')
        self.start(self.OVERVIEW, 'amazon_adjust_drift')
        self.assertEqual(mug.with_context(location=self.account.location_id.id).qty_available, 7)
