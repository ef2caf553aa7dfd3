"""The status socket, the TCP listeners, and the client program."""
import http.client
import urllib.parse
import json
import stat

import pytest
from e2k_support.proc import free_port
from records import ao


@pytest.fixture
def running(site):
    site.ioc_a = site.ioc(ao("a") + ao("b") + ao("with/slash"))
    site.out = site.topic()
    supervisor = site.supervisor([site.ioc_a])
    for name in ("a", "b", "with/slash"):
        supervisor.monitor(name, site.out)
    supervisor.served(3)
    return supervisor


def test_status_has_the_documented_shape(site, running):
    status = running.wait(lambda s: s["kafka"]["brokers_up"] >= 1, 10, "a heartbeat with the broker in it")
    assert set(status) >= {"api", "name", "version", "state", "reasons", "pid", "uptime_s", "commands", "channels",
                           "events", "kafka", "spool", "config", "epics", "workers"}
    assert status["api"] == 1 and status["state"] == "RUNNING" and status["pid"] == running.child.pid
    assert set(status["commands"]) >= {"topic", "group", "caught_up", "offset", "channels", "rejected"}
    assert status["commands"]["topic"] == site.commands and status["commands"]["group"] == "ca-source"
    assert set(status["channels"]) >= {"total", "distinct", "connected", "disconnected", "never_connected", "denied",
                                       "pending", "quarantined"}
    assert set(status["events"]) >= {"received", "acknowledged", "waiting", "lost", "coalesced", "gaps"}
    assert set(status["kafka"]) >= {"brokers_up", "last_error"}
    assert set(status["spool"]) >= {"bytes", "max_bytes", "oldest_event_age_s"}
    assert set(status["config"]) >= {"path", "sha256"} and len(status["config"]["sha256"]) == 64
    assert len(status["workers"]) == 2
    for worker in status["workers"]:
        assert set(worker) >= {"slot", "generation", "pid", "state", "channels", "connected", "events", "restarts",
                               "last_exit", "rss_bytes", "uptime_s"}
        assert worker["rss_bytes"] > 1_000_000
    assert running.get("/workers/1")["slot"] == 1
    assert running.request("GET", "/workers/9")[0] == 404
    assert running.get("/status/")["api"] == 1


def test_channels_are_listed_filtered_and_paged(site, running):
    listed = running.get("/channels")
    assert [item["channel"] for item in listed["items"]] == ["a", "b", "with/slash"] and listed["api"] == 1
    assert set(listed["items"][0]) >= {
        "channel", "topic", "key", "mask", "worker", "state", "type", "count", "host", "received", "acknowledged",
        "waiting", "lost", "coalesced", "gaps", "last_event_age_s", "last_stamp", "clock_skew_s", "last_partition",
        "last_offset", "command_offset", "reason"}
    assert [item["channel"] for item in running.get("/channels?prefix=w")["items"]] == ["with/slash"]
    assert len(running.get("/channels?state=CONNECTED")["items"]) == 3
    assert running.get("/channels?state=DENIED")["items"] == []
    names, after = [], ""
    for _ in range(3):
        page = running.get("/channels?limit=1" + (f"&after={after}" if after else ""))
        names += [item["channel"] for item in page["items"]]
        after = urllib.parse.quote(page["next"], safe="") if page["next"] else ""
    assert names == ["a", "b", "with/slash"]
    (entry,) = running.channel("with/slash")
    assert entry["host"].startswith("127.0.0.1") or entry["host"].startswith("localhost")
    assert entry["last_partition"] == 0 and entry["last_offset"] >= 0
    code, _, body = running.request("GET", "/channels/none")
    assert code == 404 and json.loads(body)["error_code"] == 404
    for path in ("/channels?limit=x", "/channels?state=SLEEPY"):
        assert running.request("GET", path)[0] == 400


def test_metrics_are_prometheus_text(site, running):
    code, headers, body = running.request("GET", "/metrics")
    text = body.decode()
    assert code == 200 and headers["Content-Type"].startswith("text/plain")
    for name in ("events_received_total", "events_acknowledged_total", "events_waiting", "events_lost_total",
                 "events_coalesced_total", "build_info"):
        assert f"epics2kafka_{name}" in text, name
    for line in text.splitlines():
        if line and not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])


