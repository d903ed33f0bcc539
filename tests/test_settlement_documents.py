import base64
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.amazon_connector.amazon import reports
from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase
from .test_settlements_parsing import write

LIST = 'getReports'
REIMBURSEMENT = {
    'transaction-type': 'other-transaction',
    'amount-type': 'FBA Inventory Reimbursement',
    'amount-description': 'WAREHOUSE_LOST',
    'posted-date-time': '2026-03-13 20:21:38 UTC',
    'sku': 'MUG',
}


@tagged('post_install', '-at_install')
class TestSettlementDocuments(MoneyCase):
    """Documents are found, each once, and what is odd in one stops nothing else."""

    # === FOUND === #

    @property
    def settlement_sync(self):
        """How far the settlements of the account are."""
        return self.get_sync(self.account, 'settlements')

    def close_before(self, **ago):
        """Let Amazon have closed a settlement, and listed it, some time ago; return it."""
        clock = self.simulator.clock
        clock.freeze(clock.now() - timedelta(**ago))
        self.seller.reimburse('MUG', 'WAREHOUSE_LOST', '11.10')
        closed = self.seller.close_settlement()
        clock.reset()
        return closed

    def get_since(self):
        """Return since when Amazon was asked for settlements last (UTC, naive)."""
        query = [call for call in self.simulator.calls if call.operation == LIST][-1].query
        return fields.Datetime.to_datetime(query['createdSince'].replace('T', ' ').rstrip('Z'))

    def test_the_first_look_finds_all_that_amazon_shows(self):
        closed = [self.close_before(days=88), self.close_before(days=1)]
        self.read_settlements()
        for one in closed:
            self.assertEqual(self.get_settlement(one).state, 'booked')

    def test_later_looks_begin_two_weeks_before_the_last_one(self):
        self.read_settlements()
        late, too_late = self.close_before(days=13), self.close_before(days=15)
        self.read_settlements()
        self.assertTrue(self.get_settlement(late))
        self.assertFalse(self.get_settlement(too_late))
        self.settlement_sync.cursor -= timedelta(days=2)
        self.read_settlements()
        self.assertTrue(self.get_settlement(too_late))

    def test_amazon_is_never_asked_for_more_than_it_shows(self):
        self.read_settlements()
        self.settlement_sync.cursor -= timedelta(days=200)
        self.read_settlements()
        asked = fields.Datetime.now() - self.get_since()
        self.assertGreater(asked, timedelta(days=88))
        self.assertLess(asked, timedelta(days=90))

    def test_amazon_is_asked_once_a_day(self):
        self.run_cron('find_settlements')
        closed = self.close_before(hours=1)
        self.run_cron('find_settlements')
        self.assertEqual(self.count_calls(LIST), 1)
        self.settlement_sync.cursor -= timedelta(hours=21)
        self.run_cron('find_settlements')
        self.run_cron('book_settlements')
        self.assertEqual(self.get_settlement(closed).state, 'booked')

    def interrupt_a_list(self):
        """Let a list of three settlements break off after its first page; return these."""
        closed = [self.close_before(days=days) for days in (30, 20, 10)]
        self.enterContext(patch.object(reports, 'PAGE_SIZE', 1))
        self.simulator.arm('unavailable', operation=LIST, times=None, skip=1)
        self.read_settlements()
        self.simulator.disarm()
        self.assertFalse(self.settlement_sync.cursor)
        return closed

    def assertAllFound(self, closed):
        """Check that a list is read to its end, and each settlement in Odoo, once."""
        self.run_cron('book_settlements')
        for one in closed:
            self.assertEqual(len(self.get_settlement(one)), 1)
        self.assertEqual(
            self.env['amazon.settlement.document'].search_count(
                [('connection_id', '=', self.account.connection_id.id)],
            ), len(closed),
        )
        self.assertFalse(self.settlement_sync.window)
        self.assertTrue(self.settlement_sync.cursor)

    def test_a_list_goes_on_with_the_page_at_which_it_was_interrupted(self):
        closed = self.interrupt_a_list()
        self.assertTrue(self.settlement_sync.window['token'])
        calls = self.count_calls(LIST)
        self.run_cron('find_settlements')
        self.assertEqual(self.count_calls(LIST), calls + 2)
        self.assertAllFound(closed)

    def test_a_list_whose_token_has_expired_begins_anew(self):
        closed = self.interrupt_a_list()
        sync = self.settlement_sync
        sync.window = {**sync.window, 'token': 'expired'}
        self.run_cron('find_settlements')
        self.assertFalse(sync.last_error)
        self.assertAllFound(closed)

    # === READ === #

    def upload(self, *rows):
        """Upload a document of some rows; return what opens."""
        wizard = self.env['amazon.upload.settlement'].create({
            'account_id': self.account.id,
            'content': base64.b64encode(write(*rows).encode()),
            'file_name': 'statement.txt',
        })
        return self.press(wizard, 'action_upload')

    def make_rows(self, ref, *amounts, total='10.00', currency='EUR'):
        """Return the rows of a settlement of reimbursements."""
        return [
            {
                'settlement-id': ref,
                'settlement-start-date': '2026-03-01 10:11:12 UTC',
                'settlement-end-date': '2026-03-15 10:11:12 UTC',
                'deposit-date': '2026-03-17 10:11:12 UTC',
                'total-amount': total,
                'currency': currency,
            },
            *({**REIMBURSEMENT, 'settlement-id': ref, 'amount': amount} for amount in amounts),
        ]

    def find(self, ref):
        """Return the settlement with an id of Amazon's."""
        return self.env['amazon.settlement'].search([
            ('company_id', '=', self.company.id), ('settlement_ref', '=', ref),
        ])

    def test_a_document_may_hold_several_settlements(self):
        closed = []
        for price in ('12.99', '7.99'):
            self.sell(Item('MUG', price))
            closed.append(self.seller.close_settlement(is_published=False))
        self.seller.reissue(*closed)
        self.read_settlements()
        settlements = self.get_settlement(closed[0]) | self.get_settlement(closed[1])
        self.assertEqual(settlements.mapped('state'), ['booked', 'booked'])
        self.assertEqual(len(settlements.document_id), 1)
        self.assertEqual(settlements.document_id.state, 'done')
        self.assertEqual(
            sorted(settlements.mapped('total')), sorted(float(one.total) for one in closed),
        )
        self.assertEqual(
            sum(settlements.mapped('line_count')), sum(one.line_count for one in closed),
        )

    def test_what_is_odd_about_one_settlement_stops_no_other(self):
        no_total, *its_lines = self.make_rows('12', '4.00', '6.00')
        self.upload(
            *self.make_rows('11', '4.00', '6.00'),
            *({**line, 'currency': no_total['currency']} for line in its_lines),
            *self.make_rows('13', '4.00', '6.00'), *self.make_rows('13', total='11.00'),
            *self.make_rows('14', '4.00', 'n/a', '6.00'),
            *self.make_rows('15', '1.234', '8.766'),
            *self.make_rows('16', '4.00', '6.00'),
        )
        self.run_cron('book_settlements')
        for ref, reason in (
            ('12', r"no line with the total .* Press Read Settlements"),
            ('13', r"more than one total .* Press Read Settlements"),
            ('14', r"Amounts that can't be read: 1\. What Was Odd shows them"),
            ('15', r"Line \d+: 1\.234 is no amount in EUR.* press Retry"),
        ):
            settlement = self.find(ref)
            with self.subTest(ref):
                self.assertEqual(settlement.state, 'failed')
                self.assertRegex(settlement.reason, reason)
                self.assertFalse(settlement.move_ids)
        self.assertRegex(self.find('14').notes, r"^Line \d+: the amount can't be read$")
        for ref in ('11', '16'):
            self.assertEqual(self.find(ref).state, 'booked')
        self.assertEqual(self.find('11').document_id.state, 'done')

    def test_a_settlement_without_a_currency_is_said_on_its_document(self):
        with self.assertRaisesRegex(UserError, "no currency for settlement 21.*Read Settlements"):
            self.upload(
                *self.make_rows('21', '10.00', currency=''),
                *self.make_rows('22', '4.00', '6.00'),
            )
        self.assertFalse(self.find('21'))
        settlement = self.find('22')
        self.assertEqual(settlement.document_id.state, 'failed')
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
