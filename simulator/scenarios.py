"""Ready-made shops: a believable one to look at, and large ones to measure with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .orders import Address, Amount, Buyer, Item, Order, TaxRegistration
from .sales_money import Refund
from .state import Seller


@dataclass(frozen=True)
class Product:
    """What the stock scenario's seller sells.

    :param prices: gross price by currency
    """
    sku: str
    title: str
    prices: Mapping[str, str]
    ean: str


def make_ean(number: int) -> str:
    """Return an EAN of the seller's, with its check digit."""
    digits = f'426099900{number:03d}'
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
    return f'{digits}{check}'


CATALOGUE: tuple[Product, ...] = tuple(
    Product(sku, title, {'EUR': eur, 'GBP': gbp, 'JPY': jpy}, make_ean(number))
    for number, (sku, title, eur, gbp, jpy) in enumerate((
        ('NW-MUG-BLUE', 'Stoneware mug, blue, 350 ml', '12.99', '10.99', '1980'),
        ('NW-MUG-SAND', 'Stoneware mug, sand, 350 ml', '12.99', '10.99', '1980'),
        ('NW-BOWL-SET4', 'Stoneware bowls, set of 4', '34.90', '29.90', '5480'),
        ('NW-TEAPOT-1L', 'Cast iron teapot with strainer, 1 l', '45.50', '39.50', '6980'),
        ('NW-KETTLE-EL', 'Electric kettle, brushed steel, 1.7 l', '59.00', '49.00', '8900'),
        ('NW-COFFEE-GRIND', 'Conical burr coffee grinder', '89.95', '79.95', '13800'),
        ('NW-LINEN-TOWEL', 'Linen kitchen towel, 2 pieces', '18.75', '16.25', '2750'),
        ('NW-CANDLE-PINE', 'Scented candle, pine', '9.99', '8.49', '1480'),
        ('NW-THROW-WOOL', 'Wool throw, 130 x 180 cm', '69.00', '59.00', '10800'),
        ('NW-LAMP-OAK', 'Table lamp, oak', '74.90', '64.90', '11800'),
        ('NW-CUTTING-BRD', 'Cutting board, walnut', '27.40', '23.90', '4280'),
        ('NW-SOAP-3', 'Olive soap, 3 bars', '7.77', '6.66', '999'),
    ))
)
# What Amazon ships is sold under SKUs of their own, by the EANs of the products.
FBA_SUFFIX = '-FBA'
# What the seller has of each product, and has sent to Amazon's warehouses by their marketplace.
WAREHOUSE_STOCK = 60
SENT_TO_AMAZON: Mapping[str, int] = {'DE': 150, 'GB': 60, 'JP': 30}
# What the merchant offers although there are more, or fewer, by marketplace and SKU.
WRONG_QUANTITIES: Mapping[tuple[str, str], int] = {
    ('DE', 'NW-MUG-BLUE'): 25,
    ('DE', 'NW-BOWL-SET4'): 80,
    ('GB', 'NW-TEAPOT-1L'): 12,
    ('JP', 'NW-SOAP-3'): 0,
}
CHANGED_PRICES: Mapping[tuple[str, str], str] = {
    ('DE', 'NW-LAMP-OAK'): '79.90', ('DE', 'NW-SOAP-3'): '7.49', ('GB', 'NW-MUG-SAND'): '11.49',
}
STOPPED: Mapping[tuple[str, str], str] = {
    ('JP', 'NW-KETTLE-EL'): 'INACTIVE', ('GB', 'NW-COFFEE-GRIND'): 'INCOMPLETE',
}
PACK_SKU, PACK_SIZE = 'NW-CANDLE-PINE-3PK', 3
ODD_SKU = 'NW/MUG #2 50% größer'
MISSPELT_SKU, AMBIGUOUS_SKU = 'nw-wreath-Euc', 'NW-PLATE-26'
# Further listings: marketplace, SKU, title, price, quantity, number of the EAN or none.
FURTHER_LISTINGS = (
    ('DE', PACK_SKU, 'Scented candle, pine, pack of 3', '26.90', 20, 0),
    ('DE', ODD_SKU, 'Stoneware mug, blue, 500 ml', '15.99', 18, 0),
    ('DE', MISSPELT_SKU, 'Eucalyptus wreath, 30 cm', '24.50', 9, 0),
    ('DE', AMBIGUOUS_SKU, 'Dinner plate, 26 cm', '16.40', 30, 0),
    ('DE', 'NW-VASE-2019', 'Vase, Art Nouveau', '22.00', 7, 0),
    ('GB', 'NW-CLOCK-RETRO', 'Retro wall clock', '31.50', 4, 0),
    ('DE', 'NW-POT-HERB', 'Herb pot, terracotta, 16 cm', '15.90', 14, 101),
    ('GB', 'NW-POT-HERB', 'Herb pot, terracotta, 16 cm', '13.90', 14, 101),
    ('DE', 'NW-TRAY-ASH', 'Serving tray, ash', '29.00', 6, 102),
)
# How Amazon's warehouses differ from what was sent there and not sold since.
FBA_DIFFERENCES: Mapping[tuple[str, str], Mapping[str, int]] = {
    ('DE', 'NW-MUG-BLUE'): {'fulfillable': -3, 'researching': 3},
    ('DE', 'NW-LAMP-OAK'): {'fulfillable': -4, 'customer_damaged': 3, 'defective': 1},
    ('GB', 'NW-SOAP-3'): {'fulfillable': -12, 'inbound_receiving': 12},
    ('DE', 'NW-TEAPOT-1L'): {'fulfillable': -2, 'reserved_transfers': 2},
    ('JP', 'NW-LINEN-TOWEL'): {'fulfillable': -1},
    ('DE', 'NW-CUTTING-BRD'): {'fulfillable': 2},
    ('DE', 'NW-THROW-WOOL'): {'inbound_shipped': 24},
}
# What a month costs the seller, as (kind, amount, tax).
MONTHLY_FEES = (
    ('subscription', '39.00', None), ('storage', '18.42', '3.50'), ('advertising', '31.57', None),
)
MONTHLY_RESERVE = '25.00'
REFUNDED_FROM = 30

