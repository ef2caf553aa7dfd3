"""Workers that stand still are found and replaced; those that only wait are not mistaken for them."""
import datetime
import itertools
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from e2k_support import assert_in_time, wait_for
from records import ao, counter, waveform

ELEMENTS = 64


def start_took_s(supervisor, slot):
    """Of the slot's last worker that was lost to its successor that runs, by the supervisor's log."""
    def logged_at(event):
        stamps = re.findall(rf"^(\S+)Z .*{event} worker={slot}\b", supervisor.child.text(), re.MULTILINE)
        return datetime.datetime.fromisoformat(stamps[-1]) if stamps else datetime.datetime.min
    wait_for(lambda: logged_at("slot.running") > logged_at("worker.lost"), 20, "the successor in the log")
    return (logged_at("slot.running") - logged_at("worker.lost")).total_seconds()


def replaced_after_s(supervisor, hung, begun):
    """Another worker runs in its slot; how long that took without the successor's start, which takes its time on a machine that
    others use. `begun`: it hangs since then, or a moment later."""
    slot = hung["slot"]
    supervisor.wait(lambda s: s["workers"][slot]["pid"] not in (0, hung["pid"]) and s["workers"][slot]["state"] == "RUNNING",
                    20, "another worker")
    took_s = time.monotonic() - begun
    start_s = start_took_s(supervisor, slot)
    print(f"another worker after {took_s:.2f} s, of which its start took {start_s:.2f} s")
    return took_s - start_s


def within_five_seconds(takes):
    """A quarter of a second of them is the successor's start."""
    assert_in_time(4.75, takes)


def test_a_suspended_worker_is_replaced_within_five_seconds_and_others_notice_nothing(site):
    names = [f"c{number}" for number in range(8)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(len(names))

    def takes():
        hung, other = supervisor.workers()
        begun = time.monotonic()
        os.kill(hung["pid"], signal.SIGSTOP)
        took_s = replaced_after_s(supervisor, hung, begun)
        first, second = supervisor.workers()
        assert re.search(r"killed by the supervisor: hung \(nothing was heard of it for \d+ s\)", first["last_exit"])
        assert second["pid"] == other["pid"] and second["restarts"] == 0
        supervisor.connected(len(names))
        return took_s
    within_five_seconds(takes)


@pytest.fixture
def another(site):
    """another(database, settings, names, **more): an IOC, a topic and a supervisor with one worker, which monitors these; nothing of
    one before it is in the way."""
    numbers = itertools.count(1)

    def begin(database, settings, names, **more):
        number = next(numbers)
        ioc, topic = site.ioc(database), site.topic(f"out{number}")
        supervisor = site.supervisor([ioc], {"commands": {"topic": f"{site.commands}-{number}"}, "workers": {"count": 1}, **settings},
                                     **more)
        for name in names:
            supervisor.monitor(name, topic)
        supervisor.connected(len(names))
        return ioc, supervisor, site.reader(topic)
    return begin


@pytest.mark.parametrize("how", ["loop", "deadlock"])
def test_a_converter_that_never_returns_is_ended_and_the_record_is_set_aside(another, crashing, how):
    options = {"crash.on": "stuck", "crash.how": how, "crash.value": "13"}

    def takes():
        ioc, supervisor, reader = another(ao("stuck") + counter("c"), {"value": {"converter": crashing, "options": options}},
                                          ["stuck", "c"])
        (before,) = supervisor.workers()
        begun = time.monotonic()
        ioc.put("stuck", 13)
        took_s = replaced_after_s(supervisor, before, begun)
        wait_for(lambda: supervisor.channel("stuck")[0]["lost"] == 1, 30, "the loss", poll=0.1, child=supervisor.child)
        (worker,) = supervisor.workers()
        assert re.search(r"hung \(its publish thread stood still for \d+ s\)", worker["last_exit"]) and worker["restarts"] == 2
        assert supervisor.channel("stuck")[0]["last_loss"]["reason"] == "killed_worker"
        ioc.put("stuck", 14)
        reader.until(lambda _: any(record.value == b"14" for record in reader.of("stuck")), 20, "the next event")
        assert supervisor.status()["channels"]["quarantined"] == 0
        return took_s
    within_five_seconds(takes)


@pytest.fixture
def deadlock(site):
    """A file, and the environment in which the callback that brings ELEMENTS times 13 while it is there never returns."""
    folder = site.folder("deadlock")
    library, file = folder / "deadlock.so", folder / "once"
    done = subprocess.run(["cc", "-std=gnu99", "-Wall", "-O1", "-fno-builtin", "-shared", "-fPIC",
                           pathlib.Path(__file__).with_name("deadlocked_callback.c"), "-o", library, "-lpthread"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return file, {"LD_PRELOAD": str(library), "DEADLOCK_ONCE": str(file)}


def test_a_deadlock_in_a_callback_of_libca_costs_the_time_until_the_next_worker(another, deadlock):
    file, environment = deadlock

    def takes():
        ioc, supervisor, reader = another(waveform("stuck", "DOUBLE", ELEMENTS) + ao("other"), {}, ["stuck", "other"],
                                          environment=environment)

        def numbers():
            return [record.values[0] for record in reader.of("stuck") if record.values]

        def brought(number):
            reader.until(lambda _: numbers()[-1:] == [number], 20, f"{number}")
        ioc.put("stuck", [12] * ELEMENTS)
        brought(12)
        (before,) = supervisor.workers()
        file.write_text("")
        begun = time.monotonic()
        ioc.put("stuck", [13] * ELEMENTS)
        ioc.put("other", 1)
        took_s = replaced_after_s(supervisor, before, begun)
        assert not file.exists()
        (worker,) = supervisor.workers()
        assert re.search(r"hung \(a callback of libca stood still for \d+ s\)", worker["last_exit"]) and worker["restarts"] == 1
        brought(13)
        ioc.put("stuck", [14] * ELEMENTS)
        brought(14)
        assert numbers() == [12, 13, 14]
        assert [record.values for record in reader.of("other")] == [[0], [1]]
        return took_s
    within_five_seconds(takes)


def test_a_supervisor_that_was_itself_suspended_takes_no_worker_for_a_hung_one(site):
    ioc = site.ioc(counter("a") + counter("b"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.monitor("b", topic)
    supervisor.connected(2)
    pids = [worker["pid"] for worker in supervisor.workers()]
    os.kill(supervisor.child.pid, signal.SIGSTOP)
    try:
        reader = site.reader(topic)
        reader.until(lambda records: len(records) > 200, 30, "ten seconds' events")
    finally:
        os.kill(supervisor.child.pid, signal.SIGCONT)
    heard = time.monotonic()
    supervisor.wait(lambda s: time.monotonic() - heard > 5, 20, "the time in which it would kill")
    assert [worker["pid"] for worker in supervisor.workers()] == pids
    assert all(worker["restarts"] == 0 for worker in supervisor.workers())
