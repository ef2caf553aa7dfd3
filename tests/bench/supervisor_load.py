"""What many commands cost the supervisor: a restart over a million of them, pages of a million entries, the status while a worker
hangs, an idle fleet, the removal of 50,000 channels at once, a worker that joins, dies, and a supervisor that does.

    PYTHONPATH=tests/support E2K_BUILD=build/ci PYTHON tests/bench/supervisor_load.py [--only restart|pages|moves|hang|idle|remove] [--commands N]

Prints one line a figure, beside what it should be. Workers of `restart` are the link alone (tests/support/fleet); those of the
others are the real ones, on channels that no IOC has.
"""
import argparse
import os
import pathlib
import re
import signal
import sys
import threading
import time

from e2k_support import Broker, LoadIoc, Reader, SoftIoc, Supervisor, paths, proc, wait_for
from latency import LatencyReader

sys.path.insert(0, str(paths.root_dir() / "tests" / "e2e"))
from records import assert_counts_without_fault, counter  # noqa: E402

SECTIONS = ("restart", "pages", "moves", "hang", "idle", "remove")
QUESTIONS = 400
REMOVED, KEPT, WITNESSES = 50_000, 10_000, 20


def say(what, value, unit, goal):
    print(f"{what:<58} {value:>10.2f} {unit:<6} (goal {goal})", flush=True)


def commands(count):
    for number in range(count):
        yield f"IOC{number % 100}:device{number}:current", f'{{"topic":"topic{number % 40}","mask":"va"}}'


def peak_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def longest_turn_ms(service):
    _, _, body = service.request("GET", "/metrics", timeout=30)
    return 1000 * float(re.search(rb"^epics2kafka_loop_longest_turn_seconds (\S+)", body, re.M).group(1))


def stolen_ms():
    """A virtual machine's, all processors together: no turn that it fell into could be any shorter."""
    fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return 1000 * int(fields[8]) / os.sysconf("SC_CLK_TCK")


def handed_out(status):
    return sum(worker["entries"] for worker in status["workers"])


def after(begin, service, holds, what, timeout=180):
    """Seconds from `begin` until the status holds; asked every 20 ms, each time for as long as it takes."""
    def asked():
        try:
            status = service.get("/status", timeout=30)
        except (OSError, ValueError, proc.PartFailed):
            return False
        return holds(status)
    wait_for(asked, timeout, what, child=service.child)
    return time.monotonic() - begin


def restart(broker, count):
    broker.create_topic("load-restart", compacted=True)
    broker.produce("load-restart", commands(count), timeout=120)
    settings = {"workers": {"count": 2, "program": str(paths.build_dir() / "bin" / "fake_worker")},
                "commands": {"topic": "load-restart"}}
    with Supervisor(broker, [], settings) as service:
        begin = time.monotonic()
        say(f"first start over {count:,} commands: caught up",
            after(begin, service, lambda s: s["commands"]["caught_up"], "the topic's end"), "s", "8")
        say("  all handed out", after(begin, service, lambda s: handed_out(s) == count, "all handed out"), "s", "-")
        say("  its longest turn", longest_turn_ms(service), "ms", "20")
        say("  supervisor's memory at its peak", peak_mib(service.child.pid), "MiB", "400")
        wait_for(lambda: list(service.folder.glob("state/**/commands.snapshot")), 60, "a snapshot")
        service.halt(timeout=120)
        begin = time.monotonic()
        service.start()
        say("restart: status answered", after(begin, service, lambda s: True, "an answer"), "s", "1")
        say("  serving from the snapshot", after(begin, service, lambda s: s["state"] != "STARTING", "serving"), "s", "1")
        say("  caught up", after(begin, service, lambda s: s["commands"]["caught_up"], "the topic's end"), "s", "8")
        say("  all handed out", after(begin, service, lambda s: handed_out(s) == count, "all handed out"), "s", "-")
        say("  longest turn", longest_turn_ms(service), "ms", "20")
        say("  supervisor's memory at its peak", peak_mib(service.child.pid), "MiB", "400")


