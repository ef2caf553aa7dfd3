"""Time stamps of records: the IOC's, and what becomes of those that are of no use."""
import time

import pytest
from e2k_support import proc
from records import ao


def value_of(reader, number):
    """The record whose value is that number."""
    return reader.until(lambda records: next((r for r in records if r.values == [number]), None), 15, str(number))


def stamped_in_the_past(ioc, reader, record, seconds):
    """Writes 1 and, that many seconds later, 2 with the stamp of the 1. Returns both records."""
    ioc.put(record, 1)
    fresh = value_of(reader, 1.0)
    ioc.shell(f"dbpf {record}.TSE -2")  # from now on the time is the device's to set, and it has none
    proc.wait_for(lambda: time.time() * 1000 > fresh.timestamp_ms + seconds * 1000, seconds + 10,
                  "the stamp's growing old")
    ioc.put(record, 2)
    return fresh, value_of(reader, 2.0)


@pytest.mark.parametrize("limit_s", [0, 3], ids=["without a limit", "with a limit"])
def test_an_old_stamp_gets_the_time_of_arrival_only_where_the_past_is_limited(site, limit_s):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"max_past_s": limit_s}})
    supervisor.monitor("a", topic)
    supervisor.served(1)
    reader = site.reader(topic)
    restamped_before = supervisor.channel("a")[0]["restamped"]
    fresh, old = stamped_in_the_past(ioc, reader, "a", 4)
    restamped = supervisor.settled() and supervisor.channel("a")[0]["restamped"] - restamped_before
    if limit_s:
        assert fresh.timestamp_ms + 4000 <= old.timestamp_ms <= time.time() * 1000
        assert restamped == 1
    else:
        assert old.timestamp_ms == fresh.timestamp_ms
        assert restamped == 0


def test_the_header_tells_the_iocs_stamp_although_the_record_has_another(site):
    ioc = site.ioc(ao("a") + 'record(ao,"never"){}')
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"max_past_s": 3, "headers": ["epics_stamp_ns"]}})
    supervisor.monitor("a", topic)
    supervisor.monitor("never", topic)
    supervisor.connected(2)
    reader = site.reader(topic)
    fresh, old = stamped_in_the_past(ioc, reader, "a", 4)
    ((name, text),) = fresh.headers
    assert name == "epics_stamp_ns"
    assert int(text) // 1_000_000 == fresh.timestamp_ms
    assert old.headers == fresh.headers
    assert old.timestamp_ms >= fresh.timestamp_ms + 4000
    assert [record.headers for record in reader.count(1, key="never")] == [()]
    ioc.halt()
    (lost,) = reader.until(lambda records: [r for r in records if r.name == "a" and r.error], 15, "Disconnected")
    assert lost.headers == ()
