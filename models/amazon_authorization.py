import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..amazon import endpoints, oauth
from ..amazon.client import Client, Credentials
from ..amazon.errors import AmazonError, Throttled, Unavailable
from .res_company import ADDRESS_FIELDS
from .vault import KeyUnusable

LIFETIME = timedelta(minutes=10)  # as long as Amazon gives a seller
ACCOUNT_URL = '/odoo/action-amazon_connector.action_amazon_account'


@dataclass(frozen=True)
class Outcome:
    """What became of a consent: an account that is authorized, or a reason with the next step."""

    account: models.Model = None  # amazon.account
    reason: str = ''
    status: int = 200  # of HTTP
    may_repeat: bool = False  # whether the same address may be visited again


class AmazonAuthorization(models.Model):
    """A consent that somebody has begun: whoever comes back from Amazon has to bring its state.

    The state is good once, for ten minutes, and for the user, company and account that it was made
    for. Only a hash of it is kept.
    """

    _name = 'amazon.authorization'
    _description = "Amazon Authorization"
    _log_access = False
    _rec_name = 'redirect_uri'

    state_hash = fields.Char(required=True, index=True)
    user_id = fields.Many2one(comodel_name='res.users', required=True, ondelete='cascade')
    company_id = fields.Many2one(comodel_name='res.company', required=True, ondelete='cascade')
    account_id = fields.Many2one(comodel_name='amazon.account', ondelete='cascade')
    region = fields.Char(required=True)
    may_change_seller = fields.Boolean()
    redirect_uri = fields.Char(required=True)
    expires_at = fields.Datetime(required=True)

    @api.autovacuum
    def _gc_expired(self):
        """Forget those with which nobody came back."""
        self.search([('expires_at', '<', fields.Datetime.now())]).unlink()

    # === BUSINESS METHODS - GOING === #

    @api.model
    def _begin(self, company, marketplace, account=None, may_change_seller=False):
        """Return the action that opens Amazon's page of consent.

        :param res.company company: Whose application is to be let in.
        :param amazon.marketplace marketplace: Where the seller has an account.
        :param amazon.account account: The account that is authorized, a new one by default.
        :param bool may_change_seller: Whether another seller than before may be let in.
        :rtype: dict
        :raise UserError: If something is missing, which is named.
        """
        state = self._make_state(company, marketplace.region, account, may_change_seller)
        application = company.sudo()  # In sudo mode: its fields are few people's to read.
        seller_central = company._get_amazon_stand_in() or marketplace.seller_central_url
        if not seller_central:
            raise UserError(self.env._(
                "%(marketplace)s: its Seller Central is not known. A system administrator can enter"
                " the address under Amazon ▸ Configuration ▸ Marketplaces.",
                marketplace=marketplace.name,
            ))
        return {
            'type': 'ir.actions.act_url',
            'target': 'self',
            'url': oauth.build_consent_url(
                seller_central,
                application.amazon_application_id,
                state,
                application.amazon_redirect_uri,
                application.amazon_is_draft,
            ),
        }

    @api.model
    def _go_on(self, login):
        """Return where a consent goes on that began in Amazon's app store.

        :param amazon.oauth.Login login: What Amazon has brought.
        :return: The address of Amazon's.
        :rtype: str
        :raise UserError: If it can't go on, with the next step.
        """
        region = self._find_region(login.callback_uri)
        account = self.env['amazon.account'].search([
            ('seller_id', '=', login.seller_id), *([('region', '=', region)] if region else []),
        ], limit=1) if login.seller_id else self.env['amazon.account']
        company = account.company_id or self._choose_company()
        if not oauth.is_amazons_page(login.callback_uri, company._get_amazon_stand_in()):
            raise UserError(self.env._(
                "This did not come from Amazon. Press Authorize on Amazon in Odoo instead.",
            ))
        state = self._make_state(company, region or account.region or 'eu', account)
        application = company.sudo()  # In sudo mode: as in `_begin`.
        return oauth.build_callback_url(
            login, state, application.amazon_redirect_uri, application.amazon_is_draft,
        )

    @api.model
    def _choose_company(self):
        """Return the company whose application it most likely is: the user's, if it has one."""
        companies = self.env.company | self.env.user.company_ids
        # In sudo mode: as in `_begin`.
        return companies.sudo().filtered('amazon_application_id')[:1].with_env(self.env) \
            or self.env.company

    @api.model
    def _find_region(self, url):
        """Return the region of the Seller Central of an address, empty if it is not known."""
        if oauth.is_in_japan(url):
            return 'fe'
        marketplace = self.env['amazon.marketplace'].with_context(active_test=False).search(
            [('seller_central_url', '!=', False)],
        ).filtered(lambda marketplace: url.startswith(f'{marketplace.seller_central_url}/'))
        return marketplace[:1].region

    @api.model
    def _make_state(self, company, region, account=None, may_change_seller=False):
        """Return the state of a new consent, which is kept as a hash.

        :param res.company company: Whose application is to be let in.
        :param str region: The region of the seller's account.
        :param amazon.account account: The account that is authorized, a new one by default.
        :param bool may_change_seller: Whether another seller than before may be let in.
        :rtype: str
        :raise UserError: If something is missing, which is named.
        """
        self._check_may_authorize(company, account)
        if account and account.region != region:
            raise UserError(self.env._(
                "The account %(account)s is one of another region: choose one of its marketplaces,"
                " or authorize without it, which makes an account for the other region.",
                account=account.name,
            ))
        if missing := self._explain_missing(company):
            raise UserError(missing)
        state = secrets.token_urlsafe(32)
        # In sudo mode, here and below: nobody may read or write authorizations.
        self.sudo().create({
            'state_hash': _hash(state),
            'user_id': self.env.uid,
            'company_id': company.id,
            'account_id': account and account.id,
            'region': region,
            'may_change_seller': may_change_seller,
            'redirect_uri': company.sudo().amazon_redirect_uri,
            'expires_at': fields.Datetime.now() + LIFETIME,
        })
        return state

    @api.model
    def _check_may_authorize(self, company, account=None):
        """Refuse whoever may not make or change accounts of the company.

        :raise AccessError: If the user may not.
        """
        accounts = self.env['amazon.account']
        accounts.check_access('create')
        if company not in self.env.user.company_ids:
            raise AccessError(self.env._(
                "You do not work for %(company)s: ask its Amazon administrator.",
                company=company.sudo().name,
            ))
        (account or accounts).check_access('write')

    @api.model
    def _explain_missing(self, company):
        """Return what of the application is missing, with the next step; empty if nothing is.

        :param res.company company: Whose application it is.
        :rtype: str
        """
        application = company.sudo()  # In sudo mode: as in `_begin`.
        missing = [
            application._fields[name].get_description(self.env)['string']
            for name in (
                'amazon_application_id', 'amazon_lwa_client_id', 'amazon_lwa_client_secret',
                *(
                    ADDRESS_FIELDS[1:] if application.amazon_environment == 'custom' else ()
                ),
            )
            if not application[name]
        ]
        if missing:
            return self.env._(
                "Enter %(fields)s first: a system administrator can, under Amazon ▸ Configuration"
                " ▸ Settings. Whoever has a private app only enters its tokens instead.",
                fields=', '.join(missing),
            )
        uri = application.amazon_redirect_uri
        stands_in = company._get_amazon_stand_in()
        if not (uri.startswith('https://') or stands_in and endpoints.is_private(uri)):
            return self.env._(
                "Amazon returns to https addresses only, but Odoo calls itself %(address)s. Let"
                " Odoo be reached by https and log in there as an administrator, or correct"
                " web.base.url under Settings ▸ Technical ▸ System Parameters.",
                address=company.get_base_url(),
            )
        return ''

    # === BUSINESS METHODS - COMING BACK === #

    @api.model
    def _complete(self, consent):
        """Take over what somebody brings back from Amazon.

        :param amazon.oauth.Consent consent: What it is.
        :return: What became of it.
        :rtype: Outcome
        """
        authorization = self._find(consent.state)
        problem = authorization._find_problem(consent)
        if problem:
            return problem
        # In sudo mode only here: the account is the user's to write.
        authorization = authorization.sudo()
        account = authorization.account_id or self.env['amazon.account']._find_of_seller(
            authorization.company_id, consent.seller_id, authorization.region,
        )
        # What others change at this moment makes Odoo begin anew: before the code is used up.
        connection = account.sudo().connection_id
        if connection.try_lock_for_update(allow_referencing=True) != connection:
            return Outcome(self.env['amazon.account'], self.env._(
                "The account is being changed at this moment. Press Try Again.",
            ), 503, may_repeat=True)
        try:
            token = authorization._exchange(consent.code)
        except (AmazonError, KeyUnusable) as error:
            return authorization._explain_failure(error)
        account = authorization.with_user(self.env.user)._store(
            account.with_user(self.env.user), consent.seller_id, token,
        )
        authorization.unlink()
        # The code is used up: what it has brought is safe before Amazon is asked again.
        self.env['ir.cron']._commit_progress()
        if not account.connection_id.is_copy and account.connection_id._connect():
            account._take_store_name()
        return Outcome(account)

    @api.model
    def _find(self, state):
        """Return the authorization of a state, locked so that nobody else uses it meanwhile; empty
        if there is none.
        """
        found = self.sudo().search([('state_hash', '=', _hash(state))], limit=1)
        return found.try_lock_for_update()

    def _find_problem(self, consent):
        """Return what stands against a consent, `None` if nothing does.

        What can't be used any more is forgotten.

        :rtype: Outcome | None
        """
        if not self:
            return Outcome(status=400, reason=self.env._(
                "This authorization is not known: it was used already, or has expired. Nothing was"
                " changed. Press Authorize on Amazon once more.",
            ))
        if self.user_id != self.env.user:
            return Outcome(status=403, reason=self.env._(
                "Somebody else has begun this authorization. Nothing was changed. Log in as the"
                " user who pressed Authorize on Amazon, or press it yourself.",
            ))
        try:
            self.with_user(self.env.user)._check_may_authorize(self.company_id, self.account_id)
        except AccessError:
            return Outcome(status=403, reason=self.env._(
                "You have no right to connect Amazon accounts of this company. Nothing was changed."
                " Ask your administrator for the group Amazon / Administrator.",
            ))
        reason = self._explain_refusal(consent)
        if reason:
            account = self.account_id.with_user(self.env.user)
            self.unlink()
            return Outcome(account, reason, 400)
        return None

    def _explain_refusal(self, consent):
        """Return why a consent is of no use, with the next step; empty if it is of use.

        :rtype: str
        """
        if self.expires_at < fields.Datetime.now():
            return self.env._(
                "The authorization has taken more than ten minutes and has expired. Nothing was"
                " changed. Press Authorize on Amazon once more.",
            )
        if consent.error or not (consent.code and consent.seller_id):
            return self._explain_error(consent.error)
        before = self.account_id.seller_id
        if before and before != consent.seller_id and not self.may_change_seller:
            return self.env._(
                "The account belongs to the seller %(before)s, but %(seller)s has authorized the"
                " application. Nothing was changed. Log in to Seller Central as %(before)s and"
                " authorize again; or, if the account shall belong to %(seller)s from now on,"
                " choose Authorize Again ▸ Another Seller on the account.",
                before=before,
                seller=consent.seller_id,
            )
        return ''

    @api.model
    def _explain_error(self, code):
        """Return what an error of Amazon's page means, with the next step.

        :param str code: Amazon's code, empty if it brought none.
        :rtype: str
        """
        company = self.company_id
        if code == 'access_denied':
            return self.env._(
                "You have not authorized the application on Amazon. Nothing was changed. Press"
                " Authorize on Amazon when you want to.",
            )
        if code == 'MD1000':
            return self.env._(
                "Amazon has not published the application yet (MD1000). Nothing was changed. Tick"
                " Draft Application under Amazon ▸ Configuration ▸ Settings and authorize again.",
            )
        if code in ('MD5100', 'MD5101', 'MD5110'):
            return self.env._(
                "Amazon does not know the address to return to (%(code)s). Nothing was changed."
                " Register %(address)s as OAuth Redirect URI of the application, publish the change"
                " where the application is published, and authorize again.",
                code=code,
                address=self.redirect_uri or company.sudo().amazon_redirect_uri,
            )
        return self.env._(
            "Amazon has not let the application in (%(code)s). Nothing was changed. Check that you"
            " are the primary user of Seller Central, that the Application ID under Amazon ▸"
            " Configuration ▸ Settings is the application's, and that it may be used in this"
            " region; then authorize again.",
            code=code or self.env._("no reason given"),
        )

    def _explain_failure(self, error):
        """Return what became of a consent whose code could not be exchanged.

        :param error: What stopped it.
        :type error: AmazonError | KeyUnusable
        :rtype: Outcome
        """
        account = self.account_id.with_user(self.env.user)
        if isinstance(error, (Throttled, Unavailable, KeyUnusable)):
            # The code was not used: it is good for some minutes more.
            reason = self.env['amazon.connection']._get_error_reason(
                error, self.env._("Try Again"), quotes=False,
            )
            return Outcome(account, reason, 503, may_repeat=True)
        self.unlink()
        if 'invalid_client' in getattr(error, 'codes', ()):
            reason = self.env._(
                "Amazon does not accept the LWA Client ID and Secret of the application. Nothing"
                " was changed. Enter the current ones under Amazon ▸ Configuration ▸ Settings, then"
                " authorize again.",
            )
        else:
            reason = self.env._(
                "Amazon does not accept the code that it sent: it was used already, or more than"
                " five minutes have passed. Nothing was changed. Press Authorize on Amazon once"
                " more.",
            )
        return Outcome(account, reason, 400)

    def _exchange(self, code):
        """Exchange a code for the refresh token.

        :rtype: str
        :raise AmazonError: As `Client.exchange_code`.
        :raise KeyUnusable: If the client secret can't be decrypted.
        """
        company = self.company_id
        credentials = Credentials(
            company.amazon_lwa_client_id,
            company._get_secrets().get('amazon_lwa_client_secret', ''),
            '',
        )
        # Neither quotas nor access tokens count here.
        with Client(credentials, '', company._get_amazon_lwa_endpoint(), None, None) as client:
            return client.exchange_code(code, self.redirect_uri)

    def _store(self, account, seller_id, token):
        """Let an account have the refresh token; everything else of it stays as it is.

        :param amazon.account account: The account, empty if there is none yet.
        :param str seller_id: Whom Amazon calls the seller.
        :param str token: The refresh token.
        :return: The account, made if there is none.
        :rtype: amazon.account
        """
        if not account:
            account = account._create_with_addresses(self.company_id, {
                'seller_id': seller_id, 'region': self.region,
            })
        account.connection_id._follow_authorization(seller_id, token)
        return account


def _hash(state):
    """Return what is kept of a state."""
    return sha256(state.encode()).hexdigest()
