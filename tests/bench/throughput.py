"""CPU time per event and the greatest clean rate: the bare harness and the worker, in turns, on one broker.

Each has a load IOC of its own, so that both stay connected while only one of them has events. The load waits for
a subscription's queue to be empty, hence the server drops nothing: a client that is too slow shows as a rate that
is not reached, as refused events, or as a backlog.
"""
import dataclasses
import itertools
import time

from e2k_support import PartFailed, cpu_seconds, wait_for
from latency import LatencyReader, quantile
from parts import BareHarness, LoadIoc
from plots import Point
from table import Row, paired_ratio

CHANNELS = 1000
_numbers = itertools.count(1)  # of topics: each measurement has its own
SMALL = {"retention.bytes": 268435456, "segment.bytes": 67108864}
BACKLOG_S = 0.5  # all must be acknowledged so soon after the load's end for a rate to be clean


@dataclasses.dataclass
class Run:
    us_per_event: float
    supervisor_us_per_event: float
    rate: float
    backlog_s: float
    clean: bool
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")


class HarnessSide:
    name = "bare harness"

    def __init__(self, build, broker, linger_ms=5, channels=CHANNELS, elements=1):
        self.channels = channels
        self.ioc = LoadIoc(build, channels, "bare:", elements)
        self.topic = broker.create_topic(f"bench-bare-{next(_numbers)}", config=SMALL)
        self.program = BareHarness(build, broker, self.ioc, self.topic, [f"linger.ms={linger_ms}"])

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

    def __init__(self, build, broker, linger_ms=5, channels=CHANNELS, elements=1):
        from e2k_support import Supervisor
        self.channels = channels
        self.ioc = LoadIoc(build, channels, "ours:", elements)
        number = next(_numbers)
        self.topic = broker.create_topic(f"bench-ours-{number}", config=SMALL)
        commands = f"bench-commands-{number}"
        self.supervisor = Supervisor(broker, [self.ioc], {"workers": {"count": 1}, "commands": {"topic": commands},
                                                          "kafka": {"linger.ms": linger_ms},
                                                          "spool": {"max_total_bytes": 1073741824}})
        self.supervisor.ready()
        self.supervisor.command(*[(f'{{"topic":"{self.topic}","channel":"ours:{i}"}}', '{"mask":"va"}')
                                  for i in range(channels)], topic=commands)
        self.supervisor.connected(channels, 60)
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
    side.ioc.start(rate, seconds, side.channels)
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


def in_turns(both, repetitions):
    """Each side so often, so that neither is always the first."""
    for number in range(repetitions):
        yield from both if number % 2 == 0 else reversed(both)


def run_with_reader(side, broker, rate, seconds):
    """The same, with the latencies that a reader sees. The reader takes part of the processor: not for CPU figures."""
    reader = LatencyReader(broker, side.topic)
    try:
        run(side, rate, 1)
        reader.take()
        one = run(side, rate, seconds)
        time.sleep(0.2)
        took = reader.take()
    finally:
        reader.stop()
    one.p50_ms, one.p99_ms = quantile(took, 0.5), quantile(took, 0.99)
    return one


def measure_arrays(build, broker, repetitions, seconds, with_worker, say, elements=10000, rates=(200, 1000)):
    """Arrays of doubles: libca's copy, text and Kafka; a rate that the machine can't do is shown as not clean."""
    both = sides(build, broker, with_worker, 5, 10, elements)
    rows = []
    try:
        for rate in rates:
            runs = {side.name: [] for side in both}
            for side in in_turns(both, repetitions):
                runs[side.name].append(run(side, rate, seconds))
                say(f"arrays at {rate}/s, {side.name}: {runs[side.name][-1]}")
            rows += [Row(f"CPU, {elements:,} doubles at {rate:,}/s, {name}", [one.us_per_event for one in of_side],
                         "us/event", note="" if all(one.clean for one in of_side) else
                         f"NOT CLEAN: {min(one.rate for one in of_side):.0f}/s reached")
                     for name, of_side in runs.items()]
            if with_worker:
                rows.append(paired_ratio("  worker / harness", rows[-1], rows[-2], 1.25))
    finally:
        for side in both:
            side.stop()
    return rows


def measure_latency(build, broker, repetitions, seconds, with_worker, say, rate=20000):
    rows = []
    for linger_ms in (5, 1):
        both = sides(build, broker, with_worker, linger_ms)
        try:
            runs = {side.name: [] for side in both}
            for side in in_turns(both, repetitions):
                runs[side.name].append(run_with_reader(side, broker, rate, seconds))
                say(f"latency, linger {linger_ms}, {side.name}: {runs[side.name][-1]}")
        finally:
            for side in both:
                side.stop()
        of_linger = [Row(f"post to reader, p99 at {rate:,}/s, linger.ms {linger_ms}, {name}",
                         [one.p99_ms for one in of_side], "ms",
                         note=f"p50 {sorted(one.p50_ms for one in of_side)[len(of_side) // 2]:.1f} ms")
                     for name, of_side in runs.items()]
        rows += of_linger
        if len(of_linger) == 2:
            rows.append(paired_ratio("  worker / harness", of_linger[1], of_linger[0], 1.2))
    return rows


CURVE_RATES = (1000, 5000, 10000, 20000, 50000, 100000, 200000)
GREATEST_READ_RATE = 50000  # what the reader of the latencies, a Python program, can follow


def measure_curve(build, broker, seconds, with_worker, say):
    """{side: [Point]} for a plot: a run for the processor time, another for the latencies."""
    points = {}
    both = sides(build, broker, with_worker)
    try:
        for side in both:
            run(side, 20000, 1)  # producer ids, page faults, Java's compiler
        for rate in CURVE_RATES:
            for side in both:
                cpu = run(side, rate, seconds)
                late = run_with_reader(side, broker, rate, seconds) if rate <= GREATEST_READ_RATE else cpu
                points.setdefault(side.name, []).append(Point(cpu.rate, cpu.us_per_event, late.p50_ms, late.p99_ms,
                                                              cpu.clean))
                say(f"curve at {rate}/s, {side.name}: {points[side.name][-1]}")
    finally:
        for side in both:
            side.stop()
    return points


def greatest_clean_rate(side, seconds, step=20000):
    low, high = 0, 100000
    while high <= 1600000 and run(side, high, seconds).clean:
        low, high = high, 2 * high
    while high - low > step:
        middle = (low + high) // 2
        low, high = (middle, high) if run(side, middle, seconds).clean else (low, middle)
    return low


def sides(build, broker, with_worker, *how):
    made = [HarnessSide(build, broker, *how)]
    if with_worker:
        made.append(WorkerSide(build, broker, *how))
    return made


def measure(build, broker, repetitions, seconds, with_worker, say):
    both = sides(build, broker, with_worker)
    rows = []
    try:
        for side in both:
            run(side, 50000, 1)  # producer ids, page faults, Java's compiler
        for rate, limit in ((10000, 1.0), (100000, 1.25)):
            runs = {side.name: [] for side in both}
            for side in in_turns(both, repetitions):
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
