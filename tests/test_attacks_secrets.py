import logging
import os
import shutil
import stat
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import config

from odoo.addons.amazon_connector.models import vault
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER, Buyer

from .common import AmazonCase, AttackCase, ProcessCase

ADMIN = 'amazon_connector.group_amazon_admin'
SECRETS = (DEFAULT_SELLER.client_secret, DEFAULT_SELLER.refresh_token)
BUYER = "Wilhelmine Heimlich"  # as in `processes.py`
TOKEN = 'Atza|'  # what the simulator's access tokens begin with


class Listener(logging.Handler):
    """Keeps all that is logged."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))


@tagged('post_install', '-at_install', 'attacks')
class TestRefusedValues(AttackCase):
    """What is refused is said in a sentence: neither browser nor log get to see a row."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.create_user('adam', ADMIN)

    def setUp(self):
        super().setUp()
        self.listener = Listener()
        logger = logging.getLogger()
        logger.addHandler(self.listener)
        self.addCleanup(logger.removeHandler, self.listener)
        calls = logging.getLogger('odoo.service.model')
        self.addCleanup(calls.setLevel, calls.level)
        calls.setLevel(logging.DEBUG)  # as `--log-level=debug` does

    def test_values_that_are_refused_print_no_secret(self):
        ids = self.account.ids
        for values, word in (
            ({'payload_days': 31}, "Keep Amazon's Data"),
            ({'payload_days': 0}, "Keep Amazon's Data"),
            ({'payload_days': -(2 ** 31)}, "Keep Amazon's Data"),
            ({'name': ''}, "Name"),
            ({'name': False}, "Name"),
            ({'name': ' '}, "Name"),
            ({'seller_id': False}, "Seller ID"),
            ({'region': False}, "Region"),
            ({'warehouse_id': False}, "Warehouse"),
        ):
            with self.subTest(**values):
                refused = self.assertRefused('write', ids, values)
                self.assertIn(word, refused.sent)
        self.assertRefused('create', {
            'name': False, 'seller_id': 'A2OTHER',
            'lwa_client_secret': SECRETS[0], 'refresh_token': SECRETS[1],
        })
        self.assertRefused('write', ids, {
            'lwa_client_secret': 'a new one', 'payload_days': 31,
        })
        self.press(self.account, 'action_connect')
        self.assertEqual(self.account.state, 'connected')

    def test_secrets_that_are_entered_are_in_no_log(self):
        self.rpc(self.admin, 'amazon.account', 'write', self.account.ids, {'name': "Logged"})
        self.assertIn("Logged", '\n'.join(self.listener.texts))
        for name in ('lwa_client_secret', 'refresh_token'):
            self.rpc(self.admin, 'amazon.account', 'write', self.account.ids, {name: 'unlogged'})
        self.assertNotIn('unlogged', '\n'.join(self.listener.texts))

    def assertRefused(self, method, *args):
        """Check that something is refused in a sentence that tells no secret, nor does the log."""
        self.listener.texts.clear()
        refused = self.assertDenied(
            self.admin, 'amazon.account', method, *args, error='ValidationError',
        )
        for text in (refused.sent, *self.listener.texts):
            for secret in (*SECRETS, 'a new one'):
                self.assertNotIn(secret, text)
        return refused

    def test_no_table_holds_a_secret_a_token_or_what_amazon_sent(self):
        order = self.seller.place_order(buyer=Buyer(BUYER))
        self.account.only_matched_products = True
        self.sync()
        inbox = self.get_inbox(order)
        self.assertIn(BUYER, inbox.payload)
        self.env.flush_all()
        for table, word in (
            ('amazon_secret', 'refresh_token'),
            ('amazon_access_token', ''),
            ('amazon_connection', DEFAULT_SELLER.seller_id),
            ('amazon_account', self.account.name),
            ('amazon_order', order.order_id),
        ):
            self.env.cr.execute(f'SELECT t::text FROM {table} AS t')
            text = '\n'.join(row for [row] in self.env.cr.fetchall())
            with self.subTest(table):
                self.assertIn(word, text)
                self.assertTrue(text)
                for secret in (*SECRETS, TOKEN, BUYER):
                    self.assertNotIn(secret, text)


