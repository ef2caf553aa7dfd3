"""What people look at: the client's summaries, lists and checks of a running service."""
import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
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
    supervisor.served(2)
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
        while select.select([leader], [], [], 2)[0]:
            try:
                text += os.read(leader, 65536)
            except OSError:
                break
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
    assert running.ctl("status").stdout.startswith(("Events are on time: ", "No events come in: "))


def test_status_is_shown_again_and_again_on_a_terminal_in_colours(running):
    text, _ = on_terminal(running, "status", "--watch", "0.2", until=lambda text: text.count(" out, lag ") >= 3)
    assert text.count(" out, lag ") >= 3 and "\x1b[32m" in text
    text, _ = on_terminal(running, "status", "--watch", "0.2", until=lambda text: text.count(" out, lag ") >= 2,
                          environment={"NO_COLOR": "1"})
    assert text.count(" out, lag ") >= 2 and "\x1b[32m" not in text


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


def why(supervisor, name):
    """(exit code, text, the first broken link of the first entry)"""
    done, as_json = supervisor.ctl("why", name), supervisor.ctl("--json", "why", name)
    assert fits(done.stdout) and done.returncode == as_json.returncode, done.stdout + done.stderr
    entries = json.loads(as_json.stdout)["entries"]
    return done.returncode, done.stdout, entries[0]["broken"] if entries else None


def test_why_says_that_nothing_is_broken(site, running):
    code, text, broken = why(running, "a")
    assert (code, broken) == (0, None) and "Nothing is broken" in text, text
    links = [line.split()[1] for line in text.splitlines() if line.startswith("  ok ")]
    assert links == ["command", "entry", "worker", "search", "IOC", "last", "spool", "topic", "Kafka"], text
    assert re.search(r"last in partition 0 at offset \d+", text)


def test_why_of_a_misspelt_channel_is_the_search_and_names_what_may_be_meant(site):
    supervisor = site.supervisor([site.ioc(ao("IOC:TEMP1"))])
    out = site.topic()
    for name in ("IOC:TEMP1", "IOC:TMEP1"):
        supervisor.monitor(name, out)
    supervisor.wait(lambda s: s["channels"]["never_connected"] == 1 and s["channels"]["connected"] == 1, 20, "both")
    code, text, broken = why(supervisor, "IOC:TMEP1")
    assert (code, broken) == (6, "search") and "IOC:TEMP1" in text.split("Remedy")[1], text
    code, text, _ = why(supervisor, "IOC:TEMP2")
    assert code == 4 and "no command names this channel" in text and "IOC:TEMP1" in text, text


def test_why_names_a_bad_command_of_a_channel_that_is_not_monitored(site, running):
    running.command(("bad", '{"topic":"x"}'))
    running.wait(lambda s: s["commands"]["rejected"] == 1, 20, "the rejection")
    code, text, _ = why(running, "bad")
    assert code == 4 and re.search(r"a bad command does, at partition\s+0, offset \d+", text), text


def test_why_of_a_lost_ioc_is_the_ioc(site, running):
    site.ioc_a.signal(signal.SIGKILL)
    running.wait(lambda s: s["channels"]["disconnected"] == 2, 20, "disconnected")
    code, text, broken = why(running, "a")
    assert code == 6 and broken in ("IOC", "search"), text


def test_why_while_paused_is_the_spool(site, running):
    assert running.request("PUT", "/pause")[0] == 202
    running.wait(lambda s: s["paused"], 20, "the pause")
    code, text, broken = why(running, "a")
    assert (code, broken) == (6, "spool") and "epics2kafkactl resume" in text, text
    assert running.request("PUT", "/resume")[0] == 202


def doctor(supervisor, *arguments):
    """(exit code, {level: texts}, what was said)"""
    done = supervisor.ctl("--json", "doctor", "--config", supervisor.config, *arguments, timeout=60)
    found = {"ok": [], "warning": [], "broken": []}
    for item in json.loads(done.stdout)["items"]:
        found[item["level"]].append(item["text"])
    return done.returncode, found, done.stdout


