"""Subscriptions that are made again, for another mask or key or by another worker: nothing is missing or repeated."""
import os
import signal

import pytest
from records import counter


def fast_counter(name):
    """Counts up to fifty times a second by itself: two records that start each other."""
    return "".join(f'record(calcout,"{a}"){{field(CALC,"VAL+1")field(OOPT,"Every Time")field(ODLY,"0.01")'
                   f'field(OUT,"{b}.PROC"){more}}}\n'
                   for a, b, more in ((name, f"{name}:b", 'field(PINI,"YES")'), (f"{name}:b", name, "")))


def numbers_of(records, names):
    """By channel, in the order of the topic's one partition, whatever the key; `names` maps keys to channels."""
    numbers = {}
    for record in records:
        assert record.error is None, record
        numbers.setdefault(names[record.name], []).append(record.values[0])
    return numbers


def assert_none_is_missing(numbers, most_repeated):
    for name, counted in numbers.items():
        repeated = 0
        for before, after in zip(counted, counted[1:]):
            assert after - before in (0, 1), f"{name}: {before} is followed by {after}"
            repeated += after == before
        assert repeated <= most_repeated, f"{name}: {repeated} repeated"


@pytest.mark.parametrize("count, counter", [(40, fast_counter), (1000, counter)])
def test_masks_and_keys_change_under_load_without_a_loss(site, count, counter):
    names = [f"c{number}" for number in range(count)]
    ioc = site.ioc("".join(counter(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])

    commanded = [0]

    def command(value):
        supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', value(name)) for name in names])
        commanded[0] += count

    reader = site.reader(topic)
    channels = {}

    def key(name, suffix=""):
        channels[name + suffix] = name
        return name + suffix

    def all_come(suffix):
        supervisor.wait(lambda status: status["commands"]["offset"] >= commanded[0], 30, "the commands")
        before = len(reader.to_end())
        keys = {name + suffix for name in names}
        reader.until(lambda records: keys <= {record.name for record in records[before:]}, 60,
                     f"events under all keys with {suffix!r}")

    for name in names:
        key(name)
    command(lambda _: '{"mask":"v"}')
    supervisor.connected(count, 60)
    all_come("")
    for mask in ("va", "v", "va"):
        command(lambda _, mask=mask: f'{{"mask":"{mask}"}}')
        all_come("")
    command(lambda name: f'{{"mask":"va","outkey":"{key(name, "-k1")}"}}')
    all_come("-k1")
    command(lambda name: f'{{"mask":"v","outkey":"{key(name, "-k2")}"}}')
    all_come("-k2")
    status = supervisor.status()
    assert status["events"]["lost"] == 0
    assert status["events"]["gaps"] == 0
    # One a change, and one that an IOC sends twice itself, when the alarm of its start ends.
    assert_none_is_missing(numbers_of(reader.records, channels), 5 + 1)


def test_a_killed_worker_repeats_no_value_of_a_quiet_channel(site):
    ioc = site.ioc('record(ao,"quiet"){field(PINI,"YES")field(VAL,"7")}')
    topic = site.topic()
    supervisor = site.supervisor([ioc], settings={"workers": {"count": 1}})
    supervisor.monitor("quiet", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(1)
    for _ in range(3):
        (worker,) = supervisor.workers()
        os.kill(worker["pid"], signal.SIGKILL)
        supervisor.wait(lambda s, old=worker: s["workers"][0]["generation"] != old["generation"] and
                        s["channels"]["connected"] == 1, 30, "a new generation")
    ioc.put("quiet", 8)
    reader.until(lambda records: records[-1].values == [8.0], 15, "the new value")
    assert [record.values for record in reader.records] == [[7.0], [8.0]]
    (entry,) = supervisor.channel("quiet")
    assert entry["gaps"] == 3 and entry["lost"] == 0