@tagged('post_install', '-at_install', 'attacks')
class TestKey(AmazonCase):
    """Without its key the connection stops with a sentence, and nothing is lost."""

    def use_key(self, key):
        """Let the operator give a key."""
        self.enterContext(patch.dict(config.options, {vault.OPTION: key}))

    def test_another_key_stops_the_connection_and_loses_nothing(self):
        first = self.seller.place_order()
        self.sync()
        second = self.seller.place_order()
        self.run_cron('fetch_orders')
        with patch.dict(config.options, {vault.OPTION: vault.generate_key()}):
            for press in ('action_sync_orders', 'action_connect'):
                with self.subTest(press):
                    self.press_or_hear(press)
            self.assertEqual(self.account.state, 'error')
            self.assertIn("amazon_connector_key", self.account.reason)
            self.run_cron('import_orders')
            self.run_cron('fetch_orders')
            with self.assertRaises(vault.KeyUnusable):
                self.account.refresh_token = 'Atzr|a-new-one'
        inbox = self.get_inbox(second)
        self.assertEqual((inbox.state, inbox.attempts), ('to_do', 0))
        self.assertIn(first.order_id, self.get_inbox(first).payload)
        self.connect(self.account)
        self.assertEqual(self.account.state, 'connected')
        self.sync()
        self.assertEqual(self.get_inbox(second).state, 'done')

    def press_or_hear(self, action):
        """Press a button of the account, whether it answers or refuses."""
        try:
            self.press(self.account, action)
        except UserError as error:
            self.assertIn("amazon_connector_key", str(error))

    def test_a_missing_key_is_not_replaced_by_a_new_one(self):
        self.assertTrue(self.account.connection_id._get_secrets())
        with tempfile.TemporaryDirectory() as folder, patch.dict(
            config.options, {'data_dir': folder, vault.OPTION: ''},
        ):
            self.env.invalidate_all()
            self.press(self.env['amazon.secret'], '_begin')
            with self.assertRaisesRegex(vault.KeyUnusable, "missing"):
                self.account.connection_id._get_secrets()
            self.assertFalse(os.listdir(folder))

    def test_a_key_that_is_none_is_named(self):
        self.use_key('not-a-key')
        with self.assertRaisesRegex(vault.KeyUnusable, "Base64"):
            self.account.connection_id._get_secrets()

    def test_the_environment_comes_before_the_configuration_and_that_before_the_file(self):
        [filed] = vault.read_keys()[:1]
        self.use_key('configured, former')
        self.assertEqual(vault.read_keys(), ('configured', 'former'))
        self.enterContext(patch.dict(os.environ, {vault.VARIABLE: filed}))
        self.assertEqual(vault.read_keys(), (filed,))

    def test_the_file_is_made_once_and_for_the_server_alone(self):
        with tempfile.TemporaryDirectory() as folder, patch.dict(
            config.options, {'data_dir': folder},
        ):
            vault.make_key_file()
            keys = vault.read_keys()
            vault.make_key_file()
            self.assertEqual(vault.read_keys(), keys)
            self.assertEqual(len(keys), 1)
            vault.write_keys([*keys, 'another'])
            self.assertEqual(os.listdir(folder), [vault.get_key_file().name])
            self.assertEqual(stat.S_IMODE(vault.get_key_file().stat().st_mode), 0o600)

    def test_what_is_encrypted_twice_looks_different_and_what_was_touched_is_refused(self):
        first, second = (vault.encrypt(self.env, BUYER) for _time in range(2))
        self.assertNotEqual(first, second)
        self.assertEqual(vault.decrypt(self.env, second), BUYER)
        with self.assertRaises(vault.KeyUnusable):
            vault.decrypt(self.env, first[:-5] + ('A' if first[-5] != 'A' else 'B') + first[-4:])


@tagged('post_install', '-at_install', 'attacks')
class TestSecretsInProcesses(ProcessCase):
    """Real processes, whose logs and database are searched afterwards."""

    def test_a_token_is_fetched_once_for_all_workers(self):
        self.play('share_the_token', log_level='debug')
        operations = [call.operation for call in self.simulator.calls]
        self.assertEqual(operations.count('getMarketplaceParticipations'), 4)
        self.assertEqual(operations.count('lwa'), 1)
        self.assertNotIn(TOKEN, self.log)

    def test_a_day_of_failures_leaves_no_secret_and_no_buyer_in_database_and_log(self):
        self.play('suffer', log_level='debug')
        self.assertTrue(self.query("SELECT 1 FROM amazon_order WHERE state = 'failed'"))
        dump = self.dump()
        self.assertIn(DEFAULT_SELLER.seller_id, dump)
        for word in (*SECRETS, 'renewed-by-two', TOKEN, 'Heimlich', 'heimlich77'):
            with self.subTest(word):
                self.assertNotIn(word, dump)
                self.assertNotIn(word, self.log)
        self.assertIn('searchOrders', self.log)

    def test_the_key_is_changed_by_a_command(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copy(vault.get_key_file(), folder)
        [former] = vault.read_keys()
        self.play('share_the_token', f'--data-dir={folder}')
        before = self.query("SELECT name, value FROM amazon_secret ORDER BY id")
        options = ('-D', str(folder))
        self.assertIn("values encrypted anew", self.run_odoo('amazon_key', 'rotate', *options))
        self.assertIn("are dropped", self.run_odoo('amazon_key', 'forget', *options))
        with patch.dict(config.options, {'data_dir': str(folder)}):
            [key] = vault.read_keys()
        self.assertNotEqual(key, former)
        after = self.query("SELECT name, value FROM amazon_secret ORDER BY id")
        self.assertEqual([name for name, _value in after], [name for name, _value in before])
        self.assertFalse({value for _name, value in before} & {value for _name, value in after})
        self.assertIn("the key fits", self.run_odoo('amazon_key', 'show', *options))
        # The former key alone opens nothing any more; what it can't open can be given up.
        shutil.copy(vault.get_key_file(), folder)
        self.assertIn("another one", self.run_odoo('amazon_key', 'show', *options))
        self.assertRegex(
            self.run_odoo('amazon_key', 'reset', *options), r"[1-9]\d* values forgotten",
        )
        self.assertIn("the key fits", self.run_odoo('amazon_key', 'show', *options))
        self.assertFalse(self.query("SELECT 1 FROM amazon_secret"))

