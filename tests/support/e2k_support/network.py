"""Networks of a test's own: network namespaces, cables between them, and what a host in one of them sees.

A Namespace lives as long as this object: nothing but a descriptor of this process holds it, so its devices, addresses
and rules go with the process at the latest, and nothing outside it is ever changed. Programs run in it by its `within`:
words that stand before the program's own. Its private addresses lead nowhere else.

Needs root, `ip` and `nsenter`: `why_not()` says what is missing.
"""
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import threading

from . import proc

_CLONE_NEWNET = 0x40000000
_ESTABLISHED, _SYN_SENT = "01", "02"  # /proc/net/tcp
_libc = ctypes.CDLL(None, use_errno=True)


def _in_thread(call):
    """A thread's namespaces are its own: this process stays where it is."""
    result = []

    def carry_out():
        try:
            result.append(call())
        except OSError as failure:
            result.append(failure)
    thread = threading.Thread(target=carry_out)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def _checked(status):
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _unshared():
    _checked(_libc.unshare(_CLONE_NEWNET))
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)


def why_not():
    """"" where namespaces can be made, else what is missing."""
    missing = [name for name in ("ip", "nsenter", "unshare") if not shutil.which(name)]
    if missing:
        return f"no program {missing[0]}"
    try:
        os.close(_in_thread(_unshared))
    except OSError as failure:
        return f"network namespaces are not permitted here: {failure.strerror}"
    private = subprocess.run(["unshare", "--mount", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return "mount namespaces are not permitted here" if private.returncode else ""


class Namespace:
    """A network with a loopback interface, on which every port is free."""

    def __init__(self):
        self.child = None  # a part of a site: nothing to show when a test fails
        self._fd = _in_thread(_unshared)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
        self.within = ("nsenter", f"--net={self.path}", "--")
        self.ip("link set lo up")
        # A SYN that is lost comes again each second: a connect takes whole seconds, as many as the test wants.
        self.set("net/ipv4/tcp_syn_linear_timeouts", 20)

    def ip(self, words):
        done = subprocess.run([*self.within, "ip", *words.split()], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=20, check=False)
        if done.returncode:
            raise proc.PartFailed(f"ip {words}: {done.stderr}")
        return done.stdout

    def set(self, name, value):
        """A setting of the kernel's (/proc/sys), where this kernel has it."""
        def write():
            _checked(_libc.setns(self._fd, _CLONE_NEWNET))
            path = pathlib.Path("/proc/sys") / name
            if path.exists():
                path.write_text(str(value))
        _in_thread(write)

    def socket(self, kind, address):
        """A socket of this network, bound to that address."""
        def make():
            _checked(_libc.setns(self._fd, _CLONE_NEWNET))
            out = socket.socket(socket.AF_INET, kind)
            out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            out.bind(address)
            return out
        return _in_thread(make)

    def circuits(self, port):
        """Established TCP connections of servers on that port."""
        return sum(1 for local, _, state in self._connections() if local == port and state == _ESTABLISHED)

    def connects(self, port):
        """TCP connections to that port whose SYN has not been answered."""
        return sum(1 for _, remote, state in self._connections() if remote == port and state == _SYN_SENT)

    def _connections(self):
        done = subprocess.run([*self.within, "cat", "/proc/net/tcp"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=20, check=True)
        for line in done.stdout.splitlines()[1:]:
            row = line.split()
            yield int(row[1].rpartition(":")[2], 16), int(row[2].rpartition(":")[2], 16), row[3]

    def stop(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Cable:
    """Joins two networks: `near` and `far` are the addresses of their ends. unplug() takes the far end down, so that
    either side keeps its addresses and programs and hears nothing of the other."""

    near, far = "10.77.0.1", "10.77.0.2"

    def __init__(self, near, far):
        self._far = far
        near.ip(f"link add cable type veth peer name cable netns {far.path}")
        near.ip(f"address add {self.near}/30 dev cable")
        near.ip("link set cable up")
        # On lo, too: programs can bind to it while the cable is unplugged.
        far.ip(f"address add {self.far}/32 dev lo")
        far.ip(f"address add {self.far}/30 dev cable")
        far.ip("link set cable up")

    def unplug(self):
        self._far.ip("link set cable down")

    def plug(self):
        self._far.ip("link set cable up")


class Relay:
    """Brings a loopback port of this process's network into a namespace, under the same number."""

    def __init__(self, namespace, port):
        self.child = None
        self._target = ("127.0.0.1", port)
        self._listener = namespace.socket(socket.SOCK_STREAM, self._target)
        self._listener.listen(64)
        self._pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._pairs.append((client, server))
            for source, to in ((client, server), (server, client)):
                to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(source, to), daemon=True).start()

    @staticmethod
    def _pump(source, to):
        try:
            while data := source.recv(1 << 16):
                to.sendall(data)
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for pair in self._pairs:
            for one in pair:
                one.close()


class Unanswered:
    """Has TCP connects to a port of a network that is reached by cable stay unanswered, until let_through(): what the
    server would answer goes nowhere. Searches are answered all the while."""

    def __init__(self, far, port):
        self._far, self._rule = far, f"ipproto tcp sport {port} blackhole"
        far.ip(f"rule add {self._rule}")

    def let_through(self):
        self._far.ip(f"rule del {self._rule}")


def with_files(folder, files):
    """Words before a program that let it see other files than the machine's: {"/etc/hosts": its text}. Their copies lie
    in `folder`, named like them; what is written into these the program sees, too."""
    lines = []
    for number, (path, text) in enumerate(files.items()):
        copy = pathlib.Path(folder) / pathlib.Path(path).name
        copy.write_text(text)
        lines.append(f'mount --bind "${{{number + 1}}}" {path}')
    copies = [str(pathlib.Path(folder) / pathlib.Path(path).name) for path in files]
    script = " && ".join([*lines, f"shift {len(files)}", 'exec "$@"'])
    return ("unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh", *copies)
