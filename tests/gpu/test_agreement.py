"""CPU and GPU agree about every bundled solution and every honest program: verdicts are equal, outputs are alike."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.gpu.agreement import QUICK, RUNNABLE, Subject, Verdicts, both_verdicts, subjects
from benchmarks.gpu.side_by_side import SideBySide
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from sandboxes.devices.cuda.gpu import SIMULATED
from tests.gpu.conftest import Bench

SUBJECTS = subjects(quick=False)
PAIRS = [
    *(pytest.param("auto", subject, marks=pytest.mark.gpu, id=subject.name) for subject in SUBJECTS),
    *(
        pytest.param(SIMULATED, subject, marks=pytest.mark.slow, id=f"simulated {subject.name}")
        for subject in SUBJECTS
        if subject.name in QUICK
    ),
]
on_both = pytest.mark.parametrize(("bench", "subject"), PAIRS, indirect=["bench"])


@pytest.fixture(scope="module")
def verdicts(bench: Bench, request: pytest.FixtureRequest) -> dict[str, Verdicts]:
    """Of all candidates that a selected test asks for on this GPU, evaluated side by side."""
    asked: dict[str, Subject] = {}
    for item in request.session.items:
        parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("bench") == bench.name and "subject" in parameters:
            asked[parameters["subject"].name] = parameters["subject"]
    workers = bench.few(simulated=1, real=max(1, min(8, len(os.sched_getaffinity(0)) // 2)))
    everybody = list(asked.values())
    with LocalEvaluator(gpu=bench.name, workers=workers) as evaluator:
        return {everybody[index].name: found for index, found in both_verdicts(evaluator, everybody, bench.target)}


@pytest.fixture(scope="module")
def both(bench: Bench) -> Iterator[SideBySide]:
    with SideBySide(bench.name, bench.target) as opened:
        yield opened


@pytest.mark.timeout(1200)
@on_both
def test_an_evaluation_ends_alike_on_both_devices(subject: Subject, verdicts: dict[str, Verdicts]) -> None:
    found = verdicts[subject.name]
    assert found.gpu is found.cpu, found.words
    assert found.gpu in subject.expected


@on_both
def test_the_gpu_by_itself_is_of_the_same_opinion_and_outputs_are_alike(
    subject: Subject, verdicts: dict[str, Verdicts], both: SideBySide
) -> None:
    if verdicts[subject.name].cpu not in RUNNABLE:
        pytest.skip("the CPU executor found that it leaves its memory or races; a GPU would not say so")
    opinions = both.compare(subject.submission, get_problem(subject.problem).reference)
    assert opinions.cases > 0
    assert opinions.right_on_gpu == opinions.right_on_cpu
    if opinions.right_on_cpu:
        assert opinions.difference <= 1.0
