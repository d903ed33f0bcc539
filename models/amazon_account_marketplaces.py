from odoo import api, fields, models
from odoo.fields import Domain


class AmazonAccount(models.Model):
    """Marketplaces that come and go: each is read from its own beginning, and open orders follow.

    What a seller has, matches and buyers among it, is shared by the accounts of the seller in a
    company.
    """

    _inherit = 'amazon.account'

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to read the marketplaces of further accounts from their beginning."""
        accounts = super().create(vals_list)
        for account in accounts:
            others = (account.connection_id.account_ids - account)._get_wanted_marketplaces()
            account._follow_marketplaces(others, others.browse())
        return accounts

    def write(self, vals):
        """Override of `base` to read added marketplaces from their beginning, and to say what waits
        when an account is archived.
        """
        is_new = not self.env.context.get('amazon_marketplaces_handed_over')
        before = {
            account: (
                account.connection_id.account_ids._get_wanted_marketplaces(),
                account._get_wanted_marketplaces(),
            ) for account in self
        } if is_new and 'synced_marketplace_ids' in vals else {}
        changed = self.filtered(lambda a: a.active != vals.get('active', a.active))
        if changed:
            archived_at = {account: account.archived_at for account in changed}
            if not vals['active']:
                for account in changed:
                    account.archived_at = account._get_read_until()
        res = super().write(vals)
        for account, (read, own) in before.items():
            account._follow_marketplaces(read, own)
        for account in changed:
            if account.active:
                others = account.connection_id.account_ids - account
                account._read_unread(others._get_wanted_marketplaces(), archived_at[account])
            account._follow_archiving()
        return res

    # === BUSINESS METHODS === #

    def _get_wanted_marketplaces(self):
        """Return the marketplaces that the accounts synchronize, archived ones among them.

        :rtype: amazon.marketplace
        """
        return self.with_context(active_test=False).synced_marketplace_ids.with_env(self.env)

    def _get_seller_accounts(self):
        """Return all accounts of the same seller in the same company, these and archived ones
        among them.

        :rtype: amazon.account
        """
        return self.with_context(active_test=False).search(
            self._get_seller_domain(),
        ).with_env(self.env)

    def _get_seller_domain(self):
        """Return the domain of `_get_seller_accounts`, where archived ones are searched, too.

        :rtype: Domain
        """
        return (
            Domain('seller_id', 'in', self.mapped('seller_id'))
            & Domain('company_id', 'in', self.company_id.ids)
        )

    def _get_read_until(self):
        """Return until when the marketplaces are read. To be extended by each way that reads.

        :return: The time (UTC, naive).
        :rtype: datetime
        """
        return fields.Datetime.now()

    def _follow_marketplaces(self, read, own):
        """Take over what was added to this account, and see to it that it is read.

        :param amazon.marketplace read: What the connection has read so far.
        :param amazon.marketplace own: What this account had so far.
        :return: None
        """
        self.ensure_one()
        self._read_unread(read)
        self._take_over(self._get_wanted_marketplaces() - own)

    def _read_unread(self, read, since=None):
        """See to it that marketplaces are read from their own beginning.

        :param amazon.marketplace read: Those that the connection has read so far.
        :param datetime since: Since when the others were not read (UTC, naive), if that is known.
        :return: None
        """
        self.ensure_one()
        unread = self._get_wanted_marketplaces() - read
        if unread:
            self._follow_added_marketplaces(unread, since)

    def _follow_added_marketplaces(self, marketplaces, since=None):
        """Begin with marketplaces that the connection has not read. To be extended by each way.

        :param amazon.marketplace marketplaces: The marketplaces.
        :param datetime since: Since when they were not read (UTC, naive), if that is known.
        :return: None
        """

    def _split_off(self, marketplaces, name):
        """Let an account of its own treat some marketplaces as this one has done.

        :param amazon.marketplace marketplaces: Some of those that this account synchronizes.
        :param str name: The name of the new account.
        :return: The new account.
        :rtype: amazon.account
        """
        self.ensure_one()
        # In sudo mode: all settings go on as they are, those of which the user may choose none,
        # too.
        account = self.sudo()
        other = account.copy({**account._prepare_split_off(), 'name': name}).with_env(self.env)
        self._hand_over(marketplaces, other)
        return other

    def _prepare_split_off(self):
        """Return the values of an account that is split off which other copies do not have. To be
        extended.

        :rtype: dict
        """
        self.ensure_one()
        return {'connection_id': self.connection_id.id}

    def _hand_over(self, marketplaces, account):
        """Let another account of the connection synchronize marketplaces; nothing is read again.

        :param amazon.marketplace marketplaces: What this account synchronizes.
        :param amazon.account account: The other account.
        :return: None
        """
        self.ensure_one()
        # What is missing for a moment only is not new.
        context = {'amazon_marketplaces_handed_over': True}
        self.with_context(**context).synced_marketplace_ids -= marketplaces
        account.with_context(**context).synced_marketplace_ids |= marketplaces
        account._take_over(marketplaces)

    def _take_over(self, marketplaces):
        """Let what is open of marketplaces follow from other accounts of the same seller.

        :param amazon.marketplace marketplaces: The marketplaces that were added to this account.
        :return: None
        """
        self.ensure_one()
        others = self._get_seller_accounts() - self
        if marketplaces and others:
            self._take_over_from(others, marketplaces)

    def _take_over_from(self, others, marketplaces):
        """Let what is open of marketplaces follow. To be extended by each way.

        :param amazon.account others: The other accounts of the seller.
        :param amazon.marketplace marketplaces: The marketplaces that were added to this account.
        :return: None
        """
        # In sudo mode: outboxes are not written by Amazon administrators.
        elsewhere = Domain('account_id', 'in', others.ids)
        for name in self.env['amazon.outbox.mixin']._get_outboxes():
            outbox = self.env[name].sudo()
            waiting = outbox.search(
                elsewhere & outbox._get_marketplace_domain(marketplaces)
                & Domain('state', 'in', ('to_send', 'failed')),
            )
            waiting.account_id = self
            waiting._release_archived()

    # === BUSINESS METHODS - ARCHIVING === #

    def _follow_archiving(self):
        """Say what archived accounts no longer do, and go on with it when they are back.

        :return: None
        """
        for account in self:
            waiting = {
                # In sudo mode: as in `_take_over_from`.
                outbox: self.env[outbox].sudo().search(Domain('account_id', '=', account.id) & (
                    Domain('state', '=', 'to_send') | Domain('is_held', '=', True)
                    | Domain('state', '=', 'failed') & Domain('next_try', '!=', False)
                ))
                for outbox in self.env['amazon.outbox.mixin']._get_outboxes()
            }
            for records in waiting.values():
                records._release_archived() if account.active else records._hold_archived()
            if account.active:
                continue
            account.message_post(body=self.env._(
                "Archived: no orders come in, and Amazon is told nothing any more. What waits to be"
                " told: %(waiting)s. It goes out when the account is un-archived.",
                waiting=', '.join(
                    records._get_count_label(len(records)) for records in waiting.values()
                    if records
                ) or self.env._("nothing"),
            ))

    @api.model
    def _follow_archived_marketplaces(self, marketplaces):
        """Say on the accounts that marketplaces are not read any more, or are again.

        :param amazon.marketplace marketplaces: Marketplaces that were archived or un-archived, all
                                                in the same state.
        :return: None
        """
        # In sudo mode: marketplaces are shared by all companies.
        accounts = self.sudo().with_context(active_test=False).search([
            ('synced_marketplace_ids', 'in', marketplaces.ids), ('active', '=', True),
        ]).with_env(self.sudo().env)
        for account in accounts:
            concerned = account._get_wanted_marketplaces() & marketplaces
            if marketplaces[:1].active:
                since = min(filter(None, concerned.mapped('archived_at')), default=None)
                account._read_unread(account._get_wanted_marketplaces() - concerned, since)
                continue
            account.message_post(body=self.env._(
                "%(marketplaces)s: archived, so that no orders come in from there any more."
                " Un-archive it under Amazon ▸ Configuration ▸ Marketplaces to read them again.",
                marketplaces=', '.join(concerned.mapped('name')),
            ))
