from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.tools import open_form


class AmazonSplitAccount(models.TransientModel):
    _name = 'amazon.split.account'
    _description = "Split Off Marketplaces of an Amazon Account"

    account_id = fields.Many2one(
        comodel_name='amazon.account', string="Account", required=True, readonly=True,
    )
    available_marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace', compute='_compute_available_marketplace_ids',
    )
    marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        string="Marketplaces",
        domain="[('id', 'in', available_marketplace_ids)]",
        required=True,
    )
    name = fields.Char(
        string="Name of the New Account",
        compute='_compute_name',
        store=True,
        readonly=False,
        required=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('account_id')
    def _compute_available_marketplace_ids(self):
        for wizard in self:
            wizard.available_marketplace_ids = wizard.account_id.synced_marketplace_ids

    @api.depends('account_id', 'marketplace_ids')
    def _compute_name(self):
        for wizard in self:
            names = ', '.join(wizard.marketplace_ids.mapped('name'))
            wizard.name = f'{wizard.account_id.name} - {names}' if names else False

    # === ACTION METHODS === #

    def action_split(self):
        """Let an account of its own treat the marketplaces, with the settings of this one.

        :return: The action that opens the new account.
        :rtype: dict
        :raise UserError: If the marketplaces are not the account's, or all of them.
        """
        self.ensure_one()
        account = self.account_id
        account.check_access('write')
        if not self.marketplace_ids or self.marketplace_ids - account.synced_marketplace_ids:
            raise UserError(self.env._(
                "Marketplaces: choose some that the account synchronizes.",
            ))
        if self.marketplace_ids == account.synced_marketplace_ids:
            raise UserError(self.env._(
                "Marketplaces: leave the account at least one of them.",
            ))
        return open_form(account._split_off(self.marketplace_ids, self.name))