AWKWARD_ADDRESSES: tuple[tuple[str, Address], ...] = (
    ('DE', Address(  # a state that does not exist
        name='Jürgen Groß-Öhler', line1='Straße des 17. Juni 135', city='Weißenfels',
        state='Hinterland', postal_code='06667', country='DE', phone='+49 3443 000000',
    )),
    ('DE', Address(  # no postal code, where there are none
        name='Chan Tai Man', line1='Flat 12B, 88 Nathan Road', city='Kowloon',
        state='Hong Kong', country='HK',
    )),
    ('GB', Address(
        name='Margaret O’Brien', line1='PO Box 1234', city='Truro', state='Cornwall',
        postal_code='TR1 1AA', country='GB',
    )),
    ('JP', Address(
        name='小林 美咲', company='株式会社 北風', line1='六本木6-10-1', line2='六本木ヒルズ 25階',
        city='港区', state='東京都', postal_code='106-6108', country='JP',
        phone='+81 3-0000-0001', address_type='COMMERCIAL',
    )),
    ('GB', Address(  # right to left
        name='محمد عبد الله', line1='شارع الشيخ زايد', line2='برج المرجان، شقة ٤٠٢',
        city='دبي', state='دبي', country='AE', phone='+971 4 000 0000',
    )),
    ('DE', Address(  # lines far longer than a label
        name='Maximilian Alexander Freiherr von und zu Hohenstein-Langenburg ' * 2,
        company='Gesellschaft für angewandte Verfahrenstechnik und Anlagenbau mbH & Co. KG ' * 2,
        line1='Hinterhaus, dritter Aufgang links, durch den Innenhof am Fahrradkeller vorbei ' * 3,
        line2='Bitte zweimal kurz und einmal lang klingeln, der Summer ist leise ' * 3,
        line3='Ersatzweise beim Hausmeister im Erdgeschoss abgeben ' * 3,
        city='Schmedeswurtherwesterdeich', state='Schleswig-Holstein', postal_code='25704',
        country='DE',
    )),
    ('GB', Address(city='Reykjavík', country='IS')),
    ('DE', Address(
        name='Nina Postmann', line1='Packstation 145', line2='12345678', city='Leipzig',
        state='Sachsen', postal_code='04109', country='DE', address_type='PICKUP_POINT',
    )),
    ('DE', Address(
        name='Lena 🌻 Sommer', line1='Gartenweg 3 🏡', city='Freiburg', postal_code='79098',
        state='Baden-Württemberg', country='DE',
    )),
)

