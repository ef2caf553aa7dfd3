"""The spool: full, removed, damaged. What is lost is counted to the event, under its reason."""
import random
import shutil
import struct
import time

from expect import finding, lost_is_told, lost_reason
from load import Load
from stand import Stand

DATA_OFFSET_AT = 48  # in a segment's header
SMALL_SPOOL = {"workers": {"count": 1, "drain_timeout_ms": 1000},
               "spool": {"max_total_bytes": 8 << 20, "max_event_bytes": 1 << 20}}
NAMES = [f"n{number}" for number in range(12)]
SPOOL = {"workers": {"count": 2, "max_restart_delay_ms": 1000, "drain_timeout_ms": 1000}}


def full_spool_drops_oldest(broker, prefix, say):
    """A full spool with drop_oldest: what is dropped is counted exactly, and told before each entry's next event."""
    return _full_spool(broker, prefix, say, "drop_oldest")


def full_spool_drops_newest(broker, prefix, say):
    """A full spool with drop_newest: likewise."""
    return _full_spool(broker, prefix, say, "drop_newest")


def _full_spool(broker, prefix, say, when_full):
    load = Load(50)
    entries = [("out", load.channel(number)) for number in range(50)]
    settings = {**SMALL_SPOOL, "spool": {**SMALL_SPOOL["spool"], "when_full": when_full}}
    with Stand(broker, prefix, {"out": 1}, {}, entries, settings, ioc=load) as stand:
        load.begin(1000, 1)
        load.rest()
        stand.service.settled()
        with stand.incident("outage with a full spool", loses=True):
            broker.halt()
            load.begin(20000, 8)
            load.rest()
            events = stand.service.status()["events"]
            broker.start()
        say(f"    {events['waiting']} waited, {events['lost']} lost at the end of the outage")
        stand.service.settled(60)
        load.begin(1000, 1)  # the event before which it is told
        found = stand.finish()
        if not events["lost"]:
            found.append(finding(stand, "nothing was lost: the spool was not full"))
        return found + lost_is_told(stand)


def spool_removed(broker, prefix, say):
    """The spool's folder is removed while the service is stopped: what waited there is counted lost as spool_gone."""
    with Stand(broker, prefix, {"out": 1}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES], SPOOL) as stand:
        stand.service.settled()
        away = stand.begin("broker killed")
        broker.halt()
        stand.pause_for(2)
        waited = []

        def remove():
            waited.append(sum(book["waiting"] for book in stand.watch.last.values()))
            shutil.rmtree(stand.service.spool)
        with stand.incident("spool removed", gap=True, loses=True, forgets=True):
            stand.service.stop_and_start(remove)
            stand.service.all_connected()
            broker.start()
        away.end = time.time()
        found = stand.finish()
        lost = stand.service.status()["events"]["lost"]
        say(f"    at least {waited[0]} waited, {lost} counted lost")
        if lost < waited[0]:
            found.append(finding(stand, f"{waited[0]} waited when the spool was removed, {lost} are counted lost"))
        return found + lost_reason(stand, "spool_gone")


def damaged_segment(broker, prefix, say):
    """Bytes of a segment are flipped and strange files lie about: the rest is published, the loss is counted."""
    return _damage(broker, prefix, say, _flip)


def torn_tail(broker, prefix, say):
    """The last record of the log is torn: it alone is missing."""
    return _damage(broker, prefix, say, _tear)


def _damage(broker, prefix, say, damage):
    with Stand(broker, prefix, {"out": 1}, dict.fromkeys(NAMES, 10), [("out", name) for name in NAMES], SPOOL) as stand:
        stand.service.settled()
        away = stand.begin("broker killed")
        broker.halt()
        stand.pause_for(4)

        def spoil():
            say(f"    {damage(stand.service.spool)}")
            (stand.service.spool / "a strange file").write_text("?")
            (stand.service.spool / "a strange folder").mkdir()
            for folder in _logs(stand.service.spool):
                (folder / "strange.seg").write_bytes(b"\0" * 100)
        with stand.incident("spool damaged", gap=True, loses=True, forgets=damage is _flip):
            stand.service.stop_and_start(spoil)
            stand.service.all_connected()
            broker.start()
        away.end = time.time()
        found = stand.finish()
        events = stand.service.status()["events"]
        say(f"    {events['lost']} counted lost")
        total = sum(sums.numbers for sums in stand.accounts.values())
        if total < 40 * len(NAMES):
            found.append(finding(stand, f"only {total} numbers came through"))
        return found


def _logs(spool):
    return [folder for folder in spool.iterdir() if folder.is_dir() and any(folder.glob("*.seg"))]


def _segments(spool):
    found = sorted(path for folder in _logs(spool) for path in folder.glob("*.seg"))
    if not found:
        raise FileNotFoundError(f"no segments in {spool}")
    return found


def _data(path):
    """(where its records begin, the bytes up to the last one that is not 0)"""
    content = path.read_bytes()
    return struct.unpack_from("<Q", content, DATA_OFFSET_AT)[0], content.rstrip(b"\0")


def _fullest(spool):
    return max(_segments(spool), key=lambda path: len(_data(path)[1]) - _data(path)[0])


def _flip(spool):
    chance = random.Random(7)
    path = _fullest(spool)
    begin, content = _data(path)
    used = len(content) - begin
    at = sorted(begin + chance.randrange(used // 3, used * 2 // 3) for _ in range(3))
    with open(path, "r+b") as file:
        for place in at:
            file.seek(place)
            file.write(bytes([content[place] ^ 0x55]))
    return f"{path.name}: bytes {[place - begin for place in at]} of {used} flipped"


def _tear(spool):
    path = _fullest(spool)
    begin, content = _data(path)
    with open(path, "r+b") as file:
        file.seek(len(content) - 4)
        file.write(b"\0" * 4)
    return f"{path.name}: torn at {len(content) - 4 - begin}"


SCENARIOS = (full_spool_drops_oldest, full_spool_drops_newest, spool_removed, damaged_segment, torn_tail)
