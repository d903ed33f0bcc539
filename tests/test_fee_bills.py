import base64
import random
from datetime import date, datetime, timezone
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.cfdi import parse_cfdi
from odoo.addons.amazon_connector.amazon.companies import propose_company
from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase

MARCH = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
APRIL = datetime(2026, 4, 10, 12, tzinfo=timezone.utc)
FOLIO = '6F2A1C4E-0B1D-4E5F-8A9B-112233445566'


def make_cfdi(total='116.00', currency='MXN', kind='I', folio=FOLIO, before=''):
    """Return a CFDI as Amazon sends it, with what matters of it."""
    return f'''<?xml version="1.0" encoding="UTF-8"?>{before}
<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Serie="AMX" Folio="77"
    Total="{total}" SubTotal="100.00" Moneda="{currency}" TipoDeComprobante="{kind}">
  <cfdi:Emisor Rfc="ANE140618P37" Nombre="SERVICIOS COMERCIALES AMAZON MEXICO"/>
  <cfdi:Complemento>
    <tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="{folio}"/>
  </cfdi:Complemento>
</cfdi:Comprobante>'''.encode()


@tagged('post_install', '-at_install')
class TestAmazonsCompanies(BaseCase):
    """Who bills the fees, and what a CFDI says."""

    def test_who_bills_goes_by_the_seller_in_europe_and_by_the_marketplace_elsewhere(self):
        self.assertEqual(propose_company('DE', ['DE', 'GB']).country_code, 'DE')
        self.assertEqual(propose_company('RO', ['DE']).vat, 'LU19647148')
        self.assertEqual(propose_company('DE', ['US']).country_code, 'US')
        self.assertIn("México", propose_company('MX', ['MX', 'US']).name)
        self.assertIsNone(propose_company('DE', ['ZA']))
        self.assertIsNone(propose_company('DE', []))

    def test_a_cfdi_has_total_and_folio(self):
        bill = parse_cfdi(make_cfdi('1234.56'))
        self.assertEqual(
            (bill.folio, bill.total, bill.currency, bill.number),
            (FOLIO, Decimal('1234.56'), 'MXN', 'AMX 77'),
        )
        self.assertEqual(parse_cfdi(make_cfdi('5.00', kind='E')).total, Decimal('-5.00'))

    def test_what_is_no_cfdi_is_refused(self):
        entity = '<!DOCTYPE x [<!ENTITY total SYSTEM "file:///etc/passwd">]>'
        for content in (
            b'', b'%PDF-1.4', b'<html/>', make_cfdi(total=''), make_cfdi(total='NaN'),
            make_cfdi(folio='1'), make_cfdi(before=entity),
        ):
            with self.subTest(content=content), self.assertRaises(Malformed):
                parse_cfdi(content)


