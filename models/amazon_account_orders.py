from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon import orders
from ..amazon.errors import Rejected
from .amazon_sync_mixin import SYNC_SECONDS, TimeBudget

FIRST_SYNC_DAYS = 30
WINDOW_OVERLAP = timedelta(minutes=2)


class AmazonAccount(models.Model):
    """Orders in: what an account fetches, and what it says about how orders are to be made."""

    _inherit = 'amazon.account'

    # === BUSINESS METHODS - FETCHING === #

    @api.model
    def _cron_fetch_orders(self):
        """Fetch the orders that changed, of one account after the other.

        Who was asked longest ago comes first, so that none starves when time runs out.

        :return: None
        """
        accounts = self.search([('state', '=', 'connected')], order='last_fetch NULLS FIRST, id')
        self.env['ir.cron']._commit_progress(remaining=len(accounts))
        for account in accounts:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            account._fetch_orders_safely(TimeBudget(SYNC_SECONDS))
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _fetch_orders_safely(self, budget):
        """Fetch the orders that changed; whatever goes wrong is kept on this account.

        :param TimeBudget budget: What is not fetched when it is spent is left to the cron.
        :return: How many orders came that were new or had changed.
        :rtype: int
        """
        self.ensure_one()
        fetched = 0
        with self._call_amazon('amazon_connector.ir_cron_fetch_orders') as client:
            while not budget.is_spent():
                count, is_complete = self._fetch_next_page(client)
                fetched += count
                if is_complete:
                    return fetched
            self.env.ref('amazon_connector.ir_cron_fetch_orders').sudo()._trigger()
            self.env['ir.cron']._commit_progress()
        return fetched

    def _fetch_next_page(self, client):
        """Fetch one page of the current search, store it, and commit both it and the progress.

        The row of the account is locked meanwhile, so that two workers take turns.

        :param amazon.client.Client client: The client of this account.
        :return: How many orders were new or had changed, and whether the search is complete (or
                 left to another worker).
        :rtype: tuple[int, bool]
        """
        if not self.try_lock_for_update(allow_referencing=True):
            return 0, True
        query = self._get_order_query()
        if not query.marketplace_ids:
            return 0, True
        try:
            page = orders.fetch_order_page(client, query)
        except Rejected:
            if not query.page_token:
                raise
            # The token has expired after 24 hours: the search starts again.
            self.order_window = False
            self.env['ir.cron']._commit_progress()
            return 0, False
        changed = self.env['amazon.order']._store_payloads(self, page.payloads)
        if changed:
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
        self.last_fetch = fields.Datetime.now()
        if page.next_query:
            self.order_window = page.next_query.to_json()
        else:
            updated_before = page.updated_before.replace(tzinfo=None, microsecond=0)
            self.write({
                'order_window': False,
                'last_order_sync': max(self.last_order_sync or updated_before, updated_before),
                'last_error': False,
                'last_error_date': False,
            })
        self.env['ir.cron']._commit_progress()
        return len(changed), not page.next_query

    @api.model
    def _get_first_sync(self):
        """Return since when the orders of a new account are read.

        :rtype: datetime
        """
        return fields.Datetime.now().replace(hour=0, minute=0, second=0) - timedelta(
            days=FIRST_SYNC_DAYS,
        )

    def _get_order_query(self):
        """Return the search to go on with: the interrupted one if it is still what is wanted.

        :rtype: amazon.orders.OrderQuery
        """
        since = (self.last_order_sync or self._get_first_sync()) - WINDOW_OVERLAP
        query = orders.OrderQuery(
            marketplace_ids=tuple(sorted(self.synced_marketplace_ids.mapped('api_ref'))),
            updated_after=since.replace(tzinfo=timezone.utc).isoformat(),
        )
        interrupted = self.order_window and orders.OrderQuery.from_json(self.order_window)
        if interrupted and (interrupted.marketplace_ids, interrupted.updated_after) == (
            query.marketplace_ids, query.updated_after,
        ):
            return interrupted
        return query

    # === BUSINESS METHODS - IMPORTING === #

    def _get_charge_product(self, charge, item_product):
        """Return the product that stands for a charge in sales orders.

        :param amazon.orders.Charge charge: The charge.
        :param product.product item_product: What stands for the item that is charged for.
        :rtype: product.product
        """
        return {
            'ITEM': item_product,
            'SHIPPING': self.shipping_product_id,
            'GIFT_WRAP': self.gift_wrap_product_id,
            'COD_FEE': self.cod_fee_product_id,
            'OTHER': self.other_product_id,
            'DISCOUNT': self.discount_product_id,
        }[charge.type]

    @api.model
    def _get_currency(self, code):
        """Return the currency of an order.

        :param str code: Its ISO 4217 code.
        :rtype: res.currency
        :raise UserError: If Odoo does not use it.
        """
        currency = self.env['res.currency'].with_context(active_test=False).search(
            [('name', '=', code)],
        )
        if not currency.active:
            raise UserError(self.env._(
                "The currency %(currency)s is not active: activate it under Invoicing ▸"
                " Configuration ▸ Currencies, then retry.",
                currency=code,
            ))
        return currency

    def _get_pricelist(self, currency):
        """Return a price list in a currency: the account's, another of the company, or a new one.

        :param res.currency currency: The currency of an order.
        :rtype: product.pricelist
        """
        if self.pricelist_id.currency_id == currency:
            return self.pricelist_id
        name = f'Amazon {currency.name}'
        return self.env['product.pricelist'].search([
            ('currency_id', '=', currency.id),
            ('company_id', 'in', (self.company_id.id, False)),
            ('name', '=', name),
        ], limit=1) or self.env['product.pricelist'].create({
            'name': name,
            'currency_id': currency.id,
            'company_id': self.company_id.id,
        })

    def _get_fiscal_positions(self, customers):
        """Return the fiscal positions of orders: the account's, else by destination.

        :param list[Customer] customers: Who bought, and where the goods go.
        :return: One for each.
        :rtype: list[account.fiscal.position]
        """
        if self.fiscal_position_id:
            return [self.fiscal_position_id] * len(customers)
        Position = self.env['account.fiscal.position']
        automatic = Position.search([
            *Position._check_company_domain(self.company_id), ('auto_apply', '=', True),
        ])
        names = ['country_id', 'state_id']
        if any(automatic.mapped('zip_from')):
            names.append('zip')
        positions = {}
        result = []
        for customer in customers:
            key = (
                customer.tax_partner.vat,
                customer.tax_partner.property_account_position_id,
                customer.destination.property_account_position_id,
                *(customer.destination[name] for name in names),
            )
            if key not in positions:
                positions[key] = Position._get_fiscal_position(
                    customer.tax_partner, customer.destination,
                )
            result.append(positions[key])
        return result