def test_doctor_finds_nothing_broken_where_all_is_well(site, running):
    code, found, said = doctor(running)
    assert code in (0, 6) and not found["broken"], said
    for word in ("service: RUNNING", "configuration", "state.directory", "spool.directory", "RUNTIME_DIRECTORY",
                 "descriptors of the supervisor", "descriptors of worker 1", "memory", "EPICS addresses", "caRepeater",
                 "brokers: 1", "compacted", "output topics: 1 of 1"):
        assert sum(word in text for text in found["ok"]) == 1, (word, said)
    text = running.ctl("doctor", "--config", running.config, timeout=60).stdout
    assert fits(text) and re.search(r"^ok       brokers: 1 at", text, re.M), text


def test_doctor_names_each_thing_that_is_broken_with_its_remedy(site):
    address = f"127.0.0.1:{proc.free_port()}"
    stopped = site.supervisor(start=False, ready=False, broker=address,
                              settings={"epics": {"addr_list": "no-such-ioc.invalid", "auto_addr_list": False},
                                        "spool": {"keep_free_bytes": 1 << 60}})
    (stopped.folder / "state" / "epics2kafka" / "spool").mkdir(parents=True)
    code, found, said = doctor(stopped)
    assert code == 1

    def broken(*words):
        assert [text for text in found["broken"] if all(word in text for word in words)], (words, said)
    broken("service: no supervisor answers", "start it")
    broken("EPICS_CA_ADDR_LIST", "no-such-ioc.invalid", "correct it")
    broken("spool.directory", "keep_free_bytes")
    broken(address, "Connection refused", "bootstrap.servers")


def test_doctor_judges_a_configuration_that_is_wrong_and_one_that_is_missing(site, running):
    wrong = running.folder / "wrong.toml"
    wrong.write_text("[workers]\ncuont = 3\n")
    done = running.ctl("doctor", "--config", wrong)
    assert done.returncode == 1 and "cuont" in done.stdout and "count" in done.stdout, done.stdout
    done = running.ctl("doctor", "--config", running.folder / "none.toml")
    assert done.returncode == 1 and re.search(r"^broken   configuration .*none.toml", done.stdout, re.M), done.stdout


CAMONITOR = re.compile(r"a {29} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} (.*)")


@pytest.mark.parametrize("value", [
    {"converter": "json"}, {"converter": "json-schema-envelope"}, {"converter": "string"}, {"converter": "msgpack"},
    {"converter": "json", "schema": "EPICS_CA_DBR-1.5"}, {"converter": "json", "schema": "org.jlab.epics.ca.value"}],
    ids=lambda value: "-".join(value.values()))
def test_monitor_reads_back_what_the_converter_wrote(site, value):
    ioc, out = site.ioc(ao("a") + ao("b")), site.topic(partitions=2)
    supervisor = site.supervisor([ioc], settings={"value": value, "key": {"converter": "json"}})
    for name in ("a", "b"):
        supervisor.monitor(name, out)
    supervisor.served(2)
    ioc.put("b", 9)
    ioc.put("a", 2.5)
    supervisor.settled()
    proc.wait_for(lambda: supervisor.channel("a")[0]["acknowledged"] >= 2, 20, "the record of 2.5")
    done = supervisor.ctl("monitor", "a", "--count", "1")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert CAMONITOR.fullmatch(done.stdout.rstrip("\n"))[1] == "2.5", done.stdout
    done = supervisor.ctl("monitor", "a", "--from-beginning", "--count", "2")
    assert [CAMONITOR.fullmatch(line)[1].split()[0] for line in done.stdout.splitlines()] == ["0", "2.5"], done.stdout


