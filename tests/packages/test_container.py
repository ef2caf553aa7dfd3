"""The image of packaging/container in an engine: the composed broker, IOC and service, by the commands that the documentation
gives; what the service is in its container; the image by itself."""
import json
import os
import pathlib
import shutil
import signal

import pytest

import engine as engines
from e2k_support import paths, proc

SERVICE = "epics2kafka_epics2kafka_1"
IMAGE = "localhost/epics2kafka"
USER = "5064"
CONSUMER = ("/opt/kafka/bin/kafka-console-consumer.sh", "--bootstrap-server", "kafka:9092", "--from-beginning")


@pytest.fixture(scope="module")
def engine(packages, suite, tmp_path_factory):
    """With the images of compose.yaml."""
    if suite != "bookworm":
        pytest.skip("the image is made of the package for Debian 12")
    why_not = engines.why_not()
    if why_not:
        pytest.skip(f"no container can be run: {why_not}")
    running = engines.Engine()
    try:
        for name in ("bookworm", "trixie"):
            running.bring_debian(name)
        running.build(IMAGE, paths.root_dir() / "packaging/container/Containerfile", packages.folder)
        running.build("localhost/epics2kafka-softioc", paths.root_dir() / "packaging/container/softioc/Containerfile",
                      paths.root_dir() / "packaging")
        context = tmp_path_factory.mktemp("kafka")
        shutil.copytree(pathlib.Path(__file__).parent / "kafka", context, dirs_exist_ok=True)
        shutil.copytree(paths.cache_dir() / "broker" / "libs", context / "libs")
        running.build("docker.io/apache/kafka:3.9.1", context / "Containerfile", context)
        yield running
    finally:
        running.stop()


def status(engine, container=SERVICE):
    done = engine.run("exec", container, "epics2kafkactl", "--json", "status", check=False)
    return json.loads(done.stdout) if done.returncode in (0, 6) else None


def wait(engine, predicate, what, container=SERVICE):
    try:
        return proc.wait_for(predicate, 60, what, poll=0.2)
    except proc.PartFailed as failure:
        raise proc.PartFailed(f"{failure}\n{engine.run('logs', container, check=False)}") from None


def is_connected(engine, number):
    answer = status(engine)
    return answer and answer["channels"]["connected"] == number


@pytest.fixture(scope="module")
def composed(engine):
    engine.compose("up", "--detach", "--no-build")
    wait(engine, lambda: is_connected(engine, 2), "two channels that are connected")
    yield engine
    engine.compose("down", "--volumes", "--timeout", "5", check=False)


def first_process(engine, container=SERVICE):
    """Process 1 of the container, by its number here."""
    return int(engine.run("inspect", container, "--format", "{{.State.Pid}}").stdout)


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def values(engine, topic, count):
    text = engine.compose("exec", "-T", "kafka", *CONSUMER, "--topic", topic, "--max-messages", count, timeout=60).stdout
    return [json.loads(line)["doubleValues"][0] for line in text.splitlines() if line.startswith("{")]


def test_what_is_written_to_the_ioc_is_read_from_kafka(composed):
    composed.compose("exec", "-T", "softioc", "caput", "channel1", "1000")
    seen = values(composed, "channel1", 3)
    while 1000.0 not in seen and len(seen) < 600:
        seen = values(composed, "channel1", len(seen) + 10)
    assert 1000.0 in seen


def test_a_channel_that_is_fed_brings_each_value(composed):
    composed.compose("exec", "-T", "softioc", "feed", "channel2", "25")
    # The value that the channel had when it connected comes first.
    assert values(composed, "channel2", 26)[1:] == [float(number % 11) for number in range(1, 26)]


def test_it_is_healthy(composed):
    composed.run("healthcheck", "run", SERVICE)


def test_it_runs_as_its_own_user_without_any_capability(composed):
    first = first_process(composed)
    (supervisor,) = children(first)
    processes = [first, supervisor, *children(supervisor)]
    assert len(processes) >= 4 and any(name(pid).startswith("e2k-") for pid in processes)
    for pid in processes:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in text
        assert "CapEff:\t0000000000000000" in text and "CapBnd:\t0000000000000000" in text and "NoNewPrivs:\t1" in text
    assert composed.run("exec", SERVICE, "id", "-un").stdout == "epics2kafka\n"


