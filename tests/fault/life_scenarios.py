"""Deaths, stops and outages in combination: what waits is published, in order, and only once."""
import signal
import time

from expect import finding, nothing_lost
from load import Load
from stand import Stand

NAMES = [f"n{number}" for number in range(12)]
TWO_WORKERS = {"workers": {"count": 2, "max_restart_delay_ms": 1000, "drain_timeout_ms": 2000}}


def stop_while_blocked(broker, prefix, say):
    """Stop and start while the broker is away and a topic is blocked: what waits comes after the start, before newer events."""
    entries = [("out", name) for name in NAMES[:6]] + [("rights", name) for name in NAMES[6:]]
    with Stand(broker, prefix, {"out": 1, "rights": 1}, dict.fromkeys(NAMES, 10), entries, TWO_WORKERS) as stand:
        rights = stand.begin("no right to write", repeats=True)
        broker.deny(stand.t("rights"))
        stand.pause_for(2)
        stand.restart_service()
        away = stand.begin("broker killed")
        broker.halt()
        stand.pause_for(2)
        stand.restart_service()
        stand.pause_for(1)
        waited = stand.service.status()["events"]["waiting"]
        say(f"    {waited} events wait")
        broker.start()
        broker.grant(stand.t("rights"))
        away.end = rights.end = time.time()
        found = stand.finish()
        if not waited:
            found.append(finding(stand, "nothing waited: the service does not know of what its predecessors left"))
        return found


def killed_in_outage(broker, prefix, say):
    """A worker is killed three times in a row during an outage: each log is drained, oldest first."""
    with Stand(broker, prefix, {"out": 2}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES],
               TWO_WORKERS) as stand:
        away = stand.begin("broker killed")
        broker.halt()
        for _ in range(3):
            stand.pause_for(1)
            stand.kill_worker(0, signal.SIGKILL)
        stand.pause_for(1)
        say(f"    {stand.service.status()['events']['waiting']} events wait")
        broker.start()
        away.end = time.time()
        return stand.finish()


def supervisor_killed(broker, prefix, say, rounds=5):
    """The supervisor is killed again and again, with the broker away too, and reloaded: no event tells of it."""
    with Stand(broker, prefix, {"out": 2}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES],
               TWO_WORKERS) as stand:
        before = stand.service.worker_pids()
        took = []

        def replaced_by(how):
            how()
            began = time.monotonic()
            stand.service.wait(lambda s: all(worker["pid"] == before[worker["slot"]] and worker["state"] == "RUNNING"
                                             for worker in s["workers"]), 20, "the workers of before")
            took.append(time.monotonic() - began)
            stand.service.all_connected(40)

        def killed():
            stand.service.kill()
            stand.pause_for(0.5)
            stand.service.start()
        for _ in range(rounds):
            replaced_by(killed)
            stand.pause_for(0.5)
        stand.pause_for(3)  # for the snapshot: what is shown without a broker is what it holds
        away = stand.begin("broker killed")
        broker.halt()
        replaced_by(killed)
        broker.start()
        away.end = time.time()
        replaced_by(stand.service.reload)
        found = stand.finish()
        say(f"    workers taken over {len(took)} times, {max(took):.2f} s after the start at most")
        if max(took) > 3:
            found.append(finding(stand, f"workers were taken over {max(took):.1f} s after the start"))
        if stand.service.worker_pids() != before:
            found.append(finding(stand, "a worker was replaced"))
        return found


def fewer_workers(broker, prefix, say):
    """Four workers' events wait; after a restart there is one: nothing is stranded."""
    settings = {"workers": {**TWO_WORKERS["workers"], "count": 4}}
    with Stand(broker, prefix, {"out": 2}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES], settings) as stand:
        away = stand.begin("broker killed")
        broker.halt()
        stand.pause_for(2)

        def fewer():
            stand.service.settings["workers"]["count"] = 1
            stand.service.write_config()
        stand.restart_service(fewer)
        workers = [worker["slot"] for worker in stand.service.workers()]
        waited = stand.service.status()["events"]["waiting"]
        say(f"    workers {workers}, {waited} events wait")
        broker.start()
        away.end = time.time()
        return stand.finish()


def outage_replay(broker, prefix, say, seconds=20, rate=5000):
    """An outage: all that waited comes in order, before what is newer, and once."""
    load = Load(500)
    entries = [("out", load.channel(number)) for number in range(500)]
    with Stand(broker, prefix, {"out": 4}, {}, entries, TWO_WORKERS, ioc=load) as stand:
        load.begin(rate, seconds + 6)
        stand.pause_for(2)
        with stand.incident("broker killed"):
            broker.halt()
            stand.pause_for(seconds)
            waited = stand.service.status()["events"]["waiting"]
            broker.start()
        begun = time.monotonic()
        found = stand.finish()
        say(f"    {waited} events waited; all was read {time.monotonic() - begun:.1f} s after the broker's return")
        return found + nothing_lost(stand, "out")


def pause_and_resume(broker, prefix, say):
    """Paused, nothing is published, over a restart too; resumed, everything comes in order."""
    with Stand(broker, prefix, {"out": 1}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES],
               TWO_WORKERS) as stand:
        if not stand.service.put_pause(True):
            say("    skipped: this program has no PUT /pause")
            return []
        stand.service.wait(lambda s: s["state"] == "PAUSED", 10, "PAUSED")
        stand.pause_for(0.5)
        stand.follower.to_end()
        before = stand.follower.total
        stand.pause_for(2)
        stand.restart_service()
        state = stand.service.status()["state"]
        stand.pause_for(1)
        stand.follower.to_end()
        published = stand.follower.total - before
        stand.service.put_pause(False)
        found = stand.finish()
        if published or state != "PAUSED":
            found.append(finding(stand, f"{published} records were published while paused; after the start it is {state}"))
        return found


def masks_change(broker, prefix, say, seconds=15):
    """The masks of all entries change again and again while events flow: none is lost."""
    load = Load(100)
    entries = [("out", load.channel(number)) for number in range(100)]
    with Stand(broker, prefix, {"out": 1}, {}, entries, TWO_WORKERS, ioc=load) as stand:
        load.begin(5000, seconds)
        end = time.monotonic() + seconds - 2
        masks = ["v", "va", "val", "vl"]
        changes = 0
        while time.monotonic() < end:
            stand.serve(*entries, mask=masks[changes % len(masks)])
            changes += 1
            stand.pause_for(1)
        load.rest()
        say(f"    {changes} changes of 100 entries")
        return stand.finish() + nothing_lost(stand, "out")


SCENARIOS = (stop_while_blocked, killed_in_outage, supervisor_killed, fewer_workers, outage_replay, pause_and_resume, masks_change)
