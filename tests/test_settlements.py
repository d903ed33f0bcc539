from datetime import timedelta

from lxml import html

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.amazon_connector.models.amazon_ledger import ACCOUNT_FIELDS
from odoo.addons.amazon_connector.models.amazon_money_kind import WORDS
from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase


@tagged('post_install', '-at_install')
class TestSettlements(MoneyCase):
    """Settlements come in, are proven, and say what holds them back."""

    def test_a_settlement_comes_in_and_is_proven(self):
        self.sell(Item('MUG', '12.99', 2))
        closed = self.seller.close_settlement()
        self.read_settlements()
        settlement = self.get_settlement(closed)
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.total, float(closed.total))
        self.assertEqual(settlement.line_total, float(closed.total))
        self.assertEqual(len(settlement.line_ids), closed.line_count)
        self.assertEqual(settlement.account_id, self.account)

    def test_the_same_again_does_nothing(self):
        self.sell(Item('MUG', '12.99'))
        settlement = self.settle()
        lines, moves = settlement.line_ids, settlement.move_ids
        self.seller.reissue(settlement.settlement_ref)
        self.read_settlements()
        self.assertEqual(settlement.line_ids, lines)
        self.assertEqual(settlement.move_ids, moves)
        self.assertFalse(settlement.rival_document_id)

    def test_a_wrong_sum_is_failed_with_both_figures_and_its_reissue_is_taken(self):
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement(odd='missing line')
        self.read_settlements()
        settlement = self.get_settlement(closed)
        self.assertEqual(settlement.state, 'failed')
        self.assertIn(settlement.currency_id.format(settlement.total), settlement.reason)
        self.assertIn(settlement.currency_id.format(settlement.line_total), settlement.reason)
        self.assertFalse(settlement.move_ids)
        self.assertTrue(self.account.settlement_attention_count)
        self.seller.reissue(closed)
        self.read_settlements()
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.line_total, settlement.total)

    def test_other_content_under_the_same_id_is_shown_and_never_merged(self):
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement()
        self.read_settlements()
        settlement = self.get_settlement(closed)
        lines = settlement.line_ids
        self.seller.reissue(closed, odd='other lines')
        self.read_settlements()
        self.assertEqual(settlement.line_ids, lines)
        self.assertTrue(settlement.rival_document_id)
        with self.assertRaisesRegex(UserError, "booked"):
            settlement.action_take_rival()

    def test_a_person_may_keep_the_content_that_came_first(self):
        seller = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement()
        self.read_settlements()
        settlement = self.get_settlement(closed)
        document, lines, moves = settlement.document_id, settlement.line_ids, settlement.move_ids
        self.seller.reissue(closed, odd='other lines')
        self.read_settlements()
        self.assertEqual(self.account.settlement_attention_count, 1)
        with self.assertRaises(AccessError):
            settlement.with_user(seller).action_keep_first()
        self.assertTrue(settlement.rival_document_id)
        settlement.with_user(accountant).action_keep_first()
        self.env.invalidate_all()
        self.assertFalse(settlement.rival_document_id)
        self.assertFalse(self.account.settlement_attention_count)
        self.assertEqual(settlement.document_id, document)
        self.assertEqual(settlement.line_ids, lines)
        self.assertEqual(settlement.move_ids, moves)
        self.assertEqual(settlement.state, 'booked')

    def test_an_unknown_kind_blocks_until_a_person_has_named_it(self):
        self.sell(Item('MUG', '12.99'))
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("Something new", settlement.reason)
        kind = settlement.unknown_kind_ids
        self.assertEqual(kind.amount_description, 'Something new')
        self.assertTrue(kind.proposed_category)
        kind.category = 'other_fee'
        self.assertFalse(settlement.reason)
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.seller.post_money('novelty', 'NoveltyCharge', 'SOMETHING_NEW', '-1.23')
        self.assertEqual(self.settle().state, 'booked')

    def test_nothing_is_booked_before_accounting_is_set_up(self):
        self.account.ledger_ids.unlink()
        self.sell(Item('MUG', '12.99'))
        settlement = self.settle()
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("Set Up Accounting", settlement.reason)
        self.account.action_set_up_accounting()
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def test_accounting_is_set_up_for_what_marketplaces_pay_that_are_not_synced(self):
        self.seller.charge_fee('subscription', '39.00', currency='SEK')
        settlement = self.settle('SEK')
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("Set Up Accounting", settlement.reason)
        self.env['res.currency.rate'].create({
            'currency_id': settlement.currency_id.id, 'company_id': self.company.id,
            'name': '2020-01-01', 'rate': 11.42,
        })
        self.account.action_set_up_accounting()
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked', settlement.reason)

    def test_who_wants_no_books_here_is_not_warned(self):
        self.account.ledger_ids.unlink()
        self.sell(Item('MUG', '12.99'))
        self.assertTrue(self.settle().reason)
        self.assertFalse(self.account.settlement_attention_count)
        self.assertNotIn("Settlements", self.account._find_failures())
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        self.account.action_set_up_accounting()
        self.assertTrue(self.settle().reason)
        self.env.invalidate_all()
        self.assertTrue(self.account.settlement_attention_count)
        self.assertIn("Settlements", self.account._find_failures())

    def test_nor_where_amazon_sends_other_content(self):
        def get_notes():
            return self.account.activity_ids.mapped('note')

        for keeps_books in (False, True):
            with self.subTest(keeps_books=keeps_books):
                if keeps_books:
                    self.account.action_set_up_accounting()
                else:
                    self.account.ledger_ids.unlink()
                self.sell(Item('MUG', '12.99'))
                closed = self.seller.close_settlement()
                self.read_settlements()
                self.seller.reissue(closed, odd='other lines')
                self.read_settlements()
                self.assertTrue(self.get_settlement(closed).rival_document_id)
                self.assertEqual(
                    any("came again" in note for note in get_notes()), keeps_books,
                )

    def test_a_journal_that_is_chosen_first_is_the_only_one(self):
        self.account.ledger_ids.unlink()
        domain = [('company_id', '=', self.company.id)]
        journal = self.env['account.journal'].create({
            'name': "My Amazon", 'type': 'bank', 'code': 'MYA', 'company_id': self.company.id,
        })
        journals = self.env['account.journal'].search(domain)
        clearing_account = journal.default_account_id.copy({
            'account_type': 'asset_current', 'reconcile': True,
        })
        self.account.write({
            'payment_journal_id': journal.id, 'clearing_account_id': clearing_account.id,
        })
        self.assertEqual(self.account.ledger_ids.journal_id, journal)
        self.assertEqual(self.account.ledger_ids.clearing_account_id, clearing_account)
        self.assertTrue(self.account.ledger_ids.transit_account_id)
        self.assertEqual(self.env['account.journal'].search(domain), journals)

    def test_accounts_of_a_company_share_their_books_unless_chosen_otherwise(self):
        domain = [('company_id', '=', self.company.id)]
        names = ('journal_id', *ACCOUNT_FIELDS)
        self.ledger.reserve_account_id = self.ledger.reserve_account_id.copy()
        rule = self.account.booking_rule_ids.filtered(lambda rule: rule.category == 'storage')
        rule.write({
            'gl_account_id': rule.gl_account_id.copy().id,
            'tax_ids': self.env['account.tax'].create({
                'name': 'VAT 19 %', 'amount': 19, 'type_tax_use': 'purchase',
                'company_id': self.company.id,
            }).ids,
        })
        journals = self.env['account.journal'].search(domain)
        other = self.create_account(
            seller_id='ANOTHERSELLER', lwa_client_id=False, lwa_client_secret=False,
            refresh_token=False, name="Another shop",
        )
        other.synced_marketplace_ids = self.env.ref('amazon_connector.marketplace_fr')
        other.action_set_up_accounting()
        self.assertEqual(other.ledger_ids.currency_id, self.ledger.currency_id)
        for name in names:
            self.assertEqual(other.ledger_ids[name], self.ledger[name], name)
        self.assertEqual(self.env['account.journal'].search(domain), journals)
        like = other.booking_rule_ids.filtered(lambda like: like.category == 'storage')
        self.assertEqual(like.gl_account_id, rule.gl_account_id)
        self.assertEqual(like.tax_ids, rule.tax_ids)
        chosen = other.ledger_ids.reserve_account_id.copy()
        other.ledger_ids.reserve_account_id = chosen
        like.write({'gl_account_id': chosen.id, 'tax_ids': False})
        (self.account | other).action_set_up_accounting()
        self.assertEqual(other.ledger_ids.reserve_account_id, chosen)
        self.assertNotEqual(self.ledger.reserve_account_id, chosen)
        self.assertEqual(like.gl_account_id, chosen)
        self.assertNotEqual(rule.gl_account_id, chosen)
        self.assertTrue(rule.tax_ids)

    def test_people_of_invoicing_read_what_amazon_has(self):
        accountant = self.create_user('anna', 'account.group_account_invoice')
        reader = self.create_user('rita', 'account.group_account_readonly')
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement()
        for name in ('action_read_settlements', 'action_read_payouts', 'action_read_refunds'):
            with self.subTest(name), self.assertRaises(AccessError):
                self.press(self.account.with_user(reader), name)
        self.assertFalse(self.get_settlement(closed))
        for name in ('action_read_settlements', 'action_read_payouts', 'action_read_refunds'):
            message = self.press(self.account.with_user(accountant), name)
            self.assertEqual(message['params']['type'], 'success')
        self.assertEqual(self.get_settlement(closed).state, 'booked')
        with self.assertRaises(AccessError):
            self.press(self.account.with_user(accountant), 'action_sync_orders')
        self.account.state = 'draft'
        with self.assertRaisesRegex(UserError, "not connected"):
            self.account.with_user(accountant).action_read_settlements()

    def test_a_currency_without_a_rate_is_a_sentence_on_the_settlement(self):
        self.sell(Item('MUG', '12.99'), marketplace='GB')
        settlement = self.settle('GBP')
        self.assertEqual(settlement.state, 'proven')
        self.assertRegex(settlement.reason, "^GBP has no exchange rate .* Currencies")
        self.assertFalse(settlement.move_ids)
        rate = self.env['res.currency.rate'].create({
            'currency_id': settlement.currency_id.id, 'company_id': self.company.id,
            'name': settlement.date_end.date() + timedelta(days=2), 'rate': 0.5,
        })
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'proven')
        rate.name = settlement.date_end.date() - timedelta(days=2)
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked', settlement.reason)
        self.assertFalse(settlement.reason)
        ledger = self.account._get_ledger(settlement.currency_id)
        item = settlement.move_ids.line_ids.filtered(
            lambda item: item.account_id == ledger.transit_account_id,
        )
        self.assertEqual(item.amount_currency, settlement.total)
        self.assertAlmostEqual(item.balance, 2 * settlement.total, 2)

    def test_a_locked_period_is_a_sentence_on_the_settlement(self):
        self.sell(Item('MUG', '12.99'))
        self.company.fiscalyear_lock_date = '2099-12-31'
        settlement = self.settle()
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("locked period (Global Lock Date", settlement.reason)
        self.assertNotIn("▸", settlement.reason)  # Odoo has no menu for it.
        self.assertFalse(settlement.move_ids)
        self.company.fiscalyear_lock_date = False
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def test_a_locked_tax_return_is_one_where_fees_have_taxes(self):
        self.account.fee_policy = 'expense'
        tax = self.env['account.tax'].create({
            'name': 'VAT 19 %', 'amount': 19, 'type_tax_use': 'purchase',
            'company_id': self.company.id,
        })
        rules = self.account.booking_rule_ids.filtered(lambda rule: rule.category == 'storage')
        self.company.tax_lock_date = '2099-12-31'
        self.sell(Item('MUG', '12.99'))
        self.assertEqual(self.settle().state, 'booked')
        rules.tax_ids = tax
        self.sell(Item('MUG', '12.99'))
        self.assertEqual(self.settle().state, 'booked')
        self.seller.charge_fee('storage', '1.19')
        settlement = self.settle()
        self.assertEqual(settlement.state, 'proven')
        self.assertIn("locked period (Tax Return Lock Date", settlement.reason)
        self.company.tax_lock_date = False
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def test_amazon_groups_alone_do_not_book(self):
        user = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        accountant = self.create_user('accountant', 'account.group_account_invoice')
        self.account.settlement_policy = 'draft'
        self.sell(Item('MUG', '12.99'))
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        with self.assertRaises(AccessError):
            settlement.with_user(user).action_book()
        with self.assertRaises(AccessError):
            settlement.with_user(user).unknown_kind_ids.category = 'other_fee'
        with self.assertRaises(AccessError):
            settlement.with_user(accountant).state = 'booked'
        settlement.with_user(accountant).unknown_kind_ids.category = 'other_fee'
        self.press(settlement.with_user(accountant), 'action_book')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.move_ids.state, 'draft')

    def test_an_asterisk_in_amazons_words_is_no_pattern(self):
        self.seller.post_money('Novelty', 'Novelty *Charge*', 'Something * new', '-1.23')
        settlement = self.settle()
        kind = settlement.unknown_kind_ids
        self.seller.post_money('Novelty', 'Novelty *Charge*', 'Something * new', '-1.23')
        other = self.settle()
        self.assertEqual(other.unknown_kind_ids, kind)
        self.assertEqual(other.state, 'proven')

    def test_a_pattern_takes_up_the_unknown_kinds_that_fit_it(self):
        self.seller.post_money('Novelty', 'Novelty Charge', 'of Monday', '-1.23')
        self.seller.post_money('Novelty', 'Novelty Charge', 'of Tuesday', '-1.23')
        settlement = self.settle()
        self.assertEqual(len(settlement.unknown_kind_ids), 2)
        self.env['amazon.money.kind'].create({
            'transaction_type': 'Novelty',
            'amount_type': 'Novelty Charge',
            'amount_description': 'of *',
            'category': 'other_fee',
        })
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def settle_novelties(self, *descriptions):
        """Settle amounts of kinds that nobody knows, and return settlement and kinds."""
        for description in descriptions:
            self.seller.post_money('Novelty', 'Novelty Charge', description, '-1.23')
        settlement = self.settle()
        kinds = {kind.amount_description: kind for kind in settlement.unknown_kind_ids}
        return settlement, *(kinds[description] for description in descriptions)

    def test_an_unknown_kind_that_becomes_a_pattern_takes_up_those_that_fit_it(self):
        anna = self.create_user('anna', 'account.group_account_invoice')
        settlement, kind, sibling = self.settle_novelties('of Monday', 'of Tuesday')
        kind.with_user(anna).amount_description = 'of *'
        self.assertTrue(sibling.exists())  # Nobody has said yet what the pattern counts as.
        (kind | sibling).with_user(anna).action_accept_proposal()
        self.assertFalse(sibling.exists())
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')
        self.assertEqual(settlement.line_ids.kind_id.filtered(
            lambda one: one.transaction_type == 'Novelty',
        ), kind)

    def test_a_known_kind_that_becomes_a_pattern_takes_up_unknown_ones(self):
        bert = self.create_user('bert', 'account.group_account_manager')
        settlement, kind, sibling = self.settle_novelties('of Monday', 'of Tuesday')
        kind.category = 'other_fee'
        self.assertTrue(settlement.reason)
        kind.with_user(bert).amount_description = 'of *'
        self.assertFalse(sibling.exists())
        self.assertFalse(settlement.reason)
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def test_an_administrator_alone_changes_the_words_of_a_known_kind(self):
        anna = self.create_user('anna', 'account.group_account_invoice')
        bert = self.create_user('bert', 'account.group_account_manager')
        kind = self.env['amazon.money.kind'].search([('category', '=', 'sale')], limit=1)
        words = {name: kind[name] for name in WORDS}
        for name in WORDS:
            with self.subTest(name), self.assertRaisesRegex(UserError, "known to all companies"):
                kind.with_user(anna).write({name: 'Forged'})
        kind.with_user(anna).write(words)  # What stays as it is may be written.
        kind.with_user(bert).write({'amount_description': 'Anything else'})
        self.assertEqual(kind.amount_description, 'Anything else')

    def test_who_only_sells_reads_settlements_and_books_none(self):
        user = self.create_user('seller', 'amazon_connector.group_amazon_user')
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement()
        self.read_settlements(self.account.with_user(user))
        settlement = self.get_settlement(closed)
        self.assertEqual(settlement.state, 'proven')
        self.assertFalse(settlement.move_ids)
        self.run_cron('book_settlements')
        self.assertEqual(settlement.state, 'booked')

    def test_accountants_read_why_odoo_refuses(self):
        accountant = self.create_user('anna', 'account.group_account_invoice')
        for name in (
            'amazon.settlement', 'amazon.settlement.document', 'amazon.refund',
            'amazon.invoice.upload',
        ):
            with self.subTest(name):
                Model = self.env[name].with_user(accountant)
                self.assertIn('answer', Model.fields_get())
                form = html.fromstring(Model.get_view(view_type='form')['arch'])
                self.assertTrue(form.xpath("//field[@name='answer']"))
        form = html.fromstring(
            self.env['amazon.settlement'].with_user(accountant).get_view(view_type='form')['arch'],
        )
        self.assertTrue(form.xpath("//div[@name='waits']/field[@name='answer']"))
        [retry] = form.xpath("//button[@name='action_retry']")
        for reason in ("Why", False):
            values = {'state': 'booked', 'reason': reason}
            self.assertEqual(safe_eval(retry.get('invisible'), values), not reason)

    def test_a_file_of_another_accounts_marketplace_is_refused(self):
        other = self.create_account(
            seller_id='ANOTHERSELLER', lwa_client_id=False, lwa_client_secret=False,
            refresh_token=False, name="Another shop",
        )
        other.sudo().synced_marketplace_ids = self.env.ref('amazon_connector.marketplace_fr')
        self.account.ledger_ids.unlink()
        self.sell(Item('MUG', '12.99'))
        settlement = self.settle()
        content = settlement.document_id.with_context(bin_size=False).content
        settlement.sudo().settlement_ref = 'of another time'
        wizard = self.env['amazon.upload.settlement'].create({
            'account_id': other.id,
            'content': content,
            'file_name': 'statement.txt',
        })
        with self.assertRaisesRegex(UserError, "Amazon.de"):
            self.press(wizard, 'action_upload')
