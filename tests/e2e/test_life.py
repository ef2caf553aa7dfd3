"""IOCs that come and go, workers that die, a broker that is away."""
import itertools
import os
import signal
import time

import pytest
from e2k_support import Broker, alive, wait_for
from records import ao, assert_counts_without_fault, counter, error_bytes


def test_an_ioc_restart_is_seen_and_healed_without_doubled_events(site):
    names = [f"c{number}" for number in range(20)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(20)
    reader = site.reader(topic)
    for _ in range(2):
        reader.until(lambda records: len(reader.to_end()) > 100, 20)
        before = {name: len(reader.of(name)) for name in names}
        ioc.halt()
        supervisor.wait(lambda s: s["channels"]["disconnected"] == 20, 10, "20 disconnected entries")
        ioc.start()
        supervisor.connected(20)
        for name in names:
            reader.until(lambda records, name=name, before=before: len(reader.of(name)) > before[name] + 20, 20)
    heard = []  # by name: its first numbers after the two restarts
    for name in names:
        records = reader.of(name)
        errors = [at for at, record in enumerate(records) if record.error is not None]
        assert [records[at].value for at in errors] == [error_bytes("Disconnected")] * 2
        heard.append([records[at + 1].values[0] for at in errors])
        for begin, end in zip([0, *[at + 1 for at in errors]], [*errors, len(records)]):
            assert_counts_without_fault(records[begin:end])
    # An IOC counts from its start on, ten a second: its first number tells after how long it was heard again. Others on the machine
    # may hold up one of the two restarts.
    assert min(max(numbers) for numbers in zip(*heard)) < 30, heard


def test_a_type_that_changes_with_a_restart_is_followed(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    reader = site.reader(topic)
    assert reader.count(1)[-1].json()["doubleValues"] == [0.0]
    ioc.write('record(waveform,"a"){field(FTVL,"STRING")field(NELM,"3")field(PINI,"YES")}')
    ioc.restart()
    supervisor.connected(1)
    ioc.put("a", ["x", "y"])
    reader.until(lambda records: records[-1].error is None and records[-1].json()["stringValues"] == ["x", "y"])


def test_never_connected_is_said_once(site):
    ioc = site.ioc(ao("there"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"never_connected_after_s": 1}})
    supervisor.monitor("missing", topic)
    supervisor.monitor("there", topic)
    reader = site.reader(topic)
    (record,) = reader.count(1, key="missing")
    assert record.value == error_bytes("Never Connected")
    assert abs(record.timestamp_ms - time.time() * 1000) < 20_000
    supervisor.wait(lambda s: s["channels"]["never_connected"] == 1)
    supervisor.settled()
    supervisor.halt()
    supervisor.start()
    supervisor.ready()
    supervisor.connected(1)
    wait_for(lambda: (supervisor.try_status() or {}).get("uptime_s", 0) >= 3, 15, "three seconds of uptime")
    reader.to_end()
    assert len(reader.of("missing")) == 1
    ioc.write(ao("there") + ao("missing"))
    ioc.restart()
    supervisor.connected(2)
    reader.until(lambda records: reader.of("missing")[-1].values == [0.0])
    assert [r.error for r in reader.of("missing")].count("Never Connected") == 1


def told(supervisor, reader, name, number):
    """Exactly so many `Disconnected` are in the topic, once the service knows that the channel is away."""
    supervisor.wait(lambda s: s["channels"]["disconnected"] == 1, 20, "a disconnected entry")
    # One too few is waited for; one too many would be there as soon as nothing waits any more.
    reader.until(lambda _: errors_of(reader, name).count("Disconnected") >= number, 10, f"{number} Disconnected")
    supervisor.settled()
    reader.to_end()
    assert errors_of(reader, name) == ["Disconnected"] * number


def errors_of(reader, name):
    return [record.error for record in reader.of(name) if record.error is not None]


def test_an_ioc_that_went_while_the_service_was_down_is_told_once_until_it_is_back(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"never_connected_after_s": 3}})
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(1)
    assert supervisor.halt() == 0
    ioc.halt()
    supervisor.start()
    told(supervisor, reader, "a", 1)
    assert supervisor.halt() == 0
    supervisor.start()
    told(supervisor, reader, "a", 1)
    ioc.start()
    supervisor.connected(1)
    ioc.put("a", 5)
    reader.until(lambda records: records[-1].error is None and records[-1].values == [5.0])
    ioc.halt()
    told(supervisor, reader, "a", 2)
    assert supervisor.halt() == 0
    supervisor.start()
    told(supervisor, reader, "a", 2)
    # That it was told ends with its return, also over a restart.
    ioc.start()
    supervisor.connected(1)
    assert supervisor.halt() == 0
    ioc.halt()
    supervisor.start()
    told(supervisor, reader, "a", 3)


