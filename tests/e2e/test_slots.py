"""Slots and their books: pauses, restarts, workers that are no more, indices that stay."""
import itertools
import os
import shutil
import signal

import pytest
from e2k_support import ledger_balance, wait_for
from records import ao, assert_counts_without_fault, counter

WAITING = 30


def waiting(supervisor, at_least=WAITING):
    return supervisor.wait(lambda s: s["events"]["waiting"] >= at_least, 20, f"{at_least} waiting events")


def another_worker(supervisor, slot, pid):
    supervisor.wait(lambda s: s["workers"][slot]["pid"] not in (0, pid) and s["workers"][slot]["state"] == "RUNNING",
                    20, "another worker")


def begun(site, names, settings=None):
    """Counting channels whose first events are in their topic."""
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc], settings)
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(len(names))
    reader = site.reader(topic)
    for name in names:
        reader.until(lambda _, name=name: len(reader.of(name)) >= 3, 20, f"events of {name}")
    return ioc, supervisor, reader


def drained(supervisor, reader, names):
    """All that was received is there, in order; between a death and the new subscription nothing is received."""
    supervisor.settled(40)
    reader.to_end()
    for name in names:
        numbers = [record.values[0] for record in reader.of(name) if record.error is None]
        assert numbers == sorted(set(numbers)), f"{name}: {numbers}"


def test_events_wait_while_paused_and_come_in_order_after(site):
    names = ["c0", "c1", "c2", "c3"]
    _, supervisor, reader = begun(site, names)
    done = supervisor.ctl("pause")
    assert done.returncode == 0 and "resume" in done.stdout
    status = waiting(supervisor)
    assert status["state"] == "PAUSED" and status["paused"]
    assert supervisor.ctl("health").returncode == 0
    supervisor.settled_in_flight()
    acknowledged = supervisor.status()["events"]["acknowledged"]
    waiting(supervisor, 2 * WAITING)
    assert supervisor.status()["events"]["acknowledged"] == acknowledged
    assert supervisor.request("PUT", "/resume")[0] == 202
    supervisor.wait(lambda s: s["state"] == "RUNNING" and s["events"]["acknowledged"] > acknowledged + 2 * WAITING)
    reader.to_end()
    for name in names:
        assert_counts_without_fault(reader.of(name))
    events = supervisor.status()["events"]
    assert events["lost"] == events["coalesced"] == 0


def test_a_pause_outlives_workers_and_supervisors_and_so_do_the_events(site):
    names = ["c0", "c1", "c2", "c3"]
    _, supervisor, reader = begun(site, names)
    assert supervisor.request("PUT", "/pause/")[0] == 202
    waiting(supervisor)
    for slot in (0, 1):
        pid = supervisor.workers()[slot]["pid"]
        os.kill(pid, signal.SIGKILL)
        another_worker(supervisor, slot, pid)
    supervisor.connected(4)
    received = waiting(supervisor, 2 * WAITING)["events"]["received"]
    assert supervisor.halt() == 0
    supervisor.start()
    supervisor.ready()
    supervisor.connected(4)
    status = supervisor.wait(lambda s: s["events"]["received"] > received + WAITING, 20, "more events")
    assert status["state"] == "PAUSED" and status["events"]["waiting"] >= 2 * WAITING
    assert supervisor.ctl("resume").returncode == 0
    supervisor.wait(lambda s: s["state"] == "RUNNING")
    drained(supervisor, reader, names)
    assert supervisor.status()["events"]["lost"] == 0


def test_what_waits_in_slots_that_are_gone_comes_in_order(site):
    names = [f"c{number}" for number in range(8)]
    _, supervisor, reader = begun(site, names, {"workers": {"count": 4}})
    supervisor.request("PUT", "/pause")
    waiting(supervisor, 4 * WAITING)
    assert supervisor.halt() == 0
    before = {key: sums["received"] for key, sums in ledger_balance.entry_sums(supervisor).items()}
    supervisor.settings["workers"]["count"] = 1
    supervisor.write_config()
    supervisor.start()
    status = supervisor.ready()
    assert len(status["workers"]) == 1 and [g["slot"] for g in status["gone_slots"]] == [1, 2, 3]
    assert all(gone["heir"] == 0 and gone["events"]["waiting"] > 0 for gone in status["gone_slots"])
    assert status["events"]["received"] >= sum(before.values())
    supervisor.request("PUT", "/resume")
    supervisor.connected(8, 40)
    supervisor.wait(lambda s: all(gone["events"]["waiting"] == 0 for gone in s["gone_slots"]), 40, "drained slots")
    drained(supervisor, reader, names)
    status = supervisor.status()
    assert status["events"]["lost"] == 0
    for name in names:
        (entry,) = supervisor.channel(name)
        assert entry["received"] >= before[entry["topic"], name]
    # The counters of all slots go on, whatever is there of them.
    metrics = supervisor.request("GET", "/metrics")[2].decode()
    assert all(f'epics2kafka_events_received_total{{worker="{slot}"}}' in metrics for slot in range(4))
    # Their heir lives, and has let go of their books.
    supervisor.settings["workers"]["count"] = 4
    supervisor.write_config()
    assert supervisor.ctl("reload").returncode == 0
    again = supervisor.wait(lambda s: [w["state"] for w in s["workers"]] == ["RUNNING"] * 4, 20, "four workers")
    assert again["workers"][0]["pid"] == status["workers"][0]["pid"]
    supervisor.connected(8)
    again = supervisor.status()
    assert again["gone_slots"] == [] and again["events"]["acknowledged"] >= status["events"]["acknowledged"]


