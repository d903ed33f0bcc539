from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.http import request
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon import oauth
from ..models.amazon_authorization import ACCOUNT_URL, Outcome
from ..models.quiet import hide_query, log_failure
from ..models.res_company import LOGIN_PATH, RETURN_PATH

hide_query(RETURN_PATH, LOGIN_PATH)
HEADERS = {
    # The address holds a code: no page that is visited next may learn it.
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
}


class AmazonAuthorize(http.Controller):
    """Where the browser of a seller arrives from Amazon."""

    @http.route(RETURN_PATH, type='http', auth='public', methods=['GET'], sitemap=False)
    def authorize_return(self, **query):
        """Take over the consent that the seller has given on Amazon's page.

        Source: "Website authorization workflow", step 4.

        :return: The way to the account, or a page that says in words what is wrong.
        """
        if request.env.user._is_public():
            return self._show(Outcome(status=403, reason=request.env._(
                "You are not logged in to Odoo. Nothing was changed. Log in, then press Authorize"
                " on Amazon once more and come back in the same browser.",
            )))
        try:
            outcome = request.env['amazon.authorization']._complete(oauth.parse_consent(query))
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:  # No traceback with codes may reach the log.
            request.env.cr.rollback()
            outcome = self._explain(exception)
        if outcome.reason:
            return self._show(outcome)
        return self._send_to(f'{ACCOUNT_URL}/{outcome.account.id}')

    @http.route(LOGIN_PATH, type='http', auth='user', methods=['GET'], sitemap=False)
    def authorize_login(self, **query):
        """Go on with a consent that the seller has begun in Amazon's app store.

        Source: "Selling Partner Appstore authorization workflow", step 3.

        :return: The way back to Amazon, or a page that says in words what is wrong.
        """
        try:
            url = request.env['amazon.authorization']._go_on(oauth.parse_login(query))
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:  # As above.
            request.env.cr.rollback()
            return self._show(self._explain(exception))
        return self._send_to(url)

    def _explain(self, exception):
        """Return what to show for an exception."""
        if isinstance(exception, UserError):
            status = 403 if isinstance(exception, AccessError) else 400
            return Outcome(reason=str(exception), status=status)
        log_failure(request.env['amazon.authorization'], exception)
        return Outcome(status=500, reason=request.env._(
            "Something went wrong in Odoo; its log says where. Press Authorize on Amazon once more,"
            " or tell your administrator.",
        ))

    def _show(self, outcome):
        """Return a page that says what became of a consent, with the next step."""
        account = outcome.account
        response = request.render('amazon_connector.authorize_page', {
            'reason': outcome.reason,
            'may_repeat': outcome.may_repeat,
            'account_url': f'{ACCOUNT_URL}/{account.id}' if account else '',
        }, status=outcome.status)
        response.headers.update(HEADERS)
        return response

    def _send_to(self, url):
        """Return a redirect."""
        response = request.redirect(url, code=303, local=False)
        response.headers.update(HEADERS)
        return response
