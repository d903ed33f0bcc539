"""What people are told while they enter credentials that do not look like Amazon's."""

from ..amazon import oauth
from .amazon_secret import MASK


def explain_shape(env, kind, text):
    """Return what is odd about a credential that somebody enters, with the next step.

    Nothing is refused for it: Amazon may change what they look like, and has the last word.

    :param Environment env: Whose language is spoken.
    :param str kind: A key of `amazon.oauth.SHAPES`.
    :param text: What was entered; the mask of a secret and what is empty are fine.
    :rtype: str
    """
    text = (text or '').strip()
    if text in ('', MASK) or oauth.SHAPES[kind].fullmatch(text):
        return ''
    names = {
        'application_id': env._("Application ID"),
        'lwa_client_id': env._("LWA Client ID"),
        'lwa_client_secret': env._("LWA Client Secret"),
        'refresh_token': env._("Refresh Token"),
        'seller_id': env._("Seller ID"),
    }
    if text.startswith('Atza|'):
        return env._(
            "This is an access token, which is good for an hour. Copy the refresh token: it begins"
            " with Atzr|.",
        )
    if other := oauth.recognize(text):
        return env._("This looks like the %(other)s. Check which field it belongs to.",
                     other=names[other])
    beginning = oauth.BEGINNINGS.get(kind)
    if beginning and not text.startswith(beginning):
        return env._(
            "The %(name)s mostly begins with “%(beginning)s”. Check that all of it was copied.",
            name=names[kind], beginning=beginning,
        )
    return env._(
        "This does not look like the %(name)s. Check that all of it was copied, and nothing else.",
        name=names[kind],
    )


def explain_shapes(record, kinds):
    """Return what is odd about the credentials in the fields of a record.

    :param models.Model record: The record, which a person fills in.
    :param dict kinds: The kind of each field, see `explain_shape`.
    :return: A sentence for each, beginning with the name of the field.
    :rtype: list[str]
    """
    hints = {name: explain_shape(record.env, kind, record[name]) for name, kind in kinds.items()}
    return [
        f"{record._fields[name].get_description(record.env)['string']}: {hint}"
        for name, hint in hints.items() if hint
    ]
