"""Statements that PostgreSQL refuses, kept out of the log: they would quote what they were given."""

import logging
from contextlib import contextmanager
from contextvars import ContextVar

_is_quiet = ContextVar('_is_quiet', default=False)
# For good, and for nobody but who asks for it: Odoo's `mute_logger` is one for all threads, and two
# that overlap leave the log mute.
logging.getLogger('odoo.sql_db').addFilter(lambda _record: not _is_quiet.get())


@contextmanager
def quiet_sql():
    """Keep the statements of this thread, refused ones above all, out of the log meanwhile."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)
