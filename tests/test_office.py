import json
from datetime import datetime, timedelta, timezone

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .common import ShippingCase

NOON = datetime(2026, 11, 18, 12, tzinfo=timezone.utc)
USER = 'amazon_connector.group_amazon_user'
ACTIONS = (
    'action_amazon_account', 'action_amazon_account_overview', 'action_amazon_delivery',
    'action_amazon_feed', 'action_amazon_marketplace', 'action_amazon_offer',
    'action_amazon_order', 'action_amazon_sale_order',
)


class OfficeCase(ShippingCase):
    """Somebody who cares for Amazon's orders, with no other rights in Odoo."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.create_user('uma', USER)
        cls.salesman = cls.create_user('sally', 'sales_team.group_sale_salesman_all_leads')
        cls.stock_user = cls.create_user('stan', 'stock.group_stock_user')
        (cls.user | cls.env.user).tz = 'UTC'

    def place(self, sku='MUG', ship_by=NOON, **details):
        """Let a buyer order something that is to be shipped by a time."""
        return self.seller.place_order(
            details.pop('marketplace', 'DE'), details.pop('channel', 'FBM'), [Item(sku)],
            ship_by=(ship_by - timedelta(days=1), ship_by), **details,
        )

    def get_figures(self, *names):
        """Return figures of the card as an Amazon user sees them."""
        self.account.invalidate_recordset()
        return tuple(self.account.with_user(self.user).read(names)[0][name] for name in names)


@tagged('post_install', '-at_install')
class TestRadarOfInbox(OfficeCase):
    """What has to be shipped counts from the moment Amazon says so, imported or not."""

    def setUp(self):
        super().setUp()
        self.account.only_matched_products = True

    def test_the_inbox_knows_late_today_and_tomorrow(self):
        moments = {
            'late': NOON - timedelta(seconds=1),
            'today': NOON.replace(hour=23),
            'tomorrow': NOON + timedelta(days=1),
            'later': NOON + timedelta(days=2),
        }
        orders = {urgency: self.place('NEW', moment) for urgency, moment in moments.items()}
        self.sync()
        Inbox = self.env['amazon.order'].with_user(self.user)
        with freeze_time(NOON):
            for urgency, order in orders.items():
                inbox = self.get_inbox(order).with_user(self.user)
                self.assertEqual(inbox.state, 'failed')
                self.assertEqual(inbox.ship_by, moments[urgency].replace(tzinfo=None))
                self.assertEqual(inbox.urgency, urgency)
                self.assertEqual(Inbox.search([('urgency', '=', urgency)]), inbox)

    def test_what_is_imported_or_not_for_the_seller_to_ship_is_no_business_of_the_inbox(self):
        orders = [
            self.place('MUG'),
            self.place('NEW', status='PENDING'),
            self.place('NEW', channel='FBA'),
            self.place('NEW', status='CANCELLED'),
            self.place('NEW', status='SHIPPED'),
        ]
        self.sync()
        with freeze_time(NOON + timedelta(days=1)):
            for order in orders:
                [inbox] = self.get_inbox(order)
                self.assertFalse(inbox.urgency)
            self.assertEqual(self.get_figures('late_count', 'late_inbox_count'), (1, 0))

    def test_the_card_counts_what_is_not_imported_and_leads_there(self):
        order = self.place('NEW', NOON.replace(hour=15))
        self.sync()
        names = ('late_count', 'late_inbox_count', 'ship_today_count', 'ship_today_inbox_count')
        with freeze_time(NOON):
            self.assertEqual(self.get_figures(*names), (0, 0, 1, 1))
            action = self.account.action_open_ship_today()
            self.assertEqual(action['res_model'], 'amazon.order')
            self.assertTrue(action['context']['search_default_today'])
        self.place('MUG', NOON.replace(hour=15))
        self.sync()
        with freeze_time(NOON):
            self.assertEqual(self.get_figures(*names), (0, 0, 2, 1))
            action = self.account.action_open_ship_today()
            self.assertEqual(action['res_model'], 'stock.picking')
            self.assertTrue(action['context']['search_default_amazon_today'])
        self.create_product('NEW')
        self.press(self.get_inbox(order), 'action_retry')
        with freeze_time(NOON):
            self.assertEqual(self.get_figures(*names), (0, 0, 2, 0))
        with freeze_time(NOON + timedelta(days=1)):
            self.assertEqual(self.get_figures(*names), (2, 0, 0, 0))

    def test_an_order_with_two_open_transfers_counts_once(self):
        self.warehouse.delivery_steps = 'pick_ship'
        order = self.seller.place_order(
            'DE', 'FBM', [Item('MUG', quantity=2)], ship_by=(NOON - timedelta(days=1), NOON),
        )
        self.sync()
        picking = self.get_open_delivery(order)
        self.pick(picking, {'MUG': 1})
        self.validate(picking)
        self.assertEqual(len(self.get_open_delivery(order)), 2)
        with freeze_time(NOON + timedelta(days=1)):
            self.assertEqual(self.get_figures('late_count'), (1,))

    def test_the_filters_are_there(self):
        arch = etree.fromstring(self.env['amazon.order'].get_view(view_type='search')['arch'])
        names = {node.get('name') for node in arch.iter('filter')}
        self.assertLessEqual({'late', 'today', 'tomorrow'}, names)
        arch = etree.fromstring(self.env['amazon.order'].get_view(view_type='list')['arch'])
        [ship_by] = arch.xpath("//field[@name='ship_by']")
        self.assertIn('late', ship_by.get('decoration-danger'))
        self.assertIn('today', ship_by.get('decoration-warning'))


@tagged('post_install', '-at_install')
class TestOverviewOfOrder(OfficeCase):
    """A failed order shows what it is about, to whoever may work on it."""

    def import_failing(self, **details):
        self.account.only_matched_products = True
        order = self.seller.place_order(
            'DE', 'FBM',
            [
                Item('NEW-1', '12.50', 2, title='Kettle <script>alert(1)</script>'),
                Item('NEW-2', '7.00', title='Spoon'),
            ],
            buyer=Buyer(name='Clara Holm', email='clara@marketplace.example'),
            address=Address(
                name='Carl Holm', line1='Lindenweg 26', city='Bonn', postal_code='53111',
                country='DE', phone='+49 228 555',
            ),
            **details,
        )
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        return inbox

    def test_lines_and_place_without_anybodys_name(self):
        inbox = self.import_failing(service_level='NEXT_DAY').with_user(self.user)
        values = inbox.read(['overview', 'place', 'service_level', 'ordered_at', 'ship_by'])[0]
        self.assertEqual(values['place'], 'Bonn, Germany')
        self.assertEqual(values['service_level'], 'Next day')
        self.assertTrue(values['ordered_at'] and values['ship_by'])
        cells = [
            [''.join(cell.itertext()).split() for cell in row.iter('td')]
            for row in etree.fromstring(values['overview']).iter('tr')
        ]
        self.assertEqual([row[1:3] for row in cells[1:]], [
            [['NEW-1'], ['2']], [['NEW-2'], ['1']],
        ])
        self.assertIn('12.50', ' '.join(cells[1][3]))
        self.assertIn('25.00', ' '.join(cells[1][4]))
        everything = str(inbox.read())
        for personal in ('Holm', 'Lindenweg', 'clara@', '53111', '+49 228'):
            self.assertNotIn(personal, everything)

    def test_what_amazon_sends_is_text_and_nothing_else(self):
        overview = self.import_failing().with_user(self.user).overview
        self.assertIn('&lt;script&gt;', overview)
        self.assertNotIn('<script', overview)

    def test_who_may_not_work_on_it_does_not_see_it(self):
        inbox = self.import_failing().with_user(self.salesman)
        for name in ('overview', 'place', 'ordered_at', 'service_level'):
            with self.subTest(name=name), self.assertRaises(AccessError):
                inbox.read([name])

    def test_what_is_broken_or_removed_shows_nothing_and_raises_nothing(self):
        inbox = self.import_failing()
        for payload in (False, '{}', '{"orderItems": [{}, 7], "recipient": 5}'):
            with self.subTest(payload=payload):
                inbox.sudo().payload = payload
                values = inbox.with_user(self.user).read(['overview', 'place', 'ordered_at'])[0]
                self.assertFalse(values['place'] or values['ordered_at'])
                self.assertEqual(bool(values['overview']), '[' in (payload or ''))

    def test_the_form_shows_it_to_amazon_users_only(self):
        for user, is_shown in ((self.user, True), (self.salesman, False)):
            view = self.env['amazon.order'].with_user(user).get_view(view_type='form')
            arch = etree.fromstring(view['arch'])
            for name in ('overview', 'place'):
                self.assertEqual(bool(arch.xpath(f"//field[@name='{name}']")), is_shown)


@tagged('post_install', '-at_install')
class TestWords(OfficeCase):
    """What a person reads."""

    def test_statuses_are_words_and_can_be_grouped_by(self):
        order = self.place('MUG')
        self.place('MUG', status='PENDING')
        self.sync()
        inbox = self.get_inbox(order).with_user(self.user)
        self.assertEqual(inbox.amazon_status, 'UNSHIPPED')
        field = inbox._fields['status_label']
        self.assertEqual(field.convert_to_export(inbox.status_label, inbox), "Unshipped")
        groups = inbox.formatted_read_group(
            [('account_id', '=', self.account.id)], ['status_label'], ['__count'],
        )
        self.assertEqual(
            {group['status_label']: group['__count'] for group in groups},
            {'UNSHIPPED': 1, 'PENDING': 1},
        )
        self.assertEqual(self.get_sale_order(order).amazon_status_label, 'UNSHIPPED')

    def test_a_status_that_is_new_stays_as_amazon_writes_it(self):
        order = self.place('MUG')
        self.sync()
        inbox = self.get_inbox(order)
        inbox.sudo().amazon_status = 'TELEPORTED'
        self.assertFalse(inbox.status_label)
        self.assertEqual(inbox.amazon_status, 'TELEPORTED')

    def test_the_notification_says_one_and_many(self):
        self.account.only_matched_products = True
        self.assertEqual(self.sync(), "No new orders · %s")
        self.place('NEW')
        self.assertRegex(self.sync(), "^1 fetched: 1 order needs attention")
        self.place('NEW')
        self.place('NEW')
        self.assertRegex(self.sync(), "^2 fetched: 2 orders need attention")
        self.assertRegex(self.send(), "^Nothing to send")

    def test_nothing_new_is_not_said_when_amazon_could_not_be_asked(self):
        self.simulator.arm('custom', operation='searchOrders', status=503, body='{}')
        message = self.sync()
        self.assertNotIn("No new orders", message)
        self.assertIn(f"{self.account.name}: ", message)

    def test_failed_stands_before_done(self):
        states = [state for state, _label in self.env['amazon.order']._fields['state'].selection]
        self.assertEqual(states, ['to_do', 'failed', 'skipped', 'done'])


@tagged('post_install', '-at_install')
class TestEmptyLists(OfficeCase):
    """A list without records says what belongs there, and offers nothing that can't be made."""

    def test_our_lists_speak_of_amazon(self):
        for name in ACTIONS:
            with self.subTest(action=name):
                action = self.env['ir.actions.act_window']._for_xml_id(f'amazon_connector.{name}')
                self.assertIn('o_view_nocontent', action['help'])
                self.assertNotIn("barcode app", action['help'])
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_delivery',
        )
        self.assertIn("No deliveries for Amazon here", action['help'])

    def test_the_lists_of_odoo_stay_as_they_are(self):
        action = self.env['ir.actions.act_window']._for_xml_id('stock.action_picking_tree_all')
        self.assertIn("barcode app", action['help'])

    def test_no_new_where_nothing_can_be_made(self):
        for action in (
            self.account.action_open_deliveries(),
            self.account.action_open_late(),
            self.account.action_open_sale_orders(),
        ):
            self.assertIs(action['context']['create'], False)
        for kind in ('list', 'kanban', 'form'):
            arch = etree.fromstring(self.env['amazon.order'].get_view(view_type=kind)['arch'])
            self.assertEqual(arch.get('create'), '0')


