"""Processes and waits. A Child writes into a log file, dies with this process, and is stopped with a deadline."""
import atexit
import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

_children = set()
_folders = set()
_given_ports = set()
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class PartFailed(AssertionError):
    """A part died, or did not become what was waited for in time."""


class Deadline:
    def __init__(self, seconds):
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def over(self):
        return time.monotonic() >= self.end


def wait_for(predicate, timeout=10.0, what="the condition", poll=0.02, child=None):
    """Returns the first true value of predicate(); raises PartFailed at the deadline or when child has died."""
    deadline = Deadline(timeout)
    while True:
        value = predicate()
        if value:
            return value
        if child is not None and child.poll() is not None:
            raise PartFailed(f"{child.name} ended with {child.poll()} while waiting for {what}\n{child.tail()}")
        if deadline.over():
            tail = f"\n{child.tail()}" if child is not None else ""
            raise PartFailed(f"after {timeout} s still waiting for {what}; last seen: {value!r}{tail}")
        time.sleep(poll)


def assert_in_time(limit_s, takes, attempts=3):
    """takes() does it once and says how many seconds it took. Others that use the machine can only make it take longer, so one attempt
    in time shows that it can be: it is done again while none was."""
    took_s = []
    while not took_s or took_s[-1] >= limit_s:
        assert len(took_s) < attempts, f"not once within {limit_s} s: " + ", ".join(f"{seconds:.2f}" for seconds in took_s)
        took_s.append(takes())


def free_port():
    """A loopback port that is free for TCP and UDP, below the ephemeral range, so that no client socket takes it. None is given
    twice: who got it may not have bound it yet, or not again."""
    for _ in range(1000):
        port = random.randint(12000, 31000)
        if port in _given_ports:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("", port))
                _given_ports.add(port)
                return port
            except OSError:
                continue
    raise PartFailed("no free port was found between 12000 and 31000")


def make_folder(name):
    """A short-named temporary folder (Unix sockets live in it), removed at exit unless E2K_KEEP is set."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"e2k-{name}-", dir=os.environ.get("E2K_TMP", "/tmp")))
    _folders.add(folder)
    return folder


def remove_folder(folder):
    _folders.discard(folder)
    if not os.environ.get("E2K_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A running program. die_with_parent asks the kernel to kill it with this process: only from the main thread,
    since the kernel means the thread that started it."""

    def __init__(self, name, arguments, folder, environment=None, stdin=subprocess.DEVNULL, log="part.log"):
        self.name = name
        self.log = pathlib.Path(folder) / log
        main = threading.current_thread() is threading.main_thread()
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=stdin, stdout=output, stderr=output, cwd=folder,
                env=environment, start_new_session=True, preexec_fn=_die_with_parent if main else None)
        self.pid = self.process.pid
        self.stdin = self.process.stdin
        _children.add(self)

    def poll(self):
        return self.process.poll()

    def tail(self, lines=40):
        text = self.text().splitlines()[-lines:]
        return f"--- the end of {self.log}:\n" + "\n".join(text)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, number):
        if self.poll() is None:
            self.process.send_signal(number)

    def wait(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PartFailed(f"{self.name} (pid {self.pid}) has not ended within {timeout} s\n{self.tail()}") from None

    def stop(self, timeout=15.0):
        """SIGTERM, then SIGKILL after the deadline. Returns the exit status; negative where a signal ended it."""
        if self.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        _children.discard(self)
        if self.stdin:
            try:
                self.stdin.close()
            except OSError:
                pass
        return self.poll()

    def kill(self):
        self.signal(signal.SIGKILL)
        status = self.process.wait(10)
        _children.discard(self)
        return status


@atexit.register
def _clean_up():
    for child in list(_children):
        try:
            child.signal(signal.SIGCONT)
            child.kill()
        except (OSError, subprocess.TimeoutExpired):
            pass
    for folder in list(_folders):
        remove_folder(folder)


def alive(pid):
    """Runs, and is no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(pid):
    """User and system time of all its threads, ended ones too, in seconds; the kernel counts nanoseconds."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) gives for a process


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
