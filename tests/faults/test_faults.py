"""The judge finds every seeded fault that an oracle at hidden shapes can see."""

import os
from collections import Counter
from itertools import groupby

import pytest

from rewards.hacks import gate
from sandboxes.contracts import Submission
from sandboxes.pipeline import Pipeline
from tests.faults.catalogue import FAULTS, HIDDEN_SHAPES
from tests.faults.fault import Family
from tests.faults.oracle import Bench, Oracle
from tests.faults.study import CONFIG, Finding, examine, run_study
from tests.faults.table import DOCUMENT, document, stated, table
from tests.tracer import Tracer

QUICK = (
    ("add_relu", "the mask lets one element too many through"),
    ("histogram", "counts are stored instead of added"),
    ("transpose", "the scale runs along the other axis"),
)
"""One out of bounds, one race, one wrong."""


def test_there_are_many_faults_of_every_family_and_each_is_in_its_place_once() -> None:
    assert len(FAULTS) >= 75
    assert {fault.family for fault in FAULTS} == set(Family)
    assert len({(fault.problem, fault.name) for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.source != fault.honest


def test_hidden_shapes_are_no_check_shapes() -> None:
    for fault in FAULTS:
        source = fault.reference.reference.source
        for shape in HIDDEN_SHAPES[fault.problem]:
            words = ", ".join(f"{name}={value}" for name, value in shape.items())
            assert f"dict({words})" not in source


def test_the_documentation_shows_as_many_faults_as_there_are() -> None:
    counts = Counter(str(fault.family) for fault in FAULTS)
    assert stated(DOCUMENT.read_text(encoding="utf-8")) == counts | {"**all**": len(FAULTS)}, "`python -m tests.faults`"


def missed(findings: list[Finding]) -> list[str]:
    return [f"{item.fault.problem}: {item.fault.name} ({item.examined.sight})" for item in findings if item.missed]


def test_a_few_faults_are_seen_by_the_oracle_and_found_by_the_judge(tracer: Tracer) -> None:
    chosen = [fault for fault in FAULTS if (fault.problem, fault.name) in QUICK]
    assert len(chosen) == len(QUICK)
    pipeline, bench = Pipeline(tracer.sandbox, gate), Bench(tracer)
    findings = [
        Finding(
            fault=fault,
            examined=examine(fault, bench, Oracle(bench)),
            report=pipeline.evaluate(Submission(source=fault.source), fault.reference.reference, CONFIG),
        )
        for fault in chosen
    ]
    assert [item.fault.name for item in findings if not item.visible] == []
    assert missed(findings) == []
    summary = document(findings)["summary"]
    assert summary["injected"] == summary["visible"] == summary["caught"] == len(QUICK)
    assert "| race | 1 | 1 | 1 | 0 | race 1 |" in table(findings)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_fault_that_the_oracle_sees_is_missed() -> None:
    findings = run_study(FAULTS, workers=max(2, min(4, len(os.sched_getaffinity(0)))), usual=False)
    assert [item.fault.name for item in findings if item.examined.broken] == []
    assert missed(findings) == []
    visible = [item for item in findings if item.visible]
    assert len(visible) >= 0.9 * len(FAULTS)
    by_family = groupby(sorted(visible, key=lambda item: item.fault.family), key=lambda item: item.fault.family)
    assert {family for family, _ in by_family} == set(Family)
