"""What `make demo` shows: a shop that sells on Amazon, synchronized once.

A script for an Odoo shell, which brings `env`; it may run again on the same database. The variable
`SIMULATOR_URL` names the simulator that is its Amazon, `LANG_CODE` the language in which people see
it. It prints a summary.
"""

import json
import os
import urllib.request
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from odoo.api import Environment
from odoo.fields import Command
from odoo.models import BaseModel

from odoo.addons.amazon_connector.dev import shop
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER
from odoo.addons.amazon_connector.simulator.scenarios import (
    AMBIGUOUS_SKU,
    CATALOGUE,
    MISSPELT_SKU,
    ODD_SKU,
    PACK_SIZE,
    PACK_SKU,
    SENT_TO_AMAZON,
    WAREHOUSE_STOCK,
)

SIMULATOR_URL = os.environ['SIMULATOR_URL']
LANG_CODE = os.environ.get('LANG_CODE') or 'en_US'
# Sold on Amazon under other SKUs, so that a person has something to match.
UNMATCHED = (('VASE-19', "Vase, Art Nouveau", 22.00), ('CLOCK-R', "Retro wall clock", 36.00))
# Found by their references, however these are written.
FOUND = (
    (ODD_SKU, "Stoneware mug, blue, 500 ml", 15.99),
    (MISSPELT_SKU.upper(), "Eucalyptus wreath, 30 cm", 24.50),
)
# Two have the reference of one listing, so that nobody knows which of them is sold.
AMBIGUOUS = ("Dinner plate, 26 cm, white glaze", "Dinner plate, 26 cm, speckled glaze")
PACKED_SKU = 'NW-CANDLE-PINE'
SOLD_OUT = ('NW-BASKET-RTN', "Rattan basket", 31.90)
FOREIGN_TAXES = (  # with the tax number of the company there, without which it could not invoice
    ('uk', "20% VAT (UK)", 20, 'GB980780684'),
    ('jp', "10% Consumption Tax (JP)", 10, 'T7000012050002'),
)
CARRIERS = (("DHL Paket", 4.90), ("Royal Mail Tracked 48", 5.60), ("Yamato TA-Q-BIN", 9.80))
# What deliveries start with; those of Japan show what it is without.
DELIVERY_METHODS = (('DE', "DHL Paket"), ('GB', "Royal Mail Tracked 48"))
SHOWN_FEATURES = ('stock.group_stock_multi_locations', 'product.group_product_pricelist')
# Shows the journal items of an entry, which Odoo hides in the Community edition.
ACCOUNTING_FEATURES = 'account.group_account_user'
SALESPERSON_GROUPS = (
    'base.group_user',
    'sales_team.group_sale_salesman_all_leads',
    'stock.group_stock_user',
    'amazon_connector.group_amazon_user',
)
# What a euro buys.
RATES = {'GBP': 0.8437, 'JPY': 163.29}
DELIVERED_AFTER = timedelta(hours=48)
TRACKING = '003404341610'
WAREHOUSE_GROUPS = ('base.group_user', 'stock.group_stock_user')
ACCOUNTANT_GROUPS = ('base.group_user', 'account.group_account_manager', ACCOUNTING_FEATURES)


def speak(env: Environment) -> Environment:
    """Let the demo and its people speak the language that is asked for.

    :return: The environment in that language.
    """
    language = env['res.lang'].with_context(active_test=False).search([('code', '=', LANG_CODE)])
    if not language.active:
        env['res.lang']._activate_lang(LANG_CODE)
        env['ir.module.module'].search([('state', '=', 'installed')])._update_translations(
            [LANG_CODE],
        )
    people = env['res.users'].search([('share', '=', False)])
    people.partner_id.lang = LANG_CODE
    env.company.partner_id.lang = LANG_CODE
    env['ir.default'].set('res.partner', 'lang', LANG_CODE)
    return env(context={**env.context, 'lang': LANG_CODE})


def set_up_company(env: Environment) -> None:
    """Make the company with its taxes, carriers and the features that the demo shows."""
    domestic_tax = shop.set_up_company(env, DEFAULT_SELLER.store_name)
    shop.set_up_application(env, SIMULATOR_URL, DEFAULT_SELLER)
    for code, name, percent, tax_number in FOREIGN_TAXES:
        country = env.ref(f'base.{code}')
        tax = shop.ensure_tax(env, country, name, percent)
        position = shop.ensure(
            env, 'account.fiscal.position',
            {'name': f"Sales to {country.name}", 'company_id': env.company.id},
            country_id=country.id,
            foreign_vat=tax_number,
            auto_apply=True,
        )
        tax.original_tax_ids = domestic_tax
        position.tax_ids = tax
    for name, price in CARRIERS:
        product = shop.ensure(env, 'product.product', {'name': name}, type='service', sale_ok=False)
        shop.ensure(env, 'delivery.carrier', {'name': name}, product_id=product.id,
                    fixed_price=price)
    for xmlid in SHOWN_FEATURES:
        env.ref('base.group_user')._apply_group(env.ref(xmlid))


