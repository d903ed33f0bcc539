"""Entry point: `python3 -m dev COMMAND`."""

import argparse
import signal
import sys
from collections.abc import Callable

from . import run
from .cache import CACHE
from .console import Failure, say
from .demo_server import demo


def main() -> int:
    """Run the command that the command line names.

    :return: The exit status.
    """
    options = vars(_parser().parse_args())
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        return options.pop('function')(**options) or 0
    except Failure as failure:
        say(f"\n{failure.problem}\n\nRemedy: {failure.remedy}")
        return 1
    except OSError as error:
        say(f"\n{error}\n\nRemedy: Check the free space and the permissions of {CACHE}.")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python3 -m dev')
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    def add(name: str, function: Callable[..., int | None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=function.__doc__.splitlines()[0])
        command.set_defaults(function=function)
        return command

    add('demo', demo)
    add('test', run.test).add_argument('tags', nargs='?', default='')
    add('lint', run.lint)
    add('db', run.create_database).add_argument('database')
    add('shell', run.shell).add_argument('database')
    add('exec', run.execute).add_argument('command', nargs=argparse.REMAINDER)
    add('bench', run.bench).add_argument(
        'part', nargs='?', default='', choices=['', 'orders', 'shipments', 'offers', 'settlements'],
    )
    add('pot', run.pot)
    add('clean', run.clean)
    return parser


sys.exit(main())
