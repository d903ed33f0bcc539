import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from freezegun import freeze_time

from odoo import sql_db
from odoo.tests import BaseCase, Form, HttpCase, TransactionCase, get_db_name
from odoo.tools import SQL, mute_logger

from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Item, Simulator

SCRIPT = Path(__file__).with_name('processes.py')
TIME_LIMIT = 600  # seconds


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
            # What most tests sell need not be a product.
            'only_matched_products': False,
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
        """Press Connect, start the account as Sync Orders would, and return it."""
        cls.press(account, 'action_connect')
        if account.state == 'connected':
            account._start()
        return account

    def sync(self, accounts=None):
        """Press Sync Orders and return what the notification says."""
        return self.press(accounts or self.account, 'action_sync_orders')['params']['message']

    def get_sync(self, account, way='orders'):
        """Return how far a way of an account's connection is."""
        return account.connection_id._get_sync(way)

    @property
    def order_sync(self):
        """How far the orders of the account are."""
        return self.get_sync(self.account)

    def run_cron(self, name):
        """Run a cron of the add-on, e.g. `fetch_orders`, as the scheduler does."""
        cron = self.env.ref(f'amazon_connector.ir_cron_{name}')
        self.assertIs(cron.method_direct_trigger(), True)

    def purge(self, at):
        """Remove the personal data that nothing needs at a time, as Odoo's clean-up does."""
        with freeze_time(at):
            self.press(self.env['amazon.personal.data'], '_gc_personal_data')

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


class ShippingCase(AmazonCase):
    """An account with goods in its warehouse, and a carrier that Amazon knows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.account.warehouse_id
        cls.mug = cls.create_product('MUG')
        cls.bowl = cls.create_product('BOWL')
        cls.put_in_stock(cls.mug, 1000, cls.warehouse.lot_stock_id)
        cls.put_in_stock(cls.bowl, 1000, cls.warehouse.lot_stock_id)
        cls.carrier = cls.create_carrier("DHL Paket")

    # === RECORDS === #

    @classmethod
    def create_carrier(cls, name, **values):
        """Create a delivery method."""
        product = cls.env['product.product'].create({'name': name, 'type': 'service'})
        return cls.env['delivery.carrier'].create(
            {'name': name, 'product_id': product.id, **values},
        )

    # === DELIVERIES === #

    def order_mugs(self, quantity=3, **details):
        """Let a buyer order mugs and return the order of Amazon's, imported."""
        return self.order(Item('MUG', '12.99', quantity), **details)

    def order(self, *items, marketplace='DE', **details):
        """Let a buyer order something and return the order of Amazon's, imported."""
        order = self.seller.place_order(marketplace, 'FBM', list(items), **details)
        self.sync()
        return order

    def get_open_delivery(self, order):
        """Return the transfer of an order that is to be done next."""
        return self.get_sale_order(order).picking_ids.filtered(
            lambda picking: picking.state not in ('done', 'cancel'),
        )

    def pick(self, picking, quantities):
        """Enter what is picked of a transfer, by SKU or by move."""
        for move in picking.move_ids:
            quantity = quantities.get(move, quantities.get(move.product_id.default_code, 0))
            move.quantity = quantity
            move.picked = bool(quantity)

    def fill_in(self, picking, tracking='00340434161094015902', carrier=None):
        """Enter carrier and tracking reference."""
        picking.write({
            'carrier_id': (carrier or self.carrier).id, 'carrier_tracking_ref': tracking,
        })

    def validate(self, picking):
        """Press Validate, and create a backorder when asked for."""
        action = picking.button_validate()
        if action is not True:
            self.assertEqual(action['res_model'], 'stock.backorder.confirmation')
            Form.from_action(self.env, action).save().process()
        self.assertEqual(picking.state, 'done')

    def deliver(self, order, quantities=None, **details):
        """Deliver what is open of an order, with a carrier and a tracking reference.

        :param order: An order of the simulator's.
        :param dict quantities: What is picked, see `pick`; all by default.
        :param details: See `fill_in`.
        :return: The delivery.
        :rtype: stock.picking
        """
        picking = self.get_open_delivery(order)
        if quantities:
            self.pick(picking, quantities)
        self.fill_in(picking, **details)
        self.validate(picking)
        return picking

    def cancel_order(self, order):
        """Cancel the sales order of an order, for lack of stock, and let Amazon know."""
        action = self.get_sale_order(order).action_cancel()
        self.env['amazon.cancel.order'].with_context(**action['context']).create({
            'code': 'NoInventory',
        }).action_cancel()

    def pack(self, picking, *packages):
        """Divide a transfer up into packages.

        :param packages: The quantities by SKU in each; what is left lies in none.
        :return: The packages.
        :rtype: stock.package
        """
        made = self.env['stock.package']
        for number, quantities in enumerate(packages, start=1):
            package = made.create({'name': f'{picking.name} {number}'})
            made |= package
            for sku, quantity in quantities.items():
                loose = picking.move_line_ids.filtered(
                    lambda line, sku=sku: not line.result_package_id
                    and line.product_id.default_code == sku,
                )
                if loose.quantity == quantity:
                    loose.result_package_id = package
                else:
                    loose.quantity -= quantity
                    loose.copy({'quantity': quantity, 'result_package_id': package.id})
        return made

    def send(self, accounts=None):
        """Press Sync Pickings and return what the notification says."""
        return self.press(accounts or self.account, 'action_sync_pickings')['params']['message']

    def send_again(self, pickings):
        """Press Send to Amazon and return what the notification says."""
        return self.press(pickings, 'action_send_to_amazon')['params']['message']

    def get_shown(self, order):
        """Return what Amazon knows of the packages of an order: tracking numbers, quantities."""
        skus = {item.item_id: item.sku for item in order.items}
        return {
            package.tracking: {
                skus[item_id]: quantity for item_id, quantity in package.quantities.items()
            }
            for package in order.packages
        }

    def assertShown(self, order, *packages):
        """Check which packages Amazon knows: the tracking number and quantities by SKU of each."""
        self.assertTrue(packages)
        self.assertEqual(len(order.packages), len(packages))
        self.assertEqual(self.get_shown(order), dict(packages))

    def assertAmazonState(self, pickings, state, reason=None):
        """Check what became of deliveries, and what the reason says."""
        self.assertTrue(pickings)
        for picking in pickings:
            self.assertEqual(picking.amazon_state, state, picking.amazon_reason)
            if reason:
                answer = picking.amazon_answer and f' (Amazon: {picking.amazon_answer})'
                self.assertRegex(f"{picking.amazon_reason or ''}{answer or ''}", reason)
            elif state != 'to_send':
                self.assertFalse(picking.amazon_reason)