def test_what_somebody_removed_of_a_slot_that_is_gone_is_lost_and_said(site):
    names = ["c0", "c1", "c2", "c3"]
    _, supervisor, reader = begun(site, names)
    supervisor.request("PUT", "/pause")
    waiting(supervisor)
    assert supervisor.halt() == 0
    for folder in (supervisor.folder / "state" / "epics2kafka" / "spool").glob("1.[0-9]*"):
        shutil.rmtree(folder)
    supervisor.settings["workers"]["count"] = 1
    supervisor.write_config()
    supervisor.start()
    (gone,) = supervisor.ready()["gone_slots"]
    owed = gone["events"]["waiting"] + gone["events"]["lost"]
    assert owed > 0

    def told(status):
        codes = {reason["code"]: reason["message"] for reason in status["reasons"]}
        return (f"{owed} events of slot 1" in codes.get("SPOOL_GONE", "") and
                f"{owed} spool_gone" in codes.get("EVENTS_LOST", ""))
    supervisor.wait(lambda s: s["events"]["lost"] == owed and told(s), 20, "the loss and its reasons")
    supervisor.request("PUT", "/resume")
    supervisor.connected(4, 40)
    drained(supervisor, reader, names)
    assert supervisor.status()["events"]["lost"] == owed


def test_channels_keep_worker_and_index_over_a_restart_of_the_supervisor(site):
    names = [f"c{number}" for number in range(6)]
    _, supervisor, reader = begun(site, names)
    # By hand they are uneven in another way than a planner would begin with.
    for name in names[1:4]:
        supervisor.unset(name, supervisor.channel(name)[0]["topic"])
    supervisor.connected(3)
    folder = supervisor.folder / "state" / "epics2kafka" / "spool"

    def served():
        return {name: supervisor.channel(name)[0]["worker"] for name in (names[0], *names[4:])}
    workers = served()
    books = {path.name: ledger_balance.names_of(path) for path in folder.glob("*.names")}
    assert len(books) == 2 and {name for book in books.values() for _, name, _ in book.values()} == set(names)
    assert supervisor.halt() == 0
    supervisor.start()
    supervisor.ready()
    supervisor.connected(3)
    assert served() == workers
    assert {path.name: ledger_balance.names_of(path) for path in folder.glob("*.names")} == books
    reader.to_end()


