"""An independent reader that follows topics from their beginning, also of those that are deleted and made again.

One consumer (confluent-kafka) an incarnation of a topic; one thread polls them in turn and keeps what it read: of each
(topic, channel) a list of Seen, in the order of the partitions.
"""
import collections
import contextlib
import dataclasses
import json
import threading
import time
import uuid

from e2k_support import Deadline, wait_for


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    incarnation: int
    partition: int
    offset: int
    number: int       # None in an error record
    error: str        # None in a value record
    stamp_s: float    # of the record: the IOC's stamp
    read_s: float     # when it was read, monotonic


class _Topic:
    """A cluster that was stopped may say once that it has no brokers, and librdkafka tries none any more: it goes on with another
    handle after a while without a record."""
    PATIENCE_S = 5

    def __init__(self, bootstrap, name, incarnation):
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition
        self.bootstrap, self.name, self.incarnation = bootstrap, name, incarnation
        self.consumer = self._consumer()
        found = wait_for(lambda: self._partitions(), 20, f"the partitions of {name}")
        self.places = [TopicPartition(name, number, OFFSET_BEGINNING) for number in found]
        self.consumer.assign(self.places)
        self._next = {}  # offset, by partition
        self._down_since = None

    def _consumer(self):
        from confluent_kafka import Consumer
        return Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"follower-{uuid.uuid4()}",
                         "enable.auto.commit": False, "fetch.wait.max.ms": 50, "log_level": 0,
                         "reconnect.backoff.max.ms": 200, "allow.auto.create.topics": False})

    def _renew(self):
        from confluent_kafka import TopicPartition
        self.consumer.close()
        self.consumer = self._consumer()
        self.consumer.assign([TopicPartition(self.name, place.partition, self._next.get(place.partition, place.offset))
                              for place in self.places])
        self._down_since = None

    def took(self, message):
        self._next[message.partition()] = message.offset() + 1
        self._down_since = None

    def failed(self, error):
        """Outages and deletions are what is tried here; what is missing is judged at the end."""
        from confluent_kafka import KafkaError
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._down_since is None:
            self._down_since = time.monotonic()

    def look(self):
        if self._down_since is not None and time.monotonic() > self._down_since + self.PATIENCE_S:
            self._renew()

    def _partitions(self):
        found = self.consumer.list_topics(self.name, timeout=5).topics.get(self.name)
        return None if found is None or found.error else list(found.partitions)

    def ends(self):
        """(partition, offset) of what is there now and remains to be read."""
        from confluent_kafka import KafkaError, KafkaException
        deadline = Deadline(60)
        while True:
            try:
                marks = [(place.partition, *self.consumer.get_watermark_offsets(place, timeout=5)) for place in self.places]
                return [(partition, high) for partition, low, high in marks if high > low]
            except KafkaException as failure:
                if deadline.over() or failure.args[0].code() not in (
                        KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT):
                    raise
                self._renew()

    def has_read(self, ends):
        here = {place.partition: max(place.offset, self._next.get(place.partition, 0))
                for place in self.consumer.position(self.places)}
        return all(here[partition] >= high for partition, high in ends)


class Follower:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.records = collections.defaultdict(list)
        self.total = 0
        self._topics = {}
        self._incarnations = collections.Counter()
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self, topic):
        self._incarnations[topic] += 1
        opened = _Topic(self.bootstrap, topic, self._incarnations[topic])
        with self._lock:
            self._topics[topic] = opened

    def close(self, topic):
        """Before the topic is deleted: what is in it is read first."""
        self.to_end(topic)
        with self._lock:
            self._topics.pop(topic).consumer.close()

    def to_end(self, *topics, timeout=30.0):
        """Reads up to where the topics (default: all) end now."""
        with self._lock:
            ends = [(self._topics[name], self._topics[name].ends()) for name in topics or list(self._topics)]

        def there():
            with self._lock:
                return all(topic.has_read(places) for topic, places in ends)
        wait_for(there, timeout, f"the end of {topics or 'all topics'}", poll=0.05)

    @contextlib.contextmanager
    def resting(self):
        """It reads nothing meanwhile."""
        with self._lock:
            yield

    def of(self, topic, channel):
        with self._lock:
            return list(self.records[topic, channel])

    def count(self, topic):
        with self._lock:
            return sum(len(seen) for (name, _), seen in self.records.items() if name == topic)

    def stop(self):
        self._ending.set()
        self._thread.join(10)
        for topic in self._topics.values():
            topic.consumer.close()

    def _run(self):
        while not self._ending.is_set():
            with self._lock:
                for topic in self._topics.values():
                    self._take(topic)
            self._ending.wait(0.02)

    def _take(self, topic):
        topic.look()
        for message in topic.consumer.consume(2000, 0):
            if message.error():
                topic.failed(message.error())
                continue
            topic.took(message)
            number, error = _read(json.loads(message.value()))
            self.records[topic.name, message.key().decode()].append(
                Seen(topic.incarnation, message.partition(), message.offset(), number, error, message.timestamp()[1] / 1000,
                     time.monotonic()))
            self.total += 1


def _read(value):
    """(number, error) of a record, as the default converter or the crashing plug-in writes it."""
    if isinstance(value, dict):
        return (None if value["doubleValues"] is None else int(value["doubleValues"][0])), value["error"]
    return (None, value) if isinstance(value, str) else (int(value), None)
