"""Where the workshop keeps what it built: one folder per user, with a name per version."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .console import Failure, say

MODULE = 'amazon_connector'
CHECKOUT = Path(__file__).resolve().parent.parent
CACHE_HOME = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache').absolute()
CACHE = CACHE_HOME / 'amazon-connector'


def digest(*parts: str) -> str:
    """Return a short name that changes with any of the parts."""
    return hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:8]


CHECKOUT_KEY = digest(str(CHECKOUT))
CHECKOUT_STATE = CACHE / f'checkout-{CHECKOUT_KEY}'


@contextmanager
def locked(name: str, *, busy: Failure | None = None) -> Iterator[None]:
    """Keep other runs out of a part of the cache.

    :param str name: The part's lock file, for example "python.lock".
    :param Failure busy: What to raise when another run is in there, instead of waiting for it.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / name).open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy:
                raise busy from None
            say(f"    Waiting for another run ({name})")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
