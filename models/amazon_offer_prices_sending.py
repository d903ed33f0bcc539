from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import float_repr, format_datetime, split_every

from ..amazon import listings
from ..amazon.errors import Malformed, NotFound, Rejected, Unavailable
from .amazon_sync_mixin import BACK_OFF_MINUTES, NOT_A_RECORDS_FAULT
from .quiet import quiet_sql

LOCK_TRIES = 10
CALL_OVER_WITHIN = timedelta(minutes=5)  # much more than the client's patience
READ_AFTER = timedelta(minutes=5)
READ_AGAIN = timedelta(minutes=15)
SHOWN_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class PriceCall:
    """A call that tells Amazon a price.

    :param float price: The price.
    :param tuple arguments: What `amazon.listings.patch_listing` takes after the client.
    :param dict before: What is known of the price that Amazon was told before.
    """

    price: float
    arguments: tuple
    before: dict


class AmazonOffer(models.Model):
    """How Amazon is told prices, one call each, and how it is seen that it shows them.

    That Amazon may have a price is committed before the call. A price that is told twice does no
    harm, so that whatever was interrupted is told again.
    """

    _inherit = 'amazon.offer'

    # === BUSINESS METHODS - SENDING === #

    @api.model
    def _get_price_due_domain(self):
        """Return the domain of the offers whose prices are to be sent now.

        :rtype: Domain
        """
        in_time = Domain('price_next_try', '<=', fields.Datetime.now())
        return (
            Domain('price_state', '=', 'to_send') & (Domain('price_next_try', '=', False) | in_time)
            | Domain('price_state', '=', 'failed') & in_time
        )

    @api.model
    def _send_due_prices(self, client, account, run):
        """Tell Amazon the prices that are due. Each call is committed at once.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that sends.
        :param Run run: No call is begun when its budget is spent. It counts how many prices were
                        `sent`, `failed`.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        # Whoever changes the setting meanwhile does so for the very next call.
        while account._sends_prices():
            if run.budget.is_spent():
                account._wake_price_sender()
                return
            offer = self._take_due_price(account, run)
            if not offer:
                return
            run.tried.add(offer.id)
            run.outcomes[offer._send_price(client)] += 1

    @api.model
    def _take_due_price(self, account, run):
        """Return an offer whose price is to be sent now, locked.

        :param amazon.account account: The account that sends.
        :param Run run: What was tried already.
        :rtype: amazon.offer
        """
        due = self.search(
            self._get_price_due_domain()
            & Domain('account_id', '=', account.id)
            & Domain('id', 'not in', list(run.tried)),
            order='id',
            limit=LOCK_TRIES,
        )
        return due.try_lock_for_update(allow_referencing=True, limit=1)

    def _send_price(self, client):
        """Tell Amazon the price, if that is still what is to be done. Commit it before and after,
        so that people need not wait for Amazon; whatever goes wrong stays on the offer.

        :param amazon.client.Client client: The client of the connection.
        :return: The state of the price, `dropped` if it has none any more.
        :rtype: str
        :raise Exception: What stops more than this offer.
        """
        self.ensure_one()
        call = self._do_price_safely(lambda: self._begin_price_call())
        self.env['ir.cron']._commit_progress()
        if call:
            words, error = '', None
            try:
                words = self._tell_price(client, call)
            except Exception as exception:
                error = exception
            self._do_price_safely(lambda: self._end_price_call(call, words, error))
            self.env['ir.cron']._commit_progress()
            if isinstance(error, NOT_A_RECORDS_FAULT):
                raise error
        return self.price_state or 'dropped'

    def _do_price_safely(self, action):
        """Do something with the price; whatever goes wrong stays on the offer.

        :param action: May write, but not commit.
        :return: What it returns; `None` if it failed.
        :raise Exception: What stops more than this offer.
        """
        self._flush_before()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                return action()
        except NOT_A_RECORDS_FAULT:
            raise
        except Exception as exception:
            self._mark_price_failed(exception)
            return None

    def _begin_price_call(self):
        """Record that Amazon may have the price from now on, also in the offer's history.

        :return: What it is to be told, `None` if that is nothing any more.
        :rtype: PriceCall | None
        """
        self._compare_prices()
        if self.price_state != 'to_send':
            return None
        marketplace, currency = self.marketplace_id, self.price_currency_id
        patch = listings.PricePatch(
            marketplace.api_ref,
            currency.name,
            Decimal(float_repr(self.price_target, currency.decimal_places)),
        )
        before = {
            name: self[name] for name in ('is_price_unread', 'price_sent', 'price_sent_at')
        }
        self._mark_price_told()
        return PriceCall(
            self.price_target,
            (self.account_id.seller_id, marketplace.api_ref, self.sku, [patch]),
            before,
        )

    @api.model
    def _tell_price(self, client, call):
        """Tell Amazon a price. Nothing is read meanwhile, so that no transaction begins before its
        answer.

        :param amazon.client.Client client: The client of the connection.
        :param PriceCall call: What it is told.
        :return: What Amazon says against it although it accepts it; may be empty.
        :rtype: str
        :raise AmazonError: If Amazon does not take it.
        """
        submission = listings.patch_listing(client, *call.arguments)
        if not submission.is_accepted:
            raise listings.build_refusal(
                listings.PATCH_OPERATION, submission.errors or submission.issues,
            )
        return listings.describe_issues(submission.issues)

    def _end_price_call(self, call, words, error):
        """Record what Amazon said about the price, unless another one counts meanwhile.

        :param PriceCall call: What it was told.
        :param str words: What it says against a price that it accepted.
        :param Exception | None error: What went wrong.
        :return: None
        """
        is_wanted = self.price_state == 'to_send' and not self._differ(
            self.price_target, call.price,
        )
        if not is_wanted or self._differ(self.price_sent, call.price):
            return
        if not error:
            self._mark_price_sent(words)
        elif isinstance(error, (Malformed, Unavailable)):
            self._mark_price_unknown(error)
        elif isinstance(error, NOT_A_RECORDS_FAULT):
            # The connection has to wait, and then begins with this one.
            self.price_next_try = False
        else:
            if isinstance(error, (NotFound, Rejected)):
                self.write(call.before)
            self._mark_price_failed(error)

    # === BUSINESS METHODS - STATES === #

    def _mark_price_told(self):
        """Record that Amazon may have the price, also in the offer's history unless it says so
        already. Nobody else tells it before the call is over.

        :return: None
        """
        if not self.is_price_unread or self._differ(self.price_sent, self.price_target):
            self._note_price(self.env._("Amazon is told the price: %(change)s"))
        now = fields.Datetime.now()
        self.write({
            'is_price_unread': True,
            'price_sent': self.price_target,
            'price_sent_at': now,
            'price_next_try': now + CALL_OVER_WITHIN,
        })

    def _mark_price_sent(self, words):
        """Record that Amazon accepted the price.

        :param str words: What Amazon says against it all the same; may be empty.
        :return: None
        """
        now = fields.Datetime.now()
        self.write({
            'price_state': 'sent',
            'price_sent_at': now,
            'price_reason': words and self.env._("Amazon accepted it with a warning."),
            'price_answer': words,
            'price_next_try': now + READ_AFTER,
        })

    def _mark_price_unknown(self, error):
        """Record that nobody knows whether Amazon took the price, and tell it again in a while.

        :param amazon.errors.AmazonError error: What came instead of an answer.
        :return: None
        """
        attempts = self.price_attempts + 1
        self.write({
            'price_reason': self.env._("Amazon did not answer. It is told again by itself."),
            'price_answer': self._get_answer(error),
            'price_attempts': attempts,
            'price_next_try': self._get_next_try(min(attempts, len(BACK_OFF_MINUTES))),
        })

    def _mark_price_failed(self, exception):
        """Record why the price could not be sent, and when it is tried again.

        :param Exception exception: What stopped it.
        :return: None
        """
        reason = self._get_failure_reason(exception)
        if isinstance(exception, Rejected):
            self._note_price(self.env._("Amazon refused the price: %(change)s"))
            reason = self.env._(
                "Amazon refuses %(price)s; the original words say why. Correct the price list, or"
                " the offer in Seller Central, then press Retry Price.",
                price=self.price_currency_id.format(self.price_target),
            )
        attempts = self.price_attempts + 1
        self.write({
            'price_state': 'failed',
            'price_reason': reason,
            'price_answer': self._get_answer(exception),
            'price_attempts': attempts,
            'price_next_try': self._get_next_try(attempts),
        })

    def _note_price(self, sentence):
        """Write what Amazon was told into the history of the offer.

        :param str sentence: With the place of the `change`.
        :return: None
        """
        currency = self.price_currency_id
        before = self.price_sent if self.is_price_unread else self.amazon_price
        change = self.env._(
            "%(before)s → %(after)s",
            before=currency.format(before) if before else self.env._("unknown"),
            after=currency.format(self.price_target),
        )
        if self.price_approver_id:
            change = self.env._(
                "%(change)s, approved by %(person)s",
                change=change,
                person=self.price_approver_id.name,
            )
        self._message_log(body=sentence % {'change': change})

    # === BUSINESS METHODS - READING BACK === #

    @api.model
    def _read_prices_back(self, client, account, run):
        """Look whether Amazon shows the prices that it was told. Each call is committed at once.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that was sent for.
        :param Run run: No call is begun when its budget is spent.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        due = self.search([
            ('account_id', '=', account.id),
            ('price_state', '=', 'sent'),
            ('price_next_try', '<=', fields.Datetime.now()),
        ], order='price_next_try, id')
        for offers in due.grouped('marketplace_id').values():
            for ids in split_every(listings.MAX_IDENTIFIERS, offers.ids):
                if run.budget.is_spent():
                    account._wake_price_sender()
                    return
                self.browse(ids)._read_price_part_back(client)
                self.env['ir.cron']._commit_progress()

    def _read_price_part_back(self, client):
        """Look whether Amazon shows the prices of these, as many as one call takes.

        :param amazon.client.Client client: The client of the connection.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        offers = self.try_lock_for_update(allow_referencing=True)
        read_at = fields.Datetime.now()
        for offer in offers and offers._read_listings(client):
            if offer.price_state == 'sent':
                offer._wait_for_shown_price(0, read_at)

    def _take_reading(self, values, read_at, known_at=None):
        """Override of `amazon_connector` to compare what Amazon shows with what it was told."""
        super()._take_reading(values, read_at, known_at)
        is_news = self.is_price_unread and (known_at or read_at) > self.price_sent_at
        if is_news and values.get('amazon_price'):
            self._take_shown_price(values['amazon_price'], read_at)

    def _drop_outdated(self, values, read_at):
        """Override of `amazon_connector`: a price is outdated once Amazon was told another one."""
        values = super()._drop_outdated(values, read_at)
        if self.price_sent_at and self.price_sent_at >= read_at:
            values = {
                name: value for name, value in values.items()
                if name not in ('amazon_price', 'currency_id')
            }
        return values

    def _take_shown_price(self, price, read_at):
        """Compare the price that Amazon shows with the one that it was told.

        :param float price: What it shows.
        :param datetime read_at: When (UTC, naive).
        :return: None
        """
        self.ensure_one()
        if self._differ(price, self.price_sent):
            self._wait_for_shown_price(price, read_at)
        elif self._differ(self.price_target, self.price_sent):
            # Something else is to be sent meanwhile.
            self.is_price_unread = False
        else:
            self.write(self._prepare_in_sync(self.price_sent))

    def _wait_for_shown_price(self, price, read_at):
        """Give Amazon more time to show the price, or say that it does not.

        :param float price: What it shows instead, 0 if nothing.
        :param datetime read_at: When (UTC, naive).
        :return: None
        """
        is_in_time = read_at - self.price_sent_at < SHOWN_WITHIN
        if self.price_state != 'sent':
            self.is_price_unread = is_in_time
            return
        if is_in_time:
            self.price_next_try = fields.Datetime.now() + READ_AGAIN
            return
        currency = self.price_currency_id
        attempts = self.price_attempts + 1
        self.write({
            'price_state': 'failed',
            'price_reason': self.env._(
                "Amazon was told %(told)s on %(time)s but shows %(shown)s: look the offer up in"
                " Seller Central, where an automated price may stand against it, then press Retry"
                " Price.",
                told=currency.format(self.price_sent),
                time=format_datetime(self.env, self.price_sent_at),
                shown=currency.format(price) if price else self.env._("no price"),
            ),
            'is_price_unread': False,
            'price_attempts': attempts,
            'price_next_try': self._get_next_try(attempts),
        })
