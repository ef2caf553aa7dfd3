"""What the service manager is told, by a listener in its place: that it is ready, what it waits for, that it lives."""
import itertools
import signal
import statistics
import time

import pytest

from e2k_support import proc
from service_manager import Manager


@pytest.fixture
def manager():
    made = Manager()
    yield made
    made.close()


def test_it_is_ready_when_the_topic_is_read_and_says_how_it_ends(site, manager):
    supervisor = site.supervisor(environment={"NOTIFY_SOCKET": str(manager.path)})
    manager.heard("^READY=1$")
    assert manager.lines()[0].startswith("STATUS=reading the command topic ")
    assert supervisor.status()["state"] in ("RUNNING", "DEGRADED")
    manager.heard("^STATUS=RUNNING: 0 channels on 2 workers$")
    supervisor.stop()
    manager.heard("^STOPPING=1$")
    assert manager.lines()[-1] == "STOPPING=1"
    assert manager.lines().count("READY=1") == 1


def test_it_is_ready_once_what_is_commanded_is_assigned(site, manager):
    entries = 2000
    site.broker.create_topic(site.commands, compacted=True)
    site.broker.produce(site.commands, [(f'{{"topic":"t","channel":"c{number}"}}', '{"mask":"v"}') for number in range(entries)])
    supervisor = site.supervisor(ready=False, environment={"NOTIFY_SOCKET": str(manager.path)})
    manager.heard("^READY=1$")
    assert sum(worker["entries"] for worker in supervisor.workers()) == entries
    manager.heard(f"^STATUS=.*: {entries} channels on 2 workers$")


def test_it_is_not_ready_while_there_is_no_broker_and_says_what_it_waits_for(site, manager):
    supervisor = site.supervisor(broker=f"127.0.0.1:{proc.free_port()}", ready=False, environment={
        "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "400000"})
    supervisor.wait(lambda status: status["state"] == "STARTING" and status["reasons"])
    proc.wait_for(lambda: len(manager.times("WATCHDOG=1")) > 5, what="a watchdog that is fed")
    assert "READY=1" not in manager.lines()
    assert any(line.startswith("STATUS=reading the command topic ") for line in manager.lines())


def test_the_watchdog_is_fed_twice_in_its_time_by_the_loop_that_works(site, manager):
    limit_s = 0.6
    supervisor = site.supervisor(environment={
        "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(int(limit_s * 1e6))})
    manager.heard("^READY=1$")
    fed = proc.wait_for(lambda: (lambda t: t if len(t) > 10 else None)(manager.times("WATCHDOG=1")),
                        what="a watchdog that is fed")
    assert statistics.median(b - a for a, b in itertools.pairwise(fed[:11])) == pytest.approx(limit_s / 2, rel=0.5)
    # A loop that stands still feeds nothing.
    supervisor.child.signal(signal.SIGSTOP)
    before = len(manager.times("WATCHDOG=1"))
    silent_until = time.monotonic() + 3 * limit_s
    proc.wait_for(lambda: time.monotonic() > silent_until, what="the time of three limits")
    assert len(manager.times("WATCHDOG=1")) <= before + 1
    supervisor.child.signal(signal.SIGCONT)
    proc.wait_for(lambda: len(manager.times("WATCHDOG=1")) > before + 1, what="a watchdog that is fed again")


def test_no_watchdog_is_fed_where_none_is_asked_for(site, manager):
    site.supervisor(environment={"NOTIFY_SOCKET": str(manager.path)})
    manager.heard("^STATUS=RUNNING: ")
    assert "WATCHDOG=1" not in manager.lines()
