from datetime import datetime, timedelta, timezone

from freezegun import freeze_time
from lxml import etree

from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import ShippingCase

NOON = datetime(2026, 11, 18, 12, tzinfo=timezone.utc)
URGENCIES = ('late', 'today', 'tomorrow', 'later')


@tagged('post_install', '-at_install')
class TestRadar(ShippingCase):
    """Deliveries by the time at which Amazon wants them shipped."""

    def setUp(self):
        super().setUp()
        self.env.user.tz = 'UTC'

    def get_deliveries(self, *ship_by, **details):
        """Let buyers order a mug each, to be shipped by these times; return the deliveries."""
        orders = [
            self.seller.place_order('DE', 'FBM', [Item('MUG')], **details,
                                    ship_by=(moment - timedelta(days=1), moment))
            for moment in ship_by
        ]
        self.sync()
        return self.env['stock.picking'].union(*map(self.get_open_delivery, orders))

    def get_urgencies(self, pickings, moment=NOON):
        """Return the urgency of each at a time, and check that a search finds the same."""
        with freeze_time(moment):
            pickings.invalidate_recordset(['amazon_urgency'])
            urgencies = pickings.mapped(lambda picking: picking.amazon_urgency)
            for urgency in (*URGENCIES, False):
                found = pickings.search(
                    [('amazon_urgency', '=', urgency), ('id', 'in', pickings.ids)],
                )
                self.assertEqual(
                    set(found),
                    {picking for picking in pickings if picking.amazon_urgency == urgency},
                )
        return urgencies

    def test_late_today_tomorrow_and_later(self):
        pickings = self.get_deliveries(
            NOON - timedelta(seconds=1),
            NOON,
            NOON.replace(hour=23, minute=59),
            NOON.replace(day=19, hour=0),
            NOON.replace(day=19, hour=23, minute=59),
            NOON.replace(day=20, hour=0),
        )
        self.assertEqual(self.get_urgencies(pickings), [
            'late', 'today', 'today', 'tomorrow', 'tomorrow', 'later',
        ])
        self.assertEqual(
            self.get_urgencies(pickings, NOON + timedelta(days=1)),
            ['late'] * 4 + ['today'] * 1 + ['tomorrow'],
        )

    def test_days_are_those_of_the_user(self):
        pickings = self.get_deliveries(NOON.replace(hour=20), NOON.replace(hour=22))
        self.env.user.tz = 'Asia/Tokyo'
        self.env = self.env(context={**self.env.context, 'tz': 'Asia/Tokyo'})
        self.assertEqual(
            self.get_urgencies(pickings.with_env(self.env)), ['tomorrow', 'tomorrow'],
        )

    def test_what_is_done_or_cancelled_or_not_amazons_is_not_on_it(self):
        pickings = self.get_deliveries(*[NOON] * 3)
        self.fill_in(pickings[0])
        self.validate(pickings[0])
        pickings[1].action_cancel()
        self.assertEqual(self.get_urgencies(pickings), [False, False, 'today'])
        incoming = self.env['stock.picking'].create(
            {'picking_type_id': self.warehouse.in_type_id.id},
        )
        self.assertEqual(self.get_urgencies(incoming), [False])

    def test_the_steps_before_the_last_are_on_it_too(self):
        self.warehouse.delivery_steps = 'pick_pack_ship'
        picking = self.get_deliveries(NOON)
        for _step in range(3):
            self.assertEqual(self.get_urgencies(picking), ['today'])
            self.fill_in(picking)
            self.validate(picking)
            picking = picking.sale_id.picking_ids.filtered(lambda p: p.state != 'done')
        self.assertFalse(picking)

    def test_what_goods_are_missing_for_is_blocked(self):
        self.create_product('RARE')
        order = self.order(Item('MUG'), Item('RARE', quantity=2))
        picking = self.get_open_delivery(order)
        free = self.get_open_delivery(self.order_mugs())
        both = picking | free
        blocked = [('amazon_blocked', '=', True), ('id', 'in', both.ids)]
        self.assertEqual(both.mapped('amazon_blocked'), [True, False])
        self.assertEqual(picking.search(blocked), picking)
        self.assertEqual(
            picking.search([('amazon_blocked', '=', False), ('id', 'in', both.ids)]), free,
        )
        self.assertEqual(self.account.blocked_count, 1)
        rare = picking.move_ids.product_id.filtered(lambda p: p.default_code == 'RARE')
        self.put_in_stock(rare, 5, self.warehouse.lot_stock_id)
        picking.action_assign()
        self.assertFalse(picking.amazon_blocked)
        self.assertFalse(picking.search(blocked))

    def test_a_first_step_without_goods_is_blocked(self):
        self.warehouse.delivery_steps = 'pick_ship'
        self.create_product('RARE')
        picking = self.get_open_delivery(self.order(Item('RARE')))
        self.assertTrue(picking.amazon_blocked)
        self.assertEqual(self.account.blocked_count, 1)

    def test_the_card_counts_them_and_leads_there(self):
        self.get_deliveries(
            NOON - timedelta(days=2), NOON - timedelta(days=1), NOON.replace(hour=15),
            NOON + timedelta(days=1), NOON + timedelta(days=3),
        )
        with freeze_time(NOON):
            self.account.invalidate_recordset()
            self.assertEqual(
                (
                    self.account.late_count,
                    self.account.ship_today_count,
                    self.account.ship_tomorrow_count,
                    self.account.blocked_count,
                ),
                (2, 1, 1, 0),
            )
        action = self.account.action_open_deliveries()
        self.assertEqual(len(self.env['stock.picking'].search(action['domain'])), 5)

    def test_the_list_is_coloured_and_filtered_by_it(self):
        arch = etree.fromstring(self.env['stock.picking'].get_view(
            self.env.ref('amazon_connector.stock_picking_view_list_amazon').id, 'list',
        )['arch'])
        for kind, word in (
            ('danger', 'late'), ('warning', 'today'), ('info', 'tomorrow'), ('muted', 'blocked'),
        ):
            self.assertIn(word, arch.get(f'decoration-{kind}'))
        search = self.env['stock.picking'].get_view(
            self.env.ref('stock.view_picking_internal_search').id, 'search',
        )['arch']
        names = {node.get('name') for node in etree.fromstring(search).iter('filter')}
        self.assertLessEqual(
            {'amazon_late', 'amazon_today', 'amazon_tomorrow', 'amazon_blocked'}, names,
        )
