"""What goes wrong, logged without what it was about: refused statements, and the messages of
defects, would quote buyers and secrets.
"""

import logging
import re
import traceback
from contextlib import contextmanager
from contextvars import ContextVar

_logger = logging.getLogger(__name__)

_is_quiet = ContextVar('_is_quiet', default=False)
# For good, and for nobody but who asks for it: Odoo's `mute_logger` is one for all threads, and two
# that overlap leave the log mute.
logging.getLogger('odoo.sql_db').addFilter(lambda _record: not _is_quiet.get())


_unlogged_fields = set()
# Odoo logs at DEBUG what it is called with over RPC.
logging.getLogger('odoo.service.model').addFilter(
    lambda record: not any(name in record.getMessage() for name in _unlogged_fields),
)


def keep_unlogged(*names):
    """Keep calls that write fields out of the log, for good.

    :param str names: The fields in which people enter secrets.
    :return: None
    """
    _unlogged_fields.update(names)


_hidden_paths = set()


def _cut_query(record):
    """Take the query off a line about a request, where it holds what lets somebody in."""
    message = record.getMessage()
    if any(path in message for path in _hidden_paths):
        record.msg, record.args = re.sub(r'\?\S*', '?…', message), ()
    return True


logging.getLogger('werkzeug').addFilter(_cut_query)


def hide_query(*paths):
    """Keep what follows the question mark out of the log of requests, for good.

    :param str paths: The paths of the requests.
    :return: None
    """
    for path in paths:
        # A request to log in first has it in its own query.
        _hidden_paths.update((path, path.replace('/', '%2F')))


@contextmanager
def quiet_sql():
    """Keep the statements of this thread, refused ones above all, out of the log meanwhile."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def log_failure(records, exception):
    """Log a defect without its message.

    :param models.Model records: What it happened with.
    :param Exception exception: What happened.
    :return: None
    """
    _logger.error(
        "%s failed with %s:\n%s",
        records,
        type(exception).__name__,
        ''.join(traceback.format_tb(exception.__traceback__)),
    )