@pytest.mark.parametrize("schema", ["EPICS_CA_DBR", "EPICS_CA_DBR-1.5", "org.jlab.epics.ca.value"])
@pytest.mark.parametrize("converter", ["avro", "protobuf", "jsonschema"])
def test_monitor_reads_back_what_needs_a_registry(site, registry, converter, schema):
    """… beside a channel whose key ends alike, and with the same converter for the keys, where this registry takes its schema."""
    of_registry = {"converter": converter, "options": {"schema.registry.url": registry.url}}
    ioc, out = site.ioc(ao("a") + ao("ba")), site.topic(partitions=2)
    supervisor = site.supervisor([ioc], settings={
        "workers": {"count": 1}, "value": {**of_registry, "schema": schema},
        "key": {"converter": "json"} if converter == "jsonschema" else of_registry})
    for name in ("a", "ba"):
        supervisor.monitor(name, out)
    supervisor.served(2)
    ioc.put("ba", 9)
    ioc.put("a", 2.5)
    supervisor.settled()
    proc.wait_for(lambda: supervisor.channel("a")[0]["acknowledged"] >= 2, 20, "the record of 2.5")
    done = supervisor.ctl("monitor", "a", "--from-beginning", "--count", "2")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert [CAMONITOR.fullmatch(line)[1].split()[0] for line in done.stdout.splitlines()] == ["0", "2.5"], done.stdout


def test_monitor_says_that_the_registry_does_not_answer_or_knows_no_such_schema(site, registry):
    ioc, out = site.ioc(ao("a")), site.topic()
    supervisor = site.supervisor([ioc], settings={
        "workers": {"count": 1}, "value": {"converter": "avro", "options": {"schema.registry.url": registry.url}}})
    supervisor.monitor("a", out)
    supervisor.connected(1)
    supervisor.settled()
    other = supervisor.folder / "other.toml"
    text = supervisor.config.read_text()
    for url, words in ((f"http://127.0.0.1:{proc.free_port()}", "does not answer"),
                       (site.stand_in(first_id=9001).url, "has none under that id")):
        other.write_text(text.replace(registry.url, url))
        done = supervisor.ctl("monitor", "a", "--config", other, "--from-beginning", "--count", "1")
        assert done.returncode == 0 and url in done.stdout and words in done.stdout, done.stdout + done.stderr


@contextlib.contextmanager
def going_on(supervisor, *arguments, text=False):
    """A client that goes on until it is interrupted, and ends well then."""
    child = subprocess.Popen([supervisor.program("epics2kafkactl"), "--socket", supervisor.socket, *arguments],
                             env=supervisor.client_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=text)
    try:
        yield child
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()


def test_monitor_goes_on_until_it_is_interrupted(site, running):
    with going_on(running, "monitor", "a", text=True) as child:
        assert CAMONITOR.match(child.stdout.readline())
        site.ioc_a.put("a", 42)
        assert CAMONITOR.match(child.stdout.readline())[1] == "42"


def test_monitor_of_a_name_that_nobody_commanded_says_so(running):
    done = running.ctl("monitor", "nobody")
    assert done.returncode == 4 and "nobody" in done.stderr


def test_top_is_a_screen_that_keys_order_and_q_ends(running):
    text, code = on_terminal(running, "top", "--interval", "0.2", keys=b"w",
                             until=lambda text: "(now by waiting)" in text and text.count("Events are") >= 3)
    assert "(now by waiting)" in text and "WORKER" in text and "IOC" in text and "Every channel is connected." in text
    assert text.startswith("\x1b[?1049h") and text.endswith("\x1b[?1049l") and code == 0
    text, code = on_terminal(running, "top", keys=b"q", until=lambda text: "\x1b[?1049l" in text)
    assert text.endswith("\x1b[?1049l") and code == 0


def test_top_is_a_line_at_a_time_where_there_is_no_terminal(running):
    done = running.ctl("top", "--interval", "0.1", "--count", "2")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 2
    assert all(re.match(r"\S+Z RUNNING in=\S+ out=\S+ lag=\S+ waiting=0 lost=0 connected=2/2 reasons=-", line)
               for line in lines), done.stdout


def printed_until(child, pattern, timeout=30.0):
    """What the child prints until that stands in it; its pipe is read past Python's buffer, which select() does not see."""
    text, end = "", time.monotonic() + timeout
    while not re.search(pattern, text):
        assert time.monotonic() < end, f"no {pattern} in: {text}"
        if select.select([child.stdout], [], [], 0.2)[0]:
            text += os.read(child.stdout.fileno(), 65536).decode()
    return text


