import logging
import threading

from odoo.tests import tagged
from odoo.tests.common import BaseCase

from odoo.addons.amazon_connector.models.quiet import quiet_sql

SQL_LOGGER = logging.getLogger('odoo.sql_db')


@tagged('post_install', '-at_install', 'attacks')
class TestQuietStatements(BaseCase):
    """Keeping statements out of the log touches nobody else."""

    def hear(self, text):
        with self.assertLogs(SQL_LOGGER, logging.ERROR) as logs:
            SQL_LOGGER.error("heard")
            SQL_LOGGER.error(text)
        return len(logs.records) > 1

    def test_statements_are_quiet_in_their_own_context_only(self):
        with quiet_sql():
            with self.assertRaises(AssertionError), self.assertLogs(SQL_LOGGER):
                SQL_LOGGER.error("not heard")
            with quiet_sql():
                pass
            with self.assertRaises(AssertionError), self.assertLogs(SQL_LOGGER):
                SQL_LOGGER.error("not heard either")
        self.assertTrue(self.hear("loud again"))

    def test_threads_that_overlap_leave_the_logger_as_it_was(self):
        begun, may_end, heard = threading.Event(), threading.Event(), []

        def be_quiet():
            with quiet_sql():
                begun.set()
                may_end.wait(10)

        other = threading.Thread(target=be_quiet)
        with quiet_sql():
            other.start()
            begun.wait(10)
        heard.append(self.hear("while another thread is quiet"))
        may_end.set()
        other.join()
        heard.append(self.hear("after both"))
        self.assertEqual(heard, [True, True])
