"""What the processes of a `ProcessCase` do. Runs in Odoo's shell, not in the tests."""

import itertools
import json
import os
import signal
import sys
from datetime import timedelta
from functools import partial

import requests

from odoo import SUPERUSER_ID, api, sql_db
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import retrying

from odoo.addons.amazon_connector.amazon import marketplaces
from odoo.addons.amazon_connector.models import (
    amazon_order_importing,
    amazon_report,
    amazon_report_mixin,
    amazon_settlement,
    amazon_settlement_booking,
    amazon_shipment,
    amazon_stock_sending,
    sale_order_invoicing,
)
from odoo.addons.amazon_connector.models.tools import CRON_SECONDS, TimeBudget

SYNC_LOCK = 8127  # any number that nobody else locks
INVOICES = 60


class Stage:
    """A database, a simulator, and child processes that play on it.

    Each child is a process as Odoo's workers are: forked, with connections of its own.
    """

    def __init__(self, env, url):
        """Leave the shell's transaction, so that no child inherits a connection.

        :param odoo.api.Environment env: Of the shell.
        :param str url: The address of the simulator.
        """
        self._registry = env.registry
        self._url = url
        amazon_order_importing.BATCH_SIZE = 2
        sql_db.close_all()

    def control(self, action, **arguments):
        """Do something in the simulator; see its control API."""
        response = requests.post(f'{self._url}/control/{action}', json=arguments, timeout=30)
        response.raise_for_status()
        return response.json()

    def rehearse(self, act):
        """Act in this process, so that the children inherit filled caches.

        :param act: What to do; takes an environment.
        """
        with self._registry.cursor() as cr:
            act(api.Environment(cr, SUPERUSER_ID, {}))
        sql_db.close_all()

    def play(self, *acts, kill_at=None):
        """Let children act at the same time, each in one transaction as a request of a browser.

        :param acts: What they do; each takes an environment.
        :param int kill_at: Kill them before this commit of theirs; 1 is the first one.
        :return: Whether a child was killed.
        :rtype: bool
        """
        ready, start = os.pipe(), os.pipe()
        children = [self._fork(act, ready, start, kill_at) for act in acts]
        for _child in children:
            os.read(ready[0], 1)
        os.write(start[1], b'.' * len(children))
        for end in (*ready, *start):
            os.close(end)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        if any(os.WIFEXITED(status) and os.WEXITSTATUS(status) for status in statuses):
            os._exit(1)  # The child has told why.
        return any(os.WIFSIGNALED(status) for status in statuses)

    def _fork(self, act, ready, start, kill_at):
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            with self._registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                os.write(ready[1], b'.')
                os.read(start[0], 1)
                if kill_at:
                    _die_at(kill_at)
                retrying(partial(act, env), env)
            status = 0
        except Exception:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)


def _die_at(number):
    """Let this process kill itself before a commit; 1 is the next one."""
    commit = sql_db.Cursor.commit
    commits = itertools.count(1)

    def commit_or_die(cursor):
        if next(commits) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(cursor)

    sql_db.Cursor.commit = commit_or_die


# === ACTS === #

def set_up(env, url):
    """Connect an account with the simulator, and start it."""
    env['res.currency'].with_context(active_test=False).search(
        [('name', 'in', ('EUR', 'GBP', 'JPY'))],
    ).active = True
    env['product.product'].create({
        'name': "Mug", 'default_code': 'MUG', 'is_storable': True, 'taxes_id': False,
    })
    account = env['amazon.account'].create({
        'only_matched_products': False,
        'name': "Nordwind",
        'seller_id': 'A2SIMULATOR001',
        'lwa_client_id': 'amzn1.application-oa2-client.simulator',
        'lwa_client_secret': 'amzn1.oa2-cs.v1.simulator',
        'refresh_token': 'Atzr|simulator-default',
        'environment': 'custom',
        'spapi_endpoint': url,
        'lwa_endpoint': f'{url}/auth/o2/token',
    })
    account.action_connect()
    account._start()


def sync(env):
    """Press Sync Orders, one process after the other."""
    # A killed process holds the lock until its connection is gone.
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    press_sync(env)
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


def press_sync(env):
    """Press Sync Orders."""
    env['amazon.account'].search([]).action_sync_orders()


def sync_often(env):
    """Press Sync Orders until the quota is used up, and some times more."""
    used_up = [('operation', '=', 'searchOrders'), ('tokens', '<', 1)]
    # Counting would not do: a press comes to nothing while another worker is at it.
    while not env['amazon.quota'].search_count(used_up):
        press_sync(env)
    for _time in range(4):
        press_sync(env)


def fetch(env):
    """Fetch as the scheduler does."""
    env.ref('amazon_connector.ir_cron_fetch_orders').method_direct_trigger()


def send(env):
    """Press Sync Pickings until feeds are read, one process after the other."""
    # A killed process holds the lock until its connection is gone.
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    for _step in range(2):
        press_send(env)
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


def sync_and_deliver(env):
    """Fetch orders and deliver them."""
    press_sync(env)
    deliver(env)


def deliver(env):
    """Validate the deliveries that are open, tracked by the reference of the order."""
    carrier = env['delivery.carrier'].search([('amazon_carrier_code', '=', 'DPD')])
    for picking in env['stock.picking'].search([
        ('amazon_account_id', '!=', False), ('state', 'not in', ('done', 'cancel')),
    ]):
        picking.write({
            'carrier_id': carrier.id, 'carrier_tracking_ref': picking.amazon_order_ref,
        })
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty
        picking.with_context(skip_sms=True).button_validate()


def press_send(env):
    """Press Sync Pickings."""
    env['amazon.account'].search([]).action_sync_pickings()


def run_sender(env):
    """Send as the scheduler does."""
    env.ref('amazon_connector.ir_cron_send_deliveries').method_direct_trigger()


def set_up_carrier(env):
    """Create a delivery method that Amazon knows."""
    product = env['product.product'].create({'name': "DPD", 'type': 'service'})
    env['delivery.carrier'].create({'name': "DPD", 'product_id': product.id})


def set_up_kit(env):
    """Create a tea set of a cup and two plates."""
    tea_set, cup, plate = env['product.product'].create([
        {'name': name, 'default_code': name, 'is_storable': True, 'taxes_id': False}
        for name in ('TEASET', 'CUP', 'PLATE')
    ])
    env['mrp.bom'].create({
        'product_tmpl_id': tea_set.product_tmpl_id.id,
        'type': 'phantom',
        'bom_line_ids': [
            Command.create({'product_id': cup.id, 'product_qty': 1}),
            Command.create({'product_id': plate.id, 'product_qty': 2}),
        ],
    })


