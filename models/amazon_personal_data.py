import re
from collections import defaultdict

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import html2plaintext

from .guard import as_connector
from .quiet import log_failure, quiet_sql
from .tools import CRON_SECONDS, TimeBudget

BATCH_SIZE = 100
HEADERS = (
    'email_from', 'reply_to', 'incoming_email_to', 'incoming_email_cc', 'outgoing_email_to',
)
MIN_LENGTH = 4  # shorter texts stand in anything, and say nothing of anybody


class AmazonPersonalData(models.AbstractModel):
    """The purge of personal data: it goes through the models that keep them.

    It runs with Odoo's own clean-up, the one job that goes on in a neutralized copy.
    """

    _name = 'amazon.personal.data'
    _description = "Personal Data of Amazon's Buyers"

    @api.model
    def _get_keepers(self):
        """Return the models that keep personal data, in the order in which they are purged.

        Each has `_get_amazon_outlived_domain`, the domain of the records whose data are not needed
        any more, and `_forget_amazon_buyers`, which removes the data of some of them. To be
        extended by each way.

        :rtype: list[str]
        """
        return []

    # === BUSINESS METHODS - PURGE === #

    @api.autovacuum
    def _gc_personal_data(self):
        """Remove the personal data that are not needed any more.

        :return: How many records were looked at, and whether some are left for another run.
        :rtype: tuple[int, int]
        """
        budget = TimeBudget(CRON_SECONDS)
        count = 0
        for name in self._get_keepers():
            # In sudo mode: the data are nobody's to write, and of all companies.
            keeper = self.env[name].sudo().with_context(active_test=False)
            try:
                count += self._purge(keeper, budget)
            except Exception as exception:
                # What was committed must not be done again at once, and the others wait.
                self.env.cr.rollback()
                log_failure(keeper, exception)
        return count, int(budget.is_spent())

    @api.model
    def _purge(self, keeper, budget):
        """Remove the data of a model's records in batches that are committed one by one.

        :param models.Model keeper: The model.
        :param TimeBudget budget: No batch is begun when it is spent.
        :return: How many records were looked at.
        :rtype: int
        """
        count, last_id = 0, 0
        while not budget.is_spent():
            # What could not be removed is behind, for this time.
            domain = keeper._get_amazon_outlived_domain() & Domain('id', '>', last_id)
            batch = keeper.search(domain, order='id', limit=BATCH_SIZE)
            if not batch:
                break
            last_id = batch[-1].id
            count += len(batch)
            self._forget_safely(batch.try_lock_for_update(allow_referencing=True))
            self.env['ir.cron']._commit_progress(processed=len(batch))
        return count

    @api.model
    def _forget_safely(self, records):
        """Remove the data of records; one with which that fails stops no other.

        :param models.Model records: The records.
        :return: None
        """
        try:
            with as_connector(), quiet_sql(), self.env.cr.savepoint():
                records._forget_amazon_buyers()
        except Exception as exception:
            if len(records) == 1:
                log_failure(records, exception)
                return
            for record in records:
                self._forget_safely(record)

    # === BUSINESS METHODS - CHATTER === #

    @api.model
    def _remove_quotes(self, texts, people=None):
        """Remove the messages and activities of documents that quote what is to be forgotten.

        :param dict[models.Model, set[str]] texts: What each document may quote.
        :param res.partner people: Messages from them and to them are removed, too.
        :return: None
        """
        people = people or self.env['res.partner']
        patterns = {
            (record._name, record.id): _get_pattern(quotes)
            for record, quotes in texts.items() if quotes or people
        }
        ids = defaultdict(list)
        for name, record_id in patterns:
            ids[name].append(record_id)
        for name, record_ids in ids.items():
            self.env['mail.message'].search([
                ('model', '=', name), ('res_id', 'in', record_ids),
            ]).filtered(
                lambda message, name=name: people & _get_people(message)
                or patterns[name, message.res_id].search(_get_words(message)),
            ).unlink()
            self.env['mail.activity'].with_context(active_test=False).search([
                ('res_model', '=', name), ('res_id', 'in', record_ids),
            ]).filtered(
                lambda activity, name=name: patterns[name, activity.res_id].search(
                    join_words(html2plaintext(activity.note or ''), activity.summary),
                ),
            ).unlink()


def _get_pattern(quotes):
    """Return what finds any of some texts, as whole words. It finds nothing if there are none."""
    words = [words for words in map(join_words, quotes) if len(words) >= MIN_LENGTH]
    either = '|'.join(map(re.escape, words))
    return re.compile(rf'(?<!\w)(?:{either})(?!\w)' if words else r'(?!)', re.IGNORECASE)


def _get_people(message):
    """Return whom a message is from and to."""
    return message.author_id | message.partner_ids | message.notification_ids.res_partner_id


def _get_words(message):
    """Return what a message says: its text, whom it is from and to, and the changes it tracks."""
    tracked = message.tracking_value_ids
    return join_words(
        html2plaintext(message.body or ''), message.subject, *(message[name] for name in HEADERS),
        *tracked.mapped('old_value_char'), *tracked.mapped('new_value_char'),
        *tracked.mapped('old_value_text'), *tracked.mapped('new_value_text'),
    )


def join_words(*texts):
    """Return texts as one, however they are laid out."""
    return ' '.join(word for text in texts if text for word in text.split())
