"""Where the CPU time of an event goes: by thread, of the bare harness and of the worker, in turns on one broker.

What both need, libca's receiving and librdkafka's sending, stands beside what only the worker has; the sum of the
latter over the harness's whole is what no event lost costs.
"""
import pathlib

import throughput
from table import Row

RATES = (10000, 100000)
SMALL_US = 0.02  # threads below it are one row


def cpu_by_thread(pid):
    """{name: seconds}; threads of one name together."""
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            ran_ns = int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # it ended meanwhile
            continue
        seconds[name] = seconds.get(name, 0) + ran_ns / 1e9
    return seconds


def run(side, rate, seconds):
    """{thread: CPU us an event}"""
    pid = side.worker_pid if side.name == "worker" else side.program.pid
    before = cpu_by_thread(pid)
    throughput.run(side, rate, seconds)
    after = cpu_by_thread(pid)
    return {name: (spent - before.get(name, 0)) / (rate * seconds) * 1e6 for name, spent in after.items()}


def measure(build, broker, repetitions, seconds, say):
    both = throughput.sides(build, broker, True)
    rows = []
    try:
        for side in both:
            throughput.run(side, 50000, 1)
        for rate in RATES:
            runs = {side.name: [] for side in both}
            for side in throughput.in_turns(both, repetitions):
                runs[side.name].append(run(side, rate, seconds))
                say(f"{rate}/s {side.name}: {runs[side.name][-1]}")
            for side, of_side in runs.items():
                rows += rows_of(f"{side} at {rate:,}/s", of_side)
    finally:
        for side in both:
            side.stop()
    return rows


def rows_of(what, runs):
    names = sorted({name for one in runs for name in one})
    rows = [Row(f"CPU, {what}: {name}", [one.get(name, 0) for one in runs], "us/event") for name in names]
    large = sorted((row for row in rows if row.median() >= SMALL_US), key=lambda row: -row.median())
    small = [row for row in rows if row.median() < SMALL_US]
    rest = Row(f"CPU, {what}: all others", [sum(values) for values in zip(*(row.values for row in small))], "us/event")
    return large + ([rest] if small else [])
