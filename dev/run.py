"""The commands that the Makefile offers."""

import os
import socket
import subprocess
from collections.abc import Sequence

from .cache import CHECKOUT, CHECKOUT_STATE, MODULE
from .console import say, step
from .provision import require_browser
from .results import STARTED, Results, parse_log
from .server import Odoo, checkout_database, provisioned_odoo


def create_database(database: str) -> None:
    """Make a fresh database with the add-on installed."""
    with provisioned_odoo() as odoo:
        with step(f"Creating the database {database}"):
            odoo.create_database(database)
        with step("Installing the add-on"):
            odoo.install_module(database)


def shell(database: str) -> int:
    """Open an Odoo shell on a database, or run the script that comes on standard input."""
    with provisioned_odoo() as odoo:
        return subprocess.run(
            odoo.command('shell', '-d', database, '--no-http', '--log-level=warn'),
            env=odoo.environment, cwd=CHECKOUT, check=False,
        ).returncode


def execute(command: Sequence[str]) -> int:
    """Run any command with Odoo, its virtual environment and its server at hand."""
    with provisioned_odoo() as odoo:
        return subprocess.run(command, env=odoo.environment, cwd=CHECKOUT, check=False).returncode


def test(tags: str) -> int:
    """Run tests on a fresh database; the last line counts them.

    :param str tags: Odoo's `--test-tags`, to run only some of the tests; else all of them run.
    """
    require_browser()
    with provisioned_odoo() as odoo:
        results = _run_tests(odoo, tags or f'/{MODULE}')
    return _report(results)


def _run_tests(odoo: Odoo, tags: str) -> Results:
    database = checkout_database('test') + f'_{os.getpid()}'
    log = CHECKOUT_STATE / 'test.log'
    with step("Creating the test database"):
        odoo.create_database(database)
    try:
        with step(f"Testing {tags}"), log.open('w') as output:
            process = subprocess.Popen(
                odoo.command(
                    '-d', database, '-i', MODULE, '--test-tags', tags,
                    '--stop-after-init', '--http-port', str(_find_free_port()),
                ),
                env=odoo.environment, cwd=CHECKOUT, text=True, errors='replace',
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            test_class = None
            for line in process.stdout:
                output.write(line)
                if (match := STARTED.search(line)) and match['test'].split('.')[0] != test_class:
                    test_class = match['test'].split('.')[0]
                    say(f"    {test_class}")
            process.wait()
    finally:
        odoo.drop_database(database)
    with log.open() as lines:
        return parse_log(lines)


def _report(results: Results) -> int:
    for name, problem in results.failed.items():
        say(f"\nFAILED {name}\n{problem}")
    print(results, flush=True)
    return 0 if results.is_success else 1


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
