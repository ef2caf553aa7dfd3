"""Channels on their way between workers under load: nothing is lost, little comes twice, and how long it takes."""
import time

from e2k_support import wait_for

from expect import finding
from load import Load
from stand import Stand


def scaled_up(broker, prefix, say, channels=10_000, rate=20_000, seconds=25):
    """From 2 to 4 workers under load: `rate` events a second of all channels together."""
    load = Load(channels)
    entries = [("out", load.channel(number)) for number in range(channels)]
    with Stand(broker, prefix, {"out": 4}, {}, entries, {"workers": {"count": 2}}, ioc=load) as stand:
        load.begin(rate, seconds)
        stand.pause_for(4)
        begun = time.monotonic()
        with stand.incident("moved", repeats=True):
            stand.service.request("PUT", "/workers/count?n=4")
            wait_for(lambda: has_arrived(stand, 4), 120, "all channels at their workers", poll=0.1)
        took = time.monotonic() - begun
        moved = sum(worker["channels"] for worker in stand.service.workers() if worker["slot"] >= 2)
        found = stand.finish()
        sums = [one for (name, _), one in stand.accounts.items() if name == stand.t("out")]
        missing, repeated = (sum(getattr(one, what) for one in sums) for what in ("missing", "repeats"))
        say(f"    {channels:,} channels from 2 to 4 workers at {rate / channels:g} events/s each: {moved:,} moved, "
            f"{missing} lost, {repeated} repeated, {took:.1f} s")
        if missing:
            found.append(finding(stand, f"{missing} events are missing"))
        worst = max((one.repeats for one in sums), default=0)
        if worst > 1:
            found.append(finding(stand, f"{worst} events of one channel came twice"))
        return found


def has_arrived(stand, count):
    workers = stand.service.workers()
    return (len(workers) == count and all(worker["state"] == "RUNNING" for worker in workers) and
            not any(worker["moving"] for worker in workers) and
            max(w["channels"] for w in workers) - min(w["channels"] for w in workers) <= 1)


SCENARIOS = (scaled_up,)
