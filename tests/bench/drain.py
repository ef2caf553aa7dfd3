"""How fast a worker publishes what a predecessor left, beside the greatest rate at which it publishes what comes.

The time counts from the first acknowledgement on: before it the broker returns and the producer logs in.
"""
import os
import signal
import time

import throughput
from e2k_support import wait_for
from table import Row, paired_ratio

BACKLOG_RATE, BACKLOG_S = 100000, 20


def measure(broker, side, repetitions, say):
    """`side` is a throughput.WorkerSide."""
    for rate in (50000, 200000, 400000):  # producer ids, page faults, Java's compiler
        throughput.run(side, rate, 2)
    live = [throughput.greatest_clean_rate(side, 3) for _ in range(repetitions)]
    say(f"greatest clean rate: {live}")
    drained = [drain(broker, side, say) for _ in range(repetitions)]
    rows = [Row("greatest clean rate, worker", live, "events/s"),
            Row("drain of a predecessor's log", drained, "events/s", note=f"{BACKLOG_RATE * BACKLOG_S:,} events")]
    return [*rows, paired_ratio("  drain / greatest rate", rows[1], rows[0])]


def drain(broker, side, say):
    """The broker is frozen, the worker killed, and then both are let go on."""
    acknowledged = side.counts()[1]
    broker.pause()
    try:
        side.ioc.start(BACKLOG_RATE, BACKLOG_S, side.channels)
        posted = side.ioc.finish()["posted"]
        pid = side.worker_pid
        os.kill(pid, signal.SIGKILL)
        side.supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, pid), 30, "another worker")
    finally:
        broker.resume()
    before = side.counts()[1]
    wait_for(lambda: side.counts()[1] > before, 60, "the first acknowledgement", poll=0.01)
    begin, already = time.monotonic(), side.counts()[1] - acknowledged
    wait_for(lambda: side.counts()[1] - acknowledged >= posted, 120, "the old log to be drained", poll=0.02)
    took = time.monotonic() - begin
    side.worker_pid = side.supervisor.workers()[0]["pid"]
    say(f"drain: {posted - already} of {posted} events in {took:.2f} s")
    return (posted - already) / took
