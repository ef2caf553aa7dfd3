"""Every converter: what other people's readers make of its records, held against what was written into the IOC.

One IOC and one command topic feed a supervisor per converter, each with a topic of its own by its prefix; what they
wrote is read when all has happened. What a supervisor could not do fails the tests of its converter only.
"""
import dataclasses
import json
import pathlib
import re
import struct
import typing

import msgpack
import pytest
from e2k_support import Deadline, PartFailed, Record
from e2k_support.decode import same, schema_id, strict_json
from native_types import CASES, DATABASE, STRANGE
from records import FIELDS

GOLDEN = pathlib.Path(__file__).parents[1] / "unit" / "encode" / "golden"
STRANGE_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclasses.dataclass(frozen=True)
class Event:
    """A value that was written, with the text that JsonConverter has for its list."""
    field: str
    text: str
    status: int = 0
    severity: int = 0

    def listed(self):
        """The elements as JSON has them."""
        return json.loads(self.text)

    def elements(self):
        """The elements as they are: NaN is a number, a FLOAT has the width of one."""
        if self.field not in ("doubleValues", "floatValues"):
            return self.listed()
        numbers = [STRANGE_NUMBERS.get(element, element) for element in self.listed()]
        if self.field == "doubleValues":
            return numbers
        return [struct.unpack("f", struct.pack("f", number))[0] for number in numbers]


EVENTS = [(name, value, Event(field, text, *alarm)) for name, value, field, text, *alarm in CASES + STRANGE]
NAMES = sorted({name for name, *_ in EVENTS})


# ---- what a record must be, by converter: from an Event, or the text of an error ---------------------

def nine_fields(event, elements=Event.elements, fields=("error", "status", "severity", *FIELDS)):
    empty = dict.fromkeys(fields)
    if isinstance(event, str):
        return {**empty, "error": event}
    return {**empty, "status": event.status, "severity": event.severity, event.field: elements(event)}


def as_json(event):
    return nine_fields(event, Event.listed)


def without_null(event):
    return {name: value for name, value in nine_fields(event).items() if value is not None}


def as_message(event):
    empty = {"error": "", "status": 0, "severity": 0, **{field: [] for field in FIELDS}}
    return {**empty, **without_null(event)}


def as_struct_text(event):
    if isinstance(event, str):
        return f"Struct{{error={event}}}"
    texts = [element if isinstance(element, str) else text
             for element, text in zip(event.listed(), event.text[1:-1].split(","))]
    return (f"Struct{{status={event.status},severity={event.severity},"
            f"{event.field}=[{', '.join(texts)}]}}")


def of_release_1_5(event, elements=Event.elements):
    return nine_fields(event, elements, ("status", "severity", *FIELDS))


def of_release_1_5_json(event):
    return of_release_1_5(event, Event.listed)


OLDEST_FIELDS = {"doubleValues": "floatValues", "floatValues": "floatValues", "stringValues": "stringValues",
                 "intValues": "intValues", "shortValues": "intValues", "byteValues": "intValues"}


def of_release_0_6(event, strange=lambda number: number):
    fields = dict.fromkeys(("timestamp", "status", "severity", "floatValues", "stringValues", "intValues"))
    return {**fields, "timestamp": "seconds of the record", "status": event.status, "severity": event.severity,
            OLDEST_FIELDS[event.field]: [strange(element) for element in event.elements()]}


def of_release_0_6_json(event):
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return of_release_0_6(event, lambda element: names.get(str(element), element))


def set_only(expect):
    return lambda event: {name: value for name, value in expect(event).items() if value is not None}


def message_of(expect):
    return lambda event: {name: [] if value is None else value for name, value in expect(event).items()}


# ---- other people's readers: (decoder, record, "key" or "value") --------------------------------------

def read_avro(decoder, record, part):
    return decoder.avro(record, part)


def read_jsonschema(decoder, record, part):
    return decoder.jsonschema(record, part)


