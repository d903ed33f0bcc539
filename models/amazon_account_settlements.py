from odoo import fields, models
from odoo.fields import Domain

from .amazon_settlement import BOOKING_GROUP
from .amazon_sync import Run
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget

SETTLEMENTS_URL = '/odoo/action-amazon_connector.action_amazon_settlement'


class AmazonAccount(models.Model):
    """How settlements come in, and how they are booked."""

    _inherit = 'amazon.account'

    settlement_policy = fields.Selection(
        selection=[('draft', "Draft Entries"), ('post', "Posted Entries")],
        string="Book Settlements As",
        help="What is made of a settlement by itself, as soon as it is proven and each of its lines"
             " is known.",
        default='draft',
        required=True,
        tracking=True,
        copy=False,
    )
    splits_months = fields.Boolean(
        string="One Entry per Month",
        help="A settlement that touches two months gets an entry in each, by the time of the"
             " marketplace. Else it gets one at its end.",
        tracking=True,
        copy=False,
    )
    settlement_count = fields.Integer(
        string="Settlements", compute='_compute_settlement_counts', compute_sudo=True,
    )
    settlement_attention_count = fields.Integer(
        string="Settlements That Need Attention",
        compute='_compute_settlement_counts',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_settlement_counts(self):
        counts = self._count_by_account('amazon.settlement', Domain.TRUE)
        attention = self._count_by_account('amazon.settlement', self._get_attention_domain())
        for account in self:
            account.settlement_count = counts.get(account, 0)
            account.settlement_attention_count = attention.get(account, 0)

    # === ACTION METHODS === #

    def action_read_settlements(self):
        """Find the settlements that Amazon has made, download and read them, up to a time budget.

        :return: The notification to show.
        :rtype: dict
        """
        accounts = self._get_syncable(BOOKING_GROUP)
        run = Run(TimeBudget(SYNC_SECONDS))
        syncs = accounts.connection_id._get_sync('settlements')
        syncs._want_look()
        syncs._run(run)
        Settlement = self.env['amazon.settlement'].sudo()  # the connector writes settlements
        if self.env.user.has_group(BOOKING_GROUP):
            Settlement._cron_book_settlements()
        else:
            self.env['amazon.settlement.document'].sudo()._read_due(TimeBudget(SYNC_SECONDS))
            Settlement._wake_booking()
        return accounts._get_settlements_notification(run.outcomes)

    def action_open_settlements(self):
        """Open the settlements of the account.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_settlement', Domain('account_id', 'in', self.ids),
        )

    # === BUSINESS METHODS === #

    def _get_currencies(self):
        """Override of `amazon_connector` to book what is settled of marketplaces that are not
        synced, too.
        """
        [[settled]] = self.env['amazon.settlement']._read_group(
            [('account_id', '=', self.id)], [], ['currency_id:recordset'],
        )
        return super()._get_currencies() | settled

    def _cron_find_settlements(self):
        """Find and download the settlements that Amazon has made, of all connections in turn.

        :return: None
        """
        self.env['amazon.sync']._run_way('settlements', TimeBudget(CRON_SECONDS))

    def _get_attention_domain(self):
        """Return the domain of the settlements that wait for a person: none as long as nobody has
        set up accounting, since some want no books here.

        :rtype: Domain
        """
        return Domain('account_id.ledger_ids', '!=', False) & (
            Domain('state', '=', 'failed')
            | (Domain('state', 'in', ('proven', 'booked')) & Domain('reason', '!=', False))
            | Domain('rival_document_id', '!=', False)
        )

    def _get_settlements_notification(self, outcomes):
        """Say what was read.

        :param collections.Counter outcomes: How many documents are now in which state.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [self.env._("New documents: %(count)s", count=outcomes['to_read'])]
        if attention := sum(self.mapped('settlement_attention_count')):
            parts.append(self.env._("Settlements that need attention: %(count)s", count=attention))
        return self._notify_with_errors(
            ' · '.join(parts),
            0,
            [{'label': self.env._("Settlements"), 'url': SETTLEMENTS_URL}],
        )

    def _find_failures(self):
        """Override of `amazon_connector` to tell of settlements that wait for a person."""
        if self.env['amazon.settlement'].search_count(
            Domain('account_id', '=', self.id) & self._get_attention_domain(), limit=1,
        ):
            return self.env._(
                "Settlements wait for a person. Amazon ▸ Money ▸ Settlements, filter Needs"
                " Attention, shows each with its reason.",
            )
        return super()._find_failures()
