import io
import shutil
import socket
import tempfile
from contextlib import redirect_stderr
from pathlib import Path
from unittest.mock import patch

from odoo.tests import BaseCase, tagged

from ..dev import debian
from ..dev.cache import CHECKOUT
from ..dev.checks import share_tests
from ..dev.console import Failure
from ..dev.demo_server import check_language, choose_port
from ..dev.provision import mend_links, require_browser, require_pdf_engine
from ..dev.results import parse_log

PREFIX = '2026-11-21 10:00:00,000 42'
MODULE = 'db odoo.addons.amazon_connector.tests.test_x'


@tagged('post_install', '-at_install')
class TestLogReading(BaseCase):
    """What `make test` makes of Odoo's log decides whether a change may land."""

    def _parse(self, *lines, count=2):
        summary = f'{PREFIX} INFO db odoo.tests.result: 0 failed, 0 error(s) of {count} tests'
        return parse_log([*lines, summary], 'log')

    def test_passed_tests_are_counted(self):
        results = self._parse(
            f'{PREFIX} INFO {MODULE}: Starting TestX.test_a ...',
            f'{PREFIX} INFO {MODULE}: Starting TestX.test_b ...',
        )
        self.assertEqual(str(results), '3 passed, 0 failed', "Two tests and the log itself.")
        self.assertTrue(results.is_success)

    def test_failed_test_keeps_its_traceback(self):
        results = self._parse(
            f'{PREFIX} INFO {MODULE}: Starting TestX.test_a ...',
            f'{PREFIX} ERROR {MODULE}: FAIL: Subtest TestX.test_a (i=1)',
            'AssertionError: 1 != 2',
            f'{PREFIX} ERROR {MODULE}: FAIL: Subtest TestX.test_a (i=2)',
            f'{PREFIX} ERROR db odoo.modules.loading: Module x: 1 failures, 0 errors of 2 tests',
        )
        self.assertEqual(str(results), '1 passed, 1 failed', "Subtests belong to one test.")
        [problem] = results.failed.values()
        self.assertIn('AssertionError: 1 != 2', problem)

    def test_failed_class_setup_is_a_failure(self):
        results = self._parse(f'{PREFIX} ERROR {MODULE}: ERROR: setUpClass (odoo.x.TestX)')
        self.assertEqual(str(results), '1 passed, 1 failed')

    def test_skipped_test_is_a_failure(self):
        results = self._parse(
            f'{PREFIX} INFO {MODULE}: Starting TestX.test_tour ...',
            f'{PREFIX} INFO {MODULE}: skipped TestX.test_tour : Chrome executable not found',
        )
        self.assertFalse(results.is_success)
        self.assertIn('Chrome executable not found', ''.join(results.failed.values()))

    def test_unexpected_warning_is_a_failure(self):
        results = self._parse(f'{PREFIX} WARNING db odoo.models: Something smells')
        self.assertEqual(results.failed, {'log': 'WARNING odoo.models: Something smells'})

    def test_run_without_tests_is_a_failure(self):
        self.assertEqual(self._parse(count=0).failed, {'log': "No test was run."})

    def test_run_that_ended_early_is_a_failure(self):
        results = parse_log([f'{PREFIX} INFO {MODULE}: Starting TestX.test_a ...'], 'log')
        self.assertFalse(results.is_success)


@tagged('post_install', '-at_install')
class TestShares(BaseCase):
    """How `make test` divides the tests among the cores."""

    def test_each_file_of_tests_is_in_one_share(self):
        shares = [share.split(',') for share in share_tests()]
        self.assertCountEqual(
            [Path(tag).name for share in shares for tag in share],
            [file.name for file in (CHECKOUT / 'tests').glob('test_*.py')],
        )
        self.assertGreater(min(map(len, shares)), 10)


