from contextlib import contextmanager
from datetime import timezone

from psycopg2.errors import UniqueViolation

from odoo import SUPERUSER_ID, api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon.client import AccessToken
from .quiet import quiet_sql


class AmazonAccessToken(models.Model):
    """An access token, shared by all workers until it expires.

    It is kept under what it was given for and not under the connection: a token that is fetched in
    the transaction that makes the connection is committed before it, and credentials that change
    have a token of their own.
    """

    _name = 'amazon.access.token'
    _description = "Amazon Access Token"
    _rec_name = 'owner'
    _log_access = False

    owner = fields.Char(help="What stands for the credentials; see the token store.", required=True)
    value = fields.Char(required=True)
    expires_at = fields.Datetime(required=True)

    _owner_uniq = models.Constraint(
        'UNIQUE(owner)', "There is an access token for these credentials already.",
    )

    @api.autovacuum
    def _gc_expired(self):
        """Forget the tokens that have expired."""
        self.search([('expires_at', '<', fields.Datetime.now())]).unlink()


class DatabaseTokenStore:
    """The token store of the client (see `amazon.client.TokenStore`) that keeps it in Odoo."""

    def __init__(self, env, owner):
        """Keep the access token of one owner.

        :param Environment env: Only its registry is used: each step has its own cursor.
        :param str owner: What stands for the credentials, none of which can be read in it.
        """
        self._registry = env.registry
        self._owner = owner

    def get(self):
        """Implement `amazon.client.TokenStore`."""
        with self._registry.cursor() as cr:
            token = self._search(cr)
            return AccessToken(
                token.value, token.expires_at.replace(tzinfo=timezone.utc),
            ) if token else None

    def put(self, token):
        """Implement `amazon.client.TokenStore`."""
        values = {
            'value': token.value,
            'expires_at': token.expires_at.astimezone(timezone.utc).replace(tzinfo=None),
        }
        try:
            with quiet_sql(), self._registry.cursor() as cr:
                stored = self._search(cr)
                if stored:
                    stored.write(values)
                else:
                    stored.create({'owner': self._owner, **values})
        except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
            return  # Another worker keeps the one that it was given, which is as good.

    def evict(self):
        """Implement `amazon.client.TokenStore`."""
        with self._registry.cursor() as cr:
            self._search(cr).unlink()

    @contextmanager
    def exclusively(self):
        """Implement `amazon.client.TokenStore`."""
        yield

    def _search(self, cr):
        env = api.Environment(cr, SUPERUSER_ID, {})
        return env['amazon.access.token'].search_fetch(
            [('owner', '=', self._owner)], ['value', 'expires_at'],
        )
