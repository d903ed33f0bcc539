import copy
import json
from collections import Counter
from random import Random

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.amazon_connector.simulator import Buyer, Item

from .common import AmazonCase

PAGES = 8
PAGE_SIZE = 25
DEEP = 'DEEP'  # stands for nesting that Python could not write
ODD_VALUES = (
    None, True, -1, 0, 1.5, 1e300, 10**30, '', ' ', '\x00', '\ud83c', 'x' * 10_000, 'NaN',
    '1E+1000000', '-1', '1', 'EUR', 'GBP', [], {}, [[]], [None], [{}], {'a': 1}, {'amount': '7'},
    DEEP,
    '9999-12-31T23:59:59-12:00', '0001-01-01T00:00:00+14:00', '2026-11-01', 'CANCELLED', 'SHIPPED',
    'PARTIALLY_SHIPPED', 'AMAZON', 'MERCHANT', 'NON_AMAZON', 'DISCOUNT', 'TAX', '<b>x</b>', "'; --",
    '%s %(x)s {0}', '\u202e', '🎁' * 200,
)


def iterate_places(value, way=()):
    """Yield the way to each value within a payload."""
    if way:
        yield way
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list,
    ) else ()
    for key, child in children:
        yield from iterate_places(child, (*way, key))


def break_order(payload, random):
    """Return an order that is broken in up to three places."""
    broken = copy.deepcopy(payload)
    for _number in range(random.randint(1, 3)):
        *way, last = random.choice(list(iterate_places(broken)))
        parent = broken
        for key in way:
            parent = parent[key]
        action = random.choice(('put', 'put', 'put', 'remove', 'repeat'))
        if action == 'remove' and len(broken) > 1:
            del parent[last]
        elif action == 'repeat' and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        else:
            parent[last] = random.choice(ODD_VALUES)
    return broken


@tagged('post_install', '-at_install')
class TestNothingIsPoison(AmazonCase):
    """Whatever one order contains: it is stored and fails alone, and everything else goes on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_product('MUG')
        cls.create_product('BOWL')

    def get_payload(self):
        """Return an order with all that the connector reads."""
        order = self.seller.place_order(
            items=[
                Item('MUG', '12.99', 2, shipping='4.90', discount='1.00', tax_rate='0.19',
                     gift_message='For you', gift_wrap='2.00', serial_numbers=('S1', 'S2')),
                Item('BOWL', '5.00', marketplace_facilitator=True, tax='0.40'),
            ],
            buyer=Buyer('Ben', 'ben@marketplace.amazon.de'),
            tip='1.00',
        )
        self.seller.ship(order, {'MUG': 1})
        self.seller.request_cancellation(order, item='BOWL')
        self.run_cron('fetch_orders')
        inbox = self.get_inbox(order)
        payload = json.loads(inbox.payload)
        inbox.unlink()
        return payload

    def serve(self, payloads):
        """Answer the next search with a page of these."""
        self.simulator.clock.advance(minutes=5)
        page = json.dumps({
            'orders': payloads, 'lastUpdatedBefore': self.simulator.clock.now().isoformat(),
        })
        self.simulator.arm('custom', operation='searchOrders', body=page.replace(
            f'"{DEEP}"', '[' * 2000 + ']' * 2000,
        ))

    def test_a_page_of_anything(self):
        payload = self.get_payload()
        numbers = iter(range(10**6))
        for seed in range(PAGES):
            random = Random(seed)
            good = [{**payload, 'orderId': f'305-1111111-{next(numbers):07}'} for _end in range(2)]
            broken = [break_order(payload, random) for _number in range(PAGE_SIZE)]
            for order in broken:
                if order.get('orderId') == payload['orderId']:
                    order['orderId'] = f'305-0000000-{next(numbers):07}'
            with self.subTest(seed=seed):
                self.check_page([good[0], *broken, good[1]], good)

    def forbid(self, table, condition):
        """Let the database refuse some rows, as nobody could foresee."""
        self.env.cr.execute(SQL(
            "ALTER TABLE %s ADD CONSTRAINT unforeseen CHECK (%s)",
            SQL.identifier(table), SQL(condition),
        ))

    @mute_logger('odoo.addons.amazon_connector.models.quiet')
    def test_an_order_that_nobody_could_store_stops_no_other(self):
        payload = self.get_payload()
        page = [{**payload, 'orderId': f'{number}05-0000000-0000000'} for number in range(3)]
        self.forbid('amazon_order', "amazon_order_ref <> '105-0000000-0000000'")
        self.serve(page)
        self.run_cron('fetch_orders')
        self.run_cron('import_orders')
        self.assertFalse(self.order_sync.window)
        inbox = self.env['amazon.order'].search([('account_id', '=', self.account.id)])
        self.assertEqual(sorted(inbox.mapped('state')), ['done', 'done', 'failed'])
        failed = inbox.filtered(lambda order: order.state == 'failed')
        self.assertIn('105-0000000-0000000', failed.payload)
        self.assertIn("Unexpected error", failed.reason)

    @mute_logger('odoo.addons.amazon_connector.models.quiet')
    def test_an_order_that_spoils_its_batch_stops_no_other(self):
        self.forbid('amazon_offer', "sku <> 'POISON'")
        orders = [
            self.seller.place_order(items=[Item(sku)]) for sku in ('MUG', 'POISON', 'BOWL')
        ]
        self.run_cron('fetch_orders')
        self.run_cron('import_orders')
        self.assertEqual(
            [self.get_inbox(order).state for order in orders], ['done', 'failed', 'done'],
        )
        self.assertIn("Unexpected error", self.get_inbox(orders[1]).reason)
        self.assertTrue(self.get_inbox(orders[1]).next_try)

    def check_page(self, page, good):
        """Fetch and import a page, and see that all of it was dealt with."""
        before = self.env['amazon.order'].search([('account_id', '=', self.account.id)])
        # PostgreSQL plans as if what is not committed was not there, and takes minutes for it.
        self.env.cr.execute("ANALYZE stock_move, stock_picking, stock_reference_move_rel")
        cursor = self.account.last_order_sync
        self.serve(page)
        self.run_cron('fetch_orders')
        self.run_cron('import_orders')
        self.assertFalse(self.account.last_error)
        self.assertGreater(self.account.last_order_sync, cursor)
        inbox = self.env['amazon.order'].search([('account_id', '=', self.account.id)]) - before
        refs = Counter(json.dumps(order.get('orderId')) for order in page)
        self.assertGreaterEqual(len(inbox), len(refs) - 3)  # odd ids may coincide
        self.assertNotIn('to_do', inbox.mapped('state'))
        for order in inbox:
            self.assertTrue(order.payload)
            self.assertTrue(order.reason or order.state == 'done')
            self.assertNotIn("Unexpected", order.reason or '')
        for order in good:
            stored = inbox.filtered(lambda o, ref=order['orderId']: o.amazon_order_ref == ref)
            self.assertEqual(stored.state, 'done', stored.reason)
            self.assertTrue(stored.sale_order_id)
            self.assertEqual(stored.sale_order_id.amazon_unexplained_amount, 0)
        for sale_order in inbox.sale_order_id:
            self.assertFalse(sale_order.currency_id.compare_amounts(
                sale_order.amount_total, sale_order.amazon_total,
            ))
