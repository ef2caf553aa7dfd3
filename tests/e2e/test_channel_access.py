"""Servers that refuse, hang, deny, lie, are two, and networks in trouble: what is said, and what is sent on the wire.

What happens to one channel is told by its entry (state, host, reason), what concerns an IOC or the network by a reason
of the status, which names the address and ends with its cause."""
import json
import signal
import time

import pytest
from e2k_support import Channel, ca_wire, jumping_back, wait_for
from records import ao, waveform

SOON = {"output": {"never_connected_after_s": 1}, "workers": {"count": 1}}


def monitor_all(supervisor, names, topic):
    supervisor.command(*[(json.dumps({"topic": topic, "channel": name}), '{"mask":"va"}') for name in names])


def entry_in(supervisor, name, state, *words, timeout=20.0):
    """Waits until the channel's one entry is in that state with these words in its reason; returns the entry."""
    seen = {}

    def holds():
        entries = supervisor.channel(name)
        seen["last"] = entries[0] if entries else None
        return entries and entries[0]["state"] == state and all(word in (entries[0]["reason"] or "") for word in words)
    try:
        wait_for(holds, timeout, f"{name} {state} {words}", poll=0.1, child=supervisor.child)
    except AssertionError as failure:
        raise AssertionError(f"{failure}\nlast entry: {json.dumps(seen['last'], indent=1)}") from None
    return seen["last"]


def reason_of(status, code):
    return next((reason["message"] for reason in status["reasons"] if reason["code"] == code), None)


def reason_begins(supervisor, code, *words, timeout=20.0):
    """Waits for a reason of the status; returns its message, in which these words stand."""
    status = supervisor.wait(lambda s: reason_of(s, code), timeout, f"reason {code}")
    message = reason_of(status, code)
    assert all(word in message for word in words), message
    return message


def reason_ends(supervisor, code, timeout=20.0):
    supervisor.wait(lambda s: not reason_of(s, code), timeout, f"the end of {code}")


def has_passed(moment, seconds):
    """Waits until so many seconds have passed since then: what is counted is what came in that time."""
    wait_for(lambda: time.monotonic() >= moment + seconds, seconds + 5, f"{seconds} seconds to pass")


def server_lines(supervisor):
    return [line for line in supervisor.child.text().splitlines() if " server." in line]


def pids(supervisor):
    return [worker["pid"] for worker in supervisor.workers()]


def metrics(supervisor):
    """{name: {labels as text: value}}"""
    _, _, body = supervisor.request("GET", "/metrics")
    out = {}
    for line in body.decode().splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition("{")
            if rest:
                labels, _, value = rest.rpartition("}")
                out.setdefault(name, {})[labels] = float(value)
    return out


def test_a_server_that_refuses_is_named_asked_seldom_and_taken_when_it_serves(site):
    names = [f"r:{number:03}" for number in range(200)]
    stub = site.stub(names, tcp="refuse")
    supervisor = site.supervisor([stub], SOON)
    monitor_all(supervisor, names, site.topic())
    wait_for(lambda: stub.frames, 20, "the first search", child=supervisor.child)
    begin = stub.searches.frames[0]
    supervisor.wait(lambda s: s["channels"]["never_connected"] == 200, 20, "200 entries that never connected")
    entry = entry_in(supervisor, names[7], "NEVER_CONNECTED", stub.address, "refuses")
    assert entry["host"] == stub.address
    reason_begins(supervisor, "IOC_REFUSES", stub.address)
    has_passed(begin, 11)
    assert stub.searches.frames_since(begin + 1) < 40
    if stub.connects is not None:
        assert 1 <= stub.connects < 12
    assert len(server_lines(supervisor)) <= 10
    stub.tcp = "serve"
    supervisor.connected(200, 35)
    reason_ends(supervisor, "IOC_REFUSES")