def test_events_tell_what_stands_and_then_what_changes(site, running):
    done = running.ctl("events")
    assert done.returncode == 0 and "service: RUNNING" in done.stdout and "worker 1: RUNNING" in done.stdout
    with going_on(running, "events", "--follow") as child:
        printed_until(child, "service: RUNNING")
        site.ioc_a.signal(signal.SIGKILL)
        printed_until(child, rf"channel a for {site.out}: CONNECTED -> DISCONNECTED: ")


def test_events_go_on_over_a_restart_of_the_service(site, running):
    with going_on(running, "--json", "events", "--follow") as child:
        printed_until(child, '"IOC ')
        assert running.halt() == 0
        printed_until(child, '"not answering"')
        running.start()
        text = printed_until(child, '"RUNNING".*\n')
        assert all(set(json.loads(line)) == {"time", "what", "before", "state", "text"} for line in text.splitlines())


def stream(supervisor, path, until, last_id=None):
    """Server-sent events of the status socket until one is of that kind, as (kind, id, data)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as reader:
        reader.settimeout(20)
        reader.connect(str(supervisor.socket.with_name("status.sock")))
        resume = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: e2k\r\n{resume}\r\n".encode())
        lines = reader.makefile(encoding="utf-8", newline="\n")
        assert next(lines).startswith("HTTP/1.1 200")
        events, fields = [], {}
        for line in lines:
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "data" in fields:
                events.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
            if fields.get("event") == until:
                return events
            fields = {}
    raise AssertionError(f"it ended: {events}")


def test_who_comes_back_is_sent_what_was_missed(site, running):
    begun = stream(running, "/events", "live")
    assert {data["what"] for kind, _, data in begun if kind == "standing"} >= {"service", "worker 0", "worker 1"}
    last_id = begun[-1][1]
    running.monitor("nobody", site.out)
    running.wait(lambda s: s["channels"]["never_connected"] == 1, 20, "never connected")
    missed = stream(running, "/events?status=true", "status", last_id)
    assert not [kind for kind, _, _ in missed if kind in ("standing", "missed")]
    (_, _, document) = missed[-1]
    assert document["channels"]["total"] == 3 and "config" not in document
    told = [last_id, {}]
    while told[1].get("what") != f"channel nobody for {site.out}":  # that the IOC is up may be told before
        _, *told = stream(running, "/events", "change", told[0])[-1]
    assert stream(running, "/events", "live", "1.1")[0][0] == "missed"


def bare_ctl(supervisor, *arguments):
    """The client without anything that names brokers."""
    environment = {key: value for key, value in supervisor.client_environment().items() if "BOOTSTRAP" not in key}
    return subprocess.run([supervisor.program("epics2kafkactl"), "--socket", supervisor.socket, *map(str, arguments)],
                          env=environment, timeout=30, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, cwd=supervisor.folder)


def test_commands_go_to_the_brokers_of_the_service_that_runs_here(site, running):
    assert running.status()["kafka"]["bootstrap_servers"] == running.bootstrap
    listed = bare_ctl(running, "list")
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 2, listed.stderr
    moved = running.config.with_name("moved.toml")
    running.config.rename(moved)  # what it holds is not known then, but what the service says of itself
    done = bare_ctl(running, "set", "-c", "c", "-t", site.out, "-m", "va")
    moved.rename(running.config)
    assert done.returncode == 0, done.stderr
    running.wait(lambda s: s["channels"]["total"] == 3, 20, "the new entry")


@pytest.mark.parametrize("arguments, words", [
    (["channel"], "NAME is missing; epics2kafkactl channel --help"), (["status", "--watch", "0"], "accepted: 0.1 to 86400"),
    (["restart"], "one of these is needed: N, --all, --failed"), (["set", "-c"], "--channel needs a value"),
    (["completions", "sh"], "sh is not accepted; accepted: bash, zsh, fish"), (["--timeout", "x", "status"], "accepted: 0.001 to 86400")])
def test_mistakes_in_arguments_are_told_in_words(running, arguments, words):
    done = running.ctl(*arguments)
    assert done.returncode == 2 and not done.stdout and words in done.stderr, done.stderr
    assert done.stderr.startswith("epics2kafkactl: ") and len(done.stderr.splitlines()) == 1