class RpcRefused(Exception):
    """What the server answered instead of a result.

    :param dict error: The error of the JSON-RPC answer, as it goes to the browser.
    """

    def __init__(self, error):
        super().__init__(f"{error['data']['name']}: {error['data']['message']}")
        self.name = error['data']['name'].rpartition('.')[2]
        self.sent = json.dumps(error)  # everything that the browser gets to see


class AttackCase(AmazonCase, HttpCase):
    """People who ask the running server over JSON-RPC for what its screens do not offer them."""

    def rpc(self, user, model, method, *args, context=None, **kwargs):
        """Call a method of a model over JSON-RPC.

        :param res.users user: Who calls.
        :param args: What the method takes; for a method of records the list of their ids first.
        :param dict context: What the caller sends as the context, which may be anything.
        :return: What the server answers.
        :raise RpcRefused: If it answers with an error.
        """
        if getattr(self, 'session', None) is None or self.session.uid != user.id:
            self.authenticate(user.login, user.login)
        self.env.flush_all()
        kwargs['context'] = {
            'lang': 'en_US', 'allowed_company_ids': user.company_ids.ids, **(context or {}),
        }
        answer = self.url_open(
            f'/web/dataset/call_kw/{model}/{method}',
            json={'id': 0, 'jsonrpc': '2.0', 'method': 'call', 'params': {
                'model': model, 'method': method, 'args': args, 'kwargs': kwargs,
            }},
            timeout=60,
        ).json()
        self.env.invalidate_all()
        if 'error' in answer:
            raise RpcRefused(answer['error'])
        return answer.get('result')

    def assertDenied(self, user, model, method, *args, error='AccessError', **kwargs):
        """Check that the server denies somebody something, and return what it answers instead."""
        with self.assertRaises(RpcRefused) as caught, mute_logger('odoo.http'):
            self.rpc(user, model, method, *args, **kwargs)
        self.assertEqual(caught.exception.name, error, caught.exception)
        return caught.exception


class TourCase(AmazonCase, HttpCase):
    """Tours through the browser of somebody who works for the company of the test."""

    OVERVIEW = '/odoo/action-amazon_connector.action_amazon_account_overview'

    def start(self, url, tour):
        """Walk through a tour as the administrator, who works for the company of the test."""
        admin = self.env.ref('base.user_admin')
        admin.write({'company_ids': [(4, self.company.id)], 'company_id': self.company.id})
        self.start_tour(url, tour, login='admin')
        self.env.invalidate_all()


