"""What a test run's log says: which tests passed, which failed, and what should not be there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

ENTRY = re.compile(
    r'\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[\w.]+): (?P<message>.*)'
)
STARTED = re.compile(r'Starting (?P<test>\S+) \.\.\.')
FAILED = re.compile(r'(?:FAIL|ERROR): (?:Subtest )?(?P<test>\S+)')
SKIPPED = re.compile(r'skipped (?P<test>\S+) : (?P<reason>.*)')
SUMMARY = re.compile(r'\d+ failed, \d+ error\(s\) of (?P<count>\d+) tests')
SERIOUS = {'WARNING', 'ERROR', 'CRITICAL'}

EXPECTED_WARNINGS = ()
"""Texts of warnings that a healthy run logs, each with its reason."""


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


def parse_log(lines: Iterable[str]) -> Results:
    """Read the outcome of a test run from Odoo's log.

    A skipped test has failed: Odoo skips tours silently when it finds no browser. A warning or
    error outside a test is reported too, and so is a run that ended early or ran no test.

    :param lines: The lines that Odoo wrote.
    :return: The outcome of each test, and of the log as a whole.
    """
    started, failed, unexpected = set(), {}, []
    announced = None
    details: list[str] = []
    for line in lines:
        entry = ENTRY.match(line)
        if not entry:
            details.append(line.rstrip())
            continue
        details = [entry['message']]
        test_name = f"{entry['logger'].removeprefix('odoo.addons.')}:"
        if match := STARTED.match(entry['message']):
            started.add(test_name + match['test'])
        elif match := SKIPPED.match(entry['message']):
            failed[test_name + match['test']] = details
        elif match := SUMMARY.match(entry['message']):
            announced = int(match['count'])
        elif entry['level'] in SERIOUS:
            if match := FAILED.match(entry['message']):
                failed[test_name + match['test']] = details
            elif not any(text in entry['message'] for text in EXPECTED_WARNINGS):
                unexpected.append(details)
                details.insert(0, entry['level'])
    if announced is None:
        unexpected.append(["The run ended before its tests did."])
    elif not announced:
        unexpected.append(["No test was run."])
    results = Results(
        passed=started - failed.keys(),
        failed={test: '\n'.join(problem) for test, problem in failed.items()},
    )
    results.add('log', '\n'.join('\n'.join(problem) for problem in unexpected))
    return results
