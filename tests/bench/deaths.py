"""What the death of a worker costs: how soon it is seen and mended, what the others notice, how many crashes one channel
has before it is set aside."""
import contextlib
import datetime
import os
import pathlib
import re
import select
import signal
import subprocess
import threading
import time

from e2k_support import Supervisor, root_dir, wait_for
from e2k_support.proc import make_folder
from latency import LatencyReader
from parts import LoadIoc
from service import command
from table import Row

CHANNELS = 10_000  # a worker
DEATHS = 5         # of one worker, after each other
LATE_MS = 20.5     # the stamps in Kafka are whole milliseconds
LOG_STAMP = re.compile(r"(\S+)Z ")


def stamp_of(line):
    """Unix seconds of a line of the log."""
    text = LOG_STAMP.match(line)[1]
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


def line_of(service, words, since):
    for line in service.child.log.read_text(errors="replace").splitlines():
        if all(word in line for word in words) and LOG_STAMP.match(line) and stamp_of(line) >= since:
            return line
    return None


@contextlib.contextmanager
def two_workers(build, broker, name):
    with LoadIoc(build, 2 * CHANNELS, f"{name}:") as ioc:
        broker.create_topic(f"bench-{name}")
        settings = {"workers": {"count": 2}, "commands": {"topic": f"{name}-commands"}}
        with Supervisor(broker, [ioc], settings) as service:
            service.ready()
            service.command(*[command(f"bench-{name}", f"{name}:{i}") for i in range(2 * CHANNELS)],
                            topic=f"{name}-commands")
            service.connected(2 * CHANNELS, 120)
            service.settled(60)
            yield ioc, service


class Killed:
    """kill -9 of a process, and when the kernel says that it is no more: nobody can see it sooner. Threads and memory go first."""
    def __init__(self, pid):
        self._pidfd = os.pidfd_open(pid)
        self._waiter = threading.Thread(target=self._wait)
        self._waiter.start()
        self.at = time.time()
        os.kill(pid, signal.SIGKILL)

    def _wait(self):
        select.select([self._pidfd], [], [], 30)
        self._gone = time.time()

    def gone(self):
        self._waiter.join()
        os.close(self._pidfd)
        return self._gone


def seen_dying(service):
    """Kills worker 0 once more; seconds until the kernel said so, and until the supervisor's log did."""
    wait_for(lambda: service.workers()[0]["state"] == "RUNNING", 30, "worker 0")
    killed = Killed(service.workers()[0]["pid"])
    gone = killed.gone()
    line = wait_for(lambda: line_of(service, ["worker.lost", "worker=0"], killed.at), 5, "the loss", poll=0.1)
    return gone - killed.at, stamp_of(line) - killed.at


def kill(build, broker, say):
    """kill -9 of a worker with 10,000 channels, while events come for all."""
    with two_workers(build, broker, "kill") as (ioc, service):
        neighbour = service.workers()[1]
        before = neighbour["events"]
        ioc.start(2000, 20)
        victim = service.workers()[0]["pid"]
        killed = Killed(victim)
        at = killed.at
        back = wait_for(lambda: monitored(service, victim), 30, "all channels", poll=0.02) - at
        line = wait_for(lambda: line_of(service, ["worker.lost", "worker=0"], at), 5, "the loss")
        deaths = [(killed.gone() - at, stamp_of(line) - at)]
        ioc.finish()
        service.settled(60)
        after = service.workers()[1]
        lost = after["events"]["lost"] - before["lost"] + after["events"]["gaps"] - before["gaps"]
        deaths += [seen_dying(service) for _ in range(DEATHS - 1)]
    say(f"kill -9: (gone, seen) after {[(round(1000 * a, 1), round(1000 * b, 1)) for a, b in deaths]} ms, "
        f"all monitored after {back:.2f} s, the neighbour lost {lost}")
    return [Row("kill -9 of a worker: the kernel has ended it", [1000 * gone for gone, _ in deaths], "ms"),
            Row("kill -9 of a worker: seen", [1000 * seen for _, seen in deaths], "ms", 5),
            Row("kill -9 of a worker: seen once it has ended", [1000 * max(0, seen - gone) for gone, seen in deaths], "ms", 1),
            Row("kill -9 of a worker: its channels monitored", [back], "s", 1, note=f"{CHANNELS:,} channels"),
            Row("events that the other worker lost meanwhile", [lost], "events", 0)]


def monitored(service, victim):
    worker = service.workers()[0]
    return time.time() if worker["pid"] not in (0, victim) and worker["connected"] == worker["channels"] else None


