"""The dashboard and the alerts name what is exported, and the runbook has what the alerts point at."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kernelgym.serving.telemetry.overviews import busy_overview

pytest.importorskip("prometheus_client", reason="needs the extra serve")
from prometheus_client.parser import text_string_to_metric_families

from kernelgym.serving.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[4]
DASHBOARD = json.loads((ROOT / "docker/grafana/dashboard.json").read_text(encoding="utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "docker/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())] + [
    rule["expr"] for rule in RULES
]
LABELS_OF_PROMETHEUS = {"job", "instance"}


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Names of all samples, each with its labels."""
    metrics = Metrics(busy_overview)
    metrics.answered("/v1/jobs", "POST", 200, 0.01)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    for name, labels in re.findall(r"\b((?:kernelgym|process)_[a-z_]+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", labels))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_that_is_asked_for_is_exported(expression: str, exported: dict[str, set[str]]) -> None:
    asked = list(selectors(expression))
    assert asked
    for name, labels in asked:
        assert name in exported, name
        assert labels - LABELS_OF_PROMETHEUS <= exported[name], name
    grouped = {
        label.strip() for group in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for label in group.split(",")
    }
    assert grouped - LABELS_OF_PROMETHEUS <= set().union(*(exported[name] for name, _ in asked))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_every_replica_shows_is_never_added_up_over_replicas(expression: str) -> None:
    for name, _ in selectors(expression):
        if not name.startswith(("kernelgym_http_", "process_")):
            before = expression[: expression.index(name)]
            assert re.search(r"(max|min)( by \([^)]*\))? \((\w+\()?$|(max|min|absent)\((\w+\()?$", before), name


def test_the_dashboard_can_be_imported_anywhere_and_shows_what_it_promises() -> None:
    variables = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"] == "datasource"
    sources = re.findall(r'"uid": "([^"]*)"', json.dumps(DASHBOARD["panels"]))
    assert set(sources) == {"${datasource}"}
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Traffic", "Queues", "Latency", "Outcomes", "Faults"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_do_not_lie_on_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
                assert x < 24


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_points_at_a_part_of_the_runbook(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert anchor in anchors