_FIRST_NAMES = ('Anna', 'Ben', 'Clara', 'David', 'Elif', 'Finn', 'Greta', 'Hugo', 'Ines', 'Jonas')
_LAST_NAMES = ('Albers', 'Bright', 'Conti', 'Dahl', 'Evans', 'Fuchs', 'Garcia', 'Holm', 'Jansen')
_JAPANESE_NAMES = ('佐藤 健', '鈴木 陽子', '高橋 翔', '田中 葵', '伊藤 蓮')
_STREETS = {
    'DE': ('Marktplatz', 'Lindenweg', 'Bahnhofstraße'),
    'GB': ('High Street', 'Orchard Road', 'Mill Lane'),
    'JP': ('神南', '銀座', '北浜'),
}
_CITIES = {
    'DE': (
        ('Hamburg', 'Hamburg', '20095'), ('München', 'Bayern', '80331'),
        ('Dresden', 'Sachsen', '01067'), ('Bonn', 'NRW', '53111'),
    ),
    'GB': (
        ('London', 'Greater London', 'SW1A 2AA'), ('Bristol', 'Bristol', 'BS1 4ST'),
        ('Edinburgh', 'Scotland', 'EH1 1RE'),
    ),
    'JP': (('渋谷区', '東京都', '150-0041'), ('大阪市', '大阪府', '541-0041')),
}
_CURRENCIES = {'DE': 'EUR', 'GB': 'GBP', 'JP': 'JPY'}
_FBA_CHANNELS = {'DE': 'AMAZON_EU', 'GB': 'AMAZON_EU', 'JP': 'AMAZON_JP'}
_SHIPPING = {'DE': '4.90', 'GB': '3.99', 'JP': '550'}
_DISCOUNTS = {'DE': '2.35', 'GB': '1.70', 'JP': '311'}


def stock(seller: Seller) -> None:
    """Let a seller of household goods have sold about 60 orders in the last 14 days.

    Merchant-fulfilled orders are mostly of the last days and open, Amazon-fulfilled ones mostly
    shipped. The same orders on every run, counted back from the clock's time. What was sold is
    listed, and what Amazon shipped has left its warehouses; so does what is sold from now on.
    """
    shop = _Shop(seller)
    shop.sell_ordinary_orders()
    shop.sell_gifts_and_discounts()
    shop.sell_to_companies()
    shop.sell_with_separate_tax()
    shop.sell_what_is_special_in_japan()
    shop.sell_to_awkward_addresses()
    shop.sell_unmatched_products()
    shop.show_every_status()
    shop.show_amounts_oddly()
    shop.sell_what_is_urgent()
    shop.ship_for_another_shop()
    shop.list_products()
    shop.list_more()
    shop.stock_amazons_warehouses()
    seller.sell_listings()
    seller.sell_fba_stock()


