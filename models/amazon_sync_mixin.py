import logging
import traceback
from contextlib import contextmanager
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon.errors import AmazonError
from .quiet import quiet_sql

_logger = logging.getLogger(__name__)

BACK_OFF_MINUTES = (1, 5, 30, 120, 720)


class AmazonSyncMixin(models.AbstractModel):
    """What records that are exchanged with Amazon have in common: a failure stays on its record.

    The architecture's question is who has to wait. Here it is the record: it gets a reason in
    words, tries again with growing delays, and waits for a person in the end.
    """

    _name = 'amazon.sync.mixin'
    _description = "Amazon Synchronization"

    # === BUSINESS METHODS === #

    @contextmanager
    def _blamed(self):
        """Blame this record for whatever goes wrong in the context, see `_do_together_or_apart`."""
        try:
            yield
        except Exception as exception:
            exception.culprit = self
            raise

    def _do_together_or_apart(self, action):
        """Do something with all records in one go or, if that fails, without the one to blame.

        Where nobody knows which one that is, halves are tried by themselves, so that a bad record
        costs the good ones little. Each attempt has its own savepoint, so that nothing half-made
        remains. A conflict with another worker is nobody's fault: it is raised, for the whole
        transaction to start again.

        :param action: Takes a recordset; raises if it can't be done, or returns the exceptions of
                       those records that it left out.
        :return: The exceptions of the records that failed.
        :rtype: dict[models.Model, Exception]
        """
        try:
            # Odoo would log a refused statement with the personal data in it.
            with quiet_sql(), self.env.cr.savepoint():
                return action(self) or {}
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            culprit = self & getattr(exception, 'culprit', self.browse())
            if not culprit and len(self) > 1:
                return self._do_halves_apart(action)
            failures = dict.fromkeys(culprit or self, exception)
        rest = culprit and self - culprit
        if rest:
            failures.update(rest._do_together_or_apart(action))
        return failures

    def _do_halves_apart(self, action):
        """Do something with the halves of records that can't all be done together.

        When nothing is wrong with the first half, something is with the second one, so that the
        second is not tried as a whole.

        :return: As `_do_together_or_apart`.
        :rtype: dict[models.Model, Exception]
        """
        middle = len(self) // 2
        first, second = self[:middle], self[middle:]
        failures = first._do_together_or_apart(action)
        if failures or len(second) == 1:
            return {**failures, **second._do_together_or_apart(action)}
        return second._do_halves_apart(action)

    def _get_failure_reason(self, exception):
        """Return a sentence for the person who has to act, without personal data.

        :param Exception exception: What stopped the record.
        :return: The sentence, in the user's language.
        :rtype: str
        """
        if isinstance(exception, (UserError, AmazonError)):
            return str(exception)
        if isinstance(exception, psycopg2.errors.UniqueViolation):
            return self.env._(
                "Another process made the same record at the same time. It is tried again by"
                " itself.",
            )
        # The message of a bug may quote a buyer's data, so that it is not logged.
        _logger.error(
            "%s failed with %s:\n%s",
            self,
            type(exception).__name__,
            ''.join(traceback.format_tb(exception.__traceback__)),
        )
        return self.env._(
            "Unexpected error (%(error)s). The server log of this minute tells more; it is a defect"
            " of the connector or of another module.",
            error=type(exception).__name__,
        )

    @api.model
    def _get_next_try(self, attempts):
        """Return when to try again after a number of failures.

        :param int attempts: The failures so far, 1 or more.
        :return: The time (UTC, naive), `False` when a person has to act first.
        :rtype: datetime | bool
        """
        if attempts > len(BACK_OFF_MINUTES):
            return False
        return fields.Datetime.now() + timedelta(minutes=BACK_OFF_MINUTES[attempts - 1])
