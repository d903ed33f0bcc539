from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from .amazon_sync import Run
from .quiet import log_failure
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

OFFERS_URL = '/odoo/action-amazon_connector.action_amazon_offer'
# Offers whose quantities are calculated together.
BATCH_SIZE = 500


class AmazonAccount(models.Model):
    """Quantities out: whether and when they are told to Amazon, and what is said about it."""

    _inherit = 'amazon.account'

    stock_push = fields.Selection(
        selection=[('off', "Off"), ('preview', "Preview"), ('on', "On")],
        string="Stock Push",
        help="Whether Amazon is told how many of your FBM offers you have. Preview shows on the"
             " offers what would be sent.",
        default='off',
        required=True,
        tracking=True,
    )
    stock_to_send_count = fields.Integer(compute='_compute_stock_counts', compute_sudo=True)
    stock_failed_count = fields.Integer(compute='_compute_stock_counts', compute_sudo=True)

    # === COMPUTE METHODS === #

    def _compute_stock_counts(self):
        to_send = self._count_by_account('amazon.stock.level', Domain('state', '=', 'to_send'))
        failed = self._count_by_account('amazon.stock.level', Domain('state', '=', 'failed'))
        for account in self:
            account.stock_to_send_count = to_send.get(account, 0)
            account.stock_failed_count = failed.get(account, 0)

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to look at all offers when the account's quantities become its own to
        tell, and to leave them alone when they no longer are.
        """
        res = super().write(vals)
        if {'stock_push', 'synced_marketplace_ids', 'active', 'is_started'} & vals.keys():
            self._follow_stock_push()
        return res

    # === ACTION METHODS === #

    def action_sync_stock(self):
        """Calculate all quantities anew, and tell Amazon of those that differ, up to a time budget.

        :return: The notification to show: what was sent, and what is in the way.
        :rtype: dict
        """
        accounts = self._get_syncable()
        accounts._check_pushes_stock()
        budget = TimeBudget(SYNC_SECONDS)
        accounts._mark_stock_changed()
        self.env['ir.cron']._commit_progress()
        accounts._recalculate_stock(budget)
        return accounts._send_stock(Run(budget))

    def action_open_stock_to_send(self):
        """Open the offers whose quantity Amazon is to be told.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_offer',
            search_default_stock_to_send=1,
            amazon_show_stock=True,
        )

    def action_open_stock_failed(self):
        """Open the offers whose quantity Amazon could not be told.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_offer',
            search_default_stock_failed=1,
            amazon_show_stock=True,
        )

    # === BUSINESS METHODS === #

    @api.model
    def _cron_send_stock(self):
        """Calculate what has changed, and tell Amazon of it, of one connection after the other.

        :return: None
        """
        self.search([('stock_push', '!=', 'off')])._recalculate_stock(TimeBudget(CRON_SECONDS / 2))
        self.env['amazon.sync']._run_way('stock', TimeBudget(CRON_SECONDS / 2))

    def _pushes_stock(self):
        """Return whether what the offers of the account have is calculated.

        :rtype: bool
        """
        self.ensure_one()
        return self.stock_push != 'off' and self.active and self.is_started

    def _check_pushes_stock(self):
        """Refuse to do anything for accounts whose quantities are left alone.

        :raise UserError: If all are such accounts.
        """
        if not any(account._pushes_stock() for account in self):
            raise UserError(self.env._(
                "Stock Push is off, so that Amazon's quantities are left alone: choose Preview or"
                " On under Amazon ▸ Configuration ▸ Accounts, tab Offers and Stock.",
            ))

    def _follow_stock_push(self):
        """Look at all offers of accounts that tell Amazon of them; forget what others would.

        :return: None
        """
        pushing = self.filtered(lambda account: account._pushes_stock())
        pushing._mark_stock_changed()
        # In sudo mode: the connector alone writes what it tells Amazon.
        self.env['amazon.stock.level'].sudo().search(
            [('account_id', 'in', (self - pushing).ids)],
        )._set_aside()

    def _recalculate_stock(self, budget):
        """Calculate what is to stand on Amazon, where something has changed; commit each part.

        :param TimeBudget budget: What is not calculated when it is spent is left to the cron.
        :return: None
        """
        accounts = self.filtered(lambda account: account._pushes_stock())
        changes = self.env['amazon.stock.change']
        try:
            goes_on = True
            while goes_on and not budget.is_spent():
                offers = changes._take_offers(accounts, BATCH_SIZE)
                offers._update_stock_levels()
                self.env['ir.cron']._commit_progress()
                goes_on = bool(offers)
        except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
            # Another worker is at the same offers. What it has not seen is still marked.
            self.env.cr.rollback()
        except Exception as exception:
            self.env.cr.rollback()  # What is marked stays so, and is calculated with the next run.
            log_failure(self, exception)
            return
        if changes._has_marks(accounts):
            self.env.ref('amazon_connector.ir_cron_send_stock').sudo()._trigger()
            self.env['ir.cron']._commit_progress()

    def _send_stock(self, run):
        """Tell Amazon of the quantities that are due, and bring the open feeds forward.

        :param Run run: What is not sent when its budget is spent is left to the crons.
        :return: The notification to show.
        :rtype: dict
        """
        run.domain &= Domain('account_id', 'in', self.ids)
        self.connection_id._get_sync('stock')._run(run)
        self.connection_id._get_sync('feeds')._run(run)
        Level = self.env['amazon.stock.level']
        waiting = run.domain & Domain('state', '=', 'to_send') & Domain('feed_id', '=', False)
        preview = Domain('account_id.stock_push', '=', 'preview')
        run.outcomes['waiting'] = Level.search_count(waiting & ~preview)
        run.outcomes['preview'] = Level.search_count(waiting & preview)
        return self._get_stock_notification(run.outcomes)

    def _get_stock_notification(self, outcomes):
        """Say what became of the quantities that were to be told.

        :param collections.Counter outcomes: How many offers were `sent`, `fed` into a feed,
                                             `failed`, are still `waiting`, or would be sent if it
                                             were not a `preview`.
        :return: The notification to show.
        :rtype: dict
        """
        parts = self._describe_outcomes(
            outcomes, preview=self.env._("%(count)s would be sent (preview)"),
        )
        if parts:
            message = self.env._("Offers: %(parts)s", parts=parts)
        else:
            message = '' if self._get_erroneous() else self.env._(
                "Amazon has the right quantities, as far as is known",
            )
        return self._notify_with_errors(
            message,
            outcomes['failed'],
            [{'label': self.env._("Open Offers"), 'url': OFFERS_URL}],
        )

    def _find_failures(self):
        """Override of `amazon_connector` to look for quantities."""
        failed = [('account_id', '=', self.id), ('state', '=', 'failed')]
        if self.env['amazon.stock.level'].search_count(failed, limit=1):
            return self.env._(
                "Amazon could not be told how many there are of some offers. Amazon ▸ Offers,"
                " filter Stock: Failed, shows each with its reason.",
            )
        return super()._find_failures()


class AmazonSync(models.Model):
    """The way of quantities out."""

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('stock', "Stock")], ondelete={'stock': 'cascade'})

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'stock':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_send_stock').sudo()

    def _work(self, run):
        """Override of `amazon_connector` to tell Amazon of the quantities that are due, as soon as
        it is known who ships them, and to look at what Amazon has made of those before.
        """
        if self.way != 'stock':
            return super()._work(run)
        Level = self.env['amazon.stock.level']
        for account in self.connection_id.account_ids:
            account = account[0]  # Avoid prefetching after each cache invalidation.
            steps = [Level._read_back]
            if account.stock_push == 'on':
                steps = [Level._read_channels, Level._send_due, *steps]
            for step in steps if account._pushes_stock() else ():
                # What one quota interrupts stops no other.
                if self.connection_id.state == 'connected':
                    with self._call_amazon(run) as client:
                        step(client, account, run)
        self._note_success(run)
        return False

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'stock':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let quantities be sent. Give the app the role Product Listing in"
            " Seller Central and authorize it again.",
        )
