"""What the death of a worker costs: how soon it is seen and mended, what the others notice, how many crashes one channel
has before it is set aside."""
import contextlib
import dataclasses
import datetime
import math
import os
import re
import select
import signal
import threading
import time
import urllib.parse

from e2k_support import Supervisor, crashing_converter, wait_for
from e2k_support.proc import make_folder, remove_folder
from latency import NumberReader, late, missing
from parts import LoadIoc
from service import command
from table import Row

CHANNELS = 10_000  # a worker
DEATHS = 5         # of one worker, after each other
WARM_S = 10        # of load: a broker that has just begun compiles itself, and everything waits for it
QUIET_S = 3        # of load before a death, and after it, that are compared
LATE_MS = 20.5     # the stamps in Kafka are whole milliseconds
# Records do not wait for company as they do by default: how late one is on purpose differs, and nobody could say by how much
# something else delayed it.
AT_ONCE = {"kafka": {"linger.ms": 0}}
# Two deaths over one record stand against that record alone: it is lost, and its channel goes on, since the next one may be well.
# The third, over the next record, stands against the channel. With two deaths a channel would end over one bad record.
RECORDED_CRASHES = 3
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
def two_workers(build, broker, name, more=None):
    with LoadIoc(build, 2 * CHANNELS, f"{name}:") as ioc:
        broker.create_topic(f"bench-{name}")
        settings = {"workers": {"count": 2}, "commands": {"topic": f"{name}-commands"}, **(more or {})}
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


@dataclasses.dataclass
class Death:
    """Seconds from the kill."""
    gone: float                   # the kernel said so
    seen: float                   # the supervisor's log did
    subscribed: float = math.nan  # the IOC had all subscriptions again


def seen_dying(service, at_rest=None):
    """Kills worker 0 once more. `at_rest`: the IOC, where it has nothing else to do."""
    wait_for(lambda: service.workers()[0]["state"] == "RUNNING", 30, "worker 0")
    killed = Killed(service.workers()[0]["pid"])
    gone = killed.gone()
    subscribed = subscribed_again(at_rest) - killed.at if at_rest else math.nan
    line = wait_for(lambda: line_of(service, ["worker.lost", "worker=0"], killed.at), 5, "the loss", poll=0.1)
    return Death(gone - killed.at, stamp_of(line) - killed.at, subscribed)


def subscribed_again(ioc):
    """When, in Unix seconds; a channel is connected some time before it is monitored."""
    wait_for(lambda: ioc.monitors() < ioc.records, 10, "the end of the worker's circuit", poll=0.005)
    return wait_for(lambda: time.time() if ioc.monitors() == ioc.records else None, 30, "all subscriptions", poll=0.01)


