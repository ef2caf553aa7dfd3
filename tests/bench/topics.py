"""Many topics: what they cost the worker, and which share of the rate is acknowledged while the load runs."""
import time

from e2k_support import Supervisor, cpu_seconds, wait_for
from parts import LoadIoc
from table import Row

CHANNELS = 5000
RAMP_S = 5  # until the worker knows the rate, and what it holds for company is out
MANY = 2000
MANY_S = 20  # of many topics up to a second's records are held, more or less at the two ends of what is counted
SMALL = {"retention.bytes": 134217728, "segment.bytes": 33554432, "segment.index.bytes": 65536}


def make_topics(broker, prefix, count):
    """Names PREFIX0, PREFIX1, …; in bunches, since a broker takes a while for each."""
    from confluent_kafka.admin import NewTopic
    names = [f"{prefix}{number}" for number in range(count)]
    for first in range(0, count, 500):
        new = [NewTopic(name, 1, 1, config={key: str(value) for key, value in SMALL.items()})
               for name in names[first:first + 500]]
        for made in broker.admin().create_topics(new, operation_timeout=60).values():
            made.result(90)
    wait_for(lambda: set(names) <= set(broker.admin().list_topics(timeout=10).topics), 60, f"{count} topics", poll=0.2)
    return names


class ManyTopics:
    """A service whose channels are spread over topics, and its account of one load. The last `missing` of them are
    not there, and the brokers make none."""

    def __init__(self, build, broker, topics, workers, name, missing=0):
        self.missing = missing
        self.ioc = LoadIoc(build, CHANNELS, f"{name}:")
        self.topics = make_topics(broker, f"{name}-", topics - missing)
        self.topics += [f"{name}-missing-{number}" for number in range(missing)]
        self.broker = broker
        self.supervisor = Supervisor(broker, [self.ioc], {
            "workers": {"count": workers}, "commands": {"topic": f"{name}-commands"},
            "kafka": {"linger.ms": 5, "allow.auto.create.topics": False}, "spool": {"max_total_bytes": 1 << 30}})
        self.supervisor.ready(60)
        self.supervisor.command(
            *[(f'{{"topic":"{self.topics[i % topics]}","channel":"{name}:{i}"}}', '{"mask":"va"}')
              for i in range(CHANNELS)], topic=f"{name}-commands")
        self.supervisor.connected(CHANNELS, 60)
        self._settled(60)
        self.pids = [worker["pid"] for worker in self.supervisor.workers()]

    def run(self, rate, seconds):
        """(CPU us an event, of the broker too, share of the rate acknowledged as it runs, seconds until all was,
        a note). The share is that of the time after RAMP_S: a record that waits is none that does not come."""
        before = self.supervisor.status()["events"]
        cpu, broker = self._cpu()
        self.ioc.start(rate, seconds, CHANNELS)
        begin = time.monotonic()
        acknowledged = []
        for until in (min(RAMP_S, seconds / 2), seconds):
            time.sleep(max(0, begin + until - time.monotonic()))
            acknowledged.append((self.supervisor.status()["events"]["acknowledged"], time.monotonic()))
        (first, first_at), (last, last_at) = acknowledged
        share = (last - first) / (rate * (last_at - first_at))
        posted = self.ioc.finish()["posted"]
        self._settled(120)
        late = time.monotonic() - begin - seconds
        cpu_after, broker_after = self._cpu()
        after = self.supervisor.status()["events"]
        received = after["received"] - before["received"]
        note = f"{posted - received} missing, {after['lost'] - before['lost']} lost" \
            if posted != received or after["lost"] != before["lost"] else ""
        return (cpu_after - cpu) / posted * 1e6, (broker_after - broker) / posted * 1e6, share, late, note

    def _settled(self, seconds):
        """Until nothing waits but what is of missing topics: their share of all events, channels being in turn."""
        def done():
            events = self.supervisor.status()["events"]
            return events["waiting"] * CHANNELS <= events["received"] * self.missing
        wait_for(done, seconds, "all acknowledged", poll=0.05)

    def idle_cpu(self, seconds):
        before = self._cpu()[0]
        time.sleep(seconds)
        return (self._cpu()[0] - before) / seconds

    def _cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids), cpu_seconds(self.broker.child.pid)

    def stop(self):
        self.supervisor.stop()
        self.ioc.stop()


def measure_blocked(build, broker, repetitions, seconds, say):
    """In pairs: every topic is there, or a fifth of them is missing and their events wait."""
    topics, missing, rate, pairs = 5000, 1000, 12500, []
    both = []
    try:
        both.append(ManyTopics(build, broker, topics, 1, "whole"))
        both.append(ManyTopics(build, broker, topics, 1, "part", missing))
        for service in both:
            service.run(rate, 2)
        pairs = [[service.run(rate, seconds)[0] for service in both] for _ in range(repetitions)]
        idle = both[1].idle_cpu(seconds)
    finally:
        for service in both:
            service.stop()
    say(f"{missing} of {topics} topics missing, CPU us an event without and with: {pairs}; idle {idle}")
    ratios = [with_missing / without for without, with_missing in pairs]
    return [Row(f"CPU an event, {missing:,} of {topics:,} topics missing / none", ratios, "times", 1.05),
            Row("  while nothing comes", [idle], "of a core", 0.05)]


def measure(build, broker, repetitions, seconds, say):
    rows = []
    for topics, rate, workers in ((1, 25000, 1), (500, 25000, 1), (2000, 25000, 1), (5000, 50000, 4)):
        service = ManyTopics(build, broker, topics, workers, f"t{topics}w{workers}")
        try:
            service.run(rate, 2)  # producer ids, page faults, Java's compiler
            runs = [service.run(rate, max(seconds, MANY_S) if topics >= MANY else seconds) for _ in range(repetitions)]
        finally:
            service.stop()
        say(f"{topics} topics at {rate}/s on {workers} workers: {runs}")
        what = f"{topics:,} topics, {rate:,} events/s, {workers} worker{'s' if workers > 1 else ''}"
        notes = " ".join(run[4] for run in runs).strip()
        limit = 8 if topics >= MANY else None
        rows += [Row(f"CPU, {what}", [run[0] for run in runs], "us/event", limit, note=notes),
                 Row("  of the broker", [run[1] for run in runs], "us/event"),
                 Row("  acknowledged while the load runs", [run[2] for run in runs], "of the rate", 0.98, True),
                 Row("  all acknowledged after its end", [run[3] for run in runs], "s")]
    return rows + measure_blocked(build, broker, repetitions, seconds, say)
