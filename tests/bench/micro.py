"""Every google-benchmark program in the build, and what some of its figures should be."""
import json
import subprocess

from table import Row, short

# name of the benchmark (its beginning) -> (limit, unit)
LIMITS = {
    "encode/json_scalar_double": (120, "ns"),
    "encode/string_scalar_double": (140, "ns"),
    "encode/avro_scalar_double": (15, "ns"),
    "encode/protobuf_scalar_double": (20, "ns"),
    "encode/msgpack_scalar_double": (25, "ns"),
    "encode/avro_1000_doubles": (4000, "ns"),  # of 8,000 bytes: 2 GB/s
    "encode/protobuf_1000_doubles": (4000, "ns"),
    "encode/msgpack_1000_doubles": (4000, "ns"),
}
# Where a name is another area's to choose: (words that it holds, limit, unit)
WORDS = [(("append_scalar",), 60, "ns"), (("plan_100000",), 50, "ms")]
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def limit_of(name):
    for beginning, limit in LIMITS.items():
        if name.startswith(beginning):
            return limit
    for words, limit, unit in WORDS:
        if all(word in name.lower() for word in words):
            return limit, unit
    return None, None


def measure(build, repetitions):
    rows = []
    for program in sorted((build / "bench").glob("*")):
        if not program.is_file() or not program.stat().st_mode & 0o100:
            continue
        done = subprocess.run([program, "--benchmark_format=json", f"--benchmark_repetitions={repetitions}",
                               "--benchmark_min_time=0.1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600, check=False)
        if done.returncode:
            rows.append(Row(program.name, [], "", note=f"ended with {done.returncode}"))
            continue
        try:
            report = json.loads(done.stdout)
        except ValueError:  # left by an older build, perhaps
            rows.append(Row(program.name, [], "", note=f"prints no benchmark report: remove {program}"))
            continue
        rows += rows_of(report)
    return rows


# What google-benchmark itself says of a run; anything else is a counter of the benchmark.
KNOWN = {"name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions", "repetition_index",
         "threads", "iterations", "real_time", "cpu_time", "time_unit", "label", "items_per_second",
         "bytes_per_second"}


def rows_of(report):
    values, notes = {}, {}
    for run in report["benchmarks"]:
        if run.get("run_type") == "iteration" and not run.get("error_occurred"):
            values.setdefault(run["name"], []).append(run["cpu_time"] * UNITS[run["time_unit"]])
            notes[run["name"]] = ", ".join(f"{counter} {short(value)}" for counter, value in run.items()
                                           if counter not in KNOWN and isinstance(value, (int, float)))
    rows = []
    for name, nanoseconds in values.items():
        limit, unit = limit_of(name)
        if unit is None:
            unit = next(u for u in ("s", "ms", "us", "ns") if min(nanoseconds) >= 10 * UNITS[u] or u == "ns")
        rows.append(Row(name, [value / UNITS[unit] for value in nanoseconds], unit, limit,
                        note=notes[name]))
    return rows
