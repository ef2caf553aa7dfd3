"""`compare`: a topic and its shadow, published by two services beside one another, or made to differ."""
import json
import time

import pytest
from records import counter

PREFIX = "shadow."
EPOCHS_APART_MS = 631_152_000_000


def now_ms():
    return time.time_ns() // 1_000_000


def produce(site, topic, records):
    """(key, value, age in ms) each."""
    from confluent_kafka import Producer
    failures = []
    producer = Producer({"bootstrap.servers": site.broker.bootstrap, "acks": "all", "linger.ms": 1})
    begun = now_ms()
    for key, value, age_ms in records:
        producer.produce(topic, key=key, value=value, timestamp=begun - age_ms,
                         on_delivery=lambda error, _: error and failures.append(error))
    assert producer.flush(20) == 0 and not failures


@pytest.fixture
def client(site):
    return site.supervisor(start=False, ready=False)


@pytest.fixture
def pair(site):
    """A topic and its shadow, and the prefix."""
    topic = site.topic("out", partitions=2)
    prefix = f"t{site.number}-shadow."
    site.broker.create_topic(prefix + topic, 2)
    return topic, prefix


def compare(client, topic, prefix, *arguments):
    return client.ctl("compare", topic, "--prefix", prefix, "--lag", "0", *arguments)


