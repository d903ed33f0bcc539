from datetime import datetime, timezone

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon.limits import RATES, Bucket
from .quiet import quiet_sql

MAX_ATTEMPTS = 10


class AmazonQuota(models.Model):
    """What is left of a quota that Amazon grants a seller and application in a region.

    Two connections of one seller share it, and so do all workers: each call is taken from it in a
    transaction of its own, committed before the call is made.
    """

    _name = 'amazon.quota'
    _description = "Amazon Quota"
    _rec_name = 'operation'
    _log_access = False

    seller_id = fields.Char(required=True)
    lwa_client_id = fields.Char(required=True)
    endpoint = fields.Char(required=True)
    operation = fields.Char(required=True)
    tokens = fields.Float(required=True)
    refilled_at = fields.Float(
        help="Seconds since 1970, with their fractions, which a Datetime would drop.",
        required=True,
    )
    per_second = fields.Float(help="The rate that Amazon announced.", required=True)

    _owner_operation_uniq = models.Constraint(
        'UNIQUE(seller_id, lwa_client_id, endpoint, operation)',
        "There is a quota of this seller, application, region and operation already.",
    )

    # === BUSINESS METHODS === #

    def _get_bucket(self):
        """Return the state of this quota as `amazon.limits` calculates with it."""
        return Bucket(self.tokens, datetime.fromtimestamp(self.refilled_at, timezone.utc))

    def _set_bucket(self, bucket):
        """Store what `amazon.limits` calculated."""
        self.write({'tokens': bucket.tokens, 'refilled_at': bucket.refilled_at.timestamp()})


class DatabaseLimiter:
    """The limiter of the client (see `amazon.limits.Limiter`) that keeps its buckets in Odoo."""

    def __init__(self, env, owner, sync=None):
        """Limit the calls of one owner of quotas.

        :param Environment env: Only its registry is used: each step has its own cursor.
        :param dict owner: `seller_id`, `lwa_client_id` and `endpoint` of the connection.
        :param amazon.sync sync: The way that calls; one that calls out of turn has none. Only its
                                 id is used after this.
        """
        self._registry = env.registry
        self._owner = owner
        self._sync_id = sync and sync.id
        self._operation_in_turn = sync and sync._get_operation_in_turn()

    def reserve(self, operation):
        """Implement `amazon.limits.Limiter`, and let nobody take a call out of turn."""
        ahead = self._count_ahead() if operation == self._operation_in_turn else 0
        self._update(operation, lambda bucket, rate, now: bucket.take(operation, rate, now, ahead))

    def _count_ahead(self):
        """Return how many connections that share the quota wait for it before this one."""
        with self._registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            return env['amazon.sync'].browse(self._sync_id)._count_ahead_in_turn()

    def observe(self, operation, rate, throttled):
        """Implement `amazon.limits.Limiter`."""
        if not throttled:
            if rate is not None:
                self._update(operation, lambda bucket, _rate, _now: bucket, announced=rate)
            return None
        bucket, adopted = self._update(
            operation, lambda _bucket, _rate, now: Bucket.drained(now), announced=rate,
        )
        return bucket.next_token_at(adopted)

    def _update(self, operation, change, announced=None):
        """Change the bucket of an operation and commit, again when another worker was faster.

        :param str operation: Amazon's name of the operation.
        :param change: Takes the bucket, its rate and the time, returns the new bucket.
        :param float announced: The calls per second that Amazon announced, if it did.
        :return: The bucket as stored, and its rate.
        :rtype: tuple[Bucket, Rate]
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                with self._registry.cursor() as cr, quiet_sql():
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    return self._update_in(env['amazon.quota'], operation, change, announced)
            except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, psycopg2.errors.UniqueViolation):
                if attempt == MAX_ATTEMPTS - 1:
                    raise

    def _update_in(self, Quota, operation, change, announced):
        """Do one attempt of `_update` in the transaction of `Quota`."""
        now = datetime.now(timezone.utc)
        quota = Quota.search_fetch([
            *((name, '=', value) for name, value in self._owner.items()),
            ('operation', '=', operation),
        ], ['tokens', 'refilled_at', 'per_second'])
        if not quota:
            rate = RATES[operation]
            full = Bucket.full(rate, now)
            quota = Quota.create({
                **self._owner,
                'operation': operation,
                'tokens': full.tokens,
                'refilled_at': full.refilled_at.timestamp(),
                'per_second': rate.per_second,
            })
        rate = RATES[operation].adopt(announced or quota.per_second)
        bucket = change(quota._get_bucket(), rate, now)
        if bucket != quota._get_bucket():
            quota._set_bucket(bucket)
        if quota.per_second != rate.per_second:
            quota.per_second = rate.per_second
        return bucket, rate
