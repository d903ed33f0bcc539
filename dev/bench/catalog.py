"""The contender that has many offers, and tells Amazon how many there are of each."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from odoo.api import Environment
from odoo.fields import Command
from odoo.models import BaseModel

from .connector import Connector
from .dispatch import Scheduler
from .simulator import control

CRONS = ('ir_cron_send_stock', 'ir_cron_process_feeds')
BATCH = 1000
# Listed with none: all are to be told when the push begins.
STOCK = 50
MAX_RUNS = 5


class Catalog(Connector):
    """The connector and offers of which each has a product and a stock.

    :param Environment env: The shop.
    :param str simulator: The simulator's address.
    :param str name: What its SKUs begin with, so that no other contender sells them.
    """

    def __init__(self, env: Environment, simulator: str, name: str) -> None:
        super().__init__(env, simulator, name)
        self.name = name
        self.scheduler = Scheduler(env, simulator)
        self.deliveries = env['stock.picking']
        control(simulator, 'set_report_pace', polls=0)
        control(simulator, 'set_report_cache', seconds=0)
        # Whoever else has offers is asleep, so that what is measured is this one's.
        env['ir.cron'].search([]).active = False
        (env['amazon.account'].search([]) - self.account).active = False
        env.cr.commit()

    # === LISTINGS === #

    def prepare(self, count: int) -> int:
        """List that many on Amazon."""
        self._control('add_listings', count=count, prefix=f'{self.name}-', quantity=0)
        return count

    def import_listings(self, count: int) -> int:
        """Import all of them, from the question to Amazon until the last one is read."""
        self._control('request_report', marketplace='DE')
        control(self.simulator, 'finish_reports')
        self.account._ask_for_offers()
        self.env.cr.commit()
        report = self.env['amazon.report'].search([('account_id', '=', self.account.id)], limit=1)
        for _run in range(MAX_RUNS):
            if report.state == 'done':
                break
            self.env['amazon.sync']._run_way('reports', self.budget)
        return self._expect(count, report.lines_read - report.left_out_count)

    def create_products(self, count: int) -> int:
        """Make a product with a stock for each of them."""
        location = self.account.warehouse_id.lot_stock_id
        Product = self.env['product.product'].with_context(tracking_disable=True)
        for start in range(0, count, BATCH):
            products = Product.create([
                {
                    'name': f"{self.name} {number}",
                    'default_code': f'{self.name}-{number}',
                    'is_storable': True,
                    'list_price': 19.99,
                }
                for number in range(start + 1, min(start + BATCH, count) + 1)
            ])
            self.env['stock.quant'].create([
                {'product_id': product.id, 'location_id': location.id, 'quantity': STOCK}
                for product in products
            ])
            self.env.cr.commit()
            self.env.invalidate_all()
        return count

    def match(self, count: int) -> int:
        """Find the product of each of them."""
        self.account.action_match_offers()
        self.env.cr.commit()
        return self._expect(count, self.env['amazon.offer'].search_count([
            ('account_id', '=', self.account.id), ('product_id', '!=', False),
        ]))

    # === QUANTITIES === #

    def calculate_all(self, count: int) -> int:
        """Calculate the quantities of all of them, for the first time."""
        self.account.stock_push = 'preview'
        self.env.cr.commit()
        self.find_changed(0)
        return self._expect(count, self._count('to_send'))

    def change(self, count: int) -> int:
        """Let the stock of that many products grow by one."""
        location = self.account.warehouse_id.lot_stock_id
        for product in self._get_products(count):
            self.env['stock.quant']._update_available_quantity(product, location, 1)
        self.env.cr.commit()
        self.env.invalidate_all()
        return count

    def find_changed(self, count: int) -> int:
        """Find whose stock has changed, and calculate what Amazon is to be told."""
        self.account._recalculate_stock(self.budget)
        return count

    def start_push(self, count: int) -> int:
        """Let Amazon be told of all of them, at its true rates."""
        control(self.simulator, 'set_throttle', scale=1.0)
        for name in CRONS:
            self.env.ref(f'amazon_connector.{name}').active = True
        self.account.stock_push = 'on'
        self.env.cr.commit()
        self.find_changed(count)
        return self._expect(count, self._count('to_send'))

    def send(self, _count: int) -> float:
        """Run Odoo's scheduler until Amazon has accepted all that is to be told.

        :return: After how many seconds.
        """
        duration = self._run_while(lambda: self._count('to_send') or self._count_marks())
        self._expect(0, self._count('failed'))
        return duration

    def read_back(self, count: int) -> float:
        """Run Odoo's scheduler until Amazon has shown that it has the quantities of all.

        :return: After how many seconds.
        """
        duration = self._run_while(lambda: self._count('sent'))
        self._expect(count, self._count('in_sync'))
        return duration

    def _run_while(self, count_waiting: Callable[[], int]) -> float:
        return round(self.scheduler.run_while(count_waiting).total_seconds(), 1)

    def _count(self, state: str) -> int:
        count = self.env['amazon.stock.level'].search_count([
            ('account_id', '=', self.account.id), ('state', '=', state),
        ])
        self.env.cr.commit()
        return count

    def _count_marks(self) -> int:
        count = self.env['amazon.stock.change'].search_count([
            ('account_id', '=', self.account.id),
        ])
        self.env.cr.commit()
        return count

    def _get_products(self, count: int) -> BaseModel:
        return self.env['product.product'].search(
            [('default_code', '=like', f'{self.name}-%')], order='id', limit=count,
        )

    # === DELIVERIES === #

    def plan_deliveries(self, count: int) -> int:
        """Reserve the goods of that many deliveries, of one product each."""
        kind = self.account.warehouse_id.out_type_id
        customers = self.env.ref('stock.stock_location_customers')
        self.deliveries = self.env['stock.picking'].create([
            {
                'picking_type_id': kind.id,
                'location_id': kind.default_location_src_id.id,
                'location_dest_id': customers.id,
                'move_ids': [Command.create({
                    'product_id': product.id,
                    'product_uom_qty': 1,
                    'location_id': kind.default_location_src_id.id,
                    'location_dest_id': customers.id,
                })],
            }
            for product in self._get_products(count)
        ])
        self.deliveries.action_confirm()
        self.deliveries.action_assign()
        self.env.cr.commit()
        return count

    def deliver(self, count: int) -> int:
        """Validate the next deliveries, and commit each."""
        for picking in self.deliveries[:count]:
            picking.with_context(skip_sms=True).button_validate()
            self.env.cr.commit()
        delivered, self.deliveries = self.deliveries[:count], self.deliveries[count:]
        return self._expect(count, len(delivered.filtered(lambda it: it.state == 'done')))

    def deliver_unmarked(self, count: int) -> int:
        """Validate the next deliveries, and commit each; leave no mark that stock has changed."""
        changes = self.env.registry['amazon.stock.change']

        def note_nothing(_changes: BaseModel, **_given: Any) -> None:
            """Stand in for `_note`."""

        with patch.object(changes, '_note', note_nothing):
            return self.deliver(count)
