"""The installed service under a systemd that really runs."""
import json
import time

import pytest

import clean_root
from e2k_support import proc
from machine import RUN, UNIT, Machine, gaps

SECRET = "told-as-a-credential"


@pytest.fixture(scope="module")
def machine(bootable, installed_once, broker):
    made = Machine(clean_root.Root(installed_once[0]), broker, "deb")
    yield made
    made.stop()


@pytest.fixture
def service(machine):
    """It runs, with one channel; whatever the test before did."""
    machine.configure()
    machine.run("systemctl", "reset-failed", check=False)
    machine.start()
    machine.monitor()
    return machine


def test_the_service_brings_records_as_its_own_user(service):
    assert not gaps(service.numbers())
    uid = service.run("id", "-u", "epics2kafka").stdout.strip()
    for pid in (service.main_pid(), *(worker["pid"] for worker in service.status()["workers"])):
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in service.of_process(pid, "status")


def test_systemd_is_told_what_it_does(service):
    shown = service.show("StatusText", "Type", "WatchdogUSec", "WatchdogTimestampMonotonic", "SubState")
    assert shown["StatusText"].startswith("RUNNING: 1 channels on 2 workers") and shown["SubState"] == "running"
    assert shown["WatchdogUSec"] == "30s" and int(shown["WatchdogTimestampMonotonic"]) > 0


def test_it_is_not_active_before_the_command_topic_has_been_read(service):
    service.run("systemctl", "stop", UNIT)
    service.configure(more='[state]\ndirectory = "/var/lib/epics2kafka/other"\n')
    path = service.root.path("/etc/epics2kafka/epics2kafka.toml")
    path.write_text(path.read_text().replace(service.broker.bootstrap, f"127.0.0.1:{proc.free_port()}"))
    service.run("systemctl", "start", "--no-block", UNIT)
    service.wait(lambda: service.show("StatusText")["StatusText"].startswith("reading the command topic"), "what it waits for")
    assert service.show("ActiveState")["ActiveState"] == "activating"
    service.run("systemctl", "stop", UNIT)


def test_the_sandbox_is_closed_and_the_service_works_in_it(service):
    pid = service.main_pid()
    status = service.of_process(pid, "status")
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status and "CapBnd:\t0000000000000000" in status
    for place, writable in (("/usr/x", False), ("/etc/epics2kafka/x", False), ("/var/lib/x", False),
                            ("/var/lib/epics2kafka/x", True), (f"{RUN}/x", True)):
        done = service.run("nsenter", f"--mount=/proc/{pid}/ns/mnt", "touch", place, check=False)
        assert (done.returncode == 0) == writable, f"{place}: {done.stderr}\n{service.of_process(pid, 'mountinfo')}"
        service.run("rm", "-f", place)
    # Memory-mapped files of the spool, and the repeater's port.
    maps = [service.of_process(worker["pid"], "maps") for worker in service.status()["workers"]]
    assert any("/var/lib/epics2kafka/spool/" in text for text in maps)
    assert ":13C9 " in service.run("cat", "/proc/net/udp").stdout


def test_everybody_may_ask_and_only_its_group_may_change(service):
    mode = {name: service.run("stat", "-c", "%a %U %G", f"{RUN}/{name}").stdout.strip() for name in ("control.sock", "status.sock")}
    assert mode == {"control.sock": "660 epics2kafka epics2kafka", "status.sock": "666 epics2kafka epics2kafka"}

    def anybody(verb):
        return service.run("runuser", "-u", "nobody", "--", "epics2kafkactl", verb, check=False)
    assert anybody("status").returncode == 0
    assert anybody("pause").returncode == 5
    assert service.status()["state"] == "RUNNING"


def test_the_journal_has_lines_with_priorities(service):
    text = service.run("journalctl", "--no-pager", "-u", UNIT, "-o", "json").stdout
    lines = [json.loads(line) for line in text.splitlines()]
    own = [line for line in lines if line.get("SYSLOG_IDENTIFIER") == "epics2kafka-supervisor"]
    assert own and {line["_SYSTEMD_UNIT"] for line in own} == {UNIT}
    assert any(line["PRIORITY"] == "6" for line in own)
    # The prefix that carries the priority is taken away.
    assert not any(str(line["MESSAGE"]).startswith("<") for line in own)


def test_a_reload_leaves_the_service_running(service):
    before = service.main_pid()
    service.run("systemctl", "reload", UNIT)
    service.wait(lambda: "reload.executing" in service.journal(), "a word about the reload")
    assert service.main_pid() == before and service.show("ActiveState")["ActiveState"] == "active"


def test_a_restart_drains_and_goes_on(service):
    before, folder = service.main_pid(), service.root.path("/run")
    service.run("systemctl", "restart", UNIT)
    service.active()
    assert service.main_pid() != before and folder.exists()
    service.wait(service.connected, "the channel again")
    values = service.numbers()
    assert len(values) == len(set(values)) and values == sorted(values)


