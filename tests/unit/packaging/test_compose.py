"""The compose file is one, and says the same as the image that it is about."""
import os
import re

import pytest
import yaml
from compose_spec import PyCompose

from e2k_support import root_dir

FOLDER = root_dir() / "packaging" / "container"


@pytest.fixture
def text():
    return (FOLDER / "compose.yaml").read_text()


def test_it_is_what_the_specification_says(text):
    PyCompose.from_yaml(text).validate()


def test_the_file_with_alarms_changes_what_is_there_and_adds_one(text):
    alarms = (FOLDER / "compose.alarms.yaml").read_text()
    # By itself it is none: what it adds to says what the images are.
    whole, more = yaml.safe_load(text), yaml.safe_load(alarms)
    for name, service in more["services"].items():
        whole["services"].setdefault(name, {}).update(service)
    PyCompose.from_yaml(yaml.safe_dump(whole)).validate()
    assert set(more["services"]) - set(yaml.safe_load(text)["services"]) == {"alarms"}
    database = more["services"]["softioc"]["volumes"][0].split(":")[0]
    assert (FOLDER / database).is_file() and (FOLDER / more["services"]["alarms"]["build"]["context"] / "Containerfile").is_file()


def test_the_file_with_monitoring_mounts_what_is_there(text):
    more = yaml.safe_load((FOLDER / "compose.monitoring.yaml").read_text())
    whole = yaml.safe_load(text)
    for name, service in more["services"].items():
        whole["services"].setdefault(name, {}).update(service)
    PyCompose.from_yaml(yaml.safe_dump(whole)).validate()
    for service in more["services"].values():
        for volume in service.get("volumes", ()):
            assert (FOLDER / volume.split(":")[0]).is_file(), volume
    port = re.search(r"control.metrics=0.0.0.0:(\d+)", str(more["services"]["epics2kafka"]))[1]
    scraped = yaml.safe_load((FOLDER / "monitoring/prometheus.yaml").read_text())
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == [f"epics2kafka:{port}"]


def test_the_validator_would_tell(text):
    with pytest.raises(ValueError):
        PyCompose.from_yaml(text.replace("read_only:", "readonly:"))


def test_its_services_are_the_documented_ones(text):
    services = set(PyCompose.from_yaml(text).service_names())
    assert services == {"kafka", "softioc", "epics2kafka", "commands"}
    page = (root_dir() / "packaging/docs/container.md").read_text()
    assert services == set(re.findall(r"^\| `(\w+)` \|", re.search(r"^## Composed\n(.*?)(?=^## |\Z)", page, re.S | re.M)[1], re.M))


def test_what_it_builds_from_is_there(text):
    files = re.findall(r"context: (\S+)\n\s+dockerfile: (\S+)", text)
    assert len(files) == 2
    for context, file in files:
        # By words: the folder of the packages need not be there.
        assert os.path.isfile(os.path.normpath(FOLDER / context / file)), file


def test_the_configuration_of_the_package_has_the_line_that_the_image_changes():
    found = re.search(r"sed -i 's\|(.*?)\|", (FOLDER / "Containerfile").read_text())
    assert re.search(found[1], (root_dir() / "packaging/epics2kafka.toml").read_text(), re.M)
