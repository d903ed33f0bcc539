import base64
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Buyer, Item

from .test_transactions import TransactionCase


class RefundCase(TransactionCase):
    """A seller whose refunds become posted credit notes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.refund_policy = 'post'
        cls.vat = cls.env['account.tax'].create({
            'name': 'VAT 19 % incl.',
            'amount': 19,
            'price_include_override': 'tax_included',
            'company_id': cls.company.id,
        })

    def refund(self, order, items=None, hours=1, **details):
        """Let Amazon refund something an hour ago."""
        return self.seller.refund(
            order, items, at=self.simulator.clock.now() - timedelta(hours=hours), **details,
        )

    def get_refunds(self, order):
        """Return the refunds of an order in Odoo, the earliest first."""
        return self.env['amazon.refund'].search([
            ('company_id', '=', self.company.id), ('order_ref', '=', order.order_id),
        ], order='posted_at, id')

    def process(self):
        """Run the cron that makes credit notes."""
        self.run_cron('process_refunds')

    def get_paid_back(self, refund):
        """Return what the buyer gets back by a refund of the simulator's."""
        return -float(refund.event.sum('ItemPrice', 'Promotion', 'ItemWithheldTax', 'Points'))

    def assertCredited(self, refund, credit_note):
        """Check that a credit note is to the cent what Amazon refunded."""
        self.assertEqual(credit_note.move_type, 'out_refund')
        self.assertEqual(credit_note.state, 'posted')
        self.assertAlmostEqual(credit_note.amount_total, self.get_paid_back(refund), 3)
        self.assertAlmostEqual(
            credit_note.amount_untaxed + credit_note.amount_tax, credit_note.amount_total, 3,
        )


