"""A reload: another configuration or another release in place, under the same pid, and workers that do not notice."""
import itertools
import os
import pathlib
import shutil
import signal
import socket
import time

import pytest
from e2k_support import alive, wait_for
from service_manager import Manager
from test_takeover import COUNT, NAMES, adoption_s, assert_no_event_tells, more_of, pids, taken_over, under_load


@pytest.fixture
def manager():
    made = Manager()
    yield made
    made.close()


def reloads(supervisor):
    return (supervisor.try_status() or {}).get("reload", {})


def hang_up(supervisor, state="done"):
    """SIGHUP; returns when the reload has ended so."""
    number = supervisor.status()["reload"]["number"] + 1
    supervisor.child.signal(signal.SIGHUP)
    return supervisor.wait(lambda s: s["reload"]["number"] == number and s["reload"]["state"] != "checking"
                           and s["reload"]["state"] == state, 30, f"a reload that is {state}")


def test_a_hangup_under_load_without_a_change_is_noticed_by_nobody(site, manager):
    supervisor, reader, _ = under_load(site, environment={"NOTIFY_SOCKET": str(manager.path)})
    before, own = pids(supervisor), supervisor.child.pid
    for ready in range(1, 4):
        wait_for(lambda ready=ready: manager.lines().count("READY=1") == ready, 10, f"READY {ready} times")
        hang_up(supervisor)
        taken_over(supervisor, before)
        supervisor.ready()
        more_of(reader, 3)
    wait_for(lambda: manager.lines().count("READY=1") == 4, 10, "READY again")
    print(f"adoption after execve: {adoption_s(supervisor):.2f} s")
    status = supervisor.connected(COUNT)
    assert status["pid"] == own and status["uptime_s"] < 30
    assert pids(supervisor) == before
    assert_no_event_tells(reader)
    assert status["events"]["lost"] == status["events"]["gaps"] == 0
    told = [line for line in manager.lines() if line.startswith(("READY", "RELOADING", "MONOTONIC"))]
    kinds = [line.partition("=")[0] for line in told]
    assert kinds == ["READY"] + ["RELOADING", "MONOTONIC_USEC", "READY"] * 3
    # One that is asked to stop has nothing left over: its workers are its children still.
    assert supervisor.halt() == 0
    assert not any(alive(pid) for pid in before.values())


def children(pid):
    """Of a process: the command lines by pid; None of one that has ended and was not waited for."""
    found = {}
    for child in map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        try:
            found[child] = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") if alive(child) else None
        except (FileNotFoundError, ProcessLookupError):
            found[child] = None
    return found


def repeater_of(supervisor):
    (repeater,) = [pid for pid, command in children(supervisor.child.pid).items() if b"--ca-repeater" in command]
    return repeater


def test_the_repeater_of_another_port_ends_though_somebody_has_the_new_one(site):
    supervisor, _, _ = under_load(site)
    before = repeater_of(supervisor)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("", 0))
        supervisor.settings["epics"]["repeater_port"] = holder.getsockname()[1]
        supervisor.write_config()
        hang_up(supervisor)
        wait_for(lambda: not alive(before), 10, "the end of the repeater before")


def test_the_repeater_goes_on_through_a_reload_and_is_waited_for_when_it_ends(site):
    supervisor, _, _ = under_load(site)
    hang_up(supervisor)
    own = supervisor.child.pid
    repeater = repeater_of(supervisor)
    os.kill(repeater, signal.SIGKILL)

    def another():
        found = children(own)
        return None not in found.values() and repeater not in found and any(b"--ca-repeater" in one for one in found.values())
    wait_for(another, 10, "another repeater and no zombie")


def assert_handed_over(reader):
    """Each event once but for one a move, and in order: there and back at the most."""
    for name in NAMES:
        numbers = [int(record.values[0]) for record in reader.of(name) if record.error is None]
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        assert set(steps) <= {0, 1} and steps.count(0) <= 2, f"{name}: {numbers}"


