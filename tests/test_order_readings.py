from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.amazon.orders import Charge, Given, parse_order, parse_summary
from odoo.addons.amazon_connector.simulator import Item
from odoo.addons.amazon_connector.simulator.marketplaces import find_marketplace
from odoo.addons.amazon_connector.simulator.shapes import SHAPES

from .test_order_parsing import charge, discount, make_order, money, orders, render, tax


def facilitate(item):
    item['tax'] = {'taxCollections': [{'model': 'MARKETPLACE_FACILITATOR'}]}


def tip(amount, status='FINALIZED'):
    return {'type': 'DELIVERY_TIP', 'status': status, 'subtotal': money(amount)}


def build(*items, grand=None, order=(), **details):
    """Return an order of items, each given as (proceedsTotal or None, *breakdowns).

    :param grand: The order's total; `None` leaves it out.
    :param order: The breakdowns of the order.
    """
    payload = render(make_order(
        *(Item(f'SKU-{number}', '10.00') for number in range(len(items))), **details,
    ))
    payload['proceeds'] = {'breakdowns': list(order)}
    if grand is not None:
        payload['proceeds']['grandTotal'] = money(grand)
    for item, (total, *breakdowns) in zip(payload['orderItems'], items, strict=True):
        item['proceeds'] = {'breakdowns': breakdowns}
        if total is not None:
            item['proceeds']['proceedsTotal'] = money(total)
    return payload


@tagged('post_install', '-at_install')
class TestWhatTheBuyerPaid(BaseCase):
    """Which of Amazon's figures tells what the buyer paid."""

    def assertPaid(self, payload, total, is_explained=True):
        data = parse_order(payload)
        self.assertEqual((data.total, data.is_explained), (Decimal(total), is_explained))
        self.assertEqual(
            sum(line.amount for item in data.items for line in item.charges) + data.open_amount,
            data.total,
        )
        return data

    def test_the_first_total_that_is_there(self):
        payload = build(
            ('11.90', charge('ITEM', '10.00'), tax('1.90')), ('5.00', charge('ITEM', '5.00')),
            grand='16.90',
        )
        self.assertPaid(payload, '16.90')
        del payload['proceeds']
        self.assertPaid(payload, '16.90')
        for item in payload['orderItems']:
            del item['proceeds']['proceedsTotal']
        self.assertPaid(payload, '16.90')
        for item in payload['orderItems']:
            del item['proceeds']
        self.assertPaid(payload, '20.00')  # the unit prices, by quantity
        self.assertEqual(parse_summary(payload).total, Decimal('20.00'))

    def test_the_grand_total_without_anything_else(self):
        payload = render(make_order(Item('A', '10.00', 3)))
        del payload['orderItems'][0]['proceeds'], payload['orderItems'][0]['product']['price']
        data = self.assertPaid(payload, '30.00')
        self.assertEqual(data.items[0].charges, (Charge('item', Decimal('30.00')),))
        payload = build((None,), (None,), grand='30.00')
        for item in payload['orderItems']:
            del item['product']['price']
        self.assertEqual(self.assertPaid(payload, '30.00', False).unexplained, Decimal('30.00'))

    def test_totals_without_their_breakdowns(self):
        data = self.assertPaid(build(('11.90',), ('5.00',), grand='16.90'), '16.90')
        self.assertEqual([item.charges for item in data.items], [
            (Charge('item', Decimal('11.90')),), (Charge('item', Decimal('5.00')),),
        ])

    def test_a_total_that_is_not_sane_is_as_good_as_none(self):
        for amount in (
            'much', 'NaN', 'Infinity', '-10.00', '', None, True, [], '1E+1000000', 10**5000,
            '1' * 5000,
        ):
            with self.subTest(amount=str(type(amount))):
                payload = build(('10.00', charge('ITEM', '10.00')))
                payload['proceeds']['grandTotal'] = {'amount': amount, 'currencyCode': 'EUR'}
                self.assertPaid(payload, '10.00')

    def test_numbers_instead_of_texts(self):
        for amount in (10, 10.0, '1E1', '10'):
            with self.subTest(amount=amount):
                payload = build((None, charge('ITEM', '10.00')))
                payload['proceeds']['grandTotal'] = {'amount': amount, 'currencyCode': 'EUR'}
                payload['orderItems'][0]['proceeds']['breakdowns'][0]['subtotal'] = {
                    'amount': amount, 'currencyCode': 'EUR',
                }
                self.assertPaid(payload, '10.00')

    def test_no_total_anywhere(self):
        payload = build((None,))
        del payload['orderItems'][0]['product']['price'], payload['proceeds']
        with self.assertRaisesRegex(Malformed, "proceeds.grandTotal is missing, and nothing else"):
            parse_order(payload)
        data = parse_order(payload, Given(total=Decimal('12.00'), currency='EUR'))
        self.assertEqual((data.total, data.currency), (Decimal('12.00'), 'EUR'))
        self.assertEqual(data.items[0].charges, (Charge('item', Decimal('12.00')),))

    def test_mixed_currencies(self):
        for path in ('proceedsTotal', 'breakdowns'):
            payload = build(('10.00', charge('ITEM', '10.00')), grand='10.00')
            proceeds = payload['orderItems'][0]['proceeds']
            pound = money('10.00', 'GBP')
            proceeds[path] = pound if path == 'proceedsTotal' else [
                {'type': 'ITEM', 'subtotal': pound},
            ]
            with self.subTest(path=path), self.assertRaisesRegex(
                Malformed, rf"orderItems\[0\].proceeds.{path}.*currencyCode is not EUR",
            ):
                parse_order(payload)

    def test_a_currency_that_is_not_said_is_the_orders(self):
        payload = build(('10.00', charge('ITEM', '10.00')), grand='10.00')
        del payload['proceeds']['grandTotal']['currencyCode']
        self.assertEqual(self.assertPaid(payload, '10.00').currency, 'EUR')

    def test_the_order_tells_what_its_items_do_not(self):
        payload = build((None,), order=[charge('ITEM', '10.00'), charge('SHIPPING', '4.90')])
        del payload['orderItems'][0]['product']['price']
        data = self.assertPaid(payload, '14.90')
        self.assertEqual(data.items[0].charges, (
            Charge('item', Decimal('10.00')), Charge('shipping', Decimal('4.90')),
        ))