@tagged('post_install', '-at_install')
class TestRefunds(RefundCase):
    """What Amazon refunds becomes a credit note."""

    def test_all_of_an_order(self):
        self.mug.taxes_id = self.vat
        order = self.sell_before(Item('MUG', '12.99', 2, shipping='4.90', discount='3.00'))
        invoice = self.invoice(order)
        refund = self.refund(order, shipping=True)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'done', record.reason)
        credit_note = record.credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertEqual(credit_note.amount_total, invoice.amount_total)
        self.assertEqual(credit_note.amount_tax, invoice.amount_tax)
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        self.assertEqual(credit_note.invoice_origin, self.get_sale_order(order).name)
        self.assertEqual(credit_note.amazon_refund_id, record)
        self.assertEqual(credit_note.fiscal_position_id, invoice.fiscal_position_id)
        goods = credit_note.invoice_line_ids.filtered(lambda line: line.product_id == self.mug)
        self.assertEqual(goods.quantity, 2)
        self.assertEqual(goods.tax_ids, self.vat)
        self.assertEqual(
            credit_note.invoice_line_ids.filtered(
                lambda line: line.product_id == self.account.discount_product_id,
            ).price_total, -3,
        )

    def test_one_of_two_units(self):
        self.mug.taxes_id = self.vat
        order = self.sell_before(Item('MUG', '12.99', 2, shipping='4.90'))
        self.invoice(order)
        refund = self.refund(order, {'MUG': 1})
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertEqual(credit_note.amount_total, 12.99)
        self.assertEqual(credit_note.invoice_line_ids.quantity, 1)
        self.assertEqual(credit_note.invoice_line_ids.tax_ids, self.vat)

    def test_a_part_of_the_price(self):
        self.mug.taxes_id = self.vat
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.invoice(order)
        refund = self.refund(order, amount='5.55')
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertEqual(credit_note.amount_total, 5.55)
        self.assertEqual(credit_note.invoice_line_ids.quantity, 1)
        self.assertAlmostEqual(credit_note.amount_tax, 0.89, 2)

    def test_packs_come_back_in_pieces(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG', '30.00', 2)])
        self.sync()
        offer = self.env['amazon.offer'].search([('sku', '=', 'MUG')])
        self.assertTrue(offer)
        offer.pack_size = 6
        order = self.sell_before(Item('MUG', '30.00', 2))
        invoice = self.invoice(order)
        self.assertEqual(invoice.invoice_line_ids.quantity, 12)
        self.refund(order, {'MUG': 1})
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertEqual(credit_note.amount_total, 30)
        self.assertEqual(credit_note.invoice_line_ids.quantity, 6)

    def test_shipping_only(self):
        order = self.sell_before(Item('MUG', '12.99', shipping='4.90'))
        self.invoice(order)
        self.seller.post_money(
            'Refund', 'ItemPrice', 'Shipping', '-4.90', order_id=order.order_id, sku='MUG',
            kind='Refund', at=self.simulator.clock.now() - timedelta(hours=1),
        )
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertEqual(credit_note.amount_total, 4.90)
        self.assertEqual(
            credit_note.invoice_line_ids.product_id, self.account.shipping_product_id,
        )

    def test_goodwill_and_restocking_stand_on_lines_of_their_own(self):
        self.mug.taxes_id = self.vat
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        refund = self.refund(order, {'MUG': 1}, goodwill='2.00', restocking='1.30')
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertAlmostEqual(credit_note.amount_total, 12.99 + 2.00 - 1.30)
        self.assertEqual(len(credit_note.invoice_line_ids), 3)
        names = ' '.join(credit_note.invoice_line_ids.mapped('name'))
        self.assertIn("Goodwill", names)
        self.assertIn("Restocking fee", names)

    def test_more_refunded_than_invoiced_is_made_and_said(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order, goodwill='5.00')
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'done')
        self.assertIn("More was refunded", record.note)

    def test_two_equal_refunds_are_two(self):
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.invoice(order)
        self.refund(order, {'MUG': 1}, hours=2)
        self.refund(order, {'MUG': 1}, hours=1)
        self.read()
        records = self.get_refunds(order)
        self.assertEqual(records.mapped('total'), [-12.99, -12.99])
        self.settle()
        self.process()
        self.assertEqual(self.get_refunds(order), records)
        self.assertEqual(len(records.credit_note_id), 2)
        self.assertEqual(len(records.settlement_id), 1)
        self.assertEqual(self.get_sale_order(order).invoice_count, 3)

    def test_yen_have_no_decimals(self):
        self.mug.taxes_id = self.vat
        order = self.sell_before(Item('MUG', '1980', 3), marketplace='JP')
        self.invoice(order)
        refund = self.refund(order, amount='1001')
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertEqual(credit_note.currency_id.name, 'JPY')
        self.assertEqual(credit_note.amount_total, 1001)

    def test_taxes_on_top_of_prices(self):
        tax = self.env['account.tax'].create({
            'name': 'Tax 8.25 %', 'amount': 8.25, 'price_include_override': 'tax_excluded',
            'company_id': self.company.id,
        })
        self.mug.taxes_id = tax
        order = self.sell_before(Item('MUG', '12.99', 3))
        self.invoice(order)
        for number, amount in enumerate(('0.01', '7.77', '13.13')):
            refund = self.refund(order, amount=amount, hours=3 - number)
            self.read()
            self.assertCredited(refund, self.get_refunds(order)[-1].credit_note_id)

    def test_tax_that_amazon_remits_is_not_in_it(self):
        order = self.sell_before(Item(
            'MUG', '20.00', 2, shipping='5.00', tax_rate='0.19', marketplace_facilitator=True,
        ))
        invoice = self.invoice(order)
        refund = self.refund(order, shipping=True)
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        self.assertEqual(credit_note.amount_total, invoice.amount_total)
        self.assertFalse(credit_note.amount_tax)

    def test_drafts_where_the_account_wants_drafts(self):
        self.account.refund_policy = 'draft'
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'done')
        self.assertEqual(record.credit_note_id.state, 'draft')
        self.process()
        self.assertEqual(len(self.get_sale_order(order).invoice_ids), 2)

    def test_who_keeps_no_books_here_gets_no_credit_notes_by_themselves(self):
        self.account.ledger_ids.unlink()
        self.account.booking_rule_ids.unlink()
        self.account.refund_policy = self.account.default_get(['refund_policy'])['refund_policy']
        order, other = self.sell_before(Item('MUG', '12.99')), self.sell_before(Item('MUG', '9.99'))
        self.invoice(order)
        self.invoice(other)
        self.refund(order)
        self.refund(other)
        self.read()
        self.process()
        refund = self.get_refunds(order)
        self.assertEqual((refund.state, refund.reason), ('to_do', False))
        self.assertFalse((refund | self.get_refunds(other)).credit_note_id)
        self.assertNotIn("Refunds", self.account._find_failures())
        self.press(refund, 'action_retry')
        self.assertEqual(refund.credit_note_id.state, 'draft')
        self.account.action_set_up_accounting()
        self.assertEqual(self.account.refund_policy, 'draft')
        self.process()
        self.assertEqual(self.get_refunds(other).credit_note_id.state, 'draft')
        # What is chosen afterwards stays.
        self.account.refund_policy = 'manual'
        self.account.action_set_up_accounting()
        self.assertEqual(self.account.refund_policy, 'manual')

    def test_what_a_person_has_begun_with_by_hand_goes_on_by_itself(self):
        self.account.refund_policy = 'manual'
        order = self.sell_before(Item('MUG', '12.99'))
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.press(record, 'action_retry')
        self.assertIn("not invoiced yet", record.reason)
        self.invoice(order)
        self.process()
        self.assertTrue(record.credit_note_id)

    def test_the_order_is_not_invoiced_once_more(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order)
        self.read()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.invoice_status, 'invoiced')
        self.assertEqual(sale_order.order_line.mapped('qty_to_invoice'), [0])
        self.assertEqual(sale_order.invoice_count, 2)


