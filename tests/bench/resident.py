"""What a worker holds in memory, idle and at work: its own pages, and its share of mapped files (ledger, spool)."""
import time

from e2k_support import Supervisor, wait_for
from parts import BareHarness, LoadIoc
from service import command
from table import Row

CHANNELS, RATE = 2500, 2500


def held(pid):
    """(private bytes that belong to no file, proportional share of all mappings) from the kernel's roll-up."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if words[0] in ("Pss:", "Pss_Anon:"):
                found[words[0]] = int(words[1]) * 1024
    return found["Pss_Anon:"], found["Pss:"]


def measure(build, broker, seconds, say):
    broker.create_topic("bench-resident")
    with LoadIoc(build, CHANNELS, "resident:") as ioc:
        with Supervisor(broker, [ioc], {"workers": {"count": 1}, "commands": {"topic": "resident-commands"}}) as service:
            service.ready()
            wait_for(lambda: service.workers() and service.workers()[0]["pid"], 20, "a worker")
            pid = service.workers()[0]["pid"]
            time.sleep(2)
            idle = held(pid)
            service.command(*[command("bench-resident", f"resident:{i}") for i in range(CHANNELS)],
                            topic="resident-commands")
            service.connected(CHANNELS, 60)
            ours = _at_work(ioc, pid, seconds)
            service.settled()
        with BareHarness(build, broker, ioc, "bench-resident") as bare:
            theirs = _at_work(ioc, bare.pid, seconds)
    say(f"resident: idle {idle}, at work {ours}, bare {theirs}")
    mib = 1 << 20
    rows = []
    for what, figures in (("idle worker", idle), (f"worker, {CHANNELS:,} channels at 1 Hz", ours),
                          (f"bare harness, {CHANNELS:,} channels at 1 Hz", theirs)):
        rows.append(Row(f"memory, {what}", [figures[1] / mib], "MiB", note=f"{figures[0] / mib:.1f} MiB of it no file's"))
    return rows


def _at_work(ioc, pid, seconds):
    ioc.start(RATE, max(seconds, 10), CHANNELS)
    ioc.finish()
    return held(pid)
