"""The example that makes a topic of active alarms out of channel records, on a real IOC and a real broker."""
import json
import re
import subprocess
import sys
import uuid

import pytest

from e2k_support import Supervisor, root_dir, wait_for
from e2k_support.proc import Child

FOLDER = root_dir() / "packaging" / "examples" / "alarms"
CHANNELS = ("channel1", "channel2", "channel3")


@pytest.fixture
def topics(broker):
    """(topic of the active alarms, topics of the channels): no other test, and no earlier run of this one, has filled them."""
    run = uuid.uuid4().hex[:8]
    return f"active-alarms-{run}", [broker.create_topic(f"{name}-{run}") for name in CHANNELS]


@pytest.fixture
def alarms(site, topics, tmp_path):
    """(IOC, start): start() runs a verb of the example."""
    ioc = site.ioc((FOLDER / "alarms.db").read_text())
    supervisor = site.supervisor([ioc])
    of_alarms, of_channels = topics
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for topic, name in zip(of_channels, CHANNELS)])
    supervisor.connected(len(CHANNELS))
    programs = []

    def start(verb, *more):
        words = [sys.executable, FOLDER / "active_alarms.py", verb, "--bootstrap-server", site.broker.bootstrap, "--alarms", of_alarms, *more]
        programs.append(Child(verb, words, tmp_path, log=f"{verb}-{len(programs)}.log"))
        return programs[-1]
    try:
        yield ioc, start
    finally:
        for program in programs:
            program.stop()
        assert all("Traceback" not in program.text() for program in programs)


def follow(start, topics):
    of_alarms, of_channels = topics
    program = start("follow", "--group", of_alarms, *of_channels)
    wait_for(lambda: "following" in program.text(), 30, "the alarms to be followed")
    return program


def listed(start):
    program = start("list-active")
    assert program.wait(30) == 0
    return {line.split()[1]: line.split()[2:4] for line in program.text().splitlines() if line.startswith("+")}


def test_alarms_come_and_go_and_a_restart_says_nothing_twice(site, topics, alarms):
    ioc, start = alarms
    follower = follow(start, topics)
    monitor = start("list-active", "--monitor")
    wait_for(lambda: "+ channel2" in monitor.text(), 30, "the alarm that was there first")
    ioc.put("channel1", 1)
    wait_for(lambda: "+ channel1" in monitor.text(), 30, "the alarm that was tripped")
    assert listed(start) == {"channel1": ["MAJOR", "HIHI"], "channel2": ["MINOR", "HIGH"]}
    assert follower.stop() == 0

    ioc.put("channel2", 9)  # while nobody follows
    follower = follow(start, topics)
    wait_for(lambda: listed(start).get("channel2") == ["MAJOR", "HIHI"], 30, "what happened meanwhile")
    ioc.put("channel1", 0)
    wait_for(lambda: "- channel1" in monitor.text(), 30, "the alarm that was cleared")
    ioc.stop()
    wait_for(lambda: listed(start) == {name: ["INVALID", "Disconnected"] for name in CHANNELS}, 30, "a lost IOC")
    assert follower.stop() == 0

    records = site.reader(topics[0]).count(7, 30)
    said = [(record.key.decode(), json.loads(record.value)["alarm"] if record.value else None) for record in records]
    assert said[:4] == [("channel2", "HIGH"), ("channel1", "HIHI"), ("channel2", "HIHI"), ("channel1", None)]
    assert sorted(said[4:]) == [(name, "Disconnected") for name in CHANNELS]
    since = [json.loads(record.value)["since"] for record in records if record.key == b"channel2"]
    assert len(set(since)) == 1, "an alarm that grows worse is since when it was"


def test_the_client_shows_them_too(broker, topics, alarms, tmp_path):
    ioc, start = alarms
    follow(start, topics)
    program = [Supervisor.program("epics2kafkactl"), "alarms", "--bootstrap-server", broker.bootstrap]
    client = [*program, "-t", topics[0]]
    wait_for(lambda: listed(start) == {"channel2": ["MINOR", "HIGH"]}, 30, "the alarm that was there first")
    monitor = Child("alarms", [*client, "--monitor"], tmp_path, log="alarms.log")
    try:
        wait_for(lambda: monitor.text().startswith("+ channel2 "), 30, "the alarm that was there first")
        ioc.put("channel1", 1)
        wait_for(lambda: "+ channel1" in monitor.text(), 30, "the alarm that was tripped")
        ioc.put("channel1", 0)
        wait_for(lambda: "- channel1" in monitor.text(), 30, "the alarm that was cleared")
    finally:
        assert monitor.stop() == 0
    assert "MINOR" in monitor.text() and "since 20" in monitor.text()
    done = subprocess.run([*client, "--json"], capture_output=True, text=True, timeout=30, check=False)
    (item,) = json.loads(done.stdout)["items"]
    assert (item["key"], item["severity"], item["alarm"]) == ("channel2", "MINOR", "HIGH")
    done = subprocess.run([*program, "-t", "no-such-topic"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4 and "no-such-topic" in done.stderr, done.stderr


def test_client_and_example_mean_the_same_topic_by_default(broker):
    """No test makes it, and whoever misses it says its name."""
    for program in ([Supervisor.program("epics2kafkactl"), "alarms"], [sys.executable, FOLDER / "active_alarms.py", "list-active"]):
        done = subprocess.run([*program, "--bootstrap-server", broker.bootstrap], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode != 0 and re.search(r"\bactive-alarms(?![-\w])", done.stderr), done.stderr
