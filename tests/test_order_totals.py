from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Item
from odoo.addons.amazon_connector.simulator.marketplaces import find_marketplace
from odoo.addons.amazon_connector.simulator.orders import ItemProceeds

from .common import AmazonCase
from .test_order_parsing import NOON, make_order, render

SKUS = ('A', 'B', 'C')
REVERSE_CHARGE = {
    f'{document}_repartition_line_ids': [
        Command.create({'repartition_type': 'base'}),
        Command.create({'repartition_type': 'tax', 'factor_percent': 100}),
        Command.create({'repartition_type': 'tax', 'factor_percent': -100}),
    ]
    for document in ('invoice', 'refund')
}
# Every kind of tax that Odoo computes.
TAXES = {
    'included 19 %': {'amount': 19, 'price_include_override': 'tax_included'},
    'included 7 %': {'amount': 7, 'price_include_override': 'tax_included'},
    'included 10 % in the base of the next': {
        'amount': 10, 'price_include_override': 'tax_included', 'include_base_amount': True,
        'sequence': 0,
    },
    'included 20 % of the total': {
        'amount': 20, 'amount_type': 'division', 'price_include_override': 'tax_included',
    },
    'included 0.25 a unit': {
        'amount': 0.25, 'amount_type': 'fixed', 'price_include_override': 'tax_included',
    },
    'excluded 20 %': {'amount': 20},
    'excluded 8.875 %': {'amount': 8.875},
    'excluded 5 % in the base of the next': {
        'amount': 5, 'include_base_amount': True, 'sequence': 0,
    },
    'excluded 10 % of the total': {'amount': 10, 'amount_type': 'division'},
    'excluded 0.37 a unit': {'amount': 0.37, 'amount_type': 'fixed'},
    'excluded 0.5 a unit in the base of the next': {
        'amount': 0.5, 'amount_type': 'fixed', 'include_base_amount': True, 'sequence': 0,
    },
    'withheld 15 %': {'amount': -15},
    'zero': {'amount': 0},
    'reverse charge': {'amount': 19, **REVERSE_CHARGE},
    'included reverse charge': {
        'amount': 19, 'price_include_override': 'tax_included', **REVERSE_CHARGE,
    },
    'group': {'amount_type': 'group', 'children_tax_ids': [
        Command.create({'name': name, 'amount': amount, 'type_tax_use': 'none'})
        for name, amount in (('central', 9), ('state', 9), ('cess', 1))
    ]},
}


@dataclass(frozen=True)
class Kuwait:
    """A marketplace that Amazon may open one day, with three decimals in its currency."""

    id: str = 'A0KUWAIT'
    name: str = 'Amazon.com.kw'
    currency: str = 'KWD'
    minor_unit: Decimal = Decimal('0.001')


MARKETPLACES = (*(find_marketplace(code) for code in ('DE', 'GB', 'JP')), Kuwait())


@st.composite
def items(draw, sku, unit):
    """Draw an item with amounts in multiples of a currency's minor unit, taxed by Amazon or not."""
    price, *others = (amount * unit for amount in draw(
        st.tuples(st.integers(0, 99_999), *[st.integers(0, 1_000)] * 4),
    ))
    quantity = draw(st.sampled_from((1, 2, 3, 7)))
    return Item(
        sku,
        price,
        quantity,
        **dict(zip(('shipping', 'gift_wrap', 'cod_fee', 'other'), others, strict=True)),
        discount=draw(st.sampled_from((0, price, price * quantity))),
        shipping_discount=draw(st.sampled_from((0, others[0]))),
        tax_rate=draw(st.sampled_from((None, None, '0', '0.19'))),
        marketplace_facilitator=draw(st.sampled_from((False, False, False, True))),
    )


