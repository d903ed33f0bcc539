"""How fast offers come in, and how soon Amazon knows how many there are."""

from dataclasses import dataclass

from ..console import step
from .process import Measure, Worker, count_calls, print_target
from .simulator import control, running_simulator

FEW, MANY = 1000, 10_000
CHANGED = 100
ROUNDS = 9
# So many more statements, and seconds, may it take to find those among ten times as many offers.
STATEMENTS_TARGET, SECONDS_TARGET = 0.10, 0.50
# From 1500 on they go into a feed.
CALLED = 500
# Amazon's rates for `patchListingsItem`: calls at once, and calls per second from then on.
BURST, RATE = 5, 5.0
# Those for `searchListingsItems`, which tells of so many offers who ships them and how many it has.
READ_BURST, READ_RATE, READ_SIZE = 5, 5.0, 20
# What the simulator works on a feed, from its creation to its report: Amazon publishes no time.
FEED_SECONDS = 900
SEND_TARGET = 0.10
ONE_TARGET = 300  # seconds
DELIVERIES = 50

NOTES = f"""\
Import: one report of all listings, from the question to Amazon until the last line is stored;
again, when nothing but the time has changed on Amazon. Match: Match All, with as many products.
Calculate: the quantities of all offers for the first time, in preview. Peaks are those of the
process until then; it had the one of the row "Before".
Changed: the stock of {CHANGED} products has grown, in one transaction. The fastest of
{ROUNDS} rounds, for whatever else the machine does only slows them.
Feed and calls: as with deliveries, the clocks jump where Odoo's scheduler would wait, and by half a
second when a run found nothing but that the quota holds it up. Feed: the push has just been
switched on. Before a quantity is sent, Amazon is asked who ships the offer: {READ_SIZE} by a call,
{READ_BURST} calls at once, then {READ_RATE:.0f} a second. That, and the {FEED_SECONDS} seconds
that Amazon is made to work on the feed here, is the optimum. By calls, the {MANY} would take
{(MANY - BURST) / RATE:.0f} seconds at best, which is why they go into a feed.
Calls: {CALLED} of the products have changed: {BURST} at once, then {RATE:.0f} a second.
Told: Amazon has accepted it. Shown: it was read back, after two minutes at the earliest.
One: a product's stock has changed, and the scheduler is notified.
Marks: {DELIVERIES} deliveries of one product each, validated and committed one by one; the
statements of the transaction with the marks that have Amazon told, and without."""


@dataclass(frozen=True)
class Sending:
    """How Amazon was told of quantities.

    :param str title: In which way.
    :param int count: How many.
    :param float optimum: The seconds that the quotas and Amazon's own work allow.
    :param Measure told: What it took; its result are the seconds on the clocks.
    :param Measure shown: What it took to see that Amazon has them.
    :param int calls: The requests to Amazon, those that read it back included.
    :param int refused: Those of them that Amazon refused for want of quota.
    """

    title: str
    count: int
    optimum: float
    told: Measure
    shown: Measure
    calls: int
    refused: int

    @property
    def excess(self) -> float:
        """How much longer it took than it would have to, as a share of that."""
        return self.told.result / self.optimum - 1


def run(database: str) -> None:
    """Measure it and print the tables.

    :param str database: A fresh database with the add-on.
    """
    with running_simulator() as simulator:
        with Worker(database, 'few offers', simulator) as worker:
            few = fill(worker, FEW)
            found_few = find(worker, FEW)
        with Worker(database, 'many offers', simulator) as worker:
            many = fill(worker, MANY)
            found_many = find(worker, MANY)
            unmarked, marked = deliver(worker)
            sendings = push(worker, simulator)
    print_filling({FEW: few, MANY: many})
    print_found(found_few, found_many)
    print_sendings(sendings)
    print_marks(unmarked, marked)
    print(f'\n{NOTES}', flush=True)


def fill(worker: Worker, count: int) -> dict[str, Measure]:
    """Let offers come in and find their products.

    :return: What each step took, by its title.
    """
    measures = {'Before': worker.do('prepare', count)}
    with step(f"Importing {count} offers"):
        measures['Import'] = worker.do('import_listings', count)
    with step("Importing them again"):
        measures['Import again'] = worker.do('import_listings', count)
    with step(f"Making {count} products"):
        worker.do('create_products', count)
    with step("Matching them"):
        measures['Match'] = worker.do('match', count)
    with step("Calculating their quantities"):
        measures['Calculate'] = worker.do('calculate_all', count)
    return measures


def find(worker: Worker, count: int) -> Measure:
    """Let some of the offers change, and find them.

    :return: The fastest round.
    """
    rounds = []
    with step(f"Finding {CHANGED} that changed among {count}"):
        for _round in range(ROUNDS):
            worker.do('change', CHANGED)
            rounds.append(worker.do('find_changed', CHANGED))
    return min(rounds, key=lambda measure: measure.seconds)


