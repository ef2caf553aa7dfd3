"""Channels on their way between workers: an independent reader finds no number missing, hardly any twice, none out
of order."""
import itertools
import os
import signal

from records import counter

CHANNELS = 40


def begun(site, workers, settings=None, names=None):
    names = names or [f"h{number}" for number in range(CHANNELS)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic(partitions=3)
    supervisor = site.supervisor([ioc], {"workers": {"count": workers}, **(settings or {})})
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in names])
    supervisor.connected(len(names))
    reader = site.reader(topic)
    reader.until(lambda _: all(len(reader.of(name)) >= 3 for name in names), 30, "first events of all")
    return names, supervisor, reader


def has_arrived(supervisor, workers, timeout=40):
    def arrived(status):
        items = status["workers"]
        return [w["state"] for w in items] == ["RUNNING"] * workers and not any(w["moving"] for w in items)
    return supervisor.wait(arrived, timeout, f"{workers} workers and nothing on its way")


def faults(reader, names, moves):
    """Numbers missing, repeated beyond one a move, out of order."""
    missing = repeated = 0
    for name in names:
        numbers = [record.values[0] for record in reader.of(name) if record.error is None]
        assert numbers == sorted(numbers), f"{name} is out of order: {numbers}"
        steps = [b - a for a, b in itertools.pairwise(numbers)]
        missing += sum(step - 1 for step in steps if step > 1)
        twice = sum(step == 0 for step in steps)
        assert twice <= moves, f"{name}: {twice} repeated in {moves} moves"
        repeated += twice
    return missing, repeated


def goes_on(reader, names):
    """Some more of each, so that what was held is out."""
    reader.to_end()
    before = {name: len(reader.of(name)) for name in names}
    reader.until(lambda _: all(len(reader.of(name)) >= before[name] + 5 for name in names), 90, "more events of all")
    reader.to_end()


def test_a_worker_that_holds_too_much_memory_is_replaced_and_nobody_notices(site):
    names, supervisor, reader = begun(site, 2, {"workers": {"count": 2, "max_rss_bytes": 1 << 20}})
    supervisor.wait(lambda s: all(w["restarts"] >= 1 and w["state"] == "RUNNING" for w in s["workers"]), 60, "others in their place")
    has_arrived(supervisor, 2, 60)
    goes_on(reader, names)
    missing, repeated = faults(reader, names, 6)
    assert missing == 0, repeated
    assert all("workers.max_rss_bytes" in worker["last_exit"] for worker in supervisor.workers())


def test_scaling_up_and_down_costs_no_event(site):
    names, supervisor, reader = begun(site, 2)
    for workers in (4, 1, 2):
        done = supervisor.ctl("scale", str(workers))
        assert done.returncode == 0, done
        status = has_arrived(supervisor, workers)
        assert sum(worker["channels"] for worker in status["workers"]) == CHANNELS
        assert max(w["channels"] for w in status["workers"]) - min(w["channels"] for w in status["workers"]) <= 1
        goes_on(reader, names)
    missing, repeated = faults(reader, names, 3)
    assert missing == 0
    print(f"2 -> 4 -> 1 -> 2 workers, {CHANNELS} channels: 0 lost, {repeated} repeated")
    assert supervisor.status()["events"]["lost"] == 0


def test_the_number_of_workers_holds_over_a_restart_and_ends_with_the_configured_one(site):
    names, supervisor, reader = begun(site, 2, names=["n0", "n1", "n2"])
    assert supervisor.ctl("scale", "3", "--wait", "30").returncode == 0
    assert supervisor.halt() == 0
    supervisor.start()
    has_arrived(supervisor, 3)
    assert supervisor.halt() == 0
    supervisor.settings["workers"]["count"] = 1
    supervisor.write_config()
    supervisor.start()
    has_arrived(supervisor, 1)
    assert supervisor.request("PUT", "/workers/count?n=0")[0] == 400
    assert supervisor.ctl("scale", "1025").returncode == 2


