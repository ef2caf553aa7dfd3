"""packaging/release on a small repository: what it refuses, what it makes, and that a trial leaves everything as it was."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest

from e2k_support import root_dir

CHANGELOG = """# Changelog

## Unreleased

### Added
- A word about what is new.

## 0.9.0 (2026-01-01)
- The former one.
"""
TIME = "1790000000"  # 2026-09-21


class Repository:
    def __init__(self, folder):
        self.folder = folder
        (folder / "packaging").mkdir()
        shutil.copy(root_dir() / "packaging" / "release", folder / "packaging")
        self.write("CMakeLists.txt", "project(epics2kafka VERSION 0.9.0 LANGUAGES C CXX)\n")
        self.write("CHANGELOG.md", CHANGELOG)
        self.write(".gitignore", "/build\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "A Maintainer")
        self.git("config", "user.email", "maintainer@example.org")
        self.commit()
        self.git("tag", "v0.9.0")

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def git(self, *words):
        return subprocess.run(["git", "-C", self.folder, *words], check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")

    def release(self, *words):
        environment = {**os.environ, "SOURCE_DATE_EPOCH": TIME, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run([self.folder / "packaging/release", *words, "--no-packages"], capture_output=True, text=True, timeout=60,
                              env=environment, check=False)

    def refused(self, word, *words):
        before = self.state()
        done = self.release(*words)
        assert done.returncode not in (0, None) and word in done.stderr, done.stderr
        assert self.state() == before

    def state(self):
        return self.git("for-each-ref"), self.git("rev-parse", "HEAD"), self.git("status", "--porcelain")

    def made(self, version):
        return self.folder / "build" / "releases" / version


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def member(archive, name):
    with tarfile.open(archive) as tree:
        return tree.extractfile(name).read().decode()


def test_what_is_no_version_is_refused(repository):
    for version in ("1", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3"):
        repository.refused("X.Y.Z", version)


def test_an_earlier_or_a_released_version_is_refused(repository):
    repository.refused("has been released", "0.9.0")
    repository.refused("earlier than", "0.8.7")


def test_a_tree_with_changes_is_refused_and_they_are_named(repository):
    repository.write("new-file", "")
    repository.refused("new-file", "1.0.0")


def test_a_release_without_news_is_refused(repository):
    repository.write("CHANGELOG.md", CHANGELOG.replace("- A word about what is new.\n", ""))
    repository.commit()
    repository.refused("no entry under Unreleased", "1.0.0")


def test_a_changelog_may_be_long(repository):
    repository.write("CHANGELOG.md", CHANGELOG.replace("- A word about what is new.\n", "- A word about what is new.\n" * 20000))
    repository.commit()
    assert repository.release("1.0.0", "--dry-run").returncode == 0


def test_a_trial_makes_the_archive_and_leaves_the_repository_as_it_was(repository):
    before = repository.state()
    done = repository.release("1.0.0", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert repository.state() == before
    archive = repository.made("1.0.0") / "epics2kafka-1.0.0.tar.gz"
    assert "VERSION 1.0.0 " in member(archive, "epics2kafka-1.0.0/CMakeLists.txt")
    assert member(archive, "epics2kafka-1.0.0/CHANGELOG.md") == CHANGELOG.replace(
        "## Unreleased\n", "## Unreleased\n\n## 1.0.0 (2026-09-21)\n")
    # Nothing but the result is left.
    assert [path.name for path in (repository.folder / "build/releases").iterdir()] == ["1.0.0"]


def test_the_checksums_are_those_of_the_files(repository):
    repository.release("1.0.0", "--dry-run")
    folder = repository.made("1.0.0")
    lines = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(lines) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, digest in lines.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_same_sources_give_the_same_bytes(repository):
    sums = []
    for _ in range(2):
        repository.release("1.0.0", "--dry-run")
        sums.append((repository.made("1.0.0") / "SHA256SUMS").read_text())
    assert sums[0] == sums[1]


def test_a_release_is_a_commit_and_a_tag_on_the_branch(repository):
    before = repository.git("rev-parse", "HEAD")
    done = repository.release("1.0.0")
    assert done.returncode == 0, done.stderr
    assert repository.git("log", "-1", "--format=%s|%an|%P") == f"release: 1.0.0|A Maintainer|{before}"
    assert repository.git("rev-parse", "v1.0.0^{commit}") == repository.git("rev-parse", "main")
    assert repository.git("cat-file", "-t", "v1.0.0") == "tag" and repository.git("status", "--porcelain") == ""
    assert "VERSION 1.0.0 " in (repository.folder / "CMakeLists.txt").read_text()
    # The archive is what anybody gets from the tag.
    again = subprocess.run("git archive --format=tar --prefix=epics2kafka-1.0.0/ v1.0.0 | gzip -n9", shell=True, cwd=repository.folder,
                           capture_output=True, check=True).stdout
    assert again == pathlib.Path(repository.made("1.0.0") / "epics2kafka-1.0.0.tar.gz").read_bytes()
