"""The supervisor as the first process of a container: it reaps what others left behind, and gets its signals."""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from e2k_support import proc

COUNTER = 'record(calc,"counter"){field(SCAN,".1 second")field(CALC,"A+1")field(INPA,"counter NPP")}\n'
ALONE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


def why_not():
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return "no program unshare or nsenter"
    tried = subprocess.run([*ALONE, "true"], capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False)
    return "" if tried.returncode == 0 else f"process namespaces are not permitted here: {tried.stderr.strip()}"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def said(pid, file):
    """What /proc says of it; nothing of one that has just ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def name(pid):
    return said(pid, "comm").strip()


def is_zombie(pid):
    return said(pid, "stat").rpartition(")")[2].split()[:1] == ["Z"]


def number_inside(pid):
    """The process's number in its own namespace."""
    return next((int(line.split()[-1]) for line in said(pid, "status").splitlines() if line.startswith("NSpid:")), None)


@pytest.fixture
def first(site):
    """(the supervisor, the pid of process 1 as it is seen from here)"""
    ioc = site.ioc(COUNTER)
    supervisor = site.supervisor([ioc], within=ALONE)
    (one,) = children(supervisor.child.pid)
    supervisor.monitor("counter", site.topic("counters"))
    supervisor.connected(1)
    yield supervisor, one
    # Its processes' numbers mean others out here: nothing but the end of process 1 ends them.
    try:
        os.kill(one, signal.SIGKILL)
    except ProcessLookupError:
        pass
    supervisor.child.wait(30)


def leave_behind(one, command):
    """A process of that namespace whose parent ends at once."""
    subprocess.run(["nsenter", f"--target={one}", "--pid", "--", "sh", "-c", f"{command} &"], check=True, timeout=20,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_it_reaps_processes_whose_parents_have_gone(first):
    _, one = first
    leave_behind(one, "sleep 600")
    (orphan,) = proc.wait_for(lambda: [pid for pid in children(one) if name(pid) == "sleep"], what="an orphan that process 1 inherits")
    os.kill(orphan, signal.SIGKILL)
    proc.wait_for(lambda: orphan not in children(one), what="an orphan that is reaped")
    assert not [pid for pid in children(one) if is_zombie(pid)]


def test_it_drains_on_sigterm_and_ends_with_zero(first):
    supervisor, one = first
    os.kill(one, signal.SIGTERM)
    assert supervisor.child.wait(30) == 0
    assert "signal.received signal=15" in supervisor.child.text()


def test_a_worker_that_dies_is_still_the_supervisors(first):
    supervisor, one = first
    worker = next(worker for worker in supervisor.workers() if worker["channels"] == 1)
    (real,) = [pid for pid in children(one)]
    (killed,) = [pid for pid in children(real) if name(pid).startswith("e2k-") and number_inside(pid) == worker["pid"]]
    os.kill(killed, signal.SIGKILL)
    after = supervisor.wait(lambda status: any(w["slot"] == worker["slot"] and w["restarts"] == 1 for w in status["workers"]))
    assert "SIGKILL" in next(w["last_exit"] for w in after["workers"] if w["slot"] == worker["slot"])
    supervisor.connected(1)


def test_it_ends_when_the_supervisor_was_killed_and_says_how(first):
    supervisor, one = first
    (real,) = children(one)
    os.kill(real, signal.SIGKILL)
    # unshare ends as its child did.
    assert supervisor.child.wait(30) == 128 + signal.SIGKILL