@tagged('post_install', '-at_install')
class TestReadings(BaseCase):
    """How the parts explain what the buyer paid: the first reading that fits."""

    def assertRead(self, payload, total, *charges, facilitated='0', tax='-'):
        """Assert that an order is explained, and what its first item is charged."""
        data = parse_order(payload)
        self.assertTrue(data.is_explained, data.open_amount)
        self.assertEqual(data.total, Decimal(total))
        if charges:
            self.assertEqual(
                [(line.type, str(line.amount)) for line in data.items[0].charges], list(charges),
            )
        self.assertEqual(data.facilitated_tax, Decimal(facilitated))
        if tax != '-':
            self.assertEqual(data.tax, tax if tax is None else Decimal(tax))
        return data

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(orders(), st.sampled_from(sorted(SHAPES)))
    def test_whatever_shape_the_amounts_have(self, order, shape):
        tip, paid = order.tip, parse_order(render(order))
        order.proceeds_shape = shape
        data = parse_order(render(order))
        if shape in ('prices', 'grand total', 'totals', 'tax included'):
            return  # where not all can be told apart
        self.assertEqual(data.total + data.facilitated_tax, order.grand_total - tip)
        self.assertTrue(data.is_explained)
        self.assertEqual(data.open_amount, 0)
        self.assertEqual(data.total, paid.total)

    def test_tax_on_top_or_for_information(self):
        self.assertRead(
            build(('11.90', charge('ITEM', '10.00'), tax('1.90', ITEM='1.90')), grand='11.90'),
            '11.90', ('item', '11.90'), tax='1.90',
        )
        self.assertRead(
            build(('11.90', charge('ITEM', '11.90'), tax('1.90', ITEM='1.90')), grand='11.90'),
            '11.90', ('item', '11.90'), tax='1.90',
        )
        # No item has a total: the order's decides, for all of them.
        self.assertRead(
            build(
                (None, charge('ITEM', '11.90'), tax('1.90')), (None, charge('ITEM', '5.00')),
                grand='16.90',
            ),
            '16.90', ('item', '11.90'),
        )

    def test_facilitated_tax_inside_or_outside_of_either_total(self):
        for item_total in ('100.00', '108.00', None):
            for grand in ('100.00', '108.00'):
                payload = build(
                    (item_total, charge('ITEM', '100.00'), tax('8.00')), grand=grand,
                )
                facilitate(payload['orderItems'][0])
                with self.subTest(item_total=item_total, grand=grand):
                    self.assertRead(
                        payload, '100.00', ('item', '100.00'), facilitated='8.00', tax=None,
                    )

    def test_discounts(self):
        item = charge('ITEM', '10.00')
        for total, breakdowns, charges in (
            ('8.00', [item, discount('-2.00')], [('item', '10.00'), ('discount', '-2.00')]),
            ('8.00', [item, discount('2.00')], [('item', '10.00'), ('discount', '-2.00')]),
            ('8.00', [charge('ITEM', '8.00'), discount('2.00')], [('item', '8.00')]),
            # with tax on top
            ('9.52', [item, tax('1.52', ITEM='1.90', DISCOUNT='0.38'), discount('2.00')],
             [('item', '11.90'), ('discount', '-2.38')]),
            ('9.52', [item, tax('1.90', ITEM='1.90', DISCOUNT='0.38'), discount('2.00')],
             [('item', '11.90'), ('discount', '-2.38')]),
            ('9.52', [item, tax('1.90', ITEM='1.90'), discount('2.38')],
             [('item', '11.90'), ('discount', '-2.38')]),
            # with tax included
            ('9.52', [charge('ITEM', '11.90'), tax('1.52'), discount('2.38')],
             [('item', '11.90'), ('discount', '-2.38')]),
            ('9.52', [charge('ITEM', '11.90'), tax('1.90', ITEM='1.90', DISCOUNT='0.38'),
                      discount('2.00')], [('item', '11.90'), ('discount', '-2.38')]),
            ('9.52', [charge('ITEM', '9.52'), tax('1.52'), discount('2.38')], [('item', '9.52')]),
        ):
            with self.subTest(total=total, breakdowns=breakdowns):
                self.assertRead(build((total, *breakdowns), grand=total), total, *charges)
                self.assertRead(build((None, *breakdowns), grand=total), total, *charges)

    def test_what_only_the_order_shows_is_spread_over_the_items(self):
        data = self.assertRead(
            build(
                ('10.00', charge('ITEM', '10.00')), ('20.00', charge('ITEM', '20.00')),
                grand='33.35',
                order=[
                    charge('ITEM', '30.00'), charge('SHIPPING', '4.00'), charge('COD_FEE', '2.00'),
                    {**charge('DISCOUNT', '-3.00')}, charge('OTHER', '0.35'),
                ],
            ),
            '33.35', ('item', '10.00'), ('shipping', '1.33'), ('cod_fee', '0.66'),
            ('other', '0.11'), ('discount', '-1.00'),
        )
        self.assertEqual(data.open_amount, 0)

    def test_order_breakdowns_that_repeat_the_items_are_not_spread(self):
        self.assertRead(
            build(
                ('14.90', charge('ITEM', '10.00'), charge('SHIPPING', '4.90')), grand='14.90',
                order=[charge('ITEM', '10.00'), charge('SHIPPING', '4.90')],
            ),
            '14.90', ('item', '10.00'), ('shipping', '4.90'),
        )

    def test_tips(self):
        item = ('10.00', charge('ITEM', '10.00'))
        for grand, tips in (
            ('15.00', [tip('5.00')]), ('15.00', [tip('5.00', 'PENDING')]),
            ('10.00', [tip('5.00', 'PENDING')]), ('10.00', [tip('5.00')]),
            ('12.00', [tip('2.00'), tip('5.00', 'PENDING')]),
        ):
            with self.subTest(grand=grand, tips=tips):
                self.assertRead(build(item, grand=grand, order=tips), '10.00', ('item', '10.00'))

    def test_negative_and_new_charges(self):
        for kind in ('OTHER', 'LOYALTY_REBATE'):
            with self.subTest(kind=kind):
                data = self.assertRead(
                    build(('9.00', charge('ITEM', '10.00'), charge(kind, '-1.00')), grand='9.00'),
                    '9.00', ('item', '10.00'), ('other', '-1.00'),
                )
        self.assertIn('LOYALTY_REBATE', data.notes[0])

    def test_one_minor_unit_for_each_amount_is_rounding(self):
        item = ('14.90', charge('ITEM', '10.00'), charge('SHIPPING', '4.90'))
        for grand in ('14.88', '14.89', '14.91', '14.92'):
            with self.subTest(grand=grand):
                data = self.assertRead(build(item, grand=grand), grand, ('item', '10.00'),
                                       ('shipping', '4.90'))
                self.assertEqual(data.open_amount, Decimal(grand) - Decimal('14.90'))
        self.assertFalse(parse_order(build(item, grand='14.93')).is_explained)
        yen = render(make_order(Item('A', 1000), marketplace=find_marketplace('JP')))
        yen['proceeds']['grandTotal']['amount'] = '1001'
        self.assertEqual(parse_order(yen).open_amount, 1)

    def test_an_exact_reading_goes_before_one_that_rounds(self):
        self.assertRead(
            build(('10.00', charge('ITEM', '10.00'), discount('0.01')), grand='10.00'),
            '10.00', ('item', '10.00'),
        )

    def test_the_price_of_the_item_where_only_that_is_missing(self):
        self.assertRead(
            build(('14.90', charge('SHIPPING', '4.90')), grand='14.90'),
            '14.90', ('item', '10.00'), ('shipping', '4.90'),
        )

    def test_an_items_total_that_contradicts_everything_else(self):
        data = self.assertRead(
            build(('5.00', charge('ITEM', '10.00')), grand='10.00'), '10.00', ('item', '10.00'),
        )
        self.assertEqual(
            data.notes, ('orderItems[0].proceeds.proceedsTotal is not what its amounts make',),
        )

    def test_none_fits(self):
        data = parse_order(build(('10.00', charge('ITEM', '10.00')), grand='30.00'))
        self.assertFalse(data.is_explained)
        self.assertEqual((data.total, data.unexplained), (Decimal('30.00'), Decimal('20.00')))
        self.assertEqual(data.items[0].charges, (Charge('item', Decimal('10.00')),))
        data = parse_order(build(('10.00', charge('ITEM', '-10.00')), grand='10.00'))
        self.assertEqual((data.total, data.unexplained), (Decimal('10.00'), Decimal('10.00')))

    def test_a_partial_cancellation_whose_amounts_were_not_scaled(self):
        payload = render(make_order(Item('A', '10.00', 5, shipping='5.00')))
        payload['orderItems'][0]['fulfillment'] = {
            'quantityFulfilled': 0, 'quantityUnfulfilled': 3,
        }
        data = parse_order(payload)
        self.assertEqual(data.items[0].charges, (
            Charge('item', Decimal('30.00')), Charge('shipping', Decimal('3.00')),
        ))
        self.assertEqual((data.total, data.unexplained), (Decimal('55.00'), Decimal('22.00')))
        del payload['proceeds']
        data = parse_order(payload)
        self.assertEqual((data.total, data.unexplained), (Decimal('55.00'), Decimal('22.00')))
        payload['proceeds'] = {'grandTotal': money('33.00')}
        data = parse_order(payload)
        self.assertEqual((data.total, data.unexplained), (Decimal('33.00'), 0))
        payload['orderItems'][0].update(quantityOrdered=3, cancellation={
            'cancellationExecution': {'cancelledBy': 'BUYER'},
        })
        payload['proceeds'] = {'grandTotal': money('55.00')}
        self.assertEqual(parse_order(payload).unexplained, Decimal('22.00'))
