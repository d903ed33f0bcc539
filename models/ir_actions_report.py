import lxml.html

from odoo import models

from odoo.addons.base.models import ir_actions_report

MARGIN = '12'  # mm; the letterhead is inside of it
FONT = '<style>* { font-family: sans-serif !important; }</style>'
PARTS = "//div[contains(concat(' ', normalize-space(@class), ' '), ' %s ')]"
PAGE_NUMBERS = "descendant::*[span[@class='page']]"


class IrActionsReport(models.Model):
    """Invoices with the seller's name and tax number, whatever prints them.

    Debian's wkhtmltopdf is built with a Qt that knows neither headers nor footers of pages: it
    leaves the letterhead out. On the documents of Amazon's buyers it is a part of the text then.
    It also draws the letters of fonts that come over HTTP, so that nothing could be found or
    copied: the server's own are taken.
    """

    _inherit = 'ir.actions.report'

    # === BUSINESS METHODS === #

    def _render_qweb_pdf_prepare_streams(self, report_ref, data, res_ids=None):
        """Override of `base` to print Amazon's invoices with their letterhead."""
        if self._get_report(report_ref).model == 'account.move' and res_ids:
            # In sudo mode: whether it is one of Amazon's is no secret.
            moves = self.env['account.move'].sudo().browse(res_ids)
            has_amazons = any(moves.mapped('amazon_order_ref'))
            if has_amazons and not ir_actions_report._wkhtml().is_patched_qt:
                self = self.with_context(amazon_letterhead=True)
        return super()._render_qweb_pdf_prepare_streams(report_ref, data, res_ids=res_ids)

    def _prepare_html(self, html, report_model=False):
        """Override of `base` to put the letterhead into the text where it would get lost."""
        if self.env.context.get('amazon_letterhead'):
            html = _move_letterheads(html)
        return super()._prepare_html(html, report_model=report_model)


def _move_letterheads(html):
    """Return a report whose headers and footers are parts of its articles, in the server's font.

    :param bytes html: The report as it was rendered.
    :rtype: bytes
    """
    root = lxml.html.fromstring(html, parser=lxml.html.HTMLParser(encoding='utf-8'))
    headers, articles, footers = (
        root.xpath(PARTS % name) for name in ('header', 'article', 'footer')
    )
    if not len(headers) == len(articles) == len(footers):
        return html
    for header, article, footer in zip(headers, articles, footers, strict=True):
        for numbers in footer.xpath(PAGE_NUMBERS):
            numbers.drop_tree()
        article.insert(0, _take(header))
        article.append(_take(footer))
        article.insert(0, lxml.html.fragment_fromstring(FONT))
    root.set('data-report-margin-top', MARGIN)
    root.set('data-report-margin-bottom', MARGIN)
    return lxml.html.tostring(root, encoding='utf-8')


def _take(part):
    """Return a letterhead without the mark by which Odoo would take it out of the text."""
    part.set('class', ' '.join(set(part.get('class').split()) - {'header', 'footer'}))
    return part
