"""The applications that sellers authorise, and the secrets by which they log in."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from .state import Clock, SellerProfile

# A secret that was renewed works for so long still.
FORMER_SECRET_LIFETIME = timedelta(days=7)


@dataclass
class Application:
    """An application as its developer has registered it at Amazon.

    :param is_draft: whether it is not published, so that only `version=beta` authorises it
    :param redirect_uris: where Amazon may send sellers back; any https or loopback address when
        empty
    :param login_uri: where the Appstore sends sellers who authorise
    :param former_secrets: when the secrets that were renewed end
    """
    application_id: str
    client_id: str
    client_secret: str
    name: str = 'Amazon Connector'
    is_draft: bool = True
    redirect_uris: tuple[str, ...] = ()
    login_uri: str = ''
    former_secrets: dict[str, datetime] = field(init=False, default_factory=dict)

    def has_secret(self, secret: str, now: datetime) -> bool:
        """Tell whether a client secret works."""
        return secret == self.client_secret or (
            secret in self.former_secrets and now < self.former_secrets[secret]
        )


class Applications:
    """The registered applications, each with a client id of its own.

    Sellers' profiles may give one application id to several clients: it names the first of them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget all applications."""
        self._applications: list[Application] = []

    def add_for(self, profile: SellerProfile) -> None:
        """Register the application of a seller, as a draft, unless it is registered."""
        if not any(known.client_id == profile.client_id for known in self._applications):
            self._applications.append(
                Application(profile.application_id, profile.client_id, profile.client_secret),
            )

    def register(self, application_id: str, **values: Any) -> Application:
        """Register an application, or change a registered one.

        :param values: fields of `Application`; client id and secret at least for a new one
        :raise TypeError: a field is unknown, or missing
        """
        unknown = values.keys() - {field.name for field in fields(Application) if field.init}
        if unknown:
            raise TypeError(f"An application has no {', '.join(sorted(unknown))}")
        if 'redirect_uris' in values:
            values['redirect_uris'] = tuple(values['redirect_uris'])
        try:
            application = self.find(application_id)
        except LookupError:
            application = Application(application_id, **values)
            self._applications.append(application)
        else:
            for name, value in values.items():
                setattr(application, name, value)
        return application

    def find(self, key: str) -> Application:
        """Return the application with an application id or a client id.

        :raise LookupError: there is none
        """
        for application in self._applications:
            if key in (application.application_id, application.client_id):
                return application
        raise LookupError(f'There is no application {key}')

    def has_id(self, application_id: str) -> bool:
        """Tell whether an application has this application id."""
        return any(known.application_id == application_id for known in self._applications)

    def find_client(self, client_id: str, client_secret: str) -> Application | None:
        """Return the application that logs in, None when its id or secret does not work."""
        now = self._clock.now()
        for application in self._applications:
            if application.client_id == client_id and application.has_secret(client_secret, now):
                return application
        return None

    def renew_secret(self, key: str, secret: str) -> None:
        """Give an application a new client secret; the old one works for seven days still.

        :param key: the application id or the client id
        :raise LookupError: there is no such application
        """
        application = self.find(key)
        application.former_secrets[application.client_secret] = (
            self._clock.now() + FORMER_SECRET_LIFETIME
        )
        application.client_secret = secret
