from odoo import api, models
from odoo.tools import email_split


class MailMail(models.Model):
    _inherit = 'mail.mail'

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `mail` to send Amazon's buyers nothing that a template sends by itself.

        Coupons, invitations and the like would cost the seller the account. What people write on a
        document, and the delivery e-mail, are notifications and go out.
        """
        mails = super().create(vals_list)
        mails.filtered(lambda mail: not mail.is_notification)._spare_amazon_buyers()
        return mails

    # === BUSINESS METHODS === #

    def _spare_amazon_buyers(self):
        """Take Amazon's buyers from the recipients; a mail without others is not sent.

        :return: None
        """
        addresses = {mail: email_split(mail.email_to or '') for mail in self}
        # In sudo mode: who sends mail need not see contacts.
        Partner = self.env['res.partner'].sudo().with_context(active_test=False)
        aliases = set(Partner.search([
            ('amazon_email', 'in', [email.lower() for emails in addresses.values()
                                    for email in emails]),
        ]).mapped('amazon_email'))
        for mail in self:
            buyers = mail.recipient_ids.filtered(
                lambda partner: partner.sudo().amazon_account_id
                or partner.sudo().commercial_partner_id.amazon_account_id,
            )
            others = [email for email in addresses[mail] if email.lower() not in aliases]
            if not buyers and len(others) == len(addresses[mail]):
                continue
            mail.recipient_ids -= buyers
            mail.email_to = ', '.join(others) or False
            if not mail.recipient_ids and not others:
                mail.write({
                    'state': 'cancel',
                    'failure_reason': self.env._(
                        "Amazon forbids marketing to its buyers, so that nothing is sent to them by"
                        " itself.",
                    ),
                })