def test_a_changed_setting_reaches_the_workers_and_costs_no_more_than_a_restart_of_each(site):
    supervisor, reader, _ = under_load(site)
    before = pids(supervisor)
    supervisor.settings["kafka"]["producer"] = {"linger.ms": 7}
    supervisor.write_config()
    done = supervisor.ctl("reload")
    assert done.returncode == 0 and done.stdout.startswith("reloaded: release "), done.stderr
    supervisor.wait(lambda s: all(w["state"] == "RUNNING" and w["pid"] != before[w["slot"]] for w in s["workers"]), 30,
                    "other workers")
    supervisor.connected(COUNT)
    more_of(reader, 3)
    assert not any(alive(pid) for pid in before.values())
    assert_handed_over(reader)
    assert supervisor.status()["events"]["lost"] == 0


def test_workers_that_are_too_many_by_now_hand_over_before_they_leave(site):
    supervisor, reader, _ = under_load(site, {"workers": {"count": 4}})
    before = pids(supervisor)
    supervisor.settings["workers"]["count"] = 2
    supervisor.write_config()
    hang_up(supervisor)
    supervisor.wait(lambda s: {w["slot"]: w["pid"] for w in s["workers"]} == {slot: before[slot] for slot in (0, 1)}, 30,
                    "two workers, those of before")
    more_of(reader, 5)
    assert not any(alive(before[slot]) for slot in (2, 3))
    assert_no_event_tells(reader)
    status = supervisor.connected(COUNT)
    assert status["events"]["lost"] == status["events"]["gaps"] == 0


def test_a_changed_log_level_is_told_to_workers_that_stay(site):
    supervisor, reader, _ = under_load(site)
    before = pids(supervisor)
    supervisor.settings["log_level"] = "debug"
    supervisor.write_config()
    hang_up(supervisor)
    taken_over(supervisor, before)
    for slot in before:
        wait_for(lambda slot=slot: f'info worker.{slot} log_level.changed level="debug"' in supervisor.child.text(), 10,
                 "a worker that was told")
    assert_no_event_tells(reader)
    assert pids(supervisor) == before


def test_a_bad_file_changes_nothing_and_is_told_with_line_and_key(site, manager):
    supervisor, reader, _ = under_load(site, environment={"NOTIFY_SOCKET": str(manager.path)})
    before = pids(supervisor)
    manager.heard("^READY=1$")
    good = supervisor.config.read_text()
    supervisor.config.write_text(good + "\n[output]\nmax_futur_s = 3\n")
    line = len(good.splitlines()) + 3
    done = supervisor.ctl("reload")
    assert done.returncode == 1
    assert f"{supervisor.config}:{line}: output.max_futur_s" in done.stderr, done.stderr
    assert "nothing has changed" in done.stderr
    assert supervisor.status()["reload"]["state"] == "refused"
    assert "reload.refused" in supervisor.child.text()
    manager.heard(r"^STATUS=RUNNING: .*; the last reload was refused: .*max_futur_s")
    assert manager.lines().count("READY=1") == 2
    assert pids(supervisor) == before
    more_of(reader, 2)
    assert_no_event_tells(reader)
    # The status socket is everybody's: it tells that, and not what stands in the file.
    code, _, body = supervisor.request("GET", "/status", path_of_socket=supervisor.socket.parent / "status.sock")
    assert code == 200 and b"max_futur_s" not in body
    supervisor.write_config()
    assert supervisor.ctl("reload").returncode == 0
    manager.heard(r"^STATUS=RUNNING: [^;]*$")


def installed(site, supervisor_of):
    """The programs as they would be installed: a folder of their own."""
    folder = site.folder("inst")
    for name in ("epics2kafka-supervisor", "epics2kafka-worker"):
        shutil.copy2(supervisor_of.program(name), folder / name)
    return folder


def upgrade(folder, old=b"0.1.0", new=b"0.1.9"):
    """Another release takes the programs' place, as packages do it: a new file, renamed over the old one."""
    for program in list(folder.iterdir()):
        text = program.read_bytes()
        assert old in text
        made = folder / (program.name + ".dpkg-new")
        made.write_bytes(text.replace(old, new))
        made.chmod(0o755)
        made.rename(program)


