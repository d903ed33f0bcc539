import json

from lxml import html

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.amazon_connector.models.activities import ATTENTION, plan_warning
from odoo.addons.amazon_connector.simulator import (
    Address,
    Buyer,
    Item,
    TaxRegistration,
)

from .common import ShippingCase

MARKUP = (
    '<img src=x onerror=alert(1)><a href="https://evil.example">x</a>'
    '<div style="position:fixed">y</div> https://evil.example'
)
SMUGGLED = (
    "//img[@src='x'] | //*[@onerror='alert(1)'] | //a[contains(@href, 'evil')]"
    " | //*[contains(@style, 'fixed')]"
)


def iterate_texts(value, way=()):
    """Yield the way to each text within a payload."""
    if isinstance(value, str):
        yield way
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list,
    ) else ()
    for key, child in children:
        yield from iterate_texts(child, (*way, key))


def put_markup(*ways):
    """Return a patch of a payload that writes markup to some places of it."""
    def patch(payload):
        for *way, last in ways:
            parent = payload
            try:
                for key in way:
                    parent = parent[key]
                if isinstance(parent[last], str):
                    parent[last] = MARKUP
            except LookupError:
                continue  # As the order is now, it has no such field.
    return patch


@tagged('post_install', '-at_install', 'attacks')
class TestMarkup(ShippingCase):
    """What buyers write is text, wherever it meets HTML."""

    def place_order(self, number=0):
        """Let a company that has everything an order can have ask for a gift, then to cancel."""
        address = Address(
            'Ben', 'Nord', 'Weg 1', '2. Stock', 'links', 'Hamburg', 'Altona', 'Hamburg',
            postal_code='22765', country='DE', phone='+49 40 1234567', address_type='COMMERCIAL',
        )
        order = self.seller.place_order(
            items=[
                Item('MUG', '12.99', 2, gift_message='Alles Gute!', gift_wrap='1.00',
                     gift_wrap_level='Classic', condition_note='new', tax_rate='0.19',
                     serial_numbers=('S1',), customized_url='https://amazon.example/x'),
                Item('BOWL', '5.00', tax_rate='0.19'),
            ],
            buyer=Buyer('Ben', f'ben{number}@marketplace.amazon.de', 'Nord GmbH', 'PO-1'),
            address=address,
            programs=('AMAZON_BUSINESS',),
            tax_registrations=(
                TaxRegistration('DE123456780', 'Nord GmbH', address=address,
                                attributes={'office': 'Hamburg'}),
            ),
            seller_order_id='1',
            delivery_preference={'dropOffLocation': 'Door', 'addressInstruction': 'Ring twice'},
        )
        self.seller.request_cancellation(order, 'Ordered twice', item='MUG')
        return order

    def get_html(self):
        """Yield where HTML is stored that has something of the markup in it, and the HTML."""
        for model in self.env.registry.values():
            names = [
                name for name, field in model._fields.items() if field.type == 'html' and (
                    field.store or model._name == 'amazon.order'
                )
            ]
            if model._abstract or not model._auto or not names:
                continue
            for record in self.env[model._name].with_context(active_test=False).search([]):
                for name in names:
                    if 'evil.example' in (record[name] or ''):
                        yield f'{model._name}.{name}', record[name]

    def assertNothingSmuggled(self, where, text):
        tree = html.fragment_fromstring(str(text), create_parent='div')
        self.assertFalse(tree.xpath(SMUGGLED), f'{where}: {text}')

    @mute_logger('odoo.addons.amazon_connector.models.quiet')
    def test_markup_in_any_field_of_an_order_stays_text(self):
        self.sync()
        first = self.place_order()
        self.sync()
        payload = json.loads(self.get_inbox(first).payload)
        ways = list(iterate_texts(payload))
        self.assertGreater(len(ways), 60)
        orders = [self.place_order(number) for number in range(1, len(ways) + 2)]
        for order, way in zip(orders, ways, strict=False):
            self.seller.override(order, put_markup(way))
        deciding = {
            'marketplaceId', 'fulfillmentStatus', 'fulfilledBy', 'currencyCode', 'amount', 'type',
            'orderId', 'orderItemId', 'channelName',
        }
        self.seller.override(orders[-1], put_markup(*(way for way in ways if not (
            deciding & set(way) or 'Time' in str(way[-1])
        ))))
        self.sync()
        self.run_cron('import_orders')
        self.assertTrue(self.get_sale_order(orders[-1]))
        for change in (
            lambda order: self.seller.cancel_item(order, 'BOWL'),
            lambda order: self.seller.ship(order, {'MUG': 1}),
            self.seller.cancel,
        ):
            for order in orders:
                change(order)
            self.sync()
            self.run_cron('import_orders')
        states = self.env['amazon.order'].search([]).mapped('state')
        self.assertLessEqual({'done', 'failed'}, set(states))
        places = set()
        for where, text in self.get_html():
            self.assertNothingSmuggled(where, text)
            places.add(where)
        self.assertLessEqual(
            {'amazon.order.overview', 'res.partner.comment', 'stock.picking.note'}, places,
        )

    def test_markup_in_a_gift_message_stays_text_on_the_delivery_slip(self):
        order = self.order(Item('MUG', gift_message=MARKUP))
        slip, _type = self.env['ir.actions.report']._render_qweb_html(
            'stock.report_deliveryslip', self.get_open_delivery(order).ids,
        )
        self.assertIn(b'evil.example', slip)
        self.assertFalse(html.fromstring(slip).xpath(SMUGGLED))

    def test_markup_in_warnings_stays_text_and_is_told_once(self):
        for line in ("A & B <b>x</b>", MARKUP, f"Two  blanks,\n{MARKUP}"):
            with self.subTest(line):
                self.account.activity_ids.unlink()
                for _time in range(2):
                    plan_warning(self.account, line, self.env.user)
                    self.account._ask_for_attention(line)
                    self.account.connection_id._mark_unauthorized(UserError(line), line)
                self.assertEqual(len(self.account.activity_ids), 2)
                # What others say is not for all who see the account.
                attention = self.account.activity_search([ATTENTION])
                self.assertNotIn(line, attention.mapped(lambda a: html2plaintext(a.note)))
                for activity in self.account.activity_ids:
                    self.assertNothingSmuggled('mail.activity.note', activity.note)
                    self.assertNotIn('<b>', activity.note)
