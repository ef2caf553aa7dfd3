"""Channels that end workers are found and set aside; their neighbours are served."""
import os
import signal

from e2k_support import wait_for
from records import ao, counter


def harm(converter, folder, **options):
    switch = folder / "harm"
    switch.write_text("on")
    named = {"crash." + name: value for name, value in options.items()}
    return switch, {"converter": converter, "options": {**named, "crash.while": str(switch)}}


def reasons(status, code):
    return [reason["message"] for reason in status["reasons"] if reason["code"] == code]


def quarantined(supervisor, name, timeout=60):
    def holds():
        entries = supervisor.channel(name)
        return entries and all(entry["state"] == "QUARANTINED" for entry in entries) and entries
    return wait_for(holds, timeout, f"{name} in quarantine", poll=0.1, child=supervisor.child)


def restarts(supervisor):
    return sum(worker["restarts"] for worker in supervisor.workers())


def more_of(reader, names, number=10, timeout=20):
    before = {name: len(reader.of(name)) for name in names}
    for name in names:
        reader.until(lambda _, name=name: len(reader.of(name)) > before[name] + number, timeout, f"more of {name}")


def test_a_channel_over_which_the_converter_crashes_is_set_aside_until_a_retry(site, crashing):
    names = [f"c{number}" for number in range(6)]
    ioc = site.ioc("".join(counter(name) for name in [*names, "bomb"]))
    topic = site.topic()
    switch, value = harm(crashing, site.folder("harm"), on="bomb")
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": value})
    for name in [*names, "bomb"]:
        supervisor.monitor(name, topic)
    (entry,) = quarantined(supervisor, "bomb")
    assert "SIGABRT" in entry["reason"] and "publish" in entry["reason"] and "generation 1" in entry["reason"]
    assert "retry" in entry["reason"]
    status = supervisor.connected(len(names))
    assert status["channels"]["quarantined"] == 1 and restarts(supervisor) <= 4
    (message,) = reasons(status, "CHANNEL_QUARANTINED")
    assert "bomb" in message and "SIGABRT" in message and "epics2kafkactl retry" in message
    assert [item["channel"] for item in supervisor.get("/channels?state=QUARANTINED")["items"]] == ["bomb"]
    listed = supervisor.ctl("channels", "--state", "quarantined")
    assert listed.returncode == 0 and "bomb" in listed.stdout and "c0" not in listed.stdout
    assert "SIGABRT" in supervisor.ctl("channel", "bomb").stdout
    reader = site.reader(topic)
    before = restarts(supervisor)
    more_of(reader, names)
    assert restarts(supervisor) == before

    # It outlives the supervisor, with its evidence, and so does what was received and waits.
    waiting = supervisor.channel("bomb")[0]["waiting"]
    assert waiting > 0
    supervisor.halt()
    supervisor.start()
    supervisor.ready()
    supervisor.connected(len(names))
    (entry,) = supervisor.channel("bomb")
    assert entry["state"] == "QUARANTINED" and "generation 1" in entry["reason"] and entry["waiting"] == waiting
    more_of(reader, names)
    assert restarts(supervisor) == 0

    switch.unlink()
    assert supervisor.ctl("retry", "bomb").returncode == 0
    status = supervisor.connected(len(names) + 1)
    assert not reasons(status, "CHANNEL_QUARANTINED") and status["channels"]["quarantined"] == 0
    reader.until(lambda _: len(reader.of("bomb")) > waiting + 10, 20, "what waited, and more")
    values = [float(record.value) for record in reader.of("bomb") if record.value]
    assert values == sorted(values)
    assert supervisor.channel("bomb")[0]["last_loss"]["reason"] == "killed_worker"
    assert restarts(supervisor) == 0


def test_a_new_command_ends_the_quarantine(site, crashing):
    ioc = site.ioc(counter("bomb") + ao("a"))
    topic = site.topic()
    switch, value = harm(crashing, site.folder("harm"), on="bomb")
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": value})
    supervisor.monitor("a", topic)
    supervisor.monitor("bomb", topic)
    quarantined(supervisor, "bomb")
    switch.unlink()
    supervisor.monitor("bomb", topic, "v")
    supervisor.connected(2)
    assert not reasons(supervisor.status(), "CHANNEL_QUARANTINED")


def test_one_poisoned_record_is_lost_and_its_channel_goes_on(site, crashing):
    ioc = site.ioc(ao("poisoned") + counter("c"))
    ioc.put("poisoned", 1)
    topic = site.topic()
    _, value = harm(crashing, site.folder("harm"), on="poisoned", value="13")
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": value})
    supervisor.monitor("poisoned", topic)
    supervisor.monitor("c", topic)
    supervisor.connected(2)
    ioc.put("poisoned", 13)
    wait_for(lambda: supervisor.channel("poisoned")[0]["lost"] == 1, 30, "the loss", poll=0.1, child=supervisor.child)
    entry = supervisor.channel("poisoned")[0]
    assert entry["last_loss"]["reason"] == "killed_worker"
    supervisor.connected(2)
    ioc.put("poisoned", 14)
    reader = site.reader(topic)
    reader.until(lambda _: any(record.value == b"14" for record in reader.of("poisoned")), 20, "the next event")
    status = supervisor.status()
    assert restarts(supervisor) == 2 and status["channels"]["quarantined"] == 0
    assert not any(record.value == b"13" for record in reader.of("poisoned"))


def test_a_worker_that_crashes_again_and_again_is_told_with_how_often_and_over_what(site, crashing):
    ioc = site.ioc(counter("bomb"))
    topic = site.topic()
    _, value = harm(crashing, site.folder("harm"), on="bomb")
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": value})
    supervisor.monitor("bomb", topic)
    status = supervisor.wait(lambda s: reasons(s, "WORKER_CRASHING"), 30, "WORKER_CRASHING")
    (message,) = reasons(status, "WORKER_CRASHING")
    assert "worker 0 died" in message and "SIGABRT" in message and f"publish: {topic}/bomb" in message


def test_a_channel_of_whose_crashes_nothing_is_recorded_is_searched_for(site, crashing):
    names = [f"c{number}" for number in range(40)]
    ioc = site.ioc("".join(counter(name) for name in [*names, "bomb"]))
    topic = site.topic()
    _, value = harm(crashing, site.folder("harm"), on="bomb", how="thread")
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}, "value": value})
    for name in [*names, "bomb"]:
        supervisor.monitor(name, topic)
    (entry,) = quarantined(supervisor, "bomb", 90)
    assert "SIGABRT" in entry["reason"] and "whenever it was served" in entry["reason"]
    assert restarts(supervisor) <= 14
    status = supervisor.connected(len(names))
    assert status["channels"]["quarantined"] == 1
    more_of(site.reader(topic), names, 5)


def test_what_somebody_kills_is_nobodys_fault(site):
    ioc = site.ioc("".join(counter(f"c{number}") for number in range(4)))
    topic = site.topic()
    supervisor = site.supervisor([ioc], {"workers": {"count": 1}})
    for number in range(4):
        supervisor.monitor(f"c{number}", topic)
    for _ in range(3):
        supervisor.connected(4)
        (worker,) = supervisor.workers()
        os.kill(worker["pid"], signal.SIGKILL)
        supervisor.wait(lambda s, pid=worker["pid"]: s["workers"][0]["pid"] not in (0, pid), 20, "another worker")
    assert supervisor.connected(4)["channels"]["quarantined"] == 0
