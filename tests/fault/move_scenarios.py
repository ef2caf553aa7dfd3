"""Channels on their way between workers under load: nothing is lost, little comes twice, and how long it takes."""
import os
import time

from e2k_support import cpu_seconds, wait_for

from expect import finding
from load import Load
from stand import Stand

MOST_S = 5
REACHED = 0.95    # of the rate


def scaled_up(broker, prefix, say, channels=10_000, rate=20_000, seconds=25):
    """10,000 channels from 2 to 4 workers while --rate (20,000) events a second come: none lost, hardly one twice, within 5 s."""
    load = Load(channels)
    entries = [("out", load.channel(number)) for number in range(channels)]
    with Stand(broker, prefix, {"out": 4}, {}, entries, {"workers": {"count": 2}}, ioc=load) as stand:
        # The reader has all the time that it needs afterwards: it takes nothing from what is tried.
        with stand.follower.resting():
            load.begin(rate, seconds)
            stand.pause_for(4)
            begun, used = time.monotonic(), _used(stand)
            with stand.incident("moved", repeats=True):
                stand.service.request("PUT", "/workers/count?n=4")
                wait_for(lambda: has_arrived(stand, 4), 120, "all channels at their workers", poll=0.1)
            took, shares = time.monotonic() - begun, _shares(used, _used(stand), time.monotonic() - begun)
            load.rest()
        moved = sum(worker["channels"] for worker in stand.service.workers() if worker["slot"] >= 2)
        found = stand.finish(120)
        report = load.last_report
        reached = report["posted"] / report["seconds"]
        sums = [one for (name, _), one in stand.accounts.items() if name == stand.t("out")]
        missing, repeated = (sum(getattr(one, what) for one in sums) for what in ("missing", "repeats"))
        say(f"    {channels:,} channels from 2 to 4 workers at {reached / channels:.3g} events/s each ({rate / channels:g} asked for): "
            f"{moved:,} moved, {missing} lost, {repeated} repeated, {took:.1f} s\n    cores meanwhile, of {os.cpu_count()}: {shares}")
        if missing:
            found.append(finding(stand, f"{missing} events are missing"))
        if took > MOST_S:
            found.append(finding(stand, f"it took {took:.1f} s, {MOST_S} at the most"))
        if reached < REACHED * rate:
            found.append(finding(stand, f"{reached:,.0f} events/s came, and not {rate:,}: it says nothing of that rate"))
        worst = max((one.repeats for one in sums), default=0)
        if worst > 1:
            found.append(finding(stand, f"{worst} events of one channel came twice"))
        return found


def _used(stand):
    """Processor time of everybody who is there."""
    pids = {"broker": [stand.broker.child.pid], "IOC": [stand.ioc.pid], "supervisor": [stand.service.child.pid],
            "workers": list(stand.service.worker_pids().values()), "this program": [os.getpid()]}
    return {name: {pid: cpu_seconds(pid) for pid in found} for name, found in pids.items()}


def _shares(before, after, seconds):
    """A worker that came meanwhile counts from its beginning."""
    used = {name: sum(spent - before[name].get(pid, 0) for pid, spent in pids.items()) / seconds for name, pids in after.items()}
    return ", ".join(f"{name} {share:.2f}" for name, share in used.items())


def has_arrived(stand, count):
    workers = stand.service.workers()
    return (len(workers) == count and all(worker["state"] == "RUNNING" for worker in workers) and
            not any(worker["moving"] for worker in workers) and
            max(w["channels"] for w in workers) - min(w["channels"] for w in workers) <= 1)


SCENARIOS = (scaled_up,)
