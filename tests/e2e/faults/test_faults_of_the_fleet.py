"""Workers and the supervisor itself."""
import os
import resource
import shutil
import signal

from e2k_support import proc
from fault import ends, shown
from records import ao, counter


def test_a_worker_in_a_crash_loop(crash_loop):
    with shown(crash_loop, "CHANNEL_QUARANTINED", "bomb", "SIGABRT", "epics2kafkactl retry NAME",
               command="epics2kafkactl channels --state QUARANTINED", beside=["WORKER_CRASHING", "WORKER_FAILING", "EVENTS_LOST"]):
        pass


def test_a_worker_that_is_stopped(site):
    supervisor = site.supervisor([site.ioc(counter("a"))], {"workers": {"count": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)

    def is_told():
        (worker,) = supervisor.workers()
        try:
            with shown(supervisor, "WORKER_FAILING", "worker 0 does not answer", "killed and started again",
                       command="epics2kafkactl workers"):
                os.kill(worker["pid"], signal.SIGSTOP)
        except proc.PartFailed:
            return False
        return True
    # Those words stand for a second, then it is killed: who is kept from asking as long misses them.
    assert any(is_told() for _ in range(3))
    with ends(supervisor, "WORKER_FAILING"):
        pass
    (worker,) = supervisor.workers()
    assert "killed by the supervisor: hung" in worker["last_exit"]


def starts_not(supervisor, status, *words):
    supervisor.start()
    assert supervisor.child.wait(20) == status
    said = supervisor.child.text()
    supervisor.child = None
    assert all(word in said for word in words), said


def test_a_second_supervisor(site):
    first = site.supervisor([])
    second = site.supervisor([], {"state": {"directory": str(first.folder / "state" / "epics2kafka")}}, ready=False, start=False)
    starts_not(second, 75, str(first.folder / "state"), f"in use by another supervisor (pid {first.child.pid})", "--instance")
    assert first.status()["state"] == "RUNNING"


def test_a_control_socket_that_is_removed(site):
    supervisor = site.supervisor([])
    supervisor.child.signal(signal.SIGSTOP)  # it looks every two seconds, and may be there before the client
    try:
        for name in ("control.sock", "status.sock"):
            supervisor.socket.with_name(name).unlink()
        assert supervisor.ctl("status").returncode == 3
    finally:
        supervisor.child.signal(signal.SIGCONT)
    proc.wait_for(lambda: supervisor.ctl("status").returncode == 0, 15, "an answer", poll=0.2, child=supervisor.child)
    assert str(supervisor.socket) in supervisor.child.text() and "somebody had removed it" in supervisor.child.text()


def test_a_runtime_directory_that_is_removed(site):
    """Workers that are connected stay so; all sockets are made again, and a worker that is started then finds the service."""
    supervisor = site.supervisor([site.ioc(ao("a"))], {"workers": {"count": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    runtime = supervisor.socket.parent
    before = supervisor.workers()[0]
    shutil.rmtree(runtime)
    proc.wait_for(lambda: (runtime / "link.sock").is_socket() and supervisor.socket.is_socket(), 15, "the sockets", poll=0.2,
                  child=supervisor.child)
    proc.wait_for(lambda: supervisor.ctl("status").returncode == 0, 15, "an answer", poll=0.2, child=supervisor.child)
    assert "link.socket_made_again" in supervisor.child.text()
    assert supervisor.workers()[0]["pid"] == before["pid"]
    assert (runtime / "link.sock").stat().st_mode & 0o777 == 0o600
    assert supervisor.ctl("restart", "0").returncode == 0
    supervisor.connected(1)
    assert supervisor.workers()[0]["pid"] != before["pid"]


def with_descriptors(site, number):
    return site.supervisor([site.ioc(ao("a"))], {"workers": {"count": 1}}, ready=False, start=False,
                           within=("prlimit", f"--nofile={number}", "--"))


def test_too_few_descriptors_for_workers(site):
    supervisor = with_descriptors(site, 64)
    with shown(supervisor, "LIMITS", "worker 0", "64 descriptors, of which it needs 128", "LimitNOFILE=",
               command="epics2kafkactl workers"):
        supervisor.start()
    # Only a restart gives it another limit.
    assert supervisor.halt() == 0
    supervisor.within = ()
    with ends(supervisor, "LIMITS"):
        supervisor.start()
    supervisor.wait(lambda s: s["state"] == "RUNNING", what="RUNNING")


def test_too_few_descriptors_for_a_worker_that_runs(site):
    supervisor = site.supervisor([site.ioc(ao("a"))], {"workers": {"count": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    supervisor.settled()
    pid = supervisor.workers()[0]["pid"]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    held = len(os.listdir(f"/proc/{pid}/fd"))
    with shown(supervisor, "LIMITS", "worker 0 has", f"of the {held + 2} descriptors", "raise LimitNOFILE=",
               command="epics2kafkactl workers"):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (held + 2, before[1]))
    with ends(supervisor, "LIMITS"):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_too_few_descriptors_for_the_supervisor(site):
    starts_not(with_descriptors(site, 16), 75, "Too many open files", "raise LimitNOFILE=")


def test_a_crash_loop_is_over_a_minute_after_the_last_crash(crash_loop):
    with ends(crash_loop, "WORKER_CRASHING", within_s=62):
        pass
