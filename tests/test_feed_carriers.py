import json
from types import SimpleNamespace
from unittest.mock import patch

from odoo import fields, models
from odoo.tests import TransactionCase, tagged

from odoo.addons.amazon_connector.amazon import feeds

from .common import AmazonCase

LEVEL = 'amazon.test.level'


class Level(models.Model):
    """A level as the contract of `amazon.feed.mixin` wants it, and nothing besides."""

    _name = LEVEL
    _description = "Level"
    _inherit = ['amazon.feed.mixin']
    _module = None  # in no registry but the test's

    _feed_type = 'POST_LEVELS'
    _feed_content_type = 'application/json'

    account_id = fields.Many2one('amazon.account', required=True)
    value = fields.Integer()
    told = fields.Integer()
    trouble = fields.Char()

    def _get_feed_label(self):
        return "Levels"

    def _get_marketplaces(self):
        return self.account_id.synced_marketplace_ids

    def _put_due_in_feeds(self, account):
        levels = self.search([('account_id', '=', account.id), ('feed_id', '=', False)])
        levels.filtered(lambda level: level.told != level.value)._put_in_feed()

    def _build_message(self):
        if self.value < 0:
            raise ValueError("Less than nothing")
        return self.value

    def _build_feed(self, account, messages):
        return json.dumps([account.seller_id, *messages]).encode()

    def _mark_failed(self, exception):
        self.trouble = str(exception)

    def _mark_in_feed(self, feed, number, message):
        super()._mark_in_feed(feed, number, message)
        self.told = message

    def _parse_report(self, content):
        return SimpleNamespace(seller_id='', refused=json.loads(content))

    def _take_report(self, report, message_count):
        for level in self:
            level.trouble = f'{level.feed_message}/{message_count}'
        self.filtered(lambda level: level.feed_message in report.refused).told = 0
        self.feed_id = False

    def _mark_unknown(self, reason):
        self.write({'told': 0, 'feed_id': False, 'trouble': reason})


@tagged('post_install', '-at_install')
class TestCarriers(TransactionCase):
    """Feeds and outboxes find their ways by themselves."""

    def test_carriers_are_found_with_what_people_call_them(self):
        self.assertEqual(
            dict(self.env['amazon.feed']._fields['type']._description_selection(self.env)),
            {'amazon.shipment': "Shipments", 'amazon.cancellation': "Cancellations"},
        )

    def test_each_carrier_has_a_type_of_amazons_and_says_how_its_feeds_are_written(self):
        for carrier in self.env['amazon.feed']._get_carriers():
            with self.subTest(carrier):
                self.assertTrue(self.env[carrier]._feed_type)
                self.assertTrue(self.env[carrier]._feed_content_type)

    def test_outboxes_are_found(self):
        self.assertEqual(
            set(self.env['amazon.outbox.mixin']._get_outboxes()),
            {'amazon.shipment', 'amazon.cancellation'},
        )


@tagged('post_install', '-at_install')
class TestLevels(AmazonCase):
    """A feed carries what is no message: it has no state, is in no outbox, and counts by its last
    value.
    """

    @classmethod
    def setUpClass(cls):
        # Here, as in Odoo's own tests: nothing but tests may know it.
        from odoo.orm.model_classes import add_to_registry
        super().setUpClass()
        add_to_registry(cls.registry, Level)
        cls.addClassCleanup(cls.forget_level)
        cls.registry._setup_models__(cls.env.cr, [LEVEL])
        cls.registry.init_models(cls.env.cr, [LEVEL], {'module': 'amazon_connector'})

    @classmethod
    def forget_level(cls):
        del cls.registry[LEVEL]
        cls.registry._setup_models__(cls.env.cr, [])

    def setUp(self):
        super().setUp()
        self.levels = self.env[LEVEL].create([
            {'account_id': self.account.id, 'value': value} for value in (3, -1, 5)
        ])

    def fill(self):
        self.press(self.env['amazon.feed'], '_fill', self.account)
        return self.env['amazon.feed'].search([('type', '=', LEVEL)], limit=1)

    def process(self, feed, status='DONE', report=b'[]'):
        """Let Amazon work through a feed at once; return what it was told."""
        told = []
        with patch.multiple(
            feeds,
            upload_document=lambda _client, *document: told.append(document) or 'D1',
            create_feed=lambda _client, feed_type, *_details: told.append(feed_type) or 'F1',
            fetch_feed=lambda _client, feed_ref: feeds.Feed(feed_ref, status, 'R1'),
            fetch_document=lambda _client, _document_ref: report,
        ):
            self.press(feed, '_process', None)
            self.press(feed, '_process', None)
        return told

    def test_values_go_in_one_feed_and_what_amazon_refuses_goes_in_the_next(self):
        feed = self.fill()
        self.assertRegex(feed.display_name, "^Levels ")
        self.assertEqual(self.levels.mapped('trouble'), [False, "Less than nothing", False])
        self.assertFalse(self.fill() - feed)
        content = json.dumps([self.account.seller_id, 3, 5]).encode()
        self.assertEqual(
            self.process(feed, report=b'[2]'), [(content, 'application/json'), 'POST_LEVELS'],
        )
        self.assertEqual(feed.state, 'done')
        self.assertEqual(self.levels.mapped('told'), [3, 0, 0])
        self.assertEqual(self.levels[2].trouble, '2/2')
        again = self.fill()
        self.assertEqual(again.message_count, 1)
        self.assertEqual(self.levels.mapped('feed_id'), again)

    def test_a_feed_that_is_given_up_says_so_to_what_it_carried(self):
        feed = self.fill()
        self.process(feed, status='FATAL')
        self.assertEqual(feed.state, 'failed')
        self.assertFalse(self.levels.feed_id)
        self.assertRegex(self.levels[0].trouble, "without a report: FATAL")
