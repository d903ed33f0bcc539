"""Odoo as this checkout runs it: its configuration, its databases, its programs."""

import ast
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, CHECKOUT, CHECKOUT_KEY, CHECKOUT_STATE, MODULE, digest, locked
from .console import LAST_LINES, Failure, step
from .postgres import running_server
from .provision import find_odoo, find_odoo_script, find_python

CONFIGURATION = """[options]
addons_path = {addons}
data_dir = {data}
http_interface = 127.0.0.1
workers = 0
max_cron_threads = 1
"""

DATABASE_EXISTS = """
import sys, psycopg2
from contextlib import closing
with closing(psycopg2.connect(dbname='postgres')) as connection, connection.cursor() as cursor:
    cursor.execute('SELECT FROM pg_database WHERE datname = %s', sys.argv[1:])
    sys.exit(0 if cursor.rowcount else 3)
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

    def run(self, *arguments: str, log: Path) -> None:
        """Run Odoo to its end, its log going to a file.

        :raise Failure: If Odoo ends with an error or logs one.
        """
        with log.open('w') as output:
            status = subprocess.run(
                self.command(*arguments), env=self.environment, cwd=CHECKOUT,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
            ).returncode
        lines = log.read_text(errors='replace').splitlines()
        if status or any(' ERROR ' in line or ' CRITICAL ' in line for line in lines):
            last_lines = '\n'.join(lines[-LAST_LINES:])
            raise Failure(
                f"`odoo {' '.join(arguments)}` failed:\n{last_lines}", f"Read {log}.",
            )

    def database_exists(self, database: str) -> bool:
        """Return whether a database exists.

        :raise Failure: If the server cannot be reached.
        """
        result = subprocess.run(
            [self.python, '-c', DATABASE_EXISTS, database], env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )
        if result.returncode not in {0, 3}:
            raise Failure(
                f"PostgreSQL cannot be reached: {result.stderr.splitlines()[-1]}",
                "Check PGHOST, PGPORT, PGUSER and PGPASSWORD, or unset them for a private server.",
            )
        return result.returncode == 0

    def create_database(self, database: str) -> None:
        """Make a database, or make it anew, with everything the add-on depends on."""
        template = self._ensure_template()
        with locked('template'):
            self.run(
                'db', 'duplicate', '--force', template, database, log=_log_file(database),
            )

    def drop_database(self, database: str) -> None:
        """Delete a database that exists, with its files."""
        self.run('db', 'drop', database, log=_log_file(database))

    def install_module(self, database: str) -> None:
        """Install the add-on into a database, or upgrade it there."""
        self.run(
            '-d', database, '-i', MODULE, '-u', MODULE, '--stop-after-init', '--no-http',
            log=_log_file(database),
        )

    def _ensure_template(self) -> str:
        """Return the name of the database that holds the add-on's dependencies."""
        manifest = ast.literal_eval((CHECKOUT / '__manifest__.py').read_text(encoding='utf-8'))
        depends = ','.join(manifest['depends'])
        name = f'{MODULE}_template_{digest(depends, str(self.script), str(CACHE))}'
        with locked('template'):
            if self.database_exists(name):
                return name
            unfinished = f'{name}_part'
            with step(f"Installing {depends} into a template database"):
                if self.database_exists(unfinished):
                    self.drop_database(unfinished)
                self.run(
                    '-d', unfinished, '-i', depends, '--stop-after-init', '--no-http',
                    log=_log_file(name),
                )
                self.run('db', 'rename', unfinished, name, log=_log_file(name))
        return name


@contextmanager
def provisioned_odoo() -> Iterator[Odoo]:
    """Provide Odoo with all that it needs, for as long as the caller runs.

    :raise Failure: If something is missing that cannot be had.
    """
    root = find_odoo()
    script = find_odoo_script(root)
    python = find_python()
    addons = CHECKOUT_STATE / 'addons'
    addons.mkdir(parents=True, exist_ok=True)
    link = addons / MODULE
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    configuration = CHECKOUT_STATE / 'odoo.conf'
    configuration.write_text(CONFIGURATION.format(addons=addons, data=CACHE / 'data'))
    with running_server() as server_variables:
        yield Odoo(python, script, {
            **os.environ,
            **server_variables,
            'PATH': f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            'PYTHONPATH': str(root),
            'ODOO_RC': str(configuration),
            'ODOO_SCRIPT': str(script),
        })


def checkout_database(purpose: str) -> str:
    """Return the name of a database that other checkouts do not use."""
    return f'{MODULE}_{purpose}_{CHECKOUT_KEY}'


def _log_file(database: str) -> Path:
    return CHECKOUT_STATE / f'{database}.log'