def set_up_users(env: Environment) -> BaseModel:
    """Make those who work with Amazon's orders without being administrators.

    :return: The salesperson.
    """
    env.ref('base.user_admin').write({
        'tz': 'Europe/Berlin',
        'group_ids': [Command.link(env.ref(ACCOUNTING_FEATURES).id)],
    })
    _set_up_user(env, 'warehouse', "Willi Warehouse", WAREHOUSE_GROUPS)
    _set_up_user(env, 'accountant', "Anna Accountant", ACCOUNTANT_GROUPS)
    return _set_up_user(env, 'demo', "Dana Demo", SALESPERSON_GROUPS)


def _set_up_user(env: Environment, login: str, name: str, groups: Iterable[str]) -> BaseModel:
    return shop.ensure(
        env, 'res.users', {'login': login},
        name=name,
        password=login,
        email=f'{name.split()[0].lower()}@nordwind.example',
        tz='Europe/Berlin',
        lang=LANG_CODE,
        group_ids=[Command.set([env.ref(xmlid).id for xmlid in groups])],
    )


def set_up_products(env: Environment) -> list[BaseModel]:
    """Make what the simulator's seller sells.

    :return: What Amazon sells from its own warehouses, too.
    """
    for name in AMBIGUOUS:
        shop.ensure(env, 'product.product', {'default_code': AMBIGUOUS_SKU, 'name': name},
                    is_storable=True, list_price=16.40)
    shop.ensure_product(env, *SOLD_OUT)
    return [
        shop.ensure_product(
            env, product.sku, product.title, float(product.prices['EUR']), barcode=product.ean,
        )
        for product in CATALOGUE
    ]


def set_up_stock(env: Environment, account: BaseModel, products: list[BaseModel]) -> None:
    """Let goods lie in the warehouse, and what was sent to Amazon at the FBA location."""
    others = [shop.ensure_product(env, *values) for values in (*UNMATCHED, *FOUND)]
    shop.stock_up(env, products + others, account.warehouse_id.lot_stock_id, WAREHOUSE_STOCK)
    shop.stock_up(env, products, account.location_id, sum(SENT_TO_AMAZON.values()))
    env.cr.commit()


def connect(env: Environment, salesperson: BaseModel) -> BaseModel:
    """Connect the Amazon account; it stays connected when the demo starts again."""
    account = shop.ensure_account(
        env, SIMULATOR_URL, DEFAULT_SELLER,
        only_matched_products=True, user_id=salesperson.id,
    )
    env.cr.commit()  # The account has to exist for others before it calls Amazon.
    if account.state != 'connected':
        account.action_connect()
        for country_code, name in DELIVERY_METHODS:
            shop.ensure(
                env, 'amazon.delivery.rule',
                {
                    'account_id': account.id,
                    'marketplace_id': account.synced_marketplace_ids.filtered(
                        lambda m, code=country_code: m.country_id.code == code,
                    ).id,
                },
                carrier_id=env['delivery.carrier'].search([('name', '=', name)], limit=1).id,
            )
        env.cr.commit()
    return account


def control(name: str, **arguments: Any) -> None:
    """Do something on the simulated Amazon."""
    urllib.request.urlopen(
        f'{SIMULATOR_URL}/control/{name}', json.dumps(arguments).encode(),
    ).close()


def synchronize(account: BaseModel) -> None:
    """Bring orders and listings in, and then the orders that have waited for these."""
    account.action_sync_orders()
    # A simulator that was started anew gives its reports the same numbers again.
    account.env['amazon.report'].search([]).unlink()
    # Amazon has the reports already, so that nobody waits until it has made them.
    for marketplace in account.synced_marketplace_ids:
        control('request_report', marketplace=marketplace.api_ref)
    control('finish_reports')
    account.action_import_offers()
    account.env['amazon.offer'].search([('sku', '=', PACK_SKU)]).filtered(
        lambda offer: not offer.product_id,
    ).write({
        'product_id': account.env['product.product'].search(
            [('default_code', '=', PACKED_SKU)], limit=1,
        ).id,
        'pack_size': PACK_SIZE,
    })
    account.env.cr.commit()
    account.action_sync_orders()
    if account.stock_push == 'off':
        account.stock_push = 'preview'
    account.action_sync_stock()
    account.action_read_fba_inventory()


