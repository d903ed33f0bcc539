from ast import literal_eval
from datetime import timedelta
from re import findall

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import ROLE_FINANCES, Item

from .common import MoneyCase

ORDERS = 'amazon_connector.action_amazon_sale_order'


def search_filter(case, name, env=None):
    """Return the sales orders of the account that a filter of their list finds."""
    env = env or case.env
    action = env['ir.actions.act_window']._for_xml_id(ORDERS)
    arch = env['sale.order'].get_views([(action['search_view_id'][0], 'search')])
    [node] = etree.fromstring(arch['views']['search']['arch']).xpath(f"//filter[@name='{name}']")
    return env['sale.order'].search([
        ('amazon_account_id', '=', case.account.id), *literal_eval(node.get('domain')),
    ])


class OverviewCase(MoneyCase):
    """What every test of the money's overview does."""

    def sell_by_amazon(self, *items, marketplace='DE'):
        """Let Amazon ship what a buyer orders, and return the sales order."""
        order = self.seller.place_order(marketplace, 'FBA', list(items))
        self.seller.ship(order)
        self.sync()
        return self.get_sale_order(order)

    def invoice_order(self, sale_order):
        """Post the invoice of a sales order."""
        invoice = sale_order._create_invoices()
        invoice.action_post()
        return invoice


