"""The RPM packages: `rpm --root` with a database of its own, in a root whose other packages dpkg put there. What cannot be
tried without a system of that kind is whether its names of libraries are theirs: --nodeps. Then rpm within a booted root, where
what the packages do to a service that runs is seen."""
import shutil
import subprocess
import tarfile

import pytest

import clean_root
from e2k_support import root_dir
from machine import Machine, gaps

CONFIG = "/etc/epics2kafka/epics2kafka.toml"


def only(packages, pattern):
    found = list(packages.folder.glob(pattern))
    if not shutil.which("rpm") or not found:
        pytest.skip("no rpm packages: they are made with Debian 12's rpmbuild")
    return found[0]


@pytest.fixture
def bare(installed_once):
    """A root with the libraries that the package needs, and not the package."""
    root = clean_root.Root(installed_once[0])
    root.run("dpkg", "--purge", "epics2kafka")
    yield root
    root.remove()


def rpm(root, *arguments, check=True):
    done = subprocess.run(["rpm", "--root", root.folder, "--dbpath", "/var/lib/rpm", *map(str, arguments)], capture_output=True,
                          text=True, timeout=300, stdin=subprocess.DEVNULL, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def test_installed_upgraded_downgraded_and_erased(bare, packages, later):
    now, new = only(packages, "epics2kafka-[0-9]*.x86_64.rpm"), only(later, "epics2kafka-[0-9]*.x86_64.rpm")
    said = rpm(bare, "--install", "--nodeps", now)
    # Debian's rpm tells everybody that this is Debian.
    assert not [line for line in said.stderr.splitlines() if not line.startswith("rpm: ")]
    number = packages.version.split("~")[0]
    assert number in bare.run("epics2kafka-supervisor", "--version").stdout
    assert number in bare.run("/usr/lib/epics2kafka/epics2kafka-worker", "--version").stdout
    bare.run("epics2kafka-supervisor", "--check")
    assert bare.run("getent", "passwd", "epics2kafka").stdout
    assert rpm(bare, "--verify", "--nodeps", "epics2kafka").stdout == ""

    changed = bare.path(CONFIG).read_text() + "# of this site\n"
    bare.path(CONFIG).write_text(changed)
    rpm(bare, "--upgrade", "--nodeps", new)
    assert later.version.split("~")[0] in bare.run("epics2kafkactl", "version").stdout
    rpm(bare, "--upgrade", "--oldpackage", "--nodeps", now)
    rpm(bare, "--upgrade", "--replacepkgs", "--nodeps", now)
    assert number in bare.run("epics2kafkactl", "version").stdout
    assert bare.path(CONFIG).read_text() == changed

    rpm(bare, "--erase", "epics2kafka")
    # As rpm does it: what the site wrote is kept beside, the rest is gone.
    assert bare.path(CONFIG + ".rpmsave").read_text() == changed
    left = bare.run("find", "/usr", "-xdev", "-iname", "*epics2kafka*").stdout
    assert left == ""


def test_an_upgrade_restarts_the_service_and_an_erasure_ends_it(bootable, bare, broker, packages, later):
    now, new = only(packages, "epics2kafka-[0-9]*.x86_64.rpm"), only(later, "epics2kafka-[0-9]*.x86_64.rpm")
    bare.run("apt-get", "update", "-q")
    bare.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "rpm")
    inside = bare.bring(now, new)
    machine = Machine(bare, broker, "rpm")
    try:
        machine.run("rpm", "--install", "--nodeps", inside[0])
        assert machine.show("UnitFileState")["UnitFileState"] == "disabled"
        machine.configure()
        machine.start()
        machine.monitor()
        assert not gaps(machine.numbers())
        uid = machine.run("id", "-u", "epics2kafka").stdout.strip()
        assert f"Uid:\t{uid}\t" in machine.of_process(machine.main_pid(), "status")

        before = machine.main_pid()
        machine.run("rpm", "--upgrade", "--nodeps", inside[1])
        machine.wait(lambda: (machine.status() or {}).get("version") == later.version.split("~")[0], "the later version")
        machine.active()
        assert machine.main_pid() != before
        machine.wait(machine.connected, "the channel again")

        machine.run("rpm", "--erase", "epics2kafka")
        assert machine.show("ActiveState")["ActiveState"] in ("inactive", "failed")
        assert not machine.run("sh", "-c", "cat /proc/[0-9]*/comm | grep ^epics2kafka", check=False).stdout
        # Events that Kafka has not acknowledged are no matter of rpm's.
        assert machine.run("ls", "-d", "/var/lib/epics2kafka/spool", check=False).returncode == 0
    finally:
        machine.stop()


def test_it_holds_the_installed_tree(packages):
    only(packages, "epics2kafka-[0-9]*.x86_64.rpm")
    held = set()
    for name in ("epics2kafka-[0-9]*.x86_64.rpm", "epics2kafka-devel-*.rpm"):
        listed = subprocess.run(["rpm", "-qp", "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]", only(packages, name)],
                                capture_output=True, text=True, check=True).stdout
        held |= {line.split(" ", 1)[1].removesuffix(".gz") for line in listed.splitlines() if not line.startswith("d")}
    with tarfile.open(only(packages, "epics2kafka-*.tar.gz")) as archive:
        tree = {"/" + member.name.partition("/")[2] for member in archive if not member.isdir()}
    # Links by which debuggers find the symbols.
    assert {name for name in held if not name.startswith("/usr/lib/.build-id")} == tree


def test_it_offers_nothing_of_its_private_libraries(packages):
    package = only(packages, "epics2kafka-[0-9]*.x86_64.rpm")
    for question in ("--provides", "--requires"):
        said = subprocess.run(["rpm", "-qp", question, package], capture_output=True, text=True, check=True).stdout
        assert not [line for line in said.splitlines() if line.startswith(("libca.", "libCom.", "librdkafka."))]


def test_rpmlint_has_nothing_to_say(packages):
    only(packages, "epics2kafka-[0-9]*.x86_64.rpm")
    if not shutil.which("rpmlint"):
        pytest.skip("no program rpmlint")
    files = [path for path in packages.folder.glob("*.rpm") if "-debug" not in path.name]
    done = subprocess.run(["rpmlint", "--config", root_dir() / "packaging/rpm/rpmlint.toml", *files,
                           root_dir() / "packaging/rpm/epics2kafka.spec"], capture_output=True, text=True, timeout=300, check=False)
    said = [line for line in done.stdout.splitlines() if ": E: " in line or ": W: " in line]
    assert not said, "\n".join(said)
