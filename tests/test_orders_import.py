import json
from ast import literal_eval
from datetime import datetime, timedelta, timezone

from lxml import etree
from psycopg2.errors import ForeignKeyViolation

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.amazon_connector.simulator import Address, Buyer, Item, TaxRegistration

from .common import AmazonCase

NANTES = Address(
    name='Chloé Lefèvre', line1='5 rue des Lilas', city='Nantes', postal_code='44000', country='FR',
)
MISS_HOLM = Buyer('Greta Holm', 'greta@marketplace.amazon.de')
HOLM_HOME = Address(
    name='Greta Holm', line1='Lindenweg 4', city='Köln', state='Nordrhein-Westfalen',
    postal_code='50667', country='DE', phone='+49 221 0000000',
)


def to_naive(moment):
    return moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


@tagged('post_install', '-at_install')
class TestOrdersByStatus(AmazonCase):
    """Which orders come in, and that each one becomes one sales order."""

    def assertWaits(self, order):
        self.assertEqual(self.get_inbox(order).state, 'skipped')
        self.assertTrue(self.get_inbox(order).reason)
        self.assertFalse(self.get_sale_order(order))

    def test_an_fba_order_waits_until_amazon_has_shipped_it(self):
        order = self.seller.place_order('DE', 'FBA', status='PENDING')
        self.sync()
        self.assertWaits(order)
        self.seller.pay(order)
        self.sync()
        self.assertWaits(order)
        self.seller.ship(order)
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertEqual(self.get_sale_order(order).state, 'sale')

    def test_an_unfulfillable_fba_order_waits(self):
        order = self.seller.place_order('DE', 'FBA', status='UNFULFILLABLE')
        self.sync()
        self.assertWaits(order)

    def test_an_fbm_order_waits_until_it_is_paid(self):
        for status in ('PENDING', 'PENDING_AVAILABILITY'):
            with self.subTest(status=status):
                order = self.seller.place_order('DE', 'FBM', status=status)
                self.sync()
                self.assertWaits(order)
                self.seller.pay(order)
                self.sync()
                self.assertEqual(self.get_inbox(order).state, 'done')
                self.assertEqual(self.get_sale_order(order).state, 'sale')

    def test_an_order_that_was_cancelled_before_it_came_creates_nothing(self):
        for channel in ('FBA', 'FBM'):
            with self.subTest(channel=channel):
                order = self.seller.place_order('DE', channel, status='CANCELLED')
                self.sync()
                self.assertWaits(order)

    def test_a_pending_order_that_is_cancelled_creates_nothing(self):
        order = self.seller.place_order(status='PENDING')
        self.sync()
        self.seller.cancel(order)
        self.sync()
        self.assertWaits(order)

    def test_an_order_shipped_elsewhere_is_left_to_a_person(self):
        product = self.create_product('SKU-1')
        order = self.seller.place_order(status='SHIPPED')
        self.sync()
        self.assertWaits(order)
        self.assertIn("outside Odoo", self.get_inbox(order).reason)
        self.press(self.get_inbox(order), 'action_import_shipped')
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(sale_order.picking_ids)
        move = sale_order.order_line.move_ids
        self.assertEqual((move.product_id, move.state, move.quantity), (product, 'done', 1))
        self.assertEqual(move.location_id, self.account.warehouse_id.lot_stock_id)

    def test_orders_shipped_elsewhere_come_in_where_the_account_says_so(self):
        self.create_product('SKU-1')
        self.account.shipped_elsewhere = 'import'
        sale_order = self.import_order(status='SHIPPED')
        self.assertFalse(sale_order.picking_ids)
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 1)

    def test_an_order_first_seen_partly_shipped_delivers_the_rest(self):
        self.create_product('MUG')
        order = self.seller.place_order(items=[Item('MUG', quantity=5)])
        self.seller.ship(order, {'MUG': 2})
        self.sync()
        sale_order = self.get_sale_order(order)
        line = self.get_lines(sale_order)
        self.assertEqual(line.product_uom_qty, 5)
        self.assertEqual(line.qty_delivered, 2)
        self.assertEqual(sale_order.picking_ids.move_ids.product_uom_qty, 3)
        self.assertNotIn(sale_order.picking_ids.state, ('done', 'cancel'))

    def test_an_order_that_is_shipped_from_odoo_stays_as_it_is(self):
        self.create_product('SKU-1')
        order = self.seller.place_order()
        self.sync()
        sale_order = self.get_sale_order(order)
        picking = sale_order.picking_ids
        self.seller.ship(order)
        self.assertRegex(self.sync(), "^1 fetched: 1 updated")
        self.assertEqual(self.get_sale_order(order), sale_order)
        self.assertEqual(sale_order.picking_ids, picking)
        self.assertEqual(len(sale_order.order_line.move_ids), 1)

    def test_each_order_becomes_one_sales_order_whatever_is_repeated(self):
        self.create_product('SKU-1')
        orders = [
            self.seller.place_order('DE', 'FBM'),
            self.seller.place_order('GB', 'FBA', status='SHIPPED'),
        ]
        self.sync()
        for repeat in (
            self.sync,
            lambda: self.run_cron('fetch_orders'),
            lambda: self.run_cron('import_orders'),
            lambda: [self.seller.touch(order) for order in orders],
            self.sync,
            lambda: [self.press(self.get_inbox(order), 'action_retry') for order in orders],
            lambda: [self.press(self.get_inbox(order), 'action_fetch_again') for order in orders],
        ):
            repeat()
            for order in orders:
                sale_order = self.get_sale_order(order)
                self.assertEqual(len(sale_order), 1)
                self.assertEqual(len(sale_order.order_line), 1)
                self.assertEqual(len(sale_order.order_line.move_ids), 1)
                self.assertEqual(sale_order.amount_total, float(order.grand_total))
                self.assertEqual(self.get_inbox(order).state, 'done')

    def test_orders_of_other_channels_and_marketplaces_are_told_apart(self):
        german = self.import_order('DE', 'FBM')
        british = self.import_order('GB', 'FBA', status='SHIPPED')
        self.assertEqual((german.amazon_channel, british.amazon_channel), ('fbm', 'fba'))
        self.assertEqual(
            (german | british).amazon_marketplace_id.mapped('name'), ['Amazon.de', 'Amazon.co.uk'],
        )
        self.assertEqual((german | british).amazon_account_id, self.account)
        self.assertEqual((german | british).team_id, self.account.team_id)


