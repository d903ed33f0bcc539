import re
from pathlib import Path

from odoo.tests import BaseCase, tagged
from odoo.tools.translate import PoFileReader

from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase, MoneyCase, TourCase

HOME = Path(__file__).parents[1]
LANGUAGES = ('es', 'ro')
PLACEHOLDER = re.compile(r'%\(\w+\)[sd]|%[sd%]')
ELEMENT = re.compile(r'</?\w+|(?:class|name|t-\w+)="[^"]*"')


@tagged('post_install', '-at_install')
class TestTranslations(BaseCase):
    """Every term is translated, so that nobody meets two languages on one screen."""

    def read_file(self, name):
        """Return the translations of a file by their terms, and the lines that are marked fuzzy."""
        path = HOME / 'i18n' / name
        with path.open('rb') as file:
            rows = [row for row in PoFileReader(file) if row['type'] != 'code' or row['src']]
        fuzzy = [line for line in path.read_text().splitlines() if line.startswith('#, fuzzy')]
        return {row['src']: row['value'] for row in rows}, fuzzy

    def test_every_term_is_translated(self):
        terms, _fuzzy = self.read_file('amazon_connector.pot')
        self.assertTrue(terms)
        for language in LANGUAGES:
            translations, fuzzy = self.read_file(f'{language}.po')
            with self.subTest(language):
                self.assertFalse(fuzzy)
                self.assertFalse(terms.keys() - translations.keys())
                self.assertFalse(translations.keys() - terms.keys())
                self.assertFalse([term for term in terms if not (translations[term] or '').strip()])

    def test_what_is_filled_in_is_there_in_each_language(self):
        for language in LANGUAGES:
            translations, _fuzzy = self.read_file(f'{language}.po')
            for term, translation in translations.items():
                with self.subTest(language, term=term):
                    for pattern in (PLACEHOLDER, ELEMENT):
                        self.assertEqual(
                            sorted(pattern.findall(translation)), sorted(pattern.findall(term)),
                        )


@tagged('post_install', '-at_install')
class TestLanguageOfPeople(AmazonCase):
    """What a cron has to say, it says in the language of the person in charge."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['res.lang']._activate_lang('es_ES')
        cls.env['ir.module.module']._load_module_terms(['amazon_connector'], ['es_ES'])
        user = cls.create_user('juan')
        user.lang = 'es_ES'
        cls.account.user_id = user

    def run_as_a_cron(self, name):
        self.env = self.env(context={
            key: value for key, value in self.env.context.items() if key != 'lang'
        })
        self.run_cron(name)

    def test_an_order_that_needs_attention(self):
        self.account.only_matched_products = True
        order = self.seller.place_order('DE', 'FBM', [Item('UNKNOWN')])
        self.sync(self.account.with_context(lang='en_US'))
        english = self.get_inbox(order).reason
        order = self.seller.place_order('DE', 'FBM', [Item('UNKNOWN')])
        self.run_as_a_cron('fetch_orders')
        self.run_as_a_cron('import_orders')
        reason = self.get_inbox(order).reason
        self.assertIn('UNKNOWN', reason)
        self.assertNotEqual(reason, english)

    def test_amazon_out_of_order(self):
        self.simulator.arm('unavailable', operation='searchOrders', times=None)
        self.sync(self.account.with_context(lang='en_US'))
        english = self.account.last_error
        self.run_as_a_cron('fetch_orders')
        self.assertIn("Amazon", self.account.last_error)
        self.assertNotEqual(self.account.last_error, english)


@tagged('post_install', '-at_install')
class TestScreensInLanguages(MoneyCase, TourCase):
    """The main screens, once through in each language."""

    def read_in(self, code):
        self.env['res.lang']._activate_lang(code)
        self.env['ir.module.module'].search([
            ('state', '=', 'installed'),
        ])._update_translations([code])
        self.create_product('KETTLE')
        user = self.create_user(
            'lea', 'base.group_system', 'amazon_connector.group_amazon_admin',
            'sales_team.group_sale_manager', 'stock.group_stock_manager',
            'account.group_account_manager', 'account.group_account_user',
        )
        user.lang = code
        account = self.account.with_context(lang=code)
        self.seller.place_order('DE', 'FBM', [Item('KETTLE', '24.89')])
        self.sync(account)
        # The accounts are called in the language of whoever presses the button.
        account.ledger_ids.unlink()
        account.action_set_up_accounting()
        self.sell(Item('MUG', '12.99'))
        self.assertEqual(self.settle().state, 'booked')
        self.press(account, 'action_check')
        self.start_tour(self.OVERVIEW, 'amazon_read_main_screens', login='lea')

    def test_spanish(self):
        self.read_in('es_ES')

    def test_romanian(self):
        self.read_in('ro_RO')
