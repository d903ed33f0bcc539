from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase


class OffersCase(ShippingCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.tax = cls.env['account.tax'].create({
            'name': 'VAT 19 %', 'amount': 19, 'price_include_override': 'tax_included',
        })
        cls.user = cls.create_user('ursula', 'amazon_connector.group_amazon_user')

    def get_offer(self, sku, marketplace='Amazon.de', account=None):
        offers = self.env['amazon.offer'].search([
            ('account_id', '=', (account or self.account).id), ('sku', '=', sku),
            ('marketplace_id.name', '=', marketplace),
        ])
        self.assertTrue(offers, sku)
        return offers

    def place(self, sku='VASE', marketplace='DE', channel='FBM', **details):
        return self.seller.place_order(
            marketplace, channel, [Item(sku, '11.90', 2, title='Blue vase')], **details,
        )

    def create_vase(self, code='OTHER-REF', **values):
        return self.create_product(code, taxes_id=self.tax.ids, invoice_policy='order', **values)


@tagged('post_install', '-at_install')
class TestStandIns(OffersCase):
    """What an unmatched SKU was imported as, once it is matched."""

    def test_new_accounts_import_matched_products_only(self):
        account = self.env['amazon.account'].new({})
        self.assertTrue(account.only_matched_products)

    def test_the_product_takes_the_place_of_the_default_product(self):
        order = self.place()
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(self.get_lines(sale_order).product_id, self.account.product_id)
        vase = self.create_vase()
        self.get_offer('VASE').with_user(self.user).product_id = vase
        line = self.get_lines(sale_order)
        self.assertEqual((line.product_id, line.product_uom_qty), (vase, 2))
        self.assertEqual(line.tax_ids, self.tax)
        self.assertEqual((sale_order.amount_total, sale_order.amount_tax), (23.8, 3.8))
        moves = line._get_open_deliveries()
        self.assertEqual((moves.product_id, moves.product_uom_qty), (vase, 2))
        self.assertIn("takes the place", str(sale_order.message_ids.mapped('body')))
        self.assertFalse(sale_order.activity_ids)

    def test_what_was_delivered_or_invoiced_is_told(self):
        delivered, invoiced = self.place(), self.place()
        self.sync()
        self.deliver(delivered)
        self.get_sale_order(invoiced)._create_invoices()
        stand_in = self.account.product_id
        self.get_offer('VASE').product_id = self.create_vase()
        for order in (delivered, invoiced):
            sale_order = self.get_sale_order(order)
            self.assertEqual(self.get_lines(sale_order).product_id, stand_in)
            self.assertIn(
                "was delivered or invoiced already", html2plaintext(sale_order.activity_ids.note),
            )

    def test_an_fba_order_is_told(self):
        order = self.place(channel='FBA', status='SHIPPED')
        self.sync()
        self.get_offer('VASE').product_id = self.create_vase()
        self.assertIn("VASE is", html2plaintext(self.get_sale_order(order).activity_ids.note))

    def test_an_order_whose_data_were_removed_is_told(self):
        order = self.place()
        self.sync()
        self.get_inbox(order).payload = False
        self.get_offer('VASE').product_id = self.create_vase()
        self.assertIn("were removed", html2plaintext(self.get_sale_order(order).activity_ids.note))

    def test_one_that_cannot_be_changed_stops_no_other(self):
        bad, good = self.place(), self.place()
        self.sync()
        self.get_inbox(bad).payload = '{"orderItems": []}'
        vase = self.create_vase()
        self.get_offer('VASE').product_id = vase
        self.assertEqual(self.get_lines(self.get_sale_order(good)).product_id, vase)
        self.assertTrue(self.get_sale_order(bad).activity_ids)


@tagged('post_install', '-at_install')
class TestMatches(OffersCase):
    """A match holds for the same SKU wherever the seller sells it."""

    def test_in_other_marketplaces_that_are_known(self):
        for marketplace in ('DE', 'GB'):
            self.place(marketplace=marketplace)
        self.sync()
        vase = self.create_vase()
        self.get_offer('VASE').with_user(self.user).product_id = vase
        self.assertEqual(self.get_offer('VASE', 'Amazon.co.uk').product_id, vase)

    def test_in_a_marketplace_that_is_new(self):
        self.place()
        self.sync()
        vase = self.create_vase()
        self.get_offer('VASE').product_id = vase
        order = self.place(marketplace='GB')
        self.sync()
        self.assertEqual(self.get_lines(self.get_sale_order(order)).product_id, vase)

    def test_it_can_be_changed_there(self):
        for marketplace in ('DE', 'GB'):
            self.place(marketplace=marketplace)
        self.sync()
        germany, britain = self.get_offer('VASE'), self.get_offer('VASE', 'Amazon.co.uk')
        first, other, third = (self.create_vase(code) for code in ('V1', 'V2', 'V3'))
        germany.product_id = first
        britain.product_id = other
        self.assertEqual(germany.product_id, first)
        germany.product_id = third
        self.assertEqual(britain.product_id, other)

    def test_what_follows_goes_on_following(self):
        for marketplace in ('DE', 'GB'):
            self.place(marketplace=marketplace)
        self.sync()
        germany, britain = self.get_offer('VASE'), self.get_offer('VASE', 'Amazon.co.uk')
        wrong, right = self.create_vase('V1'), self.create_vase('V2')
        germany.product_id = wrong
        germany.product_id = right
        self.assertEqual(britain.product_id, right)

    def test_unmatched_by_a_person_stays_unmatched(self):
        for marketplace in ('DE', 'GB'):
            self.place(marketplace=marketplace)
        self.sync()
        germany, britain = self.get_offer('VASE'), self.get_offer('VASE', 'Amazon.co.uk')
        germany.product_id = self.create_vase('V1')
        britain.action_unmatch()
        germany.product_id = self.create_vase('V2')
        self.assertFalse(britain.product_id)

    def test_in_another_account_of_the_seller(self):
        self.place()
        self.sync()
        vase = self.create_vase()
        self.get_offer('VASE').product_id = vase
        germany = self.env.ref('amazon_connector.marketplace_de')
        self.account.synced_marketplace_ids -= germany
        second = self.connect(self.create_account(name="Second"))
        self.assertIn(germany, second.synced_marketplace_ids)
        order = self.place()
        self.sync(second)
        self.assertEqual(self.get_lines(self.get_sale_order(order)).product_id, vase)


@tagged('post_install', '-at_install')
class TestCreateProduct(OffersCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.only_matched_products = True
        cls.manager = cls.create_user(
            'mary', 'amazon_connector.group_amazon_user', 'sales_team.group_sale_manager',
            'product.group_product_manager',
        )

    def open(self, user, sku='VASE'):
        return Form(self.env['amazon.create.product'].with_user(user).with_context(
            default_offer_id=self.get_offer(sku).id,
        ))

    def test_it_is_filled_in_and_says_what_came_in(self):
        order = self.place()
        self.sync()
        self.assertEqual(self.get_inbox(order).state, 'failed')
        form = self.open(self.manager)
        self.assertEqual((form.name, form.default_code, form.barcode), ('Blue vase', 'VASE', False))
        params = self.press(form.save(), 'action_create_product')['params']
        sale_order = self.get_sale_order(order)
        self.assertIn("The product was created. 1 order came in", params['message'])
        self.assertEqual(params['links'][0]['label'], sale_order.name)
        product = self.get_offer('VASE').product_id
        self.assertEqual((product.default_code, product.is_storable), ('VASE', True))
        self.assertEqual(self.get_lines(sale_order).product_id, product)

    def test_an_sku_that_is_an_ean_is_the_barcode(self):
        self.place('4006381333931')
        self.sync()
        self.assertEqual(self.open(self.manager, '4006381333931').barcode, '4006381333931')

    def test_who_may_not_create_products_is_told_whom_to_ask(self):
        self.place()
        self.sync()
        wizard = self.open(self.user).save()
        with self.assertRaisesRegex(UserError, "Ask somebody with the right"):
            wizard.action_create_product()
        self.assertFalse(self.get_offer('VASE').product_id)
