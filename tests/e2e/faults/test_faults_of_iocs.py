"""IOCs and their channels."""
import pathlib
import signal
import subprocess

import pytest
from fault import ends, shown
from records import ao, counter


@pytest.fixture
def clock(site):
    """A file that says by how many seconds an IOC's clock is off, and the environment in which it is."""
    folder = site.folder("clock")
    library, file = folder / "wrong_clock.so", folder / "seconds"
    done = subprocess.run(["cc", "-shared", "-fPIC", pathlib.Path(__file__).with_name("wrong_clock.c"), "-o", library],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    file.write_text("0")
    return file, {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(file)}


@pytest.mark.parametrize("seconds, words", [(3600, "3600 s ahead of ours"), (-864000, "864000 s behind ours")],
                         ids=["an hour ahead", "ten days behind"])
def test_an_ioc_whose_clock_is_wrong(site, clock, seconds, words):
    file, environment = clock
    ioc = site.ioc(counter("a"), environment=environment)
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    with shown(supervisor, "IOC_CLOCK", ioc.address, words, "Mend its time server", command="epics2kafkactl channel NAME"):
        file.write_text(str(seconds))
    # The time that an IOC tells never goes back while it runs.
    with ends(supervisor, "IOC_CLOCK"):
        file.write_text("0")
        ioc.restart()


def test_an_ioc_that_hangs(site):
    ioc = site.ioc(ao("a") + ao("b"))
    supervisor = site.supervisor([ioc], {"epics": {"conn_tmo": 4}})
    for name in ("a", "b"):
        supervisor.monitor(name, site.topic(name))
    supervisor.connected(2)
    with shown(supervisor, "IOC_HUNG", f"{ioc.address} (2 channels)", "does not respond, its circuit stands", "Look at the IOC",
               command="epics2kafkactl channels --state DISCONNECTED"):
        ioc.signal(signal.SIGSTOP)
    with ends(supervisor, "IOC_HUNG"):
        ioc.signal(signal.SIGCONT)
    supervisor.connected(2)


def test_an_address_that_does_not_resolve(site):
    supervisor = site.supervisor([], {"epics": {"addr_list": "no-such-ioc.invalid"}}, ready=False, start=False)
    with shown(supervisor, "ADDRESS_UNRESOLVED", "no-such-ioc.invalid", "epics.addr_list", command="epics2kafkactl status"):
        supervisor.start()
