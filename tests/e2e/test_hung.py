"""Workers that stand still are found and replaced; those that only wait are not mistaken for them."""
import os
import signal
import time

from e2k_support import wait_for
from records import ao, counter


def test_a_suspended_worker_is_replaced_within_five_seconds_and_others_notice_nothing(site):
    names = [f"c{number}" for number in range(8)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(len(names))
    pids = [worker["pid"] for worker in supervisor.workers()]
    begun = time.monotonic()
    os.kill(pids[0], signal.SIGSTOP)
    supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, pids[0]) and s["workers"][0]["state"] == "RUNNING", 20,
                    "another worker")
    assert time.monotonic() - begun < 5
    first, second = supervisor.workers()
    assert "killed by the supervisor: hung (nothing was heard of it for 4 s)" in first["last_exit"]
    assert second["pid"] == pids[1] and second["restarts"] == 0
    supervisor.connected(len(names))


def test_an_endless_loop_in_a_converter_is_ended_and_the_record_is_set_aside(site, crashing):
    ioc = site.ioc(ao("loop") + counter("c"))
    ioc.put("loop", 1)
    topic = site.topic()
    options = {"crash.on": "loop", "crash.how": "loop", "crash.value": "13"}
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": {"converter": crashing, "options": options}})
    supervisor.monitor("loop", topic)
    supervisor.monitor("c", topic)
    supervisor.connected(2)
    ioc.put("loop", 13)
    wait_for(lambda: supervisor.channel("loop")[0]["lost"] == 1, 30, "the loss", poll=0.1, child=supervisor.child)
    (worker,) = supervisor.workers()
    assert "hung (its publish thread stood still for 4 s)" in worker["last_exit"] and worker["restarts"] == 2
    assert supervisor.channel("loop")[0]["last_loss"]["reason"] == "killed_worker"
    ioc.put("loop", 14)
    reader = site.reader(topic)
    reader.until(lambda _: any(record.value == b"14" for record in reader.of("loop")), 20, "the next event")
    assert supervisor.status()["channels"]["quarantined"] == 0


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
