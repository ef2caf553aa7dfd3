"""A slot that fails for good: told with reason and remedy; all that it served or would have served is another's, if there is one."""
import itertools
import os
import signal

import pytest
from e2k_support import Broker, wait_for
from records import ao, counter
from test_handover import faults, goes_on

HALF = 10
BAD_SETTINGS = 78  # what is not started again by itself


def breakable(site, ioc, workers, once=False, **more):
    """A supervisor whose workers refuse to begin while a file is there, and that file. `once`: the first that finds it takes it away."""
    supervisor = site.supervisor([ioc], {"workers": {"count": workers}}, ready=False, start=False, **more)
    wrapper, broken = supervisor.folder / "worker", supervisor.folder / "broken"
    program, finds = supervisor.program("epics2kafka-worker"), "rm" if once else "test -e"
    wrapper.write_text(f'#!/bin/sh\n{finds} "{broken}" 2>/dev/null && exit {BAD_SETTINGS}\nexec "{program}" "$@"\n')
    wrapper.chmod(0o755)
    supervisor.settings["workers"]["program"] = str(wrapper)
    supervisor.write_config()
    supervisor.start()
    supervisor.ready()
    return supervisor, broken


def fails(supervisor, broken, slot):
    """Its worker is killed, and the next one refuses; returns the status and what is told of it."""
    broken.write_text("")
    os.kill(supervisor.workers()[slot]["pid"], signal.SIGKILL)
    status = supervisor.wait(lambda s: s["workers"][slot]["state"] == "FAILED", 20, "a FAILED slot")
    (told,) = [reason for reason in status["reasons"] if reason["code"] == "WORKER_FAILED"]
    assert all(word in told["message"] for word in (
        f"worker {slot} is not started again", f"exit {BAD_SETTINGS}", "refused its settings",
        f"epics2kafkactl restart {slot}.")), told
    assert told["command"] == "epics2kafkactl workers"
    return status


def test_its_channels_and_new_ones_go_to_the_other_whose_own_notice_nothing(site):
    names = [f"h{number}" for number in range(2 * HALF)]
    late = [f"late{number}" for number in range(4)]
    ioc = site.ioc("".join(counter(name) for name in names) + "".join(ao(name) for name in late))
    topic = site.topic(partitions=3)
    supervisor, broken = breakable(site, ioc, 2)
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in names])
    supervisor.connected(len(names))
    reader = site.reader(topic)
    reader.until(lambda _: all(len(reader.of(name)) >= 3 for name in names), 30, "first events of all")

    def served_by(slot):
        return {item["channel"] for item in supervisor.get(f"/channels?worker={slot}")["items"]}
    kept, moved = served_by(0), served_by(1)
    assert len(kept) == len(moved) == HALF
    pids = [worker["pid"] for worker in supervisor.workers()]
    status = fails(supervisor, broken, 1)
    assert status["workers"][0]["state"] == "RUNNING" and status["state"] == "DEGRADED"
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in late])

    def other_serves_all():
        """Whoever asks meanwhile is never told of a start that nobody waits for."""
        items = supervisor.get("/channels?limit=1000")["items"]
        entries = [supervisor.channel(item["channel"])[0] for item in items]
        waits_for_none = [entry for entry in entries if "being started" in (entry.get("reason") or "")]
        assert not waits_for_none, waits_for_none
        return len(items) == len(names) + len(late) and all(
            (entry["worker"], entry["state"], entry["move"]) == (0, "CONNECTED", None) for entry in entries)
    wait_for(other_serves_all, 30, "all channels with the other worker", child=supervisor.child)
    first, second = supervisor.workers()[:2]  # who drains the second may be there, too
    assert (first["channels"], second["channels"]) == (len(names) + len(late), 0)
    assert second["state"] == "FAILED" and first["pid"] == pids[0] and first["restarts"] == 0
    goes_on(reader, names)
    assert faults(reader, sorted(kept), 0) == (0, 0)
    assert not any(supervisor.channel(name)[0]["gaps"] for name in kept)
    # What came between the death and the new subscription was never received; what was in flight may come once more.
    for name in sorted(moved):
        numbers = [record.values[0] for record in reader.of(name) if record.error is None]
        assert numbers == sorted(numbers), f"{name} is out of order: {numbers}"
        holes = sum(b - a > 1 for a, b in itertools.pairwise(numbers))
        assert holes <= 1, f"{name}: {numbers}"
        (entry,) = supervisor.channel(name)
        assert entry["gaps"] == 1 and entry["last_gap"]["end"], entry
    assert all(reader.of(name) for name in late)
    assert supervisor.status()["events"]["lost"] == 0