def test_figures_of_an_entry_go_on_over_keys_and_workers(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    supervisor.monitor("a", topic)
    supervisor.served(1)
    for number in range(1, 6):
        ioc.put("a", number)
    supervisor.wait(lambda s: s["events"]["acknowledged"] >= 6, 10, "six events")
    supervisor.monitor("a", topic, outkey="other")
    reader = site.reader(topic)
    # The new key holds from some event on.
    more = itertools.count(6)
    wait_for(lambda: ioc.put("a", next(more)) or reader.to_end() and reader.of("other"), 20, "a record under the new key")
    last = float(next(more) - 1)  # that was put
    reader.until(lambda records: any(record.values == [last] for record in records), 10, "the last one that was put")
    first = supervisor.settled()["events"]
    (entry,) = supervisor.channel("a")
    assert entry["received"] == first["received"] == len(reader.to_end())
    pid = supervisor.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    another_worker(supervisor, 0, pid)
    supervisor.connected(1)
    ioc.put("a", -7)
    reader.until(lambda _: [r.values for r in reader.of("other")][-1:] == [[-7.0]], 10, "a = -7")
    supervisor.settled()
    (entry,) = supervisor.channel("a")
    assert entry["received"] > first["received"]
    assert entry["received"] == supervisor.status()["events"]["received"]


def test_a_supervisor_whose_spool_is_taken_says_by_whom_and_touches_nothing(site):
    ioc = site.ioc(ao("a"))
    first = site.supervisor([ioc])
    folder = first.folder / "state" / "epics2kafka" / "spool"
    before = sorted(path.name for path in folder.iterdir())
    second = site.supervisor([ioc], {"spool": {"directory": str(folder)}}, ready=False, start=False)
    second.start()
    status = wait_for(lambda: second.child.poll() is not None and [second.child.poll()], 20, "its end")
    assert status == [75]
    told = second.child.tail()
    for part in (str(folder), f"pid {first.child.pid}", "another spool.directory"):
        assert part in told, told
    second.child = None
    assert sorted(path.name for path in folder.iterdir()) == before
    assert first.status()["state"] == "RUNNING"


def test_a_spool_directory_that_cannot_be_made_ends_the_start_with_path_and_remedy(site):
    supervisor = site.supervisor(ready=False, start=False)
    (supervisor.folder / "file").write_text("not a folder")
    wanted = supervisor.folder / "file" / "spool"
    supervisor.settings["spool"]["directory"] = str(wanted)
    supervisor.write_config()
    supervisor.start()
    assert supervisor.child.wait(20) == 75
    told = supervisor.child.tail()
    assert str(wanted) in told and "name another in the configuration" in told, told
    supervisor.child = None


def refused_for_good(supervisor, *parts):
    supervisor.start()
    assert supervisor.child.wait(20) == 78
    told = supervisor.child.tail()
    for part in parts:
        assert part in told, told
    supervisor.child = None


def test_what_no_second_try_would_mend_ends_the_start_for_good(site):
    supervisor = site.supervisor(ready=False, start=False)
    path = supervisor.folder / "taken"
    path.write_text("not a socket")
    supervisor.settings["control"] = {"socket": str(path)}
    supervisor.write_config()
    refused_for_good(supervisor, str(path), "is not a socket")
    assert path.read_text() == "not a socket"

    supervisor = site.supervisor(ready=False, start=False)
    generation = supervisor.folder / "state" / "epics2kafka" / "generation"
    generation.parent.mkdir()
    generation.write_text("nonsense\n")
    refused_for_good(supervisor, str(generation), "holds no number")


def test_a_topic_that_does_not_exist_is_named_with_what_waits_and_the_remedy(site, strict_broker):
    ioc = site.ioc(counter("a"))
    supervisor = site.supervisor([ioc], broker=strict_broker)
    missing = f"t{site.number}-missing"
    supervisor.monitor("a", missing)

    def reason(status):
        return next((r["message"] for r in status["reasons"] if r["code"] == "TOPIC_BLOCKED"), None)
    message = reason(supervisor.wait(reason, 20, "TOPIC_BLOCKED"))
    assert f"topic {missing} does not exist" in message and f"--create --topic {missing}" in message
    (entry,) = supervisor.channel("a")
    assert entry["blocked"] == "no_topic" and entry["state"] == "NO_TOPIC"
    # What waits does so without its command, too.
    supervisor.unset("a", missing)
    supervisor.wait(lambda s: s["channels"]["total"] == 0, 20, "no entry")

    def tells_of_all(status):
        waiting = status["events"]["waiting"]
        return waiting > 0 and f"{waiting} events of 1 entries wait" in (reason(status) or "")
    waiting = supervisor.wait(tells_of_all, 20, "TOPIC_BLOCKED with the events of an entry that is no more")["events"]["waiting"]
    strict_broker.create_topic(missing)
    supervisor.wait(lambda s: s["state"] == "RUNNING", 30, "RUNNING")
    reader = site.reader(missing, broker=strict_broker)
    reader.count(waiting, timeout=20)
    assert_counts_without_fault(reader.of("a"))


def test_losses_are_told_by_reason_and_channel(site):
    ioc = site.ioc('record(waveform,"big"){field(FTVL,"DOUBLE")field(NELM,"1000")field(PINI,"YES")}' + ao("small"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"spool": {"max_event_bytes": 1024}})
    supervisor.monitor("big", topic)
    supervisor.monitor("small", topic)
    supervisor.connected(2)
    ioc.put("big", list(range(1000)))
    status = supervisor.wait(lambda s: s["events"]["lost"] > 0 and any(r["code"] == "EVENTS_LOST" for r in s["reasons"]),
                             15, "EVENTS_LOST")
    (message,) = [r["message"] for r in status["reasons"] if r["code"] == "EVENTS_LOST"]
    assert "event_too_large" in message and "spool.max_event_bytes" in message
    assert status["state"] == "DEGRADED"


def test_the_look_at_the_books_finds_what_is_wrong(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    supervisor.wait(lambda s: s["events"]["acknowledged"] >= 1)
    supervisor.settled()
    assert ledger_balance.faults_of_running(supervisor) == []
    assert supervisor.halt() == 0
    assert ledger_balance.faults_of_ended(supervisor) == []
    path = supervisor.folder / "run" / "epics2kafka" / "workers" / "0.ledger"
    (index,) = ledger_balance.names_of(supervisor.folder / "state" / "epics2kafka" / "spool" / "0.names")
    ledger = ledger_balance.Ledger(path)
    line = ledger.value("entries_offset") + 128 * index
    for offset in (line + 32, line + 64):  # appended, acknowledged
        whole = path.read_bytes()
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write((int.from_bytes(whole[offset:offset + 8], "little") + 1).to_bytes(8, "little"))
        assert ledger_balance.faults_of_ended(supervisor)
        path.write_bytes(whole)
    assert ledger_balance.faults_of_ended(supervisor) == []
