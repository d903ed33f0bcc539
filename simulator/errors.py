"""Amazon's refusals, in Amazon's shape."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response


class ApiError(Exception):
    """A refusal of SP-API: `{"errors": [{"code", "message", "details"}]}`."""

    def __init__(self, status: int, code: str, message: str, details: str = '') -> None:
        super().__init__(f'{status} {code}: {details or message}')
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    @classmethod
    def invalid(cls, details: str) -> ApiError:
        """Return the refusal of a parameter."""
        return cls(400, 'InvalidInput', 'Invalid request parameters', details)

    @classmethod
    def unauthorized(cls, details: str) -> ApiError:
        """Return the refusal of an access token."""
        return cls(403, 'Unauthorized', 'Access to requested resource is denied.', details)

    @classmethod
    def not_found(cls) -> ApiError:
        """Return the refusal of an unknown id."""
        return cls(404, 'NotFound', 'The requested resource could not be found.')

    @classmethod
    def quota_exceeded(cls) -> ApiError:
        """Return the refusal of a call too many."""
        return cls(
            429, 'QuotaExceeded', 'You exceeded your quota for the requested resource.',
        )

    def response(self) -> Response:
        """Return the HTTP response."""
        error = {'code': self.code, 'message': self.message, 'details': self.details}
        response = json_response({'errors': [error]}, self.status)
        response.headers['x-amzn-ErrorType'] = self.code
        return response


class LwaError(Exception):
    """A refusal of Login with Amazon: `{"error", "error_description"}`."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f'{status} {error}')
        self.status = status
        self.error = error
        self.description = description

    def response(self) -> Response:
        """Return the HTTP response."""
        body = {'error': self.error, 'error_description': self.description}
        return json_response(body, self.status)


class StorageError(Exception):
    """A refusal of Amazon S3, where documents lie: XML."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f'{status} {code}')
        self.status = status
        self.code = code
        self.message = message

    @classmethod
    def wrong_signature(cls) -> StorageError:
        """Return the refusal of a request other than the one that was signed."""
        return cls(
            403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the '
            'signature you provided. Check your key and signing method.',
        )

    def response(self) -> Response:
        """Return the HTTP response."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>'
        )
        return Response(body, self.status, content_type='application/xml')


def json_response(body: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(json.dumps(body), status, content_type='application/json')
