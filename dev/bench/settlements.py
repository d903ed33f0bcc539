"""How long it takes to read, prove and book a settlement, and how that grows."""

from ..console import step
from .process import Measure, Worker
from .simulator import running_simulator

SIZES = {5000: 100, 50_000: 1000}  # lines, and how many of their orders are invoiced in Odoo
STEPS = {'read': "Read and prove", 'book': "Book and post", 'reconcile': "Reconcile"}

NOTES = """\
Read: from the question to Amazon until the last line is stored and the sum is proven. Book: one
entry with an item for each order, posted. Reconcile: with the invoices of the orders that Odoo has;
the others are on the shared customer. The result of a step is how many lines were read, how many
items the entry has, how many invoices are paid."""


def run(database: str) -> None:
    """Measure it and print the table.

    :param str database: A fresh database with the add-on.
    """
    measures: dict[int, dict[str, Measure]] = {}
    with running_simulator() as simulator, Worker(database, 'books', simulator) as worker:
        for lines, orders in SIZES.items():
            with step(f"Selling {orders} orders"):
                worker.do('sell', orders)
            with step("Invoicing them"):
                worker.do('invoice', orders)
            closed = worker.do('close', lines).result
            measures[lines] = {}
            for name, title in STEPS.items():
                with step(f"{title}: {lines} lines"):
                    measures[lines][name] = worker.do(name, int(closed))
    print_measures(measures)
    print(f'\n{NOTES}', flush=True)


def print_measures(measures: dict[int, dict[str, Measure]]) -> None:
    """Print what each step took, by the size of the settlement."""
    print(f"\n{'Settlements':28}{'result':>10}{'seconds':>10}{'SQL':>10}{'peak MiB':>10}")
    for lines, steps in measures.items():
        for name, title in STEPS.items():
            measure = steps[name]
            print(
                f"{f'{title}, {lines} lines':28}{measure.result:>10.0f}{measure.seconds:>10.1f}"
                f"{measure.statements:>10}{measure.peak:>10.0f}",
            )
