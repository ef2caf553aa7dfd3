"""Judges what was read against the books. Pure: records, books and incidents in, findings out.

The law of an entry, for the numbers of its channel that an independent reader found in Kafka:
  - a number that is missing between two that were read was lost (the books count it), or fell in a time in which nobody
    served the entry (an incident that may leave a gap, and the books count that gap), or was in a topic when that was deleted;
  - new numbers ascend within a partition; repeats are as many at most as waited when something died;
  - received = acknowledged + waiting + lost + coalesced at each look, nothing waits at the end, no counter falls back;
  - what was counted lost, an incident may have lost;
  - as many records are in Kafka as the books call acknowledged, and the repeats.
"""
import collections
import dataclasses
import re

from counters import epoch_of

SLACK_S = 1.0            # stamps are of the scan; a subscription takes a moment
REPEATS_BEYOND = 40      # of an entry and a death: what came after the last look at what waits


@dataclasses.dataclass
class Incident:
    kind: str
    begin: float                # Unix time
    end: float = None           # None while it lasts
    gap: bool = False           # nobody may have served meanwhile
    ends: bool = False          # workers may end, and others begin
    moves: int = 0              # so many times an entry may have gone from one worker to another
    repeats: bool = False       # what was in flight may come twice
    erased: str = None          # a topic that was deleted, with what was in it
    loses: bool = False         # events may be lost, and then are counted
    forgets: bool = False       # what was sent may be counted lost too (nobody knows any more)
    notices: int = 0            # so many records of an entry that tell of losses may be lost themselves
    only: str = None            # the topic or the channel that alone it is about
    waiting: dict = dataclasses.field(default_factory=dict)   # of each entry just before

    def touches(self, begin, end):
        return self.begin - SLACK_S <= end and begin <= (self.end or float("inf")) + SLACK_S

    def concerns(self, entry):
        return self.only is None or self.only in entry


@dataclasses.dataclass
class Finding:
    channel: str
    topic: str
    text: str

    @property
    def kind(self):
        """The text without its numbers: what several entries have in common."""
        return re.sub(r"[\d.,()]+", "#", self.text)

    def __str__(self):
        return f"{self.channel} -> {self.topic}: {self.text}"


@dataclasses.dataclass
class Account:
    """What the reader's records of one entry come to."""
    read: int = 0
    numbers: int = 0
    errors: int = 0
    repeats: int = 0
    missing: int = 0           # in no gap
    runs: list = dataclasses.field(default_factory=list)       # (first, last, from, to) of those
    gaps: int = 0              # runs that an incident explains
    gaps_or_losses: int = 0    # those of them that another incident may have lost
    gaps_or_erased: int = 0    # those of them that may have been in a topic when that was deleted
    holes: list = dataclasses.field(default_factory=list)      # (first, last, from, to, incidents' kinds) of those
    told_lost: int = 0         # sum of the Lost N events records
    notices: int = 0           # of those records themselves: an event where the callback lost it, else none
    disorder: list = dataclasses.field(default_factory=list)
    last: int = None
    last_stamp_s: float = None


def account(seen, incidents, topic):
    out = Account(read=len(seen))
    known, stamps, highest = set(), {}, {}
    for record in seen:
        if record.number is None:
            # Sent once more, it has its old stamp: that of the log.
            if (record.error, record.stamp_s) in known:
                out.repeats += 1
                continue
            known.add((record.error, record.stamp_s))
            out.errors += 1
            words = (record.error or "").split()
            if words[:1] == ["Lost"] and words[1:2] and words[1].isdigit():
                out.told_lost += int(words[1])
                out.notices += 1
            continue
        if record.number in known:
            out.repeats += 1
            continue
        known.add(record.number)
        stamps[record.number] = record.stamp_s
        place = record.incarnation, record.partition
        if record.number < highest.get(place, -1):
            out.disorder.append((highest[place], record.number))
        highest[place] = max(record.number, highest.get(place, -1))
    ordered = sorted(stamps)
    out.numbers = len(ordered)
    if ordered:
        out.last, out.last_stamp_s = ordered[-1], stamps[ordered[-1]]
    for a, b in zip(ordered, ordered[1:]):
        if b - a == 1 or epoch_of(a) != epoch_of(b):
            continue
        excuses = [i.kind for i in incidents if i.gap and i.touches(stamps[a], stamps[b])]
        if excuses:
            out.gaps += 1
            out.holes.append((a + 1, b - 1, stamps[a], stamps[b], excuses))
            out.gaps_or_losses += any(i.loses and i.touches(stamps[a], stamps[b]) for i in incidents)
            out.gaps_or_erased += any(i.erased == topic and i.touches(stamps[a], stamps[b]) for i in incidents)
        else:
            out.missing += b - a - 1
            out.runs.append((a + 1, b - 1, stamps[a], stamps[b]))
    return out


