"""The command topic: live set, change and unset by every way, and bad commands that change nothing."""
import itertools
import json
import time

import pytest
from e2k_support import wait_for
from records import ao, assert_counts_without_fault, counter


def no_more(site, supervisor, ioc, topic, channel, sentinel):
    """Proves that `channel` publishes no longer: a later event of `sentinel` comes, one of `channel` does not.

    What is asked of the IOC follows what the status says of the command, hence the first try."""
    reader = site.reader(topic)
    numbers = itertools.count(4711)

    def is_silent():
        number = float(next(numbers))
        ioc.put(channel, number)
        ioc.put(sentinel, number)
        reader.until(lambda records: any(r.name == sentinel and r.values == [number] for r in records), 10, "the sentinel")
        return not any(r.name == channel and r.values == [number] for r in reader.to_end())
    wait_for(is_silent, 10, f"the end of {channel}")
    assert is_silent()


def test_a_command_counts_at_once_though_the_topics_end_is_waited_at(site):
    """It took half a second: the question which log it is of waited at the broker behind the next fetch."""
    topic = site.topic()
    supervisor = site.supervisor([site.ioc(ao("known"))])
    supervisor.monitor("known", topic)
    supervisor.connected(1)

    def took(number):
        begin = time.monotonic()
        supervisor.monitor(f"other{number}", topic)
        wait_for(lambda: supervisor.get(f"/channels?prefix=other{number}")["items"], 10, "the channel", poll=0.01)
        return time.monotonic() - begin
    assert min(took(number) for number in range(5)) < 0.25


def by_script(supervisor, topic, channel):
    done = supervisor.script("set-monitored.sh", "-c", channel, "-t", topic, "-u")
    assert done.returncode == 0, done.stderr


def by_ctl(supervisor, topic, channel):
    done = supervisor.ctl("unset", "-c", channel, "-t", topic, "--command-topic",
                          supervisor.settings["commands"]["topic"])
    assert done.returncode == 0, done.stderr


def by_tombstone(supervisor, topic, channel):
    supervisor.unset(channel, topic)