@tagged('post_install', '-at_install')
class TestCustomers(AmazonCase):
    """Who bought."""

    def import_for(self, buyer=MISS_HOLM, address=HOLM_HOME, marketplace='DE', **details):
        return self.import_order(marketplace, buyer=buyer, address=address, **details)

    def test_a_buyer_is_created_once_by_the_alias(self):
        first = self.import_for()
        second = self.import_for(address=NANTES)
        self.assertEqual(first.partner_id, second.partner_id)
        self.assertEqual(first.partner_id.name, 'Greta Holm')
        self.assertEqual(first.partner_id.email, 'greta@marketplace.amazon.de')

    def test_a_buyer_who_was_archived_or_put_below_a_company_is_known(self):
        buyer = self.import_for().partner_id
        buyer.active = False
        self.assertEqual(self.import_for().partner_id, buyer)
        buyer.write({'active': True, 'parent_id': self.company.partner_id.id})
        self.assertEqual(self.import_for().partner_id, buyer)

    def test_a_buyer_who_was_merged_with_another_contact_is_known(self):
        buyer = self.import_for().partner_id
        contact = self.env['res.partner'].create({'name': 'Greta Holm', 'phone': '110'})
        self.env['base.partner.merge.automatic.wizard']._merge((buyer | contact).ids, contact)
        self.assertFalse(buyer.exists())
        self.assertEqual(self.import_for().partner_id, contact)

    def test_two_orders_of_a_new_buyer_in_one_batch_make_one_contact(self):
        orders = [self.seller.place_order(buyer=MISS_HOLM, address=HOLM_HOME) for _ in range(2)]
        self.sync()
        partners = {self.get_sale_order(order).partner_id for order in orders}
        self.assertEqual(len(partners), 1)

    def test_the_same_alias_in_another_account_of_the_seller_is_the_same_buyer(self):
        first = self.import_for()
        japan = self.env.ref('amazon_connector.marketplace_jp')
        self.account.synced_marketplace_ids -= japan
        self.connect(self.create_account(name="Nordwind Japan"))
        order = self.seller.place_order('JP', buyer=MISS_HOLM, address=HOLM_HOME)
        self.sync(self.env['amazon.account'].search([('name', '=', "Nordwind Japan")]))
        self.assertEqual(self.get_sale_order(order).partner_id, first.partner_id)

    def test_without_an_alias_name_and_address_identify_the_buyer(self):
        first = self.import_for(Buyer('Greta Holm'))
        second = self.import_for(Buyer('Greta Holm'))
        third = self.import_for(
            Buyer('Greta Holm'), Address('Greta Holm', line1='Marktplatz 1', city='Bonn',
                                         postal_code='53111', country='DE'),
        )
        self.assertEqual(first.partner_id, second.partner_id)
        self.assertNotEqual(first.partner_id, third.partner_id)

    def test_the_address_of_the_buyer_is_on_the_buyer(self):
        sale_order = self.import_for()
        partner = sale_order.partner_id
        self.assertEqual(sale_order.partner_shipping_id, partner)
        self.assertEqual(
            (partner.street, partner.zip, partner.city, partner.phone),
            ('Lindenweg 4', '50667', 'Köln', '+49 221 0000000'),
        )
        self.assertEqual(partner.country_id.code, 'DE')
        self.assertEqual(partner.state_id, self.env.ref('base.state_de_nw'))
        self.assertFalse(partner.street2)
        self.assertFalse(partner.is_company)

    def test_another_delivery_address_is_a_child_contact_made_once(self):
        first = self.import_for()
        second = self.import_for(address=NANTES)
        third = self.import_for(address=NANTES)
        delivery = second.partner_shipping_id
        self.assertEqual(delivery.parent_id, first.partner_id)
        self.assertEqual(delivery.type, 'delivery')
        self.assertEqual((delivery.name, delivery.city), ('Chloé Lefèvre', 'Nantes'))
        self.assertEqual(third.partner_shipping_id, delivery)
        self.assertEqual(second.partner_invoice_id, first.partner_id)
        self.assertEqual(first.partner_shipping_id, first.partner_id)

    def test_a_gift_to_somebody_else_does_not_move_the_buyer(self):
        sale_order = self.import_for(address=NANTES)
        self.assertEqual(sale_order.partner_id.name, 'Greta Holm')
        self.assertFalse(sale_order.partner_id.street)
        self.assertEqual(sale_order.partner_shipping_id.street, '5 rue des Lilas')

    def test_states_are_found_by_name_and_by_code(self):
        for number, (country, state, code) in enumerate((
            ('DE', 'Nordrhein-Westfalen', 'NW'), ('DE', 'BY', 'BY'), ('US', 'ny', 'NY'),
            ('ES', 'Madrid', 'M'), ('IT', 'Milano', 'MI'),
        )):
            with self.subTest(country=country, state=state):
                sale_order = self.import_for(
                    Buyer('Ben', f'ben{number}@marketplace.amazon.de'),
                    Address('Ben', line1='1', city='X', state=state, country=country),
                )
                self.assertEqual(sale_order.partner_id.state_id.country_id.code, country)
                self.assertIn(code, sale_order.partner_id.state_id.code)

    def test_an_unknown_state_goes_into_the_address(self):
        sale_order = self.import_for(address=Address(
            'Greta Holm', line1='Straße 1', line2='Hof', city='Weißenfels', state='Hinterland',
            postal_code='06667', country='DE',
        ))
        self.assertFalse(sale_order.partner_id.state_id)
        self.assertEqual(sale_order.partner_id.street2, 'Hof, Hinterland')

    def test_every_part_of_an_address_is_kept(self):
        partner = self.import_for(address=Address(
            'Greta Holm', company='Nordlicht GmbH', line1='Hafenstraße 7', line2='Tor 3',
            line3='Rampe B', city='Hamburg', district='Altona', state='Hamburg',
            postal_code='20457', country='DE',
        )).partner_shipping_id
        self.assertEqual(partner.street, 'Hafenstraße 7')
        for part in ('Nordlicht GmbH', 'Tor 3', 'Rampe B', 'Altona'):
            self.assertIn(part, partner.street2)

    def test_a_business_buyer_is_a_company_with_vat_and_purchase_order(self):
        sale_order = self.import_for(
            Buyer('Ines Conti', 'ines@marketplace.amazon.de', company='Kaffeehaus Elbblick GmbH',
                  purchase_order='PO-2026-0815'),
            programs=('AMAZON_BUSINESS',), tax_registrations=(TaxRegistration('DE136695976'),),
        )
        self.assertTrue(sale_order.partner_id.is_company)
        self.assertEqual(sale_order.partner_id.name, 'Kaffeehaus Elbblick GmbH')
        self.assertEqual(sale_order.partner_id.vat, 'DE136695976')
        self.assertEqual(sale_order.client_order_ref, 'PO-2026-0815')

    def test_an_invalid_vat_number_is_noted_and_blocks_nothing(self):
        sale_order = self.import_for(
            Buyer('Ben', 'ben@marketplace.amazon.de', company='Büro Sonnig UG'),
            programs=('AMAZON_BUSINESS',), tax_registrations=(TaxRegistration('DE123456780'),),
        )
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(sale_order.partner_id.vat)
        self.assertIn('DE123456780', html2plaintext(sale_order.partner_id.comment))
        self.assertIn('is not valid', ''.join(sale_order.message_ids.mapped('body')))

    def test_a_vat_number_that_comes_later_is_added(self):
        buyer = Buyer('Ben', 'ben@marketplace.amazon.de', company='Kaffeehaus Elbblick GmbH')
        first = self.import_for(buyer, programs=('AMAZON_BUSINESS',))
        self.assertFalse(first.partner_id.vat)
        self.import_for(buyer, programs=('AMAZON_BUSINESS',),
                        tax_registrations=(TaxRegistration('DE136695976'),))
        self.assertEqual(first.partner_id.vat, 'DE136695976')

    def test_buyers_without_personal_data_share_a_contact_per_marketplace(self):
        nobody = {'buyer': Buyer(), 'address': Address(city='Köln', country='DE')}
        german, again = self.import_order('DE', **nobody), self.import_order('DE', **nobody)
        british = self.import_order(
            'GB', buyer=Buyer(), address=Address(city='Reykjavík', country='IS'),
        )
        self.assertEqual(german.partner_id.name, "Amazon customer (Amazon.de)")
        self.assertEqual(german.partner_id, again.partner_id)
        german.partner_id.active = False
        self.assertEqual(self.import_order('DE', **nobody).partner_id, german.partner_id)
        self.assertEqual(british.partner_id.name, "Amazon customer (Amazon.co.uk)")
        self.assertFalse(german.partner_id.child_ids)
        self.assertFalse(german.partner_id.city)

    def test_contacts_speak_the_language_of_the_marketplace_if_it_is_installed(self):
        self.env['res.lang']._activate_lang('de_DE')
        self.assertEqual(self.import_for().partner_id.lang, 'de_DE')
        japanese = self.import_order('JP')
        self.assertEqual(japanese.partner_id.lang, 'en_US')

    def test_contacts_are_kept_out_of_marketing(self):
        self.import_for()
        self.assertTrue(self.env['mail.blacklist'].search(
            [('email', '=', 'greta@marketplace.amazon.de')],
        ))