def test_an_ioc_that_dies_together_with_its_worker_is_told_once(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"never_connected_after_s": 3}, "workers": {"count": 1}})
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(1)
    for number in (1, 1):  # the second time it is away and told already
        pid = supervisor.workers()[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        if ioc.child is not None:
            ioc.halt()
        supervisor.wait(lambda s, pid=pid: s["workers"][0]["pid"] not in (0, pid), 20, "another worker")
        told(supervisor, reader, "a", number)
    ioc.start()
    supervisor.connected(1)
    ioc.put("a", 5)
    reader.until(lambda records: records[-1].error is None and records[-1].values == [5.0])
    # Killed just after it told, before the supervisor's next look at its ledger.
    ioc.halt()
    reader.until(lambda _: errors_of(reader, "a").count("Disconnected") == 2, 10, "a second Disconnected")
    pid = supervisor.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, pid), 20, "another worker")
    told(supervisor, reader, "a", 2)


def test_a_channel_that_moves_just_after_its_loss_is_told_once(site):
    names = ["a", "b", "c", "d"]
    ioc = site.ioc("".join(ao(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"never_connected_after_s": 3}})
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(4)
    worker_of = {item["channel"]: item["worker"] for item in supervisor.get("/channels")["items"]}
    left = [name for name in names if worker_of[name] == 1]
    assert len(left) == 2
    reader = site.reader(topic)
    ioc.halt()
    for name in names:
        reader.until(lambda _, name=name: errors_of(reader, name) == ["Disconnected"], 10, "Disconnected")
    # One worker has nothing any more: a channel of the other moves before its ledger was looked at again.
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', None) for name in names if name not in left])
    supervisor.wait(lambda s: [w["channels"] for w in s["workers"]] == [1, 1] and
                    s["channels"]["disconnected"] == 2, 20, "a channel each, both known to be away")
    supervisor.settled()
    reader.to_end()
    for name in left:
        assert errors_of(reader, name) == ["Disconnected"]


def test_read_access_lost_and_regained(site):
    ioc = site.ioc(ao("lock") + ao("a", 'field(ASG,"locked")'), access="""
        ASG(DEFAULT) { RULE(1,READ) RULE(1,WRITE) }
        ASG(locked) { INPA(lock) RULE(1,READ) { CALC("A=0") } }
    """)
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(1)
    ioc.put("lock", 1)
    supervisor.wait(lambda s: s["channels"]["denied"] == 1, 10, "a denied entry")
    reader.until(lambda records: records[-1].value == error_bytes("Read access denied"))
    ioc.put("lock", 0)
    supervisor.connected(1)
    ioc.put("a", 5)
    reader.until(lambda records: records[-1].error is None and records[-1].values == [5.0])
    ioc.put("a", 6)
    reader.until(lambda records: records[-1].values == [6.0])
    values = [r.values[0] for r in reader.records if r.error is None]
    assert values.count(5.0) == values.count(6.0) == 1, "one subscription, not two"


