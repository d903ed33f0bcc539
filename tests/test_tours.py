from datetime import datetime, timedelta, timezone

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Address, Item

from .common import TourCase


@tagged('post_install', '-at_install')
class TestTours(TourCase):
    """What a person does in the browser."""

    def test_connecting_an_account_says_what_is_wrong_and_then_connects(self):
        account = self.create_account(
            seller_id='ANOTHERSELLER', lwa_client_id=False, lwa_client_secret=False,
            refresh_token=False,
        )
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_account/{account.id}',
            'amazon_connect_account',
        )
        self.assertEqual(account.state, 'connected')

    def test_syncing_orders_leads_to_the_sales_order(self):
        self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')])
        self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')], status='PENDING')
        self.start(self.OVERVIEW, 'amazon_sync_orders')

    def test_matching_an_offer_brings_its_order_in(self):
        self.account.only_matched_products = True
        product = self.create_product('KETTLE', name="Kettle for the tour")
        order = self.seller.place_order('DE', 'FBM', [Item('SKU-TO-MATCH', '24.89')])
        self.sync()
        self.start(self.OVERVIEW, 'amazon_match_offer')
        self.assertEqual(self.get_lines(self.get_sale_order(order)).product_id, product)

    def test_retrying_an_order_imports_it(self):
        self.account.only_matched_products = True
        order = self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')])
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        self.create_product('KETTLE')
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_order/{inbox.id}', 'amazon_retry_order',
        )
        self.assertEqual(inbox.state, 'done')

    def test_importing_an_order_anyway_asks_for_what_is_missing(self):
        self.create_product('KETTLE')
        order = self.seller.place_order('DE', 'FBM', [Item('KETTLE', '12.99', 2)])
        item = '/orderItems/0'
        self.seller.override(
            order, remove=['/proceeds', f'{item}/proceeds', f'{item}/product/price'],
        )
        self.sync()
        inbox = self.get_inbox(order)
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_order/{inbox.id}',
            'amazon_import_anyway',
        )
        self.assertEqual(self.get_sale_order(order).amount_total, 25.98)

    def test_creating_the_product_of_an_offer_brings_its_order_in(self):
        self.account.only_matched_products = True
        order = self.seller.place_order(
            'DE', 'FBM', [Item('4006381333931', '24.89', title="Kettle for the tour")],
        )
        self.sync()
        self.start('/odoo/action-amazon_connector.action_amazon_offer', 'amazon_create_product')
        product = self.get_lines(self.get_sale_order(order)).product_id
        self.assertEqual(product.name, "Kettle for the tour")
        self.assertEqual(product.barcode, '4006381333931')

    def test_what_was_shipped_elsewhere_is_taken_from_stock_in_one_click(self):
        self.create_product('KETTLE')
        order = self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')])
        self.sync()
        self.seller.ship(order)
        self.sync()
        sale_order = self.get_sale_order(order)
        self.start(
            f'/odoo/action-amazon_connector.action_amazon_sale_order/{sale_order.id}',
            'amazon_already_shipped',
        )
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 1)
        self.assertEqual(sale_order.picking_ids.state, 'cancel')


@tagged('post_install', '-at_install')
class TestOfficeTours(TourCase):
    """What people see who care for orders and are no administrators."""

    def start_as(self, login, groups, url, tour):
        """Walk through a tour as somebody who has these groups."""
        self.create_user(login, 'amazon_connector.group_amazon_user', *groups)
        self.start_tour(url, tour, login=login)

    def test_an_amazon_user_sees_what_burns_and_why(self):
        self.account.only_matched_products = True
        self.create_product('MUG')
        self.seller.place_order('DE', 'FBM', [Item('MUG')])
        late = datetime.now(timezone.utc) - timedelta(hours=1)
        self.seller.place_order(
            'DE', 'FBM', [Item('NEW', title='Kettle')],
            address=Address(name='Clara Holm', city='Bonn', country='DE'),
            ship_by=(late - timedelta(days=1), late),
        )
        self.sync()
        self.start_as('uma', (), self.OVERVIEW, 'amazon_see_what_burns')

    def test_a_sales_order_says_in_its_head_what_amazon_says(self):
        self.create_product('MUG')
        sale_order = self.import_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        sale_order.user_id = False
        self.start_as(
            'sally', ('sales_team.group_sale_salesman_all_leads', 'stock.group_stock_user'),
            f'/odoo/action-amazon_connector.action_amazon_sale_order/{sale_order.id}',
            'amazon_see_sales_order',
        )
