"""What the person in front of the terminal sees: progress, and failures with a remedy."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LAST_LINES = 15


class Failure(Exception):
    """A step that cannot go on, in words a person can act upon.

    :param str problem: What went wrong.
    :param str remedy: What to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def say(message: str) -> None:
    """Print a progress line to standard error: standard output is kept for results."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a long step, and say how long it took."""
    say(f"==> {title} ...")
    start = time.monotonic()
    yield
    say(f"    {title}: {time.monotonic() - start:.0f} s")


def call(command: Sequence[str | Path], *, remedy: str, **options: Any) -> str:
    """Run a command to its end and return what it printed.

    :param command: The program and its arguments.
    :param str remedy: What a person can do when it fails.
    :param options: Options of `subprocess.run`.
    :return: The standard output and standard error, mixed.
    :raise Failure: If the command is missing or fails; it quotes the last lines printed.
    """
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            check=False,
            **options,
        )
    except OSError as error:
        raise Failure(f"{command[0]} could not be started: {error}", remedy) from error
    if result.returncode:
        last_lines = '\n'.join(result.stdout.splitlines()[-LAST_LINES:])
        raise Failure(f"`{' '.join(map(str, command))}` failed:\n{last_lines}", remedy)
    return result.stdout
