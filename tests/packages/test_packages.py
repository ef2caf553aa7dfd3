"""Packages in a clean system: installed, upgraded, downgraded, removed, purged; what they hold."""
import gzip
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest

import clean_root
from e2k_support import root_dir

CONFIG = "/etc/epics2kafka/epics2kafka.toml"
PROGRAMS = ("/usr/bin/epics2kafka-supervisor", "/usr/bin/epics2kafkactl", "/usr/lib/epics2kafka/epics2kafka-worker")
CHANGED = '[kafka]\n"bootstrap.servers" = "kafka.site:9092"\n'


def is_the_package_managers(name):
    """What Debian alone wants in its packages."""
    return re.match(r"/usr/share/(lintian/.*|doc/[^/]*/(changelog.*|copyright))$", name)


def files_of(archive, leading=1):
    """{name: (may it be run?, a sum of what it holds)} of the files of a tar archive below its folders `leading`. /lib counts as
    what it is, /usr/lib, a compressed page as the page. Programs and libraries are stripped in ways of each form: their names count."""
    found = {}
    for member in archive:
        name = "/" + "/".join(member.name.split("/")[leading:])
        if member.isdir() or is_the_package_managers(name):
            continue
        held = archive.extractfile(member).read() if member.isfile() else member.linkname.encode()
        if name.endswith(".gz"):
            name, held = name.removesuffix(".gz"), gzip.decompress(held)
        same = "ELF" if held.startswith(b"\x7fELF") else (bool(member.mode & 0o100), hashlib.sha256(held).hexdigest())
        found[re.sub("^/lib/", "/usr/lib/", name)] = same
    return found


def contents(package):
    listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(listing)) as archive:
        return files_of(archive)


def version_of(root):
    return root.run("dpkg-query", "-W", "-f=${Version}", "epics2kafka").stdout


def install(root, *packages, arguments=()):
    return root.run("dpkg", *arguments, "--install", *root.bring(*packages))


def traces(root):
    """What is left of it, but for the documents of apt and dpkg themselves."""
    found = root.run("find", "/etc", "/usr", "/var", "/run", "/opt", "/srv", "/tmp", "-xdev", "-iname", "*epics2kafka*").stdout
    rest = [name for name in found.splitlines() if not re.match("/var/(lib/dpkg|lib/apt|cache/apt|log)/", name)]
    return rest + [name for name in ("passwd", "group", "shadow", "gshadow") if "epics2kafka" in root.path(f"/etc/{name}").read_text()]


def test_apt_installs_it_without_a_word_of_warning(installed_once, standing, packages):
    said = installed_once[1].stdout + installed_once[1].stderr
    assert not re.search("(?i)warning(?!.*debconf)|error", said), said
    assert version_of(standing) == packages.version
    # Nothing runs before an operator says so.
    assert standing.run("systemctl", "is-enabled", "epics2kafka.service", check=False).stdout.strip() == "disabled"


def test_the_programs_find_their_libraries_and_say_who_they_are(standing, packages):
    number = packages.version.split("~")[0]
    for program in PROGRAMS:
        assert number in standing.run(program, "--version").stdout


def test_every_script_says_how_it_is_used(standing):
    names = sorted(path.name for path in standing.path("/usr/share/epics2kafka/scripts").iterdir())
    assert names == sorted(path.name for path in (root_dir() / "packaging").glob("*.sh"))
    for name in names:
        if name != "client.sh":
            assert "Usage: " in standing.run(f"/usr/share/epics2kafka/scripts/{name}", "-h", network=False).stdout


def test_manual_pages_and_completions_are_of_this_release(standing, packages):
    number = packages.version.split("~")[0]
    for page in ("man1/epics2kafkactl.1", "man5/epics2kafka.toml.5", "man8/epics2kafka-supervisor.8", "man8/epics2kafka-worker.8"):
        title = standing.run("zcat", f"/usr/share/man/{page}.gz").stdout.split("\n.SH ")[0]
        assert number in title, f"{page}: {title}"
    bash = "/usr/share/bash-completion/completions/epics2kafkactl"
    assert "epics2kafkactl" in standing.run("bash", "-ec", f"source {bash}; complete -p epics2kafkactl").stdout
    for shell, file in (("bash", bash), ("zsh", "/usr/share/zsh/vendor-completions/_epics2kafkactl"),
                        ("fish", "/usr/share/fish/vendor_completions.d/epics2kafkactl.fish")):
        assert standing.path(file).read_text() == standing.run("epics2kafkactl", "completions", shell).stdout


def test_the_debug_symbols_are_those_of_the_programs(standing, packages):
    symbols = next(packages.folder.glob("epics2kafka-dbgsym_*.deb"))
    brought = subprocess.run(["dpkg-deb", "--contents", symbols], check=True, capture_output=True, text=True).stdout
    for program in PROGRAMS:
        notes = subprocess.run(["readelf", "--notes", standing.path(program)], check=True, capture_output=True, text=True).stdout
        build = re.search("Build ID: ([0-9a-f]+)", notes)[1]
        assert f"/usr/lib/debug/.build-id/{build[:2]}/{build[2:]}.debug" in brought, program


def test_the_private_libraries_are_those_that_the_release_lacks(standing, suite):
    brought = {path.name for path in standing.path("/usr/lib/epics2kafka").glob("lib*.so*")}
    if suite == "bookworm":
        assert {name.split(".so")[0] for name in brought} == {"libca", "libCom", "librdkafka"}
    else:
        assert not brought