def ship_parts(env, parts, tracking):
    """Deliver parts of all open orders, the rest following in backorders."""
    carrier = env['delivery.carrier'].search([('amazon_carrier_code', '=', 'DPD')])
    pickings = env['stock.picking'].search([
        ('amazon_account_id', '!=', False), ('state', 'not in', ('done', 'cancel')),
    ])
    for picking in pickings:
        picking.write({'carrier_id': carrier.id, 'carrier_tracking_ref': tracking})
        for move in picking.move_ids:
            move.quantity = parts.get(move.product_id.default_code, 0)
            move.picked = bool(move.quantity)
        picking.with_context(skip_sms=True, skip_backorder=True).button_validate()
    press_send(env)


def run_crons(env):
    """Fetch and import as the scheduler does."""
    fetch(env)
    env.ref('amazon_connector.ir_cron_import_orders').method_direct_trigger()


def retry_failed(env):
    """Retry what failed, as happens by itself some minutes later."""
    env['amazon.order'].search([('state', '=', 'failed')]).action_retry()


# === PLAYS === #

def perform(play, env, url):
    """Perform a play in front of a connected account, and end the process.

    :param play: One of the functions below.
    :param odoo.api.Environment env: Of the shell.
    :param str url: The address of the simulator.
    """
    stage = Stage(env, url)
    stage.rehearse(partial(set_up, url=url))
    play(stage)
    # The shell would end its transaction, but its connection is closed.
    sys.stdout.flush()
    os._exit(0)


def rest(_stage):
    """Do nothing more than to connect the account."""


def sell_mugs(stage):
    """Import some orders, one of them delivered."""
    stage.rehearse(set_up_carrier)
    stage.control('place_order', items=[{'sku': 'MUG', 'gift_wrap': '1.00'}])
    stage.rehearse(sync_and_deliver)
    stage.control('place_order', items=[{'sku': 'MUG', 'shipping': '4.90'}])
    stage.rehearse(sync)


def sync_all(stage):
    """Let a new account read everything."""
    stage.rehearse(sync)


def fetch_once(stage):
    """Let the scheduler fetch what there is."""
    stage.play(fetch)


def kill_at_every_commit(stage):
    """Kill a synchronization before each of its commits, and synchronize again.

    Death after a commit leaves the same as death before the next one.
    """
    mugs = [{'sku': 'MUG', 'price': '12.99', 'quantity': 3}]
    changing = stage.control('place_order', items=mugs)['order_id']
    stage.rehearse(sync)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        point = {'buyer': {
            'name': f'Ben {number}', 'email': f'ben{number}@marketplace.amazon.de',
            'purchase_order': f'killed before commit {number}',
        }}
        stage.control('place_order', channel='FBA', status='SHIPPED', items=mugs, **point)
        stage.control('cancel_item', order=changing, quantity=1)
        changing = stage.control('place_order', items=mugs, **point)['order_id']
        was_killed = stage.play(sync, kill_at=number)
        stage.play(sync)
    sys.stdout.write(str(number - 1))


def share_the_inbox(stage):
    """Let workers import what another one has fetched, and fetch what has come meanwhile."""
    place_many(stage)
    stage.play(fetch)
    stage.play(press_sync, run_crons)
    place_many(stage)
    stage.play(press_sync, press_sync, run_crons)
    stage.play(run_crons)
    stage.play(retry_failed)


def place_many(stage):
    """Place orders that want the same new offers, contacts and price lists."""
    for _number in range(4):
        stage.control('place_order', items=[{'sku': 'MUG'}, {'sku': 'UNKNOWN'}])
        stage.control(
            'place_order', marketplace='GB', channel='FBA', status='SHIPPED',
            items=[{'sku': 'MUG'}, {'sku': 'OTHER'}], buyer={}, address={'country': 'GB'},
        )
        stage.control(
            'place_order', marketplace='JP', items=[{'sku': 'MUG', 'price': '1980'}],
            buyer={'name': 'Ben', 'email': 'ben@marketplace.amazon.co.jp'},
        )


def share_the_quota(stage):
    """Let two workers call Amazon more often than it allows, and one that starts later."""
    stage.control('set_throttle', scale=1.0)
    stage.play(sync_often, sync_often)
    stage.play(press_sync)


def kill_senders_at_every_commit(stage):
    """Kill whoever tells Amazon of two deliveries by calls before each commit, and send again."""
    stage.rehearse(set_up_carrier)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        for _order in range(2):
            stage.control('place_order', items=[{'sku': 'MUG', 'quantity': 3}])
        stage.rehearse(sync_and_deliver)
        was_killed = stage.play(send, kill_at=number)
        stage.play(send)
    sys.stdout.write(str(number - 1))


def kill_feeders_at_every_commit(stage):
    """Do the same with feeds."""
    amazon_shipment.FEED_FROM = 1
    stage.control('set_feed_pace', polls=0)
    kill_senders_at_every_commit(stage)


def share_the_outbox(stage):
    """Let workers tell Amazon of the same deliveries at the same time."""
    stage.rehearse(set_up_carrier)
    for _order in range(8):
        stage.control('place_order', items=[{'sku': 'MUG', 'quantity': 1}])
    stage.play(sync)
    stage.play(deliver)
    stage.play(press_send, press_send, run_sender)
    stage.play(run_sender)


def import_kits(stage):
    """Import tea sets that left before Odoo knew of them, all or some, and one that left since."""
    stage.rehearse(set_up_kit)
    stage.rehearse(import_what_is_shipped)
    for status, quantities in (('SHIPPED', None), ('UNSHIPPED', {'TEASET': 1})):
        order = stage.control(
            'place_order', items=[{'sku': 'TEASET', 'quantity': 3}], status=status,
        )
        if quantities:
            stage.control('ship', order=order['order_id'], quantities=quantities)
    order = stage.control('place_order', items=[{'sku': 'TEASET', 'quantity': 3}])
    stage.rehearse(sync)
    stage.control('ship', order=order['order_id'], quantities={'TEASET': 1})
    stage.rehearse(sync)
    stage.rehearse(take_what_is_shipped)


def take_what_is_shipped(env):
    """Take from stock what was shipped outside Odoo while its delivery was open."""
    env['sale.order'].search([('amazon_elsewhere', '!=', False)]).action_already_shipped()
    env.cr.commit()


