import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import ROLE_LISTINGS

from .common import AmazonCase

INVENTORY = 'getInventorySummaries'


class InventoryCase(AmazonCase):
    """A seller in Germany and Britain, whose stock at Amazon is read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany, cls.britain = (
            cls.env.ref(f'amazon_connector.marketplace_{code}') for code in ('de', 'gb')
        )
        cls.account.synced_marketplace_ids = cls.germany | cls.britain
        cls.location = cls.account.location_id

    def read_stock(self, accounts=None, runs=10):
        """Press Read FBA Inventory and let the cron do what the quota put off."""
        accounts = accounts or self.account
        notification = self.press(accounts, 'action_read_fba_inventory')
        self.finish(accounts, runs)
        return notification['params']['message']

    def finish(self, accounts=None, runs=10):
        """Let the cron do what the quota put off."""
        for _run in range(runs):
            if not any(
                sync.window or sync._get_due_marketplaces()
                for sync in self.get_sync(accounts or self.account, 'inventory')
            ):
                return
            self.refill()
            self.run_cron('read_inventory')
            self.env.invalidate_all()
        self.fail("It is not read in the end.")

    def refill(self):
        """Let all that Amazon grants be there again, in Odoo and in the simulator."""
        self.env['amazon.quota'].search([]).unlink()
        self.simulator.clock.advance(seconds=1)

    def let_pass(self, marketplace=None, **duration):
        """Let the readings be older, of one marketplace or all."""
        sync = self.get_sync(self.account, 'inventory')
        readings = json.loads(json.dumps(sync.readings))
        for ref, times in readings.items():
            if not marketplace or marketplace.api_ref == ref:
                for name, moment in times.items():
                    past = fields.Datetime.to_datetime(moment.replace('T', ' '))
                    times[name] = (past - timedelta(**duration)).isoformat()
        sync.readings = readings

    def find_offer(self, sku, marketplace=None, account=None):
        return self.env['amazon.offer'].search([
            ('account_id', '=', (account or self.account).id), ('sku', '=', sku),
            ('marketplace_id', '=', (marketplace or self.germany).id),
        ])

    def get_drift(self, product):
        self.env.invalidate_all()
        return self.env['amazon.drift'].search([('product_id', '=', product.id)])


@tagged('post_install', '-at_install')
class TestFbaInventory(InventoryCase):
    """What lies at Amazon stands on the offers, page by page and change by change."""

    def test_the_figures_stand_on_the_offer(self):
        mug = self.create_product('MUG')
        self.seller.set_fba_stock(
            'MUG', 'DE', fulfillable=7, inbound_working=1, inbound_shipped=2, inbound_receiving=3,
            reserved_orders=4, reserved_transfers=5, reserved_processing=6, customer_damaged=1,
            warehouse_damaged=2, distributor_damaged=3, carrier_damaged=4, defective=5, expired=6,
            researching=8,
        )
        self.seller.set_fba_stock('LAMP', 'GB', fulfillable=2)
        self.read_stock()
        offer = self.find_offer('MUG')
        self.assertRecordValues(offer, [{
            'product_id': mug.id, 'channel': 'fba', 'fba_fulfillable': 7, 'fba_inbound': 6,
            'fba_inbound_working': 1, 'fba_inbound_shipped': 2, 'fba_inbound_receiving': 3,
            'fba_reserved': 15, 'fba_reserved_orders': 4, 'fba_reserved_transfers': 5,
            'fba_reserved_processing': 6, 'fba_unfulfillable': 21, 'fba_customer_damaged': 1,
            'fba_warehouse_damaged': 2, 'fba_distributor_damaged': 3, 'fba_carrier_damaged': 4,
            'fba_defective': 5, 'fba_expired': 6, 'fba_researching': 8,
        }])
        self.assertTrue(offer.fn_sku and offer.fba_changed_at and offer.fba_read_at)
        self.assertFalse(self.find_offer('MUG', self.britain))
        lamp = self.find_offer('LAMP', self.britain)
        self.assertEqual((lamp.fba_fulfillable, lamp.product_id.id), (2, False))

    def test_an_offer_keeps_its_channel_and_its_match(self):
        vase = self.create_product('VASE-REF')
        offer = self.env['amazon.offer'].sudo().create({
            'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'VASE',
            'channel': 'fbm', 'product_id': vase.id,
        })
        self.seller.set_fba_stock('VASE', 'DE', fulfillable=1)
        self.read_stock()
        self.assertEqual((offer.channel, offer.product_id), ('fbm', vase))
        self.assertEqual(offer.fba_fulfillable, 1)

    def test_unchanged_figures_cost_no_write(self):
        self.seller.set_fba_stock('MUG', 'DE', fulfillable=7)
        self.read_stock()
        offer = self.find_offer('MUG')
        offer.sudo().fba_read_at = before = fields.Datetime.now() - timedelta(hours=9)
        self.read_stock()
        self.assertEqual(offer.fba_read_at, before)
        self.seller.change_fba_stock('MUG', 'DE', fulfillable=-1)
        self.read_stock()
        self.assertGreater(offer.fba_read_at, before)
        self.assertEqual(offer.fba_fulfillable, 6)

    def test_what_a_full_reading_does_not_show_any_more_is_none(self):
        for sku in ('MUG', 'BOWL'):
            self.seller.set_fba_stock(sku, 'DE', fulfillable=7)
        self.read_stock()
        self.seller.remove_fba_stock('MUG', 'DE')
        self.read_stock()
        self.assertEqual(self.find_offer('MUG').fba_fulfillable, 0)
        self.assertEqual(self.find_offer('BOWL').fba_fulfillable, 7)

    def interrupt(self, calls):
        """Let Amazon's quota be used up after so many calls."""
        self.simulator.disarm()
        self.simulator.arm('quota_exceeded', operation=INVENTORY, skip=calls)
        self.env['amazon.quota'].search([]).unlink()

    def test_many_pages_are_read_under_the_quota(self):
        for number in range(130):
            self.seller.set_fba_stock(f'SKU-{number:03d}', 'DE', fulfillable=number + 1)
        self.account.synced_marketplace_ids = self.germany
        self.interrupt(1)
        message = self.press(self.account, 'action_read_fba_inventory')['params']['message']
        self.assertIn("1 follow by themselves", message)
        sync = self.get_sync(self.account, 'inventory')
        self.assertTrue(sync.window[self.germany.api_ref]['token'])
        self.assertTrue(self.get_triggers('read_inventory'))
        offers = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(offers), 50)
        self.finish()
        self.assertFalse(sync.window)
        self.assertTrue(sync.last_success)
        # Three pages, none of them twice, and the call that Amazon has refused.
        self.assertEqual(self.count_calls(INVENTORY), 4)
        offers = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(offers), 130)
        self.assertEqual(sum(offers.mapped('fba_fulfillable')), sum(range(1, 131)))

    def test_an_expired_token_begins_anew_and_in_the_end_does_without(self):
        for number in range(130):
            self.seller.set_fba_stock(f'SKU-{number:03d}', 'DE', fulfillable=1)
        self.account.synced_marketplace_ids = self.germany
        self.interrupt(2)
        self.press(self.account, 'action_read_fba_inventory')
        sync = self.get_sync(self.account, 'inventory')
        for expiries in (1, 2):
            # The call with the expired token, and one more.
            self.simulator.clock.advance(seconds=31)
            self.interrupt(2)
            self.run_cron('read_inventory')
            self.env.invalidate_all()
            self.assertEqual(sync.window[self.germany.api_ref]['expiries'], expiries)
        # Known are the two pages that the first attempt has stored; one is asked for already.
        offers = self.env['amazon.offer'].search([('account_id', '=', self.account.id)])
        self.assertEqual(len(offers), 100)
        self.assertEqual(len(sync.window[self.germany.api_ref]['left']), 50)
        self.seller.remove_fba_stock('SKU-099', 'DE')
        self.seller.set_fba_stock('SKU-098', 'DE', fulfillable=9)
        self.finish()
        self.assertEqual(self.find_offer('SKU-099').fba_fulfillable, 0)
        self.assertEqual(self.find_offer('SKU-098').fba_fulfillable, 9)
        self.assertEqual(set(sync.readings[self.germany.api_ref]), {'read_at', 'full_at'})

    def test_skus_with_commas_are_asked_for_alone(self):
        for number in range(60):
            self.seller.set_fba_stock(f'A,{number}' if number < 2 else f'B{number}', 'DE')
        self.account.synced_marketplace_ids = self.germany
        self.read_stock()
        sync = self.get_sync(self.account, 'inventory')
        sync.window = {self.germany.api_ref: sync._begin_reading(self.germany, expiries=2)}
        for number in range(2):
            self.seller.set_fba_stock(f'A,{number}', 'DE', fulfillable=number + 1)
        self.simulator.calls.clear()
        self.finish()
        self.assertEqual(self.count_calls(INVENTORY), 4)
        self.assertEqual(
            [self.find_offer(f'A,{number}').fba_fulfillable for number in range(2)], [1, 2],
        )

    def set_old_stock(self, sku, **quantities):
        """Let stock have been as it is for long."""
        self.seller.set_fba_stock(sku, 'DE', **quantities).noticed -= timedelta(hours=9)

    def test_hourly_only_what_has_changed(self):
        mug = self.create_product('MUG')
        for sku in ('MUG', 'BOWL'):
            self.set_old_stock(sku, fulfillable=7)
        self.read_stock()
        self.simulator.calls.clear()
        self.run_cron('read_inventory')
        self.assertFalse(self.count_calls(INVENTORY))
        self.let_pass(minutes=50)
        self.seller.change_fba_stock('MUG', 'DE', fulfillable=-2)
        self.seller.remove_fba_stock('BOWL', 'DE')
        sync = self.get_sync(self.account, 'inventory')
        full_at = sync.readings[self.germany.api_ref]['full_at']
        self.finish()
        self.assertEqual(self.find_offer('MUG').fba_fulfillable, 5)
        self.assertEqual(self.get_drift(mug).amazon_quantity, 5)
        # It is not among the changes, which says nothing.
        self.assertEqual(self.find_offer('BOWL').fba_fulfillable, 7)
        self.assertEqual(sync.readings[self.germany.api_ref]['full_at'], full_at)
        self.assertGreater(sync.readings[self.germany.api_ref]['read_at'], full_at)

    def test_what_is_on_the_way_is_read_once_a_day(self):
        self.set_old_stock('MUG', fulfillable=7)
        self.read_stock()
        self.seller.change_fba_stock('MUG', 'DE', inbound_shipped=5)
        self.let_pass(minutes=50)
        self.finish()
        self.assertEqual(self.find_offer('MUG').fba_inbound, 0)
        self.let_pass(hours=24)
        self.finish()
        self.assertEqual(self.find_offer('MUG').fba_inbound, 5)

    def test_without_details_nothing_is_believed(self):
        for sku in ('MUG', 'BOWL'):
            self.seller.set_fba_stock(sku, 'DE', fulfillable=7)
        self.read_stock()
        self.seller.set_fba_stock('MUG', 'DE', fulfillable=3, odd='no details')
        self.seller.set_fba_stock('BOWL', 'DE', odd='null quantities')
        self.read_stock()
        self.assertEqual(self.find_offer('MUG').fba_fulfillable, 7)
        self.assertEqual(self.find_offer('BOWL').fba_fulfillable, 0)

    def test_two_conditions_of_a_sku_are_added_up(self):
        self.seller.set_fba_stock('MUG', 'DE', fulfillable=7)
        self.seller.set_fba_stock('MUG', 'DE', condition='UsedLikeNew', fulfillable=2)
        self.read_stock()
        self.assertEqual(self.find_offer('MUG').fba_fulfillable, 9)

    def test_one_marketplace_that_fails_stops_no_other(self):
        self.seller.set_fba_stock('MUG', 'GB', fulfillable=7)
        self.connection = self.account.connection_id
        self.connection.sudo().listed_refs = {
            **self.connection.sudo().listed_refs, 'refs': [self.britain.api_ref],
        }
        self.press(self.account, 'action_read_fba_inventory')
        self.assertEqual(self.find_offer('MUG', self.britain).fba_fulfillable, 7)
        sync = self.get_sync(self.account, 'inventory')
        self.assertIn("does not list this seller", sync.last_error)
        self.assertFalse(sync.last_success)

    def test_a_missing_role_does_not_stop_the_account(self):
        self.env['amazon.offer'].sudo().create({
            'account_id': self.account.id, 'marketplace_id': self.germany.id, 'sku': 'VASE',
            'channel': 'fba',
        })
        self.seller.revoke_role(ROLE_LISTINGS)
        self.press(self.account, 'action_read_fba_inventory')
        self.assertEqual(self.account.state, 'connected')
        self.assertIn("role", self.get_sync(self.account, 'inventory').last_error)

    def test_an_account_that_is_not_started_reads_nothing(self):
        account = self.create_account(connection_id=self.account.connection_id.id)
        (self.account | account).invalidate_recordset()
        self.assertFalse(account.is_started)
        with self.assertRaisesRegex(UserError, "press Start"):
            self.press(account, 'action_read_fba_inventory')
        self.assertFalse(self.count_calls(INVENTORY))
