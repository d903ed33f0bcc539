import ast
from pathlib import Path

from odoo.tests import BaseCase, tagged

HOME = Path(__file__).parents[1]
HTTP_LIBRARIES = {
    'aiohttp', 'http', 'httpx', 'requests', 'socket', 'sp_api', 'spapi', 'urllib', 'urllib3',
    'werkzeug', 'xmlrpc',
}
ODOO_ROOMS = ('controllers', 'models', 'wizards')


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

    def test_odoos_side_speaks_no_http(self):
        for room in ODOO_ROOMS:
            if (HOME / room).is_dir():
                self.assertNoImport(room, HTTP_LIBRARIES | {'simulator'})

    def test_odoos_side_reads_no_key_of_amazons_json(self):
        keys = get_keys_of_amazon()
        self.assertLessEqual({'orderId', 'orderItems', 'fulfillmentStatus', 'grandTotal'}, keys)
        for room in ODOO_ROOMS:
            for module, tree in parse(room):
                read = {
                    key.value for key in iterate_keys(tree)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
                self.assertFalse(read & keys, module)

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