def test_where_there_is_no_other_its_entries_say_so_and_wait(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor, broken = breakable(site, ioc, 1)
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    fails(supervisor, broken, 0)
    (entry,) = supervisor.channel("a")
    assert entry["reason"] == (f"worker 0 has failed (exit {BAD_SETTINGS}: refused its settings); epics2kafkactl restart 0 "
                               "tries it again"), entry
    assert supervisor.ctl("health").returncode != 0
    assert supervisor.workers()[0]["state"] == "FAILED"


@pytest.fixture
def own_broker():
    """One that a test may stop, and that keeps its session meanwhile."""
    with Broker({"broker.session.timeout.ms": "60000"}) as running:
        yield running
        running.resume()


class Numbers:
    """What a reader saw of one channel after the other, as numbers."""
    def __init__(self, reader, names):
        self.of = {name: [record.values[0] for record in reader.of(name) if record.error is None] for name in names}

    def assert_in_order(self, most_twice):
        for name, numbers in self.of.items():
            assert numbers == sorted(numbers), f"{name} is out of order: {numbers}"
            twice = sum(a == b for a, b in itertools.pairwise(numbers))
            assert twice <= most_twice, f"{name}: {numbers}"

    def holes(self):
        return {name: sum(b - a > 1 for a, b in itertools.pairwise(numbers)) for name, numbers in self.of.items()}


@pytest.mark.parametrize("wanted", ["after what it left was published", "before", "by the next supervisor"])
def test_what_it_left_comes_in_order_in_an_outage_too_and_so_does_what_comes_when_it_is_back(site, own_broker, wanted):
    names = [f"h{number}" for number in range(2 * HALF)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = own_broker.create_topic("failed", partitions=3)
    supervisor, broken = breakable(site, ioc, 2, once=True, broker=own_broker)
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in names])
    supervisor.connected(len(names))
    reader = site.reader(topic, broker=own_broker)
    reader.until(lambda _: all(len(reader.of(name)) >= 3 for name in names), 30, "first events of all")
    moved = {item["channel"] for item in supervisor.get("/channels?worker=1")["items"]}
    assert len(moved) == HALF
    supervisor.settled(20)

    own_broker.pause()
    supervisor.wait(lambda s: s["workers"][1]["events"]["waiting"] >= 5 * HALF, 20, "events that wait")
    fails(supervisor, broken, 1)
    supervisor.wait(lambda s: [w["state"] for w in s["workers"]] == ["RUNNING", "FAILED", "RETIRING"], 10, "one that drains")
    (told,) = [reason for reason in supervisor.status()["reasons"] if reason["code"] == "WORKER_FAILED"]
    assert "Worker 2 publishes the " in told["message"]
    if wanted == "before":
        assert supervisor.ctl("restart", "1", "--wait", "0").returncode == 0
        supervisor.wait(lambda s: [w["state"] for w in s["workers"]] == ["RUNNING", "RUNNING"], 40, "two that serve")
    else:
        supervisor.wait(lambda s: s["workers"][0]["channels"] == len(names), 20, "all with the other one")
    if wanted == "by the next supervisor":
        supervisor.kill()
        supervisor.start()
        supervisor.wait(lambda s: [w["state"] for w in s["workers"]] == ["RUNNING", "RUNNING"], 60, "two that serve")
    own_broker.resume()
    if wanted == "after what it left was published":
        supervisor.wait(lambda s: [w["state"] for w in s["workers"]] == ["RUNNING", "FAILED"], 120, "nothing left to drain")
        assert supervisor.status()["workers"][1]["events"]["waiting"] == 0
        goes_on(reader, names)
        assert supervisor.ctl("restart", "1").returncode == 0
    supervisor.wait(lambda s: [w["channels"] for w in s["workers"]] == [HALF, HALF] and not any(w["moving"] for w in s["workers"]),
                    90, "each with its half")
    goes_on(reader, names)
    seen = Numbers(reader, names)
    # What was on the wire when the broker stood still comes once more.
    seen.assert_in_order(10)
    holes = seen.holes()
    assert all(number <= (1 if name in moved else 0) for name, number in holes.items()), holes
    assert supervisor.status()["events"]["lost"] == 0
