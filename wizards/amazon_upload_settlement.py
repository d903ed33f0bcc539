from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.tools import SYNC_SECONDS, TimeBudget


class AmazonUploadSettlement(models.TransientModel):
    """A settlement that a person has downloaded from Seller Central."""

    _name = 'amazon.upload.settlement'
    _description = "Upload a Settlement"

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        default=lambda self: self._default_account_id(),
        required=True,
    )
    content = fields.Binary(
        string="File",
        help="The flat file V2 from Seller Central ▸ Payments ▸ Reports Repository ▸ All"
             " Statements, as it came.",
        required=True,
        attachment=False,
    )
    file_name = fields.Char()

    # === DEFAULT METHODS === #

    @api.model
    def _default_account_id(self):
        """Return the account if there is only one: whose money it is, nobody guesses."""
        accounts = self.env['amazon.account'].search([], limit=2)
        return accounts if len(accounts) == 1 else False

    # === ACTION METHODS === #

    def action_upload(self):
        """Store the file, read it, and show what is in it.

        :rtype: dict
        :raise UserError: If it is none, naming why.
        """
        self.ensure_one()
        Settlement = self.env['amazon.settlement']
        Settlement._check_may_book()
        self.account_id.check_access('read')
        # In sudo mode: the connector alone writes documents.
        document = self.env['amazon.settlement.document'].sudo().create({
            'connection_id': self.account_id.connection_id.id,
            'account_id': self.account_id.id,
            'name': self.file_name,
            'made_at': fields.Datetime.now(),
            'content': self.content,
            'state': 'to_read',
        })
        Settlement._wake_booking()
        self.env['ir.cron']._commit_progress()  # It is stored, whatever is in it.
        document._read_safely(TimeBudget(SYNC_SECONDS))
        if document.state == 'failed':
            raise UserError(document.reason)
        action = self.env['ir.actions.actions']._for_xml_id(
            'amazon_connector.action_amazon_settlement',
        )
        return {**action, 'domain': [('document_id', '=', document.id)], 'context': {}}
