import json
import logging
from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged
from odoo.tools import SQL, html2plaintext

from odoo.addons.amazon_connector.amazon.listings import PATCH_OPERATION, SEARCH_OPERATION
from odoo.addons.amazon_connector.models.guard import as_connector

from .common import AmazonCase, ProcessCase

MARKETPLACES = {'DE': 'Amazon.de', 'FR': 'Amazon.fr', 'GB': 'Amazon.co.uk', 'JP': 'Amazon.co.jp'}
QUIET = 'odoo.addons.amazon_connector.models.quiet'
CURRENCIES = {'DE': 'EUR', 'FR': 'EUR', 'GB': 'GBP', 'JP': 'JPY'}


def get_now():
    return fields.Datetime.now()


class PricesCase(AmazonCase):
    """An account whose price list is in euros, and some listings."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pricelist = cls.create_pricelist("Marketplaces", 'EUR')
        cls.account.pricelist_id = cls.pricelist
        cls.mug = cls.create_product('MUG')
        cls.bowl = cls.create_product('BOWL')
        cls.admin = cls.create_user('adele', 'amazon_connector.group_amazon_admin')
        cls.user = cls.create_user('ursula', 'amazon_connector.group_amazon_user')

    @classmethod
    def create_pricelist(cls, name, currency):
        return cls.env['product.pricelist'].create({
            'name': name,
            'currency_id': cls.env.ref(f'base.{currency}').id,
            'company_id': cls.company.id,
        })

    def add_offer(self, product=None, marketplace='DE', price='10.00', **values):
        """Let Amazon list something, and Odoo know it."""
        product = product or self.mug
        sku = values.pop('sku', product.default_code)
        self.seller.add_listing(sku, marketplace, price=price, quantity=5)
        return self.env['amazon.offer'].create({
            'account_id': self.account.id,
            'marketplace_id': self.get_marketplace(marketplace).id,
            'sku': sku,
            'product_id': product.id,
            'channel': 'fbm',
            'amazon_price': float(price),
            'currency_id': self.env.ref(f'base.{CURRENCIES[marketplace]}').id,
            **values,
        })

    def get_marketplace(self, country):
        return self.env['amazon.marketplace'].search([('name', '=', MARKETPLACES[country])])

    def set_price(self, price, product=None, pricelist=None, **values):
        """Let a price list say what a product costs."""
        return self.env['product.pricelist.item'].create({
            'pricelist_id': (pricelist or self.pricelist).id,
            'applied_on': '0_product_variant',
            'product_id': (product or self.mug).id,
            'compute_price': 'fixed',
            'fixed_price': price,
            **values,
        })

    def get_items(self, pricelist=None, product=None):
        items = self.env['product.pricelist.item'].search([
            ('pricelist_id', '=', (pricelist or self.pricelist).id),
        ], order='id')
        return items.filtered(lambda item: not product or item.product_id == product)


@tagged('post_install', '-at_install')
class TestPricesIntoPricelist(PricesCase):
    """Amazon's prices in Odoo's price lists."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.prices_into_pricelist = True

    def test_it_is_off_by_default(self):
        self.account.prices_into_pricelist = False
        offer = self.add_offer()
        offer._follow_import()
        self.assertFalse(self.get_items())
        self.assertFalse(offer.pricelist_reason)
        self.assertFalse(self.env['amazon.account'].new({}).prices_into_pricelist)

    def test_an_import_puts_one_fixed_price_for_each_product_into_the_price_list(self):
        offers = self.add_offer() | self.add_offer(self.bowl, price='7.50', channel='fba')
        offers._follow_import()
        items = self.get_items()
        self.assertEqual(
            {item.product_id: (item.compute_price, item.fixed_price, item.min_quantity)
             for item in items},
            {self.mug: ('fixed', 10, 0), self.bowl: ('fixed', 7.5, 0)},
        )
        self.assertEqual(self.pricelist._get_product_price(self.mug, 1), 10)
        self.assertFalse(any(offers.mapped('pricelist_reason')))

    def test_a_changed_price_updates_it_and_the_others_stay(self):
        volume = self.set_price(8, min_quantity=10)
        summer = self.set_price(9, date_start='2020-06-01', date_end='2020-08-31')
        others = self.set_price(3, self.bowl) | self.set_price(99, applied_on='3_global')
        offer = self.add_offer(price='12.00')
        offer._follow_import()
        item = self.get_items().filtered('amazon_is_imported')
        self.assertEqual(item.fixed_price, 12)
        offer.amazon_price = 10
        offer._follow_import()
        self.assertEqual(item.fixed_price, 10)
        self.assertEqual((volume.fixed_price, summer.fixed_price), (8, 9))
        self.assertEqual(others.mapped('fixed_price'), [3, 99])
        self.assertEqual(len(self.get_items()), 5)
        written = item.write_date
        with freeze_time(get_now() + timedelta(hours=1)):
            offer._follow_import()
            self.env.flush_all()
            self.assertEqual(item.write_date, written, "What is equal is not written")

    def test_a_fixed_price_that_a_person_entered_stays(self):
        for values in (
            {}, {'min_quantity': 1},
            {'applied_on': '1_product', 'product_tmpl_id': self.mug.product_tmpl_id.id},
        ):
            with self.subTest(values):
                self.get_items().unlink()
                own = self.set_price(12, **values)
                offer = self.add_offer(sku=f'MUG {len(values)}')
                offer._follow_import()
                self.assertEqual(self.get_items(), own)
                self.assertEqual(own.fixed_price, 12)
                self.assertRegex(
                    offer.pricelist_reason.replace('\N{NO-BREAK SPACE}', ' '),
                    r"Marketplaces has a fixed price .* 12\.00 €, .* press Import Listings",
                )
                offer.unlink()

    def test_what_a_person_changes_in_the_rule_of_the_connector_is_updated(self):
        offer = self.add_offer()
        offer._follow_import()
        item = self.get_items()
        item.with_user(self.create_user('manuela', 'sales_team.group_sale_manager')).write({
            'fixed_price': 12, 'min_quantity': 1,
        })
        offer._follow_import()
        self.assertEqual(self.get_items(), item)
        self.assertEqual(item.fixed_price, 10)
        self.assertFalse(offer.pricelist_reason)

    def test_people_can_make_no_rule_the_one_of_the_connector(self):
        self.add_offer()._follow_import()
        item = self.get_items()
        self.assertTrue(item.amazon_is_imported)
        self.assertFalse(item.copy().amazon_is_imported)
        own = self.set_price(3, self.bowl)
        with self.assertRaises(AccessError):
            own.with_user(self.admin).sudo().amazon_is_imported = True
        with self.assertRaises(AccessError):
            self.set_price(3, self.bowl, amazon_is_imported=True)

    def test_each_currency_has_its_price_list(self):
        self.account.synced_marketplace_ids |= self.get_marketplace('GB')
        offers = self.add_offer() | self.add_offer(marketplace='GB', price='9.00')
        offers._follow_import()
        pounds = self.env['product.pricelist'].search([
            ('name', '=', 'Amazon GBP'), ('company_id', '=', self.company.id),
        ])
        self.assertEqual(self.get_items(pounds).fixed_price, 9)
        self.assertEqual(self.get_items().fixed_price, 10)

    def test_a_pack_is_divided_and_single_pieces_come_first(self):
        pack = self.add_offer(sku='MUG-3', price='27.00', pack_size=3)
        pack._follow_import()
        self.assertEqual(self.get_items().fixed_price, 9)
        single = self.add_offer()
        (pack | single)._follow_import()
        self.assertEqual(self.get_items().fixed_price, 10)
        pack._follow_import()
        self.assertEqual(self.get_items().fixed_price, 10, "Whichever was read")
        self.assertIn("MUG on Amazon.de", pack.pricelist_reason)

    def test_of_several_marketplaces_the_first_one_counts(self):
        self.account.synced_marketplace_ids |= self.get_marketplace('FR')
        first, second = sorted(
            (self.get_marketplace(country) for country in ('DE', 'FR')), key=lambda m: m.id,
        )
        names = {marketplace: country for country, marketplace in (
            (country, self.get_marketplace(country)) for country in ('DE', 'FR')
        )}
        later = self.add_offer(marketplace=names[second], price='11.00')
        earlier = self.add_offer(marketplace=names[first], price='12.00')
        later._follow_import()
        self.assertEqual(self.get_items().fixed_price, 12)
        self.account.synced_marketplace_ids -= first
        (later | earlier)._follow_import()
        self.assertEqual(self.get_items().fixed_price, 11)

    def test_what_has_no_price_or_product_is_left_out_and_says_why(self):
        unmatched = self.add_offer(sku='X', product_id=False)
        gone = self.add_offer(sku='GONE', is_gone=True)
        unpriced = self.add_offer(self.bowl, amazon_price=0)
        inactive = self.env.ref('base.SEK')
        inactive.active = False
        foreign = self.add_offer(sku='SEK', currency_id=inactive.id)
        offers = unmatched | gone | unpriced | foreign
        offers._follow_import()
        self.assertFalse(self.get_items())
        for offer, words in (
            (unmatched, "Choose the product"), (gone, "not listed"),
            (unpriced, "not known"), (foreign, "activate SEK"),
        ):
            self.assertIn(words, offer.pricelist_reason)

    def test_a_later_match_takes_the_price_over_without_rights_on_price_lists(self):
        offer = self.add_offer(sku='X', product_id=False)
        offer._follow_import()
        offer.with_user(self.user).product_id = self.mug
        self.assertEqual(self.get_items().fixed_price, 10)

    def test_where_prices_are_pushed_the_price_list_leads(self):
        offer = self.add_offer(price='12.00')
        offer._follow_import()
        item = self.get_items()
        self.account.price_push = 'preview'
        offer.amazon_price = 10
        (offer | self.add_offer(self.bowl, price='7.50'))._follow_import()
        self.assertEqual(item.fixed_price, 12)
        self.assertEqual(self.get_items(product=self.bowl).fixed_price, 7.5)

    def test_many_take_few_statements(self):
        products = self.env['product.product'].create([
            {'name': f'Product {number}'} for number in range(60)
        ])
        offers = self.env['amazon.offer'].create([{
            'account_id': self.account.id,
            'marketplace_id': self.get_marketplace('DE').id,
            'sku': f'SKU-{product.id}',
            'product_id': product.id,
            'amazon_price': 5,
            'currency_id': self.env.ref('base.EUR').id,
        } for product in products])
        few = self.count_statements(offers[:5])
        many = self.count_statements(offers[5:])
        self.assertLess(many, few + 20)
        self.assertEqual(len(self.get_items()), 60)

    def count_statements(self, offers):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        offers._take_prices_over()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before


