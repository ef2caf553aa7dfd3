"""Every native type, scalar and array, to the byte."""
import json

import pytest
from records import ao, value_bytes, waveform

DATABASE = "".join([
    ao("double"),
    'record(longout,"long"){field(PINI,"YES")}\n',
    'record(stringout,"string"){field(PINI,"YES")}\n',
    'record(mbbo,"enum"){field(ZRST,"off")field(ONST,"on")field(TWST,"broken")field(PINI,"YES")}\n',
    *[waveform(f"{kind.lower()}_one", kind, 1) for kind in ("FLOAT", "SHORT", "CHAR", "UCHAR")],
    *[waveform(f"{kind.lower()}_array", kind, 5)
      for kind in ("DOUBLE", "FLOAT", "LONG", "SHORT", "CHAR", "UCHAR", "USHORT", "ULONG", "ENUM")],
    'record(waveform,"string_array"){field(FTVL,"STRING")field(NELM,"5")field(PINI,"YES")}\n',
])

# channel, what is written, the field, its text
CASES = [
    ("double", "1.5", "doubleValues", "[1.5]"),
    ("double", "1e7", "doubleValues", "[1.0E7]"),
    ("double", "0.0009999", "doubleValues", "[9.999E-4]"),
    ("double", "-0.0", "doubleValues", "[-0.0]"),
    ("double", "1.7976931348623157e308", "doubleValues", "[1.7976931348623157E308]"),
    ("double", "Inf", "doubleValues", '["Infinity"]'),
    ("double", "-Inf", "doubleValues", '["-Infinity"]'),
    ("long", "-2147483648", "intValues", "[-2147483648]"),
    ("enum", "2", "shortValues", "[2]"),
    ("string", 'say "hi"', "stringValues", r'["say \"hi\""]'),
    ("string", "/slash", "stringValues", '["/slash"]'),
    ("string", b"21 \xb0C \xfc", "stringValues", '["21 °C ü"]'),
    ("float_one", [0.1], "floatValues", "[0.1]"),
    ("short_one", [-32768], "shortValues", "[-32768]"),
    ("char_one", [-56], "byteValues", "[-56]"),
    ("uchar_one", [200], "byteValues", "[-56]"),
    ("double_array", [1, 0.1, 2e-3], "doubleValues", "[1.0,0.1,0.002]"),
    ("double_array", [1, 2, 3, 4, 5], "doubleValues", "[1.0,2.0,3.0,4.0,5.0]"),
    ("double_array", [7, 8], "doubleValues", "[7.0,8.0]"),
    ("float_array", [0.1, 1e10, 3.4e38], "floatValues", "[0.1,1.0E10,3.4E38]"),
    ("long_array", [1, -2, 3], "intValues", "[1,-2,3]"),
    ("short_array", [1, -2], "shortValues", "[1,-2]"),
    ("char_array", [1, -2, 127], "byteValues", "[1,-2,127]"),
    ("uchar_array", [1, 200, 255], "byteValues", "[1,-56,-1]"),
    ("ushort_array", [1, 65535], "intValues", "[1,65535]"),
    ("ulong_array", [1, 4294967295], "doubleValues", "[1.0,4.294967295E9]"),
    ("enum_array", [1, 2], "shortValues", "[1,2]"),
    ("string_array", ["x", "two words"], "stringValues", '["x","two words"]'),
]


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
                         any(r.name == name and r.value == wanted for r in records), 5, str(wanted))
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
        reader.until(lambda records, wanted=wanted: records[-1].value == wanted, 5, str(wanted))


def test_a_megabyte_array_passes(site):
    ioc = site.ioc('record(waveform,"big"){field(FTVL,"SHORT")field(NELM,"200000")field(PINI,"YES")}')
    topic = site.topic(config={"max.message.bytes": 4_000_000})
    supervisor = site.supervisor([ioc], {"kafka": {"producer": {"message.max.bytes": 4_000_000}}})
    supervisor.monitor("big", topic)
    supervisor.connected(1)
    ioc.put("big", [number % 1000 for number in range(20000)])
    reader = site.reader(topic)
    reader.until(lambda records: records and len(records[-1].values) == 20000, 10, "20000 elements")
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
