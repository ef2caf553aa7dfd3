"""Workers that can't be started: the stage, what the kernel said, and the remedy."""
import os
import resource
import shutil
import signal
import subprocess

import pytest
from e2k_support import proc
from fault import ends, shown
from records import counter
from test_faults_of_the_fleet import starts_not

UNUSED_UID = 54321  # whose processes nobody else starts


def compiled(folder, name, source, *options):
    (folder / f"{name}.c").write_text(source)
    done = subprocess.run(["cc", folder / f"{name}.c", "-o", folder / name, *options], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return folder / name


def removed(program):
    program.unlink()


def not_executable(program):
    program.chmod(0o644)


def of_another_machine(program):
    made = program.with_name("made")
    made.write_bytes(b"\x7fELF" + bytes(60))
    made.chmod(0o755)
    made.rename(program)


def without_its_library(program):
    folder = program.parent
    library = compiled(folder, "libe2kgone.so", "int gone(void) { return 0; }", "-shared", "-fPIC")
    made = compiled(folder, "made", "int gone(void);\nint main(void) { return gone(); }", f"-L{folder}", "-le2kgone",
                    f"-Wl,-rpath,{folder}")
    library.unlink()
    made.rename(program)


@pytest.fixture
def installed(site):
    """A supervisor that serves a channel with the only worker, whose program is the test's own copy."""
    program = site.folder("program") / "epics2kafka-worker"
    supervisor = site.supervisor([site.ioc(counter("a"))], {"workers": {"count": 1, "program": str(program)}}, ready=False,
                                 start=False)
    shutil.copy2(supervisor.program("epics2kafka-worker"), program)
    supervisor.start()
    supervisor.ready()
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    return supervisor, program


@pytest.mark.parametrize("harm, words", [
    (removed, ["could not be started: exec", "No such file or directory (ENOENT)", "install it, or set workers.program"]),
    (not_executable, ["could not be started: exec", "Permission denied (EACCES)", "look at its mode"]),
    (of_another_machine, ["could not be started: exec", "Exec format error (ENOEXEC)", "the package of this architecture"]),
    (without_its_library, ["exit 127", "the loader found no library that it needs", "the service's log names it", "ldd"]),
], ids=["removed", "not_executable", "of_another_machine", "without_its_library"])
def test_a_program_that_can_not_be_started_any_more(installed, harm, words):
    supervisor, program = installed
    kept = program.with_name("kept")
    shutil.copy2(program, kept)
    (worker,) = supervisor.workers()
    if harm is not without_its_library:
        words = [words[0] + f" {program}", *words[1:]]
    with shown(supervisor, "WORKER_FAILING", "worker 0 is down", *words, "it is started again",
               command="epics2kafkactl workers"):
        harm(program)
        os.kill(worker["pid"], signal.SIGKILL)
    # While it is tried once more, "being started" is what an entry says.
    proc.wait_for(lambda: all(word in supervisor.channel("a")[0]["reason"] for word in ("worker 0 is down", words[-1])), 15,
                  "the reason at the entry")
    if harm is without_its_library:
        proc.wait_for(lambda: "libe2kgone.so: cannot open shared object file" in supervisor.child.text(), 5, "its name in the log")
    with ends(supervisor, "WORKER_FAILING"):
        kept.rename(program)
    supervisor.connected(1)
    assert words[-1] in supervisor.workers()[0]["last_exit"]


def test_a_program_that_is_not_there_at_the_start(site):
    supervisor = site.supervisor([], {"workers": {"program": "/nowhere/epics2kafka-worker"}}, ready=False, start=False)
    starts_not(supervisor, 78, "workers.program: /nowhere/epics2kafka-worker can't be executed", "No such file or directory")


def test_no_process_more_for_a_worker(site):
    """The kernel counts the processes of a user, and bounds everybody but root."""
    somebody = ("setpriv", f"--reuid={UNUSED_UID}", f"--regid={UNUSED_UID}", "--clear-groups", "--")
    supervisor = site.supervisor([site.ioc(counter("a"))], {"workers": {"count": 1}}, ready=False, start=False, within=somebody)
    if not shutil.which("setpriv") or subprocess.run(
            [*somebody, "test", "-x", supervisor.program()], capture_output=True, check=False).returncode != 0:
        pytest.skip("another user can't run the program here")
    for path in (supervisor.folder, *supervisor.folder.rglob("*")):
        os.chown(path, UNUSED_UID, UNUSED_UID)

    def bound(number):
        subprocess.run([*somebody, "prlimit", f"--pid={supervisor.child.pid}", f"--nproc={number}:"], timeout=10, check=True)
    supervisor.start()
    supervisor.ready()
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    (worker,) = supervisor.workers()
    (before, _) = resource.prlimit(0, resource.RLIMIT_NPROC)
    with shown(supervisor, "LIMITS", "worker 0 could not be started: fork: Resource temporarily unavailable (EAGAIN)",
               "raise TasksMax= of the unit, LimitNPROC=", command="epics2kafkactl workers"):
        bound(1)
        os.kill(worker["pid"], signal.SIGKILL)
    with ends(supervisor, "LIMITS"):
        bound("unlimited" if before == resource.RLIM_INFINITY else before)
    supervisor.connected(1)
