"""Trials at their full size, which take minutes and gibibytes: run by hand, by `--only NAME`. --minutes, --gib and
--rate change the parameters of that name."""
import os
import pathlib
import signal
import subprocess
import time

from e2k_support import wait_for

from expect import finding
from load import Load
from stand import Stand

KNOWN_BY = 30.0         # seconds into an outage: from then on every look finds it told
POLL_S = 0.05
SERVES_WITHIN_S = 1.0
ARRAY = 500             # doubles a record of the cold log: 4 KB an event, so that the reader has fewer to judge


def outage_full(broker, prefix, say, minutes=10, rate=2000):
    """The broker is away for --minutes (10) while --rate events a second come: all of them in order, the backlog at full speed."""
    return _outage(broker, prefix, say, minutes * 60, rate, broker.halt, broker.start)


def frozen_full(broker, prefix, say, minutes=1, rate=2000):
    """The broker stands still (SIGSTOP) for --minutes (1): likewise."""
    return _outage(broker, prefix, say, minutes * 60, rate, broker.pause, broker.resume)


def _outage(broker, prefix, say, seconds, rate, begin, end):
    load = Load(200)
    entries = [("out", load.channel(number)) for number in range(200)]
    settings = {"workers": {"count": 2}, "spool": {"max_total_bytes": 2 << 30}}
    with Stand(broker, prefix, {"out": 4}, {}, entries, settings, ioc=load) as stand:
        load.begin(rate, seconds + 60)
        stand.pause_for(5)
        with stand.incident("outage", repeats=True):
            begin()
            told = _listen(stand, seconds)
            backlog = stand.service.status()["events"]["waiting"]
            back = time.monotonic()
            end()
        found = _told_of_it(stand, told, say)
        found += _drained(stand, backlog, rate, back, say)
        found += stand.finish(300)
        say(f"    {stand.service.status()['events']}; {stand.follower.total} records read, "
            f"{sum(sums.repeats for sums in stand.accounts.values())} of them repeats")
        return found + _none_lost(stand)


def _listen(stand, seconds):
    """[(seconds into the outage, state, {code: message})], once a second."""
    begun, told = time.monotonic(), []
    while time.monotonic() - begun < seconds:
        stand.pause_for(1)
        status = stand.service.status()
        told.append((time.monotonic() - begun, status["state"], {one["code"]: one["message"] for one in status["reasons"]}))
    return told


def _told_of_it(stand, told, say):
    first = next((when for when, state, reasons in told if state == "DEGRADED" and _of_brokers(reasons)), None)
    silent = [when for when, state, reasons in told if when > KNOWN_BY and (state != "DEGRADED" or not _of_brokers(reasons))]
    say(f"    told after {first if first is None else round(first, 1)} s; at the end:")
    for code, message in told[-1][2].items():
        say(f"      {code}: {message}")
    return [finding(stand, f"at {len(silent)} looks it was not DEGRADED for its brokers, first after {silent[0]:.0f} s")] \
        if silent else []


def _of_brokers(reasons):
    return [code for code in reasons if code.startswith("BROKERS_")]


def _drained(stand, backlog, rate, back, say):
    """Follows the backlog until less than a second's events wait; new ones keep coming meanwhile."""
    acknowledged = stand.service.status()["events"]["acknowledged"]
    first = wait_for(lambda: _beyond(stand, acknowledged), 120, "the first acknowledgement", poll=POLL_S)
    begun = time.monotonic() - POLL_S
    last = wait_for(lambda: _few_wait(stand, rate), 600, "the backlog to be gone", poll=POLL_S)
    took = time.monotonic() - begun
    drained = (last["acknowledged"] - acknowledged) / took
    say(f"    {backlog} events waited; first acknowledgement {begun - back:.1f} s after the broker was let back, backlog gone "
        f"{took:.1f} s later ({drained:.0f}/s), while {last['received'] - first['received']} new ones came")
    if drained < 4 * rate and took > 5:
        return [finding(stand, f"the backlog went at {drained:.0f} a second, beside {rate} that came")]
    return []


def _beyond(stand, acknowledged):
    events = stand.service.status()["events"]
    return events["acknowledged"] > acknowledged and events


def _few_wait(stand, count):
    events = stand.service.status()["events"]
    return events["waiting"] < count and events


