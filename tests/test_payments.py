from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.models import amazon_settlement_building
from odoo.addons.amazon_connector.simulator import Buyer, Item

from .common import AttackCase
from .test_invoices import InvoiceCase
from .test_settlement_entries import Turns


class PaymentCase(InvoiceCase):
    """Invoices of what Amazon has shipped, and what is paid of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.env['account.journal'].create({
            'name': "Bank", 'type': 'bank', 'code': 'BNK7', 'sequence': 1,
        })

    def post_invoice(self, *items, **details):
        """Let Amazon ship something, and post its invoice."""
        sale_order = self.sell_from_fba(*(items or [Item('BOWL', '7.77', 3)]), **details)
        invoice = self.create_invoices(sale_order)
        invoice.action_post()
        return invoice

    def open_wizard(self, invoices):
        """Press Pay."""
        return Form.from_action(self.env, invoices.action_register_payment())

    def pay(self, invoices):
        """Press Pay, and Create Payments."""
        self.open_wizard(invoices).save().action_create_payments()

    def get_payments(self, invoices):
        """Return the payments of the orders that are invoiced."""
        return self.env['account.payment'].search([
            ('amazon_sale_order_id', 'in', invoices._get_amazon_orders().ids),
        ])


@tagged('post_install', '-at_install')
class TestPayments(PaymentCase):
    """Register Payment offers Amazon's journal first, and settlements recognise its payments."""

    def test_amazons_journal_is_offered_first(self):
        invoice = self.post_invoice()
        wizard = self.open_wizard(invoice)
        self.assertEqual(wizard.journal_id, self.ledger.journal_id)
        wizard.save().action_create_payments()
        self.assertEqual(invoice.payment_state, 'paid')
        payment = self.get_payments(invoice)
        self.assertEqual(payment.amount, 23.31)
        self.assertEqual(
            set(payment.move_id.line_ids.mapped('amazon_order_ref')), {invoice.amazon_order_ref},
        )
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 23.31)

    def test_so_it_is_for_many_invoices_of_several_buyers(self):
        invoices = self.env['account.move']
        for name in ("Anna", "Bert", "Carl"):
            order = self.order(Item('BOWL', '7.77'), buyer=Buyer(name, f'{name.lower()}@x.de'))
            self.deliver(order)
            invoices |= self.create_invoices(self.get_sale_order(order))
        invoices.action_post()
        wizard = self.open_wizard(invoices)
        self.assertEqual(wizard.journal_id, self.ledger.journal_id)
        wizard.save().action_create_payments()
        self.assertEqual(set(invoices.mapped('payment_state')), {'paid'})
        payments = self.get_payments(invoices)
        self.assertEqual(len(payments.amazon_sale_order_id), 3)

    def test_other_invoices_are_paid_as_ever(self):
        other = self.env['account.move'].create({
            'move_type': 'out_invoice',
            'partner_id': self.env['res.partner'].create({'name': "Tea House"}).id,
            'currency_id': self.company.currency_id.id,
            'invoice_line_ids': [Command.create({'product_id': self.bowl.id, 'price_unit': 5})],
        })
        other.action_post()
        self.assertNotEqual(self.open_wizard(other).journal_id, self.ledger.journal_id)
        mixed = other | self.post_invoice()
        self.assertNotEqual(self.open_wizard(mixed).journal_id, self.ledger.journal_id)

    def test_a_payment_on_the_bank_is_not_one_with_amazon(self):
        invoice = self.post_invoice()
        wizard = self.open_wizard(invoice)
        wizard.journal_id = self.bank
        wizard.save().action_create_payments()
        self.assertFalse(self.get_payments(invoice))

    def test_each_currency_has_its_journal(self):
        invoice = self.post_invoice(Item('BOWL', '1299'), marketplace='JP')
        journal = self.account._get_ledger(self.env.ref('base.JPY')).journal_id
        self.assertTrue(journal)
        self.assertEqual(self.open_wizard(invoice).journal_id, journal)

    def test_without_accounting_the_bank_is_offered(self):
        self.account.ledger_ids.unlink()
        self.assertTrue(self.open_wizard(self.post_invoice()).journal_id)


