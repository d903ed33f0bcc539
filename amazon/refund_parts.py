"""What the parts of a refund are, by the words that Amazon has for them.

Settlements and transactions name them differently, and spell them in several ways.
Source: the settlement report, and `listTransactions` of the Finances API v2024-06-19, whose types
of breakdowns Amazon does not list.
"""

from __future__ import annotations

import re

IGNORED = re.compile(r'[\s_-]+')
# None of the buyer's: Amazon's fees, and taxes of the seller that it keeps.
NOT_THE_BUYERS = re.compile(r'amazonfees|commission|fee$|fees|chargeback|\btcs|\btds|incometax')
WITHHELD = re.compile(r'withheld|facilitator|lowvaluegoods')
PROMOTION = re.compile(r'promo|rebate|discount|points')
OTHER = re.compile(r'goodwill|restocking|returnshipping')
TAX = re.compile(r'tax$|vat$|gst$')
SHIPPING = re.compile(r'shipping|delivery')
GIFT_WRAP = re.compile(r'gift')
SALE = re.compile(r'principal|ourprice|productcharges')

# What a part is a refund of, the first that fits.
CHARGES = (
    ('goodwill', re.compile(r'goodwill')),
    ('restocking', re.compile(r'restocking')),
    ('return_shipping', re.compile(r'returnshipping')),
    ('gift_wrap', re.compile(r'gift')),
    ('shipping', re.compile(r'shipping|delivery')),
    ('cod_fee', re.compile(r'^cod')),
    # Of taxes that Amazon withholds: those of all that is neither goods nor shipping.
    ('other', re.compile(r'(tax|vat)other$')),
)


def find_kind(path: str) -> str | None:
    """Return what a part of a refund is, by the types that lead to it in a transaction.

    :param path: See `amazon.finances.Transaction.leaves`.
    :return: `sale`, `shipping`, `gift_wrap`, `tax`, `promotion`, `tax_withheld` or `other`, empty
             if it is none of what the buyer gets; `None` if nobody knows.
    """
    words = _fold(path)
    leaf = words.rpartition('/')[2]
    if OTHER.search(words):
        return 'other'
    if NOT_THE_BUYERS.search(words):
        return ''
    for kind, pattern, text in (
        ('tax_withheld', WITHHELD, words),
        ('promotion', PROMOTION, words),
        ('tax', TAX, leaf),
        ('gift_wrap', GIFT_WRAP, words),
        ('shipping', SHIPPING, words),
        ('sale', SALE, words),
    ):
        if pattern.search(text):
            return kind
    return None


def find_charge(words: str) -> str:
    """Return what a part of a refund is given back of.

    :param words: The description in a settlement, or the types that lead to it in a transaction.
    :return: `item`, `shipping`, `gift_wrap`, `cod_fee` or `other`, or, of what is not in the order,
             `goodwill`, `restocking` or `return_shipping`.
    """
    leaf = _fold(words).rpartition('/')[2]
    return next((charge for charge, pattern in CHARGES if pattern.search(leaf)), 'item')


def is_tax_saved(words: str) -> bool:
    """Return whether a part of a promotion is the tax that it saves.

    :param words: As of :func:`find_charge`.
    """
    return 'taxdiscount' in _fold(words).rpartition('/')[2]


def _fold(words: str) -> str:
    return IGNORED.sub('', words.casefold())
