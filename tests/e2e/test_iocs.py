"""What the status says of IOCs and channels that are not there: which, how many, for how long, and where it was looked."""
import re
import time

from records import ao
from test_channel_access import has_passed, monitor_all, reason_begins, reason_ends, reason_of

IN_TIME_S = 15


def named(supervisor, code):
    (reason,) = [one for one in supervisor.status()["reasons"] if one["code"] == code]
    return reason


def test_where_nothing_connects_it_is_told_where_was_searched_and_what_was_heard(site):
    sink = site.sink()
    supervisor = site.supervisor([sink])
    monitor_all(supervisor, [f"n{number}" for number in range(58)], site.topic())
    message = reason_begins(supervisor, "NOTHING_CONNECTED", "58 entries", f"127.0.0.1:{sink.port}", "no IOC answered",
                            "no beacon came", "epics.addr_list", timeout=IN_TIME_S + 5)
    assert int(re.search(r"(\d+) search frames went out", message)[1]) > 0
    reason_begins(supervisor, "CHANNELS_NEVER_CONNECTED", "58 entries", timeout=5)
    assert named(supervisor, "CHANNELS_NEVER_CONNECTED")["because"] == "NOTHING_CONNECTED"
    said = supervisor.ctl("status")
    assert said.returncode == 6 and "! NOTHING_CONNECTED" in said.stdout and "Hence CHANNELS_NEVER_CONNECTED" in said.stdout
    assert "DEGRADED" in said.stdout and "epics2kafkactl doctor" in said.stdout


def test_where_no_address_is_searched_nothing_connects(site):
    supervisor = site.supervisor([], {"epics": {"addr_list": "", "auto_addr_list": False}})
    supervisor.monitor("a", site.topic())
    reason_begins(supervisor, "NOTHING_CONNECTED", "No address is searched", "epics.addr_list", timeout=IN_TIME_S + 5)


def test_where_beacons_come_and_nothing_connects_it_says_so(site):
    supervisor = site.supervisor([site.sink()])
    supervisor.monitor("a", site.topic())
    site.beacons([("127.0.0.1", 4321)], 2)
    supervisor.wait(lambda s: "of 127.0.0.1:4321 first" in (reason_of(s, "NOTHING_CONNECTED") or ""), 30, "the beacon")


def test_a_lost_ioc_is_named_until_its_channels_are_back(site):
    stays, goes = site.ioc(ao("stays")), site.ioc("".join(ao(f"goes{number}") for number in range(12)))
    supervisor = site.supervisor([stays, goes])
    monitor_all(supervisor, ["stays", *[f"goes{number}" for number in range(12)]], site.topic())
    supervisor.connected(13)
    address = f"127.0.0.1:{goes.port}"
    goes.halt()
    message = reason_begins(supervisor, "IOC_LOST", address, "12 channels", timeout=IN_TIME_S)
    assert re.search(r"for \d+ s", message) and "stays" not in message
    status = supervisor.status()
    assert status["state"] == "DEGRADED" and not reason_of(status, "IOC_HUNG") and not reason_of(status, "NOTHING_CONNECTED")
    goes.start()
    reason_ends(supervisor, "IOC_LOST")
    supervisor.connected(13)