class _Shop:
    """The seller of the stock scenario, and chance."""

    def __init__(self, seller: Seller) -> None:
        self._seller = seller
        self._random = random.Random(2026)
        self._products = {product.sku: product for product in CATALOGUE}

    def sell_ordinary_orders(self) -> None:
        for number in range(26):
            marketplace = ('DE', 'GB', 'DE', 'JP')[number % 4]
            is_fba = number % 5 > 1
            self._sell(
                marketplace,
                'FBA' if is_fba else 'FBM',
                [
                    self._item(
                        marketplace, product.sku, self._random.choice((1, 1, 1, 2, 3)),
                        shipping=_SHIPPING[marketplace] if not line and not is_fba else 0,
                    )
                    for line, product in enumerate(
                        self._random.sample(CATALOGUE, self._random.choice((1, 1, 2, 3)))
                    )
                ],
                hours=self._random.uniform(1, 13.5 * 24 if is_fba else 60),
                status='SHIPPED' if is_fba else 'UNSHIPPED',
                programs=('PRIME',) if is_fba else (),
            )

    def sell_gifts_and_discounts(self) -> None:
        self._sell('DE', 'FBM', [self._item(
            'DE', 'NW-THROW-WOOL', gift_wrap='3.95', gift_wrap_level='PREMIUM', shipping='4.90',
            gift_message='Alles Gute zum Geburtstag, liebe Oma!\nDeine Clara',
        )], hours=20)
        self._sell('GB', 'FBA', [self._item(
            'GB', 'NW-CANDLE-PINE', 2, gift_wrap='2.50', gift_wrap_level='STANDARD',
            gift_message='Happy housewarming! 🏠',
        )], hours=130, status='SHIPPED')
        # A total that the quantity does not divide.
        self._sell('DE', 'FBM', [self._item('DE', 'NW-SOAP-3', 7, **self._discount('DE'))], hours=9)
        self._sell('GB', 'FBM', [
            self._item('GB', 'NW-LAMP-OAK', shipping='3.99', **self._discount('GB')),
            self._item('GB', 'NW-LINEN-TOWEL', 2),
        ], hours=31, discount_style='positive')
        self._sell('JP', 'FBA', [
            self._item('JP', 'NW-MUG-BLUE', 3, **self._discount('JP')),
        ], hours=200, status='SHIPPED', discount_style='net')
        self._sell('DE', 'FBM', [self._item(
            'DE', 'NW-BOWL-SET4', shipping='4.90', shipping_discount='4.90',
            promotions=('FREE-SHIPPING-DE',),
        )], hours=44)

    def sell_to_companies(self) -> None:
        self._sell_to_company(
            'DE', 'Kaffeehaus Elbblick GmbH', 'DE136695976', 'PO-2026-0815', hours=26,
        )
        self._sell_to_company('DE', 'Büro Sonnig UG', 'DE123456780', '', hours=35)
        self._sell_to_company('GB', 'Brightside Interiors Ltd', '', 'BI/44871', hours=12)

    def _sell_to_company(
        self, marketplace: str, company: str, vat: str, purchase_order: str, hours: float,
    ) -> None:
        person = self._person(marketplace)
        registrations = (TaxRegistration(vat, legal_name=company),) if vat else ()
        self._sell(
            marketplace, 'FBM',
            [self._item(
                marketplace, 'NW-MUG-SAND', 12,
                business_price=True, tax_rate={'DE': '0.19', 'GB': '0.20'}[marketplace],
            )],
            hours=hours,
            programs=('AMAZON_BUSINESS',),
            tax_registrations=registrations,
            buyer=self._buyer(marketplace, person, company=company, purchase_order=purchase_order),
            address=self._address(
                marketplace, person, company=company, address_type='COMMERCIAL',
            ),
        )

    def sell_with_separate_tax(self) -> None:
        self._sell('DE', 'FBA', [
            self._item('DE', 'NW-KETTLE-EL', tax_rate='0.19', reporting_scheme='UOSS'),
        ], hours=75, status='SHIPPED')
        self._sell('GB', 'FBM', [self._item(
            'GB', 'NW-TEAPOT-1L', shipping='3.99', tax_rate='0.20', marketplace_facilitator=True,
        )], hours=16)
        self._sell('GB', 'FBA', [self._item(
            'GB', 'NW-CUTTING-BRD', 2, tax_rate='0.20', marketplace_facilitator=True,
        )], hours=98, status='SHIPPED')
        self._sell('DE', 'FBM', [self._item(
            'DE', 'NW-LINEN-TOWEL', tax_rate='0.20', marketplace_facilitator=True,
            reporting_scheme='IOSS', ioss_number='IM0000000000',
        )], hours=50, address=Address(
            name='Chloé Lefèvre', line1='5 rue des Lilas', city='Nantes', postal_code='44000',
            country='FR',
        ))

    def sell_what_is_special_in_japan(self) -> None:
        self._sell('JP', 'FBM', [self._item(
            'JP', 'NW-COFFEE-GRIND', cod_fee='330', shipping='550', constraints=('cashOnDelivery',),
        )], hours=22, payment_method='CashOnDelivery')
        self._sell('JP', 'FBA', [self._item(
            'JP', 'NW-LAMP-OAK', points=(118, '118'), serial_numbers=('NWL-2026-00417',),
        )], hours=170, status='SHIPPED')

    def sell_to_awkward_addresses(self) -> None:
        for number, (marketplace, address) in enumerate(AWKWARD_ADDRESSES):
            self._sell(
                marketplace, 'FBM', [self._item(marketplace, CATALOGUE[number].sku)],
                hours=5 + 6 * number, address=address,
                buyer=self._buyer(marketplace, address.name or 'Guest'),
            )

    def sell_unmatched_products(self) -> None:
        for hours, marketplace, sku, price in (
            (14, 'DE', 'NW-VASE-2019', '22.00'), (40, 'GB', 'NW-CLOCK-RETRO', '31.50'),
        ):
            items = [Item(sku, price, title='Discontinued item')]
            self._sell(marketplace, 'FBM', items, hours=hours)

    def show_every_status(self) -> None:
        self._sell('DE', 'FBM', [self._item('DE', 'NW-MUG-BLUE')], hours=1, status='PENDING')
        self._sell('GB', 'FBA', [self._item('GB', 'NW-SOAP-3', 2)], hours=2, status='PENDING')
        self._sell('DE', 'FBA', [self._item('DE', 'NW-LAMP-OAK')], hours=8, status='UNSHIPPED')
        self._sell('DE', 'FBM', [self._item('DE', 'NW-SOAP-3')], hours=30, status='CANCELLED')
        self._sell('JP', 'FBA', [self._item('JP', 'NW-SOAP-3')], hours=90, status='CANCELLED')
        shipped = self._sell(
            'DE', 'FBM', [self._item('DE', 'NW-TEAPOT-1L')], hours=140, status='SHIPPED',
        )
        self._sell(
            'DE', 'FBM', [self._item('DE', 'NW-TEAPOT-1L', price=0)], hours=27,
            replaces=shipped.order_id, address=shipped.address, buyer=shipped.buyer,
        )
        two_lines = [
            self._item('DE', 'NW-MUG-BLUE', 3, shipping='4.90'), self._item('DE', 'NW-MUG-SAND', 2),
        ]
        order = self._sell('DE', 'FBM', two_lines, hours=48)
        self._seller.cancel_item(order, 'NW-MUG-SAND', at=self._past(40))
        order = self._sell('DE', 'FBM', two_lines, hours=33)
        self._seller.cancel_item(order, 'NW-MUG-BLUE', 1, at=self._past(30))
        order = self._sell('DE', 'FBM', two_lines, hours=70)
        self._seller.ship(order, {'NW-MUG-BLUE': 2}, at=self._past(46))
        order = self._sell('GB', 'FBM', [self._item('GB', 'NW-KETTLE-EL')], hours=10)
        self._seller.request_cancellation(order, 'Bought the wrong size', at=self._past(4))

    def show_amounts_oddly(self) -> None:
        for number, shape in enumerate((
            'totals', 'prices', 'charges at the order', 'tax included', 'pending tip',
        )):
            taxed = {'tax_rate': '0.19'} if shape == 'tax included' else {}
            self._sell(
                'DE', 'FBM',
                [self._item(
                    'DE', 'NW-MUG-BLUE', 2,
                    shipping=0 if shape == 'prices' else '4.90', **taxed,
                )],
                hours=51 + number, proceeds_shape=shape,
                tip='2.00' if shape == 'pending tip' else 0,
            )
        self._sell('DE', 'FBM', [self._item('DE', 'NW-SOAP-3')], hours=6, unexplained='1.50')

    def sell_what_is_urgent(self) -> None:
        for hours, sku, service_level in (
            (-20, 'NW-CANDLE-PINE', 'STANDARD'),  # late
            (-1, 'NW-LINEN-TOWEL', 'EXPEDITED'),
            (0.5, 'NW-MUG-BLUE', 'NEXT_DAY'),
            (5, 'NW-TEAPOT-1L', 'SECOND_DAY'),
        ):
            self._sell(
                'DE', 'FBM', [self._item('DE', sku)], hours=max(0, -hours) + 6,
                ship_by=(self._past(max(0, -hours) + 6), self._past(-hours)),
                service_level=service_level,
            )
        # The seller has none left, and offers none any more.
        self._sell(
            'GB', 'FBM', [Item('NW-BASKET-RTN', '27.50', title='Rattan basket')], hours=3,
        )

    def ship_for_another_shop(self) -> None:
        for hours, status in ((64, 'SHIPPED'), (7, 'UNSHIPPED')):
            self._sell(
                'DE', 'FBA', [self._item('DE', 'NW-CANDLE-PINE', 2)],
                hours=hours, status=status, channel_name='NON_AMAZON',
            )

    def list_products(self) -> None:
        for marketplace, currency in _CURRENCIES.items():
            for age, product in enumerate(CATALOGUE):
                key = marketplace, product.sku
                common = {
                    'title': product.title,
                    'price': CHANGED_PRICES.get(key, product.prices[currency]),
                    'product_id': product.ean,
                    'opened': self._past(24 * (400 + 20 * age)),
                }
                self._seller.add_listing(
                    product.sku, marketplace,
                    quantity=WRONG_QUANTITIES.get(
                        key, WAREHOUSE_STOCK - self._count_sold('FBM', product.sku),
                    ),
                    status=STOPPED.get(key, 'ACTIVE'),
                    **common,
                )
                self._seller.add_listing(
                    f'{product.sku}{FBA_SUFFIX}', marketplace,
                    channels=(_FBA_CHANNELS[marketplace],), **common,
                )

    def list_more(self) -> None:
        for age, (marketplace, sku, title, price, quantity, number) in enumerate(FURTHER_LISTINGS):
            self._seller.add_listing(
                sku, marketplace,
                title=title, price=price, quantity=quantity,
                product_id=make_ean(number) if number else '',
                opened=self._past(24 * (30 + 7 * age)),
            )

    def stock_amazons_warehouses(self) -> None:
        for marketplace, sent in SENT_TO_AMAZON.items():
            for product in CATALOGUE:
                sku = f'{product.sku}{FBA_SUFFIX}'
                reserved = self._count_sold('FBA', sku, marketplace)
                shipped = self._count_sold('FBA', sku, marketplace, is_shipped=True)
                self._seller.set_fba_stock(
                    sku, marketplace,
                    title=product.title,
                    fulfillable=sent - reserved - shipped,
                    reserved_orders=reserved,
                )
        for (marketplace, sku), differences in FBA_DIFFERENCES.items():
            self._seller.change_fba_stock(f'{sku}{FBA_SUFFIX}', marketplace, **differences)

    # === HELPERS === #

    def _count_sold(
        self, channel: str, sku: str, marketplace: str = '', *, is_shipped: bool = False,
    ) -> int:
        """Return how many buyers still wait for, or have been sent."""
        return sum(
            item.quantity_shipped if is_shipped else item.quantity_open
            for order in self._seller.orders.values()
            for item in order.items
            if order.channel == channel and item.sku == sku
            and order.marketplace.code in (marketplace or order.marketplace.code)
        )

    def _sell(
        self, marketplace: str, channel: str, items: list[Item], *, hours: float, **details: Any,
    ) -> Order:
        """Place an order that many hours ago, by somebody who lives there unless told."""
        if channel == 'FBA':
            items = [replace(item, sku=f'{item.sku}{FBA_SUFFIX}') for item in items]
        person = self._person(marketplace)
        details.setdefault('buyer', self._buyer(marketplace, person))
        details.setdefault('address', self._address(marketplace, person))
        if details.get('status') in ('SHIPPED', 'CANCELLED'):
            details['updated_at'] = self._past(hours * 0.8)
        return self._seller.place_order(
            marketplace, channel, items, placed_at=self._past(hours), **details,
        )

    def _past(self, hours: float) -> datetime:
        return self._seller.clock.now() - timedelta(seconds=round(hours * 3600))

    def _item(
        self,
        marketplace: str,
        sku: str,
        quantity: int = 1,
        price: Amount | None = None,
        **details: Any,
    ) -> Item:
        product = self._products[sku]
        if price is None:
            price = product.prices[_CURRENCIES[marketplace]]
        return Item(sku, price, quantity, title=product.title, **details)

    def _discount(self, marketplace: str) -> dict[str, Any]:
        return {'discount': _DISCOUNTS[marketplace], 'promotions': (f'AUTUMN-{marketplace}',)}

    def _person(self, marketplace: str) -> str:
        if marketplace == 'JP':
            return self._random.choice(_JAPANESE_NAMES)
        first, last = self._random.choice(_FIRST_NAMES), self._random.choice(_LAST_NAMES)
        return f'{first} {last}'

    def _buyer(self, marketplace: str, name: str, **details: str) -> Buyer:
        domain = {'DE': 'de', 'GB': 'co.uk', 'JP': 'co.jp'}[marketplace]
        alias = f'{self._random.getrandbits(60):012x}'
        return Buyer(name, f'{alias}@marketplace.amazon.{domain}', **details)

    def _address(self, marketplace: str, name: str, **details: str) -> Address:
        city, state, postal_code = self._random.choice(_CITIES[marketplace])
        street = self._random.choice(_STREETS[marketplace])
        number = self._random.randint(1, 90)
        return Address(
            name=name,
            line1=f'{number} {street}' if marketplace == 'GB' else f'{street} {number}',
            city=city,
            state=state,
            postal_code=postal_code,
            country=marketplace,
            **details,
        )


