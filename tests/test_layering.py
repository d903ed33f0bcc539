import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from odoo.tests import BaseCase, tagged

HOME = Path(__file__).parents[1]
HTTP_LIBRARIES = {
    'aiohttp', 'http', 'httpx', 'requests', 'socket', 'sp_api', 'spapi', 'urllib', 'urllib3',
    'werkzeug', 'xmlrpc',
}
# The package that brings a library, where it has another name.
PACKAGES = {'sp_api': 'python-amazon-sp-api'}
# Without which Odoo itself does not start.
ODOOS_OWN = {'babel', 'odoo', 'psycopg2'}
ODOO_ROOMS = ('controllers', 'models', 'wizards')
# What carries for all ways: a new one adds files and changes none of these.
BASE_MODULES = {
    'amazon/client.py', 'amazon/documents.py', 'amazon/endpoints.py', 'amazon/errors.py',
    'amazon/feeds.py', 'amazon/limits.py', 'amazon/local_numbers.py', 'amazon/oauth.py',
    'amazon/payload.py', 'amazon/reports.py', 'amazon/tables.py', 'amazon/texts.py',
    'amazon/wire.py', 'amazon/xml_feeds.py', 'models/activities.py', 'models/amazon_access_log.py',
    'models/amazon_access_token.py', 'models/amazon_account.py',
    'models/amazon_account_authorization.py', 'models/amazon_account_card.py',
    'models/amazon_account_marketplaces.py', 'models/amazon_account_renewals.py',
    'models/amazon_account_start.py', 'models/amazon_authorization.py', 'models/amazon_check.py',
    'models/amazon_check_connection.py', 'models/amazon_check_renewals.py',
    'models/amazon_check_setup.py', 'models/amazon_check_ways.py', 'models/amazon_connection.py',
    'models/amazon_connection_application.py', 'models/amazon_feed.py',
    'models/amazon_feed_mixin.py', 'models/amazon_job_mixin.py', 'models/amazon_outbox_mixin.py',
    'models/amazon_personal_data.py', 'models/amazon_queue_mixin.py', 'models/amazon_quota.py',
    'models/amazon_report.py', 'models/amazon_report_mixin.py', 'models/amazon_secret.py',
    'models/amazon_sync.py', 'models/amazon_sync_feeds.py', 'models/amazon_sync_mixin.py',
    'models/amazon_sync_reports.py', 'models/guard.py', 'models/quiet.py', 'models/res_company.py',
    'models/shapes.py', 'models/tools.py', 'models/vault.py', 'wizards/amazon_authorize.py',
    'wizards/amazon_enter_tokens.py', 'wizards/amazon_renew_secret.py',
    'wizards/amazon_split_account.py', 'wizards/amazon_support_report.py',
}
WAYS = ('cancellation', 'deliver', 'listing', 'offer', 'order', 'picking', 'sale', 'shipment')
WORDS = re.compile(r'[A-Z]?[a-z]+|[A-Z]+')


def parse(room):
    """Yield the name and the syntax tree of each module of a room of the house."""
    for path in sorted((HOME / room).rglob('*.py')):
        yield str(path.relative_to(HOME)), ast.parse(path.read_text(encoding='utf-8'))


