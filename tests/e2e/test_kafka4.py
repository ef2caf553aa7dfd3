"""The core of it all on the next generation of Kafka's brokers."""
import pytest
from e2k_support import Broker
from records import assert_counts_without_fault, counter


@pytest.fixture(scope="module")
def broker():
    with Broker(release=4) as running:
        yield running


def test_events_pass_a_broker_of_kafka_4_and_its_restart_without_a_fault(site, broker):
    ioc = site.ioc(counter("a") + counter("b"))
    topic = site.topic(partitions=3)
    supervisor = site.supervisor([ioc])
    assert broker.topic_config(site.commands)["cleanup.policy"] == "compact"
    for name in ("a", "b"):
        done = supervisor.ctl("set", "--command-topic", site.commands, "-c", name, "-t", topic, "-m", "va", "--wait", "10")
        assert done.returncode == 0, done.stderr
    reader = site.reader(topic)
    reader.count(20)
    broker.halt()
    supervisor.wait(lambda s: any(r["code"] == "BROKERS_DOWN" for r in s["reasons"]), 20, "BROKERS_DOWN")
    broker.start()
    supervisor.wait(lambda s: s["state"] == "RUNNING", 30, "RUNNING")
    reader.count(len(reader.records) + 20, timeout=30)
    for name in ("a", "b"):
        assert supervisor.ctl("unset", "--command-topic", site.commands, "-c", name).returncode == 0
    supervisor.settled()
    reader.to_end()
    for name in ("a", "b"):
        assert_counts_without_fault(reader.of(name))


def test_a_check_asks_a_broker_of_kafka_4_all_that_it_asks_others(site):
    supervisor = site.supervisor([])
    checked = supervisor.check("--connect")
    assert checked.returncode == 0, checked.stdout + checked.stderr