# What goes through all entries: nobody has the host, an event or a topic that sorts last.
PAGES = ("/channels?limit=1000", "/channels?limit=1000&lost=true", "/channels?limit=1000&host=10.1.2.3", "/channels?limit=1000&state=CONNECTED",
         "/channels?limit=10000", "/topics")
PAGE_QUESTIONS = 10


def pages(broker, count):
    """Something small is asked for all the while: nobody waits for who asks for pages."""
    broker.create_topic("load-pages", compacted=True)
    broker.produce("load-pages", commands(count), timeout=120)
    settings = {"workers": {"count": 4, "program": str(paths.build_dir() / "bin" / "fake_worker")},
                "commands": {"topic": "load-pages"}}
    with Supervisor(broker, [], settings) as service:
        wait_for(lambda: handed_out(service.try_status() or {"workers": []}) == count, 180, "all handed out", child=service.child)
        time.sleep(70)  # the longest turn of the start is forgotten
        say(f"{count:,} entries at rest: longest turn", longest_turn_ms(service), "ms", "20")
        for path in PAGES:
            took, status, ended = [], [], threading.Event()
            watcher = threading.Thread(target=ask_on, args=(service, status, ended))
            watcher.start()
            for _ in range(PAGE_QUESTIONS):
                begin = time.monotonic()
                service.get(path, timeout=60)
                took.append(1000 * (time.monotonic() - begin))
            ended.set()
            watcher.join()
            say(f"GET {path}: the longest of {PAGE_QUESTIONS}", max(took), "ms", "-")
            say("  another question meanwhile: the longest", max(status), "ms", "20")
        say("  longest turn", longest_turn_ms(service), "ms", "20")


def ask_on(service, took, ended):
    while not ended.wait(0.01):
        begin = time.monotonic()
        service.get("/health/live", timeout=60)
        took.append(1000 * (time.monotonic() - begin))


SETTLING_S, MINUTE_S = 20, 70  # until a worker has been told all; until the longest turn is forgotten


def moves(broker, count):
    """What concerns a worker's whole share at once; each time the longest turn of the minute in which it happened."""
    with serve(broker, "load-moves", 4, count) as service:
        time.sleep(SETTLING_S + MINUTE_S)
        say(f"{count:,} entries at rest on 4 workers: longest turn", longest_turn_ms(service), "ms", "20")
        os.kill(service.workers()[0]["pid"], signal.SIGKILL)
        time.sleep(SETTLING_S)
        say("  a worker is killed, and its successor told all: longest turn", longest_turn_ms(service), "ms", "20")
        time.sleep(MINUTE_S)
        assert service.ctl("scale", "5").returncode == 0
        time.sleep(SETTLING_S)
        moved = service.workers()[-1]["channels"]
        say(f"  a fifth joins, {moved:,} channels later: longest turn", longest_turn_ms(service), "ms", "20")
        service.kill()
        begin = time.monotonic()
        service.start()
        say("  the supervisor is killed: serving", after(begin, service, lambda s: s["state"] != "STARTING", "serving"), "s", "1")
        time.sleep(SETTLING_S)
        say("  longest turn", longest_turn_ms(service), "ms", "20")


def serve(broker, topic, workers, count):
    broker.create_topic(topic, compacted=True)
    broker.produce(topic, commands(count), timeout=120)
    service = Supervisor(broker, [], {"workers": {"count": workers}, "commands": {"topic": topic},
                                      "spool": {"max_total_bytes": 512 << 20, "keep_free_bytes": 16 << 20}})
    wait_for(lambda: (service.try_status() or {"channels": {"total": 0}})["channels"]["total"] == count, 120, "all entries",
             child=service.child)
    wait_for(lambda: all(worker["state"] == "RUNNING" for worker in service.workers()), 60, "all workers")
    return service