def live_a_month(env: Environment, account: BaseModel) -> None:
    """Deliver, invoice, and be paid by Amazon, with a deposit on the bank; the first time only.

    A simulator that was started anew would give its settlements the same numbers again.
    """
    if env['amazon.settlement'].search_count([]):
        return
    for name, rate in RATES.items():
        shop.ensure(
            env, 'res.currency.rate',
            {'currency_id': env.ref(f'base.{name}').id, 'company_id': env.company.id},
            name=f'{date.today().year - 1}-01-01', rate=rate,
        )
    account.action_set_up_accounting()
    account.write({
        'settlement_policy': 'post',
        'refund_policy': 'post',
        'invoice_policy': 'post',
        'invoice_from': date.today() - timedelta(days=90),
    })
    deliver(env, account)
    control('live_a_month')
    account.action_sync_orders()
    env['amazon.account']._cron_invoice_orders()
    account.action_read_settlements()
    account.action_read_refunds()
    env['amazon.refund']._cron_process_refunds()
    # Orders in them that Odoo does not know are asked for before they are booked.
    account.action_read_settlements()
    env['amazon.settlement']._cron_book_settlements()
    show_on_bank(env)
    env['amazon.account']._cron_read_payouts()
    env['amazon.settlement']._cron_match_deposits()
    env.cr.commit()


def deliver(env: Environment, account: BaseModel) -> None:
    """Deliver what was ordered days ago, and let Amazon know."""
    long_ago = datetime.now() - DELIVERED_AFTER
    for picking in env['stock.picking'].search([
        ('amazon_account_id', '=', account.id),
        ('state', '=', 'assigned'),
        ('sale_id.date_order', '<', long_ago),
    ]):
        picking.write({
            'carrier_id': picking.carrier_id.id or env['delivery.carrier'].search(
                [('name', '=', CARRIERS[0][0])], limit=1,
            ).id,
            'carrier_tracking_ref': f'{TRACKING}{picking.id:08d}',
        })
        picking.with_context(skip_backorder=True, skip_sms=True).button_validate()
    env.cr.commit()
    waiting = None
    while waiting != (waiting := env['amazon.shipment'].search_count([('state', '=', 'to_send')])):
        account.action_sync_pickings()


def show_on_bank(env: Environment) -> None:
    """Let the bank show what Amazon has paid out in the company's currency."""
    bank = env['account.journal'].search([
        ('type', '=', 'bank'), ('company_id', '=', env.company.id), ('code', 'not like', 'AMZ'),
    ], limit=1)
    for settlement in env['amazon.settlement'].search([
        ('currency_id', '=', env.company.currency_id.id), ('total', '>', 0),
    ]):
        env['account.bank.statement.line'].create({
            'journal_id': bank.id,
            'date': settlement.deposit_date,
            'payment_ref': f'AMAZON PAYMENTS {settlement.settlement_ref}',
            'amount': settlement.total,
        })


def main(env: Environment) -> None:
    """Set the demo up, synchronize, and print what there is."""
    env = speak(env)
    set_up_company(env)
    products = set_up_products(env)
    account = connect(env, set_up_users(env))
    set_up_stock(env, account, products)
    synchronize(account)
    live_a_month(env, account)
    inbox = env['amazon.order'].search([('account_id', '=', account.id)]).grouped('state')
    counts = {state: len(inbox.get(state, ())) for state in ('done', 'skipped', 'failed')}
    sale_orders = env['sale.order'].search([('amazon_account_id', '=', account.id)])
    for title, value in (
        ("Company", f"{env.company.name}, {env.company.city} ({env.company.currency_id.name})"),
        ("Products", f"{len(products)}, in the warehouse and at Amazon"),
        ("Account", f"{account.name}: {', '.join(account.synced_marketplace_ids.mapped('name'))}"),
        ("Amazon orders", f"{counts['done']} imported, {counts['skipped']} not for Odoo (yet),"
                          f" {counts['failed']} need attention"),
        ("Sales orders", f"{len(sale_orders)}, {len(sale_orders.picking_ids)} deliveries,"
                         f" {len(sale_orders.order_line.move_ids)} stock moves"),
        ("To match", f"{account.unmatched_offer_count} offers"),
        ("Money", f"{len(sale_orders.invoice_ids)} invoices, {account.settlement_count}"
                  " settlements, one of them on the bank"),
        ("Salesperson", "demo / demo"),
        ("Warehouse", "warehouse / warehouse"),
        ("Accountant", "accountant / accountant"),
    ):
        print(f'{title:15}{value}')


main(env)  # noqa: F821
