from odoo.tests import TransactionCase

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Simulator


class AmazonCase(TransactionCase):
    """A company with an Amazon account that is connected to a simulated Amazon.

    The registry is in test mode: what commits has a cursor of its own, see `press` and `run_cron`.
    The simulator starts every test empty; the seller sells in Germany, Britain and Japan.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls._registry_patched:
            cls.registry_enter_test_mode_cls()
        cls.simulator = cls.enterClassContext(Simulator())
        cls.seller = cls.simulator.seller
        cls.env['res.currency'].with_context(active_test=False).search(
            [('name', 'in', ('EUR', 'GBP', 'JPY'))],
        ).active = True
        cls.company = cls.create_company("Nordwind Home GmbH")
        cls.env = cls.env(context={**cls.env.context, 'allowed_company_ids': cls.company.ids})
        cls.account = cls.connect(cls.create_account())

    def setUp(self):
        super().setUp()
        self.simulator.reset()
        # The simulator has forgotten which access tokens it gave.
        self.env['amazon.access.token'].search([]).unlink()

    # === RECORDS === #

    @classmethod
    def create_company(cls, name):
        """Create a German company, its warehouse with it."""
        return cls.env['res.company'].create({
            'name': name,
            'country_id': cls.env.ref('base.de').id,
            'currency_id': cls.env.ref('base.EUR').id,
        })

    @classmethod
    def create_account(cls, profile=DEFAULT_SELLER, company=None, **values):
        """Create an account of a simulated seller, not connected yet."""
        env = cls.env(context={
            **cls.env.context, 'allowed_company_ids': (company or cls.company).ids,
        })
        return env['amazon.account'].create({
            'name': profile.store_name,
            'seller_id': profile.seller_id,
            'lwa_client_id': profile.client_id,
            'lwa_client_secret': profile.client_secret,
            'refresh_token': profile.refresh_token,
            'environment': 'custom',
            'spapi_endpoint': cls.simulator.url,
            'lwa_endpoint': cls.simulator.lwa_url,
            **values,
        })

    @classmethod
    def create_product(cls, sku, **values):
        """Create goods with a stock, which an offer of that SKU is matched to, without taxes."""
        return cls.env['product.product'].create({
            'name': f'Odoo {sku}',
            'default_code': sku,
            'is_storable': True,
            'taxes_id': False,
            **values,
        })

    @classmethod
    def create_user(cls, login, *groups, company=None):
        """Create an employee with groups, named by their external ids."""
        return cls.env['res.users'].create({
            'name': login.capitalize(),
            'login': login,
            'company_id': (company or cls.company).id,
            'company_ids': (company or cls.company).ids,
            'group_ids': [cls.env.ref(group).id for group in ('base.group_user', *groups)],
        })

    @classmethod
    def put_in_stock(cls, product, quantity, location, lot=None, in_date=None):
        """Let a quantity of a product lie at a location."""
        cls.env['stock.quant']._update_available_quantity(
            product, location, quantity, lot_id=lot, in_date=in_date,
        )

    # === THINGS THAT COMMIT === #

    @classmethod
    def press(cls, records, method, *args):
        """Call a method of records as a button does, in a transaction of its own."""
        cls.env.invalidate_all(flush=True)
        try:
            with cls.registry.cursor() as cr:
                return getattr(records.with_env(records.env(cr=cr)), method)(*args)
        finally:
            cls.env.invalidate_all()

    @classmethod
    def connect(cls, account):
        """Press Connect and return the account."""
        cls.press(account, 'action_connect')
        return account

    def sync(self, accounts=None):
        """Press Sync Orders and return what the notification says."""
        return self.press(accounts or self.account, 'action_sync_orders')['params']['message']

    def run_cron(self, name):
        """Run a cron of the add-on, e.g. `fetch_orders`, as the scheduler does."""
        cron = self.env.ref(f'amazon_connector.ir_cron_{name}')
        self.assertIs(cron.method_direct_trigger(), True)

    def get_triggers(self, name):
        """Return when a cron of the add-on runs next apart from its interval."""
        return self.env['ir.cron.trigger'].search(
            [('cron_id', '=', self.env.ref(f'amazon_connector.ir_cron_{name}').id)],
        ).mapped('call_at')

    def count_calls(self, operation='searchOrders'):
        """Return how often an operation of Amazon's was called in this test."""
        return sum(call.operation == operation for call in self.simulator.calls)

    # === WHAT BECAME OF AN ORDER === #

    def import_order(self, *args, **details):
        """Let a buyer order something (see `Seller.place_order`), sync, return the sales order."""
        order = self.seller.place_order(*args, **details)
        self.sync()
        return self.get_sale_order(order)

    def get_inbox(self, order):
        """Return the order in the inbox."""
        return self.env['amazon.order'].search([
            ('company_id', '=', self.company.id), ('amazon_order_ref', '=', order.order_id),
        ])

    def get_sale_order(self, order):
        """Return the sales order of an order."""
        return self.env['sale.order'].search([
            ('company_id', '=', self.company.id), ('amazon_order_ref', '=', order.order_id),
        ])

    def get_lines(self, sale_order, charge='item'):
        """Return the lines of a sales order for a charge of Amazon's."""
        return sale_order.order_line.filtered(lambda line: line.amazon_charge == charge)
