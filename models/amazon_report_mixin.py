from odoo import api, models


class AmazonReportMixin(models.AbstractModel):
    """What a report of Amazon's tells about.

    A model that inherits this and has a `_report_type` is a reader: `amazon.report` finds it by
    itself (`_get_readers`) and knows nothing about it but this contract.

    - `_report_type` is Amazon's name for its reports, `_report_options` are those it is asked with;
    - `_get_report_label` is what people call them;
    - `_parse_report_content` reads the document as a whole, and raises `Malformed` if it is none;
    - `_get_report_lines` returns what is acted on, `_take_report_lines` acts on a part of it, whose
      outcome is committed before the next part;
    - `_end_report` does what takes the whole document.
    """

    _name = 'amazon.report.mixin'
    _description = "Amazon Report Reader"
    _inherit = ['amazon.sync.mixin']

    _report_type = None  # to be overridden
    _report_options = {}
    _report_part = 500  # lines

    # === BUSINESS METHODS === #

    @api.model
    def _get_report_label(self):
        """Return what people call the reports. To be overridden.

        :return: The label, in the user's language.
        :rtype: str
        """
        raise NotImplementedError

    @api.model
    def _parse_report_content(self, report, content):
        """Return what a document says. To be overridden.

        :param amazon.report report: The report.
        :param bytes content: As Amazon sent it.
        :return: A dataclass of `amazon/`.
        :raise Malformed: If it is no such report.
        """
        raise NotImplementedError

    @api.model
    def _expects_lines(self, report):
        """Return whether a report without any line would be a surprise. May be overridden.

        :param amazon.report report: The report.
        :rtype: bool
        """
        return True

    @api.model
    def _get_report_lines(self, document):
        """Return what there is to act on. To be overridden.

        :param document: What `_parse_report_content` returned.
        :rtype: list | tuple
        """
        raise NotImplementedError

    @api.model
    def _get_report_notes(self, document):
        """Return what could not be read, a sentence each. May be overridden.

        :param document: What `_parse_report_content` returned.
        :rtype: list[str]
        """
        return []

    @api.model
    def _take_report_lines(self, report, lines):
        """Act on some lines. To be overridden.

        :param amazon.report report: The report.
        :param lines: Some of what `_get_report_lines` returned.
        :return: None
        """
        raise NotImplementedError

    @api.model
    def _describe_report_line(self, line):
        """Return how people find a line that could not be acted on. To be overridden.

        :param line: One of what `_get_report_lines` returned.
        :rtype: str
        """
        raise NotImplementedError

    @api.model
    def _end_report(self, report, document):
        """Do what takes the whole document. May be overridden.

        :param amazon.report report: The report, whose lines were all acted on.
        :param document: What `_parse_report_content` returned.
        :return: What people ought to know of it, a sentence; empty if there is nothing.
        :rtype: str
        """
        return ''
