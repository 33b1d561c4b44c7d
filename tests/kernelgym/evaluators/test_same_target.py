"""A target's name means the same numbers to whoever asks and to whoever answers, or nobody answers."""

from pathlib import Path

import pytest

import kernelgym
from kernelgym.errors import BadUsage
from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.messages import Job
from kernelgym.evaluators.same_target import OtherTarget, check_same_target
from kernelgym.problems import get_problem
from sandboxes.contracts import EvalConfig, Submission
from sandboxes.hardware.targets import TARGETS, VARIABLE, UnknownTarget

SOFTMAX = get_problem("core/softmax")
SOLUTIONS = Path(kernelgym.__file__).parent / "problems/core/solutions"
SLOW_H100 = "name: mine\ntitle: Mine\nextends: h100\ndram_gb_per_s: 500\n"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TARGETS, "_full", False)
    monkeypatch.setattr(TARGETS, "_found", {})
    monkeypatch.delenv(VARIABLE, raising=False)


def job(target: str = "h200") -> Job:
    config = EvalConfig(target=target)
    return Job(submission=Submission(source="x = 1"), reference=SOFTMAX.reference, config=config)


def test_the_same_target_is_answered_for() -> None:
    check_same_target(job())


def test_other_numbers_are_refused_with_what_to_do() -> None:
    changed = job().model_copy(update={"target_digest": "0" * 16})
    with pytest.raises(OtherTarget, match=r"`h200` has other numbers \(0{16}\) .*KERNELGYM_TARGETS files"):
        check_same_target(changed)


def test_a_name_that_meant_nothing_where_it_was_asked_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job("mine")
    with pytest.raises(UnknownTarget):
        check_same_target(asked)
    (tmp_path / "mine.yaml").write_text(SLOW_H100)
    TARGETS.add_file(tmp_path / "mine.yaml")
    check_same_target(job("mine"))
    with pytest.raises(OtherTarget, match="no meaning"):
        check_same_target(asked)


@pytest.mark.slow
def test_workers_know_the_files_of_who_starts_them_and_refuse_what_was_changed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SLOW_H100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "mine.yaml")  # relative: workers are somewhere else
    solution = Submission(source=(SOLUTIONS / "softmax" / "correct.py").read_text())
    config = EvalConfig(target="mine", seed=7)
    with LocalEvaluator(sandbox="process") as evaluator:
        mine = evaluator.evaluate(solution, SOFTMAX, config)
        h100 = evaluator.evaluate(solution, SOFTMAX, EvalConfig(target="h100", seed=7))
        assert mine.profile is not None
        assert h100.profile is not None
        assert mine.profile.time_us > 3 * h100.profile.time_us
        assert mine.profile.device == "Mine"
        path.write_text(SLOW_H100.replace("500", "600"))
        monkeypatch.setattr(TARGETS, "_full", False)
        monkeypatch.setattr(TARGETS, "_found", {})
        with pytest.raises(BadUsage, match="`mine` has other numbers"):
            evaluator.evaluate(solution, SOFTMAX, config)
