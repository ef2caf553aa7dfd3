"""A real IOC of EPICS Base on loopback, with a shell to write into."""
import itertools
import json
import os
import pathlib
import subprocess

from . import paths, proc

_repeater_port = None


def repeater_port():
    """One port for the repeater and the beacons of all IOCs and clients of this process: never the machine's 5065."""
    global _repeater_port  # one per test process, chosen at first use
    if _repeater_port is None:
        _repeater_port = int(os.environ.get("E2K_REPEATER_PORT") or proc.free_port())
    return _repeater_port


def ca_settings(*iocs):
    """[epics] of a configuration whose clients see these IOCs and nothing else."""
    addresses = [f"{getattr(ioc, 'host', '127.0.0.1')}:{ioc.port}" for ioc in iocs]
    return {"addr_list": " ".join(addresses) or "127.0.0.1:9",
            "auto_addr_list": False, "repeater_port": repeater_port()}


class SoftIoc:
    """SoftIoc(text of a database[, text of an access security file]) returns when it serves.

    put() writes a field; shell() runs IOC shell lines; restart() keeps the port. `host` is the address that it serves,
    `within` stands before its program (network.py). A context manager.
    """

    def __init__(self, database, access="", port=None, environment=None, start_timeout=30.0, host="127.0.0.1",
                 within=()):
        self.folder = proc.make_folder("ioc")
        self.port = port or proc.free_port()
        self.host, self.within = host, within
        self.address = f"{host}:{self.port}"
        self.start_timeout = start_timeout
        self.environment = environment or {}
        self.child = None
        self._tokens = itertools.count(1)
        self.write(database, access)
        self.start()

    def write(self, database, access=""):
        """The files that the next start reads."""
        (self.folder / "ioc.db").write_text(database, encoding="latin-1")
        (self.folder / "ioc.acf").write_text(access)
        self.access = bool(access)

    def start(self):
        assert self.child is None
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EPICS_")}
        environment.update({"EPICS_CA_SERVER_PORT": str(self.port), "EPICS_CAS_INTF_ADDR_LIST": self.host,
                            "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1", "EPICS_CA_AUTO_ADDR_LIST": "NO",
                            "EPICS_CA_ADDR_LIST": "127.0.0.1", "EPICS_CA_REPEATER_PORT": str(repeater_port()),
                            "EPICS_CA_MAX_ARRAY_BYTES": "67108864", **self.environment})
        program = pathlib.Path(__file__).with_name("ioc_main.py")
        arguments = [*self.within, paths.python(), program, "-d", "ioc.db"] + (["-a", "ioc.acf"] if self.access else [])
        (self.folder / "part.log").unlink(missing_ok=True)
        self.child = proc.Child("ioc", arguments, self.folder, environment, stdin=subprocess.PIPE)
        proc.wait_for(lambda: "@ready" in self.child.text(), self.start_timeout, "the IOC's iocInit",
                      child=self.child)

    def shell(self, *lines, timeout=20.0):
        """Runs lines (text or bytes) in order and returns what the IOC printed meanwhile."""
        token = f"@{next(self._tokens)}"
        before = len(self.child.text())
        data = [line if isinstance(line, bytes) else line.encode() for line in lines]
        self.child.stdin.write(b"\n".join([*data, token.encode(), b""]))
        self.child.stdin.flush()
        proc.wait_for(lambda: f"\n{token}\n" in self.child.text(), timeout, f"the IOC's shell: {lines[:3]!r}",
                      child=self.child)
        return self.child.text()[before:]

    def put(self, record, value, timeout=20.0):
        """Writes a number, a text (bytes: as they are) or a list of either; the record processes."""
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        said = self.shell(f"={record} {json.dumps(value)}", timeout=timeout)
        if "@error" in said:
            raise proc.PartFailed(f"{record} could not be written: {said}")

    def halt(self):
        """Ends the process; start() begins again on the same port."""
        if self.child:
            self.child.kill()
            self.child = None

    def restart(self):
        self.halt()
        self.start()

    def signal(self, number):
        self.child.signal(number)

    def stop(self):
        self.halt()
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