def iterate_imports(module, tree):
    """Yield what a module imports, relative imports as the way from the checkout's root."""
    package = module.split('/')[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            base += node.module.split('.') if node.module else []
            yield from ('.'.join([*base, alias.name]) for alias in node.names)


def iterate_keys(tree):
    """Yield the texts by which something is looked up in a mapping."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield node.slice
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr in ('get', 'pop', 'setdefault')
        ):
            yield from node.args[:1]


def get_dependencies(room):
    """Return which other modules of a room each of its modules imports, by their dotted names."""
    trees = {
        module.removesuffix('.py').removesuffix('/__init__').replace('/', '.'): (module, tree)
        for module, tree in parse(room)
    }
    return {
        importer: {
            # What is imported is a module itself, or a name in one.
            name if name in trees else name.rpartition('.')[0]
            for name in iterate_imports(module, tree)
        } & trees.keys()
        for importer, (module, tree) in trees.items()
    }


def iterate_names(tree):
    """Yield the names in a syntax tree: identifiers, and texts without a blank, such as models."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if ' ' not in node.value:
                yield node.value
            continue
        for field, value in ast.iter_fields(node):
            if field in ('arg', 'asname', 'attr', 'id', 'module', 'name') and value:
                yield str(value)


def find_ways(tree):
    """Return the names in a syntax tree that speak of a way of the house."""
    return {
        name for name in iterate_names(tree)
        if name not in ('_order', 'order')  # in which Odoo sorts records
        and any(word.lower().startswith(WAYS) for word in WORDS.findall(name))
    }


def get_keys_of_amazon():
    """Return the keys that the simulator, the other reading of Amazon's models, writes.

    Those of one word are left out: Odoo has fields of the same names.
    """
    return {
        key.value
        for _module, tree in parse('simulator')
        for node in ast.walk(tree) if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
        and key.value[0].islower() and key.value != key.value.lower()
    }


@tagged('post_install', '-at_install')
class TestLayering(BaseCase):

    def assertNoImport(self, room, forbidden):
        modules = list(parse(room))
        self.assertTrue(modules)
        for module, tree in modules:
            roots = {name.split('.')[0] for name in iterate_imports(module, tree)}
            self.assertFalse(roots & forbidden, module)

    def test_amazons_side_does_not_know_odoo(self):
        self.assertNoImport('amazon', {'odoo', *ODOO_ROOMS})

    def test_amazons_side_speaks_http_by_the_library_that_odoos_tests_watch(self):
        self.assertNoImport('amazon', HTTP_LIBRARIES - {
            'http', 'requests', 'sp_api', 'urllib', 'urllib3',
        })

    def test_the_simulator_knows_neither_odoo_nor_our_reading_of_amazon(self):
        self.assertNoImport('simulator', {'odoo', 'amazon', *ODOO_ROOMS})

    def test_what_is_imported_is_declared(self):
        libraries = {
            name.split('.')[0]
            for room in ('amazon', *ODOO_ROOMS) for module, tree in parse(room)
            for name in iterate_imports(module, tree)
        } - {'amazon', *ODOO_ROOMS, *ODOOS_OWN} - sys.stdlib_module_names
        self.assertLessEqual({'requests', 'urllib3'}, libraries)
        packages = {PACKAGES.get(name, name) for name in libraries}
        manifest = ast.literal_eval((HOME / '__manifest__.py').read_text(encoding='utf-8'))
        declared = set(manifest['external_dependencies']['python'])
        self.assertLessEqual(packages, declared)
        requirements = (HOME / 'requirements.txt').read_text(encoding='utf-8')
        required = re.findall(r'^([\w-]+)[=<>]', requirements, re.MULTILINE)
        self.assertEqual(sorted(required), sorted(declared))

    def test_no_module_depends_on_itself(self):
        for room in ('amazon', 'models', 'simulator', 'wizards'):
            dependencies = get_dependencies(room)
            self.assertTrue(any(dependencies.values()), room)
            try:
                TopologicalSorter(dependencies).prepare()
            except CycleError as error:
                self.fail(f"They import each other: {', '.join(error.args[1])}")

    def test_odoos_side_speaks_no_http(self):
        rooms = [room for room in ODOO_ROOMS if (HOME / room).is_dir()]
        self.assertIn('models', rooms)
        for room in rooms:
            self.assertNoImport(room, HTTP_LIBRARIES | {'simulator'})

    def test_odoos_side_reads_no_key_of_amazons_json(self):
        keys = get_keys_of_amazon()
        self.assertLessEqual({'orderId', 'orderItems', 'fulfillmentStatus', 'grandTotal'}, keys)
        modules = [found for room in ODOO_ROOMS for found in parse(room)]
        self.assertTrue(modules)
        for module, tree in modules:
            read = {
                key.value for key in iterate_keys(tree)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
            self.assertFalse(read & keys, module)

    def test_what_carries_for_all_ways_names_none(self):
        modules = {
            module: tree for room in ('amazon', 'models', 'wizards') for module, tree in parse(room)
            if module in BASE_MODULES
        }
        self.assertEqual(set(modules), BASE_MODULES)
        for module, tree in modules.items():
            self.assertFalse(find_ways(tree), module)

    def test_the_base_depends_on_the_base_only(self):
        dependencies = get_dependencies('models')
        base = {
            module.removesuffix('.py').replace('/', '.') for module in BASE_MODULES
            if module.startswith('models/')
        }
        self.assertLess(base, dependencies.keys())
        for module in base:
            self.assertLessEqual(dependencies[module], base, module)

    def test_the_check_of_ways_finds_them(self):
        tree = ast.parse(
            'from .amazon_shipment import FEED_FROM as many\nfrom . import amazon_offer\n'
            'class AmazonOrder:\n    _order = "id"\n    sale_order_id = Many2one("sale.order")\n'
            '    def deliveries(self, pickings):\n        """Sell in order."""\n'
            '        self.search([], order="id").cancellation_ids\n'
            '        f(listing=self.border)\n',
        )
        self.assertEqual(find_ways(tree), {
            'amazon_shipment', 'amazon_offer', 'AmazonOrder', 'sale_order_id', 'sale.order',
            'deliveries', 'pickings', 'cancellation_ids', 'listing',
        })

    def test_the_check_of_imports_finds_them(self):
        tree = ast.parse(
            'import requests as r\nfrom http.client import HTTPConnection\nfrom ..amazon import x\n'
            'def f():\n    from . import y\n    return z.get("orderId") or z["proceeds"]\n',
        )
        self.assertEqual(
            set(iterate_imports('simulator/app.py', tree)),
            {'requests', 'http.client.HTTPConnection', 'amazon.x', 'simulator.y'},
        )
        self.assertEqual([ast.unparse(key) for key in iterate_keys(tree)],
                         ["'orderId'", "'proceeds'"])
