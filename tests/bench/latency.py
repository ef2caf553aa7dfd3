"""From the IOC's post to a reader: the record's stamp is the post's time, a reader of its own takes the time of arrival.

Stamps in Kafka are whole milliseconds, hence half of one is in each figure, of worker and bare harness alike.
"""
import collections
import json
import threading
import time

from confluent_kafka import Consumer, TopicPartition


class LatencyReader:
    """Follows a topic's end in a thread. take() returns the latencies in ms since the last one, sorted.

    What was read is looked at when somebody asks: thousands that come at once, as from a worker that has just connected, would make
    those behind them late."""
    gathers_s = 0.01   # so much later than it came a record may be seen

    def __init__(self, broker, topic, at_once=True):
        """From the topic's end of now on; not at_once: read when begin() is called."""
        self.consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench-latency",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 100, "fetch.min.bytes": 1})
        _, end = self.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        self.consumer.assign([TopicPartition(topic, 0, end)])
        self._batches = collections.deque()   # (Unix time, messages)
        self._took = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if at_once:
            self.begin()

    def begin(self):
        self._thread.start()

    def take(self):
        self._look()
        took, self._took = self._took, []
        return sorted(took)

    def stop(self):
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.consumer.close()

    def _run(self):
        while not self._ending.is_set():
            messages = self.consumer.consume(2000, self.gathers_s)
            self._batches.append((time.time(), messages))

    def _look(self):
        while self._batches:
            at, messages = self._batches.popleft()
            for message in messages:
                if not message.error():
                    self._keep(message, 1000 * at - message.timestamp()[1], at)

    def _keep(self, message, late_ms, at):
        del message, at
        self._took.append(late_ms)


class NumberReader(LatencyReader):
    """Keeps what each channel of a load IOC counted, as it was read: {name: [(number, how late in ms, Unix time)]}."""
    gathers_s = 0.002

    def __init__(self, broker, topic, at_once=True):
        self._seen = collections.defaultdict(list)
        super().__init__(broker, topic, at_once)

    @property
    def seen(self):
        self._look()
        return self._seen

    def until(self, complete, timeout):
        """complete({name: …}); false: it was not within the time."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if complete(self.seen):
                return True
            time.sleep(0.1)
        return False

    def _keep(self, message, late_ms, at):
        super()._keep(message, late_ms, at)
        numbers = json.loads(message.value())["doubleValues"]
        if numbers is not None:
            self._seen[message.key().decode()].append((int(numbers[0]), late_ms, at))


def missing(seen, last):
    """How many of the numbers up to the last one, from 1, were not read: {name: last number}."""
    return sum(len(set(range(1, number + 1)) - {one[0] for one in seen[name]}) for name, number in last.items())


def late(seen, names, begin, end):
    """How late in ms, sorted, what was read of these channels between the two times."""
    return sorted(ms for name in names for _, ms, at in seen[name] if begin <= at < end)


def quantile(ordered, q):
    return ordered[int(q * (len(ordered) - 1))] if ordered else float("nan")
