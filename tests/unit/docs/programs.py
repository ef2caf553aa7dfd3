"""What the programs have: asked of them where they can say it, else read from the one place in the sources."""
import re
import subprocess
import tomllib

from e2k_support import Supervisor, paths, proc

SOURCES = paths.root_dir()


def output_of(program, *arguments):
    """stdout and stderr."""
    done = subprocess.run([Supervisor.program(program), *arguments], timeout=20, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def accepted(assignment, *more):
    """The names that the refusal of an unknown key lists."""
    _, complaint = output_of("epics2kafka-supervisor", "--config", "/dev/null", "--check",
                             *(word for one in (*more, assignment) for word in ("--set", one)))
    return re.search(r"accepted(?: in \[\w+\])?: (.*)", complaint)[1]


def keys():
    """Every key with a name of its own, and the tables whose names are others'."""
    tables = accepted("no_such_key=1")
    plain = re.match(r"(\w+) and the tables", tables)[1]
    found = {plain}
    for table in re.findall(r"\[([\w.]+)\]", tables):
        if table.startswith("kafka") or table.endswith(".options"):
            found.add(table)
        else:
            found |= {f"{table}.{name}" for name in accepted(f"{table}.no_such_key=1").split(", ") if name != "options"}
    return found


def defaults():
    """Key: value that is in effect where nothing is said."""
    printed, _ = output_of("epics2kafka-supervisor", "--config", "/dev/null", "--check")
    found = {}
    for name, value in tomllib.loads(printed).items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            found[name] = value
    return found


def options():
    """Options of all converters."""
    converters = ("json", "json-schema-envelope", "string", "msgpack", "avro", "jsonschema", "protobuf")
    return {name for part in ("value", "key") for converter in converters
            for name in accepted(f"{part}.options.no_such_option=1", f"{part}.converter={converter}").split(", ")}


def supervisor_texts():
    return [path.read_text() for suffix in ("h", "cpp") for path in (SOURCES / "supervisor").rglob(f"*.{suffix}")
            if path.parent.name != "ctl"]


def reasons():
    """{code: the command that shows more of it first}"""
    text = (SOURCES / "supervisor/status/reason_code.h").read_text()
    asks_all = re.search(r'kAsksAll\[\] = "([^"]*)"', text)[1]
    rows = re.findall(r'\{ReasonCode::\w+,\s*"([A-Z_]+)",\s*ReasonOwner::\w+,\s*(?:"([^"]*)"|kAsksAll)\}', text)
    return {code: command or asks_all for code, command in rows}


def capitals():
    """Names in capitals, with an underscore, among the supervisor's texts: reasons, states and foreign names."""
    return {name for text in supervisor_texts() for name in re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', text)}


def metrics():
    """{name: type} of a service that reaches no broker."""
    with Supervisor(f"127.0.0.1:{proc.free_port()}", settings={"workers": {"count": 1}}) as supervisor:
        proc.wait_for(supervisor.try_status, 20.0, "the status", child=supervisor.child)
        _, _, body = supervisor.request("GET", "/metrics")
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", body.decode(), re.M))


def verbs():
    printed, _ = output_of("epics2kafkactl", "--help")
    return set(re.findall(r"^  ([a-z][\w-]*) ", printed[printed.index("Subcommands:"):], re.M))


def exit_codes():
    """{program: codes}"""
    def numbers(path, block):
        text = (SOURCES / path).read_text()
        return {int(number) for number in re.findall(r"=\s*(\d+)", re.search(block, text, re.S)[0])}
    return {"epics2kafkactl": numbers("supervisor/ctl/client.h", r"enum class Exit \{.*?\};"),
            "epics2kafka-supervisor": {0} | numbers("supervisor/main.cpp", r"constexpr int kUsage.*?;"),
            "epics2kafka-worker": numbers("proto/launch.h", r"enum class WorkerExit.*?\};")}
