"""Prints one table of figures. tests/bench/run builds what it needs and calls it."""
import argparse
import os
import pathlib
import platform
import sys
import time

import deaths
import drain
import micro
import plots
import resident
import service
import threads
import throughput
import topics
from e2k_support import Broker, build_dir
from table import print_table

SECTIONS = ("micro", "throughput", "latency", "threads", "curve", "arrays", "resident", "drain", "topics", "memory", "load",
            "first", "deaths")


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section (repeatable); default all")
    parser.add_argument("--repeat", type=int, default=5,
                        help="repetitions, or pairs, of each figure (of the greatest rates at most 4)")
    parser.add_argument("--seconds", type=float, default=5, help="of load a repetition")
    parser.add_argument("--channels", type=int, default=50000, help="channels of the memory figure")
    parser.add_argument("--harness-only", action="store_true", help="without our programs")
    parser.add_argument("--quiet", action="store_true", help="the table alone")
    return parser.parse_args()


def main():
    options = arguments()
    sections = options.only or SECTIONS
    build = build_dir().resolve()
    ours = not options.harness_only and (build / "bin" / "epics2kafka-supervisor").exists()
    begin = time.monotonic()

    def say(text):
        if not options.quiet:
            print(f"[{time.monotonic() - begin:6.1f} s] {text}", file=sys.stderr, flush=True)

    if "curve" in sections and plots.why_not():
        if options.only:
            sys.exit(f"tests/bench: {plots.why_not()}")
        say(f"the curve is left out: {plots.why_not()}")
        sections = [section for section in sections if section != "curve"]
    machine = f"{platform.machine()}, {os.cpu_count()} cores shared by the broker, the IOC and what is measured"
    drawn = []
    rows = micro.measure(build, options.repeat) if "micro" in sections else []
    if any(section in sections for section in SECTIONS[1:]):
        with Broker(quick=False) as broker:
            if "throughput" in sections:
                rows += throughput.measure(build, broker, options.repeat, options.seconds, ours, say)
            if "latency" in sections:
                rows += throughput.measure_latency(build, broker, options.repeat, options.seconds, ours, say)
            if "threads" in sections and ours:
                rows += threads.measure(build, broker, options.repeat, options.seconds, say)
            if "curve" in sections:
                curve = throughput.measure_curve(build, broker, options.seconds, ours, say)
                drawn.append(plots.of_curve(build / "bench-plots" / "curve.png", curve, machine))
            if "arrays" in sections:
                rows += throughput.measure_arrays(build, broker, options.repeat, options.seconds, ours, say)
            if "resident" in sections and ours:
                rows += resident.measure(build, broker, options.seconds, say)
            if "drain" in sections and ours:
                side = throughput.WorkerSide(build, broker)
                try:
                    rows += drain.measure(broker, side, max(1, options.repeat // 2), say)
                finally:
                    side.stop()
            if "topics" in sections and ours:
                rows += topics.measure(build, broker, max(1, options.repeat // 2), options.seconds, say)
            if "memory" in sections and ours:
                rows += service.memory(build, broker, options.channels, say)
            if "load" in sections and ours:
                rows += service.command_load(broker, 25000, options.repeat, say)
            if "first" in sections and ours:
                rows += service.first_records(build, broker, 30, 10000, say)
            if "deaths" in sections and ours:
                rows += deaths.measure(build, broker, say)
    print(f"{machine}; {time.monotonic() - begin:.0f} s")
    if not ours:
        print(f"epics2kafka-supervisor is left out or not in {pathlib.Path(build, 'bin')}: only what needs none of it")
    if rows:
        print_table(rows)
    for path in drawn:
        print(f"drawn: {path}")


main()