def hang(broker, count):
    with serve(broker, "load-hang", 4, count) as service:
        time.sleep(10)  # assignments go out
        os.kill(service.workers()[0]["pid"], signal.SIGSTOP)
        took = []
        for _ in range(QUESTIONS):
            begin = time.monotonic()
            service.get("/status", timeout=30)
            took.append(1000 * (time.monotonic() - begin))
        took.sort()
        say(f"status while a worker hangs, {count:,} channels: p99", took[len(took) * 99 // 100], "ms", "10")
        say("  the longest", took[-1], "ms", "-")


def idle(broker, count):
    with serve(broker, "load-idle", 8, count) as service:
        time.sleep(30)
        pid, begin = service.child.pid, time.monotonic()
        before = cpu_s(pid)
        time.sleep(30)
        share = 100 * (cpu_s(pid) - before) / (time.monotonic() - begin)
        say(f"idle supervisor, 8 workers, {count:,} entries", share, "%", "< 0.2 of a core")
        say("  longest turn", longest_turn_ms(service), "ms", "20")


def remove(broker):
    """Of channels that are connected, beside others that count at 10 Hz."""
    broker.create_topic("load-remove", compacted=True)
    counters = [f"witness{number}" for number in range(WITNESSES)]
    with LoadIoc(records=REMOVED + KEPT, prefix="remove:") as load, SoftIoc("".join(counter(name) for name in counters)) as ioc, \
            Supervisor(broker, [load, ioc], {"workers": {"count": 4}, "commands": {"topic": "load-remove"}}) as service:
        keys = [f"remove:{number}" for number in range(REMOVED + KEPT)]
        broker.produce("load-remove", [(key, '{"topic":"removed","mask":"v"}') for key in keys] +
                       [(name, '{"topic":"witnesses","mask":"v"}') for name in counters], timeout=120)
        service.connected(REMOVED + KEPT + WITNESSES, 120)
        reader = Reader(broker.bootstrap, "witnesses")
        reader.until(lambda records: len(records) > 10 * WITNESSES, 30)
        clock = LatencyReader(broker, "witnesses")
        time.sleep(5)
        before = clock.take()
        begin = time.monotonic()
        broker.produce("load-remove", [(key, None) for key in keys[:REMOVED]], timeout=120)
        wait_for(lambda: serving(service) == KEPT + WITNESSES, 30, "the removal")
        say(f"removal of {REMOVED:,} of {REMOVED + KEPT:,} channels: gone from the workers", time.monotonic() - begin, "s", "-")
        meanwhile = clock.take()
        clock.stop()
        say("  longest turn", longest_turn_ms(service), "ms", "20")
        reader.to_end()
        for name in counters:
            assert_counts_without_fault([record for record in reader.records if record.name == name])
        say("  events of others lost", 0, "", "0")
        say(f"  the latest of {len(before)} events of others before, from its stamp to a reader", before[-1], "ms", "-")
        say(f"  the latest of {len(meanwhile)} meanwhile", meanwhile[-1], "ms", "100")


def serving(service):
    return sum(worker["connected"] for worker in service.workers())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, action="append")
    parser.add_argument("--commands", type=int, default=1_000_000)
    options = parser.parse_args()
    sections = options.only or SECTIONS
    every, fewer = options.commands, min(options.commands, 100_000)
    parts = {"restart": lambda: restart(broker, every), "pages": lambda: pages(broker, every), "moves": lambda: moves(broker, every),
             "hang": lambda: hang(broker, fewer), "idle": lambda: idle(broker, fewer), "remove": lambda: remove(broker)}
    with Broker(quick=False) as broker:
        for section in sections:
            before = stolen_ms()
            parts[section]()
            say(f"{section}: taken from this machine by its host meanwhile", stolen_ms() - before, "ms", "0")


if __name__ == "__main__":
    main()
