"""--check --connect: brokers, topics, stamps and registries are asked, nothing is changed, and each complaint names a
remedy."""
import contextlib
import json
import re
import socket
import time

import pytest
from e2k_support import Broker, Channel, proc
from e2k_support.registry import basic
from e2k_support.supervisor import entry_key

EPICS_EPOCH_S = 631_152_000
DAY_S = 86_400


class Checked:
    """What `--check --connect` said: the findings, apart from the configuration before them."""

    def __init__(self, done):
        self.code = done.returncode
        self.text = done.stdout + done.stderr
        lines = [line for line in done.stdout.splitlines() if re.match(r"(ok|warning|broken) ", line)]
        assert lines, self.text
        self.lines = lines

    @property
    def all_is_ok(self):
        return all(line.startswith("ok ") for line in self.lines)

    def the(self, kind, *words):
        """The one line of that kind that has all the words."""
        found = [line for line in self.lines
                 if line.startswith(kind + " ") and all(word in line for word in words)]
        assert len(found) == 1, f"{words} in {kind}:\n{self.text}"
        return found[0]


def check(supervisor, *arguments):
    return Checked(supervisor.check("--connect", *arguments, timeout=40))


@pytest.fixture
def stopped(site):
    return site.supervisor(start=False, ready=False)


def test_where_all_is_well_nothing_is_broken_and_nothing_is_changed(site, stopped):
    site.broker.create_topic(site.commands, compacted=True)
    topic = site.topic(config={"retention.ms": -1})
    stopped.monitor("a", topic)
    before = set(site.broker.admin().list_topics(timeout=10).topics)
    said = check(stopped)
    assert said.code == 0 and said.all_is_ok, said.text
    said.the("ok", "brokers: 1", stopped.bootstrap)
    said.the("ok", site.commands, "compacted")
    said.the("ok", site.commands, "1 partition", "1 entry")
    said.the("ok", "output topics: 1 of 1")
    assert '[commands]' in said.text and said.text.index("[commands]") < said.text.index("ok brokers")
    after = set(site.broker.admin().list_topics(timeout=10).topics)
    assert after == before


