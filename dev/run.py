"""The commands that the Makefile offers."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from .cache import CACHE, CHECKOUT
from .checks import TERMS, check_source, check_terms, export_terms, lint_run, run_tests, share_tests
from .console import Failure, say, step
from .postgres import remove_cluster
from .provision import require_browser, require_pdf_engine
from .results import Results
from .server import Odoo, checkout_database, provisioned_odoo


def create_database(database: str) -> None:
    """Make a fresh database with the add-on installed."""
    with provisioned_odoo() as odoo:
        _create_database(odoo, database)


def shell(database: str) -> int:
    """Open an Odoo shell on a database, or run the script that comes on standard input."""
    with provisioned_odoo() as odoo:
        if database not in odoo.databases():
            raise Failure(f"There is no database {database}.", f"Run: make db DB={database}")
        return _run_in_foreground(
            odoo, odoo.command('shell', '-d', database, '--no-http', '--log-level=warn'),
        )


def execute(command: Sequence[str]) -> int:
    """Run any command with Odoo, its virtual environment and its server at hand."""
    with provisioned_odoo() as odoo:
        return _run_in_foreground(odoo, command)


def test(tags: str) -> int:
    """Run every test and check, or some tests; the last line counts them.

    :param str tags: Odoo's `--test-tags`, to run only those tests.
    """
    require_browser()
    require_pdf_engine()
    with provisioned_odoo() as odoo:
        if tags:
            return _report(run_tests(odoo, tags))
        results = check_source(odoo)
        with lint_run(odoo) as checks:
            results.update(run_tests(odoo, *share_tests()))
            results.update(checks.finish())
            results.update(check_terms(odoo, checks.database))
    return _report(results)


def lint() -> int:
    """Run every check of the source; the last line counts them."""
    with provisioned_odoo() as odoo:
        results = check_source(odoo)
        with step("Checking with Odoo's own test_lint"), lint_run(odoo) as checks:
            results.update(checks.finish())
            results.update(check_terms(odoo, checks.database))
    return _report(results)


def pot() -> None:
    """Write the template of translations."""
    with provisioned_odoo() as odoo, _temporary_database(odoo, 'pot') as database:
        TERMS.parent.mkdir(exist_ok=True)
        TERMS.write_text(export_terms(odoo, database), encoding='utf-8')
    say(f"    {TERMS.relative_to(CHECKOUT)} is up to date")


def bench(part: str) -> int:
    """Run the benchmark, or a part of it, on a fresh database.

    :param str part: A key of `dev.bench.__main__.PARTS`, to run only that one.
    """
    with provisioned_odoo() as odoo, _temporary_database(odoo, 'bench') as database:
        return _run_in_foreground(odoo, [str(odoo.python), '-m', 'dev.bench', database, part])


def clean() -> None:
    """Remove everything that the other commands have built."""
    with step(f"Removing {CACHE}"):
        remove_cluster()
        shutil.rmtree(CACHE, ignore_errors=True)


def _run_in_foreground(odoo: Odoo, command: Sequence[str]) -> int:
    """Run a command that deals with Ctrl-C itself, and return its exit status."""
    process = subprocess.Popen(command, env=odoo.environment, cwd=CHECKOUT)
    try:
        while True:
            with suppress(KeyboardInterrupt):
                return process.wait()
    finally:
        process.terminate()


def _create_database(odoo: Odoo, database: str) -> None:
    with step(f"Creating the database {database}"):
        odoo.create_database(database)
    with step("Installing the add-on"):
        odoo.install_module(database)


@contextmanager
def _temporary_database(odoo: Odoo, purpose: str) -> Iterator[str]:
    """Provide a fresh database with the add-on, for as long as the caller runs."""
    database = f'{checkout_database(purpose)}_{os.getpid()}'
    try:
        _create_database(odoo, database)
        yield database
    finally:
        if database in odoo.databases():
            odoo.drop_database(database)


def _report(results: Results) -> int:
    for name, problem in results.failed.items():
        say(f"\nFAILED {name}\n{problem}")
    print(results, flush=True)
    return 0 if results.is_success else 1
