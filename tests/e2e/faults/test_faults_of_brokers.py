"""Brokers that can't be used, at the start and later."""
import selectors
import socket
import threading

import pytest
from e2k_support import Authority, Broker, proc
from fault import ASKS_ALL, ends, reason, shown
from records import counter


# A cluster that was stopped may say once that it has no brokers, which librdkafka keeps to (common/kafka/abandonment.h).
A_HANDLE_ANEW_S = 120


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
    supervisor.settled(A_HANDLE_ANEW_S)
    assert supervisor.status()["events"]["lost"] == 0


def test_a_broker_that_is_killed(serving, broker):
    with shown(serving, "BROKERS_DOWN", broker.bootstrap, "Connection refused", "start them", command=ASKS_ALL):
        broker.halt()
    broker.start()
    with ends(serving, "BROKERS_DOWN"):
        pass


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


def writing_elsewhere(site, producer):
    """A supervisor whose worker writes with these properties, not yet started, and a channel. One worker: another, which has
    nothing to write, may not have had an answer of the broker yet when it goes, and could not know then that it is no TLS."""
    site.broker.create_topic(site.commands, compacted=True)
    supervisor = site.supervisor([site.ioc(counter("a"))], {"kafka": {"producer": producer}, "workers": {"count": 1}},
                                 ready=False, start=False)
    supervisor.monitor("a", site.topic())
    return supervisor


def test_workers_alone_that_speak_plain_text_to_tls(site, broker):
    """The command topic is read without trouble; where the workers write TLS is spoken."""
    supervisor = writing_elsewhere(site, {"bootstrap.servers": broker.secure})
    with shown(supervisor, "KAFKA_TLS", "worker ", broker.secure, "they speak TLS", "security.protocol", command=ASKS_ALL):
        supervisor.start()
    since = reason(supervisor, "KAFKA_TLS")["since"]
    begun = supervisor.status()["uptime_s"]
    supervisor.wait(lambda s: s["uptime_s"] > begun + 8, what="time to pass")
    assert reason(supervisor, "KAFKA_TLS")["since"] == since
    before = supervisor.workers()[0]["pid"]
    # Its worker can publish nothing, and drains for ten seconds before another is in its place.
    with ends(supervisor, "KAFKA_TLS", within_s=60):
        authority = site.folder("login") / "ca.pem"
        authority.write_bytes(broker.guards.authority.pem)
        supervisor.settings["kafka"]["producer"].update({"security.protocol": "ssl", "ssl.ca.location": str(authority)})
        supervisor.write_config()
        assert supervisor.ctl("reload").returncode == 0
        supervisor.wait(lambda s: [(w["state"], w["pid"] != before) for w in s["workers"]] == [("RUNNING", True)], 60,
                        "another worker in its place")
    supervisor.wait(lambda s: s["events"]["acknowledged"] > 0, 60, "an event in Kafka")


class Tunnel:
    """Takes connections, as long as it stands, and closes those that nobody listens for behind it."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.closed = 0  # for want of a target
        self._end, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            selector.register(self._end, selectors.EVENT_READ, None)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._end:
                        return
                    if key.fileobj is self._listener:
                        self._take(selector)
                    elif key.fileobj.fileno() >= 0:  # else it went with its other end, a moment before
                        self._carry(selector, key.fileobj, key.data)

    def _take(self, selector):
        near = self._listener.accept()[0]
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            self.closed += 1
            near.close()
            return
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)

    @staticmethod
    def _carry(selector, one, other):
        try:
            got = one.recv(65536)
            if got:
                return other.sendall(got)
        except OSError:
            pass
        for end in (one, other):
            selector.unregister(end)
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._wake.close()
        self._thread.join(10)
        self._listener.close()
        self._end.close()


def test_workers_whose_broker_is_killed_behind_a_tunnel(site, broker):
    """It closes their connections at the first question, as who wants TLS does; their broker is down."""
    with Tunnel(broker.bootstrap) as tunnel:
        supervisor = writing_elsewhere(site, {"bootstrap.servers": tunnel.address})
        supervisor.start()
        supervisor.connected(1)
        supervisor.wait(lambda s: s["events"]["acknowledged"] > 0, what="an event in Kafka")
        broker.halt()
        try:
            said = set()

            def is_over():
                said.update(one["code"] for one in supervisor.status()["reasons"] if one["because"] is None)
                return tunnel.closed > 40
            proc.wait_for(is_over, 60, "connections that are closed", poll=0.05)
            assert said == {"BROKERS_DOWN"}
        finally:
            broker.start()
        with ends(supervisor, "BROKERS_DOWN"):
            pass
