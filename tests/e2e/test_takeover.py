"""A supervisor that is gone, and the next one: workers go on, are found and taken over, and no event tells of it."""
import os
import re
import signal
import time

import pytest
from e2k_support import Broker, alive, assert_in_time, wait_for
from records import assert_counts_without_fault, counter

COUNT = 200
NAMES = [f"c{number}" for number in range(COUNT)]


@pytest.fixture
def lonely_broker():
    """One that a test may stop."""
    with Broker() as running:
        yield running


def under_load(site, settings=None, **more):
    """A supervisor that serves counters, and the reader of their topic."""
    ioc = site.ioc("".join(counter(name) for name in NAMES))
    broker = more.get("broker") or site.broker
    topic = broker.create_topic(f"takeover-{site.number}")
    supervisor = site.supervisor([ioc], settings, **more)
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"v"}') for name in NAMES])
    supervisor.connected(COUNT, 30)
    reader = site.reader(topic, broker=broker)
    more_of(reader, 5)
    return supervisor, reader, topic


def more_of(reader, number, timeout=30):
    """So many more events of every channel."""
    before = len(reader.to_end())
    reader.until(lambda records: len(records) >= before + number * COUNT, timeout, f"{number} events a channel")


def assert_no_event_tells(reader):
    """0 lost, 0 repeated, in order, and no word of an error."""
    by_name = {name: [] for name in NAMES}
    for record in reader.to_end():
        assert record.error is None, record
        by_name[record.name].append(record)
    for records in by_name.values():
        assert_counts_without_fault(records)


def pids(supervisor):
    return {worker["slot"]: worker["pid"] for worker in supervisor.workers()}


def seconds(line):
    """The time of day of a line of the log."""
    hour, minute, second = re.search(r"(\d\d):(\d\d):(\d\d\.\d+)", line).groups()
    return int(hour) * 3600 + int(minute) * 60 + float(second)


def adoption_s(supervisor, workers=2):
    """From a program's start to its last worker's takeover, by its own log since the last `begin`."""
    lines = supervisor.child.text().splitlines()
    found = [at for at, line in enumerate(lines) if "worker.found" in line]
    began = found[-workers]
    adopted = [line for line in lines[began:] if "worker.adopted" in line]
    assert len(adopted) == workers, lines[began:]
    return seconds(adopted[-1]) - seconds(lines[began])


def taken_over(supervisor, before):
    """Waits until the workers of before are this supervisor's; how long that took since the call."""
    began = time.monotonic()
    supervisor.wait(lambda s: all(w["state"] == "RUNNING" and w["pid"] == before[w["slot"]] for w in s["workers"]), 10,
                    "the workers of before")
    return time.monotonic() - began


def assert_taken_over_in_time(supervisor, before):
    """Within three seconds of the program's start, and within one of its first look at the workers."""
    def adoption():
        supervisor.kill()
        supervisor.start()
        took, since_look = taken_over(supervisor, before), adoption_s(supervisor)
        print(f"adoption: {took:.2f} s from exec, {since_look:.2f} s from the first look")
        return max(took - 2, since_look)
    assert_in_time(1, adoption)


def test_a_killed_supervisor_costs_no_event_and_its_workers_are_taken_over(site):
    supervisor, reader, topic = under_load(site)
    before = pids(supervisor)
    supervisor.kill()
    more_of(reader, 10)
    assert all(alive(pid) for pid in before.values())
    supervisor.start()
    taken_over(supervisor, before)
    assert_taken_over_in_time(supervisor, before)
    supervisor.ready()
    supervisor.connected(COUNT)
    more_of(reader, 10)
    assert_no_event_tells(reader)
    status = supervisor.settled()
    assert status["events"]["lost"] == status["events"]["gaps"] == 0
    assert all(worker["restarts"] == 0 for worker in status["workers"])
    # What is commanded from now on reaches them.
    gone = NAMES[0]
    supervisor.unset(gone, topic)
    supervisor.wait(lambda s: s["channels"]["total"] == COUNT - 1)
    supervisor.monitor(gone, topic)
    supervisor.connected(COUNT)
    assert pids(supervisor) == before


def test_what_changed_while_nobody_was_there_is_all_that_is_told(site):
    supervisor, reader, topic = under_load(site)
    before = pids(supervisor)
    supervisor.kill()
    supervisor.unset(NAMES[0], topic)
    supervisor.monitor(NAMES[1], topic, mask="va")
    supervisor.start()
    taken_over(supervisor, before)
    supervisor.connected(COUNT - 1)
    assert supervisor.channel(NAMES[0]) == []
    assert supervisor.channel(NAMES[1])[0]["mask"] == "va"

    def is_silent_for(number):
        last = len([r for r in reader.to_end() if r.name == NAMES[0]])
        more_of(reader, number)
        return len([r for r in reader.records if r.name == NAMES[0]]) == last
    wait_for(lambda: is_silent_for(1), 20, f"the end of {NAMES[0]}")
    assert is_silent_for(5)
    for name in NAMES[2:]:
        assert_counts_without_fault(reader.of(name))
    assert pids(supervisor) == before


