from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError

from .tools import open_form

PDF_MARK = b'%PDF'
DOCUMENTS = ('out_invoice', 'out_refund')


class AccountMove(models.Model):
    """Invoices for Amazon's buyers: whether Amazon has them, and what it is told of them."""

    _inherit = 'account.move'

    amazon_upload_ids = fields.One2many(
        comodel_name='amazon.invoice.upload',
        inverse_name='move_id',
        string="Amazon Uploads",
        groups='amazon_connector.group_amazon_user,account.group_account_readonly,'
               'account.group_account_invoice',
    )
    amazon_upload_state = fields.Selection(
        related='amazon_upload_ids.state',
        string="Uploaded to Amazon",
        help="Whether the buyer finds the document with the order on Amazon.",
    )
    amazon_upload_reason = fields.Char(
        related='amazon_upload_ids.reason', string="Why Amazon Does Not Have It",
    )
    amazon_can_upload = fields.Boolean(
        compute='_compute_amazon_can_upload', compute_sudo=True,
    )
    amazon_upload_note = fields.Char(
        string="Why It Is Not Uploaded by Itself",
        compute='_compute_amazon_upload_note',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('state', 'amazon_order_ref', 'amazon_upload_ids.state')
    def _compute_amazon_can_upload(self):
        for move in self:
            move.amazon_can_upload = (
                move.amazon_upload_state in (False, 'failed', 'skipped')
                and bool(move.amazon_order_ref)
                and not move._get_amazon_upload_obstacle()
            )

    @api.depends('state', 'amazon_order_ref', 'amazon_upload_ids', 'partner_id.email')
    def _compute_amazon_upload_note(self):
        for move in self:
            # Who has no e-mail address is said already; see `_explain_missing_email`.
            is_left_out = (
                move._is_for_amazon_buyer('upload')
                and not move.amazon_upload_ids
                and not move.amazon_email_note
            )
            move.amazon_upload_note = is_left_out and move._get_amazon_upload_obstacle()

    # === CRUD METHODS === #

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_amazon(self):
        """Keep what Amazon has: another document under its number would be taken for it."""
        # In sudo mode: who deletes an invoice need not see the outbox.
        for upload in self.sudo().amazon_upload_ids.filtered(lambda u: u._may_be_at_amazon()):
            raise UserError(self.env._(
                "%(invoice)s can't be deleted: Amazon has it already, or may have it, and takes no"
                " other document under its number. Press Cancel on it instead.",
                invoice=upload.number,
            ))

    # === ACTION METHODS === #

    def action_upload_to_amazon(self):
        """Let Amazon have the documents that it does not have yet, shortly.

        :return: The notification to show.
        :rtype: dict
        :raise UserError: If there is none that it could have, saying why.
        """
        self.check_access('write')
        # In sudo mode: who writes invoices need not see Amazon's things; only the connector writes
        # to the outbox.
        moves = self.sudo().filtered('amazon_can_upload')
        if not moves:
            raise UserError(self.sudo()[:1]._explain_no_upload())
        self.env['amazon.invoice.upload'].sudo()._create_for(moves)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success' if moves == self else 'warning',
                'message': self.env._(
                    "To be uploaded: %(count)s of %(all)s. It takes some minutes.",
                    count=len(moves),
                    all=len(self),
                ),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def action_open_amazon_upload(self):
        """Open what became of the upload.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.amazon_upload_ids)

    def button_draft(self):
        """Override of `account` to stop what is on its way to Amazon, or say that it is there."""
        res = super().button_draft()
        # In sudo mode: who resets an invoice need not see the outbox.
        for upload in self.sudo().amazon_upload_ids._recall():
            upload.move_id.message_post(body=self.env._(
                "Amazon has this document already, or is about to get it, and takes no second one"
                " under its number: a change does not reach the buyer. Make a credit note and a new"
                " invoice instead.",
            ))
        return res

    # === BUSINESS METHODS === #

    def _post(self, soft=True):
        """Override of `account` to let Amazon have what is posted, where the account says so."""
        posted = super()._post(soft=soft)
        posted._upload_to_amazon()
        return posted

    def _upload_to_amazon(self):
        """Put those into the outbox that Amazon's buyers are to find on Amazon.

        :return: None
        """
        moves = self.filtered(
            lambda move: move._is_for_amazon_buyer('upload')
            and move.move_type in DOCUMENTS
            and move._get_amazon_orders().amazon_marketplace_id.filtered('takes_invoices'),
        )
        if moves:
            # In sudo mode: who posts invoices need not see the outbox.
            self.env['amazon.invoice.upload'].sudo()._create_for(moves.sudo())

    def _explain_no_upload(self):
        """Return why a document can't be uploaded.

        :rtype: str
        """
        self.ensure_one()
        if self.amazon_upload_state == 'confirmed':
            return self.env._("%(invoice)s: Amazon has it already.", invoice=self.name)
        return self._get_amazon_upload_obstacle() or self.env._(
            "%(invoice)s is on its way to Amazon already.", invoice=self.name,
        )

    def _get_amazon_upload_obstacle(self):
        """Return why Amazon would not take a document, or must not get it.

        :return: A sentence, empty if nothing is in the way.
        :rtype: str
        """
        self.ensure_one()
        orders = self._get_amazon_orders()
        if self.state != 'posted' or self.move_type not in DOCUMENTS:
            return self.env._(
                "%(invoice)s is no posted invoice or credit note of a customer: Amazon takes"
                " nothing else.",
                invoice=self.display_name,
            )
        if not orders:
            return self.env._("%(invoice)s is of no Amazon order.", invoice=self.name)
        if len(orders) > 1:
            return self.env._(
                "%(invoice)s is of several Amazon orders (%(orders)s), and Amazon takes a document"
                " of one: invoice them one by one.",
                invoice=self.name,
                orders=', '.join(orders.mapped('amazon_order_ref')),
            )
        if self.amazon_invoiced_by_amazon:
            return self._get_by_amazon_sentence()
        if not orders.amazon_marketplace_id.takes_invoices:
            return self.env._(
                "%(marketplace)s takes no invoices of sellers: send %(invoice)s by e-mail.",
                marketplace=orders.amazon_marketplace_id.name,
                invoice=self.name,
            )
        return ''

    def _get_by_amazon_sentence(self):
        """Return that a document is not uploaded since Amazon makes one itself.

        :rtype: str
        """
        return self.env._(
            "Amazon itself gives the buyer an invoice for the order %(order)s. This one is for your"
            " books, and is not uploaded.",
            order=self._get_amazon_orders()[:1].amazon_order_ref,
        )

    def _get_amazon_document(self):
        """Return the PDF that a buyer gets: the one that there is, else it is made as *Send* does.

        :rtype: bytes
        :raise UserError: If it can't be printed.
        """
        self.ensure_one()
        if not self.invoice_pdf_report_id:
            self._check_pdf_engine()
            # The PDF alone: what goes to authorities, people or other crons send.
            self.env['account.move.send'].with_context(
                force_report_rendering=True,
            )._generate_and_send_invoices(
                self, sending_methods=[], extra_edis=set(), invoice_edi_format=False,
            )
        content = self.invoice_pdf_report_id.raw or b''
        if not content.startswith(PDF_MARK):
            raise UserError(self.env._(
                "%(invoice)s: the file that is attached as its PDF is no PDF. Delete this"
                " attachment on the invoice, and the PDF is printed anew.",
                invoice=self.name,
            ))
        return content

    def _check_pdf_engine(self):
        """Refuse to print where there is nothing to print with.

        :return: None
        :raise UserError: Saying what to install.
        """
        state = self.env['ir.actions.report'].get_wkhtmltopdf_state()
        if state not in ('ok', 'workers'):
            raise UserError(self._get_pdf_engine_sentence())

    def _get_pdf_engine_sentence(self):
        """Return that documents can't be printed, and what to do.

        :rtype: str
        """
        return self.env._(
            "This server can't print PDFs: install the program wkhtmltopdf on it and restart Odoo."
            " Then it goes on by itself.",
        )

    def _get_amazon_transaction_ref(self):
        """Return which refund on Amazon a credit note is about. To be extended by who knows.

        :return: Amazon's reference, empty if it is not known.
        :rtype: str
        """
        self.ensure_one()
        return ''

    def _get_amounts_for_amazon(self, order):
        """Return the amounts that Amazon is told, which it compares: none unless they are its own.

        :param sale.order order: The order.
        :return: As `amazon.vat_invoices.build_feed_options` takes them.
        :rtype: dict[str, Decimal]
        """
        self.ensure_one()
        differs = self.currency_id.compare_amounts(self.amount_total, order.amazon_total)
        if self.move_type != 'out_invoice' or differs or order.amazon_facilitated_tax:
            return {}
        digits = self.currency_id.decimal_places
        return {
            'total': Decimal(f'{self.amount_total:.{digits}f}'),
            'tax': Decimal(f'{self.amount_tax:.{digits}f}'),
        }
