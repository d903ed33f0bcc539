"""By which clock a marketplace counts its days and months, by the country's code."""

from __future__ import annotations

from zoneinfo import ZoneInfo

TIME_ZONES = {
    'AE': 'Asia/Dubai', 'AU': 'Australia/Sydney', 'BE': 'Europe/Brussels',
    'BR': 'America/Sao_Paulo', 'CA': 'America/Los_Angeles', 'DE': 'Europe/Berlin',
    'EG': 'Africa/Cairo', 'ES': 'Europe/Madrid', 'FR': 'Europe/Paris', 'GB': 'Europe/London',
    'IE': 'Europe/Dublin', 'IN': 'Asia/Kolkata', 'IT': 'Europe/Rome', 'JP': 'Asia/Tokyo',
    'MX': 'America/Los_Angeles', 'NL': 'Europe/Amsterdam', 'PL': 'Europe/Warsaw',
    'SA': 'Asia/Riyadh', 'SE': 'Europe/Stockholm', 'SG': 'Asia/Singapore',
    'TR': 'Europe/Istanbul', 'US': 'America/Los_Angeles', 'ZA': 'Africa/Johannesburg',
}


def get_time_zone(country_code: str) -> ZoneInfo:
    """Return the time zone of a marketplace, UTC if nobody knows it.

    :param country_code: ISO 3166-1 alpha-2.
    """
    return ZoneInfo(TIME_ZONES.get(country_code, 'UTC'))