@tagged('post_install', '-at_install')
class TestLines(AmazonCase):
    """What was bought."""

    def test_every_charge_is_a_line_of_its_own(self):
        product = self.create_product('MUG')
        order = self.seller.place_order('DE', 'FBM', [Item(
            'MUG', '12.99', 2, shipping='4.90', gift_wrap='3.95', cod_fee='2.00', other='0.50',
            discount='1.00', shipping_discount='0.90', gift_message='Alles Gute!',
        )])
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(
            {line.amazon_charge: (line.product_id, line.product_uom_qty) for line in
             sale_order.order_line.filtered(lambda line: line.amazon_charge != 'discount')},
            {
                'item': (product, 2),
                'shipping': (self.account.shipping_product_id, 1),
                'gift_wrap': (self.account.gift_wrap_product_id, 1),
                'cod_fee': (self.account.cod_fee_product_id, 1),
                'other': (self.account.other_product_id, 1),
            },
        )
        amounts = {
            (line.amazon_charge, line.amazon_discount_of): line.price_total
            for line in sale_order.order_line
        }
        self.assertEqual(amounts, {
            ('item', False): 25.98, ('shipping', False): 4.9, ('gift_wrap', False): 3.95,
            ('cod_fee', False): 2.0, ('other', False): 0.5,
            ('discount', 'item'): -1.0, ('discount', 'shipping'): -0.9,
        })
        self.assertEqual(set(sale_order.order_line.mapped('amazon_order_item_ref')),
                         {order.items[0].item_id})

    def test_a_gift_message_is_on_the_line_and_on_the_delivery(self):
        self.create_product('MUG')
        sale_order = self.import_order(items=[Item('MUG', gift_message='Alles Gute,\n<b>Oma</b>!')])
        self.assertEqual(
            self.get_lines(sale_order).amazon_gift_message, 'Alles Gute,\n<b>Oma</b>!',
        )
        self.assertIn('<b>Oma</b>!', html2plaintext(sale_order.picking_ids.note))

    def test_the_order_has_the_date_of_purchase_also_after_confirmation(self):
        bought = self.simulator.clock.now() - timedelta(days=3)
        for channel, status in (('FBM', 'UNSHIPPED'), ('FBA', 'SHIPPED')):
            with self.subTest(channel=channel):
                sale_order = self.import_order(
                    'DE', channel, status=status, placed_at=bought,
                    updated_at=self.simulator.clock.now(),
                )
                self.assertEqual(sale_order.state, 'sale')
                self.assertEqual(sale_order.date_order, to_naive(bought))

    def test_the_order_carries_what_amazon_promised(self):
        order = self.seller.place_order()
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amazon_ship_by, to_naive(order.ship_by[1]))
        self.assertEqual(sale_order.amazon_deliver_by, to_naive(order.deliver_by[1]))
        self.assertEqual(sale_order.origin, order.order_id)

    def test_a_price_list_in_amazons_currency_is_made_once(self):
        first, second = self.import_order('GB'), self.import_order('GB')
        self.assertEqual(first.currency_id.name, 'GBP')
        self.assertEqual(first.pricelist_id, second.pricelist_id)
        self.assertEqual(first.pricelist_id.company_id, self.company)
        self.assertEqual(self.import_order('JP').currency_id.name, 'JPY')

    def test_the_price_list_of_the_account_is_used_where_its_currency_fits(self):
        pricelist = self.env['product.pricelist'].create({
            'name': "Shop", 'currency_id': self.env.ref('base.EUR').id,
            'company_id': self.company.id,
            'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 50})],
        })
        self.account.pricelist_id = pricelist
        german, british = self.import_order('DE'), self.import_order('GB')
        self.assertEqual(german.pricelist_id, pricelist)
        self.assertEqual(german.amount_total, 10)
        self.assertEqual(british.currency_id.name, 'GBP')

    def test_an_inactive_currency_is_activated_and_noted_on_the_account(self):
        self.env.ref('base.GBP').active = False
        orders = [self.seller.place_order('GB') for _number in range(2)]
        self.sync()
        for order in orders:
            self.assertEqual(self.get_sale_order(order).currency_id.name, 'GBP')
        self.assertTrue(self.env.ref('base.GBP').active)
        notes = [
            message for message in self.account.message_ids
            if "The currency GBP was activated" in (message.body or '')
        ]
        self.assertEqual(len(notes), 1)

    def test_a_currency_that_odoo_does_not_know_is_a_reason(self):
        order, other = self.seller.place_order('GB'), self.seller.place_order('DE')
        self.seller.override(order, lambda payload: json.loads(
            json.dumps(payload).replace('"GBP"', '"XQA"'),
        ))
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'failed')
        self.assertIn("does not know the currency XQA", self.get_inbox(order).reason)
        self.assertTrue(self.get_sale_order(other))

    def test_prices_and_dates_survive_later_edits(self):
        product = self.create_product('MUG', list_price=99)
        bought = self.simulator.clock.now() - timedelta(days=3)
        sale_order = self.import_order(items=[Item('MUG', '12.99', 2)], placed_at=bought)
        date_order = sale_order.date_order
        line = self.get_lines(sale_order)
        line.product_uom_qty = 3
        self.assertEqual(line.price_unit, 12.99)
        product.list_price = 11
        sale_order._recompute_prices()
        self.assertEqual((line.price_unit, line.discount), (12.99, 0))
        sale_order._action_cancel()
        sale_order.action_draft()
        sale_order.action_confirm()
        self.assertEqual(sale_order.date_order, date_order)
        self.assertEqual(line.price_unit, 12.99)

    def test_a_product_may_be_sold_twice_in_an_order(self):
        self.create_product('MUG')
        sale_order = self.import_order(items=[Item('MUG', '12.99', 2), Item('MUG', '11.00')])
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [2, 1])
        self.assertEqual(sale_order.amount_total, 36.98)


