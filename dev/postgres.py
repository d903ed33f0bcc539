"""The PostgreSQL server of a run: the one that `PG*` names, else a private cluster."""

import fcntl
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .cache import CACHE, digest, locked
from .console import Failure, call, step
from .debian import install

SERVER_VARIABLES = ('PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGSERVICE')
ROLE = 'odoo'  # Odoo refuses to run as `postgres`.
PROGRAMS = Path('/usr/lib/postgresql')
ROOT_CLUSTERS = Path('/var/lib/amazon-connector')
"""Where clusters of root lie: the user they run as may not look into root's own folders."""

USERS_LOCK = 'postgresql.users'

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
shared_buffers = 256MB
max_connections = 100
# Nothing in here outlives a crash, nor has to: it is built anew.
fsync = off
synchronous_commit = off
full_page_writes = off
"""


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """Keep a server running, and stop the private one when its last user is done.

    :return: The environment variables that lead to it.
    :raise Failure: If there is no server, and none can be made.
    """
    if any(os.environ.get(variable) for variable in SERVER_VARIABLES):
        if os.environ.get('PGUSER') == 'postgres':
            raise Failure(
                "Odoo refuses to work as PostgreSQL's user `postgres`.",
                "Name a role of its own in PGUSER: createuser --createdb odoo",
            )
        yield {}
        return
    cluster = Cluster()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / USERS_LOCK).open('w') as users:
        with locked('postgresql.lock'):
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.start()
        try:
            yield {'PGHOST': str(cluster.socket), 'PGUSER': ROLE}
        finally:
            # Stays running while another run holds its share of the lock.
            with locked('postgresql.lock'), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                cluster.stop()


class Cluster:
    """A private cluster that is reached through a unix socket only, and never runs as root."""

    def __init__(self) -> None:
        self.programs = _find_programs()
        self.user = _find_unprivileged_user()
        key = digest(str(CACHE.resolve()))
        version = self.programs.parent.name
        # A socket's path may have 107 characters at most: the cache's may be longer.
        self.socket = Path('/tmp') / f'amazon-connector-{key}-{version}'
        self.folder = CACHE / 'postgresql' if self.user is None else ROOT_CLUSTERS / key
        self.data = self.folder / f'postgresql-{version}'
        self.log = self.data / 'server.log'

    def start(self) -> None:
        """Make the cluster if need be, and start it unless it is running."""
        if not self.data.exists():
            with step("Creating a private PostgreSQL cluster"):
                self._create()
        if self.is_running():
            return
        self._make_folder(self.socket)
        self._run(
            'pg_ctl', 'start', '-w', '-s', '-D', self.data, '-l', self.log,
            remedy=f"Read {self.log}; `make clean` removes the cluster.",
        )

    def stop(self) -> None:
        """Stop the server if it runs, disconnecting whoever is left."""
        if self.is_running():
            self._run(
                'pg_ctl', 'stop', '-w', '-s', '-m', 'fast', '-D', self.data,
                remedy=f"Read {self.log}.",
            )

    def is_running(self) -> bool:
        """Return whether the server runs."""
        try:
            self._run('pg_ctl', 'status', '-D', self.data, remedy='')
        except Failure:
            return False
        return True

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        for folder in (self.folder, self.socket):
            shutil.rmtree(folder, ignore_errors=True)
        _owner_of(self.folder).unlink(missing_ok=True)

    def _create(self) -> None:
        unfinished = self.folder / 'unfinished'
        shutil.rmtree(unfinished, ignore_errors=True)
        if self.user is None:
            self.folder.mkdir(exist_ok=True)
        else:
            self._make_root_folder()
        self._make_folder(unfinished)
        self._run(
            'initdb', '-U', ROLE, '--auth-local=trust', '--auth-host=reject',
            '--encoding=UTF8', '--locale=C', '-D', unfinished,
            remedy=f"Check the free space and the permissions of {self.folder}.",
        )
        with (unfinished / 'postgresql.conf').open('a') as settings:
            settings.write(SETTINGS.format(socket=self.socket))
        unfinished.rename(self.data)

    def _make_root_folder(self) -> None:
        """Make the folder of root's cluster, and delete those whose caches are gone."""
        for folder in (ROOT_CLUSTERS, self.folder):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        for owner in ROOT_CLUSTERS.glob('*.cache'):
            if not owner.exists():
                shutil.rmtree(owner.with_suffix(''), ignore_errors=True)
                owner.unlink()
        owner = _owner_of(self.folder)
        owner.unlink(missing_ok=True)
        owner.symlink_to(CACHE)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder that only the cluster's user (and root) may enter."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        if self.user is not None:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def _run(self, program: str, *arguments: str | Path, remedy: str) -> None:
        identity = {} if self.user is None else {
            'user': self.user.pw_uid, 'group': self.user.pw_gid, 'extra_groups': [],
        }
        call([self.programs / program, *arguments], remedy=remedy, cwd='/', **identity)


def _owner_of(folder: Path) -> Path:
    """Return the link that leads from a cluster of root to the cache it belongs to."""
    return folder.with_suffix('.cache')


def remove_cluster() -> None:
    """Stop and delete the private cluster of this cache.

    :raise Failure: If another run is using it.
    """
    if list(PROGRAMS.glob('*/bin/initdb')):
        busy = Failure("Another run is using the private PostgreSQL server.", "End that run first.")
        with locked(USERS_LOCK, busy=busy):
            Cluster().remove()


def _find_programs() -> Path:
    """Return the folder of the newest PostgreSQL server's programs, installing one at need."""
    for _attempt in range(2):
        if found := list(PROGRAMS.glob('*/bin/initdb')):
            return max(found, key=lambda path: int(path.parts[-3])).parent
        install('postgresql')
    raise Failure(
        f"No PostgreSQL server under {PROGRAMS}.",
        "Install PostgreSQL, or name a running server with PGHOST, PGPORT, PGUSER, PGPASSWORD.",
    )


def _find_unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom the cluster runs as when root makes it, else `None`."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam('postgres')
    except KeyError:
        return pwd.getpwnam('nobody')
