from enum import Enum


class Step(Enum):
    """What an order asks for, in the order in which it is done; the value is what is counted."""

    CREATE = 'created'
    UPDATE = 'updated'
    CANCEL = 'cancelled'
    MOVE = 'moved'
    SKIP = 'skipped'
