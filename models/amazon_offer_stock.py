from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .amazon_sync import Run
from .tools import SYNC_SECONDS, TimeBudget


class AmazonOffer(models.Model):
    """How many of the offer Amazon is told, and what became of it; see `amazon.stock.level`."""

    _inherit = 'amazon.offer'

    stock_level_id = fields.Many2one(
        comodel_name='amazon.stock.level',
        string="Stock Level",
        index='btree_not_null',
        readonly=True,
        copy=False,
        ondelete='set null',
    )
    stock_state = fields.Selection(related='stock_level_id.state', string="Stock Status")
    stock_reason = fields.Char(related='stock_level_id.reason', string="Stock: Reason")
    stock_answer = fields.Char(
        related='stock_level_id.answer',
        string="Stock: Original Words",
        groups='amazon_connector.group_amazon_user',
    )
    stock_target = fields.Integer(related='stock_level_id.target', aggregator=None)
    stock_sent = fields.Integer(related='stock_level_id.sent', aggregator=None)
    stock_sent_at = fields.Datetime(related='stock_level_id.sent_at')
    stock_attempts = fields.Integer(
        related='stock_level_id.attempts', string="Stock: Attempts", aggregator=None,
    )
    stock_next_try = fields.Datetime(
        related='stock_level_id.next_try', string="Stock: Next Try",
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to look again at what Amazon shows otherwise than it was in sync."""
        res = super().write(vals)
        if 'read_at' in vals:
            self.filtered(
                lambda offer: offer.stock_state in ('to_send', 'in_sync') and offer.stock_state != (
                    'in_sync' if offer.stock_target == offer.amazon_quantity else 'to_send'
                ),
            )._mark_stock_changed(with_products=False)
            self._settle_failed()
        return res

    # === ACTION METHODS === #

    def action_sync_stock(self):
        """Calculate the quantities of these offers anew, and tell Amazon of them now.

        :return: The notification to show.
        :rtype: dict
        """
        accounts = self.account_id._get_syncable()
        accounts._check_pushes_stock()
        offers = self.with_env(accounts.env)
        budget = TimeBudget(SYNC_SECONDS)
        offers._update_stock_levels()
        offers.stock_level_id.filtered(lambda level: level.state == 'failed')._send_again()
        self.env['ir.cron']._commit_progress()
        return accounts._send_stock(Run(budget, Domain('offer_id', 'in', self.ids)))

    def action_retry_stock(self):
        """Tell Amazon again of what has failed or waits, in the background.

        :return: None
        :raise UserError: If there is nothing of that kind.
        """
        self.account_id._get_syncable()
        # In sudo mode: the connector alone writes what it tells Amazon.
        levels = self.sudo().stock_level_id.filtered(
            lambda level: level.state in ('to_send', 'failed'),
        )
        if not levels:
            raise UserError(self.env._(
                "None of these is to be sent or has failed. Sync Stock calculates anew what Amazon"
                " is to be told.",
            ))
        levels._send_again()
        levels._wake_sender()

    # === BUSINESS METHODS === #

    def _settle_failed(self):
        """Let quantities not count as failed any more that Amazon shows now all the same.

        :return: None
        """
        # In sudo mode: the level is the connector's.
        for level in self.sudo().stock_level_id.filtered(lambda level: level.state == 'failed'):
            offer = level.offer_id
            if (
                offer.quantity_read_at == offer.read_at
                and offer.amazon_quantity == level.target
                and level._is_settled()
            ):
                level._mark_in_sync(level.target)

    def _update_stock_levels(self):
        """Calculate what is to stand on Amazon, and note what it is to be told.

        :return: None
        """
        # No other channel ever has a quantity, however it came about.
        missing = self.filtered(lambda offer: offer.channel == 'fbm' and not offer.stock_level_id)
        levels = self.env['amazon.stock.level'].create([
            {'offer_id': offer.id} for offer in missing
        ])
        for offer, level in zip(missing, levels, strict=True):
            offer.stock_level_id = level
        self.stock_level_id._recalculate()

    def _follow_channel_change(self, channel):
        """Override of `amazon_connector` to leave the quantity alone as soon as Amazon ships it."""
        if self.channel != 'fbm':
            # In sudo mode: the level is the connector's.
            self.sudo().stock_level_id._set_aside()
        super()._follow_channel_change(channel)

    def _drop_outdated(self, values, read_at):
        """Override of `amazon_connector`: Amazon has been told another quantity since."""
        values = super()._drop_outdated(values, read_at)
        if self.stock_sent_at and self.stock_sent_at > read_at:
            values = {
                name: value for name, value in values.items()
                if name not in ('amazon_quantity', 'quantity_read_at')
            }
        return values
