from odoo import api, fields, models
from odoo.tools import format_date

from .activities import RENEWAL, plan_activity
from .amazon_connection_application import REMIND_DAYS


class AmazonAccount(models.Model):
    """What ends soon unless a person renews it: told on the overview, and by activities."""

    _inherit = 'amazon.account'

    renewal_notice = fields.Text(
        help="What ends within a month.", compute='_compute_renewal_notice', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('authorization_end', 'secret_end', 'state')
    def _compute_renewal_notice(self):
        for account in self:
            account.renewal_notice = '\n'.join(
                account._explain_renewal(name)
                for name, _days in account.connection_id._find_renewals()
            )

    # === BUSINESS METHODS === #

    def _remind_of_renewals(self):
        """Plan an activity 30 days before something ends and another one 7 days before, and take
        them back when it is renewed. Where that fails for an account, it does for no other.

        :return: None
        """
        for account in self:
            account._do_safely(lambda account: account._plan_renewals())

    def _plan_renewals(self):
        """Do `_remind_of_renewals` for one account."""
        self.ensure_one()
        # In sudo mode: what the connector remembers is for nobody else.
        connection = self.connection_id.sudo()
        due = dict(connection._find_renewals())
        reminders = {
            name: [fields.Date.to_string(connection[name]), days] for name, days in due.items()
        }
        before = connection.reminders or {}
        news = [name for name in due if reminders[name] != before.get(name)]
        if not due or news:
            self.activity_unlink([RENEWAL])
        for name in news:
            soon = due[name] == REMIND_DAYS[0]
            plan_activity(
                self, RENEWAL, self._explain_renewal(name), self._get_person_in_charge(),
                deadline=fields.Date.context_today(self) if soon else connection[name],
            )
        if reminders != before:
            connection.reminders = reminders

    def _explain_renewal(self, name):
        """Return a sentence about something that ends, with the next step.

        :param str name: The field that says when.
        :rtype: str
        """
        self.ensure_one()
        date = format_date(self.env, self.connection_id[name])
        if name == 'authorization_end':
            return self.env._(
                "The authorization on Amazon ends on %(date)s: press Authorize Again on the"
                " account. Everything stays as it is.",
                date=date,
            )
        return self.env._(
            "The LWA Client Secret ends on %(date)s: press Renew Client Secret on the account,"
            " which says how.",
            date=date,
        )