def test_the_end_of_the_only_ioc_is_that_nothing_is_connected(site):
    ioc = site.ioc(ao("a"))
    supervisor = site.supervisor([ioc], {"status": {"nothing_connected_after_s": 1}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    ioc.halt()
    reason_begins(supervisor, "IOC_LOST", f"127.0.0.1:{ioc.port} (1 channel", timeout=IN_TIME_S)
    assert named(supervisor, "IOC_LOST")["because"] == "NOTHING_CONNECTED"
    ioc.start()
    reason_ends(supervisor, "NOTHING_CONNECTED")
    reason_ends(supervisor, "IOC_LOST")


def test_channels_of_a_lost_ioc_that_another_has_or_that_nobody_wants_are_no_longer_lost(site):
    before, after = site.stub(["moved", "removed"]), site.stub(["other"])
    supervisor = site.supervisor([before, after])
    out = site.topic()
    for name in ("moved", "removed", "other"):
        supervisor.monitor(name, out)
    supervisor.connected(3)
    before.stop()
    reason_begins(supervisor, "IOC_LOST", before.address, "channel", timeout=IN_TIME_S)
    after.channels["moved"] = after.channels["other"]
    supervisor.unset("removed", out)
    reason_ends(supervisor, "IOC_LOST")


def test_a_restarted_ioc_is_no_reason(site):
    ioc, other = site.ioc(ao("a")), site.ioc(ao("b"))
    supervisor = site.supervisor([ioc, other])
    monitor_all(supervisor, ["a", "b"], site.topic())
    supervisor.connected(2)
    counted = 0
    for _ in range(6):
        seen, begun = len(supervisor.child.text()), time.monotonic()
        ioc.restart()
        supervisor.wait(lambda s: s["channels"]["connected"] == 2, 20, "a reconnect")
        if time.monotonic() - begun < 4:  # 5 s are a loss: a machine that is busy may take that long to start an IOC
            assert "problem.begun code=IOC_LOST" not in supervisor.child.text()[seen:]
            counted += 1
        if counted == 2:
            return
    assert False, "this machine starts no IOC within 4 s"


def test_a_misspelt_channel_is_named_with_what_may_be_meant_until_it_is_removed(site):
    supervisor = site.supervisor([site.ioc(ao("IOC:TEMP1") + ao("IOC:PRESSURE"))])
    out = site.topic()
    for name in ("IOC:TEMP1", "IOC:PRESSURE", "IOC:TMEP1"):
        supervisor.monitor(name, out)
    supervisor.wait(lambda s: "IOC:TMEP1 (is IOC:TEMP1 meant?)" in (reason_of(s, "CHANNELS_NEVER_CONNECTED") or ""), IN_TIME_S,
                    "what is meant")
    assert "1 entry" in reason_of(supervisor.status(), "CHANNELS_NEVER_CONNECTED")
    assert supervisor.ctl("health").returncode == 6
    supervisor.unset("IOC:TMEP1", out)
    reason_ends(supervisor, "CHANNELS_NEVER_CONNECTED")
    supervisor.wait(lambda s: s["state"] == "RUNNING", 10, "RUNNING")


def test_a_muted_reason_is_shown_and_degrades_nothing(site):
    supervisor = site.supervisor([site.ioc(ao("a"))], {"status": {"mute": ["CHANNELS_NEVER_CONNECTED"]}})
    monitor_all(supervisor, ["a", "dead"], site.topic())
    reason_begins(supervisor, "CHANNELS_NEVER_CONNECTED", "dead", timeout=IN_TIME_S)
    assert supervisor.status()["state"] == "RUNNING" and named(supervisor, "CHANNELS_NEVER_CONNECTED")["muted"]
    assert supervisor.ctl("status").returncode == 0


def test_a_channel_that_its_ioc_has_no_more_is_lost_alone(site):
    ioc = site.ioc(ao("a") + ao("b"))
    supervisor = site.supervisor([ioc])
    monitor_all(supervisor, ["a", "b"], site.topic())
    supervisor.connected(2)
    ioc.write(ao("a"))
    ioc.restart()
    reason_begins(supervisor, "CHANNELS_LOST", "1 entry", ": b.", timeout=IN_TIME_S + 5)
    assert not reason_of(supervisor.status(), "IOC_LOST")


def test_what_stands_outlasts_a_worker_that_begins_anew(site):
    supervisor = site.supervisor([site.ioc(ao("a"))], {"workers": {"count": 1}})
    monitor_all(supervisor, ["a", "dead"], site.topic())
    reason_begins(supervisor, "CHANNELS_NEVER_CONNECTED", "dead", timeout=IN_TIME_S)
    since = named(supervisor, "CHANNELS_NEVER_CONNECTED")["since"]
    pid = supervisor.workers()[0]["pid"]
    assert supervisor.ctl("restart", "0").returncode == 0
    supervisor.wait(lambda s: s["workers"][0]["pid"] not in (0, pid) and s["channels"]["never_connected"] == 1, 20, "the new worker")
    has_passed(time.monotonic(), 3)
    assert named(supervisor, "CHANNELS_NEVER_CONNECTED")["since"] == since
