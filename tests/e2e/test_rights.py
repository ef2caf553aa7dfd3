"""The smallest rights that packaging/docs/security.md names: in Kafka they suffice and each is needed, and IOCs see the names
that it says."""
import os
import pwd
import socket

import pytest
from e2k_support import Broker
from records import ao, assert_counts_without_fault, counter


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too. Each test has users of its own."""
    users = {name: "right" for name in ("small", "maker", "curious", "blind", "mute", "operator", "onlooker", "owner", "deaf",
                                          "deafened", "reader")}
    with Broker(users=users) as running:
        yield running


def login(broker, user):
    return {"bootstrap.servers": broker.guarded, "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
            "sasl.username": user, "sasl.password": "right"}


def supervisor_of(site, user, iocs, **more):
    return site.supervisor(iocs, {"kafka": login(site.broker, user)}, **more)


def codes(status):
    return {reason["code"] for reason in status["reasons"]}


def test_reading_commands_and_writing_records_suffice(site):
    site.broker.create_topic(site.commands, compacted=True)
    topic = site.topic()
    site.broker.allow("small", site.commands, "READ")
    site.broker.allow("small", topic, "WRITE")
    supervisor = supervisor_of(site, "small", [site.ioc(counter("a"))])
    supervisor.monitor("a", topic)
    assert_counts_without_fault(site.reader(topic).count(5))
    supervisor.wait(lambda s: s["state"] == "RUNNING", what="RUNNING without a reason")


def test_a_command_topic_is_made_with_the_right_to_create_that_one(site):
    topic = site.topic()
    site.broker.allow("maker", site.commands, "READ", "CREATE")
    site.broker.allow("maker", topic, "WRITE")
    supervisor = supervisor_of(site, "maker", [site.ioc(counter("a"))])
    supervisor.monitor("a", topic)
    assert_counts_without_fault(site.reader(topic).count(3))


def test_a_topic_that_may_be_seen_and_not_written_to_is_found_by_check_and_doctor(site):
    site.broker.create_topic(site.commands, compacted=True)
    closed, opened = site.topic("closed"), site.topic("open")
    site.broker.allow("reader", site.commands, "READ")
    site.broker.allow("reader", closed, "READ")
    site.broker.allow("reader", opened, "WRITE")
    supervisor = supervisor_of(site, "reader", [site.ioc(counter("a"))])
    supervisor.monitor("a", closed)
    supervisor.monitor("a", opened)
    supervisor.wait(lambda s: s["channels"]["total"] == 2, what="the commands")
    for done in (supervisor.check("--connect", timeout=40), supervisor.ctl("doctor")):
        told = " ".join(done.stdout.split())
        assert f"may not write to 1 of 2: {closed};" in told and f"--operation Write --topic {closed}" in told, done.stdout
    site.broker.allow("reader", closed, "WRITE")
    assert "may not write" not in supervisor.ctl("doctor").stdout


def test_without_the_right_to_read_the_commands_it_says_so(site):
    site.broker.create_topic(site.commands, compacted=True)
    supervisor = supervisor_of(site, "blind", [], ready=False)
    supervisor.wait(lambda s: "COMMAND_TOPIC_NOT_AUTHORISED" in codes(s), what="COMMAND_TOPIC_NOT_AUTHORISED")
    site.broker.allow("blind", site.commands, "READ")
    supervisor.ready()


def test_the_right_to_describe_the_commands_alone_leaves_it_deaf_and_it_says_so(site):
    site.broker.create_topic(site.commands, 2, compacted=True)
    site.broker.allow("deaf", site.commands, "DESCRIBE")
    site.broker.allow("deaf", site.topic(), "WRITE")
    supervisor = supervisor_of(site, "deaf", [], ready=False)
    supervisor.wait(lambda s: "COMMAND_TOPIC_NOT_AUTHORISED" in codes(s), what="COMMAND_TOPIC_NOT_AUTHORISED")
    site.broker.allow("deaf", site.commands, "READ")
    supervisor.ready()


def test_a_right_to_read_that_is_revoked_is_told_until_it_is_granted_again(site):
    site.broker.create_topic(site.commands, 2, compacted=True)
    site.broker.allow("deafened", site.commands, "READ", "DESCRIBE")
    topic = site.topic()
    site.broker.allow("deafened", topic, "WRITE")
    supervisor = supervisor_of(site, "deafened", [])
    supervisor.wait(lambda s: s["state"] == "RUNNING", what="RUNNING without a reason")
    assert "DescribeConfigs" in supervisor.status()["commands"]["note"]
    site.broker.disallow("deafened", site.commands, "READ")
    supervisor.wait(lambda s: "COMMAND_TOPIC_NOT_AUTHORISED" in codes(s), what="COMMAND_TOPIC_NOT_AUTHORISED")
    supervisor.monitor("a", topic)
    looked = supervisor.status()["uptime_s"]
    # Longer than two looks at the topic, which brokers describe all the while.
    status = supervisor.wait(lambda s: s["uptime_s"] > looked + 11, what="time to pass")
    assert "COMMAND_TOPIC_NOT_AUTHORISED" in codes(status) and status["channels"]["total"] == 0
    site.broker.allow("deafened", site.commands, "READ")
    supervisor.wait(lambda s: s["state"] == "RUNNING" and s["channels"]["total"] == 1, what="the command")


def test_without_the_right_to_write_events_wait(site):
    site.broker.create_topic(site.commands, compacted=True)
    topic = site.topic()
    site.broker.allow("mute", site.commands, "READ")
    supervisor = supervisor_of(site, "mute", [site.ioc(counter("a"))])
    supervisor.monitor("a", topic)
    supervisor.wait(lambda s: "TOPIC_BLOCKED" in codes(s), what="TOPIC_BLOCKED")
    site.broker.allow("mute", topic, "WRITE")
    assert_counts_without_fault(site.reader(topic).count(5))


def test_no_group_is_looked_for(site):
    """Who only asks for a group's coordinator makes Kafka's topic of groups."""
    with Broker() as fresh:
        supervisor = site.supervisor([], broker=fresh.bootstrap)
        done = supervisor.ctl("set", "--bootstrap-server", fresh.bootstrap, "--command-topic", site.commands, "-c", "a", "-t", "t",
                              "-m", "v")
        assert done.returncode == 0, done.stderr
        supervisor.wait(lambda s: s["channels"]["total"] == 1, what="the command")
        assert "__consumer_offsets" not in fresh.admin().list_topics(timeout=10).topics


def test_that_a_topic_is_not_compacted_is_seen_with_the_right_to_describe_its_settings(site):
    site.broker.create_topic(site.commands)
    site.broker.allow("curious", site.commands, "READ", "DESCRIBE_CONFIGS")
    supervisor = supervisor_of(site, "curious", [])
    supervisor.wait(lambda s: "COMMAND_TOPIC_NOT_COMPACTED" in codes(s), what="COMMAND_TOPIC_NOT_COMPACTED")


@pytest.fixture
def client(site):
    """epics2kafkactl as a user of the guarded listener; no service runs."""
    idle = site.supervisor([], ready=False, start=False)

    def run(user, verb, *arguments, code=0):
        properties = idle.folder / f"{user}.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in login(site.broker, user).items()))
        commands = () if verb in ("compare", "monitor") else ("--command-topic", site.commands)
        done = idle.ctl(verb, "--command-config", properties, *commands, *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout
    return run


def test_setting_and_unsetting_take_reading_and_writing(site, client):
    site.broker.create_topic(site.commands, compacted=True)
    site.broker.allow("operator", site.commands, "READ", "WRITE")
    client("operator", "set", "-c", "a", "-t", "t", "-m", "va")
    assert '"channel":"a"' in client("operator", "list")
    client("operator", "unset", "-c", "a")
    assert client("operator", "list") == ""
    lines = site.folder("import") / "lines"
    lines.write_text('{"topic":"t","channel":"b"}={"mask":"v"}\n')
    client("operator", "import", lines)
    assert client("operator", "export").strip() == lines.read_text().strip()


def test_listing_and_comparing_take_reading_alone(site, client):
    site.broker.create_topic(site.commands, compacted=True)
    topics = [site.topic("out"), site.broker.create_topic(f"shadow.t{site.number}-out")]
    compare = "compare", topics[0], "--prefix", "shadow.", "--seconds", "1", "--lag", "0"
    client("onlooker", *compare, code=5)
    for topic in (site.commands, *topics):
        site.broker.allow("onlooker", topic, "READ")
    assert client("onlooker", "list") == ""
    client("onlooker", *compare, code=1)  # there is nothing to compare
    client("onlooker", "set", "-c", "a", "-t", "t", "-m", "va", code=5)


def test_the_command_topic_is_made_and_deleted_with_rights_on_it_alone(site, client):
    site.broker.allow("owner", site.commands, "CREATE", "DELETE")
    client("owner", "create-topics")
    client("owner", "delete-topics", "--yes")


def test_iocs_see_the_names_of_the_user_and_of_the_machine(site):
    user, host = pwd.getpwuid(os.geteuid()).pw_name, socket.gethostname()
    ioc = site.ioc(ao("ours", 'field(ASG,"ours")') + ao("theirs", 'field(ASG,"theirs")'), access=f"""
UAG(ours) {{{user}}}
HAG(here) {{{host}}}
UAG(others) {{somebody-else}}
ASG(ours) {{ RULE(1,READ) {{ UAG(ours) HAG(here) }} }}
ASG(theirs) {{ RULE(1,READ) {{ UAG(others) }} }}
""")
    supervisor = site.supervisor([ioc])
    topic = site.topic()
    for channel in ("ours", "theirs"):
        supervisor.monitor(channel, topic)
    supervisor.wait(lambda s: (s["channels"]["connected"], s["channels"]["denied"]) == (1, 1), what="one that is denied")
    assert supervisor.channel("theirs")[0]["state"] == "DENIED"
