"""Amazon's side of the connector: HTTP, JSON, rate limits and errors of the Selling Partner API.

Nothing here knows Odoo. python-amazon-sp-api reads several environment variables while it is
imported, and a value that it does not understand makes the import fail. They would also decide what
the add-on's accounts decide, so the library is imported here first, without them.
"""

import os

_LIBRARY_VARIABLES = (
    'AWS_ENV',
    'SP_API_AUTH_CACHE_SIZE',
    'SP_API_AUTH_CACHE_TTL',
    'SP_API_DEFAULT_MARKETPLACE',
)

_hidden = {name: os.environ.pop(name) for name in _LIBRARY_VARIABLES if name in os.environ}
try:
    import sp_api.base.client
finally:
    os.environ.update(_hidden)