def judge_entry(entry, seen, book, incidents, last_number=None):
    """`book`: the last line of the entry's books (None: it was removed). Returns (Account, [Finding])."""
    topic, channel = entry
    incidents = [incident for incident in incidents if incident.concerns(entry)]
    sums = account(seen, incidents, topic)
    found = []

    def say(text):
        found.append(Finding(channel, topic, text))
    if sums.disorder:
        say(f"out of order {len(sums.disorder)} times, first {sums.disorder[0][1]} after {sums.disorder[0][0]}")
    _judge_repeats(entry, sums, incidents, say)
    if last_number is not None and book is not None:
        _judge_tail(sums, last_number, book, incidents, say)
    erased = any(i.erased == topic for i in incidents)
    if book is None:
        if sums.missing and not erased and not any(i.loses for i in incidents):
            say(f"{sums.missing} numbers are missing, first {sums.runs[0][:2]}; the entry was removed")
    else:
        _judge_books(sums, book, incidents, erased, say)
    return sums, found


def _judge_tail(sums, last_number, book, incidents, say):
    """What is missing behind the last one that was read is missing like any other. It may have a gap in it only where the
    last number itself may be one of the losses that the books count: else that one would have been read."""
    if sums.last == last_number or (sums.numbers == 0 and book["lost"]):
        return
    if sums.last is None or epoch_of(sums.last) != epoch_of(last_number) or sums.last > last_number:
        if not book["lost"]:
            say(f"the last number is {last_number}, the last one read {sums.last}")
        return
    def touched(what):
        return any(what(i) and i.touches(sums.last_stamp_s, float("inf")) for i in incidents)
    if book["lost"] and touched(lambda i: i.gap) and touched(lambda i: i.loses):
        sums.gaps += 1
        sums.gaps_or_losses += 1
        return
    sums.missing += last_number - sums.last
    sums.runs.append((sums.last + 1, last_number, 0, 0))


def _judge_repeats(entry, sums, incidents, say):
    allowed = sum(i.waiting.get(entry, 0) + REPEATS_BEYOND for i in incidents if i.repeats)
    # The first event of a subscription may be the last one once more.
    allowed += sum(i.gap + i.moves for i in incidents)
    if sums.repeats > allowed:
        say(f"{sums.repeats} repeats, {allowed} can be explained")


def _judge_books(sums, book, incidents, erased, say):
    lost, acknowledged = book["lost"], book["acknowledged"]
    read = sums.read - sums.notices
    if book["waiting"]:
        say(f"{book['waiting']} events still wait")
    if book["received"] != acknowledged + book["waiting"] + lost + book["coalesced"]:
        say(f"the books do not balance: {_books(book)}")
    vanished = max(0, acknowledged - (read - sums.repeats)) if erased else 0
    unexplained = sums.missing - lost - vanished
    if unexplained > 0:
        first = sums.runs[0]
        say(f"{sums.missing} numbers are missing, first {first[0]}..{first[1]}; {lost} counted lost"
            + (f", {vanished} went with the topic" if erased else "") + f": {unexplained} unexplained")
    if lost and not any(i.loses for i in incidents):
        say(f"{lost} counted lost, and nothing that happened loses any of it")
    forgets = any(i.forgets for i in incidents)
    ends = sum(i.kind.startswith("IOC") for i in incidents)  # what was lost at an epoch's end leaves no hole
    hidden = sums.gaps or ends or sums.numbers == 0
    if lost > sums.missing + sum(i.notices for i in incidents) and not forgets and not erased and not hidden:
        say(f"{lost} counted lost, {sums.missing} are missing")
    # Each such run took one loss at least that nothing else needs.
    lost_runs = min(sums.gaps_or_losses, max(0, lost - sums.missing))
    # And each such one had one event at least that went with its topic, soon after somebody died.
    erased_runs = min(sums.gaps_or_erased, max(0, vanished - max(0, sums.missing - lost)))
    if sums.gaps > book["gaps"] + ends + lost_runs + erased_runs:
        say(f"{sums.gaps} gaps in the numbers, {book['gaps']} in the books"
            + (f", {lost_runs} may be losses" if lost_runs else ""))
    if not erased and sums.read < acknowledged:
        say(f"{acknowledged} counted acknowledged, {sums.read} records are there")
    if read - sums.repeats > acknowledged and not forgets:
        say(f"{read - sums.repeats} records are there (without {sums.repeats} repeats), "
            f"{acknowledged} counted acknowledged, {lost} lost")


def _books(book):
    return ", ".join(f"{name} {book[name]}" for name in ("received", "acknowledged", "waiting", "lost", "coalesced"))


class Watch:
    """Looks at the books again and again: they balance at each look, and no counter falls back."""

    COUNTERS = ("received", "acknowledged", "lost", "coalesced", "gaps")

    def __init__(self):
        self.last = {}
        self.looks = 0
        self.findings = []
        self._told = collections.Counter()

    def look(self, books):
        self.looks += 1
        for entry, book in books.items():
            if book["received"] != book["acknowledged"] + book["waiting"] + book["lost"] + book["coalesced"] or \
                    book["waiting"] < 0:
                self._say(entry, "balance", f"the books do not balance: {_books(book)}")
            before = self.last.get(entry)
            if before is not None:
                for name in self.COUNTERS:
                    if book[name] < before[name]:
                        self._say(entry, "fell", f"{name} fell back from {before[name]} to {book[name]}, "
                                                f"shown as {book['state']} at worker {book['worker']}")
                        break
        self.last.update(books)

    def waiting(self):
        return {entry: book["waiting"] for entry, book in self.last.items()}

    def _say(self, entry, kind, text):
        self._told[entry, kind] += 1
        if self._told[entry, kind] == 1:
            self.findings.append(Finding(entry[1], entry[0], text))
