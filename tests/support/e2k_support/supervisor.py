"""The program under test: configuration, start, status over its Unix socket, the client programs, stop."""
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.parse

from . import paths, proc
from .softioc import ca_settings


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("e2k", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def toml(settings):
    """A nested dict as TOML. Keys are quoted, so that librdkafka's dotted names stay one key."""
    lines = []

    def value_text(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(value_text(element) for element in value) + "]"
        return json.dumps(value) if isinstance(value, str) else str(value)

    def table(path, content):
        plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
        if plain and path:
            lines.append("[" + ".".join(json.dumps(key) for key in path) + "]")
        lines.extend(f"{json.dumps(key)} = {value_text(value)}" for key, value in plain.items())
        for key, value in content.items():
            if isinstance(value, dict):
                table((*path, key), value)
    table((), settings)
    return "\n".join(lines) + "\n"


def merge(base, more):
    out = dict(base)
    for key, value in more.items():
        out[key] = merge(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


class Supervisor:
    """Supervisor(broker, iocs, {configuration}) starts one on a folder of its own; `settings` are merged over
    defaults that fit a test (2 workers, 256 MiB of spool). `within` stands before its program (network.py). It does
    not wait: use ready() or wait()."""

    def __init__(self, broker, iocs=(), settings=None, start=True, environment=None, arguments=(), within=()):
        self.within = within
        self.broker = broker
        self.folder = proc.make_folder("sup")
        self.socket = self.folder / "run" / "epics2kafka" / "control.sock"
        self.config = self.folder / "config.toml"
        self.environment = environment or {}
        self.arguments = arguments
        self.child = None
        bootstrap = broker if isinstance(broker, str) else broker.bootstrap
        self.bootstrap = bootstrap
        self.settings = merge({
            "kafka": {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 500},
            "epics": ca_settings(*iocs),
            "workers": {"count": 2},
            "spool": {"max_total_bytes": 268435456, "keep_free_bytes": 16777216},
        }, settings or {})
        (self.folder / "run").mkdir()
        (self.folder / "state").mkdir()
        self.write_config()
        if start:
            self.start()

    @staticmethod
    def program(name="epics2kafka-supervisor"):
        path = paths.build_dir() / "bin" / name
        if not path.exists():
            raise proc.PartFailed(f"{path} is not built: run packaging/build, or set E2K_BUILD")
        return path

    def write_config(self):
        self.config.write_text(toml(self.settings))
        self.config.chmod(0o600)

    def environ(self):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("EPICS_") and not key.startswith("BOOTSTRAP_SERVER")}
        return {**kept, "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_STATE_HOME": str(self.folder / "state"),
                "HOME": str(self.folder), **self.environment}

    def start(self):
        assert self.child is None
        program = [*self.within, self.program(), "--config", self.config, *self.arguments]
        self.child = proc.Child("supervisor", program, self.folder, self.environ())

    def check(self, *arguments, timeout=20.0):
        """--check: the finished process, with stdout and stderr as text."""
        return subprocess.run([self.program(), "--config", self.config, "--check", *arguments], timeout=timeout,
                              env=self.environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, cwd=self.folder)

    # -- status ---------------------------------------------------------------------------------

    def request(self, method, path, timeout=5.0, path_of_socket=None):
        """(status code, headers, body as bytes)"""
        connection = _UnixConnection(path_of_socket or self.socket, timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, path, **more):
        code, _, body = self.request("GET", path, **more)
        if code >= 400:
            raise proc.PartFailed(f"GET {path} was answered with {code}: {body!r}")
        return json.loads(body)

    def status(self):
        return self.get("/status")

    def channel(self, name):
        """The entries of a channel; none where it is not monitored."""
        code, _, body = self.request("GET", "/channels/" + urllib.parse.quote(name, safe=""))
        return [] if code == 404 else json.loads(body)["entries"]

    def try_status(self):
        try:
            return self.status()
        except (OSError, http.client.HTTPException):
            return None

    def wait(self, predicate, timeout=20.0, what="the status"):
        """Waits until predicate(status) is true; returns that status."""
        seen = {}

        def holds():
            seen["last"] = self.try_status()
            return seen["last"] is not None and predicate(seen["last"])
        try:
            proc.wait_for(holds, timeout, what, child=self.child)
        except proc.PartFailed as failure:
            raise proc.PartFailed(f"{failure}\nlast status: {json.dumps(seen.get('last'), indent=1)}") from None
        return seen["last"]

    def ready(self, timeout=30.0):
        return self.wait(lambda s: s["state"] in ("RUNNING", "DEGRADED", "PAUSED") and s["commands"]["caught_up"], timeout,
                         "RUNNING")

    def connected(self, number, timeout=20.0):
        return self.wait(lambda s: s["channels"]["connected"] == number, timeout, f"{number} connected entries")

    def served(self, number, timeout=20.0):
        """So many entries are connected, and what their IOCs said first is in Kafka: a channel is connected before it is
        subscribed to."""
        self.connected(number, timeout)
        proc.wait_for(lambda: all(item["received"] for item in self.get("/channels?limit=10000")["items"]), timeout,
                      "a first event of each", child=self.child)
        return self.settled(timeout)

    def settled(self, timeout=20.0):
        """Every received event is acknowledged, lost or coalesced."""
        return self.wait(lambda s: s["events"]["waiting"] == 0, timeout, "no waiting events")

    def settled_in_flight(self, timeout=20.0):
        """Kafka has answered for all that it was given."""
        return self.wait(lambda s: all(worker["in_flight"] == 0 for worker in s["workers"]), timeout,
                         "nothing in flight")

    # -- the client programs --------------------------------------------------------------------

    def client_environment(self):
        return {**self.environ(), "BOOTSTRAP_SERVERS": self.bootstrap,
                "PATH": f"{paths.build_dir() / 'bin'}:{os.environ['PATH']}"}

    def ctl(self, *arguments, timeout=30.0, stdin=None):
        """epics2kafkactl; the finished process."""
        return subprocess.run([self.program("epics2kafkactl"), "--socket", self.socket, *map(str, arguments)],
                              env=self.client_environment(), timeout=timeout, capture_output=True, text=True,
                              check=False, input=stdin or "", cwd=self.folder)

    def script(self, name, *arguments, timeout=30.0, environment=None):
        """set-monitored.sh and list-monitored.sh."""
        return subprocess.run([self.program(name), *map(str, arguments)], timeout=timeout, capture_output=True,
                              env={**self.client_environment(), **(environment or {})}, text=True, check=False,
                              stdin=subprocess.DEVNULL, cwd=self.folder)

    def command(self, *records, topic=None):
        """Raw records for the command topic: (key, value) pairs of text, bytes or None."""
        self.broker.produce(topic or self.settings.get("commands", {}).get("topic", "epics-channels"), records)

    def monitor(self, channel, topic, mask="va", outkey=None):
        value = {"mask": mask, **({"outkey": outkey} if outkey is not None else {})}
        self.command((entry_key(topic, channel), json.dumps(value)))

    def unset(self, channel, topic):
        self.command((entry_key(topic, channel), None))

    # -- the end --------------------------------------------------------------------------------

    def workers(self):
        return self.status()["workers"]

    def kill(self):
        """kill -9 of the supervisor alone."""
        self.child.kill()
        self.child = None

    def halt(self, timeout=30.0):
        """SIGTERM; returns the exit status. State and spool stay for the next start()."""
        status = self.child.stop(timeout) if self.child else None
        self.child = None
        return status

    def stop(self, examine=None):
        """`examine` is called when all processes are gone and what they left is still there."""
        pids = [worker["pid"] for worker in (self.try_status() or {}).get("workers", []) if worker.get("pid")]
        status = self.halt(float(os.environ.get("E2K_STOP_TIMEOUT", 15)))
        for pid in pids:
            if proc.alive(pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        try:
            if examine:
                examine()
        finally:
            proc.remove_folder(self.folder)
        return status

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and issubclass(kind, Exception) and self.child is not None:
            print(self.child.tail(80))
        self.stop()


def entry_key(topic, channel):
    return json.dumps({"topic": topic, "channel": channel}, separators=(",", ":"))