def test_a_shadow_with_a_prefix_brings_the_same_records_and_nothing_else(site):
    ioc = site.ioc("".join(counter(f"c{number}") for number in range(3)))
    topic = site.topic("out", partitions=2)
    prefix = f"t{site.number}-shadow."
    shadow = site.broker.create_topic(prefix + topic, 2)
    first = site.supervisor([ioc])
    for number in range(3):
        first.monitor(f"c{number}", topic, "v")
    first.connected(3)
    second = site.supervisor([ioc], {"output": {"topic_prefix": prefix}})
    second.connected(3)
    reader = site.reader(shadow)
    reader.count(60, timeout=30)
    begun = time.time()
    reader.until(lambda records: records[-1].timestamp_ms > (begun + 3) * 1000, 20, "three seconds of records")
    for part in (first, second):  # whole seconds, and all of them published by both
        part.wait(lambda s: s["events"]["waiting"] < 5)
    done = second.ctl("compare", topic, "--config", second.config, "--since", str(int(begun) + 1), "--seconds", "1.5",
                      "--lag", "0.5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 keys on both sides, 0 of them in another order" in done.stdout
    assert done.stdout.endswith("the same\n") and "not the same" not in done.stdout


def test_what_one_side_lacks_is_named_and_counted(site, client, pair):
    topic, prefix = pair
    records = [(f"k{number % 3}", f'{{"doubleValues":[{number}.0]}}', 10_000 - number) for number in range(30)]
    produce(site, topic, records)
    produce(site, prefix + topic, [record for number, record in enumerate(records) if number not in (7, 8)])
    done = compare(client, topic, prefix)
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert "missing in " + prefix + topic in done.stdout and '{"doubleValues":[7.0]}' in done.stdout
    assert done.stdout.endswith("not the same\n")
    said = json.loads(compare(client, topic, prefix, "--json", "--differences", "1").stdout)
    assert not said["same"] and said["missing"] == {"topic": 0, "shadow": 2}
    assert said["records"] == {"topic": 30, "shadow": 28, "same": 28}
    assert [(one["key"], one["missing_in"]) for one in said["differences"]] == [("k1", "shadow")]
    # The other way round it is what a connector may lack.
    turned = compare(client, topic, prefix, "--json", "--connector")
    assert turned.returncode == 1
    produce(site, prefix + topic, [("late", "1", 9_000)])
    assert json.loads(compare(client, topic, prefix, "--json").stdout)["keys"]["shadow_only"] == 1


def test_a_connector_may_lack_and_repeat_values_and_its_stamps_are_20_years_early(site, client, pair):
    topic, prefix = pair
    shadow = [("k", f"{number}", 20_000 - 100 * number) for number in range(100)]
    javas = [(key, value, age + EPOCHS_APART_MS) for key, value, age in shadow[::10]]
    produce(site, topic, [("k", "ancient", EPOCHS_APART_MS + 3_600_000), *javas[:4], javas[3], *javas[4:]])
    produce(site, prefix + topic, shadow)
    done = compare(client, topic, prefix, "--connector")
    assert done.returncode == 0, done.stdout
    assert "20 years early" in done.stdout and "1 records of " in done.stdout and "ancient" not in done.stdout
    assert compare(client, topic, prefix).returncode == 1


def test_only_the_window_counts(site, client, pair):
    topic, prefix = pair
    produce(site, topic, [("k", "old", 600_000), ("k", "1", 5_000)])
    produce(site, prefix + topic, [("k", "1", 5_000), ("k", "new", -60_000)])
    assert compare(client, topic, prefix).returncode == 0
    assert compare(client, topic, prefix, "--seconds", "3600").returncode == 1
    assert compare(client, topic, prefix, "--since", str(now_ms() // 1000 - 700), "--seconds", "200").returncode == 1


def test_an_empty_window_proves_nothing(site, client, pair):
    done = compare(client, *pair)
    assert done.returncode == 1 and "nothing is compared" in done.stdout


def test_more_records_than_asked_for_are_not_read(site, client, pair):
    topic, prefix = pair
    produce(site, topic, [("k", str(number), 5_000) for number in range(100)])
    done = compare(client, topic, prefix, "--max-records", "50")
    assert done.returncode == 1 and "more than 50 records" in done.stderr


def test_wrong_use_and_missing_topics_are_told_apart(site, client, pair):
    topic, prefix = pair
    missing = compare(client, topic, "nowhere.")
    assert missing.returncode == 4 and "nowhere." + topic in missing.stderr
    assert site.broker.has_none_of("nowhere." + topic)
    for arguments in (["compare"], ["compare", topic], ["compare", topic, "--prefix", "sp ace."],
                      ["compare", topic, "--prefix", prefix, "--since", "yesterday"],
                      ["compare", topic, "--prefix", prefix, "--since", str(now_ms() // 1000 + 60)]):
        done = client.ctl(*arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout, arguments


def test_no_group_is_joined(site, client, pair):
    topic, prefix = pair
    produce(site, topic, [("k", "1", 5_000)])
    groups = site.broker.admin().list_consumer_groups(request_timeout=10).result().valid
    before = {group.group_id for group in groups}
    compare(client, topic, prefix)
    groups = site.broker.admin().list_consumer_groups(request_timeout=10).result().valid
    assert {group.group_id for group in groups} <= before


def test_the_runbook_of_the_migration_loses_no_event(site):
    """Shadow, compare, switch, back; a service of its own stands for the connector."""
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    site.broker.create_topic(PREFIX + topic)
    connector = site.supervisor([ioc])
    connector.monitor("c", topic, "v")
    connector.connected(1)

    shadow = site.supervisor([ioc], start=False, ready=False)
    shadow.arguments = ["--set", f"output.topic_prefix={PREFIX}"]
    checked = shadow.check("--connect", *shadow.arguments, timeout=40)
    assert checked.returncode == 0 and "output topics: 1 of 1" in checked.stdout, checked.stdout + checked.stderr
    shadow.start()
    shadow.ready()
    shadow.connected(1)
    reader = site.reader(PREFIX + topic)
    begun = time.time()
    reader.until(lambda records: records and records[-1].timestamp_ms > (begun + 4) * 1000, 20, "four seconds of records")
    compared = shadow.ctl("compare", topic, "--config", shadow.config, "--prefix", PREFIX, "--connector",
                          "--since", str(int(begun) + 2), "--seconds", "1", "--lag", "1")
    assert compared.returncode == 0, compared.stdout + compared.stderr

    assert shadow.script("stop.sh", timeout=70).returncode == 0
    shadow.halt()
    shadow.arguments = []
    shadow.start()
    shadow.ready()
    shadow.connected(1)
    published = site.reader(topic)
    before = max(record.values[0] for record in published.to_end())
    published.until(lambda records: max(r.values[0] for r in records) > before + 10, 20, "events of both")
    assert connector.halt() == 0
    before = max(record.values[0] for record in published.to_end())
    published.until(lambda records: max(r.values[0] for r in records) > before + 10, 20, "events of the service alone")

    connector.start()
    connector.ready()
    connector.connected(1)
    before = max(record.values[0] for record in published.to_end())
    published.until(lambda records: max(r.values[0] for r in records) > before + 10, 20, "events of both again")
    assert shadow.script("stop.sh", timeout=70).returncode == 0
    shadow.halt()
    before = max(record.values[0] for record in published.to_end())
    published.until(lambda records: max(r.values[0] for r in records) > before + 10, 20, "events of the connector alone")
    numbers = {record.values[0] for record in published.to_end() if record.error is None}
    assert numbers == set(range(int(min(numbers)), int(max(numbers)) + 1))
