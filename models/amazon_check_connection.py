from contextlib import suppress
from datetime import datetime, timedelta, timezone

from babel.dates import format_timedelta

from odoo import api, models
from odoo.tools import format_datetime
from odoo.tools.misc import get_lang

from ..amazon.errors import AmazonError, NotFound, Rejected, Unauthorized
from ..amazon.limits import RATES
from .amazon_check import Finding
from .vault import KeyUnusable

# By so much clocks may differ: Amazon refuses what is said to have happened in its future.
CLOCK_TOLERANCE = timedelta(minutes=5)
# Operations that Amazon grants less often are the ones that run out.
SCARCE_PER_SECOND = 0.1


class AmazonCheck(models.Model):
    """The checks of a connection: whether Amazon lets it in, where, how often, and as what."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check the connection."""
        return [
            *super()._get_codes(),
            ('copy', self.env._("Copy of a Database")),
            ('token', self.env._("Access")),
            ('marketplaces', self.env._("Marketplaces")),
            ('clock', self.env._("Clock")),
            ('quota', self.env._("Amazon's Quota")),
        ]

    # === BUSINESS METHODS - ACCESS === #

    @api.model
    def _check_copy(self, checkup):
        """Say what a copy of a database does, or does not do."""
        if checkup.connection.is_copy:
            return Finding('warning', self.env._(
                "This database is a copy: nothing comes in from Amazon and nothing is told to"
                " Amazon. If it shall act, too, enter the credentials and press Connect This Copy.",
            ))
        # In sudo mode: parameters are the system's.
        if self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'):
            return Finding('warning', self.env._(
                "This database is a copy, and somebody has let it act on Amazon. Make sure that the"
                " original does not run any more, or that the credentials are those of a test"
                " account.",
            ))
        return None

    @api.model
    def _check_token(self, checkup):
        """Find out whether Amazon accepts the credentials."""
        connection = checkup.connection
        if connection.state == 'draft':
            return Finding('unknown' if connection.is_copy else 'error', self.env._(
                "The account is not connected. Authorize it on Amazon; or enter the credentials of"
                " your private app on this page, then press Connect.",
            ), self.env._("Authorize on Amazon"))
        try:
            checkup.ask_participations()
        except (Unauthorized, KeyUnusable) as error:
            return Finding(
                'error',
                connection._get_error_reason(error, quotes=False),
                self.env._("Connect"),
                self._get_answer(error),
            )
        if connection.state == 'error':
            return Finding('error', self.env._(
                "Amazon would let the account in again, but everything stands still until somebody"
                " presses Connect.",
            ), self.env._("Connect"))
        return Finding('ok', self.env._("Amazon accepts the credentials and lets the account in."))

    def _remedy_token(self):
        """Connect."""
        return self.account_id.action_connect()

    def _remedy_marketplaces(self):
        """Read again where the seller sells."""
        return self.account_id.action_connect()

    @api.model
    def _check_marketplaces(self, checkup):
        """Compare what is synchronized with where Amazon says that the seller sells."""
        synced = checkup.account.synced_marketplace_ids
        if not synced:
            return Finding('error', self.env._(
                "Synchronized Marketplaces: none is chosen, so that nothing comes in. Choose those"
                " on which you sell.",
            ))
        try:
            asked = checkup.ask_participations()
        except (Unauthorized, KeyUnusable):
            return Finding('unknown', self._get_closed_sentence())
        participations = [
            participation for participation in asked if participation.is_participating
        ]
        refs = {participation.marketplace_id for participation in participations}
        if unlisted := synced.filtered(lambda marketplace: marketplace.api_ref not in refs):
            return Finding('error', self.env._(
                "Synchronized Marketplaces: Amazon does not list this seller on %(marketplaces)s,"
                " so that nothing is searched. Press Connect Again to read where you sell, then"
                " take away the marketplaces that are not among them.",
                marketplaces=', '.join(unlisted.mapped('name')),
            ), self.env._("Connect Again"))
        suspended = {p.marketplace_id for p in participations if p.is_suspended}
        if stopped := synced.filtered(lambda marketplace: marketplace.api_ref in suspended):
            return Finding('warning', self.env._(
                "Amazon has suspended what you sell on %(marketplaces)s. Seller Central ▸ Account"
                " Health says why.",
                marketplaces=', '.join(stopped.mapped('name')),
            ))
        return Finding('ok', self._describe_marketplaces(checkup.account, participations))

    @api.model
    def _describe_marketplaces(self, account, participations):
        """Say which marketplaces are synchronized, and which could be.

        :param amazon.account account: The account.
        :param list[amazon.marketplaces.Participation] participations: Where the seller sells.
        :rtype: str
        """
        message = self.env._(
            "%(marketplaces)s: synchronized.",
            marketplaces=', '.join(account.synced_marketplace_ids.mapped('name')),
        )
        elsewhere = set(account._get_seller_accounts().synced_marketplace_ids.mapped('api_ref'))
        others = [p.name for p in participations if p.marketplace_id not in elsewhere]
        if others:
            message += ' ' + self.env._(
                "You also sell on %(marketplaces)s; to synchronize more, press Connect Again and"
                " add them under Marketplaces.",
                marketplaces=', '.join(others),
            )
        return message

    # === BUSINESS METHODS - ROLES === #

    @api.model
    def _check_role(self, checkup, role, fetch, granted, missing):
        """Find out whether Amazon has granted a role, by a harmless call that it is needed for.

        :param Checkup checkup: What the checks share.
        :param str role: Amazon's name of the role.
        :param fetch: Takes the client, makes the call.
        :param str granted: What is said where it is granted.
        :param Finding missing: What is said where it is not; the remedy is added.
        :rtype: Finding
        """
        try:
            # Whoever lacks the role is not told that there is nothing of the kind.
            with suppress(NotFound, Rejected):
                checkup.ask(role, fetch)
        except Unauthorized as error:
            if not checkup.is_let_in:
                raise
            return self._describe_missing_role(role, missing, self._get_answer(error))
        return Finding('ok', granted)

    @api.model
    def _describe_missing_role(self, role, missing, answer=''):
        """Return what is to be done about a role that Amazon has not granted.

        :param str role: Amazon's name of the role.
        :param Finding missing: What it costs.
        :param str answer: Amazon's own words, if there are any.
        :rtype: Finding
        """
        remedy = self.env._(
            "Add the role “%(role)s” to your app under Seller Central ▸ Apps and Services ▸ Develop"
            " Apps ▸ Edit App, then press Authorize Again; or enter a new Refresh Token and"
            " press Connect.",
            role=role,
        )
        return Finding(
            missing.state, f'{missing.message} {remedy}', self.env._("Authorize Again"), answer,
        )

    # === BUSINESS METHODS - CLOCK AND QUOTA === #

    @api.model
    def _check_clock(self, checkup):
        """Compare our clock with Amazon's."""
        with suppress(AmazonError):  # A refusal has a date, too.
            checkup.ask_participations()
        lead = checkup.clock_lead
        if lead is None:
            return Finding('unknown', self.env._(
                "No answer of Amazon's has told its time. Press Check Now again later.",
            ))
        if abs(lead) <= CLOCK_TOLERANCE:
            return Finding('ok', self.env._("The server's clock agrees with Amazon's."))
        difference = format_timedelta(abs(lead), locale=get_lang(self.env).code)
        message = self.env._(
            "The server's clock is %(difference)s ahead of Amazon's: Amazon refuses what is said to"
            " have happened in its future. Who administers the server lets it set its clock by"
            " NTP.",
            difference=difference,
        ) if lead > timedelta() else self.env._(
            "The server's clock is %(difference)s behind Amazon's: parcels that are due look as if"
            " there was time left. Who administers the server lets it set its clock by NTP.",
            difference=difference,
        )
        return Finding('warning', message)

    @api.model
    def _check_quota(self, checkup):
        """Say how often Amazon may still be asked what it may not be asked often."""
        # In sudo mode: few may read what quotas are counted by.
        quotas = self.env['amazon.quota'].sudo().search([
            (name, '=', value) for name, value in checkup.connection._get_quota_owner().items()
        ], order='operation')
        now = datetime.now(timezone.utc)
        left, used_up = [], []
        for quota in quotas.filtered(lambda quota: quota.operation in RATES):
            if RATES[quota.operation].per_second > SCARCE_PER_SECOND:
                continue
            rate = RATES[quota.operation].adopt(quota.per_second)
            bucket = quota._get_bucket().refill(rate, now)
            if bucket.tokens < 1:
                moment = bucket.next_token_at(rate).replace(tzinfo=None)
                time = format_datetime(self.env, moment, dt_format='short')
                used_up.append(f'{quota.operation} ({time})')
            left.append(f'{quota.operation} {int(bucket.tokens)}/{rate.burst}')
        if used_up:
            return Finding('warning', self.env._(
                "Used up until the time in brackets: %(operations)s. What waits goes on by itself"
                " then; nothing is lost.",
                operations=', '.join(used_up),
            ))
        if not left:
            return Finding('ok', self.env._("All of Amazon's quota is left."))
        return Finding('ok', self.env._("Calls left: %(calls)s.", calls=', '.join(left)))
