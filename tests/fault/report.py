"""What is printed at the end: a line an entry, a line a trial."""
import time

HEAD = ("channel", "topic", "read", "numbers", "repeats", "missing", "gaps", "received", "acknowl.", "waiting", "lost",
        "verdict")


def print_accounts(accounts, findings, say):
    rows = [HEAD]
    for (topic, channel), sums in accounts.items():
        book = getattr(sums, "book", None) or {}
        bad = sum(finding.channel == channel and finding.topic == topic for finding in findings)
        rows.append((channel, topic, sums.read, sums.numbers, sums.repeats, sums.missing, sums.gaps,
                     *(book.get(name, "-") for name in ("received", "acknowledged", "waiting", "lost")),
                     f"{bad} VIOLATED" if bad else "ok"))
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        say("  ".join(str(cell).ljust(width) if column < 2 or column == len(HEAD) - 1 else str(cell).rjust(width)
                      for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
    for (topic, channel), sums in accounts.items():
        if not any(finding.channel == channel and finding.topic == topic for finding in findings):
            continue
        for first, last, begin, end, kinds in sums.holes:
            say(f"  {channel} -> {topic}: {first}..{last} from {_clock(begin)} to {_clock(end)} is excused by: {', '.join(kinds)}")


def _clock(seconds):
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) + f"{seconds % 1:.3f}"[1:]


def shortened(findings, most=3):
    """Of each kind the first ones, and how many there are."""
    kinds = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    for alike in kinds.values():
        yield from map(str, alike[:most])
        if len(alike) > most:
            yield f"… and {len(alike) - most} more like the last one"


def finish(results, counts_file):
    """Prints the verdicts; returns the exit status."""
    failed = [result for result in results if not result[1]]
    width = max((len(name) for name, _, _ in results), default=0)
    print("\nverdicts")
    for name, passed, why in results:
        print(f"  {name:{width}}  {'ok' if passed else 'VIOLATED  ' + why[:160]}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if counts_file:
        with open(counts_file, "a", encoding="ascii") as file:
            file.write(f"{len(results) - len(failed)} {len(failed)}\n")
    return 1 if failed else 0
