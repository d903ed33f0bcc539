import io
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import BaseCase, HttpCase, tagged
from odoo.tools.pdf import PdfFileReader

from odoo.addons.amazon_connector.amazon import vat_invoice_refusals as refusals
from odoo.addons.amazon_connector.amazon.vat_invoices import FEED_TYPE
from odoo.addons.amazon_connector.simulator import ROLE_TAX, Item

from .common import AmazonCase

PDF = b'%PDF-1.4\n\xff\x00 an invoice\n%%EOF\n'


class UploadCase(AmazonCase):
    """A company whose account uploads the invoices that it posts, and a buyer in Germany."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.create_product('MUG')
        cls.account.invoice_sending = 'upload'

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)
        self.addCleanup(self.simulator.set_feed_pace)

    # === THINGS THAT HAPPEN === #

    def sell(self, marketplace='DE', price='12.99', **details):
        """Let Amazon sell and ship two mugs, and return the order of Amazon's, imported."""
        order = self.seller.place_order(
            marketplace, 'FBA', [Item('MUG', price, 2)], status='SHIPPED', **details,
        )
        self.sync()
        return order

    def invoice(self, *orders, has_pdf=True):
        """Invoice orders, all in one, post the invoice and return it."""
        invoice = self.env['account.move'].union(
            *[self.get_sale_order(order)._create_invoices() for order in orders],
        )
        invoice.action_post()
        if has_pdf:
            self.attach(invoice)
        return invoice

    def attach(self, invoices, content=PDF):
        """Let there be a PDF of invoices already, as *Send* leaves it."""
        for invoice in invoices:
            self.env['ir.attachment'].create({
                'name': 'invoice.pdf', 'raw': content, 'res_model': 'account.move',
                'res_id': invoice.id, 'res_field': 'invoice_pdf_report_file',
            })
        invoices.invalidate_recordset(['invoice_pdf_report_id', 'invoice_pdf_report_file'])

    def credit(self, invoice):
        """Credit an invoice in full, and return the credit note."""
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.attach(credit_note)
        return credit_note

    def upload(self, times=2):
        """Let the cron upload, wait for Amazon, and read what it says."""
        for _time in range(times):
            self.run_cron('upload_invoices')
            self.let_time_pass()

    def let_time_pass(self):
        """Let Amazon be asked again, as it may be some minutes later."""
        self.env.invalidate_all()
        self.env['amazon.feed'].search([]).asked_next = False
        self.env['amazon.quota'].search([]).unlink()
        self.env.flush_all()

    # === WHAT BECAME OF IT === #

    def get_upload(self, invoice):
        return self.env['amazon.invoice.upload'].search([('move_id', '=', invoice.id)])

    def get_taken(self):
        """Return the orders and numbers of the documents that Amazon has."""
        return [(taken.order_id, taken.number) for taken in self.seller.vat_invoices]

    def assertUpload(self, invoice, state, reason=None, again=None):
        """Check what became of an invoice: its state, its reason, whether it is tried again."""
        upload = self.get_upload(invoice)
        self.assertEqual(upload.state, state, upload.reason)
        if reason:
            self.assertRegex(upload.reason or '', reason)
        else:
            self.assertFalse(upload.reason)
        if again is not None:
            self.assertEqual(bool(upload.next_try), again)
        return upload


