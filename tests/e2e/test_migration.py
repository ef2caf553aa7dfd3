"""Coming from Kafka Connect: `migrate` makes a configuration that starts, and says what it could not take over."""
import json
import os
import stat
import subprocess

import pytest
from e2k_support import proc
from e2k_support.supervisor import Supervisor

CONNECTOR = {
    "connector.class": "org.jlab.kafka.connect.CASourceConnector", "tasks.max": "2",
    "monitor.addr.list": "127.0.0.1:5", "monitor.auto.addr.list": "false", "monitor.poll.millis": "1000",
    "command.topic": "epics-channels", "command.group": "ca-source",
    "command.bootstrap.servers": "kafka://localhost:9092",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
LOGIN = r"""
bootstrap.servers=localhost:9092
producer.security.protocol=SASL_PLAINTEXT
producer.sasl.mechanism=PLAIN
producer.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
    username="bridge" \
    password="geheim";
"""


@pytest.fixture
def folder():
    return proc.make_folder("migrate")


def migrate(folder, *arguments, **options):
    (folder / "ca-source.json").write_text(json.dumps({"name": "ca-source", "config": {**CONNECTOR, **options}}))
    (folder / "worker.properties").write_text(LOGIN)
    return ctl(folder, "migrate", "--worker", "worker.properties", "ca-source.json", *arguments)


def ctl(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EPICS_")}
    return subprocess.run([Supervisor.program("epics2kafkactl"), *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=20, check=False, stdin=subprocess.DEVNULL,
                          env={**environment, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)})


def test_the_result_is_a_configuration_that_check_takes(folder):
    done = migrate(folder, "-o", "new.toml")
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stderr
    assert stat.S_IMODE((folder / "new.toml").stat().st_mode) == 0o600
    checked = ctl(folder, "check", "new.toml")
    assert checked.returncode == 0, checked.stderr
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    shown = subprocess.run([Supervisor.program(), "--config", folder / "new.toml", "--check"], capture_output=True,
                           text=True, timeout=20, check=False, env=environment)
    assert shown.returncode == 0, shown.stderr
    for line in ('"sasl.username" = "bridge"', '"sasl.password" = "***"', 'converter = "json"',
                 'addr_list = "127.0.0.1:5"', 'auto_addr_list = "NO"', "count = 2", "min_interval_ms = 0"):
        assert line in shown.stdout


def test_what_is_printed_holds_no_secret_and_says_so(folder):
    done = migrate(folder)
    assert done.returncode == 0, done.stderr
    assert "geheim" not in done.stdout + done.stderr
    assert '"sasl.password" = { credential = "sasl.password" }' in done.stdout
    assert 'kafka."sasl.password"' in done.stderr and "-o FILE" in done.stderr


def test_what_check_complains_of_is_shown_and_the_file_is_left_to_be_mended(folder):
    done = migrate(folder, "-o", "new.toml", **{"value.converter": "com.example.MyConverter", "tasks.max": "0",
                                                "transforms": "route"})
    assert done.returncode == 1
    complaints = done.stderr.splitlines()
    assert any("ca-source.json transforms: a transform" in line for line in complaints)
    count = (folder / "new.toml").read_text().splitlines().index(
        next(line for line in (folder / "new.toml").read_text().splitlines() if line.startswith("count"))) + 1
    assert any(line.startswith(f"new.toml:{count}: workers.count: is 0") for line in complaints), done.stderr
    assert any("no converter" in line and "MyConverter" in line for line in complaints), done.stderr


def test_a_file_that_is_there_is_not_overwritten(folder):
    (folder / "new.toml").write_text("mine")
    done = migrate(folder, "-o", "new.toml")
    assert done.returncode == 1 and "nothing is overwritten" in done.stderr
    assert (folder / "new.toml").read_text() == "mine"


def test_a_file_that_cannot_be_read_is_named(folder):
    done = ctl(folder, "migrate", "absent.properties")
    assert done.returncode == 1 and "absent.properties: No such file or directory" in done.stderr
    (folder / "broken.json").write_text("{")
    done = ctl(folder, "migrate", "broken.json")
    assert done.returncode == 1 and "broken.json: no valid JSON" in done.stderr


def test_wrong_use_is_told_from_failures(folder):
    for arguments in (["migrate"], ["migrate", "a", "b"], ["migrate", "a", "--wroker", "b"]):
        done = ctl(folder, *arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout
