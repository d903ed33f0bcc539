"""What a test run's log says: which tests passed, which failed, and what should not be there."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ENTRY = re.compile(
    r'\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[\w.]+): (?P<text>.*)'
)
STARTED = re.compile(r'Starting (?P<test>\S+) \.\.\.')
FAILED = re.compile(r'(?:FAIL: |ERROR: |skipped )(?:Subtest )?(?P<test>\w+\.\w+|[^\n]+)')
SUMMARY = re.compile(r'\d+ failed, \d+ error\(s\) of (?P<count>\d+) tests')
CONSEQUENCE = re.compile(r'Module \w+: \d+ failures, |At least one test failed ')
SERIOUS = {'WARNING', 'ERROR', 'CRITICAL'}

EXPECTED_WARNINGS: tuple[str, ...] = ()
"""Texts of warnings that a healthy run logs, each with its reason."""


@dataclass
class Entry:
    """One entry of Odoo's log.

    :param str level: Its level, such as "WARNING".
    :param str logger: Who wrote it.
    :param str text: Its message, with the lines that follow it.
    """

    level: str
    logger: str
    text: str


@dataclass
class Results:
    """The outcome of tests and checks.

    :param set passed: The names of those that passed.
    :param dict failed: What to tell about each that failed, by name.
    """

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, problem: str) -> None:
        """Add the outcome of one check; no problem means that it passed."""
        if problem:
            self.failed[name] = problem
        else:
            self.passed.add(name)

    def update(self, other: 'Results') -> None:
        """Take over the outcomes of another part of the run."""
        self.passed |= other.passed
        self.failed |= other.failed

    @property
    def is_success(self) -> bool:
        """Whether something was tested and nothing failed."""
        return bool(self.passed) and not self.failed

    def __str__(self) -> str:
        return f'{len(self.passed)} passed, {len(self.failed)} failed'


def parse_log(lines: Iterable[str], name: str) -> Results:
    """Read the outcome of a test run from Odoo's log.

    A skipped test has failed: Odoo skips tours silently when it finds no browser. A warning or
    error outside a test is reported too, and so is a run that ended early or ran no test.

    :param lines: The lines that Odoo wrote.
    :param str name: What to call the log itself among the outcomes.
    :return: The outcome of each test, and of the log as a whole.
    """
    started: set[str] = set()
    results = Results()
    unexpected = []
    announced = None
    for entry in _read_entries(lines):
        module = entry.logger.removeprefix('odoo.addons.')
        if match := STARTED.match(entry.text):
            started.add(f"{module}:{match['test']}")
        elif match := FAILED.match(entry.text):
            test = f"{module}:{match['test']}"
            results.failed[test] = f'{results.failed.get(test, "")}{entry.text}\n'
        elif match := SUMMARY.match(entry.text):
            announced = int(match['count'])
        elif _is_unexpected(entry):
            unexpected.append(f'{entry.level} {entry.logger}: {entry.text}')
    results.passed = started - results.failed.keys()
    if announced is None:
        unexpected.append("The run ended before its tests did.")
    elif not announced:
        unexpected.append("No test was run.")
    results.add(name, '\n'.join(unexpected))
    return results


def _read_entries(lines: Iterable[str]) -> Iterator[Entry]:
    entry = None
    for line in lines:
        if match := ENTRY.match(line):
            if entry:
                yield entry
            entry = Entry(**match.groupdict())
        elif entry:
            entry.text += f'\n{line.rstrip()}'
    if entry:
        yield entry


def _is_unexpected(entry: Entry) -> bool:
    return (
        entry.level in SERIOUS
        and not CONSEQUENCE.match(entry.text)
        and not any(text in entry.text for text in EXPECTED_WARNINGS)
    )
