import json
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import config

from odoo.addons.amazon_connector.simulator import feed_processing
from odoo.addons.amazon_connector.simulator.errors import ApiError

from .common import ProcessCase

TOY = Path(__file__).with_name('amazon_toy')


def take_toy(_seller, message):
    """Let Amazon take a toy; return no warnings."""
    if message.text == 'Bomb':
        raise ApiError.invalid("That is no toy.")
    return []


def take_stock(_seller, message):
    """Let Amazon take a quantity; return no warnings."""
    if int(message.text) < 0:
        raise ApiError.invalid("Less than nothing.")
    return []


@tagged('post_install', '-at_install')
class TestToyWay(ProcessCase):
    """A way is added by adding files: here as an add-on of its own, so that it can change none."""

    def setUp(self):
        super().setUp()
        addons = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (addons / TOY.name).symlink_to(TOY)
        self.options = [f'--addons-path={",".join([*config["addons_path"], str(addons)])}']
        # What Amazon takes, the simulator takes.
        self.enterContext(patch.dict(feed_processing.FEED_TYPES, {
            'POST_TOYS': ('Toy', take_toy), 'POST_TOY_STOCK': ('Stock', take_stock),
        }))

    def test_a_way_is_added_without_changing_a_file(self):
        self.run_odoo(*self.options, '-i', TOY.name, '--stop-after-init')
        found = json.loads(self.play('play_with_toys', *self.options))
        # The sync
        self.assertIn('toys', found['ways'])
        self.assertTrue(found['sync']['cursor'] and found['sync']['last_success'])
        self.assertFalse(found['sync']['last_error'])
        self.assertIn("refresh token", found['interrupted']['toys'])
        self.assertFalse(found['interrupted']['orders'])
        # The outbox and its feed
        self.assertEqual(found['toys'], {
            'Duck': ['sent', False],
            'Bomb': ['failed', 'POST_TOYS: 18028: That is no toy.'],
            '': ['failed', 'Name: give the toy one.'],
        })
        self.assertIn(['Toys', 'done'], found['feeds'])
        self.assertIn("told: 3 toys", found['archived'])
        # The level, whose last value counts
        self.assertIn(['Toy Stock', 'done'], found['feeds'])
        self.assertEqual(found['stock'][0], [7, 7, None])
        self.assertEqual(found['stock'][1][2], 'Less than nothing.')
        # The card, the form and the check
        self.assertEqual(found['figure'], 1)
        self.assertIn('toy_count', found['kanban'])
        self.assertIn('sells_toys', found['form'])
        self.assertEqual(found['problems'], "Toys: there are none to play with.")
        # The check-up
        self.assertEqual(found['checks']['toys'], 'error')
        self.assertEqual(found['checks']['way_toys'], 'ok')
        self.assertEqual(found['mended'], ['ok', True])