@tagged('post_install', '-at_install')
class TestLinks(OfficeCase):
    """The ways to Amazon, to the moves, and the head of the sales order."""

    def test_an_order_opens_in_seller_central(self):
        order = self.place('MUG')
        self.sync()
        url = f'https://sellercentral-europe.amazon.com/orders-v3/order/{order.order_id}'
        sale_order = self.get_sale_order(order)
        for record in (
            self.get_inbox(order).with_user(self.user),
            sale_order.with_user(self.salesman),
            sale_order.picking_ids.with_user(self.stock_user),
        ):
            with self.subTest(model=record._name):
                self.assertEqual(
                    record.action_open_seller_central(),
                    {'type': 'ir.actions.act_url', 'url': url, 'target': 'new'},
                )

    def test_there_is_no_way_where_the_address_is_unknown(self):
        order = self.place('MUG')
        self.sync()
        sale_order = self.get_sale_order(order)
        sale_order.amazon_marketplace_id.seller_central_url = False
        [inbox], [picking] = self.get_inbox(order), sale_order.picking_ids
        self.assertFalse(inbox.seller_central_url)
        self.assertFalse(sale_order.amazon_seller_central_url)
        self.assertFalse(picking.amazon_seller_central_url)

    def test_an_offer_opens_in_the_shop(self):
        self.place('MUG')
        self.sync()
        offer = self.env['amazon.offer'].with_user(self.user).search([('sku', '=', 'MUG')])
        self.assertEqual(
            offer.action_open_product_page()['url'], f'https://www.amazon.de/dp/{offer.asin}',
        )
        offer.sudo().asin = False
        self.assertFalse(offer.product_page_url)

    def test_an_order_of_amazons_warehouse_leads_to_its_moves(self):
        order = self.place('MUG', channel='FBA', status='SHIPPED')
        self.sync()
        sale_order = self.get_sale_order(order).with_user(self.salesman)
        self.assertEqual(sale_order.amazon_move_count, 1)
        self.assertFalse(sale_order.delivery_count)
        action = sale_order.action_open_amazon_moves()
        self.assertEqual(
            self.env[action['res_model']].with_user(self.salesman).search(action['domain']),
            sale_order.order_line.move_ids,
        )

    def test_an_order_with_a_delivery_leads_to_that(self):
        order = self.order_mugs(1)
        self.deliver(order)
        sale_order = self.get_sale_order(order)
        self.assertFalse(sale_order.amazon_move_count)
        self.assertEqual(sale_order.delivery_count, 1)

    def test_the_head_of_the_sales_order_says_what_amazon_says(self):
        arch = etree.fromstring(self.env['sale.order'].get_view(view_type='form')['arch'])
        for name in ('amazon_order_ref', 'amazon_channel', 'amazon_ship_by', 'amazon_status_label'):
            with self.subTest(name=name):
                self.assertTrue(
                    arch.xpath(f"//group[@name='sale_header']//field[@name='{name}']"),
                )

    def test_a_cancellation_is_a_banner(self):
        order = self.place('MUG')
        self.sync()
        self.seller.cancel(order)
        self.sync()
        sale_order = self.get_sale_order(order).with_user(self.salesman)
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(sale_order.amazon_status_label, 'CANCELLED')
        arch = etree.fromstring(sale_order.get_view(view_type='form')['arch'])
        [banner] = arch.xpath("//div[contains(@invisible, 'amazon_status_label')]")
        self.assertIn("Cancelled on Amazon", ''.join(banner.itertext()))


