"""The main promise: every event once, in order, under the right key, stamp and partition."""
import itertools
import time

import pytest
from e2k_support import murmur2_partition, wait_for
from records import assert_counts_without_fault, counter


@pytest.mark.one_pass
def test_no_number_is_missing_repeated_or_out_of_order(site):
    names = [f"c{number}" for number in range(40)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic(partitions=3)
    supervisor = site.supervisor([ioc])
    began_ms = time.time() * 1000
    for_each = '{"mask":"va"}'
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', for_each) for name in names])
    supervisor.connected(len(names))

    reader = site.reader(topic)
    reader.until(lambda records: len(records) >= 40 * len(names), 60, "40 events a channel")
    for name in names:
        records = reader.of(name)
        assert_counts_without_fault(records)
        assert {record.partition for record in records} == {murmur2_partition(name.encode(), 3)}
        stamps = [record.timestamp_ms for record in records]
        assert stamps == sorted(stamps)
        assert began_ms - 2000 < stamps[0] and stamps[-1] < time.time() * 1000 + 2000
        assert all(record.timestamp_type == 1 and record.headers == () for record in records)

    events = supervisor.status()["events"]
    assert events["lost"] == 0 and events["coalesced"] == 0


def test_the_balance_holds_and_settles_when_the_events_end(site):
    ioc = site.ioc('record(ao,"a"){}record(ao,"b"){}')
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.monitor("b", topic)
    supervisor.served(2)
    for number in range(1, 101):
        ioc.put("a", number)
        ioc.put("b", number)
    reader = site.reader(topic)
    for name in "ab":
        reader.until(lambda records, name=name: any(r.name == name and r.values == [100.0] for r in records), 15,
                     f"{name} = 100")
        assert [r.values[0] for r in reader.of(name)][-100:] == [float(number) for number in range(1, 101)]
    events = supervisor.settled()["events"]
    assert events["received"] == events["acknowledged"] == len(reader.to_end())
    assert events["waiting"] == events["lost"] == events["coalesced"] == 0
    for name in "ab":
        (entry,) = supervisor.channel(name)
        assert entry["received"] == entry["acknowledged"] == len(reader.of(name))
        assert (entry["topic"], entry["key"], entry["state"]) == (topic, name, "CONNECTED")


def test_an_outkey_is_the_key_and_decides_the_partition(site):
    ioc = site.ioc('record(ao,"a"){field(PINI,"YES")}')
    topic = site.topic(partitions=7)
    supervisor = site.supervisor([ioc])
    keys = ["plain", "Überdruck °C", "x" * 200]
    numbers = itertools.count(1)
    reader = site.reader(topic)
    for key in keys:
        supervisor.monitor("a", topic, outkey=key)
        # Another key holds from some event on.
        wait_for(lambda key=key: ioc.put("a", next(numbers)) or reader.to_end() and reader.of(key), 20, f"the key {key}")
        (record, *_) = reader.of(key)
        assert record.key == key.encode()
        assert record.partition == murmur2_partition(record.key, 7)


def test_a_stamp_of_zero_gets_the_time_of_arrival(site):
    ioc = site.ioc('record(ao,"never_processed"){}')
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("never_processed", topic)
    (record,) = site.reader(topic).count(1)
    assert abs(record.timestamp_ms - time.time() * 1000) < 30_000
