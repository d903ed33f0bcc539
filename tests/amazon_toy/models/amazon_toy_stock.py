from lxml.builder import E

from odoo import api, fields, models

from odoo.addons.amazon_connector.amazon import xml_feeds


class AmazonToyStock(models.Model):
    """A level: only its last value counts, so that it has no state and is in no outbox."""

    _name = 'amazon.toy.stock'
    _description = "Amazon Toy Stock"
    _inherit = ['amazon.feed.mixin']

    _feed_type = 'POST_TOY_STOCK'
    _feed_content_type = xml_feeds.CONTENT_TYPE

    account_id = fields.Many2one(comodel_name='amazon.account', required=True)
    quantity = fields.Integer()
    quantity_told = fields.Integer(default=-1)
    trouble = fields.Char()

    @api.model
    def _get_feed_label(self):
        return "Toy Stock"

    def _get_marketplaces(self):
        return self.account_id.synced_marketplace_ids

    @api.model
    def _put_due_in_feeds(self, account):
        levels = self.search([('account_id', '=', account.id), ('feed_id', '=', False)])
        levels.filtered(lambda level: level.quantity != level.quantity_told)._put_in_feed()

    def _build_message(self):
        return self.quantity

    @api.model
    def _build_feed(self, account, messages):
        return xml_feeds.build_envelope(account.seller_id, map(E.Stock, map(str, messages)))

    def _mark_in_feed(self, feed, number, message):
        super()._mark_in_feed(feed, number, message)
        self.quantity_told = message

    @api.model
    def _parse_report(self, content):
        return xml_feeds.parse_processing_report(content)

    def _take_report(self, report, _message_count):
        for level in self:
            if errors := report.get_errors(level.feed_message):
                level.write({'quantity_told': -1, 'trouble': errors[0].description})
        self.feed_id = False

    def _mark_unknown(self, reason, answer=''):
        self.write({'quantity_told': -1, 'feed_id': False, 'trouble': reason})
