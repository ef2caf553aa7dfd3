"""Dashboards and rules name metrics, labels and pages that there are; rules fire when they should, and only then."""
import json
import re

import pytest
import yaml

from e2k_support import root_dir
from e2k_support.promtool import judge, promtool

FOLDER = root_dir() / "packaging" / "dashboards"
DOCS = root_dir() / "packaging" / "docs"
needs_promtool = pytest.mark.skipif(promtool() is None, reason="there is no promtool, and no Debian to take one from")


def documented():
    """{metric: its labels}"""
    out = {}
    for name, labels, kind in re.findall(r"^\| `(\w+)(?:\{([^}]*)\})?` \| (\w+) ", (DOCS / "metrics.md").read_text(), re.M):
        out[name] = set(labels.split(",")) - {""}
        if kind == "histogram":
            out[name + "_bucket"] = out[name]
    return out


def rules():
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((FOLDER / "epics2kafka.json").read_text())


def expressions_of_dashboard():
    return [(panel["title"], target["expr"]) for panel in dashboard()["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("where, expression",
                         expressions_of_dashboard() + [(rule["alert"], rule["expr"]) for rule in rules()])
def test_what_is_asked_for_is_documented(where, expression):
    known = documented()
    names = re.findall(r"epics2kafka_\w+", expression)
    assert names or expression.startswith("up{"), where
    for name in names:
        assert name in known, f"{where}: {name}"
    labels = set(re.findall(r"[{,](\w+)=~?\"", expression)) | {
        label.strip() for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in by.split(",")}
    assert labels <= set().union(*(known.get(name, set()) for name in names)) | {"job", "instance"}, where


def test_no_two_panels_lie_upon_each_other_and_each_says_its_unit():
    taken, ids = set(), set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["id"] not in ids
        ids.add(panel["id"])
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_each_rule_says_what_happened_what_to_do_and_where_that_stands():
    codes = re.findall(r"^### (\w+)", (DOCS / "reasons.md").read_text(), re.M)
    for rule in rules():
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert notes["summary"] and notes["description"], rule["alert"]
        pages = [notes["page"]]
        if "{{" in pages[0]:
            pages = [re.sub(r"\{\{.*\}\}", code.lower(), pages[0]) for code in codes]
        for page in pages:
            file, _, anchor = page.partition("#")
            titles = re.findall(r"^#+ (.*)$", (DOCS / file).read_text(), re.M)
            assert not anchor or anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, page


@needs_promtool
def test_the_rules_are_rules_and_fire_when_they_should():
    code, said = judge("check", "rules", FOLDER / "alerts.yaml")
    assert code == 0, said
    code, said = judge("test", "rules", root_dir() / "tests/unit/packaging/alerts_test.yaml")
    assert code == 0, said


def test_every_rule_has_a_case_in_which_it_fires():
    cases = yaml.safe_load((root_dir() / "tests/unit/packaging/alerts_test.yaml").read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in rules()}


@needs_promtool
def test_the_expressions_of_the_dashboard_are_expressions(tmp_path):
    made = [{"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval|\$__range", "1m", expression)}
            for number, (_, expression) in enumerate(expressions_of_dashboard())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": made}]}))
    code, said = judge("check", "rules", tmp_path / "rules.yaml")
    assert code == 0, said


@needs_promtool
def test_the_judge_would_tell(tmp_path):
    (tmp_path / "rules.yaml").write_text("groups: [{name: a, rules: [{alert: A, expr: 'sum by ('}]}]")
    assert judge("check", "rules", tmp_path / "rules.yaml")[0] != 0