def test_two_workers_have_even_shares(site):
    names = [f"a{number}" for number in range(101)]
    ioc = site.ioc("".join(ao(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in names])
    supervisor.connected(101)
    workers = supervisor.wait(lambda s: sum(w["connected"] for w in s["workers"]) == 101)["workers"]
    assert sorted(worker["channels"] for worker in workers) == [50, 51]
    assert len({worker["pid"] for worker in workers}) == 2
    holders = {}
    for number in range(2):
        for item in supervisor.get(f"/channels?worker={number}")["items"]:
            assert holders.setdefault(item["channel"], number) == number
    assert len(holders) == 101


def test_with_affinity_an_ioc_is_served_by_one_worker(site):
    # By name they alternate, so that an even division gives each worker some of both.
    names = [[f"a{number:02}" for number in range(first, 12, 2)] for first in range(2)]
    iocs = [site.ioc("".join(counter(name) for name in of_one)) for of_one in names]
    topic = site.topic()
    supervisor = site.supervisor(iocs, {"workers": {"count": 2, "affinity": "ioc"}})
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}')
                         for of_one in names for name in of_one])
    supervisor.connected(12)

    def workers_of_iocs(_):
        hosts = [host for host in supervisor.get("/hosts")["items"] if host["channels"]]
        return sorted(host["workers"] for host in hosts) == [[0], [1]] and all(h["channels"] == 6 for h in hosts)
    supervisor.wait(workers_of_iocs, 40, "one worker an IOC")
    assert supervisor.connected(12)["events"]["lost"] == 0
    assert sorted(worker["channels"] for worker in supervisor.workers()) == [6, 6]
    for of_one in names:
        assert len({supervisor.channel(name)[0]["worker"] for name in of_one}) == 1
    # They moved after their last event had arrived; the new subscription begins with the present value.
    reader = site.reader(topic)
    last = len(reader.to_end())
    reader.until(lambda records: len(records) > last + 50)
    for name in (name for of_one in names for name in of_one):
        values = [record.values[0] for record in reader.of(name) if record.error is None]
        assert values == sorted(values), name


