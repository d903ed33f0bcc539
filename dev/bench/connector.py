"""The contenders that take in orders: the connector, and plain Odoo for comparison."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

from freezegun import freeze_time

from odoo import sql_db
from odoo.api import Environment
from odoo.fields import Command
from odoo.models import BaseModel

from simulator import Participation, SellerProfile
from simulator.scenarios import bulk_skus

from ..shop import ensure_account, ensure_product, stock_up
from .simulator import control

WARM_UP_ORDERS = 10
STOCK = 1_000_000
NO_LIMIT = 24 * 3600  # seconds
SKU = re.compile(r'"sellerSku":"[^"]*"')


class Bare:
    """Plain Odoo, told to create and confirm orders like those that the connector imports.

    :param Environment env: The shop.
    :param int batch_size: How many orders are made together, and committed.
    """

    def __init__(self, env: Environment, batch_size: int) -> None:
        self.env = env
        self.batch_size = batch_size
        self.number = 0
        self.products = env['product.product'].search([('default_code', 'in', bulk_skus())])
        self.shipping = env.ref('amazon_connector.product_shipping')
        self.tax = env.company.account_sale_tax_id
        self.state = env.ref('base.state_de_hh')

    def prepare(self, _count: int) -> int:
        """Make the first orders, which are slower than all others."""
        return self.run(max(WARM_UP_ORDERS, self.batch_size))

    def run(self, count: int) -> int:
        """Make that many orders, a multiple of the size of a batch."""
        for _batch in range(count // self.batch_size):
            self._create_and_confirm()
            self.env.cr.commit()
        return count

    def _create_and_confirm(self) -> None:
        numbers = range(self.number, self.number + self.batch_size)
        self.number += self.batch_size
        partners = self.env['res.partner'].create([
            {
                'name': f"Customer {number}",
                'email': f'{self.batch_size}-{number}@marketplace.example',
                'street': f"Lindenweg {number}",
                'zip': '20095',
                'city': "Hamburg",
                'state_id': self.state.id,
                'country_id': self.state.country_id.id,
            }
            for number in numbers
        ])
        self.env['sale.order'].create([
            {
                'partner_id': partner.id,
                'order_line': [Command.create(line) for line in self._get_lines(number)],
            }
            for number, partner in zip(numbers, partners, strict=True)
        ]).action_confirm()

    def _get_lines(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield two products and the shipping, as in the simulator's bulk orders."""
        for line in range(2):
            product = self.products[(number * 7 + line * 13) % len(self.products)]
            yield self._get_line(product, 1 + number % 3, 10.99 + (number + line) % 40)
        yield self._get_line(self.shipping, 1, 4.90)

    def _get_line(self, product: BaseModel, quantity: int, price: float) -> dict[str, Any]:
        return {
            'product_id': product.id,
            'product_uom_qty': quantity,
            'price_unit': price,
            'tax_ids': [Command.set(self.tax.ids)],
        }


class Connector:
    """The connector with the account of a seller of its own.

    :param Environment env: The shop.
    :param str simulator: The simulator's address.
    :param str channel: FBM or FBA.
    """

    def __init__(self, env: Environment, simulator: str, channel: str) -> None:
        # It can be imported only now that Odoo knows its add-ons.
        from odoo.addons.amazon_connector.models.tools import TimeBudget
        self.env = env
        self.simulator = simulator
        self.channel = channel
        self.budget = TimeBudget(NO_LIMIT)
        self.seller = _open_shop(simulator, channel)
        self.account = ensure_account(env, simulator, self.seller)
        env.cr.commit()
        self.account.action_connect()
        self.account._start()
        stock_up(env, env['product.product'].search([('default_code', 'in', bulk_skus())]),
                 self.account.location_id, STOCK)
        env.cr.commit()

    def prepare(self, count: int) -> int:
        """Import the first orders, which are slower than all others, and place the rest."""
        long_ago = datetime.now(timezone.utc) - timedelta(days=20)
        for number in range(WARM_UP_ORDERS):
            self._control(
                'place_order', marketplace='DE', channel=self.channel,
                items=[{'sku': bulk_skus()[number], 'price': '19.99', 'shipping': '4.90'}],
                status='SHIPPED' if self.channel == 'FBA' else 'UNSHIPPED',
                placed_at=long_ago.isoformat(), updated_at=long_ago.isoformat(),
            )
        self.fetch(WARM_UP_ORDERS)
        self.run(WARM_UP_ORDERS)
        self._control('bulk', count=count, channel=self.channel)
        self.account.last_order_sync = datetime.now() - timedelta(days=2)
        self.env.cr.commit()
        return count

    def fetch(self, count: int) -> int:
        """Fetch that many orders."""
        return self._expect(count, self.account._fetch_orders(self.budget))

    def run(self, count: int) -> int:
        """Import that many orders of those that were fetched."""
        return self._expect(count, self._import(count)['created'])

    def _import(self, count: int) -> Counter:
        """Import that many orders, and return what became of them."""
        Order = self.env['amazon.order']
        inbox = Order.search(
            [('account_id', '=', self.account.id), ('state', '=', 'to_do')],
            order='id', limit=count,
        )
        return Order._import_orders(self.budget, self.account, inbox)

    def _expect(self, count: int, found: int) -> int:
        if found != count:
            problem = self.account.last_error or "See the reasons in the inbox and the outbox."
            raise AssertionError(f"{found} instead of {count}. {problem}")
        return found

    def _control(self, action: str, **arguments: Any) -> None:
        control(self.simulator, action, self.seller.seller_id, **arguments)


