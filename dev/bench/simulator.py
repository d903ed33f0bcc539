"""The simulator in a process of its own, so that its work does not count as the connector's."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..cache import CHECKOUT
from ..console import Failure

TIME_LIMIT = 120  # seconds


@contextmanager
def running_simulator() -> Iterator[str]:
    """Run a simulator that does not throttle, and tell its address."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'simulator', '--port', '0', '--throttle', '0'],
        cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )
    try:
        greeting = process.stdout.readline()
        if not greeting:
            raise Failure("The simulator did not start.", "Read what it wrote above.")
        yield greeting.split()[-1]
    finally:
        process.terminate()
        process.wait()


def control(url: str, action: str, seller: str = '', **arguments: Any) -> Any:
    """Call the simulator's control API.

    :param str url: The simulator's address.
    :param str action: What to do, a name of `simulator.control`.
    :param str seller: The id of the seller to do it with, the first one by default.
    :param arguments: The action's arguments.
    :return: The answer.
    """
    request = urllib.request.Request(
        f'{url}/control/{action}' + (f'?seller={seller}' if seller else ''),
        data=json.dumps(arguments).encode(),
        headers={'Content-Type': 'application/json'},
    )
    with urllib.request.urlopen(request, timeout=TIME_LIMIT) as response:
        return json.load(response)
