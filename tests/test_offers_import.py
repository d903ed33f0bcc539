from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

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
        self.simulator.set_report_cache(0)

    def import_listings(self, account=None):
        """Press Import Listings, let Amazon make the reports and the cron read them."""
        self.press(account or self.account, 'action_import_offers')
        self.simulator.finish_reports()
        self.env['amazon.report'].search([]).invalidate_recordset()
        self.run_cron('process_reports')
        return self.env['amazon.report'].search([], limit=1)

    def make_report(self):
        """Let somebody have asked Amazon for another report in Seller Central."""
        self.simulator.request_report(marketplace=GERMANY)
        self.simulator.finish_reports()

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
        self.assertEqual(self.find_offer('MUG').quantity_read_at, report.made_at)
        self.assertFalse(self.find_offer('LAMP').quantity_read_at)

    def test_an_offer_of_orders_is_the_same_record(self):
        """An order made the offer; the import fills it in and keeps its product."""
        product = self.create_product('MUG')
        self.seller.place_order('DE', 'FBM', [Item('MUG', '9.99')])
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
        self.seller.change_listing('MUG', GERMANY, price='11.00', quantity=5)
        self.seller.remove_listing('RUG', GERMANY)
        self.make_report()
        self.import_listings()
        self.assertRecordValues(
            self.find_offer('MUG') + self.find_offer('LAMP') + self.find_offer('RUG'),
            [
                {'amazon_price': 11.0, 'amazon_quantity': 5, 'is_gone': False},
                {'amazon_price': 10.0, 'amazon_quantity': 1, 'is_gone': False},
                {'amazon_price': 10.0, 'amazon_quantity': 1, 'is_gone': True},
            ],
        )

    def count_calls(self, operation):
        """Return how often an operation of Amazon's was called."""
        return sum(call.operation == operation for call in self.simulator.calls)

    def test_a_report_that_is_there_is_used(self):
        """What Amazon has made within the hour costs no new report; nor does one on its way."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.make_report()
        report = self.import_listings()
        self.assertEqual(report.state, 'done')
        self.assertEqual(self.count_calls('createReport'), 0)
        self.assertTrue(self.find_offer('MUG'))
        self.simulator.request_report(marketplace=GERMANY)
        self.simulator.set_report_pace(1)
        self.press(self.account, 'action_import_offers')
        self.press(self.account, 'action_import_offers')
        self.assertEqual(self.count_calls('createReport'), 0)
        self.assertEqual(self.env['amazon.report'].search_count([('state', '!=', 'done')]), 1)

    def test_progress_is_told(self):
        """The account says how far its import is, at each step."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.simulator.set_report_pace(1)
        self.press(self.account, 'action_import_offers')
        self.assertIn("Amazon works on it", self.account.import_progress)
        self.simulator.finish_reports()
        self.run_cron('process_reports')
        self.assertIn("1 read, as of", self.account.import_progress)

    def test_bad_reports_are_told_and_asked_for_again(self):
        """Amazon ends a report without a document, or the document is none: the reason stands on
        the report, nothing is lost, and another one is asked for later.
        """
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        for mood in ('no_document', 'html', 'empty', 'cut_gzip'):
            with self.subTest(mood=mood):
                self.simulator.set_report_mood(mood)
                self.make_report()
                report = self.import_listings()
                self.assertEqual(report.state, 'failed', mood)
                self.assertTrue(report.reason)
                self.assertTrue(report.next_try)
                self.assertFalse(self.find_offer('MUG').is_gone)
                self.make_report()
                self.press(self.account, 'action_import_offers')
                self.assertEqual(report.state, 'done', report.reason)
                self.assertFalse(report.next_try)

    def test_a_report_that_amazon_gives_up_is_asked_for_again(self):
        """Amazon ends its report as FATAL or CANCELLED: the account says so, the next one comes."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        for mood in ('fatal', 'cancelled'):
            with self.subTest(mood=mood):
                self.env['amazon.report'].search([]).unlink()
                self.simulator.reports.clear()
                self.simulator.set_report_mood(mood)
                report = self.import_listings()
                self.assertEqual(report.state, 'failed')
                self.assertIn(mood.upper(), self.account.import_progress)
                self.import_listings()
                self.assertEqual(report.state, 'done', report.reason)

    def test_a_broken_line_stays_out(self):
        """A line without SKU or with too few cells is told of, the others come in."""
        for sku in ('MUG', 'LAMP', 'RUG', 'VASE', 'BOX'):
            self.seller.add_listing(sku, GERMANY, price='10.00', quantity=1)
        self.simulator.set_report_mood('broken_line')
        report = self.import_listings()
        self.assertEqual(report.state, 'done')
        self.assertTrue(report.left_out_count)
        self.assertIn("SKU", report.notes)
        offers = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        self.assertGreaterEqual(len(offers), 3)

    def test_a_cut_report_takes_nothing_away(self):
        """What is missing in a report that ends in the middle still counts as listed."""
        for number in range(30):
            self.seller.add_listing(f'SKU-{number}', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        self.simulator.set_report_mood('cut_off')
        self.make_report()
        report = self.import_listings()
        self.assertIn("ends in the middle", report.reason)
        self.assertFalse(self.env['amazon.offer'].search([('is_gone', '=', True)]))

    def test_a_report_without_lines_is_not_believed_at_once(self):
        """All offers gone at once may be a fault of Amazon's: the second report is believed."""
        for number in range(12):
            self.seller.add_listing(f'SKU-{number}', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        for number in range(12):
            self.seller.remove_listing(f'SKU-{number}', GERMANY)
        self.make_report()
        self.assertIn("12 of 12", self.import_listings().reason)
        self.assertFalse(self.find_offer('SKU-1').is_gone)
        self.make_report()
        self.import_listings()
        self.assertTrue(self.find_offer('SKU-1').is_gone)

    def test_languages_encodings_and_columns(self):
        """Headers in German, other encodings, columns in another order: the same offers."""
        for mood in ('localised', 'shuffled_columns', 'no_bom', 'cp1252', 'doubled'):
            with self.subTest(mood=mood):
                self.seller.add_listing(
                    f'MUG-{mood}', GERMANY, title="Tasse für Büro", price='10.50', quantity=4,
                )
                self.simulator.set_report_mood(mood)
                self.make_report()
                self.import_listings()
                self.assertRecordValues(self.find_offer(f'MUG-{mood}'), [{
                    'title': "Tasse für Büro", 'amazon_price': 10.5, 'amazon_quantity': 4,
                    'channel': 'fbm',
                }])

    def test_what_amazon_shows_is_written_by_the_connector_only(self):
        """Nobody but the connector says who ships an offer, or what Amazon has of it."""
        offer = self.env['amazon.offer'].create({
            'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'MUG',
        })
        admin = self.create_user('admina', 'amazon_connector.group_amazon_admin')
        for values in (
            {'channel': 'fbm'}, {'channel_read_at': '2026-01-01'}, {'amazon_quantity': 5},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                offer.with_user(admin).write(values)
        with self.assertRaises(AccessError):
            offer.with_user(admin).create({
                'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'B',
                'channel': 'fbm',
            })

    def test_a_changed_channel_is_told(self):
        """Amazon ships it now: the person in charge has an activity on the offer."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        self.seller.change_listing('MUG', GERMANY, channels=('AMAZON_EU',), quantity=None)
        self.make_report()
        self.import_listings()
        offer = self.find_offer('MUG')
        self.assertEqual(offer.channel, 'fba')
        self.assertIn("It was FBM", offer.activity_ids.note)

    def test_every_night_by_itself(self):
        """The cron asks for the listings of started accounts."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.run_cron('import_offers')
        self.run_cron('process_reports')
        self.simulator.finish_reports()
        self.run_cron('process_reports')
        self.assertTrue(self.find_offer('MUG'))

    def test_a_report_alone_never_says_that_only_the_seller_ships(self):
        """It does not show what Amazon ships as well: only a call does, whose word then lasts."""
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.import_listings()
        offer = self.find_offer('MUG')
        self.assertEqual((offer.channel, offer.channel_read_at), ('fbm', False))
        offer.channel_read_at = '2026-01-01'
        self.make_report()
        report = self.import_listings()
        self.assertEqual(offer.channel_read_at, report.made_at)
        offer.channel = 'both'
        self.make_report()
        self.import_listings()
        self.assertEqual(offer.channel, 'both')
        offer.write({'channel': 'fba', 'channel_read_at': '2026-01-01'})
        self.make_report()
        self.import_listings()
        self.assertEqual((offer.channel, offer.channel_read_at), ('fbm', False))

    def test_figures_that_amazon_may_have_looked_up_earlier_do_not_count(self):
        """Amazon makes reports of what it has looked up hours before: what was sent in between
        counts more.
        """
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=8)
        self.import_listings()
        offer = self.find_offer('MUG')
        level = self.env['amazon.stock.level'].create({'offer_id': offer.id})
        offer.stock_level_id = level
        level.write({'state': 'in_sync', 'target': 10, 'sent': 10, 'sent_at': offer.read_at})
        offer.amazon_quantity = 10
        level.sent_at -= timedelta(hours=5)
        self.make_report()
        self.import_listings()
        self.assertEqual(offer.amazon_quantity, 10)
        level.sent_at -= timedelta(hours=2)
        self.make_report()
        self.import_listings()
        self.assertEqual(offer.amazon_quantity, 8)

    def test_what_is_sold_is_listed(self):
        """An order lifts the mark of an offer that a report did not hold any more."""
        offer = self.env['amazon.offer'].create({
            'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'MUG',
            'is_gone': True,
        })
        self.seller.place_order('DE', 'FBM', [Item('MUG', '9.99')])
        self.sync()
        self.assertFalse(offer.is_gone)

    def test_a_marketplace_without_listings_is_no_failure(self):
        """Amazon cancels a report that would have no line; where there are offers, it is told."""
        self.simulator.set_report_mood('cancelled')
        report = self.import_listings()
        self.assertEqual(report.state, 'done')
        self.assertIn("nothing to report", self.account.import_progress)

    def test_goods_that_vanish_are_told(self):
        """An offer whose quantity was looked after is gone: its history and a person know."""
        for sku in ('MUG', 'LAMP', 'RUG'):
            self.seller.add_listing(sku, GERMANY, price='10.00', quantity=1)
        self.import_listings()
        offer = self.find_offer('MUG')
        offer.stock_level_id = self.env['amazon.stock.level'].create({
            'offer_id': offer.id, 'state': 'in_sync',
        })
        self.seller.remove_listing('MUG', GERMANY)
        self.make_report()
        self.import_listings()
        self.assertTrue(offer.is_gone)
        self.assertIn("does not hold it any more", offer.message_ids[0].body)
        self.assertIn("MUG", self.account.activity_ids.mapped('note')[-1])

    def test_a_role_that_is_missing_stops_no_orders(self):
        """Amazon lets nobody import listings: the way says what to do, the account stays as it is.
        """
        self.seller.add_listing('MUG', GERMANY, price='10.00', quantity=1)
        self.simulator.arm('forbidden', operation='getReports', times=None)
        self.press(self.account, 'action_import_offers')
        self.assertEqual(self.account.state, 'connected')
        self.assertIn("role Product Listing", self.get_sync(self.account, 'reports').last_error)
        self.simulator.disarm()
        self.import_listings()
        self.assertTrue(self.find_offer('MUG'))
        self.assertFalse(self.get_sync(self.account, 'reports').last_error)
