"""Amazon's feeds in XML: the envelope around their messages, and the report on what became of them.

What a message says is its own matter. Source: amzn-envelope.xsd, amzn-header.xsd and
ProcessingReport.xsd.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree
from lxml.builder import ElementMaker

from .errors import Malformed
from .payload import MAX_LENGTH
from .texts import clean

CONTENT_TYPE = 'text/xml; charset=UTF-8'
REPORT = 'ProcessingReport'
WHOLE_FEED = 0  # the message id of what Amazon says about a feed as such
MAX_PROBLEMS = 5  # that are told of one message
MAX_SIGNS = 2_000_000  # of markup in a report; the longest feeds need a fourth of it

_SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'


# === ENVELOPES === #

def _add_text(element: etree._Element, text: str) -> None:
    """Add a text to an element without content, less the characters that no XML can hold."""
    element.text = clean(text)


E = ElementMaker(typemap={str: _add_text})  # builds the elements of all feeds


def build_envelope(seller_id: str, contents: Iterable[etree._Element]) -> bytes:
    """Return a feed with a message for each of its contents, of which there must be some.

    :param seller_id: Whose feed it is.
    :param contents: What the messages say, all of the same kind; they are numbered from 1.
    """
    messages = [
        E.Message(E.MessageID(str(number)), content)
        for number, content in enumerate(contents, start=1)
    ]
    envelope = etree.Element('AmazonEnvelope', nsmap={'xsi': _SCHEMA_INSTANCE})
    envelope.set(f'{{{_SCHEMA_INSTANCE}}}noNamespaceSchemaLocation', 'amzn-envelope.xsd')
    envelope.append(
        E.Header(E.DocumentVersion('1.01'), E.MerchantIdentifier(seller_id)),
    )
    envelope.append(E.MessageType(messages[0][1].tag))
    envelope.extend(messages)
    return etree.tostring(envelope, xml_declaration=True, encoding='UTF-8')


# === PROCESSING REPORTS === #

@dataclass(frozen=True)
class Problem:
    """What Amazon has against a message of a feed."""

    code: str
    severity: str  # 'Error' or 'Warning'
    description: str


@dataclass(frozen=True)
class ProcessingReport:
    """What became of the messages of a feed.

    Of each message it holds the first MAX_PROBLEMS of either severity, and counts the others.
    """

    is_complete: bool
    processed: int | None  # messages; `None` if Amazon does not say
    successful: int | None
    problems: Mapping[int, tuple[Problem, ...]]  # by message id, or under WHOLE_FEED
    seller_id: str = ''  # whose feed it was, in Amazon's words; '' where it uses older ones
    counts: Mapping[tuple[int, str], int] = field(default_factory=dict)  # with those left out

    def get_errors(self, message_id: int) -> tuple[Problem, ...]:
        """Return why Amazon has not done what a message told; empty if nothing speaks for that.

        Where there are more than MAX_PROBLEMS reasons, the last of them says how many more.
        """
        return self._get_problems(message_id, 'Error')

    def get_warnings(self, message_id: int) -> tuple[Problem, ...]:
        """Return what Amazon has to say about a message besides errors, in the same way."""
        return self._get_problems(message_id, 'Warning')

    def accounts_for(self, message_count: int) -> bool:
        """Tell whether a message without problems is one that Amazon has done.

        That is not so if messages are missing in the report, or problems that it has counted. What
        Amazon only warns of is successful.

        :param message_count: How many messages the feed had.
        """
        failed = sum(
            number != WHOLE_FEED and any(problem.severity == 'Error' for problem in problems)
            for number, problems in self.problems.items()
        )
        return (
            self.is_complete
            and (self.processed or 0) >= message_count
            and (self.successful or 0) + failed >= message_count
        )

    def _get_problems(self, message_id: int, severity: str) -> tuple[Problem, ...]:
        problems = [
            problem
            for number in (message_id, WHOLE_FEED)
            for problem in self.problems.get(number, ())
            if problem.severity == severity
        ]
        counted = sum(self.counts.get((number, severity), 0) for number in (message_id, WHOLE_FEED))
        more = max(counted, len(problems)) - MAX_PROBLEMS
        if more > 0:
            last = problems[MAX_PROBLEMS - 1]
            problems[MAX_PROBLEMS - 1:] = [
                replace(last, description=f"{last.description} (and {more} more)"),
            ]
        return tuple(problems)


def parse_processing_report(content: bytes) -> ProcessingReport:
    """Return what a result document of Amazon's says.

    :raise Malformed: If it is not a processing report.
    """
    root = parse_xml(content, REPORT)
    report = next(root.iter(f'{{*}}{REPORT}'), None)
    if report is None:
        raise Malformed(REPORT, 'document', "holds no processing report")
    problems: dict[int, list[Problem]] = defaultdict(list)
    counts: Counter[tuple[int, str]] = Counter()
    for result in report.iterfind('{*}Result'):
        number = _read_number(result, 'MessageID') or WHOLE_FEED
        problem = _parse_problem(result)
        counts[number, problem.severity] += 1
        if counts[number, problem.severity] <= MAX_PROBLEMS:
            problems[number].append(problem)
    return ProcessingReport(
        is_complete=_read_text(report, 'StatusCode') == 'Complete',
        processed=_read_number(report, 'ProcessingSummary/{*}MessagesProcessed'),
        successful=_read_number(report, 'ProcessingSummary/{*}MessagesSuccessful'),
        problems={number: tuple(entries) for number, entries in problems.items()},
        seller_id=_read_seller_id(root),
        counts=dict(counts),
    )


def _read_seller_id(root: etree._Element) -> str:
    """Return the merchant token in a report's header. Old accounts have a name (M_…) there."""
    text = _read_text(root, 'Header/{*}MerchantIdentifier')
    return text if re.fullmatch(r'A[0-9A-Z]{9,}', text, re.ASCII) else ''


def _parse_problem(result: etree._Element) -> Problem:
    """Return the problem in a result; one whose severity is new to this code is an error."""
    return Problem(
        code=_read_text(result, 'ResultMessageCode'),
        severity='Warning' if _read_text(result, 'ResultCode') == 'Warning' else 'Error',
        description=_read_text(result, 'ResultDescription'),
    )


def parse_xml(content: bytes, kind: str) -> etree._Element:
    """Return the root of a document, which may neither define entities nor refer to anything.

    :param kind: What it should be, as it is named in errors.
    :raise Malformed: If it is no XML, has a document type, or more in it than memory should hold.
    """
    if content.count(b'<') + content.count(b'=') > MAX_SIGNS:
        raise Malformed(kind, 'document', "has too many elements")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content.lstrip(), parser)
    except etree.XMLSyntaxError:
        raise Malformed(kind, 'document', "is not XML") from None
    if root.getroottree().docinfo.doctype:
        raise Malformed(kind, 'document', "has a document type")
    return root


def _read_text(element: etree._Element, path: str) -> str:
    """Return the text at a path, empty if there is none."""
    text = element.findtext(f'{{*}}{path}') or ''
    return clean(text)[:MAX_LENGTH]


def _read_number(element: etree._Element, path: str) -> int | None:
    text = _read_text(element, path)
    return int(text) if re.fullmatch(r'\d{1,9}', text, re.ASCII) else None
