"""output.min_interval_ms: of each entry the newest event of an interval."""
import time

from e2k_support import wait_for
from records import ao, counter

INTERVAL_MS = 1000


def test_of_each_interval_the_newest_event_is_published_and_the_rest_is_coalesced(site):
    ioc = site.ioc(counter("c"))
    supervisor = site.supervisor([ioc], {"output": {"min_interval_ms": INTERVAL_MS}})

    def published(topic):
        """Of an entry of its own."""
        ioc.put("c.SCAN", ".1 second")
        supervisor.monitor("c", topic)
        reader = site.reader(topic)
        reader.until(lambda _: len(reader.of("c")) >= 4, 20, "four intervals")
        ioc.put("c.SCAN", "Passive")
        last = float(ioc.shell("dbgf c").split("DBF_DOUBLE:")[1].split()[0])
        reader.until(lambda _: reader.of("c")[-1].values == [last], 20, "the last scan's event")
        supervisor.settled()
        reader.to_end()
        records = reader.of("c")
        numbers = [record.values[0] for record in records]
        assert numbers == sorted(set(numbers)) and numbers[-1] == last
        (entry,) = supervisor.channel("c")
        assert entry["lost"] == 0 and entry["acknowledged"] == len(records)
        assert entry["coalesced"] == entry["received"] - len(records) >= last - numbers[0] + 1 - len(numbers)
        supervisor.unset("c", topic)
        supervisor.wait(lambda s: s["channels"]["total"] == 0, 20, "no entry")
        return numbers

    def is_regular(numbers):
        """Ten events an interval. A scan or two may come late; one that is published alone would show as a step of one."""
        return all(7 <= step <= 13 for step in (b - a for a, b in zip(numbers[:-1], numbers[1:-1])))
    # On a busy machine scans, and what comes of them, stand still now and then: one of three entries saw nothing of that.
    seen = []
    while not seen or not is_regular(seen[-1]):
        assert len(seen) < 3, seen
        seen.append(published(site.topic(f"out{len(seen)}")))


def test_the_first_event_is_published_at_once_and_the_last_one_is_not_withheld_for_longer(site):
    interval_s = 6  # long beside what others on the machine can hold up
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"min_interval_ms": 1000 * interval_s}})
    supervisor.monitor("a", topic)
    reader = site.reader(topic)

    def took_until(number):
        begun = time.monotonic()
        reader.until(lambda _: any(record.values == [number] for record in reader.of("a")), 20, str(number))
        return time.monotonic() - begun
    took_until(0.0)
    # Behind a quiet interval: at once. What follows soon: the last of it, at the interval's end.
    over = time.monotonic() + interval_s
    wait_for(lambda: time.monotonic() > over, interval_s + 5, "the interval's end")
    ioc.put("a", 1)
    assert took_until(1.0) < interval_s / 2
    for number in (2, 3, 4):
        ioc.put("a", number)
    assert took_until(4.0) < 1.5 * interval_s
    supervisor.settled()
    assert [record.values[0] for record in reader.of("a")] == [0.0, 1.0, 4.0]
    assert supervisor.channel("a")[0]["coalesced"] == 2


def test_each_entry_has_an_interval_of_its_own_and_error_records_none(site):
    ioc = site.ioc(ao("a") + ao("b"))
    topic, other = site.topic(), site.topic("other")
    supervisor = site.supervisor([ioc], {"output": {"min_interval_ms": 60000}})
    for name, of_topic in (("a", topic), ("a", other), ("b", topic)):
        supervisor.monitor(name, of_topic)
    reader = site.reader(topic, other)
    reader.until(lambda records: len(records) >= 3, 20, "each entry's first event")
    assert {(record.topic, record.name) for record in reader.records} == {(topic, "a"), (other, "a"), (topic, "b")}
    ioc.halt()
    reader.until(lambda records: sum(record.error is not None for record in records) >= 3, 20, "each entry's Disconnected")
