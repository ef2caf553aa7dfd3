"""Converters of one's own: the example at work, a plug-in that crashes, one of another version."""
import re
import types

from e2k_support import build_dir
from records import ao, assert_counts_without_fault, counter


def plugin(name):
    """[value] converter's text for one that the build makes for the unit tests, the example among them."""
    library = build_dir() / "plugins" / f"{name}.so"
    assert library.exists(), f"{library} is not built: build everything, or set E2K_BUILD"
    return f"plugin:{library}"


def numbers(records):
    return assert_counts_without_fault(
        [types.SimpleNamespace(values=[float(record.value)], error=None) for record in records])


LINE = re.compile(r"(?P<head>(?:\\.|[^ \\])+) (?P<fields>.+) (?P<stamp>-?\d+)\n?")


def test_the_example_writes_line_protocol(site):
    ioc = site.ioc(counter("beam,current"))  # a comma, which line protocol must escape
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": {"converter": plugin("influx")}})
    supervisor.monitor("beam,current", topic, "v")
    read = []
    for record in site.reader(topic).count(5):
        line = LINE.fullmatch(record.value.decode("utf-8"))
        assert line and r"beam\,current" in line["head"], record.value
        assert int(line["stamp"]) // 1_000_000 == record.timestamp_ms
        value = re.search(r"(?:^|,)value[^=,]*=([-+.0-9eE]+)", line["fields"])
        assert value, record.value
        read.append(types.SimpleNamespace(values=[float(value[1])], error=None))
    assert_counts_without_fault(read)


def test_a_plugin_that_crashes_takes_down_one_worker_only(site, crashing):
    names = [f"c{number}" for number in range(10)]
    ioc = site.ioc("".join(counter(name) for name in names) + ao("bomb"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"value": {"converter": crashing, "options": {"crash.on": "bomb"}}})
    for name in names:
        supervisor.monitor(name, topic, "v")
    supervisor.connected(10)
    reader = site.reader(topic)
    reader.until(lambda records: len(records) > 30, 20)
    pids = [worker["pid"] for worker in supervisor.workers()]

    supervisor.monitor("bomb", topic, "v")
    status = supervisor.wait(lambda s: any(worker["restarts"] for worker in s["workers"]), 20, "a crash")
    (victim,) = [worker["slot"] for worker in status["workers"] if worker["restarts"]]
    spared = 1 - victim
    kept = [item["channel"] for item in supervisor.get(f"/channels?worker={spared}")["items"]]
    assert len(kept) in (5, 6) and "bomb" not in kept
    before = {name: len(reader.of(name)) for name in kept}
    for name in kept:
        reader.until(lambda _, name=name: len(reader.of(name)) > before[name] + 20, 20, f"more of {name}")

    supervisor.unset("bomb", topic)
    status = supervisor.wait(lambda s: s["channels"]["connected"] == 10 and
                             s["workers"][victim]["state"] == "RUNNING", 60, "the victim with its channels")
    assert status["workers"][spared]["pid"] == pids[spared] and not status["workers"][spared]["restarts"]
    assert status["workers"][victim]["pid"] != pids[victim]
    back = {name: len(reader.of(name)) for name in names}
    for name in names:
        reader.until(lambda _, name=name: len(reader.of(name)) > back[name] + 3, 20, f"{name} again")
    for name in kept:
        numbers(reader.of(name))


def test_a_plugin_of_another_version_is_refused_by_name(site):
    supervisor = site.supervisor(settings={"workers": {"count": 1},
                                           "value": {"converter": plugin("broken_other_abi")}}, ready=False)
    status = supervisor.wait(lambda s: s["workers"] and s["workers"][0]["state"] == "FAILED", 20, "a FAILED slot")
    assert status["state"] != "RUNNING"
    said = " ".join(reason["message"] for reason in status["reasons"])
    assert "broken 0.9" in said and "broken_other_abi.so" in said, status["reasons"]
    assert re.search(r"\bABI\b", said), said


def test_a_plugin_that_refuses_its_options_is_quoted(site, crashing):
    supervisor = site.supervisor(settings={"workers": {"count": 1}, "value": {"converter": crashing}}, ready=False)
    status = supervisor.wait(lambda s: s["workers"] and s["workers"][0]["state"] == "FAILED", 20, "a FAILED slot")
    assert any("crash.on is missing" in reason["message"] for reason in status["reasons"]), status["reasons"]