def test_the_parts_of_the_spool_follow_the_number_of_workers(site):
    _, supervisor, _ = begun(site, 2, names=["p0", "p1"])
    total = supervisor.settings["spool"]["max_total_bytes"]

    def shared_by(workers):
        return lambda s: [w["spool_max_bytes"] for w in s["workers"]] == [total // workers] * workers
    supervisor.wait(shared_by(2), 10, "halves")
    pids = {worker["pid"] for worker in supervisor.status()["workers"]}
    for workers in (4, 2):
        assert supervisor.ctl("scale", str(workers)).returncode == 0
        supervisor.wait(shared_by(workers), 20, f"parts of {workers} workers")
    supervisor.settings["spool"]["max_total_bytes"] = total * 2
    supervisor.write_config()
    assert supervisor.ctl("reload").returncode == 0
    supervisor.wait(lambda s: [w["spool_max_bytes"] for w in s["workers"]] == [total] * 2, 10, "another limit")
    assert {worker["pid"] for worker in supervisor.status()["workers"]} == pids


def test_more_workers_than_the_spool_can_be_shared_by_are_refused_and_not_kept(site):
    _, supervisor, _ = begun(site, 2, names=["q0", "q1"])
    code, _, body = supervisor.request("PUT", "/workers/count?n=1000")
    assert code == 400 and "spool.max_total_bytes is too small to be shared by 1000 workers" in str(body)
    refused = supervisor.ctl("scale", "1000")
    assert refused.returncode == 2 and "accepted: at most" in refused.stderr
    assert supervisor.ctl("scale", "4", "--wait", "30").returncode == 0
    assert supervisor.halt() == 0
    # Three can share it.
    supervisor.settings["spool"]["max_total_bytes"] = 3 * 3 * 8388608
    supervisor.write_config()
    supervisor.start()
    has_arrived(supervisor, 2)


def test_a_restart_replaces_a_worker_by_handover_and_a_rolling_one_all_of_them(site):
    names, supervisor, reader = begun(site, 2)
    before = {worker["slot"]: worker["generation"] for worker in supervisor.status()["workers"]}
    done = supervisor.ctl("restart", "0")
    assert done.returncode == 0, done
    has_arrived(supervisor, 2)
    done = supervisor.ctl("restart", "--all", "--rolling")
    assert done.returncode == 0, done
    status = has_arrived(supervisor, 2)
    assert all(worker["generation"] > before[worker["slot"]] for worker in status["workers"])
    goes_on(reader, names)
    missing, repeated = faults(reader, names, 6)
    assert missing == 0
    print(f"restart 0, then all rolling: 0 lost, {repeated} repeated")


def test_one_worker_alone_is_replaced_without_a_gap(site):
    names, supervisor, reader = begun(site, 1, names=["s0", "s1", "s2"])
    assert supervisor.ctl("restart", "0").returncode == 0
    has_arrived(supervisor, 1)
    goes_on(reader, names)
    assert faults(reader, names, 2)[0] == 0


def begins_to_move(supervisor, workers):
    """So many workers, one more than before, and channels on their way. Where all had arrived before one was seen on its way, the
    worker leaves again and another one comes."""
    for _ in range(5):
        assert supervisor.request("PUT", f"/workers/count?n={workers}")[0] == 202
        status = supervisor.wait(lambda s: len(s["workers"]) == workers and s["workers"][-1]["pid"] != 0
                                 and (any(w["moving"] for w in s["workers"]) or s["workers"][-1]["channels"]), 30,
                                 "channels on their way")
        if any(w["moving"] for w in status["workers"]):
            return
        assert supervisor.request("PUT", f"/workers/count?n={workers - 1}")[0] == 202
        has_arrived(supervisor, workers - 1)
    raise AssertionError("five times all channels had arrived before one was seen on its way")


def test_a_worker_killed_in_the_middle_of_a_handover_costs_what_a_kill_costs_and_no_more(site):
    """The one that is left has received everything: only channels of the one that was killed alone have a gap."""
    names, supervisor, reader = begun(site, 1)
    for killed in ("new", "old"):
        workers = supervisor.status()["workers"]
        target = len(workers) + 1
        begins_to_move(supervisor, target)
        victim = supervisor.status()["workers"][-1 if killed == "new" else 0]
        os.kill(victim["pid"], signal.SIGKILL)
        has_arrived(supervisor, target, 60)
        goes_on(reader, names)
    for name in names:
        numbers = [record.values[0] for record in reader.of(name) if record.error is None]
        assert numbers == sorted(numbers), f"{name} is out of order: {numbers}"
    events = supervisor.settled(40)["events"]
    assert events["lost"] == 0
    assert events["received"] == events["acknowledged"] + events["waiting"] + events["coalesced"]


def test_with_the_broker_away_a_move_waits_and_costs_nothing(site):
    names = [f"b{number}" for number in range(10)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic(partitions=1)
    supervisor = site.supervisor([ioc], {"workers": {"count": 2}})
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}') for name in names])
    supervisor.connected(len(names))
    reader = site.reader(topic)
    reader.until(lambda _: all(len(reader.of(name)) >= 3 for name in names), 30, "first events")
    supervisor.broker.pause()
    try:
        assert supervisor.request("PUT", "/workers/count?n=3")[0] == 202
        supervisor.wait(lambda s: any(w["moving"] for w in s["workers"]) and s["events"]["waiting"] > 100, 30,
                        "moves while nothing goes out")
    finally:
        supervisor.broker.resume()
    has_arrived(supervisor, 3, 90)
    goes_on(reader, names)
    missing, _ = faults(reader, names, 1)
    assert missing == 0


def test_where_a_topic_takes_nothing_workers_are_replaced_at_once_and_one_that_leaves_waits_for_it(site, strict_broker):
    """The channels of other topics have no gap, and those of the blocked one none by a restart alone."""
    good, missing, commands = (strict_broker.create_topic(f"blocked-moves-{name}", 1) for name in ("good", "missing", "commands"))
    strict_broker.delete_topic(missing)
    names = [f"q{number}" for number in range(8)]
    ioc = site.ioc("".join(counter(name) for name in names))
    supervisor = site.supervisor([ioc], {"workers": {"count": 2}, "commands": {"topic": commands}}, broker=strict_broker)
    flowing, blocked = names[::2], names[1::2]
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"va"}')
                         for topic, group in ((good, flowing), (missing, blocked)) for name in group])
    supervisor.wait(lambda s: s["channels"]["connected"] == len(flowing) and s["channels"]["no_topic"] == len(blocked), 20, "all channels")
    reader = site.reader(good, broker=strict_broker)
    reader.until(lambda _: all(len(reader.of(name)) >= 3 for name in flowing), 30, "first events")
    assert supervisor.ctl("restart", "0", "--wait", "15").returncode == 0
    assert supervisor.ctl("restart", "--all", "--rolling", "--wait", "40", timeout=50).returncode == 0
    said = supervisor.ctl("scale", "1", "--wait", "10")
    assert said.returncode == 124 and "is RETIRING" in said.stderr and "wait for Kafka" in said.stderr, said
    goes_on(reader, flowing)
    assert faults(reader, flowing, 8)[0] == 0
    strict_broker.create_topic(missing, 1)
    has_arrived(supervisor, 1, 60)
    reader = site.reader(missing, broker=strict_broker)
    goes_on(reader, blocked)
    for name in blocked:
        numbers = [record.values[0] for record in reader.of(name) if record.error is None]
        assert numbers == sorted(numbers), f"{name} is out of order: {numbers}"
    assert supervisor.settled()["events"]["lost"] == 0
