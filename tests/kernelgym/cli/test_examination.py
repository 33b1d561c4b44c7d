"""The doctor says what works and whether that is enough."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kernelgym.cli import app, examination
from kernelgym.cli.examination import TESTED, Group, Row, can_evaluate
from kernelgym.cli.services import Services
from kernelgym.settings import Settings
from sandboxes.capability import Capability
from sandboxes.errors import DetectorBroken

ROOT = Path(__file__).resolve().parents[3]


def row(name: str, works: bool, *, fatal: bool = False) -> Row:
    return Row(Group.SANDBOXES, Capability(name=name, works=works, detail="seen", remedy="do this"), fatal)


COMPILER, PROCESS, BUBBLEWRAP = row("compile for h200", True), row("process", True), row("bubblewrap", True)


@pytest.mark.parametrize(
    ("rows", "able"),
    [
        ([COMPILER, PROCESS, BUBBLEWRAP], True),
        ([COMPILER, PROCESS, row("bubblewrap", False)], True),
        ([COMPILER, row("process", False), BUBBLEWRAP], True),
        ([COMPILER, row("process", False), row("bubblewrap", False)], False),
        ([row("compile for h200", False, fatal=True), PROCESS, BUBBLEWRAP], False),
        ([COMPILER, PROCESS, row("GPU", False)], True),
    ],
)
def test_one_sandbox_and_the_default_targets_compiler_are_enough(rows: list[Row], able: bool) -> None:
    assert can_evaluate(rows) is able


def test_a_package_with_a_broken_detector_keeps_candidates_from_being_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise DetectorBroken("the detector `acme_rule` of acme 1.0 can't be loaded (KeyError); repair or uninstall it")

    monkeypatch.setattr(examination, "list_detectors", fail)
    broken = next(row for row in examination.examine("h200") if row.group is Group.DETECTORS)
    assert not can_evaluate([COMPILER, PROCESS, broken])
    assert "`acme_rule` of acme 1.0" in broken.capability.detail
    assert broken.capability.remedy == "repair or uninstall it"


def test_the_tested_versions_are_those_of_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, (low, high) in TESTED.items():
        assert f"{name}>={low[0]}.{low[1]},<{high[0]}.{high[1]}" in project["dependencies"]


def doctor(monkeypatch: pytest.MonkeyPatch, rows: list[Row], *arguments: str) -> Any:
    monkeypatch.setattr(examination, "examine", lambda target: rows)
    services = Services(settings=Settings())
    return CliRunner().invoke(app, ["doctor", *arguments], obj=services, catch_exceptions=False)


def test_an_able_machine_ends_with_zero_and_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, [COMPILER, PROCESS, row("bubblewrap", False)])
    assert result.exit_code == 0
    assert "kernelgym evaluate" in result.stdout
    assert "→ do this" in result.stdout, "what does not work comes with a remedy"
    assert result.stdout.count("→") == 1, "what works needs none"


def test_what_a_sandbox_does_not_cover_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Capability(name="process", works=True, detail="seen", gaps=("signals: it can signal", "files: it can read"))
    rows = [COMPILER, Row(Group.SANDBOXES, weak)]
    shown = doctor(monkeypatch, rows).stdout
    assert "does not cover signals: it can signal" in shown
    assert "does not cover files: it can read" in shown
    assert json.loads(doctor(monkeypatch, rows, "--json").stdout)["rows"][1]["gaps"] == list(weak.gaps)


def test_an_unable_machine_ends_with_three_and_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, [row("compile for h200", False, fatal=True), PROCESS])
    assert result.exit_code == 3
    assert "can't be evaluated here" in result.stdout


def test_json_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(doctor(monkeypatch, [COMPILER, PROCESS], "--json").stdout)
    assert found["ok"] is True
    assert set(found["rows"][0]) == {"group", "name", "works", "needed", "detail", "gaps", "remedy"}


def test_this_machine_is_examined_in_a_few_seconds() -> None:
    rows = examination.examine("h200")
    assert {"python", "torch", "triton", "bubblewrap", "process", "compile for h200", "GPU"} <= {
        row.capability.name for row in rows
    }
    broken = [row.capability for row in rows if not row.capability.works]
    assert all(capability.remedy for capability in broken), broken
    assert all(re.search(r"\S", row.capability.detail) for row in rows)
