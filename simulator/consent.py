"""The pages by which a seller authorises an application, from its website or from the Appstore."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import consent_page
from .applications import Application
from .slips import Consent
from .state import Seller
from .world import World

CONSENT_PATHS = ('/apps/authorize/', '/appstore/')
BETA = 'beta'

NO_APPLICATION = 'SPSA0404', 'There is no application with this id.'
IS_DRAFT = 'MD1000', (
    'The application is a draft. To authorize a draft, add version=beta to the address.'
)
WRONG_REDIRECT = 'MD5101', (
    'The redirect URI is not one that is registered for the application, or not an https address.'
)
HAS_FRAGMENT = 'MD5110', 'The redirect URI has a fragment.'
NO_ADDRESS = 'MD9100', 'No login URI or redirect URI is registered for the application.'
NO_STATE = 'MD9100', 'The request has no state.'
WRONG_AMAZON_STATE = 'MD9100', 'The amazon_state is unknown, used or too old.'
NO_SELLER = 'SPDC8143', 'You are not the primary user of a selling account.'


class ConsentError(Exception):
    """What Amazon's error page shows: a code, and a sentence."""

    def __init__(self, reason: tuple[str, str]) -> None:
        super().__init__(*reason)
        self.code, self.words = reason


@dataclass(frozen=True)
class _Return:
    """Where an application wants a seller to be sent back, and with what."""
    uri: str
    values: Mapping[str, str]

    def respond(self, **values: str) -> Response:
        return _redirect(self.uri, {**self.values, **values})


class ConsentPages:
    """Answer the requests of a seller's browser."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes = Map(
            [
                Rule('/apps/authorize/consent', methods=['GET'], endpoint=self._ask),
                Rule('/apps/authorize/consent', methods=['POST'], endpoint=self._decide),
                Rule(
                    '/apps/authorize/confirm/<application_id>', methods=['GET'],
                    endpoint=self._confirm,
                ),
                Rule('/appstore/authorize', methods=['GET'], endpoint=self._start),
            ],
            merge_slashes=False,
        )

    def answer(self, request: Request) -> Response:
        """Answer with a page or with a redirection; 400 with Amazon's code when it refuses."""
        try:
            perform, path = self._routes.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error.get_response()
        values = {**request.args.to_dict(), **request.form.to_dict(), **path}
        try:
            return perform(values, request)
        except ConsentError as error:
            return consent_page.refuse(
                error.code, error.words, values.get('application_id', ''),
            )

    # === WEBSITE === #

    def _ask(self, values: Mapping[str, str], request: Request) -> Response:
        application = self._find_application(values)
        self._check_return(application, values)
        sellers = self._world.sellers.values()
        given_back = ('application_id', 'state', 'redirect_uri', 'version', 'amazon_state')
        hidden = {name: values[name] for name in given_back if name in values}
        return consent_page.ask(application, sellers, self._find_seller(values), hidden)

    def _decide(self, values: Mapping[str, str], request: Request) -> Response:
        application = self._find_application(values)
        way_back = self._check_return(application, values)
        if values.get('decision') != 'authorize':
            return way_back.respond(
                error='access_denied', error_description='The selling partner has not consented.',
            )
        return self._consent(application, self._find_seller(values), way_back)

    # === APPSTORE === #

    def _start(self, values: Mapping[str, str], request: Request) -> Response:
        """Send a seller who has consented on the Appstore to the application's login."""
        application = self._find_application({'version': BETA, **values})
        if not application.login_uri:
            raise ConsentError(NO_ADDRESS)
        seller = self._find_seller(values)
        key = quote(application.application_id, safe='')
        answer = {
            'amazon_callback_uri': f'{request.host_url}apps/authorize/confirm/{key}',
            'amazon_state': self._world.amazon_states.issue(Consent(application, seller)),
            'selling_partner_id': seller.profile.seller_id,
        }
        if application.is_draft:
            answer['version'] = BETA
        return _redirect(application.login_uri, answer)

    def _confirm(self, values: Mapping[str, str], request: Request) -> Response:
        """Send a seller back who has logged in to the application."""
        application = self._find_application(values)
        way_back = self._check_return(application, values)
        amazon_state = values.get('amazon_state', '')
        consent = self._world.amazon_states.find(amazon_state)
        if consent is None or consent.application is not application:
            raise ConsentError(WRONG_AMAZON_STATE)
        self._world.amazon_states.spend(amazon_state)
        return self._consent(application, consent.seller, way_back)

    # === HELPERS === #

    def _consent(self, application: Application, seller: Seller, way_back: _Return) -> Response:
        code = self._world.issue_code(
            seller, redirect_uri=way_back.uri, application_id=application.client_id,
        )
        return way_back.respond(
            selling_partner_id=seller.profile.seller_id, spapi_oauth_code=code,
        )

    def _find_application(self, values: Mapping[str, str]) -> Application:
        application_id = values.get('application_id', '')
        if not self._world.applications.has_id(application_id):
            raise ConsentError(NO_APPLICATION)
        application = self._world.applications.find(application_id)
        if application.is_draft and values.get('version') != BETA:
            raise ConsentError(IS_DRAFT)
        return application

    def _find_seller(self, values: Mapping[str, str]) -> Seller:
        if not values.get('seller'):
            return self._world.seller
        if values['seller'] not in self._world.sellers:
            raise ConsentError(NO_SELLER)
        return self._world.sellers[values['seller']]

    def _check_return(self, application: Application, values: Mapping[str, str]) -> _Return:
        uri = values.get('redirect_uri') or next(iter(application.redirect_uris), '')
        if not uri:
            raise ConsentError(NO_ADDRESS)
        if '#' in uri:
            raise ConsentError(HAS_FRAGMENT)
        if not _is_safe(uri) or uri not in (application.redirect_uris or (uri,)):
            raise ConsentError(WRONG_REDIRECT)
        if not values.get('state'):
            raise ConsentError(NO_STATE)
        return _Return(uri, {
            name: values[name] for name in ('state', 'amazon_state') if values.get(name)
        })


def _redirect(uri: str, values: Mapping[str, str]) -> Response:
    """Send the browser on; an address may have a query of its own."""
    parts = urlsplit(uri)
    query = '&'.join(filter(None, (parts.query, urlencode(values))))
    return Response(status=302, headers={
        'Location': urlunsplit(parts._replace(query=query)),
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
    })


def _is_safe(uri: str) -> bool:
    """Tell whether an address is an https one, or one of this machine."""
    if not uri.isprintable() or ' ' in uri:
        return False
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == 'https' or (parts.scheme == 'http' and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
