"""What is tested: the add-on's own tests, and the checks of its source."""

import os
import re
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .cache import CHECKOUT, CHECKOUT_STATE, MODULE, locked
from .console import Failure, say, step
from .results import STARTED, Results, parse_log
from .server import Odoo, checkout_database, end, find_free_port

TIME_LIMIT = 60 * 60  # seconds

SOURCE_CHECKS = {
    'ruff': ('ruff', 'check', '--quiet', '.'),
    'pylint-odoo': ('pylint', '.'),
}

ODOO_LINT_TAGS = ','.join(f'/test_lint:{name}' for name in (
    'PotLinter', 'RoutesLinter', 'TestDunderinit', 'TestIndex',
    'TestLintOverrideSignatures', 'TestNaming', 'TestTestHoles',
))
"""The classes of Odoo's own `test_lint` that look at every add-on, not at Odoo's source alone.

Not `ManifestLinter`: it refuses the key `excludes`, which `base` reads. pylint-odoo checks
manifests.
"""

TERMS = CHECKOUT / 'i18n' / f'{MODULE}.pot'
TERMS_DATES = re.compile(r'^"(?:POT-Creation|PO-Revision)-Date: .*\n', re.MULTILINE)


class TestRun:
    """Odoo running tests in the background, on a database that lasts as long as the run.

    :param Odoo odoo: The Odoo to run.
    :param str purpose: What the run is for; part of the database's name.
    :param str modules: The modules to install, separated by commas.
    :param str tags: The tests to run, as Odoo's `--test-tags`.
    """

    def __init__(self, odoo: Odoo, purpose: str, *, modules: str, tags: str) -> None:
        self.odoo = odoo
        self.purpose = purpose
        self.database = f'{checkout_database(purpose)}_{os.getpid()}'
        self.log = CHECKOUT_STATE / f'{purpose}_{os.getpid()}.log'
        self.arguments = (
            '-d', self.database, '-i', modules, '--test-tags', tags, '--stop-after-init',
        )

    def __enter__(self) -> 'TestRun':
        self._drop_leftovers()
        self.odoo.create_database(self.database)
        self.log.touch()
        self.process = self.odoo.start(
            *self.arguments, '--http-port', str(find_free_port()), log=self.log,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.process)
        self.odoo.drop_database(self.database)

    def follow(self) -> None:
        """Tell which test class is running, until the last one is done."""
        deadline = time.monotonic() + TIME_LIMIT
        with self.log.open(errors='replace') as log:
            test_class = None
            while self.process.poll() is None:
                test_class = _announce_classes(log, test_class)
                if time.monotonic() > deadline:
                    raise Failure(
                        f"{test_class} was still running after {TIME_LIMIT // 60} minutes.",
                        f"Read {self.log}.",
                    )
                time.sleep(0.5)
            _announce_classes(log, test_class)

    def finish(self) -> Results:
        """Wait for the end of the run and return its outcome; a good run's log is deleted."""
        self.process.wait()
        with self.log.open(errors='replace') as log:
            results = parse_log(log, f'log of {self.purpose}')
        if results.failed:
            say(f"    The log is {self.log}")
        else:
            self.log.unlink()
        return results

    def _drop_leftovers(self) -> None:
        """Drop the databases of runs that were killed."""
        prefix = f'{checkout_database(self.purpose)}_'
        with locked('leftovers.lock'):
            for database in self.odoo.databases():
                # Tests with processes of their own name copies after it.
                process = database.removeprefix(prefix).split('_')[0]
                if database.startswith(prefix) and not Path('/proc', process).exists():
                    self.odoo.drop_database(database)


def run_tests(odoo: Odoo, tags: str = f'/{MODULE}') -> Results:
    """Run the add-on's tests, or some of them."""
    with step(f"Testing {tags}"), TestRun(odoo, 'test', modules=MODULE, tags=tags) as run:
        run.follow()
        return run.finish()


def check_source(odoo: Odoo) -> Results:
    """Run the linters that need no database."""
    results = Results()
    with step(f"Checking with {' and '.join(SOURCE_CHECKS)}"):
        for name, command in SOURCE_CHECKS.items():
            check = subprocess.run(
                [odoo.python.parent / command[0], *command[1:]],
                env=odoo.environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )
            failure = check.stdout or f"It ended with status {check.returncode}."
            results.add(name, failure if check.returncode else '')
    return results


def lint_run(odoo: Odoo) -> TestRun:
    """Return a run of Odoo's own checks of an add-on."""
    return TestRun(odoo, 'lint', modules=f'{MODULE},test_lint', tags=ODOO_LINT_TAGS)


def check_terms(odoo: Odoo, database: str) -> Results:
    """See that the template of translations holds the terms of the source."""
    results = Results()
    current = TERMS.exists() and export_terms(odoo, database) == TERMS.read_text(encoding='utf-8')
    results.add('translation template', '' if current else "Out of date: run `make pot`.")
    return results


def export_terms(odoo: Odoo, database: str) -> str:
    """Return the template of translations of a database with the add-on, without its dates."""
    exported = CHECKOUT_STATE / f'{database}.pot'
    odoo.run('i18n', 'export', '-d', database, '-o', str(exported), MODULE,
             log=exported.with_suffix('.log'))
    terms = TERMS_DATES.sub('', exported.read_text(encoding='utf-8'))
    exported.unlink()
    return terms


def _announce_classes(log: TextIO, test_class: str | None) -> str | None:
    """Name each test class that the log has begun since the last look."""
    for line in log:
        if (match := STARTED.search(line)) and match['test'].split('.')[0] != test_class:
            test_class = match['test'].split('.')[0]
            say(f"    {test_class}")
    return test_class