@tagged('post_install', '-at_install')
class TestRefundSources(RefundCase):
    """Amazon tells of a refund twice; it is booked once."""

    def test_the_transaction_first_then_the_settlement(self):
        order = self.sell_before(Item('MUG', '12.99', 2))
        invoice = self.invoice(order)
        self.refund(order, {'MUG': 1})
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.source, 'transaction')
        settlement = self.settle()
        self.process()
        self.assertEqual(self.get_refunds(order), record)
        self.assertEqual(record.settlement_id, settlement)
        self.assertEqual(record.settlement_total, record.transaction_total)
        self.assertFalse(record.differs)
        self.assertEqual(record.credit_note_id.payment_state, 'paid')
        self.assertEqual(invoice.payment_state, 'paid')
        lines = settlement.line_ids.filtered(lambda line: line.refund_id)
        self.assertEqual(set(lines.mapped('category')), {'refund_sale'})

    def test_the_settlement_first_then_the_transaction(self):
        self.simulator.set_finances_lag(48)
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.invoice(order)
        refund = self.refund(order, {'MUG': 1})
        self.read()
        self.assertFalse(self.get_refunds(order))
        self.settle()
        self.process()
        record = self.get_refunds(order)
        self.assertEqual(record.source, 'settlement')
        self.assertCredited(refund, record.credit_note_id)
        self.assertEqual(record.credit_note_id.payment_state, 'paid')
        self.simulator.set_finances_lag(0)
        self.read()
        self.assertEqual(self.get_refunds(order), record)
        self.assertTrue(record.transaction_id)
        self.assertEqual(self.get_sale_order(order).invoice_count, 2)

    def test_each_charge_of_a_settlement_is_what_was_invoiced_of_it(self):
        self.simulator.set_finances_lag(48)
        order = self.sell_before(Item(
            'MUG', '20.00', 2, shipping='5.00', gift_wrap='2.50', discount='3.00',
            tax_rate='0.19', marketplace_facilitator=True,
        ))
        invoice = self.invoice(order)
        refund = self.refund(order, shipping=True)
        self.settle()
        self.process()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertCredited(refund, credit_note)
        invoiced, credited = (
            {
                line.product_id: (line.quantity, round(line.price_total, 2))
                for line in move.invoice_line_ids
            }
            for move in (invoice, credit_note)
        )
        self.assertEqual(len(invoiced), 4)
        self.assertEqual(credited, invoiced)

    def test_both_before_the_invoice(self):
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.refund(order, {'MUG': 1})
        self.read()
        self.settle()
        self.process()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'to_do')
        self.assertEqual(record.source, 'settlement')
        self.assertIn("not invoiced yet", record.reason)
        invoice = self.invoice(order)
        self.process()
        self.assertEqual(record.state, 'done')
        self.assertEqual(record.credit_note_id.payment_state, 'paid')
        self.assertEqual(invoice.payment_state, 'paid')

    def test_figures_that_differ_are_both_shown(self):
        order = self.sell_before(Item('MUG', '12.99', 2))
        self.invoice(order)
        refund = self.refund(order, {'MUG': 1})
        self.read()
        record = self.get_refunds(order)
        [price] = [row for row in refund.event.rows if row.description == 'Principal']
        refund.event.rows[refund.event.rows.index(price)] = type(price)(
            price.amount_type, price.description, price.amount - 1, price.sku, price.item_id,
        )
        self.settle()
        self.process()
        self.assertEqual(self.get_refunds(order), record)
        self.assertTrue(record.differs)
        self.assertEqual(record.transaction_total, -12.99)
        self.assertEqual(record.settlement_total, -13.99)
        self.assertEqual(record.credit_note_id.amount_total, 12.99)
        self.assertEqual(len(record.credit_note_id), 1)
        self.assertTrue(self.account.refund_attention_count)

    def test_what_a_transaction_does_not_tell_the_settlement_does(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        refund = self.refund(order)
        self.seller.set_transaction_oddity('null item breakdowns', order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'to_do')
        self.assertIn("settlement", record.reason)
        self.assertFalse(record.credit_note_id)
        self.settle()
        self.process()
        self.assertEqual(self.get_refunds(order), record)
        self.assertCredited(refund, record.credit_note_id)

    def test_a_deferred_refund_is_one(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order)
        self.seller.defer(order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'done')
        self.seller.release(order, at=self.simulator.clock.now() - timedelta(hours=1))
        self.read()
        self.assertEqual(self.get_refunds(order), record)
        self.assertEqual(len(self.get_transactions(order)), 4)

    def test_claims_are_named_by_the_settlement(self):
        orders = {
            kind: self.sell_before(Item('MUG', '12.99'))
            for kind in ('A-to-z Guarantee Refund', 'Chargeback Refund')
        }
        for kind, order in orders.items():
            self.invoice(order)
            self.refund(order, kind=kind)
        self.read()
        self.settle()
        self.process()
        for kind, expected in zip(orders, ('a_to_z', 'chargeback'), strict=True):
            record = self.get_refunds(orders[kind])
            self.assertEqual(record.kind, expected)
            self.assertEqual(record.credit_note_id.amount_total, 12.99)

    def test_an_unknown_kind_in_a_settlement_holds_its_refunds_back(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        refund = self.refund(order)
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        self.process()
        self.assertFalse(self.get_refunds(order))
        settlement.unknown_kind_ids.category = 'other_fee'
        self.process()
        self.assertCredited(refund, self.get_refunds(order).credit_note_id)

    def test_an_invoice_of_two_orders_has_a_credit_note_for_each(self):
        orders = [self.sell_before(Item('MUG', '12.99')) for _number in range(2)]
        sale_orders = [self.get_sale_order(order) for order in orders]
        sale_orders[1].partner_invoice_id = sale_orders[0].partner_invoice_id
        invoice = sale_orders[0]._create_invoices()
        invoice.invoice_line_ids = [
            Command.create(line._prepare_invoice_line()) for line in sale_orders[1].order_line
        ]
        invoice.action_post()
        self.refund(orders[0])
        self.read()
        self.settle()
        credit_note = self.get_refunds(orders[0]).credit_note_id
        self.assertEqual(credit_note.amount_total, 12.99)
        self.assertEqual(credit_note.payment_state, 'paid')
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertFalse(self.get_refunds(orders[0]).note)
        self.assertEqual(sale_orders[0].invoice_count, 2)
        self.assertEqual(sale_orders[1].invoice_count, 1)
        self.refund(orders[1])
        self.read()
        self.settle()
        second = self.get_refunds(orders[1]).credit_note_id
        self.assertNotEqual(second, credit_note)
        self.assertEqual(second.payment_state, 'paid')

    def test_a_settlement_that_is_taken_anew_books_nothing_twice(self):
        order = self.sell_before(Item('MUG', '12.99'))
        invoice = self.invoice(order)
        self.account.ledger_ids.unlink()  # so that it stays proven
        self.refund(order)
        closed = self.seller.close_settlement()
        self.read_settlements()
        self.process()
        record = self.get_refunds(order)
        settlement = self.get_settlement(closed)
        self.assertEqual(record.settlement_id, settlement)
        self.seller.reissue(closed, odd='other lines')
        self.read_settlements()
        self.press(settlement, 'action_take_rival')
        self.process()
        self.assertEqual(self.get_refunds(order), record)
        self.assertEqual(record.settlement_id, settlement)
        self.assertEqual(len(invoice.reversal_move_ids), 1)

    def test_restart_in_the_middle(self):
        orders = [self.sell_before(Item('MUG', '12.99')) for _number in range(3)]
        for order in orders:
            self.invoice(order)
            self.refund(order)
        self.read()
        records = self.env['amazon.refund'].union(*map(self.get_refunds, orders))
        self.assertEqual(records.mapped('state'), ['done'] * 3)
        # As if the process had died after the first one.
        for record in records[1:]:
            credit_note = record.credit_note_id
            credit_note.button_draft()
            credit_note.unlink()
            record.write({'state': 'to_do', 'reason': False})
        self.env['amazon.transaction'].search([]).is_refund_taken = True
        self.process()
        self.process()
        self.assertEqual(records.mapped('state'), ['done'] * 3)
        self.assertEqual(len(records.credit_note_id), 3)


@tagged('post_install', '-at_install')
class TestRefundsThatWait(RefundCase):
    """What holds a credit note back is said, and it goes on by itself."""

    def test_a_draft_invoice(self):
        order = self.sell_before(Item('MUG', '12.99'))
        invoice = self.get_sale_order(order)._create_invoices()
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'to_do')
        self.assertIn("draft", record.reason)
        self.assertTrue(record.next_try)
        invoice.action_post()
        self.assertFalse(record.next_try)
        self.assertTrue(self.get_triggers('process_refunds'))
        self.process()
        self.assertEqual(record.state, 'done')

    def test_an_order_that_odoo_does_not_know(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG', '12.99')], status='SHIPPED')
        self.shift(order, 2)
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.assertFalse(record.sale_order_id)
        self.assertEqual(record.state, 'to_do')
        self.assertIn("Fetch an Order", record.reason)
        self.sync()
        self.invoice(order)
        self.process()
        self.assertEqual(record.state, 'done')
        self.assertEqual(record.sale_order_id, self.get_sale_order(order))

    def test_an_order_that_was_cancelled_before_it_was_invoiced(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.get_sale_order(order)._action_cancel()
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'to_do')
        self.assertIn("cancelled", record.reason)
        record.action_skip()
        self.process()
        self.assertEqual(record.state, 'skipped')
        self.assertFalse(record.credit_note_id)

    def test_a_credit_note_by_hand_is_recognised(self):
        order = self.sell_before(Item('MUG', '12.99'))
        invoice = self.invoice(order)
        by_hand = invoice._reverse_moves()
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.assertEqual(record.credit_note_id, by_hand)
        self.assertEqual(by_hand.amazon_refund_id, record)
        self.assertEqual(invoice.reversal_move_ids, by_hand)

    def credit_before(self, invoice):
        """Credit an invoice by hand, days before Amazon refunds anything."""
        by_hand = invoice._reverse_moves([{
            'invoice_date': fields.Date.today() - timedelta(days=9),
            'date': fields.Date.today() - timedelta(days=9),
        }])
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET create_date = now() - interval '9 days' WHERE id = %s",
            [by_hand.id],
        )
        by_hand.invalidate_recordset()
        return by_hand

    def test_an_older_credit_note_is_for_a_person_to_judge(self):
        order = self.sell_before(Item('MUG', '12.99'))
        by_hand = self.credit_before(self.invoice(order))
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        for _time in range(2):
            self.assertEqual(record.state, 'failed')
            self.assertFalse(record.credit_note_id)
            self.assertIn("older than the refund", record.reason)
            self.assertIn("Skip", record.reason)
            self.process()
        self.press(record, 'action_retry')
        self.assertEqual(record.state, 'done')
        self.assertTrue(record.credit_note_id)
        self.assertNotEqual(record.credit_note_id, by_hand)

    def test_an_invoice_that_was_made_anew_does_not_count_as_refunded(self):
        order = self.sell_before(Item('MUG', '12.99'))
        invoice = self.invoice(order)
        wizard = self.env['account.move.reversal'].with_context(
            active_model='account.move', active_ids=invoice.ids,
        ).create({'journal_id': invoice.journal_id.id})
        wizard.modify_moves()
        wizard.new_move_ids.action_post()
        [correction] = invoice.reversal_move_ids
        self.refund(order)
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertTrue(credit_note)
        self.assertNotEqual(credit_note, correction)
        self.assertFalse(correction.amazon_refund_id)

    def test_credit_notes_that_are_posted_by_themselves_are_sent(self):
        self.account.invoice_sending = 'email'
        order = self.sell_before(
            Item('MUG', '12.99'), buyer=Buyer("Greta", 'greta@marketplace.amazon.de'),
        )
        self.invoice(order)
        self.refund(order)
        self.read()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertEqual(credit_note.amazon_send_state, 'to_send')
        self.run_cron('invoice_orders')
        self.assertEqual(credit_note.amazon_send_state, 'sent')

    def test_a_credit_note_that_is_taken_back_waits_for_a_person(self):
        self.account.refund_policy = 'draft'
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        for take_back in ('unlink', 'button_cancel'):
            getattr(record.credit_note_id, take_back)()
            self.process()
            self.assertEqual(record.state, 'skipped')
            self.assertIn("taken back", record.reason)
            self.press(record, 'action_retry')
            self.assertEqual(record.state, 'done')
            self.assertEqual(record.credit_note_id.state, 'draft')

    def test_a_refund_that_amazon_takes_back_is_for_a_person(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.seller.post_money(
            'Chargeback Refund', 'ItemPrice', 'Principal', '12.99', sku='MUG',
            order_id=order.order_id,
        )
        self.settle()
        self.process()
        record = self.get_refunds(order)
        self.assertEqual(record.state, 'failed')
        self.assertIn("took a refund back", record.reason)
        self.assertIn("Refunds wait", self.account._find_failures())

    def test_one_that_fails_stops_no_other(self):
        bad, good = (self.sell_before(Item('MUG', '12.99')) for _number in range(2))
        bad_invoice = self.invoice(bad)
        self.invoice(good)
        self.refund(bad, hours=2)
        self.refund(good)
        # A journal that takes no credit note of this account.
        account = bad_invoice.invoice_line_ids.account_id.copy()
        bad_invoice.invoice_line_ids.account_id = account
        account.active = False
        self.read()
        record = self.get_refunds(bad)
        self.assertEqual(record.state, 'failed')
        self.assertTrue(record.next_try)
        self.assertEqual(self.get_refunds(good).state, 'done')
        account.active = True
        self.press(record, 'action_retry')
        self.assertEqual(record.state, 'done')


@tagged('post_install', '-at_install')
class TestRefundedGoods(RefundCase):
    """Goods come back when a person receives them."""

    def test_the_return_is_proposed(self):
        order = self.order(Item('MUG', '12.99', 3))
        delivery = self.deliver(order)
        self.send()
        self.shift(order, 2)
        self.invoice(order)
        self.refund(order, {'MUG': 2})
        self.read()
        record = self.get_refunds(order)
        keeper = self.create_user(
            'keeper', 'stock.group_stock_user', 'amazon_connector.group_amazon_user',
        )
        action = record.with_user(keeper).action_return_goods()
        wizard = self.env['stock.return.picking'].browse(action['res_id'])
        self.assertEqual(wizard.picking_id, delivery)
        self.assertEqual(wizard.product_return_moves.quantity, 2)
        self.assertFalse(delivery.return_ids)
        wizard.action_create_returns()
        self.assertEqual(delivery.return_ids.move_ids.product_uom_qty, 2)
        storekeeper = self.create_user('storekeeper', 'stock.group_stock_user')
        sale_order = self.get_sale_order(order)
        action = sale_order.with_user(storekeeper).action_return_amazon_goods()
        self.assertEqual(action['res_model'], 'stock.return.picking')
        with self.assertRaises(AccessError):
            record.with_user(storekeeper).action_return_goods()

    def test_amazon_takes_back_what_it_ships(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG', '12.99')], status='SHIPPED')
        self.shift(order, 2)
        self.sync()
        self.invoice(order)
        self.refund(order)
        self.read()
        with self.assertRaisesRegex(UserError, "takes its goods back itself"):
            self.get_refunds(order).action_return_goods()


@tagged('post_install', '-at_install')
class TestRefundRights(RefundCase):
    """Who makes credit notes is a matter of accounting."""

    def test_wrong_users(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.refund(order)
        self.read()
        record = self.get_refunds(order)
        self.invoice(order)
        seller = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        clerk = self.create_user('clerk', 'sales_team.group_sale_salesman_all_leads')
        stranger = self.create_user(
            'stranger', 'account.group_account_manager', company=self.create_company("Südwind"),
        )
        for user in (seller, accountant):
            record.with_user(user).read(['total', 'reason'])
            with self.assertRaises(AccessError):
                record.with_user(user).total = 0
            with self.assertRaises(AccessError):
                record.with_user(user).line_ids.amount = 0
        for user in (clerk, stranger):
            with self.assertRaises(AccessError):
                record.with_user(user).read(['total'])
            with self.assertRaises(AccessError):
                record.with_user(user).action_retry()
        for action in ('action_retry', 'action_skip'):
            with self.assertRaises(AccessError):
                getattr(record.with_user(seller), action)()
        self.press(record.with_user(accountant), 'action_retry')
        self.assertEqual(record.state, 'done')
        self.assertEqual(self.get_sale_order(order).with_user(clerk).invoice_count, 2)

    def test_who_only_sells_reads_refunds_and_makes_no_credit_note(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        self.refund(order)
        user = self.create_user('seller', 'amazon_connector.group_amazon_user')
        self.press(self.account.with_user(user), 'action_read_refunds')
        self.assertEqual(len(self.get_transactions(order)), 2)
        self.assertFalse(self.get_refunds(order).credit_note_id)
        self.assertTrue(self.get_triggers('process_refunds'))
        self.process()
        credit_note = self.get_refunds(order).credit_note_id
        self.assertEqual(credit_note.state, 'posted')
        self.assertNotEqual(credit_note.create_uid, user)

    def test_an_upload_brings_refunds_without_a_connection(self):
        order = self.sell_before(Item('MUG', '12.99'))
        self.invoice(order)
        refund = self.refund(order)
        self.settle()
        document = self.env['amazon.settlement.document'].search([], limit=1)
        content = base64.b64decode(document.content)
        self.env['amazon.refund'].search([]).unlink()
        settlement = self.env['amazon.settlement'].search([])
        settlement.move_ids.button_draft()
        settlement.move_ids.unlink()
        settlement.unlink()
        document.unlink()
        self.press(self.env['amazon.upload.settlement'].create({
            'account_id': self.account.id,
            'content': base64.b64encode(content),
            'file_name': 'settlement.txt',
        }), 'action_upload')
        self.process()
        self.assertCredited(refund, self.get_refunds(order).credit_note_id)
