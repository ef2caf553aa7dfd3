"""A cable between the service and the broker that can be cut, or be a thin one: a TCP relay on loopback."""
import heapq
import selectors
import socket
import struct
import threading
import time

from e2k_support import proc

_NOTHING_LINGERS = struct.pack("ii", 1, 0)


class Wire:
    """Relays connections of `port` to 127.0.0.1:target. reset() ends all of them with a reset in both directions;
    new ones are served at once. limit() bounds what goes to the target. One thread; stop() ends it."""

    def __init__(self, target, port=None):
        self.target = target
        self.port = port or proc.free_port()
        self._selector = selectors.DefaultSelector()
        self.passed_bytes = 0  # to the target
        self._peers = {}       # socket -> the other side
        self._clients = set()  # those of them that lead to the service
        self._bytes_per_second = None
        self._free_at = 0.0    # when the limit lets the next bytes through
        self._resting = []     # heap of (when it is read again, number, socket)
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._wake, self._woken = socket.socketpair()
        self._orders = []
        self._lock = threading.Lock()
        for one in (self._listener, self._woken):
            self._selector.register(one, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def reset(self):
        """Returns how many connections it ended."""
        done = threading.Event()
        answer = []
        self._order(lambda: (answer.append(self._reset_all()), done.set()))
        done.wait(5)
        return answer[0] if answer else 0

    def limit(self, bytes_per_second):
        """For all connections together, towards the target; None: no limit."""
        self._bytes_per_second = bytes_per_second

    def stop(self):
        self._order(None)
        self._thread.join(5)

    def _order(self, what):
        with self._lock:
            self._orders.append(what)
        self._wake.send(b"x")

    def _run(self):
        while True:
            for key, _ in self._selector.select(self._wake_up()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._woken.recv(64)
                    if not self._obey():
                        return
                elif key.fileobj in self._peers:
                    self._pass_on(key.fileobj)

    def _wake_up(self):
        """Reads again from whom the limit had rest. Returns the seconds until the next one is due."""
        now = time.monotonic()
        while self._resting and self._resting[0][0] <= now:
            source = heapq.heappop(self._resting)[2]
            if source in self._peers:
                self._selector.register(source, selectors.EVENT_READ)
        return self._resting[0][0] - now if self._resting else None

    def _rest(self, source, count):
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + count / self._bytes_per_second
        self._selector.unregister(source)
        heapq.heappush(self._resting, (self._free_at, id(source), source))

    def _obey(self):
        with self._lock:
            orders, self._orders = self._orders, []
        for order in orders:
            if order is None:
                self._reset_all()
                self._listener.close()
                return False
            order()
        return True

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 2)
        except OSError:
            self._end(client)
            return
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(10)  # a peer that takes nothing for so long is cut off
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)
        self._clients.add(client)

    def _pass_on(self, source):
        try:
            data = source.recv(1 << 18)
            if data:
                self._peers[source].sendall(data)
                if source in self._clients:
                    self.passed_bytes += len(data)
                    if self._bytes_per_second:
                        self._rest(source, len(data))
                return
        except OSError:
            pass
        self._cut(source)

    def _cut(self, one):
        other = self._peers.get(one)
        for side in (one, other):
            if self._peers.pop(side, None) is not None:
                self._clients.discard(side)
                if side.fileno() in self._selector.get_map():
                    self._selector.unregister(side)
                self._end(side)

    def _reset_all(self):
        ended = len(self._peers) // 2
        for one in list(self._peers):
            self._cut(one)
        return ended

    @staticmethod
    def _end(one):
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOTHING_LINGERS)
            one.close()
        except OSError:
            pass
