from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.amazon.orders import Charge, parse_order, parse_summary
from odoo.addons.amazon_connector.simulator import Address, Buyer, Item, Order, TaxRegistration
from odoo.addons.amazon_connector.simulator.marketplaces import find_marketplace
from odoo.addons.amazon_connector.simulator.orders import (
    CHARGES,
    DISCOUNT_STYLES,
    ROLE_SHIPPING,
    ROLE_TAX,
    ItemProceeds,
)
from odoo.addons.amazon_connector.simulator.rendering import INCLUDED_DATA, render_order

NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
AMOUNTS = st.tuples(st.integers(0, 10**6), *[st.integers(0, 10**4)] * 4)  # in minor units


def make_order(*items, **details):
    """Make an order that the merchant is to ship, with its items numbered from 1."""
    return Order(**{
        'order_id': '305-0000001-0000001',
        'marketplace': find_marketplace('DE'),
        'channel': 'FBM',
        'status': 'UNSHIPPED',
        'created': NOON,
        'items': [
            replace(item, item_id=str(number)) for number, item in enumerate(items, start=1)
        ],
        'buyer': Buyer(name="Erika Beispiel", email='E1@marketplace.amazon.de'),
        'address': Address(
            name="Erika Beispiel", line1="Lindenweg 4", city="Köln", postal_code='50667',
            country='DE',
        ),
        **details,
    })


def render(order):
    """Return an order as the simulator sends it to an application with all roles."""
    return render_order(order, INCLUDED_DATA, (ROLE_SHIPPING, ROLE_TAX), now=NOON)


def read(*items, **details):
    """Return what is read of an order of these items."""
    return parse_order(render(make_order(*items, **details)))


def money(amount, currency='EUR'):
    return {'amount': str(amount), 'currencyCode': currency}


def tax(amount, **details):
    """Return a TAX as Amazon shows it, with its subtypes."""
    return {'type': 'TAX', 'subtotal': money(amount), 'detailedBreakdowns': [
        {'subtype': subtype, 'value': money(value)} for subtype, value in details.items()
    ]}


def discount(amount, **details):
    """Return a DISCOUNT as Amazon shows it, with its subtypes."""
    return {**tax(amount, **details), 'type': 'DISCOUNT'}


def charge(kind, amount):
    return {'type': kind, 'subtotal': money(amount)}


def read_item(total, *breakdowns, facilitated=False):
    """Return what is read of the only item of an order."""
    payload = render(make_order(Item('A')))
    payload['proceeds'] = {'grandTotal': money(total)}
    item = payload['orderItems'][0]
    item['proceeds'] = {'proceedsTotal': money(total), 'breakdowns': list(breakdowns)}
    if facilitated:
        item['tax'] = {'taxCollections': [{'model': 'MARKETPLACE_FACILITATOR'}]}
    return parse_order(payload).items[0]


@st.composite
def items(draw, unit):
    """Draw a line with amounts in multiples of a currency's minor unit, its tax shown or not."""
    price, *others = (amount * unit for amount in draw(AMOUNTS))
    quantity = draw(st.integers(1, 9))
    return Item(
        'A',
        price,
        quantity,
        **dict(zip(('shipping', 'gift_wrap', 'cod_fee', 'other'), others, strict=True)),
        discount=draw(st.sampled_from((0, price, price * quantity))),
        shipping_discount=draw(st.sampled_from((0, others[0]))),
        marketplace_facilitator=draw(st.booleans()),
        **draw(st.sampled_from((
            {},
            {'tax': others[0]},
            {'tax': dict(zip(CHARGES, others, strict=False))},
            *({'tax_rate': rate} for rate in ('0', '0.07', '0.19', '0.25', '0.08875')),
        ))),
    )


@st.composite
def orders(draw):
    """Draw an order in Euro, Pound or Yen."""
    marketplace = find_marketplace(draw(st.sampled_from(('DE', 'GB', 'JP'))))
    drawn = draw(st.lists(items(marketplace.minor_unit), min_size=1, max_size=3))
    has_amounts = any(item.tax is not None for item in drawn)
    return make_order(
        *drawn,
        marketplace=marketplace,
        prices_include_tax=not has_amounts and draw(st.booleans()),
        discount_style=draw(st.sampled_from(DISCOUNT_STYLES)),
        tip=draw(st.sampled_from((0, 5))),
    )