class ProcessCase(BaseCase):
    """Real processes, connections and commits on a copy of the database; see `processes.py`."""

    def setUp(self):
        super().setUp()
        self.simulator = self.enterContext(Simulator())
        self.database = f'{get_db_name()}_{self._testMethodName[5:25]}_{os.getpid()}'
        # PostgreSQL copies no database that somebody is connected to.
        sql_db.close_db(get_db_name())
        self.administer("CREATE DATABASE %s TEMPLATE %s", self.database, get_db_name())
        self.addCleanup(self.administer, "DROP DATABASE %s WITH (FORCE)", self.database)
        self.addCleanup(sql_db.close_db, self.database)

    def administer(self, statement, *databases):
        with closing(sql_db.db_connect('postgres').cursor()) as cr:
            cr._cnx.autocommit = True  # as these statements want no transaction
            cr.execute(SQL(statement, *map(SQL.identifier, databases)))

    def play(self, name, *options, log_level='error'):
        """Run a play of `processes.py` on the copy and return what it prints.

        :param str name: The play.
        :param options: Of Odoo's command line.
        :param str log_level: As Odoo's option of that name.
        """
        script = SCRIPT.read_text(encoding='utf-8')
        script += f'\n\nperform({name}, env, {self.simulator.url!r})\n'
        return self.run_odoo('shell', *options, log_level=log_level, input=script)

    def run_odoo(self, *arguments, log_level='error', **options):
        """Run Odoo on the copy and return what it prints; `log` is what it has logged."""
        process = subprocess.run(
            [
                sys.executable, os.environ.get('ODOO_SCRIPT', sys.argv[0]), *arguments,
                '-d', self.database, '--no-http', f'--log-level={log_level}',
            ],
            capture_output=True, text=True, timeout=TIME_LIMIT, check=False, **options,
        )
        self.assertFalse(process.returncode, process.stderr)
        self.log = process.stderr
        return process.stdout

    def dump(self):
        """Return all that the database holds, as text."""
        tables = self.query(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'",
        )
        rows = (self.query(f'SELECT t::text FROM {table} AS t') for [table] in tables)
        return '\n'.join(text for table_rows in rows for [text] in table_rows)

    def query(self, statement, *parameters):
        with closing(sql_db.db_connect(self.database).cursor()) as cr:
            cr.execute(statement, parameters)
            return cr.fetchall()


class MoneyCase(ShippingCase):
    """An account with a chart of accounts, goods without taxes, and *Set Up Accounting* pressed."""

    CHART = 'generic_coa'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.load_chart(cls.CHART)
        cls.account.action_set_up_accounting()
        cls.account.settlement_policy = 'post'
        cls.ledger = cls.account._get_ledger(cls.company.currency_id)

    @classmethod
    def load_chart(cls, chart):
        """Give the company a chart of accounts, and its euros back."""
        cls.env['account.chart.template'].try_loading(
            chart, company=cls.company, install_demo=False,
        )
        cls.company.currency_id = cls.env.ref('base.EUR')

    # === MONEY === #

    def sell(self, *items, marketplace='DE', channel='FBM', **details):
        """Let a buyer order something, import it, let it be shipped, and return the order."""
        order = self.seller.place_order(marketplace, channel, list(items), **details)
        if channel == 'FBM':
            self.sync()  # What had left before Odoo saw it is not imported.
        self.seller.ship(order)
        self.sync()
        return order

    def invoice(self, order):
        """Post the invoice of an order."""
        invoice = self.get_sale_order(order)._create_invoices()
        invoice.action_post()
        return invoice

    def read_settlements(self, account=None):
        """Press Read Settlements."""
        return self.press(account or self.account, 'action_read_settlements')

    def get_settlement(self, settlement):
        """Return the settlement of the simulator's in Odoo."""
        return self.env['amazon.settlement'].search([
            ('company_id', '=', self.company.id),
            ('settlement_ref', '=', settlement.settlement_id),
        ])

    def settle(self, currency='EUR', **options):
        """Let Amazon close a settlement, read it, and return it."""
        closed = self.seller.close_settlement(currency, **options)
        self.read_settlements()
        return self.get_settlement(closed)

    def get_balance(self, account):
        """Return what stands on an account, posted, in the currency of the company."""
        return self.company.currency_id.round(sum(self.env['account.move.line'].search([
            ('account_id', '=', account.id), ('parent_state', '=', 'posted'),
        ]).mapped('balance')))