def bulk(
    seller: Seller,
    count: int,
    channel: str = 'FBM',
    *,
    marketplace: str = 'DE',
    lines: int = 2,
    days: float = 1.0,
) -> None:
    """Place many orders, evenly spread over the last days.

    FBM orders are unshipped, FBA orders shipped. The SKUs are those of `bulk_skus`.

    :param marketplace: one whose currency has cents
    :param lines: how many lines an order has
    :param days: the oldest order is that old, the newest an hour
    """
    skus = bulk_skus()
    newest = seller.clock.now() - timedelta(hours=1)
    for number in range(count):
        age = (timedelta(days=days) - timedelta(hours=1)) * (count - number) / count
        name = f'{_FIRST_NAMES[number % 10]} {_LAST_NAMES[number % 9]} {number}'
        seller.place_order(
            marketplace,
            channel,
            [
                Item(
                    skus[(number * 7 + line * 13) % len(skus)],
                    price=f'{10 + (number + line) % 40}.99',
                    quantity=1 + number % 3,
                    shipping='4.90' if line == 0 else 0,
                )
                for line in range(lines)
            ],
            status='SHIPPED' if channel == 'FBA' else 'UNSHIPPED',
            placed_at=newest - age,
            buyer=Buyer(name, f'bulk{number}@marketplace.amazon.de'),
            address=Address(
                name=name, line1=f'Lindenweg {number}', city='Hamburg', state='Hamburg',
                postal_code='20095', country='DE',
            ),
        )