def test_nothing_but_its_two_folders_can_be_written_to(composed):
    # By root, whom no mode of a folder stops.
    for place in ("/x", "/etc/epics2kafka/x", "/usr/x", "/var/lib/x"):
        assert "Read-only" in composed.run("exec", "--user", "0", SERVICE, "touch", place, check=False).stderr
    for place in ("/var/lib/epics2kafka/x", "/run/epics2kafka/x"):
        composed.run("exec", SERVICE, "sh", "-c", f"touch {place} && rm {place}")


def test_what_a_command_leaves_behind_is_reaped(composed):
    first = first_process(composed)
    composed.run("exec", SERVICE, "sh", "-c", "sleep 600 >/dev/null 2>&1 &")
    (orphan,) = proc.wait_for(lambda: [pid for pid in children(first) if name(pid) == "sleep"], what="an orphan")
    os.kill(orphan, signal.SIGKILL)
    proc.wait_for(lambda: orphan not in children(first), what="an orphan that is reaped")


def test_a_stop_drains_and_a_start_goes_on(composed):
    before = status(composed)["events"]["received"]
    composed.compose("stop", "--timeout", "30", "epics2kafka")
    assert composed.run("inspect", SERVICE, "--format", "{{.State.ExitCode}}").stdout.strip() == "0"
    assert "signal.received signal=15" in composed.run("logs", SERVICE).stderr
    composed.compose("start", "epics2kafka")
    wait(composed, lambda: is_connected(composed, 2), "its channels again")
    told = status(composed)["events"]
    # The books of before the stop were kept in the volume, and nothing is missing in them.
    assert told["received"] > before >= 2 and told["lost"] == 0


def test_without_an_address_of_brokers_it_says_what_is_missing(engine):
    done = engine.run("run", "--rm", IMAGE, check=False)
    assert done.returncode == 78 and "BOOTSTRAP_SERVERS" in done.stderr


def test_without_a_broker_it_runs_and_is_not_healthy(engine):
    engine.run("run", "--detach", "--name", "alone", "--env", "BOOTSTRAP_SERVERS=127.0.0.1:1", IMAGE)
    # 3 would be: nobody answers on the socket.
    wait(engine, lambda: engine.run("exec", "alone", "epics2kafkactl", "health", check=False).returncode == 1, "an answer", "alone")
    assert engine.run("healthcheck", "run", "alone", check=False).returncode == 1
    engine.run("stop", "--time", "30", "alone")
    assert engine.run("inspect", "alone", "--format", "{{.State.ExitCode}}").stdout.strip() == "0"


def test_a_file_that_is_mounted_and_settings_on_the_command_line_are_the_configuration(engine, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[kafka]\n"bootstrap.servers" = "kafka.site:9092"\n"sasl.password" = { file = "/run/secrets/password" }\n')
    secret = tmp_path / "password"
    secret.write_text("not-to-be-shown")
    for path in (file, secret):
        path.chmod(0o444)
    done = engine.run("run", "--rm", "--volume", f"{file}:/etc/epics2kafka/epics2kafka.toml:ro",
                      "--volume", f"{secret}:/run/secrets/password:ro", IMAGE, "--set", "workers.count=3", "--check")
    assert "kafka.site:9092" in done.stdout and "count = 3" in done.stdout
    assert "not-to-be-shown" not in done.stdout + done.stderr and "***" in done.stdout


def test_alarms_are_tripped_and_cleared(engine):
    folder = paths.root_dir() / "packaging/examples/alarms"
    engine.build("localhost/epics2kafka-alarms", folder / "Containerfile", folder)
    engine.compose("down", "--volumes", "--timeout", "5", check=False)
    both = {"also": ["compose.alarms.yaml"]}

    def active():
        done = engine.compose("exec", "-T", "alarms", "active_alarms.py", "list-active", "--bootstrap-server", "kafka:9092", **both,
                              check=False)
        return {line.split()[1] for line in done.stdout.splitlines() if line.startswith("+")} if done.returncode == 0 else None
    engine.compose("up", "--detach", "--no-build", **both)
    try:
        wait(engine, lambda: active() == {"channel2"}, "the alarm that is there first")
        engine.compose("exec", "-T", "softioc", "caput", "channel1", "1", **both)
        wait(engine, lambda: active() == {"channel1", "channel2"}, "the alarm that was tripped")
        engine.compose("exec", "-T", "softioc", "caput", "channel1", "0", **both)
        wait(engine, lambda: active() == {"channel2"}, "the alarm that was cleared")
    finally:
        engine.compose("down", "--volumes", "--timeout", "5", **both, check=False)