def import_what_is_shipped(env):
    """Let the account import orders that were shipped outside Odoo."""
    env['amazon.account'].search([]).shipped_elsewhere = 'import'
    env.cr.commit()


def tempt_buyers(stage):
    """Sell to Amazon's buyers where everything that markets is switched on."""
    stage.rehearse(set_up_carrier)
    stage.rehearse(set_up_marketing)
    stage.control('place_order', items=[{'sku': 'MUG', 'quantity': 1}])
    stage.control('place_order', items=[{'sku': 'MUG'}], channel='FBA', status='SHIPPED')
    stage.rehearse(sync)
    stage.rehearse(confirm_again)
    stage.rehearse(deliver)


def set_up_marketing(env):
    """Send a coupon for the next order, and invite a buyer who is known already."""
    template = env.ref('loyalty.mail_template_loyalty_card')
    template.report_template_ids = False  # It would want a program that prints.
    env['loyalty.program'].create({
        'name': "Next time", 'program_type': 'next_order_coupons', 'trigger': 'auto',
        'applies_on': 'future',
        'rule_ids': [Command.create({'minimum_amount': 1})],
        'reward_ids': [Command.create({'discount': 10})],
        'communication_plan_ids': [Command.create({
            'trigger': 'create',
            'mail_template_id': template.id,
        })],
    })
    env.cr.commit()


def confirm_again(env):
    """Cancel the orders by mistake and confirm them again, as people do."""
    orders = env['sale.order'].search([('amazon_channel', '=', 'fbm')])
    orders._action_cancel()
    orders.action_draft()
    orders.action_confirm()
    for order in orders:
        order.coupon_point_ids.coupon_id._send_creation_communication(force_send=True)
        env['mail.template'].create({
            'name': "Please rate", 'model_id': env.ref('sale.model_sale_order').id,
            'partner_to': '{{ object.partner_id.id }}', 'subject': "How was it?",
        }).send_mail(order.id, force_send=True)
    env.cr.commit()


def ship_kits(stage):
    """Deliver the parts of tea sets in different orders."""
    stage.rehearse(set_up_carrier)
    stage.rehearse(set_up_kit)
    for deliveries in (
        [{'CUP': 2, 'PLATE': 2}, {'CUP': 1, 'PLATE': 4}],
        [{'CUP': 3}, {'PLATE': 6}],
    ):
        stage.control('place_order', items=[{'sku': 'TEASET', 'quantity': 3}])
        stage.rehearse(sync)
        for number, parts in enumerate(deliveries, start=1):
            stage.rehearse(partial(ship_parts, parts=parts, tracking=f'PART {number}'))


# === OFFERS === #

def offer_kits(stage):
    """Offer tea sets, the same in boxes of two, and plates; print what is offered wrongly."""
    stage.rehearse(set_up_kit)
    wrong = []
    stage.rehearse(partial(offer_kits_and_parts, wrong=wrong))
    sys.stdout.write(json.dumps(wrong))


def offer_kits_and_parts(env, wrong):
    """Let goods come and go, compare what is offered with what the parts make."""
    products = {
        code: env['product.product'].search([('default_code', '=', code)])
        for code in ('TEASET', 'CUP', 'PLATE')
    }
    cup, plate = products['CUP'], products['PLATE']
    manual, leaflet, big = env['product.product'].create([
        {'name': "Manual", 'is_storable': True},
        {'name': "Leaflet", 'is_storable': False},
        {'name': "Big Set", 'default_code': 'BIG', 'type': 'consu', 'is_storable': False},
    ])
    bom = env['mrp.bom'].search([('product_tmpl_id', '=', products['TEASET'].product_tmpl_id.id)])
    bom.bom_line_ids = [
        Command.create({'product_id': manual.id, 'product_qty': 0}),
        Command.create({'product_id': leaflet.id, 'product_qty': 1}),
    ]
    env['mrp.bom'].create({
        'product_tmpl_id': big.product_tmpl_id.id, 'type': 'phantom', 'product_qty': 2,
        'bom_line_ids': [
            Command.create({'product_id': products['TEASET'].id, 'product_qty': 3}),
            Command.create({'product_id': cup.id, 'product_qty': 1}),
        ],
    })
    account = env['amazon.account'].search([])
    account.stock_push = 'preview'
    offers = {
        sku: env['amazon.offer'].create({
            'account_id': account.id, 'marketplace_id': account.synced_marketplace_ids[0].id,
            'sku': sku, 'product_id': product.id, 'channel': 'fbm', 'pack_size': pack_size,
        })
        for sku, product, pack_size in (
            ('TEASET', products['TEASET'], 1), ('BOX', products['TEASET'], 2), ('PLATE', plate, 1),
            ('BIG', big, 1),
        )
    }
    stock = account.warehouse_id.lot_stock_id
    pending = env['amazon.order'].create({
        'amazon_order_ref': '305-1', 'account_id': account.id, 'channel': 'fbm', 'state': 'skipped',
        'marketplace_id': account.synced_marketplace_ids[0].id, 'amazon_status': 'PENDING',
    })
    changes = env['amazon.stock.change']
    everything = set(offers)

    def check(label, marked, **expected):
        env.cr.flush()
        taken = set(changes._take_offers(account, 1000).mapped('sku'))
        quantities = env['amazon.offer'].union(*offers.values())._get_offered_quantities()
        found = {sku: quantities[offer] for sku, offer in offers.items()}
        if found != expected or taken != marked:
            wrong.append([label, found, sorted(taken)])

    def put(product, quantity):
        env['stock.quant']._update_available_quantity(product, stock, quantity)

    check("empty", everything, TEASET=0, BOX=0, PLATE=0, BIG=0)
    put(cup, 10)
    put(plate, 13)
    # A big set is one and a half tea sets and half a cup: two cups and three plates.
    check("in stock", everything, TEASET=6, BOX=3, PLATE=13, BIG=4)
    pending.open_quantities = {'BOX': 1, 'PLATE': 2}
    check("pending kits and parts", everything, TEASET=3, BOX=1, PLATE=7, BIG=2)
    pending.open_quantities = {'BIG': 2}
    check("pending nested kits", everything, TEASET=3, BOX=1, PLATE=7, BIG=2)
    pending.amazon_status = 'CANCELLED'
    check("cancelled", everything, TEASET=6, BOX=3, PLATE=13, BIG=4)
    put(cup, -7)
    check("cups are scarce", {'TEASET', 'BOX', 'BIG'}, TEASET=3, BOX=1, PLATE=13, BIG=1)
    bom.bom_line_ids.filtered(lambda line: line.product_id == plate).product_qty = 6
    check("a part is needed more", everything, TEASET=2, BOX=1, PLATE=13, BIG=1)
    bom.bom_line_ids.filtered(lambda line: line.product_id == plate).unlink()
    check("a part is needed no more", {'TEASET', 'BOX', 'BIG'}, TEASET=3, BOX=1, PLATE=13, BIG=1)
    bom.bom_line_ids.filtered(lambda line: line.product_id == cup).unlink()
    check("consumables only", {'TEASET', 'BOX', 'BIG'}, TEASET=None, BOX=None, PLATE=13, BIG=6)
    text = offers['BIG'].quantity_explanation
    if 'CUP' not in text or 'Whole kits' not in text:
        wrong.append(['explanation', text])


