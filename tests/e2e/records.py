"""A vocabulary for the tests: databases, and what a record's bytes must be."""
import json

FIELDS = ("doubleValues", "floatValues", "stringValues", "intValues", "shortValues", "byteValues")


def counter(name, scan=".1 second"):
    """Counts 1, 2, 3, …: a missing number is a lost event, a repeated one a duplicate."""
    return f'record(calc,"{name}"){{field(SCAN,"{scan}")field(INPA,"{name} NPP")field(CALC,"A+1")}}\n'


def ao(name, more=""):
    return f'record(ao,"{name}"){{field(PINI,"YES")field(VAL,"0"){more}}}\n'


def waveform(name, kind, elements):
    return f'record(waveform,"{name}"){{field(FTVL,"{kind}")field(NELM,"{elements}")field(PINI,"YES")}}\n'


def value_bytes(field, text, status=0, severity=0):
    """The golden bytes of a value record: `text` is the list as it must be written."""
    lists = ",".join(f'"{name}":{text if name == field else "null"}' for name in FIELDS)
    return f'{{"error":null,"status":{status},"severity":{severity},{lists}}}'.encode()


def error_bytes(message):
    lists = ",".join(f'"{name}":null' for name in FIELDS)
    return f'{{"error":{json.dumps(message)},"status":null,"severity":null,{lists}}}'.encode()


def assert_counts_without_fault(records):
    """Consecutive numbers, each once, in order. Returns them."""
    numbers = [record.values[0] for record in records if record.error is None]
    assert numbers, "no value record at all"
    expected = [numbers[0] + step for step in range(len(numbers))]
    if numbers != expected:
        at = next(i for i, (a, b) in enumerate(zip(numbers, expected)) if a != b)
        raise AssertionError(f"after {numbers[max(0, at - 3):at]} came {numbers[at:at + 5]} (number {at} of {len(numbers)})")
    return numbers