@tagged('post_install', '-at_install')
class TestInvoiceUpload(UploadCase):
    """Posted invoices reach Amazon, each once, and say when they do not."""

    # === SENT === #

    def test_a_posted_invoice_reaches_amazon(self):
        order = self.sell()
        invoice = self.invoice(order)
        self.assertUpload(invoice, 'to_send')
        self.assertTrue(self.get_triggers('upload_invoices'))
        self.upload(times=1)
        upload = self.assertUpload(invoice, 'in_feed')
        self.assertFalse(invoice.amazon_upload_note)
        self.assertEqual(upload.feed_id.message_count, 1)
        self.upload(times=1)
        self.assertUpload(invoice, 'confirmed')
        self.assertTrue(upload.confirmed_at)
        self.assertFalse(upload.feed_id.content, "It holds the buyer's address.")
        [taken] = self.seller.vat_invoices
        self.assertEqual(taken.content, PDF)
        self.assertEqual(
            (taken.order_id, taken.number, taken.document_type),
            (order.order_id, invoice.name, 'Invoice'),
        )
        self.assertEqual(taken.options['metadata:totalamount'], '25.98')
        self.assertEqual(invoice.amazon_upload_state, 'confirmed')

    def test_what_amazon_has_is_never_sent_again(self):
        invoice = self.invoice(self.sell())
        self.upload()
        self.upload()
        with self.assertRaisesRegex(UserError, "Amazon has it already"):
            invoice.action_upload_to_amazon()
        self.get_upload(invoice).action_retry()
        self.upload()
        self.assertUpload(invoice, 'confirmed')
        self.assertEqual(self.count_calls('createFeed'), 1)

    def test_a_credit_note_is_told_as_such(self):
        order = self.sell()
        invoice = self.invoice(order)
        credit_note = self.credit(invoice)
        self.upload(times=4)
        self.assertUpload(credit_note, 'confirmed')
        self.assertEqual(
            {(taken.number, taken.document_type) for taken in self.seller.vat_invoices},
            {(invoice.name, 'Invoice'), (credit_note.name, 'CreditNote')},
        )
        [taken] = [t for t in self.seller.vat_invoices if t.number == credit_note.name]
        self.assertEqual(taken.order_id, order.order_id)
        self.assertNotIn('metadata:totalamount', taken.options)

    def test_totals_that_are_not_amazons_are_not_told(self):
        order = self.sell()
        sale_order = self.get_sale_order(order)
        invoice = sale_order._create_invoices()
        invoice.invoice_line_ids[0].quantity = 1
        invoice.action_post()
        self.attach(invoice)
        self.upload()
        self.assertUpload(invoice, 'confirmed')
        [taken] = self.seller.vat_invoices
        self.assertNotIn('metadata:totalamount', taken.options)

    def test_it_waits_until_the_order_is_shipped(self):
        order = self.seller.place_order('DE', 'FBM', [Item('MUG', '12.99')])
        self.sync()
        self.get_sale_order(order).order_line.product_id.invoice_policy = 'order'
        invoice = self.invoice(order)
        self.upload()
        self.assertUpload(invoice, 'to_send')
        self.assertFalse(self.count_calls('createFeed'))
        self.seller.ship(order)
        self.sync()
        self.upload()
        self.assertUpload(invoice, 'confirmed')

    # === WHICH === #

    def test_nothing_is_uploaded_unless_the_account_says_so(self):
        self.account.invoice_sending = 'none'
        invoice = self.invoice(self.sell())
        self.upload()
        self.assertFalse(self.get_upload(invoice))
        action = invoice.action_upload_to_amazon()
        self.assertIn("1 of 1", action['params']['message'])
        self.upload()
        self.assertUpload(invoice, 'confirmed')

    def test_what_amazon_invoices_itself_is_not_uploaded(self):
        order = self.sell(programs=['INVOICE_BY_AMAZON'])
        invoice = self.invoice(order)
        self.assertFalse(self.get_upload(invoice))
        self.assertFalse(invoice.amazon_can_upload)
        with self.assertRaisesRegex(UserError, "Amazon itself gives the buyer"):
            invoice.action_upload_to_amazon()

    def test_a_marketplace_that_takes_none_gets_none(self):
        order = self.sell(marketplace='JP', price='1980')
        self.get_sale_order(order).partner_invoice_id.email = 'buyer@marketplace.amazon.co.jp'
        invoice = self.invoice(order)
        self.assertFalse(self.get_upload(invoice))
        self.assertRegex(invoice.amazon_upload_note, "Amazon.co.jp takes no invoices.*e-mail")
        invoice.partner_id.email = False
        self.assertFalse(invoice.amazon_upload_note)
        self.assertIn("takes no invoices of sellers on Amazon.co.jp", invoice.amazon_email_note)
        self.assertIn("Amazon.co.jp", self.account.no_upload_note)
        self.assertNotIn("Amazon.de", self.account.no_upload_note)
        with self.assertRaisesRegex(UserError, "takes no invoices.*e-mail"):
            invoice.action_upload_to_amazon()

    def test_an_invoice_of_several_orders_says_so(self):
        first, second = self.sell(), self.sell()
        orders = self.get_sale_order(first) | self.get_sale_order(second)
        orders.partner_invoice_id = orders[0].partner_id
        invoice = orders[0]._create_invoices()
        invoice.write({'invoice_line_ids': [Command.create({
            'name': "Mug", 'quantity': 1, 'price_unit': 1,
            'sale_line_ids': [Command.link(orders[1].order_line[0].id)],
        })]})
        invoice.action_post()
        self.attach(invoice)
        self.upload()
        self.assertUpload(invoice, 'failed', "several Amazon orders", again=True)

    def test_bills_and_other_invoices_are_left_alone(self):
        bill = self.env['account.move'].create({
            'move_type': 'out_invoice', 'partner_id': self.company.partner_id.id,
            'invoice_line_ids': [Command.create({'name': "Advice", 'price_unit': 10})],
        })
        bill.action_post()
        self.assertFalse(self.get_upload(bill))
        with self.assertRaisesRegex(UserError, "of no Amazon order"):
            bill.action_upload_to_amazon()

    def test_a_draft_is_no_invoice(self):
        invoice = self.get_sale_order(self.sell())._create_invoices()
        self.assertFalse(invoice.amazon_can_upload)
        with self.assertRaisesRegex(UserError, "no posted invoice"):
            invoice.action_upload_to_amazon()

    # === RESET === #

    def test_what_is_reset_before_it_leaves_is_sent_as_it_is_then(self):
        invoice = self.invoice(self.sell())
        self.simulator.arm('unavailable', operation='createFeed', times=1)
        self.upload(times=1)
        upload = self.assertUpload(invoice, 'in_feed')
        self.assertEqual(upload.feed_id.state, 'to_create')
        invoice.button_draft()
        self.assertUpload(invoice, 'to_send')
        self.upload()
        self.assertFalse(self.seller.vat_invoices)
        invoice.action_post()
        self.attach(invoice, PDF + b'anew')
        self.upload()
        self.assertUpload(invoice, 'confirmed')
        self.assertEqual([taken.content for taken in self.seller.vat_invoices], [PDF + b'anew'])

    def test_who_resets_what_amazon_has_is_told(self):
        invoice = self.invoice(self.sell())
        self.upload()
        invoice.button_draft()
        self.assertIn("Make a credit note", invoice.message_ids[0].body)
        invoice.action_post()
        self.upload()
        self.assertEqual(self.count_calls('createFeed'), 1)

    def test_what_amazon_has_is_not_deleted(self):
        invoice = self.invoice(self.sell())
        self.upload(times=1)
        invoice.button_draft()
        with self.assertRaisesRegex(UserError, "Press Cancel"):  # It is on its way.
            invoice.unlink()
        self.upload(times=1)
        with self.assertRaisesRegex(UserError, "Press Cancel"):
            invoice.unlink()
        invoice.button_cancel()
        self.assertUpload(invoice, 'confirmed')

    def test_nor_what_it_may_have(self):
        invoice = self.invoice(self.sell())
        self.simulator.arm('report_missing', operation=FEED_TYPE)
        self.upload()
        self.assertUpload(invoice, 'failed', "not certain")
        invoice.button_draft()
        with self.assertRaisesRegex(UserError, "may have it"):
            invoice.unlink()

    def test_what_it_has_refused_is_deleted_like_any_other(self):
        order = self.sell()
        invoice = self.invoice(order)
        del self.seller.orders[order.order_id]
        self.upload()
        upload = self.assertUpload(invoice, 'failed', "does not know the order")
        upload.next_try = False  # as in the end
        invoice.button_draft()
        invoice.unlink()
        self.assertFalse(upload.exists())

    def test_a_number_that_another_document_has_at_amazon_is_not_used_again(self):
        order = self.sell()
        first = self.invoice(order)
        number = first.name
        self.upload()
        first.button_draft()
        first.name = 'ANOTHER/0001'
        first.action_post()
        sale_order = self.get_sale_order(order)
        second = self.env['account.move'].create({
            'move_type': 'out_invoice',
            'partner_id': sale_order.partner_id.id,
            'name': number,
            'invoice_line_ids': [Command.create({
                'name': "Mug", 'price_unit': 1,
                'sale_line_ids': [Command.link(sale_order.order_line[0].id)],
            })],
        })
        second.action_post()
        self.assertEqual(second.name, number)
        self.attach(second, PDF + b'another')
        self.upload()
        self.assertUpload(second, 'failed', "another document of the order", again=True)
        self.assertEqual(self.count_calls('createFeed'), 1)
        second.button_draft()
        second.name = 'ANOTHER/0002'
        second.action_post()
        self.attach(second, PDF + b'another')
        self.get_upload(second).action_retry()
        self.upload()
        self.assertUpload(second, 'confirmed')
        self.assertEqual(
            self.get_taken(), [(order.order_id, number), (order.order_id, 'ANOTHER/0002')],
        )

    # === REFUSED === #

    def test_a_number_that_amazon_has_counts_as_uploaded(self):
        order = self.sell()
        invoice = self.invoice(order)
        self.upload()
        upload = self.get_upload(invoice)
        upload.state = 'failed'  # as if nobody knew
        upload.action_retry()
        self.assertUpload(invoice, 'to_send')
        self.upload()
        self.assertUpload(invoice, 'confirmed', "had the document under this number already")
        self.assertEqual(len(self.seller.vat_invoices), 1)

    def test_amazon_may_say_that_it_invoices_itself(self):
        order = self.sell()
        invoice = self.invoice(order)
        order.programs = [*order.programs, 'INVOICE_BY_AMAZON']
        self.upload()
        self.assertUpload(invoice, 'skipped', "Amazon itself gives the buyer", again=False)

    def test_a_refusal_says_why_and_is_tried_again(self):
        order = self.sell()
        invoice = self.invoice(order)
        del self.seller.orders[order.order_id]
        self.upload()
        upload = self.assertUpload(invoice, 'failed', "does not know the order", again=True)
        self.assertIn('79517', upload.answer)
        self.assertIn("Invoices could not be uploaded", self.account._find_failures())
        self.assertEqual(self.account.upload_failed_count, 1)
        self.seller.orders[order.order_id] = order
        upload.action_retry()
        self.upload()
        self.assertUpload(invoice, 'confirmed')

    def test_what_is_no_pdf_is_not_sent(self):
        invoice = self.invoice(self.sell(), has_pdf=False)
        self.attach(invoice, b'<html>no PDF</html>')
        self.upload()
        self.assertUpload(invoice, 'failed', "is no PDF. Delete this", again=True)
        self.assertFalse(self.count_calls('createFeed'))

    def test_one_that_fails_stops_no_other(self):
        bad, good = self.invoice(self.sell(), has_pdf=False), self.invoice(self.sell())
        self.attach(bad, b'no PDF')
        self.upload()
        self.assertUpload(good, 'confirmed')
        self.assertUpload(bad, 'failed', "is no PDF")

    # === NOBODY KNOWS === #

    def test_what_amazon_may_have_waits_for_a_person(self):
        for number, mood in enumerate(('feed_breaks_off', 'feed_fatal', 'report_missing')):
            with self.subTest(mood):
                invoice = self.invoice(self.sell())
                self.simulator.arm(mood, operation=FEED_TYPE)
                self.upload()
                self.assertUpload(
                    invoice, 'failed', "press Retry here if the document is missing", again=False,
                )
                calls = self.count_calls('createFeed')
                self.upload()
                self.assertEqual(self.count_calls('createFeed'), calls, "Not blindly")
                self.get_upload(invoice).action_retry()
                self.upload()
                self.assertEqual(self.get_upload(invoice).state, 'confirmed')
                self.assertEqual(len(self.get_taken()), number + 1)

    def test_a_report_that_says_nothing_is_no_success(self):
        invoice = self.invoice(self.sell())
        self.simulator.arm('feed_half', operation=FEED_TYPE)
        self.upload()
        self.assertUpload(invoice, 'failed', "does not say what became of it", again=False)

    def test_a_feed_that_amazon_refuses_is_tried_again_by_itself(self):
        invoice = self.invoice(self.sell())
        self.simulator.arm('invalid_input', operation='createFeed')
        self.upload(times=1)
        upload = self.assertUpload(invoice, 'failed', "Amazon refuses it", again=True)
        upload.next_try = fields.Datetime.now() - timedelta(seconds=1)
        self.upload()
        self.assertUpload(invoice, 'confirmed')

    def test_no_answer_to_the_last_step_doubles_nothing(self):
        invoice = self.invoice(self.sell())
        self.simulator.arm('drop_after', operation='createFeed')
        self.upload(times=3)
        self.assertEqual(len(self.get_taken()), 1)
        self.assertEqual(self.get_upload(invoice).state, 'confirmed')

    # === ROLE === #

    def test_without_the_role_only_invoices_stop(self):
        invoice = self.invoice(self.sell())
        self.seller.revoke_role(ROLE_TAX)
        self.upload()
        sync = self.get_sync(self.account, 'invoices')
        self.assertIn("Tax Invoicing", sync.last_error)
        self.assertEqual(self.account.state, 'connected')
        self.assertUpload(invoice, 'in_feed')
        self.assertEqual(self.get_finding().state, 'error')
        self.sell()
        self.assertFalse(self.order_sync.last_error, "Orders go on")
        self.seller.grant_role(ROLE_TAX)
        self.upload()
        self.assertUpload(invoice, 'confirmed')
        self.assertFalse(sync.last_error)

    # === PACE === #

    def test_amazon_takes_one_in_three_seconds(self):
        invoices = self.env['account.move'].union(
            *[self.invoice(self.sell()) for _order in range(4)],
        )
        self.simulator.set_throttle(1.0)
        self.addCleanup(self.simulator.set_throttle, None)
        self.run_cron('upload_invoices')
        self.env.invalidate_all()
        self.assertEqual(len(self.env['amazon.feed'].search([('feed_ref', '!=', False)])), 1)
        self.assertFalse(self.get_sync(self.account, 'invoices').last_error)
        self.assertTrue(self.get_triggers('upload_invoices'), "It goes on by itself")
        self.assertNotIn('failed', invoices.mapped('amazon_upload_state'))
        self.simulator.set_throttle(None)
        self.let_time_pass()
        self.upload(times=4)
        self.assertEqual(set(invoices.mapped('amazon_upload_state')), {'confirmed'})
        self.assertEqual(len(self.seller.vat_invoices), 4)

    def test_amazon_is_left_alone_while_it_works(self):
        self.simulator.set_feed_pace(5)
        self.invoice(self.sell())
        self.upload(times=1)
        self.run_cron('upload_invoices')
        self.env.invalidate_all()
        polls = self.count_calls('getFeed')
        self.assertTrue(polls)
        self.run_cron('upload_invoices')
        self.assertEqual(self.count_calls('getFeed'), polls, "It was asked just now")

    # === CHECKS === #

    def get_finding(self):
        """Press Check Now and return what is said of invoices."""
        self.press(self.account, 'action_check')
        return self.account.check_ids.filtered(lambda check: check.code == 'invoices')

    def test_the_check_up_looks_at_invoices(self):
        self.account.invoice_sending = 'none'
        self.assertFalse(self.get_finding())
        self.account.invoice_sending = 'upload'
        self.assertEqual(self.get_finding().state, 'ok')
        invoice = self.invoice(self.sell(), has_pdf=False)
        self.attach(invoice, b'no PDF')
        self.upload()
        finding = self.get_finding()
        self.assertEqual(finding.state, 'warning')
        self.assertIn("does not have: 1", finding.message)
        self.assertTrue(self.press(finding, 'action_remedy')['domain'])

    def test_a_server_that_cannot_print_says_so(self):
        self.patch(
            type(self.env['ir.actions.report']), 'get_wkhtmltopdf_state', lambda _self: 'install',
        )
        invoice = self.invoice(self.sell(), has_pdf=False)
        self.upload()
        self.assertUpload(invoice, 'failed', "install the program wkhtmltopdf", again=True)
        finding = self.get_finding()
        self.assertEqual(finding.state, 'error')
        self.assertIn("wkhtmltopdf", finding.message)

    # === PEOPLE === #

    def test_who_may(self):
        invoice = self.invoice(self.sell())
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        salesman = self.create_user('salesman', 'sales_team.group_sale_salesman_all_leads')
        self.get_upload(invoice).sudo().state = 'failed'
        with self.assertRaises(AccessError):
            invoice.with_user(salesman).action_upload_to_amazon()
        with self.assertRaises(AccessError):
            self.get_upload(invoice).with_user(salesman).action_retry()
        with self.assertRaises(AccessError):
            self.get_upload(invoice).with_user(accountant).write({'state': 'confirmed'})
        self.assertEqual(invoice.with_user(salesman).amazon_upload_state, 'failed')
        invoice.with_user(accountant).action_upload_to_amazon()
        self.assertUpload(invoice, 'to_send')


