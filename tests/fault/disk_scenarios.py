"""The spool's file system: full, not to be written, and how long there is room. No worker dies of it, and none waits."""
import os
import signal
import time

from e2k_support import PartFailed, immutable, wait_for

from expect import finding, lost_is_told, nothing_lost
from load import Load
from stand import Stand

ONE_WORKER = {"workers": {"count": 1, "max_restart_delay_ms": 1000, "drain_timeout_ms": 1000}}
RATE, ELEMENTS = 2000, 100   # 1.8 MB a second into the spool
CHANNELS = 20
FILL_S = 35


def room_is_told(broker, prefix, say):
    """SPOOL_FILLING says how long there is room before the first event is lost, and both reasons end by themselves."""
    spool = {"max_total_bytes": 32 << 20, "max_event_bytes": 1 << 20}
    with _stand(broker, prefix, spool) as stand:
        stand.ioc.begin(RATE, 40)
        stand.pause_for(1)
        with stand.incident("outage with a full spool", loses=True):
            broker.halt()
            told = wait_for(lambda: _told(stand, "SPOOL_FILLING", "at the present rate it is full in"), 40, "the room that is left",
                            poll=0.1)
            lost_by_then = stand.service.status()["events"]["lost"]
            begun = time.monotonic()
            wait_for(lambda: stand.service.status()["events"]["lost"], 60, "the first loss", poll=0.1)
            say(f"    {told}\n    the first event was lost {time.monotonic() - begun:.0f} s later")
            full = wait_for(lambda: _told(stand, "SPOOL_FULL"), 15, "SPOOL_FULL", poll=0.1)
            say(f"    {full}")
            stand.ioc.rest()
            broker.start()
        found = _healed(stand, "SPOOL_FILLING", "SPOOL_FULL")
        if lost_by_then:
            found.append(finding(stand, f"{lost_by_then} events were lost before anybody was told of the room"))
        stand.ioc.begin(1000, 1)  # the event before which it is told what was lost
        return found + stand.finish() + lost_is_told(stand)


def disk_full(broker, prefix, say):
    """The disk fills while the broker is away: it is told, each loss is counted, callbacks do not wait; then all goes on."""
    spool = {"max_total_bytes": 64 << 20, "keep_free_bytes": 1 << 20, "max_event_bytes": 1 << 20}
    with _stand(broker, prefix, spool, disk_mib=96) as stand:
        if not stand.disk.mounted:
            say("    skipped: no file system can be mounted")
            return stand.finish()
        with stand.incident("disk full", loses=True):
            broker.halt()
            stand.disk.fill()
            stand.ioc.begin(RATE, FILL_S)  # more than the segments that are ready hold
            filling = wait_for(lambda: _told(stand, "SPOOL_FILLING", "its file system has no room for more"), FILL_S,
                               "the room that the disk leaves", poll=0.1)
            lost_by_then = stand.service.status()["events"]["lost"]
            full = wait_for(lambda: _told(stand, "SPOOL_FULL"), FILL_S + 15, "SPOOL_FULL", poll=0.1)
            stand.ioc.rest()
            found = _pace(stand, FILL_S)
            lost = stand.service.status()["events"]["lost"]
            stand.disk.free()
            broker.start()
        say(f"    {filling}\n    {full}\n    {lost} of {stand.ioc.posted} events lost")
        if lost_by_then:
            found.append(finding(stand, f"{lost_by_then} events were lost before anybody was told of the room"))
        stand.service.settled(60)
        stand.ioc.begin(RATE, 5)
        stand.ioc.rest()
        found += _healed(stand, "SPOOL_FULL")
        if stand.service.status()["events"]["lost"] != lost or not lost:
            found.append(finding(stand, f"{lost} events lost in the full disk, "
                                        f"{stand.service.status()['events']['lost']} when there is room again"))
        return found + stand.finish() + lost_is_told(stand)