def test_connect_alone_is_a_usage_error(stopped):
    import subprocess
    done = subprocess.run([stopped.program(), "--config", stopped.config, "--connect"], capture_output=True, text=True,
                          timeout=10, env=stopped.environ(), stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 64
    assert "--check" in done.stderr


def test_a_broker_that_refuses_connections_is_told_in_librdkafkas_words(site):
    address = f"127.0.0.1:{proc.free_port()}"
    said = check(site.supervisor(start=False, ready=False, broker=address))
    assert said.code == 75
    said.the("broken", address, "Connection refused", "bootstrap.servers")


def test_a_broker_whose_name_has_no_address_is_told_apart(site):
    said = check(site.supervisor(start=False, ready=False, broker="no-such-broker.invalid:9092"))
    assert said.code == 75
    said.the("broken", "no address is known of no-such-broker.invalid", "resolve")


def test_a_broker_that_never_answers_does_not_hang_the_check(site):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        said = check(site.supervisor(start=False, ready=False, broker=address))
        assert said.code == 75 and time.monotonic() - begun < 20
        said.the("broken", "none answers at " + address)


def test_a_certificate_that_is_not_trusted_and_a_port_without_tls_are_told(site):
    with_tls = site.stand_in(tls=True)  # of a broker it has the TLS at least
    said = check(site.supervisor(start=False, ready=False, broker=f"127.0.0.1:{with_tls.port}",
                                 settings={"kafka": {"security.protocol": "ssl"}}))
    assert said.code == 78
    said.the("broken", "TLS fails", "certificate verify failed", "ssl.ca.location")
    said = check(site.supervisor(start=False, ready=False, settings={"kafka": {"security.protocol": "ssl"}}))
    assert said.code == 78
    # The words before the state depend on the moment in which librdkafka sees the end of the connection.
    said.the("broken", "another protocol", "in state SSL_HANDSHAKE", "security.protocol")


def test_a_missing_command_topic_stays_missing(site, stopped):
    said = check(stopped)
    assert said.code == 0
    said.the("warning", site.commands, "does not exist", "the start makes it")
    assert site.broker.has_none_of(site.commands)
    said = check(stopped, "--set", "commands.create_topic=false")
    assert said.code == 78
    said.the("broken", site.commands, "--create", "cleanup.policy=compact")


def test_a_command_topic_that_is_not_compacted_comes_with_the_line_that_repairs_it(site, stopped):
    site.broker.create_topic(site.commands)
    said = check(stopped)
    assert said.code == 0
    said.the("warning", site.commands, "cleanup.policy=delete", "kafka-configs.sh")


def test_missing_output_topics_are_one_line_and_stay_missing(site, stopped):
    site.broker.create_topic(site.commands, compacted=True)
    topic = site.topic(config={"retention.ms": -1})
    missing = [f"t{site.number}-missing{i}" for i in range(7)]
    stopped.monitor("a", topic)
    stopped.command(*[(entry_key(name, "a"), '{"mask":"va"}') for name in missing], ("bad", "no json"))
    said = check(stopped)
    assert said.code == 0
    line = said.the("warning", "output topics", "7 of 8", "kafka-topics.sh", "--create", missing[0], "…")
    assert missing[6] not in line
    said.the("warning", "no valid commands and are skipped: 1;")
    assert site.broker.has_none_of(*missing)


def test_output_topics_have_their_prefix(site, stopped):
    site.broker.create_topic(site.commands, compacted=True)
    stopped.monitor("a", "x")
    said = check(stopped, "--set", f"output.topic_prefix=t{site.number}-shadow.")
    said.the("warning", "1 of 1", f"t{site.number}-shadow.x")


def old(days):
    return Channel(1.5, seconds=int(time.time()) - EPICS_EPOCH_S - days * DAY_S)


def test_a_retention_that_erases_old_stamps_is_told_with_the_limit_that_keeps_them(site):
    ioc = site.stub({"old": old(10), "new": old(0)})
    short = site.topic("short", config={"retention.ms": 3_600_000})
    week = site.topic("week", config={"retention.ms": 604_800_000})
    supervisor = site.supervisor([ioc])
    supervisor.monitor("old", short)
    supervisor.monitor("new", week)
    supervisor.connected(2)
    supervisor.wait(lambda s: s["events"]["received"] >= 2, what="two events")
    said = check(supervisor)
    assert said.code == 0
    line = said.the("warning", "retention", short, "3600000", "channel old", "10 days", "output.max_past_s = 1800")
    assert week not in line
    limited = check(supervisor, "--set", "output.max_past_s=1800", "--set", "output.max_future_s=600")
    assert "channel old" not in limited.text, limited.text


def test_without_a_supervisor_the_ages_of_stamps_are_said_not_to_be_known(site, stopped):
    site.broker.create_topic(site.commands, compacted=True)
    stopped.monitor("a", site.topic())
    said = check(stopped)
    assert said.code == 0
    said.the("warning", "stamps is not known", "no supervisor of this configuration runs")


def registry_settings(stand_in, **options):
    return {"value": {"converter": "avro", "options": {"schema.registry.url": stand_in.url, **options}}}


def test_a_registry_is_asked_with_its_credentials(site):
    registry = site.stand_in(authorization=basic("reader", "right"))
    options = {"basic.auth.credentials.source": "USER_INFO", "basic.auth.user.info": "reader:right"}
    said = check(site.supervisor(start=False, ready=False, settings=registry_settings(registry, **options)))
    assert said.code == 0
    said.the("ok", "schema registry (value)", registry.url)
    options["basic.auth.user.info"] = "reader:wrong"
    said = check(site.supervisor(start=False, ready=False, settings=registry_settings(registry, **options)))
    assert said.code == 78
    said.the("broken", registry.url, "401", "basic.auth.user.info")
    assert "reader:wrong" not in said.text
    assert all(request.method == "GET" for request in registry.requests)


def test_a_registry_that_does_not_answer_or_is_not_trusted_is_told(site):
    registry = site.stand_in(tls=True)
    stopped = site.supervisor(start=False, ready=False, settings=registry_settings(registry))
    said = check(stopped)
    assert said.code == 78
    said.the("broken", registry.url, "certificate", "ssl.*")
    stopped.settings["value"]["options"]["schema.registry.url"] = f"http://127.0.0.1:{proc.free_port()}"
    stopped.write_config()
    said = check(stopped)
    assert said.code == 75
    said.the("broken", "schema registry", "onnect", "schema.registry.url")


@contextlib.contextmanager
def guest(site, broker, password="right"):
    login = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "guest",
             "sasl.password": password}
    yield site.supervisor(start=False, ready=False, broker=broker.guarded, settings={"kafka": login})


@pytest.fixture(scope="module")
def guarded():
    with Broker(users={"guest": "right"}) as running:
        yield running


def test_a_wrong_password_is_told_from_a_silent_broker(site, guarded):
    with guest(site, guarded, "wrong") as stopped:
        said = check(stopped)
    assert said.code == 78
    said.the("broken", "the login is refused", "sasl.password")
    assert '"wrong"' not in said.text


def test_what_a_user_may_not_do_is_named(site, guarded):
    guarded.create_topic(site.commands, compacted=True)
    with guest(site, guarded) as stopped:
        said = check(stopped)
        assert said.code == 78
        said.the("broken", "command topic " + site.commands, "may not see", "grant Read")

        guarded.allow("guest", site.commands, "DESCRIBE")
        said = check(stopped)
        assert said.code == 78
        said.the("warning", site.commands, "can't be seen", "DescribeConfigs")
        said.the("broken", site.commands, "reading it is refused", "grant Read")

        guarded.allow("guest", site.commands, "READ", "DESCRIBE_CONFIGS")
        hidden = guarded.create_topic(f"t{site.number}-hidden")
        guarded.produce(site.commands, [(entry_key(hidden, "a"), json.dumps({"mask": "va"}))])
        said = check(stopped)
        assert said.code == 78
        said.the("broken", "output topics", hidden, "grant Write")

        guarded.allow("guest", hidden, "WRITE")
        said = check(stopped)
        assert said.code == 0, said.text
        said.the("warning", "retention", hidden, "DescribeConfigs")
