"""Brokers that ask who comes, and brokers that can't be used: what is said of each, and that it ends by itself."""
import json
import selectors
import socket
import threading

import pytest
from e2k_support import Authority, Broker, proc, wait_for
from records import assert_counts_without_fault, counter

OF_BROKERS = {"KAFKA_LOGIN_REFUSED", "KAFKA_TLS", "BROKERS_DOWN", "BROKERS_SILENT"}
TOKEN_LIFE_S = 3


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too. The user `bearer` may do anything."""
    with Broker(users={"bearer": "right"}, tokens=True, tls=True) as running:
        yield running


@pytest.fixture
def ioc(site):
    return site.ioc(counter("a"))


def password_login(broker, password_file):
    return {"kafka": {"bootstrap.servers": broker.guarded, "security.protocol": "sasl_plaintext",
                      "sasl.mechanism": "PLAIN", "sasl.username": "bearer",
                      "sasl.password": {"file": str(password_file)}}}


def token_login(broker):
    return {"kafka": {"bootstrap.servers": broker.tokens, "security.protocol": "sasl_plaintext",
                      "sasl.mechanism": "OAUTHBEARER", "enable.sasl.oauthbearer.unsecure.jwt": True,
                      "sasl.oauthbearer.config": f"principal=bearer lifeSeconds={TOKEN_LIFE_S}"}}


def of_brokers(status):
    return {reason["code"]: reason["message"] for reason in status["reasons"] if reason["code"] in OF_BROKERS}


def told(supervisor, code, *words, timeout=30.0):
    """Waits until that is said of the brokers, in these words among others, and nothing else."""
    def holds(status):
        said = of_brokers(status)
        return set(said) == {code} and all(one in said[code] for one in words)
    supervisor.wait(holds, timeout, f"{code} alone, with {words}")


def well(supervisor, timeout=30.0):
    supervisor.wait(lambda s: s["state"] == "RUNNING" and not of_brokers(s), timeout, "no word of the brokers")


def test_tokens_are_renewed_so_that_a_restarted_broker_is_written_to_again(site, broker, ioc):
    topic = site.topic()
    supervisor = site.supervisor([ioc], token_login(broker))
    supervisor.monitor("a", topic)
    reader = site.reader(topic)
    reader.count(3)
    broker.halt()
    told(supervisor, "BROKERS_DOWN")
    # The first tokens are long out of date.
    supervisor.wait(lambda s: s["uptime_s"] > 3 * TOKEN_LIFE_S, 30, "the end of the first tokens")
    seen = len(reader.records)
    broker.start()
    well(supervisor)
    reader.count(seen + 10, timeout=30)
    supervisor.unset("a", topic)
    supervisor.settled()
    assert_counts_without_fault(reader.to_end())


def test_the_client_program_logs_in_with_tokens(site, broker):
    file = site.folder("login") / "client.properties"
    file.write_text("".join(f"{key}={str(value).lower() if value is True else value}\n"
                            for key, value in token_login(broker)["kafka"].items()))
    supervisor = site.supervisor([], token_login(broker))
    done = supervisor.ctl("set", "--bootstrap-server", broker.tokens, "--command-config", file, "--command-topic",
                          site.commands, "-c", "b", "-t", "t", "-m", "va")
    assert done.returncode == 0, done.stderr
    supervisor.wait(lambda s: s["channels"]["total"] == 1, 10, "the command")


def test_a_login_without_a_source_of_tokens_is_refused(site, broker):
    settings = token_login(broker)
    del settings["kafka"]["enable.sasl.oauthbearer.unsecure.jwt"]
    checked = site.supervisor([], settings, start=False, ready=False).check()
    assert checked.returncode == 78
    assert "kafka.sasl.mechanism" in checked.stderr and "sasl.oauthbearer.method" in checked.stderr


def test_a_wrong_password_is_said_and_a_corrected_file_is_read_again(site, broker, ioc):
    topic = site.topic()
    password = site.folder("login") / "password"
    password.write_text("wrong\n")
    supervisor = site.supervisor([ioc], password_login(broker, password), ready=False)
    told(supervisor, "KAFKA_LOGIN_REFUSED", broker.guarded, "Authentication failed", "sasl.mechanism")
    password.write_text("right\n")
    well(supervisor)
    supervisor.monitor("a", topic)
    reader = site.reader(topic)
    reader.count(3)

    # A password that changes while everything runs: the brokers know the new one after their restart.
    broker.guards.users["bearer"] = "changed"
    broker.halt()
    broker.write_properties()
    broker.start()
    told(supervisor, "KAFKA_LOGIN_REFUSED")
    password.write_text("changed\n")
    well(supervisor)
    seen = len(reader.records)
    reader.count(seen + 5, timeout=30)
    supervisor.unset("a", topic)
    supervisor.settled()
    assert_counts_without_fault(reader.to_end())
    assert "wrong" not in json.dumps(supervisor.status())


def test_workers_that_are_refused_are_named_though_the_supervisor_is_not(site, broker):
    folder = site.folder("login")
    right, wrong = folder / "right", folder / "wrong"
    right.write_text(broker.guards.users["bearer"])
    wrong.write_text("wrong")
    settings = password_login(broker, right)
    settings["kafka"]["producer"] = {"sasl.password": {"file": str(wrong)}}
    supervisor = site.supervisor([], settings, ready=False)
    told(supervisor, "KAFKA_LOGIN_REFUSED", "worker", "Authentication failed")
    supervisor.wait(lambda s: s["commands"]["caught_up"], 10, "the commands")
    wrong.write_text(broker.guards.users["bearer"])
    well(supervisor)


def test_certificates_of_somebody_else_are_told_from_other_troubles_and_corrected_ones_read(site, broker):
    authority = site.folder("login") / "ca.pem"
    authority.write_bytes(Authority("somebody else").pem)
    settings = {"kafka": {"bootstrap.servers": broker.secure, "security.protocol": "ssl",
                          "ssl.ca.location": str(authority)}}
    supervisor = site.supervisor([], settings, ready=False)
    told(supervisor, "KAFKA_TLS", "certificate verify failed", f"ssl.ca.location={authority}")
    authority.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    wait_for(lambda: "kafka_not_renewed" in supervisor.child.text(), 30, "a word about the file that can't be used")
    authority.write_bytes(broker.guards.authority.pem)
    well(supervisor)


@pytest.fixture
def rotated(broker):
    """The broker asks clients for certificates, too. A function that restarts it with other authorities."""
    def rotate(**authorities):
        for name, authority in authorities.items():
            setattr(broker.guards, name, authority)
        broker.halt()
        broker.write_properties()
        broker.start()
    rotate(client_authority=Authority("clients'"))
    yield rotate
    rotate(client_authority=None)


@pytest.mark.parametrize("whose", ["brokers'", "clients'"])
def test_certificates_that_are_replaced_while_everything_runs_need_no_restart(site, broker, ioc, rotated, whose):
    topic = site.topic()
    folder = site.folder("login")
    authority, own = folder / "ca.pem", folder / "own.pem"
    authority.write_bytes(broker.guards.authority.pem)
    own.write_bytes(broker.guards.client_authority.issue("client"))
    supervisor = site.supervisor([ioc], {"kafka": {
        "bootstrap.servers": broker.secure, "security.protocol": "ssl", "ssl.ca.location": str(authority),
        "ssl.certificate.location": str(own), "ssl.key.pem": {"file": str(own)}}})
    supervisor.monitor("a", topic)
    reader = site.reader(topic)
    reader.count(3)
    generations = [worker["generation"] for worker in supervisor.status()["workers"]]

    if whose == "brokers'":
        rotated(authority=Authority("another one"))
    else:
        rotated(client_authority=Authority("other clients'"))
    told(supervisor, "KAFKA_TLS", str(authority), str(own))
    authority.write_bytes(broker.guards.authority.pem)
    own.write_bytes(broker.guards.client_authority.issue("client"))
    well(supervisor)
    seen = len(reader.records)
    reader.count(seen + 10, timeout=30)
    supervisor.monitor("b", topic)
    supervisor.wait(lambda s: s["channels"]["total"] == 2, 20, "a command that is read by the new login")
    supervisor.unset("a", topic)
    supervisor.settled()
    status = supervisor.status()
    assert status["events"]["lost"] == 0
    assert [worker["generation"] for worker in status["workers"]] == generations
    # The broker was killed: what it had stored and not yet acknowledged comes once more.
    numbers = [record.values[0] for record in reader.to_end() if record.error is None]
    assert list(dict.fromkeys(numbers)) == list(range(int(numbers[0]), int(numbers[0]) + len(set(numbers))))


class SilentListener:
    """Takes connections and never says a word."""

    def __init__(self, port):
        self._listener = socket.create_server(("127.0.0.1", port))
        self._end, self._wake = socket.socketpair()
        self._taken = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._end, selectors.EVENT_READ)
            while all(key.fileobj is not self._end for key, _ in selector.select()):
                self._taken.append(self._listener.accept()[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._wake.close()
        self._thread.join(10)
        for one in (*self._taken, self._listener, self._end):
            one.close()


def test_nobody_there_is_told_from_somebody_who_does_not_answer(site):
    port = proc.free_port()
    supervisor = site.supervisor([], {"kafka": {"bootstrap.servers": f"127.0.0.1:{port}"}}, ready=False)
    told(supervisor, "BROKERS_DOWN", "Connection refused")
    with SilentListener(port):
        told(supervisor, "BROKERS_SILENT", "do not answer")
    told(supervisor, "BROKERS_DOWN", "Connection refused")


def test_the_libraries_that_run_are_named(site):
    supervisor = site.supervisor([])
    libraries = supervisor.wait(lambda s: s["libraries"]["libca"], 10, "libca")["libraries"]
    assert tuple(map(int, libraries["librdkafka"].split(".")[:2])) >= (2, 8)
    assert "EPICS" in libraries["libca"]
    assert libraries["librdkafka"] in supervisor.ctl("version").stdout
    assert wait_for(lambda: libraries["libca"] in supervisor.ctl("status").stdout, 20, "libca in the client's words")
