"""The stub server is itself right: a client that is not ours reads it; each way to misbehave is seen on the wire."""
import errno
import socket
import time

import pytest
from caproto.sync import client
from e2k_support import Beacons, Channel, FrameSink, StubIoc, ca_wire, jumping_back, wait_for
from e2k_support.proc import free_port


@pytest.fixture
def stub(monkeypatch):
    with StubIoc({"a": Channel(1.5, status=3, severity=2, seconds=10, nanoseconds=7)}) as running:
        monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{running.port}")
        monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
        yield running


def read(name, **more):
    return client.read(name, repeater=False, timeout=5, **more)


def try_connect(port, timeout=0.5):
    """A connected socket, or the errno's name."""
    out = socket.socket()
    out.settimeout(timeout)
    try:
        out.connect(("127.0.0.1", port))
        return out
    except TimeoutError:
        return "ETIMEDOUT"
    except OSError as failure:
        return errno.errorcode[failure.errno]


@pytest.mark.parametrize("kind,value,expected", [
    (ca_wire.STRING, ["x", "yz"], [b"x", b"yz"]), (ca_wire.SHORT, [-3], [-3]), (ca_wire.FLOAT, [0.5], [0.5]),
    (ca_wire.ENUM, [2], [2]), (ca_wire.CHAR, [1, 255], [1, 255]), (ca_wire.LONG, [-70000], [-70000]),
    (ca_wire.DOUBLE, [1.25, -2.5, 3.0], [1.25, -2.5, 3.0]), (ca_wire.DOUBLE, [0.5] * 20000, [0.5] * 20000)])
def test_every_type_is_read_with_its_stamp_and_alarm(stub, kind, value, expected):
    stub.channels["t"] = Channel(value, type=kind, count=len(value), status=3, severity=2, seconds=10, nanoseconds=7)
    got = read("t", data_type="time", force_int_enums=True)
    assert list(got.data) == expected and int(got.data_type) == 14 + kind
    assert (got.metadata.status, got.metadata.severity) == (3, 2)
    assert got.metadata.stamp.secondsSinceEpoch == 10 and got.metadata.stamp.nanoSeconds == 7
    assert list(read("t", force_int_enums=True).data) == expected


def test_a_subscription_gets_what_is_posted_and_all_is_written_down(stub):
    seen = []
    subscription = client.subscribe("a", data_type="time")

    def take(_, response):
        seen.append(response.data[0])
        if len(seen) == 1:
            assert stub.post("a", 2.5) == stub.post("a", 3.5) == 1
        if len(seen) == 3:
            subscription.clear()
            client.interrupt()
    subscription.add_callback(take)
    client.block(subscription, duration=10, repeater=False)
    assert seen == [1.5, 2.5, 3.5]
    assert stub.searches.names["a"] >= 1 and stub.frames >= 1 and len(stub.accepted) == 1
    assert [(one.name, one.dbr_type, one.mask) for one in stub.subscriptions] == [("a", 20, 5)]
    assert [name for _, name in stub.creates] == ["a"] and stub.gets == []
    wait_for(lambda: stub.circuits == 0, 5, "the client's circuit to end")


def test_each_tcp_mode_is_seen_by_connect_and_may_be_changed(stub):
    for mode, expected in [("refuse", "ECONNREFUSED"), ("never_accept", "ETIMEDOUT"), ("serve", b"\0\0\0\0"),
                           ("never_accept", "ETIMEDOUT"), ("refuse", "ECONNREFUSED"), ("close", b""),
                           ("silent", "silence"), ("refuse", "ECONNREFUSED"), ("serve", b"\0\0\0\0")]:
        stub.tcp = mode
        before = stub.connects
        got = try_connect(stub.port)
        if isinstance(got, socket.socket):
            got.settimeout(0.5 if expected == "silence" else 5)
            try:
                got = got.recv(4)
            except TimeoutError:
                got = "silence"
        assert got == expected, mode
        if before is not None:
            assert stub.connects == before + 1, mode
    assert list(read("a").data) == [1.5]