def test_an_upgrade_in_place_takes_the_workers_over_and_replaces_them_one_by_one(site):
    supervisor = site.supervisor(ready=False, start=False)
    folder = installed(site, supervisor)
    supervisor.program = lambda name="epics2kafka-supervisor": (
        folder / name if (folder / name).exists() else type(supervisor).program(name))
    ioc = site.ioc("".join(f'record(calc,"{n}"){{field(SCAN,".1 second")field(INPA,"{n} NPP")field(CALC,"A+1")}}\n'
                           for n in NAMES))
    supervisor.settings["epics"] = __import__("e2k_support").softioc.ca_settings(ioc)
    supervisor.write_config()
    supervisor.start()
    supervisor.ready()
    topic = site.topic()
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"v"}') for name in NAMES])
    supervisor.connected(COUNT, 30)
    reader = site.reader(topic)
    more_of(reader, 3)
    own, before, release = supervisor.child.pid, pids(supervisor), supervisor.status()["version"]
    upgrade(folder)
    done = supervisor.ctl("reload")
    assert done.returncode == 0, done.stderr
    status = supervisor.wait(lambda s: all(w["state"] == "RUNNING" and w["pid"] != before[w["slot"]]
                                           for w in s["workers"]), 30, "workers of the next release")
    assert status["pid"] == own and status["version"] != release
    assert all(f"worker.adopted worker={slot}" in supervisor.child.text() for slot in before)
    supervisor.connected(COUNT)
    more_of(reader, 3)
    assert_handed_over(reader)
    # A program that is gone, or can't run, is found out before anything has happened.
    (folder / "epics2kafka-supervisor").unlink()
    done = supervisor.ctl("reload")
    assert done.returncode == 1 and "can't be run" in done.stderr
    assert supervisor.status()["pid"] == own


def test_signals_that_come_close_together_end_nothing(site):
    supervisor, reader, _ = under_load(site)
    before = pids(supervisor)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        os.kill(supervisor.child.pid, signal.SIGHUP)
        time.sleep(0.01)
    wait_for(lambda: reloads(supervisor).get("state") == "done", 20, "a reload that is done")
    taken_over(supervisor, before)
    more_of(reader, 2)
    assert_no_event_tells(reader)


def test_the_log_level_is_changed_for_all_or_for_one_worker_and_for_those_that_come(site):
    supervisor = site.supervisor()
    assert supervisor.ctl("log-level", "debug", "--worker", 1).returncode == 0
    supervisor.wait(lambda s: all(w["state"] == "RUNNING" for w in s["workers"]))
    os.kill(pids(supervisor)[1], signal.SIGKILL)
    wait_for(lambda: " debug worker.1 " in supervisor.child.text(), 20, "the next worker's debug lines")
    assert " debug worker.0 " not in supervisor.child.text()
    assert supervisor.ctl("log-level", "debug").returncode == 0
    (change,) = [line for line in supervisor.child.text().splitlines() if "target=\"/log-level?level=debug\"" in line]
    assert f"control.change method=PUT target=\"/log-level?level=debug\" uid={os.getuid()} pid=" in change
    for target, code in [("/log-level", 400), ("/log-level?level=loud", 400), ("/log-level?level=info&worker=x", 400),
                         ("/log-level?level=info&worker=7", 404), ("/log-level?level=info", 202)]:
        assert supervisor.request("PUT", target)[0] == code, target
    assert supervisor.request("POST", "/log-level?level=info")[0] == 405
    assert supervisor.request("PUT", "/log-level?level=info",
                              path_of_socket=supervisor.socket.parent / "status.sock")[0] == 405


def test_a_rolling_restart_goes_on_over_a_reload(site):
    supervisor, reader, _ = under_load(site, {"workers": {"count": 3}})

    def goes_on():
        before = pids(supervisor)
        assert supervisor.ctl("restart", "--all", "--rolling", "--wait", "0").returncode == 0
        supervisor.wait(lambda s: any(w["pid"] not in (0, before[w["slot"]]) for w in s["workers"]), 30, "the first one restarted")
        assert supervisor.ctl("reload").returncode == 0
        some_left = any(w["pid"] == before[w["slot"]] for w in supervisor.status()["workers"])
        supervisor.wait(lambda s: all(w["state"] == "RUNNING" and w["pid"] != before[w["slot"]] for w in s["workers"]), 60, "all restarted")
        return some_left
    # It may be over before the first one was seen, or before the reload was done: then there was nothing to go on with.
    assert any(goes_on() for _ in range(5)), "five times there was nothing left to go on with"
    supervisor.connected(COUNT)
    more_of(reader, 3)
    assert supervisor.status()["events"]["lost"] == 0
