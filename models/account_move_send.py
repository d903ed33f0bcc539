from odoo import api, models

TEMPLATES = {
    'out_invoice': 'amazon_connector.mail_template_invoice',
    'out_refund': 'amazon_connector.mail_template_credit_note',
}
REFUSED = ('exception', 'bounce')  # what became of e-mails


class AccountMoveSend(models.AbstractModel):
    """Invoices to Amazon's buyers: with other words, and none where Amazon sends its own."""

    _inherit = 'account.move.send'

    # === BUSINESS METHODS === #

    @api.model
    def _get_default_mail_template_id(self, move):
        """Override of `account` to ask nobody to pay who has paid Amazon."""
        xmlid = move.amazon_order_ref and TEMPLATES.get(move.move_type)
        template = xmlid and self.env.ref(xmlid, raise_if_not_found=False)
        return template or super()._get_default_mail_template_id(move)

    @api.model
    def _get_move_constraints(self, move):
        """Override of `account` to send no buyer a second invoice beside Amazon's."""
        constraints = super()._get_move_constraints(move)
        if move.amazon_invoiced_by_amazon:
            constraints['amazon_invoices_itself'] = self.env._(
                "%(invoice)s: Amazon gives the buyer of the order %(order)s an invoice itself, in"
                " your name. This one is for your books only and is not sent; Print still works.",
                invoice=move.name,
                order=move.amazon_order_ref,
            )
        return constraints

    @api.model
    def _get_alerts(self, moves, moves_data):
        """Override of `account` to say why Amazon's buyers have no e-mail address."""
        alerts = super()._get_alerts(moves, moves_data)
        notes = {
            move.amazon_email_note for move in moves
            if 'email' in moves_data[move]['sending_methods'] and move.amazon_email_note
        }
        if notes:
            alerts['amazon_no_email'] = {'level': 'info', 'message': '\n'.join(sorted(notes))}
        return alerts

    @api.model
    def _send_mail(self, move, mail_template, **kwargs):
        """Override of `account` to remember what Amazon's buyers were sent."""
        super()._send_mail(move, mail_template, **kwargs)
        if move.amazon_order_ref:
            # In sudo mode: who sends an invoice need not be allowed to change it.
            move.sudo()._note_sent_to_amazon_buyer()


class MailNotification(models.Model):
    """E-mails that servers refuse, at once or later: Odoo knows of it here."""

    _inherit = 'mail.notification'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `mail` to let invoices say that they did not reach Amazon's buyers."""
        res = super().write(vals)
        if vals.get('notification_status') in REFUSED:
            # In sudo mode: whoever sends e-mails need not see invoices.
            for notification in self.sudo():
                message = notification.mail_message_id
                if message.model == 'account.move':
                    move = self.env['account.move'].sudo().browse(message.res_id).exists()
                    if (
                        move.amazon_send_state == 'sent'
                        and notification.res_partner_id == move.partner_id
                    ):
                        move._note_mail_refused(notification.failure_reason)
        return res