@pytest.mark.parametrize("unset", [by_ctl, by_tombstone])
def test_an_unset_channel_publishes_nothing_more(site, unset):
    ioc = site.ioc(ao("gone") + ao("stays"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("gone", topic)
    supervisor.monitor("stays", topic)
    supervisor.connected(2)
    unset(supervisor, topic, "gone")
    supervisor.wait(lambda s: s["channels"]["total"] == 1, 10, "one entry less")
    no_more(site, supervisor, ioc, topic, "gone", "stays")


def test_the_scripts_set_list_and_unset(site):
    """With upstream's flags only, hence on the default command topic."""
    ioc = site.ioc(ao("scripted") + ao("stays"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"commands": {"topic": "epics-channels"}})
    for name in ("scripted", "stays"):
        done = supervisor.script("set-monitored.sh", "-c", name, "-t", topic, "-m", "va")
        assert done.returncode == 0, done.stderr
    supervisor.connected(2)
    listed = supervisor.script("list-monitored.sh")
    assert listed.returncode == 0 and "scripted" in listed.stdout and topic in listed.stdout
    by_script(supervisor, topic, "scripted")
    supervisor.wait(lambda s: s["channels"]["total"] == 1, 10, "one entry less")
    no_more(site, supervisor, ioc, topic, "scripted", "stays")
    done = supervisor.script("set-monitored.sh", "-c", "stays", "-u")
    assert done.returncode == 0, done.stderr
    supervisor.wait(lambda s: s["channels"]["total"] == 0, 10, "no entry")


def test_the_scripts_say_how_they_are_used(site):
    supervisor = site.supervisor(start=False, ready=False)
    for arguments in ([], ["-c", "x"], ["-t", "x", "-m", "v"]):
        done = supervisor.script("set-monitored.sh", *arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout


def test_a_channel_is_set_while_others_run_and_they_miss_nothing(site):
    names = [f"c{number}" for number in range(10)]
    ioc = site.ioc("".join(counter(name) for name in names) + ao("late"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(10)
    reader = site.reader(topic)
    reader.until(lambda records: len(records) > 50, 20)
    supervisor.monitor("late", topic, "v")
    supervisor.monitor("unknown", topic, "v")
    reader.count(1, key="late")
    supervisor.unset("unknown", topic)
    supervisor.wait(lambda s: s["channels"]["total"] == 11)
    reader.until(lambda records: len(records) > 250, 30)
    for name in names:
        assert_counts_without_fault(reader.of(name))


def test_mask_key_and_topic_change_live(site):
    ioc = site.ioc(ao("a", 'field(HIGH,"5")field(HSV,"MINOR")'))
    first, second = site.topic("first"), site.topic("second")
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", first, "v")
    supervisor.connected(1)
    reader = site.reader(first, second)
    reader.count(1, key="a")

    supervisor.monitor("a", first, "v", outkey="renamed")
    supervisor.wait(lambda _: [e["key"] for e in supervisor.channel("a")] == ["renamed"])
    ioc.put("a", 1)
    reader.until(lambda records: any(r.name == "renamed" and r.values == [1.0] for r in records))

    supervisor.monitor("a", first, "a")
    supervisor.wait(lambda _: [e["mask"] for e in supervisor.channel("a")] == ["a"])
    supervisor.connected(1)

    more = itertools.count()

    def alarms_alone(part):
        ioc.put("a", 1 + part)
        ioc.put("a", 2 + part)  # no alarm change: nobody is told
        ioc.put("a", 6 + part)
        reader.until(lambda records: any(r.name == "a" and r.values == [6 + part] for r in records))
        return not any(r.values == [2 + part] for r in reader.records)
    # What is asked of the IOC follows what the status says of the command.
    wait_for(lambda: alarms_alone(next(more) / 64), 10, "alarms alone")
    assert alarms_alone(next(more) / 64)

    supervisor.unset("a", first)
    supervisor.monitor("a", second, "v")
    supervisor.wait(lambda _: [e["topic"] for e in supervisor.channel("a")] == [second])

    def second_alone(value):
        ioc.put("a", value)
        reader.until(lambda records: any(r.topic == second and r.values == [value] for r in records))
        supervisor.settled()
        return not any(r.topic == first and r.values == [value] for r in reader.to_end())
    wait_for(lambda: second_alone(8.0 + next(more)), 10, "the second topic alone")
    assert second_alone(8.0 + next(more))


def test_both_generations_of_records_live_in_one_topic(site):
    ioc = site.ioc(ao("old") + ao("new"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.command(("old", json.dumps({"topic": topic, "mask": "va", "comment": "ignored"})),
                       (json.dumps({"topic": topic, "channel": "new"}), '{"mask":"av","outkey":""}'))
    supervisor.connected(2)
    reader = site.reader(topic)
    reader.count(1, key="old")
    reader.count(1, key="new")
    supervisor.command(("old", None))
    supervisor.wait(lambda s: s["channels"]["total"] == 1)


def test_many_entries_and_masks_share_one_channel(site):
    ioc = site.ioc(ao("a", 'field(ADEL,"10")field(HIGH,"5")field(HSV,"MINOR")'))
    masks = {"v": "v", "a": "a", "l": "l", "va": "va", "av-again": "av"}
    topics = {name: site.topic(name) for name in masks}
    supervisor = site.supervisor([ioc])
    for name, mask in masks.items():
        supervisor.monitor("a", topics[name], mask, outkey=name)
    supervisor.connected(len(masks))
    status = supervisor.status()["channels"]
    assert (status["total"], status["distinct"]) == (5, 1)
    reader = site.reader(*topics.values())
    for name in masks:
        reader.count(1, key=name)
    for value in (1, 6, 30):  # no alarm; into MINOR; over the archive's dead band
        ioc.put("a", value)
    seen = {name: reader.until(
        lambda records, name=name, last=last: [r.values[0] for r in records if r.name == name][-1:] == [last] and
        [r.values[0] for r in records if r.name == name][1:], 10, f"{name} up to {last}")
        for name, last in (("v", 30.0), ("a", 6.0), ("l", 30.0), ("va", 30.0), ("av-again", 30.0))}
    assert seen["v"] == seen["va"] == seen["av-again"] == [1.0, 6.0, 30.0]
    assert seen["a"] == [6.0]
    assert seen["l"] == [30.0]


GOOD_KEY = '{"topic":"%s","channel":"a"}'
BAD = [
    ("not JSON", GOOD_KEY, "no json at all"),
    ("half a JSON", GOOD_KEY, '{"mask":"va"'),
    ("no object", GOOD_KEY, '["va"]'),
    ("an empty value", GOOD_KEY, b""),
    ("an empty mask", GOOD_KEY, '{"mask":""}'),
    ("no mask", GOOD_KEY, '{}'),
    ("an unknown mask letter", GOOD_KEY, '{"mask":"vx"}'),
    ("a mask that is no string", GOOD_KEY, '{"mask":3}'),
    ("an outkey that is no string", GOOD_KEY, '{"mask":"v","outkey":3}'),
    ("a plain key without topic", "a", '{"mask":"va"}'),
    ("an illegal topic name", '{"topic":"sp ace","channel":"a"}', '{"mask":"va"}'),
    ("an empty topic name", '{"topic":"","channel":"a"}', '{"mask":"va"}'),
    ("a topic name that is too long", '{"topic":"' + "t" * 250 + '","channel":"a"}', '{"mask":"va"}'),
    ("an internal topic", '{"topic":"__consumer_offsets","channel":"a"}', '{"mask":"va"}'),
    ("Connect's topics", '{"topic":"connect-status","channel":"a"}', '{"mask":"va"}'),
    ("our own topics", '{"topic":"epics2kafka-shards","channel":"a"}', '{"mask":"va"}'),
    ("the command topic", '{"topic":"COMMANDS","channel":"a"}', '{"mask":"va"}'),
    ("a topic that is not allowed", '{"topic":"forbidden","channel":"a"}', '{"mask":"va"}'),
    ("an empty channel name", '{"topic":"%s","channel":""}', '{"mask":"va"}'),
    ("a channel name that is too long", '{"topic":"%s","channel":"' + "c" * 1008 + '"}', '{"mask":"va"}'),
    ("a control character in a channel name", '{"topic":"%s","channel":"a\\u0007b"}', '{"mask":"va"}'),
    ("a plain key that is not UTF-8", b"caf\xe9", '{"topic":"%s","mask":"va"}'),
]


def test_bad_commands_are_rejected_and_change_nothing(site):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"output": {"allow": [f"t{site.number}-.*", "sp ace", "t*", "connect-.*",
                                                              "epics2kafka-.*", "__.*", "commands.*"]}})
    supervisor.monitor("a", topic, "v")
    supervisor.connected(1)

    def filled(text):
        if isinstance(text, str):
            return text.replace("%s", topic).replace("COMMANDS", site.commands)
        return text
    unseen = []
    for number, (what, key, value) in enumerate(BAD, 1):
        supervisor.command((filled(key), filled(value)))
        try:
            supervisor.wait(lambda s, number=number: s["commands"]["rejected"] >= number - len(unseen), 20, what)
        except AssertionError:
            unseen.append(what)
    assert not unseen
    status = supervisor.status()
    assert status["commands"]["rejected"] == len(BAD)
    assert status["channels"]["total"] == 1
    (entry,) = supervisor.channel("a")
    assert (entry["mask"], entry["state"], entry["topic"]) == ("v", "CONNECTED", topic)
    listed = supervisor.get("/rejected")
    items = listed["items"] if isinstance(listed, dict) else listed
    assert len(items) == len({filled(key) for _, key, _ in BAD})  # the last one of each key stands
    assert all(item["partition"] == 0 and item["offset"] > 0 and item["reason"] for item in items)
    ioc.put("a", 3)
    site.reader(topic).until(lambda records: any(r.values == [3.0] for r in records))


def test_who_waits_for_a_command_that_is_refused_hears_why(site):
    supervisor = site.supervisor([], {"output": {"allow": ["allowed"]}})
    begun = time.monotonic()
    done = supervisor.ctl("set", "--command-topic", site.commands, "-c", "a", "-t", "forbidden", "-m", "v", "--wait", "30")
    assert done.returncode == 1 and "output.allow" in done.stderr and "forbidden" in done.stderr, done.stderr
    assert time.monotonic() - begun < 15


def test_a_tombstone_with_a_key_of_other_bytes_is_rejected_and_unset_writes_the_right_ones(site):
    supervisor = site.supervisor([])
    topic = site.topic()
    spaced = f'{{"topic": "{topic}", "channel": "a"}}'
    supervisor.command((spaced, '{"mask":"v"}'))
    supervisor.wait(lambda s: s["channels"]["total"] == 1)
    supervisor.command((spaced.replace(" ", ""), None))
    supervisor.wait(lambda s: s["commands"]["rejected"] == 1, 20, "a rejected tombstone")
    (rejected,) = supervisor.get("/rejected")["items"]
    assert spaced in rejected["reason"] and f"unset -c a -t {topic}" in rejected["reason"]
    assert supervisor.status()["channels"]["total"] == 1
    by_ctl(supervisor, topic, "a")
    supervisor.wait(lambda s: s["channels"]["total"] == 0, 10, "no entry")


def test_the_command_topic_is_created_compacted(site):
    supervisor = site.supervisor()
    assert supervisor.status()["state"] == "RUNNING"
    assert site.broker.partitions(site.commands) == 1
    assert site.broker.topic_config(site.commands)["cleanup.policy"] == "compact"


def test_a_command_topic_that_is_not_compacted_is_named_with_its_repair(site):
    site.broker.create_topic(site.commands)
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    status = supervisor.wait(lambda s: s["state"] == "DEGRADED", 20, "a reason")
    assert any("cleanup.policy=compact" in reason["message"] and site.commands in reason["message"]
               for reason in status["reasons"]), status["reasons"]
    site.reader(topic).count(1)
    supervisor.command((None, f'{{"topic":"{topic}","mask":"va"}}'))  # a compacted topic takes no record without key
    supervisor.wait(lambda s: s["commands"]["rejected"] == 1, 20, "one rejected record")


def test_a_missing_command_topic_is_not_created_when_that_is_refused(site):
    supervisor = site.supervisor(settings={"commands": {"topic": site.commands, "create_topic": False}}, ready=False)
    supervisor.wait(lambda s: s["reasons"], 15, "a reason")
    assert site.broker.has_none_of(site.commands)


def test_a_topic_that_was_made_anew_meanwhile_removes_nothing_not_even_after_restarts(site):
    ioc = site.ioc(ao("a") + ao("b"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    for number in range(10):
        supervisor.command((f"filler{number}", None))  # makes the topic long
    supervisor.monitor("a", topic)
    supervisor.monitor("b", topic)
    supervisor.connected(2)
    assert supervisor.halt() == 0
    site.broker.delete_topic(site.commands)
    site.broker.create_topic(site.commands, compacted=True)
    supervisor.start()
    supervisor.connected(2)
    supervisor.wait(lambda s: "COMMAND_TOPIC_RENEWED" in [r["code"] for r in s["reasons"]], 20, "the reason")
    for number in range(30):
        supervisor.command((f"filler{number}", None))  # longer than ever
    assert supervisor.halt() == 0
    supervisor.start()
    status = supervisor.connected(2)
    supervisor.wait(lambda s: s["commands"]["caught_up"], 20, "the end of the topic")
    status = supervisor.status()
    assert status["channels"]["total"] == 2
    assert "COMMAND_TOPIC_RENEWED" in [reason["code"] for reason in status["reasons"]]


def test_a_topic_that_is_deleted_and_made_again_longer_removes_nothing_and_is_told(site):
    supervisor = site.supervisor([site.ioc(ao("a") + ao("b"))])
    topic = site.topic()
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    site.broker.delete_topic(site.commands)
    site.broker.create_topic(site.commands, compacted=True)
    # Were they folded one by one from where the former log ended, "a" would go, and "b" would not come.
    by_hand = [("b", f'{{"topic":"{topic}","mask":"va"}}'), ("a", None), ("a", f'{{"topic":"{topic}","mask":"v"}}')]
    supervisor.command(*by_hand, *[(f"filler{number}", None) for number in range(20)])
    # It may be read when it is made, and not written yet.
    supervisor.wait(lambda s: "COMMAND_TOPIC_RENEWED" in [r["code"] for r in s["reasons"]] and s["channels"]["total"] == 2, 20,
                    "the reason")
    wait_for(lambda: supervisor.channel("a")[0]["mask"] == "v", 10, "the other mask")
    assert supervisor.status()["channels"]["total"] == 2
    assert supervisor.halt() == 0
    supervisor.start()
    supervisor.wait(lambda s: "COMMAND_TOPIC_RENEWED" in [r["code"] for r in s["reasons"]], 20, "the reason again")


def test_a_topic_whose_first_records_were_deleted_removes_nothing_and_is_told(site):
    from confluent_kafka import TopicPartition
    site.broker.create_topic(site.commands, config={"cleanup.policy": "delete"})
    supervisor = site.supervisor([site.ioc(ao("a"))])
    supervisor.monitor("a", site.topic())
    supervisor.command(*[(f"filler{number}", None) for number in range(5)])
    supervisor.connected(1)
    assert supervisor.halt() == 0
    deleted = site.broker.admin().delete_records([TopicPartition(site.commands, 0, 4)])
    for done in deleted.values():
        done.result(10)
    supervisor.start()
    supervisor.wait(lambda s: "COMMAND_TOPIC_SHRANK" in [r["code"] for r in s["reasons"]], 20, "the reason")
    supervisor.connected(1)


def test_a_key_in_two_partitions_is_told_with_an_example_and_the_later_one_counts(site):
    from confluent_kafka import Producer
    site.broker.create_topic(site.commands, 2, compacted=True)
    supervisor = site.supervisor([site.ioc(ao("a"))])
    topic = site.topic()
    producer = Producer({"bootstrap.servers": site.broker.bootstrap})
    for partition, mask, when in ((0, "v", 2_000_000_000_000), (1, "va", 1_000_000_000_000)):
        producer.produce(site.commands, f'{{"topic":"{topic}","mask":"{mask}"}}', "a", partition, timestamp=when)
        producer.flush(10)
    status = supervisor.wait(lambda s: "COMMAND_TOPIC_PARTITIONS" in [r["code"] for r in s["reasons"]], 20, "the reason")
    (reason,) = status["reasons"]
    assert "1 key " in reason["message"] and "0 and 1" in reason["message"], reason
    assert supervisor.channel("a")[0]["mask"] == "v"
    producer.produce(site.commands, None, "a", 1)
    producer.flush(10)
    supervisor.wait(lambda s: not s["reasons"], 20, "no reason")
    assert supervisor.channel("a")[0]["mask"] == "v"


def test_a_rejected_command_is_a_reason_until_its_key_is_written_well(site):
    supervisor = site.supervisor([])
    supervisor.command(("a", "no JSON"))
    status = supervisor.wait(lambda s: "COMMANDS_REJECTED" in [r["code"] for r in s["reasons"]], 10, "the reason")
    assert "epics2kafkactl rejected" in status["reasons"][0]["message"]
    supervisor.monitor("b", site.topic())
    supervisor.command(("a", None))
    supervisor.wait(lambda s: not s["reasons"] and s["channels"]["total"] == 1, 10, "no reason")
    assert supervisor.get("/rejected")["items"] == []


def test_commands_over_several_partitions_are_read_too(site):
    site.broker.create_topic(site.commands, 4, compacted=True)
    names = [f"a{number}" for number in range(12)]
    ioc = site.ioc("".join(ao(name) for name in names))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(len(names))
