"""A machine of its own for the installed service: a root of Debian whose systemd is process 1, in a network of its own, where
an IOC is found by broadcast and a broker is reached on loopback."""
import json

import clean_root
from e2k_support import Namespace, Reader, Relay, SoftIoc, network, proc

HOST, BROADCAST = "10.78.0.1", "10.78.0.255"
UNIT = "epics2kafka.service"
RUN = "/run/epics2kafka"
COUNTER = 'record(calc,"counter"){field(SCAN,".1 second")field(CALC,"A+1")field(INPA,"counter NPP")}\n'


def why_not(plain):
    """"" where there can be one; `plain` is the archive of a root without the package."""
    return network.why_not() or clean_root.why_no_boot(plain)


class Machine:
    """A broker that it reaches, an IOC on its only network card. The topics are of its name."""

    def __init__(self, root, broker, name):
        self.topic = f"counters-{name}"
        self._commands = f"commands-{name}"
        self.network = Namespace()
        self.network.ip("link add card type veth peer name wire")
        self.network.ip(f"address add {HOST}/24 broadcast {BROADCAST} dev card")
        self.network.ip("link set card up")
        self.network.ip("link set wire up")
        self.relay = Relay(self.network, broker.port)
        self.broker = broker
        # The ports that everybody knows: nobody else is in this network.
        self.ioc = SoftIoc(COUNTER, port=5064, host=HOST, within=self.network.within,
                           environment={"EPICS_CA_REPEATER_PORT": "5065"})
        self.root = root
        self.system = root.boot(self.network)

    def configure(self, instance="epics2kafka", more=""):
        self.root.path(f"/etc/epics2kafka/{instance}.toml").write_text(
            f'[kafka]\n"bootstrap.servers" = "{self.broker.bootstrap}"\n[commands]\ntopic = "{self._commands}-{instance}"\n'
            f'[workers]\ncount = 2\n[spool]\nmax_total_bytes = 268435456\nkeep_free_bytes = 16777216\n' + more)

    def run(self, *command, **more):
        return self.system.run(*command, **more)

    def show(self, *names, unit=UNIT):
        return self.system.show(unit, *names)

    def status(self, *arguments):
        done = self.run("epics2kafkactl", "--json", *arguments, "status", check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def wait(self, predicate, what, timeout=60):
        try:
            return proc.wait_for(predicate, timeout, what)
        except proc.PartFailed as failure:
            raise proc.PartFailed(f"{failure}\n{self.journal()}") from None

    def active(self, unit=UNIT):
        return self.wait(lambda: self.show("ActiveState", unit=unit)["ActiveState"] == "active", f"{unit} to be active")

    def start(self, unit=UNIT):
        done = self.run("systemctl", "start", unit, check=False)
        assert done.returncode == 0, done.stderr + self.journal(unit)
        self.active(unit)

    def journal(self, unit=UNIT, lines=60):
        return self.run("journalctl", "--no-pager", "-u", unit, "-n", lines, check=False).stdout

    def main_pid(self):
        return int(self.show("MainPID")["MainPID"])

    def signal(self, name, pid):
        self.run("sh", "-c", f"kill -{name} {pid}")

    def of_process(self, pid, file):
        """A file of /proc of a process of that system."""
        return self.run("cat", f"/proc/{pid}/{file}").stdout

    def drop_in(self, name, text):
        folder = self.root.path(f"/etc/systemd/system/{UNIT}.d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        self.run("systemctl", "daemon-reload")

    def connected(self):
        """The channel is: a predicate to wait for."""
        return (self.status() or {"channels": {"connected": 0}})["channels"]["connected"] == 1

    def monitor(self):
        """Brings the counter into the topic."""
        self.run("epics2kafkactl", "set", "-c", "counter", "-t", self.topic, "-m", "v")
        self.wait(self.connected, "a channel that is connected")

    def numbers(self, more=20):
        """The counter's values as they lie in Kafka, when so many more have come."""
        with Reader(self.broker.bootstrap, self.topic) as reader:
            reader.to_end()
            now = len(reader.records)
            reader.until(lambda records: len(records) >= now + more, timeout=60)
            return [int(record.values[0]) for record in reader.records if not record.error]

    def stop(self):
        self.root.remove()
        self.ioc.stop()
        self.relay.stop()
        self.network.stop()


def gaps(values):
    return [(a, b) for a, b in zip(values, values[1:]) if b != a + 1]
