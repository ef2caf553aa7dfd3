"""Records of every native type, what is written into them, and what must come out."""
from records import ao, waveform

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
    # An IOC keeps 39 bytes.
    ("string", b"x" * 38 + "\xb0C".encode(), "stringValues", '["' + "x" * 38 + '"]'),
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

# The same with what no JSON number can be, which carries an alarm in a scalar: … status, severity
STRANGE = [
    ("double", "NaN", "doubleValues", '["NaN"]', 17, 3),
    ("double_array", [1, float("nan"), float("inf"), float("-inf")], "doubleValues",
     '[1.0,"NaN","Infinity","-Infinity"]', 0, 0),
    ("float_array", [float("nan"), -0.0, 1], "floatValues", '["NaN",-0.0,1.0]', 0, 0),
    ("string_array", ["21 \xb0C", "", "a, b]"], "stringValues", '["21 °C","","a, b]"]', 0, 0),
]
