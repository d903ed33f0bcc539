from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .activities import ATTENTION, plan_activity, plan_warning
from .tools import check_given


class AmazonAccount(models.Model):
    """What Odoo does with some of the marketplaces that a connection opens.

    It offers the fields of its connection as its own. This file holds who it is; what it does is in
    the files of the ways.
    """

    _name = 'amazon.account'
    _description = "Amazon Account"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'amazon.sync.mixin']
    _inherits = {'amazon.connection': 'connection_id'}
    _order = 'company_id, name, id'
    _check_company_auto = True

    name = fields.Char(
        help="How you call this account, e.g. the name of the shop.", required=True, tracking=True,
    )
    active = fields.Boolean(default=True)
    archived_at = fields.Datetime(readonly=True, copy=False)
    company_id = fields.Many2one(
        comodel_name='res.company',
        default=lambda self: self.env.company,
        required=True,
        index=True,
        readonly=True,
    )
    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        string="Connection",
        help="The authorization that the account uses. Choose the one of another account of the"
             " seller, and Amazon is asked once for both.",
        required=True,
        index=True,
        check_company=True,
        ondelete='restrict',
    )
    synced_marketplace_ids = fields.Many2many(
        comodel_name='amazon.marketplace',
        relation='amazon_account_synced_marketplace_rel',
        string="Synchronized Marketplaces",
        help="Whose orders come into Odoo through this account. Split Off Marketplaces treats some"
             " of them differently, in an account of their own.",
        domain="[('id', 'in', available_marketplace_ids)]",
        copy=False,
    )
    user_id = fields.Many2one(
        comodel_name='res.users',
        string="Person in Charge",
        help="Told when something needs attention.",
        check_company=True,
    )
    last_error = fields.Char(
        help="What went wrong last, in Connect or in one of the ways.",
        compute='_compute_last_error',
        compute_sudo=True,
        groups='amazon_connector.group_amazon_user',
    )
    last_error_date = fields.Datetime(
        compute='_compute_last_error',
        compute_sudo=True,
        groups='amazon_connector.group_amazon_user',
    )

    # === COMPUTE METHODS === #

    @api.depends(
        'connection_id.connect_error', 'connection_id.connect_error_date',
        'connection_id.sync_ids.last_error', 'connection_id.sync_ids.last_error_date',
        'connection_id.sync_ids.last_success',
    )
    def _compute_last_error(self):
        for account in self:
            connection = account.connection_id
            syncs = connection.sync_ids
            errors = [(sync.last_error_date, sync.last_error) for sync in syncs]
            failed_at = connection.connect_error_date
            if failed_at and not any(
                success > failed_at for success in syncs.mapped('last_success') if success
            ):
                errors.append((failed_at, connection.connect_error))
            account.last_error_date, account.last_error = max(
                (error for error in errors if all(error)), default=(False, False),
            )

    # === CONSTRAINT METHODS === #

    @api.constrains('synced_marketplace_ids', 'company_id', 'active')
    def _check_marketplaces_synced_once(self):
        for account in self.filtered('active'):
            for other in account._get_siblings():
                if shared := account.synced_marketplace_ids & other.synced_marketplace_ids:
                    raise ValidationError(self.env._(
                        "Synchronized Marketplaces: %(marketplaces)s is synchronized by the account"
                        " %(account)s already. Remove it from one of the two.",
                        marketplaces=', '.join(shared.mapped('name')),
                        account=other.name,
                    ))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to make a connection in the company of each account without one."""
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            if not vals.get('connection_id'):
                vals.pop('connection_id', None)
            check_given(self, vals)
            if 'connection_id' not in vals:
                given = [name for name in vals if self._fields[name].inherited]
                vals['connection_id'] = self.env['amazon.connection'].create({
                    'company_id': vals.get('company_id') or self.env.company.id,
                    **{name: vals.pop(name) for name in given},
                }).id
        return super().create(vals_list)

    def write(self, vals):
        """Override of `base` to keep the connection: what was read through it is the account's.

        :raise UserError: If it would change.
        """
        check_given(self, vals)
        if 'connection_id' in vals and self.connection_id.ids not in ([], [vals['connection_id']]):
            raise UserError(self.env._(
                "Connection: an account keeps the one that it was made with. Make another account"
                " with the other connection.",
            ))
        return super().write(vals)

    def unlink(self):
        """Override of `base` to delete connections that nobody uses any more."""
        connections = self.connection_id
        res = super().unlink()
        connections.filtered(
            lambda connection: not connection.with_context(active_test=False).account_ids,
        ).unlink()
        return res

    # === ACTION METHODS === #

    def action_connect(self):
        """Check the credentials with Amazon and read where the seller sells.

        The outcome stands on the account: its state, and the reason when it can't connect.

        :return: The notification to show.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('write')
        active = self.env['res.currency'].search([('active', '=', True)])
        if not self.connection_id._connect():
            return self._notify(self.last_error, 'danger')
        message = self.env._(
            "Connected. You sell on %(marketplaces)s.",
            marketplaces=', '.join(self.available_marketplace_ids.mapped('name')),
        )
        activated = self.synced_marketplace_ids.currency_id - active
        if activated:
            message += ' ' + self.env._(
                "Their currencies were activated: %(currencies)s. Check their exchange rates under"
                " Invoicing ▸ Configuration ▸ Currencies.",
                currencies=', '.join(activated.mapped('name')),
            )
        return self._notify(message, 'success')

    def action_connect_copy(self):
        """Connect although the database is a copy, whose original may act on Amazon, too.

        :return: The notification to show.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('write')
        self.connection_id.is_copy = False
        return self.action_connect()

    def _get_syncable(self, *groups):
        """Return the accounts of a button: those of `self`, or else all that are connected.

        :param str groups: Whose button it is, besides Amazon users'.
        :return: The accounts in sudo mode: synchronizing takes more rights than an Amazon user
                 needs to have.
        :rtype: amazon.account
        :raise UserError: If one is not connected.
        """
        accounts = self or self.search([('state', '=', 'connected')])
        accounts.check_access('read')
        # Salespeople and warehouse people may see accounts, but not synchronize.
        if not any(map(self.env.user.has_group, groups)):
            self.env['amazon.sync'].check_access('read')
        if archived := accounts.filtered(lambda account: not account.active):
            raise UserError(self.env._(
                "The account %(account)s is archived: un-archive it under Amazon ▸ Configuration ▸"
                " Accounts, filter Archived.",
                account=archived[0].name,
            ))
        if not accounts or any(account.state != 'connected' for account in accounts):
            raise UserError(accounts.sudo().filtered('reason')[:1].reason or self.env._(
                "The account is not connected yet. Enter its credentials and press Connect.",
            ))
        return accounts.sudo()

    # === BUSINESS METHODS - CONNECTION === #

    @api.model
    def _activate_currencies(self, currencies):
        """Activate currencies, so that nothing waits for it.

        :param res.currency currencies: Active or not.
        :return: Those that were not active.
        :rtype: res.currency
        """
        inactive = currencies.filtered(lambda currency: not currency.active)
        # In sudo mode: an Amazon administrator need not be one of currencies.
        inactive.sudo().active = True
        return inactive

    def _get_siblings(self):
        """Return the other accounts of the same seller in the same company."""
        self.ensure_one()
        return self.search([
            ('seller_id', '=', self.seller_id),
            ('company_id', '=', self.company_id.id),
            ('id', '!=', self.id),
        ])

    def _follow_connecting(self):
        """Begin with what the connection has opened, where nobody has chosen yet.

        :return: None
        """
        self.ensure_one()
        if not self.synced_marketplace_ids:
            elsewhere = self._get_siblings().synced_marketplace_ids
            self.synced_marketplace_ids = self.available_marketplace_ids - elsewhere
        self._activate_currencies(self.synced_marketplace_ids.currency_id)
        self._close_attention()

    def _compare_seller_id(self, seller_id):
        """Tell the person in charge if Amazon calls the seller by another ID than the account does.

        Only its reports on feeds name the seller: to everything else the token is enough.

        :param str seller_id: As Amazon wrote it, empty if it did not.
        :return: None
        """
        self.ensure_one()
        if seller_id and seller_id != self.seller_id:
            self._warn_person_in_charge(self.env._(
                "The Seller ID of this account is %(ours)s, but Amazon calls the seller %(theirs)s."
                " Correct the Seller ID, then press Connect.",
                ours=self.seller_id,
                theirs=seller_id,
            ))

    # === BUSINESS METHODS - ATTENTION === #

    def _ask_for_attention(self, note):
        """Plan one activity for the person in charge, unless there is one already.

        :param str note: What happened, in a sentence.
        :return: None
        """
        self.ensure_one()
        if not self.activity_search([ATTENTION]):
            plan_activity(self, ATTENTION, note, self._get_person_in_charge())

    def _warn_person_in_charge(self, note):
        """Plan an activity about something that happens once, unless it is planned already.

        :param str note: What happened and what to do, in a sentence.
        :return: None
        """
        self.ensure_one()
        plan_warning(self, note, self._get_person_in_charge())

    def _get_person_in_charge(self):
        """Return who is told what needs attention.

        :rtype: res.users
        """
        people = self.user_id | self.create_uid
        return people.filtered('active')[:1] or self.env.user

    def _get_ears(self):
        """Return for whom is told what happened: language and time zone of the user or, where a
        cron does it, of the person in charge.

        :return: What the context says of it.
        :rtype: dict
        """
        person = self._get_person_in_charge()
        return {
            name: self.env.context.get(name) or person[name] for name in ('lang', 'tz')
        }

    def _close_attention(self):
        """Take back the activity: nothing needs attention any more.

        :return: None
        """
        self.activity_unlink([ATTENTION])

    def _follow_up_failures(self):
        """Plan the activities of the accounts while something needs attention, else take them
        back. Where that fails, nothing else does.

        :return: None
        """
        for account in self:
            account._do_safely(lambda account: account._plan_follow_up())

    def _plan_follow_up(self):
        """Do `_follow_up_failures` for one account; another worker that is at it does as well."""
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return
        if failures := self._find_failures():
            self._ask_for_attention(failures)
        elif self.activity_search([ATTENTION]) and self.state == 'connected':
            self._close_attention()

    def _find_failures(self):
        """Return a sentence about what a person has to look at. To be extended by each way.

        :return: The sentence, empty if there is nothing.
        :rtype: str
        """
        return ''

    # === BUSINESS METHODS - NOTIFICATIONS === #

    def _get_erroneous(self):
        """Return the accounts with which something is wrong."""
        return self.filtered(lambda account: account.state == 'error' or account.last_error)

    def _describe_outcomes(self, outcomes, **labels):
        """Say what became of what Amazon was to be told.

        :param collections.Counter outcomes: How much was `sent`, `fed` into a feed, `failed`, is
                                             still `waiting`, or what else there is a label for.
        :param labels: How people call other outcomes.
        :return: The parts, empty if there is nothing to say.
        :rtype: str
        """
        labels = {
            'sent': self.env._("%(count)s sent"),
            'fed': self.env._("%(count)s in a feed"),
            'failed': self.env._("1 needs attention") if outcomes['failed'] == 1
            else self.env._("%(count)s need attention"),
            'waiting': self.env._("%(count)s will be sent shortly"),
            **labels,
        }
        return ', '.join(
            label % {'count': outcomes[key]} for key, label in labels.items() if outcomes[key]
        )

    def _notify_with_errors(self, message, failed_count, links):
        """Return a notification that also says what is wrong with the accounts.

        :param str message: What was done; empty if nothing was.
        :param int failed_count: How much of it failed.
        :param list[dict] links: As `_notify` wants them.
        :rtype: dict
        """
        erroneous = self._get_erroneous()
        messages = [message] if message else []
        messages += [
            f'{account.name}: {account.reason or account.last_error}' for account in erroneous
        ]
        return self._notify(
            ' · '.join(messages),
            'warning' if erroneous or failed_count else 'success',
            links=links,
        )

    def _notify(self, message, kind, links=None):
        """Return a notification, with links behind the message, that refreshes the view.

        :param str message: What to say.
        :param str kind: `success`, `warning` or `danger`.
        :param list[dict] links: `label` and `url` of each.
        :rtype: dict
        """
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message + ' · %s' * len(links or ()),
                'links': links or [],
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }
