from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item

from .common import AmazonCase

USER = 'amazon_connector.group_amazon_user'
ADMIN = 'amazon_connector.group_amazon_admin'
SECRET_FIELDS = ('lwa_client_id', 'lwa_client_secret', 'refresh_token')


@tagged('post_install', '-at_install')
class TestAccess(AmazonCase):
    """Who may do what."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.employee = cls.create_user('emil')
        cls.user = cls.create_user('uma', USER)
        cls.admin = cls.create_user('adam', ADMIN)
        cls.salesman = cls.create_user('sally', 'sales_team.group_sale_salesman')
        cls.stock_user = cls.create_user('stan', 'stock.group_stock_user')
        cls.other_company = cls.create_company("Other")
        cls.stranger = cls.create_user('olaf', ADMIN, company=cls.other_company)

    def test_an_employee_sees_nothing_of_amazon(self):
        for model in ('amazon.account', 'amazon.order', 'amazon.offer'):
            with self.subTest(model=model), self.assertRaises(AccessError):
                self.env[model].with_user(self.employee).search([])

    def test_tokens_and_quotas_are_nobodys(self):
        for model in ('amazon.secret', 'amazon.access.token', 'amazon.quota'):
            for user in (self.user, self.admin, self.env.ref('base.user_admin')):
                with self.subTest(model=model, user=user.login), self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])

    def test_an_amazon_user_syncs_without_rights_on_sales_stock_or_contacts(self):
        self.create_product('MUG')
        orders = [
            self.seller.place_order('DE', 'FBM', [Item('MUG')]),
            self.seller.place_order('GB', 'FBA', [Item('MUG')], status='SHIPPED'),
        ]
        self.assertRegex(self.sync(self.account.with_user(self.user)), "^2 fetched: 2 created")
        for order in orders:
            self.assertEqual(self.get_sale_order(order).state, 'sale')

    def test_an_amazon_user_sees_retries_and_fetches(self):
        order = self.seller.place_order()
        self.account.only_matched_products = True
        self.sync()
        inbox = self.get_inbox(order).with_user(self.user)
        self.assertIn("SKU-1", inbox.reason)
        self.assertTrue(inbox.read())
        self.press(inbox, 'action_fetch_again')
        self.assertEqual(inbox.state, 'failed')
        offer = self.env['amazon.offer'].with_user(self.user).search([('sku', '=', 'SKU-1')])
        offer.product_id = self.create_product('MUG')
        self.press(inbox, 'action_retry')
        self.assertEqual(inbox.state, 'done')
        other = self.seller.place_order()
        wizard = self.env['amazon.fetch.order'].with_user(self.user).create({
            'account_id': self.account.id, 'amazon_order_ref': other.order_id,
        })
        self.press(wizard, 'action_fetch')
        self.assertTrue(self.get_sale_order(other))

    def test_matching_an_offer_brings_the_order_in_also_for_an_amazon_user(self):
        self.account.only_matched_products = True
        order = self.seller.place_order()
        self.sync()
        offer = self.env['amazon.offer'].with_user(self.user).search([('sku', '=', 'SKU-1')])
        offer.product_id = self.create_product('MUG')
        self.run_cron('import_orders')
        self.assertEqual(self.get_inbox(order).state, 'done')

    def test_an_amazon_user_changes_nothing_of_an_offer_but_its_match(self):
        self.import_order()
        offer = self.env['amazon.offer'].with_user(self.user).search([('sku', '=', 'SKU-1')])
        with self.assertRaises(AccessError):
            offer.sku = 'SKU-2'
        self.env.invalidate_all()
        offer.with_user(self.admin).sku = 'SKU-2'
        self.assertEqual(offer.sku, 'SKU-2')

    def test_only_an_amazon_user_syncs(self):
        for user in (self.salesman, self.stock_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.sync(self.account.with_user(user))
        self.assertFalse(self.simulator.calls)

    def test_nobody_writes_to_the_inbox(self):
        order = self.seller.place_order()
        self.sync()
        foreign = self.env['sale.order'].sudo().create({
            'partner_id': self.company.partner_id.id, 'company_id': self.other_company.id,
        })
        for user in (self.user, self.admin):
            for values in ({'sale_order_id': foreign.id}, {'amazon_status': 'CANCELLED'}):
                with self.subTest(user=user.login, **values), self.assertRaises(AccessError):
                    self.get_inbox(order).with_user(user).write(values)

    def test_who_sees_no_inbox_sees_sales_orders(self):
        accountant = self.create_user('anna', 'account.group_account_invoice')
        sale_order = self.import_order().with_user(accountant)
        self.assertNotIn('amazon_order_ids', sale_order.read()[0])

    def test_an_amazon_user_sees_accounts_but_not_their_credentials(self):
        account = self.account.with_user(self.user)
        self.assertEqual(account.read(['name', 'failed_count', 'chart'])[0]['name'], account.name)
        for name in SECRET_FIELDS:
            with self.subTest(name=name), self.assertRaises(AccessError):
                account.read([name])
        self.assertFalse({*SECRET_FIELDS} & account.read()[0].keys())

    def test_an_amazon_user_changes_no_account(self):
        account = self.account.with_user(self.user)
        for action in (
            lambda: account.write({'name': "Mine"}),
            lambda: self.press(account, 'action_connect'),
            account.copy,
            account.unlink,
        ):
            with self.assertRaises(AccessError):
                action()

    def test_an_administrator_enters_secrets_that_nobody_reads(self):
        account = self.account.with_user(self.admin)
        account.write({'lwa_client_secret': 'a new one', 'refresh_token': 'another new one'})
        self.assertEqual(set(account.lwa_client_secret + account.refresh_token), {'•'})
        with self.assertRaises(AccessError):
            self.env['amazon.secret'].with_user(self.admin).search([])
        account.write({
            'lwa_client_secret': DEFAULT_SELLER.client_secret,
            'refresh_token': DEFAULT_SELLER.refresh_token,
        })
        self.press(account, 'action_connect')
        self.assertEqual(account.state, 'connected')

    def test_only_a_system_administrator_sets_custom_addresses(self):
        for name in ('spapi_endpoint', 'lwa_endpoint'):
            with self.subTest(name=name), self.assertRaises(AccessError):
                self.account.with_user(self.admin).write({name: 'https://amazon.example'})

    def test_only_an_administrator_reads_what_amazon_sent(self):
        order = self.seller.place_order()
        self.sync()
        inbox = self.get_inbox(order)
        self.assertIn(order.order_id, inbox.with_user(self.admin).readable_payload)
        for user in (self.admin, self.user, self.salesman):
            with self.subTest(user=user.login):
                with self.assertRaises(AccessError):
                    inbox.with_user(user).read(['payload'])
                self.assertNotIn('payload', inbox.with_user(user).read()[0])
        for user in (self.user, self.salesman):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                inbox.with_user(user).read(['readable_payload'])

    def test_salespeople_and_warehouse_see_where_an_order_came_from(self):
        self.create_product('SKU-1')
        sale_order = self.import_order()
        sale_order.user_id = self.salesman
        for user, record in (
            (self.salesman, sale_order), (self.stock_user, sale_order.picking_ids),
        ):
            with self.subTest(user=user.login):
                values = record.with_user(user).read(['amazon_account_id', 'amazon_order_ref'])[0]
                self.assertEqual(values['amazon_account_id'][1], self.account.name)
                self.assertTrue(self.account.with_user(user).read(['name', 'failed_count']))
                with self.assertRaises(AccessError):
                    self.account.with_user(user).write({'name': "Mine"})

    # === COMPANIES === #

    def as_stranger(self, records):
        return records.with_user(self.stranger).with_context(
            allowed_company_ids=self.other_company.ids,
        )

    def test_another_company_sees_nothing(self):
        order = self.seller.place_order()
        self.sync()
        offer = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        for record in (self.account, self.get_inbox(order), offer):
            with self.subTest(model=record._name):
                foreign = self.as_stranger(record)
                self.assertFalse(foreign.search([('id', '=', record.id)]))
                with self.assertRaisesRegex(AccessError, "company|companies|records"):
                    foreign.read(['display_name'])
        with self.assertRaises(AccessError):
            self.sync(self.as_stranger(self.account))

    def test_an_administrator_registers_an_account_in_the_own_company_only(self):
        accounts = self.as_stranger(self.env['amazon.account'])
        values = {'name': "Ours", 'seller_id': 'A2OURS'}
        account = accounts.create(values)
        self.assertEqual(account.company_id, self.other_company)
        self.assertEqual(account.location_id.company_id, self.other_company)
        with self.assertRaises(AccessError):
            accounts.create({**values, 'company_id': self.company.id})

    def test_the_crons_serve_all_companies_apart(self):
        account = self.connect(self.create_account(company=self.other_company))
        self.create_product('SKU-1')
        order = self.seller.place_order('GB')
        self.run_cron('fetch_orders')
        self.run_cron('import_orders')
        sale_orders = self.env['sale.order'].search(
            [('amazon_order_ref', '=', order.order_id)], order='company_id',
        )
        self.assertEqual(sale_orders.company_id, self.company | self.other_company)
        for sale_order, its_account in zip(sale_orders, (self.account, account), strict=True):
            company = its_account.company_id
            self.assertEqual(sale_order.company_id, company)
            self.assertEqual(sale_order.amazon_account_id, its_account)
            self.assertEqual(sale_order.team_id.company_id, company)
            self.assertEqual(sale_order.warehouse_id.company_id, company)
            self.assertEqual(sale_order.picking_ids.company_id, company)
            self.assertEqual(sale_order.pricelist_id.company_id, company)
            self.assertEqual(sale_order.amount_total, 10)

    def test_records_of_another_company_can_not_be_chosen(self):
        warehouse = self.env['stock.warehouse'].search([
            ('company_id', '=', self.other_company.id),
        ])
        for name, record in (('warehouse_id', warehouse), ('location_id', warehouse.lot_stock_id)):
            with self.subTest(name=name), self.assertRaisesRegex(Exception, "[Cc]ompan"):
                self.account[name] = record
