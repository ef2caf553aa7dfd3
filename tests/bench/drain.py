"""How fast a worker publishes what a predecessor left, beside the greatest rate at which it publishes what comes."""
import os
import signal
import time

from e2k_support import wait_for
from table import Row

BACKLOG_RATE, BACKLOG_S = 100000, 8


def measure(broker, side, say):
    """`side` is a throughput.WorkerSide: its broker is frozen, its worker killed, and then both are let go on."""
    before = side.counts()
    broker.pause()
    try:
        side.ioc.start(BACKLOG_RATE, BACKLOG_S, side.channels)
        posted = side.ioc.finish()["posted"]
        pid = side.worker_pid
        os.kill(pid, signal.SIGKILL)
        side.supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, pid), 30, "another worker")
    finally:
        broker.resume()
    begin = time.monotonic()
    left = posted - (side.counts()[1] - before[1])
    wait_for(lambda: side.supervisor.status()["events"]["waiting"] == 0, 120, "the old log to be drained", poll=0.05)
    took = time.monotonic() - begin
    side.worker_pid = side.supervisor.workers()[0]["pid"]
    say(f"drain: {left} of {posted} events in {took:.2f} s")
    return Row("drain of a predecessor's log", [left / took], "events/s", note=f"{left:,} events, with the broker's return")