def read_protobuf(decoder, record, part):
    message = decoder.protobuf(record, part)
    values = {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
    if part == "key":
        assert [(field.name, field.number) for field in message.DESCRIPTOR.fields] == [("value", 1)]
        return message.value
    return {name: value if isinstance(value, (str, int)) else list(value) for name, value in values.items()}


def read_msgpack(_, record, part):
    return msgpack.unpackb(getattr(record, part))


def read_text(_, record, part):
    return getattr(record, part).decode("utf-8")


def read_json(_, record, part):
    return strict_json(getattr(record, part))


def read_envelope(_, record, part):
    whole = strict_json(getattr(record, part))
    assert list(whole) == ["schema", "payload"] and whole["schema"] == {"type": "string", "optional": False}
    return whole["payload"]


@dataclasses.dataclass(frozen=True)
class Format:
    name: str
    converter: str
    expect: typing.Callable
    read: typing.Callable
    key: str = "string"
    read_key: typing.Callable = read_text
    schema: str = "EPICS_CA_DBR"

    @property
    def takes_errors(self):
        return self.schema == "EPICS_CA_DBR"

    @property
    def topic(self):
        return f"{self.name}.values"

    def settings(self, site, url):
        def options(converter):
            ours = re.search("avro|proto|jsonschema", converter.lower())
            return {"options": {"schema.registry.url": url}} if ours else {}
        return {"commands": {"topic": site.commands}, "output": {"topic_prefix": f"{self.name}."},
                "workers": {"count": 1},
                "value": {"converter": self.converter, "schema": self.schema, **options(self.converter)},
                "key": {"converter": self.key, **options(self.key)}}


CONFLUENT, CONNECT = "io.confluent.connect", "org.apache.kafka.connect"
FORMATS = {one.name: one for one in [
    Format("json", "json", as_json, read_json, "json-schema-envelope", read_envelope),
    Format("avro", "avro", nine_fields, read_avro, "avro", read_avro),
    Format("jsonschema", "jsonschema", as_json, read_jsonschema, "jsonschema", read_jsonschema),
    Format("protobuf", "protobuf", as_message, read_protobuf, "protobuf", read_protobuf),
    Format("msgpack", "msgpack", without_null, read_msgpack, "msgpack", read_msgpack),
    Format("string", "string", as_struct_text, read_text, "json", read_json),
    Format("AvroConverter", f"{CONFLUENT}.avro.AvroConverter", nine_fields, read_avro,
           f"{CONNECT}.storage.StringConverter", read_text),
    Format("JsonSchemaConverter", f"{CONFLUENT}.json.JsonSchemaConverter", as_json, read_jsonschema,
           f"{CONNECT}.json.JsonConverter", read_envelope),
    Format("ProtobufConverter", f"{CONFLUENT}.protobuf.ProtobufConverter", as_message, read_protobuf,
           f"{CONFLUENT}.avro.AvroConverter", read_avro),
    Format("json-1.5", "json", of_release_1_5_json, read_json, schema="EPICS_CA_DBR-1.5"),
    Format("avro-1.5", "avro", of_release_1_5, read_avro, schema="EPICS_CA_DBR-1.5"),
    Format("json-0.6", "json", of_release_0_6_json, read_json, schema="org.jlab.epics.ca.value"),
    Format("avro-0.6", "avro", of_release_0_6, read_avro, schema="org.jlab.epics.ca.value"),
    Format("jsonschema-1.5", "jsonschema", of_release_1_5_json, read_jsonschema, schema="EPICS_CA_DBR-1.5"),
    Format("jsonschema-0.6", "jsonschema", of_release_0_6_json, read_jsonschema, schema="org.jlab.epics.ca.value"),
    Format("protobuf-0.6", "protobuf", message_of(of_release_0_6), read_protobuf, schema="org.jlab.epics.ca.value"),
    Format("msgpack-0.6", "msgpack", set_only(of_release_0_6), read_msgpack, schema="org.jlab.epics.ca.value"),
]}
WITH_ERRORS = [name for name, one in FORMATS.items() if one.takes_errors]
OLDER = [name for name, one in FORMATS.items() if not one.takes_errors]


class Everything:
    """All that happened: every value was written, then the IOC went away."""

    def __init__(self, site, registry, decoder):
        self.site = site
        self.decoder = decoder
        self.failed = {}  # format -> why its supervisor could not do it
        self._records = {}
        for one in FORMATS.values():
            site.broker.create_topic(one.topic)
        registry.seed("jsonschema.values-key")
        self.ioc = site.ioc(DATABASE)
        site.broker.create_topic(site.commands, compacted=True)
        site.broker.produce(site.commands, [(json.dumps({"topic": "values", "channel": name}), '{"mask":"va"}')
                                            for name in NAMES])
        self.supervisors = {one.name: site.supervisor([self.ioc], one.settings(site, registry.url), ready=False)
                            for one in FORMATS.values()}
        self._each(lambda s: s["channels"]["connected"] == len(NAMES) and s["events"]["received"] >= len(NAMES), 120,
                   "the first value of every channel")
        self._put_all()
        self.ioc.halt()
        self._each(lambda s: s["channels"]["disconnected"] == len(NAMES) and s["events"]["waiting"] == 0, 90,
                   "everything written")

    def _put_all(self):
        """One value of each channel at a time: an IOC drops an array's event while an earlier one waits to be sent."""
        left, put = list(EVENTS), 0
        while left:
            round_of = {name: value for name, value, _ in reversed(left)}
            for name, value in round_of.items():
                left.remove(next(event for event in left if event[0] == name))
                self.ioc.put(name, value)
            put += len(round_of)
            self._each(lambda s, put=put: s["events"]["received"] >= len(NAMES) + put, 60, f"{put} values written")

    def _each(self, predicate, timeout, what):
        """Waits for all supervisors that have not failed, all together for `timeout`."""
        deadline = Deadline(timeout)
        for name, supervisor in self.supervisors.items():
            if name not in self.failed:
                try:
                    supervisor.wait(predicate, max(0.5, deadline.left()), what)
                except PartFailed as failure:
                    self.failed[name] = failure

    def records(self, name):
        """channel -> its records in order; the channel as the key's reader reads it."""
        if name in self.failed:
            raise self.failed[name]
        if name not in self._records:
            one = FORMATS[name]
            by_channel = {}
            for record in self.site.reader(one.topic).to_end():
                by_channel.setdefault(one.read_key(self.decoder, record, "key"), []).append(record)
            self._records[name] = by_channel
        return self._records[name]


@pytest.fixture(scope="module")
def everything(module_site, running_registry, decoder):
    return Everything(module_site, running_registry, decoder)


def test_the_readers_read_connects_own_bytes(running_registry, decoder):
    """The readers themselves: golden bytes of the Java converter, with its golden schema."""
    number = running_registry.register("golden-value", (GOLDEN / "avro-schema.json").read_text().strip())
    sample = bytes.fromhex((GOLDEN / "avro-sample.hex").read_text())
    record = Record("golden", 0, 0, b"", b"\0" + number.to_bytes(4, "big") + sample, 0, 0, ())
    assert same(decoder.avro(record), nine_fields(Event("doubleValues", "[1.5,2.0]", 3, 2)))

    number = running_registry.register("golden-proto-value", (GOLDEN / "epics_ca_dbr.proto").read_text(), "PROTOBUF")
    sample = bytes.fromhex("00100318022210") + struct.pack("<2d", 1.5, 2.0)
    record = Record("golden-proto", 0, 0, b"", b"\0" + number.to_bytes(4, "big") + sample, 0, 0, ())
    assert same(read_protobuf(decoder, record, "value"), as_message(Event("doubleValues", "[1.5,2.0]", 3, 2)))

    number = running_registry.register("golden-json-value", (GOLDEN / "jsonschema.json").read_text().strip(), "JSON")
    for line in (GOLDEN / "json-plain.jsonl").read_bytes().splitlines():
        record = Record("golden-json", 0, 0, b"", b"\0" + number.to_bytes(4, "big") + line, 0, 0, ())
        assert same(decoder.jsonschema(record), strict_json(line))


@pytest.mark.parametrize("name", FORMATS)
def test_every_native_type_is_read_back(everything, name):
    one = FORMATS[name]
    wrong = []
    for channel, records in everything.records(name).items():
        values = [record for record in records if not is_error(everything, one, record)]
        wanted = [event for written, _, event in EVENTS if written == channel]
        assert len(values) == 1 + len(wanted), f"{channel}: every event once, after the first value"
        for record, event in zip(values[1:], wanted):
            seen, expected = one.read(everything.decoder, record, "value"), one.expect(event)
            if isinstance(expected, dict) and "timestamp" in expected:
                expected["timestamp"] = record.timestamp_ms // 1000
            if not same(seen, expected):
                wrong.append((channel, expected, seen, record.value))
    assert not wrong


def is_error(everything, one, record):
    if not one.takes_errors:
        return False
    seen = one.read(everything.decoder, record, "value")
    return seen.startswith("Struct{error=") if isinstance(seen, str) else bool(seen.get("error"))


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_array_is_an_empty_array(everything, name):
    """An array that nobody has written yet: NORD is 0."""
    one = FORMATS[name]
    for channel, field in (("double_array", "doubleValues"), ("string_array", "stringValues")):
        first = one.read(everything.decoder, everything.records(name)[channel][0], "value")
        if isinstance(first, str):
            assert first.endswith(f"{field}=[]}}")
        else:
            assert first[field if one.schema.startswith("EPICS") else OLDEST_FIELDS[field]] == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_channel_has_its_key(everything, name):
    assert sorted(everything.records(name)) == NAMES


@pytest.mark.parametrize("name", WITH_ERRORS)
def test_an_error_record_is_read_back(everything, name):
    one = FORMATS[name]
    for channel, records in everything.records(name).items():
        errors = [record for record in records if is_error(everything, one, record)]
        assert errors == records[-1:], channel
        assert same(one.read(everything.decoder, errors[0], "value"), one.expect("Disconnected"))


@pytest.mark.parametrize("name", OLDER)
def test_an_older_schema_has_its_fields_and_no_error_records(everything, name):
    for channel, records in everything.records(name).items():
        assert len(records) == 1 + sum(written == channel for written, *_ in EVENTS)
        for record in records:
            seen = FORMATS[name].read(everything.decoder, record, "value")
            of_release = list(FORMATS[name].expect(Event("doubleValues", "[1.0]")))
            if FORMATS[name].converter != "msgpack":  # which leaves out what is not set
                assert list(seen) == of_release


@pytest.mark.parametrize("name, golden", [("avro", "avro-schema.json"), ("AvroConverter", "avro-schema.json"),
                                          ("protobuf", "epics_ca_dbr.proto"), ("jsonschema", "jsonschema.json")])
def test_the_registered_schema_is_connects_to_the_byte(everything, running_registry, name, golden):
    record = everything.records(name)["double"][0]
    latest = running_registry.latest(f"{FORMATS[name].topic}-value")
    assert latest["schema"].strip() == (GOLDEN / golden).read_text().strip()
    assert running_registry.versions(f"{FORMATS[name].topic}-value") == [1]
    assert schema_id(record.value) == latest["id"]


def test_the_books_balance_in_every_format(everything):
    """What is not published, because its schema has no place for it, is not missing from the books either."""
    for name, supervisor in everything.supervisors.items():
        if name in everything.failed:
            continue
        events = supervisor.status()["events"]
        assert events["lost"] == 0, name
        assert events["received"] == events["acknowledged"] + events["waiting"] + events["lost"] + events["coalesced"]
