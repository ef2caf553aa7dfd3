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
