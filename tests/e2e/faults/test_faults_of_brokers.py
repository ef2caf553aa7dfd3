"""Brokers that can't be used, at the start and later."""
import socket

import pytest
from e2k_support import Authority, Broker, proc
from fault import ASKS_ALL, ends, reason, shown
from records import counter


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too. The user `bearer` may do anything."""
    with Broker(users={"bearer": "right"}, tls=True) as running:
        yield running


@pytest.fixture
def serving(site, broker):
    """A channel whose events flow."""
    supervisor = site.supervisor([site.ioc(counter("a"))])
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    yield supervisor
    supervisor.settled()
    assert supervisor.status()["events"]["lost"] == 0


def test_a_broker_that_is_killed(serving, broker):
    with shown(serving, "BROKERS_DOWN", broker.bootstrap, "Connection refused", "start them", command=ASKS_ALL):
        broker.halt()
    with ends(serving, "BROKERS_DOWN"):
        broker.start()


@pytest.fixture
def hung(broker):
    """A function that stops it."""
    yield broker.pause
    broker.resume()


def test_a_broker_that_hangs(serving, broker, hung):
    with shown(serving, "BROKERS_SILENT", broker.bootstrap, "do not answer", "overloaded or stopped", command=ASKS_ALL):
        hung()
    # Longer than librdkafka waits, and than the look at a batch that is held back.
    since = reason(serving, "BROKERS_SILENT")["since"]
    begun = serving.status()["uptime_s"]
    serving.wait(lambda s: s["uptime_s"] > begun + 13, what="time to pass")
    assert reason(serving, "BROKERS_SILENT")["since"] == since
    with ends(serving, "BROKERS_SILENT"):
        broker.resume()


def starts(site, kafka):
    """A supervisor with these properties, not yet started."""
    return site.supervisor([], {"kafka": kafka}, ready=False, start=False)


def test_a_start_where_nobody_listens(site):
    address = f"127.0.0.1:{proc.free_port()}"
    supervisor = starts(site, {"bootstrap.servers": address})
    with shown(supervisor, "BROKERS_DOWN", address, "Connection refused", "kafka.bootstrap.servers", command=ASKS_ALL):
        supervisor.start()


def test_a_start_with_a_name_that_does_not_resolve(site):
    supervisor = starts(site, {"bootstrap.servers": "kafka.invalid:9092"})
    with shown(supervisor, "BROKERS_DOWN", "kafka.invalid:9092", "Failed to resolve", "kafka.bootstrap.servers",
               command=ASKS_ALL):
        supervisor.start()


def test_a_start_where_something_else_than_kafka_listens(site):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        supervisor = starts(site, {"bootstrap.servers": address})
        with shown(supervisor, "BROKERS_SILENT", address, "is it Kafka that listens there", command=ASKS_ALL):
            supervisor.start()


def test_a_wrong_password(site, broker):
    password = site.folder("login") / "password"
    password.write_text("wrong")
    supervisor = starts(site, {"bootstrap.servers": broker.guarded, "security.protocol": "sasl_plaintext",
                               "sasl.mechanism": "PLAIN", "sasl.username": "bearer",
                               "sasl.password": {"file": str(password)}})
    with shown(supervisor, "KAFKA_LOGIN_REFUSED", broker.guarded, "Authentication failed", "sasl.mechanism",
               command=ASKS_ALL):
        supervisor.start()
    with ends(supervisor, "KAFKA_LOGIN_REFUSED"):
        password.write_text("right")


def test_a_certificate_of_somebody_else(site, broker):
    authority = site.folder("login") / "ca.pem"
    authority.write_bytes(Authority("somebody else").pem)
    supervisor = starts(site, {"bootstrap.servers": broker.secure, "security.protocol": "ssl",
                               "ssl.ca.location": str(authority)})
    with shown(supervisor, "KAFKA_TLS", broker.secure, "certificate verify failed", f"ssl.ca.location={authority}",
               command=ASKS_ALL):
        supervisor.start()
    with ends(supervisor, "KAFKA_TLS"):
        authority.write_bytes(broker.guards.authority.pem)


def test_plain_text_against_a_listener_with_tls(site, broker):
    supervisor = starts(site, {"bootstrap.servers": broker.secure})
    with shown(supervisor, "KAFKA_TLS", broker.secure, "they speak TLS", "security.protocol", command=ASKS_ALL):
        supervisor.start()


def test_no_login_at_a_listener_that_asks_for_one(site, broker):
    supervisor = starts(site, {"bootstrap.servers": broker.guarded})
    with shown(supervisor, "KAFKA_LOGIN_REFUSED", broker.guarded, "security.protocol", command=ASKS_ALL):
        supervisor.start()


def test_tls_against_a_listener_without_it(site, broker):
    supervisor = starts(site, {"bootstrap.servers": broker.bootstrap, "security.protocol": "ssl"})
    with shown(supervisor, "KAFKA_TLS", broker.bootstrap, "security.protocol", command=ASKS_ALL):
        supervisor.start()
