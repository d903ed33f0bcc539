from ast import literal_eval

from odoo import api, fields, models
from odoo.fields import Domain


class AmazonAccount(models.Model):
    """The overview: a card per account, for which each way counts what is its own.

    In sudo mode: whoever sees the account may know the numbers.
    """

    _inherit = 'amazon.account'

    currency_id = fields.Many2one(related='company_id.currency_id')
    problems = fields.Text(
        help="What keeps the account from doing what it should.",
        compute='_compute_problems',
        compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    def _compute_problems(self):
        for account in self:
            account.problems = '\n'.join(
                account._find_problems() if account.state == 'connected' else (),
            )

    # === BUSINESS METHODS === #

    def _find_problems(self):
        """Return what keeps the account from doing what it should. To be extended by each way.

        :return: Sentences, each with what to do.
        :rtype: list[str]
        """
        self.ensure_one()
        ways = dict(self.env['amazon.sync']._fields['way']._description_selection(self.env))
        return [
            self._get_cron_problem(ways[sync.way], sync._get_cron())
            for sync in self.connection_id.sync_ids if not sync._get_cron().active
        ]

    @api.model
    def _get_cron_problem(self, way, cron):
        """Return a sentence about a cron that is switched off.

        :param str way: What it does, as people call it.
        :param ir.cron cron: The cron.
        :rtype: str
        """
        return self.env._(
            "%(way)s: the scheduled action “%(cron)s” is switched off, so that nothing happens by"
            " itself. Switch it on under Settings ▸ Technical ▸ Scheduled Actions.",
            way=way,
            cron=cron.name,
        )

    def _count_by_account(self, model, domain, measure='__count'):
        """Count the records of a model by their Amazon account.

        :param str model: A model with an `account_id` or `amazon_account_id`.
        :param Domain domain: Which records.
        :param str measure: What is counted.
        :rtype: dict[amazon.account, int]
        """
        Model = self.env[model]
        name = 'account_id' if 'account_id' in Model._fields else 'amazon_account_id'
        return dict(Model._read_group(Domain(name, 'in', self.ids) & domain, [name], [measure]))

    def _open(self, xmlid, domain=None, **context):
        """Return an action narrowed to the accounts of `self`.

        :param str xmlid: The action.
        :param Domain domain: What is the accounts'; what their `account_id` says by default.
        :param context: What else the context says, e.g. which filters are set.
        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(xmlid)
        action['domain'] = list(domain or [('account_id', 'in', self.ids)])
        action['context'] = {**literal_eval(action['context'] or '{}'), **context}
        return action