def test_it_takes_over_while_no_broker_can_be_reached(site, lonely_broker):
    supervisor, reader, _ = under_load(site, broker=lonely_broker)
    before = pids(supervisor)
    supervisor.wait(lambda s: s["commands"]["offset"] >= COUNT)
    # One is written as soon as the topic was read: before the commands of this test.
    snapshot = supervisor.folder / "state" / "epics2kafka" / "commands.snapshot"
    wait_for(lambda: snapshot.exists() and all(f'"{name}"'.encode() in snapshot.read_bytes() for name in NAMES), 10,
             "a snapshot of all channels")
    lonely_broker.halt()
    assert_taken_over_in_time(supervisor, before)
    supervisor.connected(COUNT)
    supervisor.wait(lambda s: s["events"]["waiting"] > 5 * COUNT, 30, "events that wait")
    lonely_broker.start()
    supervisor.wait(lambda s: s["commands"]["caught_up"] and s["events"]["waiting"] < COUNT, 60, "an empty spool")
    more_of(reader, 5)
    assert_no_event_tells(reader)
    assert pids(supervisor) == before


def test_a_worker_that_hangs_meanwhile_is_killed_and_replaced(site):
    supervisor, reader, _ = under_load(site)
    before = pids(supervisor)
    os.kill(before[0], signal.SIGSTOP)
    supervisor.kill()
    supervisor.start()
    supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, before[0]) and s["workers"][0]["state"] == "RUNNING", 20,
                    "a worker in place of the one that hangs")
    assert not alive(before[0])
    assert pids(supervisor)[1] == before[1]
    supervisor.connected(COUNT)
    more_of(reader, 3)
    assert supervisor.status()["events"]["lost"] == 0


def test_workers_that_nobody_comes_for_drain_and_leave_and_the_next_start_publishes_the_rest(site, lonely_broker):
    supervisor, reader, _ = under_load(site, {"workers": {"lease_s": 2, "drain_timeout_ms": 500}}, broker=lonely_broker)
    before = pids(supervisor)
    lonely_broker.halt()
    supervisor.wait(lambda s: s["events"]["waiting"] > COUNT, 30, "events that wait")
    supervisor.kill()
    wait_for(lambda: not any(alive(pid) for pid in before.values()), 20, "workers that leave when the lease ends")
    assert "heard nothing of the supervisor for 2 s" in supervisor_log(supervisor)
    lonely_broker.start()
    supervisor.start()
    supervisor.connected(COUNT, 30)
    supervisor.wait(lambda s: s["events"]["waiting"] < COUNT, 60, "an empty spool")
    assert not set(pids(supervisor).values()) & set(before.values())
    more_of(reader, 3)
    # What came while nobody served the channels was never received; nothing else is missing. The broker was killed: what it
    # had stored and not yet acknowledged comes once more, by another producer.
    for name in NAMES:
        numbers = list(dict.fromkeys(record.values[0] for record in reader.of(name) if record.error is None))
        assert numbers == sorted(numbers), name
        assert sum(b - a != 1 for a, b in zip(numbers, numbers[1:])) <= 1, name
    assert supervisor.status()["events"]["lost"] == 0


def test_a_stop_ends_workers_that_are_nobodys_children_and_leaves_nothing_behind(site):
    supervisor, reader, _ = under_load(site)
    before = pids(supervisor)
    supervisor.kill()
    supervisor.start()
    taken_over(supervisor, before)
    supervisor.ready()
    assert supervisor.halt() == 0
    assert not any(alive(pid) for pid in before.values())
    left = {path.name for path in (supervisor.folder / "run").rglob("*") if not path.is_dir()}
    assert not {name for name in left if name.endswith((".sock", ".worker", ".new"))}, left
    assert_no_event_tells(reader)


def supervisor_log(supervisor):
    return (supervisor.folder / "part.log").read_text(errors="replace")


@pytest.mark.parametrize("shared", ["control.socket", "state.directory", "spool.directory"])
def test_a_second_supervisor_on_the_same_thing_says_who_has_it_and_touches_nothing(site, shared):
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    places = site.folder("places")
    table, _, key = shared.partition(".")
    settings = {"workers": {"count": 1}, table: {key: str(places / key)}}
    if table == "state":
        settings["spool"] = {"directory": str(places / "spool")}
    first = site.supervisor([ioc], settings, ready=False)
    first.socket = places / key if table == "control" else first.socket
    first.ready()
    first.monitor("c", topic)
    first.connected(1)
    first.settled()
    if table == "state":   # what the first one writes there itself
        wait_for((places / key / "commands.snapshot").exists, 20, "a snapshot", child=first.child)

    def what_is_there():
        return sorted(path for path in places.rglob("*") if path.suffix != ".new")  # a file that is being written

    def has_settled():
        before = what_is_there()
        time.sleep(0.5)
        return before == what_is_there()
    wait_for(has_settled, 20, "files that stay as they are", child=first.child)
    before, left = pids(first), what_is_there()
    second = site.supervisor([ioc], settings, ready=False)
    assert second.child.wait(20) == 75
    assert f"pid {first.child.pid}" in second.child.text()
    assert str(places / key) in second.child.text()
    assert pids(first) == before and first.status()["state"] == "RUNNING"
    assert what_is_there() == left
    assert not any(line for line in second.child.text().splitlines() if " worker." in line), "no worker was started"
    reader = site.reader(topic)
    last = len(reader.to_end())
    reader.until(lambda records: len(records) > last + 5)
    assert_counts_without_fault(reader.records)