def bulk_skus() -> list[str]:
    """Return the SKUs that `bulk` sells."""
    return [f'BULK-{number:03d}' for number in range(50)]


def live_a_month(seller: Seller, *, older_than: float = 48.0) -> dict[str, Any]:
    """Let a seller who has sold something come to the end of a month, and to their money.

    All of it happens now, so that who has looked before sees what is new: open orders are shipped,
    two buyers get money back, Amazon charges for advertising, storage and the account, pays for
    what it lost, keeps a reserve, and pays out the rest, which arrives at once. One more order is
    shipped after that, whose money is deferred. A seller without orders gets those of `stock`.

    :param older_than: how many hours ago an order was placed that is shipped now
    :return: what there is to look for: ids of orders, refunds, settlements with amounts
    """
    if not seller.orders:
        stock(seller)
    now = seller.clock.now()
    oldest = sorted(
        (order for order in seller.orders.values()
         if order.channel == 'FBM' and order.status in ('UNSHIPPED', 'PARTIALLY_SHIPPED')),
        key=lambda order: (order.created, order.order_id),
    )
    due = [order for order in oldest if order.created <= now - timedelta(hours=older_than)]
    for order in due:
        seller.ship(order)
    refunds = _refund_two(seller)
    for kind, amount, tax in MONTHLY_FEES:
        seller.charge_fee(kind, amount, tax=tax)
    seller.reimburse(f'{CATALOGUE[0].sku}{FBA_SUFFIX}', 'WAREHOUSE_LOST', '9.41')
    seller.set_reserve(MONTHLY_RESERVE)
    currencies = sorted({event.currency for event in seller.money})
    end = seller.clock.now()
    settlements = [seller.close_settlement(it, end, deposit=end) for it in currencies]
    seller.set_reserve()
    late = [order for order in oldest if order not in due and order.grand_total][:1]
    for order in late:
        seller.defer(seller.ship(order), 'DD7', now + timedelta(days=9))
    return {
        'shipped': [order.order_id for order in due],
        'deferred': [order.order_id for order in late],
        'refunds': [refund.as_json() for refund in refunds],
        'settlements': [settlement.as_json() for settlement in settlements],
        'payouts': [seller.render_payout(settlement) for settlement in settlements],
    }


def _refund_two(seller: Seller) -> list[Refund]:
    """Give one buyer everything back, and another one a part; the first two who paid enough."""
    orders = [
        seller.orders[event.order_id]
        for event in sorted(seller.money, key=lambda it: (it.posted, it.event_id))
        if event.kind == 'Shipment' and event.currency == 'EUR'
        and event.sum('ItemPrice') > REFUNDED_FROM
    ]
    first, second = list(dict.fromkeys(order.order_id for order in orders))[:2]
    return [
        seller.refund(first, shipping=True),
        seller.refund(second, amount='10.00', goodwill='2.50'),
    ]


SCENARIOS: dict[str, Callable[[Seller], Any]] = {'stock': stock, 'month': live_a_month}