def mark_while_marks_are_taken(stage):
    """Move goods while somebody holds the marks of the same product, and print what he holds."""
    stage.rehearse(offer_the_mug)
    stage.rehearse(move_mugs)
    registry = stage._registry
    with registry.cursor() as taker, registry.cursor() as mover:
        taking = api.Environment(taker, SUPERUSER_ID, {})
        taken = taking['amazon.stock.change']._take_offers(
            taking['amazon.account'].search([]), 1000,
        )
        mover.execute("SET LOCAL lock_timeout = '2s'")
        move_mugs(api.Environment(mover, SUPERUSER_ID, {}))
        mover.commit()
        sys.stdout.write(json.dumps(taken.mapped('sku')))
    sql_db.close_all()


def offer_the_mug(env):
    """Offer the mug."""
    account = env['amazon.account'].search([])
    account.stock_push = 'preview'
    env['amazon.offer'].create({
        'account_id': account.id, 'marketplace_id': account.synced_marketplace_ids[0].id,
        'sku': 'MUG', 'channel': 'fbm',
        'product_id': env['product.product'].search([('default_code', '=', 'MUG')]).id,
    })
    env.cr.commit()


def move_mugs(env):
    """Let mugs come in."""
    env['stock.quant']._update_available_quantity(
        env['product.product'].search([('default_code', '=', 'MUG')]),
        env['amazon.account'].search([]).warehouse_id.lot_stock_id, 5,
    )
    env.cr.commit()


def ship_packs_of_kits(stage):
    """Deliver the parts of packs of tea sets, some of which were matched after they came in."""
    stage.rehearse(set_up_carrier)
    stage.rehearse(set_up_kit)
    stage.rehearse(offer_packs_of_kits)
    for sku, deliveries in (
        ('SETS', [{'CUP': 3, 'PLATE': 6}, {'CUP': 1, 'PLATE': 2}]),
        ('BOX', [{'CUP': 4, 'PLATE': 2}, {'PLATE': 6}]),
    ):
        stage.control('place_order', items=[{'sku': sku, 'quantity': 2}])
        stage.rehearse(sync)
        stage.rehearse(match_packs_of_kits)
        for number, parts in enumerate(deliveries, start=1):
            stage.rehearse(partial(ship_parts, parts=parts, tracking=f'PART {number}'))


def offer_packs_of_kits(env):
    """Offer packs of two tea sets."""
    env['amazon.offer'].create({
        'account_id': env['amazon.account'].search([]).id,
        'marketplace_id': env.ref('amazon_connector.marketplace_de').id,
        'sku': 'SETS',
        'product_id': env['product.product'].search([('default_code', '=', 'TEASET')]).id,
        'pack_size': 2,
    })


def match_packs_of_kits(env):
    """Match what is sold already to packs of two tea sets."""
    env['amazon.offer'].search([('sku', '=', 'BOX')]).write({
        'product_id': env['product.product'].search([('default_code', '=', 'TEASET')]).id,
        'pack_size': 2,
    })


# === DAYS OF FAILURES === #

BUYER = {'name': "Wilhelmine Heimlich", 'email': 'heimlich77@marketplace.amazon.de'}
RENEWED = 'Atzr|renewed-by-two'


def share_the_token(stage):
    """Let workers that have no access token call Amazon at the same time."""
    stage.rehearse(forget_tokens)
    stage.control('clear_calls')
    stage.play(*4 * [read_participations])


def forget_tokens(env):
    """Forget all access tokens."""
    env['amazon.access.token'].search([]).unlink()
    env.cr.commit()


def read_participations(env):
    """Call Amazon."""
    with env['amazon.connection'].search([])._get_client() as client:
        marketplaces.fetch_participations(client)


def suffer(stage):
    """Let orders, tokens and secrets fail in many ways."""
    stage.rehearse(refuse_buyers)
    place = partial(
        stage.control, 'place_order', buyer=BUYER,
        address={'name': BUYER['name'], 'line1': 'Heimlichweg 7', 'country': 'DE'},
    )
    place(items=[{'sku': 'MUG', 'gift_message': f"From {BUYER['name']}"}])
    place(items=[{'sku': 'UNKNOWN'}])
    odd = place(items=[{'sku': 'MUG'}])['order_id']
    stage.control('override', order=odd, values={'/orderItems': BUYER['name']})
    stage.play(fetch)
    stage.play(run_crons, press_sync)
    for kind, operation in (
        ('internal_error', 'lwa'), ('forbidden', 'searchOrders'), ('not_json', 'searchOrders'),
    ):
        stage.rehearse(forget_tokens)
        stage.control('arm', kind=kind, operation=operation)
        stage.play(fetch)
        stage.play(connect)
    stage.play(*3 * [renew_token])
    stage.play(run_crons)
    stage.play(retry_failed)


def refuse_buyers(env):
    """Let PostgreSQL refuse contacts of the buyer, in a statement that quotes them."""
    env.cr.execute("""
        ALTER TABLE res_partner ADD CONSTRAINT no_heimlich CHECK (name NOT LIKE '%Heimlich%')
    """)
    env.cr.commit()


def connect(env):
    """Press Connect."""
    env['amazon.account'].search([]).action_connect()


def renew_token(env):
    """Enter a new refresh token, as others do at the same moment."""
    env['amazon.account'].search([]).refresh_token = RENEWED
    env.flush_all()


# === STOCK === #

STOCK_SKUS = ('MUG', 'BOWL', 'JUG')


def kill_stock_senders_at_every_commit(stage):
    """Kill whoever tells Amazon of quantities before each commit, and let another one do it."""
    set_up_stock(stage, STOCK_SKUS)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        stage.rehearse(partial(count_stock, first=10 * number))
        was_killed = stage.play(sync_stock, kill_at=number)
        stage.play(sync_stock)
    sys.stdout.write(str(number - 1))


