"""The JSON form holds everything, under names that programs can rely on."""

import json

import pytest

from kernelgym.reports import dump_document, report_document
from rewards import drkernel_paper
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report

DERIVED = {"correct", "reward", "speedup", "coverage", "reward_breakdown"}
EVERY = [ok_report(), ok_report(verified=False)] + [failed_report(o) for o in Outcome if o is not Outcome.OK]


def document(report: Report) -> dict[str, object]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    loaded = json.loads(dump_document(report_document(report, drkernel_paper(report))), parse_constant=refuse)
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("report", EVERY, ids=lambda report: report.outcome)
def test_the_report_can_be_read_back_from_it_unchanged(report: Report) -> None:
    stored = {name: value for name, value in document(report).items() if name not in DERIVED}
    assert Report.model_validate_json(json.dumps(stored)) == report


@pytest.mark.parametrize("report", EVERY, ids=lambda report: report.outcome)
def test_the_names_are_the_same_whatever_the_outcome(report: Report) -> None:
    assert set(document(report)) == set(Report.model_fields) | DERIVED


def test_a_correct_candidate_has_speedup_coverage_and_reward_at_the_top() -> None:
    found = document(ok_report())
    assert (found["outcome"], found["correct"], found["speedup"], found["coverage"]) == ("ok", True, 2.0, 0.8)
    assert found["reward"] == pytest.approx(3.8)


def test_a_failed_one_has_null_for_what_is_not_known() -> None:
    found = document(failed_report(Outcome.SYNTAX_ERROR))
    assert (found["correct"], found["speedup"], found["coverage"], found["reward"]) == (False, None, None, 0.0)


def test_a_lost_one_has_the_reward_null() -> None:
    assert document(failed_report(Outcome.INFRASTRUCTURE))["reward"] is None


def test_without_a_reward_its_fields_are_null_and_empty() -> None:
    found = report_document(ok_report())
    assert found["reward"] is None
    assert found["reward_breakdown"] == []
