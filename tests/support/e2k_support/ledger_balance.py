"""Whether the books of a service balance: what every end-to-end test is asked at its end.

    received = acknowledged + waiting + lost + coalesced

of the service, each worker, each gone slot and each entry, as the API shows them; and of the ledgers' own bytes, read
without the program under test: every line, and header = opening + the sum of the lines. What the API says of an
entry must be what all lines of its name, in the books of all slots, add up to. The layout is that of
proto/ledger_format.h and proto/names_format.h.
"""
import collections
import itertools
import struct
import time

MAGIC, VERSION = 0x3147444c4b324531, 4
NAMES_MAGIC, NAMES_HEADER, NAME_RECORD = 0x31534d4e4b324531, 64, struct.Struct("=IIIHHII")
_REASONS, _LATENCIES, _THREADS, _HOSTS, _HOLDS = 32, 20, 8, 4096, 4096
_PAGE, _ENTRY = 4096, 128
COUNTERS = ("received", "acknowledged", "lost", "coalesced")

# (name, format, how many, alignment); an alignment of 0: its own size.
_HEADER = [
    ("magic", "Q", 1, 0), ("format_version", "I", 1, 0), ("generation", "I", 1, 0), ("slot", "H", 1, 0),
    ("reserved", "H", 1, 0), ("pid", "i", 1, 0), ("ticks", "Q", 1, 0), ("started", "q", 1, 0),
    ("entry_capacity", "I", 1, 0), ("entries_offset", "I", 1, 0), ("entries_used", "I", 1, 0),
    ("exit_code", "i", 1, 0), ("exit_reason", "240s", 1, 1),
    ("ca_events", "Q", 1, 64), ("appended", "Q", 1, 0), ("lost_unspooled", "Q", _REASONS, 0), ("searches", "Q", 5, 0),
    ("duplicated", "I", 1, 0),
    ("acknowledged", "Q", 1, 64), ("produced", "Q", 1, 0), ("delivery_failures", "Q", 1, 0), ("coalesced", "Q", 1, 0),
    ("in_flight", "Q", 1, 0), ("oldest", "q", 1, 0), ("lost_spooled", "Q", _REASONS, 0),
    ("latencies", "Q", _LATENCIES, 0), ("latency_sum", "Q", 1, 0), ("intent", "40s", 1, 8), ("republished", "Q", 1, 0),
    ("aside_bytes", "Q", 1, 0), ("aside_max_bytes", "Q", 1, 0), ("aside_logs", "I", 1, 0), ("older_logs", "I", 1, 0),
    ("older_bytes", "Q", 1, 0), ("logs_drained", "Q", 1, 0), ("damaged_segments", "I", 1, 0),
    ("unreconciled", "I", 1, 0),
    ("suspect_log", "Q", 1, 0), ("suspect_position", "Q", 1, 0), ("suspect_deaths", "I", 1, 0),
    ("spool", "Q", 5, 64),
    ("opening", "Q", 7, 0), ("flight", "64s", _THREADS, 64), ("hosts", "128s", _HOSTS, 64),
    ("holds_changed", "I", 1, 64), ("holds_used", "I", 1, 0), ("holds", "64s", _HOLDS, 64)]


def _layout():
    at, out = 0, {}
    for name, kind, count, alignment in _HEADER:
        size = struct.calcsize("=" + kind)
        alignment = alignment or size
        at = (at + alignment - 1) // alignment * alignment
        out[name] = (at, kind, count)
        at += size * count
    return out, (at + 63) // 64 * 64


_PLACES, _HEADER_BYTES = _layout()


class Ledger:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            head = file.read(_HEADER_BYTES)
            self._head = head
            if self.value("magic") != MAGIC or self.value("format_version") != VERSION:
                raise AssertionError(f"{path} is no ledger of version {VERSION}: does ledger_balance.py know the layout?")
            expected = (_HEADER_BYTES + _PAGE - 1) // _PAGE * _PAGE
            if self.value("entries_offset") != expected:
                raise AssertionError(f"the lines of {path} begin at {self.value('entries_offset')}, not at {expected}: "
                                     "the header's layout is another than ledger_balance.py knows")
            file.seek(expected)
            lines = file.read(self.value("entries_used") * _ENTRY)
        self.lines = [_line(lines, at) for at in range(0, len(lines) - _ENTRY + 1, _ENTRY)]

    def value(self, name):
        values = self.values(name)
        return values[0]

    def values(self, name):
        at, kind, count = _PLACES[name]
        return struct.unpack_from(f"={count}{kind}" if count > 1 else f"={kind}", self._head, at)

    def faults(self):
        opening = dict(zip(("appended", "lost_unspooled", "acknowledged", "lost_spooled", "coalesced"),
                           self.values("opening")))
        # Who was killed may have been between a line and the header.
        doubt = 0 if self.value("exit_code") >= 0 else 1
        for index, line in enumerate(self.lines):
            settled = line["acknowledged"] + line["lost_spooled"] + line["coalesced"]
            if settled > line["appended"] + doubt:
                yield f"{self.path}: line {index} settled more than was appended: {line}"
        for name, before in opening.items():
            total = sum(self.values(name))
            lines = sum(line[name] for line in self.lines)
            if abs(total - before - lines) > doubt:
                yield f"{self.path}: {name} is {total}, but opening {before} + lines {lines} = {before + lines}"


