"""One broker and one schema registry for all tests; each test gets topics, IOCs and supervisors of its own from
`site`, those that share some get them from `module_site`."""
import itertools

import pytest

from e2k_support import (Beacons, Broker, Cable, Decoder, FrameSink, Namespace, Reader, Registry, Relay, SmallDisk,
                         SoftIoc, StandInRegistry, StubIoc, Supervisor, crashing_converter, ledger_balance, network, proc, steady)

_numbers = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "one_pass: the end-to-end pass that sanitizer builds run too")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed_in_test = True


@pytest.fixture(scope="session")
def broker():
    with Broker() as running:
        yield running


@pytest.fixture(scope="session")
def strict_broker():
    """Makes no topic by itself."""
    with Broker({"auto.create.topics.enable": "false"}) as running:
        yield running


@pytest.fixture(scope="session")
def crashing():
    """[value] converter's text for a plug-in that does harm as its options say (crashing_plugin.c), compiled as somebody
    outside of the project would."""
    folder = proc.make_folder("plugin")
    yield crashing_converter(folder)
    proc.remove_folder(folder)


@pytest.fixture(scope="session")
def running_registry():
    with Registry() as running:
        yield running


@pytest.fixture
def registry(running_registry):
    """May be killed or stopped for a while: the next test finds it running."""
    yield running_registry
    if running_registry.child is None:
        running_registry.start()
    running_registry.resume()


@pytest.fixture(scope="session")
def decoder(running_registry):
    return Decoder(running_registry.url)


class Site:
    """What a test may start. All of it ends with the test; the logs are shown when it failed.

    Its IOCs and supervisors have a repeater's port of their own: beacons of others, which may live longer than a test,
    are not heard here."""

    def __init__(self, broker):
        self.broker = broker
        self.repeater_port = proc.free_port()
        self.number = next(_numbers)
        self.commands = f"commands-{self.number}"
        self._parts = []
        self._readers = []

    def ioc(self, database, **more):
        environment = {"EPICS_CA_REPEATER_PORT": str(self.repeater_port), **more.pop("environment", {})}
        return self._keep(SoftIoc(database, environment=environment, **more))

    def stub(self, names=(), **more):
        """A server that misbehaves as it is told; supervisors take it like an IOC."""
        return self._keep(StubIoc(names, **more))

    def sink(self):
        """A silent address that counts searches; supervisors take it like an IOC."""
        return self._keep(FrameSink())

    def beacons(self, servers, per_second, numbers=steady, **more):
        return self._keep(Beacons(self.repeater_port, servers, per_second, numbers, **more))

    def network(self):
        """A network of its own, in which the broker can be reached; skips the test where there can be none."""
        why_not = network.why_not()
        if why_not:
            pytest.skip(why_not)
        made = self._keep(Namespace())
        self._keep(Relay(made, self.broker.port))
        return made

    def disk(self, mib):
        """A small file system, which can be filled; skips the test where there can be none."""
        made = self._keep(SmallDisk(mib))
        if not made.mounted:
            pytest.skip("no file system can be mounted here")
        return made

    def cabled(self):
        """Two such networks, and the cable that joins them."""
        near, far = self.network(), self.network()
        return near, far, Cable(near, far)

    def supervisor(self, iocs=(), settings=None, ready=True, broker=None, **more):
        settings = dict(settings or {})
        settings.setdefault("commands", {}).setdefault("topic", self.commands)
        settings["epics"] = {"repeater_port": self.repeater_port, **settings.get("epics", {})}
        started = self._keep(Supervisor(broker or self.broker, iocs, settings, **more))
        if ready:
            started.ready()
        return started

    def topic(self, name="out", partitions=1, **more):
        return self.broker.create_topic(f"t{self.number}-{name}", partitions, **more)

    def reader(self, *topics, broker=None):
        reader = Reader((broker or self.broker).bootstrap, *topics)
        self._readers.append(reader)
        return reader

    def stand_in(self, **more):
        return self._keep(StandInRegistry(**more))

    def _keep(self, part):
        self._parts.append(part)
        return part

    def folder(self, name):
        """For files of the test's own; it is removed when this process ends."""
        return proc.make_folder(name)

    def end(self, failed):
        for reader in self._readers:
            reader.close()
        if failed:
            for part in self._parts:
                if part.child is not None:
                    print(part.child.tail(60))
        faults = []
        for part in reversed(self._parts):
            if isinstance(part, Supervisor):
                faults += ledger_balance.faults_of_running(part)
                part.stop(lambda part=part: faults.extend(ledger_balance.faults_of_ended(part)))
            else:
                part.stop()
        assert not faults or failed, "the books do not balance:\n" + "\n".join(faults[:20])


@pytest.fixture
def site(broker, request):
    started = Site(broker)
    yield started
    started.end(getattr(request.node, "failed_in_test", False))


@pytest.fixture(scope="session")
def session_site(broker):
    """For what goes on beside other tests, which may take the broker away for a while."""
    started = Site(broker)
    yield started
    started.end(False)


@pytest.fixture(scope="module")
def module_site(broker, request):
    before = request.session.testsfailed
    started = Site(broker)
    yield started
    started.end(request.session.testsfailed > before)