class FeeCase(MoneyCase):
    """An account whose fees are of months that are over."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.make_tax("15%", 15)
        cls.set_up('base.de', cls.tax)
        cls.rules = {rule.category: rule for rule in cls.account.booking_rule_ids}
        cls.partner = cls.account.fee_partner_id

    @classmethod
    def make_tax(cls, name, amount, country='base.de', factors=(100,), **values):
        """Make a tax on purchases."""
        country = cls.env.ref(country)
        account = cls.company.account_purchase_tax_id.invoice_repartition_line_ids.account_id[:1]
        repartition = [Command.create({'repartition_type': 'base'}), *(
            Command.create({
                'repartition_type': 'tax', 'factor_percent': factor, 'account_id': account.id,
            }) for factor in factors
        )]
        return cls.env['account.tax'].create({
            'name': name,
            'amount': amount,
            'type_tax_use': 'purchase',
            'company_id': cls.company.id,
            'country_id': country.id,
            'tax_group_id': cls.env['account.tax.group'].create({
                'name': name, 'company_id': cls.company.id, 'country_id': country.id,
            }).id,
            'invoice_repartition_line_ids': repartition,
            'refund_repartition_line_ids': repartition,
            **values,
        })

    @classmethod
    def set_up(cls, country, tax):
        """Press Set Up Accounting as if for the first time, for a company of a country."""
        country = cls.env.ref(country)
        cls.company.write({
            'country_id': country.id,
            'account_fiscal_country_id': country.id,
            'account_purchase_tax_id': tax.id,
        })
        cls.account.fee_partner_id = False
        cls.account.booking_rule_ids.unlink()
        return cls.account.action_set_up_accounting()

    def get_bills(self):
        """Return Amazon's bills, those of the earliest month first."""
        return self.env['account.move'].search(
            [('amazon_fee_account_id', '=', self.account.id)], order='amazon_fee_month, id',
        )

    def charge(self, *amounts, kind='storage', at=MARCH, **options):
        """Let Amazon withhold fees."""
        for amount in amounts:
            self.seller.charge_fee(kind, amount, at=at, **options)

    def settle_month(self, at=MARCH, **options):
        """Let Amazon close a settlement some days later, and read it."""
        return self.settle(start=at.replace(day=1), end=at.replace(day=20), **options)

    def use_taxes(self, taxes):
        """Let all fees have these taxes."""
        self.account._get_fee_rules().tax_ids = taxes

    def assertWithheld(self, bill, amount):
        """Assert that a bill comes to an amount, which settlements have withheld."""
        self.assertEqual(bill.amazon_withheld, amount)
        self.assertEqual(bill.amount_total, amount)
        self.assertFalse(bill.amazon_bill_warning)


@tagged('post_install', '-at_install')
class TestFeeSettings(FeeCase):
    """Who bills the fees, and with which tax, is proposed."""

    def test_set_up_proposes_the_branch_and_its_tax(self):
        self.assertEqual(self.account.fee_policy, 'bill')
        self.assertEqual(self.partner.country_id.code, 'DE')
        self.assertTrue(self.partner.is_company)
        self.assertEqual(self.rules['commission'].tax_ids, self.tax)
        self.assertFalse(self.rules['fee_tax'].tax_ids)
        self.assertEqual(
            self.rules['fee_tax'].gl_account_id,
            self.tax.invoice_repartition_line_ids.account_id,
        )

    def test_an_administrator_of_invoicing_alone_sets_accounting_up(self):
        manager = self.create_user('mana', 'account.group_account_manager')
        self.account.ledger_ids.unlink()
        self.account.booking_rule_ids.unlink()
        self.account.fee_partner_id = False
        self.account.with_user(manager).action_set_up_accounting()
        self.assertTrue(self.account.ledger_ids)
        self.assertEqual(self.account.fee_partner_id, self.partner)

    def test_a_tax_on_services_is_preferred(self):
        services = self.tax.copy({'name': "15% S"})
        self.assertEqual(self.account._propose_fee_taxes(), services)
        self.make_tax("15% EU S", 15, factors=(100, -100), tax_group_id=self.tax.tax_group_id.id)
        self.assertEqual(self.account._propose_fee_taxes(), services)
        services.amount = 7
        self.assertEqual(self.account._propose_fee_taxes(), self.tax)

    def test_what_a_person_has_chosen_stays(self):
        other = self.env['res.partner'].create({'name': "Amazon, as we call it"})
        self.account.fee_partner_id = other
        self.rules['commission'].tax_ids = False
        self.account.action_set_up_accounting()
        self.assertEqual(self.account.fee_partner_id, other)
        self.assertFalse(self.rules['commission'].tax_ids)

    def test_the_contact_is_made_once(self):
        self.account.fee_partner_id = False
        self.account._ensure_fee_partner()
        self.assertEqual(self.account.fee_partner_id, self.partner)

    def test_luxembourg_bills_with_reverse_charge_where_the_chart_has_it(self):
        position = self.env['account.fiscal.position'].create({
            'name': "Intra-Community",
            'company_id': self.company.id,
            'auto_apply': True,
            'vat_required': True,
            'country_group_id': self.env.ref('base.europe').id,
            'sequence': 1,
        })
        tax = self.make_tax("15% RO", 15, 'base.ro')
        goods, services = (
            self.make_tax(
                name, 15, 'base.ro', (100, -100),
                tax_scope=scope,
                fiscal_position_ids=[Command.link(position.id)],
                original_tax_ids=[Command.link(tax.id)],
            ) for name, scope in (("15% EU G", 'consu'), ("15% EU S", 'service'))
        )
        notification = self.set_up('base.ro', tax)
        self.assertEqual(self.account.fee_partner_id.country_id.code, 'LU')
        self.assertEqual(self.account._get_fee_rules().tax_ids, services)
        self.assertNotIn("not certain", notification['params']['message'])
        services.fiscal_position_ids = False
        self.assertEqual(self.account._propose_fee_taxes(), goods)

    def test_where_it_is_not_certain_a_person_is_told(self):
        notification = self.set_up('base.us', self.make_tax("15% US", 15, 'base.us'))
        self.assertFalse(self.account._get_fee_rules().tax_ids)
        self.assertIn("not certain", notification['params']['message'])


