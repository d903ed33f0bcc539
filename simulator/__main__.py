"""Run the simulator: `python -m simulator --port 8070 --scenario stock`."""

from __future__ import annotations

import argparse
import logging

from .scenarios import SCENARIOS
from .server import Simulator


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog='python -m simulator', description=__doc__)
    parser.add_argument('--port', type=int, default=8070, help='0 for a free one')
    parser.add_argument('--scenario', choices=SCENARIOS, help='what the seller has sold already')
    parser.add_argument(
        '--throttle', type=float, default=1.0,
        help="scale of Amazon's rates, 1.0 for its own (default), 0 for no limit",
    )
    parser.add_argument('--verbose', action='store_true', help='one line per request')
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING)
    simulator = Simulator(arguments.port, throttle=arguments.throttle or None)
    if arguments.scenario:
        SCENARIOS[arguments.scenario](simulator.seller)
    with simulator:
        print(f'Amazon simulator at {simulator.url}', flush=True)
        try:
            simulator.wait()
        except KeyboardInterrupt:
            print()


if __name__ == '__main__':
    main()
