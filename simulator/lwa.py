"""Login with Amazon: access tokens for refresh tokens and for authorisation codes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .applications import Application, Applications
from .errors import ApiError, LwaError
from .slips import Slips
from .state import Clock, Seller

TOKEN_LIFETIME = timedelta(hours=1)
CODE_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class _Grant:
    """What an access token stands for; without a seller it is good for grantless operations."""
    seller: Seller | None
    expires_at: datetime


class TokenDesk:
    """Give out access tokens, and know them again.

    :param sellers: all sellers, for a refresh token names one of them
    """

    def __init__(
        self, clock: Clock, sellers: Mapping[str, Seller], applications: Applications,
    ) -> None:
        self._clock = clock
        self._sellers = sellers
        self._applications = applications
        self.codes = Slips(clock, CODE_LIFETIME)
        self._grants: dict[str, _Grant] = {}

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer `POST /auth/o2/token`.

        :param form: the decoded form
        :return: the token response
        :raise LwaError: LWA refuses
        """
        grant_type = _required(form, 'grant_type')
        if grant_type not in ('authorization_code', 'client_credentials', 'refresh_token'):
            raise LwaError(
                400, 'unsupported_grant_type',
                'The authorization grant type is not supported by the authorization server',
            )
        application = self._authenticate(form)
        if grant_type == 'authorization_code':
            return self._exchange_code(form, application)
        if grant_type == 'refresh_token':
            return self._exchange_refresh_token(form, application)
        if not form.get('scope'):
            raise LwaError(400, 'invalid_scope', 'The requested scope is invalid')
        return self._issue(None)

    def clear(self) -> None:
        """Forget all access tokens and codes."""
        self._grants.clear()
        self.codes.clear()

    def revoke_tokens(self, seller: Seller) -> None:
        """Make the access tokens given out for a seller worthless."""
        self._grants = {
            token: grant for token, grant in self._grants.items() if grant.seller is not seller
        }

    def holder(self, access_token: str) -> str:
        """Return the id of the seller an access token was given out for, '' when there is none."""
        grant = self._grants.get(access_token)
        return grant.seller.profile.seller_id if grant and grant.seller else ''

    def identify(self, access_token: str) -> Seller:
        """Return the seller for whom an access token was given out.

        :raise ApiError: SP-API refuses the token
        """
        if not access_token:
            raise ApiError.unauthorized('Access token is missing in the request header.')
        grant = self._grants.get(access_token)
        if grant is None or grant.seller is None or not grant.seller.is_authorised:
            raise ApiError.unauthorized(
                'The access token you provided is revoked, malformed or invalid.'
            )
        if grant.expires_at <= self._clock.now():
            raise ApiError.unauthorized('The access token you provided has expired.')
        return grant.seller

    def _authenticate(self, form: Mapping[str, str]) -> Application:
        """Return the application whose id and secret the form gives.

        :raise LwaError: there is none, or something is missing
        """
        application = self._applications.find_client(
            _required(form, 'client_id'), _required(form, 'client_secret'),
        )
        if application is None:
            raise LwaError(401, 'invalid_client', 'Client authentication failed')
        return application

    def _exchange_code(self, form: Mapping[str, str], application: Application) -> dict[str, Any]:
        code, redirect_uri = _required(form, 'code'), _required(form, 'redirect_uri')
        consent = self.codes.find(code)
        if (
            consent is None
            or consent.application is not application
            or consent.redirect_uri != redirect_uri
            or not consent.seller.is_authorised
        ):
            raise _invalid_grant('code')
        self.codes.spend(code)
        refresh_token = f'Atzr|{secrets.token_urlsafe(24)}'
        consent.seller.refresh_tokens[refresh_token] = application.client_id
        return {**self._issue(consent.seller), 'refresh_token': refresh_token}

    def _exchange_refresh_token(
        self, form: Mapping[str, str], application: Application,
    ) -> dict[str, Any]:
        refresh_token = _required(form, 'refresh_token')
        for seller in self._sellers.values():
            if (
                seller.refresh_tokens.get(refresh_token) == application.client_id
                and seller.is_authorised
            ):
                return {**self._issue(seller), 'refresh_token': refresh_token}
        raise _invalid_grant('refresh_token')

    def _issue(self, seller: Seller | None) -> dict[str, Any]:
        token = f'Atza|{secrets.token_urlsafe(24)}'
        self._grants[token] = _Grant(seller, self._clock.now() + TOKEN_LIFETIME)
        return {
            'access_token': token,
            'token_type': 'bearer',
            'expires_in': int(TOKEN_LIFETIME.total_seconds()),
        }


def _required(form: Mapping[str, str], name: str) -> str:
    """Return a required parameter.

    :raise LwaError: it is missing or empty
    """
    if not form.get(name):
        raise LwaError(
            400, 'invalid_request', f'The request is missing a required parameter : {name}',
        )
    return form[name]


def _invalid_grant(name: str) -> LwaError:
    return LwaError(
        400, 'invalid_grant',
        f'The request has an invalid grant parameter : {name}. '
        "User may have revoked or didn't grant the permission.",
    )
