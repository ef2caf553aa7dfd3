"""CPU time per event and the greatest clean rate: the bare harness and the worker, in turns, on one broker.

Each has a load IOC of its own, so that both stay connected while only one of them has events. The load waits for
a subscription's queue to be empty, hence the server drops nothing: a client that is too slow shows as a rate that
is not reached, as refused events, or as a backlog.
"""
import dataclasses
import time

from e2k_support import PartFailed, cpu_seconds, wait_for
from parts import BareHarness, LoadIoc
from table import Row, paired_ratio

CHANNELS = 1000
BACKLOG_S = 0.5  # all must be acknowledged so soon after the load's end for a rate to be clean


@dataclasses.dataclass
class Run:
    us_per_event: float
    supervisor_us_per_event: float
    rate: float
    backlog_s: float
    clean: bool


class HarnessSide:
    name = "bare harness"

    def __init__(self, build, broker):
        self.ioc = LoadIoc(build, CHANNELS, "bare:")
        broker.create_topic("bench-bare", config={"retention.bytes": 268435456, "segment.bytes": 67108864})
        self.program = BareHarness(build, broker, self.ioc, "bench-bare")

    def counts(self):
        """(received, acknowledged, lost)"""
        counts = self.program.counts()
        return counts["events"], counts["acknowledged"], counts["refused"] + counts["failed"]

    def cpu(self):
        return cpu_seconds(self.program.pid), 0.0

    def stop(self):
        self.program.stop()
        self.ioc.stop()


class WorkerSide:
    name = "worker"

    def __init__(self, build, broker):
        from e2k_support import Supervisor
        self.ioc = LoadIoc(build, CHANNELS, "ours:")
        broker.create_topic("bench-ours", config={"retention.bytes": 268435456, "segment.bytes": 67108864})
        self.supervisor = Supervisor(broker, [self.ioc], {"workers": {"count": 1},
                                                          "kafka": {"linger.ms": 5},
                                                          "spool": {"max_total_bytes": 1073741824}})
        self.supervisor.ready()
        self.supervisor.command(*[(f'{{"topic":"bench-ours","channel":"ours:{i}"}}', '{"mask":"va"}')
                                  for i in range(CHANNELS)])
        self.supervisor.connected(CHANNELS, 60)
        self.supervisor.settled()
        self.worker_pid = self.supervisor.workers()[0]["pid"]

    def counts(self):
        events = self.supervisor.status()["events"]
        return events["received"], events["acknowledged"], events["lost"] + events["coalesced"]

    def cpu(self):
        return cpu_seconds(self.worker_pid), cpu_seconds(self.supervisor.child.pid)

    def stop(self):
        self.supervisor.stop()
        self.ioc.stop()


def run(side, rate, seconds):
    received, acknowledged, lost = side.counts()
    cpu, supervisor_cpu = side.cpu()
    side.ioc.start(rate, seconds, CHANNELS)
    report = side.ioc.finish()
    end = time.monotonic()
    posted = report["posted"]

    def settled():
        now = side.counts()
        return now[1] - acknowledged + now[2] - lost >= posted
    wait_for(settled, 60, f"{posted} events of the {side.name} in Kafka", poll=0.05)
    backlog = time.monotonic() - end
    cpu_after, supervisor_after = side.cpu()
    now = side.counts()
    if now[0] - received != posted or report["replaced"]:
        raise PartFailed(f"{side.name}: {posted} events posted, {now[0] - received} received: {report}")
    clean = now[2] == lost and posted >= 0.98 * rate * seconds and backlog <= BACKLOG_S
    return Run((cpu_after - cpu) / posted * 1e6, (supervisor_after - supervisor_cpu) / posted * 1e6,
               posted / seconds, backlog, clean)


def greatest_clean_rate(side, seconds, step=20000):
    low, high = 0, 100000
    while high <= 1600000 and run(side, high, seconds).clean:
        low, high = high, 2 * high
    while high - low > step:
        middle = (low + high) // 2
        low, high = (middle, high) if run(side, middle, seconds).clean else (low, middle)
    return low


def sides(build, broker, with_worker):
    made = [HarnessSide(build, broker)]
    if with_worker:
        made.append(WorkerSide(build, broker))
    return made


def measure(build, broker, repetitions, seconds, with_worker, say):
    both = sides(build, broker, with_worker)
    rows = []
    try:
        for side in both:
            run(side, 50000, 1)  # producer ids, page faults, Java's compiler
        for rate, limit in ((10000, 1.0), (100000, 1.25)):
            runs = {side.name: [] for side in both}
            for number in range(repetitions):
                for side in both if number % 2 == 0 else reversed(both):
                    runs[side.name].append(run(side, rate, seconds))
                    say(f"{rate}/s {side.name}: {runs[side.name][-1]}")
            rows += rate_rows(rate, limit, runs)
        greatest, searches = [], min(4, max(1, repetitions // 2))  # each takes half a minute
        for side in both:
            values = [greatest_clean_rate(side, min(seconds, 3)) for _ in range(searches)]
            greatest.append(Row(f"greatest clean rate, {side.name}", values, "events/s"))
            say(f"greatest clean rate, {side.name}: {values}")
        rows += greatest
        if with_worker:
            rows.append(paired_ratio("  worker / harness", greatest[1], greatest[0]))
    finally:
        for side in both:
            side.stop()
    return rows


def rate_rows(rate, limit, runs):
    rows = []
    for name, of_side in runs.items():
        note = "" if all(one.clean for one in of_side) else "NOT CLEAN"
        rows.append(Row(f"CPU at {rate:,} events/s, {name}", [one.us_per_event for one in of_side], "us/event",
                        note=note))
    if len(rows) == 2:
        rows.append(paired_ratio("  worker / harness", rows[1], rows[0], limit))
        rows.append(Row(f"CPU at {rate:,} events/s, supervisor",
                        [one.supervisor_us_per_event for one in runs["worker"]], "us/event"))
    return rows