@tagged('post_install', '-at_install')
class TestFeesAsExpense(FeeCase):
    """Fees are booked at once, with their taxes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.fee_policy = 'expense'

    def get_amounts(self, settlement):
        """Return what the entry has for fees: net amounts, and taxes."""
        items = settlement.move_ids.line_ids
        return (
            [item.balance for item in items if item.tax_ids],
            [item.balance for item in items if item.tax_line_id],
        )

    def test_net_and_tax_make_what_was_withheld(self):
        self.charge('10.00')
        settlement = self.settle_month()
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(self.get_amounts(settlement), ([8.70], [1.30]))
        base = settlement.move_ids.line_ids.filtered('tax_ids')
        self.assertEqual(base.account_id, self.rules['storage'].gl_account_id)
        self.assertEqual(base.partner_id, self.partner)
        self.assertEqual(base.tax_ids, self.tax)
        self.assertEqual(
            settlement.move_ids.line_ids.filtered('tax_line_id').account_id,
            self.tax.invoice_repartition_line_ids.account_id,
        )
        self.assertFalse(self.get_bills())

    def test_each_amount_makes_its_total(self):
        amounts = [f'{cents / 100:.2f}' for cents in range(1, 60)]
        for amount in amounts:
            self.charge(amount, kind='coupon_redemption', text=f'Coupon {amount}')
        settlement = self.settle_month()
        nets, taxes = self.get_amounts(settlement)
        self.assertEqual(round(sum(nets) + sum(taxes), 2), -settlement.total)
        self.assertEqual(settlement.state, 'booked')

    def test_tax_that_is_charged_apart_belongs_to_its_fee(self):
        self.charge('10.00', tax='1.50')
        settlement = self.settle_month()
        self.assertEqual(self.get_amounts(settlement), ([10], [1.5]))

    def test_tax_that_is_charged_apart_is_on_its_account_where_the_fee_has_none(self):
        self.use_taxes(False)
        self.charge('10.00', tax='1.50')
        settlement = self.settle_month()
        items = settlement.move_ids.line_ids
        fee_tax = items.filtered(lambda i: i.account_id == self.rules['fee_tax'].gl_account_id)
        self.assertEqual(fee_tax.balance, 1.5)
        storage = items.filtered(lambda i: i.account_id == self.rules['storage'].gl_account_id)
        self.assertEqual(storage.balance, 10)

    def test_what_amazon_gives_back_is_the_other_way_round(self):
        self.charge('-10.00', kind='advertising_refund')
        settlement = self.settle_month()
        self.assertEqual(self.get_amounts(settlement), ([-8.70], [-1.30]))
        tax = settlement.move_ids.line_ids.filtered('tax_line_id')
        self.assertEqual(tax.tax_repartition_line_id.document_type, 'refund')


@tagged('post_install', '-at_install')
class TestFeeBills(FeeCase):
    """Each month has a bill of Amazon's, which settlements pay."""

    # === WHAT IS ON IT === #

    def test_the_fees_of_a_month_are_a_draft_bill(self):
        self.charge('10.00')
        self.charge('39.00', kind='subscription')
        settlement = self.settle_month()
        bill = self.get_bills()
        self.assertEqual(len(bill), 1)
        self.assertEqual((bill.move_type, bill.state), ('in_invoice', 'draft'))
        self.assertEqual(bill.partner_id, self.partner)
        self.assertEqual(bill.invoice_date, date(2026, 3, 31))
        self.assertEqual(bill.amazon_fee_settlement_ids, settlement)
        self.assertWithheld(bill, 49)
        self.assertEqual(
            {line.amazon_fee_category: line.price_total for line in bill.invoice_line_ids},
            {'storage': 10, 'subscription': 39},
        )
        self.assertEqual(bill.invoice_line_ids.tax_ids, self.tax)
        self.assertEqual(
            bill.invoice_line_ids.account_id,
            (self.rules['storage'] | self.rules['subscription']).gl_account_id,
        )

    def test_settlements_pay_it_and_book_no_expense(self):
        self.charge('10.00')
        settlement = self.settle_month()
        item = settlement.move_ids.line_ids.filtered('amazon_fee_month')
        self.assertEqual(item.account_id.account_type, 'liability_payable')
        self.assertEqual((item.balance, item.amount_residual), (10, 10))
        self.assertEqual(self.get_balance(self.rules['storage'].gl_account_id), 0)
        bill = self.get_bills()
        bill.action_post()
        self.assertEqual(bill.payment_state, 'paid')
        self.assertEqual(item.amount_residual, 0)
        self.assertEqual(self.get_balance(self.rules['storage'].gl_account_id), 8.7)

    def test_a_bill_may_be_posted_before_the_entry(self):
        self.account.settlement_policy = 'draft'
        self.charge('10.00')
        settlement = self.settle_month()
        bill = self.get_bills()
        self.assertWithheld(bill, 10)
        bill.action_post()
        self.assertEqual(bill.payment_state, 'not_paid')
        settlement.move_ids.action_post()
        self.assertEqual(bill.payment_state, 'paid')
        self.assertEqual(self.get_bills(), bill)

    def test_any_totals_are_made_to_the_cent(self):
        rates = (
            self.tax,
            self.make_tax("19%", 19),
            self.make_tax("7%", 7, price_include_override='tax_included'),
            self.make_tax("20% EU", 20, factors=(100, -100)),
            self.env['account.tax'],
        )
        chance = random.Random(11)
        for method in ('round_globally', 'round_per_line'):
            self.company.tax_calculation_rounding_method = method
            for _time in range(8):
                totals = [chance.randrange(-300, 100000) / 100 for _line in range(5)]
                bill = self.env['account.move'].create({
                    'move_type': 'in_invoice',
                    'partner_id': self.partner.id,
                    'invoice_date': '2026-03-31',
                    'invoice_line_ids': [
                        Command.create({
                            'name': 'Fee',
                            **chance.choice(rates)._prepare_line_of_total(
                                total, self.company, self.company.currency_id,
                            ),
                        }) for total in totals
                    ],
                })
                self.assertEqual(bill.amount_total, round(sum(totals), 2), (method, totals))
                bill.action_post()
                self.assertEqual(bill.amount_total, round(sum(totals), 2), (method, totals))

    def test_tax_that_is_charged_apart_is_the_tax_of_the_line(self):
        self.charge('10.00', tax='1.50')
        self.settle_month()
        bill = self.get_bills()
        self.assertWithheld(bill, 11.5)
        self.assertEqual((bill.amount_untaxed, bill.amount_tax), (10, 1.5))
        self.assertEqual(bill.invoice_line_ids.amazon_fee_category, 'storage')

    def test_another_currency_has_its_own_bill(self):
        self.env['res.currency.rate'].create({
            'currency_id': self.env.ref('base.GBP').id, 'name': '2026-01-01', 'rate': 0.8,
            'company_id': self.company.id,
        })
        self.charge('10.00')
        self.charge('8.00', currency='GBP')
        self.settle_month()
        settlement = self.settle_month(currency='GBP')
        self.assertEqual(settlement.state, 'booked')
        bill = self.get_bills().filtered(lambda b: b.currency_id.name == 'GBP')
        self.assertWithheld(bill, 8)
        bill.action_post()
        self.assertEqual(bill.payment_state, 'paid')

    # === MONTHS === #

    def test_further_settlements_of_the_month_are_added_to_the_draft(self):
        self.charge('10.00')
        first = self.settle_month()
        self.charge('5.00')
        self.charge('2.00', kind='advertising')
        second = self.settle(start=MARCH, end=MARCH.replace(day=25))
        bill = self.get_bills()
        self.assertEqual(len(bill), 1)
        self.assertWithheld(bill, 17)
        self.assertEqual(bill.amazon_fee_settlement_ids, first | second)
        self.assertEqual(len(bill.invoice_line_ids), 2)
        bill.action_post()
        self.assertEqual(bill.payment_state, 'paid')

    def test_what_comes_after_the_bill_was_posted_is_on_another_one(self):
        self.charge('10.00')
        self.settle_month()
        first = self.get_bills()
        first.action_post()
        self.charge('5.00')
        self.settle(start=MARCH, end=MARCH.replace(day=25))
        second = self.get_bills() - first
        self.assertWithheld(first, 10)
        self.assertWithheld(second, 5)
        self.assertEqual(second.invoice_date, date(2026, 3, 31))

    def enter_document(self, bill, total, line_total=None):
        """Enter on a draft what Amazon's document says."""
        bill.write({'ref': 'INV-LU-1', 'amazon_billed': total})
        line = bill.invoice_line_ids.filtered('amazon_fee_category')
        line.tax_ids = False
        line.price_unit = line_total or total
        return line

    def test_the_lines_of_amazons_document_stay(self):
        self.charge('10.00')
        self.settle_month()
        bill = self.get_bills()
        line = self.enter_document(bill, 12)
        self.charge('5.00')
        self.settle(start=MARCH, end=MARCH.replace(day=25))
        self.assertEqual((line.price_total, bill.amazon_withheld), (12, 10))
        self.assertWithheld(self.get_bills() - bill, 5)

    def test_what_amazons_document_says_more_is_withheld_by_a_later_settlement(self):
        for is_posted in (False, True):
            with self.subTest(is_posted=is_posted):
                known = self.get_bills()
                self.charge('10.00')
                self.settle_month()
                bill = self.get_bills() - known
                self.enter_document(bill, 14)
                self.assertIn("4.00", bill.amazon_bill_warning)
                if is_posted:
                    bill.action_post()
                self.charge('4.00')
                self.settle(start=MARCH, end=MARCH.replace(day=25))
                self.assertEqual(self.get_bills() - known, bill)
                self.assertWithheld(bill, 14)
                if not is_posted:
                    bill.action_post()
                self.assertEqual(bill.payment_state, 'paid')

    def test_a_settlement_over_two_months_pays_two_bills(self):
        for splits in (False, True):
            with self.subTest(splits=splits):
                self.account.splits_months = splits
                known = self.get_bills()
                known.action_post()
                self.charge('10.00', at=MARCH)
                self.charge('5.00', at=APRIL)
                settlement = self.settle(start=MARCH.replace(day=1), end=APRIL.replace(day=20))
                self.assertEqual(len(settlement.move_ids), 2 if splits else 1)
                march, april = self.get_bills() - known
                self.assertWithheld(march, 10)
                self.assertWithheld(april, 5)
                self.assertEqual(april.invoice_date, date(2026, 4, 30))
                self.assertEqual(settlement.fee_bill_count, 2)
                action = settlement.action_open_fee_bills()
                self.assertEqual(self.env['account.move'].search(action['domain']), march | april)

    def test_the_month_is_that_of_the_marketplace(self):
        self.account.synced_marketplace_ids = self.account.synced_marketplace_ids.filtered(
            lambda marketplace: marketplace.country_id.code == 'DE',
        )
        self.charge('10.00', at=datetime(2026, 3, 31, 22, 30, tzinfo=timezone.utc))  # UTC+2
        self.settle(start=MARCH, end=APRIL)
        self.assertEqual(self.get_bills().amazon_fee_month, date(2026, 4, 30))

    def test_a_month_in_which_amazon_gives_back_is_a_refund(self):
        self.charge('-10.00', kind='advertising_refund')
        self.settle_month()
        bill = self.get_bills()
        self.assertEqual(bill.move_type, 'in_refund')
        self.assertWithheld(bill, 10)
        self.charge('4.00')
        self.settle(start=MARCH, end=MARCH.replace(day=25))
        self.assertEqual(bill.move_type, 'in_refund')
        self.assertWithheld(bill, 6)
        self.charge('16.00')
        self.settle(start=MARCH, end=MARCH.replace(day=28))
        self.assertEqual(bill.move_type, 'in_invoice')
        self.assertWithheld(bill, 10)
        bill.action_post()
        self.assertEqual(bill.payment_state, 'paid')
        self.assertTrue(all(bill.amazon_fee_item_ids.mapped('reconciled')))

    # === TAKEN BACK === #

    def test_what_is_cancelled_is_taken_out_and_what_is_booked_again_put_in(self):
        self.charge('10.00')
        self.settle_month()
        self.charge('5.00')
        second = self.settle(start=MARCH, end=MARCH.replace(day=25))
        bill = self.get_bills()
        move = second.move_ids
        move.button_draft()
        self.assertWithheld(bill, 10)
        move.action_post()
        self.assertWithheld(bill, 15)
        move.button_draft()
        move.button_cancel()
        self.assertWithheld(bill, 10)
        self.press(second, 'action_book')
        self.assertWithheld(bill, 15)
        self.assertEqual(self.get_bills(), bill)

    def test_a_bill_of_nothing_goes_unless_somebody_has_begun_with_it(self):
        self.charge('10.00')
        settlement = self.settle_month()
        bill = self.get_bills()
        settlement.move_ids.button_draft()
        self.assertFalse(bill.exists())
        settlement.move_ids.action_post()
        bill = self.get_bills()
        self.assertWithheld(bill, 10)
        bill.ref = 'INV-1'
        settlement.move_ids.button_draft()
        self.assertEqual((bill.amazon_withheld, bill.amount_total), (0, 10))

    def test_a_posted_bill_is_paid_by_what_is_booked_again(self):
        self.charge('10.00')
        settlement = self.settle_month()
        bill = self.get_bills()
        bill.action_post()
        settlement.move_ids.button_draft()
        settlement.move_ids.button_cancel()
        self.assertEqual((bill.payment_state, bill.amount_total), ('not_paid', 10))
        self.press(settlement, 'action_book')
        self.assertEqual(self.get_bills(), bill)
        self.assertEqual(bill.payment_state, 'paid')

    def test_a_bill_that_is_deleted_can_be_made_again(self):
        self.charge('10.00')
        self.settle_month()
        self.get_bills().unlink()
        self.press(self.account, 'action_make_fee_bills')
        bill = self.get_bills()
        self.assertWithheld(bill, 10)
        bill.button_cancel()
        self.press(self.account, 'action_make_fee_bills')
        self.assertWithheld(self.get_bills() - bill, 10)

    def test_the_next_settlement_brings_back_what_no_bill_has(self):
        for what in ('button_cancel', 'unlink'):
            with self.subTest(what):
                bills = self.get_bills()
                self.charge('1.00')
                self.settle_month()
                getattr(self.get_bills() - bills, what)()
                self.charge('2.00', at=APRIL)
                self.settle_month(APRIL)
                bills = self.get_bills() - bills
                march = bills.filtered(
                    lambda bill: bill.amazon_fee_month.month == MARCH.month
                    and bill.state == 'draft',
                )
                self.assertWithheld(march, 1)
                bills.filtered(lambda bill: bill.state == 'draft').action_post()

    def test_what_a_person_has_paid_with_another_bill_is_not_brought_back(self):
        self.charge('1.00')
        settlement = self.settle_month()
        bill = self.get_bills()
        own = bill.copy({'invoice_date': bill.invoice_date, 'ref': 'MINE'})
        own.invoice_line_ids.price_unit *= 0.9  # Amazon billed less.
        bill.button_cancel()
        own.action_post()
        items = settlement.move_ids.line_ids.filtered('amazon_fee_month')
        terms = own.line_ids.filtered(lambda item: item.display_type == 'payment_term')
        (terms | items).reconcile()
        self.assertFalse(items.reconciled)
        self.charge('2.00')
        self.settle(start=MARCH, end=MARCH.replace(day=25))
        drafts = self.get_bills().filtered(lambda bill: bill.state == 'draft')
        self.assertWithheld(drafts, 2)

    def test_nor_where_fees_are_an_expense_by_now(self):
        self.charge('1.00')
        self.settle_month()
        self.get_bills().button_cancel()
        self.account.fee_policy = 'expense'
        self.charge('2.00', at=APRIL)
        self.settle_month(APRIL)
        self.assertFalse(self.get_bills().filtered(lambda bill: bill.state == 'draft'))

    def test_a_bill_of_another_company_is_left_alone(self):
        self.charge('10.00')
        settlement = self.settle_month()
        bill = self.get_bills()
        other = self.create_company("Anders GmbH")
        self.env['account.chart.template'].try_loading(
            'generic_coa', company=other, install_demo=False,
        )
        Account = self.env['account.account']
        accounts = [
            Account.search([('company_ids', 'in', other.ids), ('account_type', '=', kind)], limit=1)
            for kind in ('expense', 'asset_current')
        ]
        entry = self.env['account.move'].with_company(other).create({
            'move_type': 'entry',
            'line_ids': [
                Command.create({'name': "Fee", 'account_id': account.id, 'balance': balance})
                for account, balance in zip(accounts, (1, -1), strict=True)
            ],
        })
        entry.action_post()
        item = entry.line_ids[0]
        values = {'amazon_fee_month': bill.amazon_fee_month, 'amazon_fee_category': 'storage'}
        with as_connector():
            item.write(values)
            with self.assertRaises(UserError):
                item.amazon_fee_bill_id = bill
        self.env.flush_all()
        # However it came to be so:
        self.env.cr.execute(
            'UPDATE account_move_line SET amazon_fee_bill_id = %s WHERE id = %s',
            [bill.id, item.id],
        )
        self.env.invalidate_all()
        self.assertWithheld(bill, 10)
        entry.button_draft()
        self.env.invalidate_all()
        self.assertWithheld(bill, 10)
        bill.button_cancel()
        self.assertFalse(settlement.move_ids.line_ids.amazon_fee_bill_id)

    def test_a_deleted_entry_is_taken_out(self):
        self.account.settlement_policy = 'draft'
        self.charge('10.00')
        self.settle_month()
        self.charge('5.00')
        second = self.settle(start=MARCH, end=MARCH.replace(day=25))
        bill = self.get_bills()
        second.move_ids.unlink()
        self.assertWithheld(bill, 10)

    # === PEOPLE === #

    def test_what_people_do_on_the_draft_stays(self):
        self.charge('10.00')
        self.settle_month()
        bill = self.get_bills()
        other = self.rules['advertising'].gl_account_id.copy({'code': '699999'})
        bill.invoice_line_ids.account_id = other
        bill.invoice_line_ids.tax_ids = False
        bill.invoice_line_ids = [Command.create({
            'name': "Rounding", 'price_unit': 0.01, 'tax_ids': False,
        })]
        self.charge('5.00')
        self.settle(start=MARCH, end=MARCH.replace(day=25))
        line = bill.invoice_line_ids.filtered('amazon_fee_category')
        self.assertEqual((line.account_id, line.tax_ids.ids, line.price_total), (other, [], 15))
        self.assertEqual(bill.amount_total, 15.01)
        self.assertIn("stay open", bill.amazon_bill_warning)

    def test_both_figures_stand_where_amazon_bills_something_else(self):
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        self.charge('10.00')
        self.settle_month()
        bill = self.get_bills().with_user(accountant)
        bill.amazon_billed = 12
        self.assertEqual((bill.amazon_withheld, bill.amazon_billed), (10, 12))
        self.assertIn("2.00", bill.amazon_bill_warning)
        bill.amazon_billed = 10
        self.assertFalse(bill.amazon_bill_warning)

    def test_a_cfdi_is_read_when_it_is_attached(self):
        self.charge('10.00')
        self.settle_month()
        bill = self.get_bills()
        self.attach(bill, 'factura.xml', make_cfdi('11.60', 'EUR'))
        self.assertEqual((bill.amazon_billed, bill.amazon_fiscal_folio), (11.6, FOLIO))
        self.assertEqual(bill.ref, 'AMX 77')
        self.assertIn("1.60", bill.amazon_bill_warning)
        # The same document twice is one bill.
        self.attach(bill, 'again.xml', make_cfdi('11.60', 'EUR'))
        self.assertEqual(bill.amazon_billed, 11.6)
        self.attach(bill, 'back.xml', make_cfdi('1.60', 'EUR', 'E', FOLIO.replace('6F', '7F')))
        self.assertEqual(bill.amazon_billed, 10)
        self.assertFalse(bill.amazon_bill_warning)

    def test_what_cannot_be_read_is_said_and_attached_all_the_same(self):
        self.charge('10.00')
        self.settle_month()
        bill = self.get_bills()
        self.attach(bill, 'broken.xml', b'<html/>')
        self.attach(bill, 'pesos.xml', make_cfdi('11.60'))
        self.assertIn("broken.xml", bill.amazon_bill_note)
        self.assertIn("MXN", bill.amazon_bill_note)
        self.assertEqual((bill.amazon_billed, len(bill.attachment_ids)), (0, 2))

    def test_without_a_company_of_amazons_nothing_is_booked(self):
        self.account.fee_partner_id = False
        self.charge('10.00')
        settlement = self.settle_month()
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("Billed By", settlement.reason)
        self.account.fee_partner_id = self.partner
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertWithheld(self.get_bills(), 10)

    def test_a_sale_without_fees_needs_no_company_of_amazons(self):
        self.account.fee_partner_id = False
        self.seller.post_money(
            'Order', 'ItemPrice', 'Principal', '20.00', order_id='111-1111111-1111111', at=MARCH,
        )
        settlement = self.settle_month()
        self.assertNotIn("Billed By", settlement.reason or '')

    def test_amazon_groups_alone_make_no_bills(self):
        user = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        with self.assertRaises(AccessError):
            self.account.with_user(user).action_make_fee_bills()

    def test_the_fees_of_sales_are_billed(self):
        order = self.sell(Item('MUG', '100.00'))
        self.assertTrue(self.get_sale_order(order), self.get_inbox(order).reason)
        settlement = self.settle()
        self.assertEqual(settlement.state, 'booked', settlement.reason)
        bill = self.get_bills()
        withheld = -sum(settlement.line_ids.filtered(
            lambda line: line.category in ('commission', 'fba_fee'),
        ).mapped('amount'))
        self.assertGreater(withheld, 0)
        self.assertWithheld(bill, round(withheld, 2))

    def attach(self, bill, name, content):
        """Attach a file to a bill."""
        return self.env['ir.attachment'].create({
            'name': name,
            'datas': base64.b64encode(content),
            'res_model': 'account.move',
            'res_id': bill.id,
        })