@tagged('post_install', '-at_install')
class TestFbm(AmazonCase):
    """What the seller ships."""

    def test_the_delivery_is_due_when_amazon_wants_it_shipped(self):
        product = self.create_product('MUG')
        order = self.seller.place_order(items=[Item('MUG', quantity=2)])
        self.sync()
        picking = self.get_sale_order(order).picking_ids
        self.assertEqual(picking.picking_type_id.warehouse_id, self.account.warehouse_id)
        self.assertEqual(picking.move_ids.product_id, product)
        self.assertEqual(picking.move_ids.product_uom_qty, 2)
        self.assertEqual(picking.date_deadline, to_naive(order.ship_by[1]))
        self.assertLessEqual(picking.scheduled_date, to_naive(order.ship_by[1]))
        self.assertEqual(picking.partner_id, self.get_sale_order(order).partner_shipping_id)

    def test_the_delivery_leaves_the_warehouse_of_the_account(self):
        warehouse = self.env['stock.warehouse'].create({
            'name': "Hamburg", 'code': 'HAM', 'company_id': self.company.id,
        })
        self.account.warehouse_id = warehouse
        self.create_product('SKU-1')
        picking = self.import_order().picking_ids
        self.assertEqual(picking.location_id, warehouse.lot_stock_id)

    def test_the_delivery_takes_as_many_steps_as_the_warehouse(self):
        self.create_product('SKU-1')
        for steps in ('ship_only', 'pick_ship', 'pick_pack_ship'):
            with self.subTest(steps=steps):
                self.account.warehouse_id.delivery_steps = steps
                order = self.seller.place_order()
                self.sync()
                sale_order = self.get_sale_order(order)
                self.put_in_stock(
                    self.get_lines(sale_order).product_id, 1,
                    self.account.warehouse_id.lot_stock_id,
                )
                done = 0
                while pickings := sale_order.picking_ids.filtered(lambda p: p.state != 'done'):
                    pickings.action_assign()
                    pickings.move_ids.picked = True
                    pickings.amazon_confirmed_elsewhere = True
                    pickings._action_done()
                    done += len(pickings)
                self.assertEqual(
                    done, {'ship_only': 1, 'pick_ship': 2, 'pick_pack_ship': 3}[steps],
                )
                self.assertEqual(self.get_lines(sale_order).qty_delivered, 1)

    def test_services_make_no_delivery(self):
        self.create_product('HELP', type='service', is_storable=False)
        sale_order = self.import_order(items=[Item('HELP')])
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(sale_order.picking_ids)

    def test_a_request_to_cancel_warns_on_the_order_and_its_delivery_once(self):
        self.create_product('SKU-1')
        order = self.seller.place_order()
        self.sync()
        sale_order = self.get_sale_order(order)
        messages = len(sale_order.picking_ids.message_ids)
        self.seller.request_cancellation(order, 'Bought the wrong size')
        self.sync()
        self.assertEqual(sale_order.amazon_cancel_reason, 'Bought the wrong size')
        self.assertIn('asks on Amazon to cancel', html2plaintext(sale_order.activity_ids.note))
        self.assertEqual(len(sale_order.picking_ids.message_ids), messages + 1)
        self.assertIn('to cancel', sale_order.picking_ids.message_ids[0].body)
        self.assertEqual(sale_order.picking_ids.amazon_cancel_reason, 'Bought the wrong size')
        self.assertEqual(sale_order.state, 'sale')
        self.seller.touch(order)
        self.sync()
        self.assertEqual(len(sale_order.activity_ids), 1)
        self.assertEqual(len(sale_order.picking_ids.message_ids), messages + 1)

    def test_a_salesperson_who_has_left_is_not_told(self):
        self.account.user_id = self.create_user('sally', 'sales_team.group_sale_salesman')
        self.account.user_id.active = False
        order = self.seller.place_order()
        self.seller.request_cancellation(order, 'Ordered twice')
        self.sync()
        self.assertNotEqual(
            self.get_sale_order(order).activity_ids.user_id, self.account.user_id,
        )

    def test_no_quotation_template_writes_to_the_buyer(self):
        self.company.sale_order_template_id = self.env['sale.order.template'].create({
            'name': "Thanks",
            'company_id': self.company.id,
            'mail_template_id': self.env.ref('sale.mail_template_sale_confirmation').id,
        })
        sale_order = self.import_order()
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(sale_order.sale_order_template_id)

    def test_a_request_to_cancel_that_comes_with_the_order_warns_too(self):
        self.create_product('SKU-1')
        order = self.seller.place_order()
        self.seller.request_cancellation(order, 'Ordered twice')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amazon_cancel_reason, 'Ordered twice')
        self.assertIn('asks on Amazon to cancel', html2plaintext(sale_order.activity_ids.note))
        self.assertIn('to cancel', ''.join(sale_order.picking_ids.message_ids.mapped('body')))


