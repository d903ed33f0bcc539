from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .test_invoices import InvoiceCase

ALIAS = 'greta@marketplace.amazon.de'
BOUNCE = """\
From: MAILER-DAEMON@marketplace.amazon.de
To: shop@nordwind.example
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce-1@marketplace.amazon.de>
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

You are not an approved sender.
--part
Content-Type: message/delivery-status

Reporting-MTA: dns; marketplace.amazon.de

Final-Recipient: rfc822; {alias}
Action: failed
Status: 5.7.1
--part
Content-Type: message/rfc822

To: {alias}
Subject: Invoice
Message-Id: {message_id}

Invoice
--part--
"""


@tagged('post_install', '-at_install')
class TestInvoicesSending(InvoiceCase):
    """Invoices go to Amazon's alias by Odoo's own e-mail, once, and in words of their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.write({'invoice_policy': 'post', 'invoice_sending': 'email'})
        cls.company.external_report_layout_id = cls.env.ref('web.external_layout_standard')

    def break_template(self):
        """Let nothing be sent: the template names a field that there is not."""
        template = self.env.ref('amazon_connector.mail_template_invoice')
        self.subject, template.subject = template.subject, '{{ object.number_of_the_beast }}'

    def mend_template(self):
        """Let everything be sent again."""
        self.env.ref('amazon_connector.mail_template_invoice').subject = self.subject

    def sell_to_greta(self, **details):
        """Deliver something to a buyer whose alias Amazon tells, and return the sales order."""
        return self.deliver_mugs(buyer=Buyer("Greta Holm", ALIAS), **details)

    def get_mails(self, invoices):
        """Return the e-mails about invoices that are queued or sent."""
        return self.env['mail.mail'].search([
            ('model', '=', 'account.move'), ('res_id', 'in', invoices.ids),
        ])

    # === BY ITSELF === #

    def test_what_was_posted_by_itself_is_sent_once(self):
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.assertEqual(invoice.amazon_send_state, 'sent')
        for _time in range(2):
            self.run_invoicing()
        mail = self.get_mails(invoice)
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.recipient_ids.email, ALIAS)
        self.assertEqual(mail.attachment_ids.mapped('mimetype'), ['application/pdf'])
        self.assertEqual(mail.state, 'outgoing')

    def test_it_says_that_nothing_is_to_be_paid_and_links_to_no_other_shop(self):
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        mail = self.get_mails(sale_order.invoice_ids)
        self.assertIn(sale_order.amazon_order_ref, mail.subject)
        self.assertIn("paid through Amazon", mail.body_html)
        self.assertNotIn("remit payment", mail.body_html)
        self.assertNotIn("href", mail.body_html)

    def test_drafts_and_what_people_post_are_not_sent_by_themselves(self):
        self.account.invoice_policy = 'draft'
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        sale_order.invoice_ids.action_post()
        self.run_invoicing()
        self.assertFalse(self.get_mails(sale_order.invoice_ids))

    def test_nothing_is_sent_where_the_account_says_so(self):
        self.account.invoice_sending = 'none'
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.state, 'posted')
        self.assertFalse(sale_order.invoice_ids.amazon_send_state)
        self.assertFalse(self.get_mails(sale_order.invoice_ids))

    def test_a_failure_stays_on_its_invoice_with_the_next_step(self):
        self.break_template()
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.assertEqual(invoice.amazon_send_state, 'failed')
        self.assertIn("Odoo or another of its modules", invoice.amazon_send_reason)
        self.assertIn("Failed to render", invoice.amazon_send_answer)
        self.assertIn("could not be sent", self.account.activity_ids.note)
        self.assertFalse(self.get_mails(invoice))
        self.mend_template()
        self.run_invoicing()  # It is not due yet.
        self.assertEqual(invoice.amazon_send_state, 'failed')
        invoice.action_retry_amazon_mail()
        self.run_invoicing()
        self.assertEqual(invoice.amazon_send_state, 'sent')
        self.assertFalse(invoice.amazon_send_reason)
        self.assertEqual(len(self.get_mails(invoice)), 1)

    def test_it_is_tried_again_by_itself(self):
        self.break_template()
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.env.cr.execute(
            "UPDATE account_move SET amazon_send_next_try = now() - interval '1 minute'"
            " WHERE id = %s", [invoice.id],
        )
        self.env.invalidate_all()
        self.mend_template()
        self.run_invoicing()
        self.assertEqual(invoice.amazon_send_state, 'sent')

    def test_what_a_person_has_sent_meanwhile_is_not_sent_again(self):
        self.break_template()
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        self.mend_template()
        invoice = sale_order.invoice_ids
        self.send(invoice)
        self.assertEqual(invoice.amazon_send_state, 'sent')
        invoice.action_retry_amazon_mail()
        self.run_invoicing()
        self.assertEqual(len(self.get_mails(invoice)), 1)

    # === REFUSED === #

    def assertRefused(self, invoice, words):
        """Check that an invoice says that it was refused, and may be sent again."""
        self.assertEqual(invoice.amazon_send_state, 'failed')
        self.assertIn("Messaging Permissions", invoice.amazon_send_reason)
        self.assertIn(words, invoice.amazon_send_answer)
        self.assertIn("could not be sent", self.account.activity_ids.note)
        count = len(self.get_mails(invoice))
        self.run_invoicing()
        self.assertEqual(len(self.get_mails(invoice)), count)
        invoice.action_retry_amazon_mail()
        self.run_invoicing()
        self.assertEqual(invoice.amazon_send_state, 'sent')
        self.assertEqual(len(self.get_mails(invoice)), count + 1)

    def test_what_the_server_refuses_was_not_sent(self):
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.get_mails(invoice)._postprocess_sent_message(
            success_pids=[], success_emails=[], failure_reason="550 not approved",
            failure_type='mail_smtp',
        )
        self.assertRefused(invoice, "550 not approved")

    def test_what_amazon_sends_back_was_not_sent(self):
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        message = self.get_mails(invoice).mail_message_id
        self.env['mail.thread'].message_process('mail.thread', BOUNCE.format(
            alias=ALIAS, message_id=message.message_id,
        ))
        self.assertRefused(invoice, "not an approved sender")

    # === WITHOUT AN ADDRESS === #

    def test_who_has_no_address_is_not_written_to_and_the_invoice_says_why(self):
        sale_order = self.sell_from_fba(
            Item('BOWL', '7.77'), buyer=Buyer(), address=Address(city="Köln", country='DE'),
        )
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.assertEqual(invoice.state, 'posted')
        self.assertFalse(invoice.amazon_send_state)
        self.assertIn("Amazon gave none", invoice.amazon_email_note)
        self.assertFalse(self.account.activity_ids)

    def test_the_invoice_says_when_the_address_was_removed(self):
        self.account.invoice_sending = 'none'
        self.account.invoiced_buyer_years = 1
        sale_order = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.assertFalse(invoice.amazon_email_note)
        later = fields.Datetime.now() + timedelta(days=1000)
        self.purge(later)
        self.assertTrue(invoice.partner_id.amazon_anonymized)
        self.assertIn(f'{later:%m/%d/%Y}', invoice.amazon_email_note)

    # === BY A PERSON === #

    def send(self, invoice):
        """Press Send, and then Send in the dialog."""
        action = invoice.action_invoice_sent()
        Form.from_action(self.env, action).save().action_send_and_print()

    def test_people_send_the_same_words(self):
        self.account.invoice_policy = 'manual'
        invoice = self.create_invoices(self.sell_to_greta())
        invoice.action_post()
        self.send(invoice)
        self.assertIn("paid through Amazon", self.get_mails(invoice).body_html)

    def test_a_credit_note_has_words_of_its_own(self):
        self.account.invoice_policy = 'manual'
        invoice = self.create_invoices(self.sell_to_greta())
        invoice.action_post()
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.send(credit_note)
        self.assertIn("Amazon refunds it", self.get_mails(credit_note).body_html)

    def test_other_invoices_have_the_usual_words(self):
        template = self.env['account.move.send']._get_default_mail_template_id(
            self.env['account.move'].create({'move_type': 'out_invoice'}),
        )
        self.assertEqual(template, self.env.ref('account.email_template_edi_invoice'))

    # === INVOICED BY AMAZON === #

    def test_what_amazon_invoices_itself_is_sent_by_nobody(self):
        sale_order = self.sell_to_greta(programs=('INVOICE_BY_AMAZON',))
        other = self.sell_to_greta()
        self.run_invoicing()
        invoice = sale_order.invoice_ids
        self.assertEqual(invoice.state, 'posted')
        self.assertFalse(invoice.amazon_send_state)
        self.assertFalse(self.get_mails(invoice))
        for invoices in (invoice, invoice | other.invoice_ids):
            with self.assertRaisesRegex(UserError, "for your books only"):
                invoices.action_send_and_print()
        with self.assertRaisesRegex(UserError, "for your books only"):
            self.env['account.move.send']._generate_and_send_invoices(invoice)

    def test_amazon_may_say_so_before_the_invoice_was_sent(self):
        self.break_template()
        order = self.order_mugs(buyer=Buyer("Greta Holm", ALIAS))
        self.deliver(order)
        self.run_invoicing()
        self.mend_template()
        self.seller.override(order, values={'/programs': ['INVOICE_BY_AMAZON']})
        self.sync()
        invoice = self.get_sale_order(order).invoice_ids
        invoice.action_retry_amazon_mail()
        self.run_invoicing()
        self.assertFalse(invoice.amazon_send_state)
        self.assertFalse(self.get_mails(invoice))
