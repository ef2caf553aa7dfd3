"""Every native type, scalar and array, to the byte."""
import json

import pytest
from native_types import CASES, DATABASE
from records import ao, value_bytes


def test_every_native_type_is_written_as_connect_writes_it(site):
    ioc = site.ioc(DATABASE)
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    names = sorted({name for name, *_ in CASES})
    for name in names:
        supervisor.monitor(name, topic)
    supervisor.connected(len(names))
    reader = site.reader(topic)
    for name in names:
        reader.count(1, key=name)
    wrong = []
    for name, value, field, text in CASES:
        ioc.put(name, value)
        wanted = value_bytes(field, text)
        try:
            reader.until(lambda records, name=name, wanted=wanted:
                         any(r.name == name and r.value == wanted for r in records), 20, str(wanted))
        except AssertionError:
            wrong.append((name, value, wanted, [r.value for r in reader.of(name)][-2:]))
    assert not wrong


def test_nan_is_a_string_and_carries_its_alarm(site):
    ioc = site.ioc(ao("double"))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("double", topic)
    supervisor.connected(1)
    ioc.put("double", "NaN")
    reader = site.reader(topic)
    reader.until(lambda records: records and records[-1].value == value_bytes("doubleValues", '["NaN"]', 17, 3))


def test_an_array_is_as_long_as_it_is_now(site):
    ioc = site.ioc('record(waveform,"w"){field(FTVL,"LONG")field(NELM,"5")}')
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("w", topic)
    reader = site.reader(topic)
    assert reader.count(1)[0].values == []
    for number, value in enumerate(([1, 2, 3], [4, 5, 6, 7, 8], [9]), 2):
        ioc.put("w", value)
        assert reader.count(number)[-1].values == value


def test_alarms_are_carried(site):
    ioc = site.ioc(ao("a", 'field(HIGH,"5")field(HSV,"MINOR")field(HIHI,"8")field(HHSV,"MAJOR")'))
    topic = site.topic()
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", topic)
    supervisor.connected(1)
    reader = site.reader(topic)
    reader.count(1)
    for value, status, severity in (("6", 4, 1), ("9", 3, 2), ("1", 0, 0)):
        ioc.put("a", value)
        wanted = value_bytes("doubleValues", f"[{value}.0]", status, severity)
        reader.until(lambda records, wanted=wanted: records[-1].value == wanted, 20, str(wanted))


def test_a_megabyte_array_passes(site):
    ioc = site.ioc('record(waveform,"big"){field(FTVL,"SHORT")field(NELM,"200000")field(PINI,"YES")}')
    topic = site.topic(config={"max.message.bytes": 4_000_000})
    supervisor = site.supervisor([ioc], {"kafka": {"producer": {"message.max.bytes": 4_000_000}}})
    supervisor.monitor("big", topic)
    supervisor.connected(1)
    ioc.put("big", [number % 1000 for number in range(20000)])
    reader = site.reader(topic)
    reader.until(lambda records: records and len(records[-1].values) == 20000, 20, "20000 elements")
    assert reader.records[-1].values[:3] == [0, 1, 2]


@pytest.mark.parametrize("value", [{"converter": "json-schema-envelope"},
                                   {"converter": "org.apache.kafka.connect.json.JsonConverter"}],
                         ids=["short name", "Connect's class name"])
def test_the_envelope_carries_the_schema(site, value):
    ioc = site.ioc(ao("a"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"value": value})
    supervisor.monitor("a", topic)
    (record, *_) = site.reader(topic).count(1)
    assert record.value.startswith(
        b'{"schema":{"type":"struct","fields":[{"type":"string","optional":true,"doc":"CA error message, if any",'
        b'"field":"error"},{"type":"int8","optional":true,')
    assert record.value.endswith(b',"payload":' + value_bytes("doubleValues", "[0.0]") + b"}")
    schema = json.loads(record.value)["schema"]
    assert (schema["name"], schema["version"]) == ("org.jlab.kafka.connect.EPICS_CA_DBR", 1)
    assert [field["field"] for field in schema["fields"]] == [
        "error", "status", "severity", "doubleValues", "floatValues", "stringValues", "intValues", "shortValues",
        "byteValues"]
