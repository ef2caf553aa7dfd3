"""The manual pages, rendered as a reader sees them."""
import os
import re
import subprocess
import sys

import pages
import programs
import pytest
from e2k_support import Supervisor, paths

NAMES = {"epics2kafkactl.1", "epics2kafka.toml.5", "epics2kafka-supervisor.8", "epics2kafka-worker.8"}


def make(folder):
    subprocess.run([sys.executable, paths.root_dir() / "packaging" / "man" / "make_pages.py",
                    Supervisor.program("epics2kafkactl").parent, pages.FOLDER, folder], check=True, timeout=60)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("man"))


def rendered(page):
    """As text without line breaks and hyphens of the renderer's; it must have nothing to complain of."""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True, text=True, check=True,
                          timeout=30, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "500"})
    assert done.stderr == "", page
    return done.stdout


@pytest.mark.parametrize("name", sorted(NAMES))
def test_pages_are_rendered_without_a_warning_and_name_themselves(made, name):
    text = rendered(made[name])
    assert re.search(rf"^NAME\n +{re.escape(name[:-2])} - \S", text, re.M)
    assert re.search(r"^SEE ALSO$", text, re.M)


def test_these_pages_are_made_and_no_others_the_same_bytes_each_time(made, tmp_path):
    assert set(made) == NAMES
    again = make(tmp_path)
    assert {name: path.read_bytes() for name, path in made.items()} == {name: path.read_bytes() for name, path in again.items()}


def test_the_client_has_a_part_for_each_verb_with_its_options(made):
    text = rendered(made["epics2kafkactl.1"])
    for verb in programs.verbs():
        part = re.search(rf"^   {verb}\n(.*?)(?=^ {{0,3}}\S)", text, re.M | re.S)
        assert part, verb
        asked, _ = programs.output_of("epics2kafkactl", verb, "--help")
        missing = {option for option in re.findall(r"--[\w-]+", asked) if option != "--help" and option not in part[1]}
        assert not missing, verb


@pytest.mark.parametrize("program", ["epics2kafka-supervisor", "epics2kafka-worker"])
def test_the_other_programs_pages_have_their_options(made, program):
    asked, _ = programs.output_of(program, "--help")
    text = rendered(made[program + ".8"])
    assert not [option for option in re.findall(r"--[\w-]+", asked) if option != "--help" and option not in text]


def test_the_configurations_page_has_every_key(made):
    text = rendered(made["epics2kafka.toml.5"])
    tags = " ".join(re.findall(r"^ {7}(\S.*)$", text, re.M))
    assert not [key for key in programs.keys() if not re.search(rf"(?<![\w.]){re.escape(key)}(?![\w])", tags)]
