"""Channel Access on the wire, for servers of tests: messages in and out, values as DBR_TIME_* and plain DBR_*.

A message is a header of 16 bytes (command, payload size, data type, count: 16 bits each; two parameters of 32 bits) and
a payload padded to 8; one that is too long for 16 bits says 0xffff and 0 and puts both sizes behind the header. All is
big-endian. Source: caProto.h, db_access.h and caerr.h of EPICS Base.
"""
import collections
import struct

VERSION, EVENT_ADD, EVENT_CANCEL, WRITE, SEARCH, EVENTS_OFF, EVENTS_ON = 0, 1, 2, 4, 6, 8, 9
ERROR, CLEAR_CHANNEL, BEACON, READ_NOTIFY, CREATE_CHAN, WRITE_NOTIFY = 11, 12, 13, 15, 18, 19
CLIENT_NAME, HOST_NAME, ACCESS_RIGHTS, ECHO, CREATE_CH_FAIL, SERVER_DISCONN = 20, 21, 22, 23, 26, 27

MINOR_VERSION = 13
READ, WRITE_RIGHT = 1, 2  # of ACCESS_RIGHTS

# Number of the message << 3 | severity (0 warning, 1 success, 2 error, 3 information, 4 fatal).
ECA_NORMAL, ECA_ALLOCMEM, ECA_TOLARGE, ECA_BADTYPE = 1, 48, 72, 114
ECA_GETFAIL, ECA_BADCOUNT, ECA_NORDACCESS, ECA_NOCONVERT = 152, 176, 368, 400

STRING, SHORT, FLOAT, ENUM, CHAR, LONG, DOUBLE = range(7)
_FORMATS = {SHORT: "h", FLOAT: "f", ENUM: "H", CHAR: "B", LONG: "i", DOUBLE: "d"}
_ELEMENT_BYTES = {STRING: 40, SHORT: 2, FLOAT: 4, ENUM: 2, CHAR: 1, LONG: 4, DOUBLE: 8}
# What stands between the stamp and the value, so that the value is aligned.
_TIME_PADDING = {STRING: 0, SHORT: 2, FLOAT: 0, ENUM: 2, CHAR: 3, LONG: 0, DOUBLE: 4}
_STS_PADDING = {STRING: 0, SHORT: 0, FLOAT: 0, ENUM: 0, CHAR: 3, LONG: 0, DOUBLE: 4}
_STS, _TIME = 7, 14  # the first number of each family

Message = collections.namedtuple("Message", "command data_type count first second payload")


def message(command, data_type=0, count=0, first=0, second=0, payload=b"", payload_bytes=None):
    """payload_bytes: what the header says of the payload, which is cut or filled up to it."""
    size = payload_bytes if payload_bytes is not None else (len(payload) + 7) // 8 * 8
    payload = payload[:size].ljust(size, b"\0")
    if size < 0xffff and count <= 0xffff:
        return struct.pack(">HHHHII", command, size, data_type, count, first, second) + payload
    return struct.pack(">HHHHIIII", command, 0xffff, data_type, 0, first, second, size, count) + payload


def cut_messages(stream):
    """Takes whole messages from the front of a bytearray."""
    out = []
    at = 0
    while len(stream) - at >= 16:
        command, size, data_type, count, first, second = struct.unpack_from(">HHHHII", stream, at)
        header = 16
        if size == 0xffff:
            if len(stream) - at < 24:
                break
            header = 24
            size, count = struct.unpack_from(">II", stream, at + 16)
        if len(stream) - at < header + size:
            break
        payload = bytes(stream[at + header:at + header + size])
        out.append(Message(command, data_type, count, first, second, payload))
        at += header + size
    del stream[:at]
    return out


def text_of(payload):
    return payload.split(b"\0", 1)[0].decode("latin-1")


def base_type(dbr_type):
    """The native type under a plain, STS or TIME type; nothing for others."""
    return dbr_type % 7 if 0 <= dbr_type < _TIME + 7 else None


def value_bytes(native, values):
    """Elements as they stand on the wire. Bytes stay as they are; a text is converted where a number is asked for."""
    if isinstance(values, (bytes, bytearray)):
        return bytes(values)
    if native == STRING:
        texts = [value if isinstance(value, bytes) else str(value).encode("latin-1") for value in values]
        return b"".join(text[:40].ljust(40, b"\0") for text in texts)
    kind = _FORMATS[native]
    numbers = [float(value) if kind in "fd" else int(float(value)) & (1 << 8 * _ELEMENT_BYTES[native]) - 1
               for value in values]
    return struct.pack(f">{len(numbers)}{kind if kind in 'fd' else kind.upper()}", *numbers)


def elements_in(native, data):
    return len(data) // _ELEMENT_BYTES[native]


def dbr(dbr_type, values, status=0, severity=0, seconds=0, nanoseconds=0):
    """The payload of a reply. seconds: since 1990."""
    native = base_type(dbr_type)
    data = value_bytes(native, values)
    if dbr_type < _STS:
        return data
    head = struct.pack(">HH", status & 0xffff, severity & 0xffff)
    if dbr_type < _TIME:
        return head + bytes(_STS_PADDING[native]) + data
    stamp = struct.pack(">II", seconds & 0xffffffff, nanoseconds & 0xffffffff)
    return head + stamp + bytes(_TIME_PADDING[native]) + data


def empty_dbr(dbr_type, count):
    """A payload of zeros with the right size: what a server sends along with an error."""
    native = base_type(dbr_type)
    return dbr(dbr_type, bytes(_ELEMENT_BYTES[native] * max(1, count))) if native is not None else bytes(16)


def searched_names(datagram):
    """[(client's id, name)] of a datagram's search requests, and its sequence number or nothing."""
    sequence, out = None, []
    stream = bytearray(datagram)
    for one in cut_messages(stream):
        if one.command == VERSION and one.data_type & 1:
            sequence = one.first
        elif one.command == SEARCH:
            out.append((one.second, text_of(one.payload)))
    return out, sequence


def search_replies(ids, port, sequence):
    """Datagrams that answer `ids`; `port` is where the server listens, at the address that the reply comes from."""
    head = message(VERSION, 0 if sequence is None else 1, MINOR_VERSION, sequence or 0)
    version = struct.pack(">H", MINOR_VERSION)
    for at in range(0, len(ids), 40):
        yield head + b"".join(message(SEARCH, port, 0, 0xffffffff, one, version) for one in ids[at:at + 40])


def beacon(server, number):
    """server: (address as text, port)."""
    address = bytes(int(part) for part in server[0].split("."))
    return struct.pack(">HHHHI", BEACON, 0, MINOR_VERSION, server[1], number & 0xffffffff) + address
