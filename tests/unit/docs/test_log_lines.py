"""Every line of the log begins with what happened, as noun.verb, and goes on with key=value."""
import re
import subprocess

from e2k_support import root_dir

# A call whose first argument is a text, or a choice between texts.
CALL = re.compile(r'log::(?:debug|info|warn|error|write)\(\s*(?:[^";]*[?,]\s*)?"((?:[^"\\]|\\.)*)"')
EVENT = re.compile(r"[a-z_]+\.[a-z_{}]+( [a-z_0-9]+=\S.*)?$")


def calls():
    files = subprocess.run(["git", "-C", root_dir(), "ls-files", "supervisor", "worker", "common", "proto"], check=True,
                           capture_output=True, text=True, timeout=30).stdout.split()
    for name in files:
        if name.endswith((".cpp", ".h")):
            for call in CALL.finditer((root_dir() / name).read_text(encoding="utf-8")):
                yield name, call.group(1)


def test_every_line_is_an_event_and_its_values():
    found = list(calls())
    assert len(found) > 100
    strange = [f"{name}: {text}" for name, text in found if text != "{}" and not EVENT.match(text.strip())]
    assert not strange
