"""The bundled candidates get the same verdict on a GPU as on the CPU.

The default lane tries those of a few problems of different kinds, the slow lane some more. That a real GPU agrees is
another matter (`tests/gpu`): this one is the same arithmetic, so what differs is who judges, in which order and memory.
"""

from typing import Any

import pytest

from kernelgym.problems import get_problem
from kernelgym.problems.solutions import Solution, list_solutions
from sandboxes.contracts import EvalConfig, Outcome
from sandboxes.devices.cpu import CpuDevice
from sandboxes.faults import Fault
from sandboxes.trials import Court
from sandboxes.truth_cache import TruthCache
from tests.sandboxes.devices.cuda.programs import Trialled
from tests.tracer import Tracer

CONFIG = EvalConfig()

QUICK = ("core/add_relu",)
SLOW = (
    "core/causal_attention", "core/conv2d", "core/histogram", "core/layer_norm_bfloat16", "core/matmul_float16",
    "core/max_pool", "core/scatter_add", "core/segment_cumulative_sum", "core/softmax",
)  # fmt: skip
SOLUTIONS: list[Any] = [
    pytest.param(solution, marks=marks, id=f"{problem}-{solution.name}")
    for problems, marks in ((QUICK, ()), (SLOW, pytest.mark.slow))
    for problem in problems
    for solution in list_solutions(problem)
    if "/" not in solution.name
]


def verdict(trialled: Trialled, court: Court) -> tuple[Outcome, list[str]]:
    """How the check cases end, and which are wrong."""
    try:
        court.check(trialled.programs, trialled.trials, trialled.program.trace, {})
    except Fault as fault:
        return fault.outcome, [case.case for case in fault.cases if not case.passed]
    return Outcome.OK, []


@pytest.mark.parametrize("solution", SOLUTIONS)
def test_a_bundled_candidate_is_judged_alike_on_either_device(tracer: Tracer, solution: Solution) -> None:
    trialled = Trialled(tracer, solution.source, get_problem(solution.problem_id).reference, config=CONFIG)
    executor = Court(trialled.reference, TruthCache(), CpuDevice(CONFIG.precision), solution.submission, CONFIG)
    found = verdict(trialled, trialled.court)
    if solution.expected is Outcome.MEMORY_ERROR:  # races are what only the executor sees
        assert found[0] in (Outcome.OK, Outcome.INCORRECT)
        return
    assert found[0] is solution.expected
    assert found == verdict(trialled, executor)
