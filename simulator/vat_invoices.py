"""The invoices that a merchant has uploaded for orders, as their buyers can download them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .rendering import to_iso

INVOICE, CREDIT_NOTE = 'Invoice', 'CreditNote'


@dataclass(frozen=True)
class VatInvoice:
    """A document that Amazon took.

    :param number: the merchant's own
    :param document_type: 'Invoice' or 'CreditNote'
    :param transaction_id: the refund that a credit note is about, '' when it does not say
    :param options: the `feedOptions` it came with, all of them
    :param content: the PDF
    """
    order_id: str
    number: str
    document_type: str
    marketplace_id: str
    uploaded_at: datetime
    content: bytes
    transaction_id: str = ''
    options: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document for the control API."""
        return {
            'order_id': self.order_id,
            'number': self.number,
            'document_type': self.document_type,
            'marketplace_id': self.marketplace_id,
            'uploaded_at': to_iso(self.uploaded_at),
            'transaction_id': self.transaction_id,
            'options': dict(self.options or {}),
            'content': base64.b64encode(self.content).decode(),
        }


class InvoiceOwner:
    """The part of a seller that has invoices; `vat_invoices` has them as they came."""

    def clear_vat_invoices(self) -> None:
        """Forget all invoices."""
        self.vat_invoices: list[VatInvoice] = []

    def find_vat_invoices(self, order_id: str) -> Iterator[VatInvoice]:
        """Yield what was uploaded for an order."""
        return (invoice for invoice in self.vat_invoices if invoice.order_id == order_id)
