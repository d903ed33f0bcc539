from datetime import timedelta

from psycopg2.errors import ReadOnlySqlTransaction

from odoo import api, fields, models

KEPT_DAYS = 365


class AmazonAccessLog(models.Model):
    """Who opened what Amazon sent, or changed credentials, for a year. Whose data it was is not in
    it: only what Amazon or the company calls the record.
    """

    _name = 'amazon.access.log'
    _description = "Amazon Access Log"
    _order = 'date desc, id desc'
    _rec_name = 'reference'
    _log_access = False

    date = fields.Datetime(
        string="When", default=fields.Datetime.now, required=True, readonly=True, index=True,
    )
    user_id = fields.Many2one(
        comodel_name='res.users', string="Who", readonly=True, ondelete='set null',
    )
    what = fields.Selection(
        selection=[
            ('data', "Opened Amazon's data"),
            ('credentials', "Changed credentials"),
        ],
        required=True,
        readonly=True,
    )
    reference = fields.Char(
        string="Record", help="The record, as Amazon or you call it.", readonly=True,
    )
    company_id = fields.Many2one(
        comodel_name='res.company', readonly=True, index=True, ondelete='cascade',
    )

    @api.model
    def _note(self, what, records):
        """Record that the user opened or changed something.

        :param str what: A value of the field `what`.
        :param models.Model records: What was opened or changed; they are or have a company.
        :return: None
        """
        if self.env.cr.readonly:
            # Odoo starts the request again where it can write.
            raise ReadOnlySqlTransaction("Amazon's data are opened, which is recorded")
        # In sudo mode: nobody writes here, not even about themselves.
        self.sudo().create([
            {
                'user_id': self.env.uid,
                'what': what,
                'reference': record.display_name,
                'company_id': (record if record._name == 'res.company' else record.company_id).id,
            }
            for record in records.sudo()
        ])

    @api.autovacuum
    def _gc_old(self):
        """Forget who did what long ago."""
        limit = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([('date', '<', limit)]).unlink()