class PushCase(PricesCase):
    """An account that tells Amazon the prices of its price list."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.price_push = 'on'

    def push(self, account=None):
        """Press Sync Prices and return what the notification says."""
        return self.press(account or self.account, 'action_sync_prices')['params']['message']

    def get_listed(self, sku='MUG', marketplace='DE'):
        """Return the price that buyers see."""
        return float(self.seller.find_listing(sku, marketplace).price or 0)

    def get_history(self, offer):
        return html2plaintext(' '.join(offer.message_ids.sorted('id').mapped('body'))).replace(
            '\N{NO-BREAK SPACE}', ' ',
        )

    def run_at(self, **later):
        """Run the cron some time from now."""
        with freeze_time(get_now() + timedelta(**later)):
            self.run_cron('send_prices')

    def assertPrice(self, offer, state, listed=None, reason=None):
        """Check what became of an offer's price, what the reason says, and what buyers see."""
        self.assertEqual(offer.price_state, state, offer.price_reason)
        if reason:
            self.assertRegex((offer.price_reason or '').replace('\N{NO-BREAK SPACE}', ' '), reason)
        else:
            self.assertFalse(offer.price_reason)
        if listed is not None:
            country = next(c for c, name in MARKETPLACES.items() if (
                name == offer.marketplace_id.name
            ))
            self.assertEqual(self.get_listed(offer.sku, country), listed)


