"""What an outage writes to the log: its begin and its end once, however often what lies beneath comes and goes."""
import re
import time
from collections import Counter

import pytest
from e2k_support import Broker, LoadIoc, wait_for
from records import ao

TOPICS = 100
LINES_A_MINUTE = 20


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too: it is stopped and killed. It makes no topic by itself."""
    # A pause of three seconds is not to cost its session: what librdkafka makes of that is another outage.
    with Broker({"auto.create.topics.enable": "false", "broker.session.timeout.ms": "10000"}) as running:
        yield running


def lines(supervisor):
    """How often each event stands in the log, by (who, event)."""
    found = re.findall(r"^\S+Z \w+ (\S+) (\S+)", supervisor.child.text(), re.M)
    return Counter(found)


def test_a_full_spool_and_brokers_that_come_and_go(site, broker):
    with LoadIoc(records=4, elements=2000) as load:
        topic = site.topic()
        supervisor = site.supervisor([load], {"workers": {"count": 1}, "spool": {
            "max_total_bytes": 64 << 20, "max_event_bytes": 1 << 20}})
        for number in range(4):
            supervisor.monitor(f"load:{number}", topic)
        supervisor.connected(4)
        load.start(800, 60, verb="go")
        # Every segment is used again and again, and nobody need know.
        time.sleep(5)
        assert not [event for _, event in lines(supervisor) if event.startswith("spool.")]
        broker.pause()
        time.sleep(3)
        broker.resume()
        supervisor.wait(lambda s: s["events"]["waiting"] < 800, 20, "an empty spool")
        broker.halt()
        wait_for(lambda: lines(supervisor)["worker.0", "spool.full"], 20, "a full spool")
        time.sleep(3)
        broker.start()
        load.finish()
        supervisor.settled(60)
        seen = lines(supervisor)
    print(seen)
    assert seen["worker.0", "spool.full"] == 1
    for event in ("spool.ok", "brokers.down", "brokers.up"):
        assert seen["worker.0", event] <= 2
    assert seen["worker.0", "librdkafka.message"] <= LINES_A_MINUTE


def test_many_topics_that_are_missing(site):
    supervisor = site.supervisor([site.ioc("".join(ao(f"a{n}") for n in range(TOPICS)))], {"workers": {"count": 1}})
    topics = [f"absent-{site.number}-{n}" for n in range(TOPICS)]
    for number, topic in enumerate(topics):
        supervisor.monitor(f"a{number}", topic)
    wait_for(lambda: supervisor.status()["channels"]["no_topic"] == TOPICS, 60, "topics that are missed")
    assert 0 < lines(supervisor)["worker.0", "topic.blocked"] <= LINES_A_MINUTE
    for topic in topics:
        site.broker.create_topic(topic)
    supervisor.settled(60)
    seen = lines(supervisor)
    assert seen["worker.0", "topic.blocked"] + seen["worker.0", "topic.flows"] <= 2 * LINES_A_MINUTE