@dataclass
class Paid:
    """What the buyer paid for an item, as the simulator that made it up knows."""

    total: Decimal
    tax: Decimal | None

    @classmethod
    def of(cls, item, order):
        proceeds = ItemProceeds.of(item, order)
        if proceeds.taxes is None:
            return cls(proceeds.total, None)
        return cls(proceeds.total, sum(proceeds.taxes.values()) - proceeds.discount_tax)


@tagged('post_install', '-at_install')
class TestOrderParsing(BaseCase):
    # === SUMMARY === #

    def test_summary_of_an_order(self):
        order = make_order(Item('A', '12.50', 2), deliver_by=(NOON, NOON))
        summary = parse_summary(render(order))
        self.assertEqual(summary.order_id, '305-0000001-0000001')
        self.assertEqual(summary.updated_at, NOON)
        self.assertEqual(summary.status, 'UNSHIPPED')
        self.assertEqual(summary.channel, 'fbm')
        self.assertEqual(summary.marketplace_id, 'A1PA6795UKMFR9')
        self.assertEqual(summary.marketplace_name, 'Amazon.de')
        self.assertEqual((summary.total, summary.currency), (Decimal('25.00'), 'EUR'))
        self.assertEqual(summary.deliver_by, NOON)

    def test_summary_of_anything(self):
        for payload in (
            None, 7, 'order', [], {}, {'orderId': 7}, {'orderId': ''}, {'lastUpdatedTime': 'now'},
            {'fulfillment': []}, {'fulfillment': {'fulfilledBy': {}}}, {'salesChannel': 1.5},
            {'proceeds': {'grandTotal': {'amount': 'NaN', 'currencyCode': None}}},
        ):
            with self.subTest(payload=payload):
                summary = parse_summary(payload)
                self.assertEqual(set(vars(summary).values()), {None})

    # === AMOUNTS === #

    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(orders())
    def test_whatever_amazon_shows_adds_up(self, order):
        data = parse_order(render(order))
        paid = [Paid.of(item, order) for item in order.items]
        facilitated = sum(
            line.tax or 0
            for item, line in zip(order.items, paid, strict=True)
            if item.marketplace_facilitator
        )
        self.assertEqual(data.facilitated_tax, facilitated)
        self.assertEqual(data.total, order.grand_total - order.tip - facilitated)
        for read_item, item, line in zip(data.items, order.items, paid, strict=True):
            charged = sum(charge.amount for charge in read_item.charges)
            if item.marketplace_facilitator:
                self.assertEqual(read_item.facilitated_tax, line.tax or 0)
                self.assertEqual(charged, line.total - (line.tax or 0))
            else:
                self.assertEqual(read_item.tax, line.tax)
                self.assertEqual(charged, line.total)

    def test_charges_have_the_tax_that_is_shown_beside_them(self):
        item = Item(
            'A', '10.00', 3, shipping='4.90', gift_wrap='1.99', cod_fee='2.00', other='0.50',
            discount='3.00', shipping_discount='1.00',
        )
        expected = (
            Charge('ITEM', Decimal('30.00')),
            Charge('SHIPPING', Decimal('4.90')),
            Charge('GIFT_WRAP', Decimal('1.99')),
            Charge('COD_FEE', Decimal('2.00')),
            Charge('OTHER', Decimal('0.50')),
            Charge('DISCOUNT', Decimal('-3.00'), 'ITEM'),
            Charge('DISCOUNT', Decimal('-1.00'), 'SHIPPING'),
        )
        self.assertEqual(read(item).items[0].charges, expected)
        data = read(replace(item, tax={'ITEM': '4.79', 'SHIPPING': '0.78', 'GIFT_WRAP': '0.32'}))
        self.assertEqual(data.items[0].charges, expected)
        self.assertEqual(data.tax, Decimal('5.89'))

    def test_discount_of_either_sign_or_taken_off_already(self):
        for breakdowns, reduction in (
            ([discount('-2.00')], 'ITEM'),
            ([discount('2.00')], 'ITEM'),
            ([discount('-2.00', ITEM='-2.00')], 'ITEM'),
            ([discount('2.00', SHIPPING='2.00')], 'SHIPPING'),
        ):
            with self.subTest(breakdowns=breakdowns):
                item = read_item(
                    '12.90', charge('ITEM', 10), charge('SHIPPING', '4.90'), *breakdowns,
                )
                self.assertEqual(item.charges, (
                    Charge('ITEM', Decimal('10')),
                    Charge('SHIPPING', Decimal('4.90')),
                    Charge('DISCOUNT', Decimal('-2.00'), reduction),
                ))
        item = read_item('12.90', charge('ITEM', 8), charge('SHIPPING', '4.90'), discount('2.00'))
        self.assertEqual(item.charges, (
            Charge('ITEM', Decimal('8')), Charge('SHIPPING', Decimal('4.90')),
        ))

    def test_discount_whose_parts_leave_a_rest(self):
        item = read_item('9.00', charge('ITEM', 10), charge('SHIPPING', 5), discount(
            '-6.00', SHIPPING='-5.00',
        ))
        self.assertEqual(item.charges[2:], (
            Charge('DISCOUNT', Decimal('-5.00'), 'SHIPPING'),
            Charge('DISCOUNT', Decimal('-1.00'), 'ITEM'),
        ))

    def test_tax_on_a_discount(self):
        for total, shown in (
            ('9.52', tax('1.52', ITEM='1.90', DISCOUNT='0.38')),  # lowered by it already
            ('9.52', tax('1.52', ITEM='1.90', DISCOUNT='-0.38')),
            ('9.52', tax('1.90', ITEM='1.90', DISCOUNT='-0.38')),  # not lowered yet
        ):
            with self.subTest(shown=shown):
                item = read_item(total, charge('ITEM', 10), shown, discount('-2.00', ITEM='-2.00'))
                self.assertEqual(item.tax, Decimal('1.52'))
                self.assertEqual(item.charges, (
                    Charge('ITEM', Decimal('11.90')), Charge('DISCOUNT', Decimal('-2.38')),
                ))

    def test_tax_without_its_parts_is_on_the_item(self):
        item = read_item('16.80', charge('ITEM', 10), charge('SHIPPING', '4.90'), tax('1.90'))
        self.assertEqual(item.charges, (
            Charge('ITEM', Decimal('11.90')), Charge('SHIPPING', Decimal('4.90')),
        ))

    def test_tax_of_zero_is_shown(self):
        self.assertEqual(read(Item('A', tax='0')).tax, 0)
        self.assertIsNone(read(Item('A')).tax)

    def test_tax_shown_on_one_item_only_is_not_the_whole_tax(self):
        data = read(Item('A', '11.90', tax='1.90'), Item('B', '5.00'))
        self.assertEqual([item.tax for item in data.items], [Decimal('1.90'), None])
        self.assertIsNone(data.tax)

    def test_facilitated_tax_is_not_the_sellers(self):
        data = read(
            Item('A', '100.00', 2, shipping='9.00', discount='20.00', tax_rate='0.08875',
                 marketplace_facilitator=True),
            prices_include_tax=False,
        )
        self.assertEqual(data.total, Decimal('189.00'))
        self.assertEqual(data.facilitated_tax, Decimal('16.77'))
        self.assertIsNone(data.tax)
        self.assertEqual(data.items[0].charges, (
            Charge('ITEM', Decimal('200.00')),
            Charge('SHIPPING', Decimal('9.00')),
            Charge('DISCOUNT', Decimal('-20.00')),
        ))

    def test_facilitator_of_no_tax(self):
        item = read_item('10.00', charge('ITEM', 10), tax('0.00'), facilitated=True)
        self.assertTrue(item.is_facilitated)
        self.assertEqual(item.facilitated_tax, 0)
        self.assertFalse(read(Item('A')).items[0].is_facilitated)

    def test_tips_are_not_sales(self):
        data = read(Item('A', '10.00'), tip='5.00')
        self.assertEqual(data.total, Decimal('10.00'))

    def test_yen(self):
        data = read(
            Item('A', 6980, 2, cod_fee=330, tax_rate='0.10'), marketplace=find_marketplace('JP'),
        )
        self.assertEqual((data.total, data.currency), (Decimal(14290), 'JPY'))

    def test_type_that_amazon_adds_later(self):
        payload = render(make_order(Item('A', '10.00', other='1.00')))
        payload['orderItems'][0]['proceeds']['breakdowns'][1]['type'] = 'INSTALLATION'
        data = parse_order(payload)
        self.assertEqual(data.items[0].charges[1], Charge('OTHER', Decimal('1.00')))
        self.assertEqual(
            data.notes, ('orderItems[0].proceeds.breakdowns[1].type: INSTALLATION',),
        )

    # === QUANTITIES === #

    def test_partial_cancellation(self):
        order = make_order(Item('A', '10.00', 3, shipping='3.00'), Item('B', '5.00'))
        order.items[0].quantity_cancelled = 1
        order.items[1].quantity_cancelled = 1
        data = parse_order(render(order))
        self.assertEqual([item.quantity for item in data.items], [2, 0])
        self.assertEqual(data.items[0].charges, (
            Charge('ITEM', Decimal('20.00')), Charge('SHIPPING', Decimal('2.00')),
        ))
        self.assertEqual(data.items[1].charges, ())
        self.assertEqual(data.total, Decimal('22.00'))

    def test_partial_cancellation_that_leaves_the_ordered_quantity(self):
        payload = render(make_order(Item('A', '10.00', 3)))
        payload['orderItems'][0]['fulfillment'] = {
            'quantityFulfilled': 1, 'quantityUnfulfilled': 1,
        }
        item = parse_order(payload).items[0]
        self.assertEqual((item.quantity, item.quantity_shipped), (2, 1))

    def test_replacement_without_amounts(self):
        order = make_order(Item('A', '0.00', 2), replaces='305-0000001-0000000')
        payload = render(order)
        del payload['proceeds'], payload['orderItems'][0]['proceeds']
        data = parse_order(payload)
        self.assertEqual((data.total, data.currency), (0, 'EUR'))
        self.assertEqual(data.items[0].charges, (Charge('ITEM', Decimal()),))

    # === BUYERS === #

    def test_buyer_with_a_tax_number(self):
        data = read(
            Item('A'),
            programs=('AMAZON_BUSINESS',),
            buyer=Buyer("Max", 'M@marketplace.amazon.de', "Muster GmbH", 'PO-7'),
            tax_registrations=(TaxRegistration('DE123456788', "Muster GmbH", address=Address(
                line1="Hauptstr. 1", city="Bonn", country='DE',
            )),),
        )
        self.assertEqual(data.buyer.email, 'm@marketplace.amazon.de')
        self.assertEqual(data.buyer.company_name, "Muster GmbH")
        self.assertEqual(data.buyer.purchase_order_number, 'PO-7')
        self.assertTrue(data.buyer.is_business)
        self.assertEqual(data.buyer.vat, 'DE123456788')
        self.assertEqual(data.buyer.tax_address.city, "Bonn")
        self.assertEqual(data.address.lines, ("Lindenweg 4",))

    def test_request_to_cancel(self):
        order = make_order(Item('A'), Item('B'))
        order.items[1].cancellation_request = "Ordered twice"
        self.assertEqual(parse_order(render(order)).cancel_reasons, ["Ordered twice"])

    # === BAD VALUES === #

    def assert_refused(self, path, value, problem, field=None):
        """Assert that a value in a good order is refused with the name of the field."""
        payload = render(make_order(Item('A', '10.00', 2, shipping='4.90', tax='1.00')))
        put(payload, path, value)
        field = field or path
        with self.assertRaises(Malformed, msg=field) as caught:
            parse_order(payload)
        self.assertEqual(caught.exception.field, field)
        self.assertIn(problem, str(caught.exception))

    def test_missing_fields(self):
        for path in (
            'orderId', 'createdTime', 'lastUpdatedTime', 'orderItems', 'fulfillment', 'proceeds',
            'salesChannel', 'fulfillment.fulfilledBy', 'fulfillment.fulfillmentStatus',
            'salesChannel.marketplaceId', 'proceeds.grandTotal',
            'proceeds.grandTotal.currencyCode', 'proceeds.grandTotal.amount',
            'orderItems[0].orderItemId', 'orderItems[0].quantityOrdered', 'orderItems[0].product',
            'orderItems[0].product.sellerSku', 'orderItems[0].proceeds',
            'orderItems[0].proceeds.breakdowns[0].type',
            'orderItems[0].proceeds.breakdowns[0].subtotal',
            'orderItems[0].proceeds.breakdowns[2].detailedBreakdowns[0].value',
        ):
            for value, problem in ((None, "is missing"), (1.5, "is not")):
                with self.subTest(path=path, value=value):
                    self.assert_refused(path, value, problem)

    def test_bad_amounts(self):
        path = 'orderItems[0].proceeds.breakdowns[0].subtotal'
        for key, value, problem in (
            ('amount', '-10.00', "is negative"),
            ('amount', 'ten', "is not a decimal number"),
            ('amount', '1_0', "is not a decimal number"),
            ('amount', '', "is empty"),
            ('amount', 'NaN', "is not a decimal number"),
            ('amount', 'Infinity', "is not a decimal number"),
            ('amount', '1E+400', "is too large"),
            ('amount', 10, "is not a text"),
            ('currencyCode', 'USD', "is not EUR"),
        ):
            with self.subTest(value=value):
                self.assert_refused(f'{path}.{key}', value, problem)

    def test_bad_quantities(self):
        for value, problem in (
            (-1, "is negative"), ('2', "is not a whole number"), (2.0, "is not a whole number"),
            (True, "is not a whole number"), (10**10, "is too large"),
        ):
            with self.subTest(value=value):
                self.assert_refused('orderItems[0].quantityOrdered', value, problem)

    def test_amounts_that_contradict_each_other(self):
        for field, problem in (
            ('orderItems[0].proceeds.proceedsTotal', "is 30.00, but the amounts add up to 24.90"),
            ('proceeds.grandTotal', "is 30.00, but items and tips add up to 24.90"),
        ):
            with self.subTest(field=field):
                self.assert_refused(f'{field}.amount', '30.00', problem, field=field)

    def test_bad_items(self):
        item = render(make_order(Item('A')))['orderItems'][0]
        self.assert_refused('orderItems', [], "is empty")
        self.assert_refused('orderItems', [item, item], "has two items with one orderItemId")
        self.assert_refused('orderItems', [None], "is not an object", field='orderItems[0]')

    def test_bad_times_and_words(self):
        for path, value, problem in (
            ('createdTime', 'yesterday', "is not a time in ISO 8601"),
            ('createdTime', '2026-03-10T12:00:00', "is not a time in ISO 8601"),
            ('fulfillment.fulfilledBy', 'DRONE', "is neither AMAZON nor MERCHANT"),
            ('orderItems[0].product.sellerSku', '\x00', "is empty"),
            ('recipient.deliveryAddress.city', 'x' * 10_000, "is longer than 500 characters"),
        ):
            with self.subTest(path=path):
                self.assert_refused(path, value, problem)

    def test_text_is_freed_of_what_no_database_takes(self):
        payload = render(make_order(Item('A')))
        put(payload, 'recipient.deliveryAddress.name', " \x00Zoë \u202eלוי🎁\x1f ")
        self.assertEqual(parse_order(payload).address.name, "Zoë לוי🎁")


def put(payload, path, value):
    """Set the value at a path such as `orderItems[0].product`."""
    *way, last = path.replace('[', '.').replace(']', '').split('.')
    for key in way:
        payload = payload[int(key) if key.isdigit() else key]
    payload[last] = value
