"""Output topics and what is written to them; the schema registry."""
import pytest
from e2k_support import Broker
from fault import ASKS_ALL, ends, shown
from records import ao, counter


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too. It makes no topic by itself; the user `mute` may read commands."""
    with Broker({"auto.create.topics.enable": "false"}, users={"mute": "right"}) as running:
        yield running


def nothing_lost(supervisor):
    supervisor.settled()
    assert supervisor.status()["events"]["lost"] == 0


def test_an_output_topic_that_is_missing(site):
    missing = f"t{site.number}-missing"
    supervisor = site.supervisor([site.ioc(counter("a"))])
    with shown(supervisor, "TOPIC_BLOCKED", f"topic {missing} does not exist", f"--create --topic {missing}",
               "epics2kafkactl channels --state NO_TOPIC", command="epics2kafkactl topics"):
        supervisor.monitor("a", missing)
    assert missing in supervisor.ctl("topics").stdout
    with ends(supervisor, "TOPIC_BLOCKED"):
        site.topic("missing")
    nothing_lost(supervisor)


def test_no_right_to_write(site, broker):
    topic = site.topic()
    broker.create_topic(site.commands, compacted=True)
    broker.allow("mute", site.commands, "READ")
    supervisor = site.supervisor([site.ioc(counter("a"))], {"kafka": {
        "bootstrap.servers": broker.guarded, "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
        "sasl.username": "mute", "sasl.password": "right"}})
    with shown(supervisor, "TOPIC_BLOCKED", f"topic {topic} may not be written to", f"--operation Write --topic {topic}",
               "epics2kafkactl channels --state NOT_AUTHORISED", command="epics2kafkactl topics"):
        supervisor.monitor("a", topic)
    with ends(supervisor, "TOPIC_BLOCKED"):
        broker.allow("mute", topic, "WRITE")
    nothing_lost(supervisor)


def test_a_record_that_is_too_large(site, broker):
    topic = site.topic(config={"max.message.bytes": 20000})
    ioc = site.ioc('record(waveform,"big"){field(FTVL,"DOUBLE")field(NELM,"4000")field(PINI,"YES")}' + ao("small"))
    supervisor = site.supervisor([ioc])
    supervisor.monitor("big", topic)
    supervisor.monitor("small", topic)
    supervisor.connected(2)
    with shown(supervisor, "RECORDS_REFUSED", "big", topic, "Raise max.message.bytes", command="epics2kafkactl channel NAME",
               beside=["EVENTS_LOST"]):
        ioc.put("big", [number / 7 for number in range(4000)])
    (entry,) = supervisor.channel("big")
    assert entry["lost"] == 1 and entry["last_loss"]["reason"] == "refused_by_broker"
    broker.alter_topic(topic, {"max.message.bytes": 1000000})
    ioc.put("big", [number / 7 for number in range(1, 4001)])
    supervisor.settled()
    assert supervisor.channel("big")[0]["lost"] == 1


def test_a_registry_that_is_away(site, running_registry):
    topic = site.topic()
    supervisor = site.supervisor([site.ioc(counter("a"))], {
        "value": {"converter": "avro", "options": {"schema.registry.url": running_registry.url}}})
    running_registry.kill()
    try:
        with shown(supervisor, "SCHEMA_REGISTRY", running_registry.url, "wait in the spool", command=ASKS_ALL):
            supervisor.monitor("a", topic)
    finally:
        running_registry.start()
    # Ten seconds may pass between two questions by now, and its first answer takes some.
    with ends(supervisor, "SCHEMA_REGISTRY", within_s=30):
        pass
    nothing_lost(supervisor)