def start_on_a_full_disk(broker, prefix, say):
    """Stopped while events wait and started on a full disk: the supervisor starts, says path and remedy, and serves once there is room."""
    spool = {"max_total_bytes": 64 << 20, "keep_free_bytes": 1 << 20, "max_event_bytes": 1 << 20}
    with _stand(broker, prefix, spool, disk_mib=96) as stand:
        if not stand.disk.mounted:
            say("    skipped: no file system can be mounted")
            return stand.finish()
        away = stand.begin("broker killed")
        broker.halt()
        stand.ioc.begin(RATE, 3)
        stand.ioc.rest()
        waited = stand.service.status()["events"]["waiting"]
        with stand.incident("service stopped, disk full", gap=True, repeats=True):
            stand.service.stop_and_start(stand.disk.fill)
            told = wait_for(lambda: _told(stand, "WORKER_FAILING", str(stand.service.spool)), 30,
                            "a reason that names the folder", poll=0.1)
            say(f"    {waited} events wait; {told}")
            stand.disk.free()
            stand.service.all_connected(60)
        broker.start()
        away.end = time.time()
        found = _healed(stand, "WORKER_FAILING")
        if "make room" not in told:
            found.append(finding(stand, "nobody says what to do"))
        stand.ioc.begin(RATE, 2)
        stand.ioc.rest()
        return found + stand.finish() + nothing_lost(stand, "out")


def directory_unwritable(broker, prefix, say):
    """Nothing can be made or removed in the spool's folders: events flow on; a successor that can't start names path and remedy."""
    with _stand(broker, prefix, {"max_total_bytes": 64 << 20, "max_event_bytes": 1 << 20}) as stand:
        stand.ioc.begin(RATE, 3)
        stand.ioc.rest()
        stand.service.settled()
        with immutable(stand.service.spool) as done:
            if not done:
                say("    skipped: chattr +i is not for us")
                return stand.finish()
            stand.ioc.begin(RATE, 6)
            stand.ioc.rest()
            stand.service.settled()
            status = stand.service.status()
            say(f"    {status['state']} while nothing can be made there: {status['events']}")
            found = [finding(stand, f"{status['events']['lost']} events lost although segments are used again")] \
                if status["events"]["lost"] else []
            killed = stand.begin("worker killed, no successor", gap=True, repeats=True)
            os.kill(stand.service.worker_pids()[0], signal.SIGKILL)
            told = wait_for(lambda: _told(stand, "WORKER_FAILING", str(stand.service.spool)), 30,
                            "a reason that names the folder", poll=0.1)
            say(f"    {told}")
            if "must be able to write there" not in told:
                found.append(finding(stand, "nobody says what to do"))
        stand.service.all_connected(60)
        killed.end = time.time()
        found += _healed(stand, "WORKER_FAILING")
        stand.ioc.begin(RATE, 2)
        stand.ioc.rest()
        return found + stand.finish()


def _stand(broker, prefix, spool, disk_mib=0):
    load = Load(CHANNELS, elements=ELEMENTS)
    entries = [("out", load.channel(number)) for number in range(CHANNELS)]
    return Stand(broker, prefix, {"out": 1}, {}, entries, {**ONE_WORKER, "spool": spool}, disk_mib=disk_mib, ioc=load)


def _told(stand, code, words=""):
    status = stand.service.try_status() or {"reasons": []}
    return next((f"{one['code']}: {one['message']}" for one in status["reasons"] if one["code"] == code and
                 words in one["message"]), None)


def _healed(stand, *codes):
    """These reasons end by themselves."""
    found = []
    for code in codes:
        try:
            wait_for(lambda code=code: not _told(stand, code), 60, f"the end of {code}", poll=0.2)
        except PartFailed as failure:
            found.append(finding(stand, f"{failure}: {_told(stand, code)}"))
    return found


def _pace(stand, seconds):
    """The load waits for a subscription's queue: had a callback waited for the disk, its rate would not have been reached."""
    posted = stand.ioc.last_report["posted"]
    if posted < 0.95 * RATE * seconds or stand.ioc.last_report["replaced"]:
        return [finding(stand, f"{posted} of {RATE * seconds} events came, {stand.ioc.last_report['replaced']} replaced by the server")]
    return []


SCENARIOS = (room_is_told, disk_full, start_on_a_full_disk, directory_unwritable)
