"""The demo: Odoo with the add-on, and a simulated Amazon beside it."""

import hashlib
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .cache import CHECKOUT, CHECKOUT_KEY, CHECKOUT_STATE, locked
from .console import Failure, say, step
from .provision import require_pdf_engine
from .server import Odoo, checkout_database, log_file, provisioned_odoo

SCRIPT = CHECKOUT / 'dev' / 'demo.py'
DIGEST = CHECKOUT_STATE / 'demo.digest'
SERVER_LOG = CHECKOUT_STATE / 'demo.log'
SIMULATOR_LOG = CHECKOUT_STATE / 'simulator.log'
STOP_LIMIT = 10  # seconds
START_LIMIT = 120  # seconds


def demo() -> None:
    """Run Odoo with the add-on and a simulated Amazon until Ctrl-C."""
    check_language(os.environ.get('LANG_CODE') or 'en_US')
    require_pdf_engine()
    odoo_port = choose_port('ODOO_PORT', 8069)
    simulator_port = choose_port('SIMULATOR_PORT', 8070)
    busy = Failure("The demo of this checkout is already running.", "Stop it with Ctrl-C first.")
    database = checkout_database('demo')
    with locked(f'demo-{CHECKOUT_KEY}.lock', busy=busy), provisioned_odoo() as odoo:
        _prepare_database(odoo, database)
        with _simulator(odoo, simulator_port) as simulator_url:
            with step("Setting up the demo company and syncing once"):
                summary = _run_script(odoo, database, simulator_url)
            with _odoo_server(odoo, database, odoo_port) as (server, url):
                print(
                    f"\n{summary}\n"
                    f"Odoo       {url} (admin / admin)\n"
                    f"Simulator  {simulator_url}\n"
                    f"Log        {SERVER_LOG}\n"
                    "Ctrl-C stops both.",
                    flush=True,
                )
                with suppress(KeyboardInterrupt):
                    server.wait()
                    raise Failure("Odoo has stopped by itself.", f"Read {SERVER_LOG}.")


def check_language(code: str) -> None:
    """Refuse a language that the add-on does not speak."""
    spoken = {'en', *(path.stem for path in (CHECKOUT / 'i18n').glob('*.po'))}
    if not re.fullmatch(r'[a-z]{2}_[A-Z]{2}', code) or code[:2] not in spoken:
        raise Failure(
            f"LANG_CODE={code} is no language of the add-on.",
            f"Choose one of {', '.join(sorted(spoken))} with its country, as in: make demo"
            " LANG_CODE=es_ES",
        )


def choose_port(variable: str, default: int) -> int:
    """Return the port that a variable names, having seen that it is free."""
    value = os.environ.get(variable) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise Failure(f"{variable}={value} is no port.", f"Say, for example: {variable}=18069")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', int(value)))
        except OSError as error:
            raise Failure(
                f"Port {value} cannot be used: {error.strerror}.",
                f"Stop what uses it, or choose another: make demo {variable}={int(value) + 100}",
            ) from error
    return int(value)


def _prepare_database(odoo: Odoo, database: str) -> None:
    """Make the demo's database, or bring the one of an earlier run up to date."""
    digest = _digest_source()
    known = DIGEST.read_text() if DIGEST.exists() else ''
    if known and database in odoo.databases():
        if known == digest:
            return
        try:
            with step("Upgrading the add-on"):
                odoo.upgrade_module(database)
        except Failure as failure:
            say(f"{failure.problem}\n    The demo's database is made anew.")
        else:
            DIGEST.write_text(digest)
            return
    DIGEST.unlink(missing_ok=True)
    with step("Creating the demo's database"):
        odoo.create_database(database)
    with step("Installing the add-on"):
        odoo.install_module(database)
    DIGEST.write_text(digest)


def _digest_source() -> str:
    """Return a digest of the files that Odoo loads from this checkout."""
    digest = hashlib.sha256()
    for path in sorted(CHECKOUT.rglob('*')):
        folder = path.relative_to(CHECKOUT).parts[0]
        if path.is_file() and folder not in {'.git', 'dev', 'simulator', 'tests'} \
                and path.suffix != '.pyc':
            digest.update(f'{path}\0'.encode() + path.read_bytes())
    return digest.hexdigest()


def _run_script(odoo: Odoo, database: str, simulator_url: str) -> str:
    """Run the script that sets the demo up, and return the summary that it prints."""
    with SCRIPT.open() as script, log_file(database).open('w') as log:
        result = subprocess.run(
            odoo.command('shell', '-d', database, '--no-http'),
            env={**odoo.environment, 'SIMULATOR_URL': simulator_url}, cwd=CHECKOUT,
            stdin=script, stdout=subprocess.PIPE, stderr=log, text=True, check=False,
        )
    if result.returncode:
        raise Failure("The demo could not be set up.", f"Read {log_file(database)}.")
    return result.stdout


@contextmanager
def _simulator(odoo: Odoo, port: int) -> Iterator[str]:
    """Keep the simulator running, and tell its address once it listens."""
    with SIMULATOR_LOG.open('w') as log:
        process = subprocess.Popen(
            [odoo.python, '-m', 'simulator', '--port', str(port), '--scenario', 'stock'],
            env=odoo.environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )
    with _ended(process):
        url = f'http://127.0.0.1:{port}'
        _wait_until_answering(url, process, f"Read {SIMULATOR_LOG}.")
        yield url


@contextmanager
def _odoo_server(
    odoo: Odoo, database: str, port: int,
) -> Iterator[tuple[subprocess.Popen, str]]:
    """Keep Odoo running, and tell its process and address once it answers."""
    process = odoo.start('-d', database, '--http-port', str(port), log=SERVER_LOG)
    with _ended(process):
        url = f'http://127.0.0.1:{port}'
        with step("Starting Odoo"):
            _wait_until_answering(f'{url}/web/login', process, f"Read {SERVER_LOG}.")
        yield process, url


@contextmanager
def _ended(process: subprocess.Popen) -> Iterator[None]:
    """End a process with the block: asked first, then forced."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_answering(url: str, process: subprocess.Popen, remedy: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=START_LIMIT).close()
        except urllib.error.HTTPError:
            return  # It refuses, so it answers.
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise Failure(f"{url} does not answer.", remedy)
