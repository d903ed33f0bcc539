"""How fast orders come in, beside plain Odoo, and how soon at Amazon's rates."""

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from ..console import step
from .process import Measure, Worker, count_calls, print_target
from .simulator import control, running_simulator

ORDERS = 1000
ROUNDS = 10
CHANNELS = ('FBM', 'FBA')
# How much of its speed the connector may lose to orders that can't be imported.
FLAWED_TARGETS = {'1 in 100': 0.10, '5 in 100': 0.30}
# Orders in a round; one by one is too slow for as many.
ROUND_SIZES = {
    'batches': 100, 'FBM': 100, 'FBA': 100, **dict.fromkeys(FLAWED_TARGETS, 100), 'one by one': 10,
}
TITLES = {
    'FBM': "Connector, FBM",
    'FBA': "Connector, FBA",
    '1 in 100': "FBM, 1 in 100 bad",
    '5 in 100': "FBM, 5 in 100 bad",
    'batches': "Odoo, batches of 100",
    'one by one': "Odoo, one by one",
}
BATCHES_TARGET = 0.85
ONE_BY_ONE_TARGET = 2.0

BACKLOG = 10_000
PAGE_SIZE = 100
# Amazon's rates for `searchOrders`: calls at once, and calls per second from then on.
BURST, RATE = 20, 0.0056
DAY_TARGET = 0.10

NOTES = f"""\
Connector: {ORDERS} orders per channel, each of two lines and shipping, fetched from the simulator,
another process, and imported in batches of 100 with a commit each. FBM orders get their delivery,
FBA orders their done stock moves. The time to fetch is part of the speed.
Odoo: customers, orders with the same lines, prices and taxes, and action_confirm, with a commit per
batch and an ordinary context. Each order gets its delivery, beside FBA as well: plain Odoo has no
orders without.
Storable products in stock, 19 % tax included in prices. All take turns in {ROUNDS} rounds after a
warm-up; speeds are medians. Statements are those of all connections of the process."""


@dataclass
class Score:
    """What a contender reached.

    :param float speed: Orders per second.
    :param float statements: SQL statements per order.
    :param float peak: The highest memory use, in MiB.
    :param int calls: Calls of the Selling Partner API.
    """

    speed: float
    statements: float
    peak: float
    calls: int = 0


def run(database: str) -> None:
    """Measure it and print the tables.

    :param str database: A fresh database with the add-on.
    """
    with running_simulator() as simulator:
        scores = race(database, simulator)
        print_scores(scores)
        print_day(*live_a_day(database, simulator), scores['FBM'].speed)


def race(database: str, simulator: str) -> dict[str, Score]:
    """Let the contenders take turns.

    :return: What each reached, by contender.
    """
    with ExitStack() as stack:
        workers = {}
        for contender in ROUND_SIZES:
            with step(f"Warming up: {TITLES[contender]}"):
                worker = stack.enter_context(Worker(database, contender, simulator))
                worker.do('prepare', ORDERS)
                workers[contender] = worker
        fetched = {}
        for channel in (*CHANNELS, *FLAWED_TARGETS):
            with step(f"Fetching {ORDERS} {channel} orders"):
                control(simulator, 'clear_calls')
                measure = workers[channel].do('fetch', ORDERS)
                fetched[channel] = measure, count_calls(simulator)
        rounds = {contender: [] for contender in workers}
        for number in range(ROUNDS):
            with step(f"Round {number + 1} of {ROUNDS}"):
                for contender, worker in workers.items():
                    rounds[contender].append(worker.do('run', ROUND_SIZES[contender]))
    return {
        contender: summarize(measures, *fetched.get(contender, ()))
        for contender, measures in rounds.items()
    }


