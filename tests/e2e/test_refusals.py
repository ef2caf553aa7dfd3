"""Brokers that refuse the client program: each verb that asks Kafka says what it is, in librdkafka's words, when it is
told, and what must be mended."""
import socket
import time

import pytest
from e2k_support import Authority, Broker, proc

TIMEOUT_S, SOON_S = 30, 15  # what each verb may take; it waits for nothing, else it would take the whole time

VERBS = {
    "list": ["list"],
    "export": ["export"],
    "set": ["set", "-c", "a", "-t", "t", "-m", "v"],
    "unset": ["unset", "-c", "a"],
    "import": ["import", "-"],
    "create-topics": ["create-topics"],
    "delete-topics": ["delete-topics", "--yes"],
    "compare": ["compare", "t", "--prefix", "shadow."],
    "monitor": ["monitor", "a", "-t", "t"],
    "alarms": ["alarms"],
}


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too."""
    with Broker(users={"guest": "right"}, tls=True) as running:
        yield running


@pytest.fixture
def refused(site):
    """Runs a verb with such properties, and answers with what it said on its way out."""
    idle = site.supervisor([], ready=False, start=False)

    def run(verb, code, **properties):
        file = idle.folder / "client.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        begun = time.monotonic()
        done = idle.ctl("--timeout", TIMEOUT_S, *VERBS[verb], "--command-config", file, timeout=2 * TIMEOUT_S)
        assert done.returncode == code, done.stderr
        assert time.monotonic() - begun < SOON_S
        assert done.stdout == ""
        return done.stderr
    return run


every_verb = pytest.mark.parametrize("verb", VERBS)


def login(broker, password):
    return {"bootstrap.servers": broker.guarded, "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
            "sasl.username": "guest", "sasl.password": password}


@every_verb
def test_a_wrong_password_is_a_permission(broker, refused, verb):
    said = refused(verb, 5, **login(broker, "wrong"))
    assert "the login is refused at " + broker.guarded in said and "Authentication failed" in said
    assert "sasl.password" in said and "wrong" not in said


def test_a_wrong_password_of_the_writing_side_alone_is_one_too(site, broker):
    site.broker.create_topic(site.commands, compacted=True)
    site.broker.allow("guest", site.commands, "READ", "WRITE")
    settings = {"kafka": {**login(broker, "right"), "producer": {"sasl.password": "wrong"}}}
    idle = site.supervisor([], settings, ready=False, start=False)
    begun = time.monotonic()
    done = idle.ctl("--timeout", TIMEOUT_S, "set", "-c", "a", "-t", "t", "-m", "v", "--config", idle.config, timeout=2 * TIMEOUT_S)
    assert done.returncode == 5 and "the login is refused" in done.stderr, done.stderr
    assert time.monotonic() - begun < SOON_S


@every_verb
def test_a_certificate_of_somebody_else_is_told(site, broker, refused, verb):
    authority = site.folder("login") / "ca.pem"
    authority.write_bytes(Authority("somebody else").pem)
    said = refused(verb, 1, **{"bootstrap.servers": broker.secure, "security.protocol": "ssl",
                               "ssl.ca.location": authority})
    assert "TLS fails at " + broker.secure in said and "certificate verify failed" in said
    assert "ssl.ca.location" in said


@every_verb
def test_tls_against_a_listener_without_it_is_told(broker, refused, verb):
    said = refused(verb, 1, **{"bootstrap.servers": broker.bootstrap, "security.protocol": "ssl"})
    assert "another protocol is spoken at " + broker.bootstrap in said and "security.protocol" in said


@every_verb
def test_a_listener_with_tls_that_is_asked_without_is_told(broker, refused, verb):
    said = refused(verb, 1, **{"bootstrap.servers": broker.secure})
    assert "another protocol is spoken at " + broker.secure in said and "security.protocol" in said


@every_verb
def test_a_name_without_an_address_is_told(refused, verb):
    said = refused(verb, 1, **{"bootstrap.servers": "no-such-broker.invalid:9092"})
    assert "no address is known of no-such-broker.invalid" in said and "Failed to resolve" in said


@every_verb
def test_that_nobody_listens_is_told(refused, verb):
    address = f"127.0.0.1:{proc.free_port()}"
    said = refused(verb, 1, **{"bootstrap.servers": address})
    assert "none answers at " + address in said and "Connection refused" in said


def test_silence_alone_takes_the_whole_time(site):
    idle = site.supervisor([], ready=False, start=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = idle.ctl("--timeout", 2, "list", "--bootstrap-server", address)
    assert done.returncode == 124 and address in done.stderr, done.stderr
