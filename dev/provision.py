"""What a run stands on: Odoo's source tree, a virtual environment, a browser, a PDF engine."""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, CHECKOUT, digest, locked
from .console import Failure, call, say, step
from .debian import UnstableArchive, install

ODOO_VERSION = '19.0.0+dfsg-1'
"""The version of Debian's `odoo-19` that the tests last passed with."""

ODOO_COMPANIONS = (
    'fonts-montserrat', 'fonts-roboto-unhinted', 'libjs-jquery', 'libjs-jquery-form',
    'libjs-underscore',
)
"""Packages of Debian *unstable* that Odoo's tree links to."""

ODOO_STABLE_COMPANIONS = ('fonts-font-awesome', 'fonts-inconsolata', 'fonts-ocr-b')
"""The same, from the machine's own suite: unstable's newer layout breaks the links."""

SELFIE_STUB = Path('odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js')
"""Debian leaves this library out; without any file the web client logs an error at each start."""

PYTHON_VERSIONS = ((3, 10), (3, 13))
REQUIREMENTS = (
    CHECKOUT / 'requirements.txt',
    CHECKOUT / 'dev' / 'requirements-odoo.txt',
    CHECKOUT / 'dev' / 'requirements-test.txt',
)
CONSTRAINTS = CHECKOUT / 'dev' / 'constraints.txt'
BROWSERS = ('google-chrome', 'chromium', 'chromium-browser', 'google-chrome-stable')
PDF_ENGINE = 'wkhtmltopdf'


@dataclass(frozen=True)
class OdooSource:
    """An Odoo source tree.

    :param Path root: The folder that holds Odoo's `odoo` package.
    :param Path script: The program that starts Odoo.
    """

    root: Path
    script: Path


def find_odoo() -> OdooSource:
    """Return Odoo's source tree, fetching it at first need.

    :raise Failure: If `ODOO_HOME` is no Odoo 19, or Debian's package cannot be had.
    """
    if home := os.environ.get('ODOO_HOME'):
        return _use_odoo(Path(home).expanduser().resolve())
    tree = CACHE / f'odoo-{ODOO_VERSION}'
    with locked('odoo.lock'):
        if not tree.exists():
            _unpack_odoo(tree)
    return OdooSource(tree / 'usr/lib/python3/dist-packages', tree / 'usr/bin/odoo')


def _use_odoo(root: Path) -> OdooSource:
    script, release = root / 'odoo-bin', root / 'odoo' / 'release.py'
    if not script.exists() or 'version_info = (19, 0,' not in release.read_text(encoding='utf-8'):
        raise Failure(
            f"ODOO_HOME={root} is no source tree of Odoo 19.0 (with odoo-bin and odoo/).",
            "Correct ODOO_HOME, or unset it to have Odoo fetched.",
        )
    return OdooSource(root, script)


def _unpack_odoo(tree: Path) -> None:
    with step("Fetching Odoo 19 from Debian unstable (about 130 MB)"):
        archive = UnstableArchive(CACHE / 'apt')
        own_suite = archive.update()
        versions = archive.get_versions('odoo-19')
        if not versions:
            raise Failure(
                "Debian unstable has no odoo-19.",
                "Point ODOO_HOME at an Odoo 19 source tree.",
            )
        version = ODOO_VERSION if ODOO_VERSION in versions else versions[0]
        if version != ODOO_VERSION:
            say(f"    Debian has moved from {ODOO_VERSION} on to {version}, which is used instead")
        unpacked = tree.with_name(f'{tree.name}.part')
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir()
        archive.unpack(
            [
                f'odoo-19={version}',
                *(f'{package}/unstable' for package in ODOO_COMPANIONS),
                *(f'{package}/{own_suite}' for package in ODOO_STABLE_COMPANIONS),
            ],
            unpacked,
        )
        stub = unpacked / 'usr/lib/python3/dist-packages' / SELFIE_STUB
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text('// Left out of Debian\'s package.\n')
        mend_links(unpacked)
        unpacked.rename(tree)


def mend_links(tree: Path) -> None:
    """Keep the tree's absolute links inside the tree, and see that none leads nowhere."""
    links = [path for path in tree.rglob('*') if path.is_symlink()]
    for link in links:
        target = link.readlink()
        if target.is_absolute():
            link.unlink()
            link.symlink_to(os.path.relpath(tree / target.relative_to('/'), link.parent))
    if dangling := [str(link.relative_to(tree)) for link in links if not link.exists()]:
        raise Failure(
            f"Links of Odoo's package lead nowhere: {', '.join(dangling)}.",
            "Add the package that holds their targets to dev/provision.py.",
        )


def find_python() -> Path:
    """Return the interpreter of the virtual environment, building it at first need.

    :raise Failure: If this Python does not suit Odoo, or a requirement cannot be had.
    """
    oldest, newest = PYTHON_VERSIONS
    if not oldest <= sys.version_info[:2] <= newest:
        raise Failure(
            f"Odoo 19 runs on Python {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}; "
            f"this is {sys.version.split()[0]}.",
            "Name another one: make PYTHON=python3.12 ...",
        )
    key = digest(
        sys.version, sys.executable, *(path.read_text() for path in (*REQUIREMENTS, CONSTRAINTS)),
    )
    folder = CACHE / f'python-{sys.version_info[0]}.{sys.version_info[1]}-{key}'
    complete = folder / 'complete'
    with locked('python.lock'):
        if not complete.exists():
            _build_environment(folder)
            complete.touch()
    return folder / 'bin/python'


def _build_environment(folder: Path) -> None:
    if not importlib.util.find_spec('ensurepip'):
        install(f'python{sys.version_info[0]}.{sys.version_info[1]}-venv')
    with step("Installing Odoo's Python requirements into a virtual environment"):
        shutil.rmtree(folder, ignore_errors=True)
        call([sys.executable, '-m', 'venv', folder], remedy="Install Debian's python3-venv.")
        call(
            [
                folder / 'bin/python', '-m', 'pip', 'install', '-q',
                '--disable-pip-version-check',
                '-c', CONSTRAINTS,
                *(option for path in REQUIREMENTS for option in ('-r', path)),
            ],
            remedy="Check that pip reaches its package index, then repeat.",
        )


def require_browser() -> None:
    """Install Chromium unless Odoo's tours find a browser on this machine."""
    if not any(shutil.which(browser) for browser in BROWSERS):
        install('chromium')


def require_pdf_engine() -> None:
    """Install the program that Odoo prints PDFs with, unless there is one on this machine."""
    if not shutil.which(PDF_ENGINE):
        install(PDF_ENGINE)
