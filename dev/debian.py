"""Debian's packages: installed on the machine, or only downloaded and unpacked."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .cache import locked
from .console import Failure, call, step

ARCHIVE_KEYRING = Path('/usr/share/keyrings/debian-archive-keyring.gpg')
POLICY = Path('/usr/sbin/policy-rc.d')
INDEX_TARGET = '$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(REPO_URI)'
ODOO_HOME_REMEDY = "Run this on Debian, or point ODOO_HOME at an Odoo 19 source tree."
NETWORK_REMEDY = "Check that this machine reaches its Debian mirror (apt-get update), then repeat."


def install(*packages: str) -> None:
    """Install Debian packages on the machine, without starting the services they bring.

    :param packages: The packages' names.
    :raise Failure: If the user may not install packages, or apt fails.
    """
    by_hand = f"As root, run: apt-get update && apt-get install {' '.join(packages)}"
    if not shutil.which('apt-get'):
        raise Failure(
            f"Needed on this machine, which has no apt: {', '.join(packages)}.",
            "Install them by this system's own means, then repeat.",
        )
    as_root = [] if os.geteuid() == 0 else ['sudo', '-n']
    if as_root and not shutil.which('sudo'):
        raise Failure(f"Needed on this machine: {', '.join(packages)}.", by_hand)
    apt = [
        *as_root, 'env', 'DEBIAN_FRONTEND=noninteractive',
        'apt-get', '-q', '-oDPkg::Lock::Timeout=300',
    ]
    with step(f"Installing Debian's {', '.join(packages)}"), \
            locked('install.lock'), _services_stay_off():
        call([*apt, 'update'], remedy=by_hand)
        call([*apt, 'install', '-y', '--no-install-recommends', *packages], remedy=by_hand)


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Tell Debian's packages not to start services, where that may be said."""
    if POLICY.exists() or not os.access(POLICY.parent, os.W_OK):
        yield
        return
    POLICY.write_text('#!/bin/sh\nexit 101\n')
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


class UnstableArchive:
    """Debian's *unstable* suite beside the machine's own, in an apt state of its own.

    The system's sources, lists and packages stay untouched.

    :param Path folder: Where the private apt state is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, 'APT_CONFIG': str(folder / 'apt.conf')}

    def update(self) -> str:
        """Fetch the package lists, verified with Debian's archive keyring.

        :return: The code name of the machine's own suite.
        :raise Failure: If this is no Debian, or its mirror cannot be reached.
        """
        if not ARCHIVE_KEYRING.exists():
            raise Failure(
                f"{ARCHIVE_KEYRING} is missing, so nothing from Debian can be verified.",
                ODOO_HOME_REMEDY,
            )
        for name in ('lists/partial', 'cache/archives/partial'):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mirror, own_suite = _find_own_suite(self.folder)
        self._write_configuration(mirror, own_suite)
        call(['apt-get', '-q', 'update'], remedy=NETWORK_REMEDY, env=self.environment)
        return own_suite

    def get_versions(self, package: str) -> list[str]:
        """Return the versions of a package on offer, the newest first."""
        listing = call(
            ['apt-cache', 'madison', package], remedy=NETWORK_REMEDY, env=self.environment
        )
        return [line.split('|')[1].strip() for line in listing.splitlines() if '|' in line]

    def unpack(self, packages: Sequence[str], folder: Path) -> None:
        """Download packages and unpack them side by side, without installing them.

        :param packages: Names, each with `=version` or `/suite` when it matters.
        :param Path folder: The folder that stands for the root of the file system.
        """
        downloads = self.folder / 'downloads'
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir()
        call(
            ['apt-get', '-q', 'download', *packages],
            remedy=NETWORK_REMEDY,
            env=self.environment,
            cwd=downloads,
        )
        for package in downloads.glob('*.deb'):
            call(
                ['dpkg-deb', '-x', package, folder],
                remedy=f"Check the free space under {folder}.",
            )
        shutil.rmtree(downloads)

    def _write_configuration(self, mirror: str, own_suite: str) -> None:
        (self.folder / 'status').touch()
        (self.folder / 'sources.list').write_text(''.join(
            f'deb [signed-by={ARCHIVE_KEYRING}] {mirror} {suite} main\n'
            for suite in ('unstable', own_suite)
        ))
        (self.folder / 'apt.conf').write_text('\n'.join((
            f'Dir::State "{self.folder}";',
            f'Dir::State::lists "{self.folder}/lists";',
            f'Dir::State::status "{self.folder}/status";',
            f'Dir::Cache "{self.folder}/cache";',
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";',
            'Dir::Etc::sourceparts "-";',
            'Dir::Etc::preferencesparts "-";',
            'Acquire::Languages "none";',
            # apt's own sandbox user may not look into a private cache folder.
            'APT::Sandbox::User "root";',
            '',
        )))


def _find_own_suite(folder: Path) -> tuple[str, str]:
    """Return the machine's own Debian mirror and code name, as apt knows them.

    :param Path folder: Where package lists are fetched to when the machine has none yet.
    :return: The mirror's address and the code name.
    :raise Failure: If this is no Debian.
    """
    release = Path('/etc/os-release').read_text(encoding='utf-8')
    codename = re.search(r'^VERSION_CODENAME="?(\w+)', release, re.MULTILINE)
    private_lists = [f'-oDir::State::lists={folder}/lists', f'-oDir::Cache={folder}/cache']
    for options in ([], private_lists):
        if options:
            call(['apt-get', '-q', *options, 'update'], remedy=NETWORK_REMEDY)
        targets = call(
            ['apt-get', *options, 'indextargets', '--format', INDEX_TARGET], remedy=ODOO_HOME_REMEDY
        )
        for target in targets.splitlines():
            *facts, uri = target.split('|', 4)
            if codename and facts == ['Packages', codename[1], 'main', 'Debian']:
                return uri, codename[1]
    raise Failure("apt's sources name no Debian archive of this release.", ODOO_HOME_REMEDY)
