"""What an UPLOAD_VAT_INVOICE says, what Amazon makes of it, and what it reports.

The document is one PDF; which order it is for, and what else Amazon must know, are options of the
feed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from .orders import Order
from .state import Seller
from .vat_invoices import CREDIT_NOTE, INVOICE, VatInvoice

FEED_TYPE = 'UPLOAD_VAT_INVOICE'
# Amazon takes one upload in three seconds.
RATE, BURST = 1 / 3, 1
COUNTRIES = frozenset({'BE', 'DE', 'ES', 'FR', 'GB', 'IE', 'IT', 'NL', 'PL', 'SE'})
DOCUMENT_TYPES = (INVOICE, CREDIT_NOTE)
PDF_MARK = b'%PDF'
PREFIX = 'metadata:'
SHIPPED_STATUSES = ('PARTIALLY_SHIPPED', 'SHIPPED')
INVOICED_BY_AMAZON = 'INVOICE_BY_AMAZON'

CODE_NOT_PDF = '79503'
CODE_OPTIONS = '79513'
CODE_ORDER = '79517'
CODE_BY_AMAZON = '79525'
CODE_DOCUMENT_TYPE = '79531'
CODE_NO_FILE = '79540'
CODE_NO_CREDIT_NOTE = '79544'
# Amazon publishes no numbers of these.
CODE_KNOWN_NUMBER = '79533'
CODE_TOTAL = '79537'


class InvoiceError(Exception):
    """Amazon does not take the document."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f'{code}: {description}')
        self.code = code
        self.description = description


@dataclass
class InvoiceReport:
    """A processing report, about one record.

    :param error: why the document was not taken, None when it was
    :param successful: how many records are counted as successful
    :param is_listed: whether an error is listed, and not only counted
    """
    error: InvoiceError | None
    successful: int
    is_listed: bool = True
    is_fatal: bool = False

    content_type = 'text/plain; charset=UTF-8'

    def render(self, feed_id: str, seller_id: str) -> bytes:
        """Return the report as Amazon's text."""
        lines = [
            'Feed Processing Summary:',
            '\tNumber of records processed\t\t1',
            f'\tNumber of records successful\t\t{self.successful}',
            '',
        ]
        if self.error and self.is_listed:
            lines += [
                'original-record-number\tsku\terror-code\terror-type\terror-message',
                f'1\t\t{self.error.code}\tError\t{self.error.description}',
                '',
            ]
        return '\n'.join(lines).encode()


def process_vat_invoice(
    seller: Seller,
    marketplace_id: str,
    options: Mapping[str, str],
    content: bytes,
    manners: Collection[str] = (),
) -> InvoiceReport:
    """Keep the document of a feed, if Amazon takes it.

    :param options: the feed's `feedOptions`
    :param content: the document, empty when nothing was uploaded
    :param manners: 'feed_half' and 'feed_skips_last' leave the document undone, which then is not
        counted as successful; 'report_incomplete' does not list an error
    """
    if {'feed_half', 'feed_skips_last'} & set(manners):
        return InvoiceReport(None, successful=0)
    try:
        invoice = _read(seller, marketplace_id, options)
        seller.vat_invoices.append(replace(invoice, content=_read_pdf(invoice, content)))
    except InvoiceError as error:
        return InvoiceReport(error, successful=0, is_listed='report_incomplete' not in manners)
    return InvoiceReport(None, successful=1)


def _read(seller: Seller, marketplace_id: str, options: Mapping[str, str]) -> VatInvoice:
    """Return what the options tell of a document, which itself is still to be read.

    :raise InvoiceError: Amazon does not take it
    """
    values = {
        name.removeprefix(PREFIX): value.strip()
        for name, value in options.items() if name.startswith(PREFIX) and value.strip()
    }
    missing = [f'{PREFIX}{name}' for name in ('orderid', 'invoicenumber') if name not in values]
    if missing:
        raise InvoiceError(CODE_OPTIONS, f"Please provide {','.join(missing)}")
    document_type = values.get('documenttype', INVOICE)
    if document_type not in DOCUMENT_TYPES:
        raise InvoiceError(
            CODE_DOCUMENT_TYPE, f'The document type {document_type} is not supported',
        )
    order = _find_order(seller, marketplace_id, values['orderid'])
    number = values['invoicenumber']
    if any(invoice.number == number for invoice in seller.find_vat_invoices(order.order_id)):
        raise InvoiceError(
            CODE_KNOWN_NUMBER,
            f'InvoiceNumber {number} was already uploaded for orderId {order.order_id}',
        )
    if document_type == INVOICE:
        _check_total(order, values.get('totalamount'))
    return VatInvoice(
        order_id=order.order_id,
        number=number,
        document_type=document_type,
        marketplace_id=marketplace_id,
        uploaded_at=seller.clock.now(),
        content=b'',
        transaction_id=values.get('transactionid', ''),
        options=dict(options),
    )


def _find_order(seller: Seller, marketplace_id: str, order_id: str) -> Order:
    """Return the order that a document is for.

    :raise InvoiceError: there is none, it is not shipped yet, or Amazon itself writes its invoices
    """
    order = seller.orders.get(order_id)
    if (
        order is None
        or order.marketplace.id != marketplace_id
        or order.status not in SHIPPED_STATUSES
    ):
        raise InvoiceError(
            CODE_ORDER,
            f'orderId {order_id} is invalid: it does not exist, does not belong to the seller, or '
            'has not been dispatched yet',
        )
    if INVOICED_BY_AMAZON in order.programs:
        raise InvoiceError(
            CODE_BY_AMAZON, f'Amazon will generate invoice for shipmentId N/A, orderId {order_id}',
        )
    return order


def _check_total(order: Order, total: str | None) -> None:
    """Check the total that a document is said to have.

    :raise InvoiceError: it is not what the buyer pays for the order
    """
    if total is None:
        return
    try:
        amount = Decimal(total)
    except InvalidOperation:
        amount = None
    if amount != order.grand_total:
        raise InvoiceError(
            CODE_TOTAL, f'TotalAmount {total} is not that of orderId {order.order_id}',
        )


def _read_pdf(invoice: VatInvoice, content: bytes) -> bytes:
    """Return the document.

    :raise InvoiceError: it is no PDF, or nothing at all
    """
    about = (
        f'shipmentId N/A, orderId {invoice.order_id} and invoiceNumber {invoice.number}'
    )
    if not content:
        code = CODE_NO_CREDIT_NOTE if invoice.document_type == CREDIT_NOTE else CODE_NO_FILE
        raise InvoiceError(
            code, f'Invoice missing in feed submission. Please provide an invoice for {about}',
        )
    if not content.startswith(PDF_MARK):
        raise InvoiceError(CODE_NOT_PDF, f'Invoice uploaded is not pdf for {about}')
    return content