class Flawed(Connector):
    """The connector where some of 100 orders can't be imported.

    Their product belongs to another company meanwhile, as Odoo notices when it creates the order.

    :param Environment env: The shop.
    :param str simulator: The simulator's address.
    :param int flaws: How many of 100 orders.
    """

    def __init__(self, env: Environment, simulator: str, flaws: int) -> None:
        super().__init__(env, simulator, 'FBM')
        self.flaws = flaws
        self.product = ensure_product(env, f'FLAWED-{flaws}', "Flawed", 19.99)
        self.env.cr.commit()

    def fetch(self, count: int) -> int:
        """Fetch that many orders, some of them with the product that can't be sold."""
        fetched = super().fetch(count)
        if count == WARM_UP_ORDERS:
            return fetched
        inbox = self.env['amazon.order'].search(
            [('account_id', '=', self.account.id), ('state', '=', 'to_do')], order='id',
        )
        for order in inbox[::100 // self.flaws]:
            order.payload = SKU.sub(f'"sellerSku":"{self.product.default_code}"', order.payload)
        self.env['amazon.offer'].create({
            'account_id': self.account.id,
            'marketplace_id': self.account.synced_marketplace_ids.id,
            'sku': self.product.default_code,
            'product_id': self.product.id,
        })
        self.product.company_id = self.env['res.company'].create({
            'name': f"Elsewhere {self.flaws}",
        })
        self.env.cr.commit()
        return fetched

    def run(self, count: int) -> int:
        """Import that many orders, good or bad, of those that were fetched."""
        if count == WARM_UP_ORDERS:
            return super().run(count)
        outcomes = self._import(count)
        if outcomes['failed'] != count * self.flaws // 100:
            raise AssertionError(f"{outcomes} of {count}")
        return self._expect(count, outcomes['created'] + outcomes['failed'])


class Day(Connector):
    """A day of the connector at Amazon's true rates, on a clock that jumps from minute to minute.

    Odoo's scheduler looks for jobs every minute. So it does here, in 24 hours, and all its crons
    but the fetching one are switched off.
    """

    def __init__(self, env: Environment, simulator: str) -> None:
        super().__init__(env, simulator, 'FBM')
        self.caught_up: timedelta | None = None

    def prepare(self, count: int) -> int:
        """Place the backlog."""
        self._control('bulk', count=count, days=6)
        control(self.simulator, 'set_throttle', scale=1.0)
        crons = self.env['ir.cron'].search([])
        crons.active = False
        self.env.ref('amazon_connector.ir_cron_fetch_orders').active = True
        self.account.search([]).active = False
        self.account.active = True
        self.account.last_order_sync = datetime.now() - timedelta(days=7)
        self.env.cr.commit()
        return count

    def run(self, count: int) -> int:
        """Let 24 hours pass.

        :return: After how many seconds all orders of the backlog were there.
        """
        start = datetime.now(timezone.utc)
        with (
            freeze_time(start) as clock,
            patch.object(sql_db.Cursor, 'now', lambda cr: datetime.now()),
        ):
            for minutes in range(24 * 60):
                moment = start + timedelta(minutes=minutes)
                control(self.simulator, 'clock', freeze=moment.isoformat())
                clock.move_to(moment)
                self.env.registry['ir.cron']._process_jobs(self.env.cr.dbname)
                self._look_whether_caught_up(count, moment - start)
        return int(self.caught_up.total_seconds())

    def _look_whether_caught_up(self, count: int, elapsed: timedelta) -> None:
        if self.caught_up is None:
            domain = [('account_id', '=', self.account.id)]
            if self.env['amazon.order'].search_count(domain) == count:
                self.caught_up = elapsed
            self.env.cr.commit()


def _open_shop(simulator: str, name: str) -> SellerProfile:
    """Let another seller sell in Germany, with an application of its own."""
    secret = f'{name}-{time.monotonic_ns()}'
    profile = {
        'seller_id': f'BENCHMARK-{secret}',
        'client_id': f'client-{secret}',
        'client_secret': secret,
        'refresh_token': f'Atzr|{secret}',
        'store_name': f"Benchmark {name}",
    }
    control(simulator, 'add_seller', participations=['DE'], **profile)
    return SellerProfile(participations=(Participation('DE'),), **profile)