def summarize(rounds: list[Measure], fetch: Measure | None = None, calls: int = 0) -> Score:
    """Return what a contender reached.

    :param rounds: The rounds it ran.
    :param Measure fetch: What it did before for the orders of all rounds.
    :param int calls: The calls of the Selling Partner API.
    """
    seconds = median(measure.seconds / measure.result for measure in rounds)
    orders = sum(measure.result for measure in rounds)
    statements = sum(measure.statements for measure in rounds) / orders
    if fetch:
        seconds += fetch.seconds / fetch.result
        statements += fetch.statements / fetch.result
    return Score(1 / seconds, statements, rounds[-1].peak, calls)


def print_scores(scores: dict[str, Score]) -> None:
    """Print what the contenders reached, and which targets that meets."""
    print(f"\n{'':24}{'orders/s':>10}{'SQL/order':>11}{'calls/100':>11}{'peak MiB':>10}")
    for contender, title in TITLES.items():
        score = scores[contender]
        calls = f'{score.calls / ORDERS * 100:.1f}' if score.calls else '-'
        print(
            f'{title:24}{score.speed:10.1f}{score.statements:11.1f}{calls:>11}{score.peak:10.0f}',
        )
    speeds = {contender: score.speed for contender, score in scores.items()}
    most_calls = ORDERS // PAGE_SIZE + 1
    print()
    for channel in CHANNELS:
        share = speeds[channel] / speeds['batches']
        factor = speeds[channel] / speeds['one by one']
        calls = scores[channel].calls
        print_target(
            f"{channel}: {share:.0%} of the speed of batches (at least {BATCHES_TARGET:.0%})",
            share >= BATCHES_TARGET,
        )
        print_target(
            f"{channel}: {factor:.1f} times one by one (at least {ONE_BY_ONE_TARGET})",
            factor >= ONE_BY_ONE_TARGET,
        )
        print_target(
            f"{channel}: {calls} calls for {ORDERS} orders (at most {most_calls})",
            calls <= most_calls,
        )
    for contender, most in FLAWED_TARGETS.items():
        loss = 1 - speeds[contender] / speeds['FBM']
        print_target(f"{contender} bad: {loss:.0%} slower (at most {most:.0%})", loss <= most)
    print(f'\n{NOTES}', flush=True)


def live_a_day(database: str, simulator: str) -> tuple[Measure, int, int]:
    """Let the connector fetch a backlog within a day of Amazon's quotas.

    :return: The day, how many calls were made, and how many of them Amazon refused.
    """
    with Worker(database, 'day', simulator) as worker:
        with step(f"Placing {BACKLOG} orders"):
            worker.do('prepare', BACKLOG)
        control(simulator, 'clear_calls')
        with step("Living a day"):
            day = worker.do('run', BACKLOG)
    return day, count_calls(simulator), count_calls(simulator, 429)


def print_day(day: Measure, calls: int, refused: int, speed: float) -> None:
    """Print how long it took to catch up.

    :param Measure day: The day.
    :param int calls: The calls of 24 hours.
    :param int refused: Those of them that Amazon refused.
    :param float speed: The orders per second that can be fetched and imported.
    """
    optimum = (BACKLOG / PAGE_SIZE - BURST) / RATE
    print(
        f"\nA day at Amazon's rates, {BACKLOG} orders behind, looking every minute as Odoo's"
        f" scheduler does\n"
        f"{'Caught up after':24}{day.result / 3600:8.2f} h\n"
        f"{'Quotas allow':24}{optimum / 3600:8.2f} h\n"
        f"{'Calls in 24 h':24}{calls:8} ({refused} refused)\n"
        f"{'Real time':24}{day.seconds:8.0f} s\n",
    )
    excess = day.result / optimum - 1
    print_target(f"{excess:.1%} more than the optimum (at most {DAY_TARGET:.0%})",
                 excess <= DAY_TARGET)
    print(
        "\nThe orders are only fetched here: importing the 100 of a page takes"
        f" {PAGE_SIZE / speed:.0f} s as measured above,\nand after the first {BURST} pages the"
        f" quota allows one in {1 / RATE:.0f} s.",
    )
