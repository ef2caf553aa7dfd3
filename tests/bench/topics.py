"""Many topics: what they cost the worker, and which share of the rate is acknowledged while the load runs."""
import time

from e2k_support import Supervisor, cpu_seconds, wait_for
from parts import LoadIoc
from table import Row

CHANNELS = 5000
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
    """A service whose channels are spread over topics, and its account of one load."""

    def __init__(self, build, broker, topics, workers, name):
        self.ioc = LoadIoc(build, CHANNELS, f"{name}:")
        self.topics = make_topics(broker, f"{name}-", topics)
        self.broker = broker
        self.supervisor = Supervisor(broker, [self.ioc], {
            "workers": {"count": workers}, "commands": {"topic": f"{name}-commands"},
            "kafka": {"linger.ms": 5}, "spool": {"max_total_bytes": 1 << 30}})
        self.supervisor.ready(60)
        self.supervisor.command(
            *[(f'{{"topic":"{self.topics[i % topics]}","channel":"{name}:{i}"}}', '{"mask":"va"}')
              for i in range(CHANNELS)], topic=f"{name}-commands")
        self.supervisor.connected(CHANNELS, 60)
        self.supervisor.settled(60)
        self.pids = [worker["pid"] for worker in self.supervisor.workers()]

    def run(self, rate, seconds):
        """(CPU us an event, of the broker too, share acknowledged at the load's end, seconds until all was)"""
        before = self.supervisor.status()["events"]
        cpu, broker = self._cpu()
        self.ioc.start(rate, seconds, CHANNELS)
        begin = time.monotonic()
        time.sleep(seconds)
        now = self.supervisor.status()["events"]
        share = (now["acknowledged"] - before["acknowledged"]) / (rate * (time.monotonic() - begin))
        posted = self.ioc.finish()["posted"]
        wait_for(lambda: self.supervisor.status()["events"]["waiting"] == 0, 120, "all acknowledged", poll=0.05)
        late = time.monotonic() - begin - seconds
        cpu_after, broker_after = self._cpu()
        after = self.supervisor.status()["events"]
        received = after["received"] - before["received"]
        note = f"{posted - received} missing, {after['lost'] - before['lost']} lost" \
            if posted != received or after["lost"] != before["lost"] else ""
        return (cpu_after - cpu) / posted * 1e6, (broker_after - broker) / posted * 1e6, share, late, note

    def _cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids), cpu_seconds(self.broker.child.pid)

    def stop(self):
        self.supervisor.stop()
        self.ioc.stop()


def measure(build, broker, repetitions, seconds, say):
    rows = []
    for topics, rate, workers in ((1, 25000, 1), (500, 25000, 1), (2000, 25000, 1), (5000, 50000, 4)):
        service = ManyTopics(build, broker, topics, workers, f"t{topics}w{workers}")
        try:
            service.run(rate, 2)  # producer ids, page faults, Java's compiler
            runs = [service.run(rate, seconds) for _ in range(repetitions)]
        finally:
            service.stop()
        say(f"{topics} topics at {rate}/s on {workers} workers: {runs}")
        what = f"{topics:,} topics, {rate:,} events/s, {workers} worker{'s' if workers > 1 else ''}"
        notes = " ".join(run[4] for run in runs).strip()
        rows += [Row(f"CPU, {what}", [run[0] for run in runs], "us/event", note=notes),
                 Row("  of the broker", [run[1] for run in runs], "us/event"),
                 Row("  acknowledged while the load runs", [run[2] for run in runs], "of the rate", 0.98, True),
                 Row("  all acknowledged after its end", [run[3] for run in runs], "s")]
    return rows
