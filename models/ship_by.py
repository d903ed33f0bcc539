"""How urgent a time is by which Amazon wants goods shipped."""

from odoo.fields import Domain


def get_urgency_domains(field):
    """Return what each urgency means for a field, with the days of the user's time zone.

    :param str field: The field that holds Amazon's ship-by time.
    :return: The domains by urgency.
    :rtype: dict[str, Domain]
    """
    return {
        'late': Domain(field, '<', 'now'),
        'today': Domain(field, '>=', 'now') & Domain(field, '<', 'today +1d'),
        'tomorrow': Domain(field, '>=', 'today +1d') & Domain(field, '<', 'today +2d'),
        'later': Domain(field, '>=', 'today +2d'),
    }


def get_urgency_search_domain(domains, open_domain, urgencies):
    """Return the domain of the records that have one of several urgencies.

    :param dict domains: As `get_urgency_domains` returns them.
    :param Domain open_domain: What waits to be shipped; all else has no urgency.
    :param urgencies: The urgencies, `False` for none.
    :rtype: Domain
    """
    domain = open_domain & Domain.OR(
        domains[urgency] for urgency in urgencies if urgency in domains
    )
    return domain | ~open_domain if False in urgencies else domain
