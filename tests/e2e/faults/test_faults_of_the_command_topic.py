"""The command topic: rights on it, its settings, and what is written to it."""
import pytest
from e2k_support import Broker
from fault import ASKS_ALL, ends, shown
from records import ao

USERS = ("blind", "forgetful", "deafened", "ordinary")


@pytest.fixture(scope="module")
def broker():
    """In this module's `site`, too. Each test has a user of its own."""
    with Broker(users={name: "right" for name in USERS}) as running:
        yield running


def may(site, user, *operations):
    """The command topic, on which this user may do that, and the properties of its login."""
    site.broker.create_topic(site.commands, compacted=True)
    site.broker.allow(user, site.commands, "DESCRIBE", "DESCRIBE_CONFIGS", *operations)
    return {"kafka": {"bootstrap.servers": site.broker.guarded, "security.protocol": "sasl_plaintext",
                      "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": "right"}}


def not_authorised(supervisor, site):
    return shown(supervisor, "COMMAND_TOPIC_NOT_AUTHORISED", site.commands, "grant Read", "kafka-acls.sh", command=ASKS_ALL)


def test_no_right_to_read_at_the_start(site):
    supervisor = site.supervisor([], may(site, "blind"), ready=False, start=False)
    with not_authorised(supervisor, site):
        supervisor.start()
    with ends(supervisor, "COMMAND_TOPIC_NOT_AUTHORISED"):
        site.broker.allow("blind", site.commands, "READ")
    supervisor.ready()


def test_no_right_to_read_at_a_start_that_remembers_what_the_topic_held(site):
    supervisor = site.supervisor([site.ioc(ao("a"))], may(site, "forgetful", "READ"))
    topic = site.topic()
    site.broker.allow("forgetful", topic, "WRITE")
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    assert supervisor.halt() == 0
    site.broker.disallow("forgetful", site.commands, "READ")
    with not_authorised(supervisor, site):
        supervisor.start()
    # What is remembered is served.
    supervisor.connected(1)
    with ends(supervisor, "COMMAND_TOPIC_NOT_AUTHORISED"):
        site.broker.allow("forgetful", site.commands, "READ")
    supervisor.wait(lambda s: s["commands"]["caught_up"] and not s["reasons"], what="no reason")


def test_a_right_to_read_that_is_taken_away(site):
    supervisor = site.supervisor([], may(site, "deafened", "READ"))
    with not_authorised(supervisor, site):
        site.broker.disallow("deafened", site.commands, "READ")
    with ends(supervisor, "COMMAND_TOPIC_NOT_AUTHORISED"):
        site.broker.allow("deafened", site.commands, "READ")


def test_a_topic_that_is_not_compacted(site):
    site.broker.create_topic(site.commands)
    supervisor = site.supervisor([], ready=False, start=False)
    with shown(supervisor, "COMMAND_TOPIC_NOT_COMPACTED", site.commands, "cleanup.policy=delete",
               "--add-config cleanup.policy=compact", command="epics2kafkactl status"):
        supervisor.start()
    with ends(supervisor, "COMMAND_TOPIC_NOT_COMPACTED"):
        site.broker.alter_topic(site.commands, {"cleanup.policy": "compact"})


def test_a_bad_command(site):
    supervisor = site.supervisor([])
    with shown(supervisor, "COMMANDS_REJECTED", site.commands, "partition 0, offset 0", "channel7", "mask",
               "write each anew, or a tombstone", command="epics2kafkactl rejected"):
        supervisor.monitor("channel7", "out", mask="xyz")
    listed = supervisor.ctl("rejected")
    assert listed.returncode == 0 and "channel7" in listed.stdout
    with ends(supervisor, "COMMANDS_REJECTED"):
        supervisor.unset("channel7", "out")
    assert "channel7" not in supervisor.ctl("rejected").stdout
