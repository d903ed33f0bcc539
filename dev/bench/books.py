"""The contender that books what Amazon pays out."""

from datetime import datetime, timedelta

from odoo.api import Environment
from odoo.models import BaseModel

from .connector import Connector
from .simulator import control

INVOICED_AT_ONCE = 200


class Books(Connector):
    """The connector and a chart of accounts, with sales that are invoiced.

    :param Environment env: The shop.
    :param str simulator: The simulator's address.
    """

    def __init__(self, env: Environment, simulator: str) -> None:
        super().__init__(env, simulator, 'BOOKS')
        self.channel = 'FBA'
        self.account.action_set_up_accounting()
        self.account.settlement_policy = 'post'
        env['ir.cron'].search([]).active = False
        env.cr.commit()

    def sell(self, count: int) -> int:
        """Import that many orders."""
        self._control('bulk', count=count, channel=self.channel)
        self.account.last_order_sync = datetime.now() - timedelta(days=2)
        self.account._fetch_orders(self.budget)
        return self.run(count)

    def invoice(self, count: int) -> int:
        """Post the invoices of all orders that have none."""
        orders = self._get_orders().filtered(lambda order: not order.invoice_ids)
        for start in range(0, len(orders), INVOICED_AT_ONCE):
            some = orders[start:start + INVOICED_AT_ONCE]
            some._create_invoices(grouped=True).action_post()
            self.env.cr.commit()
        return self._expect(count, len(orders))

    def close(self, count: int) -> int:
        """Let Amazon close a settlement of so many lines."""
        closed = control(
            self.simulator, 'bulk_settlement', self.seller.seller_id, lines=count,
        )
        return closed['line_count']

    def read(self, count: int) -> int:
        """Find the settlement, download it, and prove it."""
        self.account.ledger_ids.company_id.fiscalyear_lock_date = '2099-12-31'
        sync = self.account.connection_id._get_sync('settlements')
        sync._want_look()
        self.env['amazon.sync']._run_way('settlements', self.budget)
        self.env['amazon.settlement.document']._read_due(self.budget)
        self.env.cr.commit()
        settlement = self._get_settlement()
        assert settlement.state == 'proven', settlement.reason
        return self._expect(count, settlement.line_count)

    def book(self, count: int) -> int:
        """Make the entry and post it."""
        self.account.ledger_ids.company_id.fiscalyear_lock_date = False
        settlement = self._get_settlement()
        settlement._build(self.budget)
        settlement._book()
        self.env.cr.commit()
        return len(settlement.move_ids.line_ids)

    def reconcile(self, count: int) -> int:
        """Reconcile it with the invoices."""
        settlement = self._get_settlement()
        settlement._reconcile_parts(self.budget)
        paid = self._get_orders().invoice_ids.filtered(lambda move: move.payment_state == 'paid')
        return len(paid)

    def _get_orders(self) -> BaseModel:
        return self.env['sale.order'].search([('amazon_account_id', '=', self.account.id)])

    def _get_settlement(self) -> BaseModel:
        return self.env['amazon.settlement'].search(
            [('account_id', '=', self.account.id)], order='id desc', limit=1,
        )
