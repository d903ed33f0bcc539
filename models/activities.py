"""How people are told of what only they can settle."""

from odoo.tools import html2plaintext

from .tools import to_html

ATTENTION = 'amazon_connector.mail_activity_type_attention'
RENEWAL = 'amazon_connector.mail_activity_type_renewal'


def plan_activity(record, type_xmlid, note, user, deadline=None):
    """Plan an activity, whose note is shown as it is, whoever wrote parts of it.

    :param record: The record that it concerns, of a model with activities.
    :param str type_xmlid: The type of the activity.
    :param str note: What happened and what to do, in a sentence.
    :param res.users user: Who is told.
    :param date deadline: Until when it is to be done; as the type says by default.
    :return: The activity.
    :rtype: mail.activity
    """
    return record.activity_schedule(
        type_xmlid, date_deadline=deadline, note=to_html(note), user_id=user.id,
    )


def plan_warning(record, note, user):
    """Plan an activity about something that happens once, unless it is planned already.

    :param record: The record that it concerns, of a model with activities.
    :param str note: What happened and what to do, in a sentence.
    :param res.users user: Who is told.
    :return: None
    """
    planned = record.activity_ids.mapped(lambda activity: _get_words(activity.note or ''))
    if _get_words(to_html(note)) not in planned:
        plan_activity(record, 'mail.mail_activity_data_warning', note, user)


def _get_words(html):
    """Return what a note says, however its HTML is laid out."""
    return html2plaintext(html).split()
