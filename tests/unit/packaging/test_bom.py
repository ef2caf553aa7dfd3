"""The bill of materials of a package: what it names, and that its schema accepts it."""
import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from e2k_support import root_dir

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no program dpkg-deb")
CONTROL = """Package: epics2kafka
Version: 1.2.3~deb12
Architecture: amd64
Maintainer: A Maintainer <maintainer@example.org>
Depends: systemd | systemd-standalone-sysusers, libzmq5 (>= 4.0.1), libspdlog1.10-fmt9, zlib1g (>= 1:1.2.0)
Description: for a test
"""
BUILDINFO = """Format: 1.0
Installed-Build-Depends:
 bash (= 5.2.15-2+b13),
 libboost1.74-dev (= 1.74.0+ds1-21),
 libspdlog1.10 (= 1:1.10.0+ds-0.4),
 libspdlog (= 0),
 libzmq5 (= 4.3.4-6),
 zlib1g (= 1:1.2.13.dfsg-1)
Environment:
 LC_ALL="C.UTF-8"
"""


def make_bill(folder, libraries):
    tree = folder / "tree"
    private = tree / "usr/lib/epics2kafka"
    private.mkdir(parents=True)
    for name in libraries:
        (private / name).write_text(f"the bytes of {name}")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(CONTROL)
    package = folder / "epics2kafka_1.2.3~deb12_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, package], check=True, capture_output=True)
    (folder / "epics2kafka_1.2.3~deb12_amd64.buildinfo").write_text(BUILDINFO)
    done = subprocess.run([sys.executable, root_dir() / "packaging/lib/make_bom.py", "--packages", folder, "--suite", "bookworm",
                           "--time", "1790000000", "--out", folder], capture_output=True, text=True, timeout=60, check=False)
    return done, folder / "epics2kafka-1.2.3-debian12.cdx.json"


def test_it_names_what_is_brought_along_linked_and_compiled_in(tmp_path):
    done, file = make_bill(tmp_path, ["libca.so.7.0.10", "librdkafka.so.1"])
    assert done.returncode == 0 and done.stderr == ""
    bill = json.loads(file.read_text())
    parts = {part["name"]: part for part in bill["components"]}
    assert set(parts) == {"libca", "librdkafka", "libzmq5", "libspdlog1.10", "zlib1g", "libboost1.74-dev"}
    assert parts["libca"]["licenses"] == [{"license": {"id": "EPICS"}}]
    assert parts["librdkafka"]["licenses"] == [{"license": {"id": "BSD-2-Clause"}}]
    pinned = (root_dir() / "packaging/deps/librdkafka").read_text()
    assert f"version  {parts['librdkafka']['version']}\n" in pinned
    assert parts["libca"]["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"the bytes of libca.so.7.0.10").hexdigest()}]
    assert parts["zlib1g"]["version"] == "1:1.2.13.dfsg-1"
    use = {name: [item["value"] for item in part["properties"] if item["name"] == "use"] for name, part in parts.items()}
    assert use["libzmq5"] == ["linked"] and use["libboost1.74-dev"] == ["compiled in"] and use["libca"] == ["brought along"]
    assert bill["metadata"]["component"]["version"] == "1.2.3~deb12" and bill["metadata"]["timestamp"].startswith("2026-09-21T")


def test_a_library_that_nothing_is_known_of_is_refused(tmp_path):
    done, file = make_bill(tmp_path, ["libmystery.so.1"])
    assert done.returncode == 1 and "libmystery.so.1" in done.stderr and not file.exists()
