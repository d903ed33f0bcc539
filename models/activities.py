"""How people are told of what only they can settle."""

from odoo.tools import html2plaintext

ATTENTION = 'amazon_connector.mail_activity_type_attention'


def plan_warning(record, note, user):
    """Plan an activity about something that happens once, unless it is planned already.

    :param record: The record that it concerns, of a model with activities.
    :param str note: What happened and what to do, in a sentence.
    :param res.users user: Who is told.
    :return: None
    """
    if note not in record.activity_ids.mapped(lambda a: html2plaintext(a.note or '')):
        record.activity_schedule('mail.mail_activity_data_warning', note=note, user_id=user.id)
