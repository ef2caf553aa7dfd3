"""A newcomer's first minutes: the sources on a freshly installed Debian, one command, a record. What the machine needs to reach
package registries (settings, certificates) is this machine's, copied."""
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

import clean_root
from e2k_support import root_dir

BARE = ("ca-certificates",)
SETTINGS = ("/etc/pip.conf", "/root/.config/pip", "/root/.npmrc", "/root/.m2/settings.xml", "/usr/local/share/ca-certificates",
            "/etc/apt/apt.conf.d")
VARIABLES = ("PIP_", "npm_config_", "NPM_CONFIG_", "NODE_EXTRA_CA_CERTS", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
             "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")
LIMIT_S = 900
SECONDS_OF_RECORDS = 5


def bring_settings(root):
    for name in SETTINGS:
        source = pathlib.Path.home() / name.removeprefix("/root/") if name.startswith("/root/") else pathlib.Path(name)
        if source.is_dir():
            shutil.copytree(source, root.path(name), dirs_exist_ok=True)
        elif source.exists():
            root.path(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root.path(name))
    root.run("update-ca-certificates")


def bring_sources(root, place):
    """As a clone has them, with what is not committed yet."""
    listed = subprocess.run(["git", "-C", root_dir(), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True,
                            capture_output=True).stdout.split(b"\0")
    for name in map(os.fsdecode, filter(None, listed)):
        source, target = root_dir() / name, root.path(place) / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def start(root, *command):
    """In the root, with this machine's network and settings; its lines as they come."""
    settings = [part for name, value in os.environ.items() if name.startswith(VARIABLES) for part in ("--set", f"{name}={value}")]
    return subprocess.Popen(clean_root.in_bash('folder=$1; shift; root_run "$folder" "$@"', root.folder, *settings, "--", *command),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def test_the_quick_start_shows_a_record_within_minutes(suite):
    if suite != "bookworm":
        pytest.skip("one release is enough")
    root = clean_root.Root(clean_root.archive(suite, BARE))
    lines, first = [], None
    try:
        bring_settings(root)
        bring_sources(root, "/root/epics2kafka")
        began = time.monotonic()
        child = start(root, "timeout", LIMIT_S, "/root/epics2kafka/packaging/quickstart/run", "--seconds", SECONDS_OF_RECORDS)
        for line in child.stdout:
            lines.append(f"{time.monotonic() - began:6.1f} s  {line}")
            if first is None and re.match(r"20\S+ \S+ +channel1 ", line):
                first = time.monotonic() - began
        assert child.wait() == 0 and first is not None, "".join(lines[-100:])
    finally:
        root.remove()
    # How long it takes is for a quiet machine to say: pytest -s shows it, line by line.
    print("".join(lines) + f"the first record came after {first:.0f} s")
