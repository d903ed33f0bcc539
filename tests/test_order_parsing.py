from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.errors import Malformed
from odoo.addons.amazon_connector.amazon.orders import Charge, Given, parse_order, parse_summary
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
        order = make_order(Item('A', '12.50', 2))
        summary = parse_summary(render(order))
        self.assertEqual(summary.order_id, '305-0000001-0000001')
        self.assertEqual(summary.updated_at, NOON)
        self.assertEqual(summary.status, 'UNSHIPPED')
        self.assertEqual(summary.channel, 'fbm')
        self.assertEqual(summary.marketplace_id, 'A1PA6795UKMFR9')
        self.assertEqual(summary.marketplace_name, 'Amazon.de')
        self.assertEqual((summary.total, summary.currency), (Decimal('25.00'), 'EUR'))
        self.assertFalse(summary.is_over or summary.is_delivered or summary.shipped_at)

    def test_summary_of_where_an_order_ends(self):
        payload = render(make_order(Item('A', '12.50', 2)))
        payload['packages'] = [
            {'shipTime': '2026-11-01T10:00:00Z', 'packageStatus': {'status': 'DELIVERED'}},
            {'shipTime': '2026-11-03T10:00:00Z', 'packageStatus': {'status': 'IN_TRANSIT'}},
        ]
        summary = parse_summary(payload)
        self.assertFalse(summary.is_over or summary.is_delivered)
        payload['fulfillment']['fulfillmentStatus'] = 'SHIPPED'
        summary = parse_summary(payload)
        self.assertEqual((summary.is_over, summary.is_delivered), (True, False))
        self.assertEqual(summary.shipped_at.day, 3)
        payload['packages'][1]['packageStatus']['status'] = 'DELIVERED'
        self.assertTrue(parse_summary(payload).is_delivered)
        payload['fulfillment']['fulfillmentStatus'] = 'CANCELLED'
        summary = parse_summary(payload)
        self.assertEqual((summary.is_over, summary.is_delivered), (True, False))

    def test_summary_of_anything(self):
        for number, payload in enumerate((
            None, 7, 'order', [], {}, {'orderId': 7}, {'orderId': ''}, {'lastUpdatedTime': 'now'},
            {'fulfillment': []}, {'fulfillment': {'fulfilledBy': {}}}, {'salesChannel': 1.5},
            {'proceeds': {'grandTotal': {'amount': 'NaN', 'currencyCode': None}}},
            {'proceeds': {'grandTotal': {'amount': '1E+1000000', 'currencyCode': 7}}},
            {'proceeds': {'grandTotal': {'amount': 10**5000}}}, {'orderItems': [[], 7, None]},
            {'lastUpdatedTime': '9999-12-31T23:59:59-12:00'},
            {'lastUpdatedTime': '0001-01-01T00:00:00+12:00'},
        )):
            with self.subTest(number):
                read = dict(vars(parse_summary(payload)))
                self.assertEqual(read.pop('quantities'), {})
                self.assertEqual(
                    {value for value in read.values() if not isinstance(value, bool)}, {None},
                )

    # === AMOUNTS === #

    @settings(
        max_examples=500, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
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
            Charge('item', Decimal('30.00')),
            Charge('shipping', Decimal('4.90')),
            Charge('gift_wrap', Decimal('1.99')),
            Charge('cod_fee', Decimal('2.00')),
            Charge('other', Decimal('0.50')),
            Charge('discount', Decimal('-3.00'), 'item'),
            Charge('discount', Decimal('-1.00'), 'shipping'),
        )
        self.assertEqual(read(item).items[0].charges, expected)
        data = read(replace(item, tax={'ITEM': '4.79', 'SHIPPING': '0.78', 'GIFT_WRAP': '0.32'}))
        self.assertEqual(data.items[0].charges, expected)
        self.assertEqual(data.tax, Decimal('5.89'))

    def test_discount_of_either_sign_or_taken_off_already(self):
        for breakdowns, reduction in (
            ([discount('-2.00')], 'item'),
            ([discount('2.00')], 'item'),
            ([discount('-2.00', ITEM='-2.00')], 'item'),
            ([discount('2.00', SHIPPING='2.00')], 'shipping'),
        ):
            with self.subTest(breakdowns=breakdowns):
                item = read_item(
                    '12.90', charge('ITEM', 10), charge('SHIPPING', '4.90'), *breakdowns,
                )
                self.assertEqual(item.charges, (
                    Charge('item', Decimal('10')),
                    Charge('shipping', Decimal('4.90')),
                    Charge('discount', Decimal('-2.00'), reduction),
                ))
        item = read_item('12.90', charge('ITEM', 8), charge('SHIPPING', '4.90'), discount('2.00'))
        self.assertEqual(item.charges, (
            Charge('item', Decimal('8')), Charge('shipping', Decimal('4.90')),
        ))

    def test_discount_whose_parts_leave_a_rest(self):
        item = read_item('9.00', charge('ITEM', 10), charge('SHIPPING', 5), discount(
            '-6.00', SHIPPING='-5.00',
        ))
        self.assertEqual(item.charges[2:], (
            Charge('discount', Decimal('-5.00'), 'shipping'),
            Charge('discount', Decimal('-1.00'), 'item'),
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
                    Charge('item', Decimal('11.90')), Charge('discount', Decimal('-2.38')),
                ))

    def test_tax_without_its_parts_is_on_the_item(self):
        item = read_item('16.80', charge('ITEM', 10), charge('SHIPPING', '4.90'), tax('1.90'))
        self.assertEqual(item.charges, (
            Charge('item', Decimal('11.90')), Charge('shipping', Decimal('4.90')),
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
            Charge('item', Decimal('200.00')),
            Charge('shipping', Decimal('9.00')),
            Charge('discount', Decimal('-20.00')),
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
        self.assertEqual(data.items[0].charges[1], Charge('other', Decimal('1.00')))
        self.assertEqual(
            data.notes,
            ('orderItems[0].proceeds.breakdowns[1].type INSTALLATION is taken for OTHER',),
        )

    # === QUANTITIES === #

    def test_partial_cancellation(self):
        order = make_order(Item('A', '10.00', 3, shipping='3.00'), Item('B', '5.00'))
        order.items[0].quantity_cancelled = 1
        order.items[1].quantity_cancelled = 1
        data = parse_order(render(order))
        self.assertEqual([item.quantity for item in data.items], [2, 0])
        self.assertEqual(data.items[0].charges, (
            Charge('item', Decimal('20.00')), Charge('shipping', Decimal('2.00')),
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
        self.assertEqual(data.items[0].charges, (Charge('item', Decimal()),))

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

    def test_fields_that_decide(self):
        for path in (
            'orderId', 'orderItems', 'fulfillment', 'fulfillment.fulfilledBy',
            'fulfillment.fulfillmentStatus', 'orderItems[0].quantityOrdered',
        ):
            for value, problem in ((None, "is missing"), (1.5, "is not")):
                with self.subTest(path=path, value=value):
                    self.assert_refused(path, value, problem)

    def test_bad_quantities(self):
        for value, problem in (
            (-1, "is negative"), ('two', "is not a whole number"), (1.5, "is not a whole number"),
            (True, "is not a whole number"), (10**10, "is too large"), ([], "is not a whole"),
            ('1E+1000000', "is not a whole number"), (10**5000, "is not a whole number"),
        ):
            with self.subTest(value=str(value)[:10] if isinstance(value, str) else type(value)):
                self.assert_refused('orderItems[0].quantityOrdered', value, problem)

    def test_quantities_that_can_be_read(self):
        for value in ('2', 2.0, '2.00', ' 2 '):
            with self.subTest(value=value):
                payload = render(make_order(Item('A', '10.00', 2)))
                put(payload, 'orderItems[0].quantityOrdered', value)
                self.assertEqual(parse_order(payload).items[0].quantity, 2)

    def test_bad_items(self):
        item = render(make_order(Item('A')))['orderItems'][0]
        self.assert_refused('orderItems', [], "is empty")
        self.assert_refused('orderItems', [item, item], "has two items with one orderItemId")
        self.assert_refused('orderItems', [None], "is not an object", field='orderItems[0]')

    def test_unknown_fulfiller(self):
        self.assert_refused('fulfillment.fulfilledBy', 'DRONE', "is neither AMAZON nor MERCHANT")
        payload = render(make_order(Item('A')))
        put(payload, 'fulfillment.fulfilledBy', 'DRONE')
        self.assertEqual(parse_order(payload, Given(channel='fba')).channel, 'fba')

    # === TRIVIA === #

    def test_trivia_are_left_out_and_noted(self):
        long = 'x' * 10_000
        for path, value, note in (
            ('recipient', 7, 'recipient is not an object'),
            ('recipient.deliveryAddress', 'Köln', 'recipient.deliveryAddress is not an object'),
            ('recipient.deliveryAddress.city', ['Köln'], 'deliveryAddress.city is not a text'),
            ('recipient.deliveryAddress.city', long, 'city is longer than 500 characters'),
            ('buyer', 'Erika', 'buyer is not an object'),
            ('buyer.buyerName', 7, 'buyer.buyerName is not a text'),
            ('programs', 'PRIME', 'programs is not a list'),
            ('programs', [7], 'programs is not a list of texts'),
            ('tax', {'taxRegistrations': 7}, 'tax.taxRegistrations is not a list'),
            ('fulfillment.shipByWindow', 'soon', 'fulfillment.shipByWindow is not an object'),
            ('fulfillment.shipByWindow', {'latestDateTime': 'soon'}, 'is not a time'),
            ('fulfillment.shipByWindow', {'latestDateTime': '9999-12-31T23:59:59-12:00'},
             'is not a time'),
            ('createdTime', 'yesterday', 'createdTime is not a time'),
            ('lastUpdatedTime', None, 'lastUpdatedTime is not known'),
            ('orderItems[0].orderItemId', None, 'orderItems[0].orderItemId is missing'),
            ('orderItems[0].product.serialNumbers', 'S1', 'serialNumbers is not a list'),
            ('orderItems[0].product.sellerSku', long, 'sellerSku is longer than 500'),
            ('orderItems[0].fulfillment', 'later', 'orderItems[0].fulfillment is not an object'),
            ('orderItems[0].fulfillment.packing', {'giftOption': 'yes'}, 'giftOption is not an'),
            ('orderItems[0].fulfillment.quantityFulfilled', 'some', 'quantityFulfilled is not a'),
            ('orderItems[0].cancellation', [], 'cancellation is not an object'),
            ('associatedOrders', {}, 'associatedOrders is not a list'),
        ):
            with self.subTest(path=path, value=str(value)[:20]):
                payload = render(make_order(Item('A', '10.00', 2)))
                put(payload, path, value)
                data = parse_order(payload)
                self.assertEqual(data.total, Decimal('20.00'))
                self.assertTrue(data.is_explained)
                self.assertEqual(sum(note in known for known in data.notes), 1, data.notes)
                self.assertNotIn(long, ''.join(data.notes))

    def test_a_good_order_has_no_notes(self):
        self.assertEqual(read(Item('A', '10.00', 2, shipping='4.90', tax='1.00')).notes, ())

    def test_times_that_are_missing(self):
        payload = render(make_order(Item('A')))
        del payload['createdTime']
        self.assertEqual(parse_order(payload).purchased_at, NOON)
        del payload['lastUpdatedTime']
        self.assertIsNone(parse_order(payload).updated_at)

    def test_an_item_without_an_id_gets_one_of_its_own(self):
        payload = render(make_order(Item('A'), Item('B')))
        for item in payload['orderItems']:
            del item['orderItemId']
        self.assertEqual([item.item_id for item in parse_order(payload).items], ['?0', '?1'])

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
