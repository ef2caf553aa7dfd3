"""What blocked topics cost those that flow: 1,000 entries whose topics do not exist, each its own, among 5,000 entries."""
import time

from e2k_support import Broker, Supervisor, cpu_seconds
from parts import LoadIoc
from table import Row

CHANNELS, BLOCKED = 5000, 1000
FLOWING_TOPICS = 4
RATE = 10000  # of all channels together; a fifth of it for the blocked ones


class Service:
    def __init__(self, build, broker):
        self.ioc = LoadIoc(build, CHANNELS, "blocked:")
        self.topics = [broker.create_topic(f"flowing-{number}") for number in range(FLOWING_TOPICS)]
        self.supervisor = Supervisor(broker, [self.ioc], {"workers": {"count": 1}, "spool": {"max_total_bytes": 1 << 30}})
        self.supervisor.ready(60)
        self._command(lambda number: self.topics[number % FLOWING_TOPICS], range(BLOCKED, CHANNELS))
        self.supervisor.connected(CHANNELS - BLOCKED, 60)
        self.supervisor.settled(60)
        self.pid = self.supervisor.workers()[0]["pid"]

    def _command(self, topic_of, numbers):
        self.supervisor.command(*[(f'{{"topic":"{topic_of(number)}","channel":"blocked:{number}"}}', '{"mask":"va"}')
                                  for number in numbers])

    def block(self):
        self._command(lambda number: f"missing-{number}", range(BLOCKED))
        self.supervisor.wait(lambda s: s["channels"]["total"] == CHANNELS and any(
            reason["code"] == "TOPIC_BLOCKED" for reason in s["reasons"]), 120, "blocked topics")

    def run(self, seconds):
        """(CPU us a received event, share of the flowing events that was acknowledged at the load's end)"""
        before, cpu = self._events(), cpu_seconds(self.pid)
        self.ioc.start(RATE, seconds)
        posted = self.ioc.finish()["posted"]
        time.sleep(0.1)
        after, cpu_after = self._events(), cpu_seconds(self.pid)
        received = after["received"] - before["received"]
        share = (after["acknowledged"] - before["acknowledged"]) / (posted * (CHANNELS - BLOCKED) / CHANNELS)
        return (cpu_after - cpu) / received * 1e6, share

    def _events(self):
        return self.supervisor.status()["events"]

    def stop(self):
        self.supervisor.stop()
        self.ioc.stop()


def measure(build, repetitions, seconds, say):
    with Broker({"auto.create.topics.enable": "false"}, quick=False) as broker:
        service = Service(build, broker)
        try:
            service.run(2)  # producer ids, page faults, Java's compiler
            alone = [service.run(seconds) for _ in range(repetitions)]
            service.block()
            service.run(2)
            beside = [service.run(seconds) for _ in range(repetitions)]
        finally:
            service.stop()
    say(f"blocked topics: alone {alone}, beside {beside}")
    rows = [Row(f"CPU at {RATE * (CHANNELS - BLOCKED) // CHANNELS:,} events/s, no topic blocked", [one[0] for one in alone],
                "us/event"),
            Row(f"  beside {BLOCKED:,} blocked topics with {RATE * BLOCKED // CHANNELS:,} events/s more",
                [one[0] for one in beside], "us/event")]
    return [*rows, Row("  beside / alone, of all that is received", [rows[1].median() / rows[0].median()], "times", 1.05),
            Row("  of the others, acknowledged at the load's end", [one[1] for one in beside], "of the rate", 0.98, True)]