def _line(data, at):
    appended, lost_unspooled = struct.unpack_from("=2Q", data, at + 32)
    acknowledged, lost_spooled, coalesced = struct.unpack_from("=3Q", data, at + 64)
    return {"appended": appended, "lost_unspooled": lost_unspooled, "acknowledged": acknowledged,
            "lost_spooled": lost_spooled, "coalesced": coalesced}


def names_of(path):
    """index -> (topic, channel, key) of a slot's book of names."""
    data = path.read_bytes()
    if len(data) < NAMES_HEADER or struct.unpack_from("=Q", data)[0] != NAMES_MAGIC:
        return {}
    names, at = {}, NAMES_HEADER
    while at + NAME_RECORD.size <= len(data):
        length, _, index, topic, channel, key, _ = NAME_RECORD.unpack_from(data, at)
        if length == 0:
            break
        text = data[at + NAME_RECORD.size:at + length]
        names[index] = (text[:topic].decode(), text[topic:topic + channel].decode(),
                        text[topic + channel:topic + channel + key].decode())
        at += (length + 7) // 8 * 8
    return names


def ledgers_of(supervisor):
    folder = supervisor.folder / "run" / "epics2kafka" / "workers"
    found = {}
    for path in sorted(folder.glob("*.ledger")):
        # A successor may be putting its own into place.
        for last in (False, False, True):
            try:
                found[int(path.stem)] = Ledger(path)
                break
            except (OSError, struct.error):
                if last:
                    raise
                time.sleep(0.02)
    return found


def _spool_folder(supervisor):
    named = supervisor.settings.get("spool", {}).get("directory")
    return type(supervisor.folder)(named) if named else supervisor.folder / "state" / "epics2kafka" / "spool"


def entry_sums(supervisor):
    """(topic, channel) -> counters, from the bytes of all books."""
    sums = collections.defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    ledgers = ledgers_of(supervisor)
    for path in _spool_folder(supervisor).glob("*.names"):
        ledger = ledgers.get(int(path.stem))
        for index, (topic, channel, _) in names_of(path).items():
            if ledger is None or index >= len(ledger.lines):
                continue
            line, entry = ledger.lines[index], sums[topic, channel]
            entry["received"] += line["appended"] + line["lost_unspooled"]
            entry["acknowledged"] += line["acknowledged"]
            entry["lost"] += line["lost_spooled"] + line["lost_unspooled"]
            entry["coalesced"] += line["coalesced"]
    return sums


def balanced(what, events):
    if events["received"] != events["acknowledged"] + events["waiting"] + events["lost"] + events["coalesced"]:
        yield f"{what} does not balance: {events}"


def _entries(supervisor):
    after = ""
    while True:
        page = supervisor.get("/channels?limit=10000" + after)
        yield from page["items"]
        if not page["next"]:
            return
        after = "&after=" + page["next"]


def status_faults(supervisor):
    """Of a running service. Counters only grow: what is read between two looks lies between them."""
    first = supervisor.status()
    second = supervisor.status()
    for status in (first, second):
        parts = [(f"worker {w['slot']}", w["events"]) for w in status["workers"]]
        parts += [(f"gone slot {g['slot']}", g["events"]) for g in status["gone_slots"]]
        yield from balanced("status", status["events"])
        for what, events in parts:
            yield from balanced(what, events)
    for name in COUNTERS:
        total = sum(part["events"][name] for part in itertools.chain(first["workers"], first["gone_slots"]))
        if not first["events"][name] <= total <= second["events"][name]:
            yield (f"{name}: the workers and gone slots have {total}, the service "
                   f"{first['events'][name]} before and {second['events'][name]} after")
    before = entry_sums(supervisor)
    entries = list(_entries(supervisor))
    after = entry_sums(supervisor)
    for entry in entries:
        yield from balanced(f"entry {entry['topic']} {entry['channel']}", entry)
        at = entry["topic"], entry["channel"]
        for name in COUNTERS:
            # A settlement is seen line by line: received is read after it, by the program as well as here.
            if not before[at][name] <= entry[name] <= max(after[at][name], before[at][name]):
                yield (f"entry {at}: {name} is {entry[name]}, its lines have {before[at][name]} before and "
                       f"{after[at][name]} after")


def faults_of_running(supervisor):
    """The faults that are still there after a few looks: a worker that is just being replaced is none."""
    faults = []
    for _ in range(5):
        if supervisor.try_status() is None:
            return []
        try:
            faults = list(status_faults(supervisor))
        except (OSError, KeyError) as failure:
            faults = [repr(failure)]
        if not faults:
            return []
        time.sleep(0.3)
    return faults


def faults_of_ended(supervisor):
    """Of the ledgers that its workers left."""
    return [fault for ledger in ledgers_of(supervisor).values() for fault in ledger.faults()]
