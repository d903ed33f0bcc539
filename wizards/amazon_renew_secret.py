from odoo import api, fields, models
from odoo.exceptions import UserError

from ..amazon.errors import AmazonError
from ..models.quiet import keep_unlogged
from ..models.shapes import explain_shape

keep_unlogged('new_secret')


class AmazonRenewSecret(models.TransientModel):
    """The guided way to a new client secret. Amazon hands new ones out only on its own page, or
    through a queue of AWS.
    """

    _name = 'amazon.renew.secret'
    _description = "Renew the Client Secret"
    _inherit = ['amazon.secrets.mixin']
    _rec_name = 'account_id'

    _secret_names = ('new_secret',)

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, readonly=True,
    )
    company_id = fields.Many2one(related='account_id.company_id', related_sudo=False)
    lwa_client_id = fields.Char(related='account_id.lwa_client_id', related_sudo=False)
    uses_application = fields.Boolean(
        related='account_id.uses_application', related_sudo=False,
    )
    secret_end = fields.Date(related='account_id.secret_end', related_sudo=False)
    new_secret = fields.Char(
        string="New LWA Client Secret",
        compute='_compute_masked_secrets',
        inverse='_inverse_new_secret',
    )
    hint = fields.Char(compute='_compute_hint')

    @api.depends('new_secret')
    def _compute_hint(self):
        for wizard in self:
            wizard.hint = explain_shape(self.env, 'lwa_client_secret', wizard.new_secret)

    def _inverse_new_secret(self):
        self._store_secret('new_secret')

    # === ACTION METHODS === #

    def action_renew(self):
        """Let Amazon say whether the new secret works, and use it from now on if it does.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If it does not work, or nobody can say; the one before stays then.
        """
        self.ensure_one()
        account = self.account_id
        account.check_access('write')
        account.connection_id._check_is_no_copy()
        secret = self._get_secrets().get('new_secret')
        if not secret:
            raise UserError(self.env._("New LWA Client Secret: enter it first."))
        connection = account.connection_id
        try:
            connection._try(lwa_client_secret=secret)
        except AmazonError as error:
            raise UserError(self.env._(
                "The secret before stays in use: %(reason)s",
                reason=connection._get_error_reason(error, self.env._("Use the New Secret")),
            )) from None
        connections = connection
        if connection.uses_application:
            # In sudo mode: an Amazon administrator need not be one of companies.
            account.company_id.sudo().amazon_lwa_client_secret = secret
            connections |= connection.search([
                ('company_id', '=', connection.company_id.id), ('state', '=', 'error'),
            ]).filtered('uses_application')
        else:
            connection.lwa_client_secret = secret
        self._search_secrets().unlink()
        self.env['ir.cron']._commit_progress()
        for connection in connections:
            connection._do_safely(lambda connection: connection._connect())
        return account._notify(self.env._(
            "The new secret works and is used from now on.",
        ), 'success')
