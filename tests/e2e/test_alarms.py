"""The example that makes a topic of active alarms out of channel records, on a real IOC and a real broker."""
import json
import sys

import pytest

from e2k_support import Reader, SoftIoc, Supervisor, root_dir, wait_for
from e2k_support.proc import Child

FOLDER = root_dir() / "packaging" / "examples" / "alarms"
CHANNELS = ("channel1", "channel2", "channel3")


@pytest.fixture
def alarms(broker, tmp_path):
    """(IOC, start): start() begins to follow, and returns when it does."""
    with SoftIoc((FOLDER / "alarms.db").read_text()) as ioc:
        with Supervisor(broker, [ioc], {"commands": {"topic": "alarm-commands"}}) as supervisor:
            supervisor.ready()
            supervisor.command(*[(f'{{"topic":"{name}","channel":"{name}"}}', '{"mask":"va"}') for name in CHANNELS],
                               topic="alarm-commands")
            supervisor.connected(len(CHANNELS))
            programs = []

            def start(verb, *more):
                words = [sys.executable, FOLDER / "active_alarms.py", verb, "--bootstrap-server", broker.bootstrap, *more]
                programs.append(Child(verb, words, tmp_path, log=f"{verb}-{len(programs)}.log"))
                return programs[-1]
            try:
                yield ioc, start
            finally:
                for program in programs:
                    program.stop()
                assert all("Traceback" not in program.text() for program in programs)


def follow(start):
    program = start("follow", *CHANNELS)
    wait_for(lambda: "following" in program.text(), 30, "the alarms to be followed")
    return program


def listed(start):
    program = start("list-active")
    assert program.wait(30) == 0
    return {line.split()[1]: line.split()[2:4] for line in program.text().splitlines() if line.startswith("+")}


def test_alarms_come_and_go_and_a_restart_says_nothing_twice(broker, alarms):
    ioc, start = alarms
    follower = follow(start)
    monitor = start("list-active", "--monitor")
    wait_for(lambda: "+ channel2" in monitor.text(), 30, "the alarm that was there first")
    ioc.put("channel1", 1)
    wait_for(lambda: "+ channel1" in monitor.text(), 30, "the alarm that was tripped")
    assert listed(start) == {"channel1": ["MAJOR", "HIHI"], "channel2": ["MINOR", "HIGH"]}
    assert follower.stop() == 0

    ioc.put("channel2", 9)  # while nobody follows
    follower = follow(start)
    wait_for(lambda: listed(start).get("channel2") == ["MAJOR", "HIHI"], 30, "what happened meanwhile")
    ioc.put("channel1", 0)
    wait_for(lambda: "- channel1" in monitor.text(), 30, "the alarm that was cleared")
    ioc.stop()
    wait_for(lambda: listed(start) == {name: ["INVALID", "Disconnected"] for name in CHANNELS}, 30, "a lost IOC")
    assert follower.stop() == 0

    with Reader(broker.bootstrap, "active-alarms") as reader:
        records = reader.count(7, 30)
    said = [(record.key.decode(), json.loads(record.value)["alarm"] if record.value else None) for record in records]
    assert said[:4] == [("channel2", "HIGH"), ("channel1", "HIHI"), ("channel2", "HIHI"), ("channel1", None)]
    assert sorted(said[4:]) == [(name, "Disconnected") for name in CHANNELS]
    since = [json.loads(record.value)["since"] for record in records if record.key == b"channel2"]
    assert len(set(since)) == 1, "an alarm that grows worse is since when it was"
