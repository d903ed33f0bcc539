from dataclasses import replace
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from .amazon_check import Finding
from .amazon_connection_application import REMIND_DAYS


class AmazonCheck(models.Model):
    """The checks of what Amazon wants renewed: authorizations and client secrets."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check what ends."""
        return [
            *super()._get_codes(),
            ('authorization_end', self.env._("Authorization")),
            ('secret_end', self.env._("Client Secret")),
        ]

    @api.model
    def _get_method(self, verb, code):
        """Override of `amazon_connector`: roles come with another authorization."""
        if verb == 'remedy' and code.startswith('role_'):
            return self._remedy_authorization_end
        return super()._get_method(verb, code)

    @api.model
    def _check_token(self, checkup):
        """Override of `amazon_connector`: what has ended is renewed, or authorized again."""
        finding = super()._check_token(checkup)
        if 'invalid_client' in finding.answer:
            return replace(finding, remedy=self.env._("Renew Client Secret"))
        if finding.answer and checkup.connection.authorized_on:
            return replace(finding, remedy=self.env._("Authorize Again"))
        return finding

    def _remedy_token(self):
        """Override of `amazon_connector`: as `_check_token`."""
        if 'invalid_client' in (self.answer or ''):
            return self._remedy_secret_end()
        if self.account_id.state == 'draft' or self.answer and self.account_id.authorized_on:
            return self._remedy_authorization_end()
        return super()._remedy_token()

    @api.model
    def _check_authorization_end(self, checkup):
        """Say when the authorization ends; that of a private application does not."""
        return self._check_end(checkup, 'authorization_end', self.env._("Authorize Again"))

    def _remedy_authorization_end(self):
        """Open the dialog that leads to Amazon."""
        return self._open_dialog('amazon_connector.action_amazon_authorize')

    @api.model
    def _check_secret_end(self, checkup):
        """Say when the client secret ends."""
        finding = self._check_end(checkup, 'secret_end', self.env._("Renew Client Secret"))
        if finding or checkup.connection.state == 'draft':
            return finding
        return Finding('unknown', self.env._(
            "Nobody has entered when Amazon made the client secret, so that nothing reminds of the"
            " next one after 180 days. Enter it under Secret Renewed On.",
        ))

    def _remedy_secret_end(self):
        """Open the dialog that says how."""
        return self._open_dialog('amazon_connector.action_amazon_renew_secret')

    @api.model
    def _check_end(self, checkup, name, remedy):
        """Say how long something is good for.

        :param Checkup checkup: What the checks share.
        :param str name: The field that says when it ends.
        :param str remedy: What the button that renews it says.
        :rtype: Finding | None
        """
        end, today = checkup.connection[name], fields.Date.context_today(self)
        if not end:
            return None
        if end > today + timedelta(days=REMIND_DAYS[-1]):
            return Finding('ok', self.env._("Until %(date)s.", date=format_date(self.env, end)))
        state = 'error' if end < today else 'warning'
        return Finding(state, checkup.account._explain_renewal(name), remedy)

    def _open_dialog(self, xmlid):
        """Return the action of a dialog for the account.

        :param str xmlid: The action.
        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(xmlid)
        return {**action, 'context': {'default_account_id': self.account_id.id}}


class AmazonAccount(models.Model):

    _inherit = 'amazon.account'

    def _check_up(self, budget, codes=None):
        """Override of `amazon_connector` to remind of what ends."""
        super()._check_up(budget, codes)
        # In sudo mode: who looks at an account need not be one who plans activities.
        self.sudo()._remind_of_renewals()