def test_a_server_whose_connections_hang_is_named_and_taken_when_it_serves(site):
    stub = site.stub(["a"], tcp="never_accept")
    supervisor = site.supervisor([stub], SOON)
    supervisor.monitor("a", site.topic())
    entry = entry_in(supervisor, "a", "NEVER_CONNECTED", stub.address)
    assert entry["host"] == stub.address
    stub.tcp = "serve"
    supervisor.connected(1, 60)


def test_a_name_that_a_server_answers_for_and_then_refuses(site):
    stub = site.stub({"refused": Channel(create="fail"), "fine": Channel()})
    supervisor = site.supervisor([stub], SOON)
    topic = site.topic()
    supervisor.monitor("refused", topic)
    supervisor.monitor("fine", topic)
    entry_in(supervisor, "refused", "NEVER_CONNECTED", stub.address, "refuses this name")
    entry_in(supervisor, "fine", "CONNECTED")


def test_an_ioc_that_hangs_is_told_from_one_that_is_gone(site):
    ioc = site.ioc(ao("a"))
    supervisor = site.supervisor([ioc], {"epics": {"conn_tmo": 2}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    ioc.signal(signal.SIGSTOP)
    address = f"127.0.0.1:{ioc.port}"
    entry_in(supervisor, "a", "DISCONNECTED", "does not respond", address)
    reason_begins(supervisor, "IOC_HUNG", address)
    ioc.signal(signal.SIGCONT)
    entry_in(supervisor, "a", "CONNECTED")
    reason_ends(supervisor, "IOC_HUNG")


@pytest.mark.parametrize("status,word,refuse_with", [
    (ca_wire.ECA_GETFAIL, "could not be read", "event"), (ca_wire.ECA_ALLOCMEM, "memory", "error")])
def test_a_subscription_that_the_server_denies_is_a_state_and_tried_again(site, status, word, refuse_with):
    stub = site.stub({"a": Channel(4.5, monitor=status, get=status, refuse_with=refuse_with), "b": Channel()})
    topic = site.topic()
    supervisor = site.supervisor([stub], SOON)
    supervisor.monitor("a", topic)
    supervisor.monitor("b", topic)
    entry_in(supervisor, "a", "NO_DATA", word)
    counts = supervisor.wait(lambda s: s["channels"]["connected"] == 1, 10, "b")["channels"]
    assert counts["no_data"] == 1
    assert sum(number for key, number in counts.items() if key not in ("total", "distinct")) == counts["total"] == 2
    stub.channels["a"].monitor = stub.channels["a"].get = "serve"
    entry_in(supervisor, "a", "CONNECTED", timeout=40)
    reader = site.reader(topic)
    reader.until(lambda records: any(r.error is None and r.values == [4.5] for r in reader.of("a")))


@pytest.mark.parametrize("how", ["silent", ca_wire.ECA_BADCOUNT])
def test_a_server_that_knows_no_count_zero_is_asked_for_its_native_count(site, how):
    stub = site.stub({"scalar": Channel(1.5, monitor_zero=how, get_zero=how),
                      "array": Channel([1.0, 2.0, 3.0], count=3, monitor_zero=how, get_zero=how)})
    topic = site.topic()
    supervisor = site.supervisor([stub], SOON)
    supervisor.monitor("scalar", topic)
    supervisor.monitor("array", topic)
    reader = site.reader(topic)
    for name, first, second in [("scalar", [1.5], [2.5]), ("array", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])]:
        reader.until(lambda records, name=name, first=first: any(r.values == first for r in reader.of(name)), 15)
        entry_in(supervisor, name, "CONNECTED")
        assert stub.post(name, second) >= 1
        reader.until(lambda records, name=name, second=second: any(r.values == second for r in reader.of(name)))


def test_a_scalar_without_a_value_publishes_no_empty_array(site):
    stub = site.stub({"a": Channel([])})
    topic = site.topic()
    supervisor = site.supervisor([stub], SOON)
    supervisor.monitor("a", topic)
    wait_for(lambda: any(request.answered for request in stub.subscriptions), 20, "a subscription")
    reader = site.reader(topic)
    for value in (2.0, 3.0):
        stub.post("a", value)
        reader.until(lambda records, value=value: any(r.error is None and r.values == [value] for r in records))
        stub.post("a", [])
    stub.post("a", 4.0)
    reader.until(lambda records: records[-1].error is None and records[-1].values == [4.0])
    assert [r.values for r in reader.records if r.error is None] == [[2.0], [3.0], [4.0]]


def test_two_servers_of_one_name_are_both_named(site):
    first, second = site.stub(["dup"]), site.stub(["dup"], delay_s=0.2)
    supervisor = site.supervisor([first, second], SOON)
    supervisor.monitor("dup", site.topic())
    entry = entry_in(supervisor, "dup", "CONNECTED")
    assert entry["host"] == first.address
    reason_begins(supervisor, "CHANNEL_DUPLICATED", "dup", first.address, second.address, timeout=30)
    assert supervisor.channel("dup")[0]["also_at"] == second.address
    second.stop()
    reason_ends(supervisor, "CHANNEL_DUPLICATED", 90)
    assert not supervisor.channel("dup")[0].get("also_at")
    assert entry_in(supervisor, "dup", "CONNECTED")["host"] == first.address


@pytest.fixture(params=[7, 37])
def odd(site, request):
    """A channel of a type that does not exist, and one of another server. libca gives up the circuit on which it is told
    of such a type, so that no other channel of the same server could stay."""
    site.native_type = request.param
    site.strange, site.sound = site.stub({"odd": Channel(type=request.param)}), site.stub({"fine": Channel(1.0)})
    site.out = site.topic()
    supervisor = site.supervisor([site.strange, site.sound], SOON)
    site.before = pids(supervisor)
    supervisor.monitor("odd", site.out)
    supervisor.monitor("fine", site.out)
    wait_for(lambda: site.strange.creates, 20, "a channel of the type that does not exist", child=supervisor.child)
    return supervisor


def test_a_native_type_that_does_not_exist_is_a_state(site, odd):
    entry_in(odd, "odd", "NEVER_CONNECTED", site.strange.address, "native type")


def test_a_channel_of_a_type_that_does_not_exist_takes_the_others_of_its_server_down_once_at_most(site):
    stub = site.stub({"odd": Channel(type=37), **{f"fine{n}": Channel(1.0) for n in range(5)}})
    supervisor = site.supervisor([stub], SOON)
    topic = site.topic()
    for n in range(5):
        supervisor.monitor(f"fine{n}", topic)
    supervisor.connected(5)
    supervisor.monitor("odd", topic)
    wait_for(lambda: sum(name == "odd" for _, name in stub.creates) >= 4, 60, "four tries of the odd channel")
    supervisor.connected(5)
    lost = [r.name for r in site.reader(topic).to_end() if r.error == "Disconnected"]
    assert all(lost.count(f"fine{n}") <= 1 for n in range(5)), lost


def test_a_native_type_that_does_not_exist_harms_nobody_and_is_asked_for_seldom(site, odd):
    begin = time.monotonic()
    entry_in(odd, "fine", "CONNECTED")
    wait_for(lambda: any(one.name == "fine" and one.answered for one in site.sound.subscriptions), 10, "its subscription")
    assert site.sound.post("fine", 2.0) == 1
    reader = site.reader(site.out)
    reader.until(lambda records: any(r.error is None and r.values == [2.0] for r in reader.of("fine")))
    has_passed(begin, 10)
    assert pids(odd) == site.before
    assert len(site.strange.creates) < 12 and len(server_lines(odd)) <= 10


CONVERTERS = ["json", "json-schema-envelope", "string", "msgpack", "avro", "protobuf", "jsonschema"]


@pytest.mark.parametrize("converter", CONVERTERS)
def test_no_converter_minds_stamps_and_counts_that_cannot_be(site, running_registry, converter):
    nonsense = {"late": Channel(1.0, nanoseconds=4_000_000_000), "many": Channel([1.0, 2.0, 3.0], count=1),
                "few": Channel([1.0], count=5), "early": Channel(1.0, seconds=300), "text": Channel("x" * 39, type=0)}
    stub = site.stub(nonsense)
    topic = site.topic()
    options = {"options": {"schema.registry.url": running_registry.url}} if converter in CONVERTERS[4:] else {}
    supervisor = site.supervisor([stub], {**SOON, "value": {"converter": converter, **options}})
    before = pids(supervisor)
    for name in nonsense:
        supervisor.monitor(name, topic)
    supervisor.connected(len(nonsense))
    reader = site.reader(topic)
    for name in nonsense:
        reader.count(1, key=name)
    supervisor.settled()
    assert supervisor.status()["events"]["lost"] == 0
    assert pids(supervisor) == before
    assert any("value.cut" in line and "many" in line for line in supervisor.child.text().splitlines())


@pytest.mark.parametrize("off_s,direction", [(3600, "ahead of"), (-864000, "behind")])
def test_an_ioc_whose_clock_is_wrong_is_named(site, off_s, direction):
    right, wrong = site.stub(["right"]), site.stub(["wrong"])
    supervisor = site.supervisor([right, wrong], SOON)
    topic = site.topic()
    supervisor.monitor("right", topic)
    supervisor.monitor("wrong", topic)
    supervisor.connected(2)

    def posted_and_named(off_s=None):
        """Each stamp is as old as the one before."""
        wrong.channels["wrong"].seconds = None if off_s is None else int(time.time()) - 631152000 + off_s
        right.post("right", time.monotonic())
        wrong.post("wrong", time.monotonic())
        return reason_of(supervisor.status(), "IOC_CLOCK")
    message = wait_for(lambda: posted_and_named(off_s), 40, "IOC_CLOCK", poll=0.2)
    assert wrong.address in message and direction in message and right.address not in message
    row = next(row for row in supervisor.get("/hosts")["items"] if row["host"] == wrong.address)
    assert abs(row["clock_skew_s"] + off_s) < 5
    wait_for(lambda: not posted_and_named(), 40, "the end of IOC_CLOCK", poll=0.2)


def test_stamps_and_counts_that_cannot_be_leave_sane_records(site):
    stub = site.stub({"late": Channel(1.0, nanoseconds=4_000_000_000),
                      "many": Channel([1.0, 2.0, 3.0], count=1, message_count=3),
                      "short": Channel(1.0, message_count=3, payload_bytes=24),
                      "fine": Channel(1.0)})
    topic = site.topic()
    supervisor = site.supervisor([stub], SOON)
    before = pids(supervisor)
    for name in stub.channels:
        supervisor.monitor(name, topic)
    wait_for(lambda: {r.name for r in stub.subscriptions if r.answered} == set(stub.channels), 20, "subscriptions")
    reader = site.reader(topic)
    reader.count(1, key="late")
    stub.post("fine", 2.0)
    reader.until(lambda records: any(r.error is None and r.values == [2.0] for r in reader.of("fine")))
    supervisor.settled()
    records = reader.to_end()
    assert pids(supervisor) == before
    for record in records:
        assert abs(record.timestamp_ms - time.time() * 1000) < 60_000
        assert record.error is not None or len(record.values) == 1, record
    assert {r.name for r in records} >= {"late", "fine"}


def test_values_that_a_server_announces_and_does_not_send_are_neither_read_nor_published(site):
    """libca goes by the count alone: 100,000 of it end a process, 3,000 bring what other channels sent."""
    stub = site.stub({"far": Channel(1.0, count=200_000, message_count=100_000, payload_bytes=24),
                      "near": Channel(1.0, count=5_000, message_count=3_000, payload_bytes=24),
                      "fine": Channel([1.0, 2.0], count=200_000), "text": Channel("abc", type=ca_wire.STRING)})
    topic = site.topic()
    supervisor = site.supervisor([stub], SOON)
    before = pids(supervisor)
    for name in stub.channels:
        supervisor.monitor(name, topic)
    entry_in(supervisor, "fine", "CONNECTED")
    for name in ("far", "near"):
        wait_for(lambda name=name: supervisor.channel(name)[0]["lost"] >= 1, 20, f"{name}'s loss", poll=0.1)
        assert supervisor.channel(name)[0]["last_loss"]["reason"] == "malformed"
    stub.post("fine", [3.0, 4.0])
    reader = site.reader(topic)
    reader.until(lambda records: any(r.error is None and r.values == [3.0, 4.0] for r in reader.of("fine")))
    stub.post("near", 7.0, message_count=None, payload_bytes=None)
    reader.until(lambda records: any(r.error is None and r.values[0] == 7.0 for r in reader.of("near")))
    reader.until(lambda _: all(reader.of(name) for name in ("far", "text")))
    assert all(r.error is not None for r in reader.of("far"))
    assert any(r.error == "Malformed value" for r in reader.of("near"))
    assert [set(r.values) for r in reader.of("near") if r.error is None] == [{7.0, 0.0}]
    assert [r.values for r in reader.of("text") if r.error is None] == [["abc"]]
    assert pids(supervisor) == before


def test_an_address_that_cannot_be_resolved_is_named_and_the_others_are_searched(site):
    ioc = site.ioc(ao("a"))
    supervisor = site.supervisor([ioc], {"epics": {"addr_list": f"localhost:{ioc.port} no-such-host.invalid"}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    reason_begins(supervisor, "ADDRESS_UNRESOLVED", "no-such-host.invalid")


def test_an_array_over_the_limit_names_the_setting(site):
    ioc = site.ioc(waveform("w", "DOUBLE", 100_000) + ao("a"))
    ioc.put("w", [0.5] * 100_000)
    supervisor = site.supervisor([ioc], {"epics": {"auto_array_bytes": False, "max_array_bytes": 20_000}})
    topic = site.topic()
    supervisor.monitor("w", topic)
    supervisor.monitor("a", topic)
    entry_in(supervisor, "w", "NO_DATA", "max_array_bytes")
    entry_in(supervisor, "a", "CONNECTED")


def test_metrics_count_searches_and_circuits_of_each_worker(site):
    refusing, serving = site.stub(["r"], tcp="refuse"), site.stub(["s"])
    supervisor = site.supervisor([refusing, serving], SOON)
    topic = site.topic()
    supervisor.monitor("r", topic)
    supervisor.monitor("s", topic)
    entry_in(supervisor, "s", "CONNECTED")
    wait_for(lambda: refusing.frames, 10, "a search")
    names = [f"epics2kafka_ca_{name}_total" for name in ("searches_sent", "searches_answered", "searches_refused",
                                                         "circuits_opened", "circuits_failed")]
    sent, answered, refused, opened, failed = names
    assert set(metrics(supervisor)) >= set(names)
    assert all('worker="0"' in labels for name in names for labels in metrics(supervisor)[name])

    def at_least(**least):
        seen = metrics(supervisor)
        return all(sum(seen[name].values()) >= number for name, number in least.items())
    wait_for(lambda: at_least(**{sent: 1, answered: 2, refused: 0, opened: 1, failed: 1}), 15, "counts")


def test_beacons_that_jump_back_start_no_storm_and_fill_no_log(site):
    sink = site.sink()
    names = [f"dead{number:02}" for number in range(100)]
    supervisor = site.supervisor([sink], SOON)
    monitor_all(supervisor, names, site.topic())
    # By then the names are asked for every ten seconds and less: a beacon that is believed has them asked for at once.
    wait_for(lambda: len(sink.searches.names) == 100 and min(sink.searches.names.values()) >= 7, 60,
             "names that nobody has to be asked for seven times", poll=0.2, child=supervisor.child)
    lines, begin = len(server_lines(supervisor)), time.monotonic()
    beacons = site.beacons([("198.18.0.1", 5064)], 200, jumping_back, limit=1000)
    wait_for(beacons.done, 20, "five seconds of beacons")
    has_passed(begin, 5)
    assert sink.searches.frames_since(begin) < 60
    assert len(server_lines(supervisor)) - lines <= 10