def _none_lost(stand):
    lost = {f"{topic} {channel}": (sums.missing, sums.book["lost"]) for (topic, channel), sums in stand.accounts.items()
            if sums.missing or sums.book["lost"]}
    return [finding(stand, f"missing and lost by entry: {lost}")] if lost else []


def cold_log(broker, prefix, say, gib=4.0, rate=5000):
    """A worker dies over a log of --gib (4) that no page cache holds: its successor serves within 1 s and drains meanwhile."""
    load = Load(101, elements=ARRAY)
    entries = [("out", load.channel(number)) for number in range(100)]
    settings = {"workers": {"count": 1}, "spool": {"max_total_bytes": int((gib + 2) * (1 << 30))}}
    with Stand(broker, prefix, {"out": 4, "new": 1}, {}, entries, settings, ioc=load) as stand:
        away = stand.begin("broker killed")
        broker.halt()
        seconds = int(gib * (1 << 30) / (rate * (ARRAY * 8 + 100))) + 1
        load.begin(rate, seconds)
        load.rest()
        left = stand.service.status()["events"]["waiting"]
        with stand.incident("worker killed over a cold log", gap=True, repeats=True):
            killed = _kill_and_cool(stand, broker, say)
            away.end = time.time()
            times = _successor(stand, killed, load.channel(100))
        drained_s = _all_published(stand, left)
        say("    from the start of the successor's process: " + ", ".join(f"{name} {s:.2f} s" for name, s in times.items()))
        size = left * (ARRAY * 8 + 100)
        say(f"    {left} events drained in {drained_s:.1f} s: {left / drained_s:.0f}/s, {size / drained_s / 1e6:.0f} MB/s")
        stand.follower.to_end(timeout=600)
        found = stand.finish(300) + _none_lost(stand)
        return found + [finding(stand, f"{name}: {s:.2f} s") for name, s in times.items() if s > SERVES_WITHIN_S]


def _kill_and_cool(stand, broker, say):
    """The supervisor is held still, so that the successor starts when the log is cold and the broker is back."""
    supervisor, worker = stand.service.child, stand.service.worker_pids()[0]
    supervisor.signal(signal.SIGSTOP)
    try:
        os.kill(worker, signal.SIGKILL)
        segments = sorted(stand.service.spool.rglob("*.seg"))
        # What its last thread still maps stays in the cache.
        wait_for(lambda: _cooled(segments), 60, "the log to be cold", poll=0.5)
        total = sum(path.stat().st_blocks * 512 for path in segments)
        say(f"    {len(segments)} segments, {total / (1 << 30):.2f} GiB, of which {_cached(segments) >> 20} MiB are in the page cache")
        broker.start()
    finally:
        supervisor.signal(signal.SIGCONT)
    return worker


def _cooled(paths):
    for path in paths:
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return _cached(paths) < 1 << 20


def _cached(paths):
    said = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *paths], capture_output=True, text=True,
                          check=True, stdin=subprocess.DEVNULL).stdout
    return sum(map(int, said.split()))


def _successor(stand, killed, new_channel):
    """{what: seconds since its process was started}"""
    worker = wait_for(lambda: next((one for one in _workers(stand) if one["pid"] not in (0, None, killed)), None), 30,
                      "a successor", poll=0.01)
    started = _started(worker["pid"])
    times = {}
    wait_for(lambda: any(one["pid"] == worker["pid"] and one["state"] == "RUNNING" for one in _workers(stand)), 60,
             "its greeting", poll=0.01)
    times["greeting"] = time.time() - started
    stand.service.wait(lambda s: s["channels"]["connected"] == len(stand.service.entries), 60, "all entries connected")
    times["all its channels connected"] = time.time() - started
    began = time.time()
    stand.serve(("new", new_channel))
    wait_for(lambda: (stand.book("new", new_channel) or {}).get("received"), 60, "an event of a new subscription", poll=0.01)
    times["first event of a new subscription, from its command"] = time.time() - began
    return times


def _workers(stand):
    status = stand.service.try_status()
    return status["workers"] if status else []


def _started(pid):
    """Unix time at which that process was started, to a hundredth of a second."""
    ticks = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def _all_published(stand, left):
    begun = time.monotonic()
    wait_for(lambda: _few_wait(stand, 1), 1200, f"{left} events to be published", poll=0.1)
    return time.monotonic() - begun


SCENARIOS = (outage_full, frozen_full, cold_log)
