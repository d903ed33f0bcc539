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

    reminders = fields.Json(
        help="Of which ends the person in charge was reminded: the end, how many days before, and"
             " the activity.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
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
        account = self.sudo()
        due = dict(account.connection_id._find_renewals())
        before, reminders = account.reminders or {}, {}
        for name in before.keys() | due.keys():
            end = fields.Date.to_string(account[name])
            if name in due and before.get(name, [])[:2] == [end, due[name]]:
                reminders[name] = before[name]
                continue
            if name in before:
                account.activity_ids.filtered(lambda a, id_=before[name][2]: a.id == id_).unlink()
            if name in due:
                reminders[name] = [end, due[name], account._plan_renewal(name, due[name]).id]
        if reminders != before:
            account.reminders = reminders

    def _plan_renewal(self, name, days):
        """Plan an activity about something that ends.

        :param str name: The field that says when.
        :param int days: One of `REMIND_DAYS`.
        :return: The activity.
        :rtype: mail.activity
        """
        is_soon = days == REMIND_DAYS[0]
        return plan_activity(
            self, RENEWAL, self._explain_renewal(name), self._get_person_in_charge(),
            deadline=fields.Date.context_today(self) if is_soon else self[name],
        )

    def _explain_renewal(self, name):
        """Return a sentence about something that ends, with the next step.

        :param str name: The field that says when.
        :rtype: str
        """
        self.ensure_one()
        date = format_date(self.env, self[name])
        is_over = self[name] < fields.Date.context_today(self)
        if name == 'authorization_end':
            return self.env._(
                "The authorization on Amazon has ended on %(date)s: press Authorize Again on the"
                " account. Everything stays as it is.",
                date=date,
            ) if is_over else self.env._(
                "The authorization on Amazon ends on %(date)s: press Authorize Again on the"
                " account. Everything stays as it is.",
                date=date,
            )
        return self.env._(
            "The LWA Client Secret has ended on %(date)s: press Renew Client Secret on the account,"
            " which says how.",
            date=date,
        ) if is_over else self.env._(
            "The LWA Client Secret ends on %(date)s: press Renew Client Secret on the account,"
            " which says how.",
            date=date,
        )
