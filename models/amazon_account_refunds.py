from odoo import fields, models
from odoo.fields import Domain

REFUNDS_URL = '/odoo/action-amazon_connector.action_amazon_refund'


class AmazonAccount(models.Model):
    """What is made of refunds."""

    _inherit = 'amazon.account'

    refund_policy = fields.Selection(
        selection=[
            ('manual', "By hand"),
            ('draft', "Draft Credit Notes"),
            ('post', "Posted Credit Notes"),
        ],
        string="Refunds As",
        help="What is made of a refund by itself, as soon as the order is invoiced. By hand:"
             " nothing before you press Make Credit Note on it. Set Up Accounting changes it to"
             " Draft Credit Notes the first time.",
        default='manual',
        required=True,
        tracking=True,
        copy=False,
    )
    refund_count = fields.Integer(
        string="Refunds", compute='_compute_refund_counts', compute_sudo=True,
    )
    refund_attention_count = fields.Integer(
        string="Refunds That Need Attention", compute='_compute_refund_counts', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_refund_counts(self):
        counts = self._count_by_account('amazon.refund', Domain.TRUE)
        attention = self._count_by_account(
            'amazon.refund', self.env['amazon.refund']._get_attention_domain(),
        )
        for account in self:
            account.refund_count = counts.get(account, 0)
            account.refund_attention_count = attention.get(account, 0)

    # === ACTION METHODS === #

    def action_set_up_accounting(self):
        """Override of `amazon_connector` to let credit notes be made: who keeps the books here
        expects them. What was chosen before stays.
        """
        new = self.filtered(lambda account: not account.booking_rule_ids)
        notification = super().action_set_up_accounting()
        # In sudo mode: who sets up accounting need not be an administrator of Amazon.
        new.sudo().filtered(
            lambda account: account.refund_policy == 'manual',
        ).refund_policy = 'draft'
        self.env['amazon.refund'].sudo()._wake()  # as above
        return notification

    def action_open_refunds(self):
        """Open the refunds of the account.

        :rtype: dict
        """
        return self._open(
            'amazon_connector.action_amazon_refund', Domain('account_id', 'in', self.ids),
        )

    # === BUSINESS METHODS === #

    def _get_refunds_notification(self, outcomes):
        """Say what was read.

        :param collections.Counter outcomes: How many transactions were `read`.
        :return: The notification to show.
        :rtype: dict
        """
        parts = [self.env._("Transactions read: %(count)s", count=outcomes['read'])]
        failed = sum(self.mapped('refund_attention_count'))
        if failed:
            parts.append(self.env._("Refunds that need attention: %(count)s", count=failed))
        return self._notify_with_errors(
            ' · '.join(parts), failed, [{'label': self.env._("Refunds"), 'url': REFUNDS_URL}],
        )

    def _find_failures(self):
        """Override of `amazon_connector` to tell of refunds that wait for a person."""
        if self.env['amazon.refund'].search_count(
            Domain('account_id', '=', self.id) & Domain('state', '=', 'failed'), limit=1,
        ):
            return self.env._(
                "Refunds wait for a person. Amazon ▸ Money ▸ Refunds, filter Needs Attention, shows"
                " each with its reason.",
            )
        return super()._find_failures()


class ResCompany(models.Model):
    """Where workers meet that take refunds of a company up, from whichever source."""

    _inherit = 'res.company'

    amazon_refund_takings = fields.Integer(
        help="How often refunds were taken up. Two workers that do so at once both change it, so"
             " that one of them begins again and sees what the other one has found.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )

    # === BUSINESS METHODS === #

    def _meet_over_refunds(self):
        """Let no other worker take refunds of the company up in this transaction.

        :return: None
        """
        self.ensure_one()
        company = self.sudo()  # a figure of the connector's own
        company.amazon_refund_takings += 1
        company.flush_recordset(['amazon_refund_takings'])
