"""A Channel Access server that does what no real IOC does, and writes down what it was asked.

    stub = StubIoc({"a": Channel(value=1.5), "b": Channel(create="fail")})
    stub.post("a", 2.5)                      # an event for every subscription
    stub.tcp = "refuse"                      # from now on

Names: a dict of Channel, a list (each gets a Channel of its own), or a predicate (channels are made as they are
asked for). `answers` False: searches are never answered. `answer_port`: the TCP port that answers name, where it is not
ours.

`tcp` says what becomes of connections:
  serve         the protocol is spoken
  refuse        the port is held but nothing listens: ECONNREFUSED
  never_accept  the queue of the listening socket is full: SYNs are dropped, a connect hangs
  silent        accepted, and nothing is ever sent; circuits that stand fall silent too
  close         accepted and closed at once
Going to refuse, never_accept or close, and from silent to serve, ends the circuits that stand.

One thread serves; what the test calls is carried out there, and done when the call returns. Channels may be changed in
place at any time.
"""
import heapq
import itertools
import selectors
import socket
import threading
import time

from . import ca_wire as wire
from . import proc
from .ca_traffic import Attempts, Searches
from .stub_circuit import Channel, Circuit

MODES = ("serve", "refuse", "never_accept", "silent", "close")


class StubIoc:
    def __init__(self, names=(), tcp="serve", answers=True, delay_s=0.0, answer_port=None, port=None):
        self.child = None  # a part of a site: nothing to show when a test fails
        self._predicate = names if callable(names) else None
        self.channels = {} if callable(names) else dict(names) if isinstance(names, dict) else \
            {name: Channel() for name in names}
        self.answers, self.delay_s, self.answer_port = answers, delay_s, answer_port
        self.port = port or proc.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.searches = Searches()
        self.accepted = []        # when (time.monotonic)
        self.subscriptions = []   # Requests, the ended ones too
        self.gets = []
        self.creates = []         # (when, name)
        self._circuits = {}
        self._fillers, self._filler_ports = [], set()
        self._later, self._numbers = [], itertools.count(1)
        self._calls, self._calls_lock = [], threading.Lock()
        self._ended = False
        self._tcp_mode = "refuse"
        self._udp = self._bound(socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._tcp = self._bound(socket.SOCK_STREAM)
        self._attempts = Attempts(self.port)
        self._waker, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._udp, selectors.EVENT_READ, self._on_datagrams)
        self._selector.register(self._woken, selectors.EVENT_READ, lambda _: self._woken.recv(4096))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.tcp = tcp

    # -- what a test says and asks ---------------------------------------------------------------

    @property
    def tcp(self):
        return self._tcp_mode

    @tcp.setter
    def tcp(self, mode):
        assert mode in MODES, mode
        self._do(lambda: self._switch(mode))

    @property
    def frames(self):
        return len(self.searches.frames)

    @property
    def circuits(self):
        """How many stand."""
        return len(self._circuits)

    @property
    def connects(self):
        """How many were tried, the refused and the unanswered ones too; nothing where only root may count them."""
        return self._attempts.count

    def post(self, name, value=None, **changes):
        """Changes the channel and sends an event to each of its subscriptions. Returns how many there are."""
        if value is not None:
            changes["value"] = value

        def send():
            for key, one in changes.items():
                setattr(self.channels[name], key, one)
            return sum(circuit.post(name) for circuit in list(self._circuits.values()))
        return self._do(send)

    def set_rights(self, name, rights):
        def send():
            self.channels[name].rights = rights
            self._tell(name, wire.ACCESS_RIGHTS, rights)
        self._do(send)

    def remove(self, name):
        """The server deletes the channel: it is said on its circuits, and searches for it stay unanswered."""
        def send():
            del self.channels[name]
            self._tell(name, wire.SERVER_DISCONN)
        self._do(send)

    def close_circuits(self):
        self._do(lambda: [self._end(circuit) for circuit in list(self._circuits.values())])

    def stop(self):
        if self._ended:
            return
        self._do(lambda: self._switch("refuse"))
        self._ended = True
        self._waker.send(b"x")
        self._thread.join(10)
        for one in (self._udp, self._tcp, self._waker, self._woken):
            one.close()
        self._attempts.close()
        self._selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # -- what its circuits ask and do ------------------------------------------------------------

    def channel(self, name):
        if name not in self.channels and self._predicate and self._predicate(name):
            self.channels[name] = Channel()
        return self.channels.get(name)

    def next_number(self):
        return next(self._numbers)

    # -- the thread ------------------------------------------------------------------------------

    def _do(self, call, timeout=20.0):
        done, result = threading.Event(), []

        def carry_out():
            try:
                result.append(call())
            except Exception as failure:  # pylint: disable=broad-except
                result.append(failure)
            done.set()
        with self._calls_lock:
            self._calls.append(carry_out)
        self._waker.send(b"x")
        if not done.wait(timeout):
            raise proc.PartFailed(f"the stub on port {self.port} does not answer its test")
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    def _run(self):
        while not self._ended:
            wait = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
            for key, events in self._selector.select(wait):
                key.data(events)
            with self._calls_lock:
                calls, self._calls = self._calls, []
            for call in calls:
                call()
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()

    def _bound(self, kind):
        out = socket.socket(socket.AF_INET, kind)
        if kind == socket.SOCK_STREAM:
            out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.setblocking(False)
        out.bind(("127.0.0.1", self.port))
        return out

    # -- searches --------------------------------------------------------------------------------

    def _on_datagrams(self, _):
        for _ in range(200):
            try:
                datagram, sender = self._udp.recvfrom(65536)
            except OSError:
                return
            requests, sequence = wire.searched_names(datagram)
            if requests:
                self.searches.add(requests)
                self._answer(requests, sequence, sender)

    def _answer(self, requests, sequence, sender):
        ids = [number for number, name in requests if self.answers and self.channel(name)]
        for reply in wire.search_replies(ids, self.answer_port or self.port, sequence):
            def send(reply=reply):
                try:
                    self._udp.sendto(reply, sender)
                except OSError:
                    pass  # the client is gone
            if self.delay_s:
                heapq.heappush(self._later, (time.monotonic() + self.delay_s, next(self._numbers), send))
            else:
                send()

    def _tell(self, name, command, parameter=0):
        for circuit in list(self._circuits.values()):
            for client_id in circuit.ids_of(name):
                circuit.send(wire.message(command, 0, 0, client_id, parameter))

    # -- circuits --------------------------------------------------------------------------------

    def _switch(self, mode):
        before, self._tcp_mode = self._tcp_mode, mode
        if mode in ("refuse", "never_accept", "close") or (before == "silent" and mode == "serve"):
            for circuit in list(self._circuits.values()):
                self._end(circuit)
        if before in ("serve", "silent", "close"):
            self._selector.unregister(self._tcp)
        if mode == "refuse" and before != "refuse":
            self._stop_listening()
        elif mode == "never_accept":
            if before != "refuse":
                self._stop_listening()
            self._fill_queue()
        if mode in ("serve", "silent", "close"):
            self._tcp.listen(512)
            self._selector.register(self._tcp, selectors.EVENT_READ, self._on_connections)
        if mode != "never_accept":
            for filler in self._fillers:
                filler.close()
            self._fillers = []

    def _stop_listening(self):
        self._tcp.shutdown(socket.SHUT_RD)  # keeps the port: a listening socket goes back to being a bound one

    def _fill_queue(self):
        self._tcp.listen(0)  # has room for one
        filler = socket.create_connection(("127.0.0.1", self.port), 5)
        self._fillers.append(filler)
        self._filler_ports.add(filler.getsockname()[1])

    def _on_connections(self, _):
        while True:
            try:
                connection, peer = self._tcp.accept()
            except OSError:
                return
            if peer[1] in self._filler_ports:
                self._filler_ports.discard(peer[1])
                connection.close()
                continue
            self.accepted.append(time.monotonic())
            if self._tcp_mode == "close":
                connection.close()
                continue
            connection.setblocking(False)
            circuit = Circuit(self, connection, self._send)
            self._circuits[connection.fileno()] = circuit
            self._selector.register(connection, selectors.EVENT_READ, lambda e, c=circuit: self._on_circuit(c, e))
            circuit.send(wire.message(wire.VERSION, 0, wire.MINOR_VERSION))

    def _end(self, circuit):
        if self._circuits.pop(circuit.socket.fileno(), None) is None:
            return
        self._selector.unregister(circuit.socket)
        circuit.socket.close()

    def _on_circuit(self, circuit, events):
        if events & selectors.EVENT_WRITE:
            self._send(circuit, b"")
        if not events & selectors.EVENT_READ or circuit.socket.fileno() < 0:
            return
        try:
            data = circuit.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(circuit)
            return
        circuit.received += data
        for one in wire.cut_messages(circuit.received):
            if self._tcp_mode == "serve":
                circuit.take(one)

    def _send(self, circuit, data):
        if self._tcp_mode == "silent" or circuit.socket.fileno() < 0:
            return
        circuit.unsent += data
        try:
            del circuit.unsent[:circuit.socket.send(circuit.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._end(circuit)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if circuit.unsent else 0)
        key = self._selector.get_key(circuit.socket)
        if key.events != wanted:
            self._selector.modify(circuit.socket, wanted, key.data)
