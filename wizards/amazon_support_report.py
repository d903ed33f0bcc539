import base64
import platform
import re

from odoo import api, fields, models, release

from ..amazon.client import LWA_OPERATION
from ..amazon.limits import RATES

# What a person or a secret could stand in, whoever has written it.
HIDDEN = (
    re.compile(r'\S+@\S+'),  # e-mail addresses, and addresses with a name and password
    re.compile(r'\b\d{3}-\d{7}-\d{7}\b'),  # Amazon's references of orders
    re.compile(r'(Atz[a-z]\||amzn1\.)\S*'),  # tokens, secrets and ids of applications
)
# What may be repeated of the words of others. The rest may quote anybody.
ERROR_WORDS = {
    'AccessDenied', 'InternalFailure', 'InternalServerError', 'InvalidInput', 'InvalidSignature',
    'MissingAuthenticationToken', 'NotFound', 'QuotaExceeded', 'RequestTooLarge',
    'ServiceUnavailable', 'Unauthorized', 'UnsupportedMediaType', 'invalid_client', 'invalid_grant',
    'unauthorized_client', LWA_OPERATION,
}
WORDS = re.compile(r'status \d{3}\b|\w+')
STATUS = re.compile(r'status \d{3}')


class AmazonSupportReport(models.TransientModel):
    """What somebody who helps needs to know of an account, and nothing of buyers and secrets.

    It is in English, but for what the checks have found, whoever reads it.
    """

    _name = 'amazon.support.report'
    _description = "Text for Support about an Amazon Account"

    account_id = fields.Many2one(
        comodel_name='amazon.account', required=True, readonly=True, ondelete='cascade',
    )
    text = fields.Text(compute='_compute_text')
    file = fields.Binary(compute='_compute_file')

    # === COMPUTE METHODS === #

    @api.depends('account_id')
    def _compute_text(self):
        for report in self:
            account = report.account_id
            account.check_access('read')
            self.env['amazon.check'].check_access('read')
            # In sudo mode: what is told of crons, versions and orders is not for everybody to read,
            # but holds nothing that an Amazon user may not know.
            report.text = report.sudo()._write_text() if account else False

    @api.depends('text')
    def _compute_file(self):
        for report in self:
            report.file = report.text and base64.b64encode(report.text.encode())

    # === ACTION METHODS === #

    def action_download(self):
        """Download the text.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_url',
            'url': f'/web/content/{self._name}/{self.id}/file/amazon-connector.txt?download=true',
            'target': 'download',
        }

    # === BUSINESS METHODS === #

    def _write_text(self):
        """Return the text.

        :rtype: str
        """
        account = self.account_id.with_context(tz='UTC')
        parts = {
            "Amazon Connector: text for support": self._describe_versions(),
            "Account": self._describe_account(account),
            "Checks": self._describe_checks(account),
            "Ways": self._describe_ways(account),
            "Records": self._describe_records(account),
            "Scheduled actions": self._describe_crons(account),
        }
        text = '\n\n'.join('\n'.join([title, *lines]) for title, lines in parts.items())
        for pattern in HIDDEN:
            text = pattern.sub('***', text)
        return text.replace(account.seller_id, self._shorten(account.seller_id))

    @api.model
    def _shorten(self, seller_id):
        """Return as much of a seller's ID as tells two of a company apart."""
        return f'{seller_id[:3]}…{seller_id[-2:]}' if len(seller_id) > 6 else '…'

    @api.model
    def _format(self, moment):
        """Return a time as it is stored, without fractions."""
        return f'{moment:%Y-%m-%d %H:%M} UTC' if moment else "never"

    @api.model
    def _describe_versions(self):
        """Return lines about what runs."""
        self.env.cr.execute("SHOW server_version")
        [postgres] = self.env.cr.fetchone()
        module = self.env.ref('base.module_amazon_connector')
        return [
            f"Written: {self._format(fields.Datetime.now())}",
            f"Odoo {release.version}, Amazon Connector {module.installed_version},"
            f" Python {platform.python_version()}, PostgreSQL {postgres}",
        ]

    @api.model
    def _describe_account(self, account):
        """Return lines about the account and its connection."""
        connection = account.connection_id
        return [
            f"Seller {account.seller_id}, account {account.id} of {len(connection.account_ids)}",
            f"State {account.state}, region {account.region}, environment {account.environment}"
            f"{', archived' * (not account.active)}{', copy of a database' * account.is_copy}",
            f"Synchronized: {', '.join(account.synced_marketplace_ids.mapped('api_ref')) or '-'}",
            f"Available: {', '.join(account.available_marketplace_ids.mapped('api_ref')) or '-'}",
        ]

    @api.model
    def _describe_checks(self, account):
        """Return a line about each check, without what others have said."""
        return [
            f"{check.state} {check.code} ({self._format(check.checked_at)}):"
            f" {' '.join(check.message.split())}"
            for check in account.check_ids
        ] or ["none yet"]

    @api.model
    def _describe_ways(self, account):
        """Return a line about each way, and what can be told of what went wrong with it."""
        lines = []
        for sync in account.connection_id.sync_ids:
            line = (
                f"{sync.way}: success {self._format(sync.last_success)},"
                f" try {self._format(sync.last_run)}, next {self._format(sync.next_run)},"
                f" cursor {self._format(sync.cursor)}"
            )
            if sync.last_error:
                words = ', '.join(self._find_error_words(sync.last_error)) or "see the screen"
                line += f", error {self._format(sync.last_error_date)} ({words})"
            lines.append(line)
        return lines

    @api.model
    def _find_error_words(self, error):
        """Return what may be told of an error, which may quote anybody.

        :param str error: What went wrong, partly in the words of others.
        :rtype: list[str]
        """
        return list(dict.fromkeys(
            word for word in WORDS.findall(error)
            if word in ERROR_WORDS or word in RATES or STATUS.fullmatch(word)
        ))

    @api.model
    def _describe_records(self, account):
        """Return a line about how many records are in which state, for each queue of the house."""
        lines = []
        registry = self.env.registry
        for model in sorted(registry.descendants(['amazon.queue.mixin'], '_inherit')):
            if registry[model]._abstract:
                continue
            counts = self.env[model]._read_group(
                [('account_id', '=', account.id)], ['state'], ['__count'],
            )
            states = ', '.join(f'{state} {count}' for state, count in counts)
            lines.append(f"{model}: {states or 'none'}")
        return lines

    @api.model
    def _describe_crons(self, account):
        """Return a line about each cron that does the work."""
        crons = self.env['ir.cron'].union(*(
            cron for _label, cron in self.env['amazon.check']._get_crons(account)
        ))
        names = crons.get_external_id()
        return [
            f"{names[cron.id]}: {'on' if cron.active else 'off'}, every {cron.interval_number}"
            f" {cron.interval_type}, last {self._format(cron.lastcall)},"
            f" next {self._format(cron.nextcall)}, {cron.failure_count} failures"
            for cron in crons
        ]
