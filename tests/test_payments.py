from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Buyer, Item

from .common import AttackCase
from .test_invoices import InvoiceCase


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
        self.assertIn("Set Up Accounting", invoice.amazon_payment_note)
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