def kill(build, broker, say):
    """kill -9 of a worker with 10,000 channels, while events come for all. What the others notice, a reader of Kafka says."""
    broker.create_topic("bench-kill-others")
    with two_workers(build, broker, "kill", AT_ONCE) as (ioc, service):
        others = channels_of(service, 1)
        publish_to(service, others, "bench-kill", "bench-kill-others")
        # The successor's records may come all at once: the one who looks at the clock has not to read them, too.
        reader, own_reader = NumberReader(broker, "bench-kill-others"), NumberReader(broker, "bench-kill", at_once=False)
        try:
            deaths = [seen_dying(service, ioc)]
            monitored = deaths[0].subscribed
            ioc.start(2000, WARM_S + 3 * QUIET_S + 5)
            time.sleep(WARM_S)
            deaths.append(seen_dying(service))  # the broker has not seen a worker begin under load, either
            time.sleep(2 * QUIET_S)
            victim = service.workers()[0]["pid"]
            killed = Killed(victim)
            at = killed.at
            back = wait_for(lambda: connected(service, victim), 30, "all channels", poll=0.02) - at
            line = wait_for(lambda: line_of(service, ["worker.lost", "worker=0"], at), 5, "the loss")
            deaths.append(Death(killed.gone() - at, stamp_of(line) - at))
            last = last_numbers(ioc, ioc.finish()["posted"])
            service.settled(60)
            of_others = {name: last[name] for name in others}
            of_own = {name: number for name, number in last.items() if name not in others}
            own_reader.begin()
            lost, own = (missing_at_the_end(*one) for one in ((reader, of_others), (own_reader, of_own)))
        finally:
            reader.stop()
            own_reader.stop()
        before = late(reader.seen, others, at - QUIET_S + 1, at)
        meanwhile = late(reader.seen, others, at, at + QUIET_S)
        deaths += [seen_dying(service) for _ in range(DEATHS - 3)]
    say(f"kill -9: (gone, seen) after {[(round(1000 * d.gone, 1), round(1000 * d.seen, 1)) for d in deaths]} ms, all monitored "
        f"after {monitored:.2f} s, connected under load after {back:.2f} s; of {sum(of_others.values()):,} events of the other "
        f"worker's channels a reader missed {lost}, of {sum(of_own.values()):,} of its own {own}; {too_late(meanwhile)} late "
        f"{late_text(before, meanwhile)}")
    return [Row("kill -9 of a worker: the kernel has ended it", [1000 * d.gone for d in deaths], "ms"),
            Row("kill -9 of a worker: seen", [1000 * d.seen for d in deaths], "ms", 5),
            Row("kill -9 of a worker: seen once it has ended", [1000 * max(0, d.seen - d.gone) for d in deaths], "ms", 1),
            Row("kill -9 of a worker: its channels monitored", [monitored], "s", 1, note=f"{CHANNELS:,} at rest, counted at the IOC"),
            Row("kill -9 of a worker: its channels connected", [back], "s", 1, note="under load"),
            Row("events of the other worker that a reader missed", [lost], "events", 0, note=f"of {sum(of_others.values()):,}"),
            Row("events of the other worker more than 20 ms late", [too_late(meanwhile)], "events", 0,
                note=late_text(before, meanwhile))]


def publish_to(service, names, old, new):
    """A channel's entries are one worker's: those that come are where those are that go."""
    service.command(*[command(new, name) for name in names], topic="kill-commands")
    service.connected(2 * CHANNELS + len(names), 60)
    service.command(*[(command(old, name)[0], None) for name in names], topic="kill-commands")
    service.connected(2 * CHANNELS, 60)
    service.settled(60)


def missing_at_the_end(reader, last):
    reader.until(lambda seen: all(seen[name] and max(seen[name])[0] >= number for name, number in last.items()), 10)
    return missing(reader.seen, last)


def too_late(ordered):
    return sum(1 for ms in ordered if ms > LATE_MS)


def late_text(before, meanwhile):
    return (f"of {len(meanwhile):,}, the latest by {meanwhile[-1]:.0f} ms; {too_late(before)} of {len(before):,} just before, "
            f"the latest by {before[-1]:.0f} ms")


def channels_of(service, slot):
    """The names of the channels that the worker serves."""
    names, after = set(), ""
    while True:
        page = service.get(f"/channels?worker={slot}&limit=10000{after}")
        names |= {item["channel"] for item in page["items"]}
        if not page["next"]:
            return names
        after = f"&after={urllib.parse.quote(page['next'], safe='')}"


def last_numbers(ioc, posted):
    """What each channel of the load IOC has counted up to: they are bumped in turn."""
    whole, more = divmod(posted, ioc.records)
    return {f"{ioc.prefix}{number}": whole + (number < more) for number in range(ioc.records)}


def connected(service, victim):
    worker = service.workers()[0]
    return time.time() if worker["pid"] not in (0, victim) and worker["connected"] == worker["channels"] else None


