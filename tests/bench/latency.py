"""From the IOC's post to a reader: the record's stamp is the post's time, a reader of its own takes the time of arrival.

Stamps in Kafka are whole milliseconds, hence half of one is in each figure, of worker and bare harness alike.
"""
import threading
import time

from confluent_kafka import Consumer, TopicPartition


class LatencyReader:
    """Follows a topic's end in a thread. take() returns the latencies in ms since the last one, sorted."""

    def __init__(self, broker, topic):
        self.consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench-latency",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 100, "fetch.min.bytes": 1})
        _, end = self.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        self.consumer.assign([TopicPartition(topic, 0, end)])
        self._took = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self):
        took, self._took = self._took, []
        return sorted(took)

    def stop(self):
        self._ending.set()
        self._thread.join(5)
        self.consumer.close()

    def _run(self):
        while not self._ending.is_set():
            messages = self.consumer.consume(2000, 0.01)
            now = time.time() * 1000
            took = self._took
            took.extend(now - message.timestamp()[1] for message in messages if not message.error())


def quantile(ordered, q):
    return ordered[int(q * (len(ordered) - 1))] if ordered else float("nan")