def test_the_status_socket_is_read_only_and_open_to_all(site, running):
    status_socket = running.socket.with_name("status.sock")
    assert stat.S_IMODE(running.socket.stat().st_mode) == 0o660
    assert stat.S_IMODE(status_socket.stat().st_mode) == 0o666
    assert running.request("GET", "/status", path_of_socket=status_socket)[0] == 200
    assert running.request("POST", "/workers/0/restart", path_of_socket=status_socket)[0] in (403, 405)
    assert running.request("GET", "/health/live", path_of_socket=status_socket)[0] == 200
    assert running.request("GET", "/health/ready", path_of_socket=status_socket)[0] == 200


def test_a_worker_restarts_on_request(site, running):
    before = running.get("/workers/0")
    assert running.request("POST", "/workers/0/restart")[0] == 202
    running.wait(lambda s: s["workers"][0]["generation"] != before["generation"] and s["channels"]["connected"] == 3,
                 20, "a new generation")
    assert running.request("POST", "/workers/9/restart")[0] == 404


def test_hosts_name_the_ioc(site, running):
    answer = running.get("/hosts")
    rows = answer["items"] if isinstance(answer, dict) else answer
    assert len(rows) == 1 and rows[0]["channels"] == 3 and rows[0]["workers"]


def test_tcp_refuses_browsers_and_foreign_hosts(site):
    port, metrics_port = free_port(), free_port()
    site.supervisor(settings={"control": {"http": f"127.0.0.1:{port}", "metrics": f"127.0.0.1:{metrics_port}"}})

    def ask(port, path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    assert ask(port, "/status") == 200
    assert ask(port, "/status", Origin="http://evil.example") == 403
    assert ask(port, "/status", Host="evil.example") in (403, 421)
    assert ask(port, "/workers/0/restart", "POST") == 403
    assert ask(metrics_port, "/metrics") == 200
    assert ask(metrics_port, "/health/live") == 200
    assert ask(metrics_port, "/status") == 404


def test_the_client_reads_and_its_exit_status_tells(site, running):
    done = running.ctl("--json", "status")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "RUNNING"
    for verb in ("status", "workers", "channels", "rejected", "health", "version"):
        done = running.ctl(verb)
        assert done.returncode == 0 and done.stdout, (verb, done.stderr)
    assert "with/slash" in running.ctl("channels").stdout
    assert site.out in running.ctl("channel", "with/slash").stdout
    assert running.ctl("channel", "none").returncode == 4
    for wrong, *words in (["chanels"], "chanels is no verb", "did you mean channels?"), ([], "a verb is missing"), \
            (["status", "--wach"], "--wach is nothing that status takes"), (["status", "workers"], "workers", "status"):
        done = running.ctl(*wrong)
        assert done.returncode == 2 and not done.stdout and all(word in done.stderr for word in words), done.stderr
    assert running.ctl("restart", "1").returncode == 0
    running.halt()
    done = running.ctl("status")
    assert done.returncode == 3 and done.stderr


def test_import_shows_the_difference_and_export_gives_it_back(site, running):
    topic_arguments = ("--command-topic", site.commands)
    lines = "".join(f'{{"topic":"{site.out}","channel":"i{number}"}}={{"mask":"va"}}\n' for number in range(5))
    file = running.folder / "import.txt"
    file.write_text(lines)
    dry = running.ctl("import", file, "--dry-run", *topic_arguments)
    assert dry.returncode == 0 and "5" in dry.stdout + dry.stderr
    assert running.status()["channels"]["total"] == 3
    done = running.ctl("import", file, "--yes", *topic_arguments)
    assert done.returncode == 0, done.stderr
    running.wait(lambda s: s["channels"]["total"] == 8, 10, "8 entries")
    exported = running.ctl("export", *topic_arguments)
    assert exported.returncode == 0
    assert all(f'"i{number}"' in exported.stdout for number in range(5))
    file.write_text("{broken\n")
    bad = running.ctl("import", file, "--yes", *topic_arguments)
    assert bad.returncode != 0 and "1" in bad.stderr
