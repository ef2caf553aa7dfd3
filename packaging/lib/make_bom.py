"""make_bom.py --packages DIR --suite SUITE --time SECONDS --out DIR: the bill of materials of the package in DIR, as CycloneDX.

What is in it: the libraries that the package brings along, with version, licence and checksum; the distribution's packages that its
programs are linked with, in the versions that they were built against; headers-only libraries, whose code is within the programs.
Sources: the package itself, the .buildinfo that dpkg wrote beside it, and the pins in packaging/deps. The same input gives the same
bytes. A bill that its schema does not accept is not written.
"""
import argparse
import datetime
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import tarfile
import uuid

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

DEPS = pathlib.Path(__file__).resolve().parent.parent / "deps"
HEADERS_ONLY = re.compile(r"(cppzmq-dev|libboost[0-9.]+-dev|libcli11-dev|libexpected-dev|libmsgpack-cxx-dev|nlohmann-json3-dev)$")
NUMBER = {"bookworm": "12", "trixie": "13"}
FORM = SchemaVersion.V1_6
licence = LicenseFactory().make_with_id


def only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"make_bom.py: {folder} holds {len(found)} files {pattern}, not one")
    return found[0]


def field(package, name):
    return subprocess.run(["dpkg-deb", "--field", package, name], check=True, capture_output=True, text=True).stdout.strip()


def built_with(buildinfo):
    """{package: version} of all that was installed where it was built."""
    text = buildinfo.read_text().partition("Installed-Build-Depends:")[2].partition("Environment:")[0]
    return dict(re.findall(r"^ (\S+) \(= ([^)]+)\)", text, re.M))


def pin(file, pattern):
    found = re.search(pattern, (DEPS / file).read_text(), re.M)
    if not found:
        sys.exit(f"make_bom.py: packaging/deps/{file} has no line {pattern}")
    return found[1]


def debian(name, version, suite, why):
    return Component(name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"debian/{name}", properties=[Property(name="use", value=why)],
                     purl=PackageURL("deb", "debian", name, version, {"distro": suite}))


def linked(package, known, suite):
    """Of `A | B` the first: the others do the same. A name that somebody provides (libspdlog1.10-fmt9) is the provider's and more."""
    for entry in field(package, "Depends").split(","):
        name = re.split(r"[ :|(]", entry.strip())[0]
        if name not in known:
            name = max((other for other in known if name.startswith(other + "-")), key=len, default=None)
        if name and name.startswith(("lib", "zlib")):
            yield debian(name, known[name], suite, "linked")


def headers(known, suite):
    return [debian(name, version, suite, "compiled in") for name, version in known.items() if HEADERS_ONLY.match(name)]


def brought_along(package):
    """The libraries in the package's own folder."""
    epics = pin("python-build.txt", r"^epicscorelibs==(\S+)")
    rdkafka = pin("librdkafka", r"^version +(\S+)")
    archive = pin("librdkafka", r"^archive +(\S+)")
    origin = {"ca": ("EPICS", epics, PackageURL("pypi", None, "epicscorelibs", epics)),
              "Com": ("EPICS", epics, PackageURL("pypi", None, "epicscorelibs", epics)),
              "rdkafka": ("BSD-2-Clause", rdkafka, PackageURL("npm", None, *archive.rsplit("@", 1)))}
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(files)) as tree:
        for member in tree:
            found = re.match(r"\./usr/lib/epics2kafka/lib(\w+)\.so[0-9.]*$", member.name)
            if not found or not member.isfile():
                continue
            if found[1] not in origin:
                sys.exit(f"make_bom.py: nothing is known of {member.name}: say here where it comes from")
            identifier, version, purl = origin[found[1]]
            digest = hashlib.sha256(tree.extractfile(member).read()).hexdigest()
            yield Component(name=f"lib{found[1]}", version=version, type=ComponentType.LIBRARY, bom_ref=f"brought/lib{found[1]}", purl=purl,
                            licenses=[licence(identifier)], hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
                            properties=[Property(name="use", value="brought along"), Property(name="file", value=member.name[1:])])


def bill(package, buildinfo, suite, seconds):
    known = built_with(buildinfo)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    version = field(package, "Version")
    subject = Component(name="epics2kafka", version=version, type=ComponentType.APPLICATION, bom_ref="epics2kafka", licenses=[licence("MIT")],
                        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
                        purl=PackageURL("deb", None, "epics2kafka", version, {"distro": suite, "arch": field(package, "Architecture")}))
    out = Bom(metadata=BomMetaData(component=subject, timestamp=datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)),
              serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"epics2kafka {digest}"))
    out.components.update([*brought_along(package), *linked(package, known, suite), *headers(known, suite)])
    out.register_dependency(subject, out.components)
    return out


def main():
    arguments = argparse.ArgumentParser(prog="make_bom.py")
    for name, kind in (("packages", pathlib.Path), ("suite", str), ("time", int), ("out", pathlib.Path)):
        arguments.add_argument(f"--{name}", type=kind, required=True)
    given = arguments.parse_args()
    package = only(given.packages, "epics2kafka_*.deb")
    made = bill(package, only(given.packages, "epics2kafka_*.buildinfo"), given.suite, given.time)
    text = make_outputter(made, OutputFormat.JSON, FORM).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(FORM).validate_str(text)
    if wrong:
        sys.exit(f"make_bom.py: the bill is not what CycloneDX {FORM.to_version()} says: {wrong}")
    version = field(package, "Version").partition("~")[0]
    (given.out / f"epics2kafka-{version}-debian{NUMBER[given.suite]}.cdx.json").write_text(text)


if __name__ == "__main__":
    main()
