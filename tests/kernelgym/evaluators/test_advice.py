"""Who follows the advice gets what it promised: the corrected kernel, compiled, run and priced like any other."""

from collections.abc import Iterator

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems.reference_file import make_problem
from sandboxes.contracts import Depth, EvalConfig, Profile, Submission
from tests.kernelgym.evaluators.advised import ADVISED, Advised

pytestmark = pytest.mark.slow

PRICED = EvalConfig(depth=Depth.PRICED)
KEPT = 0.25
"""How far the speedup may be from the promise."""


@pytest.fixture(scope="module")
def evaluator() -> Iterator[LocalEvaluator]:
    with LocalEvaluator() as local:
        yield local


def priced(evaluator: LocalEvaluator, advised: Advised, source: str) -> Profile:
    problem = make_problem("test/advised", advised.problem(), title="advised")
    report = evaluator.evaluate(Submission(source=advised.program(source)), problem, PRICED)
    assert report.estimate is not None, report.diagnostics
    return report.estimate


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: str(advised.remedy))
def test_the_top_advice_keeps_its_promise(evaluator: LocalEvaluator, advised: Advised) -> None:
    flawed = priced(evaluator, advised, advised.flawed)
    best = flawed.counterfactuals[0]
    assert best.remedy is advised.remedy
    assert advised.says in best.text
    corrected = priced(evaluator, advised, advised.corrected)
    promised = flawed.time_us / (flawed.time_us - best.saves_us)
    assert flawed.time_us / corrected.time_us == pytest.approx(promised, rel=KEPT)
    assert promised > 1.1
