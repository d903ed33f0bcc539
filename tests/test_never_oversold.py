from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from freezegun import freeze_time
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from odoo.addons.amazon_connector.models import amazon_stock_sending
from odoo.addons.amazon_connector.simulator import Item

from .common import AmazonCase

PATCH = 'patchListingsItem'
# SKU, marketplace, pieces in a unit.
SELLERS_OWN = (('MUG', 'DE', 1), ('PACK', 'DE', 3), ('MUG', 'GB', 1))
AMAZONS = {'ALL': ('AMAZON_EU',), 'BOTH': ('DEFAULT', 'AMAZON_EU')}
STEPS = (
    'receive', 'count', 'order', 'pend', 'settle', 'settle', 'sync', 'sync', 'push', 'push', 'push',
    'wait', 'make_report', 'import', 'feed', 'lose_answer', 'spoil_feed', 'slow_down', 'switch',
)
LOST = ('drop_before', 'drop_after', 'unavailable', 'internal_error', 'not_json')
SPOILT = ('feed_half', 'feed_fatal', 'feed_cancelled')
PAUSES = (1, 3, 16, 70, 400)  # minutes
REPORT_AGE = 6 * 3600  # seconds; what Amazon makes reports of may be as old


@tagged('post_install', '-at_install')
class TestNeverOversold(AmazonCase):
    """Whatever happens in Odoo, on Amazon and between them: when it is quiet again, Amazon offers
    what there is.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.location = cls.account.warehouse_id.lot_stock_id
        cls.marketplaces = {
            code: cls.env.ref(f'amazon_connector.marketplace_{code.lower()}')
            for code in ('DE', 'GB')
        }
        cls.account.synced_marketplace_ids = cls.env['amazon.marketplace'].union(
            *cls.marketplaces.values(),
        )
        cls.mug = cls.create_product('MUG')
        for sku, code, pack_size in SELLERS_OWN:
            cls.create_offer(sku, code, 'fbm', pack_size=pack_size)
        for sku in AMAZONS:
            # As it was when Odoo looked last.
            cls.create_offer(sku, 'DE', 'fbm')
        cls.account.stock_push = 'on'

    @classmethod
    def create_offer(cls, sku, code, channel, **values):
        return cls.env['amazon.offer'].create({
            'account_id': cls.account.id,
            'marketplace_id': cls.marketplaces[code].id,
            'sku': sku,
            'product_id': cls.mug.id,
            'channel': channel,
            **values,
        })

    @settings(
        max_examples=8, deadline=None, derandomize=True, database=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(1, 9)), min_size=10, max_size=20,
    ))
    def test_random_days(self, steps):
        self.live(steps)

    def test_what_amazon_gets_back_while_goods_leave_is_told_again(self):
        self.live([
            ('pend', 3), ('sync', 1), ('push', 1), ('feed', 1), ('wait', 2), ('feed', 1),
            ('push', 1), ('wait', 2), ('push', 1), ('settle', 2), ('count', 3), ('sync', 1),
            ('push', 1),
        ])

    def live(self, steps):
        """Let things happen, then nothing more, and compare Amazon with Odoo."""
        savepoint = self.env.cr.savepoint()
        try:
            with (
                freeze_time(datetime.now(timezone.utc)) as self.time,
                patch.object(amazon_stock_sending, 'FEED_FROM', 2),
            ):
                self.open_shop()
                for step, number in steps:
                    self.time.tick(timedelta(seconds=20))
                    getattr(self, f'do_{step}')(number)
                    self.env.cr.flush()  # as committing does, with all that waits for it
                    self.check_channels()
                self.calm_down()
                self.check_quantities(steps)
        finally:
            self.env.cr.clear()
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    def open_shop(self):
        self.simulator.reset()
        self.simulator.set_report_cache(REPORT_AGE)
        self.simulator.set_report_pace(0)
        self.simulator.set_feed_pace(0, seconds=120)
        self.seller.sell_listings()
        for sku, code, _pack_size in SELLERS_OWN:
            self.seller.add_listing(sku, code, quantity=5)
        for sku, channels in AMAZONS.items():
            self.seller.add_listing(sku, 'DE', channels=channels)
        self.put_in_stock(self.mug, 12, self.location)
        self.orders = []

    # === THINGS THAT HAPPEN === #

    def do_receive(self, number):
        self.put_in_stock(self.mug, number, self.location)

    def do_count(self, number):
        self.env['stock.quant'].with_context(inventory_mode=True).create({
            'product_id': self.mug.id, 'location_id': self.location.id,
            'inventory_quantity': 3 * number,
        }).action_apply_inventory()

    def do_order(self, number, status='UNSHIPPED'):
        """Let a buyer have what Amazon offers."""
        sku, code, _pack_size = SELLERS_OWN[number % len(SELLERS_OWN)]
        quantity = min(number, self.seller.find_listing(sku, code).quantity)
        if quantity:
            self.orders.append(self.seller.place_order(
                code, 'FBM', [Item(sku, '9.00', quantity)], status=status,
            ))

    def do_pend(self, number):
        self.do_order(number, 'PENDING')

    def do_settle(self, number):
        """Let a buyer pay, or change his mind."""
        for order in [it for it in self.orders if it.status in ('PENDING', 'UNSHIPPED')][:1]:
            if number % 2 and order.status == 'PENDING':
                self.seller.pay(order)
            else:
                self.seller.cancel(order)

    def do_sync(self, _number):
        self.time.tick(timedelta(minutes=3))  # until Amazon shows what has changed
        self.sync()

    def do_push(self, _number):
        self.run_cron('send_stock')

    def do_wait(self, number):
        self.time.tick(timedelta(minutes=PAUSES[number % len(PAUSES)]))

    def do_make_report(self, number):
        self.simulator.request_report(marketplace=('DE', 'GB')[number % 2])
        self.simulator.finish_reports()

    def do_import(self, _number):
        self.press(self.account, 'action_import_offers')
        self.time.tick(timedelta(minutes=2))
        self.run_cron('process_reports')

    def do_feed(self, _number):
        self.run_cron('process_feeds')

    def do_lose_answer(self, number):
        self.simulator.arm(LOST[number % len(LOST)], operation=PATCH)

    def do_spoil_feed(self, number):
        self.simulator.arm(SPOILT[number % len(SPOILT)])

    def do_slow_down(self, number):
        self.simulator.set_listing_lag(60 * (number - 1))

    def do_switch(self, _number):
        self.account.stock_push = 'off' if self.account.stock_push == 'on' else 'on'

    def calm_down(self):
        """Let nothing more happen, but time pass and the crons run, those of the night, too."""
        self.simulator.disarm()
        self.simulator.set_listing_lag()
        self.simulator.set_feed_pace(0)
        self.account.stock_push = 'on'
        self.env.cr.flush()
        for minutes in (5, 65, 725):
            self.run_all_crons(minutes)

    def run_all_crons(self, minutes):
        """Let some time pass, then run the crons as often as feeds take."""
        self.time.tick(timedelta(minutes=minutes))
        self.sync()
        for cron in 2 * ('send_stock', 'process_feeds', 'process_feeds'):
            self.run_cron(cron)
            self.time.tick(timedelta(minutes=3))

    # === WHAT BECAME OF IT === #

    def check_channels(self):
        for sku, channels in AMAZONS.items():
            listing = self.seller.find_listing(sku, 'DE')
            self.assertEqual(listing.channels, channels)
            self.assertFalse(listing.quantity)

    def check_quantities(self, steps):
        """Compare with what Odoo says is free, and with what Amazon says is ordered."""
        self.env.invalidate_all(flush=True)
        free = max(self.get_free(), 0)
        for sku, code, pack_size in SELLERS_OWN:
            offer = self.env['amazon.offer'].search([
                ('account_id', '=', self.account.id), ('sku', '=', sku),
                ('marketplace_id', '=', self.marketplaces[code].id),
            ])
            shown = self.seller.find_listing(sku, code).quantity
            label = f'{sku} {code}, {offer.stock_state}, {offer.stock_reason}, {steps}'
            self.assertLessEqual(shown * pack_size, free, label)
            if shown == free // pack_size:
                self.assertIn(offer.stock_state, ('in_sync', 'sent'), label)
            else:
                self.assertIn(offer.stock_state, ('failed', 'to_send'), label)
                self.assertTrue(offer.stock_reason, label)

    def get_free(self):
        """Return how many mugs nobody gets yet."""
        packs = {(sku, code): pack_size for sku, code, pack_size in SELLERS_OWN}
        pending = sum(
            item.quantity * packs[item.sku, order.marketplace.code]
            for order in self.orders if order.status == 'PENDING' for item in order.items
        )
        moves = self.env['stock.move'].search([
            ('product_id', '=', self.mug.id), ('sale_line_id', '!=', False),
            ('state', 'in', ('confirmed', 'partially_available')),
        ])
        wanted = sum(moves.mapped('product_uom_qty')) - sum(moves.mapped('quantity'))
        warehouse = self.account.warehouse_id
        return self.mug.with_context(warehouse_id=warehouse.id).free_qty - pending - wanted
