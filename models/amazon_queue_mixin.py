from odoo import api, fields, models
from odoo.fields import Domain


class AmazonQueueMixin(models.AbstractModel):
    """A record of the inbox or the outbox: it is done, or says why not and when it is tried again.

    The record has a `state`, one of whose values is `failed`.
    """

    _name = 'amazon.queue.mixin'
    _description = "Amazon Queue"
    _inherit = ['amazon.sync.mixin']

    _to_do_state = 'to_do'

    reason = fields.Char(help="Why it is not done, and what to do.", readonly=True, copy=False)
    answer = fields.Char(
        string="Original Words",
        help="What Amazon, Odoo or another module said. It may quote a buyer.",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )
    attempts = fields.Integer(readonly=True, copy=False)
    next_try = fields.Datetime(
        help="When it is tried again by itself. Empty: it waits for a person.",
        readonly=True,
        copy=False,
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to keep nobody's words beside a reason that they do not belong to."""
        if 'reason' in vals:
            vals = {'answer': False, **vals}
        return super().write(vals)

    # === BUSINESS METHODS === #

    @api.model
    def _get_due_domain(self):
        """Return the domain of what is to be done now.

        :rtype: Domain
        """
        in_time = Domain('next_try', '<=', fields.Datetime.now())
        return (
            Domain('state', '=', self._to_do_state) & (Domain('next_try', '=', False) | in_time)
            | Domain('state', '=', 'failed') & in_time
        )

    def _note_failure(self, exception):
        """Override of `amazon.sync.mixin`."""
        self._mark_failed(exception)

    def _mark_failed(self, exception):
        """Record why something could not be done, and when it is tried again.

        :param Exception exception: What stopped it.
        :return: None
        """
        attempts = self.attempts + 1
        self.write({
            'state': 'failed',
            'reason': self._get_failure_reason(exception),
            'answer': self._get_answer(exception),
            'attempts': attempts,
            'next_try': self._get_next_try(attempts),
        })
