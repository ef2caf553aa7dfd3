"""The installed service under a systemd that really runs: process 1 of a root of Debian, in a network of its own, where an
IOC is found by broadcast and a broker is reached on loopback."""
import json
import time

import pytest

import clean_root
from e2k_support import Namespace, Reader, Relay, SoftIoc, network, proc

HOST, BROADCAST = "10.78.0.1", "10.78.0.255"
UNIT = "epics2kafka.service"
COUNTER = 'record(calc,"counter"){field(SCAN,".1 second")field(CALC,"A+1")field(INPA,"counter NPP")}\n'
RUN = "/run/epics2kafka"


class Site:
    """A machine with the package, a broker that it reaches, an IOC on its only network card."""

    def __init__(self, root, broker):
        self.network = Namespace()
        self.network.ip("link add card type veth peer name wire")
        self.network.ip(f"address add {HOST}/24 broadcast {BROADCAST} dev card")
        self.network.ip("link set card up")
        self.network.ip("link set wire up")
        self.relay = Relay(self.network, broker.port)
        self.broker = broker
        # The ports that everybody knows: nobody else is in this network.
        self.ioc = SoftIoc(COUNTER, port=5064, host=HOST, within=self.network.within,
                           environment={"EPICS_CA_REPEATER_PORT": "5065"})
        self.root = root
        self.system = root.boot(self.network)

    def configure(self, instance="epics2kafka", more=""):
        self.root.path(f"/etc/epics2kafka/{instance}.toml").write_text(
            f'[kafka]\n"bootstrap.servers" = "{self.broker.bootstrap}"\n[commands]\ntopic = "commands-{instance}"\n'
            f'[workers]\ncount = 2\n[spool]\nmax_total_bytes = 268435456\nkeep_free_bytes = 16777216\n' + more)

    def run(self, *command, **more):
        return self.system.run(*command, **more)

    def show(self, *names, unit=UNIT):
        return self.system.show(unit, *names)

    def status(self, *arguments):
        done = self.run("epics2kafkactl", "--json", *arguments, "status", check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def wait(self, predicate, what, timeout=60):
        try:
            return proc.wait_for(predicate, timeout, what)
        except proc.PartFailed as failure:
            raise proc.PartFailed(f"{failure}\n{self.journal()}") from None

    def active(self, unit=UNIT):
        return self.wait(lambda: self.show("ActiveState", unit=unit)["ActiveState"] == "active", f"{unit} to be active")

    def start(self, unit=UNIT):
        done = self.run("systemctl", "start", unit, check=False)
        assert done.returncode == 0, done.stderr + self.journal(unit)
        self.active(unit)

    def journal(self, unit=UNIT, lines=60):
        return self.run("journalctl", "--no-pager", "-u", unit, "-n", lines, check=False).stdout

    def main_pid(self):
        return int(self.show("MainPID")["MainPID"])

    def signal(self, name, pid):
        self.run("sh", "-c", f"kill -{name} {pid}")

    def of_process(self, pid, file):
        """A file of /proc of a process of that system."""
        return self.run("cat", f"/proc/{pid}/{file}").stdout

    def drop_in(self, name, text):
        folder = self.root.path(f"/etc/systemd/system/{UNIT}.d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        self.run("systemctl", "daemon-reload")

    def stop(self):
        self.root.remove()
        self.ioc.stop()
        self.relay.stop()
        self.network.stop()


@pytest.fixture(scope="module")
def machine(installed_once, broker):
    for why_not in (clean_root.why_no_boot(), network.why_not()):
        if why_not:
            pytest.skip(f"no systemd can be booted: {why_not}")
    made = Site(clean_root.Root(installed_once[0]), broker)
    yield made
    made.stop()


@pytest.fixture
def service(machine):
    """It runs, with one channel; whatever the test before did."""
    machine.configure()
    machine.run("systemctl", "reset-failed", check=False)
    machine.start()
    machine.run("epics2kafkactl", "set", "-c", "counter", "-t", "counters", "-m", "v")
    machine.wait(lambda: (machine.status() or {"channels": {"connected": 0}})["channels"]["connected"] == 1,
                 "a channel that is connected")
    return machine


def numbers(machine, more=20):
    """The counter's values as they lie in Kafka, when so many more have come."""
    with Reader(machine.broker.bootstrap, "counters") as reader:
        reader.to_end()
        now = len(reader.records)
        reader.until(lambda records: len(records) >= now + more, timeout=60)
        return [int(record.values[0]) for record in reader.records if not record.error]


def gaps(values):
    return [(a, b) for a, b in zip(values, values[1:]) if b != a + 1]


def test_the_service_brings_records_as_its_own_user(service):
    assert not gaps(numbers(service))
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
    service.wait(lambda: "SIGHUP" in service.journal(), "a word about the reload")
    assert service.main_pid() == before and service.show("ActiveState")["ActiveState"] == "active"


def test_a_restart_drains_and_goes_on(service):
    before, folder = service.main_pid(), service.root.path("/run")
    service.run("systemctl", "restart", UNIT)
    service.active()
    assert service.main_pid() != before and folder.exists()
    service.wait(lambda: service.status()["channels"]["connected"] == 1, "the channel again")
    values = numbers(service)
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
        service.wait(lambda: (service.status() or {"channels": {"connected": 0}})["channels"]["connected"] == 1, "the channel again")
    finally:
        service.drop_in("watchdog.conf", "")


def test_a_supervisor_that_was_killed_is_started_again_and_nothing_received_is_lost(service):
    before = service.main_pid()
    service.signal("KILL", before)
    service.wait(lambda: service.main_pid() not in (0, before), "another supervisor")
    service.active()
    service.wait(lambda: (service.status() or {"channels": {"connected": 0}})["channels"]["connected"] == 1, "the channel again")
    values = numbers(service)
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


def test_a_secret_comes_as_a_credential(service):
    secret = service.root.path("/etc/epics2kafka/secret")
    secret.write_text("told-as-a-credential")
    secret.chmod(0o600)
    service.drop_in("secret.conf", "[Service]\nLoadCredential=name:/etc/epics2kafka/secret\n")
    try:
        service.run("systemctl", "stop", UNIT)
        service.configure(more='[kafka.producer]\n"client.rack" = { credential = "name" }\n')
        service.run("systemctl", "start", UNIT)
        service.active()
        assert "told-as-a-credential" not in service.journal(lines=1000)
    finally:
        service.drop_in("secret.conf", "")


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
    service.wait(lambda: service.status()["channels"]["connected"] == 1, "the channel again")
    service.run("dpkg", "--purge", "epics2kafka", timeout=300)
    for unit in (UNIT, "epics2kafka@west.service"):
        assert service.show("ActiveState", unit=unit)["ActiveState"] in ("inactive", "failed")
    assert service.run("ls", "/var/lib/epics2kafka", check=False).returncode != 0
    names = service.run("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split()
    assert not [name for name in names if name.startswith(("epics2kafka", "e2k-"))]
