"""How soon Amazon knows of deliveries, at Amazon's rates."""

from dataclasses import dataclass

from ..console import step
from .process import Measure, Worker, count_calls, print_target
from .simulator import control, running_simulator

DELIVERIES = 1000
# Amazon's rates for `confirmShipment`: calls at once, and calls per second from then on.
BURST, RATE = 10, 2.0
# What the simulator works on a feed, from its creation to its report: Amazon publishes no time.
FEED_SECONDS = 900
TARGET = 0.10

NOTES = f"""\
{DELIVERIES} deliveries of one parcel each wait at once. The connector's crons are run as Odoo's
scheduler runs them: at once when it is notified, else at its next look, every minute. The clocks of
Odoo and the simulator run as time does meanwhile, and jump where the scheduler would wait; also by
half a second when all that a run found is that the quota holds it up. Without that it would find it
more often, so that there are fewer statements here than at true speed.
Feed: the deliveries have just been validated. All that Amazon has never been told of goes in one
feed, for more than 200 wait. The quotas hold up none of its calls: the optimum is the
{FEED_SECONDS // 60} minutes that Amazon is made to work on it here, for it publishes no time.
Calls: the same deliveries have then changed their carrier. What Amazon may know already is edited
by calls, however much it is: {BURST} at once, then {RATE:.0f} a second."""


@dataclass(frozen=True)
class Dispatch:
    """How Amazon was told of all deliveries.

    :param str title: In which way.
    :param Measure measure: What it took; its result are the seconds on the clocks.
    :param float optimum: The seconds that the quotas and Amazon's own work allow.
    :param int calls: The requests to Amazon.
    :param int refused: Those of them that Amazon refused for want of quota.
    """

    title: str
    measure: Measure
    optimum: float
    calls: int
    refused: int

    @property
    def excess(self) -> float:
        """How much longer it took than it would have to, as a share of that."""
        return self.measure.result / self.optimum - 1


def run(database: str) -> None:
    """Measure it and print the table.

    :param str database: A fresh database with the add-on.
    """
    with running_simulator() as simulator, Worker(database, 'dispatch', simulator) as worker:
        with step(f"Importing {DELIVERIES} orders"):
            worker.do('prepare', DELIVERIES)
        with step("Validating their deliveries"):
            worker.do('validate', DELIVERIES)
        control(simulator, 'set_feed_pace', polls=0, seconds=FEED_SECONDS / 2)
        by_feed = send(worker, simulator, "Feed", FEED_SECONDS)
        with step("Giving them to another carrier"):
            worker.do('change_carrier', DELIVERIES)
        by_calls = send(worker, simulator, "Calls", (DELIVERIES - BURST) / RATE)
    print_dispatches([by_calls, by_feed])


def send(worker: Worker, simulator: str, title: str, optimum: float) -> Dispatch:
    """Let the connector tell Amazon of all deliveries."""
    control(simulator, 'clear_calls')
    with step(f"Telling Amazon: {title}"):
        measure = worker.do('send', DELIVERIES)
    return Dispatch(
        title, measure, optimum, count_calls(simulator), count_calls(simulator, 429),
    )


def print_dispatches(dispatches: list[Dispatch]) -> None:
    """Print what it took, and which targets that meets."""
    print(
        f"\n{DELIVERIES} deliveries waiting, at Amazon's rates\n"
        f"{'':24}{'after s':>10}{'optimum s':>11}{'calls':>9}{'refused':>9}{'SQL/delivery':>14}"
        f"{'real s':>9}",
    )
    for dispatch in dispatches:
        measure = dispatch.measure
        print(
            f'{dispatch.title:24}{measure.result:10}{dispatch.optimum:11.0f}{dispatch.calls:9}'
            f'{dispatch.refused:9}{measure.statements / DELIVERIES:14.1f}{measure.seconds:9.0f}',
        )
    print()
    for dispatch in dispatches:
        print_target(
            f"{dispatch.title}: {dispatch.excess:.1%} more than the optimum (at most {TARGET:.0%})",
            dispatch.excess <= TARGET,
        )
    print(f'\n{NOTES}', flush=True)
