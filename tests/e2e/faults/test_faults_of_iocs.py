"""IOCs and their channels."""
import pathlib
import signal
import subprocess

import pytest
from fault import ends, reason, shown
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


@pytest.mark.parametrize("seconds, words", [(3600, "s ahead of ours"), (-864000, "s behind ours")],
                         ids=["an hour ahead", "ten days behind"])
def test_an_ioc_whose_clock_is_wrong(site, clock, seconds, words):
    file, environment = clock
    ioc = site.ioc(counter("a"), environment=environment)
    supervisor = site.supervisor([ioc])
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    with shown(supervisor, "IOC_CLOCK", ioc.address, words, "Mend its time server", command="epics2kafkactl channel NAME"):
        file.write_text(str(seconds))
    with ends(supervisor, "IOC_CLOCK"):
        file.write_text("0")


def test_an_ioc_that_hangs(site):
    ioc, other = site.ioc(ao("a") + ao("b")), site.ioc(ao("c"))
    supervisor = site.supervisor([ioc, other], {"epics": {"conn_tmo": 4}})
    for name in ("a", "b", "c"):
        supervisor.monitor(name, site.topic(name))
    supervisor.connected(3)
    with shown(supervisor, "IOC_HUNG", f"{ioc.address} (2 channels", "does not respond, its circuit stands", "Look at the IOC",
               command="epics2kafkactl channels --state DISCONNECTED"):
        ioc.signal(signal.SIGSTOP)
    with ends(supervisor, "IOC_HUNG"):
        ioc.signal(signal.SIGCONT)
    supervisor.connected(3)


def test_the_only_ioc_hangs(site):
    """That no channel is connected comes of it."""
    ioc = site.ioc(ao("a"))
    supervisor = site.supervisor([ioc], {"epics": {"conn_tmo": 4}, "status": {"nothing_connected_after_s": 2}})
    supervisor.monitor("a", site.topic())
    supervisor.connected(1)
    with shown(supervisor, "IOC_HUNG", f"{ioc.address} (1 channel", command="epics2kafkactl channels --state DISCONNECTED"):
        ioc.signal(signal.SIGSTOP)
    supervisor.wait(lambda s: {r["code"]: r["because"] for r in s["reasons"]}
                    == {"IOC_HUNG": None, "NOTHING_CONNECTED": "IOC_HUNG"}, 20, "NOTHING_CONNECTED because of IOC_HUNG")
    with ends(supervisor, "NOTHING_CONNECTED"):
        ioc.signal(signal.SIGCONT)
    supervisor.connected(1)


def test_an_ioc_that_is_killed_before_its_worker_is_restarted(site):
    """The worker's successor never saw it, and it is told with its channels all the same."""
    ioc, other = site.ioc(ao("a") + ao("b")), site.ioc(ao("c"))
    supervisor = site.supervisor([ioc, other], {"workers": {"count": 1}})
    topic = site.topic()
    for name in ("a", "b", "c"):
        supervisor.monitor(name, topic)
    supervisor.connected(3)
    with shown(supervisor, "IOC_LOST", f"{ioc.address} (2 channels, for ", command="epics2kafkactl hosts"):
        ioc.halt()
    before = reason(supervisor, "IOC_LOST")["since"]
    assert supervisor.ctl("restart", "0").returncode == 0
    supervisor.connected(1)
    searched = supervisor.status()["uptime_s"] + 20  # more than what stands is held for
    supervisor.wait(lambda s: s["uptime_s"] > searched, 40, "time to search")
    supervisor.wait(lambda s: "IOC_LOST" in [r["code"] for r in s["reasons"] if r["because"] is None], what="IOC_LOST")
    lost = reason(supervisor, "IOC_LOST")
    assert f"{ioc.address} (2 channels, for " in lost["message"] and lost["since"] == before
    assert [r["code"] for r in supervisor.status()["reasons"]] == ["IOC_LOST"]
    assert ioc.address in supervisor.ctl("hosts").stdout
    with ends(supervisor, "IOC_LOST"):
        ioc.start()
    supervisor.connected(3)


def test_an_ioc_that_is_killed(site):
    ioc, other = site.ioc(ao("a") + ao("b")), site.ioc(ao("c"))
    supervisor = site.supervisor([ioc, other])
    topic = site.topic()
    for name in ("a", "b", "c"):
        supervisor.monitor(name, topic)
    supervisor.connected(3)
    with shown(supervisor, "IOC_LOST", f"{ioc.address} (2 channels, for ", "Start it again", command="epics2kafkactl hosts"):
        ioc.halt()
    with ends(supervisor, "IOC_LOST"):
        ioc.start()


def test_a_channel_that_is_misspelt(site):
    supervisor = site.supervisor([site.ioc(ao("IOC:TEMPERATURE"))])
    topic = site.topic()
    supervisor.monitor("IOC:TEMPERATURE", topic)
    with shown(supervisor, "CHANNELS_NEVER_CONNECTED", "IOC:TEMPRATURE (is IOC:TEMPERATURE meant?)", "Correct the names",
               command="epics2kafkactl channels --state NEVER_CONNECTED"):
        supervisor.monitor("IOC:TEMPRATURE", topic)
    with ends(supervisor, "CHANNELS_NEVER_CONNECTED"):
        supervisor.unset("IOC:TEMPRATURE", topic)


def searching(site, addresses):
    """A supervisor that searches there, without a channel. Its address list is mended by listed()."""
    site.broker.create_topic(site.commands, compacted=True)
    return site.supervisor([], {"epics": {"addr_list": addresses}})


def listed(supervisor, addresses):
    """As an operator mends it."""
    supervisor.settings["epics"]["addr_list"] = addresses
    supervisor.write_config()
    assert supervisor.ctl("reload").returncode == 0


def test_an_address_list_that_is_wrong(site):
    ioc, sink = site.ioc(ao("a")), site.sink()
    supervisor = searching(site, f"127.0.0.1:{sink.port}")
    with shown(supervisor, "NOTHING_CONNECTED", f"Searched at 127.0.0.1:{sink.port}", "no IOC answered", "epics.addr_list",
               command="epics2kafkactl doctor"):
        supervisor.monitor("a", site.topic())
    with ends(supervisor, "NOTHING_CONNECTED"):
        listed(supervisor, ioc.address)
    supervisor.connected(1)


def test_an_address_list_that_is_empty(site):
    ioc = site.ioc(ao("a"))
    supervisor = searching(site, "")
    with shown(supervisor, "NOTHING_CONNECTED", "No address is searched", "set epics.addr_list", command="epics2kafkactl doctor"):
        supervisor.monitor("a", site.topic())
    with ends(supervisor, "NOTHING_CONNECTED"):
        listed(supervisor, ioc.address)


def test_an_address_that_does_not_resolve(site):
    ioc = site.ioc(ao("a"))
    supervisor = searching(site, "no-such-ioc.invalid")
    with shown(supervisor, "ADDRESS_UNRESOLVED", "no-such-ioc.invalid", "epics.addr_list", command="epics2kafkactl status"):
        supervisor.monitor("a", site.topic())
    with ends(supervisor, "ADDRESS_UNRESOLVED"):
        listed(supervisor, ioc.address)
