"""Reads topics with confluent-kafka: a client with none of our code in it."""
import dataclasses
import json
import time
import uuid

from . import proc


@dataclasses.dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp_ms: int
    timestamp_type: int
    headers: tuple

    def json(self):
        return json.loads(self.value)

    @property
    def name(self):
        return None if self.key is None else self.key.decode()

    @property
    def error(self):
        return self.json()["error"]

    @property
    def values(self):
        """The one non-null …Values list; None in an error record."""
        lists = [value for field, value in self.json().items() if field.endswith("Values") and value is not None]
        assert len(lists) <= 1, f"more than one value field in {self.value!r}"
        return lists[0] if lists else None


class Reader:
    """Reads topics from their beginning. `records` grows with each call; order is kept within a partition.

    librdkafka tries no broker any more when one that comes out of a pause has told it that there are none: another consumer goes on
    then where the last one was."""
    _silent_s = 5

    def __init__(self, bootstrap, *topics, config=None):
        self.topics = list(topics)
        self.records = []
        self._settings = {"bootstrap.servers": bootstrap, "group.id": f"reader-{uuid.uuid4()}",
                          "enable.auto.commit": False, "auto.offset.reset": "earliest",
                          "fetch.wait.max.ms": 20, "topic.metadata.refresh.interval.ms": 500,
                          "reconnect.backoff.max.ms": 200, "allow.auto.create.topics": False,
                          **(config or {})}
        self._assigned = set()
        self._next = {}      # offsets by (topic, partition)
        self._down_s = None  # since then nothing was read, when its brokers were last said to be down
        self._consumer = self._made()

    def _made(self):
        from confluent_kafka import Consumer
        return Consumer(self._settings)

    def _renew(self):
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition
        self._consumer.close()
        self._consumer, self._down_s = self._made(), None
        self._consumer.incremental_assign([TopicPartition(*place, self._next.get(place, OFFSET_BEGINNING)) for place in self._assigned])

    def _assign(self):
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition
        seen = {name for name, _ in self._assigned}
        for topic in self.topics:
            if topic in seen:
                continue
            found = self._consumer.list_topics(topic, timeout=10).topics.get(topic)
            if not found or found.error or not found.partitions:
                continue
            new = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in found.partitions]
            self._consumer.incremental_assign(new)
            self._assigned.update((topic, number) for number in found.partitions)

    def _take(self, timeout):
        from confluent_kafka import KafkaError
        if len({name for name, _ in self._assigned}) < len(self.topics):
            self._assign()
        for message in self._consumer.consume(5000, timeout):
            error = message.error()
            if error:
                if error.code() == KafkaError._ALL_BROKERS_DOWN and self._down_s is None:
                    self._down_s = time.monotonic()
                if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._PARTITION_EOF,
                                    KafkaError.UNKNOWN_TOPIC_OR_PART):
                    continue
                raise proc.PartFailed(f"the reader failed: {error}")
            self._down_s = None
            self._next[message.topic(), message.partition()] = message.offset() + 1
            kind, stamp = message.timestamp()
            self.records.append(Record(message.topic(), message.partition(), message.offset(), message.key(),
                                       message.value(), stamp, kind, tuple(message.headers() or ())))

        if self._down_s is not None and time.monotonic() - self._down_s > self._silent_s:
            self._renew()

    def until(self, predicate, timeout=15.0, what="the records"):
        """Reads until predicate(records) is true and returns its value."""
        deadline = proc.Deadline(timeout)
        while True:
            value = predicate(self.records)
            if value:
                return value
            if deadline.over():
                last = "\n".join(f"  {r.topic}[{r.partition}]@{r.offset} {r.key!r} {r.timestamp_ms} {r.value!r}"
                                 for r in self.records[-12:])
                raise proc.PartFailed(f"after {timeout} s still waiting for {what}; {len(self.records)} records, "
                                      f"the last ones:\n{last}")
            self._take(min(0.05, deadline.left() + 0.001))

    def count(self, number, timeout=15.0, key=None):
        """Waits for `number` records (of that key) and returns them."""
        return self.until(lambda all_: self._of(all_, key, number), timeout, f"{number} records of {key or 'any key'}")

    @staticmethod
    def _of(records, key, number):
        chosen = [record for record in records if key is None or record.name == key]
        return chosen if len(chosen) >= number else None

    def to_end(self, timeout=20.0):
        """Reads up to where the topics end now and returns all records."""
        from confluent_kafka import TopicPartition
        ends = self._ends(timeout)

        def reached(_):
            here = {(place.topic, place.partition): max(place.offset, self._next.get((place.topic, place.partition), 0))
                    for place in self._consumer.position([TopicPartition(*place) for place in ends])}
            return all(high == 0 or low == high or here[place] >= high for place, (low, high) in ends.items())
        self.until(reached, timeout, f"the end of {self.topics}")
        return self.records

    def _ends(self, timeout):
        """(low, high) by (topic, partition)"""
        from confluent_kafka import KafkaError, KafkaException, TopicPartition
        deadline = proc.Deadline(timeout)
        while True:
            try:
                self._assign()
                return {place: self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=10) for place in self._assigned}
            except KafkaException as failure:
                if failure.args[0].code() not in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT) or deadline.over():
                    raise
                self._renew()

    def of(self, key):
        return [record for record in self.records if record.name == key]

    def close(self):
        self._consumer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def murmur2(data):
    """Kafka's murmur2 of bytes, as its Java clients compute it: 32 bits, unsigned."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def murmur2_partition(key, partitions):
    """The partition that a Java producer's default partitioner chooses for a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
