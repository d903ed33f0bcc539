from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import format_datetime

from ..amazon import listings_report
from .incoming import LEAN_CONTEXT
from .tools import to_naive

# A report that holds so much less than what was listed is believed when the next one says it again.
FEW = 10
GONE_SHARE = 0.5
SAME_NEWS = timedelta(days=3)
# Amazon makes reports of what it has looked up some hours before.
CACHED_FOR = timedelta(hours=6)


class AmazonOffer(models.Model):
    """How offers come in: from Amazon's report on all listings of a marketplace."""

    _name = 'amazon.offer'
    _inherit = ['amazon.offer', 'amazon.report.mixin']

    _report_type = listings_report.REPORT_TYPE
    _report_options = listings_report.OPTIONS

    # === ACTION METHODS === #

    def action_import_offers(self):
        """Import the listings of the accounts of these offers or, if there are none, of all.

        :return: The notification to show.
        :rtype: dict
        """
        return self.account_id.action_import_offers()

    # === BUSINESS METHODS - READING A REPORT === #

    @api.model
    def _get_report_label(self):
        """Override of `amazon.report.mixin`."""
        return self.env._("Listings")

    @api.model
    def _parse_report_content(self, report, content):
        """Override of `amazon.report.mixin`."""
        return listings_report.parse_listings_report(
            content, report.marketplace_id.lang_code or '',
        )

    @api.model
    def _expects_lines(self, report):
        """Override of `amazon.report.mixin`: Amazon also cancels what would have no line."""
        return bool(self.search_count([
            ('account_id', '=', report.account_id.id),
            ('marketplace_id', '=', report.marketplace_id.id),
            ('read_at', '!=', False),
            ('is_gone', '=', False),
        ], limit=1))

    @api.model
    def _get_report_lines(self, document):
        """Override of `amazon.report.mixin`."""
        return document.listings

    @api.model
    def _get_report_notes(self, document):
        """Override of `amazon.report.mixin`."""
        return [
            self.env._(
                "Line %(number)s, SKU %(sku)s: %(problem)s",
                number=line.number,
                sku=line.sku or '-',
                problem=self._describe_line_problem(line.problem),
            )
            for line in (*document.broken, *document.notes)
        ]

    @api.model
    def _describe_line_problem(self, problem):
        """Return what is wrong with a line in the user's language.

        :param str problem: One of the problems of `amazon.listings_report`.
        :rtype: str
        """
        return {
            listings_report.NO_SKU: self.env._("the SKU is missing"),
            listings_report.UNREADABLE_SKU: self.env._("the SKU has characters that can't be read"),
            listings_report.LONG_SKU: self.env._("the SKU is too long"),
            listings_report.TWICE: self.env._("the SKU stands in the report twice"),
            listings_report.SHORT: self.env._("the line has fewer cells than the header"),
            listings_report.LONG: self.env._("the line has more cells than the header"),
            listings_report.CUT: self.env._("the report breaks off in this line"),
            listings_report.NO_PRICE: self.env._(
                "the price can't be read beyond doubt, it is left as it was",
            ),
            listings_report.NO_QUANTITY: self.env._(
                "the quantity is no whole number, it is left as it was",
            ),
        }.get(problem, problem)

    @api.model
    def _describe_report_line(self, line):
        """Override of `amazon.report.mixin`."""
        return line.sku

    @api.model
    def _take_report_lines(self, report, lines):
        """Override of `amazon.report.mixin` to bring offers up to what Amazon says of them.

        Whatever was read or told after the report was made is newer than it.
        """
        account, marketplace = report.account_id, report.marketplace_id
        values_by_sku = {
            listing.sku: self._prepare_listing_values(listing, marketplace, report.made_at)
            for listing in lines
        }
        lean = self.with_context(**LEAN_CONTEXT)
        known = lean.search([
            ('account_id', '=', account.id),
            ('marketplace_id', '=', marketplace.id),
            ('sku', 'in', list(values_by_sku)),
        ])
        for offer in known:
            values = offer._mistrust_channel(values_by_sku.pop(offer.sku))
            offer._take_reading(values, report.made_at, report.made_at - CACHED_FOR)
        new = lean.create([
            {
                'account_id': account.id,
                'marketplace_id': marketplace.id,
                'sku': sku,
                **values,
                'channel_read_at': False,
            }
            for sku, values in values_by_sku.items()
        ])
        new._match_by_reference()
        (known | new)._follow_import()

    @api.model
    def _prepare_listing_values(self, listing, marketplace, made_at):
        """Return the values of an offer as a line of the report tells them.

        What the line does not tell is left as it is.

        :param amazon.listings_report.Listing listing: The line.
        :param amazon.marketplace marketplace: Where it is listed.
        :param datetime made_at: When the report was made (UTC, naive).
        :rtype: dict
        """
        values = {
            'title': listing.title,
            'asin': listing.asin,
            'amazon_status': listing.status,
            'condition': listing.condition,
            'opened_at': to_naive(listing.opened_at),
            'barcode': listing.barcode,
            'channel': listing.channel,
        }
        values = {name: value for name, value in values.items() if value}
        if listing.channel:
            values['channel_read_at'] = made_at
        if listing.price is not None:
            values['amazon_price'] = float(listing.price)
            values['currency_id'] = marketplace.currency_id.id
        if listing.quantity is not None:
            values['amazon_quantity'] = listing.quantity
            values['quantity_read_at'] = made_at
        return {**values, 'is_gone': False, 'read_at': made_at}

    def _mistrust_channel(self, values):
        """Return what a report says with no more trust than it deserves.

        It does not show that Amazon ships an offer as well, which only a call does. So it can keep
        a channel known that a call has shown, but never begins to.

        :param dict values: What it says.
        :rtype: dict
        """
        self.ensure_one()
        if self.channel == 'both':
            return {name: value for name, value in values.items() if 'channel' not in name}
        if values.get('channel', self.channel) != self.channel or self.fba_read_at or (
            not self.channel_read_at
        ):
            return {**values, 'channel_read_at': False}
        return values

    @api.model
    def _end_report(self, report, document):
        """Override of `amazon.report.mixin` to mark what is not listed any more."""
        if not document.is_whole:
            return self.env._(
                "The report ends in the middle, so that nothing counts as not listed any more. It"
                " is read again with the next import.",
            )
        self.search([
            ('account_id', '=', report.account_id.id),
            ('marketplace_id', '=', report.marketplace_id.id),
            ('product_id', '=', False),
        ])._match_by_reference(is_loose=True)
        listed = self._get_listed(report)
        skus = {listing.sku for listing in document.listings}
        skus.update(line.sku for line in document.broken)
        gone = listed.filtered(lambda offer: offer.sku not in skus)
        if self._is_doubtful(report, len(gone), len(listed)):
            return self.env._(
                "%(gone)s of %(count)s offers are missing in it. They count as not listed any more"
                " when the next report says so, too.",
                gone=len(gone),
                count=len(listed),
            )
        gone._mark_gone(report)
        # A look at all of them each night, for whatever no mark has told.
        listed._mark_stock_changed(with_products=False)
        return ''

    def _mark_gone(self, report):
        """Mark what is not listed any more; tell of those whose quantity was looked after.

        :param amazon.report report: The report that does not hold them.
        :return: None
        """
        looked_after = self.filtered('stock_state')
        for offer in looked_after:
            offer._message_log(body=self.env._(
                "Amazon's report of %(time)s does not hold it any more. Amazon is told no quantity"
                " of it until a later one does.",
                time=format_datetime(self.env, report.made_at),
            ))
        if looked_after:
            report.account_id._warn_person_in_charge(self.env._(
                "Not listed on %(marketplace)s any more, so that Amazon is told no quantity of"
                " them: %(skus)s. Look them up in Seller Central; Amazon ▸ Offers, filter Not"
                " Listed Any More, shows all.",
                marketplace=report.marketplace_id.name,
                skus=', '.join(looked_after[:5].mapped('sku')) + ('…' if looked_after[5:] else ''),
            ))
        self.with_context(**LEAN_CONTEXT).is_gone = True

    @api.model
    def _get_listed(self, report):
        """Return the offers that were listed on the marketplace when the report was made.

        What orders have brought in, and no listing yet, may be older than any report.

        :param amazon.report report: The report.
        :rtype: amazon.offer
        """
        return self.search_fetch([
            ('account_id', '=', report.account_id.id),
            ('marketplace_id', '=', report.marketplace_id.id),
            ('is_gone', '=', False),
            ('create_date', '<=', report.create_date),
            '|', ('read_at', '=', False), ('read_at', '<=', report.made_at),
        ], ['sku'])

    @api.model
    def _is_doubtful(self, report, gone_count, listed_count):
        """Return whether so many offers are missing that it may be a fault of the report's.

        :param amazon.report report: The report.
        :param int gone_count: How many are missing.
        :param int listed_count: How many were listed before.
        :rtype: bool
        """
        is_few = gone_count < FEW or gone_count < GONE_SHARE * listed_count
        if not gone_count or (is_few and gone_count < listed_count):
            return False
        before = self.env['amazon.report'].search(
            Domain('type', '=', report.type)
            & Domain('account_id', '=', report.account_id.id)
            & Domain('marketplace_id', '=', report.marketplace_id.id)
            & Domain('state', '=', 'done')
            & Domain('made_at', '>', report.made_at - SAME_NEWS)
            & Domain('report_ref', '!=', report.report_ref)
            & Domain('id', '<', report.id),
            order='id desc',
            limit=1,
        )
        return not before or before.line_count > listed_count - GONE_SHARE * gone_count