@tagged('post_install', '-at_install')
class TestPricePush(PushCase):
    """What is sent, and when."""

    def test_a_difference_is_sent_and_read_back(self):
        offer, same = self.add_offer(), self.add_offer(self.bowl, price='7.50')
        self.set_price(11)
        self.set_price(7.5, self.bowl)
        self.assertIn("1 sent", self.push())
        self.assertPrice(offer, 'sent', 11)
        self.assertPrice(same, 'in_sync', 7.5)
        self.assertEqual((offer.price_sent, offer.price_target), (11, 11))
        self.assertEqual(self.count_calls(PATCH_OPERATION), 1)
        self.assertRegex(self.get_history(offer), r"10\.00 € → 11\.00 €")
        self.run_at(minutes=6)
        self.assertPrice(offer, 'in_sync', 11)
        self.assertEqual(offer.amazon_price, 11)
        self.assertEqual(self.count_calls(SEARCH_OPERATION), 1)
        self.run_at(hours=2)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 1)

    def test_it_is_off_by_default_and_sends_nothing(self):
        self.assertEqual(self.env['amazon.account'].new({}).price_push, 'off')
        self.account.price_push = 'off'
        offer = self.add_offer()
        self.set_price(11)
        with self.assertRaisesRegex(UserError, "Price Push is off"):
            self.push()
        self.run_cron('send_prices')
        self.assertPrice(offer, False, 10)

    def test_preview_shows_what_would_be_sent_and_sends_nothing(self):
        self.account.price_push = 'preview'
        offer, other = self.add_offer(), self.add_offer(self.bowl)
        self.set_price(11)
        self.set_price(100, self.bowl)
        self.assertRegex(self.push(), "1 held, 1 would be sent")
        self.assertPrice(offer, 'to_send', 10)
        self.assertEqual(offer.price_target, 11)
        self.assertPrice(other, 'held', 10, "change of 900")
        self.assertFalse(self.count_calls(PATCH_OPERATION))
        self.assertFalse(self.account.activity_ids)
        self.account.price_push = 'off'
        self.assertFalse((offer | other).filtered('price_state'))

    def test_before_the_start_nothing_is_compared_or_sent(self):
        with as_connector():
            self.account.is_started = False
        offer = self.add_offer()
        self.set_price(11)
        with self.assertRaisesRegex(UserError, "press Start"):
            self.push()
        self.run_cron('send_prices')
        self.assertPrice(offer, False, 10)
        self.account._start()
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 11)

    def test_an_archived_account_forgets_what_was_to_be_sent(self):
        offer = self.add_offer()
        self.set_price(13)
        self.push()
        self.assertEqual(offer.price_state, 'held')
        self.account.active = False
        self.assertPrice(offer, False, 10)

    def test_who_switches_it_off_in_the_middle_stops_the_next_call(self):
        for price_push in ('preview', 'off'):
            with self.subTest(price_push):
                self.account.price_push = 'on'
                products = self.mug | self.create_product(price_push)
                offers = self.env['amazon.offer'].union(*(
                    self.add_offer(product, sku=f'{product.id} {price_push}')
                    for product in products
                ))
                for product in products:
                    self.set_price(11, product)
                self.switch_when_sent(offers[0], price_push)
                self.push()
                self.assertEqual(
                    [self.get_listed(offer.sku) for offer in offers], [11, 10],
                )
                self.assertEqual(self.account.price_push, price_push)

    def switch_when_sent(self, offer, price_push):
        """Let another process change the setting as soon as the price of an offer is sent."""
        self.env.flush_all()
        self.env.cr.execute("""
            CREATE OR REPLACE FUNCTION pg_temp.switch_price_push() RETURNS trigger AS $$ BEGIN
                UPDATE amazon_account SET price_push = TG_ARGV[0] WHERE id = NEW.account_id;
                RETURN NULL;
            END $$ LANGUAGE plpgsql
        """)
        self.env.cr.execute(SQL(
            "CREATE OR REPLACE TRIGGER switch_price_push AFTER UPDATE ON amazon_offer FOR EACH ROW"
            " WHEN (NEW.id = %s AND NEW.price_state = 'sent')"
            " EXECUTE FUNCTION pg_temp.switch_price_push(%s)", offer.id, price_push,
        ))

    def test_only_what_a_rule_prices_is_sent(self):
        self.mug.list_price = 11
        offer = self.add_offer()
        self.push()
        self.assertPrice(offer, False, 10)
        rule = self.set_price(0, applied_on='3_global', compute_price='percentage')
        self.push()
        self.assertPrice(offer, 'sent', 11)
        rule.unlink()
        self.push()
        self.assertPrice(offer, False, 11)

    def test_unmatched_gone_and_archived_offers_are_left_alone(self):
        self.set_price(11)
        offers = self.add_offer(sku='X', product_id=False) | self.add_offer(is_gone=True)
        self.set_price(11, self.bowl)
        archived = self.add_offer(self.bowl)
        self.bowl.active = False
        foreign = self.add_offer(marketplace='FR')
        self.assertNotIn(foreign.marketplace_id, self.account.synced_marketplace_ids)
        self.push()
        self.assertFalse((offers | archived | foreign).filtered('price_state'))
        self.assertFalse(self.count_calls(PATCH_OPERATION))

    def test_packs_fba_offers_and_other_currencies_are_sent(self):
        pack = self.add_offer(sku='MUG-3', price='30.00', pack_size=3, channel='fba')
        yen = self.add_offer(marketplace='JP', price='1500')
        self.set_price(11)
        self.set_price(1600.4, pricelist=self.create_pricelist("Amazon JPY", 'JPY'))
        self.push()
        self.assertPrice(pack, 'sent', 33)
        self.assertPrice(yen, 'sent', 1600)

    def test_rounding_the_price_of_a_piece_is_no_difference(self):
        self.account.prices_into_pricelist = True
        pack = self.add_offer(sku='MUG-3', price='10.00', pack_size=3)
        pack._follow_import()
        item = self.get_items()
        self.assertEqual(item.fixed_price, 3.33)
        for is_taken_over in (True, False):
            self.account.prices_into_pricelist = is_taken_over
            self.push()
            self.assertPrice(pack, 'in_sync', 10)
        item.fixed_price = 3.34
        self.push()
        self.assertPrice(pack, 'sent', 10.02)

    def test_a_formula_that_comes_near_the_rounded_price_is_a_difference(self):
        pack = self.add_offer(sku='MUG-3', price='10.00', pack_size=3)
        self.mug.list_price = 3.33
        self.set_price(0, compute_price='formula', price_surcharge=-0.003)
        self.push()
        self.assertPrice(pack, 'sent', 9.98)

    def test_rules_that_change_wake_the_cron(self):
        self.account.price_max_change = 200
        offer = self.add_offer()
        self.push()
        self.assertFalse(self.account.prices_changed)
        for change, listed in (
            (lambda: self.set_price(11), 11),
            (lambda: self.get_items().write({'fixed_price': 12}), 12),
            (lambda: offer.write({'pack_size': 2, 'amazon_price': 22}), 24),
        ):
            self.env['ir.cron.trigger'].search([]).unlink()
            change()
            self.assertTrue(self.account.prices_changed)
            self.assertEqual(len(self.get_triggers('send_prices')), 1)
            self.run_cron('send_prices')
            self.assertFalse(self.account.prices_changed)
            self.assertEqual(self.get_listed(), listed)
        other = self.create_pricelist("Shop", 'EUR')
        self.set_price(5, pricelist=other)
        self.assertFalse(self.account.prices_changed, "A price list that nobody pushes")

    def test_who_edits_price_lists_needs_no_rights_on_amazon(self):
        manager = self.create_user('manuela', 'sales_team.group_sale_manager')
        self.push()
        self.pricelist.with_user(manager).item_ids = [fields.Command.create({
            'applied_on': '0_product_variant', 'product_id': self.mug.id, 'fixed_price': 11,
        })]
        self.assertTrue(self.account.prices_changed)

    def test_dates_of_rules_begin_by_themselves(self):
        offer = self.add_offer()
        self.set_price(11, date_start=get_now() + timedelta(minutes=90))
        self.push()
        self.assertPrice(offer, False, 10)
        self.run_at(hours=2)
        self.assertPrice(offer, 'sent', 11)

    def test_what_there_is_no_time_for_goes_on_where_it_was(self):
        self.add_offer()
        sync = self.get_sync(self.account, 'prices')
        self.push()
        done = sync.window[str(self.account.id)]
        self.assertIsNone(done['after'])
        offer = self.add_offer(self.bowl)
        self.set_price(7, self.bowl)
        sync.window = {str(self.account.id): {**done, 'after': offer.id}}
        self.run_cron('send_prices')
        self.assertPrice(offer, 'held', 10, "30.0 %")

    def test_one_rule_that_fails_stops_no_other_price(self):
        broken, offer = self.add_offer(), self.add_offer(self.bowl)
        self.set_price(11, self.bowl)
        looping = self.create_pricelist("Loop", 'EUR')
        self.set_price(
            0, compute_price='formula', base='pricelist', base_pricelist_id=looping.id,
        )
        rule = self.set_price(1, pricelist=looping, compute_price='formula', base='list_price')
        self.env.flush_all()
        # What no form allows, but a database may hold.
        self.env.cr.execute(
            "UPDATE product_pricelist_item SET base = 'pricelist', base_pricelist_id = %s"
            " WHERE id = %s", [looping.id, rule.id],
        )
        self.env.invalidate_all()
        with self.assertLogs(QUIET, logging.ERROR):
            self.push()
        self.assertPrice(offer, 'sent', 11)
        self.assertPrice(broken, 'failed', 10, "Unexpected error")