def kill_stock_feeders_at_every_commit(stage):
    """Do the same with feeds."""
    amazon_stock_sending.FEED_FROM = 1
    stage.control('set_feed_pace', polls=0)
    kill_stock_senders_at_every_commit(stage)


def share_the_stock(stage):
    """Let workers tell Amazon of the same quantities at the same time."""
    set_up_stock(stage, [f'SKU {number}' for number in range(8)])
    stage.rehearse(partial(count_stock, first=10))
    stage.play(press_sync_stock, press_sync_stock, run_stock_sender)
    stage.play(run_stock_sender)


def set_up_stock(stage, skus):
    """Offer things in Germany, whose quantities Odoo tells."""
    for sku in skus:
        stage.control('add_listing', sku=sku, marketplace_id='DE', quantity=1)
    stage.rehearse(partial(create_offers, skus=skus))


def create_offers(env, skus):
    """Create the offers of SKUs, each of a product of its own."""
    account = env['amazon.account'].search([])
    germany = account.synced_marketplace_ids.filtered(lambda m: m.name == 'Amazon.de')
    account.stock_push = 'on'
    for sku in skus:
        product = env['product.product'].create({'name': sku, 'is_storable': True})
        env['amazon.offer'].create({
            'account_id': account.id, 'marketplace_id': germany.id, 'sku': sku,
            'product_id': product.id, 'channel': 'fbm',
        })
    env.cr.commit()


def count_stock(env, first):
    """Let an inventory find other quantities of what is offered, one more of each."""
    location = env['amazon.account'].search([]).warehouse_id.lot_stock_id
    for number, offer in enumerate(env['amazon.offer'].search([], order='id'), start=first):
        quant = env['stock.quant'].with_context(inventory_mode=True).create({
            'product_id': offer.product_id.id, 'location_id': location.id,
            'inventory_quantity': number,
        })
        quant.action_apply_inventory()
    env.cr.commit()


def sync_stock(env):
    """Tell Amazon of quantities until feeds are read, one process after the other."""
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    run_stock_sender(env)
    for _step in range(2 if env['amazon.feed'].search_count([], limit=1) else 0):
        env['amazon.feed']._cron_process_feeds()
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


def press_sync_stock(env):
    """Press Sync Stock."""
    env['amazon.account'].search([]).action_sync_stock()


def run_stock_sender(env):
    """Tell Amazon of quantities as the scheduler does."""
    env['amazon.account']._cron_send_stock()


# === PRICES === #

def kill_price_senders_at_every_commit(stage):
    """Kill whoever tells Amazon of prices before each commit, take one of them back, and let
    another one tell them. Print how many commits there were, and what Amazon then shows wrongly.
    """
    for sku in ('MUG', 'BOWL'):
        stage.control('add_listing', sku=sku, marketplace_id='DE', price='10.00', quantity=1)
    stage.rehearse(create_priced_offers)
    number, was_killed, wrong = 0, True, []
    while was_killed:
        number += 1
        wanted = {'MUG': 10, 'BOWL': round(10 + number / 10, 1)}
        stage.rehearse(partial(set_prices, prices={**wanted, 'MUG': 11}))
        was_killed = stage.play(sync_prices, kill_at=number)
        stage.rehearse(partial(set_prices, prices=wanted))
        for _step in ('tell', 'read back'):
            stage.rehearse(let_five_minutes_pass)
            stage.play(sync_prices)
        shown = {sku: float(stage.control('find_listing', sku=sku)['price']) for sku in wanted}
        if shown != wanted:
            wrong.append([number, shown])
    sys.stdout.write(json.dumps([number - 1, wrong]))


def create_priced_offers(env):
    """Offer a mug and a bowl in Germany, and tell Amazon the prices of a price list."""
    account = env['amazon.account'].search([])
    account.pricelist_id = env['product.pricelist'].create({
        'name': "Marketplaces", 'currency_id': env.ref('base.EUR').id,
    })
    account.price_push = 'on'
    for sku in ('MUG', 'BOWL'):
        product = env['product.product'].create({'name': sku})
        env['amazon.offer'].create({
            'account_id': account.id, 'sku': sku, 'product_id': product.id, 'amazon_price': 10,
            'marketplace_id': env.ref('amazon_connector.marketplace_de').id,
            'currency_id': env.ref('base.EUR').id,
        })
    env.cr.commit()


def set_prices(env, prices):
    """Let the price list say what the offers cost, by their SKUs."""
    offers = env['amazon.offer'].search([])
    offers.account_id.pricelist_id.item_ids = [Command.clear(), *(
        Command.create({'product_id': offer.product_id.id, 'fixed_price': prices[offer.sku]})
        for offer in offers
    )]
    env.cr.commit()


def let_five_minutes_pass(env):
    """Let what is known of prices be five minutes older."""
    for offer in env['amazon.offer'].search([('price_next_try', '!=', False)]):
        offer.write({
            name: offer[name] - timedelta(minutes=5) for name in ('price_sent_at', 'price_next_try')
        })
    env.cr.commit()


def sync_prices(env):
    """Tell Amazon of prices as the scheduler does, one process after the other."""
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    env['amazon.account']._cron_send_prices()


# === LISTINGS AND FBA STOCK IN === #

LISTED_SKUS = ('MUG', 'BOWL', 'JUG', 'CUP', 'VASE')


def kill_importers_at_every_commit(stage):
    """Kill whoever imports changed listings before each commit, and import again."""
    amazon_report.REUSABLE_FOR = -timedelta(minutes=1)  # Each time Amazon makes another one.
    skus = LISTED_SKUS[:3]
    set_up_listings(stage, skus)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        for more, sku in enumerate(skus, start=10 * number):
            stage.control('change_listing', sku=sku, marketplace_id='DE', quantity=more)
        stage.control('add_listing', sku=f'NEW {number}', marketplace_id='DE', quantity=number)
        if number > 1:
            stage.control('remove_listing', sku=f'NEW {number - 1}', marketplace_id='DE')
        stage.rehearse(forget_quotas)
        was_killed = stage.play(import_listings, kill_at=number)
        stage.play(import_listings)
    sys.stdout.write(str(number - 1))


def share_the_report(stage):
    """Let workers ask for the same report and read it at the same time, line by line."""
    set_up_listings(stage, [f'SKU {number}' for number in range(12)], part=1)
    stage.rehearse(ask_for_listings)
    stage.play(press_import_listings, run_report_reader, run_report_reader)
    stage.play(run_report_reader)


