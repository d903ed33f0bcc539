"""What is tested: the add-on's own tests, and the checks of its source."""

import os
import re
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .cache import CHECKOUT, CHECKOUT_STATE, MODULE, locked
from .console import Failure, say, step
from .results import STARTED, Results, parse_log
from .server import Odoo, checkout_database, end, find_free_port

TIME_LIMIT = 60 * 60  # seconds

CORES = 2
"""How many runs share the tests: tests of processes and of the browser need a core each."""

SLOW = ('_processes', '_tours', '_languages', '_uninstall')
"""How the names of files end whose tests wait for processes and browsers."""

SLOWNESS = 10
"""How much longer these take than others of their size."""

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
        self.test_class = ''

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

    def announce(self, log: TextIO) -> bool:
        """Tell which test classes have begun since the last look.

        :param log: The log of this run, open where the last look ended.
        :return: Whether the run goes on.
        """
        is_running = self.process.poll() is None
        for line in log:
            if (match := STARTED.search(line)) and match['test'].split('.')[0] != self.test_class:
                self.test_class = match['test'].split('.')[0]
                say(f"    {self.test_class}")
        return is_running

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


def run_tests(odoo: Odoo, *shares: str) -> Results:
    """Run tests, each share of them beside the others.

    :param str shares: Odoo's `--test-tags` of each share.
    :raise Failure: If the tests do not end in time.
    """
    results = Results()
    with step(f"Testing {MODULE if len(shares) > 1 else shares[0]}"), ExitStack() as stack:
        runs = {}
        for number, tags in enumerate(shares, 1):
            run = stack.enter_context(TestRun(odoo, f'test{number}', modules=MODULE, tags=tags))
            runs[run] = stack.enter_context(run.log.open(errors='replace'))
        _follow(runs)
        for run in runs:
            results.update(run.finish())
    return results


def share_tests() -> list[str]:
    """Return the tags of all tests in shares that take about as long, one for each core."""
    files = sorted((CHECKOUT / 'tests').glob('test_*.py'), key=_estimate_time)
    shares: list[list[Path]] = [[] for _core in range(CORES)]
    for file in reversed(files):
        min(shares, key=lambda share: sum(map(_estimate_time, share))).append(file)
    return [','.join(f'/{MODULE}/tests/{file.name}' for file in share) for share in shares]


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


def _estimate_time(file: Path) -> int:
    """Return how long a file of tests takes, in no unit."""
    return file.stat().st_size * (SLOWNESS if file.stem.endswith(SLOW) else 1)


def _follow(runs: dict[TestRun, TextIO]) -> None:
    """Tell which test classes are running, until the last ones are done."""
    deadline = time.monotonic() + TIME_LIMIT
    while running := [run for run, log in runs.items() if run.announce(log)]:
        if time.monotonic() > deadline:
            raise Failure(
                f"{running[0].test_class} was still running after {TIME_LIMIT // 60} minutes.",
                f"Read {running[0].log}.",
            )
        time.sleep(0.5)
