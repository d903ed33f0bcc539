import traceback
from contextlib import contextmanager
from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon.errors import AmazonError, Malformed, Throttled, Unauthorized, Unavailable
from ..amazon.texts import clean
from .quiet import log_failure, quiet_sql

# What is nobody's fault, and stops more than one record: somebody else has to wait.
NOT_A_RECORDS_FAULT = (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, Throttled, Unauthorized, Unavailable)
OWN_MODULES = __name__.partition('.models.')[0]
BACK_OFF_MINUTES = (1, 5, 30, 120, 720)


class AmazonSyncMixin(models.AbstractModel):
    """What records that are exchanged with Amazon have in common: a failure stays on its record.

    The architecture's question is who has to wait. Here it is the record: it gets a reason in
    words, tries again with growing delays, and waits for a person in the end.
    """

    _name = 'amazon.sync.mixin'
    _description = "Amazon Synchronization"

    # === BUSINESS METHODS - ONE RECORD STOPS NO OTHER === #

    def _do_safely(self, action):
        """Do something with this record; whatever goes wrong stays on it, so that whoever loops
        goes on with the next one.

        :param action: Takes the record; may write, but not commit.
        :return: What it returns; `None` if it failed.
        :raise Exception: What stops more than this record, see `NOT_A_RECORDS_FAULT`.
        """
        self.ensure_one()
        self._flush_before()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                return action(self)
        except NOT_A_RECORDS_FAULT:
            raise
        except Exception as exception:
            self._note_failure_safely(exception)
            return None

    def _do_each(self, action):
        """Do something with each of these records; whatever goes wrong stays on its record.

        As long as nothing goes wrong it is done in one savepoint, for there may be thousands.

        :param action: Takes a record; may write, but not commit.
        :return: None
        """
        def do_all(records):
            for record in records:
                with record._blamed():
                    action(record)

        for record, exception in self._do_together_or_apart(do_all).items():
            record._note_failure_safely(exception)

    def _note_failure_safely(self, exception):
        """Keep why the record failed. If not even that can be done, only the log tells.

        :param Exception exception: What went wrong.
        :return: None
        """
        self._flush_before()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                self._note_failure(exception)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as second:
            self.invalidate_recordset(flush=False)
            log_failure(self, second)

    def _note_failure(self, exception):
        """Keep why the record failed. To be overridden where there is a place for it.

        :param Exception exception: What went wrong.
        :return: None
        """
        log_failure(self, exception)

    def _flush_before(self):
        """Write what is pending, before a savepoint does: what PostgreSQL refuses of it is not the
        fault of what is to be done, and leaves a transaction that is good for nothing.

        :return: None
        """
        with quiet_sql():
            self.env.cr.flush()

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
        self._flush_before()
        try:
            # Odoo would log a refused statement with the personal data in it.
            with quiet_sql(), self.env.cr.savepoint():
                return action(self) or {}
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            culprit = getattr(exception, 'culprit', self.browse())
            # What is made for these records may itself blame one of another model.
            culprit = self & culprit if culprit._name == self._name else self.browse()
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
        """Return a sentence for the person who has to act, in this add-on's own words.

        What others say may quote a buyer, and is in `_get_answer`.

        :param Exception exception: What stopped the record.
        :return: The sentence, in the user's language.
        :rtype: str
        """
        if isinstance(exception, Malformed) or _is_own(exception):
            return clean(str(exception))
        if isinstance(exception, UserError):
            return self.env._(
                "Odoo or another of its modules refuses it. Its own words are for Amazon users.",
            )
        if isinstance(exception, AmazonError):
            return self.env._("Amazon refuses it. Its own words are for Amazon users.")
        if isinstance(exception, UniqueViolation):
            return self.env._(
                "Another process made the same record at the same time. It is tried again by"
                " itself.",
            )
        log_failure(self, exception)
        return self.env._(
            "Unexpected error (%(error)s). The server log of this minute tells more; it is a defect"
            " of the connector or of another module.",
            error=type(exception).__name__,
        )

    @api.model
    def _get_answer(self, exception):
        """Return what Amazon or another module says, for the eyes of Amazon users only.

        :param Exception exception: What stopped the record.
        :return: The text, empty where the reason says all.
        :rtype: str
        """
        if isinstance(exception, AmazonError) and not isinstance(exception, Malformed):
            return clean(exception.details or str(exception))
        if isinstance(exception, UserError) and not _is_own(exception):
            return clean(str(exception))
        return ''

    @api.model
    def _prepare_failure_values(self, prefix, reason=False, answer=False, attempts=0):
        """Return the values that say what failed; by default that nothing did.

        :param str prefix: Begins the names of the fields: `_reason`, `_answer`, `_attempts` and
            `_next_try` follow.
        :param reason: The sentence for people.
        :type reason: str | bool
        :param answer: What others said.
        :type answer: str | bool
        :param int attempts: The failures so far.
        :rtype: dict
        """
        return {
            f'{prefix}_reason': reason,
            f'{prefix}_answer': answer,
            f'{prefix}_attempts': attempts,
            f'{prefix}_next_try': bool(attempts) and self._get_next_try(attempts),
        }

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


def _is_own(exception):
    """Return whether an error for the user was raised, and so worded, by this add-on."""
    frames = [frame for frame, _line in traceback.walk_tb(exception.__traceback__)]
    return isinstance(exception, UserError) and bool(frames) and (
        frames[-1].f_globals.get('__name__', '').startswith(f'{OWN_MODULES}.')
    )
