from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import html2plaintext

from .amazon_personal_data import join_words
from .guard import as_connector

OPEN_DAYS = 60  # so long an order counts as open after Amazon last told of it
GRACE = timedelta(days=1)  # for what has come and is not imported yet


class AmazonPersonalData(models.AbstractModel):
    _inherit = 'amazon.personal.data'

    @api.model
    def _get_keepers(self):
        """Override of `amazon_connector` to purge orders."""
        return [*super()._get_keepers(), 'amazon.order']


class AmazonOrder(models.Model):
    """How long the personal data of an order are kept, and where they are.

    They go some days after Amazon tells that all of it was delivered or, as Amazon often does not,
    after all of it was shipped or cancelled, whatever Amazon promised. What comes again later, by a
    change on Amazon or by a person, goes again with the next purge.
    """

    _inherit = 'amazon.order'

    ended_at = fields.Datetime(
        string="Shipped or Cancelled",
        help="When all of it was, as Amazon told first.",
        readonly=True,
    )
    delivered_at = fields.Datetime(
        string="Delivered", help="Amazon told so then, if it ever did.", readonly=True,
    )
    stored_at = fields.Datetime(
        string="Last News",
        help="When Amazon's data came here last.",
        default=fields.Datetime.now,
        readonly=True,
    )
    is_purged = fields.Boolean(
        help="Whether Amazon's data were removed, and have not come again.", readonly=True,
    )
    purged_at = fields.Datetime(
        string="Amazon's Data Removed", help="To protect the buyer.", readonly=True, copy=False,
    )

    _to_purge_idx = models.Index("(account_id, id) WHERE is_purged IS NOT TRUE")

    # === BUSINESS METHODS === #

    @api.model
    def _get_amazon_outlived_domain(self):
        """Return the domain of the orders whose personal data are not needed any more.

        :rtype: Domain
        """
        kept = Domain('is_purged', '=', False)
        accounts = [account for [account] in self._read_group(kept, ['account_id'])]
        at_rest = (
            Domain('state', '!=', 'to_do')
            | Domain('stored_at', '<', fields.Datetime.now() - GRACE)
        )
        return kept & at_rest & (
            Domain('purged_at', '!=', False)
            | Domain.OR(self._get_ended_domain(account) for account in accounts)
        )

    @api.model
    def _get_ended_domain(self, account):
        """Return the domain of the orders of an account that ended long enough ago.

        :param amazon.account account: The account, which says how long that is.
        :rtype: Domain
        """
        limit = fields.Datetime.now() - timedelta(days=account.payload_days)
        return Domain('account_id', '=', account.id) & (
            Domain('delivered_at', '<', limit)
            | Domain([('delivered_at', '=', False), ('ended_at', '<', limit)])
            | Domain([
                ('delivered_at', '=', False), ('ended_at', '=', False),
                ('stored_at', '<', limit - timedelta(days=OPEN_DAYS)),
            ])
        )

    @api.model
    def _get_places(self):
        """Return where personal data of orders are, apart from contacts and chatter.

        To be extended by whoever writes them elsewhere.

        :return: The names of the fields, by the way to their records from the inbox: none, or one
                 by `sale_order_id`.
        :rtype: dict[str, list[str]]
        """
        return {
            '': ['payload', 'answer'],
            'sale_order_id': ['amazon_cancel_reason'],
            'sale_order_id.order_line': ['amazon_gift_message'],
            'sale_order_id.amazon_shipment_ids': ['answer'],
            'sale_order_id.amazon_cancellation_ids': ['answer'],
        }

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `base` to forget first: nobody else knows where the personal data are."""
        with as_connector():
            # In sudo mode: who deletes from the inbox need not see sales.
            self.sudo()._forget_amazon_buyers()
        return super().unlink()

    # === BUSINESS METHODS - FORGETTING === #

    def _forget_amazon_buyers(self):
        """Remove the personal data of the orders.

        What people have answered for, and what was odd (`given`, `note`), names nobody and stays.

        :return: None
        """
        texts = {}
        for sale_order in self.sale_order_id:
            gifts = sale_order.order_line.mapped('amazon_gift_message')
            quotes = {sale_order.amazon_cancel_reason, *gifts} - {False}
            texts.update(dict.fromkeys([sale_order, *sale_order.picking_ids], quotes))
        self.env['amazon.personal.data']._remove_quotes(texts)
        self.with_context(tracking_disable=True)._clear_places()
        self.filtered(lambda order: order.state == 'failed').write({
            'reason': self.env._(
                "Amazon's data were removed to protect the buyer: press Fetch Again to import it"
                " after all.",
            ),
            'next_try': False,
        })
        # Nor is Amazon asked any more for what it never told.
        self.write({'is_purged': True, 'to_complete': False})
        self.filtered(lambda order: not order.purged_at).purged_at = fields.Datetime.now()

    def _clear_places(self):
        """Empty the fields that hold personal data of the orders.

        :return: None
        """
        # Of these nothing is read: Amazon's data may be unreadable.
        self.write(dict.fromkeys(self._get_places()[''], False))
        self.sale_order_id._clear_amazon_places()


class SaleOrder(models.Model):
    """Gift messages are written on deliveries, too, where the person who packs reads them."""

    _inherit = 'sale.order'

    def unlink(self):
        """Override of `sale` to leave no gift message on deliveries that stay."""
        # In sudo mode: who deletes sales orders need not see deliveries.
        self.sudo()._clear_gift_notes()
        return super().unlink()

    def _clear_amazon_places(self):
        """Empty the fields that hold personal data of the orders, or may quote some.

        :return: None
        """
        self._clear_gift_notes()
        for way, names in self.env['amazon.order']._get_places().items():
            base, _dot, way = way.partition('.')
            if base:
                self.mapped(way).filtered(
                    lambda record, names=names: any(record[name] for name in names),
                ).write(dict.fromkeys(names, False))

    def _clear_gift_notes(self):
        """Empty the notes of deliveries that hold a gift message.

        :return: None
        """
        for order in self:
            gifts = [
                join_words(gift) for gift in order.order_line.mapped('amazon_gift_message') if gift
            ]
            if gifts:
                order.picking_ids.filtered('note').filtered(
                    lambda picking, gifts=gifts: any(
                        gift in join_words(html2plaintext(picking.note)) for gift in gifts
                    ),
                ).note = False