@tagged('post_install', '-at_install')
class TestPaidAtImport(PaymentCase):
    """An invoice is paid when it is posted, once: the buyer has paid Amazon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.paid_at_import = True

    def test_it_is_paid_at_the_date_of_the_order(self):
        invoice = self.post_invoice(placed_at=self.simulator.clock.now() - timedelta(days=9))
        self.assertEqual(invoice.payment_state, 'paid')
        payment = self.get_payments(invoice)
        self.assertEqual(payment.journal_id, self.ledger.journal_id)
        self.assertEqual(payment.date, fields.Date.today() - timedelta(days=9))
        self.assertEqual(payment.amount, invoice.amount_total)
        self.assertEqual(payment.move_id.date, payment.date)
        self.assertIn(invoice.amazon_order_ref, payment.memo)
        self.assertFalse(invoice.amazon_payment_note)

    def test_so_is_what_is_posted_by_itself(self):
        self.account.invoice_policy = 'post'
        sale_orders = self.sell_from_fba(Item('BOWL', '7.77')) | self.deliver_mugs()
        self.run_invoicing()
        self.assertEqual(sale_orders.invoice_ids.mapped('payment_state'), ['paid', 'paid'])

    def test_in_yen(self):
        self.env['res.currency.rate'].create({
            'currency_id': self.env.ref('base.JPY').id, 'company_id': self.company.id,
            'name': '2020-01-01', 'rate': 163.37,
        })
        invoice = self.post_invoice(Item('BOWL', '1299', 3), marketplace='JP')
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertEqual(self.get_payments(invoice).amount, 3897)

    def test_a_payment_is_taken_up_again_after_the_invoice_was_reset(self):
        invoice = self.post_invoice()
        payment = self.get_payments(invoice)
        invoice.button_draft()
        invoice.line_ids.remove_move_reconcile()
        self.assertTrue(payment.move_id._get_open_receivables())
        invoice.action_post()
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertEqual(self.get_payments(invoice), payment)

    def test_credit_notes_and_other_invoices_are_not_paid_by_themselves(self):
        credit_note = self.post_invoice()._reverse_moves()
        credit_note.line_ids.remove_move_reconcile()
        credit_note.action_post()
        self.assertEqual(len(self.get_payments(credit_note)), 1)
        self.account.paid_at_import = False
        invoice = self.post_invoice()
        self.assertEqual(invoice.payment_state, 'not_paid')
        self.assertFalse(self.get_payments(invoice))

    def test_without_accounting_the_invoice_says_what_to_do(self):
        self.account.ledger_ids.unlink()
        invoice = self.post_invoice()
        self.assertEqual((invoice.state, invoice.payment_state), ('posted', 'not_paid'))
        self.assertRegex(
            invoice.amazon_payment_note, "Set Up Accounting on it, under Amazon ▸ Money ▸ Accounts",
        )
        self.account.action_set_up_accounting()
        self.open_wizard(invoice).save().action_create_payments()
        self.assertEqual(invoice.payment_state, 'paid')

    def test_what_odoo_refuses_holds_back_the_payment_only(self):
        good = self.sell_from_fba(Item('BOWL', '7.77'))
        bad = self.sell_from_fba(Item('BOWL', '900'), marketplace='JP')
        invoices = self.create_invoices(good | bad)
        yen = self.account._get_ledger(self.env.ref('base.JPY'))
        yen.clearing_account_id.active = False
        invoices.action_post()
        self.assertEqual(good.invoice_ids.payment_state, 'paid')
        invoice = bad.invoice_ids
        self.assertEqual((invoice.state, invoice.payment_state), ('posted', 'not_paid'))
        self.assertIn("Odoo or another of its modules", invoice.amazon_payment_note)
        self.assertIn("archived", invoice.amazon_payment_answer)

    def test_an_accountant_who_knows_nothing_of_amazon_posts_it(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77'))
        invoice = self.create_invoices(sale_order)
        anna = self.create_user('anna', 'account.group_account_invoice')
        invoice.with_user(anna).action_post()
        self.assertEqual(invoice.payment_state, 'paid')

    # === WITH SETTLEMENTS === #

    def test_a_settlement_recognises_what_was_taken(self):
        invoice = self.post_invoice()
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 23.31)
        settlement = self.settle()
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 0)
        self.assertEqual(invoice.payment_state, 'paid')

    def test_what_a_settlement_has_paid_is_not_paid_again(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77', 3))
        self.settle()
        invoice = self.create_invoices(sale_order)
        invoice.action_post()
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertFalse(self.get_payments(invoice))

    def test_nor_what_a_draft_of_a_settlement_will_pay(self):
        self.account.settlement_policy = 'draft'
        sale_order = self.sell_from_fba(Item('BOWL', '7.77', 3))
        settlement = self.settle()
        self.assertEqual(settlement.move_ids.state, 'draft')
        invoice = self.create_invoices(sale_order)
        invoice.action_post()
        self.assertFalse(self.get_payments(invoice))
        settlement.move_ids.action_post()
        self.run_cron('book_settlements')
        self.assertEqual(invoice.payment_state, 'paid')


@tagged('post_install', '-at_install')
class TestPaymentsAndSettlements(PaymentCase):
    """What was paid with Amazon is taken up by settlements, whenever and wherever it was."""

    def assertNothingOpen(self, *accounts):
        """Check that nothing is open on accounts, nor on the buyers' receivables, but for what a
        settlement carries on.
        """
        items = self.env['account.move.line'].search([
            ('company_id', '=', self.company.id),
            ('parent_state', '=', 'posted'),
            ('reconciled', '=', False),
            '|',
            ('account_type', '=', 'asset_receivable'),
            ('account_id', 'in', [account.id for account in accounts]),
        ]).filtered(lambda item: item.amazon_order_ref or not item.move_id.amazon_settlement_id)
        self.assertFalse(items, items.mapped(lambda item: (
            item.move_id.name, item.account_id.name, item.amount_residual,
        )))

    def post(self, settlements):
        """Post the drafts of settlements, and let them be reconciled."""
        settlements.move_ids.action_post()
        self.run_cron('book_settlements')

    def copy_clearing_account(self):
        """Return another clearing account."""
        return self.ledger.clearing_account_id.copy({'code': '101888', 'name': "Another"})

    # === PAID MEANWHILE === #

    def test_a_draft_takes_up_what_was_paid_since_it_was_made(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        settlement = self.settle()
        self.pay(invoice)
        self.post(settlement)
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_it_takes_up_what_was_paid_of_it(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        settlement = self.settle()
        wizard = self.open_wizard(invoice)
        wizard.amount = 20
        wizard.save().action_create_payments()
        self.post(settlement)
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)
        items = settlement.move_ids.line_ids.filtered('amazon_order_ref')
        self.assertEqual(sorted(items.mapped('balance')), [-20, -3.31])

    def test_it_takes_up_what_was_paid_in_yen(self):
        self.env['res.currency.rate'].create({
            'currency_id': self.env.ref('base.JPY').id, 'company_id': self.company.id,
            'name': '2020-01-01', 'rate': 163.37,
        })
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice(Item('BOWL', '1299', 3), marketplace='JP')
        settlement = self.settle('JPY')
        wizard = self.open_wizard(invoice)
        wizard.amount = 1000
        wizard.save().action_create_payments()
        self.post(settlement)
        self.assertEqual(sum(settlement.move_ids.line_ids.mapped('balance')), 0)
        self.assertEqual(invoice.payment_state, 'paid')
        yen = self.account._get_ledger(self.env.ref('base.JPY'))
        self.assertNothingOpen(yen.clearing_account_id)

    def test_a_payment_is_not_taken_up_by_two_drafts(self):
        self.account.write({'settlement_policy': 'draft', 'paid_at_import': True})
        invoice = self.post_invoice()
        settlement = self.settle()
        self.seller.post_money(
            'Order', 'ItemPrice', 'Shipping', '4.00',
            order_id=invoice.amazon_order_ref, sku='BOWL',
        )
        other = self.settle()
        self.post(settlement | other)
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 0)
        rest = other.move_ids.line_ids.filtered('amazon_order_ref')
        self.assertEqual(
            (rest.account_type, rest.amount_residual), ('asset_receivable', -4),
        )

    def build(self, settlement, turns):
        """Take the entries of a settlement back, and let them be made again as far as some parts
        of one order each; book them if they are whole.
        """
        moves = settlement.move_ids
        moves.button_draft()
        moves.button_cancel()
        settlement.sudo().waits_for_person = False
        self.enterContext(patch.object(amazon_settlement_building, 'ORDERS_PER_PART', 1))
        self.press(settlement.sudo(), '_book_unless_held', Turns(turns))

    def test_nothing_is_paid_by_itself_that_is_being_settled(self):
        self.account.paid_at_import = True
        orders = [self.sell_from_fba(Item('BOWL', '7.77', 3)) for _number in range(2)]
        settlement = self.settle()
        self.build(settlement, 1)
        self.assertEqual(settlement.state, 'proven')
        invoices = self.create_invoices(orders[0] | orders[1])
        invoices.action_post()
        self.assertFalse(self.get_payments(invoices))
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(set(invoices.mapped('payment_state')), {'paid'})
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_what_is_paid_while_it_is_being_settled_is_taken_up(self):
        invoices = self.post_invoice() | self.post_invoice()
        settlement = self.settle()
        self.build(settlement, 1)
        self.pay(invoices[0])
        self.pay(invoices[1])
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(len(settlement.move_ids), 1)
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_so_is_one_payment_of_both(self):
        orders = [self.sell_from_fba(Item('BOWL', '7.77', 3)) for _number in range(2)]
        orders[1].partner_invoice_id = orders[0].partner_invoice_id
        invoices = self.create_invoices(orders[0] | orders[1])
        invoices.action_post()
        settlement = self.settle()
        self.build(settlement, 1)
        wizard = self.open_wizard(invoices)
        wizard.group_payment = True
        wizard.save().action_create_payments()
        self.assertFalse(self.get_payments(invoices), "It is of no single order.")
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_what_is_paid_before_it_is_reconciled_is_moved_there(self):
        invoice = self.post_invoice()
        settlement = self.settle()
        self.build(settlement, 9)
        self.assertEqual((settlement.state, settlement.is_reconciled), ('booked', False))
        wizard = self.open_wizard(invoice)
        wizard.amount = 20
        wizard.save().action_create_payments()
        self.run_cron('book_settlements')
        self.assertTrue(settlement.is_reconciled)
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)
        self.assertEqual(settlement.move_ids.mapped('state'), ['posted', 'posted'])
        # All of it can be taken back, and booked again.
        settlement.move_ids.button_draft()
        settlement.move_ids.button_cancel()
        self.press(settlement, 'action_book')
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_so_it_is_in_yen(self):
        self.env['res.currency.rate'].create({
            'currency_id': self.env.ref('base.JPY').id, 'company_id': self.company.id,
            'name': '2020-01-01', 'rate': 163.37,
        })
        invoice = self.post_invoice(Item('BOWL', '1299', 3), marketplace='JP')
        settlement = self.settle('JPY')
        self.build(settlement, 9)
        wizard = self.open_wizard(invoice)
        wizard.amount = 1000
        wizard.save().action_create_payments()
        self.run_cron('book_settlements')
        self.assertEqual(invoice.payment_state, 'paid')
        yen = self.account._get_ledger(self.env.ref('base.JPY'))
        self.assertNothingOpen(yen.clearing_account_id)

    def test_such_a_move_is_taken_back_alone(self):
        invoice = self.post_invoice()
        settlement = self.settle()
        self.build(settlement, 9)
        self.pay(invoice)
        self.run_cron('book_settlements')
        transfer = settlement.move_ids.filtered('amazon_is_transfer')
        self.assertTrue(transfer)
        transfer.button_draft()
        transfer.button_cancel()
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.move_ids.mapped('state'), ['posted'])

    def test_it_takes_nothing_of_what_was_paid_back(self):
        invoice = self.post_invoice()
        settlement = self.settle()
        self.build(settlement, 9)
        self.pay(invoice)
        self.pay_back_a_part(invoice)
        self.run_cron('book_settlements')
        self.assertFalse(settlement.reason)
        self.assertTrue(settlement.move_ids.filtered('amazon_is_transfer'))
        self.seller.refund(invoice.amazon_order_ref, amount='7.77')
        self.settle()
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_what_is_posted_again_later_is_moved_there(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        self.pay(invoice)
        settlement = self.settle()
        payment = self.get_payments(invoice)
        payment.action_draft()
        self.post(settlement)
        payment.action_post()
        self.run_cron('book_settlements')
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_what_is_paid_again_stands_for_the_payment_that_was_cancelled(self):
        invoice = self.post_invoice()
        self.pay(invoice)
        self.settle()
        payment = self.get_payments(invoice)
        payment.action_draft()
        payment.action_cancel()
        self.assertEqual(invoice.payment_state, 'not_paid')
        self.pay(invoice)
        self.run_cron('book_settlements')
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_where_the_payment_was_cancelled_the_draft_pays_the_invoice(self):
        self.account.settlement_policy = 'draft'
        invoices = self.post_invoice() | self.post_invoice()
        self.pay(invoices[0])
        self.pay(invoices[1])
        settlement = self.settle()
        payment = self.get_payments(invoices[0])
        payment.action_draft()
        payment.action_cancel()
        self.assertEqual(invoices[0].payment_state, 'not_paid')
        self.post(settlement)
        self.assertEqual(set(invoices.mapped('payment_state')), {'paid'})
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_so_it_does_for_what_was_paid_less(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        self.pay(invoice)
        settlement = self.settle()
        payment = self.get_payments(invoice)
        payment.action_draft()
        payment.amount = 20
        payment.action_post()
        (payment.move_id | invoice)._get_open_receivables().reconcile()
        self.post(settlement)
        self.assertEqual(invoice.payment_state, 'paid')
        self.assertNothingOpen(self.ledger.clearing_account_id)

    # === PAID BACK === #

    def pay_back_a_part(self, invoice):
        """Let a buyer have one of three back, by Amazon's journal, before Amazon refunds it."""
        credit_note = invoice._reverse_moves()
        credit_note.invoice_line_ids.quantity = 1
        credit_note.action_post()
        self.assertAlmostEqual(credit_note.amount_total, 7.77)
        self.pay(credit_note)

    def test_what_was_paid_back_is_left_to_the_settlement_that_refunds_it(self):
        invoice = self.post_invoice()
        self.pay(invoice)
        self.pay_back_a_part(invoice)
        settlement = self.settle()
        self.assertEqual(len(settlement.move_ids), 1)
        self.assertFalse(settlement.reason)
        self.seller.refund(invoice.amazon_order_ref, amount='7.77')
        self.settle()
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_a_refund_that_was_paid_back_with_amazon_is_not_paid_twice(self):
        invoice = self.post_invoice()
        self.pay(invoice)
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.pay(credit_note)
        self.assertEqual(credit_note.payment_state, 'paid')
        self.assertEqual(self.get_balance(self.ledger.clearing_account_id), 0)
        self.seller.refund(invoice._get_amazon_orders().amazon_order_ref)
        settlement = self.settle()
        self.assertEqual(settlement.state, 'booked', settlement.reason)
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_nor_where_it_was_paid_back_since_the_draft_was_made(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        self.pay(invoice)
        self.seller.refund(invoice._get_amazon_orders().amazon_order_ref)
        settlement = self.settle()
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.pay(credit_note)
        self.post(settlement)
        self.assertNothingOpen(self.ledger.clearing_account_id)

    def test_what_was_paid_back_leaves_a_draft_nothing_more_to_take_up(self):
        self.account.settlement_policy = 'draft'
        invoice = self.post_invoice()
        self.pay(invoice)
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.pay(credit_note)
        order_ref = invoice.amazon_order_ref
        self.seller.refund(order_ref)
        self.seller.post_money(
            'Order', 'ItemPrice', 'Principal', '0.07', order_id=order_ref, sku='BOWL',
        )
        settlement = self.settle()
        self.post(settlement)
        # What is open is what the fees leave to be carried on.
        self.assertLess(settlement.total, 0)
        self.assertEqual(
            self.get_balance(self.ledger.clearing_account_id), settlement.total,
        )
        rest = settlement.move_ids.line_ids.filtered(
            lambda item: item.amazon_order_ref and not item.reconciled,
        )
        self.assertEqual(
            (rest.account_type, rest.amount_residual), ('asset_receivable', -0.07),
        )

    # === CHANGED ACCOUNTS === #

    def test_another_clearing_account_is_for_what_comes(self):
        self.account.paid_at_import = True
        before, old = self.post_invoice(), self.ledger.clearing_account_id
        self.account.clearing_account_id = new = self.copy_clearing_account()
        after = self.post_invoice(Item('BOWL', '5.00'))
        self.assertEqual(
            (self.get_balance(old), self.get_balance(new)),
            (before.amount_total, after.amount_total),
        )
        self.settle()
        self.assertNothingOpen(old, new)

    def test_so_is_another_journal_whatever_its_payment_methods_say(self):
        outstanding = self.copy_clearing_account()
        self.bank.inbound_payment_method_line_ids.payment_account_id = outstanding
        self.account.paid_at_import = True
        before = self.post_invoice()
        self.account.payment_journal_id = self.bank
        after = self.post_invoice(Item('BOWL', '5.00'))
        self.assertEqual(self.get_payments(after).journal_id, self.bank)
        self.assertEqual(
            self.get_balance(self.ledger.clearing_account_id),
            before.amount_total + after.amount_total,
        )
        self.settle()
        self.assertNothingOpen(self.ledger.clearing_account_id, outstanding)

    def test_a_payment_of_several_orders_is_recognised_in_another_account(self):
        sale_orders = self.sell_from_fba(Item('BOWL', '7.77', 3)) | self.sell_from_fba(
            Item('BOWL', '5.00'),
        )
        invoices = self.create_invoices(sale_orders)
        invoices.partner_id = invoices[:1].partner_id
        invoices.action_post()
        wizard = self.open_wizard(invoices)
        wizard.group_payment = True
        wizard.save().action_create_payments()
        old = self.ledger.clearing_account_id
        self.assertEqual(self.get_balance(old), 28.31)
        self.account.clearing_account_id = self.copy_clearing_account()
        self.settle()
        self.assertNothingOpen(old, self.ledger.clearing_account_id)


@tagged('post_install', '-at_install', 'attacks')
class TestPaymentsAttacks(PaymentCase, AttackCase):

    def test_nobody_says_that_a_payment_is_one_with_amazon(self):
        invoice = self.post_invoice()
        anna = self.create_user(
            'anna', 'account.group_account_manager', 'sales_team.group_sale_manager',
        )
        anna.password = 'anna'
        order = invoice._get_amazon_orders()
        refused = self.assertDenied(anna, 'account.payment', 'create', [{
            'payment_type': 'inbound', 'partner_type': 'customer', 'amount': 5,
            'partner_id': invoice.partner_id.id, 'amazon_sale_order_id': order.id,
        }])
        self.assertIn("connector fills it in", refused.sent)

    def test_nobody_says_of_which_order_an_item_is(self):
        anna = self.create_user('anna', 'account.group_account_manager')
        anna.password = 'anna'
        items = self.post_invoice().line_ids
        for name, value in (
            ('amazon_order_ref', '111-1111111-1111111'),
            ('amazon_fee_month', '2026-03-31'),
            ('amazon_fee_category', 'storage'),
            ('amazon_fee_bill_id', items.move_id.id),
            ('amazon_is_deposit', True),
        ):
            with self.subTest(name):
                refused = self.assertDenied(
                    anna, 'account.move.line', 'write', items[:1].ids, {name: value},
                )
                self.assertIn("connector fills it in", refused.sent)

    def test_nobody_says_of_which_order_the_items_of_a_payment_are(self):
        anna = self.create_user('anna', 'account.group_account_manager')
        anna.password = 'anna'
        account = self.ledger.clearing_account_id
        refused = self.assertDenied(anna, 'account.payment', 'create', [{
            'payment_type': 'inbound', 'partner_type': 'customer', 'amount': 5,
            'journal_id': self.ledger.journal_id.id,
            'company_id': self.company.id,
            'line_ids': [
                Command.create({
                    'account_id': account.id, 'balance': balance,
                    'amazon_order_ref': '111-1111111-1111111',
                }) for balance in (5, -5)
            ],
        }])
        self.assertIn("connector fills it in", refused.sent)

    def test_nobody_says_that_a_line_of_the_bank_was_matched(self):
        anna = self.create_user('anna', 'account.group_account_manager')
        anna.password = 'anna'
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'payment_ref': "AMAZON", 'amount': 5,
        })
        refused = self.assertDenied(
            anna, 'account.bank.statement.line', 'write', line.ids, {'amazon_was_matched': True},
        )
        self.assertIn("connector fills it in", refused.sent)