@tagged('post_install', '-at_install')
class TestInvoiceDocument(UploadCase, HttpCase):
    """Invoices are printed for real. This fails where the program for it is missing."""

    def test_a_real_invoice_reaches_amazon_with_its_letterhead(self):
        self.env['ir.config_parameter'].sudo().set_param('report.url', self.base_url())
        self.company.write({'street': "Hafenstraße 1", 'city': "Hamburg"})
        order = self.sell()
        invoice = self.invoice(order, has_pdf=False)
        invoice._get_amazon_document()  # Within the cron, the server of the test could not answer.
        self.upload()
        self.assertUpload(invoice, 'confirmed')
        [taken] = self.seller.vat_invoices
        text = ' '.join(
            word for page in PdfFileReader(io.BytesIO(taken.content)).pages
            for word in page.extract_text().split()
        )
        for expected in ("Nordwind Home GmbH", "Hafenstraße 1", invoice.name, "25.98"):
            self.assertIn(expected, text)
        self.assertEqual(invoice.invoice_pdf_report_id.raw, taken.content, "It is kept")

    def test_printing_tells_no_authority(self):
        self.env['ir.config_parameter'].sudo().set_param('report.url', self.base_url())
        Send, told = type(self.env['account.move.send']), []
        self.patch(Send, '_get_default_extra_edis', lambda _self, _move: {'state'})
        self.patch(
            Send, '_call_web_service_before_invoice_pdf_render',
            lambda _self, data: told.extend(values['extra_edis'] for values in data.values()),
        )
        invoice = self.invoice(self.sell(), has_pdf=False)
        invoice._get_amazon_document()
        self.assertEqual([set(edis) for edis in told], [set()])


@tagged('post_install', '-at_install')
class TestUploadRefusals(BaseCase):
    """What Amazon means."""

    def test_causes(self):
        for code, message, cause in (
            ('79525', "anything", refusals.BY_AMAZON),
            ('1', "InvoiceNumber 7 was already uploaded for orderId 305-1", refusals.KNOWN),
            ('79517', "orderId 305-1 is invalid", refusals.ORDER),
            ('2', "TotalAmount 1 is not that of orderId 305-1", refusals.AMOUNTS),
            ('3', "It rains", None),
        ):
            with self.subTest(message):
                self.assertEqual(refusals.find_cause([(code, message)]), cause)