@st.composite
def baskets(draw):
    """Draw an order's marketplace, its items, and for each the names of its product's taxes."""
    marketplace = draw(st.sampled_from(MARKETPLACES))
    names = st.lists(st.sampled_from(sorted(TAXES)), max_size=3, unique=True)
    skus = SKUS[:draw(st.integers(1, len(SKUS)))]
    return marketplace, [(draw(items(sku, marketplace.minor_unit)), draw(names)) for sku in skus]


def examples(count):
    """Let hypothesis make so many examples, the same ones every time."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),  # to shrink an order to the simplest one would take minutes
        suppress_health_check=[HealthCheck.too_slow],
    )


@tagged('post_install', '-at_install')
class TestOrderTotals(AmazonCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )
        cls.company.tax_calculation_rounding_method = 'round_per_line'
        cls.env['res.currency'].with_context(active_test=False).search(
            [('name', '=', 'KWD')],
        ).active = True
        cls.taxes = {
            name: cls.env['account.tax'].create({'name': name, **values})
            for name, values in TAXES.items()
        }
        cls.position = cls.env['account.fiscal.position'].create({'name': "Abroad"})
        for origin, destination in (
            ('included 19 %', 'excluded 20 %'),
            ('excluded 20 %', 'included 7 %'),
            ('excluded 8.875 %', 'zero'),
        ):
            cls.taxes[destination].write({
                'fiscal_position_ids': [Command.link(cls.position.id)],
                'original_tax_ids': [Command.link(cls.taxes[origin].id)],
            })
        cls.products = {
            # Services: what is delivered is of no interest here.
            sku: cls.create_product(
                sku, type='service', is_storable=False, list_price=99, invoice_policy='order',
            )
            for sku in SKUS
        }
        cls.order_count = 0

    # === HELPERS === #

    def set_taxes(self, *names, sku='A'):
        """Give a product the taxes of these names."""
        self.products[sku].taxes_id = self.get_taxes(names)

    def get_taxes(self, names):
        return self.env['account.tax'].union(*(self.taxes[name] for name in names))

    def store(self, order):
        """Put an order of a simulated seller into the inbox and import it, without HTTP."""
        inbox = self.env['amazon.order']._store_payloads(self.account, [render(order)])
        inbox._import_batch()
        self.assertEqual(inbox.state, 'done', inbox.reason)
        return inbox.sale_order_id

    def place(self, *items, **details):
        """Let a buyer order and import it; return the order and the sales order."""
        TestOrderTotals.order_count += 1
        order = make_order(*items, order_id=f'305-0000001-{self.order_count:07}', **details)
        return order, self.store(order)

    def change(self, order):
        """Import an order that has changed on Amazon."""
        order.last_updated += timedelta(minutes=1)
        return self.store(order)

    def assert_total(self, sale_order, paid):
        self.assertEqual(
            sale_order.currency_id.compare_amounts(sale_order.amount_total, float(paid)), 0,
            f"{sale_order.amount_total} instead of {paid}",
        )
        self.assertEqual(
            sale_order.currency_id.compare_amounts(
                sale_order.amount_untaxed + sale_order.amount_tax, float(paid),
            ), 0,
        )

    def assert_rounding_is_small(self, sale_order, unit):
        """Assert that a rounding line has no tax and at most a minor unit for each other line.

        Where a line has three taxes or more, no price may make the total any closer.
        """
        rounding = self.get_lines(sale_order, 'rounding')
        self.assertLessEqual(len(rounding), 1)
        self.assertFalse(rounding.tax_ids)
        limit = sum(
            max(1, (1 + len(line.tax_ids.flatten_taxes_hierarchy())) // 2)
            for line in sale_order.order_line - rounding
        )
        self.assertLessEqual(round(abs(rounding.price_total) / float(unit)), limit)

    # === ANY ORDER, ANY TAXES === #

    @examples(60)
    @given(baskets(), st.booleans())
    def test_total_is_what_the_buyer_paid(self, basket, is_abroad):
        self.check_total(*basket, is_abroad)

    @examples(60)
    @given(baskets(), st.booleans())
    def test_total_is_what_the_buyer_paid_when_rounding_globally(self, basket, is_abroad):
        self.company.tax_calculation_rounding_method = 'round_globally'
        self.check_total(*basket, is_abroad)

    def check_total(self, marketplace, basket, is_abroad):
        """Import an order, and compare it with what its simulated buyer paid."""
        self.account.fiscal_position_id = self.position if is_abroad else False
        for item, names in basket:
            self.set_taxes(*names, sku=item.sku)
        order, sale_order = self.place(*(item for item, _names in basket), marketplace=marketplace)
        facilitated = sum(
            sum(proceeds.taxes.values()) - proceeds.discount_tax
            for proceeds in (
                ItemProceeds.of(item, order) for item in order.items if item.marketplace_facilitator
            )
            if proceeds.taxes
        )
        self.assert_total(sale_order, order.grand_total - facilitated)
        self.assert_rounding_is_small(sale_order, marketplace.minor_unit)
        self.assertEqual(
            sale_order.currency_id.compare_amounts(
                sale_order.amazon_facilitated_tax, float(facilitated),
            ), 0,
        )
        for line, (item, names) in zip(self.get_lines(sale_order), basket, strict=True):
            self.assertEqual(line.product_uom_qty, item.quantity)
            taxes = self.get_taxes(names)
            if is_abroad:
                taxes = self.position.map_tax(taxes)
            if item.marketplace_facilitator:
                self.assertFalse(line.tax_ids)
            elif line.tax_ids != taxes:
                # Fixed amounts that exceed what was paid for the item.
                self.assertEqual(line.tax_ids, taxes._without_fixed())
                self.assertLess(line.price_total, 2 * item.quantity)

    @examples(40)
    @given(
        st.sampled_from(MARKETPLACES),
        st.integers(0, 999_999),
        st.sampled_from((1, 2, 3, 7)),
        st.sampled_from(('included 19 %', 'included 7 %', 'excluded 20 %', 'excluded 8.875 %')),
    )
    def test_net_and_tax_are_split_by_the_rate(self, marketplace, price, quantity, name):
        self.set_taxes(name)
        paid = price * marketplace.minor_unit * quantity
        _order, sale_order = self.place(
            Item('A', price * marketplace.minor_unit, quantity), marketplace=marketplace,
        )
        net = float(paid) / (1 + self.taxes[name].amount / 100)
        unit = float(marketplace.minor_unit)
        self.assertAlmostEqual(sale_order.amount_untaxed, net, delta=1.51 * unit)
        self.assertAlmostEqual(sale_order.amount_tax, float(paid) - net, delta=0.51 * unit)
        self.assert_total(sale_order, paid)

    # === KNOWN TRAPS === #

    def test_seven_units_at_a_total_that_seven_does_not_divide(self):
        for name in TAXES:
            with self.subTest(tax=name):
                self.set_taxes(name)
                order = self.seller.place_order('DE', 'FBM', [Item('A', '0.00', 7, other='10.00')])
                self.seller.override(order, values={
                    '/orderItems/0/proceeds/breakdowns/0/subtotal/amount': '10.00',
                }, remove=['/orderItems/0/proceeds/breakdowns/1'])
                self.sync()
                sale_order = self.get_sale_order(order)
                self.assertEqual(self.get_lines(sale_order).product_uom_qty, 7)
                self.assertFalse(self.get_lines(sale_order, 'other'))
                self.assert_total(sale_order, '10.00')
                self.assert_rounding_is_small(sale_order, '0.01')

    def test_yen_have_no_decimals(self):
        self.set_taxes('excluded 8.875 %')
        sale_order = self.import_order('JP', 'FBM', [Item('A', 333, 7, shipping=101)])
        self.assertEqual(sale_order.currency_id.name, 'JPY')
        self.assert_total(sale_order, 2432)

    def test_free_replacement(self):
        for names in ([], *([name] for name in TAXES), ['excluded 20 %', 'excluded 0.37 a unit']):
            with self.subTest(taxes=names):
                self.set_taxes(*names)
                _order, sale_order = self.place(
                    Item('A', '0.00', 2), replaces='305-0000001-0000000',
                )
                self.assert_total(sale_order, 0)
                self.assertEqual(self.get_lines(sale_order).product_uom_qty, 2)
                self.assertEqual(self.get_lines(sale_order).price_total, 0)
                sale_order.order_line.product_uom_qty = 3
                self.assertEqual(sale_order.amount_untaxed, -sale_order.amount_tax)

    def test_charges_without_taxes_of_their_own_are_taxed_as_the_item(self):
        self.set_taxes('excluded 20 %', 'excluded 0.37 a unit')
        _order, sale_order = self.place(Item(
            'A', '50.00', 2, shipping='6.00', gift_wrap='3.00', cod_fee='2.40', other='1.20',
            discount='12.00', shipping_discount='6.00',
        ))
        self.assertEqual(self.get_lines(sale_order).tax_ids, self.products['A'].taxes_id)
        others = sale_order.order_line - self.get_lines(sale_order)
        self.assertEqual(others.tax_ids, self.taxes['excluded 20 %'])
        self.assertEqual(
            others.mapped(lambda line: (line.amazon_charge, line.price_total)),
            [('shipping', 6), ('gift_wrap', 3), ('cod_fee', 2.4), ('other', 1.2),
             ('discount', -12), ('discount', -6)],
        )
        self.assert_total(sale_order, '94.60')

    def test_charge_with_taxes_of_its_own(self):
        self.set_taxes('included 7 %')
        self.account.shipping_product_id.taxes_id = self.taxes['included 19 %']
        _order, sale_order = self.place(Item('A', '10.70', shipping='11.90'))
        self.assertEqual(self.get_lines(sale_order).price_subtotal, 10)
        self.assertEqual(self.get_lines(sale_order, 'shipping').price_subtotal, 10)
        self.assert_total(sale_order, '22.60')

    def test_tips_are_not_sales(self):
        _order, sale_order = self.place(Item('A', '10.00'), tip='5.00')
        self.assert_total(sale_order, '10.00')

    # === TAX ACCORDING TO AMAZON === #

    def test_tax_differs(self):
        self.set_taxes('included 19 %')
        _order, sale_order = self.place(Item('A', '11.90', 10, tax_rate='0.07'))
        self.assert_total(sale_order, '119.00')
        self.assertEqual((sale_order.amount_tax, sale_order.amazon_tax), (19, 7.79))
        self.assertTrue(sale_order.amazon_tax_differs)
        self.assertIn(
            sale_order, self.env['sale.order'].search([('amazon_tax_differs', '=', True)]),
        )

    def test_tax_differs_by_rounding_only(self):
        self.set_taxes('included 19 %')
        _order, sale_order = self.place(Item('A', '0.99', 7, shipping='0.99', tax_rate='0.19'))
        self.assertFalse(sale_order.amazon_tax_differs)

    def test_tax_that_amazon_does_not_show_cannot_differ(self):
        self.set_taxes('included 19 %')
        _order, sale_order = self.place(Item('A', '11.90'))
        self.assertEqual(sale_order.amount_tax, 1.9)
        self.assertFalse(sale_order.amazon_tax_differs)

    def test_tax_of_zero_differs_from_tax(self):
        self.set_taxes('included 19 %')
        _order, sale_order = self.place(Item('A', '11.90', tax='0'))
        self.assertTrue(sale_order.amazon_tax_differs)

    def test_facilitated_tax_is_shown_and_not_taxed(self):
        self.set_taxes('excluded 20 %')
        order, sale_order = self.place(
            Item('A', '100.00', 2, shipping='10.00', discount='10.00', tax_rate='0.08',
                 marketplace_facilitator=True),
            prices_include_tax=False,
        )
        self.assertEqual(order.grand_total, Decimal('216.00'))
        self.assert_total(sale_order, '200.00')
        self.assertFalse(sale_order.order_line.tax_ids)
        self.assertEqual(sale_order.amazon_facilitated_tax, 16)
        self.assertFalse(sale_order.amazon_tax_differs)

    def test_facilitated_tax_of_zero_is_not_taxed_either(self):
        self.set_taxes('included 19 %')
        _order, sale_order = self.place(Item('A', '100.00', tax='0', marketplace_facilitator=True))
        self.assert_total(sale_order, '100.00')
        self.assertEqual(sale_order.amount_tax, 0)

    # === LATER EDITS === #

    def get_money(self, sale_order):
        """Return what no edit of something else may change."""
        return sale_order.date_order, [
            (line.amazon_charge, line.price_unit, line.discount, line.tax_ids.ids)
            for line in sale_order.order_line.filtered('amazon_charge')
        ]

    def place_for_edits(self):
        """Import an order of all that Odoo would price otherwise, with a rounding line."""
        self.set_taxes('excluded 20 %')
        _order, sale_order = self.place(
            Item('A', '0.07', 7, shipping='0.03', discount='0.11'), Item('B', '0.00'),
            created=NOON - timedelta(days=30),
        )
        self.assertTrue(self.get_lines(sale_order, 'rounding'))
        return sale_order

    def test_prices_and_date_survive_confirmations(self):
        sale_order = self.place_for_edits()
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(sale_order.date_order, (NOON - timedelta(days=30)).replace(tzinfo=None))
        before = self.get_money(sale_order)
        sale_order._action_cancel()
        sale_order.action_draft()
        self.assertEqual(self.get_money(sale_order), before)
        sale_order.action_confirm()
        self.assertEqual(sale_order.state, 'sale')
        self.assertEqual(self.get_money(sale_order), before)

    def test_prices_survive_the_button_update_prices(self):
        sale_order = self.place_for_edits()
        before = self.get_money(sale_order)
        sale_order._action_cancel()
        sale_order.action_draft()
        sale_order.pricelist_id.item_ids = [Command.create({
            'compute_price': 'percentage', 'percent_price': 50,
        })]
        sale_order.action_update_prices()
        self.assertEqual(self.get_money(sale_order), before)
        self.assert_total(sale_order, '0.41')

    def test_prices_survive_another_quantity(self):
        sale_order = self.place_for_edits()
        before = self.get_money(sale_order)
        with Form(sale_order) as form, form.order_line.edit(0) as line:
            line.product_uom_qty = 14
        self.assertEqual(self.get_lines(sale_order)[0].product_uom_qty, 14)
        self.assertEqual(self.get_money(sale_order), before)
        free = self.get_lines(sale_order)[1]
        free.product_uom_qty = 5
        self.assertEqual(free.price_total, 0)

    def test_prices_survive_another_line_and_address(self):
        sale_order = self.place_for_edits()
        before = self.get_money(sale_order)
        address = sale_order.partner_id.create({
            'name': "Neighbour", 'parent_id': sale_order.partner_id.id, 'type': 'delivery',
            'country_id': self.env.ref('base.fr').id,
        })
        sale_order.partner_shipping_id = address
        with Form(sale_order) as form, form.order_line.new() as line:
            line.product_id = self.products['C']
        self.assertEqual(sale_order.order_line[-1].price_unit, 99)
        self.assertEqual(self.get_money(sale_order), before)
        self.assert_total(sale_order, '99.41')

    def test_total_survives_the_button_update_taxes(self):
        self.set_taxes('included 19 %')
        order, sale_order = self.place(Item(
            'A', '11.90', 10, shipping='6.00', discount='12.00', tax_rate='0.20',
        ))
        self.assertTrue(sale_order.amazon_tax_differs)
        sale_order._action_cancel()
        sale_order.action_draft()
        sale_order.fiscal_position_id = self.position
        sale_order.action_update_taxes()
        self.assertEqual(sale_order.order_line.tax_ids, self.taxes['excluded 20 %'])
        self.assert_total(sale_order, order.grand_total)
        self.assertFalse(sale_order.amazon_tax_differs)

    def test_taxes_stay_when_amazons_data_are_removed(self):
        self.set_taxes('included 19 %')
        order, sale_order = self.place(Item('A', '11.90', 10, shipping='6.00'))
        sale_order._action_cancel()
        sale_order.action_draft()
        sale_order.amazon_order_ids.payload = False
        sale_order.fiscal_position_id = self.position
        sale_order.action_update_taxes()
        self.assertEqual(sale_order.order_line.tax_ids, self.taxes['included 19 %'])
        self.assert_total(sale_order, order.grand_total)

    # === PARTIAL CANCELLATIONS === #

    def test_partial_cancellation(self):
        self.set_taxes('excluded 8.875 %')
        order, sale_order = self.place(
            Item('A', '0.99', 7, shipping='3.50', discount='0.70'), Item('B', '5.00'),
        )
        self.assert_total(sale_order, '14.73')
        order.items[0].quantity_cancelled = 4
        self.change(order)
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [3, 1])
        self.assert_total(sale_order, '9.17')
        self.assert_rounding_is_small(sale_order, '0.01')
        order.items[1].quantity_cancelled = 1
        self.change(order)
        self.assertEqual(self.get_lines(sale_order).mapped('product_uom_qty'), [3, 0])
        self.assert_total(sale_order, '4.17')

    def test_partial_cancellation_of_an_order_that_people_edited(self):
        self.set_taxes('excluded 8.875 %')
        order, sale_order = self.place(Item('A', '0.99', 7))
        sale_order.order_line = [
            Command.create({'product_id': self.products['C'].id, 'price_unit': 10}),
        ]
        self.get_lines(sale_order).write({'product_uom_qty': 9, 'discount': 50})
        self.set_taxes('excluded 20 %')
        order.items[0].quantity_cancelled = 4
        self.change(order)
        line = self.get_lines(sale_order)
        self.assertEqual((line.product_uom_qty, line.discount), (3, 0))
        self.assertEqual(line.tax_ids, self.taxes['excluded 20 %'])
        self.assert_total(sale_order, '12.97')

    def test_a_total_that_no_tax_explains_has_a_line_of_its_own(self):
        self.set_taxes('excluded 20 %')
        order, sale_order = self.place(Item('A', '12.00'))
        with as_connector():
            sale_order._close_amazon_rounding(SimpleNamespace(
                total=Decimal('20.00'), tax=None, unexplained=0, open_amount=0, is_explained=True,
            ))
        self.assert_total(sale_order, '20.00')
        self.assertEqual(sale_order.amazon_unexplained_amount, 8)

    # === INVOICES === #

    @examples(15)
    @given(baskets(), st.sampled_from(('round_per_line', 'round_globally')))
    def test_invoice_has_the_same_total(self, basket, rounding_method):
        self.company.tax_calculation_rounding_method = rounding_method
        marketplace, taxed_items = basket
        for item, names in taxed_items:
            self.set_taxes(*names, sku=item.sku)
        _order, sale_order = self.place(
            *(item for item, _names in taxed_items), marketplace=marketplace,
        )
        invoice = sale_order._create_invoices()
        invoice.action_post()
        sign = -1 if invoice.move_type == 'out_refund' else 1
        self.assert_total(sale_order, sign * invoice.amount_total)
        self.assertEqual(
            sale_order.currency_id.compare_amounts(
                sign * invoice.amount_tax, sale_order.amount_tax,
            ), 0,
        )
