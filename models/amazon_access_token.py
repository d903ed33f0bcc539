from datetime import timezone

from odoo import SUPERUSER_ID, api, fields, models

from ..amazon.client import AccessToken


class AmazonAccessToken(models.Model):
    """The access token of an account, shared by all workers until it expires.

    It is not on the account itself: that row is locked while a page is fetched.
    """

    _name = 'amazon.access.token'
    _description = "Amazon Access Token"
    _rec_name = 'account_id'
    _log_access = False

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, index=True, ondelete='cascade',
    )
    value = fields.Char(required=True)
    expires_at = fields.Datetime(required=True)

    _account_uniq = models.Constraint(
        'UNIQUE(account_id)', "There is an access token of this account already.",
    )


class DatabaseTokenStore:
    """The token store of the client (see `amazon.client.TokenStore`) that keeps it in Odoo."""

    def __init__(self, account):
        """Keep the access token of one account.

        :param amazon.account account: Only its id is used: each step has its own cursor.
        """
        self._registry = account.env.registry
        self._account_id = account.id

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
        with self._registry.cursor() as cr:
            stored = self._search(cr)
            if stored:
                stored.write(values)
            else:
                stored.create({'account_id': self._account_id, **values})

    def evict(self):
        """Implement `amazon.client.TokenStore`."""
        with self._registry.cursor() as cr:
            self._search(cr).unlink()

    def _search(self, cr):
        env = api.Environment(cr, SUPERUSER_ID, {})
        return env['amazon.access.token'].search([('account_id', '=', self._account_id)])