def test_a_killed_worker_is_started_again_and_its_channels_come_back(site):
    names = [f"c{number}" for number in range(10)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(10)
    victim, other = supervisor.workers()
    os.kill(victim["pid"], signal.SIGKILL)
    status = supervisor.wait(lambda s: s["workers"][0]["generation"] != victim["generation"] and
                             s["channels"]["connected"] == 10, 20, "a new generation")
    assert status["workers"][0]["pid"] != victim["pid"] and status["workers"][0]["restarts"] == 1
    assert status["workers"][1]["pid"] == other["pid"]
    reader = site.reader(topic)
    for name in names:
        reader.until(lambda records, name=name: len([r for r in records if r.name == name]) > 20, 20)
    kept = {item["channel"] for item in supervisor.get("/channels?worker=1")["items"]}
    assert len(kept) == 5
    for name in kept:
        assert_counts_without_fault(reader.of(name))
    # What came between the death and the new subscription was never received, and is told.
    gaps = {item["channel"]: item["gaps"] for item in supervisor.get("/channels")["items"]}
    assert gaps == {name: 0 if name in kept else 1 for name in names}


def test_sigterm_drains_and_leaves_nobody_behind(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.served(1)
    pids = [worker["pid"] for worker in supervisor.workers()]
    for number in range(1, 201):
        ioc.put("a", number)
    # The IOC sends when it is done with the record.
    supervisor.wait(lambda s: s["events"]["received"] >= 201, what="all received")
    assert supervisor.halt() == 0
    assert not any(alive(pid) for pid in pids)
    values = [r.values[0] for r in site.reader(topic).to_end()]
    assert values == [float(number) for number in range(len(values))] and len(values) == 201


@pytest.fixture
def lonely_broker():
    with Broker() as broker:
        yield broker


def test_a_second_supervisor_with_another_state_leaves_the_first_alone(site):
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    first = site.supervisor([ioc], {"workers": {"count": 1}})
    first.monitor("c", topic)
    first.connected(1)
    second = site.supervisor([ioc], {"state": {"directory": str(first.folder / "other-state")},
                                     "control": {"socket": str(first.folder / "other.sock")}},
                             ready=False, start=False, environment={"XDG_RUNTIME_DIR": str(first.folder / "run")})
    second.start()
    assert second.child.wait(20) == 75
    assert f"pid {first.child.pid}" in second.child.text()
    pid = first.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: first.workers()[0]["pid"] not in (0, pid) and first.workers()[0]["state"] == "RUNNING", 20,
             "a new worker that could greet")
    first.connected(1)


def test_workers_that_a_killed_supervisor_left_no_record_of_leave_before_their_successors_begin(site):
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    supervisor.monitor("c", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(10)
    old = supervisor.workers()[0]["pid"]
    supervisor.kill()
    assert alive(old)
    (supervisor.folder / "run" / "epics2kafka" / "workers" / "0.worker").unlink()
    os.kill(old, signal.SIGSTOP)  # so that it holds its books for long enough
    supervisor.start()
    wait_for(lambda: f"pid {old}, which an earlier supervisor started" in supervisor.child.text(), 20, "why it takes a while")
    os.kill(old, signal.SIGCONT)
    supervisor.connected(1)
    assert not alive(old)
    last = len(reader.to_end())
    reader.until(lambda records: len(records) > last + 10)
    values = [r.values[0] for r in reader.records if r.error is None]
    assert values == sorted(set(values)), "in order, none twice"


def test_a_start_without_broker_serves_from_the_snapshot(site, lonely_broker):
    ioc = site.ioc(counter("c"))
    supervisor = site.supervisor([ioc], broker=lonely_broker)
    topic = lonely_broker.create_topic("out")
    supervisor.monitor("c", topic)
    supervisor.connected(1)
    reader = site.reader(topic, broker=lonely_broker)
    reader.count(3)
    assert supervisor.halt() == 0
    lonely_broker.halt()
    supervisor.start()
    supervisor.wait(lambda s: s["channels"]["connected"] == 1 and s["state"] == "DEGRADED" and s["reasons"], 20,
                    "a service that says what is wrong and serves")
    assert not supervisor.status()["commands"]["caught_up"]
    supervisor.wait(lambda s: s["events"]["waiting"] >= 10, 15, "events that wait for the broker")
    lonely_broker.start()
    supervisor.wait(lambda s: s["state"] == "RUNNING" and s["events"]["waiting"] < 10, 30, "RUNNING again")
    assert supervisor.status()["events"]["lost"] == 0
    last = len(reader.to_end())
    reader.until(lambda records: len(records) > last + 5)
    values = [r.values[0] for r in reader.records]
    assert values == sorted(set(values)), "in order, none twice"
    gaps = sum(b - a != 1 for a, b in zip(values, values[1:]))
    assert gaps <= 1, "only the time without a supervisor is missing"


def test_a_start_without_broker_and_snapshot_waits(site, lonely_broker):
    ioc = site.ioc(ao("a"))
    topic = lonely_broker.create_topic("out")
    lonely_broker.halt()
    supervisor = site.supervisor([ioc], broker=lonely_broker, ready=False)
    status = supervisor.wait(lambda s: s["reasons"], 20, "a reason")
    assert status["state"] == "STARTING" and not status["commands"]["caught_up"]
    code, _, _ = supervisor.request("GET", "/health/ready")
    assert code == 503
    lonely_broker.start()
    supervisor.ready(40)
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    site.reader(topic, broker=lonely_broker).count(1)


def test_a_broker_outage_loses_nothing(site, lonely_broker):
    ioc = site.ioc(counter("c"))
    topic = lonely_broker.create_topic("out")
    supervisor = site.supervisor([ioc], broker=lonely_broker)
    supervisor.monitor("c", topic)
    supervisor.connected(1)
    lonely_broker.halt()
    supervisor.wait(lambda s: s["events"]["waiting"] >= 20, 20, "events that wait")
    lonely_broker.start()
    supervisor.wait(lambda s: s["events"]["waiting"] < 5, 30, "an empty spool")
    reader = site.reader(topic, broker=lonely_broker)
    assert len(assert_counts_without_fault(reader.to_end())) > 20


def test_a_stop_in_an_outage_takes_the_time_of_a_drain_and_loses_nothing(site, lonely_broker):
    drain_s = 2
    ioc = site.ioc(counter("c"))
    topic = lonely_broker.create_topic("out")
    supervisor = site.supervisor([ioc], {"workers": {"count": 2, "drain_timeout_ms": 1000 * drain_s}}, broker=lonely_broker)
    supervisor.monitor("c", topic)
    supervisor.connected(1)
    lonely_broker.halt()
    supervisor.wait(lambda s: s["events"]["waiting"] >= 20, 20, "events that wait")
    workers = [worker["pid"] for worker in supervisor.workers()]
    begun = time.monotonic()
    assert supervisor.halt() == 0
    assert time.monotonic() - begun < drain_s + 12  # librdkafka lets go of its brokers, too
    assert not any(alive(pid) for pid in workers)
    lonely_broker.start()
    supervisor.start()
    supervisor.connected(1, 30)
    supervisor.wait(lambda s: s["events"]["waiting"] < 5, 30, "an empty spool")
    reader = site.reader(topic, broker=lonely_broker)
    # The broker was killed: what it had stored and not yet acknowledged comes once more, by another producer.
    numbers = list(dict.fromkeys(int(record.values[0]) for record in reader.to_end() if record.error is None))
    gap = max(after - before for before, after in itertools.pairwise(numbers))
    assert numbers == sorted(numbers)
    assert sum(after - before > 1 for before, after in itertools.pairwise(numbers)) <= 1, f"but for the time without a service ({gap})"


def test_the_only_worker_that_is_replaced_in_an_outage_loses_nothing_within_the_limit(site, lonely_broker):
    arrays = "".join(f'record(waveform,"w{number}"){{field(FTVL,"DOUBLE")field(NELM,"50000")field(PINI,"YES")field(SCAN,".1 second")'
                     f'field(MPST,"Always")}}' for number in range(2))
    ioc = site.ioc(arrays + counter("c"))
    for number in range(2):
        ioc.put(f"w{number}", [0.5] * 50_000)
    topic = lonely_broker.create_topic("out")
    total = 128 << 20
    supervisor = site.supervisor([ioc], {"workers": {"count": 1, "drain_timeout_ms": 1000},
                                         "spool": {"max_total_bytes": total}}, broker=lonely_broker)
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"v"}') for name in ("w0", "w1", "c")])
    supervisor.connected(3)
    lonely_broker.halt()

    def arrays_come(scan):
        for number in range(2):
            ioc.put(f"w{number}.SCAN", scan)

    def holds(slot, part):
        return lambda s: any(w["slot"] == slot and w["spool_bytes"] >= part * total for w in s["workers"])
    supervisor.wait(holds(0, 0.6), 60, "a spool of which more than half is used")
    # At the pace of before the rest would be full in 6 s, which others on the machine can make of the start of a worker or a broker.
    arrays_come("1 second")
    (before,) = supervisor.status()["workers"]
    assert supervisor.request("POST", "/workers/0/restart")[0] == 202
    replaced = supervisor.wait(lambda s: any(w["slot"] == 0 and w["state"] == "RUNNING" and w["generation"] != before["generation"]
                                             for w in s["workers"]), 60, "its successor")
    assert {w["spool_max_bytes"] for w in replaced["workers"]} == {total}
    arrays_come(".1 second")
    # What comes stays with the spare, because it can't go on before what waits in the other is in Kafka.
    assert supervisor.wait(holds(1, 0.6), 60, "what came meanwhile")["events"]["lost"] == 0
    arrays_come("1 second")
    lonely_broker.start()
    status = supervisor.wait(lambda s: s["events"]["waiting"] < 20 and len(s["workers"]) == 1, 90, "an empty spool")
    assert status["events"]["lost"] == 0