@tagged('post_install', '-at_install')
class TestMoneyCard(OverviewCase):
    """The card's figures of money, each of which leads to what it counts."""

    def test_people_of_accounting_open_cards_and_settings(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        for group in ('account.group_account_readonly', 'account.group_account_invoice'):
            person = self.create_user(group[-9:], group)
            Account = self.env['amazon.account'].with_user(person)
            for kind in ('kanban', 'form'):
                views = Account.get_views([(False, kind)])
                arch = etree.fromstring(views['views'][kind]['arch'])
                names = set(arch.xpath('//field[not(ancestor::field)]/@name'))
                with self.subTest(group=group, kind=kind):
                    Account.web_search_read([], {name: {} for name in names})
                    shown = views['views'][kind]['arch']
                    self.assertLessEqual(set(findall(r'record\.(\w+)\.', shown)), names)
                    self.assertIn('to_invoice_count' if kind == 'kanban' else 'fee_policy', names)
                    self.assertNotIn('late_count', names)
            menus = self.env['ir.ui.menu'].with_user(person)._visible_menu_ids()
            for menu in ('menu_amazon_overview', 'menu_amazon_money_account'):
                self.assertIn(self.env.ref(f'amazon_connector.{menu}').id, menus)

    def test_an_administrator_of_invoicing_changes_journals_and_accounts(self):
        manager = self.create_user('mana', 'account.group_account_manager')
        form = self.account.with_user(manager).get_view(view_type='form')
        buttons = etree.fromstring(form['arch']).xpath("//div[@name='ledgers']/button/@name")
        self.assertEqual(len(buttons), 2)
        for button, name in zip(buttons, ('ledger', 'booking.rule'), strict=True):
            action = self.env['ir.actions.act_window'].with_user(manager)._for_xml_id(
                f"amazon_connector.action_amazon_{name.replace('.', '_')}",
            )
            self.assertEqual(int(button), action['id'])
            Model = self.env[action['res_model']].with_user(manager)
            arch = etree.fromstring(Model.get_view(view_type='list')['arch'])
            self.assertNotEqual(arch.get('edit'), 'False')
            found = Model.search(literal_eval(
                action['domain'].replace('active_id', str(self.account.id)),
            ))
            self.assertTrue(found)
            self.assertTrue(found.has_access('write'))

    def test_what_is_to_invoice(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.invoice_order(self.sell_by_amazon(Item('MUG', '30.00')))
        self.env.invalidate_all()
        self.assertEqual(self.account.to_invoice_count, 1)
        action = self.account.action_open_to_invoice()
        self.assertEqual(action['context']['search_default_amazon_to_invoice'], 1)
        self.assertEqual(search_filter(self, 'amazon_to_invoice'), order)

    def test_what_is_unpaid_for_a_month(self):
        old, new = (
            self.invoice_order(self.sell_by_amazon(Item('MUG', price)))
            for price in ('20.00', '30.00')
        )
        self.assertFalse(self.account.unpaid_invoice_count)
        old.button_draft()
        old.invoice_date = fields.Date.today() - timedelta(days=31)
        old.action_post()
        self.env.invalidate_all()
        self.assertEqual(self.account.unpaid_invoice_count, 1)
        action = self.account.action_open_unpaid_invoices()
        self.assertEqual(self.env['account.move'].search(action['domain']), old)
        self.assertEqual(new.payment_state, 'not_paid')
        self.settle()
        self.env.invalidate_all()
        self.assertEqual(old.payment_state, 'paid')
        self.assertFalse(self.account.unpaid_invoice_count)

    def test_settlements_that_wait_for_a_person(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        self.assertEqual(self.account.settlement_attention_count, 1)
        action = self.account.action_open_settlements_to_look_at()
        self.assertIn(settlement, self.env['amazon.settlement'].search(action['domain']))
        self.assertTrue(action['context']['search_default_attention'])

    def test_refunds_that_wait_for_a_person(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.seller.refund(order.amazon_order_ref, amount='5.00')
        self.settle()
        self.run_cron('process_refunds')
        self.assertFalse(self.account.refund_attention_count)
        refund = self.env['amazon.refund'].search([('account_id', '=', self.account.id)])
        refund.sudo().state = 'failed'
        self.env.invalidate_all()
        self.assertEqual(self.account.refund_attention_count, 1)
        action = self.account.action_open_refunds_to_look_at()
        self.assertEqual(self.env['amazon.refund'].search(action['domain']), refund)
        self.assertTrue(action['context']['search_default_attention'])

    def test_the_next_deposit(self):
        self.assertFalse(self.account.next_deposit)
        self.sell_by_amazon(Item('MUG', '20.00'))
        settlement = self.settle()
        self.assertEqual(self.account.next_deposit_title, "Next Deposit")
        self.assertIn(settlement.currency_id.format(settlement.total), self.account.next_deposit)
        self.assertEqual(self.account.action_open_next_deposit()['res_id'], settlement.id)
        settlement.deposit_date = '2020-01-31'
        self.env.invalidate_all()
        self.assertEqual(self.account.next_deposit_title, "Last Deposit")
        self.assertIn('31 Jan', self.account.next_deposit)

    def test_a_payout_that_amazon_expects_is_the_next_deposit(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        self.sell_by_amazon(Item('MUG', '50.00'))
        self.press(self.account, 'action_read_payouts')
        expected = self.env['amazon.payout'].search([
            ('connection_id', '=', self.account.connection_id.id),
            ('is_expected', '=', True),
            ('amount', '>', 0),
        ])
        self.assertEqual(self.account.next_deposit_title, "Next Deposit")
        self.assertIn(expected.currency_id.format(expected.amount), self.account.next_deposit)
        action = self.account.action_open_next_deposit()
        self.assertEqual(self.env[action['res_model']].search(action['domain']), expected)

    def test_money_is_not_for_everybody_who_sees_the_card(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        salesman = self.create_user('salesman', 'sales_team.group_sale_salesman')
        for name in ('to_invoice_count', 'unpaid_invoice_count', 'next_deposit'):
            with self.assertRaises(AccessError):
                self.account.with_user(salesman).read([name])
        accountant = self.create_user('accountant', 'account.group_account_readonly')
        self.assertEqual(self.account.with_user(accountant).to_invoice_count, 1)


@tagged('post_install', '-at_install')
class TestMoneyOfOrders(OverviewCase):
    """Amazon orders by what became of their money."""

    def test_orders_are_found_by_what_became_of_them(self):
        invoiced, paid, refunded, shipped = (
            self.sell_by_amazon(Item('MUG', price))
            for price in ('20.00', '30.00', '40.00', '50.00')
        )
        self.invoice_order(paid)
        self.invoice_order(refunded)
        self.seller.refund(refunded.amazon_order_ref)
        self.settle()
        late = self.sell_by_amazon(Item('MUG', '60.00'))
        self.invoice_order(late)
        self.env.invalidate_all()
        self.assertEqual(search_filter(self, 'amazon_not_invoiced'), invoiced | shipped)
        self.assertEqual(search_filter(self, 'amazon_to_invoice'), invoiced | shipped)
        self.assertEqual(search_filter(self, 'amazon_invoiced'), paid | refunded | late)
        self.assertIn(paid, search_filter(self, 'amazon_paid'))
        self.assertNotIn(late, search_filter(self, 'amazon_paid'))
        self.assertEqual(search_filter(self, 'amazon_refunded'), refunded)
        self.assertEqual(
            search_filter(self, 'amazon_settled'), invoiced | paid | refunded | shipped,
        )
        self.assertEqual(search_filter(self, 'amazon_not_settled'), late)

    def test_accountants_open_the_list_under_money(self):
        self.invoice_order(self.sell_by_amazon(Item('MUG', '20.00')))
        menu = self.env.ref('amazon_connector.menu_amazon_money_order')
        for group in ('account.group_account_readonly', 'account.group_account_invoice'):
            env = self.env(user=self.create_user(group[-9:], group))
            self.assertIn(menu.id, env['ir.ui.menu']._visible_menu_ids())
            action = env['ir.actions.act_window']._for_xml_id(ORDERS)
            self.assertEqual(menu.action.id, action['id'])
            Order = env['sale.order']
            views = Order.get_views([(action['view_id'][0], 'list')])
            names = etree.fromstring(views['views']['list']['arch']).xpath(
                '//field[not(ancestor::field)]/@name',
            )
            self.assertIn('amazon_payout_state', names)
            found = Order.web_search_read(literal_eval(action['domain']), {
                name: {'fields': {'display_name': {}}} if Order._fields[name].relational else {}
                for name in names
            })
            self.assertTrue(found['records'])
            for name in ('not_invoiced', 'invoiced', 'paid', 'refunded'):
                search_filter(self, f'amazon_{name}', env)

    def test_salespeople_may_use_the_filters(self):
        self.invoice_order(self.sell_by_amazon(Item('MUG', '20.00')))
        salesman = self.create_user('salesman', 'sales_team.group_sale_salesman_all_leads')
        self.env = self.env(user=salesman)
        for name in ('amazon_not_invoiced', 'amazon_paid', 'amazon_refunded', 'amazon_settled'):
            search_filter(self, name)


@tagged('post_install', '-at_install')
class TestOpenItems(OverviewCase):
    """What stands on the clearing account, and why."""

    def get_items(self, sale_order=None):
        """Return what is open, of an order or all."""
        self.env.flush_all()
        self.env.invalidate_all()
        domain = [('company_id', '=', self.company.id)]
        if sale_order:
            domain.append(('order_ref', '=', sale_order.amazon_order_ref))
        return self.env['amazon.open.item'].search(domain)

    def pay(self, invoice):
        """Register the payment of an invoice in the Amazon journal."""
        self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids,
        ).create({'journal_id': self.ledger.journal_id.id})._create_payments()

    def test_what_is_paid_at_import_waits_for_its_settlement(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.pay(self.invoice_order(order))
        item = self.get_items(order)
        self.assertEqual(item.reason, 'paid')
        self.assertEqual(item.amount, 20.0)
        self.assertEqual(item.gl_account_id, self.ledger.clearing_account_id)
        self.assertEqual(item.sale_order_id, order)
        self.settle()
        self.assertFalse(self.get_items(order))

    def test_the_payout_is_on_its_way(self):
        self.invoice_order(self.sell_by_amazon(Item('MUG', '20.00')))
        settlement = self.settle()
        item = self.get_items()
        self.assertEqual(item.reason, 'transit')
        self.assertEqual(item.amount, settlement.total)
        self.assertEqual(item.settlement_id, settlement)
        self.assertEqual(item.account_id, self.account)

    def test_the_clearing_account_is_explained_to_the_cent(self):
        self.pay(self.invoice_order(self.sell_by_amazon(Item('MUG', '20.00'))))
        self.pay(self.invoice_order(self.sell_by_amazon(Item('MUG', '30.00'))))
        self.seller.charge_fee('subscription', '99.00')
        self.settle()
        self.pay(self.invoice_order(self.sell_by_amazon(Item('MUG', '40.00'))))
        items = self.get_items().filtered(
            lambda item: item.gl_account_id == self.ledger.clearing_account_id,
        )
        self.assertEqual(set(items.mapped('reason')), {'paid', 'carried'})
        self.assertAlmostEqual(
            sum(items.mapped('company_amount')),
            self.get_balance(self.ledger.clearing_account_id),
        )

    def test_what_is_settled_and_not_invoiced(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        item = self.get_items(order)
        self.assertEqual(item.reason, 'not_invoiced')
        self.assertEqual(item.amount, -20.0)
        self.invoice_order(order)
        self.assertFalse(self.get_items(order))

    def test_more_and_less_than_was_invoiced(self):
        less, more = (self.sell_by_amazon(Item('MUG', '20.00')) for _ in range(2))
        self.invoice_order(less)
        self.invoice_order(more)
        for order, amount in ((less, '-5.00'), (more, '5.00')):
            self.seller.post_money(
                'Order', 'ItemPrice', 'Principal', amount, order_id=order.amazon_order_ref,
                sku='MUG',
            )
        self.settle()
        self.assertEqual(self.get_items(less).mapped('reason'), ['invoice_open'])
        self.assertEqual(self.get_items(less).amount, 5.0)
        self.assertEqual(self.get_items(more).mapped('reason'), ['overpaid'])
        self.assertEqual(self.get_items(more).amount, -5.0)

    def test_what_is_refunded_and_not_credited(self):
        order = self.sell_by_amazon(Item('MUG', '20.00', 2))
        self.invoice_order(order)
        self.seller.refund(order.amazon_order_ref, {'MUG': 1})
        self.settle()
        item = self.get_items(order)
        self.assertEqual(item.reason, 'not_credited')
        self.assertEqual(item.amount, 20.0)

    def test_what_odoo_does_not_know(self):
        self.seller.post_money(
            'Order', 'ItemPrice', 'Principal', '7.00', order_id='S01-1234567-1234567', sku='MUG',
        )
        self.settle()
        item = self.get_items().filtered('order_ref')
        self.assertEqual(item.reason, 'unknown_order')
        self.assertEqual(item.order_ref, 'S01-1234567-1234567')
        action = self.account.action_open_open_items()
        self.assertIn(item, self.env['amazon.open.item'].search(action['domain']))

    def test_it_is_for_accountants(self):
        self.invoice_order(self.sell_by_amazon(Item('MUG', '20.00')))
        self.settle()
        items = self.get_items()
        auditor = self.create_user('auditor', 'account.group_account_readonly')
        self.assertTrue(items.with_user(auditor).read(['reason', 'amount']))
        seller = self.create_user('seller', 'amazon_connector.group_amazon_admin')
        with self.assertRaises(AccessError):
            items.with_user(seller).read(['reason'])


@tagged('post_install', '-at_install')
class TestNotPaidOut(OverviewCase):
    """What Amazon holds, why, and when it comes."""

    def read_transactions(self):
        """Press Read Refunds, which also reads what is deferred, and what Amazon holds."""
        for event in self.seller.money:
            event.posted -= timedelta(hours=2)
        self.press(self.account, 'action_read_refunds')
        self.env.flush_all()
        self.env.invalidate_all()

    def get_unpaid(self, kind):
        """Return what is not paid out yet, of a kind."""
        return self.env['amazon.unpaid'].search([
            ('account_id', '=', self.account.id), ('kind', '=', kind),
        ])

    def test_what_is_available_deferred_and_kept_back(self):
        self.sell_by_amazon(Item('MUG', '50.00'))
        self.seller.set_reserve('10.00')
        self.settle()
        available = self.sell_by_amazon(Item('MUG', '20.00'))
        deferred = self.sell_by_amazon(Item('MUG', '30.00'))
        self.seller.defer(deferred.amazon_order_ref)
        self.read_transactions()
        totals = {
            order: sum(
                float(event.total) for event in self.seller.money
                if event.order_id == order.amazon_order_ref
            )
            for order in (available, deferred)
        }
        self.assertAlmostEqual(self.get_unpaid('available').amount, totals[available])
        self.assertFalse(self.get_unpaid('available').date)
        self.assertAlmostEqual(self.get_unpaid('reserve').amount, 10.0)
        held = self.get_unpaid('deferred')
        self.assertAlmostEqual(held.amount, totals[deferred])
        self.assertEqual(held.order_ref, deferred.amazon_order_ref)
        self.assertEqual(held.sale_order_id, deferred)
        self.assertEqual(held.reason, 'DD7')
        self.assertEqual(held.date, fields.Date.today() + timedelta(days=7))
        self.assertEqual(held.action_open_order()['res_id'], deferred.id)

    def test_the_next_payout_is_dated(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.read_transactions()
        self.press(self.account, 'action_read_payouts')
        self.assertEqual(
            self.get_unpaid('available').date,
            self.env['amazon.payout'].search([('amount', '>', 0)]).scheduled_date,
        )

    def test_what_amazon_says_last_counts(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.read_transactions()
        before = self.get_unpaid('available').amount
        self.sell_by_amazon(Item('MUG', '30.00'))
        self.get_sync(self.account, 'transactions').cursor -= timedelta(hours=2)
        self.read_transactions()
        self.assertEqual(len(self.get_unpaid('available')), 1)
        self.assertGreater(self.get_unpaid('available').amount, before)

    def test_without_balances_transactions_come_in_all_the_same(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.simulator.arm('unavailable', operation='listBalances', times=None)
        self.read_transactions()
        self.assertFalse(self.env['amazon.balance'].search([]))
        self.assertTrue(self.env['amazon.transaction'].search([
            ('order_ref', '=', order.amazon_order_ref),
        ]))

    def test_who_may_see_it(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.read_transactions()
        unpaid = self.get_unpaid('available')
        for group in ('amazon_connector.group_amazon_user', 'account.group_account_readonly'):
            user = self.create_user(group[:6], group)
            self.assertTrue(unpaid.with_user(user).read(['amount']))
        salesman = self.create_user('salesman', 'sales_team.group_sale_manager')
        for records in (unpaid, self.env['amazon.balance'].search([], limit=1)):
            with self.assertRaises(AccessError):
                records.with_user(salesman).read(['amount'])
        other = self.create_company("Südwind GmbH")
        stranger = self.create_user(
            'stranger', 'amazon_connector.group_amazon_admin', company=other,
        )
        for model in ('amazon.unpaid', 'amazon.balance'):
            self.assertFalse(self.env[model].with_user(stranger).with_context(
                allowed_company_ids=other.ids,
            ).search([]))


@tagged('post_install', '-at_install')
class TestMoneyCheck(OverviewCase):
    """The check-up looks at money."""

    def check(self):
        """Check the account, and return what was found of its money."""
        self.press(self.account, 'action_check')
        return self.account.check_ids.filtered(lambda check: check.code == 'money')

    def test_without_a_settlement_nobody_knows(self):
        self.account.synced_marketplace_ids = self.account.synced_marketplace_ids.filtered(
            lambda marketplace: marketplace.currency_id.name == 'EUR',
        )
        found = self.check()
        self.assertEqual(found.state, 'unknown')
        self.assertIn("No settlement has come in", found.message)

    def test_settlements_that_wait_are_to_be_looked_at(self):
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        settlement = self.settle()
        found = self.check()
        self.assertEqual(found.state, 'warning')
        self.assertIn("(1)", found.message)
        self.assertEqual(found._remedy_money()['res_model'], 'amazon.settlement')
        settlement.unknown_kind_ids.category = 'other_fee'
        self.run_cron('book_settlements')
        found = self.check()
        self.assertEqual(found.state, 'ok')
        self.assertIn("All settlements are booked", found.message)

    def test_who_has_never_set_up_accounting_is_asked_for_nothing(self):
        self.account.ledger_ids.unlink()
        self.sell(Item('MUG', '12.99'))
        self.settle()
        self.assertFalse(self.check())

    def test_a_currency_that_is_not_set_up_is_mended_by_the_button(self):
        self.account.ledger_ids.filtered(lambda one: one.currency_id.name == 'EUR').unlink()
        self.assertTrue(self.account.ledger_ids)
        found = self.check()
        self.assertEqual(found.state, 'warning')
        self.assertIn('EUR', found.message)
        self.press(found, 'action_remedy')
        self.assertTrue(self.account.ledger_ids)
        self.assertNotIn("no journal", self.check().message)

    def test_a_missing_role_says_what_it_costs(self):
        self.seller.revoke_role(ROLE_FINANCES)
        self.check()
        found = self.account.check_ids.filtered(lambda check: check.code == 'role_finances')
        self.assertEqual(found.state, 'warning')
        self.assertIn("settlements, refunds and payouts", found.message)

    def test_a_missing_role_is_urgent_only_where_books_are_kept(self):
        self.seller.revoke_role(ROLE_FINANCES)
        for keeps_books, state in ((True, 'error'), (False, 'warning')):
            if not keeps_books:
                self.account.ledger_ids.unlink()
            self.press(self.account, 'action_read_payouts')
            self.check()
            found = self.account.check_ids.filtered(lambda check: check.code == 'way_payouts')
            self.assertEqual(found.state, state)