def test_the_configuration_that_comes_along_is_accepted(standing):
    done = standing.run("epics2kafka-supervisor", "--check")
    assert "localhost:9092" in done.stdout and done.stderr == ""


def test_an_upgrade_keeps_a_changed_configuration(installed, later):
    installed.path(CONFIG).write_text(CHANGED)
    install(installed, later.main)
    assert version_of(installed) == later.version
    assert installed.path(CONFIG).read_text() == CHANGED
    assert later.version.split("~")[0] in installed.run("epics2kafkactl", "version").stdout


def test_a_downgrade_and_a_reinstallation_keep_it_too(installed, packages, later):
    installed.path(CONFIG).write_text(CHANGED)
    install(installed, later.main)
    install(installed, packages.main)
    assert version_of(installed) == packages.version
    install(installed, packages.main)
    assert installed.path(CONFIG).read_text() == CHANGED
    assert packages.version.split("~")[0] in installed.run("epics2kafkactl", "version").stdout


def test_it_is_installed_beside_an_older_configuration(plain, installed_once, packages):
    """Of a site that had its own before: it stays, the package's is laid beside it."""
    root = clean_root.Root(installed_once[0])
    try:
        root.run("dpkg", "--purge", "epics2kafka")
        root.path("/etc/epics2kafka").mkdir()
        root.path(CONFIG).write_text(CHANGED)
        root.path("/etc/epics2kafka/west.toml").write_text(CHANGED)
        install(root, packages.main, arguments=("--force-confold",))
        assert root.path(CONFIG).read_text() == CHANGED
        assert root.path(CONFIG + ".dpkg-dist").exists()
        assert root.path("/etc/epics2kafka/west.toml").read_text() == CHANGED
    finally:
        root.remove()


def test_a_removal_leaves_configuration_and_spool_and_a_purge_leaves_nothing(installed):
    installed.path(CONFIG).write_text(CHANGED)
    installed.run("bash", "-c", "mkdir -p /var/lib/epics2kafka/spool && chown -R epics2kafka: /var/lib/epics2kafka && "
                  "runuser -u epics2kafka -- touch /var/lib/epics2kafka/spool/kept")
    installed.run("systemctl", "enable", "epics2kafka.service", "epics2kafka@west.service")
    installed.run("dpkg", "--remove", "epics2kafka")
    assert installed.path(CONFIG).read_text() == CHANGED
    assert installed.path("/var/lib/epics2kafka/spool/kept").exists()
    assert not installed.path("/usr/bin/epics2kafka-supervisor").exists()
    installed.run("dpkg", "--purge", "epics2kafka")
    for file in installed.path("/root").glob("epics2kafka*.deb"):
        file.unlink()
    assert traces(installed) == []


def test_the_header_is_enough_to_compile_a_converter(installed, packages, tmp_path):
    install(installed, packages.dev)
    header = installed.path("/usr/include/epics2kafka/converter.h")
    assert header.exists()
    example = installed.path("/usr/share/doc/epics2kafka-dev/examples/influx/influx.cpp")
    subprocess.run(["c++", "-std=c++20", "-shared", "-fPIC", f"-I{header.parents[1]}", example, "-o", tmp_path / "influx.so"],
                   check=True, timeout=300)


def test_the_installed_tree_is_that_of_the_packages(packages):
    archives = list(packages.folder.glob("epics2kafka-*.tar.gz"))
    assert len(archives) == 1
    with tarfile.open(archives[0]) as archive:
        tree = files_of(archive)
    assert tree == contents(packages.main) | contents(packages.dev)


def test_the_tree_runs_from_wherever_it_is_unpacked(plain, installed_once, packages, tmp_path):
    archive = next(packages.folder.glob("epics2kafka-*.tar.gz"))
    root = clean_root.Root(installed_once[0])
    try:
        root.run("dpkg", "--purge", "epics2kafka")
        name = root.bring(archive)[0]
        root.run("tar", "-C", "/srv", "-xf", name)
        place = "/srv/" + archive.name.removesuffix(".tar.gz") + "/usr"
        assert "librdkafka" in root.run(f"{place}/bin/epics2kafka-supervisor", "--version").stdout
        assert "libca" in root.run(f"{place}/lib/epics2kafka/epics2kafka-worker", "--version").stdout
        assert root.run(f"{place}/share/epics2kafka/scripts/list-monitored.sh", "-h").stdout.startswith("Usage: ")
    finally:
        root.remove()


@pytest.mark.skipif("E2K_PACKAGES_AGAIN" not in os.environ, reason="made once only")
def test_the_same_sources_make_the_same_bytes(packages):
    again = pathlib.Path(os.environ["E2K_PACKAGES_AGAIN"])

    def sums(folder):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in folder.iterdir() if path.suffix in (".deb", ".gz", ".rpm")}
    assert sums(packages.folder) == sums(again)


@pytest.mark.skipif(not shutil.which("lintian"), reason="no program lintian")
def test_lintian_has_nothing_to_say(packages):
    changes = next(packages.folder.glob("*.changes"))
    done = subprocess.run(["lintian", "--allow-root", "--info", "--display-info", "--fail-on", "error,warning,info", changes],
                          capture_output=True, text=True, timeout=600, check=False)
    said = [line for line in done.stdout.splitlines() if re.match("[EWI]: ", line)]
    assert not said and done.returncode == 0, done.stdout + done.stderr