def test_a_supervisor_that_stands_still_is_ended_and_started_again(service):
    service.drop_in("watchdog.conf", "[Service]\nWatchdogSec=2\nRestartSec=1\n")
    try:
        service.run("systemctl", "restart", UNIT)
        service.active()
        before = service.main_pid()
        service.signal("STOP", before)
        service.wait(lambda: service.main_pid() not in (0, before), "another supervisor")
        service.active()
        assert "Watchdog timeout" in service.journal(lines=1000)
        service.wait(service.connected, "the channel again")
    finally:
        service.drop_in("watchdog.conf", "")


def test_a_supervisor_that_was_killed_is_started_again_and_nothing_received_is_lost(service):
    before = service.main_pid()
    service.signal("KILL", before)
    service.wait(lambda: service.main_pid() not in (0, before), "another supervisor")
    service.active()
    service.wait(service.connected, "the channel again")
    values = service.numbers()
    assert values == sorted(values)
    assert service.status()["events"]["lost"] == 0


def test_a_configuration_that_is_wrong_is_not_tried_again(service):
    service.run("systemctl", "stop", UNIT)
    service.configure(more="[workers.nonsense]\nx = 1\n")
    service.run("systemctl", "start", UNIT, check=False)
    shown = service.wait(lambda: (lambda s: s if s["ActiveState"] == "failed" else None)(
        service.show("ActiveState", "ExecMainStatus", "NRestarts")), "a service that has failed")
    assert shown["ExecMainStatus"] == "78" and shown["NRestarts"] == "0"
    assert "nonsense" in service.journal()


def starts_with_a_secret(service, directive):
    """The service takes a setting from the credential kafka-password, which `directive` brings."""
    service.drop_in("secret.conf", f"[Service]\n{directive}\n")
    try:
        service.run("systemctl", "stop", UNIT)
        service.configure(more='[kafka.producer]\n"client.rack" = { credential = "kafka-password" }\n')
        service.start()
        assert service.run("ls", f"/run/credentials/{UNIT}").stdout.split() == ["kafka-password"]
        assert SECRET not in service.journal(lines=1000)
    finally:
        service.drop_in("secret.conf", "")


def test_a_secret_comes_as_a_credential(service):
    secret = service.root.path("/etc/epics2kafka/secret")
    secret.write_text(SECRET)
    secret.chmod(0o600)
    starts_with_a_secret(service, "LoadCredential=kafka-password:/etc/epics2kafka/secret")


def test_a_secret_that_lies_encrypted_comes_as_a_credential(service):
    """Encrypted with the machine's own key, as install.md says; the unit's own comment names the file."""
    folder, name = "/etc/credstore.encrypted", "epics2kafka-kafka-password"
    service.run("sh", "-c", f"mkdir -p -m 700 {folder} && printf %s {SECRET} | "
                f"systemd-creds encrypt --name=kafka-password - {folder}/{name}")
    assert SECRET.encode() not in service.root.path(f"{folder}/{name}").read_bytes()
    unit = service.run("systemctl", "cat", UNIT).stdout
    directive = next(line for line in unit.splitlines() if line.startswith("#LoadCredentialEncrypted=")).removeprefix("#")
    assert directive == f"LoadCredentialEncrypted=kafka-password:{folder}/{name}"
    starts_with_a_secret(service, directive)


def test_instances_run_beside_one_another(service):
    service.configure("west")
    service.run("systemctl", "start", "epics2kafka@west.service")
    service.active("epics2kafka@west.service")
    assert service.status("--instance", "west")["name"] == "west"
    assert service.root.path("/var/lib/epics2kafka/west").is_dir()
    # The one that stops takes nothing of the other with it.
    service.run("systemctl", "stop", UNIT)
    assert service.status() is None
    assert service.status("--instance", "west")["name"] == "west"
    service.run("systemctl", "stop", "epics2kafka@west.service")


def test_a_stop_is_an_end_and_leaves_the_spool(service):
    began = time.monotonic()
    service.run("systemctl", "stop", UNIT)
    assert time.monotonic() - began < 30
    shown = service.show("ActiveState", "Result", "ExecMainStatus")
    assert shown == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    assert service.root.path("/var/lib/epics2kafka/spool").is_dir()
    assert service.run("ls", "-d", RUN, check=False).returncode != 0


def test_an_upgrade_restarts_what_runs_and_a_removal_ends_it(service, later):
    """The last one: the package is gone after it."""
    service.configure("west")
    service.run("systemctl", "start", "epics2kafka@west.service")
    service.active("epics2kafka@west.service")
    service.run("dpkg", "--force-confold", "--install", *service.root.bring(later.main), timeout=300)
    number = later.version.split("~")[0]
    for arguments in ((), ("--instance", "west")):
        service.wait(lambda arguments=arguments: (service.status(*arguments) or {}).get("version") == number, "the later version")
    service.wait(service.connected, "the channel again")
    service.run("dpkg", "--purge", "epics2kafka", timeout=300)
    for unit in (UNIT, "epics2kafka@west.service"):
        assert service.show("ActiveState", unit=unit)["ActiveState"] in ("inactive", "failed")
    assert service.run("ls", "/var/lib/epics2kafka", check=False).returncode != 0
    names = service.run("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split()
    assert not [name for name in names if name.startswith(("epics2kafka", "e2k-"))]