def set_up_listings(stage, skus, part=2):
    """List things in Germany, whose report is read in parts of so many lines."""
    amazon_report_mixin.AmazonReportMixin._report_part = part
    stage.control('set_report_pace', polls=0)
    stage.control('set_report_cache', seconds=0)
    for number, sku in enumerate(skus, start=1):
        stage.control('add_listing', sku=sku, marketplace_id='DE', quantity=number)
    stage.rehearse(sell_in_germany)


def sell_in_germany(env):
    """Synchronize Germany only."""
    account = env['amazon.account'].search([])
    account.synced_marketplace_ids = account.synced_marketplace_ids.filtered(
        lambda marketplace: marketplace.name == 'Amazon.de',
    )
    env.cr.commit()


def forget_quotas(env):
    """Let time pass, until Amazon grants all calls again."""
    env['amazon.quota'].search([]).unlink()
    env.cr.commit()


def ask_for_listings(env):
    """Ask for the listings as the scheduler does in the night."""
    env['amazon.account']._cron_import_offers()


def import_listings(env):
    """Import the listings until they are read, one process after the other."""
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    press_import_listings(env)
    run_report_reader(env)
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


def press_import_listings(env):
    """Press Import Listings."""
    env['amazon.account'].search([]).action_import_offers()


def run_report_reader(env):
    """Bring reports forward as the scheduler does."""
    env['amazon.sync']._cron_process_reports()


def kill_inventory_readers_at_every_commit(stage):
    """Kill whoever reads the changed stock of Amazon's warehouses before each commit, and read
    again.
    """
    stage.rehearse(sell_in_germany)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        for more, sku in enumerate(LISTED_SKUS, start=10 * number):
            stage.control('set_fba_stock', sku=sku, marketplace_id='DE', fulfillable=more)
        stage.control('set_fba_stock', sku=f'NEW {number}', marketplace_id='DE', fulfillable=1)
        if number > 1:
            stage.control('remove_fba_stock', sku=f'NEW {number - 1}', marketplace_id='DE')
        stage.rehearse(forget_quotas)
        was_killed = stage.play(read_whole_inventory, kill_at=number)
        stage.rehearse(forget_quotas)
        stage.play(read_whole_inventory)
    sys.stdout.write(str(number - 1))


def read_whole_inventory(env):
    """Read what lies in Amazon's warehouses, one process after the other."""
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    env['amazon.account'].search([]).action_read_fba_inventory()
    forget_quotas(env)
    env['amazon.account']._cron_read_inventory()
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


# === TOYS === #

def play_with_toys(stage):
    """Do what the toy way of the tests can, and print what became of it."""
    stage.rehearse(use_toys)


def use_toys(env):
    """Use the toy way; see `tests/amazon_toy`."""
    account = env['amazon.account'].search([])
    connection = account.connection_id
    marketplace = account.synced_marketplace_ids[:1]

    def run(*crons):
        for cron in crons:
            env.cr.commit()
            env.ref(cron).method_direct_trigger()
        env.cr.commit()  # What crons have done is seen by the next transaction.
        env.invalidate_all()

    def make_toys(*names):
        return env['amazon.toy'].create([
            {'account_id': account.id, 'name': name, 'marketplace_id': marketplace.id}
            for name in names
        ])

    run('amazon_toy.ir_cron_count_toys')
    sync = connection._get_sync('toys')
    found = {
        'ways': env['amazon.sync']._get_ways(),
        'sync': {
            name: str(sync[name] or '') for name in ('cursor', 'last_success', 'last_error')
        },
    }
    toys = make_toys("Duck", "Bomb", "")
    levels = env['amazon.toy.stock'].create([
        {'account_id': account.id, 'quantity': quantity} for quantity in (7, -5)
    ])
    run(*4 * ['amazon_connector.ir_cron_process_feeds'])
    feeds = env['amazon.feed'].search([], order='id')
    labels = dict(feeds._fields['type']._description_selection(env))
    found |= {
        'toys': {toy.name or '': [toy.state, toy.answer or toy.reason] for toy in toys},
        'stock': [[level.quantity, level.quantity_told, level.trouble or None] for level in levels],
        'feeds': sorted([labels[feed.type], feed.state] for feed in feeds),
    }
    make_toys("Ball")
    account.sells_toys = False
    found |= {
        'figure': account.toy_count,
        'problems': account.problems,
        'kanban': env['amazon.account'].get_view(view_type='kanban')['arch'],
        'form': env['amazon.account'].get_view(view_type='form')['arch'],
    }
    account.action_check()
    [check] = account.check_ids.filtered(lambda check: check.code == 'toys')
    found['checks'] = {check.code: check.state for check in account.check_ids}
    check.action_remedy()
    found['mended'] = [check.state, account.sells_toys]
    account.active = False
    found['archived'] = account.message_ids[:1].body
    account.active = True
    connection.refresh_token = 'Atzr|of-somebody-else'
    run('amazon_toy.ir_cron_count_toys')
    found['interrupted'] = {
        way: connection._get_sync(way).last_error or '' for way in ('toys', 'orders')
    }
    print(json.dumps(found))  # noqa: T201


# === AMAZON'S STOCK === #

def read_inventory(env):
    """Press Read FBA Inventory, all quota there again."""
    env['amazon.quota'].search([]).unlink()
    env.cr.commit()
    env['amazon.account'].search([]).action_read_fba_inventory()


def adjust(env):
    """Press Adjust All."""
    env['amazon.drift'].action_adjust_all()


def hold_at_amazon(env, quantities):
    """Let the FBA location hold goods, and the account sell in Germany only.

    :param dict quantities: By internal reference.
    """
    account = env['amazon.account'].search([])
    account.synced_marketplace_ids = env.ref('amazon_connector.marketplace_de')
    for code, quantity in quantities.items():
        product = env['product.product'].search([('default_code', '=', code)])
        env['stock.quant']._update_available_quantity(product, account.location_id, quantity)
    env.cr.commit()


def compare(env):
    """Print by internal reference what Amazon has, what Odoo has, and how often it was adjusted."""
    sys.stdout.write(json.dumps({
        row.product_id.default_code: [
            row.amazon_quantity,
            row.odoo_quantity,
            env['stock.move'].search_count([
                ('product_id', '=', row.product_id.id), ('is_inventory', '=', True),
            ]),
        ]
        for row in env['amazon.drift'].search([])
    }))