@tagged('post_install', '-at_install')
class TestPriceGuards(PushCase):
    """What is held until a person has looked at it."""

    def hold(self, price=13, **values):
        offer = self.add_offer(**values)
        self.set_price(price)
        self.push()
        return offer

    def send_anyway(self, offer, user=None, seen=None):
        context = {} if seen is None else {'amazon_seen_price': seen}
        self.press(
            offer.with_user(user or self.admin).with_context(**context), 'action_send_price_anyway',
        )

    def test_a_great_change_is_held_and_asks_a_person(self):
        offer = self.hold()
        self.assertPrice(offer, 'held', 10, r"From 10\.00 € to 13\.00 € .* 30\.0 %.* 20 %")
        self.assertFalse(self.count_calls(PATCH_OPERATION))
        self.assertIn("Price: Held", html2plaintext(self.account.activity_ids.note))
        self.assertEqual(self.account.price_held_count, 1)
        self.account.price_max_change = 30
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 13)

    def test_a_great_fall_is_held_too(self):
        self.assertPrice(self.hold(7.99), 'held', 10, r"20\.1 %")

    def test_a_price_below_the_floor_is_held(self):
        offer = self.hold(9, floor_price=9.5)
        self.assertPrice(offer, 'held', 10, r"9\.00 € is below the floor price of 9\.50 €")
        offer.floor_price = 9
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 9)

    def test_without_a_known_price_it_is_held(self):
        offer = self.hold(10, amazon_price=0, currency_id=False)
        self.assertPrice(offer, 'held', 10, "not known")

    def test_prices_that_amazon_has_not_shown_yet_let_none_creep_up(self):
        offer = self.add_offer()
        item = self.set_price(11.9)
        self.simulator.arm('drop_before', operation=PATCH_OPERATION)
        self.push()
        self.assertPrice(offer, 'to_send', 10, "did not answer")
        item.fixed_price = 13.5
        self.push()
        self.assertPrice(offer, 'held', 10, r"From 10\.00 € to 13\.50 €")
        item.fixed_price = 9.4
        self.push()
        self.assertPrice(offer, 'held', 10, r"From 11\.90 € to 9\.40 €")
        item.fixed_price = 11
        self.push()
        self.assertPrice(offer, 'sent', 11)

    def test_an_unknown_price_does_not_become_known_by_being_told(self):
        offer = self.hold(10, amazon_price=0)
        self.send_anyway(offer)
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 10)
        self.get_items().fixed_price = 11
        self.run_cron('send_prices')
        self.assertPrice(offer, 'held', 10, "not known")

    def test_zero_is_never_sent(self):
        offer = self.hold(0)
        self.assertPrice(offer, 'held', 10, r"0\.00 €.*10\.00 €")
        with self.assertRaisesRegex(UserError, "nothing is sold for that"):
            self.send_anyway(offer)
        self.run_cron('send_prices')
        self.assertPrice(offer, 'held', 10, "nothing is sold")

    def test_another_currency_is_never_sent(self):
        self.account.pricelist_id = self.create_pricelist("Dollars", 'USD')
        self.set_price(10, pricelist=self.account.pricelist_id)
        offer = self.add_offer(price='10.50')
        shown = self.add_offer(self.bowl, currency_id=self.env.ref('base.GBP').id)
        self.push()
        self.assertPrice(offer, 'held', 10.5, r"Dollars says \$ ?10\.00, but Amazon\.de .* EUR")
        with self.assertRaisesRegex(UserError, "Amazon EUR"):
            self.send_anyway(offer)
        self.account.pricelist_id = self.pricelist
        self.set_price(11, self.bowl)
        self.push()
        self.assertPrice(shown, 'held', 10, "correct the offer in Seller Central")
        self.assertFalse(self.count_calls(PATCH_OPERATION))

    def test_an_administrator_sends_it_anyway_and_the_history_says_who(self):
        offer = self.hold()
        self.send_anyway(offer, seen=13.0)
        self.assertPrice(offer, 'to_send', 10)
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 13)
        self.assertRegex(
            self.get_history(offer), r"10\.00 € → 13\.00 €, approved by Adele",
        )
        self.run_at(minutes=6)
        self.assertPrice(offer, 'in_sync', 13)
        self.assertFalse(offer.price_approver_id)
        self.assertFalse(self.account.activity_ids)

    def test_only_the_price_that_the_person_saw_is_sent(self):
        offer = self.hold()
        self.get_items().fixed_price = 14
        with self.assertRaisesRegex(UserError, "says .*14.00.* meanwhile"):
            self.send_anyway(offer, seen=13.0)
        self.get_items().fixed_price = 13
        self.send_anyway(offer, seen=13.0)
        self.get_items().fixed_price = 15
        self.run_cron('send_prices')
        self.assertPrice(offer, 'held', 10, r"50\.0 %")
        self.get_items().fixed_price = 13
        self.run_cron('send_prices')
        self.assertPrice(offer, 'held', 10, r"30\.0 %")

    def test_users_and_previews_approve_nothing(self):
        offer = self.hold()
        with self.assertRaises(AccessError):
            self.send_anyway(offer, self.user)
        self.account.price_push = 'preview'
        with self.assertRaisesRegex(UserError, "is not on"):
            self.send_anyway(offer)
        with self.assertRaises(UserError):
            self.send_anyway(offer, seen='13')
        self.assertPrice(offer, 'held', 10, "30")

    def test_users_write_neither_the_floor_nor_what_becomes_of_prices(self):
        offer = self.hold()
        with self.assertRaises(AccessError):
            offer.with_user(self.user).floor_price = 0
        for values in (
            {'price_state': 'to_send'}, {'price_approved': 13}, {'price_target': 1},
            {'price_sent': 13}, {'is_price_unread': True}, {'price_approver_id': self.admin.id},
        ):
            with self.assertRaises(AccessError):
                offer.with_user(self.admin).write(values)
        offer.with_user(self.admin).floor_price = 5
        with self.assertRaises(ValidationError):
            offer.with_user(self.admin).floor_price = -1
        with self.assertRaises(ValidationError):
            self.account.price_max_change = -1

    def test_the_check_says_what_waits_and_which_price_list_is_missing(self):
        def check():
            self.press(self.account, 'action_check')
            return self.account.check_ids.filtered(lambda line: line.code == 'prices')

        self.assertIn("no price list in GBP, JPY", check().message)
        self.account.synced_marketplace_ids = self.get_marketplace('DE')
        self.assertEqual(check().state, 'ok')
        offer = self.hold()
        self.assertEqual((check().state, offer.price_state), ('warning', 'held'))
        self.account.price_push = 'off'
        self.assertFalse(check())

    def test_a_copy_of_the_database_sends_nothing(self):
        offer = self.hold()
        self.send_anyway(offer)
        self.env.flush_all()
        for query in get_neutralization_queries(['amazon_connector']):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertEqual(self.account.price_push, 'off')
        self.assertFalse(offer.price_state or offer.price_target or offer.price_approver_id)
        self.run_cron('send_prices')
        self.assertFalse(self.count_calls(PATCH_OPERATION))


