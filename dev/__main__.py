"""Entry point: `python3 -m dev COMMAND`."""

import argparse
import sys

from . import run
from .console import Failure, say


def main() -> int:
    """Run the command that the command line names.

    :return: The exit status.
    """
    parser = argparse.ArgumentParser(prog='python3 -m dev')
    commands = parser.add_subparsers(required=True)
    for name, function in (('db', run.create_database), ('shell', run.shell)):
        command = commands.add_parser(name, help=function.__doc__)
        command.add_argument('database')
        command.set_defaults(function=function)
    command = commands.add_parser('test', help=run.test.__doc__)
    command.add_argument('tags', nargs='?', default='')
    command.set_defaults(function=run.test)
    command = commands.add_parser('exec', help=run.execute.__doc__)
    command.add_argument('command', nargs=argparse.REMAINDER)
    command.set_defaults(function=run.execute)
    options = vars(parser.parse_args())
    try:
        return options.pop('function')(**options) or 0
    except Failure as failure:
        say(f"\n{failure.problem}\n\nRemedy: {failure.remedy}")
        return 1
    except KeyboardInterrupt:
        return 130


sys.exit(main())