def compare_kits(stage):
    """Let Amazon have three tea sets and a plate, and Odoo other parts; adjust them."""
    stage.rehearse(set_up_kit)
    stage.rehearse(partial(hold_at_amazon, quantities={'CUP': 5, 'PLATE': 6}))
    stage.control('set_fba_stock', sku='TEASET', marketplace_id='DE', fulfillable=3)
    stage.control('set_fba_stock', sku='PLATE', marketplace_id='DE', fulfillable=1)
    stage.rehearse(read_inventory)
    stage.rehearse(adjust)
    stage.rehearse(compare)


def adjust_at_once(stage):
    """Let two people adjust the same, less and more, at the same time."""
    stage.rehearse(partial(hold_at_amazon, quantities={'MUG': 5}))
    for fulfillable in (3, 9):
        stage.control(
            'set_fba_stock', sku='MUG', marketplace_id='DE', fulfillable=fulfillable,
        )
        stage.control('clock', seconds=1)
        stage.rehearse(read_inventory)
        stage.play(adjust, adjust)
    stage.rehearse(compare)


def adjust_and_die(stage):
    """Read and adjust by itself, killed at each commit; then once to the end."""
    stage.rehearse(partial(hold_at_amazon, quantities={'MUG': 50}))
    for number in itertools.count(1):
        stage.control(
            'set_fba_stock', sku='MUG', marketplace_id='DE', fulfillable=50 - number,
        )
        stage.control('clock', seconds=1)
        stage.rehearse(adjust_tonight)
        if not stage.play(read_inventory, kill_at=number):
            break
    sys.stdout.write(f'{number} ')
    stage.rehearse(compare)


def adjust_tonight(env):
    """Let the account adjust by itself, and this be the night for it."""
    env['amazon.account'].search([]).write({'adjusts_drift': True, 'drift_adjusted_at': False})
    env.cr.commit()


# === INVOICES === #

def kill_uploaders_at_every_commit(stage):
    """Kill whoever uploads an invoice before each commit, and upload again."""
    stage.control('set_feed_pace', polls=0)
    for _order in range(INVOICES):
        stage.control('place_order', channel='FBA', status='SHIPPED', items=[{'sku': 'MUG'}])
    stage.rehearse(sync)
    stage.rehearse(invoice_orders)
    number, was_killed = 0, True
    while was_killed and number < INVOICES:
        number += 1
        stage.rehearse(release_invoice)
        was_killed = stage.play(upload_invoices, kill_at=number)
        stage.play(upload_invoices)
    sys.stdout.write(str(number - 1))


def invoice_orders(env):
    """Invoice everything. The documents are there already, as *Send* leaves them."""
    env['account.chart.template'].try_loading(
        'generic_coa', company=env.company, install_demo=False,
    )
    env['amazon.account'].search([]).invoice_sending = 'upload'
    orders = env['sale.order'].search([('invoice_status', '=', 'to invoice')])
    invoices = env['account.move'].union(*[order._create_invoices() for order in orders])
    invoices.action_post()
    for invoice in invoices:
        env['ir.attachment'].create({
            'name': 'invoice.pdf', 'raw': f'%PDF-1.4 {invoice.name}'.encode(),
            'res_model': 'account.move', 'res_id': invoice.id,
            'res_field': 'invoice_pdf_report_file',
        })
    env['amazon.invoice.upload'].search([]).state = 'skipped'
    env.cr.commit()


def release_invoice(env):
    """Let one more invoice be uploaded."""
    env['amazon.invoice.upload'].search([('state', '=', 'skipped')], limit=1)._send_again()
    env.cr.commit()


def upload_invoices(env):
    """Upload, and read the report, one process after the other."""
    # A killed process holds the lock until its connection is gone.
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    for _step in range(2):
        env['amazon.feed'].search([]).asked_next = False
        forget_quotas(env)
        env['amazon.sync']._run_way('invoices', TimeBudget(CRON_SECONDS))
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


# === SETTLEMENTS === #

def kill_bookkeepers_at_every_commit(stage):
    """Kill whoever reads and books settlements before each commit, and let another one go on.

    Lines are read, and reconciled, in small parts.
    """
    amazon_settlement.LINES_PER_PART = 3
    amazon_settlement_booking.RECONCILED_PER_PART = 1
    stage.rehearse(set_up_accounting)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        for _order in range(2):
            order = stage.control(
                'place_order', channel='FBA', items=[{'sku': 'MUG', 'price': '12.99'}],
            )
            stage.control('ship', order=order['order_id'])
        stage.rehearse(sync)
        stage.rehearse(invoice_all)
        stage.control('close_settlement')
        stage.rehearse(forget_quotas)
        was_killed = stage.play(keep_books, kill_at=number)
        stage.play(keep_books)
    sys.stdout.write(str(number - 1))


def share_the_books(stage):
    """Let workers read and book the same settlements at once."""
    stage.rehearse(set_up_accounting)
    for _settlement in range(3):
        order = stage.control(
            'place_order', channel='FBA', items=[{'sku': 'MUG', 'price': '12.99'}],
        )
        stage.control('ship', order=order['order_id'])
        stage.rehearse(sync)
        stage.control('close_settlement')
    stage.rehearse(invoice_all)
    stage.play(keep_books, keep_books, run_bookkeepers)
    stage.play(run_bookkeepers)


def book_what_was_paid(stage):
    """Book the settlement of an order whose invoice was paid when it was posted."""
    stage.rehearse(set_up_accounting)
    stage.rehearse(pay_when_invoiced)
    order = stage.control('place_order', channel='FBA', items=[{'sku': 'MUG', 'price': '12.99'}])
    stage.control('ship', order=order['order_id'])
    stage.rehearse(sync)
    stage.rehearse(invoice_all)
    stage.control('close_settlement')
    stage.play(keep_books)


def book_again(stage):
    """Set accounting up, and read all settlements that Amazon shows."""
    stage.rehearse(sync)
    stage.rehearse(press_set_up_accounting)
    stage.rehearse(keep_books)


def pay_when_invoiced(env):
    """Let invoices be paid when they are posted."""
    env['amazon.account'].search([]).paid_at_import = True


