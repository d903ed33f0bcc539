from odoo import api, fields, models

from .tools import to_naive

REFUND_TYPE = 'refund'  # Amazon's word for A-to-z claims and chargebacks, too; folded


class AmazonTransaction(models.Model):
    """Money that moved between Amazon and the seller, as Amazon tells of it within days.

    Nothing is booked by it but refunds: settlements are complete, and say the same once more.
    Of money that was deferred there are two transactions: the one that Amazon defers, whose status
    changes when it is released, and the release.
    """

    _name = 'amazon.transaction'
    _description = "Amazon Transaction"
    _inherit = ['amazon.sync.mixin']
    _order = 'posted_at desc, id desc'
    _rec_name = 'transaction_ref'

    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', string="Marketplace", readonly=True, ondelete='restrict',
    )
    transaction_ref = fields.Char(string="Transaction", required=True, readonly=True)
    type = fields.Char(help="Amazon's word for it.", required=True, readonly=True)
    status = fields.Selection(
        selection=[
            ('DEFERRED', "Deferred"),
            ('DEFERRED_RELEASED', "Deferred, Since Released"),
            ('RELEASED', "Released"),
        ],
        help="What is deferred is in no settlement yet. When it is released, that is another"
             " transaction of the same money.",
        readonly=True,
        index=True,
    )
    description = fields.Char(readonly=True)
    posted_at = fields.Datetime(string="Posted", required=True, readonly=True, index=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    total = fields.Monetary(help="What goes to you is positive.", readonly=True)
    order_ref = fields.Char(string="Amazon Order", readonly=True, index='btree_not_null')
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        compute='_compute_sale_order_id',
        compute_sudo=True,
    )
    refund_ref = fields.Char(string="Amazon's Refund", readonly=True)
    settlement_ref = fields.Char(string="Settlement", readonly=True)
    deferred_ref = fields.Char(
        string="Releases",
        help="The transaction that was deferred.",
        readonly=True,
        index='btree_not_null',
    )
    release_ref = fields.Char(
        string="Released By", help="The transaction that releases it.", readonly=True,
    )
    maturity_at = fields.Datetime(
        string="Released On", help="When Amazon means to release what it defers.", readonly=True,
    )
    deferral_reason = fields.Char(
        string="Deferred For",
        help="DD7: until seven days after the delivery. B2B: until a business has paid.",
        readonly=True,
    )
    is_refund_taken = fields.Boolean(
        help="Whether it was checked for being a refund, and the refund recorded if it is one.",
        readonly=True,
        copy=False,
    )
    items = fields.Json(
        help="What it is for: of each item the SKU, and the amounts by Amazon's words for them.",
        readonly=True,
        groups=fields.NO_ACCESS,
    )

    _to_take_idx = models.Index("(posted_at) WHERE is_refund_taken IS NOT TRUE")
    _connection_transaction_uniq = models.Constraint(
        'UNIQUE(connection_id, transaction_ref)', "There is this transaction already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('order_ref', 'company_id')
    def _compute_sale_order_id(self):
        orders = {
            (order.company_id, order.amazon_order_ref): order
            for order in self.env['sale.order'].search([
                ('company_id', 'in', self.company_id.ids),
                ('amazon_order_ref', 'in', [ref for ref in self.mapped('order_ref') if ref]),
            ])
        }
        for transaction in self:
            transaction.sale_order_id = orders.get(
                (transaction.company_id, transaction.order_ref),
            )

    # === BUSINESS METHODS === #

    @api.model
    def _store(self, connection, transactions):
        """Store transactions as Amazon tells of them now.

        :param amazon.connection connection: The connection.
        :param Iterable[amazon.finances.Transaction] transactions: The transactions as read.
        :return: Those that were stored, changed or not.
        :rtype: amazon.transaction
        """
        read = {transaction.transaction_id: transaction for transaction in transactions}
        known = {
            record.transaction_ref: record for record in self.search([
                ('connection_id', '=', connection.id), ('transaction_ref', 'in', list(read)),
            ])
        }
        places = {
            marketplace.api_ref: (marketplace, connection._get_account_of(marketplace))
            for marketplace in self.env['amazon.marketplace'].search([])
        }
        currencies = {
            currency.name: currency.id
            for currency in self.env['res.currency'].with_context(active_test=False).search([])
        }
        values_by_ref = {
            ref: self._prepare_values(connection, transaction, places, currencies)
            for ref, transaction in read.items()
        }
        for ref, record in known.items():
            record._write_changes(values_by_ref[ref])
        stored = self.union(*known.values()) | self.create([
            {**values, 'is_refund_taken': values['type'].casefold() != REFUND_TYPE}
            for ref, values in values_by_ref.items() if ref not in known
        ])
        stored._note_releases()
        return stored

    @api.model
    def _prepare_values(self, connection, transaction, places, currencies):
        """Return the values of a transaction.

        :param amazon.connection connection: The connection.
        :param amazon.finances.Transaction transaction: It as read.
        :param dict places: The marketplaces and their accounts, by Amazon's ids.
        :param dict currencies: The ids of the currencies, by their codes.
        :rtype: dict
        """
        marketplace, account = places.get(transaction.marketplace_id, (None, None))
        total = transaction.total
        currency = total and currencies.get(total.currency)
        statuses = dict(self._fields['status'].selection)
        return {
            'connection_id': connection.id,
            'account_id': (account or connection._get_first_account()).id,
            'marketplace_id': marketplace.id if marketplace else False,
            'transaction_ref': transaction.transaction_id,
            'type': transaction.type,
            'status': transaction.status if transaction.status in statuses else False,
            'description': transaction.description,
            'posted_at': to_naive(transaction.posted_at),
            'currency_id': currency or False,
            'total': float(total.amount) if currency else 0.0,
            'order_ref': transaction.order_ref,
            'refund_ref': transaction.refund_ref,
            'settlement_ref': transaction.settlement_ref,
            'deferred_ref': transaction.deferred_ref,
            'release_ref': transaction.release_ref,
            'maturity_at': to_naive(transaction.maturity_at),
            'deferral_reason': transaction.deferral_reason,
            'items': [
                {
                    'sku': item.sku,
                    'item_ref': item.adjustment_item_ref,
                    'amounts': [[words, str(amount)] for words, amount in item.leaves],
                }
                for item in transaction.items
            ],
        }

    def _write_changes(self, values):
        """Write what differs.

        :param dict values: See `_prepare_values`.
        :return: None
        """
        self.ensure_one()
        changes = {
            name: value for name, value in values.items()
            if self._fields[name].convert_to_write(self[name], self) != (value or False)
            and (value or self[name])
        }
        if changes:
            self.write(changes)

    def _note_releases(self):
        """Let what was deferred and is released say so: it is older than what Amazon lists anew.

        :return: None
        """
        releases = self.filtered('deferred_ref') | self.search([
            ('connection_id', 'in', self.connection_id.ids),
            ('deferred_ref', 'in', self.mapped('transaction_ref')),
        ])
        deferred = {
            transaction.transaction_ref: transaction for transaction in self.search([
                ('connection_id', 'in', releases.connection_id.ids),
                ('transaction_ref', 'in', releases.mapped('deferred_ref')),
                ('status', '=', 'DEFERRED'),
            ])
        }
        for release in releases:
            if transaction := deferred.get(release.deferred_ref):
                transaction.write({
                    'status': 'DEFERRED_RELEASED', 'release_ref': release.transaction_ref,
                })

    def _find_twins(self):
        """Return those of these refunds that another transaction tells of already: one is what was
        deferred, the other its release.

        :rtype: amazon.transaction
        """
        twins = self.browse()
        releases = self.filtered('deferred_ref')
        deferred = self.search([
            ('connection_id', 'in', self.connection_id.ids),
            ('transaction_ref', 'in', releases.mapped('deferred_ref')),
        ])
        refunds = self.env['amazon.refund'].search([
            ('company_id', 'in', self.company_id.ids),
            ('transaction_id', '!=', False),
            ('refund_ref', 'in', [ref for ref in releases.mapped('refund_ref') if ref]),
        ])
        known = {
            (refund.order_ref, refund.refund_ref, refund.transaction_id.total)
            for refund in refunds
        }
        refs = set(deferred.mapped('transaction_ref'))
        for release in releases:
            if release.deferred_ref in refs or (
                (release.order_ref, release.refund_ref, release.total) in known
            ):
                twins |= release
        taken = set(self.search([
            ('connection_id', 'in', self.connection_id.ids),
            ('deferred_ref', 'in', self.mapped('transaction_ref')),
            ('is_refund_taken', '=', True),
        ]).mapped('deferred_ref'))
        return twins | self.filtered(lambda transaction: transaction.transaction_ref in taken)
