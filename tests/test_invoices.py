from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.models.amazon_account_invoicing import BOOKING_FIELDS
from odoo.addons.amazon_connector.models.amazon_ledger import ACCOUNT_FIELDS
from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .common import AttackCase, MoneyCase

MIGRATION = 'amazon_connector/migrations/19.0.1.3.0/post-migrate.py'


class InvoiceCase(MoneyCase):
    """A company with accounting set up, whose goods are taxed as in Germany."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug.write({'invoice_policy': 'delivery', 'taxes_id': cls.create_tax(19).ids})
        cls.bowl.write({'invoice_policy': 'order', 'taxes_id': cls.create_tax(7).ids})

    @classmethod
    def create_tax(cls, amount, price_include='tax_included'):
        """Create a tax, which prices include or not."""
        return cls.env['account.tax'].create({
            'name': f'{amount} % {price_include}',
            'amount': amount,
            'price_include_override': price_include,
            'tax_group_id': cls.env['account.tax.group'].search(
                [('company_id', '=', cls.company.id)], limit=1,
            ).id,
        })

    def create_invoices(self, sale_orders, **values):
        """Press Create Invoice, and then Create Draft."""
        return self.env['sale.advance.payment.inv'].create({
            'sale_order_ids': [Command.set(sale_orders.ids)],
            'advance_payment_method': 'delivered',
            **values,
        })._create_invoices(sale_orders)

    def run_invoicing(self):
        """Let the cron invoice what was delivered."""
        self.run_cron('invoice_orders')

    def deliver_mugs(self, *args, **details):
        """Let a buyer order mugs, deliver them, and return the sales order."""
        order = self.order_mugs(*args, **details)
        self.deliver(order)
        return self.get_sale_order(order)

    def sell_from_fba(self, *items, marketplace='DE', **details):
        """Let Amazon ship something, and return the sales order."""
        order = self.seller.place_order(
            marketplace, 'FBA', list(items), status='SHIPPED', **details,
        )
        self.sync()
        return self.get_sale_order(order)


@tagged('post_install', '-at_install')
class TestInvoices(InvoiceCase):
    """Create Invoice, on one Amazon order and on many: totals, dates, and what the buyer reads."""

    # === TOTALS === #

    def test_an_order_with_several_taxes_charges_and_discounts(self):
        order = self.order(
            Item('MUG', '12.99', 3, shipping='4.90', discount='1.11', shipping_discount='0.35'),
            Item('BOWL', '7.77', 7, gift_wrap='2.05'),
        )
        self.deliver(order)
        sale_order = self.get_sale_order(order)
        invoice = self.create_invoices(sale_order)
        self.assertEqual(invoice.amount_total, float(order.grand_total))
        self.assertEqual(invoice.amount_tax, sale_order.amount_tax)
        self.assertEqual(len(invoice.invoice_line_ids.tax_ids), 2)
        self.assertEqual(invoice.fiscal_position_id, sale_order.fiscal_position_id)
        self.assertEqual(sale_order.invoice_status, 'invoiced')

    def test_the_cent_that_rounding_leaves_open_is_invoiced(self):
        self.mug.taxes_id = self.create_tax(19, 'tax_excluded')
        self.company.tax_calculation_rounding_method = 'round_per_line'
        sale_orders = self.env['sale.order']
        for cents in range(1, 20):
            sale_orders |= self.sell_from_fba(Item('MUG', f'3.{cents:02}', 7, shipping='4.99'))
        self.assertTrue(self.get_lines(sale_orders, 'rounding'))
        invoices = self.create_invoices(sale_orders)
        self.assertEqual(
            sorted(invoices.mapped('amount_total')), sorted(sale_orders.mapped('amazon_total')),
        )

    def test_yen_have_no_cents(self):
        sale_order = self.sell_from_fba(
            Item('MUG', '1299', 3, shipping='410'), marketplace='JP',
        )
        invoice = self.create_invoices(sale_order)
        self.assertEqual((invoice.currency_id.name, invoice.amount_total), ('JPY', 4307))

    def test_a_delivery_in_parts_is_invoiced_in_parts(self):
        order = self.order(Item('MUG', '12.99', 3, shipping='4.90'))
        sale_order = self.get_sale_order(order)
        with self.assertRaises(UserError):  # but the shipping, which is invoiced as ordered
            self.get_lines(sale_order, 'shipping').product_uom_qty = 0
            self.create_invoices(sale_order)
        self.env.invalidate_all()
        self.get_lines(sale_order, 'shipping').product_uom_qty = 1
        self.deliver(order, {'MUG': 2})
        first = self.create_invoices(sale_order)
        self.assertEqual(first.amount_total, 30.88)
        self.deliver(order)
        second = self.create_invoices(sale_order)
        self.assertEqual(second.amount_total, 12.99)
        self.assertEqual(str(order.grand_total), '43.87')

    def test_cancelled_lines_are_not_invoiced(self):
        order = self.order(Item('MUG', '12.99', 2), Item('BOWL', '7.77'))
        self.seller.cancel_item(order, 'BOWL')
        self.sync()
        self.deliver(order)
        invoice = self.create_invoices(self.get_sale_order(order))
        self.assertEqual(invoice.amount_total, 25.98)
        self.assertEqual(invoice.invoice_line_ids.product_id, self.mug)

    # === MANY AT ONCE === #

    def test_each_order_gets_an_invoice_of_its_own_although_a_contact_is_many_buyers(self):
        sale_orders = self.env['sale.order']
        for _number in range(3):
            sale_orders |= self.sell_from_fba(
                Item('MUG', '10.00'), buyer=Buyer(), address=Address(city="Köln", country='DE'),
            )
        self.assertEqual(len(sale_orders.partner_id), 1)
        invoices = self.create_invoices(sale_orders, consolidated_billing=True)
        self.assertEqual(len(invoices), 3)
        self.assertEqual(
            sorted(invoices.mapped('amazon_order_ref')),
            sorted(sale_orders.mapped('amazon_order_ref')),
        )

    def test_orders_of_the_shop_are_grouped_as_ever(self):
        partner = self.env['res.partner'].create({'name': "Tea House"})
        mine = self.sell_from_fba(Item('MUG', '10.00'))
        others = self.env['sale.order'].create([{
            'partner_id': partner.id,
            'order_line': [Command.create({'product_id': self.bowl.id, 'price_unit': 5})],
        }] * 2)
        others.action_confirm()
        invoices = self.create_invoices(mine | others, consolidated_billing=True)
        self.assertEqual(len(invoices), 2)
        self.assertFalse((invoices - mine.invoice_ids).amazon_order_ref)
        self.assertEqual(mine.invoice_ids.amazon_account_id, self.account)

    def test_across_accounts_and_currencies(self):
        wizard = self.env['amazon.split.account'].create({
            'account_id': self.account.id,
            'marketplace_ids': self.env.ref('amazon_connector.marketplace_gb').ids,
            'name': "Britain",
        })
        britain = self.env['amazon.account'].browse(wizard.action_split()['res_id'])
        german = self.sell_from_fba(Item('MUG', '10.00'))
        british = self.seller.place_order(
            'GB', 'FBA', [Item('MUG', '9.00')], status='SHIPPED',
        )
        self.sync(britain)
        british = self.get_sale_order(british)
        self.assertEqual(british.amazon_account_id, britain)
        self.create_invoices(german | british).action_post()
        for sale_order, account, currency in (
            (german, self.account, 'EUR'), (british, britain, 'GBP'),
        ):
            invoice = sale_order.invoice_ids
            self.assertEqual(invoice.amazon_account_id, account)
            self.assertEqual(invoice.currency_id.name, currency)
            self.assertEqual(invoice.amount_total, sale_order.amazon_total)

    def test_what_is_not_explained_stays_held_and_stops_no_other(self):
        held = self.seller.place_order(
            'DE', 'FBA', [Item('MUG', '10.00')], status='SHIPPED',
        )
        self.seller.override(held, values={'/proceeds/grandTotal/amount': '30.00'})
        good = self.sell_from_fba(Item('MUG', '10.00'))
        held = self.get_sale_order(held)
        self.assertEqual(held._filter_held(), held)
        self.account.invoice_policy = 'post'
        self.run_invoicing()
        self.assertTrue(good.invoice_ids)
        self.assertFalse(held.invoice_ids)
        self.assertFalse(held.amazon_invoice_reason)
        held.action_accept_unexplained()
        self.run_invoicing()
        self.assertEqual(held.invoice_ids.amount_total, 30)

    # === WHAT IT SAYS === #

    def get_text(self, invoice):
        """Return what the printed invoice says."""
        html, _type = self.env['ir.actions.report']._render_qweb_html(
            'account.account_invoices', invoice.ids,
        )
        return ' '.join(html.decode().split())

    def test_the_delivery_date_is_when_the_last_goods_left(self):
        sale_order = self.sell_from_fba(
            Item('MUG', '10.00'), placed_at=self.simulator.clock.now() - timedelta(days=3),
        )
        invoice = self.create_invoices(sale_order)
        left = sale_order.order_line.move_ids.date.date()
        self.assertEqual(left, fields.Date.today() - timedelta(days=3))
        self.assertEqual(invoice.delivery_date, left)
        invoice.action_post()
        self.assertEqual(invoice.delivery_date, left)

    def test_the_date_of_the_delivery_that_is_invoiced(self):
        order = self.order_mugs()
        self.deliver(order, {'MUG': 1}).move_ids.date = fields.Datetime.now() - timedelta(days=5)
        first = self.create_invoices(self.get_sale_order(order))
        self.assertEqual(first.delivery_date, fields.Date.today() - timedelta(days=5))
        self.deliver(order)
        second = self.create_invoices(self.get_sale_order(order))
        self.assertEqual(second.delivery_date, fields.Date.today())

    def test_it_names_the_order_and_asks_nobody_to_pay(self):
        self.company.write({'qr_code': True, 'link_qr_code': True})
        self.env['res.partner.bank'].create({
            'partner_id': self.company.partner_id.id, 'acc_number': 'DE89370400440532013000',
            'allow_out_payment': True,
        })
        order = self.order_mugs()
        self.deliver(order)
        invoice = self.create_invoices(self.get_sale_order(order))
        invoice.action_post()
        self.assertEqual(invoice.ref, order.order_id)
        self.assertFalse(invoice.partner_bank_id)
        self.assertFalse(invoice.display_qr_code)
        self.assertFalse(invoice.display_link_qr_code)
        self.assertFalse(invoice._has_to_be_paid())
        text = self.get_text(invoice)
        self.assertIn(order.order_id, text)
        self.assertIn("Paid through Amazon", text)
        for word in ("Due Date", "Payment Communication", "DE89", "QR Code"):
            self.assertNotIn(word, text)

    def test_other_invoices_are_printed_as_ever(self):
        invoice = self.env['account.move'].create({
            'move_type': 'out_invoice',
            'partner_id': self.env['res.partner'].create({'name': "Tea House"}).id,
            'invoice_line_ids': [Command.create({'product_id': self.bowl.id, 'price_unit': 5})],
        })
        invoice.action_post()
        text = self.get_text(invoice)
        self.assertIn("Due Date", text)
        self.assertIn("Payment Communication", text)
        self.assertNotIn("Amazon", text)

    def test_the_buyers_own_number_is_kept_beside_amazons(self):
        order = self.order_mugs(
            buyer=Buyer("Erika", 'e@marketplace.amazon.de', "Nord GmbH", 'PO-77'),
            programs=('AMAZON_BUSINESS',),
        )
        self.deliver(order)
        invoice = self.create_invoices(self.get_sale_order(order))
        self.assertEqual(invoice.ref, 'PO-77')
        text = self.get_text(invoice)
        self.assertIn('PO-77', text)
        self.assertIn(order.order_id, text)

    def test_where_the_goods_went_is_printed_if_nothing_else_is_known(self):
        order = self.order_mugs(buyer=Buyer('Gregor Geber', 'g@marketplace.amazon.de'))
        self.deliver(order)
        sale_order = self.get_sale_order(order)
        self.assertFalse(sale_order.partner_id.street)
        street = sale_order.partner_shipping_id.street
        self.assertTrue(street)
        self.assertIn(street, self.get_text(self.create_invoices(sale_order)))

    def test_who_has_no_address_is_not_printed_twice(self):
        sale_order = self.sell_from_fba(
            Item('MUG', '10.00'), buyer=Buyer(), address=Address(city="Köln", country='DE'),
        )
        invoice = self.create_invoices(sale_order)
        self.assertFalse(invoice.partner_id.street)
        self.assertEqual(invoice.partner_shipping_id, invoice.partner_id)
        text = self.get_text(invoice)
        self.assertIn(invoice.partner_id.name, text)
        self.assertNotIn("Shipping Address", text)

    def test_it_leads_to_its_order(self):
        sale_order = self.deliver_mugs()
        invoice = self.create_invoices(sale_order)
        self.assertEqual(invoice.action_view_source_sale_orders()['res_id'], sale_order.id)
        self.assertIn(
            sale_order.amazon_order_ref, invoice.action_open_amazon_seller_central()['url'],
        )

    def test_a_credit_note_is_of_the_order_too(self):
        sale_order = self.deliver_mugs()
        invoice = self.create_invoices(sale_order)
        invoice.action_post()
        wizard = self.env['account.move.reversal'].with_context(
            active_model='account.move', active_ids=invoice.ids,
        ).create({'journal_id': invoice.journal_id.id})
        credit_note = self.env['account.move'].browse(wizard.reverse_moves()['res_id'])
        credit_note.line_ids.sale_line_ids = False  # as that of a refund
        self.assertEqual(credit_note.amazon_order_ref, sale_order.amazon_order_ref)
        self.assertEqual(credit_note.amazon_account_id, self.account)
        credit_note.action_post()
        self.assertIn("Refunded through Amazon", self.get_text(credit_note))


@tagged('post_install', '-at_install')
class TestInvoicesUpgrade(InvoiceCase):
    """What came in before invoices and settlements were known."""

    def test_orders_say_that_they_are_open_and_which_amazon_invoices_itself(self):
        known = self.sell_from_fba(Item('BOWL', '7.77'), programs=('INVOICE_BY_AMAZON',))
        settled = self.sell_from_fba(Item('BOWL', '7.77'))
        mine = self.env['sale.order'].create({'partner_id': self.company.partner_id.id})
        with as_connector():
            settled.amazon_payout_state = 'settled'
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order SET amazon_payout_state = NULL, amazon_invoiced_by_amazon = NULL"
            " WHERE id = %s", [known.id],
        )
        load_script(MIGRATION, 'amazon_money').migrate(self.env.cr, '19.0.1.2.0')
        self.env.invalidate_all()
        self.assertEqual(
            [order.amazon_payout_state for order in (known, settled, mine)],
            ['open', 'settled', False],
        )
        self.assertTrue(known.amazon_invoiced_by_amazon)
        self.assertFalse(settled.amazon_invoiced_by_amazon)


@tagged('post_install', '-at_install')
class TestInvoicesByThemselves(InvoiceCase):
    """Orders are invoiced when they are delivered, each one once; a failure stops no other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.invoice_policy = 'post'

    def break_(self, sale_order):
        """Let an order be one that Odoo makes no invoice of."""
        sale_order.partner_invoice_id = self.env['res.partner'].create({'name': "Nobody"})
        account = self.env['account.account'].search([
            ('company_ids', '=', self.company.id), ('account_type', '=', 'asset_receivable'),
        ], limit=1).copy({'code': '109999'})
        sale_order.partner_invoice_id.property_account_receivable_id = account
        account.active = False
        return account

    def test_by_hand_nothing_happens_by_itself(self):
        self.account.invoice_policy = 'manual'
        sale_order = self.deliver_mugs()
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)

    def test_a_draft_is_made_and_nothing_more(self):
        self.account.invoice_policy = 'draft'
        sale_order = self.deliver_mugs()
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.state, 'draft')
        self.assertEqual(sale_order.invoice_ids.amount_total, sale_order.amazon_total)

    def test_only_what_was_delivered_as_a_whole(self):
        order = self.order(Item('BOWL', '7.77', 3), Item('MUG', '12.99'))
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.invoice_status, 'to invoice')  # the bowls, as ordered
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)
        self.deliver(order, {'BOWL': 3})
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)
        self.deliver(order)
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.state, 'posted')
        self.assertEqual(sale_order.invoice_ids.amount_total, float(order.grand_total))
        self.assertFalse(sale_order.amazon_invoice_reason)

    def test_fba_orders_are_shipped_when_they_come(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77', 3))
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.state, 'posted')

    def test_nothing_is_invoiced_twice_whatever_is_repeated(self):
        sale_orders = self.deliver_mugs() | self.sell_from_fba(Item('BOWL', '7.77'))
        for _time in range(3):
            self.run_invoicing()
        with self.assertRaises(UserError):
            self.create_invoices(sale_orders)
        self.assertEqual([len(o.invoice_ids) for o in sale_orders], [1, 1])
        self.assertEqual(sale_orders.mapped('amazon_invoicings'), [1, 1])

    def test_an_order_before_the_cut_over_is_left_to_people(self):
        self.account.cut_over = fields.Datetime.now() + timedelta(days=1)
        order = self.order(Item('BOWL', '7.77', 2))
        sale_order = self.get_sale_order(order)
        self.seller.ship(order)
        self.sync()
        self.account.cut_over = False
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)
        invoice = self.create_invoices(sale_order)
        self.assertEqual(invoice.amount_total, 15.54)
        self.assertFalse(invoice.delivery_date)

    # === FROM WHEN === #

    def sell_days_ago(self, days):
        """Let Amazon ship something, some days ago, and return the sales order."""
        return self.sell_from_fba(
            Item('BOWL', '7.77'), placed_at=self.simulator.clock.now() - timedelta(days=days),
        )

    def test_what_was_sold_before_it_was_switched_on_is_left_to_people(self):
        self.account.invoice_policy = 'manual'
        self.account.invoice_from = fields.Date.today() - timedelta(days=99)
        old, new = self.sell_days_ago(2), self.sell_days_ago(0)
        self.account.invoice_policy = 'post'
        self.assertEqual(self.account.invoice_from, fields.Date.today())
        self.run_invoicing()
        self.assertFalse(old.invoice_ids)
        self.assertFalse(old.amazon_invoice_reason)
        self.assertEqual(new.invoice_ids.state, 'posted')
        self.account.invoice_from = fields.Date.today() - timedelta(days=3)
        self.run_invoicing()
        self.assertEqual(old.invoice_ids.state, 'posted')

    def test_a_day_that_was_chosen_stays_and_there_always_is_one(self):
        day = fields.Date.today() - timedelta(days=30)
        self.account.invoice_policy = 'manual'
        self.account.write({'invoice_policy': 'draft', 'invoice_from': day})
        self.assertEqual(self.account.invoice_from, day)
        self.account.invoice_policy = 'post'
        self.assertEqual(self.account.invoice_from, day)
        self.account.invoice_from = False
        self.assertEqual(self.account.invoice_from, fields.Date.today())

    def test_the_page_shows_the_day_before_it_is_saved(self):
        self.account.write({'invoice_policy': 'manual', 'invoice_from': False})
        with Form(self.account) as form:
            form.invoice_policy = 'post'
            self.assertEqual(form.invoice_from, fields.Date.today())

    # === CUT SHORT === #

    def test_what_is_delivered_in_part_and_closed_says_so(self):
        self.put_in_stock(self.bowl, 10, self.account.warehouse_id.lot_stock_id)
        order = self.order(Item('BOWL', '7.77', 3))
        sale_order = self.get_sale_order(order)
        delivery = self.get_open_delivery(order)
        self.pick(delivery, {'BOWL': 2})
        self.fill_in(delivery)
        delivery.with_context(
            skip_backorder=True, picking_ids_not_to_backorder=delivery.ids,
        ).button_validate()
        self.assertEqual(delivery.state, 'done')
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)
        self.assertIn("2 of 3 were delivered", sale_order.amazon_invoice_reason)
        self.assertIn("could not be invoiced", self.account.activity_ids.note)
        sale_order.order_line.product_uom_qty = 2
        sale_order.action_retry_amazon_invoice()
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.amount_total, 15.54)
        self.assertFalse(sale_order.amazon_invoice_reason)

    def test_a_service_that_is_invoiced_as_delivered_waits_for_its_quantity(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77'))
        service = self.create_product(
            'GIFT', type='service', is_storable=False, invoice_policy='delivery',
        )
        sale_order.order_line = [Command.create({'product_id': service.id, 'price_unit': 3})]
        self.run_invoicing()
        self.assertFalse(sale_order.invoice_ids)
        sale_order.order_line[-1:].qty_delivered = 1
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.amount_total, 10.77)

    # === FAILURES === #

    def test_a_failure_stays_on_its_order_and_stops_no_other(self):
        bad, *good = (self.sell_from_fba(Item('BOWL', '7.77')) for _number in range(5))
        account = self.break_(bad)
        self.run_invoicing()
        self.assertFalse(bad.invoice_ids)
        self.assertEqual([order.invoice_ids.state for order in good], ['posted'] * 4)
        self.assertIn("Odoo or another of its modules refuses it", bad.amazon_invoice_reason)
        self.assertIn("is archived", bad.amazon_invoice_answer)
        self.assertAlmostEqual(
            bad.amazon_invoice_next_try, fields.Datetime.now() + timedelta(minutes=1),
            delta=timedelta(seconds=30),
        )
        self.assertEqual(self.account.invoice_failed_count, 1)
        self.assertEqual(len(self.account.activity_ids), 1)
        self.run_invoicing()  # It is not due yet.
        self.assertEqual(bad.amazon_invoice_attempts, 1)
        account.active = True
        bad.action_retry_amazon_invoice()
        self.run_invoicing()
        self.assertEqual(bad.invoice_ids.state, 'posted')
        self.assertFalse(bad.amazon_invoice_reason)
        self.assertFalse(bad.amazon_invoice_answer)
        self.assertFalse(self.account.activity_ids)

    def test_it_is_tried_less_and_less_often_and_then_waits_for_a_person(self):
        bad = self.sell_from_fba(Item('BOWL', '7.77'))
        self.break_(bad)
        pauses = []
        for _attempt in range(6):
            self.run_invoicing()
            pauses.append(bad.amazon_invoice_next_try and round(
                (bad.amazon_invoice_next_try - fields.Datetime.now()).total_seconds() / 60,
            ))
            self.env.cr.execute(
                "UPDATE sale_order SET amazon_invoice_next_try = now() - interval '1 minute'"
                " WHERE id = %s AND amazon_invoice_next_try IS NOT NULL", [bad.id],
            )
            self.env.invalidate_all()
        self.assertEqual(pauses, [1, 5, 30, 120, 720, False])
        self.run_invoicing()
        self.assertEqual(bad.amazon_invoice_attempts, 6)
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_without_a_journal_the_reason_says_what_to_do(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77'))
        self.env['account.journal'].search([
            ('company_id', '=', self.company.id), ('type', '=', 'sale'),
        ]).active = False
        self.run_invoicing()
        self.assertIn("no journal for invoices", sale_order.amazon_invoice_reason)

    def test_the_words_of_others_are_forgotten_with_the_buyer(self):
        bad = self.sell_from_fba(Item('BOWL', '7.77'))
        self.break_(bad)
        self.run_invoicing()
        self.assertTrue(bad.amazon_invoice_answer)
        self.purge(fields.Datetime.now() + timedelta(days=60))
        self.assertFalse(bad.amazon_invoice_answer)
        self.assertTrue(bad.amazon_invoice_reason)

    def test_a_cron_that_is_switched_off_is_a_problem(self):
        self.assertNotIn("Invoices:", self.account.problems or '')
        self.env.ref('amazon_connector.ir_cron_invoice_orders').active = False
        self.account.invalidate_recordset(['problems'])
        self.assertIn("Invoices:", self.account.problems)

    # === INVOICED BY AMAZON === #

    def test_what_amazon_invoices_itself_is_booked(self):
        sale_order = self.sell_from_fba(Item('BOWL', '7.77'), programs=('INVOICE_BY_AMAZON',))
        self.assertTrue(sale_order.amazon_invoiced_by_amazon)
        self.assertFalse(self.sell_from_fba(Item('BOWL', '7.77')).amazon_invoiced_by_amazon)
        self.run_invoicing()
        self.assertEqual(sale_order.invoice_ids.state, 'posted')
        self.assertTrue(sale_order.invoice_ids.amazon_invoiced_by_amazon)

    def test_amazon_may_say_later_that_it_invoices(self):
        order = self.order_mugs()
        sale_order = self.get_sale_order(order)
        self.assertFalse(sale_order.amazon_invoiced_by_amazon)
        self.seller.override(order, values={'/programs': ['INVOICE_BY_AMAZON']})
        self.sync()
        self.assertTrue(sale_order.amazon_invoiced_by_amazon)


@tagged('post_install', '-at_install')
class TestInvoicesRights(InvoiceCase):
    """Who may not book, decides nothing that is booked."""

    def test_an_amazon_administrator_alone_does_not_choose_what_is_booked(self):
        adele = self.create_user('adele', 'amazon_connector.group_amazon_admin')
        account = self.account.with_user(adele)
        for name, value in (
            ('invoice_policy', 'post'),
            ('invoice_from', '2020-01-01'),
            ('paid_at_import', True),
            ('settlement_policy', 'draft'),
            ('splits_months', True),
            ('refund_policy', 'post'),
            ('fee_policy', 'expense'),
            ('fee_partner_id', adele.partner_id.id),
        ):
            with (
                self.subTest(name),
                self.assertRaisesRegex(AccessError, "decides what is booked"),
            ):
                account[name] = value
        account.fee_partner_id = account.fee_partner_id  # What stays as it is may be written.
        account.write({'invoice_policy': 'manual', 'invoice_sending': 'email'})
        with self.assertRaises(AccessError):
            account.copy({'invoice_policy': 'post'})
        adele.group_ids += self.env.ref('account.group_account_invoice')
        account.write({'invoice_policy': 'post', 'paid_at_import': True})

    def test_what_is_split_off_is_booked_as_before_whoever_splits_it_off(self):
        rule = self.account.booking_rule_ids[0]
        rule.write({
            'gl_account_id': rule.gl_account_id.copy().id, 'tax_ids': self.mug.taxes_id.ids,
        })
        chosen = {
            'invoice_policy': 'post',
            'invoice_from': fields.Date.today() - timedelta(days=30),
            'paid_at_import': True,
            'settlement_policy': 'post',
            'splits_months': True,
            'refund_policy': 'post',
            'fee_policy': 'expense',
            'fee_partner_id': self.env['res.partner'].create({'name': "Amazon Isle of Man"}).id,
        }
        self.assertEqual(set(chosen), set(BOOKING_FIELDS))
        self.account.write(chosen)
        order = self.order_mugs(
            marketplace='GB', placed_at=self.simulator.clock.now() - timedelta(days=1),
        )
        adele = self.create_user('adele', 'amazon_connector.group_amazon_admin')
        with self.assertRaisesRegex(AccessError, "decides what is booked"):
            self.account.with_user(adele).copy({'connection_id': self.account.connection_id.id})
        wizard = self.env['amazon.split.account'].with_user(adele).create({
            'account_id': self.account.id,
            'marketplace_ids': self.env.ref('amazon_connector.marketplace_gb').ids,
            'name': "Britain",
        })
        britain = self.env['amazon.account'].browse(wizard.action_split()['res_id'])
        self.assertNotEqual(britain, self.account)
        for name in BOOKING_FIELDS:
            self.assertEqual(britain[name], self.account[name], name)
        for lines, names in (
            ('ledger_ids', ('currency_id', 'journal_id', *ACCOUNT_FIELDS)),
            ('booking_rule_ids', ('category', 'gl_account_id', 'tax_ids')),
        ):
            self.assertTrue(britain[lines])
            self.assertEqual(
                [[line[name] for name in names] for line in britain[lines]],
                [[line[name] for name in names] for line in self.account[lines]],
            )
        self.deliver(order)
        self.run_invoicing()
        sale_order = self.get_sale_order(order)
        self.assertEqual(sale_order.amazon_account_id, britain)
        self.assertEqual(sale_order.invoice_ids.state, 'posted')
        self.assertEqual(sale_order.invoice_ids.payment_state, 'paid')

    def test_an_accountant_alone_does_not_change_accounts(self):
        adam = self.create_user('adam', 'account.group_account_manager')
        with self.assertRaises(AccessError):
            self.account.with_user(adam).invoice_policy = 'post'

    def test_an_accountant_without_sales_reads_and_posts(self):
        invoice = self.create_invoices(self.deliver_mugs())
        anna = self.create_user('anna', 'account.group_account_invoice')
        mine = invoice.with_user(anna)
        self.env.invalidate_all()
        mine.action_post()
        self.assertTrue(mine.amazon_order_ref)
        self.assertFalse(mine.amazon_email_note)
        self.assertTrue(mine.web_read({
            'amazon_order_ref': {}, 'amazon_account_id': {'fields': {'display_name': {}}},
        }))

    def test_a_salesperson_makes_drafts(self):
        sale_order = self.deliver_mugs()
        sam = self.create_user('sam', 'sales_team.group_sale_salesman_all_leads')
        invoice = self.create_invoices(sale_order.with_user(sam)).sudo()
        self.assertEqual(invoice.state, 'draft')
        self.assertEqual(invoice.amazon_order_ref, sale_order.amazon_order_ref)


@tagged('post_install', '-at_install', 'attacks')
class TestInvoicesAttacks(InvoiceCase, AttackCase):

    def test_nobody_writes_what_the_connector_fills_in(self):
        sale_order = self.deliver_mugs()
        invoice = self.create_invoices(sale_order)
        boss = self.create_user(
            'bea', 'amazon_connector.group_amazon_admin', 'sales_team.group_sale_manager',
            'account.group_account_manager', 'base.group_system',
        )
        boss.password = 'bea'
        for record, values in (
            (invoice, {'amazon_order_ref': '302-0000000-0000000'}),
            (invoice, {'amazon_send_state': 'sent'}),
            (sale_order, {'amazon_invoiced_by_amazon': True}),
            (sale_order, {'amazon_invoicings': 0}),
        ):
            refused = self.assertDenied(boss, record._name, 'write', record.ids, values)
            self.assertIn("connector fills it in", refused.sent)
