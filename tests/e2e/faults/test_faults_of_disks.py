"""File systems that are full or not to be written to, and what somebody removes from them."""
import os
import shutil
import signal

import pytest
from e2k_support import LoadIoc, immutable
from fault import ends, shown
from records import ao, counter

DOCTOR = "epics2kafkactl doctor"


@pytest.fixture(scope="module")
def load():
    """Events of 16 kB, as many a second as are asked for."""
    with LoadIoc(records=4, elements=2000) as running:
        yield running


def test_a_full_disk_under_the_spool_with_the_broker_away_and_after(site, broker, load):
    disk = site.disk(96)
    topic = site.topic()
    supervisor = site.supervisor([load], {"workers": {"count": 1}, "spool": {
        "directory": str(disk.folder / "spool"), "max_total_bytes": 64 << 20, "keep_free_bytes": 1 << 20,
        "max_event_bytes": 1 << 20}})
    for number in range(4):
        supervisor.monitor(f"load:{number}", topic)
    supervisor.connected(4)
    supervisor.settled()
    broker.halt()
    try:
        with shown(supervisor, "SPOOL_FULL", "the spool of worker 0", "its file system", "make room", "spool.max_total_bytes",
                   command="epics2kafkactl workers", beside=["BROKERS_DOWN", "EVENTS_LOST"], within_s=20):
            disk.fill()
            load.start(1500, 5, verb="go")
        with shown(supervisor, "EVENTS_LOST", "spool_full", "for example of load:", "The spool was full",
                   command="epics2kafkactl channel NAME", beside=["BROKERS_DOWN", "SPOOL_FULL"]):
            pass
        load.finish()
        disk.free()
    finally:
        broker.start()
    supervisor.settled(60)
    # It stands for half a minute after the last loss.
    with ends(supervisor, "SPOOL_FULL", within_s=40):
        pass
    # What comes now is lost no more.
    lost = supervisor.status()["events"]["lost"]
    load.start(100, 1, verb="go")
    load.finish()
    supervisor.settled()
    assert supervisor.status()["events"]["lost"] == lost


def frozen(folder, deep=True):
    """The folder can't be written to; skips the test where that can't be had."""
    done = immutable(folder, deep)
    if not done.__enter__():
        done.__exit__(None, None, None)
        pytest.skip("chattr +i is not for us")
    return done


DIRECTORIES = {
    "STATE_DIRECTORY": (lambda supervisor: supervisor.folder / "state" / "epics2kafka", "nothing is kept over a restart"),
    "SPOOL_DIRECTORY": (lambda supervisor: supervisor.folder / "state" / "epics2kafka" / "spool", "events are lost"),
    "RUNTIME_DIRECTORY": (lambda supervisor: supervisor.folder / "run" / "epics2kafka", "workers can't be started"),
}


@pytest.mark.parametrize("code", DIRECTORIES)
def test_a_directory_that_can_t_be_written_any_more(site, code):
    folder, consequence = DIRECTORIES[code]
    supervisor = site.supervisor([site.ioc(counter("a"))], {"workers": {"count": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    path = folder(supervisor)
    with shown(supervisor, code, str(path), consequence, "the right to write there", command=DOCTOR):
        held = frozen(path, deep=False)
    try:
        received = supervisor.status()["events"]["acknowledged"]
        supervisor.wait(lambda s: s["events"]["acknowledged"] > received + 5, 15, "events that go on")
        if code != "STATE_DIRECTORY":
            os.kill(supervisor.workers()[0]["pid"], signal.SIGKILL)
            supervisor.wait(lambda s: s["workers"][0]["state"] == "BACKOFF", 15, "a worker that can't be started")
            with shown(supervisor, code, str(path), command=DOCTOR):
                pass
    finally:
        with ends(supervisor, code):
            held.__exit__(None, None, None)
    supervisor.connected(1, 40)
    supervisor.wait(lambda s: s["state"] == "RUNNING", 20, "RUNNING")


@pytest.mark.parametrize("code", DIRECTORIES)
def test_a_start_with_a_directory_that_can_t_be_written(site, code):
    supervisor = site.supervisor([], ready=False, start=False)
    path = DIRECTORIES[code][0](supervisor)
    path.mkdir(parents=True)
    held = frozen(path)
    try:
        supervisor.start()
        assert supervisor.child.wait(20) == 75
        said = supervisor.child.text()
        supervisor.child = None
        assert str(path) in said and "must have room and be writable by the user" in said, said
        assert supervisor.ctl("status").returncode == 3
        doctor = supervisor.ctl("doctor", "--config", supervisor.config)
        assert doctor.returncode == 1 and f"directory {path}" in doctor.stdout, doctor.stdout
    finally:
        held.__exit__(None, None, None)
    supervisor.start()
    supervisor.ready()


def test_a_spool_that_is_deleted_while_the_service_is_stopped(site):
    ioc = site.ioc(ao("a"))
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.served(1)
    assert supervisor.ctl("pause").returncode == 0
    for number in range(1, 8):
        ioc.put("a", number)
    supervisor.wait(lambda s: s["events"]["waiting"] == 7, what="events that wait")
    assert supervisor.halt() == 0
    spool = supervisor.folder / "state" / "epics2kafka" / "spool"
    shutil.rmtree(spool)
    with shown(supervisor, "SPOOL_GONE", "7 events", "slot 0", "spool.directory", command="epics2kafkactl channels",
               beside=["EVENTS_LOST"]):
        supervisor.start()
    assert supervisor.status()["events"]["lost"] == 7
