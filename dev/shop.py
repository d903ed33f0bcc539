"""A seller's company in Odoo, ready to be connected: what the demo and the benchmark sell from.

It runs inside Odoo, and what it finds made it does not make again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from odoo.api import Environment
from odoo.fields import Command
from odoo.models import BaseModel

if TYPE_CHECKING:
    from simulator import SellerProfile

CURRENCIES = {'EUR': 1.0, 'GBP': 0.86, 'JPY': 163.0, 'SEK': 11.2, 'PLN': 4.27}  # per EUR


def ensure(env: Environment, model: str, key: Mapping[str, Any], **values: Any) -> BaseModel:
    """Return the record that a key names, archived or not; it is created if there is none.

    :param str model: The model.
    :param key: Values of fields that tell the record from all others.
    :param values: What else a new record has.
    """
    domain = [(name, '=', value) for name, value in key.items()]
    found = env[model].with_context(active_test=False).search(domain, limit=1)
    return found or env[model].create({**key, **values})


def set_up_company(env: Environment, name: str) -> BaseModel:
    """Make the company of the environment a German seller that counts in euros.

    :param str name: Its name.
    :return: The sales tax of its products: 19 %, included in prices.
    """
    company, germany = env.company, env.ref('base.de')
    _activate_currencies(env)
    if company.country_id != germany:
        company.write({
            'name': name,
            'street': "Speicherstraße 12",
            'zip': '20457',
            'city': "Hamburg",
            'state_id': env.ref('base.state_de_hh').id,
            'country_id': germany.id,
            'account_fiscal_country_id': germany.id,
            'currency_id': env.ref('base.EUR').id,
            'vat': 'DE136695976',
            'email': 'shop@nordwind.example',
        })
        # They are those of the country that the company was installed with.
        for model in ('account.fiscal.position', 'account.tax'):
            env[model].search([('company_id', '=', company.id)]).active = False
        company.account_purchase_tax_id = False
        env['stock.warehouse'].search([('company_id', '=', company.id)]).name = company.city
    company.account_sale_tax_id = ensure_tax(env, germany, "19% VAT", 19)
    return company.account_sale_tax_id


def ensure_tax(env: Environment, country: BaseModel, name: str, percent: float) -> BaseModel:
    """Return a sales tax of a country that is included in prices.

    :param res.country country: Who levies it.
    :param str name: Its name.
    :param float percent: Its rate.
    """
    group = ensure(env, 'account.tax.group', {
        'name': f"VAT {country.code}", 'country_id': country.id, 'company_id': env.company.id,
    })
    return ensure(
        env, 'account.tax',
        {'name': name, 'country_id': country.id, 'company_id': env.company.id},
        amount=percent,
        type_tax_use='sale',
        price_include_override='tax_included',
        tax_group_id=group.id,
    )


def ensure_product(
    env: Environment, sku: str, name: str, price: float, **values: Any,
) -> BaseModel:
    """Return the storable product of an internal reference.

    :param str sku: The internal reference.
    :param str name: What it is.
    :param float price: The sales price in euros.
    :param values: What else a new product has.
    """
    return ensure(
        env, 'product.product', {'default_code': sku},
        name=name,
        is_storable=True,
        list_price=price,
        standard_price=round(price * 0.4, 2),
        **values,
    )


def stock_up(
    env: Environment, products: Iterable[BaseModel], location: BaseModel, quantity: int,
) -> None:
    """Put products into a location where they have never been.

    :param product.product products: The products.
    :param stock.location location: The location.
    :param int quantity: How many of each.
    """
    Quant = env['stock.quant'].with_context(inventory_mode=True)
    Quant.create([
        {
            'product_id': product.id, 'location_id': location.id, 'inventory_quantity': quantity,
        }
        for product in products
        if not Quant.search_count(
            [('product_id', '=', product.id), ('location_id', '=', location.id)], limit=1,
        )
    ]).action_apply_inventory()


def set_up_application(env: Environment, url: str, seller: SellerProfile) -> None:
    """Register the company's application, which the simulator knows.

    :param str url: The simulator's address.
    :param SellerProfile seller: A seller who can let it in.
    """
    env.company.write({
        'amazon_application_id': seller.application_id,
        'amazon_lwa_client_id': seller.client_id,
        'amazon_lwa_client_secret': seller.client_secret,
        'amazon_environment': 'custom',
        'amazon_spapi_endpoint': url,
        'amazon_lwa_endpoint': f'{url}/auth/o2/token',
    })


def ensure_account(
    env: Environment, url: str, seller: SellerProfile, **values: Any,
) -> BaseModel:
    """Return the account of a simulated seller, which is still to be connected once.

    :param str url: The simulator's address.
    :param SellerProfile seller: The seller.
    :param values: What else a new account has.
    """
    account = ensure(
        env, 'amazon.account', {'seller_id': seller.seller_id},
        name=seller.store_name,
        lwa_client_id=seller.client_id,
        lwa_client_secret=seller.client_secret,
        refresh_token=seller.refresh_token,
        environment='custom',
        spapi_endpoint=url,
        lwa_endpoint=f'{url}/auth/o2/token',
        **values,
    )
    if account.authorized_on:
        # A simulator that was started anew knows only the token that its seller begins with.
        account.write({
            'lwa_client_id': seller.client_id,
            'lwa_client_secret': seller.client_secret,
            'refresh_token': seller.refresh_token,
        })
    if account.spapi_endpoint != url:
        account.write({'spapi_endpoint': url, 'lwa_endpoint': f'{url}/auth/o2/token'})
    return account


def _activate_currencies(env: Environment) -> None:
    """Activate the currencies of Amazon's marketplaces, with today's rates or so."""
    for code, rate in CURRENCIES.items():
        currency = env.ref(f'base.{code}')
        currency.active = True
        if not currency.rate_ids:
            currency.rate_ids = [Command.create({'rate': rate, 'name': '2026-01-01'})]
