"""An engine in this process tree measures, too: on a simulated GPU, which says so, and only what reaches it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import QueueEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from kernelgym.serving.engines.embedded import EmbeddedEngine
from sandboxes.contracts import EvalConfig, Outcome, Submission

ADD_RELU = get_problem("core/add_relu")
CORRECT = next(each for each in list_solutions() if (each.problem_id, each.name) == ("core/add_relu", "correct"))
MEASURED = EvalConfig(device="cuda", trace_timeout_s=60, measure_timeout_s=0.2)


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    with closing(EmbeddedEngine(1, gpu="simulated")) as engine:
        yield engine


@pytest.mark.slow
def test_what_is_measured_says_by_what_and_what_fails_early_is_never_measured(engine: EmbeddedEngine) -> None:
    evaluator = QueueEvaluator(engine)
    report = evaluator.evaluate(CORRECT.submission, ADD_RELU, MEASURED)
    assert report.outcome is Outcome.OK, report
    assert report.profile is not None
    assert report.profile.measurement is not None
    assert report.profile.measurement.simulated
    failed = evaluator.evaluate(Submission(source="class ModelNew: pass"), ADD_RELU, MEASURED)
    assert failed.outcome is not Outcome.OK
    assert "replay" not in failed.timings_s
    (worker,) = engine.overview().workers
    assert "simulated" in worker.gpu
    assert "simulated" in worker.device
    with pytest.raises(BadUsage, match="target a100, and the GPU here is NVIDIA H200"):
        evaluator.evaluate(CORRECT.submission, ADD_RELU, MEASURED.model_copy(update={"target": "a100"}))


def test_made_up_times_are_not_kept_beside_measured_ones(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="KERNELGYM_GPU=simulated"):
        EmbeddedEngine(1, gpu="simulated", answers=tmp_path / "answers")