def neighbours(build, broker, say):
    """Events of one worker while the other one dies and comes back: how late they are in Kafka, and whether all are there."""
    with LoadIoc(build, 100, "calm:") as calm, LoadIoc(build, CHANNELS, "dying:") as dying:
        for topic in ("bench-calm", "bench-dying"):
            broker.create_topic(topic)
        settings = {"workers": {"count": 2, "affinity": "ioc"}, "commands": {"topic": "calm-commands"}, **AT_ONCE}
        with Supervisor(broker, [calm, dying], settings) as service:
            service.ready()
            names = [("bench-calm", f"calm:{i}") for i in range(100)]
            names += [("bench-dying", f"dying:{i}") for i in range(CHANNELS)]
            service.command(*[command(*name) for name in names], topic="calm-commands")
            service.connected(len(names), 120)
            service.settled(60)
            owners = [item["worker"] for item in service.get("/channels?prefix=calm:")["items"]]
            victim = service.workers()[1 - max(set(owners), key=owners.count)]
            reader = NumberReader(broker, "bench-calm")
            try:
                calm.start(500, WARM_S + 2 * QUIET_S + 5)
                time.sleep(WARM_S)
                reader.take()
                time.sleep(QUIET_S)
                quiet = reader.take()
                os.kill(victim["pid"], signal.SIGKILL)
                time.sleep(QUIET_S)
                meanwhile = reader.take()
                last = last_numbers(calm, calm.finish()["posted"])
                lost = missing_at_the_end(reader, last)
            finally:
                reader.stop()
    say(f"neighbours: {too_late(meanwhile)} late {late_text(quiet, meanwhile)}; of {sum(last.values()):,} a reader missed {lost}")
    return [Row("events of others that a reader missed meanwhile", [lost], "events", 0, note=f"of {sum(last.values()):,}"),
            Row("events of others more than 20 ms late meanwhile", [too_late(meanwhile)], "events", 0,
                note=late_text(quiet, meanwhile))]


def hung(build, broker, say):
    with two_workers(build, broker, "hung") as (_, service):
        victim = service.workers()[0]["pid"]
        at = time.time()
        os.kill(victim, signal.SIGSTOP)
        back = wait_for(lambda: connected(service, victim), 30, "another worker", poll=0.02) - at
        greeted = stamp_of(wait_for(lambda: line_of(service, ["slot.running", "worker=0"], at), 5, "a greeting")) - at
    say(f"hung: replaced after {greeted:.2f} s, all connected after {back:.2f} s")
    return [Row("hung worker: replaced", [greeted], "s", 5, note=f"all its channels connected after {back:.2f} s")]


def poison(build, broker, how, crashes, seconds, say):
    """One of 10,000 channels ends its worker whenever an event of it is converted."""
    folder = make_folder("poison")
    name = f"poison-{how}"
    with LoadIoc(build, CHANNELS, f"{name}:") as ioc:
        broker.create_topic(f"bench-{name}")
        switch = folder / "harm"
        options = {"crash.on": f"{name}:6174", "crash.how": how, "crash.while": str(switch)}
        settings = {"workers": {"count": 1}, "commands": {"topic": f"{name}-commands"},
                    "value": {"converter": crashing_converter(folder), "options": options}}
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
            took = time.monotonic() - at
            found = [item["channel"] for item in service.get("/channels?state=QUARANTINED")["items"]]
            assert found == [f"{name}:6174"], found
            service.connected(CHANNELS - 1, 60)
            died = service.workers()[0]["restarts"]   # the last one's successor is there now
    remove_folder(folder)
    say(f"poison ({how}): {died} crashes, {took:.1f} s")
    recorded = "recorded" if how == "abort" else "not recorded"
    return [Row(f"poison channel among {CHANNELS:,}, {recorded}", [died], "crashes", crashes,
                note="two over its first record, which is lost, one over the next" if how == "abort" else ""),
            Row(f"poison channel among {CHANNELS:,}, {recorded}", [took], "s", seconds)]


def measure(build, broker, say):
    return (kill(build, broker, say) + neighbours(build, broker, say) + hung(build, broker, say) +
            poison(build, broker, "abort", RECORDED_CRASHES, 30, say) + poison(build, broker, "thread", 14, 30, say))
