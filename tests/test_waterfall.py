from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase


@tagged('post_install', '-at_install')
class TestWaterfall(MoneyCase):
    """A settlement says step by step why its deposit is what it is."""

    def get_steps(self, settlement):
        """Return the steps of the waterfall, by what they are called."""
        return {step['key']: step for step in settlement.waterfall['steps']}

    def settle_a_month(self):
        """Let a month with a bit of everything be settled."""
        order = self.sell(Item('MUG', '32.99', 3, shipping='4.90', discount='2.00'))
        self.sell(Item('BOWL', '20.00', 2, gift_wrap='3.00'), channel='FBA')
        self.sync()
        self.seller.refund(order, {'MUG': 1})
        self.seller.charge_fee('storage', '7.31', tax='1.39')
        self.seller.charge_fee('subscription', '39.00')
        self.seller.charge_fee('advertising', '5.55')
        self.seller.reimburse('BOWL', 'WAREHOUSE_LOST', '11.10')
        self.seller.set_reserve('10.00')
        return self.settle()

    def assertLeadsOn(self, settlement):
        """Check that each step begins where the one before it ends, and the last is the total."""
        running = 0.0
        *steps, total = settlement.waterfall['steps']
        for step in steps:
            self.assertEqual(step['before'], running)
            running = step['after']
            self.assertAlmostEqual(step['after'], step['before'] + step['amount'])
        self.assertEqual(total['key'], 'total')
        self.assertEqual(total['amount'], settlement.total)
        self.assertEqual(settlement.currency_id.compare_amounts(running, settlement.total), 0)

    def test_the_steps_lead_from_the_sales_to_the_deposit(self):
        settlement = self.settle_a_month()
        self.assertLeadsOn(settlement)
        self.assertTrue(settlement.waterfall['is_explained'])
        steps = self.get_steps(settlement)
        self.assertEqual(steps['sale']['amount'], 138.97)
        self.assertEqual(steps['shipping']['amount'], 7.9)
        self.assertEqual(steps['promotion']['amount'], -2.0)
        self.assertLess(steps['refund']['amount'], 0)
        self.assertEqual(steps['storage']['amount'], -7.31)
        self.assertEqual(steps['subscription']['amount'], -39.0)
        self.assertEqual(steps['fee_tax']['amount'], -1.39)
        self.assertEqual(steps['advertising']['amount'], -5.55)
        self.assertEqual(steps['income']['amount'], 11.1)
        self.assertEqual(steps['reserve']['amount'], -10.0)
        self.assertNotIn('carried', steps)
        self.assertEqual(steps['total']['label'], "Deposit")

    def test_each_step_opens_the_lines_that_make_it(self):
        settlement = self.settle_a_month()
        seen = self.env['amazon.settlement.line']
        for step in settlement.waterfall['steps'][:-1]:
            action = settlement.action_open_step(step['key'])
            lines = self.env[action['res_model']].search(action['domain'])
            self.assertEqual(len(lines), step['count'], step['key'])
            self.assertAlmostEqual(sum(lines.mapped('amount')), step['amount'])
            self.assertFalse(lines & seen)
            seen |= lines
        self.assertEqual(seen, settlement.line_ids)
        action = settlement.action_open_step('nonsense')
        self.assertFalse(self.env[action['res_model']].search(action['domain']))

    def test_its_button_opens_the_credit_notes_of_what_it_refunds(self):
        self.account.refund_policy = 'post'
        orders = [self.sell(Item('MUG', '12.99', 2)) for _order in range(2)]
        for order in orders:
            self.invoice(order)
            self.seller.refund(order, {'MUG': 1})
        settlement = self.settle()
        self.assertEqual(settlement.credit_note_count, 0)
        self.run_cron('process_refunds')
        self.env.invalidate_all()
        found = self.env['amazon.refund'].search([('settlement_id', '=', settlement.id)])
        self.assertEqual(len(found.credit_note_id), 2)
        self.assertEqual(settlement.credit_note_count, 2)
        action = settlement.action_open_credit_notes()
        credit_notes = self.env[action['res_model']].search(action['domain'])
        self.assertEqual(credit_notes, found.credit_note_id)
        self.sell(Item('MUG', '12.99'))
        other = self.settle()
        self.assertEqual(other.credit_note_count, 0)
        action = other.action_open_credit_notes()
        self.assertFalse(self.env[action['res_model']].search(action['domain']))

    def test_what_the_lines_do_not_explain_is_a_step(self):
        self.sell(Item('MUG', '12.99'))
        closed = self.seller.close_settlement(odd='missing line')
        self.read_settlements()
        settlement = self.get_settlement(closed)
        self.assertEqual(settlement.state, 'failed')
        self.assertFalse(settlement.waterfall['is_explained'])
        self.assertLeadsOn(settlement)
        self.assertAlmostEqual(
            self.get_steps(settlement)['difference']['amount'],
            settlement.total - settlement.line_total,
        )

    def test_a_line_of_unknown_kind_is_a_step(self):
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        self.sell(Item('MUG', '12.99'))
        settlement = self.settle()
        self.assertLeadsOn(settlement)
        self.assertEqual(self.get_steps(settlement)['unknown']['amount'], -1.23)

    def test_a_negative_settlement_and_the_next_are_explained(self):
        self.seller.charge_fee('subscription', '39.00')
        owed = self.settle()
        self.assertLeadsOn(owed)
        self.assertEqual(self.get_steps(owed)['total']['label'], "Owed to Amazon")
        self.sell(Item('MUG', '99.00'))
        settlement = self.settle()
        self.assertLeadsOn(settlement)
        self.assertEqual(self.get_steps(settlement)['carried']['amount'], -39.0)

    def test_yen_have_no_decimals(self):
        self.sell(Item('MUG', '1299', 2, shipping='350'), marketplace='JP')
        settlement = self.settle('JPY')
        self.assertLeadsOn(settlement)
        self.assertEqual(self.get_steps(settlement)['sale']['amount'], 2598)

    def test_many_settlements_are_summed_up_at_once(self):
        settlements = self.settle_a_month()
        for price in ('10.00', '11.00', '12.00'):
            self.sell(Item('MUG', price))
            settlements |= self.settle()
        settlements.mapped('waterfall')

        def read(settlements):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertTrue(all(settlements.mapped('waterfall')))
            return self.env.cr.sql_log_count - before

        self.assertEqual(read(settlements), read(settlements[0]))

    def test_orders_are_one_click_away(self):
        settlement = self.settle_a_month()
        self.assertEqual(settlement.sale_order_count, 2)
        action = settlement.action_open_sale_orders()
        orders = self.env['sale.order'].search(action['domain'])
        self.assertEqual(orders, settlement.line_ids.sale_order_id)

    def test_who_may_see_it(self):
        settlement = self.settle_a_month()
        for login, group in (
            ('seller', 'amazon_connector.group_amazon_user'),
            ('accountant', 'account.group_account_invoice'),
            ('auditor', 'account.group_account_readonly'),
        ):
            seen = settlement.with_user(self.create_user(login, group))
            self.assertTrue(seen.waterfall['is_explained'])
            self.assertTrue(seen.action_open_step('sale'))
        salesman = self.create_user('salesman', 'sales_team.group_sale_salesman')
        with self.assertRaises(AccessError):
            settlement.with_user(salesman).read(['waterfall'])