@tagged('post_install', '-at_install')
class TestFba(AmazonCase):
    """What Amazon ships."""

    def import_shipped(self, *items, **details):
        return self.import_order('DE', 'FBA', items, status='SHIPPED', **details)

    def get_lots(self, sale_order):
        return sorted(
            (line.lot_id.name or '-', line.quantity)
            for line in sale_order.order_line.move_ids.move_line_ids
        )

    def create_lots(self, product, quantities):
        """Put lots at Amazon, the first one first."""
        for age, (name, quantity) in enumerate(quantities.items()):
            lot = self.env['stock.lot'].create({
                'name': name, 'product_id': product.id, 'company_id': self.company.id,
            })
            self.put_in_stock(
                product, quantity, self.account.location_id, lot,
                in_date=datetime(2026, 1, 1) + timedelta(days=age),
            )

    def test_one_done_move_a_line_takes_the_goods_from_the_fba_location(self):
        mug, bowl = self.create_product('MUG'), self.create_product('BOWL')
        self.put_in_stock(mug, 10, self.account.location_id)
        shipped = self.simulator.clock.now() - timedelta(days=2)
        order = self.seller.place_order(
            'DE', 'FBA', [Item('MUG', quantity=3), Item('BOWL')], status='SHIPPED',
            placed_at=shipped - timedelta(days=1), updated_at=shipped,
        )
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.state, 'sale')
        self.assertFalse(sale_order.picking_ids)
        self.assertEqual(len(sale_order.order_line.move_ids), 2)
        for line, product, quantity in zip(
            self.get_lines(sale_order), (mug, bowl), (3, 1), strict=True,
        ):
            move = line.move_ids
            self.assertEqual(len(move), 1)
            self.assertEqual((move.product_id, move.quantity), (product, quantity))
            self.assertEqual(move.state, 'done')
            self.assertEqual(move.location_id, self.account.location_id)
            self.assertEqual(move.location_dest_id.usage, 'customer')
            self.assertEqual(move.date, to_naive(order.last_updated))
            self.assertEqual(move.move_line_ids.date, to_naive(order.last_updated))
            self.assertEqual(move.reference, order.order_id)
            self.assertEqual(line.qty_delivered, quantity)
        at_amazon = mug.with_context(location=self.account.location_id.id)
        self.assertEqual(at_amazon.qty_available, 7)

    def test_reordering_rules_of_the_fba_location_count_it(self):
        product = self.create_product('MUG')
        self.put_in_stock(product, 10, self.account.location_id)
        rule = self.env['stock.warehouse.orderpoint'].create({
            'product_id': product.id, 'location_id': self.account.location_id.id,
            'company_id': self.company.id, 'product_min_qty': 9, 'product_max_qty': 20,
        })
        self.assertEqual(rule.qty_to_order, 0)
        self.import_shipped(Item('MUG', quantity=4))
        rule.invalidate_recordset()
        self.assertEqual(rule.qty_on_hand, 6)
        self.assertEqual(rule.qty_to_order, 14)

    def test_goods_leave_even_if_odoo_knows_of_none(self):
        product = self.create_product('MUG')
        sale_order = self.import_shipped(Item('MUG', quantity=2))
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 2)
        self.assertEqual(product.with_context(
            location=self.account.location_id.id,
        ).qty_available, -2)

    def test_services_and_untracked_goods_make_no_trouble(self):
        self.create_product('HELP', type='service', is_storable=False)
        self.create_product('NAIL', is_storable=False)
        sale_order = self.import_shipped(Item('HELP'), Item('NAIL', quantity=4))
        help_line, nail_line = self.get_lines(sale_order)
        self.assertFalse(help_line.move_ids)
        self.assertEqual(nail_line.move_ids.state, 'done')
        self.assertEqual(nail_line.qty_delivered, 4)

    def test_lots_leave_first_in_first_out(self):
        product = self.create_product('TEA', tracking='lot')
        self.create_lots(product, {'OLD': 2, 'MIDDLE': 2, 'NEW': 9})
        sale_order = self.import_shipped(Item('TEA', quantity=5))
        self.assertEqual(self.get_lots(sale_order), [('MIDDLE', 2), ('NEW', 1), ('OLD', 2)])
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 5)

    def test_what_lots_do_not_cover_leaves_without_one(self):
        product = self.create_product('TEA', tracking='lot')
        self.create_lots(product, {'OLD': 2})
        sale_order = self.import_shipped(Item('TEA', quantity=5))
        self.assertEqual(self.get_lots(sale_order), [('-', 3), ('OLD', 2)])
        self.assertEqual(sale_order.order_line.move_ids.state, 'done')

    def test_amazons_serial_numbers_are_taken_where_given(self):
        product = self.create_product('LAMP', tracking='serial')
        self.create_lots(product, {'L1': 1, 'L2': 1, 'L3': 1})
        sale_order = self.import_shipped(Item('LAMP', quantity=2, serial_numbers=('L3', 'L9')))
        self.assertEqual(self.get_lots(sale_order), [('L3', 1), ('L9', 1)])

    def test_serial_numbers_leave_first_in_first_out_where_amazon_gives_none(self):
        product = self.create_product('LAMP', tracking='serial')
        self.create_lots(product, {'L1': 1, 'L2': 1, 'L3': 1})
        sale_order = self.import_shipped(Item('LAMP', quantity=2))
        self.assertEqual(self.get_lots(sale_order), [('L1', 1), ('L2', 1)])

    def test_serial_tracked_goods_leave_without_a_number_if_there_is_none(self):
        self.create_product('LAMP', tracking='serial')
        sale_order = self.import_shipped(Item('LAMP', quantity=2))
        self.assertEqual(self.get_lines(sale_order).qty_delivered, 2)
        self.assertEqual(sale_order.order_line.move_ids.state, 'done')

    def test_a_serial_number_that_was_sold_already_blocks_nothing(self):
        self.create_product('LAMP', tracking='serial')
        first = self.import_shipped(Item('LAMP', serial_numbers=('L1',)))
        second = self.import_shipped(Item('LAMP', serial_numbers=('L1',)))
        self.assertEqual(self.get_lots(first), [('L1', 1)])
        self.assertEqual(self.get_lines(second).qty_delivered, 1)

    def test_a_default_product_that_stands_in_leaves_too(self):
        sale_order = self.import_shipped(Item('UNKNOWN', quantity=2))
        line = self.get_lines(sale_order)
        self.assertEqual(line.product_id, self.account.product_id)
        self.assertIn('UNKNOWN', line.name)
        self.assertEqual(line.qty_delivered, 2)


