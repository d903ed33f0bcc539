from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain

from ..amazon import reports, settlements
from ..amazon.errors import Rejected
from .tools import to_aware

KEPT_BY_AMAZON = timedelta(days=89)  # it shows 90, by its own clock
LOOK_EVERY = timedelta(hours=20)
# A settlement may be listed days after its end.
OVERLAP = timedelta(days=14)
MAX_EXPIRIES = 2  # of a token, until it is a failure


class AmazonSync(models.Model):
    """The way of settlements in: what Amazon has made is found, and downloaded once."""

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('settlements', "Settlements")], ondelete={'settlements': 'cascade'},
    )

    # === BUSINESS METHODS === #

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'settlements':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_find_settlements').sudo()

    def _prepare_run(self, accounts):
        """Override of `amazon_connector`: who wants it now wants Amazon to be asked."""
        super()._prepare_run(accounts)
        if self.way == 'settlements':
            self._want_look()

    def _want_look(self):
        """See to it that Amazon is asked for new settlements next.

        :return: None
        """
        for sync in self:
            if not sync.window:
                sync.window = sync._begin_look()

    def _work(self, run):
        """Override of `amazon_connector` to find settlements, and to download what was found."""
        if self.way != 'settlements':
            return super()._work(run)
        if not self.window and (
            not self.cursor or self.cursor < fields.Datetime.now() - LOOK_EVERY
        ):
            self.window = self._begin_look()
        if self.window:
            with self._call_amazon(run) as client:
                return self._read_next_list(client)
            return False
        if document := self._get_to_download()[:1]:
            with self._call_amazon(run) as client:
                return self._download(client, document, run)
            return False
        if settlement := self._get_with_unknown_orders():
            with self._call_amazon(run) as client:
                return self._ask_for_order(client, settlement)
            return False
        self._note_success(run)
        return False

    def _begin_look(self, expiries=0):
        """Return how a look at Amazon's list begins, as JSON keeps it.

        :param int expiries: How many tokens have expired.
        :rtype: dict
        """
        now = fields.Datetime.now()
        oldest = now - KEPT_BY_AMAZON
        since = max(oldest, self.cursor - OVERLAP) if self.cursor else oldest
        return {
            'since': since.isoformat(),
            'begun_at': now.isoformat(),
            'token': '',
            'expiries': expiries,
        }

    def _read_next_list(self, client):
        """Read one page of Amazon's list, note what it holds, and commit both.

        :param amazon.client.Client client: The client of the connection.
        :return: Whether there may be more to do.
        :rtype: bool
        :raise AmazonError: If Amazon does not answer.
        """
        if not self.try_lock_for_update(allow_referencing=True) or not self.window:
            return False
        window = self.window
        try:
            found, token = reports.fetch_reports_page(
                client,
                settlements.REPORT_TYPE,
                to_aware(fields.Datetime.to_datetime(window['since'].replace('T', ' '))),
                next_token=window['token'],
            )
        except Rejected:
            expiries = window.get('expiries', 0)
            if not window['token'] or expiries >= MAX_EXPIRIES:
                self.window = False
                self.env['ir.cron']._commit_progress()
                raise
            self.window = self._begin_look(expiries + 1)
            self.env['ir.cron']._commit_progress()
            return True
        self.env['amazon.settlement.document']._note_reports(self.connection_id, found)
        if token:
            self.window = {**window, 'token': token}
        else:
            self.write({
                'cursor': fields.Datetime.to_datetime(window['begun_at'].replace('T', ' ')),
                'window': False,
            })
        self.env['ir.cron']._commit_progress()
        return True

    def _download(self, client, document, run):
        """Download a document, and commit it.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.settlement.document document: The document.
        :param Run run: Counts the documents by what became of them.
        :return: Whether there may be more to do.
        :rtype: bool
        """
        if not document.try_lock_for_update(allow_referencing=True):
            return False
        document._do_safely(lambda document: document._download(client))
        run.outcomes[document.state] += 1
        self.env['amazon.settlement']._wake_booking()
        self.env['ir.cron']._commit_progress()
        return True

    def _get_with_unknown_orders(self):
        """Return the settlements with orders that Amazon is to be asked for, the oldest first.

        :rtype: amazon.settlement
        """
        return self.env['amazon.settlement'].search([
            ('account_id', 'in', self.connection_id.account_ids.ids), ('state', '=', 'proven'),
        ], order='date_end, id').filtered(lambda settlement: settlement._get_refs_to_ask())[:1]

    def _ask_for_order(self, client, settlement):
        """Ask Amazon for an order that Odoo does not know, and commit it.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.settlement settlement: The settlement that has it.
        :return: Whether there may be more to do.
        :rtype: bool
        """
        refs = settlement._get_refs_to_ask()
        if not refs or not settlement.try_lock_for_update(allow_referencing=True):
            return False
        settlement._ask_for_order(client, refs[0])
        if len(refs) == 1:
            settlement._wake_booking()
        self.env['ir.cron']._commit_progress()
        return True

    def _get_to_download(self):
        """Return the documents that are not here yet, the oldest first.

        :rtype: amazon.settlement.document
        """
        Document = self.env['amazon.settlement.document']
        due = Domain('state', '=', 'to_download') | (
            Domain('state', '=', 'failed') & Domain('next_try', '<=', fields.Datetime.now())
        )
        return Document.search(
            Domain('connection_id', '=', self.connection_id.id) & due
            & Domain('document_ref', '!=', False),
            order='made_at, id',
        ).filtered(lambda document: not document.content)

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'settlements':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let its settlements be read. Give the app the role Finance and"
            " Accounting in Seller Central and authorize it again; or upload the files by hand.",
        )
