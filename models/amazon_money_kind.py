import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .money_categories import CATEGORIES

ANYTHING = '*'
WORDS = ('transaction_type', 'amount_type', 'amount_description')
IGNORED = re.compile(r'[\s_]+')
# What the words of an unknown line make of it, for a person to look at; the first that fits.
HINTS = [
    (r'reserve', 'reserve'),
    (r'transfer of funds|successful charge|deposit', 'transfer'),
    (r'payable to amazon|cross-account|debt', 'carried'),
    (r'tcs|tds|incometax', 'tax_credit'),
    (r'tax on fee', 'fee_tax'),
    (r'advertis|coupon|deal|vine|promotionfee', 'advertising'),
    (r'storage', 'storage'),
    (r'subscription', 'subscription'),
    (r'reimburs|compensat|safe-t|warehouse_|lost|damage', 'reimbursement'),
    (r'liquidation', 'other_income'),
    (r'fba|inbound|removal|disposal|fulfil|awd', 'fba_fee'),
    (r'commission|closing', 'commission'),
    (r'fee|charge|label', 'other_fee'),
]


class AmazonMoneyKind(models.Model):
    """What a line of a settlement is, by Amazon's own words for it, and what it counts as.

    The words are compared without regard to case, spaces and underscores; an asterisk stands for
    anything. The known ones come as data. Unknown ones are added as they are met, without a
    category: until a person has chosen one, no settlement with such a line is booked.
    """

    _name = 'amazon.money.kind'
    _description = "Kind of Money on Amazon"
    _inherit = ['mail.thread']
    _order = 'category NULLS FIRST, transaction_type, amount_type, amount_description, id'

    transaction_type = fields.Char(help="Amazon's `transaction-type`.")
    amount_type = fields.Char(help="Amazon's `amount-type`.")
    amount_description = fields.Char(help="Amazon's `amount-description`.")
    key = fields.Char(compute='_compute_key', store=True, precompute=True)
    category = fields.Selection(
        selection=CATEGORIES,
        string="Counts As",
        help="Decides on which account it is booked. Empty: nobody knows, and settlements with it"
             " wait.",
        tracking=True,
        index=True,
    )
    proposed_category = fields.Selection(
        selection=CATEGORIES, string="Proposal", compute='_compute_proposed_category',
    )
    line_count = fields.Integer(string="Lines", compute='_compute_line_count')

    _key_uniq = models.Constraint('UNIQUE(key)', "There is a kind of money with these words.")

    # === COMPUTE METHODS === #

    @api.depends('transaction_type', 'amount_type', 'amount_description')
    def _compute_key(self):
        for kind in self:
            kind.key = self._get_key(
                kind.transaction_type, kind.amount_type, kind.amount_description,
            )

    @api.depends('transaction_type', 'amount_type', 'amount_description')
    def _compute_display_name(self):
        for kind in self:
            words = (kind.transaction_type, kind.amount_type, kind.amount_description)
            kind.display_name = ' · '.join(dict.fromkeys(filter(None, words))) or '–'

    @api.depends('key')
    def _compute_proposed_category(self):
        for kind in self:
            words = ' '.join(filter(None, (
                kind.transaction_type, kind.amount_type, kind.amount_description,
            ))).lower()
            kind.proposed_category = next(
                (category for pattern, category in HINTS if re.search(pattern, words)), 'other_fee',
            )

    def _compute_line_count(self):
        counts = dict(self.env['amazon.settlement.line']._read_group(
            [('kind_id', 'in', self.ids)], ['kind_id'], ['__count'],
        ))
        for kind in self:
            kind.line_count = counts.get(kind, 0)

    # === CONSTRAINT METHODS === #

    @api.constrains('key')
    def _check_words(self):
        for kind in self:
            if not kind.key.replace('|', '').replace(ANYTHING, ''):
                raise ValidationError(self.env._(
                    "Transaction Type, Amount Type, Description: enter at least one of Amazon's"
                    " words, or every line would be of this kind.",
                ))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to let a pattern take up the unknown kinds that fit it."""
        kinds = super().create(vals_list)
        kinds._take_up_unknown()
        return kinds

    def write(self, vals):
        """Override of `base` to let what has become a pattern take up the unknown kinds, too."""
        res = super().write(vals)
        if 'category' in vals or any(name in vals for name in WORDS):
            self._take_up_unknown()
        return res

    # === ACTION METHODS === #

    def action_accept_proposal(self):
        """Let kinds that nobody has named yet count as what is proposed.

        :return: None
        """
        for kind in self:
            # The one before may have taken it up.
            if kind.exists() and not kind.category:
                kind.category = kind.proposed_category

    def action_open_lines(self):
        """Open the lines of settlements of this kind.

        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_settlement_line',
            ),
            'domain': [('kind_id', '=', self.id)],
            'context': {},
        }

    # === BUSINESS METHODS === #

    @api.model
    def _get_key(self, *words):
        """Return what Amazon's words for a line are compared by.

        :param words: Transaction type, amount type and description.
        :rtype: str
        """
        return '|'.join(IGNORED.sub('', word or '').casefold() for word in words)

    @api.model
    def _get_finder(self, kinds=None, adds=True):
        """Return a function that finds the kind of a line.

        :param amazon.money.kind kinds: Among which; all by default.
        :param bool adds: Whether it adds kinds that are missing.
        :return: Takes transaction type, amount type and description, returns the id of the kind.
        :rtype: callable
        """
        if kinds is None:
            kinds = self.search_fetch([], ['key'])
        exact = {kind.key: kind.id for kind in kinds if ANYTHING not in kind.key}
        # What says more comes first.
        patterns = [
            (re.compile('.*'.join(map(re.escape, kind.key.split(ANYTHING))), re.DOTALL), kind.id)
            for kind in sorted(
                kinds.filtered(lambda kind: ANYTHING in kind.key),
                key=lambda kind: -len(kind.key.replace(ANYTHING, '')),
            )
        ]
        known = {}

        def find(*words):
            if words not in known:
                # In Amazon's own words an asterisk is no pattern.
                key = self._get_key(*(word.replace(ANYTHING, '') for word in words))
                known[words] = exact.get(key) or next(
                    (kind for pattern, kind in patterns if pattern.fullmatch(key)), None,
                ) or (add(key, words) if adds else None)
            return known[words]

        def add(key, words):
            exact[key] = self.create({
                name: word.replace(ANYTHING, '') for name, word in zip(WORDS, words, strict=True)
            }).id
            return exact[key]

        return find

    def _take_up_unknown(self):
        """Let those of these kinds that are known have the lines of unknown ones that fit their
        patterns.

        :return: None
        """
        patterns = self.filtered(lambda kind: kind.category and ANYTHING in kind.key)
        if not patterns:
            return
        # In sudo mode here and below: the connector alone writes lines and settlements.
        unknown = self.sudo().search([('category', '=', False)])
        find_kind = self._get_finder(self.search([('category', '!=', False)]), adds=False)
        for kind in unknown:
            found = find_kind(
                kind.transaction_type or '', kind.amount_type or '', kind.amount_description or '',
            )
            if found:
                self.env['amazon.settlement.line'].sudo().search([
                    ('kind_id', '=', kind.id),
                ]).kind_id = found
                kind.unlink()
        patterns.sudo()._release_settlements()

    def _release_settlements(self):
        """Let the settlements go on that waited for these kinds.

        :return: None
        """
        lines = self.env['amazon.settlement.line'].search([
            ('kind_id', 'in', self.ids), ('settlement_id.state', '=', 'proven'),
        ])
        settlements = lines.settlement_id
        # That they are unknown is no longer so.
        settlements.filtered(
            lambda settlement: not settlement.unknown_kind_ids and not settlement.waits_for_person,
        ).reason = False
        settlements._wake_booking()
