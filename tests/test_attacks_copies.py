import tempfile
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged
from odoo.tools import config

from odoo.addons.amazon_connector.models import vault
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Buyer

from .common import AmazonCase, ShippingCase

ADMIN = 'amazon_connector.group_amazon_admin'
BUYER = "Wilhelmine Heimlich"


@tagged('post_install', '-at_install', 'attacks')
class TestNeutralizedCopies(ShippingCase):
    """A copy of the database does nothing on Amazon before a person has connected it."""

    def neutralize(self):
        """Do what Odoo's command does to a copy."""
        self.env.flush_all()
        for query in get_neutralization_queries(['amazon_connector']):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.simulator.calls.clear()

    def connect_copy(self):
        """Enter everything anew and connect."""
        self.account.connection_id.write({
            'lwa_client_id': DEFAULT_SELLER.client_id,
            'lwa_client_secret': DEFAULT_SELLER.client_secret,
            'refresh_token': DEFAULT_SELLER.refresh_token,
            'environment': 'custom',
            'spapi_endpoint': self.simulator.url,
            'lwa_endpoint': self.simulator.lwa_url,
        })
        self.press(self.account, 'action_connect_copy')

    def run_all(self):
        """Run all crons, twice."""
        for cron in 2 * ('fetch_orders', 'import_orders', 'send_deliveries', 'process_feeds'):
            self.run_cron(cron)

    def test_a_copy_that_is_connected_again_tells_amazon_nothing_of_the_past(self):
        sent, waiting, fed = (self.order_mugs() for _number in range(3))
        sent = self.deliver(sent)
        self.send()
        waiting = self.deliver(waiting)
        self.cancel_order(fed)
        self.env['amazon.cancellation']._put_due_in_feeds(self.account)
        self.cancel_order(self.order_mugs())
        stored = self.seller.place_order(buyer=Buyer(BUYER))
        self.run_cron('fetch_orders')
        self.neutralize()
        self.assertFalse(waiting.amazon_state)
        self.run_all()
        self.assertFalse(self.simulator.calls)
        self.connect_copy()
        self.assertEqual(self.account.state, 'connected')
        self.run_all()
        for operation in ('confirmShipment', 'createFeed', 'createFeedDocument', 'getFeed'):
            self.assertFalse(self.count_calls(operation), operation)
        self.assertEqual(self.get_inbox(stored).state, 'skipped')
        self.assertIn("Fetch Again", self.get_inbox(stored).reason)
        news = self.deliver(self.order_mugs())
        self.run_all()
        self.assertAmazonState(news, 'confirmed')

    def test_a_copy_holds_no_secrets_addresses_quotas_and_data_of_amazon(self):
        self.deliver(self.order_mugs(buyer=Buyer(BUYER)))
        self.send()
        self.neutralize()
        for model in ('amazon.secret', 'amazon.access.token', 'amazon.quota'):
            self.assertFalse(self.env[model].search_count([]), model)
        account = self.account
        self.assertEqual(account.state, 'draft')
        for name in ('lwa_client_id', 'lwa_client_secret', 'refresh_token', 'spapi_endpoint',
                     'lwa_endpoint'):
            self.assertFalse(account[name], name)
        self.assertFalse(self.env['amazon.order'].search_count([('payload', '!=', False)]))
        self.assertFalse(self.env['amazon.feed'].search_count([('content', '!=', False)]))
        self.assertFalse(self.env['amazon.shipment'].search_count([
            ('state', 'not in', ('confirmed', 'skipped')),
        ]))

    def test_a_copy_says_why_documents_are_not_here(self):
        self.env['account.chart.template'].try_loading(
            'generic_coa', company=self.company, install_demo=False,
        )
        invoice = self.env['account.move'].create({'move_type': 'out_invoice'})
        order = self.get_sale_order(self.order_mugs())
        document = self.env['amazon.settlement.document'].create({
            'connection_id': self.account.connection_id.id, 'report_ref': '77',
        })
        upload = self.env['amazon.invoice.upload'].create({
            'account_id': self.account.id, 'move_id': invoice.id, 'sale_order_id': order.id,
        })
        self.neutralize()
        self.assertEqual((document.state, upload.state), ('failed', 'skipped'))
        self.assertIn("before the database was copied", document.reason)
        self.assertIn("before the database was copied", upload.reason)

    def test_connections_that_are_made_in_a_copy_are_of_the_copy(self):
        self.env['ir.config_parameter'].set_param('database.is_neutralized', True)
        self.assertTrue(self.create_account().is_copy)

    def test_a_copy_on_a_server_without_the_key_has_a_key_of_its_own(self):
        self.neutralize()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(patch.dict(config.options, {'data_dir': folder}))
        self.env.registry.clear_cache('stable')
        self.connect_copy()
        self.assertEqual(self.account.state, 'connected')
        self.assertTrue(vault.get_key_file().is_relative_to(folder))
        self.assertEqual(len(vault.read_keys()), 1)

    def test_a_person_has_to_confirm_that_a_copy_may_act(self):
        self.neutralize()
        self.assertTrue(self.account.is_copy)
        with self.assertRaisesRegex(UserError, "copy"):
            self.press(self.account, 'action_connect')
        user = self.create_user('uma', 'amazon_connector.group_amazon_user')
        with self.assertRaises(AccessError):
            self.press(self.account.with_user(user), 'action_connect_copy')
        self.assertFalse(self.simulator.calls)
        self.connect_copy()
        self.assertFalse(self.account.is_copy)
        self.assertEqual(self.account.state, 'connected')


@tagged('post_install', '-at_install', 'attacks')
class TestAddresses(AmazonCase):
    """Where the credentials are sent to."""

    def test_only_a_system_administrator_decides_where_credentials_are_sent_to(self):
        admin = self.create_user('adam', ADMIN)
        for values in (
            {'environment': 'custom'},
            {'environment': 'sandbox'},
            {'spapi_endpoint': 'https://evil.example'},
            {'lwa_endpoint': 'https://evil.example'},
        ):
            for record in (self.account, self.account.connection_id):
                with (
                    self.subTest(record._name, **values),
                    self.assertRaisesRegex(AccessError, "system administrator|access the field"),
                ):
                    record.with_user(admin).write(values)
            with self.subTest('create', **values), self.assertRaises(AccessError):
                self.env['amazon.account'].with_user(admin).create({
                    'name': "Mine", 'seller_id': 'A2OTHER', **values,
                })
        accounts = self.env['amazon.account'].with_user(admin)
        accounts.create({'name': "Mine", 'seller_id': 'A2OTHER', 'environment': 'production'})
        evil = 'https://evil.example'
        for name, value in (
            ('environment', 'custom'), ('spapi_endpoint', evil), ('lwa_endpoint', evil),
        ):
            self.env['ir.default'].set('amazon.connection', name, value, user_id=admin.id)
        values = {'name': "Mine", 'seller_id': 'A2THIRD'}
        with self.assertRaises(AccessError):
            accounts.with_context(default_spapi_endpoint=evil).create(values)
        account = accounts.with_context(default_environment='custom').create(values).sudo()
        self.assertEqual(account.environment, 'production')
        self.assertFalse(account.spapi_endpoint or account.lwa_endpoint)
