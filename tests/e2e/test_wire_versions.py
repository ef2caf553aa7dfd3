"""Workers that speak the control messages' version before or after the supervisor's: they are served, taken over and replaced
by handover, and no event tells of it."""
import pytest
from e2k_support import alive, build_dir, wait_for
from records import counter
from test_reload import assert_handed_over
from test_takeover import COUNT, NAMES, more_of, pids

OWN, OTHER = b"0.1.0", b"0.1.9"  # releases


def install(program, made_from, release=OWN):
    """As packages do it: a new file, renamed over the old one."""
    text = made_from.read_bytes()
    assert OWN in text
    made = program.with_name("new")
    made.write_bytes(text.replace(OWN, release))
    made.chmod(0o755)
    made.rename(program)


def versions(supervisor):
    """By slot, what the workers' records say."""
    folder = supervisor.folder / "run" / "epics2kafka" / "workers"
    lines = {slot: (folder / f"{slot}.worker").read_text().splitlines() for slot in pids(supervisor)}
    return {slot: int(line.split()[1]) for slot, text in lines.items() for line in text if line.startswith("control_version ")}


@pytest.mark.parametrize("which, step", [("last", -1), ("next", 1)], ids=["last", "next"])
def test_workers_of_another_version_are_served_and_replaced_without_a_gap(site, which, step):
    other = build_dir() / "bin" / f"worker_of_{which}_version"
    assert other.exists(), f"{other} is not built: build everything, or set E2K_BUILD"
    program = site.folder("inst") / "epics2kafka-worker"
    install(program, other, OTHER)
    supervisor = site.supervisor([site.ioc("".join(counter(name) for name in NAMES))],
                                 {"workers": {"program": str(program)}})
    topic = site.topic()
    supervisor.command(*[(f'{{"topic":"{topic}","channel":"{name}"}}', '{"mask":"v"}') for name in NAMES])
    supervisor.connected(COUNT, 30)
    reader = site.reader(topic)
    more_of(reader, 3)
    before, spoken = pids(supervisor), versions(supervisor)
    for slot in before:
        assert f"worker.of_other_release worker={slot} release=\"{OTHER.decode()}\"" in supervisor.child.text()
    # What is commanded later, and what all are told, reaches them.
    supervisor.monitor(NAMES[0], topic, mask="va")
    wait_for(lambda: supervisor.channel(NAMES[0])[0]["mask"] == "va", 10, "another mask", child=supervisor.child)
    assert supervisor.ctl("pause").returncode == 0
    supervisor.wait(lambda s: s["events"]["waiting"] >= COUNT, 20, "events that wait")
    assert supervisor.ctl("resume").returncode == 0

    install(program, supervisor.program("epics2kafka-worker"))
    done = supervisor.ctl("reload")
    assert done.returncode == 0, done.stderr
    supervisor.wait(lambda s: all(w["state"] == "RUNNING" and w["pid"] != before[w["slot"]] for w in s["workers"]), 30,
                    "workers of the supervisor's own release")
    assert all(f"worker.adopted worker={slot}" in supervisor.child.text() for slot in before)
    assert not any(alive(pid) for pid in before.values())
    own = versions(supervisor)
    assert spoken == {slot: own[slot] + step for slot in before}
    supervisor.connected(COUNT)
    more_of(reader, 3)
    assert_handed_over(reader)
    events = supervisor.status()["events"]
    assert events["lost"] == events["gaps"] == 0