@tagged('post_install', '-at_install')
class TestCancellations(AmazonCase):
    """What is cancelled on Amazon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading('generic_coa', cls.company)
        cls.create_product('MUG', invoice_policy='order')
        cls.create_product('BOWL', invoice_policy='order')

    def import_mugs(self, **details):
        order = self.seller.place_order(items=[
            Item('MUG', '12.99', 3, shipping='4.90'), Item('BOWL', '34.90', 2),
        ], **details)
        self.sync()
        return order, self.get_sale_order(order)

    def deliver(self, sale_order):
        sale_order.picking_ids.move_ids.write({'quantity': 3, 'picked': True})
        sale_order.picking_ids.amazon_confirmed_elsewhere = True
        sale_order.picking_ids._action_done()

    def invoice(self, sale_order):
        invoice = sale_order._create_invoices()
        invoice.action_post()
        return invoice

    def test_a_cancelled_order_is_cancelled_with_its_delivery(self):
        order, sale_order = self.import_mugs()
        self.seller.cancel(order)
        self.assertRegex(self.sync(), "^1 fetched: 1 cancelled")
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(sale_order.picking_ids.state, 'cancel')
        self.assertEqual(self.get_inbox(order).state, 'done')
        self.assertFalse(sale_order.activity_ids)

    def test_a_cancelled_order_that_was_merely_picked_is_cancelled(self):
        self.account.warehouse_id.delivery_steps = 'pick_pack_ship'
        order, sale_order = self.import_mugs()
        self.deliver(sale_order)
        picked, packed = sale_order.picking_ids.sorted('id')
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual((picked.state, packed.state), ('done', 'cancel'))

    def test_a_cancelled_order_that_is_locked_is_cancelled_too(self):
        order, sale_order = self.import_mugs()
        sale_order.action_lock()
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')

    def test_a_cancelled_order_that_was_delivered_is_told_to_the_salesperson(self):
        self.account.user_id = self.create_user('sally', 'sales_team.group_sale_salesman')
        order, sale_order = self.import_mugs()
        self.deliver(sale_order)
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(sale_order.picking_ids.state, 'done')
        self.assertEqual(sale_order.activity_ids.user_id, self.account.user_id)
        self.assertIn("cancelled on Amazon", html2plaintext(sale_order.activity_ids.note))
        self.seller.touch(order)
        self.sync()
        self.assertEqual(len(sale_order.activity_ids), 1)

    def test_a_cancelled_order_that_was_invoiced_is_told_to_the_salesperson(self):
        order, sale_order = self.import_mugs()
        invoice = self.invoice(sale_order)
        self.assertEqual(invoice.amount_total, float(order.grand_total))
        self.seller.cancel(order)
        self.sync()
        self.assertEqual(sale_order.state, 'cancel')
        self.assertEqual(sale_order.picking_ids.state, 'cancel')
        self.assertEqual(invoice.state, 'posted')
        self.assertEqual(len(sale_order.activity_ids), 1)

    def test_a_partial_cancellation_reduces_the_line_and_the_delivery(self):
        order, sale_order = self.import_mugs()
        self.seller.cancel_item(order, 'MUG', 1)
        self.sync()
        mugs, bowls = self.get_lines(sale_order)
        self.assertEqual((mugs.product_uom_qty, bowls.product_uom_qty), (2, 2))
        self.assertEqual(mugs.price_unit, 12.99)
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        self.assertEqual(
            sale_order.picking_ids.move_ids.filtered(
                lambda move: move.state != 'cancel' and move.product_id == mugs.product_id,
            ).mapped('product_uom_qty'),
            [2],
        )

    def test_a_cancelled_line_goes_down_to_nothing(self):
        order, sale_order = self.import_mugs()
        self.seller.cancel_item(order, 'BOWL')
        self.sync()
        mugs, bowls = self.get_lines(sale_order)
        self.assertEqual((mugs.product_uom_qty, bowls.product_uom_qty), (3, 0))
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        self.assertEqual(sale_order.picking_ids.move_ids.filtered(
            lambda move: move.state != 'cancel' and move.product_uom_qty,
        ).product_id, mugs.product_id)

    def test_a_partial_cancellation_of_a_locked_order_leaves_it_locked(self):
        order, sale_order = self.import_mugs()
        sale_order.action_lock()
        self.seller.cancel_item(order, 'MUG', 1)
        self.sync()
        self.assertTrue(sale_order.locked)
        self.assertEqual(sale_order.amount_total, float(order.grand_total))

    def test_a_partial_cancellation_after_the_delivery_is_told_to_the_salesperson(self):
        order, sale_order = self.import_mugs()
        self.deliver(sale_order)
        total = sale_order.amount_total
        self.seller.cancel_item(order, 'MUG', 1)
        self.sync()
        self.assertEqual(sale_order.amount_total, total)
        self.assertIn("1 ×", html2plaintext(sale_order.activity_ids.note))

    def test_a_partial_cancellation_after_the_invoice_is_told_to_the_salesperson(self):
        order, sale_order = self.import_mugs()
        invoice = self.invoice(sale_order)
        total = sale_order.amount_total
        self.seller.cancel_item(order, 'MUG', 1)
        self.sync()
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        self.assertEqual(invoice.amount_total, total)
        self.assertEqual(len(sale_order.activity_ids), 1)

    def test_a_partial_cancellation_that_comes_with_the_order_is_never_delivered(self):
        order = self.seller.place_order(items=[Item('MUG', quantity=3), Item('BOWL')])
        self.seller.cancel_item(order, 'MUG', 1)
        self.seller.cancel_item(order, 'BOWL')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [2])
        self.assertEqual(sale_order.amount_total, float(order.grand_total))
        self.assertEqual(sale_order.picking_ids.move_ids.mapped('product_uom_qty'), [2])

    def test_a_cancelled_fba_order_that_was_shipped_is_told_to_the_salesperson(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.seller.override(order, values={'/fulfillment/fulfillmentStatus': 'CANCELLED'})
        self.sync()
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(sale_order.order_line.move_ids.state, 'done')
        self.assertEqual(len(sale_order.activity_ids), 1)

    def test_what_a_person_changed_in_odoo_stays(self):
        order, sale_order = self.import_mugs()
        self.get_lines(sale_order)[0].product_uom_qty = 5
        self.seller.touch(order)
        self.sync()
        self.assertEqual(self.get_lines(sale_order)[0].product_uom_qty, 5)


@tagged('post_install', '-at_install')
class TestOffers(AmazonCase):
    """Which product a SKU is."""

    def get_offer(self, sku):
        offers = self.env['amazon.offer'].search([
            ('account_id', '=', self.account.id), ('sku', '=', sku),
        ])
        self.assertTrue(offers, sku)
        return offers

    def test_an_offer_is_made_on_first_sight_and_matched_by_the_internal_reference(self):
        product = self.create_product('MUG')
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        offer = self.get_offer('MUG')
        self.assertEqual(offer.product_id, product)
        self.assertEqual(offer.marketplace_id.name, 'Amazon.de')
        self.assertEqual((offer.channel, offer.asin), ('fba', order.items[0].asin))
        self.assertEqual(offer.title, order.items[0].title)
        self.assertEqual(self.get_lines(self.get_sale_order(order)).amazon_offer_id, offer)

    def test_an_offer_is_matched_by_the_barcode_where_no_reference_fits(self):
        product = self.create_product('OTHER', barcode='4006381333931')
        self.import_order(items=[Item('4006381333931')])
        self.assertEqual(self.get_offer('4006381333931').product_id, product)

    def test_the_internal_reference_goes_before_the_barcode(self):
        self.create_product('OTHER', barcode='4006381333931')
        product = self.create_product('4006381333931')
        self.import_order(items=[Item('4006381333931')])
        self.assertEqual(self.get_offer('4006381333931').product_id, product)

    def test_two_products_with_the_same_reference_are_left_to_a_person(self):
        self.create_product('MUG')
        self.create_product('MUG')
        self.import_order(items=[Item('MUG')])
        self.assertFalse(self.get_offer('MUG').product_id)

    def test_a_product_of_another_company_is_not_matched(self):
        other = self.create_company("Other")
        self.create_product('MUG', company_id=other.id)
        self.import_order(items=[Item('MUG')])
        self.assertFalse(self.get_offer('MUG').product_id)

    def test_one_offer_a_marketplace(self):
        self.import_order('DE', items=[Item('MUG')])
        self.import_order('DE', items=[Item('MUG')])
        self.import_order('GB', items=[Item('MUG')])
        self.assertEqual(
            self.get_offer('MUG').marketplace_id.mapped('name'), ['Amazon.de', 'Amazon.co.uk'],
        )
        self.assertEqual(len(self.get_offer('MUG')), 2)

    def test_without_a_product_the_default_product_stands_in(self):
        sale_order = self.import_order(items=[Item('MUG', title='Blue mug')])
        line = self.get_lines(sale_order)
        self.assertEqual(line.product_id, self.account.product_id)
        self.assertIn('[MUG] Blue mug', line.name)
        self.assertFalse(self.get_offer('MUG').product_id)
        self.assertEqual(self.account.unmatched_offer_count, 1)

    def test_with_only_matched_products_the_order_waits_for_the_match(self):
        self.account.only_matched_products = True
        order = self.seller.place_order(items=[Item('MUG'), Item('BOWL'), Item('TEA')])
        self.create_product('TEA')
        other = self.seller.place_order(items=[Item('TEA')])
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        self.assertIn("is not matched", inbox.reason)
        self.assertRegex(inbox.reason, r"SKU (MUG, BOWL|BOWL, MUG) is")
        self.assertFalse(self.get_sale_order(order))
        self.assertTrue(self.get_sale_order(other))

        mug, bowl = self.create_product('MUG-ODOO'), self.create_product('BOWL-ODOO')
        self.env['ir.cron.trigger'].search([]).unlink()
        self.get_offer('MUG').product_id = mug
        self.assertEqual(inbox.state, 'failed')
        self.assertFalse(self.get_triggers('import_orders'))
        self.get_offer('BOWL').product_id = bowl
        self.assertEqual(inbox.state, 'to_do')
        self.assertTrue(self.get_triggers('import_orders'))
        self.run_cron('import_orders')
        self.assertEqual(inbox.state, 'done')
        self.assertFalse(inbox.waiting_offer_ids)
        self.assertIn(mug, self.get_lines(self.get_sale_order(order)).product_id)

    def test_a_product_that_is_created_later_is_matched_at_the_next_try(self):
        self.account.only_matched_products = True
        order = self.seller.place_order(items=[Item('MUG')])
        self.sync()
        product = self.create_product('MUG')
        self.press(self.get_inbox(order), 'action_retry')
        self.assertEqual(self.get_lines(self.get_sale_order(order)).product_id, product)

    def test_an_offer_can_be_unmatched(self):
        self.create_product('MUG')
        self.import_order(items=[Item('MUG')])
        self.get_offer('MUG').action_unmatch()
        sale_order = self.import_order(items=[Item('MUG')])
        self.assertFalse(self.get_offer('MUG').product_id)
        self.assertEqual(self.get_lines(sale_order).product_id, self.account.product_id)

    def test_what_is_sold_already_stays_when_its_offer_is_unmatched(self):
        group = self.env['account.tax.group'].create({
            'name': '19 %', 'company_id': self.company.id,
        })
        tax = self.env['account.tax'].create({
            'name': '19 %', 'amount': 19, 'tax_group_id': group.id,
        })
        product = self.create_product('MUG', taxes_id=tax.ids)
        order = self.seller.place_order(items=[Item('MUG', quantity=2)])
        self.sync()
        self.get_offer('MUG').action_unmatch()
        self.account.only_matched_products = True
        self.seller.cancel_item(order, 'MUG', 1)
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'done')
        line = self.get_lines(self.get_sale_order(order))
        self.assertEqual((line.product_id, line.product_uom_qty), (product, 1))
        self.assertEqual(line.tax_ids, tax)

    def test_an_offer_that_was_sold_can_not_be_deleted(self):
        self.import_order(items=[Item('MUG')])
        with self.assertRaises(ForeignKeyViolation), mute_logger('odoo.sql_db'):
            self.get_offer('MUG').unlink()

    def test_a_match_by_hand_goes_before_the_reference(self):
        self.create_product('MUG')
        self.import_order(items=[Item('MUG')])
        product = self.create_product('CUP')
        self.get_offer('MUG').product_id = product
        sale_order = self.import_order(items=[Item('MUG')])
        self.assertEqual(self.get_lines(sale_order).product_id, product)


@tagged('post_install', '-at_install')
class TestSyncOrders(AmazonCase):
    """What Sync Orders does and says, and how one order is fetched."""

    def test_sync_tells_what_it_did_and_links_to_the_inbox(self):
        cancelled = self.seller.place_order()
        self.sync()
        self.seller.cancel(cancelled)
        self.account.only_matched_products = True
        self.create_product('MUG')
        self.seller.place_order(items=[Item('MUG')])
        self.seller.place_order(items=[Item('UNKNOWN')])
        self.seller.place_order(status='PENDING')
        params = self.press(self.account, 'action_sync_orders')['params']
        self.assertRegex(
            params['message'],
            "^4 fetched: 1 created, 1 cancelled, 1 not for Odoo .*, 1 order needs attention",
        )
        self.assertEqual(params['type'], 'warning')
        self.assertEqual(params['links'][0]['label'], "Open Orders")
        self.assertIn('action_amazon_order', params['links'][0]['url'])

    def test_sync_without_a_choice_is_for_all_connected_accounts(self):
        order = self.seller.place_order()
        self.create_account(name="Not connected")
        self.press(self.env['amazon.account'], 'action_sync_orders')
        self.assertTrue(self.get_sale_order(order))

    def test_sync_imports_only_for_its_accounts(self):
        japan = self.env.ref('amazon_connector.marketplace_jp')
        self.account.synced_marketplace_ids -= japan
        second = self.connect(self.create_account(name="Nordwind Japan"))
        german, japanese = self.seller.place_order('DE'), self.seller.place_order('JP')
        self.run_cron('fetch_orders')
        self.sync(second)
        self.assertTrue(self.get_sale_order(japanese))
        self.assertFalse(self.get_sale_order(german))

    def test_an_order_of_any_age_can_be_fetched_by_its_reference(self):
        old = self.simulator.clock.now() - timedelta(days=300)
        order = self.seller.place_order(placed_at=old)
        self.sync()
        self.assertFalse(self.get_inbox(order), "Older than the first synchronization reaches")
        wizard = self.env['amazon.fetch.order'].create({
            'account_id': self.account.id, 'amazon_order_ref': f' {order.order_id}\n',
        })
        action = self.press(wizard, 'action_fetch')
        self.assertEqual(action['res_id'], self.get_inbox(order).id)
        self.assertTrue(self.get_sale_order(order))

    def test_an_order_is_fetched_for_the_account_that_synchronizes_its_marketplace(self):
        britain = self.env.ref('amazon_connector.marketplace_gb')
        self.account.synced_marketplace_ids -= britain
        second = self.connect(self.create_account())
        order = self.seller.place_order('GB')
        wizard = self.env['amazon.fetch.order'].create({
            'account_id': self.account.id, 'amazon_order_ref': order.order_id,
        })
        self.press(wizard, 'action_fetch')
        self.assertEqual(self.get_inbox(order).account_id, second)
        self.assertEqual(self.get_sale_order(order).amazon_account_id, second)

    def test_fetching_an_order_explains_what_is_wrong_with_the_reference(self):
        for reference, message in (
            ('../sellers', "is not an Amazon reference"),
            ('302-1234567-1234567', "knows no such order"),
        ):
            with self.subTest(reference=reference):
                wizard = self.env['amazon.fetch.order'].create({
                    'account_id': self.account.id, 'amazon_order_ref': reference,
                })
                with self.assertRaisesRegex(UserError, message):
                    self.press(wizard, 'action_fetch')
        self.assertFalse(self.env['amazon.order'].search_count(
            [('account_id', '=', self.account.id)],
        ))

    def test_fetch_again_takes_amazons_present_data(self):
        order = self.seller.place_order()
        self.seller.override(order, remove=['/orderItems'])
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'failed')
        self.seller.override(order)
        self.press(inbox, 'action_fetch_again')
        self.assertEqual(inbox.state, 'done')
        self.assertTrue(inbox.sale_order_id)

    def test_the_inbox_and_the_sales_order_lead_to_each_other(self):
        order = self.seller.place_order()
        self.sync()
        inbox, sale_order = self.get_inbox(order), self.get_sale_order(order)
        self.assertEqual(inbox.action_open_sale_order()['res_id'], sale_order.id)
        self.assertEqual(sale_order.action_open_amazon_order()['res_id'], inbox.id)

    def test_the_sales_list_filters_amazon_orders(self):
        sale_order = self.import_order()
        other = self.env['sale.order'].create({'partner_id': sale_order.partner_id.id})
        view = self.env['sale.order'].get_view(
            self.env.ref('sale.sale_order_view_search_inherit_sale').id, 'search',
        )
        domain = etree.fromstring(view['arch']).xpath("//filter[@name='amazon']/@domain")
        found = self.env['sale.order'].search(literal_eval(domain[0]))
        self.assertIn(sale_order, found)
        self.assertNotIn(other, found)
