"""The whole program's sizes and delays: memory a channel, the command load, commands and assignments to records."""
import time

from e2k_support import Supervisor, wait_for
from parts import LoadIoc
from table import Row


def command(topic, channel):
    return f'{{"topic":"{topic}","channel":"{channel}"}}', '{"mask":"va"}'


def resident_bytes(pid, leave_out):
    """Memory of the process without the mappings whose file's name holds one of `leave_out`."""
    total, counted = 0, True
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as smaps:
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                path = " ".join(words[5:])
                counted = not any(part in path for part in leave_out)
            elif words[0] == "Rss:" and counted:
                total += int(words[1]) * 1024
    return total


def memory(build, broker, channels, say):
    """Idle connected channels. The spool's segments are no cost of a channel; a ledger's page is its worker's."""
    with LoadIoc(build, channels, "idle:") as ioc:
        broker.create_topic("bench-idle")
        with Supervisor(broker, [ioc], {"workers": {"count": 1}, "commands": {"topic": "idle-commands"}}) as service:
            service.ready()
            wait_for(lambda: service.workers() and service.workers()[0]["pid"], 20, "a worker")
            pids = service.workers()[0]["pid"], service.child.pid
            left_out = ((".seg",), (".seg", "ledger"))
            before = [resident_bytes(pid, out) for pid, out in zip(pids, left_out)]
            service.command(*[command("bench-idle", f"idle:{i}") for i in range(channels)], topic="idle-commands")
            service.connected(channels, 120)
            service.settled(60)
            time.sleep(6)  # lets freed memory go back and the first burst's queues empty
            after = [resident_bytes(pid, out) for pid, out in zip(pids, left_out)]
    grown = [(b - a) / channels for a, b in zip(before, after)]
    say(f"memory: {before} -> {after} for {channels} channels")
    return [Row("memory a connected channel, worker", [grown[0]], "bytes", 900, note=f"{channels:,} channels"),
            Row("memory a connected channel, supervisor", [grown[1]], "bytes", 300)]


def command_load(broker, records, repetitions, say):
    """From the start of the program to the end of its command topic, none of the channels existing."""
    broker.create_topic("load-commands", compacted=True)
    broker.produce("load-commands", [command("bench-load", f"absent:{i}") for i in range(records)])
    took = []
    for _ in range(repetitions):
        begin = time.monotonic()
        with Supervisor(broker, [], {"workers": {"count": 1}, "commands": {"topic": "load-commands"}}) as service:
            wait_for(lambda: (service.try_status() or {}).get("commands", {}).get("caught_up"), 60,
                     "the end of the command topic", poll=0.005)
            took.append(time.monotonic() - begin)
            assert service.status()["commands"]["channels"] == records
        say(f"command load: {took[-1]:.3f} s")
    return [Row(f"program start with {records:,} commands", took, "s", 1, note="to caught_up, start included")]


class KeyWatcher:
    """Waits at a topic's end for records with keys."""

    def __init__(self, broker, topic):
        from confluent_kafka import Consumer, TopicPartition
        self.consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench", "fetch.wait.max.ms": 5,
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        self.consumer.assign([TopicPartition(topic, 0, 0)])
        self.keys = set()

    def wait(self, complete, timeout):
        """complete(set of keys seen so far)"""
        def done():
            self.keys.update(message.key() for message in self.consumer.consume(10000, 0.001) if not message.error())
            return complete(self.keys)
        wait_for(done, timeout, "records", poll=0)


def first_records(build, broker, samples, channels, say):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    broker.create_topic("bench-first")
    broker.create_topic("bench-many")
    with LoadIoc(build, channels, "first:") as ioc:
        with Supervisor(broker, [ioc], {"workers": {"count": 1}, "commands": {"topic": "first-commands"},
                                        "kafka": {"linger.ms": 5}}) as service:
            service.ready()
            single = one_by_one(service, producer, KeyWatcher(broker, "bench-first"), samples, say)
        with Supervisor(broker, [ioc], {"workers": {"count": 1}, "commands": {"topic": "many-commands"},
                                        "kafka": {"linger.ms": 5}}) as service:
            service.ready()
            watcher = KeyWatcher(broker, "bench-many")
            begin = time.monotonic()
            service.command(*[command("bench-many", f"first:{i}") for i in range(channels)], topic="many-commands")
            watcher.wait(lambda keys: len(keys) == channels, 120)
            many = time.monotonic() - begin
            say(f"{channels} channels: {many:.2f} s")
    producer.flush(10)
    return [single, Row(f"{channels:,} channels, first command to last first record", [many], "s", 2)]


def one_by_one(service, producer, watcher, samples, say):
    took = []
    for number in range(samples + 3):
        name = f"first:{number}"
        key, value = command("bench-first", name)
        begin = time.monotonic()
        producer.produce("first-commands", key=key, value=value)
        producer.poll(0)
        watcher.wait(lambda keys, wanted=name.encode(): wanted in keys, 30)
        took.append((time.monotonic() - begin) * 1000)
        service.settled()
    took = took[3:]  # the first ones open connections and fetch producer ids
    say(f"command to first record: {sorted(round(t, 1) for t in took)} ms")
    return Row("command to first record", took, "ms", 50, note="at a reader, linger.ms 5")
