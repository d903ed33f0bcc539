from odoo import api, fields, models
from odoo.fields import Domain

from odoo.addons.amazon_connector.amazon import marketplaces
from odoo.addons.amazon_connector.models.amazon_check import Finding
from odoo.addons.amazon_connector.models.tools import CRON_SECONDS, TimeBudget


class AmazonAccount(models.Model):
    """Toys: the setting, the figure on the card, the check and the cron."""

    _inherit = 'amazon.account'

    sells_toys = fields.Boolean(default=True)
    toy_count = fields.Integer(compute='_compute_toy_count', compute_sudo=True)

    def _compute_toy_count(self):
        counts = self._count_by_account('amazon.toy', Domain('state', '=', 'to_send'))
        for account in self:
            account.toy_count = counts.get(account, 0)

    @api.model
    def _cron_count_toys(self):
        """Ask Amazon about toys, through all connections in turn."""
        self.env['amazon.sync']._run_way('toys', TimeBudget(CRON_SECONDS))

    def _find_problems(self):
        """Override of `amazon_connector` to look for toys."""
        problems = super()._find_problems()
        if not self.sells_toys:
            problems.append("Toys: there are none to play with.")
        return problems


class AmazonCheck(models.Model):
    """The line of the check-up about toys."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check toys."""
        return [*super()._get_codes(), ('toys', "Toys")]

    @api.model
    def _check_toys(self, checkup):
        """Find out whether there are toys to play with."""
        if checkup.account.sells_toys:
            return Finding('ok', "There are toys to play with.")
        return Finding('error', "There are none to play with.", "Sell Toys")

    def _remedy_toys(self):
        """Sell toys."""
        self.account_id.sells_toys = True


class AmazonSync(models.Model):
    """The way of toys in."""

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('toys', "Toys")], ondelete={'toys': 'cascade'})

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'toys':
            return super()._get_cron()
        return self.env.ref('amazon_toy.ir_cron_count_toys').sudo()

    def _work(self, run):
        """Override of `amazon_connector` to count what Amazon answers."""
        if self.way != 'toys':
            return super()._work(run)
        with self._call_amazon(run) as client:
            answer = marketplaces.fetch_participations(client)
            run.outcomes['toys'] += len(marketplaces.parse_participations(answer))
            self.cursor = fields.Datetime.now()
        self._note_success(run)
        return False
