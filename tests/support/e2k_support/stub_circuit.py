"""What the stub server says on a circuit, and how its channels are described."""
import dataclasses
import struct
import time

from . import ca_wire as wire

EPICS_EPOCH_S = 631152000


@dataclasses.dataclass
class Channel:
    """How a channel answers.

    `monitor` and `get` are "serve", "silent" (no answer) or an ECA status as a number. The *_zero ones are for requests
    with count 0 and, unset, like the others. refuse_with: "event" sends the status in a reply of the request's own kind
    (with a payload of zeros, without which libca ignores it), "error" in an ERROR message.
    """
    value: object = 0.0          # a number, a text, a list of them, or the elements' bytes; empty: always sent as empty
    type: int = wire.DOUBLE      # as declared; beyond DOUBLE: whatever is asked for is answered with zeros
    count: int = 1               # as declared
    status: int = 0
    severity: int = 0
    seconds: int | None = None   # since 1990; none: now
    nanoseconds: int = 0
    rights: int = wire.READ | wire.WRITE_RIGHT
    create: str = "serve"        # or "fail", "silent"
    monitor: object = "serve"
    monitor_zero: object = None
    get: object = "serve"
    get_zero: object = None
    refuse_with: str = "event"
    message_count: int | None = None  # what replies say, whatever they hold
    payload_bytes: int | None = None  # what replies are cut or filled to, whatever they say

    def elements(self):
        if isinstance(self.value, (bytes, bytearray)):
            return bytes(self.value)
        return list(self.value) if isinstance(self.value, (list, tuple)) else [self.value]

    def reply(self, dbr_type, asked_count):
        """(payload, count) of a value for a request."""
        native = wire.base_type(dbr_type)
        if native is None:
            return wire.empty_dbr(dbr_type, asked_count), asked_count or self.count
        data = wire.value_bytes(native, self.elements())
        count = wire.elements_in(native, data)
        if asked_count and count and self.message_count is None:
            wanted = asked_count * (len(data) // count)
            data, count = data[:wanted].ljust(wanted, b"\0"), asked_count
        seconds = int(time.time()) - EPICS_EPOCH_S if self.seconds is None else self.seconds
        payload = wire.dbr(dbr_type, data, self.status, self.severity, seconds, self.nanoseconds)
        return payload, count if self.message_count is None else self.message_count


@dataclasses.dataclass
class Request:
    """A subscription or a reading that arrived."""
    name: str
    dbr_type: int
    count: int
    mask: int
    time: float
    answered: bool = False


class Circuit:
    """One connection: requests in, answers out by `write` (bytes). `server` is the StubIoc, whose books it keeps."""

    def __init__(self, server, connection, write):
        self.socket = connection
        self.received, self.unsent = bytearray(), bytearray()
        self.names = {}          # the server's id -> name
        self.clients_ids = {}    # the server's id -> the client's
        self.subscriptions = {}  # the client's id -> (server's id, Request)
        self.user = self.host = ""
        self._server, self._write = server, write

    def send(self, data):
        self._write(self, data)

    def ids_of(self, name):
        """The client's ids of its channels of that name."""
        return [self.clients_ids[number] for number, of in self.names.items() if of == name]

    def post(self, name):
        """Sends an event to every subscription that was not refused. Returns how many."""
        live = [(key, request) for key, (_, request) in self.subscriptions.items()
                if request.name == name and request.answered]
        for key, request in live:
            self._send_value(wire.EVENT_ADD, key, request)
        return len(live)

    def take(self, one):
        if one.command == wire.CREATE_CHAN:
            self._create(one.first, wire.text_of(one.payload))
        elif one.command == wire.EVENT_ADD:
            self._subscribe(one)
        elif one.command == wire.EVENT_CANCEL:
            self.subscriptions.pop(one.second, None)
            self.send(wire.message(wire.EVENT_ADD, one.data_type, one.count, one.first, one.second))
        elif one.command == wire.READ_NOTIFY:
            self._read(one)
        elif one.command == wire.WRITE_NOTIFY:
            self.send(wire.message(one.command, one.data_type, one.count, wire.ECA_NORMAL, one.second))
        elif one.command == wire.CLEAR_CHANNEL:
            self._clear(one)
        elif one.command == wire.ECHO:
            self.send(wire.message(wire.ECHO))
        elif one.command == wire.CLIENT_NAME:
            self.user = wire.text_of(one.payload)
        elif one.command == wire.HOST_NAME:
            self.host = wire.text_of(one.payload)
        elif one.command == wire.SEARCH:
            name = wire.text_of(one.payload)
            self._server.searches.add([(one.second, name)])
            if self._server.answers and self._server.channel(name):
                port = self._server.answer_port or self._server.port
                self.send(wire.message(wire.SEARCH, port, 0, 0xffffffff, one.second,
                                       struct.pack(">H", wire.MINOR_VERSION)))

    def _create(self, client_id, name):
        self._server.creates.append((time.monotonic(), name))
        channel = self._server.channel(name)
        if channel is None or channel.create == "fail":
            self.send(wire.message(wire.CREATE_CH_FAIL, 0, 0, client_id))
        elif channel.create == "serve":
            number = self._server.next_number()
            self.names[number], self.clients_ids[number] = name, client_id
            self.send(wire.message(wire.ACCESS_RIGHTS, 0, 0, client_id, channel.rights) +
                      wire.message(wire.CREATE_CHAN, channel.type, channel.count, client_id, number))

    def _clear(self, one):
        self.names.pop(one.first, None)
        self.clients_ids.pop(one.first, None)
        for subscription in [key for key, (number, _) in self.subscriptions.items() if number == one.first]:
            del self.subscriptions[subscription]
        self.send(wire.message(wire.CLEAR_CHANNEL, 0, 0, one.first, one.second))

    def _subscribe(self, one):
        name = self.names.get(one.first)
        if name is None or name not in self._server.channels:
            return
        mask = struct.unpack_from(">H", one.payload, 12)[0] if len(one.payload) >= 14 else 0
        request = Request(name, one.data_type, one.count, mask, time.monotonic())
        self._server.subscriptions.append(request)
        self.subscriptions[one.second] = (one.first, request)
        channel = self._server.channels[name]
        how = channel.monitor_zero if one.count == 0 and channel.monitor_zero is not None else channel.monitor
        if how == "serve":
            request.answered = True
            self._send_value(wire.EVENT_ADD, one.second, request)
        elif how != "silent":
            self._refuse(one, channel, how)

    def _read(self, one):
        name = self.names.get(one.first)
        if name is None or name not in self._server.channels:
            return
        request = Request(name, one.data_type, one.count, 0, time.monotonic())
        self._server.gets.append(request)
        channel = self._server.channels[name]
        how = channel.get_zero if one.count == 0 and channel.get_zero is not None else channel.get
        if how == "serve":
            request.answered = True
            self._send_value(wire.READ_NOTIFY, one.second, request)
        elif how != "silent":
            self._refuse(one, channel, how)

    def _send_value(self, command, client_id, request):
        channel = self._server.channels[request.name]
        payload, count = channel.reply(request.dbr_type, request.count)
        self.send(wire.message(command, request.dbr_type, count, wire.ECA_NORMAL, client_id, payload,
                               channel.payload_bytes))

    def _refuse(self, one, channel, status):
        if channel.refuse_with == "event":
            count = one.count or channel.count
            self.send(wire.message(one.command, one.data_type, count, status, one.second,
                                   wire.empty_dbr(one.data_type, count)))
            return
        header = struct.pack(">HHHHII", one.command, len(one.payload), one.data_type, one.count, one.first, one.second)
        clients_id = self.clients_ids.get(one.first, 0)
        self.send(wire.message(wire.ERROR, 0, 0, clients_id, status, header + b"refused by the test\0"))
