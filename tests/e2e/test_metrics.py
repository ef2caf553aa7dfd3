"""/metrics of a service that runs, as Prometheus' own judge sees it."""
import re
import time

import pytest

from e2k_support import root_dir
from e2k_support.promtool import judge, promtool
from records import ao


def metrics(supervisor):
    code, headers, body = supervisor.request("GET", "/metrics")
    assert code == 200
    return body.decode()


@pytest.mark.skipif(promtool() is None, reason="there is no promtool, and no Debian to take one from")
def test_prometheus_finds_nothing_wrong_with_them(site):
    supervisor = site.supervisor([site.ioc(ao("a"))])
    topic = site.topic()
    supervisor.monitor("a", topic)
    supervisor.monitor("not:there", topic)
    supervisor.command(("no JSON", "bad"))
    supervisor.settled()
    text = metrics(supervisor)
    assert judge("check", "metrics", stdin=text) == (0, "")
    assert judge("check", "metrics", stdin=text + "and this is none\n")[0] != 0
    documented = set(re.findall(r"^\| `(\w+)", (root_dir() / "packaging/docs/metrics.md").read_text(), re.M))
    assert set(re.findall(r"^# TYPE (\w+)", text, re.M)) == documented
