"""A crash loop is over a minute after the last crash: it passes while the other tests run."""
import pathlib

import pytest
from fault import shown
from records import counter

HERE = pathlib.Path(__file__).parent
FIRST, LAST = "test_a_worker_in_a_crash_loop", "test_a_crash_loop_is_over_a_minute_after_the_last_crash"


def pytest_collection_modifyitems(items):
    """Of the faults one is the first, one the last; the order of all others, here and elsewhere, stays."""
    faults = [item for item in items if item.path.parent == HERE]
    at = items.index(faults[0]) if faults else 0
    items[:] = [item for item in items if item.path.parent != HERE]
    items[at:at] = sorted(faults, key=lambda item: (item.name != FIRST) + (item.name == LAST))


@pytest.fixture(scope="session")
def crash_loop(session_site, crashing):
    """A worker that crashed until its channel was set aside, and when it ceased to."""
    topic = session_site.topic("bomb")
    supervisor = session_site.supervisor([session_site.ioc(counter("bomb"))], {
        "workers": {"count": 1}, "value": {"converter": crashing, "options": {"crash.on": "bomb"}}})
    with shown(supervisor, "WORKER_CRASHING", "worker 0 died ", " times within ", "SIGABRT", f"publish: {topic}/bomb",
               "CHANNEL_QUARANTINED", command="epics2kafkactl workers", beside=["CHANNEL_QUARANTINED", "WORKER_FAILING", "EVENTS_LOST"]):
        supervisor.monitor("bomb", topic)
    supervisor.wait(lambda s: s["channels"]["quarantined"] == 1, 60, "bomb in quarantine")
    return supervisor
