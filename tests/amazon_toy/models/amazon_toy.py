from lxml.builder import E

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from odoo.addons.amazon_connector.amazon import xml_feeds


class AmazonToy(models.Model):
    """The outbox of toys: messages, each of them sent once."""

    _name = 'amazon.toy'
    _description = "Amazon Toy"
    _inherit = ['amazon.outbox.mixin']

    _sender = 'amazon_connector.ir_cron_process_feeds'
    _feed_type = 'POST_TOYS'

    name = fields.Char()
    marketplace_id = fields.Many2one(comodel_name='amazon.marketplace', required=True)

    @api.model
    def _get_feed_label(self):
        return "Toys"

    def _get_marketplaces(self):
        return self.marketplace_id

    def _build_message(self):
        if not self.name:
            raise UserError(self.env._("Name: give the toy one."))
        return self.name

    @api.model
    def _build_feed(self, account, messages):
        return xml_feeds.build_envelope(account.seller_id, map(E.Toy, messages))

    @api.model
    def _put_due_in_feeds(self, account):
        self._take_due(account, self._feed_size)._put_in_feed()

    @api.model
    def _get_marketplace_domain(self, marketplaces):
        return Domain('marketplace_id', 'in', marketplaces.ids)

    @api.model
    def _get_count_label(self, count):
        return f"{count} toys"

    @api.model
    def _get_overdue_reason(self):
        return "Amazon does not show the toy."
