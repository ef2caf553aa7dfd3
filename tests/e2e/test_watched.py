"""What people look at: the client's summaries, lists and checks of a running service."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
from e2k_support import proc
from records import ao

COLUMNS = 80
TICK = 'record(calc, "tick") { field(SCAN, ".1 second") field(INPA, "tick") field(CALC, "A+1") }\n'


@pytest.fixture
def running(site):
    site.ioc_a = site.ioc(ao("a") + ao("b"))
    site.out = site.topic()
    supervisor = site.supervisor([site.ioc_a])
    for name in ("a", "b"):
        supervisor.monitor(name, site.out)
    supervisor.connected(2)
    supervisor.settled()
    return supervisor


def fits(text):
    return all(len(line) <= COLUMNS for line in text.splitlines())


def on_terminal(supervisor, *arguments, until, timeout=20.0, keys=b"", environment=None):
    """What the client writes to a terminal until that holds; then it is interrupted. (text, exit status)"""
    leader, follower = pty.openpty()
    child = subprocess.Popen([supervisor.program("epics2kafkactl"), "--socket", supervisor.socket, *arguments],
                             stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
                             env={**supervisor.client_environment(), "TERM": "xterm", **(environment or {})})
    os.close(follower)
    text, end = b"", time.monotonic() + timeout
    try:
        while not until(text.decode(errors="replace")) and time.monotonic() < end:
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    text += os.read(leader, 65536)
                except OSError:
                    break
            if keys and text:
                os.write(leader, keys)
                keys = b""
        child.terminate()
        return text.decode(errors="replace"), child.wait(10)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait(10)
        os.close(leader)


def test_status_begins_with_whether_events_are_on_time(site, running):
    def flows():
        site.ioc_a.put("a", time.time())
        return running.status()["rates"]["received_per_s"] > 0
    proc.wait_for(flows, 20, "a rate")
    said = running.ctl("status")
    assert said.returncode == 0 and "\x1b" not in said.stdout and fits(said.stdout), said.stdout
    assert re.match(r"Events are on time: \d+(\.\d)?/s in, \d+(\.\d)?/s out, lag ", said.stdout)
    assert "2 of 2 connected" in said.stdout and "laid out" in said.stdout


def test_status_says_that_events_are_late_while_no_broker_takes_them(site, running):
    assert running.request("PUT", "/pause")[0] == 202
    site.ioc_a.put("a", 3)
    running.wait(lambda s: s["events"]["waiting"] > 0 and s["spool"]["oldest_event_age_s"] > 5.5, 20, "a lag")
    said = running.ctl("status").stdout
    assert said.startswith("Events wait, paused: "), said
    assert running.request("PUT", "/resume")[0] == 202
    running.settled()
    assert running.ctl("status").stdout.startswith("Events are on time: ")


def test_status_is_shown_again_and_again_on_a_terminal_in_colours(running):
    text, _ = on_terminal(running, "status", "--watch", "0.2", until=lambda text: text.count("Events are") >= 3)
    assert text.count("Events are") >= 3 and "\x1b[32m" in text
    text, _ = on_terminal(running, "status", "--watch", "0.2", until=lambda text: text.count("Events are") >= 2,
                          environment={"NO_COLOR": "1"})
    assert text.count("Events are") >= 2 and "\x1b[32m" not in text


def test_a_channel_s_summary_begins_with_state_and_reason(site, running):
    running.monitor("nobody", site.out)
    running.wait(lambda s: s["channels"]["never_connected"] == 1, 20, "never connected")
    lines = running.ctl("channel", "nobody").stdout.splitlines()
    assert re.fullmatch(rf"nobody for {site.out}: NEVER_CONNECTED, since \d+ s ago", lines[0])
    assert "no IOC answers" in lines[1]
    said = running.ctl("channel", "a").stdout
    assert said.startswith(f"a for {site.out}: CONNECTED") and "partition 0, offset " in said and fits(said)


def rows_of(text):
    """The table's rows as dicts by heading; columns begin where their headings do."""
    heading, *rows = text.splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", heading)]
    names = heading.split()
    cut = [*starts[1:], None]
    return [{name: row[start:end].strip() for name, start, end in zip(names, starts, cut)} for row in rows]


def test_topics_have_a_row_with_their_rates(site):
    ticking = site.topic()
    supervisor = site.supervisor([site.ioc(ao("a") + TICK)])
    supervisor.monitor("tick", ticking)
    supervisor.monitor("a", f"t{site.number}-none")
    supervisor.connected(2)

    def rows():
        done = supervisor.ctl("topics")
        assert done.returncode == 0, done.stderr
        return {row["TOPIC"]: row for row in rows_of(done.stdout)}
    proc.wait_for(lambda: rows()[ticking]["OUT"] != "0/s", 20, "a rate of the topic")
    row = rows()[ticking]
    assert row["ENTRIES"] == row["CONNECTED"] == "1" and row["BLOCKED"] == "-"
    items = json.loads(supervisor.ctl("--json", "topics").stdout)["items"]
    assert {item["topic"] for item in items} == {ticking, f"t{site.number}-none"}
    assert all("received_per_s" in item and "waiting" in item for item in items)


def test_hosts_have_a_row_for_each_ioc(site, running):
    def row():
        (only,) = rows_of(running.ctl("hosts").stdout)
        return only
    proc.wait_for(lambda: row()["STATE"] == "UP", 20, "the IOC's state")
    site.ioc_a.put("a", 1)
    proc.wait_for(lambda: row()["CLOCK"] == "right", 20, "the IOC's clock")
    assert row()["CHANNELS"] == "2" and re.fullmatch(r"\d+ s ago", row()["SINCE"])


def test_channels_are_filtered_sorted_and_what_is_left_out_is_told(site, running):
    running.monitor("nobody", site.out)
    running.wait(lambda s: s["channels"]["never_connected"] == 1, 20, "never connected")
    for _ in range(3):
        site.ioc_a.put("b", time.time())
    proc.wait_for(lambda: running.channel("b")[0]["received"] > running.channel("a")[0]["received"], 20, "events of b")
    port = running.channel("a")[0]["host"]

    def shown(*arguments):
        done = running.ctl("channels", *arguments)
        assert done.returncode == 0, done.stderr
        return [row["CHANNEL"] for row in rows_of(done.stdout)], done.stderr
    assert shown() == (["a", "b", "nobody"], "")
    assert shown("--state", "never_connected,DENIED") == (["nobody"], "1 of 3 entries; left out: 2 by the filters\n")
    assert shown("--state", "CONNECTED", "--state", "NEVER_CONNECTED")[0] == ["a", "b", "nobody"]
    assert shown("--topic", site.out)[0] == ["a", "b", "nobody"] and shown("--topic", "other")[0] == []
    assert shown("--host", port)[0] == shown("--host", port.rsplit(":", 1)[0])[0] == ["a", "b"]
    assert shown("--older-than", "100000")[0] == [] and shown("--lost")[0] == []
    assert shown("--sort", "received", "--limit", "1") == (["b"], "1 of 3 entries; left out: 2 beyond --limit 1\n")
    assert shown("--sort", "state")[0] == ["a", "b", "nobody"]
    assert running.ctl("channels", "--sort", "colour").returncode == 2
    assert running.ctl("channels", "--state", "SLEEPY").returncode == 2
