"""The processes of the benchmark, and what they measure."""

import json
import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType

from ..cache import CHECKOUT
from ..console import Failure
from .simulator import control


@dataclass(frozen=True)
class Measure:
    """What something took.

    :param float result: How many orders it was about; where clocks jump, the seconds on them.
    :param float seconds: The time it took.
    :param int statements: The SQL statements sent.
    :param float peak: The highest memory use of the process until then, in MiB.
    """

    result: float
    seconds: float
    statements: int
    peak: float


class Worker:
    """A contender's process; a context manager that ends it.

    :param str database: The database to work on.
    :param str contender: A key of `worker.CONTENDERS`.
    :param str simulator: The simulator's address.
    """

    def __init__(self, database: str, contender: str, simulator: str) -> None:
        self.contender = contender
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'dev.bench.worker', database, contender, simulator],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def __enter__(self) -> 'Worker':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill() if error else self._process.stdin.close()
        self._process.wait()

    def do(self, method: str, count: int) -> Measure:
        """Let the contender do something.

        :param str method: A method of the contender.
        :param int count: Its number of orders.
        :raise Failure: If it can't.
        """
        self._process.stdin.write(f'{json.dumps([method, count])}\n')
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Failure(f"{self.contender}: {method} failed.", "Read what it wrote above.")
        return Measure(**json.loads(answer))


def count_calls(simulator: str, status: int | None = None) -> int:
    """Return how often the Selling Partner API was called, with a certain outcome if given."""
    return sum(
        call['operation'] != 'lwa' and status in (None, call['status'])
        for call in control(simulator, 'calls')
    )


def print_target(finding: str, is_reached: bool) -> None:
    """Print whether a target is met."""
    print(f"{finding:70}{'reached' if is_reached else 'MISSED'}")
