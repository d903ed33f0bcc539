"""Login with Amazon: access tokens for refresh tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .errors import ApiError, LwaError
from .state import Clock, Seller

TOKEN_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class _Grant:
    """What an access token stands for; without a seller it is good for grantless operations."""
    seller: Seller | None
    expires_at: datetime


class TokenDesk:
    """Give out access tokens, and know them again.

    :param sellers: all sellers, for a refresh token names one of them
    """

    def __init__(self, clock: Clock, sellers: Mapping[str, Seller]) -> None:
        self._clock = clock
        self._sellers = sellers
        self._grants: dict[str, _Grant] = {}

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer `POST /auth/o2/token`.

        :param form: the decoded form
        :return: the token response
        :raise LwaError: LWA refuses
        """
        grant_type = form.get('grant_type')
        if not grant_type:
            raise _missing('grant_type')
        if grant_type not in ('refresh_token', 'client_credentials'):
            raise LwaError(
                400, 'unsupported_grant_type',
                'The authorization grant type is not supported by the authorization server',
            )
        sellers = self._clients(form)
        if grant_type == 'refresh_token':
            return self._exchange_refresh_token(form, sellers)
        if not form.get('scope'):
            raise LwaError(400, 'invalid_scope', 'The requested scope is invalid')
        return self._issue(None)

    def clear(self) -> None:
        """Forget all access tokens."""
        self._grants.clear()

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

    def _clients(self, form: Mapping[str, str]) -> list[Seller]:
        """Return the sellers of the application whose id and secret the form gives."""
        for name in ('client_id', 'client_secret'):
            if not form.get(name):
                raise _missing(name)
        sellers = [
            seller for seller in self._sellers.values()
            if seller.profile.client_id == form['client_id']
            and seller.profile.client_secret == form['client_secret']
        ]
        if not sellers:
            raise LwaError(401, 'invalid_client', 'Client authentication failed')
        return sellers

    def _exchange_refresh_token(
        self, form: Mapping[str, str], sellers: Iterable[Seller],
    ) -> dict[str, Any]:
        refresh_token = form.get('refresh_token')
        if not refresh_token:
            raise _missing('refresh_token')
        for seller in sellers:
            if seller.profile.refresh_token == refresh_token and seller.is_authorised:
                return {**self._issue(seller), 'refresh_token': refresh_token}
        raise LwaError(
            400, 'invalid_grant',
            'The request has an invalid grant parameter : refresh_token. '
            "User may have revoked or didn't grant the permission.",
        )

    def _issue(self, seller: Seller | None) -> dict[str, Any]:
        token = f'Atza|{secrets.token_urlsafe(24)}'
        self._grants[token] = _Grant(seller, self._clock.now() + TOKEN_LIFETIME)
        return {
            'access_token': token,
            'token_type': 'bearer',
            'expires_in': int(TOKEN_LIFETIME.total_seconds()),
        }


def _missing(name: str) -> LwaError:
    return LwaError(
        400, 'invalid_request', f'The request is missing a required parameter : {name}',
    )
