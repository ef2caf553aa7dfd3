"""Channel Access traffic without a server behind it: beacons of IOCs that may not exist, a silent address that counts
the searches which reach it, and a count of the connections that a port is asked for."""
import collections
import ctypes
import itertools
import socket
import struct
import threading
import time

from . import ca_wire, proc

_SO_ATTACH_FILTER = 26


def steady(first=0):
    """The numbers of a server that lives on."""
    return itertools.count(first)


def jumping_back(first=0x7fffffff, step=1000):
    """Each number far below the last: every beacon looks like that of a server which has just come up."""
    return itertools.count(first, -step)


class Beacons:
    """Sends beacons to a repeater's port from its construction to stop(), in turns for each of `servers`.

    servers: [(address, port)]; numbers: makes each server's sequence of numbers; limit: how many beacons in all.
    """

    def __init__(self, repeater_port, servers, per_second, numbers=steady, limit=None):
        self.child = None  # a part of a site: nothing to show when a test fails
        self.sent = 0
        self._target = ("127.0.0.1", repeater_port)
        self._servers = list(servers)
        self._numbers = [numbers() for _ in self._servers]
        self._period = 1.0 / per_second
        self._limit = limit
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        begin = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self._ended.is_set() and (self._limit is None or self.sent < self._limit):
                due = int((time.monotonic() - begin) / self._period) + 1
                while self.sent < due and (self._limit is None or self.sent < self._limit):
                    at = self.sent % len(self._servers)
                    out.sendto(ca_wire.beacon(self._servers[at], next(self._numbers[at])), self._target)
                    self.sent += 1
                self._ended.wait(max(0.0, begin + self.sent * self._period - time.monotonic()))

    def done(self):
        """The limit was reached."""
        return not self._thread.is_alive()

    def stop(self):
        self._ended.set()
        self._thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Searches:
    """What was asked for: frames (datagrams that hold a search) and names, each with its time (time.monotonic)."""

    def __init__(self):
        self.frames = []
        self.asked = []
        self.names = collections.Counter()

    def add(self, requests):
        now = time.monotonic()
        self.frames.append(now)
        for _, name in requests:
            self.asked.append((now, name))
            self.names[name] += 1

    def frames_since(self, moment):
        return sum(1 for when in reversed(self.frames) if when >= moment)


class FrameSink:
    """A silent address in a search list. `port`, `searches`."""

    def __init__(self, port=None):
        self.child = None
        self.port = port or proc.free_port()
        self.searches = Searches()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.settimeout(0.1)
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def frames(self):
        return len(self.searches.frames)

    def _run(self):
        while not self._ended:
            try:
                requests, _ = ca_wire.searched_names(self._socket.recv(65536))
            except TimeoutError:
                continue
            if requests:
                self.searches.add(requests)

    def stop(self):
        self._ended = True
        self._thread.join(10)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Attempts:
    """Counts who tries to connect to a loopback port, whatever becomes of it: a client's SYN, once for each of its
    ports. Needs the right to open raw sockets: `count` is nothing without it."""

    def __init__(self, port):
        self._seen = collections.Counter()
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        except PermissionError:
            self._socket = None
            return
        self._attach_filter(port)
        self._socket.setblocking(False)

    def _attach_filter(self, port):
        """Lets through: SYN without ACK, to `port`. Offsets count from a loopback packet's IP header of 20 bytes."""
        steps = [(0x30, 0, 0, 33), (0x54, 0, 0, 0x12), (0x15, 0, 3, 0x02),  # flags & (SYN | ACK) == SYN
                 (0x28, 0, 0, 22), (0x15, 0, 1, port),                      # the port that is asked for
                 (0x06, 0, 0, 0xffff), (0x06, 0, 0, 0)]                     # take it, leave it
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        program = struct.pack("HL", len(steps), ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    @property
    def count(self):
        if self._socket is None:
            return None
        while True:
            try:
                packet = self._socket.recv(64)
            except BlockingIOError:
                return len(self._seen)
            self._seen[packet[20:22]] += 1

    def close(self):
        if self._socket is not None:
            self._socket.close()