@tagged('post_install', '-at_install')
class TestProvisioning(BaseCase):

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)

    def test_absolute_links_are_kept_inside_the_tree(self):
        (self.tree / 'usr/share').mkdir(parents=True)
        (self.tree / 'usr/share/font.ttf').write_text('font')
        link = self.tree / 'usr/link.ttf'
        link.symlink_to('/usr/share/font.ttf')
        mend_links(self.tree)
        self.assertEqual(link.resolve(), (self.tree / 'usr/share/font.ttf').resolve())

    def test_link_that_leads_nowhere_is_named(self):
        (self.tree / 'link.ttf').symlink_to('gone.ttf')
        with self.assertRaisesRegex(Failure, 'link.ttf'):
            mend_links(self.tree)

    def test_port_in_use_is_refused_with_the_remedy(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
            environment = patch.dict('os.environ', ODOO_PORT=str(port))
            with environment, self.assertRaises(Failure) as caught:
                choose_port('ODOO_PORT', 8069)
        self.assertIn('make demo ODOO_PORT=', caught.exception.remedy)

    def test_a_language_that_the_add_on_does_not_speak(self):
        for code in ('en_US', 'es_ES', 'es_MX', 'ro_RO'):
            check_language(code)
        for code in ('xx_YY', 'es', 'de_DE', '../es'):
            with self.subTest(code), self.assertRaises(Failure) as caught:
                check_language(code)
            self.assertIn('LANG_CODE=es_ES', caught.exception.remedy)


@tagged('post_install', '-at_install')
class TestInstalling(BaseCase):
    """What Odoo needs beside Python is installed by Debian's own means, where it is missing.

    The machine of these tests has no programs but those that a test gives it.
    """

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.programs = Path(folder.name) / 'bin'
        self.programs.mkdir()
        self.log = Path(folder.name) / 'log'
        self.policy = Path(folder.name) / 'policy-rc.d'
        for name in ('env', 'touch', 'chmod'):
            (self.programs / name).symlink_to(shutil.which(name))
        self.enterContext(patch.dict('os.environ', PATH=str(self.programs)))
        self.enterContext(patch.object(debian, 'POLICY', self.policy))
        self.enterContext(redirect_stderr(io.StringIO()))

    def add_program(self, name, script=''):
        program = self.programs / name
        program.write_text(f'#!/bin/sh\n{script}\n')
        program.chmod(0o755)

    def add_apt(self, script=''):
        """Add what installs programs and writes down what it was asked, also for other users."""
        self.add_program('sudo', 'shift; exec "$@"')
        self.add_program('apt-get', f"""
            for last in "$@"; do :; done
            state=on
            [ ! -x "{self.policy}" ] || "{self.policy}" || state=off
            echo "$last, services $state" >> "{self.log}"
            {script}
            [ "$last" = update ] || {{
                touch "{self.programs}/$last"
                chmod +x "{self.programs}/$last"
            }}
        """)

    def test_what_prints_pdfs_is_installed_once(self):
        self.add_apt()
        for _time in range(2):
            require_pdf_engine()
        self.assertEqual(self.log.read_text().splitlines(), [
            'update, services off', 'wkhtmltopdf, services off',
        ])
        self.assertFalse(self.policy.exists())

    def test_so_is_a_browser(self):
        self.add_apt()
        for _time in range(2):
            require_browser()
        self.assertEqual(self.log.read_text().splitlines(), [
            'update, services off', 'chromium, services off',
        ])

    def test_another_browser_will_do(self):
        self.add_apt()
        self.add_program('google-chrome')
        require_browser()
        self.assertFalse(self.log.exists())

    def test_where_it_fails_it_says_what_to_do(self):
        self.add_apt('echo "No space left on device"; exit 100')
        with self.assertRaisesRegex(Failure, 'No space left') as caught:
            require_pdf_engine()
        self.assertIn('apt-get install wkhtmltopdf', caught.exception.remedy)
        self.assertFalse(self.policy.exists())

    def test_a_machine_without_apt(self):
        with self.assertRaisesRegex(Failure, 'wkhtmltopdf') as caught:
            require_pdf_engine()
        self.assertIn("this system's own means", caught.exception.remedy)
