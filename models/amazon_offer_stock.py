from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .activities import plan_activity
from .amazon_sync import Run
from .tools import SYNC_SECONDS, TimeBudget

CHANNEL = 'amazon_connector.mail_activity_type_channel'


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
    stock_state = fields.Selection(related='stock_level_id.state', string="Stock")
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
        """Override of `base` to follow what Amazon shows otherwise than before."""
        before = {offer: offer.channel for offer in self} if 'channel' in vals else {}
        res = super().write(vals)
        for offer, channel in before.items():
            if offer.channel != channel:
                offer._follow_channel()
        if 'amazon_quantity' in vals:
            # In sudo mode: the level is the connector's.
            self.sudo().filtered(
                lambda offer: offer.stock_level_id.state == 'in_sync'
                and offer.stock_level_id.target != offer.amazon_quantity,
            )._mark_stock_changed()
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

    def _follow_channel(self):
        """Tell the person in charge that Amazon ships an offer now, and no longer when that is over.

        :return: None
        """
        self.ensure_one()
        if self.channel == 'fbm':
            self.activity_unlink([CHANNEL])
            return
        # In sudo mode: whoever has imported it, the connector follows.
        level = self.sudo().stock_level_id
        if level.state:
            level._set_aside()
            note = self.env._(
                "Amazon ships this offer now (%(channel)s), so that its quantity is left alone. If"
                " that is not what you want, change the fulfillment channel in Seller Central.",
                channel=dict(self._fields['channel']._description_selection(self.env)).get(
                    self.channel, self.channel,
                ),
            )
            self.message_post(body=note)
            if not self.activity_search([CHANNEL]):
                plan_activity(self, CHANNEL, note, self.account_id._get_person_in_charge())

    @api.model
    def _get_newer_stock(self, moment):
        """Return the offers of `self` whose quantity on Amazon is known better than from a report.

        :param datetime moment: When the report was made (UTC, naive).
        :rtype: amazon.offer
        """
        return self.filtered(lambda offer: (
            offer.stock_level_id.state == 'sent'
            or offer.stock_sent_at and offer.stock_sent_at > moment
            or offer.channel_read_at and offer.channel_read_at > moment
        ))
