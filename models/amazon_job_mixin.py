from odoo import api, fields, models


class AmazonJobMixin(models.AbstractModel):
    """Something that Amazon works on in its own time: a few steps, with waiting in between.

    A model that inherits this has an `account_id` and a `state`. What each step returns is
    committed before the next one, so that a job goes on where it was.
    """

    _name = 'amazon.job.mixin'
    _description = "Amazon Job"
    _inherit = ['amazon.sync.mixin']

    _open_states = ()  # those in which a step is due, now or later; to be overridden
    _job_cron = None  # the cron that does the steps; to be overridden
    _poll_pause = None  # how long Amazon is left alone with it; to be overridden

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to begin as soon as it is committed."""
        records = super().create(vals_list)
        records._wake_job()
        return records

    # === BUSINESS METHODS === #

    def _wake_job(self, at=None):
        """Let the cron do the next step.

        :param datetime at: When (UTC, naive); at once if not given.
        :return: None
        """
        self.env.ref(self._job_cron).sudo()._trigger(at=at)

    @api.model
    def _get_open(self, account):
        """Return the jobs of an account that are not finished, the oldest first.

        :param amazon.account account: The account.
        :rtype: models.Model
        """
        return self.search(
            [('account_id', '=', account.id), ('state', 'in', self._open_states)], order='id',
        )

    def _process(self, client):
        """Do steps until Amazon needs time for it; commit each.

        :param amazon.client.Client client: The client of the connection.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        self.ensure_one()
        goes_on = True
        while goes_on and self.try_lock_for_update(allow_referencing=True):
            if self.state not in self._open_states:
                break
            goes_on = self._do_safely(lambda job: job._do_next_step(client))
            self.env['ir.cron']._commit_progress()

    def _do_next_step(self, client):
        """Bring it one state forward. To be overridden.

        :param amazon.client.Client client: The client of the connection.
        :return: Whether the next step may follow at once.
        :rtype: bool
        """
        raise NotImplementedError

    def _wait_for_amazon(self):
        """Come back when Amazon may have gone on.

        :return: None
        """
        self._wake_job(at=fields.Datetime.now() + self._poll_pause)
