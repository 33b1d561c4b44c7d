"""This system as a judge, and the judges of others."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.hackbench import KernelGymJudge, Layer, Program, Verdict, layer_of, load_corpus, load_judge
from sandboxes.contracts import Finding, Outcome, Severity, Stage
from tests.kernelgym.hackbench.programs import corpus
from tests.reports import failed_report, ok_report


class Generous:
    """Accepts everything."""

    def judge(self, programs: Sequence[Program]) -> Iterator[tuple[int, Verdict]]:
        yield from ((index, Verdict(accepted=True, by="nobody")) for index in range(len(programs)))


def needs_an_argument(argument: str) -> None:
    raise AssertionError(argument)


def judged(programs: Sequence[Program], evaluator: ScriptedEvaluator) -> list[Verdict]:
    verdicts = dict(KernelGymJudge(evaluator, "h200").judge(programs))
    return [verdicts[index] for index in range(len(programs))]


def test_a_verdict_has_the_outcome_the_layer_the_reward_and_what_only_warned(tmp_path: Path) -> None:
    programs = load_corpus(corpus(tmp_path)).programs
    warning = Finding(rule="dead_launch", severity=Severity.WARN, evidence="the results of `k` are not used")
    reports = {program.submission.digest: ok_report() for program in programs}
    reports[programs[0].submission.digest] = failed_report(Outcome.HACK)
    reports[programs[1].submission.digest] = ok_report().model_copy(update={"findings": (warning, warning)})
    first, second, *others = judged(programs, ScriptedEvaluator(reports))
    assert (first.accepted, first.outcome, first.by) == (False, "hack", Layer.GATE)
    assert (first.reward, first.warnings) == (0.0, ())
    assert (second.accepted, second.by, second.warnings) == (True, Layer.PRICE, ("dead_launch",))
    assert all(other.reward is not None and other.reward > 0 for other in others)


def test_candidates_are_judged_as_they_are_for_the_target_that_was_asked_for(tmp_path: Path) -> None:
    programs = load_corpus(corpus(tmp_path)).programs
    evaluator = ScriptedEvaluator({program.submission.digest: ok_report() for program in programs})
    judged(programs, evaluator)
    assert [submission.source for submission, _, _ in evaluator.requests] == [program.source for program in programs]
    assert {(problem.id, config.target) for _, problem, config in evaluator.requests} == {("core/softmax", "h200")}


def test_an_evaluation_that_infrastructure_lost_is_no_verdict(tmp_path: Path) -> None:
    programs = load_corpus(corpus(tmp_path)).programs
    assert all(verdict.lost and verdict.reward is None for verdict in judged(programs, ScriptedEvaluator({})))


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_every_outcome_belongs_to_a_layer(outcome: Outcome) -> None:
    assert layer_of(failed_report(outcome)) in Layer


@pytest.mark.parametrize(
    ("stage", "layer"),
    [
        (Stage.TRACE, Layer.SANDBOX),
        (Stage.VERIFY, Layer.VALIDATION),
        (Stage.COMPILE, Layer.COMPILER),
        (Stage.REPLAY, Layer.EXECUTOR),
    ],
)
def test_what_can_happen_at_any_stage_belongs_to_the_layer_of_its_stage(stage: Stage, layer: Layer) -> None:
    report = failed_report(Outcome.TIMEOUT)
    diagnostic = report.diagnostics[0].model_copy(update={"stage": stage})
    assert layer_of(report.model_copy(update={"diagnostics": (diagnostic,)})) is layer


def test_a_judge_of_ones_own_is_what_a_name_makes() -> None:
    assert isinstance(load_judge(f"{__name__}:Generous"), Generous)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_module:judge", "ModuleNotFoundError"),
        (f"{__name__}:Strict", "AttributeError"),
        (f"{__name__}:needs_an_argument", "TypeError"),
        ("", "ValueError"),
    ],
)
def test_a_judge_that_can_not_be_made_is_an_error_with_its_reason(path: str, reason: str) -> None:
    with pytest.raises(BadUsage, match=rf"no judge can be made of .*\({reason}.*give package\.module:function"):
        load_judge(path)


def test_a_judge_may_lie_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "judge_next_to_me.py").write_text(f"from {__name__} import Generous as Mine\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    assert isinstance(load_judge("judge_next_to_me:Mine"), Generous)


def test_what_can_not_judge_is_no_judge() -> None:
    with pytest.raises(BadUsage, match="makes a Fraction, which has no method"):
        load_judge("fractions:Fraction")
