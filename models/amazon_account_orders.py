from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon import orders
from ..amazon.errors import Rejected, Throttled
from .amazon_sync_mixin import CRON_SECONDS, TimeBudget

FIRST_SYNC_DAYS = 30
WINDOW_OVERLAP = timedelta(minutes=2)
# Longer than the cron's interval, so that who waits renews it; it lapses for who does not ask.
TURN_KEPT = timedelta(minutes=15)
# Accounts that agree in these share Amazon's quotas.
QUOTA_FIELDS = ('seller_id', 'lwa_client_id', 'environment', 'region', 'spapi_endpoint')


class AmazonAccount(models.Model):
    """Orders in: what an account fetches, and what it says about how orders are to be made."""

    _inherit = 'amazon.account'

    sold_elsewhere = fields.Selection(
        selection=[
            ('skip', "Skip them"),
            ('move', "Take their goods from the FBA location, without a sales order"),
        ],
        string="Orders of Other Shops That Amazon Ships",
        help="Multi-channel orders: sold in a web shop, for instance, and shipped by Amazon. Where"
             " that shop is in Odoo too, it has the sales order, and only the goods are missing.",
        default='skip',
        required=True,
    )
    turn = fields.Integer(
        help="Tells the order in which accounts were served in the same second.",
        readonly=True,
        copy=False,
    )
    keeps_turn_until = fields.Datetime(
        help="The quota was used up when this account wanted to search: until then, other accounts"
             " of the same seller that were served later leave it a search.",
        readonly=True,
        copy=False,
    )

    # === BUSINESS METHODS - FETCHING === #

    @api.model
    def _cron_fetch_orders(self):
        """Fetch the orders that changed, of all accounts in turn.

        :return: None
        """
        self.search([('state', '=', 'connected')])._fetch_orders_safely(TimeBudget(CRON_SECONDS))

    def _fetch_orders_safely(self, budget):
        """Fetch the orders that changed, a page of each account in turn.

        Whatever goes wrong is kept on its account. Who was served longest ago comes first, so that
        none starves when time or quota runs out.

        :param TimeBudget budget: What is not fetched when it is spent is left to the cron.
        :return: How many orders came that were new or had changed.
        :rtype: int
        """
        fetched, up_to_date = 0, set()
        queue = list(self.sorted(lambda account: account._get_turn()))
        self.env['ir.cron']._commit_progress(remaining=len(queue))
        while queue and not budget.is_spent():
            account = queue.pop(0)[0]  # Avoid prefetching after each cache invalidation.
            count, goes_on = account._fetch_in_turn(budget, up_to_date)
            fetched += count
            if goes_on:
                queue.append(account)
            if not self.env['ir.cron']._commit_progress(processed=1, remaining=len(queue)):
                break
        if queue:
            self.env.ref('amazon_connector.ir_cron_fetch_orders').sudo()._trigger()
            self.env['ir.cron']._commit_progress()
        return fetched

    def _fetch_in_turn(self, budget, up_to_date):
        """Complete the orders that came without their status, then fetch one page of what changed.

        :param TimeBudget budget: Nothing is begun when it is spent.
        :param set up_to_date: The ids of accounts for which this run has fetched what changed.
        :return: How many orders were new or had changed, and whether more is to be fetched.
        :rtype: tuple[int, bool]
        """
        self.ensure_one()
        with self._call_amazon('amazon_connector.ir_cron_fetch_orders') as client:
            while not budget.is_spent():
                if not self.env['amazon.order']._complete_next(client, self):
                    fetched, is_complete = self._fetch_next_page(client, up_to_date)
                    return fetched, not is_complete
            return 0, True
        return 0, False  # It was interrupted, and says why.

    def _fetch_next_page(self, client, up_to_date):
        """Fetch one page of the current search, store it, and commit both it and the progress.

        The row of the account is locked meanwhile, so that two workers take turns.

        :param amazon.client.Client client: The client of this account.
        :param set up_to_date: See `_fetch_in_turn`.
        :return: How many orders were new or had changed, and whether all searches are complete (or
                 left to another worker).
        :rtype: tuple[int, bool]
        """
        if not self.try_lock_for_update(allow_referencing=True):
            return 0, True
        window, query = self._choose_search(self.id in up_to_date)
        if not query.marketplace_ids:
            return 0, True
        if query.is_exhausted:
            # What is not completed now is in the hands of another worker, which goes on.
            self._close_search(window, query)
            self.env['ir.cron']._commit_progress()
            return 0, True
        try:
            page = orders.fetch_order_page(client, query)
        except Rejected:
            alternative = query.get_alternative()
            self[window] = alternative and alternative.to_json()
            self.env['ir.cron']._commit_progress()
            if not alternative:
                raise
            return 0, False
        changed = self.env['amazon.order']._store_payloads(
            self, page.payloads, is_reduced=query.is_reduced,
        )
        if changed:
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
        self._end_turn()
        self[window] = page.next_query.to_json()
        is_complete = page.next_query.is_exhausted and self._close_search(window, page.next_query)
        self.env['ir.cron']._commit_progress()
        if is_complete:
            up_to_date.add(self.id)
        return len(changed), is_complete and not self.order_backlog

    # === BUSINESS METHODS - TURNS === #

    def _count_ahead_in_turn(self):
        """Return how many accounts that share the quota wait for it before this one.

        Whoever was served longest ago comes first.

        :rtype: int
        """
        self.ensure_one()
        waiting = self.search([
            *((name, '=', self[name]) for name in QUOTA_FIELDS),
            ('id', '!=', self.id),
            ('state', '=', 'connected'),
            ('keeps_turn_until', '>', fields.Datetime.now()),
        ])
        return sum(account._get_turn() < self._get_turn() for account in waiting)

    def _get_turn(self):
        """Return what accounts that share a quota are served by, in ascending order."""
        self.ensure_one()
        return self.last_fetch or datetime.min, self.turn, self.id

    def _end_turn(self):
        """Let all others that wait for the quota come first.

        :return: None
        """
        self.ensure_one()
        self.write({
            'last_fetch': fields.Datetime.now(),
            'turn': self.search([], order='turn desc NULLS LAST', limit=1).turn + 1,
            'keeps_turn_until': False,
        })

    def _note_turn(self, error):
        """Keep the turn of an account that the quota did not let search; else it has had its turn.

        :param Exception error: What interrupted a job.
        :return: None
        """
        self.ensure_one()
        if not isinstance(error, Throttled):
            self._end_turn()
        elif error.operation == orders.SEARCH_OPERATION:
            self.keeps_turn_until = fields.Datetime.now() + TURN_KEPT

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
        return interrupted if interrupted and interrupted.is_same_search(query) else query

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

    def _get_currency(self, code):
        """Return the currency of an order, activated if it was not.

        :param str code: Its ISO 4217 code.
        :rtype: res.currency
        :raise UserError: If Odoo does not know it.
        """
        currency = self.env['res.currency'].with_context(active_test=False).search(
            [('name', '=', code)],
        )
        if not currency:
            raise UserError(self.env._(
                "Odoo does not know the currency %(currency)s: add it under Invoicing ▸"
                " Configuration ▸ Currencies, then retry.",
                currency=code,
            ))
        if not currency.active:
            self._activate_currencies(currency)
            self.message_post(body=self.env._(
                "The currency %(currency)s was activated, since a buyer paid in it. Check its"
                " exchange rate under Accounting ▸ Configuration ▸ Currencies.",
                currency=code,
            ))
        return currency

    @api.model
    def _activate_currencies(self, currencies):
        """Activate currencies, so that no order waits for it.

        :param res.currency currencies: Active or not.
        :return: Those that were not active.
        :rtype: res.currency
        """
        inactive = currencies.filtered(lambda currency: not currency.active)
        # In sudo mode: an Amazon administrator need not be one of currencies.
        inactive.sudo().active = True
        return inactive

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
