"""The demo from nothing to its results, in small and with scripted verdicts."""

import hashlib
from pathlib import Path

import pytest

from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem
from kernelgym.settings import Settings
from policies.training.demo.progress import Progress
from policies.training.demo.results import Results
from policies.training.demo.story import Size, lessons_of, tell
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.reports import ok_report


def script(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    fast = int(hashlib.sha256(submission.source.encode()).hexdigest(), 16) % 30 + 1
    return ok_report(time_us=float(fast)).model_copy(update={"submission": submission.digest, "problem": problem.id})


def test_processes_share_out_all_runs_and_the_cold_start_is_assessed_with_each_seed(tmp_path: Path) -> None:
    parts = lessons_of(tmp_path, Size())
    lessons = [lesson for part in parts for lesson in part]
    assert sorted((str(lesson.estimator), lesson.seed) for lesson in lessons) == sorted(
        (estimator, seed) for estimator in ("None", "trloo", "grpo_std") for seed in range(3)
    )
    assert len({lesson.output for lesson in lessons}) == 9
    trained = [sum(lesson.estimator is not None for lesson in part) for part in parts]
    assert trained == [3, 3]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    services = Services(settings=Settings.from_environment({}))
    with pytest.raises(BadUsage, match=r"thesis\.tex.*give another --out"):
        tell(tmp_path, Size(), services, Progress())
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.slow
def test_the_story_ends_with_results_of_every_run_and_goes_through_kernelgym_train(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(script)
    services = Services(settings=Settings.from_environment({}), open_evaluator=lambda *_: evaluator)
    size = Size(samples=12, epochs=1, steps=2, group=2, episodes=2, seeds=1, processes=1)
    results = tell(tmp_path / "out", size, services, Progress())
    assert results == Results.model_validate_json((tmp_path / "out" / "results.json").read_text())
    assert [run.estimator for run in results.runs] == [None, "trloo", "grpo_std"]
    assert [len(run.curve) for run in results.runs] == [0, 2, 2]
    assert all(len(run.episodes) == 6 for run in results.runs)
    assert evaluator.closed
    for name in ("trloo", "grpo_std"):
        recipe = (tmp_path / "out" / "runs" / f"{name}-0" / "training" / "recipe.yaml").read_text()
        assert f"estimator: {name}" in recipe
