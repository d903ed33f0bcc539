"""Odoo as this checkout runs it: its configuration, its databases, its programs."""

import ast
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, CHECKOUT, CHECKOUT_KEY, CHECKOUT_STATE, MODULE, digest, locked
from .console import LAST_LINES, Failure, step
from .postgres import SERVER_VARIABLES, running_server
from .provision import find_odoo, find_python

CONFIGURATION = """[options]
addons_path = {addons}
data_dir = {data}
http_interface = 127.0.0.1
workers = 0
max_cron_threads = 1
"""

FAILED_LINE = re.compile(r' \d+ (?:ERROR|CRITICAL) ')

LIST_DATABASES = """
import psycopg2, sys
try:
    connection = psycopg2.connect(dbname='postgres')
except psycopg2.OperationalError as error:
    sys.exit(str(error))
with connection.cursor() as cursor:
    cursor.execute('SELECT datname FROM pg_database')
    print(*(name for name, in cursor), sep='\\n')
"""


@dataclass(frozen=True)
class Odoo:
    """Everything it takes to start Odoo with the add-on.

    :param Path python: The interpreter of the virtual environment.
    :param Path script: The program that starts Odoo.
    :param dict environment: The variables of every process of the run.
    """

    python: Path
    script: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that starts Odoo."""
        return [str(self.python), str(self.script), *arguments]

    def start(self, *arguments: str, log: Path) -> subprocess.Popen:
        """Start Odoo in the background, its log going to a file.

        Ctrl-C does not reach it: whoever starts it has to `end` it.
        """
        with log.open('w') as output:
            return subprocess.Popen(
                self.command(*arguments), env=self.environment, cwd=CHECKOUT,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *arguments: str, log: Path) -> None:
        """Run Odoo to its end, its log going to a file.

        :raise Failure: If Odoo ends with an error or logs one.
        """
        process = self.start(*arguments, log=log)
        try:
            process.wait()
        finally:
            end(process)
        lines = log.read_text(errors='replace').splitlines()
        errors = [number for number, line in enumerate(lines) if FAILED_LINE.search(line)]
        if process.returncode or errors:
            tail = [line for line in lines[errors[0] if errors else 0:] if ' INFO ' not in line]
            last_lines = '\n'.join(tail[-LAST_LINES:])
            raise Failure(
                f"`odoo {' '.join(arguments)}` failed:\n{last_lines}",
                f"Mend what the message names. The whole log is {log}.",
            )

    def databases(self) -> set[str]:
        """Return the names of the server's databases.

        :raise Failure: If the server cannot be reached.
        """
        listing = subprocess.run(
            [self.python, '-c', LIST_DATABASES], env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )
        if listing.returncode:
            raise Failure(
                f"PostgreSQL cannot be reached.\n{listing.stderr.strip()}",
                "Correct PGHOST, PGPORT, PGUSER and PGPASSWORD, or unset them all.",
            )
        return set(listing.stdout.splitlines())

    def create_database(self, database: str) -> None:
        """Make a database, or make it anew, with everything the add-on depends on."""
        with locked('template.lock'):
            template = self._ensure_template()
            self.run('db', 'duplicate', '--force', template, database, log=log_file(database))

    def drop_database(self, database: str) -> None:
        """Delete a database that exists, with its files and its log."""
        log = log_file(database)
        self.run('db', 'drop', database, log=log)
        log.unlink()

    def install_module(self, database: str) -> None:
        """Install the add-on into a database."""
        self._load(database, '-i', MODULE)

    def upgrade_module(self, database: str) -> None:
        """Bring a database with the add-on up to date with its source."""
        self._load(database, '-u', MODULE)

    def _load(self, database: str, option: str, modules: str) -> None:
        self.run(
            '-d', database, option, modules, '--stop-after-init', '--no-http',
            log=log_file(database),
        )

    def _ensure_template(self) -> str:
        """Return the name of the database that holds the add-on's dependencies."""
        manifest = ast.literal_eval((CHECKOUT / '__manifest__.py').read_text(encoding='utf-8'))
        depends = ','.join(manifest['depends'])
        template = f'{MODULE}_template_{digest(depends, str(self.script), str(CACHE))}'
        databases = self.databases()
        if template not in databases:
            unfinished = f'{template}_part'
            with step(f"Installing {depends} into a template database (about a minute)"):
                if unfinished in databases:
                    self.drop_database(unfinished)
                self._load(unfinished, '-i', depends)
                self.run('db', 'rename', unfinished, template, log=log_file(template))
        return template


@contextmanager
def provisioned_odoo() -> Iterator[Odoo]:
    """Provide Odoo with all that it needs, for as long as the caller runs.

    :raise Failure: If something is missing that cannot be had.
    """
    source = find_odoo()
    python = find_python()
    with running_server() as server_variables:
        configuration = _write_configuration()
        yield Odoo(python, source.script, {
            **os.environ,
            **server_variables,
            'PATH': f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            'PYTHONPATH': str(source.root),
            'ODOO_RC': str(configuration),
            'ODOO_SCRIPT': str(source.script),
        })


def _write_configuration() -> Path:
    """Write Odoo's configuration for this checkout and this server, and return its path."""
    addons = CHECKOUT_STATE / 'addons'
    server = digest(*(os.environ.get(variable, '') for variable in SERVER_VARIABLES))
    text = CONFIGURATION.format(addons=addons, data=CACHE / f'data-{server}')
    configuration = CHECKOUT_STATE / f'odoo-{digest(text)}.conf'
    with locked('checkouts.lock'):
        if not configuration.exists():
            addons.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                (addons / MODULE).symlink_to(CHECKOUT)
            configuration.write_text(text)
    return configuration


def checkout_database(purpose: str) -> str:
    """Return the name of a database that other checkouts do not use."""
    return f'{MODULE}_{purpose}_{CHECKOUT_KEY}'


def log_file(database: str) -> Path:
    """Return the file that holds what Odoo last did to a database."""
    return CHECKOUT_STATE / f'{database}.log'


def end(process: subprocess.Popen) -> None:
    """End an Odoo at once, with the browsers and programs that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def find_free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