def neighbours(build, broker, say):
    """Events of one worker while the other one dies and comes back: how late they are in Kafka."""
    with LoadIoc(build, 100, "calm:") as calm, LoadIoc(build, CHANNELS, "dying:") as dying:
        for topic in ("bench-calm", "bench-dying"):
            broker.create_topic(topic)
        settings = {"workers": {"count": 2, "affinity": "ioc"}, "commands": {"topic": "calm-commands"}}
        with Supervisor(broker, [calm, dying], settings) as service:
            service.ready()
            names = [("bench-calm", f"calm:{i}") for i in range(100)]
            names += [("bench-dying", f"dying:{i}") for i in range(CHANNELS)]
            service.command(*[command(*name) for name in names], topic="calm-commands")
            service.connected(len(names), 120)
            service.settled(60)
            owners = [item["worker"] for item in service.get("/channels?prefix=calm:")["items"]]
            victim = service.workers()[1 - max(set(owners), key=owners.count)]
            reader = LatencyReader(broker, "bench-calm")
            try:
                calm.start(500, 12)
                time.sleep(3)
                quiet = reader.take()
                os.kill(victim["pid"], signal.SIGKILL)
                time.sleep(3)
                meanwhile = reader.take()
                calm.finish()
            finally:
                reader.stop()
    late = [sum(1 for one in taken if one > LATE_MS) for taken in (quiet, meanwhile)]
    say(f"neighbours: of {len(quiet)} before {late[0]} late, of {len(meanwhile)} meanwhile {late[1]} late, "
        f"the latest {max(meanwhile):.1f} ms")
    return [Row("events of others more than 20 ms late meanwhile", [late[1]], "events", 0,
                note=f"of {len(meanwhile):,}; {late[0]} of {len(quiet):,} just before")]


def hung(build, broker, say):
    with two_workers(build, broker, "hung") as (_, service):
        victim = service.workers()[0]["pid"]
        at = time.time()
        os.kill(victim, signal.SIGSTOP)
        back = wait_for(lambda: monitored(service, victim), 30, "another worker", poll=0.02) - at
        greeted = stamp_of(wait_for(lambda: line_of(service, ["slot.running", "worker=0"], at), 5, "a greeting")) - at
    say(f"hung: replaced after {greeted:.2f} s, all monitored after {back:.2f} s")
    return [Row("hung worker: replaced", [greeted], "s", 5, note=f"all its channels monitored after {back:.2f} s")]


def poison(build, broker, how, crashes, seconds, say):
    """One of 10,000 channels ends its worker whenever an event of it is converted."""
    folder = make_folder("poison")
    library = folder / "crashing.so"
    subprocess.run(["cc", "-std=gnu99", "-shared", "-fPIC", f"-I{root_dir() / 'worker' / 'plugin'}",
                    pathlib.Path(__file__).parents[1] / "e2e" / "crashing_plugin.c", "-o", library, "-lpthread"],
                   check=True, timeout=60)
    name = f"poison-{how}"
    with LoadIoc(build, CHANNELS, f"{name}:") as ioc:
        broker.create_topic(f"bench-{name}")
        switch = folder / "harm"
        options = {"crash.on": f"{name}:6174", "crash.how": how, "crash.while": str(switch)}
        settings = {"workers": {"count": 1}, "commands": {"topic": f"{name}-commands"},
                    "value": {"converter": f"plugin:{library}", "options": options}}
        with Supervisor(broker, [ioc], settings) as service:
            service.ready()
            service.command(*[command(f"bench-{name}", f"{name}:{i}") for i in range(CHANNELS)],
                            topic=f"{name}-commands")
            service.connected(CHANNELS, 120)
            ioc.start(20_000, 90)
            switch.write_text("on")
            at = time.monotonic()
            wait_for(lambda: service.workers()[0]["restarts"] >= 1, 30, "the first crash", poll=0.01)
            wait_for(lambda: service.status()["channels"]["quarantined"] == 1, 120, "the quarantine", poll=0.05)
            took, died = time.monotonic() - at, service.workers()[0]["restarts"]
            found = [item["channel"] for item in service.get("/channels?state=QUARANTINED")["items"]]
            assert found == [f"{name}:6174"], found
            service.connected(CHANNELS - 1, 60)
    say(f"poison ({how}): {died} crashes, {took:.1f} s")
    recorded = "recorded" if how == "abort" else "not recorded"
    return [Row(f"poison channel among {CHANNELS:,}, {recorded}", [died], "crashes", crashes),
            Row(f"poison channel among {CHANNELS:,}, {recorded}", [took], "s", seconds)]


def measure(build, broker, say):
    return (kill(build, broker, say) + neighbours(build, broker, say) + hung(build, broker, say) +
            poison(build, broker, "abort", 3, 30, say) + poison(build, broker, "thread", 14, 30, say))
