"""What an offer offers of the stock, as a sum that can be shown line by line."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from odoo import models


@dataclass
class Claim:
    """Pieces of a product that are free in the stock, but promised to somebody."""

    record: models.Model  # amazon.order or stock.picking
    name: str
    quantity: Fraction
    is_imported: bool = False  # whether a delivery waits for them, which has not reserved them


@dataclass
class Supply:
    """Pieces of a product in a warehouse."""

    warehouse: models.Model  # stock.warehouse
    on_hand: Fraction
    reserved: Fraction


@dataclass
class Part:
    """A product that is taken from the stock: the one that is offered, or a part of the kit."""

    product: models.Model  # product.product
    per_piece: Fraction  # of the product that is offered
    supplies: list[Supply] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def free(self):
        """What nobody else gets, below zero where more is promised than there is."""
        held = sum((supply.on_hand - supply.reserved for supply in self.supplies), Fraction())
        return held - sum((claim.quantity for claim in self.claims), Fraction())

    @property
    def makes(self):
        """How many pieces of the product that is offered it suffices for."""
        return max(self.free / self.per_piece, Fraction())


@dataclass
class StockSum:
    """How the units that an offer offers come about; exact, as rounding would oversell."""

    left_alone: str | None = None  # why there are none
    is_zeroed: bool = False  # whether the account wants nothing offered without a product
    parts: list[Part] = field(default_factory=list)
    is_kit: bool = False
    buffer: int = 0
    ratio: Fraction = Fraction(100)  # per cent
    pack_size: int = 1
    cap: int = 0  # none

    @property
    def made(self):
        """The pieces that are free: for a kit, as many as its scarcest part makes."""
        made = min(part.makes for part in self.parts)
        return Fraction(floor(made)) if self.is_kit else made

    @property
    def shared(self):
        """The pieces that are offered of those."""
        return max(self.made - self.buffer, Fraction()) * self.ratio / 100

    @property
    def units(self):
        """The whole units of the offer that these make."""
        return floor(self.shared / self.pack_size)

    @property
    def offered(self):
        """The units to offer, `None` if the offer is to be left alone."""
        if self.left_alone:
            return None
        if self.is_zeroed:
            return 0
        return min(self.units, self.cap) if self.cap else self.units