def test_searches_are_answered_late_elsewhere_or_never(stub):
    ask = ca_wire.message(ca_wire.VERSION, 1, 13, 77) + b"".join(
        ca_wire.message(ca_wire.SEARCH, 5, 13, number, number, name.encode() + b"\0")
        for number, name in enumerate(["a", "unknown", "a"]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect(("127.0.0.1", stub.port))
        stub.answer_port, stub.delay_s = 4321, 0.3
        begin = time.monotonic()
        udp.send(ask)
        version, first, second = ca_wire.cut_messages(bytearray(udp.recv(2000)))
        assert time.monotonic() - begin >= 0.3
        assert (version.data_type, version.first) == (1, 77)
        assert [(one.data_type, one.second) for one in (first, second)] == [(4321, 0), (4321, 2)]
        stub.answers = False
        udp.send(ask)
        wait_for(lambda: stub.frames == 2, 5, "the second frame")
        udp.settimeout(0.5)
        with pytest.raises(TimeoutError):
            udp.recv(2000)
    assert stub.searches.names == {"a": 4, "unknown": 2}


def converse(stub, *requests):
    """What a bare circuit is answered: all messages until the echo comes back."""
    with try_connect(stub.port, 5) as circuit:
        circuit.sendall(b"".join(requests) + ca_wire.message(ca_wire.ECHO))
        received, out = bytearray(), []
        while not out or out[-1].command != ca_wire.ECHO:
            received += circuit.recv(65536)
            out += ca_wire.cut_messages(received)
        return out[1:-1]


def test_channels_fail_stay_silent_refuse_and_lie(stub):
    def create(name):
        return ca_wire.message(ca_wire.CREATE_CHAN, 0, 0, 5, 13, name.encode() + b"\0")

    def subscribe(number, count):
        return ca_wire.message(ca_wire.EVENT_ADD, 20, count, number, 9, bytes(12) + b"\0\5\0\0")

    stub.channels.update({
        "fails": Channel(create="fail"), "silent": Channel(create="silent"),
        "odd": Channel(type=37, count=4, rights=1)})
    (failed,) = converse(stub, create("fails"))
    assert (failed.command, failed.first) == (ca_wire.CREATE_CH_FAIL, 5)
    assert converse(stub, create("silent")) == []
    rights, created = converse(stub, create("odd"))
    assert (rights.command, rights.second) == (ca_wire.ACCESS_RIGHTS, 1)
    assert (created.command, created.data_type, created.count, created.first) == (ca_wire.CREATE_CHAN, 37, 4, 5)

    def answer(channel, count):
        stub.channels["x"] = channel
        # The stub numbers its channels one after the other: that of this circuit is the next.
        number = converse(stub, create("x"))[1].second + 1
        return converse(stub, create("x"), subscribe(number, count))[2:]
    (refused,) = answer(Channel(monitor=ca_wire.ECA_TOLARGE), 0)
    assert (refused.command, refused.first, refused.second, refused.payload) == (1, 72, 9, bytes(24))
    (refused,) = answer(Channel(monitor=ca_wire.ECA_GETFAIL, refuse_with="error"), 0)
    assert (refused.command, refused.first, refused.second) == (ca_wire.ERROR, 5, 152)
    assert refused.payload[:2] == b"\0\1" and refused.payload[16:].startswith(b"refused by the test")
    assert answer(Channel(monitor_zero="silent"), 0) == []
    assert len(answer(Channel(monitor_zero="silent"), 1)) == 1
    (empty,) = answer(Channel([]), 1)
    assert (empty.count, len(empty.payload)) == (0, 16)
    (lie,) = answer(Channel([1.0, 2.0, 3.0], message_count=3), 1)
    assert (lie.count, len(lie.payload)) == (3, 40)
    (lie,) = answer(Channel(message_count=3, payload_bytes=24, nanoseconds=4_000_000_000), 0)
    assert (lie.count, len(lie.payload)) == (3, 24) and lie.payload[8:12] == b"\xee\x6b\x28\0"


def test_beacons_come_in_their_numbers_and_a_sink_counts_searches_only():
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as repeater, FrameSink() as sink:
        repeater.settimeout(5)
        repeater.bind(("127.0.0.1", port))
        with Beacons(port, [("10.1.2.3", 5064), ("10.1.2.4", 6000)], 1000, jumping_back, limit=4) as beacons:
            got = [ca_wire.cut_messages(bytearray(repeater.recv(2000)))[0] for _ in range(4)]
            wait_for(beacons.done, 5, "the end of the beacons")
        assert [(one.command, one.count, one.second & 0xff) for one in got] == \
            [(ca_wire.BEACON, 5064, 3), (ca_wire.BEACON, 6000, 4)] * 2
        assert got[2].first == got[0].first - 1000
        repeater.sendto(ca_wire.beacon(("10.1.2.3", 5064), 1), ("127.0.0.1", sink.port))
        repeater.sendto(ca_wire.message(ca_wire.SEARCH, 5, 13, 1, 1, b"n\0"), ("127.0.0.1", sink.port))
        wait_for(lambda: sink.frames == 1, 5, "a frame")
        assert sink.searches.names == {"n": 1}