@tagged('post_install', '-at_install')
class TestPriceAnswers(PushCase):
    """What becomes of prices when Amazon answers, when it does not, and when it shows others."""

    def offer_mug(self, price=11, **values):
        offer = self.add_offer(**values)
        self.set_price(price)
        return offer

    def test_what_amazon_refuses_fails_with_its_words_and_stops_no_other(self):
        refused = self.offer_mug()
        other = self.add_offer(self.bowl)
        self.set_price(11, self.bowl)
        self.seller.remove_listing('MUG', 'DE')
        self.push()
        self.assertPrice(refused, 'failed', reason=r"Amazon .*")
        self.assertTrue(refused.price_answer)
        self.assertGreater(refused.price_next_try, get_now())
        self.assertPrice(other, 'sent', 11)
        self.assertEqual(self.account.price_failed_count, 1)

    def test_a_refused_price_is_tried_again_and_then_waits_for_a_person(self):
        offer = self.offer_mug()
        self.seller.remove_listing('MUG', 'DE')
        self.push()
        for attempts in range(1, 6):
            self.assertEqual(offer.price_attempts, attempts)
            with freeze_time(offer.price_next_try + timedelta(seconds=1)):
                self.run_cron('send_prices')
        self.assertFalse(offer.price_next_try)
        self.assertIn("Price: Failed", html2plaintext(self.account.activity_ids.note))
        self.seller.add_listing('MUG', 'DE', price='10.00', quantity=5)
        self.press(offer.with_user(self.user), 'action_retry_price')
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 11)

    def test_outages_are_sent_again_and_the_old_price_is_not_believed_meanwhile(self):
        for kind in ('internal_error', 'drop_before', 'drop_after'):
            with self.subTest(kind):
                self.get_items().unlink()
                product = self.create_product(kind)
                offer = self.add_offer(product)
                item = self.set_price(11, product)
                self.simulator.arm(kind, operation=PATCH_OPERATION)
                self.push()
                self.assertPrice(offer, 'to_send', reason="did not answer")
                self.assertGreater(offer.price_next_try, get_now())
                self.assertRegex(self.get_history(offer), r"told the price: 10\.00 € → 11\.00 €")
                item.fixed_price = 10
                with freeze_time(get_now() + timedelta(hours=1)):
                    self.run_cron('send_prices')
                self.assertPrice(offer, 'sent', 10)

    def test_a_price_that_is_told_again_stands_in_the_history_once(self):
        offer = self.offer_mug()
        self.simulator.arm('throttled', operation=PATCH_OPERATION)
        self.push()
        self.simulator.arm('drop_after', operation=PATCH_OPERATION, times=2)
        for minutes in (5, 15, 60):
            self.run_at(minutes=minutes)
        self.assertPrice(offer, 'sent', 11)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 4)
        self.assertEqual(self.get_history(offer).count('→'), 1)

    def test_a_refused_price_leaves_what_amazon_was_told_before(self):
        offer = self.offer_mug()
        self.push()
        told_at = offer.price_sent_at
        self.simulator.arm('invalid_input', operation=PATCH_OPERATION)
        self.get_items().fixed_price = 10.5
        with freeze_time(get_now() + timedelta(minutes=1)):
            self.push()
        self.assertPrice(offer, 'failed', 11, r"refuses 10\.50 €")
        self.assertEqual((offer.price_sent, offer.price_sent_at), (11, told_at))
        self.assertTrue(offer.is_price_unread)
        self.get_items().fixed_price = 10
        self.push()
        self.assertPrice(offer, 'sent', 10)

    def test_a_storm_of_429_costs_no_attempts(self):
        offer = self.offer_mug()
        self.simulator.arm('throttled', operation=PATCH_OPERATION, times=2)
        self.push()
        self.assertPrice(offer, 'to_send', 10)
        self.assertFalse(offer.price_attempts)
        for minute in range(1, 4):
            self.run_at(minutes=minute)
        self.assertPrice(offer, 'sent', 11)

    def test_a_price_that_amazon_does_not_show_fails_after_an_hour(self):
        offer = self.offer_mug()
        self.simulator.set_listing_lag(10**6)
        self.push()
        self.run_at(minutes=6)
        self.assertPrice(offer, 'sent', 10)
        self.run_at(minutes=61)
        self.assertPrice(offer, 'failed', 10, r"told 11\.00 € .* shows 10\.00 €")
        self.assertEqual(offer.price_attempts, 1)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 1)
        self.simulator.set_listing_lag(0)
        self.run_at(minutes=70)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 2)
        self.assertEqual(offer.price_state, 'sent')

    def test_an_older_import_does_not_count(self):
        offer = self.offer_mug()
        self.push()
        old = {'amazon_price': 10.0, 'currency_id': offer.currency_id.id}
        offer._take_reading(old, offer.price_sent_at - timedelta(minutes=1))
        self.assertPrice(offer, 'sent', 11)
        self.run_at(minutes=6)
        self.assertPrice(offer, 'in_sync', 11)
        offer._take_reading(old, offer.price_sent_at - timedelta(minutes=1))
        self.assertEqual(offer.amazon_price, 11)
        offer._take_reading(old, get_now() + timedelta(hours=1))
        self.assertEqual(offer.amazon_price, 10)
        offer._follow_import()
        self.run_cron('send_prices')
        self.assertPrice(offer, 'sent', 11)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 2)

    def test_a_newer_import_that_shows_it_counts(self):
        offer = self.offer_mug()
        self.push()
        offer._take_reading(
            {'amazon_price': 11.0, 'currency_id': offer.currency_id.id},
            get_now() + timedelta(minutes=2),
        )
        self.assertPrice(offer, 'in_sync', 11)

    def test_awkward_skus_are_sent_and_read_back(self):
        offers = self.env['amazon.offer']
        for sku in ('A/B', 'A B#1', 'A%2F', 'Größe', '🎁', 'A,B'):
            offers |= self.add_offer(sku=sku)
        self.set_price(11)
        self.push()
        self.assertEqual(set(offers.mapped('price_state')), {'sent'})
        self.run_at(minutes=6)
        self.assertEqual(set(offers.mapped('price_state')), {'in_sync'})
        self.assertEqual(self.count_calls(SEARCH_OPERATION), 1)

    def test_two_prices_in_a_row_are_both_sent(self):
        offer = self.offer_mug()
        self.push()
        self.get_items().fixed_price = 10
        self.push()
        self.assertPrice(offer, 'sent', 10)
        self.assertEqual(self.count_calls(PATCH_OPERATION), 2)
        self.assertRegex(self.get_history(offer), r"11\.00 € → 10\.00 €")


@tagged('post_install', '-at_install')
class TestPricesInProcesses(ProcessCase):
    """With real processes, Amazon has in the end the price that the price list says."""

    def test_a_sender_that_is_killed_at_any_commit_leaves_no_wrong_price(self):
        commits, wrong = json.loads(self.play('kill_price_senders_at_every_commit'))
        self.assertGreater(commits, 5, 'commits')
        self.assertEqual(wrong, [])
        notes = self.query("""
            SELECT message.body
              FROM mail_message AS message
              JOIN amazon_offer AS offer ON offer.id = message.res_id
             WHERE message.model = 'amazon.offer' AND offer.sku = 'BOWL' AND body LIKE '%%→%%'
        """)
        self.assertEqual(len(set(notes)), commits + 1)
        self.assertEqual(len(notes), commits + 1, "What is told again is not noted again")
