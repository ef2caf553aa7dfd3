"""What the trials share: the packages under trial, roots of Debian, a broker. `tests/packages/run` sets the environment.

E2K_SUITE            the Debian release: bookworm or trixie
E2K_PACKAGES         folder of the packages of this release's sources, and of their tree as an archive
E2K_PACKAGES_LATER   folder of those of the same sources with a later version
E2K_PACKAGES_AGAIN   folder of those of the same sources, made once more (not always)
"""
import os
import pathlib
import signal

import pytest

import clean_root
import machine
from e2k_support import Broker


def pytest_configure():
    """Whose time is over, puts away what it has made."""
    def end(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)


class Packages:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.main = self._only("epics2kafka_*.deb")
        self.dev = self._only("epics2kafka-dev_*.deb")
        self.version = self.main.name.split("_")[1]

    def _only(self, pattern):
        found = list(self.folder.glob(pattern))
        assert len(found) == 1, f"{self.folder} holds {len(found)} files {pattern}: run packaging/package"
        return found[0]


@pytest.fixture(scope="session")
def suite():
    return os.environ["E2K_SUITE"]


@pytest.fixture(scope="session")
def packages():
    return Packages(os.environ["E2K_PACKAGES"])


@pytest.fixture(scope="session")
def later():
    return Packages(os.environ["E2K_PACKAGES_LATER"])


@pytest.fixture(scope="session")
def plain(suite):
    """The archive of a freshly installed Debian."""
    return clean_root.archive(suite)


@pytest.fixture(scope="session")
def installed_once(plain, packages, tmp_path_factory):
    """A root into which apt has installed the package with what it needs, once: (the archive, what apt said)."""
    root = clean_root.Root(plain)
    try:
        root.run("apt-get", "update", "-q")
        said = root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", *root.bring(packages.main))
        archive = tmp_path_factory.mktemp("root") / "installed.tar"
        root.save(archive)
    finally:
        root.remove()
    return archive, said


@pytest.fixture(scope="session")
def standing(installed_once):
    """One for all tests that change nothing in it."""
    root = clean_root.Root(installed_once[0])
    yield root
    root.remove()


@pytest.fixture
def installed(installed_once):
    """One of the test's own."""
    root = clean_root.Root(installed_once[0])
    yield root
    root.remove()


@pytest.fixture(scope="session")
def bootable(plain):
    """Skips what needs a systemd that runs, where not even a plain Debian's does."""
    why_not = machine.why_not(plain)
    if why_not:
        pytest.skip(f"no systemd can be booted: {why_not}")


@pytest.fixture(scope="session")
def broker():
    with Broker(heap="512m") as running:
        yield running
