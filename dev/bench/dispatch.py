"""The contender that tells Amazon of deliveries, at Amazon's true rates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

from freezegun import freeze_time

from odoo import sql_db
from odoo.api import Environment
from odoo.models import BaseModel

from ..shop import ensure
from .connector import Connector
from .simulator import control

CRONS = ('ir_cron_send_deliveries', 'ir_cron_process_feeds')
BATCH = 100
LOOK_EVERY = timedelta(minutes=1)  # Odoo's scheduler, unless it is notified
QUOTA_PAUSE = timedelta(seconds=0.5)  # until `confirmShipment` may be called once more
TIME_LIMIT = timedelta(hours=6)


class Scheduler:
    """Odoo's scheduler, which lives in a time of its own.

    Odoo's clock and the simulator's run as time does while jobs run. Where the scheduler would wait
    for its next look, a minute after the last one, both jump. Whoever notifies it lets it look at
    once, as in the real one; if all that the jobs found is that the quota holds them up, the clocks
    jump by half a second, which the real one would spend in more such looks.

    :param Environment env: The database whose jobs it runs.
    :param str simulator: The simulator's address.
    """

    def __init__(self, env: Environment, simulator: str) -> None:
        self._database = env.cr.dbname
        self._jobs = env.registry['ir.cron']
        self._simulator = simulator
        self._skipped = timedelta()
        self._is_notified = False

    def run_while(self, count_waiting: Callable[[], int]) -> timedelta:
        """Run jobs as long as something is waiting for them.

        :param count_waiting: Tells how much is.
        :return: How long that took on the clocks.
        :raise AssertionError: If it takes longer than anybody would wait.
        """
        with self._running_clock() as clock:
            start = clock()
            waiting = count_waiting()
            while waiting:
                if clock() - start > TIME_LIMIT:
                    raise AssertionError(f"{waiting} still waiting after {TIME_LIMIT}.")
                before, self._is_notified = waiting, False
                self._jobs._process_jobs(self._database)
                waiting = count_waiting()
                if waiting and not self._is_notified:
                    self._skip(clock, LOOK_EVERY - (clock() - start) % LOOK_EVERY)
                elif waiting == before:
                    self._skip(clock, QUOTA_PAUSE)
            return clock() - start

    @contextmanager
    def _running_clock(self) -> Iterator[Any]:
        with (
            freeze_time(datetime.now(timezone.utc) + self._skipped, tick=True) as clock,
            patch.object(sql_db.Cursor, 'now', lambda cr: datetime.now()),
            patch.object(self._jobs, '_notifydb', lambda cron: self._notify()),
        ):
            yield clock

    def _notify(self) -> None:
        self._is_notified = True

    def _skip(self, clock: Any, duration: timedelta) -> None:
        """Let the clocks jump."""
        control(self._simulator, 'clock', seconds=duration.total_seconds())
        clock.move_to(clock() + duration)
        self._skipped += duration


class Dispatch(Connector):
    """The connector and deliveries that wait for it."""

    def __init__(self, env: Environment, simulator: str) -> None:
        super().__init__(env, simulator, 'FBM')
        self.scheduler = Scheduler(env, simulator)

    def prepare(self, count: int) -> int:
        """Import that many orders, and give their deliveries a carrier and a tracking number."""
        self._control('bulk', count=count)
        self.account.last_order_sync = datetime.now() - timedelta(days=2)
        self.env.cr.commit()
        self.fetch(count)
        self.run(count)
        carrier = self._ensure_carrier("DHL")
        for number, picking in enumerate(self._get_deliveries()):
            picking.write({'carrier_id': carrier.id, 'carrier_tracking_ref': f'{number:020}'})
        control(self.simulator, 'set_throttle', scale=1.0)
        self.env['ir.cron'].search([]).active = False
        for name in CRONS:
            self.env.ref(f'amazon_connector.{name}').active = True
        self.account.search([]).active = False
        self.account.active = True
        self.env.cr.commit()
        return count

    def validate(self, count: int) -> int:
        """Validate the deliveries: Amazon is to be told of all, for the first time."""
        pickings = self._get_deliveries()
        for start in range(0, count, BATCH):
            pickings[start:start + BATCH].with_context(skip_sms=True).button_validate()
            self.env.cr.commit()
        return self._expect(count, self._count_waiting())

    def change_carrier(self, count: int) -> int:
        """Give the deliveries to another carrier: Amazon is to be told of all once more."""
        self._get_deliveries().carrier_id = self._ensure_carrier("UPS")
        self.env.cr.commit()
        return self._expect(count, self._count_waiting())

    def send(self, count: int) -> int:
        """Run Odoo's scheduler until Amazon has accepted all.

        :return: After how many seconds.
        """
        duration = self.scheduler.run_while(self._count_waiting)
        sent = self.env['amazon.shipment'].search_count([
            ('account_id', '=', self.account.id), ('state', '=', 'sent'),
        ])
        self._expect(count, sent)
        return round(duration.total_seconds())

    def _count_waiting(self) -> int:
        count = self.env['amazon.shipment'].search_count([
            ('account_id', '=', self.account.id), ('state', 'in', ('to_send', 'in_feed')),
        ])
        self.env.cr.commit()
        return count

    def _get_deliveries(self) -> BaseModel:
        return self.env['stock.picking'].search(
            [('amazon_account_id', '=', self.account.id)], order='id',
        )

    def _ensure_carrier(self, name: str) -> BaseModel:
        return ensure(
            self.env, 'delivery.carrier', {'name': name},
            product_id=self.account.shipping_product_id.id,
        )