def deliver(worker: Worker) -> tuple[Measure, Measure]:
    """Validate deliveries, without marks and with them."""
    with step(f"Delivering {2 * DELIVERIES} times"):
        worker.do('plan_deliveries', 2 * DELIVERIES + 2)
        worker.do('deliver', 2)  # The first ones are slower than all others.
        unmarked = worker.do('deliver_unmarked', DELIVERIES)
        marked = worker.do('deliver', DELIVERIES)
    return unmarked, marked


def push(worker: Worker, simulator: str) -> list[Sending]:
    """Let Amazon be told: of all in a feed, of many by calls, of one."""
    control(simulator, 'set_feed_pace', polls=0, seconds=FEED_SECONDS / 2)
    with step("Switching the push on"):
        worker.do('start_push', MANY)
    asking = (MANY / READ_SIZE - READ_BURST) / READ_RATE
    sendings = [send(worker, simulator, "Feed", MANY, asking + FEED_SECONDS)]
    for title, count in (("Calls", CALLED), ("One", 1)):
        worker.do('change', count)
        optimum = max(count - BURST, 0) / RATE
        sendings.append(send(worker, simulator, title, count, optimum))
    return sendings


def send(worker: Worker, simulator: str, title: str, count: int, optimum: float) -> Sending:
    """Let the connector tell Amazon of what has changed, and see whether it has it."""
    control(simulator, 'clear_calls')
    with step(f"Telling Amazon: {title}"):
        told = worker.do('send', count)
    with step("Reading it back"):
        shown = worker.do('read_back', MANY)
    return Sending(
        title, count, optimum, told, shown, count_calls(simulator), count_calls(simulator, 429),
    )


def print_filling(filled: dict[int, dict[str, Measure]]) -> None:
    """Print how offers came in.

    :param dict filled: What `fill` returned, by the number of offers.
    """
    print(f"\n{'':24}{'offers':>8}{'seconds':>10}{'SQL':>9}{'SQL/1000':>10}{'peak MiB':>10}")
    for count, measures in filled.items():
        for title, measure in measures.items():
            print(
                f'{title:24}{count:8}{measure.seconds:10.1f}{measure.statements:9}'
                f'{measure.statements / count * 1000:10.1f}{measure.peak:10.0f}',
            )


def print_found(few: Measure, many: Measure) -> None:
    """Print what it took to find some offers among few and among many, and whether it grows."""
    print(f"\n{f'{CHANGED} that changed among':24}{'offers':>8}{'seconds':>10}{'SQL':>9}")
    for count, measure in ((FEW, few), (MANY, many)):
        print(f'{"":24}{count:8}{measure.seconds:10.2f}{measure.statements:9}')
    print()
    for name, target, excess in (
        ('statements', STATEMENTS_TARGET, many.statements / few.statements - 1),
        ('seconds', SECONDS_TARGET, many.seconds / few.seconds - 1),
    ):
        print_target(
            f"Among {MANY // FEW} times as many: {excess:+.0%} {name} (at most {target:+.0%})",
            excess <= target,
        )


def print_sendings(sendings: list[Sending]) -> None:
    """Print what it took to tell Amazon, and which targets that meets."""
    print(
        f"\nQuantities to Amazon, at its rates\n"
        f"{'':12}{'offers':>8}{'told after s':>14}{'optimum s':>11}{'shown after s':>15}"
        f"{'calls':>8}{'refused':>9}{'SQL/offer':>11}{'real s':>8}",
    )
    for it in sendings:
        statements = (it.told.statements + it.shown.statements) / it.count
        print(
            f'{it.title:12}{it.count:8}{it.told.result:14.1f}{it.optimum:11.0f}'
            f'{it.told.result + it.shown.result:15.1f}{it.calls:8}{it.refused:9}{statements:11.1f}'
            f'{it.told.seconds + it.shown.seconds:8.0f}',
        )
    print()
    for it in sendings:
        if it.optimum:
            print_target(
                f"{it.title}: {it.excess:.1%} more than the optimum (at most {SEND_TARGET:.0%})",
                it.excess <= SEND_TARGET,
            )
    one = sendings[-1].told
    print_target(
        f"One: told after {one.result:.1f} s, by {one.statements} statements (at most"
        f" {ONE_TARGET} s)",
        one.result <= ONE_TARGET,
    )


def print_marks(unmarked: Measure, marked: Measure) -> None:
    """Print what the marks cost who moves goods."""
    print(f"\n{'A delivery':24}{'SQL':>9}{'ms':>9}")
    for title, measure in (("Without marks", unmarked), ("With marks", marked)):
        print(
            f'{title:24}{measure.statements / DELIVERIES:9.1f}'
            f'{measure.seconds / DELIVERIES * 1000:9.1f}',
        )
