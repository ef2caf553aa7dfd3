"""All parts of one trial: broker, IOC, service, reader, the watch over the books; and the end, when all is healed."""
import contextlib
import threading
import time

from e2k_support import PartFailed, SmallDisk, wait_for

import verdict
from counters import Counters
from follower import Follower
from service import Service

LOOK_S = 0.3


class Stand:
    """topics: {name: partitions} are made and read; names get this stand's prefix by t(). entries: (topic, channel) pairs.
    channels: {name: events a second}. Times of incidents are Unix times, as the records' stamps are."""

    def __init__(self, broker, prefix, topics, channels, entries, settings=None, disk_mib=0, ioc=None):
        self.broker, self.prefix = broker, prefix
        self.incidents, self.watch, self.accounts = [], verdict.Watch(), {}
        self.workers = {}    # slot -> generation, as last seen outside of incidents in which workers end
        self.seen_wrong = []    # findings beside those of the books
        self.topics = {}
        self.removed = set()
        self._ending = threading.Event()
        self._stack = contextlib.ExitStack()
        try:
            self._begin(topics, channels, entries, dict(settings or {}), disk_mib, ioc)
        except BaseException:
            self._stack.close()
            raise

    def _begin(self, topics, channels, entries, settings, disk_mib, ioc):
        self.follower = Follower(self.broker.bootstrap)
        self._stack.callback(self.follower.stop)
        for name, partitions in topics.items():
            self.make_topic(name, partitions)
        self.ioc = ioc or Counters(channels)
        self._stack.callback(self.ioc.stop)
        settings.setdefault("commands", {})["topic"] = self.t("commands")
        self.disk = SmallDisk(disk_mib) if disk_mib else None
        if self.disk:
            self._stack.callback(self.disk.stop)
            settings["spool"] = {"directory": str(self.disk.folder / "spool"), **settings.get("spool", {})}
        self.service = Service(self.broker, [self.ioc], settings)
        self._stack.callback(self.service.stop)
        self.service.ready(40)
        self.serve(*entries)
        self.service.all_connected()
        self._stack.callback(self._end_looking)
        self._looker = threading.Thread(target=self._look, daemon=True)
        self._looker.start()

    def t(self, name):
        return f"{self.prefix}-{name}"

    def make_topic(self, name, partitions=1, **config):
        self.broker.create_topic(self.t(name), partitions, config=config)
        self.follower.open(self.t(name))
        self.topics[name] = partitions

    def serve(self, *entries, mask="va"):
        self.service.serve([(self.t(topic), channel) for topic, channel in entries], mask)

    def book(self, topic, channel):
        return (self.service.books() or {}).get((self.t(topic), channel))

    # -- the watch ------------------------------------------------------------------------------

    def _look(self):
        while not self._ending.wait(LOOK_S):
            self.look()

    def look(self):
        books = self.service.books()
        if books:
            self.watch.look(books)
        self._look_at_workers()

    def _look_at_workers(self):
        """A worker that ends by itself is a fault of its own, whatever it cost."""
        status = self.service.try_status()
        if status is None:
            return
        now = {worker["slot"]: worker["generation"] for worker in status["workers"] if worker["pid"]}
        if not self._may_end():
            for slot, generation in now.items():
                if self.workers.get(slot, generation) != generation:
                    exit_ = [worker.get("last_exit") for worker in status["workers"] if worker["slot"] == slot]
                    # Replaced by its supervisor, when what held that up was gone: by then the incident is over.
                    if exit_ == ["exit 0: drained (asked to stop)"]:
                        continue
                    self.wrong(f"worker {slot}", f"ended by itself at {time.strftime('%H:%M:%S')}: {exit_}")
                    # What it cost is judged as if it had been killed.
                    now_s = time.time()
                    self.incidents.append(verdict.Incident("worker ended by itself", now_s - 5, now_s + 5, gap=True,
                                                           repeats=True, waiting=self.watch.waiting()))
        self.workers.update(now)

    def _may_end(self):
        """During an incident that ends workers, and until the look after it."""
        now = time.time()
        return any((i.gap or i.ends) and not i.only and i.begin <= now <= (i.end or now) + 3 * LOOK_S for i in self.incidents)

    def _end_looking(self):
        self._ending.set()
        if hasattr(self, "_looker"):
            self._looker.join(10)

    def wrong(self, what, text):
        self.seen_wrong.append(verdict.Finding(what, self.prefix, text))

    # -- incidents ------------------------------------------------------------------------------

    def begin(self, kind, **more):
        incident = verdict.Incident(kind, time.time(), waiting=self.watch.waiting(), **more)
        self.incidents.append(incident)
        return incident

    @contextlib.contextmanager
    def incident(self, kind, **more):
        one = self.begin(kind, **more)
        yield one
        one.end = time.time()

    def kill_worker(self, slot, number, kind="worker killed"):
        with self.incident(kind, gap=True, repeats=True):
            self.service.kill_worker(slot, number)
            self.service.all_connected(40)

    def restart_service(self, between=lambda: None):
        with self.incident("service stopped", gap=True, repeats=True):
            self.service.stop_and_start(between)
            self.service.all_connected(40)

    def remove_and_make(self, name, partitions, seconds=1.0):
        topic = self.t(name)
        with self.incident("topic deleted", erased=topic, repeats=True):
            self.follower.close(topic)
            self.broker.delete_topic(topic)
            self.pause_for(seconds)
            self.make_topic(name, partitions)

    def leave(self, topic, channel):
        entry = (self.t(topic), channel)
        self.removed.add(entry)
        self.service.leave(entry)

    def pause_for(self, seconds):
        """Lets the load go on; no condition is waited for."""
        self._ending.wait(seconds)

    # -- the end --------------------------------------------------------------------------------

    def finish(self, timeout=60.0):
        """When all is healed: nothing waits, all is read and judged. Returns the findings."""
        self.service.all_connected(40)
        last = self.ioc.rest()
        waits = self._nothing_waits(timeout)
        self.follower.to_end(timeout=timeout)
        self.look()
        self._end_looking()
        books = self.service.books() or {}
        findings = self.watch.findings + self.seen_wrong
        if waits:
            findings.append(verdict.Finding("(all)", self.prefix, waits))
        for entry in sorted({*self.service.entries, *self.removed}):
            topic, channel = entry
            served = entry in self.service.entries
            book = books.get(entry) if served else None
            if served and book is None:
                findings.append(verdict.Finding(channel, topic, "is served and not in the books"))
            self.accounts[entry], found = verdict.judge_entry(
                entry, self.follower.of(*entry), book, self.incidents, last.get(channel) if served else None)
            self.accounts[entry].book = book
            findings += found
        return findings

    def _nothing_waits(self, timeout):
        def settled():
            try:
                events = self.service.status()["events"]
            except OSError:
                return None
            return events["waiting"] == 0 and events
        try:
            events = wait_for(settled, timeout, "nothing to wait", poll=0.1)
        except PartFailed:
            events = self.service.status()["events"]
            return f"{events['waiting']} events wait {timeout:.0f} s after all was healed"
        if events["received"] != events["acknowledged"] + events["lost"] + events["coalesced"]:
            return f"the sums do not balance: {events}"
        return ""

    def stop(self):
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
