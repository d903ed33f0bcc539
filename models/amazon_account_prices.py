from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from .amazon_sync import Run
from .quiet import quiet_sql
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

OFFERS_URL = '/odoo/action-amazon_connector.action_amazon_offer'
PUSH_FIELDS = {
    'active', 'is_started', 'price_push', 'price_max_change', 'pricelist_id',
    'synced_marketplace_ids',
}
# Odoo goes through all rules of all products of a part for each of them, so that it is small.
PART = 40
COMPARED_EVERY = timedelta(minutes=55)


class AmazonAccount(models.Model):
    """Prices: Amazon's in Odoo's price lists and, where the account says so, the other way."""

    _inherit = 'amazon.account'

    prices_into_pricelist = fields.Boolean(
        string="Amazon's Prices into the Price List",
        help="Each import of listings writes Amazon's prices into the price list of their currency:"
             " a fixed price for one piece of each product, as buyers pay it. Of several offers of"
             " a product, the one with the fewest pieces counts, then the first marketplace. All"
             " other prices stay. While Price Push is not off, the price list leads: only products"
             " without such a price get one.",
        tracking=True,
    )
    price_push = fields.Selection(
        selection=[('off', "Off"), ('preview', "Preview"), ('on', "On")],
        string="Price Push",
        help="Whether the prices of the price list are sent to Amazon. They are what buyers pay,"
             " taxes included, for products for which the price list has a rule. Preview shows on"
             " the offers what would be sent.",
        default='off',
        required=True,
        copy=False,
        tracking=True,
    )
    price_max_change = fields.Float(
        string="Greatest Change (%)",
        help="A price that differs more from Amazon's is held until a person has looked at it.",
        default=20.0,
        tracking=True,
    )
    prices_changed = fields.Boolean(
        help="Whether something changed that prices depend on since they were compared last.",
        readonly=True,
        copy=False,
    )
    price_to_send_count = fields.Integer(compute='_compute_price_counts', compute_sudo=True)
    price_held_count = fields.Integer(compute='_compute_price_counts', compute_sudo=True)
    price_failed_count = fields.Integer(compute='_compute_price_counts', compute_sudo=True)

    # === COMPUTE METHODS === #

    def _compute_price_counts(self):
        for state in ('to_send', 'held', 'failed'):
            counts = self._count_by_account('amazon.offer', Domain('price_state', '=', state))
            for account in self:
                account[f'price_{state}_count'] = counts.get(account, 0)

    # === CONSTRAINT METHODS === #

    @api.constrains('price_max_change')
    def _check_price_max_change(self):
        if any(account.price_max_change < 0 for account in self):
            raise ValidationError(self.env._(
                "Greatest Change (%): enter 0 or more, e.g. 20; with 0 every change is held.",
            ))

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `amazon_connector` to compare prices when the settings change, and to forget
        what was to be sent when nothing is sent any more.
        """
        res = super().write(vals)
        if vals.keys() & PUSH_FIELDS:
            pushing = self.filtered(lambda account: account._pushes_prices())
            (self - pushing)._forget_prices()
            pushing._wake_price_push()
        return res

    # === ACTION METHODS === #

    def action_sync_prices(self):
        """Compare prices and send those that differ, up to a time budget.

        :return: The notification to show: what was sent, and what waits for a person.
        :rtype: dict
        :raise UserError: If no account sends prices, or none is started.
        """
        accounts = self._get_syncable()
        pushing = accounts.filtered(lambda account: account.price_push != 'off')
        if not pushing:
            raise UserError(self.env._(
                "Price Push is off: an Amazon administrator chooses Preview or On on the account,"
                " under Offers and Stock.",
            ))
        pushing = pushing.filtered(lambda account: account._pushes_prices())
        if not pushing:
            raise UserError(self.env._(
                "No price is sent before somebody has said from when on Amazon's data are read:"
                " press Start on the account.",
            ))
        pushing.prices_changed = True
        run = Run(TimeBudget(SYNC_SECONDS))
        pushing.connection_id._get_sync('prices')._run(run)
        pushing.invalidate_recordset(
            ['price_to_send_count', 'price_held_count', 'price_failed_count'],
        )
        return pushing._get_price_notification(run.outcomes['sent'])

    def action_open_held_prices(self):
        """Open the offers whose prices wait for a person.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_offer',
            search_default_price_held=1,
            amazon_show_prices=True,
        )

    def action_open_failed_prices(self):
        """Open the offers whose prices Amazon does not take.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_offer',
            search_default_price_failed=1,
            amazon_show_prices=True,
        )

    # === BUSINESS METHODS === #

    @api.model
    def _cron_send_prices(self):
        """Compare the prices of all accounts that push them, and send those that differ.

        :return: None
        """
        self.env['amazon.sync']._run_way('prices', TimeBudget(CRON_SECONDS))

    def _pushes_prices(self):
        """Return whether the prices of the account's offers are compared.

        :rtype: bool
        """
        self.ensure_one()
        return self.price_push != 'off' and self.active and self.is_started

    def _sends_prices(self):
        """Return whether Amazon is told prices that differ.

        :rtype: bool
        """
        return self.price_push == 'on' and self._pushes_prices()

    def _forget_prices(self):
        """Forget what was to be sent: nothing is any more.

        :return: None
        """
        # In sudo mode: the connector alone writes what becomes of prices.
        self.env['amazon.offer'].sudo().search([
            ('account_id', 'in', self.ids), ('price_state', '!=', False),
        ])._forget_price()

    def _wake_price_push(self):
        """Compare the prices of these accounts as soon as what was changed is committed.

        It only leaves a mark: what there is to compare may be much.

        :return: None
        """
        # In sudo mode: who changes an offer or a price list does not change accounts.
        unmarked = self.sudo().filtered(
            lambda account: account._pushes_prices() and not account.prices_changed,
        )
        unmarked.prices_changed = True
        unmarked._wake_price_sender()

    @api.model
    def _wake_price_push_of(self, pricelists):
        """Compare the prices of the accounts that push those of some price lists.

        :param product.pricelist pricelists: The price lists.
        :return: None
        """
        unmarked = self.search([('price_push', '!=', 'off'), ('prices_changed', '=', False)])
        unmarked.filtered(
            lambda account: account._get_pushed_pricelists() & pricelists,
        )._wake_price_push()

    def _wake_price_sender(self):
        """Let the cron that sends prices run as soon as what was changed is committed.

        :return: None
        """
        if self:
            # In sudo mode: crons are the system's.
            self.env.ref('amazon_connector.ir_cron_send_prices').sudo()._trigger()

    def _get_pushed_pricelists(self):
        """Return the price lists whose prices are sent.

        :rtype: product.pricelist
        """
        self.ensure_one()
        currencies = self.synced_marketplace_ids.currency_id
        return self.pricelist_id.union(*map(self._find_pricelist, currencies))

    def _wake_for_next_price(self):
        """Let the cron run when the next price is to be looked at again.

        :return: None
        """
        [[moment]] = self.env['amazon.offer']._read_group(
            [('account_id', 'in', self.ids), ('price_next_try', '>', fields.Datetime.now())],
            [],
            ['price_next_try:min'],
        )
        if moment:
            self.env.ref('amazon_connector.ir_cron_send_prices')._trigger(at=moment)

    def _find_failures(self):
        """Override of `amazon_connector` to look for prices that wait for a person."""
        waiting = Domain('account_id', '=', self.id) & (
            Domain('price_state', '=', 'held')
            | Domain('price_state', '=', 'failed') & Domain('price_next_try', '=', False)
        )
        if self.price_push == 'on' and self.env['amazon.offer'].search_count(waiting, limit=1):
            return self.env._(
                "Prices wait for a person before Amazon is told. Amazon ▸ Offers, filters Price:"
                " Held and Price: Failed, shows each with its reason.",
            )
        return super()._find_failures()

    def _get_price_notification(self, sent_count):
        """Say what became of the prices.

        :param int sent_count: How many were sent.
        :return: The notification to show.
        :rtype: dict
        """
        held, failed = sum(self.mapped('price_held_count')), sum(self.mapped('price_failed_count'))
        waiting = sum(self.mapped('price_to_send_count'))
        is_on = 'on' in self.mapped('price_push')
        parts = [
            label % {'count': count}
            for count, label in (
                (sent_count, self.env._("%(count)s sent")),
                (held, self.env._("%(count)s held")),
                (failed, self.env._("%(count)s failed")),
                (
                    waiting,
                    self.env._("%(count)s will be sent shortly") if is_on
                    else self.env._("%(count)s would be sent"),
                ),
            )
            if count
        ]
        if parts:
            message = self.env._("Prices: %(parts)s", parts=', '.join(parts))
        else:
            message = '' if self._get_erroneous() else self.env._("All prices are right")
        return self._notify_with_errors(
            message, held + failed, [{'label': self.env._("Open Offers"), 'url': OFFERS_URL}],
        )


class AmazonSync(models.Model):
    """The way of prices."""

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('prices', "Prices")], ondelete={'prices': 'cascade'})

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'prices':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_send_prices').sudo()

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'prices':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let prices be sent. Give the app the role Product Listing in Seller"
            " Central and authorize it again.",
        )

    def _prepare_run(self, accounts):
        """Override of `amazon_connector` to compare prices now."""
        super()._prepare_run(accounts)
        if self.way != 'prices':
            return
        accounts.filtered(lambda account: account._pushes_prices()).prices_changed = True

    def _work(self, run):
        """Override of `amazon_connector` to compare prices, send them, and look whether Amazon
        shows them.
        """
        if self.way != 'prices':
            return super()._work(run)
        goes_on = False
        for account in self.connection_id.account_ids:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            if not account._pushes_prices():
                continue
            goes_on |= self._compare_due_prices(account, run)
            with self._call_amazon(run) as client:
                self.env['amazon.offer']._read_prices_back(client, account, run)
            if account._sends_prices() and self.connection_id.state == 'connected':
                with self._call_amazon(run) as client:
                    self.env['amazon.offer']._send_due_prices(client, account, run)
            account._wake_for_next_price()
        self._note_success(run)
        return goes_on

    def _compare_due_prices(self, account, run):
        """Compare the prices of an account, if something was changed or dates may have begun.

        What there is no time for is compared by the next run, which goes on where this one ends.

        :param amazon.account account: The account.
        :param Run run: No part is begun when its budget is spent.
        :return: Whether there is more to compare.
        :rtype: bool
        """
        Offer = self.env['amazon.offer']
        while not run.budget.is_spent():
            # Who has it locked compares just now.
            is_free = self.try_lock_for_update(allow_referencing=True)
            after = self._begin_comparison(account) if is_free else None
            if after is None:
                return False
            offers = Offer.search(
                Offer._get_pricing_domain()
                & Domain('account_id', '=', account.id)
                & Domain('id', '>', after),
                order='id',
                limit=PART,
            )
            locked = offers.try_lock_for_update(allow_referencing=True)
            with quiet_sql():
                failures = locked._do_together_or_apart(lambda part: part._compare_prices())
            for offer, exception in failures.items():
                offer._mark_price_failed(exception)
            self._keep_comparison(account, offers[-1:].id or None)
            self.env['ir.cron']._commit_progress()
        return True

    def _begin_comparison(self, account):
        """Return how far the comparison of an account is; begin a new one when it is due.

        :param amazon.account account: The account.
        :return: The id of the last offer that was compared, `None` if none has to be.
        :rtype: int | None
        """
        state = (self.window or {}).get(str(account.id)) or {'after': None, 'at': False}
        at = fields.Datetime.to_datetime(state['at'])
        is_late = not at or at < fields.Datetime.now() - COMPARED_EVERY
        if state['after'] is not None or not (account.prices_changed or is_late):
            return state['after']
        account.prices_changed = False
        return 0

    def _keep_comparison(self, account, after):
        """Keep how far the comparison of an account is.

        :param amazon.account account: The account.
        :param int after: The id of the last offer that was compared, `None` after the last one.
        :return: None
        """
        self.window = {**(self.window or {}), str(account.id): {
            'after': after, 'at': fields.Datetime.to_string(fields.Datetime.now()),
        }}