def book_in_charts(stage):
    """Book a settlement in a company of each chart of accounts, and tell what it made."""
    found = {}
    for chart, country in (
        ('generic_coa', 'us'), ('de_skr03', 'de'), ('de_skr04', 'de'), ('es_pymes', 'es'),
        ('ro', 'ro'), ('mx', 'mx'),
    ):
        stage.rehearse(partial(open_company, chart=chart, country=country))
        order = stage.control(
            'place_order', channel='FBA', items=[{'sku': 'MUG', 'price': '12.99'}],
        )
        stage.control('ship', order=order['order_id'])
        stage.rehearse(partial(in_company, chart, sync))
        for kind in ('storage', 'advertising', 'subscription'):
            stage.control('charge_fee', kind=kind, amount='1.00')
        stage.control('reimburse', sku='MUG', reason='WAREHOUSE_LOST', amount='5.00')
        stage.rehearse(partial(in_company, chart, invoice_all))
        stage.control('close_settlement')
        stage.rehearse(forget_quotas)
        stage.rehearse(partial(in_company, chart, keep_books))
        stage.rehearse(lambda env, chart=chart: found.update({chart: describe_books(env, chart)}))
    sys.stdout.write(json.dumps(found))


def set_up_accounting(env):
    """Press Set Up Accounting, for a company with a chart of accounts."""
    company = env.company
    company.country_id = env.ref('base.de')
    env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
    company.currency_id = env.ref('base.EUR')
    press_set_up_accounting(env)


def press_set_up_accounting(env):
    """Press Set Up Accounting, and let settlements be posted."""
    account = env['amazon.account'].search([])
    account.action_set_up_accounting()
    account.settlement_policy = 'post'


def open_company(env, chart, country):
    """Found a company with a chart of accounts, and connect it with the seller."""
    # For a company that begins with a country, Odoo would install what it knows of that.
    company = env['res.company'].create({'name': chart})
    company.country_id = env.ref(f'base.{country}')
    env['account.chart.template'].try_loading(chart, company, install_demo=False)
    company.currency_id = env.ref('base.EUR')
    env.user.company_ids += company
    # Odoo makes one for the first company, and for those that people found.
    if not env['stock.warehouse'].search_count([('company_id', '=', company.id)]):
        env['stock.warehouse'].create({
            'name': chart, 'code': chart[:5], 'company_id': company.id,
        })
    first = env['amazon.account'].search([], limit=1)
    account = env(context={'allowed_company_ids': company.ids})['amazon.account'].create({
        'only_matched_products': False,
        'name': chart,
        'seller_id': 'A2SIMULATOR001',
        'lwa_client_id': 'amzn1.application-oa2-client.simulator',
        'lwa_client_secret': 'amzn1.oa2-cs.v1.simulator',
        'refresh_token': 'Atzr|simulator-default',
        'environment': 'custom',
        'spapi_endpoint': first.spapi_endpoint,
        'lwa_endpoint': first.lwa_endpoint,
    })
    account.action_connect()
    account._start()
    account.action_set_up_accounting()
    account.settlement_policy = 'post'


def in_company(name, act, env):
    """Act for one company."""
    company = env['res.company'].search([('name', '=', name)])
    act(env(context={**env.context, 'allowed_company_ids': company.ids}))


def invoice_all(env):
    """Post an invoice of each order that has none."""
    for order in env['sale.order'].search([
        ('amazon_order_ref', '!=', False), ('invoice_ids', '=', False),
        ('company_id', '=', env.company.id),
    ]):
        order._create_invoices().action_post()


def keep_books(env):
    """Press Read Settlements, one process after the other."""
    # A killed process holds the lock until its connection is gone.
    env.cr.execute('SELECT pg_advisory_lock(%s)', [SYNC_LOCK])
    env['amazon.account'].search([
        ('company_id', 'in', env.companies.ids),
    ]).action_read_settlements()
    run_bookkeepers(env)
    env.cr.execute('SELECT pg_advisory_unlock(%s)', [SYNC_LOCK])


def run_bookkeepers(env):
    """Read and book as the scheduler does."""
    env.ref('amazon_connector.ir_cron_book_settlements').method_direct_trigger()


def describe_books(env, chart):
    """Return what the settlements of a company made, and with which accounts."""
    company = env['res.company'].search([('name', '=', chart)])
    account = env['amazon.account'].search([('company_id', '=', company.id)])
    settlement = env['amazon.settlement'].search([('company_id', '=', company.id)], limit=1)
    ledger = account._get_ledger(company.currency_id)
    invoices = env['account.move'].search([
        ('company_id', '=', company.id), ('move_type', '=', 'out_invoice'),
    ])
    items = settlement.move_ids.line_ids
    return {
        'state': settlement.state,
        'reason': settlement.reason or '',
        'balanced': company.currency_id.is_zero(sum(items.mapped('balance'))),
        'transit': sum(items.filtered(
            lambda item: item.account_id == ledger.transit_account_id,
        ).mapped('balance')),
        'total': settlement.total,
        'unpaid': invoices.filtered(lambda move: move.payment_state != 'paid').mapped('name'),
        'accounts': {
            rule.category: rule.gl_account_id.with_company(company).code
            for rule in account.booking_rule_ids
        },
        'journal': ledger.journal_id.code,
    }


# === INVOICES === #

def kill_invoicers_at_every_commit(stage):
    """Kill whoever invoices before each of its commits, and let another one go on."""
    sale_order_invoicing.BATCH_SIZE = 2
    stage.rehearse(set_up_invoicing)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        ship_mugs(stage, 3)
        was_killed = stage.play(run_invoicing, kill_at=number)
        stage.play(run_invoicing)
    sys.stdout.write(str(number - 1))


def share_the_invoices(stage):
    """Let workers, and a person, invoice the same orders at the same time."""
    sale_order_invoicing.BATCH_SIZE = 2
    stage.rehearse(set_up_invoicing)
    ship_mugs(stage, 8)
    stage.play(run_invoicing, run_invoicing, press_create_invoice, press_create_invoice)
    stage.play(run_invoicing)


def set_up_invoicing(env):
    """Let invoices be posted and paid by themselves."""
    set_up_accounting(env)
    env['amazon.account'].search([]).write({'invoice_policy': 'post', 'paid_at_import': True})


def ship_mugs(stage, count):
    """Let Amazon ship some orders, and import them."""
    for _number in range(count):
        stage.control(
            'place_order', channel='FBA', status='SHIPPED',
            items=[{'sku': 'MUG', 'price': '12.99', 'quantity': 2}],
        )
    stage.rehearse(sync)


def run_invoicing(env):
    """Invoice as the scheduler does, which lets nobody start it twice."""
    env['amazon.account']._cron_invoice_orders()


def press_create_invoice(env):
    """Press Create Invoice on all orders, and confirm what was made."""
    try:
        orders = env['sale.order'].search([('amazon_order_ref', '!=', False)])
        orders._create_invoices().action_post()
    except UserError:
        env.cr.rollback()  # Somebody was faster.
