"""Times, budgets of time, texts and what has to be filled in, as all ways need them."""

import time
from datetime import timezone

from markupsafe import Markup, escape

from odoo.exceptions import ValidationError

SYNC_SECONDS = 20  # of a button; what is left over is done by the crons
CRON_SECONDS = 60


def to_naive(moment):
    """Return an aware time as Odoo stores it: UTC, without its zone and fractions. None stays."""
    return moment and moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


def to_aware(moment):
    """Return a time as Odoo stores it with its zone, UTC. What is empty stays."""
    return moment and moment.replace(tzinfo=timezone.utc)


def to_html(text):
    """Return a text as HTML that shows it as it is: nothing in it is an element or a link."""
    return Markup('<br>').join(escape(line) for line in text.splitlines())


def open_form(record):
    """Return the action that opens the form of a record.

    :param odoo.models.BaseModel record: The record.
    :rtype: dict
    """
    return {
        'type': 'ir.actions.act_window',
        'res_model': record._name,
        'res_id': record.id,
        'view_mode': 'form',
    }


class TimeBudget:
    """The seconds that a job may still take."""

    def __init__(self, seconds):
        self._end = time.monotonic() + seconds

    def is_spent(self):
        """Return whether it is time to leave the rest to the next run."""
        return time.monotonic() >= self._end


def check_given(records, vals):
    """Refuse to empty a required text or reference, before PostgreSQL does and prints the row.

    :param records: Of a model whose records people fill in.
    :param dict vals: What is written.
    :return: None
    :raise ValidationError: Naming the fields.
    """
    empty = [
        field.get_description(records.env)['string'] for name, value in vals.items()
        if (field := records._fields.get(name)) and field.required
        and field.type in ('char', 'many2one', 'selection')
        and not (value.strip() if isinstance(value, str) else value)
    ]
    if empty:
        raise ValidationError(records.env._(
            "%(fields)s: this can't be empty.", fields=', '.join(empty),
        ))
