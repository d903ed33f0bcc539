from collections import defaultdict
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.amazon_connector.hooks import uninstall_hook
from odoo.addons.amazon_connector.models import amazon_settlement_building
from odoo.addons.amazon_connector.models.tools import TimeBudget
from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase


class Turns(TimeBudget):
    """Time for so many parts."""

    def __init__(self, turns):
        super().__init__(0)
        self._turns = turns

    def is_spent(self):
        """Override of `TimeBudget` to count."""
        self._turns -= 1
        return self._turns < 0


@tagged('post_install', '-at_install')
class TestSettlementEntries(MoneyCase):
    """What a settlement makes in the books."""

    def get_amounts(self, settlement, account):
        """Return what the entries have on an account, in the settlement's currency."""
        items = settlement.move_ids.line_ids.filtered(lambda item: item.account_id == account)
        return settlement.currency_id.round(sum(items.mapped('amount_currency')))

    def test_an_invoice_is_paid_and_the_rest_is_in_transit(self):
        order = self.sell(Item('MUG', '12.99', 2))
        invoice = self.invoice(order)
        settlement = self.settle()
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertEqual(
            self.get_amounts(settlement, self.ledger.transit_account_id), settlement.total,
        )
        self.assertEqual(self.get_amounts(settlement, self.ledger.clearing_account_id), 0)
        self.assertEqual(self.get_sale_order(order).amazon_payout_state, 'settled')

    def test_an_invoice_that_is_posted_later_is_paid_at_once(self):
        order = self.sell(Item('MUG', '12.99'))
        self.settle()
        invoice = self.invoice(order)
        self.assertEqual(invoice.payment_state, 'paid')

    def test_a_draft_entry_pays_when_it_is_posted(self):
        self.account.settlement_policy = 'draft'
        invoice = self.invoice(self.sell(Item('MUG', '12.99')))
        settlement = self.settle()
        self.assertEqual(settlement.move_ids.state, 'draft')
        self.assertEqual(invoice.payment_state, 'not_paid')
        settlement.move_ids.action_post()
        self.run_cron('book_settlements')
        self.assertEqual(invoice.payment_state, 'paid')

    def test_a_payment_that_was_taken_before_is_not_taken_twice(self):
        order = self.sell(Item('MUG', '12.99'))
        invoice = self.invoice(order)
        payment = self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids,
        ).create({'journal_id': self.ledger.journal_id.id})._create_payments()
        self.assertTrue(payment.move_id)
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 12.99)
        settlement = self.settle()
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 0)
        self.assertEqual(
            self.get_amounts(settlement, self.ledger.transit_account_id), settlement.total,
        )

    def test_reserves_are_held_and_given_back(self):
        self.seller.set_reserve('5.00')
        self.sell(Item('MUG', '12.99'))
        self.settle()
        self.assertEqual(self.get_balance(self.ledger.reserve_account_id), 5)
        self.seller.set_reserve('0')
        self.sell(Item('BOWL', '7.99'))
        self.settle()
        self.assertEqual(self.get_balance(self.ledger.reserve_account_id), 0)

    def test_a_negative_settlement_is_carried_on(self):
        self.seller.charge_fee('subscription', '39.00')
        settlement = self.settle()
        self.assertEqual(settlement.total, -39)
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), -39)
        self.assertEqual(self.get_balance(self.ledger.transit_account_id), 0)
        self.sell(Item('MUG', '99.00'))
        settlement = self.settle()
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 0)
        self.assertEqual(self.get_balance(self.ledger.transit_account_id), settlement.total)
        self.assertFalse(self.env['account.move.line'].search_count([
            ('account_id', '=', self.ledger.clearing_account_id.id), ('reconciled', '=', False),
        ]))

    # === WHAT IS NOT THE BUYER'S === #

    def test_a_reimbursement_names_the_product(self):
        self.sell(Item('MUG', '12.99'))  # so that Odoo knows what the SKU is
        self.seller.reimburse('MUG', 'WAREHOUSE_LOST', '11.10')
        self.seller.reimburse('MUG', 'WAREHOUSE_LOST', '1.10')
        self.seller.reimburse('BOX', 'WAREHOUSE_LOST', '2.20')
        settlement = self.settle()
        account = self.account.booking_rule_ids.filtered(
            lambda rule: rule.category == 'reimbursement',
        ).gl_account_id
        self.assertEqual(
            {
                item.name: item.credit for item in settlement.move_ids.line_ids
                if item.account_id == account
            },
            {"WAREHOUSE_LOST · [MUG] Odoo MUG": 12.2, "WAREHOUSE_LOST · BOX": 2.2},
        )

    def get_amounts_by_category(self, settlement):
        """Return what the lines of a settlement sum up to, by what they count as."""
        amounts = defaultdict(float)
        for line in settlement.line_ids:
            amounts[line.category] += line.amount
        return {name: settlement.currency_id.round(each) for name, each in amounts.items()}

    def test_tax_that_amazon_withholds_is_cleared(self):
        order = self.sell(Item(
            'MUG', '20.00', 2, shipping='5.00', tax_rate='0.19', marketplace_facilitator=True,
        ))
        invoice = self.invoice(order)
        settlement = self.settle()
        amounts = self.get_amounts_by_category(settlement)
        self.assertGreater(amounts['tax'], 0)
        self.assertEqual(amounts['tax_withheld'], -amounts['tax'])
        [item] = settlement.move_ids.line_ids.filtered('amazon_order_ref')
        self.assertEqual(item.credit, invoice.amount_total)
        self.assertEqual(item.credit, amounts['sale'] + amounts['shipping'])
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertFalse(self.get_open_receivables())

    def test_tax_that_amazon_withholds_and_gives_back_is_cleared(self):
        order = self.sell(Item(
            'MUG', '20.00', 2, shipping='5.00', tax_rate='0.19', marketplace_facilitator=True,
        ))
        invoice = self.invoice(order)
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.seller.refund(order, shipping=True)
        settlement = self.settle()
        amounts = self.get_amounts_by_category(settlement)
        self.assertLess(amounts['refund_tax'], 0)
        self.assertEqual(amounts['refund_tax_withheld'], -amounts['refund_tax'])
        items = settlement.move_ids.line_ids.filtered('amazon_order_ref')
        self.assertEqual(
            sorted(items.mapped('balance')), [-invoice.amount_total, invoice.amount_total],
        )
        self.assertFalse(self.get_open_receivables())

    def test_the_sellers_own_tax_that_amazon_withholds_is_on_its_account(self):
        rule = self.account.booking_rule_ids.filtered(lambda rule: rule.category == 'tax_credit')
        taxes = self.company.account_purchase_tax_id.invoice_repartition_line_ids
        self.assertTrue(taxes.account_id)
        self.assertEqual(rule.gl_account_id, taxes.account_id)
        order = self.sell(Item('MUG', '20.00'))
        invoice = self.invoice(order)
        for description, amount in (('TCS-IGST', '-0.50'), ('TDS (Section 194-O)', '-0.20')):
            self.seller.post_money(
                'Order', 'ItemWithheldTax', description, amount, order_id=order.order_id,
            )
        settlement = self.settle()
        self.assertEqual(self.get_amounts(settlement, rule.gl_account_id), 0.7)
        self.assertEqual(invoice.payment_state, 'paid')

    # === ORDERS THAT ODOO DOES NOT KNOW === #

    def test_an_order_that_odoo_does_not_know_is_on_the_shared_customer(self):
        self.sell(Item('MUG', '12.99'))
        self.seller.post_money(
            'Order', 'ItemPrice', 'Principal', '20.00', order_id='111-1111111-1111111', sku='MUG',
        )
        settlement = self.settle()
        self.run_cron('find_settlements')
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.unknown_order_count, 1)
        [form] = self.env['amazon.settlement'].get_views([(False, 'form')])['views'].values()
        self.assertIn('name="action_open_unknown_orders"', form['arch'])
        action = settlement.action_open_unknown_orders()
        line = self.env[action['res_model']].search(action['domain'])
        self.assertEqual(
            (line.order_ref, line.amount, line.settlement_id),
            ('111-1111111-1111111', 20, settlement),
        )
        item = settlement.move_ids.line_ids.filtered(
            lambda item: item.amazon_order_ref == line.order_ref,
        )
        self.assertTrue(item.partner_id.amazon_marketplace_id)
        self.assertEqual(item.amount_residual, -20)

    def test_an_order_that_odoo_does_not_know_is_fetched(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG', '12.99')])
        self.seller.ship(order)
        settlement = self.settle()
        self.run_cron('find_settlements')
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertTrue(self.get_sale_order(order))
        self.assertEqual(settlement.unknown_order_count, 0)

    def test_entries_that_are_taken_back_can_be_booked_again(self):
        invoice = self.invoice(self.sell(Item('MUG', '12.99')))
        settlement = self.settle()
        move = settlement.move_ids
        move.button_draft()
        move.button_cancel()
        self.assertEqual(settlement.state, 'proven')
        self.assertEqual(invoice.payment_state, 'not_paid')
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'proven')
        self.press(settlement, 'action_book')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(invoice.payment_state, 'paid')

    def test_two_months_get_an_entry_each(self):
        self.account.splits_months = True
        self.sell(Item('MUG', '12.99'))
        self.seller.charge_fee('storage', '3.00', at=self.simulator.clock.now().replace(day=1))
        settlement = self.settle()
        self.assertEqual(
            self.get_amounts(settlement, self.ledger.transit_account_id), settlement.total,
        )

    def test_each_months_entry_is_taken_back_before_both_are_booked_again(self):
        self.account.splits_months = True
        self.sell(Item('MUG', '12.99'))
        month = self.simulator.clock.now().replace(day=1)
        self.seller.charge_fee('storage', '3.00', at=month - timedelta(days=2))
        settlement = self.settle()
        first, last = settlement.move_ids.sorted('date')
        last.button_draft()
        last.button_cancel()
        self.assertEqual(settlement.state, 'proven')
        self.assertEqual(first.state, 'posted')
        with self.assertRaisesRegex(UserError, "still has the entry") as refused:
            self.press(settlement, 'action_book')
        self.assertIn(first.name, str(refused.exception))
        self.assertEqual(settlement.move_ids, first)
        first.button_draft()
        first.button_cancel()
        self.press(settlement, 'action_book')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.move_ids.mapped('state'), ['posted', 'posted'])
        self.assertEqual(self.get_balance(self.ledger.transit_account_id), settlement.total)

    def take_back(self, settlement):
        """Cancel the entries of a settlement, as an accountant does."""
        moves = settlement.move_ids
        moves.button_draft()
        moves.button_cancel()
        return moves

    def build_a_part(self, settlement):
        """Let the entries of a settlement be made as far as the first order."""
        self.enterContext(patch.object(amazon_settlement_building, 'ORDERS_PER_PART', 1))
        settlement.sudo().waits_for_person = False
        self.press(settlement.sudo(), '_build', Turns(1))
        self.assertEqual(len(settlement.move_ids.line_ids), 1)

    def test_an_entry_is_not_ended_when_kinds_have_changed_meanwhile(self):
        for _order in range(2):
            self.sell(Item('MUG', '10.00'))
        settlement = self.settle()
        self.take_back(settlement)
        self.build_a_part(settlement)
        half = settlement.move_ids
        kind = settlement.line_ids.kind_id.filtered(lambda kind: kind.category == 'sale')
        kind.category = 'other_income'
        self.run_cron('book_settlements')
        self.assertFalse(half.exists())
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("changed", settlement.reason)
        self.press(settlement, 'action_book')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(
            self.get_amounts(settlement, self.ledger.transit_account_id), settlement.total,
        )

    def test_an_entry_that_is_interrupted_goes_on(self):
        for _order in range(3):
            self.sell(Item('MUG', '10.00'))
        settlement = self.settle()
        self.take_back(settlement)
        self.build_a_part(settlement)
        half = settlement.move_ids
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.move_ids, half)
        self.assertEqual(len(half.line_ids.filtered('amazon_order_ref')), 3)

    def test_an_entry_that_is_being_made_goes_with_the_addon(self):
        for _order in range(2):
            self.sell(Item('MUG', '10.00'))
        moves = self.settle().move_ids
        self.sell(Item('MUG', '10.00'))
        self.sell(Item('MUG', '10.00'))
        settlement = self.settle()
        self.take_back(settlement)
        self.build_a_part(settlement)
        half = settlement.move_ids
        uninstall_hook(self.env)
        self.assertFalse(half.exists())
        self.assertEqual(moves.exists().state, 'posted')

    def test_an_entry_that_fails_stops_no_other_settlement(self):
        self.sell(Item('MUG', '10.00'))
        first = self.settle()
        self.take_back(first)
        first.sudo().waits_for_person = False
        self.account.booking_rule_ids.gl_account_id.active = False
        self.account.fee_policy = 'expense'
        self.run_cron('book_settlements')
        self.assertEqual(first.state, 'proven')
        self.assertTrue(first.reason)
        self.assertFalse(first.move_ids)

    def test_a_settlement_of_nothing_is_booked_without_an_entry(self):
        self.seller.charge_fee('subscription', '39.00')
        self.seller.charge_fee('subscription', '-39.00')
        settlement = self.settle()
        self.assertEqual(settlement.total, 0)
        self.assertEqual(settlement.state, 'booked')

    def test_a_reversed_entry_can_be_booked_again(self):
        self.sell(Item('MUG', '10.00'))
        settlement = self.settle()
        settlement.move_ids._reverse_moves(cancel=True)
        self.assertEqual(settlement.state, 'proven')
        self.press(settlement, 'action_book')
        self.assertEqual(self.get_balance(self.ledger.transit_account_id), settlement.total)

    def test_an_entry_that_was_taken_back_does_not_come_back_beside_another_one(self):
        self.sell(Item('MUG', '10.00'))
        settlement = self.settle()
        old = self.take_back(settlement)
        self.press(settlement, 'action_book')
        with self.assertRaisesRegex(UserError, "taken back"):
            old.button_draft()

    def test_an_order_that_comes_in_after_it_was_settled_is_settled(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG', '12.99')])
        self.seller.ship(order)
        settlement = self.settle()
        settlement.sudo().proven_at -= timedelta(days=2)  # Amazon did not tell of it in time.
        self.run_cron('book_settlements')
        self.assertEqual(settlement.unknown_order_count, 1)
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertEqual(settlement.line_ids.sale_order_id, sale_order)

    # === SOLD AND REFUNDED === #

    def get_open_receivables(self):
        """Return what is open of buyers."""
        return self.env['account.move.line'].search([
            ('company_id', '=', self.company.id),
            ('account_type', '=', 'asset_receivable'),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
        ])

    def test_where_invoice_and_credit_note_are_reconciled_so_are_sale_and_refund(self):
        order = self.sell(Item('MUG', '12.99'))
        invoice = self.invoice(order)
        invoice._reverse_moves(cancel=True)
        self.assertEqual(invoice.payment_state, 'reversed')
        self.seller.refund(order)
        self.settle()
        self.assertFalse(self.get_open_receivables())
        self.assertEqual(invoice.payment_state, 'reversed')

    # === KINDS THAT ARE CHANGED === #

    def test_what_is_booked_keeps_what_it_was_booked_as(self):
        self.seller.charge_fee('storage', '3.00')
        settlement = self.settle()
        line = settlement.line_ids.filtered(lambda line: line.category == 'storage')
        line.kind_id.category = 'fba_fee'
        self.assertEqual(line.category, 'storage')
        self.seller.charge_fee('storage', '4.00')
        later = self.settle()
        self.assertEqual(
            later.line_ids.filtered(lambda other: other.kind_id == line.kind_id).category,
            'fba_fee',
        )
        settlement.move_ids.button_draft()
        settlement.move_ids.button_cancel()
        self.assertEqual(line.category, 'fba_fee')

    def test_an_administrator_alone_changes_a_kind_that_is_booked(self):
        self.seller.charge_fee('storage', '3.00')
        kind = self.settle().line_ids.filtered(lambda line: line.category == 'storage').kind_id
        anna = self.create_user('anna', 'account.group_account_invoice')
        with self.assertRaisesRegex(UserError, "Counts As: .* administrator of Invoicing"):
            kind.with_user(anna).category = 'fba_fee'
        bert = self.create_user('bert', 'account.group_account_manager')
        kind.with_user(bert).category = 'fba_fee'
        self.assertEqual(kind.category, 'fba_fee')


@tagged('post_install', '-at_install')
class TestRefusedReconciling(MoneyCase):
    """What Odoo refuses to reconcile is said, and done as soon as it can be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.create_user('accountant', 'account.group_account_invoice')
        cls.exchange_journal = cls.company.currency_exchange_journal_id
        cls.rate = cls.env['res.currency.rate'].create({
            'currency_id': cls.env.ref('base.GBP').id, 'name': '2020-01-01', 'rate': 0.8,
            'company_id': cls.company.id,
        })

    def sell_in_pounds(self, price='8.00'):
        """Let a buyer in Britain order something that is shipped."""
        return self.sell(Item('MUG', price), marketplace='GB')

    def lose_exchange_journal(self):
        """Let the rate change, and Odoo have no journal for what that makes."""
        self.rate.rate = 0.5
        self.company.currency_exchange_journal_id = False

    def find_exchange_journal(self):
        """Let there be a journal for exchange differences again."""
        self.company.currency_exchange_journal_id = self.exchange_journal

    def let_pass(self, settlement):
        """Let the time come to look at a settlement again."""
        self.assertGreater(settlement.next_try, fields.Datetime.now() + timedelta(hours=1))
        settlement.sudo().next_try = fields.Datetime.now()

    def assertSaid(self, settlement, name):
        """Assert that people see what was not reconciled, and why."""
        self.assertEqual(settlement.state, 'booked')
        self.assertIn(f"The payment of {name} could not be reconciled", settlement.reason)
        self.assertIn("Exchange", settlement.with_user(self.accountant).answer)
        self.assertEqual(self.account.settlement_attention_count, 1)
        self.assertIn("Settlements wait", str(self.account.activity_ids.mapped('note')))

    def assertDone(self, settlement, move):
        """Assert that nothing is said any longer."""
        self.assertFalse(settlement.reason)
        self.assertFalse(settlement.answer)
        self.assertFalse(settlement.next_try)
        self.assertEqual(move.payment_state, 'paid')
        self.assertFalse(self.account.settlement_attention_count)
        self.assertNotIn("Settlements wait", str(self.account.activity_ids.mapped('note')))

    def refuse_one_of_two(self):
        """Let one of two invoices not be reconciled with their settlement; return all three."""
        refused = self.invoice(self.sell_in_pounds())
        self.lose_exchange_journal()
        good = self.invoice(self.sell_in_pounds('16.00'))
        settlement = self.settle('GBP')
        self.assertEqual(good.payment_state, 'paid')
        self.assertEqual(refused.payment_state, 'not_paid')
        self.assertSaid(settlement, refused.line_ids.sale_line_ids.order_id.amazon_order_ref)
        return settlement, refused, good

    def test_one_order_that_is_refused_is_named_and_retry_reconciles_it(self):
        settlement, refused, good = self.refuse_one_of_two()
        partials = good.line_ids.matched_credit_ids
        self.press(settlement.with_user(self.accountant), 'action_retry')
        self.assertSaid(settlement, refused.line_ids.sale_line_ids.order_id.amazon_order_ref)
        self.find_exchange_journal()
        self.press(settlement.with_user(self.accountant), 'action_retry')
        self.assertDone(settlement, refused)
        self.assertEqual(good.line_ids.matched_credit_ids, partials)

    def test_what_a_person_reconciles_is_said_no_longer(self):
        settlement, refused, _good = self.refuse_one_of_two()
        self.find_exchange_journal()
        ref = refused.line_ids.sale_line_ids.order_id.amazon_order_ref
        items = settlement.move_ids.line_ids.filtered(lambda item: item.amazon_order_ref == ref)
        items |= refused.line_ids.filtered(lambda item: item.display_type == 'payment_term')
        items.reconcile()
        self.assertTrue(settlement.reason)
        self.let_pass(settlement)
        self.run_cron('book_settlements')
        self.assertDone(settlement, refused)

    def test_what_is_refused_of_an_invoice_that_is_posted_later_is_said_too(self):
        order = self.sell_in_pounds()
        settlement = self.settle('GBP')
        self.assertFalse(settlement.reason)
        self.lose_exchange_journal()
        invoice = self.invoice(order)
        self.assertEqual((invoice.state, invoice.payment_state), ('posted', 'not_paid'))
        self.run_cron('book_settlements')
        self.assertSaid(settlement, order.order_id)
        self.find_exchange_journal()
        self.let_pass(settlement)
        self.run_cron('book_settlements')
        self.assertDone(settlement, invoice)

    def test_what_is_refused_of_amazons_bill_is_said_too(self):
        self.seller.charge_fee('storage', '8.00', currency='GBP')
        settlement = self.settle('GBP')
        self.assertFalse(settlement.reason)
        bill = self.env['account.move'].search([('amazon_fee_settlement_ids', '=', settlement.id)])
        self.env['res.currency.rate'].create({
            'currency_id': bill.currency_id.id, 'name': '2019-01-01', 'rate': 0.4,
            'company_id': self.company.id,
        })
        bill.invoice_date = '2019-12-31'
        self.lose_exchange_journal()
        bill.action_post()
        self.assertEqual((bill.state, bill.payment_state), ('posted', 'not_paid'))
        self.run_cron('book_settlements')
        self.assertSaid(settlement, bill.name)
        self.find_exchange_journal()
        self.press(settlement.with_user(self.accountant), 'action_retry')
        self.assertDone(settlement, bill)

    def test_cents_of_conversion_are_on_the_largest_item_where_nothing_is_paid_out(self):
        self.rate.rate = 0.6
        for number in range(3):
            self.seller.post_money(
                'Order', 'ItemPrice', 'Principal', '1.00', currency='GBP', sku='MUG',
                order_id=f'111-1111111-111111{number}',
            )
        self.seller.post_money(
            'Refund', 'ItemPrice', 'Principal', '-3.00', currency='GBP', sku='MUG',
            order_id='111-1111111-1111119',
        )
        settlement = self.settle('GBP')
        settlement.sudo().proven_at -= timedelta(days=2)  # Nobody knows the orders.
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked', settlement.reason)
        items = settlement.move_ids.line_ids
        self.assertEqual(settlement.move_ids.state, 'posted')
        self.assertEqual(
            sorted(items.mapped(lambda item: (item.amount_currency, item.balance))),
            [*[(-1, -1.67)] * 3, (3, 5.01)],
        )
