"""The whole way, for real: every bundled candidate gets the verdict it was written for.

The default lane evaluates those of a few problems of every kind and all demonstrations, the slow lane the others.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import Solution, list_solutions
from rewards import drkernel_paper
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission

SOLUTIONS = list_solutions()
CONFIG = EvalConfig(trace_timeout_s=8.0, replay_timeout_s=60.0)

QUICK = frozenset({
    "core/add_relu", "core/causal_attention", "core/conv2d", "core/histogram", "core/layer_norm_bfloat16",
    "core/matmul_float16", "core/max_pool", "core/scatter_add", "core/segment_cumulative_sum", "core/softmax",
})  # fmt: skip
"""Elementwise, products, reductions, scans, atomics, gathers, half types, control flow."""


def key(solution: Solution) -> str:
    return f"{solution.problem_id}-{solution.name}"


def lanes(values: Sequence[Solution | str]) -> list[Any]:
    """Solutions or problem ids as parameters; those of problems that are not quick are for the slow lane."""
    return [pytest.param(value, marks=() if problem_of(value) in QUICK else pytest.mark.slow) for value in values]


def problem_of(value: Solution | str) -> str:
    return value if isinstance(value, str) else value.problem_id


@pytest.fixture(scope="session")
def reports(evaluator: LocalEvaluator, request: pytest.FixtureRequest) -> dict[str, Report]:
    """The reports of all solutions that a selected test may ask for, evaluated side by side."""
    asked = [item for item in request.session.items if "reports" in getattr(item, "fixturenames", ())]
    problems = set[str]()
    for item in asked:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        problems |= {problem_of(value) for value in parameters.values()} or QUICK
    wanted = [item for item in SOLUTIONS if item.problem_id in problems]
    requests = [(Submission(source=item.source), get_problem(item.problem_id), CONFIG) for item in wanted]
    return {key(wanted[index]): report for index, report in evaluator.evaluate_many(requests)}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("solution", lanes(SOLUTIONS), ids=key)
def test_a_bundled_candidate_gets_the_verdict_it_was_written_for(
    solution: Solution, reports: dict[str, Report]
) -> None:
    report = reports[key(solution)]
    assert report.outcome is solution.expected, report.diagnostics


@pytest.mark.parametrize("solution", lanes([item for item in SOLUTIONS if item.expected is Outcome.OK]), ids=key)
def test_a_correct_candidate_is_verified_at_the_bench_case_and_earns_reward(
    solution: Solution, reports: dict[str, Report]
) -> None:
    report = reports[key(solution)]
    assert report.bench is not None
    assert report.bench.verified
    assert report.speedup is not None
    assert report.speedup > 0
    assert (drkernel_paper(report).value or 0) > 1


@pytest.mark.parametrize("solution", lanes([item for item in SOLUTIONS if item.expected is not Outcome.OK]), ids=key)
def test_a_candidate_that_fails_earns_nothing_and_is_told_why(solution: Solution, reports: dict[str, Report]) -> None:
    report = reports[key(solution)]
    assert drkernel_paper(report).value == 0
    assert report.speedup is None
    assert report.diagnostics[0].message


@cache
def problems_with_a_slow_solution() -> list[str]:
    return sorted({item.problem_id for item in SOLUTIONS if item.name == "slow"})


@pytest.mark.parametrize("problem_id", lanes(problems_with_a_slow_solution()))
def test_the_slow_solution_is_slower_than_the_good_one(problem_id: str, reports: dict[str, Report]) -> None:
    good, slow = reports[f"{problem_id}-correct"], reports[f"{problem_id}-slow"]
    assert slow.speedup is not None
    assert good.speedup is not None
    assert slow.speedup < 0.7 * good.speedup


def test_a_report_survives_json(reports: dict[str, Report]) -> None:
    for report in reports.values():
        assert Report.model_validate_json(report.model_dump_json()) == report
