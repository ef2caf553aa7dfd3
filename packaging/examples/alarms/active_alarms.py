#!/usr/bin/env python3
"""Active alarms out of channel records.

`follow` reads the topics that epics2kafka fills and keeps a compacted topic with one record for each channel that is in
alarm: its key is the channel's, its value says severity, alarm, value and since when. When the alarm clears, a tombstone ends it. `list-active` reads
that topic: what is in alarm now, and with --monitor what comes and goes.

At least once: the place in the channel topics is kept by a consumer group and moves only when Kafka has what followed from them. What is in
alarm is read from the topic itself at the start, so nothing else has to be kept, and nothing is written that is there already.
"""
import argparse
import datetime
import json
import signal
import sys
import time

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")
STATUSES = ("NO_ALARM READ WRITE HIHI HIGH LOLO LOW STATE COS COMM TIMEOUT HW_LIMIT CALC SCAN LINK SOFT BAD_SUB UDF "
            "DISABLE SIMM READ_ACCESS WRITE_ACCESS").split()
PATIENCE_S = 30


def alarm_of(document):
    """(severity, alarm, value) that a record says, None where it says nothing of alarms. severity "NO_ALARM": there is none."""
    record = document.get("payload", document)  # with the converter's envelope, or without
    if record.get("error") is not None:
        # A channel that nobody hears of may be anything. That it is back says nothing yet: its value follows.
        return None if record["error"] == "Connected" else ("INVALID", record["error"], None)
    values = next((values for name, values in record.items() if name.endswith("Values") and values), [None])
    return SEVERITIES[record["severity"]], STATUSES[record["status"]], values[0] if len(values) == 1 else values


def next_alarm(before, document, stamp_ms):
    """What is to be said of a channel after a record: (changed, alarm or None). `before` is what was said last."""
    found = alarm_of(document)
    if found is None:
        return False, before
    severity, alarm, value = found
    if severity == "NO_ALARM":
        return before is not None, None
    if before is not None and (before["severity"], before["alarm"]) == (severity, alarm):
        return False, before
    since = before["since"] if before is not None else iso(stamp_ms)
    return True, {"severity": severity, "alarm": alarm, "value": value, "since": since}


def iso(stamp_ms):
    return datetime.datetime.fromtimestamp(stamp_ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")


def consumer(arguments, **more):
    return confluent_kafka.Consumer({"bootstrap.servers": arguments.bootstrap_server, "enable.auto.commit": False,
                                     "auto.offset.reset": "earliest", "allow.auto.create.topics": False,
                                     "topic.metadata.refresh.interval.ms": 1000, **more})


def make_topic(arguments):
    admin = AdminClient({"bootstrap.servers": arguments.bootstrap_server})
    (made,) = admin.create_topics([NewTopic(arguments.alarms, 1, -1, config={"cleanup.policy": "compact"})]).values()
    try:
        made.result(PATIENCE_S)
    except confluent_kafka.KafkaException as error:
        if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
            sys.exit(f"topic {arguments.alarms} can't be made: {error.args[0].str()}")


class Alarms:
    """The topic of active alarms, read from its beginning. `active` is by key."""

    def __init__(self, arguments):
        self.active = {}
        self._consumer = consumer(arguments, **{"group.id": "not-used", "enable.partition.eof": True})
        try:
            found = self._consumer.list_topics(arguments.alarms, timeout=PATIENCE_S).topics[arguments.alarms]
        except confluent_kafka.KafkaException as error:
            sys.exit(f"{arguments.bootstrap_server}: {error.args[0].str()}")
        if found.error is not None:
            sys.exit(f"topic {arguments.alarms}: {found.error.str()}; `follow` makes it")
        parts = [confluent_kafka.TopicPartition(arguments.alarms, number, confluent_kafka.OFFSET_BEGINNING)
                 for number in found.partitions]
        self._unread = set(found.partitions)  # whose end was not seen yet
        self._consumer.assign(parts)

    def changes(self, timeout):
        """(key, alarm or None) of each new record, as `active` changes."""
        for message in self._consumer.consume(1000, timeout):
            if message.error():
                if message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    self._unread.discard(message.partition())
                continue
            key = message.key().decode()
            if message.value() is None:
                self.active.pop(key, None)
            else:
                self.active[key] = json.loads(message.value())
            yield key, self.active.get(key)

    def read_to_the_end(self):
        began = time.monotonic()
        while self._unread:
            list(self.changes(0.2))
            if time.monotonic() - began > PATIENCE_S:
                sys.exit("the topic of alarms can't be read to its end: no broker answers")

    def close(self):
        self._consumer.close()


def follow(arguments):
    make_topic(arguments)
    alarms = Alarms(arguments)
    alarms.read_to_the_end()
    active = alarms.active
    alarms.close()
    reader = consumer(arguments, **{"group.id": arguments.group, "fetch.wait.max.ms": 50})
    reader.subscribe(arguments.topic)
    writer = confluent_kafka.Producer({"bootstrap.servers": arguments.bootstrap_server, "enable.idempotence": True,
                                       "linger.ms": 0})
    print(f"following {', '.join(arguments.topic)}; {len(active)} in alarm", flush=True)
    try:
        while True:
            messages = [message for message in reader.consume(1000, 0.5) if not message.error()]
            for message in messages:
                take(message, active, writer, arguments.alarms)
            if messages:
                writer.flush()
                reader.commit(asynchronous=False)
    except KeyboardInterrupt:
        pass
    finally:
        reader.close()


def take(message, active, writer, topic):
    if message.key() is None or message.value() is None:
        return
    key = message.key().decode()
    try:
        changed, alarm = next_alarm(active.get(key), json.loads(message.value()), message.timestamp()[1])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        print(f"{message.topic()} {message.offset()}: no channel's record in JSON, left out", file=sys.stderr, flush=True)
        return
    if not changed:
        return
    if alarm is None:
        active.pop(key, None)
    else:
        active[key] = alarm
    writer.produce(topic, key=key, value=None if alarm is None else json.dumps(alarm))


def line_of(key, alarm):
    if alarm is None:
        return f"- {key:<24} cleared"
    return f"+ {key:<24} {alarm['severity']:<8} {alarm['alarm']:<12} {alarm['value']}   since {alarm['since']}"


def list_active(arguments):
    alarms = Alarms(arguments)
    alarms.read_to_the_end()
    for key, alarm in sorted(alarms.active.items()):
        print(line_of(key, alarm))
    if not alarms.active:
        print("nothing is in alarm")
    sys.stdout.flush()
    try:
        while arguments.monitor:
            for key, alarm in alarms.changes(0.2):
                print(line_of(key, alarm), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        alarms.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, call in (("follow", follow), ("list-active", list_active)):
        verb = verbs.add_parser(name)
        verb.set_defaults(call=call)
        verb.add_argument("--bootstrap-server", required=True, metavar="HOST:PORT")
        verb.add_argument("--alarms", default="active-alarms", metavar="TOPIC", help="compacted; made where it is missing")
    verbs.choices["follow"].add_argument("--group", default="active-alarms", help="keeps the place in the channels' topics")
    verbs.choices["follow"].add_argument("topic", nargs="+", help="channels' records; ^… is a regular expression")
    verbs.choices["list-active"].add_argument("--monitor", action="store_true", help="go on, and print what comes and goes")
    arguments = parser.parse_args()

    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    arguments.call(arguments)


if __name__ == "__main__":
    main()
