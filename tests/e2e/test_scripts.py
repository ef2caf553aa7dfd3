"""The upstream's scripts on this service: start, stop, restart, what they show, the command topic."""
import json
import os

import pytest
from e2k_support import wait_for
from records import ao

SCRIPTS = ["start.sh", "stop.sh", "restart.sh", "show-status.sh", "show-configuration.sh", "create-topics.sh",
           "delete-topics.sh"]
DEFAULT_TOPIC = "epics-channels"


@pytest.fixture
def stopped(site):
    return site.supervisor(start=False, ready=False)


def has_gone(broker, topic):
    """The controller answers that a topic is deleted before the broker has done it."""
    wait_for(lambda: broker.partitions(topic) == 0, 10, f"{topic} to be gone")


@pytest.mark.parametrize("name", SCRIPTS)
def test_wrong_use_goes_to_stderr_with_code_2(stopped, name):
    for arguments in (["unexpected"], ["-z"], ["-i"]):
        done = stopped.script(name, *arguments)
        assert done.returncode == 2 and name in done.stderr and "Usage" in done.stderr and not done.stdout
    shown = stopped.script(name, "-h")
    assert shown.returncode == 0 and shown.stdout.startswith("Usage: " + name)


@pytest.fixture
def systemctl(site):
    """One that writes down what it is asked and knows no active unit. Its folder, and the words of each call."""
    folder = site.folder("systemctl")
    program = folder / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n[ "$1" != is-active ] || [ -e {folder}/active ]\n')
    program.chmod(0o755)

    def calls():
        written = folder / "calls"
        return written.read_text().splitlines() if written.exists() else []
    return folder, calls


def path_with(folder, supervisor):
    return {"PATH": f"{folder}:{supervisor.client_environment()['PATH']}"}


def test_start_is_systemds_where_nothing_runs(stopped, systemctl):
    folder, calls = systemctl
    assert stopped.script("start.sh", environment=path_with(folder, stopped)).returncode == 0
    assert stopped.script("start.sh", "-i", "east", environment=path_with(folder, stopped)).returncode == 0
    assert calls() == ["start epics2kafka.service", "start epics2kafka@east.service"]


def test_start_without_systemd_says_what_to_run(site, stopped):
    folder = site.folder("path")
    for name in ("sh", "readlink", "dirname", "basename", "cat"):
        (folder / name).symlink_to(os.path.realpath(f"/bin/{name}"))
    done = stopped.script("start.sh", environment={"PATH": str(folder)})
    assert done.returncode == 1 and "epics2kafka-supervisor" in done.stderr


def test_stop_asks_systemd_first(stopped, systemctl):
    folder, calls = systemctl
    (folder / "active").touch()
    assert stopped.script("stop.sh", environment=path_with(folder, stopped)).returncode == 0
    assert calls() == ["is-active --quiet epics2kafka.service", "stop epics2kafka.service"]


def test_a_running_service_is_shown_restarted_resumed_and_stopped(site, systemctl):
    folder, calls = systemctl
    supervisor = site.supervisor([site.ioc(ao("a"))])
    environment = path_with(folder, supervisor)
    shown = supervisor.script("show-status.sh")
    assert shown.returncode in (0, 6), shown.stderr
    connector = json.loads(shown.stdout)
    assert connector["name"] == "ca-source" and connector["connector"]["state"] == "RUNNING"
    assert connector["connector"]["worker_id"].endswith(f":{supervisor.child.pid}")
    assert [task["id"] for task in connector["tasks"]] == [worker["slot"] for worker in supervisor.workers()]
    configuration = supervisor.script("show-configuration.sh")
    assert configuration.returncode == 0, configuration.stderr
    assert f'topic = "{site.commands}"' in configuration.stdout

    before = {worker["slot"]: worker["pid"] for worker in supervisor.workers()}
    assert supervisor.script("restart.sh").returncode == 0
    supervisor.wait(lambda s: all(worker["pid"] not in (None, 0, before[worker["slot"]]) for worker in s["workers"]), 20,
                    "other processes in all slots")

    assert supervisor.ctl("pause").returncode == 0
    supervisor.wait(lambda s: s["paused"])
    done = supervisor.script("start.sh", environment=environment)
    assert done.returncode == 0 and "runs" in done.stdout
    supervisor.wait(lambda s: not s["paused"])

    stopped = supervisor.script("stop.sh", environment=environment, timeout=70)
    assert stopped.returncode == 0, stopped.stderr
    assert supervisor.try_status() is None
    assert "stop epics2kafka.service" not in calls()
    assert supervisor.script("show-status.sh").returncode == 3
    assert supervisor.script("stop.sh", environment=environment).returncode == 0


def test_the_command_topic_is_made_compacted_and_deleted(site, stopped):
    if site.broker.partitions(DEFAULT_TOPIC):
        site.broker.delete_topic(DEFAULT_TOPIC)
    done = stopped.script("create-topics.sh")
    assert done.returncode == 0 and "is made" in done.stdout, done.stderr
    wait_for(lambda: site.broker.partitions(DEFAULT_TOPIC) == 1, 20, "the topic, as the broker knows it")
    assert site.broker.topic_config(DEFAULT_TOPIC)["cleanup.policy"] == "compact"
    again = stopped.script("create-topics.sh")
    assert again.returncode == 0 and "exists already" in again.stdout
    asked = stopped.script("delete-topics.sh")
    assert asked.returncode == 1 and "[y/N]" in asked.stderr and site.broker.partitions(DEFAULT_TOPIC) == 1
    gone = stopped.script("delete-topics.sh", "-y")
    assert gone.returncode == 0 and "is deleted" in gone.stdout, gone.stderr
    has_gone(site.broker, DEFAULT_TOPIC)
    assert stopped.script("delete-topics.sh", "-y").returncode == 4


def test_a_command_topic_that_is_not_compacted_comes_with_its_remedy(site, stopped):
    site.broker.create_topic(site.commands)
    done = stopped.ctl("create-topics", "--command-topic", site.commands)
    assert done.returncode == 1 and "cleanup.policy=delete" in done.stderr and "kafka-configs.sh" in done.stderr
    asked = stopped.ctl("delete-topics", "--command-topic", site.commands, stdin="y\n")
    assert asked.returncode == 0
    has_gone(site.broker, site.commands)