@tagged('post_install', '-at_install')
class TestSalesOnCard(OfficeCase):
    """Revenue and orders of two weeks, for everybody who sees the card."""

    def get_chart(self):
        """Return the days of the orders and those of the revenue."""
        return [series['values'] for series in json.loads(self.get_figures('chart')[0])]

    def test_revenue_is_in_the_companys_currency(self):
        pound = self.env.ref('base.GBP')
        pound.rate_ids.unlink()
        pound.rate_ids = [(0, 0, {
            'rate': 0.5, 'name': '2020-01-01', 'company_id': self.company.id,
        })]
        today = datetime.now(timezone.utc)
        self.place('MUG', placed_at=today - timedelta(days=2))
        self.place('MUG', marketplace='GB', placed_at=today - timedelta(days=2))
        self.place('MUG', placed_at=today - timedelta(days=20))
        cancelled = self.place('MUG', placed_at=today - timedelta(days=1))
        self.sync()
        self.get_sale_order(cancelled)._action_cancel()
        self.assertEqual(self.get_figures('recent_count', 'recent_revenue'), (2, 30))
        orders, revenue = self.get_chart()
        self.assertEqual(len(orders), 14)
        self.assertEqual([day['value'] for day in orders][-3:], [2, 0, 0])
        self.assertEqual([day['value'] for day in revenue][-3:], [30, 0, 0])
        self.assertIn('30.00', revenue[-3]['text'])

    def test_days_are_those_of_the_user(self):
        moment = datetime.now(timezone.utc).replace(hour=23, minute=30) - timedelta(days=2)
        self.place('MUG', placed_at=moment)
        self.sync()
        self.user.tz = 'Asia/Tokyo'
        self.env = self.env(context={**self.env.context, 'tz': 'Asia/Tokyo'})
        self.account = self.account.with_env(self.env)
        with freeze_time(datetime.now(timezone.utc).replace(hour=12)):
            self.assertEqual([day['value'] for day in self.get_chart()[0]][-3:], [0, 1, 0])

    def test_what_amazon_knows(self):
        orders = [self.order_mugs(1) for _number in range(3)]
        for order in orders:
            self.deliver(order, tracking=order.order_id)
        names = ('to_send_count', 'sent_count', 'failed_delivery_count')
        self.assertEqual(self.get_figures(*names), (3, 0, 0))
        self.send()
        self.assertEqual(self.get_figures(*names), (0, 3, 0))
        self.sync()
        self.assertEqual(self.get_figures(*names), (0, 0, 0))
