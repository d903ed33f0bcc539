"""What the pages of the consent look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from werkzeug.wrappers import Response

from .applications import Application
from .orders import ROLE_SHIPPING, ROLE_TAX
from .roles import ROLE_FINANCES, ROLE_LISTINGS, ROLE_ORDERS
from .state import Seller

_PERMISSIONS = {
    ROLE_ORDERS: 'see your orders, and confirm their shipments',
    ROLE_LISTINGS: 'see and change your offers',
    ROLE_FINANCES: 'see your transactions and settlements',
    ROLE_SHIPPING: 'see where your buyers have their orders sent',
    ROLE_TAX: 'see who your buyers are, and give them your invoices',
}
_HEADERS = {
    'Cache-Control': 'no-store',
    # Nothing on these pages is fetched or run, whatever a text has smuggled in.
    'Content-Security-Policy': (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
}
_STYLE = '''
* { box-sizing: border-box; }
body { margin: 0; background: #f2f4f8; color: #16212c; font: 16px/1.5 Arial, sans-serif; }
header { background: #002f36; color: #fff; padding: 14px 24px; font-size: 18px; }
header small { color: #b8d3d6; font-size: 13px; margin-left: 8px; }
main { max-width: 640px; margin: 32px auto; padding: 28px 32px; background: #fff;
  border: 1px solid #d5dbe3; border-radius: 8px; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.3; margin: 0 0 16px; }
p { margin: 0 0 12px; }
ul { margin: 0 0 20px; padding-left: 22px; }
li span { display: block; color: #556372; font-size: 14px; }
label { display: block; font-weight: bold; margin-bottom: 6px; }
select { width: 100%; padding: 9px 10px; font: inherit; border: 1px solid #8997a5;
  border-radius: 4px; background: #fff; }
.note { color: #556372; font-size: 14px; margin-top: 8px; }
.buttons { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 20px; }
button { padding: 10px 22px; font: inherit; border: 1px solid #8997a5; border-radius: 4px;
  background: #fff; color: inherit; cursor: pointer; }
button.primary { background: #00727d; border-color: #00727d; color: #fff; }
dt { color: #556372; font-size: 14px; }
dd { margin: 0 0 12px; }
@media (max-width: 560px) {
  main { margin: 0; border: 0; border-radius: 0; padding: 20px 16px; }
  button { flex: 1 1 100%; }
}
'''


def ask(
    application: Application,
    sellers: Iterable[Seller],
    signed_in: Seller,
    hidden: Mapping[str, str],
) -> Response:
    """Return the page that asks a seller for consent.

    :param signed_in: the seller who is chosen at first
    :param hidden: what the form gives back
    """
    name = escape(application.name)
    permissions = ''.join(
        f'<li>{escape(role)}<span>{escape(words)}</span></li>'
        for role, words in _PERMISSIONS.items()
    )
    fields = ''.join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">'
        for key, value in hidden.items()
    )
    return _page(f'Authorize {application.name}', f'''
<h1>Authorize <span id="application">{name}</span></h1>
<p>{name} asks for access to your selling account. It will be allowed to:</p>
<ul id="permissions">{permissions}</ul>
<form id="consent" method="post" action="/apps/authorize/consent">
{fields}
<label for="seller">You are signed in as</label>
<select id="seller" name="seller">{_options(sellers, signed_in)}</select>
<p class="note">You can withdraw the access at any time under Manage Your Apps.</p>
<div class="buttons">
<button id="authorize" class="primary" name="decision" value="authorize">Authorize</button>
<button id="cancel" name="decision" value="cancel">Cancel</button>
</div>
</form>
''')


def refuse(code: str, words: str, application_id: str) -> Response:
    """Return Amazon's error page, which sends nobody back."""
    return _page('Something went wrong', f'''
<h1>Something went wrong</h1>
<p>We are sorry but we encountered an error while processing your request.</p>
<p id="error">{escape(words)}</p>
<dl>
<dt>App ID</dt><dd id="application_id">{escape(application_id) or '&ndash;'}</dd>
<dt>Error Code</dt><dd id="error_code">{escape(code)}</dd>
</dl>
''', status=400)


def _options(sellers: Iterable[Seller], signed_in: Seller) -> str:
    return ''.join(
        f'<option value="{escape(seller.profile.seller_id)}"'
        f'{" selected" if seller is signed_in else ""}>'
        f'{escape(seller.profile.store_name)} ({escape(seller.profile.seller_id)})</option>'
        for seller in sellers
    )


def _page(title: str, content: str, status: int = 200) -> Response:
    return Response(f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>seller central<small>simulated</small></header>
<main>{content}</main>
</body>
</html>
''', status, headers=_HEADERS, content_type='text/html; charset=utf-8')
