from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.amazon_connector.simulator import Item

from .common import MoneyCase

MONEY = ('sale', 'promotion', 'refund', 'commission', 'fulfilment', 'other_fees')


@tagged('post_install', '-at_install')
class TestEarnings(MoneyCase):
    """What is left of an order, after Amazon and the goods."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug.standard_price = 4.0
        cls.bowl.standard_price = 9.0

    def sell_by_amazon(self, *items, marketplace='DE'):
        """Let Amazon ship what a buyer orders, and return the sales order."""
        order = self.seller.place_order(marketplace, 'FBA', list(items))
        self.seller.ship(order)
        self.sync()
        return self.get_sale_order(order)

    def get_earnings(self, sale_order):
        """Return what an order earned, by product."""
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env['amazon.order.earning'].search([('order_id', '=', sale_order.id)])

    def get_earning(self, sale_order, product=None):
        """Return what an order earned with a product, a mug by default."""
        return self.get_earnings(sale_order).filtered(
            lambda earning: earning.product_id == (product or self.mug),
        )

    def sum_lines(self, sale_order, *categories):
        """Return what Amazon settled of an order, of some kinds of money."""
        return sum(self.env['amazon.settlement.line'].search([
            ('order_ref', '=', sale_order.amazon_order_ref), ('category', 'in', categories),
        ]).mapped('amount'))

    def assertAddsUp(self, earning):
        """Check that the contribution is the sum of the rest."""
        self.assertAlmostEqual(
            earning.contribution, sum(earning[name] for name in (*MONEY, 'cost')),
        )

    def test_what_is_settled_is_as_amazon_settled_it(self):
        order = self.sell_by_amazon(Item('MUG', '32.99', 2, shipping='4.90', discount='2.00'))
        self.settle()
        earning = self.get_earning(order)
        self.assertEqual(len(self.get_earnings(order)), 1)
        self.assertAlmostEqual(earning.sale, 70.88)
        self.assertAlmostEqual(earning.promotion, -2.0)
        self.assertAlmostEqual(earning.commission, self.sum_lines(order, 'commission'))
        self.assertAlmostEqual(earning.fulfilment, self.sum_lines(order, 'fba_fee'))
        self.assertLess(earning.commission, 0)
        self.assertLess(earning.fulfilment, 0)
        self.assertAlmostEqual(earning.cost, -8.0)
        self.assertEqual(earning.quantity, 2)
        self.assertFalse(earning.is_estimated)
        self.assertEqual(earning.basis, 'settled')
        self.assertEqual(earning.marketplace_id, order.amazon_marketplace_id)
        self.assertEqual(earning.channel, 'fba')
        self.assertAddsUp(earning)

    def test_what_is_not_settled_is_estimated_by_the_same_offer(self):
        settled = self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        share = self.sum_lines(settled, 'commission') / 20.0
        order = self.sell_by_amazon(Item('MUG', '30.00', 2))
        earning = self.get_earning(order)
        self.assertTrue(earning.is_estimated)
        self.assertEqual(earning.basis, 'offer')
        self.assertAlmostEqual(earning.sale, 60.0)
        self.assertAlmostEqual(earning.commission, share * 60.0)
        self.assertLess(earning.fulfilment, 0)
        self.assertAlmostEqual(earning.cost, -8.0)
        self.assertAddsUp(earning)

    def test_where_the_offer_was_never_settled_its_marketplace_tells(self):
        settled = self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        share = self.sum_lines(settled, 'commission') / 20.0
        earning = self.get_earning(self.sell_by_amazon(Item('BOWL', '50.00')), self.bowl)
        self.assertEqual(earning.basis, 'marketplace')
        self.assertAlmostEqual(earning.commission, share * 50.0)

    def test_fees_that_nobody_can_tell_are_unknown(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        earning = self.get_earning(order)
        self.assertTrue(earning.is_estimated)
        self.assertEqual(earning.basis, 'unknown')
        self.assertAlmostEqual(earning.sale, 20.0)
        [[contribution]] = self.env.execute_query(self.env['amazon.order.earning']._search(
            [('id', '=', earning.id)],
        ).select('contribution'))
        self.assertIsNone(contribution)

    def test_who_ships_it_makes_a_difference(self):
        self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        earning = self.get_earning(self.get_sale_order(self.order_mugs()))
        self.assertEqual(earning.channel, 'fbm')
        self.assertEqual(earning.basis, 'unknown')

    def test_shares_are_of_the_last_days_that_are_settled(self):
        old = self.sell_by_amazon(Item('MUG', '20.00'))
        settlement = self.settle()
        self.sell_by_amazon(Item('BOWL', '20.00'))
        self.settle()
        settlement.date_end = '2020-01-31 00:00:00'
        self.env['amazon.fee.share']._measure(self.account)
        shares = self.env['amazon.fee.share'].search([('account_id', '=', self.account.id)])
        self.assertEqual(sorted(shares.mapped(lambda share: share.sku or '')), ['', 'BOWL'])
        self.assertEqual(self.get_earning(old).basis, 'settled')

    def test_a_refund_takes_from_it(self):
        order = self.sell_by_amazon(Item('MUG', '20.00', 2))
        self.seller.refund(order.amazon_order_ref, {'MUG': 1})
        self.settle()
        earning = self.get_earning(order)
        self.assertAlmostEqual(earning.sale, 40.0)
        self.assertAlmostEqual(earning.refund, -20.0)
        self.assertAlmostEqual(earning.commission, self.sum_lines(order, 'commission'))
        self.assertAddsUp(earning)

    def test_sales_are_less_tax(self):
        self.mug.taxes_id = self.env['account.tax'].create({
            'name': "VAT 19 %",
            'amount': 19,
            'company_id': self.company.id,
            'country_id': self.company.account_fiscal_country_id.id,
        })
        order = self.sell_by_amazon(Item('MUG', '119.00'))
        self.assertAlmostEqual(order.amount_untaxed, 100.0)
        self.assertAlmostEqual(self.get_earning(order).sale, 100.0)
        self.settle()
        self.assertAlmostEqual(self.sum_lines(order, 'sale'), 119.0)
        self.assertAlmostEqual(self.get_earning(order).sale, 100.0)

    def test_tax_that_comes_back_is_no_fee(self):
        order = self.sell_by_amazon(Item('MUG', '32.00'))
        self.settle()
        withheld = self.sum_lines(order, 'commission')
        self.account.booking_rule_ids.filtered(
            lambda rule: rule.category == 'commission',
        ).tax_ids = self.env['account.tax'].create({
            'name': "Input VAT 19 %",
            'amount': 19,
            'type_tax_use': 'purchase',
            'company_id': self.company.id,
            'country_id': self.company.account_fiscal_country_id.id,
        })
        earning = self.get_earning(order)
        self.assertAlmostEqual(earning.commission, withheld / 1.19, places=4)
        self.assertAlmostEqual(earning.fulfilment, self.sum_lines(order, 'fba_fee'))

    def test_it_is_in_the_currency_of_the_company(self):
        yen = self.env.ref('base.JPY')
        self.env['res.currency.rate'].create({
            'currency_id': yen.id, 'rate': 160.0, 'name': '2020-01-01',
            'company_id': self.company.id,
        })
        order = self.sell_by_amazon(Item('MUG', '3200'), marketplace='JP')
        self.settle('JPY')
        earning = self.get_earning(order)
        self.assertAlmostEqual(earning.sale, 20.0)
        self.assertAlmostEqual(earning.commission, self.sum_lines(order, 'commission') / 160.0)
        self.assertAlmostEqual(earning.cost, -4.0)
        self.assertEqual(earning.currency_id, self.company.currency_id)
        self.assertEqual(earning.order_currency_id, yen)

    def test_goods_cost_what_they_were_worth_when_they_left(self):
        order = self.order_mugs(3)
        sale_order = self.get_sale_order(order)
        self.assertAlmostEqual(self.get_earning(sale_order).cost, -12.0)
        self.deliver(order, {'MUG': 2})
        self.mug.standard_price = 6.0
        self.assertAlmostEqual(self.get_earning(sale_order).cost, -(2 * 4.0 + 6.0))

    def test_what_is_settled_in_parts_is_estimated_for_the_rest(self):
        order = self.order(Item('MUG', '10.00', 4))
        self.seller.ship(order, {'MUG': 1})
        sale_order = self.get_sale_order(order)
        self.settle()
        settled = self.sum_lines(sale_order, 'commission')
        earning = self.get_earning(sale_order)
        self.assertTrue(earning.is_estimated)
        self.assertAlmostEqual(earning.sale, 40.0)
        self.assertAlmostEqual(earning.commission, 4 * settled)

    def test_what_no_item_explains_is_there_all_the_same(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.seller.post_money(
            'Order', 'ItemFees', 'ShippingHB', '-1.11', order_id=order.amazon_order_ref,
        )
        self.settle()
        earnings = self.get_earnings(order)
        self.assertEqual(len(earnings), 2)
        rest = earnings.filtered(lambda earning: not earning.product_id)
        self.assertAlmostEqual(rest.contribution, -1.11)
        settled = sum(self.env['amazon.settlement.line'].search([
            ('order_ref', '=', order.amazon_order_ref),
        ]).mapped('amount'))
        self.assertAlmostEqual(
            sum(earnings.mapped('contribution')) - sum(earnings.mapped('cost')), settled,
        )

    def test_it_sums_up_by_product_and_month(self):
        for price in ('20.00', '30.00'):
            self.sell_by_amazon(Item('MUG', price), Item('BOWL', price))
        self.settle()
        self.env.flush_all()
        groups = self.env['amazon.order.earning'].formatted_read_group(
            [('account_id', '=', self.account.id)],
            ['product_id', 'date:month'], ['sale:sum', 'contribution:sum'],
        )
        self.assertEqual(
            {group['product_id'][0]: group['sale:sum'] for group in groups},
            {self.mug.id: 50.0, self.bowl.id: 50.0},
        )

    def test_the_sales_order_shows_it(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        self.assertEqual(order.amazon_earning_ids, self.get_earnings(order))
        seller = self.create_user(
            'seller', 'amazon_connector.group_amazon_user', 'sales_team.group_sale_manager',
        )
        salesman = self.create_user('salesman', 'sales_team.group_sale_manager')
        form = 'sale.view_order_form'
        views = self.env['sale.order'].with_user(seller).get_view(self.env.ref(form).id)
        self.assertIn('amazon_earning_ids', views['arch'])
        views = self.env['sale.order'].with_user(salesman).get_view(self.env.ref(form).id)
        self.assertNotIn('amazon_earning_ids', views['arch'])

    def test_who_may_see_it(self):
        order = self.sell_by_amazon(Item('MUG', '20.00'))
        self.settle()
        earning = self.get_earning(order)
        for group in ('amazon_connector.group_amazon_user', 'account.group_account_readonly'):
            user = self.create_user(f'{group[:6]}', group)
            self.assertEqual(earning.with_user(user).search([('id', '=', earning.id)]), earning)
            self.assertTrue(earning.with_user(user).read(['sale', 'contribution', 'product_id']))
        salesman = self.create_user('salesman', 'sales_team.group_sale_manager')
        with self.assertRaises(AccessError):
            earning.with_user(salesman).read(['contribution'])
        other_company = self.create_company("Südwind GmbH")
        stranger = self.create_user(
            'stranger', 'amazon_connector.group_amazon_admin', company=other_company,
        )
        self.assertFalse(
            self.env['amazon.order.earning'].with_user(stranger).with_context(
                allowed_company_ids=other_company.ids,
            ).search([]),
        )
